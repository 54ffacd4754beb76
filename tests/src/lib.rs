//! Proof over the whole product: what the tests of every kind share.

pub mod simulation;
