//! What tests of every crate share: a language for events ([`series`], [`text`]), the contract that
//! every provider keeps, as code ([`contract`]), what Google and Microsoft publish of the
//! requests that they take ([`described`]), where private words stand that should stand nowhere
//! ([`canary`]), the recurrence vectors ([`vectors`]), and where the
//! large collection of calendar files lies ([`shared`]).
//!
//! For tests only: what is wrong with a fixture is a panic, with the fixture in it.

pub mod canary;
pub mod contract;
pub mod described;
mod fixture;
mod shared;
mod vectors;

pub use fixture::{modified, series, text};
pub use shared::shared;
pub use vectors::vectors;
