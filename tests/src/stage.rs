//! Two simulated servers over HTTP in this process, for the program to sync.

use model::{CalendarId, Side, Sides};
use sandbox::dav::{Options, Profile, Running, serve};
use sandbox::{Account, User, World};
use tokio::runtime::{Builder, Runtime};

use crate::program::Login;
use crate::rig::RealClock;

/// A world that is served.
pub struct Stage {
    /// Both accounts are in it.
    pub world: World,
    calendars: Sides<CalendarId>,
    logins: Sides<Login>,
    servers: Sides<Option<Running>>,
    runtime: Runtime,
}

impl Stage {
    /// Two servers, each with an account that has a calendar `Family`.
    ///
    /// # Panics
    /// When loopback has no free ports.
    pub fn new(profiles: Sides<Profile>) -> Self {
        let built = Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = built.expect("threads");
        let world = World::new(7);
        world.set_now(engine::Clock::now(&RealClock));
        let mut servers = Sides::default();
        let mut ends = Vec::new();
        for side in Side::BOTH {
            let apple = profiles[side].name == "icloud";
            world.add_account(Account::new(side.as_str()));
            let calendar = world.add_calendar(side.as_str(), "Family");
            let options = Options::new(profiles[side].clone(), side.as_str());
            let running = runtime.block_on(serve(&world, options)).expect("free ports");
            let login = Login {
                provider: if apple { "icloud" } else { "caldav" },
                url: running.url(),
                user: format!("{side}@example.com"),
                password: world.password(side.as_str()).expect("the account was just made"),
                calendar: "Family".to_owned(),
            };
            servers[side] = Some(running);
            ends.push((calendar, login));
        }
        let (right, left) = (ends.pop().expect("two"), ends.pop().expect("two"));
        let (calendars, logins) = (Sides::new(left.0, right.0), Sides::new(left.1, right.1));
        Self { world, calendars, logins, servers, runtime }
    }

    /// How the accounts are reached.
    pub fn logins(&self) -> Sides<Login> {
        self.logins.clone()
    }

    /// The user of a side.
    pub fn user(&self, side: Side) -> User {
        self.world.user(&self.calendars[side])
    }

    /// The calendar of a side.
    pub fn calendar(&self, side: Side) -> &CalendarId {
        &self.calendars[side]
    }

    /// Where a side's server listens.
    ///
    /// # Panics
    /// When it was taken down.
    pub fn address(&self, side: Side) -> std::net::SocketAddr {
        self.servers[side].as_ref().expect("it is up").addr
    }

    /// A side's server goes away.
    pub fn take_down(&mut self, side: Side) {
        let _guard = self.runtime.enter();
        self.servers[side] = None;
    }
}
