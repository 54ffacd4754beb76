//! iCalendar as a person would type it into Outlook: what the simulated users write.
//!
//! What Exchange has no field for is not typed; a repetition for which Outlook has no words makes
//! the whole text one that nobody can type. Read by `ical`, which is not the adapter.

use std::collections::BTreeMap;

use jiff::civil::{Date, DateTime, Weekday};
use jiff::tz::TimeZone;
use model::{
    AlarmAction, Class, Event, Exception, Frequency, Redacted, Rule, Series, Status, Transparency,
    Trigger, Until, When, Zone,
};
use serde_json::{Value, json};

use super::pattern::{Index, weekday_name};
use super::state::Json;
use super::times::{in_zone, seven};
use super::zones;

/// The mailbox's zone, in which floating times are typed.
const HOME: &str = "W. Europe Standard Time";

/// A text as it would be typed.
#[derive(Debug)]
pub(super) struct Typed {
    pub(super) uid: String,
    pub(super) master: Json,
    /// By day in the pattern: what is typed there, or `None` for a cancelled one.
    pub(super) exceptions: BTreeMap<Date, Option<Json>>,
}

impl Typed {
    /// Reads a text; `None` when nobody can type it into Outlook.
    pub(super) fn read(text: &str) -> Option<Self> {
        let series = ical::read(text.as_bytes()).ok()?;
        let master = series.master.as_ref()?;
        let mut typed = event(master)?;
        if !series.recurrence.is_empty() {
            typed.insert("recurrence".to_owned(), recurrence(&series, master)?);
        }
        let mut exceptions = BTreeMap::new();
        for (original, exception) in &series.exceptions {
            let slot = ical::in_kind_of(original, &master.start).wall().date();
            let one = match exception {
                Exception::Cancelled => None,
                Exception::Override(event_) => Some(event(event_)?),
            };
            exceptions.insert(slot, one);
        }
        Some(Self { uid: series.uid.as_str().to_owned(), master: typed, exceptions })
    }
}

/// What differs in `after`: the members to write. Times go together.
pub(super) fn difference(before: &Json, after: &Json) -> Json {
    let mut changed = Json::new();
    let names = before.keys().chain(after.keys());
    for name in names.filter(|name| before.get(*name) != after.get(*name)) {
        changed.insert(name.clone(), after.get(name).cloned().unwrap_or_default());
    }
    let times = ["start", "end", "isAllDay"];
    if times.iter().any(|name| changed.contains_key(*name)) {
        for name in times {
            changed.insert(name.to_owned(), after.get(name).cloned().unwrap_or_default());
        }
    }
    changed
}

fn event(event: &Event) -> Option<Json> {
    let text = |held: &Option<Redacted<String>>| {
        held.as_ref().map(|held| held.expose().clone()).unwrap_or_default()
    };
    let (is_on, minutes) = reminder(event);
    let categories: Vec<&String> = event.categories.iter().map(Redacted::expose).collect();
    let people = event.people.attendees.iter().filter_map(|person| {
        let address = person.email.as_ref()?.expose();
        let name = person.name.as_ref().map_or(address, Redacted::expose);
        Some(json!({
            "type": "required", "emailAddress": {"name": name, "address": address},
            "status": {"response": "none", "time": "0001-01-01T00:00:00Z"},
        }))
    });
    let typed = json!({
        "subject": text(&event.title),
        "body": {"contentType": "text", "content": text(&event.description)},
        "location": {"displayName": text(&event.location)},
        "showAs": match (event.transparency, event.status) {
            (Transparency::Transparent, _) => "free",
            (Transparency::Opaque, Status::Tentative) => "tentative",
            (Transparency::Opaque, Status::None | Status::Confirmed | Status::Cancelled) => "busy",
        },
        "sensitivity": match event.class {
            Class::Public => "normal",
            Class::Private => "private",
            Class::Confidential => "confidential",
        },
        "importance": match event.priority {
            Some(1..=4) => "high",
            Some(6..=9) => "low",
            _ => "normal",
        },
        "categories": categories, "isReminderOn": is_on, "reminderMinutesBeforeStart": minutes,
        "start": moment(&event.start)?, "end": moment(&event.end)?,
        "isAllDay": event.start.is_date(), "attendees": people.collect::<Vec<Value>>(),
    });
    typed.as_object().cloned()
}

/// The reminder before the start that is nearest to it.
fn reminder(event: &Event) -> (bool, i64) {
    let before = event.alarms.iter().filter_map(|alarm| match (alarm.action, alarm.trigger) {
        (AlarmAction::Display, Trigger::Start(seconds)) if seconds <= 0 => Some(-seconds / 60),
        _ => None,
    });
    before.min().map_or((false, 15), |minutes| (true, minutes))
}

/// A point in time with a zone that can be chosen in Outlook, or in UTC.
fn moment(when: &When) -> Option<Value> {
    let (wall, zone): (DateTime, &str) = match when {
        When::Date(_) | When::Utc(_) => (when.wall(), "UTC"),
        When::Floating(wall) => (*wall, HOME),
        When::Zoned { local, zone } => match zone_name(zone) {
            Some(name) => (*local, name),
            None => (TimeZone::UTC.to_datetime(ical::instant(when, &TimeZone::UTC)?), "UTC"),
        },
    };
    Some(json!({"dateTime": seven(wall), "timeZone": zone}))
}

fn zone_name(zone: &Zone) -> Option<&'static str> {
    match zone {
        Zone::Iana(name) => zones::windows_like(name),
        Zone::Posix { .. } => None,
    }
}

fn recurrence(series: &Series, master: &Event) -> Option<Value> {
    let held = &series.recurrence;
    let [rule] = &held.rules[..] else { return None };
    if !held.exclusions.is_empty() || !held.extras.is_empty() || !rule.other.is_empty() {
        return None;
    }
    if master.start.zone().is_some_and(|zone| zone_name(zone).is_none()) {
        return None;
    }
    let start = master.start.wall().date();
    let mut pattern = pattern(rule, start)?;
    let more = pattern["interval"].as_i64().is_none();
    if more {
        pattern["interval"] = json!(rule.interval);
    }
    let mut range = json!({"type": "noEnd", "startDate": start.to_string()});
    if let Some(count) = rule.count {
        range["type"] = json!("numbered");
        range["numberOfOccurrences"] = json!(count);
    } else if let Some(until) = &rule.until {
        range["type"] = json!("endDate");
        range["endDate"] = json!(last_day(until, &master.start)?.to_string());
    }
    Some(json!({"pattern": pattern, "range": range}))
}

/// The last day, in the zone of the start.
fn last_day(until: &Until, start: &When) -> Option<Date> {
    let wall = match until {
        Until::Date(date) => return Some(*date),
        Until::Floating(wall) => *wall,
        Until::Utc(wall) => ical::in_kind_of(&When::Utc(*wall), start).wall(),
    };
    // An end before the day's occurrence leaves that one out.
    let is_before = !start.is_date() && wall.time() < start.wall().time();
    if is_before { wall.date().yesterday().ok() } else { Some(wall.date()) }
}

fn pattern(rule: &Rule, start: Date) -> Option<Value> {
    let is_plain = rule.by_second.is_empty()
        && rule.by_minute.is_empty()
        && rule.by_hour.is_empty()
        && rule.by_year_day.is_empty()
        && rule.by_week_number.is_empty()
        && rule.by_month.iter().all(|month| !month.leap);
    if !is_plain {
        return None;
    }
    let days: Vec<Weekday> = rule.by_day.iter().map(|day| day.weekday).collect();
    let names: Vec<&str> = days.iter().map(|day| weekday_name(*day)).collect();
    let has_ordinal = rule.by_day.iter().any(|day| day.ordinal.is_some());
    let alone = rule.by_month.is_empty() && rule.by_month_day.is_empty() && !has_ordinal;
    let first = weekday_name(rule.week_start);
    let no_set = rule.by_set_position.is_empty();
    match rule.frequency {
        Frequency::Daily if alone && no_set && days.is_empty() => Some(json!({"type": "daily"})),
        Frequency::Daily if alone && no_set && rule.interval == 1 => Some(json!({
            "type": "weekly", "interval": 1, "daysOfWeek": names, "firstDayOfWeek": first,
        })),
        Frequency::Weekly if alone && no_set => {
            let own = vec![weekday_name(start.weekday())];
            let names = if names.is_empty() { own } else { names };
            Some(json!({"type": "weekly", "daysOfWeek": names, "firstDayOfWeek": first}))
        }
        Frequency::Monthly if rule.by_month.is_empty() => {
            if days.is_empty() {
                let day = day_of_month(rule, start, 28)?;
                return Some(json!({"type": "absoluteMonthly", "dayOfMonth": day}));
            }
            let index = index(rule)?;
            Some(json!({"type": "relativeMonthly", "daysOfWeek": names, "index": index}))
        }
        Frequency::Yearly => {
            let month = match &rule.by_month[..] {
                [] if days.is_empty() => start.month() as u8,
                [one] => one.number,
                _ => return None,
            };
            if days.is_empty() {
                let length = Date::new(2025, month as i8, 1).ok()?.days_in_month();
                let day = day_of_month(rule, start, length)?;
                let kind = "absoluteYearly";
                return Some(json!({"type": kind, "dayOfMonth": day, "month": month}));
            }
            let index = index(rule)?;
            let kind = "relativeYearly";
            Some(json!({"type": kind, "daysOfWeek": names, "month": month, "index": index}))
        }
        _ => None,
    }
}

/// The day that Exchange takes for the same days; `longest` is where a month of the rule may end
/// at the earliest.
fn day_of_month(rule: &Rule, start: Date, longest: i8) -> Option<i8> {
    match (&rule.by_month_day[..], &rule.by_set_position[..]) {
        ([], []) => (start.day() <= longest).then_some(start.day()),
        ([-1], []) => Some(31),
        ([28, 29], [-1]) => Some(29),
        ([28, 29, 30], [-1]) => Some(30),
        ([day], []) => (1..=longest).contains(day).then_some(*day),
        _ => None,
    }
}

fn index(rule: &Rule) -> Option<&'static str> {
    let number = match (&rule.by_day[..], &rule.by_set_position[..]) {
        ([one], []) => i16::from(one.ordinal?),
        (several, [number]) if several.iter().all(|day| day.ordinal.is_none()) => *number,
        _ => return None,
    };
    if !rule.by_month_day.is_empty() {
        return None;
    }
    Some(match number {
        1 => Index::First.name(),
        2 => Index::Second.name(),
        3 => Index::Third.name(),
        4 => Index::Fourth.name(),
        -1 => Index::Last.name(),
        _ => return None,
    })
}

/// An instant or a day as the end of an instance's id is written elsewhere: `20260309T080000Z`, or
/// `20260309`.
pub(super) fn original(text: &str) -> Option<Result<Date, jiff::Timestamp>> {
    match text.len() {
        8 => Date::strptime("%Y%m%d", text).ok().map(Ok),
        16 => {
            let wall = DateTime::strptime("%Y%m%dT%H%M%SZ", text).ok()?;
            Some(Err(in_zone(wall, &TimeZone::UTC)))
        }
        _ => None,
    }
}
