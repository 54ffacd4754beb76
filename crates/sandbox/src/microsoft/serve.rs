//! The service on loopback, for clients that need sockets.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::Microsoft;
use super::exchange::{Ask, Fate};
use crate::dav::wire::{Allowance, Port};

/// The largest request body in bytes (reference, section 3.13).
const LARGEST_BODY: usize = 4 * 1024 * 1024;

/// About the length of an answer's head in bytes.
const HEAD: u64 = 400;

/// A running service; it ends when this is dropped.
pub struct Running {
    /// Where it is.
    pub addr: SocketAddr,
    task: JoinHandle<()>,
}

impl Running {
    /// The address below which everything is: `{url}v1.0/me`, `{url}{tenant}/oauth2/v2.0/token`.
    pub fn url(&self) -> String {
        format!("http://{}/", self.addr)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Microsoft {
    /// Serves on a free port of loopback. Needs a running tokio runtime with I/O.
    ///
    /// # Errors
    /// When loopback has no free port.
    pub async fn serve(&self) -> io::Result<Running> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let addr = listener.local_addr()?;
        let router = Router::new().fallback(carry).with_state(self.clone());
        let service = router.into_make_service_with_connect_info::<Allowance>();
        let task = tokio::spawn(async move {
            // Serving ends with the task; there is nobody to tell.
            let _ = axum::serve(Port(listener), service).await;
        });
        Ok(Running { addr, task })
    }
}

async fn carry(
    State(microsoft): State<Microsoft>,
    ConnectInfo(allowance): ConnectInfo<Allowance>,
    request: Request,
) -> Response {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, LARGEST_BODY).await.unwrap_or_default();
    let mut reply = microsoft.handle(&Ask::new(http::Request::from_parts(head, body))).await;
    match reply.fate {
        Fate::Delivered => {}
        Fate::Lost => {
            allowance.limit(0);
            reply.fate = Fate::Delivered;
        }
        // The head arrives, and half of what was left of the body.
        Fate::Cut => allowance.limit(HEAD + reply.body.len() as u64 / 2),
    }
    let mut response = match reply.response() {
        Some(response) => response.map(Body::from),
        None => Response::new(Body::empty()),
    };
    if response.status() == StatusCode::NO_CONTENT {
        *response.body_mut() = Body::empty();
    }
    response
}
