//! Requests and their answers: what all of them share. Each one is a file with `prepare` and
//! `parse`, both pure.

pub(crate) mod delete;
pub(crate) mod get;
pub(crate) mod insert;
pub(crate) mod list;
pub(crate) mod list_calendars;
pub(crate) mod list_series;
pub(crate) mod one_calendar;
pub(crate) mod patch;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName};
use http::{HeaderValue, Request, Response};
use provider::{Error, ErrorKind, Result};
use serde_json::Value;
use transport::{Reached, Url};

use crate::refusal::Refusal;
use crate::row::Row;

/// A request, ready to be sent.
pub(crate) type Ask = Request<Bytes>;

/// What came back.
pub(crate) type Answer = Response<Bytes>;

/// Nobody is ever told of what we write.
// quirk: google-63
pub(crate) const TELL_NOBODY: (&str, &str) = ("sendUpdates", "none");

/// An address below the API's. Every segment is encoded: ids of calendars hold `#` and `@`.
// quirk: google-57
pub(crate) fn address(base: &Url, segments: &[&str], query: &[(&str, &str)]) -> Url {
    let mut url = base.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(segments);
    }
    url.set_query(None);
    if !query.is_empty() {
        url.query_pairs_mut().extend_pairs(query);
    }
    url
}

/// A request without content.
pub(crate) fn ask(method: &str, url: &Url) -> Ask {
    Request::builder()
        .method(method)
        .uri(url.as_str())
        .body(Bytes::new())
        .expect("a URL is a legal URI and the method is constant")
}

/// A request with JSON.
pub(crate) fn ask_with(method: &str, url: &Url, body: &Value) -> Ask {
    let mut ask = ask(method, url);
    ask.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    *ask.body_mut() = Bytes::from(body.to_string());
    ask
}

/// The request under a condition; an etag that can't be a header is in no version we know.
// quirk: google-46
pub(crate) fn on_condition(mut ask: Ask, name: HeaderName, etag: &str) -> Result<Ask> {
    let value = HeaderValue::from_str(etag)
        .map_err(|_| Error::new(ErrorKind::Stale, "Google stated no version that can be used"))?;
    ask.headers_mut().insert(name, value);
    Ok(ask)
}

/// The JSON of a good answer.
///
/// # Errors
/// [`ErrorKind::Malformed`] for what is none: cut short, a web page, nothing at all.
// quirk: google-51, google-52
pub(crate) fn json(answer: &Answer, doing: &str) -> Result<Value> {
    match serde_json::from_slice(answer.body()) {
        Ok(Value::Object(object)) => Ok(Value::Object(object)),
        Ok(_) | Err(_) => Err(Error::new(
            ErrorKind::Malformed,
            format!("{} answered {doing} with something that is no answer", place(answer)),
        )),
    }
}

/// The row of a good answer.
pub(crate) fn one_row(answer: &Answer, doing: &str) -> Result<Row> {
    Row::new(json(answer, doing)?).ok_or_else(|| {
        let sentence = format!("{} answered {doing} without an event", place(answer));
        Error::new(ErrorKind::Malformed, sentence)
    })
}

/// Whether somebody with this role (`accessRole`) does not see what events say.
pub(crate) fn shows_busy_only(role: &str) -> bool {
    matches!(role, "freeBusyReader" | "none")
}

/// A page of rows, and how it goes on.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) rows: Vec<Row>,
    pub(crate) next: After,
    /// The zone of the calendar.
    pub(crate) zone: Option<String>,
}

/// What follows a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum After {
    /// Another page.
    Page(String),
    /// Nothing; changes from here on are listed with this token.
    Token(String),
    /// Nothing, and no token.
    Nothing,
}

/// # Errors
/// [`ErrorKind::Malformed`] for anything that is no page: half of one is worse than none.
// quirk: google-2, google-52
pub(crate) fn page(answer: &Answer, doing: &str) -> Result<Page> {
    let mut body = json(answer, doing)?;
    let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
    // Events without title, place and description would be taken for edits that emptied them.
    // quirk: google-59
    if text("accessRole").is_some_and(|role| shows_busy_only(&role)) {
        let sentence = format!(
            "{} shows of this calendar only when its owner is busy; ask the owner for the right to \
             see all event details",
            place(answer)
        );
        return Err(Error::new(ErrorKind::Forbidden, sentence));
    }
    let zone = text("timeZone");
    let next = match (text("nextPageToken"), text("nextSyncToken")) {
        (Some(page), _) => After::Page(page),
        (None, Some(token)) => After::Token(token),
        (None, None) => After::Nothing,
    };
    let odd = || {
        let sentence = format!("{} answered {doing} with a list that is none", place(answer));
        Error::new(ErrorKind::Malformed, sentence)
    };
    let items = match body.get_mut("items").map(Value::take) {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(items)) => items,
        Some(_) => return Err(odd()),
    };
    let rows: Option<Vec<Row>> = items.into_iter().map(Row::new).collect();
    Ok(Page { rows: rows.ok_or_else(odd)?, next, zone })
}

/// What an answer says that is none of those hoped for.
pub(crate) fn refusal(answer: &Answer) -> Refusal {
    Refusal::read(answer)
}

/// Who answered, for sentences.
pub(crate) fn place(answer: &Answer) -> String {
    answer.extensions().get::<Reached>().map_or_else(|| "Google".to_owned(), Reached::place)
}

#[cfg(test)]
pub(crate) mod wire {
    //! Requests and answers for the tests.

    use super::*;

    pub(crate) fn base() -> Url {
        Url::parse("https://www.googleapis.com/calendar/v3").unwrap()
    }

    pub(crate) fn answer(status: u16, body: &str) -> Answer {
        let mut answer = Response::new(Bytes::from(body.to_owned()));
        *answer.status_mut() = http::StatusCode::from_u16(status).unwrap();
        answer
    }

    /// Method and address behind the base.
    pub(crate) fn shown(ask: &Ask) -> String {
        let uri = ask.uri().to_string();
        format!("{} {}", ask.method(), uri.trim_start_matches(base().as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::wire::{answer, base};
    use super::*;

    // quirk: google-57
    #[test]
    fn every_id_is_one_segment() {
        for base in [base(), Url::parse("http://127.0.0.1:1/calendar/v3/").unwrap()] {
            let holidays = "en.usa#holiday@group.v.calendar.google.com";
            let url = address(&base, &["calendars", holidays, "events", "a/b?c%d"], &[]);
            let path = "/calendar/v3/calendars/en.usa%23holiday@group.v.calendar.google.com/events";
            assert_eq!(url.path(), format!("{path}/a%2Fb%3Fc%25d"));
            assert_eq!((url.query(), url.fragment()), (None, None));
        }
    }

    // quirk: google-2, google-52, google-58
    #[test]
    fn a_page_may_be_empty_but_never_half() {
        let empty = page(&answer(200, r#"{"nextPageToken":"p"}"#), "x").unwrap();
        assert_eq!((empty.rows.len(), empty.next), (0, After::Page("p".into())));
        let last = r#"{"items":[{"id":"a"}],"nextSyncToken":"t","timeZone":"Europe/Berlin"}"#;
        let last = page(&answer(200, last), "x").unwrap();
        assert_eq!((last.rows.len(), last.next), (1, After::Token("t".into())));
        for body in ["", "<html>", r#"{"items":[{"id":"#, r#"{"items":[{}]}"#, r#"{"items":{}}"#] {
            let error = page(&answer(200, body), "x").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Malformed, "{body}");
        }
    }
}
