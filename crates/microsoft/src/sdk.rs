//! graph-rs-sdk, and all that is seen of it: it makes the requests. Paths, queries, bodies and
//! content types are its affair; what it makes is handed to `transport`, which sends it. Its own
//! client, tokens, retries and paging are never used: see docs/decisions/0008-microsoft-client.md.

use std::sync::LazyLock;

use bytes::Bytes;
use futures_util::FutureExt as _;
use graph_rs_sdk::GraphClient;
use graph_rs_sdk::http::BodyRead;
use http::Method;
use http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use provider::{Error, ErrorKind, Result};
use serde_json::Value;
use transport::Url;

/// A request, ready to be sent.
pub(crate) type Ask = http::Request<Bytes>;

/// What is preferred of every answer: ids that stay when an event is moved, bodies as text. A
/// preference is good for one request, the next page is another one; several are joined by commas.
// quirk: microsoft-18, microsoft-19, microsoft-30, microsoft-68
pub(crate) const PREFER: &str = "IdType=\"ImmutableId\", outlook.body-content-type=\"text\"";

/// The request of one of the SDK's handlers, to whose type it gives no name.
macro_rules! made {
    ($handler:expr) => {{
        let built = $handler.build().now_or_never().expect("a fixed token is not waited for");
        let built = built.expect("JSON values can be written").build();
        let built = built.expect("its parts were made of legal ones");
        let body = built.body().and_then(|body| body.as_bytes());
        asked(built.method().clone(), built.url(), built.headers().clone(), body)
    }};
}

/// The SDK's client, which never connects. Making one reads every root of trust of the system, so
/// all accounts have the same. Its token never leaves this file: the account's own is put in its
/// place.
static SDK: LazyLock<GraphClient> = LazyLock::new(|| GraphClient::new("none"));

/// The maker of requests.
pub(crate) struct Graph {
    client: GraphClient,
    base: Url,
}

impl Graph {
    /// For the service at `base`, version included. Which hosts may be spoken to is `transport`'s
    /// decision, and is not made here a second time: the SDK's own list would end the program.
    pub(crate) fn new(base: &Url) -> Self {
        let mut client = SDK.clone();
        client.use_test_endpoint(base);
        Self { client, base: base.clone() }
    }

    pub(crate) fn base(&self) -> &Url {
        &self.base
    }

    /// `GET /me`
    pub(crate) fn me(&self, query: &[(&str, &str)]) -> Ask {
        self.read(&["me"], query)
    }

    /// `GET /me/calendars`
    pub(crate) fn calendars(&self, query: &[(&str, &str)]) -> Ask {
        self.read(&["me", "calendars"], query)
    }

    /// `GET /me/calendars/{id}/calendarView/delta()`
    pub(crate) fn delta(&self, calendar: &str, query: &[(&str, &str)]) -> Ask {
        self.read(&["me", "calendars", calendar, "calendarView", "delta()"], query)
    }

    /// `GET /me/calendars/{id}/events`
    pub(crate) fn events(&self, calendar: &str, query: &[(&str, &str)]) -> Ask {
        self.read(&["me", "calendars", calendar, "events"], query)
    }

    /// `POST /me/calendars/{id}/events`
    pub(crate) fn create(&self, calendar: &str, body: &Value) -> Ask {
        self.made(Method::POST, &["me", "calendars", calendar, "events"], Some(body), &[])
    }

    /// `GET /me/calendars/{id}/events/{id}`: of this calendar, because an id that stays when an
    /// event is moved finds it everywhere.
    pub(crate) fn event(&self, calendar: &str, id: &str, query: &[(&str, &str)]) -> Ask {
        self.read(&["me", "calendars", calendar, "events", id], query)
    }

    /// `PATCH /me/events/{id}`
    pub(crate) fn update(&self, id: &str, body: &Value) -> Ask {
        self.made(Method::PATCH, &["me", "events", id], Some(body), &[])
    }

    /// `DELETE /me/events/{id}`
    pub(crate) fn delete(&self, id: &str) -> Ask {
        self.made(Method::DELETE, &["me", "events", id], None, &[])
    }

    /// `GET /me/events/{id}/instances`
    pub(crate) fn instances(&self, id: &str, query: &[(&str, &str)]) -> Ask {
        self.read(&["me", "events", id, "instances"], query)
    }

    /// `POST /$batch`
    pub(crate) fn batch(&self, body: &Value) -> Ask {
        self.made(Method::POST, &["$batch"], Some(body), &[])
    }

    /// A link that came with an answer, as it came.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`] for a link to another host: a token must not go there.
    // quirk: microsoft-17, microsoft-74
    pub(crate) fn link(&self, link: &str) -> Result<Ask> {
        let url = Url::parse(link).ok().filter(|url| url.origin() == self.base.origin());
        let Some(url) = url else {
            return Err(Error::new(
                ErrorKind::Malformed,
                "Microsoft gave a link to another host; it is not followed",
            ));
        };
        let mut handler = self.client.custom(Method::GET, None);
        *AsMut::<Url>::as_mut(&mut handler) = url;
        Ok(made!(handler))
    }

    fn read(&self, path: &[&str], query: &[(&str, &str)]) -> Ask {
        self.made(Method::GET, path, None, query)
    }

    /// By segments: the SDK's handles of single calls leave a slash in an id as it is.
    fn made(
        &self,
        method: Method,
        path: &[&str],
        body: Option<&Value>,
        query: &[(&str, &str)],
    ) -> Ask {
        let body = body.map(|body| BodyRead::new(body.to_string()));
        let mut handler = self.client.custom(method, body).extend_path(path);
        for (name, value) in query {
            handler = handler.append_query_pair(*name, *value);
        }
        made!(handler)
    }
}

/// What the SDK made, with our preferences and without its token.
fn asked(method: Method, url: &Url, mut headers: HeaderMap, body: Option<&[u8]>) -> Ask {
    headers.remove(AUTHORIZATION);
    headers.insert(HeaderName::from_static("prefer"), HeaderValue::from_static(PREFER));
    let mut ask = http::Request::new(body.map(Bytes::copy_from_slice).unwrap_or_default());
    *ask.method_mut() = method;
    *ask.uri_mut() = url.as_str().parse().expect("a URL is a legal URI");
    *ask.headers_mut() = headers;
    ask
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn graph(base: &str) -> Graph {
        Graph::new(&Url::parse(base).unwrap())
    }

    fn shown(ask: &Ask) -> String {
        format!("{} {}", ask.method(), ask.uri())
    }

    // quirk: microsoft-17, microsoft-18, microsoft-68
    #[test]
    fn requests_are_made_for_any_base_and_carry_preferences_but_no_token() {
        for base in ["https://graph.microsoft.com/v1.0", "http://127.0.0.1:1/v1.0"] {
            let graph = graph(base);
            let ask = graph.delta("AQMk-CAL=", &[("startDateTime", "2026-01-01T00:00:00Z")]);
            let path = "me/calendars/AQMk-CAL=/calendarView/delta()";
            let want = format!("GET {base}/{path}?startDateTime=2026-01-01T00%3A00%3A00Z");
            assert_eq!(shown(&ask), want);
            assert!(ask.headers().get(AUTHORIZATION).is_none());
            assert_eq!(ask.headers()["prefer"], PREFER);
        }
    }

    #[test]
    fn a_body_is_json_and_an_id_is_one_segment() {
        let graph = graph("https://graph.microsoft.com/v1.0");
        let ask = graph.update("a/b?c", &json!({"subject": null, "body": "<&\">"}));
        assert_eq!(shown(&ask), "PATCH https://graph.microsoft.com/v1.0/me/events/a%2Fb%3Fc");
        assert_eq!(ask.headers()["content-type"], "application/json");
        assert_eq!(&ask.body()[..], br#"{"body":"<&\">","subject":null}"#);
        assert_eq!(
            shown(&graph.delete("x")),
            "DELETE https://graph.microsoft.com/v1.0/me/events/x"
        );
        let post = graph.batch(&json!({"requests": []}));
        assert_eq!(shown(&post), "POST https://graph.microsoft.com/v1.0/$batch");
        let get = graph.event("c", "e", &[("$select", "id,subject")]);
        let want =
            "GET https://graph.microsoft.com/v1.0/me/calendars/c/events/e?%24select=id%2Csubject";
        assert_eq!(shown(&get), want);
    }

    // quirk: microsoft-17, microsoft-74
    #[test]
    fn links_are_followed_as_they_are_and_to_no_other_host() {
        let graph = graph("https://graph.microsoft.com/v1.0");
        let path = "v1.0/me/calendarView/microsoft.graph.delta()?$skiptoken=R0%20a";
        let link = format!("https://GRAPH.microsoft.com/{path}");
        let want = format!("GET https://graph.microsoft.com/{path}");
        assert_eq!(shown(&graph.link(&link).unwrap()), want);
        for foreign in
            ["https://graph.example.com/v1.0/me", "http://graph.microsoft.com/v1.0/me", "x"]
        {
            assert_eq!(graph.link(foreign).unwrap_err().kind(), ErrorKind::Malformed, "{foreign}");
        }
    }
}
