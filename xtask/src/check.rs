//! `cargo xtask check` and `cargo xtask test`: what CI runs, and the tests alone.
//!
//! The tests are plain `cargo test`. A test that needs a server which isn't there passes at once
//! and says so in a file (see `servers`); here those are taken out of what passed and are named.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, ExitCode};

use crate::process::{run, variable, watch};
use crate::servers::{Place, expander, folder, provide, tell};
use crate::{browser, tidy};

/// Format, lints, house style; then, if all are right, the tests.
pub(crate) fn check(root: &Path, arguments: &[String]) -> Result<(), String> {
    let mut wrong = Vec::new();
    println!("== cargo fmt");
    wrong.extend(run(cargo(root).args(["fmt", "--all", "--check"])).err());
    println!("== tidy");
    if tidy::run(root, &[]) != ExitCode::SUCCESS {
        wrong.push("tidy".to_owned());
    }
    println!("== cargo clippy");
    let clippy = ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
    wrong.extend(run(cargo(root).args(clippy)).err());
    if !wrong.is_empty() {
        return Err(format!("not right yet: {}", wrong.join("; ")));
    }
    println!("== cargo test");
    test(root, arguments)
}

/// Provides the servers and runs every test, or those of the packages that `arguments` name with
/// `-p`; `arguments` go to `cargo test` as they are.
pub(crate) fn test(root: &Path, arguments: &[String]) -> Result<(), String> {
    test_with(root, arguments, &[])
}

fn test_with(root: &Path, arguments: &[String], told: &[(&str, &str)]) -> Result<(), String> {
    let places = provide(root)?;
    let skipped = folder(root).join("skipped");
    std::fs::create_dir_all(folder(root))
        .and_then(|()| std::fs::write(&skipped, ""))
        .map_err(|error| format!("{}: {error}", skipped.display()))?;
    let mut command = cargo(root);
    command.args(["test", "--no-fail-fast"]);
    let some = arguments.iter().any(|word| word == "-p" || word == "--package");
    command.args((!some).then_some("--workspace")).args(arguments);
    command.env("CALPAIR_SKIPPED", &skipped).envs(told.iter().copied());
    tell(&mut command, root, &places);
    if !some || arguments.iter().any(|word| word == "calpair-tests") {
        match expander(root) {
            Ok(python) => drop(command.env("CALPAIR_EXPANDER", python)),
            Err(reason) if variable("CALPAIR_REQUIRE_SERVERS").is_some() => {
                return Err(format!("the expander is missing: {reason}"));
            }
            Err(reason) => println!("expander: missing: {reason}"),
        }
        // The program that they run is another package's, so cargo does not see that it is needed.
        // Built for itself it would have its libraries built a second time: tests ask for more of
        // their features.
        let all = ["--workspace", "--bins", "--tests"];
        let built = if arguments.is_empty() { &all[..] } else { &["-p", "calpair"] };
        run(cargo(root).arg("build").args(built))?;
        command.env("CALPAIR_BIN", root.join("target").join("debug").join("calpair"));
        browser::provide(root, &mut command)?;
    }
    let mut tally = Tally::default();
    let outcome = watch(&mut command, |line| tally.count(line));
    let lines = std::fs::read_to_string(&skipped).unwrap_or_default();
    // Two processes may have run the same test; it was skipped once all the same.
    let named: BTreeSet<&str> = lines.lines().filter(|line| !line.trim().is_empty()).collect();
    for line in &named {
        println!("skipped {line}{}", reason(line, &places));
    }
    println!("{}", tally.closing(named.len()));
    outcome
}

/// The crash tests with every call in place of a sample; `arguments` go to them (names of tests).
pub(crate) fn crash(root: &Path, arguments: &[String]) -> Result<(), String> {
    let words = ["-p", "calpair-tests", "--test", "crash", "--", "--nocapture"];
    let words: Vec<String> =
        words.iter().map(|word| (*word).to_owned()).chain(arguments.iter().cloned()).collect();
    test_with(root, &words, &[("CALPAIR_CRASH", "all")])
}

/// Why the server at the end of a skipped test's line is missing.
fn reason(line: &str, places: &[Place]) -> String {
    let name = line.rsplit(": ").next().unwrap_or_default();
    match places.iter().find(|(server, _)| server.name == name) {
        Some((_, Err(reason))) => format!(" is missing: {reason}"),
        Some((_, Ok(_))) | None => String::new(),
    }
}

/// The cargo that runs this, in the repository's root.
pub(crate) fn cargo(root: &Path) -> Command {
    let mut command = Command::new(variable("CARGO").unwrap_or_else(|| "cargo".to_owned()));
    command.current_dir(root);
    command
}

/// The sum of `test result:` lines.
#[derive(Default)]
struct Tally {
    passed: usize,
    failed: usize,
}

impl Tally {
    fn count(&mut self, line: &str) {
        let Some(result) = line.strip_prefix("test result: ") else { return };
        for part in result.split(['.', ';']) {
            let mut words = part.split_whitespace();
            let number = words.next().and_then(|word| word.parse::<usize>().ok());
            match (number, words.next()) {
                (Some(number), Some("passed")) => self.passed += number,
                (Some(number), Some("failed")) => self.failed += number,
                _ => {}
            }
        }
    }

    fn closing(&self, skipped: usize) -> String {
        let passed = self.passed.saturating_sub(skipped);
        format!("{passed} passed, {} failed, {skipped} skipped", self.failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::servers::SERVERS;

    #[test]
    fn results_add_up_and_skipped_tests_did_not_pass() {
        let mut tally = Tally::default();
        for line in [
            "test result: ok. 34 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; in 0.3s",
            "test result: FAILED. 5 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out",
            "a test that prints 9 passed",
        ] {
            tally.count(line);
        }
        assert_eq!(tally.closing(3), "36 passed, 2 failed, 3 skipped");
    }

    #[test]
    fn a_skipped_test_says_why() {
        let places: Vec<Place> = vec![(&SERVERS[2], Err("needs root".to_owned()))];
        assert_eq!(reason("contract::cyrus: cyrus", &places), " is missing: needs root");
        assert_eq!(reason("contract::sogo: sogo", &places), "");
    }
}
