//! Answers as Graph gives them.

use serde_json::Value;

use crate::rest::Reply;

/// What answers with JSON say of themselves.
const JSON: &str = "application/json;odata.metadata=minimal;odata.streaming=true;\
                    IEEE754Compatible=false;charset=utf-8";

pub(super) fn json(status: u16, body: &Value) -> Reply {
    Reply::text(status, JSON, body.to_string())
}

// quirk: microsoft-49
pub(super) fn html(status: u16) -> Reply {
    let page = format!(
        "<!DOCTYPE html><html><head><title>{status} - Service unavailable</title></head>\
         <body><h2>Our services aren't available right now</h2></body></html>"
    );
    Reply::text(status, "text/html", page)
}
