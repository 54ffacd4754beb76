//! A day as a picture: how much was written to each side, and below it whether the cycles went
//! well. Drawn with attributes only, so that no style has to be allowed; the numbers stand beside
//! it for those who can't see it.

use maud::{Markup, html};
use model::{Side, Sides, Timestamp};

use crate::tally::{Counts, SLOTS, slot};
use crate::text::counted;

/// A bar with its gap.
const STEP: usize = 15;
const BAR: usize = 11;
const HEIGHT: u64 = 110;
/// The strip of cycles, below.
const STRIP: u64 = 126;
const WIDTH: usize = STEP * SLOTS;

/// What is drawn of half an hour.
#[derive(Clone, Copy, Default)]
struct Column {
    written: Sides<u64>,
    fine: u64,
    failed: u64,
}

/// The chart, and its numbers.
pub(super) fn draw(written: &[(Timestamp, Sides<u64>)], counts: &Counts, now: Timestamp) -> Markup {
    let columns = columns(written, counts, slot(now));
    let sum = |side: Side| columns.iter().map(|column| column.written[side]).sum::<u64>();
    let (left, right) = (sum(Side::Left), sum(Side::Right));
    let failed: u64 = columns.iter().map(|column| column.failed).sum();
    let cycles: u64 = columns.iter().map(|column| column.fine).sum::<u64>() + failed;
    let most = columns.iter().map(|c| c.written.left + c.written.right).max().unwrap_or(0);
    let label = format!(
        "In the last 24 hours: {} to the left, {right} to the right; {}, {failed} not well.",
        counted(left, "change"),
        counted(cycles, "cycle")
    );
    html! {
        figure.chart {
            svg viewBox={ "0 0 " (WIDTH) " 150" } role="img" aria-label=(label)
                preserveAspectRatio="none" {
                @for line in [0, 1, 2] {
                    line.grid x1="0" x2=(WIDTH) y1=(8 + line * (HEIGHT - 8) / 2)
                        y2=(8 + line * (HEIGHT - 8) / 2) {}
                }
                @for (at, column) in columns.iter().enumerate() { (bar(at, *column, most)) }
            }
            div.axis aria-hidden="true" {
                span { "24 hours ago" } span { "12 hours ago" } span { "now" }
            }
            figcaption {
                span.key.left { (left) " to the left" }
                span.key.right { (right) " to the right" }
                span.key.fine { (counted(cycles - failed, "cycle")) " fine" }
                span.key.failed { (failed) " not" }
                @if most > 0 { span.quiet { "at most " (most) " in half an hour" } }
            }
        }
    }
}

fn bar(at: usize, column: Column, most: u64) -> Markup {
    let scaled = |number: u64| {
        let height = (number * (HEIGHT - 8)).checked_div(most).unwrap_or(0);
        if number > 0 { height.max(2) } else { 0 }
    };
    let (left, right) = (scaled(column.written.left), scaled(column.written.right));
    let x = at * STEP + 2;
    let strip = match (column.fine, column.failed) {
        (0, 0) => "none",
        (_, 0) => "fine",
        (0, _) => "failed",
        (_, _) => "mixed",
    };
    html! {
        @if left > 0 {
            rect.left x=(x) y=(HEIGHT.saturating_sub(left)) width=(BAR) height=(left) rx="2" {}
        }
        @if right > 0 {
            rect.right x=(x) y=(HEIGHT.saturating_sub(left + right)) width=(BAR) height=(right)
                rx="2" {}
        }
        rect class=(strip) x=(x) y=(STRIP) width=(BAR) height="10" rx="2" {}
    }
}

fn columns(written: &[(Timestamp, Sides<u64>)], counts: &Counts, last: i64) -> [Column; SLOTS] {
    let mut columns = [Column::default(); SLOTS];
    let first = last - (SLOTS as i64 - 1);
    let place = |number: i64| usize::try_from(number - first).ok().filter(|at| *at < SLOTS);
    for (at, sides) in written {
        if let Some(at) = place(slot(*at)) {
            for side in Side::BOTH {
                columns[at].written[side] += sides[side];
            }
        }
    }
    for slot in &counts.slots {
        if let Some(at) = place(slot.number) {
            columns[at].fine += slot.fine;
            columns[at].failed += slot.failed;
        }
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tally::SLOT;

    #[test]
    fn what_was_written_stands_where_it_was() {
        let now = Timestamp::from_second(1_767_323_045).unwrap();
        let written = [
            (now, Sides::new(1, 2)),
            (now - SLOT * 47, Sides::new(3, 0)),
            (now - SLOT * 48, Sides::new(9, 9)),
        ];
        let columns = columns(&written, &Counts::default(), slot(now));
        let of = |at: usize| (columns[at].written.left, columns[at].written.right);
        assert_eq!((of(0), of(46), of(47)), ((3, 0), (0, 0), (1, 2)), "older is not drawn");
        let text = draw(&written, &Counts::default(), now).into_string();
        assert!(text.contains("4 changes to the left, 2 to the right"), "{text}");
    }
}
