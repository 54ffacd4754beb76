//! For monitors: does the process live, is every pair served, and the status as a document.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use super::caller::{Caller, is_authorized};
use super::site::Site;
use crate::report::{Document, PairStatus};
use crate::text::counted;

/// The process lives.
pub(super) async fn alive() -> &'static str {
    "alive\n"
}

/// Every pair is served; if not, which and why, for those who may look.
pub(super) async fn ready(
    State(site): State<Arc<Site>>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
) -> Response {
    let status = match site.service.standings() {
        Ok(status) => status,
        Err(_) => return plain(StatusCode::SERVICE_UNAVAILABLE, "the state can't be read\n"),
    };
    let unserved: Vec<&PairStatus> =
        status.pairs.iter().filter(|pair| !matches!(&*pair.state, "ok" | "syncing")).collect();
    if unserved.is_empty() {
        return plain(StatusCode::OK, "ready\n");
    }
    let text = if caller.may_look() || is_authorized(&site, &headers).await {
        unserved.iter().map(|pair| why(pair)).collect::<String>()
    } else {
        let (some, all) = (unserved.len(), counted(status.pairs.len() as u64, "pair"));
        format!("{some} of {all} not served\n")
    };
    plain(StatusCode::SERVICE_UNAVAILABLE, &text)
}

fn why(pair: &PairStatus) -> String {
    let reason = pair.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    let action = pair.action.as_ref().map(|action| format!(" ({action})")).unwrap_or_default();
    format!("{}: {}{reason}{action}\n", pair.name, pair.state)
}

fn plain(status: StatusCode, text: &str) -> Response {
    (status, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text.to_owned()).into_response()
}

/// `status --json`.
pub(super) async fn status(
    State(site): State<Arc<Site>>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
) -> Response {
    if !caller.may_look() && !is_authorized(&site, &headers).await {
        return wanted();
    }
    match site.service.standings() {
        Ok(status) => {
            let kind = [(header::CONTENT_TYPE, "application/json")];
            (kind, Document::new(status).text() + "\n").into_response()
        }
        Err(reason) => plain(StatusCode::SERVICE_UNAVAILABLE, &(reason + "\n")),
    }
}

/// Asks a program for the password.
pub(super) fn wanted() -> Response {
    let ask = [(header::WWW_AUTHENTICATE, "Basic realm=\"calpair\", charset=\"UTF-8\"")];
    (StatusCode::UNAUTHORIZED, ask, "the page's password is wanted\n").into_response()
}
