//! Ten thousand series through the store, as a first sync, a full pass and quiet cycles would do
//! it. Prints what each step takes; asserts what was done, never how fast.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "all of this file is a test")]

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use model::civil::date;
use model::{
    CreateKey, Cursor, Event, MappingId, PairName, Resource, ResourceId, Series, Side, Sides,
    Timestamp, Uid, Version, When,
};
use store::{
    ActionKind, Agreement, IntentId, NewIntent, NowRow, Observation, PairId, Position, RunRow,
    Sighting, Store, SubjectRow, Written, Wrote, digest, digest_bytes,
};

/// As many as the largest calendar that the performance goals speak of.
const SERIES: usize = 10_000;
/// As many as one fetch answers.
const BATCH: usize = 200;

/// As many writes as are in flight at once.
const IN_FLIGHT: usize = 8;

/// The processor time that this process has used, as Linux counts it.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<_> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|text| text.parse().ok()).unwrap_or(0_u64);
    // utime and stime, in hundredths of a second.
    Duration::from_millis(10 * (ticks(11) + ticks(12)))
}

fn report<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let before = cpu();
    let value = work();
    println!("{what:<44} {:>6} ms CPU", (cpu() - before).as_millis());
    value
}

fn now() -> Timestamp {
    Timestamp::from_second(1_767_225_600).unwrap()
}

fn resource(side: Side, number: usize) -> Resource {
    let day = date(2026, 1, 1).checked_add(jiff::Span::new().days((number % 700) as i64)).unwrap();
    let when = |hour| When::Utc(day.at(hour, 0, 0, 0));
    let mut event = Event::new(when(9), when(10));
    event.title = Some(format!("Event {number}").into());
    event.description = Some("what is to be talked about ".repeat(10).into());
    let series = Series::single(Uid::new(format!("{number}@example.org")), event);
    let id = ResourceId::new(format!("/calendars/{side}/{number:05}.ics"));
    Resource { id, version: Some(Version::new("\"1\"")), raw: vec![b'x'; 1_500], series }
}

struct Owned {
    resource: Resource,
    digest: model::Digest,
    likeness: model::Digest,
}

impl Owned {
    fn new(resource: Resource) -> Self {
        let likeness = digest_bytes(resource.series.uid.as_str().as_bytes());
        Self { digest: digest(&resource.series), likeness, resource }
    }

    fn sighting(&self) -> Sighting<'_> {
        Sighting { resource: &self.resource, digest: self.digest, likeness: self.likeness }
    }
}

fn nothing() -> Observation<'static> {
    Observation {
        present: vec![],
        unreadable: &[],
        unread: &[],
        gone: &[],
        cursor: None,
        full_at: None,
        now: now(),
        rendered: |_, found| found.clone(),
        beside: store::Beside::NEVER,
    }
}

fn pair(store: &Store) -> PairId {
    let accounts = Sides::new("a".into(), "b".into());
    let asked = Sides::new("one", "two");
    store.ensure_pair(&PairName::new("p"), accounts.as_ref(), asked, now()).unwrap().id
}

fn observe_all(store: &Store, pair: PairId, side: Side) {
    for batch in 0..SERIES / BATCH {
        let numbers = batch * BATCH..(batch + 1) * BATCH;
        let owned: Vec<_> = numbers.map(|number| Owned::new(resource(side, number))).collect();
        let present = owned.iter().map(Owned::sighting).collect();
        store.observe(pair, side, &Observation { present, ..nothing() }).unwrap();
    }
}

/// Every contact is created on the right; how many.
fn copy_all(store: &Store, pair: PairId) -> usize {
    let (mut after, mut copied) = (Position::default(), 0);
    loop {
        let batch = store.touched(pair, after, BATCH).unwrap();
        let mut agreements = Vec::new();
        for contacts in batch.contacts.chunks(IN_FLIGHT) {
            let sources = contacts.iter().map(|contact| &contact.held.left[0]);
            agreements.extend(copy(store, pair, &sources.collect::<Vec<_>>()));
        }
        copied += agreements.len();
        let agreed = store.agree(pair, &agreements).unwrap();
        assert!(agreed.iter().all(Option::is_some));
        let Some(next) = batch.next else { return copied };
        after = next;
    }
}

fn copy(store: &Store, pair: PairId, sources: &[&(ResourceId, Series)]) -> Vec<Agreement> {
    let key = CreateKey::new("k");
    let intents = sources.iter().map(|(id, series)| NewIntent {
        subject: SubjectRow::New(Sides::new(Some(id.clone()), None)),
        side: Side::Right,
        action: ActionKind::Create,
        key: Some(&key),
        resource: None,
        before: Some(series),
        target: Some(series),
        run: 1,
        reason: "new on left",
        keeps_former: false,
    });
    let begun = store.begin(pair, &intents.collect::<Vec<_>>(), now()).unwrap();
    begun.into_iter().zip(sources).map(|(begun, source)| answer(store, begun, source)).collect()
}

fn answer(store: &Store, begun: IntentId, (id, series): &(ResourceId, Series)) -> Agreement {
    let made = Resource {
        id: ResourceId::new(id.as_str().replace("left", "right")),
        version: Some(Version::new("\"1\"")),
        raw: vec![b'y'; 1_500],
        series: series.clone(),
    };
    let made = Owned::new(made);
    let Sighting { resource, digest, likeness } = made.sighting();
    let stored = Wrote::Stored { resource, digest, likeness, verified: true, base: None };
    store.wrote(begun, stored, now()).unwrap();
    let subject = SubjectRow::New(Sides::new(Some(id.clone()), None));
    let held = Sides::new(Some(id.clone()), Some(resource.id.clone()));
    Agreement { subject, held, base: None, renew: Sides::default() }
}

/// What a cycle asks of the store when nothing has happened.
fn quiet(store: &Store) {
    let row = store.pairs().unwrap().remove(0);
    let run = store.begin_run(row.id, now()).unwrap();
    assert!(store.open_intents(row.id).unwrap().is_empty());
    assert_eq!(store.retry_problems(row.id, now(), Duration::ZERO..Duration::ZERO).unwrap(), 0);
    assert_eq!(store.touch_entering(row.id, now(), now()).unwrap(), 0);
    let batch = store.touched(row.id, Position::default(), BATCH).unwrap();
    assert!(batch.known.is_empty() && batch.contacts.is_empty());
    assert_eq!(store.counts(row.id).unwrap(), Sides::new(SERIES as u64, SERIES as u64));
    assert!(store.problems(row.id).unwrap().is_empty());
    let report = RunRow {
        outcome: "in-sync",
        requests: Sides::new(1, 1),
        written: Sides::new(Written::default(), Written::default()),
        adopted: 0,
        merged: 0,
        conflicts: 0,
        problems: 0,
        duration_ms: 3,
    };
    store.end_run(run, &report, now()).unwrap();
    store.put_schedule(row.id, Some(now()), Some(now())).unwrap();
}

fn full_pass(store: &Store, pair: PairId) {
    store.begin_listing(pair, Side::Left).unwrap();
    let items: Vec<_> = (0..SERIES)
        .map(|number| resource(Side::Left, number))
        .map(|resource| (resource.id, resource.version))
        .collect();
    assert!(store.listed(pair, Side::Left, &items, true).unwrap().is_empty());
    assert!(store.unlisted(pair, Side::Left, None, BATCH).unwrap().is_empty());
    let cursor = Cursor::new("2");
    let done = Observation { cursor: Some(&cursor), full_at: Some(now()), ..nothing() };
    store.observe(pair, Side::Left, &done).unwrap();
}

fn lose_all(store: &Store, pair: PairId) -> Vec<MappingId> {
    for batch in 0..SERIES / BATCH {
        let numbers = batch * BATCH..(batch + 1) * BATCH;
        let gone: Vec<_> = numbers.map(|number| resource(Side::Left, number).id).collect();
        store.observe(pair, Side::Left, &Observation { gone: &gone, ..nothing() }).unwrap();
    }
    let mut known = Vec::new();
    let mut after = Position::default();
    loop {
        let batch = store.touched(pair, after, BATCH).unwrap();
        assert!(batch.known.iter().all(|known| matches!(known.now.left, NowRow::Absent)));
        known.extend(batch.known.iter().map(|known| known.mapping));
        let Some(next) = batch.next else { return known };
        after = next;
    }
}

fn kibibytes(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).unwrap().flatten();
    entries.map(|entry| entry.metadata().map_or(0, |file| file.len() / 1024)).sum()
}

#[test]
fn ten_thousand_series() {
    let folder = tempfile::tempdir().unwrap();
    let store = report("make", || Store::open(folder.path(), now()).unwrap());
    let pair = pair(&store);
    report("observe 10,000 on left", || observe_all(&store, pair, Side::Left));
    let copied = report("begin, record and agree on 10,000 creations", || copy_all(&store, pair));
    assert_eq!(copied, SERIES);
    report("observe 10,000 on right, unchanged", || observe_right_again(&store, pair));
    report("a full pass over 10,000", || full_pass(&store, pair));
    report("close", || store.close().unwrap());
    println!("{:<44} {:>6} KiB", "on the disk", kibibytes(folder.path()));

    let store = report("open after a clean stop", || Store::open(folder.path(), now()).unwrap());
    report("100 quiet cycles", || (0..100).for_each(|_| quiet(&store)));
    report("100 times open, quiet cycle, close", || {
        store.close().unwrap();
        for _ in 0..100 {
            let store = Store::open(folder.path(), now()).unwrap();
            quiet(&store);
            store.close().unwrap();
        }
    });
    let store = Store::open(folder.path(), now()).unwrap();
    drop(store);
    let store = report("open after a crash", || Store::open(folder.path(), now()).unwrap());
    report("totals", || assert_eq!(store.totals(pair, &[]).unwrap().series.left, SERIES as u64));
    report("find by a part of a title", || {
        assert_eq!(store.find(pair, "event 9999").unwrap().len(), 1);
    });
    let known = report("lose 10,000 on left and look at each", || lose_all(&store, pair));
    assert_eq!(known.len(), SERIES);
    let deletions = report("totals of 10,000 deletions", || {
        let due = store.vanished(pair).unwrap();
        store.totals(pair, &due).unwrap().deletions
    });
    assert_eq!(deletions, Sides::new(0, SERIES as u64));
    report("a backup", || store.backup(now()).unwrap());
    report("1,000 stores in memory", || {
        (0..1_000).for_each(|_| drop(Store::in_memory().unwrap()));
    });
    peak();
}

fn observe_right_again(store: &Store, pair: PairId) {
    for batch in 0..SERIES / BATCH {
        let numbers = batch * BATCH..(batch + 1) * BATCH;
        let owned: Vec<_> =
            numbers.map(|number| Owned::new(resource(Side::Right, number))).collect();
        let present = owned.iter().map(Owned::sighting).collect();
        let observation = Observation { present, ..nothing() };
        assert_eq!(store.observe(pair, Side::Right, &observation).unwrap().touched, 0);
    }
}

fn peak() {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    if let Some(line) = status.lines().find(|line| line.starts_with("VmHWM")) {
        println!("{line}");
    }
}

/// Another program may look at the database while it is open, and sees a whole one.
#[test]
fn a_crash_leaves_a_whole_database() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), now()).unwrap();
    let pair = pair(&store);
    let owned = Owned::new(resource(Side::Left, 1));
    let seen = Observation { present: vec![owned.sighting()], ..nothing() };
    store.observe(pair, Side::Left, &seen).unwrap();
    // What a killed process leaves behind: the files as they are at this moment.
    let copy = tempfile::tempdir().unwrap();
    for name in ["calpair.db", "calpair.db-wal", "calpair.db-shm", "texts.key"] {
        let status = Command::new("cp").arg(folder.path().join(name)).arg(copy.path()).status();
        assert!(status.unwrap().success(), "{name}");
    }
    let store = Store::open(copy.path(), now()).unwrap();
    assert_eq!(store.counts(pair).unwrap(), Sides::new(1, 0));
    assert_eq!(store.integrity().unwrap(), Vec::<String>::new());
}
