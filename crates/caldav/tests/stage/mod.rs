//! A world, a server that plays it, and the adapter in front of it.

use std::sync::Arc;
use std::time::Duration;

use caldav::{CalDav, CalDavOptions, Flavour};
use model::{CalendarId, Cursor, Resource, ResourceId};
use provider::{Changes, Next, Outcome, Provider as _};
use sandbox::World;
use sandbox::dav::{Options, Profile, Running, serve};
use testkit::text;

/// A world with one account, served.
pub(crate) struct Stage {
    pub(crate) world: World,
    /// As the world calls it.
    pub(crate) family: CalendarId,
    pub(crate) running: Running,
    pub(crate) server: CalDav,
}

impl Stage {
    pub(crate) async fn new(profile: Profile) -> Self {
        let world = World::new(5);
        world.account("sam", profile.habits.clone());
        let family = world.add_calendar("sam", "Family");
        world.add_calendar("sam", "Work");
        let icloud = profile.name == "icloud";
        let mut options = Options::new(profile, "sam");
        options.partitions = 2;
        let running = serve(&world, options).await.unwrap();
        let flavour = if icloud { Flavour::ICloud } else { Flavour::Generic };
        let server = Self::client(&world, &running, flavour);
        Self { world, family, running, server }
    }

    fn client(world: &World, running: &Running, flavour: Flavour) -> CalDav {
        let clock = world.clone();
        CalDav::new(CalDavOptions {
            url: running.url().parse().unwrap(),
            username: "sam@example.com".into(),
            password: world.password("sam").unwrap().into(),
            flavour,
            clock: Arc::new(move || clock.now()),
            deadline: Some(Duration::from_secs(20)),
            in_flight: None,
        })
        .unwrap()
    }

    pub(crate) async fn calendar(&self) -> CalendarId {
        let calendars = self.server.calendars().await.unwrap();
        calendars.into_iter().find(|calendar| calendar.name == "Family").unwrap().id
    }

    pub(crate) fn user_creates(&self, line: &str) -> String {
        self.world.user(&self.family).create(&text(line))
    }
}

/// All pages since a cursor.
pub(crate) async fn all(server: &CalDav, calendar: &CalendarId, since: Option<&Cursor>) -> Changes {
    let mut changes = server.changes(calendar, since).await.unwrap();
    while let Next::More(cursor) = changes.next.clone() {
        let page = server.changes(calendar, Some(&cursor)).await.unwrap();
        assert_eq!(page.scope, changes.scope, "every page of a listing covers the same");
        changes.items.extend(page.items);
        changes.next = page.next;
    }
    changes
}

pub(crate) fn cursor(changes: &Changes) -> Cursor {
    match &changes.next {
        Next::Complete(cursor) => cursor.clone(),
        Next::More(_) => panic!("there is more"),
    }
}

pub(crate) fn title_of(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Found(resource) => {
            let title = resource.series.face().and_then(|event| event.title.clone());
            title.map(|title| title.expose().clone()).unwrap_or_default()
        }
        Outcome::Unreadable(what) => format!("unreadable: {}", what.reason),
        Outcome::Gone => "gone".into(),
        Outcome::NoEvent => "no event".into(),
        Outcome::Withheld(error) => format!("withheld: {error}"),
        Outcome::Failed(error) => format!("failed: {error}"),
    }
}

pub(crate) async fn read(server: &CalDav, calendar: &CalendarId, id: &ResourceId) -> Resource {
    let fetched = server.fetch(calendar, std::slice::from_ref(id)).await.unwrap();
    match fetched.into_iter().next().unwrap().outcome {
        Outcome::Found(resource) => *resource,
        other => panic!("{}", title_of(&other)),
    }
}
