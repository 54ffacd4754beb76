//! What is remembered of repeating events, so that a listing of changes can be read without asking
//! for each of them.
//!
//! A listing tells of a series only the rows that changed since a token. Laid over the other rows,
//! as they were at that token or later, they are the series as it is. So a memory is worth
//! something beside the tokens that it is not older than, and beside no other. Whoever goes on from
//! a token of another process, or from one that was stored again, may have missed what came
//! between: then what is remembered is forgotten. Two pairs of one calendar share a memory, and
//! each has tokens of its own.
//!
//! To forget costs a request, and never more.

use std::collections::{BTreeMap, HashMap, VecDeque};

use model::{CalendarId, ResourceId};

use crate::row::Row;
use crate::rows::Rows;
use crate::series;

/// How much is remembered, in bytes of rows as text: some four thousand series, and more than a
/// first cycle writes. What was used longest ago goes.
const MOST: usize = 8 << 20;

/// How many sequences of tokens a calendar has: one for each pair that it is in.
const CHAINS: usize = 16;

/// When something began or was learnt: only the order counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(u64);

/// What a memory is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Grasp {
    /// Every row that there was at every token that is known.
    Whole,
    /// What we wrote ourselves, over rows from elsewhere: good to know it again.
    Own,
}

/// A series as it was.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) rows: Rows,
    pub(crate) grasp: Grasp,
    /// When it was learnt.
    pub(crate) at: Moment,
}

/// What a write was made over.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Over<'r> {
    /// Rows that were made or read since.
    Fresh(Moment),
    /// Rows that somebody else kept.
    Held(&'r Rows),
}

/// What is remembered of the calendars of one account.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    now: Moment,
    series: BTreeMap<Moment, Entry>,
    places: HashMap<Key, Moment>,
    bytes: usize,
    calendars: HashMap<CalendarId, Listings>,
}

type Key = (CalendarId, ResourceId);

#[derive(Debug)]
struct Entry {
    key: Key,
    raw: Vec<u8>,
    grasp: Grasp,
}

/// How far a calendar was listed.
#[derive(Debug, Default)]
struct Listings {
    /// When the last one began.
    begun: Moment,
    chains: VecDeque<Chain>,
}

/// The tokens of one who goes on listing. The one before comes again when a cycle ends before the
/// last is stored.
#[derive(Debug)]
struct Chain {
    before: Option<String>,
    last: String,
}

impl Memory {
    /// Now, before anything that begins later.
    pub(crate) fn now(&self) -> Moment {
        self.now
    }

    fn next(&mut self) -> Moment {
        self.now = Moment(self.now.0 + 1);
        self.now
    }

    /// A listing of a calendar begins, of everything or since a token.
    pub(crate) fn listing_begins(&mut self, calendar: &CalendarId, since: Option<&str>) -> Moment {
        let began = self.next();
        let listings = self.calendars.entry(calendar.clone()).or_default();
        listings.begun = began;
        let Some(token) = since else { return began };
        let is_known =
            |chain: &Chain| chain.last == token || chain.before.as_deref() == Some(token);
        if listings.chains.iter().any(is_known) {
            return began;
        }
        let is_first = listings.chains.is_empty();
        listings.follow(None, token);
        if is_first {
            // Nothing was listed here before: whether the token is as old as what was read or
            // written since is not known.
            let its = self.series.values_mut().filter(|entry| entry.key.0 == *calendar);
            its.for_each(|entry| entry.grasp = Grasp::Own);
        } else {
            self.forget_older(calendar, began);
        }
        began
    }

    /// A listing is taken in, whole. After one of everything, what was not in it is not there.
    pub(crate) fn listing_ends(
        &mut self,
        calendar: &CalendarId,
        since: Option<&str>,
        began: Moment,
        token: &str,
    ) {
        self.calendars.entry(calendar.clone()).or_default().follow(since, token);
        if since.is_none() {
            self.forget_older(calendar, began);
        }
    }

    /// A series as it is remembered.
    pub(crate) fn get(&self, calendar: &CalendarId, id: &ResourceId) -> Option<Known> {
        let at = *self.places.get(&(calendar.clone(), id.clone()))?;
        let entry = self.series.get(&at)?;
        Some(Known { rows: Rows::from_raw(&entry.raw)?, grasp: entry.grasp, at })
    }

    /// Remembers a series. A single event tells everything in one row.
    pub(crate) fn keep(
        &mut self,
        calendar: &CalendarId,
        id: &ResourceId,
        rows: &Rows,
        grasp: Grasp,
    ) {
        self.forget(calendar, id);
        if !rows.master.as_ref().is_some_and(Row::repeats) {
            return;
        }
        let (at, raw) = (self.next(), rows.to_raw());
        self.bytes += raw.len();
        let key = (calendar.clone(), id.clone());
        self.places.insert(key.clone(), at);
        self.series.insert(at, Entry { key, raw, grasp });
        while self.bytes > MOST {
            let Some((_, oldest)) = self.series.pop_first() else { break };
            self.places.remove(&oldest.key);
            self.bytes -= oldest.raw.len();
        }
    }

    /// Remembers what was read, by requests since `began`. Whoever listed meanwhile may have seen
    /// what came later.
    pub(crate) fn keep_read(
        &mut self,
        calendar: &CalendarId,
        id: &ResourceId,
        rows: &Rows,
        began: Moment,
    ) {
        if self.calendars.get(calendar).is_some_and(|listings| listings.begun > began) {
            self.forget(calendar, id);
        } else {
            self.keep(calendar, id, rows, Grasp::Whole);
        }
    }

    /// Remembers what a write left. What it was made over may be older than what is remembered:
    /// then nobody knows.
    pub(crate) fn keep_written(
        &mut self,
        calendar: &CalendarId,
        id: &ResourceId,
        rows: &Rows,
        over: Over<'_>,
    ) {
        let held = match over {
            Over::Fresh(began) => return self.keep_read(calendar, id, rows, began),
            Over::Held(held) => held,
        };
        match self.get(calendar, id) {
            None => self.keep(calendar, id, rows, Grasp::Own),
            Some(known) if means_the_same(&known.rows, held) => {
                self.keep(calendar, id, rows, known.grasp);
            }
            Some(_) => self.forget(calendar, id),
        }
    }

    /// Forgets a series.
    pub(crate) fn forget(&mut self, calendar: &CalendarId, id: &ResourceId) {
        let at = self.places.remove(&(calendar.clone(), id.clone()));
        if let Some(entry) = at.and_then(|at| self.series.remove(&at)) {
            self.bytes -= entry.raw.len();
        }
    }

    /// Forgets what was learnt of a calendar before.
    fn forget_older(&mut self, calendar: &CalendarId, before: Moment) {
        let older = self.series.range(..before).filter(|(_, entry)| entry.key.0 == *calendar);
        let ids: Vec<ResourceId> = older.map(|(_, entry)| entry.key.1.clone()).collect();
        ids.iter().for_each(|id| self.forget(calendar, id));
    }
}

impl Listings {
    fn follow(&mut self, since: Option<&str>, token: &str) {
        let is_its = |chain: &Chain| {
            since.is_some_and(|since| chain.last == since || chain.before.as_deref() == Some(since))
        };
        if let Some(at) = self.chains.iter().position(is_its) {
            self.chains.remove(at);
        } else if self.chains.len() >= CHAINS {
            self.chains.pop_front();
        }
        let (before, last) = (since.map(str::to_owned), token.to_owned());
        self.chains.push_back(Chain { before, last });
    }
}

fn means_the_same(one: &Rows, other: &Rows) -> bool {
    let (one, other) = (series::read(one), series::read(other));
    one.is_ok_and(|one| other.is_ok_and(|other| one.same_content(&other)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn calendar() -> CalendarId {
        CalendarId::new("c@example.com")
    }

    fn series(id: &str, title: &str) -> Rows {
        let at = |hour: &str| {
            json!({"dateTime": format!("2026-03-02T{hour}:00:00Z"),
            "timeZone": "UTC"})
        };
        let master: Value = json!({"id": id, "etag": "\"1\"", "status": "confirmed",
            "summary": title, "iCalUID": format!("{id}@google.com"), "start": at("09"),
            "end": at("10"), "recurrence": ["RRULE:FREQ=WEEKLY;COUNT=4"]});
        Rows::of(&id.into(), Row::new(master))
    }

    /// What is known of series `a`, after `b` was learnt the same way.
    fn grasp(memory: &Memory) -> Option<Grasp> {
        memory.get(&calendar(), &"a".into()).map(|known| known.grasp)
    }

    fn listed(memory: &mut Memory, since: Option<&str>, token: &str) {
        let began = memory.listing_begins(&calendar(), since);
        memory.listing_ends(&calendar(), since, began, token);
    }

    fn after_full_pass() -> Memory {
        let mut memory = Memory::default();
        let began = memory.listing_begins(&calendar(), None);
        memory.keep(&calendar(), &"a".into(), &series("a", "A"), Grasp::Whole);
        memory.listing_ends(&calendar(), None, began, "t1");
        memory
    }

    #[test]
    fn whoever_goes_on_from_a_known_token_may_use_it() {
        let mut memory = after_full_pass();
        listed(&mut memory, Some("t1"), "t2");
        // The second one was not stored: the first comes again.
        listed(&mut memory, Some("t1"), "t3");
        listed(&mut memory, Some("t3"), "t4");
        assert_eq!(grasp(&memory), Some(Grasp::Whole));
    }

    #[test]
    fn whoever_comes_with_another_token_may_not() {
        for token in ["elsewhere", "t1"] {
            let mut memory = after_full_pass();
            listed(&mut memory, Some("t1"), "t2");
            listed(&mut memory, Some("t2"), "t3");
            listed(&mut memory, Some(token), "t4");
            assert_eq!(grasp(&memory), None, "{token}");
        }
    }

    #[test]
    fn two_who_list_do_not_disturb_each_other() {
        let mut memory = after_full_pass();
        listed(&mut memory, Some("other"), "u2");
        memory.keep(&calendar(), &"a".into(), &series("a", "A"), Grasp::Whole);
        for turn in 1..20 {
            for name in ["t", "u"] {
                let since = if name == "t" { turn } else { turn + 1 };
                let (since, token) = (format!("{name}{since}"), format!("{name}{}", since + 1));
                listed(&mut memory, Some(&since), &token);
            }
        }
        assert_eq!(grasp(&memory), Some(Grasp::Whole));
    }

    #[test]
    fn what_everything_listed_does_not_have_is_forgotten() {
        let mut memory = after_full_pass();
        listed(&mut memory, None, "t9");
        assert_eq!(grasp(&memory), None);
    }

    #[test]
    fn before_the_first_listing_nothing_is_whole() {
        let mut memory = Memory::default();
        let began = memory.now();
        let rows = series("a", "A");
        memory.keep_written(&calendar(), &"a".into(), &rows, Over::Fresh(began));
        listed(&mut memory, Some("stored"), "t2");
        assert_eq!(grasp(&memory), Some(Grasp::Own));
    }

    #[test]
    fn what_was_read_while_somebody_began_to_list_is_not_kept() {
        let mut memory = after_full_pass();
        let began = memory.now();
        listed(&mut memory, Some("t1"), "t2");
        memory.keep_read(&calendar(), &"a".into(), &series("a", "A"), began);
        assert_eq!(grasp(&memory), None);
    }

    #[test]
    fn a_write_over_what_is_remembered_keeps_it_and_over_something_else_does_not() {
        let new = series("a", "New");
        for (held, want) in [("A", Some(Grasp::Whole)), ("Other", None)] {
            let mut memory = after_full_pass();
            let held = series("a", held);
            memory.keep_written(&calendar(), &"a".into(), &new, Over::Held(&held));
            assert_eq!(grasp(&memory), want);
        }
        let mut memory = Memory::default();
        memory.keep_written(&calendar(), &"a".into(), &new, Over::Held(&new));
        assert_eq!(grasp(&memory), Some(Grasp::Own));
    }

    #[test]
    fn what_was_used_longest_ago_goes_first() {
        let mut memory = after_full_pass();
        let long = "x".repeat(MOST / 4);
        for id in ["b", "c", "d", "e"] {
            memory.keep(&calendar(), &id.into(), &series(id, &long), Grasp::Whole);
        }
        assert_eq!(grasp(&memory), None);
        assert!(memory.get(&calendar(), &"e".into()).is_some() && memory.bytes <= MOST);
        memory.keep(&calendar(), &"f".into(), &series("f", &long.repeat(5)), Grasp::Whole);
        assert_eq!((memory.series.len(), memory.places.len(), memory.bytes), (0, 0, 0));
    }
}
