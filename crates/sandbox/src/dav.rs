//! The world over HTTP: CalDAV as iCloud speaks it, and as others do.
//!
//! [`serve`] opens two or more ports on loopback: the first is the host that clients are
//! configured with, the others are partitions, to which iCloud sends an account's client. What a
//! server does is decided here, synchronously, over the world; sockets only carry it. It is
//! strict: what the real ones refuse is refused.

mod content;
mod door;
mod exchange;
mod find;
mod paths;
mod profile;
mod report;
mod write;
mod xml;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use self::exchange::{Answer, Ask, Fate};
pub use self::profile::{
    Layout, Multiget, Profile, PutVersion, Quirk, TokenRefusal, Tokens, VersionStyle,
};
pub use self::xml::XmlStyle;
use crate::wire::{Allowance, Port};
use crate::world::World;

/// The largest request body in bytes: above every limit that is played, so that the limit answers
/// and not the socket.
const LARGEST_BODY: usize = 64 * 1024 * 1024;

/// What to serve.
#[derive(Clone, Debug)]
pub struct Options {
    /// How to behave.
    pub profile: Profile,
    /// The accounts that this service has. Their habits become the profile's.
    pub accounts: Vec<String>,
    /// How many partition hosts there are, at least one. The account is on the first.
    pub partitions: usize,
}

impl Options {
    /// One account at a service of this profile.
    pub fn new(profile: Profile, account: &str) -> Self {
        Self { profile, accounts: vec![account.to_owned()], partitions: 1 }
    }
}

/// A running service; it ends when this is dropped.
pub struct Running {
    /// Where clients begin.
    pub addr: SocketAddr,
    /// The partitions.
    pub partitions: Vec<SocketAddr>,
    server: Arc<Server>,
    tasks: Vec<JoinHandle<()>>,
}

impl Running {
    /// The URL that a client is configured with.
    pub fn url(&self) -> String {
        format!("http://{}/", self.addr)
    }

    /// The accounts move to the next partition; the one before answers no more.
    // quirk: icloud-10
    pub fn move_partition(&self) {
        let count = self.partitions.len();
        let next = |current: usize| Some((current + 1) % count);
        let _ = self.server.partition.fetch_update(Ordering::SeqCst, Ordering::SeqCst, next);
    }

    /// Every address at which the service's own hosts answer, as `address:port`.
    pub fn hosts(&self) -> Vec<String> {
        std::iter::once(&self.addr).chain(&self.partitions).map(ToString::to_string).collect()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// What all connections of a service share.
struct Server {
    world: World,
    profile: Profile,
    accounts: Vec<String>,
    /// `http://address:port` of the first host and of the partitions.
    origins: Vec<String>,
    /// The partition that the accounts are on, from 0.
    partition: AtomicUsize,
}

/// Serves accounts of a world. Needs a running tokio runtime with I/O.
///
/// # Errors
/// When loopback has no free port.
pub async fn serve(world: &World, options: Options) -> io::Result<Running> {
    let mut listeners = Vec::new();
    let mut addresses = Vec::new();
    for _ in 0..=options.partitions.max(1) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        addresses.push(listener.local_addr()?);
        listeners.push(listener);
    }
    for account in &options.accounts {
        let habits = options.profile.habits.clone();
        world.set_habits(account, |present| *present = habits);
    }
    let server = Arc::new(Server {
        world: world.clone(),
        profile: options.profile,
        accounts: options.accounts,
        origins: addresses.iter().map(|address| format!("http://{address}")).collect(),
        partition: AtomicUsize::new(0),
    });
    let mut tasks = Vec::new();
    for (host, listener) in listeners.into_iter().enumerate() {
        let router = Router::new().fallback(handle).with_state((server.clone(), host));
        let service = router.into_make_service_with_connect_info::<Allowance>();
        tasks.push(tokio::spawn(async move {
            // Serving ends with the task; there is nobody to tell.
            let _ = axum::serve(Port(listener), service).await;
        }));
    }
    let partitions = addresses.split_off(1);
    Ok(Running { addr: addresses[0], partitions, server, tasks })
}

/// Whether a server of this profile takes the text.
pub fn accepts(raw: &[u8], profile: &Profile) -> bool {
    content::check(raw, profile).is_ok()
}

async fn handle(
    State((server, host)): State<(Arc<Server>, usize)>,
    ConnectInfo(allowance): ConnectInfo<Allowance>,
    request: Request,
) -> Response {
    // quirk: icloud-71
    if allowance.count() > 0 && server.profile.has(Quirk::StaleConnections) {
        return play(Answer::dropped(), &allowance);
    }
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, LARGEST_BODY).await.unwrap_or_default();
    let headers = head.headers.iter().map(|(name, value)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    });
    let ask = Ask {
        host,
        method: head.method.as_str().to_owned(),
        path: head.uri.path().to_owned(),
        headers: headers.collect(),
        body: body.to_vec(),
    };
    let answer = server.answer(&ask);
    play(answer, &allowance)
}

/// Turns an answer into a response, and sees that the connection breaks where it is meant to.
fn play(answer: Answer, allowance: &Allowance) -> Response {
    match answer.fate {
        Fate::Delivered => {}
        Fate::Dropped => allowance.limit(0),
        // The head has to arrive, so that the client believes in a whole answer: as much again as
        // heads are long, and half of the body.
        Fate::Cut => allowance.limit(HEAD + answer.body.len() as u64 / 2),
    }
    let mut response = Response::new(Body::from(Bytes::from(answer.body)));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    for (name, value) in answer.headers {
        let name = HeaderName::from_bytes(name.as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(&value)) {
            response.headers_mut().append(name, value);
        }
    }
    response
}

/// About the length of an answer's head in bytes.
const HEAD: u64 = 300;

#[cfg(test)]
mod tests;
