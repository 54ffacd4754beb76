//! `conferenceData`: where to join. Google's own, never written and never asked for, so that what
//! is there stays; shown as links elsewhere.

use std::collections::BTreeSet;

use google_calendar3::api;
use model::Link;

// quirk: google-64
pub(super) fn read(row: &api::Event) -> BTreeSet<Link> {
    let entries = row.conference_data.as_ref().and_then(|data| data.entry_points.as_ref());
    let entries = entries.into_iter().flatten();
    let links: BTreeSet<Link> = entries
        .filter_map(|entry| Some((entry.uri.as_deref()?, entry.label.as_deref())))
        .filter(|(uri, _)| !uri.is_empty())
        .map(|(uri, label)| Link { uri: uri.into(), label: label.map(Into::into) })
        .collect();
    if !links.is_empty() {
        return links;
    }
    let link = row.hangout_link.as_deref().filter(|uri| !uri.is_empty());
    link.map(|uri| Link { uri: uri.into(), label: None }).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{event, written};
    use model::Field;
    use serde_json::json;

    // quirk: google-64
    #[test]
    fn a_conference_is_read_and_never_written() {
        let meet = json!({"conferenceData": {"entryPoints": [
            {"entryPointType": "video", "uri": "https://meet.google.com/a", "label": "a"},
            {"entryPointType": "phone", "uri": "tel:+49-1"}]}, "hangoutLink": "https://x.test"});
        let event_with = event(meet);
        assert_eq!(event_with.conferences.len(), 2);
        assert_eq!(written(Field::Conferences, &event_with), json!({}));
        assert_eq!(event(json!({"hangoutLink": "https://x.test"})).conferences.len(), 1);
    }
}
