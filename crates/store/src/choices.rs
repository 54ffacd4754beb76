//! What somebody chose about conflicts. A choice stands until the conflict is settled; it names a
//! side, not a text: what that side holds by then is what wins.

use model::{MappingId, ResourceId, Side, Sides};
use rusqlite::{Connection, params};

use crate::codec::{side as side_of, side_number};
use crate::{PairId, Result, Store, errands, sql};

/// A choice that no plan has carried out yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChoiceRow {
    /// The series, once both sides agreed on it.
    pub mapping: Option<MappingId>,
    /// Else its resources.
    pub rows: Sides<Option<ResourceId>>,
    /// The side that wins.
    pub keep: Side,
}

impl Store {
    /// Somebody chose a side in a conflict; its series is looked at again. `false` when the pair
    /// has no such conflict.
    ///
    /// # Errors
    /// When nothing could be written.
    pub fn choose(&self, pair: PairId, conflict: i64, keep: Side) -> Result<bool> {
        self.write("choose", |transaction| choose(transaction, pair, conflict, keep))
    }

    /// The same, by somebody who may have chosen otherwise before: an errand for it whose outcome
    /// is not known is not gone on with.
    ///
    /// # Errors
    /// When nothing could be written.
    pub fn choose_instead(&self, pair: PairId, conflict: i64, keep: Side) -> Result<bool> {
        self.write("choose_instead", |transaction| {
            errands::forget(transaction, pair, conflict)?;
            choose(transaction, pair, conflict, keep)
        })
    }

    /// The choices that stand.
    ///
    /// # Errors
    /// When the database can't be read.
    pub fn choices(&self, pair: PairId) -> Result<Vec<ChoiceRow>> {
        self.read(|connection| {
            let query = "SELECT c.mapping, l.resource, r.resource, c.keep FROM conflict c
                 LEFT JOIN snapshot l ON l.id = c.\"left\"
                 LEFT JOIN snapshot r ON r.id = c.\"right\"
                 WHERE c.pair = ?1 AND c.keep IS NOT NULL";
            sql::all(connection, query, [pair.0], |row| {
                let id = |at| row.get::<_, Option<String>>(at).map(|id| id.map(ResourceId::new));
                Ok(ChoiceRow {
                    mapping: row.get::<_, Option<i64>>(0)?.map(MappingId),
                    rows: Sides::new(id(1)?, id(2)?),
                    keep: side_of(row.get(3)?)?,
                })
            })
        })
    }
}

pub(crate) fn choose(
    connection: &Connection,
    pair: PairId,
    conflict: i64,
    keep: Side,
) -> Result<bool> {
    let query = "UPDATE conflict SET keep = ?3 WHERE id = ?1 AND pair = ?2";
    let key = params![conflict, pair.0, side_number(keep)];
    if sql::run(connection, query, key)? == 0 {
        return Ok(false);
    }
    let query = "UPDATE snapshot SET touched = 1, skipped = 0 WHERE pair = ?2 AND (
         mapping = (SELECT mapping FROM conflict WHERE id = ?1)
         OR id IN (SELECT \"left\" FROM conflict WHERE id = ?1
             UNION SELECT \"right\" FROM conflict WHERE id = ?1))";
    sql::run(connection, query, params![conflict, pair.0])?;
    Ok(true)
}
