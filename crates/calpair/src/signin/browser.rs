//! A sign-in in the browser (RFC 8252 section 7.3): a listener on loopback for one answer, for five
//! minutes. Where the browser runs on another machine, the address that it ends at is pasted
//! instead; whichever comes first counts.
//!
//! Browsers open connections without using them and ask for icons; neither is an answer. An answer
//! to another sign-in is refused, and the right one still waited for.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::Receiver;
use tokio::task::JoinSet;
use transport::SecretString;
use transport::oauth::{Client, Consent, ConsentError, Redirect};
use zeroize::Zeroizing;

use super::page::Page;

/// How long a person may take.
const PATIENCE: Duration = Duration::from_secs(5 * 60);

/// How long a connection may take to say what it wants.
const HEAD: Duration = Duration::from_secs(10);

/// The longest head of a request: an address with a code of two kilobytes, cookies of everything
/// that ever ran on this machine's loopback.
const LONGEST: usize = 64 << 10;

/// How often a port is looked for that is free under both addresses of loopback.
const TRIES: usize = 8;

/// Connections at once: browsers open up to six to one host.
const CONNECTIONS: usize = 32;

/// Why there is no code.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BrowserError {
    /// Nobody answered.
    #[error("nobody answered within five minutes; run the command again")]
    TooLate,
    /// The answer is no.
    #[error(transparent)]
    Refused(ConsentError),
    /// There is no port.
    #[error("no port of this machine's loopback can be listened on")]
    NoPort(#[source] std::io::Error),
}

/// One sign-in that waits for its answer.
pub(crate) struct Waiting {
    /// On 127.0.0.1 and, where this machine has it, on ::1: `localhost` may mean either.
    listeners: (TcpListener, Option<TcpListener>),
    consent: Arc<Consent>,
    port: u16,
}

impl Waiting {
    /// Begins to listen.
    ///
    /// # Errors
    /// There is no port.
    pub(crate) async fn begin(
        client: &Client,
        chance: &[u8; 64],
        hint: Option<&str>,
    ) -> Result<Self, BrowserError> {
        let redirect = client.redirect();
        let (listeners, port) = listen(redirect).await.map_err(BrowserError::NoPort)?;
        let consent = Arc::new(client.consent(&redirect.to(port), chance, hint));
        Ok(Self { listeners, consent, port })
    }

    /// What is waited for.
    pub(crate) fn consent(&self) -> &Consent {
        &self.consent
    }

    /// The code, from the browser or from a line of `typed`; what is typed wrongly is complained
    /// about, and asked for again.
    ///
    /// # Errors
    /// None in time, or a refusal.
    pub(crate) async fn code(
        &self,
        typed: Option<Receiver<Zeroizing<String>>>,
        complain: &dyn Fn(&str),
    ) -> Result<SecretString, BrowserError> {
        let answer = async {
            tokio::select! {
                answer = self.visited() => answer,
                answer = self.pasted(typed, complain) => answer,
            }
        };
        match tokio::time::timeout(PATIENCE, answer).await {
            Ok(answer) => answer.map_err(BrowserError::Refused),
            Err(_) => Err(BrowserError::TooLate),
        }
    }

    async fn pasted(
        &self,
        typed: Option<Receiver<Zeroizing<String>>>,
        complain: &dyn Fn(&str),
    ) -> Result<SecretString, ConsentError> {
        let Some(mut typed) = typed else { return std::future::pending().await };
        while let Some(line) = typed.recv().await {
            match self.consent.code(&line) {
                Err(ConsentError::NoAnswer) if line.trim().is_empty() => {}
                Err(error @ (ConsentError::NoAnswer | ConsentError::WrongState)) => {
                    complain(&format!("{error}; paste the whole address, with code= and state="));
                }
                answer => return answer,
            }
        }
        // Nothing more is typed; the browser may still come.
        std::future::pending().await
    }

    async fn visited(&self) -> Result<SecretString, ConsentError> {
        let mut visits = JoinSet::new();
        loop {
            tokio::select! {
                Ok(stream) = accept(&self.listeners), if visits.len() < CONNECTIONS => {
                    visits.spawn(visit(stream, Arc::clone(&self.consent), self.port));
                }
                Some(visit) = visits.join_next() => {
                    if let Ok(Some(answer)) = visit {
                        return answer;
                    }
                }
            }
        }
    }
}

/// Listens where a redirect leads.
async fn listen(redirect: Redirect) -> io::Result<((TcpListener, Option<TcpListener>), u16)> {
    let mut tries = TRIES;
    loop {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        tries -= 1;
        let other = match redirect {
            Redirect::Address => None,
            Redirect::Name => match TcpListener::bind((Ipv6Addr::LOCALHOST, port)).await {
                Ok(listener) => Some(listener),
                // Somebody else's: whoever takes `localhost` for ::1 would come to them.
                Err(error) if error.kind() == io::ErrorKind::AddrInUse && tries > 0 => continue,
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => return Err(error),
                // A machine without IPv6.
                Err(_) => None,
            },
        };
        return Ok(((listener, other), port));
    }
}

async fn accept((one, other): &(TcpListener, Option<TcpListener>)) -> io::Result<TcpStream> {
    let Some(other) = other else { return Ok(one.accept().await?.0) };
    tokio::select! {
        taken = one.accept() => Ok(taken?.0),
        taken = other.accept() => Ok(taken?.0),
    }
}

/// One connection; `None` when it was not what is waited for.
async fn visit(
    mut stream: TcpStream,
    consent: Arc<Consent>,
    port: u16,
) -> Option<Result<SecretString, ConsentError>> {
    let head = tokio::time::timeout(HEAD, head(&mut stream)).await.ok()??;
    let (page, answer) = judge(&head, &consent, port);
    // A browser that went away has brought its answer all the same.
    let _ = stream.write_all(&page.answer()).await;
    let _ = stream.shutdown().await;
    answer
}

async fn head(stream: &mut TcpStream) -> Option<Zeroizing<String>> {
    let mut bytes = Zeroizing::new(vec![0; LONGEST]);
    let mut filled = 0;
    while filled < LONGEST {
        let read = stream.read(&mut bytes[filled..]).await.ok().filter(|read| *read > 0)?;
        filled += read;
        if bytes[..filled].windows(4).any(|window| window == b"\r\n\r\n") {
            return std::str::from_utf8(&bytes[..filled]).ok().map(|head| head.to_owned().into());
        }
    }
    None
}

/// What a request's head asks for. Only a page of this machine's own may be behind it: another
/// `Host` is a name that somebody made resolve to loopback.
fn judge(
    head: &str,
    consent: &Consent,
    port: u16,
) -> (Page, Option<Result<SecretString, ConsentError>>) {
    let mut lines = head.split("\r\n");
    let mut words = lines.next().unwrap_or_default().split(' ');
    let (method, target) = (words.next(), words.next().unwrap_or_default());
    let host = lines.find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("host").then_some(value.trim())
    });
    let own = [format!("127.0.0.1:{port}"), format!("localhost:{port}")];
    let at_root = target.starts_with("/?");
    if method != Some("GET") || !at_root || !host.is_some_and(|host| own.iter().any(|o| o == host))
    {
        return (Page::Nothing, None);
    }
    match consent.code(target) {
        Ok(code) => (Page::Done, Some(Ok(code))),
        Err(ConsentError::WrongState) => (Page::Foreign, None),
        Err(ConsentError::NoAnswer) => (Page::Nothing, None),
        Err(error @ (ConsentError::Declined | ConsentError::Refused(_))) => {
            (Page::Declined, Some(Err(error)))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
    use std::sync::Mutex;

    use secrecy::ExposeSecret;
    use tokio::sync::mpsc;
    use transport::oauth::ClientOptions;
    use transport::{Url, Wire};

    use super::*;

    async fn waiting() -> Waiting {
        waiting_at(Redirect::Address).await
    }

    async fn waiting_at(redirect: Redirect) -> Waiting {
        let url = |path: &str| Url::parse(&format!("https://issuer.example/{path}")).unwrap();
        let client = Client::new(ClientOptions {
            issuer: "Issuer",
            client_id: "id".into(),
            client_secret: None,
            auth_url: url("auth"),
            token_url: url("token"),
            revoke_url: None,
            device_url: None,
            scopes: &[],
            redirect,
            extra: &[],
            explain: |_| None,
            wire: Wire::Network,
        });
        Waiting::begin(&client.unwrap(), &[7; 64], None).await.unwrap()
    }

    fn state(waiting: &Waiting) -> String {
        let mut pairs = waiting.consent().url().query_pairs();
        pairs.find(|(name, _)| name == "state").unwrap().1.into_owned()
    }

    /// A browser's request; what it is shown.
    async fn visit(port: u16, target: &str, host: &str) -> String {
        visit_at(Ipv4Addr::LOCALHOST.into(), port, target, host).await
    }

    async fn visit_at(address: IpAddr, port: u16, target: &str, host: &str) -> String {
        let mut stream = TcpStream::connect((address, port)).await.unwrap();
        let head = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nCookie: a=b\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut shown = String::new();
        stream.read_to_string(&mut shown).await.unwrap();
        shown
    }

    #[tokio::test]
    async fn one_answer_is_taken_and_everything_else_turned_away() {
        let waiting = waiting().await;
        let (port, state) = (waiting.port, state(&waiting));
        let own = format!("127.0.0.1:{port}");
        let right = format!("/?state={state}&code=canary-code");
        let browser = async {
            // Opened ahead, as browsers do, and never used.
            let _idle = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
            let turned_away = [
                ("/favicon.ico", &*own, "404"),
                ("/", &own, "404"),
                (&right, "evil.example", "404"),
                (&format!("/other{right}"), &own, "404"),
                ("/?state=other&code=x", &own, "400"),
                ("/?code=x", &own, "400"),
                (&format!("/?state={state}"), &own, "404"),
            ];
            for (target, host, status) in turned_away {
                let shown = visit(port, target, host).await;
                assert!(shown.starts_with(&format!("HTTP/1.1 {status} ")), "{target}: {shown}");
            }
            visit(port, &right, &own).await
        };
        let complain = |text: &str| panic!("{text}");
        let (code, shown) = tokio::join!(waiting.code(None, &complain), browser);
        assert_eq!(code.unwrap().expose_secret(), "canary-code");
        assert!(shown.starts_with("HTTP/1.1 200 ") && shown.contains("close this page"));
        assert!(!shown.contains("canary") && shown.contains("default-src 'none'"));
    }

    #[tokio::test]
    async fn whoever_takes_localhost_for_another_address_comes_to_us_too() {
        for address in [IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST)] {
            let waiting = waiting_at(Redirect::Name).await;
            let port = waiting.port;
            assert_eq!(waiting.consent().redirect(), format!("http://localhost:{port}"));
            if address.is_ipv6() && waiting.listeners.1.is_none() {
                assert!(TcpListener::bind((address, 0)).await.is_err(), "there is no IPv6 here");
                continue;
            }
            let target = format!("/?code=canary-code&state={}", state(&waiting));
            let host = format!("localhost:{port}");
            let browser = visit_at(address, port, &target, &host);
            let (code, shown) = tokio::join!(waiting.code(None, &|_| {}), browser);
            assert_eq!(code.unwrap().expose_secret(), "canary-code");
            assert!(shown.contains("close this page"), "{shown}");
        }
    }

    #[tokio::test]
    async fn a_refusal_is_an_answer() {
        let waiting = waiting().await;
        let target = format!("/?error=access_denied&state={}", state(&waiting));
        let host = format!("localhost:{}", waiting.port);
        let browser = visit(waiting.port, &target, &host);
        let (code, shown) = tokio::join!(waiting.code(None, &|_| {}), browser);
        assert!(matches!(code, Err(BrowserError::Refused(ConsentError::Declined))), "{code:?}");
        assert!(shown.contains("No consent"));
    }

    #[tokio::test]
    async fn the_address_can_be_pasted() {
        let waiting = waiting().await;
        let (sender, receiver) = mpsc::channel(8);
        let state = state(&waiting);
        let port = waiting.port;
        for line in [
            String::new(),
            "what?".to_owned(),
            format!("http://127.0.0.1:{port}/?code=x&state=other"),
            format!("http://127.0.0.1:{port}/?code=canary-code&state={state}&scope=y\r"),
        ] {
            sender.send(Zeroizing::new(line)).await.unwrap();
        }
        let complaints = Mutex::new(Vec::new());
        let complain = |text: &str| complaints.lock().unwrap().push(text.to_owned());
        let code = waiting.code(Some(receiver), &complain).await.unwrap();
        assert_eq!(code.expose_secret(), "canary-code");
        let complaints = complaints.into_inner().unwrap();
        assert_eq!(complaints.len(), 2);
        assert!(complaints[0].contains("not the address of an answer"), "{complaints:?}");
        assert!(complaints[1].contains("another sign-in"), "{complaints:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_is_waited_for_longer_than_five_minutes() {
        let waiting = waiting().await;
        let error = waiting.code(None, &|_| {}).await.unwrap_err();
        assert!(matches!(error, BrowserError::TooLate), "{error:?}");
    }
}
