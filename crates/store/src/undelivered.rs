//! Alerts that were said and have not arrived yet: a process that ends before they have leaves them
//! to the next one.

use rusqlite::params;

use crate::{Result, Store, sql};

/// An alert on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undelivered {
    /// Names it.
    pub id: i64,
    /// Where it is to go: `command` or `webhook`.
    pub aim: String,
    /// What is to be said there.
    pub body: String,
}

impl Store {
    /// Notes an alert before it is sent; its id.
    ///
    /// # Errors
    /// When nothing could be written.
    pub fn put_undelivered(&self, aim: &str, body: &str) -> Result<i64> {
        self.write("put_undelivered", |transaction| {
            let query = "INSERT INTO undelivered (aim, body) VALUES (?1, ?2)";
            sql::insert(transaction, query, params![aim, body])
        })
    }

    /// It has arrived, or is given up.
    ///
    /// # Errors
    /// When nothing could be written.
    pub fn delivered(&self, id: i64) -> Result<()> {
        self.write("delivered", |transaction| {
            sql::run(transaction, "DELETE FROM undelivered WHERE id = ?1", [id])?;
            Ok(())
        })
    }

    /// What has not arrived, oldest first.
    ///
    /// # Errors
    /// When the database can't be read.
    pub fn undelivered(&self) -> Result<Vec<Undelivered>> {
        let query = "SELECT id, aim, body FROM undelivered ORDER BY id";
        self.read(|connection| {
            sql::all(connection, query, [], |row| {
                Ok(Undelivered { id: row.get(0)?, aim: row.get(1)?, body: row.get(2)? })
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_said_stays_until_it_has_arrived() {
        let store = Store::in_memory().unwrap();
        assert_eq!(store.undelivered().unwrap(), []);
        let first = store.put_undelivered("webhook", "{1}").unwrap();
        store.put_undelivered("command", "{2}").unwrap();
        store.delivered(first).unwrap();
        let left = store.undelivered().unwrap();
        let left: Vec<_> = left.iter().map(|one| (one.aim.as_str(), one.body.as_str())).collect();
        assert_eq!(left, [("command", "{2}")]);
    }
}
