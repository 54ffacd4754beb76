//! The contract, run against the CalDAV adapter over each simulated server.

use std::sync::Arc;

use async_trait::async_trait;
use caldav::{CalDav, CalDavOptions, Flavour};
use model::{CalendarId, Cursor, ResourceId};
use provider::Provider;
use sandbox::World;
use sandbox::dav::{Options, Profile, Running, serve};
use testkit::contract::{Report, Subject, run};

struct Served {
    world: World,
    /// As the world calls it.
    calendar: CalendarId,
    /// As the provider calls it.
    listed: CalendarId,
    provider: CalDav,
    running: Running,
    cannot: Vec<(&'static str, &'static str)>,
}

impl Served {
    async fn new(profile: Profile, cannot: &[(&'static str, &'static str)]) -> Self {
        let world = World::new(11);
        world.account("sam", Default::default());
        let calendar = world.add_calendar("sam", "Family");
        world.add_calendar("sam", "Work");
        let apple = profile.name == "icloud";
        let running = serve(&world, Options::new(profile, "sam"));
        let running = running.await.expect("loopback has free ports");
        let clock = world.clone();
        let provider = CalDav::new(CalDavOptions {
            url: running.url().parse().expect("it is a URL"),
            username: "sam@example.com".to_owned(),
            password: world.password("sam").expect("the account is there").into(),
            flavour: if apple { Flavour::ICloud } else { Flavour::Generic },
            clock: Arc::new(move || clock.now()),
            deadline: None,
            in_flight: None,
        })
        .expect("loopback may be asked in plain");
        let calendars = provider.calendars().await.expect("the server answers");
        let listed = calendars.into_iter().find(|listed| listed.name == "Family");
        let listed = listed.expect("the calendar is listed").id;
        Self { world, calendar, listed, provider, running, cannot: cannot.to_vec() }
    }
}

#[async_trait]
impl Subject for Served {
    fn provider(&self) -> &dyn Provider {
        &self.provider
    }

    fn calendar(&self) -> CalendarId {
        self.listed.clone()
    }

    async fn put(&mut self, name: &str, raw: &[u8]) -> Result<(), String> {
        self.world.user(&self.calendar).put(name, raw);
        Ok(())
    }

    async fn get(&mut self, name: &str) -> Option<Vec<u8>> {
        let held = self.world.held(&self.calendar);
        held.into_iter().find(|held| held.id == name).map(|held| held.raw)
    }

    async fn delete(&mut self, name: &str) {
        let held = self.world.held(&self.calendar);
        if let Some(held) = held.into_iter().find(|held| held.id == name) {
            self.world.user(&self.calendar).delete(&held.uid);
        }
    }

    fn name(&self, id: &ResourceId) -> String {
        id.as_str().rsplit('/').next().unwrap_or_default().to_owned()
    }

    async fn expire(&mut self, cursor: Cursor) -> Option<Cursor> {
        self.world.expire_cursors(&self.calendar);
        Some(cursor)
    }

    fn mailbox(&self) -> &str {
        "sam@example.com"
    }

    async fn mails(&mut self) -> usize {
        self.world.outbox().len()
    }

    fn cannot(&self) -> Vec<(&'static str, &'static str)> {
        self.cannot.clone()
    }
}

/// Runs the contract, and holds the requests against what must never be sent.
async fn tried(profile: Profile, cannot: &[(&'static str, &'static str)]) -> Report {
    let mut served = Served::new(profile, cannot).await;
    let report = run(&mut served).await;
    served.world.assert_no_mail();
    served.world.assert_no_collection_delete();
    served.world.assert_conditional_writes();
    let hosts = served.running.hosts();
    served.world.assert_auth_only_to(&hosts.iter().map(String::as_str).collect::<Vec<_>>());
    report
}

const DUPLICATES: (&str, &str) =
    ("a_taken_uid_is_refused", "the server stores a UID any number of times");
const SILENCE: (&str, &str) =
    ("an_expired_cursor_is_told", "the server lists everything and says nothing about it");
const NO_AGE: (&str, &str) =
    ("an_expired_cursor_is_told", "the server has no tokens, and a tag does not expire");

#[tokio::test]
async fn the_contract_is_kept_over_icloud() {
    tried(Profile::icloud(), &[]).await.assert_good();
}

#[tokio::test]
async fn the_contract_is_kept_by_the_book() {
    tried(Profile::plain(), &[]).await.assert_good();
}

#[tokio::test]
async fn the_contract_is_kept_over_radicale_and_xandikos() {
    tried(Profile::radicale(), &[]).await.assert_good();
    tried(Profile::xandikos(), &[]).await.assert_good();
}

#[tokio::test]
async fn the_contract_is_kept_over_davical_and_sogo() {
    tried(Profile::davical(), &[DUPLICATES, SILENCE]).await.assert_good();
    tried(Profile::sogo(), &[SILENCE]).await.assert_good();
}

#[tokio::test]
async fn the_contract_is_kept_over_sabre_and_zoho() {
    tried(Profile::sabre(), &[DUPLICATES, NO_AGE]).await.assert_good();
    tried(Profile::zoho(), &[NO_AGE]).await.assert_good();
}
