//! Entering with the page's password, and leaving.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header;
use axum::response::{IntoResponse as _, Redirect, Response};
use maud::html;
use secrecy::SecretString;

use super::caller::{Caller, Place, Standing};
use super::look::{self, Frame};
use super::posted::Posted;
use super::site::Site;
use crate::secrets::Lock;

/// The form.
pub(super) async fn show(
    State(site): State<Arc<Site>>,
    Extension(caller): Extension<Caller>,
) -> Response {
    match caller.standing {
        Standing::Local | Standing::Entered => Redirect::to("/").into_response(),
        Standing::Stranger => form(&site, &caller, StatusCode::OK, &Form::default()),
    }
}

/// Whoever isn't in is shown the form in place of the page, and comes from there to where an
/// application has sent them.
pub(super) fn stranger(site: &Site, caller: &Caller) -> Response {
    let asked = Form { to: caller.place.clone(), wrong: None };
    form(site, caller, StatusCode::UNAUTHORIZED, &asked)
}

/// What the form is shown with.
#[derive(Default)]
struct Form {
    /// Where somebody goes who is in.
    to: Option<Place>,
    wrong: Option<&'static str>,
}

/// Lets somebody in who has the password, under another name than before.
pub(super) async fn enter(State(site): State<Arc<Site>>, mut posted: Posted) -> Response {
    let typed = SecretString::from(posted.take("password"));
    let caller = &posted.caller;
    let to = Place::read(posted.field("to"));
    let onward = || Redirect::to(to.as_ref().map_or("/", Place::as_str));
    let again =
        |status, words| form(&site, caller, status, &Form { to: to.clone(), wrong: Some(words) });
    let Some(password) = site.password() else { return onward().into_response() };
    if !site.may_try("password") {
        let words = "Too many tries. Wait five minutes, then try again.";
        return again(StatusCode::TOO_MANY_REQUESTS, words);
    }
    let checked = password.clone();
    let right = tokio::task::spawn_blocking(move || checked.is(&typed)).await.unwrap_or(false);
    if !right {
        return again(StatusCode::FORBIDDEN, "That is not the page's password.");
    }
    site.tried_well("password");
    let browser = site.new_browser();
    site.enter(&browser, password);
    let cookie = caller.named(&site, &browser).map(|cookie| [(header::SET_COOKIE, cookie)]);
    (cookie, onward()).into_response()
}

/// Lets somebody go.
pub(super) async fn leave(State(site): State<Arc<Site>>, posted: Posted) -> Response {
    site.leave(&posted.caller.browser);
    Redirect::to("/sign-in").into_response()
}

fn form(site: &Site, caller: &Caller, status: StatusCode, Form { to, wrong }: &Form) -> Response {
    let body = html! {
        section.card.narrow {
            h1 { "Sign in" }
            @if site.lock() == Lock::Broken {
                p {
                    "The password of this page can't be used: its file, " code { "page-password" }
                    " in the state directory, can be read by others than its owner, or is damaged. "
                    "Set a new one with " code { "calpair page-password" } "."
                }
            } @else if site.lock() == Lock::Open {
                p {
                    "This page can be reached from other machines, and has no password yet. "
                    "Set one with " code { "calpair page-password" } "."
                }
            } @else {
                p.quiet {
                    "With the password of this page. " code { "calpair page-password" } " sets it."
                }
                form method="post" action="/sign-in" {
                    (look::token(site, caller))
                    @if let Some(to) = to { input type="hidden" name="to" value=(to.as_str()); }
                    label for="password" { "Password" }
                    input #password type="password" name="password" required autofocus
                        autocomplete="current-password" aria-describedby=[wrong.map(|_| "wrong")];
                    @if let Some(wrong) = wrong {
                        p #wrong.wrong role="alert" { (wrong) }
                    }
                    button.primary type="submit" { "Sign in" }
                }
            }
        }
    };
    look::page(status, &Frame { title: "Sign in", live: false, out: None }, &body)
}
