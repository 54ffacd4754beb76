//! Whether a database is whole: as SQLite knows its own structure, and what stands in it.

use rusqlite::Connection;

use crate::{Error, Key, Result, digest_bytes, form, sql, texts};

/// How many faults are told: the first is as good as all.
const FAULTS_TOLD: usize = 20;

/// Everything that is wrong with a database, as sentences.
pub(crate) fn faults(connection: &Connection, key: &Key) -> Result<Vec<String>> {
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
    let is_sealed = form::of(connection)? >= texts::SEALED_SINCE;
    let contents = "SELECT id, digest, content FROM snapshot JOIN body ON snapshot = id
         WHERE digest IS NOT NULL";
    let damaged = sql::all(connection, contents, [], |row| {
        let content = row.get_ref(2)?.as_blob_or_null().unwrap_or_default().unwrap_or_default();
        let digest = match is_sealed {
            true => texts::opened(key, content).map(|content| digest_bytes(&content).0),
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

/// The same, as an error.
///
/// # Errors
/// With the first fault, or when it can't be read at all.
pub(crate) fn check(connection: &Connection, key: &Key) -> Result<()> {
    match faults(connection, key)?.first() {
        Some(fault) => Err(Error::corrupt(format!("the database is damaged: {fault}"))),
        None => Ok(()),
    }
}
