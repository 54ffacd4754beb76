//! Refusals: tokens, rights, waits, crowds, batches, and what nobody may send.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Home, PREFER, dentist};
use crate::faults::{Aim, Fault};
use crate::microsoft::{Health, Quirk, Quirks, RetryAfter, SCOPES};
use crate::{Gone, Op};

#[tokio::test]
async fn what_is_not_described_is_refused_and_noted() {
    let home = Home::tame();
    let id = home.post(&dentist()).await.id();
    let event = format!("/v1.0/me/events/{id}");
    for (method, path, body, status) in [
        ("GET", "/v1.0/me/messages".to_owned(), Value::Null, 404),
        ("PUT", event.clone(), dentist(), 405),
        ("POST", "/v1.0/me/calendars".to_owned(), json!({"name": "x"}), 405),
        ("PATCH", event.clone(), json!({"title": "x"}), 400),
        ("PATCH", event.clone(), json!({"showAs": "sleeping"}), 400),
        ("GET", format!("{event}?$top=3"), Value::Null, 400),
        ("GET", "/v1.0/me/events?$filter=foo eq 1".to_owned(), Value::Null, 400),
        ("GET", event.clone(), json!({}), 400),
    ] {
        let before = home.microsoft.violations().len();
        let said = home.send(method, &path, &body).await;
        assert_eq!(said.status, status, "{method} {path}");
        assert!(said.body["error"]["innerError"]["request-id"].is_string());
        assert!(home.microsoft.violations().len() > before, "{method} {path}");
    }
    for id in ["abc", &id.to_lowercase(), &id[..71]] {
        let said = home.get(&format!("/v1.0/me/events/{id}")).await;
        assert_eq!((said.status, said.code()), (400, "ErrorInvalidIdMalformed"));
    }
}

// quirk: microsoft-63, microsoft-59, microsoft-60
#[tokio::test]
async fn tokens_scopes_and_rights_are_looked_at() {
    let home = Home::tame();
    let id = home.post(&dentist()).await.id();
    let holidays = home.microsoft.add_holidays("ada");
    let read = home.get("/v1.0/me/calendars?$top=100").await.value();
    assert_eq!(read.len(), 2);
    assert_eq!(read.iter().filter(|one| one["canEdit"] == false).count(), 1);
    let path = format!("/v1.0/me/calendars/{}/events", holidays.as_str());
    let said = home.send("POST", &path, &dentist()).await;
    assert_eq!((said.status, said.code()), (403, "ErrorAccessDenied"));
    home.microsoft.set_health(&home.calendar, Health::Broken);
    assert_eq!(home.patch(&id, &json!({"subject": "a"})).await.status, 503);
    home.microsoft.set_health(&home.calendar, Health::Well);
    let other = home.microsoft.renumber(&home.calendar);
    let old = format!("/v1.0/me/calendars/{}", home.calendar.as_str());
    assert_eq!(home.get(&old).await.status, 404);
    assert_eq!(home.get(&format!("/v1.0/me/calendars/{}", other.as_str())).await.status, 200);
    home.microsoft.set_gone(&other, Gone::Yes);
    assert_eq!(home.get(&format!("/v1.0/me/events/{id}")).await.status, 404);
    let me = home.get("/v1.0/me?$select=id,mail,userPrincipalName").await.body;
    assert_eq!(me["mail"], "ada@example.com");
    assert_eq!(home.get("/v1.0/me/mailboxSettings").await.status, 403);
    home.microsoft.expire_access("ada");
    let said = home.get("/v1.0/me").await;
    assert_eq!((said.status, said.code()), (401, "InvalidAuthenticationToken"));
    assert!(home.microsoft.access_token_for("ada", &SCOPES).len() > 20);
}

// quirk: microsoft-46, microsoft-49
#[tokio::test]
async fn waits_are_written_in_four_ways() {
    let home = Home::tame();
    for (way, text) in [
        (RetryAfter::Fraction, Some("119.872")),
        (RetryAfter::Seconds, Some("120")),
        (RetryAfter::Date, Some("Mon, 05 Jan 2026 08:02:00 GMT")),
        (RetryAfter::Absent, None),
    ] {
        home.microsoft.set_quirks(|quirks| quirks.retry_after = way);
        let retry_after = Some(Duration::from_secs(120));
        home.world.plan(Aim::op(Op::Identity), Fault::RateLimited { retry_after });
        let said = home.get("/v1.0/me").await;
        assert_eq!((said.status, said.code()), (429, "TooManyRequests"));
        let header = said.headers.get("retry-after").map(|value| value.to_str().unwrap());
        assert_eq!(header, text);
    }
    for _ in 0..3 {
        home.world.plan(Aim::op(Op::Identity), Fault::OutOfOrder { retry_after: None });
        assert_eq!(home.get("/v1.0/me").await.status, 503);
    }
}

// quirk: microsoft-47
#[tokio::test]
async fn a_mailbox_answers_four_requests_at_a_time() {
    let home = Home::tame();
    let all = || async {
        let me = || home.get("/v1.0/me/calendars");
        let (a, b, c, d, e) = tokio::join!(me(), me(), me(), me(), me());
        [a.status, b.status, c.status, d.status, e.status]
    };
    assert_eq!(all().await, [200, 200, 200, 200, 429]);
    home.microsoft.set_quirks(|quirks| *quirks = Quirks::tame().with(Quirk::BusyAs503));
    assert_eq!(all().await, [200, 200, 200, 200, 503]);
    assert_eq!(home.get("/v1.0/me/calendars").await.status, 200);
}

// quirk: microsoft-48, microsoft-52
#[tokio::test]
async fn a_batch_is_answered_item_by_item() {
    let home = Home::tame();
    let id = home.post(&dentist()).await.id();
    let prefer = json!({"Prefer": PREFER, "Content-Type": "application/json"});
    let url = format!("/me/events/{id}");
    let batch = json!({"requests": [
        {"id": "1", "method": "GET", "url": format!("{url}?$select=id"), "headers": prefer},
        {"id": "2", "method": "PATCH", "url": url, "body": {"subject": "New"},
            "headers": {"Content-Type": "application/json", "If-Match": "W/\"stale\""}},
        {"id": "3", "method": "DELETE", "url": url, "dependsOn": ["2"]},
        {"id": "4", "method": "GET", "url": "/me/events/AAkALg"},
    ]});
    let said = home.send("POST", "/v1.0/$batch", &batch).await;
    let mut statuses: Vec<(String, i64)> = said.body["responses"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["id"].as_str().unwrap().to_owned(), one["status"].as_i64().unwrap()))
        .collect();
    statuses.sort();
    let statuses: Vec<i64> = statuses.into_iter().map(|(_, status)| status).collect();
    assert_eq!(statuses, [200, 412, 424, 400]);
    home.microsoft.assert_unviolated();
    let retry_after = Some(Duration::from_secs(10));
    home.world.plan(Aim::op(Op::Update), Fault::RateLimited { retry_after });
    let said = home.send("POST", "/v1.0/$batch", &batch).await;
    let waits = said.body["responses"].as_array().unwrap().iter();
    let waits =
        waits.filter(|one| one["status"] == 429 && one["headers"]["Retry-After"] == "9.872");
    // The second one of both depends on another that was not run.
    assert_eq!((said.status, waits.count()), (200, 1));
    let one = |id: &str| json!({"id": id, "method": "GET", "url": "/me"});
    let twice = json!({"requests": [one("1"), one("1")]});
    assert_eq!(home.send("POST", "/v1.0/$batch", &twice).await.status, 400);
    let many: Vec<Value> = (0..21).map(|id| one(&id.to_string())).collect();
    let said = home.send("POST", "/v1.0/$batch", &json!({"requests": many})).await;
    assert_eq!(said.status, 400);
    let bare = json!({"requests": [{"id": "1", "method": "PATCH", "url": url, "body": {}}]});
    assert_eq!(home.send("POST", "/v1.0/$batch", &bare).await.status, 400);
}

// quirk: microsoft-22
#[tokio::test]
async fn an_answer_can_be_lost_after_the_work_was_done() {
    let home = Home::tame();
    home.world.plan(Aim::op(Op::Create), Fault::LostReply);
    let request = http::Request::post("https://graph.example/v1.0/me/events")
        .header("Authorization", format!("Bearer {}", home.token))
        .header("Content-Type", "application/json")
        .body(axum::body::Bytes::from(dentist().to_string()));
    assert!(home.microsoft.answer(request.unwrap()).await.is_none());
    assert_eq!(home.microsoft.held(&home.calendar).len(), 1);
    home.post(&dentist()).await;
    assert_eq!(home.microsoft.held(&home.calendar).len(), 1);
    home.world.plan(Aim::op(Op::Update), Fault::Race);
    let id = home.microsoft.held(&home.calendar)[0].id.clone();
    let etag = home.microsoft.held(&home.calendar)[0].version.clone();
    let path = format!("/v1.0/me/events/{id}");
    let stated = [("If-Match", etag.as_str())];
    let said = home.send_with("PATCH", &path, &stated, &json!({"subject": "a"})).await;
    assert_eq!(said.status, 412);
}

#[tokio::test]
async fn the_same_is_said_on_loopback() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let home = Home::tame();
    let running = home.microsoft.serve().await.unwrap();
    let ask = |path: &str| {
        let (path, token, addr) = (path.to_owned(), home.token.clone(), running.addr);
        async move {
            let mut line = tokio::net::TcpStream::connect(addr).await.unwrap();
            let text = format!(
                "GET {path} HTTP/1.1\r\nHost: {addr}\r\nAuthorization: Bearer {token}\r\n\
                 Connection: close\r\n\r\n"
            );
            line.write_all(text.as_bytes()).await.unwrap();
            let mut said = String::new();
            // A connection that was cut is an error, after what had come.
            let _ = line.read_to_string(&mut said).await;
            said
        }
    };
    let path = format!("/v1.0/me/calendarView/delta()?{}", super::WINDOW);
    let said = ask(&path).await;
    assert!(said.starts_with("HTTP/1.1 200"), "{said}");
    // Links lead back to where they were asked for.
    assert!(said.contains(&format!("{}v1.0/me/calendarView/delta()?$deltatoken=", running.url())));
    home.world.plan(Aim::op(Op::Changes), Fault::LostReply);
    assert_eq!(ask(&path).await, "");
}
