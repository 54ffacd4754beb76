//! The project's own tool, `cargo xtask`: what people and CI run, in one place.
//!
//! Each command is a module. Nothing here is part of the product, and nothing of the product is
//! used here: it must build in seconds and work when the rest doesn't.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a tool for a terminal")]

mod bench;
mod browser;
mod by_hand;
mod check;
mod process;
mod servers;
mod tidy;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

const USAGE: &str = "\
cargo xtask COMMAND

  tidy [PATH...]               house style, layers, documents against code (below PATH only)
  check [ARGS...]              what CI runs: fmt, tidy, clippy, test
  test [ARGS...]               installs the test servers, runs `cargo test --workspace ARGS`
  servers start NAME[:PORT]... starts test servers by hand (stop: ends them; list: installs them)
  sim [--seeds N] [--from S] [--seed S]
                               the seeded simulation, in release
  crash                        kills `calpair sync` at every durable or network system call
  bench [--n 1000] [--pair mem] [--latency \"0 50\"] [--runs 3] [--converge]
                               requests, time and memory of `calpair sync`, as a table

CALPAIR_SERVERS=radicale,xandikos (or none) chooses the servers, CALPAIR_REQUIRE_SERVERS makes a
missing one a failure. Servers live in .servers/, which can be deleted at any time.
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((command, rest)) = arguments.split_first() else {
        eprint!("{USAGE}");
        return ExitCode::from(2);
    };
    let root = root();
    let outcome = match command.as_str() {
        "tidy" => return tidy::run(&root, rest),
        "check" => check::check(&root, rest),
        "test" => check::test(&root, rest),
        "servers" => by_hand::servers(&root, rest),
        "sim" => simulate(&root, rest),
        "crash" => check::crash(&root, rest),
        "bench" => bench::bench(&root, rest),
        _ => {
            eprint!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("xtask {command}: {reason}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the simulation (`tests/`, binary `simulate`), which knows its own arguments.
fn simulate(root: &Path, arguments: &[String]) -> Result<(), String> {
    let mut cargo = check::cargo(root);
    cargo.args(["run", "--quiet", "--release", "-p", "calpair-tests", "--bin", "simulate", "--"]);
    process::run(cargo.args(arguments))
}

/// The repository's root: the folder above this crate's.
fn root() -> PathBuf {
    let mut root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    root.pop();
    root
}
