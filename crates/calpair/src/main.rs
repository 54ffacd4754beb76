//! The program `calpair`; everything is in the library beside it.

fn main() -> std::process::ExitCode {
    calpair::commands::run(std::env::args_os())
}
