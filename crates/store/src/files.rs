//! The state directory: modes, the lock of its one owner, the mark of a clean stop, backups.
//!
//! With the database goes the key of its texts, in a file that no `calpair.db*` names: it stays
//! when somebody takes a damaged database away, for the copies are sealed with it too.
//!
//! The directory is 0700 and every file of ours 0600, whatever the umask, and whatever they were
//! before. The mark says how the database file looked when it was closed, so that a file which was
//! changed since (restored, damaged) is checked as after a crash.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use model::Timestamp;
use zeroize::Zeroizing;

use crate::error::Place;
use crate::{Error, ErrorKind, Key, Result};

const DATABASE: &str = "calpair.db";
/// A database that is being made; it gets its name when it is whole.
const UNFINISHED: &str = "calpair.db.new";
/// A copy in which a plan is tried.
const REHEARSAL: &str = "calpair.db.try";
const LOCK: &str = "calpair.lock";
const CLOSED: &str = "calpair.closed";
const BACKUPS: &str = "backups";
/// What titles and texts in the database, and in its copies, are sealed with: 32 bytes.
const KEY: &str = "texts.key";
/// A key that is being made.
const UNFINISHED_KEY: &str = "texts.key.new";

/// How many backups are kept: a migration gone wrong, or a damage, is noticed within a week.
const BACKUPS_KEPT: usize = 7;

/// How a backup's name tells when it was made.
const MADE: &str = "%Y%m%dT%H%M%SZ";

/// A state directory that this process owns.
#[derive(Debug)]
pub(crate) struct Home {
    directory: PathBuf,
    /// Held as long as this lives; the system lets go of it when the process ends, however it does.
    _lock: Lock,
}

impl Home {
    /// Makes the directory, mends the modes of what is in it, and takes its lock.
    pub(crate) fn enter(directory: &Path) -> Result<Home> {
        make_folder(directory)?;
        let lock = take_lock(&directory.join(LOCK))?;
        let home = Home { directory: directory.to_owned(), _lock: lock };
        home.mend()?;
        // What a process left that was killed meanwhile.
        home.end_rehearsal()?;
        home.end_backup()?;
        Ok(home)
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.directory.join(DATABASE)
    }

    /// A fresh empty file in which to make a database. What an earlier try left behind goes, and
    /// so does the log of a database that is no more: it must not be played into another one.
    pub(crate) fn unfinished(&self) -> Result<PathBuf> {
        for base in [DATABASE, UNFINISHED] {
            for suffix in ["", "-wal", "-shm", "-journal"] {
                let path = self.directory.join(format!("{base}{suffix}"));
                if base == UNFINISHED || !suffix.is_empty() {
                    remove(&path)?;
                }
            }
        }
        let path = self.directory.join(UNFINISHED);
        make_file(&path)?;
        Ok(path)
    }

    /// A fresh empty file for a copy in which a plan is tried.
    pub(crate) fn rehearsal(&self) -> Result<PathBuf> {
        self.end_rehearsal()?;
        let path = self.directory.join(REHEARSAL);
        make_file(&path)?;
        Ok(path)
    }

    /// Takes the copy's name away: whoever has it open keeps it, and nobody else finds it.
    pub(crate) fn end_rehearsal(&self) -> Result<()> {
        for suffix in ["", "-wal", "-shm", "-journal"] {
            remove(&self.directory.join(format!("{REHEARSAL}{suffix}")))?;
        }
        Ok(())
    }

    /// Removes the beginnings of copies.
    fn end_backup(&self) -> Result<()> {
        let is_ours = |path: &PathBuf| {
            let name = path.file_name().and_then(|name| name.to_str());
            name.is_some_and(|name| name.starts_with("calpair-") && name.ends_with(".db.new"))
        };
        for path in self.files_of(BACKUPS, "new").into_iter().filter(is_ours) {
            remove(&path)?;
        }
        Ok(())
    }

    /// Gives a database that is whole its name.
    pub(crate) fn finish(&self, unfinished: &Path) -> Result<()> {
        let tried = format!("put {} in its place", self.database().display());
        fs::rename(unfinished, self.database()).map_err(Error::io(tried))?;
        sync_folder(&self.directory)
    }

    /// Whether the database was closed and looks as it did then. The mark goes: from here on, only
    /// a clean stop brings it back.
    pub(crate) fn take_closed_mark(&self) -> Result<bool> {
        let path = self.directory.join(CLOSED);
        let mut mark = String::new();
        let read = File::open(&path).and_then(|file| file.take(200).read_to_string(&mut mark));
        let clean = read.is_ok() && mark == self.look()?;
        remove(&path)?;
        Ok(clean)
    }

    /// The database was closed.
    pub(crate) fn put_closed_mark(&self) -> Result<()> {
        let path = self.directory.join(CLOSED);
        let tried = format!("write {}", path.display());
        let mut file = make_file(&path)?;
        file.write_all(self.look()?.as_bytes()).map_err(Error::io(tried))
    }

    /// The size and time of change of the database file.
    fn look(&self) -> Result<String> {
        let path = self.database();
        let tried = format!("look at {}", path.display());
        let file = fs::metadata(&path).map_err(Error::io(tried))?;
        Ok(format!("{} {}.{:09}\n", file.len(), file.mtime(), file.mtime_nsec()))
    }

    /// Makes a backup under a name by which backups sort, with what `copy` writes.
    pub(crate) fn backup(
        &self,
        now: Timestamp,
        version: i32,
        copy: impl FnOnce(&Path) -> Result<()>,
    ) -> Result<PathBuf> {
        let folder = self.directory.join(BACKUPS);
        make_folder(&folder)?;
        let name = format!("calpair-{}-v{version}.db", now.strftime(MADE));
        let (path, unfinished) = (folder.join(&name), folder.join(format!("{name}.new")));
        remove(&unfinished)?;
        make_file(&unfinished)?;
        copy(&unfinished)?;
        let tried = format!("put {} in its place", path.display());
        fs::rename(&unfinished, &path).map_err(Error::io(tried))?;
        sync_folder(&folder)?;
        Ok(path)
    }

    /// Removes all backups but the newest few.
    pub(crate) fn prune_backups(&self) -> Result<()> {
        let all = self.backups();
        all[..all.len().saturating_sub(BACKUPS_KEPT)].iter().try_for_each(|old| remove(old))
    }

    /// The key of the texts; `None` where there is none.
    pub(crate) fn key(&self) -> Result<Option<Key>> {
        let path = self.directory.join(KEY);
        let bytes = match fs::read(&path) {
            Ok(bytes) => Zeroizing::new(bytes),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io(format!("read {}", path.display()))(error)),
        };
        match bytes.as_slice().try_into() {
            Ok(bytes) => Ok(Some(Key::new(bytes))),
            Err(_) => Err(self.sealed(true)),
        }
    }

    /// The same; where there is none it is made, and safe on the disk before anything is sealed
    /// with it.
    pub(crate) fn key_or_new(&self) -> Result<Key> {
        if let Some(key) = self.key()? {
            return Ok(key);
        }
        let (path, unfinished) = (self.directory.join(KEY), self.directory.join(UNFINISHED_KEY));
        let key = Key::random();
        let mut file = make_file(&unfinished)?;
        let written = file.write_all(key.bytes()).and_then(|()| file.sync_all());
        let written = written.and_then(|()| fs::rename(&unfinished, &path));
        written.map_err(Error::io(format!("write {}", path.display())))?;
        sync_folder(&self.directory)?;
        Ok(key)
    }

    /// The key is not there, or is another database's.
    pub(crate) fn sealed(&self, is_another: bool) -> Error {
        let (key, database) = (self.directory.join(KEY), self.database());
        let what = if is_another { "is not the key of" } else { "is not there, the key of" };
        let sentence = format!(
            "the titles and texts in the database are sealed, and {} {what} {}. Nothing was \
             changed in it. Put the key back from where the database comes from. If it is lost, \
             move the files calpair.db, calpair.db-wal, calpair.db-shm and {KEY} and the folder \
             {BACKUPS} away and begin anew: equal events are taken as one, and accounts have to \
             be connected again",
            key.display(),
            database.display()
        );
        Error::new(ErrorKind::Sealed, sentence)
    }

    /// Where the database is, and the newest copy.
    pub(crate) fn place(&self) -> Place {
        Place { database: self.database(), backup: self.newest_backup() }
    }

    /// The newest copy of the database.
    pub(crate) fn newest_backup(&self) -> Option<PathBuf> {
        self.backups().pop()
    }

    /// Whether a copy was made after `then` and before `until`, as the names say. One that is
    /// dated later was dated by a clock that was wrong.
    pub(crate) fn has_backup_between(&self, then: Timestamp, until: Timestamp) -> bool {
        let [then, until] = [then, until].map(|at| format!("calpair-{}", at.strftime(MADE)));
        self.backups().iter().any(|path| {
            let name = path.file_name().and_then(|name| name.to_str());
            name.is_some_and(|name| name > then.as_str() && name < until.as_str())
        })
    }

    /// Whether there is a copy of an earlier form than this one.
    pub(crate) fn has_backup_before(&self, version: i32) -> bool {
        self.backups().iter().any(|path| is_before(path, version))
    }

    /// Removes those copies.
    pub(crate) fn remove_backups_before(&self, version: i32) -> Result<()> {
        let old = self.backups().into_iter().filter(|path| is_before(path, version));
        for path in old {
            remove(&path)?;
        }
        sync_folder(&self.directory.join(BACKUPS))
    }

    /// Oldest first. What can't be read is not there: this is asked for when all else has failed.
    fn backups(&self) -> Vec<PathBuf> {
        self.files_of(BACKUPS, "db")
    }

    /// By name.
    fn files_of(&self, folder: &str, extension: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.directory.join(folder)).into_iter().flatten().flatten();
        let mut all: Vec<_> = entries.map(|entry| entry.path()).collect();
        all.retain(|path| path.extension().is_some_and(|found| found == extension));
        all.sort();
        all
    }

    /// Modes of what an earlier start, a restore or somebody's `cp` left behind.
    fn mend(&self) -> Result<()> {
        let names = [DATABASE, UNFINISHED].iter().flat_map(|base| {
            ["", "-wal", "-shm", "-journal"].map(|suffix| format!("{base}{suffix}"))
        });
        let ours =
            names.chain([CLOSED, KEY].map(str::to_owned)).map(|name| self.directory.join(name));
        for path in ours.chain(self.backups()) {
            set_mode(&path, 0o600)?;
        }
        if self.directory.join(BACKUPS).exists() {
            set_mode(&self.directory.join(BACKUPS), 0o700)?;
        }
        Ok(())
    }
}

/// Whether a copy of ours tells an earlier form by its name.
fn is_before(copy: &Path, version: i32) -> bool {
    let stem = copy.file_stem().and_then(|stem| stem.to_str());
    let stem = stem.filter(|stem| stem.starts_with("calpair-"));
    let form = stem.and_then(|stem| stem.rsplit_once("-v")).map(|(_, form)| form.parse::<i32>());
    matches!(form, Some(Ok(form)) if form < version)
}

fn make_folder(path: &Path) -> Result<()> {
    let tried = format!("make the folder {}", path.display());
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(Error::io(tried))?;
    set_mode(path, 0o700)
}

/// An empty file, or the emptied one that was there.
fn make_file(path: &Path) -> Result<File> {
    let mut options = OpenOptions::new();
    let file = options.write(true).create(true).truncate(true).mode(0o600).open(path);
    let file = file.map_err(Error::io(format!("make {}", path.display())))?;
    set_mode(path, 0o600)?;
    if let Some(Ok(folder)) = path.parent().map(fs::metadata) {
        // A command of root's leaves nothing that the daemon can't read; nobody else can give a
        // file away, or has to.
        let _ = fchown(&file, Some(folder.uid()), Some(folder.gid()));
    }
    Ok(file)
}

/// Sets the mode where it is another one; a file that is not there has none.
fn set_mode(path: &Path, mode: u32) -> Result<()> {
    match fs::metadata(path) {
        Ok(file) if file.permissions().mode() & 0o7777 == mode => Ok(()),
        Ok(_) => {
            let tried = format!("take other people's rights from {}", path.display());
            fs::set_permissions(path, Permissions::from_mode(mode)).map_err(Error::io(tried))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Error::io(format!("look at {}", path.display()))(error)),
    }
}

pub(crate) fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::io(format!("remove {}", path.display()))(error))
        }
        _ => Ok(()),
    }
}

fn sync_folder(path: &Path) -> Result<()> {
    let sync = File::open(path).and_then(|folder| folder.sync_all());
    sync.map_err(Error::io(format!("write the folder {} to the disk", path.display())))
}

/// The lock of the state directory, while it is ours.
#[derive(Debug)]
struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing is not enough: a command that is being started at this moment has a copy of the
        // descriptor until it is another program. What can't be given back goes with the process.
        let _ = self.0.unlock();
    }
}

fn take_lock(path: &Path) -> Result<Lock> {
    let mut options = OpenOptions::new();
    // Not truncated: until the lock is ours, the file says whose it is.
    let file = options.read(true).write(true).create(true).truncate(false).mode(0o600).open(path);
    let mut file = file.map_err(Error::io(format!("open {}", path.display())))?;
    set_mode(path, 0o600)?;
    match file.try_lock() {
        Ok(()) => {
            let owner = format!("{}\n", std::process::id());
            let written = file.set_len(0).and_then(|()| file.write_all(owner.as_bytes()));
            written.map_err(Error::io(format!("write {}", path.display())))?;
            Ok(Lock(file))
        }
        Err(fs::TryLockError::WouldBlock) => {
            let mut owner = String::new();
            // Who it is helps, but is not needed.
            let _ = file.take(20).read_to_string(&mut owner);
            let process = match owner.trim() {
                "" => String::new(),
                owner => format!(" (process {owner})"),
            };
            let sentence = format!("another calpair{process} holds the state directory");
            Err(Error::new(ErrorKind::Locked, sentence))
        }
        Err(fs::TryLockError::Error(error)) => {
            Err(Error::io(format!("lock {}", path.display()))(error))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_leaves_gives_the_directory_back_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::enter(folder.path()).unwrap();
        assert_eq!(Home::enter(folder.path()).unwrap_err().kind(), &ErrorKind::Locked);
        // As a command has it that was just started.
        let inherited = home._lock.0.try_clone().unwrap();
        drop(home);
        Home::enter(folder.path()).unwrap();
        drop(inherited);
    }
}
