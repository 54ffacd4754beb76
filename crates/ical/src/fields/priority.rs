//! PRIORITY: 1 (highest) to 9; 0 and anything else is none.

use model::Event;

use super::{set_word, word};
use crate::tree::Component;

pub(super) fn read(component: &Component<'_>) -> Option<u8> {
    word(component, "PRIORITY")?.parse().ok().filter(|priority| (1..=9).contains(priority))
}

pub(super) fn write(component: &mut Component<'_>, target: &Event) {
    let value = target.priority.map(|priority| priority.to_string());
    set_word(component, "PRIORITY", value.as_deref());
}

#[cfg(test)]
mod tests {
    use super::super::testing::round_trip;
    use model::Field;

    #[test]
    fn priorities_go_both_ways() {
        let priorities = [("5", Some(5)), ("0", None), ("10", None), ("x", None), ("", None)];
        for (text, want) in priorities {
            assert_eq!(round_trip(Field::Priority, &format!("PRIORITY:{text}")).priority, want);
        }
    }
}
