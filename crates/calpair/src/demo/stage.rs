//! What the story plays on: a simulated iCloud, Google and Microsoft with lifelike calendars, a
//! configuration with two pairs, and a daemon that keeps them the same.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use model::{CalendarId, Side, Sides};
use sandbox::dav::{self, Options, Profile};
use sandbox::google::{self, CLIENT_ID, CLIENT_SECRET, Google};
use sandbox::microsoft::{self, Microsoft};
use sandbox::{Account, Held, World, seed};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::clock::SystemClock;
use crate::commands::run as daemon;
use crate::config;
use crate::control::{Password, Reply, Request};
use crate::environment::Environment;
use crate::page::{self, Site};
use crate::service::Service;

/// The pair that most of the story is about.
pub(super) const PAIR: &str = "family";

/// The pair beside it, between the same iCloud account and Microsoft.
pub(super) const TEAM: &str = "team";

/// The Microsoft account.
pub(super) const OFFICE: &str = "office";

/// Events of the second pair at the beginning, on the left.
const TEAM_LEFT: usize = 20;

/// The accounts' names in the configuration, and in the world.
pub(super) const ACCOUNTS: Sides<&str> = Sides { left: "home", right: "work" };

/// Events at the beginning: on the left, on the right, and on both with the same UID.
pub(super) const LEFT: usize = 60;
pub(super) const RIGHT: usize = 15;
pub(super) const BOTH: usize = 10;

/// The zone of the calendar at Google, and of times without one at Microsoft.
pub(super) const ZONE: &str = "Europe/Berlin";

/// The same calendars each time.
const SEED: u64 = 7;

/// How long pairs may take to end what is under way.
const GRACE: Duration = Duration::from_secs(4);

/// The stage. Everything on it goes when it is dropped.
pub(super) struct Stage {
    pub(super) world: World,
    pub(super) google: Google,
    pub(super) calendars: Sides<CalendarId>,
    pub(super) microsoft: Microsoft,
    /// The calendars of the second pair.
    pub(super) team: Sides<CalendarId>,
    pub(super) graph: microsoft::Running,
    pub(super) icloud: dav::Running,
    pub(super) endpoint: google::Running,
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
        for name in [ACCOUNTS.left, ACCOUNTS.right, OFFICE] {
            world.add_account(Account::new(name));
        }
        let google = Google::new(&world, SEED);
        let calendars = Sides {
            left: world.add_calendar(ACCOUNTS.left, "Family"),
            right: google.open(ACCOUNTS.right),
        };
        google.set_zone(&calendars.right, ZONE);
        google.set_visitor(ACCOUNTS.right);
        furnish(&world, &google, &calendars);
        let microsoft = Microsoft::new(&world, SEED);
        let team = Sides {
            left: world.add_calendar(ACCOUNTS.left, "Team"),
            right: microsoft.open(OFFICE),
        };
        microsoft.set_visitor(OFFICE);
        let today = world.now().to_zoned(TimeZone::UTC).date();
        for text in &seed::lifelike(SEED + 1, today, TEAM_LEFT) {
            world.user(&team.left).create(text);
        }
        let text = |error: std::io::Error| error.to_string();
        let options = Options::new(Profile::icloud(), ACCOUNTS.left);
        let icloud = dav::serve(&world, options).await.map_err(text)?;
        let endpoint = google.serve().await.map_err(text)?;
        let graph = microsoft.serve().await.map_err(text)?;
        let folder = tempfile::Builder::new().prefix("calpair-demo-").tempdir().map_err(text)?;
        let file = folder.path().join("calpair.toml");
        let secret = folder.path().join("google-client-secret");
        write_secret(&secret).map_err(text)?;
        let configured = configuration(folder.path(), &secret, &icloud.url(), &endpoint.url())
            + &second_pair(&graph.url());
        std::fs::write(&file, configured).map_err(text)?;
        let config = config::load(&file).map_err(|error| error.to_string())?;
        let state = config::state_dir(&config, environment).map_err(|error| error.to_string())?;
        let service = Service::open(config, &state, environment).map_err(|e| e.to_string())?;
        let service = Arc::new(service.supervised(|_, _| ()));
        let stop = CancellationToken::new();
        drop(daemon::serve(&service, &state, &stop).map_err(text)?);
        let site = Arc::new(Site::new(Arc::clone(&service), &state, &file));
        tokio::spawn(page::keep(site, stop.clone()));
        let began = tokio::time::Instant::now();
        let _folder = folder;
        Ok(Self {
            world,
            google,
            calendars,
            microsoft,
            team,
            graph,
            icloud,
            endpoint,
            service,
            file,
            began,
            stop,
            _folder,
        })
    }

    /// What people do happens at this time.
    pub(super) fn at(&self, now: Timestamp) -> &Self {
        self.world.set_now(now);
        self
    }

    /// What people do happens now.
    pub(super) fn now(&self) -> &Self {
        self.at(SystemClock::read())
    }

    /// Somebody creates an event.
    pub(super) fn create(&self, side: Side, text: &str) {
        match side {
            Side::Left => drop(self.world.user(&self.calendars.left).create(text)),
            Side::Right => drop(self.google.user(&self.calendars.right).create(text)),
        }
    }

    /// Somebody sets a property of an event.
    pub(super) fn set_property(&self, side: Side, uid: &str, property: &str, value: &str) {
        let Some(held) = self.find(side, uid) else { return };
        match side {
            Side::Left => self.world.user(&self.calendars.left).set(uid, property, value),
            Side::Right => self.google.user(&self.calendars.right).set(&held.uid, property, value),
        };
    }

    /// Somebody at Google moves an occurrence.
    pub(super) fn move_at_google(&self, uid: &str, original: Timestamp, start: Timestamp) {
        if let Some(held) = self.find(Side::Right, uid) {
            self.google.user(&self.calendars.right).move_occurrence(&held.uid, original, start);
        }
    }

    /// Somebody on an iPhone deletes an event.
    pub(super) fn delete_on_iphone(&self, uid: &str) {
        self.world.user(&self.calendars.left).delete(uid);
    }

    /// Everything that a side holds.
    pub(super) fn held(&self, side: Side) -> Vec<Held> {
        match side {
            Side::Left => self.world.held(&self.calendars.left),
            Side::Right => self.google.held(&self.calendars.right),
        }
    }

    /// Everything that a side of the second pair holds.
    pub(super) fn held_by_team(&self, side: Side) -> Vec<Held> {
        match side {
            Side::Left => self.world.held(&self.team.left),
            Side::Right => self.microsoft.held(&self.team.right),
        }
    }

    /// The event that was created under this UID.
    pub(super) fn find(&self, side: Side, uid: &str) -> Option<Held> {
        self.held(side).into_iter().find(|held| origin(held) == uid)
    }

    /// Asks the daemon, as a command does.
    pub(super) async fn ask(&self, request: Request) -> Reply {
        self.service.answer(request).await
    }

    /// `calpair connect`, with the password that iCloud knows, or with what Google's and
    /// Microsoft's pages grant.
    pub(super) async fn connect(&self, account: &str) -> Reply {
        let password = match account {
            OFFICE => self.microsoft.refresh_token(OFFICE),
            account if account == ACCOUNTS.right => self.google.refresh_token(account),
            account => self.world.password(account).unwrap_or_default(),
        };
        self.ask(Request::Connect {
            account: account.to_owned(),
            password: Password(password.into()),
            replace: false,
            lasts: None,
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

/// The UID under which an event was created: a copy at Google or Microsoft has another one, and
/// says of which event it is a copy.
pub(super) fn origin(held: &Held) -> String {
    let text = String::from_utf8_lossy(&held.raw).replace("\r\n ", "");
    let marks = ["X-GOOGLE-PRIVATE", "X-EXCHANGE-PROPERTY"]
        .map(|property| format!("{property};X-KEY=\"calpair-uid\":"));
    let mut lines = text.lines();
    let marked = lines.find_map(|line| marks.iter().find_map(|mark| line.strip_prefix(mark)));
    marked.unwrap_or(&held.uid).to_owned()
}

/// Fills both calendars: some events on one side only, some on both.
fn furnish(world: &World, google: &Google, calendars: &Sides<CalendarId>) {
    let today = world.now().to_zoned(TimeZone::UTC).date();
    let texts = seed::lifelike(SEED, today, LEFT + RIGHT);
    for (at, text) in texts.iter().enumerate() {
        if at < LEFT {
            world.user(&calendars.left).create(text);
        }
        if !(BOTH..LEFT).contains(&at) {
            google.user(&calendars.right).create(text);
        }
    }
}

/// What the Cloud console gives a client beside its id.
fn write_secret(path: &Path) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(CLIENT_SECRET.as_bytes())
}

fn second_pair(graph: &str) -> String {
    let client = microsoft::CLIENT_ID;
    format!(
        "\n\
         [accounts.{OFFICE}]\n\
         provider = \"microsoft\"\n\
         client_id = \"{client}\"\n\
         api_url = \"{graph}v1.0\"\n\
         authority_url = \"{graph}\"\n\
         \n\
         [[pairs]]\n\
         name = \"{TEAM}\"\n\
         left = {{ account = \"home\", calendar = \"Team\" }}\n\
         right = {{ account = \"{OFFICE}\", calendar = \"primary\" }}\n\
         window = \"all\"\n"
    )
}

fn configuration(folder: &Path, secret: &Path, icloud: &str, google: &str) -> String {
    let state = folder.join("state");
    let (state, secret) = (state.display(), secret.display());
    let user = Account::new(ACCOUNTS.left).user;
    format!(
        "[daemon]\n\
         state_dir = \"{state}\"\n\
         time_zone = \"{ZONE}\"\n\
         interval = \"1s\"\n\
         confirm = \"1s\"\n\
         listen = \"127.0.0.1:0\"\n\
         \n\
         [accounts.home]\n\
         provider = \"icloud\"\n\
         username = \"{user}\"\n\
         url = \"{icloud}\"\n\
         \n\
         [accounts.work]\n\
         provider = \"google\"\n\
         client_id = \"{CLIENT_ID}\"\n\
         client_secret_file = \"{secret}\"\n\
         api_url = \"{google}calendar/v3\"\n\
         auth_url = \"{google}auth\"\n\
         token_url = \"{google}token\"\n\
         revoke_url = \"{google}revoke\"\n\
         \n\
         [[pairs]]\n\
         name = \"{PAIR}\"\n\
         left = {{ account = \"home\", calendar = \"Family\" }}\n\
         right = {{ account = \"work\", calendar = \"primary\" }}\n\
         window = \"all\"\n"
    )
}
