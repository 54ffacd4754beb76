//! A pair as the engine is given it, and what a cycle needs of the world.

use std::sync::Arc;
use std::time::Duration;

use model::{AccountName, CalendarId, PairName, Sides, Timestamp};
use provider::Provider;
use reconcile::{Conflict, Crossing, Direction, Limits};
use store::Store;
use tokio_util::sync::CancellationToken;

use crate::ask::Asking;
use crate::patience::Waiting;
use crate::{Alerts, Chance, Clock};

/// What a cycle needs of the world.
#[derive(Clone)]
pub struct Context {
    /// Everything durable.
    pub store: Store,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub chance: Chance,
    /// Told how far long work is; for a progress bar.
    pub progress: Arc<dyn Fn(Progress) + Send + Sync>,
    /// Cancelled when the process is to stop: what is under way is finished, nothing new begun.
    pub stop: CancellationToken,
    /// What a person must know.
    pub alerts: Alerts,
    pub(crate) patience: Waiting,
    pub(crate) asking: Asking,
}

impl Context {
    /// A context that tells nobody about its progress.
    pub fn new(store: Store, clock: Arc<dyn Clock>, chance: Chance) -> Self {
        Self {
            alerts: Alerts::new(store.clone(), |_, _| ()),
            store,
            clock,
            chance,
            progress: Arc::new(|_| ()),
            stop: CancellationToken::new(),
            patience: Waiting::default(),
            asking: Asking::default(),
        }
    }

    /// An account is about to get another credential, or none: what is still heard of the old one
    /// is not told of the account any more. What was told before stands in the store by now.
    pub fn retire(&self, old: &CancellationToken) {
        let _telling = self.asking.telling();
        old.cancel();
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

/// How far long work is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// So many resources of a side were read.
    Read(u64),
    /// So many series are to be written.
    Planned(u64),
    /// So many more series are done.
    Done(u64),
}

/// Two calendars that are to be the same.
#[derive(Clone)]
pub struct Pair {
    /// Its name.
    pub name: PairName,
    /// What the user decided about it.
    pub rules: Rules,
    /// Its calendars.
    pub sides: Sides<PairSide>,
}

/// One calendar of a pair.
#[derive(Clone)]
pub struct PairSide {
    /// The account.
    pub account: AccountName,
    /// What the account is signed in with, for the words about a refusal.
    pub credential: Credential,
    /// How to reach it.
    pub provider: Arc<dyn Provider>,
    /// The calendar as the configuration names it: display name, id, address or `primary`.
    pub asked: String,
    /// The calendar's id, where `asked` is an address that already says it.
    pub known: Option<CalendarId>,
    /// How many requests `provider` has sent on behalf of this side so far.
    pub requests: Arc<dyn Fn() -> u64 + Send + Sync>,
    /// Cancelled ([`Context::retire`]) when the account has another credential than `provider`:
    /// what that one still hears says nothing about the account any more.
    pub retired: CancellationToken,
}

/// What an account is signed in with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credential {
    /// A password for one program alone, which its owner can take back.
    AppPassword,
    /// A user's password.
    Password,
    /// A sign-in in the browser. When one is refused, the refusal says why, most of the time.
    SignIn,
}

/// What the user decided about a pair; the part that does not change from cycle to cycle.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Which way changes cross.
    pub direction: Direction,
    /// Who wins where both changed one field.
    pub conflict: Conflict,
    /// How far from now new series are taken up.
    pub window: Window,
    /// What needs approval.
    pub limits: Limits,
    /// What crosses towards each side.
    pub crossing: Sides<Crossing>,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            direction: Direction::Both,
            conflict: Conflict::Newest,
            window: Window::default(),
            limits: Limits::default(),
            crossing: Sides::default(),
        }
    }
}

/// How far from now new series are taken up; `None` for any distance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// Before now.
    pub past: Option<Duration>,
    /// After now.
    pub future: Option<Duration>,
}

impl Window {
    /// The window as instants, `None` when it is unlimited.
    pub fn around(self, now: Timestamp) -> Option<(Timestamp, Timestamp)> {
        if self == Window::default() {
            return None;
        }
        let from = self.past.and_then(|past| now.checked_sub(past).ok());
        let until = self.future.and_then(|future| now.checked_add(future).ok());
        Some((from.unwrap_or(Timestamp::MIN), until.unwrap_or(Timestamp::MAX)))
    }
}
