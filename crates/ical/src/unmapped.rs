//! What a text says of a mapped field that no series says, and so nobody is told elsewhere.

use std::collections::BTreeSet;

use model::Field;

use crate::fields;
use crate::read::events;
use crate::tree::{Component, Document};

/// What a calendar elsewhere shows otherwise of this text, because it can't be told: the field and
/// how it looks there. Nothing of a text that can't be read.
pub fn unmapped(raw: &[u8]) -> BTreeSet<(Field, &'static str)> {
    let Ok(document) = Document::parse(raw) else { return BTreeSet::new() };
    let mut found = BTreeSet::new();
    for event in events(&document) {
        for alarm in event.components().filter(|part| fields::is_reminder(part)) {
            let says = |name: &str| alarm.first(name).is_some();
            if fields::word(alarm, "ACTION").as_deref() == Some("AUDIO") {
                found.insert((Field::Alarms, "one that makes a sound is shown"));
            }
            if says("REPEAT") && says("DURATION") {
                found.insert((Field::Alarms, "one that repeats rings once"));
            }
        }
        if has_param(event, "CONFERENCE", "FEATURE") {
            found.insert((Field::Conferences, "without what they are for (FEATURE)"));
        }
        if has_param(event, "ATTACH", "FMTTYPE") {
            found.insert((Field::Attachments, "without their kind (FMTTYPE)"));
        }
    }
    found
}

fn has_param(event: &Component<'_>, name: &str, param: &str) -> bool {
    let mut lines = event.all(name).filter_map(|line| line.property());
    lines.any(|property| property.param(param).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_series_does_not_say_is_named() {
        let of = |lines: &str| {
            let text = format!(
                "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nDTSTART:20260601T100000Z\n{lines}\n\
                 END:VEVENT\nEND:VCALENDAR\n"
            );
            let found = unmapped(text.as_bytes());
            found.into_iter().map(|(field, _)| field).collect::<Vec<_>>()
        };
        let alarm = |lines: &str| format!("BEGIN:VALARM\nTRIGGER:-PT5M\n{lines}\nEND:VALARM");
        assert_eq!(of(&alarm("ACTION:DISPLAY")), []);
        assert_eq!(of(&alarm("ACTION:AUDIO")), [Field::Alarms]);
        let both = alarm("ACTION:AUDIO\nREPEAT:2\nDURATION:PT1M");
        assert_eq!(of(&both), [Field::Alarms, Field::Alarms]);
        assert_eq!(of(&alarm("ACTION:AUDIO\nX-APPLE-DEFAULT-ALARM:TRUE")), []);
        let linked = "CONFERENCE;VALUE=URI;FEATURE=VIDEO:x:y\nATTACH;FMTTYPE=text/plain:h:x";
        assert_eq!(of(linked), [Field::Conferences, Field::Attachments]);
        assert!(unmapped(b"nonsense").is_empty());
    }
}
