//! `$batch`: up to twenty requests in one, answered in any order, each with a status of its own.
// quirk: microsoft-48

use std::collections::{BTreeMap, BTreeSet};

use axum::body::Bytes;
use serde_json::{Value, json};

use super::failure::Failure;
use super::state::Service;
use crate::rest::{Ask, Reply};

/// The most requests in a batch.
const MOST: usize = 20;

/// A request in a batch.
pub(super) struct Part {
    pub(super) id: String,
    pub(super) ask: Ask,
    pub(super) after: Vec<String>,
}

fn malformed(message: &'static str) -> Failure {
    Failure::new(400, "BadRequest", message)
}

/// The requests of a batch.
pub(super) fn parts(ask: &Ask) -> Result<Vec<Part>, Failure> {
    let body: Value = serde_json::from_slice(&ask.body).map_err(|_| Failure::unreadable())?;
    let requests = body["requests"].as_array();
    let requests = requests.ok_or_else(|| malformed("Invalid batch payload format."))?;
    if requests.len() > MOST {
        return Err(malformed("Number of batch request steps exceeds the limit of 20."));
    }
    let mut seen = BTreeSet::new();
    let mut parts = Vec::new();
    for request in requests {
        let part = part(ask, request).ok_or_else(|| malformed("Invalid batch payload format."))?;
        let is_late = part.after.iter().any(|id| !seen.contains(&id.to_ascii_lowercase()));
        if is_late || !seen.insert(part.id.to_ascii_lowercase()) {
            return Err(malformed("Invalid batch payload format."));
        }
        parts.push(part);
    }
    Ok(parts)
}

fn part(ask: &Ask, request: &Value) -> Option<Part> {
    let id = request["id"].as_str().filter(|id| !id.is_empty())?.to_owned();
    let url = request["url"].as_str().filter(|url| url.starts_with('/'))?;
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    let mut headers: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in request["headers"].as_object().into_iter().flatten() {
        headers.insert(name.to_ascii_lowercase(), value.as_str()?.to_owned());
    }
    // What stands in front of the batch is not inherited, but the token.
    let token = ask.header("authorization").map(str::to_owned);
    headers.extend(token.map(|token| ("authorization".to_owned(), token)));
    let is_json = headers.get("content-type").is_some_and(|kind| kind.contains("json"));
    let body = match &request["body"] {
        Value::Null => Bytes::new(),
        body if is_json => Bytes::from(body.to_string()),
        _ => return None,
    };
    let after = request["dependsOn"].as_array().into_iter().flatten();
    let after = after.filter_map(Value::as_str).map(str::to_owned).collect();
    let ask = Ask {
        method: request["method"].as_str()?.to_ascii_uppercase(),
        path: format!("/v1.0{path}"),
        query: query.to_owned(),
        headers,
        body,
        host: ask.host.clone(),
        origin: ask.origin.clone(),
    };
    Some(Part { id, ask, after })
}

/// The answer of a part as it stands in that of the batch.
pub(super) fn response(id: &str, reply: &Reply) -> Value {
    let headers = reply.headers.iter().map(|(name, value)| ((*name).to_owned(), json!(value)));
    let headers: serde_json::Map<String, Value> = headers.collect();
    let mut shown = json!({"id": id, "status": reply.status, "headers": headers});
    if let Ok(body) = serde_json::from_slice::<Value>(&reply.body) {
        shown["body"] = body;
    }
    shown
}

impl Service {
    /// Answers in an order of their own.
    pub(super) fn shuffled(&mut self, mut responses: Vec<Value>) -> Vec<Value> {
        for at in (1..responses.len()).rev() {
            let other = self.random.below(at as u64 + 1) as usize;
            responses.swap(at, other);
        }
        responses
    }
}
