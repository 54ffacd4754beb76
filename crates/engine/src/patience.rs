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

/// For each side of each pair, in how many passes in a row something could not be read. A new
/// process begins anew.
#[derive(Clone, Default)]
pub(crate) struct Waiting(Arc<Mutex<HashMap<(PairName, Side), u32>>>);

impl Waiting {
    /// Takes note of a pass, and says what to do with its cursor.
    pub(crate) fn tell(&self, pair: &PairName, side: Side, unsure: bool) -> Patience {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !unsure {
            waiting.remove(&(pair.clone(), side));
            return Patience::GoOn;
        }
        let cycles = waiting.entry((pair.clone(), side)).or_default();
        *cycles += 1;
        if *cycles >= CYCLES { Patience::GoOn } else { Patience::Wait }
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
}
