//! Every kind of series becomes every other kind: what is held then is what was wanted, and is what
//! a fetch and a listing say as well.

#[expect(dead_code, unreachable_pub, reason = "every test uses a part of it")]
mod common;

use common::Stage;
use model::{CreateKey, Exception, Field, Series};
use provider::{Change, Provider};
use sandbox::microsoft::{Quirk, Quirks};

/// One series in many states.
const STATES: [&str; 17] = [
    "\"A\" 2026-03-02T09:00 Europe/Vienna 15m",
    "\"A\" 2026-03-02 1d free",
    "\"B\" 2026-03-02T09:00 floating 30m priority=3",
    "weekly \"A\" 2026-03-02T09:00 Europe/Berlin 15m count=12",
    "weekly \"A\" 2026-03-02T09:00 Europe/Berlin 15m count=12 cancel=2026-03-09",
    "weekly \"A\" 2026-03-02T09:00 Europe/Vienna 15m count=12 cancel=2026-03-09,2026-03-16 \
     move=2026-03-30→11:00",
    "weekly \"A\" 2026-03-02T09:00 Europe/Berlin 15m count=12 move=2026-03-09→10:00 \
     retitle=2026-03-30→\"Cake\"",
    "weekly \"B\" 2026-03-02T09:00 Europe/Berlin 15m count=12 move=2026-03-09→10:00 class=private",
    "weekly \"A\" 2026-03-02T10:00 Europe/Berlin 15m count=12 cancel=2026-03-09 \
     move=2026-03-16→11:00",
    "weekly \"A\" 2026-03-03T09:00 America/New_York 45m until=2026-05-30 on=TU,TH \
     cancel=2026-03-05 retitle=2026-03-10→\"Cake\"",
    "weekly \"A\" 2026-03-02T09:00 Europe/Berlin 15m count=2 cancel=2026-03-09",
    "daily \"A\" 2026-03-01T07:45 floating 15m count=60 cancel=2026-03-09 move=2026-03-10→09:00",
    "weekly \"A\" 2026-03-02 1d count=12 cancel=2026-03-09 retitle=2026-03-16→\"Cake\"",
    "monthly \"A\" 2026-03-02T09:00 UTC 2h count=9 extra=2026-03-20 move=2026-04-02→12:00",
    "weekly \"A\" 2026-03-02T09:00 Europe/Berlin 15m count=12 cancel=2026-03-16 \
     move=2026-03-09→2026-03-18T09:00",
    "weekly \"A\" 2026-03-02T09:00 Europe/Berlin 15m count=12 alarm=-5m alarm=10m \
     move=2026-03-16→11:00 text=\"<b>bold</b> & so on\"",
    "monthly \"A\" 2026-03-31T09:00 Europe/Berlin 1h count=6 cancel=2026-05-31",
];

/// What differs, as far as Microsoft can hold it.
fn differing(held: &Series, wanted: &Series, fields: model::FieldSet) -> Vec<String> {
    let mut differing = Vec::new();
    let (Some(one), Some(other)) = (&held.master, &wanted.master) else {
        return vec!["master".into()];
    };
    let fields = fields.iter().filter(|field| *field != Field::People);
    differing
        .extend(fields.filter(|field| !one.same(other, *field)).map(|field| field.to_string()));
    if held.recurrence != wanted.recurrence {
        differing.push("recurrence".to_owned());
    }
    let shown = |series: &Series| {
        let window = ical::Window {
            from: "2026-01-01T00:00:00Z".parse().expect("an instant"),
            until: "2028-01-01T00:00:00Z".parse().expect("an instant"),
        };
        let occurrences = ical::occurrences(series, window, &jiff::tz::TimeZone::UTC);
        let shown = occurrences.map(|one| (one.from, one.until, one.event.title.clone()));
        let overrides = series.exceptions.values();
        let overrides = overrides.filter(|one| matches!(one, Exception::Override(_))).count();
        (shown.collect::<Vec<_>>(), overrides)
    };
    if shown(held) != shown(wanted) {
        differing.push("occurrences".to_owned());
    }
    differing
}

async fn turn(quirks: &Quirks, from: usize, to: usize) {
    let stage = Stage::new(quirks.clone());
    let (calendar, fields) = (stage.calendar.clone(), stage.microsoft.fields());
    let turn = format!("from {from} to {to}");
    let first = testkit::series(&format!("{} uid=one", STATES[from]));
    let made = stage.microsoft.create(&calendar, &first, &CreateKey::new("0a")).await;
    let made = made.unwrap_or_else(|error| panic!("{turn}: created: {error}"));
    assert_eq!(differing(&made.series, &first, fields), [""; 0], "{turn}: created");
    let cursor = stage.list(None).await.expect("it is listed").next;
    let target = testkit::series(&format!("{} uid=one", STATES[to]));
    let updated = stage.microsoft.update(&calendar, &made, &target).await;
    let updated = updated.unwrap_or_else(|error| panic!("{turn}: updated: {error}"));
    assert_eq!(differing(&updated.series, &target, fields), [""; 0], "{turn}: updated");
    let again = stage.microsoft.update(&calendar, &updated, &target).await;
    let again = again.unwrap_or_else(|error| panic!("{turn}: again: {error}"));
    assert_eq!(again.version, updated.version, "{turn}: what is as wanted is written");
    let echo = stage.list(Some(&cursor)).await.expect("it is listed");
    for item in &echo.items {
        match item {
            Change::Present(held) => assert_eq!(held.series, updated.series, "{turn}: the echo"),
            Change::Gone(id) => assert_ne!(*id, made.id, "{turn}: the echo"),
            other => panic!("{turn}: {other:?}"),
        }
    }
    let found = stage.found(&made.id).await;
    assert_eq!(differing(&found.series, &target, fields), [""; 0], "{turn}: fetched");
    let full = stage.list(None).await.expect("it is listed");
    let listed = full.items.iter().map(|item| match item {
        Change::Present(held) if held.id == made.id => held,
        other => panic!("{turn}: {other:?}"),
    });
    for held in listed {
        assert_eq!(held.series, found.series, "{turn}: listed");
    }
    stage.microsoft.delete(&calendar, &found).await.expect("it is deleted");
    assert!(stage.user().uids().is_empty(), "{turn}: something is still there");
    stage.assert_careful();
}

async fn turns(quirks: Quirks) {
    for from in 0..STATES.len() {
        for to in 0..STATES.len() {
            turn(&quirks, from, to).await;
        }
    }
}

#[tokio::test]
async fn every_kind_becomes_every_other_by_the_book() {
    turns(Quirks::tame()).await;
}

// quirk: microsoft-2, microsoft-3, microsoft-30, microsoft-41, microsoft-42
#[tokio::test]
async fn every_kind_becomes_every_other_over_graph_as_it_is() {
    turns(Quirks::default()).await;
}

#[tokio::test]
async fn every_kind_becomes_every_other_however_graph_decides_what_nobody_knows() {
    let quirks = Quirks::default()
        .with(Quirk::ExceptionsStay)
        .with(Quirk::LooseOccurrences)
        .with(Quirk::ExceptionTombstones)
        .without(Quirk::ExceptionsTouchMaster);
    turns(quirks).await;
}
