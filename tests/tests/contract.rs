//! The provider contract, run against CalDAV over real servers; over the simulated ones it runs in
//! crates/testkit. What a server can't be held to stands here, with the reason.

use std::sync::Arc;

use async_trait::async_trait;
use caldav::CalDav;
use calpair_tests::http::Collection;
use calpair_tests::servers::{self, Account, Server, say};
use calpair_tests::{caldav_account, wait};
use model::{CalendarId, Cursor, ResourceId};
use provider::Provider;
use testkit::contract::{Subject, run};

/// A clause that a server can't be held to, and why.
type Exempt = (&'static str, &'static str);

struct Real {
    provider: Arc<CalDav>,
    calendar: CalendarId,
    door: Collection,
    exempt: Vec<Exempt>,
}

#[async_trait]
impl Subject for Real {
    fn provider(&self) -> &dyn Provider {
        &*self.provider
    }

    fn calendar(&self) -> CalendarId {
        self.calendar.clone()
    }

    async fn put(&mut self, name: &str, raw: &[u8]) -> Result<(), String> {
        let answer = self.door.put(name, raw);
        if (200..300).contains(&answer.status) { Ok(()) } else { Err(answer.reason()) }
    }

    async fn get(&mut self, name: &str) -> Option<Vec<u8>> {
        self.door.get(name)
    }

    async fn delete(&mut self, name: &str) {
        self.door.delete(name);
    }

    fn name(&self, id: &ResourceId) -> String {
        id.as_str().to_owned()
    }

    /// A token of the server's own form that it never gave: digits in another order.
    async fn expire(&mut self, cursor: Cursor) -> Option<Cursor> {
        let text = cursor.as_str();
        let (place, last) = text.split_at(text.rfind(['/', ':', ','])? + 1);
        Some(Cursor::new(format!("{place}{}", last.chars().rev().collect::<String>())))
    }

    fn cannot(&self) -> Vec<Exempt> {
        self.exempt.clone()
    }
}

/// Runs the contract over the server, found from the address `entry`; `None` for one that is
/// missing.
fn keeps(server: Option<Server>, entry: fn(&Account) -> String, exempt: &[Exempt]) {
    let Some(server) = server else { return };
    let account = server.alice();
    let provider = caldav_account(&entry(&account), &account.user, &account.password);
    let calendar = provider.calendar_id(&account.calendar).expect("a calendar of this server");
    let door = account.collection();
    let mut subject =
        Real { provider: Arc::new(provider), calendar, door, exempt: exempt.to_vec() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let (report, took) = wait::timed(|| runtime.block_on(run(&mut subject)));
    let requests = subject.provider.requests();
    say(&format!("{requests} requests, {:.1} s\n{report}", took.as_secs_f64()));
    report.assert_good();
}

const DUPLICATES: Exempt =
    ("a_taken_uid_is_refused", "the server stores a UID any number of times");
const SILENCE: Exempt =
    ("an_expired_cursor_is_told", "the server answers any token, and lists everything");
const NO_AGE: Exempt =
    ("an_expired_cursor_is_told", "the server has no tokens, and a tag does not expire");

#[test]
fn radicale() {
    keeps(servers::start("radicale"), |account| account.origin().to_owned(), &[]);
}

#[test]
fn xandikos() {
    keeps(servers::start("xandikos"), |account| account.origin().to_owned(), &[]);
}

#[test]
fn cyrus() {
    keeps(servers::start("cyrus"), |account| account.origin().to_owned(), &[]);
}

// quirk: caldav-84, caldav-98
#[test]
fn davical() {
    let names = ("odd_names", "the server refuses brackets in names");
    let entry = |account: &Account| account.origin().to_owned();
    keeps(servers::start("davical"), entry, &[DUPLICATES, SILENCE, names]);
}

// quirk: caldav-10, caldav-95, caldav-96, caldav-97, caldav-98
#[test]
fn sogo() {
    let exempt = [
        SILENCE,
        ("what_is_unknown_survives", "the server escapes unknown properties anew at each write"),
        ("odd_names", "the server decodes % in names twice"),
        ("floating_times", "the server gives floating times its own zone"),
        ("from_times_to_days", "the server gives floating times its own zone"),
        ("odd_texts", "the server loses long texts with letters beyond ASCII"),
    ];
    let entry = |account: &Account| format!("{}SOGo/dav/", account.origin());
    keeps(servers::start("sogo"), entry, &exempt);
}

// quirk: caldav-83
#[test]
fn sabredav() {
    let entry = |account: &Account| account.origin().to_owned();
    keeps(servers::start("sabredav"), entry, &[DUPLICATES, NO_AGE]);
}
