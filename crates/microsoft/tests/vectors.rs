//! Rules of five projects through the simulated Exchange and back: what takes place there, in the
//! window, is what the rule gives, and the rule comes back.

#[expect(dead_code, unreachable_pub, reason = "every test uses a part of it")]
mod common;

use std::collections::BTreeMap;
use std::path::Path;

use common::Stage;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use model::{CreateKey, Frequency, Series};
use provider::{ErrorKind, Provider};
use sandbox::microsoft::Quirks;
use serde_json::Value;

fn series(start: &str, rule: &str) -> Option<Series> {
    let is_local = start.contains('T') && !start.ends_with('Z');
    let zone = if is_local { ";TZID=Europe/Berlin" } else { "" };
    let text = format!(
        "BEGIN:VCALENDAR\nVERSION:2.0\nBEGIN:VEVENT\nUID:one\nDTSTART{zone}:{start}\nSUMMARY:A\n\
         RRULE:{rule}\nEND:VEVENT\nEND:VCALENDAR\n"
    );
    ical::read(text.as_bytes()).ok()
}

fn starts(series: &Series, from: Timestamp, until: Timestamp) -> Vec<Timestamp> {
    let window = ical::Window { from, until };
    ical::occurrences(series, window, &TimeZone::UTC).map(|one| one.from).collect()
}

/// What takes place in the calendar, as its user sees it.
fn shown(stage: &Stage, from: Timestamp, until: Timestamp) -> Vec<Timestamp> {
    let held = stage.service.held(&stage.calendar);
    let read = held.iter().map(|held| ical::read(&held.raw).expect("Exchange's own is readable"));
    let mut all: Vec<Timestamp> = read.flat_map(|one| starts(&one, from, until)).collect();
    all.sort_unstable();
    all
}

/// What takes place in the window is what the vector expects, as its project computed it; the start
/// of a series counts whether its rule gives it or not (RFC 5545 section 3.8.5.3). Vectors that
/// other projects dispute are left to `ical`.
fn expects(
    vector: &Value,
    series: &Series,
    given: &[Timestamp],
    begins: Timestamp,
    until: Timestamp,
) {
    let is_disputed = vector["dateutil_agrees"] == Value::Bool(false);
    // Where it ends is written in UTC, of times without a zone.
    let ends_elsewhere = vector["rrule"].as_str().is_some_and(|rule| rule.contains("UNTIL"));
    if is_disputed || ends_elsewhere {
        return;
    }
    let start = &series.master.as_ref().expect("it has one").start;
    let texts = vector["expected"].as_array().expect("a list").iter();
    // In UTC or without a zone, as the start is.
    let wall = |text: &Value| {
        text.as_str().expect("a text").trim_end_matches('Z').parse().expect("a time")
    };
    let walls = texts.map(wall);
    let wanted = walls.map(|wall| {
        ical::instant(&start.with_wall(wall), &TimeZone::UTC).expect("its zone is known")
    });
    let mut wanted: Vec<Timestamp> =
        wanted.chain([begins]).filter(|at| (begins..until).contains(at)).collect();
    wanted.sort_unstable();
    wanted.dedup();
    assert_eq!(given, wanted, "{}: what its project expects", vector["rrule"]);
}

#[tokio::test]
async fn what_takes_place_is_what_the_rule_gives() {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let (vectors, is_whole) = testkit::vectors();
    for (number, vector) in vectors.into_iter().enumerate() {
        let (Some(rule), Some(start)) = (vector["rrule"].as_str(), vector["dtstart"].as_str())
        else {
            continue;
        };
        let Some(wanted) = series(start, rule).filter(|_| !vector["expected"].is_null()) else {
            continue;
        };
        let case = format!("{rule} from {start}");
        let begins = wanted.master.as_ref().map(|one| one.start.clone()).expect("it has one");
        let begins = ical::instant(&begins, &TimeZone::UTC).expect("its zone is known");
        let Ok(now) = begins.checked_add(SignedDuration::from_hours(24 * 170)) else { continue };
        if begins.as_second() > 60_000_000_000 {
            continue;
        }
        let stage = Stage::at(Quirks::default(), now);
        let made = stage
            .microsoft
            .create(&stage.calendar, &wanted, &CreateKey::new(format!("{number:04x}")))
            .await;
        let made = match made {
            Ok(made) => made,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Rejected, "{case}: {error}");
                let frequency = wanted.recurrence.rules.first().map(|rule| rule.frequency);
                let is_within = matches!(
                    frequency,
                    Some(Frequency::Secondly | Frequency::Minutely | Frequency::Hourly)
                );
                assert!(is_within, "{case} ({frequency:?}): {error}");
                *counts.entry("refused").or_default() += 1;
                continue;
            }
        };
        let held = stage.found(&made.id).await;
        assert_eq!(held.series.recurrence, wanted.recurrence, "{case}");
        let until = now.checked_add(SignedDuration::from_hours(24 * 729)).expect("in range");
        let given = starts(&wanted, begins, until);
        expects(&vector, &wanted, &given, begins, until);
        assert_eq!(starts(&held.series, begins, until), given, "{case}: read");
        assert_eq!(shown(&stage, begins, until), given, "{case}: shown");
        let held = stage.service.held(&stage.calendar);
        let has_rule = held.iter().any(|one| String::from_utf8_lossy(&one.raw).contains("RRULE"));
        let form = if has_rule { "expressed" } else { "materialised" };
        *counts.entry(form).or_default() += 1;
        // Whoever looks is told why it is no series of Outlook's own.
        let told = stage.microsoft.shown_otherwise(&wanted);
        let is_told = told.iter().any(|line| line.starts_with("recurrence: single events"));
        assert_eq!(is_told, !has_rule, "{case}: {told:?}");
        stage.assert_careful();
    }
    println!("{counts:?}");
    assert!(counts["expressed"] > if is_whole { 35 } else { 20 }, "{counts:?}");
    if is_whole {
        // Part of the vectors may not be given away; only all of them are what is counted.
        for (document, row, form) in TOLD {
            let told = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(document);
            let told = std::fs::read_to_string(told).expect("the document is there");
            let told = told.split_whitespace().collect::<Vec<_>>().join(" ");
            let want = row.replace('#', &counts[form].to_string());
            assert!(told.contains(&want), "{document} does not say: {want}");
        }
    }
}

/// What documents say of the counts.
const TOLD: &[(&str, &str, &str)] = &[
    ("microsoft.md", "| a series of Outlook's own, the same days | # |", "expressed"),
    ("microsoft.md", "| single events, linked, the same days in the window | # |", "materialised"),
    ("microsoft.md", "| refused: every minute or second | # |", "refused"),
    ("providers/microsoft.md", "with an expectation # are patterns", "expressed"),
    ("providers/microsoft.md", "are patterns, # linked events", "materialised"),
    ("providers/microsoft.md", "linked events, and # repeat within a minute", "refused"),
];
