//! Titles and texts of events, sealed wherever they stand in the database, so that the file alone
//! (a copy for a report, a backup, a disk that was thrown away) tells nobody's appointments.
//!
//! Two functions of our own do it inside of SQL: `sealed(x)` on the way in and `opened(x)` on the
//! way out, so that a statement opens what it hands out and nothing else. Their key is the
//! database's own, made with it, in a file beside it: calendars go on being synced whatever becomes
//! of the key of the passwords. What is sealed is bound to nothing but the key, so that SQL may
//! move it from one row to another; that nothing was changed is the integrity check's business.

use std::sync::Arc;

use model::Timestamp;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, ffi};

use crate::files::Home;
use crate::{Key, Result, integrity, open, sql};

/// The form of the database from which on texts are sealed.
pub(crate) const SEALED_SINCE: i32 = 17;

/// What all values are bound to: they are of this kind of database.
const CONTEXT: &[u8] = b"calpair.db";

/// Gives the connection the two functions. Whatever is not NULL is sealed as its bytes, and opened
/// as those.
pub(crate) fn attach(connection: &Connection, key: &Arc<Key>) -> Result<()> {
    // Neither is for triggers or views: those would be the file's own, whoever wrote it.
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DIRECTONLY;
    let with = key.clone();
    connection.create_scalar_function(c"sealed", 1, flags, move |context| {
        Ok(bytes(context)?.map(|bytes| with.seal(CONTEXT, bytes)))
    })?;
    let with = key.clone();
    connection.create_scalar_function(c"opened", 1, flags, move |context| {
        bytes(context)?.map(|sealed| opened(&with, sealed).ok_or_else(damaged)).transpose()
    })?;
    Ok(())
}

/// What was sealed; `None` where it was changed since, or sealed with another key.
pub(crate) fn opened(key: &Key, sealed: &[u8]) -> Option<Vec<u8>> {
    key.open(CONTEXT, sealed)
}

/// Whether this is the key of a database whose texts are sealed: it opens the proof, or, should
/// just that be damaged, something else.
fn is_key_of(key: &Key, connection: &Connection) -> Result<bool> {
    let query = "SELECT proof FROM texts
         UNION ALL SELECT * FROM (SELECT content FROM body WHERE content IS NOT NULL LIMIT 3)";
    let some = sql::all(connection, query, [], |row| Ok(row.get::<_, Vec<u8>>(0)?))?;
    Ok(some.iter().any(|sealed| opened(key, sealed).is_some()))
}

/// The key of a database's texts. Of one whose texts are still plain, it may be made.
pub(crate) fn key_of(connection: &Connection, home: &Home, version: i32) -> Result<Arc<Key>> {
    if version < SEALED_SINCE {
        return home.key_or_new().map(Arc::new);
    }
    match home.key()? {
        Some(key) if is_key_of(&key, connection)? => Ok(Arc::new(key)),
        found => Err(home.sealed(found.is_some())),
    }
}

/// Takes away what is still plain once texts are sealed: pages that are free by now, the log, and
/// the copies of before. It is done when those are gone, which are therefore the last to go, and
/// only where what took their place is whole.
pub(crate) fn forget_plain(
    connection: &Connection,
    key: &Key,
    home: &Home,
    now: Timestamp,
) -> Result<()> {
    integrity::check(connection, key)?;
    // What it puts into a file on the way is sealed; in memory it would be the whole database.
    connection.execute_batch("PRAGMA temp_store = FILE; VACUUM; PRAGMA temp_store = MEMORY;")?;
    let checkpoint = "PRAGMA wal_checkpoint(TRUNCATE)";
    if connection.query_row(checkpoint, [], |row| row.get::<_, i64>(0))? != 0 {
        let busy = ffi::Error::new(ffi::SQLITE_BUSY);
        return Err(rusqlite::Error::SqliteFailure(busy, None).into());
    }
    open::back_up(connection, home, now)?;
    home.remove_backups_before(SEALED_SINCE)?;
    home.prune_backups()
}

fn bytes<'c>(context: &'c Context<'_>) -> rusqlite::Result<Option<&'c [u8]>> {
    match context.get_raw(0) {
        ValueRef::Null => Ok(None),
        ValueRef::Blob(bytes) | ValueRef::Text(bytes) => Ok(Some(bytes)),
        ValueRef::Integer(_) | ValueRef::Real(_) => Err(damaged()),
    }
}

/// SQLite hands the code on to whoever runs the statement, and with a sentence it would not.
fn damaged() -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_CORRUPT), None)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use model::{Side, Sides};
    use testkit::canary::{files, files_with};

    use super::*;
    use crate::testing::{World, at, event, folder, open};
    use crate::{Error, ErrorKind, OverruledRow, Store, SubjectRow, form};

    const CANARY: &str = "canary-Zx9-Zahnarzt";

    /// The canary in every table that texts stand in.
    fn filled(store: Store) -> World {
        let world = World::over(store);
        let mapping = world.agreed("1", CANARY);
        let (was, is) = (event("1", CANARY, 9), event("1", &format!("{CANARY} 2"), 9));
        world.see(Side::Left, "l1", "2", &is);
        let lost = OverruledRow {
            run: 9,
            side: Side::Left,
            before: &was,
            after: &is,
            reason: "right is newer",
        };
        world.store.overruled(world.pair, &lost, at(9)).unwrap();
        let title = ("title".to_owned(), Sides::new(CANARY.to_owned(), format!("{CANARY} 2")));
        let (subject, uid) = (SubjectRow::Known(mapping), "1".into());
        let put = world.store.put_conflict(
            world.pair,
            &subject,
            &uid,
            Some(CANARY),
            at(9),
            std::slice::from_ref(&title),
        );
        put.unwrap();
        world
    }

    /// What all these tables tell, through every door that hands texts out.
    fn told(store: &Store) -> String {
        let world = World::over(store.clone());
        let conflicts = store.conflicts(world.pair).unwrap();
        assert_eq!(conflicts[0].title.as_ref().unwrap().expose(), CANARY);
        assert_eq!(conflicts[0].fields[0].1.left.expose(), CANARY);
        let history = store.history(None, None, 9).unwrap();
        assert!(history.iter().all(|change| change.title.is_some() && change.after.is_some()));
        let held = [world.held(Side::Left, "l1"), world.held(Side::Right, "r1")];
        assert_eq!(held[1].raw, b"raw of r1");
        let known = store.find(world.pair, "zx9-zahnarzt 2").unwrap();
        let base = known[0].sides.left.as_ref().unwrap().base.as_ref().unwrap();
        assert_eq!(base, &event("1", CANARY, 9));
        format!("{conflicts:?} {history:?} {held:?} {known:?}")
    }

    #[test]
    fn no_text_is_in_any_file_in_any_form() {
        let folder = folder();
        let world = filled(open(&folder).unwrap());
        world.store.backup(at(101)).unwrap();
        let tried = world.store.rehearsal().unwrap();
        assert_eq!(told(&tried), told(&world.store));
        assert_eq!(files_with(folder.path(), &[CANARY]), Vec::<String>::new());
        assert_eq!(world.store.integrity().unwrap(), Vec::<String>::new());
    }

    /// A database as it was before, with the canary in it, and not closed.
    fn plain(folder: &Path) -> String {
        let store = Store::open_in_form(folder, at(50), &form::ALL[..16]).unwrap();
        {
            let inner = store.lock();
            let connection = inner.connection.as_ref().unwrap();
            for name in [c"sealed", c"opened"] {
                let flags = FunctionFlags::SQLITE_UTF8;
                let same = |context: &Context<'_>| context.get::<rusqlite::types::Value>(0);
                connection.create_scalar_function(name, 1, flags, same).unwrap();
            }
        }
        let world = filled(store);
        world.store.backup(at(51)).unwrap();
        told(&world.store)
    }

    #[test]
    fn a_plain_database_is_sealed_and_leaves_nothing_plain_behind() {
        let folder = folder();
        let before = plain(folder.path());
        let copies = folder.path().join("backups");
        fs::write(copies.join("calpair-20260101T000000Z-v16.db.new"), CANARY).unwrap();
        assert!(files_with(folder.path(), &[CANARY]).len() > 2);
        fs::write(copies.join("holiday-v3.db"), "somebody else's").unwrap();
        let store = open(&folder).unwrap();
        assert_eq!(told(&store), before);
        assert_eq!(files_with(folder.path(), &[CANARY]), Vec::<String>::new());
        let names = files(&copies);
        assert_eq!(names.len(), 2, "a copy of the new form, and what is not ours: {names:?}");
        assert_eq!(store.integrity().unwrap(), Vec::<String>::new());
    }

    #[test]
    fn what_a_crash_left_plain_goes_at_the_next_start() {
        let folder = folder();
        let before = plain(folder.path());
        let copy = files(&folder.path().join("backups")).remove(0);
        let kept = fs::read(&copy).unwrap();
        drop(open(&folder).unwrap());
        // Migrated, and stopped before the copies were taken away.
        fs::write(&copy, kept).unwrap();
        let store = open(&folder).unwrap();
        assert_eq!(files_with(folder.path(), &[CANARY]), Vec::<String>::new());
        assert_eq!(told(&store), before);
        // Put back by hand, later.
        store.close().unwrap();
        let copy = files(&folder.path().join("backups")).remove(0);
        for name in ["calpair.db", "calpair.db-wal", "calpair.db-shm"] {
            let _ = fs::remove_file(folder.path().join(name));
        }
        fs::copy(copy, folder.path().join("calpair.db")).unwrap();
        assert_eq!(told(&open(&folder).unwrap()), before);
    }

    #[test]
    fn copies_of_before_stay_where_what_took_their_place_is_damaged() {
        let folder = folder();
        let store = open(&folder).unwrap();
        filled(store.clone());
        let copy = folder.path().join("backups/calpair-20260101T000000Z-v16.db");
        store.backup(at(1)).unwrap();
        fs::write(&copy, "of before").unwrap();
        // As a disk does it, behind the back of the mark of a clean stop.
        let damage = "UPDATE body SET content = sealed('another')";
        store.write("test", |transaction| sql::run(transaction, damage, [])).unwrap();
        store.close().unwrap();
        let error = open(&folder).err().expect("it is damaged");
        assert!(matches!(error.kind(), ErrorKind::Corrupt { backup: Some(_) }), "{error}");
        assert!(copy.exists());
    }

    #[test]
    fn without_its_key_nothing_is_opened_and_nothing_is_changed() {
        let folder = folder();
        let before = told(&filled(open(&folder).unwrap()).store);
        let (database, file) = (folder.path().join("calpair.db"), folder.path().join("texts.key"));
        let key = fs::read(&file).unwrap();
        let stored = fs::read(&database).unwrap();
        for wrong in [None, Some(&[7; 32][..]), Some(b"short"), Some(b"")] {
            match wrong {
                Some(bytes) => fs::write(&file, bytes).unwrap(),
                None => fs::remove_file(&file).unwrap(),
            }
            let error: Error = open(&folder).err().expect("the key is wrong");
            assert_eq!(error.kind(), &ErrorKind::Sealed, "{wrong:?}");
            for words in [file.to_str().unwrap(), database.to_str().unwrap(), "Put the key back"] {
                assert!(error.sentence().contains(words), "{error}");
            }
            assert_eq!(fs::read(&file).ok().as_deref(), wrong, "it is not replaced");
            assert!(fs::read(&database).unwrap() == stored);
        }
        fs::write(&file, &key).unwrap();
        let broken = "UPDATE texts SET proof = zeroblob(60)";
        rusqlite::Connection::open(&database).unwrap().execute_batch(broken).unwrap();
        assert_eq!(told(&open(&folder).unwrap()), before, "something else proves it");
        // A database that is begun anew keeps it: the copies are sealed with it.
        fs::remove_file(&database).unwrap();
        drop(open(&folder).unwrap());
        assert_eq!(fs::read(&file).unwrap(), key);
    }

    #[test]
    fn a_text_that_was_changed_is_damage_and_not_another_text() {
        let world = filled(Store::in_memory().unwrap());
        for (change, is_met) in [
            ("UPDATE body SET base = zeroblob(50) WHERE base IS NOT NULL", "find"),
            ("UPDATE history SET title = CAST(x'07' || title AS BLOB)", "history"),
        ] {
            world.store.write("test", |transaction| sql::run(transaction, change, [])).unwrap();
            let error = match is_met {
                "find" => world.store.find(world.pair, "1").err(),
                _ => world.store.history(None, None, 1).err(),
            };
            let kind = error.unwrap_or_else(|| panic!("{change}")).kind().clone();
            assert_eq!(kind, ErrorKind::Corrupt { backup: None }, "{change}");
        }
    }
}
