//! `sensitivity`: who may see it. `personal` is another word for private here, and stays as long
//! as nobody changes it elsewhere.

use model::{Class, Event};
use serde_json::Value;

use super::Body;
use crate::row::Row;

pub(super) fn read(row: &Row) -> Class {
    match row.text("sensitivity") {
        Some("private" | "personal") => Class::Private,
        Some("confidential") => Class::Confidential,
        // A word that nobody has described yet is no reason to hide or to show more.
        // quirk: microsoft-69
        Some(_) | None => Class::Public,
    }
}

pub(super) fn write(event: &Event, patch: &mut Body) {
    let word = match event.class {
        Class::Public => "normal",
        Class::Private => "private",
        Class::Confidential => "confidential",
    };
    patch.insert("sensitivity".to_owned(), Value::from(word));
}

#[cfg(test)]
mod tests {
    use super::super::testing::{event, round_trip};
    use super::*;
    use model::Field;
    use serde_json::json;

    #[test]
    fn sensitivity_goes_both_ways() {
        for (word, class) in [
            ("normal", Class::Public),
            ("private", Class::Private),
            ("confidential", Class::Confidential),
        ] {
            assert_eq!(round_trip(Field::Class, json!({"sensitivity": word})).class, class);
        }
        assert_eq!(event(json!({"sensitivity": "personal"})).class, Class::Private);
    }
}
