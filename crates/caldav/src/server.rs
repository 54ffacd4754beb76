//! One account at one server, as the operations see it: where requests go at present, and what
//! was learnt about the server from its answers.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use model::{CalendarId, ResourceId, Timestamp};
use provider::{Error, ErrorKind, Result};
use transport::{Account, Reached, Repeated, Url};

use crate::discovery::Discovered;
use crate::path::Collection;
use crate::requests::{Answer, Ask};
use crate::{Clock, Flavour, scheduling};

/// Whether a server can be trusted to keep its word about If-Match and If-None-Match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Preconditions {
    /// As far as is known.
    Reliable,
    /// It ignores some: look before writing.
    Unreliable,
}

/// The server of one account.
pub(crate) struct Server {
    account: Account,
    username: String,
    flavour: Flavour,
    clock: Clock,
    /// The host that serves the account: the configured one, until a redirect or the home names
    /// another.
    base: Mutex<Url>,
    pub(crate) discovered: Mutex<Option<Discovered>>,
    pub(crate) scheduling: scheduling::Found,
    unreliable: AtomicBool,
    collides: AtomicBool,
}

impl Server {
    pub(crate) fn new(account: Account, username: String, flavour: Flavour, clock: Clock) -> Self {
        let base = account.origin().clone();
        let unreliable = AtomicBool::new(base.path().contains("/SOGo/"));
        Self {
            account,
            username,
            flavour,
            clock,
            base: Mutex::new(base),
            discovered: Mutex::default(),
            scheduling: Mutex::default(),
            unreliable,
            collides: AtomicBool::new(false),
        }
    }

    pub(crate) fn account(&self) -> &Account {
        &self.account
    }

    pub(crate) fn username(&self) -> &str {
        &self.username
    }

    pub(crate) fn flavour(&self) -> Flavour {
        self.flavour
    }

    pub(crate) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// The host for sentences.
    pub(crate) fn place(&self) -> String {
        Reached(self.account.origin().clone()).place()
    }

    /// Sends a request and learns from its answer.
    pub(crate) async fn ask(&self, ask: Ask) -> Result<Answer> {
        let answer = self.account.send(ask).await;
        self.learn(&answer);
        answer
    }

    /// Sends a write. Where the server stumbled over writes side by side, it gets them one by one;
    /// it is asked once more when it stumbles for the first time.
    // quirk: caldav-6
    pub(crate) async fn write(&self, ask: Ask) -> Result<Answer> {
        if !self.collides.load(Ordering::Relaxed) {
            let answer = self.ask(ask.clone()).await?;
            if !matches!(answer.status().as_u16(), 423 | 500) {
                return Ok(answer);
            }
            self.collides.store(true, Ordering::Relaxed);
            let mut answer = self.alone(ask).await?;
            answer.extensions_mut().insert(Repeated);
            return Ok(answer);
        }
        self.alone(ask).await
    }

    async fn alone(&self, ask: Ask) -> Result<Answer> {
        let answer = self.account.send_alone(ask).await;
        self.learn(&answer);
        answer
    }

    /// Where a calendar is.
    pub(crate) fn collection(&self, calendar: &CalendarId) -> Result<Collection> {
        Collection::new(&self.base(), calendar)
            .ok_or_else(|| Error::new(ErrorKind::Gone, "this is no CalDAV calendar"))
    }

    /// Where a resource is.
    pub(crate) fn resource(&self, collection: &Collection, id: &ResourceId) -> Result<Url> {
        collection
            .resource(id)
            .ok_or_else(|| Error::new(ErrorKind::Gone, "this is no CalDAV resource"))
    }

    /// From now on requests go to the host of `url`.
    // quirk: icloud-6, icloud-10
    pub(crate) fn serve_from(&self, url: &Url) {
        *self.base.lock().unwrap_or_else(PoisonError::into_inner) = url.clone();
    }

    pub(crate) fn preconditions(&self) -> Preconditions {
        if self.unreliable.load(Ordering::Relaxed) {
            Preconditions::Unreliable
        } else {
            Preconditions::Reliable
        }
    }

    /// Notes a version that was seen: SOGo's have a form of their own.
    // quirk: caldav-85
    pub(crate) fn saw_version(&self, version: &str) {
        if version.trim_start_matches('"').starts_with("gcs") {
            self.unreliable.store(true, Ordering::Relaxed);
        }
    }

    fn base(&self) -> Url {
        self.base.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn learn(&self, answer: &Result<Answer>) {
        let configured = self.account.origin();
        match answer {
            Ok(answer) => {
                let reached = answer.extensions().get::<Reached>().map(|reached| &reached.0);
                if answer.status() == 421 {
                    self.serve_from(configured);
                } else if let Some(reached) = reached
                    && reached.origin() != self.base().origin()
                {
                    self.serve_from(reached);
                }
                let header = |name| answer.headers().get(name).and_then(|v| v.to_str().ok());
                if header("server").is_some_and(|server| server.starts_with("SOPE")) {
                    self.unreliable.store(true, Ordering::Relaxed);
                }
                if let Some(version) = header("etag") {
                    self.saw_version(version);
                }
            }
            // The partition may have moved; the configured host knows.
            Err(error) if error.kind() == ErrorKind::Unavailable => self.serve_from(configured),
            Err(_) => {}
        }
    }
}
