//! Rules that were changed: copies are made anew, edits stay, originals are left alone.

use super::*;

fn full() -> Crossing {
    Crossing::default()
}

fn busy() -> Crossing {
    Crossing { detail: Detail::Busy, ..full() }
}

fn prefixed(prefix: &str) -> Crossing {
    Crossing { prefix: prefix.into(), ..full() }
}

fn secret() -> Series {
    described(at_place(single("dentist"), "town"), "teeth")
}

fn titled(series: Series, title: &str) -> Series {
    with(series, |event| event.title = Some(title.into()))
}

#[test]
fn from_full_to_busy() {
    let changed = |says, left: Option<Series>, right: Option<Series>| {
        case(says, secret(), left, right).rightwards(busy()).copied_by(&full())
    };
    let copied = Decision::Copy(Right);
    changed("a copy that says too much", Some(secret()), Some(secret())).is(
        copied.clone(),
        secret(),
        single("Busy"),
    );
    let step = changed("and says so", Some(secret()), Some(secret())).is(
        copied.clone(),
        secret(),
        single("Busy"),
    );
    assert_eq!(step.reason, "the rules changed: title, description, location made anew on right");
    changed("an edit of the original stays there", Some(titled(secret(), "x")), Some(secret())).is(
        copied.clone(),
        titled(secret(), "x"),
        single("Busy"),
    );
    changed("an edit of the copy stays there", Some(secret()), Some(titled(secret(), "me"))).is(
        copied.clone(),
        secret(),
        single("me"),
    );
    changed("a moved copy moves the original", Some(secret()), Some(moved(secret(), 3, 9, 10))).is(
        Decision::Merge,
        moved(secret(), 3, 9, 10),
        moved(single("Busy"), 3, 9, 10),
    );
    changed("a deletion is one", None, Some(secret())).is(Decision::Delete(Right), NOBODY, NOBODY);
    let listed = || described(single("a"), LIST);
    case("people were listed", invited(single("a")), invited(single("a")), listed())
        .base_right(listed())
        .rightwards(busy())
        .copied_by(&full())
        .is(copied, invited(single("a")), single("Busy"));
}

#[test]
fn from_busy_to_full() {
    let changed = |says, left: Option<Series>, right: Option<Series>| {
        case(says, secret(), left, right).base_right(single("Busy")).copied_by(&busy())
    };
    let copied = Decision::Copy(Right);
    changed("it says all", Some(secret()), Some(single("Busy"))).is(
        copied.clone(),
        secret(),
        secret(),
    );
    changed("with what was edited", Some(titled(secret(), "x")), Some(single("Busy"))).is(
        copied.clone(),
        titled(secret(), "x"),
        titled(secret(), "x"),
    );
    changed("an edit of the copy is one now", Some(secret()), Some(single("me"))).is(
        Decision::Merge,
        titled(secret(), "me"),
        titled(secret(), "me"),
    );
    case("written already when the power failed", secret(), secret(), secret())
        .base_right(single("Busy"))
        .copied_by(&busy())
        .pending(Right, single("Busy"), secret())
        .is(Decision::Adopt, secret(), secret());
    let listed = || described(single("a"), &format!("text\n\n{LIST}"));
    let meeting = || invited(described(single("a"), "text"));
    case("people are listed", meeting(), meeting(), single("Busy"))
        .base_right(single("Busy"))
        .copied_by(&busy())
        .is(copied, meeting(), listed());
}

#[test]
fn whose_it_is() {
    let mut mirrored = case("the right one is the original", secret(), secret(), secret())
        .rightwards(busy())
        .renewing(&full());
    mirrored.made = Sides::new(true, false);
    mirrored.is(Decision::Keep, secret(), secret());
    case("what was on both sides is nobody's copy", secret(), secret(), secret())
        .rightwards(busy())
        .renewing(&full())
        .is(Decision::Keep, secret(), secret());
    case("but what may cross now, crosses", secret(), secret(), single("Busy"))
        .base_right(single("Busy"))
        .renewing(&busy())
        .is(Decision::Copy(Right), secret(), secret());
    case("and empties nothing", single("a"), single("a"), at_place(single("a"), "town"))
        .base_right(at_place(single("a"), "town"))
        .renewing(&busy())
        .is(Decision::Keep, single("a"), at_place(single("a"), "town"));
    let mut both = case("one that came back twice", secret(), secret(), secret())
        .rightwards(busy())
        .with(|policy| policy.crossing.left = busy())
        .renewing(&full());
    both.made = Sides::new(true, true);
    both.renew = Sides::new(both.renew.right, both.renew.right);
    both.is(Decision::Keep, secret(), secret());
}

#[test]
fn prefixes_are_exchanged() {
    let changed = |says, old: &str, new: &str, left: &str, right: &str| {
        case(says, single("a"), single(left), single(right))
            .base_right(single(&format!("{old}a")))
            .rightwards(prefixed(new))
            .copied_by(&prefixed(old))
    };
    let copied = Decision::Copy(Right);
    changed("put", "", "W ", "a", "a").is(copied.clone(), single("a"), single("W a"));
    changed("taken off", "W ", "", "a", "W a").is(copied.clone(), single("a"), single("a"));
    changed("exchanged", "W ", "X ", "a", "W a").is(copied.clone(), single("a"), single("X a"));
    changed("longer", "W ", "W W ", "a", "W a").is(copied.clone(), single("a"), single("W W a"));
    changed("with an edit", "W ", "X ", "b", "W a").is(copied.clone(), single("b"), single("X b"));
    changed("with an edit of the copy", "W ", "X ", "a", "W b").is(
        Decision::Merge,
        single("b"),
        single("X b"),
    );
    changed("taken off under an edit of the copy", "W ", "", "a", "W b").is(
        Decision::Merge,
        single("b"),
        single("b"),
    );
    changed("taken off by its owner", "W ", "", "a", "a").is(
        Decision::Keep,
        single("a"),
        single("a"),
    );
    case("of a busy copy", single("a"), single("a"), single("Busy"))
        .base_right(single("Busy"))
        .rightwards(Crossing { detail: Detail::Busy, ..prefixed("W ") })
        .copied_by(&busy())
        .is(copied, single("a"), single("W Busy"));
    case("an original has none", single("a"), single("a"), single("a"))
        .rightwards(prefixed("W "))
        .renewing(&full())
        .is(Decision::Keep, single("a"), single("a"));
}

#[test]
fn reminders_time_and_people() {
    let rings = || {
        let alarm = Alarm { action: AlarmAction::Display, trigger: Trigger::Start(-600) };
        with(single("a"), |event| event.alarms = [alarm].into())
    };
    let silent = || Crossing { reminders: Reminders::None, ..full() };
    let copied = Decision::Copy(Right);
    case("reminders begin to cross", rings(), rings(), single("a"))
        .base_right(single("a"))
        .copied_by(&silent())
        .is(copied.clone(), rings(), rings());
    case("and cease to", rings(), rings(), rings()).rightwards(silent()).copied_by(&full()).is(
        copied.clone(),
        rings(),
        single("a"),
    );
    let free = || with(single("a"), |event| event.transparency = Transparency::Transparent);
    let shown = |show_as| Crossing { show_as, ..full() };
    case("from free to tentative", single("a"), single("a"), free())
        .base_right(free())
        .rightwards(shown(ShowAs::Tentative))
        .copied_by(&shown(ShowAs::Free))
        .is(copied.clone(), single("a"), with(single("a"), |e| e.status = Status::Tentative));
    case("as the original again", free(), free(), single("a"))
        .base_right(single("a"))
        .copied_by(&shown(ShowAs::Busy))
        .is(copied.clone(), free(), free());
    let omit = || Crossing { attendees: Attendees::Omit, ..full() };
    let meeting = || invited(described(single("a"), "text"));
    let listed = || described(single("a"), &format!("text\n\n{LIST}"));
    case("people are listed no more", meeting(), meeting(), listed())
        .base_right(listed())
        .rightwards(omit())
        .copied_by(&full())
        .is(copied.clone(), meeting(), described(single("a"), "text"));
    case("people are listed", meeting(), meeting(), described(single("a"), "text"))
        .base_right(described(single("a"), "text"))
        .copied_by(&omit())
        .is(copied, meeting(), listed());
    let edited = described(single("a"), &format!("new\n\n{LIST}"));
    case("an edit flows back, the list goes", meeting(), meeting(), edited)
        .base_right(listed())
        .rightwards(omit())
        .copied_by(&full())
        .is(Decision::Merge, described(meeting(), "new"), described(single("a"), "new"));
}

#[test]
fn overrides_are_made_anew_too() {
    let own = || with_override(daily("dentist"), 4, |e| e.title = Some("root canal".into()));
    let busy_own = || with_override(daily("Busy"), 4, |_| {});
    let copied = Decision::Copy(Right);
    case("busy", own(), own(), own()).rightwards(busy()).copied_by(&full()).is(
        copied.clone(),
        own(),
        busy_own(),
    );
    let from_busy = |says, left: Series, right: Series| {
        case(says, own(), left, right).base_right(busy_own()).copied_by(&busy())
    };
    from_busy("full", own(), busy_own()).is(copied.clone(), own(), own());
    case("one that the other side had no need of", own(), own(), daily("Busy"))
        .base_right(daily("Busy"))
        .copied_by(&busy())
        .is(copied.clone(), own(), own());
    from_busy("moved meanwhile", shifted(own(), 2), busy_own()).is(
        copied.clone(),
        shifted(own(), 2),
        shifted(own(), 2),
    );
    let weekly = |mut series: Series| {
        series.recurrence.rules[0].interval = 7;
        series
    };
    case("another rule, and busy", own(), weekly(own()), own())
        .rightwards(busy())
        .copied_by(&full())
        .is(copied, weekly(own()), weekly(busy_own()));
}

#[test]
fn what_can_not_be_made_anew_yet_still_is_to_be() {
    let changed =
        |says| case(says, secret(), secret(), secret()).rightwards(busy()).copied_by(&full());
    let fields = FieldSet::NONE.with(Field::Title).with(Field::Description).with(Field::Location);
    let all = changed("all that the change is about").renew.right;
    let rule = changed("a rule keeps it")
        .with(|policy| {
            policy.crossing.right.skip.title =
                Some(reconcile::TitlePattern::new("den", |title| title.starts_with("den")))
        })
        .is(Decision::Skip(Skip::Rule), secret(), secret());
    assert_eq!(rule.renew.right, fields);
    let rights = Sides::new(Rights::Write, Rights::Read);
    let read_only = changed("it is read-only").with(|policy| policy.rights = rights).is(
        Decision::Problem(Right),
        secret(),
        secret(),
    );
    assert_eq!(read_only.renew.right, fields);
    assert_eq!(read_only.reason, "the rules changed, but right is read-only");
    let away = changed("nothing is written there")
        .with(|policy| policy.direction = Direction::RightToLeft)
        .is(Decision::Keep, secret(), secret());
    assert_eq!(away.renew.right, fields);
    let unreadable = {
        let mut known =
            known(Sides::new(secret(), secret()), Sides::new(present(secret()), Now::Absent));
        known.now.right = Now::Unreadable { reason: "it is broken".into() };
        known.renew.right = all;
        plan_calmly(&touched(known), &Policy::default()).steps[0].renew.right
    };
    assert_eq!(unreadable, all);
    let asked = case("somebody must choose", single("a"), single("b"), single("W c"))
        .base_right(single("W a"))
        .rightwards(prefixed("X "))
        .with(|policy| policy.conflict = Conflict::Ask)
        .copied_by(&prefixed("W "))
        .is(Decision::Conflict, single("b"), single("W c"));
    assert_eq!(asked.renew.right, FieldSet::NONE.with(Field::Title));
}

#[test]
fn rules_that_begin_or_cease_to_match() {
    let skip = || SkipRules { private: true, ..SkipRules::default() };
    let keep_private = || Crossing { skip: skip(), ..full() };
    let private = |title: &str| with(single(title), |event| event.class = Class::Private);
    let step = case("it was synced before the rule", private("a"), private("a"), private("a"))
        .rightwards(keep_private())
        .is(Decision::Skip(Skip::Rule), private("a"), private("a"));
    assert!(step.reason.contains("a rule keeps it from crossing to right"), "{}", step.reason);
    let kept_from_the_left = |policy: &mut Policy| policy.crossing.left.skip = skip();
    case("a copy that was taken away is no deletion", private("a"), private("a"), NOBODY)
        .rightwards(keep_private())
        .copied_by(&keep_private())
        .is(Decision::Forget, private("a"), NOBODY);
    case("of an original it is one, whatever comes back", private("a"), NOBODY, private("a"))
        .with(kept_from_the_left)
        .copied_by(&full())
        .is(Decision::Delete(Right), NOBODY, NOBODY);
    case("and crosses when the rule is gone", private("a"), private("b"), private("a")).is(
        Decision::Copy(Right),
        private("b"),
        private("b"),
    );
}
