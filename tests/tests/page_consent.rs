//! Connecting on the page through a provider's own: a real browser goes to a simulated Google or
//! Microsoft, and comes back.

use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use calpair_tests::browser::{Browser, DESKTOP};
use calpair_tests::environment::program;
use calpair_tests::program::{Running, start};
use calpair_tests::rig::RealClock;
use calpair_tests::wait;
use engine::Clock as _;
use sandbox::google::{CLIENT_ID, CLIENT_SECRET, Consent, Google};
use sandbox::{Account, World, microsoft};
use tempfile::TempDir;
use testkit::canary;
use tokio::runtime::{Builder, Runtime};

const SOON: Duration = Duration::from_secs(60);

/// A daemon with one account `work`, which nobody has connected.
struct Scene {
    folder: TempDir,
    port: u16,
    daemon: Option<Running>,
    // Servers live as long as this.
    _runtime: Runtime,
}

impl Scene {
    fn new(runtime: Runtime, account: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = free.local_addr().expect("it is bound").port();
        let secret = folder.path().join("secret");
        std::fs::write(&secret, CLIENT_SECRET).expect("a file");
        let mode = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(&secret, mode).expect("a file");
        let text = format!(
            "[daemon]\nstate_dir = \"{0}/state\"\nlisten = \"127.0.0.1:{port}\"\n\
             [accounts.work]\n{1}\n",
            folder.path().display(),
            account.replace("SECRET", &secret.display().to_string())
        );
        std::fs::write(folder.path().join("calpair.toml"), text).expect("a file");
        drop(free);
        let mut scene = Self { folder, port, daemon: None, _runtime: runtime };
        let mut daemon = scene.command(&["run"]);
        daemon.env("RUST_LOG", "trace");
        scene.daemon = Some(start(daemon, ""));
        let open = || TcpStream::connect(("127.0.0.1", port)).ok();
        wait::until(SOON, open).expect("the page opens");
        scene
    }

    fn command(&self, arguments: &[&str]) -> std::process::Command {
        let mut command = std::process::Command::new(program());
        command.env_clear().env("HOME", self.folder.path()).arg("--config");
        command.arg(self.folder.path().join("calpair.toml")).args(arguments);
        command
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    fn state(&self) -> String {
        let ended = start(self.command(&["status", "--json"]), "").end(SOON);
        ended.json()["accounts"][0]["state"].as_str().unwrap_or_default().to_owned()
    }

    /// Everything that the daemon shows to whoever looks: pages, metrics, reports, arguments,
    /// environment; and, at its end, its log.
    fn shown(&mut self, browser: &mut Browser) -> String {
        let mut shown = String::new();
        for path in ["/", "/connect/work", "/connect/work/done", "/metrics", "/api/status"] {
            browser.open(&self.url(path));
            shown += &format!("{} {}\n", browser.address(), browser.html());
        }
        for arguments in [&["status", "--json"][..], &["accounts", "--json"], &["doctor"]] {
            let ended = start(self.command(arguments), "").end(SOON);
            shown += &format!("{}{}\n", ended.stdout, ended.stderr);
        }
        let id = self.daemon.as_ref().expect("it runs").id();
        for file in ["cmdline", "environ"] {
            let bytes = std::fs::read(format!("/proc/{id}/{file}")).expect("it is ours");
            shown += &String::from_utf8_lossy(&bytes);
        }
        let log = self.end();
        assert!(log.contains("answered"), "it says what it does: {log}");
        assert!(!log.contains("state="), "the state of a consent is in the log: {log}");
        shown + &log
    }

    /// No token stands anywhere, in no form, while the account is connected; what was looked at.
    fn keeps_to_itself(&mut self, browser: &mut Browser, tokens: &[String]) -> String {
        assert!(tokens.len() > 1, "there are some: {tokens:?}");
        let tokens: Vec<&str> = tokens.iter().map(String::as_str).chain([CLIENT_SECRET]).collect();
        let state = self.folder.path().join("state");
        assert_eq!(canary::files_with(&state, &tokens), Vec::<String>::new());
        let shown = self.shown(browser);
        for form in tokens.iter().flat_map(|token| canary::forms(token)) {
            assert!(!shown.contains(&form), "{form} in {shown}");
        }
        assert_eq!(canary::files_with(&state, &tokens), Vec::<String>::new());
        shown
    }

    /// Stops the daemon; its log.
    fn end(&mut self) -> String {
        let Some(running) = self.daemon.take() else { return String::new() };
        running.signal("TERM");
        running.end(SOON).stderr
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.end();
    }
}

fn runtime() -> Runtime {
    let built = Builder::new_multi_thread().worker_threads(2).enable_all().build();
    built.expect("threads")
}

fn world() -> World {
    let world = World::new(1);
    world.set_now(RealClock.now());
    world.add_account(Account::new("me"));
    world
}

#[test]
fn google_is_connected_through_its_own_page() {
    let Some(mut browser) = Browser::start(DESKTOP) else { return };
    let runtime = runtime();
    let google = Google::new(&world(), 1);
    google.open("me");
    let endpoint = runtime.block_on(google.serve()).expect("a free port");
    let url = endpoint.url();
    let account = format!(
        "provider = \"google\"\nclient_id = \"{CLIENT_ID}\"\nclient_secret_file = \"SECRET\"\n\
         api_url = \"{url}calendar/v3\"\nauth_url = \"{url}auth\"\ntoken_url = \"{url}token\"\n\
         revoke_url = \"{url}revoke\""
    );
    let mut scene = Scene::new(runtime, &account);
    let foreign = "/?state=forged&code=forged";
    assert_eq!(browser.open(&scene.url(foreign)), 400, "nothing waits for an answer");
    assert!(browser.text("main").contains("No sign-in waits"));

    google.set_consent(Consent::Declines);
    browser.open(&scene.url("/connect/work"));
    assert!(browser.text("main").contains("calpair sees no password"));
    browser.shot("connect-google");
    browser.click("button.primary");
    assert!(browser.text("#wrong").contains("Google gave no consent"), "{}", browser.text("main"));
    assert_eq!(scene.state(), "unconnected");

    google.set_consent(Consent::default());
    browser.click("button.primary");
    assert!(browser.text("h1").contains("Google is connected"), "{}", browser.text("main"));
    assert!(browser.address().ends_with("/connect/work/done"), "the code is out of the address");
    assert_eq!(scene.state(), "ok");
    let seen = browser.observed();
    assert_eq!(seen["complaints"].as_array().map(Vec::len), Some(0), "{seen}");
    // The answer was taken once.
    assert_eq!(browser.open(&scene.url(foreign)), 400);
    let shown = scene.keeps_to_itself(&mut browser, &google.tokens());
    for secret in ["4/0", "4%2F0", "1//0", "ya29.", "code_challenge="] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}

#[test]
fn an_answer_with_another_state_is_not_taken() {
    let Some(mut browser) = Browser::start(DESKTOP) else { return };
    let runtime = runtime();
    let google = Google::new(&world(), 1);
    google.open("me");
    let endpoint = runtime.block_on(google.serve()).expect("a free port");
    let url = endpoint.url();
    // A consent page that never answers: the sign-in stays under way.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let place = silent.local_addr().expect("it is bound");
    std::thread::spawn(move || {
        use std::io::{Read as _, Write as _};
        for stream in silent.incoming().flatten() {
            let mut stream = stream;
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(
                b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\nconnection: close\r\n\r\nask?",
            );
        }
    });
    let account = format!(
        "provider = \"google\"\nclient_id = \"{CLIENT_ID}\"\nclient_secret_file = \"SECRET\"\n\
         api_url = \"{url}calendar/v3\"\nauth_url = \"http://{place}/auth\"\n\
         token_url = \"{url}token\"\nrevoke_url = \"{url}revoke\""
    );
    let scene = Scene::new(runtime, &account);
    browser.open(&scene.url("/connect/work"));
    browser.click("button.primary");
    let asked = browser.address();
    let state = asked.split("state=").nth(1).and_then(|rest| rest.split('&').next());
    let state = state.expect("the request has a state").to_owned();
    for answer in ["/?state=forged&code=x", "/?code=x&state=", "/callback?code=x"] {
        assert_eq!(browser.open(&scene.url(answer)), 400, "{answer}");
        assert!(browser.text("main").contains("Nothing was done"), "{}", browser.text("main"));
    }
    browser.shot("connect-wrong-state");
    // The right one, in another browser, is nobody's.
    let right = format!("/?state={state}&code=x");
    browser.window(DESKTOP);
    assert_eq!(browser.open(&scene.url(&right)), 400);
    assert_eq!(scene.state(), "unconnected");
}

#[test]
fn microsoft_is_connected_through_its_own_page() {
    let Some(mut browser) = Browser::start(DESKTOP) else { return };
    let runtime = runtime();
    let provider = microsoft::Microsoft::new(&world(), 1);
    provider.open("me");
    let endpoint = runtime.block_on(provider.serve()).expect("a free port");
    let url = endpoint.url();
    let account = format!(
        "provider = \"microsoft\"\nclient_id = \"{}\"\napi_url = \"{url}v1.0\"\n\
         authority_url = \"{url}\"",
        microsoft::CLIENT_ID
    );
    let mut scene = Scene::new(runtime, &account);
    browser.open(&scene.url("/connect/work"));
    assert!(browser.address().starts_with("http://localhost:"), "where Microsoft sends people");
    browser.shot("connect-microsoft");
    browser.click("button.primary");
    assert!(browser.text("h1").contains("Microsoft is connected"), "{}", browser.text("main"));
    assert_eq!(scene.state(), "ok");
    let seen = browser.observed();
    assert_eq!(seen["complaints"].as_array().map(Vec::len), Some(0), "{seen}");
    scene.keeps_to_itself(&mut browser, &provider.tokens());
}
