//! The program: command line, configuration, composition, log.
//!
//! A library so that its parts can be tested; `main.rs` only calls it. It knows every crate and
//! puts them together; it decides nothing about events.

mod alerts;
pub mod cli;
pub mod clock;
pub mod commands;
mod compose;
pub mod config;
pub mod control;
#[cfg(feature = "demo")]
mod demo;
pub mod environment;
pub mod exit;
pub mod google;
pub mod icloud;
pub mod log;
pub mod microsoft;
mod page;
pub mod report;
pub mod secrets;
pub mod service;
mod signin;
pub mod systemd;
mod tally;
pub mod terminal;
mod text;
pub mod watch;
