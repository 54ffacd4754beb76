//! Rules that were changed since the pair's rows were last planned.
//!
//! Nothing about an event says that the configuration has changed, so every row is touched, once;
//! the plan then finds what the new rules want otherwise. In which fields copies have to be made
//! anew is settled here and kept with the rows, so that it is not asked twice, and not forgotten
//! when a cycle ends early.
//!
//! What nobody has seen yet happened under the rules of before. Both sides are observed first, so
//! that a deletion which did not cross by them is known as one, however old the last cycle is.

use model::Sides;
use reconcile::Stated;
use store::{NewRules, Withheld};

use super::Cycle;
use crate::report::Failure;
use crate::{Rules, Window};

impl Cycle<'_> {
    /// Touches everything if the rules are others than before; which sides are to be observed yet.
    pub(super) async fn take_up_rules(&self) -> Result<Sides<bool>, Failure> {
        let store = &self.ctx.store;
        let (before, now) = (store.rules(self.id())?, stated(&self.pair.rules));
        if before == now {
            return Ok(Sides::new(true, true));
        }
        self.observe(Sides::new(true, true)).await?;
        let direction = |rules: &Stated| rules.get(reconcile::DIRECTION).cloned();
        let turned = direction(&before).is_some_and(|was| direction(&now) != Some(was));
        let new = NewRules {
            stated: &now,
            renew: reconcile::renewed(&before, &now),
            withheld: match reconcile::unheard(&before).filter(|_| turned) {
                Some(side) => Withheld::MeetsAnewOf(side),
                None if turned => Withheld::MeetsAnew,
                None => Withheld::Stays,
            },
        };
        if !before.is_empty() {
            let pair = &self.pair.name;
            tracing::info!(%pair, "the rules have changed: everything is planned anew");
        }
        store.take_up_rules(self.id(), &new)?;
        Ok(Sides::new(false, false))
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
