//! One RRULE, expanded over the wall clock (RFC 5545 section 3.3.10).
//!
//! A rule is walked period by period (a year, a month, a week …): the days of the period that
//! pass the BYxxx parts, times the times of day, then BYSETPOS. Nothing is collected beyond one
//! period, candidates are drawn one at a time, and every period and candidate costs a step of a
//! [`Budget`], so that a hostile rule costs no more than its budget. Zones are none of this
//! module's business: it counts on a clock that never jumps.
//!
//! The crate `rrule` is the oracle in the tests; decision record "recurrence" says why it is not
//! the engine.

use jiff::civil::{Date, DateTime, Time, Weekday};
use model::{ByDay, Frequency, Rule};

/// Steps that one question about one series may cost. A daily series since 1900 with a COUNT
/// fits (46,000 steps); the most hostile rule is through in some 100 ms.
pub const STEP_BUDGET: u32 = 50_000;

/// What is left to spend.
#[derive(Debug, Clone)]
pub(crate) struct Budget {
    left: u32,
}

impl Budget {
    pub(crate) const fn new(steps: u32) -> Self {
        Self { left: steps }
    }

    /// Takes one step; `false` when there is none left.
    pub(crate) fn spend(&mut self) -> bool {
        let is_left = self.left > 0;
        self.left = self.left.saturating_sub(1);
        is_left
    }

    pub(crate) const fn is_spent(&self) -> bool {
        self.left == 0
    }
}

/// Whether calpair expands this rule at all. SECONDLY and MINUTELY are carried, not expanded; so
/// are rules of another calendar scale or skip rule (RFC 7529) and the non-standard BYEASTER.
pub(crate) fn is_expandable(rule: &Rule) -> bool {
    let is_known_scale = |name: &str, plain: &str| {
        rule.other.get(name).is_none_or(|value| value.eq_ignore_ascii_case(plain))
    };
    !matches!(rule.frequency, Frequency::Secondly | Frequency::Minutely)
        && is_known_scale("RSCALE", "GREGORIAN")
        && is_known_scale("SKIP", "OMIT")
        && !rule.other.contains_key("BYEASTER")
        && rule.by_month.iter().all(|month| !month.leap && month.number <= 12)
}

/// The starts that a rule makes, in order, from the series' start on. COUNT and the start itself
/// are as the rule has them: whether a start that the rule does not hit counts is the caller's.
#[derive(Debug, Clone)]
pub(crate) struct Starts {
    rule: Rule,
    start: DateTime,
    until: Option<DateTime>,
    /// How many are still to come.
    left: Option<u32>,
    /// Number of the next period, counted from the one that holds the start.
    period: i64,
    days: Vec<Date>,
    times: Vec<Time>,
    picks: Picks,
    is_done: bool,
}

/// Which of a period's days × times are meant, as indices into their product.
#[derive(Debug, Clone)]
enum Picks {
    All(std::ops::Range<usize>),
    Some(std::vec::IntoIter<usize>),
}

impl Starts {
    /// `until` is the last wall clock that counts, inclusive.
    pub(crate) fn new(rule: &Rule, start: DateTime, until: Option<DateTime>) -> Self {
        let rule = with_defaults(rule, start);
        Self {
            left: rule.count,
            start,
            until,
            period: 0,
            days: Vec::new(),
            times: Vec::new(),
            picks: Picks::All(0..0),
            is_done: false,
            rule,
        }
    }

    /// The last wall clock that counts, where the rule states one.
    pub(crate) fn until(&self) -> Option<DateTime> {
        self.until
    }

    /// Leaves out, without walking them, periods that lie wholly before `wall`. Does nothing for a
    /// rule with COUNT, whose occurrences have to be counted.
    pub(crate) fn skip_to(&mut self, wall: DateTime) {
        if self.left.is_some() || wall <= self.start || self.period > 0 {
            return;
        }
        let (from, to) = (self.start.date(), wall.date());
        let days = days_between(from, to);
        let months = i64::from(to.year() - from.year()) * 12 + i64::from(to.month() - from.month());
        let units = match self.rule.frequency {
            Frequency::Yearly => i64::from(to.year() - from.year()),
            Frequency::Monthly => months,
            Frequency::Weekly => days / 7,
            Frequency::Daily => days,
            // Not the last day: its hours have not all passed.
            Frequency::Hourly => (days - 1) * 24,
            Frequency::Minutely => (days - 1) * 24 * 60,
            Frequency::Secondly => (days - 1) * 24 * 60 * 60,
        };
        // Two back: one for the part of a unit that is cut off above, one for the time of day.
        self.period = (units / i64::from(self.rule.interval.max(1)) - 2).max(0);
    }

    /// The next start; `None` at the end or when the budget is spent.
    pub(crate) fn next(&mut self, budget: &mut Budget) -> Option<DateTime> {
        loop {
            if self.is_done || self.left == Some(0) || !budget.spend() {
                return None;
            }
            let Some(pick) = self.next_pick() else {
                self.is_done = self.load_period().is_none();
                continue;
            };
            let day = self.days[pick / self.times.len()];
            let found = day.to_datetime(self.times[pick % self.times.len()]);
            if self.until.is_some_and(|until| found > until) {
                self.is_done = true;
                return None;
            }
            if found >= self.start {
                if let Some(left) = &mut self.left {
                    *left -= 1;
                }
                return Some(found);
            }
        }
    }

    fn next_pick(&mut self) -> Option<usize> {
        match &mut self.picks {
            Picks::All(range) => range.next(),
            Picks::Some(list) => list.next(),
        }
    }

    /// Works out the next period's candidates; `None` when the calendar (year 9999) or UNTIL ends.
    fn load_period(&mut self) -> Option<()> {
        let number = self.period.checked_mul(i64::from(self.rule.interval.max(1)))?;
        self.period += 1;
        let first = self.period_start(number)?;
        if self.until.is_some_and(|until| first > until) {
            return None;
        }
        self.load_days(first);
        self.load_times(first);
        let total = self.days.len() * self.times.len();
        if self.rule.by_set_position.is_empty() {
            self.picks = Picks::All(self.first_at_start()..total);
        } else {
            self.picks = Picks::Some(positions(&self.rule.by_set_position, total).into_iter());
        }
        Some(())
    }

    /// Where the period begins: its first day, for HOURLY and finer its first second.
    fn period_start(&mut self, number: i64) -> Option<DateTime> {
        let start = self.start.date();
        let midnight = Time::midnight();
        let date = match self.rule.frequency {
            Frequency::Yearly => {
                let year = i64::from(start.year()).checked_add(number)?;
                Date::new(i16::try_from(year).ok()?, 1, 1).ok()?
            }
            Frequency::Monthly => {
                let months = i64::from(start.year()) * 12 + i64::from(start.month()) - 1;
                let months = months.checked_add(number)?;
                let year = i16::try_from(months.div_euclid(12)).ok()?;
                let month = i8::try_from(months.rem_euclid(12) + 1).ok()?;
                Date::new(year, month, 1).ok()?
            }
            Frequency::Weekly => {
                let monday = week_begin(start, self.rule.week_start)?;
                plus_days(monday, number.checked_mul(7)?)?
            }
            Frequency::Daily => plus_days(start, number)?,
            Frequency::Hourly => return self.fine_period(number, 3600),
            Frequency::Minutely => return self.fine_period(number, 60),
            Frequency::Secondly => return self.fine_period(number, 1),
        };
        Some(date.to_datetime(midnight))
    }

    /// HOURLY and finer: the period's first second; a day that can't match is left at once.
    fn fine_period(&mut self, number: i64, unit: i64) -> Option<DateTime> {
        let seconds = number.checked_mul(unit)?;
        let at = self.start.checked_add(jiff::SignedDuration::from_secs(seconds)).ok()?;
        if !self.day_matches(at.date()) {
            let step = unit.checked_mul(i64::from(self.rule.interval.max(1)))?;
            let gone =
                i64::from(at.hour()) * 3600 + i64::from(at.minute()) * 60 + i64::from(at.second());
            self.period += ((86_400 - gone) / step - 1).max(0);
        }
        Some(at)
    }

    fn load_days(&mut self, first: DateTime) {
        let first = first.date();
        self.days.clear();
        match self.rule.frequency {
            Frequency::Yearly => {
                for month in 1..=12 {
                    self.load_month(first.year(), month);
                }
            }
            Frequency::Monthly => self.load_month(first.year(), first.month()),
            Frequency::Weekly => {
                let mut day = Some(first);
                for _ in 0..7 {
                    let Some(date) = day else { break };
                    self.load_day(date);
                    day = date.tomorrow().ok();
                }
            }
            _ => self.load_day(first),
        }
    }

    /// Looks only at the days that BYMONTH and BYMONTHDAY leave: most rules name them.
    fn load_month(&mut self, year: i16, month: i8) {
        let months = &self.rule.by_month;
        let is_named = months.iter().any(|named| i64::from(named.number) == i64::from(month));
        let Some(first) = Date::new(year, month, 1).ok().filter(|_| is_named || months.is_empty())
        else {
            return;
        };
        let length = first.days_in_month();
        let mut days: Vec<i8> = match self.rule.by_month_day.as_slice() {
            [] => (1..=length).collect(),
            named => named.iter().map(|d| if *d < 0 { length + 1 + d } else { *d }).collect(),
        };
        days.sort_unstable();
        days.dedup();
        for date in days.into_iter().filter_map(|day| Date::new(year, month, day).ok()) {
            self.load_day(date);
        }
    }

    fn load_day(&mut self, date: Date) {
        if self.day_matches(date) {
            self.days.push(date);
        }
    }

    fn load_times(&mut self, first: DateTime) {
        let rule = &self.rule;
        let fixed = |fixed: bool, own: i8, by: &[u8]| -> Vec<i8> {
            let by = by.iter().map(|value| i8::try_from(*value).unwrap_or(i8::MAX));
            match (fixed, by.len()) {
                (false, _) => by.collect(),
                (true, 0) => vec![own],
                (true, _) => by.filter(|value| *value == own).collect(),
            }
        };
        let fine = match rule.frequency {
            Frequency::Hourly => 1,
            Frequency::Minutely => 2,
            Frequency::Secondly => 3,
            _ if !self.times.is_empty() => return,
            _ => 0,
        };
        let hours = fixed(fine >= 1, first.hour(), &rule.by_hour);
        let minutes = fixed(fine >= 2, first.minute(), &rule.by_minute);
        let seconds = fixed(fine >= 3, first.second(), &rule.by_second);
        self.times.clear();
        for hour in &hours {
            for minute in &minutes {
                // A leap second has no place on this clock; it is the second before.
                let seconds = seconds.iter().map(|second| (*second).min(59));
                let times = seconds.filter_map(|second| Time::new(*hour, *minute, second, 0).ok());
                self.times.extend(times);
            }
        }
        self.times.dedup();
    }

    /// Index of the first candidate that is not before the start.
    fn first_at_start(&self) -> usize {
        let day = self.days.partition_point(|day| *day < self.start.date());
        let times = self.times.len();
        match self.days.get(day) {
            Some(found) if *found == self.start.date() => {
                day * times + self.times.partition_point(|time| *time < self.start.time())
            }
            _ => day * times,
        }
    }

    fn day_matches(&self, date: Date) -> bool {
        let rule = &self.rule;
        let in_month = || {
            rule.by_month.is_empty()
                || rule
                    .by_month
                    .iter()
                    .any(|month| i64::from(month.number) == i64::from(date.month()))
        };
        let in_days = || {
            let from_end = date.day() - date.days_in_month() - 1;
            rule.by_month_day.is_empty()
                || rule.by_month_day.iter().any(|day| *day == date.day() || *day == from_end)
        };
        let in_year = || {
            let from_end = date.day_of_year() - date.days_in_year() - 1;
            rule.by_year_day.is_empty()
                || rule.by_year_day.iter().any(|d| *d == date.day_of_year() || *d == from_end)
        };
        let in_week = || {
            rule.by_week_number.is_empty() || {
                let (number, from_end) = week_number(date, rule.week_start);
                rule.by_week_number.iter().any(|week| *week == number || *week == from_end)
            }
        };
        let on_day = || {
            rule.by_day.is_empty() || rule.by_day.iter().any(|by| weekday_matches(rule, *by, date))
        };
        in_month() && in_days() && in_year() && in_week() && on_day()
    }
}

/// Fills in what the start implies (RFC 5545 section 3.3.10: "information … is derived from
/// DTSTART").
fn with_defaults(rule: &Rule, start: DateTime) -> Rule {
    let mut rule = rule.clone();
    let unit = |value: i8| vec![u8::try_from(value).unwrap_or_default()];
    let names_no_day = rule.by_week_number.is_empty()
        && rule.by_year_day.is_empty()
        && rule.by_month_day.is_empty()
        && rule.by_day.is_empty();
    if names_no_day {
        match rule.frequency {
            Frequency::Yearly => {
                if rule.by_month.is_empty() {
                    let number = u8::try_from(start.month()).unwrap_or_default();
                    rule.by_month = vec![model::Month { number, leap: false }];
                }
                rule.by_month_day = vec![start.day()];
            }
            Frequency::Monthly => rule.by_month_day = vec![start.day()],
            Frequency::Weekly => {
                rule.by_day = vec![ByDay { ordinal: None, weekday: start.weekday() }];
            }
            _ => {}
        }
    }
    let frequency = rule.frequency;
    if rule.by_hour.is_empty() && frequency > Frequency::Hourly {
        rule.by_hour = unit(start.hour());
    }
    if rule.by_minute.is_empty() && frequency > Frequency::Minutely {
        rule.by_minute = unit(start.minute());
    }
    if rule.by_second.is_empty() && frequency > Frequency::Secondly {
        rule.by_second = unit(start.second());
    }
    for list in [&mut rule.by_hour, &mut rule.by_minute, &mut rule.by_second] {
        list.sort_unstable();
        list.dedup();
    }
    rule
}

/// An ordinal counts within the month (MONTHLY, or YEARLY with BYMONTH) or the year; elsewhere it
/// means nothing and every such weekday is meant.
fn weekday_matches(rule: &Rule, by: ByDay, date: Date) -> bool {
    if date.weekday() != by.weekday {
        return false;
    }
    let Some(ordinal) = by.ordinal else { return true };
    let in_month = match rule.frequency {
        Frequency::Monthly => true,
        Frequency::Yearly => !rule.by_month.is_empty(),
        _ => return true,
    };
    let (day, length) = if in_month {
        (i16::from(date.day()), i16::from(date.days_in_month()))
    } else {
        (date.day_of_year(), date.days_in_year())
    };
    let nth = (day - 1) / 7 + 1;
    let nth_last = -((length - day) / 7 + 1);
    i16::from(ordinal) == nth || i16::from(ordinal) == nth_last
}

/// The number of the date's week, from the front and from the end of the year that it belongs to:
/// week 1 is the first with four days in its year (ISO 8601, with any first weekday).
fn week_number(date: Date, week_start: Weekday) -> (i8, i8) {
    let Some(begin) = week_begin(date, week_start) else { return (0, 0) };
    // The year of a week is the year of its fourth day.
    let year = plus_days(begin, 3).map_or(begin.year(), Date::year);
    let week_one =
        |year: i16| Date::new(year, 1, 4).ok().and_then(|fourth| week_begin(fourth, week_start));
    let (Some(this), Some(next)) = (week_one(year), week_one(year.saturating_add(1))) else {
        return (0, 0);
    };
    let number = days_between(this, begin) / 7 + 1;
    let weeks = days_between(this, next) / 7;
    let narrow = |value: i64| i8::try_from(value).unwrap_or_default();
    (narrow(number), narrow(number - weeks - 1))
}

/// The first day of the week that holds the date.
fn week_begin(date: Date, week_start: Weekday) -> Option<Date> {
    plus_days(date, -i64::from(date.weekday().since(week_start)))
}

fn plus_days(date: Date, days: i64) -> Option<Date> {
    // Outside of this the calendar has no days, and the duration below would not fit.
    if days.abs() > 10_000_000 {
        return None;
    }
    date.checked_add(jiff::SignedDuration::from_hours(days * 24)).ok()
}

fn days_between(from: Date, to: Date) -> i64 {
    from.duration_until(to).as_hours() / 24
}

/// BYSETPOS: indices into a set of that size, in order.
fn positions(wanted: &[i16], total: usize) -> Vec<usize> {
    let total = i64::try_from(total).unwrap_or(i64::MAX);
    let mut found: Vec<usize> = wanted
        .iter()
        .map(|position| i64::from(*position))
        .map(|position| if position > 0 { position - 1 } else { total + position })
        .filter(|index| (0..total).contains(index))
        .filter_map(|index| usize::try_from(index).ok())
        .collect();
    found.sort_unstable();
    found.dedup();
    found
}
