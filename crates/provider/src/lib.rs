//! The seam between the engine and a calendar provider: six methods.
//!
//! An adapter speaks whole series, never parts; it decides nothing, it only reads and writes what
//! it is asked, conditionally. A status code gets its meaning in the adapter; above it there is
//! only an [`ErrorKind`], named for the reaction.
//!
//! Where a provider limits writes alone, [`ErrorKind::WritesLimited`] says so: it comes of a write,
//! and never of reading.
//!
//! The contract that every adapter must meet is executable: `testkit::contract`.

mod changes;
mod error;
pub mod kept;

use std::collections::BTreeSet;

use async_trait::async_trait;
pub use changes::{Change, Changes, Fetched, Next, Outcome, Scope, Unreadable};
pub use error::{Error, ErrorKind, Result};
use model::{
    Calendar, CalendarId, CreateKey, Cursor, Field, FieldSet, Origin, Resource, ResourceId, Series,
};

/// One account at one provider.
#[async_trait]
pub trait Provider: Send + Sync {
    /// The fields that this provider can hold. What is not in it stays on the side that has it.
    fn fields(&self) -> FieldSet {
        FieldSet::ALL
    }

    /// What of `series` this provider holds and shows otherwise than it is (a floating time in a
    /// zone, a sixth reminder), as sentences without private content. Asks nobody.
    fn shown_otherwise(&self, _series: &Series) -> Vec<String> {
        Vec::new()
    }

    /// Who made this, by the marks that this provider's `create` leaves and its `update` keeps.
    /// Asks nobody. [`Origin::Sealed`] only where an edit by anybody else would show.
    fn origin(&self, _resource: &Resource) -> Origin {
        Origin::Unknown
    }

    /// Whether it is what `create` made under this key; `false` also where that can't be told.
    /// Asks nobody.
    fn is_made_by(&self, _resource: &Resource, _key: &CreateKey) -> bool {
        false
    }

    /// Whether a resource has to be written although nobody has changed it: a write of several
    /// requests was interrupted, and reads as what it was to become; or what stands for the series
    /// covers a stretch of time that is running out. [`Provider::update`] to what it is already
    /// mends it. Asks nobody.
    fn is_wanting(&self, _resource: &Resource) -> bool {
        false
    }

    /// What `raw`, a resource of this provider, says about mapped fields that a series does not
    /// say, so that every other side shows it otherwise: the field, and how it looks there, without
    /// private content. Asks nobody.
    fn unmapped(&self, _raw: &[u8]) -> BTreeSet<(Field, &'static str)> {
        BTreeSet::new()
    }

    /// Whether somebody made of `was`, a resource of this provider, what `is` says beside its
    /// series: a comment, an attachment inside it, whatever is not mapped. What the provider may
    /// have rewritten by itself is no such edit; false where that can't be told. Asks nobody.
    fn is_edited_beside(&self, _was: &[u8], _is: &[u8]) -> bool {
        false
    }

    /// Whether the answer to a write is all that a listing would say of it, and a cursor from
    /// before it still tells what becomes of it: then nothing has to be looked at again. Asks
    /// nobody.
    fn answers_in_full(&self) -> bool {
        false
    }

    /// Whether [`Provider::put_back`] makes use of a resource's own form. Asks nobody.
    fn puts_back(&self) -> bool {
        false
    }

    /// What its calendars show and calpair never sees, as the subject of a sentence; `None` where
    /// there is no such thing.
    fn unlisted(&self) -> Option<&'static str> {
        None
    }

    /// What its user can do when the credential is taken and everything is forbidden.
    fn remedy(&self) -> &'static str {
        "ask whoever runs the server; the credential itself was taken"
    }

    /// A credential that was refused is to be tried again. An adapter that sends no refused one a
    /// second time by itself sends the next request. Asks nobody.
    fn ask_again(&self) {}

    /// A name of the account that stays the same when its credential changes (a principal, a
    /// subject), so that another account's credential can be told from a new one. Always asks the
    /// provider: the answer also tells whether the credential is still accepted.
    async fn identity(&self) -> Result<String>;

    /// What people call the account (a mail address), where [`Provider::identity`] is nothing that
    /// they know; `None` where it is.
    async fn address(&self) -> Result<Option<String>> {
        Ok(None)
    }

    /// The calendars of the account that can hold events, read-only ones too.
    async fn calendars(&self) -> Result<Vec<Calendar>>;

    /// What changed since `since`; everything, for `None`.
    ///
    /// Pages are asked for one by one: [`Next::More`] is handed back as `since` and is not durable;
    /// only the cursor of [`Next::Complete`] may be stored.
    ///
    /// # Errors
    /// [`ErrorKind::CursorExpired`] when the provider no longer knows `since`: ask with `None`.
    /// [`ErrorKind::Gone`] when the calendar itself is gone.
    /// A partial answer is an error, never a listing.
    async fn changes(&self, calendar: &CalendarId, since: Option<&Cursor>) -> Result<Changes>;

    /// The present content of `ids`, in any order, exactly one [`Fetched`] for each id. Batches
    /// inside; the caller hands over at most [`FETCH_LIMIT`].
    ///
    /// # Errors
    /// Only when nothing at all could be learnt; what concerns one id is in its [`Outcome`].
    async fn fetch(&self, calendar: &CalendarId, ids: &[ResourceId]) -> Result<Vec<Fetched>>;

    /// Creates a series. With a key that was used before, returns what that creation made.
    ///
    /// # Errors
    /// [`ErrorKind::AlreadyExists`] when the provider holds this UID in another resource;
    /// [`ErrorKind::Rejected`] when it does not accept the content.
    async fn create(
        &self,
        calendar: &CalendarId,
        series: &Series,
        key: &CreateKey,
    ) -> Result<Resource>;

    /// Changes `current` into `target`: only what differs is sent, only if the provider still
    /// holds `current.version`.
    ///
    /// Where that takes several requests, and one fails after another has succeeded, the error is
    /// [`ErrorKind::Unavailable`], whatever the failure: any other kind but
    /// [`ErrorKind::Malformed`] says that nothing was written.
    ///
    /// # Errors
    /// [`ErrorKind::Stale`] when it holds another version (or `current` states none),
    /// [`ErrorKind::Gone`] when it holds none.
    async fn update(
        &self,
        calendar: &CalendarId,
        current: &Resource,
        target: &Series,
    ) -> Result<Resource>;

    /// Puts a series back as it was: over `current`, only if the provider still holds its version,
    /// or as a new resource. As a whole, where `former.raw` is a form of this provider's and all of
    /// it may be written; else as far as the series goes. Nobody is told of it.
    ///
    /// # Errors
    /// As [`Provider::update`] and [`Provider::create`].
    async fn put_back(
        &self,
        calendar: &CalendarId,
        former: Former<'_>,
        current: Option<&Resource>,
        key: &CreateKey,
    ) -> Result<Resource> {
        match current {
            Some(current) => self.update(calendar, current, former.series).await,
            None => self.create(calendar, former.series, key).await,
        }
    }

    /// Deletes `current`, only if the provider still holds its version. Already gone is success.
    ///
    /// # Errors
    /// [`ErrorKind::Stale`] when it holds another version.
    async fn delete(&self, calendar: &CalendarId, current: &Resource) -> Result<()>;
}

/// A series as a provider once held it.
#[derive(Clone, Copy)]
pub struct Former<'a> {
    /// What it meant.
    pub series: &'a Series,
    /// In the form of the provider of then, where that was kept.
    pub raw: Option<&'a [u8]>,
}

/// How many ids one [`Provider::fetch`] takes: large enough that requests do not dominate a first
/// sync, small enough that the answer (about 1.5 kB an event) stays in memory.
pub const FETCH_LIMIT: usize = 200;
