//! Signing in at the provider's own page: the way there, and the way back. The answer comes as a
//! GET from elsewhere, the only one here that does something: it is taken once, within minutes,
//! from the browser that was sent there, and with the state that it was sent with.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::header::HeaderMap;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse as _, Redirect, Response};
use model::Timestamp;
use transport::SecretString;
use transport::oauth::{Client, Consent, ConsentError, Redirect as By};

use super::back::Back;
use super::form::{Wrong, card};
use super::{Step, Visit};
use crate::config::{Account, Provider};
use crate::control::Request;
use crate::exit::Exit;
use crate::page::caller::Caller;
use crate::page::look;
use crate::page::posted::Posted;
use crate::page::site::Site;
use crate::report::Accounts;
use crate::{google, microsoft, signin};

/// How long a person may take at the provider's page.
const PATIENCE: Duration = Duration::from_secs(10 * 60);

/// A sign-in that is under way in one browser.
#[derive(Clone)]
pub(in crate::page) struct Flow {
    account: String,
    client: Arc<Client>,
    consent: Arc<Consent>,
    back: Option<Back>,
    pub(in crate::page) until: Timestamp,
}

/// Sends somebody to the provider's page.
pub(in crate::page) async fn begin(
    State(site): State<Arc<Site>>,
    Path(account): Path<String>,
    headers: HeaderMap,
    posted: Posted,
) -> Response {
    let caller = posted.caller.clone();
    let visit = Visit::of(&site, caller, &headers, &account, Step::Connecting)
        .and_then(|visit| visit.back(posted.field("return_to"), posted.field("state")));
    let visit = match visit {
        Ok(visit) => visit,
        Err(response) => return *response,
    };
    let client = match signin::client(&visit.account) {
        Ok(Some(client)) => client,
        Ok(None) => {
            let words = "This account has a password; it has no sign-in.";
            return look::sentence(StatusCode::BAD_REQUEST, words);
        }
        Err(reason) => return wrong(&visit, StatusCode::UNPROCESSABLE_ENTITY, reason),
    };
    if !site.may_try("connect") {
        let words = "Too many tries. Wait five minutes, then try again.";
        return wrong(&visit, StatusCode::TOO_MANY_REQUESTS, words.into());
    }
    let hint = identity(&site, &account).await;
    let redirect = redirect(&visit, &client);
    let consent = client.consent(&redirect, &site.service.chance(), hint.as_deref());
    let to = consent.url().as_str().to_owned();
    let (consent, back) = (Arc::new(consent), visit.back.clone());
    let until = site.service.now() + PATIENCE;
    site.put_flow(&visit.caller.browser, Flow { account, client, consent, back, until });
    Redirect::to(&to).into_response()
}

/// Where the provider sends people back to: the page by the name that it was opened by, as clients
/// for people's own machines are registered there (RFC 8252 section 7.3).
fn redirect(visit: &Visit, client: &Client) -> String {
    let host = &visit.caller.host;
    match visit.site.public_url() {
        Some(url) if url.origin().ends_with(&format!("://{host}")) => {
            format!("{}/callback", url.origin())
        }
        _ => match client.redirect() {
            By::Address => format!("http://{host}/"),
            By::Name => format!("http://{host}"),
        },
    }
}

/// Where this page has to be opened instead, because the provider sends people back to the name
/// `localhost` only, where this browser would not be known again.
pub(super) fn by_name(caller: &Caller, account: &Account) -> Option<String> {
    let client = signin::client(account).ok()??;
    let address = caller.host.parse::<SocketAddr>().ok().filter(|at| at.ip().is_loopback())?;
    match client.redirect() {
        By::Address => None,
        By::Name => Some(format!("http://localhost:{}", address.port())),
    }
}

/// Who was connected before, so that the provider's page offers that account first.
async fn identity(site: &Site, name: &str) -> Option<String> {
    let reply = site.service.answer(Request::Accounts).await;
    let accounts: Accounts = serde_json::from_value(reply.report).ok()?;
    let account = accounts.accounts.into_iter().find(|account| account.name == name)?;
    account.identity.filter(|identity| identity.contains('@'))
}

/// Takes the answer.
pub(in crate::page) async fn answered(
    State(site): State<Arc<Site>>,
    Extension(caller): Extension<Caller>,
    address: Uri,
    headers: HeaderMap,
) -> Response {
    let Some(flow) = site.flow(&caller.browser) else {
        let words = "No sign-in waits for an answer in this browser. It may be older than ten \
                     minutes; begin again.";
        return look::sentence(StatusCode::BAD_REQUEST, words);
    };
    let answer = address.path_and_query().map_or("", |answer| answer.as_str());
    let code = flow.consent.code(answer);
    if matches!(code, Err(ConsentError::WrongState | ConsentError::NoAnswer)) {
        // The right one is still waited for.
        let words = "This answers another sign-in than the one that was begun in this browser. \
                     Nothing was done.";
        return look::sentence(StatusCode::BAD_REQUEST, words);
    }
    site.end_flow(&caller.browser);
    let mut visit = match Visit::of(&site, caller, &headers, &flow.account, Step::Connecting) {
        Ok(visit) => visit,
        Err(response) => return *response,
    };
    visit.back = flow.back.clone();
    let claim = match visit.claim() {
        Ok(claim) => claim,
        Err(response) => return *response,
    };
    match finish(&visit, &flow, code).await {
        Ok(()) => visit.succeeded(claim),
        Err(words) => wrong(&visit, StatusCode::UNPROCESSABLE_ENTITY, words),
    }
}

async fn finish(
    visit: &Visit,
    flow: &Flow,
    code: Result<SecretString, ConsentError>,
) -> Result<(), String> {
    let code = code.map_err(|error| match (&error, &visit.account.provider) {
        (ConsentError::Declined, Provider::Google(_)) => google::DECLINED.to_owned(),
        (ConsentError::Declined, Provider::Microsoft(_)) => microsoft::DECLINED.to_owned(),
        _ => error.to_string(),
    })?;
    let grant = flow.client.exchange(&code, &flow.consent).await;
    let grant = grant.map_err(|error| error.to_string())?;
    let refresh = grant.refresh.ok_or_else(|| String::from("there is no refresh token"))?;
    let account = visit.account.name.as_str();
    let reply = visit.site.service.connect_on_page(account, refresh, grant.lasts).await;
    if reply.exit == Exit::Fine.code() {
        return Ok(());
    }
    Err(reply.message.unwrap_or_default())
}

fn wrong(visit: &Visit, status: StatusCode, words: String) -> Response {
    card(visit, status, Some(&Wrong { words, may_force: false }))
}
