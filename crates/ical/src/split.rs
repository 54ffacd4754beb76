//! A whole calendar file as resources: one text for each UID, with the zones that it uses.

use std::collections::HashMap;

use crate::edit::tzids_of;
use crate::read::uid;
use crate::tree::{Component, Document, TreeError, unescape};

/// Splits a text into one resource for each UID, in the order of their first appearance. Lines are
/// taken over byte for byte; METHOD is left out, because a stored resource must not have one. An
/// event without UID is a resource of its own. Components other than VEVENT and the VTIMEZONEs
/// that are used stay behind.
pub fn split(bytes: &[u8]) -> Result<Vec<Vec<u8>>, TreeError> {
    let document = Document::parse(bytes)?;
    let mut resources = Vec::new();
    for calendar in document.components().filter(|top| top.name() == "VCALENDAR") {
        let zones: HashMap<String, &Component<'_>> = calendar
            .components()
            .filter(|part| part.name() == "VTIMEZONE")
            .filter_map(|part| Some((unescape(&part.property("TZID")?.value).into_owned(), part)))
            .collect();
        let mut shell = calendar.clone();
        shell.remove_components(|_| true);
        shell.remove("METHOD");
        for group in by_uid(calendar) {
            resources.push(resource(shell.clone(), &zones, &group));
        }
    }
    Ok(resources)
}

fn by_uid<'c, 'a>(calendar: &'c Component<'a>) -> Vec<Vec<&'c Component<'a>>> {
    let mut groups: Vec<Vec<&Component<'_>>> = Vec::new();
    let mut places = HashMap::new();
    for event in calendar.components().filter(|part| part.name() == "VEVENT") {
        match uid(event) {
            None => groups.push(vec![event]),
            Some(uid) => {
                let place = *places.entry(uid).or_insert_with(|| {
                    groups.push(Vec::new());
                    groups.len() - 1
                });
                groups[place].push(event);
            }
        }
    }
    groups
}

/// A resource in a copy of the calendar's own lines.
fn resource<'a>(
    mut out: Component<'a>,
    zones: &HashMap<String, &Component<'a>>,
    events: &[&Component<'a>],
) -> Vec<u8> {
    let used: std::collections::BTreeSet<_> =
        events.iter().flat_map(|event| tzids_of(event)).collect();
    for zone in used.iter().filter_map(|tzid| zones.get(tzid)) {
        out.push((*zone).clone());
    }
    for event in events {
        out.push((*event).clone());
    }
    out.to_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_becomes_one_resource_for_each_uid() {
        let event = |uid: &str, more: &str| {
            format!("BEGIN:VEVENT\nUID:{uid}\nDTSTART{more}:20260601T100000\nEND:VEVENT\n")
        };
        let zone = "BEGIN:VTIMEZONE\nTZID:Z/A\nEND:VTIMEZONE\n";
        let (a, b, c) = (event("a", ""), event("b", ";TZID=Z/A"), event("a", ";X=1"));
        let text =
            format!("BEGIN:VCALENDAR\nMETHOD:PUBLISH\nX-A:1\n{zone}{a}{b}{c}END:VCALENDAR\n");
        let parts = split(text.as_bytes()).expect("a tree");
        let want = [
            format!("BEGIN:VCALENDAR\nX-A:1\n{a}{c}END:VCALENDAR\n"),
            format!("BEGIN:VCALENDAR\nX-A:1\n{zone}{b}END:VCALENDAR\n"),
        ];
        assert_eq!(parts, want.map(String::into_bytes));
    }
}
