//! Prepared statements, once each: the few shapes in which all chapters talk to SQLite.
//!
//! Queries on the path of every series say `INDEXED BY`: without statistics SQLite guesses, and a
//! wrong guess reads the whole calendar for each of its series.

use rusqlite::{Connection, Params, Row};

use crate::Result;

/// Runs a statement; how many rows it changed.
pub(crate) fn run(connection: &Connection, sql: &str, params: impl Params) -> Result<usize> {
    Ok(connection.prepare_cached(sql)?.execute(params)?)
}

/// Inserts a row; its rowid.
pub(crate) fn insert(connection: &Connection, sql: &str, params: impl Params) -> Result<i64> {
    connection.prepare_cached(sql)?.execute(params)?;
    Ok(connection.last_insert_rowid())
}

/// All rows of a query.
pub(crate) fn all<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    mut read: impl FnMut(&Row<'_>) -> Result<T>,
) -> Result<Vec<T>> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(read(row)?);
    }
    Ok(found)
}

/// The first row of a query.
pub(crate) fn first<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    read: impl FnOnce(&Row<'_>) -> Result<T>,
) -> Result<Option<T>> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    rows.next()?.map(read).transpose()
}

/// A number that a query always finds, such as a count.
pub(crate) fn number(connection: &Connection, sql: &str, params: impl Params) -> Result<u64> {
    let number: i64 = connection.prepare_cached(sql)?.query_row(params, |row| row.get(0))?;
    Ok(u64::try_from(number).unwrap_or_default())
}
