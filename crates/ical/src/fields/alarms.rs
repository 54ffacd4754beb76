//! VALARM: the reminders that a user made.
//!
//! Not read, and left alone where they are: default alarms that a device made by itself, Apple's
//! ACTION:NONE ("no alarm"), snooze copies (RFC 9074 section 7.2), and actions that run programs.
//! What a device notes on an alarm (ACKNOWLEDGED, its UID) is no change of it.

use std::collections::BTreeSet;

use model::{Alarm, AlarmAction, Event, Timestamp, Trigger};

use crate::tree::{Component, LineEnding, NewLine};
use crate::value::{self, Stamp};

pub(super) fn read(component: &Component<'_>) -> BTreeSet<Alarm> {
    component.components().filter_map(alarm).collect()
}

pub(super) fn write(component: &mut Component<'_>, target: &Event) {
    component.remove_components(|part| alarm(part).is_some_and(|a| !target.alarms.contains(&a)));
    let held = read(component);
    for alarm in target.alarms.difference(&held) {
        component.push(new_alarm(alarm, component.ending()));
    }
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

fn new_alarm(alarm: &Alarm, ending: LineEnding) -> Component<'static> {
    let mut part = Component::new("VALARM", ending);
    let action = match alarm.action {
        AlarmAction::Display => "DISPLAY",
        AlarmAction::Email => "EMAIL",
    };
    part.add(NewLine::new("ACTION", action));
    part.add(match alarm.trigger {
        Trigger::Start(seconds) => NewLine::new("TRIGGER", value::duration_text(seconds)),
        Trigger::End(seconds) => {
            NewLine::new("TRIGGER", value::duration_text(seconds)).param("RELATED", "END")
        }
        Trigger::At(instant) => {
            NewLine::new("TRIGGER", utc_text(instant)).param("VALUE", "DATE-TIME")
        }
    });
    // Both actions need a text (RFC 5545 section 3.6.6), EMAIL a subject too.
    part.add(NewLine::new("DESCRIPTION", "Reminder"));
    if alarm.action == AlarmAction::Email {
        part.add(NewLine::new("SUMMARY", "Reminder"));
    }
    part
}

fn utc_text(instant: Timestamp) -> String {
    let wall = jiff::tz::TimeZone::UTC.to_datetime(instant);
    format!("{}Z", value::wall_text(wall))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{read_lines, round_trip};
    use crate::tree::Document;
    use model::{Field, Trigger};

    fn alarm(lines: &str) -> String {
        format!("BEGIN:VALARM\n{lines}\nEND:VALARM")
    }

    #[test]
    fn alarms_go_both_ways() {
        for (lines, want) in [
            ("ACTION:DISPLAY\nTRIGGER:-PT30M", Trigger::Start(-1800)),
            ("ACTION:EMAIL\nTRIGGER;RELATED=END:PT5M", Trigger::End(300)),
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
    fn an_edit_touches_only_the_alarms_meant() {
        let none = alarm("ACTION:NONE\nTRIGGER;VALUE=DATE-TIME:19760401T005545Z");
        let kept = alarm("ACTION:DISPLAY\nTRIGGER:-PT1H\nX-A:1");
        let gone = alarm("ACTION:DISPLAY\nTRIGGER:-PT2H");
        let text = format!("BEGIN:VEVENT\n{none}\n{gone}\n{kept}\nEND:VEVENT\n");
        let mut document = Document::parse(text.as_bytes()).expect("a tree");
        let component = document.components_mut().next().expect("one");
        let new = alarm("ACTION:DISPLAY\nTRIGGER:PT0S\nDESCRIPTION:Reminder");
        super::write(component, &read_lines(&format!("{kept}\n{new}")));
        let want = format!("BEGIN:VEVENT\n{none}\n{kept}\n{new}\nEND:VEVENT\n");
        assert_eq!(String::from_utf8_lossy(&component.to_bytes()), want);
    }
}
