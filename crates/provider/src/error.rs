//! What went wrong, named for the reaction: the kind is for the machine, the sentence for the
//! person, the source for the cause.

use std::fmt;
use std::time::Duration;

/// The result of a provider call.
pub type Result<T> = std::result::Result<T, Error>;

/// A failed provider call.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    sentence: String,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// What to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The cursor is no longer known: make a full pass.
    CursorExpired,
    /// The resource has changed since it was read: read it, decide again.
    Stale,
    /// The resource (or, from a listing, the calendar) is not there.
    Gone,
    /// A resource of this identity is there already.
    AlreadyExists,
    /// Too many requests: send nothing to this account before the delay is over.
    RateLimited {
        /// How long, where the provider says so.
        retry_after: Option<Duration>,
    },
    /// Too many writes: write nothing to this account before the delay is over. Reading goes on:
    /// what changed is listed and fetched as ever.
    WritesLimited {
        /// How long, where the provider says so.
        retry_after: Option<Duration>,
    },
    /// Not reachable, or failing by itself: try later.
    Unavailable,
    /// The credential was refused.
    Unauthorized,
    /// The credential is good, but this is not allowed.
    Forbidden,
    /// The provider does not accept this content.
    Rejected,
    /// The answer is not one that the protocol allows: nothing of it is believed.
    Malformed,
}

impl ErrorKind {
    /// Whether it is about the account and not about what was asked: nothing else is to be asked
    /// of it then, however little this answer was needed.
    pub const fn is_of_account(self) -> bool {
        match self {
            Self::Unauthorized | Self::RateLimited { .. } => true,
            Self::CursorExpired
            | Self::Stale
            | Self::Gone
            | Self::AlreadyExists
            | Self::WritesLimited { .. }
            | Self::Unavailable
            | Self::Forbidden
            | Self::Rejected
            | Self::Malformed => false,
        }
    }
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
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// What happened, without the cause.
    pub fn sentence(&self) -> &str {
        &self.sentence
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
