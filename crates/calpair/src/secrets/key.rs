//! The key: where it is, whether it can be trusted, and making one the first time.
//!
//! A key that others can read, that somebody else put there or that a link leads to is refused
//! with what to do about it, not repaired: whoever could read it may have.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::AccountName;
use rand::TryRngCore;
use rand::rngs::OsRng;
use rustix::fs::{Mode, OFlags};
use zeroize::Zeroizing;

use crate::config::Secrets;
use crate::environment::Environment;

/// XChaCha20-Poly1305 takes 32 bytes.
const LENGTH: usize = 32;

/// No form of a key is longer; a file that is isn't one.
const LARGEST: u64 = 256;

/// Others and the group.
const OTHERS: u32 = 0o077;

/// The key that seals passwords and tokens. It can't be printed, and is wiped when it goes.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(Zeroizing<[u8; LENGTH]>);

impl Key {
    /// The bytes, for sealing.
    pub fn expose(&self) -> &[u8; LENGTH] {
        &self.0
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}

/// The key can't be had.
#[derive(Debug, thiserror::Error)]
#[error("the key {}: {problem}", file.display())]
pub struct KeyError {
    /// Where it is, or should be.
    pub file: PathBuf,
    /// What is wrong with it.
    #[source]
    pub problem: KeyProblem,
}

/// What is wrong with a key, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum KeyProblem {
    /// It isn't there.
    #[error("the file is not there; put it back, or run `calpair doctor`")]
    Missing,
    /// It isn't there, and would be made where nothing is sealed yet.
    #[error("the file is not there")]
    Unmade,
    /// It isn't there, and what was sealed with it is.
    #[error(
        "the file is not there, and the credentials of {accounts} are sealed with it. Put it back \
         from where you keep it; if it is lost, say `calpair disconnect` of each of them, and a \
         new one is made when they are connected again"
    )]
    Lost {
        /// Whose.
        accounts: String,
    },
    /// A link leads to it.
    #[error("the file is a symbolic link; name the file itself")]
    Link,
    /// It is a folder, a pipe or a device.
    #[error("this is not a file")]
    NotAFile,
    /// Somebody else owns it.
    #[error("user {owner} owns it; make it yours: chown {own}")]
    Owner {
        /// Who does.
        owner: u32,
        /// Who should.
        own: u32,
    },
    /// Others can read it.
    #[error("others can read it (mode {mode:04o}); chmod 600, and if somebody did, make a new key")]
    Mode {
        /// Its permissions.
        mode: u32,
    },
    /// It doesn't hold 32 bytes.
    #[error(
        "it holds no key: 32 bytes, or their 64 hexadecimal digits, or their base64 \
         (openssl rand -base64 32)"
    )]
    Length,
    /// The system says no.
    #[error("{0}")]
    System(io::Error),
}

/// Whose file it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Trust {
    /// systemd put it there and guards it; what it sets as mode and owner is its business.
    Systemd,
    /// It must be ours alone.
    Own,
}

/// What to do where the key is not what it was.
pub const PUT_BACK: &str = "put the key back, or make one (openssl rand -base64 32) and connect \
                            every account again";

/// The key: `key_file` if the configuration names one, else systemd's credential `calpair-key`,
/// else `secret.key` in the state directory, which is made if it isn't there and nothing is sealed
/// yet; `sealed` are the accounts of which something is. The state directory must exist, and be
/// held by this process.
///
/// # Errors
/// There is none, or it can't be trusted.
pub fn key(
    secrets: &Secrets,
    environment: &Environment,
    state: &Path,
    sealed: &[AccountName],
) -> Result<Key, KeyError> {
    match existing(secrets, environment, state) {
        Err(KeyError { file, problem: KeyProblem::Unmade }) if sealed.is_empty() => {
            make(&file)?;
            read(&file, Trust::Own)
        }
        Err(KeyError { file, problem: KeyProblem::Unmade }) => {
            let accounts: Vec<&str> = sealed.iter().map(AccountName::as_str).collect();
            let problem = KeyProblem::Lost { accounts: accounts.join(", ") };
            Err(KeyError { file, problem })
        }
        other => other,
    }
}

/// The same, and none is made: [`KeyProblem::Unmade`] where [`key`] might.
///
/// # Errors
/// There is none, or it can't be trusted.
pub fn existing(
    secrets: &Secrets,
    environment: &Environment,
    state: &Path,
) -> Result<Key, KeyError> {
    if let Some(file) = &secrets.key_file {
        return read(file, Trust::Own);
    }
    let credential =
        environment.folder("CREDENTIALS_DIRECTORY").map(|folder| folder.join("calpair-key"));
    if let Some(file) = credential.filter(|file| file.exists()) {
        return read(&file, Trust::Systemd);
    }
    let file = state.join("secret.key");
    read(&file, Trust::Own).map_err(|error| match error.problem {
        KeyProblem::Missing => KeyError { file, problem: KeyProblem::Unmade },
        _ => error,
    })
}

fn read(file: &Path, trust: Trust) -> Result<Key, KeyError> {
    contents(file, trust).map_err(|problem| KeyError { file: file.to_owned(), problem })
}

fn contents(file: &Path, trust: Trust) -> Result<Key, KeyProblem> {
    // Not to wait for a writer when somebody put a pipe there.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let opened: OwnedFd =
        rustix::fs::open(file, flags, Mode::empty()).map_err(|error| match error {
            rustix::io::Errno::NOENT => KeyProblem::Missing,
            rustix::io::Errno::LOOP => KeyProblem::Link,
            _ => KeyProblem::System(error.into()),
        })?;
    let opened = File::from(opened);
    let metadata = opened.metadata().map_err(KeyProblem::System)?;
    if !metadata.is_file() {
        return Err(KeyProblem::NotAFile);
    }
    if trust == Trust::Own {
        let own = rustix::process::geteuid().as_raw();
        let folder = std::fs::metadata(file.parent().unwrap_or(Path::new("/")));
        let folder = folder.map_err(KeyProblem::System)?.uid();
        if !may_own(metadata.uid(), own, folder) {
            return Err(KeyProblem::Owner { owner: metadata.uid(), own });
        }
        if metadata.mode() & OTHERS != 0 {
            return Err(KeyProblem::Mode { mode: metadata.mode() & 0o7777 });
        }
    }
    let mut bytes = Zeroizing::new(Vec::new());
    opened.take(LARGEST).read_to_end(&mut bytes).map_err(KeyProblem::System)?;
    decoded(&bytes).ok_or(KeyProblem::Length)
}

/// The key must be ours; for root also the service's, in the service's own folder, so that an
/// administrator can run commands.
const fn may_own(owner: u32, own: u32, folder: u32) -> bool {
    owner == own || (own == 0 && owner == folder)
}

/// 32 bytes, or their hexadecimal or base64 text with white space around it.
fn decoded(bytes: &[u8]) -> Option<Key> {
    let key = |bytes: &[u8]| Some(Key(Zeroizing::new(bytes.try_into().ok()?)));
    if bytes.len() == LENGTH {
        return key(bytes);
    }
    let text = std::str::from_utf8(bytes).ok()?.trim_ascii();
    if text.len() == 2 * LENGTH {
        let digits = |at: usize| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
        let bytes: Option<Vec<u8>> = (0..text.len()).step_by(2).map(digits).collect();
        return key(&Zeroizing::new(bytes?));
    }
    key(&Zeroizing::new(STANDARD.decode(text).ok()?))
}

/// Makes a key, whole or not at all: it is there only when it is on the disk.
fn make(file: &Path) -> Result<(), KeyError> {
    let failed = |error| KeyError { file: file.to_owned(), problem: KeyProblem::System(error) };
    let folder = file.parent().unwrap_or(Path::new("/"));
    let mut bytes = Zeroizing::new([0; LENGTH]);
    OsRng.try_fill_bytes(&mut *bytes).map_err(|error| failed(io::Error::other(error)))?;
    let text = Zeroizing::new(format!("{}\n", STANDARD.encode(*bytes)));
    // Made with mode 0600, whatever the umask.
    let mut made =
        tempfile::Builder::new().prefix(".secret.key.").tempfile_in(folder).map_err(failed)?;
    made.write_all(text.as_bytes()).and_then(|()| made.as_file().sync_all()).map_err(failed)?;
    match made.persist_noclobber(file) {
        Ok(_) => {}
        // Somebody was faster; theirs is as good.
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(failed(error.error)),
    }
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn place(file: &Path, bytes: &[u8], mode: u32) {
        fs::write(file, bytes).unwrap();
        fs::set_permissions(file, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn named(file: &Path) -> Secrets {
        Secrets { key_file: Some(file.to_owned()) }
    }

    #[test]
    fn a_key_is_made_once_and_only_ours() {
        let dir = tempfile::tempdir().unwrap();
        let get = || key(&Secrets::default(), &Environment::default(), dir.path(), &[]).unwrap();
        let first = get();
        assert_eq!(first, get());
        let file = dir.path().join("secret.key");
        assert_eq!(fs::metadata(&file).unwrap().mode() & 0o7777, 0o600);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        assert_ne!(first.expose(), &[0; 32]);
        let other = tempfile::tempdir().unwrap();
        let other = key(&Secrets::default(), &Environment::default(), other.path(), &[]).unwrap();
        assert_ne!(first, other);
    }

    #[test]
    fn a_key_that_something_is_sealed_with_is_not_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let (secrets, environment) = (Secrets::default(), Environment::default());
        let sealed = [AccountName::new("home"), AccountName::new("work")];
        let error = key(&secrets, &environment, dir.path(), &sealed).unwrap_err().to_string();
        let file = dir.path().join("secret.key");
        for words in [file.to_str().unwrap(), "home, work", "Put it back", "calpair disconnect"] {
            assert!(error.contains(words), "{error}");
        }
        assert!(existing(&secrets, &environment, dir.path()).is_err());
        assert!(!file.exists());
        let made = key(&secrets, &environment, dir.path(), &[]).unwrap();
        assert_eq!(key(&secrets, &environment, dir.path(), &sealed).unwrap(), made);
        assert_eq!(existing(&secrets, &environment, dir.path()).unwrap(), made);
    }

    #[test]
    fn the_configuration_goes_before_systemd_and_systemd_before_the_state_directory() {
        let dir = tempfile::tempdir().unwrap();
        let credentials = dir.path().join("credentials");
        fs::create_dir(&credentials).unwrap();
        place(&credentials.join("calpair-key"), &[1; 32], 0o440);
        place(&dir.path().join("named"), &[2; 32], 0o400);
        place(&dir.path().join("secret.key"), &[3; 32], 0o600);
        let set = [("CREDENTIALS_DIRECTORY".to_owned(), credentials.as_os_str())];
        let systemd = Environment::of(set);
        let none = Environment::default();
        let plain = Secrets::default();
        let named = named(&dir.path().join("named"));
        let first = |secrets, environment| key(secrets, environment, dir.path(), &[]).unwrap().0[0];
        assert_eq!(first(&named, &systemd), 2);
        assert_eq!(first(&plain, &systemd), 1);
        assert_eq!(first(&plain, &none), 3);
    }

    #[test]
    fn every_written_form_is_read() {
        let bytes: Vec<u8> = (0..32).collect();
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let base64 = STANDARD.encode(&bytes);
        let forms = [
            bytes.clone(),
            hex.clone().into(),
            format!("{}\n", hex.to_uppercase()).into(),
            base64.clone().into(),
            format!(" {base64}\r\n").into(),
        ];
        for form in forms {
            assert_eq!(decoded(&form).unwrap().expose()[..], bytes[..]);
        }
        let wrong = [vec![], b"short".to_vec(), vec![0; 31], vec![0; 33], vec![b'z'; 64]];
        for bytes in wrong.iter().map(Vec::as_slice).chain(["é".repeat(32).as_bytes()]) {
            assert_eq!(decoded(bytes), None, "{bytes:?}");
        }
    }

    #[test]
    fn a_key_that_cant_be_trusted_is_refused_with_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        place(&at("open"), &[1; 32], 0o640);
        place(&at("short"), &[1; 16], 0o600);
        place(&at("long"), &[1; 4096], 0o600);
        place(&at("good"), &[1; 32], 0o600);
        symlink(at("good"), at("link")).unwrap();
        fs::create_dir(at("folder")).unwrap();
        let length = "it holds no key: 32 bytes, or their 64 hexadecimal digits, or their base64 \
                      (openssl rand -base64 32)";
        let cases = [
            ("missing", "the file is not there; put it back, or run `calpair doctor`"),
            ("link", "the file is a symbolic link; name the file itself"),
            ("folder", "this is not a file"),
            (
                "open",
                "others can read it (mode 0640); chmod 600, and if somebody did, make a new key",
            ),
            ("short", length),
            ("long", length),
        ];
        for (name, expected) in cases {
            let file = at(name);
            let error = key(&named(&file), &Environment::default(), dir.path(), &[]).unwrap_err();
            assert_eq!(error.to_string(), format!("the key {}: {expected}", file.display()));
        }
        assert!(!at("secret.key").exists(), "a named key is never made");
    }

    #[test]
    fn a_key_is_ours_or_the_services_for_root() {
        let cases = [
            (7, 7, 7, true),
            (7, 7, 0, true),
            (0, 7, 7, false),
            (8, 7, 8, false),
            (0, 0, 7, true),
            (7, 0, 7, true),
            (7, 0, 0, false),
            (8, 0, 7, false),
        ];
        for (owner, own, folder, expected) in cases {
            assert_eq!(may_own(owner, own, folder), expected, "{owner} {own} {folder}");
        }
    }

    #[test]
    fn a_key_cant_be_printed() {
        let dir = tempfile::tempdir().unwrap();
        let key = key(&Secrets::default(), &Environment::default(), dir.path(), &[]).unwrap();
        assert_eq!(format!("{key:?}"), "[redacted]");
    }
}
