//! Signing in at a provider that has its own page for it: which endpoints an account's
//! configuration means, and with which client they are asked.

pub(crate) mod browser;
pub(crate) mod device;
mod page;

use std::sync::Arc;

use transport::oauth::{Client, ClientOptions, Redirect};
use transport::{Url, Wire};

use crate::config::{Account, Endpoint, Google, Microsoft, Provider};
use crate::{google, microsoft, secrets};

/// The way to the account's token endpoints; `None` for one with a password. The error is a
/// sentence.
pub(crate) fn client(account: &Account) -> Result<Option<Arc<Client>>, String> {
    match &account.provider {
        Provider::ICloud(_) | Provider::CalDav(_) => Ok(None),
        Provider::Google(google) => of_google(google).map(Some),
        Provider::Microsoft(microsoft) => of_microsoft(microsoft).map(Some),
    }
}

fn of_google(account: &Google) -> Result<Arc<Client>, String> {
    let secret = account.client_secret_file.as_deref();
    let secret = secret.map(|file| secrets::client_secret(file, &account.client_id)).transpose();
    let options = ClientOptions {
        issuer: "Google",
        client_id: account.client_id.clone(),
        client_secret: secret.map_err(|error| error.to_string())?,
        auth_url: url(account.auth_url.as_ref(), google::AUTH)?,
        token_url: url(account.token_url.as_ref(), google::TOKEN)?,
        revoke_url: Some(url(account.revoke_url.as_ref(), google::REVOKE)?),
        // Google's has no Calendar scope.
        device_url: None,
        scopes: google::SCOPES,
        redirect: Redirect::Address,
        extra: google::EXTRA,
        explain: google::explain,
        wire: Wire::Network,
    };
    Client::new(options).map(Arc::new).map_err(|error| error.to_string())
}

/// A program on somebody's own machine is a public client: it has no secret.
fn of_microsoft(account: &Microsoft) -> Result<Arc<Client>, String> {
    let (auth, token) = microsoft::sign_in(account);
    let device = microsoft::device(account);
    let options = ClientOptions {
        issuer: "Microsoft",
        client_id: account.client_id.clone(),
        client_secret: None,
        auth_url: url(None, &auth)?,
        token_url: url(None, &token)?,
        // There is none.
        revoke_url: None,
        device_url: Some(url(None, &device)?),
        scopes: microsoft::scopes(account.cloud),
        redirect: Redirect::Name,
        extra: microsoft::EXTRA,
        explain: microsoft::explain,
        wire: Wire::Network,
    };
    Client::new(options).map(Arc::new).map_err(|error| error.to_string())
}

/// The configured address, else the provider's own.
pub(crate) fn url(configured: Option<&Endpoint>, default: &str) -> Result<Url, String> {
    let text = configured.map_or(default, Endpoint::as_str);
    Url::parse(text).map_err(|error| format!("{text} is not an address: {error}"))
}
