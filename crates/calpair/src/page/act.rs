//! What the buttons do: what the commands do, asked of the same service.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};

use super::posted::Posted;
use super::site::Site;
use super::{entry, look};
use crate::control::{Keep, Reply, Request};

/// A button of a pair.
pub(super) async fn on_pair(
    State(site): State<Arc<Site>>,
    Path((pair, what)): Path<(String, String)>,
    posted: Posted,
) -> Response {
    let caller = &posted.caller;
    if !caller.may_look() {
        return entry::stranger(&site, caller);
    }
    let service = &site.service;
    let reply = match what.as_str() {
        "sync" => {
            // Nobody waits for it: the page shows that it is going on, and what came of it.
            let service = Arc::clone(service);
            let pairs = vec![pair.clone()];
            tokio::spawn(
                async move { service.answer(Request::Sync { pairs, dry_run: false }).await },
            );
            Reply::message(crate::exit::Exit::Fine, format!("{pair} is being synced"))
        }
        "pause" => service.answer(Request::Pause { pair }).await,
        "resume" => service.answer(Request::Resume { pair }).await,
        "approve" => service.approve_shown(&pair, posted.field("plan")),
        _ => return look::sentence(StatusCode::NOT_FOUND, "There is no such button."),
    };
    said(&site, &posted, reply)
}

/// A choice in a conflict.
pub(super) async fn on_conflict(
    State(site): State<Arc<Site>>,
    Path(id): Path<String>,
    posted: Posted,
) -> Response {
    let caller = &posted.caller;
    if !caller.may_look() {
        return entry::stranger(&site, caller);
    }
    let keep = match posted.field("keep") {
        "left" => Keep::Left,
        "right" => Keep::Right,
        "both" => Keep::Both,
        _ => return look::sentence(StatusCode::BAD_REQUEST, "There is no such choice."),
    };
    let reply = site.service.answer(Request::Resolve { id, keep }).await;
    said(&site, &posted, reply)
}

/// Back to the overview, which says what came of it.
fn said(site: &Site, posted: &Posted, reply: Reply) -> Response {
    let words = reply.message.unwrap_or_default();
    site.put_note(&posted.caller.browser, words, reply.exit == 0);
    Redirect::to("/").into_response()
}
