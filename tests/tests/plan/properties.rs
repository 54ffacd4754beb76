//! Properties over generated worlds: one series changed twice, at random, on two sides with random
//! rules. It settles in one step, echoes nothing, loses nothing that the linter could see, and the
//! order in which a plan is carried out makes no difference.

use model::{
    Alarm, AlarmAction, Class, Event, Exception, Field, FieldSet, MappingId, People, Person,
    Rights, Series, Side, Sides, Status, Transparency, Trigger,
};
use proptest::prelude::*;
use reconcile::{
    Attendees, Conflict, Crossing, Decision, Detail, Direction, Known, Now, Pending, Policy,
    Reminders, ShowAs, Skip, SkipRules, Step, Touched, Write, plan,
};

use crate::world::*;

/// Texts that tempt: empty, equal on both sides, looking like what crossing adds.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        "[ab]{1,2}",
        Just("Busy".to_owned()),
        Just("[P] a".to_owned()),
        Just("[P]".to_owned()),
        Just("-- Attendees (calpair) --\n- x\n-- end of attendees --".to_owned()),
        Just("a\n\n-- Attendees (calpair) --\n- x\n-- end of attendees --\nb ".to_owned()),
        Just("-- end of attendees --".to_owned()),
    ]
}

#[derive(Clone, Debug)]
enum Edit {
    Title(String),
    Description(String),
    Location(String),
    Colour(bool),
    Class(bool),
    Free(bool),
    Status(bool),
    Alarm(bool),
    People(u8),
    Move(i8, i8),
    Shift(i32),
    /// Exceptions stay under their keys.
    ShiftAlone(i32),
    Interval(u32),
    Count(u32),
    Single,
    Cancel(i8),
    Restore(i8),
    Override(i8, Box<Edit>),
    RemoveMaster,
}

fn field_edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        text().prop_map(Edit::Title),
        text().prop_map(Edit::Description),
        text().prop_map(Edit::Location),
        any::<bool>().prop_map(Edit::Colour),
        any::<bool>().prop_map(Edit::Class),
        any::<bool>().prop_map(Edit::Free),
        any::<bool>().prop_map(Edit::Status),
        any::<bool>().prop_map(Edit::Alarm),
        (0..4u8).prop_map(Edit::People),
        (1..9i8, 8..12i8).prop_map(|(day, hour)| Edit::Move(day, hour)),
    ]
}

/// Some so many that occurrences meet the keys of others.
fn hours() -> impl Strategy<Value = i32> {
    prop_oneof![4 => -3..4i32, 1 => Just(24), 1 => Just(-24)]
}

fn edit() -> impl Strategy<Value = Edit> {
    let day = || 3..6i8;
    prop_oneof![
        4 => field_edit(),
        1 => hours().prop_map(Edit::Shift),
        1 => (-3..4i32).prop_map(Edit::ShiftAlone),
        1 => (1..4u32).prop_map(Edit::Interval),
        1 => (1..9u32).prop_map(Edit::Count),
        1 => Just(Edit::Single),
        2 => day().prop_map(Edit::Cancel),
        2 => day().prop_map(Edit::Restore),
        4 => (day(), field_edit()).prop_map(|(day, edit)| Edit::Override(day, Box::new(edit))),
        1 => Just(Edit::RemoveMaster),
    ]
}

fn edit_event(event: &mut Event, edit: &Edit) {
    let some = |text: &String| (!text.is_empty()).then(|| text.as_str().into());
    match edit {
        Edit::Title(text) => event.title = some(text),
        Edit::Description(text) => event.description = some(text),
        Edit::Location(text) => event.location = some(text),
        Edit::Colour(red) => event.color = red.then(|| "red".into()),
        Edit::Class(private) => {
            event.class = if *private { Class::Private } else { Class::Public };
        }
        Edit::Free(free) => {
            event.transparency =
                if *free { Transparency::Transparent } else { Transparency::Opaque };
        }
        Edit::Status(yes) => {
            event.status = if *yes { Status::Confirmed } else { Status::Cancelled };
        }
        Edit::Alarm(rings) => {
            let alarm = Alarm { action: AlarmAction::Display, trigger: Trigger::Start(-600) };
            event.alarms = rings.then_some(alarm).into_iter().collect();
        }
        Edit::People(count) => {
            let person = |n: u8| Person { name: Some(format!("p{n}").into()), email: None };
            let attendees = (0..*count).map(person).collect();
            event.people = People { organizer: None, attendees };
        }
        Edit::Move(day, hour) => (event.start, event.end) = (at(*day, *hour), at(*day, *hour + 1)),
        _ => {}
    }
}

/// The key of an occurrence by its day, as the series has it now.
fn key(series: &Series, day: i8) -> Option<model::When> {
    let start = &series.master.as_ref()?.start;
    let days = model::civil::date(2026, 3, day);
    Some(start.with_wall(model::civil::DateTime::from_parts(days, start.wall().time())))
}

fn apply_edit(series: &mut Series, edit: &Edit) {
    match edit {
        Edit::Shift(hours) => *series = shifted(series.clone(), *hours),
        Edit::ShiftAlone(hours) => *series = shifted_alone(series.clone(), *hours),
        Edit::Interval(interval) => {
            series.recurrence.rules.iter_mut().for_each(|rule| rule.interval = *interval);
        }
        Edit::Count(count) => {
            series.recurrence.rules.iter_mut().for_each(|rule| rule.count = Some(*count));
        }
        Edit::Single if series.master.is_some() => {
            series.recurrence = model::Recurrence::default();
            series.exceptions.clear();
        }
        Edit::Cancel(day) => {
            let key = key(series, *day).filter(|_| !series.recurrence.is_empty());
            series.exceptions.extend(key.map(|key| (key, Exception::Cancelled)));
        }
        Edit::Restore(day) => {
            if let Some(key) = key(series, *day) {
                series.exceptions.remove(&key);
            }
        }
        Edit::Override(day, edit) => {
            let Some(key) = key(series, *day).filter(|_| !series.recurrence.is_empty()) else {
                return;
            };
            let mut event = match series.exceptions.remove(&key) {
                Some(Exception::Override(event)) => *event,
                Some(Exception::Cancelled) | None => {
                    let mut event = series.master.clone().unwrap();
                    let lasts = event.start.wall().duration_until(event.end.wall());
                    event.end = event.end.with_wall(key.wall().saturating_add(lasts));
                    event.start = key.clone();
                    event
                }
            };
            edit_event(&mut event, edit);
            series.exceptions.insert(key, Exception::Override(Box::new(event)));
        }
        Edit::RemoveMaster => {
            let own = |exception: &Exception| matches!(exception, Exception::Override(_));
            if series.exceptions.values().any(own) {
                series.master = None;
                series.recurrence = model::Recurrence::default();
                series.exceptions.retain(|_, exception| own(exception));
            }
        }
        field => {
            // A master that moves takes its occurrences with it only by `Shift`.
            let moves = matches!(field, Edit::Move(..)) && !series.exceptions.is_empty();
            if let Some(master) = series.master.as_mut().filter(|_| !moves) {
                edit_event(master, field);
            }
        }
    }
}

fn edited(mut series: Series, edits: &[Edit]) -> Series {
    edits.iter().for_each(|edit| apply_edit(&mut series, edit));
    series
}

fn crossing() -> impl Strategy<Value = Crossing> {
    let detail =
        prop_oneof![3 => Just(Detail::Full), 1 => Just(Detail::Title), 1 => Just(Detail::Busy)];
    let prefix = prop_oneof![3 => Just(""), 1 => Just("[P] ")];
    let show_as = prop_oneof![
        3 => Just(ShowAs::Keep),
        1 => Just(ShowAs::Busy),
        1 => Just(ShowAs::Free),
        1 => Just(ShowAs::Tentative),
    ];
    let private = prop_oneof![3 => Just(false), 1 => Just(true)];
    (detail, prefix, show_as, any::<bool>(), any::<bool>(), private).prop_map(
        |(detail, prefix, show_as, reminders, people, private)| Crossing {
            detail,
            prefix: prefix.to_owned(),
            show_as,
            reminders: if reminders { Reminders::Copy } else { Reminders::None },
            attendees: if people { Attendees::Text } else { Attendees::Omit },
            skip: SkipRules { private, ..SkipRules::default() },
        },
    )
}

fn policy() -> impl Strategy<Value = Policy> {
    let direction = prop_oneof![
        4 => Just(Direction::Both),
        1 => Just(Direction::LeftToRight),
        1 => Just(Direction::RightToLeft),
    ];
    let conflict = prop_oneof![
        Just(Conflict::Newest),
        Just(Conflict::Left),
        Just(Conflict::Right),
        Just(Conflict::Ask)
    ];
    let rights = prop_oneof![5 => Just(Rights::Write), 1 => Just(Rights::Read)];
    let fields = prop_oneof![
        3 => Just(FieldSet::ALL),
        1 => Just(FieldSet::ALL.without(Field::Color).without(Field::Class)),
    ];
    (
        direction,
        conflict,
        crossing(),
        crossing(),
        (rights.clone(), rights),
        (fields.clone(), fields),
    )
        .prop_map(|(direction, conflict, left, right, rights, fields)| Policy {
            direction,
            conflict,
            crossing: Sides::new(left, right),
            rights: Sides::new(rights.0, rights.1),
            fields: Sides::new(fields.0, fields.1),
            ..Policy::default()
        })
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    prop::collection::vec(edit(), 0..4)
}

/// The same rules where everything may be written.
fn opened(policy: &Policy) -> Policy {
    let rights = Sides::new(Rights::Write, Rights::Write);
    Policy { direction: Direction::Both, rights, ..policy.clone() }
}

/// A pair in which a generated series was made on the left and has crossed.
fn crossed(original: &Series, policy: &Policy) -> Option<Known> {
    let (_, after) = settle(&meeting(vec![held("1", original.clone())], vec![]), policy);
    after.known.into_iter().next()
}

fn edit_side(known: &mut Known, side: Side, edits: Option<&[Edit]>, second: i64) {
    known.now[side] = match (&known.now[side], edits) {
        (Now::Present(held), Some(edits)) => {
            present(modified(edited(held.series.clone(), edits), second))
        }
        _ => Now::Absent,
    };
}

/// What a write made of a series when its exceptions are still to come: the master is first. One
/// that moves, or repeats otherwise, gives its exceptions another meaning, and not everywhere the
/// same; there it is all or nothing.
fn half(before: &Series, target: &Series) -> Series {
    let start = |series: &Series| series.master.as_ref().map(|master| master.start.clone());
    if start(before) != start(target) || before.recurrence != target.recurrence {
        return target.clone();
    }
    Series { exceptions: before.exceptions.clone(), ..target.clone() }
}

proptest! {
    #![proptest_config(cases())]

    /// What is put and read back unchanged is no edit.
    #[test]
    fn a_copy_that_nobody_touched_is_no_edit(policy in policy(), edits in edits(), repeats: bool) {
        let original = edited(if repeats { daily("a") } else { single("a") }, &edits);
        if let Some(known) = crossed(&original, &policy) {
            let (plan, _) = settle(&touched(known), &policy);
            // A copy may be of a kind that does not cross back.
            let step = &plan.steps[0];
            let kept = matches!(step.decision, Decision::Keep | Decision::Skip(Skip::Rule));
            prop_assert!(kept && step.writes == Sides::default(), "{}", sketch(&plan));
        }
    }

    /// One series, changed twice: settled in one step, by any rules.
    #[test]
    fn whatever_two_sides_do_settles(
        policy in policy(),
        first in edits(),
        left in prop::option::weighted(0.9, edits()),
        right in prop::option::weighted(0.9, edits()),
        repeats: bool,
    ) {
        let original = edited(if repeats { daily("a") } else { single("a") }, &first);
        let open = opened(&policy);
        if let Some(mut known) = crossed(&original, &open) {
            edit_side(&mut known, Side::Left, left.as_deref(), 1);
            edit_side(&mut known, Side::Right, right.as_deref(), 2);
            let world = touched(known);
            let _ = settle_soon(&world, &policy);
            symmetric(&world, &policy);
        }
    }

    /// Without masks both sides end up equal.
    #[test]
    fn what_may_cross_converges(
        first in edits(),
        left in edits(),
        right in edits(),
        repeats: bool,
    ) {
        let [first, left, right] = [first, left, right].map(plain);
        let original = marked(edited(if repeats { daily("a") } else { single("a") }, &first));
        let policy = Policy {
            crossing: Sides::from_fn(|_| Crossing {
                attendees: Attendees::Omit,
                ..Crossing::default()
            }),
            fields: Sides::from_fn(|_| FieldSet::ALL.without(Field::People)),
            ..Policy::default()
        };
        if let Some(mut known) = crossed(&original, &policy) {
            edit_side(&mut known, Side::Left, Some(&left), 1);
            edit_side(&mut known, Side::Right, Some(&right), 2);
            let (plan, after) = settle(&touched(known), &policy);
            let told = || format!("{}\n{}", sketch(&plan), picture(&after));
            let sides = after.known[0].now.as_ref().map(|now| series(now).unwrap().clone());
            let legible = [&left, &right].into_iter().all(|edits| shifts(edits) < 2)
                && sides.iter().all(|(_, series)| series.master.is_some());
            let doubled = sides.iter().any(|(_, series)| doubled(series));
            prop_assert!(!(legible && doubled), "{}", told());
            let bare = |mut series: Series| {
                strip(&mut series);
                series
            };
            prop_assert!(bare(sides.left).same_content(&bare(sides.right)), "{}", told());
        }
    }

    /// A crash after any write, or in the middle of it: what was written is nobody's edit.
    #[test]
    fn unfinished_writes_are_nobodys_edit(
        policy in policy(),
        first in edits(),
        left in edits(),
        right in edits(),
        crash_after in 0..2usize,
        is_half: bool,
    ) {
        let mut policy = opened(&policy);
        // What a write of ours made private is private from then on, and kept back like the rest.
        for side in Side::BOTH {
            policy.crossing[side].skip.private = false;
        }
        if let Some(mut known) = crossed(&edited(daily("a"), &first), &policy) {
            edit_side(&mut known, Side::Left, Some(&left), 1);
            edit_side(&mut known, Side::Right, Some(&right), 2);
            let world = touched(known);
            let planned = plan_calmly(&world, &policy);
            let step = &planned.steps[0];
            let (_, finished) = settle_soon(&world, &policy);
            let mut crashed = world.clone();
            for side in Side::BOTH.into_iter().take(crash_after + 1) {
                if let Some(Write::Update(target)) = &step.writes[side] {
                    let before = series(&world.known[0].now[side]).unwrap().clone();
                    let arrived = if is_half { half(&before, target) } else { target.clone() };
                    crashed.known[0].now[side] = present(arrived);
                    let target = target.clone();
                    crashed.known[0].pending[side].push(Pending { before, target });
                }
            }
            let (_, repaired) = settle_soon(&crashed, &policy);
            // Where a shape was taken as a whole, overrides are new on a side, and follow its
            // master in what does not cross: nothing is lost, but it may end up elsewhere.
            let whole = |edit: &Edit| {
                matches!(edit, Edit::Interval(_) | Edit::Single | Edit::RemoveMaster)
            };
            let sides = if left.iter().chain(&right).any(whole) { &[][..] } else { &Side::BOTH };
            for &side in sides {
                let held = |world: &Touched| series(&world.known[0].now[side]).unwrap().clone();
                let (is, wanted) = (held(&repaired), held(&finished));
                let told = || format!("{}\n{}", picture(&world), sketch(&planned));
                prop_assert!(is.same_content(&wanted), "{} {}\n{}", side, short(&is), told());
            }
        }
    }

    /// Rules that were changed: a copy that nobody touched becomes what it would have been made.
    #[test]
    fn a_copy_is_made_anew_as_if_it_were_new(
        before in policy(),
        after in policy(),
        edits in edits(),
        repeats: bool,
    ) {
        let original = edited(if repeats { daily("a") } else { single("a") }, &plain(edits));
        let before = opened(&before);
        let mut after = Policy { fields: before.fields, ..opened(&after) };
        // An original whose title looks as if it had that prefix means something else by the other.
        after.crossing.left.prefix.clone_from(&before.crossing.left.prefix);
        // What a rule leaves out from now on keeps the copy it has.
        for side in Side::BOTH {
            after.crossing[side].skip.clone_from(&before.crossing[side].skip);
        }
        if let Some(mut known) = crossed(&original, &before) {
            known.renew = renewal(&before, &after);
            let world = touched(known);
            let (plan, is) = settle(&world, &after);
            let wanted = crossed(&original, &after).unwrap();
            for side in Side::BOTH {
                let told = || format!("{}\n{}", picture(&world), sketch(&plan));
                let [is, wanted] =
                    [&is.known[0], &wanted].map(|known| series(&known.now[side]).unwrap());
                let differs = reconcile::difference(Some(wanted), Some(is));
                prop_assert!(is.same_content(wanted), "{} {:?}\n{}", side, differs, told());
            }
            symmetric(&world, &after);
        }
    }

    /// The same while both sides are edited, by rules of any kind: it comes to rest.
    #[test]
    fn new_rules_and_edits_settle(
        before in policy(),
        after in policy(),
        first in edits(),
        left in prop::option::weighted(0.9, edits()),
        right in prop::option::weighted(0.9, edits()),
        made in (any::<bool>(), any::<bool>()),
    ) {
        let before = opened(&before);
        let after = Policy { fields: before.fields, ..after };
        if let Some(mut known) = crossed(&edited(daily("a"), &first), &before) {
            known.renew = renewal(&before, &after);
            if made == (true, true) {
                known.made = Sides::default();
            } else if made == (true, false) {
                known.made.left = true;
            }
            edit_side(&mut known, Side::Left, left.as_deref(), 1);
            edit_side(&mut known, Side::Right, right.as_deref(), 2);
            let world = touched(known);
            settle_at_last(&world, &after);
            symmetric(&world, &after);
        }
    }

    /// Many series at once: the order of execution makes no difference.
    #[test]
    fn any_order_comes_to_the_same(
        rows in prop::collection::vec(
            (prop::option::weighted(0.8, edits()), prop::option::weighted(0.8, edits())),
            1..6,
        ),
        seed in any::<u64>(),
    ) {
        let policy = Policy::default();
        let mut world = Touched::default();
        for (index, (left, right)) in rows.iter().enumerate() {
            let base = Series { uid: model::Uid::new(format!("{index}")), ..daily("a") };
            let now = Sides::from_fn(|_| present(base.clone()));
            let mut row = known(Sides::new(base.clone(), base), now);
            row.mapping = MappingId(index as i64);
            edit_side(&mut row, Side::Left, left.as_deref(), 1);
            edit_side(&mut row, Side::Right, right.as_deref(), 2);
            world.known.push(row);
        }
        let planned = plan(&world, &policy, &calm(&world, &policy));
        let outcome = |steps: &[&Step]| {
            let mut after = apply(&world, steps);
            after.known.sort_by_key(|known| known.mapping);
            picture(&after)
        };
        let in_order: Vec<&Step> = planned.steps.iter().collect();
        let mut shuffled = in_order.clone();
        let mut state = seed;
        for index in (1..shuffled.len()).rev() {
            // Knuth's MMIX generator.
            state = state.wrapping_mul(6_364_136_223_846_793_005);
            state = state.wrapping_add(1_442_695_040_888_963_407);
            shuffled.swap(index, (state >> 33) as usize % (index + 1));
        }
        prop_assert_eq!(outcome(&in_order), outcome(&shuffled));
    }
}

/// Every changed occurrence with a mark that no edit touches.
fn marked(mut series: Series) -> Series {
    for (key, exception) in &mut series.exceptions {
        if let Exception::Override(event) = exception {
            event.url = Some(format!("https://example.test/{}", key.wall()).into());
        }
    }
    series
}

/// How often the series was shifted. Twice, and an exception may stand under a key that neither
/// the start before nor the one after makes; without a master, a shift is a move of each.
fn shifts(edits: &[Edit]) -> usize {
    edits.iter().filter(|edit| matches!(edit, Edit::Shift(_) | Edit::ShiftAlone(_))).count()
}

/// Whether a mark is there twice.
fn doubled(series: &Series) -> bool {
    let marks = series.events().filter_map(|event| event.url.as_ref());
    let marks: Vec<&String> = marks.map(|mark| mark.expose()).collect();
    marks.iter().any(|mark| marks.iter().filter(|other| *other == mark).count() > 1)
}

/// The edits without texts that look like a list of people: those stay where they were written.
fn plain(mut edits: Vec<Edit>) -> Vec<Edit> {
    fn plain_one(edit: &mut Edit) {
        match edit {
            Edit::Description(text) if text.contains("--") => "plain".clone_into(text),
            Edit::Override(_, edit) => plain_one(edit),
            _ => {}
        }
    }
    edits.iter_mut().for_each(plain_one);
    edits
}

/// Takes off the people, who never cross.
fn strip(series: &mut Series) {
    series.master.iter_mut().for_each(|event| event.people = People::default());
    for exception in series.exceptions.values_mut() {
        if let Exception::Override(event) = exception {
            event.people = People::default();
        }
    }
}
