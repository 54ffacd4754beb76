//! The listener: opened where the configuration says, moved when it says otherwise, with a bound on
//! how many connections there are and how long one may last. Trouble here keeps no pair from being
//! synced.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Instant, Sleep};
use tokio_util::sync::CancellationToken;

use super::{Site, router};
use crate::config::{Daemon, Listen};
use crate::secrets::Lock;

/// Connections at once: a browser opens six, a household has a few, a monitor one.
const CONNECTIONS: usize = 64;

/// How long a connection may last. The longest request waits for a provider's check of a password;
/// browsers open a new one without a word.
const LIFE: Duration = Duration::from_secs(5 * 60);

/// How long a connection may be silent before a request: whoever holds places without a word must
/// not keep others out.
const SILENCE: Duration = Duration::from_secs(15);

/// How long to wait before an address that is in use is tried again, and how often it is looked
/// whether a password has been set by now.
const AGAIN: Duration = Duration::from_secs(2);

/// Keeps the page open, until `stop`.
pub(crate) async fn keep(site: Arc<Site>, stop: CancellationToken) {
    let mut changes = site.service.changes();
    loop {
        changes.mark_unchanged();
        let daemon = site.service.config().daemon.clone();
        tokio::select! {
            () = stop.cancelled() => return,
            () = serve(&site, &daemon) => {}
            () = moved(&site, &mut changes, &daemon) => {}
        }
    }
}

/// Waits until the page is to be elsewhere.
async fn moved(site: &Site, changes: &mut watch::Receiver<()>, before: &Daemon) {
    while changes.changed().await.is_ok() {
        let config = site.service.config();
        let now = &config.daemon;
        if now.listen != before.listen || now.public_url != before.public_url {
            return;
        }
    }
    std::future::pending().await
}

/// Serves the page; comes back when that can't go on.
async fn serve(site: &Arc<Site>, daemon: &Daemon) {
    let Listen::At(address) = daemon.listen else { return std::future::pending().await };
    if site.wants_password() && site.password().is_none() {
        tracing::warn!(
            "the page is not opened: it could be reached from other machines, and no password is \
             set; `calpair page-password` sets one"
        );
        while site.password().is_none() {
            tokio::time::sleep(AGAIN).await;
        }
    }
    if site.lock() == Lock::Broken {
        tracing::warn!(
            "nobody can open the page: `page-password` in the state directory can be read by \
             others than its owner, or is damaged; `calpair page-password` sets a new one"
        );
    }
    let listener = bound(address).await;
    let address = listener.local_addr().unwrap_or(address);
    site.listens_at(address);
    tracing::info!("the page is at http://{address}/");
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let served = axum::serve(Bounded { listener, places }, router(site)).await;
    if let Err(error) = served {
        tracing::error!(%error, "the page can't be served");
        tokio::time::sleep(AGAIN).await;
    }
}

/// The listener, as soon as the address is free.
async fn bound(address: SocketAddr) -> TcpListener {
    let mut said = false;
    loop {
        match TcpListener::bind(address).await {
            Ok(listener) => return listener,
            Err(error) if !said => {
                said = true;
                tracing::error!(%error, "the page can't be opened at {address}; it is tried again");
            }
            Err(_) => {}
        }
        tokio::time::sleep(AGAIN).await;
    }
}

struct Bounded {
    listener: TcpListener,
    places: Arc<Semaphore>,
}

impl Listener for Bounded {
    type Io = Held;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Held, SocketAddr) {
        loop {
            let place = Arc::clone(&self.places).acquire_owned().await;
            match (place, self.listener.accept().await) {
                (Ok(place), Ok((stream, address))) => {
                    let end = Box::pin(tokio::time::sleep(LIFE));
                    let silence = Box::pin(tokio::time::sleep(SILENCE));
                    let held = Held { stream, end, silence, is_asked: false, _place: place };
                    return (held, address);
                }
                (Err(_), _) | (_, Err(_)) => tokio::time::sleep(AGAIN).await,
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection with its place; nothing more is read from it when its time is over.
struct Held {
    stream: TcpStream,
    end: Pin<Box<Sleep>>,
    /// Counts since the last answer.
    silence: Pin<Box<Sleep>>,
    /// A request has begun to come since.
    is_asked: bool,
    _place: OwnedSemaphorePermit,
}

impl AsyncRead for Held {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.end.as_mut().poll(context).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        if !self.is_asked && self.silence.as_mut().poll(context).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.is_asked |= buffer.filled().len() > before;
        read
    }
}

impl AsyncWrite for Held {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.end.as_mut().poll(context).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        self.is_asked = false;
        self.silence.as_mut().reset(Instant::now() + SILENCE);
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
