//! Requests held to what Google and Microsoft publish of their APIs: path, method, query, body.
//!
//! The simulated services refuse what they don't know as well, by code of their own; this shares
//! nothing with them but the two files, and looks at the recordings of what was asked.

mod google;
mod microsoft;

use std::fmt;

use sandbox::World;
use sandbox::google::{Exchange, Google};
use sandbox::microsoft::Microsoft;

/// No request to Google's API was one that its discovery document does not describe. How many
/// there were, those for a token not counted.
///
/// # Panics
/// When one was.
pub fn assert_google(log: &[Exchange]) -> usize {
    assert_described(log, google::BASE, google::faults)
}

/// No request to Graph was one that its metadata (the CSDL of v1.0) does not describe. How many
/// there were, those for a token not counted.
///
/// # Panics
/// When one was.
pub fn assert_microsoft(log: &[Exchange]) -> usize {
    assert_described(log, microsoft::BASE, microsoft::faults)
}

/// Holds a test at its end, whatever it is about, to what holds of whoever writes: every request
/// was one that is published, none was refused for what nobody may do, and nobody got mail.
pub struct Watch(Box<dyn Fn() + Send + Sync>);

impl Watch {
    /// Over a simulated Google.
    pub fn google(service: &Google, world: &World) -> Self {
        let (service, world) = (service.clone(), world.clone());
        Self(Box::new(move || {
            service.assert_unviolated();
            assert_google(&service.log());
            world.assert_no_mail();
        }))
    }

    /// Over a simulated Microsoft.
    pub fn microsoft(service: &Microsoft, world: &World) -> Self {
        let (service, world) = (service.clone(), world.clone());
        Self(Box::new(move || {
            service.assert_unviolated();
            assert_microsoft(&service.log());
            world.assert_no_mail();
        }))
    }
}

impl Watch {
    /// Looks now.
    ///
    /// # Panics
    /// When something does not hold.
    pub fn check(&self) {
        (self.0)();
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watch")
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.check();
        }
    }
}

fn assert_described(log: &[Exchange], base: &str, check: fn(&Exchange) -> Vec<String>) -> usize {
    let asked: Vec<&Exchange> = log.iter().filter(|asked| !is_of_a_sign_in(asked)).collect();
    let faults = asked.iter().flat_map(|asked| match asked.path.starts_with(base) {
        true => check(asked),
        false => vec![format!("{} {}: that is no part of the interface", asked.method, asked.path)],
    });
    let faults: Vec<String> = faults.collect();
    assert!(faults.is_empty(), "requests that nobody describes:\n{}", faults.join("\n"));
    asked.len()
}

/// Tokens and consent are another interface, which neither document describes.
fn is_of_a_sign_in(asked: &Exchange) -> bool {
    let known = ["/token", "/revoke", "/authorize", "/auth", "/devicecode"];
    known.iter().any(|end| asked.path.ends_with(end))
}

/// The parameters of a query, decoded.
fn pairs(query: &str) -> impl Iterator<Item = (String, String)> {
    form_urlencoded::parse(query.as_bytes()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked((method, address, body): (&str, &str, &str)) -> Exchange {
        let (path, query) = address.split_once('?').unwrap_or((address, ""));
        Exchange {
            at: jiff::Timestamp::UNIX_EPOCH,
            step: 1,
            account: String::new(),
            call: "",
            method: method.to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            headers: [].into(),
            body: body.as_bytes().to_vec(),
            status: 200,
        }
    }

    type Bad = ((&'static str, &'static str, &'static str), &'static str);

    fn each_is_found(bad: &[Bad], base: &str, check: fn(&Exchange) -> Vec<String>) {
        for ((method, address, body), why) in bad {
            let faults = check(&asked((method, &format!("{base}{address}"), body)));
            assert_eq!(faults.len(), 1, "{method} {address} {body}: {faults:?}");
            assert!(faults[0].contains(why), "{method} {address} {body}: {faults:?}");
        }
    }

    #[test]
    fn what_is_outside_of_the_interface_is_found() {
        let sign_in = asked(("POST", "/o/oauth2/token", "grant_type=refresh_token"));
        let elsewhere = asked(("GET", "/beta/me/events", ""));
        assert_eq!(assert_microsoft(std::slice::from_ref(&sign_in)), 0);
        let found = std::panic::catch_unwind(|| assert_microsoft(&[sign_in, elsewhere]));
        assert!(found.is_err());
    }

    #[test]
    fn what_google_does_not_describe_is_found() {
        let bad: &[Bad] = &[
            (("GET", "calendars/c/event", ""), "no such method"),
            (("PUT", "calendars/c/events", "{}"), "no such method"),
            (("GET", "calendars//events", ""), "no such method"),
            (("GET", "calendars/c/events?syncTokens=a", ""), "no parameter syncTokens"),
            (("GET", "calendars/c/events?singleEvents=no", ""), "neither true nor false"),
            (("GET", "calendars/c/events?maxResults=many", ""), "no number"),
            (("GET", "calendars/c/events?orderBy=title", ""), "none of those that there are"),
            (("PATCH", "calendars/c/events/e?sendUpdates=maybe", "{}"), "none of those"),
            (("POST", "calendars/c/events/e/move?sendUpdates=none", ""), "destination is missing"),
            (("DELETE", "calendars/c/events/e", "{}"), "takes no body"),
            (("POST", "calendars/c/events", ""), "the body is missing"),
            (("POST", "calendars/c/events", "{"), "EOF"),
            (("POST", "calendars/c/events", r#"{"title": "a"}"#), ".title: no such field"),
            (("POST", "calendars/c/events", r#"{"summary": 1}"#), ".summary: not of type"),
            (("PATCH", "calendars/c/events/e", r#"{"start": {"day": "1"}}"#), "start.day: no"),
            (("PATCH", "calendars/c/events/e", r#"{"recurrence": "RRULE"}"#), "not of type"),
            (("PATCH", "calendars/c/events/e", r#"{"recurrence": [1]}"#), "not of type"),
        ];
        each_is_found(bad, google::BASE, google::faults);
        let good = "calendars/c/events?showDeleted=true&maxResults=2500&pageToken=a%3D";
        assert_eq!(
            google::faults(&asked(("GET", &format!("{}{good}", google::BASE), ""))),
            [""; 0]
        );
    }

    #[test]
    fn what_graph_does_not_describe_is_found() {
        let bad: &[Bad] = &[
            (("GET", "/me/calendar/c/events", ""), "no such request"),
            (("PUT", "/me/events/e", "{}"), "no such request"),
            (("GET", "/me/events/", ""), "no such request"),
            (("GET", "/me/events/e?$selects=id", ""), "no option $selects"),
            (("GET", "/me/events/e?$select=id,title", ""), "event has no title"),
            (("GET", "/me/calendars/c/calendarView/delta?startDateTime=a", ""), "endDateTime"),
            (("GET", "/me/events/e", "{}"), "takes no body"),
            (("PATCH", "/me/events/e", ""), "the body is missing"),
            (("PATCH", "/me/events/e", "{"), "EOF"),
            (("PATCH", "/me/events/e", "[]"), "no event"),
            (("PATCH", "/me/events/e", r#"{"title": "a"}"#), "no such member"),
            (("PATCH", "/me/events/e", r#"{"subject": 1}"#), "not of type"),
            (("PATCH", "/me/events/e", r#"{"iCalUId": "a"}"#), "is the server's"),
            (("PATCH", "/me/events/e", r#"{"showAs": "away"}"#), "none of those"),
            (("PATCH", "/me/events/e", r#"{"start": {"zone": "UTC"}}"#), "no such member"),
            (("PATCH", "/me/events/e", r#"{"categories": [1]}"#), "not of type"),
        ];
        each_is_found(bad, microsoft::BASE, microsoft::faults);
        let good = "/me/events/e/instances?startDateTime=a&endDateTime=b&$top=50&$skip=50";
        let good = asked(("GET", &format!("{}{good}", microsoft::BASE), ""));
        assert_eq!(microsoft::faults(&good), [""; 0]);
    }

    #[test]
    #[should_panic(expected = "nobody describes")]
    fn one_bad_request_is_one_too_many() {
        assert_google(&[asked(("GET", "/token", "")), asked(("GET", "/calendar/v3/users", ""))]);
    }
}
