//! What crosses and how it looks: windows, rules, masks, prefixes, people, reminders.

use super::*;

#[test]
fn windows() {
    let from = |second: i64| Timestamp::from_second(second).unwrap();
    let spanning = |start: i64, end: i64| {
        let mut series = single("a");
        series.extent = model::Extent { from: from(start), until: Some(from(end)) };
        series
    };
    let window = |policy: &mut Policy| policy.window = Some((from(100), from(200)));
    let outside = Decision::Skip(Skip::Window);
    new("before the window", spanning(10, 20), NOBODY).with(window).is(
        outside.clone(),
        single("a"),
        NOBODY,
    );
    new("after the window", spanning(300, 400), NOBODY).with(window).is(
        outside,
        single("a"),
        NOBODY,
    );
    new("into the window", spanning(10, 120), NOBODY).with(window).is(
        Decision::Copy(Right),
        single("a"),
        single("a"),
    );
    case(
        "what is mapped stays, and is synced (R20)",
        spanning(10, 20),
        single("b"),
        spanning(10, 20),
    )
    .with(window)
    .is(Decision::Copy(Right), single("b"), single("b"));
    case("leaving the window is no deletion", spanning(10, 20), spanning(10, 20), spanning(10, 20))
        .with(window)
        .is(Decision::Keep, single("a"), single("a"));
}

fn private() -> Series {
    with(single("a"), |event| event.class = Class::Private)
}

#[test]
fn what_is_private_stays_private() {
    let rule = Decision::Skip(Skip::Rule);
    let keep_private = || Crossing {
        skip: SkipRules { private: true, ..SkipRules::default() },
        ..Crossing::default()
    };
    new("a rule keeps it", private(), NOBODY).rightwards(keep_private()).is(
        rule.clone(),
        private(),
        NOBODY,
    );
    new("a rule holds for its direction only", NOBODY, private()).rightwards(keep_private()).is(
        Decision::Copy(Left),
        private(),
        private(),
    );
    case(
        "made private: its copy learns nothing more",
        single("a"),
        with(private(), |e| e.title = Some("secret".into())),
        single("a"),
    )
    .rightwards(keep_private())
    .is(rule.clone(), with(private(), |e| e.title = Some("secret".into())), single("a"));
    case("taking away a copy that should not be there", private(), private(), NOBODY)
        .rightwards(keep_private())
        .is(Decision::Forget, private(), NOBODY);
    case("its deletion crosses all the same", private(), NOBODY, private())
        .rightwards(keep_private())
        .is(Decision::Delete(Right), NOBODY, NOBODY);
}

#[test]
fn one_private_occurrence_keeps_its_series_back() {
    let rule = Decision::Skip(Skip::Rule);
    let keep_private = || Crossing {
        skip: SkipRules { private: true, ..SkipRules::default() },
        ..Crossing::default()
    };
    let secret = |series| {
        with_override(series, 4, |event| {
            event.class = Class::Private;
            event.title = Some("secret".into());
            event.description = Some("secret".into());
        })
    };
    let open = || daily("a");
    let new_step = new("it is not copied", secret(open()), NOBODY).rightwards(keep_private()).is(
        rule.clone(),
        secret(open()),
        NOBODY,
    );
    assert!(new_step.reason.ends_with("one of its occurrences is private"), "{new_step:?}");
    new("nor where both have it", secret(open()), daily("b")).rightwards(keep_private()).is(
        rule.clone(),
        secret(open()),
        daily("b"),
    );
    let step = case("a copy learns nothing of it", open(), secret(daily("b")), open())
        .rightwards(keep_private())
        .is(rule.clone(), secret(daily("b")), open());
    assert!(step.reason.ends_with("one of its occurrences is private"), "{}", step.reason);
    case("a copy's own edit is carried back", open(), secret(open()), daily("b"))
        .rightwards(keep_private())
        .is(Decision::Copy(Left), secret(daily("b")), daily("b"));
    case("it stays away once it was taken away", open(), secret(open()), NOBODY)
        .rightwards(keep_private())
        .is(rule, secret(open()), NOBODY);
    new("the other way it crosses", NOBODY, secret(open())).rightwards(keep_private()).is(
        Decision::Copy(Left),
        secret(open()),
        secret(open()),
    );
}

#[test]
fn rules_by_what_an_event_is() {
    let rule = Decision::Skip(Skip::Rule);
    let by = |skip: SkipRules| Crossing { skip, ..Crossing::default() };
    let free = || with(single("a"), |event| event.transparency = Transparency::Transparent);
    new("free time", free(), NOBODY)
        .rightwards(by(SkipRules { free: true, ..SkipRules::default() }))
        .is(rule.clone(), free(), NOBODY);
    let work = || with(single("a"), |event| event.categories = ["Work".into()].into());
    new("a category, in any case", work(), NOBODY)
        .rightwards(by(SkipRules { categories: vec!["work".into()], ..SkipRules::default() }))
        .is(rule.clone(), work(), NOBODY);
    let pattern = reconcile::TitlePattern::new("^a", |title| title.starts_with('a'));
    new("a title", single("a"), NOBODY)
        .rightwards(by(SkipRules { title: Some(pattern), ..SkipRules::default() }))
        .is(rule.clone(), single("a"), NOBODY);
    let day = || {
        let date = |day| model::When::Date(model::civil::date(2026, 3, day));
        with(single("a"), |event| (event.start, event.end) = (date(2), date(3)))
    };
    new("whole days", day(), NOBODY)
        .rightwards(by(SkipRules { all_day: true, ..SkipRules::default() }))
        .is(rule, day(), NOBODY);
}

fn busy() -> Crossing {
    Crossing { detail: Detail::Busy, ..Crossing::default() }
}

fn secret() -> Series {
    invited(described(at_place(single("dentist"), "town"), "teeth"))
}

#[test]
fn busy_copies() {
    let copy = || single("Busy");
    new("a busy copy shows times alone", secret(), NOBODY).rightwards(busy()).is(
        Decision::Copy(Right),
        secret(),
        copy(),
    );
    let mapped = |says, left: Option<Series>, right: Option<Series>| {
        case(says, secret(), left, right).base_right(copy()).rightwards(busy())
    };
    mapped("it is no edit", Some(secret()), Some(copy())).is(Decision::Keep, secret(), copy());
    mapped(
        "a new title does not cross",
        Some(with(secret(), |e| e.title = Some("x".into()))),
        Some(copy()),
    )
    .is(Decision::Keep, with(secret(), |e| e.title = Some("x".into())), copy());
    mapped("a renamed copy renames itself alone", Some(secret()), Some(single("me"))).is(
        Decision::Keep,
        secret(),
        single("me"),
    );
    mapped("a moved copy moves the original", Some(secret()), Some(moved(copy(), 3, 9, 10))).is(
        Decision::Copy(Left),
        moved(secret(), 3, 9, 10),
        moved(copy(), 3, 9, 10),
    );
    mapped("a moved original moves the copy", Some(moved(secret(), 3, 9, 10)), Some(copy())).is(
        Decision::Copy(Right),
        moved(secret(), 3, 9, 10),
        moved(copy(), 3, 9, 10),
    );
    let uninvited = |series| with(series, |event: &mut Event| event.people = People::default());
    mapped("a moved copy brings back all of the original", None, Some(moved(copy(), 3, 9, 10))).is(
        Decision::Copy(Left),
        uninvited(moved(secret(), 3, 9, 10)),
        moved(copy(), 3, 9, 10),
    );
}

#[test]
fn what_is_masked_on_one_way_only() {
    let stays = Decision::Skip(Skip::Rule);
    case(
        "the far side's own event keeps its name",
        single("lunch"),
        single("brunch"),
        single("lunch"),
    )
    .rightwards(busy())
    .is(stays.clone(), single("brunch"), single("lunch"));
    case(
        "the edit waits for the mask to go, though nothing comes back meanwhile",
        single("lunch"),
        single("brunch"),
        single("lunch"),
    )
    .rightwards(busy())
    .with(|policy| policy.direction = Direction::LeftToRight)
    .is(stays, single("brunch"), single("lunch"));
    case(
        "the far side's own event is renamed by its owner",
        single("lunch"),
        single("lunch"),
        single("brunch"),
    )
    .rightwards(busy())
    .is(Decision::Copy(Left), single("brunch"), single("brunch"));
}

#[test]
fn busy_overrides() {
    let own = with_override(daily("dentist"), 4, |event| event.title = Some("root canal".into()));
    let busy_own = with_override(daily("Busy"), 4, |_| {});
    new("overrides are busy too", own.clone(), NOBODY).rightwards(busy()).is(
        Decision::Copy(Right),
        own,
        busy_own,
    );
    case(
        "a new override is as its series is there",
        daily("dentist"),
        with_override(daily("dentist"), 4, |e| {
            e.title = Some("root canal".into());
            (e.start, e.end) = (at(4, 15), at(4, 16));
        }),
        daily("Busy"),
    )
    .base_right(daily("Busy"))
    .rightwards(busy())
    .is(
        Decision::Copy(Right),
        with_override(daily("dentist"), 4, |e| {
            e.title = Some("root canal".into());
            (e.start, e.end) = (at(4, 15), at(4, 16));
        }),
        with_override(daily("Busy"), 4, |e| (e.start, e.end) = (at(4, 15), at(4, 16))),
    );
    new("titles and times", secret(), NOBODY)
        .rightwards(Crossing { detail: Detail::Title, ..Crossing::default() })
        .is(Decision::Copy(Right), secret(), single("dentist"));
}

#[test]
fn prefixes() {
    let prefixed = || Crossing { prefix: "[H] ".into(), ..Crossing::default() };
    let mapped = |says, left: Series, right: Series| {
        case(says, single("a"), left, right).base_right(single("[H] a")).rightwards(prefixed())
    };
    new("a copy gets it", single("a"), NOBODY).rightwards(prefixed()).is(
        Decision::Copy(Right),
        single("a"),
        single("[H] a"),
    );
    mapped("it is no edit", single("a"), single("[H] a")).is(
        Decision::Keep,
        single("a"),
        single("[H] a"),
    );
    mapped("an edit keeps it", single("b"), single("[H] a")).is(
        Decision::Copy(Right),
        single("b"),
        single("[H] b"),
    );
    mapped("it is taken off on the way back", single("a"), single("[H] b")).is(
        Decision::Copy(Left),
        single("b"),
        single("[H] b"),
    );
    mapped("who removes it keeps it removed", single("a"), single("b")).is(
        Decision::Copy(Left),
        single("b"),
        single("b"),
    );
    mapped("removing it alone is no edit", single("a"), single("a")).is(
        Decision::Keep,
        single("a"),
        single("a"),
    );
    case("an original there has none", single("a"), single("b"), single("a"))
        .rightwards(prefixed())
        .is(Decision::Copy(Right), single("b"), single("b"));
    new("a copy of an earlier pairing is recognised", single("a"), single("[H] a"))
        .rightwards(prefixed())
        .is(Decision::Adopt, single("a"), single("[H] a"));
    new("a title of nothing", single(""), NOBODY).rightwards(prefixed()).is(
        Decision::Copy(Right),
        single(""),
        single("[H] "),
    );
    new("a busy copy has it too", single("a"), NOBODY)
        .rightwards(Crossing { detail: Detail::Busy, ..prefixed() })
        .is(Decision::Copy(Right), single("a"), single("[H] Busy"));
}

#[test]
fn people_as_text() {
    let original = || invited(described(single("a"), "text"));
    let listed = |text: &str| format!("{text}\n\n{LIST}");
    let copy = || described(single("a"), &listed("text"));
    let mapped =
        |says, left: Series, right: Series| case(says, original(), left, right).base_right(copy());
    new("people become text", original(), NOBODY).is(Decision::Copy(Right), original(), copy());
    new("people alone become text", invited(single("a")), NOBODY).is(
        Decision::Copy(Right),
        invited(single("a")),
        described(single("a"), LIST),
    );
    new("or nothing", original(), NOBODY)
        .rightwards(Crossing { attendees: Attendees::Omit, ..Crossing::default() })
        .is(Decision::Copy(Right), original(), described(single("a"), "text"));
    mapped("it is no edit", original(), copy()).is(Decision::Keep, original(), copy());
    mapped(
        "an edited copy flows back without them",
        original(),
        described(single("a"), &listed("new")),
    )
    .is(
        Decision::Copy(Left),
        described(original(), "new"),
        described(single("a"), &listed("new")),
    );
    mapped(
        "text after the list flows back",
        original(),
        described(single("a"), &format!("{}\nmore", listed("text"))),
    )
    .is(
        Decision::Copy(Left),
        described(original(), "text\n\nmore"),
        described(single("a"), &format!("{}\nmore", listed("text"))),
    );
    mapped("an edited original keeps them there", described(original(), "new"), copy()).is(
        Decision::Copy(Right),
        described(original(), "new"),
        described(single("a"), &listed("new")),
    );
    let alone = || with(original(), |event| event.people = People::default());
    mapped("who left is taken off the list", alone(), copy()).is(
        Decision::Copy(Right),
        alone(),
        described(single("a"), "text"),
    );
    mapped("both at once", described(alone(), "new"), with(copy(), |e| e.title = Some("b".into())))
        .is(
            Decision::Merge,
            described(with(alone(), |e| e.title = Some("b".into())), "new"),
            described(single("b"), "new"),
        );
    case(
        "people on both sides: the same meeting, no list",
        original(),
        described(original(), "new"),
        original(),
    )
    .is(Decision::Copy(Right), described(original(), "new"), described(original(), "new"));
    new("an invitation to both (I02)", original(), original()).is(
        Decision::Adopt,
        original(),
        original(),
    );
}

#[test]
fn blocking_time_and_reminders() {
    let tentative = || Crossing { show_as: ShowAs::Tentative, ..Crossing::default() };
    let confirmed = || with(single("a"), |event| event.status = Status::Confirmed);
    let shown = || with(single("a"), |event| event.status = Status::Tentative);
    new("shown tentatively", confirmed(), NOBODY).rightwards(tentative()).is(
        Decision::Copy(Right),
        confirmed(),
        shown(),
    );
    case("a copy that was confirmed confirms nothing", confirmed(), confirmed(), confirmed())
        .base_right(shown())
        .rightwards(tentative())
        .is(Decision::Keep, confirmed(), confirmed());
    let free = || with(single("a"), |event| event.transparency = Transparency::Transparent);
    new("shown as free", single("a"), NOBODY)
        .rightwards(Crossing { show_as: ShowAs::Free, ..Crossing::default() })
        .is(Decision::Copy(Right), single("a"), free());
    new("shown as busy", free(), NOBODY)
        .rightwards(Crossing { show_as: ShowAs::Busy, ..Crossing::default() })
        .is(Decision::Copy(Right), free(), single("a"));
    let rings = || {
        let alarm = Alarm { action: AlarmAction::Display, trigger: Trigger::Start(-600) };
        with(single("a"), |event| event.alarms = [alarm].into())
    };
    let silent = || Crossing { reminders: Reminders::None, ..Crossing::default() };
    new("no reminders", rings(), NOBODY).rightwards(silent()).is(
        Decision::Copy(Right),
        rings(),
        single("a"),
    );
    case("reminders of the copy are its own", rings(), rings(), rings())
        .base_right(single("a"))
        .rightwards(silent())
        .is(Decision::Keep, rings(), rings());
    case("reminders cross", single("a"), single("a"), rings()).is(
        Decision::Copy(Left),
        rings(),
        rings(),
    );
}
