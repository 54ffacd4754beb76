//! One event of Graph's: the JSON of a master, a single event, an exception or an occurrence, as
//! it came. What is not there is not known; what is `null` is empty.
//!
//! Only what is needed to put rows together is looked at here. Graph's event is an open type:
//! members and values that nobody has described are kept and left alone.

use jiff::Timestamp;
use jiff::civil::Date;
use model::Version;
use serde_json::Value;

use crate::ident::Mark;

/// A row with an id.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row(Value);

/// What a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It takes place once.
    Single,
    /// It repeats.
    Master,
    /// One time of a series, as the series says.
    Occurrence,
    /// One time of a series, otherwise.
    Exception,
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

    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    // quirk: microsoft-20
    pub(crate) fn id(&self) -> &str {
        self.text("id").unwrap_or_default()
    }

    /// The etag, or the one that its change key makes.
    pub(crate) fn etag(&self) -> Option<String> {
        let stated = self.text("@odata.etag").filter(|etag| !etag.is_empty());
        let made = || self.text("changeKey").map(|key| format!("W/\"{key}\""));
        stated.map(str::to_owned).or_else(made)
    }

    pub(crate) fn version(&self) -> Option<Version> {
        self.etag().map(Version::new)
    }

    /// Whether a round of changes says that it is not in the window (any more).
    // quirk: microsoft-6
    pub(crate) fn is_removed(&self) -> bool {
        self.0.get("@removed").is_some_and(|reason| !reason.is_null())
    }

    // quirk: microsoft-69
    pub(crate) fn kind(&self) -> Kind {
        match self.text("type") {
            Some("seriesMaster") => Kind::Master,
            Some("occurrence") => Kind::Occurrence,
            Some("exception") => Kind::Exception,
            _ if self.series_id().is_some() => Kind::Exception,
            _ if self.0.get("recurrence").is_some_and(Value::is_object) => Kind::Master,
            _ => Kind::Single,
        }
    }

    /// The id of the master of an occurrence or exception.
    pub(crate) fn series_id(&self) -> Option<&str> {
        self.text("seriesMasterId").filter(|id| !id.is_empty())
    }

    pub(crate) fn modified(&self) -> Option<Timestamp> {
        self.text("lastModifiedDateTime")?.parse().ok()
    }

    pub(crate) fn ical_uid(&self) -> Option<&str> {
        self.text("iCalUId").filter(|uid| !uid.is_empty())
    }

    pub(crate) fn transaction(&self) -> Option<&str> {
        self.text("transactionId")
    }

    /// The start that the series gives an occurrence; of whole days local midnight, as an instant.
    pub(crate) fn original(&self) -> Option<Timestamp> {
        self.text("originalStart")?.parse().ok()
    }

    // quirk: microsoft-55
    pub(crate) fn is_cancelled(&self) -> bool {
        self.flag("isCancelled")
    }

    // quirk: microsoft-56
    pub(crate) fn is_online(&self) -> bool {
        self.flag("isOnlineMeeting")
    }

    pub(crate) fn has_attendees(&self) -> bool {
        let attendees = self.0.get("attendees").and_then(Value::as_array);
        attendees.is_some_and(|attendees| !attendees.is_empty())
    }

    pub(crate) fn is_organizer(&self) -> bool {
        self.0.get("isOrganizer").and_then(Value::as_bool) != Some(false)
    }

    /// Whether the person whose calendar this is has declined it.
    pub(crate) fn is_declined(&self) -> bool {
        self.0.get("responseStatus").is_some_and(|answer| answer["response"] == "declined")
    }

    /// The zone in which a master repeats, where it is stated.
    pub(crate) fn recurrence_zone(&self) -> Option<&str> {
        let range = self.0.get("recurrence")?.get("range")?;
        range.get("recurrenceTimeZone")?.as_str().filter(|zone| !zone.is_empty())
    }

    /// The days, in the series' zone, on which occurrences were cancelled; `None` where the answer
    /// says nothing of them, which is not the same as none.
    // quirk: microsoft-20, microsoft-43
    pub(crate) fn cancelled_days(&self) -> Option<Vec<Date>> {
        let ids = self.0.get("cancelledOccurrences")?.as_array()?;
        let day = |id: &Value| id.as_str()?.rsplit_once('.')?.1.parse().ok();
        Some(ids.iter().filter_map(day).collect())
    }

    /// A mark that is set.
    pub(crate) fn mark(&self, mark: Mark) -> Option<&str> {
        let held = self.0.get("singleValueExtendedProperties")?.as_array()?;
        let is_it =
            |one: &&Value| one.get("id").and_then(Value::as_str).is_some_and(|id| mark.is(id));
        held.iter().find(is_it)?.get("value")?.as_str().filter(|value| !value.is_empty())
    }

    /// Whether it says the same as another state of it, versions and times of change aside.
    pub(crate) fn says_the_same(&self, other: &Row) -> bool {
        let bare = |row: &Row| {
            let mut value = row.0.clone();
            if let Value::Object(members) = &mut value {
                let passing = |name: &String| {
                    name.starts_with("@odata")
                        || matches!(
                            name.as_str(),
                            "changeKey" | "lastModifiedDateTime" | "createdDateTime"
                        )
                };
                members.retain(|name, _| !passing(name));
            }
            value
        };
        let (own, other) = (bare(self), bare(other));
        let (Value::Object(own), Value::Object(other)) = (&own, &other) else { return false };
        // What only one of the two answers was asked for says nothing.
        own.iter().all(|(name, value)| other.get(name).is_none_or(|other| other == value))
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str)
    }

    fn flag(&self, name: &str) -> bool {
        self.0.get(name).and_then(Value::as_bool).unwrap_or(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn row(value: Value) -> Row {
        Row::new(value).unwrap()
    }

    // quirk: microsoft-6, microsoft-69
    #[test]
    fn a_row_is_known_by_its_type_or_by_what_it_has() {
        for (value, want) in [
            (json!({"id": "a", "type": "seriesMaster"}), Kind::Master),
            (json!({"id": "a", "type": "somethingNew"}), Kind::Single),
            (json!({"id": "a", "seriesMasterId": "m"}), Kind::Exception),
            (json!({"id": "a", "recurrence": {"pattern": {}}}), Kind::Master),
            (json!({"id": "a", "recurrence": null}), Kind::Single),
        ] {
            assert_eq!(row(value.clone()).kind(), want, "{value}");
        }
        assert!(row(json!({"id": "a", "@removed": {"reason": "deleted"}})).is_removed());
        assert_eq!(Row::new(json!({"id": ""})), None);
    }

    // quirk: microsoft-20, microsoft-43
    #[test]
    fn cancelled_days_are_behind_the_last_dot_and_unknown_where_not_told() {
        let told = row(json!({"id": "a", "cancelledOccurrences": ["OID.AA.B-c=.2026-06-04", "x"]}));
        assert_eq!(told.cancelled_days(), Some(vec![jiff::civil::date(2026, 6, 4)]));
        assert_eq!(row(json!({"id": "a"})).cancelled_days(), None);
    }

    #[test]
    fn a_new_version_alone_is_no_other_text() {
        let old = row(json!({"id": "a", "changeKey": "1", "subject": "x", "body": {}}));
        let new = row(json!({"id": "a", "changeKey": "2", "subject": "x"}));
        assert!(old.says_the_same(&new) && new.says_the_same(&old));
        assert!(!old.says_the_same(&row(json!({"id": "a", "subject": "y"}))));
    }
}
