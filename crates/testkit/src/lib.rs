//! What tests of every crate share: a language for events ([`series`], [`text`]), and the contract
//! that every provider keeps, as code ([`contract`]).
//!
//! For tests only: what is wrong with a fixture is a panic, with the fixture in it.

pub mod contract;
mod fixture;

pub use fixture::{modified, series, text};
