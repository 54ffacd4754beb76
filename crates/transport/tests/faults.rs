//! What networks and servers do, one raw socket each: the policy must end every exchange, in time,
//! in bounded memory, with the right kind of error, and without handing the credential on.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::io::Write as _;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use provider::{Error, ErrorKind};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use transport::{
    Account, Allow, Credential, Options, Reached, RedirectRefused, TooLarge, Url, counted,
};

/// What a server does with one request.
#[derive(Clone)]
enum Reply {
    /// Sends these bytes and keeps the connection.
    Send(Vec<u8>),
    /// Sends these bytes and closes.
    SendAndClose(Vec<u8>),
    /// Sends these bytes and resets the connection.
    SendAndReset(Vec<u8>),
    /// Sends these bytes and then nothing, for ever.
    SendAndStall(Vec<u8>),
    /// Sends these bytes again and again, for ever.
    SendEndlessly(Vec<u8>, Vec<u8>),
}

/// A server with a script: the n-th request (over all connections) gets the n-th reply, the last
/// one for ever.
struct Server {
    url: String,
    requests: Arc<Mutex<Vec<String>>>,
    connections: Arc<Mutex<usize>>,
}

impl Server {
    async fn start(script: Vec<Reply>) -> Self {
        Self::start_on("127.0.0.1:0", script).await
    }

    async fn start_on(address: &str, script: Vec<Reply>) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let connections = Arc::new(Mutex::new(0));
        let (log, count) = (requests.clone(), connections.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                *count.lock().unwrap() += 1;
                tokio::spawn(serve(stream, script.clone(), log.clone()));
            }
        });
        Self { url, requests, connections }
    }

    fn account(&self) -> Account {
        self.account_with(|_| {})
    }

    fn account_with(&self, change: impl FnOnce(&mut Options)) -> Account {
        let credential = Credential::Basic { user: "sam".into(), password: "hunter2".into() };
        let mut options = Options::new(Url::parse(&self.url).unwrap(), credential);
        change(&mut options);
        Account::new(options).unwrap()
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

async fn serve(mut stream: TcpStream, script: Vec<Reply>, log: Arc<Mutex<Vec<String>>>) {
    while let Some(request) = read_request(&mut stream).await {
        let number = {
            let mut log = log.lock().unwrap();
            log.push(request);
            log.len() - 1
        };
        match script.get(number).or(script.last()).cloned().unwrap() {
            Reply::Send(bytes) => stream.write_all(&bytes).await.unwrap(),
            Reply::SendAndClose(bytes) => {
                stream.write_all(&bytes).await.unwrap();
                return;
            }
            Reply::SendAndReset(bytes) => {
                stream.write_all(&bytes).await.unwrap();
                stream.set_zero_linger().unwrap();
                return;
            }
            Reply::SendAndStall(bytes) => {
                stream.write_all(&bytes).await.unwrap();
                std::future::pending::<()>().await;
            }
            Reply::SendEndlessly(head, chunk) => {
                stream.write_all(&head).await.unwrap();
                while stream.write_all(&chunk).await.is_ok() {}
                return;
            }
        }
    }
}

async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).to_lowercase();
        if let Some(end) = text.find("\r\n\r\n") {
            let length = text
                .split("content-length: ")
                .nth(1)
                .and_then(|rest| rest.split("\r\n").next()?.parse().ok())
                .unwrap_or(0);
            if bytes.len() >= end + 4 + length {
                return Some(String::from_utf8(bytes).unwrap());
            }
        }
        let mut more = [0; 4096];
        match stream.read(&mut more).await {
            Ok(0) | Err(_) => return None,
            Ok(read) => bytes.extend_from_slice(&more[..read]),
        }
    }
}

fn answer(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n{headers}\r\n", body.len())
        .into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

fn request(method: &str, url: &str) -> Request<Bytes> {
    Request::builder().method(method).uri(url).body(Bytes::from("<ask/>")).unwrap()
}

fn source<T: std::error::Error + Clone + 'static>(error: &Error) -> Option<T> {
    std::error::Error::source(error)?.downcast_ref::<T>().cloned()
}

async fn fails(server: &Server, method: &str) -> Error {
    let error = server.account().send(request(method, &server.url)).await.unwrap_err();
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains("hunter2") && !shown.contains("aHVudGVy"), "{shown}");
    error
}

#[tokio::test]
async fn an_answer_comes_back_whole_with_where_it_came_from() {
    let server =
        Server::start(vec![Reply::Send(answer("207 Multi-Status", "X-Tag: \"1\"\r\n", b"<m/>"))])
            .await;
    let account = server.account();
    for _ in 0..3 {
        let answer = account.send(request("PROPFIND", &server.url)).await.unwrap();
        assert_eq!((answer.status().as_u16(), &answer.body()[..]), (207, &b"<m/>"[..]));
        assert_eq!(answer.headers()["x-tag"], "\"1\"");
        assert_eq!(answer.extensions().get::<Reached>().unwrap().0.as_str(), server.url);
    }
    assert_eq!(account.requests(), 3);
    assert_eq!(*server.connections.lock().unwrap(), 1, "connections are reused");
    let sent = server.requests().remove(0).to_lowercase();
    assert!(sent.starts_with("propfind / http/1.1\r\n"), "{sent}");
    assert!(sent.contains("authorization: basic c2ftomh1bnrlcji=\r\n"), "{sent}");
    assert!(sent.contains("user-agent: calpair/"), "{sent}");
    assert!(sent.contains("accept-encoding: gzip\r\n"), "{sent}");
    assert!(sent.ends_with("<ask/>"), "{sent}");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_answers_costs_the_deadline() {
    let server = Server::start(vec![Reply::SendAndStall(Vec::new())]).await;
    let account = server.account_with(|options| options.deadline = Duration::from_secs(30));
    let before = tokio::time::Instant::now();
    let error = account.send(request("REPORT", &server.url)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(before.elapsed().as_secs(), 30);
}

#[tokio::test(start_paused = true)]
async fn a_trickle_is_cut_before_the_deadline() {
    let head = b"HTTP/1.1 207 Multi-Status\r\nContent-Length: 600\r\n\r\n<".to_vec();
    let server = Server::start(vec![Reply::SendAndStall(head)]).await;
    let account = server.account_with(|options| options.deadline = Duration::from_secs(600));
    let before = tokio::time::Instant::now();
    let error = account.send(request("REPORT", &server.url)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(before.elapsed() < Duration::from_secs(60), "{:?}", before.elapsed());
}

#[tokio::test]
async fn a_cut_answer_is_never_a_short_one() {
    let head = b"HTTP/1.1 207 Multi-Status\r\nContent-Length: 100\r\n\r\n<multistatus>".to_vec();
    let chunked =
        b"HTTP/1.1 207 Multi-Status\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n<mult\r\n".to_vec();
    let cases = [
        (Reply::SendAndReset(head.clone()), ErrorKind::Unavailable),
        (Reply::SendAndClose(head), ErrorKind::Malformed),
        (Reply::SendAndClose(chunked), ErrorKind::Malformed),
    ];
    for (reply, kind) in cases {
        let server = Server::start(vec![reply]).await;
        let error = fails(&server, "REPORT").await;
        // A reset may overtake the bytes before it; then there was no answer at all.
        assert!(error.kind() == kind || error.kind() == ErrorKind::Unavailable, "{error:?}");
    }
}

#[tokio::test]
async fn bytes_after_the_announced_length_are_not_the_next_answer() {
    let mut long = answer("207 Multi-Status", "", b"<a/>");
    long.extend_from_slice(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad");
    let good = answer("207 Multi-Status", "", b"<b/>");
    let server = Server::start(vec![Reply::Send(long), Reply::Send(good)]).await;
    let account = server.account();
    let first = account.send(request("REPORT", &server.url)).await.unwrap();
    assert_eq!(&first.body()[..], b"<a/>");
    let second = account.send(request("REPORT", &server.url)).await.unwrap();
    assert_eq!(&second.body()[..], b"<b/>");
    assert_eq!(*server.connections.lock().unwrap(), 2);
}

#[tokio::test]
async fn a_gzip_bomb_and_an_endless_body_are_cut_off() {
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    for _ in 0..80 {
        bomb.write_all(&[0; 1 << 20]).unwrap();
    }
    let gzip = answer("207 Multi-Status", "Content-Encoding: gzip\r\n", &bomb.finish().unwrap());
    let announced = b"HTTP/1.1 207 Multi-Status\r\nContent-Length: 2147483648\r\n\r\n".to_vec();
    let endless = b"HTTP/1.1 207 Multi-Status\r\nConnection: close\r\n\r\n".to_vec();
    let megabyte = vec![b'x'; 1 << 20];
    let cases = [
        Reply::Send(gzip),
        Reply::SendEndlessly(announced, megabyte.clone()),
        Reply::SendEndlessly(endless, megabyte),
    ];
    for reply in cases {
        let server = Server::start(vec![reply]).await;
        let error = fails(&server, "REPORT").await;
        assert_eq!(error.kind(), ErrorKind::Malformed);
        assert_eq!(source::<TooLarge>(&error), Some(TooLarge { limit: 64 << 20 }));
    }
}

#[tokio::test]
async fn gzip_is_decoded_and_a_cut_one_refused() {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packed.write_all(b"<multistatus/>").unwrap();
    let packed = packed.finish().unwrap();
    let header = "Content-Encoding: gzip\r\n";
    let whole = Reply::Send(answer("207 Multi-Status", header, &packed));
    let server = Server::start(vec![whole]).await;
    let answered = server.account().send(request("REPORT", &server.url)).await.unwrap();
    assert_eq!(&answered.body()[..], b"<multistatus/>");
    let cut = Reply::Send(answer("207 Multi-Status", header, &packed[..packed.len() - 9]));
    let server = Server::start(vec![cut]).await;
    assert_eq!(fails(&server, "REPORT").await.kind(), ErrorKind::Malformed);
}

// quirk: icloud-7
#[tokio::test]
async fn a_redirect_to_another_host_gets_neither_credential_nor_body() {
    let ok = Reply::Send(answer("207 Multi-Status", "", b"<stolen/>"));
    let other = Server::start_on("127.0.0.2:0", vec![ok]).await;
    for status in ["301 Moved", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"] {
        let location = format!("Location: {}\r\n", other.url);
        let server = Server::start(vec![Reply::Send(answer(status, &location, b""))]).await;
        let error = fails(&server, "PROPFIND").await;
        assert_eq!(error.kind(), ErrorKind::Malformed);
        assert!(error.sentence().contains("127.0.0.2"), "{error}");
        let refused = source::<RedirectRefused>(&error).unwrap();
        assert_eq!(refused.to.as_deref(), Some(other.url.as_str()));
    }
    assert_eq!(other.requests().len(), 0);
    assert_eq!(*other.connections.lock().unwrap(), 0);
}

// quirk: icloud-6, icloud-9
#[tokio::test]
async fn a_redirect_within_the_account_keeps_method_and_body() {
    let ok = Reply::Send(answer("207 Multi-Status", "", b"<m/>"));
    let partition = Server::start_on("127.0.0.2:0", vec![ok]).await;
    let location = format!("Location: {}1/calendars/?x=1\r\n", partition.url);
    let server = Server::start(vec![Reply::Send(answer("302 Found", &location, b""))]).await;
    let account = server.account_with(|options| options.allow = Allow::ICloud);
    let answered = account.send(request("PROPFIND", &server.url)).await.unwrap();
    let reached = answered.extensions().get::<Reached>().unwrap();
    assert_eq!(reached.0.as_str(), format!("{}1/calendars/?x=1", partition.url));
    let sent = partition.requests().remove(0);
    assert!(sent.starts_with("PROPFIND /1/calendars/?x=1 HTTP/1.1\r\n"), "{sent}");
    assert!(sent.to_lowercase().contains("authorization: basic"), "{sent}");
    assert!(sent.ends_with("<ask/>"), "{sent}");
    assert_eq!(account.requests(), 2);
}

// quirk: icloud-8
#[tokio::test]
async fn a_redirect_loop_ends_and_a_write_is_not_repeated() {
    let around = Reply::Send(answer("302 Found", "Location: /again\r\n", b""));
    let server = Server::start(vec![around]).await;
    assert!(fails(&server, "PROPFIND").await.sentence().contains("more than 5"));
    assert_eq!(server.requests().len(), 6);
    assert_eq!(fails(&server, "PUT").await.kind(), ErrorKind::Malformed);
    assert_eq!(server.requests().len(), 7);
}

// quirk: icloud-4, icloud-5
#[tokio::test(start_paused = true)]
async fn a_throttled_account_is_left_alone() {
    let busy = Reply::Send(answer("503 Busy", "Retry-After: 30\r\n", b""));
    let ok = Reply::Send(answer("207 Multi-Status", "", b"<m/>"));
    let server = Server::start(vec![busy, ok]).await;
    let account = server.account();
    for _ in 0..2 {
        let error = account.send(request("REPORT", &server.url)).await.unwrap_err();
        let wait = ErrorKind::RateLimited { retry_after: Some(Duration::from_secs(30)) };
        assert_eq!(error.kind(), wait);
    }
    assert_eq!(server.requests().len(), 1, "nothing is sent while it lasts");
    tokio::time::advance(Duration::from_secs(30)).await;
    assert_eq!(account.send(request("REPORT", &server.url)).await.unwrap().status(), 207);
}

// quirk: icloud-1, icloud-2
#[tokio::test(start_paused = true)]
async fn a_401_is_about_the_password_only_if_it_says_so() {
    let icloud = "WWW-Authenticate: X-MobileMe-AuthToken realm=\"M\", Basic realm=\"M\"\r\n";
    let refused = Reply::Send(answer("401 Unauthorized", icloud, b""));
    let server = Server::start(vec![refused.clone()]).await;
    let answered = server.account().send(request("PROPFIND", &server.url)).await.unwrap();
    assert_eq!(answered.status(), 401);

    let digest = "WWW-Authenticate: Digest realm=\"x\"\r\n";
    let server = Server::start(vec![Reply::Send(answer("401 Unauthorized", digest, b""))]).await;
    let error = fails(&server, "PROPFIND").await;
    assert_eq!(error.kind(), ErrorKind::Forbidden);
    assert!(error.sentence().contains("digest"), "{error}");

    let busy = Reply::Send(answer("429 Too Many Requests", "", b""));
    let server = Server::start(vec![busy, refused]).await;
    let account = server.account();
    assert!(account.send(request("PROPFIND", &server.url)).await.is_err());
    tokio::time::advance(Duration::from_secs(3)).await;
    let error = account.send(request("PROPFIND", &server.url)).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::RateLimited { .. }), "{error:?}");
    assert_eq!(server.requests().len(), 2);
}

/// So many requests at once, and how they ended: refused, and not sent because another was.
async fn side_by_side(account: &Arc<Account>, url: &str, number: usize) -> (usize, usize) {
    let send = |account: Arc<Account>, url: String| async move {
        account.send(request("PROPFIND", &url)).await
    };
    let tasks: Vec<_> =
        (0..number).map(|_| tokio::spawn(send(account.clone(), url.to_owned()))).collect();
    let (mut refused, mut unsent) = (0, 0);
    for task in tasks {
        match task.await.unwrap() {
            Ok(answer) if answer.status() == 401 => refused += 1,
            Ok(answer) => assert_eq!(answer.status(), 207),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Unauthorized, "{error}");
                assert!(error.sentence().contains("not sent"), "{error}");
                unsent += 1;
            }
        }
    }
    (refused, unsent)
}

#[tokio::test]
async fn a_refused_password_is_not_sent_again_before_somebody_wants_it() {
    let refused =
        || Reply::Send(answer("401 Unauthorized", "WWW-Authenticate: Basic realm=x\r\n", b""));
    let ok = || Reply::Send(answer("207 Multi-Status", "", b"<m/>"));
    let server = Server::start(vec![refused(), refused(), ok()]).await;
    let account = Arc::new(server.account());
    assert_eq!(side_by_side(&account, &server.url, 20).await, (1, 19));
    assert_eq!(side_by_side(&account, &server.url, 20).await, (0, 20), "nothing is sent");
    account.ask_again();
    assert_eq!(side_by_side(&account, &server.url, 20).await, (1, 19));
    account.ask_again();
    assert_eq!(side_by_side(&account, &server.url, 20).await, (0, 0), "it was a mistake");
    assert_eq!(server.requests().len(), 22);

    // In the middle of work, what is under way can't be called back, and nothing follows it.
    let server = Server::start(vec![ok(), refused()]).await;
    let account = Arc::new(server.account_with(|options| options.in_flight = 3));
    account.send(request("PROPFIND", &server.url)).await.unwrap();
    let (refused, unsent) = side_by_side(&account, &server.url, 20).await;
    assert!((1..=3).contains(&refused), "{refused}");
    assert_eq!(refused + unsent, 20);
}

// quirk: icloud-70, icloud-71
#[tokio::test]
async fn what_a_dead_connection_swallowed_is_repeated_once_where_that_is_safe() {
    let ok = || Reply::Send(answer("207 Multi-Status", "", b"<m/>"));
    let lost = || Reply::SendAndClose(Vec::new());
    let misdirected = Reply::Send(answer("421 Misdirected Request", "", b""));
    for script in [vec![ok(), lost(), ok()], vec![ok(), misdirected, ok()]] {
        let server = Server::start(script).await;
        let account = server.account();
        for _ in 0..2 {
            let answered = account.send(request("REPORT", &server.url)).await.unwrap();
            assert_eq!(answered.status(), 207);
        }
        assert_eq!((server.requests().len(), account.requests()), (3, 3));
    }
    let cases = [
        ("PUT", None, 1),
        ("DELETE", None, 1),
        ("PUT", Some("if-match"), 2),
        ("PUT", Some("if-none-match"), 2),
        ("DELETE", Some("if-match"), 2),
        ("PROPFIND", None, 2),
    ];
    for (method, condition, sent) in cases {
        let server = Server::start(vec![lost()]).await;
        let mut request = request(method, &server.url);
        if let Some(condition) = condition {
            request.headers_mut().insert(condition, "*".parse().unwrap());
        }
        let error = server.account().send(request).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert_eq!(server.requests().len(), sent, "{method}");
    }
}

#[tokio::test]
async fn nobody_there_is_unavailable_and_named() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let origin = Url::parse(&url).unwrap();
    let account = Account::new(Options::new(origin, Credential::None)).unwrap();
    let error = account.send(request("PROPFIND", &url)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.sentence().contains("127.0.0.1"), "{error}");
    assert!(error.sentence().contains("refuses"), "{error}");
    let elsewhere = account.send(request("PROPFIND", "http://127.0.0.2:9/")).await.unwrap_err();
    assert_eq!(elsewhere.kind(), ErrorKind::Forbidden);
    assert_eq!(account.requests(), 1);
}

#[tokio::test]
async fn a_server_that_speaks_no_tls_is_told_apart() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        let mut sent = Vec::new();
        let _ = stream.read_to_end(&mut sent).await;
        String::from_utf8_lossy(&sent).into_owned()
    });
    let origin = Url::parse(&url).unwrap();
    let credential = Credential::Basic { user: "sam".into(), password: "hunter2".into() };
    let account = Account::new(Options::new(origin, credential)).unwrap();
    let error = account.send(request("PROPFIND", &url)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.sentence().contains("secure connection"), "{error}");
    assert!(!server.await.unwrap().contains("PROPFIND"));
}

#[tokio::test]
async fn requests_are_counted_for_whom_they_are_sent() {
    let answer = || Reply::Send(answer("200 OK", "", b"x"));
    let server = Server::start((0..4).map(|_| answer()).collect()).await;
    let account = server.account();
    let ask = async || account.send(request("GET", &server.url)).await.map(drop);
    let (one, other) = (Arc::default(), Arc::default());
    let twice = async || ask().await.and(ask().await);
    let (first, second) = tokio::join!(counted(&one, twice()), counted(&other, ask()));
    assert!(first.and(second).and(ask().await).is_ok());
    let sent = [&one, &other].map(|count| count.load(Ordering::Relaxed));
    assert_eq!((sent, account.requests()), ([2, 1], 4));
}

#[tokio::test]
async fn no_more_than_the_allowed_requests_run_at_once() {
    let ok = Reply::Send(answer("207 Multi-Status", "", b"<m/>"));
    let server = Server::start(vec![ok, Reply::SendAndStall(Vec::new())]).await;
    let account = Arc::new(server.account_with(|options| options.in_flight = 3));
    // One goes first, to see whether the password is good.
    account.send(request("REPORT", &server.url)).await.unwrap();
    let tasks: Vec<_> = (0..6)
        .map(|_| {
            let (account, url) = (account.clone(), server.url.clone());
            tokio::spawn(async move { account.send(request("REPORT", &url)).await })
        })
        .collect();
    while server.requests().len() < 4 {
        tokio::task::yield_now().await;
    }
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    assert_eq!(server.requests().len(), 4);
    for task in tasks {
        task.abort();
    }
}
