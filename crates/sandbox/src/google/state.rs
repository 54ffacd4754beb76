//! What Google holds: accounts, calendars, and events as rows of JSON.
//!
//! A row is a single event, a series' master, or an exception, each with an etag of its own; what
//! is deleted stays as a row that is cancelled. Every change raises the calendar's revision, which
//! is what sync tokens are about.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use model::CalendarId;
use serde_json::{Map, Value, json};

use super::grants::Grants;
use super::quirks::{OnEdit, Quirks, Untouched};
use super::times::{Moment, zone_of};
use crate::rest::Exchange;
use crate::{Author, MailCause, Random};

/// An object of JSON.
pub(super) type Json = Map<String, Value>;

/// Base 32 with the extended hex alphabet (RFC 4648 section 7) in lower case: what ids are of.
pub(super) const ID_ALPHABET: &[u8; 32] = b"0123456789abcdefghijklmnopqrstuv";

/// What somebody may do with a calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Nothing: it is as if it were not there.
    None,
    /// See when somebody is busy.
    FreeBusyReader,
    /// Read.
    Reader,
    /// Read and write.
    Writer,
    /// Everything.
    Owner,
}

impl Role {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Role::None => "none",
            Role::FreeBusyReader => "freeBusyReader",
            Role::Reader => "reader",
            Role::Writer => "writer",
            Role::Owner => "owner",
        }
    }
}

/// An event.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) id: String,
    /// The content; times in UTC. What the server knows by itself is beside it.
    pub(super) event: Json,
    /// Twice the microseconds of the last write.
    pub(super) etag: i64,
    pub(super) created: Timestamp,
    pub(super) updated: Timestamp,
    /// The calendar's revision when it last changed.
    pub(super) revision: u64,
}

impl Row {
    pub(super) fn text(&self, name: &str) -> &str {
        self.event.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.text("status") == "cancelled"
    }

    /// The master's id, of an exception.
    pub(super) fn master(&self) -> Option<&str> {
        self.event.get("recurringEventId").and_then(Value::as_str)
    }

    pub(super) fn is_series(&self) -> bool {
        self.event.get("recurrence").is_some()
    }

    pub(super) fn moment(&self, name: &str) -> Option<Moment> {
        Moment::stored(self.event.get(name)?)
    }

    pub(super) fn etag(&self) -> String {
        format!("\"{}\"", self.etag)
    }
}

/// A calendar.
#[derive(Debug)]
pub(super) struct Calendar {
    pub(super) id: String,
    pub(super) summary: String,
    pub(super) zone: String,
    /// Who may do what.
    pub(super) roles: BTreeMap<String, Role>,
    pub(super) is_gone: bool,
    pub(super) default_reminders: Value,
    pub(super) rows: BTreeMap<String, Row>,
    /// Exceptions that are none any more, of which listings of changes tell; since which revision.
    pub(super) former: BTreeMap<String, u64>,
    pub(super) revision: u64,
    /// Tokens below this revision are expired.
    pub(super) floor: u64,
    /// Raised when tokens are expired.
    pub(super) epoch: u64,
    /// How often each token was used.
    pub(super) uses: BTreeMap<String, u32>,
    /// The row that the server is going to change once more.
    pub(super) restless: Option<String>,
}

impl Calendar {
    pub(super) fn time_zone(&self) -> TimeZone {
        zone_of(&self.zone).unwrap_or(TimeZone::UTC)
    }

    /// The exceptions of a series.
    pub(super) fn exceptions<'c>(&'c self, master: &'c str) -> impl Iterator<Item = &'c Row> {
        self.rows.values().filter(move |row| row.master() == Some(master))
    }

    /// A single event or master that holds an iCalUID, deleted ones too.
    // quirk: google-20
    pub(super) fn with_uid(&self, uid: &str) -> Option<&Row> {
        let holds = |row: &&Row| row.master().is_none() && row.text("iCalUID") == uid;
        let mut found = self.rows.values().filter(holds);
        let first = found.next()?;
        Some(
            found.find(|row| !row.is_cancelled()).filter(|_| first.is_cancelled()).unwrap_or(first),
        )
    }
}

/// The service.
pub(super) struct Service {
    pub(super) quirks: Quirks,
    pub(super) random: Random,
    pub(super) calendars: BTreeMap<String, Calendar>,
    /// The accounts of the world that are here: name, address.
    pub(super) accounts: BTreeMap<String, String>,
    pub(super) grants: Grants,
    /// Listings that are being paged through.
    pub(super) snapshots: Vec<super::paging::Snapshot>,
    pub(super) log: Vec<Exchange>,
    pub(super) violations: Vec<String>,
    /// Accounts whose writes are over their quota, until when.
    pub(super) over_quota: BTreeMap<String, Timestamp>,
    /// Whether the API is switched on in the client's project.
    pub(super) is_disabled: bool,
    /// What was done and not yet told to the world.
    pub(super) deeds: Vec<Done>,
    /// Mails not yet told to the world: calendar, event, cause.
    pub(super) mails: Vec<(CalendarId, String, MailCause)>,
    /// The last microsecond that was used for an etag.
    last_stamp: i64,
}

impl Service {
    pub(super) fn new(seed: u64, quirks: Quirks) -> Self {
        Self {
            quirks,
            random: Random::new(seed),
            calendars: BTreeMap::new(),
            accounts: BTreeMap::new(),
            grants: Grants::default(),
            snapshots: Vec::new(),
            log: Vec::new(),
            violations: Vec::new(),
            over_quota: BTreeMap::new(),
            is_disabled: false,
            deeds: Vec::new(),
            mails: Vec::new(),
            last_stamp: 0,
        }
    }

    /// Makes a calendar.
    pub(super) fn found(&mut self, id: &str, summary: &str, account: &str, role: Role) {
        let calendar = Calendar {
            id: id.to_owned(),
            summary: summary.to_owned(),
            zone: "Europe/Berlin".to_owned(),
            roles: BTreeMap::from([(account.to_owned(), role)]),
            is_gone: false,
            default_reminders: json!([{"method": "popup", "minutes": 10}]),
            rows: BTreeMap::new(),
            former: BTreeMap::new(),
            revision: 0,
            floor: 0,
            epoch: 0,
            uses: BTreeMap::new(),
            restless: None,
        };
        self.calendars.insert(id.to_owned(), calendar);
    }

    /// A calendar as an account names it: `primary` is its own.
    pub(super) fn calendar_id(&self, account: &str, asked: &str) -> String {
        match (asked, self.accounts.get(account)) {
            ("primary", Some(address)) => address.clone(),
            _ => asked.to_owned(),
        }
    }

    pub(super) fn role(&self, account: &str, calendar: &str) -> Role {
        let calendar = self.calendars.get(calendar).filter(|calendar| !calendar.is_gone);
        let role = calendar.and_then(|calendar| calendar.roles.get(account));
        role.copied().unwrap_or(Role::None)
    }

    /// A stamp in microseconds that was never used.
    pub(super) fn fresh_stamp(&mut self, now: Timestamp) -> i64 {
        // A millisecond apart, so that `updated` tells two writes apart, as the clock would.
        self.last_stamp = now.as_microsecond().max(self.last_stamp + 1000);
        self.last_stamp
    }

    /// A made-up id.
    pub(super) fn fresh_id(&mut self) -> String {
        let digit = |random: &mut Random| char::from(*random.pick(ID_ALPHABET));
        (0..26).map(|_| digit(&mut self.random)).collect()
    }

    /// Stores a row's content under its id: new etag, new revision. `Updated::Kept` leaves
    /// `updated` as it was.
    pub(super) fn store(
        &mut self,
        calendar: &str,
        id: &str,
        event: Json,
        now: Timestamp,
        updated: Updated,
    ) {
        let stamp = self.fresh_stamp(now);
        let Some(calendar) = self.calendars.get_mut(calendar) else { return };
        calendar.revision += 1;
        let at = Timestamp::from_microsecond(stamp).unwrap_or(now);
        let old = calendar.rows.get(id);
        let row = Row {
            id: id.to_owned(),
            event,
            etag: stamp * 2,
            created: old.map_or(at, |old| old.created),
            // quirk: google-17
            updated: old.filter(|_| updated == Updated::Kept).map_or(at, |old| old.updated),
            revision: calendar.revision,
        };
        calendar.rows.insert(id.to_owned(), row);
    }

    /// Deletes an event or a series; the exceptions vanish without a row.
    // quirk: google-19, google-43
    pub(super) fn bury(&mut self, calendar: &str, id: &str, now: Timestamp) {
        let Some(held) = self.calendars.get_mut(calendar) else { return };
        let exceptions: BTreeSet<String> = held.exceptions(id).map(|row| row.id.clone()).collect();
        held.rows.retain(|id, _| !exceptions.contains(id));
        let Some(row) = held.rows.get(id) else { return };
        let mut event = row.event.clone();
        event.insert("status".to_owned(), json!("cancelled"));
        self.store(calendar, id, event, now, Updated::Moved);
    }

    /// What an edit of all events of a series does to those that were different.
    // quirk: google-74
    pub(super) fn reset(&mut self, calendar: &str, master: &str) {
        let manner = self.quirks.on_edit;
        let Some(held) = self.calendars.get_mut(calendar) else { return };
        let ids: Vec<String> = held.exceptions(master).map(|row| row.id.clone()).collect();
        for id in ids.into_iter().filter(|_| manner != OnEdit::Kept) {
            held.rows.remove(&id);
            if manner == OnEdit::Told {
                held.former.insert(id, held.revision);
            }
        }
    }

    /// A row as a client meets it by its id: an occurrence that nobody has changed may have an
    /// etag that its series does not have.
    // quirk: google-47
    pub(super) fn met(&self, held: &Calendar, row: Row) -> Row {
        let Some(master) = row.master().filter(|_| !held.rows.contains_key(&row.id)) else {
            return row;
        };
        let apart = match self.quirks.untouched {
            Untouched::Masters => 0,
            Untouched::Hidden => 1,
            Untouched::Moving => 1 + i64::try_from(held.exceptions(master).count()).unwrap_or(0),
        };
        Row { etag: row.etag + apart, ..row }
    }

    /// The change that the server makes by itself after an insertion: another etag.
    // quirk: google-45
    pub(super) fn fidget(&mut self, calendar: &str, now: Timestamp) {
        let Some(held) = self.calendars.get_mut(calendar) else { return };
        let Some(id) = held.restless.take() else { return };
        self.churn(calendar, &id, now);
    }

    /// Another etag, the same content.
    pub(super) fn churn(&mut self, calendar: &str, id: &str, now: Timestamp) -> bool {
        let row = self.calendars.get(calendar).and_then(|held| held.rows.get(id));
        let Some(event) = row.map(|row| row.event.clone()) else { return false };
        self.store(calendar, id, event, now, Updated::Moved);
        true
    }
}

/// Something that was done to an event; see [`crate::Deed`].
pub(super) struct Done {
    pub(super) at: Timestamp,
    pub(super) calendar: CalendarId,
    pub(super) id: String,
    pub(super) uid: String,
    pub(super) author: Author,
    pub(super) raw: Option<Vec<u8>>,
}

/// Whether a write moves `updated`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Updated {
    Moved,
    Kept,
}
