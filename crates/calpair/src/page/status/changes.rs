//! The last changes: before and after, for those who may read titles; which fields, for the others.

use maud::{Markup, html};

use super::{Titles, View};
use crate::page::look;
use crate::report::{Change, FieldChange, SideWord};
use crate::service::Overview;

/// Fields of one change that are shown; a new series has all of them.
const FIELDS: usize = 8;

/// Names of fields that stand in for their values.
const NAMES: usize = 5;

/// A longer value is cut.
const LONGEST: usize = 120;

/// The section.
pub(super) fn section(view: View<'_>, overview: &Overview) -> Markup {
    html! {
        section aria-labelledby="changes" {
            h2 #changes { "Recent changes" }
            @if overview.changes.is_empty() {
                p.card.quiet { "Nothing was written yet." }
            } @else {
                @if view.titles == Titles::Hidden {
                    p.quiet.hint { "Titles and contents are shown once the page has a password: "
                        code { "calpair page-password" } "." }
                }
                ol.card.list.changes { @for change in &overview.changes { (row(view, change)) } }
            }
        }
    }
}

fn row(view: View<'_>, change: &Change) -> Markup {
    let side = match change.side {
        SideWord::Left => "left",
        SideWord::Right => "right",
    };
    let (sign, kind, words) = match change.action.as_str() {
        "create" => ("+", "made", "Added"),
        "delete" => ("−", "gone", "Deleted"),
        "overruled" => ("≠", "lost", "Overruled"),
        _ => ("~", "new", "Changed"),
    };
    let fields: Vec<&FieldChange> = change.fields.iter().take(FIELDS).collect();
    html! {
        li {
            span class={ "badge " (kind) } aria-hidden="true" { (sign) }
            div.what {
                p {
                    (words) " " strong { (view.title(change.title.as_deref())) }
                    " on the " (side) " of " (look::text(&change.pair))
                }
                @if !fields.is_empty() {
                    @match view.titles {
                        Titles::Shown => details id={ "change-" (change.id) } {
                            summary { "Before and after" }
                            (values(&fields))
                        },
                        Titles::Hidden => p.quiet.small { (names(&fields)) },
                    }
                }
            }
            span.quiet.when { (look::time(change.at)) }
        }
    }
}

fn values(fields: &[&FieldChange]) -> Markup {
    html! {
        dl.values {
            @for FieldChange { field, before, after } in fields {
                dt { (field) }
                dd {
                    @if let Some(before) = before { del { (cut(before)) } " " }
                    @if let Some(after) = after { ins { (cut(after)) } }
                }
            }
        }
    }
}

fn names(fields: &[&FieldChange]) -> String {
    let named: Vec<&str> = fields.iter().take(NAMES).map(|change| change.field.as_str()).collect();
    let more = if fields.len() > NAMES { ", …" } else { "" };
    named.join(", ") + more
}

fn cut(value: &str) -> Markup {
    match value.char_indices().nth(LONGEST) {
        Some((at, _)) => look::text(&format!("{}…", &value[..at])),
        None => look::text(value),
    }
}
