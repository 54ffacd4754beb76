//! When two texts of one event take place, by an expander that shares nothing with calpair
//! (`tests/servers/expand.py`).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use engine::Clock as _;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use serde_json::Value;

use crate::rig::RealClock;
use crate::text;

/// Events by UID, as a server holds them.
pub type Held = BTreeMap<String, Vec<u8>>;

/// What it says about one event.
#[derive(Clone, Debug)]
pub enum Said {
    /// Both take place at the same times, under the same titles, so often in ten years.
    Equal(u64),
    /// They don't.
    Unequal {
        /// The event.
        uid: String,
        /// The answer, with the first occurrences that only one side has.
        line: String,
    },
    /// It can't read one of them; its answer.
    Unsure(String),
}

/// The days for which a series that stands there as single events is written at least: the window
/// that the adapter opens by itself, less a few days.
fn window() -> (Date, Date) {
    let now: Timestamp = RealClock.now();
    let today = TimeZone::UTC.to_datetime(now).date();
    let days = |days: i64| today.saturating_add(Span::new().days(days));
    (days(-175), days(725))
}

/// Compares every event that both sides hold. `python` is `CALPAIR_EXPANDER`. What floats takes
/// place in `zone`, where there is one.
///
/// # Panics
/// When the expander does not run.
pub fn compare(python: &str, left: &Held, right: &Held, zone: Option<&str>) -> Vec<Said> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/servers/expand.py");
    let mut child = Command::new(python)
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the expander runs");
    let mut cases = String::new();
    for (uid, raw) in left {
        let Some(other) = right.get(uid) else { continue };
        let (left, right) = (String::from_utf8_lossy(raw), String::from_utf8_lossy(other));
        let mut case =
            serde_json::json!({ "uid": uid, "left": left, "right": right, "zone": zone });
        if [raw, other].into_iter().any(|raw| text::is_in_parts(raw)) {
            let (from, until) = window();
            case["from"] = from.to_string().into();
            case["until"] = until.to_string().into();
        }
        writeln!(cases, "{case}").expect("a String takes everything");
    }
    let mut stdin = child.stdin.take().expect("a pipe");
    let feeding = std::thread::spawn(move || stdin.write_all(cases.as_bytes()));
    let mut all = Vec::new();
    for line in BufReader::new(child.stdout.take().expect("a pipe")).lines() {
        let line = line.expect("text");
        let said: Value = serde_json::from_str(&line).expect("a document");
        all.push(match said["count"].as_u64() {
            Some(count) => Said::Equal(count),
            None if said["unequal"].is_array() => {
                let uid = said["uid"].as_str().unwrap_or_default().to_owned();
                Said::Unequal { uid, line }
            }
            None => Said::Unsure(line),
        });
    }
    feeding.join().expect("it does not panic").expect("the expander reads everything");
    assert!(child.wait().expect("it ends").success(), "the expander fails");
    all
}
