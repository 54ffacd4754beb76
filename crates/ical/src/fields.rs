//! The fields of an event, each in a file of its own, both directions.
//!
//! `read` takes a component leniently and gives canonical values; `write` changes the lines of one
//! field in a component and no others. Creating an event is writing every field into an empty
//! component; editing is writing those that differ.

mod alarms;
mod attachments;
mod categories;
mod class;
mod color;
mod conferences;
mod description;
mod geo;
mod location;
mod people;
mod priority;
pub(crate) mod recurrence;
mod status;
pub(crate) mod times;
mod title;
mod transparency;
mod url;

pub(crate) use alarms::is_reminder;
use model::{Event, Field, Redacted};

use crate::tree::{Component, NewLine, Property, escape, unescape};
use crate::unreadable::Reason;
use crate::zone::Zones;

/// Reads a VEVENT's own fields; identity and recurrence are the series' business.
pub(crate) fn read(component: &Component<'_>, zones: &Zones<'_>) -> Result<Event, Reason> {
    let (start, end) = times::read(component, zones)?;
    let mut event = Event::new(start, end);
    event.title = title::read(component);
    event.description = description::read(component);
    event.location = location::read(component);
    event.geo = geo::read(component);
    event.url = url::read(component);
    event.categories = categories::read(component);
    event.color = color::read(component);
    event.class = class::read(component);
    event.transparency = transparency::read(component);
    event.status = status::read(component);
    event.priority = priority::read(component);
    event.alarms = alarms::read(component);
    event.people = people::read(component);
    event.conferences = conferences::read(component);
    event.attachments = attachments::read(component);
    Ok(event)
}

/// Writes one field of `target`. `current` is what the component holds (nothing when it is new).
pub(crate) fn write(
    field: Field,
    component: &mut Component<'_>,
    current: Option<&Event>,
    target: &Event,
) {
    match field {
        Field::Times => times::write(component, current, target),
        // Recurrence is the series', people are never written: that is how mail gets sent.
        Field::Recurrence | Field::People => {}
        Field::Title => title::write(component, target),
        Field::Description => description::write(component, target),
        Field::Location => location::write(component, target),
        Field::Geo => geo::write(component, target),
        Field::Url => url::write(component, target),
        Field::Categories => categories::write(component, target),
        Field::Color => color::write(component, target),
        Field::Class => class::write(component, target),
        Field::Transparency => transparency::write(component, target),
        Field::Status => status::write(component, target),
        Field::Priority => priority::write(component, target),
        Field::Alarms => alarms::write(component, target),
        Field::Conferences => conferences::write(component, target),
        Field::Attachments => attachments::write(component, target),
    }
}

/// A TEXT property in canonical form: unescaped, line breaks as `\n`, no other control characters
/// but tab, absent when empty.
fn text(component: &Component<'_>, name: &str) -> Option<Redacted<String>> {
    canonical(&unescape(&component.property(name)?.value)).map(Redacted::new)
}

fn canonical(text: &str) -> Option<String> {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let text: String =
        text.chars().filter(|c| !c.is_ascii_control() || matches!(c, '\n' | '\t')).collect();
    (!text.is_empty()).then_some(text)
}

/// Parameters that speak of the old text: another rendering of it, how it is written, how it was
/// made.
const OF_THE_OLD_TEXT: [&str; 6] = ["ALTREP", "CHARSET", "DERIVED", "ENCODING", "FMTTYPE", "VALUE"];

/// Another text under a name; the parameters that are as true of it as of the old one stay.
fn set_text(component: &mut Component<'_>, name: &str, value: Option<&Redacted<String>>) {
    let line = value.map(|text| {
        let new = Property { name: name.to_owned(), params: Vec::new(), value: String::new() };
        let mut property = component.property(name).unwrap_or(new);
        property.params.retain(|param| !OF_THE_OLD_TEXT.contains(&param.name.as_str()));
        property.with_value(escape(text.expose()))
    });
    component.set(name, line.into_iter().collect());
}

/// A property whose value is one word.
pub(crate) fn word(component: &Component<'_>, name: &str) -> Option<String> {
    let word = component.property(name)?.value.trim().to_ascii_uppercase();
    (!word.is_empty()).then_some(word)
}

fn set_word(component: &mut Component<'_>, name: &str, value: Option<&str>) {
    component.set(name, value.map(|word| NewLine::new(name, word)).into_iter().collect());
}

#[cfg(test)]
pub(crate) mod testing {
    use super::*;
    use crate::tree::{Document, LineEnding};

    /// The event that these lines make, with a start of their own.
    pub(crate) fn read_lines(lines: &str) -> Event {
        let text = format!("BEGIN:VEVENT\nDTSTART:20260601T100000Z\n{lines}\nEND:VEVENT\n");
        let document = Document::parse(text.as_bytes()).expect("a tree");
        let component = document.components().next().expect("one");
        read(component, &Zones::new(std::iter::empty())).expect("readable")
    }

    /// The lines that writing a field of the event gives in an empty component.
    pub(crate) fn written(field: Field, event: &Event) -> String {
        let mut component = Component::new("VEVENT", LineEnding::Lf);
        write(field, &mut component, None, event);
        let text = String::from_utf8(component.to_bytes()).expect("text");
        let text = text.strip_prefix("BEGIN:VEVENT\n").expect("begins");
        text.strip_suffix("END:VEVENT\n").expect("ends").to_owned()
    }

    /// Asserts that the lines read, written and read again give the same; returns the event.
    pub(crate) fn round_trip(field: Field, lines: &str) -> Event {
        let event = read_lines(lines);
        let again = read_lines(written(field, &event).trim_end());
        assert!(event.same(&again, field), "{field}: {lines}");
        event
    }
}
