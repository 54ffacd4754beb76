//! `subject`: one line of text, nothing for an empty one. Of one that is too long the beginning is
//! written, with a sign that it goes on; [`crate::kept`] remembers the rest.

use model::{Event, Redacted};
use serde_json::Value;

use super::Body;
use crate::row::Row;

/// What Exchange keeps of a subject, in characters.
const LONGEST: usize = 255;

/// What shows that a title goes on elsewhere.
const CUT: char = '…';

pub(super) fn read(row: &Row) -> Option<Redacted<String>> {
    let text = row.text("subject")?.replace("\r\n", "\n");
    let text = text.trim();
    (!text.is_empty()).then(|| text.into())
}

pub(super) fn write(event: &Event, patch: &mut Body) {
    let title = event.title.as_ref().map(|title| title.expose().as_str()).unwrap_or_default();
    patch.insert("subject".to_owned(), Value::from(shown(title)));
}

/// A title as Outlook shows it.
fn shown(title: &str) -> String {
    let line = in_one_line(title);
    if line.encode_utf16().count() <= LONGEST {
        return line;
    }
    let mut used = CUT.len_utf16();
    let fits = line.chars().take_while(|c| {
        used += c.len_utf16();
        used <= LONGEST
    });
    fits.chain([CUT]).collect()
}

fn in_one_line(title: &str) -> String {
    let lines = title.split(['\r', '\n']).map(str::trim).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join(" ")
}

/// A title that somebody changed in Outlook, with what Outlook did not show of the `exact` one: who
/// edits the beginning says nothing about the rest, who takes the sign away takes the rest away.
/// `None` where all of it was shown, or the sign is gone.
// quirk: microsoft-76
pub(crate) fn with_rest(now: &str, exact: &str) -> Option<String> {
    let (line, shown) = (in_one_line(exact), shown(exact));
    let rest = line.strip_prefix(shown.strip_suffix(CUT)?).filter(|_| shown != line)?;
    Some(format!("{}{rest}", now.trim_end().strip_suffix(CUT)?))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{event, round_trip, written};
    use super::*;
    use model::Field;
    use serde_json::json;

    #[test]
    fn a_subject_goes_both_ways() {
        let read = round_trip(Field::Title, json!({"subject": "👩‍👧 <b>x</b>; \\n"}));
        assert_eq!(read.title.unwrap().expose(), "👩‍👧 <b>x</b>; \\n");
        for none in [json!({"subject": null}), json!({"subject": ""}), json!({})] {
            assert_eq!(round_trip(Field::Title, none).title, None);
        }
    }

    #[test]
    fn what_is_too_long_or_of_several_lines_is_cut_and_joined() {
        let mut event = event(json!({}));
        event.title = Some("one\ntwo".into());
        assert_eq!(written(Field::Title, &event), json!({"subject": "one two"}));
        event.title = Some("👩".repeat(200).as_str().into());
        let keys = written(Field::Title, &event);
        let cut = keys["subject"].as_str().unwrap();
        assert_eq!((cut.encode_utf16().count(), cut.chars().last()), (255, Some(CUT)));
        event.title = Some("x".repeat(255).as_str().into());
        assert_eq!(written(Field::Title, &event)["subject"].as_str().unwrap(), "x".repeat(255));
    }

    // quirk: microsoft-76
    #[test]
    fn who_edits_the_beginning_says_nothing_about_the_rest() {
        let long = format!("Lunch\nwith {}", "x".repeat(300));
        let told = shown(&long);
        let edited = told.replace("Lunch", "Dinner");
        let rest = "x".repeat(300);
        assert_eq!(with_rest(&edited, &long), Some(format!("Dinner with {rest}")));
        assert_eq!(with_rest("Dinner", &long), None);
        assert_eq!(with_rest("Dinner…", "Lunch…"), None, "all of it was shown");
    }
}
