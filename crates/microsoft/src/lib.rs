//! Microsoft 365 and Outlook.com calendars (Graph v1.0) as the seam's provider.
//!
//! A request is one file under `requests/`: one function prepares it, one reads its answer and
//! gives the status its meaning; graph-rs-sdk makes them, and only `sdk` knows it. A field is one
//! file under `fields/`, both directions. `recurrence` says a rule in Graph's words where these
//! mean the same; `parts` is what becomes of the others. `series` makes a whole series of rows,
//! `kept` remembers on the event itself what Graph's own fields can't say exactly. What Graph does
//! against the book stands in `docs/providers/microsoft.md`; the line that answers it names the
//! entry.

mod adapter;
mod cursor;
mod draft;
mod fetch;
mod fields;
mod ident;
mod kept;
mod observe;
mod otherwise;
mod parts;
mod reach;
mod recurrence;
mod refusal;
mod requests;
mod row;
mod rows;
mod sdk;
mod series;
mod server;
mod write;
mod zones;

pub use adapter::{Clock, Horizon, Microsoft, MicrosoftOptions};
