//! `calpair doctor`: what could be wrong on this machine, and what to do about it. It mends
//! nothing.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use model::AccountName;
use store::Store;

use super::asking::{self, Ground};
use crate::cli::{Cli, Output};
use crate::clock::SystemClock;
use crate::control::{Reply, Request};
use crate::environment::Environment;
use crate::exit::Exit;
use crate::report::{Check, CheckResult, Checks};
use crate::secrets::KeyProblem;
use crate::{secrets, text};

/// Before this a clock is wrong: calpair was not written yet.
const BUILT: i64 = 1_760_000_000;

/// Where units of the system lie.
const UNITS: [&str; 3] =
    ["/etc/systemd/system", "/usr/lib/systemd/system", "/usr/local/lib/systemd/system"];

/// Looks at everything, the servers last.
pub(super) fn run(cli: &Cli, output: Output, environment: &Environment) -> Exit {
    let ground = match Ground::enter(cli, environment) {
        Ok(ground) => ground,
        Err(exit) => return exit,
    };
    let mut checks = vec![configuration(&ground), directory(&ground.state), clock()];
    let (database, sealed) = database(&ground.state);
    let can_ask = database.result != CheckResult::Failed;
    checks.push(database);
    let key = key(&ground, environment, sealed.as_deref());
    let is_seen = key.is_some();
    checks.extend(key);
    checks.push(unit());
    let failed = checks.iter().any(|check| check.result == CheckResult::Failed);
    let mut exits = vec![if failed { Exit::Failed } else { Exit::Fine }];
    if can_ask {
        let reply = ground.ask(environment, Request::Check);
        exits.extend(Exit::of_code(reply.exit));
        match serde_json::from_value::<Checks>(reply.report) {
            // One word about the key is enough.
            Ok(online) => {
                let more = |check: &Check| !(is_seen && check.name == "key");
                checks.extend(online.checks.into_iter().filter(more));
            }
            Err(_) => {
                let reason = reply.message;
                checks.push(found("accounts", CheckResult::Failed, reason, None));
            }
        }
    }
    let reply = Reply::report(Exit::gravest(exits), &Checks { checks });
    asking::show(&reply, output, text::checks)
}

fn found(name: &str, result: CheckResult, reason: Option<String>, action: Option<String>) -> Check {
    Check { name: name.to_owned(), result, reason, action }
}

fn configuration(ground: &Ground) -> Check {
    let file = ground.file.display().to_string();
    match ground.config.warnings.lines().first() {
        None => found("configuration", CheckResult::Ok, Some(file), None),
        Some(first) => {
            let action = Some("calpair check".to_owned());
            found("configuration", CheckResult::Warning, Some(first.clone()), action)
        }
    }
}

fn directory(state: &Path) -> Check {
    let name = "state directory";
    let shown = state.display().to_string();
    let action = |text: String| Some(text);
    match std::fs::metadata(state) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let reason = Some(format!("{shown} is not there yet; it is made when it is needed"));
            found(name, CheckResult::Ok, reason, None)
        }
        Err(error) => {
            let reason = Some(format!("{shown}: {error}"));
            found(name, CheckResult::Failed, reason, action(format!("ls -ld {shown}")))
        }
        Ok(metadata) if !metadata.is_dir() => {
            let reason = Some(format!("{shown} is not a directory"));
            let action = action("set `state_dir` in [daemon]".to_owned());
            found(name, CheckResult::Failed, reason, action)
        }
        Ok(metadata) if metadata.mode() & 0o077 != 0 => {
            let reason = Some(format!("others can look into {shown}"));
            found(name, CheckResult::Warning, reason, action(format!("chmod 700 {shown}")))
        }
        Ok(metadata) => {
            let own = rustix::process::geteuid().as_raw();
            if metadata.uid() == own || own == 0 {
                return found(name, CheckResult::Ok, Some(shown), None);
            }
            let reason = Some(format!("{shown} belongs to user {}", metadata.uid()));
            let action = action("run calpair as that user".to_owned());
            found(name, CheckResult::Failed, reason, action)
        }
    }
}

/// Whether it is whole, and whose credentials are in it, where that can be seen.
fn database(state: &Path) -> (Check, Option<Vec<AccountName>>) {
    if !state.exists() {
        let reason = Some("there is none yet".to_owned());
        return (found("database", CheckResult::Ok, reason, None), Some(Vec::new()));
    }
    let opened = Store::open(state, SystemClock::read()).and_then(|store| {
        let seen = (store.integrity()?, store.sealed_accounts()?);
        store.close().map(|()| seen)
    });
    match opened {
        Ok((faults, sealed)) => (whole(state, Ok(faults)), Some(sealed)),
        Err(error) => (whole(state, Err(error)), None),
    }
}

fn whole(state: &Path, faults: store::Result<Vec<String>>) -> Check {
    let name = "database";
    match faults {
        Ok(faults) if faults.is_empty() => {
            found(name, CheckResult::Ok, Some("whole".to_owned()), None)
        }
        Ok(faults) => {
            let reason = Some(faults.join("; "));
            let backups = state.join("backups").display().to_string();
            let action =
                Some(format!("stop calpair and put the newest copy of {backups} in place"));
            found(name, CheckResult::Failed, reason, action)
        }
        Err(error) if *error.kind() == store::ErrorKind::Locked => {
            let reason = "the daemon has it, and found it whole when it started";
            found(name, CheckResult::Ok, Some(reason.to_owned()), None)
        }
        Err(error) => {
            let reason = Some(asking::sentences(&error));
            let action = match error.kind() {
                // It says so itself.
                store::ErrorKind::Corrupt { .. }
                | store::ErrorKind::Sealed
                | store::ErrorKind::Mistaken => None,
                store::ErrorKind::Newer => Some("use the calpair that wrote it".to_owned()),
                _ => Some("look at the directory's rights and the disk".to_owned()),
            };
            found(name, CheckResult::Failed, reason, action)
        }
    }
}

/// None is made here: `sealed` says whether one may be, if that is known. `None` where a daemon has
/// to say it: systemd gives its credential `calpair-key` to the service alone.
fn key(
    ground: &Ground,
    environment: &Environment,
    sealed: Option<&[AccountName]>,
) -> Option<Check> {
    let error = match secrets::existing(&ground.config.secrets, environment, &ground.state) {
        Ok(_) => return Some(found("key", CheckResult::Ok, None, None)),
        Err(error) => error,
    };
    if matches!(error.problem, KeyProblem::Unmade) && sealed.is_some_and(<[_]>::is_empty) {
        let reason = Some("it is made when it is needed".to_owned());
        return Some(found("key", CheckResult::Ok, reason, None));
    }
    if sealed.is_none() && is_out_of_sight(&error.problem) {
        return None;
    }
    let action = Some(secrets::PUT_BACK.to_owned());
    Some(found("key", CheckResult::Failed, Some(error.to_string()), action))
}

/// Whether a key may be there for the service, and for nobody else.
fn is_out_of_sight(problem: &KeyProblem) -> bool {
    match problem {
        KeyProblem::Unmade => true,
        KeyProblem::System(error) => error.kind() == std::io::ErrorKind::PermissionDenied,
        KeyProblem::Missing
        | KeyProblem::Lost { .. }
        | KeyProblem::Link
        | KeyProblem::NotAFile
        | KeyProblem::Owner { .. }
        | KeyProblem::Mode { .. }
        | KeyProblem::Length => false,
    }
}

fn clock() -> Check {
    let now = SystemClock::read();
    let reason = Some(format!("{now:.0}"));
    if now.as_second() < BUILT {
        let action = Some("set the clock (timedatectl set-ntp true)".to_owned());
        return found("clock", CheckResult::Failed, reason, action);
    }
    found("clock", CheckResult::Ok, reason, None)
}

fn unit() -> Check {
    let name = "systemd unit";
    let installed = UNITS.iter().map(|folder| Path::new(folder).join("calpair.service"));
    match installed.into_iter().find(|unit| unit.exists()) {
        Some(unit) => found(name, CheckResult::Ok, Some(unit.display().to_string()), None),
        None if !Path::new("/run/systemd/system").exists() => {
            let reason =
                "this machine doesn't run systemd; something else has to keep calpair going";
            found(name, CheckResult::Ok, Some(reason.to_owned()), None)
        }
        None => {
            let reason = Some("calpair.service is not installed".to_owned());
            let action = Some("docs/operating.md says how".to_owned());
            found(name, CheckResult::Warning, reason, action)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;
    use crate::terminal::Screen;

    #[test]
    fn a_key_that_only_the_service_can_read_is_not_called_missing() {
        let folder = tempfile::tempdir().unwrap();
        let ground = Ground {
            config: config::parse("", "c.toml").unwrap(),
            file: folder.path().join("c.toml"),
            state: folder.path().to_owned(),
            screen: Screen::of_process(),
        };
        let home = [AccountName::new("home")];
        let cases = [
            ("nothing is sealed", Some(&[][..]), CheckResult::Ok, "made when it is needed"),
            ("something is", Some(&home[..]), CheckResult::Failed, "is not there"),
        ];
        for (sentence, sealed, expected, words) in cases {
            let check = key(&ground, &Environment::default(), sealed).unwrap();
            assert_eq!(check.result, expected, "{sentence}");
            let reason = check.reason.unwrap();
            assert!(reason.contains(words), "{sentence}: {reason}");
        }
        let beside_a_daemon = key(&ground, &Environment::default(), None);
        assert!(beside_a_daemon.is_none(), "{beside_a_daemon:?}");
        // One that is there, and is none, is wrong whoever looks.
        std::fs::write(folder.path().join("secret.key"), "short").unwrap();
        let check = key(&ground, &Environment::default(), None).unwrap();
        assert_eq!(check.result, CheckResult::Failed, "{check:?}");
    }
}
