//! calendarList.list: the calendars of an account, read one by one.

use google_calendar3::api::CalendarListEntry;
use model::{Calendar, CalendarId, Rights};
use provider::Result;
use serde::Deserialize as _;
use serde_json::Value;
use transport::Url;

use super::{Answer, Ask, address, ask, json, refusal, shows_busy_only};

const DOING: &str = "listing calendars";

/// As many as Google takes.
const PAGE: &str = "250";

/// Calendars, and the page after.
#[derive(Debug)]
pub(crate) struct Listed {
    pub(crate) calendars: Vec<Calendar>,
    pub(crate) next: Option<String>,
}

pub(crate) fn prepare(base: &Url, page: Option<&str>) -> Ask {
    let mut query = vec![("maxResults", PAGE)];
    query.extend(page.map(|page| ("pageToken", page)));
    ask("GET", &address(base, &["users", "me", "calendarList"], &query))
}

// quirk: google-58
pub(crate) fn parse(answer: &Answer) -> Result<Listed> {
    if answer.status() != 200 {
        return Err(refusal(answer).of_reading());
    }
    let body = json(answer, DOING)?;
    let items = body.get("items").and_then(Value::as_array).into_iter().flatten();
    let calendars = items.filter_map(|item| CalendarListEntry::deserialize(item).ok());
    let next = body.get("nextPageToken").and_then(Value::as_str).map(str::to_owned);
    Ok(Listed { calendars: calendars.filter_map(calendar).collect(), next })
}

/// `None` for one that was taken off the list, and for one of which events can't be read.
// quirk: google-58, google-59
fn calendar(entry: CalendarListEntry) -> Option<Calendar> {
    let id = entry.id.filter(|id| !id.is_empty())?;
    let is_hidden = entry.access_role.as_deref().is_some_and(shows_busy_only);
    if entry.deleted == Some(true) || is_hidden {
        return None;
    }
    let rights = match entry.access_role.as_deref() {
        // The last one is a writer to whom private events are shown as busy.
        Some("owner" | "writer" | "writerWithoutPrivateAccess") => Rights::Write,
        Some(_) | None => Rights::Read,
    };
    let name = entry.summary_override.or(entry.summary).filter(|name| !name.is_empty());
    Some(Calendar {
        name: name.unwrap_or_else(|| id.clone()),
        id: CalendarId::new(id),
        primary: entry.primary == Some(true),
        rights,
        color: entry.background_color.map(|color| color.to_ascii_lowercase()),
    })
}

#[cfg(test)]
mod tests {
    use super::super::wire::{answer, base, shown};
    use super::*;

    // quirk: google-58, google-59
    #[test]
    fn calendars_may_lack_everything_but_their_id() {
        let ask = shown(&prepare(&base(), Some("p")));
        assert_eq!(ask, "GET /users/me/calendarList?maxResults=250&pageToken=p");
        let body = r##"{"items":[
            {"id":"me@example.test","summary":"Me","primary":true,"accessRole":"owner",
             "backgroundColor":"#9FE1E7"},
            {"id":"a#holiday@group.v.calendar.google.com","accessRole":"reader"},
            {"id":"boss@example.test","accessRole":"freeBusyReader"},
            {"id":"x","deleted":true},{}],"nextPageToken":"n"}"##;
        let listed = parse(&answer(200, body)).unwrap();
        assert_eq!(listed.next.as_deref(), Some("n"));
        let [me, holidays] = &listed.calendars[..] else { panic!("two") };
        let shared = r#"{"items":[{"id":"s","accessRole":"writerWithoutPrivateAccess"}]}"#;
        assert_eq!(parse(&answer(200, shared)).unwrap().calendars[0].rights, Rights::Write);
        assert!(me.primary && me.rights == Rights::Write);
        assert_eq!(me.color.as_deref(), Some("#9fe1e7"));
        assert_eq!((holidays.name.as_str(), holidays.rights), (holidays.id.as_str(), Rights::Read));
        assert!(parse(&answer(200, "{}")).unwrap().calendars.is_empty());
        assert!(parse(&answer(200, "")).is_err());
    }
}
