//! What needs a person: credentials that are dead or soon will be, halted plans, pairs that can't
//! be, conflicts, problems; each with what mends it.

use maud::{Markup, html};
use model::Redacted;

use super::View;
use crate::page::look;
use crate::report::{AccountStatus, Conflict, FieldClash, PairStatus, SideWord};
use crate::service::{Overview, Plan};
use crate::text::counted;

/// Problems of one pair that are shown one by one.
const PROBLEMS: usize = 20;

/// What can be chosen in a conflict.
const KEEPS: [(&str, &str); 3] =
    [("left", "Keep the left one"), ("right", "Keep the right one"), ("both", "Keep both")];

/// How many things need a person.
pub(super) fn needs(overview: &Overview) -> usize {
    let status = &overview.status;
    let accounts = status.accounts.iter().filter(|account| needs_connecting(account)).count();
    let pairs = status.pairs.iter().filter(|pair| needs_deciding(pair)).count();
    accounts + pairs + overview.conflicts.len()
}

fn needs_connecting(account: &AccountStatus) -> bool {
    matches!(&*account.state, "unconnected" | "reconnect-needed" | "attention") || ends(account)
}

/// What mends it, where that is not to connect it.
fn otherwise(account: &AccountStatus) -> Option<&str> {
    let action = account.action.as_deref()?;
    (!action.starts_with("calpair connect ")).then_some(action)
}

/// Whether it still works, and is known to end soon.
fn ends(account: &AccountStatus) -> bool {
    account.state == "ok" && account.action.is_some()
}

fn needs_deciding(pair: &PairStatus) -> bool {
    matches!(&*pair.state, "halted" | "misconfigured")
}

/// The section; nothing where nothing is open.
pub(super) fn section(view: View<'_>, overview: &Overview) -> Markup {
    let status = &overview.status;
    let troubled: Vec<_> = status.pairs.iter().filter(|pair| !pair.problems.is_empty()).collect();
    if needs(overview) == 0 && troubled.is_empty() {
        return html! {};
    }
    html! {
        section aria-labelledby="open" {
            h2 #open { "What needs you" }
            div.stack {
                @for account in status.accounts.iter().filter(|account| needs_connecting(account)) {
                    (connect(account))
                }
                @for pair in status.pairs.iter().filter(|pair| needs_deciding(pair)) {
                    @let plan = overview.plans.iter().find(|plan| plan.pair == pair.name);
                    (decide(view, pair, plan))
                }
                @for conflict in &overview.conflicts { (choose(view, conflict)) }
                @for pair in troubled { (problems(pair)) }
            }
        }
    }
}

fn connect(account: &AccountStatus) -> Markup {
    let anew = account.state != "unconnected";
    html! {
        article.card.call {
            div.row {
                h3 { (look::text(&account.name)) }
                (look::state(&account.state))
            }
            @if let Some(reason) = &account.reason { p { (look::text(reason)) } }
            @if let Some(action) = otherwise(account) {
                p { "What to do: " (look::text(action)) }
            }
            p.quiet {
                @if ends(account) {
                    "Its pairs sync until then, and go on if it is connected again before."
                } @else if otherwise(account).is_some() {
                    "Nothing is lost: what changed meanwhile on both sides is merged as soon as "
                    "that is done."
                } @else if anew {
                    "Nothing is lost: what changed meanwhile on both sides is merged as soon as it "
                    "is connected again."
                } @else {
                    "Its pairs begin as soon as it is connected."
                }
                @if let Some(since) = account.since.filter(|_| !ends(account)) {
                    " Since " (look::time(since)) "."
                }
            }
            @if otherwise(account).is_none() {
                p { a.button.primary href={ "/connect/" (look::segment(&account.name)) } {
                    @if anew { "Reconnect" } @else { "Connect" } " " (look::text(&account.name))
                } }
            }
        }
    }
}

fn decide(view: View<'_>, pair: &PairStatus, plan: Option<&Plan>) -> Markup {
    html! {
        article.card.call {
            div.row {
                h3 { (look::text(&pair.name)) }
                (look::state(&pair.state))
            }
            @if let Some(reason) = &pair.reason { p { (look::text(reason)) } }
            @if let Some(plan) = plan { (approve(view, pair, plan)) }
            @else if let Some(action) = &pair.action {
                p.quiet { "What to do: " code { (action) } }
            }
        }
    }
}

fn approve(view: View<'_>, pair: &PairStatus, plan: &Plan) -> Markup {
    html! {
        p.quiet {
            "Nothing is written until somebody approves it, or until it is no longer so."
        }
        details id={ "plan-" (pair.name) } {
            summary { "What would be deleted" }
            ul.plain {
                @for deletion in &plan.deletions {
                    li {
                        (view.title(deletion.title.as_ref().map(Redacted::expose).map(|t| &**t)))
                        span.quiet { " on the " (deletion.side.as_str()) " · " }
                        code { (look::text(&deletion.uid)) }
                    }
                }
                @if plan.more > 0 { li.quiet { "and " (plan.more) " more" } }
            }
        }
        form method="post" action={ "/pairs/" (look::segment(&pair.name)) "/approve" } {
            (view.token())
            input type="hidden" name="plan" value=(plan.digest);
            button.danger id={ "approve-" (pair.name) } type="submit" {
                "Approve exactly this"
            }
        }
    }
}

fn choose(view: View<'_>, conflict: &Conflict) -> Markup {
    html! {
        article.card.call {
            div.row {
                h3 { "Conflict: " (view.title(conflict.title.as_deref())) }
                span.quiet { (look::text(&conflict.pair)) }
            }
            p { "It was changed on both sides since " (look::time(conflict.since))
                ", differently. Everything else goes on." }
            (clashes(view, &conflict.fields))
            form.buttons method="post" action={ "/conflicts/" (conflict.id) } {
                (view.token())
                @for (value, words) in KEEPS {
                    button id={ "keep-" (value) "-" (conflict.id) } type="submit" name="keep"
                        value=(value) { (words) }
                }
            }
        }
    }
}

fn clashes(view: View<'_>, fields: &[FieldClash]) -> Markup {
    let shown = view.titles == super::Titles::Shown;
    html! {
        table {
            thead {
                tr { @for head in ["Field", "Left", "Right"] { th scope="col" { (head) } } }
            }
            tbody {
                @for clash in fields {
                    tr {
                        th scope="row" { (clash.field) }
                        @for value in [&clash.left, &clash.right] {
                            td {
                                @if shown { (look::text(value.as_deref().unwrap_or("nothing"))) }
                                @else { span.quiet { "hidden" } }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn problems(pair: &PairStatus) -> Markup {
    let number = pair.problems.len();
    html! {
        details.card id={ "problems-" (pair.name) } {
            summary {
                (counted(number as u64, "event")) " of " (look::text(&pair.name))
                " can't be synced"
            }
            ul.plain {
                @for problem in pair.problems.iter().take(PROBLEMS) {
                    li {
                        (look::text(&problem.reason))
                        span.quiet {
                            @match problem.side {
                                SideWord::Left => " on the left · ",
                                SideWord::Right => " on the right · ",
                            }
                        }
                        code { (look::text(&problem.uid)) }
                    }
                }
                @if number > PROBLEMS { li.quiet { "and " (number - PROBLEMS) " more" } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_in_that_ends_soon_is_named_before_it_does() {
        let account = |state: &str, action: Option<&str>| AccountStatus {
            name: "work".into(),
            provider: "google".into(),
            state: state.into(),
            since: None,
            reason: action.map(|_| "the sign-in ends at noon".into()),
            action: action.map(Into::into),
        };
        assert!(!needs_connecting(&account("ok", None)));
        assert!(!needs_connecting(&account("suspect", Some("wait"))));
        let ending = account("ok", Some("calpair connect work"));
        assert!(needs_connecting(&ending));
        let card = connect(&ending).into_string();
        assert!(card.contains("the sign-in ends at noon") && card.contains("sync until then"));
        assert!(card.contains("/connect/work") && !card.contains("Nothing is lost"));
    }

    #[test]
    fn what_connecting_does_not_mend_is_not_to_be_connected() {
        let account = AccountStatus {
            name: "home".into(),
            provider: "icloud".into(),
            state: "attention".into(),
            since: None,
            reason: Some("iCloud took the password and shows nothing".into()),
            action: Some("sign in at www.icloud.com".into()),
        };
        let card = connect(&account).into_string();
        assert!(card.contains("What to do: <bdi>sign in at www.icloud.com"), "{card}");
        assert!(!card.contains("/connect/"), "{card}");
    }
}
