//! Copies that calpair made meet their originals, and no mapping says which is which: a mask never
//! comes back as an edit.

use model::{Origin, ResourceId, Series, Side, Sides, Status, Transparency};
use reconcile::{Conflict, Crossing, Detail, Known, Now, Policy, ShowAs, Touched};

use crate::world::*;

const RULES: [Conflict; 4] = [Conflict::Newest, Conflict::Left, Conflict::Right, Conflict::Ask];

/// What both sides come to when left's series meets right's, under any rule for conflicts and
/// whichever side is which.
#[track_caller]
fn meets(left: &Series, right: &Series, origin: Sides<Origin>, crossing: &Crossing) -> Vec<Series> {
    let mut all: Vec<Series> = Vec::new();
    for conflict in RULES {
        let crossing = Sides::new(Crossing::default(), crossing.clone());
        let policy = Policy { conflict, crossing, ..Policy::default() };
        let mut met = meeting(vec![held("1", left.clone())], vec![held("2", right.clone())]);
        let contact = &mut met.contacts[0];
        contact.origins.left.insert(ResourceId::new("1"), origin.left);
        contact.origins.right.insert(ResourceId::new("2"), origin.right);
        symmetric(&met, &policy);
        let (_, after) = settle(&met, &policy);
        let now = both_now(&after);
        assert!(all.is_empty() || all[..] == now[..], "{conflict:?}: {}", picture(&after));
        all = now;
    }
    all
}

fn both_now(after: &Touched) -> Vec<Series> {
    Side::BOTH.map(|side| series(&after.known[0].now[side]).unwrap().clone()).to_vec()
}

fn titles(all: &[Series]) -> Vec<&str> {
    let title = |series: &'_ Series| series.master.as_ref().unwrap().title.is_some();
    all.iter()
        .map(|one| match title(one) {
            true => one.master.as_ref().unwrap().title.as_ref().unwrap().expose().as_str(),
            false => "",
        })
        .collect()
}

const NOBODY: Sides<Origin> = Sides { left: Origin::Unknown, right: Origin::Unknown };
const COPY: Sides<Origin> = Sides { left: Origin::Unknown, right: Origin::Copy };
const SEALED: Sides<Origin> = Sides { left: Origin::Unknown, right: Origin::Sealed };
const BOTH_COPIES: Sides<Origin> = Sides { left: Origin::Copy, right: Origin::Sealed };

#[test]
fn a_masked_title_never_overwrites_the_original() {
    let full = Crossing::default();
    let left = modified(located("Dentist", "Town"), 10);
    let untitled = modified(located("", "Town"), 10);
    let busy = modified(single("Busy"), 99);
    for origin in [NOBODY, COPY, SEALED, BOTH_COPIES] {
        for shown in ["Busy", "W Busy", "W Dentist"] {
            let met = meets(&left, &modified(single(shown), 99), origin, &full);
            assert_eq!(titles(&met), ["Dentist", "Dentist"], "{shown}, {origin:?}");
            assert!(met[0].same_content(&left) && met[1].same_content(&left), "{origin:?}");
        }
        let met = meets(&untitled, &busy, origin, &full);
        assert_eq!(titles(&met), ["", ""], "{origin:?}");
        // The same pair again, or one with a prefix: the copy keeps its mask.
        let masks = Crossing { detail: Detail::Busy, ..full.clone() };
        assert_eq!(titles(&meets(&left, &busy, origin, &masks)), ["Dentist", "Busy"]);
        let prefixed = Crossing { prefix: "W ".into(), ..full.clone() };
        let shown = modified(located("W Dentist", "Town"), 99);
        let met = meets(&left, &shown, origin, &prefixed);
        assert_eq!(titles(&met), ["Dentist", "W Dentist"]);
    }
}

#[test]
fn a_copy_that_blocks_time_otherwise_frees_no_original() {
    let left = modified(single("Dentist"), 10);
    let free = with(modified(single("Dentist"), 99), |event| {
        event.transparency = Transparency::Transparent;
        event.status = Status::Tentative;
    });
    for origin in [COPY, SEALED] {
        for met in meets(&left, &free, origin, &Crossing::default()) {
            assert!(met.same_content(&left), "{origin:?}");
        }
        let masks = Crossing { show_as: ShowAs::Free, ..Crossing::default() };
        let met = meets(&left, &free, origin, &masks);
        assert!(met[0].same_content(&left));
        assert_eq!(met[1].master.as_ref().unwrap().transparency, Transparency::Transparent);
    }
}

#[test]
fn of_a_sealed_copy_nothing_is_an_edit() {
    let left = modified(located("Dentist", "Town"), 10);
    let old = with(modified(located("Doctor", "Village"), 99), |event| {
        event.description = Some("gone".into());
        (event.start, event.end) = (at(4, 9), at(4, 10));
    });
    for met in meets(&left, &old, SEALED, &Crossing::default()) {
        assert!(met.same_content(&left));
    }
}

#[test]
fn what_somebody_wrote_on_a_copy_is_an_edit() {
    let left = modified(located("Dentist", "Town"), 10);
    let right = modified(located("Mine", "Town"), 99);
    for origin in [NOBODY, COPY, BOTH_COPIES] {
        let mut met = meeting(vec![held("1", left.clone())], vec![held("2", right.clone())]);
        let contact = &mut met.contacts[0];
        contact.origins.left.insert(ResourceId::new("1"), origin.left);
        contact.origins.right.insert(ResourceId::new("2"), origin.right);
        let (plan, after) = settle(&met, &Policy::default());
        assert_eq!(titles(&both_now(&after)), ["Mine", "Mine"]);
        assert_eq!(plan.steps[0].overruled.len(), 1, "the other title is kept");
    }
}

#[test]
fn a_guess_is_recorded() {
    let met = meeting(
        vec![held("1", modified(located("Dentist", "Town"), 10))],
        vec![held("2", modified(single("Busy"), 99))],
    );
    let (plan, _) = settle(&met, &Policy::default());
    let overruled = &plan.steps[0].overruled;
    assert_eq!(overruled.len(), 1);
    assert_eq!(
        (overruled[0].side, overruled[0].before.clone()),
        (Side::Right, { modified(single("Busy"), 99) })
    );
}

/// A copy on the right of what is on the left, which has changed since both agreed.
fn changed(second: i64) -> Known {
    let base = modified(located("Dentist", "Town"), 10);
    let mut known = known(
        Sides::new(base.clone(), base.clone()),
        Sides::new(present(base), present(modified(single("Busy"), second))),
    );
    known.made.right = true;
    known
}

#[test]
fn what_another_state_wrote_on_a_copy_is_no_edit() {
    let after = |mut known: Known, origin| {
        known.note_origin(Side::Right, origin);
        let touched = touched(known);
        symmetric(&touched, &Policy::default());
        let (_, after) = settle(&touched, &Policy::default());
        let now = both_now(&after);
        assert!(now[0].same_content(&now[1]));
        titles(&now)[0].to_owned()
    };
    assert_eq!(after(changed(99), Origin::Sealed), "Dentist");
    assert_eq!(after(changed(99), Origin::Copy), "Busy", "somebody wrote it");
    assert_eq!(after(changed(99), Origin::Unknown), "Busy");
    assert_eq!(after(changed(10), Origin::Sealed), "Busy", "somebody put it back");
    let mut original = changed(99);
    original.made = Sides::default();
    assert_eq!(after(original, Origin::Sealed), "Busy", "not known to be a copy");
}

#[test]
fn what_the_original_says_meanwhile_comes_to_the_copy() {
    let mut known = changed(99);
    known.now.left = present(modified(located("Doctor", "Town"), 50));
    known.note_origin(Side::Right, Origin::Sealed);
    let Now::Present(right) = &known.now.right else { panic!("it is there") };
    assert_eq!(right.series.modified, modified(single(""), 99).modified);
    let (plan, after) = settle(&touched(known), &Policy::default());
    assert_eq!(titles(&both_now(&after)), ["Doctor", "Doctor"]);
    assert!(plan.steps[0].overruled.is_empty(), "nobody's edit is lost");
}
