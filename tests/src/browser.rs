//! A real browser: headless Chromium, as somebody sits before it. It runs in a process of its own
//! (`tests/browser/driver.py`), gets one line of JSON for each thing that is done, and answers one.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

use crate::environment::variable;
use crate::servers::skip;

/// How a window is.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// Wide, high.
    pub size: (u32, u32),
    /// Whether the system is dark.
    pub dark: bool,
    /// Whether JavaScript is on.
    pub script: bool,
    /// Whether the page's own policy holds; axe-core can't look at a page that forbids it to.
    pub policy: bool,
}

/// A desktop.
pub const DESKTOP: Window = Window { size: (1200, 900), dark: false, script: true, policy: true };

/// A phone.
pub const PHONE: Window = Window { size: (390, 844), dark: false, script: true, policy: true };

/// A browser with one window.
pub struct Browser {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Browser {
    /// Starts one. `None` when there is none, which is noted: the test is to end.
    ///
    /// # Panics
    /// When there is one and it doesn't start.
    pub fn start(window: Window) -> Option<Self> {
        let (Some(python), Some(chromium)) =
            (variable("CALPAIR_BROWSER"), variable("CALPAIR_CHROMIUM"))
        else {
            assert!(
                variable("CALPAIR_REQUIRE_BROWSER").is_none(),
                "there is no browser, though CALPAIR_REQUIRE_BROWSER wants one"
            );
            skip("browser");
            return None;
        };
        let driver = Path::new(env!("CARGO_MANIFEST_DIR")).join("browser").join("driver.py");
        let mut child = Command::new(python)
            .arg(driver)
            .arg(chromium)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the driver starts");
        let input = child.stdin.take().expect("a pipe was asked for");
        let output = BufReader::new(child.stdout.take().expect("a pipe was asked for"));
        let mut browser = Self { child, input, output };
        browser.window(window);
        Some(browser)
    }

    /// A new window, which knows nothing of what was before.
    pub fn window(&mut self, window: Window) {
        let Window { size: (width, height), dark, script, policy } = window;
        self.ask(json!({
            "do": "new", "width": width, "height": height, "dark": dark, "script": script,
            "bypass": !policy,
        }));
    }

    /// Opens an address; the status.
    pub fn open(&mut self, url: &str) -> u64 {
        self.ask(json!({ "do": "open", "url": url })).as_u64().unwrap_or_default()
    }

    /// Types into a field, in place of what stands there.
    pub fn fill(&mut self, selector: &str, text: &str) {
        self.ask(json!({ "do": "fill", "selector": selector, "text": text }));
    }

    /// Chooses from a list.
    pub fn choose(&mut self, selector: &str, label: &str) {
        self.ask(json!({ "do": "choose", "selector": selector, "label": label }));
    }

    /// Ticks a box.
    pub fn check(&mut self, selector: &str) {
        self.ask(json!({ "do": "check", "selector": selector }));
    }

    /// Presses a button, or follows a link, and waits for the page that comes.
    pub fn click(&mut self, selector: &str) {
        self.ask(json!({ "do": "click", "selector": selector }));
    }

    /// Presses a key.
    pub fn press(&mut self, key: &str) {
        self.ask(json!({ "do": "press", "key": key }));
    }

    /// What has the focus.
    pub fn focused(&mut self) -> String {
        self.word("focused")
    }

    /// Waits until the page says this, without loading it again.
    pub fn wait(&mut self, text: &str) {
        self.ask(json!({ "do": "wait", "text": text }));
    }

    /// What a part of the page says, as it is shown.
    pub fn text(&mut self, selector: &str) -> String {
        let said = self.ask(json!({ "do": "text", "selector": selector }));
        said.as_str().unwrap_or_default().to_owned()
    }

    /// How many of these the page has.
    pub fn count(&mut self, selector: &str) -> u64 {
        self.ask(json!({ "do": "count", "selector": selector })).as_u64().unwrap_or_default()
    }

    /// The page's source as it is now.
    pub fn html(&mut self) -> String {
        self.word("html")
    }

    /// Where the window is.
    pub fn address(&mut self) -> String {
        self.word("address")
    }

    /// How wide the page is.
    pub fn width(&mut self) -> u64 {
        self.ask(json!({ "do": "width" })).as_u64().unwrap_or_default()
    }

    /// What was noticed in this window: `dialogs`, requests to `foreign` hosts, `complaints`.
    pub fn observed(&mut self) -> Value {
        self.ask(json!({ "do": "observed" }))
    }

    /// What axe-core finds serious.
    pub fn barriers(&mut self) -> Vec<Value> {
        let found = self.ask(json!({ "do": "axe" }));
        let found = found.as_array().cloned().unwrap_or_default();
        let serious =
            |rule: &Value| matches!(rule["impact"].as_str(), Some("serious" | "critical"));
        found.into_iter().filter(serious).collect()
    }

    /// Takes a picture of the whole page, for the documents: into `CALPAIR_SHOTS`, else into a
    /// folder of the build.
    ///
    /// # Panics
    /// When there is no place for it.
    pub fn shot(&mut self, name: &str) {
        let folder = variable("CALPAIR_SHOTS")
            .map(PathBuf::from)
            .unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/shots"));
        std::fs::create_dir_all(&folder).expect("a folder for pictures");
        let path = folder.join(format!("{name}.png"));
        self.ask(json!({ "do": "shot", "path": path }));
    }

    fn word(&mut self, what: &str) -> String {
        self.ask(json!({ "do": what })).as_str().unwrap_or_default().to_owned()
    }

    fn ask(&mut self, what: Value) -> Value {
        writeln!(self.input, "{what}").expect("the driver listens");
        let mut line = String::new();
        self.output.read_line(&mut line).expect("the driver answers");
        let said: Value = serde_json::from_str(&line)
            .unwrap_or_else(|error| panic!("{what}: {error}: the driver said {line:?}"));
        assert!(said.get("error").is_none(), "{what}: {said}");
        said["value"].clone()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Without its driver the browser ends, too.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
