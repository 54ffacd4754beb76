//! Driving cycles: to their end, or until the process is killed in the middle of one.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use engine::{Attended, Mode, Outcome, PairState, attend};
use model::Side;
use sandbox::Author;

use super::check::Found;
use super::life::Users;
use super::{Stage, check};

/// How far apart refusals have to be to count; the rounds' pauses are longer and shorter.
const CONFIRM: Duration = Duration::from_secs(60);

/// A cycle that takes more steps than this does not end.
const STEPS: u64 = 200_000;

/// What ends a process early.
enum Fate {
    Lives,
    /// Killed at this await.
    KilledAt(u64),
    /// Its storage fails at this transaction.
    StorageFailsAt(u64),
}

/// Runs one cycle under the present weather; perhaps the process does not live to its end, and
/// perhaps a user edits in the middle of it.
pub(super) fn cycle(stage: &mut Stage, users: &mut Users) -> Result<(), Found> {
    let fate = match stage.random.below(10) {
        0..=4 => Fate::Lives,
        5..=8 => Fate::KilledAt(stage.random.below(60)),
        _ => Fate::StorageFailsAt(stage.random.below(30)),
    };
    let interrupted_at = stage.random.chance(4000).then(|| stage.random.below(40));
    run(stage, &fate, Some((users, interrupted_at))).map(drop)
}

/// Runs cycles, an hour apart, until one has nothing to do; a day's audit is among them.
pub(super) fn to_rest(stage: &mut Stage, cycles: usize) -> Result<(), Found> {
    stage.world.advance(Duration::from_secs(25 * 60 * 60));
    let mut idle = 0;
    let mut last = None;
    for _ in 0..cycles {
        stage.world.advance(Duration::from_secs(60 * 60));
        let Some(attended) = run(stage, &Fate::Lives, None)? else { continue };
        check::always(stage)?;
        if attended.state == PairState::ReconnectNeeded {
            stage.connect();
        }
        let row = stage.store.pair(&stage.pair.name).map_err(Found::store)?;
        let row = row.ok_or_else(|| Found::new("the pair is not in the store"))?;
        match attended.report.as_ref().map(|report| &report.outcome) {
            Some(Outcome::InSync) => {
                let open = stage.store.open_intents(row.id).map_err(Found::store)?;
                // What a server fails at for no reason is tried again in the next cycle.
                idle = if open.is_empty() { idle + 1 } else { 0 };
            }
            Some(Outcome::Halted(_)) => {
                // A person looks, finds that the users did delete that much, and approves.
                let due = stage.store.proposal(row.id).map_err(Found::store)?;
                let due: Vec<_> = due.iter().map(|due| (due.mapping, due.side)).collect();
                stage.store.approve(row.id, &due, stage.world.now()).map_err(Found::store)?;
                idle = 0;
            }
            _ => idle = 0,
        }
        if idle == 2 {
            return Ok(());
        }
        last = Some(format!("{attended:?}"));
    }
    Err(Found::new(format!("not at rest after {cycles} cycles; the last one: {last:?}")))
}

/// With nobody editing, the next two cycles change nothing; nor do they try to, unless it is time
/// to try again what a server refuses for good.
pub(super) fn quiet(stage: &mut Stage) -> Result<(), Found> {
    let is_idle = check::apart(stage)?.is_empty();
    let writes = |stage: &Stage| stage.world.write_count("left") + stage.world.write_count("right");
    let deeds = |stage: &Stage| {
        let deeds = Side::BOTH.into_iter().flat_map(|side| stage.grounds[side].deeds());
        deeds.filter(|deed| deed.author == Author::Client).count()
    };
    let (tried, done) = (writes(stage), deeds(stage));
    for _ in 0..2 {
        stage.world.advance(Duration::from_secs(60));
        run(stage, &Fate::Lives, None)?;
    }
    stage.life.writes = writes(stage) as u64;
    if deeds(stage) > done || (is_idle && writes(stage) > tried) {
        return Err(Found::new("an idle pair writes"));
    }
    Ok(())
}

/// Runs one process with one cycle. `None` when it was killed.
fn run(
    stage: &mut Stage,
    fate: &Fate,
    mut interruption: Option<(&mut Users, Option<u64>)>,
) -> Result<Option<Attended>, Found> {
    let ctx = stage.process();
    stage.life.cycles += 1;
    if let Fate::StorageFailsAt(at) = *fate {
        stage.life.crashes += 1;
        let count = Arc::new(AtomicU64::new(0));
        stage.store.failpoint(Some(Box::new(move |_| count.fetch_add(1, Ordering::Relaxed) == at)));
    }
    let mut attended = pin!(attend(&ctx, &stage.pair, CONFIRM, Mode::Sync));
    let mut waker = Context::from_waker(Waker::noop());
    let mut steps = 0;
    let end = loop {
        if let Fate::KilledAt(at) = *fate
            && steps == at
        {
            stage.life.crashes += 1;
            break None;
        }
        if let Some((users, Some(at))) = &mut interruption
            && steps == *at
        {
            users.act(&stage.world, &stage.grounds, stage.uids_meanwhile);
        }
        if let Poll::Ready(end) = attended.as_mut().poll(&mut waker) {
            break Some(end);
        }
        steps += 1;
        if steps > STEPS {
            return Err(Found::new("a cycle does not end"));
        }
    };
    stage.store.failpoint(None);
    Ok(end)
}
