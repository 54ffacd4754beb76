//! OPTIONS on a calendar: does the server send messages to the people of a meeting by itself
//! (RFC 6638 section 2)?

use provider::Result;
use transport::Url;

use super::{Answer, Ask, refused};

const DOING: &str = "asking what the server does by itself";

pub(crate) fn prepare(collection: &Url) -> Ask {
    http::Request::builder()
        .method("OPTIONS")
        .uri(collection.as_str())
        .body(bytes::Bytes::new())
        .expect("a URL is a legal URI")
}

/// Whether it says that it does. `calendar-schedule`, the word of the drafts, counts: servers that
/// still use it (DAViCal) do it all the same. One that does not take the question may do it, too.
///
/// # Errors
/// When the server can't answer now.
// quirk: caldav-13
pub(crate) fn parse(answer: &Answer) -> Result<bool> {
    let status = answer.status();
    if status == 401 || status == 429 || status.is_server_error() && status != 501 {
        return Err(refused(answer, DOING));
    }
    let headers = answer.headers().get_all("dav").iter().filter_map(|value| value.to_str().ok());
    let mut words = headers.flat_map(|header| header.split(',')).map(str::trim);
    let words: Vec<&str> = words.by_ref().collect();
    let is = |name: &str| words.iter().any(|word| word.eq_ignore_ascii_case(name));
    let schedules = is("calendar-auto-schedule") || is("calendar-schedule");
    Ok(schedules || !is("calendar-access"))
}

#[cfg(test)]
mod tests {
    use super::super::wire::answer;
    use super::*;

    // quirk: caldav-13
    #[test]
    fn only_a_server_that_speaks_of_calendars_and_not_of_messages_sends_none() {
        let said = |status, headers: &[&'static str]| {
            let mut answer = answer("http://127.0.0.1/", status, "");
            for value in headers {
                answer.headers_mut().append("dav", http::HeaderValue::from_static(value));
            }
            parse(&answer).ok()
        };
        for (status, headers, expected) in [
            (200, ["1, 2, 3, calendar-access, addressbook", ""], Some(false)),
            (204, ["1, calendar-access", "Calendar-Auto-Schedule"], Some(true)),
            (200, ["1, calendar-access, calendar-schedule", "bind"], Some(true)),
            (200, ["1, 2", ""], Some(true)),
            (405, ["", ""], Some(true)),
            (501, ["", ""], Some(true)),
            (500, ["1, calendar-access", ""], None),
            (401, ["1, calendar-access", ""], None),
        ] {
            assert_eq!(said(status, &headers), expected, "{status} {headers:?}");
        }
    }
}
