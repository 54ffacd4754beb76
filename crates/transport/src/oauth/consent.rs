//! Asking a person: the address of the consent page, and what comes back to the redirect.
//! PKCE with S256 (RFC 7636) ties the code to this request, `state` ties the answer to it.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use super::ClientOptions;

/// The longest redirect that is looked at: codes are a few hundred bytes, Microsoft's a thousand
/// or two.
const LONGEST: usize = 16 << 10;

/// One request for consent. Good for one answer.
pub struct Consent {
    url: Url,
    redirect: String,
    state: SecretString,
    verifier: SecretString,
}

impl fmt::Debug for Consent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consent").field("redirect", &self.redirect).finish_non_exhaustive()
    }
}

/// Why there is no code in what came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConsentError {
    /// The person declined, or may not consent.
    Declined,
    /// The provider says why not, in a code.
    Refused(String),
    /// It answers another request.
    WrongState,
    /// It is no address, or has neither a code nor an error.
    NoAnswer,
}

impl fmt::Display for ConsentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConsentError::Declined => f.write_str("consent was declined (access_denied)"),
            ConsentError::Refused(code) => write!(f, "the consent page refused ({code})"),
            ConsentError::WrongState => {
                f.write_str("that answers another sign-in than this one (state)")
            }
            ConsentError::NoAnswer => f.write_str("that is not the address of an answer"),
        }
    }
}

impl std::error::Error for ConsentError {}

impl Consent {
    pub(super) fn new(
        options: &ClientOptions,
        redirect: &str,
        chance: &[u8; 64],
        hint: Option<&str>,
    ) -> Self {
        let (state, verifier) = chance.split_at(32);
        let state = URL_SAFE_NO_PAD.encode(state);
        // 43 characters of the unreserved alphabet, as RFC 7636 section 4.1 wants.
        let verifier = URL_SAFE_NO_PAD.encode(verifier);
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(&verifier));
        let scopes: Vec<&str> = options.scopes.iter().map(|scope| scope.name).collect();
        let mut url = options.auth_url.clone();
        url.query_pairs_mut()
            .append_pair("client_id", &options.client_id)
            .append_pair("redirect_uri", redirect)
            .append_pair("response_type", "code")
            .append_pair("scope", &scopes.join(" "))
            .append_pair("state", &state)
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256")
            .extend_pairs(options.extra)
            .extend_pairs(hint.map(|hint| ("login_hint", hint)));
        Self {
            url,
            redirect: redirect.to_owned(),
            state: SecretString::from(state),
            verifier: SecretString::from(verifier),
        }
    }

    /// The page to open. Not secret, but it is nobody else's.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Where the answer goes.
    pub fn redirect(&self) -> &str {
        &self.redirect
    }

    pub(super) fn verifier(&self) -> &str {
        self.verifier.expose_secret()
    }

    /// The code in what came back: the address that the browser was sent to, whole or from its
    /// path on.
    ///
    /// # Errors
    /// There is none, or it answers another request.
    pub fn code(&self, answer: &str) -> Result<SecretString, ConsentError> {
        let answer = answer.trim();
        if answer.len() > LONGEST {
            return Err(ConsentError::NoAnswer);
        }
        let base = Url::parse(&self.redirect).map_err(|_| ConsentError::NoAnswer)?;
        let url = base.join(answer).map_err(|_| ConsentError::NoAnswer)?;
        let find = |key: &str| url.query_pairs().find(|(name, _)| name == key).map(|(_, v)| v);
        let (code, error) = (find("code"), find("error"));
        if code.is_none() && error.is_none() {
            return Err(ConsentError::NoAnswer);
        }
        if find("state").as_deref() != Some(self.state.expose_secret()) {
            return Err(ConsentError::WrongState);
        }
        match (error.as_deref(), code) {
            (Some("access_denied"), _) => Err(ConsentError::Declined),
            (Some(error), _) => {
                let known = |c: &char| c.is_ascii_alphanumeric() || *c == '_';
                Err(ConsentError::Refused(error.chars().filter(known).take(64).collect()))
            }
            (None, Some(code)) if !code.is_empty() => Ok(SecretString::from(code.as_ref())),
            (None, _) => Err(ConsentError::NoAnswer),
        }
    }
}
