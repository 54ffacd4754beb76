//! Sign-ins: when one was last used, and when it ends, so that a person can be told ahead of time,
//! whatever process finds out.

use model::{AccountName, Timestamp};
use rusqlite::params;

use crate::codec::{instant, maybe_instant, micros};
use crate::{Result, Store, sql};

/// What is known of a sign-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignIn {
    /// When it last gave an access token.
    pub used: Timestamp,
    /// When it ends, whatever is done with it; `None` where nobody has said.
    pub ends: Option<Timestamp>,
}

impl Store {
    /// What is known of an account's sign-in.
    ///
    /// # Errors
    /// When the database can't be read.
    pub fn sign_in(&self, account: &AccountName) -> Result<Option<SignIn>> {
        let query = "SELECT used, ends FROM sign_in WHERE account = ?1";
        self.read(|connection| {
            sql::first(connection, query, [account.as_str()], |row| {
                Ok(SignIn { used: instant(row.get(0)?)?, ends: maybe_instant(row.get(1)?)? })
            })
        })
    }

    /// Somebody has signed in: this is all that is known.
    ///
    /// # Errors
    /// When nothing could be written.
    pub fn put_sign_in(&self, account: &AccountName, sign_in: SignIn) -> Result<()> {
        self.note(account, sign_in, "excluded.ends")
    }

    /// A sign-in was used. An end that was known and isn't said again stays.
    ///
    /// # Errors
    /// When nothing could be written.
    pub fn used_sign_in(&self, account: &AccountName, sign_in: SignIn) -> Result<()> {
        self.note(account, sign_in, "coalesce(excluded.ends, ends)")
    }

    fn note(&self, account: &AccountName, sign_in: SignIn, ends: &'static str) -> Result<()> {
        let query = format!(
            "INSERT INTO sign_in (account, used, ends) VALUES (?1, ?2, ?3)
             ON CONFLICT (account) DO UPDATE SET used = excluded.used, ends = {ends}"
        );
        let SignIn { used, ends } = sign_in;
        self.write("note_sign_in", |transaction| {
            let row = params![account.as_str(), used.as_microsecond(), micros(ends)];
            sql::run(transaction, &query, row)?;
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::at;

    #[test]
    fn an_end_is_kept_until_it_is_said_anew_or_somebody_signs_in() {
        let store = Store::in_memory().unwrap();
        let work = AccountName::new("work");
        assert_eq!(store.sign_in(&work).unwrap(), None);
        let known = || store.sign_in(&work).unwrap().map(|known| (known.used, known.ends));
        store.put_sign_in(&work, SignIn { used: at(1), ends: Some(at(9)) }).unwrap();
        store.used_sign_in(&work, SignIn { used: at(2), ends: None }).unwrap();
        assert_eq!(known(), Some((at(2), Some(at(9)))));
        store.used_sign_in(&work, SignIn { used: at(3), ends: Some(at(8)) }).unwrap();
        assert_eq!(known(), Some((at(3), Some(at(8)))));
        store.put_sign_in(&work, SignIn { used: at(4), ends: None }).unwrap();
        assert_eq!(known(), Some((at(4), None)));
        store.forget_credential(&work).unwrap();
        assert_eq!(known(), None);
    }
}
