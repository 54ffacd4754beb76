//! The world as a [`provider::Provider`], without a wire between.
//!
//! It keeps the contract whatever its [`Manners`]: lists with or without content, in pages of any
//! size, states versions after a write or not, holds all fields or some. So the engine is proven
//! against kinds of providers, not against one. Every await is a place where a caller may drop the
//! call: one before the effect, one after it.

mod cursor;
mod manners;

use std::pin::Pin;
use std::sync::MutexGuard;
use std::task::{Context, Poll};

use async_trait::async_trait;
use model::{
    Calendar, CalendarId, CreateKey, Cursor, Exception, FieldSet, Origin, Resource, ResourceId,
    Series, Version,
};
use provider::{
    Change, Changes, Error, ErrorKind, Fetched, Next, Outcome, Provider, Result, Scope, Unreadable,
};

use self::cursor::Place;
pub use self::manners::{Deletions, Deltas, Listing, Manners, Overrides, Versions};
use crate::faults::Fault;
use crate::world::{Author, Condition, Denied, Op, Refusal, Request, State, Stored, World};

/// Every simulated pair is the same one.
const HAND: &str = "simulated";

/// One account of a world, as a provider.
#[derive(Clone)]
pub struct InProcess {
    world: World,
    account: String,
    manners: Manners,
}

impl InProcess {
    /// The account of this name, with `manners`.
    pub fn new(world: &World, account: &str, manners: Manners) -> Self {
        Self { world: world.clone(), account: account.to_owned(), manners }
    }

    /// Lets the call in: a place to be dropped at, the door, and what goes wrong.
    async fn enter(&self, op: Op, path: &str) -> Result<Option<Fault>> {
        Pause::default().await;
        let mut state = self.world.state();
        let fault = state.begin(&self.account, op);
        let request = Request {
            at: state.now,
            step: state.step,
            account: self.account.clone(),
            op,
            method: String::new(),
            host: String::new(),
            path: path.to_owned(),
            headers: Default::default(),
            authorized: true,
            sent: 0,
            status: 0,
        };
        state.requests.push(request);
        state.admit(&self.account).map_err(denied)?;
        match fault {
            Some(Fault::FailBefore | Fault::Misdirected) => {
                Err(unavailable("the connection was lost"))
            }
            Some(Fault::RateLimited { retry_after }) => Err(denied(Denied::Throttled(retry_after))),
            Some(Fault::OutOfOrder { retry_after: Some(wait) }) => {
                Err(denied(Denied::Throttled(Some(wait))))
            }
            Some(Fault::OutOfOrder { retry_after: None } | Fault::WriteFails | Fault::Locked) => {
                Err(unavailable("the server is out of order"))
            }
            Some(Fault::RefusedOnce) => Err(denied(Denied::Unauthorized)),
            Some(Fault::Rejected) => {
                Err(Error::new(ErrorKind::Rejected, "the server accepts nothing now"))
            }
            other => Ok(other),
        }
    }

    /// Lets the answer out: a place to be dropped at, and what may become of an answer.
    async fn leave<T>(&self, fault: Option<Fault>, answer: Result<T>) -> Result<T> {
        Pause::default().await;
        match fault {
            Some(Fault::LostReply) => Err(unavailable("the connection was lost")),
            Some(Fault::Truncated | Fault::Html) => {
                Err(Error::new(ErrorKind::Malformed, "the answer can't be read"))
            }
            _ => answer,
        }
    }

    /// The id of a calendar of this account.
    fn own(&self, state: &State, calendar: &CalendarId) -> Result<()> {
        let held = state.calendar(calendar.as_str()).map_err(refused)?;
        let own = held.account == self.account;
        if own { Ok(()) } else { Err(refused(Refusal::NoCalendar)) }
    }

    fn list(
        &self,
        state: &mut State,
        calendar: &CalendarId,
        since: Option<&Cursor>,
        fault: Option<Fault>,
    ) -> Result<Changes> {
        self.own(state, calendar)?;
        let habits = state.habits(calendar.as_str());
        let held = state.calendar_mut(calendar.as_str()).map_err(refused)?;
        let mut place = match since {
            None => None,
            Some(_) if fault == Some(Fault::CursorExpired) => return Err(expired()),
            Some(_) if fault == Some(Fault::SilentFull) => None,
            Some(cursor) => Some(Place::read(cursor, held).ok_or_else(expired)?),
        };
        let upto = held.seq;
        let begins = !matches!(place, Some(Place::Within { .. } | Place::Rest { .. }));
        let hidden = if begins { held.begin_listing() } else { Default::default() };
        if fault == Some(Fault::EmptyListing) && begins {
            let next = Next::Complete(Place::Whole { seq: upto }.write(held));
            return Ok(Changes { scope: Scope::Full, items: Vec::new(), next });
        }
        if self.manners.deltas == Deltas::Never {
            place = match place {
                Some(Place::Whole { seq }) if seq == held.seq => place,
                Some(Place::Whole { .. }) => None,
                other => other,
            };
        }
        let mut changes = match place {
            None => self.full(held, &hidden, "", upto),
            Some(Place::Within { after, upto }) => self.full(held, &hidden, &after, upto),
            Some(Place::Whole { seq } | Place::Rest { seq }) => {
                self.delta(held, &hidden, &held.changed_since(seq, &habits), seq)
            }
        };
        if fault == Some(Fault::Ghost) && self.manners.listing == Listing::Listed {
            changes.items.push(ghost(&format!("ghost-{upto}.ics")));
        }
        Ok(changes)
    }

    fn full(
        &self,
        calendar: &crate::world::Calendar,
        hidden: &std::collections::BTreeSet<String>,
        after: &str,
        upto: u64,
    ) -> Changes {
        let mut rest = calendar
            .resources
            .range::<str, _>((std::ops::Bound::Excluded(after), std::ops::Bound::Unbounded))
            .filter(|(id, _)| !hidden.contains(*id));
        let page: Vec<_> = rest.by_ref().take(self.manners.page).collect();
        let next = match (rest.next(), page.last()) {
            (Some(_), Some((last, _))) => {
                let after = (*last).clone();
                Next::More(Place::Within { after, upto }.write(calendar))
            }
            _ => Next::Complete(Place::Whole { seq: upto }.write(calendar)),
        };
        let mut items: Vec<Change> =
            page.into_iter().map(|(id, stored)| self.item(id, stored)).collect();
        if matches!(next, Next::Complete(_)) {
            items.extend(calendar.ghosts.iter().map(|id| ghost(id)));
        }
        Changes { scope: Scope::Full, items, next }
    }

    fn delta(
        &self,
        calendar: &crate::world::Calendar,
        hidden: &std::collections::BTreeSet<String>,
        entries: &[crate::world::Entry],
        since: u64,
    ) -> Changes {
        let page = &entries[..entries.len().min(self.manners.page)];
        let items = page.iter().filter(|entry| !hidden.contains(&entry.id)).map(|entry| {
            match calendar.resources.get(&entry.id) {
                Some(stored) => self.item(&entry.id, stored),
                None if calendar.ghosts.contains(&entry.id) => ghost(&entry.id),
                None => {
                    let id = ResourceId::new(&entry.id);
                    match self.manners.deletions {
                        Deletions::Gone => Change::Gone(id),
                        Deletions::Missing => Change::Missing(id),
                    }
                }
            }
        });
        let items = items.collect();
        let last = page.last().map_or(since, |entry| entry.seq);
        let next = if page.len() < entries.len() {
            Next::More(Place::Rest { seq: last }.write(calendar))
        } else {
            Next::Complete(Place::Whole { seq: last }.write(calendar))
        };
        Changes { scope: Scope::Delta, items, next }
    }

    fn item(&self, id: &str, stored: &Stored) -> Change {
        match self.manners.listing {
            Listing::Listed => Change::Listed {
                id: ResourceId::new(id),
                version: Some(Version::new(&stored.version)),
            },
            Listing::Present => match self.read(id, stored) {
                Ok(resource) => Change::Present(Box::new(resource)),
                Err(unreadable) => Change::Unreadable(unreadable),
            },
        }
    }

    /// A stored resource as this provider shows it.
    fn read(&self, id: &str, stored: &Stored) -> std::result::Result<Resource, Unreadable> {
        match ical::read(&stored.raw) {
            Ok(mut series) => {
                self.manners.mask(&mut series);
                Ok(Resource {
                    id: ResourceId::new(id),
                    version: Some(Version::new(&stored.version)),
                    raw: stored.raw.clone(),
                    series,
                })
            }
            Err(error) => Err(Unreadable {
                id: ResourceId::new(id),
                version: Some(Version::new(&stored.version)),
                uid: error.uid,
                reason: error.reason.to_string(),
            }),
        }
    }

    fn found(&self, state: &State, calendar: &CalendarId, id: &str) -> Outcome {
        let held = state.calendar(calendar.as_str()).ok();
        match held.and_then(|held| held.resources.get(id)) {
            None => Outcome::Gone,
            Some(_) if held.is_some_and(|held| held.withheld.contains(id)) => {
                Outcome::Withheld(unavailable("the server failed at reading an event"))
            }
            Some(stored) => match self.read(id, stored) {
                Ok(resource) => Outcome::Found(Box::new(resource)),
                Err(unreadable) => Outcome::Unreadable(unreadable),
            },
        }
    }

    /// Writes, and answers as these manners do.
    fn write(
        &self,
        state: &mut MutexGuard<'_, State>,
        calendar: &CalendarId,
        (id, raw, condition): (&str, Vec<u8>, Condition),
        fault: Option<Fault>,
    ) -> Result<Resource> {
        if fault == Some(Fault::Race) {
            state.race(calendar.as_str(), id);
        }
        let put = state.put(calendar.as_str(), id, &raw, &condition, Author::Client);
        let put = put.map_err(refused)?;
        let held = state.calendar_mut(calendar.as_str()).map_err(refused)?;
        let stored = held.resources.get_mut(id).expect("it was stored a line ago");
        if let Some(Fault::Lag(listings)) = fault {
            stored.unlisted = listings;
        }
        let answered = match self.manners.versions {
            Versions::Stored => stored.clone(),
            Versions::Sent | Versions::Unstated => {
                Stored { raw, version: put.version, ..stored.clone() }
            }
        };
        if fault == Some(Fault::RewrittenAfter) {
            state.churn(calendar.as_str(), id);
        }
        let mut resource = self
            .read(id, &answered)
            .map_err(|unreadable| Error::new(ErrorKind::Malformed, unreadable.reason))?;
        if self.manners.versions == Versions::Unstated {
            resource.version = None;
        }
        Ok(resource)
    }

    /// What a careful adapter does at a server that schedules: a write that people would be told
    /// of is not sent.
    fn mails_nobody(
        &self,
        state: &State,
        calendar: &CalendarId,
        (id, new): (&str, Option<&[u8]>),
    ) -> Result<()> {
        match state.mail_cause(calendar.as_str(), id, new) {
            None => Ok(()),
            Some(_) => Err(Error::new(ErrorKind::Forbidden, MAILS)),
        }
    }

    fn can_hold(&self, series: &Series) -> Result<()> {
        let overridden =
            series.exceptions.values().any(|one| matches!(one, Exception::Override(_)));
        if overridden && self.manners.overrides == Overrides::Rejected {
            let sentence = "this provider can't hold changed occurrences";
            return Err(Error::new(ErrorKind::Rejected, sentence));
        }
        Ok(())
    }

    fn create_now(
        &self,
        calendar: &CalendarId,
        series: &Series,
        key: &CreateKey,
        fault: Option<Fault>,
    ) -> Result<Resource> {
        let mut state = self.world.state();
        self.own(&state, calendar)?;
        let id = created(key);
        if let Outcome::Found(made) = self.found(&state, calendar, &id) {
            return Ok(*made);
        }
        self.can_hold(series)?;
        let mut series = series.clone();
        self.manners.mask(&mut series);
        let raw = ical::sealed(&ical::create(&series, state.now), HAND);
        self.write(&mut state, calendar, (&id, raw, Condition::Absent), fault)
    }

    fn update_now(
        &self,
        calendar: &CalendarId,
        current: &Resource,
        target: &Series,
        fault: Option<Fault>,
    ) -> Result<Resource> {
        let Some(version) = &current.version else { return Err(stale()) };
        let mut state = self.world.state();
        self.own(&state, calendar)?;
        self.can_hold(target)?;
        let raw = self.manners.edited(&current.raw, target, state.now)?;
        self.mails_nobody(&state, calendar, (current.id.as_str(), Some(raw.as_slice())))?;
        let condition = Condition::Version(version.as_str().to_owned());
        self.write(&mut state, calendar, (current.id.as_str(), raw, condition), fault)
    }

    fn delete_now(
        &self,
        calendar: &CalendarId,
        current: &Resource,
        fault: Option<Fault>,
    ) -> Result<()> {
        let mut state = self.world.state();
        self.own(&state, calendar)?;
        let id = current.id.as_str();
        if fault == Some(Fault::Race) {
            state.race(calendar.as_str(), id);
        }
        let there = matches!(
            state.calendar(calendar.as_str()).map(|held| held.resources.contains_key(id)),
            Ok(true)
        );
        if !there {
            return Ok(());
        }
        let Some(version) = &current.version else { return Err(stale()) };
        self.mails_nobody(&state, calendar, (id, None))?;
        let condition = Condition::Version(version.as_str().to_owned());
        state.remove(calendar.as_str(), id, &condition, Author::Client).map_err(refused)
    }
}

/// The id of what a creation makes.
fn created(key: &CreateKey) -> String {
    format!("{key}.ics")
}

#[async_trait]
impl Provider for InProcess {
    fn fields(&self) -> FieldSet {
        self.manners.fields
    }

    fn origin(&self, resource: &Resource) -> Origin {
        ical::origin(&resource.raw, HAND)
    }

    fn is_made_by(&self, resource: &Resource, key: &CreateKey) -> bool {
        resource.id.as_str() == created(key)
    }

    fn is_edited_beside(&self, was: &[u8], is: &[u8]) -> bool {
        ical::is_edited_beside(was, is)
    }

    async fn identity(&self) -> Result<String> {
        let fault = self.enter(Op::Identity, "").await?;
        let user = self.world.state().accounts[&self.account].user.clone();
        self.leave(fault, Ok(user)).await
    }

    async fn calendars(&self) -> Result<Vec<Calendar>> {
        let fault = self.enter(Op::Calendars, "").await?;
        // quirk: icloud-69
        let listed = match fault {
            Some(Fault::EmptyListing) => Vec::new(),
            _ => self.world.state().listed_calendars(&self.account),
        };
        self.leave(fault, Ok(listed)).await
    }

    async fn changes(&self, calendar: &CalendarId, since: Option<&Cursor>) -> Result<Changes> {
        let fault = self.enter(Op::Changes, calendar.as_str()).await?;
        let listed = self.list(&mut self.world.state(), calendar, since, fault);
        self.leave(fault, listed).await
    }

    async fn fetch(&self, calendar: &CalendarId, ids: &[ResourceId]) -> Result<Vec<Fetched>> {
        let fault = self.enter(Op::Fetch, calendar.as_str()).await?;
        let fetched = {
            let state = self.world.state();
            self.own(&state, calendar).map(|()| {
                let one = |(at, id): (usize, &ResourceId)| {
                    let outcome = if fault == Some(Fault::Omitted) && at % 2 == 0 {
                        Outcome::Failed(unavailable("the answer left this one out"))
                    } else {
                        self.found(&state, calendar, id.as_str())
                    };
                    Fetched { id: id.clone(), outcome }
                };
                ids.iter().enumerate().map(one).collect()
            })
        };
        self.leave(fault, fetched).await
    }

    async fn create(
        &self,
        calendar: &CalendarId,
        series: &Series,
        key: &CreateKey,
    ) -> Result<Resource> {
        let fault = self.enter(Op::Create, calendar.as_str()).await?;
        let created = self.create_now(calendar, series, key, fault);
        self.leave(fault, created).await
    }

    async fn update(
        &self,
        calendar: &CalendarId,
        current: &Resource,
        target: &Series,
    ) -> Result<Resource> {
        let fault = self.enter(Op::Update, calendar.as_str()).await?;
        let updated = self.update_now(calendar, current, target, fault);
        self.leave(fault, updated).await
    }

    async fn delete(&self, calendar: &CalendarId, current: &Resource) -> Result<()> {
        let fault = self.enter(Op::Delete, calendar.as_str()).await?;
        let deleted = self.delete_now(calendar, current, fault);
        self.leave(fault, deleted).await
    }
}

/// Why a write at a meeting is refused.
pub const MAILS: &str = "the server would write to people";

/// Why a text is refused, whatever its event.
pub const UNACCEPTED: &str = "the server does not accept this content";

/// One turn of waiting: a place at which a call can be dropped.
#[derive(Default)]
struct Pause {
    paused: bool,
}

impl Future for Pause {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.paused {
            return Poll::Ready(());
        }
        self.paused = true;
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

/// An item of a listing that nothing else knows.
fn ghost(id: &str) -> Change {
    Change::Listed { id: ResourceId::new(id), version: Some(Version::new("ghost")) }
}

fn unavailable(sentence: &str) -> Error {
    Error::new(ErrorKind::Unavailable, sentence)
}

fn expired() -> Error {
    Error::new(ErrorKind::CursorExpired, "the server no longer knows this place")
}

fn stale() -> Error {
    Error::new(ErrorKind::Stale, "the version of the resource is not known")
}

fn denied(denied: Denied) -> Error {
    match denied {
        Denied::Unauthorized => Error::new(ErrorKind::Unauthorized, "the password was refused"),
        Denied::Throttled(retry_after) => {
            Error::new(ErrorKind::RateLimited { retry_after }, "too many requests")
        }
    }
}

fn refused(refusal: Refusal) -> Error {
    let (kind, sentence) = match refusal {
        Refusal::NoCalendar => (ErrorKind::Gone, "the calendar is not there"),
        Refusal::NotFound => (ErrorKind::Gone, "the resource is not there"),
        Refusal::Differs => (ErrorKind::Stale, "the server holds another version"),
        Refusal::Exists => (ErrorKind::AlreadyExists, "there is a resource of this name"),
        Refusal::UidTaken(..) => {
            (ErrorKind::AlreadyExists, "the server holds this UID in another resource")
        }
        // As a UID that is taken: a client can't tell the two apart.
        Refusal::Tombstone => (ErrorKind::AlreadyExists, "the server holds on to a deleted name"),
        Refusal::ReadOnly => (ErrorKind::Forbidden, "the calendar is read-only"),
        Refusal::Content(reason) => (ErrorKind::Rejected, reason),
    };
    Error::new(kind, sentence)
}

#[cfg(test)]
mod tests;
