//! Recurrence vectors of five other projects (crates/ical/tests/data/ORIGIN.md).

use std::path::Path;

use serde_json::Value;

use super::shared;

/// The vectors of the project, or, where they are at hand, all: also those that licences keep out
/// of it; and whether it is all.
///
/// # Panics
/// When a file is no list of JSON documents, one a line.
pub fn vectors() -> (Vec<Value>, bool) {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ical/tests/data/vectors.jsonl");
    let whole = shared::shared("corpus/rrule/vectors.jsonl");
    let is_whole = whole.is_some();
    let text = std::fs::read_to_string(whole.unwrap_or(own)).expect("the vectors are readable");
    let read = |line| serde_json::from_str(line).expect("one document a line");
    (text.lines().map(read).collect(), is_whole)
}
