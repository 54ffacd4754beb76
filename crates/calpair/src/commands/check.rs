//! `calpair check`: is the configuration right? Offline, it reads one file and asks nobody; with
//! `--online` the servers are asked as well.

use std::path::Path;

use super::asking::{self, Ground};
use crate::cli::{Check as Options, Cli, Output};
use crate::config::{self, Config, LoadError};
use crate::control::Request;
use crate::environment::Environment;
use crate::exit::Exit;
use crate::report::{Check, CheckResult, Checks, Document};
use crate::{terminal, text};

/// Checks the file, says what is wrong with it.
pub(super) fn run(cli: &Cli, options: &Options, environment: &Environment) -> Exit {
    let file = match config::file(cli.config.as_deref(), environment, &|path| path.exists()) {
        Ok(file) => file,
        Err(error) => {
            terminal::complain(&error.to_string());
            return Exit::Usage;
        }
    };
    let loaded = config::load(&file);
    if options.online && loaded.is_ok() {
        return online(cli, options.output, environment, checks(&loaded));
    }
    if options.output.json {
        terminal::print(&format!("{}\n", Document::new(checks(&loaded)).text()));
    } else {
        say(&file, &loaded, environment);
    }
    if loaded.is_ok() { Exit::Fine } else { Exit::Usage }
}

/// Also asks the servers.
fn online(cli: &Cli, output: Output, environment: &Environment, checks: Checks) -> Exit {
    let ground = match Ground::enter(cli, environment) {
        Ok(ground) => ground,
        Err(exit) => return exit,
    };
    let mut reply = ground.ask(environment, Request::Check);
    if let Ok(Checks { checks: online }) = serde_json::from_value(reply.report.take()) {
        let all = Checks { checks: checks.checks.into_iter().chain(online).collect() };
        reply.report = serde_json::to_value(all).expect("the reports have text keys only");
    }
    asking::show(&reply, output, text::checks)
}

fn say(file: &Path, loaded: &Result<Config, LoadError>, environment: &Environment) {
    let drawing = terminal::drawing(environment);
    match loaded {
        Ok(config) => {
            terminal::eprint(&config.warnings.warnings(drawing));
            let (accounts, pairs) = (config.accounts.len() as u64, config.pairs.len() as u64);
            let file = file.display().to_string();
            let file = terminal::escaped(&file);
            terminal::print(&format!(
                "{file} is valid: {} and {}\n",
                text::counted(accounts, "account"),
                text::counted(pairs, "pair"),
            ));
        }
        Err(error) => terminal::eprint(&error.render(drawing)),
    }
}

/// One check if all is well, else one for each finding.
fn checks(loaded: &Result<Config, LoadError>) -> Checks {
    let check = |result, reason, action| Check {
        name: String::from("configuration"),
        result,
        reason,
        action,
    };
    let plain = |result, line: String| check(result, Some(line), None);
    let checks = match loaded {
        Ok(config) if config.warnings.is_empty() => vec![check(CheckResult::Ok, None, None)],
        Ok(config) => {
            let lines = config.warnings.lines().into_iter();
            lines.map(|line| plain(CheckResult::Warning, line)).collect()
        }
        Err(LoadError::Invalid(findings)) => {
            let lines = findings.lines().into_iter();
            lines.map(|line| plain(CheckResult::Failed, line)).collect()
        }
        Err(error @ (LoadError::Unreadable { .. } | LoadError::NoText { .. })) => {
            vec![plain(CheckResult::Failed, error.to_string())]
        }
    };
    Checks { checks }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_finding_is_a_check() {
        let parse = |text: &str| config::parse(text, "c.toml").map_err(LoadError::Invalid);
        assert_eq!(checks(&parse("")).checks[0].result, CheckResult::Ok);
        let wrong = checks(&parse("a = 1\nb = 2\n")).checks;
        assert_eq!(wrong.len(), 2);
        assert_eq!(wrong[1].result, CheckResult::Failed);
        assert!(wrong[1].reason.as_ref().unwrap().starts_with("c.toml:2:1: the file has no key"));
    }
}
