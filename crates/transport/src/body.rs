//! Reading an answer under limits: of what it decodes to, and of how slowly it may trickle.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use provider::{Error, Result};
use reqwest::{Response, Url};
use tokio::time::Instant;

use crate::failure;

/// The largest answer, decoded: 200 events with everything attached are far below it, a bomb that
/// decodes to more is cut off while it decodes.
pub(crate) const LARGEST: usize = 64 << 20;

/// An answer must bring [`SLOWEST`] bytes in every such span, or it is no answer.
const SPAN: Duration = Duration::from_secs(20);

/// A modem of 1995 brings this many bytes in [`SPAN`] many times over.
const SLOWEST: usize = 1024;

/// Reads the whole of an answer.
///
/// # Errors
/// `Malformed` when it is too large or ends early; `Unavailable` when it trickles or breaks off.
pub(crate) async fn read(url: &Url, mut response: Response) -> Result<Bytes> {
    if response.content_length().is_some_and(|length| length > LARGEST as u64) {
        return Err(failure::too_large(url, LARGEST));
    }
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    let (mut since, mut brought) = (Instant::now(), 0);
    loop {
        let left = SPAN.saturating_sub(since.elapsed());
        let chunk = match tokio::time::timeout(left, response.chunk()).await {
            Ok(Ok(Some(chunk))) => chunk,
            Ok(Ok(None)) => break,
            Ok(Err(error)) => return Err(failure::broken_answer(url, error)),
            Err(_) if brought >= SLOWEST => {
                (since, brought) = (Instant::now(), 0);
                continue;
            }
            Err(_) => return Err(trickles(url)),
        };
        if first.len() + rest.len() + chunk.len() > LARGEST {
            return Err(failure::too_large(url, LARGEST));
        }
        brought += chunk.len();
        if first.is_empty() && rest.is_empty() {
            first = chunk;
            continue;
        }
        if rest.is_empty() {
            rest.extend_from_slice(&std::mem::take(&mut first));
        }
        rest.extend_from_slice(&chunk);
    }
    Ok(if rest.is_empty() { first } else { rest.freeze() })
}

fn trickles(url: &Url) -> Error {
    failure::too_slow(url, SPAN)
}
