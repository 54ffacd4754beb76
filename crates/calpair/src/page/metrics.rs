//! Metrics in Prometheus's text format. Names of accounts and pairs are the configuration's own
//! words; nothing from a calendar stands here.

use std::fmt::{Display, Write as _};
use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use super::caller::{Caller, is_authorized};
use super::health::wanted;
use super::site::Site;
use crate::report::{At, Status};
use crate::tally::Counts;

const ACCOUNT_STATES: [&str; 5] = ["unconnected", "ok", "suspect", "reconnect-needed", "attention"];

const PAIR_STATES: [&str; 8] =
    ["new", "ok", "syncing", "retrying", "reconnect-needed", "halted", "paused", "misconfigured"];

/// The metrics.
pub(super) async fn show(
    State(site): State<Arc<Site>>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
) -> Response {
    if !caller.may_look() && !is_authorized(&site, &headers).await {
        return wanted();
    }
    match site.service.standings() {
        Ok(status) => {
            let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
            (kind, text(&status, &site.service.tally().counts())).into_response()
        }
        Err(reason) => (StatusCode::SERVICE_UNAVAILABLE, reason + "\n").into_response(),
    }
}

fn text(status: &Status, counts: &Counts) -> String {
    let mut page = Sheet::default();
    page.head("calpair_info", "gauge", "The version that runs.");
    page.line("calpair_info", &[("version", env!("CARGO_PKG_VERSION"))], 1);
    page.head("calpair_account_state", "gauge", "1 for the state that the account is in.");
    for account in &status.accounts {
        for state in ACCOUNT_STATES {
            let labels = [("account", &*account.name), ("state", state)];
            page.line("calpair_account_state", &labels, u8::from(account.state == state));
        }
    }
    page.head("calpair_pair_state", "gauge", "1 for the state that the pair is in.");
    for pair in &status.pairs {
        for state in PAIR_STATES {
            let labels = [("pair", &*pair.name), ("state", state)];
            page.line("calpair_pair_state", &labels, u8::from(pair.state == state));
        }
    }
    page.head("calpair_series", "gauge", "Series in the calendar, as far as calpair has seen.");
    for pair in &status.pairs {
        for (side, end) in [("left", &pair.left), ("right", &pair.right)] {
            let labels = [("pair", &*pair.name), ("side", side)];
            page.line("calpair_series", &labels, end.series);
        }
    }
    page.head("calpair_problems", "gauge", "Series that can't be synced.");
    page.head("calpair_conflicts", "gauge", "Conflicts that wait for a choice.");
    let stamp = |at: Option<At>| at.map_or(0, |at| at.0.as_second());
    for pair in &status.pairs {
        let labels = [("pair", &*pair.name)];
        page.line("calpair_problems", &labels, pair.problems.len());
        page.line("calpair_conflicts", &labels, pair.conflicts);
    }
    let name = "calpair_last_success_timestamp_seconds";
    page.head(name, "gauge", "When a cycle last ended well; 0 for never.");
    for pair in &status.pairs {
        page.line(name, &[("pair", &pair.name)], stamp(pair.last_success));
    }
    counted(&mut page, counts);
    page.0
}

fn counted(page: &mut Sheet, counts: &Counts) {
    page.head("calpair_cycles_total", "counter", "Cycles since the start, by how they ended.");
    for (pair, of) in &counts.pairs {
        for (outcome, number) in &of.cycles {
            let labels = [("pair", pair.as_str()), ("outcome", outcome)];
            page.line("calpair_cycles_total", &labels, number);
        }
    }
    page.head("calpair_requests_total", "counter", "Requests sent since the start.");
    for (pair, of) in &counts.pairs {
        for (side, number) in of.requests.iter() {
            let labels = [("pair", pair.as_str()), ("side", side.as_str())];
            page.line("calpair_requests_total", &labels, number);
        }
    }
    page.head("calpair_writes_total", "counter", "Writes made since the start.");
    for (pair, of) in &counts.pairs {
        for (side, written) in of.written.iter() {
            for (action, number) in ["create", "update", "delete"].iter().zip(written) {
                let labels = [("pair", pair.as_str()), ("side", side.as_str()), ("action", action)];
                page.line("calpair_writes_total", &labels, number);
            }
        }
    }
    let name = "calpair_cycle_duration_seconds_total";
    page.head(name, "counter", "How long all cycles since the start took.");
    for (pair, of) in &counts.pairs {
        page.line(name, &[("pair", pair.as_str())], of.duration.as_secs_f64());
    }
}

/// The text, as it grows.
#[derive(Default)]
struct Sheet(String);

impl Sheet {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        let text = &mut self.0;
        write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n")
            .expect("writing to a String does not fail");
    }

    fn line(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        let quoted =
            |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        let labels: Vec<String> =
            labels.iter().map(|(name, value)| format!("{name}=\"{}\"", quoted(value))).collect();
        writeln!(self.0, "{name}{{{}}} {value}", labels.join(","))
            .expect("writing to a String does not fail");
    }
}
