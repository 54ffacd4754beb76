//! The program from outside, as far as it needs no server: what it prints, where, and its exit
//! code.

use std::path::Path;
use std::process::{Command, Output, Stdio};

fn calpair(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_calpair"));
    command.args(arguments).env_clear().stdin(Stdio::null());
    command
}

fn run(arguments: &[&str]) -> Output {
    calpair(arguments).output().expect("the program starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("the program writes UTF-8")
}

fn write(folder: &Path, text: &str) -> String {
    let file = folder.join("c.toml");
    std::fs::write(&file, text).expect("the folder can be written");
    file.display().to_string()
}

#[test]
fn help_and_version_are_answers_and_nonsense_is_not() {
    for arguments in [&["--help"][..], &["sync", "--help"], &["--version"]] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert!(!output.stdout.is_empty() && output.stderr.is_empty(), "{arguments:?}");
    }
    for arguments in [&["snyc"][..], &[], &["sync", "--what"]] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{arguments:?}");
    }
}

#[test]
fn check_says_what_is_wrong_on_stderr_and_exits_2() {
    let folder = tempfile::tempdir().unwrap();
    let good = write(folder.path(), "[daemon]\ninterval = \"5m\"\n");
    let output = run(&["check", "--config", &good]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(text(&output.stdout), format!("{good} is valid: 0 accounts and 0 pairs\n"));

    let wrong = write(folder.path(), "[accounts.a]\nprovider = \"icloud\"\npassword = \"CANARY\"");
    let output = run(&["check", "--config", &wrong]);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0));
    let said = text(&output.stderr);
    assert!(said.contains(&format!("[{wrong}:3:1]")) && said.contains("calpair connect a"));
    assert!(!said.contains("CANARY") && !said.contains('\u{1b}'), "{said}");

    let output = run(&["check", "--json", "--config", &wrong]);
    assert_eq!(output.status.code(), Some(2));
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&document["version"], &document["checks"][0]["result"]),
        (&1.into(), &"failed".into())
    );
    assert!(!text(&output.stdout).contains("CANARY"));
}

#[test]
fn the_configuration_is_found_by_the_environment() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), "");
    let output = calpair(&["check"]).env("CALPAIR_CONFIG", &file).output().unwrap();
    assert_eq!(text(&output.stdout), format!("{file} is valid: 0 accounts and 0 pairs\n"));
    let output = run(&["check", "--config", "/nowhere/c.toml"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("can't read /nowhere/c.toml: No such file"));
}

#[test]
fn nobody_reading_is_no_failure() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), "x");
    for (arguments, expected) in
        [(&["check", "--config", &file][..], 2), (&["man"], 0), (&["completions", "bash"], 0)]
    {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = calpair(arguments);
        command.stdout(writer.try_clone().unwrap()).stderr(writer);
        assert_eq!(command.status().unwrap().code(), Some(expected), "{arguments:?}");
    }
}

#[test]
fn manual_pages_are_written_for_every_command() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("man");
    let output = run(&["man", &target.display().to_string()]);
    assert_eq!(output.status.code(), Some(0));
    for page in ["calpair.1", "calpair-sync.1", "calpair-connect.1"] {
        assert!(target.join(page).exists(), "{page}");
    }
}
