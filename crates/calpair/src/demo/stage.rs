//! What the story plays on: two simulated servers with lifelike calendars, a configuration, and a
//! daemon that keeps them the same.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use model::{CalendarId, Side, Sides};
use sandbox::dav::{Options, Profile, Running, serve};
use sandbox::{Account, User, World, seed};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::clock::SystemClock;
use crate::commands::run as daemon;
use crate::config;
use crate::control::{Password, Reply, Request};
use crate::environment::Environment;
use crate::service::Service;

/// The pair.
pub(super) const PAIR: &str = "family";

/// The accounts' names in the configuration, and in the world.
pub(super) const ACCOUNTS: Sides<&str> = Sides { left: "home", right: "nas" };

/// Events at the beginning: on the left, on the right, and on both with the same UID.
pub(super) const LEFT: usize = 60;
pub(super) const RIGHT: usize = 15;
pub(super) const BOTH: usize = 10;

/// The same calendars each time.
const SEED: u64 = 7;

/// How long pairs may take to end what is under way.
const GRACE: Duration = Duration::from_secs(4);

/// The stage. Everything on it goes when it is dropped.
pub(super) struct Stage {
    pub(super) world: World,
    pub(super) calendars: Sides<CalendarId>,
    pub(super) servers: Sides<Running>,
    pub(super) service: Arc<Service>,
    pub(super) file: PathBuf,
    pub(super) began: tokio::time::Instant,
    stop: CancellationToken,
    _folder: TempDir,
}

impl Stage {
    /// Starts the servers and the daemon. No account is connected yet.
    pub(super) async fn set(environment: &Environment) -> Result<Self, String> {
        let world = World::new(SEED);
        world.set_now(SystemClock::read());
        for (_, name) in ACCOUNTS.iter() {
            world.add_account(Account::new(name));
        }
        world.set_password(ACCOUNTS.right, "correct horse battery staple");
        let calendars = ACCOUNTS.map(|account| world.add_calendar(account, "Family"));
        furnish(&world, &calendars);
        let profile = |side| match side {
            Side::Left => Profile::icloud(),
            Side::Right => Profile::plain(),
        };
        let server = |side| serve(&world, Options::new(profile(side), ACCOUNTS[side]));
        let text = |error: std::io::Error| error.to_string();
        let left = server(Side::Left).await.map_err(text)?;
        let servers = Sides::new(left, server(Side::Right).await.map_err(text)?);
        let folder = tempfile::Builder::new().prefix("calpair-demo-").tempdir().map_err(text)?;
        let file = folder.path().join("calpair.toml");
        std::fs::write(&file, configuration(&folder, &servers)).map_err(text)?;
        let config = config::load(&file).map_err(|error| error.to_string())?;
        let state = config::state_dir(&config, environment).map_err(|error| error.to_string())?;
        let service = Service::open(config, &state, environment).map_err(|e| e.to_string())?;
        let service = Arc::new(service.supervised(|_, _| ()));
        let stop = CancellationToken::new();
        drop(daemon::serve(&service, &state, &stop).map_err(text)?);
        let began = tokio::time::Instant::now();
        let _folder = folder;
        Ok(Self { world, calendars, servers, service, file, began, stop, _folder })
    }

    /// The user at one side's calendar; what they do happens now.
    pub(super) fn user(&self, side: Side) -> User {
        self.world.set_now(SystemClock::read());
        self.world.user(&self.calendars[side])
    }

    /// Asks the daemon, as a command does.
    pub(super) async fn ask(&self, request: Request) -> Reply {
        self.service.answer(request).await
    }

    /// `calpair connect`, with the password that the server knows.
    pub(super) async fn connect(&self, side: Side) -> Reply {
        let password = self.world.password(ACCOUNTS[side]).unwrap_or_default();
        self.ask(Request::Connect {
            account: ACCOUNTS[side].to_owned(),
            password: Password(password.into()),
            replace: false,
        })
        .await
    }

    /// Stops the daemon.
    pub(super) async fn end(&self) {
        self.stop.cancel();
        if let Err(error) = self.service.close(GRACE).await {
            tracing::warn!(%error, "the demo's database could not be closed");
        }
    }
}

/// Fills both calendars: some events on one side only, some on both.
fn furnish(world: &World, calendars: &Sides<CalendarId>) {
    let today = world.now().to_zoned(TimeZone::UTC).date();
    let texts = seed::lifelike(SEED, today, LEFT + RIGHT);
    for (at, text) in texts.iter().enumerate() {
        if at < LEFT {
            world.user(&calendars.left).create(text);
        }
        if !(BOTH..LEFT).contains(&at) {
            world.user(&calendars.right).create(text);
        }
    }
}

fn configuration(folder: &TempDir, servers: &Sides<Running>) -> String {
    let state = folder.path().join("state");
    let state = state.display();
    let urls = servers.as_ref().map(Running::url);
    let users = ACCOUNTS.map(|account| Account::new(account).user);
    format!(
        "[daemon]\n\
         state_dir = \"{state}\"\n\
         interval = \"1s\"\n\
         confirm = \"1s\"\n\
         listen = \"off\"\n\
         \n\
         [accounts.home]\n\
         provider = \"icloud\"\n\
         username = \"{}\"\n\
         url = \"{}\"\n\
         \n\
         [accounts.nas]\n\
         provider = \"caldav\"\n\
         username = \"{}\"\n\
         url = \"{}\"\n\
         \n\
         [[pairs]]\n\
         name = \"{PAIR}\"\n\
         left = {{ account = \"home\", calendar = \"Family\" }}\n\
         right = {{ account = \"nas\", calendar = \"Family\" }}\n\
         window = \"all\"\n",
        users.left, urls.left, users.right, urls.right
    )
}
