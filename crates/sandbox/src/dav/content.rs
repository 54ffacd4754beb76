//! What a server takes: the text of a calendar object, looked at as servers do.

use std::collections::BTreeSet;

use super::profile::{Profile, Quirk};
use crate::text::Component;

/// What is wrong with a text: the status, and the precondition where one is named.
pub(super) type Flaw = (u16, Option<&'static str>);

/// Holds a text against the profile's rules.
pub(super) fn check(raw: &[u8], profile: &Profile) -> Result<(), Flaw> {
    if raw.len() > profile.largest {
        // quirk: icloud-78
        return Err((413, Some("max-resource-size")));
    }
    let garbage = (profile.garbage, Some("valid-calendar-data"));
    let root = Component::parse(raw).filter(|root| root.name == "VCALENDAR").ok_or(garbage)?;
    if raw.iter().any(|byte| *byte < 0x20 && !b"\t\r\n".contains(byte)) {
        return Err(garbage);
    }
    // quirk: icloud-47
    if profile.has(Quirk::NoMethod) && root.line("METHOD").is_some() {
        return Err((403, Some("valid-calendar-object-resource")));
    }
    let objects: Vec<&Component> =
        root.components().filter(|inner| inner.name != "VTIMEZONE").collect();
    let uids: BTreeSet<&str> =
        objects.iter().filter_map(|inner| Some(inner.line("UID")?.value.as_str())).collect();
    let kinds: BTreeSet<&str> = objects.iter().map(|inner| inner.name.as_str()).collect();
    if uids.len() != 1 || kinds.len() != 1 || objects.iter().any(|o| o.line("UID").is_none()) {
        return Err((403, Some("valid-calendar-object-resource")));
    }
    if !kinds.contains("VEVENT") {
        return Err((403, Some("supported-calendar-component")));
    }
    objects.iter().try_for_each(|event| check_event(event, profile))?;
    // quirk: icloud-48
    if profile.has(Quirk::ZoneNeeded) && !undefined_zones(&root).is_empty() {
        return Err((403, None));
    }
    Ok(())
}

fn check_event(event: &Component, profile: &Profile) -> Result<(), Flaw> {
    if event.line("DTSTART").is_none() {
        return Err((profile.garbage, Some("valid-calendar-data")));
    }
    // quirk: icloud-45
    if let Some(status) = profile.missing_end
        && event.line("DTEND").is_none()
        && event.line("DURATION").is_none()
    {
        return Err((status, None));
    }
    // quirk: icloud-46
    let html = |text: &str| {
        let text = text.to_ascii_lowercase();
        ["<html", "<br", "<p>", "<a href", "<div"].iter().any(|mark| text.contains(mark))
    };
    let description = event.line("DESCRIPTION").map_or("", |line| &line.value);
    if profile.has(Quirk::NoHtml) && html(description) {
        return Err((404, None));
    }
    Ok(())
}

/// Zones that are named and not defined.
fn undefined_zones(root: &Component) -> BTreeSet<String> {
    let mut named = BTreeSet::new();
    for event in root.components().filter(|inner| inner.name != "VTIMEZONE") {
        named.extend(event.lines().filter_map(|line| line.param("TZID")));
    }
    for zone in root.components().filter(|inner| inner.name == "VTIMEZONE") {
        if let Some(line) = zone.line("TZID") {
            named.remove(&line.value);
        }
    }
    named
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(lines: &str) -> String {
        format!(
            "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:a\r\n{lines}\
             END:VEVENT\r\nEND:VCALENDAR\r\n"
        )
    }

    #[test]
    fn each_flaw_has_its_status_at_icloud() {
        let end = "DTSTART:20260101T000000Z\r\nDTEND:20260101T010000Z\r\n";
        // quirk: icloud-45, icloud-46, icloud-47, icloud-48
        let cases = [
            ("x".to_owned(), Some(403)),
            (event(end), None),
            (event("DTSTART:20260101T000000Z\r\nDURATION:PT1H\r\n"), None),
            (event("DTSTART:20260101T000000Z\r\n"), Some(404)),
            (event(&format!("{end}DESCRIPTION:<html>a</html>\r\n")), Some(404)),
            (event(end).replace("VERSION:2.0", "VERSION:2.0\r\nMETHOD:PUBLISH"), Some(403)),
            (event(end).replace("DTSTART", "DTSTART;TZID=Europe/Berlin"), Some(403)),
            (event(end).replace("VEVENT", "VTODO"), Some(403)),
            (event(end).replace("UID:a\r\n", ""), Some(403)),
        ];
        for (text, status) in cases {
            let flaw = check(text.as_bytes(), &Profile::icloud()).err();
            assert_eq!(flaw.map(|(status, _)| status), status, "{text}");
        }
    }

    #[test]
    fn the_book_is_more_patient() {
        let text = event("DTSTART;TZID=Europe/Berlin:20260101T000000\r\n");
        assert_eq!(check(text.as_bytes(), &Profile::plain()), Ok(()));
    }
}
