//! What went wrong: the kind is for the machine, the sentence for the person, the source for the
//! cause. Only what SQLite calls damaged, and a value that can't be read, is
//! [`ErrorKind::Corrupt`]; whatever it refuses beyond that is calpair's own mistake.

use std::fmt;
use std::io;
use std::path::PathBuf;

use rusqlite::ErrorCode;

/// The result of a call to the store.
pub type Result<T> = std::result::Result<T, Error>;

/// A failed call. Nothing of it was stored.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    sentence: String,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// What to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// Another process owns the state directory: exit 5.
    Locked,
    /// The database was written by a newer calpair: use that one.
    Newer,
    /// The database is damaged. Nothing was overwritten; somebody has to put the backup in its
    /// place, or take the database away.
    Corrupt {
        /// The newest copy there is.
        backup: Option<PathBuf>,
    },
    /// The disk is full: send nothing, try again.
    Full,
    /// Somebody else keeps the database locked: send nothing, try again.
    Busy,
    /// The file system refused: rights, a missing directory, a broken disk.
    Io,
    /// The credential was sealed with another key.
    WrongKey,
    /// The key of the titles and texts in the database is not there, or another one. Nothing was
    /// overwritten; somebody has to put it back, or take the database away.
    Sealed,
    /// A sealed value is not where it was sealed, or was changed.
    Forged,
    /// The database is whole, and refused what calpair asked of it: a mistake of calpair's.
    Mistaken,
}

impl ErrorKind {
    /// Whether the same may work later, with nothing mended.
    pub(crate) const fn passes(&self) -> bool {
        matches!(self, ErrorKind::Full | ErrorKind::Busy | ErrorKind::Io)
    }
}

/// Where a database is, and the newest copy of it.
pub(crate) struct Place {
    pub(crate) database: PathBuf,
    pub(crate) backup: Option<PathBuf>,
}

impl Error {
    /// An error with its sentence: what happened, without private content, without a full stop.
    pub fn new(kind: ErrorKind, sentence: impl Into<String>) -> Self {
        Self { kind, sentence: sentence.into(), source: None }
    }

    /// The error with its cause.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What to do about it.
    pub const fn kind(&self) -> &ErrorKind {
        &self.kind
    }

    /// What happened, without the cause.
    pub fn sentence(&self) -> &str {
        &self.sentence
    }

    pub(crate) fn corrupt(sentence: impl Into<String>) -> Self {
        Self::new(ErrorKind::Corrupt { backup: None }, sentence)
    }

    /// A corruption with the place of the database and of the newest copy, and with what to do, in
    /// the sentence too.
    pub(crate) fn with_place(mut self, find: impl FnOnce() -> Option<Place>) -> Self {
        if self.kind == (ErrorKind::Corrupt { backup: None })
            && let Some(Place { database, backup }) = find()
        {
            let then = match &backup {
                Some(copy) => format!(
                    "and copy {} to {}: both sides are read again before anything is written",
                    copy.display(),
                    database.display()
                ),
                None => "and begin anew (there is no copy): equal events are taken as one, and \
                         accounts have to be connected again"
                    .to_owned(),
            };
            self.sentence.push_str(&format!(
                "; it is {}. Nothing was changed in it. Stop calpair, move the files calpair.db, \
                 calpair.db-wal and calpair.db-shm away, {then}",
                database.display()
            ));
            self.kind = ErrorKind::Corrupt { backup };
        }
        self
    }

    /// An error of the file system, with what was tried.
    pub(crate) fn io(tried: impl fmt::Display) -> impl FnOnce(io::Error) -> Self {
        move |source| {
            let kind = match source.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ErrorKind::Full,
                _ => ErrorKind::Io,
            };
            Self::new(kind, format!("can't {tried}")).because(source)
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| &**source as _)
    }
}

/// What SQLite's code means, and the sentence for it.
pub(crate) fn meaning(error: &rusqlite::Error) -> (ErrorKind, &'static str) {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            (ErrorKind::Busy, "the database is in use by another program")
        }
        Some(ErrorCode::DiskFull) => (ErrorKind::Full, "the disk is full"),
        Some(
            ErrorCode::SystemIoFailure
            | ErrorCode::CannotOpen
            | ErrorCode::ReadOnly
            | ErrorCode::PermissionDenied
            | ErrorCode::FileLockingProtocolFailed
            | ErrorCode::OutOfMemory
            | ErrorCode::OperationInterrupted,
        ) => (ErrorKind::Io, "the database can't be read or written"),
        // Without a code it is a value that is not what calpair writes.
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) | None => {
            (ErrorKind::Corrupt { backup: None }, "the database is damaged")
        }
        Some(_) => (
            ErrorKind::Mistaken,
            "the database is whole, but refused what calpair asked of it, which is a mistake \
             in calpair; nothing of it was stored",
        ),
    }
}

impl From<rusqlite::Error> for Error {
    fn from(source: rusqlite::Error) -> Self {
        let (kind, sentence) = meaning(&source);
        Self::new(kind, sentence).because(source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::error::Error as _;

    #[test]
    fn the_source_is_not_printed_twice() {
        let error = Error::io("make the folder x")(io::Error::from(io::ErrorKind::StorageFull));
        assert_eq!(error.kind(), &ErrorKind::Full);
        assert_eq!(error.to_string(), "can't make the folder x");
        assert!(!error.to_string().contains(&error.source().unwrap().to_string()));
    }

    #[test]
    fn only_damage_is_told_as_damage() {
        use rusqlite::ffi;
        let kind =
            |code| Error::from(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None)).kind;
        for code in [ffi::SQLITE_CORRUPT, ffi::SQLITE_NOTADB] {
            assert_eq!(kind(code), ErrorKind::Corrupt { backup: None });
        }
        let refused = [ffi::SQLITE_CONSTRAINT_FOREIGNKEY, ffi::SQLITE_TOOBIG, ffi::SQLITE_ERROR];
        assert!(refused.into_iter().all(|code| kind(code) == ErrorKind::Mistaken));
    }

    #[test]
    fn a_corruption_names_the_newest_copy() {
        let error = Error::corrupt("the database is damaged").with_place(|| {
            Some(Place { database: "d/c.db".into(), backup: Some("b/1.db".into()) })
        });
        for words in ["is damaged; it is d/c.db. ", "Stop calpair, move", "copy b/1.db to d/c.db: "]
        {
            assert!(error.sentence().contains(words), "{error}");
        }
        assert_eq!(error.kind(), &ErrorKind::Corrupt { backup: Some("b/1.db".into()) });
        let none = Error::corrupt("the database is damaged")
            .with_place(|| Some(Place { database: "d/c.db".into(), backup: None }));
        assert!(none.sentence().contains("and begin anew (there is no copy)"), "{none}");
    }
}
