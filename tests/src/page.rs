//! A daemon with its page: a pair between a simulated iCloud and a server by the book, another pair
//! beside it, a browser before it, and a webhook that listens.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use model::{CalendarId, Side, Sides};
use sandbox::dav::Profile;
use sandbox::seed::hour;
use serde_json::Value;

use crate::browser::Browser;
use crate::program::{Ended, Home, Running, start};
use crate::stage::Stage;
use crate::wait;

/// What takes longer than this does not happen any more; far more than a busy machine needs.
const SOON: Duration = Duration::from_secs(60);

/// How long a stop may take, generously.
const STOP: Duration = Duration::from_secs(20);

/// The page's password, where one is set.
pub const PAGE_PASSWORD: &str = "correct horse battery";

/// A pair `p` between a simulated iCloud and a plain server, a pair `q` of two calendars of that
/// server, and a daemon with its page.
pub struct Scene {
    /// Both servers.
    pub stage: Stage,
    /// The program's folder.
    pub home: Home,
    /// The calendars of the pair `q`.
    pub others: [CalendarId; 2],
    port: u16,
    daemon: Option<Running>,
}

impl Scene {
    /// Nothing is connected; `daemon` are lines of that section, `more` sections before the pairs.
    ///
    /// # Panics
    /// When that is not to be had.
    pub fn new(daemon: &str, more: &str) -> Self {
        let stage = Stage::new(Sides::new(Profile::icloud(), Profile::plain()));
        let others = ["Alpha", "Beta"].map(|name| stage.world.add_calendar("right", name));
        let home = Home::new(stage.logins(), "");
        // Taken, and given back at once; other tests take their own in the same way.
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = free.local_addr().expect("it is bound").port();
        let quick = "interval = \"1s\"\nconfirm = \"1s\"\n";
        let other = "\n[[pairs]]\nname = \"q\"\nwindow = \"all\"\n\
                     left = { account = \"right\", calendar = \"Alpha\" }\n\
                     right = { account = \"right\", calendar = \"Beta\" }\n";
        let text = home.config(&format!("{quick}{daemon}"), other);
        let listen = format!("listen = \"127.0.0.1:{port}\"");
        let text = text.replace("listen = \"off\"", &listen);
        home.write(
            &text.replace("[[pairs]]\nname = \"p\"", &format!("{more}[[pairs]]\nname = \"p\"")),
        );
        drop(free);
        let mut scene = Self { stage, home, others, port, daemon: None };
        scene.begin();
        scene
    }

    /// Starts the daemon.
    ///
    /// # Panics
    /// When that is not to be had.
    pub fn begin(&mut self) {
        self.daemon = Some(self.home.start(&["run", "--log", "json", "-vv"]));
        // As soon as it answers, its page is open.
        let open = || self.get("/healthz").filter(|answer| answer.starts_with("HTTP/1.1 200"));
        wait::until(SOON, open).expect("the page opens");
    }

    /// Stops the daemon; what it logged.
    ///
    /// # Panics
    /// When that is not to be had.
    pub fn end(&mut self) -> Ended {
        let running = self.daemon.take().expect("it runs");
        running.signal("TERM");
        running.end(STOP)
    }

    /// An address of the page.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// A request as a program sends it; the whole answer.
    ///
    /// # Panics
    /// When that is not to be had.
    pub fn get(&self, path: &str) -> Option<String> {
        let mut stream = std::net::TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        let host = format!("127.0.0.1:{}", self.port);
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(answer)
    }

    /// Connects an account as the command does.
    ///
    /// # Panics
    /// When that is not to be had.
    pub fn connect_by_command(&self, side: Side) {
        let ended = self.home.connect(side, &self.password(side));
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }

    /// The password that the server takes.
    ///
    /// # Panics
    /// When that is not to be had.
    pub fn password(&self, side: Side) -> String {
        self.stage.world.password(side.as_str()).expect("the account is there")
    }

    /// A user creates an event.
    ///
    /// # Panics
    /// When that is not to be had.
    pub fn create(&self, side: Side, uid: &str, title: &str) {
        let start = "2026-12-01T09:00:00Z".parse().expect("an instant");
        self.stage.user(side).create(&hour(uid, title, start, ""));
    }

    /// An event's title.
    ///
    /// # Panics
    /// When that is not to be had.
    pub fn title(&self, side: Side, uid: &str) -> Option<String> {
        let held = self.stage.user(side).get(uid)?;
        let text = String::from_utf8(held.raw).expect("the world holds text");
        text.lines().find_map(|line| line.strip_prefix("SUMMARY:")).map(str::to_owned)
    }

    /// `calpair status`.
    ///
    /// # Panics
    /// When that is not to be had.
    pub fn status(&self) -> Value {
        self.home.run(&["status", "--json"]).json()
    }

    /// An account in it.
    ///
    /// # Panics
    /// When that is not to be had.
    pub fn account(&self, name: &str) -> Value {
        let status = self.status();
        let accounts = status["accounts"].as_array().cloned().unwrap_or_default();
        accounts.into_iter().find(|account| account["name"] == name).expect("it is configured")
    }

    /// Waits until something is so.
    ///
    /// # Panics
    /// When that is not to be had.
    pub fn until(&self, what: &str, look: impl Fn(&Self) -> bool) {
        let found = wait::until(SOON, || look(self).then_some(()));
        assert!(found.is_some(), "{what}: {}", self.status());
    }

    /// Sets the page's password.
    ///
    /// # Panics
    /// When that is not to be had.
    pub fn set_password(&self) {
        let command = self.home.command(&["page-password", "--password-stdin"]);
        let ended = start(command, &format!("{PAGE_PASSWORD}\n")).end(STOP);
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }

    /// Signs in.
    ///
    /// # Panics
    /// When that is not to be had.
    pub fn enter(&self, browser: &mut Browser) {
        browser.open(&self.url("/sign-in"));
        browser.fill("#password", PAGE_PASSWORD);
        browser.click("button.primary");
        assert!(browser.address().ends_with(&format!(":{}/", self.port)));
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        if self.daemon.is_some() {
            self.end();
        }
    }
}

/// Takes what a webhook is sent; each request's body.
///
/// # Panics
/// When loopback has no free port.
pub fn webhook() -> (String, Arc<Mutex<Vec<Value>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}/hook", listener.local_addr().expect("it is bound"));
    let heard = Arc::<Mutex<Vec<Value>>>::default();
    let ears = Arc::clone(&heard);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut bytes = Vec::new();
            while !bytes.ends_with(b"}") {
                let mut part = [0; 4096];
                match stream.read(&mut part) {
                    Ok(read) if read > 0 => bytes.extend_from_slice(&part[..read]),
                    _ => break,
                }
            }
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let body = text.split("\r\n\r\n").nth(1).unwrap_or_default();
            if let Ok(json) = serde_json::from_str(body) {
                ears.lock().expect("nobody panics").push(json);
            }
            let _ = stream.write_all(b"HTTP/1.1 204 X\r\nconnection: close\r\n\r\n");
        }
    });
    (url, heard)
}

/// The events that a webhook heard of.
///
/// # Panics
/// When its listener did.
pub fn events(heard: &Mutex<Vec<Value>>) -> Vec<String> {
    let heard = heard.lock().expect("nobody panics");
    heard.iter().filter_map(|alert| alert["event"].as_str().map(str::to_owned)).collect()
}

impl Scene {
    /// The daemon's process.
    ///
    /// # Panics
    /// When it doesn't run.
    pub fn id(&self) -> u32 {
        self.daemon.as_ref().expect("it runs").id()
    }
}
