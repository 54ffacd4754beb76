//! The page over a service without accounts: who gets in, and what leaves.

use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::*;
use crate::config;
use crate::environment::Environment;
use crate::secrets::PagePassword;
use crate::service::Service;

mod choice;
mod way_in;

const PASSWORD: &str = "correct horse battery";

struct Stage {
    site: Arc<Site>,
    port: u16,
    folder: TempDir,
    _stop: DropGuard,
}

impl Stage {
    /// A page on a free port of loopback; `more` are lines of `[daemon]`.
    async fn new(more: &str, password: Option<&str>) -> Self {
        Self::over(more, "", password, |service| service).await
    }

    /// The same, and `accounts` beside the others.
    async fn with(more: &str, accounts: &str, password: Option<&str>) -> Self {
        Self::over(more, accounts, password, |service| service).await
    }

    /// The same as [`Stage::new`], with somebody who keeps the pairs.
    async fn daemon(more: &str, password: Option<&str>) -> Self {
        Self::over(more, "", password, |service| service.supervised(|_, _| {})).await
    }

    async fn over(
        more: &str,
        accounts: &str,
        password: Option<&str>,
        made: impl FnOnce(Service) -> Service,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        if let Some(password) = password {
            PagePassword::set(&state, &password.into(), &[1; 16]).unwrap();
        }
        let text = format!("[daemon]\nlisten = \"127.0.0.1:0\"\n{more}\n{ACCOUNTS}{accounts}");
        let config = config::parse(&text, "c.toml").unwrap();
        let service = made(Service::open(config, &state, &Environment::default()).unwrap());
        let site = Arc::new(Site::new(Arc::new(service), &state, &folder.path().join("c.toml")));
        let stop = CancellationToken::new();
        tokio::spawn(keep(Arc::clone(&site), stop.clone()));
        let address = loop {
            match site.address() {
                Some(address) => break address,
                None => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        };
        Self { site, port: address.port(), folder, _stop: stop.drop_guard() }
    }

    /// A request with these headers; the whole answer.
    async fn ask(&self, line: &str, headers: &[(&str, &str)], body: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        let mut text = format!("{line} HTTP/1.1\r\nConnection: close\r\n");
        if !headers.iter().any(|(name, _)| *name == "Host") {
            text += &format!("Host: 127.0.0.1:{}\r\n", self.port);
        }
        headers.iter().for_each(|(name, value)| text += &format!("{name}: {value}\r\n"));
        if line.starts_with("POST") {
            text += "Content-Type: application/x-www-form-urlencoded\r\n";
            text += &format!("Content-Length: {}\r\n", body.len());
        }
        stream.write_all(format!("{text}\r\n{body}").as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    async fn get(&self, path: &str, headers: &[(&str, &str)]) -> String {
        self.ask(&format!("GET {path}"), headers, "").await
    }

    /// A browser that has loaded a page: its cookie and its token.
    async fn browser(&self, path: &str) -> (String, String) {
        let page = self.get(path, &[]).await;
        let cookie = page.split("set-cookie: ").nth(1).expect("a cookie");
        let cookie = cookie.split(';').next().unwrap().to_owned();
        (cookie, token(&page))
    }

    /// Signs in; the cookie of whoever is in.
    async fn enter(&self) -> String {
        let (cookie, token) = self.browser("/sign-in").await;
        let body = format!("token={token}&password=correct+horse+battery");
        let answer = self.ask("POST /sign-in", &[("Cookie", &cookie)], &body).await;
        assert_eq!(status(&answer), 303, "{answer}");
        let entered = answer.split("set-cookie: ").nth(1).unwrap().split(';').next().unwrap();
        assert_ne!(entered, cookie, "who enters gets another name");
        entered.to_owned()
    }

    fn is_paused(&self) -> bool {
        let status = self.site.service.standings().unwrap();
        status.pairs[0].state == "paused"
    }
}

const ACCOUNTS: &str = "\
[accounts.l]\nprovider = \"caldav\"\nusername = \"a\"\nurl = \"http://127.0.0.1:9/\"\n\
[accounts.r]\nprovider = \"icloud\"\nusername = \"b\"\nurl = \"http://127.0.0.1:9/\"\n\
[[pairs]]\nname = \"p\"\nleft = { account = \"l\", calendar = \"A\" }\n\
right = { account = \"r\", calendar = \"B\" }\n";

/// A sentence, headers and a body.
type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a str);

fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).and_then(|word| word.parse().ok()).expect(answer)
}

fn token(page: &str) -> String {
    let at = page.find("name=\"token\" value=\"").expect(page);
    page[at + 20..at + 84].to_owned()
}

#[tokio::test]
async fn only_its_own_names_are_answered() {
    let stage = Stage::new("public_url = \"https://cal.example.org\"", Some(PASSWORD)).await;
    let port = stage.port;
    let own = ["127.0.0.1", "localhost", "[::1]", "LOCALHOST"].map(|name| format!("{name}:{port}"));
    for host in own.iter().map(String::as_str).chain(["cal.example.org"]) {
        assert_eq!(status(&stage.get("/healthz", &[("Host", host)]).await), 200, "{host}");
    }
    let foreign = [
        "evil.example",
        &format!("evil.example:{port}"),
        &format!("127.0.0.1.evil.example:{port}"),
        &format!("evil.example@127.0.0.1:{port}"),
        "127.0.0.1",
        "127.0.0.1:1",
        "cal.example.org:1",
        "10.0.0.1",
        "",
    ];
    for host in foreign {
        for path in ["/", "/healthz", "/api/status", "/look/style.css", "/nothing"] {
            let answer = stage.get(path, &[("Host", host)]).await;
            assert!(matches!(status(&answer), 400 | 421), "{host} {path}: {answer}");
            assert!(!answer.contains("<html"), "{host} {path}");
        }
    }
    let two = format!("127.0.0.1:{port}\r\nHost: evil.example");
    assert_eq!(status(&stage.get("/healthz", &[("Host", &two)]).await), 421, "two names");
}

#[tokio::test]
async fn a_form_of_another_page_changes_nothing() {
    let stage = Stage::new("", None).await;
    let (cookie, token) = stage.browser("/").await;
    let (other_cookie, other_token) = stage.browser("/").await;
    assert_ne!(token, other_token);
    let own = format!("http://127.0.0.1:{}", stage.port);
    let right = format!("token={token}");
    let cases: [Case<'_>; 8] = [
        ("no cookie", &[], &right),
        ("another browser's cookie", &[("Cookie", &other_cookie)], &right),
        ("no token", &[("Cookie", &cookie)], ""),
        ("another browser's token", &[("Cookie", &cookie)], &format!("token={other_token}")),
        ("a foreign origin", &[("Cookie", &cookie), ("Origin", "https://evil.example")], &right),
        ("no origin at all", &[("Cookie", &cookie), ("Origin", "null")], &right),
        ("a foreign site", &[("Cookie", &cookie), ("Sec-Fetch-Site", "cross-site")], &right),
        (
            "the same machine, another port",
            &[("Cookie", &cookie), ("Origin", "http://127.0.0.1:1")],
            &right,
        ),
    ];
    for (sentence, headers, body) in cases {
        let answer = stage.ask("POST /pairs/p/pause", headers, body).await;
        assert_eq!(status(&answer), 403, "{sentence}: {answer}");
        assert!(!stage.is_paused(), "{sentence}");
    }
    let answer = stage.get("/pairs/p/pause", &[("Cookie", &cookie)]).await;
    assert_eq!(status(&answer), 405, "nothing changes on a GET");
    assert!(!stage.is_paused());
    let headers = [("Cookie", &*cookie), ("Origin", &own), ("Sec-Fetch-Site", "same-origin")];
    let answer = stage.ask("POST /pairs/p/pause", &headers, &right).await;
    assert_eq!(status(&answer), 303, "{answer}");
    assert!(stage.is_paused());
    let page = stage.get("/", &[("Cookie", &cookie)]).await;
    assert!(page.contains("p is paused, until") && page.contains("Paused"), "{page}");
}

#[tokio::test]
async fn every_answer_forbids_the_browser_what_is_not_needed() {
    let stage = Stage::new("", None).await;
    for path in ["/", "/sign-in", "/healthz", "/metrics", "/api/status", "/look/live.js", "/x"] {
        let answer = stage.get(path, &[]).await.to_ascii_lowercase();
        let headers = answer.split("\r\n\r\n").next().unwrap();
        for part in [
            "content-security-policy: default-src 'none'",
            "frame-ancestors 'none'",
            "x-content-type-options: nosniff",
            "referrer-policy: same-origin",
            "cross-origin-opener-policy: same-origin",
        ] {
            assert!(headers.contains(part), "{path}: {part}: {headers}");
        }
        assert!(!headers.contains("unsafe") && !headers.contains("http:"), "{path}: {headers}");
    }
    let page = stage.get("/", &[]).await;
    assert!(page.contains("HttpOnly; SameSite=Lax"), "{page}");
    for part in ["style=", "<style", "onclick", "//cdn", "<script>"] {
        assert!(!page.contains(part), "{part}");
    }
}

#[tokio::test]
async fn beyond_this_machine_nothing_is_shown_without_the_password() {
    let far = "public_url = \"https://cal.example.org\"";
    let stage = Stage::new(far, Some(PASSWORD)).await;
    for (path, expected) in [("/", 401), ("/metrics", 401), ("/api/status", 401)] {
        let answer = stage.get(path, &[]).await;
        assert_eq!(status(&answer), expected, "{path}");
        assert!(!answer.contains("account=") && !answer.contains("\"l\""), "{answer}");
    }
    let ready = stage.get("/readyz", &[]).await;
    assert!(status(&ready) == 503 && ready.ends_with("1 of 1 pair not served\n"), "{ready}");
    let (cookie, token) = stage.browser("/sign-in").await;
    let body = format!("token={token}");
    let acted = stage.ask("POST /pairs/p/pause", &[("Cookie", &cookie)], &body).await;
    assert_eq!(status(&acted), 401);
    let wrong = format!("token={token}&password=wrong");
    let answer = stage.ask("POST /sign-in", &[("Cookie", &cookie)], &wrong).await;
    assert!(status(&answer) == 403 && answer.contains("That is not"), "{answer}");
    let entered = stage.enter().await;
    let page = stage.get("/", &[("Cookie", &entered)]).await;
    assert!(status(&page) == 200 && page.contains("Sign out"), "{page}");
    let program = [("Authorization", "Basic eDpjb3JyZWN0IGhvcnNlIGJhdHRlcnk=")];
    for path in ["/metrics", "/api/status"] {
        assert_eq!(status(&stage.get(path, &program).await), 200, "{path}");
        let wrong = [("Authorization", "Basic eDp3cm9uZw==")];
        assert_eq!(status(&stage.get(path, &wrong).await), 401, "{path}");
    }
    // Another password throws everybody out, whoever knew the one before.
    let state = stage.folder.path().join("state");
    PagePassword::set(&state, &"another password".into(), &[2; 16]).unwrap();
    assert_eq!(status(&stage.get("/", &[("Cookie", &entered)]).await), 401);
    assert_eq!(status(&stage.get("/metrics", &program).await), 401);
}

#[tokio::test]
async fn guessing_is_stopped() {
    let stage = Stage::new("", Some(PASSWORD)).await;
    let (cookie, token) = stage.browser("/sign-in").await;
    let body = format!("token={token}&password=wrong");
    let mut statuses = Vec::new();
    for _ in 0..12 {
        statuses.push(status(&stage.ask("POST /sign-in", &[("Cookie", &cookie)], &body).await));
    }
    assert_eq!((statuses[0], statuses[9], statuses[10], statuses[11]), (403, 403, 429, 429));
    let right = format!("token={token}&password=correct+horse+battery");
    let answer = stage.ask("POST /sign-in", &[("Cookie", &cookie)], &right).await;
    assert_eq!(status(&answer), 429, "not even the right one");
}

#[tokio::test]
async fn a_program_with_an_old_password_keeps_nobody_out() {
    let stage = Stage::new("", Some(PASSWORD)).await;
    for _ in 0..12 {
        let old = [("Authorization", "Basic eDpvbGQ=")];
        assert_eq!(status(&stage.get("/metrics", &old).await), 401);
    }
    let right = [("Authorization", "Basic eDpjb3JyZWN0IGhvcnNlIGJhdHRlcnk=")];
    assert_eq!(status(&stage.get("/metrics", &right).await), 200, "one wrong one is one try");
    stage.enter().await;
    // Guessing is stopped all the same.
    for guess in 0..12 {
        let header = format!("Basic {}", STANDARD.encode(format!("x:guess {guess}")));
        let _answer = stage.get("/metrics", &[("Authorization", &header)]).await;
    }
    let other = format!("Basic {}", STANDARD.encode(format!("y:{PASSWORD}")));
    assert_eq!(status(&stage.get("/metrics", &[("Authorization", &other)]).await), 401);
    stage.enter().await;
}

#[tokio::test]
async fn a_password_that_cannot_be_read_keeps_everybody_out() {
    let stage = Stage::new("", Some(PASSWORD)).await;
    let entered = stage.enter().await;
    let file = stage.folder.path().join("state/page-password");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
    for headers in [&[][..], &[("Cookie", &*entered)]] {
        let answer = stage.get("/", headers).await;
        assert!(status(&answer) == 401 && answer.contains("can't be used"), "{answer}");
    }
    let (cookie, token) = (entered, stage.site.token("x"));
    let body = format!("token={token}");
    let acted = stage.ask("POST /pairs/p/pause", &[("Cookie", &cookie)], &body).await;
    assert!(status(&acted) >= 400 && !stage.is_paused(), "{acted}");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    stage.enter().await;
}

#[tokio::test]
async fn who_is_silent_keeps_nobody_out() {
    let stage = Stage::new("", None).await;
    let mut silent = Vec::new();
    for _ in 0..70 {
        silent.push(TcpStream::connect(("127.0.0.1", stage.port)).await.unwrap());
    }
    tokio::time::pause();
    let answer = stage.get("/healthz", &[]).await;
    assert_eq!(status(&answer), 200, "{answer}");
}

#[tokio::test]
async fn monitors_are_answered() {
    let stage = Stage::new("", None).await;
    assert!(stage.get("/healthz", &[]).await.ends_with("alive\n"));
    let ready = stage.get("/readyz", &[]).await;
    assert_eq!(status(&ready), 503);
    assert!(ready.ends_with("\r\n\r\np: new\n"), "{ready}");
    let metrics = stage.get("/metrics", &[]).await;
    for line in [
        "calpair_account_state{account=\"l\",state=\"unconnected\"} 1",
        "calpair_pair_state{pair=\"p\",state=\"new\"} 1",
        "# TYPE calpair_cycles_total counter",
    ] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
    let answer = stage.get("/api/status", &[]).await;
    let json = answer.split("\r\n\r\n").nth(1).unwrap();
    let json: serde_json::Value = serde_json::from_str(json).unwrap();
    assert_eq!((&json["version"], &json["pairs"][0]["name"]), (&1.into(), &"p".into()));
}

#[tokio::test]
async fn the_page_beyond_loopback_is_not_opened_before_there_is_a_password() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let config = config::parse("[daemon]\nlisten = \"0.0.0.0:0\"\n", "c.toml").unwrap();
    let service = Service::open(config, &state, &Environment::default()).unwrap();
    let site = Arc::new(Site::new(Arc::new(service), &state, &folder.path().join("c.toml")));
    let stop = CancellationToken::new();
    tokio::time::pause();
    tokio::spawn(keep(Arc::clone(&site), stop.clone()));
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(site.address(), None);
    PagePassword::set(&state, &PASSWORD.into(), &[1; 16]).unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(site.address().is_some());
    stop.cancel();
}
