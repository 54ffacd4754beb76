//! Creating, reading, changing, deleting: what is kept and how it is shown.

use serde_json::{Value, json};

use super::{Home, at, dentist};
use crate::Author;
use crate::microsoft::{Dressing, Quirk, Quirks};

#[tokio::test]
async fn an_event_is_made_shown_changed_and_deleted() {
    let home = Home::rude();
    let made = home.post(&dentist()).await;
    assert_eq!(made.status, 201, "{made:?}");
    assert!(made.headers["location"].to_str().unwrap().contains(&made.id()));
    // quirk: microsoft-24, microsoft-30
    assert_eq!(made.body["start"], at("2026-01-12T09:00:00.0000000", "UTC"));
    assert_eq!(made.body["body"]["content"], "Bring\r\nthe card\r\n");
    assert_eq!(made.body["type"], "singleInstance");
    assert_eq!(made.body["originalStartTimeZone"], "W. Europe Standard Time");
    let path = format!("/v1.0/me/events/{}", made.id());
    let seen = home.get(&path).await;
    assert_eq!((seen.id(), seen.etag()), (made.id(), made.etag()));
    assert_eq!(seen.headers["preference-applied"].to_str().unwrap(), super::PREFER);
    // quirk: microsoft-51
    let headers = [("If-Match", made.etag())];
    let stated = [("If-Match", headers[0].1.as_str()), ("Prefer", super::PREFER)];
    let title = json!({"subject": "Dentist again"});
    let changed = home.send_with("PATCH", &path, &stated, &title).await;
    assert_eq!((changed.status, &changed.body["subject"]), (200, &title["subject"]));
    assert_ne!(changed.etag(), made.etag());
    let stale = home.send_with("PATCH", &path, &stated, &title).await;
    assert_eq!((stale.status, stale.code()), (412, "ErrorIrresolvableConflict"));
    assert_eq!(home.send_with("DELETE", &path, &stated, &Value::Null).await.status, 412);
    assert_eq!(home.send("DELETE", &path, &Value::Null).await.status, 204);
    // quirk: microsoft-73
    let twice = home.send("DELETE", &path, &Value::Null).await;
    assert_eq!((twice.status, twice.code()), (404, "ErrorItemNotFound"));
    assert_eq!(home.get(&path).await.status, 404);
    home.microsoft.assert_unviolated();
    home.world.assert_no_mail();
    let deeds = home.world.deeds(&home.calendar);
    assert_eq!(deeds.len(), 3);
    assert!(deeds.iter().all(|deed| deed.author == Author::Client) && deeds[2].raw.is_none());
}

// quirk: microsoft-31, microsoft-32
#[tokio::test]
async fn a_reminder_is_there_unless_it_is_taken_away() {
    let home = Home::tame();
    let mut event = dentist();
    event.as_object_mut().unwrap().remove("isReminderOn");
    let made = home.post(&event).await;
    assert_eq!(made.body["isReminderOn"], true);
    assert_eq!(made.body["reminderMinutesBeforeStart"], 15);
    let wrong = home.patch(&made.id(), &json!({"reminderMinutesBeforeStart": -5})).await;
    assert_eq!(wrong.code(), "ErrorPropertyValidationFailure");
}

// quirk: microsoft-22
#[tokio::test]
async fn a_transaction_makes_one_event() {
    let home = Home::tame();
    let first = home.post(&dentist()).await;
    let again = home.post(&dentist()).await;
    assert_eq!((again.status, again.id()), (201, first.id()));
    home.microsoft.set_quirks(|quirks| *quirks = Quirks::tame().with(Quirk::TransactionsRefused));
    assert_eq!(home.post(&dentist()).await.status, 409);
    home.send("DELETE", &format!("/v1.0/me/events/{}", first.id()), &Value::Null).await;
    assert_ne!(home.post(&dentist()).await.id(), first.id());
    assert_eq!(home.patch(&first.id(), &json!({})).await.status, 404);
}

// quirk: microsoft-23
#[tokio::test]
async fn extended_properties_are_seen_only_where_they_are_asked_for() {
    let home = Home::tame();
    let mark = "String {66f5a359-4659-4830-9070-00047ec6ac6e} Name org.example.uid";
    let mut event = dentist();
    event["singleValueExtendedProperties"] = json!([{"id": mark, "value": "abc"}]);
    let made = home.post(&event).await;
    let key = "singleValueExtendedProperties";
    assert!(made.body.get(key).is_none());
    let path = format!("/v1.0/me/events/{}?$expand={key}($filter=id eq '{mark}')", made.id());
    assert_eq!(home.get(&path).await.body[key], json!([{"id": mark, "value": "abc"}]));
    let found = |value: &str| {
        let query = format!("$filter={key}/Any(ep: ep/id eq '{mark}' and ep/value eq '{value}')");
        let calendar = home.calendar.as_str().to_owned();
        let path = format!("/v1.0/me/calendars/{calendar}/events?{query}&$select=id");
        let home = &home;
        async move { home.get(&path).await.value() }
    };
    assert_eq!(found("ABC").await.len(), 1);
    assert_eq!(found("abd").await, Vec::<Value>::new());
    home.microsoft.assert_unviolated();
}

// quirk: microsoft-27, microsoft-28
#[tokio::test]
async fn whole_days_are_midnights_in_whatever_zone() {
    let home = Home::tame();
    let day = |start: &str, end: &str| {
        let (start, end) = (at(start, "UTC"), at(end, "UTC"));
        json!({"isAllDay": true, "start": start, "end": end})
    };
    for (start, end, message) in [
        ("2026-02-01T01:00:00", "2026-02-02T00:00:00", "set to midnight"),
        ("2026-02-01T00:00:00", "2026-02-01T00:00:00", "at least 24 hours"),
    ] {
        let wrong = home.post(&day(start, end)).await;
        assert_eq!((wrong.status, wrong.code()), (400, "ErrorInvalidRequest"));
        assert!(wrong.body["error"]["message"].as_str().unwrap().contains(message));
    }
    let made = home.post(&day("2026-02-01T00:00:00", "2026-02-02T00:00:00")).await;
    let zone = "Tokyo Standard Time";
    let prefer = format!("outlook.timezone=\"{zone}\", IdType=\"ImmutableId\"");
    let path = format!("/v1.0/me/events/{}", made.id());
    let seen = home.send_with("GET", &path, &[("Prefer", &prefer)], &Value::Null).await;
    assert_eq!(seen.body["start"], at("2026-02-01T00:00:00.0000000", zone));
}

// quirk: microsoft-25, microsoft-26
#[tokio::test]
async fn zones_are_windows_names_and_some_others() {
    let home = Home::tame();
    for (zone, status) in [
        ("Pacific Standard Time", 201),
        ("Europe/Berlin", 201),
        ("UTC", 201),
        ("tzone://Microsoft/Utc", 400),
        ("Europe/Oslo", 400),
        ("Customized Time Zone", 400),
        ("tzone://Microsoft/Custom", 400),
        ("", 400),
    ] {
        let (start, end) = (at("2026-02-01T08:00:00", zone), at("2026-02-01T09:00:00", zone));
        let made = home.post(&json!({"start": start, "end": end})).await;
        assert_eq!(made.status, status, "{zone}: {made:?}");
        if status == 400 {
            assert_eq!(made.code(), "TimeZoneNotSupportedException");
        }
    }
    home.microsoft.set_quirks(|quirks| *quirks = Quirks::default());
    let utc =
        json!({"start": at("2026-02-01T08:00:00", "UTC"), "end": at("2026-02-01T09:00", "UTC")});
    assert_eq!(home.post(&utc).await.body["originalStartTimeZone"], "tzone://Microsoft/Utc");
}

// quirk: microsoft-53, microsoft-21
#[tokio::test]
async fn who_is_invited_gets_mail() {
    let home = Home::tame();
    let mut event = dentist();
    event["attendees"] = json!([{"emailAddress": {"address": "bob@example.org"}}]);
    event["iCalUId"] = json!("mine");
    let made = home.post(&event).await;
    assert_ne!(made.body["iCalUId"], "mine");
    assert_eq!((home.world.outbox().len(), home.microsoft.violations().len()), (1, 2));
    home.patch(&made.id(), &json!({"showAs": "free"})).await;
    assert_eq!(home.world.outbox().len(), 1);
    home.patch(&made.id(), &json!({"subject": "Other"})).await;
    home.send("DELETE", &format!("/v1.0/me/events/{}", made.id()), &Value::Null).await;
    assert_eq!(home.world.outbox().len(), 3);
}

// quirk: microsoft-56, microsoft-57
#[tokio::test]
async fn an_online_meeting_needs_its_block_and_places_go_together() {
    let home = Home::tame();
    let made = home.post(&dentist()).await;
    let uid = made.body["iCalUId"].as_str().unwrap().to_owned();
    home.microsoft.user(&home.calendar).dress(&uid, &Dressing::OnlineMeeting);
    let path = format!("/v1.0/me/events/{}", made.id());
    assert!(home.get(&path).await.body["onlineMeeting"]["joinUrl"].is_string());
    let rooms = json!({"locations": [{"displayName": "A"}, {"displayName": "B"}]});
    let placed = home.patch(&made.id(), &rooms).await;
    assert_eq!(placed.body["location"]["displayName"], "A; B");
    let placed = home.patch(&made.id(), &json!({"location": {"displayName": "C"}})).await;
    assert_eq!(placed.body["locations"].as_array().unwrap().len(), 1);
    assert!(placed.body["onlineMeeting"]["joinUrl"].is_string());
    let body = json!({"body": {"contentType": "text", "content": "New"}});
    assert!(home.patch(&made.id(), &body).await.body["onlineMeeting"].is_null());
}

// quirk: microsoft-19, microsoft-18
#[tokio::test]
async fn a_classic_id_changes_when_the_event_moves() {
    let home = Home::tame();
    let other = home.microsoft.add_calendar("ada", "Other");
    let made = home.post(&dentist()).await;
    let path = |id: &str| format!("/v1.0/me/events/{id}");
    let classic = home.send_with("GET", &path(&made.id()), &[], &Value::Null).await;
    assert_eq!((classic.id().len(), made.id().len()), (152, 72));
    assert_eq!(classic.body["body"]["contentType"], "html");
    let uid = made.body["iCalUId"].as_str().unwrap().to_owned();
    let (_, link) = home.first_round().await;
    assert!(home.microsoft.user(&home.calendar).move_to(&uid, &other));
    assert_eq!(home.get(&path(&classic.id())).await.status, 404);
    assert_eq!(home.get(&path(&made.id())).await.status, 200);
    let own = format!("/v1.0/me/calendars/{}/events/{}", home.calendar.as_str(), made.id());
    assert_eq!(home.get(&own).await.status, 404);
    let (items, _) = home.round(&link).await;
    assert_eq!(items[0]["@removed"]["reason"], "deleted");
    assert_eq!(items[0]["id"], made.id().as_str());
}

// quirk: microsoft-50, microsoft-11
#[tokio::test]
async fn keys_move_by_themselves_and_conflicts_come_from_nowhere() {
    let home = Home::tame();
    home.microsoft.set_quirks(|quirks| *quirks = Quirks::tame().with(Quirk::RestlessKeys));
    let made = home.post(&dentist()).await;
    let path = format!("/v1.0/me/events/{}", made.id());
    assert_ne!(home.get(&path).await.etag(), made.etag());
    home.microsoft.set_quirks(|quirks| *quirks = Quirks::tame().with(Quirk::RandomConflicts));
    let mut statuses = Vec::new();
    for _ in 0..7 {
        statuses.push(home.patch(&made.id(), &json!({"subject": "a"})).await.status);
    }
    assert_eq!(statuses.iter().filter(|status| **status == 412).count(), 1);
}
