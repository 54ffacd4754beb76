//! Real CalDAV servers, one for each test that asks: in a folder of its own, on ports of its own,
//! gone when it is dropped.
//!
//! Which servers there are is decided by `cargo xtask test`, which installs them and tells of them
//! in the environment (xtask/src/servers.rs). A test whose server is missing notes that and ends.

use std::fs::{OpenOptions, Permissions};
use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Mutex;

use tempfile::TempDir;

use crate::environment::variable;
use crate::http::Collection;

/// A server takes this port and the two behind it.
const PORTS: u16 = 3;

/// Below the ports that the system hands out by itself, so that only other tests compete.
const FIRST_PORT: u16 = 21_000;

/// Room for a thousand servers.
const LAST_PORT: u16 = 24_000;

/// Another run of the tests may take a port between the look and the start.
const STARTS: usize = 3;

/// A server that runs.
#[derive(Debug)]
pub struct Server {
    name: &'static str,
    port: u16,
    folder: TempDir,
    calendars: Vec<Account>,
}

/// A calendar, and who may use it.
#[derive(Clone, Debug)]
pub struct Account {
    /// The calendar's address, with its closing slash.
    pub calendar: String,
    /// The user.
    pub user: String,
    /// The user's password.
    pub password: String,
}

impl Account {
    /// The calendar, by the back door.
    pub fn collection(&self) -> Collection {
        Collection::new(&self.calendar, &self.user, &self.password)
    }

    /// The server's own address.
    pub fn origin(&self) -> &str {
        let end = self.calendar.match_indices('/').nth(2).map(|(at, _)| at + 1);
        &self.calendar[..end.unwrap_or(self.calendar.len())]
    }
}

impl Server {
    /// The calendar `work` of alice.
    pub fn alice(&self) -> Account {
        self.of("alice")
    }

    /// The calendar `work` of bob, where the server knows more than one person.
    pub fn bob(&self) -> Account {
        self.of("bob")
    }

    /// Where the server keeps everything.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Ends the server; what it stored stays.
    pub fn stop(&self) {
        let stopped = self.script("stop").output();
        assert!(stopped.is_ok_and(|end| end.status.success()), "{} does not stop", self.name);
    }

    /// Starts it again after a [`Server::stop`], at the same address.
    pub fn resume(&self) {
        let started = self.script("start").output();
        assert!(started.is_ok_and(|end| end.status.success()), "{} does not resume", self.name);
    }

    fn of(&self, user: &str) -> Account {
        let mut accounts = self.calendars.iter().rev();
        let found = accounts.find(|account| account.user == user);
        found.unwrap_or_else(|| panic!("{} has no {user}", self.name)).clone()
    }

    fn script(&self, verb: &str) -> Command {
        script(self.name, verb, self.folder.path(), self.port)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Whatever goes wrong here, the server sees by itself that its owner is gone.
        let _ = self.script("stop").output();
    }
}

/// Starts a server. `None` when it is missing, which is noted: the test is to end.
///
/// # Panics
/// When it is there and doesn't start, or is missing though `CALPAIR_REQUIRE_SERVERS` names it.
pub fn start(name: &'static str) -> Option<Server> {
    if variable(&format!("CALPAIR_{}", name.to_uppercase())).is_none() {
        skip(name);
        return None;
    }
    let mut said = String::new();
    for _ in 0..STARTS {
        let folder = folder();
        let port = free_port();
        let end = script(name, "start", folder.path(), port).output();
        let Output { status, stdout, stderr } =
            end.unwrap_or_else(|error| panic!("{name}.sh can't be run: {error}"));
        if status.success() {
            let calendars = String::from_utf8_lossy(&stdout).lines().filter_map(account).collect();
            return Some(Server { name, port, folder, calendars });
        }
        said = String::from_utf8_lossy(&stderr).into_owned();
        if !said.contains("is taken") {
            break;
        }
    }
    panic!("{name} does not start: {said}")
}

/// Notes that the running test needs a server, or another program, that is missing.
///
/// # Panics
/// When `CALPAIR_REQUIRE_SERVERS` names it.
pub fn skip(name: &str) {
    let required = variable("CALPAIR_REQUIRE_SERVERS").unwrap_or_default();
    let is_required = required.split([',', ' ']).any(|word| word == name);
    assert!(!is_required, "{name} is missing, though CALPAIR_REQUIRE_SERVERS names it");
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    say(&format!("{test} is skipped: {name} is missing; `cargo xtask test` installs it"));
    let Some(file) = variable("CALPAIR_SKIPPED") else { return };
    let file = OpenOptions::new().append(true).create(true).open(file);
    let noted = file.and_then(|mut file| writeln!(file, "{test}: {name}"));
    noted.unwrap_or_else(|error| panic!("CALPAIR_SKIPPED can't be written: {error}"));
}

/// Shows a line to whoever runs the tests with `--nocapture`.
#[allow(clippy::print_stdout, reason = "reports of tests are read on a terminal")]
pub fn say(line: &str) {
    println!("{line}");
}

/// A folder that the users which servers run as can enter.
fn folder() -> TempDir {
    let made = tempfile::Builder::new().prefix("calpair-").tempdir().and_then(|folder| {
        std::fs::set_permissions(folder.path(), Permissions::from_mode(0o755))?;
        Ok(folder)
    });
    made.unwrap_or_else(|error| panic!("no folder for a server: {error}"))
}

fn script(name: &str, verb: &str, folder: &Path, port: u16) -> Command {
    let scripts = variable("CALPAIR_SERVERS_DIR")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("servers"), PathBuf::from);
    let mut command = Command::new(scripts.join(format!("{name}.sh")));
    command.arg(verb).arg(folder).arg(port.to_string());
    command.env("CALPAIR_OWNER", std::process::id().to_string());
    command
}

fn account(line: &str) -> Option<Account> {
    let mut words = line.split_whitespace().map(str::to_owned);
    let (calendar, user, password) = (words.next()?, words.next()?, words.next()?);
    calendar.starts_with("http").then_some(Account { calendar, user, password })
}

/// Ports that were free a moment ago, and that this process has not given away before.
fn free_port() -> u16 {
    static NEXT: Mutex<Option<u16>> = Mutex::new(None);
    let mut next = NEXT.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let servers = (LAST_PORT - FIRST_PORT) / PORTS;
    // Where to begin differs from process to process, so that two seldom meet.
    let spread = u16::try_from(std::process::id() % u32::from(servers)).unwrap_or_default();
    let mut port = next.unwrap_or(FIRST_PORT + spread * PORTS);
    for _ in 0..servers {
        let candidate = port;
        port = if port + PORTS >= LAST_PORT { FIRST_PORT } else { port + PORTS };
        let mut all = candidate..candidate + PORTS;
        if all.all(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()) {
            *next = Some(port);
            return candidate;
        }
    }
    panic!("no free ports between {FIRST_PORT} and {LAST_PORT}")
}
