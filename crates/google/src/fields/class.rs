//! `visibility`. Google's default is neither public nor private; it reads as public. One
//! occurrence can't have its own: tightening one tightens the series.

use google_calendar3::api;
use model::{Class, Event};

use super::{Body, Frame, Role};

pub(super) fn read(row: &api::Event) -> Class {
    match row.visibility.as_deref() {
        Some("private") => Class::Private,
        Some("confidential") => Class::Confidential,
        Some(_) | None => Class::Public,
    }
}

// quirk: google-67
pub(super) fn write(event: &Event, frame: &Frame, body: &mut Body) {
    if frame.role == Role::Instance {
        return;
    }
    let word = match event.class {
        Class::Public => "default",
        Class::Private => "private",
        Class::Confidential => "confidential",
    };
    body.insert("visibility".to_owned(), word.into());
}

#[cfg(test)]
mod tests {
    use super::super::testing::{event, frame, round_trip};
    use super::*;
    use model::Field;
    use serde_json::json;

    // quirk: google-67
    #[test]
    fn visibility_goes_both_ways_but_for_one_occurrence() {
        for (word, want) in [
            ("private", Class::Private),
            ("confidential", Class::Confidential),
            ("public", Class::Public),
            ("default", Class::Public),
        ] {
            assert_eq!(round_trip(Field::Class, json!({"visibility": word})).class, want);
        }
        let mut body = Body::new();
        write(&event(json!({"visibility": "private"})), &frame(Role::Instance), &mut body);
        assert!(body.is_empty());
    }
}
