//! What the page remembers between requests: who has entered, what was said to whom, how often
//! somebody tried. All of it is gone with the process; nothing of it is worth keeping.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use model::Timestamp;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq as _;

use super::connect::Flow;
use crate::config::{Endpoint, Listen};
use crate::secrets::{Lock, PagePassword};
use crate::service::Service;

/// How long somebody stays in after the last sign-in: a working day.
const STAY: Duration = Duration::from_secs(12 * 60 * 60);

/// How long the answer to something done is shown.
const NOTE: Duration = Duration::from_secs(20);

/// Browsers that are remembered; a household has fewer. The oldest go first.
const BROWSERS: usize = 256;

/// Tries of a password, or of connecting, that are taken in [`SPAN`], by whomever. Enough for
/// somebody who mistypes; too few for guessing.
const TRIES: usize = 10;

/// The time in which tries are counted.
const SPAN: Duration = Duration::from_secs(5 * 60);

/// The page's memory.
pub(crate) struct Site {
    pub(super) service: Arc<Service>,
    state: PathBuf,
    file: PathBuf,
    secret: [u8; 32],
    memory: Mutex<Memory>,
}

#[derive(Default)]
struct Memory {
    /// Where the page listens now.
    address: Option<SocketAddr>,
    entered: HashMap<Name, Entered>,
    notes: HashMap<Name, Note>,
    tries: HashMap<&'static str, Vec<Timestamp>>,
    flows: HashMap<Name, Flow>,
    /// The last `Authorization` that was right, hashed: scrapes come every few seconds.
    authorized: Option<(Name, PagePassword)>,
    /// The last one that was wrong: a program that has an old password tries it for ever, and is
    /// one try.
    refused: Option<(Name, PagePassword)>,
}

/// What a secret is remembered by.
type Name = [u8; 32];

struct Entered {
    until: Timestamp,
    by: PagePassword,
}

/// What came of something that was done.
#[derive(Clone)]
pub(super) struct Note {
    pub(super) text: String,
    pub(super) is_fine: bool,
    until: Timestamp,
}

impl Site {
    /// A page over this service; `state` is its directory, `file` its configuration.
    pub(crate) fn new(service: Arc<Service>, state: &Path, file: &Path) -> Self {
        let secret = service.chance();
        let (state, file) = (state.to_owned(), file.to_owned());
        Self { service, state, file, secret, memory: Mutex::default() }
    }

    /// The configuration's file.
    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes where the page listens.
    pub(super) fn listens_at(&self, address: SocketAddr) {
        self.memory().address = Some(address);
        let public = self.public_url().map(|url| url.origin().to_owned());
        self.service.links().lead_to(public.unwrap_or_else(|| format!("http://{address}")));
    }

    /// Where the page listens.
    pub(super) fn address(&self) -> Option<SocketAddr> {
        self.memory().address
    }

    /// Where browsers reach the page, if they reach it elsewhere.
    pub(super) fn public_url(&self) -> Option<Endpoint> {
        self.service.config().daemon.public_url.clone()
    }

    /// What keeps the page.
    pub(super) fn lock(&self) -> Lock {
        Lock::read(&self.state)
    }

    /// The page's password, if one is set that can be asked for.
    pub(super) fn password(&self) -> Option<PagePassword> {
        match self.lock() {
            Lock::Password(password) => Some(password),
            Lock::Open | Lock::Broken => None,
        }
    }

    /// Whether there must be one: the page can be reached from other machines.
    pub(super) fn wants_password(&self) -> bool {
        let daemon = &self.service.config().daemon;
        let far = |endpoint: &Endpoint| !endpoint.is_loopback();
        let listens = match daemon.listen {
            Listen::At(address) => !address.ip().is_loopback(),
            Listen::Off => false,
        };
        listens || daemon.public_url.as_ref().is_some_and(far)
    }

    /// The token that a form of this browser carries.
    pub(super) fn token(&self, browser: &str) -> String {
        let hash = Sha256::new().chain_update(self.secret).chain_update(browser).finalize();
        hash.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Whether a form carries this browser's token.
    pub(super) fn is_token(&self, browser: &str, given: &str) -> bool {
        self.token(browser).as_bytes().ct_eq(given.as_bytes()).into()
    }

    /// A name for a browser that nobody can guess.
    pub(super) fn new_browser(&self) -> String {
        self.service.chance::<32>().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// This browser has given the password.
    pub(super) fn enter(&self, browser: &str, by: PagePassword) {
        let now = self.service.now();
        let mut memory = self.memory();
        memory.entered.retain(|_, entered| entered.until > now);
        if memory.entered.len() < BROWSERS {
            memory.entered.insert(name(browser), Entered { until: now + STAY, by });
        }
    }

    /// This browser goes.
    pub(super) fn leave(&self, browser: &str) {
        self.memory().entered.remove(&name(browser));
    }

    /// Whether this browser has given the password that is set now.
    pub(super) fn has_entered(&self, browser: &str, password: &PagePassword) -> bool {
        let now = self.service.now();
        let memory = self.memory();
        let entered = memory.entered.get(&name(browser));
        entered.is_some_and(|entered| entered.until > now && entered.by == *password)
    }

    /// Whether this `Authorization` was found right before.
    pub(super) fn was_authorized(&self, header: &[u8], password: &PagePassword) -> bool {
        let memory = self.memory();
        let known = memory.authorized.as_ref();
        known.is_some_and(|(hash, by)| bool::from(hash.ct_eq(&digest(header))) && by == password)
    }

    /// Notes that it is.
    pub(super) fn authorized(&self, header: &[u8], password: PagePassword) {
        self.memory().authorized = Some((digest(header), password));
    }

    /// Whether this `Authorization` was found wrong before.
    pub(super) fn was_refused(&self, header: &[u8], password: &PagePassword) -> bool {
        let memory = self.memory();
        let known = memory.refused.as_ref();
        known.is_some_and(|(hash, by)| bool::from(hash.ct_eq(&digest(header))) && by == password)
    }

    /// Notes that it is.
    pub(super) fn refused(&self, header: &[u8], password: PagePassword) {
        self.memory().refused = Some((digest(header), password));
    }

    /// Whether something may be tried once more now, by whomever.
    pub(super) fn may_try(&self, what: &'static str) -> bool {
        let now = self.service.now();
        let mut memory = self.memory();
        let tries = memory.tries.entry(what).or_default();
        tries.retain(|at| *at + SPAN > now && *at <= now);
        let may = tries.len() < TRIES;
        if may {
            tries.push(now);
        }
        may
    }

    /// Something was right: what was tried before counts no more.
    pub(super) fn tried_well(&self, what: &'static str) {
        self.memory().tries.remove(what);
    }

    /// Somebody is sent to a consent page from this browser.
    pub(super) fn put_flow(&self, browser: &str, flow: Flow) {
        let now = self.service.now();
        let mut memory = self.memory();
        memory.flows.retain(|_, flow| flow.until > now);
        if memory.flows.len() < BROWSERS {
            memory.flows.insert(name(browser), flow);
        }
    }

    /// The sign-in that this browser waits for.
    pub(super) fn flow(&self, browser: &str) -> Option<Flow> {
        let now = self.service.now();
        self.memory().flows.get(&name(browser)).filter(|flow| flow.until > now).cloned()
    }

    /// It has its answer.
    pub(super) fn end_flow(&self, browser: &str) {
        self.memory().flows.remove(&name(browser));
    }

    /// Keeps what came of something, for the next page that this browser is shown.
    pub(super) fn put_note(&self, browser: &str, text: String, is_fine: bool) {
        let now = self.service.now();
        let mut memory = self.memory();
        memory.notes.retain(|_, note| note.until > now);
        if memory.notes.len() < BROWSERS {
            memory.notes.insert(name(browser), Note { text, is_fine, until: now + NOTE });
        }
    }

    /// What is to be said to this browser.
    pub(super) fn note(&self, browser: &str) -> Option<Note> {
        let now = self.service.now();
        self.memory().notes.get(&name(browser)).filter(|note| note.until > now).cloned()
    }
}

fn name(browser: &str) -> Name {
    digest(browser.as_bytes())
}

fn digest(bytes: &[u8]) -> Name {
    Sha256::digest(bytes).into()
}
