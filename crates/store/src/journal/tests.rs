//! Each step of a write, and what a crash after it leaves.

use super::*;
use crate::Sighting;
use crate::testing::{World, at, event, resource, sighting};
use crate::{Agreement, NowRow, Store};

const LEFT: Side = Side::Left;
const RIGHT: Side = Side::Right;

fn only_left(id: &str) -> SubjectRow {
    SubjectRow::New(Sides::new(Some(id.into()), None))
}

impl World {
    fn begin_one(&self, intent: NewIntent<'_>) -> IntentId {
        self.store.begin(self.pair, &[intent], at(4)).unwrap()[0]
    }

    fn create(&self, subject: SubjectRow, side: Side, series: &Series) -> IntentId {
        self.begin_one(NewIntent {
            subject,
            side,
            action: ActionKind::Create,
            key: Some(&"k-1".into()),
            resource: None,
            before: Some(series),
            target: Some(series),
            run: 7,
            reason: "new on the other side",
            keeps_former: false,
        })
    }

    fn delete(&self, mapping: MappingId, side: Side, id: &str) -> IntentId {
        self.begin_one(NewIntent {
            subject: SubjectRow::Known(mapping),
            side,
            action: ActionKind::Delete,
            key: None,
            resource: Some(&id.into()),
            before: None,
            target: None,
            run: 7,
            reason: "deleted on the other side",
            keeps_former: false,
        })
    }

    fn stored(&self, intent: IntentId, id: &str, series: &Series) {
        let resource = resource(id, Some("1"), series.clone());
        let Sighting { resource, digest, likeness } = sighting(&resource);
        let outcome = Wrote::Stored { resource, digest, likeness, verified: true, base: None };
        self.store.wrote(intent, outcome, at(5)).unwrap();
    }

    fn actions(&self) -> Vec<String> {
        let changes = self.store.history(None, None, 10).unwrap();
        changes.iter().rev().map(|change| format!("{} {}", change.action, change.side)).collect()
    }
}

/// The process dies, and another one opens the same directory.
fn reopened(folder: &tempfile::TempDir, world: World) -> World {
    drop(world);
    World::over(Store::open(folder.path(), at(9)).unwrap())
}

#[test]
fn a_creation_survives_a_crash_at_each_step() {
    let series = event("1", "Zahnarzt", 9);
    let folder = tempfile::tempdir().unwrap();
    let world = World::over(Store::open(folder.path(), at(0)).unwrap());
    world.see(LEFT, "a", "1", &series);

    // Begun, and perhaps sent.
    let begun = world.create(only_left("a"), RIGHT, &series);
    let world = reopened(&folder, world);
    let open = world.store.open_intents(world.pair).unwrap();
    assert_eq!((open.len(), open[0].id, &open[0].subject), (1, begun, &only_left("a")));
    assert_eq!((open[0].side, open[0].action), (RIGHT, ActionKind::Create));
    assert_eq!((&open[0].key, &open[0].target), (&Some("k-1".into()), &Some(series.clone())));
    assert!(world.touched().contacts.is_empty(), "its outcome is unknown");

    // Answered, not agreed on.
    world.stored(begun, "b", &series);
    let world = reopened(&folder, world);
    assert!(world.store.open_intents(world.pair).unwrap().is_empty());
    let batch = world.touched();
    assert_eq!((batch.contacts.len(), batch.known.len()), (0, 1), "mapped at once");
    assert_eq!(batch.known[0].base, Sides::new(series.clone(), series.clone()));
    assert_eq!(world.actions(), ["create right"]);

    // Recorded twice: nothing new.
    world.stored(begun, "b", &series);
    assert_eq!(world.actions(), ["create right"]);

    // Agreed on.
    let subject = SubjectRow::New(Sides::new(Some("a".into()), Some("b".into())));
    world.agree(subject, "a", "b");
    let world = reopened(&folder, world);
    let batch = world.touched();
    assert_eq!((batch.contacts.len(), batch.known.len()), (0, 0));
    assert_eq!(world.totals().series, Sides::new(1, 1));
    let applied = "SELECT count(*) FROM intent";
    let left = world.store.read(|connection| sql::number(connection, applied, [])).unwrap();
    assert_eq!((left, world.store.integrity().unwrap()), (0, vec![]));
}

#[test]
fn a_deletion_survives_a_crash_at_each_step() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::over(Store::open(folder.path(), at(0)).unwrap());
    let mapping = world.agreed("1", "Zahnarzt");
    world.lose(LEFT, "l1");
    let begun = world.delete(mapping, RIGHT, "r1");
    let world = reopened(&folder, world);
    let open = world.store.open_intents(world.pair).unwrap();
    assert_eq!((&open[0].resource, open[0].action), (&Some("r1".into()), ActionKind::Delete));
    assert_eq!(world.totals().deletions, Sides::new(0, 1));

    world.store.wrote(begun, Wrote::Deleted, at(5)).unwrap();
    let world = reopened(&folder, world);
    assert_eq!(world.totals().deletions, Sides::new(0, 0));
    let known = &world.touched().known[0];
    assert!(matches!((&known.now.left, &known.now.right), (NowRow::Absent, NowRow::Absent)));
    let change = &world.store.history(None, Some(&"1".into()), 10).unwrap()[0];
    assert_eq!((change.action.as_str(), &change.after), ("delete", &None));
    assert_eq!(change.before, Some(event("1", "Zahnarzt", 9)), "from the row");

    let forget = Agreement {
        subject: SubjectRow::Known(mapping),
        held: Sides::default(),
        base: None,
        renew: Sides::default(),
    };
    world.store.agree(world.pair, &[forget]).unwrap();
    let world = reopened(&folder, world);
    assert_eq!(world.totals(), crate::Totals::default());
    assert_eq!(world.store.find(world.pair, "1").unwrap().len(), 0);
    assert_eq!(world.store.integrity().unwrap(), Vec::<String>::new());
}

#[test]
fn a_change_is_pending_until_it_is_agreed_on() {
    let world = World::new();
    let mapping = world.agreed("1", "Zahnarzt");
    let (before, target) = (event("1", "Zahnarzt", 9), event("1", "Kino", 9));
    world.see(LEFT, "l1", "2", &target);
    let begun = world.begin_one(NewIntent {
        subject: SubjectRow::Known(mapping),
        side: RIGHT,
        action: ActionKind::Update,
        key: None,
        resource: Some(&"r1".into()),
        before: Some(&before),
        target: Some(&target),
        run: 7,
        reason: "changed on left",
        keeps_former: false,
    });
    let pending = |world: &World| world.touched().known[0].pending.right.clone();
    assert!(world.touched().known.is_empty(), "its outcome is unknown");
    world.stored(begun, "r1", &target);
    let written = pending(&world).remove(0);
    assert_eq!((written.before, written.target), (before.clone(), target.clone()));
    world.agree(SubjectRow::Known(mapping), "l1", "r1");
    world.see(LEFT, "l1", "3", &before);
    assert!(pending(&world).is_empty());
    assert_eq!(world.touched().known[0].base, Sides::new(target.clone(), target));
}

#[test]
fn what_was_edited_or_deleted_while_its_copy_was_made_is_a_change_like_any_other() {
    for change in ["edited", "deleted"] {
        let world = World::new();
        let (series, edited) = (event("1", "Zahnarzt", 9), event("1", "Kino", 9));
        world.see(LEFT, "a", "1", &series);
        let begun = world.create(only_left("a"), RIGHT, &series);
        match change {
            "edited" => drop(world.see(LEFT, "a", "2", &edited)),
            _ => drop(world.lose(LEFT, "a")),
        }
        world.stored(begun, "b", &series);
        let batch = world.touched();
        assert_eq!((batch.contacts.len(), batch.known.len()), (0, 1), "{change}");
        let known = &batch.known[0];
        assert_eq!(known.base, Sides::new(series.clone(), series), "{change}");
        match &known.now.left {
            NowRow::Present { series, .. } => assert_eq!(series, &edited),
            now => assert!(change == "deleted" && matches!(now, NowRow::Absent)),
        }
        let due = world.totals().deletions.right;
        assert_eq!(due, u64::from(change == "deleted"), "{change}");
        assert_eq!(world.store.integrity().unwrap(), Vec::<String>::new());
    }
}

#[test]
fn what_somebody_did_to_a_copy_before_its_late_answer_is_an_edit() {
    let world = World::new();
    let (series, edited) = (event("1", "Zahnarzt", 9), event("1", "Kino", 9));
    world.see(LEFT, "a", "1", &series);
    let begun = world.create(only_left("a"), RIGHT, &series);
    let found = resource("b", Some("2"), edited.clone());
    let Sighting { resource, digest, likeness } = sighting(&found);
    let base = Some(&series);
    let outcome = Wrote::Stored { resource, digest, likeness, verified: true, base };
    world.store.wrote(begun, outcome, at(5)).unwrap();
    let known = &world.touched().known[0];
    assert_eq!(known.base, Sides::new(series.clone(), series));
    let NowRow::Present { series, .. } = &known.now.right else { panic!("it is there") };
    assert_eq!(series, &edited);
}

#[test]
fn a_write_found_half_made_is_no_longer_open_but_pending() {
    let world = World::new();
    let mapping = world.agreed("1", "Zahnarzt");
    world.lose(LEFT, "l1");
    let begun = world.delete(mapping, RIGHT, "r1");
    world.store.mark_pending(begun, at(6)).unwrap();
    assert!(world.store.open_intents(world.pair).unwrap().is_empty());
    assert_eq!(world.touched().known.len(), 1);
}

#[test]
fn an_abandoned_write_leaves_the_rows_touched() {
    let world = World::new();
    let series = event("1", "Zahnarzt", 9);
    world.see(LEFT, "a", "1", &series);
    let begun = world.create(only_left("a"), RIGHT, &series);
    world.store.abandon(begun).unwrap();
    assert!(world.store.open_intents(world.pair).unwrap().is_empty());
    assert_eq!(world.touched().contacts.len(), 1);
    assert!(world.actions().is_empty());
}

#[test]
fn an_edit_that_beats_a_deletion_is_created_in_the_mappings_place() {
    let world = World::new();
    let mapping = world.agreed("1", "Zahnarzt");
    let edited = event("1", "Kino", 9);
    world.lose(RIGHT, "r1");
    world.see(LEFT, "l1", "2", &edited);
    let begun = world.create(SubjectRow::Known(mapping), RIGHT, &edited);
    // Its creation was seen before its answer came.
    world.see(RIGHT, "again", "1", &edited);
    world.stored(begun, "again", &edited);
    let batch = world.touched();
    assert_eq!((batch.known.len(), batch.contacts.len()), (1, 0));
    let NowRow::Present { id, .. } = &batch.known[0].now.right else { panic!("it is there") };
    assert_eq!(id.as_str(), "again");
    let subject = SubjectRow::Known(mapping);
    let held = Sides::new(Some("l1".into()), None);
    let agreed = world
        .store
        .agree(world.pair, &[Agreement { subject, held, base: None, renew: Sides::default() }])
        .unwrap();
    assert_eq!(agreed, [Some(mapping)]);
    assert!(world.touched().known.is_empty());
    assert_eq!(world.store.integrity().unwrap(), Vec::<String>::new());
}

#[test]
fn what_an_open_creation_may_have_made_is_nobodys_new_event() {
    let world = World::new();
    let mapping = world.agreed("1", "Zahnarzt");
    let edited = event("1", "Kino", 9);
    world.lose(RIGHT, "r1");
    world.see(LEFT, "l1", "2", &edited);
    // Under a UID of our own, as where the provider holds the other one somewhere else.
    let target = event("own", "Kino", 9);
    let begun = world.create(SubjectRow::Known(mapping), RIGHT, &target);
    world.see(RIGHT, "again", "1", &target);
    let batch = world.touched();
    assert_eq!((batch.known.len(), batch.contacts.len()), (0, 0));
    world.stored(begun, "again", &target);
    let batch = world.touched();
    assert_eq!((batch.known.len(), batch.contacts.len()), (1, 0));
}

#[test]
fn no_write_is_begun_on_a_full_disk() {
    let world = World::new();
    let series = event("1", "Zahnarzt", 9);
    world.see(LEFT, "a", "1", &series);
    let begun = world.create(only_left("a"), RIGHT, &series);
    for name in ["begin", "wrote", "agree", "abandon"] {
        world.store.failpoint(Some(Box::new(move |asked| asked == name)));
        let outcome = match name {
            "begin" => world.store.begin(world.pair, &[], at(1)).map(|_| ()),
            "wrote" => world.store.wrote(begun, Wrote::Deleted, at(1)),
            "agree" => world.store.agree(world.pair, &[]).map(|_| ()),
            _ => world.store.abandon(begun),
        };
        assert_eq!(outcome.unwrap_err().kind(), &crate::ErrorKind::Full, "{name}");
    }
    world.store.failpoint(None);
    assert_eq!(world.store.open_intents(world.pair).unwrap().len(), 1);
}

#[test]
fn a_resource_is_known_as_its_series_and_as_deserted_once_the_other_side_is_empty() {
    let world = World::new();
    let mapping = world.agreed("1", "Zahnarzt");
    let id: ResourceId = "another".into();
    let held = world.store.known(&[mapping]).unwrap().remove(0);
    let NowRow::Present { id: left, .. } = &held.now.left else { panic!("it is there") };
    let NowRow::Present { id: right, .. } = &held.now.right else { panic!("it is there") };
    let of = |id: &ResourceId| world.store.subject(world.pair, RIGHT, id).unwrap();
    assert_eq!(of(right), (SubjectRow::Known(mapping), false));
    let new = SubjectRow::New(Sides::new(None, Some(id.clone())));
    assert_eq!(of(&id), (new, false));
    let gone = crate::Observation { gone: std::slice::from_ref(left), ..crate::testing::nothing() };
    world.store.observe(world.pair, LEFT, &gone).unwrap();
    assert_eq!(of(right), (SubjectRow::Known(mapping), true));
}
