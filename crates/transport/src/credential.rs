//! How an account proves itself, as a header value that is never printed.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use provider::{Error, ErrorKind, Result};
use secrecy::{ExposeSecret, SecretString};

use crate::oauth::{Access, Tokens};

/// What proves the account.
#[derive(Clone, Debug)]
pub enum Credential {
    /// Nothing.
    None,
    /// RFC 7617, sent with the first request: no server is asked first which scheme it prefers.
    Basic {
        /// The user name; must not hold a colon.
        user: String,
        /// The password.
        password: SecretString,
    },
    /// RFC 6750, an access token that is never renewed.
    Token(SecretString),
    /// RFC 6750, access tokens that are renewed before they expire, and when one is refused.
    Bearer(Arc<Tokens>),
}

/// How a credential is presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    None,
    Basic,
    Bearer,
}

impl Credential {
    /// The credential ready to be sent.
    ///
    /// # Errors
    /// [`ErrorKind::Unauthorized`] for one that can't be sent.
    pub(crate) fn proof(&self) -> Result<Proof> {
        match self {
            Credential::None => Ok(Proof::Nothing),
            Credential::Basic { user, .. } if user.contains(':') => {
                Err(Error::new(ErrorKind::Unauthorized, "a user name can't hold a colon"))
            }
            Credential::Basic { user, password } => {
                let text = format!("{user}:{}", password.expose_secret());
                Ok(Proof::Basic(header(&format!("Basic {}", STANDARD.encode(text)))?))
            }
            Credential::Token(token) => Ok(Proof::Token(bearer(token)?)),
            Credential::Bearer(tokens) => Ok(Proof::Tokens(Arc::clone(tokens))),
        }
    }
}

/// A credential ready to be sent.
#[derive(Debug)]
pub(crate) enum Proof {
    Nothing,
    Basic(HeaderValue),
    Token(HeaderValue),
    Tokens(Arc<Tokens>),
}

/// What one request carries.
#[derive(Debug)]
pub(crate) enum Pass {
    Nothing,
    Fixed(HeaderValue),
    Renewable(Access, HeaderValue),
}

impl Pass {
    pub(crate) fn header(&self) -> Option<&HeaderValue> {
        match self {
            Pass::Nothing => None,
            Pass::Fixed(header) | Pass::Renewable(_, header) => Some(header),
        }
    }
}

impl Proof {
    pub(crate) fn scheme(&self) -> Scheme {
        match self {
            Proof::Nothing => Scheme::None,
            Proof::Basic(_) => Scheme::Basic,
            Proof::Token(_) | Proof::Tokens(_) => Scheme::Bearer,
        }
    }

    /// What the next request carries.
    ///
    /// # Errors
    /// As [`Tokens::access`].
    pub(crate) async fn pass(&self) -> Result<Pass> {
        match self {
            Proof::Nothing => Ok(Pass::Nothing),
            Proof::Basic(header) | Proof::Token(header) => Ok(Pass::Fixed(header.clone())),
            Proof::Tokens(tokens) => renewable(tokens.access().await?),
        }
    }

    /// What a request carries whose first pass was refused; `None` when there is nothing else.
    ///
    /// # Errors
    /// As [`Tokens::after_refusal`].
    pub(crate) async fn another(&self, refused: Pass) -> Result<Option<Pass>> {
        match (self, refused) {
            (Proof::Tokens(tokens), Pass::Renewable(access, _)) => {
                Ok(Some(renewable(tokens.after_refusal(&access).await?)?))
            }
            _ => Ok(None),
        }
    }
}

fn renewable(access: Access) -> Result<Pass> {
    let header = bearer(access.token())?;
    Ok(Pass::Renewable(access, header))
}

fn bearer(token: &SecretString) -> Result<HeaderValue> {
    header(&format!("Bearer {}", token.expose_secret()))
}

fn header(text: &str) -> Result<HeaderValue> {
    let Ok(mut value) = HeaderValue::from_str(text) else {
        let sentence = "the credential holds characters that can't be sent";
        return Err(Error::new(ErrorKind::Unauthorized, sentence));
    };
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn credentials_are_sent_as_their_schemes_say_and_are_not_printable() {
        let basic = Credential::Basic { user: "sam".into(), password: "pässword".into() };
        let token = Credential::Token("ya29.sword".into());
        let cases = [(basic, "Basic c2FtOnDDpHNzd29yZA=="), (token, "Bearer ya29.sword")];
        for (credential, expected) in cases {
            let pass = credential.proof().unwrap().pass().await.unwrap();
            assert_eq!(pass.header().unwrap().to_str().unwrap(), expected);
            let printed = format!("{credential:?} {pass:?} {:?}", credential.proof().unwrap());
            let secrets = ["ässword", "ya29", "c2Ft"];
            assert!(!secrets.iter().any(|secret| printed.contains(secret)), "{printed}");
        }
        let unsendable = Credential::Token("a\nb".into()).proof().unwrap_err();
        assert_eq!(unsendable.kind(), ErrorKind::Unauthorized);
        assert!(!unsendable.to_string().contains("a\nb"));
    }
}
