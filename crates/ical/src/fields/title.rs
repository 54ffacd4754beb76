//! SUMMARY.

use model::{Event, Redacted};

use super::{set_text, text};
use crate::tree::Component;

pub(super) fn read(component: &Component<'_>) -> Option<Redacted<String>> {
    text(component, "SUMMARY")
}

pub(super) fn write(component: &mut Component<'_>, target: &Event) {
    set_text(component, "SUMMARY", target.title.as_ref());
}

#[cfg(test)]
mod tests {
    use super::super::testing::{round_trip, written};
    use model::Field;

    #[test]
    fn titles_go_both_ways() {
        let event = round_trip(Field::Title, "SUMMARY;LANGUAGE=de:a\\, b\\;\\nc");
        assert_eq!(event.title.as_ref().expect("a title").expose(), "a, b;\nc");
        assert_eq!(written(Field::Title, &event), "SUMMARY:a\\, b\\;\\nc\n");
        assert_eq!(round_trip(Field::Title, "SUMMARY:").title, None);
        let twice = round_trip(Field::Title, "SUMMARY:one\nSUMMARY:two");
        assert_eq!(twice.title, Some("one".into()));
        let controls = round_trip(Field::Title, "SUMMARY:a\u{0}\u{1b}[1mb");
        assert_eq!(controls.title, Some("a[1mb".into()));
    }
}
