//! The inside of the world: how a server stores, versions, lists and refuses.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use model::{CalendarId, Rights};

use super::rewriting::rewritten;
use super::shapes::{
    Account, Author, Condition, Conditions, Deed, Habits, Held, Kind, Mail, MailCause, Op, Refusal,
    Request, Rewriting, Scheduling, UidScope,
};
use crate::Random;
use crate::faults::{Fault, Schedule};
use crate::provider::UNACCEPTED;
use crate::text;

pub(crate) struct State {
    pub(crate) now: Timestamp,
    pub(crate) random: Random,
    pub(crate) accounts: BTreeMap<String, Account>,
    pub(crate) calendars: BTreeMap<String, Calendar>,
    pub(crate) schedule: Schedule,
    pub(crate) requests: Vec<Request>,
    pub(crate) outbox: Vec<Mail>,
    pub(crate) deeds: Vec<Deed>,
    pub(crate) step: u64,
    last_version: i64,
    founded: u64,
}

pub(crate) struct Calendar {
    pub(crate) account: String,
    pub(crate) segment: String,
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) primary: bool,
    pub(crate) rights: Rights,
    pub(crate) gone: bool,
    /// Tells a calendar from another that was made in its place.
    pub(crate) born: u64,
    pub(crate) resources: BTreeMap<String, Stored>,
    pub(crate) log: Vec<Entry>,
    pub(crate) seq: u64,
    /// Cursors below this are expired.
    pub(crate) floor: u64,
    /// Raised when cursors are expired, so that a cursor of the same place is another one.
    pub(crate) epoch: u64,
    pub(crate) tombstones: BTreeSet<String>,
    /// Names that listings show and nothing else knows.
    pub(crate) ghosts: BTreeSet<String>,
    /// Names that are listed, and whose content the server fails at.
    pub(crate) withheld: BTreeSet<String>,
}

/// A line of a calendar's change log.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) seq: u64,
    pub(crate) id: String,
    pub(crate) gone: bool,
    /// Where in the log the resource was created.
    pub(crate) born: u64,
}

#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(crate) uid: String,
    pub(crate) version: String,
    pub(crate) raw: Vec<u8>,
    pub(crate) born: u64,
    /// Listings that still leave it out.
    pub(crate) unlisted: u32,
    /// Reads by multiget that still do not find it.
    pub(crate) unready: u32,
}

/// A kind of write.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Write {
    Put,
    Remove,
}

/// What a write did.
pub(crate) struct Put {
    /// The version that the answer states.
    pub(crate) version: String,
    pub(crate) created: bool,
    /// Whether what is stored is what was sent, byte for byte.
    pub(crate) verbatim: bool,
}

/// Why a request is sent away at the door.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Denied {
    Unauthorized,
    Throttled(Option<std::time::Duration>),
}

impl Stored {
    pub(crate) fn held(&self, id: &str) -> Held {
        Held {
            id: id.to_owned(),
            uid: self.uid.clone(),
            version: self.version.clone(),
            raw: self.raw.clone(),
        }
    }
}

impl Calendar {
    pub(crate) fn new(
        account: &str,
        segment: &str,
        name: &str,
        kind: Kind,
        primary: bool,
        born: u64,
    ) -> Self {
        Self {
            account: account.to_owned(),
            segment: segment.to_owned(),
            name: name.to_owned(),
            kind,
            primary,
            rights: if kind == Kind::Subscribed { Rights::Read } else { Rights::Write },
            gone: false,
            born,
            resources: BTreeMap::new(),
            log: Vec::new(),
            seq: 0,
            floor: 0,
            epoch: 0,
            tombstones: BTreeSet::new(),
            ghosts: BTreeSet::new(),
            withheld: BTreeSet::new(),
        }
    }

    pub(crate) fn expire(&mut self) {
        self.floor = self.seq;
        self.epoch += 1;
    }

    pub(crate) fn note(&mut self, id: &str, gone: bool, born: u64) {
        self.seq += 1;
        self.log.push(Entry { seq: self.seq, id: id.to_owned(), gone, born });
    }

    /// Called for each new listing: what it leaves out, and what later ones show as a change.
    pub(crate) fn begin_listing(&mut self) -> BTreeSet<String> {
        let mut hidden = BTreeSet::new();
        let mut shown = Vec::new();
        for (id, stored) in self.resources.iter_mut().filter(|(_, stored)| stored.unlisted > 0) {
            hidden.insert(id.clone());
            stored.unlisted -= 1;
            if stored.unlisted == 0 {
                shown.push((id.clone(), stored.born));
            }
        }
        for (id, born) in shown {
            self.note(&id, false, born);
        }
        hidden
    }

    /// Ends every lag: what was left out is a change now.
    pub(crate) fn settle(&mut self) {
        while !self.begin_listing().is_empty() {}
    }

    /// The last log entry of each resource that changed after `since`, oldest first.
    pub(crate) fn changed_since(&self, since: u64, habits: &Habits) -> Vec<Entry> {
        let from = self.log.partition_point(|entry| entry.seq <= since);
        let mut seen = BTreeSet::new();
        let mut last: Vec<Entry> = Vec::new();
        for entry in self.log[from..].iter().rev() {
            if seen.insert(entry.id.clone()) {
                last.push(entry.clone());
            }
        }
        last.reverse();
        last.retain(|entry| !(entry.gone && entry.born > since && habits.forgets_short_lives));
        last
    }
}

impl State {
    pub(crate) fn new(seed: u64, now: Timestamp) -> Self {
        Self {
            now,
            random: Random::new(seed),
            accounts: BTreeMap::new(),
            calendars: BTreeMap::new(),
            schedule: Schedule::default(),
            requests: Vec::new(),
            outbox: Vec::new(),
            deeds: Vec::new(),
            step: 0,
            last_version: 0,
            founded: 0,
        }
    }

    /// Counts a step and says what goes wrong with it.
    pub(crate) fn begin(&mut self, account: &str, op: Op) -> Option<Fault> {
        self.step += 1;
        self.schedule.draw(account, op, self.step, &mut self.random)
    }

    /// Makes a calendar, in place of one of that name; the first of an account is its default.
    pub(crate) fn found(
        &mut self,
        account: &str,
        segment: &str,
        name: &str,
        kind: Kind,
    ) -> CalendarId {
        let id = format!("{account}/{segment}");
        self.founded += 1;
        let primary = !self.calendars.values().any(|other| other.account == account);
        let calendar = Calendar::new(account, segment, name, kind, primary, self.founded);
        self.calendars.insert(id.clone(), calendar);
        CalendarId::new(id)
    }

    /// Whether the account's request is let in.
    pub(crate) fn admit(&mut self, account: &str) -> Result<(), Denied> {
        let now = self.now;
        let Some(account) = self.accounts.get_mut(account) else {
            return Err(Denied::Unauthorized);
        };
        if account.penalty.is_some_and(|until| now < until) {
            return Err(Denied::Unauthorized);
        }
        if let Some(throttle) = account.throttle {
            let passed = |at: &Timestamp| now.duration_since(*at).unsigned_abs();
            while account.asked.front().is_some_and(|at| passed(at) >= throttle.window) {
                account.asked.pop_front();
            }
            if account.asked.len() >= throttle.requests {
                account.throttled += 1;
                if account.throttled > throttle.refusals {
                    account.throttled = 0;
                    account.penalty = now.checked_add(throttle.penalty).ok();
                    return Err(Denied::Unauthorized);
                }
                return Err(Denied::Throttled(throttle.retry_after));
            }
            account.asked.push_back(now);
        }
        match &mut account.revoked_after {
            Some(0) => account.revoked = true,
            Some(left) => *left -= 1,
            None => {}
        }
        if account.revoked { Err(Denied::Unauthorized) } else { Ok(()) }
    }

    /// A calendar that is there.
    pub(crate) fn calendar(&self, id: &str) -> Result<&Calendar, Refusal> {
        self.calendars.get(id).filter(|calendar| !calendar.gone).ok_or(Refusal::NoCalendar)
    }

    pub(crate) fn calendar_mut(&mut self, id: &str) -> Result<&mut Calendar, Refusal> {
        self.calendars.get_mut(id).filter(|calendar| !calendar.gone).ok_or(Refusal::NoCalendar)
    }

    pub(crate) fn habits(&self, calendar: &str) -> Habits {
        let account = self.calendars.get(calendar).map(|calendar| &calendar.account);
        let account = account.and_then(|account| self.accounts.get(account));
        account.map(|account| account.habits.clone()).unwrap_or_default()
    }

    /// The account's calendars for events, as a provider lists them.
    pub(crate) fn listed_calendars(&self, account: &str) -> Vec<model::Calendar> {
        let own = self
            .calendars
            .iter()
            .filter(|(_, held)| held.account == account && !held.gone && held.kind == Kind::Events);
        let listed = own.map(|(id, held)| model::Calendar {
            id: CalendarId::new(id),
            name: held.name.clone(),
            primary: held.primary,
            rights: held.rights,
            color: None,
        });
        listed.collect()
    }

    /// A version that was never used: base 36 of the clock's milliseconds, as iCloud's look, one
    /// more where the clock stood still.
    fn fresh_version(&mut self) -> String {
        self.last_version = self.now.as_millisecond().max(self.last_version + 1);
        let mut rest = self.last_version.unsigned_abs();
        let mut digits = Vec::new();
        while rest > 0 {
            digits.push(char::from_digit((rest % 36) as u32, 36).unwrap_or('0'));
            rest /= 36;
        }
        digits.iter().rev().collect()
    }

    pub(crate) fn put(
        &mut self,
        calendar_id: &str,
        id: &str,
        raw: &[u8],
        condition: &Condition,
        author: Author,
    ) -> Result<Put, Refusal> {
        let habits = self.habits(calendar_id);
        let uid = text::uids(raw).into_iter().next().unwrap_or_default();
        self.may_write(calendar_id, author)?;
        self.holds(calendar_id, id, (Write::Put, condition), &habits)?;
        if author == Author::Client {
            self.accepts(calendar_id, id, &uid, raw, &habits)?;
            self.notice_mail(calendar_id, id, &uid, Some(raw));
        }
        let kept = match author {
            Author::Client => rewritten(raw, &habits, &mut self.random),
            Author::User | Author::Service => raw.to_vec(),
        };
        let version = self.store(calendar_id, id, &uid, kept.clone(), author)?;
        let created = version.1;
        if author == Author::Client && habits.rewriting == Rewriting::Afterwards {
            self.churn(calendar_id, id);
        }
        Ok(Put { version: version.0, created, verbatim: kept == raw })
    }

    /// The server writes its copy anew: another version, the same meaning.
    pub(crate) fn churn(&mut self, calendar: &str, id: &str) {
        let stored = self.calendars.get(calendar).and_then(|c| c.resources.get(id)).cloned();
        let Some(stored) = stored else { return };
        let stamp = self.now.strftime("%Y%m%dT%H%M%SZ").to_string();
        let again = text::each_event(&stored.raw, |event| {
            event.set(&format!("DTSTAMP:{stamp}"));
            event.set("X-APPLE-CREATOR-IDENTITY:com.apple.mobilecal");
        });
        // The resource is there, so that storing it can't be refused.
        let _ = self.store(calendar, id, &stored.uid, again, Author::Service);
    }

    fn store(
        &mut self,
        calendar_id: &str,
        id: &str,
        uid: &str,
        raw: Vec<u8>,
        author: Author,
    ) -> Result<(String, bool), Refusal> {
        let version = self.fresh_version();
        let Habits { lag, data_lag, .. } = self.habits(calendar_id);
        let unready = if author == Author::User { data_lag } else { 0 };
        let calendar = self.calendar_mut(calendar_id)?;
        let old = calendar.resources.get(id).map(|old| (old.born, old.unlisted));
        let born = old.map_or(calendar.seq + 1, |(born, _)| born);
        let lag = if author == Author::Client { lag } else { 0 };
        let unlisted = old.map_or(lag, |(_, unlisted)| unlisted);
        let stored = Stored {
            uid: uid.to_owned(),
            version: version.clone(),
            raw: raw.clone(),
            born,
            unlisted,
            unready,
        };
        calendar.resources.insert(id.to_owned(), stored);
        calendar.note(id, false, born);
        self.record(calendar_id, id, uid, author, Some(raw));
        Ok((version, old.is_none()))
    }

    pub(crate) fn remove(
        &mut self,
        calendar_id: &str,
        id: &str,
        condition: &Condition,
        author: Author,
    ) -> Result<(), Refusal> {
        let habits = self.habits(calendar_id);
        self.may_write(calendar_id, author)?;
        if !self.calendar(calendar_id)?.resources.contains_key(id) {
            return Err(Refusal::NotFound);
        }
        self.holds(calendar_id, id, (Write::Remove, condition), &habits)?;
        let uid = self.calendar(calendar_id)?.resources[id].uid.clone();
        if author == Author::Client {
            self.notice_mail(calendar_id, id, &uid, None);
        }
        let calendar = self.calendar_mut(calendar_id)?;
        let born = calendar.resources.remove(id).map_or(0, |stored| stored.born);
        calendar.note(id, true, born);
        calendar.tombstones.extend([id.to_owned(), uid.clone()]);
        self.record(calendar_id, id, &uid, author, None);
        Ok(())
    }

    fn may_write(&self, calendar: &str, author: Author) -> Result<(), Refusal> {
        let calendar = self.calendar(calendar)?;
        let refused = author == Author::Client && calendar.rights == Rights::Read;
        if refused { Err(Refusal::ReadOnly) } else { Ok(()) }
    }

    fn holds(
        &self,
        calendar: &str,
        id: &str,
        (write, condition): (Write, &Condition),
        habits: &Habits,
    ) -> Result<(), Refusal> {
        let held = self.calendar(calendar)?.resources.get(id);
        let looked_at = match habits.conditions {
            Conditions::All => true,
            Conditions::Updates => write == Write::Put && *condition != Condition::Absent,
            Conditions::Never => false,
        };
        if !looked_at {
            return Ok(());
        }
        match (condition, held) {
            (Condition::Nothing, _) | (Condition::Absent, None) | (Condition::Present, Some(_)) => {
                Ok(())
            }
            (Condition::Absent, Some(_)) => Err(Refusal::Exists),
            (Condition::Present, None) => Err(Refusal::Differs),
            (Condition::Version(wanted), Some(held))
                if *wanted == held.version && !occurs(&habits.stubborn, &held.raw) =>
            {
                Ok(())
            }
            (Condition::Version(_), Some(_)) => Err(Refusal::Differs),
            (Condition::Version(_), None) => Err(Refusal::NotFound),
        }
    }

    fn accepts(
        &self,
        calendar_id: &str,
        id: &str,
        uid: &str,
        raw: &[u8],
        habits: &Habits,
    ) -> Result<(), Refusal> {
        let calendar = self.calendar(calendar_id)?;
        if occurs(&habits.rejects, raw) {
            return Err(Refusal::Content(UNACCEPTED));
        }
        let known = calendar.resources.contains_key(id);
        let dead = [id, uid].iter().any(|name| calendar.tombstones.contains(*name));
        if habits.tombstones && dead && !known {
            return Err(Refusal::Tombstone);
        }
        let elsewhere = self.calendars.iter().filter(|(other, held)| match habits.uids {
            UidScope::Free => false,
            UidScope::Calendar => *other == calendar_id,
            UidScope::Account => held.account == calendar.account && !held.gone,
        });
        for (other, held) in elsewhere {
            let same = |(name, stored): &(&String, &Stored)| {
                !uid.is_empty() && stored.uid == uid && (other != calendar_id || *name != id)
            };
            if let Some((name, _)) = held.resources.iter().find(same) {
                return Err(Refusal::UidTaken(other.clone(), name.clone()));
            }
        }
        Ok(())
    }

    /// What RFC 6638 makes of a client's write: mail to the people of a meeting.
    fn notice_mail(&mut self, calendar_id: &str, id: &str, uid: &str, new: Option<&[u8]>) {
        let Some(cause) = self.mail_cause(calendar_id, id, new) else { return };
        let calendar = CalendarId::new(calendar_id);
        self.outbox.push(Mail { at: self.now, calendar, uid: uid.to_owned(), cause });
    }

    /// Why a client's write would send mail; `new` is the text from then on. SCHEDULE-AGENT makes
    /// no difference.
    // quirk: icloud-79, icloud-80
    pub(crate) fn mail_cause(
        &self,
        calendar_id: &str,
        id: &str,
        new: Option<&[u8]>,
    ) -> Option<MailCause> {
        let calendar = self.calendar(calendar_id).ok()?;
        let account = self.accounts.get(&calendar.account)?;
        if account.habits.scheduling != Scheduling::Implicit {
            return None;
        }
        let old = calendar.resources.get(id).map(|stored| stored.raw.as_slice());
        let before = old.map(text::people).unwrap_or_default();
        let after = new.map(text::people).unwrap_or_default();
        let is = |role: &str| {
            before.iter().any(|line| line.starts_with(role) && line.contains(&account.user))
        };
        if !after.is_subset(&before) {
            Some(MailCause::PeopleWritten)
        } else if is("ORGANIZER") {
            match new {
                None => Some(MailCause::MeetingDeleted),
                Some(new) => (old != Some(new)).then_some(MailCause::MeetingChanged),
            }
        } else if is("ATTENDEE") {
            let excluded = |raw: Option<&[u8]>| raw.map(text::excluded);
            (excluded(old) != excluded(new)).then_some(MailCause::InvitationDeclined)
        } else {
            None
        }
    }

    fn record(
        &mut self,
        calendar: &str,
        id: &str,
        uid: &str,
        author: Author,
        raw: Option<Vec<u8>>,
    ) {
        self.deeds.push(Deed {
            at: self.now,
            number: self.deeds.len() as u64 + 1,
            calendar: CalendarId::new(calendar),
            id: id.to_owned(),
            uid: uid.to_owned(),
            author,
            raw,
        });
    }
}

/// Whether a word is in a text.
fn occurs(word: &Option<String>, raw: &[u8]) -> bool {
    word.as_ref().is_some_and(|word| String::from_utf8_lossy(raw).contains(word.as_str()))
}
