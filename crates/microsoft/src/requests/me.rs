//! `GET /me`: whose account it is.

use provider::{Error, ErrorKind, Result};
use serde_json::Value;

use super::{Answer, Ask, json, place, refusal};
use crate::sdk::Graph;

pub(crate) fn prepare(graph: &Graph) -> Ask {
    graph.me(&[("$select", "id,userPrincipalName")])
}

/// The id of the account: it stays when the address changes.
pub(crate) fn parse(answer: &Answer) -> Result<String> {
    if !answer.status().is_success() {
        return Err(refusal(answer).of_reading());
    }
    let body = json(answer, "who it is")?;
    let id = body.get("id").and_then(Value::as_str).filter(|id| !id.is_empty());
    id.map(str::to_owned).ok_or_else(|| {
        let sentence = format!("{} did not say whose account it is", place(answer));
        Error::new(ErrorKind::Malformed, sentence)
    })
}

#[cfg(test)]
mod tests {
    use super::super::wire::{answer, graph, shown};
    use super::*;

    #[test]
    fn it_is_the_id_that_stays() {
        assert_eq!(shown(&prepare(&graph())), "GET /me?$select=id,userPrincipalName");
        let body = r#"{"id":"48d3","userPrincipalName":"a@outlook.com"}"#;
        assert_eq!(parse(&answer(200, body)).unwrap(), "48d3");
        assert!(parse(&answer(200, "{}")).is_err());
        assert_eq!(parse(&answer(401, "")).unwrap_err().kind(), ErrorKind::Unauthorized);
    }
}
