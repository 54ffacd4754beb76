//! Recurrence as Exchange has it: six patterns, three ranges, and the days that they give.
//!
//! Days beyond the end of a month mean its last one; of several weekdays with an index the union
//! is counted. Nothing here is shared with the rules of iCalendar.

use jiff::Span;
use jiff::civil::{Date, Weekday};

/// Days that a series is looked at for at most; 40 years of a daily one.
const MOST_SLOTS: usize = 15_000;

/// How days recur.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cycle {
    Daily,
    Weekly { days: Vec<Weekday>, first: Weekday },
    AbsoluteMonthly { day: i8 },
    RelativeMonthly { days: Vec<Weekday>, index: Index },
    AbsoluteYearly { month: i8, day: i8 },
    RelativeYearly { month: i8, days: Vec<Weekday>, index: Index },
}

/// Which of the fitting days of a month.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Index {
    First,
    Second,
    Third,
    Fourth,
    Last,
}

impl Index {
    pub(super) const ALL: [(Index, &str); 5] = [
        (Index::First, "first"),
        (Index::Second, "second"),
        (Index::Third, "third"),
        (Index::Fourth, "fourth"),
        (Index::Last, "last"),
    ];

    pub(super) fn name(self) -> &'static str {
        Self::ALL.iter().find(|(index, _)| *index == self).map_or("first", |(_, name)| name)
    }
}

/// When it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Never,
    /// The last day, inclusive, in the zone of the series.
    // quirk: microsoft-40
    On(Date),
    /// After so many, deleted ones included.
    After(u32),
}

/// A pattern and its range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    pub(super) cycle: Cycle,
    pub(super) interval: i32,
    pub(super) start: Date,
    pub(super) end: End,
}

impl Pattern {
    /// The days of the series up to `until`, in order.
    // quirk: microsoft-36
    pub(super) fn days(&self, until: Date) -> Vec<Date> {
        let last = match self.end {
            End::On(last) => last.min(until),
            End::Never | End::After(_) => until,
        };
        let most = match self.end {
            End::After(count) => count as usize,
            End::Never | End::On(_) => MOST_SLOTS,
        };
        let mut found = Vec::new();
        for step in 0.. {
            let Some(days) = self.step(step) else { break };
            let Some(least) = days.first().copied() else { continue };
            if least > last || found.len() >= most.min(MOST_SLOTS) {
                break;
            }
            found.extend(days.into_iter().filter(|day| *day >= self.start && *day <= last));
        }
        found.truncate(most.min(MOST_SLOTS));
        found
    }

    /// The first day of the series.
    pub(super) fn first(&self) -> Option<Date> {
        let horizon = self.start.checked_add(Span::new().years(100)).unwrap_or(Date::MAX);
        let one = Pattern { end: End::After(1), ..self.clone() };
        let first = one.days(horizon).first().copied()?;
        match self.end {
            End::On(last) if first > last => None,
            End::Never | End::On(_) | End::After(_) => Some(first),
        }
    }

    /// The days of one day, week, month or year of the pattern; `None` beyond the calendar.
    fn step(&self, step: i32) -> Option<Vec<Date>> {
        let by = self.interval.checked_mul(step)?;
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
            Cycle::AbsoluteMonthly { day } => {
                let month = self.start.first_of_month();
                let month = month.checked_add(Span::new().try_months(by).ok()?).ok()?;
                Some(vec![clamped(month, *day)?])
            }
            Cycle::RelativeMonthly { days, index } => {
                let month = self.start.first_of_month();
                let month = month.checked_add(Span::new().try_months(by).ok()?).ok()?;
                Some(vec![indexed(month, days, *index)?])
            }
            Cycle::AbsoluteYearly { month, day } => {
                Some(vec![clamped(self.year(by, *month)?, *day)?])
            }
            Cycle::RelativeYearly { month, days, index } => {
                Some(vec![indexed(self.year(by, *month)?, days, *index)?])
            }
        }
    }

    fn year(&self, by: i32, month: i8) -> Option<Date> {
        let year = i16::try_from(i32::from(self.start.year()).checked_add(by)?).ok()?;
        Date::new(year, month, 1).ok()
    }
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
    let mut fitting = all.filter(|date| days.contains(&date.weekday()));
    match index {
        Index::First => fitting.next(),
        Index::Second => fitting.nth(1),
        Index::Third => fitting.nth(2),
        Index::Fourth => fitting.nth(3),
        Index::Last => fitting.next_back(),
    }
}

/// Weekdays as Graph names them, from Sunday.
pub(super) const WEEKDAYS: [(Weekday, &str); 7] = [
    (Weekday::Sunday, "sunday"),
    (Weekday::Monday, "monday"),
    (Weekday::Tuesday, "tuesday"),
    (Weekday::Wednesday, "wednesday"),
    (Weekday::Thursday, "thursday"),
    (Weekday::Friday, "friday"),
    (Weekday::Saturday, "saturday"),
];

pub(super) fn weekday_name(day: Weekday) -> &'static str {
    WEEKDAYS.iter().find(|(known, _)| *known == day).map_or("sunday", |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn days(cycle: Cycle, interval: i32, start: Date, end: End, until: Date) -> Vec<String> {
        let pattern = Pattern { cycle, interval, start, end };
        pattern.days(until).iter().map(ToString::to_string).collect()
    }

    // quirk: microsoft-36, microsoft-37, microsoft-38, microsoft-40
    #[test]
    fn patterns_give_the_days_that_exchange_gives() {
        use Weekday::{Friday, Monday, Thursday, Tuesday, Wednesday};
        let far = date(2027, 12, 31);
        let clamp = Cycle::AbsoluteMonthly { day: 31 };
        let found = days(clamp, 1, date(2026, 1, 31), End::After(4), far);
        assert_eq!(found, ["2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30"]);
        let weekdays = vec![Monday, Tuesday, Wednesday, Thursday, Friday];
        let union = Cycle::RelativeMonthly { days: weekdays, index: Index::Last };
        let found = days(union, 1, date(2026, 1, 1), End::After(3), far);
        assert_eq!(found, ["2026-01-30", "2026-02-27", "2026-03-31"]);
        let weekly = Cycle::Weekly { days: vec![Monday, Thursday], first: Monday };
        let found = days(weekly, 2, date(2026, 1, 8), End::On(date(2026, 2, 5)), far);
        assert_eq!(found, ["2026-01-08", "2026-01-19", "2026-01-22", "2026-02-02", "2026-02-05"]);
        let leap = Cycle::AbsoluteYearly { month: 2, day: 29 };
        let found = days(leap, 1, date(2026, 3, 1), End::Never, date(2028, 12, 31));
        assert_eq!(found, ["2027-02-28", "2028-02-29"]);
        let daily = days(Cycle::Daily, 3, date(2026, 1, 1), End::Never, date(2026, 1, 8));
        assert_eq!(daily, ["2026-01-01", "2026-01-04", "2026-01-07"]);
        let third = Cycle::RelativeYearly { month: 5, days: vec![Friday], index: Index::Third };
        assert_eq!(days(third, 1, date(2026, 1, 1), End::After(1), far), ["2026-05-15"]);
    }
}
