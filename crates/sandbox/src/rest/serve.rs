//! A service on loopback, for clients that need sockets.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::{Ask, Fate, Reply};
use crate::wire::{Allowance, Port};

/// The largest request body in bytes (Graph's, which is the smaller one); an event is far smaller.
const LARGEST_BODY: usize = 4 * 1024 * 1024;

/// About the length of an answer's head in bytes.
const HEAD: u64 = 300;

/// What answers requests.
pub(crate) trait Dialect: Clone + Send + Sync + 'static {
    /// Answers one, whatever goes wrong with it.
    fn play(&self, ask: &Ask) -> impl Future<Output = Reply> + Send;
}

/// A running service; it ends when this is dropped.
pub struct Running {
    /// Where it is.
    pub addr: SocketAddr,
    task: JoinHandle<()>,
}

impl Running {
    /// The address below which everything is, with a slash at its end.
    pub fn url(&self) -> String {
        format!("http://{}/", self.addr)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub(crate) async fn serve<D: Dialect>(dialect: D) -> io::Result<Running> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let addr = listener.local_addr()?;
    let router = Router::new().fallback(carry::<D>).with_state(dialect);
    let service = router.into_make_service_with_connect_info::<Allowance>();
    let task = tokio::spawn(async move {
        // Serving ends with the task; there is nobody to tell.
        let _ = axum::serve(Port(listener), service).await;
    });
    Ok(Running { addr, task })
}

async fn carry<D: Dialect>(
    State(dialect): State<D>,
    ConnectInfo(allowance): ConnectInfo<Allowance>,
    request: Request,
) -> Response {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, LARGEST_BODY).await.unwrap_or_default();
    let mut reply = dialect.play(&Ask::new(http::Request::from_parts(head, body))).await;
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
