//! CLASS. An unknown class reads as private, as RFC 5545 section 3.8.1.3 asks.

use model::{Class, Event};

use super::{set_word, word};
use crate::tree::Component;

pub(super) fn read(component: &Component<'_>) -> Class {
    match word(component, "CLASS").as_deref() {
        None | Some("PUBLIC") => Class::Public,
        Some("CONFIDENTIAL") => Class::Confidential,
        Some(_) => Class::Private,
    }
}

pub(super) fn write(component: &mut Component<'_>, target: &Event) {
    let value = match target.class {
        Class::Public => None,
        Class::Private => Some("PRIVATE"),
        Class::Confidential => Some("CONFIDENTIAL"),
    };
    set_word(component, "CLASS", value);
}

#[cfg(test)]
mod tests {
    use super::super::testing::round_trip;
    use model::{Class, Field};

    #[test]
    fn classes_go_both_ways() {
        for (line, want) in [
            ("X-A:1", Class::Public),
            ("CLASS:public", Class::Public),
            ("CLASS:PRIVATE", Class::Private),
            ("CLASS:Confidential", Class::Confidential),
            ("CLASS:X-SECRET", Class::Private),
        ] {
            assert_eq!(round_trip(Field::Class, line).class, want, "{line}");
        }
    }
}
