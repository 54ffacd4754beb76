//! `attachments`: files in Google Drive. Never written, so that what is there stays; shown as
//! links elsewhere.

use std::collections::BTreeSet;

use google_calendar3::api;
use model::Link;

pub(super) fn read(row: &api::Event) -> BTreeSet<Link> {
    let files = row.attachments.iter().flatten();
    files
        .filter_map(|file| {
            let uri = file.file_url.as_deref().filter(|uri| !uri.is_empty())?;
            let title = file.title.as_deref().filter(|title| !title.is_empty());
            Some(Link { uri: uri.into(), label: title.map(Into::into) })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{event, written};
    use model::Field;
    use serde_json::json;

    #[test]
    fn an_attachment_is_read_and_never_written() {
        let file = json!({"attachments": [{"fileUrl": "https://drive.test/a", "title": "Notes"}]});
        let event = event(file);
        let link = event.attachments.first().unwrap();
        assert_eq!(link.label.as_ref().unwrap().expose(), "Notes");
        assert_eq!(written(Field::Attachments, &event), json!({}));
    }
}
