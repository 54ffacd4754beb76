//! The daemon's end.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use super::{LONGEST_REQUEST, Reply, Request, socket};
use crate::exit::Exit;

/// Commands at a time. More are kept waiting: people type, scripts loop.
const AT_ONCE: usize = 16;

/// How long a question may take to arrive; it is one write of a program on this machine.
const ARRIVAL: Duration = Duration::from_secs(10);

/// How long to wait when the system has no more to give for a connection.
const BREATH: Duration = Duration::from_millis(100);

/// A question, and where the answer goes. Not answering says that the daemon is stopping.
#[derive(Debug)]
pub struct Asked {
    /// What is asked for.
    pub request: Request,
    /// Where the answer goes.
    pub reply: oneshot::Sender<Reply>,
}

/// The socket. Its file goes when this does.
#[derive(Debug)]
pub struct Listener {
    listener: UnixListener,
    path: PathBuf,
}

impl Listener {
    /// Opens the socket. A file that a crashed daemon left is replaced: the state directory must
    /// be held by this process, so nobody listens on it.
    ///
    /// # Errors
    /// The socket can't be made.
    pub fn open(state: &Path) -> io::Result<Self> {
        let path = socket(state);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        // The directory is 0700, so nobody comes between these two.
        let listener = UnixListener::bind(&path)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
        Ok(Self { listener, path })
    }

    /// Takes questions and hands them on, until `stop`.
    pub async fn serve(self, asked: mpsc::Sender<Asked>, stop: CancellationToken) {
        let places = Arc::new(Semaphore::new(AT_ONCE));
        loop {
            let taken = tokio::select! {
                () = stop.cancelled() => return,
                taken = next(&self.listener, &places) => taken,
            };
            match taken {
                Ok((stream, place)) => {
                    let (asked, stop) = (asked.clone(), stop.clone());
                    tokio::spawn(async move {
                        tokio::select! {
                            () = stop.cancelled() => {}
                            () = converse(stream, asked) => {}
                        }
                        drop(place);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "the control socket takes no connection");
                    tokio::time::sleep(BREATH).await;
                }
            }
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

async fn next(
    listener: &UnixListener,
    places: &Arc<Semaphore>,
) -> io::Result<(UnixStream, tokio::sync::OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    Ok((stream, place))
}

/// One question, one answer.
async fn converse(mut stream: UnixStream, asked: mpsc::Sender<Asked>) {
    if !is_ours(&stream) {
        tracing::warn!("somebody else's process asked on the control socket");
        return;
    }
    let reply = match timeout(ARRIVAL, request(&mut stream)).await {
        Ok(Ok(request)) => answer(request, &asked).await,
        Ok(Err(reply)) => reply,
        Err(_) => return,
    };
    let mut line = serde_json::to_vec(&reply).expect("replies have text keys only");
    line.push(b'\n');
    // Whoever asked may be gone; that is no matter.
    let _ = stream.write_all(&line).await;
    let _ = stream.shutdown().await;
}

/// Our user's process, or root's.
fn is_ours(stream: &UnixStream) -> bool {
    let own = rustix::process::geteuid().as_raw();
    stream.peer_cred().is_ok_and(|peer| peer.uid() == own || peer.uid() == 0)
}

async fn request(stream: &mut UnixStream) -> Result<Request, Reply> {
    let wrong = |what: &str| Reply::message(Exit::Usage, format!("the daemon {what}"));
    let mut line = Zeroizing::new(Vec::new());
    let read = BufReader::new(stream.take(LONGEST_REQUEST)).read_until(b'\n', &mut line).await;
    if read.is_err() || line.last() != Some(&b'\n') {
        return Err(wrong("was asked something that is too long, or cut off"));
    }
    // The error would quote what was asked.
    serde_json::from_slice(&line)
        .map_err(|_| wrong("does not know this command; it may be of another version: restart it"))
}

async fn answer(request: Request, asked: &mpsc::Sender<Asked>) -> Reply {
    let stopping = || Reply::message(Exit::TryAgain, "the daemon is stopping");
    let (reply, answer) = oneshot::channel();
    if asked.send(Asked { request, reply }).await.is_err() {
        return stopping();
    }
    answer.await.unwrap_or_else(|_| stopping())
}
