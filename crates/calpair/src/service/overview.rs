//! What the page shows, beside `status`: asked often, so it reads little and changes nothing.

use std::time::Duration;

use model::{Redacted, Side, Sides, Timestamp};
use sha2::{Digest, Sha256};
use store::{PairRow, ProposedRow};

use super::history::change;
use super::{Answer, Refusal, Service};
use crate::config;
use crate::control::Reply;
use crate::exit::Exit;
use crate::report::{Change, Conflict, Conflicts, FieldClash, Status};
use crate::tally::Tally;

/// How many changes are shown: a page to look at, not to search.
const CHANGES: usize = 15;

/// How many deletions of a halted plan are shown one by one; with more the number says enough.
const DELETIONS: usize = 50;

/// What the page shows.
pub(crate) struct Overview {
    /// Accounts and pairs.
    pub(crate) status: Status,
    /// The last changes, the latest first.
    pub(crate) changes: Vec<Change>,
    /// The open conflicts.
    pub(crate) conflicts: Vec<Conflict>,
    /// The halted plans, by pair.
    pub(crate) plans: Vec<Plan>,
    /// Writes of each run since a day ago: when, and how many on each side.
    pub(crate) written: Vec<(Timestamp, Sides<u64>)>,
    /// The time of all this.
    pub(crate) now: Timestamp,
}

/// A halted plan, deletion by deletion.
pub(crate) struct Plan {
    pub(crate) pair: String,
    /// Names exactly this plan.
    pub(crate) digest: String,
    pub(crate) deletions: Vec<Deletion>,
    /// How many more there are than are shown.
    pub(crate) more: usize,
}

/// A deletion that waits for approval.
pub(crate) struct Deletion {
    pub(crate) side: Side,
    pub(crate) uid: String,
    pub(crate) title: Option<Redacted<String>>,
}

impl Service {
    /// What the page shows. The error is a sentence.
    pub(crate) fn overview(&self) -> Result<Overview, String> {
        self.seen().map_err(|refusal| refusal.sentence)
    }

    /// Accounts and pairs, without noting that anybody has looked. The error is a sentence.
    pub(crate) fn standings(&self) -> Result<Status, String> {
        self.statuses(None).map_err(|refusal| refusal.sentence)
    }

    /// What cycles came to since this process began.
    pub(crate) fn tally(&self) -> &Tally {
        &self.tally
    }

    /// The time.
    pub(crate) fn now(&self) -> Timestamp {
        self.ctx.now()
    }

    /// `conflicts`: what waits for somebody's choice.
    pub(super) fn conflicts(&self) -> Answer {
        let mut conflicts = Vec::new();
        for pair in &self.config().pairs {
            if let Some(row) = self.ctx.store.pair(&pair.name)? {
                conflicts.extend(self.conflicts_of(pair, &row)?);
            }
        }
        Ok(Reply::report(Exit::Fine, &Conflicts { conflicts }))
    }

    fn seen(&self) -> Result<Overview, Refusal> {
        let (store, now) = (&self.ctx.store, self.ctx.now());
        let config = self.config();
        let (mut conflicts, mut plans) = (Vec::new(), Vec::new());
        for pair in &config.pairs {
            if let Some(row) = store.pair(&pair.name)? {
                conflicts.extend(self.conflicts_of(pair, &row)?);
                plans.extend(self.plan_of(pair, &row)?);
            }
        }
        let changes = store.history(None, None, CHANGES)?.into_iter().map(change).collect();
        let day_ago = now - Duration::from_secs(24 * 60 * 60);
        let written = store.written_since(day_ago)?;
        Ok(Overview { status: self.statuses(None)?, changes, conflicts, plans, written, now })
    }

    /// The open conflicts of a pair.
    pub(super) fn conflicts_of(
        &self,
        pair: &config::Pair,
        row: &PairRow,
    ) -> Result<Vec<Conflict>, Refusal> {
        let rows = self.ctx.store.conflicts(row.id)?.into_iter();
        Ok(rows
            .map(|row| Conflict {
                id: row.id.to_string(),
                pair: pair.name.as_str().to_owned(),
                uid: row.uid.as_str().to_owned(),
                title: row.title.map(Redacted::into_inner),
                since: crate::report::At(row.since),
                fields: row
                    .fields
                    .into_iter()
                    .map(|(field, values)| FieldClash {
                        field,
                        left: Some(values.left.into_inner()),
                        right: Some(values.right.into_inner()),
                    })
                    .collect(),
            })
            .collect())
    }

    fn plan_of(&self, pair: &config::Pair, row: &PairRow) -> Result<Option<Plan>, Refusal> {
        let store = &self.ctx.store;
        let proposal = self.ctx.store.proposal(row.id)?;
        if proposal.is_empty() || row.state != "halted" {
            return Ok(None);
        }
        let mut deletions = Vec::new();
        for proposed in proposal.iter().take(DELETIONS) {
            let uid = proposed.uid.as_str().to_owned();
            let found = store.find(row.id, &uid)?;
            let title = found.into_iter().find_map(|found| found.title);
            deletions.push(Deletion { side: proposed.side, uid, title });
        }
        Ok(Some(Plan {
            pair: pair.name.as_str().to_owned(),
            digest: digest(&proposal),
            more: proposal.len().saturating_sub(DELETIONS),
            deletions,
        }))
    }
}

/// Names a plan by what it would delete.
pub(super) fn digest(proposal: &[ProposedRow]) -> String {
    let mut hash = Sha256::new();
    for row in proposal {
        hash.update(row.mapping.0.to_be_bytes());
        hash.update(row.side.as_str());
    }
    hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}
