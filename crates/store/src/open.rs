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
use crate::{Error, ErrorKind, Inner, Result, Store, digest_bytes, sql};

/// Every form the database ever had, in order; each file is one step to the next.
const MIGRATIONS: &[(&str, &str)] =
    &[("V1__initial", include_str!("../../../migrations/0001_initial.sql"))];

/// How long to wait for somebody who looks at the database with another tool.
const PATIENCE: Duration = Duration::from_secs(5);

/// Statements kept prepared: all that this crate has.
const STATEMENTS: usize = 150;

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
    /// calpair wrote it, [`ErrorKind::Corrupt`] when it is damaged; nothing is overwritten.
    pub fn open(directory: &Path, now: Timestamp) -> Result<Store> {
        let home = Home::enter(directory)?;
        let connection =
            whole(&home, now).map_err(|error| error.with_backup(|| home.newest_backup()))?;
        Ok(Store::over(connection, Some(home)))
    }

    /// A new store in memory, for tests and simulation. Costs far less than a millisecond.
    ///
    /// # Errors
    /// When SQLite has no memory.
    pub fn in_memory() -> Result<Store> {
        static TEMPLATE: OnceLock<Mutex<Connection>> = OnceLock::new();
        let template = match TEMPLATE.get() {
            Some(template) => template,
            None => {
                let mut connection = Connection::open_in_memory()?;
                migrate(&mut connection)?;
                TEMPLATE.get_or_init(|| Mutex::new(connection))
            }
        };
        let mut connection = Connection::open_in_memory()?;
        {
            let template = template.lock().unwrap_or_else(PoisonError::into_inner);
            copy(&template, &mut connection)?;
        }
        configure(&connection)?;
        Ok(Store::over(connection, None))
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

    fn over(connection: Connection, home: Option<Home>) -> Store {
        let inner = Inner {
            connection: Some(connection),
            home,
            failpoint: None,
            listings: HashMap::new(),
            runs: Default::default(),
        };
        Store { inner: Arc::new(Mutex::new(inner)) }
    }
}

/// Everything that is wrong with a database, as sentences.
pub(crate) fn integrity(connection: &Connection) -> Result<Vec<String>> {
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
    let contents = "SELECT id, digest, content FROM snapshot JOIN body ON snapshot = id
         WHERE digest IS NOT NULL";
    let damaged = sql::all(connection, contents, [], |row| {
        let content = row.get_ref(2)?.as_blob_or_null().unwrap_or_default().unwrap_or_default();
        let same = row.get::<_, [u8; 32]>(1)? == digest_bytes(content).0;
        Ok(if same { None } else { Some(row.get::<_, i64>(0)?) })
    })?;
    let damaged = damaged.into_iter().flatten();
    faults.extend(damaged.map(|row| format!("the content of snapshot {row} was changed")));
    faults.truncate(FAULTS_TOLD);
    Ok(faults)
}

/// The database of this directory, whole and in the present form.
fn whole(home: &Home, now: Timestamp) -> Result<Connection> {
    let path = home.database();
    if !path.exists() {
        make(home)?;
    } else if !begins_well(&path)? {
        return Err(Error::corrupt("the database file is damaged at its beginning"));
    }
    let clean = home.take_closed_mark()?;
    let mut connection = connect(&path)?;
    // Until it is known to be whole, nothing is written into the file, at closing neither.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    let version = version(&connection)?;
    if version > present_version() {
        let sentence = format!(
            "the database was written by a newer calpair (its form is {version}, this calpair \
             knows up to {})",
            present_version()
        );
        return Err(Error::new(ErrorKind::Newer, sentence));
    }
    if !clean {
        let faults = integrity(&connection)?;
        if let Some(fault) = faults.first() {
            return Err(Error::corrupt(format!("the database is damaged: {fault}")));
        }
    }
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
    configure(&connection)?;
    if version < present_version() {
        back_up(&connection, home, now)?;
        migrate(&mut connection)?;
    }
    Ok(connection)
}

fn begins_well(path: &Path) -> Result<bool> {
    let tried = format!("read {}", path.display());
    let mut beginning = Vec::new();
    let read =
        File::open(path).and_then(|file| file.take(MAGIC.len() as u64).read_to_end(&mut beginning));
    read.map_err(Error::io(tried))?;
    Ok(beginning == MAGIC)
}

fn make(home: &Home) -> Result<()> {
    let unfinished = home.unfinished()?;
    let mut connection = connect(&unfinished)?;
    migrate(&mut connection)?;
    connection.close().map_err(|(_, error)| error)?;
    home.finish(&unfinished)?;
    // It is as good as one that was closed.
    home.put_closed_mark()
}

fn connect(path: &Path) -> Result<Connection> {
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

fn present_version() -> i32 {
    i32::try_from(MIGRATIONS.len()).expect("there are few migrations")
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

fn migrate(connection: &mut Connection) -> Result<()> {
    let steps: Vec<_> = MIGRATIONS
        .iter()
        .map(|(name, text)| {
            Migration::unapplied(name, text).expect("the names of migrations are tested")
        })
        .collect();
    let failed = |source: refinery::Error| {
        Error::corrupt("the database can't be brought to the present form").because(source)
    };
    Runner::new(&steps).set_grouped(true).run(connection).map_err(failed)?;
    Ok(())
}

fn back_up(connection: &Connection, home: &Home, now: Timestamp) -> Result<PathBuf> {
    home.backup(now, version(connection)?, |path| {
        let mut target = connect(path)?;
        copy(connection, &mut target)?;
        target.close().map_err(|(_, error)| error.into())
    })
}

fn copy(from: &Connection, to: &mut Connection) -> Result<()> {
    let backup = Backup::new(from, to)?;
    backup.step(-1)?;
    Ok(())
}
