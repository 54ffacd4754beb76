//! A small world for this crate's tests: one pair, and words for what happens to it.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use model::civil::date;
use model::{
    Event, PairName, Resource, ResourceId, Series, Side, Sides, Timestamp, Uid, Version, When,
};

use crate::{
    ActionKind, Agreement, Batch, NewIntent, Observation, Observed, PairId, PairRow, Position,
    Sighting, Store, SubjectRow, Totals, Wrote, digest, digest_bytes,
};

/// So many seconds after the beginning of the tests' time.
pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_767_225_600 + second).unwrap()
}

pub(crate) fn event(uid: &str, title: &str, hour: i8) -> Series {
    let when = |hour| When::Utc(date(2026, 3, 2).at(hour, 0, 0, 0));
    let mut event = Event::new(when(hour), when(hour + 1));
    event.title = Some(title.into());
    Series::single(Uid::new(uid), event)
}

/// Title and start alone, as far as these tests go.
pub(crate) fn likeness(series: &Series) -> model::Digest {
    let event = series.face().unwrap();
    let title = event.title.as_ref().map(|title| title.expose().as_str()).unwrap_or_default();
    digest_bytes(format!("{title} {:?}", event.start).as_bytes())
}

pub(crate) fn resource(id: &str, version: Option<&str>, series: Series) -> Resource {
    let raw = format!("raw of {id}").into_bytes();
    Resource { id: id.into(), version: version.map(Version::new), raw, series }
}

pub(crate) fn sighting(resource: &Resource) -> Sighting<'_> {
    let (digest, likeness) = (digest(&resource.series), likeness(&resource.series));
    Sighting { resource, digest, likeness }
}

pub(crate) fn nothing() -> Observation<'static> {
    Observation {
        present: vec![],
        unreadable: &[],
        unread: &[],
        gone: &[],
        cursor: None,
        full_at: None,
        now: at(0),
        rendered: |_, found| found.clone(),
        beside: crate::Beside::NEVER,
    }
}

/// What came of an observation that touched so many rows.
pub(crate) fn touched(count: u64) -> Observed {
    Observed { touched: count }
}

pub(crate) fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

pub(crate) fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

pub(crate) fn open(folder: &tempfile::TempDir) -> crate::Result<Store> {
    Store::open(folder.path(), at(100))
}

/// A store with enough in it to fill pages, closed.
pub(crate) fn filled(folder: &tempfile::TempDir) {
    let world = World::over(open(folder).unwrap());
    for number in 0..200 {
        world.see(
            Side::Left,
            &format!("l{number}"),
            "1",
            &event(&format!("{number}"), "Findbar", 9),
        );
    }
    world.store.close().unwrap();
}

pub(crate) fn snapshots(store: &Store) -> u64 {
    store
        .read(|connection| crate::sql::number(connection, "SELECT count(*) FROM snapshot", []))
        .unwrap()
}

pub(crate) fn refused(folder: &tempfile::TempDir) -> crate::Error {
    let path = folder.path().join("calpair.db");
    let before = std::fs::read(&path).unwrap();
    let error = open(folder).err().expect("it is damaged");
    assert!(std::fs::read(&path).unwrap() == before, "nothing is overwritten");
    error
}

pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) pair: PairId,
}

impl World {
    pub(crate) fn new() -> World {
        World::over(Store::in_memory().unwrap())
    }

    pub(crate) fn over(store: Store) -> World {
        let mut world = World { store, pair: PairId(0) };
        world.pair = world.ensure("a", "one").id;
        world
    }

    pub(crate) fn ensure(&self, account: &str, calendar: &str) -> PairRow {
        let accounts = Sides::new(account.into(), "b".into());
        let asked = Sides::new(calendar, "two");
        let name = PairName::new("family");
        self.store.ensure_pair(&name, accounts.as_ref(), asked, at(1)).unwrap()
    }

    pub(crate) fn see(&self, side: Side, id: &str, version: &str, series: &Series) -> Observed {
        let resource = resource(id, Some(version), series.clone());
        let present = vec![sighting(&resource)];
        let observation = Observation { present, ..nothing() };
        self.store.observe(self.pair, side, &observation).unwrap()
    }

    pub(crate) fn lose(&self, side: Side, id: &str) -> Observed {
        let gone = [ResourceId::new(id)];
        let observation = Observation { gone: &gone, ..nothing() };
        self.store.observe(self.pair, side, &observation).unwrap()
    }

    pub(crate) fn held(&self, side: Side, id: &str) -> Resource {
        self.store.resource(self.pair, side, &id.into()).unwrap().unwrap()
    }

    /// Whether the resource has to be fetched when it is listed in this version.
    pub(crate) fn wants(&self, side: Side, id: &str, version: &str) -> bool {
        let items = [(id.into(), Some(version.into()))];
        !self.store.listed(self.pair, side, &items, false).unwrap().is_empty()
    }

    pub(crate) fn touched(&self) -> Batch {
        self.store.touched(self.pair, Position::default(), 1_000).unwrap()
    }

    /// The sums if whatever vanished is to be deleted.
    pub(crate) fn totals(&self) -> Totals {
        let due = self.store.vanished(self.pair).unwrap();
        self.store.totals(self.pair, &due).unwrap()
    }

    pub(crate) fn agree(&self, subject: SubjectRow, left: &str, right: &str) {
        let held = Sides::new(Some(left.into()), Some(right.into()));
        let agreed = self
            .store
            .agree(self.pair, &[Agreement { subject, held, base: None, renew: Sides::default() }])
            .unwrap();
        assert!(agreed[0].is_some(), "the rows are as the test says");
    }

    /// Makes a copy of a series that the other side has.
    pub(crate) fn copy(&self, subject: &SubjectRow, side: Side, id: &str, series: &Series) {
        let intent = NewIntent {
            subject: subject.clone(),
            side,
            action: ActionKind::Create,
            key: Some(&"k-1".into()),
            resource: None,
            before: Some(series),
            target: Some(series),
            run: 1,
            reason: "new on the other side",
            keeps_former: false,
        };
        let begun = self.store.begin(self.pair, &[intent], at(2)).unwrap();
        let made = resource(id, Some("1"), series.clone());
        let Sighting { resource, digest, likeness } = sighting(&made);
        let stored = Wrote::Stored { resource, digest, likeness, verified: true, base: None };
        self.store.wrote(begun[0], stored, at(3)).unwrap();
    }

    /// An event that came from the left, `l{uid}`, and was copied to the right, `r{uid}`.
    pub(crate) fn agreed(&self, uid: &str, title: &str) -> model::MappingId {
        let series = event(uid, title, 9);
        let (left, right) = (format!("l{uid}"), format!("r{uid}"));
        self.see(Side::Left, &left, "1", &series);
        let subject = SubjectRow::New(Sides::new(Some(left.as_str().into()), None));
        self.copy(&subject, Side::Right, &right, &series);
        let held = Sides::new(Some(left.as_str().into()), None);
        let agreed = self
            .store
            .agree(self.pair, &[Agreement { subject, held, base: None, renew: Sides::default() }])
            .unwrap();
        agreed[0].unwrap()
    }
}
