//! The listener: opened where the configuration says, moved when it says otherwise, with a bound on
//! how many connections there are, how long one may last, and how long the head of a request may
//! take. Trouble here keeps no pair from being synced.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
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

/// How long the head of a request may take, and so how long somebody keeps a place by sending a
/// letter now and then. A phone on a bad line is faster.
const HEAD: Duration = Duration::from_secs(20);

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
        site.service.links().lead_nowhere();
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
    let listener = Bounded { listener, places: Arc::new(Semaphore::new(CONNECTIONS)) };
    let service = TowerToHyperService::new(router(site));
    loop {
        let stream = TokioIo::new(listener.accept().await);
        let service = service.clone();
        tokio::spawn(async move {
            let mut server = auto::Builder::new(TokioExecutor::new()).http1_only();
            server.http1().timer(TokioTimer::new()).header_read_timeout(HEAD);
            // Whoever breaks off, or is too slow, gets no answer.
            if let Err(error) = server.serve_connection(stream, service).await {
                tracing::trace!("a connection to the page broke off: {error}");
            }
        });
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

impl Bounded {
    /// The next connection, as soon as there is a place for it.
    async fn accept(&self) -> Held {
        loop {
            let place = Arc::clone(&self.places).acquire_owned().await;
            match (place, self.listener.accept().await) {
                (Ok(place), Ok((stream, _))) => {
                    let end = Box::pin(tokio::time::sleep(LIFE));
                    let silence = Box::pin(tokio::time::sleep(SILENCE));
                    return Held { stream, end, silence, is_asked: false, _place: place };
                }
                (Err(_), _) | (_, Err(_)) => tokio::time::sleep(AGAIN).await,
            }
        }
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
