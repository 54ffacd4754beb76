//! What every HTTP provider needs, whatever it speaks: one policy between a prepared request and
//! its answer.
//!
//! An [`Account`] owns the connections of one account. It decides how long an answer may take and
//! how large it may be, how many requests run at once, when a throttled account may be asked
//! again, which redirect is followed, where the credential may go, and that a password which was
//! refused is not sent again before somebody wants it tried. It does not know what a
//! status means to a protocol: every answer that is no throttling and no redirect is handed up
//! as it came.

mod account;
mod allow;
mod body;
mod challenge;
mod client;
mod credential;
mod failure;
mod gate;
pub mod oauth;
mod redirect;
mod retry_after;
mod trust;
mod wire;

pub use account::{Account, Options, Reached, Repeated, counted};
pub use allow::Allow;
pub use credential::Credential;
pub use failure::{TooLarge, TooSlow};
pub use redirect::RedirectRefused;
/// The addresses that this crate takes.
pub use reqwest::Url;
/// A password or token: zeroed when dropped, never printed.
pub use secrecy::SecretString;
pub use wire::{Answer, Answering, Wire};
