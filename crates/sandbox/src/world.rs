//! The simulated world: accounts and their calendars, users who edit, a clock that moves only when
//! told, and a record of everything that happened.
//!
//! A [`World`] is a handle; clones are the same world. Everything is synchronous and decided by
//! the seed. Servers change it through [`World::put`] and [`World::remove`], users through
//! [`World::user`]; both leave a [`Deed`] behind, so that a checker can prove that nothing a user
//! wrote was lost.

mod proof;
mod rewriting;
mod shapes;
mod state;
mod user;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use model::CalendarId;
pub use shapes::{
    Account, Author, Condition, Conditions, Deed, Habits, Held, Kind, Mail, MailCause, Op, Refusal,
    Request, Rewriting, Scheduling, Throttle, UidScope,
};
pub(crate) use state::{Calendar, Denied, Entry, State, Stored};
pub use user::User;

use crate::faults::{Aim, Fault};

/// When worlds begin: a Monday in winter, before the seeded calendars' first events.
const DAWN: &str = "2026-01-05T08:00:00Z";

/// A handle on a simulated world.
#[derive(Clone)]
pub struct World(Arc<Mutex<State>>);

impl World {
    /// An empty world.
    pub fn new(seed: u64) -> Self {
        let dawn = DAWN.parse().expect("the constant is a timestamp");
        Self(Arc::new(Mutex::new(State::new(seed, dawn))))
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere is that test's failure; the world itself is still whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The present.
    pub fn now(&self) -> Timestamp {
        self.state().now
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        let mut state = self.state();
        let by = jiff::SignedDuration::try_from(by).unwrap_or(jiff::SignedDuration::MAX);
        state.now = state.now.saturating_add(by).unwrap_or(Timestamp::MAX);
    }

    /// Moves the clock to `to`.
    pub fn set_now(&self, to: Timestamp) {
        self.state().now = to;
    }

    /// Opens an account.
    pub fn add_account(&self, account: Account) {
        let mut state = self.state();
        state.accounts.insert(account.name.clone(), account);
    }

    /// Opens an account with a made-up address and password, and `habits`.
    pub fn account(&self, name: &str, habits: Habits) {
        self.add_account(Account { habits, ..Account::new(name) });
    }

    /// Adds a calendar for events to an account. Its id in the process is `account/segment`,
    /// where the segment is derived from the name.
    pub fn add_calendar(&self, account: &str, name: &str) -> CalendarId {
        let segment = name.to_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), "-");
        self.add_calendar_as(account, &segment, name, Kind::Events)
    }

    /// Adds a calendar with a segment and kind of its own.
    pub fn add_calendar_as(
        &self,
        account: &str,
        segment: &str,
        name: &str,
        kind: Kind,
    ) -> CalendarId {
        self.state().found(account, segment, name, kind)
    }

    /// The user at one calendar.
    pub fn user(&self, calendar: &CalendarId) -> User {
        User::new(self.clone(), calendar.clone())
    }

    /// What an account's server is like from now on.
    pub fn set_habits(&self, account: &str, change: impl FnOnce(&mut Habits)) {
        if let Some(account) = self.state().accounts.get_mut(account) {
            change(&mut account.habits);
        }
    }

    /// The password of an account.
    pub fn password(&self, account: &str) -> Option<String> {
        self.state().accounts.get(account).map(|account| account.password.clone())
    }

    /// Gives an account a password; the old one is good no more.
    pub fn set_password(&self, account: &str, password: &str) {
        if let Some(account) = self.state().accounts.get_mut(account) {
            password.clone_into(&mut account.password);
        }
    }

    /// From now on the account's credential is refused.
    pub fn revoke(&self, account: &str) {
        if let Some(account) = self.state().accounts.get_mut(account) {
            account.revoked = true;
        }
    }

    /// The account's credential is refused once `requests` more were let in.
    pub fn revoke_after(&self, account: &str, requests: u32) {
        if let Some(account) = self.state().accounts.get_mut(account) {
            account.revoked_after = Some(requests);
        }
    }

    /// The account's credential is good again.
    pub fn restore(&self, account: &str) {
        if let Some(account) = self.state().accounts.get_mut(account) {
            account.revoked = false;
            account.revoked_after = None;
        }
    }

    /// From now on the account is let in with its credential and allowed nothing: it is locked, or
    /// has terms to accept.
    pub fn lock(&self, account: &str) {
        if let Some(account) = self.state().accounts.get_mut(account) {
            account.locked = true;
        }
    }

    /// Its owner has done what was asked for.
    pub fn unlock(&self, account: &str) {
        if let Some(account) = self.state().accounts.get_mut(account) {
            account.locked = false;
        }
    }

    /// Limits what an account may ask.
    pub fn throttle(&self, account: &str, throttle: Option<Throttle>) {
        if let Some(account) = self.state().accounts.get_mut(account) {
            account.throttle = throttle;
            account.asked.clear();
            account.penalty = None;
        }
    }

    /// The calendar disappears, or is there again, with its resources.
    pub fn set_gone(&self, calendar: &CalendarId, gone: Gone) {
        if let Some(calendar) = self.state().calendars.get_mut(calendar.as_str()) {
            calendar.gone = gone == Gone::Yes;
        }
    }

    /// Gives or takes the right to write.
    pub fn set_rights(&self, calendar: &CalendarId, rights: model::Rights) {
        if let Some(calendar) = self.state().calendars.get_mut(calendar.as_str()) {
            calendar.rights = rights;
        }
    }

    /// Gives a calendar another display name.
    pub fn rename(&self, calendar: &CalendarId, name: &str) {
        if let Some(calendar) = self.state().calendars.get_mut(calendar.as_str()) {
            name.clone_into(&mut calendar.name);
        }
    }

    /// Every cursor handed out for the calendar so far is expired.
    pub fn expire_cursors(&self, calendar: &CalendarId) {
        if let Some(calendar) = self.state().calendars.get_mut(calendar.as_str()) {
            calendar.expire();
        }
    }

    /// From now on listings of the calendar show `id`, which nothing else knows.
    pub fn add_ghost(&self, calendar: &CalendarId, id: &str) {
        if let Some(calendar) = self.state().calendars.get_mut(calendar.as_str()) {
            calendar.ghosts.insert(id.to_owned());
            let born = calendar.seq + 1;
            calendar.note(id, false, born);
        }
    }

    /// From now on the server fails at the content of `id`, and lists it as ever.
    // quirk: caldav-15
    pub fn withhold(&self, calendar: &CalendarId, id: &str) {
        if let Some(calendar) = self.state().calendars.get_mut(calendar.as_str()) {
            calendar.withheld.insert(id.to_owned());
        }
    }

    /// Everything is handed out again.
    pub fn hand_out(&self, calendar: &CalendarId) {
        if let Some(calendar) = self.state().calendars.get_mut(calendar.as_str()) {
            calendar.withheld.clear();
        }
    }

    /// Plans a fault.
    pub fn plan(&self, aim: Aim, fault: Fault) {
        self.state().schedule.plan(aim, fault);
    }

    /// From now on `fault` strikes `per_ten_thousand` of 10,000 calls that it fits.
    pub fn chance(&self, fault: Fault, per_ten_thousand: u32) {
        self.state().schedule.chance(fault, per_ten_thousand);
    }

    /// From now on nothing goes wrong by itself: no planned faults, no chances, no items that
    /// listings still leave out.
    pub fn calm(&self) {
        let mut state = self.state();
        state.schedule.clear();
        state.calendars.values_mut().for_each(Calendar::settle);
    }

    /// How many steps (calls of providers, HTTP requests) there have been.
    pub fn steps(&self) -> u64 {
        self.state().step
    }

    /// What a calendar holds, by id.
    pub fn held(&self, calendar: &CalendarId) -> Vec<Held> {
        let state = self.state();
        let Some(calendar) = state.calendars.get(calendar.as_str()) else { return Vec::new() };
        let held = calendar.resources.iter().map(|(id, stored)| stored.held(id));
        held.collect()
    }

    /// Writes as a client of the account does: conditionally, under the account's habits.
    ///
    /// # Errors
    /// Why the server does not do it.
    pub fn put(
        &self,
        calendar: &CalendarId,
        id: &str,
        raw: &[u8],
        condition: &Condition,
    ) -> Result<String, Refusal> {
        let put = self.state().put(calendar.as_str(), id, raw, condition, Author::Client)?;
        Ok(put.version)
    }

    /// Deletes as a client of the account does.
    ///
    /// # Errors
    /// Why the server does not do it.
    pub fn remove(
        &self,
        calendar: &CalendarId,
        id: &str,
        condition: &Condition,
    ) -> Result<(), Refusal> {
        self.state().remove(calendar.as_str(), id, condition, Author::Client)
    }
}

/// Whether a calendar has disappeared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gone {
    /// It has.
    Yes,
    /// It is there.
    No,
}

#[cfg(test)]
mod tests;
