//! One-time links to the connect page: whoever holds one may connect one account, once, within a
//! time, without the page's password. They are kept in memory only, by a hash: a link is void when
//! calpair is started again.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use model::{AccountName, Timestamp};
use sha2::{Digest, Sha256};

use super::{Answer, Refusal, Service};
use crate::config::{Endpoint, Listen};
use crate::control::Reply;
use crate::exit::Exit;
use crate::report::{At, Link};

/// How long what came of it is still shown to who used it.
const AFTER: Duration = Duration::from_secs(30 * 60);

/// Links at a time; the oldest go first.
const MOST: usize = 64;

/// What a link is good for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Worth {
    /// It may be used.
    Good,
    /// It was used just now, by whoever has it: what came of it may be seen.
    JustUsed,
    /// It was used, or is too old, or never was one.
    Nothing,
}

/// The links that were given out, and where they lead.
#[derive(Default)]
pub(crate) struct Links(Mutex<Given>);

#[derive(Default)]
struct Given {
    page: Page,
    links: Vec<Known>,
}

/// Whether the page is open.
#[derive(Clone, Default)]
enum Page {
    /// Not yet.
    #[default]
    Closed,
    /// Not before it has a password.
    Locked,
    /// It is reached there: `http://127.0.0.1:8437`.
    At(String),
}

struct Known {
    name: [u8; 32],
    account: AccountName,
    until: Timestamp,
    /// Somebody connects with it at this moment.
    is_claimed: bool,
    used: Option<Timestamp>,
}

/// A link while somebody connects with it. Nobody else can; if it comes to nothing, it is free
/// again.
pub(crate) struct Claim<'a> {
    links: &'a Links,
    name: [u8; 32],
}

impl Claim<'_> {
    /// It was used.
    pub(crate) fn used(self, now: Timestamp) {
        self.links.with(&self.name, |link| link.used = Some(now));
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        self.links.with(&self.name, |link| link.is_claimed = false);
    }
}

impl Links {
    fn given(&self) -> MutexGuard<'_, Given> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on links lead there.
    pub(crate) fn lead_to(&self, origin: String) {
        self.given().page = Page::At(origin);
    }

    /// From now on they lead nowhere: the page waits for a password.
    pub(crate) fn lead_nowhere(&self) {
        self.given().page = Page::Locked;
    }

    /// Where the page is reached, once it is open.
    pub(crate) fn origin(&self) -> Option<String> {
        match &self.given().page {
            Page::At(origin) => Some(origin.clone()),
            Page::Closed | Page::Locked => None,
        }
    }

    /// Whether a link is good for anything, whichever account it leads to.
    pub(crate) fn is_of_use(&self, token: &str, now: Timestamp) -> bool {
        let name = name(token);
        let given = self.given();
        let known = given.links.iter().find(|link| link.name == name);
        known.is_some_and(|link| worth(link, now) != Worth::Nothing)
    }

    /// What a link is good for.
    pub(crate) fn worth(&self, token: &str, account: &AccountName, now: Timestamp) -> Worth {
        let given = self.given();
        let name = name(token);
        let known = given.links.iter().find(|link| link.name == name && link.account == *account);
        known.map_or(Worth::Nothing, |link| worth(link, now))
    }

    /// Takes a link before it is used, so that it is used once; `None` where somebody else has, or
    /// it is good for nothing.
    pub(crate) fn claim(&self, token: &str, now: Timestamp) -> Option<Claim<'_>> {
        let name = name(token);
        let mut given = self.given();
        let link = given.links.iter_mut().find(|link| link.name == name)?;
        if link.is_claimed || link.used.is_some() || now >= link.until {
            return None;
        }
        link.is_claimed = true;
        Some(Claim { links: self, name })
    }

    fn with(&self, name: &[u8; 32], change: impl FnOnce(&mut Known)) {
        self.given().links.iter_mut().find(|link| link.name == *name).map(change);
    }

    fn add(&self, link: Known) {
        let mut given = self.given();
        if given.links.len() >= MOST {
            given.links.remove(0);
        }
        given.links.push(link);
    }
}

fn worth(link: &Known, now: Timestamp) -> Worth {
    match link {
        Known { used: None, until, .. } if now < *until => Worth::Good,
        Known { used: Some(at), .. } if now < *at + AFTER => Worth::JustUsed,
        Known { .. } => Worth::Nothing,
    }
}

fn name(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}

impl Service {
    /// The links that were given out.
    pub(crate) fn links(&self) -> &Links {
        &self.links
    }

    /// Makes a link to the connect page of an account.
    pub(super) fn link(&self, account: &str) -> Answer {
        let account = self.account_of(account)?.name;
        let (origin, remark) = self.way()?;
        let token: String = self.chance::<32>().iter().map(|byte| format!("{byte:02x}")).collect();
        let segment = crate::text::segment(account.as_str());
        let url = format!("{origin}/connect/{segment}?link={token}");
        let until = self.ctx.now() + self.config().daemon.link_valid;
        let name = name(&token);
        self.links.add(Known { name, account, until, is_claimed: false, used: None });
        let link = Link { url, until: At(until) };
        Ok(Reply { message: remark, ..Reply::report(Exit::Fine, &link) })
    }

    /// Where links lead, and what is to be said about it; or why nobody would get there.
    fn way(&self) -> Result<(String, Option<String>), Refusal> {
        let config = self.config();
        let public = config.daemon.public_url.as_ref();
        let address = match config.daemon.listen {
            Listen::Off => {
                return Err(Refusal::usage(
                    "a link leads to the page, and `listen` in [daemon] is \"off\"; set it, for \
                     example to \"127.0.0.1:8437\"",
                ));
            }
            Listen::At(address) => address,
        };
        if !self.is_daemon() {
            let sentence = "a link leads to the page of the daemon; start `calpair run`, and try \
                            again";
            return Err(Refusal::usage(sentence));
        }
        if public.is_none() && address.ip().is_unspecified() {
            return Err(Refusal::usage(format!(
                "the page listens at {address}, which is an address of nobody; set `public_url` \
                 in [daemon] to the one that browsers use"
            )));
        }
        let page = self.links.given().page.clone();
        let origin = match page {
            Page::At(origin) => origin,
            Page::Locked => {
                return Err(Refusal::usage(
                    "the page is not open: it could be reached from other machines, and has no \
                     password; set one with `calpair page-password`, and try again",
                ));
            }
            Page::Closed => {
                let sentence = "the page is not open; the daemon's log says why. Try again later";
                return Err(Refusal::new(Exit::TryAgain, sentence));
            }
        };
        let is_here = public.map_or(address.ip().is_loopback(), Endpoint::is_loopback);
        let remark = "this link opens in a browser on this machine only; for other machines set \
                      `public_url` in [daemon] to the address that their browsers use";
        Ok((origin, is_here.then(|| remark.to_owned())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hours: i64) -> Timestamp {
        Timestamp::from_second(hours * 3600).unwrap()
    }

    #[test]
    fn a_link_is_for_one_account_once_and_for_its_time() {
        let links = Links::default();
        let account = AccountName::new("home");
        let add = |token: &str| {
            let (account, until) = (account.clone(), at(24));
            let name = name(token);
            links.add(Known { name, account, until, is_claimed: false, used: None });
        };
        add("a");
        assert_eq!(links.worth("a", &account, at(23)), Worth::Good);
        assert_eq!(links.worth("a", &account, at(24)), Worth::Nothing, "too old");
        assert_eq!(links.worth("a", &AccountName::new("work"), at(1)), Worth::Nothing);
        assert_eq!(links.worth("b", &account, at(1)), Worth::Nothing);
        // Two people at once: one of them connects.
        let claim = links.claim("a", at(1)).unwrap();
        assert!(links.claim("a", at(1)).is_none(), "two use it at once");
        drop(claim);
        links.claim("a", at(1)).expect("it came to nothing").used(at(1));
        assert_eq!(links.worth("a", &account, at(1)), Worth::JustUsed);
        assert_eq!(links.worth("a", &account, at(2)), Worth::Nothing, "used");
        assert!(links.claim("a", at(1)).is_none(), "used once only");
        add("c");
        assert!(links.claim("c", at(24)).is_none(), "too old");
        for number in 0..2 * MOST {
            add(&number.to_string());
        }
        assert_eq!(links.given().links.len(), MOST);
    }
}
