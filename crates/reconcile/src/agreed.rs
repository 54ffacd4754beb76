//! The base after a step: what each side holds, but for what the step leaves open. An open edit
//! that the base learnt would be nobody's edit in the next cycle, and lost.

use model::{Event, Exception, Field, Series, Side, Sides};

use crate::keys::{Renaming, implied};
use crate::plan::{Step, Waiting};

/// What the base becomes once a step's writes are done and both sides hold `held`.
///
/// Without a `base` (first contact) what is open is as if it had been empty, or, where both sides
/// say something, as if each had had the other's: so both differ from their base for as long as
/// they differ from one another.
pub fn agreed(step: &Step, base: Option<Sides<&Series>>, held: Sides<&Series>) -> Sides<Series> {
    let waiting = &step.waiting;
    let Some(base) = base else {
        return Sides::from_fn(|side| {
            let mut agreed = held[side].clone();
            retain(&mut agreed, &before_contact(held[side], held[side.opposite()]), waiting);
            agreed
        });
    };
    let Some(mut agreed) = nameable(waiting, base, held) else { return base.map(Series::clone) };
    for side in Side::BOTH {
        retain(&mut agreed[side], base[side], waiting);
    }
    agreed
}

/// What the sides hold, its exceptions named as the base will name them: where times are open, it
/// keeps the former ones. `None` where something has no name there, and the base has to stay as it
/// is, as a whole. What both sides hold alike is no edit even so.
fn nameable(
    waiting: &Waiting,
    base: Sides<&Series>,
    held: Sides<&Series>,
) -> Option<Sides<Series>> {
    if unnameable(waiting, base, held) {
        return None;
    }
    let named = |side: Side| {
        let mut series = held[side].clone();
        if waiting.fields.contains(Field::Times) && !series.exceptions.is_empty() {
            let renaming = Renaming::between(base[side], held[side])?;
            let exceptions = std::mem::take(&mut series.exceptions).into_iter();
            series.exceptions =
                exceptions.map(|(key, exception)| (renaming.back(&key), exception)).collect();
        }
        Some(series)
    };
    Some(Sides::new(named(Side::Left)?, named(Side::Right)?))
}

/// Whether what is open has no name in a later state.
fn unnameable(waiting: &Waiting, base: Sides<&Series>, held: Sides<&Series>) -> bool {
    let start = |series: &Series| series.master.as_ref().map(|master| master.start.clone());
    let moved = || Side::BOTH.into_iter().any(|side| start(base[side]) != start(held[side]));
    waiting.every_occurrence || (!waiting.occurrences.is_empty() && moved())
}

fn retain(agreed: &mut Series, open: &Series, waiting: &Waiting) {
    for field in waiting.fields.iter() {
        match field {
            Field::Recurrence => agreed.recurrence.clone_from(&open.recurrence),
            _ => {
                if let (Some(agreed), Some(open)) = (&mut agreed.master, &open.master) {
                    agreed.take(open, field);
                }
            }
        }
    }
    if waiting.every_occurrence {
        agreed.exceptions.clone_from(&open.exceptions);
        if agreed.master.is_some() != open.master.is_some() {
            agreed.master.clone_from(&open.master);
        }
        return;
    }
    for (key, fields) in &waiting.occurrences {
        let was = open.exceptions.get(key);
        match (agreed.exceptions.get_mut(key), was) {
            (Some(Exception::Override(agreed)), _) if !fields.contains(Field::Recurrence) => {
                let was = match was {
                    Some(Exception::Override(event)) => Some((**event).clone()),
                    Some(Exception::Cancelled) | None => implied(open, key),
                };
                if let Some(was) = was {
                    fields.iter().for_each(|field| agreed.take(&was, field));
                }
            }
            (_, Some(was)) => {
                agreed.exceptions.insert(key.clone(), was.clone());
            }
            (_, None) => {
                agreed.exceptions.remove(key);
            }
        }
    }
}

/// What a side is taken to have held before a first contact.
fn before_contact(own: &Series, other: &Series) -> Series {
    let mut before = other.clone();
    if own.recurrence.is_empty() {
        before.recurrence.clone_from(&own.recurrence);
    }
    match (&own.master, &mut before.master) {
        (Some(own), Some(before)) => blank_out(own, before),
        (None, master) => *master = None,
        (Some(_), None) => {}
    }
    before.exceptions.retain(|key, _| own.exceptions.contains_key(key));
    for (key, exception) in &mut before.exceptions {
        if let (Exception::Override(before), Some(Exception::Override(own))) =
            (exception, own.exceptions.get(key))
        {
            blank_out(own, before);
        }
    }
    before
}

/// Takes over what is empty in `own`.
fn blank_out(own: &Event, before: &mut Event) {
    let blank = Event::new(own.start.clone(), own.end.clone());
    for field in Field::ALL {
        if own.same(&blank, field) && field != Field::Times && field != Field::Transparency {
            before.take(own, field);
        }
    }
}
