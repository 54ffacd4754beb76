//! The plan in words. Reasons carry no private content, so that they may be logged; values are for
//! the person whose calendar it is, and come redacted.

use std::collections::BTreeSet;

use model::{Event, Exception, Field, FieldSet, Redacted, Series, Side, When};

use crate::keys::implied;
use crate::merge::Merged;
use crate::plan::{Decision, FieldChange, Skip};
use crate::words;

/// What becomes of a series, field by field; a missing one has no fields. Overrides are named by
/// their original start: `title of 2026-03-02T09:00`.
pub fn difference(before: Option<&Series>, after: Option<&Series>) -> Vec<FieldChange> {
    let mut changes = Vec::new();
    let master = |series: Option<&Series>| series.and_then(|series| series.master.clone());
    compare(None, master(before).as_ref(), master(after).as_ref(), &mut changes);
    let rule = |series: Option<&Series>| {
        series
            .filter(|series| !series.recurrence.is_empty())
            .map(|series| words::recurrence(&series.recurrence))
    };
    let recurrence = |series: Option<&Series>| series.map(|series| series.recurrence.clone());
    if recurrence(before).unwrap_or_default() != recurrence(after).unwrap_or_default() {
        push(&mut changes, field_name(Field::Recurrence, None), rule(before), rule(after));
    }
    let exceptions = |series: Option<&Series>| {
        series.map(|series| series.exceptions.clone()).unwrap_or_default()
    };
    let (old, new) = (exceptions(before), exceptions(after));
    let keys: BTreeSet<&When> = old.keys().chain(new.keys()).collect();
    for key in keys {
        occurrence(key, [before, after], [old.get(key), new.get(key)], &mut changes);
    }
    changes
}

fn occurrence(
    key: &When,
    series: [Option<&Series>; 2],
    states: [Option<&Exception>; 2],
    changes: &mut Vec<FieldChange>,
) {
    if states[0] == states[1] {
        return;
    }
    let cancelled = states.map(|state| state == Some(&Exception::Cancelled));
    if cancelled[0] || cancelled[1] {
        let say =
            |at: usize| series[at].map(|_| if cancelled[at] { "cancelled" } else { "takes place" });
        let [old, new] = [say(0), say(1)].map(|words| words.map(str::to_owned));
        push(changes, format!("occurrence of {}", words::when(key)), old, new);
    }
    let shown = |at: usize| match states[at] {
        Some(Exception::Override(event)) => Some((**event).clone()),
        Some(Exception::Cancelled) => None,
        None => series[at].and_then(|series| implied(series, key)),
    };
    let events = [shown(0), shown(1)];
    let one_is_own = states.iter().any(|state| matches!(state, Some(Exception::Override(_))));
    if one_is_own && !cancelled[1] {
        compare(Some(key), events[0].as_ref(), events[1].as_ref(), changes);
    }
}

fn compare(
    at: Option<&When>,
    before: Option<&Event>,
    after: Option<&Event>,
    changes: &mut Vec<FieldChange>,
) {
    for field in Field::ALL {
        let same = match (before, after) {
            (Some(before), Some(after)) => before.same(after, field),
            (None, None) => true,
            (None, Some(_)) | (Some(_), None) => false,
        };
        if same {
            continue;
        }
        let value = |event: Option<&Event>| event.and_then(|event| field_value(event, field));
        push(changes, field_name(field, at), value(before), value(after));
    }
}

fn push(
    changes: &mut Vec<FieldChange>,
    field: String,
    before: Option<String>,
    after: Option<String>,
) {
    if before.is_some() || after.is_some() {
        let [before, after] = [before, after].map(|value| value.map(Redacted::new));
        changes.push(FieldChange { field, before, after });
    }
}

/// What of a series a side with these fields can't hold, in words and without private content.
pub fn cannot_hold(series: &Series, fields: FieldSet) -> Vec<String> {
    let blank = |event: &Event| Event::new(event.start.clone(), event.end.clone());
    Field::ALL
        .into_iter()
        .filter(|field| !fields.contains(*field))
        .filter(|field| match field {
            Field::Recurrence => !series.recurrence.is_empty(),
            _ => series.events().any(|event| !event.same(&blank(event), *field)),
        })
        .map(|field| field.as_str().to_owned())
        .collect()
}

/// A field as a person is shown it.
pub(crate) fn field_name(field: Field, at: Option<&When>) -> String {
    match at {
        None => field.to_string(),
        Some(at) => format!("{field} of {}", words::when(at)),
    }
}

/// A field's value, `None` when it is empty.
pub(crate) fn field_value(event: &Event, field: Field) -> Option<String> {
    words::value(event, field)
}

/// Why a step does what it does.
pub(crate) fn reason(decision: &Decision, merged: &Merged) -> String {
    let changed = |side: Side| {
        let fields = merged.taken[side.opposite()];
        (!fields.is_empty()).then(|| format!("{} changed on {side}", list(fields)))
    };
    let overruled: Vec<String> = merged
        .overruled
        .iter()
        .map(|lost| format!("{} of {} overruled", list(lost.fields), lost.side))
        .collect();
    let renewed = merged.renewed.iter().filter(|(_, fields)| !fields.is_empty());
    let renewed = renewed
        .map(|(side, fields)| format!("the rules changed: {} made anew on {side}", list(*fields)));
    let changed = Side::BOTH.into_iter().filter_map(changed);
    let parts: Vec<String> = changed.chain(overruled).chain(renewed).collect();
    let said = if parts.is_empty() { None } else { Some(parts.join(", ")) };
    match decision {
        Decision::Conflict => {
            let fields: BTreeSet<&str> = merged.clashes.iter().map(|c| c.of.as_str()).collect();
            let fields = fields.into_iter().collect::<Vec<_>>().join(", ");
            format!("{fields} changed differently on both sides: somebody must choose")
        }
        Decision::Problem(side) => {
            let what = if merged.renew[*side].is_empty() {
                format!("it changed on {}", side.opposite())
            } else {
                "the rules changed".to_owned()
            };
            let waits = format!("{what}, but {side} is read-only");
            said.map_or(waits.clone(), |said| format!("{waits}; {said}"))
        }
        Decision::Skip(Skip::Direction) => {
            "it changed on the side that nothing crosses from".to_owned()
        }
        Decision::Skip(Skip::Rule) => {
            let held_up = Side::BOTH.into_iter().find(|side| merged.held_up[*side]);
            let to = held_up.map(|side| format!(" to {side}")).unwrap_or_default();
            let renew = held_up.is_some_and(|side| !merged.renew[side].is_empty());
            let what = if renew { "the rules changed" } else { "it changed" };
            format!("{what}, but a rule keeps it from crossing{to}")
        }
        Decision::Skip(Skip::Window) => "it lies outside the pair's window".to_owned(),
        Decision::Keep => "there is nothing to do".to_owned(),
        Decision::Adopt => "both sides agree".to_owned(),
        Decision::Forget | Decision::Copy(_) | Decision::Delete(_) | Decision::Merge => {
            said.unwrap_or_else(|| "occurrences are renamed".to_owned())
        }
    }
}

fn list(fields: FieldSet) -> String {
    fields.iter().map(Field::as_str).collect::<Vec<_>>().join(", ")
}
