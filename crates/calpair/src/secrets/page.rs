//! The page's password: kept as its argon2id hash in a file of mode 0600 in the state directory, so
//! that it can be set while the daemon runs, and is saved and moved with everything else.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use argon2::Argon2;
use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use secrecy::{ExposeSecret, SecretString};

/// The shortest password that is taken: what guards a page on a network is guessed by machines.
const SHORTEST: usize = 12;

/// A hash has a hundred letters.
const LONGEST_HASH: u64 = 1024;

/// Why a password can't be set.
#[derive(Debug, thiserror::Error)]
pub enum PagePasswordError {
    /// It would be guessed.
    #[error("the page's password needs at least 12 characters")]
    TooShort,
    /// It can't be hashed.
    #[error("the password can't be hashed: {0}")]
    Hash(argon2::password_hash::Error),
    /// The file can't be written.
    #[error("{} can't be written", file.display())]
    Unwritable {
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// The hash of the page's password; two are equal when the password was not set anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PagePassword(String);

fn file(state: &Path) -> PathBuf {
    state.join("page-password")
}

/// What keeps the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lock {
    /// Nothing: no password is set.
    Open,
    /// A password.
    Password(PagePassword),
    /// A password that is not to be had: its file can't be read, or others could have read or
    /// written it. Nobody gets in until it is set anew.
    Broken,
}

impl Lock {
    /// What keeps it now.
    pub fn read(state: &Path) -> Self {
        let path = file(state);
        let metadata = match fs::symlink_metadata(&path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Self::Open,
            Err(_) => return Self::Broken,
        };
        let sound = metadata.is_file() && metadata.len() <= LONGEST_HASH;
        if !sound || metadata.permissions().mode() & 0o077 != 0 {
            return Self::Broken;
        }
        let Ok(text) = fs::read_to_string(path) else { return Self::Broken };
        let hash = text.trim();
        match PasswordHash::new(hash) {
            Ok(_) => Self::Password(PagePassword(hash.to_owned())),
            Err(_) => Self::Broken,
        }
    }
}

impl PagePassword {
    /// Sets it, in place of the one before.
    ///
    /// # Errors
    /// It is too short, or can't be written.
    pub fn set(
        state: &Path,
        password: &SecretString,
        salt: &[u8; 16],
    ) -> Result<(), PagePasswordError> {
        if password.expose_secret().chars().count() < SHORTEST {
            return Err(PagePasswordError::TooShort);
        }
        let salt = SaltString::encode_b64(salt).map_err(PagePasswordError::Hash)?;
        let bytes = password.expose_secret().as_bytes();
        let hash =
            Argon2::default().hash_password(bytes, &salt).map_err(PagePasswordError::Hash)?;
        let unwritable = |source| PagePasswordError::Unwritable { file: file(state), source };
        fs::create_dir_all(state).map_err(unwritable)?;
        // Made with mode 0600, and there whole or not at all.
        let mut new = tempfile::NamedTempFile::new_in(state).map_err(unwritable)?;
        writeln!(new, "{hash}").map_err(unwritable)?;
        new.persist(file(state)).map_err(|error| unwritable(error.error))?;
        Ok(())
    }

    /// Takes it away.
    ///
    /// # Errors
    /// The file can't be removed.
    pub fn remove(state: &Path) -> Result<(), PagePasswordError> {
        match fs::remove_file(file(state)) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                Err(PagePasswordError::Unwritable { file: file(state), source })
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Whether this is the password. Takes a while on purpose, the same for right and wrong.
    pub fn is(&self, typed: &SecretString) -> bool {
        PasswordHash::new(&self.0).is_ok_and(|hash| {
            Argon2::default().verify_password(typed.expose_secret().as_bytes(), &hash).is_ok()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_kept_as_a_hash_that_only_its_owner_reads() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Lock::read(folder.path()), Lock::Open);
        let short = PagePassword::set(folder.path(), &"elevenchars".into(), &[1; 16]).unwrap_err();
        assert!(short.to_string().contains("at least 12"), "{short}");
        PagePassword::set(folder.path(), &"correct horse battery".into(), &[1; 16]).unwrap();
        let path = file(folder.path());
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("$argon2id$") && !text.contains("horse"), "{text}");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let Lock::Password(password) = Lock::read(folder.path()) else { panic!("it is set") };
        assert!(password.is(&"correct horse battery".into()));
        assert!(!password.is(&"correct horse batterz".into()) && !password.is(&"".into()));
        // What others can read, others may have written.
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(Lock::read(folder.path()), Lock::Broken);
        PagePassword::set(folder.path(), &"correct horse battery".into(), &[2; 16]).unwrap();
        assert!(matches!(Lock::read(folder.path()), Lock::Password(_)), "set anew");
        fs::write(&path, "no hash").unwrap();
        assert_eq!(Lock::read(folder.path()), Lock::Broken);
        PagePassword::remove(folder.path()).unwrap();
        PagePassword::remove(folder.path()).unwrap();
        assert_eq!(Lock::read(folder.path()), Lock::Open);
    }
}
