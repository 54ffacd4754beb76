//! Requests and their answers: what all of them share. Each one is a file with `prepare` and
//! `parse`, both pure.

pub(crate) mod batch;
pub(crate) mod calendars;
pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod delta;
pub(crate) mod find;
pub(crate) mod get;
pub(crate) mod instances;
pub(crate) mod list;
pub(crate) mod me;
pub(crate) mod update;

use bytes::Bytes;
use http::header::IF_MATCH;
use http::{HeaderValue, Response};
use provider::{Error, ErrorKind, Result};
use serde_json::Value;
use transport::Reached;

use crate::refusal::Refusal;
use crate::row::Row;
pub(crate) use crate::sdk::Ask;

/// What came back.
pub(crate) type Answer = Response<Bytes>;

/// The request under the condition that an etag still holds.
// quirk: microsoft-51
pub(crate) fn on_condition(mut ask: Ask, etag: &str) -> Result<Ask> {
    let value = HeaderValue::from_str(etag)
        .map_err(|_| Error::new(ErrorKind::Stale, "Microsoft stated no version to be used"))?;
    ask.headers_mut().insert(IF_MATCH, value);
    Ok(ask)
}

/// The JSON of a good answer.
///
/// # Errors
/// [`ErrorKind::Malformed`] for what is none: cut short, a web page, nothing at all.
// quirk: microsoft-49
pub(crate) fn json(answer: &Answer, doing: &str) -> Result<Value> {
    match serde_json::from_slice(answer.body()) {
        Ok(Value::Object(object)) => Ok(Value::Object(object)),
        Ok(_) | Err(_) => Err(odd(answer, doing, "something that is no answer")),
    }
}

/// The row of a good answer.
pub(crate) fn one_row(answer: &Answer, doing: &str) -> Result<Row> {
    Row::new(json(answer, doing)?).ok_or_else(|| odd(answer, doing, "something without an id"))
}

fn odd(answer: &Answer, doing: &str, what: &str) -> Error {
    let sentence = format!("{} answered {doing} with {what}", place(answer));
    Error::new(ErrorKind::Malformed, sentence)
}

/// A page of rows, and how it goes on.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) rows: Vec<Row>,
    pub(crate) next: After,
}

/// What follows a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum After {
    /// Another page.
    Page(String),
    /// Nothing; what changes from here on is told by this link.
    Changes(String),
    /// Nothing.
    Nothing,
}

/// # Errors
/// [`ErrorKind::Malformed`] for anything that is no page: half of one is worse than none.
// quirk: microsoft-7, microsoft-69
pub(crate) fn page(answer: &Answer, doing: &str) -> Result<Page> {
    let mut body = json(answer, doing)?;
    let link = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
    let next = match (link("@odata.nextLink"), link("@odata.deltaLink")) {
        (Some(page), _) => After::Page(page),
        (None, Some(changes)) => After::Changes(changes),
        (None, None) => After::Nothing,
    };
    let Some(Value::Array(items)) = body.get_mut("value").map(Value::take) else {
        return Err(odd(answer, doing, "a list that is none"));
    };
    let rows: Option<Vec<Row>> = items.into_iter().map(Row::new).collect();
    let rows = rows.ok_or_else(|| odd(answer, doing, "something without an id"))?;
    Ok(Page { rows, next })
}

/// What an answer says that is none of those hoped for.
pub(crate) fn refusal(answer: &Answer) -> Refusal {
    Refusal::read(answer)
}

/// Who answered, for sentences.
pub(crate) fn place(answer: &Answer) -> String {
    answer.extensions().get::<Reached>().map_or_else(|| "Microsoft".to_owned(), Reached::place)
}

#[cfg(test)]
pub(crate) mod wire {
    //! Requests and answers for the tests.

    use super::*;
    use crate::sdk::Graph;
    use transport::Url;

    pub(crate) fn graph() -> Graph {
        Graph::new(&Url::parse("https://graph.microsoft.com/v1.0").unwrap())
    }

    pub(crate) fn answer(status: u16, body: &str) -> Answer {
        let mut answer = Response::new(Bytes::from(body.to_owned()));
        *answer.status_mut() = http::StatusCode::from_u16(status).unwrap();
        answer
    }

    /// Method and decoded address behind the base.
    pub(crate) fn shown(ask: &Ask) -> String {
        let url = Url::parse(&ask.uri().to_string()).unwrap();
        let pairs: Vec<String> =
            url.query_pairs().map(|(name, value)| format!("{name}={value}")).collect();
        let path = url.path().trim_start_matches("/v1.0");
        let query = if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) };
        format!("{} {path}{query}", ask.method())
    }
}

#[cfg(test)]
mod tests {
    use super::wire::answer;
    use super::*;

    // quirk: microsoft-7, microsoft-49
    #[test]
    fn a_page_may_be_empty_but_never_half() {
        let empty = page(&answer(200, r#"{"value":[],"@odata.nextLink":"p"}"#), "x").unwrap();
        assert_eq!((empty.rows.len(), empty.next), (0, After::Page("p".into())));
        let last = r#"{"value":[{"id":"a","new":1}],"@odata.deltaLink":"d"}"#;
        assert_eq!(page(&answer(200, last), "x").unwrap().next, After::Changes("d".into()));
        for body in ["", "<html>", r#"{"value":[{"id":"#, r#"{"value":[{}]}"#, r#"{"value":{}}"#] {
            let error = page(&answer(200, body), "x").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Malformed, "{body}");
        }
    }
}
