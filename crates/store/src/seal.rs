//! Sealing: XChaCha20-Poly1305 with a random nonce for each value (24 bytes, so that chance alone
//! keeps them apart), which stands before it. And what is sealed with a person's own key:
//! credentials. Each is bound to its table, row and key: moved to another row it can't be opened.

use std::fmt;

use chacha20poly1305::aead::{Aead, Generate, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use model::AccountName;
use rusqlite::params;
use zeroize::{Zeroize, Zeroizing};

use crate::{Error, ErrorKind, Result, Store, digest_bytes, sql};

/// A key to seal with. Wiped from memory when dropped.
pub struct Key([u8; 32]);

impl Key {
    /// A key of 256 random bits.
    pub fn new(bytes: [u8; 32]) -> Key {
        Key(bytes)
    }

    /// Names the key without telling anything of it.
    fn id(&self) -> [u8; 8] {
        let digest = digest_bytes(&self.0).0;
        *digest.first_chunk().expect("a SHA-256 has 32 bytes")
    }

    /// A new one.
    pub(crate) fn random() -> Key {
        Key(Generate::generate())
    }

    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Seals `value`, to be opened in the same context only.
    pub(crate) fn seal(&self, context: &[u8], value: &[u8]) -> Vec<u8> {
        let nonce = XNonce::generate();
        let sealed = self
            .cipher()
            .encrypt(&nonce, Payload { msg: value, aad: context })
            .expect("a value is shorter than the 256 GiB that one nonce is good for");
        [nonce.as_slice(), &sealed].concat()
    }

    /// What was sealed in this context with this key; `None` where that is not so.
    pub(crate) fn open(&self, context: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, sealed) = sealed.split_first_chunk::<24>()?;
        let payload = Payload { msg: sealed, aad: context };
        self.cipher().decrypt(&XNonce::from(*nonce), payload).ok()
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&self.0.into())
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl Store {
    /// Seals and stores an account's credential, in place of an earlier one. Survives a loss of
    /// power.
    ///
    /// # Errors
    /// When nothing could be written.
    pub fn seal_credential(&self, account: &AccountName, secret: &[u8], key: &Key) -> Result<()> {
        let id = key.id();
        let stored = key.seal(&context(account, id), secret);
        self.write_durably("seal_credential", |transaction| {
            let query = "INSERT OR REPLACE INTO credential (account, key, sealed)
                 VALUES (?1, ?2, ?3)";
            sql::run(transaction, query, params![account.as_str(), id, stored]).map(|_| ())
        })
    }

    /// An account's credential.
    ///
    /// # Errors
    /// [`ErrorKind::WrongKey`] when it was sealed with another key, [`ErrorKind::Forged`] when it
    /// is not what was sealed for this account.
    pub fn credential(
        &self,
        account: &AccountName,
        key: &Key,
    ) -> Result<Option<Zeroizing<Vec<u8>>>> {
        let query = "SELECT key, sealed FROM credential WHERE account = ?1";
        let stored = self.read(|connection| {
            sql::first(connection, query, [account.as_str()], |row| {
                Ok((row.get::<_, [u8; 8]>(0)?, row.get::<_, Vec<u8>>(1)?))
            })
        })?;
        let Some((id, sealed)) = stored else { return Ok(None) };
        if id != key.id() {
            return Err(Error::new(
                ErrorKind::WrongKey,
                format!("the credential of {account} was sealed with another key"),
            ));
        }
        let secret = key.open(&context(account, id), &sealed).ok_or_else(|| {
            let sentence = format!("the stored credential of {account} is not what was sealed");
            Error::new(ErrorKind::Forged, sentence)
        })?;
        Ok(Some(Zeroizing::new(secret)))
    }

    /// The accounts whose credentials are stored.
    ///
    /// # Errors
    /// When the database can't be read.
    pub fn sealed_accounts(&self) -> Result<Vec<AccountName>> {
        let query = "SELECT account FROM credential ORDER BY account";
        let name = |row: &rusqlite::Row<'_>| Ok(AccountName::new(row.get::<_, String>(0)?));
        self.read(|connection| sql::all(connection, query, [], name))
    }

    /// Forgets an account's credential. Survives a loss of power.
    ///
    /// # Errors
    /// When nothing could be written.
    pub fn forget_credential(&self, account: &AccountName) -> Result<()> {
        self.write_durably("forget_credential", |transaction| {
            let query = "DELETE FROM credential WHERE account = ?1";
            sql::run(transaction, query, [account.as_str()])?;
            let query = "DELETE FROM sign_in WHERE account = ?1";
            sql::run(transaction, query, [account.as_str()]).map(|_| ())
        })
    }
}

/// What a sealed value is bound to: table, row, key. The row's name comes last, so that no name
/// can be read as another one with another key.
fn context(account: &AccountName, key: [u8; 8]) -> Vec<u8> {
    [b"credential\0".as_slice(), &key, account.as_str().as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::at;
    use testkit::canary::files_with;

    fn sealed(store: &Store, account: &str, secret: &str) {
        store.seal_credential(&account.into(), secret.as_bytes(), &Key::new([7; 32])).unwrap();
    }

    fn opened(store: &Store, account: &str, key: u8) -> Result<Option<String>> {
        let secret = store.credential(&account.into(), &Key::new([key; 32]))?;
        Ok(secret.map(|secret| String::from_utf8(secret.to_vec()).unwrap()))
    }

    #[test]
    fn what_was_sealed_is_opened_until_it_is_forgotten() {
        let store = Store::in_memory().unwrap();
        assert_eq!(opened(&store, "home", 7).unwrap(), None);
        sealed(&store, "home", "abcd-efgh");
        sealed(&store, "home", "ijkl-mnop");
        assert_eq!(opened(&store, "home", 7).unwrap().as_deref(), Some("ijkl-mnop"));
        store.forget_credential(&"home".into()).unwrap();
        assert_eq!(opened(&store, "home", 7).unwrap(), None);
    }

    #[test]
    fn another_key_and_another_row_are_refused_by_name() {
        let store = Store::in_memory().unwrap();
        sealed(&store, "home", "abcd-efgh");
        sealed(&store, "work", "ijkl-mnop");
        let wrong = opened(&store, "home", 8).unwrap_err();
        assert_eq!(wrong.kind(), &ErrorKind::WrongKey);
        store
            .write("test", |transaction| {
                let swap = "UPDATE credential SET sealed =
                     (SELECT sealed FROM credential WHERE account = 'work')";
                sql::run(transaction, swap, [])
            })
            .unwrap();
        assert_eq!(opened(&store, "home", 7).unwrap_err().kind(), &ErrorKind::Forged);
        assert_eq!(opened(&store, "work", 7).unwrap().as_deref(), Some("ijkl-mnop"));
    }

    #[test]
    fn the_secret_is_in_no_file_in_any_form() {
        const CANARY: &str = "canary-Zx9-secret-password";
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), at(0)).unwrap();
        sealed(&store, "home", CANARY);
        store.backup(at(1)).unwrap();
        assert_eq!(files_with(folder.path(), &[CANARY]), Vec::<String>::new());
        assert_eq!(format!("{:?}", Key::new([7; 32])), "[redacted]");
    }
}
