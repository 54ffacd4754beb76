//! A small world for tests: short words for series and plans, and the execution of a plan that
//! always succeeds.

use model::civil::date;
use model::{
    Class, Event, Exception, FieldSet, Frequency, MappingId, Recurrence, ResourceId, Rights, Rule,
    Series, Side, Sides, Timestamp, When, Zone,
};
use proptest::test_runner::{Config as ProptestConfig, RngSeed};
use reconcile::{
    Conflict, Contact, Decision, Direction, Held, Known, Now, Pending, Plan, Policy, Step, Subject,
    Totals, Touched, Write, agreed, plan,
};

/// How properties are tried: everywhere with the same cases, so that a failure is met again by
/// whoever looks into it. `PROPTEST_RNG_SEED` and `PROPTEST_CASES` ask for others, and for more.
pub(crate) fn cases() -> ProptestConfig {
    let asked = ProptestConfig::default();
    let rng_seed = match asked.rng_seed {
        RngSeed::Random => RngSeed::Fixed(1),
        RngSeed::Fixed(seed) => RngSeed::Fixed(seed),
    };
    ProptestConfig { rng_seed, failure_persistence: None, ..asked }
}

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

pub(crate) fn located(title: &str, location: &str) -> Series {
    let mut series = single(title);
    let event = series.master.as_mut().unwrap();
    event.location = Some(model::Redacted::new(location.into()));
    series
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

/// The whole series so many hours later, as a calendar program moves it: exceptions are renamed,
/// and overrides that stood where the master put them move along.
pub(crate) fn shifted(mut series: Series, hours: i32) -> Series {
    let hour = date(2026, 3, 2).at(9, 0, 0, 0).duration_until(date(2026, 3, 2).at(10, 0, 0, 0));
    let later = |when: &When| when.with_wall(when.wall().saturating_add(hour * hours));
    if let Some(master) = &mut series.master {
        (master.start, master.end) = (later(&master.start), later(&master.end));
    }
    let exceptions = std::mem::take(&mut series.exceptions);
    for (key, mut exception) in exceptions {
        if let Exception::Override(event) = &mut exception
            && event.start == key
        {
            (event.start, event.end) = (later(&event.start), later(&event.end));
        }
        series.exceptions.insert(later(&key), exception);
    }
    series
}

/// The master alone so many hours later, as Google moves it: exceptions stay under the original
/// starts that they had.
pub(crate) fn shifted_alone(series: Series, hours: i32) -> Series {
    let exceptions = series.exceptions.clone();
    Series { exceptions, ..shifted(series, hours) }
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
    Known {
        mapping: MappingId(1),
        base,
        pending: Sides::default(),
        made: Sides::default(),
        renew: Sides::default(),
        beside: Sides::default(),
        now,
    }
}

pub(crate) fn touched(known: Known) -> Touched {
    Touched { known: vec![known], contacts: Vec::new() }
}

pub(crate) fn contact(held: Sides<Vec<Held>>) -> Contact {
    Contact { held, ..Contact::default() }
}

pub(crate) fn meeting(left: Vec<Held>, right: Vec<Held>) -> Touched {
    Touched { known: Vec::new(), contacts: vec![contact(Sides::new(left, right))] }
}

/// Totals so large that nothing halts.
pub(crate) fn calm(touched: &Touched, policy: &Policy) -> Totals {
    let due = reconcile::due(&touched.known, policy).into_iter().collect();
    Totals { series: Sides::new(1000, 1000), deletions: Sides::default(), due }
}

pub(crate) fn plan_calmly(touched: &Touched, policy: &Policy) -> Plan {
    let totals = calm(touched, policy);
    let plan = plan(touched, policy, &totals);
    let violations = reconcile::check(&plan, touched, policy, &totals);
    assert!(violations.is_empty(), "{violations:?}\n{}\n{}", sketch(&plan), picture(touched));
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
                let pending = still_pending(step, known);
                let (made, renew) = (known.made, step.renew);
                let both = matches!((&now.left, &now.right), (Now::Present(_), Now::Present(_)));
                let beside = if both { Sides::default() } else { known.beside };
                let mapping = *mapping;
                next.known.push(Known { mapping, base, pending, made, renew, beside, now });
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
                        let made = Sides::from_fn(|side| creates(step, side));
                        next.known.push(Known { mapping, made, ..known(base, now) });
                    }
                    (left, right) => {
                        let list = |now| match now {
                            Now::Present(held) => vec![held],
                            Now::Absent | Now::Unreadable { .. } => vec![],
                        };
                        let held = Sides::new(list(left), list(right));
                        let was = touched.contacts.iter().find(|was| {
                            let of = |side: Side| was.held[side].iter().map(|held| &held.id);
                            Side::BOTH.iter().any(|s| of(*s).any(|id| Some(id) == ids[*s].as_ref()))
                        });
                        let taken = was.map(|was| was.taken.clone()).unwrap_or_default();
                        next.contacts.push(Contact { held, taken, ..Contact::default() });
                    }
                }
            }
        }
    }
    next
}

fn creates(step: &Step, side: Side) -> bool {
    matches!(step.writes[side], Some(Write::Create(_)))
}

/// Writes stay pending while a step leaves something open.
fn still_pending(step: &Step, was: &Known) -> Sides<Vec<Pending>> {
    if step.waiting.is_empty() {
        return Sides::default();
    }
    Sides::from_fn(|side| {
        let mut pending = was.pending[side].clone();
        match &step.writes[side] {
            Some(Write::Update(target)) => pending.push(Pending {
                before: series(&was.now[side]).unwrap().clone(),
                target: target.clone(),
            }),
            Some(Write::Create(_) | Write::Delete) => pending.clear(),
            None => {}
        }
        pending
    })
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

/// Plans, carries out, and plans again: the second plan must have nothing to write, whether what
/// is open is kept open by `agreed` or by leaving the base alone.
pub(crate) fn settle(touched: &Touched, policy: &Policy) -> (Plan, Touched) {
    let first = plan_calmly(touched, policy);
    let after = apply(touched, &first.steps.iter().collect::<Vec<_>>());
    quiet(&after, policy, &first, touched);
    quiet(&with_base_left_alone(&after, touched, &first), policy, &first, touched);
    (first, after)
}

/// The same, where masks keep half of an edit back: a base that is left alone then has one more
/// thing to carry. It still comes to rest.
pub(crate) fn settle_soon(touched: &Touched, policy: &Policy) -> (Plan, Touched) {
    let first = plan_calmly(touched, policy);
    let after = apply(touched, &first.steps.iter().collect::<Vec<_>>());
    if says_private(touched, policy) && !says_private(&after, policy) {
        // What a rule kept back crosses as soon as the other side's edit has opened it up.
        let opened = plan_calmly(&after, policy);
        let last = apply(&after, &opened.steps.iter().collect::<Vec<_>>());
        quiet(&last, policy, &opened, &after);
        return (first, last);
    }
    quiet(&after, policy, &first, touched);
    let mut open = with_base_left_alone(&after, touched, &first);
    let again = plan_calmly(&open, policy);
    let next = apply(&open, &again.steps.iter().collect::<Vec<_>>());
    open = with_base_left_alone(&next, &open, &again);
    quiet(&open, policy, &first, touched);
    (first, after)
}

/// The same, where rules change while both sides do: what one step opens up another may finish.
pub(crate) fn settle_at_last(touched: &Touched, policy: &Policy) {
    let first = plan_calmly(touched, policy);
    let mut open = touched.clone();
    for _ in 0..3 {
        let next = plan_calmly(&open, policy);
        let after = apply(&open, &next.steps.iter().collect::<Vec<_>>());
        open = with_base_left_alone(&after, &open, &next);
    }
    quiet(&open, policy, &first, touched);
}

/// Whether the rule of privacy keeps anything of it back.
fn says_private(touched: &Touched, policy: &Policy) -> bool {
    let private = |series: &Series| series.events().any(|event| event.class != Class::Public);
    touched.known.iter().any(|known| {
        known.now.iter().any(|(side, now)| {
            policy.crossing[side.opposite()].skip.private && series(now).is_some_and(private)
        })
    })
}

fn quiet(after: &Touched, policy: &Policy, first: &Plan, touched: &Touched) {
    for step in &plan_calmly(after, policy).steps {
        let quiet = step.writes.left.is_none() && step.writes.right.is_none();
        assert!(
            quiet,
            "an echo: {}\nin\n{}\nafter\n{}\nin\n{}",
            sketch(&Plan { steps: vec![step.clone()], halt: None }),
            picture(after),
            sketch(first),
            picture(touched)
        );
    }
}

/// The world after a plan whose open steps moved no base; their writes stay pending.
fn with_base_left_alone(after: &Touched, before: &Touched, plan: &Plan) -> Touched {
    let mut after = after.clone();
    for known in &mut after.known {
        let is_it = |step: &&Step| step.subject == Subject::Known(known.mapping);
        let Some(step) = plan.steps.iter().find(is_it) else { continue };
        let was = before.known.iter().find(|was| was.mapping == known.mapping).unwrap();
        if !step.waiting.is_empty() {
            known.base = was.base.clone();
        }
    }
    after
}

/// The rules in a mirror.
pub(crate) fn mirrored(policy: &Policy) -> Policy {
    Policy {
        direction: match policy.direction {
            Direction::Both => Direction::Both,
            Direction::LeftToRight => Direction::RightToLeft,
            Direction::RightToLeft => Direction::LeftToRight,
        },
        conflict: match policy.conflict {
            Conflict::Left => Conflict::Right,
            Conflict::Right => Conflict::Left,
            same @ (Conflict::Newest | Conflict::Ask) => same,
        },
        crossing: policy.crossing.clone().swapped(),
        fields: policy.fields.swapped(),
        rights: policy.rights.swapped(),
        ..policy.clone()
    }
}

/// Plans the world and its mirror image, and compares.
pub(crate) fn symmetric(touched: &Touched, policy: &Policy) {
    let one = plan_calmly(touched, policy);
    let other = plan_calmly(&swapped(touched), &mirrored(policy));
    for (one, other) in one.steps.iter().zip(&other.steps) {
        let decision = match other.decision.clone() {
            Decision::Copy(side) => Decision::Copy(side.opposite()),
            Decision::Delete(side) => Decision::Delete(side.opposite()),
            Decision::Problem(side) => Decision::Problem(side.opposite()),
            same => same,
        };
        let unreadable = touched
            .known
            .iter()
            .all(|known| known.now.iter().all(|(_, now)| matches!(now, Now::Unreadable { .. })));
        // Where both sides have a problem, one is named.
        let both = unreadable || policy.rights == Sides::new(Rights::Read, Rights::Read);
        assert!(both || one.decision == decision, "{one:?}\n{other:?}\n{}", picture(touched));
        assert_eq!(one.writes, other.writes.clone().swapped(), "{}", picture(touched));
        assert_eq!(one.overruled.len(), other.overruled.len());
        assert_eq!(one.waiting, other.waiting, "{}", picture(touched));
    }
}

/// The world in a mirror.
pub(crate) fn swapped(touched: &Touched) -> Touched {
    let known = touched.known.iter().map(|known| Known {
        mapping: known.mapping,
        base: known.base.clone().swapped(),
        pending: known.pending.clone().swapped(),
        made: known.made.swapped(),
        renew: known.renew.swapped(),
        beside: known.beside.swapped(),
        now: known.now.clone().swapped(),
    });
    let contacts = touched.contacts.iter().map(|met| Contact {
        origins: met.origins.clone().swapped(),
        ..contact(met.held.clone().swapped())
    });
    Touched { known: known.collect(), contacts: contacts.collect() }
}

/// A series in one line.
pub(crate) fn short(series: &Series) -> String {
    let short = |event: &Event| {
        let text = |text: &Option<model::Redacted<String>>| {
            text.as_ref().map(|text| text.expose().clone()).unwrap_or_default()
        };
        let (from, until) = (event.start.wall(), event.end.wall());
        format!("{:?}@{:?} {from}/{until}", text(&event.title), text(&event.location))
    };
    let exceptions = series.exceptions.iter().map(|(key, exception)| match exception {
        Exception::Cancelled => format!(" -{}", key.wall()),
        Exception::Override(event) => format!(" +{}[{}]", key.wall(), short(event)),
    });
    let master = series.master.as_ref().map(short).unwrap_or_default();
    let rules = series.recurrence.rules.iter().map(|rule| format!(" /{}", rule.interval));
    format!("{master}{}{}", rules.collect::<String>(), exceptions.collect::<String>())
}

/// A world in a few lines.
pub(crate) fn picture(touched: &Touched) -> String {
    let mut lines = Vec::new();
    let now = |now: &Now| match now {
        Now::Absent => "absent".to_owned(),
        Now::Unreadable { .. } => "unreadable".to_owned(),
        Now::Present(held) => short(&held.series),
    };
    for known in &touched.known {
        for side in Side::BOTH {
            let pending = known.pending[side].last().map(|p| short(&p.target));
            lines.push(format!(
                "{side}: base {}\n    now {}\n    pending {pending:?}",
                short(&known.base[side]),
                now(&known.now[side])
            ));
        }
    }
    for contact in &touched.contacts {
        for side in Side::BOTH {
            let held: Vec<String> = contact.held[side].iter().map(|h| short(&h.series)).collect();
            lines.push(format!("{side}: new {held:?}"));
        }
    }
    lines.join("\n")
}

/// A plan in a few lines.
pub(crate) fn sketch(plan: &Plan) -> String {
    let mut lines = vec![format!("halt {:?}", plan.halt)];
    for step in &plan.steps {
        lines.push(format!("{:?} {:?}: {}", step.subject, step.decision, step.reason));
        for (side, write) in step.writes.iter() {
            match write {
                None => {}
                Some(Write::Create(series)) => lines.push(format!("  {side} + {}", short(series))),
                Some(Write::Update(series)) => lines.push(format!("  {side} = {}", short(series))),
                Some(Write::Delete) => lines.push(format!("  {side} -")),
            }
        }
        lines.push(format!("  waiting {:?}", step.waiting));
        lines.push(format!("  renew {:?}", step.renew));
        for lost in &step.overruled {
            lines.push(format!("  overruled {} {:?}", lost.side, lost.fields));
        }
        for clash in &step.clashes {
            lines.push(format!("  clash {}", clash.field));
        }
    }
    lines.join("\n")
}

/// What a change of the rules makes anew.
pub(crate) fn renewal(before: &Policy, after: &Policy) -> Sides<FieldSet> {
    let stated =
        |policy: &Policy| reconcile::stated(policy.direction, policy.conflict, &policy.crossing);
    reconcile::renewed(&stated(before), &stated(after))
}
