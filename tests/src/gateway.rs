//! What stands between calpair and its server, as the networks of hotels, broken proxies and
//! strangers do: it lets requests through, or answers them itself, over plain HTTP or over TLS.
//! What it was sent is noted, above all whether a credential was.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// A client that says nothing for so long is gone.
const PATIENCE: Duration = Duration::from_secs(20);

/// The page of a hotel that wants a sign-in of its own before it lets anybody through.
pub const PORTAL: &str = "<!doctype html><html><head><title>Welcome</title></head><body>\
    <form action=/accept method=post><button>Accept the terms</button></form></body></html>";

/// What becomes of requests.
#[derive(Clone, Debug)]
pub enum Way {
    /// They reach the server.
    Through,
    /// This is the answer to all of them: status line, headers, body.
    Answered(String),
    /// Those of this method are refused with this status, the others reach the server.
    Refused(&'static str, u16),
    /// They reach the server, whose answers lose every version (ETag).
    Unversioned,
}

impl Way {
    /// A bare answer of this status.
    pub fn status(status: u16) -> Self {
        Way::Answered(bare(status))
    }

    /// A redirect.
    pub fn redirect(status: u16, to: &str) -> Self {
        Way::Answered(format!("HTTP/1.1 {status} X\r\nlocation: {to}\r\ncontent-length: 0\r\n"))
    }

    /// A web page, with this status.
    pub fn page(status: u16) -> Self {
        Self::page_with(status, "")
    }

    /// A web page that asks for a password of its own.
    pub fn asking_page() -> Self {
        Self::page_with(401, "www-authenticate: Basic realm=\"Hotel\"\r\n")
    }

    /// A refusal in words of this type, or of none, that asks for nothing.
    pub fn refusing(content_type: &str) -> Self {
        let told = match content_type {
            "" => String::new(),
            told => format!("content-type: {told}\r\n"),
        };
        let words = "{\"error\": \"accept the terms\"}";
        let length = words.len();
        Way::Answered(format!("HTTP/1.1 401 X\r\n{told}content-length: {length}\r\n\r\n{words}"))
    }

    fn page_with(status: u16, headers: &str) -> Self {
        Way::Answered(format!(
            "HTTP/1.1 {status} X\r\ncontent-type: text/html\r\nset-cookie: guest=1\r\n{headers}\
             content-length: {}\r\n\r\n{PORTAL}",
            PORTAL.len()
        ))
    }
}

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Arrived {
    /// Its method.
    pub method: String,
    /// Whether it carried a credential.
    pub authorized: bool,
}

#[derive(Debug, Default)]
struct Notes {
    arrived: Vec<Arrived>,
    connections: usize,
    refused: usize,
}

/// A listener on this machine.
#[derive(Debug)]
pub struct Gateway {
    addr: SocketAddr,
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    behind: Option<SocketAddr>,
    way: Mutex<Way>,
    shown: Mutex<Option<Arc<ServerConfig>>>,
    notes: Mutex<Notes>,
}

impl Gateway {
    /// Before the server at this address, over plain HTTP.
    pub fn before(behind: SocketAddr) -> Self {
        Self::listen(Ipv4Addr::LOCALHOST, Some(behind), Way::Through, None)
    }

    /// The same over TLS.
    pub fn secure(behind: SocketAddr, shown: &Certificate) -> Self {
        Self::listen(Ipv4Addr::LOCALHOST, Some(behind), Way::Through, Some(shown.config()))
    }

    /// Somebody else's server, at every address of this machine, who takes whatever is sent.
    pub fn stranger() -> Self {
        Self::listen(Ipv4Addr::UNSPECIFIED, None, Way::page(200), None)
    }

    /// # Panics
    /// When the machine has no free port.
    fn listen(
        at: Ipv4Addr,
        behind: Option<SocketAddr>,
        way: Way,
        shown: Option<Arc<ServerConfig>>,
    ) -> Self {
        let listener = TcpListener::bind((at, 0)).expect("a free port");
        let addr = listener.local_addr().expect("it is bound");
        let (way, shown, notes) = (Mutex::new(way), Mutex::new(shown), Mutex::default());
        let inner = Arc::new(Inner { behind, way, shown, notes });
        let serving = Arc::clone(&inner);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { return };
                let inner = Arc::clone(&serving);
                // What a client breaks off has no answer.
                std::thread::spawn(move || inner.serve(stream));
            }
        });
        Self { addr, inner }
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.addr.port()
    }

    /// From now on.
    pub fn turn(&self, way: Way) {
        *lock(&self.inner.way) = way;
    }

    /// From now on it shows this certificate.
    pub fn show(&self, certificate: &Certificate) {
        *lock(&self.inner.shown) = Some(certificate.config());
    }

    /// What has arrived so far.
    pub fn arrived(&self) -> Vec<Arrived> {
        lock(&self.inner.notes).arrived.clone()
    }

    /// How many connections there were, with or without a request.
    pub fn connections(&self) -> usize {
        lock(&self.inner.notes).connections
    }

    /// How many clients did not like the certificate.
    pub fn refused(&self) -> usize {
        lock(&self.inner.notes).refused
    }
}

impl Inner {
    fn serve(&self, stream: TcpStream) -> io::Result<()> {
        lock(&self.notes).connections += 1;
        stream.set_read_timeout(Some(PATIENCE))?;
        let shown = lock(&self.shown).clone();
        let Some(config) = shown else { return self.exchange(stream) };
        let mut stream = stream;
        let mut tls = ServerConnection::new(config).map_err(io::Error::other)?;
        while tls.is_handshaking() {
            if let Err(error) = tls.complete_io(&mut stream) {
                lock(&self.notes).refused += 1;
                return Err(error);
            }
        }
        self.exchange(StreamOwned::new(tls, stream))
    }

    /// One request and its answer; the connection ends with it.
    fn exchange(&self, mut client: impl Read + Write) -> io::Result<()> {
        let Some((head, body)) = read(&mut client)? else { return Ok(()) };
        let first = head.lines().next().unwrap_or_default();
        let method = first.split(' ').next().unwrap_or_default().to_owned();
        let mut names = head.lines().filter_map(|line| line.split(':').next());
        let authorized = names.any(|name| name.eq_ignore_ascii_case("authorization"));
        lock(&self.notes).arrived.push(Arrived { method: method.clone(), authorized });
        let way = lock(&self.way).clone();
        let answer = match (way, self.behind) {
            (Way::Answered(answer), _) => closing(&answer).into_bytes(),
            (Way::Refused(of, status), _) if of == method => closing(&bare(status)).into_bytes(),
            (Way::Unversioned, Some(behind)) => unversioned(forward(behind, &head, &body)?),
            (Way::Through | Way::Refused(..), Some(behind)) => forward(behind, &head, &body)?,
            (Way::Through | Way::Refused(..) | Way::Unversioned, None) => return Ok(()),
        };
        client.write_all(&answer)?;
        client.flush()
    }
}

/// Head (without its empty line) and body of a request; `None` where there is none.
fn read(client: &mut impl Read) -> io::Result<Option<(String, Vec<u8>)>> {
    let (mut bytes, mut part) = (Vec::new(), [0; 16 * 1024]);
    let mut end = None;
    loop {
        if end.is_none() {
            end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
        }
        if let Some(end) = end {
            let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
            });
            let whole = end + 4 + length.unwrap_or(0_usize);
            if bytes.len() >= whole {
                return Ok(Some((head, bytes[end + 4..whole].to_vec())));
            }
        }
        match client.read(&mut part)? {
            0 => return Ok(None),
            read => bytes.extend_from_slice(&part[..read]),
        }
    }
}

/// The server's answer to a request that is its connection's only one.
fn forward(behind: SocketAddr, head: &str, body: &[u8]) -> io::Result<Vec<u8>> {
    let mut server = TcpStream::connect(behind)?;
    server.set_read_timeout(Some(PATIENCE))?;
    server.write_all(closing(&format!("{head}\r\n")).as_bytes())?;
    server.write_all(body)?;
    let mut answer = Vec::new();
    server.read_to_end(&mut answer)?;
    Ok(answer)
}

fn bare(status: u16) -> String {
    format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\n")
}

/// An answer whose versions have names that nobody knows, of the same length.
fn unversioned(mut answer: Vec<u8>) -> Vec<u8> {
    for at in 0..answer.len().saturating_sub(7) {
        let is_element = answer[at..].starts_with(b"getetag");
        let is_header = answer[at..at + 7].eq_ignore_ascii_case(b"\r\netag:");
        if is_element {
            answer[at..at + 7].copy_from_slice(b"nonetag");
        } else if is_header {
            answer[at..at + 7].copy_from_slice(b"\r\nnone:");
        }
    }
    answer
}

/// The message, with the word that the connection ends after it.
fn closing(message: &str) -> String {
    let (first, rest) = message.split_once("\r\n").unwrap_or((message, ""));
    let rest = if rest.contains("\r\n\r\n") { rest.to_owned() } else { format!("{rest}\r\n") };
    format!("{first}\r\nconnection: close\r\n{rest}")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("nobody panics with it")
}

/// An authority that the program is told to believe.
pub struct Authority(Issuer<'static, KeyPair>, String);

/// What a server shows to prove that it is the one.
#[derive(Clone, Debug)]
pub struct Certificate(Arc<ServerConfig>);

/// What is wrong with a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// Nothing: it is for `localhost`.
    None,
    /// Its time is over.
    Expired,
    /// It is for somebody else.
    OtherName,
}

impl Authority {
    /// A new one of this name.
    ///
    /// # Panics
    /// When keys can't be made.
    pub fn new(name: &str) -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let own = params.self_signed(&key).expect("a certificate");
        Self(Issuer::new(params, key), own.pem())
    }

    /// What whoever believes it has to know (PEM).
    pub fn pem(&self) -> &str {
        &self.1
    }

    /// Issues a certificate.
    ///
    /// # Panics
    /// When keys can't be made.
    pub fn issue(&self, flaw: Flaw) -> Certificate {
        let name = if flaw == Flaw::OtherName { "other.example" } else { "localhost" };
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
        if flaw == Flaw::Expired {
            (params.not_before, params.not_after) =
                (date_time_ymd(2019, 1, 1), date_time_ymd(2020, 1, 1));
        }
        let own = params.signed_by(&key, &self.0).expect("a certificate");
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let chain = vec![CertificateDer::from(own)];
        let ring = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(ring)
            .with_safe_default_protocol_versions()
            .expect("ring has them")
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .expect("they belong together");
        Certificate(Arc::new(config))
    }
}

impl Certificate {
    fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.0)
    }
}
