//! Rounds of changes.

use serde_json::{Value, json};

use super::{Home, WINDOW, dentist, of_kind, weekly};
use crate::faults::{Aim, Fault};
use crate::microsoft::{EventsDelta, Expiry, Quirk, Quirks};
use crate::{Op, microsoft::Microsoft};

fn ids(items: &[Value]) -> Vec<&str> {
    items.iter().filter_map(|item| item["id"].as_str()).collect()
}

// quirk: microsoft-1, microsoft-2, microsoft-3, microsoft-10
#[tokio::test]
async fn a_series_is_told_as_a_master_and_stubs_and_nothing_of_what_was_deleted() {
    let home = Home::tame();
    let (items, link) = home.first_round().await;
    assert_eq!(items, Vec::<Value>::new());
    home.post(&dentist()).await;
    let series = home.post(&weekly()).await;
    let (items, link) = home.round(&link).await;
    assert_eq!(items.len(), 6);
    let stubs = of_kind(&items, "occurrence");
    let mut members: Vec<&String> = stubs[0].as_object().unwrap().keys().collect();
    members.sort();
    let known = ["@odata.etag", "@odata.type", "end", "id", "seriesMasterId", "start", "type"];
    assert_eq!(members, known);
    assert_eq!(stubs[0]["seriesMasterId"], series.id().as_str());
    assert_eq!(of_kind(&items, "seriesMaster")[0]["subject"], "Standup");
    let second = stubs[1]["id"].as_str().unwrap().to_owned();
    let path = format!("/v1.0/me/events/{second}");
    assert_eq!(home.send("DELETE", &path, &Value::Null).await.status, 204);
    let (items, link) = home.round(&link).await;
    assert_eq!((items.len(), of_kind(&items, "removed").len()), (4, 0));
    assert!(!ids(&items).contains(&second.as_str()));
    let third = of_kind(&items, "occurrence")[1]["id"].as_str().unwrap().to_owned();
    home.patch(&third, &json!({"subject": "Moved"})).await;
    let (items, link) = home.round(&link).await;
    assert_eq!(of_kind(&items, "exception")[0]["subject"], "Moved");
    let quiet = home.get(&link).await;
    assert_eq!((quiet.value().len(), quiet.body["@odata.nextLink"].is_null()), (0, true));
    home.microsoft.assert_unviolated();
}

// quirk: microsoft-5, microsoft-6, microsoft-14
#[tokio::test]
async fn what_is_outside_the_window_is_told_as_removed() {
    let home = Home::tame();
    let series = home.post(&weekly()).await;
    let single = home.post(&dentist()).await;
    let (items, link) = home.first_round().await;
    let told = ids(&items).into_iter().map(str::to_owned).collect::<Vec<_>>();
    let zone = "UTC";
    let (start, end) =
        (super::at("2027-01-01T08:00:00", zone), super::at("2027-01-01T09:00:00", zone));
    home.patch(&single.id(), &json!({"start": start, "end": end})).await;
    let mut late = dentist();
    (late["start"], late["end"], late["transactionId"]) = (start, end, json!("late"));
    let unknown = home.post(&late).await;
    home.send("DELETE", &format!("/v1.0/me/events/{}", series.id()), &Value::Null).await;
    let (items, _) = home.round(&link).await;
    let removed = ids(&items);
    assert_eq!(of_kind(&items, "removed").len(), items.len());
    assert!(told.iter().all(|id| removed.contains(&id.as_str())));
    assert!(removed.contains(&unknown.id().as_str()));
    assert!(items[0].get("type").is_none() && items[0].get("seriesMasterId").is_none());
}

// quirk: microsoft-4, microsoft-7, microsoft-12
#[tokio::test]
async fn pages_keep_series_whole_can_be_empty_and_may_never_end() {
    let home = Home::rude();
    home.post(&weekly()).await;
    for number in 0..3 {
        let mut event = dentist();
        event["transactionId"] = json!(format!("n{number}"));
        home.post(&event).await;
    }
    let prefer = [("Prefer", "odata.maxpagesize=2")];
    let first = format!("/v1.0/me/calendarView/delta?{WINDOW}");
    let mut page = home.send_with("GET", &first, &prefer, &Value::Null).await;
    let mut sizes = vec![page.value().len()];
    assert!(page.headers["preference-applied"].to_str().unwrap().contains("track-changes"));
    while let Some(next) = page.body["@odata.nextLink"].as_str().map(str::to_owned) {
        assert!(page.body["@odata.deltaLink"].is_null());
        assert!(next.starts_with("https://graph.example/v1.0/me/calendarView/delta?$skiptoken="));
        page = home.send_with("GET", &next, &prefer, &Value::Null).await;
        sizes.push(page.value().len());
    }
    assert_eq!(sizes, [5, 0, 2, 1]);
    home.microsoft.set_quirks(|quirks| *quirks = Quirks::tame().with(Quirk::EndlessPages));
    let one = home.send_with("GET", &first, &prefer, &Value::Null).await;
    let next = one.body["@odata.nextLink"].as_str().unwrap();
    let two = home.send_with("GET", next, &prefer, &Value::Null).await;
    assert_eq!(one.value(), two.value());
    assert_ne!(one.body["@odata.nextLink"], two.body["@odata.nextLink"]);
    assert!(home.get(&first).await.body["@odata.deltaLink"].is_string());
}

// quirk: microsoft-8, microsoft-9, microsoft-70, microsoft-74
#[tokio::test]
async fn rounds_can_be_shuffled_repeated_late_or_foreign() {
    let home = Home::tame();
    let (_, link) = home.first_round().await;
    home.microsoft.set_quirks(|quirks| quirks.lag = 1);
    let made = home.post(&dentist()).await;
    let (items, link) = home.round(&link).await;
    assert_eq!(items, Vec::<Value>::new());
    let (items, link) = home.round(&link).await;
    assert_eq!(ids(&items), [made.id().as_str()]);
    home.microsoft.set_quirks(|quirks| *quirks = Quirks::tame().with(Quirk::Replay));
    let (items, _) = home.round(&link).await;
    assert_eq!(ids(&items), [made.id().as_str()]);
    home.post(&weekly()).await;
    home.microsoft.set_quirks(|quirks| *quirks = Quirks::tame().with(Quirk::Shuffled));
    let (items, _) = home.first_round().await;
    assert_eq!(ids(&items).iter().filter(|id| **id == made.id()).count(), 2);
    home.microsoft.set_quirks(|quirks| *quirks = Quirks::tame().with(Quirk::ForeignLinks));
    let page = home.get(&format!("/v1.0/me/calendarView/delta?{WINDOW}")).await;
    let link = page.body["@odata.deltaLink"].as_str().unwrap();
    assert!(!link.starts_with("https://graph.example/"));
    home.microsoft.set_quirks(|quirks| *quirks = Quirks::tame().with(Quirk::StrangeTombstones));
    let (items, _) = home.round(&link.replace("outlook.office365.example", "graph.example")).await;
    assert_eq!(of_kind(&items, "removed").len(), 1);
}

// quirk: microsoft-13
#[tokio::test]
async fn tokens_expire_in_four_ways() {
    let home = Home::tame();
    let (_, link) = home.first_round().await;
    home.microsoft.expire_tokens(&home.calendar);
    for (expiry, status, code) in [
        (Expiry::NotFound, 410, "SyncStateNotFound"),
        (Expiry::Resync, 410, "resyncRequired"),
        (Expiry::Invalid, 400, "SyncStateInvalid"),
        (Expiry::DeltaToken, 400, "InvalidDeltaToken"),
    ] {
        home.microsoft.set_quirks(|quirks| quirks.expiry = expiry);
        let said = home.get(&link).await;
        assert_eq!((said.status, said.code()), (status, code));
        if expiry == Expiry::NotFound {
            let again = said.headers["location"].to_str().unwrap().to_owned();
            assert_eq!(home.get(&again).await.status, 200);
        }
    }
    let unknown = home.get("/v1.0/me/calendarView/delta?$deltatoken=latest").await;
    assert_eq!(unknown.code(), "InvalidDeltaToken");
}

// quirk: microsoft-15, microsoft-16, microsoft-17
#[tokio::test]
async fn a_round_takes_a_window_and_nothing_else() {
    let home = Home::tame();
    for query in ["$top=5", "$select=id", "$filter=isAllDay eq true", "$orderby=subject"] {
        let said = home.get(&format!("/v1.0/me/calendarView/delta?{WINDOW}&{query}")).await;
        assert_eq!((said.status, said.code()), (400, "ErrorInvalidUrlQuery"), "{query}");
    }
    assert_eq!(home.microsoft.violations().len(), 4);
    let long = "startDateTime=2020-01-01T00:00:00Z&endDateTime=2026-01-01T00:00:00Z";
    let said = home.get(&format!("/v1.0/me/calendarView/delta?{long}")).await;
    assert_eq!((said.status, said.code()), (400, "ErrorInvalidRequest"));
    let said = home.get("/v1.0/me/calendarView/delta?startDateTime=2020-01-01").await;
    assert_eq!((said.status, said.code()), (400, "ErrorInvalidParameter"));
    let lower = WINDOW.to_lowercase().replace('z', "Z").replace("t0", "T0");
    let spelt = format!("/v1.0/me/calendar/calendarview/microsoft.graph.delta()?{lower}");
    assert_eq!(home.get(&spelt).await.status, 200);
}

#[tokio::test]
async fn events_alone_can_be_followed_where_that_is_there() {
    let home = Home::tame();
    let path = "/v1.0/me/events/delta?startDateTime=2026-01-01T00:00:00Z&$select=id";
    assert_eq!(home.get(path).await.status, 400);
    home.microsoft.assert_unviolated();
    home.microsoft.set_quirks(|quirks| quirks.events_delta = EventsDelta::Works);
    let series = home.post(&weekly()).await;
    let (items, link) = home.round(path).await;
    assert_eq!(ids(&items), [series.id().as_str()]);
    home.send("DELETE", &format!("/v1.0/me/events/{}", series.id()), &Value::Null).await;
    let (items, _) = home.round(&link).await;
    assert_eq!((items.len(), of_kind(&items, "removed").len()), (1, 1));
}

#[tokio::test]
async fn faults_strike_rounds() {
    let home = Home::tame();
    home.post(&dentist()).await;
    home.world.plan(Aim::op(Op::Changes), Fault::EmptyListing);
    let (items, link) = home.first_round().await;
    assert_eq!(items.len(), 0);
    home.world.plan(Aim::op(Op::Changes), Fault::SilentFull);
    assert_eq!(home.round(&link).await.0.len(), 1);
    home.world.plan(Aim::op(Op::Changes), Fault::CursorExpired);
    assert_eq!(home.get(&link).await.status, 410);
    home.world.plan(Aim::op(Op::Changes), Fault::Ghost);
    let (items, _) = home.round(&link).await;
    let ghost = items[0]["id"].as_str().unwrap();
    assert_eq!(home.get(&format!("/v1.0/me/events/{ghost}")).await.status, 404);
    let other: Microsoft = home.microsoft.clone();
    other.forget_log();
    assert_eq!(home.microsoft.log().len(), 0);
}
