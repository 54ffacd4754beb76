//! What is sealed for an account, opened: only for the one whom, and the servers which, it was
//! given for.

use std::sync::{Arc, Mutex, PoisonError};

use model::AccountName;
use provider::{Error, ErrorKind};
use secrecy::{ExposeSecret, SecretString};
use store::{Key, SignIn, Store};
use transport::oauth::{Clock, Keep, Note};

use crate::config::{Account, Endpoint, Provider};
use crate::secrets::Credential;
use crate::{google, microsoft};

/// The key that credentials are sealed with, or why there is none.
pub(crate) type KeyOrReason = Result<Arc<Key>, String>;

/// Why an account can't be used, and what to do.
pub(crate) struct Unusable {
    pub(crate) reason: String,
    pub(crate) action: Option<String>,
}

/// Whose a credential is, and where it may go: a configuration that says otherwise doesn't get it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Holder {
    /// A user, or an OAuth client.
    pub(crate) username: String,
    /// The servers that see it, or what is made of it.
    pub(crate) origin: String,
}

impl Holder {
    /// Whose credential the configuration of an account means.
    pub(crate) fn of(account: &Account) -> Self {
        match &account.provider {
            Provider::ICloud(dav) | Provider::CalDav(dav) => {
                Self { username: dav.username.clone(), origin: dav.url.origin().to_owned() }
            }
            Provider::Google(of) => {
                let token = of.token_url.as_ref().map_or(google::TOKEN, Endpoint::as_str);
                let api = of.api_url.as_ref().map_or(google::API, Endpoint::as_str);
                Self { username: of.client_id.clone(), origin: format!("{token} {api}") }
            }
            Provider::Microsoft(of) => {
                let (_, token) = microsoft::sign_in(of);
                let api = of.api_url.as_ref().map(Endpoint::as_str);
                let api = api.unwrap_or_else(|| microsoft::graph(of.cloud));
                Self { username: of.client_id.clone(), origin: format!("{token} {api}") }
            }
        }
    }

    /// The credential with them.
    pub(crate) fn credential(self, password: SecretString) -> Credential {
        Credential { username: self.username, origin: self.origin, password }
    }
}

/// An opened credential, and where it came from.
pub(crate) struct Stored {
    account: AccountName,
    credential: Credential,
    store: Store,
    key: Arc<Key>,
}

impl Stored {
    /// The password or refresh token.
    pub(crate) fn secret(&self) -> SecretString {
        self.credential.password.clone()
    }

    /// Notes each time that the sign-in is used, and when it ends.
    pub(crate) fn note(&self, clock: Clock) -> Note {
        let (account, store) = (self.account.clone(), self.store.clone());
        Arc::new(move |lasts| {
            let used = clock();
            let ends = lasts.map(|lasts| used + lasts);
            if let Err(error) = store.used_sign_in(&account, SignIn { used, ends }) {
                tracing::warn!(%error, "when the sign-in of {account} was used is not known");
            }
        })
    }

    /// Puts a refresh token in the place of this one, as long as this one is what is stored: who
    /// connects in the meantime is not undone by an answer that comes late.
    pub(crate) fn keep(self) -> Keep {
        let last = Mutex::new(self.secret());
        Arc::new(move |token| {
            let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
            let unkept = |error: store::Error| {
                let sentence = "the renewed sign-in can't be stored; it is tried again";
                Error::new(ErrorKind::Unavailable, sentence).because(error)
            };
            let stored = self.store.credential(&self.account, &self.key).map_err(unkept)?;
            let stored = stored.and_then(|bytes| Credential::from_bytes(&bytes));
            let same =
                |stored: &Credential| stored.password.expose_secret() == last.expose_secret();
            if !stored.as_ref().is_some_and(same) {
                let sentence = "the account was connected anew or disconnected meanwhile";
                return Err(Error::new(ErrorKind::Unavailable, sentence));
            }
            let renewed = Credential {
                username: self.credential.username.clone(),
                origin: self.credential.origin.clone(),
                password: token.clone(),
            };
            self.store
                .seal_credential(&self.account, &renewed.to_bytes(), &self.key)
                .map_err(unkept)?;
            *last = token.clone();
            Ok(())
        })
    }
}

/// The account's credential, if it is stored, can be opened, and is meant for this user and server.
pub(crate) fn open(
    account: &Account,
    store: &Store,
    key: &KeyOrReason,
) -> store::Result<Result<Stored, Unusable>> {
    let name = &account.name;
    let holder = Holder::of(account);
    let unusable =
        |reason: String, action: String| Ok(Err(Unusable { reason, action: Some(action) }));
    let key = match key {
        Ok(key) => key,
        Err(reason) => return unusable(reason.clone(), "calpair doctor".into()),
    };
    let connect = format!("calpair connect {name}");
    let opened = match store.credential(name, key) {
        Ok(Some(bytes)) => Credential::from_bytes(&bytes),
        Ok(None) => return unusable(no_credential(account).to_owned(), connect),
        Err(error) if is_about_key(&error) => {
            return unusable(
                error.sentence().to_owned(),
                format!("put the key back, or {connect}"),
            );
        }
        Err(error) => return Err(error),
    };
    let (what, whose) = words(account);
    match opened {
        Some(credential)
            if credential.username == holder.username && credential.origin == holder.origin =>
        {
            let (account, store, key) = (name.clone(), store.clone(), Arc::clone(key));
            Ok(Ok(Stored { account, credential, store, key }))
        }
        Some(_) => unusable(format!("the {what} was given for another {whose} or server"), connect),
        None => unusable(format!("what is stored is no {what}"), connect),
    }
}

/// What is said of an account that nobody has connected.
pub(crate) fn no_credential(account: &Account) -> &'static str {
    match account.provider {
        Provider::ICloud(_) | Provider::CalDav(_) => "no password is stored",
        Provider::Google(_) | Provider::Microsoft(_) => "nobody has signed in yet",
    }
}

/// What a credential is called, and whose it is.
fn words(account: &Account) -> (&'static str, &'static str) {
    match account.provider {
        Provider::ICloud(_) | Provider::CalDav(_) => ("password", "user name"),
        Provider::Google(_) | Provider::Microsoft(_) => ("sign-in", "client_id"),
    }
}

fn is_about_key(error: &store::Error) -> bool {
    matches!(error.kind(), store::ErrorKind::WrongKey | store::ErrorKind::Forged)
}
