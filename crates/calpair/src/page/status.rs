//! The overview: what needs a person first, then pairs, accounts, the day as a chart, the last
//! changes. Shown to whoever may look; titles only to who has given the page's password.

mod changes;
mod open;
mod parts;

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use maud::{Markup, html};

use super::caller::{Caller, Standing};
use super::connect::answered;
use super::look::{self, Frame};
use super::site::Site;
use super::{chart, entry};
use crate::service::Overview;
use crate::text::counted;

/// Whether titles are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Titles {
    Shown,
    Hidden,
}

/// What every part of the page needs.
#[derive(Clone, Copy)]
struct View<'a> {
    site: &'a Site,
    caller: &'a Caller,
    titles: Titles,
}

impl View<'_> {
    fn token(&self) -> Markup {
        look::token(self.site, self.caller)
    }

    /// A title, or what stands in its place.
    fn title(&self, title: Option<&str>) -> Markup {
        match (self.titles, title) {
            (Titles::Shown, Some(title)) => look::text(title),
            (Titles::Shown, None) => html! { span.quiet { "(no title)" } },
            (Titles::Hidden, _) => html! { span.quiet { "an event" } },
        }
    }
}

/// The page; or, where a consent page sends people back to the root, its answer.
pub(super) async fn root(
    site: State<Arc<Site>>,
    caller: Extension<Caller>,
    address: Uri,
    headers: HeaderMap,
) -> Response {
    let is_answer = address.query().is_some_and(|query| query.contains("state="));
    if is_answer {
        answered(site, caller, address, headers).await
    } else {
        show(site, caller).await
    }
}

async fn show(State(site): State<Arc<Site>>, Extension(caller): Extension<Caller>) -> Response {
    let titles = match caller.standing {
        Standing::Stranger => return entry::stranger(&site, &caller),
        Standing::Local => Titles::Hidden,
        Standing::Entered => Titles::Shown,
    };
    let overview = match site.service.overview() {
        Ok(overview) => overview,
        Err(reason) => return look::sentence(StatusCode::SERVICE_UNAVAILABLE, &reason),
    };
    let view = View { site: &site, caller: &caller, titles };
    let (headline, body) = whole(view, &overview);
    let frame = Frame { title: &headline, live: true, out: look::out(&site, &caller) };
    look::page(StatusCode::OK, &frame, &body)
}

fn whole(view: View<'_>, overview: &Overview) -> (String, Markup) {
    let needs = open::needs(overview);
    let headline = headline(overview, needs);
    let note = view.site.note(&view.caller.browser);
    let body = html! {
        p #spoken.unseen role="status" {}
        div #live {
            @if let Some(note) = note {
                p.note.good[note.is_fine].bad[!note.is_fine] role="status" { (lines(&note.text)) }
            }
            div.headline {
                h1 { (headline) }
                p.quiet { "As of " (look::time(crate::report::At(overview.now))) }
            }
            (open::section(view, overview))
            (parts::pairs(view, overview))
            (parts::accounts(view, overview))
            section aria-labelledby="day" {
                h2 #day { "The last 24 hours" }
                div.card {
                    (chart::draw(&overview.written, &view.site.service.tally().counts(),
                        overview.now))
                }
            }
            (changes::section(view, overview))
        }
    };
    (headline, body)
}

fn headline(overview: &Overview, needs: usize) -> String {
    let pairs = &overview.status.pairs;
    if needs > 0 {
        let verb = if needs == 1 { "needs" } else { "need" };
        return format!("{} {verb} you", counted(needs as u64, "thing"));
    }
    if pairs.is_empty() {
        return String::from("No pair yet");
    }
    let behind = pairs.iter().filter(|pair| !matches!(&*pair.state, "ok" | "syncing")).count();
    let problems: usize = pairs.iter().map(|pair| pair.problems.len()).sum();
    match behind {
        0 if problems > 0 => format!("In sync, but for {}", counted(problems as u64, "event")),
        0 => String::from("Everything is in sync"),
        _ if behind == pairs.len() && pairs.iter().all(|pair| pair.state == "paused") => {
            String::from("Everything is paused")
        }
        _ => format!("{} of {} in sync", pairs.len() - behind, counted(pairs.len() as u64, "pair")),
    }
}

/// A message of several lines.
fn lines(text: &str) -> Markup {
    html! {
        @for (at, line) in text.lines().enumerate() {
            @if at > 0 { br; }
            (crate::terminal::escaped(line))
        }
    }
}
