//! `[daemon]`, `[secrets]`, `[alerts]`: the program itself.

use std::path::PathBuf;
use std::time::Duration;

use super::finding::Finding;
use super::section::{Section, Wrong};
use super::value::{self, Endpoint, Listen};

/// How often a pair is reconciled, and how far apart a refused credential is tried, unless the
/// file says otherwise.
const MINUTE: Duration = Duration::from_secs(60);

/// How long a one-time link holds, unless the file says otherwise: somebody else reads mail once a
/// day.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// `[daemon]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Daemon {
    /// The zone for floating times, by its IANA name; `None` is the system's.
    pub time_zone: Option<String>,
    /// Where state is kept; `None` is decided by the environment.
    pub state_dir: Option<PathBuf>,
    /// How often a pair is reconciled that says nothing itself.
    pub interval: Duration,
    /// How far apart a refused credential is tried again.
    pub confirm: Duration,
    /// Where the page listens.
    pub listen: Listen,
    /// Where browsers reach the page.
    pub public_url: Option<Endpoint>,
    /// Where the connect page sends people back to, when an application sent them.
    pub return_to: Vec<Endpoint>,
    /// How long a link of `connect --link` holds.
    pub link_valid: Duration,
}

impl Default for Daemon {
    fn default() -> Self {
        Self {
            time_zone: None,
            state_dir: None,
            interval: MINUTE,
            confirm: MINUTE,
            listen: Listen::At(([127, 0, 0, 1], 8437).into()),
            public_url: None,
            return_to: Vec::new(),
            link_valid: DAY,
        }
    }
}

/// `[secrets]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Secrets {
    /// Where the key is; `None` is decided by the environment and the state directory.
    pub key_file: Option<PathBuf>,
}

/// `[alerts]`: who is told when a state needs a person.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Alerts {
    /// A program and its arguments; empty for none.
    pub command: Vec<String>,
    /// An address that is sent a POST.
    pub webhook: Option<Endpoint>,
}

pub(super) fn daemon(mut section: Section<'_>) -> Daemon {
    let default = Daemon::default();
    let daemon = Daemon {
        time_zone: section.parsed("time_zone", value::time_zone).map(|at| at.value),
        state_dir: section.parsed("state_dir", value::path).map(|at| at.value),
        interval: section
            .parsed("interval", value::interval)
            .map_or(default.interval, |at| at.value),
        confirm: section.parsed("confirm", value::interval).map_or(default.confirm, |at| at.value),
        listen: section.parsed("listen", value::listen).map_or(default.listen, |at| at.value),
        public_url: section.parsed("public_url", value::endpoint).map(|at| at.value),
        return_to: return_to(&mut section),
        link_valid: section
            .parsed("link_valid", value::interval)
            .map_or(default.link_valid, |at| at.value),
    };
    if daemon.listen == Listen::Off
        && let Some(place) = section.place("public_url")
    {
        let finding = Finding::new(place, "`public_url` leads to a page that is off")
            .help(String::from("set `listen` to an address, or take `public_url` out"));
        section.notes().add(finding);
    }
    section.finish(|_| None);
    daemon
}

fn return_to(section: &mut Section<'_>) -> Vec<Endpoint> {
    let Some(texts) = section.texts("return_to") else { return Vec::new() };
    let mut addresses = Vec::new();
    for text in &texts.value {
        match value::endpoint(text) {
            Ok(address) => addresses.push(address),
            Err(wrong) => section.wrong(texts.span.clone(), wrong),
        }
    }
    addresses
}

pub(super) fn secrets(mut section: Section<'_>) -> Secrets {
    let key_file = section.parsed("key_file", value::path).map(|at| at.value);
    section.finish(|key| {
        (key == "key").then(|| {
            String::from("no secret stands in this file; `key_file` says where the key is")
        })
    });
    Secrets { key_file }
}

pub(super) fn alerts(mut section: Section<'_>) -> Alerts {
    let command = section.texts("command");
    if let Some(command) = &command
        && command.value.is_empty()
    {
        let help = String::from("a program and its arguments: [\"/usr/local/bin/notify-me\"]");
        section.wrong(command.span.clone(), Wrong::new("`command` names no program").help(help));
    }
    let webhook = section.parsed("webhook", value::endpoint).map(|at| at.value);
    section.finish(|_| None);
    Alerts { command: command.map(|at| at.value).unwrap_or_default(), webhook }
}
