//! `status`: how accounts and pairs stand. Asks nobody.

use engine::PairState;
use model::{AccountName, PairName, Side, Sides, Timestamp};
use store::{AccountRow, PairRow};

use super::{Answer, Refusal, Service};
use crate::config;
use crate::control::Reply;
use crate::exit::Exit;
use crate::report::{AccountStatus, At, EndStatus, PairStatus, Problem, Status};

impl Service {
    pub(super) fn status(&self, pair: Option<&str>) -> Answer {
        let status = self.statuses(pair)?;
        for pair in &status.pairs {
            let row = self.ctx.store.pair(&PairName::new(pair.name.as_str()))?;
            if let Some(row) = row.filter(|row| row.state == pair.state) {
                // Whoever asked knows now what a halted plan would do.
                self.ctx.store.proposal_shown(row.id)?;
            }
        }
        Ok(Reply::report(Exit::Fine, &status))
    }

    /// The same, without noting that anybody has looked.
    pub(super) fn statuses(&self, pair: Option<&str>) -> Result<Status, Refusal> {
        if let Some(pair) = pair {
            self.pair_of(pair)?;
        }
        let config = self.config();
        let rows = self.ctx.store.accounts()?;
        let row = |name: &AccountName| rows.iter().find(|row| row.name == *name);
        let accounts: Result<Vec<_>, Refusal> = config
            .accounts
            .values()
            .map(|account| self.account_status(account, row(&account.name)))
            .collect();
        let wanted = |named: &&config::Pair| pair.is_none_or(|pair| pair == named.name.as_str());
        let pairs: Result<Vec<_>, Refusal> =
            config.pairs.iter().filter(wanted).map(|pair| self.pair_status(pair)).collect();
        Ok(Status { accounts: accounts?, pairs: pairs? })
    }

    fn account_status(
        &self,
        account: &config::Account,
        row: Option<&AccountRow>,
    ) -> Result<AccountStatus, Refusal> {
        let (reason, action) = self.account_words(account, row)?;
        Ok(AccountStatus {
            name: account.name.as_str().to_owned(),
            provider: account.provider.as_str().to_owned(),
            state: row.map_or("unconnected", |row| row.state.as_str()).to_owned(),
            since: row.map(|row| At(row.since)),
            reason,
            action,
        })
    }

    /// Reason and action of an account's state, or of what is known to come.
    pub(super) fn account_words(
        &self,
        account: &config::Account,
        row: Option<&AccountRow>,
    ) -> Result<(Option<String>, Option<String>), Refusal> {
        let Some(row) = row else { return Ok((None, None)) };
        Ok(match self.ending(account, row)? {
            Some(ending) => (Some(ending.reason), Some(ending.action)),
            None => (row.reason.clone(), row.action.clone()),
        })
    }

    fn pair_status(&self, pair: &config::Pair) -> Result<PairStatus, Refusal> {
        let store = &self.ctx.store;
        let row = store.pair(&pair.name)?;
        let (counts, problems, conflicts) = match &row {
            Some(row) => {
                (store.counts(row.id)?, store.problems(row.id)?, store.conflicts(row.id)?.len())
            }
            None => (Sides::default(), Vec::new(), 0),
        };
        let problems = problems.into_iter().map(|row| Problem {
            uid: row.uid.as_str().to_owned(),
            side: row.side.into(),
            reason: row.reason,
        });
        let state = self.standing(pair, row.as_ref())?;
        let since = state.since.max(row.as_ref().map(|row| row.since));
        let end = |side: Side| EndStatus {
            account: pair.sides[side].account.as_str().to_owned(),
            calendar: pair.sides[side].calendar.clone(),
            series: counts[side],
        };
        let next_run = row.as_ref().and_then(|row| row.next_run).filter(|_| self.is_daemon());
        Ok(PairStatus {
            name: pair.name.as_str().to_owned(),
            state: state.state,
            since: since.map(At),
            last_success: row.as_ref().and_then(|row| row.last_success).map(At),
            next_run: next_run.map(At),
            left: end(Side::Left),
            right: end(Side::Right),
            problems: problems.collect(),
            conflicts: conflicts as u64,
            reason: state.reason,
            action: state.action,
        })
    }

    /// The pair's state: what the last cycle left, unless something is going on now.
    fn standing(&self, pair: &config::Pair, row: Option<&PairRow>) -> Result<Standing, Refusal> {
        let supervisor = self.supervisor.as_ref();
        if supervisor.is_some_and(|supervisor| supervisor.is_busy(&pair.name)) {
            return Ok(Standing::new("syncing", None, None));
        }
        Ok(match row {
            Some(row) if row.paused => {
                let action = || format!("calpair resume {}", pair.name);
                let action = row.action.clone().unwrap_or_else(action);
                Standing::new("paused", row.reason.clone(), Some(action))
            }
            Some(row) => {
                let last = Standing::new(&row.state, row.reason.clone(), row.action.clone());
                let is_new = row.state == PairState::New.as_str();
                match self.unconnected(pair)? {
                    Some(standing) if !is_new => standing,
                    Some(_) | None => last,
                }
            }
            None => Standing::new("new", None, None),
        })
    }

    /// The standing of a pair with an account that somebody must connect, whatever its last cycle
    /// came to: there may have been none since the account was disconnected.
    fn unconnected(&self, pair: &config::Pair) -> Result<Option<Standing>, Refusal> {
        let confirm = self.config().daemon.confirm;
        for (_, end) in pair.sides.iter() {
            let Some(side) = self.setup().roster.end(&end.account) else { continue };
            if let Some(attended) = engine::without_credential(&self.ctx, &side, confirm)? {
                let since = self.ctx.store.account(&end.account)?.map(|row| row.since);
                let word = attended.state.as_str();
                let standing = Standing::new(word, attended.reason, attended.action);
                return Ok(Some(Standing { since, ..standing }));
            }
        }
        Ok(None)
    }
}

struct Standing {
    state: String,
    /// Where it began after the state that the pair's row has.
    since: Option<Timestamp>,
    reason: Option<String>,
    action: Option<String>,
}

impl Standing {
    fn new(state: &str, reason: Option<String>, action: Option<String>) -> Self {
        Self { state: state.to_owned(), since: None, reason, action }
    }
}
