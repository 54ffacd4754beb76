//! The connect flow: a card for the provider, the form or the provider's own page, a check while
//! the person waits, and what was found. It is for whoever may see the page, and for whoever holds
//! a one-time link to one account, who sees nothing else.
//!
//! A link's token is taken out of the address at once, into a cookie. An application that sends
//! people here gets them back only at an address that the configuration allows.

mod back;
mod config_file;
mod consent;
mod form;
mod offer;
mod words;

use std::collections::HashMap;
use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, Query, State};
use axum::http::header::{self, HeaderMap};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse as _, Redirect, Response};
use model::AccountName;

use self::back::Back;
pub(super) use self::consent::{Flow, answered, begin};
pub(super) use self::form::send;
pub(super) use self::offer::{done, propose};
use super::caller::{Caller, cookie, kept};
use super::site::Site;
use super::{entry, look};
use crate::config::Account;
use crate::service::{Claim, Worth};

/// The cookie that a link becomes.
const COOKIE: &str = "calpair-link";

/// What stands behind the `?` of an address.
type Words = Query<HashMap<String, String>>;

/// What is shown to whoever is turned away.
type Turned = Box<Response>;

/// Who connects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Bearer {
    /// Who may see the whole page.
    Owner,
    /// Who was given a link.
    Guest,
}

/// One visit of the connect page.
pub(super) struct Visit {
    site: Arc<Site>,
    caller: Caller,
    account: Account,
    bearer: Bearer,
    /// The token of a link that leads here and is still good, whoever came by it.
    link: Option<String>,
    back: Option<Back>,
}

/// How far the link of a visitor must reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Connecting,
    Seeing,
}

impl Visit {
    /// The visit, if this caller may make it; else what is to be said. Whether there is such an
    /// account is told only to who may know.
    fn of(
        site: &Arc<Site>,
        caller: Caller,
        headers: &HeaderMap,
        account: &str,
        step: Step,
    ) -> Result<Self, Turned> {
        let name = AccountName::new(account);
        let token = cookie(headers, COOKIE);
        let worth = token.as_ref().map_or(Worth::Nothing, |token| {
            site.service.links().worth(token, &name, site.service.now())
        });
        let bearer = match (caller.may_look(), worth, step) {
            (true, _, _) => Bearer::Owner,
            (false, Worth::Good, _) | (false, Worth::JustUsed, Step::Seeing) => Bearer::Guest,
            // Who was typing, or at the provider's page, is told why it went no further.
            (false, _, _) if token.is_some() && caller.place.is_none() => {
                return Err(void().into());
            }
            (false, _, _) => return Err(outside(site, &caller, token.as_deref()).into()),
        };
        let account = site.service.config().accounts.get(&name).cloned();
        let missing = || look::sentence(StatusCode::NOT_FOUND, "There is no such account.");
        let account = account.ok_or_else(|| Turned::from(missing()))?;
        let link = token.filter(|_| worth == Worth::Good);
        Ok(Self { site: Arc::clone(site), caller, account, bearer, link, back: None })
    }

    /// The same visit, which somebody is sent back from. Elsewhere than the configuration allows
    /// nobody is sent.
    fn back(mut self, return_to: &str, state: &str) -> Result<Self, Turned> {
        self.back = Back::of(&self.site.service.config().daemon.return_to, return_to, state)
            .map_err(|words| Turned::from(look::sentence(StatusCode::BAD_REQUEST, words)))?;
        Ok(self)
    }

    /// The address of this account's part of the page, with what has to be carried along.
    fn path(&self, more: &str) -> String {
        let path = format!("/connect/{}{more}", look::segment(self.account.name.as_str()));
        match &self.back {
            Some(back) => format!("{path}?{}", back.query()),
            None => path,
        }
    }

    /// Takes the link for as long as the account is being connected with it.
    fn claim(&self) -> Result<Option<Claim<'_>>, Turned> {
        let Some(token) = &self.link else { return Ok(None) };
        let claim = self.site.service.links().claim(token, self.site.service.now());
        match (claim, &self.bearer) {
            (Some(claim), _) => Ok(Some(claim)),
            // Who needs none goes on without.
            (None, Bearer::Owner) => Ok(None),
            (None, Bearer::Guest) => Err(void().into()),
        }
    }

    /// The account is connected now: a link was used, mistakes are forgiven.
    fn succeeded(&self, claim: Option<Claim<'_>>) -> Response {
        if let Some(claim) = claim {
            claim.used(self.site.service.now());
        }
        self.site.tried_well("connect");
        Redirect::to(&self.path("/done")).into_response()
    }
}

/// The card of an account.
pub(super) async fn show(
    State(site): State<Arc<Site>>,
    Extension(caller): Extension<Caller>,
    Path(account): Path<String>,
    Query(query): Words,
    address: Uri,
    headers: HeaderMap,
) -> Response {
    let word = |key: &str| query.get(key).map_or("", String::as_str);
    if let Some(token) = query.get("link") {
        return by_link(&site, &caller, &account, token, &query, &address);
    }
    let visit = Visit::of(&site, caller, &headers, &account, Step::Connecting)
        .and_then(|visit| visit.back(word("return_to"), word("state")));
    match visit {
        Ok(visit) => match consent::by_name(&visit.caller, &visit.account) {
            Some(origin) => Redirect::to(&format!("{origin}{address}")).into_response(),
            None => form::card(&visit, StatusCode::OK, None),
        },
        Err(response) => *response,
    }
}

/// What is shown to whoever may not come in, the same whatever account was named. A link that is
/// good for nothing any more is none, and is forgotten.
fn outside(site: &Site, caller: &Caller, token: Option<&str>) -> Response {
    let mut response = entry::stranger(site, caller);
    let is_stale = |token: &str| !site.service.links().is_of_use(token, site.service.now());
    if token.is_some_and(is_stale)
        && let Some(gone) = kept(COOKIE, "", &format!("; Max-Age=0{}", caller.secure(site)))
    {
        response.headers_mut().append(header::SET_COOKIE, gone);
    }
    response
}

/// Takes the token out of the address, where histories and proxies would keep it. The link is as
/// good as before: programs that look at links ahead of people use none up.
fn by_link(
    site: &Site,
    caller: &Caller,
    account: &str,
    token: &str,
    query: &HashMap<String, String>,
    address: &Uri,
) -> Response {
    let name = AccountName::new(account);
    if site.service.links().worth(token, &name, site.service.now()) != Worth::Good {
        return void();
    }
    let config = site.service.config();
    let known = config.accounts.get(&name);
    if let Some(origin) = known.and_then(|account| consent::by_name(caller, account)) {
        return Redirect::to(&format!("{origin}{address}")).into_response();
    }
    let path = format!("/connect/{}", look::segment(account));
    let carried: Vec<String> = ["return_to", "state"]
        .iter()
        .filter_map(|key| Some(format!("{key}={}", look::segment(query.get(*key)?))))
        .collect();
    let to = if carried.is_empty() { path } else { format!("{path}?{}", carried.join("&")) };
    let set = kept(COOKIE, token, caller.secure(site)).map(|value| [(header::SET_COOKIE, value)]);
    (set, Redirect::to(&to)).into_response()
}

fn void() -> Response {
    let words = "This link was used already, or is too old. Whoever sent it to you can make \
                 another one: calpair connect ACCOUNT --link";
    look::sentence(StatusCode::GONE, words)
}
