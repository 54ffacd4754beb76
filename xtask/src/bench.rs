//! `cargo xtask bench`: builds calpair in release, its measuring tools into `.servers/bench`, and
//! runs `tests/bench/bench.py`, which prints the table.
//!
//! Only what the measurement needs is decided here; the arguments are `bench.py`'s own.

use std::path::Path;
use std::process::Command;

use crate::check::cargo;
use crate::process::run;
use crate::servers::{SERVERS, environment, folder, install, tell};

/// What the measuring side is made of: a fast loop, an HTTP client, an XML parser.
const TOOLS: &[&str] = &["aiohttp==3.14.*", "lxml==6.*", "uvloop==0.*"];

/// Proves that the comparison of both sides sees what it must: a figure is worth nothing without.
const SELF_CHECK: &str = "test_meaning.py";

/// Measures; `arguments` go to `bench.py`, whose result lines land in `.servers/bench.jsonl`.
pub(crate) fn bench(root: &Path, arguments: &[String]) -> Result<(), String> {
    let venv = environment(root, "bench", TOOLS)?;
    let scripts = root.join("tests").join("bench");
    run(Command::new(venv.join("bin").join("python")).arg("-B").arg(scripts.join(SELF_CHECK)))?;
    let mut measure = Command::new(venv.join("bin").join("python"));
    measure.arg(scripts.join("bench.py")).args(arguments);
    measure.arg("--out").arg(folder(root).join("bench.jsonl"));
    if asks_for(arguments, "vdirsyncer") {
        let venv = environment(root, "vdirsyncer", &["vdirsyncer==0.21.*"])?;
        measure.env("VDIRSYNCER", venv.join("bin").join("vdirsyncer"));
    } else {
        run(cargo(root).args(["build", "--quiet", "--release", "-p", "calpair"]))?;
        measure.env("CALPAIR_BIN", root.join("target").join("release").join("calpair"));
    }
    let named = SERVERS.iter().filter(|server| asks_for(arguments, server.name));
    let places: Vec<_> = named.map(|server| (server, install(root, server))).collect();
    for (server, place) in &places {
        if let Err(reason) = place {
            return Err(format!("{}: {reason}", server.name));
        }
    }
    tell(&mut measure, root, &places);
    run(&mut measure)
}

/// Whether an argument names it: a client, or one of a pair `NAME-NAME`.
fn asks_for(arguments: &[String], name: &str) -> bool {
    arguments.iter().flat_map(|argument| argument.split(['-', '='])).any(|word| word == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_comparison_of_both_sides_sees_every_difference() {
        let script = crate::root().join("tests").join("bench").join(SELF_CHECK);
        let done = Command::new("python3").arg("-B").arg(script).output().expect("needs python3");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }

    #[test]
    fn a_pair_names_its_servers() {
        let arguments = ["--pair", "cyrus-radicale", "--client=vdirsyncer"].map(str::to_owned);
        for (name, asked) in
            [("cyrus", true), ("radicale", true), ("vdirsyncer", true), ("sogo", false)]
        {
            assert_eq!(asks_for(&arguments, name), asked, "{name}");
        }
    }
}
