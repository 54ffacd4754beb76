//! VALARM: the reminders that a user made.
//!
//! Not read, and left alone where they are: default alarms that a device made by itself, Apple's
//! ACTION:NONE ("no alarm"), snooze copies (RFC 9074 section 7.2), and actions that run programs.
//! What a device notes on an alarm (ACKNOWLEDGED, its UID) is no change of it.

use std::collections::{BTreeMap, BTreeSet};

use model::{Alarm, AlarmAction, Event, Timestamp, Trigger};

use crate::tree::{Component, LineEnding, NewLine};
use crate::value::{self, Stamp};

pub(super) fn read(component: &Component<'_>) -> BTreeSet<Alarm> {
    component.components().filter_map(alarm).collect()
}

pub(super) fn write(component: &mut Component<'_>, target: &Event) {
    let held = read(component);
    let wanted = writable(&target.alarms, &held);
    let (moved, new) = moved(&held, &wanted);
    component.remove_components(|part| {
        alarm(part).is_some_and(|alarm| !wanted.contains(&alarm) && !moved.contains_key(&alarm))
    });
    for part in component.components_mut() {
        if let Some(to) = alarm(part).and_then(|alarm| moved.get(&alarm)) {
            part.set("TRIGGER", vec![trigger_line(to.trigger)]);
        }
    }
    for alarm in new {
        component.push(new_alarm(alarm.trigger, component.ending()));
    }
}

/// Alarms as they can be written. One that sends mail needs the address to send it to
/// (RFC 5545 section 3.6.6), which is nobody's here: it is shown instead, unless it stands already,
/// maybe at another time.
fn writable(target: &BTreeSet<Alarm>, held: &BTreeSet<Alarm>) -> BTreeSet<Alarm> {
    let mut gone =
        held.difference(target).filter(|alarm| alarm.action == AlarmAction::Email).count();
    let writable = target.iter().map(|alarm| {
        let is_new_mail = alarm.action == AlarmAction::Email && !held.contains(alarm);
        if !is_new_mail {
            alarm.clone()
        } else if gone > 0 {
            gone -= 1;
            alarm.clone()
        } else {
            Alarm { action: AlarmAction::Display, ..alarm.clone() }
        }
    });
    writable.collect()
}

/// Which alarm becomes which, and which are new. One that goes while another of its kind comes
/// was moved: it keeps what a device or a person has put on it.
fn moved<'w>(
    held: &'w BTreeSet<Alarm>,
    wanted: &'w BTreeSet<Alarm>,
) -> (BTreeMap<Alarm, &'w Alarm>, Vec<&'w Alarm>) {
    let mut moved = BTreeMap::new();
    let mut new: Vec<&Alarm> = wanted.difference(held).collect();
    for gone in held.difference(wanted) {
        if let Some(at) = new.iter().position(|alarm| alarm.action == gone.action) {
            moved.insert(gone.clone(), new.remove(at));
        }
    }
    (moved, new)
}

/// Whether this is a reminder that a user made.
pub(crate) fn is_reminder(part: &Component<'_>) -> bool {
    alarm(part).is_some()
}

fn alarm(part: &Component<'_>) -> Option<Alarm> {
    if part.name() != "VALARM" || is_made_by_device(part) {
        return None;
    }
    let action = super::word(part, "ACTION");
    let action = match action.as_deref() {
        None | Some("DISPLAY" | "AUDIO") => AlarmAction::Display,
        Some("EMAIL") => AlarmAction::Email,
        Some(_) => return None,
    };
    Some(Alarm { action, trigger: trigger(part)? })
}

fn is_made_by_device(part: &Component<'_>) -> bool {
    let is_default = ["X-APPLE-DEFAULT-ALARM", "X-APPLE-LOCAL-DEFAULT-ALARM"]
        .iter()
        .any(|name| super::word(part, name).as_deref() == Some("TRUE"));
    let mut relations = part.all("RELATED-TO").filter_map(|line| line.property());
    is_default || relations.any(|relation| relation.param_is("RELTYPE", "SNOOZE"))
}

fn trigger(part: &Component<'_>) -> Option<Trigger> {
    let property = part.property("TRIGGER")?;
    if let Some(stamp) = value::stamp(&property.value) {
        let utc = match stamp {
            Stamp::Utc(wall) | Stamp::Local(wall) => jiff::tz::TimeZone::UTC.to_timestamp(wall),
            Stamp::Date(_) => return None,
        };
        return utc.ok().map(Trigger::At);
    }
    let seconds = value::duration(&property.value)?.total_seconds()?;
    let from_end = property.param_is("RELATED", "END");
    Some(if from_end { Trigger::End(seconds) } else { Trigger::Start(seconds) })
}

fn new_alarm(trigger: Trigger, ending: LineEnding) -> Component<'static> {
    let mut part = Component::new("VALARM", ending);
    part.add(NewLine::new("ACTION", "DISPLAY"));
    part.add(trigger_line(trigger));
    // It needs a text (RFC 5545 section 3.6.6).
    part.add(NewLine::new("DESCRIPTION", "Reminder"));
    part
}

fn trigger_line(trigger: Trigger) -> NewLine {
    match trigger {
        Trigger::Start(seconds) => NewLine::new("TRIGGER", value::duration_text(seconds)),
        Trigger::End(seconds) => {
            NewLine::new("TRIGGER", value::duration_text(seconds)).param("RELATED", "END")
        }
        Trigger::At(instant) => {
            NewLine::new("TRIGGER", utc_text(instant)).param("VALUE", "DATE-TIME")
        }
    }
}

fn utc_text(instant: Timestamp) -> String {
    let wall = jiff::tz::TimeZone::UTC.to_datetime(instant);
    format!("{}Z", value::wall_text(wall))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{read_lines, round_trip, written};
    use crate::tree::Document;
    use model::{Field, Trigger};

    fn alarm(lines: &str) -> String {
        format!("BEGIN:VALARM\n{lines}\nEND:VALARM")
    }

    #[test]
    fn alarms_go_both_ways() {
        for (lines, want) in [
            ("ACTION:DISPLAY\nTRIGGER:-PT30M", Trigger::Start(-1800)),
            ("ACTION:DISPLAY\nTRIGGER;RELATED=END:PT5M", Trigger::End(300)),
            (
                "ACTION:AUDIO\nATTACH;VALUE=URI:Chord\nTRIGGER;RELATED=START:-P1D",
                Trigger::Start(-86_400),
            ),
            (
                "ACTION:DISPLAY\nTRIGGER;VALUE=DATE-TIME:19700101T000100Z",
                Trigger::At(jiff::Timestamp::from_second(60).expect("in range")),
            ),
        ] {
            let event = round_trip(Field::Alarms, &alarm(lines));
            assert_eq!(event.alarms.first().map(|alarm| alarm.trigger), Some(want), "{lines}");
        }
    }

    #[test]
    fn what_devices_make_is_no_reminder() {
        for lines in [
            "ACTION:NONE\nTRIGGER;VALUE=DATE-TIME:19760401T005545Z",
            "ACTION:DISPLAY\nTRIGGER:-PT30M\nX-APPLE-DEFAULT-ALARM:TRUE",
            "ACTION:DISPLAY\nTRIGGER:-PT30M\nX-APPLE-LOCAL-DEFAULT-ALARM:TRUE",
            "ACTION:DISPLAY\nTRIGGER:-PT30M\nRELATED-TO;RELTYPE=SNOOZE:1",
            "ACTION:PROCEDURE\nTRIGGER:-PT30M",
            "ACTION:DISPLAY",
        ] {
            assert!(read_lines(&alarm(lines)).alarms.is_empty(), "{lines}");
        }
        let plain = read_lines(&alarm("ACTION:DISPLAY\nTRIGGER:-PT30M"));
        let dismissed = "ACTION:DISPLAY\nTRIGGER:-PT30M\nACKNOWLEDGED:20260101T000000Z\nUID:1";
        assert_eq!(read_lines(&alarm(dismissed)).alarms, plain.alarms);
    }

    #[test]
    fn an_alarm_that_would_send_mail_is_shown_on_a_copy() {
        let event = read_lines(&alarm("ACTION:EMAIL\nTRIGGER:-PT5M\nATTENDEE:mailto:a@b.c"));
        let want = alarm("ACTION:DISPLAY\nTRIGGER:-PT5M\nDESCRIPTION:Reminder");
        assert_eq!(written(Field::Alarms, &event).trim_end(), want);
    }

    #[test]
    fn a_moved_alarm_keeps_everything_else() {
        let mail = alarm("ACTION:EMAIL\nTRIGGER:-PT1H\nATTENDEE:mailto:a@b.c\nSUMMARY:x");
        let shown = alarm(
            "UID:1\nACTION:AUDIO\nX-K:v\nTRIGGER;RELATED=START:-PT5M\nREPEAT:2\nDURATION:PT1M\n\
             ACKNOWLEDGED:20260101T000000Z\nDESCRIPTION:Leave now",
        );
        let text = format!("BEGIN:VEVENT\n{shown}\n{mail}\n{shown}\nEND:VEVENT\n");
        let after = |wanted: &str| {
            let mut document = Document::parse(text.as_bytes()).expect("a tree");
            let component = document.components_mut().next().expect("one");
            super::write(component, &read_lines(wanted));
            String::from_utf8(component.to_bytes()).expect("text")
        };
        let earlier = alarm("ACTION:DISPLAY\nTRIGGER;VALUE=DATE-TIME:20260101T100000Z");
        let want =
            text.replace("TRIGGER;RELATED=START:-PT5M", "TRIGGER;VALUE=DATE-TIME:20260101T100000Z");
        assert_eq!(after(&format!("{earlier}\n{mail}")), want);
        // So does one that sends mail.
        let later = mail.replace("-PT1H", "-PT2H");
        assert_eq!(after(&format!("{shown}\n{later}")), text.replace(&mail, &later));
        // The one that sends mail does not become the one that is shown.
        let new = alarm("ACTION:DISPLAY\nTRIGGER:-PT2H\nDESCRIPTION:Reminder");
        let want = format!("BEGIN:VEVENT\n{shown}\n{shown}\n{new}\nEND:VEVENT\n");
        assert_eq!(after(&format!("{shown}\n{new}")), want);
    }

    #[test]
    fn one_more_leaves_every_line_of_the_others() {
        let mail = alarm(
            "X-A;X-P=1:v\nACTION:EMAIL\nTRIGGER:-PT1H\nSUMMARY:S\nATTENDEE:mailto:a@b.c\n\
             DESCRIPTION:D",
        );
        let sound = alarm("ACTION:AUDIO\nTRIGGER:-PT30M\nREPEAT:2\nDURATION:PT1M\nX-B:1");
        let text = format!("BEGIN:VEVENT\n{mail}\nX-C:1\n{sound}\nEND:VEVENT\n");
        let mut document = Document::parse(text.as_bytes()).expect("a tree");
        let component = document.components_mut().next().expect("one");
        let new = alarm("ACTION:DISPLAY\nTRIGGER:-PT5M\nDESCRIPTION:Reminder");
        super::write(component, &read_lines(&format!("{mail}\n{sound}\n{new}")));
        let want = text.replace("END:VEVENT\n", &format!("{new}\nEND:VEVENT\n"));
        assert_eq!(String::from_utf8_lossy(&component.to_bytes()), want);
    }

    #[test]
    fn an_edit_touches_only_the_alarms_meant() {
        let none = alarm("ACTION:NONE\nTRIGGER;VALUE=DATE-TIME:19760401T005545Z");
        let kept = alarm("ACTION:DISPLAY\nTRIGGER:-PT1H\nX-A:1");
        let gone = alarm("ACTION:EMAIL\nTRIGGER:-PT2H");
        let text = format!("BEGIN:VEVENT\n{none}\n{gone}\n{kept}\nEND:VEVENT\n");
        let mut document = Document::parse(text.as_bytes()).expect("a tree");
        let component = document.components_mut().next().expect("one");
        let new = alarm("ACTION:DISPLAY\nTRIGGER:PT0S\nDESCRIPTION:Reminder");
        super::write(component, &read_lines(&format!("{kept}\n{new}")));
        let want = format!("BEGIN:VEVENT\n{none}\n{kept}\n{new}\nEND:VEVENT\n");
        assert_eq!(String::from_utf8_lossy(&component.to_bytes()), want);
    }
}
