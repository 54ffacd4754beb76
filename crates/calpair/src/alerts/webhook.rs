//! The address of `[alerts] webhook`: one JSON object as a POST, over the same client as everything
//! else, so that it goes to no other host and never in the clear beyond this machine. The path may
//! be a secret; no sentence has it.

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http::header::CONTENT_TYPE;
use transport::{Account, Credential, Options, Url};

use crate::config::Endpoint;

/// Posts it once. The error is a sentence.
pub(super) async fn post(
    webhook: Option<&Endpoint>,
    body: &Bytes,
    limit: Duration,
) -> Result<(), String> {
    let Some(webhook) = webhook else { return Ok(()) };
    let unreadable = || format!("{} is not an address", webhook.origin());
    let url = Url::parse(webhook.as_str()).map_err(|_| unreadable())?;
    let mut options = Options::new(url, Credential::None);
    options.deadline = limit;
    let account = Account::new(options).map_err(|error| error.to_string())?;
    let request = Request::post(webhook.as_str())
        .header(CONTENT_TYPE, "application/json")
        .body(body.clone())
        .map_err(|_| unreadable())?;
    let answer = account.send(request).await.map_err(|error| error.to_string())?;
    let status = answer.status();
    if status.is_success() {
        return Ok(());
    }
    Err(format!("{} answered {}", webhook.origin(), status.as_u16()))
}
