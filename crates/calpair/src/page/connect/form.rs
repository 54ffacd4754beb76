//! The card of an account: for iCloud and CalDAV the form, for Google and Microsoft the button that
//! leads to their own page. What was typed is looked at before it is sent anywhere.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_SECURITY_POLICY, HeaderMap, HeaderValue};
use axum::response::Response;
use maud::{Markup, html};
use secrecy::SecretString;

use super::{Step, Visit, words};
use crate::config::Provider;
use crate::exit::Exit;
use crate::icloud::{self, Shape};
use crate::page::door::POLICY;
use crate::page::look::{self, Frame};
use crate::page::posted::Posted;
use crate::page::site::Site;
use crate::{google, microsoft, secrets, signin};

/// What is wrong with what was typed.
pub(super) struct Wrong {
    pub(super) words: String,
    /// Whether it may be sent all the same.
    pub(super) may_force: bool,
}

impl Wrong {
    fn new(words: impl Into<String>) -> Self {
        Self { words: words.into(), may_force: false }
    }
}

/// Tries what was typed, while the person waits.
pub(in crate::page) async fn send(
    State(site): State<Arc<Site>>,
    Path(account): Path<String>,
    headers: HeaderMap,
    mut posted: Posted,
) -> Response {
    let caller = posted.caller.clone();
    let visit = Visit::of(&site, caller, &headers, &account, Step::Connecting)
        .and_then(|visit| visit.back(posted.field("return_to"), posted.field("state")));
    let visit = match visit {
        Ok(visit) => visit,
        Err(response) => return *response,
    };
    let secret = match typed(&visit, &mut posted) {
        Ok(secret) => secret,
        Err(wrong) => return card(&visit, StatusCode::UNPROCESSABLE_ENTITY, Some(&wrong)),
    };
    if !site.may_try("connect") {
        let wrong = Wrong::new("Too many tries. Wait five minutes, then try again.");
        return card(&visit, StatusCode::TOO_MANY_REQUESTS, Some(&wrong));
    }
    let claim = match visit.claim() {
        Ok(claim) => claim,
        Err(response) => return *response,
    };
    let reply = site.service.connect_on_page(visit.account.name.as_str(), secret, None).await;
    if reply.exit == Exit::Fine.code() {
        return visit.succeeded(claim);
    }
    let status = match Exit::of_code(reply.exit) {
        Some(Exit::TryAgain) => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    };
    card(&visit, status, Some(&Wrong::new(reply.message.unwrap_or_default())))
}

/// The password as it is to be sent.
fn typed(visit: &Visit, posted: &mut Posted) -> Result<SecretString, Wrong> {
    let typed = posted.take("password");
    let typed = secrets::from_stdin(typed.as_bytes());
    let typed = typed.map_err(|error| Wrong::new(format!("{error}.")))?;
    let force = posted.field("force") == "yes";
    match &visit.account.provider {
        Provider::ICloud(dav) => {
            let name = posted.field("username").trim();
            if !name.is_empty() && !name.eq_ignore_ascii_case(&dav.username) {
                return Err(Wrong::new(another_name(&visit.account.name, &dav.username)));
            }
            match icloud::shape(&typed) {
                Shape::AppSpecific(password) => Ok(password),
                Shape::Other if force => Ok(typed),
                Shape::Other => Err(Wrong { words: QUESTIONED.to_owned(), may_force: true }),
            }
        }
        Provider::CalDav(_) => Ok(typed),
        Provider::Google(_) | Provider::Microsoft(_) => {
            Err(Wrong::new("This account has no password: it is connected at its provider's page."))
        }
    }
}

/// The steps stand beside it.
const QUESTIONED: &str = "\
That looks like your Apple ID password; iCloud needs an app-specific one, which has 16 letters. \
Nothing was sent anywhere. The steps on this page lead to one.";

fn another_name(account: &model::AccountName, configured: &str) -> String {
    format!(
        "calpair is set up for {configured} here. An alias, or another address of the account, \
         doesn't work at iCloud: it must be the Apple ID itself. If {configured} is not that, \
         write the right one as `username` of [accounts.{account}] into calpair's configuration, \
         and try again."
    )
}

/// The card.
pub(super) fn card(visit: &Visit, status: StatusCode, wrong: Option<&Wrong>) -> Response {
    let name = visit.account.name.as_str();
    let standing = visit.site.service.standings().unwrap_or_default();
    let known = standing.accounts.into_iter().find(|account| account.name == name);
    let dead = known.as_ref().filter(|account| account.state == "reconnect-needed");
    let pairs = pairs(visit);
    let title = if dead.is_some() { "Reconnect" } else { "Connect" };
    let body = html! {
        section.connect {
            div.card.provider {
                (emblem(&visit.account.provider))
                div {
                    h1 { (title) " " (provider(&visit.account.provider)) }
                    p.quiet { "Account " (look::text(name))
                        @if !pairs.is_empty() { ", for " (look::text(&pairs.join(", "))) } }
                }
            }
            @if let Some(reason) = dead.and_then(|account| account.reason.as_ref()) {
                p.note.bad { (look::text(reason)) ". Nothing is lost: what changed meanwhile is "
                    "merged as soon as this is done." }
            }
            @match &visit.account.provider {
                Provider::ICloud(dav) => div.two {
                    (password_form(visit, &dav.username, ["Apple ID", "App-specific password"],
                        wrong))
                    (steps())
                },
                Provider::CalDav(dav) => div.two {
                    (password_form(visit, &dav.username, ["User name", "Password"], wrong))
                    aside.card { p.quiet { "The password is sent to "
                        code { (look::text(dav.url.origin())) } " and nowhere else." } }
                },
                Provider::Google(_) | Provider::Microsoft(_) => (sign_in(visit, wrong)),
            }
            @if let Some(back) = &visit.back {
                p { a href=(back.address("cancelled")) { "Back to " (look::text(back.place())) } }
            }
        }
    };
    let mut response = look::page(status, &Frame { title, live: false, out: None }, &body);
    if let Some(policy) = policy(visit) {
        response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// The forms of this page may lead on to the provider's consent page, and nowhere else.
fn policy(visit: &Visit) -> Option<HeaderValue> {
    let client = signin::client(&visit.account).ok()??;
    let chance = [0; 64];
    let page = client.consent("http://127.0.0.1/", &chance, None).url().origin();
    let wider = format!("form-action 'self' {}", page.ascii_serialization());
    HeaderValue::from_str(&POLICY.replace("form-action 'self'", &wider)).ok()
}

fn pairs(visit: &Visit) -> Vec<String> {
    let config = visit.site.service.config();
    let concerned = config
        .pairs
        .iter()
        .filter(|pair| pair.sides.iter().any(|(_, end)| end.account == visit.account.name));
    concerned.map(|pair| pair.name.as_str().to_owned()).collect()
}

fn password_form(
    visit: &Visit,
    username: &str,
    [who, what]: [&str; 2],
    wrong: Option<&Wrong>,
) -> Markup {
    html! {
        form.card method="post" action=(visit.path("")) {
            (hidden(visit))
            @if let Some(wrong) = wrong {
                div #wrong.note.bad role="alert" { (words::blocks(&wrong.words)) }
            }
            div {
                label for="username" { (who) }
                input #username type="text" name="username" value=(username) spellcheck="false"
                    autocapitalize="none" autocomplete="username" readonly[who != "Apple ID"];
            }
            div {
                label for="password" { (what) }
                input #password type="password" name="password" required autofocus
                    autocomplete="off" autocapitalize="none" spellcheck="false"
                    aria-describedby={ "hint" @if wrong.is_some() { " wrong" } };
                p #hint.quiet.small {
                    @if who == "Apple ID" { "16 letters, with or without the dashes." }
                    @else { "It is sealed on this machine." }
                }
            }
            @if wrong.is_some_and(|wrong| wrong.may_force) {
                label.check { input type="checkbox" name="force" value="yes";
                    " Send what I typed all the same" }
            }
            button.primary type="submit" { "Check and connect" }
            p.quiet.small { "It is checked at once, and kept only if it is right." }
        }
    }
}

fn hidden(visit: &Visit) -> Markup {
    html! {
        (look::token(&visit.site, &visit.caller))
        @if let Some(back) = &visit.back {
            input type="hidden" name="return_to" value=(back.to.as_str());
            input type="hidden" name="state" value=(back.state);
        }
    }
}

/// Apple's way to an app-specific password.
fn steps() -> Markup {
    html! {
        aside.card aria-labelledby="steps" {
            h2 #steps { "How to get one" }
            ol {
                li { "Two-factor authentication must be on for your Apple ID." }
                li { "Open " a href="https://account.apple.com" target="_blank"
                    rel="noopener noreferrer" { "account.apple.com" }
                    " and choose " strong { "Sign-In and Security" } ", then "
                    strong { "App-Specific Passwords" } "." }
                li { "Make one and name it, for example " code { "calpair" } "." }
                li { "Copy it: Apple shows it only once. Paste it here." }
            }
            p.quiet.small { "It is not the password of your Apple ID, and can be taken back there "
                "at any time. Changing the Apple ID's password takes all of them back." }
        }
    }
}

fn sign_in(visit: &Visit, wrong: Option<&Wrong>) -> Markup {
    let provider = provider(&visit.account.provider);
    let before = match &visit.account.provider {
        Provider::Google(_) => google::BEFORE,
        Provider::Microsoft(_) => microsoft::BEFORE,
        Provider::ICloud(_) | Provider::CalDav(_) => "",
    };
    html! {
        form.card method="post" action=(visit.path("/sign-in")) {
            (hidden(visit))
            @if let Some(wrong) = wrong {
                div #wrong.note.bad role="alert" { (words::blocks(&wrong.words)) }
            }
            p { "You sign in at " (provider) " itself; calpair sees no password. It asks for the "
                "right to read and change events, and for nothing else." }
            @if !before.is_empty() { div.quiet { (words::blocks(before)) } }
            button.primary type="submit" autofocus { "Continue to " (provider) }
        }
    }
}

/// Whose account it is, for people.
pub(super) const fn provider(provider: &Provider) -> &'static str {
    match provider {
        Provider::ICloud(_) => "iCloud",
        Provider::CalDav(_) => "CalDAV",
        Provider::Google(_) => "Google",
        Provider::Microsoft(_) => "Microsoft",
    }
}

/// A sign of our own for each provider; theirs are theirs.
fn emblem(provider: &Provider) -> Markup {
    let letter = match provider {
        Provider::ICloud(_) => "i",
        Provider::CalDav(_) => "C",
        Provider::Google(_) => "G",
        Provider::Microsoft(_) => "M",
    };
    html! {
        svg.emblem viewBox="0 0 48 48" width="48" height="48" aria-hidden="true" {
            rect.leaf-a x="4" y="6" width="40" height="38" rx="9" {}
            rect.band x="4" y="6" width="40" height="11" rx="5" {}
            text x="24" y="37" text-anchor="middle" { (letter) }
        }
    }
}
