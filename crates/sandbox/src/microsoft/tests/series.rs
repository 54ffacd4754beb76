//! Recurrence: what can be written, what comes back, occurrences and exceptions.

use serde_json::{Value, json};

use super::{Home, at, dentist, weekly};
use crate::microsoft::{Quirk, Quirks};

const YEAR: &str = "startDateTime=2026-01-01T00:00:00Z&endDateTime=2027-01-01T00:00:00Z";

/// The instances of a series, in order of their starts.
async fn instances(home: &Home, id: &str) -> Vec<Value> {
    let said = home.get(&format!("/v1.0/me/events/{id}/instances?{YEAR}&$top=100")).await;
    assert_eq!(said.status, 200, "{said:?}");
    let mut all = said.value();
    all.sort_by_key(|one| one["start"]["dateTime"].as_str().unwrap().to_owned());
    all
}

fn start(one: &Value) -> &str {
    one["start"]["dateTime"].as_str().unwrap().split('.').next().unwrap()
}

// quirk: microsoft-33, microsoft-36
#[tokio::test]
async fn a_recurrence_comes_back_filled_and_begins_on_its_pattern() {
    let home = Home::tame();
    let made = home.post(&weekly()).await;
    let echo = json!({
        "pattern": {"type": "weekly", "interval": 1, "month": 0, "dayOfMonth": 0,
            "daysOfWeek": ["monday"], "firstDayOfWeek": "monday", "index": "first"},
        "range": {"type": "numbered", "startDate": "2026-01-12", "endDate": "0001-01-01",
            "recurrenceTimeZone": "W. Europe Standard Time", "numberOfOccurrences": 4},
    });
    assert_eq!(made.body["recurrence"], echo);
    let mut late = weekly();
    late["transactionId"] = json!("late");
    late["recurrence"]["pattern"]["daysOfWeek"] = json!(["wednesday"]);
    let made = home.post(&late).await;
    assert_eq!(made.body["start"], at("2026-01-14T09:00:00.0000000", "UTC"));
    let all = instances(&home, &made.id()).await;
    assert_eq!((all.len(), start(&all[0])), (4, "2026-01-14T09:00:00"));
    assert_eq!(all[0]["originalStart"], "2026-01-14T09:00:00Z");
    assert_eq!(all[0]["subject"], "Standup");
}

// quirk: microsoft-34, microsoft-35, microsoft-39, microsoft-71
#[tokio::test]
async fn a_recurrence_says_what_its_type_has_and_no_more() {
    let home = Home::tame();
    let wrong = [
        ("/pattern/month", json!(0)),
        ("/pattern/index", json!("first")),
        ("/pattern/dayOfMonth", json!(0)),
        ("/pattern/type", json!("daily")),
        ("/pattern/interval", json!(0)),
        ("/pattern/interval", json!(100)),
        ("/pattern/daysOfWeek", json!([])),
        ("/pattern/firstDayOfWeek", Value::Null),
        ("/range/startDate", json!("2026-01-13")),
        ("/range/endDate", json!("2026-03-01")),
        ("/range/numberOfOccurrences", json!(0)),
        ("/range/recurrenceTimeZone", json!("")),
    ];
    for (number, (path, value)) in wrong.into_iter().enumerate() {
        let mut event = weekly();
        event["transactionId"] = json!(format!("t{number}"));
        let (group, name) = path.rsplit_once('/').unwrap();
        event["recurrence"].pointer_mut(group).unwrap()[name] = value.clone();
        assert_eq!(home.post(&event).await.status, 400, "{path} {value}");
    }
    home.microsoft.set_quirks(|quirks| *quirks = Quirks::tame().with(Quirk::RangeFirstRefused));
    assert_eq!(home.post(&weekly()).await.status, 201);
    let mut long = weekly();
    long["transactionId"] = json!("long");
    long["end"] = at("2026-01-20T11:00:00", "W. Europe Standard Time");
    assert_eq!(home.post(&long).await.code(), "ErrorOccurrenceTimeSpanTooBig");
}

// quirk: microsoft-41, microsoft-43, microsoft-44
#[tokio::test]
async fn occurrences_change_and_go_between_their_neighbours() {
    let home = Home::tame();
    let made = home.post(&weekly()).await;
    let all = instances(&home, &made.id()).await;
    let id = |at: usize| all[at]["id"].as_str().unwrap().to_owned();
    let zone = "W. Europe Standard Time";
    let to = |start: &str, end: &str| json!({"start": at(start, zone), "end": at(end, zone)});
    for (start, end) in [
        ("2026-01-12T15:00:00", "2026-01-12T16:00:00"),
        ("2026-01-26T08:00:00", "2026-01-26T09:00:00"),
        ("2026-01-25T23:00:00", "2026-01-26T11:00:00"),
    ] {
        let said = home.patch(&id(1), &to(start, end)).await;
        assert_eq!((said.status, said.code()), (400, "ErrorOccurrenceCrossingBoundary"));
    }
    let moved = home.patch(&id(1), &to("2026-01-20T14:00:00", "2026-01-20T15:00:00")).await;
    assert_eq!((moved.status, moved.id()), (200, id(1)));
    assert_eq!(moved.body["type"], "exception");
    assert_eq!(moved.body["originalStart"], "2026-01-19T09:00:00Z");
    let path = format!("/v1.0/me/events/{}", id(2));
    assert_eq!(home.send("DELETE", &path, &Value::Null).await.status, 204);
    assert_eq!(home.send("DELETE", &path, &Value::Null).await.status, 404);
    // The neighbour that was deleted is one all the same.
    let said = home.patch(&id(3), &to("2026-01-26T14:00:00", "2026-01-26T15:00:00")).await;
    assert_eq!(said.code(), "ErrorOccurrenceCrossingBoundary");
    let path = format!("/v1.0/me/events/{}", made.id());
    let plain = home.get(&path).await.body;
    assert!(plain.get("cancelledOccurrences").is_none());
    let select = "$select=subject,cancelledOccurrences,exceptionOccurrences";
    let seen = home.get(&format!("{path}?{select}&$expand=exceptionOccurrences")).await.body;
    let name = format!("OID.{}.2026-01-26", made.id());
    assert_eq!(seen["cancelledOccurrences"], json!([name]));
    assert_eq!(seen["exceptionOccurrences"][0]["id"], id(1));
    assert!(seen.get("start").is_none() && seen["id"].is_string());
    assert_eq!(instances(&home, &made.id()).await.len(), 3);
    home.microsoft.assert_unviolated();
}

// quirk: microsoft-42
#[tokio::test]
async fn exceptions_are_gone_when_times_change_and_stay_when_titles_do() {
    for (stays, quirks) in
        [(false, Quirks::tame()), (true, Quirks::tame().with(Quirk::ExceptionsStay))]
    {
        let home = Home::tame();
        home.microsoft.set_quirks(|own| *own = quirks);
        let made = home.post(&weekly()).await;
        let all = instances(&home, &made.id()).await;
        let (one, two) = (all[1]["id"].as_str().unwrap(), all[2]["id"].as_str().unwrap());
        home.patch(one, &json!({"location": {"displayName": "Attic"}})).await;
        home.send("DELETE", &format!("/v1.0/me/events/{two}"), &Value::Null).await;
        home.patch(&made.id(), &json!({"subject": "Sitdown"})).await;
        let all = instances(&home, &made.id()).await;
        assert_eq!((all.len(), &all[1]["type"]), (3, &json!("exception")));
        assert_eq!(all[1]["subject"], "Sitdown");
        let zone = "W. Europe Standard Time";
        let times = json!({
            "start": at("2026-01-12T08:00:00", zone), "end": at("2026-01-12T09:00:00", zone),
        });
        home.patch(&made.id(), &times).await;
        let all = instances(&home, &made.id()).await;
        assert_eq!(all.len(), if stays { 3 } else { 4 });
        assert_eq!(all[1]["type"] == "exception", stays);
    }
}

// quirk: microsoft-29
#[tokio::test]
async fn the_original_start_of_whole_days_is_midnight_somewhere() {
    let home = Home::tame();
    let zone = "W. Europe Standard Time";
    let event = json!({
        "isAllDay": true, "start": at("2026-06-01T00:00:00", zone),
        "end": at("2026-06-02T00:00:00", zone),
        "recurrence": {"pattern": {"type": "daily", "interval": 1},
            "range": {"type": "endDate", "startDate": "2026-06-01", "endDate": "2026-06-03"}},
    });
    let made = home.post(&event).await;
    let all = instances(&home, &made.id()).await;
    let originals: Vec<&str> =
        all.iter().map(|one| one["originalStart"].as_str().unwrap()).collect();
    assert_eq!(originals, ["2026-05-31T22:00:00Z", "2026-06-01T22:00:00Z", "2026-06-02T22:00:00Z"]);
    assert_eq!(start(&all[0]), "2026-06-01T00:00:00");
}

// quirk: microsoft-45
#[tokio::test]
async fn lists_hold_series_by_their_first_start_and_views_their_occurrences() {
    let home = Home::tame();
    home.post(&weekly()).await;
    home.post(&dentist()).await;
    let listed = home.get("/v1.0/me/events?$orderby=subject desc&$select=subject").await.value();
    assert_eq!(listed.len(), 2);
    assert_eq!(listed[0]["subject"], "Standup");
    let late = "/v1.0/me/events?$filter=start/dateTime ge '2026-01-20T00:00:00'";
    assert_eq!(home.get(late).await.value().len(), 0);
    let view = "startDateTime=2026-01-20T00:00:00Z&endDateTime=2026-02-28T00:00:00Z";
    let seen = home.get(&format!("/v1.0/me/calendarView?{view}&$top=1")).await;
    assert_eq!((seen.value().len(), &seen.value()[0]["subject"]), (1, &json!("Standup")));
    let next = seen.body["@odata.nextLink"].as_str().unwrap();
    assert_eq!(home.get(next).await.value().len(), 1);
}

/// A pattern by chance.
fn chance(random: &mut crate::Random) -> Value {
    let days = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];
    let first = random.below(7) as usize;
    let some = (0..=random.below(4) as usize).map(|more| days[(first + more * 2) % 7]);
    let mut some: Vec<&str> = some.collect();
    some.sort_unstable();
    some.dedup();
    let index = *random.pick(&["first", "second", "third", "fourth", "last"]);
    let (day, month) = (1 + random.below(31), 1 + random.below(12));
    let interval = 1 + random.below(3);
    let first = *random.pick(&days);
    match random.below(6) {
        0 => json!({"type": "daily", "interval": interval}),
        1 => json!({"type": "weekly", "interval": interval, "daysOfWeek": some,
            "firstDayOfWeek": first}),
        2 => json!({"type": "absoluteMonthly", "interval": interval, "dayOfMonth": day}),
        3 => json!({"type": "relativeMonthly", "interval": interval, "daysOfWeek": some,
            "index": index}),
        4 => json!({"type": "absoluteYearly", "interval": interval, "dayOfMonth": day,
            "month": month}),
        _ => json!({"type": "relativeYearly", "interval": interval, "daysOfWeek": some,
            "month": month, "index": index}),
    }
}

// quirk: microsoft-36, microsoft-37, microsoft-38, microsoft-40
#[tokio::test]
async fn rows_are_rendered_as_they_recur() {
    let home = Home::tame();
    let mut random = crate::Random::new(365);
    let zone = "Pacific Standard Time";
    let years = "startDateTime=2026-01-01T00:00:00Z&endDateTime=2028-06-30T00:00:00Z";
    let at_instant = |text: &str| text.parse::<jiff::Timestamp>().unwrap();
    let window = ical::Window {
        from: at_instant("2026-01-01T00:00:00Z"),
        until: at_instant("2028-06-30T00:00:00Z"),
    };
    for number in 0..80 {
        let day = jiff::civil::date(2026, 1, 1 + random.below(28) as i8);
        let range = match random.below(3) {
            0 => json!({"type": "noEnd", "startDate": day.to_string()}),
            1 => json!({"type": "numbered", "startDate": day.to_string(),
                "numberOfOccurrences": 1 + random.below(9)}),
            _ => json!({"type": "endDate", "startDate": day.to_string(),
                "endDate": "2028-03-31"}),
        };
        let recurrence = json!({"pattern": chance(&mut random), "range": range});
        let event = json!({
            "start": at(&format!("{day}T20:30:00"), zone),
            "end": at(&format!("{day}T21:30:00"), zone), "recurrence": recurrence,
            "transactionId": format!("t{number}"),
        });
        let made = home.post(&event).await;
        if made.status == 400 {
            // Nothing of it takes place before its end.
            assert_eq!(made.code(), "ErrorPropertyValidationFailure");
            continue;
        }
        assert_eq!(made.status, 201, "{recurrence} {made:?}");
        let path = format!("/v1.0/me/events/{}/instances?{years}&$top=1000", made.id());
        let mut said = home.get(&path).await.value();
        said.sort_by_key(|one| start(one).to_owned());
        let said = said.iter().map(|one| at_instant(&format!("{}Z", start(one))));
        let said: Vec<jiff::Timestamp> = said.collect();
        let held = home.microsoft.held(&home.calendar);
        let held = held.into_iter().find(|held| held.id == made.id()).unwrap();
        let read = ical::read(&held.raw).unwrap();
        let meant: Vec<jiff::Timestamp> =
            ical::occurrences(&read, window, &jiff::tz::TimeZone::UTC)
                .map(|one| one.from)
                .collect();
        let odd = said.iter().zip(&meant).find(|(said, meant)| said != meant);
        assert_eq!((said.len(), odd), (meant.len(), None), "{recurrence}");
    }
}
