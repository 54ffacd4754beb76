//! Canaries: words that are secret or private in a test, and must not be found where they have no
//! business, in no form.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use memchr::memmem;

/// A word as it stands and without its dashes, in base64 (at any offset) and in hexadecimal digits.
pub fn forms(word: &str) -> Vec<String> {
    let hex: String = word.bytes().map(|byte| format!("{byte:02x}")).collect();
    let mut forms = vec![word.to_owned(), word.replace('-', ""), hex.to_uppercase(), hex];
    for skip in 0..3 {
        let text = STANDARD_NO_PAD.encode(&word.as_bytes()[skip..]);
        // The last letters hang on what comes after.
        forms.push(text[..text.len() - 2].to_owned());
    }
    forms
}

/// Which files under `folder` hold one of these words in one of its forms: the form and the place.
///
/// # Panics
/// When a file can't be read, or when there is nothing to search.
pub fn files_with(folder: &Path, words: &[&str]) -> Vec<String> {
    let forms: Vec<String> = words.iter().flat_map(|word| forms(word)).collect();
    let mut found = Vec::new();
    let files = files(folder);
    assert!(!files.is_empty(), "{} is empty", folder.display());
    for file in files {
        let bytes = std::fs::read(&file).expect("it is ours");
        let held = forms.iter().filter(|form| memmem::find(&bytes, form.as_bytes()).is_some());
        found.extend(held.map(|form| format!("{form} in {}", file.display())));
    }
    found
}

/// Every file under a folder, by name: sockets and the like hold nothing.
///
/// # Panics
/// When the folder can't be read.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).expect("it is ours") {
        let path = entry.expect("it is ours").path();
        if path.is_dir() {
            all.extend(files(&path));
        } else if path.is_file() {
            all.push(path);
        }
    }
    all.sort();
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_found_in_every_form() {
        let base64 = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
        let written = [
            "x canary-7 y".to_owned(),
            base64("canary-7 and more"),
            base64("1canary-7 and more"),
            base64("12canary-7 and more"),
            "63616e6172792d37".to_owned(),
            "63616E6172792D37".to_owned(),
        ];
        for text in written {
            let folder = tempfile::tempdir().unwrap();
            std::fs::create_dir(folder.path().join("deep")).unwrap();
            std::fs::write(folder.path().join("deep/file"), &text).unwrap();
            assert_eq!(files_with(folder.path(), &["another"]), Vec::<String>::new());
            assert_eq!(files_with(folder.path(), &["another", "canary-7"]).len(), 1, "{text}");
        }
    }
}
