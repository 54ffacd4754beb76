//! The switches: in which ways this Google is as the real one was seen to be.
//!
//! Numbers are those of the quirk ledger of Google. What is not a switch here is always so: it is
//! stated by Google or was seen by everybody. The default is as rude as reality.

use std::collections::BTreeSet;

/// A way to be rude that can be switched off, or on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Quirk {
    /// 2: an empty page between the first and the second.
    EmptyPage,
    /// 3: what changes while pages are read is listed again on the last one.
    ListedTwice,
    /// 5: some cancelled occurrences come as id and status alone.
    SparseCancelled,
    /// 6: some of these have no etag either.
    NoEtag,
    /// 8: deleted series in lists that did not ask for what is deleted.
    CancelledMasters,
    /// 9: an expired sync token is answered 410 with a page that says nothing. Off by default.
    BareExpiry,
    /// 20: full listings never show what is deleted, though its iCalUID is taken.
    HiddenTombstones,
    /// 30: `Europe/Kyiv` is not a zone (until March 2023). Off by default.
    OldZones,
    /// 32: a single event written without a zone has none in answers; else the calendar's.
    MissingZone,
    /// 36: an EXDATE that hits nothing is left out; else it is refused.
    StrayExdatesDropped,
    /// 37: rules are written anew: order, case, what is redundant.
    RewrittenRules,
    /// 58: a calendar list without a summary for secondary calendars. Off by default.
    NoSummaries,
    /// 69: a list of more than two guests is cut. Off by default.
    GuestsOmitted,
    /// RDATE without RRULE is refused (unknown, section 10 of the notes). Off by default.
    RdateOnlyRefused,
    /// A change of a series changes its exceptions too, where they were as the series was
    /// (unknown). Off by default.
    ExceptionsFollow,
    /// A listing by iCalUID leaves cancelled occurrences out, which do not carry it (unknown). Off
    /// by default.
    UidMissesCancelled,
    /// A patch that changes nothing keeps the etag (unknown). Off by default.
    QuietPatch,
}

/// What becomes of stored exceptions when the times of a series move (unknown).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnMove {
    /// They stay, under original starts that the series no longer has.
    Stale,
    /// They are gone, and no row says so.
    Reset,
}

/// 74: what becomes of stored exceptions when a user edits something else than the times of all
/// events of their series (unknown).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnEdit {
    /// They stay.
    Kept,
    /// They are as their series is, and no row says so.
    Reset,
    /// They are as their series is; a listing of changes shows their rows as cancelled, with
    /// nothing but the id, and no other answer shows them.
    Told,
}

/// 47: the etag of occurrences that nobody has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Untouched {
    /// Their master's.
    Masters,
    /// One that all of them have, and no listing shows (unknown).
    Hidden,
    /// As [`Untouched::Hidden`], and each change of one gives the others another (unknown).
    Moving,
}

/// 45: after which insertions the server changes the event once more, right before the next
/// request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Touch {
    /// None.
    Never,
    /// That of a series.
    Series,
    /// Every one.
    Every,
}

/// How this Google behaves.
#[derive(Clone, Debug)]
pub struct Quirks {
    /// What is on.
    pub on: BTreeSet<Quirk>,
    /// Exceptions of a series whose times move.
    pub on_move: OnMove,
    /// Exceptions of a series of which all events are edited.
    pub on_edit: OnEdit,
    /// The etags of occurrences that are as their series is.
    pub untouched: Untouched,
    /// Changes right after an insertion.
    pub touch: Touch,
    /// The most items on a page, whatever is asked for.
    pub largest_page: usize,
    /// After so many listings that used it a sync token is expired.
    pub token_uses: Option<u32>,
}

impl Default for Quirks {
    fn default() -> Self {
        Self {
            on: BTreeSet::from([
                Quirk::EmptyPage,
                Quirk::ListedTwice,
                Quirk::SparseCancelled,
                Quirk::NoEtag,
                Quirk::CancelledMasters,
                Quirk::HiddenTombstones,
                Quirk::MissingZone,
                Quirk::RewrittenRules,
            ]),
            on_move: OnMove::Stale,
            on_edit: OnEdit::Kept,
            untouched: Untouched::Masters,
            touch: Touch::Series,
            largest_page: 2500,
            token_uses: None,
        }
    }
}

impl Quirks {
    /// As tame as the documentation.
    pub fn tame() -> Self {
        Self { on: BTreeSet::new(), on_move: OnMove::Reset, touch: Touch::Never, ..Self::default() }
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
