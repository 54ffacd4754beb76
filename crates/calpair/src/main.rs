//! The program: command line, configuration, composition, log.
fn main() {}
