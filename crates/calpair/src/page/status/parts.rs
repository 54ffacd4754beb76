//! Pairs and accounts, each on a card.

use maud::{Markup, html};

use super::View;
use crate::page::look;
use crate::report::{AccountStatus, EndStatus, PairStatus};
use crate::service::Overview;

/// The pairs.
pub(super) fn pairs(view: View<'_>, overview: &Overview) -> Markup {
    html! {
        section aria-labelledby="pairs" {
            h2 #pairs { "Pairs" }
            @if overview.status.pairs.is_empty() {
                p.card.quiet {
                    "The configuration has no pair yet. Connect two accounts, then choose their "
                    "calendars."
                }
            }
            div.grid { @for pair in &overview.status.pairs { (card(view, pair)) } }
        }
    }
}

fn card(view: View<'_>, pair: &PairStatus) -> Markup {
    let paused = pair.state == "paused";
    let busy = pair.state == "syncing";
    // Nothing is asked before somebody has connected.
    let dead = pair.state == "reconnect-needed";
    html! {
        article.card {
            div.row { h3 { (look::text(&pair.name)) } (look::state(&pair.state)) }
            div.ends {
                (end("Left", &pair.left))
                span.both aria-hidden="true" { "⇄" }
                (end("Right", &pair.right))
            }
            @if let Some(reason) = pair.reason.as_ref().filter(|_| pair.state != "halted") {
                p { (look::text(reason)) }
            }
            dl.facts {
                dt { "Last success" }
                dd { @match pair.last_success { Some(at) => (look::time(at)), None => "none yet" } }
                @if let Some(at) = pair.next_run.filter(|_| !paused && !dead) {
                    dt { "Next run" } dd { (look::time(at)) }
                }
                @if let Some(at) = pair.since.filter(|_| pair.state != "syncing") {
                    dt { "So since" } dd { (look::time(at)) }
                }
            }
            div.buttons {
                @if !paused && !dead { (button(view, pair, "sync", "Sync now", busy)) }
                @if paused { (button(view, pair, "resume", "Resume", false)) }
                @else { (button(view, pair, "pause", "Pause", false)) }
            }
        }
    }
}

fn end(side: &str, end: &EndStatus) -> Markup {
    html! {
        div.end {
            span.quiet { (side) " · " (look::text(&end.account)) }
            strong { (look::text(&end.calendar)) }
            span.number { (end.series) span.quiet { " series" } }
        }
    }
}

fn button(view: View<'_>, pair: &PairStatus, what: &str, words: &str, disabled: bool) -> Markup {
    html! {
        form method="post" action={ "/pairs/" (look::segment(&pair.name)) "/" (what) } {
            (view.token())
            button id={ (what) "-" (pair.name) } type="submit" disabled[disabled] {
                (words) span.unseen { " " (pair.name) }
            }
        }
    }
}

/// The accounts.
pub(super) fn accounts(_view: View<'_>, overview: &Overview) -> Markup {
    html! {
        section aria-labelledby="accounts" {
            h2 #accounts { "Accounts" }
            ul.card.list {
                @for account in &overview.status.accounts { (account_row(account)) }
                @if overview.status.accounts.is_empty() { li.quiet { "There is none yet." } }
            }
        }
    }
}

fn account_row(account: &AccountStatus) -> Markup {
    let provider = match account.provider.as_str() {
        "icloud" => "iCloud",
        "google" => "Google",
        "microsoft" => "Microsoft",
        "caldav" => "CalDAV",
        other => other,
    };
    html! {
        li.account {
            div.who {
                strong { (look::text(&account.name)) }
                span.quiet { (provider) }
                // The others' stands above, with what mends it.
                @if let Some(reason) = account.reason.as_ref()
                    .filter(|_| matches!(&*account.state, "ok" | "suspect"))
                {
                    span.ahead { (look::text(reason)) }
                }
            }
            div.how {
                @if account.state == "ok" { (look::connected()) }
                @else { (look::state(&account.state)) }
                @if let Some(since) = account.since {
                    span.quiet { "since " (look::time(since)) }
                }
            }
            a.button.plain href={ "/connect/" (look::segment(&account.name)) } {
                @if account.state == "unconnected" { "Connect" } @else { "Reconnect" }
                span.unseen { " " (account.name) }
            }
        }
    }
}
