//! `POST /$batch`: up to twenty reads in one request. Answers come in any order and fail one by
//! one; only what reads goes this way, because a write has a condition and one clear outcome.

use std::collections::BTreeMap;

use provider::Result;
use serde_json::{Value, json};

use super::{Answer, Ask, json as object, place, refusal};
use crate::refusal::{Refusal, seconds};
use crate::sdk::{Graph, PREFER};

/// As many as Graph takes.
// quirk: microsoft-48
pub(crate) const MOST: usize = 20;

/// One request of reads that were prepared for themselves. Its items inherit no headers.
// quirk: microsoft-18, microsoft-48
pub(crate) fn prepare(graph: &Graph, asks: &[Ask]) -> Ask {
    let base = graph.base().as_str().trim_end_matches('/');
    let requests = asks.iter().enumerate().map(|(at, ask)| {
        let uri = ask.uri().to_string();
        let url = uri.strip_prefix(base).unwrap_or(&uri);
        let headers = json!({"Prefer": PREFER});
        json!({"id": at.to_string(), "method": "GET", "url": url, "headers": headers})
    });
    graph.batch(&json!({"requests": requests.collect::<Vec<_>>()}))
}

/// What was answered to one of the reads.
#[derive(Debug)]
pub(crate) enum Item {
    /// The JSON of a good answer.
    Good(Value),
    /// What was said instead.
    Refused(Refusal),
}

/// The answers by the places of the reads; one may be missing.
// quirk: microsoft-48
pub(crate) fn parse(answer: &Answer) -> Result<BTreeMap<usize, Item>> {
    if !answer.status().is_success() {
        return Err(refusal(answer).of_reading());
    }
    let mut body = object(answer, "several questions")?;
    let Some(Value::Array(responses)) = body.get_mut("responses").map(Value::take) else {
        return Ok(BTreeMap::new());
    };
    let item = |mut response: Value| {
        let at: usize = response["id"].as_str()?.parse().ok()?;
        let status = response["status"].as_u64().and_then(|status| u16::try_from(status).ok())?;
        let body = response["body"].take();
        if (200..300).contains(&status) {
            return Some((at, Item::Good(body)));
        }
        let headers = response["headers"].as_object();
        let after = headers.and_then(|headers| {
            let is_it = |name: &&String| name.eq_ignore_ascii_case("retry-after");
            seconds(headers.get(headers.keys().find(is_it)?)?.as_str()?)
        });
        Some((at, Item::Refused(Refusal::of(status, &body, after, place(answer)))))
    };
    Ok(responses.into_iter().filter_map(item).collect())
}

#[cfg(test)]
mod tests {
    use super::super::wire::{answer, graph, shown};
    use super::*;

    // quirk: microsoft-18, microsoft-48
    #[test]
    fn answers_find_their_questions_in_any_order() {
        let graph = graph();
        let asks = [graph.event("c", "a", &[("$select", "id")]), graph.event("c", "b", &[])];
        let ask = prepare(&graph, &asks);
        assert_eq!(shown(&ask), "POST /$batch");
        let body: Value = serde_json::from_slice(ask.body()).unwrap();
        assert_eq!(body["requests"][0]["url"], "/me/calendars/c/events/a?%24select=id");
        assert_eq!(body["requests"][1]["headers"]["Prefer"], PREFER);
        let body = r#"{"responses":[
            {"id":"1","status":429,"headers":{"Retry-After":"10"},
             "body":{"error":{"code":"ApplicationThrottled"}}},
            {"id":"0","status":200,"body":{"id":"a"}}]}"#;
        let items = parse(&answer(200, body)).unwrap();
        assert!(matches!(&items[&0], Item::Good(value) if value["id"] == "a"));
        let Item::Refused(refused) = &items[&1] else { panic!("it is refused") };
        // quirk: microsoft-47
        assert!(refused.is_throttling() && refused.retry_after().is_some());
    }
}
