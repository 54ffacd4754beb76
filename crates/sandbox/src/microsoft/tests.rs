//! Conversations with the service, without sockets.

mod changes;
mod errors;
mod grants;
mod series;
mod users;
mod writes;

use axum::body::Bytes;
use model::CalendarId;
use serde_json::{Value, json};

use super::{Microsoft, Quirks};
use crate::{Account, World};

/// A world with one mailbox in it.
pub(super) struct Home {
    pub(super) world: World,
    pub(super) microsoft: Microsoft,
    pub(super) calendar: CalendarId,
    token: String,
}

/// An answer.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) status: u16,
    pub(super) headers: http::HeaderMap,
    pub(super) body: Value,
}

impl Said {
    pub(super) fn code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or_default()
    }

    pub(super) fn id(&self) -> String {
        self.body["id"].as_str().unwrap_or_default().to_owned()
    }

    pub(super) fn etag(&self) -> String {
        self.body["@odata.etag"].as_str().unwrap_or_default().to_owned()
    }

    pub(super) fn value(&self) -> Vec<Value> {
        self.body["value"].as_array().cloned().unwrap_or_default()
    }
}

/// Immutable ids, text bodies.
pub(super) const PREFER: &str = "IdType=\"ImmutableId\", outlook.body-content-type=\"text\"";

/// The window of most tests.
pub(super) const WINDOW: &str =
    "startDateTime=2026-01-01T00:00:00Z&endDateTime=2026-03-01T00:00:00Z";

impl Home {
    /// With the switches of a tame service.
    pub(super) fn tame() -> Self {
        let home = Self::rude();
        home.microsoft.set_quirks(|quirks| *quirks = Quirks::tame());
        home
    }

    pub(super) fn rude() -> Self {
        let world = World::new(1);
        world.add_account(Account::new("ada"));
        let microsoft = Microsoft::new(&world, 1);
        let calendar = microsoft.open("ada");
        let token = microsoft.access_token("ada");
        Self { world, microsoft, calendar, token }
    }

    pub(super) async fn send(&self, method: &str, path: &str, body: &Value) -> Said {
        self.send_with(method, path, &[("Prefer", PREFER)], body).await
    }

    pub(super) async fn send_with(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &Value,
    ) -> Said {
        let url = if path.starts_with("http") {
            path.to_owned()
        } else {
            format!("https://graph.example{path}")
        };
        let mut request = http::Request::builder().method(method).uri(url.replace(' ', "%20"));
        request = request.header("Authorization", format!("Bearer {}", self.token));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let bytes = if body.is_null() {
            Bytes::new()
        } else {
            request = request.header("Content-Type", "application/json");
            Bytes::from(body.to_string())
        };
        let response = self.microsoft.answer(request.body(bytes).unwrap()).await.unwrap();
        let (head, body) = response.into_parts();
        let body = serde_json::from_slice(&body).unwrap_or_default();
        Said { status: head.status.as_u16(), headers: head.headers, body }
    }

    pub(super) async fn get(&self, path: &str) -> Said {
        self.send("GET", path, &Value::Null).await
    }

    pub(super) async fn post(&self, event: &Value) -> Said {
        self.send("POST", "/v1.0/me/events", event).await
    }

    pub(super) async fn patch(&self, id: &str, event: &Value) -> Said {
        self.send("PATCH", &format!("/v1.0/me/events/{id}"), event).await
    }

    /// A whole round of changes from a link: its items, and the link to the next.
    pub(super) async fn round(&self, link: &str) -> (Vec<Value>, String) {
        let (mut items, mut link) = (Vec::new(), link.to_owned());
        for _ in 0..50 {
            let page = self.get(&link).await;
            assert_eq!(page.status, 200, "{page:?}");
            items.extend(page.value());
            let next = |name: &str| page.body[name].as_str().map(str::to_owned);
            if let Some(done) = next("@odata.deltaLink") {
                return (items, done);
            }
            link = next("@odata.nextLink").unwrap();
        }
        panic!("a round without end");
    }

    pub(super) async fn first_round(&self) -> (Vec<Value>, String) {
        self.round(&format!("/v1.0/me/calendarView/delta?{WINDOW}")).await
    }
}

pub(super) fn at(time: &str, zone: &str) -> Value {
    json!({"dateTime": time, "timeZone": zone})
}

/// An event from ten to eleven in Berlin.
pub(super) fn dentist() -> Value {
    let zone = "W. Europe Standard Time";
    json!({
        "subject": "Dentist", "body": {"contentType": "text", "content": "Bring\nthe card"},
        "start": at("2026-01-12T10:00:00", zone), "end": at("2026-01-12T11:00:00", zone),
        "isReminderOn": false, "transactionId": "one",
    })
}

/// Every Monday from ten to eleven in Berlin.
pub(super) fn weekly() -> Value {
    let mut event = dentist();
    event["transactionId"] = json!("two");
    event["subject"] = json!("Standup");
    event["recurrence"] = json!({
        "pattern": {"type": "weekly", "interval": 1, "daysOfWeek": ["monday"],
            "firstDayOfWeek": "monday"},
        "range": {"type": "numbered", "startDate": "2026-01-12", "numberOfOccurrences": 4},
    });
    event
}

/// The items of a kind, by its names: `type`, or `removed`.
pub(super) fn of_kind<'v>(items: &'v [Value], kind: &str) -> Vec<&'v Value> {
    let is_removed = |item: &&Value| !item["@removed"].is_null();
    items
        .iter()
        .filter(|item| if kind == "removed" { is_removed(item) } else { item["type"] == kind })
        .collect()
}
