//! `calpair connect` for accounts of Google and Microsoft as it is run: the real binary, a
//! simulated provider, and a browser that is a script, or runs elsewhere and has its last address
//! pasted.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use sandbox::google::{CLIENT_ID, CLIENT_SECRET, Consent, Google, Running};
use sandbox::{Account, World, microsoft};
use tempfile::TempDir;

/// A folder with a configuration, and a provider.
struct Stage<P, E> {
    provider: P,
    _endpoint: E,
    folder: TempDir,
}

fn world() -> World {
    let world = World::new(1);
    world.set_now(calpair::clock::SystemClock::read());
    world.add_account(Account::new("me"));
    world
}

impl Stage<microsoft::Microsoft, microsoft::Running> {
    async fn microsoft() -> Self {
        let provider = microsoft::Microsoft::new(&world(), 1);
        provider.open("me");
        let endpoint = provider.serve().await.unwrap();
        let url = endpoint.url();
        let stage = Self { provider, _endpoint: endpoint, folder: tempfile::tempdir().unwrap() };
        let text = format!(
            "[daemon]\nstate_dir = \"{}/state\"\n[accounts.work]\nprovider = \"microsoft\"\n\
             client_id = \"{}\"\napi_url = \"{url}v1.0\"\nauthority_url = \"{url}\"\n",
            stage.folder.path().display(),
            microsoft::CLIENT_ID,
        );
        stage.write("calpair.toml", &text, 0o600);
        stage
    }
}

impl Stage<Google, Running> {
    async fn new() -> Self {
        let provider = Google::new(&world(), 1);
        provider.open("me");
        let endpoint = provider.serve().await.unwrap();
        let url = endpoint.url();
        let stage = Self { provider, _endpoint: endpoint, folder: tempfile::tempdir().unwrap() };
        // As the console offers it for download.
        let client = format!(
            r#"{{"installed":{{"client_id":"{CLIENT_ID}","client_secret":"{CLIENT_SECRET}"}}}}"#
        );
        stage.write("client.json", &client, 0o600);
        let text = format!(
            "[daemon]\nstate_dir = \"{0}/state\"\n[accounts.work]\nprovider = \"google\"\n\
             client_id = \"{CLIENT_ID}\"\nclient_secret_file = \"{0}/client.json\"\n\
             api_url = \"{url}calendar/v3\"\nauth_url = \"{url}auth\"\n\
             token_url = \"{url}token\"\nrevoke_url = \"{url}revoke\"\n",
            stage.folder.path().display()
        );
        stage.write("calpair.toml", &text, 0o600);
        stage
    }
}

impl<P, E> Stage<P, E> {
    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str, mode: u32) {
        std::fs::write(self.at(name), text).unwrap();
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(self.at(name), mode).unwrap();
    }

    fn calpair(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_calpair"));
        command
            .args(arguments)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", self.folder.path())
            .env("CALPAIR_CONFIG", self.at("calpair.toml"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }
}

/// What a server answers to a browser.
fn visit(url: &str) -> String {
    let (place, target) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = TcpStream::connect(place).unwrap();
    let head = format!("GET /{target} HTTP/1.1\r\nHost: {place}\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let mut shown = String::new();
    stream.read_to_string(&mut shown).unwrap();
    shown
}

/// Where the consent page leads.
fn consented(page: &str) -> String {
    let shown = visit(page);
    let header = shown.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("location").then(|| value.to_owned())
    });
    header.unwrap_or_else(|| panic!("{shown}"))
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Runs `connect --no-browser`, and pastes what `answer` makes of the address.
fn pasted<P, E>(stage: &Stage<P, E>, answer: impl Fn(&str) -> String) -> (Option<i32>, String) {
    let mut child =
        stage.calpair(&["connect", "work", "--no-browser"]).stdin(Stdio::piped()).spawn().unwrap();
    let mut errors = BufReader::new(child.stderr.take().unwrap());
    let mut seen = String::new();
    let page = loop {
        let mut line = String::new();
        assert_ne!(errors.read_line(&mut line).unwrap(), 0, "{seen}");
        seen += &line;
        if line.starts_with("http://") {
            break line.trim().to_owned();
        }
    };
    let mut typing = child.stdin.take().unwrap();
    writeln!(typing, "what should go here?").unwrap();
    writeln!(typing, "{}", answer(&page)).unwrap();
    errors.read_to_string(&mut seen).unwrap();
    (child.wait().unwrap().code(), seen)
}

/// Runs `connect` with a line on stdin.
fn given<P, E>(stage: &Stage<P, E>, argument: &str, text: &str) -> (Option<i32>, String) {
    let mut child =
        stage.calpair(&["connect", "work", argument]).stdin(Stdio::piped()).spawn().unwrap();
    writeln!(child.stdin.take().unwrap(), "{text}").unwrap();
    let output = child.wait_with_output().unwrap();
    (output.status.code(), said(&output))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_address_of_a_browser_elsewhere_is_pasted() {
    let stage = Stage::new().await;
    let (exit, seen) = pasted(&stage, consented);
    assert_eq!(exit, Some(0), "{seen}");
    assert!(seen.contains("hasn't verified this app"), "{seen}");
    assert!(seen.contains("that is not the address of an answer; paste the whole"), "{seen}");
    assert!(seen.ends_with("work is connected: 1 calendar\n"), "{seen}");
    for secret in [CLIENT_SECRET, "4/0", "4%2F0", "1//0", "ya29."] {
        assert!(!seen.contains(secret), "{secret} in {seen}");
    }
    let output = stage.calpair(&["accounts"]).output().unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).contains("me@example.com"), "{output:?}");
    let output = stage.calpair(&["doctor", "--json"]).output().unwrap();
    let report = String::from_utf8_lossy(&output.stdout);
    assert!(report.contains("account work"), "{report}");
    stage.provider.assert_unviolated();
    stage.provider.set_consent(Consent::Declines);
    let (exit, seen) = pasted(&stage, consented);
    assert_eq!(exit, Some(1), "{seen}");
    assert!(seen.contains("Google gave no consent") && seen.contains("login_hint=me%40"), "{seen}");
    let output = stage.calpair(&["disconnect", "work"]).output().unwrap();
    assert!(said(&output).contains("its access at Google was revoked"), "{output:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_browser_is_opened_and_comes_back() {
    let stage = Stage::new().await;
    let pipe = stage.at("address");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let script = format!("#!/bin/sh\nprintf %s \"$1\" > {}\n", pipe.display());
    stage.write("browser", &script, 0o700);
    let child = stage
        .calpair(&["connect", "work"])
        .env("BROWSER", format!("/nowhere/browser:{}", stage.at("browser").display()))
        .spawn()
        .unwrap();
    let page = std::fs::read_to_string(&pipe).unwrap();
    let shown = visit(&consented(&page));
    assert!(shown.contains("Signed in. You can close this page"), "{shown}");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(said(&output).contains("The browser was sent to"), "{}", said(&output));
    assert!(said(&output).ends_with("work is connected: 1 calendar\n"), "{}", said(&output));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_is_read_from_stdin_and_a_password_is_not() {
    let stage = Stage::new().await;
    let give = |argument: &str, text: &str| given(&stage, argument, text);
    let (exit, seen) = give("--refresh-token-stdin", &stage.provider.refresh_token("me"));
    assert_eq!(exit, Some(0), "{seen}");
    let (exit, seen) = give("--refresh-token-stdin", "canary dead");
    assert_eq!(exit, Some(2), "{seen}");
    assert!(!seen.contains("canary"), "{seen}");
    let (exit, seen) = give("--refresh-token-stdin", "canary-dead");
    assert_eq!(exit, Some(3), "{seen}");
    assert!(seen.contains("invalid_grant") && !seen.contains("canary"), "{seen}");
    let (exit, seen) = give("--password-stdin", "hunter2");
    assert_eq!(exit, Some(2), "{seen}");
    assert!(seen.contains("google account: it is connected in the browser"), "{seen}");
    assert!(Path::new(&stage.at("state")).exists());
    let output = stage.calpair(&["connect", "work", "--device"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(said(&output).contains("leave out --device"), "{output:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn microsoft_comes_back_to_localhost() {
    let stage = Stage::microsoft().await;
    let (exit, seen) = pasted(&stage, consented);
    assert_eq!(exit, Some(0), "{seen}");
    assert!(seen.contains("address (http://localhost:…)"), "{seen}");
    assert!(seen.contains("your own app registration"), "{seen}");
    assert!(seen.ends_with("work is connected: 1 calendar\n"), "{seen}");
    for secret in ["M.C107", "M.C552", "EwB4"] {
        assert!(!seen.contains(secret), "{secret} in {seen}");
    }
    let output = stage.calpair(&["calendars", "work", "--json"]).output().unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).contains("\"primary\": true"), "{output:?}");
    stage.provider.assert_unviolated();
    stage.provider.set_consent(microsoft::Consent::Declines);
    let (exit, seen) = pasted(&stage, consented);
    assert_eq!(exit, Some(1), "{seen}");
    assert!(seen.contains("Microsoft gave no consent"), "{seen}");
    let token = stage.provider.refresh_token("me");
    let (exit, seen) = given(&stage, "--refresh-token-stdin", &token);
    assert_eq!((exit, seen.contains(&token)), (Some(0), false), "{seen}");
    let (exit, seen) = given(&stage, "--refresh-token-stdin", "canary-dead");
    assert_eq!(exit, Some(3), "{seen}");
    assert!(seen.contains("invalid_grant") && !seen.contains("canary"), "{seen}");
}
