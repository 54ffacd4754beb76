//! `calpair run`: the daemon. Pairs are kept, the control socket is served, the configuration is
//! watched, systemd is told; it stops within 5 seconds, with everything stored.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::Duration;

use engine::{Attended, PairState};
use model::PairName;
use tokio::runtime::Builder;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::asking::{self, Ground};
use crate::cli::Cli;
use crate::config::Config;
use crate::control::{Asked, Listener};
use crate::environment::Environment;
use crate::exit::Exit;
use crate::log::alert::Notice;
use crate::page::{self, Site};
use crate::service::Service;
use crate::watch::{Reload, Watch};
use crate::{systemd, terminal, text};

/// Cycles wait for servers most of the time; two threads keep the socket alive beside a large one.
const THREADS: usize = 2;

/// How long cycles may take to end what is under way: with what else there is to do, less than the
/// 5 seconds that a stop may take.
const GRACE: Duration = Duration::from_secs(4);

/// How long a short command that has the state directory is waited for, and how often it is looked.
const PATIENCE: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(100);

/// How often it is looked whether the daily copy of the database is due, and which sign-ins end
/// soon: often enough that a daemon which is restarted daily makes one.
const LOOK_AFTER: Duration = Duration::from_secs(60 * 60);

/// Questions that wait to be taken up; each is answered in a task of its own.
const QUESTIONS: usize = 4;

/// Runs until it is told to stop.
pub(in crate::commands) fn run(cli: &Cli, environment: &Environment) -> Exit {
    let ground = match Ground::enter(cli, environment) {
        Ok(ground) => ground,
        Err(exit) => return exit,
    };
    let built = Builder::new_multi_thread().worker_threads(THREADS).enable_all().build();
    let runtime = match built {
        Ok(runtime) => runtime,
        Err(error) => {
            terminal::complain(&format!("no runtime: {error}"));
            return Exit::Failed;
        }
    };
    let exit = runtime.block_on(daemon(&ground, environment));
    // A name that is still being resolved must not keep the process.
    runtime.shutdown_background();
    exit
}

async fn daemon(ground: &Ground, environment: &Environment) -> Exit {
    warn(&ground.config);
    let (watch, unwatched) = Watch::begin(&ground.file);
    if let Some(error) = unwatched {
        tracing::warn!(%error, "changes of the configuration are not noticed; SIGHUP works");
    }
    let service = match take(ground, environment).await {
        Ok(service) => service,
        Err(error) => {
            tracing::error!("{error}");
            return match error.kind() {
                store::ErrorKind::Locked => Exit::Occupied,
                _ => Exit::Failed,
            };
        }
    };
    if let Err(error) = service.resume_alerts() {
        tracing::warn!(%error, "alerts of an earlier process are not sent");
    }
    let journal = Arc::new(Journal::default());
    let noting = Arc::clone(&journal);
    let service = Arc::new(service.supervised(move |pair, attended| noting.note(pair, attended)));
    journal.belongs_to(&service);
    let stop = CancellationToken::new();
    let socket = match serve(&service, &ground.state, &stop) {
        Ok(socket) => socket,
        Err(error) => {
            tracing::error!(%error, "the control socket can't be opened");
            return Exit::Failed;
        }
    };
    let site = Arc::new(Site::new(Arc::clone(&service), &ground.state, &ground.file));
    let page = tokio::spawn(page::keep(site, stop.clone()));
    let config = service.config();
    let (pairs, accounts) = (config.pairs.len() as u64, config.accounts.len() as u64);
    let (pairs, accounts) = (text::counted(pairs, "pair"), text::counted(accounts, "account"));
    tracing::info!(version = env!("CARGO_PKG_VERSION"), "keeping {pairs} of {accounts}");
    systemd::ready();
    tokio::select! {
        () = asking::interrupted() => {}
        () = follow(watch, &service, &journal) => {}
        () = stay_alive() => {}
        () = look_after(&service) => {}
    }
    tracing::info!("stopping");
    systemd::stopping();
    stop.cancel();
    let closed = service.close(GRACE).await;
    // The file of the socket goes with its task.
    let _ended_or_panicked = tokio::join!(socket, page);
    match closed {
        Ok(()) => Exit::Fine,
        Err(error) => {
            tracing::error!("{error}");
            Exit::Failed
        }
    }
}

/// Says what is allowed and probably not meant.
fn warn(config: &Config) {
    for warning in config.warnings.lines() {
        tracing::warn!("{warning}");
    }
}

/// Takes the state directory; a short command that has it just now is waited for.
async fn take(ground: &Ground, environment: &Environment) -> store::Result<Service> {
    let began = tokio::time::Instant::now();
    loop {
        match Service::open(ground.config.clone(), &ground.state, environment) {
            Err(error)
                if *error.kind() == store::ErrorKind::Locked && began.elapsed() < PATIENCE =>
            {
                tokio::time::sleep(LOOK).await;
            }
            taken => return taken,
        }
    }
}

/// Answers questions on the control socket, each in a task of its own.
pub(crate) fn serve(
    service: &Arc<Service>,
    state: &Path,
    stop: &CancellationToken,
) -> std::io::Result<JoinHandle<()>> {
    let listener = Listener::open(state)?;
    let (sender, mut questions) = mpsc::channel::<Asked>(QUESTIONS);
    let service = Arc::clone(service);
    tokio::spawn(async move {
        while let Some(Asked { request, reply }) = questions.recv().await {
            let service = Arc::clone(&service);
            tokio::spawn(async move {
                // Whoever asked may be gone.
                let _ = reply.send(service.answer(request).await);
            });
        }
    });
    Ok(tokio::spawn(listener.serve(sender, stop.clone())))
}

/// Takes up every change of the configuration. Never returns.
async fn follow(mut watch: Watch, service: &Service, journal: &Journal) {
    let mut invalid: Option<String> = None;
    loop {
        match watch.next().await {
            Reload::Unchanged => tracing::info!("the configuration is the same"),
            Reload::Valid(config) => {
                systemd::reloading();
                warn(&config);
                let before = service.config();
                if before.daemon.state_dir != config.daemon.state_dir
                    || before.secrets != config.secrets
                {
                    tracing::warn!("`state_dir` and `key_file` are taken up by a restart only");
                }
                match service.take_up(*config) {
                    Ok(()) => {
                        tracing::info!("the changed configuration is in use");
                        if let Some(status) = journal.forget_others() {
                            systemd::status(&status);
                        }
                    }
                    Err(error) => tracing::error!(%error, "the configuration was not taken up"),
                }
                systemd::ready();
                if let Some(reason) = invalid.take() {
                    service.outbox().over(&configuration(&reason));
                }
            }
            Reload::Invalid(error) => {
                let reason = asking::sentences(&error);
                service.outbox().needed(&configuration(&reason), None);
                invalid = Some(reason);
            }
        }
    }
}

fn configuration(reason: &str) -> Notice<'_> {
    let action = Some("calpair check; until then the configuration before it is in use");
    Notice { event: "configuration", account: None, pair: None, reason, action }
}

/// Tells systemd now and then that all is well, if it wants to know. Never returns.
async fn stay_alive() {
    let Some(every) = systemd::watchdog() else { return std::future::pending().await };
    loop {
        systemd::alive();
        tokio::time::sleep(every).await;
    }
}

/// Has the database copied once a day, beside itself, and says what lasts and what is known to
/// come. Never returns.
async fn look_after(service: &Arc<Service>) {
    loop {
        if let Err(error) = service.look_ahead() {
            tracing::warn!(%error, "what the accounts need is not known");
        }
        let copying = Arc::clone(service);
        let copied = tokio::task::spawn_blocking(move || copying.keep_copy()).await;
        if let Ok(Err(error)) = copied {
            tracing::warn!(%error, "the daily copy of the database was not made");
        }
        tokio::time::sleep(LOOK_AFTER).await;
    }
}

/// What the log and systemd are told of cycles.
#[derive(Default)]
struct Journal {
    states: Mutex<BTreeMap<PairName, PairState>>,
    /// Who knows which pairs there are.
    service: OnceLock<Weak<Service>>,
}

impl Journal {
    fn belongs_to(&self, service: &Arc<Service>) {
        // It is said once.
        let _ = self.service.set(Arc::downgrade(service));
    }

    /// Pairs that are not in the configuration any more are not counted any more: the new line for
    /// systemd, where there were any.
    fn forget_others(&self) -> Option<String> {
        let service = self.service.get().and_then(Weak::upgrade)?;
        let config = service.config();
        let mut states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        let before = states.len();
        states.retain(|pair, _| config.pair(pair).is_some());
        (states.len() != before).then(|| status(&states))
    }

    /// The new line for systemd, where a pair's state is another one now.
    fn insert(&self, pair: &PairName, state: PairState) -> Option<String> {
        let mut states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = self.knows(pair) && states.insert(pair.clone(), state) != Some(state);
        changed.then(|| status(&states))
    }

    /// A pair that was taken out may end its last cycle afterwards.
    fn knows(&self, pair: &PairName) -> bool {
        let service = self.service.get().and_then(Weak::upgrade);
        service.is_none_or(|service| service.config().pair(pair).is_some())
    }

    fn note(&self, pair: &PairName, attended: &Attended) {
        let state = attended.state;
        let reason = attended.reason.as_deref();
        if let Some(status) = self.insert(pair, state) {
            let (pair, state, action) = (pair.as_str(), state.as_str(), attended.action.as_deref());
            tracing::info!(pair, state, reason, action, "pair {pair}: {state}");
            systemd::status(&status);
        }
        let Some(report) = &attended.report else { return };
        let (left, right) = (report.written.left, report.written.right);
        let duration_ms = u64::try_from(report.duration.as_millis()).unwrap_or(u64::MAX);
        if left.total() + right.total() + report.adopted > 0 {
            let (adopted, merged) = (report.adopted, report.merged);
            tracing::info!(
                pair = pair.as_str(),
                created_left = left.created,
                updated_left = left.updated,
                deleted_left = left.deleted,
                created_right = right.created,
                updated_right = right.updated,
                deleted_right = right.deleted,
                adopted,
                merged,
                duration_ms,
                "pair {pair}: changes were carried over"
            );
        } else {
            let outcome = report.outcome.as_str();
            tracing::debug!(pair = pair.as_str(), outcome, reason, duration_ms, "cycle");
        }
    }
}

/// `2 pairs: 1 ok, 1 halted`
fn status(states: &BTreeMap<PairName, PairState>) -> String {
    if states.is_empty() {
        return "no pair".to_owned();
    }
    let mut counts = BTreeMap::<&str, usize>::new();
    for state in states.values() {
        *counts.entry(state.as_str()).or_default() += 1;
    }
    let counts: Vec<String> =
        counts.into_iter().map(|(state, number)| format!("{number} {state}")).collect();
    format!("{}: {}", text::counted(states.len() as u64, "pair"), counts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn systemd_is_not_told_of_pairs_that_are_gone() {
        let folder = tempfile::tempdir().unwrap();
        let accounts = "[accounts.a]\nprovider = \"icloud\"\nusername = \"a@example.com\"\n";
        let pair = |name: &str| {
            format!(
                "[[pairs]]\nname = \"{name}\"\n\
                 left = {{ account = \"a\", calendar = \"L{name}\" }}\n\
                 right = {{ account = \"a\", calendar = \"R{name}\" }}\n"
            )
        };
        let parse = |text: &str| crate::config::parse(text, "c.toml").unwrap();
        let both = parse(&format!("{accounts}{}{}", pair("p"), pair("q")));
        let environment = Environment::default();
        let service = Service::open(both, &folder.path().join("state"), &environment).unwrap();
        let service = Arc::new(service);
        let journal = Journal::default();
        journal.belongs_to(&service);
        let [p, q] = ["p", "q"].map(PairName::new);
        assert_eq!(journal.insert(&p, PairState::Ok).as_deref(), Some("1 pair: 1 ok"));
        assert_eq!(journal.insert(&p, PairState::Ok), None, "it is the same");
        let said = journal.insert(&q, PairState::ReconnectNeeded);
        assert_eq!(said.as_deref(), Some("2 pairs: 1 ok, 1 reconnect-needed"));
        assert_eq!(journal.forget_others(), None, "both are there");
        service.take_up(parse(&format!("{accounts}{}", pair("p")))).unwrap();
        assert_eq!(journal.forget_others().as_deref(), Some("1 pair: 1 ok"));
        assert_eq!(journal.insert(&q, PairState::Retrying), None, "its last cycle ends");
        service.take_up(parse(accounts)).unwrap();
        assert_eq!(journal.forget_others().as_deref(), Some("no pair"));
    }
}
