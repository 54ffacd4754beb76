//! Proof over the whole product: what the tests of every kind share.

pub mod browser;
pub mod end;
pub mod environment;
pub mod expander;
pub mod gateway;
pub mod http;
pub mod losses;
pub mod page;
pub mod program;
pub mod rig;
pub mod servers;
pub mod simulation;
pub mod stage;
pub mod story;
pub mod text;
pub mod wait;

use std::sync::Arc;

use caldav::{CalDav, CalDavOptions, Flavour};

/// An account at a server that keeps to the standard, found from `url`.
///
/// # Panics
/// When no credential may be sent there.
#[allow(clippy::disallowed_methods, reason = "real servers live in real time")]
pub fn caldav_account(url: &str, user: &str, password: &str) -> CalDav {
    let options = CalDavOptions {
        url: url.parse().unwrap_or_else(|error| panic!("{url}: {error}")),
        username: user.to_owned(),
        password: password.into(),
        flavour: Flavour::Generic,
        clock: Arc::new(jiff::Timestamp::now),
        deadline: None,
        in_flight: None,
    };
    CalDav::new(options).unwrap_or_else(|error| panic!("{url}: {error}"))
}
