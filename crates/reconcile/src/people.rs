//! People as text: the list at the end of a copy's description, and its removal when the copy is
//! read back.
//!
//! People never cross as people, because a server that is given attendees writes to them. The list
//! stands between two lines that nobody types by accident, so that an edited description flows
//! back without it, whatever was written before or after it.

use std::borrow::Cow;

use model::{People, Person};

const OPENS: &str = "-- Attendees (calpair) --";
const CLOSES: &str = "-- end of attendees --";

/// The text without any list of people in it, and without white space at its end.
pub(crate) fn without_list(text: &str) -> Cow<'_, str> {
    let mut rest = Cow::Borrowed(text);
    while let Some((before, after)) = cut(&rest) {
        let joined = match (before.trim_end(), after.trim_matches(['\r', '\n', ' '])) {
            (before, "") => before.to_owned(),
            ("", after) => after.to_owned(),
            (before, after) => format!("{before}\n\n{after}"),
        };
        rest = Cow::Owned(joined);
    }
    match rest {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim_end()),
        Cow::Owned(text) => Cow::Owned(text.trim_end().to_owned()),
    }
}

/// Whether a list of people stands in the text.
pub(crate) fn has_list(text: &str) -> bool {
    cut(text).is_some()
}

/// The text with the list at its end; `None` when there is neither.
pub(crate) fn with_list(text: Option<&str>, people: &People) -> Option<String> {
    let list = list(people);
    match (text.filter(|text| !text.is_empty()), list) {
        (None, None) => None,
        (Some(text), None) => Some(text.to_owned()),
        (None, Some(list)) => Some(list),
        (Some(text), Some(list)) => Some(format!("{}\n\n{list}", text.trim_end())),
    }
}

fn list(people: &People) -> Option<String> {
    if people.is_empty() {
        return None;
    }
    let mut lines = vec![OPENS.to_owned()];
    lines.extend(people.organizer.iter().map(|person| format!("Organizer: {}", named(person))));
    let organizer = people.organizer.as_ref();
    let others = people.attendees.iter().filter(|person| Some(*person) != organizer);
    lines.extend(others.map(|person| format!("- {}", named(person))));
    lines.push(CLOSES.to_owned());
    Some(lines.join("\n"))
}

fn named(person: &Person) -> String {
    let one_line = |text: &String| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let name = person.name.as_ref().map(|name| one_line(name.expose()));
    let email = person.email.as_ref().map(|email| one_line(email.expose()));
    match (name, email) {
        (Some(name), Some(email)) => format!("{name} <{email}>"),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => "somebody".to_owned(),
    }
}

/// What stands before and after the first list. Where its last line is gone, it reaches as far as
/// lines look like its own.
fn cut(text: &str) -> Option<(&str, &str)> {
    let opens = line_at(text, OPENS, 0)?;
    let inside = opens + OPENS.len();
    if let Some(closes) = line_at(text, CLOSES, inside) {
        return Some((&text[..opens], &text[closes + CLOSES.len()..]));
    }
    let mut end = inside;
    for line in text[inside..].split_inclusive('\n') {
        let shown = line.trim();
        if !shown.is_empty() && !shown.starts_with("- ") && !shown.starts_with("Organizer: ") {
            break;
        }
        end += line.len();
    }
    Some((&text[..opens], &text[end..]))
}

/// Where `line` stands as a line of its own, from `from` on.
fn line_at(text: &str, line: &str, from: usize) -> Option<usize> {
    text[from..].match_indices(line).map(|(at, _)| from + at).find(|at| {
        let before = text[..*at].chars().next_back();
        let after = text[*at + line.len()..].chars().find(|c| !matches!(c, ' ' | '\r'));
        matches!(before, None | Some('\n')) && matches!(after, None | Some('\n'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn people() -> People {
        let person = |name: &str| Person {
            name: Some(name.into()),
            email: Some(format!("{name}@example.org").into()),
        };
        People { organizer: Some(person("ann")), attendees: [person("bob"), person("ann")].into() }
    }

    #[test]
    fn a_list_is_put_and_taken_off() {
        let shown = with_list(Some("Bring cake"), &people()).unwrap();
        assert_eq!(
            shown,
            "Bring cake\n\n-- Attendees (calpair) --\nOrganizer: ann <ann@example.org>\n\
             - bob <bob@example.org>\n-- end of attendees --"
        );
        assert_eq!(without_list(&shown), "Bring cake");
    }

    #[test]
    fn what_is_written_around_the_list_stays() {
        let shown = with_list(Some("Bring cake"), &people()).unwrap();
        for (edited, text) in [
            (shown.replace("cake", "wine"), "Bring wine"),
            (format!("{shown}\n- and a laptop"), "Bring cake\n\n- and a laptop"),
            (format!("{shown}\r\n"), "Bring cake"),
            (shown.replace("- bob <bob@example.org>\n", ""), "Bring cake"),
            (shown.replace("\n-- end of attendees --", "\nNew end"), "Bring cake\n\nNew end"),
            (format!("{shown}\n\n{shown}"), "Bring cake\n\nBring cake"),
        ] {
            assert_eq!(without_list(&edited), text);
        }
    }

    #[test]
    fn other_text_is_no_list() {
        for text in ["", "x -- Attendees (calpair) --", "-- Attendees --\n- bob"] {
            assert!(!has_list(text));
            assert_eq!(without_list(text), text);
        }
    }
}
