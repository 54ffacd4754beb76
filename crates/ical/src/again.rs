//! A text that a server once held, to be stored there again.
//!
//! Everything in it stays byte for byte, but for what says when it was written: it was put back
//! now, and is newer than what it may have to replace. Whether people may stay in it is for the
//! caller to know: where a server writes to whoever it finds in a new text, they may not.

use jiff::Timestamp;

use crate::edit::set_stamps;
use crate::read::events;
use crate::seal::SEAL;
use crate::tree::{Component, Document, NewLine};

/// What becomes of the people in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guests {
    /// They stay.
    Kept,
    /// They go.
    LeftOut,
}

/// `former` as a text of now, to stand in the place of `over`, if there is something; `None` where
/// it can't be read.
pub fn again(
    former: &[u8],
    over: Option<&[u8]>,
    guests: Guests,
    stamp: Timestamp,
) -> Option<Vec<u8>> {
    let mut document = Document::parse(former).ok()?;
    events(&document).next()?;
    let revision = over.map_or(0, revisions);
    for calendar in document.components_mut().filter(|top| top.name() == "VCALENDAR") {
        // A stored resource has none (RFC 4791 section 4.1).
        calendar.remove("METHOD");
        // Somebody wants it so: it is no write on behalf of a pair.
        calendar.remove(SEAL);
        for event in calendar.components_mut().filter(|part| part.name() == "VEVENT") {
            if guests == Guests::LeftOut {
                PEOPLE.iter().for_each(|name| event.remove(name));
            }
            // In a meeting it is the organizer's count (RFC 5546 section 2.1.4).
            let next = revision.max(sequence(event));
            let next = next.saturating_add(u64::from(event.first("ATTENDEE").is_none()));
            event.set("SEQUENCE", vec![NewLine::new("SEQUENCE", next.to_string())]);
            set_stamps(event, stamp);
        }
    }
    Some(document.to_bytes())
}

/// Whether a text names anybody.
pub fn names_people(raw: &[u8]) -> bool {
    Document::parse(raw).is_ok_and(|document| {
        let named = |event: &Component<'_>| PEOPLE.iter().any(|name| event.first(name).is_some());
        events(&document).any(named)
    })
}

const PEOPLE: [&str; 2] = ["ORGANIZER", "ATTENDEE"];

/// The highest count of revisions in a text.
fn revisions(raw: &[u8]) -> u64 {
    let Ok(document) = Document::parse(raw) else { return 0 };
    events(&document).map(sequence).max().unwrap_or_default()
}

fn sequence(event: &Component<'_>) -> u64 {
    let stated = event.property("SEQUENCE");
    stated.and_then(|stated| stated.value.trim().parse().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp() -> Timestamp {
        "2026-01-01T00:00:00Z".parse().expect("an instant")
    }

    const FORMER: &str = "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nX-A:1\r\nBEGIN:VEVENT\r\nUID:1\r\n\
        DTSTART:20260601T100000Z\r\nSEQUENCE:3\r\nATTENDEE:mailto:kim@example.org\r\n\
        ORGANIZER:mailto:bo\r\n b@example.org\r\nCOMMENT:bring\r\n  it\r\nDTSTAMP:1\r\n\
        LAST-MODIFIED:1\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";

    fn text(over: Option<&str>, guests: Guests) -> String {
        let again = again(FORMER.as_bytes(), over.map(str::as_bytes), guests, stamp());
        String::from_utf8(again.expect("readable")).expect("text")
    }

    #[test]
    fn all_of_it_is_put_back_and_says_that_it_is_new() {
        let want = FORMER
            .replace("METHOD:REQUEST\r\n", "")
            .replace("DTSTAMP:1\r\n", "DTSTAMP:20260101T000000Z\r\n")
            .replace("LAST-MODIFIED:1\r\n", "LAST-MODIFIED:20260101T000000Z\r\n");
        assert_eq!(text(None, Guests::Kept), want);
        let over = FORMER.replace("SEQUENCE:3", "SEQUENCE:7");
        let newer = want.replace("SEQUENCE:3", "SEQUENCE:7");
        assert_eq!(text(Some(&over), Guests::Kept), newer);
        assert!(again(b"{}", None, Guests::Kept, stamp()).is_none());
    }

    #[test]
    fn people_go_where_they_would_be_written_to() {
        let text = text(None, Guests::LeftOut);
        assert!(!names_people(text.as_bytes()) && !text.contains("example.org"), "{text}");
        assert!(
            text.contains("COMMENT:bring\r\n  it\r\n") && text.contains("SEQUENCE:4"),
            "{text}"
        );
        assert!(names_people(FORMER.as_bytes()));
    }

    #[test]
    fn what_calpair_had_written_alone_is_so_no_more() {
        let series = crate::read(FORMER.as_bytes()).expect("readable");
        let made = crate::create(&series, "2025-01-01T00:00:00Z".parse().expect("an instant"));
        let made = crate::sealed(&made, "p");
        let again = again(&made, None, Guests::Kept, stamp()).expect("readable");
        assert_eq!(crate::origin(&again, "p"), model::Origin::Copy);
        assert!(crate::read(&again).is_ok_and(|series| series.modified == Some(stamp())));
    }
}
