//! What is sealed in the database for an account: the password or refresh token, and for whom and
//! where it was given. A configuration that names another user or another server does not get it.

use std::borrow::Cow;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::control::Password;

/// A password with the user and server that it was given for.
#[derive(Debug)]
pub struct Credential {
    /// The user name, or the id of the OAuth client.
    pub username: String,
    /// The server (scheme, host, port), or the addresses of token endpoint and API.
    pub origin: String,
    /// The password as it is sent, or the refresh token.
    pub password: SecretString,
}

#[derive(Serialize, Deserialize)]
struct Form<'a> {
    username: Cow<'a, str>,
    origin: Cow<'a, str>,
    password: Password,
}

impl Credential {
    /// The bytes to seal.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let form = Form {
            username: self.username.as_str().into(),
            origin: self.origin.as_str().into(),
            password: Password(self.password.clone()),
        };
        Zeroizing::new(serde_json::to_vec(&form).expect("the form has text keys only"))
    }

    /// Reads what [`Credential::to_bytes`] wrote; `None` for anything else.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let form: Form<'_> = serde_json::from_slice(bytes).ok()?;
        Some(Self {
            username: form.username.into_owned(),
            origin: form.origin.into_owned(),
            password: form.password.0,
        })
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn what_is_written_is_read_and_not_printable() {
        let credential = Credential {
            username: "me@example.com".into(),
            origin: "https://dav.example.com".into(),
            password: "p\"ässword".into(),
        };
        let read = Credential::from_bytes(&credential.to_bytes()).unwrap();
        assert_eq!(read.password.expose_secret(), "p\"ässword");
        assert_eq!((read.username, read.origin), (credential.username, credential.origin));
        assert!(!format!("{:?}", credential.password).contains("ässword"));
        assert!(Credential::from_bytes(b"p").is_none());
    }
}
