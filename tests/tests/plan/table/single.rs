//! Single events: edits, deletions, conflicts, directions, rights, unfinished writes.

use reconcile::Touched;

use super::*;

#[test]
fn single_events() {
    let a = || single("a");
    case("nothing happened", a(), a(), a()).is(Decision::Keep, a(), a());
    case("an edit is carried", a(), single("b"), a()).is(
        Decision::Copy(Right),
        single("b"),
        single("b"),
    );
    case("an edit is carried back", a(), a(), single("b")).is(
        Decision::Copy(Left),
        single("b"),
        single("b"),
    );
    case("the same edit twice is an agreement (X05)", a(), single("b"), single("b")).is(
        Decision::Adopt,
        single("b"),
        single("b"),
    );
    case("both gone (X06)", a(), NOBODY, NOBODY).is(Decision::Forget, NOBODY, NOBODY);
    case("a deletion is carried", a(), a(), NOBODY).is(Decision::Delete(Left), NOBODY, NOBODY);
    case("a deletion is carried the other way", a(), NOBODY, a()).is(
        Decision::Delete(Right),
        NOBODY,
        NOBODY,
    );
    case("an edit beats a deletion (X03)", a(), single("b"), NOBODY).is(
        Decision::Copy(Right),
        single("b"),
        single("b"),
    );
    case("an edit beats a deletion (X04)", a(), NOBODY, single("b")).is(
        Decision::Copy(Left),
        single("b"),
        single("b"),
    );
    case("an edit of what no series says is one, too", a(), a(), NOBODY).beside(Left).is(
        Decision::Copy(Right),
        a(),
        a(),
    );
    case("the other way", a(), NOBODY, a()).beside(Right).is(Decision::Copy(Left), a(), a());
    case("it crosses nowhere", a(), a(), a()).beside(Left).is(Decision::Keep, a(), a());
    case("of what is gone it says nothing", a(), a(), NOBODY).beside(Right).is(
        Decision::Delete(Left),
        NOBODY,
        NOBODY,
    );
    case("different fields are merged (X01)", a(), single("b"), at_place(a(), "x")).is(
        Decision::Merge,
        at_place(single("b"), "x"),
        at_place(single("b"), "x"),
    );
    case("a field emptied is an edit", at_place(a(), "x"), a(), at_place(a(), "x")).is(
        Decision::Copy(Right),
        a(),
        a(),
    );
}

#[test]
fn conflicts() {
    let base = || single("a");
    let (older, newer) = (|| modified(single("b"), 1), || modified(single("c"), 2));
    let step = case("the newer edit wins (X02)", base(), older(), newer()).is(
        Decision::Copy(Left),
        single("c"),
        single("c"),
    );
    let lost = &step.overruled[0];
    assert_eq!((lost.side, lost.fields), (Left, FieldSet::NONE.with(Field::Title)));
    assert!(lost.before.same_content(&single("b")) && lost.after.same_content(&single("c")));
    case("the newer edit wins on the left too", base(), newer(), older()).is(
        Decision::Copy(Right),
        single("c"),
        single("c"),
    );
    case("undated edits: left wins", base(), single("b"), newer()).is(
        Decision::Copy(Right),
        single("b"),
        single("b"),
    );
    case("right wins where the policy says so", base(), newer(), older())
        .with(|policy| policy.conflict = Conflict::Right)
        .is(Decision::Copy(Left), single("b"), single("b"));
    let step =
        case("asked: the field stays, others merge", base(), at_place(older(), "x"), newer())
            .with(|policy| policy.conflict = Conflict::Ask)
            .is(Decision::Conflict, at_place(single("b"), "x"), at_place(single("c"), "x"));
    let clash = &step.clashes[0];
    assert_eq!((clash.field.as_str(), clash.values.left.expose().as_str()), ("title", "b"));
    assert_eq!(step.reason, "title changed differently on both sides: somebody must choose");
    case(
        "times are one field: no half of a move",
        base(),
        moved(base(), 3, 9, 10),
        moved(base(), 2, 9, 12),
    )
    .is(Decision::Copy(Right), moved(base(), 3, 9, 10), moved(base(), 3, 9, 10));
}

#[test]
fn directions_and_rights() {
    let a = || single("a");
    let one_way = |policy: &mut Policy| policy.direction = Direction::LeftToRight;
    let skipped = Decision::Skip(Skip::Direction);
    case("one way: an edit on the copy stays", a(), a(), single("b")).with(one_way).is(
        skipped.clone(),
        a(),
        single("b"),
    );
    case("one way: the copy's edit loses, and is recorded", a(), single("b"), single("c"))
        .with(|policy| policy.conflict = Conflict::Right)
        .with(one_way)
        .is(Decision::Copy(Right), single("b"), single("b"));
    case("one way: a deleted copy deletes nothing", a(), a(), NOBODY).with(one_way).is(
        skipped.clone(),
        a(),
        NOBODY,
    );
    case("one way: a deleted copy comes back with an edit", a(), single("b"), NOBODY)
        .with(one_way)
        .is(Decision::Copy(Right), single("b"), single("b"));
    case("one way: a deletion crosses", a(), NOBODY, a()).with(one_way).is(
        Decision::Delete(Right),
        NOBODY,
        NOBODY,
    );
    case("one way: an edited copy of a deleted original stays", a(), NOBODY, single("b"))
        .with(one_way)
        .is(skipped.clone(), NOBODY, single("b"));
    new("one way: what is new on the far side stays there", NOBODY, a()).with(one_way).is(
        skipped,
        NOBODY,
        a(),
    );

    let read_only = |policy: &mut Policy| policy.rights.right = Rights::Read;
    let waits = Decision::Problem(Right);
    case("read-only: an edit waits", a(), single("b"), a()).with(read_only).is(
        waits.clone(),
        single("b"),
        a(),
    );
    case("read-only: reading goes on", a(), a(), single("b")).with(read_only).is(
        Decision::Copy(Left),
        single("b"),
        single("b"),
    );
    case("read-only: one edit waits, the other comes", a(), single("b"), at_place(a(), "x"))
        .with(read_only)
        .is(waits.clone(), at_place(single("b"), "x"), at_place(a(), "x"));
    case("read-only: a deletion waits", a(), NOBODY, a()).with(read_only).is(
        waits.clone(),
        NOBODY,
        a(),
    );
    let private = || with(single("a"), |event| event.class = Class::Private);
    case("read-only: a deletion waits, whatever a rule says", private(), NOBODY, private())
        .with(read_only)
        .with(|policy| policy.crossing.right.skip.private = true)
        .is(waits.clone(), NOBODY, private());
    case("read-only: an edit beats a deletion, but waits", a(), single("b"), NOBODY)
        .with(read_only)
        .is(waits.clone(), single("b"), NOBODY);
    case("read-only: so does one of what no series says", a(), a(), NOBODY)
        .with(read_only)
        .beside(Left)
        .is(waits.clone(), a(), NOBODY);
    new("read-only: what is new waits", a(), NOBODY).with(read_only).is(waits, a(), NOBODY);
}

#[test]
fn what_a_side_cannot_hold() {
    let poor = |policy: &mut Policy| policy.fields.right = FieldSet::ALL.without(Field::Color);
    let red = || with(single("a"), |event| event.color = Some("red".into()));
    let red_b = || with(single("b"), |event| event.color = Some("red".into()));
    case("what never arrived was not deleted", red(), red(), single("a"))
        .base_right(single("a"))
        .with(poor)
        .is(Decision::Keep, red(), single("a"));
    case("an edit there leaves it alone here", red(), red(), single("b"))
        .base_right(single("a"))
        .with(poor)
        .is(Decision::Copy(Left), red_b(), single("b"));
    case("a change of it alone is nothing to do", single("a"), red(), single("a")).with(poor).is(
        Decision::Keep,
        red(),
        single("a"),
    );
    case("a change of it alone is an edit, and beats a deletion", single("a"), red(), NOBODY)
        .with(poor)
        .is(Decision::Copy(Right), red(), single("a"));
    case(
        "recreated with what it had, although the copy could not hold it",
        red(),
        NOBODY,
        single("b"),
    )
    .base_right(single("a"))
    .with(poor)
    .is(Decision::Copy(Left), red_b(), single("b"));
    new("a copy leaves it out", red(), NOBODY).with(poor).is(
        Decision::Copy(Right),
        red(),
        single("a"),
    );
    new("what repeats does not go where nothing can", daily("a"), NOBODY)
        .with(|policy| policy.fields.right = FieldSet::ALL.without(Field::Recurrence))
        .is(Decision::Problem(Right), daily("a"), NOBODY);
    case(
        "what a server made of our write is no edit (P17)",
        described(single("a"), "x"),
        described(single("a"), "x"),
        described(single("a"), "X!"),
    )
    .base_right(described(single("a"), "X!"))
    .is(Decision::Keep, described(single("a"), "x"), described(single("a"), "X!"));
    case(
        "nor when another field is edited there",
        described(single("a"), "x"),
        described(single("a"), "x"),
        described(single("b"), "X!"),
    )
    .base_right(described(single("a"), "X!"))
    .is(Decision::Copy(Left), described(single("b"), "x"), described(single("b"), "X!"));
}

#[test]
fn unfinished_writes() {
    let a = || single("a");
    case("our own write is nobody's edit", a(), single("b"), single("b"))
        .pending(Right, a(), single("b"))
        .is(Decision::Adopt, single("b"), single("b"));
    case("an edit during the write is carried", a(), single("b"), at_place(single("b"), "x"))
        .pending(Right, a(), single("b"))
        .is(Decision::Copy(Left), at_place(single("b"), "x"), at_place(single("b"), "x"));
    case(
        "an edit after the write meets no conflict",
        a(),
        modified(single("c"), 1),
        modified(single("b"), 2),
    )
    .pending(Right, a(), single("b"))
    .is(Decision::Copy(Right), single("c"), single("c"));
    case("an edit that was taken back takes back the write", a(), a(), single("b"))
        .pending(Right, a(), single("b"))
        .is(Decision::Copy(Right), a(), a());
    case("a write that never arrived is repeated", a(), single("b"), a())
        .pending(Right, a(), single("b"))
        .is(Decision::Copy(Right), single("b"), single("b"));
    case("our own write does not beat a deletion", a(), NOBODY, single("b"))
        .pending(Right, a(), single("b"))
        .is(Decision::Delete(Right), NOBODY, NOBODY);
    let own = |title: &str| with_override(daily("a"), 4, |event| event.title = Some(title.into()));
    case("nor is our own override", daily("a"), daily("a"), own("b"))
        .pending(Right, daily("a"), own("b"))
        .is(Decision::Copy(Right), daily("a"), daily("a"));
}

#[test]
fn first_contacts() {
    new("new on the left", single("a"), NOBODY).is(Decision::Copy(Right), single("a"), single("a"));
    new("new on the right", NOBODY, single("a")).is(Decision::Copy(Left), single("a"), single("a"));
    new("the same on both sides (I01, X07)", single("a"), single("a")).is(
        Decision::Adopt,
        single("a"),
        single("a"),
    );
    new("what is empty is filled", single("a"), at_place(single("a"), "x")).is(
        Decision::Copy(Left),
        at_place(single("a"), "x"),
        at_place(single("a"), "x"),
    );
    let step = new("what differs is decided, and recorded", single("a"), single("b")).is(
        Decision::Copy(Right),
        single("a"),
        single("a"),
    );
    assert_eq!(step.overruled[0].side, Right);
    new("what differs is asked", single("a"), single("b"))
        .with(|policy| policy.conflict = Conflict::Ask)
        .is(Decision::Conflict, single("a"), single("b"));
    new("a cancellation known to one side", cancelled(daily("a"), 4), daily("a")).is(
        Decision::Copy(Right),
        cancelled(daily("a"), 4),
        cancelled(daily("a"), 4),
    );
    new("different rules are one thing", daily("a"), every_other_day()).is(
        Decision::Copy(Right),
        daily("a"),
        daily("a"),
    );
    let private = || with(single("a"), |event| event.class = Class::Private);
    new("private beats public", single("a"), private()).is(
        Decision::Copy(Left),
        private(),
        private(),
    );
}

fn every_other_day() -> Series {
    let mut series = daily("a");
    series.recurrence.rules[0].interval = 2;
    series
}

#[test]
fn what_the_direction_kept_from_a_first_contact_crosses_when_it_is_turned() {
    let policy = Policy { direction: Direction::RightToLeft, ..Policy::default() };
    let (left, right) = (vec![held("l", at_place(single("a"), "x"))], vec![held("r", single("a"))]);
    let (_, met) = settle(&meeting(left, right), &policy);
    let place = |touched: &Touched, side| {
        let event = series(&touched.known[0].now[side]).unwrap().face().unwrap();
        event.location.is_some()
    };
    assert_eq!(Sides::from_fn(|side| place(&met, side)), Sides::new(true, false));
    let (_, turned) = settle(&met, &Policy::default());
    assert_eq!(Sides::from_fn(|side| place(&turned, side)), Sides::new(true, true));
}
