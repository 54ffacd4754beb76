//! The project's own tool, `cargo xtask`: what people and CI run, in one place.
//!
//! Each command is a module. Nothing here is part of the product, and nothing of the product is
//! used here: it must build in seconds and work when the rest doesn't.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a tool for a terminal")]

mod tidy;

use std::path::PathBuf;
use std::process::ExitCode;

const USAGE: &str = "\
cargo xtask COMMAND
  tidy [PATH...]               house style, layers, documents against code (below PATH only)
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((command, rest)) = arguments.split_first() else {
        eprint!("{USAGE}");
        return ExitCode::from(2);
    };
    match command.as_str() {
        "tidy" => tidy::run(&root(), rest),
        _ => {
            eprint!("{USAGE}");
            ExitCode::from(2)
        }
    }
}

/// The repository's root: the folder above this crate's.
fn root() -> PathBuf {
    let mut root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    root.pop();
    root
}
