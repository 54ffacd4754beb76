//! Entity tags as versions. Servers spell one tag in several ways, by method and by header; a
//! version is the spelling that a condition is sent with.

use http::HeaderMap;
use model::Version;

/// The version that a getetag property states.
// quirk: icloud-58
pub(crate) fn of_property(text: &str) -> Option<Version> {
    let text = text.trim();
    // Weak in name only: a listing is what a condition is compared with.
    let text = text.strip_prefix("W/").unwrap_or(text);
    let text = text.replace("%22", "\"");
    let legal = !text.is_empty() && text.bytes().all(|byte| (0x20..0x7F).contains(&byte));
    legal.then(|| Version::new(text))
}

/// The version that the answer to a GET states.
pub(crate) fn of_get(headers: &HeaderMap) -> Option<Version> {
    let text = headers.get(http::header::ETAG)?.to_str().ok()?;
    // Apache marks the tag of what it packs.
    of_property(&text.replace("-gzip\"", "\"").replace(";gzip\"", "\""))
}

/// The version that the answer to a PUT states: only a strong tag says that the server holds what
/// was sent (RFC 4791 section 5.3.4).
// quirk: icloud-53, icloud-58
pub(crate) fn of_put(headers: &HeaderMap) -> Option<Version> {
    let text = headers.get(http::header::ETAG)?.to_str().ok()?.trim();
    if text.starts_with("W/") {
        return None;
    }
    of_property(text).filter(|version| version.as_str().starts_with('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    // quirk: icloud-58
    #[test]
    fn a_tag_is_opaque_but_for_its_dress() {
        let cases = [
            ("\"abc\"", Some("\"abc\""), Some("\"abc\"")),
            ("W/\"abc\"", Some("\"abc\""), None),
            ("abc", Some("abc"), None),
            ("%22abc%22", Some("\"abc\""), Some("\"abc\"")),
            (" \"C=4@U=1\" ", Some("\"C=4@U=1\""), Some("\"C=4@U=1\"")),
            ("", None, None),
            ("\"a b\"", Some("\"a b\""), Some("\"a b\"")),
            ("\"ü\"", None, None),
        ];
        for (text, listed, put) in cases {
            let mut headers = HeaderMap::new();
            headers.insert("etag", text.parse().unwrap());
            assert_eq!(of_property(text).as_ref().map(Version::as_str), listed, "{text}");
            assert_eq!(of_put(&headers).as_ref().map(Version::as_str), put, "{text}");
        }
        let mut headers = HeaderMap::new();
        headers.insert("etag", "\"abc-gzip\"".parse().unwrap());
        assert_eq!(of_get(&headers).unwrap().as_str(), "\"abc\"");
    }
}
