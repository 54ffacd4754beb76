//! What calpair writes on an event beside its fields: marks that nobody sees.
//!
//! Single-value extended properties of one set, each with one fixed name: a mailbox has room for
//! few names. They can be looked for, but are shown only where they are asked for by name, and
//! never in a round of changes. `transactionId` can't be changed after the creation, but is shown
//! everywhere: by it a linked event tells, in a round of changes, which series it is a part of.

use model::{CreateKey, ResourceId, Uid, When};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::row::Row;

/// The property set; Microsoft's own pages use it in their examples.
const SET: &str = "String {66f5a359-4659-4830-9070-00047ec6ac6e} Name ";

/// The longest transaction id that we trust Exchange with; nobody documents one.
const LONGEST_TRANSACTION: usize = 255;

/// A property that calpair writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// The UID that the event has elsewhere: `iCalUId` can't be set.
    Uid,
    /// What Graph's own fields can't say exactly, see [`crate::kept`].
    Kept,
    /// The series that a linked event belongs to: the id of its resource.
    Link,
    /// Which occurrence of that series it is: the wall clock of its original start.
    Slot,
    /// The series that linked events stand for, where Graph has no words for its rule.
    Series,
    /// `open` while a creation is not finished, `parts` where linked events exist.
    State,
    /// The creation that made a linked event together with the first one of its series: that one
    /// may be deleted before anybody has learnt of it.
    Key,
}

impl Mark {
    pub(crate) const ALL: [Mark; 7] =
        [Mark::Uid, Mark::Kept, Mark::Link, Mark::Slot, Mark::Series, Mark::State, Mark::Key];

    /// The id of the property.
    // quirk: microsoft-23
    pub(crate) fn id(self) -> String {
        format!("{SET}{}", self.name())
    }

    const fn name(self) -> &'static str {
        match self {
            Mark::Uid => "calpair-uid",
            Mark::Kept => "calpair-kept",
            Mark::Link => "calpair-link",
            Mark::Slot => "calpair-slot",
            Mark::Series => "calpair-series",
            Mark::State => "calpair-state",
            Mark::Key => "calpair-key",
        }
    }

    /// Whether a property as it was answered is this one; GUIDs come back in either case.
    pub(crate) fn is(self, id: &str) -> bool {
        let own = self.id();
        id.len() == own.len() && id.eq_ignore_ascii_case(&own) && id.ends_with(self.name())
    }

    /// The property with a value. There is no way to take one back: an empty one is none.
    pub(crate) fn with(self, value: &str) -> Value {
        json!({"id": self.id(), "value": value})
    }
}

/// `$expand` for all properties of ours.
pub(crate) fn expand() -> String {
    let ids: Vec<String> = Mark::ALL.iter().map(|mark| format!("id eq '{}'", mark.id())).collect();
    format!("singleValueExtendedProperties($filter={})", ids.join(" or "))
}

/// `$filter` for the events whose mark has this value. Graph compares without case.
pub(crate) fn filter(mark: Mark, value: &str) -> String {
    let value = value.replace('\'', "''");
    format!(
        "singleValueExtendedProperties/Any(ep: ep/id eq '{}' and ep/value eq '{value}')",
        mark.id()
    )
}

/// The transaction id of what a creation makes.
// quirk: microsoft-22
pub(crate) fn transaction(key: &CreateKey) -> String {
    format!("calpair.{key}")
}

/// Whether the event is what this creation made.
pub(crate) fn is_made_by(row: &Row, key: &CreateKey) -> bool {
    row.transaction() == Some(&transaction(key))
}

/// Whether the event is a linked one that this creation made beside its first.
pub(crate) fn is_part_made_by(row: &Row, key: &CreateKey) -> bool {
    row.mark(Mark::Key) == Some(key.as_str()) && linked(row).is_some()
}

/// Whether calpair made the event.
pub(crate) fn is_ours(row: &Row) -> bool {
    let begun = row.transaction().is_some_and(|id| id.starts_with("calpair."));
    begun || row.mark(Mark::Uid).is_some()
}

/// The transaction id of a linked event: which occurrence of which series it is, in which try.
pub(crate) fn part_transaction(series: &ResourceId, slot: &str, salt: &str) -> String {
    let sum = short_sum(&format!("{slot}\n{salt}"));
    let whole = format!("calpair.p.{sum}.{series}");
    if whole.len() <= LONGEST_TRANSACTION {
        return whole;
    }
    format!("calpair.h.{sum}.{}", short_sum(series.as_str()))
}

/// The series that a row belongs to, as far as its transaction id tells.
pub(crate) fn linked_by_transaction(row: &Row) -> Option<ResourceId> {
    let (_, series) = row.transaction()?.strip_prefix("calpair.p.")?.split_once('.')?;
    Some(ResourceId::new(series))
}

/// The series that a linked event belongs to.
pub(crate) fn linked(row: &Row) -> Option<ResourceId> {
    row.mark(Mark::Link).map(ResourceId::new).or_else(|| linked_by_transaction(row))
}

/// How an occurrence is named in marks: the wall clock of its original start.
pub(crate) fn slot(original: &When) -> String {
    match original {
        When::Date(date) => date.to_string(),
        other => other.wall().to_string(),
    }
}

/// The UID of an event: the one it has elsewhere, else Exchange's, else one of its id.
// quirk: microsoft-21
pub(crate) fn uid(row: &Row) -> Uid {
    let uid = row.mark(Mark::Uid).or(row.ical_uid());
    uid.map_or_else(|| Uid::new(format!("{}@outlook.com", row.id())), Uid::new)
}

fn short_sum(text: &str) -> String {
    Sha256::digest(text)[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    // quirk: microsoft-22
    #[test]
    fn a_linked_event_tells_its_series_wherever_it_is_shown() {
        let series = ResourceId::new(format!("AAk{}=", "x.y-_Z".repeat(12)));
        let transaction = part_transaction(&series, "2026-03-02T09:00:00", "a");
        assert!(transaction.len() <= LONGEST_TRANSACTION);
        let row = Row::new(json!({"id": "p", "transactionId": transaction})).unwrap();
        assert_eq!(linked(&row), Some(series.clone()));
        assert_ne!(transaction, part_transaction(&series, "2026-03-02T09:00:00", "b"));
        let long = ResourceId::new("x".repeat(300));
        assert!(part_transaction(&long, "a", "b").len() <= LONGEST_TRANSACTION);
        let own = json!({"id": "p", "transactionId": transaction_of("0a-1b")});
        assert_eq!(linked(&Row::new(own).unwrap()), None);
    }

    fn transaction_of(key: &str) -> String {
        transaction(&key.into())
    }

    // quirk: microsoft-23
    #[test]
    fn a_property_is_known_whatever_the_case_of_its_guid() {
        let id = Mark::Uid.id().replace("{66f5a359", "{66F5A359");
        assert!(Mark::Uid.is(&id));
        assert!(!Mark::Kept.is(&id) && !Mark::Uid.is(&Mark::Uid.id().to_uppercase()));
        assert_eq!(
            filter(Mark::Uid, "o'clock"),
            format!(
                "singleValueExtendedProperties/Any(ep: ep/id eq '{}' and ep/value eq 'o''clock')",
                Mark::Uid.id()
            )
        );
    }

    // quirk: microsoft-21
    #[test]
    fn a_uid_is_found_in_every_case() {
        let id = Mark::Uid.id();
        for (row, want) in [
            (json!({"id": "a", "iCalUId": "040000"}), "040000"),
            (json!({"id": "a", "iCalUId": null}), "a@outlook.com"),
            (
                json!({"id": "a", "iCalUId": "040000",
                    "singleValueExtendedProperties": [{"id": id, "value": "x@icloud.com"}]}),
                "x@icloud.com",
            ),
        ] {
            assert_eq!(uid(&Row::new(row).unwrap()).as_str(), want);
        }
    }
}
