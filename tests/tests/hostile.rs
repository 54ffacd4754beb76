//! Every calendar file at hand, hostile ones too, is read or refused: in time, in little memory,
//! without a panic, and kept byte for byte. Each in a process of its own.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use calpair_tests::environment::corpus;
use calpair_tests::servers::say;
use calpair_tests::wait;

/// What one file may cost.
const MILLISECONDS: u64 = 2_000;

/// What one file may cost.
const KIBIBYTES: u64 = 256 * 1024;

/// A process that runs longer hangs; far above the limit, so that the cost is told, not a hang.
const PATIENCE: Duration = Duration::from_secs(30);

/// Reads a file in a process of its own: what it says, or how it failed.
fn read(file: &Path) -> Result<Vec<u64>, String> {
    let mut child = Command::new(env!("CARGO_BIN_EXE_read"))
        .arg(file)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the reader runs");
    let ended = wait::until(PATIENCE, || child.try_wait().expect("it can be waited for"));
    if ended.is_none() {
        child.kill().expect("it can be killed");
    }
    let Output { status, stdout, stderr } = child.wait_with_output().expect("it has ended");
    if status.success() {
        let words = String::from_utf8_lossy(&stdout).into_owned();
        return Ok(words.split_whitespace().filter_map(|word| word.parse().ok()).collect());
    }
    Err(format!("{status}: {}", String::from_utf8_lossy(&stderr).trim()))
}

#[test]
fn every_file_is_read_or_refused_in_time_and_space() {
    let corpus = corpus();
    say(&format!("files from {}, whole: {}", corpus.folder.display(), corpus.is_whole));
    let mut files: Vec<String> = corpus.files().into_iter().map(|(name, _)| name).collect();
    let count = files.len();
    let half = files.split_off(count / 2);
    let results: Vec<(String, Result<Vec<u64>, String>)> = std::thread::scope(|scope| {
        let work = |files: Vec<String>| {
            let folder = &corpus.folder;
            move || {
                let read = |file: String| (file.clone(), read(&folder.join(file)));
                files.into_iter().map(read).collect::<Vec<_>>()
            }
        };
        let both = [scope.spawn(work(files)), scope.spawn(work(half))];
        both.into_iter().flat_map(|half| half.join().expect("no panic here")).collect()
    });
    let mut wrong = Vec::new();
    let (mut slowest, mut largest) = ((0, ""), (0, ""));
    let (mut events, mut refused, mut occurrences) = (0, 0, 0);
    for (file, result) in &results {
        match result.as_deref() {
            Ok(&[read, not, times, millis, memory]) => {
                (events, refused, occurrences) =
                    (events + read, refused + not, occurrences + times);
                slowest = slowest.max((millis, file));
                largest = largest.max((memory, file));
                if millis >= MILLISECONDS || memory >= KIBIBYTES {
                    wrong.push(format!("{file}: {millis} ms, {memory} KiB"));
                }
            }
            Ok(_) => wrong.push(format!("{file}: no answer")),
            Err(end) => wrong.push(format!("{file}: {end}")),
        }
    }
    say(&format!(
        "{count} files: {events} events read, {refused} refused, {occurrences} occurrences in ten \
         years; slowest {} ms ({}), largest {} MiB ({})",
        slowest.0,
        slowest.1,
        largest.0 / 1024,
        largest.1
    ));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
