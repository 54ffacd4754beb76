//! Listings: pages, tokens, what is shown of what is deleted.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Bench, hour, weekly, with};
use crate::google::{Quirk, Role};

#[test]
fn a_token_comes_with_the_last_page_only() {
    // quirk: google-1, google-2, google-4
    let bench = Bench::new();
    for number in 0..7 {
        bench.insert(&hour(&format!("event{number}")));
    }
    let mut sizes = Vec::new();
    let mut page = bench.get("?maxResults=3");
    loop {
        sizes.push(page.ids().len());
        let both = (&page.body["nextPageToken"], &page.body["nextSyncToken"]);
        assert!(both.0.is_null() != both.1.is_null(), "{both:?}");
        let Some(next) = both.0.as_str() else { break };
        page = bench.get(&format!("?maxResults=3&pageToken={next}"));
    }
    assert_eq!(sizes, [3, 0, 3, 1]);
    let all = bench.list("maxResults=3");
    let distinct: BTreeSet<&str> = all.ids().into_iter().collect();
    assert_eq!(distinct.len(), 7);
    assert!(!all.ids().is_sorted());
}

#[test]
fn what_changes_between_pages_comes_again() {
    // quirk: google-3
    let bench = Bench::new();
    for number in 0..5 {
        bench.insert(&hour(&format!("event{number}")));
    }
    let first = bench.get("?maxResults=3");
    let seen = first.ids()[0].to_owned();
    bench.patch(&seen, &json!({"summary": "Later"}));
    let mut next = first.body["nextPageToken"].as_str().unwrap().to_owned();
    let last = loop {
        let page = bench.get(&format!("?maxResults=3&pageToken={next}"));
        match page.body["nextPageToken"].as_str() {
            Some(token) => next = token.to_owned(),
            None => break page,
        }
    };
    assert!(last.ids().contains(&seen.as_str()));
    let delta = bench.list(&format!("maxResults=3&syncToken={}", last.token()));
    assert_eq!(delta.ids(), [seen]);
}

#[test]
fn changes_are_told_once_and_our_own_too() {
    // quirk: google-16
    let bench = Bench::new();
    let token = bench.list("").token();
    bench.insert(&hour("dentist1"));
    bench.insert(&hour("dentist2"));
    bench.delete("dentist2");
    let delta = bench.list(&format!("syncToken={token}"));
    assert_eq!(delta.ids().len(), 2);
    let quiet = bench.list(&format!("syncToken={}", delta.token()));
    assert!(quiet.ids().is_empty());
    let again = bench.list(&format!("syncToken={token}"));
    assert_eq!(again.ids().len(), 2);
}

#[test]
fn tokens_are_refused_in_their_ways() {
    // quirk: google-9, google-10, google-13, google-14
    let bench = Bench::new();
    let token = bench.list("maxResults=50").token();
    let other = bench.google.add_calendar("gil", "Work");
    let other = format!("/calendar/v3/calendars/{}/events?syncToken={token}", other.as_str());
    let strange = bench.ask("GET", &other, None, &Value::Null).unwrap();
    assert_eq!((strange.status, strange.reason()), (400, "invalid"));
    for query in ["syncToken=nonsense", "syncToken="] {
        assert_eq!(bench.get(&format!("?{query}")).reason(), "invalid", "{query}");
    }
    for more in [
        "iCalUID=x",
        "orderBy=updated",
        "q=x",
        "timeMin=2026-01-01T00:00:00Z",
        "timeMax=2026-01-01T00:00:00Z",
        "updatedMin=2026-01-01T00:00:00Z",
        "privateExtendedProperty=a%3Db",
        "showDeleted=false",
    ] {
        let refused = bench.get(&format!("?maxResults=50&syncToken={token}&{more}"));
        assert_eq!(refused.status, 400, "{more}");
    }
    bench.google.assert_unviolated();
    assert_eq!(bench.get(&format!("?syncToken={token}")).status, 400);
    assert_eq!(bench.google.violations().len(), 1);
    bench.google.expire_tokens(&bench.calendar);
    let expired = bench.get(&format!("?maxResults=50&syncToken={token}"));
    assert_eq!((expired.status, expired.reason()), (410, "fullSyncRequired"));
    bench.google.set_quirks(|quirks| quirks.token_uses = Some(1));
    let token = bench.list("").token();
    assert_eq!(bench.get(&format!("?syncToken={token}")).status, 200);
    assert_eq!(bench.get(&format!("?syncToken={token}")).status, 410);
}

#[test]
fn some_first_requests_get_no_token() {
    // quirk: google-15
    let bench = Bench::new();
    bench.insert(&hour("dentist1"));
    let cases = [
        ("showDeleted=true", true),
        ("timeMin=2026-01-01T00:00:00Z", true),
        ("eventTypes=default&eventTypes=fromGmail", true),
        ("singleEvents=true", true),
        ("singleEvents=true&orderBy=startTime", false),
        ("q=dentist", false),
        ("iCalUID=dentist1%40google.com", false),
        ("privateExtendedProperty=a%3Db", false),
        ("updatedMin=2026-01-01T00:00:00Z", false),
    ];
    for (query, has_token) in cases {
        assert_eq!(!bench.list(query).token().is_empty(), has_token, "{query}");
    }
    assert_eq!(bench.get("?orderBy=startTime").status, 400);
    assert_eq!(bench.get("?updatedMin=2020-01-01T00:00:00Z").reason(), "updatedMinTooLongAgo");
    let range = "timeMin=2026-02-01T00:00:00Z&timeMax=2026-01-01T00:00:00Z";
    assert_eq!(bench.get(&format!("?{range}")).reason(), "timeRangeEmpty");
}

#[test]
fn filters_let_through_what_fits() {
    let bench = Bench::new();
    let marked = json!({"extendedProperties": {"private": {"mark": "7"}}});
    bench.insert(&with(&hour("dentist1"), &marked));
    bench.insert(&with(&weekly("standup1"), &json!({"summary": "Jour fixe"})));
    let cases: &[(&str, usize)] = &[
        ("privateExtendedProperty=mark%3D7", 1),
        ("privateExtendedProperty=mark%3D8", 0),
        ("iCalUID=dentist1%40google.com", 1),
        ("q=jour", 1),
        ("timeMin=2026-03-02T09:00:00Z", 1),
        ("timeMin=2026-03-02T08:59:59Z", 2),
        ("timeMax=2026-03-02T08:00:00Z", 0),
        ("timeMin=2026-05-05T00:00:00Z", 0),
        ("eventTypes=birthday", 0),
        ("singleEvents=true", 11),
        ("singleEvents=true&timeMin=2026-03-09T00:00:00Z&timeMax=2026-03-24T00:00:00Z", 3),
    ];
    for (query, count) in cases {
        assert_eq!(bench.list(query).ids().len(), *count, "{query}");
    }
}

#[test]
fn what_is_cancelled_shows_in_part() {
    // quirk: google-5, google-6, google-7, google-8, google-43
    let bench = Bench::tame();
    let token = bench.list("").token();
    bench.insert(&weekly("standup1"));
    bench.insert(&weekly("standup2"));
    bench.insert(&hour("dentist1"));
    for day in ["0309", "0316", "0323"] {
        assert_eq!(bench.delete(&format!("standup1_2026{day}T080000Z")).status, 204, "{day}");
    }
    bench.patch("standup2_20260309T080000Z", &json!({"summary": "x"}));
    bench.delete("standup2");
    bench.delete("dentist1");
    let delta = format!("syncToken={token}");
    assert_eq!(bench.list("").ids().len(), 4);
    assert_eq!(bench.list("showDeleted=true").ids().len(), 6);
    assert_eq!(bench.list(&delta).ids().len(), 6);
    bench.google.set_quirks(|quirks| *quirks = Default::default());
    assert_eq!(bench.list("").ids().len(), 5);
    assert_eq!(bench.list("showDeleted=true").ids().len(), 4);
    let items = bench.list(&delta).body["items"].as_array().cloned().unwrap();
    let gone = items.iter().filter(|item| item["status"] == "cancelled");
    let shapes: BTreeSet<(bool, bool)> =
        gone.map(|item| (item["etag"].is_null(), item["originalStartTime"].is_null())).collect();
    assert!(shapes.len() >= 2, "{items:#?}");
}

#[test]
fn the_list_of_calendars() {
    // quirk: google-58
    let bench = Bench::new();
    let holidays = bench.google.add_holidays("gil");
    let list = |query: &str| {
        bench.ask("GET", &format!("/calendar/v3/users/me/calendarList{query}"), None, &Value::Null)
    };
    let all = list("").unwrap();
    assert_eq!(all.ids().len(), 3);
    let primary = all.body["items"].as_array().unwrap().iter();
    let primary: Vec<&Value> = primary.filter(|item| item["primary"] == true).collect();
    assert_eq!(primary[0]["id"], "gil@example.com");
    assert_eq!(list("?minAccessRole=writer").unwrap().ids().len(), 2);
    let encoded = holidays.as_str().replace('#', "%23");
    let path = format!("/calendar/v3/calendars/{encoded}/events");
    assert_eq!(bench.ask("GET", &path, None, &Value::Null).unwrap().status, 200);
    let token = all.token();
    assert!(list(&format!("?syncToken={token}")).unwrap().ids().is_empty());
    bench.google.set_role(&holidays, "gil", Role::None);
    assert_eq!(list(&format!("?syncToken={token}")).unwrap().status, 410);
    bench.google.set_quirks(|quirks| *quirks = quirks.clone().with(Quirk::NoSummaries));
    let without = list("").unwrap();
    assert!(without.body["items"].as_array().unwrap().iter().any(|one| one["summary"].is_null()));
    let primary = bench.ask("GET", "/calendar/v3/calendars/primary/events", None, &Value::Null);
    assert_eq!(primary.unwrap().status, 200);
}
