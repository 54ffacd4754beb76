//! Answers as Google gives them.

use serde_json::Value;

use super::failure::Failure;
use crate::rest::Reply;

pub(super) fn json(status: u16, body: &Value) -> Reply {
    Reply::text(status, "application/json; charset=UTF-8", body.to_string())
}

// quirk: google-51
pub(super) fn html(status: u16) -> Reply {
    let page = format!(
        "<!DOCTYPE html><html lang=en><meta charset=utf-8><title>Error {status}</title>\
         <p><b>{status}.</b> <ins>That's an error.</ins></html>"
    );
    Reply::text(status, "text/html; charset=UTF-8", page)
}

impl From<Failure> for Reply {
    fn from(failure: Failure) -> Self {
        json(failure.status, &failure.body())
    }
}
