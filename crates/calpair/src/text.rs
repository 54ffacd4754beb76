//! The reports as text for people: aligned, and with everything that a stranger may have written
//! made harmless.

use std::fmt::Write as _;

use crate::report::{
    Accounts, At, Calendars, Change, CheckResult, Checks, Conflict, Conflicts, Explanations,
    FieldChange, FieldClash, History, Outcome, PairStatus, PairSync, SideWord, Status, Sync,
    Written,
};
use crate::terminal::escaped;

/// A longer value is cut: it is shown to be recognised, not to be read.
const LONGEST_VALUE: usize = 60;

/// `status`
pub(crate) fn status(status: &Status) -> String {
    let mut text = String::new();
    let rows = status.accounts.iter().map(|account| {
        [
            account.name.clone(),
            account.provider.clone(),
            account.state.clone(),
            since(account.since),
        ]
    });
    let rows: Vec<[String; 4]> = rows.collect();
    for (row, account) in table(&rows).into_iter().zip(&status.accounts) {
        line(&mut text, &row);
        reason(&mut text, account.reason.as_deref(), account.action.as_deref());
    }
    if !status.accounts.is_empty() && !status.pairs.is_empty() {
        text.push('\n');
    }
    let rows: Vec<[String; 4]> = status.pairs.iter().map(pair_row).collect();
    for (row, pair) in table(&rows).into_iter().zip(&status.pairs) {
        line(&mut text, &row);
        pair_details(&mut text, pair);
    }
    text
}

fn pair_row(pair: &PairStatus) -> [String; 4] {
    let end = |end: &crate::report::EndStatus| {
        format!("{}/{} ({})", end.account, end.calendar, end.series)
    };
    let ends = format!("{} <-> {}", end(&pair.left), end(&pair.right));
    [pair.name.clone(), pair.state.clone(), ends, since(pair.since)]
}

fn pair_details(text: &mut String, pair: &PairStatus) {
    reason(text, pair.reason.as_deref(), pair.action.as_deref());
    if let Some(at) = pair.last_success {
        let next = pair.next_run.map(|at| format!(", next {at}")).unwrap_or_default();
        line(text, &format!("    last success {at}{next}"));
    }
    if pair.conflicts > 0 {
        line(text, &format!("    {} wait for a choice", counted(pair.conflicts, "conflict")));
    }
    for problem in &pair.problems {
        let side = side(problem.side);
        line(text, &format!("    can't be written on {side}: {}: {}", problem.uid, problem.reason));
    }
}

fn since(at: Option<At>) -> String {
    at.map(|at| format!("since {at}")).unwrap_or_default()
}

fn reason(text: &mut String, reason: Option<&str>, action: Option<&str>) {
    if let Some(reason) = reason {
        line(text, &format!("    {reason}"));
    }
    if let Some(action) = action {
        line(text, &format!("    -> {action}"));
    }
}

/// `sync`
pub(crate) fn sync(sync: &Sync) -> String {
    let mut text = String::new();
    for pair in &sync.pairs {
        line(&mut text, &format!("{}: {}", pair.name, summary(pair)));
        reason(&mut text, pair.reason.as_deref(), pair.action.as_deref());
        for action in pair.actions.iter().flatten() {
            let title = action.title.as_deref().unwrap_or("(no title)");
            let (what, side) = (&action.action, side(action.side));
            line(&mut text, &format!("    {what} on {side}: {title}  [{}]", action.uid));
            line(&mut text, &format!("        {}", action.reason));
            fields(&mut text, &action.fields, "        ");
        }
    }
    if sync.pairs.is_empty() {
        text.push_str("there is no pair to sync\n");
    }
    text
}

fn summary(pair: &PairSync) -> String {
    let mut parts = Vec::new();
    let outcome = match pair.outcome {
        Outcome::InSync => "in sync",
        Outcome::Changed => "changed",
        Outcome::Planned => "planned",
        Outcome::Halted => "halted",
        Outcome::ReconnectNeeded => "reconnect needed",
        Outcome::Retrying => "to be tried again",
        Outcome::Failed => "failed",
    };
    parts.push(outcome.to_owned());
    for (side, written) in [("left", pair.left), ("right", pair.right)] {
        parts.extend(wrote(written).map(|what| format!("{side} {what}")));
    }
    let numbers = [(pair.adopted, "adopted"), (pair.merged, "merged")];
    parts.extend(numbers.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")));
    if let Some(actions) = &pair.actions {
        parts.push(counted(actions.len() as u64, "action"));
    }
    let open = [(pair.conflicts, "conflict"), (pair.problems, "problem")];
    parts.extend(open.iter().filter(|(n, _)| *n > 0).map(|(n, noun)| counted(*n, noun)));
    let requests = pair.requests.left + pair.requests.right;
    if requests > 0 {
        parts.push(format!("{} in {} ms", counted(requests, "request"), pair.duration_ms));
    }
    parts.join(", ")
}

fn wrote(written: Written) -> Option<String> {
    let Written { created, updated, deleted } = written;
    let parts = [(created, '+'), (updated, '~'), (deleted, '-')];
    let parts: Vec<String> =
        parts.iter().filter(|(n, _)| *n > 0).map(|(n, sign)| format!("{sign}{n}")).collect();
    (!parts.is_empty()).then(|| parts.join(" "))
}

/// `accounts`
pub(crate) fn accounts(accounts: &Accounts) -> String {
    let mut text = String::new();
    let rows = accounts.accounts.iter().map(|account| {
        let identity = account.identity.clone().unwrap_or_default();
        [account.name.clone(), account.provider.clone(), account.state.clone(), identity]
    });
    let rows: Vec<[String; 4]> = rows.collect();
    for (row, account) in table(&rows).into_iter().zip(&accounts.accounts) {
        line(&mut text, &row);
        reason(&mut text, account.reason.as_deref(), account.action.as_deref());
    }
    text
}

/// `calendars`
pub(crate) fn calendars(calendars: &Calendars) -> String {
    let rows = calendars.calendars.iter().map(|calendar| {
        let rights = if calendar.writable { "read and write" } else { "read only" };
        let primary = if calendar.primary { "primary" } else { "" };
        [calendar.name.clone(), rights.to_owned(), primary.to_owned(), calendar.id.clone()]
    });
    let mut text = String::new();
    for row in table(&rows.collect::<Vec<_>>()) {
        line(&mut text, &row);
    }
    text
}

/// `history` of a pair and of an event, where one was named.
pub(crate) fn history(history: &History, pair: Option<&str>, event: Option<&str>) -> String {
    let mut text = String::new();
    for change in &history.changes {
        let Change { id, at, pair, action, uid, .. } = change;
        let title = change.title.as_deref().unwrap_or("(no title)");
        let side = side(change.side);
        line(&mut text, &format!("{id}  {at}  {pair}  {action} on {side}: {title}  [{uid}]"));
        line(&mut text, &format!("    {}", change.reason));
        fields(&mut text, &change.fields, "    ");
    }
    match event {
        _ if !history.changes.is_empty() => {}
        None => text.push_str("nothing was written yet\n"),
        Some(event) => {
            let place = pair.map_or(String::new(), |pair| format!(" in {pair}"));
            let pair = pair.unwrap_or("PAIR");
            let sentence = format!(
                "no change of an event with the UID {event:?} is known{place}; `calpair explain \
                 {pair} WORD` finds events by a part of their title, and names their UIDs"
            );
            line(&mut text, &sentence);
        }
    }
    text
}

/// `conflicts`
pub(crate) fn conflicts(conflicts: &Conflicts) -> String {
    let mut text = String::new();
    for Conflict { id, pair, uid, title, since, fields } in &conflicts.conflicts {
        let title = title.as_deref().unwrap_or("(no title)");
        line(&mut text, &format!("{id}  {pair}  {title}  [{uid}]  since {since}"));
        for FieldClash { field, left, right } in fields {
            let shown = |value: &Option<String>| match value {
                Some(value) => format!("{:?}", cut(value)),
                None => "nothing".to_owned(),
            };
            let (left, right) = (shown(left), shown(right));
            line(&mut text, &format!("    {field}: left {left}, right {right}"));
        }
    }
    if conflicts.conflicts.is_empty() {
        text.push_str("there is no open conflict\n");
    }
    text
}

/// `explain`
pub(crate) fn explain(explanations: &Explanations) -> String {
    let mut text = String::new();
    for event in &explanations.events {
        let title = event.title.as_deref().unwrap_or("(no title)");
        line(&mut text, &format!("{title}  [{}]: {}", event.uid, event.state));
        event.reasons.iter().for_each(|reason| line(&mut text, &format!("    {reason}")));
        for (side, lost) in [("left", &event.lost_left), ("right", &event.lost_right)] {
            if !lost.is_empty() {
                line(&mut text, &format!("    {side} can't hold it as it is: {}", lost.join("; ")));
            }
        }
    }
    text
}

/// `doctor` and `check --online`
pub(crate) fn checks(checks: &Checks) -> String {
    let rows = checks.checks.iter().map(|check| {
        let result = match check.result {
            CheckResult::Ok => "ok",
            CheckResult::Warning => "warning",
            CheckResult::Failed => "FAILED",
        };
        [result.to_owned(), check.name.clone(), check.reason.clone().unwrap_or_default()]
    });
    let rows: Vec<[String; 3]> = rows.collect();
    let mut text = String::new();
    for (row, check) in table(&rows).into_iter().zip(&checks.checks) {
        line(&mut text, &row);
        reason(&mut text, None, check.action.as_deref());
    }
    text
}

fn fields(text: &mut String, fields: &[FieldChange], indent: &str) {
    for FieldChange { field, before, after } in fields {
        let shown = |value: &Option<String>| match value {
            Some(value) => format!("{:?}", cut(value)),
            None => "nothing".to_owned(),
        };
        line(text, &format!("{indent}{field}: {} -> {}", shown(before), shown(after)));
    }
}

fn cut(value: &str) -> String {
    match value.char_indices().nth(LONGEST_VALUE) {
        Some((at, _)) => format!("{}…", &value[..at]),
        None => value.to_owned(),
    }
}

const fn side(side: SideWord) -> &'static str {
    match side {
        SideWord::Left => "left",
        SideWord::Right => "right",
    }
}

/// `1 account`, `2 accounts`.
pub(crate) fn counted(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// A name as a part of an address.
pub(crate) fn segment(name: &str) -> String {
    let mut text = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_".contains(&byte) {
            text.push(char::from(byte));
        } else {
            write!(text, "%{byte:02X}").expect("writing to a String does not fail");
        }
    }
    text
}

/// Text of several lines, each made harmless.
pub(crate) fn several(text: &str) -> String {
    text.lines().map(escaped).collect::<Vec<_>>().join("\n")
}

/// One line, made harmless.
fn line(text: &mut String, line: &str) {
    writeln!(text, "{}", escaped(line).trim_end()).expect("writing to a String does not fail");
}

/// Rows with aligned columns.
fn table<const N: usize>(rows: &[[String; N]]) -> Vec<String> {
    let width = |column: usize| {
        rows.iter().map(|row| escaped(&row[column]).chars().count()).max().unwrap_or_default()
    };
    let widths: [usize; N] = std::array::from_fn(width);
    let aligned = |row: &[String; N]| {
        let cells = row.iter().zip(widths);
        let cells: Vec<String> =
            cells.map(|(cell, width)| format!("{:width$}", escaped(cell))).collect();
        cells.join("  ")
    };
    rows.iter().map(aligned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{AccountStatus, Action, Requests};

    #[test]
    fn columns_are_aligned_and_what_to_do_stands_below() {
        let account = |name: &str, state: &str, action: Option<&str>| AccountStatus {
            name: name.into(),
            provider: "caldav".into(),
            state: state.into(),
            since: None,
            reason: action.map(|_| "no password is stored".into()),
            action: action.map(Into::into),
        };
        let accounts =
            vec![account("nas", "ok", None), account("home", "unconnected", Some("do it"))];
        let expected = ["nas   caldav  ok", "home  caldav  unconnected"].join("\n")
            + "\n    no password is stored\n    -> do it\n";
        assert_eq!(status(&Status { accounts, pairs: Vec::new() }), expected);
    }

    #[test]
    fn an_event_that_was_never_written_is_told_from_a_pair_that_was_not() {
        let none = History { changes: Vec::new() };
        let not_yet = "nothing was written yet\n";
        assert_eq!(history(&none, None, None), not_yet);
        assert_eq!(history(&none, Some("family"), None), not_yet);
        let known = history(&none, Some("family"), Some("no\u{1b}pe"));
        assert!(known.starts_with("no change of an event with the UID \"no\\u{1b}pe\" is known"));
        assert!(known.contains("in family; `calpair explain family WORD` finds"), "{known}");
        let anywhere = history(&none, None, Some("nope"));
        assert!(anywhere.contains("is known; `calpair explain PAIR WORD`"), "{anywhere}");
    }

    #[test]
    fn a_strangers_title_is_harmless_and_a_long_value_cut() {
        let field = FieldChange {
            field: "title".into(),
            before: None,
            after: Some("x".repeat(LONGEST_VALUE + 1)),
        };
        let action = Action {
            action: "create".into(),
            side: SideWord::Right,
            uid: "u".into(),
            title: Some("a\u{1b}[2J\nb".into()),
            fields: vec![field],
            reason: "new on left".into(),
        };
        let pair = PairSync {
            name: "p".into(),
            outcome: Outcome::Planned,
            left: Written::default(),
            right: Written { created: 1, updated: 2, deleted: 0 },
            adopted: 0,
            merged: 3,
            conflicts: 1,
            problems: 0,
            requests: Requests { left: 1, right: 1 },
            duration_ms: 5,
            reason: Some("account a is not connected".into()),
            action: Some("calpair connect a".into()),
            actions: Some(vec![action]),
        };
        let text = sync(&Sync { pairs: vec![pair] });
        let first = "p: planned, right +1 ~2, 3 merged, 1 action, 1 conflict, 2 requests in 5 ms\n";
        assert!(text.starts_with(first), "{text}");
        let then = "    account a is not connected\n    -> calpair connect a\n";
        assert!(text[first.len()..].starts_with(then), "{text}");
        assert!(text.contains("create on right: a\\u{1b}[2J\\nb  [u]\n"), "{text}");
        let value = "x".repeat(LONGEST_VALUE);
        assert!(text.contains(&format!("title: nothing -> \"{value}…\"\n")), "{text}");
    }
}
