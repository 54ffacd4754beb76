//! A real listener and a real program, which fail at first.

use engine::AlertEvent;
use model::{AccountName, Timestamp};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::config::Endpoint;

fn alert(event: AlertEvent) -> Alert {
    Alert {
        event,
        account: Some(AccountName::new("home")),
        pair: None,
        since: Timestamp::from_second(1_767_323_045).unwrap(),
        reason: "app-specific password refused (401, confirmed 3 times)".into(),
        action: Some("calpair connect home".into()),
    }
}

/// Answers each request with the next status; gives the bodies.
async fn listen(statuses: &[u16]) -> (Endpoint, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/secret-path", listener.local_addr().unwrap());
    let statuses = statuses.to_vec();
    let heard = tokio::spawn(async move {
        let mut bodies = Vec::new();
        for status in statuses {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut bytes = Vec::new();
            while !bytes.ends_with(b"}") {
                let mut part = [0; 4096];
                let read = stream.read(&mut part).await.unwrap();
                assert!(read > 0, "{}", String::from_utf8_lossy(&bytes));
                bytes.extend_from_slice(&part[..read]);
            }
            let head =
                format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            stream.write_all(head.as_bytes()).await.unwrap();
            let text = String::from_utf8(bytes).unwrap();
            assert!(text.starts_with("POST /secret-path HTTP/1.1\r\n"), "{text}");
            bodies.push(text.split("\r\n\r\n").nth(1).unwrap().to_owned());
        }
        bodies
    });
    (Endpoint::parse(&address).unwrap(), heard)
}

fn read(body: &str) -> report::Alert {
    let document: Document<report::Alert> = serde_json::from_str(body).expect(body);
    document.body
}

#[tokio::test]
async fn a_webhook_gets_the_json_again_when_it_failed_and_in_order() {
    let (webhook, heard) = listen(&[500, 204, 200]).await;
    let outbox = Outbox::default();
    outbox.direct(config::Alerts { command: Vec::new(), webhook: Some(webhook) });
    outbox.say(&alert(AlertEvent::ReconnectNeeded), Phase::Needed);
    outbox.say(&alert(AlertEvent::Reconnected), Phase::Over);
    outbox.close(Duration::from_secs(20)).await;
    let bodies = heard.await.unwrap();
    assert_eq!(bodies[0], bodies[1], "the same again");
    let begun = read(&bodies[1]);
    assert_eq!(
        (begun.event.as_str(), begun.state.as_str()),
        ("reconnect-needed", "reconnect-needed")
    );
    assert_eq!(begun.account.as_deref(), Some("home"));
    assert_eq!(begun.action.as_deref(), Some("calpair connect home"));
    assert_eq!(begun.since.unwrap().to_string(), "2026-01-02T03:04:05Z");
    assert!(!begun.host.is_empty() && bodies[1].contains("\"version\":1"));
    let over = read(&bodies[2]);
    assert_eq!((over.event.as_str(), over.state.as_str()), ("reconnected", "ok"));
    assert_eq!(over.action, None, "nothing is to be done any more");
}

#[tokio::test]
async fn what_could_not_be_sent_goes_out_with_the_next_process() {
    let store = Store::in_memory().unwrap();
    let (webhook, heard) = listen(&[500, 204, 204]).await;
    let aims = config::Alerts { command: Vec::new(), webhook: Some(webhook) };
    let before = Outbox::kept_in(store.clone());
    before.direct(aims.clone());
    before.say(&alert(AlertEvent::ReconnectNeeded), Phase::Needed);
    before.say(&alert(AlertEvent::Reconnected), Phase::Over);
    // The first try fails, and the second is a second away.
    before.close(Duration::from_millis(500)).await;
    assert_eq!(store.undelivered().unwrap().len(), 2);
    let after = Outbox::kept_in(store.clone());
    after.direct(aims);
    after.resume().unwrap();
    after.close(Duration::from_secs(20)).await;
    let heard = heard.await.unwrap();
    let events: Vec<String> = heard.iter().map(|body| read(body).event).collect();
    assert_eq!(events, ["reconnect-needed", "reconnect-needed", "reconnected"]);
    assert_eq!(store.undelivered().unwrap(), []);
    // Nobody waits for it any more.
    store.put_undelivered("webhook", "{}").unwrap();
    let last = Outbox::kept_in(store.clone());
    last.direct(config::Alerts { command: Vec::new(), webhook: None });
    last.resume().unwrap();
    assert_eq!(store.undelivered().unwrap(), []);
}

#[tokio::test]
async fn each_is_sent_once_and_in_the_order_in_which_they_were_said() {
    let store = Store::in_memory().unwrap();
    let (webhook, heard) = listen(&[204, 204, 204]).await;
    let aims = config::Alerts { command: Vec::new(), webhook: Some(webhook) };
    // One that reached nobody.
    let before = Outbox::kept_in(store.clone());
    let nobody = Endpoint::parse("http://127.0.0.1:1/").unwrap();
    before.direct(config::Alerts { webhook: Some(nobody), ..aims.clone() });
    before.say(&alert(AlertEvent::ReconnectNeeded), Phase::Needed);
    before.close(Duration::from_millis(100)).await;
    // A command that sends nothing of others.
    let command = Outbox::kept_in(store.clone());
    command.direct(aims.clone());
    command.say(&alert(AlertEvent::Reconnected), Phase::Over);
    command.close(Duration::from_secs(20)).await;
    assert_eq!(store.undelivered().unwrap().len(), 2, "it is not told before what began");
    // One that says something, and then sends what waits.
    let after = Outbox::kept_in(store.clone());
    after.direct(aims);
    after.say(&alert(AlertEvent::Problem), Phase::Needed);
    after.resume().unwrap();
    after.close(Duration::from_secs(20)).await;
    let heard = heard.await.unwrap();
    let events: Vec<String> = heard.iter().map(|body| read(body).event).collect();
    assert_eq!(events, ["reconnect-needed", "reconnected", "problem"]);
    assert_eq!(store.undelivered().unwrap(), []);
}

#[tokio::test]
async fn what_was_said_before_the_rest_is_sent_is_not_sent_again() {
    let store = Store::in_memory().unwrap();
    let (webhook, heard) = listen(&[204, 204]).await;
    let aims = config::Alerts { command: Vec::new(), webhook: Some(webhook) };
    let outbox = Outbox::kept_in(store.clone());
    outbox.direct(aims);
    outbox.say(&alert(AlertEvent::Reconnected), Phase::Over);
    outbox.resume().unwrap();
    outbox.close(Duration::from_secs(20)).await;
    assert!(!heard.is_finished(), "it is heard once");
    assert_eq!(store.undelivered().unwrap(), []);
}

#[tokio::test]
async fn a_program_gets_the_json_on_its_standard_input_and_is_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("heard");
    // The first time it fails; what it was given is there all the same.
    let script = format!("cat >>{0}; test $(wc -l <{0}) -gt 1", file.display());
    let outbox = Outbox::default();
    let command = ["sh", "-c", &script].map(str::to_owned).to_vec();
    outbox.direct(config::Alerts { command, webhook: None });
    outbox.say(&alert(AlertEvent::Halted), Phase::Needed);
    outbox.close(Duration::from_secs(20)).await;
    let heard = std::fs::read_to_string(&file).unwrap();
    let lines: Vec<&str> = heard.lines().collect();
    assert_eq!(lines.len(), 2, "{heard}");
    assert_eq!(lines[0], lines[1]);
    assert_eq!(read(lines[0]).event, "halted");
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_what_hangs_and_the_number_of_tries_is_bounded() {
    // Nobody answers: the connection is taken, and that is all.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/", listener.local_addr().unwrap());
    let outbox = Outbox::default();
    let webhook = Some(Endpoint::parse(&address).unwrap());
    outbox.direct(config::Alerts { command: Vec::new(), webhook });
    let began = Instant::now();
    for _ in 0..2 * QUEUE {
        outbox.say(&alert(AlertEvent::Problem), Phase::Needed);
    }
    assert_eq!(began.elapsed(), Duration::ZERO, "raising an alert waits for nothing");
    outbox.close(Duration::from_secs(5)).await;
    assert!(began.elapsed() <= Duration::from_secs(6), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_failed_delivery_is_said_without_the_secret_path() {
    let (webhook, _heard) = listen(&[403]).await;
    let aims = config::Alerts { command: vec!["/nonexistent/x".into()], webhook: Some(webhook) };
    let body = Bytes::from_static(b"{}");
    let refused = attempt(Aim::Webhook, &aims, &body).await.unwrap_err();
    assert!(refused.ends_with("answered 403") && !refused.contains("secret"), "{refused}");
    let missing = attempt(Aim::Command, &aims, &body).await.unwrap_err();
    assert!(missing.starts_with("it can't be started"), "{missing}");
}
