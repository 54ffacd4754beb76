//! `reminders`: at most five, by popup or mail, whole minutes before the start, four weeks at most.
//! The calendar's own defaults (`useDefault`) are no reminders that somebody made for this event:
//! they are not read, and stay until somebody makes some.

use google_calendar3::api;
use model::{Alarm, AlarmAction, Event, Trigger};
use serde_json::{Value, json};

use super::Body;

/// As many as Google takes.
const MOST: usize = 5;

/// As early as Google takes: four weeks, in minutes.
const EARLIEST: i64 = 40_320;

// quirk: google-17
pub(super) fn read(row: &api::Event) -> std::collections::BTreeSet<Alarm> {
    let Some(reminders) = &row.reminders else { return Default::default() };
    if reminders.use_default == Some(true) {
        return Default::default();
    }
    let overrides = reminders.overrides.iter().flatten();
    let alarm = |one: &api::EventReminder| {
        let action = match one.method.as_deref() {
            Some("email") => AlarmAction::Email,
            Some(_) | None => AlarmAction::Display,
        };
        Some(Alarm { action, trigger: Trigger::Start(-60 * i64::from(one.minutes?)) })
    };
    overrides.filter_map(alarm).collect()
}

pub(super) fn write(event: &Event, body: &mut Body) {
    let mut held: Vec<Value> = Vec::new();
    let mut alarms: Vec<(i64, &str)> = event.alarms.iter().filter_map(reminder).collect();
    // The nearest ones are the ones that matter.
    alarms.sort_unstable();
    alarms.dedup();
    for (minutes, method) in alarms.into_iter().take(MOST) {
        held.push(json!({"method": method, "minutes": minutes}));
    }
    body.insert("reminders".to_owned(), json!({"useDefault": false, "overrides": held}));
}

/// `None` for what Google can't ring at: after the start, measured from the end, a fixed time.
fn reminder(alarm: &Alarm) -> Option<(i64, &'static str)> {
    let Trigger::Start(seconds @ ..=0) = alarm.trigger else { return None };
    let minutes = seconds.unsigned_abs().div_ceil(60);
    let minutes = i64::try_from(minutes).ok().filter(|minutes| *minutes <= EARLIEST)?;
    Some(match alarm.action {
        AlarmAction::Display => (minutes, "popup"),
        AlarmAction::Email => (minutes, "email"),
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{event, round_trip, written};
    use super::*;
    use model::Field;

    // quirk: google-17
    #[test]
    fn reminders_go_both_ways_and_defaults_are_none() {
        let keys = json!({"reminders": {"useDefault": false, "overrides":
            [{"method": "popup", "minutes": 10}, {"method": "email", "minutes": 0}]}});
        assert_eq!(round_trip(Field::Alarms, keys).alarms.len(), 2);
        let default = event(json!({"reminders": {"useDefault": true}}));
        assert!(default.alarms.is_empty());
        let none = json!({"reminders": {"useDefault": false, "overrides": []}});
        assert_eq!(written(Field::Alarms, &default), none);
    }

    #[test]
    fn what_google_can_not_ring_is_left_out_and_the_nearest_stay() {
        let mut event = event(json!({}));
        let at = |trigger| Alarm { action: AlarmAction::Display, trigger };
        event.alarms = (1..=7).map(|hours| at(Trigger::Start(-3600 * hours))).collect();
        event.alarms.extend([at(Trigger::Start(60)), at(Trigger::End(0)), at(Trigger::Start(-90))]);
        event.alarms.insert(at(Trigger::Start(-60 * 40_321)));
        let keys = written(Field::Alarms, &event);
        let minutes = keys["reminders"]["overrides"].as_array().unwrap().iter();
        let minutes: Vec<i64> = minutes.map(|one| one["minutes"].as_i64().unwrap()).collect();
        assert_eq!(minutes, [2, 60, 120, 180, 240]);
    }
}
