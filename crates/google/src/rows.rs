//! The rows of one series: its master, or a single event, and its exceptions. This is a resource's
//! raw form: JSON as it came, in an order of its own.

use std::collections::BTreeMap;

use model::{ResourceId, Version};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::row::Row;

/// What is known of one series.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Rows {
    /// The master or single event; `None` where only exceptions are visible.
    pub(crate) master: Option<Row>,
    /// By row id.
    pub(crate) exceptions: BTreeMap<String, Row>,
}

impl Rows {
    /// The rows among `rows` that belong to the series `id`. Of several states of one row the one
    /// changed last counts.
    pub(crate) fn of(id: &ResourceId, rows: impl IntoIterator<Item = Row>) -> Self {
        let mut found = Self::default();
        for row in rows {
            if row.series_id() == id.as_str() {
                found.put(row);
            }
        }
        found
    }

    /// Takes a row in, unless a newer state of it is here.
    // quirk: google-3
    pub(crate) fn put(&mut self, row: Row) {
        let older = self.known(&row).is_some_and(|known| match (known.updated(), row.updated()) {
            (Some(known), Some(new)) => new < known,
            _ => false,
        });
        if older {
            return;
        }
        match row.master_id() {
            None => self.master = Some(row),
            Some(_) => drop(self.exceptions.insert(row.id().to_owned(), row)),
        }
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Row> {
        self.master.iter().chain(self.exceptions.values())
    }

    /// The raw form.
    pub(crate) fn to_raw(&self) -> Vec<u8> {
        let rows: Vec<&Value> = self.all().map(Row::value).collect();
        serde_json::to_vec(&rows).expect("JSON values can be written")
    }

    /// From a raw form; `None` for one that is not ours.
    pub(crate) fn from_raw(raw: &[u8]) -> Option<Self> {
        let values: Vec<Value> = serde_json::from_slice(raw).ok()?;
        let mut rows = Self::default();
        for value in values {
            rows.put(Row::new(value)?);
        }
        Some(rows)
    }

    /// The master's etag; with exceptions, one that theirs are a part of. `None` where Google left
    /// out what a write would be conditional on.
    pub(crate) fn version(&self) -> Option<Version> {
        let own = match &self.master {
            Some(master) => master.etag()?,
            None => "",
        };
        if self.exceptions.is_empty() {
            return Some(Version::new(own));
        }
        let mut sum = Sha256::new();
        for (id, row) in &self.exceptions {
            // A cancelled row may come without: its being there says it all.
            // quirk: google-6
            sum.update(format!("{id}\n{}\n", row.etag().unwrap_or_default()));
        }
        let sum = sum.finalize();
        let sum: String = sum[..12].iter().map(|byte| format!("{byte:02x}")).collect();
        Some(Version::new(format!("{own}+{sum}")))
    }

    /// The state of this very row that is known here.
    pub(crate) fn known(&self, row: &Row) -> Option<&Row> {
        match row.master_id() {
            None => self.master.as_ref(),
            Some(_) => self.exceptions.get(row.id()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn row(id: &str, etag: &str, updated: &str) -> Row {
        Row::new(json!({"id": id, "etag": etag, "updated": updated, "status": "cancelled"}))
            .unwrap()
    }

    // quirk: google-3
    #[test]
    fn the_state_changed_last_counts_whatever_comes_last() {
        let new = row("m", "\"2\"", "2026-03-02T00:00:00.000Z");
        let old = row("m", "\"1\"", "2026-03-01T00:00:00.000Z");
        let rows = Rows::of(&"m".into(), [new.clone(), old]);
        assert_eq!(rows.master, Some(new));
    }

    #[test]
    fn the_raw_form_comes_back_and_the_version_covers_all_rows() {
        let mut rows =
            Rows::of(&"m".into(), [row("m", "\"1\"", ""), row("m_20260101", "\"2\"", "")]);
        assert_eq!(Rows::from_raw(&rows.to_raw()), Some(rows.clone()));
        assert_eq!(Rows::from_raw(b"BEGIN"), None);
        let before = rows.version();
        rows.put(row("m_20260101", "\"3\"", ""));
        assert_ne!(rows.version(), before);
        let single = Rows::of(&"m".into(), [row("m", "\"1\"", "")]);
        assert_eq!(single.version(), Some("\"1\"".into()));
    }
}
