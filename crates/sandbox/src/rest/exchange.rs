//! A request as it came, an answer as it goes, and what tests can look at afterwards.

use std::collections::BTreeMap;

use axum::body::Bytes;
use jiff::Timestamp;

use crate::faults::Fault;
use crate::world::{Op, Request, World};

/// A request, and how it was answered.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// When.
    pub at: Timestamp,
    /// Its number in the world, from 1; the items of a batch have that of the batch.
    pub step: u64,
    /// The account whose token it carried; empty when that can't be told.
    pub account: String,
    /// What the service's description calls it, e.g. `calendar.events.list` or `/me/events/{id}`;
    /// empty for none.
    pub call: &'static str,
    /// The method, e.g. `PATCH`.
    pub method: String,
    /// The path as it was sent, percent-encoded.
    // quirk: google-57
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
pub(crate) struct Ask {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Bytes,
    /// The host that it was sent to.
    pub(crate) host: String,
    /// Scheme and host, as links begin.
    pub(crate) origin: String,
}

impl Ask {
    pub(crate) fn new(request: http::Request<Bytes>) -> Self {
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

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// The access token that it carries.
    pub(crate) fn bearer(&self) -> Option<&str> {
        self.header("authorization")?.strip_prefix("Bearer ")
    }

    /// Enters it in the world's list; what goes wrong with it, and its number.
    pub(crate) fn begin(&self, world: &World, account: &str, op: Op) -> (Option<Fault>, u64) {
        let mut state = world.state();
        let fault = state.begin(account, op);
        let (at, step) = (state.now, state.step);
        state.requests.push(Request {
            at,
            step,
            account: account.to_owned(),
            op,
            method: self.method.clone(),
            host: self.host.clone(),
            path: self.path.clone(),
            headers: self.bare_headers(),
            authorized: self.headers.contains_key("authorization"),
            sent: self.body.len(),
            status: 0,
        });
        (fault, step)
    }

    /// As tests see it, not answered yet.
    pub(crate) fn exchange(
        &self,
        at: Timestamp,
        step: u64,
        account: &str,
        call: &'static str,
        kept: Kept,
    ) -> Exchange {
        let (query, body) = match kept {
            Kept::Everything => (self.query.clone(), self.body.to_vec()),
            Kept::Line => (String::new(), Vec::new()),
        };
        Exchange {
            at,
            step,
            account: account.to_owned(),
            call,
            method: self.method.clone(),
            path: self.path.clone(),
            query,
            headers: self.bare_headers(),
            body,
            status: 0,
        }
    }

    fn bare_headers(&self) -> BTreeMap<String, String> {
        let mut headers = self.headers.clone();
        headers.remove("authorization");
        headers
    }
}

/// What tests may see of a request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kept {
    Everything,
    /// Neither query nor body: there are secrets in them.
    Line,
}

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) fate: Fate,
}

/// What becomes of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Delivered,
    Lost,
    /// Cut in the middle of the body.
    Cut,
}

impl Reply {
    pub(crate) fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new(), fate: Fate::Delivered }
    }

    pub(crate) fn lost() -> Self {
        Self { fate: Fate::Lost, ..Self::empty(500) }
    }

    pub(crate) fn text(status: u16, kind: &str, body: String) -> Self {
        Self { body: body.into_bytes(), ..Self::empty(status) }.header("Content-Type", kind)
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The response; `None` where the connection is lost.
    pub(crate) fn response(self) -> Option<http::Response<Bytes>> {
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
