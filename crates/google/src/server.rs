//! One account at Google, as the operations see it: how requests go out, and what is remembered
//! between them.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use model::{CalendarId, ResourceId};
use provider::{Error, ErrorKind, Result};
use transport::{Account, Reached, Url};

use crate::Clock;
use crate::memory::Memory;
use crate::pass::Passes;
use crate::refusal::{Limit, Refusal};
use crate::requests::{Answer, Ask, one_calendar};

/// How long nothing is written after Google said that too much was: such a limit lasts an hour or
/// two, and asking on prolongs it.
// quirk: google-50
const PAUSE: SignedDuration = SignedDuration::from_hours(1);

/// How many UIDs are remembered between a listing and the fetch that it calls for.
const UIDS: usize = 4096;

/// The account.
pub(crate) struct Server {
    account: Account,
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    passes: Passes,
    /// No write goes out before.
    paused_until: Option<Timestamp>,
    zones: HashMap<CalendarId, String>,
    memory: Memory,
    uids: HashMap<Key, String>,
}

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    Reading,
    Writing,
}

type Key = (CalendarId, ResourceId);

impl Server {
    pub(crate) fn new(account: Account, clock: Clock) -> Self {
        Self { account, clock, state: Mutex::default() }
    }

    pub(crate) fn account(&self) -> &Account {
        &self.account
    }

    pub(crate) fn base(&self) -> &Url {
        self.account.origin()
    }

    /// The host for sentences.
    pub(crate) fn place(&self) -> String {
        Reached(self.account.origin().clone()).place()
    }

    /// Sends what only reads.
    pub(crate) async fn ask(&self, ask: Ask) -> Result<Answer> {
        self.send(ask, Purpose::Reading).await
    }

    async fn send(&self, ask: Ask, purpose: Purpose) -> Result<Answer> {
        let answer = self.account.send(ask).await?;
        self.heed(&answer, purpose)?;
        Ok(answer)
    }

    /// Sends a write, unless Google has had enough of them.
    // quirk: google-50
    pub(crate) async fn write(&self, ask: Ask) -> Result<Answer> {
        let now = (self.clock)();
        if let Some(until) = self.state().paused_until
            && until > now
        {
            return Err(self.paused(now.duration_until(until)));
        }
        self.send(ask, Purpose::Writing).await
    }

    /// # Errors
    /// When the answer is a refusal of the whole account.
    // quirk: google-49, google-50
    fn heed(&self, answer: &Answer, purpose: Purpose) -> Result<()> {
        if answer.status().is_success() {
            return Ok(());
        }
        match Refusal::read(answer).limit() {
            None => Ok(()),
            Some(Limit::Rate) => {
                let after = answer.headers().get(http::header::RETRY_AFTER);
                let after = after.and_then(|after| after.to_str().ok()?.trim().parse().ok());
                Err(self.account.throttled(after.map(Duration::from_secs)))
            }
            Some(Limit::Quota) => {
                let until = (self.clock)().checked_add(PAUSE).unwrap_or(Timestamp::MAX);
                self.state().paused_until = Some(until);
                match purpose {
                    Purpose::Writing => Err(self.paused(PAUSE)),
                    // The limit of a day that is about requests of any kind.
                    Purpose::Reading => Err(self.account.throttled(Duration::try_from(PAUSE).ok())),
                }
            }
        }
    }

    fn paused(&self, wait: SignedDuration) -> Error {
        let retry_after = Duration::try_from(wait).ok();
        let minutes = wait.as_mins().max(1);
        let sentence = format!(
            "{} takes no more changes for now (its usage limit); the next is sent in {minutes} min",
            self.place()
        );
        Error::new(ErrorKind::WritesLimited { retry_after }, sentence)
    }

    /// The passes that are under way.
    pub(crate) fn passes<T>(&self, with: impl FnOnce(&mut Passes) -> T) -> T {
        with(&mut self.state().passes)
    }

    /// Notes the zone that a listing states for its calendar.
    pub(crate) fn saw_zone(&self, calendar: &CalendarId, zone: Option<&str>) {
        let known = zone.filter(|zone| ical::place(zone).is_some());
        if let Some(zone) = known {
            self.state().zones.insert(calendar.clone(), zone.to_owned());
        }
    }

    /// The zone of a calendar: in which Google places what has none.
    pub(crate) async fn zone(&self, calendar: &CalendarId) -> Result<String> {
        if let Some(zone) = self.state().zones.get(calendar) {
            return Ok(zone.clone());
        }
        let answer = self.ask(one_calendar::prepare(self.base(), calendar.as_str())).await?;
        let seen = one_calendar::parse(&answer)?;
        self.saw_zone(calendar, seen.and_then(|seen| seen.zone).as_deref());
        Ok(self.state().zones.get(calendar).cloned().unwrap_or_else(|| "UTC".to_owned()))
    }

    /// What is remembered of series.
    pub(crate) fn memory<T>(&self, with: impl FnOnce(&mut Memory) -> T) -> T {
        with(&mut self.state().memory)
    }

    /// Notes the UID by which the rows of a series can be listed in one request.
    pub(crate) fn saw_uid(&self, calendar: &CalendarId, id: &ResourceId, uid: &str) {
        let mut state = self.state();
        if state.uids.len() >= UIDS {
            state.uids.clear();
        }
        state.uids.insert((calendar.clone(), id.clone()), uid.to_owned());
    }

    /// That UID, once.
    pub(crate) fn take_uid(&self, calendar: &CalendarId, id: &ResourceId) -> Option<String> {
        self.state().uids.remove(&(calendar.clone(), id.clone()))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that holds the lock can leave it half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
