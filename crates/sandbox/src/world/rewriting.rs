//! What a server makes of the text that it is given.
//!
//! iCloud's way: alarms get ids, lines another order, X- lines are added, and attendees without an
//! organizer go. The meaning stays, except where the habits say that something is dropped.

use super::shapes::{Habits, Rewriting};
use crate::Random;
use crate::text::{self, Component, Item, Line};

/// What a server keeps of a text.
pub(super) fn rewritten(raw: &[u8], habits: &Habits, random: &mut Random) -> Vec<u8> {
    let mut kept = raw.to_vec();
    if !habits.drops.is_empty() {
        kept = text::each_event(&kept, |event| {
            event.items.retain(|item| match item {
                Item::Line(line) => !habits.drops.contains(&line.name.as_str()),
                Item::Component(inner) => !habits.drops.contains(&inner.name.as_str()),
            });
        });
    }
    if habits.rewriting != Rewriting::Never {
        kept = text::each_event(&kept, |event| as_apple_keeps_it(event, random));
    }
    if habits.cancelled_to_exdate {
        kept = without_cancelled(kept);
    }
    kept
}

/// Alarms get ids, lines get another order, X- lines are added.
fn as_apple_keeps_it(event: &mut Component, random: &mut Random) {
    for alarm in event.components_mut().filter(|inner| inner.name == "VALARM") {
        if alarm.line("UID").is_none() {
            let uuid = random.uuid();
            alarm.set(&format!("UID:{uuid}"));
            alarm.set(&format!("X-WR-ALARMUID:{uuid}"));
        }
    }
    // quirk: icloud-56
    if event.line("ORGANIZER").is_none() {
        event.unset("ATTENDEE");
    }
    event.set("X-APPLE-TRAVEL-ADVISORY-BEHAVIOR:AUTOMATIC");
    let (mut lines, rest): (Vec<Item>, Vec<Item>) =
        event.items.drain(..).partition(|item| matches!(item, Item::Line(_)));
    // A stable order by name, so that lines of one name keep theirs.
    lines.sort_by(|a, b| match (a, b) {
        (Item::Line(a), Item::Line(b)) => a.name.cmp(&b.name),
        _ => std::cmp::Ordering::Equal,
    });
    event.items = lines;
    event.items.extend(rest);
}

/// A cancelled override becomes an EXDATE of its master.
// quirk: icloud-76
fn without_cancelled(raw: Vec<u8>) -> Vec<u8> {
    let Some(mut root) = Component::parse(&raw) else { return raw };
    let master = |part: &Component| part.name == "VEVENT" && part.line("RECURRENCE-ID").is_none();
    if !root.components().any(master) {
        return raw;
    }
    let mut dates = Vec::new();
    root.items.retain(|item| match item {
        Item::Component(part) if part.name == "VEVENT" => {
            let cancelled = part.line("STATUS").is_some_and(|line| line.value == "CANCELLED");
            match part.line("RECURRENCE-ID") {
                Some(line) if cancelled => {
                    dates.push(format!("EXDATE{}:{}", line.params, line.value));
                    false
                }
                _ => true,
            }
        }
        _ => true,
    });
    if let Some(event) = root.components_mut().find(|part| master(part)) {
        let dates = dates.iter().map(|date| Item::Line(Line::new(date)));
        event.items.splice(0..0, dates);
    }
    root.write().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERIES: &str = "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:a\r\n\
        DTSTART:20260301T090000Z\r\nATTENDEE:mailto:b@example.org\r\nRRULE:FREQ=DAILY\r\n\
        END:VEVENT\r\nBEGIN:VEVENT\r\nUID:a\r\nRECURRENCE-ID:20260302T090000Z\r\n\
        DTSTART:20260302T090000Z\r\nSTATUS:CANCELLED\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";

    fn kept(habits: &Habits) -> String {
        let raw = rewritten(SERIES.as_bytes(), habits, &mut Random::new(1));
        String::from_utf8(raw).unwrap()
    }

    #[test]
    fn a_cancelled_override_becomes_an_exdate() {
        // quirk: icloud-76
        let text = kept(&Habits { cancelled_to_exdate: true, ..Habits::default() });
        assert!(text.contains("EXDATE:20260302T090000Z") && !text.contains("CANCELLED"), "{text}");
    }

    #[test]
    fn attendees_need_an_organizer_and_some_lines_are_dropped() {
        // quirk: icloud-56
        let text = kept(&Habits { rewriting: Rewriting::AtOnce, ..Habits::default() });
        assert!(!text.contains("ATTENDEE"), "{text}");
        let text = kept(&Habits { drops: vec!["RRULE"], ..Habits::default() });
        assert!(!text.contains("RRULE") && text.contains("ATTENDEE"), "{text}");
        assert_eq!(kept(&Habits::default()), SERIES);
    }
}
