//! `transparency`: left out where it blocks time.

use google_calendar3::api;
use model::{Event, Transparency};

use super::Body;

pub(super) fn read(row: &api::Event) -> Transparency {
    match row.transparency.as_deref() {
        Some("transparent") => Transparency::Transparent,
        Some(_) | None => Transparency::Opaque,
    }
}

pub(super) fn write(event: &Event, body: &mut Body) {
    let word = match event.transparency {
        Transparency::Opaque => "opaque",
        Transparency::Transparent => "transparent",
    };
    body.insert("transparency".to_owned(), word.into());
}

#[cfg(test)]
mod tests {
    use super::super::testing::round_trip;
    use super::*;
    use model::Field;
    use serde_json::json;

    #[test]
    fn transparency_goes_both_ways() {
        let free = round_trip(Field::Transparency, json!({"transparency": "transparent"}));
        assert_eq!(free.transparency, Transparency::Transparent);
        let busy = round_trip(Field::Transparency, json!({}));
        assert_eq!(busy.transparency, Transparency::Opaque);
    }
}
