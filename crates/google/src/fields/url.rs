//! `source`: http and https only, seen by its creator alone. Other addresses Google can't hold.

use google_calendar3::api;
use model::{Event, Redacted};
use serde_json::{Value, json};

use super::Body;

pub(super) fn read(row: &api::Event) -> Option<Redacted<String>> {
    let url = row.source.as_ref()?.url.as_deref()?;
    (!url.is_empty()).then(|| url.into())
}

pub(super) fn write(event: &Event, body: &mut Body) {
    let url = event.url.as_ref().map(|url| url.expose().as_str());
    let fits = |url: &&str| {
        let lower = url.to_ascii_lowercase();
        lower.starts_with("http://") || lower.starts_with("https://")
    };
    let value = url.filter(fits).map_or(Value::Null, |url| json!({"url": url, "title": url}));
    body.insert("source".to_owned(), value);
}

#[cfg(test)]
mod tests {
    use super::super::testing::{round_trip, written};
    use model::Field;
    use serde_json::json;

    #[test]
    fn an_address_goes_both_ways_if_it_is_the_webs() {
        let mut event =
            round_trip(Field::Url, json!({"source": {"url": "https://a.example/?b=c"}}));
        assert_eq!(event.url.clone().unwrap().expose(), "https://a.example/?b=c");
        event.url = Some("tel:+49".into());
        assert_eq!(written(Field::Url, &event), json!({"source": null}));
    }
}
