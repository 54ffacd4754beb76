//! One row of Google's: the JSON of a master, a single event or an exception, as it came.
//!
//! Only what is needed to put rows together is looked at here: whose row it is, whether it takes
//! place, which state it is in. The rest is read elsewhere, through the typed form.

use google_calendar3::api;
use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use serde::Deserialize as _;
use serde_json::Value;

/// A row with an id.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row(Value);

/// The original start of an exception, as far as it can be told without its master.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Original {
    /// Of a whole day.
    Day(Date),
    /// Of a time.
    At(Timestamp),
}

impl Row {
    /// `None` for what has no id, and so is no row.
    pub(crate) fn new(value: Value) -> Option<Self> {
        let row = Self(value);
        row.text("id").is_some_and(|id| !id.is_empty()).then_some(row)
    }

    pub(crate) fn value(&self) -> &Value {
        &self.0
    }

    pub(crate) fn id(&self) -> &str {
        self.text("id").unwrap_or_default()
    }

    // quirk: google-6
    pub(crate) fn etag(&self) -> Option<&str> {
        self.text("etag")
    }

    // quirk: google-8
    pub(crate) fn is_cancelled(&self) -> bool {
        self.text("status") == Some("cancelled")
    }

    pub(crate) fn updated(&self) -> Option<Timestamp> {
        self.text("updated")?.parse().ok()
    }

    /// How often its times were changed, as Google counts.
    pub(crate) fn sequence(&self) -> Option<i64> {
        self.0.get("sequence").and_then(Value::as_i64)
    }

    pub(crate) fn ical_uid(&self) -> Option<&str> {
        self.text("iCalUID")
    }

    /// Whether it repeats.
    pub(crate) fn repeats(&self) -> bool {
        self.0.get("recurrence").and_then(Value::as_array).is_some_and(|lines| !lines.is_empty())
    }

    /// The id of the series that an exception belongs to; `None` for a master or a single event.
    // quirk: google-5
    pub(crate) fn master_id(&self) -> Option<&str> {
        if let Some(id) = self.text("recurringEventId") {
            return Some(id);
        }
        // A sparse row says nothing but its id.
        let sparse = self.0.get("start").is_none() && !self.repeats();
        (sparse && self.is_cancelled()).then(|| instance_id(self.id())).flatten().map(|(id, _)| id)
    }

    /// The id of the series that it belongs to, or is.
    pub(crate) fn series_id(&self) -> &str {
        self.master_id().unwrap_or(self.id())
    }

    // quirk: google-5
    pub(crate) fn original(&self) -> Option<Original> {
        let stated = self.0.get("originalStartTime");
        let date = stated.and_then(|time| time.get("date")).and_then(Value::as_str);
        let time = stated.and_then(|time| time.get("dateTime")).and_then(Value::as_str);
        let stated = match (date, time) {
            (Some(date), _) => date.parse().ok().map(Original::Day),
            (None, Some(time)) => time.parse().ok().map(Original::At),
            (None, None) => None,
        };
        stated.or_else(|| instance_id(self.id()).map(|(_, original)| original))
    }

    /// Whether it says everything that Google shows of what takes place, and when it changed.
    pub(crate) fn is_complete(&self) -> bool {
        let has = |name: &str| self.0.get(name).is_some();
        !self.is_cancelled()
            && self.etag().is_some()
            && self.updated().is_some()
            && has("start")
            && has("end")
    }

    /// Whether it says of which series it is, and which occurrence: as a cancelled occurrence does
    /// according to the documentation. Its id alone says as much by custom only.
    // quirk: google-5
    pub(crate) fn names_its_occurrence(&self) -> bool {
        self.text("recurringEventId").is_some() && self.0.get("originalStartTime").is_some()
    }

    /// Whether others are invited to it by the person whose calendar this is.
    // quirk: google-60, google-69
    pub(crate) fn invites_others(&self, calendar: &str) -> bool {
        let is_own = |person: &Value| {
            let email = person["email"].as_str().unwrap_or_default();
            is_true(person, "self") || email.eq_ignore_ascii_case(calendar)
        };
        let mut others =
            self.guests().filter(|guest| !is_own(guest) && !is_true(guest, "resource"));
        let invited = others.next().is_some() || is_true(&self.0, "attendeesOmitted");
        invited && self.0.get("organizer").is_some_and(is_own)
    }

    /// Whether the person whose calendar this is has declined it.
    pub(crate) fn is_declined(&self) -> bool {
        self.guests().any(|guest| is_true(guest, "self") && guest["responseStatus"] == "declined")
    }

    fn guests(&self) -> impl Iterator<Item = &Value> {
        self.0.get("attendees").and_then(Value::as_array).into_iter().flatten()
    }

    /// As google-calendar3 reads it; `None` when it can't.
    pub(crate) fn typed(&self) -> Option<api::Event> {
        api::Event::deserialize(&self.0).ok()
    }

    /// The row with a patch laid over it (RFC 7386), as Google does with a PATCH.
    #[must_use]
    pub(crate) fn overlaid(&self, patch: &Value) -> Self {
        let mut value = self.0.clone();
        merge(&mut value, patch);
        Self(value)
    }

    /// A text of one of its own private properties.
    pub(crate) fn private(&self, name: &str) -> Option<&str> {
        self.0.get("extendedProperties")?.get("private")?.get(name)?.as_str()
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str)
    }
}

fn is_true(value: &Value, name: &str) -> bool {
    value[name].as_bool() == Some(true)
}

/// The master's id and the original start that an instance's id names:
/// `{master}_{YYYYMMDD}` or `{master}_{YYYYMMDDTHHMMSSZ}`.
fn instance_id(id: &str) -> Option<(&str, Original)> {
    let (master, stamp) = id.rsplit_once('_')?;
    if master.is_empty() || !stamp.is_ascii() {
        return None;
    }
    let original = match stamp.len() {
        8 => Original::Day(Date::strptime("%Y%m%d", stamp).ok()?),
        16 => {
            let wall = DateTime::strptime("%Y%m%dT%H%M%SZ", stamp).ok()?;
            Original::At(jiff::tz::TimeZone::UTC.to_timestamp(wall).ok()?)
        }
        _ => return None,
    };
    Some((master, original))
}

fn merge(value: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *value = patch.clone();
        return;
    };
    if !value.is_object() {
        *value = Value::Object(serde_json::Map::new());
    }
    let Value::Object(fields) = value else { return };
    for (name, new) in patch {
        if new.is_null() {
            fields.remove(name);
        } else {
            merge(fields.entry(name.clone()).or_insert(Value::Null), new);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn row(value: Value) -> Row {
        Row::new(value).unwrap()
    }

    // quirk: google-5, google-6
    #[test]
    fn a_sparse_row_is_known_by_its_id() {
        // Rows as the reference's section 6.3 has them.
        let day = row(json!({"id": "s0me_20260413", "status": "cancelled"}));
        assert_eq!(day.master_id(), Some("s0me"));
        assert_eq!(day.original(), Some(Original::Day(jiff::civil::date(2026, 4, 13))));
        let time = row(json!({"id": "s0me_20260413T070000Z", "status": "cancelled"}));
        assert_eq!(time.series_id(), "s0me");
        assert_eq!(time.original(), Some(Original::At("2026-04-13T07:00:00Z".parse().unwrap())));
        assert_eq!(time.etag(), None);
    }

    #[test]
    fn an_underscore_alone_makes_no_instance() {
        for id in ["base_R20260316T130000", "_60q30c1g60o30e1i60o4ac", "x_2026", "gone00001"] {
            assert_eq!(row(json!({"id": id, "status": "cancelled"})).master_id(), None, "{id}");
        }
        let live = row(json!({"id": "a_20260413", "status": "confirmed", "start": {}}));
        assert_eq!(live.master_id(), None, "a live row would name its series");
    }

    #[test]
    fn only_ones_own_answer_declines() {
        let guest = |own: bool, answer: &str| json!({"self": own, "responseStatus": answer});
        for (guests, declined) in [
            (json!([]), false),
            (json!([guest(false, "declined"), guest(true, "accepted")]), false),
            (json!([guest(false, "accepted"), guest(true, "declined")]), true),
        ] {
            assert_eq!(row(json!({"id": "a", "attendees": guests})).is_declined(), declined);
        }
    }

    #[test]
    fn a_patch_replaces_merges_and_removes() {
        let held = row(json!({"id": "a", "start": {"dateTime": "x", "timeZone": "y"}, "l": [1]}));
        let patch = json!({"start": {"dateTime": null, "date": "d"}, "l": [2, 3], "m": {"n": 1}});
        let want = json!({"id": "a", "start": {"timeZone": "y", "date": "d"}, "l": [2, 3],
            "m": {"n": 1}});
        assert_eq!(*held.overlaid(&patch).value(), want);
    }
}
