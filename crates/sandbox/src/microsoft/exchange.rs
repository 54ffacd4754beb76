//! A request as it came, an answer as it goes, and what tests can look at afterwards.

use std::collections::BTreeMap;

use axum::body::Bytes;
use jiff::Timestamp;
use serde_json::Value;

/// A request, and how it was answered.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// When.
    pub at: Timestamp,
    /// Its number in the world, from 1; the items of a batch have that of the batch.
    pub step: u64,
    /// The account whose token it carried; empty when that can't be told.
    pub account: String,
    /// The path's template, e.g. `/me/events/{id}`; empty for none.
    pub call: &'static str,
    /// The method, e.g. `PATCH`.
    pub method: String,
    /// The path as it was sent, percent-encoded.
    pub path: String,
    /// The query as it was sent, without the question mark.
    pub query: String,
    /// The header fields in lower case, without the credential.
    pub headers: BTreeMap<String, String>,
    /// The body; of token requests nothing is kept.
    pub body: Vec<u8>,
    /// The status, or 0 where the answer was lost.
    pub status: u16,
}

/// A request.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) query: String,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: Bytes,
    /// The host that it was sent to.
    pub(super) host: String,
    /// Scheme and host, as links begin.
    pub(super) origin: String,
}

impl Ask {
    pub(super) fn new(request: http::Request<Bytes>) -> Self {
        let (head, body) = request.into_parts();
        let mut headers: BTreeMap<String, String> = BTreeMap::new();
        for (name, value) in &head.headers {
            let value = String::from_utf8_lossy(value.as_bytes());
            // quirk: microsoft-68
            let held = headers.entry(name.as_str().to_owned()).or_default();
            if !held.is_empty() {
                held.push_str(", ");
            }
            held.push_str(&value);
        }
        let host = head.uri.authority().map(ToString::to_string);
        let host = host.or_else(|| headers.get("host").cloned()).unwrap_or_default();
        let scheme = head.uri.scheme_str().unwrap_or("http");
        Self {
            method: head.method.as_str().to_owned(),
            path: head.uri.path().to_owned(),
            query: head.uri.query().unwrap_or_default().to_owned(),
            headers,
            body,
            origin: format!("{scheme}://{host}"),
            host,
        }
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// The access token that it carries.
    pub(super) fn bearer(&self) -> Option<&str> {
        self.header("authorization")?.strip_prefix("Bearer ")
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
    pub(super) fate: Fate,
}

/// What becomes of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Delivered,
    Lost,
    /// Cut in the middle of the body.
    Cut,
}

/// What answers with JSON say of themselves.
const JSON: &str = "application/json;odata.metadata=minimal;odata.streaming=true;\
                    IEEE754Compatible=false;charset=utf-8";

impl Reply {
    pub(super) fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new(), fate: Fate::Delivered }
    }

    pub(super) fn lost() -> Self {
        Self { fate: Fate::Lost, ..Self::empty(500) }
    }

    pub(super) fn json(status: u16, body: &Value) -> Self {
        let reply = Self { body: body.to_string().into_bytes(), ..Self::empty(status) };
        reply.header("Content-Type", JSON)
    }

    // quirk: microsoft-49
    pub(super) fn html(status: u16) -> Self {
        let page = format!(
            "<!DOCTYPE html><html><head><title>{status} - Service unavailable</title></head>\
             <body><h2>Our services aren't available right now</h2></body></html>"
        );
        let reply = Self { body: page.into_bytes(), ..Self::empty(status) };
        reply.header("Content-Type", "text/html")
    }

    pub(super) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The response; `None` where the connection is lost.
    pub(super) fn response(self) -> Option<http::Response<Bytes>> {
        if self.fate == Fate::Lost {
            return None;
        }
        let mut response = http::Response::builder().status(self.status);
        for (name, value) in self.headers {
            response = response.header(name, value);
        }
        response.body(Bytes::from(self.body)).ok()
    }
}
