//! The occurrences of a series: master, rules, extra dates, exclusions, exceptions.
//!
//! Rules run over the wall clock of the master's start (an event at nine stays at nine when the
//! clocks change), each start is then placed in its zone. DTSTART always counts, also where no
//! rule hits it (RFC 5545 section 3.8.5.3). What is produced is lazy and has a budget of steps;
//! [`Occurrences::is_cut`] says when it was spent, or when a rule is one that is carried only.

pub(crate) mod rule;
#[cfg(test)]
mod vectors;

use std::collections::{BTreeSet, VecDeque};

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use model::{Event, Exception, Extent, Rule, Series, Until, When};

use crate::zone::{instant, instant_in, time_zone};
use rule::{Budget, Starts, is_expandable};

pub use rule::STEP_BUDGET;

/// One time that an event takes place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occurrence<'s> {
    /// The start that the master gives it: its identity within the series.
    pub original: When,
    /// When it starts.
    pub start: When,
    /// When it ends, exclusive.
    pub end: When,
    /// The instant of its start; dates and floating times in the zone that was asked with.
    pub from: Timestamp,
    /// The instant of its end.
    pub until: Timestamp,
    /// What takes place: the master, or the override.
    pub event: &'s Event,
}

/// From when to when occurrences are asked for: those that overlap `[from, until)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The first instant.
    pub from: Timestamp,
    /// The first instant no longer asked for.
    pub until: Timestamp,
}

impl Window {
    /// All of time.
    pub const ALL: Window = Window { from: Timestamp::MIN, until: Timestamp::MAX };

    fn has(&self, from: Timestamp, until: Timestamp) -> bool {
        from <= self.until
            && (until > self.from || (from == until && from >= self.from))
            && (from < self.until || self.until == Timestamp::MAX)
    }
}

/// The occurrences of a series in a window, in the order of their starts.
///
/// `floating` is the zone in which dates and floating times are placed. A zone that is not known
/// here leaves the occurrences out and the result cut.
pub fn occurrences<'s>(series: &'s Series, window: Window, floating: &TimeZone) -> Occurrences<'s> {
    Occurrences::new(series, window, floating)
}

/// Iterator over occurrences; see [`occurrences`].
#[derive(Debug)]
pub struct Occurrences<'s> {
    window: Window,
    floating: TimeZone,
    /// What the master gives, in order.
    plain: Option<Plain<'s>>,
    next_plain: Option<Occurrence<'s>>,
    /// What overrides say, in order.
    overrides: VecDeque<Occurrence<'s>>,
    is_cut: bool,
}

impl<'s> Occurrences<'s> {
    fn new(series: &'s Series, window: Window, floating: &TimeZone) -> Self {
        let mut all = Self {
            window,
            floating: floating.clone(),
            plain: None,
            next_plain: None,
            overrides: VecDeque::new(),
            is_cut: false,
        };
        let mut overrides = Vec::new();
        for (original, exception) in &series.exceptions {
            let Exception::Override(event) = exception else { continue };
            match all.placed(original.clone(), event.start.clone(), event.end.clone(), event) {
                Some(found) if window.has(found.from, found.until) => overrides.push(found),
                Some(_) => {}
                None => all.is_cut = true,
            }
        }
        overrides.sort_by_key(|occurrence| occurrence.from);
        all.overrides = overrides.into();
        match series.master.as_ref().map(|master| Plain::new(series, master, window, floating)) {
            Some(Some(plain)) => {
                all.is_cut |= plain.is_cut;
                all.plain = Some(plain);
            }
            Some(None) => all.is_cut = true,
            None => {}
        }
        all
    }

    /// Whether there may be more than was given: the budget was spent, a rule is only carried, or
    /// a zone is not known. Complete only after the iterator has ended.
    pub fn is_cut(&self) -> bool {
        self.is_cut
    }

    fn placed(
        &self,
        original: When,
        start: When,
        end: When,
        event: &'s Event,
    ) -> Option<Occurrence<'s>> {
        let from = instant(&start, &self.floating)?;
        let until = instant(&end, &self.floating)?.max(from);
        Some(Occurrence { original, start, end, from, until, event })
    }

    /// Fills `next_plain` with the next of the master's own occurrences in the window.
    fn advance(&mut self) {
        while self.next_plain.is_none() {
            let Some(plain) = &mut self.plain else { return };
            let Some(found) = plain.next() else {
                self.is_cut |= plain.budget.is_spent();
                self.plain = None;
                return;
            };
            if found.from >= self.window.until && self.window.until != Timestamp::MAX {
                self.plain = None;
            } else if self.window.has(found.from, found.until) {
                self.next_plain = Some(found);
            }
        }
    }
}

impl<'s> Iterator for Occurrences<'s> {
    type Item = Occurrence<'s>;

    fn next(&mut self) -> Option<Occurrence<'s>> {
        self.advance();
        let override_first = match (&self.next_plain, self.overrides.front()) {
            (Some(plain), Some(other)) => other.from < plain.from,
            (None, Some(_)) => true,
            (_, None) => false,
        };
        if override_first { self.overrides.pop_front() } else { self.next_plain.take() }
    }
}

/// What the master gives by itself: its start, its rules, its extra dates, less what is excluded
/// or replaced.
#[derive(Debug)]
struct Plain<'s> {
    series: &'s Series,
    master: &'s Event,
    floating: TimeZone,
    /// The zones of the wall clocks of start and end.
    zone: TimeZone,
    end_zone: TimeZone,
    length: Length,
    budget: Budget,
    streams: Vec<Stream>,
    exclusions: Vec<Stream>,
    /// Extra starts still to come, the first one first; with their own end.
    extras: VecDeque<(DateTime, Option<When>)>,
    last: Option<DateTime>,
    last_instant: Option<Timestamp>,
    is_cut: bool,
}

/// One rule and the start that it will give next.
#[derive(Debug)]
struct Stream {
    starts: Starts,
    next: Option<DateTime>,
}

impl Stream {
    fn new(mut starts: Starts, from: DateTime, budget: &mut Budget) -> Self {
        starts.skip_to(from);
        let next = starts.next(budget);
        Self { starts, next }
    }
}

/// How long each occurrence lasts: dates by days, times by the clock that never jumps
/// (RFC 5545 section 3.8.5.3: "the same exact duration").
#[derive(Debug, Clone, Copy)]
enum Length {
    Days(SignedDuration),
    Exact(SignedDuration),
}

impl<'s> Plain<'s> {
    /// `None` when a zone is not known.
    fn new(
        series: &'s Series,
        master: &'s Event,
        window: Window,
        floating: &TimeZone,
    ) -> Option<Self> {
        let start = &master.start;
        let zone = wall_zone(start, floating)?;
        let from = instant(start, floating)?;
        let end_zone = wall_zone(&master.end, floating)?;
        let until = instant_in(master.end.wall(), &end_zone);
        let length = match (start, &master.end) {
            (When::Date(first), When::Date(last)) => Length::Days(first.duration_until(*last)),
            _ => Length::Exact(from.duration_until(until).max(SignedDuration::ZERO)),
        };
        let mut budget = Budget::new(STEP_BUDGET);
        let recurrence = &series.recurrence;
        let begin = begin_of(window, length, &zone);
        let rules = || recurrence.rules.iter().chain(&recurrence.exclusions);
        let is_cut = !rules().all(is_expandable);
        let mut streams = |rules: &[Rule]| -> Vec<Stream> {
            let rules = rules.iter().filter(|rule| is_expandable(rule));
            rules.map(|rule| Stream::new(starts(rule, start, &zone), begin, &mut budget)).collect()
        };
        let own = streams(&recurrence.rules);
        let exclusions = streams(&recurrence.exclusions);
        let extras: BTreeSet<_> = recurrence
            .extras
            .iter()
            .map(|extra| (extra.start.wall(), extra.end.clone()))
            .chain([(start.wall(), None)])
            .collect();
        Some(Self {
            series,
            master,
            floating: floating.clone(),
            zone,
            end_zone,
            length,
            budget,
            streams: own,
            exclusions,
            extras: extras.into_iter().collect(),
            last: None,
            last_instant: None,
            is_cut,
        })
    }

    fn next(&mut self) -> Option<Occurrence<'s>> {
        loop {
            let (wall, own_end) = self.next_wall()?;
            // The same start from two sources is one occurrence; the first source wins, and an
            // extra date with its own end comes first.
            if self.last == Some(wall) {
                continue;
            }
            self.last = Some(wall);
            let original = self.master.start.with_wall(wall);
            let exceptions = &self.series.exceptions;
            let is_exception = !exceptions.is_empty() && exceptions.contains_key(&original);
            if self.is_excluded(wall) || is_exception {
                continue;
            }
            let found = self.placed(original, wall, own_end);
            // Where the clocks jump ahead, two readings of an hourly rule are one instant.
            if self.last_instant.replace(found.from) != Some(found.from) {
                return Some(found);
            }
        }
    }

    /// The earliest start of all sources, taken out of its source.
    fn next_wall(&mut self) -> Option<(DateTime, Option<When>)> {
        let streams = self.streams.iter_mut().filter(|stream| stream.next.is_some());
        let stream = streams.min_by_key(|stream| stream.next);
        let extra = self.extras.front().map(|(wall, _)| *wall);
        match (stream, extra) {
            (Some(stream), extra) if extra.is_none() || stream.next < extra => {
                let wall = stream.next?;
                stream.next = stream.starts.next(&mut self.budget);
                Some((wall, None))
            }
            _ => {
                // Of equal starts the one with an end of its own is the last in the set.
                let (wall, mut end) = self.extras.pop_front()?;
                while self.extras.front().is_some_and(|(next, _)| *next == wall) {
                    end = self.extras.pop_front()?.1.or(end);
                }
                Some((wall, end))
            }
        }
    }

    fn is_excluded(&mut self, wall: DateTime) -> bool {
        let mut is_excluded = false;
        for stream in &mut self.exclusions {
            while stream.next.is_some_and(|next| next < wall) {
                stream.next = stream.starts.next(&mut self.budget);
            }
            is_excluded |= stream.next == Some(wall);
        }
        is_excluded
    }

    fn placed(&self, original: When, wall: DateTime, own_end: Option<When>) -> Occurrence<'s> {
        let from = instant_in(wall, &self.zone);
        let (end, until) = match (own_end, self.length) {
            (Some(end), _) => {
                let until = instant(&end, &self.floating).unwrap_or(from);
                (end, until)
            }
            (None, Length::Days(days)) => {
                let last = wall.checked_add(days).unwrap_or(DateTime::MAX);
                (original.with_wall(last), instant_in(last, &self.end_zone))
            }
            (None, Length::Exact(length)) => {
                let until = from.checked_add(length).unwrap_or(Timestamp::MAX);
                (self.master.end.with_wall(self.end_zone.to_datetime(until)), until)
            }
        };
        let until = until.max(from);
        Occurrence { start: original.clone(), original, end, from, until, event: self.master }
    }
}

/// The wall clock before which nothing can reach into the window; a day of slack for the zone.
fn begin_of(window: Window, length: Length, zone: &TimeZone) -> DateTime {
    let (Length::Days(length) | Length::Exact(length)) = length;
    let slack = SignedDuration::from_hours(48);
    let begin = window.from.checked_sub(length).and_then(|begin| begin.checked_sub(slack));
    begin.map_or(DateTime::MIN, |begin| zone.to_datetime(begin))
}

fn wall_zone(when: &When, floating: &TimeZone) -> Option<TimeZone> {
    match when {
        When::Date(_) | When::Floating(_) => Some(floating.clone()),
        When::Utc(_) => Some(TimeZone::UTC),
        When::Zoned { zone, .. } => time_zone(zone),
    }
}

fn starts(rule: &Rule, start: &When, zone: &TimeZone) -> Starts {
    let until = rule.until.as_ref().map(|until| match until {
        Until::Date(date) => date.at(23, 59, 59, 0),
        Until::Floating(wall) => *wall,
        Until::Utc(wall) => zone.to_datetime(instant_in(*wall, &TimeZone::UTC)),
    });
    Starts::new(rule, start.wall(), until)
}

/// The farthest that a zone's clock is from UTC, for dates and floating times, which may be
/// anywhere: 14 hours to the east, 12 to the west.
const EASTMOST: SignedDuration = SignedDuration::from_hours(14);
const WESTMOST: SignedDuration = SignedDuration::from_hours(12);

/// From when to when a series lies, without walking what has no end: a rule without UNTIL or
/// COUNT never does. Where it can't be told, always.
pub fn extent(series: &Series) -> Extent {
    let Some(mut extent) = outer(series) else { return Extent::ALWAYS };
    let Some(master) = &series.master else { return extent };
    for rule in &series.recurrence.rules {
        let last = last_start(rule, &master.start);
        let (Some(until), Some(last)) = (extent.until, last) else {
            extent.until = None;
            return extent;
        };
        let Some((_, end)) = span(&master.start.with_wall(last), &master.start, &master.end) else {
            return Extent::ALWAYS;
        };
        extent.until = Some(until.max(end));
    }
    extent
}

/// The extent of everything but the rules.
fn outer(series: &Series) -> Option<Extent> {
    let mut spans = Vec::new();
    for event in series.events() {
        spans.push(span(&event.start, &event.start, &event.end)?);
    }
    if let Some(master) = &series.master {
        for extra in &series.recurrence.extras {
            spans.push(match &extra.end {
                Some(end) => (earliest(&extra.start)?, latest(end)?),
                None => span(&extra.start, &master.start, &master.end)?,
            });
        }
    }
    let from = spans.iter().map(|(from, _)| *from).min()?;
    let until = spans.iter().map(|(_, until)| *until).max()?;
    Some(Extent { from, until: Some(until) })
}

/// The earliest start and the latest end of an occurrence at `at` of an event from `start` to
/// `end`.
fn span(at: &When, start: &When, end: &When) -> Option<(Timestamp, Timestamp)> {
    let length = earliest(start)?.duration_until(latest(end)?);
    let from = earliest(at)?;
    Some((from, from.checked_add(length).unwrap_or(Timestamp::MAX)))
}

fn earliest(when: &When) -> Option<Timestamp> {
    let at = instant(when, &TimeZone::UTC)?;
    Some(match when {
        When::Date(_) | When::Floating(_) => at.checked_sub(EASTMOST).unwrap_or(Timestamp::MIN),
        When::Utc(_) | When::Zoned { .. } => at,
    })
}

fn latest(when: &When) -> Option<Timestamp> {
    let at = instant(when, &TimeZone::UTC)?;
    Some(match when {
        When::Date(_) | When::Floating(_) => at.checked_add(WESTMOST).unwrap_or(Timestamp::MAX),
        When::Utc(_) | When::Zoned { .. } => at,
    })
}

/// The last start that a rule can give, at the latest; `None` when there is none or only walking
/// would tell.
fn last_start(rule: &Rule, start: &When) -> Option<DateTime> {
    let zone = wall_zone(start, &TimeZone::UTC)?;
    let mut starts = starts(rule, start, &zone);
    match (rule.count, starts.until()) {
        // Until the end of that day: near a change of clocks the reading may be an hour off.
        (_, Some(until)) => until.checked_add(SignedDuration::from_hours(1)).ok(),
        (Some(_), None) if is_expandable(rule) => {
            let mut budget = Budget::new(STEP_BUDGET);
            let mut last = start.wall();
            while let Some(wall) = starts.next(&mut budget) {
                last = last.max(wall);
            }
            (!budget.is_spent()).then_some(last)
        }
        _ => None,
    }
}
