//! `organizer` and `attendees`: read, and never written. Whatever is written there sends mail, and
//! nothing keeps Graph from it. An event without attendees has nobody: its organizer is the
//! mailbox' owner.

use model::{People, Person};
use serde_json::Value;

use crate::row::Row;

// quirk: microsoft-53
pub(super) fn read(row: &Row) -> People {
    if !row.has_attendees() {
        return People::default();
    }
    let attendees = row.get("attendees").and_then(Value::as_array).into_iter().flatten();
    People {
        organizer: row.get("organizer").and_then(person),
        attendees: attendees.filter_map(person).collect(),
    }
}

fn person(value: &Value) -> Option<Person> {
    let address = value.get("emailAddress")?;
    let text = |name: &str| {
        let text = address.get(name)?.as_str()?.trim();
        (!text.is_empty()).then(|| text.to_owned())
    };
    let email = text("address").map(|address| address.to_lowercase());
    let name = text("name").filter(|name| Some(name.to_lowercase()) != email);
    if email.is_none() && name.is_none() {
        return None;
    }
    let redacted = |text: String| text.as_str().into();
    Some(Person { name: name.map(redacted), email: email.map(redacted) })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{event, written};
    use model::Field;
    use serde_json::json;

    // quirk: microsoft-53
    #[test]
    fn people_are_read_and_never_written() {
        let person = |name: &str| json!({"emailAddress": {"name": name, "address": "A@x.org"}});
        let alone = event(json!({"organizer": person("A"), "attendees": []}));
        assert!(alone.people.is_empty());
        let both = event(json!({"organizer": person("Sam"), "attendees": [person("a@x.org")]}));
        assert_eq!(both.people.attendees.len(), 1);
        let attendee = both.people.attendees.first().unwrap();
        assert_eq!((attendee.name.is_none(), attendee.email.is_some()), (true, true));
        assert_eq!(written(Field::People, &both), json!({}));
    }
}
