//! The adapter over the simulated service, without a socket.

use std::sync::Arc;

use google::{Google, GoogleOptions};
use model::{CalendarId, Cursor, Resource};
use provider::{Change, Changes, Next, Outcome, Provider, Scope};
use sandbox::World;
use sandbox::google::{Google as Service, GoogleUser, Quirks};
use testkit::described::Watch;
use transport::{Credential, Wire};

/// One account with one calendar, and whoever uses it.
pub struct Stage {
    pub world: World,
    pub service: Service,
    pub calendar: CalendarId,
    pub google: Google,
    watch: Watch,
}

impl Stage {
    pub fn new(quirks: Quirks) -> Self {
        Self::seeded(quirks, 7)
    }

    pub fn seeded(quirks: Quirks, seed: u64) -> Self {
        let world = World::new(seed);
        world.account("sam", Default::default());
        let service = Service::new(&world, seed);
        service.set_quirks(|held| *held = quirks);
        service.open("sam");
        let calendar = service.add_calendar("sam", "Family");
        let google = adapter(&world, &service);
        let watch = Watch::google(&service, &world);
        Self { world, service, calendar, google, watch }
    }

    pub fn user(&self) -> GoogleUser {
        self.service.user(&self.calendar)
    }

    /// The adapter as it is after a restart: it remembers nothing.
    pub fn restart(&mut self) {
        self.google = adapter(&self.world, &self.service);
    }

    /// The same service, over an adapter of another process.
    pub fn another(&self) -> Self {
        let (world, service) = (self.world.clone(), self.service.clone());
        let google = adapter(&world, &service);
        let (calendar, watch) = (self.calendar.clone(), Watch::google(&service, &world));
        Self { world, service, calendar, google, watch }
    }

    /// Until no throttle lasts any longer. The clock must be paused.
    pub async fn wait(&self) {
        let long = std::time::Duration::from_secs(3 * 60 * 60);
        tokio::time::advance(long).await;
        self.world.advance(long);
    }

    /// All pages of a listing.
    pub async fn list(&self, since: Option<&Cursor>) -> provider::Result<Listing> {
        let mut at = since.cloned();
        let mut listing = Listing { items: Vec::new(), scope: Scope::Full, next: "".into() };
        loop {
            let page = self.google.changes(&self.calendar, at.as_ref()).await?;
            let Changes { scope, items, next } = page;
            listing.scope = scope;
            listing.items.extend(items);
            match next {
                Next::More(cursor) => at = Some(cursor),
                Next::Complete(cursor) => {
                    listing.next = cursor;
                    return Ok(listing);
                }
            }
        }
    }

    /// The one resource with this id, fetched.
    pub async fn found(&self, id: &model::ResourceId) -> Resource {
        let fetched = self.google.fetch(&self.calendar, std::slice::from_ref(id)).await;
        match fetched.expect("the service answers").pop().map(|one| one.outcome) {
            Some(Outcome::Found(resource)) => *resource,
            other => panic!("{id}: {other:?}"),
        }
    }

    /// How many requests something takes.
    pub async fn cost<T>(&self, work: impl Future<Output = T>) -> (T, u64) {
        let before = self.google.requests();
        let done = work.await;
        (done, self.google.requests() - before)
    }

    /// What holds of us, where nobody else wrote with requests of their own; the rest is watched.
    pub fn assert_careful(&self) {
        self.service.assert_careful_writes();
        self.watch.check();
    }
}

/// All pages.
pub struct Listing {
    pub items: Vec<Change>,
    pub scope: Scope,
    pub next: Cursor,
}

impl Listing {
    /// The resource with this title.
    pub fn titled(&self, title: &str) -> Option<&Resource> {
        self.items.iter().find_map(|item| match item {
            Change::Present(resource) => {
                let shown = resource.series.face().and_then(|face| face.title.as_ref());
                shown.is_some_and(|shown| shown.expose() == title).then_some(&**resource)
            }
            _ => None,
        })
    }
}

fn adapter(world: &World, service: &Service) -> Google {
    let (clock, answering) = (world.clone(), service.clone());
    Google::new(GoogleOptions {
        api_url: "https://www.googleapis.com/calendar/v3".parse().expect("it is a URL"),
        credential: Credential::Token(service.access_token("sam").into()),
        clock: Arc::new(move || clock.now()),
        deadline: None,
        in_flight: None,
        wire: Wire::InProcess(Arc::new(move |request| {
            let service = answering.clone();
            Box::pin(async move { service.answer(request).await })
        })),
    })
    .expect("Google's address may be asked")
}
