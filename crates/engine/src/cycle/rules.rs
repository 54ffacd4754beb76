//! Rules that were changed since the pair's rows were last planned.
//!
//! Nothing about an event says that the configuration has changed, so every row is touched, once;
//! the plan then finds what the new rules want otherwise. In which fields copies have to be made
//! anew is settled here and kept with the rows, so that it is not asked twice, and not forgotten
//! when a cycle ends early.

use reconcile::Stated;
use store::{NewRules, Withheld};

use super::Cycle;
use crate::report::Failure;
use crate::{Rules, Window};

impl Cycle<'_> {
    /// Touches everything if the rules are others than before.
    pub(super) fn take_up_rules(&self) -> Result<(), Failure> {
        let store = &self.ctx.store;
        let (before, now) = (store.rules(self.id())?, stated(&self.pair.rules));
        if before == now {
            return Ok(());
        }
        let direction = |rules: &Stated| rules.get(reconcile::DIRECTION).cloned();
        let turned = direction(&before).is_some_and(|was| direction(&now) != Some(was));
        let new = NewRules {
            stated: &now,
            renew: reconcile::renewed(&before, &now),
            withheld: if turned { Withheld::MeetsAnew } else { Withheld::Stays },
        };
        if !before.is_empty() {
            let pair = &self.pair.name;
            tracing::info!(%pair, "the rules have changed: everything is planned anew");
        }
        Ok(store.take_up_rules(self.id(), &new)?)
    }
}

/// What decides about a series, in words. Limits do not: they are asked in every cycle.
pub(super) fn stated(rules: &Rules) -> Stated {
    let Window { past, future } = rules.window;
    let reach = |reach: Option<std::time::Duration>| match reach {
        Some(reach) => format!("{}s", reach.as_secs()),
        None => "all".to_owned(),
    };
    let mut stated = reconcile::stated(rules.direction, rules.conflict, &rules.crossing);
    stated.insert("window.past".to_owned(), reach(past));
    stated.insert("window.future".to_owned(), reach(future));
    stated
}
