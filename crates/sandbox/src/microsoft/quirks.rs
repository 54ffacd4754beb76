//! The switches: in which ways this Graph is as the real one was seen to be.
//!
//! Numbers are those of the quirk ledger of Microsoft. What is not a switch here is always so: it
//! is documented or was seen by everybody. The default is as rude as reality.

use std::collections::BTreeSet;

/// A way to be rude that can be switched off, or on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Quirk {
    /// 6: tombstones for ids that nobody was ever told. Off by default.
    StrangeTombstones,
    /// 7: an empty page between the first and the second of a round.
    EmptyPages,
    /// 8: items of a round are repeated, and in no order. Off by default.
    Shuffled,
    /// 9: a round tells again what the one before it told. Off by default.
    Replay,
    /// 11: the change key moves once more after every write, right before the next request. Off
    /// by default.
    RestlessKeys,
    /// 12: with a page size in `Prefer`, a round never ends. Off by default.
    EndlessPages,
    /// 21: no iCalUId, and others on exceptions. Off by default.
    LooseUids,
    /// 26: what was written in UTC bears `tzone://Microsoft/Utc`.
    UtcByTzone,
    /// 30: an empty body reads as a line break.
    EmptyBodyBreaks,
    /// 39: a range before its pattern is not understood. Off by default.
    RangeFirstRefused,
    /// 42: exceptions stay when the times of their series change. Off by default.
    ExceptionsStay,
    /// 47: the fifth request at a time is answered 503, not 429. Off by default.
    BusyAs503,
    /// 50: every seventh write is in conflict, whatever it is conditional on. Off by default.
    RandomConflicts,
    /// 69: members and values that nobody has described.
    OddMembers,
    /// 74: links lead to another host. Off by default.
    ForeignLinks,
    /// 22: a transaction id that was used is refused with 409; else the first event is returned.
    /// Off by default.
    TransactionsRefused,
    /// What is done to an occurrence changes the key of its series too (unknown).
    ExceptionsTouchMaster,
    /// If-Match is not looked at for occurrences (unknown). Off by default.
    LooseOccurrences,
    /// Deleting a changed occurrence gives a tombstone (unknown). Off by default.
    ExceptionTombstones,
    /// Errors are nested once more, under `innererror`. Off by default.
    NestedErrors,
}

/// 13: how a token that is no longer known is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// 410 SyncStateNotFound with a Location.
    NotFound,
    /// 410 resyncRequired.
    Resync,
    /// 400 SyncStateInvalid.
    Invalid,
    /// 400 InvalidDeltaToken.
    DeltaToken,
}

/// 46: how Retry-After is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryAfter {
    /// Seconds with a fraction; rounded up they are what was meant.
    Fraction,
    /// Seconds.
    Seconds,
    /// A date.
    Date,
    /// Not at all.
    Absent,
}

/// Whether `events/delta` is there (it is documented for beta alone).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventsDelta {
    /// It is, with a start.
    Works,
    /// It is not.
    Unsupported,
}

/// How this Graph behaves.
#[derive(Clone, Debug)]
pub struct Quirks {
    /// What is on.
    pub on: BTreeSet<Quirk>,
    /// Tokens that are no longer known.
    pub expiry: Expiry,
    /// Waits.
    pub retry_after: RetryAfter,
    /// `events/delta`.
    pub events_delta: EventsDelta,
    /// 70: from how many rounds of changes what a client creates is missing.
    pub lag: u32,
    /// How many requests of a mailbox there can be at a time.
    pub at_once: u32,
    /// 4: items on a page of a round where nothing is asked for.
    pub page: usize,
    /// 61: how often a refresh token is good after its successor was given.
    pub old_refresh_uses: u32,
}

impl Default for Quirks {
    fn default() -> Self {
        Self {
            on: BTreeSet::from([
                Quirk::EmptyPages,
                Quirk::UtcByTzone,
                Quirk::EmptyBodyBreaks,
                Quirk::OddMembers,
                Quirk::ExceptionsTouchMaster,
            ]),
            expiry: Expiry::NotFound,
            retry_after: RetryAfter::Fraction,
            events_delta: EventsDelta::Unsupported,
            lag: 0,
            at_once: 4,
            page: 10,
            old_refresh_uses: 3,
        }
    }
}

impl Quirks {
    /// As tame as the documentation.
    pub fn tame() -> Self {
        Self { on: BTreeSet::new(), page: 100, ..Self::default() }
    }

    /// With one more.
    #[must_use]
    pub fn with(mut self, quirk: Quirk) -> Self {
        self.on.insert(quirk);
        self
    }

    /// With one less.
    #[must_use]
    pub fn without(mut self, quirk: Quirk) -> Self {
        self.on.remove(&quirk);
        self
    }

    pub(super) fn has(&self, quirk: Quirk) -> bool {
        self.on.contains(&quirk)
    }
}
