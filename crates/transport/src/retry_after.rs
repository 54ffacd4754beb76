//! Retry-After (RFC 9110 section 10.2.3): seconds, or a date. A date is measured against the
//! answer's own Date header, so that a clock that is wrong here or there does not matter.

use std::time::Duration;

use http::HeaderMap;
use http::header::{DATE, HeaderName, RETRY_AFTER};
use jiff::Timestamp;

/// What the answer asks for; `None` when it does not say, or not legibly.
pub(crate) fn read(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    // Graph writes fractions; rounded up they are what was meant.
    // quirk: microsoft-46
    if let Ok(seconds) = text.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds.ceil()).ok();
    }
    let now = date(headers, DATE)?;
    let then = date(headers, RETRY_AFTER)?;
    Some(Duration::try_from(then.duration_since(now)).unwrap_or_default())
}

fn date(headers: &HeaderMap, name: HeaderName) -> Option<Timestamp> {
    let text = headers.get(name)?.to_str().ok()?;
    jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    // quirk: microsoft-46
    #[test]
    fn seconds_and_dates_are_read() {
        let cases = [
            ("120", "", Some(120)),
            (" 7 ", "", Some(7)),
            ("soon", "", None),
            ("-1", "", None),
            ("2.128", "", Some(3)),
            ("1e300", "", None),
            ("Fri, 02 Jan 2026 10:05:00 GMT", "Fri, 02 Jan 2026 10:00:00 GMT", Some(300)),
            ("Fri, 02 Jan 2026 10:05:00 GMT", "Fri, 02 Jan 2026 11:00:00 GMT", Some(0)),
            ("Fri, 02 Jan 2026 10:05:00 GMT", "", None),
        ];
        for (text, now, expected) in cases {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, text.parse().unwrap());
            if !now.is_empty() {
                headers.insert(DATE, now.parse().unwrap());
            }
            assert_eq!(read(&headers), expected.map(Duration::from_secs), "{text} at {now}");
        }
    }
}
