//! Series: occurrences, shifts, rules, overrides without a master.

use super::*;

fn own(series: Series, title: &str) -> Series {
    with_override(series, 4, |event| event.title = Some(title.into()))
}

#[test]
fn occurrences() {
    let base = || daily("a");
    case("one cancelled", base(), cancelled(base(), 4), base()).is(
        Decision::Copy(Right),
        cancelled(base(), 4),
        cancelled(base(), 4),
    );
    case("one brought back", cancelled(base(), 4), base(), cancelled(base(), 4)).is(
        Decision::Copy(Right),
        base(),
        base(),
    );
    case("one changed", base(), own(base(), "x"), base()).is(
        Decision::Copy(Right),
        own(base(), "x"),
        own(base(), "x"),
    );
    let placed = |series| with_override(series, 4, |event| event.location = Some("y".into()));
    case("one changed on both sides, differently (X01)", base(), own(base(), "x"), placed(base()))
        .is(Decision::Merge, placed(own(base(), "x")), placed(own(base(), "x")));
    let step =
        case("one changed on both sides in one field", base(), own(base(), "x"), own(base(), "y"))
            .is(Decision::Copy(Right), own(base(), "x"), own(base(), "x"));
    assert_eq!(step.overruled[0].side, Right);
    let step = case("asked about one occurrence", base(), own(base(), "x"), own(base(), "y"))
        .with(|policy| policy.conflict = Conflict::Ask)
        .is(Decision::Conflict, own(base(), "x"), own(base(), "y"));
    assert_eq!(step.clashes[0].field, "title of 2026-03-04T09:00");
    case("different occurrences", base(), own(base(), "x"), cancelled(base(), 6)).is(
        Decision::Merge,
        cancelled(own(base(), "x"), 6),
        cancelled(own(base(), "x"), 6),
    );
    let step = case(
        "an edit beats a cancellation",
        own(base(), "x"),
        cancelled(base(), 4),
        own(base(), "y"),
    )
    .is(Decision::Copy(Left), own(base(), "y"), own(base(), "y"));
    assert_eq!(step.overruled.len(), 1);
    case("an edit beats a removal", own(base(), "x"), base(), own(base(), "y")).is(
        Decision::Copy(Left),
        own(base(), "y"),
        own(base(), "y"),
    );
    case("a removal", own(base(), "x"), base(), own(base(), "x")).is(
        Decision::Copy(Right),
        base(),
        base(),
    );
    case("series deleted, one occurrence edited (X10)", base(), NOBODY, own(base(), "x")).is(
        Decision::Copy(Left),
        own(base(), "x"),
        own(base(), "x"),
    );
}

#[test]
fn occurrences_follow_their_series() {
    let base = || daily("a");
    let renamed = |series| with(series, |event: &mut Event| event.title = Some("b".into()));
    let late = |series| with_override(series, 4, |e| (e.start, e.end) = (at(4, 15), at(4, 16)));
    case(
        "a moved occurrence of a renamed series has the new name",
        base(),
        renamed(base()),
        late(base()),
    )
    .is(Decision::Merge, late(renamed(base())), late(renamed(base())));
    case(
        "one occurrence's own name stays when the series is renamed",
        base(),
        renamed(base()),
        own(base(), "x"),
    )
    .is(Decision::Merge, own(renamed(base()), "x"), own(renamed(base()), "x"));
    case("an override left alone is left alone", late(base()), renamed(late(base())), late(base()))
        .is(Decision::Copy(Right), renamed(late(base())), renamed(late(base())));
}

#[test]
fn a_half_of_our_own_write_is_nobodys_edit() {
    let kept = |title: &str| {
        with_override(daily(title), 4, |event| {
            event.title = Some("a".into());
            (event.start, event.end) = (at(4, 15), at(4, 16));
        })
    };
    let renamed = kept("b");
    case(
        "the master has arrived, the override that has the old name has not",
        daily("a"),
        renamed.clone(),
        daily("b"),
    )
    .pending(Right, daily("a"), renamed.clone())
    .is(Decision::Copy(Right), renamed.clone(), renamed.clone());
    let placed = |series| at_place(series, "x");
    case("what somebody adds to the half is theirs", daily("a"), renamed.clone(), {
        placed(daily("b"))
    })
    .pending(Right, daily("a"), renamed)
    .is(
        Decision::Merge,
        with_override(placed(kept("b")), 4, |event| event.location = Some("x".into())),
        with_override(placed(kept("b")), 4, |event| event.location = Some("x".into())),
    );
}

#[test]
fn whole_series() {
    let base = || daily("a");
    case(
        "a shift takes cancellations along",
        cancelled(base(), 4),
        shifted(cancelled(base(), 4), 2),
        cancelled(base(), 4),
    )
    .is(
        Decision::Copy(Right),
        shifted(cancelled(base(), 4), 2),
        shifted(cancelled(base(), 4), 2),
    );
    case("a shift here, an occurrence renamed there", base(), shifted(base(), 2), own(base(), "x"))
        .is(Decision::Merge, shifted(own(base(), "x"), 2), shifted(own(base(), "x"), 2));
    case(
        "a shift here, an occurrence cancelled there",
        base(),
        shifted(base(), 2),
        cancelled(base(), 4),
    )
    .is(Decision::Merge, shifted(cancelled(base(), 4), 2), shifted(cancelled(base(), 4), 2));
    let late = |series| with_override(series, 4, |e| (e.start, e.end) = (at(4, 15), at(4, 16)));
    case(
        "a shift here, an occurrence moved there: it stays where it was put",
        base(),
        shifted(base(), 2),
        late(base()),
    )
    .is(Decision::Merge, shifted(late(base()), 2), shifted(late(base()), 2));
    case("a shift here, another rule's end there", base(), shifted(base(), 2), ending(base())).is(
        Decision::Merge,
        ending(shifted(base(), 2)),
        ending(shifted(base(), 2)),
    );
    let step = case(
        "two shifts: one wins, cancellations of both hold",
        base(),
        cancelled_after(shifted(base(), 2)),
        shifted(cancelled(base(), 6), 1),
    )
    .is(Decision::Merge, both_cancelled(), both_cancelled());
    assert_eq!(step.overruled[0].fields, FieldSet::NONE.with(Field::Times));
}

/// Both ways round.
#[track_caller]
fn either_way(says: &'static str, base: Series, one: Series, other: Series, both: Series) {
    for (left, right) in [(one.clone(), other.clone()), (other, one)] {
        let step = case(says, base.clone(), left.clone(), right.clone());
        let decision = match (left.same_content(&both), right.same_content(&both)) {
            (false, false) => Decision::Merge,
            (true, _) => Decision::Copy(Right),
            (false, true) => Decision::Copy(Left),
        };
        step.is(decision, both.clone(), both.clone());
    }
}

fn on(day: i8, series: Series, title: &str) -> Series {
    with_override(series, day, |event| {
        (event.start, event.end) = (at(day, 15), at(day, 16));
        event.title = Some(title.into());
    })
}

#[test]
fn a_shift_that_leaves_exceptions_under_their_old_keys() {
    let base = || on(4, daily("a"), "late");
    let kept = || shifted_alone(base(), 2);
    either_way("nothing else", base(), kept(), base(), kept());
    let edited = || on(4, daily("a"), "mine");
    let off = || cancelled(daily("a"), 4);
    let want = shifted_alone(edited(), 2);
    either_way("its override edited", base(), kept(), edited(), want);
    let want = shifted(cancelled(daily("a"), 4), 2);
    either_way("it is cancelled: nothing takes place then", base(), kept(), off(), want);
    either_way("it is removed", base(), kept(), daily("a"), shifted(daily("a"), 2));
    let both = |series| with_override(series, 4, |event| event.location = Some("y".into()));
    either_way(
        "the shifting side edits it as well",
        base(),
        both(kept()),
        edited(),
        both(shifted_alone(edited(), 2)),
    );
    // Which occurrence is off then nobody can tell: one side wins, the other's is in history.
    let step = case(
        "and takes off what the master makes instead",
        base(),
        cancelled_after(kept()),
        edited(),
    )
    .is(Decision::Copy(Right), cancelled_after(kept()), cancelled_after(kept()));
    assert!(step.overruled[0].before.same_content(&edited()));
    // Shifted by a day, a daily series calls its occurrences as others were called.
    let next_day = || moved(base(), 3, 9, 10);
    either_way("all have moved then", base(), shifted(base(), 24), base(), shifted(base(), 24));
    either_way("or became others", base(), next_day(), base(), next_day());
    let still_off = shifted_alone(off(), 2);
    either_way("a cancellation stays", off(), still_off.clone(), off(), still_off);
    either_way(
        "a cancellation taken back elsewhere",
        off(),
        shifted_alone(off(), 2),
        edited(),
        shifted(edited(), 2),
    );
    let placed = |series| with_override(series, 4, |event| event.location = Some("y".into()));
    either_way(
        "both have made an override, one before its shift",
        daily("a"),
        shifted_alone(base(), 2),
        placed(daily("a")),
        shifted_alone(placed(base()), 2),
    );
    either_way(
        "both shift alike, one renames",
        base(),
        kept(),
        shifted(edited(), 2),
        shifted(edited(), 2),
    );
    either_way(
        "both shift alike, none renames",
        base(),
        kept(),
        shifted_alone(edited(), 2),
        shifted_alone(edited(), 2),
    );
}

#[test]
fn a_shift_that_renames_some_exceptions() {
    let base = || cancelled(on(6, on(5, on(4, daily("a"), "4"), "5"), "6"), 3);
    // The fifth is renamed, the others are not.
    let mixed = |series: Series| {
        let renamed = shifted(series.clone(), 2);
        let mut mixed = shifted_alone(series, 2);
        mixed.exceptions.remove(&at(5, 9));
        let moved = renamed.exceptions.get(&at(5, 11)).cloned();
        mixed.exceptions.extend(moved.map(|exception| (at(5, 11), exception)));
        mixed
    };
    let edited = || on(5, on(4, base(), "mine"), "mine too");
    either_way("all edited", base(), mixed(base()), edited(), mixed(edited()));
    let mut gone = base();
    gone.exceptions.remove(&at(5, 9));
    let gone = cancelled(gone, 6);
    let mut want = mixed(gone.clone());
    want.exceptions.remove(&at(6, 9));
    want.exceptions.insert(at(6, 11), Exception::Cancelled);
    either_way("one removed, one cancelled", base(), mixed(base()), gone, want);
}

#[test]
fn a_shift_by_whole_days() {
    let base = || on(5, on(4, daily("a"), "4"), "5");
    let edited = || on(5, on(4, daily("a"), "mine"), "mine too");
    either_way(
        "keys stay",
        base(),
        shifted_alone(base(), 24),
        edited(),
        shifted_alone(edited(), 24),
    );
    either_way("keys move", base(), shifted(base(), 24), edited(), shifted(edited(), 24));
    either_way("keys move back", base(), shifted(base(), -24), edited(), shifted(edited(), -24));
    let early = || cancelled(on(4, daily("a"), "4"), 3);
    let step = case(
        "what was before a key that stayed has no name left: the policy decides",
        on(4, daily("a"), "4"),
        shifted_alone(on(4, daily("a"), "4"), 24),
        early(),
    )
    .is(
        Decision::Copy(Right),
        shifted_alone(on(4, daily("a"), "4"), 24),
        shifted_alone(on(4, daily("a"), "4"), 24),
    );
    assert!(step.overruled[0].before.same_content(&early()));
}

#[test]
fn other_rules_and_zones() {
    let base = || daily("a");
    let other_rule = || {
        let mut series = base();
        series.recurrence.rules[0].interval = 2;
        series
    };
    let step = case(
        "another rule here, an occurrence renamed there",
        base(),
        other_rule(),
        own(base(), "x"),
    )
    .is(Decision::Copy(Right), other_rule(), other_rule());
    let lost = &step.overruled[0];
    assert!(lost.side == Right && lost.before.same_content(&own(base(), "x")));
    case("the same, and the occurrence wins", base(), other_rule(), own(base(), "x"))
        .with(|policy| policy.conflict = Conflict::Right)
        .is(Decision::Copy(Left), own(base(), "x"), own(base(), "x"));
    case("no series any more (R18)", cancelled(base(), 4), single("a"), cancelled(base(), 4)).is(
        Decision::Copy(Right),
        single("a"),
        single("a"),
    );
    case("a series from now on", single("a"), base(), single("b")).is(
        Decision::Merge,
        daily("b"),
        daily("b"),
    );
    let in_utc = |mut series: Series| {
        let utc = |when: &model::When| model::When::Utc(when.wall());
        let master = series.master.as_mut().unwrap();
        (master.start, master.end) = (utc(&master.start), utc(&master.end));
        series.exceptions = series
            .exceptions
            .into_iter()
            .map(|(key, exception)| {
                let exception = match exception {
                    Exception::Override(mut event) => {
                        (event.start, event.end) = (utc(&event.start), utc(&event.end));
                        Exception::Override(event)
                    }
                    Exception::Cancelled => Exception::Cancelled,
                };
                (utc(&key), exception)
            })
            .collect();
        series
    };
    case(
        "another zone here, an occurrence renamed there",
        base(),
        in_utc(base()),
        own(base(), "x"),
    )
    .is(Decision::Merge, in_utc(own(base(), "x")), in_utc(own(base(), "x")));
    let base = || on(30, daily("a"), "late");
    let mut kept = in_utc(base());
    let late = kept.exceptions.pop_first().unwrap().1;
    kept.exceptions.insert(model::When::Utc(at(30, 7).wall()), late);
    let step = case(
        "another zone here, an exception left at its instant; there it is edited",
        base(),
        kept.clone(),
        on(30, daily("a"), "mine"),
    )
    .is(Decision::Copy(Right), kept.clone(), kept);
    assert!(step.overruled[0].before.same_content(&on(30, daily("a"), "mine")));
}

fn ending(mut series: Series) -> Series {
    series.recurrence.rules[0].count = Some(10);
    series
}

fn cancelled_after(mut series: Series) -> Series {
    series.exceptions.insert(at(4, 11), Exception::Cancelled);
    series
}

fn both_cancelled() -> Series {
    let mut series = cancelled_after(shifted(daily("a"), 2));
    series.exceptions.insert(at(6, 11), Exception::Cancelled);
    series
}

#[test]
fn overrides_without_a_master() {
    let orphan = |days: &[i8]| {
        let mut series = single("gone");
        series.master = None;
        for day in days {
            series = with_override(series, *day, |event| event.title = Some("a".into()));
        }
        series
    };
    new("invited to one occurrence (R14)", orphan(&[4]), NOBODY).is(
        Decision::Copy(Right),
        orphan(&[4]),
        orphan(&[4]),
    );
    case("invited to another one", orphan(&[4]), orphan(&[4, 5]), orphan(&[4])).is(
        Decision::Copy(Right),
        orphan(&[4, 5]),
        orphan(&[4, 5]),
    );
    case("no longer invited to one", orphan(&[4, 5]), orphan(&[4]), orphan(&[4, 5])).is(
        Decision::Copy(Right),
        orphan(&[4]),
        orphan(&[4]),
    );
    case("each removed what the other kept", orphan(&[4, 5]), orphan(&[4]), orphan(&[5])).is(
        Decision::Merge,
        orphan(&[4, 5]),
        orphan(&[4, 5]),
    );
    case("invited to all of it", orphan(&[4]), daily("a"), orphan(&[4])).is(
        Decision::Copy(Right),
        daily("a"),
        daily("a"),
    );
}

/// One side was moved, and that does not cross; what crosses to it is named as it is there.
#[test]
fn while_a_move_waits_its_base_has_the_former_names() {
    let policy = Policy { direction: Direction::LeftToRight, ..Policy::default() };
    let base = || daily("a");
    let left = || cancelled(base(), 4);
    let right = || shifted(base(), 2);
    let (_, after) = settle(
        &touched(known(Sides::new(base(), base()), Sides::new(present(left()), present(right())))),
        &policy,
    );
    let mut waits = after.known[0].clone();
    let is = |now: &Now, wanted: Series| series(now).unwrap().same_content(&wanted);
    assert!(is(&waits.now.right, shifted(left(), 2)), "{}", picture(&after));
    assert!(waits.base.right.same_content(&left()), "{}", picture(&after));
    // Deleted there, it comes back as its original is.
    let renamed = |series| with(series, |event: &mut Event| event.title = Some("b".into()));
    waits.now = Sides::new(present(renamed(left())), Now::Absent);
    let (_, after) = settle(&touched(waits), &policy);
    assert!(is(&after.known[0].now.right, renamed(left())), "{}", picture(&after));
}
