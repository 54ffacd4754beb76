//! Passes under way: what a listing holds back until its last page.
//!
//! A single event is handed over with its page. The rows of what repeats are held back: a master,
//! its exceptions and its cancelled occurrences come in any order, on any page. They are kept as
//! text (a fifth of what JSON takes in memory), so that a pass holds no more than the repeating
//! part of a calendar; when all pages are there, whole series are handed over a part at a time.

use std::collections::{BTreeMap, BTreeSet};

use model::ResourceId;
use provider::Scope;

use crate::memory::Moment;
use crate::row::Row;

/// How many passes may be under way. A pair has one per side; one that was given up is forgotten.
const PASSES: usize = 16;

/// How many series are handed over at once: a page's worth.
pub(crate) const PART: usize = 500;

/// The passes of one account.
#[derive(Debug, Default)]
pub(crate) struct Passes {
    open: BTreeMap<u64, Pass>,
    count: u64,
}

impl Passes {
    /// A new pass; the oldest goes when there are too many.
    pub(crate) fn open(&mut self, pass: Pass) -> u64 {
        if self.open.len() >= PASSES {
            self.open.pop_first();
        }
        self.count += 1;
        self.open.insert(self.count, pass);
        self.count
    }

    pub(crate) fn get(&mut self, number: u64) -> Option<&mut Pass> {
        self.open.get_mut(&number)
    }

    pub(crate) fn close(&mut self, number: u64) {
        self.open.remove(&number);
    }
}

/// One listing, from its first page to its last series.
#[derive(Debug)]
pub(crate) struct Pass {
    /// What absence means.
    pub(crate) scope: Scope,
    /// The token that it began with.
    pub(crate) since: Option<String>,
    /// When it began.
    pub(crate) began: Moment,
    /// The token that it ended with, once it has.
    pub(crate) ended: Option<String>,
    held: BTreeMap<String, BTreeMap<String, String>>,
    gone: BTreeSet<String>,
}

/// What is held of one series.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) id: ResourceId,
    pub(crate) rows: Vec<Row>,
    /// Its master is deleted.
    pub(crate) gone: bool,
}

impl Pass {
    pub(crate) fn new(scope: Scope, since: Option<String>, began: Moment) -> Self {
        Self { scope, since, began, ended: None, held: BTreeMap::new(), gone: BTreeSet::new() }
    }

    /// Takes a row: gives it back when it is a single event, which needs no other row.
    // quirk: google-4, google-7, google-8, google-43
    pub(crate) fn take(&mut self, row: Row) -> Option<Row> {
        let series = row.series_id().to_owned();
        let is_master = row.master_id().is_none();
        if is_master && row.is_cancelled() {
            self.gone.insert(series);
            return None;
        }
        if is_master {
            // It is there again, or was not gone on an earlier page.
            self.gone.remove(&series);
        }
        if is_master && !row.repeats() && !self.held.contains_key(&series) {
            return Some(row);
        }
        let rows = self.held.entry(series).or_default();
        let known = rows.get(row.id()).and_then(|text| read(text));
        let older = known.is_some_and(|known| match (known.updated(), row.updated()) {
            (Some(known), Some(new)) => new < known,
            _ => false,
        });
        // quirk: google-3
        if !older {
            rows.insert(row.id().to_owned(), row.value().to_string());
        }
        None
    }

    /// What is to be handed over next; nothing when all is.
    pub(crate) fn part(&mut self) -> Vec<Held> {
        let mut part = Vec::new();
        while part.len() < PART {
            let Some(id) = self.gone.pop_first() else { break };
            self.held.remove(&id);
            part.push(Held { id: ResourceId::new(id), rows: Vec::new(), gone: true });
        }
        while part.len() < PART {
            let Some((id, rows)) = self.held.pop_first() else { break };
            let rows = rows.values().filter_map(|text| read(text)).collect();
            part.push(Held { id: ResourceId::new(id), rows, gone: false });
        }
        part
    }

    /// Whether all is handed over.
    pub(crate) fn is_empty(&self) -> bool {
        self.held.is_empty() && self.gone.is_empty()
    }
}

fn read(text: &str) -> Option<Row> {
    Row::new(serde_json::from_str(text).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn row(value: Value) -> Row {
        Row::new(value).unwrap()
    }

    // quirk: google-3, google-4, google-43
    #[test]
    fn what_repeats_is_held_until_its_last_row_is_there() {
        let mut pass = Pass::new(Scope::Full, None, Moment::default());
        let single = row(json!({"id": "single", "status": "confirmed"}));
        assert_eq!(pass.take(single.clone()), Some(single));
        let instance = |updated: &str| {
            row(json!({"id": "m_20260101", "recurringEventId": "m",
            "status": "confirmed", "updated": updated}))
        };
        assert_eq!(pass.take(instance("2026-01-02T00:00:00Z")), None);
        assert_eq!(pass.take(instance("2026-01-01T00:00:00Z")), None);
        let master = row(json!({"id": "m", "status": "confirmed", "recurrence": ["RRULE:"]}));
        assert_eq!(pass.take(master), None);
        assert_eq!(pass.take(row(json!({"id": "x", "status": "cancelled"}))), None);
        assert_eq!(pass.take(row(json!({"id": "x_20260101", "status": "cancelled"}))), None);
        let part = pass.part();
        assert!(part[0].gone && part[0].id.as_str() == "x" && part.len() == 2);
        assert_eq!(part[1].rows.len(), 2);
        let kept = part[1].rows.iter().find(|row| row.master_id().is_some()).unwrap();
        assert_eq!(kept.updated(), Some("2026-01-02T00:00:00Z".parse().unwrap()));
        assert!(pass.is_empty());
    }

    #[test]
    fn a_pass_that_was_given_up_is_forgotten() {
        let mut passes = Passes::default();
        let first = passes.open(Pass::new(Scope::Full, None, Moment::default()));
        for _ in 0..PASSES {
            passes.open(Pass::new(Scope::Delta, None, Moment::default()));
        }
        assert!(passes.get(first).is_none());
    }
}
