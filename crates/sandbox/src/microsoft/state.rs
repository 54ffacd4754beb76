//! What Exchange holds: mailboxes, calendars, and events as rows of JSON.
//!
//! A row is a single event or a series; a series carries its exceptions and what was cancelled,
//! by the day in its pattern. What is deleted stays as a row that is gone. Every change raises the
//! mailbox's revision, which is what tokens of rounds are about, and gives a new change key.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use jiff::civil::Date;
use model::CalendarId;
use serde_json::{Map, Value};

use super::grants::Grants;
use super::ids::Name;
use super::paging::Rounds;
use super::pattern::Pattern;
use super::quirks::Quirks;
use super::times::{Moment, Span};
use crate::rest::Exchange;
use crate::{Author, MailCause, Random};

/// An object of JSON.
pub(super) type Json = Map<String, Value>;

/// Extended properties: id with the GUID in lower case, value.
pub(super) type Properties = BTreeMap<String, String>;

/// What is the same for an event, a series and an exception.
#[derive(Clone, Debug)]
pub(super) struct Stamps {
    /// The number in the change key.
    pub(super) change: u64,
    pub(super) created: Timestamp,
    pub(super) updated: Timestamp,
}

/// A single event, or a series.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) key: u64,
    /// The id of its calendar.
    pub(super) calendar: String,
    pub(super) moves: u32,
    /// The members that a client may write, but times and recurrence; the body is HTML.
    pub(super) event: Json,
    pub(super) span: Span,
    /// Shown instead of the zone's name, where it has no good one.
    // quirk: microsoft-26
    pub(super) label: Option<String>,
    pub(super) series: Option<Series>,
    pub(super) properties: Properties,
    pub(super) uid: String,
    pub(super) transaction: Option<String>,
    pub(super) stamps: Stamps,
    /// The mailbox's revision when it last changed.
    pub(super) revision: u64,
    pub(super) is_gone: bool,
    /// What the organizer holds, of an invitation.
    // quirk: microsoft-54
    pub(super) theirs: Option<Box<(Json, Span)>>,
    /// Rounds of changes that still leave it out.
    pub(super) lag: u32,
}

/// How an event recurs.
#[derive(Clone, Debug)]
pub(super) struct Series {
    pub(super) pattern: Pattern,
    pub(super) zone: String,
    pub(super) exceptions: BTreeMap<Date, Exception>,
    pub(super) cancelled: BTreeSet<Date>,
}

/// An occurrence that was changed: what differs from the series.
#[derive(Clone, Debug)]
pub(super) struct Exception {
    pub(super) event: Json,
    pub(super) span: Span,
    pub(super) properties: Properties,
    pub(super) stamps: Stamps,
}

impl Row {
    pub(super) fn text(&self, name: &str) -> &str {
        self.event.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    pub(super) fn name(&self, slot: Option<Date>) -> Name {
        Name { key: self.key, slot, moves: self.moves }
    }

    pub(super) fn exception(&self, slot: Date) -> Option<&Exception> {
        self.series.as_ref()?.exceptions.get(&slot)
    }

    /// When an occurrence takes place that nobody has changed.
    pub(super) fn regular(&self, slot: Date) -> Span {
        let zone = self.series.as_ref().map_or(self.span.start.zone.as_str(), |s| s.zone.as_str());
        let time = self.span.start.wall_in(zone).time();
        let start = if self.span.is_all_day { slot.into() } else { slot.to_datetime(time) };
        let end = start.saturating_add(self.span.length());
        let moment = |wall| Moment { wall, zone: zone.to_owned() };
        Span { start: moment(start), end: moment(end), is_all_day: self.span.is_all_day }
    }

    /// When an occurrence takes place.
    pub(super) fn placed(&self, slot: Date) -> Span {
        self.exception(slot).map_or_else(|| self.regular(slot), |one| one.span.clone())
    }

    /// The occurrences that overlap `[from, until)`, in the order of the pattern.
    pub(super) fn within(&self, from: Timestamp, until: Timestamp) -> Vec<Date> {
        let Some(series) = &self.series else { return Vec::new() };
        let last = jiff::tz::TimeZone::UTC.to_datetime(until).date();
        // A day more for zones, a month more for exceptions that were moved towards here.
        let last = last.checked_add(jiff::Span::new().days(32)).unwrap_or(Date::MAX);
        let days = series.pattern.days(last).into_iter();
        days.filter(|day| !series.cancelled.contains(day))
            .filter(|day| self.placed(*day).overlaps(from, until))
            .collect()
    }

    /// Whether the pattern gives this day, and nobody has cancelled it.
    pub(super) fn has(&self, slot: Date) -> bool {
        self.series.as_ref().is_some_and(|series| {
            !series.cancelled.contains(&slot)
                && series.pattern.days(slot).last().is_some_and(|last| *last == slot)
        })
    }

    /// When the pattern has an occurrence, as an instant: midnight of whole days is one in the
    /// zone of the series.
    // quirk: microsoft-29
    pub(super) fn original(&self, slot: Date) -> Timestamp {
        self.regular(slot).start.instant()
    }
}

/// A number as a change key.
pub(super) fn change_key(change: u64) -> String {
    let mut bytes =
        b"\x11\x9f\x6b\xdd\xcc\xf1\x63\x49\xb6\x8f\x3f\x1c\xe3\x97\x33\x93\x00\x00".to_vec();
    bytes.extend((change as u32).to_be_bytes());
    STANDARD.encode(bytes)
}

pub(super) fn etag(change: u64) -> String {
    format!("W/\"{}\"", change_key(change))
}

/// A calendar.
#[derive(Clone, Debug)]
pub(super) struct Calendar {
    pub(super) id: String,
    pub(super) account: String,
    pub(super) name: String,
    pub(super) is_default: bool,
    pub(super) can_edit: bool,
    pub(super) is_gone: bool,
    /// 59: every write is answered 503.
    pub(super) is_broken: bool,
    /// Raised when tokens are expired.
    pub(super) epoch: u64,
}

/// The service.
pub(super) struct Service {
    pub(super) quirks: Quirks,
    pub(super) random: Random,
    pub(super) calendars: BTreeMap<String, Calendar>,
    /// The accounts of the world that are here: name, address.
    pub(super) accounts: BTreeMap<String, String>,
    pub(super) rows: BTreeMap<u64, Row>,
    /// Where rows went away from: calendar, what the row was called, revision.
    pub(super) departed: Vec<(String, Name, u64)>,
    pub(super) revision: u64,
    pub(super) rounds: Rounds,
    pub(super) grants: Grants,
    pub(super) log: Vec<Exchange>,
    pub(super) violations: Vec<String>,
    /// What was done and not yet told to the world.
    pub(super) deeds: Vec<Done>,
    /// Mails not yet told to the world: calendar, event, cause.
    pub(super) mails: Vec<(CalendarId, String, MailCause)>,
    /// Requests that are being answered, by account.
    pub(super) in_flight: BTreeMap<String, u32>,
    /// The row whose key is going to move once more.
    pub(super) restless: Option<u64>,
    pub(super) writes: u64,
    last_key: u64,
    last_change: u64,
    last_stamp: i64,
}

impl Service {
    pub(super) fn new(seed: u64, quirks: Quirks) -> Self {
        let mut random = Random::new(seed);
        let last_key = random.below(1 << 40);
        Self {
            quirks,
            random,
            calendars: BTreeMap::new(),
            accounts: BTreeMap::new(),
            rows: BTreeMap::new(),
            departed: Vec::new(),
            // A stand before the first round is 0.
            revision: 1,
            rounds: Rounds::default(),
            grants: Grants::default(),
            log: Vec::new(),
            violations: Vec::new(),
            deeds: Vec::new(),
            mails: Vec::new(),
            in_flight: BTreeMap::new(),
            restless: None,
            writes: 0,
            last_key,
            last_change: 0x0015_772f,
            last_stamp: 0,
        }
    }

    /// Makes a calendar; the first of an account is its default one.
    pub(super) fn found(&mut self, account: &str, name: &str, can_edit: bool) -> String {
        let is_default = !self.calendars.values().any(|held| held.account == account);
        let id = self.calendar_id();
        let calendar = Calendar {
            id: id.clone(),
            account: account.to_owned(),
            name: name.to_owned(),
            is_default,
            can_edit,
            is_gone: false,
            is_broken: false,
            epoch: 0,
        };
        self.calendars.insert(id.clone(), calendar);
        id
    }

    pub(super) fn calendar_id(&mut self) -> String {
        let bytes: Vec<u8> = (0..10).flat_map(|_| self.random.next().to_be_bytes()).collect();
        let text = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes);
        format!("AQMkADAw{text}=")
    }

    pub(super) fn fresh_key(&mut self) -> u64 {
        self.last_key += 1;
        self.last_key
    }

    /// Stamps of a write now; `created` of what was there.
    pub(super) fn stamps(&mut self, now: Timestamp, created: Option<Timestamp>) -> Stamps {
        self.last_change += 2;
        // A millisecond apart, so that times tell two writes apart, as the clock would.
        self.last_stamp = now.as_microsecond().max(self.last_stamp + 1000);
        let at = Timestamp::from_microsecond(self.last_stamp).unwrap_or(now);
        Stamps { change: self.last_change, created: created.unwrap_or(at), updated: at }
    }

    /// Stores a row as it is now: new change key, new revision.
    pub(super) fn store(&mut self, mut row: Row, now: Timestamp) {
        let created = self.rows.get(&row.key).map(|old| old.stamps.created);
        row.stamps = self.stamps(now, created);
        self.keep(row);
    }

    /// Stores a row with the change key that it has: new revision.
    pub(super) fn keep(&mut self, mut row: Row) {
        self.revision += 1;
        row.revision = self.revision;
        self.rows.insert(row.key, row);
    }

    /// Another change key, the same content.
    // quirk: microsoft-11
    pub(super) fn churn(&mut self, key: u64, now: Timestamp) -> bool {
        let Some(row) = self.rows.get(&key).filter(|row| !row.is_gone).cloned() else {
            return false;
        };
        self.store(row, now);
        true
    }

    /// The change that the server makes by itself after a write.
    pub(super) fn fidget(&mut self, now: Timestamp) {
        if let Some(key) = self.restless.take() {
            self.churn(key, now);
        }
    }

    /// A made-up iCalUId.
    // quirk: microsoft-21
    pub(super) fn fresh_uid(&mut self) -> String {
        let digits = format!("{:016X}{:016X}", self.random.next(), self.random.next());
        format!("040000008200E00074C5B7101A82E00800000000{digits}0000000000000000100000000")
    }

    /// The default calendar of an account.
    pub(super) fn default_calendar(&self, account: &str) -> Option<&Calendar> {
        self.calendars.values().find(|held| held.account == account && held.is_default)
    }

    /// Notes what was done to an event.
    pub(super) fn note(&mut self, key: u64, author: Author, at: Timestamp) {
        let Some(row) = self.rows.get(&key) else { return };
        let id = row.name(None).id(super::prefer::IdKind::Immutable);
        let raw = super::render::series(row).map(String::into_bytes);
        let calendar = CalendarId::new(row.calendar.clone());
        let uid = row.uid.clone();
        self.deeds.push(Done { at, calendar, id, uid, author, raw });
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
