//! Where the large collection is: calendar files and recurrence vectors that licences keep out of
//! the project, and the whole of what providers publish. `CALPAIR_SHARED` names its folder; else it
//! is looked for in a folder `shared` beside or above the project.

use std::path::{Path, PathBuf};

/// The file or folder of the collection at this path. Where it isn't there, that is said, and the
/// project's own part has to do.
#[allow(clippy::print_stdout, reason = "what a run was over belongs into its output")]
pub fn shared(path: &str) -> Option<PathBuf> {
    let folders = match std::env::var_os("CALPAIR_SHARED").filter(|told| !told.is_empty()) {
        Some(told) => vec![PathBuf::from(told)],
        None => Path::new(env!("CARGO_MANIFEST_DIR"))
            .ancestors()
            .map(|folder| folder.join("shared"))
            .collect(),
    };
    let found = folders.into_iter().map(|folder| folder.join(path)).find(|found| found.exists());
    match &found {
        Some(found) => println!("over {}", found.display()),
        None => println!("{path} of the large collection is not here: over the project's own part"),
    }
    found
}
