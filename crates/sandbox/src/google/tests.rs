//! What the simulated Google does, rule by rule, asked without sockets.

mod document;
mod listing;
mod replica;
mod series;
mod signin;
mod users;
mod writes;

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use axum::body::Bytes;
use model::CalendarId;
use serde_json::{Value, json};

use super::{Google, Quirks, Touch};
use crate::World;

/// A world with one account, and a client that has its token.
struct Bench {
    world: World,
    google: Google,
    calendar: CalendarId,
    token: String,
}

/// An answer.
#[derive(Debug)]
struct Answered {
    status: u16,
    etag: String,
    body: Value,
}

impl Answered {
    /// The first reason of a refusal.
    fn reason(&self) -> &str {
        self.body["error"]["errors"][0]["reason"].as_str().unwrap_or_default()
    }

    fn ids(&self) -> Vec<&str> {
        let items = self.body["items"].as_array().map_or(&[][..], Vec::as_slice);
        items.iter().filter_map(|item| item["id"].as_str()).collect()
    }

    fn token(&self) -> String {
        self.body["nextSyncToken"].as_str().unwrap_or_default().to_owned()
    }
}

impl Bench {
    /// As rude as it is, but for changes right after an insertion.
    fn new() -> Self {
        let world = World::new(3);
        world.account("gil", Default::default());
        let google = Google::new(&world, 3);
        google.open("gil");
        google.set_quirks(|quirks| quirks.touch = Touch::Never);
        let calendar = google.add_calendar("gil", "Family");
        let token = google.access_token("gil");
        Self { world, google, calendar, token }
    }

    fn tame() -> Self {
        let bench = Self::new();
        bench.google.set_quirks(|quirks| *quirks = Quirks::tame());
        bench
    }

    fn events(&self) -> String {
        format!("/calendar/v3/calendars/{}/events", self.calendar.as_str())
    }

    /// `path` is relative to the calendar's events.
    fn send(&self, method: &str, path: &str, version: Option<&str>, body: &Value) -> Answered {
        self.ask(method, &format!("{}{path}", self.events()), version, body)
            .expect("the connection holds")
    }

    fn ask(
        &self,
        method: &str,
        path: &str,
        version: Option<&str>,
        body: &Value,
    ) -> Option<Answered> {
        let mut request = http::Request::builder()
            .method(method)
            .uri(format!("http://google.test{path}"))
            .header("authorization", format!("Bearer {}", self.token));
        if let Some(version) = version {
            request = request.header("if-match", version);
        }
        let body = if body.is_null() {
            Bytes::new()
        } else {
            request = request.header("content-type", "application/json");
            Bytes::from(body.to_string())
        };
        let request = request.body(body).expect("it is a request");
        let response = ready(self.google.answer(request))?;
        let etag = response.headers().get("etag").and_then(|etag| etag.to_str().ok());
        Some(Answered {
            status: response.status().as_u16(),
            etag: etag.unwrap_or_default().to_owned(),
            body: serde_json::from_slice(response.body()).unwrap_or_default(),
        })
    }

    fn get(&self, path: &str) -> Answered {
        self.send("GET", path, None, &Value::Null)
    }

    fn insert(&self, body: &Value) -> Answered {
        self.send("POST", "?sendUpdates=none", None, body)
    }

    fn patch(&self, id: &str, body: &Value) -> Answered {
        self.send("PATCH", &format!("/{id}?sendUpdates=none"), None, body)
    }

    fn delete(&self, id: &str) -> Answered {
        self.send("DELETE", &format!("/{id}?sendUpdates=none"), None, &Value::Null)
    }

    /// All pages of a listing, as one answer.
    fn list(&self, query: &str) -> Answered {
        let mut items = Vec::new();
        let mut page = self.get(&format!("?{query}"));
        while let Some(next) = page.body["nextPageToken"].as_str().map(str::to_owned) {
            items.extend(page.body["items"].as_array().cloned().unwrap_or_default());
            page = self.get(&format!("?{query}&pageToken={next}"));
        }
        items.extend(page.body["items"].as_array().cloned().unwrap_or_default());
        if page.status == 200 {
            page.body["items"] = json!(items);
        }
        page
    }
}

/// What never waits.
fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => unreachable!("the service never waits"),
    }
}

/// An hour of a morning.
fn hour(id: &str) -> Value {
    json!({
        "id": id, "summary": "Dentist",
        "start": {"dateTime": "2026-03-02T09:00:00+01:00", "timeZone": "Europe/Berlin"},
        "end": {"dateTime": "2026-03-02T10:00:00+01:00", "timeZone": "Europe/Berlin"},
    })
}

/// Every Monday at nine in Berlin, ten times, across the change to summer time.
fn weekly(id: &str) -> Value {
    let mut event = hour(id);
    event["summary"] = json!("Stand-up");
    event["recurrence"] = json!(["RRULE:FREQ=WEEKLY;COUNT=10"]);
    event
}

/// `base` with some keys set.
fn with(base: &Value, more: &Value) -> Value {
    let mut base = base.clone();
    for (name, value) in more.as_object().into_iter().flatten() {
        base[name] = value.clone();
    }
    base
}
