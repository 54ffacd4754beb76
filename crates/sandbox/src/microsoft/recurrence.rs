//! Recurrence as it is written and shown: what a client may say, and Graph's echo of it.

use jiff::civil::{Date, Weekday};
use serde_json::{Value, json};

use super::failure::Failure;
use super::pattern::{Cycle, End, Index, Pattern, WEEKDAYS, weekday_name};
use super::times::{Moment, Span};
use super::zones;

/// The largest interval of any pattern (the reference has these from background knowledge).
const MOST_DAYS: i64 = 999;
const MOST_OTHERS: i64 = 99;

/// The most occurrences of a numbered range.
const MOST_COUNTED: i64 = 999;

/// What each type needs, and what it may have beside it.
const PATTERNS: &[(&str, &[&str], &[&str])] = &[
    ("daily", &["interval"], &[]),
    ("weekly", &["interval", "daysOfWeek", "firstDayOfWeek"], &[]),
    ("absoluteMonthly", &["interval", "dayOfMonth"], &[]),
    ("relativeMonthly", &["interval", "daysOfWeek"], &["index"]),
    ("absoluteYearly", &["interval", "dayOfMonth", "month"], &[]),
    ("relativeYearly", &["interval", "daysOfWeek", "month"], &["index"]),
];
const RANGES: &[(&str, &[&str], &[&str])] = &[
    ("endDate", &["startDate", "endDate"], &["recurrenceTimeZone"]),
    ("noEnd", &["startDate"], &["recurrenceTimeZone"]),
    ("numbered", &["startDate", "numberOfOccurrences"], &["recurrenceTimeZone"]),
];

/// A recurrence that was understood.
pub(super) struct Written {
    pub(super) pattern: Pattern,
    pub(super) zone: String,
}

/// Reads what a client wrote, for an event at `span`.
pub(super) fn read(value: &Value, span: &Span) -> Result<Written, Failure> {
    let (pattern, range) = (&value["pattern"], &value["range"]);
    let kind = shape(pattern, PATTERNS)?;
    let end = shape(range, RANGES)?;
    let zone = match range["recurrenceTimeZone"].as_str() {
        // quirk: microsoft-26, microsoft-34
        Some(name) if zones::find(name).is_none() => return Err(Failure::zone(name)),
        Some(name) => zones::kept(name),
        None => span.start.zone.clone(),
    };
    let start = date(range, "startDate")?;
    let own = if span.is_all_day { span.start.wall } else { span.start.wall_in(&zone) };
    // quirk: microsoft-35
    if own.date() != start {
        return Err(Failure::property());
    }
    let interval = number(pattern, "interval", 1, most(kind))?;
    let end = match end {
        "endDate" => End::On(date(range, "endDate")?),
        "numbered" => End::After(number(range, "numberOfOccurrences", 1, MOST_COUNTED)? as u32),
        _ => End::Never,
    };
    if matches!(end, End::On(last) if last < start) {
        return Err(Failure::property());
    }
    let pattern = Pattern { cycle: cycle(kind, pattern)?, interval: interval as i32, start, end };
    Ok(Written { pattern, zone })
}

fn most(kind: &str) -> i64 {
    if kind == "daily" { MOST_DAYS } else { MOST_OTHERS }
}

/// The type of a pattern or range whose members are those that the type has.
// quirk: microsoft-34, microsoft-71
fn shape(
    value: &Value,
    known: &[(&'static str, &[&str], &[&str])],
) -> Result<&'static str, Failure> {
    let members = value.as_object().ok_or_else(Failure::property)?;
    let kind = members.get("type").and_then(Value::as_str).ok_or_else(Failure::property)?;
    let described = known.iter().find(|(name, ..)| *name == kind);
    let (kind, needed, optional) = described.ok_or_else(Failure::property)?;
    let is_there = |name: &&&str| members.get(**name).is_some_and(|value| !value.is_null());
    let is_known = |name: &String| {
        name == "type" || needed.contains(&name.as_str()) || optional.contains(&name.as_str())
    };
    let said = members.iter().filter(|(_, value)| !value.is_null());
    if needed.iter().all(|name| is_there(&name)) && said.map(|(name, _)| name).all(is_known) {
        return Ok(kind);
    }
    Err(Failure::property())
}

fn cycle(kind: &str, pattern: &Value) -> Result<Cycle, Failure> {
    let day = || number(pattern, "dayOfMonth", 1, 31).map(|day| day as i8);
    let month = || number(pattern, "month", 1, 12).map(|month| month as i8);
    Ok(match kind {
        "daily" => Cycle::Daily,
        "weekly" => Cycle::Weekly {
            days: weekdays(&pattern["daysOfWeek"])?,
            first: weekday(&pattern["firstDayOfWeek"])?,
        },
        "absoluteMonthly" => Cycle::AbsoluteMonthly { day: day()? },
        "relativeMonthly" => Cycle::RelativeMonthly {
            days: weekdays(&pattern["daysOfWeek"])?,
            index: index(pattern)?,
        },
        "absoluteYearly" => Cycle::AbsoluteYearly { month: month()?, day: day()? },
        _ => Cycle::RelativeYearly {
            month: month()?,
            days: weekdays(&pattern["daysOfWeek"])?,
            index: index(pattern)?,
        },
    })
}

fn weekdays(value: &Value) -> Result<Vec<Weekday>, Failure> {
    let all = value.as_array().filter(|all| !all.is_empty()).ok_or_else(Failure::property)?;
    all.iter().map(weekday).collect()
}

fn weekday(value: &Value) -> Result<Weekday, Failure> {
    let found = WEEKDAYS.iter().find(|(_, name)| value == *name);
    found.map(|(day, _)| *day).ok_or_else(Failure::property)
}

fn index(pattern: &Value) -> Result<Index, Failure> {
    let Some(name) = pattern["index"].as_str() else { return Ok(Index::First) };
    let found = Index::ALL.iter().find(|(_, known)| *known == name);
    found.map(|(index, _)| *index).ok_or_else(Failure::property)
}

fn number(value: &Value, name: &str, least: i64, most: i64) -> Result<i64, Failure> {
    let number = value[name].as_i64().filter(|number| (least..=most).contains(number));
    number.ok_or_else(Failure::property)
}

fn date(range: &Value, name: &str) -> Result<Date, Failure> {
    let text = range[name].as_str().ok_or_else(Failure::property)?;
    Date::strptime("%Y-%m-%d", text).map_err(|_| Failure::property())
}

/// A recurrence as an answer shows it: every member, zeros where it has none.
// quirk: microsoft-33
pub(super) fn shown(pattern: &Pattern, zone: &str) -> Value {
    let mut echo = json!({
        "type": "daily", "interval": pattern.interval, "month": 0, "dayOfMonth": 0,
        "firstDayOfWeek": "sunday", "index": "first",
    });
    let names =
        |days: &[Weekday]| -> Value { days.iter().map(|day| json!(weekday_name(*day))).collect() };
    match &pattern.cycle {
        Cycle::Daily => {}
        Cycle::Weekly { days, first } => {
            echo["type"] = json!("weekly");
            echo["daysOfWeek"] = names(days);
            echo["firstDayOfWeek"] = json!(weekday_name(*first));
        }
        Cycle::AbsoluteMonthly { day } => {
            echo["type"] = json!("absoluteMonthly");
            echo["dayOfMonth"] = json!(day);
        }
        Cycle::RelativeMonthly { days, index } => {
            echo["type"] = json!("relativeMonthly");
            echo["daysOfWeek"] = names(days);
            echo["index"] = json!(index.name());
        }
        Cycle::AbsoluteYearly { month, day } => {
            echo["type"] = json!("absoluteYearly");
            (echo["month"], echo["dayOfMonth"]) = (json!(month), json!(day));
        }
        Cycle::RelativeYearly { month, days, index } => {
            echo["type"] = json!("relativeYearly");
            echo["month"] = json!(month);
            echo["daysOfWeek"] = names(days);
            echo["index"] = json!(index.name());
        }
    }
    let (kind, end, count) = match pattern.end {
        End::Never => ("noEnd", "0001-01-01".to_owned(), 0),
        End::On(last) => ("endDate", last.to_string(), 0),
        End::After(count) => ("numbered", "0001-01-01".to_owned(), count),
    };
    let range = json!({
        "type": kind, "startDate": pattern.start.to_string(), "endDate": end,
        "recurrenceTimeZone": zone, "numberOfOccurrences": count,
    });
    json!({"pattern": echo, "range": range})
}

/// The event moved to the first day of its pattern, which is on or after its start.
// quirk: microsoft-36
pub(super) fn settled(span: &Span, written: &Written) -> Result<Span, Failure> {
    let first = written.pattern.first().ok_or_else(Failure::property)?;
    let length = span.length();
    let gap = shortest(&written.pattern);
    if gap.is_some_and(|days| length > jiff::SignedDuration::from_hours(24 * i64::from(days))) {
        return Err(Failure::too_long());
    }
    if first == written.pattern.start {
        return Ok(span.clone());
    }
    let (zone, time) = if span.is_all_day {
        (&span.start.zone, span.start.wall.time())
    } else {
        (&written.zone, span.start.wall_in(&written.zone).time())
    };
    let start = first.to_datetime(time);
    let moved = |wall| Moment { wall, zone: zone.clone() };
    let end = moved(start.saturating_add(length));
    Ok(Span { start: moved(start), end, is_all_day: span.is_all_day })
}

/// The fewest days between two occurrences near the beginning.
fn shortest(pattern: &Pattern) -> Option<i32> {
    let horizon = pattern.start.checked_add(jiff::Span::new().years(3)).unwrap_or(Date::MAX);
    let days = pattern.days(horizon);
    let gaps = days.windows(2).filter_map(|pair| Some(pair[0].until(pair[1]).ok()?.get_days()));
    gaps.min()
}
