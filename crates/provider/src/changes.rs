//! What a provider says about a calendar: changes, and the content of single resources.

use model::{Cursor, Resource, ResourceId, Uid, Version};

use crate::Error;

/// One page of changes.
#[derive(Debug)]
pub struct Changes {
    /// What the absence of a resource from all pages means.
    pub scope: Scope,
    /// The page's items; a resource may occur more than once, the last one counts.
    pub items: Vec<Change>,
    /// How to go on.
    pub next: Next,
}

/// What a listing covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Only what changed; absence means nothing.
    Delta,
    /// Everything there is; absence from all pages is a reason to look, not yet a deletion.
    Full,
}

/// How a listing goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// There are more pages: ask with this cursor. Not durable.
    More(Cursor),
    /// That was all. This cursor covers it and may be stored, in the same transaction.
    Complete(Cursor),
}

/// One item of a listing.
#[derive(Debug)]
pub enum Change {
    /// It is there, with this content.
    Present(Box<Resource>),
    /// It is there, in this version; fetch it if that is not the version known.
    Listed {
        /// Which.
        id: ResourceId,
        /// Its version, where the listing states one.
        version: Option<Version>,
    },
    /// It is there, but is no series that calpair can read.
    Unreadable(Unreadable),
    /// It was deleted: the provider says so.
    Gone(ResourceId),
    /// It is probably gone; only a fetch can tell.
    Missing(ResourceId),
}

impl Change {
    /// Which resource it is about.
    pub const fn id(&self) -> &ResourceId {
        match self {
            Change::Present(resource) => &resource.id,
            Change::Unreadable(what) => &what.id,
            Change::Listed { id, .. } | Change::Gone(id) | Change::Missing(id) => id,
        }
    }
}

/// A resource that is there but can't be read: a problem of that series, never an absence.
#[derive(Clone, Debug)]
pub struct Unreadable {
    /// Which.
    pub id: ResourceId,
    /// Its version.
    pub version: Option<Version>,
    /// Its UID, if that much could be read.
    pub uid: Option<Uid>,
    /// Why, as a sentence without private content.
    pub reason: String,
}

/// The answer for one id of a fetch.
#[derive(Debug)]
pub struct Fetched {
    /// Which.
    pub id: ResourceId,
    /// What was learnt.
    pub outcome: Outcome,
}

/// What a fetch learnt about one id.
#[derive(Debug)]
pub enum Outcome {
    /// It is there.
    Found(Box<Resource>),
    /// It is there, but can't be read.
    Unreadable(Unreadable),
    /// It is not there: the provider says so, for this id.
    Gone,
    /// It is there, and no event: a task, a journal entry.
    NoEvent,
    /// It was asked for alone and is not handed out, although the calendar itself answers: a
    /// problem of this one, to be asked for again. Neither an absence nor an outage.
    Withheld(Error),
    /// Nothing was learnt; ask again another time.
    Failed(Error),
}
