//! Answers that the simulated service never gives, or gives only by chance: one after the other,
//! as they are written here.

use std::sync::Arc;

use bytes::Bytes;
use google::{Google, GoogleOptions};
use http::{Request, Response};
use model::{CalendarId, Resource};
use provider::{Change, ErrorKind, Next, Outcome, Provider};
use serde_json::{Value, json};
use transport::{Credential, Wire};

/// The adapter over a function from method, path and query to an answer.
fn over<F>(answer: F) -> Google
where
    F: Fn(&str, &str, &str) -> Response<Bytes> + Send + Sync + 'static,
{
    Google::new(GoogleOptions {
        api_url: "https://www.googleapis.com/calendar/v3".parse().expect("it is a URL"),
        credential: Credential::Token("token".into()),
        clock: Arc::new(|| "2026-03-01T00:00:00Z".parse().expect("an instant")),
        deadline: None,
        in_flight: None,
        wire: Wire::InProcess(Arc::new(move |request: Request<Bytes>| {
            let uri = request.uri();
            let query = uri.query().unwrap_or_default();
            let answer = answer(request.method().as_str(), uri.path(), query);
            Box::pin(async move { Some(answer) })
        })),
    })
    .expect("Google's address may be asked")
}

fn answer(status: u16, body: &Value) -> Response<Bytes> {
    let response = Response::builder().status(status).header("content-type", "application/json");
    response.body(Bytes::from(body.to_string())).expect("an answer")
}

fn refused(status: u16, reason: &str) -> Response<Bytes> {
    answer(status, &json!({"error": {"code": status, "errors": [{"reason": reason}]}}))
}

fn single(title: &str, updated: &str) -> Value {
    json!({"id": "single", "etag": format!("\"{updated}\""), "status": "confirmed",
        "iCalUID": "single@google.com", "summary": title, "updated": updated,
        "start": {"dateTime": "2026-03-02T09:00:00Z", "timeZone": "UTC"},
        "end": {"dateTime": "2026-03-02T10:00:00Z", "timeZone": "UTC"}})
}

fn calendar() -> CalendarId {
    CalendarId::new("c@group.calendar.google.com")
}

async fn found(google: &Google, id: &str) -> Resource {
    let fetched = google.fetch(&calendar(), &[id.into()]).await.expect("it is answered");
    match fetched.into_iter().next().map(|one| one.outcome) {
        Some(Outcome::Found(resource)) => *resource,
        other => panic!("{other:?}"),
    }
}

fn retitled(held: &Resource, title: &str) -> model::Series {
    let mut target = held.series.clone();
    target.master.as_mut().expect("a master").title = Some(title.to_owned().into());
    target
}

const OLD: &str = "2026-03-01T00:00:00.000Z";
const NEW: &str = "2026-03-02T00:00:00.000Z";

// quirk: google-3
#[tokio::test]
async fn of_a_single_event_listed_twice_the_later_state_counts() {
    for rows in [[single("new", NEW), single("old", OLD)], [single("old", OLD), single("new", NEW)]]
    {
        let page = json!({"items": rows, "nextSyncToken": "t"});
        let google = over(move |_, _, _| answer(200, &page));
        let changes = google.changes(&calendar(), None).await.expect("it is listed");
        let [Change::Present(held)] = &changes.items[..] else { panic!("{:?}", changes.items) };
        let title = held.series.face().and_then(|face| face.title.clone());
        assert_eq!(title, Some("new".into()));
    }
}

// quirk: google-8, google-43
#[tokio::test]
async fn a_deleted_series_is_gone_in_a_full_listing_too() {
    let exception = json!({"id": "m_20260309T090000Z", "recurringEventId": "m",
        "status": "confirmed",
        "start": {"dateTime": "2026-03-09T09:00:00Z", "timeZone": "UTC"},
        "end": {"dateTime": "2026-03-09T10:00:00Z", "timeZone": "UTC"}});
    let page = json!({"items": [exception, {"id": "m", "status": "cancelled"}],
        "nextSyncToken": "t"});
    let google = over(move |_, _, _| answer(200, &page));
    let changes = google.changes(&calendar(), None).await.expect("it is listed");
    assert!(matches!(&changes.items[..], [Change::Gone(id)] if id.as_str() == "m"), "{changes:?}");
}

#[tokio::test]
async fn a_listing_that_goes_round_in_circles_is_no_listing() {
    let google = over(|_, _, _| answer(200, &json!({"items": [], "nextPageToken": "p"})));
    let first = google.changes(&calendar(), None).await.expect("a page");
    let Next::More(more) = first.next else { panic!("{first:?}") };
    let error = google.changes(&calendar(), Some(&more)).await.expect_err("the same page again");
    assert_eq!(error.kind(), ErrorKind::Malformed);
}

// quirk: google-19
#[tokio::test]
async fn a_forbidden_change_of_a_deleted_event_says_that_it_is_gone() {
    let deleted = std::sync::atomic::AtomicBool::new(false);
    let google = over(move |method, _, _| {
        use std::sync::atomic::Ordering::Relaxed;
        match method {
            "PATCH" => {
                deleted.store(true, Relaxed);
                refused(403, "forbidden")
            }
            _ if deleted.load(Relaxed) => {
                answer(200, &json!({"id": "single", "status": "cancelled"}))
            }
            _ => answer(200, &single("A", OLD)),
        }
    });
    let held = found(&google, "single").await;
    let error = google.update(&calendar(), &held, &retitled(&held, "B")).await;
    assert_eq!(error.expect_err("it is gone").kind(), ErrorKind::Gone);
}

// quirk: google-44, google-45
#[tokio::test]
async fn a_version_that_is_what_was_to_be_written_is_good_and_any_other_is_stale() {
    for (there, want) in [("B", None), ("C", Some(ErrorKind::Stale))] {
        let sent = std::sync::atomic::AtomicU32::new(0);
        let google = over(move |method, _, _| {
            use std::sync::atomic::Ordering::Relaxed;
            match method {
                "PATCH" => {
                    assert_eq!(sent.fetch_add(1, Relaxed), 0, "it is sent once");
                    refused(412, "conditionNotMet")
                }
                _ if sent.load(Relaxed) > 0 => answer(200, &single(there, NEW)),
                _ => answer(200, &single("A", OLD)),
            }
        });
        let held = found(&google, "single").await;
        let updated = google.update(&calendar(), &held, &retitled(&held, "B")).await;
        assert_eq!(updated.err().map(|error| error.kind()), want, "{there}");
    }
}

// quirk: google-49, google-50
#[tokio::test]
async fn how_long_to_wait_is_heeded_and_a_daily_limit_stops_writes() {
    let google = over(|_, _, _| {
        let mut answer = refused(403, "rateLimitExceeded");
        answer.headers_mut().insert("retry-after", http::HeaderValue::from_static("77"));
        answer
    });
    let error = google.changes(&calendar(), None).await.expect_err("it is throttled");
    let ErrorKind::RateLimited { retry_after: Some(wait) } = error.kind() else {
        panic!("{error}")
    };
    assert!((76..=77).contains(&wait.as_secs()), "{wait:?}");
    for reason in ["quotaExceeded", "calendarUsageLimits", "dailyLimitExceeded"] {
        let google = over(move |method, _, _| match method {
            "PATCH" => refused(403, reason),
            _ => answer(200, &single("A", OLD)),
        });
        let held = found(&google, "single").await;
        let error = google.update(&calendar(), &held, &retitled(&held, "B")).await;
        let kind = error.expect_err("it is refused").kind();
        assert!(matches!(kind, ErrorKind::WritesLimited { retry_after: Some(_) }), "{kind:?}");
        found(&google, "single").await;
    }
}
