//! Names: ids that we choose, the mark that tells our copies, ids of instances.

use jiff::tz::TimeZone;
use model::{CreateKey, Uid, When};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use crate::row::Row;

/// The private property that says which creation made an event: `generation/key`. Well below the
/// 44 characters that a name, and the 1024 that a value may have.
// quirk: google-39
const MARK: &str = "calpair";

/// The private property with the UID that the event has elsewhere.
const UID: &str = "calpair-uid";

/// The longest value that Google keeps whole.
// quirk: google-39
const LONGEST_VALUE: usize = 1024;

/// How often an id may turn out to be reserved by a deleted event before a creation is given up:
/// each is one deletion of the very same creation.
pub(crate) const GENERATIONS: u8 = 8;

/// base32hex in lower case: what an id may consist of.
const DIGITS: &[u8; 32] = b"0123456789abcdefghijklmnopqrstuv";

/// The id of what a creation makes, in its `generation`th try.
// quirk: google-18, google-19
pub(crate) fn event_id(key: &CreateKey, generation: u8) -> String {
    let sum = Sha256::digest(format!("calpair\n{key}\n{generation}"));
    let mut id = String::new();
    let (mut bits, mut held) = (0_u32, 0_u32);
    for byte in &sum[..20] {
        held = held << 8 | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            id.push(char::from(DIGITS[(held >> bits & 31) as usize]));
        }
        held &= (1 << bits) - 1;
    }
    id
}

/// The private properties of what a creation makes.
pub(crate) fn mark(key: &CreateKey, generation: u8, uid: &Uid) -> Map<String, Value> {
    let mut properties = Map::new();
    properties.insert(MARK.to_owned(), Value::from(format!("{generation}/{key}")));
    if uid.as_str().len() <= LONGEST_VALUE {
        properties.insert(UID.to_owned(), Value::from(uid.as_str()));
    }
    properties
}

/// Whether the event is what this creation made.
pub(crate) fn is_made_by(row: &Row, key: &CreateKey) -> bool {
    made_by(row).is_some_and(|made_by| made_by == *key)
}

/// Whether calpair made the event.
pub(crate) fn is_ours(row: &Row) -> bool {
    made_by(row).is_some()
}

/// The creation that made the event. The mark alone says nothing: Google's own clients copy it
/// when they split a series. It has to belong to the id.
// quirk: google-40
fn made_by(row: &Row) -> Option<CreateKey> {
    let (generation, key) = row.private(MARK)?.split_once('/')?;
    let key = CreateKey::new(key);
    let made = event_id(&key, generation.parse().ok()?);
    (made == row.series_id()).then_some(key)
}

/// The UID of a series by one of its rows.
pub(crate) fn uid(row: &Row) -> Uid {
    let ours = made_by(row).and_then(|_| row.private(UID));
    let uid = ours.or(row.ical_uid()).filter(|uid| !uid.is_empty());
    uid.map_or_else(|| Uid::new(format!("{}@google.com", row.series_id())), Uid::new)
}

/// The iCalUID that Google gives to what was made there. The second half of a split series shares
/// that of the first: its id is that of the first, with the start from which on it goes.
// quirk: google-40
pub(crate) fn usual_uid(series_id: &str) -> String {
    let first = series_id.rsplit_once("_R").map_or(series_id, |(first, _)| first);
    format!("{first}@google.com")
}

/// The id of the occurrence with that original start; `floating` is the zone of floating times.
/// `None` when its zone is not known.
// quirk: google-33, google-70
pub(crate) fn instance_id(master: &str, original: &When, floating: &TimeZone) -> Option<String> {
    let stamp = match original {
        When::Date(date) => date.strftime("%Y%m%d").to_string(),
        other => {
            let at = ical::instant(other, floating)?;
            at.strftime("%Y%m%dT%H%M%SZ").to_string()
        }
    };
    Some(format!("{master}_{stamp}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    // quirk: google-18
    #[test]
    fn an_id_has_only_letters_that_google_takes() {
        let id = event_id(&"0a-1b".into(), 0);
        assert_eq!(id.len(), 32);
        assert!(id.bytes().all(|byte| DIGITS.contains(&byte)), "{id}");
        assert_ne!(id, event_id(&"0a-1b".into(), 1));
        assert_eq!(id, event_id(&"0a-1b".into(), 0));
    }

    // quirk: google-40
    #[test]
    fn a_copied_mark_is_no_mark() {
        let key = CreateKey::new("0a-1b");
        let id = event_id(&key, 3);
        let properties = json!({"private": mark(&key, 3, &"uid".into())});
        let row = |id: &str| {
            let value = json!({"id": id, "iCalUID": "x@google.com", "start": {},
                "extendedProperties": properties});
            Row::new(value).unwrap()
        };
        assert!(is_made_by(&row(&id), &key));
        assert_eq!(uid(&row(&id)).as_str(), "uid");
        let split = row("another");
        assert!(!is_made_by(&split, &key));
        assert_eq!(uid(&split).as_str(), "x@google.com");
    }
}
