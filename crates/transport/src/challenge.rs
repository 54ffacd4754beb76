//! WWW-Authenticate (RFC 9110 section 11.6.1): several challenges may share one line, several
//! lines may carry one each, and the first is not the one to take.

use http::HeaderMap;
use http::header::WWW_AUTHENTICATE;

/// The schemes that an answer offers, lower case, in order; empty when it offers none at all.
// quirk: icloud-1
pub(crate) fn schemes(headers: &HeaderMap) -> Vec<String> {
    let mut schemes = Vec::new();
    for line in headers.get_all(WWW_AUTHENTICATE) {
        for item in split_outside_quotes(&String::from_utf8_lossy(line.as_bytes())) {
            // An item is `scheme`, `scheme param=value`, `scheme token68` or, continuing the
            // challenge before it, `param=value`.
            let first = item.split_ascii_whitespace().next().unwrap_or_default();
            let is_token = !first.is_empty()
                && first.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
            if is_token {
                schemes.push(first.to_ascii_lowercase());
            }
        }
    }
    schemes
}

fn split_outside_quotes(line: &str) -> Vec<&str> {
    let (mut items, mut from, mut quoted, mut escaped) = (Vec::new(), 0, false, false);
    for (at, byte) in line.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b',' if !quoted => {
                items.push(&line[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    items.push(&line[from..]);
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offered(lines: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(WWW_AUTHENTICATE, line.parse().unwrap());
        }
        schemes(&headers).join(" ")
    }

    #[test]
    fn schemes_are_found_wherever_they_stand() {
        let cases: [(&[&str], &str); 6] = [
            (&[], ""),
            (&["Basic realm=\"x\""], "basic"),
            (
                &["X-MobileMe-AuthToken realm=\"MMCalDav\", Basic realm=\"MMCalDav\""],
                "x-mobileme-authtoken basic",
            ),
            (&["Bearer realm=\"a, Basic b\", error=\"x\"", "basic"], "bearer basic"),
            (&["Digest realm=\"SabreDAV\",qop=\"auth\",nonce=\"5\\\",\",opaque=\"d\""], "digest"),
            (&["Negotiate dG9rZW4="], "negotiate"),
        ];
        for (lines, expected) in cases {
            assert_eq!(offered(lines), expected, "{lines:?}");
        }
    }
}
