//! STATUS.

use model::{Event, Status};

use super::{set_word, word};
use crate::tree::Component;

pub(super) fn read(component: &Component<'_>) -> Status {
    match word(component, "STATUS").as_deref() {
        Some("TENTATIVE") => Status::Tentative,
        Some("CONFIRMED") => Status::Confirmed,
        Some("CANCELLED" | "CANCELED") => Status::Cancelled,
        _ => Status::None,
    }
}

pub(super) fn write(component: &mut Component<'_>, target: &Event) {
    let value = match target.status {
        Status::None => None,
        Status::Tentative => Some("TENTATIVE"),
        Status::Confirmed => Some("CONFIRMED"),
        Status::Cancelled => Some("CANCELLED"),
    };
    set_word(component, "STATUS", value);
}

#[cfg(test)]
mod tests {
    use super::super::testing::round_trip;
    use model::{Field, Status};

    #[test]
    fn status_goes_both_ways() {
        for (line, want) in [
            ("X-A:1", Status::None),
            ("STATUS:tentative", Status::Tentative),
            ("STATUS:CONFIRMED", Status::Confirmed),
            ("STATUS:CANCELLED", Status::Cancelled),
            ("STATUS:NEEDS-ACTION", Status::None),
        ] {
            assert_eq!(round_trip(Field::Status, line).status, want, "{line}");
        }
    }
}
