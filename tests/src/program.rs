//! The program itself, as a person or a script runs it: a folder with a configuration and a state
//! directory, commands, and how they end.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use model::{Side, Sides};
use tempfile::TempDir;

use crate::environment::program;
use crate::wait;

/// A command that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// An account of the configuration; the pair's accounts are called `left` and `right`.
#[derive(Clone, Debug)]
pub struct Login {
    /// `caldav` or `icloud`.
    pub provider: &'static str,
    /// Where it is found.
    pub url: String,
    /// The user.
    pub user: String,
    /// The password.
    pub password: String,
    /// The pair's calendar of this account, as the configuration names it.
    pub calendar: String,
}

/// A folder with all that calpair knows.
#[derive(Debug)]
pub struct Home {
    folder: TempDir,
    logins: Sides<Login>,
    environment: Vec<(&'static str, String)>,
}

/// How a command ended.
#[derive(Clone, Debug)]
pub struct Ended {
    /// Its exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// What it printed.
    pub stdout: String,
    /// What it logged and complained about.
    pub stderr: String,
}

impl Ended {
    /// The JSON document that it printed.
    ///
    /// # Panics
    /// When it printed none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// A command that runs.
#[derive(Debug)]
pub struct Running {
    child: Child,
    stdout: JoinHandle<String>,
    stderr: JoinHandle<String>,
}

impl Home {
    /// A configuration for a pair `p` of these accounts, nothing connected. `daemon` are lines of
    /// its section.
    pub fn new(logins: Sides<Login>, daemon: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let home = Self { folder, logins, environment: Vec::new() };
        home.write(&home.config(daemon, ""));
        home
    }

    /// The text of a configuration; `pair` are more keys of the pair.
    pub fn config(&self, daemon: &str, pair: &str) -> String {
        let state = self.state();
        let account = |side: Side| {
            let Login { provider, url, user, .. } = &self.logins[side];
            format!(
                "[accounts.{side}]\nprovider = \"{provider}\"\nurl = \"{url}\"\n\
                 username = \"{user}\"\n"
            )
        };
        let end = |side: Side| {
            let calendar = &self.logins[side].calendar;
            format!("{side} = {{ account = \"{side}\", calendar = \"{calendar}\" }}\n")
        };
        format!(
            "[daemon]\nstate_dir = \"{}\"\nlisten = \"off\"\n{daemon}\n{}{}[[pairs]]\n\
             name = \"p\"\nwindow = \"all\"\n{}{}{pair}\n",
            state.display(),
            account(Side::Left),
            account(Side::Right),
            end(Side::Left),
            end(Side::Right),
        )
    }

    /// The commands from now on find this variable in their environment.
    pub fn set(&mut self, name: &'static str, value: &str) {
        self.environment.push((name, value.to_owned()));
    }

    /// Replaces the configuration, as an editor does: a new file under the old name.
    pub fn write(&self, text: &str) {
        let new = self.folder.path().join("new.toml");
        std::fs::write(&new, text).expect("the folder can be written");
        std::fs::rename(new, self.file()).expect("the folder can be written");
    }

    /// The configuration's file.
    pub fn file(&self) -> PathBuf {
        self.folder.path().join("calpair.toml")
    }

    /// The state directory.
    pub fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// The command, with nothing of this process's environment.
    pub fn command(&self, arguments: &[&str]) -> Command {
        self.wrapped(&[], arguments)
    }

    /// The command, started by another program, such as a tracer.
    pub fn wrapped(&self, before: &[&str], arguments: &[&str]) -> Command {
        let program = program();
        let mut command = match before.split_first() {
            None => Command::new(program),
            Some((first, rest)) => {
                let mut command = Command::new(first);
                command.args(rest).arg(program);
                command
            }
        };
        command.env_clear().env("HOME", self.folder.path()).env("PATH", path());
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.arg("--config").arg(self.file()).args(arguments).current_dir(self.folder.path());
        command
    }

    /// Runs a command to its end.
    pub fn run(&self, arguments: &[&str]) -> Ended {
        start(self.command(arguments), "").end(PATIENCE)
    }

    /// Starts a command.
    pub fn start(&self, arguments: &[&str]) -> Running {
        start(self.command(arguments), "")
    }

    /// Connects an account with a password.
    pub fn connect(&self, side: Side, password: &str) -> Ended {
        let command = self.command(&["connect", side.as_str(), "--password-stdin"]);
        start(command, &format!("{password}\n")).end(PATIENCE)
    }

    /// Connects both accounts.
    ///
    /// # Panics
    /// When one is refused.
    pub fn connect_both(&self) {
        for side in Side::BOTH {
            let ended = self.connect(side, &self.logins[side].password);
            assert_eq!(ended.code, Some(0), "{ended:?}");
        }
    }
}

impl Running {
    /// Waits for its end; kills it after `limit`.
    ///
    /// # Panics
    /// When it had to be killed.
    pub fn end(mut self, limit: Duration) -> Ended {
        let status = wait::until(limit, || self.status());
        if status.is_none() {
            // It may have ended between the look and the kill.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        let read = |thread: JoinHandle<String>| thread.join().expect("reading does not panic");
        let (stdout, stderr) = (read(self.stdout), read(self.stderr));
        let status = status.unwrap_or_else(|| panic!("it hangs:\n{stdout}\n{stderr}"));
        Ended { code: status.code(), stdout, stderr }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal, as `kill` names it: `TERM`, `HUP`.
    ///
    /// # Panics
    /// When it can't be sent.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.id().to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()), "{name} can't be sent");
    }

    fn status(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child can be waited for")
    }
}

/// Starts a command with a text as its input.
///
/// # Panics
/// When it can't be started.
pub fn start(mut command: Command, input: &str) -> Running {
    let stdin = if input.is_empty() { Stdio::null() } else { Stdio::piped() };
    command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    if let Some(mut stdin) = child.stdin.take() {
        // A command that does not read ends with its own complaint.
        let _ = stdin.write_all(input.as_bytes());
    }
    let stdout = drain(child.stdout.take().expect("a pipe was asked for"));
    let stderr = drain(child.stderr.take().expect("a pipe was asked for"));
    Running { child, stdout, stderr }
}

fn drain(mut pipe: impl std::io::Read + Send + 'static) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        // What was read until it broke is what there is.
        let _ = pipe.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

fn path() -> String {
    crate::environment::variable("PATH").unwrap_or_default()
}

/// Every file below a folder with its mode; folders too.
///
/// # Panics
/// When one can't be read.
pub fn modes(folder: &Path) -> Vec<(PathBuf, u32)> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = |path: &Path| {
        let metadata = std::fs::symlink_metadata(path).expect("it can be looked at");
        metadata.permissions().mode() & 0o7777
    };
    let mut found = vec![(folder.to_owned(), mode(folder))];
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(modes(&path));
        } else {
            found.push((path.clone(), mode(&path)));
        }
    }
    found
}
