//! ORGANIZER and ATTENDEE: read, never written. Writing them is how a mirror sends invitations to
//! people who never asked for them.

use std::collections::BTreeSet;

use model::{People, Person, Redacted};

use super::canonical;
use crate::tree::{Component, Property};

/// Apple's relay mailboxes for an organizer change with each update; they identify nobody.
const RELAY: &str = "@imip.me.com";

pub(super) fn read(component: &Component<'_>) -> People {
    let people = |name| component.all(name).filter_map(|line| person(&line.property()?));
    let organizer = people("ORGANIZER").next();
    let attendees: BTreeSet<Person> = people("ATTENDEE").collect();
    People { organizer, attendees }
}

/// A mailbox in the value, or, where the server put a principal's path there (iCloud), in EMAIL.
fn person(property: &Property) -> Option<Person> {
    let value = property.value.trim();
    let mailto =
        value.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case("mailto:")).map(|_| &value[7..]);
    let bare = (value.contains('@') && !value.contains(['/', ':'])).then_some(value);
    let email = property.param("EMAIL").filter(|email| email.contains('@')).or(mailto).or(bare);
    let email = email
        .and_then(|email| canonical(email.trim()))
        .map(|email| email.to_lowercase())
        .filter(|email| !email.ends_with(RELAY));
    let name = property.param("CN").and_then(|name| canonical(name.trim()));
    // "CN=sam@example.com" names nobody.
    let name = name.filter(|name| Some(name.to_lowercase()) != email);
    let person = Person { name: name.map(Redacted::new), email: email.map(Redacted::new) };
    (person.name.is_some() || person.email.is_some()).then_some(person)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{read_lines, written};
    use model::{Field, Person};

    fn person(name: Option<&str>, email: Option<&str>) -> Person {
        Person { name: name.map(Into::into), email: email.map(Into::into) }
    }

    #[test]
    fn people_are_read_wherever_their_mailbox_stands() {
        for (line, want) in [
            (
                "ORGANIZER;CN=Kim Host:mailto:Kim@Example.org",
                person(Some("Kim Host"), Some("kim@example.org")),
            ),
            (
                "ORGANIZER;CN=Kim;EMAIL=kim@example.org:/aMTIz/principal/",
                person(Some("Kim"), Some("kim@example.org")),
            ),
            ("ORGANIZER;CN=Kim:/aMTIz/principal/", person(Some("Kim"), None)),
            ("ORGANIZER;CN=Kim:mailto:2_ABC@imip.me.com", person(Some("Kim"), None)),
            (
                "ORGANIZER;CN=\"kim@example.org\":MAILTO:kim@example.org",
                person(None, Some("kim@example.org")),
            ),
            ("ORGANIZER:kim@example.org", person(None, Some("kim@example.org"))),
        ] {
            assert_eq!(read_lines(line).people.organizer, Some(want), "{line}");
        }
        assert_eq!(read_lines("ORGANIZER:invalid:nomail").people.organizer, None);
    }

    #[test]
    fn an_answer_is_no_change_and_nobody_is_written() {
        let asked = read_lines("ATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:a@b.c");
        let answered = read_lines(
            "ATTENDEE;PARTSTAT=ACCEPTED;CUTYPE=ROOM:mailto:a@b.c\nATTENDEE:mailto:a@b.c",
        );
        assert_eq!(asked.people, answered.people);
        assert_eq!(written(Field::People, &asked), "");
    }
}
