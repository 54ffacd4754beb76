//! CalDAV (RFC 4791) as the seam's provider: iCloud, and every server that keeps to the standard
//! or is known not to.
//!
//! A request is one file under `requests/`, with two pure functions: one prepares it, one reads
//! its answer and gives the status its meaning. The rest puts requests together: where calendars
//! are, what changed, what resources hold, and writes, every one of them conditional and none that
//! makes a server write to people. What servers do against the book stands in `docs/providers/`;
//! the line that answers it names the entry.

mod adapter;
mod cursor;
mod discovery;
mod etag;
mod fetch;
mod multistatus;
mod observe;
mod path;
mod props;
mod put_back;
mod requests;
mod scheduling;
mod server;
mod write;
mod xml;

pub use adapter::{CalDav, CalDavOptions, Clock, Flavour};
