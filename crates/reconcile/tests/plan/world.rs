//! A small world for tests: short words for series and plans, and the execution of a plan that
//! always succeeds.

use model::civil::date;
use model::{
    Event, Exception, Extent, Frequency, MappingId, Recurrence, ResourceId, Rule, Series, Side,
    Sides, Timestamp, When, Zone,
};
use reconcile::{
    Contact, Held, Known, Now, Plan, Policy, Step, Subject, Totals, Touched, Write, agreed, plan,
};

/// 2026-03-02 is a Monday.
pub(crate) fn at(day: i8, hour: i8) -> When {
    let zone = Zone::Iana("Europe/Berlin".into());
    When::Zoned { local: date(2026, 3, day).at(hour, 0, 0, 0), zone }
}

pub(crate) fn event(title: &str) -> Event {
    let mut event = Event::new(at(2, 9), at(2, 10));
    event.title = (!title.is_empty()).then(|| title.into());
    event
}

pub(crate) fn single(title: &str) -> Series {
    Series::single("uid".into(), event(title))
}

/// Daily from 2026-03-02T09:00.
pub(crate) fn daily(title: &str) -> Series {
    let mut series = single(title);
    series.recurrence =
        Recurrence { rules: vec![Rule::new(Frequency::Daily)], ..Default::default() };
    series
}

pub(crate) fn with(mut series: Series, change: impl FnOnce(&mut Event)) -> Series {
    change(series.master.as_mut().unwrap());
    series
}

pub(crate) fn with_override(
    mut series: Series,
    day: i8,
    change: impl FnOnce(&mut Event),
) -> Series {
    let key = at(day, 9);
    let mut event = match series.exceptions.remove(&key) {
        Some(Exception::Override(event)) => *event,
        _ => {
            let mut event = series.master.clone().unwrap_or_else(|| event("orphan"));
            (event.start, event.end) = (at(day, 9), at(day, 10));
            event
        }
    };
    change(&mut event);
    series.exceptions.insert(key, Exception::Override(Box::new(event)));
    series
}

pub(crate) fn cancelled(mut series: Series, day: i8) -> Series {
    series.exceptions.insert(at(day, 9), Exception::Cancelled);
    series
}

pub(crate) fn modified(mut series: Series, second: i64) -> Series {
    series.modified = Some(Timestamp::from_second(second).unwrap());
    series
}

pub(crate) fn held(id: &str, series: Series) -> Held {
    Held { id: ResourceId::new(id), series }
}

pub(crate) fn present(series: Series) -> Now {
    Now::Present(held("id", series))
}

pub(crate) fn known(base: Sides<Series>, now: Sides<Now>) -> Known {
    Known { mapping: MappingId(1), base, pending: Sides::default(), now }
}

pub(crate) fn touched(known: Known) -> Touched {
    Touched { known: vec![known], contacts: Vec::new() }
}

pub(crate) fn meeting(left: Vec<Held>, right: Vec<Held>) -> Touched {
    Touched { known: Vec::new(), contacts: vec![Contact { held: Sides::new(left, right) }] }
}

/// Totals so large that nothing halts.
pub(crate) const CALM: Totals =
    Totals { series: Sides { left: 1000, right: 1000 }, deletions: Sides { left: 0, right: 0 } };

pub(crate) fn plan_calmly(touched: &Touched, policy: &Policy) -> Plan {
    let plan = plan(touched, policy, &CALM);
    let violations = reconcile::check(&plan, touched, policy, &CALM);
    assert!(violations.is_empty(), "{violations:?}\n{plan:#?}\n{touched:#?}");
    plan
}

/// The world after a plan that was carried out without a fault, in the order of `order`.
pub(crate) fn apply(touched: &Touched, steps: &[&Step]) -> Touched {
    let mut next = Touched::default();
    for step in steps {
        match &step.subject {
            Subject::Known(mapping) => {
                let known = touched.known.iter().find(|known| known.mapping == *mapping).unwrap();
                let now = Sides::from_fn(|side| after(step, side, &known.now[side]));
                let base = match (series(&now.left), series(&now.right)) {
                    (Some(left), Some(right)) => {
                        agreed(step, Some(known.base.as_ref()), Sides::new(left, right))
                    }
                    (None, None)
                        if !matches!(now.left, Now::Unreadable { .. })
                            && !matches!(now.right, Now::Unreadable { .. }) =>
                    {
                        continue;
                    }
                    _ => known.base.clone(),
                };
                next.known.push(Known { mapping: *mapping, base, pending: Sides::default(), now });
            }
            Subject::New(ids) => {
                let now = Sides::from_fn(|side| {
                    let held = ids[side].as_ref().map(|id| find(touched, side, id));
                    after(step, side, &held.map_or(Now::Absent, Now::Present))
                });
                match (now.left, now.right) {
                    (Now::Present(left), Now::Present(right)) => {
                        let series = Sides::new(&left.series, &right.series);
                        let base = agreed(step, None, series);
                        let mapping = MappingId(1000 + next.known.len() as i64);
                        let now = Sides::new(Now::Present(left), Now::Present(right));
                        next.known.push(Known { mapping, base, pending: Sides::default(), now });
                    }
                    (left, right) => {
                        let list = |now| match now {
                            Now::Present(held) => vec![held],
                            Now::Absent | Now::Unreadable { .. } => vec![],
                        };
                        let held = Sides::new(list(left), list(right));
                        next.contacts.push(Contact { held });
                    }
                }
            }
        }
    }
    next
}

fn find(touched: &Touched, side: Side, id: &ResourceId) -> Held {
    let mut all = touched.contacts.iter().flat_map(|contact| &contact.held[side]);
    all.find(|held| held.id == *id).unwrap().clone()
}

fn after(step: &Step, side: Side, now: &Now) -> Now {
    match (&step.writes[side], now) {
        (None, now) => now.clone(),
        (Some(Write::Create(series)), Now::Absent) => {
            Now::Present(held(&format!("made-{}", series.uid), series.clone()))
        }
        (Some(Write::Update(series)), Now::Present(before)) => {
            Now::Present(Held { id: before.id.clone(), series: series.clone() })
        }
        (Some(Write::Delete), Now::Present(_)) => Now::Absent,
        (Some(write), now) => panic!("{write:?} on {now:?}"),
    }
}

pub(crate) fn series(now: &Now) -> Option<&Series> {
    match now {
        Now::Present(held) => Some(&held.series),
        Now::Absent | Now::Unreadable { .. } => None,
    }
}

/// Plans, carries out, and plans again: the second plan must have nothing to write.
pub(crate) fn settle(touched: &Touched, policy: &Policy) -> (Plan, Touched) {
    let first = plan_calmly(touched, policy);
    let after = apply(touched, &first.steps.iter().collect::<Vec<_>>());
    let again = plan_calmly(&after, policy);
    for step in &again.steps {
        let quiet = step.writes.left.is_none() && step.writes.right.is_none();
        assert!(quiet, "an echo:\n{step:#?}\nafter\n{first:#?}\nin\n{touched:#?}");
    }
    (first, after)
}

/// The world in a mirror.
pub(crate) fn swapped(touched: &Touched) -> Touched {
    let known = touched.known.iter().map(|known| Known {
        mapping: known.mapping,
        base: known.base.clone().swapped(),
        pending: known.pending.clone().swapped(),
        now: known.now.clone().swapped(),
    });
    let contacts =
        touched.contacts.iter().map(|contact| Contact { held: contact.held.clone().swapped() });
    Touched { known: known.collect(), contacts: contacts.collect() }
}

pub(crate) const ALWAYS: Extent = Extent::ALWAYS;
