//! The door: only requests whose `Host` is this page's come in. A name that somebody makes resolve
//! to this machine (DNS rebinding) is not among them, and an address can't be made to. Every answer
//! leaves with the same headers, which forbid the browser everything that the page doesn't need.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::http::uri::Authority;
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::caller::Caller;
use super::site::Site;

/// Nothing but our own style and script, no frame around it, forms to ourselves only.
pub(super) const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; \
     img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; \
     frame-ancestors 'none'";

const HEADERS: [(HeaderName, &str); 7] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    // `no-referrer` would take the `Origin` away from our own forms as well.
    (header::REFERRER_POLICY, "same-origin"),
    (header::CACHE_CONTROL, "no-store"),
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Lets a request in, or not, and dresses its answer.
pub(super) async fn guard(
    State(site): State<Arc<Site>>,
    mut request: Request,
    next: Next,
) -> Response {
    let mut response = match host(&site, request.headers()) {
        None => {
            let sentence = "This page is not called that. Set `public_url` to the address that \
                            browsers use.\n";
            (StatusCode::MISDIRECTED_REQUEST, sentence).into_response()
        }
        Some(_)
            if request.method() == Method::POST && !is_same_origin(&site, request.headers()) =>
        {
            (StatusCode::FORBIDDEN, "This form came from another page.\n").into_response()
        }
        Some(host) => {
            let caller = Caller::of(&site, &request, host);
            let cookie = caller.cookie(&site);
            request.extensions_mut().insert(caller);
            let mut response = next.run(request).await;
            if let Some(cookie) = cookie.filter(|_| is_page(&response)) {
                response.headers_mut().append(header::SET_COOKIE, cookie);
            }
            response
        }
    };
    for (name, value) in HEADERS {
        let value = HeaderValue::from_static(value);
        response.headers_mut().entry(name).or_insert(value);
    }
    response
}

fn is_page(response: &Response) -> bool {
    let kind = response.headers().get(header::CONTENT_TYPE);
    kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"))
}

/// The `Host` of a request, if it is one of ours.
fn host(site: &Site, headers: &HeaderMap) -> Option<String> {
    let mut given = headers.get_all(header::HOST).iter();
    let (Some(text), None) = (given.next(), given.next()) else { return None };
    let text = text.to_str().ok()?.to_ascii_lowercase();
    let authority: Authority = text.parse().ok().filter(|_| !text.contains('@'))?;
    is_ours(site, &authority).then_some(text)
}

fn is_ours(site: &Site, authority: &Authority) -> bool {
    let public = site.public_url();
    let public = public.as_ref().and_then(|url| url.origin().split_once("://"));
    if public.is_some_and(|(_, public)| public == authority.as_str()) {
        return true;
    }
    let Some(address) = site.address() else { return false };
    if authority.port_u16() != Some(address.port()) {
        return false;
    }
    let name = authority.host().trim_start_matches('[').trim_end_matches(']');
    match name.parse::<IpAddr>() {
        Ok(ip) if address.ip().is_loopback() => ip.is_loopback(),
        Ok(_) => true,
        Err(_) => name == "localhost",
    }
}

/// Whether a write comes from a page of ours, as far as the browser says. Programs say nothing; the
/// token of the form decides for them.
fn is_same_origin(site: &Site, headers: &HeaderMap) -> bool {
    let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("null"));
    let fetched = text(HeaderName::from_static("sec-fetch-site"));
    if fetched.is_some_and(|site| site != "same-origin") {
        return false;
    }
    let Some(origin) = text(header::ORIGIN) else { return true };
    let Some((scheme, authority)) = origin.split_once("://") else { return false };
    let is_public = site.public_url().is_some_and(|url| url.origin() == origin);
    let ours = authority.to_ascii_lowercase().parse().is_ok_and(|name| is_ours(site, &name));
    is_public || (scheme == "http" && ours)
}
