//! The browser that tests of the page drive: Debian's Chromium, and a Python that tells it what to
//! do (`tests/browser/driver.py`), with axe-core in it.
//!
//! # Environment
//! - `CALPAIR_REQUIRE_BROWSER`, read here: set to anything, a missing browser is a failure.
//! - `CALPAIR_BROWSER`, given to the tests: the Python, absolute; and `CALPAIR_CHROMIUM`, the
//!   browser. Not set: the tests of the page are skipped, and say so like those of missing servers.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::variable;
use crate::servers::{environment, install_packages, is_root};

/// What drives the browser.
const PACKAGES: &[&str] = &["playwright==1.65.2", "axe-playwright-python==0.1.8"];

/// The browser, and letters to draw with.
const DEBIAN: &[&str] = &["chromium", "fonts-dejavu-core", "fonts-noto-core"];

const PROGRAM: &str = "/usr/bin/chromium";

/// Installs the browser if it can be had, and tells `command` of it.
pub(crate) fn provide(root: &Path, command: &mut Command) -> Result<(), String> {
    match install(root) {
        Ok(python) => {
            println!("browser: {PROGRAM}");
            command.env("CALPAIR_BROWSER", python).env("CALPAIR_CHROMIUM", PROGRAM);
        }
        Err(reason) if variable("CALPAIR_REQUIRE_BROWSER").is_some() => {
            return Err(format!("CALPAIR_REQUIRE_BROWSER is set, and there is none: {reason}"));
        }
        Err(reason) => {
            println!("browser: missing: {reason}");
            command.env_remove("CALPAIR_BROWSER");
        }
    }
    Ok(())
}

fn install(root: &Path) -> Result<PathBuf, String> {
    if !Path::new(PROGRAM).exists() {
        if !is_root() {
            return Err("needs root, or Debian's package chromium".to_owned());
        }
        install_packages("chromium", DEBIAN)?;
    }
    let venv = environment(root, "browser", PACKAGES)?;
    Ok(venv.join("bin").join("python"))
}
