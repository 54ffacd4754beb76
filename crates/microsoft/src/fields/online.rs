//! `onlineMeeting`: where to join, shown as a link elsewhere. Teams makes it; it is never written.

use std::collections::BTreeSet;

use model::Link;

use crate::row::Row;

pub(super) fn read(row: &Row) -> BTreeSet<Link> {
    let inner = row.get("onlineMeeting").and_then(|meeting| meeting.get("joinUrl"));
    let url = inner.and_then(|url| url.as_str()).or(row.text("onlineMeetingUrl"));
    let url = url.map(str::trim).filter(|url| !url.is_empty());
    url.map(|url| Link { uri: url.into(), label: None }).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{event, written};
    use model::Field;
    use serde_json::json;

    #[test]
    fn where_to_join_is_read_from_either_place_and_never_written() {
        for keys in [
            json!({"onlineMeeting": {"joinUrl": "https://t.example/1"}, "onlineMeetingUrl": null}),
            json!({"onlineMeeting": null, "onlineMeetingUrl": "https://t.example/1"}),
        ] {
            let read = event(keys);
            let link = read.conferences.first().unwrap();
            assert_eq!(link.uri.expose(), "https://t.example/1");
            assert_eq!(written(Field::Conferences, &read), json!({}));
        }
        assert!(event(json!({"onlineMeeting": null})).conferences.is_empty());
    }
}
