//! What the commands do: one method for each request of the control socket.
//!
//! A command that owns the state calls it in its own process; the daemon calls it for whoever asks
//! on its socket. The answers are the same. It holds the store, the configuration, the accounts'
//! adapters and, in the daemon, the supervisor of the pairs.

mod accounts;
mod ahead;
mod check;
mod choice;
mod connect;
mod detach;
mod explain;
mod history;
mod link;
mod overview;
mod pair;
mod restore;
mod status;
mod sync;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use engine::supervise::{Charge, GivenUp, Supervisor};
use engine::{Alerts, Attended, Chance, Clock, Context};
use model::{AccountName, PairName};
use store::{PairRow, Store};
use tokio::sync::watch;

use crate::alerts::Outbox;
use crate::clock::SystemClock;
use crate::commands::asking::sentences;
use crate::compose::{KeyOrReason, Roster};
use crate::config::{self, Config};
use crate::control::{Reply, Request};
use crate::environment::Environment;
use crate::exit::Exit;
use crate::secrets;
use crate::tally::Tally;
use crate::terminal::Screen;

/// How old the newest copy of the database may become.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How long an alert may take that was raised at the very end: a stop takes 5 seconds at most, of
/// which cycles may take 4.
const DELIVERY: Duration = Duration::from_millis(900);

/// The same for a `calpair sync`, which delivers what it finds waiting where there is no daemon.
const DELIVERY_OF_SYNC: Duration = Duration::from_secs(10);

/// The state directory, owned by this process, and what can be done with it.
pub struct Service {
    ctx: Context,
    key: KeyOrReason,
    setup: Mutex<Setup>,
    /// Where alerts leave this machine.
    /// Where the key lies: the process's environment, and its state directory.
    ground: (Environment, PathBuf),
    outbox: Outbox,
    links: link::Links,
    seen: accounts::Seen,
    tally: Arc<Tally>,
    /// Told when another configuration was taken up.
    changed: watch::Sender<()>,
    supervisor: Option<Supervisor>,
    /// Where a command shows how far it is.
    screen: Option<Screen>,
}

/// The configuration and what was made of it.
#[derive(Clone)]
struct Setup {
    config: Arc<Config>,
    roster: Roster,
}

impl Service {
    /// Takes the state directory. Sends nothing.
    ///
    /// # Errors
    /// [`store::ErrorKind::Locked`] when another process has it; what the store says.
    pub fn open(config: Config, state: &Path, environment: &Environment) -> store::Result<Self> {
        Self::open_at(Arc::new(SystemClock), config, state, environment)
    }

    fn open_at(
        clock: Arc<dyn Clock>,
        config: Config,
        state: &Path,
        environment: &Environment,
    ) -> store::Result<Self> {
        let store = Store::open(state, clock.now())?;
        let sealed = store.sealed_accounts()?;
        let key = secrets::key(&config.secrets, environment, state, &sealed)
            .map(|key| Arc::new(store::Key::new(*key.expose())))
            .map_err(|error| error.to_string());
        let mut ctx = Context::new(store, clock, Chance::from_system());
        let outbox = Outbox::kept_in(ctx.store.clone());
        let sink = outbox.clone();
        ctx.alerts = Alerts::new(ctx.store.clone(), move |alert, phase| sink.say(alert, phase));
        let setup = Setup { config: Arc::new(Config::default()), roster: Roster::default() };
        let setup = Mutex::new(setup);
        let service = Self {
            ctx,
            key,
            ground: (environment.clone(), state.to_owned()),
            setup,
            outbox,
            links: link::Links::default(),
            seen: accounts::Seen::default(),
            tally: Arc::default(),
            changed: watch::Sender::new(()),
            supervisor: None,
            screen: None,
        };
        service.take_up(config)?;
        Ok(service)
    }

    /// The service shows there how far it is.
    #[must_use]
    pub fn shown_on(self, screen: &Screen) -> Self {
        Self { screen: Some(screen.clone()), ..self }
    }

    /// From now on pairs are kept: `heard` is told of every cycle.
    #[must_use]
    pub fn supervised(self, heard: impl Fn(&PairName, &Attended) + Send + Sync + 'static) -> Self {
        let (tally, clock) = (Arc::clone(&self.tally), Arc::clone(&self.ctx.clock));
        let supervisor = Supervisor::new(self.ctx.clone(), move |pair, attended| {
            tally.note(pair, attended, clock.now());
            heard(pair, attended);
        });
        let service = Self { supervisor: Some(supervisor), ..self };
        service.restart_changed();
        service
    }

    /// Takes up another configuration: what is the same in it runs on undisturbed.
    ///
    /// # Errors
    /// What the store says; the configuration before it stays.
    pub fn take_up(&self, config: Config) -> store::Result<()> {
        let mut roster = self.setup().roster.clone();
        let before = self.ctx.store.accounts()?;
        roster.take_up(&config, &self.ctx.store, &self.key, &self.ctx.clock)?;
        self.forget_detached(&config)?;
        self.outbox.direct(config.alerts.clone());
        *self.setup() = Setup { config: Arc::new(config), roster };
        self.restart_changed();
        self.changed.send_replace(());
        self.say_usable_again(&before)?;
        if self.is_daemon() {
            self.look_ahead()?;
        }
        Ok(())
    }

    /// Tells whenever another configuration was taken up.
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// Random bytes, for secrets.
    pub(crate) fn chance<const N: usize>(&self) -> [u8; N] {
        self.ctx.chance.bytes()
    }

    /// Why credentials can't be opened, if they can't.
    pub fn key_trouble(&self) -> Option<&str> {
        self.key.as_ref().err().map(String::as_str)
    }

    /// The configuration in use.
    pub fn config(&self) -> Arc<Config> {
        Arc::clone(&self.setup().config)
    }

    /// What is under way is to end soon; nothing new begins.
    pub fn hurry(&self) {
        self.ctx.stop.cancel();
    }

    /// Sends the alerts that an earlier process could not. Only the daemon and a `sync` do: whoever
    /// asks something else has nothing to do with them, and waits for none of them.
    ///
    /// # Errors
    /// What the store says.
    pub fn resume_alerts(&self) -> store::Result<()> {
        self.outbox.resume()
    }

    /// Where what a person must know about calpair itself is said.
    pub(crate) fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// Stops the pairs, at most `grace` is waited for them, delivers what alerts there are, and
    /// closes the store.
    ///
    /// # Errors
    /// What the store says; what was stored is safe all the same.
    pub async fn close(&self, grace: Duration) -> store::Result<()> {
        self.hurry();
        if let Some(supervisor) = &self.supervisor {
            supervisor.stop(grace).await;
        }
        let is_sync = !self.is_daemon() && self.outbox.is_resumed();
        let delivery = if is_sync { DELIVERY_OF_SYNC } else { DELIVERY };
        self.outbox.close(delivery).await;
        self.ctx.store.clone().close()
    }

    /// Copies the database beside itself, if the newest copy is older than a day.
    ///
    /// # Errors
    /// What the store says.
    pub fn keep_copy(&self) -> store::Result<()> {
        self.ctx.store.backup_older_than(DAY, self.ctx.now()).map(|_| ())
    }

    /// Does what is asked for.
    pub async fn answer(&self, request: Request) -> Reply {
        let answered = match request {
            Request::Ping => Ok(Reply::message(Exit::Fine, "here")),
            Request::Status { pair } => self.status(pair.as_deref()),
            Request::Accounts => self.accounts(),
            Request::Calendars { account } => self.calendars(&account).await,
            Request::Sync { pairs, dry_run } => self.sync(&pairs, sync::mode(dry_run)).await,
            Request::Connect { account, password, replace, lasts } => {
                let lasts = lasts.map(Duration::from_secs);
                self.connect(&account, password, connect::owner(replace), lasts).await
            }
            Request::Disconnect { account } => self.disconnect(&account).await,
            Request::Pause { pair } => self.pause(&pair).await,
            Request::Resume { pair } => self.resume(&pair),
            Request::Approve { pair } => self.approve(&pair),
            Request::Detach { pair, remove_copies } => {
                self.detach(&pair, detach::copies(remove_copies)).await
            }
            Request::History { pair, event } => {
                self.history(pair.as_deref(), event.as_deref()).await
            }
            Request::Explain { pair, event } => self.explain(&pair, &event),
            Request::Conflicts => self.conflicts(),
            Request::Resolve { id, keep } => self.resolve(&id, keep).await,
            Request::Restore { change } => self.restore(&change).await,
            Request::Link { account } => self.link(&account),
            Request::Check => self.check().await,
        };
        answered.unwrap_or_else(Refusal::into_reply)
    }

    fn setup(&self) -> MutexGuard<'_, Setup> {
        self.setup.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every pair of the configuration as it is run, in its order.
    fn charges(&self) -> Vec<Charge> {
        let setup = self.setup();
        let charge = |pair| setup.roster.charge(pair, &setup.config);
        setup.config.pairs.iter().filter_map(charge).collect()
    }

    fn restart_changed(&self) {
        if let Some(supervisor) = &self.supervisor {
            supervisor.take_up(self.charges());
        }
    }

    /// Gives a pair up that is kept; as long as the answer is, nobody takes it up again.
    async fn let_go(&self, pair: &PairName) -> Option<GivenUp<'_>> {
        match &self.supervisor {
            Some(supervisor) => Some(supervisor.let_go(pair).await),
            None => None,
        }
    }

    /// The pair of this name in the configuration.
    fn pair_of(&self, name: &str) -> Result<config::Pair, Refusal> {
        let config = self.config();
        let found = config.pair(&PairName::new(name)).cloned();
        found.ok_or_else(|| Refusal::usage(format!("the configuration has no pair `{name}`")))
    }

    /// The pair's row, made where there is none.
    fn row_of(&self, pair: &config::Pair) -> Result<PairRow, Refusal> {
        let accounts = pair.sides.as_ref().map(|end| &end.account);
        let asked = pair.sides.as_ref().map(|end| end.calendar.as_str());
        Ok(self.ctx.store.ensure_pair(&pair.name, accounts, asked, self.ctx.now())?)
    }

    /// The account of this name in the configuration.
    fn account_of(&self, name: &str) -> Result<config::Account, Refusal> {
        let config = self.config();
        let found = config.accounts.get(&AccountName::new(name)).cloned();
        found.ok_or_else(|| Refusal::usage(format!("the configuration has no account `{name}`")))
    }

    /// Whether pairs are kept by this process.
    fn is_daemon(&self) -> bool {
        self.supervisor.is_some()
    }

    fn wake(&self, pair: &PairName) {
        if let Some(supervisor) = &self.supervisor {
            supervisor.wake(pair);
        }
    }
}

/// Why something asked for was not done.
#[derive(Debug)]
struct Refusal {
    exit: Exit,
    sentence: String,
}

impl Refusal {
    fn new(exit: Exit, sentence: impl Into<String>) -> Self {
        Self { exit, sentence: sentence.into() }
    }

    fn usage(sentence: impl Into<String>) -> Self {
        Self::new(Exit::Usage, sentence)
    }

    fn into_reply(self) -> Reply {
        Reply::message(self.exit, self.sentence)
    }
}

impl From<store::Error> for Refusal {
    fn from(error: store::Error) -> Self {
        let exit = match error.kind() {
            store::ErrorKind::Locked => Exit::Occupied,
            store::ErrorKind::Full | store::ErrorKind::Busy => Exit::TryAgain,
            store::ErrorKind::Newer
            | store::ErrorKind::Corrupt { .. }
            | store::ErrorKind::Io
            | store::ErrorKind::Mistaken
            | store::ErrorKind::WrongKey
            | store::ErrorKind::Sealed
            | store::ErrorKind::Forged => Exit::Failed,
        };
        Self::new(exit, sentences(&error))
    }
}

pub(crate) use self::link::{Claim, Worth};
pub(crate) use self::overview::{Overview, Plan};

type Answer = Result<Reply, Refusal>;

#[cfg(test)]
mod tests;
