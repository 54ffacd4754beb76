//! `GET /me`: whose account it is.

use provider::{Error, ErrorKind, Result};
use serde_json::Value;

use super::{Answer, Ask, json, place, refusal};
use crate::sdk::Graph;

pub(crate) fn prepare(graph: &Graph) -> Ask {
    graph.me(&[("$select", "id,mail,userPrincipalName")])
}

/// Whose account it is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    /// Stays when the address changes.
    pub(crate) id: String,
    /// What its owner knows it by: the mail address, else the name that they sign in with.
    pub(crate) address: Option<String>,
}

pub(crate) fn parse(answer: &Answer) -> Result<Owner> {
    if !answer.status().is_success() {
        return Err(refusal(answer).of_reading());
    }
    let body = json(answer, "who it is")?;
    let text = |name| {
        let text = body.get(name).and_then(Value::as_str).map(str::trim);
        text.filter(|text| !text.is_empty()).map(str::to_owned)
    };
    let Some(id) = text("id") else {
        let sentence = format!("{} did not say whose account it is", place(answer));
        return Err(Error::new(ErrorKind::Malformed, sentence));
    };
    Ok(Owner { id, address: text("mail").or_else(|| text("userPrincipalName")) })
}

#[cfg(test)]
mod tests {
    use super::super::wire::{answer, graph, shown};
    use super::*;

    #[test]
    fn it_is_the_id_that_stays() {
        assert_eq!(shown(&prepare(&graph())), "GET /me?$select=id,mail,userPrincipalName");
        for (body, want) in [
            (r#"{"id":"48d3","userPrincipalName":"a@outlook.com"}"#, Some("a@outlook.com")),
            (r#"{"id":"48d3","mail":null,"userPrincipalName":"a@x.test"}"#, Some("a@x.test")),
            (r#"{"id":"48d3","mail":"a@b.test","userPrincipalName":"a@x.test"}"#, Some("a@b.test")),
            (r#"{"id":"48d3"}"#, None),
        ] {
            let owner = parse(&answer(200, body)).unwrap();
            assert_eq!((owner.id.as_str(), owner.address.as_deref()), ("48d3", want));
        }
        assert!(parse(&answer(200, "{}")).is_err());
        assert_eq!(parse(&answer(401, "")).unwrap_err().kind(), ErrorKind::Unauthorized);
    }
}
