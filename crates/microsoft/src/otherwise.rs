//! What Microsoft shows otherwise than it is, in words for people: the row is made that Graph would
//! hold, and read. The exact values are remembered beside it ([`crate::kept`]).

use model::{Event, Exception, Field, FieldSet, Series, When};

use crate::cursor::Window;
use crate::draft;
use crate::fields::{self, Frame, HELD};
use crate::kept::Whole;
use crate::reach::{MOST, Reach};
use crate::recurrence::{Form, form};

/// Sentences without private content. What can't be written at all is a problem, and told as one.
pub(crate) fn told(series: &Series, frame: &Frame, window: &Window) -> Vec<String> {
    let mut told = Vec::new();
    if let Form::Parts(why) = form(series) {
        let reach = Reach::of(series, None, window).ok().filter(|reach| reach.is_short);
        let how_far = match reach.map(|reach| reach.until.strftime("%Y-%m-%d").to_string()) {
            None => "they reach as far as the window, and move with it".to_owned(),
            Some(until) => format!(
                "it repeats so often that only the next {MOST} are written, now those before \
                 {until}, and more as time goes on"
            ),
        };
        told.push(format!(
            "recurrence: single events that are linked stand for it, because {why}; {how_far}"
        ));
    }
    let overrides = series.exceptions.values().filter_map(|exception| match exception {
        Exception::Override(event) => Some(&**event),
        Exception::Cancelled => None,
    });
    let events: Vec<&Event> = series.master.iter().chain(overrides).collect();
    let fields = events.iter().filter_map(|event| rounded(event, frame));
    let fields = fields.fold(FieldSet::NONE, FieldSet::union);
    let floats = events.iter().any(|event| matches!(event.start, When::Floating(_)));
    told.extend(fields.iter().map(|field| match field {
        Field::Times if floats => {
            let zone = frame.floating;
            format!("times: they have no zone here; at Microsoft they stand in {zone}")
        }
        _ => sentence(field),
    }));
    told
}

/// The fields that read otherwise once they are written; `None` where they can't be.
fn rounded(event: &Event, frame: &Frame) -> Option<FieldSet> {
    let exact = Whole::once(event.clone());
    let body = draft::creation(&exact, None, frame).ok()?;
    let plain = Whole::once(fields::read(&draft::predicted(None, &body), None).ok()?);
    let fields = HELD.without(Field::People).without(Field::Recurrence);
    Some(fields.iter().filter(|field| !exact.same(&plain, *field)).collect())
}

fn sentence(field: Field) -> String {
    let how = match field {
        Field::Times => "under the name that Windows has for the zone of the city",
        Field::Title => "in one line, and no more than 255 characters of it",
        Field::Status => "cancelled is not shown, tentative only where it blocks time",
        Field::Alarms => "one, in minutes before the start",
        Field::Priority => "high, normal or low",
        Field::Conferences => "kept, and not shown",
        Field::Description => "without the blanks that HTML does not keep",
        Field::Location
        | Field::Recurrence
        | Field::Geo
        | Field::Url
        | Field::Categories
        | Field::Color
        | Field::Class
        | Field::Transparency
        | Field::People
        | Field::Attachments => "as near as Outlook can say it",
    };
    format!("{field}: {how}")
}
