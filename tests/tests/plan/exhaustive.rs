//! Every state of a small universe: settles in one step, loses nothing, is symmetric, and the
//! linter finds nothing (`plan_calmly` asks it).

use std::collections::BTreeSet;

use model::{Exception, Rights, Series, Side, Sides};
use reconcile::{Conflict, Crossing, Detail, Direction, Known, Now, Plan, Policy, Touched, Write};

use crate::world::*;

fn policies() -> Vec<Policy> {
    let mut policies = Vec::new();
    for direction in [Direction::Both, Direction::LeftToRight, Direction::RightToLeft] {
        for conflict in [Conflict::Newest, Conflict::Left, Conflict::Right, Conflict::Ask] {
            for rights in [
                Sides::new(Rights::Write, Rights::Write),
                Sides::new(Rights::Read, Rights::Write),
                Sides::new(Rights::Write, Rights::Read),
            ] {
                policies.push(Policy { direction, conflict, rights, ..Policy::default() });
            }
        }
    }
    policies
}

/// Everything that a person might miss: texts, and cancellations.
fn content(series: &Series) -> BTreeSet<String> {
    let mut content = BTreeSet::new();
    for event in series.events() {
        content.extend(event.title.as_ref().map(|title| format!("title {}", title.expose())));
        content.extend(event.location.as_ref().map(|place| format!("place {}", place.expose())));
    }
    let cancelled = series.exceptions.values().any(|e| *e == Exception::Cancelled);
    content.extend(cancelled.then(|| "cancelled".to_owned()));
    content
}

fn nothing_lost(before: &Touched, plan: &Plan, after: &Touched) {
    let everything = |touched: &Touched, side: Side| -> BTreeSet<String> {
        let known = touched.known.iter().filter_map(|known| series(&known.now[side]));
        let new = touched.contacts.iter().flat_map(|c| &c.held[side]).map(|held| &held.series);
        known.chain(new).flat_map(content).collect()
    };
    let mut kept: BTreeSet<String> =
        Side::BOTH.iter().flat_map(|side| everything(after, *side)).collect();
    let overruled = plan.steps.iter().flat_map(|step| &step.overruled);
    kept.extend(overruled.flat_map(|lost| content(&lost.before)));
    for side in Side::BOTH {
        let told = before.known.iter().any(|known| known.beside[side]);
        let deletes = plan.steps.iter().any(|step| step.writes[side] == Some(Write::Delete));
        assert!(!(told && deletes), "{}\n{}", picture(before), sketch(plan));
        let based: BTreeSet<String> =
            before.known.iter().flat_map(|known| content(&known.base[side])).collect();
        for made in everything(before, side).difference(&based) {
            assert!(
                kept.contains(made),
                "{made} of {side} is lost\n{}\n{}",
                picture(before),
                sketch(plan)
            );
        }
    }
}

/// Both sides hold the same where nothing keeps them from it.
fn converged(policy: &Policy, plan: &Plan, before: &Touched, after: &Touched) {
    let told = || format!("{}\n{}\n{}", picture(before), sketch(plan), picture(after));
    let free = policy.direction == Direction::Both
        && policy.rights == Sides::new(Rights::Write, Rights::Write)
        && policy.conflict != Conflict::Ask;
    if !free {
        return;
    }
    for known in &after.known {
        match (&known.now.left, &known.now.right) {
            (Now::Present(left), Now::Present(right)) => {
                assert!(left.series.same_content(&right.series), "{}", told());
            }
            (Now::Absent, Now::Absent) => {}
            (Now::Unreadable { .. }, _) | (_, Now::Unreadable { .. }) => {}
            (Now::Present(_), Now::Absent) | (Now::Absent, Now::Present(_)) => {
                panic!("one side only\n{}", told())
            }
        }
    }
    assert!(after.contacts.is_empty(), "{}", told());
}

/// No side has more changed occurrences than the side that had most of them.
fn nothing_doubled(before: &Touched, plan: &Plan, after: &Touched) {
    let most = |touched: &Touched| {
        let sides = touched.known.iter().flat_map(|known| Side::BOTH.map(|side| &known.now[side]));
        sides.filter_map(series).map(|series| series.exceptions.len()).max()
    };
    assert!(most(after) <= most(before), "{}\n{}", picture(before), sketch(plan));
}

fn prove(touched: &Touched, policy: &Policy) {
    let (plan, after) = settle(touched, policy);
    nothing_lost(touched, &plan, &after);
    converged(policy, &plan, touched, &after);
    symmetric(touched, policy);
}

fn unreadable() -> Now {
    Now::Unreadable { reason: "it is broken".to_owned() }
}

#[test]
fn every_state_of_a_single_event() {
    let place = |series, place: &str| {
        with(series, |event| event.location = (!place.is_empty()).then(|| place.into()))
    };
    let moved = |series| with(series, |event| (event.start, event.end) = (at(3, 9), at(3, 11)));
    let states = |second: i64| {
        let base = || modified(single("base"), second);
        [
            Now::Absent,
            unreadable(),
            present(base()),
            present(modified(single("a"), second)),
            present(modified(single("b"), second)),
            present(place(base(), "x")),
            present(place(base(), "y")),
            present(place(modified(single("a"), second), "x")),
            present(moved(base())),
            present(modified(single(""), second)),
        ]
    };
    for policy in policies() {
        for left in states(1) {
            for right in states(2) {
                let base = Sides::new(single("base"), single("base"));
                let now = Sides::new(left.clone(), right);
                let plain = known(base, now);
                prove(&touched(plain.clone()), &policy);
                // Who wins a conflict changes nothing of this.
                for side in Side::BOTH.into_iter().filter(|_| policy.conflict == Conflict::Ask) {
                    let beside = Sides::from_fn(|told| told == side);
                    prove(&touched(Known { beside, ..plain.clone() }), &policy);
                }
            }
        }
    }
}

#[test]
fn every_first_contact() {
    let states = |second: i64| {
        let place = |title: &str| with(single(title), |event| event.location = Some("x".into()));
        let moved = with(single("a"), |event| (event.start, event.end) = (at(3, 9), at(3, 11)));
        let repeats = with_override(daily("a"), 5, |event| event.title = Some("own".into()));
        [single("a"), single("b"), place("a"), place(""), moved, daily("a"), repeats]
            .map(|series| vec![held("id", modified(series, second))])
            .into_iter()
            .chain([Vec::new()])
    };
    for policy in policies() {
        for left in states(1) {
            for right in states(2) {
                prove(&meeting(left.clone(), right.clone()), &policy);
            }
        }
    }
}

/// How one side's series stands: what was done to it as a whole, and to its one occurrence.
fn series_states(base: &Series, second: i64) -> Vec<Now> {
    type Change = fn(Series) -> Series;
    let wholes: [Change; 6] = [
        |series| series,
        |series| with(series, |event| event.title = Some("a".into())),
        |series| with(series, |event| event.location = Some("hall".into())),
        |series| shifted(series, 2),
        |series| shifted_alone(series, 2),
        |mut series| {
            series.recurrence.rules[0].interval = 2;
            series
        },
    ];
    let occurrences: [Change; 6] = [
        |series| series,
        |mut series| {
            series.exceptions.clear();
            series
        },
        |mut series| {
            series.exceptions.clear();
            cancelled(series, 4)
        },
        |series| with_override(uncancelled(series), 4, |event| event.title = Some("mine".into())),
        |series| with_override(uncancelled(series), 4, |event| event.location = Some("bar".into())),
        |series| {
            with_override(uncancelled(series), 4, |event| {
                (event.start, event.end) = (at(4, 15), at(4, 16));
            })
        },
    ];
    let mut states = vec![Now::Absent, unreadable()];
    for whole in wholes {
        for occurrence in occurrences {
            states.push(present(modified(whole(occurrence(base.clone())), second)));
        }
    }
    states
}

fn uncancelled(mut series: Series) -> Series {
    series.exceptions.retain(|_, exception| *exception != Exception::Cancelled);
    series
}

#[test]
fn every_state_of_a_series_with_one_occurrence() {
    let policies: Vec<Policy> = policies()
        .into_iter()
        .filter(|policy| policy.direction != Direction::RightToLeft)
        .filter(|policy| {
            // Which side is closed and who wins have little to do with one another.
            let both = policy.rights == Sides::new(Rights::Write, Rights::Write);
            both || matches!(policy.conflict, Conflict::Newest | Conflict::Ask)
        })
        .collect();
    let bases = [
        daily("base"),
        cancelled(daily("base"), 4),
        with_override(daily("base"), 4, |event| event.title = Some("theirs".into())),
    ];
    for base in bases {
        for left in series_states(&base, 1) {
            for right in series_states(&base, 2) {
                let base = Sides::new(base.clone(), base.clone());
                let world = touched(known(base, Sides::new(left.clone(), right)));
                for policy in &policies {
                    prove(&world, policy);
                    let (plan, after) = settle(&world, policy);
                    nothing_doubled(&world, &plan, &after);
                }
            }
        }
    }
}

/// One life of a copy: made by old rules, edited on both sides, met by new ones.
fn prove_renewal(original: &Series, before: &Policy, after: &Policy, made: Sides<bool>) {
    let (_, copied) = settle(&meeting(vec![held("1", original.clone())], vec![]), before);
    let known = &copied.known[0];
    type Change = fn(Series, &'static str) -> Series;
    let changes: [Change; 5] = [
        |series, _| series,
        |series, side| with(series, |event| event.title = Some(side.into())),
        |series, side| with(series, |event| event.location = Some(side.into())),
        |series, _| shifted(series, 2),
        |series, side| match series.recurrence.is_empty() {
            true => series,
            false => with_override(series, 4, |event| event.location = Some(side.into())),
        },
    ];
    let states = |side: Side, name: &'static str, second: i64| {
        let held = series(&known.now[side]).unwrap();
        let edited =
            changes.iter().map(|change| present(modified(change(held.clone(), name), second)));
        edited.chain([Now::Absent]).collect::<Vec<Now>>()
    };
    for left in states(Side::Left, "lefts", 1) {
        for right in states(Side::Right, "rights", 2) {
            let mut known = known.clone();
            known.now = Sides::new(left.clone(), right);
            (known.renew, known.made) = (renewal(before, after), made);
            let world = touched(known);
            let (plan, after_all) = settle_soon(&world, after);
            // What is masked on its way is no edit where the other side has deleted the series.
            if world.known[0].now.iter().all(|(_, now)| matches!(now, Now::Present(_))) {
                nothing_lost(&world, &plan, &after_all);
            }
            symmetric(&world, after);
        }
    }
}

#[test]
fn every_change_of_the_rules() {
    let crossing = |detail, prefix: &str| Crossing {
        detail,
        prefix: prefix.to_owned(),
        ..Crossing::default()
    };
    let rules = [
        crossing(Detail::Full, ""),
        crossing(Detail::Full, "W "),
        crossing(Detail::Title, "W W "),
        crossing(Detail::Busy, ""),
        crossing(Detail::Busy, "W "),
    ];
    let place = |series| with(series, |event| event.location = Some("hall".into()));
    let originals = [
        place(single("base")),
        with_override(place(daily("base")), 4, |event| event.title = Some("theirs".into())),
    ];
    let mut policies = Vec::new();
    for right in &rules {
        for left in [&rules[0], &rules[4]] {
            let crossing = Sides::new(left.clone(), right.clone());
            policies.push(Policy { crossing, ..Policy::default() });
        }
    }
    for original in originals {
        for before in &policies {
            for after in &policies {
                for made in [Sides::new(false, true), Sides::default()] {
                    prove_renewal(&original, before, after, made);
                }
            }
        }
    }
}

#[test]
fn every_state_of_overrides_without_a_master() {
    let orphan = |days: &[i8], title: &str| {
        let mut series = single("gone");
        series.master = None;
        for day in days {
            series = with_override(series, *day, |event| event.title = Some(title.into()));
        }
        series
    };
    let states = |second: i64| {
        let mut states = vec![Now::Absent, present(modified(daily("whole"), second))];
        for days in [&[4][..], &[5], &[4, 5], &[6]] {
            for title in ["a", "b"] {
                states.push(present(modified(orphan(days, title), second)));
            }
        }
        states
    };
    for policy in policies() {
        for base in [orphan(&[4], "a"), orphan(&[4, 5], "a")] {
            for left in states(1) {
                for right in states(2) {
                    let base = Sides::new(base.clone(), base.clone());
                    prove(&touched(known(base, Sides::new(left.clone(), right))), &policy);
                }
            }
        }
    }
}
