//! The base after a step: what each side holds, but for what the step leaves open. An open edit
//! that the base learnt would be nobody's edit in the next cycle, and lost.

use model::{Field, Series, Side, Sides};

use crate::plan::{Step, Waiting};

/// What the base becomes once a step's writes are done and both sides hold `held`.
///
/// Without a `base` (first contact) what is open gets the other side's value, so that each side
/// differs from its base for as long as the two differ.
pub fn agreed(step: &Step, base: Option<Sides<&Series>>, held: Sides<&Series>) -> Sides<Series> {
    let waiting = whole_if_moved(&step.waiting, base, held);
    Sides::from_fn(|side| {
        let open = base.map_or(held[side.opposite()], |base| base[side]);
        let mut agreed = held[side].clone();
        retain(&mut agreed, open, &waiting);
        agreed
    })
}

/// Open occurrences of a series that was moved can't be named without its earlier times.
fn whole_if_moved(
    waiting: &Waiting,
    base: Option<Sides<&Series>>,
    held: Sides<&Series>,
) -> Waiting {
    let start = |series: &Series| series.master.as_ref().map(|master| master.start.clone());
    let moved = base.is_some_and(|base| {
        Side::BOTH.into_iter().any(|side| start(base[side]) != start(held[side]))
    });
    let mut waiting = waiting.clone();
    if moved && !waiting.occurrences.is_empty() {
        waiting.fields = waiting.fields.with(Field::Times).with(Field::Recurrence);
        waiting.every_occurrence = true;
    }
    waiting
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
    for key in &waiting.occurrences {
        match open.exceptions.get(key) {
            Some(exception) => agreed.exceptions.insert(key.clone(), exception.clone()),
            None => agreed.exceptions.remove(key),
        };
    }
}
