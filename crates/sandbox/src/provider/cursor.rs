//! Cursors of the in-process provider: a place in a calendar's change log, or within a listing.

use model::Cursor;

use crate::world::Calendar;

/// How far a listing has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Everything up to here is known: durable.
    Whole { seq: u64 },
    /// In the middle of a delta: everything up to here was reported.
    Rest { seq: u64 },
    /// In the middle of a full listing, which covers the log up to `upto`.
    Within { after: String, upto: u64 },
}

impl Place {
    pub(super) fn write(&self, calendar: &Calendar) -> Cursor {
        let (born, epoch) = (calendar.born, calendar.epoch);
        Cursor::new(match self {
            Place::Whole { seq } => format!("whole:{born}:{epoch}:{seq}"),
            Place::Rest { seq } => format!("rest:{born}:{epoch}:{seq}"),
            Place::Within { after, upto } => format!("within:{born}:{epoch}:{upto}:{after}"),
        })
    }

    /// `None` for a cursor of another calendar, an expired one, and garbage.
    pub(super) fn read(cursor: &Cursor, calendar: &Calendar) -> Option<Self> {
        let mut parts = cursor.as_str().splitn(5, ':');
        let kind = parts.next()?;
        let mut number = || parts.next()?.parse::<u64>().ok();
        let (born, epoch, seq) = (number()?, number()?, number()?);
        let known = born == calendar.born
            && epoch == calendar.epoch
            && seq >= calendar.floor
            && seq <= calendar.seq;
        match (known, kind, parts.next()) {
            (true, "whole", None) => Some(Place::Whole { seq }),
            (true, "rest", None) => Some(Place::Rest { seq }),
            (true, "within", Some(after)) => {
                Some(Place::Within { after: after.to_owned(), upto: seq })
            }
            _ => None,
        }
    }
}
