//! What `cargo xtask test` tells the tests, and where things lie when nobody told them.

use std::path::{Path, PathBuf};

/// The value of an environment variable, if it is set to something.
pub fn variable(name: &str) -> Option<String> {
    std::env::var_os(name)?.into_string().ok().filter(|value| !value.is_empty())
}

/// The program: `CALPAIR_BIN`, else `calpair` of the build that the tests belong to.
///
/// # Panics
/// When it isn't there; it is never skipped, because it can always be built.
pub fn program() -> PathBuf {
    let beside = || {
        let test = std::env::current_exe().expect("a test knows its own executable");
        let folder = test.parent().and_then(Path::parent).expect("target/PROFILE/deps");
        folder.join("calpair")
    };
    let program = variable("CALPAIR_BIN").map_or_else(beside, PathBuf::from);
    assert!(program.exists(), "{} is missing: cargo build -p calpair", program.display());
    program
}

/// Where calendar files are, and whether that is all of them.
#[derive(Debug, Clone)]
pub struct Corpus {
    /// The folder; files lie in folders below it.
    pub folder: PathBuf,
    /// Whether it is the large collection, of which parts may not be given away, or the files
    /// that the project holds.
    pub is_whole: bool,
}

/// The large collection, else the project's own files.
pub fn corpus() -> Corpus {
    match testkit::shared("corpus") {
        Some(folder) => Corpus { folder, is_whole: true },
        None => {
            let here = Path::new(env!("CARGO_MANIFEST_DIR"));
            Corpus { folder: here.join("../crates/ical/tests/data"), is_whole: false }
        }
    }
}

impl Corpus {
    /// Every calendar file: its path below the folder, and its bytes, in the order of the paths.
    ///
    /// # Panics
    /// When one can't be read.
    pub fn files(&self) -> Vec<(String, Vec<u8>)> {
        let mut files = Vec::new();
        let mut folders = vec![self.folder.clone()];
        while let Some(folder) = folders.pop() {
            let entries = std::fs::read_dir(&folder)
                .unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
            for path in entries.flatten().map(|entry| entry.path()) {
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|extension| extension == "ics") {
                    let name = path.strip_prefix(&self.folder).unwrap_or(&path);
                    let bytes = std::fs::read(&path)
                        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
                    files.push((name.display().to_string(), bytes));
                }
            }
        }
        files.sort();
        files
    }
}
