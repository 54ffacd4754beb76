//! Sockets that can fail: a connection is dropped without an answer, or cut in the middle of one.
//!
//! The server above decides, the socket plays it: each connection carries an [`Allowance`], the
//! number of bytes that may still be written before it breaks.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

/// How many bytes a connection may still write, and how many requests it has carried.
#[derive(Clone, Debug)]
pub(crate) struct Allowance(Arc<Counts>);

#[derive(Debug)]
struct Counts {
    left: AtomicU64,
    requests: AtomicU64,
}

impl Allowance {
    fn endless() -> Self {
        Self(Arc::new(Counts { left: AtomicU64::new(u64::MAX), requests: AtomicU64::new(0) }))
    }

    /// After `bytes` more the connection breaks.
    pub(crate) fn limit(&self, bytes: u64) {
        self.0.left.store(bytes, Ordering::SeqCst);
    }

    /// Counts a request; how many there were before it.
    pub(crate) fn count(&self) -> u64 {
        self.0.requests.fetch_add(1, Ordering::SeqCst)
    }

    fn left(&self) -> u64 {
        self.0.left.load(Ordering::SeqCst)
    }

    fn spend(&self, bytes: u64) {
        let left = self.left();
        if left != u64::MAX {
            self.0.left.store(left.saturating_sub(bytes), Ordering::SeqCst);
        }
    }
}

impl Connected<IncomingStream<'_, Port>> for Allowance {
    fn connect_info(stream: IncomingStream<'_, Port>) -> Self {
        stream.io().allowance.clone()
    }
}

/// A listener whose connections carry an allowance.
pub(crate) struct Port(pub(crate) TcpListener);

impl Listener for Port {
    type Io = Line;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Line, SocketAddr) {
        let (stream, address) = Listener::accept(&mut self.0).await;
        // Answers are small; waiting to fill a packet would dominate every measurement.
        let _ = stream.set_nodelay(true);
        (Line { stream, allowance: Allowance::endless() }, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

/// A connection.
pub(crate) struct Line {
    stream: TcpStream,
    allowance: Allowance,
}

fn broken() -> io::Error {
    io::Error::from(io::ErrorKind::ConnectionReset)
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.allowance.left() == 0 {
            return Poll::Ready(Err(broken()));
        }
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Line {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let left = usize::try_from(self.allowance.left()).unwrap_or(usize::MAX);
        if left == 0 {
            return Poll::Ready(Err(broken()));
        }
        let bytes = &bytes[..bytes.len().min(left)];
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        if let Poll::Ready(Ok(count)) = &written {
            self.allowance.spend(*count as u64);
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
