//! TRANSP. Written even where it is the default: clients differ in what they take for a default
//! of all-day events.

use model::{Event, Transparency};

use super::{set_word, word};
use crate::tree::Component;

pub(super) fn read(component: &Component<'_>) -> Transparency {
    match word(component, "TRANSP").as_deref() {
        Some("TRANSPARENT") => Transparency::Transparent,
        _ => Transparency::Opaque,
    }
}

pub(super) fn write(component: &mut Component<'_>, target: &Event) {
    let value = match target.transparency {
        Transparency::Opaque => "OPAQUE",
        Transparency::Transparent => "TRANSPARENT",
    };
    set_word(component, "TRANSP", Some(value));
}

#[cfg(test)]
mod tests {
    use super::super::testing::round_trip;
    use model::{Field, Transparency};

    #[test]
    fn transparency_goes_both_ways() {
        for (line, want) in [
            ("X-A:1", Transparency::Opaque),
            ("TRANSP:OPAQUE", Transparency::Opaque),
            ("TRANSP:transparent", Transparency::Transparent),
        ] {
            assert_eq!(round_trip(Field::Transparency, line).transparency, want, "{line}");
        }
    }
}
