//! What an error of a write means for the cycle, and when the cycle stops writing.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use model::{Side, Sides};
use provider::{Error, ErrorKind};

/// So many failures in a row, with no success between them, are not about single series any more.
const FAILURES_IN_A_ROW: u32 = 6;

/// What an error of a write means for the cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reaction {
    /// The resource is not as it was known: read it, plan again.
    LookAgain,
    /// Its UID is taken: observe, plan again; if it is taken elsewhere, use another one.
    Taken,
    /// This series can't be written; the others can.
    SetAside,
    /// Whether it was written is unknown.
    Unknown,
    /// No write will succeed on this side now; everything else goes on.
    StopSide,
    /// No write will succeed now.
    Stop,
}

pub(super) const fn reaction(kind: ErrorKind) -> Reaction {
    match kind {
        ErrorKind::Stale | ErrorKind::Gone => Reaction::LookAgain,
        ErrorKind::AlreadyExists => Reaction::Taken,
        ErrorKind::Forbidden | ErrorKind::Rejected => Reaction::SetAside,
        ErrorKind::Unavailable | ErrorKind::Malformed => Reaction::Unknown,
        ErrorKind::WritesLimited { .. } => Reaction::StopSide,
        ErrorKind::RateLimited { .. } | ErrorKind::Unauthorized | ErrorKind::CursorExpired => {
            Reaction::Stop
        }
    }
}

/// What stops the steps that have not begun yet.
#[derive(Default)]
pub(super) struct Brake {
    pulled: AtomicBool,
    sides: Sides<AtomicBool>,
    failures: AtomicU32,
}

impl Brake {
    /// Whether no further step is to be begun.
    pub(super) fn is_on(&self) -> bool {
        self.pulled.load(Ordering::Relaxed)
            || self.failures.load(Ordering::Relaxed) >= FAILURES_IN_A_ROW
    }

    /// Whether nothing is to be written on a side.
    pub(super) fn is_on_for(&self, side: Side) -> bool {
        self.sides[side].load(Ordering::Relaxed)
    }

    /// A step was written.
    pub(super) fn succeeded(&self) {
        self.failures.store(0, Ordering::Relaxed);
    }

    /// A step met an error on a side.
    pub(super) fn met(&self, side: Side, error: &Error) {
        match reaction(error.kind()) {
            Reaction::Unknown => {
                self.failures.fetch_add(1, Ordering::Relaxed);
            }
            Reaction::StopSide => self.pull_for(side),
            Reaction::Stop => self.pull(),
            Reaction::LookAgain | Reaction::Taken | Reaction::SetAside => {}
        }
    }

    /// Nothing further may be written on a side.
    pub(super) fn pull_for(&self, side: Side) {
        self.sides[side].store(true, Ordering::Relaxed);
    }

    /// Nothing further may be begun.
    pub(super) fn pull(&self) {
        self.pulled.store(true, Ordering::Relaxed);
    }
}
