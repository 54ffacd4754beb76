//! `organizer` and `attendees`: read, never written. An event that nobody is invited to has an
//! organizer at Google all the same; that is nobody's meeting.

use google_calendar3::api;
use model::{People, Person};

// quirk: google-26, google-69
pub(super) fn read(row: &api::Event) -> People {
    let attendees = row.attendees.iter().flatten();
    let attendees: std::collections::BTreeSet<Person> = attendees
        .filter(|one| one.resource != Some(true))
        .filter_map(|one| person(one.display_name.as_deref(), one.email.as_deref()))
        .collect();
    if attendees.is_empty() {
        return People::default();
    }
    let organizer = row.organizer.as_ref();
    let organizer =
        organizer.and_then(|one| person(one.display_name.as_deref(), one.email.as_deref()));
    People { organizer, attendees }
}

fn person(name: Option<&str>, email: Option<&str>) -> Option<Person> {
    let name = name.map(str::trim).filter(|name| !name.is_empty());
    let email = email.map(|email| email.trim().to_lowercase()).filter(|email| !email.is_empty());
    (name.is_some() || email.is_some())
        .then(|| Person { name: name.map(Into::into), email: email.map(Into::into) })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{event, written};
    use model::Field;
    use serde_json::json;

    // quirk: google-26, google-69
    #[test]
    fn people_are_read_and_never_written() {
        let me = json!({"email": "Me@example.test", "self": true});
        assert!(event(json!({"organizer": me})).people.is_empty());
        let guests = json!([{"email": "a@example.test", "displayName": "Ann"},
            {"email": "room@example.test", "resource": true}]);
        let meeting =
            event(json!({"organizer": me, "attendees": guests, "attendeesOmitted": true}));
        assert_eq!(meeting.people.attendees.len(), 1);
        let organizer = meeting.people.organizer.clone().unwrap();
        assert_eq!(organizer.email.unwrap().expose(), "me@example.test");
        for field in Field::ALL {
            let keys = written(field, &meeting);
            assert!(keys.get("attendees").is_none() && keys.get("sequence").is_none(), "{field}");
        }
    }
}
