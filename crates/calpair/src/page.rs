//! The page at `listen`: how accounts and pairs stand, live; the connect flow; health and metrics.
//!
//! It decides nothing about calendars: everything that is shown and done is the [`Service`]'s. What
//! is decided here is who may see and do it. `door` lets in only requests that were meant for this
//! page; `caller` knows who asks; `posted` is the only way to read a form, and checks that it came
//! from a page of ours. Nothing changes on a GET, and nothing is loaded from anywhere else.

mod act;
mod caller;
mod chart;
mod connect;
mod door;
mod entry;
mod front;
mod health;
mod look;
mod metrics;
mod posted;
mod site;
mod status;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use axum::routing::{get, post};

pub(crate) use self::front::keep;
pub(crate) use self::site::Site;

/// The longest form: a password, names, a token.
const LONGEST_FORM: usize = 16 << 10;

/// Every address of the page.
fn router(site: &Arc<Site>) -> Router {
    Router::new()
        .route("/", get(status::root))
        .route("/sign-in", get(entry::show).post(entry::enter))
        .route("/sign-out", post(entry::leave))
        .route("/pairs/{pair}/{what}", post(act::on_pair))
        .route("/conflicts/{id}", post(act::on_conflict))
        .route("/connect/{account}", get(connect::show).post(connect::send))
        .route("/connect/{account}/sign-in", post(connect::begin))
        .route("/connect/{account}/done", get(connect::done))
        .route("/connect/{account}/pair", post(connect::propose))
        .route("/callback", get(connect::answered))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(metrics::show))
        .route("/api/status", get(health::status))
        .route("/look/style.css", get(look::style))
        .route("/look/live.js", get(look::live))
        .route("/look/icon.svg", get(look::icon))
        .fallback(look::nothing)
        .layer(DefaultBodyLimit::max(LONGEST_FORM))
        .layer(middleware::from_fn_with_state(Arc::clone(site), door::guard))
        .with_state(Arc::clone(site))
}

#[cfg(test)]
mod tests;
