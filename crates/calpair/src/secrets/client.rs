//! The secret of an OAuth client, from a file: as plain text, or as the JSON that Google's console
//! offers for download.

use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use secrecy::SecretString;
use zeroize::Zeroizing;

/// Group and others.
const OTHERS: u32 = 0o077;

/// Google's JSON has half a kilobyte.
const LARGEST: u64 = 64 << 10;

/// The longest secret that is taken for one.
const LONGEST: usize = 1024;

/// Why a client's secret can't be used.
#[derive(Debug, thiserror::Error)]
#[error("{}: {problem}", file.display())]
pub struct ClientSecretError {
    /// The file.
    pub file: PathBuf,
    /// What is wrong with it.
    pub problem: ClientSecretProblem,
}

/// What is wrong with a file that should hold a client's secret.
#[derive(Debug, thiserror::Error)]
pub enum ClientSecretProblem {
    /// It can't be read.
    #[error("{0}")]
    System(io::Error),
    /// It is a directory, a pipe, a device.
    #[error("it is not a file")]
    NotAFile,
    /// Others can read it.
    #[error("others can read it (mode {mode:04o}); chmod 600")]
    Mode {
        /// Its mode.
        mode: u32,
    },
    /// It holds something else.
    #[error("it holds no client secret: one line of text, or the JSON that the console downloads")]
    NoSecret,
    /// It is another client's.
    #[error("it is for another client_id")]
    Another,
}

/// Reads the secret of the client `id`.
///
/// # Errors
/// There is none, or others can read it, or it is another client's.
pub fn client_secret(file: &Path, id: &str) -> Result<SecretString, ClientSecretError> {
    contents(file)
        .and_then(|text| secret(&text, id))
        .map_err(|problem| ClientSecretError { file: file.to_owned(), problem })
}

fn contents(file: &Path) -> Result<Zeroizing<Vec<u8>>, ClientSecretProblem> {
    // A pipe would be waited for.
    let metadata = std::fs::metadata(file).map_err(ClientSecretProblem::System)?;
    if !metadata.is_file() {
        return Err(ClientSecretProblem::NotAFile);
    }
    if metadata.mode() & OTHERS != 0 {
        return Err(ClientSecretProblem::Mode { mode: metadata.mode() & 0o7777 });
    }
    let mut bytes = Zeroizing::new(Vec::new());
    let opened = std::fs::File::open(file).map_err(ClientSecretProblem::System)?;
    opened.take(LARGEST).read_to_end(&mut bytes).map_err(ClientSecretProblem::System)?;
    Ok(bytes)
}

fn secret(bytes: &[u8], id: &str) -> Result<SecretString, ClientSecretProblem> {
    let text = std::str::from_utf8(bytes).map_err(|_| ClientSecretProblem::NoSecret)?.trim();
    if !text.starts_with('{') {
        return checked(text);
    }
    let json: serde_json::Value =
        serde_json::from_str(text).map_err(|_| ClientSecretProblem::NoSecret)?;
    let client = json.get("installed").or(json.get("web")).unwrap_or(&json);
    let field = |name: &str| client.get(name).and_then(serde_json::Value::as_str);
    match field("client_id") {
        Some(other) if other != id => Err(ClientSecretProblem::Another),
        Some(_) | None => checked(field("client_secret").unwrap_or_default()),
    }
}

fn checked(text: &str) -> Result<SecretString, ClientSecretProblem> {
    let sound = !text.is_empty() && text.len() <= LONGEST;
    if sound && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(SecretString::from(text));
    }
    Err(ClientSecretProblem::NoSecret)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn text_and_the_consoles_json_are_read() {
        let cases = [
            ("GOCSPX-x\n", Ok("GOCSPX-x")),
            (r#"{"installed":{"client_id":"id","client_secret":"s"}}"#, Ok("s")),
            (r#"{"web":{"client_id":"id","client_secret":"s"}}"#, Ok("s")),
            (r#"{"client_secret":"s"}"#, Ok("s")),
            (r#"{"installed":{"client_id":"other","client_secret":"s"}}"#, Err("another")),
            (r#"{"installed":{"client_id":"id"}}"#, Err("no client secret")),
            ("{", Err("no client secret")),
            ("", Err("no client secret")),
            ("two words", Err("no client secret")),
        ];
        for (text, expected) in cases {
            match (secret(text.as_bytes(), "id"), expected) {
                (Ok(secret), Ok(expected)) => assert_eq!(secret.expose_secret(), expected),
                (Err(error), Err(expected)) => {
                    assert!(error.to_string().contains(expected), "{text}: {error}");
                }
                (other, _) => panic!("{text}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        let missing = client_secret(&file, "id").unwrap_err().to_string();
        assert!(missing.starts_with(&file.display().to_string()), "{missing}");
        fs::write(&file, "GOCSPX-x").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        let error = client_secret(&file, "id").unwrap_err().to_string();
        assert!(error.ends_with("others can read it (mode 0644); chmod 600"), "{error}");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(client_secret(&file, "id").unwrap().expose_secret(), "GOCSPX-x");
        assert!(client_secret(folder.path(), "id").unwrap_err().to_string().contains("not a file"));
    }
}
