//! A dry run: a cycle over a copy of the store.
//!
//! Whoever asks what would be done may have other rules in the configuration than the next sync
//! will, or another calendar. Nothing of what the asking takes in may be left for that sync: not
//! the rules, not which mappings they part, not what was seen. Only what a person was shown of a
//! halted plan is kept, so that `approve` lets that through; it decides nothing by itself.

use super::{Mode, rules, run};
use crate::patience::Waiting;
use crate::report::{Failure, Outcome, Report};
use crate::{Context, Pair};

pub(super) async fn cycle(ctx: &Context, pair: &Pair) -> Report {
    let store = match ctx.store.rehearsal() {
        Ok(store) => store,
        Err(error) => return Report::new(Outcome::Failed(error.into())),
    };
    let tried = Context { store, patience: Waiting::default(), ..ctx.clone() };
    let mut report = run(&tried, pair, Mode::DryRun).await;
    if report.halt.is_some()
        && let Err(failure) = keep_what_is_shown(ctx, &tried, pair)
    {
        report.outcome = Outcome::Failed(failure);
    }
    report
}

/// The proposal of the copy becomes the store's, unless it was made by rules that no sync has taken
/// up: what those would halt at, the sync that takes them up says itself.
fn keep_what_is_shown(ctx: &Context, tried: &Context, pair: &Pair) -> Result<(), Failure> {
    let Some(row) = ctx.store.pair(&pair.name)? else { return Ok(()) };
    if ctx.store.rules(row.id)? != rules::stated(&pair.rules) {
        return Ok(());
    }
    let proposed = tried.store.proposal(row.id)?;
    Ok(ctx.store.propose_rehearsed(row.id, &proposed, ctx.now())?)
}
