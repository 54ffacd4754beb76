//! The environment, read once at start and passed on as a value, so that everything that depends
//! on it can be tested. Nothing else in the program asks for a variable.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// The variables that calpair knows. `NOTIFY_SOCKET` and `WATCHDOG_USEC` are systemd's protocol
/// and read where it is spoken.
const NAMES: [&str; 10] = [
    "BROWSER",
    "CALPAIR_CONFIG",
    "CREDENTIALS_DIRECTORY",
    "HOME",
    "JOURNAL_STREAM",
    "NO_COLOR",
    "RUST_LOG",
    "STATE_DIRECTORY",
    "XDG_CONFIG_HOME",
    "XDG_STATE_HOME",
];

/// The variables that were set, and not empty, when the program started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment(BTreeMap<String, OsString>);

impl Environment {
    /// Reads the process's environment.
    pub fn of_process() -> Self {
        let set = |name: &&str| Some((String::from(*name), std::env::var_os(name)?));
        Self::of(NAMES.iter().filter_map(set))
    }

    /// An environment of these variables; empty ones count as not set.
    pub fn of<V: Into<OsString>>(set: impl IntoIterator<Item = (String, V)>) -> Self {
        let set = set.into_iter().map(|(name, value)| (name, value.into()));
        Self(set.filter(|(_, value)| !value.is_empty()).collect())
    }

    /// The value as it was set.
    pub fn value(&self, name: &str) -> Option<&OsStr> {
        self.0.get(name).map(OsString::as_os_str)
    }

    /// The value as text, if it is text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.value(name)?.to_str()
    }

    /// The value as a path, if it is absolute. A relative one is ignored, as the XDG Base
    /// Directory specification says.
    pub fn folder(&self, name: &str) -> Option<PathBuf> {
        let path = Path::new(self.value(name)?);
        path.is_absolute().then(|| path.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_and_relative_values_count_as_not_set() {
        let set = [("HOME", "/home/ann"), ("NO_COLOR", ""), ("XDG_STATE_HOME", "state")];
        let environment = Environment::of(set.map(|(name, value)| (name.to_owned(), value)));
        assert_eq!(environment.folder("HOME"), Some(PathBuf::from("/home/ann")));
        assert_eq!(environment.value("NO_COLOR"), None);
        assert_eq!(environment.folder("XDG_STATE_HOME"), None);
        assert_eq!(environment.text("XDG_STATE_HOME"), Some("state"));
    }
}
