//! What must survive: one SQLite database in a directory of its own.
//!
//! Stored are observations (what each side holds, what both last agreed on), never a to-do list:
//! work is derived from them, so that a crash at any point loses nothing. Beside them stand the
//! journal of writes that were begun, the history of those that were made, the states of accounts
//! and pairs, and sealed credentials. Titles and texts of events are sealed as well; UIDs and times
//! stand as they are, in files that only their owner can read.
//!
//! This crate decides nothing: which rows were touched and what they hold is its business, what is
//! to be done about them is not. SQL exists only here.
//!
//! Every method is one transaction and blocks; none of them waits for a provider. Times are stored
//! to the microsecond.

mod accounts;
mod agree;
mod alerts;
mod choices;
mod codec;
mod deletions;
mod detach;
mod errands;
mod error;
mod files;
mod find;
mod form;
mod history;
mod integrity;
mod journal;
mod listing;
mod observe;
mod open;
mod pairs;
mod problems;
mod rehearsal;
mod row;
mod rules;
mod runs;
mod seal;
mod sides;
mod sign_ins;
mod sql;
#[cfg(test)]
mod testing;
mod texts;
mod touched;
mod undelivered;
mod unread;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use accounts::AccountRow;
pub use agree::Agreement;
pub use alerts::AlertRow;
pub use choices::ChoiceRow;
pub use codec::{digest, digest_bytes};
pub use deletions::{ProposedRow, Totals};
pub use detach::CopyRow;
pub use errands::{ErrandId, ErrandRow, MadeRow, NewErrand};
pub use error::{Error, ErrorKind, Result};
pub use find::{FoundRow, FoundSide, Skipped};
pub use history::{ChangeRow, OverruledRow, PlaceRow};
pub use journal::{ActionKind, IntentId, IntentRow, NewIntent, SubjectRow, Wrote};
use model::Side;
pub use observe::{Beside, Observation, Observed, Sighting, UnreadableRow};
pub use pairs::{PairId, PairRow};
pub use problems::{ConflictRow, ProblemRow};
pub use rules::{NewRules, Withheld};
pub use runs::{RunRow, Written};
use rusqlite::{Connection, Transaction, TransactionBehavior};
pub use seal::Key;
pub use sides::SideRow;
pub use sign_ins::SignIn;
pub use touched::{Batch, ContactRow, KnownRow, NowRow, PendingRow, Position};
pub use undelivered::Undelivered;
pub use unread::{UnreadRow, Waiting};

/// The store. Clones share one connection.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Mutex<Inner>>,
}

/// Asked with a method's name before its transaction; `true` makes it fail.
type Failpoint = Box<dyn FnMut(&'static str) -> bool + Send>;

struct Inner {
    /// `None` once the store was closed.
    connection: Option<Connection>,
    /// `None` in memory.
    home: Option<files::Home>,
    /// What titles and texts are sealed with.
    key: Arc<Key>,
    failpoint: Option<Failpoint>,
    /// Rows seen in full passes that are under way. A pass does not survive a restart, so neither
    /// do its marks.
    listings: HashMap<(PairId, Side), HashSet<i64>>,
    runs: runs::Runs,
}

impl Store {
    /// For simulation and tests: `failpoint` is called with a method's name before each of its
    /// writing transactions; `true` makes the call fail with [`ErrorKind::Full`] before anything
    /// is written. `None` takes it away.
    pub fn failpoint(&self, failpoint: Option<Failpoint>) {
        self.lock().failpoint = failpoint;
    }

    /// Everything that is wrong with the database, as sentences; empty when nothing is. Reads all
    /// of it.
    ///
    /// # Errors
    /// When it can't be read at all.
    pub fn integrity(&self) -> Result<Vec<String>> {
        let inner = self.lock();
        inner.read(|connection| integrity::faults(connection, &inner.key))
    }

    /// A panic in another thread rolled its transaction back: what is stored is whole.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read<T>(&self, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        self.lock().read(work)
    }

    /// One writing transaction. It survives a crash of the process; after a loss of power the
    /// last ones may be missing, but never one from the middle.
    fn write<T>(
        &self,
        name: &'static str,
        work: impl FnOnce(&Transaction<'_>) -> Result<T>,
    ) -> Result<T> {
        self.lock().write(name, work)
    }

    /// One statement as one transaction.
    fn change(&self, name: &'static str, query: &str, params: impl rusqlite::Params) -> Result<()> {
        self.write(name, |transaction| sql::run(transaction, query, params).map(|_| ()))
    }

    /// One writing transaction that survives a loss of power, and with it all before.
    fn write_durably<T>(
        &self,
        name: &'static str,
        work: impl FnOnce(&Transaction<'_>) -> Result<T>,
    ) -> Result<T> {
        self.lock().write_durably(name, work)
    }
}

impl Inner {
    fn read<T>(&self, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let connection = self.connection.as_ref().ok_or_else(closed)?;
        // One transaction for all statements of a method: the file is locked once, not each time.
        let read = || {
            let transaction = connection.unchecked_transaction()?;
            work(&transaction)
        };
        read().map_err(|error| self.explained(error))
    }

    fn write<T>(
        &mut self,
        name: &'static str,
        work: impl FnOnce(&Transaction<'_>) -> Result<T>,
    ) -> Result<T> {
        if self.failpoint.as_mut().is_some_and(|fails| fails(name)) {
            return Err(Error::new(ErrorKind::Full, "the disk is full (simulated)"));
        }
        let connection = self.connection.as_mut().ok_or_else(closed)?;
        let write = || {
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let value = work(&transaction)?;
            transaction.commit()?;
            Ok(value)
        };
        write().map_err(|error| self.explained(error))
    }

    fn write_durably<T>(
        &mut self,
        name: &'static str,
        work: impl FnOnce(&Transaction<'_>) -> Result<T>,
    ) -> Result<T> {
        self.synchronous("PRAGMA synchronous = FULL")?;
        let outcome = self.write(name, work);
        self.synchronous("PRAGMA synchronous = NORMAL")?;
        outcome
    }

    fn synchronous(&self, pragma: &'static str) -> Result<()> {
        let connection = self.connection.as_ref().ok_or_else(closed)?;
        sql::run(connection, pragma, [])?;
        Ok(())
    }

    fn explained(&self, error: Error) -> Error {
        error.with_place(|| self.home.as_ref().map(files::Home::place))
    }
}

fn closed() -> Error {
    Error::new(ErrorKind::Io, "the store was closed")
}
