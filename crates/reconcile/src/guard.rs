//! Halts what looks like a catastrophe: a side that was emptied, a plan full of deletions. Small
//! clean-ups and calendars emptied on both sides pass (then nothing is left to delete).

use model::{Side, Sides};

use crate::plan::Halt;
use crate::policy::Limits;
use crate::touched::Totals;

/// Why nothing may be carried out, if so: what the plan deletes on both sides together. The side
/// with more deletions is named.
pub(crate) fn guard(limits: &Limits, totals: &Totals) -> Option<Halt> {
    let Sides { left, right } = totals.deletions;
    let on = if right > left { Side::Right } else { Side::Left };
    let of = totals.series[on];
    let all = left.saturating_add(right);
    let many = all >= Limits::PERCENT_FROM;
    let over_percent = many && percent(all) > of.saturating_mul(limits.delete_percent);
    let emptied = many && all >= of;
    let halts = all > limits.deletes || over_percent || emptied;
    halts.then_some(Halt::Deletions { on, count: totals.deletions[on], of })
}

const fn percent(count: u64) -> u64 {
    count.saturating_mul(100)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(deletions: u64, of: u64, limits: Limits, halts: bool) {
        let (series, deletions) = (Sides::new(1000, of), Sides::new(0, deletions));
        let totals = Totals { series, deletions, ..Totals::default() };
        let halt = guard(&limits, &totals);
        assert_eq!(halt.is_some(), halts, "{deletions:?} of {of}: {halt:?}");
        let (series, deletions) = (series.swapped(), deletions.swapped());
        let mirrored = Totals { series, deletions, ..Totals::default() };
        assert_eq!(guard(&limits, &mirrored).is_some(), halts);
    }

    #[test]
    fn limits_hold_and_small_clean_ups_pass() {
        let limits = Limits::default();
        check(0, 0, limits, false);
        check(3, 3, limits, false); // P08: somebody deletes the last three events
        check(4, 4, limits, false);
        check(5, 5, limits, true); // five of five is an emptied side
        check(5, 20, limits, false); // a quarter is not over a quarter
        check(6, 20, limits, true);
        check(20, 1000, limits, false);
        check(21, 1000, limits, true);
        check(300, 300, limits, true); // P07: an empty listing
    }

    #[test]
    fn what_is_deleted_on_both_sides_counts_together() {
        let halt = |left, right| {
            let (series, deletions) = (Sides::new(100, 100), Sides::new(left, right));
            let totals = Totals { series, deletions, ..Totals::default() };
            guard(&Limits::default(), &totals).map(|halt| halt.to_string())
        };
        assert_eq!(halt(10, 10), None);
        assert_eq!(halt(10, 11).as_deref(), Some("11 deletions on right of 100"));
        assert_eq!(halt(11, 10).as_deref(), Some("11 deletions on left of 100"));
    }

    #[test]
    fn an_emptied_side_halts_whatever_the_limits() {
        let generous = Limits { deletes: u64::MAX, delete_percent: 100 };
        check(300, 300, generous, true);
        check(299, 300, generous, false);
        check(4, 4, generous, false);
    }

    #[test]
    fn no_limits_mean_no_deletions() {
        check(1, 100, Limits { deletes: 0, delete_percent: 25 }, true);
    }

    #[test]
    fn a_halt_says_what_would_be_deleted() {
        let (series, deletions) = (Sides::new(120, 120), Sides::new(1, 37));
        let totals = Totals { series, deletions, ..Totals::default() };
        let halt = guard(&Limits::default(), &totals).unwrap();
        assert_eq!(halt.to_string(), "37 deletions on right of 120");
        let one = Halt::Deletions { on: Side::Left, count: 1, of: 1 };
        assert_eq!(one.to_string(), "1 deletion on left of 1");
    }
}
