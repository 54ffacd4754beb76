//! What was found: the calendars of the account, and for the owner the offer to pair one of them
//! with a calendar of another account: as text to paste, or written into the configuration.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::http::header::HeaderMap;
use axum::response::{IntoResponse as _, Redirect, Response};
use maud::{Markup, html};
use model::Sides;

use super::config_file::{self, Proposal};
use super::form::provider;
use super::{Bearer, Step, Visit, Words, words};
use crate::config::Provider;
use crate::page::caller::Caller;
use crate::page::look::{self, Frame};
use crate::page::posted::Posted;
use crate::page::site::Site;
use crate::report::Calendar;
use crate::text::counted;
use crate::{google, icloud, microsoft};

/// What stands between an account and a calendar in the value of an option; no account's name has
/// it.
const BETWEEN: char = '/';

/// The calendars that were found, and the offer.
pub(in crate::page) async fn done(
    State(site): State<Arc<Site>>,
    Extension(caller): Extension<Caller>,
    Path(account): Path<String>,
    Query(query): Words,
    headers: HeaderMap,
) -> Response {
    let word = |key: &str| query.get(key).map_or("", String::as_str);
    let visit = Visit::of(&site, caller, &headers, &account, Step::Seeing)
        .and_then(|visit| visit.back(word("return_to"), word("state")));
    match visit {
        Ok(visit) => found(&visit, StatusCode::OK, None).await,
        Err(response) => *response,
    }
}

/// Writes the proposal, into the page or into the configuration.
pub(in crate::page) async fn propose(
    State(site): State<Arc<Site>>,
    Path(account): Path<String>,
    headers: HeaderMap,
    posted: Posted,
) -> Response {
    let caller = posted.caller.clone();
    let visit = match Visit::of(&site, caller, &headers, &account, Step::Seeing) {
        Ok(visit) => visit,
        Err(response) => return *response,
    };
    if visit.bearer != Bearer::Owner {
        let words = "Whoever runs this calpair chooses the calendars.";
        return look::sentence(StatusCode::FORBIDDEN, words);
    }
    let end = |field: &str| {
        let (account, calendar) = posted.field(field).split_once(BETWEEN)?;
        Some((account.to_owned(), calendar.to_owned()))
    };
    let (Some(left), Some(right)) = (end("left"), end("right")) else {
        let wrong = Outcome::Wrong("Choose a calendar on both sides.".into());
        return found(&visit, StatusCode::UNPROCESSABLE_ENTITY, Some(wrong)).await;
    };
    let name = posted.field("name").trim().to_owned();
    let proposal = Proposal { name, ends: Sides::new(left, right) };
    if posted.field("do") == "show" {
        let outcome = Outcome::Shown(proposal.text());
        return found(&visit, StatusCode::OK, Some(outcome)).await;
    }
    match config_file::add(site.file(), &proposal) {
        Ok(()) => {
            let words = format!("{} stands in the configuration now, and begins", proposal.name);
            site.put_note(&visit.caller.browser, words, true);
            Redirect::to("/").into_response()
        }
        Err(reason) => {
            let outcome = Outcome::NotAdded(reason, proposal.text());
            found(&visit, StatusCode::UNPROCESSABLE_ENTITY, Some(outcome)).await
        }
    }
}

/// What came of an offer.
enum Outcome {
    Wrong(String),
    Shown(String),
    NotAdded(String, String),
}

async fn found(visit: &Visit, status: StatusCode, outcome: Option<Outcome>) -> Response {
    let name = visit.account.name.as_str();
    let own = visit.site.service.calendars_seen(&visit.account.name).await;
    let mut others = Vec::new();
    if visit.bearer == Bearer::Owner && own.as_ref().is_ok_and(|own| !own.is_empty()) {
        let accounts = visit.site.service.config();
        for other in accounts.accounts.keys().filter(|other| **other != visit.account.name) {
            if let Ok(calendars) = visit.site.service.calendars_seen(other).await {
                others.push((other.as_str().to_owned(), calendars));
            }
        }
    }
    let body = html! {
        section.connect {
            @match &own {
                Ok(own) if own.is_empty() => {
                    h1 { "Connected, but no calendar" }
                    div.card { (words::blocks(no_calendar(&visit.account.provider))) }
                }
                Ok(own) => {
                    h1 { (provider(&visit.account.provider)) " is connected" }
                    p.quiet { "Account " (look::text(name)) ": "
                        (counted(own.len() as u64, "calendar")) " found." }
                    ul.card.list { @for calendar in own { (row(calendar)) } }
                }
                Err(reason) => {
                    h1 { "Not connected" }
                    div.note.bad { (words::blocks(reason)) }
                }
            }
            @if let Some(back) = &visit.back {
                p { a.button.primary href=(back.address("connected")) {
                    "Back to " (look::text(back.place())) } }
            } @else if visit.bearer != Bearer::Owner {
                p { "That is all. You can close this page." }
            }
            @if let (Bearer::Owner, Ok(own)) = (&visit.bearer, &own) {
                @if !own.is_empty() { (offer(visit, own, &others, outcome.as_ref())) }
            }
        }
    };
    look::page(status, &Frame { title: "Connected", live: false, out: None }, &body)
}

fn row(calendar: &Calendar) -> Markup {
    let color = calendar.color.as_deref().filter(|color| {
        color.strip_prefix('#').is_some_and(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()))
    });
    html! {
        li.row {
            span {
                svg.dot viewBox="0 0 12 12" width="12" height="12" aria-hidden="true" {
                    circle cx="6" cy="6" r="5" fill=(color.unwrap_or("#8895a7")) {}
                }
                " " strong { (look::text(&calendar.name)) }
            }
            span.quiet {
                @if calendar.primary { "the default one" }
                @if calendar.primary && !calendar.writable { ", " }
                @if !calendar.writable { "read only" }
            }
        }
    }
}

fn offer(
    visit: &Visit,
    own: &[Calendar],
    others: &[(String, Vec<Calendar>)],
    outcome: Option<&Outcome>,
) -> Markup {
    let name = visit.account.name.as_str();
    html! {
        h2 #offer { "Pair a calendar" }
        @match outcome {
            Some(Outcome::Wrong(words)) => p.note.bad role="alert" { (words) },
            Some(Outcome::Shown(text)) => (paste(text)),
            Some(Outcome::NotAdded(reason, text)) => {
                div.note.bad role="alert" { (words::blocks(reason)) }
                (paste(text))
            }
            None => {}
        }
        @if others.iter().all(|(_, calendars)| calendars.is_empty()) {
            p.card.quiet { "As soon as another account is connected, its calendars are offered "
                "here to be paired with these." }
        } @else {
            form.card method="post" action=(visit.path("/pair")) {
                (look::token(&visit.site, &visit.caller))
                div { label for="left" { "This calendar" }
                    select #left name="left" { (options(name, own)) } }
                div { label for="right" { "is kept the same as" }
                    select #right name="right" {
                        @for (account, calendars) in others {
                            optgroup label=(account) { (options(account, calendars)) }
                        }
                    } }
                div { label for="name" { "Name of the pair" }
                    input #name type="text" name="name" required maxlength="64"
                        value=(suggestion(own)) autocomplete="off" spellcheck="false"; }
                div.buttons {
                    button.primary type="submit" name="do" value="add" {
                        "Add to calpair's configuration" }
                    button type="submit" name="do" value="show" { "Show what to write there" }
                }
            }
        }
        p { a href="/" { "To the overview" } }
    }
}

fn options(account: &str, calendars: &[Calendar]) -> Markup {
    html! {
        @for calendar in calendars {
            // A name that stands twice doesn't say which.
            @let alone = calendars.iter().filter(|other| other.name == calendar.name).count() == 1;
            @let named = if alone { &calendar.name } else { &calendar.id };
            option value={ (account) (BETWEEN) (named) } {
                (crate::terminal::escaped(&calendar.name))
                @if !calendar.writable { " (read only)" }
            }
        }
    }
}

fn suggestion(own: &[Calendar]) -> String {
    let first = own.first().map_or("", |calendar| calendar.name.as_str()).to_lowercase();
    let name: String = first.chars().filter(|c| c.is_alphanumeric()).take(32).collect();
    if name.is_empty() { "family".to_owned() } else { name }
}

fn paste(text: &str) -> Markup {
    html! {
        div.card {
            p { "These lines, at the end of calpair's configuration, make the pair:" }
            pre #proposal tabindex="0" { code { (crate::text::several(text)) } }
        }
    }
}

fn no_calendar(provider: &Provider) -> &'static str {
    match provider {
        Provider::ICloud(_) => icloud::NO_CALENDAR,
        Provider::Google(_) => google::NO_CALENDAR,
        Provider::Microsoft(_) => microsoft::NO_CALENDAR,
        Provider::CalDav(_) => "The account has no calendar yet.",
    }
}
