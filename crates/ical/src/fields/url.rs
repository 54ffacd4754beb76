//! URL: a URI, so without escapes.

use model::{Event, Redacted};

use super::{canonical, set_word};
use crate::tree::Component;

pub(super) fn read(component: &Component<'_>) -> Option<Redacted<String>> {
    canonical(component.property("URL")?.value.trim()).map(Redacted::new)
}

pub(super) fn write(component: &mut Component<'_>, target: &Event) {
    set_word(component, "URL", target.url.as_ref().map(|url| url.expose().as_str()));
}

#[cfg(test)]
mod tests {
    use super::super::testing::{round_trip, written};
    use model::Field;

    #[test]
    fn addresses_go_both_ways_without_escapes() {
        let event = round_trip(Field::Url, "URL;VALUE=URI:https://example.org/?a=1,2;b=3");
        assert_eq!(written(Field::Url, &event), "URL:https://example.org/?a=1,2;b=3\n");
        assert_eq!(round_trip(Field::Url, "URL: ").url, None);
    }
}
