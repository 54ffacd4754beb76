//! How every page looks: the frame around it, words for times, and text that a stranger wrote made
//! harmless. maud escapes what is put in; here direction and control characters are made visible.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::tz::TimeZone;
use maud::{DOCTYPE, Markup, html};

use super::caller::{Caller, Standing};
use super::posted::TOKEN;
use super::site::Site;
use crate::report::At;
use crate::terminal::escaped;
pub(super) use crate::text::segment;

/// What stands around a page.
pub(super) struct Frame<'a> {
    pub(super) title: &'a str,
    /// Whether it shows by itself what is new.
    pub(super) live: bool,
    /// The form with which somebody goes.
    pub(super) out: Option<Markup>,
}

/// A whole page.
pub(super) fn page(status: StatusCode, frame: &Frame<'_>, body: &Markup) -> Response {
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (frame.title) " · calpair" }
                link rel="icon" href="/look/icon.svg" type="image/svg+xml";
                link rel="stylesheet" href="/look/style.css";
                @if frame.live {
                    noscript { meta http-equiv="refresh" content="60"; }
                    script src="/look/live.js" defer {}
                }
            }
            body {
                a.skip href="#main" { "Skip to the content" }
                header.top {
                    a.mark href="/" { (mark()) span { "calpair" } }
                    @if let Some(out) = &frame.out { (out) }
                }
                main #main { (body) }
            }
        }
    };
    (status, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], markup.into_string())
        .into_response()
}

/// A page with one sentence.
pub(super) fn sentence(status: StatusCode, words: &str) -> Response {
    let body = html! {
        section.card.narrow {
            h1 { (status.canonical_reason().unwrap_or("calpair")) }
            p { (words) }
            p { a href="/" { "To the overview" } }
        }
    };
    page(status, &Frame { title: "calpair", live: false, out: None }, &body)
}

/// Where nothing is.
pub(super) async fn nothing() -> Response {
    sentence(StatusCode::NOT_FOUND, "Nothing is here.")
}

/// The button with which somebody who has entered leaves.
pub(super) fn out(site: &Site, caller: &Caller) -> Option<Markup> {
    match caller.standing {
        Standing::Entered => Some(html! {
            form method="post" action="/sign-out" {
                (token(site, caller))
                button.plain type="submit" { "Sign out" }
            }
        }),
        Standing::Local | Standing::Stranger => None,
    }
}

/// The field without which no form of ours is taken.
pub(super) fn token(site: &Site, caller: &Caller) -> Markup {
    html! { input type="hidden" name=(TOKEN) value=(site.token(&caller.browser)); }
}

/// Text that may come from a stranger.
pub(super) fn text(text: &str) -> Markup {
    html! { bdi { (escaped(text)) } }
}

/// A time, in the zone of this machine; the script makes it relative.
pub(super) fn time(at: At) -> Markup {
    let words = at.0.to_zoned(TimeZone::system()).strftime("%a %-d %b, %H:%M").to_string();
    html! { time datetime=(at) { (words) } }
}

/// A state as a coloured word with a sign before it, for those who don't see colours.
pub(super) fn state(word: &str) -> Markup {
    let (kind, sign) = match word {
        "ok" => ("good", "✓"),
        "syncing" => ("busy", "↻"),
        "new" => ("busy", "•"),
        "retrying" | "suspect" => ("soft", "…"),
        "paused" => ("still", "‖"),
        "unconnected" => ("still", "○"),
        _ => ("bad", "!"),
    };
    let words = match word {
        "ok" => "In sync",
        "syncing" => "Syncing",
        "new" => "New",
        "retrying" => "Trying again",
        "suspect" => "Being confirmed",
        "paused" => "Paused",
        "unconnected" => "Not connected",
        "reconnect-needed" => "Reconnect needed",
        "halted" => "Waits for approval",
        "misconfigured" => "Misconfigured",
        "attention" => "Needs attention",
        other => other,
    };
    html! { span class={ "state " (kind) } { span.sign aria-hidden="true" { (sign) } (words) } }
}

/// The state of an account that is fine.
pub(super) fn connected() -> Markup {
    html! { span class="state good" { span.sign aria-hidden="true" { "✓" } "Connected" } }
}

/// Two leaves of a calendar that are one.
fn mark() -> Markup {
    html! {
        svg viewBox="0 0 32 32" width="28" height="28" aria-hidden="true" {
            rect.leaf-a x="3" y="7" width="17" height="18" rx="4" {}
            rect.leaf-b x="12" y="7" width="17" height="18" rx="4" {}
        }
    }
}

/// The style sheet.
pub(super) async fn style() -> impl IntoResponse {
    asset("text/css; charset=utf-8", include_str!("look/style.css"))
}

/// What makes the page live.
pub(super) async fn live() -> impl IntoResponse {
    asset("text/javascript; charset=utf-8", include_str!("look/live.js"))
}

/// The sign in the browser's tab.
pub(super) async fn icon() -> impl IntoResponse {
    asset("image/svg+xml", include_str!("look/icon.svg"))
}

fn asset(kind: &'static str, text: &'static str) -> impl IntoResponse {
    // They change with the program only, and are asked for again then.
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-cache")], text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strangers_text_can_do_nothing() {
        let cases = [
            ("<script>alert(1)</script>", "<bdi>&lt;script&gt;alert(1)&lt;/script&gt;</bdi>"),
            ("\u{202e}txt.exe\u{1b}[2J", "<bdi>\\u{202e}txt.exe\\u{1b}[2J</bdi>"),
            ("\" onload=\"x", "<bdi>&quot; onload=&quot;x</bdi>"),
        ];
        for (given, expected) in cases {
            assert_eq!(text(given).into_string(), expected);
        }
        assert_eq!(segment("büro/../a.b"), "b%C3%BCro%2F%2E%2E%2Fa%2Eb");
    }
}
