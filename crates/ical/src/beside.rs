//! What a text says that no series says: a comment, a contact, an attachment inside it, whatever
//! is not mapped. It stays where it is and never crosses; that somebody changed it can be told even
//! so.
//!
//! Servers rewrite what they hold, so this is deliberately less than all there is: names and values
//! of lines, without order, parameters, folds and blanks, and without what is known to change with
//! nobody's doing. Reminders are left out altogether: they are acknowledged and put off by every
//! device that shows them.

use std::collections::BTreeSet;

use crate::read::events;
use crate::tree::{Component, Document, Property, unescape};

/// Whether somebody made of `was` what `is` says beside its series. False where one of them can't
/// be read, and for what a server may have done by itself.
pub fn is_edited_beside(was: &[u8], is: &[u8]) -> bool {
    match (beside(was), beside(is)) {
        (Some(was), Some(is)) => was != is,
        (None, _) | (_, None) => false,
    }
}

/// Whether everything that `other` says beside its series is said by `text`, too. Not of what can't
/// be read.
pub fn says_all_beside(text: &[u8], other: &[u8]) -> bool {
    match (beside(text), beside(other)) {
        (Some(text), Some(other)) => other.is_subset(&text),
        (None, _) | (_, None) => false,
    }
}

/// Lines as `component name`, value.
type Said = BTreeSet<(String, String)>;

fn beside(raw: &[u8]) -> Option<Said> {
    let document = Document::parse(raw).ok()?;
    events(&document).next()?;
    let mut said = Said::new();
    for event in events(&document) {
        let lines = event.lines().filter_map(|line| said_beside(&line.property()?));
        said.extend(lines.map(|(name, value)| (format!("VEVENT {name}"), value)));
        for part in event.components().filter(|part| part.name() != "VALARM") {
            take_in(part, &mut said);
        }
    }
    Some(said)
}

/// Everything that a component which is not mapped says.
fn take_in(component: &Component<'_>, said: &mut Said) {
    let name = component.name();
    said.insert((name.to_owned(), String::new()));
    for property in component.lines().filter_map(|line| line.property()) {
        if !is_bookkeeping(&property.name) {
            said.insert((format!("{name} {}", property.name), plain(&property.value)));
        }
    }
    component.components().for_each(|part| take_in(part, said));
}

/// What this line of an event says and no series does.
fn said_beside(property: &Property) -> Option<(String, String)> {
    let name = property.name.as_str();
    if name == "ATTACH" {
        // A managed attachment gets another address with each change of its event
        // (RFC 8607 section 3.4); the name stays.
        return match (property.param("MANAGED-ID"), property.param("FILENAME")) {
            (Some(_), Some(file)) => Some((name.to_owned(), plain(file))),
            (Some(_), None) => None,
            (None, _) if property.param_is("VALUE", "BINARY") => {
                Some((name.to_owned(), plain(&property.value)))
            }
            (None, _) => None,
        };
    }
    let is_left_out = SAID_BY_A_SERIES.contains(&name) || is_bookkeeping(name);
    (!is_left_out).then(|| (name.to_owned(), plain(&property.value)))
}

/// Without escapes, which servers set, drop and escape again, and with single blanks.
// quirk: caldav-97
fn plain(value: &str) -> String {
    let text = unescape(value).replace('\\', "");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What a series says, and what says the same once more.
const SAID_BY_A_SERIES: [&str; 29] = [
    "ATTENDEE",
    "CATEGORIES",
    "CLASS",
    "COLOR",
    "CONFERENCE",
    "DESCRIPTION",
    "DTEND",
    "DTSTART",
    "DURATION",
    "EXDATE",
    "EXRULE",
    "GEO",
    "LOCATION",
    "ORGANIZER",
    "PRIORITY",
    "RDATE",
    "RECURRENCE-ID",
    "RRULE",
    "STATUS",
    "STYLED-DESCRIPTION",
    "SUMMARY",
    "TRANSP",
    "UID",
    "URL",
    "X-ALT-DESC",
    "X-APPLE-STRUCTURED-LOCATION",
    "X-FUNAMBOL-ALLDAY",
    "X-GOOGLE-CONFERENCE",
    "X-LIC-LOCATION",
];

/// What servers and programs keep for themselves and change without anybody's doing.
// quirk: icloud-55, icloud-57
fn is_bookkeeping(name: &str) -> bool {
    const NAMES: [&str; 5] = ["CREATED", "DTSTAMP", "LAST-MODIFIED", "REQUEST-STATUS", "SEQUENCE"];
    const KINDS: [&str; 16] = [
        "X-APPLE-CREATOR-",
        "X-APPLE-DEFAULT-ALARM",
        "X-APPLE-EWS-",
        "X-APPLE-SUGGESTION-",
        "X-APPLE-TRAVEL-ADVISORY-",
        "X-CALENDARSERVER-",
        "X-CALPAIR-",
        "X-EVOLUTION-",
        "X-JMAP-",
        "X-LIC-",
        "X-MICROSOFT-",
        "X-MOZ-",
        "X-MS-",
        "X-RADICALE-",
        "X-SOGO-",
        "X-WR-",
    ];
    NAMES.contains(&name) || KINDS.iter().any(|kind| name.starts_with(kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(lines: &str) -> Vec<u8> {
        format!(
            "BEGIN:VCALENDAR\nPRODID:{}\nBEGIN:VEVENT\nUID:1\nDTSTART:20260601T100000Z\n{lines}\n\
             END:VEVENT\nEND:VCALENDAR\n",
            lines.len()
        )
        .into_bytes()
    }

    fn edited(was: &str, is: &str) -> bool {
        let (was, is) = (text(was), text(is));
        let found = is_edited_beside(&was, &is);
        assert_eq!(found, is_edited_beside(&is, &was), "either way");
        found
    }

    #[test]
    fn what_somebody_says_beside_the_series_is_an_edit() {
        for (was, is) in [
            ("SUMMARY:a", "SUMMARY:a\nCOMMENT:bring the form"),
            ("COMMENT:a", "COMMENT:b"),
            ("SUMMARY:a", "SUMMARY:a\nCONTACT:Kim"),
            ("SUMMARY:a", "X-OWN-THING:1\nSUMMARY:a"),
            ("SUMMARY:a", "ATTACH;VALUE=BINARY;ENCODING=BASE64:AAAA"),
            ("SUMMARY:a", "ATTACH;MANAGED-ID=1;FILENAME=a.pdf:https://h/1"),
            ("SUMMARY:a", "BEGIN:VLOCATION\nNAME:Hall\nEND:VLOCATION"),
            ("BEGIN:X-P\nX-Q:1\nEND:X-P", "BEGIN:X-P\nX-Q:2\nEND:X-P"),
        ] {
            assert!(edited(was, is), "{was} | {is}");
        }
    }

    // quirk: icloud-55, icloud-57, caldav-97
    #[test]
    fn what_servers_do_by_themselves_is_none() {
        let alarm = |lines: &str| format!("BEGIN:VALARM\nTRIGGER:-PT5M\n{lines}\nEND:VALARM");
        for (was, is) in [
            ("COMMENT:a\\, b\nX-A:b\\;c", "x.X-A:b\\\\\\;c\ncomment;LANGUAGE=de:a, \n  b "),
            ("DTSTAMP:1\nSEQUENCE:1", "DTSTAMP:2\nSEQUENCE:2\nCREATED:3\nLAST-MODIFIED:4"),
            ("SUMMARY:a", "SUMMARY:b\nX-ALT-DESC:<b>b</b>"),
            ("SUMMARY:a", "X-MOZ-GENERATION:2\nX-APPLE-TRAVEL-ADVISORY-BEHAVIOR:AUTOMATIC"),
            (&alarm("ACTION:DISPLAY"), &alarm("ACTION:AUDIO\nACKNOWLEDGED:20260601T100000Z")),
            (
                "ATTACH;MANAGED-ID=1;FILENAME=a.pdf:https://h/1",
                "ATTACH;MANAGED-ID=2;FILENAME=a.pdf:https://h/2",
            ),
            ("ATTACH:https://h/1", "ATTACH:https://h/2"),
        ] {
            assert!(!edited(was, is), "{was} | {is}");
        }
    }

    #[test]
    fn of_what_cannot_be_read_nothing_is_claimed() {
        assert!(!is_edited_beside(b"{}", &text("COMMENT:a")));
        assert!(!is_edited_beside(&text("COMMENT:a"), b"nonsense"));
        assert!(!says_all_beside(&text("COMMENT:a"), b"nonsense"));
    }

    #[test]
    fn more_may_be_said_than_is_asked_for() {
        let (more, less) = (text("COMMENT:a\nCONTACT:b"), text("CONTACT:b\nSEQUENCE:2"));
        assert!(says_all_beside(&more, &less) && !says_all_beside(&less, &more));
    }
}
