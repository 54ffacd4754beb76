//! The repetition of a series as Graph has it. A rule is written in Graph's words only where these
//! mean the very same: both are played, and their starts compared one by one. What Graph has no
//! words for is never another rule; it becomes single events that are linked, see [`crate::parts`].

pub(crate) mod pattern;

use jiff::civil::{Date, DateTime, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span};
use model::{ByDay, Event, Frequency, Month, Recurrence, Rule, Series, Until, When};
use serde_json::Value;

use crate::fields::Unread;
use crate::zones;
use pattern::{Cycle, End, Index, Pattern};

/// How many starts are compared: some twenty years of a weekly rule.
const COMPARED: usize = 1_000;

/// How far they are compared at most. A rule that first differs later (a leap day of 2100) differs
/// when nobody asks any more.
const COMPARED_YEARS: i32 = 60;

/// The longest intervals that Exchange takes.
const MOST_DAYS: u32 = 999;
const MOST_OTHERS: u32 = 99;

/// The repetition of a master.
///
/// # Errors
/// When it can't be understood.
pub(crate) fn read(value: Option<&Value>, start: &When) -> Result<Recurrence, Unread> {
    let Some(value) = value.filter(|value| value.is_object()) else {
        return Ok(Recurrence::default());
    };
    let pattern = Pattern::read(value)?;
    Ok(Recurrence { rules: vec![rule(&pattern, start)], ..Recurrence::default() })
}

/// The rule that a pattern is.
// quirk: microsoft-37, microsoft-38
fn rule(pattern: &Pattern, start: &When) -> Rule {
    let mut rule = Rule::new(Frequency::Daily);
    rule.interval = pattern.interval;
    match &pattern.cycle {
        Cycle::Daily => {}
        Cycle::Weekly { days, first } => {
            rule.frequency = Frequency::Weekly;
            rule.by_day = every(days);
            if pattern.interval > 1 {
                rule.week_start = *first;
            }
        }
        Cycle::AbsoluteMonthly { day } => {
            rule.frequency = Frequency::Monthly;
            put_month_day(&mut rule, *day, 28);
        }
        Cycle::RelativeMonthly { days, index } => {
            rule.frequency = Frequency::Monthly;
            put_index(&mut rule, days, *index);
        }
        Cycle::AbsoluteYearly { month, day } => {
            rule.frequency = Frequency::Yearly;
            rule.by_month = vec![Month { number: month.unsigned_abs(), leap: false }];
            let shortest = match month {
                2 => 28,
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            put_month_day(&mut rule, *day, shortest);
        }
        Cycle::RelativeYearly { month, days, index } => {
            rule.frequency = Frequency::Yearly;
            rule.by_month = vec![Month { number: month.unsigned_abs(), leap: false }];
            put_index(&mut rule, days, *index);
        }
    }
    leave_out_what_the_start_says(&mut rule, start.wall().date());
    match pattern.end {
        End::Never => {}
        End::After(count) => rule.count = Some(count),
        End::On(last) => rule.until = Some(until(last, start)),
    }
    rule
}

/// A day that is the start's own is not stated, as calendars elsewhere write it: who moves the
/// start moves the day with it.
fn leave_out_what_the_start_says(rule: &mut Rule, start: Date) {
    let own_day = ByDay { ordinal: None, weekday: start.weekday() };
    let own_month = Month { number: start.month().unsigned_abs(), leap: false };
    match rule.frequency {
        Frequency::Weekly if rule.by_day == [own_day] => rule.by_day.clear(),
        Frequency::Monthly if rule.by_month_day == [start.day()] => rule.by_month_day.clear(),
        Frequency::Yearly if rule.by_month == [own_month] && rule.by_month_day == [start.day()] => {
            rule.by_month.clear();
            rule.by_month_day.clear();
        }
        _ => {}
    }
}

fn every(days: &[Weekday]) -> Vec<ByDay> {
    days.iter().map(|day| ByDay { ordinal: None, weekday: *day }).collect()
}

/// A day that months have, or their last one where they are shorter.
fn put_month_day(rule: &mut Rule, day: i8, shortest: i8) {
    if day <= shortest {
        rule.by_month_day = vec![day];
    } else if day == 31 || shortest == 30 || rule.frequency == Frequency::Yearly && day > 28 {
        rule.by_month_day = vec![-1];
    } else {
        rule.by_month_day = (shortest..=day).collect();
        rule.by_set_position = vec![-1];
    }
}

fn put_index(rule: &mut Rule, days: &[Weekday], index: Index) {
    if let [day] = days {
        rule.by_day = vec![ByDay { ordinal: Some(index.position()), weekday: *day }];
    } else {
        rule.by_day = every(days);
        rule.by_set_position = vec![index.position().into()];
    }
}

/// The last start, inclusive.
// quirk: microsoft-40
fn until(last: Date, start: &When) -> Until {
    match start {
        When::Date(_) => Until::Date(last),
        When::Floating(local) => Until::Floating(last.to_datetime(local.time())),
        When::Utc(_) | When::Zoned { .. } => {
            let at = start.with_wall(last.to_datetime(start.wall().time()));
            let at = ical::instant(&at, &TimeZone::UTC).unwrap_or(jiff::Timestamp::MAX);
            Until::Utc(TimeZone::UTC.to_datetime(at))
        }
    }
}

/// How Graph can hold a repetition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// It does not repeat.
    Once,
    /// In Graph's words, which mean the same.
    Pattern(Pattern),
    /// As single events that are linked; the reason.
    Parts(&'static str),
}

/// How Graph can hold the repetition of a series.
pub(crate) fn form(series: &Series) -> Form {
    let Some(master) = &series.master else {
        return Form::Parts("it consists of single occurrences of a series that is not known");
    };
    let recurrence = &series.recurrence;
    if recurrence.is_empty() {
        return Form::Once;
    }
    let [rule] = recurrence.rules.as_slice() else {
        return Form::Parts("it repeats by more or less than one rule");
    };
    if !recurrence.exclusions.is_empty() || !recurrence.extras.is_empty() {
        return Form::Parts("it has single dates beside its rule");
    }
    let timed = matches!(master.start, When::Utc(_) | When::Zoned { .. });
    if timed && zones::name(&master.start).is_none() {
        return Form::Parts("it repeats in a time zone that Windows does not know");
    }
    match expressed(rule, master, series) {
        Some(pattern) => Form::Pattern(pattern),
        None => Form::Parts("Outlook has no words for its rule"),
    }
}

/// The pattern that gives the very same starts.
fn expressed(rule: &Rule, master: &Event, series: &Series) -> Option<Pattern> {
    if !rule.other.is_empty() || !by_clock_is_idle(rule, &master.start) {
        return None;
    }
    let starts = Starts::of(series)?;
    if starts.overlap(master) {
        return None;
    }
    let start = master.start.wall().date();
    let end = end(rule, &master.start)?;
    let patterns = cycles(rule, start).into_iter().map(|(cycle, interval)| Pattern {
        cycle,
        interval,
        start,
        end,
    });
    patterns.filter(is_taken).find(|pattern| starts.are_those_of(pattern, &master.start))
}

/// Whether the parts about the time of day say only what the start says.
fn by_clock_is_idle(rule: &Rule, start: &When) -> bool {
    let wall = start.wall();
    let idle = |list: &[u8], own: i8| list.is_empty() || list == [own.unsigned_abs()];
    idle(&rule.by_hour, wall.hour())
        && idle(&rule.by_minute, wall.minute())
        && idle(&rule.by_second, wall.second())
}

fn is_taken(pattern: &Pattern) -> bool {
    let most = if pattern.cycle == Cycle::Daily { MOST_DAYS } else { MOST_OTHERS };
    (1..=most).contains(&pattern.interval)
}

/// The first starts of a series, as its own rules make them.
struct Starts {
    walls: Vec<DateTime>,
    /// Until where they are all.
    horizon: DateTime,
}

impl Starts {
    /// `None` when its rules can only be carried.
    fn of(series: &Series) -> Option<Self> {
        let bare = ical::bare(series);
        let first = bare.master.as_ref()?.start.wall();
        let far = first.checked_add(Span::new().years(COMPARED_YEARS)).unwrap_or(DateTime::MAX);
        let mut occurrences = ical::occurrences(&bare, ical::Window::ALL, &TimeZone::UTC);
        let walls: Vec<DateTime> = occurrences
            .by_ref()
            .map(|found| found.original.wall())
            .take_while(|wall| *wall <= far)
            .take(COMPARED)
            .collect();
        if occurrences.is_cut() {
            return None;
        }
        let horizon = if walls.len() < COMPARED { far } else { *walls.last()? };
        Some(Self { walls, horizon })
    }

    fn are_those_of(&self, pattern: &Pattern, start: &When) -> bool {
        let time = start.wall().time();
        let theirs = pattern.days().map(|day| day.to_datetime(time));
        theirs.take_while(|wall| *wall <= self.horizon).eq(self.walls.iter().copied())
    }

    /// Whether one lasts until after the next began: Exchange has no such series.
    fn overlap(&self, master: &Event) -> bool {
        let lasts = master.start.wall().duration_until(master.end.wall());
        let lasts = lasts.max(SignedDuration::ZERO);
        self.walls.windows(2).any(|pair| pair[0].duration_until(pair[1]) < lasts)
    }
}

/// When a rule ends, in Graph's words; `None` for a rule with both a count and an end that differ.
// quirk: microsoft-40
fn end(rule: &Rule, start: &When) -> Option<End> {
    let until = match &rule.until {
        None => None,
        Some(Until::Date(last)) => Some(last.to_datetime(jiff::civil::Time::MAX)),
        Some(Until::Floating(last)) => Some(*last),
        Some(Until::Utc(last)) => match start {
            When::Zoned { zone, .. } => {
                let at = ical::instant(&When::Utc(*last), &TimeZone::UTC)?;
                Some(ical::time_zone(zone)?.to_datetime(at))
            }
            When::Date(_) | When::Floating(_) | When::Utc(_) => Some(*last),
        },
    };
    Some(match (rule.count, until) {
        (Some(count), None) => End::After(count),
        (None, None) => End::Never,
        (None, Some(until)) => {
            let day = until.date();
            let begins = day.to_datetime(start.wall().time());
            End::On(if begins <= until { day } else { day.yesterday().ok()? })
        }
        (Some(_), Some(_)) => return None,
    })
}

/// What a rule may be in Graph's words; which of them it is, only playing them can tell.
fn cycles(rule: &Rule, start: Date) -> Vec<(Cycle, u32)> {
    if !rule.by_week_number.is_empty() || !rule.by_year_day.is_empty() {
        return Vec::new();
    }
    let mut found = Vec::new();
    let interval = rule.interval;
    let days = weekdays(rule, start);
    let weekly = |first| Cycle::Weekly { days: days.clone(), first };
    match rule.frequency {
        Frequency::Secondly | Frequency::Minutely | Frequency::Hourly => {}
        Frequency::Daily => {
            found.push((Cycle::Daily, interval));
            // quirk: microsoft-71
            found.push((weekly(Weekday::Monday), 1));
            push_monthly(&mut found, rule, start, 1);
        }
        Frequency::Weekly => {
            found.push((weekly(rule.week_start), interval));
            found.push((Cycle::Daily, interval.saturating_mul(7)));
        }
        Frequency::Monthly => push_monthly(&mut found, rule, start, interval),
        Frequency::Yearly => {
            push_yearly(&mut found, rule, start, interval);
            let months = rule.by_month.len() as u32;
            if months > 1 && 12 % months == 0 && interval == 1 {
                push_monthly(&mut found, rule, start, 12 / months);
            }
        }
    }
    if matches!(rule.frequency, Frequency::Monthly | Frequency::Yearly) && interval == 1 {
        found.push((weekly(Weekday::Monday), 1));
    }
    if rule.count == Some(1) {
        found.push((Cycle::Daily, 1));
    }
    found
}

fn weekdays(rule: &Rule, start: Date) -> Vec<Weekday> {
    let mut days: Vec<Weekday> = rule.by_day.iter().map(|day| day.weekday).collect();
    if days.is_empty() {
        days.push(start.weekday());
    }
    days.sort_unstable_by_key(|day| day.to_monday_zero_offset());
    days.dedup();
    days
}

/// The days of the month that a rule may mean, its own and the one that a clamped one is.
fn month_days(rule: &Rule, start: Date) -> Vec<i8> {
    let mut days: Vec<i8> = rule.by_month_day.iter().filter(|day| **day > 0).copied().collect();
    if rule.by_month_day.is_empty() {
        days.push(start.day());
    }
    days.push(31);
    days.dedup();
    // The greatest of a set is the one that is clamped.
    days.reverse();
    days
}

fn push_monthly(found: &mut Vec<(Cycle, u32)>, rule: &Rule, start: Date, interval: u32) {
    if !rule.by_day.is_empty() {
        let days = weekdays(rule, start);
        let relative = |index| Cycle::RelativeMonthly { days: days.clone(), index };
        found.extend(Index::ALL.map(|index| (relative(index), interval)));
    }
    let absolute = month_days(rule, start).into_iter();
    found.extend(absolute.map(|day| (Cycle::AbsoluteMonthly { day }, interval)));
    if rule.by_month.len() == 1 && interval == 1 {
        push_yearly(found, rule, start, 1);
    }
}

fn push_yearly(found: &mut Vec<(Cycle, u32)>, rule: &Rule, start: Date, interval: u32) {
    let month = match rule.by_month.as_slice() {
        [] => start.month(),
        [Month { number, leap: false }] => i8::try_from(*number).unwrap_or(start.month()),
        _ => return,
    };
    if !rule.by_day.is_empty() {
        let days = weekdays(rule, start);
        let relative = |index| Cycle::RelativeYearly { month, days: days.clone(), index };
        found.extend(Index::ALL.map(|index| (relative(index), interval)));
    }
    let absolute = month_days(rule, start).into_iter();
    found.extend(absolute.map(|day| (Cycle::AbsoluteYearly { month, day }, interval)));
}

#[cfg(test)]
mod tests;
