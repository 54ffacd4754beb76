//! What a world is described in: accounts and their servers' habits, what happened, who did it.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use jiff::Timestamp;
use model::CalendarId;

/// Somebody's account at a simulated service.
#[derive(Clone, Debug)]
pub struct Account {
    /// Its name in the world.
    pub name: String,
    /// The user name and mailbox.
    pub user: String,
    /// The one good password.
    pub password: String,
    /// The number that iCloud's paths carry.
    pub dsid: u64,
    /// Whether the password was revoked.
    pub revoked: bool,
    /// Whether the account is let in and allowed nothing.
    pub locked: bool,
    /// How much may be asked.
    pub throttle: Option<Throttle>,
    /// What its server is like.
    pub habits: Habits,
    pub(crate) revoked_after: Option<u32>,
    pub(crate) asked: VecDeque<Timestamp>,
    pub(crate) throttled: u32,
    pub(crate) penalty: Option<Timestamp>,
}

impl Account {
    /// An account with a made-up address, password and number, and a server by the book.
    pub fn new(name: &str) -> Self {
        let number = name.bytes().fold(10_203_040_506_u64, |sum, byte| {
            (sum * 31 + u64::from(byte)) % 90_000_000_000 + 10_000_000_000
        });
        Self {
            name: name.to_owned(),
            user: format!("{name}@example.com"),
            password: "abcd-efgh-ijkl-mnop".to_owned(),
            dsid: number,
            revoked: false,
            locked: false,
            throttle: None,
            habits: Habits::default(),
            revoked_after: None,
            asked: VecDeque::new(),
            throttled: 0,
            penalty: None,
        }
    }
}

/// How much an account may ask before it is sent away.
#[derive(Clone, Copy, Debug)]
pub struct Throttle {
    /// So many requests …
    pub requests: usize,
    /// … in such a time.
    pub window: Duration,
    /// The wait that a refusal states, if any. The truth is `window`.
    pub retry_after: Option<Duration>,
    /// After so many refusals everything is answered "unauthorized" …
    pub refusals: u32,
    /// … for such a time.
    pub penalty: Duration,
}

/// What a server does with what it is given. The default does everything by the book.
#[derive(Clone, Debug, Default)]
pub struct Habits {
    /// What it makes of a text.
    pub rewriting: Rewriting,
    /// Properties and components (by name) that it does not keep.
    pub drops: Vec<&'static str>,
    /// A text in which this occurs is not accepted.
    pub rejects: Option<String>,
    /// A resource in which this occurs is said to be in another version, whatever a client names.
    pub stubborn: Option<String>,
    /// Cancelled overrides become EXDATEs (Zimbra).
    pub cancelled_to_exdate: bool,
    /// Where a UID may occur once only.
    pub uids: UidScope,
    /// Names and UIDs that were deleted can't be used again.
    pub tombstones: bool,
    /// What was created and deleted since a cursor is left out of its changes (Xandikos).
    pub forgets_short_lives: bool,
    /// Which conditions on writes are looked at.
    pub conditions: Conditions,
    /// Whether it writes to people by itself.
    pub scheduling: Scheduling,
    /// Listings that every new resource is missing from.
    pub lag: u32,
    /// Reads by multiget that do not yet find what a user wrote, though listings show it.
    pub data_lag: u32,
}

/// Whether a server writes to the people of a meeting when a client stores, changes or deletes it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scheduling {
    /// It does, and says so (RFC 6638).
    #[default]
    Implicit,
    /// It says so, but its users have no addresses, so that they are in no meeting (Xandikos).
    Addressless,
    /// It does not.
    Never,
}

/// What a server makes of a text that it stores.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rewriting {
    /// Nothing.
    #[default]
    Never,
    /// It adds to the text and reorders it while it stores it.
    AtOnce,
    /// As `AtOnce`, and the version that the write returned is replaced by another right after.
    Afterwards,
}

/// Which conditions on writes a server looks at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Conditions {
    /// All.
    #[default]
    All,
    /// Only that of an update: creations overwrite, deletions delete (SOGo).
    Updates,
    /// None.
    Never,
}

/// Where a UID may occur once only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UidScope {
    /// In a calendar (RFC 4791 section 5.3.2).
    #[default]
    Calendar,
    /// In all calendars of the account.
    Account,
    /// Anywhere any number of times.
    Free,
}

/// What a calendar is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Events.
    Events,
    /// Tasks only.
    Tasks,
    /// A subscription to somebody else's calendar.
    Subscribed,
}

/// A kind of call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Op {
    /// Who is it.
    Identity,
    /// Which calendars are there.
    Calendars,
    /// What changed.
    Changes,
    /// Read by id.
    Fetch,
    /// Create.
    Create,
    /// Change.
    Update,
    /// Delete.
    Delete,
}

/// Who did something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Author {
    /// The user, on a device or web page of the service.
    User,
    /// A program that syncs.
    Client,
    /// The server by itself.
    Service,
}

/// Something that was done to a resource.
#[derive(Clone, Debug)]
pub struct Deed {
    /// When.
    pub at: Timestamp,
    /// Counts all deeds of the world.
    pub number: u64,
    /// Where.
    pub calendar: CalendarId,
    /// Which.
    pub id: String,
    /// Its UID.
    pub uid: String,
    /// By whom.
    pub author: Author,
    /// The text from then on; `None` for a deletion.
    pub raw: Option<Vec<u8>>,
}

/// A resource as its server holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Its name.
    pub id: String,
    /// Its UID, empty where there is none.
    pub uid: String,
    /// Its version.
    pub version: String,
    /// Its text.
    pub raw: Vec<u8>,
}

/// A mail that the server would have sent because of what a client did.
#[derive(Clone, Debug)]
pub struct Mail {
    /// When.
    pub at: Timestamp,
    /// About which calendar.
    pub calendar: CalendarId,
    /// About which event.
    pub uid: String,
    /// Why.
    pub cause: MailCause,
}

/// Why a mail would have been sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailCause {
    /// A client wrote ORGANIZER and ATTENDEE lines that were not there.
    PeopleWritten,
    /// A client changed a meeting that the account organizes.
    MeetingChanged,
    /// A client deleted a meeting that the account organizes.
    MeetingDeleted,
    /// A client deleted an invitation of the account, or an occurrence of one.
    InvitationDeclined,
}

/// A request, or a call of a provider.
#[derive(Clone, Debug)]
pub struct Request {
    /// When.
    pub at: Timestamp,
    /// Its number in the world, from 1.
    pub step: u64,
    /// Of which account; empty when that can't be told.
    pub account: String,
    /// The kind of call.
    pub op: Op,
    /// The method, e.g. `PUT`.
    pub method: String,
    /// The host and port that it was sent to; empty in process.
    pub host: String,
    /// The path, or calendar and id.
    pub path: String,
    /// The header fields in lower case, without the credential.
    pub headers: BTreeMap<String, String>,
    /// Whether it carried a credential.
    pub authorized: bool,
    /// The length of its body in bytes.
    pub sent: usize,
    /// The status, or 0 where there was none.
    pub status: u16,
}

/// What a write is conditional on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Nothing.
    Nothing,
    /// There is nothing of that name.
    Absent,
    /// There is something of that name.
    Present,
    /// It is in this version.
    Version(String),
}

/// Why a server does not do something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such calendar.
    NoCalendar,
    /// There is no such resource.
    NotFound,
    /// It is in another version.
    Differs,
    /// There is something of that name.
    Exists,
    /// The UID is in another resource: calendar and name.
    UidTaken(String, String),
    /// The name or UID was deleted once.
    Tombstone,
    /// The calendar is read-only.
    ReadOnly,
    /// The content, and what is wrong with it.
    Content(&'static str),
}
