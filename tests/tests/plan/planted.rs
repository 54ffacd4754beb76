//! Every rule of the linter fires on the fault that it is there for.

use std::collections::BTreeSet;

use model::{
    Class, Exception, FieldSet, MappingId, People, Person, Rights, Series, Side, Sides, Uid,
};
use reconcile::{
    Crossing, Decision, Detail, Direction, Halt, Now, Plan, Policy, Rule, SkipRules, Step, Subject,
    Totals, Touched, Write, check,
};

use crate::world::*;

/// Plans, plants a fault, and looks for it.
#[track_caller]
fn finds(rule: Rule, world: &Touched, policy: &Policy, plant: impl FnOnce(&mut Plan)) {
    let mut plan = plan_calmly(world, policy);
    plant(&mut plan);
    let violations = check(&plan, world, policy, &calm(world, policy));
    let found = violations.iter().any(|violation| violation.rule == rule);
    assert!(found, "{rule:?} is not in {violations:?}\n{}", sketch(&plan));
    assert!(!violations[0].to_string().is_empty());
}

fn world(left: Option<Series>, right: Option<Series>) -> Touched {
    let now = Sides::new(left, right).map(|now| now.map_or(Now::Absent, present));
    touched(known(Sides::new(daily("base"), daily("base")), now))
}

fn edited() -> Touched {
    world(Some(daily("a")), Some(daily("base")))
}

fn update(plan: &mut Plan, change: impl FnOnce(&mut Series)) {
    match &mut plan.steps[0].writes.right {
        Some(Write::Update(series) | Write::Create(series)) => change(series),
        Some(Write::Delete) | None => panic!("nothing is written"),
    }
}

fn both_edited() -> Touched {
    world(Some(modified(daily("a"), 2)), Some(modified(daily("b"), 1)))
}

#[test]
fn steps_and_decisions() {
    let calm = Policy::default();
    finds(Rule::OneStepEach, &edited(), &calm, |plan| plan.steps.clear());
    finds(Rule::OneStepEach, &edited(), &calm, |plan| plan.steps.push(plan.steps[0].clone()));
    finds(Rule::OneStepEach, &edited(), &calm, |plan| {
        let stranger = Step { subject: Subject::Known(MappingId(7)), ..plan.steps[0].clone() };
        plan.steps.push(stranger);
    });
    let new = meeting(vec![held("1", single("a"))], vec![]);
    finds(Rule::OneStepEach, &new, &calm, |plan| plan.steps.clear());
    finds(Rule::OneStepEach, &new, &calm, |plan| {
        plan.steps[0].subject = Subject::New(Sides::default());
    });
    for decision in [
        Decision::Keep,
        Decision::Adopt,
        Decision::Copy(Side::Left),
        Decision::Delete(Side::Right),
        Decision::Merge,
        Decision::Conflict,
        Decision::Problem(Side::Right),
    ] {
        finds(Rule::WritesFollowDecision, &edited(), &calm, |plan| {
            plan.steps[0].decision = decision;
        });
    }
    finds(Rule::WritesHaveACause, &edited(), &calm, |plan| {
        plan.steps[0].writes.left = Some(Write::Update(daily("x")));
    });
    let mut broken = edited();
    broken.known[0].now.left = Now::Unreadable { reason: "it is broken".into() };
    finds(Rule::UnreadableIsLeftAlone, &broken, &calm, |plan| {
        plan.steps[0].writes.right = Some(Write::Update(daily("x")));
    });
}

#[test]
fn deletions() {
    let calm = Policy::default();
    finds(Rule::DeletesOnlyWhatIsGone, &edited(), &calm, |plan| {
        plan.steps[0].writes.right = Some(Write::Delete);
    });
    let edit_against_deletion = world(None, Some(daily("a")));
    finds(Rule::DeletesOnlyWhatIsGone, &edit_against_deletion, &calm, |plan| {
        plan.steps[0].writes = Sides::new(None, Some(Write::Delete));
    });
    let occurrence_against_deletion = world(None, Some(cancelled(daily("base"), 4)));
    finds(Rule::DeletesOnlyWhatIsGone, &occurrence_against_deletion, &calm, |plan| {
        plan.steps[0].writes = Sides::new(None, Some(Write::Delete));
    });
    let mut said_beside = world(None, Some(daily("base")));
    said_beside.known[0].beside.right = true;
    finds(Rule::DeletesOnlyWhatIsGone, &said_beside, &calm, |plan| {
        plan.steps[0].writes = Sides::new(None, Some(Write::Delete));
    });
    let gone = world(None, Some(daily("base")));
    let check_totals = |plan: &Plan, totals: &Totals| -> Vec<Rule> {
        check(plan, &gone, &calm, totals).into_iter().map(|violation| violation.rule).collect()
    };
    let plan = plan_calmly(&gone, &calm);
    let weighed = crate::world::calm(&gone, &calm);
    let few = Totals { series: Sides::new(9, 0), ..weighed.clone() };
    assert_eq!(check_totals(&plan, &few), [Rule::DeletesOnlyWhatWasWeighed]);
    let unweighed = Totals { due: BTreeSet::new(), ..weighed.clone() };
    assert_eq!(check_totals(&plan, &unweighed), [Rule::DeletesOnlyWhatWasWeighed]);
    let many = Totals { deletions: Sides::new(0, 21), ..weighed.clone() };
    assert_eq!(check_totals(&plan, &many), [Rule::HaltsOverLimits]);
    let halted = Plan { halt: Some(Halt::Deletions { on: Side::Right, count: 1, of: 1 }), ..plan };
    assert_eq!(check_totals(&halted, &weighed), [Rule::HaltsOverLimits]);
}

#[test]
fn creations_and_updates() {
    let calm = Policy::default();
    finds(Rule::CreatesOnlyWhereAbsent, &edited(), &calm, |plan| {
        plan.steps[0].writes.right = Some(Write::Create(daily("a")));
    });
    let twice = meeting(vec![held("1", single("a")), held("2", single("b"))], vec![]);
    finds(Rule::CreatesOnlyWhereAbsent, &twice, &calm, |plan| {
        let second = plan.steps.iter_mut().find(|step| step.writes.right.is_none()).unwrap();
        second.writes.right = Some(Write::Create(single("b")));
    });
    finds(Rule::UpdatesChangeSomething, &edited(), &calm, |plan| {
        update(plan, |series| *series = daily("base"));
    });
    finds(Rule::UidsAreKept, &edited(), &calm, |plan| {
        update(plan, |series| series.uid = Uid::new("other"));
    });
    let new = meeting(vec![held("1", single("a"))], vec![]);
    finds(Rule::UidsAreKept, &new, &calm, |plan| {
        update(plan, |series| series.uid = Uid::new("other"));
    });
    let renewed = Touched { contacts: new.contacts.clone(), ..world(None, Some(daily("base"))) };
    finds(Rule::UidsAreFreedFirst, &renewed, &calm, |plan| plan.steps.reverse());
}

#[test]
fn where_nothing_may_be_written() {
    let plant = |plan: &mut Plan| plan.steps[0].writes.right = Some(Write::Update(daily("a")));
    let away = Policy { direction: Direction::RightToLeft, ..Policy::default() };
    finds(Rule::WritesOnlyWhereAllowed, &edited(), &away, plant);
    let rights = Sides::new(Rights::Write, Rights::Read);
    let read_only = Policy { rights, ..Policy::default() };
    finds(Rule::WritesOnlyWhereAllowed, &edited(), &read_only, plant);
}

#[test]
fn losers() {
    let calm = Policy::default();
    finds(Rule::LosersAreRecorded, &both_edited(), &calm, |plan| plan.steps[0].overruled.clear());
    finds(Rule::LosersAreRecorded, &both_edited(), &calm, |plan| {
        plan.steps[0].overruled[0].fields = FieldSet::NONE;
    });
    finds(Rule::LosersAreRecorded, &both_edited(), &calm, |plan| {
        plan.steps[0].overruled[0].before = daily("x");
    });
    finds(Rule::LosersAreRecorded, &both_edited(), &calm, |plan| {
        plan.steps[0].overruled[0].after = daily("x");
    });
    let own =
        |title: &str| with_override(daily("base"), 4, |event| event.title = Some(title.into()));
    let overrides = world(Some(modified(own("a"), 2)), Some(modified(own("b"), 1)));
    // A new override that is dropped, one that is cancelled: both are lost edits.
    for lost in [None, Some(Exception::Cancelled)] {
        finds(Rule::LosersAreRecorded, &overrides, &calm, |plan| {
            plan.steps[0].overruled.clear();
            update(plan, |series| {
                series.exceptions.clear();
                series.exceptions.extend(lost.map(|lost| (at(4, 9), lost)));
            });
        });
    }
}

#[test]
fn unsound_results() {
    let plants: [fn(&mut Series); 5] = [
        |series| series.master.as_mut().unwrap().end = at(1, 9),
        |series| {
            let date = model::When::Date(model::civil::date(2026, 3, 3));
            series.master.as_mut().unwrap().end = date;
        },
        |series| series.master = None,
        |series| {
            series.master = None;
            series.recurrence = model::Recurrence::default();
        },
        |series| {
            let date = model::When::Date(model::civil::date(2026, 3, 3));
            series.exceptions.insert(date, Exception::Cancelled);
        },
    ];
    for plant in plants {
        finds(Rule::ResultsAreSound, &edited(), &Policy::default(), |plan| update(plan, plant));
        let new = meeting(vec![held("1", daily("a"))], vec![]);
        finds(Rule::ResultsAreSound, &new, &Policy::default(), |plan| update(plan, plant));
    }
}

#[test]
fn what_does_not_cross() {
    let calm = Policy::default();
    let somebody = || People {
        organizer: None,
        attendees: [Person { name: None, email: Some("a@example.org".into()) }].into(),
    };
    let invite = |series: &mut Series| series.master.as_mut().unwrap().people = somebody();
    let new = meeting(vec![held("1", single("a"))], vec![]);
    finds(Rule::OnlyWhatCrosses, &edited(), &calm, |plan| update(plan, invite));
    finds(Rule::OnlyWhatCrosses, &new, &calm, |plan| update(plan, invite));
    let colour = |series: &mut Series| series.master.as_mut().unwrap().color = Some("red".into());
    let fields = Sides::new(FieldSet::ALL, FieldSet::ALL.without(model::Field::Color));
    let poor = Policy { fields, ..Policy::default() };
    finds(Rule::OnlyWhatCrosses, &edited(), &poor, |plan| update(plan, colour));
    finds(Rule::OnlyWhatCrosses, &new, &poor, |plan| update(plan, colour));
    let busy = Policy {
        crossing: Sides::new(
            Crossing::default(),
            Crossing { detail: Detail::Busy, ..Crossing::default() },
        ),
        ..Policy::default()
    };
    for plant in [
        (|series: &mut Series| series.master.as_mut().unwrap().title = Some("a".into()))
            as fn(&mut _),
        |series| series.master.as_mut().unwrap().location = Some("town".into()),
        |series| series.master.as_mut().unwrap().description = Some("teeth".into()),
    ] {
        finds(Rule::OnlyWhatCrosses, &new, &busy, |plan| update(plan, plant));
    }
    let skip = SkipRules { private: true, ..SkipRules::default() };
    let right = Crossing { skip, ..Crossing::default() };
    let discreet = Policy { crossing: Sides::new(Crossing::default(), right), ..Policy::default() };
    let secret = |series| with_override(series, 4, |event| event.class = Class::Private);
    for world in [
        meeting(vec![held("1", secret(daily("a")))], vec![]),
        world(Some(secret(daily("a"))), Some(daily("base"))),
    ] {
        finds(Rule::OnlyWhatCrosses, &world, &discreet, |plan| {
            let to = plan.steps[0].subject == Subject::Known(MappingId(1));
            let copy = daily("a");
            let write = if to { Write::Update(copy) } else { Write::Create(copy) };
            plan.steps[0].writes.right = Some(write);
        });
    }
}

#[test]
fn sets_change_by_element() {
    let calm = Policy::default();
    let filed = |names: &[&str]| {
        with(single("a"), |event| event.categories = names.iter().map(|n| (*n).into()).collect())
    };
    let bases = Sides::new(filed(&["a", "b"]), filed(&["a", "c"]));
    let now = Sides::new(filed(&["a", "b", "x"]), filed(&["a", "c"]));
    let world = touched(known(bases, now.map(present)));
    for names in [&["a", "b", "x"][..], &["a", "c", "x", "y"]] {
        finds(Rule::SetsChangeByElement, &world, &calm, |plan| {
            update(plan, |series| *series = filed(names));
        });
    }
}
