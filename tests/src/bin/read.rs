//! Reads one calendar file with everything that calpair does to a text, and says what that cost:
//! `read FILE` prints `EVENTS REFUSED OCCURRENCES MILLISECONDS KIBIBYTES`, the last being the most
//! memory that the process ever held. A process for itself, so that a panic, an endless loop or a
//! full memory is that file's alone.
#![allow(clippy::print_stdout, reason = "its answer")]

use std::process::ExitCode;

use calpair_tests::wait::timed;
use ical::tree::Document;
use ical::{Window, occurrences};
use jiff::tz::TimeZone;
use model::{Alarm, AlarmAction, Exception, Series};

fn main() -> ExitCode {
    let Some(file) = std::env::args_os().nth(1) else { return ExitCode::from(2) };
    let Ok(bytes) = std::fs::read(file) else { return ExitCode::from(2) };
    let (cost, took) = timed(|| read(&bytes));
    let (millis, memory) = (took.as_millis(), peak());
    println!("{} {} {} {millis} {memory}", cost.events, cost.refused, cost.occurrences);
    ExitCode::SUCCESS
}

#[derive(Default)]
struct Cost {
    events: usize,
    refused: usize,
    occurrences: usize,
}

fn read(bytes: &[u8]) -> Cost {
    let mut cost = Cost::default();
    match Document::parse(bytes) {
        Ok(document) => assert!(document.to_bytes() == bytes, "it is not kept byte for byte"),
        Err(_) => cost.refused += 1,
    }
    // A whole file where one resource is expected must be bearable, too.
    let _ = ical::read(bytes);
    for part in ical::split(bytes).unwrap_or_default() {
        let Ok(whole) = ical::read(&part) else {
            cost.refused += 1;
            continue;
        };
        let series = as_created(&whole);
        cost.events += 1;
        let window = Window {
            from: "2020-01-01T00:00:00Z".parse().expect("an instant"),
            until: "2030-01-01T00:00:00Z".parse().expect("an instant"),
        };
        cost.occurrences += occurrences(&series, window, &TimeZone::UTC).count();
        let stamp = "2026-01-01T00:00:00Z".parse().expect("an instant");
        let text = ical::create(&series, stamp);
        let again = ical::read(&text).expect("what was created can be read");
        assert!(again.same_content(&series), "what was created is another series");
        assert!(model::canonical::encode(&again) == model::canonical::encode(&series));
        let same = ical::edit(&part, &whole, &whole, stamp).expect("nothing to edit");
        assert!(same == part, "an edit of nothing changes bytes");
    }
    cost
}

/// People are read and never written, and a reminder by mail is written as one that is shown.
fn as_created(series: &Series) -> Series {
    let mut series = series.clone();
    let overrides = series.exceptions.values_mut().filter_map(|exception| match exception {
        Exception::Override(event) => Some(&mut **event),
        Exception::Cancelled => None,
    });
    for event in series.master.iter_mut().chain(overrides) {
        event.people = Default::default();
        let shown = |alarm: Alarm| Alarm { action: AlarmAction::Display, ..alarm };
        event.alarms = std::mem::take(&mut event.alarms).into_iter().map(shown).collect();
    }
    series
}

/// The most memory that this process held so far, in KiB; 0 where nobody says.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or_default()
}
