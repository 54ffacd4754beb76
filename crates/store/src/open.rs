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
use rusqlite::backup::Backup;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::files::{Home, remove};
use crate::{Error, ErrorKind, Inner, Key, Result, Store, form, integrity, texts};

/// How long to wait for somebody who looks at the database with another tool.
const PATIENCE: Duration = Duration::from_secs(5);

/// Statements kept prepared: all that this crate has.
const STATEMENTS: usize = 150;

/// How every file of SQLite's begins.
const MAGIC: &[u8] = b"SQLite format 3\0";

impl Store {
    /// Opens the store in `directory`, which is made where there is none, and owns it until the
    /// last clone is dropped. A clean stop is [`Store::close`].
    ///
    /// # Errors
    /// [`ErrorKind::Locked`] when another process owns it, [`ErrorKind::Newer`] when a newer
    /// calpair wrote it, [`ErrorKind::Corrupt`] when it is damaged, [`ErrorKind::Sealed`] when its
    /// texts can't be opened; nothing is overwritten.
    pub fn open(directory: &Path, now: Timestamp) -> Result<Store> {
        Store::open_in_form(directory, now, form::ALL)
    }

    pub(crate) fn open_in_form(
        directory: &Path,
        now: Timestamp,
        forms: &[form::Form],
    ) -> Result<Store> {
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
                form::migrate(&mut connection, form::ALL)?;
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
        let copy = inner.read(|connection| back_up(connection, home, now))?;
        home.prune_backups()?;
        Ok(Some(copy))
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

    pub(crate) fn over(connection: Connection, home: Option<Home>, key: Arc<Key>) -> Store {
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

/// The database of this directory, whole and in the present form, and the key of its texts.
fn whole(home: &Home, now: Timestamp, forms: &[form::Form]) -> Result<(Connection, Arc<Key>)> {
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
    let version = form::of(&connection)?;
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
    let key = texts::key_of(&connection, home, version)?;
    texts::attach(&connection, &key)?;
    if !clean {
        integrity::check(&connection, &key)?;
    }
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
    configure(&connection)?;
    if version < present {
        let copy = back_up(&connection, home, now)?;
        if let Err(error) = form::migrate(&mut connection, forms) {
            // The database is as it was, and starts that fail again and again push nothing out.
            remove(&copy)?;
            return Err(error);
        }
        home.prune_backups()?;
    }
    if home.has_backup_before(texts::SEALED_SINCE) && present >= texts::SEALED_SINCE {
        match texts::forget_plain(&connection, &key, home, now) {
            // The database is good. The next start tries again, for the copies are still there.
            Err(error) if error.kind().passes() => {}
            outcome => outcome?,
        }
    }
    Ok((connection, key))
}

fn begins_well(path: &Path) -> Result<bool> {
    let tried = format!("read {}", path.display());
    let mut beginning = Vec::new();
    let read =
        File::open(path).and_then(|file| file.take(MAGIC.len() as u64).read_to_end(&mut beginning));
    read.map_err(Error::io(tried))?;
    Ok(beginning == MAGIC)
}

fn make(home: &Home, forms: &[form::Form]) -> Result<()> {
    let unfinished = home.unfinished()?;
    let mut connection = connect(&unfinished)?;
    texts::attach(&connection, &Arc::new(home.key_or_new()?))?;
    form::migrate(&mut connection, forms)?;
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

pub(crate) fn back_up(connection: &Connection, home: &Home, now: Timestamp) -> Result<PathBuf> {
    home.backup(now, form::of(connection)?, |path| {
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
    use crate::testing::{World, at, event, filled, folder, mode, open, refused, snapshots};
    use model::Side;
    use testkit::canary::files;

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
        let copy = format!("backups/calpair-1-v{}.db", form::ALL.len());
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
