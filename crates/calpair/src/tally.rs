//! What cycles came to since this process began: for the metrics, and for the strip of cycles below
//! the page's chart. The database keeps no record of a quiet cycle, so this is the only place that
//! counts them. It knows pairs by name and nothing of events.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use engine::{Attended, Outcome};
use model::{PairName, Sides, Timestamp};

/// The chart's unit: half an hour.
pub(crate) const SLOT: Duration = Duration::from_secs(30 * 60);

/// Slots that are kept: a day.
pub(crate) const SLOTS: usize = 48;

/// Counts.
#[derive(Default)]
pub(crate) struct Tally(Mutex<Counts>);

/// What was counted.
#[derive(Clone, Default)]
pub(crate) struct Counts {
    /// By pair, since the process began.
    pub(crate) pairs: BTreeMap<PairName, PairCounts>,
    /// By half hour of the last day, the latest last.
    pub(crate) slots: VecDeque<Slot>,
}

/// What a pair's cycles came to.
#[derive(Clone, Default)]
pub(crate) struct PairCounts {
    /// By how they ended.
    pub(crate) cycles: BTreeMap<&'static str, u64>,
    /// Requests sent to each side.
    pub(crate) requests: Sides<u64>,
    /// Writes made on each side: created, updated, deleted.
    pub(crate) written: Sides<[u64; 3]>,
    /// How long all of them took.
    pub(crate) duration: Duration,
}

/// Half an hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slot {
    /// Since 1970, in slots.
    pub(crate) number: i64,
    /// Cycles that ended well.
    pub(crate) fine: u64,
    /// Those that didn't, or could not begin.
    pub(crate) failed: u64,
}

/// The slot of an instant.
pub(crate) fn slot(at: Timestamp) -> i64 {
    at.as_second().div_euclid(i64::try_from(SLOT.as_secs()).unwrap_or(i64::MAX))
}

impl Tally {
    /// Counts what attending to a pair came to.
    pub(crate) fn note(&self, pair: &PairName, attended: &Attended, now: Timestamp) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_pair = counts.pairs.entry(pair.clone()).or_default();
        let outcome = attended.report.as_ref().map(|report| &report.outcome);
        let word = outcome.map_or("not-begun", Outcome::as_str);
        *of_pair.cycles.entry(word).or_default() += 1;
        if let Some(report) = &attended.report {
            for (side, requests) in report.requests.iter() {
                of_pair.requests[side] += requests;
                let written = report.written[side];
                let written = [written.created, written.updated, written.deleted];
                of_pair.written[side].iter_mut().zip(written).for_each(|(sum, new)| *sum += new);
            }
            of_pair.duration += report.duration;
        }
        let fine = matches!(outcome, Some(Outcome::InSync | Outcome::Changed | Outcome::Planned));
        counts.count(slot(now), fine.into(), (!fine).into());
    }

    /// What was counted so far.
    pub(crate) fn counts(&self) -> Counts {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Counts {
    fn count(&mut self, number: i64, fine: u64, failed: u64) {
        match self.slots.iter_mut().rev().find(|slot| slot.number == number) {
            Some(slot) => {
                slot.fine += fine;
                slot.failed += failed;
            }
            None => self.slots.push_back(Slot { number, fine, failed }),
        }
        while self.slots.len() > SLOTS {
            self.slots.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_of_half_hours_is_kept() {
        let mut counts = Counts::default();
        for number in 0..100 {
            counts.count(number, 1, 0);
            counts.count(number, 0, 2);
        }
        assert_eq!(counts.slots.len(), SLOTS);
        assert_eq!(counts.slots.back(), Some(&Slot { number: 99, fine: 1, failed: 2 }));
        assert_eq!(slot(Timestamp::from_second(3600).unwrap()), 2);
    }
}
