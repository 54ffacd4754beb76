//! Recurrence in Graph's words: six patterns, three ranges, from its JSON and to it, and the days
//! that Exchange makes of them.

use jiff::Span;
use jiff::civil::{Date, Weekday};
use serde_json::{Map, Value, json};

use crate::fields::Unread;

/// How days recur.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cycle {
    Daily,
    Weekly { days: Vec<Weekday>, first: Weekday },
    AbsoluteMonthly { day: i8 },
    RelativeMonthly { days: Vec<Weekday>, index: Index },
    AbsoluteYearly { month: i8, day: i8 },
    RelativeYearly { month: i8, days: Vec<Weekday>, index: Index },
}

/// Which of the fitting days of a month.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Index {
    First,
    Second,
    Third,
    Fourth,
    Last,
}

impl Index {
    pub(crate) const ALL: [Index; 5] =
        [Index::First, Index::Second, Index::Third, Index::Fourth, Index::Last];

    const fn name(self) -> &'static str {
        match self {
            Index::First => "first",
            Index::Second => "second",
            Index::Third => "third",
            Index::Fourth => "fourth",
            Index::Last => "last",
        }
    }

    /// As BYSETPOS, or as an ordinal of BYDAY.
    pub(crate) const fn position(self) -> i8 {
        match self {
            Index::First => 1,
            Index::Second => 2,
            Index::Third => 3,
            Index::Fourth => 4,
            Index::Last => -1,
        }
    }
}

/// When it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Never,
    /// The last day, inclusive, in the zone of the series.
    // quirk: microsoft-40
    On(Date),
    /// After so many, cancelled ones included.
    After(u32),
}

/// A pattern and its range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern {
    pub(crate) cycle: Cycle,
    /// How many days, weeks, months or years apart, at least 1.
    pub(crate) interval: u32,
    /// The day of the first occurrence, or before it.
    pub(crate) start: Date,
    pub(crate) end: End,
}

/// More steps without a day than any pattern has: it has no days any more.
const MOST_EMPTY_STEPS: u32 = 64;

impl Pattern {
    /// The JSON; nothing that its type has no use for, and the pattern before the range.
    // quirk: microsoft-34, microsoft-35, microsoft-39
    pub(crate) fn to_json(&self, zone: &str) -> Value {
        let mut pattern = Map::new();
        let names = |days: &[Weekday]| days.iter().map(|day| name(*day)).collect::<Vec<_>>();
        pattern.insert("interval".to_owned(), self.interval.into());
        let mut put = |key: &str, value: Value| drop(pattern.insert(key.to_owned(), value));
        match &self.cycle {
            Cycle::Daily => put("type", "daily".into()),
            Cycle::Weekly { days, first } => {
                put("type", "weekly".into());
                put("daysOfWeek", names(days).into());
                put("firstDayOfWeek", name(*first).into());
            }
            Cycle::AbsoluteMonthly { day } => {
                put("type", "absoluteMonthly".into());
                put("dayOfMonth", (*day).into());
            }
            Cycle::RelativeMonthly { days, index } => {
                put("type", "relativeMonthly".into());
                put("daysOfWeek", names(days).into());
                put("index", index.name().into());
            }
            Cycle::AbsoluteYearly { month, day } => {
                put("type", "absoluteYearly".into());
                put("month", (*month).into());
                put("dayOfMonth", (*day).into());
            }
            Cycle::RelativeYearly { month, days, index } => {
                put("type", "relativeYearly".into());
                put("month", (*month).into());
                put("daysOfWeek", names(days).into());
                put("index", index.name().into());
            }
        }
        let mut range = Map::new();
        range.insert("startDate".to_owned(), self.start.to_string().into());
        range.insert("recurrenceTimeZone".to_owned(), zone.into());
        let mut put = |key: &str, value: Value| drop(range.insert(key.to_owned(), value));
        match self.end {
            End::Never => put("type", "noEnd".into()),
            End::On(last) => {
                put("type", "endDate".into());
                put("endDate", last.to_string().into());
            }
            End::After(count) => {
                put("type", "numbered".into());
                put("numberOfOccurrences", count.into());
            }
        }
        json!({"pattern": pattern, "range": range})
    }

    /// From the JSON, of which only what its types have a use for is looked at.
    ///
    /// # Errors
    /// When it is of a type that nobody has described, or half of one.
    // quirk: microsoft-33, microsoft-69
    pub(crate) fn read(value: &Value) -> Result<Self, Unread> {
        let (pattern, range) = (&value["pattern"], &value["range"]);
        let interval = pattern["interval"].as_u64().and_then(|number| u32::try_from(number).ok());
        let interval = interval.filter(|interval| *interval > 0).unwrap_or(1);
        let date = |value: &Value| value.as_str()?.get(..10)?.parse::<Date>().ok();
        let start = date(&range["startDate"]).ok_or(ODD)?;
        let end = match range["type"].as_str() {
            Some("endDate") => End::On(date(&range["endDate"]).ok_or(ODD)?),
            Some("numbered") => {
                let count = range["numberOfOccurrences"].as_u64().filter(|count| *count > 0);
                End::After(count.and_then(|count| u32::try_from(count).ok()).ok_or(ODD)?)
            }
            Some("noEnd") | None => End::Never,
            Some(_) => return Err(ODD),
        };
        Ok(Self { cycle: cycle(pattern)?, interval, start, end })
    }

    /// The days of the series, in order, without an end where it has none.
    // quirk: microsoft-36
    pub(crate) fn days(&self) -> impl Iterator<Item = Date> + '_ {
        let most = match self.end {
            End::After(count) => count as usize,
            End::Never | End::On(_) => usize::MAX,
        };
        let last = match self.end {
            End::On(last) => last,
            End::Never | End::After(_) => Date::MAX,
        };
        let mut empty = 0;
        let steps = (0_i32..).map_while(|step| self.step(step)).take_while(move |days| {
            empty = if days.is_empty() { empty + 1 } else { 0 };
            empty < MOST_EMPTY_STEPS
        });
        let days = steps.flatten().filter(|day| *day >= self.start);
        days.take_while(move |day| *day <= last).take(most)
    }

    /// The days of one day, week, month or year of the pattern; `None` beyond the calendar.
    fn step(&self, step: i32) -> Option<Vec<Date>> {
        let by = i32::try_from(self.interval).ok()?.checked_mul(step)?;
        let month = |by: i32| {
            self.start.first_of_month().checked_add(Span::new().try_months(by).ok()?).ok()
        };
        let year = |month: i8| {
            let year = i16::try_from(i32::from(self.start.year()).checked_add(by)?).ok()?;
            Date::new(year, month, 1).ok()
        };
        match &self.cycle {
            Cycle::Daily => {
                Some(vec![self.start.checked_add(Span::new().try_days(by).ok()?).ok()?])
            }
            Cycle::Weekly { days, first } => {
                let back = self.start.weekday().since(*first);
                let week = self.start.checked_sub(Span::new().days(back)).ok()?;
                let week = week.checked_add(Span::new().try_weeks(by).ok()?).ok()?;
                let whole = (0..7).filter_map(|day| week.checked_add(Span::new().days(day)).ok());
                Some(whole.filter(|day| days.contains(&day.weekday())).collect())
            }
            Cycle::AbsoluteMonthly { day } => Some(vec![clamped(month(by)?, *day)?]),
            Cycle::RelativeMonthly { days, index } => {
                Some(indexed(month(by)?, days, *index).into_iter().collect())
            }
            Cycle::AbsoluteYearly { month, day } => Some(vec![clamped(year(*month)?, *day)?]),
            Cycle::RelativeYearly { month, days, index } => {
                Some(indexed(year(*month)?, days, *index).into_iter().collect())
            }
        }
    }
}

const ODD: Unread = Unread("it repeats in a way that nobody has described");

fn cycle(pattern: &Value) -> Result<Cycle, Unread> {
    let number = |name: &str, most: i64| {
        let number = pattern[name].as_i64().filter(|number| (1..=most).contains(number));
        number.and_then(|number| i8::try_from(number).ok()).ok_or(ODD)
    };
    let days = || -> Result<Vec<Weekday>, Unread> {
        let names = pattern["daysOfWeek"].as_array().ok_or(ODD)?;
        let days: Option<Vec<Weekday>> = names.iter().map(|name| weekday(name.as_str()?)).collect();
        let mut days = days.filter(|days| !days.is_empty()).ok_or(ODD)?;
        days.sort_unstable_by_key(|day| day.to_monday_zero_offset());
        days.dedup();
        Ok(days)
    };
    let index = || match pattern["index"].as_str() {
        Some(stated) => Index::ALL.into_iter().find(|index| index.name() == stated).ok_or(ODD),
        None => Ok(Index::First),
    };
    Ok(match pattern["type"].as_str() {
        Some("daily") => Cycle::Daily,
        Some("weekly") => {
            let first = pattern["firstDayOfWeek"].as_str().and_then(weekday);
            Cycle::Weekly { days: days()?, first: first.unwrap_or(Weekday::Sunday) }
        }
        Some("absoluteMonthly") => Cycle::AbsoluteMonthly { day: number("dayOfMonth", 31)? },
        Some("relativeMonthly") => Cycle::RelativeMonthly { days: days()?, index: index()? },
        Some("absoluteYearly") => {
            Cycle::AbsoluteYearly { month: number("month", 12)?, day: number("dayOfMonth", 31)? }
        }
        Some("relativeYearly") => {
            Cycle::RelativeYearly { month: number("month", 12)?, days: days()?, index: index()? }
        }
        Some(_) | None => return Err(ODD),
    })
}

/// The day of a month, or its last one.
// quirk: microsoft-38
fn clamped(month: Date, day: i8) -> Option<Date> {
    Date::new(month.year(), month.month(), day.min(month.days_in_month())).ok()
}

/// The k-th of all days of the month that are one of the weekdays.
// quirk: microsoft-37
fn indexed(month: Date, days: &[Weekday], index: Index) -> Option<Date> {
    let all = (1..=month.days_in_month()).filter_map(|day| clamped(month, day));
    let fitting: Vec<Date> = all.filter(|date| days.contains(&date.weekday())).collect();
    match index {
        Index::First => fitting.first(),
        Index::Second => fitting.get(1),
        Index::Third => fitting.get(2),
        Index::Fourth => fitting.get(3),
        Index::Last => fitting.last(),
    }
    .copied()
}

const WEEKDAYS: [(Weekday, &str); 7] = [
    (Weekday::Monday, "monday"),
    (Weekday::Tuesday, "tuesday"),
    (Weekday::Wednesday, "wednesday"),
    (Weekday::Thursday, "thursday"),
    (Weekday::Friday, "friday"),
    (Weekday::Saturday, "saturday"),
    (Weekday::Sunday, "sunday"),
];

fn name(day: Weekday) -> &'static str {
    WEEKDAYS.iter().find(|(known, _)| *known == day).map_or("sunday", |(_, name)| name)
}

fn weekday(stated: &str) -> Option<Weekday> {
    WEEKDAYS.iter().find(|(_, name)| name.eq_ignore_ascii_case(stated)).map(|(day, _)| *day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    // quirk: microsoft-33, microsoft-34
    #[test]
    fn an_echo_full_of_zeros_reads_as_what_was_written() {
        let echo = json!({"pattern": {"type": "weekly", "interval": 1, "month": 0, "dayOfMonth": 0,
            "daysOfWeek": ["monday"], "firstDayOfWeek": "sunday", "index": "first"},
            "range": {"type": "noEnd", "startDate": "2017-09-04", "endDate": "0001-01-01",
            "recurrenceTimeZone": "Pacific Standard Time", "numberOfOccurrences": 0}});
        let read = Pattern::read(&echo).unwrap();
        assert_eq!(read.end, End::Never);
        let written = read.to_json("Pacific Standard Time");
        assert_eq!(Pattern::read(&written), Ok(read));
        assert!(written["pattern"].get("month").is_none());
        assert!(written["range"].get("endDate").is_none());
        let first = written.as_object().unwrap().keys().next().unwrap();
        // quirk: microsoft-39
        assert_eq!(first, "pattern");
    }

    // quirk: microsoft-69
    #[test]
    fn what_nobody_has_described_is_not_guessed_at() {
        for value in [
            json!({"pattern": {"type": "lunar"}, "range": {"startDate": "2026-01-01"}}),
            json!({"pattern": {"type": "daily"}, "range": {}}),
            json!({"pattern": {"type": "weekly", "daysOfWeek": []},
                "range": {"startDate": "2026-01-01"}}),
            json!({"pattern": {"type": "absoluteYearly", "month": 0, "dayOfMonth": 3},
                "range": {"startDate": "2026-01-01"}}),
        ] {
            assert!(Pattern::read(&value).is_err(), "{value}");
        }
    }

    // quirk: microsoft-36, microsoft-37, microsoft-38, microsoft-40
    #[test]
    fn patterns_give_the_days_that_exchange_gives() {
        let days = |cycle, start, end| {
            let pattern = Pattern { cycle, interval: 1, start, end };
            pattern.days().take(4).map(|day| day.to_string()).collect::<Vec<_>>()
        };
        let found = days(Cycle::AbsoluteMonthly { day: 31 }, date(2026, 1, 31), End::After(3));
        assert_eq!(found, ["2026-01-31", "2026-02-28", "2026-03-31"]);
        let weekdays = WEEKDAYS[..5].iter().map(|(day, _)| *day).collect();
        let union = Cycle::RelativeMonthly { days: weekdays, index: Index::Last };
        let found = days(union, date(2026, 1, 1), End::On(date(2026, 2, 27)));
        assert_eq!(found, ["2026-01-30", "2026-02-27"]);
        let leap = Cycle::AbsoluteYearly { month: 2, day: 29 };
        let found = days(leap, date(2026, 3, 1), End::After(2));
        assert_eq!(found, ["2027-02-28", "2028-02-29"]);
    }
}
