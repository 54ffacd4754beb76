//! iCalendar text and recurrence rules to and from the model, everything unknown kept.
//!
//! [`read`] turns a resource's text into a series, [`create`] a series into a new text, [`edit`]
//! changes in a text only the lines of what differs, [`unmapped`] names what a series does not say,
//! [`is_edited_beside`] whether somebody changed what no series says, [`again`] makes
//! a text of now of one that was.
//! [`occurrences`] expands a series,
//! [`made`] and [`implied`] say which occurrences it has and what they are, [`instant`] places a
//! point in time. Beneath lies [`tree`], which keeps every byte.
//!
//! Nothing here waits, logs, reads a clock or the environment: one text reads the same everywhere.

mod again;
mod beside;
mod edit;
mod expected;
mod fields;
mod read;
mod recur;
mod repetition;
mod seal;
mod split;
pub mod tree;
mod unmapped;
mod unreadable;
mod value;
mod write;
mod zone;

pub use again::{Guests, again, names_people};
pub use beside::{is_edited_beside, says_all_beside};
pub use edit::{EditError, OWN, edit};
pub use expected::{bare, implied, made};
pub use read::read;
pub use recur::{Occurrence, Occurrences, STEP_BUDGET, Window, extent, occurrences};
pub use repetition::{Repetition, read_repetition, write_repetition};
pub use seal::{origin, sealed};
pub use split::split;
pub use unmapped::unmapped;
pub use unreadable::{Reason, Unreadable};
pub use write::create;
pub use zone::{Place, in_kind_of, instant, place, time_zone};
