//! Running other programs: what was run, how it ended, and what it said when it failed.

use std::io::{BufRead, BufReader};
use std::process::{Command, ExitStatus, Stdio};

/// Runs the program with this terminal's input and output. `Err` says what went wrong.
pub(crate) fn run(command: &mut Command) -> Result<(), String> {
    let status = command.status().map_err(|error| not_started(command, &error))?;
    ended(command, status)
}

/// Runs the program silently and returns what it wrote on stdout. `Err` has the end of its stderr.
pub(crate) fn ask(command: &mut Command) -> Result<String, String> {
    let output =
        command.stdin(Stdio::null()).output().map_err(|error| not_started(command, &error))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("no message");
    Err(format!("{}: {}", name(command), last.trim()))
}

/// Runs the program, shows each line of its stdout as it comes and gives it to `each`.
pub(crate) fn watch(command: &mut Command, mut each: impl FnMut(&str)) -> Result<(), String> {
    let mut child =
        command.stdout(Stdio::piped()).spawn().map_err(|error| not_started(command, &error))?;
    let stdout = child.stdout.take().expect("stdout was asked for as a pipe");
    let mut lines = BufReader::new(stdout);
    let mut line = Vec::new();
    // Bytes, not text: a test may print what isn't UTF-8.
    while lines.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
        let text = String::from_utf8_lossy(&line);
        print!("{text}");
        each(text.trim_end());
        line.clear();
    }
    let status = child.wait().map_err(|error| format!("{}: {error}", name(command)))?;
    ended(command, status)
}

/// The value of an environment variable, if it is set to something.
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var_os(name)?.into_string().ok().filter(|value| !value.is_empty())
}

fn ended(command: &Command, status: ExitStatus) -> Result<(), String> {
    if status.success() { Ok(()) } else { Err(format!("{}: {status}", name(command))) }
}

fn not_started(command: &Command, error: &std::io::Error) -> String {
    format!("{} could not be started: {error}", name(command))
}

/// The program and its first arguments, as a person would name the call.
fn name(command: &Command) -> String {
    let program = command.get_program().to_string_lossy().into_owned();
    let words = command.get_args().take(3).map(|word| word.to_string_lossy().into_owned());
    std::iter::once(program).chain(words).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_says_what_was_run_and_what_it_said() {
        let said = ask(Command::new("sh").args(["-c", "echo first >&2; echo last >&2; exit 3"]));
        assert!(said.expect_err("it exits 3").ends_with(": last"));
        let missing = ask(&mut Command::new("no-such-program"));
        assert!(missing.expect_err("it isn't there").contains("could not be started"));
    }

    #[test]
    fn every_line_is_seen_even_one_that_is_not_text() {
        let mut seen = Vec::new();
        let script = "printf 'a\\n\\377\\nb'";
        watch(Command::new("sh").args(["-c", script]), |line| seen.push(line.to_owned()))
            .expect("it exits 0");
        assert_eq!(seen, ["a", "\u{fffd}", "b"]);
    }
}
