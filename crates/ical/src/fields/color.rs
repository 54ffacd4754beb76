//! COLOR: a CSS name (RFC 7986 section 5.9), compared in lower case.

use model::Event;

use super::{canonical, set_word};
use crate::tree::Component;

pub(super) fn read(component: &Component<'_>) -> Option<String> {
    canonical(component.property("COLOR")?.value.trim()).map(|color| color.to_lowercase())
}

pub(super) fn write(component: &mut Component<'_>, target: &Event) {
    set_word(component, "COLOR", target.color.as_deref());
}

#[cfg(test)]
mod tests {
    use super::super::testing::round_trip;
    use model::Field;

    #[test]
    fn colors_go_both_ways() {
        let event = round_trip(Field::Color, "COLOR:Turquoise");
        assert_eq!(event.color.as_deref(), Some("turquoise"));
    }
}
