//! The control socket: how a command asks the daemon that owns the state.
//!
//! `control.sock` in the state directory, for its owner only; one line of JSON asks, one line
//! answers. The daemon's side gives each question to whoever listens on a channel; what is answered
//! is not decided here. A connection that is slow, too long or somebody else's is dropped.

mod client;
mod server;

use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::exit::Exit;

pub use client::{AskError, ask};
pub use server::{Asked, Listener};

/// The longest question: a password, names, an event.
const LONGEST_REQUEST: u64 = 64 * 1024;

/// The longest answer: a dry run over a large calendar, field by field.
const LONGEST_REPLY: u64 = 256 * 1024 * 1024;

/// The socket of a state directory.
pub fn socket(state: &Path) -> PathBuf {
    state.join("control.sock")
}

/// What a command asks the daemon for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Request {
    /// Is somebody there?
    Ping,
    /// `status`
    Status {
        /// One pair, or all.
        pair: Option<String>,
    },
    /// `accounts`
    Accounts,
    /// `calendars`
    Calendars {
        /// Whose.
        account: String,
    },
    /// `sync`
    Sync {
        /// These, or all if there is none.
        pairs: Vec<String>,
        /// Whether nothing is to be written.
        dry_run: bool,
    },
    /// `connect`, with the password as it is to be sent, or with a refresh token.
    Connect {
        /// Whose.
        account: String,
        /// The password.
        password: Password,
        /// Whether it may be somebody else's account.
        replace: bool,
        /// How many seconds the refresh token is good for, where the consent said so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lasts: Option<u64>,
    },
    /// `connect --link`
    Link {
        /// Whose.
        account: String,
    },
    /// `disconnect`
    Disconnect {
        /// Whose.
        account: String,
    },
    /// `pause`
    Pause {
        /// Which.
        pair: String,
    },
    /// `resume`
    Resume {
        /// Which.
        pair: String,
    },
    /// `approve`
    Approve {
        /// Which.
        pair: String,
    },
    /// `detach`
    Detach {
        /// Which.
        pair: String,
        /// Whether copies are to be deleted.
        remove_copies: bool,
    },
    /// `history`
    History {
        /// One pair, or all.
        pair: Option<String>,
        /// One event's UID, or all.
        event: Option<String>,
    },
    /// `conflicts`
    Conflicts,
    /// `resolve`
    Resolve {
        /// Which conflict.
        id: String,
        /// What wins.
        keep: Keep,
    },
    /// `restore`
    Restore {
        /// Which change.
        change: String,
    },
    /// `explain`
    Explain {
        /// Which pair.
        pair: String,
        /// UID, or part of a title.
        event: String,
    },
    /// `check --online` and the online part of `doctor`.
    Check,
}

/// What wins in a conflict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Keep {
    /// What the left side says.
    Left,
    /// What the right side says.
    Right,
    /// Both, as two events.
    Both,
}

/// What the daemon answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reply {
    /// The exit code of the command.
    pub exit: u8,
    /// The report, without its version; `null` if there is none.
    pub report: serde_json::Value,
    /// What to say on stderr.
    pub message: Option<String>,
}

impl Reply {
    /// A report.
    pub fn report(exit: Exit, report: &impl Serialize) -> Self {
        let report = serde_json::to_value(report).expect("the reports have text keys only");
        Self { exit: exit.code(), report, message: None }
    }

    /// A sentence.
    pub fn message(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit: exit.code(), report: serde_json::Value::Null, message: Some(message.into()) }
    }
}

/// A password on its way through the socket. It can't be printed.
#[derive(Clone, Debug)]
pub struct Password(pub SecretString);

impl PartialEq for Password {
    fn eq(&self, other: &Self) -> bool {
        self.0.expose_secret() == other.0.expose_secret()
    }
}

impl Serialize for Password {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.expose_secret())
    }
}

impl<'de> Deserialize<'de> for Password {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(SecretString::from(String::deserialize(deserializer)?)))
    }
}

#[cfg(test)]
mod tests;
