//! What was said of what needs a person, and when: a command that runs each minute says it no more
//! often than a daemon does, and a restart is no reason to say it again.

use model::{AccountName, PairName, Timestamp};
use rusqlite::{Row, params};

use crate::codec::instant;
use crate::{Result, Store, sql};

/// Something that was said and is not over yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertRow {
    /// What kind of thing.
    pub event: String,
    /// About which account.
    pub account: Option<AccountName>,
    /// About which pair.
    pub pair: Option<PairName>,
    /// Which of several of this kind; empty where there is only one.
    pub subject: String,
    /// When it was last said.
    pub said: Timestamp,
    /// Since when it is so.
    pub since: Timestamp,
    /// Why.
    pub reason: String,
    /// What to do.
    pub action: Option<String>,
}

impl AlertRow {
    fn account(&self) -> &str {
        self.account.as_ref().map_or("", AccountName::as_str)
    }

    fn pair(&self) -> &str {
        self.pair.as_ref().map_or("", PairName::as_str)
    }
}

impl Store {
    /// What was said of an account, or of a pair.
    ///
    /// # Errors
    /// When the database can't be read.
    pub fn alerts(
        &self,
        account: Option<&AccountName>,
        pair: Option<&PairName>,
    ) -> Result<Vec<AlertRow>> {
        let query = "SELECT event, account, pair, subject, said, since, reason, action FROM alert
             WHERE account = ?1 AND pair = ?2 ORDER BY event, subject";
        let account = account.map_or("", AccountName::as_str);
        let key = params![account, pair.map_or("", PairName::as_str)];
        self.read(|connection| sql::all(connection, query, key, alert))
    }

    /// This was said now, and that is over.
    ///
    /// # Errors
    /// When nothing could be written.
    pub fn note_alerts(&self, said: &[AlertRow], over: &[AlertRow]) -> Result<()> {
        if said.is_empty() && over.is_empty() {
            return Ok(());
        }
        self.write("note_alerts", |transaction| {
            for alert in over {
                let query = "DELETE FROM alert
                     WHERE account = ?1 AND pair = ?2 AND event = ?3 AND subject = ?4";
                let key = params![alert.account(), alert.pair(), alert.event, alert.subject];
                sql::run(transaction, query, key)?;
            }
            for alert in said {
                let query = "INSERT OR REPLACE INTO alert (account, pair, event, subject, said,
                         since, reason, action) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
                let key = params![
                    alert.account(),
                    alert.pair(),
                    alert.event,
                    alert.subject,
                    alert.said.as_microsecond(),
                    alert.since.as_microsecond(),
                    alert.reason,
                    alert.action,
                ];
                sql::run(transaction, query, key)?;
            }
            Ok(())
        })
    }
}

fn alert(row: &Row<'_>) -> Result<AlertRow> {
    let stated =
        |at| Ok::<_, crate::Error>(Some(row.get::<_, String>(at)?).filter(|name| !name.is_empty()));
    Ok(AlertRow {
        event: row.get(0)?,
        account: stated(1)?.map(AccountName::new),
        pair: stated(2)?.map(PairName::new),
        subject: row.get(3)?,
        said: instant(row.get(4)?)?,
        since: instant(row.get(5)?)?,
        reason: row.get(6)?,
        action: row.get(7)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::at;

    #[test]
    fn what_was_said_is_known_until_it_is_over() {
        let store = Store::in_memory().unwrap();
        let said = |pair: &str, subject: &str, second| AlertRow {
            event: "problem".into(),
            account: None,
            pair: Some(pair.into()),
            subject: subject.into(),
            said: at(second),
            since: at(0),
            reason: "r".into(),
            action: Some("a".into()),
        };
        let rows = [said("p", "1", 1), said("p", "2", 1), said("q", "1", 1)];
        store.note_alerts(&rows, &[]).unwrap();
        store.note_alerts(&[said("p", "1", 9)], &rows[1..2]).unwrap();
        let p = PairName::new("p");
        assert_eq!(store.alerts(None, Some(&p)).unwrap(), [said("p", "1", 9)]);
        assert_eq!(store.alerts(Some(&"a".into()), None).unwrap(), []);
    }
}
