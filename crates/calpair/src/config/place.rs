//! Where things are: the file, the state directory. What the command line says goes before what
//! the environment says, which goes before the usual places.

use std::path::{Path, PathBuf};

use super::Config;
use crate::environment::Environment;

/// The file's name in the usual places.
const NAME: &str = "calpair/calpair.toml";

/// There is no configuration in any of the usual places.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no configuration found; looked for {}", list(looked))]
pub struct NotFound {
    /// Where it was looked for, in this order.
    pub looked: Vec<PathBuf>,
}

fn list(paths: &[PathBuf]) -> String {
    let paths: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    paths.join(" and ")
}

/// There is no place for state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no place for state: set `state_dir` in [daemon], or $HOME")]
pub struct NoStateDir;

/// The file to read. One that was named is taken even if it isn't there: reading it says so.
///
/// # Errors
/// None was named, and there is none in the usual places.
pub fn file(
    named: Option<&Path>,
    environment: &Environment,
    exists: &dyn Fn(&Path) -> bool,
) -> Result<PathBuf, NotFound> {
    if let Some(path) = named {
        return Ok(path.to_owned());
    }
    if let Some(path) = environment.value("CALPAIR_CONFIG") {
        return Ok(PathBuf::from(path));
    }
    let home = || Some(environment.folder("HOME")?.join(".config"));
    let own = environment.folder("XDG_CONFIG_HOME").or_else(home);
    let looked: Vec<PathBuf> =
        own.into_iter().chain([PathBuf::from("/etc")]).map(|folder| folder.join(NAME)).collect();
    match looked.iter().find(|path| exists(path)) {
        Some(path) => Ok(path.clone()),
        None => Err(NotFound { looked }),
    }
}

/// Where state is kept.
///
/// # Errors
/// Neither the file nor the environment says.
pub fn state_dir(config: &Config, environment: &Environment) -> Result<PathBuf, NoStateDir> {
    if let Some(path) = &config.daemon.state_dir {
        return Ok(path.clone());
    }
    // systemd gives a list when the unit has several; ours is the first.
    let given = environment.text("STATE_DIRECTORY").and_then(|list| list.split(':').next());
    if let Some(path) = given.map(PathBuf::from).filter(|path| path.is_absolute()) {
        return Ok(path);
    }
    let home = || Some(environment.folder("HOME")?.join(".local/state"));
    let own = environment.folder("XDG_STATE_HOME").or_else(home);
    own.map(|folder| folder.join("calpair")).ok_or(NoStateDir)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(set: &[(&str, &str)]) -> Environment {
        Environment::of(set.iter().map(|(name, value)| ((*name).to_owned(), *value)))
    }

    #[test]
    fn the_file_is_looked_for_in_this_order() {
        let all: &[(&str, &str)] =
            &[("CALPAIR_CONFIG", "/c.toml"), ("XDG_CONFIG_HOME", "/x"), ("HOME", "/h")];
        let own = "/h/.config/calpair/calpair.toml";
        let etc = "/etc/calpair/calpair.toml";
        type Case<'a> = (Option<&'a str>, &'a [(&'a str, &'a str)], &'a [&'a str], Option<&'a str>);
        let cases: [Case<'_>; 8] = [
            (Some("a.toml"), all, &[], Some("a.toml")),
            (None, all, &[etc], Some("/c.toml")),
            (None, &all[1..], &["/x/calpair/calpair.toml", etc], Some("/x/calpair/calpair.toml")),
            (None, &all[1..], &[own, etc], Some(etc)),
            (None, &all[2..], &[own, etc], Some(own)),
            (None, &all[2..], &[etc], Some(etc)),
            (None, &[], &[etc], Some(etc)),
            (None, &all[2..], &[], None),
        ];
        for (named, set, there, expected) in cases {
            let exists = |path: &Path| there.iter().any(|there| Path::new(there) == path);
            let found = file(named.map(Path::new), &environment(set), &exists).ok();
            assert_eq!(found, expected.map(PathBuf::from), "{named:?} {set:?} {there:?}");
        }
        let none = file(None, &environment(&all[2..]), &|_| false).unwrap_err();
        assert_eq!(none.to_string(), format!("no configuration found; looked for {own} and {etc}"));
    }

    #[test]
    fn the_state_directory_is_decided_in_this_order() {
        let all: &[(&str, &str)] = &[
            ("STATE_DIRECTORY", "/var/lib/calpair:/other"),
            ("XDG_STATE_HOME", "/x"),
            ("HOME", "/h"),
        ];
        let plain = Config::default();
        let mut named = Config::default();
        named.daemon.state_dir = Some(PathBuf::from("/named"));
        let cases = [
            (&named, all, Some("/named")),
            (&plain, all, Some("/var/lib/calpair")),
            (&plain, &all[1..], Some("/x/calpair")),
            (&plain, &all[2..], Some("/h/.local/state/calpair")),
            (&plain, &[], None),
        ];
        for (config, set, expected) in cases {
            let dir = state_dir(config, &environment(set)).ok();
            assert_eq!(dir, expected.map(PathBuf::from), "{set:?}");
        }
    }
}
