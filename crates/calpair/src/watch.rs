//! The configuration while the daemon runs: a change of the file, or SIGHUP, brings a new one, or
//! what is wrong with it. What becomes of that is not decided here; the running configuration
//! stays with whoever holds it.
//!
//! The folder is watched, not the file: editors and packages put a new file in its place. Reading
//! the file is an event too, and is not one that matters; what was read last is compared.

use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use crate::config::{self, Config, LoadError};

/// A file is read when nothing has happened to it for this long: editors write in several steps.
const QUIET: Duration = Duration::from_millis(200);

/// But never later than this, should something touch it all the time.
const PATIENCE: Duration = Duration::from_secs(2);

/// What a look at the file brought.
#[derive(Debug)]
pub enum Reload {
    /// A valid configuration.
    Valid(Box<Config>),
    /// One that isn't, or none at all.
    Invalid(LoadError),
    /// The same as before. Only SIGHUP brings this: whoever asked wants an answer.
    Unchanged,
}

/// Watches a configuration file.
#[derive(Debug)]
pub struct Watch {
    seen: Seen,
    touched: mpsc::Receiver<()>,
    hangup: Option<Signal>,
    /// Stops watching when it goes.
    _watcher: Option<RecommendedWatcher>,
}

/// What the file was when it was last looked at.
#[derive(Debug)]
struct Seen {
    file: PathBuf,
    last: Result<String, String>,
}

impl Watch {
    /// Begins to watch `file`, which now is as it is: what it says is known already. Returns also
    /// why changes are not noticed, if they aren't; SIGHUP works all the same.
    pub fn begin(file: &Path) -> (Self, Option<notify::Error>) {
        let (sender, touched) = mpsc::channel(1);
        let watched = watcher(file, sender);
        let seen = Seen { last: look(file).map_err(|error| error.to_string()), file: file.into() };
        let (watcher, failure) = match watched {
            Ok(watcher) => (Some(watcher), None),
            Err(error) => (None, Some(error)),
        };
        let hangup = signal(SignalKind::hangup()).ok();
        (Self { seen, touched, hangup, _watcher: watcher }, failure)
    }

    /// Waits for the next change, or for SIGHUP. Can be cancelled at any time.
    pub async fn next(&mut self) -> Reload {
        loop {
            let asked = tokio::select! {
                () = hung_up(&mut self.hangup) => true,
                () = settled(&mut self.touched) => false,
            };
            let reload = self.seen.again();
            if asked || !matches!(reload, Reload::Unchanged) {
                return reload;
            }
        }
    }
}

impl Seen {
    /// Looks again.
    fn again(&mut self) -> Reload {
        let now = look(&self.file);
        let comparable = match &now {
            Ok(text) => Ok(text.clone()),
            Err(error) => Err(error.to_string()),
        };
        if comparable == self.last {
            return Reload::Unchanged;
        }
        self.last = comparable;
        let parsed = now.and_then(|text| {
            config::parse(&text, &self.file.display().to_string()).map_err(LoadError::Invalid)
        });
        match parsed {
            Ok(config) => Reload::Valid(Box::new(config)),
            Err(error) => Reload::Invalid(error),
        }
    }
}

fn look(file: &Path) -> Result<String, LoadError> {
    config::read(file)
}

async fn hung_up(hangup: &mut Option<Signal>) {
    let heard = match hangup {
        Some(signal) => signal.recv().await,
        None => None,
    };
    if heard.is_none() {
        std::future::pending().await
    }
}

/// Waits for something to happen, and then for it to be over.
async fn settled(touched: &mut mpsc::Receiver<()>) {
    if touched.recv().await.is_none() {
        // Nothing is watched.
        std::future::pending::<()>().await;
    }
    let latest = Instant::now() + PATIENCE;
    while timeout_at(latest.min(Instant::now() + QUIET), touched.recv()).await.is_ok() {
        if Instant::now() >= latest {
            return;
        }
    }
}

/// Watches the folder that the file is in, and the one that it really is in.
fn watcher(file: &Path, touched: mpsc::Sender<()>) -> notify::Result<RecommendedWatcher> {
    let named = std::path::absolute(file).map_err(notify::Error::io)?;
    let real = named.canonicalize().unwrap_or_else(|_| named.clone());
    let linked = real != named;
    let name = named.file_name().map(ToOwned::to_owned);
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
        // A link can be changed anywhere on its way; a plain file only in its place.
        let ours = |event: &Event| {
            linked || event.paths.iter().any(|path| path.file_name() == name.as_deref())
        };
        let matters = event.as_ref().map_or(true, |event| changes(event) && ours(event));
        if matters {
            // Full means that it is known already.
            let _ = touched.try_send(());
        }
    })?;
    let folders = [named.parent(), real.parent()];
    let [named, real] = folders.map(|folder| folder.unwrap_or(Path::new("/")));
    watcher.watch(named, RecursiveMode::NonRecursive)?;
    if real != named {
        watcher.watch(real, RecursiveMode::NonRecursive)?;
    }
    Ok(watcher)
}

/// Whether an event can have changed what a file says. Reading it can't; taking that for a change
/// would make us read it for ever.
fn changes(event: &Event) -> bool {
    match event.kind {
        EventKind::Access(_) => false,
        EventKind::Any
        | EventKind::Create(_)
        | EventKind::Modify(_)
        | EventKind::Remove(_)
        | EventKind::Other => true,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use notify::event::{AccessKind, AccessMode, CreateKind, ModifyKind, RemoveKind};

    use super::*;

    const VALID: &str = "[daemon]\ninterval = \"30s\"\n";
    const OTHER: &str = "[daemon]\ninterval = \"45s\"\n";

    fn interval(reload: Reload) -> u64 {
        match reload {
            Reload::Valid(config) => config.daemon.interval.as_secs(),
            Reload::Invalid(_) | Reload::Unchanged => panic!("{reload:?}"),
        }
    }

    /// A watch that hears no signal: other tests of this process send some.
    fn begin(file: &Path) -> Watch {
        let (watch, failure) = Watch::begin(file);
        assert!(failure.is_none());
        Watch { hangup: None, ..watch }
    }

    #[tokio::test]
    async fn a_change_in_place_and_a_new_file_in_its_place_are_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("calpair.toml");
        fs::write(&file, VALID).unwrap();
        let mut watch = begin(&file);
        fs::write(&file, OTHER).unwrap();
        assert_eq!(interval(watch.next().await), 45);
        fs::write(dir.path().join("new"), VALID).unwrap();
        fs::rename(dir.path().join("new"), &file).unwrap();
        assert_eq!(interval(watch.next().await), 30);
        fs::write(&file, "[daemon]\nintervall = \"1s\"\n").unwrap();
        match watch.next().await {
            Reload::Invalid(error) => assert!(error.to_string().contains("did you mean")),
            other => panic!("{other:?}"),
        }
        fs::remove_file(&file).unwrap();
        assert!(matches!(watch.next().await, Reload::Invalid(LoadError::Unreadable { .. })));
        fs::write(&file, VALID).unwrap();
        assert_eq!(interval(watch.next().await), 30);
    }

    #[tokio::test]
    async fn a_change_behind_a_link_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let real = tempfile::tempdir().unwrap();
        let file = dir.path().join("calpair.toml");
        fs::write(real.path().join("c"), VALID).unwrap();
        symlink(real.path().join("c"), &file).unwrap();
        let mut watch = begin(&file);
        fs::write(real.path().join("c"), OTHER).unwrap();
        assert_eq!(interval(watch.next().await), 45);
    }

    #[tokio::test]
    async fn a_hangup_is_always_answered() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("calpair.toml");
        fs::write(&file, VALID).unwrap();
        let (mut watch, _) = Watch::begin(&file);
        let own = rustix::process::getpid();
        rustix::process::kill_process(own, rustix::process::Signal::HUP).unwrap();
        assert!(matches!(watch.next().await, Reload::Unchanged));
    }

    #[test]
    fn only_content_counts() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("c.toml");
        fs::write(&file, VALID).unwrap();
        let mut seen = Seen { last: Ok(VALID.into()), file: file.clone() };
        assert!(matches!(seen.again(), Reload::Unchanged));
        fs::write(&file, OTHER).unwrap();
        assert_eq!(interval(seen.again()), 45);
        assert!(matches!(seen.again(), Reload::Unchanged));
        fs::write(&file, "x").unwrap();
        assert!(matches!(seen.again(), Reload::Invalid(_)));
        assert!(matches!(seen.again(), Reload::Unchanged));
        fs::write(&file, OTHER).unwrap();
        assert_eq!(interval(seen.again()), 45);
    }

    #[test]
    fn reading_is_not_a_change() {
        let reading = [AccessKind::Read, AccessKind::Open(AccessMode::Any), AccessKind::Any];
        for kind in reading {
            assert!(!changes(&Event::new(EventKind::Access(kind))));
        }
        let writing = [
            EventKind::Modify(ModifyKind::Any),
            EventKind::Create(CreateKind::File),
            EventKind::Remove(RemoveKind::File),
        ];
        for kind in writing {
            assert!(changes(&Event::new(kind)));
        }
    }
}
