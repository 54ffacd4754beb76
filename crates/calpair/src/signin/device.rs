//! A sign-in with a code that is typed into the provider's page on any device (RFC 8628): the token
//! endpoint is asked at the pace that it sets, until somebody has typed it or it is too old.

use engine::Clock;
use provider::{Error, ErrorKind, Result};
use transport::oauth::{Client, DeviceCode, Grant, Poll};

/// Gets a code, shows it, and waits for it to be typed.
///
/// # Errors
/// [`ErrorKind::Forbidden`] when consent was declined or nobody typed it in time, or where the
/// provider has no such thing; as [`Client::exchange`].
pub(crate) async fn grant(
    client: &Client,
    clock: &dyn Clock,
    show: impl FnOnce(&DeviceCode),
) -> Result<Grant> {
    let Some(mut code) = client.device().await? else {
        let sentence = format!("{} knows no codes that are typed elsewhere", client.issuer());
        return Err(Error::new(ErrorKind::Forbidden, sentence));
    };
    show(&code);
    let begun = clock.now();
    loop {
        clock.sleep(code.interval).await;
        match client.poll(&mut code).await {
            Ok(Poll::Granted(grant)) => return Ok(grant),
            Ok(Poll::Pending) => {}
            // A person may be typing: what passes by itself is no reason to give up.
            Err(error) if may_pass(error.kind()) => {}
            Err(error) => return Err(error),
        }
        let waited = clock.now().duration_since(begun).unsigned_abs();
        if waited >= code.lifetime {
            let sentence = "nobody entered the code in time; run the command again";
            return Err(Error::new(ErrorKind::Forbidden, sentence));
        }
    }
}

fn may_pass(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Unavailable | ErrorKind::RateLimited { .. })
}
