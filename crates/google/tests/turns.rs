//! Every kind of series becomes every other kind: what is held then is what was wanted, and is what
//! a fetch and a listing say as well.

#[expect(dead_code, unreachable_pub, reason = "every test uses a part of it")]
mod common;

use common::Stage;
use model::{CreateKey, Exception, Field, Series};
use provider::{Outcome, Provider};
use sandbox::faults::Fault;
use sandbox::google::{OnMove, Quirks, Touch};

/// One series in many states.
const STATES: [&str; 16] = [
    "\"A\" 2026-03-02T09:00 Europe/Berlin 15m",
    "\"A\" 2026-03-02 1d free",
    "\"B\" 2026-03-02T09:00 floating 30m color=teal",
    "weekly \"A\" 2026-03-02T09:00 Europe/Berlin 15m count=12",
    "weekly \"A\" 2026-03-02T09:00 Europe/Berlin 15m count=12 cancel=2026-03-09",
    "weekly \"A\" 2026-03-02T09:00 Europe/Berlin 15m count=12 cancel=2026-03-09,2026-03-16 \
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
    "weekly \"A\" 2026-03-02T09:00 Europe/Berlin 15m count=12 cancel=2026-03-10,2026-03-16",
    "weekly \"A\" 2026-03-02T09:00 Europe/Berlin 15m count=12 alarm=-5m alarm=10m \
     move=2026-03-16→11:00 text=\"<b>bold</b> & so on\" url=tel:+49",
];

/// What differs, as far as Google can hold it. What is cancelled beside the rule means nothing.
fn differing(held: &Series, wanted: &Series) -> Vec<String> {
    let mut differing = Vec::new();
    let (Some(one), Some(other)) = (&held.master, &wanted.master) else {
        return vec!["master".into()];
    };
    let fields = Field::ALL.into_iter().filter(|field| *field != Field::People);
    differing
        .extend(fields.filter(|field| !one.same(other, *field)).map(|field| field.to_string()));
    if held.recurrence != wanted.recurrence {
        differing.push("recurrence".to_owned());
    }
    let overrides = |series: &Series| {
        let overrides = series.exceptions.values();
        overrides.filter(|one| matches!(one, Exception::Override(_))).count()
    };
    if shown(held) != shown(wanted) || overrides(held) != overrides(wanted) {
        differing.push("occurrences".to_owned());
    }
    differing
}

/// What takes place: from, until, the title.
fn shown(series: &Series) -> Vec<(String, String, String)> {
    let window = ical::Window {
        from: "2026-01-01T00:00:00Z".parse().expect("an instant"),
        until: "2028-01-01T00:00:00Z".parse().expect("an instant"),
    };
    // Google's users see floating times in the calendar's zone.
    let zone = jiff::tz::TimeZone::get("Europe/Berlin").expect("a zone");
    let title = |one: &ical::Occurrence<'_>| {
        one.event.title.as_ref().map(|title| title.expose().clone()).unwrap_or_default()
    };
    let occurrences = ical::occurrences(series, window, &zone);
    let mut shown: Vec<_> =
        occurrences.map(|one| (one.from.to_string(), one.until.to_string(), title(&one))).collect();
    shown.sort();
    shown
}

/// What takes place, as Google's own users see it. A row that belongs to nothing any more is beside
/// the others.
fn shown_to_users(stage: &Stage) -> Vec<(String, String, String)> {
    let rows = stage.service.rows(&stage.calendar);
    let is_day = |row: &serde_json::Value, name: &str| row[name].get("date").is_some();
    let master = rows.iter().find(|row| row.get("recurringEventId").is_none());
    let master = master.expect("the master is there");
    let exceptions = rows.iter().filter(|row| row.get("recurringEventId").is_some());
    let left_over = exceptions.filter(|row| {
        let day = is_day(row, "originalStartTime");
        row["status"] != "cancelled" && day != is_day(master, "start")
    });
    assert_eq!(left_over.count(), 0, "{rows:#?}");
    let [uid] = &stage.user().uids()[..] else { panic!("not one event") };
    let raw = stage.user().get(uid).expect("it is there").raw;
    shown(&ical::read(&raw).expect("what Google shows can be read"))
}

async fn turn(quirks: &Quirks, from: usize, to: usize) {
    let mut stage = Stage::new(quirks.clone());
    let calendar = stage.calendar.clone();
    let turn = format!("from {from} to {to}");
    let first = testkit::series(&format!("{} uid=one", STATES[from]));
    let made = stage.google.create(&calendar, &first, &CreateKey::new("0a")).await;
    let made = made.unwrap_or_else(|error| panic!("{turn}: created: {error}"));
    assert_eq!(differing(&made.series, &first), [""; 0], "{turn}: created");
    let cursor = stage.list(None).await.expect("it is listed").next;
    if from.is_multiple_of(2) {
        stage.restart();
    }
    let target = testkit::series(&format!("{} uid=one", STATES[to]));
    let updated = stage.google.update(&calendar, &made, &target).await;
    let updated = updated.unwrap_or_else(|error| panic!("{turn}: updated: {error}"));
    assert_eq!(differing(&updated.series, &target), [""; 0], "{turn}: updated");
    let again = stage.google.update(&calendar, &updated, &target);
    let (again, cost) = stage.cost(again).await;
    assert_eq!(cost, 0, "{turn}: what is as wanted is not written: {:?}", again.is_ok());
    let (echo, cost) = stage.cost(stage.list(Some(&cursor))).await;
    let echo = echo.expect("it is listed");
    let one_page = quirks.largest_page > 100;
    assert!(cost == 1 || !one_page, "{turn}: the echo costs {cost}");
    for item in &echo.items {
        let provider::Change::Present(held) = item else { panic!("{turn}: {item:?}") };
        assert_eq!(held.series, updated.series, "{turn}: the echo");
    }
    stage.restart();
    let found = stage.found(&made.id).await;
    assert_eq!(differing(&found.series, &target), [""; 0], "{turn}: fetched");
    let full = stage.list(None).await.expect("it is listed");
    let listed = full.items.iter().find_map(|item| match item {
        provider::Change::Present(held) if held.id == made.id => Some(held),
        _ => None,
    });
    let listed = listed.unwrap_or_else(|| panic!("{turn}: it is not listed"));
    assert_eq!(listed.series, found.series, "{turn}: listed");
    assert_eq!(shown_to_users(&stage), shown(&target), "{turn}: what users see");
    stage.google.delete(&calendar, &found).await.expect("it is deleted");
    assert!(stage.user().uids().is_empty(), "{turn}: it is still there");
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
async fn every_state_becomes_every_other_by_the_book() {
    turns(Quirks::tame()).await;
}

// quirk: google-41, google-42, google-45, google-47
#[tokio::test]
async fn every_state_becomes_every_other_over_google_as_it_is() {
    turns(Quirks { touch: Touch::Every, ..Quirks::default() }).await;
}

// quirk: google-41
#[tokio::test]
async fn every_state_becomes_every_other_where_exceptions_are_reset() {
    turns(Quirks { on_move: OnMove::Reset, largest_page: 2, ..Quirks::default() }).await;
}

/// How many of 10,000 calls go wrong, for each way in which they can.
const OFTEN: u32 = 250;

// quirk: google-21, google-44
#[tokio::test(start_paused = true)]
async fn whatever_goes_wrong_in_between_the_end_is_what_was_wanted() {
    for seed in 0..60 {
        let stage = Stage::seeded(Quirks::default(), seed);
        let calendar = stage.calendar.clone();
        let mut random = sandbox::Random::new(seed);
        let mut state = || testkit::series(&format!("{} uid=one", random.pick(&STATES)));
        for fault in Fault::ALL {
            // What it refuses or empties is the engine's affair.
            if !matches!(fault, Fault::Rejected | Fault::EmptyListing | Fault::Lag(_)) {
                stage.world.chance(fault, OFTEN);
            }
        }
        let key = CreateKey::new("0a");
        let first = state();
        let mut held = loop {
            stage.wait().await;
            if let Ok(made) = stage.google.create(&calendar, &first, &key).await {
                break made;
            }
        };
        for _ in 0..8 {
            let target = state();
            for _ in 0..3 {
                stage.wait().await;
                if let Ok(updated) = stage.google.update(&calendar, &held, &target).await {
                    held = updated;
                    break;
                }
                let fetched = stage.google.fetch(&calendar, std::slice::from_ref(&held.id)).await;
                if let Ok(Some(Outcome::Found(found))) =
                    fetched.map(|mut fetched| fetched.pop().map(|one| one.outcome))
                {
                    held = *found;
                }
            }
        }
        stage.world.calm();
        let target = state();
        stage.wait().await;
        let found = stage.found(&held.id).await;
        let updated = stage.google.update(&calendar, &found, &target).await;
        let updated = updated.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        assert_eq!(differing(&updated.series, &target), [""; 0], "seed {seed}");
        let found = stage.found(&held.id).await;
        assert_eq!(differing(&found.series, &target), [""; 0], "seed {seed}: fetched");
        assert_eq!(stage.user().uids().len(), 1, "seed {seed}");
        stage.assert_careful();
    }
}
