//! Who runs calpair: changes the rules of the pair while its users edit.

use std::time::Duration;

use engine::Rules;
use model::{Sides, Timestamp};
use reconcile::{Conflict, Crossing, Detail, Direction, ShowAs, SkipRules};
use sandbox::Random;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The operator of a life.
pub(super) struct Operator {
    random: Random,
    /// Whether any rule may change, not only who wins.
    is_restless: bool,
    /// Whose edits, at some time, had no right to cross.
    pub(super) unheard: Sides<bool>,
    /// Whether copies were masked at some time. Of two that were, and were copied back and forth,
    /// nobody knows which one is to be made anew: what masks are about may stay apart.
    pub(super) masked: bool,
    /// What was decided, and when.
    pub(super) decided: Vec<(Timestamp, String)>,
}

impl Operator {
    /// Most only say who wins; some also what crosses, which way, and how it looks there.
    pub(super) fn new(seed: u64) -> Self {
        let mut random = Random::new(seed ^ 0x0be);
        let is_restless = random.chance(3000);
        Self { random, is_restless, unheard: Sides::default(), masked: false, decided: Vec::new() }
    }

    /// Now and then changes a rule.
    pub(super) fn act(&mut self, rules: &mut Rules, now: Timestamp) {
        let random = &mut self.random;
        if random.chance(1000) {
            rules.conflict = *random.pick(&[Conflict::Newest, Conflict::Left, Conflict::Right]);
            self.decided.push((now, format!("{:?}", rules.conflict)));
        }
        if !self.is_restless || !random.chance(4000) {
            return;
        }
        match random.below(3) {
            0 => {
                let known = [Direction::Both, Direction::LeftToRight, Direction::RightToLeft];
                rules.direction = *random.pick(&known);
                self.unheard.left |= rules.direction == Direction::RightToLeft;
                self.unheard.right |= rules.direction == Direction::LeftToRight;
            }
            1 => {
                rules.crossing = Sides::from_fn(|_| crossing(random));
                self.masked = true;
                self.unheard = Sides::new(true, true);
            }
            _ => {
                rules.window.future = *random.pick(&[None, Some(30 * DAY), Some(45 * DAY)]);
                self.unheard = Sides::new(true, true);
            }
        }
        self.decided.push((now, format!("{rules:?}")));
    }
}

fn crossing(random: &mut Random) -> Crossing {
    Crossing {
        // A title has to stay: it tells which event a copy is of.
        detail: *random.pick(&[Detail::Full, Detail::Title]),
        prefix: (*random.pick(&["", "", "[H] "])).to_owned(),
        show_as: *random.pick(&[ShowAs::Keep, ShowAs::Keep, ShowAs::Free]),
        skip: SkipRules { all_day: random.chance(3000), ..SkipRules::default() },
        ..Crossing::default()
    }
}
