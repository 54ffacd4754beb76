//! The adapter over the simulated service, without a socket.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::Timestamp;
use microsoft::{Horizon, Microsoft, MicrosoftOptions};
use model::{CalendarId, Cursor, Resource};
use provider::{Change, Changes, Next, Outcome, Provider, Scope};
use sandbox::World;
use sandbox::microsoft::{Microsoft as Service, MicrosoftUser, Quirks};
use testkit::described::Watch;
use transport::{Credential, Wire};

/// One account with one calendar, and whoever uses it.
pub struct Stage {
    pub world: World,
    pub service: Service,
    pub calendar: CalendarId,
    pub microsoft: Microsoft,
    watch: Watch,
}

impl Stage {
    pub fn new(quirks: Quirks) -> Self {
        let mut stage = Self::at(quirks, Timestamp::UNIX_EPOCH);
        let world = stage.world.clone();
        stage.microsoft = adapter(&stage.service, move || world.now(), None);
        stage
    }

    /// With a clock of the adapter's own.
    pub fn at(quirks: Quirks, now: Timestamp) -> Self {
        let world = World::new(7);
        world.account("sam", Default::default());
        let service = Service::new(&world, 7);
        service.set_quirks(|held| *held = quirks);
        service.open("sam");
        let calendar = service.add_calendar("sam", "Family");
        let microsoft = adapter(&service, move || now, None);
        let watch = Watch::microsoft(&service, &world);
        Self { world, service, calendar, microsoft, watch }
    }

    /// Looks through a window of so many days before and after today from now on.
    #[allow(dead_code, reason = "not every test is about that")]
    pub fn look_through(&mut self, back: u32, ahead: u32) {
        let (world, window) = (self.world.clone(), Horizon { back, ahead });
        self.microsoft = adapter(&self.service, move || world.now(), Some(window));
    }

    pub fn user(&self) -> MicrosoftUser {
        self.service.user(&self.calendar)
    }

    /// All pages of a listing, with the fetches that it calls for.
    pub async fn list(&self, since: Option<&Cursor>) -> provider::Result<Listing> {
        let mut at = since.cloned();
        let mut listing = Listing { items: Vec::new(), scope: Scope::Full, next: "".into() };
        loop {
            let page = self.microsoft.changes(&self.calendar, at.as_ref()).await?;
            let Changes { scope, items, next } = page;
            listing.scope = scope;
            for item in items {
                listing.items.push(match item {
                    Change::Listed { id, .. } | Change::Missing(id) => self.look(id).await?,
                    other => other,
                });
            }
            match next {
                Next::More(cursor) => at = Some(cursor),
                Next::Complete(cursor) => {
                    listing.next = cursor;
                    return Ok(listing);
                }
            }
        }
    }

    async fn look(&self, id: model::ResourceId) -> provider::Result<Change> {
        let fetched = self.microsoft.fetch(&self.calendar, std::slice::from_ref(&id)).await?;
        Ok(match fetched.into_iter().next().map(|one| one.outcome) {
            Some(Outcome::Found(resource)) => Change::Present(resource),
            Some(Outcome::Unreadable(what)) => Change::Unreadable(what),
            Some(Outcome::Gone | Outcome::NoEvent) | None => Change::Gone(id),
            Some(Outcome::Withheld(error) | Outcome::Failed(error)) => return Err(error),
        })
    }

    /// The one resource with this id, fetched.
    pub async fn found(&self, id: &model::ResourceId) -> Resource {
        let fetched = self.microsoft.fetch(&self.calendar, std::slice::from_ref(id)).await;
        match fetched.expect("the service answers").pop().map(|one| one.outcome) {
            Some(Outcome::Found(resource)) => *resource,
            other => panic!("{id}: {other:?}"),
        }
    }

    /// How many requests something takes.
    pub async fn cost<T>(&self, work: impl Future<Output = T>) -> (T, u64) {
        let before = self.microsoft.requests();
        let done = work.await;
        (done, self.microsoft.requests() - before)
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

fn adapter(
    service: &Service,
    clock: impl Fn() -> Timestamp + Send + Sync + 'static,
    window: Option<Horizon>,
) -> Microsoft {
    let answering = service.clone();
    let wire = Wire::InProcess(Arc::new(move |request| {
        let service = answering.clone();
        Box::pin(async move { service.answer(request).await })
    }));
    over(service, wire, clock, window)
}

fn over(
    service: &Service,
    wire: Wire,
    clock: impl Fn() -> Timestamp + Send + Sync + 'static,
    window: Option<Horizon>,
) -> Microsoft {
    Microsoft::new(MicrosoftOptions {
        api_url: "https://graph.microsoft.com/v1.0".parse().expect("it is a URL"),
        credential: Credential::Token(service.access_token("sam").into()),
        clock: Arc::new(clock),
        deadline: None,
        in_flight: None,
        wire,
        window,
        zone: Some("Europe/Vienna".to_owned()),
    })
    .expect("Graph's address may be asked")
}

impl Stage {
    /// The adapter, with a user who does something as soon as so many writes were answered.
    #[allow(dead_code, reason = "not every test is about that")]
    pub fn interrupted(
        &self,
        after: usize,
        act: impl Fn(&MicrosoftUser) + Send + Sync + 'static,
    ) -> Microsoft {
        let (service, user, world) = (self.service.clone(), self.user(), self.world.clone());
        let act = Arc::new(act);
        let writes = Arc::new(AtomicUsize::new(0));
        let wire = Wire::InProcess(Arc::new(move |request| {
            let (service, user) = (service.clone(), user.clone());
            let (act, writes) = (Arc::clone(&act), Arc::clone(&writes));
            Box::pin(async move {
                let is_write =
                    request.method() != "GET" && !request.uri().path().contains("$batch");
                let answer = service.answer(request).await;
                if is_write && writes.fetch_add(1, Ordering::Relaxed) + 1 == after {
                    act(&user);
                }
                answer
            })
        }));
        over(&self.service, wire, move || world.now(), None)
    }
}
