//! Google Calendar (API v3) as the seam's provider.
//!
//! A request is one file under `requests/`: one function prepares it, one reads its answer and
//! gives the status its meaning. A field is one file under `fields/`, both directions. An event's
//! JSON is kept as it came, row by row (`row`, `rows`); google-calendar3's types are what a row is
//! read into, one at a time, so that one odd event is one problem. `series` makes a whole series
//! of a master and its exceptions, `kept` remembers on the event itself what Google's own fields
//! can't say exactly; `memory` is what makes a listing of changes enough. What Google does against
//! the book stands in `docs/providers/google.md`; the line that answers it names the entry.

mod adapter;
mod cursor;
mod draft;
mod fetch;
mod fields;
mod ident;
mod kept;
mod memory;
mod observe;
mod pass;
mod refusal;
mod requests;
mod row;
mod rows;
mod series;
mod server;
mod write;

pub use adapter::{Clock, Google, GoogleOptions};
