//! A command's end.

use std::io;
use std::path::Path;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use zeroize::Zeroizing;

use super::{LONGEST_REPLY, Reply, Request, socket};

/// There is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// No daemon runs.
    #[error("no daemon runs with this state directory")]
    NobodyThere,
    /// It ended before it answered.
    #[error("the daemon ended before it answered")]
    NoAnswer,
    /// It answered what this version doesn't understand.
    #[error("the daemon's answer can't be read; it may be of another version: restart it")]
    Unreadable,
    /// The socket can't be used.
    #[error("the control socket can't be used")]
    Socket(#[source] io::Error),
}

/// Asks the daemon that holds this state directory. Waits for the answer as long as it takes.
///
/// # Errors
/// There is no daemon, or no answer.
pub async fn ask(state: &Path, request: &Request) -> Result<Reply, AskError> {
    let mut stream =
        UnixStream::connect(socket(state)).await.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => AskError::NobodyThere,
            _ => AskError::Socket(error),
        })?;
    let mut line =
        Zeroizing::new(serde_json::to_vec(request).expect("requests have text keys only"));
    line.push(b'\n');
    stream.write_all(&line).await.map_err(AskError::Socket)?;
    let mut answer = Vec::new();
    let read = BufReader::new(stream.take(LONGEST_REPLY)).read_until(b'\n', &mut answer).await;
    read.map_err(AskError::Socket)?;
    if answer.is_empty() {
        return Err(AskError::NoAnswer);
    }
    serde_json::from_slice(&answer).map_err(|_| AskError::Unreadable)
}
