//! Calendars, colours and settings: what there is beside events.

use serde_json::{Value, json};

use super::answer;
use super::call::Call;
use super::failure::Failure;
use super::quirks::Quirk;
use super::state::{Calendar, Role, Service};
use crate::faults::Fault;
use crate::rest::Reply;

/// Google's colours of events, by id.
const EVENT_COLORS: [&str; 11] = [
    "#a4bdfc", "#7ae7bf", "#dbadff", "#ff887c", "#fbd75b", "#ffb878", "#46d6db", "#e1e1e1",
    "#5484ed", "#51b749", "#dc2127",
];

/// Calendars on a page where nothing is asked for (discovery document).
const PAGE: usize = 100;

impl Service {
    pub(super) fn calendar_list(&mut self, call: &Call<'_>) -> Result<Reply, Failure> {
        let least = match call.parameters.get("minAccessRole") {
            Some("owner") => Role::Owner,
            Some("writer") => Role::Writer,
            Some("reader") => Role::Reader,
            _ => Role::FreeBusyReader,
        };
        let version = self.catalogue_version(&call.account);
        if let Some(token) = call.parameters.get("syncToken") {
            if token == version {
                let body = json!({
                    "kind": "calendar#calendarList", "etag": "\"c\"", "nextSyncToken": version,
                });
                return Ok(answer::json(200, &body));
            }
            return Err(Failure::full_sync());
        }
        let listed = self.calendars.values().filter(|held| {
            self.role(&call.account, &held.id) >= least && call.fault != Some(Fault::EmptyListing)
        });
        let all: Vec<Value> = listed.map(|held| self.entry(call, held)).collect();
        let parse = |name: &str| call.parameters.get(name).and_then(|text| text.parse().ok());
        let size: usize = parse("maxResults").unwrap_or(PAGE).min(self.quirks.largest_page).max(1);
        let offset: usize = parse("pageToken").unwrap_or(0);
        let items: Vec<&Value> = all.iter().skip(offset).take(size).collect();
        let mut body = json!({"kind": "calendar#calendarList", "etag": "\"c\""});
        // quirk: google-58
        if !items.is_empty() {
            body["items"] = json!(items);
        }
        if offset + size < all.len() {
            body["nextPageToken"] = json!((offset + size).to_string());
        } else {
            body["nextSyncToken"] = json!(version);
        }
        Ok(answer::json(200, &body))
    }

    /// A number that tells one state of the list from another.
    fn catalogue_version(&self, account: &str) -> String {
        let seen = self.calendars.values().map(|held| {
            format!("{}|{}|{};", held.id, held.summary, self.role(account, &held.id).name())
        });
        let text: String = seen.collect();
        let sum = text
            .bytes()
            .fold(17, |sum: u64, byte| sum.wrapping_mul(0x0100_0000_01b3) ^ u64::from(byte));
        format!("c{sum:x}")
    }

    pub(super) fn calendar_entry(&self, call: &Call<'_>) -> Result<Reply, Failure> {
        let held = self.calendar(call)?;
        Ok(answer::json(200, &self.entry(call, held)))
    }

    // quirk: google-59
    fn entry(&self, call: &Call<'_>, held: &Calendar) -> Value {
        let role = self.role(&call.account, &held.id);
        let mut entry = json!({
            "kind": "calendar#calendarListEntry", "etag": "\"1\"", "id": held.id,
            "summary": held.summary, "timeZone": held.zone, "colorId": "14",
            "backgroundColor": "#9fe1e7", "foregroundColor": "#000000", "selected": true,
            "accessRole": role.name(), "defaultReminders": held.default_reminders,
        });
        let is_primary = self.accounts.get(&call.account) == Some(&held.id);
        if is_primary {
            entry["primary"] = json!(true);
        } else if self.quirks.has(Quirk::NoSummaries)
            && let Some(map) = entry.as_object_mut()
        {
            map.remove("summary");
        }
        entry
    }

    pub(super) fn calendar_itself(&self, call: &Call<'_>) -> Result<Reply, Failure> {
        let held = self.calendar(call)?;
        let body = json!({
            "kind": "calendar#calendar", "etag": "\"1\"", "id": held.id, "summary": held.summary,
            "timeZone": held.zone,
        });
        Ok(answer::json(200, &body))
    }
}

pub(super) fn colors() -> Reply {
    let colors = EVENT_COLORS.iter().enumerate().map(|(at, color)| {
        let described = json!({"background": color, "foreground": "#1d1d1d"});
        ((at + 1).to_string(), described)
    });
    let event: serde_json::Map<String, Value> = colors.collect();
    let body = json!({
        "kind": "calendar#colors", "updated": "2012-02-14T00:00:00.000Z",
        "calendar": {"14": {"background": "#9fe1e7", "foreground": "#1d1d1d"}}, "event": event,
    });
    answer::json(200, &body)
}

pub(super) fn settings() -> Reply {
    let zone = json!({
        "kind": "calendar#setting", "etag": "\"0\"", "id": "timezone", "value": "Europe/Berlin",
    });
    let body = json!({
        "kind": "calendar#settings", "etag": "\"s\"", "items": [zone], "nextSyncToken": "settings",
    });
    answer::json(200, &body)
}
