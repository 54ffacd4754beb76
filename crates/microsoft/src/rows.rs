//! The rows of one series: its master, or a single event, its exceptions, and the single events
//! that are linked to it. This is a resource's raw form: JSON as it came.

use std::collections::BTreeMap;

use model::Version;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::row::{Kind, Row};

/// What is known of one series.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Rows {
    /// The master or single event; `None` where somebody deleted it and linked events stay.
    pub(crate) master: Option<Row>,
    /// By row id.
    pub(crate) exceptions: BTreeMap<String, Row>,
    /// By row id.
    pub(crate) linked: BTreeMap<String, Row>,
}

impl Rows {
    /// From the answer about an event by its id: what is expanded in it is taken out.
    pub(crate) fn of(mut answer: Value) -> Option<Self> {
        let mut rows = Self::default();
        let inner = answer.get_mut("exceptionOccurrences").map(Value::take);
        if let Some(members) = answer.as_object_mut() {
            members.remove("exceptionOccurrences");
        }
        for one in inner.as_ref().and_then(Value::as_array).into_iter().flatten() {
            let row = Row::new(one.clone())?;
            rows.exceptions.insert(row.id().to_owned(), row);
        }
        rows.master = Some(Row::new(answer)?);
        Some(rows)
    }

    pub(crate) fn single(row: Row) -> Self {
        Self { master: Some(row), ..Self::default() }
    }

    pub(crate) fn link(&mut self, row: Row) {
        self.linked.insert(row.id().to_owned(), row);
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Row> {
        self.master.iter().chain(self.exceptions.values()).chain(self.linked.values())
    }

    /// Whether it is one row that takes place once: then its etag is the whole version.
    pub(crate) fn is_plain(&self) -> bool {
        self.exceptions.is_empty()
            && self.linked.is_empty()
            && self.master.as_ref().is_some_and(|master| master.kind() == Kind::Single)
    }

    /// The raw form.
    pub(crate) fn to_raw(&self) -> Vec<u8> {
        let list = |rows: &BTreeMap<String, Row>| -> Vec<Value> {
            rows.values().map(|row| row.value().clone()).collect()
        };
        let raw = json!({
            "master": self.master.as_ref().map(Row::value),
            "exceptions": list(&self.exceptions),
            "linked": list(&self.linked),
        });
        serde_json::to_vec(&raw).expect("JSON values can be written")
    }

    /// From a raw form; `None` for one that is not ours.
    pub(crate) fn from_raw(raw: &[u8]) -> Option<Self> {
        let mut raw: Value = serde_json::from_slice(raw).ok()?;
        let mut list = |name: &str| -> Option<BTreeMap<String, Row>> {
            let Value::Array(values) = raw.get_mut(name)?.take() else { return None };
            let rows = values.into_iter().map(Row::new);
            rows.map(|row| row.map(|row| (row.id().to_owned(), row))).collect()
        };
        let (exceptions, linked) = (list("exceptions")?, list("linked")?);
        let master = match raw.get_mut("master")?.take() {
            Value::Null => None,
            value => Some(Row::new(value)?),
        };
        Some(Self { master, exceptions, linked })
    }

    /// The etag of a single event. For a series one that covers all of its rows and what was
    /// cancelled, because nobody documents that the master's changes with them. `None` where Graph
    /// left out what a write would be conditional on.
    // quirk: microsoft-3
    pub(crate) fn version(&self) -> Option<Version> {
        if self.is_plain() {
            return self.master.as_ref()?.version();
        }
        let mut sum = Sha256::new();
        for row in self.all() {
            let etag = row.etag()?;
            sum.update(format!("{}\n{etag}\n", row.id()));
        }
        let mut days = self.master.as_ref().and_then(Row::cancelled_days).unwrap_or_default();
        days.sort_unstable();
        sum.update(format!("{days:?}"));
        let sum = sum.finalize();
        let sum: String = sum[..16].iter().map(|byte| format!("{byte:02x}")).collect();
        Some(Version::new(format!("series-{sum}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_raw_form_comes_back_and_the_version_covers_all_rows() {
        let answer = json!({"id": "m", "@odata.etag": "1", "type": "seriesMaster",
            "cancelledOccurrences": ["OID.m.2026-03-09"],
            "exceptionOccurrences": [{"id": "e", "@odata.etag": "1", "type": "exception"}]});
        let mut rows = Rows::of(answer).unwrap();
        assert_eq!(Rows::from_raw(&rows.to_raw()), Some(rows.clone()));
        assert_eq!(Rows::from_raw(b"BEGIN:VCALENDAR"), None);
        let before = rows.version();
        rows.link(Row::new(json!({"id": "l", "@odata.etag": "7"})).unwrap());
        assert_ne!(rows.version(), before);
        let single = Rows::single(Row::new(json!({"id": "s", "changeKey": "k"})).unwrap());
        assert_eq!(single.version(), Some("W/\"k\"".into()));
    }
}
