//! `isReminderOn` and `reminderMinutesBeforeStart`: one reminder, before the start, in minutes. Of
//! several the nearest is written, and the others are remembered beside it. Without a word about it
//! Exchange makes one of its own, so there always is a word.

use std::collections::BTreeSet;

use model::{Alarm, AlarmAction, Event, Trigger};
use serde_json::Value;

use super::Body;
use crate::row::Row;

/// As early as Outlook rings: some years, in minutes; more is nobody's wish.
const EARLIEST: i64 = 2_629_440;

// quirk: microsoft-31
pub(super) fn read(row: &Row) -> BTreeSet<Alarm> {
    let is_on = row.get("isReminderOn").and_then(Value::as_bool) == Some(true);
    let minutes = row.get("reminderMinutesBeforeStart").and_then(Value::as_i64);
    let minutes = minutes.filter(|minutes| is_on && (0..=EARLIEST).contains(minutes));
    let alarm = |minutes: i64| Alarm {
        action: AlarmAction::Display,
        trigger: Trigger::Start(-60 * minutes),
    };
    minutes.map(alarm).into_iter().collect()
}

// quirk: microsoft-31, microsoft-32
pub(super) fn write(event: &Event, patch: &mut Body) {
    let minutes = event.alarms.iter().filter_map(minutes).min();
    patch.insert("isReminderOn".to_owned(), Value::from(minutes.is_some()));
    if let Some(minutes) = minutes {
        patch.insert("reminderMinutesBeforeStart".to_owned(), Value::from(minutes));
    }
}

/// `None` for what Outlook can't ring at: after the start, measured from the end, a fixed time.
fn minutes(alarm: &Alarm) -> Option<i64> {
    let Trigger::Start(seconds @ ..=0) = alarm.trigger else { return None };
    let minutes = i64::try_from(seconds.unsigned_abs().div_ceil(60)).ok()?;
    (minutes <= EARLIEST).then_some(minutes)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{event, round_trip, written};
    use super::*;
    use model::Field;
    use serde_json::json;

    // quirk: microsoft-31
    #[test]
    fn a_reminder_goes_both_ways_and_none_is_said() {
        let keys = json!({"isReminderOn": true, "reminderMinutesBeforeStart": 15});
        assert_eq!(round_trip(Field::Alarms, keys).alarms.len(), 1);
        let off = event(json!({"isReminderOn": false, "reminderMinutesBeforeStart": 15}));
        assert!(off.alarms.is_empty());
        assert_eq!(written(Field::Alarms, &off), json!({"isReminderOn": false}));
    }

    // quirk: microsoft-32
    #[test]
    fn of_several_the_nearest_is_written() {
        let mut event = event(json!({}));
        let at = |trigger| Alarm { action: AlarmAction::Display, trigger };
        event.alarms = [at(Trigger::Start(-7200)), at(Trigger::Start(-601)), at(Trigger::End(0))]
            .into_iter()
            .collect();
        let want = json!({"isReminderOn": true, "reminderMinutesBeforeStart": 11});
        assert_eq!(written(Field::Alarms, &event), want);
        event.alarms = [at(Trigger::Start(60))].into_iter().collect();
        assert_eq!(written(Field::Alarms, &event), json!({"isReminderOn": false}));
    }
}
