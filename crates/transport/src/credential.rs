//! How an account proves itself, as a header value that is never printed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use provider::{Error, ErrorKind, Result};
use secrecy::{ExposeSecret, SecretString};

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
}

impl Credential {
    pub(crate) fn header(&self) -> Result<Option<HeaderValue>> {
        match self {
            Credential::None => Ok(None),
            Credential::Basic { user, .. } if user.contains(':') => {
                Err(Error::new(ErrorKind::Unauthorized, "a user name can't hold a colon"))
            }
            Credential::Basic { user, password } => {
                let text = format!("{user}:{}", password.expose_secret());
                let mut value = HeaderValue::from_str(&format!("Basic {}", STANDARD.encode(text)))
                    .expect("base64 is a legal header value");
                value.set_sensitive(true);
                Ok(Some(value))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_is_utf8_in_base64_and_not_printable() {
        let credential = Credential::Basic { user: "sam".into(), password: "pässword".into() };
        let header = credential.header().unwrap().unwrap();
        assert_eq!(header.to_str().unwrap(), "Basic c2FtOnDDpHNzd29yZA==");
        assert!(!format!("{credential:?} {header:?}").contains("ässword"));
        assert!(!format!("{header:?}").contains("c2Ft"));
    }
}
