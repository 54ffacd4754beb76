//! Fields that are sets: what crosses is what somebody took away or added.

use std::collections::BTreeSet;

use model::{Alarm, AlarmAction, Event, Field, FieldSet, Link, Series, Side, Sides, Trigger};
use proptest::prelude::*;
use reconcile::{Conflict, Decision, Policy, Step, Touched};

use crate::world::*;

use AlarmAction::{Display, Email};
use Side::{Left, Right};

fn rings(action: AlarmAction, minutes: i64) -> Alarm {
    Alarm { action, trigger: Trigger::Start(-60 * minutes) }
}

fn ringing(series: Series, alarms: &[(AlarmAction, i64)]) -> Series {
    with(series, |event| {
        event.alarms = alarms.iter().map(|(action, minutes)| rings(*action, *minutes)).collect();
    })
}

fn alarmed(alarms: &[(AlarmAction, i64)]) -> Series {
    ringing(single("a"), alarms)
}

fn filed(names: &[&str]) -> Series {
    with(single("a"), |event| event.categories = names.iter().map(|n| (*n).into()).collect())
}

fn linked(links: &[(&str, Option<&str>)]) -> Series {
    let links: BTreeSet<Link> = links
        .iter()
        .map(|(uri, label)| Link { uri: (*uri).into(), label: label.map(Into::into) })
        .collect();
    with(single("a"), |event| {
        event.conferences.clone_from(&links);
        event.attachments = links;
    })
}

/// What both sides come to, from their bases and what they hold now.
#[track_caller]
fn comes_to(
    says: &str,
    base: Sides<Series>,
    now: Sides<Series>,
    want: Sides<Series>,
    policy: &Policy,
) -> Step {
    let world = touched(known(base, now.map(present)));
    let (plan, after) = settle(&world, policy);
    symmetric(&world, policy);
    for (side, want) in want.iter() {
        let is = series(&after.known[0].now[side]).unwrap();
        let event = |series: &Series| series.master.clone().unwrap();
        assert_eq!(event(is), event(want), "{says}, {side}\n{}", sketch(&plan));
    }
    plan.steps[0].clone()
}

#[test]
fn a_reminder_that_is_shown_otherwise_stays_what_it_is() {
    let calm = Policy::default();
    let bases = || Sides::new(alarmed(&[(Email, 60)]), alarmed(&[(Display, 60)]));
    let step = comes_to(
        "one more on the copy",
        bases(),
        Sides::new(bases().left, alarmed(&[(Display, 60), (Display, 5)])),
        Sides::new(alarmed(&[(Email, 60), (Display, 5)]), alarmed(&[(Display, 60), (Display, 5)])),
        &calm,
    );
    assert_eq!(step.decision, Decision::Copy(Left));
    comes_to(
        "moved on the copy",
        bases(),
        Sides::new(bases().left, alarmed(&[(Display, 90)])),
        Sides::new(alarmed(&[(Email, 90)]), alarmed(&[(Display, 90)])),
        &calm,
    );
    comes_to(
        "taken off the copy",
        bases(),
        Sides::new(bases().left, alarmed(&[])),
        Sides::new(alarmed(&[]), alarmed(&[])),
        &calm,
    );
    comes_to(
        "it becomes on the original what it is on the copy",
        bases(),
        Sides::new(alarmed(&[(Display, 60)]), bases().right),
        Sides::new(alarmed(&[(Display, 60)]), alarmed(&[(Display, 60)])),
        &calm,
    );
    comes_to(
        "the same one more on both sides is no conflict",
        bases(),
        Sides::new(alarmed(&[(Email, 60), (Display, 5)]), alarmed(&[(Display, 60), (Display, 5)])),
        Sides::new(alarmed(&[(Email, 60), (Display, 5)]), alarmed(&[(Display, 60), (Display, 5)])),
        &Policy { conflict: Conflict::Ask, ..Policy::default() },
    );
    let step = comes_to(
        "another one on each side: the policy decides, and the mail stays",
        bases(),
        Sides::new(alarmed(&[(Email, 60), (Display, 5)]), alarmed(&[(Display, 60), (Display, 9)])),
        Sides::new(alarmed(&[(Email, 60), (Display, 9)]), alarmed(&[(Display, 60), (Display, 9)])),
        &Policy { conflict: Conflict::Right, ..Policy::default() },
    );
    assert_eq!(step.overruled[0].fields, FieldSet::NONE.with(Field::Alarms));
}

#[test]
fn what_a_side_has_no_room_for_is_not_taken_from_the_other() {
    let calm = Policy::default();
    let two = || alarmed(&[(Display, 60), (Display, 5)]);
    let one = || alarmed(&[(Display, 60)]);
    comes_to(
        "moved where there is one",
        Sides::new(two(), one()),
        Sides::new(two(), alarmed(&[(Display, 90)])),
        Sides::new(alarmed(&[(Display, 90), (Display, 5)]), alarmed(&[(Display, 90)])),
        &calm,
    );
    comes_to(
        "taken away where there are two: the other comes along",
        Sides::new(two(), one()),
        Sides::new(alarmed(&[(Display, 5)]), one()),
        Sides::new(alarmed(&[(Display, 5)]), alarmed(&[(Display, 5)])),
        &calm,
    );
    let names = Sides::new(filed(&["Work", "Team"]), filed(&["work"]));
    comes_to(
        "categories",
        names,
        Sides::new(filed(&["Work", "Team"]), filed(&["work", "Q3"])),
        Sides::new(filed(&["Q3", "Work", "Team"]), filed(&["work", "Q3"])),
        &calm,
    );
    let both = [("x:a", Some("A")), ("x:b", Some("B"))];
    comes_to(
        "links that lost their names",
        Sides::new(linked(&both), linked(&[("x:a", None), ("x:b", None)])),
        Sides::new(linked(&both), linked(&[("x:b", None), ("x:c", None)])),
        Sides::new(
            linked(&[("x:b", Some("B")), ("x:c", None)]),
            linked(&[("x:b", None), ("x:c", None)]),
        ),
        &calm,
    );
}

#[test]
fn what_is_alike_at_a_first_contact_stays() {
    let (mail, shown) = (alarmed(&[(Email, 60)]), alarmed(&[(Display, 60)]));
    let world = meeting(
        vec![held("1", modified(mail.clone(), 1))],
        vec![held("2", modified(shown.clone(), 2))],
    );
    let (plan, after) = settle(&world, &Policy::default());
    assert_eq!(plan.steps[0].decision, Decision::Adopt);
    let now = &after.known[0].now;
    assert!(series(&now.left).unwrap().same_content(&mail));
    assert!(series(&now.right).unwrap().same_content(&shown));
}

#[test]
fn an_override_keeps_what_it_is_too() {
    let own = |alarms: &[(AlarmAction, i64)]| {
        with_override(daily("a"), 4, |event| {
            event.alarms = alarms.iter().map(|(action, at)| rings(*action, *at)).collect();
        })
    };
    let world = touched(known(
        Sides::new(own(&[(Email, 60)]), own(&[(Display, 60)])),
        Sides::new(present(own(&[(Email, 60)])), present(own(&[(Display, 60), (Display, 5)]))),
    ));
    let (_, after) = settle(&world, &Policy::default());
    let left = series(&after.known[0].now.left).unwrap();
    assert!(left.same_content(&own(&[(Email, 60), (Display, 5)])), "{}", picture(&after));
    // Also where times, rule and exceptions are taken as one.
    let other_rule = |mut series: Series| {
        series.recurrence.rules[0].interval = 2;
        series
    };
    let world = touched(known(
        Sides::new(own(&[(Email, 60)]), own(&[(Display, 60)])),
        Sides::new(present(own(&[(Email, 60)])), present(other_rule(own(&[(Display, 60)])))),
    ));
    let (_, after) = settle(&world, &Policy::default());
    let left = series(&after.known[0].now.left).unwrap();
    assert!(left.same_content(&other_rule(own(&[(Email, 60)]))), "{}", picture(&after));
}

/// A reminder, and how the right side holds it.
fn reminder() -> impl Strategy<Value = (AlarmAction, Option<AlarmAction>)> {
    prop_oneof![
        Just((Display, Some(Display))),
        Just((Email, Some(Email))),
        Just((Email, Some(Display))),
        Just((Email, None)),
        Just((Display, None)),
    ]
}

fn minutes(event: &Event) -> BTreeSet<i64> {
    let minutes = event.alarms.iter().map(|alarm| match alarm.trigger {
        Trigger::Start(seconds) => seconds / -60,
        Trigger::End(_) | Trigger::At(_) => 0,
    });
    minutes.collect()
}

proptest! {
    #![proptest_config(cases())]

    /// Whatever a side does to its reminders: the other one keeps what that was not about, as it
    /// is, and gets what is new.
    #[test]
    fn only_what_was_done_crosses(
        all in prop::collection::vec(prop::option::of(reminder()), 6),
        gone in prop::collection::vec(any::<bool>(), 6),
        new in prop::collection::btree_set(10..14i64, 0..3),
        of_left: bool,
    ) {
        let all: Vec<(i64, (AlarmAction, Option<AlarmAction>))> =
            (0..).zip(all).filter_map(|(at, one)| Some((at, one?))).collect();
        let left: Vec<_> = all.iter().map(|(at, (action, _))| (*action, *at)).collect();
        let right: Vec<_> =
            all.iter().filter_map(|(at, (_, action))| Some(((*action)?, *at))).collect();
        let bases = Sides::new(alarmed(&left), alarmed(&right));
        let side = if of_left { Left } else { Right };
        let mut now = bases.clone();
        let own = now[side].master.as_mut().unwrap();
        let is_gone = |at: i64| gone.get(at as usize).copied().unwrap_or_default();
        own.alarms.retain(|alarm| !minutes_of(alarm).is_some_and(is_gone));
        own.alarms.extend(new.iter().map(|at| rings(Display, *at)));
        let edited = own.clone();
        let world: Touched = touched(known(bases.clone(), now.map(present)));
        let (plan, after) = settle(&world, &Policy::default());
        symmetric(&world, &Policy::default());
        let told = || format!("{}\n{:#?}", sketch(&plan), after.known[0].now);
        let event = |side: Side| series(&after.known[0].now[side]).unwrap().master.clone().unwrap();
        prop_assert_eq!(&event(side), &edited);
        let (was, is) = (bases[side.opposite()].master.as_ref().unwrap(), event(side.opposite()));
        let own_base = minutes(bases[side].master.as_ref().unwrap());
        let took = |at: &i64| own_base.contains(at) && is_gone(*at);
        for alarm in &was.alarms {
            let taken = minutes_of(alarm).is_some_and(|at| took(&at));
            // One that went may have moved to where a new one is.
            prop_assert_eq!(is.alarms.contains(alarm), !taken, "{:?} {}", alarm, told());
        }
        let (before, after) = (minutes(was), minutes(&is));
        for at in &after {
            prop_assert!(before.contains(at) || minutes(&edited).contains(at), "{}", told());
        }
        prop_assert!(new.is_subset(&after), "{}", told());
        if !own_base.iter().any(took) {
            prop_assert_eq!(after.len(), before.len() + new.len(), "{}", told());
        }
    }
}

fn minutes_of(alarm: &Alarm) -> Option<i64> {
    match alarm.trigger {
        Trigger::Start(seconds) => Some(seconds / -60),
        Trigger::End(_) | Trigger::At(_) => None,
    }
}
