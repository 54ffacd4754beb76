//! Accounts: their states, which have to survive a restart, so that a refused credential is not
//! tried again because somebody rebooted.

use model::{AccountName, Timestamp};
use rusqlite::{Row, params};

use crate::codec::{instant, maybe_instant, micros};
use crate::{Result, Store, sql};

/// An account as it is remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountRow {
    /// Its name in the configuration.
    pub name: AccountName,
    /// `icloud`, `caldav`, …
    pub provider: String,
    /// What the provider calls the account; told apart from another account by this.
    pub identity: Option<String>,
    /// What people call it, where `identity` is nothing that they know.
    pub address: Option<String>,
    /// `unconnected`, `ok`, …
    pub state: String,
    /// Since when it is in this state.
    pub since: Timestamp,
    /// Why, as a sentence.
    pub reason: Option<String>,
    /// What to do about it.
    pub action: Option<String>,
    /// How often the credential was refused in a row.
    pub refusals: u32,
    /// When the credential was last tried.
    pub last_try: Option<Timestamp>,
    /// Send nothing to it before.
    pub not_before: Option<Timestamp>,
    /// Whether a credential is stored; ignored by [`Store::put_account`].
    pub has_credential: bool,
}

const COLUMNS: &str = "SELECT name, provider, identity, state, since, reason, action, refusals,
    last_try, not_before, EXISTS (SELECT 1 FROM credential WHERE account = name), address
    FROM account";

impl Store {
    /// All accounts, by name.
    ///
    /// # Errors
    /// When the database can't be read.
    pub fn accounts(&self) -> Result<Vec<AccountRow>> {
        self.read(|connection| sql::all(connection, &format!("{COLUMNS} ORDER BY name"), [], row))
    }

    /// One account.
    ///
    /// # Errors
    /// When the database can't be read.
    pub fn account(&self, name: &AccountName) -> Result<Option<AccountRow>> {
        let query = format!("{COLUMNS} WHERE name = ?1");
        self.read(|connection| sql::first(connection, &query, [name.as_str()], row))
    }

    /// Remembers an account, new or known. Survives a loss of power.
    ///
    /// # Errors
    /// When nothing could be written.
    pub fn put_account(&self, account: &AccountRow) -> Result<()> {
        self.write_durably("put_account", |transaction| {
            sql::run(
                transaction,
                "INSERT OR REPLACE INTO account (name, provider, identity, state, since, reason,
                     action, refusals, last_try, not_before, address)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
                params![
                    account.name.as_str(),
                    account.provider,
                    account.identity,
                    account.state,
                    account.since.as_microsecond(),
                    account.reason,
                    account.action,
                    account.refusals,
                    micros(account.last_try),
                    micros(account.not_before),
                    account.address,
                ],
            )?;
            Ok(())
        })
    }
}

impl Store {
    /// Remembers that an account takes no writes before `until`. Survives a loss of power.
    ///
    /// # Errors
    /// When nothing could be written.
    pub fn limit_writes(&self, account: &AccountName, until: Timestamp) -> Result<()> {
        self.write_durably("limit_writes", |transaction| {
            sql::run(
                transaction,
                "INSERT OR REPLACE INTO limited_writes (account, until) VALUES (?1, ?2)",
                params![account.as_str(), until.as_microsecond()],
            )?;
            Ok(())
        })
    }

    /// Until when an account takes no writes, as it was last said; it may be over.
    ///
    /// # Errors
    /// When the database can't be read.
    pub fn writes_limited(&self, account: &AccountName) -> Result<Option<Timestamp>> {
        let query = "SELECT until FROM limited_writes WHERE account = ?1";
        self.read(|connection| {
            sql::first(connection, query, [account.as_str()], |row| instant(row.get(0)?))
        })
    }
}

fn row(row: &Row<'_>) -> Result<AccountRow> {
    Ok(AccountRow {
        name: AccountName::new(row.get::<_, String>(0)?),
        provider: row.get(1)?,
        identity: row.get(2)?,
        state: row.get(3)?,
        since: instant(row.get(4)?)?,
        reason: row.get(5)?,
        action: row.get(6)?,
        refusals: row.get(7)?,
        last_try: maybe_instant(row.get(8)?)?,
        not_before: maybe_instant(row.get(9)?)?,
        has_credential: row.get(10)?,
        address: row.get(11)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Key;
    use crate::testing::at;

    #[test]
    fn an_account_is_remembered_and_replaced() {
        let store = Store::in_memory().unwrap();
        let name = AccountName::new("home");
        assert_eq!(store.account(&name).unwrap(), None);
        let mut account = AccountRow {
            name: name.clone(),
            provider: "icloud".into(),
            identity: Some("/123/principal/".into()),
            address: Some("me@example.com".into()),
            state: "ok".into(),
            since: at(5),
            reason: None,
            action: None,
            refusals: 0,
            last_try: Some(at(6)),
            not_before: None,
            has_credential: false,
        };
        store.put_account(&account).unwrap();
        assert_eq!(store.account(&name).unwrap().as_ref(), Some(&account));

        account.state = "reconnect-needed".into();
        account.refusals = 3;
        account.reason = Some("refused".into());
        store.put_account(&account).unwrap();
        store.seal_credential(&name, b"x", &Key::new([1; 32])).unwrap();
        account.has_credential = true;
        assert_eq!(store.accounts().unwrap(), [account]);

        assert_eq!(store.writes_limited(&name).unwrap(), None);
        for until in [at(9), at(7)] {
            store.limit_writes(&name, until).unwrap();
            assert_eq!(store.writes_limited(&name).unwrap(), Some(until));
        }
    }
}
