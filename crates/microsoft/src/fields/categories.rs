//! `categories`: names. Their colours are the mailbox' affair.

use model::Event;
use serde_json::Value;

use super::Body;
use crate::row::Row;

pub(super) fn read(row: &Row) -> std::collections::BTreeSet<model::Redacted<String>> {
    let held = row.get("categories").and_then(Value::as_array).into_iter().flatten();
    let names = held.filter_map(Value::as_str).map(str::trim).filter(|name| !name.is_empty());
    names.map(Into::into).collect()
}

pub(super) fn write(event: &Event, patch: &mut Body) {
    let names: Vec<&str> = event.categories.iter().map(|name| name.expose().as_str()).collect();
    patch.insert("categories".to_owned(), Value::from(names));
}

#[cfg(test)]
mod tests {
    use super::super::testing::round_trip;
    use model::Field;
    use serde_json::json;

    #[test]
    fn categories_go_both_ways() {
        let read = round_trip(Field::Categories, json!({"categories": ["Work", "Blue category"]}));
        assert_eq!(read.categories.len(), 2);
        assert!(round_trip(Field::Categories, json!({})).categories.is_empty());
    }
}
