//! What is told of changes adds up: after any number of deeds, of users and of ours, what was
//! listed once and told since is what a listing of everything says.

#[expect(dead_code, unreachable_pub, reason = "every test uses a part of it")]
mod common;

use std::collections::BTreeMap;

use common::{Listing, Stage};
use model::{CreateKey, Resource, ResourceId, Series};
use provider::{Change, ErrorKind, Provider};
use sandbox::Random;
use sandbox::microsoft::{Quirk, Quirks};

const LINES: [&str; 6] = [
    "\"A\" 2026-03-02T09:00 Europe/Berlin 15m",
    "\"A\" 2026-03-02 1d free",
    "weekly \"A\" 2026-03-02T09:00 Europe/Berlin 15m count=12",
    "weekly \"A\" 2026-03-02T09:00 Europe/Vienna 15m count=12 cancel=2026-03-09 \
     move=2026-03-16→2026-03-25T09:00",
    "monthly \"A\" 2026-03-02T09:00 UTC 2h count=5 extra=2026-03-20",
    "weekly \"A\" 2026-03-02 1d count=12 retitle=2026-03-16→\"Cake\"",
];

const STARTS: [&str; 4] = ["20260309T080000Z", "20260316T080000Z", "20260309", "20260316"];

/// What is known of a calendar.
#[derive(Default)]
struct Known(BTreeMap<ResourceId, Resource>);

impl Known {
    fn take(&mut self, listing: Listing) {
        for item in listing.items {
            match item {
                Change::Present(held) => drop(self.0.insert(held.id.clone(), *held)),
                Change::Gone(id) => drop(self.0.remove(&id)),
                other => panic!("{other:?}"),
            }
        }
    }

    fn said(&self) -> BTreeMap<&ResourceId, (&Series, String)> {
        let said = |held: &'_ Resource| format!("{:?}", held.version);
        self.0.iter().map(|(id, held)| (id, (&held.series, said(held)))).collect()
    }
}

fn one<'a, T>(random: &mut Random, of: &'a [T]) -> &'a T {
    &of[random.below(of.len() as u64) as usize]
}

async fn deed(stage: &Stage, random: &mut Random, known: &Known, number: usize) {
    let user = stage.user();
    let uids = user.uids();
    let uid = if uids.is_empty() { String::new() } else { one(random, &uids).clone() };
    let start = *one(random, &STARTS);
    let line = *one(random, &LINES);
    match random.below(9) {
        0 => drop(user.put(&testkit::text(&format!("{line} uid=user-{number}")))),
        1 => drop(user.set(&uid, "SUMMARY", &format!("User {number}"))),
        2 => drop(user.cancel_occurrence(&uid, start)),
        3 => drop(user.retitle_occurrence(&uid, start, &format!("Occurrence {number}"))),
        4 if random.below(2) == 0 => drop(user.delete(&uid)),
        5 | 6 => {
            let series = testkit::series(&format!("{line} uid=ours-{number}"));
            let key = CreateKey::new(format!("{number:04x}"));
            let made = stage.microsoft.create(&stage.calendar, &series, &key).await;
            made.unwrap_or_else(|error| panic!("{line}: {error}"));
        }
        _ => {
            let held: Vec<&Resource> = known.0.values().collect();
            if held.is_empty() {
                return;
            }
            let held = *one(random, &held);
            let target = testkit::series(&format!("{line} uid={}", held.series.uid));
            match stage.microsoft.update(&stage.calendar, held, &target).await {
                Ok(_) => {}
                Err(error) => {
                    let kind = error.kind();
                    assert!(matches!(kind, ErrorKind::Stale | ErrorKind::Gone), "{line}: {error}");
                }
            }
        }
    }
}

// quirk: microsoft-14
#[tokio::test]
async fn a_series_of_single_events_is_added_to_as_the_window_moves() {
    let stage = Stage::new(Quirks::default());
    let endless = testkit::series("monthly \"A\" 2026-03-02T09:00 UTC 2h extra=2026-03-20 uid=e");
    let over =
        testkit::series("monthly \"B\" 2026-03-02T09:00 UTC 2h count=5 extra=2026-03-20 uid=o");
    for (at, series) in [&endless, &over].into_iter().enumerate() {
        let key = CreateKey::new(format!("0{at}"));
        stage.microsoft.create(&stage.calendar, series, &key).await.expect("it is created");
    }
    let cursor = stage.list(None).await.expect("it is listed").next;
    let events = |title: &str| {
        let held = stage.service.held(&stage.calendar).into_iter();
        held.filter(|one| String::from_utf8_lossy(&one.raw).contains(title)).count()
    };
    let (before, all) = (events("SUMMARY:A"), events("SUMMARY:B"));
    assert_eq!(all, 6);
    for month in 1..=6_usize {
        stage.world.advance(std::time::Duration::from_secs(31 * 24 * 60 * 60));
        let lost = stage.list(Some(&cursor)).await.map(|_| ()).expect_err("the window is over");
        assert_eq!(lost.kind(), ErrorKind::CursorExpired);
        let listed = stage.list(None).await.expect("it is listed");
        let held = listed.titled("A").expect("it is there");
        assert_eq!(held.series.recurrence, endless.recurrence);
        let ended = listed.titled("B").expect("it is there");
        assert!(stage.microsoft.is_wanting(held) && !stage.microsoft.is_wanting(ended));
        let mended = stage.microsoft.update(&stage.calendar, held, &held.series).await;
        let mended = mended.expect("it is written as it is");
        let same = Series { modified: held.series.modified, ..mended.series.clone() };
        assert_eq!(same, held.series, "nothing of it has changed");
        assert!(!stage.microsoft.is_wanting(&mended));
        assert_eq!(events("SUMMARY:A"), before + month, "one more");
        assert_eq!(events("SUMMARY:B"), all, "it is over");
    }
    stage.assert_careful();
}

const DAY: std::time::Duration = std::time::Duration::from_secs(24 * 60 * 60);

/// What a user sees of "A": the starts, by the ids of the events.
fn shown(stage: &Stage) -> BTreeMap<String, String> {
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let rows = stage.service.rows(&stage.calendar).into_iter();
    let rows = rows.filter(|row| row["subject"] == "A");
    rows.map(|row| (text(&row["id"]), text(&row["start"]["dateTime"]))).collect()
}

/// Writes what is wanting, as often as it is.
async fn mended(stage: &Stage, id: &ResourceId) -> (Resource, usize) {
    let mut held = stage.found(id).await;
    let mut times = 0;
    while stage.microsoft.is_wanting(&held) {
        times += 1;
        assert!(times < 3, "what was written is not wanting");
        let target = held.series.clone();
        let now = stage.microsoft.update(&stage.calendar, &held, &target).await;
        held = now.expect("it is written as it is");
        let same = Series { modified: target.modified, ..held.series.clone() };
        assert_eq!(same, target, "nothing of it has changed");
    }
    (held, times)
}

// quirk: microsoft-14
#[tokio::test]
async fn what_the_window_leaves_is_not_deleted() {
    for (line, ahead, months) in [
        ("monthly \"A\" 2026-03-02T09:00 UTC 2h extra=2026-03-20 uid=e", 730, 12),
        ("weekly \"A\" 2026-03-02T09:00 Europe/Vienna 2h extra=2026-03-20 uid=e", 180, 4),
    ] {
        let mut stage = Stage::new(Quirks::default());
        stage.look_through(90, ahead);
        let (series, key) = (testkit::series(line), CreateKey::new("0a".to_owned()));
        let made = stage.microsoft.create(&stage.calendar, &series, &key).await;
        let made = made.expect("it is created");
        let mut before = shown(&stage);
        let mut mends = 0;
        for month in 1..=months {
            stage.world.advance(DAY * 31);
            mends += mended(&stage, &made.id).await.1;
            let now = shown(&stage);
            for (id, start) in &before {
                assert_eq!(now.get(id), Some(start), "{line}: after {month} months");
            }
            assert!(now.len() > before.len(), "{line}: more are there");
            before = now;
        }
        assert_eq!(mends, months, "{line}: once a month");
        stage.assert_careful();
    }
}

#[tokio::test]
async fn what_a_user_does_to_the_past_is_told_and_what_is_no_longer_meant_goes() {
    let mut stage = Stage::new(Quirks::default());
    stage.look_through(90, 365);
    let line = "weekly \"A\" 2026-03-02T09:00 UTC 2h extra=2026-03-20 uid=e";
    let key = CreateKey::new("0a".to_owned());
    let made = stage.microsoft.create(&stage.calendar, &testkit::series(line), &key).await;
    let made = made.expect("it is created");
    stage.world.advance(DAY * 200);
    let (held, _) = mended(&stage, &made.id).await;
    let all = shown(&stage).len();
    // One that the window has left long ago is called off on the other side.
    let early = held.series.master.as_ref().expect("it has one").start.clone();
    let early = early.with_wall(early.wall().saturating_add(jiff::Span::new().weeks(1)));
    let mut target = held.series.clone();
    target.exceptions.insert(early, model::Exception::Cancelled);
    let held = stage.microsoft.update(&stage.calendar, &held, &target).await;
    let held = held.expect("it is written");
    assert_eq!(shown(&stage).len(), all - 1);
    // All of them take place an hour later.
    let line = "weekly \"A\" 2026-03-02T10:00 UTC 2h extra=2026-03-20 uid=e";
    let held = stage.microsoft.update(&stage.calendar, &held, &testkit::series(line)).await;
    let held = held.expect("it is written");
    assert!(shown(&stage).values().all(|start| start.contains("T10:00")), "none is left at nine");
    stage.microsoft.delete(&stage.calendar, &held).await.expect("it is deleted");
    assert_eq!(shown(&stage).len(), 0);
    stage.assert_careful();
}

#[tokio::test]
async fn of_what_repeats_all_day_long_the_next_ones_are_there() {
    let mut stage = Stage::new(Quirks::default());
    stage.look_through(90, 730);
    // It began long ago.
    let start = stage.world.now() - jiff::SignedDuration::from_hours(24 * 200);
    let start = start.strftime("%Y-%m-%dT%H:00").to_string();
    let line = format!("daily \"A\" {start} UTC 10m extra=2026-03-20 uid=e");
    let mut series = testkit::series(&line);
    series.recurrence.rules[0].frequency = model::Frequency::Hourly;
    let told = stage.microsoft.shown_otherwise(&series);
    assert!(told[0].contains("only the next 750 are written"), "{told:?}");
    let key = CreateKey::new("0a".to_owned());
    let made = stage.microsoft.create(&stage.calendar, &series, &key).await;
    let made = made.expect("it is created");
    let before = shown(&stage);
    assert_eq!(before.len(), 750);
    stage.world.advance(DAY * 17);
    let (held, times) = mended(&stage, &made.id).await;
    assert_eq!((times, &held.series.recurrence), (1, &series.recurrence));
    let now = shown(&stage);
    let ahead = stage.world.now().strftime("%Y-%m-%dT%H:%M").to_string();
    let ahead = now.values().filter(|start| **start >= ahead).count();
    assert_eq!(ahead, 750, "the next ones");
    for (id, start) in &before {
        assert_eq!(now.get(id), Some(start), "what was there stays");
    }
    assert_eq!(now.len(), before.len() + 17 * 24);
    stage.assert_careful();
}

async fn adds_up(quirks: Quirks, seed: u64) {
    let stage = Stage::new(quirks);
    let mut random = Random::new(seed);
    let mut known = Known::default();
    let first = stage.list(None).await.expect("it is listed");
    let mut cursor = first.next.clone();
    known.take(first);
    for round in 0..8 {
        for number in 0..4 {
            deed(&stage, &mut random, &known, round * 10 + number).await;
        }
        let told = stage.list(Some(&cursor)).await.expect("it is told");
        cursor = told.next.clone();
        known.take(told);
        let mut all = Known::default();
        all.take(stage.list(None).await.expect("it is listed"));
        assert_eq!(known.said(), all.said(), "seed {seed}, round {round}");
    }
    stage.assert_careful();
}

#[tokio::test]
async fn what_is_told_adds_up_by_the_book() {
    for seed in 0..12 {
        adds_up(Quirks::tame(), seed).await;
    }
}

// quirk: microsoft-2, microsoft-6, microsoft-7, microsoft-8, microsoft-9
#[tokio::test]
async fn what_is_told_adds_up_at_its_rudest() {
    for seed in 100..112 {
        let quirks = Quirks::default()
            .with(Quirk::StrangeTombstones)
            .with(Quirk::Shuffled)
            .with(Quirk::Replay)
            .with(Quirk::ExceptionTombstones)
            .with(Quirk::LooseUids);
        adds_up(quirks, seed).await;
    }
}
