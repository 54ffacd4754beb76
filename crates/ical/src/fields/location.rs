//! LOCATION. Apple keeps the place on its map beside it (X-APPLE-STRUCTURED-LOCATION); after an
//! edit that would be the old place, so it goes.

use model::{Event, Redacted};

use super::{set_text, text};
use crate::tree::Component;

pub(super) const STRUCTURED: &str = "X-APPLE-STRUCTURED-LOCATION";

pub(super) fn read(component: &Component<'_>) -> Option<Redacted<String>> {
    text(component, "LOCATION")
}

pub(super) fn write(component: &mut Component<'_>, target: &Event) {
    component.remove(STRUCTURED);
    set_text(component, "LOCATION", target.location.as_ref());
}

#[cfg(test)]
mod tests {
    use super::super::testing::{read_lines, round_trip};
    use crate::tree::Document;
    use model::Field;

    #[test]
    fn places_go_both_ways() {
        let event = round_trip(Field::Location, "LOCATION:Praxis\\nHauptstr. 1\\, 10115 Berlin");
        assert_eq!(event.location, Some("Praxis\nHauptstr. 1, 10115 Berlin".into()));
    }

    #[test]
    fn an_edit_drops_the_place_on_apples_map() {
        let text = "BEGIN:VEVENT\nX-APPLE-STRUCTURED-LOCATION;VALUE=URI;X-TITLE=\"a\n\
            b\":geo:1,2\nLOCATION;LANGUAGE=de;ALTREP=\"http://x\":a\nEND:VEVENT\n";
        let mut document = Document::parse(text.as_bytes()).expect("a tree");
        let component = document.components_mut().next().expect("one");
        super::write(component, &read_lines("LOCATION:c"));
        let want = "BEGIN:VEVENT\nLOCATION;LANGUAGE=de:c\nEND:VEVENT\n";
        assert_eq!(String::from_utf8_lossy(&component.to_bytes()), want);
    }
}
