//! `calpair connect` for accounts of Google and Microsoft as it is run: the real binary, a
//! simulated provider, and a browser that is a script, or runs elsewhere and has its last address
//! pasted.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod rotation;
mod stage;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};

use sandbox::google::{CLIENT_SECRET, Consent};
use sandbox::microsoft;

use stage::{Stage, given, said};

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
