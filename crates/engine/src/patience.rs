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

/// Whether to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    /// The cursor stays, so that the next cycle is told of it again.
    Wait,
    /// The cursor goes on.
    GoOn,
}

/// Listings in a row that have to say that a calendar is empty before it is believed: services
/// have said so once, and wrongly. It costs nothing to list an empty calendar again.
const STRIKES: u32 = 2;

type Counts = Arc<Mutex<HashMap<(PairName, Side), u32>>>;

/// What is remembered of each side of each pair from pass to pass; a new process begins anew.
#[derive(Clone, Default)]
pub(crate) struct Waiting {
    /// In how many passes in a row something could not be read.
    unsure: Counts,
    /// In how many full passes in a row there was nothing.
    empty: Counts,
}

impl Waiting {
    /// Takes note of a pass, and says what to do with its cursor.
    pub(crate) fn tell(&self, pair: &PairName, side: Side, unsure: bool) -> Patience {
        match count(&self.unsure, pair, side, unsure) {
            0 => Patience::GoOn,
            cycles if cycles >= CYCLES => Patience::GoOn,
            _ => Patience::Wait,
        }
    }

    /// Takes note of a full pass that listed so many resources; whether that is believed.
    pub(crate) fn believes(&self, pair: &PairName, side: Side, listed: usize) -> bool {
        let strikes = count(&self.empty, pair, side, listed == 0);
        listed > 0 || strikes >= STRIKES
    }
}

/// Counts how often in a row something was so.
fn count(counts: &Counts, pair: &PairName, side: Side, is_so: bool) -> u32 {
    let mut counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
    if !is_so {
        counts.remove(&(pair.clone(), side));
        return 0;
    }
    let times = counts.entry((pair.clone(), side)).or_default();
    *times += 1;
    *times
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
    fn an_empty_calendar_is_believed_the_second_time() {
        let waiting = Waiting::default();
        let pair = PairName::new("family");
        assert!(!waiting.believes(&pair, Side::Left, 0));
        assert!(waiting.believes(&pair, Side::Left, 0));
        assert!(waiting.believes(&pair, Side::Left, 3));
        assert!(!waiting.believes(&pair, Side::Left, 0));
    }
}
