//! Every calendar file at hand: read or refused without a panic, kept byte for byte, and meaning
//! what its expectation says.
//!
//! The project holds the synthetic files; where a larger corpus stands beside the checkout (its
//! licences keep parts of it out of the project), that is run over, too.

#[expect(unreachable_pub, reason = "it is public where it belongs")]
#[path = "../../testkit/src/shared.rs"]
mod shared;

use std::path::{Path, PathBuf};

use ical::tree::Document;
use ical::{Window, occurrences};
use jiff::tz::TimeZone;
use serde_json::Value;

fn own() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data")
}

/// Every .ics file, with its name.
fn files() -> Vec<(String, Vec<u8>)> {
    let root = shared::shared("corpus").unwrap_or_else(own);
    let mut files = Vec::new();
    let mut folders = vec![root];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "ics") {
                let bytes = std::fs::read(&path).expect("readable");
                files.push((path.display().to_string(), bytes));
            }
        }
    }
    files.sort();
    files
}

fn expectations() -> Vec<Value> {
    let text = std::fs::read_to_string(own().join("synthetic/EXPECT.jsonl")).expect("readable");
    text.lines().map(|line| serde_json::from_str(line).expect("a document")).collect()
}

#[test]
fn every_accepted_file_is_kept_byte_for_byte() {
    let (mut kept, mut refused) = (0, Vec::new());
    for (name, bytes) in files() {
        match Document::parse(&bytes) {
            Ok(document) => {
                assert!(document.to_bytes() == bytes, "{name}");
                kept += 1;
            }
            Err(error) => refused.push(format!("{name}: {error}")),
        }
    }
    println!("{kept} kept, {} refused:\n{}", refused.len(), refused.join("\n"));
    assert!(kept > 40);
}

#[test]
fn every_resource_is_read_or_refused_and_expanded_within_the_budget() {
    let (mut read, mut refused, mut unsplit) = (0, Vec::new(), 0);
    let window = Window {
        from: "2000-01-01T00:00:00Z".parse().expect("an instant"),
        until: "2036-01-01T00:00:00Z".parse().expect("an instant"),
    };
    for (name, bytes) in files() {
        let _ = ical::read(&bytes);
        let Ok(parts) = ical::split(&bytes) else {
            unsplit += 1;
            continue;
        };
        for part in parts {
            match ical::read(&part) {
                Ok(series) => {
                    read += 1;
                    let count = occurrences(&series, window, &TimeZone::UTC).count();
                    assert!(count <= usize::try_from(ical::STEP_BUDGET).expect("small") + 1000);
                    let extent = ical::extent(&series);
                    for found in occurrences(&series, Window::ALL, &TimeZone::UTC).take(1000) {
                        assert!(extent.from <= found.from, "{name}: {found:?} {extent:?}");
                        let last = extent.until.is_none_or(|until| until >= found.until);
                        assert!(last, "{name}: {found:?} {extent:?}");
                    }
                }
                Err(unreadable) => refused.push(format!("{name}: {unreadable}")),
            }
        }
    }
    println!(
        "{read} series read, {} refused, {unsplit} files no calendar:\n{}",
        refused.len(),
        refused.join("\n")
    );
    assert!(read > 30);
}

/// People are never written, and alarms never send mail.
fn as_written(event: &mut model::Event) {
    event.people = model::People::default();
    let alarms = std::mem::take(&mut event.alarms);
    let shown = alarms
        .into_iter()
        .map(|alarm| model::Alarm { action: model::AlarmAction::Display, ..alarm });
    event.alarms = shown.collect();
}

#[test]
fn new_texts_of_every_series_read_as_the_same_series() {
    let stamp = "2026-01-01T00:00:00Z".parse().expect("an instant");
    for (name, bytes) in files() {
        for part in ical::split(&bytes).unwrap_or_default() {
            let Ok(mut series) = ical::read(&part) else { continue };
            series.master.iter_mut().for_each(as_written);
            for exception in series.exceptions.values_mut() {
                if let model::Exception::Override(event) = exception {
                    as_written(event);
                }
            }
            let text = ical::create(&series, stamp);
            let again = ical::read(&text)
                .unwrap_or_else(|error| panic!("{name}: {error}\n{}", show(&text)));
            assert!(again.uid == series.uid, "{name}");
            assert!(again.same_content(&series), "{name}:\n{series:#?}\n{again:#?}");
        }
    }
}

#[test]
fn an_edit_to_the_same_series_changes_no_byte() {
    let stamp = "2026-01-01T00:00:00Z".parse().expect("an instant");
    for (name, bytes) in files() {
        for part in ical::split(&bytes).unwrap_or_default() {
            let Ok(series) = ical::read(&part) else { continue };
            let edited = ical::edit(&part, &series, &series, stamp).expect("editable");
            assert!(edited == part, "{name}");
        }
    }
}

#[test]
fn an_edited_title_changes_its_lines_and_the_stamps_only() {
    let stamp = "2026-01-01T00:00:00Z".parse().expect("an instant");
    let ours = ["SUMMARY", "SEQUENCE", "DTSTAMP", "LAST-MODIFIED"];
    let strip = |bytes: &[u8]| -> Vec<Vec<u8>> {
        let document = Document::parse(bytes).expect("a tree");
        let mut lines = Vec::new();
        let mut walk: Vec<_> = document.components().collect();
        while let Some(component) = walk.pop() {
            let kept = component.lines().filter(|line| !ours.iter().any(|name| line.is(name)));
            lines.extend(kept.map(|line| line.raw().to_vec()));
            walk.extend(component.components());
        }
        lines.sort();
        lines
    };
    for (name, bytes) in files() {
        for part in ical::split(&bytes).unwrap_or_default() {
            let Ok(series) = ical::read(&part) else { continue };
            let mut target = series.clone();
            let Some(master) = &mut target.master else { continue };
            master.title = Some("another title, that is; for a test".into());
            let edited = ical::edit(&part, &series, &target, stamp).expect("editable");
            let again = ical::read(&edited).expect("readable");
            assert!(again.same_content(&target), "{name}");
            assert_eq!(strip(&edited), strip(&part), "{name}");
        }
    }
}

#[test]
fn files_mean_what_their_expectation_says() {
    let mut checked = 0;
    for expectation in expectations() {
        let file = expectation["file"].as_str().expect("a name");
        let Ok(bytes) = std::fs::read(own().join(file)) else { continue };
        let parts = ical::split(&bytes).unwrap_or_default();
        let series: Vec<_> = parts.iter().map(|part| ical::read(part)).collect();
        let expect = &expectation["expect"];
        if check(file, expect, &series) {
            checked += 1;
        }
    }
    assert!(checked >= 31, "{checked}");
}

/// Checks what an expectation states in figures; whether it did.
fn check(file: &str, expect: &Value, series: &[Result<model::Series, ical::Unreadable>]) -> bool {
    let all = || -> Vec<ical::Occurrence<'_>> {
        let series = series[0].as_ref().expect("readable");
        let found: Vec<_> = occurrences(series, Window::ALL, &TimeZone::UTC).take(1000).collect();
        found
    };
    let starts = || -> Vec<String> { all().iter().map(|found| found.from.to_string()).collect() };
    let list = |value: &Value| -> Vec<String> {
        let list = value.as_array().expect("a list").iter();
        list.map(|item| item.as_str().expect("a text").to_owned()).collect()
    };
    let mut is_checked = true;
    if let Some(start) = expect["utc_start"].as_str() {
        assert_eq!(starts(), [start], "{file}");
    } else if expect["starts_utc"].is_array() {
        assert_eq!(starts(), list(&expect["starts_utc"]), "{file}");
    } else if expect["dates"].is_array() {
        let want = list(&expect["dates"]);
        let found: Vec<_> =
            all().iter().map(|found| found.start.wall().date().to_string()).collect();
        assert_eq!(found[..want.len()], want, "{file}");
    } else if let Some(count) = expect["count"].as_u64() {
        assert_eq!(all().len() as u64, count, "{file}");
    } else if expect["accept_counts"].is_array() {
        let counts = expect["accept_counts"].as_array().expect("a list");
        assert!(counts.contains(&Value::from(all().len())), "{file}");
    } else if let Some(days) = expect["days"].as_i64() {
        let found = &all()[0];
        let length = found.start.wall().duration_until(found.end.wall());
        assert_eq!(length.as_hours() / 24, days, "{file}");
    } else if let Some(seconds) = expect["duration_s"].as_i64() {
        let found = &all()[0];
        assert_eq!(found.from.duration_until(found.until).as_secs(), seconds, "{file}");
    } else {
        is_checked = by_name(file, series);
    }
    is_checked
}

/// What is stated in words.
fn by_name(file: &str, series: &[Result<model::Series, ical::Unreadable>]) -> bool {
    let refused = |reason: &str| {
        let error = series[0].as_ref().expect_err("refused");
        assert_eq!(error.to_string(), reason, "{file}");
    };
    let first = || series[0].as_ref().expect("readable");
    let count = || occurrences(first(), Window::ALL, &TimeZone::UTC).take(1000).count();
    match file.trim_start_matches("synthetic/") {
        "count-and-until.ics" => assert_eq!(count(), 3),
        "dtstart-not-in-rule.ics" => assert!(count() > 1),
        "override-orphan.ics" => {
            assert!(first().master.is_none());
            assert_eq!(count(), 1);
        }
        "override-thisandfuture.ics" => refused(
            "it changes an occurrence and all after it (RANGE=THISANDFUTURE), which can't be \
             carried over",
        ),
        "dtend-before-dtstart.ics" => refused("the event ends before it starts"),
        "floating-time.ics" => {
            let start = &first().master.as_ref().expect("a master").start;
            assert!(matches!(start, model::When::Floating(_)));
        }
        "private-class.ics" => {
            let class = first().master.as_ref().expect("a master").class;
            assert_ne!(class, model::Class::Public);
        }
        "uid-case-pair.ics" => assert_eq!(series.iter().filter(|read| read.is_ok()).count(), 2),
        "uid-duplicate-masters.ics" => refused("two events share one UID"),
        "uid-4k.ics" => assert!(first().uid.as_str().len() > 4000),
        "uid-crlf-escape.ics" => {
            assert!(!first().uid.as_str().contains(char::is_control));
        }
        "rrule-secondly-unbounded.ics" | "rrule-never-matches.ics" => assert_eq!(count(), 1),
        // Neither is expanded, so what the one takes away from the other can't be told.
        "rrule-crossproduct.ics" | "exrule-cancels-all.ics" => assert_eq!(count(), 1),
        "rrule-interval-0.ics" => refused("its recurrence rule can't be understood"),
        "date-invalid.ics" => refused("its DTSTART can't be understood"),
        "duration-overflow.ics" => refused("its DURATION can't be understood"),
        "dates-extreme.ics" | "bare-cr.ics" | "bidi-title.ics" => assert_eq!(count(), 1),
        "alarm-100.ics" => {
            assert_eq!(first().master.as_ref().expect("a master").alarms.len(), 100);
        }
        "utf16.ics" => assert!(series.is_empty()),
        _ => return false,
    }
    true
}

fn show(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).chars().take(4000).collect()
}

/// The one hostile file that is too large to keep: two megabytes of inline attachment.
#[test]
fn a_large_inline_attachment_stays_where_it_is() {
    let data = "QUJD".repeat(700_000);
    let folded: Vec<_> = data.as_bytes().chunks(74).map(String::from_utf8_lossy).collect();
    let text = format!(
        "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTART:20260601T100000Z\r\n\
         ATTACH;VALUE=BINARY;ENCODING=BASE64:\r\n {}\r\nSUMMARY:a\r\nEND:VEVENT\r\n\
         END:VCALENDAR\r\n",
        folded.join("\r\n ")
    );
    let series = ical::read(text.as_bytes()).expect("readable");
    let mut target = series.clone();
    target.master.as_mut().expect("a master").title = Some("b".into());
    let stamp = "2026-01-01T00:00:00Z".parse().expect("an instant");
    let edited = ical::edit(text.as_bytes(), &series, &target, stamp).expect("editable");
    let edited = String::from_utf8(edited).expect("text");
    assert!(edited.contains(&folded.join("\r\n ")));
}
