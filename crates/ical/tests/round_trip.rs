//! What is written reads as what was meant: over generated series, for new texts and for edits.
//!
//! The generator makes canonical values only (the forms that `model` promises), and always the
//! same ones: the runner's seed is fixed.

use std::collections::{BTreeMap, BTreeSet};

use ical::{create, edit, instant, read};
use jiff::civil::{Date, DateTime, Weekday, date};
use jiff::tz::TimeZone;
use model::{
    Alarm, AlarmAction, ByDay, Class, Event, Exception, Extent, Extra, Field, Frequency, Geo, Link,
    Month, Recurrence, Redacted, Rule, Series, Status, Timestamp, Transparency, Trigger, Uid,
    Until, When, Zone,
};
use proptest::collection::{btree_map, btree_set, vec};
use proptest::option::{self, weighted};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

fn run<S: Strategy>(cases: u32, strategy: S, test: impl Fn(S::Value)) {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let result = TestRunner::new_with_rng(config, rng).run(&strategy, |value| {
        test(value);
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}

fn stamp() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().expect("an instant")
}

fn day() -> impl Strategy<Value = Date> {
    (0_i64..25_000).prop_map(|days| {
        let since = jiff::SignedDuration::from_hours(days * 24);
        date(1975, 1, 1).checked_add(since).expect("in range")
    })
}

fn wall() -> impl Strategy<Value = DateTime> {
    (day(), 0_i8..24, 0_i8..60, 0_i8..60).prop_map(|(day, h, m, s)| day.at(h, m, s, 0))
}

fn zone() -> impl Strategy<Value = Zone> {
    let rules = "<-0741>7:41:00<-0641>6:41:00,M4.2.3/2:00:00,M9.1.5/3:00:00";
    prop_oneof![
        Just(Zone::Iana("Europe/Berlin".to_owned())),
        Just(Zone::Iana("America/New_York".to_owned())),
        Just(Zone::Iana("Asia/Kolkata".to_owned())),
        Just(Zone::Iana("Africa/Casablanca".to_owned())),
        Just(Zone::Posix { tzid: "Nowhere, \"Middle\"".to_owned(), rules: rules.to_owned() }),
    ]
}

fn when() -> impl Strategy<Value = When> {
    prop_oneof![
        day().prop_map(When::Date),
        wall().prop_map(When::Floating),
        wall().prop_map(When::Utc),
        (wall(), zone()).prop_map(|(local, zone)| When::Zoned { local, zone }),
    ]
}

fn text() -> impl Strategy<Value = Redacted<String>> {
    prop_oneof!["[ -~\\n\\t]{1,40}", "[a-z,;:\\\\\"^\u{e4}\u{1f600}\u{202e}]{1,90}", "\\PC{1,120}",]
        .prop_map(Redacted::new)
}

fn word() -> impl Strategy<Value = Redacted<String>> {
    "[!-~\u{e4}]([ -~]{0,20}[!-~])?".prop_map(Redacted::new)
}

fn alarm() -> impl Strategy<Value = Alarm> {
    let trigger = prop_oneof![
        (-5_000_000_i64..5_000_000).prop_map(Trigger::Start),
        (-5_000_000_i64..5_000_000).prop_map(Trigger::End),
        (0_i64..4_000_000_000)
            .prop_map(|s| Trigger::At(Timestamp::from_second(s).expect("in range"))),
    ];
    // One that sends mail is shown on a copy.
    trigger.prop_map(|trigger| Alarm { action: AlarmAction::Display, trigger })
}

fn link() -> impl Strategy<Value = Link> {
    (word(), option::of(text())).prop_map(|(uri, label)| Link { uri, label })
}

/// An event at `start`, its end later in the same kind.
fn event_at(start: impl Strategy<Value = When>) -> impl Strategy<Value = Event> {
    let times = (start, 1_i64..5_000_000).prop_map(|(start, seconds)| {
        let days = jiff::SignedDuration::from_hours(24 * (1 + seconds / 86_400));
        let length = match &start {
            When::Date(_) => days,
            _ => jiff::SignedDuration::from_secs(seconds),
        };
        let end = start.with_wall(start.wall().checked_add(length).expect("in range"));
        let is_after = instant(&end, &TimeZone::UTC) >= instant(&start, &TimeZone::UTC);
        let end = if is_after { end } else { start.clone() };
        Event::new(start, end)
    });
    let words = (weighted(0.8, text()), option::of(text()), option::of(text()), option::of(word()));
    let sets = (
        btree_set(word(), 0..3),
        btree_set(alarm(), 0..3),
        btree_set(link(), 0..2),
        btree_set(link(), 0..2),
    );
    let small = (
        option::of((-90_000_000..=90_000_000, -180_000_000..=180_000_000)),
        option::of("[a-z]{3,12}"),
        prop_oneof![Just(Class::Public), Just(Class::Private), Just(Class::Confidential)],
        prop_oneof![Just(Transparency::Opaque), Just(Transparency::Transparent)],
        prop_oneof![Just(Status::None), Just(Status::Tentative), Just(Status::Confirmed)],
        option::of(1_u8..=9),
    );
    (times, words, sets, small).prop_map(|(mut event, words, sets, small)| {
        (event.title, event.description, event.location, event.url) = words;
        (event.categories, event.alarms, event.conferences, event.attachments) = sets;
        let (geo, color, class, transparency, status, priority) = small;
        event.geo = geo.map(|(latitude, longitude)| Redacted::new(Geo { latitude, longitude }));
        event.color = color;
        (event.class, event.transparency, event.status) = (class, transparency, status);
        event.priority = priority;
        event
    })
}

fn weekday() -> impl Strategy<Value = Weekday> {
    (0_i8..7).prop_map(|day| Weekday::from_monday_zero_offset(day).expect("0 to 6"))
}

fn by_day() -> impl Strategy<Value = Vec<ByDay>> {
    let day = (option::of(prop_oneof![-53_i8..=-1, 1_i8..=53]), weekday());
    vec(day, 0..3).prop_map(|days| {
        let mut days: Vec<_> =
            days.into_iter().map(|(ordinal, weekday)| ByDay { ordinal, weekday }).collect();
        days.sort_by_key(|day| (day.weekday.to_monday_zero_offset(), day.ordinal));
        days.dedup();
        days
    })
}

fn list<T: Ord + Clone + std::fmt::Debug>(
    item: impl Strategy<Value = T>,
) -> impl Strategy<Value = Vec<T>> {
    btree_set(item, 0..3).prop_map(|set| set.into_iter().collect())
}

fn rule(start: When) -> impl Strategy<Value = Rule> {
    let frequency = prop_oneof![
        Just(Frequency::Secondly),
        Just(Frequency::Hourly),
        Just(Frequency::Daily),
        Just(Frequency::Weekly),
        Just(Frequency::Monthly),
        Just(Frequency::Yearly),
    ];
    let until = weighted(
        0.4,
        wall().prop_map(move |wall| match &start {
            When::Date(_) => Until::Date(wall.date()),
            When::Floating(_) => Until::Floating(wall),
            When::Utc(_) | When::Zoned { .. } => Until::Utc(wall),
        }),
    );
    let ends = (1_u32..400, weighted(0.3, 1_u32..500), until);
    let times = (list(0_u8..=60), list(0_u8..=59), list(0_u8..=23));
    let days = (
        by_day(),
        list(prop_oneof![-31_i8..=-1, 1_i8..=31]),
        list(prop_oneof![-366_i16..=-1, 1_i16..=366]),
        list(prop_oneof![-53_i8..=-1, 1_i8..=53]),
        list((1_u8..=12).prop_map(|number| Month { number, leap: false })),
        list(prop_oneof![-366_i16..=-1, 1_i16..=366]),
    );
    let other = btree_map("X-[A-Z]{1,5}", "[A-Z0-9]{1,5}", 0..2);
    (frequency, ends, times, days, weekday(), other).prop_map(
        |(frequency, ends, times, days, week_start, other)| {
            let mut rule = Rule::new(frequency);
            (rule.interval, rule.count, rule.until) = ends;
            (rule.by_second, rule.by_minute, rule.by_hour) = times;
            rule.by_day = days.0;
            (rule.by_month_day, rule.by_year_day, rule.by_week_number) = (days.1, days.2, days.3);
            (rule.by_month, rule.by_set_position) = (days.4, days.5);
            (rule.week_start, rule.other) = (week_start, other);
            rule
        },
    )
}

fn recurrence(start: When) -> impl Strategy<Value = Recurrence> {
    let distinct = |rules: Vec<Rule>| {
        let mut found: Vec<Rule> = Vec::new();
        for rule in rules {
            if !found.contains(&rule) {
                found.push(rule);
            }
        }
        found
    };
    let extra_start = start.clone();
    let extras = btree_set(
        (wall(), weighted(0.3, 1_i64..90_000)).prop_map(move |(wall, length)| {
            let start = extra_start.with_wall(wall);
            let length = length.filter(|_| !start.is_date());
            let end = length.map(|length| {
                let length = jiff::SignedDuration::from_secs(length + 7_200);
                start.with_wall(wall.checked_add(length).expect("in range"))
            });
            Extra { start, end }
        }),
        0..4,
    );
    (vec(rule(start.clone()), 0..3), vec(rule(start.clone()), 0..2), extras).prop_map(
        move |(rules, exclusions, mut extras)| {
            extras.retain(|extra| extra.start != start);
            Recurrence { rules: distinct(rules), exclusions: distinct(exclusions), extras }
        },
    )
}

fn exception() -> impl Strategy<Value = Exception> {
    prop_oneof![
        Just(Exception::Cancelled),
        event_at(when()).prop_map(|event| Exception::Override(Box::new(event))),
    ]
}

fn series_of(uid: &'static str) -> impl Strategy<Value = Series> {
    let blank = move |exceptions| Series {
        uid: Uid::new(uid),
        master: None,
        recurrence: Recurrence::default(),
        exceptions,
        modified: None,
        extent: Extent::ALWAYS,
        declined: false,
    };
    let orphans = btree_map(when(), exception(), 1..4).prop_map(blank);
    let whole = when().prop_flat_map(move |start| {
        let key = start.clone();
        let keys = wall().prop_map(move |wall| key.with_wall(wall));
        (event_at(Just(start.clone())), recurrence(start), btree_map(keys, exception(), 0..4))
            .prop_map(move |(master, recurrence, exceptions)| {
                let mut series = blank(exceptions);
                series.master = Some(master);
                series.recurrence = recurrence;
                series
            })
    });
    prop_oneof![1 => orphans, 5 => whole]
}

fn show(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Compares with the private parts named, since they print as nothing.
fn assert_same(found: &Series, want: &Series, text: &[u8]) {
    if found.same_content(want) {
        return;
    }
    let events: Vec<_> = found.events().zip(want.events()).collect();
    let fields: BTreeSet<_> = events
        .iter()
        .flat_map(|(a, b)| Field::ALL.into_iter().filter(|field| !a.same(b, *field)))
        .collect();
    panic!("differs in {fields:?}\n{}\n{found:#?}\nwant {want:#?}", show(text));
}

#[test]
fn new_texts_read_as_the_series_they_were_made_from() {
    run(400, series_of("a\\b;c,d/e f"), |series| {
        let bytes = create(&series, stamp());
        assert_eq!(bytes, create(&series, stamp()), "the same bytes every time");
        let found = read(&bytes).unwrap_or_else(|error| panic!("{error}\n{}", show(&bytes)));
        assert_eq!(found.uid, series.uid);
        assert_same(&found, &series, &bytes);
        let longest = bytes.split(|b| *b == b'\n').map(<[u8]>::len).max();
        assert!(longest <= Some(76));
    });
}

/// The text of a series with a line in each component that nobody knows.
fn with_unknown(series: &Series) -> Vec<u8> {
    let text = show(&create(series, stamp()));
    let text = text.replace("BEGIN:VEVENT\r\n", "BEGIN:VEVENT\r\nX-UNKNOWN;P=\"a:b\":\r\n  1\r\n");
    text.replace("VERSION:2.0\r\n", "VERSION:2.0\r\nX-WR-CALNAME:kept\r\n").into_bytes()
}

#[test]
fn edits_read_as_their_target() {
    run(400, (series_of("1"), series_of("1")), |(current, target)| {
        let raw = with_unknown(&current);
        let current = read(&raw).expect("readable");
        let bytes = edit(&raw, &current, &target, stamp()).expect("editable");
        let found = read(&bytes)
            .unwrap_or_else(|error| panic!("{error}\n{}\nwas\n{}", show(&bytes), show(&raw)));
        assert_same(&found, &target, &bytes);
        assert!(show(&bytes).contains("X-WR-CALNAME:kept\r\n"));
        if current.master.is_some() && target.master.is_some() {
            assert!(show(&bytes).contains("X-UNKNOWN;P=\"a:b\":\r\n  1\r\n"));
        }
        let again = edit(&bytes, &found, &target, stamp()).expect("editable");
        assert!(again == bytes, "the second edit has nothing to do");
    });
}

#[test]
fn small_edits_leave_every_other_component_alone() {
    let fields = btree_set((0..Field::ALL.len()).prop_map(|at| Field::ALL[at]), 1..3);
    run(300, (series_of("1"), event_at(when()), fields), |(series, other, fields)| {
        let raw = with_unknown(&series);
        let current = read(&raw).expect("readable");
        let mut target = current.clone();
        let Some((key, Exception::Override(event))) = target
            .exceptions
            .iter_mut()
            .find(|(_, exception)| matches!(exception, Exception::Override(_)))
        else {
            return;
        };
        for field in fields {
            event.take(&other, field);
        }
        let key = key.clone();
        let bytes = edit(&raw, &current, &target, stamp()).expect("editable");
        let found = read(&bytes).expect("readable");
        assert_same(&found, &target, &bytes);
        let components = |bytes: &[u8]| -> BTreeMap<String, usize> {
            let mut counted = BTreeMap::new();
            for part in show(bytes).split("BEGIN:VEVENT").skip(1) {
                *counted.entry(part.to_owned()).or_insert(0) += 1;
            }
            counted
        };
        let (before, after) = (components(&raw), components(&bytes));
        let changed = before.keys().filter(|part| !after.contains_key(*part)).count();
        assert!(changed <= 1, "only the override of {key:?}:\n{}", show(&bytes));
    });
}
