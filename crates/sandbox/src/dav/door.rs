//! The door: who asks, may they, what goes wrong, and which part of the server answers.

use std::sync::atomic::Ordering;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::exchange::{Answer, Ask, Fate};
use super::paths::Place;
use super::xml::{self, Node};
use super::{Layout, Quirk, Server};
use crate::Scheduling;
use crate::faults::Fault;
use crate::world::{Denied, Op, Request, State};

/// How long after the last change the server touches something by itself (with [`Quirk::Churn`]).
const CHURN: Duration = Duration::from_secs(3600);

impl Server {
    /// Answers a request, whatever goes wrong with it.
    pub(super) fn answer(&self, ask: &Ask) -> Answer {
        let mut state = self.world.state();
        let state = &mut *state;
        let place = self.place(state, &ask.path);
        let account = self.account_of(state, ask);
        let root = self.body(ask);
        let op = op(ask, &place, root.as_ref());
        let name = account.as_ref().map(|(name, _)| name.clone()).unwrap_or_default();
        let fault = state.begin(&name, op);
        self.log(state, ask, &name, op);
        self.churn(state);
        let mut answer = match self.before(state, ask, &place, account, fault) {
            Some(answer) => answer,
            None => self.inside(state, ask, (&place, root.as_ref()), &name, fault),
        };
        match fault {
            // quirk: icloud-65
            Some(Fault::LostReply) => answer.fate = Fate::Dropped,
            // quirk: icloud-67
            Some(Fault::Truncated) => answer.fate = Fate::Cut,
            Some(Fault::Html) => answer = Answer::page(),
            _ => {}
        }
        if answer.fate == Fate::Delivered
            && let Some(last) = state.requests.last_mut()
        {
            last.status = answer.status;
        }
        self.signed(answer, self.scheduling(state, &name))
    }

    /// What the account's server does about meetings; it may begin to do so.
    pub(super) fn scheduling(&self, state: &State, account: &str) -> Scheduling {
        let account = state.accounts.get(account);
        account.map_or(self.profile.habits.scheduling, |account| account.habits.scheduling)
    }

    /// What is said before anything is looked at; `None` to go in.
    fn before(
        &self,
        state: &mut State,
        ask: &Ask,
        place: &Place,
        account: Option<(String, Password)>,
        fault: Option<Fault>,
    ) -> Option<Answer> {
        // quirk: icloud-10 (a partition that the account has left)
        if ask.host > 0 && ask.host != self.partition() + 1 {
            return Some(Answer::dropped());
        }
        match fault {
            // quirk: icloud-66
            Some(Fault::FailBefore) => return Some(Answer::dropped()),
            // quirk: icloud-70
            Some(Fault::Misdirected) => return Some(Answer::empty(421)),
            Some(Fault::RefusedOnce) => return Some(self.unauthorized(Located::Yes)),
            Some(Fault::RateLimited { retry_after }) => return Some(throttled(429, retry_after)),
            Some(Fault::OutOfOrder { retry_after }) => return Some(throttled(503, retry_after)),
            _ => {}
        }
        if let Some(answer) = self.elsewhere(ask, place) {
            return Some(answer);
        }
        let Some((name, password)) = account else {
            return Some(self.unauthorized(Located::No));
        };
        match (state.admit(&name), password) {
            // quirk: icloud-4, icloud-5
            (Err(Denied::Throttled(wait)), _) => Some(throttled(503, wait)),
            // quirk: icloud-2, icloud-3
            (Err(Denied::Unauthorized), _) | (Ok(()), Password::Wrong) => {
                Some(self.unauthorized(Located::Yes))
            }
            // quirk: icloud-81
            (Ok(()), Password::Right) if state.accounts.get(&name).is_some_and(|of| of.locked) => {
                Some(Answer::empty(403))
            }
            (Ok(()), Password::Right) => self.clumsy(ask, place),
        }
    }

    /// Redirects.
    fn elsewhere(&self, ask: &Ask, place: &Place) -> Option<Answer> {
        if *place == Place::WellKnown && self.profile.layout == Layout::Plain {
            let target = format!("{}/dav/", self.origins[0]);
            return Some(Answer::empty(301).header("Location", target));
        }
        if ask.host > 0 {
            return None;
        }
        // quirk: icloud-7
        if let Some(target) = &self.profile.evil_redirect {
            return Some(Answer::empty(302).header("Location", target.clone()));
        }
        let target = || format!("{}{}", self.partition_origin(), ask.path);
        // quirk: icloud-8
        let write = matches!(ask.method.as_str(), "PUT" | "DELETE");
        if write && self.profile.has(Quirk::WriteRedirect) {
            return Some(Answer::empty(302).header("Location", target()));
        }
        // quirk: icloud-6
        let status = self.profile.redirect?;
        Some(Answer::empty(status).header("Location", target()))
    }

    /// What the edge or the server can't stand, whoever asks.
    fn clumsy(&self, ask: &Ask, place: &Place) -> Option<Answer> {
        let apple = self.profile.layout == Layout::Apple;
        let xml = matches!(ask.method.as_str(), "PROPFIND" | "REPORT");
        if apple && xml && ask.body.first().is_some_and(|byte| *byte != b'<') {
            return Some(Answer::edge());
        }
        if xml && !ask.body.is_empty() && self.body(ask).is_none() {
            return Some(Answer::empty(400));
        }
        let collection = !matches!(place, Place::Item(..) | Place::Nowhere);
        if ask.method == "GET" && collection {
            // quirk: icloud-25
            let answer = if *place == Place::WellKnown {
                Answer::edge()
            } else if self.profile.has(Quirk::DroppedGet) {
                Answer::dropped()
            } else {
                Answer::empty(405)
            };
            return Some(answer);
        }
        None
    }

    fn inside(
        &self,
        state: &mut State,
        ask: &Ask,
        (place, root): (&Place, Option<&Node>),
        account: &str,
        fault: Option<Fault>,
    ) -> Answer {
        let own = match place {
            Place::Root | Place::WellKnown => true,
            Place::Nowhere => return Answer::empty(404),
            Place::Principal(owner)
            | Place::Home(owner)
            | Place::Collection(owner, _)
            | Place::Item(owner, _, _) => owner == account,
        };
        if !own {
            return Answer::empty(403);
        }
        match ask.method.as_str() {
            // `signed` adds what the server can do.
            "OPTIONS" => {
                let allowed = "OPTIONS, PROPFIND, REPORT, GET, PUT, DELETE";
                Answer::empty(200).header("Allow", allowed)
            }
            "PROPFIND" => self.propfind(state, ask, place, root, (account, fault)),
            "REPORT" => match (place, root) {
                (Place::Collection(_, segment), Some(root)) => {
                    self.report(state, ask, (account, segment), root, fault)
                }
                _ => Answer::empty(400),
            },
            "GET" | "HEAD" => self.get(state, place),
            "PUT" => self.put(state, ask, place, fault),
            "DELETE" => self.delete(state, ask, place, fault),
            "MKCALENDAR" => self.make(state, place, root),
            // quirk: icloud-61
            "MOVE" => Answer::empty(412),
            _ => Answer::empty(405),
        }
    }

    /// Whose credential the request carries.
    fn account_of(&self, state: &State, ask: &Ask) -> Option<(String, Password)> {
        let encoded = ask.header("authorization")?.strip_prefix("Basic ")?;
        let plain = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
        let (user, password) = plain.split_once(':')?;
        let name = self
            .accounts
            .iter()
            .find(|name| state.accounts.get(*name).is_some_and(|account| account.user == user))?;
        let right = state.accounts.get(name)?.password == password;
        Some((name.clone(), if right { Password::Right } else { Password::Wrong }))
    }

    fn unauthorized(&self, located: Located) -> Answer {
        let answer = Answer::empty(401);
        if self.profile.layout == Layout::Plain {
            return answer.header("WWW-Authenticate", "Basic realm=\"calendars\"");
        }
        // quirk: icloud-1
        let foreign = "X-MobileMe-AuthToken realm=\"MMCalDav\"";
        let basic = "Basic realm=\"MMCalDav\"";
        let answer = if self.profile.has(Quirk::CombinedChallenge) {
            answer.header("WWW-Authenticate", format!("{foreign}, {basic}"))
        } else {
            answer.header("WWW-Authenticate", foreign).header("WWW-Authenticate", basic)
        };
        match located {
            Located::Yes => answer.header("X-Apple-User-Partition", "42"),
            Located::No => answer,
        }
    }

    /// What every answer of a service carries.
    fn signed(&self, answer: Answer, scheduling: Scheduling) -> Answer {
        match self.profile.layout {
            Layout::Plain => {
                // quirk: caldav-13
                let schedules = match scheduling {
                    Scheduling::Implicit | Scheduling::Addressless => ", calendar-auto-schedule",
                    Scheduling::Never => "",
                };
                let can = format!("1, 3, access-control, calendar-access{schedules}");
                answer.header("DAV", can)
            }
            Layout::Apple => answer
                .header("Server", "AppleHttpServer/0123456789ab")
                .header("X-Apple-Request-UUID", "00000000-0000-4000-8000-000000000000"),
        }
    }

    fn body(&self, ask: &Ask) -> Option<Node> {
        xml::parse(&ask.body)
    }

    fn log(&self, state: &mut State, ask: &Ask, account: &str, op: Op) {
        let mut headers = ask.headers.clone();
        let authorized = headers.remove("authorization").is_some();
        let host = self.origins[ask.host].trim_start_matches("http://").to_owned();
        state.requests.push(Request {
            at: state.now,
            step: state.step,
            account: account.to_owned(),
            op,
            method: ask.method.clone(),
            host,
            path: ask.path.clone(),
            headers,
            authorized,
            sent: ask.body.len(),
            status: 0,
        });
    }

    /// Once an hour of the world's time the server writes one of its copies anew.
    // quirk: icloud-57
    fn churn(&self, state: &mut State) {
        if !self.profile.has(Quirk::Churn) {
            return;
        }
        let quiet = state
            .deeds
            .last()
            .is_some_and(|deed| state.now.duration_since(deed.at).unsigned_abs() < CHURN);
        if quiet {
            return;
        }
        let own = |(_, held): &(&String, &crate::world::Calendar)| {
            self.accounts.contains(&held.account) && !held.resources.is_empty()
        };
        let all: Vec<(String, String)> = state
            .calendars
            .iter()
            .filter(own)
            .flat_map(|(id, held)| held.resources.keys().map(|name| (id.clone(), name.clone())))
            .collect();
        if !all.is_empty() {
            let (calendar, name) = state.random.pick(&all).clone();
            state.churn(&calendar, &name);
        }
    }

    pub(super) fn partition(&self) -> usize {
        self.partition.load(Ordering::SeqCst)
    }

    /// `http://address:port` of the partition that the accounts are on.
    pub(super) fn partition_origin(&self) -> &str {
        &self.origins[self.partition() + 1]
    }
}

/// Whether a password is the account's.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Password {
    Right,
    Wrong,
}

/// Whether a refusal says that the account was found.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Located {
    Yes,
    No,
}

fn throttled(status: u16, retry_after: Option<Duration>) -> Answer {
    let answer = Answer::empty(status);
    match retry_after {
        Some(wait) => answer.header("Retry-After", wait.as_secs().to_string()),
        None => answer,
    }
}

/// The kind of call that a request is.
fn op(ask: &Ask, place: &Place, root: Option<&Node>) -> Op {
    match (ask.method.as_str(), place) {
        ("PUT", _) if ask.header("if-none-match").is_some() => Op::Create,
        ("PUT", _) => Op::Update,
        ("DELETE", _) => Op::Delete,
        ("GET" | "HEAD", Place::Item(..)) => Op::Fetch,
        ("PROPFIND", Place::Item(..)) => Op::Fetch,
        ("PROPFIND", Place::Home(_)) => Op::Calendars,
        ("REPORT", _) if root.is_some_and(|root| root.name == "calendar-multiget") => Op::Fetch,
        (_, Place::Collection(..)) => Op::Changes,
        _ => Op::Identity,
    }
}
