//! Real calendar files: what is created is what was wanted, in every field that Google holds and in
//! every occurrence, and what can't be is refused before it is sent.

#[expect(dead_code, unreachable_pub, reason = "every test uses a part of it")]
mod common;

use std::path::{Path, PathBuf};

use common::Stage;
use model::{CreateKey, Event, Field, Series, Status, Timestamp};
use provider::{ErrorKind, Provider};
use sandbox::google::Quirks;

/// Events taken from one file: a few files hold a thousand of the same kind.
const PER_FILE: usize = 4;

/// Occurrences that are compared.
const OCCURRENCES: usize = 3000;

/// Rules that the service itself refuses: seconds, and an end stated twice.
const REFUSED: [&str; 2] = ["rrule-crossproduct.ics", "count-and-until.ics"];

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let entries = std::fs::read_dir(folder).expect("the files of `ical` are there");
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|ending| ending == "ics") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn shown(series: &Series) -> Vec<(Timestamp, Timestamp)> {
    let instant = |text: &str| text.parse().expect("an instant");
    let window = ical::Window {
        from: instant("1990-01-01T00:00:00Z"),
        until: instant("2032-01-01T00:00:00Z"),
    };
    let occurrences = ical::occurrences(series, window, &jiff::tz::TimeZone::UTC);
    occurrences.take(OCCURRENCES).map(|one| (one.from, one.until)).collect()
}

/// Confirmed is what Google says of every event.
fn said(status: Status) -> Status {
    if status == Status::Confirmed { Status::None } else { status }
}

fn same(one: &Event, other: &Event, field: Field) -> bool {
    match field {
        Field::Status => said(one.status) == said(other.status),
        Field::People => true,
        _ => one.same(other, field),
    }
}

async fn tried(name: &str, series: &Series, tally: &mut Tally) {
    let mut stage = Stage::new(Quirks::default());
    let made = stage.google.create(&stage.calendar, series, &CreateKey::new("0a")).await;
    let made = match made {
        Ok(made) => made,
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Rejected, "{name}: {error}");
            let sent = stage.google.requests() > 0;
            assert!(!sent || REFUSED.contains(&name), "{name}: {error}");
            tally.refused += 1;
            return;
        }
    };
    tally.created += 1;
    assert_eq!(shown(series), shown(&made.series), "{name}: other occurrences");
    assert_eq!(series.recurrence, made.series.recurrence, "{name}: another repetition");
    let masters = series.master.as_ref().zip(made.series.master.as_ref());
    for field in stage.google.fields().iter() {
        let is_same = masters.is_none_or(|(one, other)| same(one, other, field));
        assert!(is_same, "{name}: another {field}");
    }
    stage.restart();
    let found = stage.found(&made.id).await;
    assert!(found.series.same_content(&made.series), "{name}: a fetch differs");
    let full = stage.list(None).await.expect("it is listed");
    let listed = full.items.iter().any(|item| match item {
        provider::Change::Present(held) => held.series == found.series,
        _ => false,
    });
    assert!(listed, "{name}: a listing differs");
    stage.assert_careful();
}

#[derive(Default)]
struct Tally {
    created: usize,
    refused: usize,
}

#[tokio::test]
async fn real_events_are_held_or_refused() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ical/tests/data");
    let mut tally = Tally::default();
    for file in files(&folder) {
        let bytes = std::fs::read(&file).expect("it can be read");
        let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        for part in ical::split(&bytes).unwrap_or_default().into_iter().take(PER_FILE) {
            if let Ok(series) = ical::read(&part) {
                tried(name, &series, &mut tally).await;
            }
        }
    }
    assert!(tally.created > 30 && tally.refused < tally.created / 3, "{}", tally.refused);
}
