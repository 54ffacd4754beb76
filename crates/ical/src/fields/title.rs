//! SUMMARY.

use model::{Event, Redacted};

use super::text;
use crate::tree::{Component, NewLine, escape};

pub(super) fn read(component: &Component<'_>) -> Option<Redacted<String>> {
    text(component, "SUMMARY")
}

pub(super) fn write(component: &mut Component<'_>, target: &Event) {
    // A title is typed anew: nothing that was said of the old one is known of it.
    let line = target.title.as_ref().map(|title| NewLine::new("SUMMARY", escape(title.expose())));
    component.set("SUMMARY", line.into_iter().collect());
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
