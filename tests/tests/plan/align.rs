//! Which resources become one series, and in which order a plan is carried out.

use model::{MappingId, ResourceId, Series, Side, Sides, Uid};
use reconcile::{Decision, Halt, Known, Now, Policy, Subject, Totals, Touched, Write, likeness};

use crate::world::*;

fn named(uid: &str, title: &str) -> Series {
    Series { uid: Uid::new(uid), ..single(title) }
}

#[track_caller]
fn check(says: &str, left: &[(&str, Series)], right: &[(&str, Series)], wanted: &[&str]) {
    let list = |side: &[(&str, Series)]| side.iter().map(|(id, s)| held(id, s.clone())).collect();
    let (plan, after) = settle(&meeting(list(left), list(right)), &Policy::default());
    let mut got: Vec<String> = plan
        .steps
        .iter()
        .map(|step| {
            let Subject::New(ids) = &step.subject else { panic!("{says}: not new") };
            let id = |id: &Option<ResourceId>| id.as_ref().map_or("-".into(), |id| id.to_string());
            format!("{} {} {:?}", id(&ids.left), id(&ids.right), step.decision)
        })
        .collect();
    got.sort();
    assert_eq!(got, wanted, "{says}\n{}", picture(&after));
}

#[test]
fn at_a_first_contact_too_what_we_wrote_is_nobodys_edit() {
    // Left was given right's "b" and its answer was lost; then both users typed, left's last.
    let left = modified(Series { uid: Uid::new("a"), ..located("b", "room") }, 30);
    let right = modified(named("a", "c"), 20);
    let mut met = meeting(vec![held("1", left)], vec![held("2", right)]);
    let (before, target) = (named("a", "a"), named("a", "b"));
    let id = ResourceId::new("1");
    met.contacts[0].pending.left.insert(id, vec![reconcile::Pending { before, target }]);
    let (_, after) = settle(&met, &Policy::default());
    for side in Side::BOTH {
        let Now::Present(held) = &after.known[0].now[side] else { panic!("it is there") };
        let event = held.series.master.as_ref().unwrap();
        assert_eq!(event.title.as_ref().unwrap().expose(), "c", "{side}");
        assert_eq!(event.location.as_ref().unwrap().expose(), "room", "{side}");
    }
}

#[test]
fn resources_find_one_another() {
    let (a, b) = (named("a", "t"), named("b", "t"));
    check("same UID", &[("1", a.clone())], &[("2", a.clone())], &["1 2 Adopt"]);
    check("same likeness", &[("1", a.clone())], &[("2", b.clone())], &["1 2 Adopt"]);
    check(
        "titles but for spaces and case",
        &[("1", named("a", "Team  Lunch "))],
        &[("2", named("b", "team lunch"))],
        &["1 2 Copy(Right)"],
    );
    check(
        "other titles at the same time",
        &[("1", a.clone())],
        &[("2", named("b", "u"))],
        &["- 2 Copy(Left)", "1 - Copy(Right)"],
    );
    check(
        "a likeness that is not unique is no identity",
        &[("1", a.clone()), ("3", named("c", "t"))],
        &[("2", b.clone())],
        &["- 2 Copy(Left)", "1 - Copy(Right)", "3 - Copy(Right)"],
    );
    check(
        "the UID first, then what is left by likeness",
        &[("1", a.clone()), ("3", named("c", "t"))],
        &[("2", a.clone()), ("4", b.clone())],
        &["1 2 Adopt", "3 4 Adopt"],
    );
    check(
        "two of one UID: the first is synced, the other reported (I04)",
        &[("2", a.clone()), ("1", a.clone())],
        &[],
        &["1 - Copy(Right)", "2 - Problem(Right)"],
    );
    check(
        "two of one UID on both sides",
        &[("1", a.clone()), ("2", named("a", "other"))],
        &[("3", a.clone()), ("4", a.clone())],
        &["- 4 Problem(Left)", "1 3 Adopt", "2 - Problem(Right)"],
    );
    check(
        "UIDs are compared byte for byte (I03)",
        &[("1", named("x", "one"))],
        &[("2", named("X", "two"))],
        &["- 2 Copy(Left)", "1 - Copy(Right)"],
    );
}

#[test]
fn a_likeness_is_times_and_recurrence() {
    let like = |one: &Series, other: &Series| likeness(one) == likeness(other);
    assert!(like(&single("Team Lunch"), &single("Busy")));
    assert!(like(&single("a"), &with(single("a"), |event| event.location = Some("x".into()))));
    assert!(!like(&single("a"), &daily("a")));
    assert!(!like(&single("a"), &with(single("a"), |event| event.end = at(2, 11))));
    assert!(like(&daily("a"), &cancelled(daily("a"), 4)));
}

#[test]
fn a_uid_that_is_mapped_already_is_not_mapped_again() {
    let double = |taken: Sides<bool>| {
        let mut contact = contact(Sides::new(vec![held("2", named("a", "t"))], vec![]));
        for (side, taken) in taken.iter() {
            contact.taken[side].extend(taken.then(|| Uid::new("a")));
        }
        let world = Touched { known: vec![], contacts: vec![contact] };
        let (plan, _) = settle(&world, &Policy::default());
        plan.steps[0].decision.clone()
    };
    assert_eq!(double(Sides::new(true, true)), Decision::Problem(Side::Right));
    assert_eq!(double(Sides::new(true, false)), Decision::Problem(Side::Right));
    assert_eq!(double(Sides::new(false, true)), Decision::Problem(Side::Right));
    assert_eq!(double(Sides::new(false, false)), Decision::Copy(Side::Right));
}

fn mapped(id: i64, uid: &str, left: Option<&str>, right: Option<&str>) -> Known {
    let base = Sides::new(named(uid, "base"), named(uid, "base"));
    let now = |title: Option<&str>| {
        title.map_or(reconcile::Now::Absent, |title| present(named(uid, title)))
    };
    Known { mapping: MappingId(id), ..known(base, Sides::new(now(left), now(right))) }
}

#[test]
fn the_order_is_safe_at_every_point() {
    let contact =
        |id: &str, uid: &str| contact(Sides::new(vec![held(id, named(uid, uid))], vec![]));
    let world = Touched {
        known: vec![
            mapped(1, "kept", Some("base"), Some("base")),
            mapped(2, "deleted", None, Some("base")),
            mapped(3, "moved", None, Some("base")),
            mapped(4, "edited", Some("x"), Some("base")),
        ],
        contacts: vec![contact("a", "new"), contact("b", "moved")],
    };
    let plan = plan_calmly(&world, &Policy::default());
    let order: Vec<String> =
        plan.steps.iter().map(|step| format!("{} {:?}", step.uid, step.decision)).collect();
    assert_eq!(
        order,
        [
            "moved Delete(Right)",
            "edited Copy(Right)",
            "new Copy(Right)",
            "moved Copy(Right)",
            "deleted Delete(Right)",
            "kept Keep",
        ]
    );
    let mut backwards = world.clone();
    backwards.known.reverse();
    let again = plan_calmly(&backwards, &Policy::default());
    assert_eq!(again.steps[0].subject, Subject::Known(MappingId(3)));
}

#[test]
fn a_halted_plan_still_says_what_it_would_do() {
    let world = Touched { known: vec![mapped(1, "a", None, Some("base"))], contacts: vec![] };
    let (series, deletions) = (Sides::new(120, 120), Sides::new(0, 37));
    let totals = Totals { series, deletions, ..Totals::default() };
    let plan = reconcile::plan(&world, &Policy::default(), &totals);
    assert_eq!(plan.halt, Some(Halt::Deletions { on: Side::Right, count: 37, of: 120 }));
    assert_eq!(plan.steps[0].decision, Decision::Delete(Side::Right));
    assert_eq!(plan.steps[0].writes.right, Some(Write::Delete));
}

#[test]
fn a_copy_under_its_own_uid_finds_its_original() {
    let original = |uid: &str, title: &str| (uid.to_owned(), named(uid, title));
    let copy = |key: &str, title: &str| (key.to_owned(), named(&format!("{key}@calpair"), title));
    let both =
        |says: &str, left: &[(String, Series)], right: &[(String, Series)], want: &[&str]| {
            let of = |side: &[(String, Series)]| {
                side.iter().map(|(id, series)| held(id, series.clone())).collect::<Vec<_>>()
            };
            let met = meeting(of(left), of(right));
            // Creations have an order of their own.
            if !want.iter().any(|met| met.contains('-')) {
                symmetric(&met, &Policy::default());
            }
            let (plan, _) = settle(&met, &Policy::default());
            let mut got: Vec<String> = plan
                .steps
                .iter()
                .map(|step| {
                    let Subject::New(ids) = &step.subject else { panic!("{says}: not new") };
                    let id = |id: &Option<ResourceId>| {
                        id.as_ref().map_or("-".into(), |id| id.to_string())
                    };
                    format!("{} {}", id(&ids.left), id(&ids.right))
                })
                .collect();
            got.sort();
            assert_eq!(got, want, "{says}");
        };
    let (dentist, lunch) = (original("1", "Dentist"), original("2", "Lunch"));
    let alone = std::slice::from_ref(&dentist);
    both("busy", alone, &[copy("k", "Busy")], &["1 k"]);
    both("busy, with a prefix", alone, &[copy("k", "W Busy")], &["1 k"]);
    both("a prefix", alone, &[copy("k", "W Dentist")], &["1 k"]);
    both(
        "prefixes at the same time",
        &[dentist.clone(), lunch.clone()],
        &[copy("k", "W Lunch"), copy("l", "W Dentist")],
        &["1 l", "2 k"],
    );
    both(
        "of several that look the same any will do",
        &[dentist.clone(), lunch.clone()],
        &[copy("k", "Busy"), copy("l", "Busy")],
        &["1 k", "2 l"],
    );
    both(
        "two of the same title",
        &[original("1", "Lunch"), lunch.clone()],
        &[copy("k", "Lunch"), copy("l", "Lunch")],
        &["1 k", "2 l"],
    );
    both("another title", alone, &[copy("k", "Mine")], &["- k", "1 -"]);
    both("no copy of ours", alone, &[original("9", "Busy")], &["- 9", "1 -"]);
}
