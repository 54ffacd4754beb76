//! A sign-in on another device (RFC 8628): a short code is typed into the provider's page, and the
//! token endpoint is asked until it was. How long to wait in between is said here, waiting is the
//! caller's.

use std::time::Duration;

use bytes::Bytes;
use http::Response;
use provider::{Error, ErrorKind, Result};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};

use super::{Client, Grant, Refusal, Stage, answer, form, passing};

/// How often is asked where the answer doesn't say (RFC 8628 section 3.2).
const INTERVAL: u64 = 5;

/// What `slow_down` adds to the interval, for good (RFC 8628 section 3.5).
const SLOWER: Duration = Duration::from_secs(5);

/// No interval is longer: a person waits.
const LONGEST_INTERVAL: u64 = 60;

/// No code lasts longer, whatever is promised.
const LONGEST: u64 = 30 * 60;

/// The longest text that is shown: "https://www.microsoft.com/link", "GTHK-QPMN".
const SHOWN: usize = 200;

/// A sign-in that waits for a person.
#[derive(Debug)]
pub struct DeviceCode {
    code: SecretString,
    /// What the person types.
    pub user_code: String,
    /// Where.
    pub page: String,
    /// How long it is good for.
    pub lifetime: Duration,
    /// How long to wait before asking again.
    pub interval: Duration,
}

/// What came of asking.
#[derive(Debug)]
pub enum Poll {
    /// It was typed, and agreed to.
    Granted(Grant),
    /// Not yet: wait for the interval, which may have become longer.
    Pending,
}

impl Client {
    /// Whether there is such a thing as a sign-in on another device.
    pub fn has_devices(&self) -> bool {
        self.device.is_some()
    }

    /// Begins a sign-in on another device; `None` where the provider has no such thing.
    ///
    /// # Errors
    /// As [`Client::renew`].
    pub async fn device(&self) -> Result<Option<DeviceCode>> {
        let (Some(account), Some(url)) = (&self.device, &self.options.device_url) else {
            return Ok(None);
        };
        let scopes: Vec<&str> = self.options.scopes.iter().map(|scope| scope.name).collect();
        let scopes = scopes.join(" ");
        let fields = [("client_id", self.options.client_id.as_str()), ("scope", &scopes)];
        let response = account.send(form(url, &fields)?).await.map_err(passing)?;
        if let Some(code) = read(&response) {
            return Ok(Some(code));
        }
        let verdict = match answer::read(Stage::Exchange, &response) {
            Err(verdict) => verdict,
            Ok(_) => answer::Verdict::Passing(response.status().as_u16()),
        };
        Err(verdict.into_error(&self.options, account))
    }

    /// Asks whether the code was typed.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] when it was declined, or is too old; as [`Client::exchange`].
    pub async fn poll(&self, code: &mut DeviceCode) -> Result<Poll> {
        let asked = self
            .ask(
                Stage::Exchange,
                &[
                    ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
                    ("device_code", code.code.expose_secret()),
                ],
            )
            .await;
        let error = match asked {
            Ok(grant) => return self.whole(grant).map(Poll::Granted),
            Err(error) => error,
        };
        let refusal = std::error::Error::source(&error).and_then(|it| it.downcast_ref::<Refusal>());
        let said = match refusal.map(|refusal| refusal.error.as_str()) {
            Some("authorization_pending") => return Ok(Poll::Pending),
            Some("slow_down") => {
                code.interval += SLOWER;
                return Ok(Poll::Pending);
            }
            Some("authorization_declined" | "access_denied") => "consent was declined",
            Some("expired_token" | "code_expired") => "the code is too old; begin again",
            Some(_) | None => return Err(error),
        };
        Err(Error::new(ErrorKind::Forbidden, said).because(error))
    }
}

fn read(response: &Response<Bytes>) -> Option<DeviceCode> {
    if !response.status().is_success() {
        return None;
    }
    let body = serde_json::from_slice::<Map<String, Value>>(response.body()).ok()?;
    let text = |key: &str| body.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
    let shown = |key: &str| {
        text(key).filter(|text| text.len() <= SHOWN && text.bytes().all(|b| b.is_ascii_graphic()))
    };
    let seconds = |key: &str| body.get(key).and_then(Value::as_u64);
    // Google's older name for it ends in `url`.
    let page = shown("verification_uri").or(shown("verification_url"))?;
    Some(DeviceCode {
        code: SecretString::from(text("device_code")?),
        user_code: shown("user_code")?.to_owned(),
        page: page.to_owned(),
        lifetime: Duration::from_secs(seconds("expires_in").unwrap_or(LONGEST).min(LONGEST)),
        interval: Duration::from_secs(
            seconds("interval").unwrap_or(INTERVAL).clamp(1, LONGEST_INTERVAL),
        ),
    })
}
