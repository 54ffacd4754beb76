//! `GET /me/calendars`: the calendars of the account.

use model::{Calendar, CalendarId, Rights};
use provider::Result;
use serde_json::Value;

use super::{Answer, Ask, Page, page, refusal};
use crate::row::Row;
use crate::sdk::Graph;

/// As many as anybody has; more come on another page.
const PAGE: &str = "100";

pub(crate) fn prepare(graph: &Graph) -> Ask {
    graph.calendars(&[("$top", PAGE)])
}

pub(crate) fn parse(answer: &Answer) -> Result<Page> {
    if !answer.status().is_success() {
        return Err(refusal(answer).of_reading());
    }
    page(answer, "which calendars there are")
}

// quirk: microsoft-59
pub(crate) fn calendar(row: &Row) -> Calendar {
    let flag = |name: &str| row.get(name).and_then(Value::as_bool);
    let rights = if flag("canEdit") == Some(false) { Rights::Read } else { Rights::Write };
    let color = row.text("hexColor").filter(|color| color.len() == 7 && color.starts_with('#'));
    Calendar {
        id: CalendarId::new(row.id()),
        name: row.text("name").unwrap_or_default().to_owned(),
        primary: flag("isDefaultCalendar") == Some(true),
        rights,
        color: color.map(str::to_ascii_lowercase),
    }
}

#[cfg(test)]
mod tests {
    use super::super::wire::{answer, graph, shown};
    use super::*;

    // quirk: microsoft-59
    #[test]
    fn calendars_have_names_rights_and_colours() {
        assert_eq!(shown(&prepare(&graph())), "GET /me/calendars?$top=100");
        let body = r##"{"value":[
            {"id":"a","name":"Calendar","isDefaultCalendar":true,"canEdit":true,"hexColor":""},
            {"id":"b","name":"Holidays","canEdit":false,"hexColor":"#00AAff"}]}"##;
        let page = parse(&answer(200, body)).unwrap();
        let all: Vec<Calendar> = page.rows.iter().map(calendar).collect();
        assert_eq!((all[0].primary, all[0].rights, &all[0].color), (true, Rights::Write, &None));
        assert_eq!((all[1].rights, all[1].color.as_deref()), (Rights::Read, Some("#00aaff")));
    }
}
