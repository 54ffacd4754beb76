//! How long a cursor waits for what could not be read.
//!
//! A resource that is listed but not there yet (the listing is ahead of the content) is there a
//! few cycles later; a ghost never is. A cursor that waited for it long enough goes on: the audit
//! looks again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use model::{PairName, Side};

/// Cycles that a cursor waits: minutes at the usual interval, longer than any lag that was seen.
const CYCLES: u32 = 5;

/// In how many cycles one is asked for again whatever still is not handed out.
const ASKED_AGAIN: u32 = 30;

/// Whether to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    /// The cursor stays, so that the next cycle is told of it again.
    Wait,
    /// The cursor goes on.
    GoOn,
}

/// For each side of each pair, in how many passes in a row something could not be read, and in how
/// many something still was not handed out. A new process begins anew.
#[derive(Clone, Default)]
pub(crate) struct Waiting(Arc<Mutex<Counts>>);

#[derive(Default)]
struct Counts {
    unsure: HashMap<(PairName, Side), u32>,
    withheld: HashMap<(PairName, Side), u32>,
}

impl Waiting {
    /// Takes note of a pass, and says what to do with its cursor.
    pub(crate) fn tell(&self, pair: &PairName, side: Side, unsure: bool) -> Patience {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !unsure {
            waiting.unsure.remove(&(pair.clone(), side));
            return Patience::GoOn;
        }
        let cycles = waiting.unsure.entry((pair.clone(), side)).or_default();
        *cycles += 1;
        if *cycles >= CYCLES { Patience::GoOn } else { Patience::Wait }
    }

    /// Whether it is time to ask again for what was not handed out: at first in every cycle, later
    /// now and then, since one that hangs delays all others.
    pub(crate) fn asks_again(&self, pair: &PairName, side: Side) -> bool {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let cycles = waiting.withheld.entry((pair.clone(), side)).or_default();
        *cycles += 1;
        *cycles <= CYCLES || cycles.is_multiple_of(ASKED_AGAIN)
    }

    /// Nothing is waited for any more.
    pub(crate) fn has_all(&self, pair: &PairName, side: Side) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.withheld.remove(&(pair.clone(), side));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_waits_a_few_cycles_and_no_longer() {
        let waiting = Waiting::default();
        let pair = PairName::new("family");
        let told: Vec<Patience> = (0..6).map(|_| waiting.tell(&pair, Side::Left, true)).collect();
        use Patience::{GoOn, Wait};
        assert_eq!(told, [Wait, Wait, Wait, Wait, GoOn, GoOn]);
        assert_eq!(waiting.tell(&pair, Side::Right, true), Wait);
        assert_eq!(waiting.tell(&pair, Side::Left, false), GoOn);
        assert_eq!(waiting.tell(&pair, Side::Left, true), Wait);
    }

    #[test]
    fn what_is_not_handed_out_is_asked_for_often_then_seldom_and_for_ever() {
        let waiting = Waiting::default();
        let pair = PairName::new("family");
        let asked = |cycles: std::ops::RangeInclusive<u32>| {
            cycles.filter(|_| waiting.asks_again(&pair, Side::Left)).collect::<Vec<_>>()
        };
        assert_eq!(asked(1..=90), [1, 2, 3, 4, 5, 30, 60, 90]);
        waiting.has_all(&pair, Side::Left);
        assert_eq!(asked(1..=5).len(), 5);
    }
}
