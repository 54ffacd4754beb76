//! Opening and closing: whose the database is, which form it has, whether it is whole.
//!
//! A database that is damaged is never replaced, emptied or mended by itself: mappings would be
//! lost and every series met anew, while the cause goes unseen. It is refused, with the place of
//! the newest copy. A database of a newer calpair is refused. One of an older form is copied, then
//! migrated. A new one is made under another name and gets its own when it is whole, so that an
//! empty file is always damage.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use model::Timestamp;
use refinery::{Migration, Runner};
use rusqlite::backup::Backup;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, OptionalExtension};

use crate::files::Home;
use crate::{Error, ErrorKind, Inner, Key, Result, Store, digest_bytes, sql, texts};

/// One step to a later form: refinery's name for it, and its text.
type Form = (&'static str, &'static str);

/// Every form the database ever had, in order; each file is one step to the next.
const MIGRATIONS: &[Form] = &[
    ("V1__initial", include_str!("../../../migrations/0001_initial.sql")),
    ("V2__rules_and_proposals", include_str!("../../../migrations/0002_rules_and_proposals.sql")),
    ("V3__copies_of_others", include_str!("../../../migrations/0003_copies_of_others.sql")),
    ("V4__limited_writes", include_str!("../../../migrations/0004_limited_writes.sql")),
    ("V5__choices", include_str!("../../../migrations/0005_choices.sql")),
    ("V6__answers", include_str!("../../../migrations/0006_answers.sql")),
    ("V7__sign_ins", include_str!("../../../migrations/0007_sign_ins.sql")),
    ("V8__addresses", include_str!("../../../migrations/0008_addresses.sql")),
    ("V9__unread", include_str!("../../../migrations/0009_unread.sql")),
    ("V10__beside", include_str!("../../../migrations/0010_beside.sql")),
    ("V11__former", include_str!("../../../migrations/0011_former.sql")),
    ("V12__undelivered", include_str!("../../../migrations/0012_undelivered.sql")),
    ("V13__errands", include_str!("../../../migrations/0013_errands.sql")),
    ("V14__entering", include_str!("../../../migrations/0014_entering.sql")),
    ("V15__places", include_str!("../../../migrations/0015_places.sql")),
    ("V16__overtaken", include_str!("../../../migrations/0016_overtaken.sql")),
    ("V17__sealed_texts", include_str!("../../../migrations/0017_sealed_texts.sql")),
];

/// How long to wait for somebody who looks at the database with another tool.
const PATIENCE: Duration = Duration::from_secs(5);

/// Statements kept prepared: all that this crate has.
const STATEMENTS: usize = 150;

/// A copy that is no older was made by a start that failed.
const TRIED_AGAIN: Duration = Duration::from_secs(60 * 60);

/// How every file of SQLite's begins.
const MAGIC: &[u8] = b"SQLite format 3\0";

/// How many faults are told: the first is as good as all.
const FAULTS_TOLD: usize = 20;

impl Store {
    /// Opens the store in `directory`, which is made where there is none, and owns it until the
    /// last clone is dropped. A clean stop is [`Store::close`].
    ///
    /// # Errors
    /// [`ErrorKind::Locked`] when another process owns it, [`ErrorKind::Newer`] when a newer
    /// calpair wrote it, [`ErrorKind::Corrupt`] when it is damaged, [`ErrorKind::Sealed`] when its
    /// texts can't be opened; nothing is overwritten.
    pub fn open(directory: &Path, now: Timestamp) -> Result<Store> {
        Store::open_in_form(directory, now, MIGRATIONS)
    }

    /// The last form in which texts stand as they are.
    #[cfg(test)]
    pub(crate) fn open_before_sealing(directory: &Path, now: Timestamp) -> Result<Store> {
        let before = usize::try_from(texts::SEALED_SINCE - 1).expect("it is a small number");
        Store::open_in_form(directory, now, &MIGRATIONS[..before])
    }

    fn open_in_form(directory: &Path, now: Timestamp, forms: &[Form]) -> Result<Store> {
        let home = Home::enter(directory)?;
        let (connection, key) =
            whole(&home, now, forms).map_err(|error| error.with_place(|| Some(home.place())))?;
        Ok(Store::over(connection, Some(home), key))
    }

    /// A new store in memory, for tests and simulation. Costs far less than a millisecond.
    ///
    /// # Errors
    /// When SQLite has no memory.
    pub fn in_memory() -> Result<Store> {
        static TEMPLATE: OnceLock<(Mutex<Connection>, Arc<Key>)> = OnceLock::new();
        let (template, key) = match TEMPLATE.get() {
            Some(template) => template,
            None => {
                let mut connection = Connection::open_in_memory()?;
                let key = Arc::new(Key::random());
                texts::attach(&connection, &key)?;
                migrate(&mut connection, MIGRATIONS)?;
                TEMPLATE.get_or_init(|| (Mutex::new(connection), key))
            }
        };
        let mut connection = Connection::open_in_memory()?;
        {
            let template = template.lock().unwrap_or_else(PoisonError::into_inner);
            copy(&template, &mut connection)?;
        }
        configure(&connection)?;
        texts::attach(&connection, key)?;
        Ok(Store::over(connection, None, key.clone()))
    }

    /// Stops cleanly: everything is in the database file, and the next start need not check it.
    /// Clones fail from here on.
    ///
    /// # Errors
    /// When the disk is full or broken; what was stored is still safe in the log beside it.
    pub fn close(self) -> Result<()> {
        let mut inner = self.lock();
        let Some(connection) = inner.connection.take() else { return Ok(()) };
        if inner.home.is_some() {
            connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
        }
        connection.close().map_err(|(_, error)| error)?;
        inner.home.as_ref().map_or(Ok(()), Home::put_closed_mark)
    }

    /// Copies the database beside itself; the copy's place. `None` in memory.
    ///
    /// # Errors
    /// When the copy could not be written.
    pub fn backup(&self, now: Timestamp) -> Result<Option<PathBuf>> {
        let inner = self.lock();
        let Some(home) = &inner.home else { return Ok(None) };
        inner.read(|connection| back_up(connection, home, now)).map(Some)
    }

    /// The same, if the newest copy is older than `age`.
    ///
    /// # Errors
    /// As [`Store::backup`].
    pub fn backup_older_than(&self, age: Duration, now: Timestamp) -> Result<Option<PathBuf>> {
        let has = |home: &Home| home.has_backup_between(now - age, now + age);
        if self.lock().home.as_ref().is_some_and(has) {
            return Ok(None);
        }
        self.backup(now)
    }

    fn over(connection: Connection, home: Option<Home>, key: Arc<Key>) -> Store {
        let inner = Inner {
            connection: Some(connection),
            home,
            key,
            failpoint: None,
            listings: HashMap::new(),
            runs: Default::default(),
        };
        Store { inner: Arc::new(Mutex::new(inner)) }
    }
}

/// Everything that is wrong with a database, as sentences.
pub(crate) fn integrity(connection: &Connection, key: &Key) -> Result<Vec<String>> {
    let mut faults =
        sql::all(connection, "PRAGMA integrity_check(20)", [], |row| Ok(row.get::<_, String>(0)?))?;
    faults.retain(|fault| fault != "ok");
    if !faults.is_empty() {
        return Ok(faults);
    }
    faults.extend(sql::all(connection, "PRAGMA foreign_key_check", [], |row| {
        let (table, parent): (String, String) = (row.get(0)?, row.get(2)?);
        Ok(format!("a row of {table} points to a row of {parent} that is not there"))
    })?);
    let halves = "SELECT mapping.id FROM mapping
         WHERE (SELECT count(*) FROM snapshot WHERE snapshot.mapping = mapping.id) <> 2";
    faults.extend(sql::all(connection, halves, [], |row| {
        Ok(format!("mapping {} does not have two sides", row.get::<_, i64>(0)?))
    })?);
    // SQLite knows its own structure, not what stands in it.
    let is_sealed = version(connection)? >= texts::SEALED_SINCE;
    let contents = "SELECT id, digest, content FROM snapshot JOIN body ON snapshot = id
         WHERE digest IS NOT NULL";
    let damaged = sql::all(connection, contents, [], |row| {
        let content = row.get_ref(2)?.as_blob_or_null().unwrap_or_default().unwrap_or_default();
        let digest = match is_sealed {
            true => texts::open(key, content).map(|content| digest_bytes(&content).0),
            false => Some(digest_bytes(content).0),
        };
        let is_same = digest == Some(row.get::<_, [u8; 32]>(1)?);
        Ok(if is_same { None } else { Some(row.get::<_, i64>(0)?) })
    })?;
    let damaged = damaged.into_iter().flatten();
    faults.extend(damaged.map(|row| format!("the content of snapshot {row} was changed")));
    faults.truncate(FAULTS_TOLD);
    Ok(faults)
}

/// The database of this directory, whole and in the present form, and the key of its texts.
fn whole(home: &Home, now: Timestamp, forms: &[Form]) -> Result<(Connection, Arc<Key>)> {
    let path = home.database();
    if !path.exists() {
        make(home, forms)?;
    } else if !begins_well(&path)? {
        return Err(Error::corrupt("the database file is damaged at its beginning"));
    }
    let clean = home.take_closed_mark()?;
    let mut connection = connect(&path)?;
    // Until it is known to be whole, nothing is written into the file, at closing neither.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    let version = version(&connection)?;
    let present = i32::try_from(forms.len()).expect("there are few migrations");
    if version > present {
        let sentence = format!(
            "the database was written by a newer calpair (its form is {version}, this calpair \
             knows up to {present})"
        );
        return Err(Error::new(ErrorKind::Newer, sentence));
    }
    if version == 0 {
        return Err(Error::corrupt("the database file does not hold calpair's database"));
    }
    let key = key_of(&connection, home, version)?;
    texts::attach(&connection, &key)?;
    if !clean {
        let faults = integrity(&connection, &key)?;
        if let Some(fault) = faults.first() {
            return Err(Error::corrupt(format!("the database is damaged: {fault}")));
        }
    }
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
    configure(&connection)?;
    if version < present {
        // A start that fails again and again does not push the older copies out.
        if !home.has_backup_between(now - TRIED_AGAIN, now + TRIED_AGAIN) {
            back_up(&connection, home, now)?;
        }
        migrate(&mut connection, forms)?;
    }
    if home.has_backup_before(texts::SEALED_SINCE) && present >= texts::SEALED_SINCE {
        match forget_plain(&connection, &key, home, now) {
            // The database is good. The next start tries again, for the copies are still there.
            Err(error) if error.kind().passes() => {}
            outcome => outcome?,
        }
    }
    Ok((connection, key))
}

/// The key of a database's texts. Of one whose texts are still plain, it may be made.
fn key_of(connection: &Connection, home: &Home, version: i32) -> Result<Arc<Key>> {
    if version < texts::SEALED_SINCE {
        return home.key_or_new().map(Arc::new);
    }
    match home.key()? {
        Some(key) if texts::is_key_of(&key, connection)? => Ok(Arc::new(key)),
        found => Err(home.sealed(found.is_some())),
    }
}

/// Takes away what is still plain once texts are sealed: pages that are free by now, the log, and
/// the copies of before. It is done when those are gone, which are therefore the last to go, and
/// only where what took their place is whole.
fn forget_plain(connection: &Connection, key: &Key, home: &Home, now: Timestamp) -> Result<()> {
    if let Some(fault) = integrity(connection, key)?.first() {
        return Err(Error::corrupt(format!("the database is damaged: {fault}")));
    }
    // What it puts into a file on the way is sealed; in memory it would be the whole database.
    connection.execute_batch("PRAGMA temp_store = FILE; VACUUM; PRAGMA temp_store = MEMORY;")?;
    let checkpoint = "PRAGMA wal_checkpoint(TRUNCATE)";
    if connection.query_row(checkpoint, [], |row| row.get::<_, i64>(0))? != 0 {
        return Err(Error::new(ErrorKind::Busy, "the database is in use by another program"));
    }
    back_up(connection, home, now)?;
    home.remove_backups_before(texts::SEALED_SINCE)?;
    if home.newest_backup().is_none() {
        // By its date it was the oldest of all: the clock was wrong.
        back_up(connection, home, now)?;
    }
    Ok(())
}

fn begins_well(path: &Path) -> Result<bool> {
    let tried = format!("read {}", path.display());
    let mut beginning = Vec::new();
    let read =
        File::open(path).and_then(|file| file.take(MAGIC.len() as u64).read_to_end(&mut beginning));
    read.map_err(Error::io(tried))?;
    Ok(beginning == MAGIC)
}

fn make(home: &Home, forms: &[Form]) -> Result<()> {
    let unfinished = home.unfinished()?;
    let mut connection = connect(&unfinished)?;
    texts::attach(&connection, &Arc::new(home.key_or_new()?))?;
    migrate(&mut connection, forms)?;
    connection.close().map_err(|(_, error)| error)?;
    home.finish(&unfinished)?;
    // It is as good as one that was closed.
    home.put_closed_mark()
}

pub(crate) fn connect(path: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(PATIENCE)?;
    Ok(connection)
}

fn configure(connection: &Connection) -> Result<()> {
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // 4 MiB of cache, and a log that is cut back to 4 MiB.
    connection.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON;
         PRAGMA temp_store = MEMORY; PRAGMA cache_size = -4096; PRAGMA trusted_schema = OFF;
         PRAGMA cell_size_check = ON; PRAGMA journal_size_limit = 4194304;",
    )?;
    Ok(())
}

/// The form of a database: the number of the last migration it went through.
fn version(connection: &Connection) -> Result<i32> {
    let known = "SELECT 1 FROM sqlite_master WHERE name = 'refinery_schema_history'";
    if connection.query_row(known, [], |_| Ok(())).optional()?.is_none() {
        return Ok(0);
    }
    let query = "SELECT coalesce(max(version), 0) FROM refinery_schema_history";
    Ok(connection.query_row(query, [], |row| row.get(0))?)
}

fn migrate(connection: &mut Connection, forms: &[Form]) -> Result<()> {
    let steps: Vec<_> = forms
        .iter()
        .map(|(name, text)| {
            Migration::unapplied(name, text).expect("the names of migrations are tested")
        })
        .collect();
    Runner::new(&steps).set_grouped(true).run(connection).map_err(not_migrated)?;
    Ok(())
}

/// A full disk is no damage, whatever it interrupts.
fn not_migrated(source: refinery::Error) -> Error {
    type Cause = dyn std::error::Error;
    let causes = std::iter::successors(Some(&source as &Cause), |error| error.source());
    let ours = |error: &Cause| error.downcast_ref::<rusqlite::Error>().map(crate::error::meaning);
    match causes.into_iter().find_map(ours) {
        Some((kind, sentence)) if kind.passes() => Error::new(kind, sentence).because(source),
        _ => Error::corrupt("the database can't be brought to the present form").because(source),
    }
}

fn back_up(connection: &Connection, home: &Home, now: Timestamp) -> Result<PathBuf> {
    home.backup(now, version(connection)?, |path| {
        let mut target = connect(path)?;
        copy(connection, &mut target)?;
        target.close().map_err(|(_, error)| error.into())
    })
}

pub(crate) fn copy(from: &Connection, to: &mut Connection) -> Result<()> {
    let backup = Backup::new(from, to)?;
    backup.step(-1)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::testing::{World, at, event, files, mode};
    use model::Side;

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().unwrap()
    }

    fn open(folder: &tempfile::TempDir) -> Result<Store> {
        Store::open(folder.path(), at(100))
    }

    /// A store with enough in it to fill pages, closed.
    fn filled(folder: &tempfile::TempDir) {
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

    fn snapshots(store: &Store) -> u64 {
        store
            .read(|connection| sql::number(connection, "SELECT count(*) FROM snapshot", []))
            .unwrap()
    }

    fn refused(folder: &tempfile::TempDir) -> Error {
        let path = folder.path().join("calpair.db");
        let before = fs::read(&path).unwrap();
        let error = open(folder).err().expect("it is damaged");
        assert!(fs::read(&path).unwrap() == before, "nothing is overwritten");
        error
    }

    #[test]
    fn the_names_of_migrations_are_in_order_and_refinery_takes_them() {
        for (number, (name, text)) in MIGRATIONS.iter().enumerate() {
            assert!(name.starts_with(&format!("V{}__", number + 1)), "{name}");
            assert!(Migration::unapplied(name, text).is_ok(), "{name}");
        }
    }

    #[test]
    fn what_was_stored_is_there_after_a_clean_stop_and_after_a_crash() {
        let folder = folder();
        let store = open(&folder).unwrap();
        World::over(store.clone()).agreed("1", "Zahnarzt");
        store.close().unwrap();
        let store = open(&folder).unwrap();
        World::over(store.clone()).agreed("2", "Zahnarzt");
        drop(store); // No mark of a clean stop.
        let store = open(&folder).unwrap();
        assert_eq!(World::over(store.clone()).totals().series.left, 2);
        assert_eq!(store.integrity().unwrap(), Vec::<String>::new());
    }

    #[test]
    fn only_the_owner_can_read_whatever_was_there_before() {
        // Of the whole process; the other tests don't look at it.
        rustix::process::umask(rustix::fs::Mode::empty());
        let folder = folder();
        open(&folder).unwrap();
        for path in files(folder.path()) {
            assert_eq!(mode(&path), 0o600, "new: {}", path.display());
        }
        filled(&folder);
        let state = folder.path().join("state");
        fs::create_dir(&state).unwrap();
        fs::set_permissions(&state, fs::Permissions::from_mode(0o777)).unwrap();
        fs::create_dir(state.join("backups")).unwrap();
        for file in ["calpair.db", "texts.key"] {
            fs::copy(folder.path().join(file), state.join(file)).unwrap();
        }
        let copy = format!("backups/calpair-1-v{}.db", MIGRATIONS.len());
        for file in ["calpair.db", "calpair.db-wal", "calpair.db-shm", "texts.key", &copy] {
            let path = state.join(file);
            fs::File::options().create(true).append(true).open(&path).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        }
        let store = Store::open(&state, at(0)).unwrap();
        World::over(store.clone()).agreed("1", "Zahnarzt");
        store.backup(at(5)).unwrap();
        assert_eq!((mode(&state), mode(&state.join("backups"))), (0o700, 0o700));
        let found = files(&state);
        assert!(found.iter().any(|path| path.ends_with("calpair.db-wal")));
        assert!(found.iter().any(|path| path.ends_with("calpair.db-shm")));
        for path in found {
            assert_eq!(mode(&path), 0o600, "{}", path.display());
        }
    }

    #[test]
    fn a_second_owner_is_refused_and_told_of_the_first() {
        let folder = folder();
        let store = open(&folder).unwrap();
        let error = open(&folder).err().unwrap();
        assert_eq!(error.kind(), &ErrorKind::Locked);
        let process = format!("(process {})", std::process::id());
        assert!(error.sentence().contains(&process), "{error}");
        drop(store);
        assert!(open(&folder).is_ok());
    }

    #[test]
    fn an_older_form_is_copied_and_migrated_and_a_newer_one_refused() {
        let folder = folder();
        filled(&folder);
        let present = i32::try_from(MIGRATIONS.len()).unwrap();
        let name: &'static str = format!("V{}__later", present + 1).leak();
        let mut later = MIGRATIONS.to_vec();
        later.push((name, "ALTER TABLE pair ADD COLUMN later TEXT"));
        let store = Store::open_in_form(folder.path(), at(7), &later).unwrap();
        assert_eq!(snapshots(&store), 200);
        let backup =
            folder.path().join("backups").join(format!("calpair-20260101T000007Z-v{present}.db"));
        let copied = version(&connect(&backup).unwrap()).unwrap();
        assert_eq!((mode(&backup), copied), (0o600, present));
        store.close().unwrap();
        let error = refused(&folder);
        assert_eq!(error.kind(), &ErrorKind::Newer);
        let form = format!("its form is {}", present + 1);
        assert!(error.sentence().contains(&form), "{error}");
        // The copy can be put back in its place.
        fs::copy(backup, folder.path().join("calpair.db")).unwrap();
        assert_eq!(snapshots(&open(&folder).unwrap()), 200);
    }

    #[test]
    fn changes_of_before_places_were_kept_are_of_the_calendar_that_the_pair_has() {
        let folder = folder();
        let store = Store::open_in_form(folder.path(), at(0), &MIGRATIONS[..14]).unwrap();
        let pair = World::over(store.clone()).pair;
        let calendar = model::CalendarId::new("/cal/1/");
        store.resolve_calendar(pair, Side::Left, &calendar, model::Rights::Write).unwrap();
        store.close().unwrap();
        let line = |pair: i64, side: u8| {
            format!(
                "INSERT INTO history (at, run, pair, pair_name, side, action, uid, reason)
                 VALUES (0, 1, {pair}, 'family', {side}, 'delete', '1', 'r');"
            )
        };
        // The right side was never found, and another pair is gone.
        let lines = [line(pair.0, 0), line(pair.0, 1), line(pair.0 + 1, 0)].concat();
        connect(&folder.path().join("calpair.db")).unwrap().execute_batch(&lines).unwrap();
        let store = open(&folder).unwrap();
        let mut changes = store.history(None, None, 10).unwrap();
        changes.reverse();
        let place = crate::PlaceRow { account: "a".into(), calendar };
        let places: Vec<_> = changes.into_iter().map(|change| change.place).collect();
        assert_eq!(places, [Some(place), None, None]);
    }

    #[test]
    fn damage_is_refused_with_the_place_of_the_newest_copy() {
        let first = folder();
        filled(&first);
        let content = {
            let database = connect(&first.path().join("calpair.db")).unwrap();
            let query = "SELECT content FROM body LIMIT 1";
            database.query_row(query, [], |row| row.get::<_, Vec<u8>>(0)).unwrap()
        };
        let whole = fs::read(first.path().join("calpair.db")).unwrap();
        let flipped = |from: usize, count: usize| {
            let mut bytes = whole.clone();
            bytes[from..from + count].iter_mut().for_each(|byte| *byte ^= 0x55);
            bytes
        };
        let content = whole.windows(content.len()).rposition(|window| window == content).unwrap();
        for (what, bytes) in [
            ("header", flipped(0, 100)),
            ("one page", flipped(4096 * 5, 4096)),
            ("a byte of content", flipped(content + 40, 1)),
            ("cut in half", whole[..whole.len() / 2].to_vec()),
            ("cut to one page", whole[..4096].to_vec()),
            ("cut to nothing", vec![]),
            ("something else", b"hello".repeat(1000)),
        ] {
            let folder = folder();
            filled(&folder);
            fs::copy(first.path().join("texts.key"), folder.path().join("texts.key")).unwrap();
            fs::copy(first.path().join("calpair.db"), folder.path().join("calpair.db")).unwrap();
            let store = open(&folder).unwrap();
            let copy = store.backup(at(9)).unwrap();
            store.close().unwrap();
            fs::write(folder.path().join("calpair.db"), bytes).unwrap();
            let error = refused(&folder);
            assert_eq!(error.kind(), &ErrorKind::Corrupt { backup: copy.clone() }, "{what}");
            let place = copy.unwrap().display().to_string();
            assert!(error.sentence().contains(&place), "{what}: {error}");
            let itself = folder.path().join("calpair.db").display().to_string();
            for words in [itself.as_str(), "Stop calpair, move the files calpair.db"] {
                assert!(error.sentence().contains(words), "{what}: {error}");
            }
            // Asking again finds the same.
            assert_eq!(refused(&folder).kind(), error.kind(), "{what}");
        }
    }

    #[test]
    fn an_empty_database_of_somebody_else_is_refused() {
        let folder = folder();
        let path = folder.path().join("calpair.db");
        Connection::open(&path).unwrap().execute_batch("CREATE TABLE a (b)").unwrap();
        assert_eq!(refused(&folder).kind(), &ErrorKind::Corrupt { backup: None });
    }

    #[test]
    fn a_database_that_was_never_finished_is_begun_again() {
        let folder = folder();
        fs::write(folder.path().join("calpair.db.new"), b"SQLite form").unwrap();
        fs::write(folder.path().join("calpair.db-wal"), b"of another database").unwrap();
        assert_eq!(snapshots(&open(&folder).unwrap()), 0);
        let names = files(folder.path());
        assert!(!names.iter().any(|path| path.ends_with("calpair.db.new")), "{names:?}");
    }

    #[test]
    fn a_store_that_somebody_else_writes_to_is_busy() {
        let folder = folder();
        let store = open(&folder).unwrap();
        let other = Connection::open(folder.path().join("calpair.db")).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let world = {
            let inner = store.lock();
            inner.connection.as_ref().unwrap().busy_timeout(Duration::ZERO).unwrap();
            drop(inner);
            store.forget_credential(&"home".into())
        };
        assert_eq!(world.unwrap_err().kind(), &ErrorKind::Busy);
        drop(other);
        store.forget_credential(&"home".into()).unwrap();
    }

    #[test]
    fn clones_of_a_closed_store_fail() {
        let store = Store::in_memory().unwrap();
        let clone = store.clone();
        store.close().unwrap();
        assert_eq!(clone.accounts().unwrap_err().kind(), &ErrorKind::Io);
    }

    #[test]
    fn a_failpoint_fails_before_anything_is_written() {
        let world = World::new();
        world.store.failpoint(Some(Box::new(|name| name == "observe")));
        let full = |side| {
            let resource = crate::testing::resource("r", Some("1"), event("1", "T", 9));
            let present = vec![crate::testing::sighting(&resource)];
            let cursor = "2".into();
            let observation =
                crate::Observation { present, cursor: Some(&cursor), ..crate::testing::nothing() };
            world.store.observe(world.pair, side, &observation)
        };
        assert_eq!(full(Side::Left).unwrap_err().kind(), &ErrorKind::Full);
        assert_eq!(snapshots(&world.store), 0);
        assert_eq!(world.ensure("a", "one").sides.left.cursor, None);
        world.store.failpoint(None);
        full(Side::Left).unwrap();
        assert_eq!(world.ensure("a", "one").sides.left.cursor, Some("2".into()));
    }

    #[test]
    fn old_backups_go() {
        let folder = folder();
        let store = open(&folder).unwrap();
        let copies: Vec<_> = (0..8).map(|second| store.backup(at(second)).unwrap()).collect();
        let kept: Vec<_> = copies.iter().flatten().filter(|path| path.exists()).collect();
        assert_eq!(kept, copies[1..].iter().flatten().collect::<Vec<_>>());
    }

    #[test]
    fn a_copy_is_made_when_the_last_one_is_old() {
        let folder = folder();
        let store = open(&folder).unwrap();
        let age = Duration::from_secs(60);
        // The last one: the clock was put right.
        for (now, is_made) in
            [(10, true), (11, false), (69, false), (999, true), (1000, false), (200, true)]
        {
            let copy = store.backup_older_than(age, at(now)).unwrap();
            assert_eq!(copy.is_some(), is_made, "{now}");
        }
    }
}
