//! DESCRIPTION, plain text. Its HTML twin (X-ALT-DESC) can't follow an edit, so it goes with one.

use model::{Event, Redacted};

use super::{set_text, text};
use crate::tree::Component;

pub(super) fn read(component: &Component<'_>) -> Option<Redacted<String>> {
    text(component, "DESCRIPTION")
}

pub(super) fn write(component: &mut Component<'_>, target: &Event) {
    component.remove("X-ALT-DESC");
    set_text(component, "DESCRIPTION", target.description.as_ref());
}

#[cfg(test)]
mod tests {
    use super::super::testing::{read_lines, round_trip};
    use crate::tree::{Document, NewLine};
    use model::Field;

    #[test]
    fn descriptions_go_both_ways() {
        let event = round_trip(Field::Description, "DESCRIPTION:one\\Ntwo\\\\n");
        assert_eq!(event.description, Some("one\ntwo\\n".into()));
    }

    #[test]
    fn an_edit_drops_the_html_twin() {
        let text = b"BEGIN:VEVENT\nX-ALT-DESC;FMTTYPE=text/html:<b>\nDESCRIPTION:b\nEND:VEVENT\n";
        let mut document = Document::parse(text).expect("a tree");
        let component = document.components_mut().next().expect("one");
        component.add(NewLine::new("X-KEPT", "1"));
        super::write(component, &read_lines("DESCRIPTION:c"));
        let want = b"BEGIN:VEVENT\nDESCRIPTION:c\nX-KEPT:1\nEND:VEVENT\n";
        assert_eq!(component.to_bytes(), want);
    }
}
