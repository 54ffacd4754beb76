//! Simulated calendar services.
//!
//! One [`World`] holds accounts, calendars, users who edit, a clock that moves only when told, and
//! faults. It is spoken in several ways: in process, as a [`provider::Provider`] ([`InProcess`],
//! for the simulation), and over HTTP, as iCloud and other CalDAV servers speak ([`dav`]), and as
//! Google ([`google`]) and Microsoft ([`microsoft`]) do. What happened can be asked of the world
//! afterwards: every version a user ever wrote, every request, every mail that would have gone out.
//!
//! Nothing here waits, reads a clock or draws a number that was not seeded.

#![cfg_attr(test, allow(clippy::print_stderr))]

pub mod dav;
pub mod faults;
pub mod google;
pub mod microsoft;
mod provider;
mod random;
mod rest;
pub mod seed;
pub mod text;
mod wire;
mod world;

pub use provider::{
    Deletions, Deltas, InProcess, Listing, MAILS, Manners, Overrides, UNACCEPTED, Versions,
};
pub use random::Random;
pub use world::{
    Account, Author, Condition, Conditions, Deed, Gone, Habits, Held, Kind, Mail, MailCause, Op,
    Refusal, Request, Rewriting, Scheduling, Throttle, UidScope, User, World,
};
