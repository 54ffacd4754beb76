//! DESCRIPTION, plain text. Its formatted twins (X-ALT-DESC; STYLED-DESCRIPTION, RFC 9073 section
//! 6.5) can't follow an edit, so they go with one.

use model::{Event, Redacted};

use super::{set_text, text};
use crate::tree::Component;

pub(super) fn read(component: &Component<'_>) -> Option<Redacted<String>> {
    text(component, "DESCRIPTION")
}

pub(super) fn write(component: &mut Component<'_>, target: &Event) {
    for twin in ["X-ALT-DESC", "STYLED-DESCRIPTION"] {
        component.remove(twin);
    }
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
    fn an_edit_drops_the_formatted_twins_and_what_speaks_of_them() {
        let text = "BEGIN:VEVENT\nX-ALT-DESC;FMTTYPE=text/html:<b>\n\
            STYLED-DESCRIPTION;VALUE=TEXT;FMTTYPE=text/html:<b>\n\
            DESCRIPTION;ALTREP=\"cid:1\";LANGUAGE=de;DERIVED=TRUE;X-A=1:b\nEND:VEVENT\n";
        let mut document = Document::parse(text.as_bytes()).expect("a tree");
        let component = document.components_mut().next().expect("one");
        component.add(NewLine::new("X-KEPT", "1"));
        super::write(component, &read_lines("DESCRIPTION:c"));
        let want = "BEGIN:VEVENT\nDESCRIPTION;LANGUAGE=de;X-A=1:c\nX-KEPT:1\nEND:VEVENT\n";
        assert_eq!(String::from_utf8_lossy(&component.to_bytes()), want);
    }
}
