//! A folder with a configuration, and a simulated provider beside it.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use sandbox::google::{CLIENT_ID, CLIENT_SECRET, Google, Running};
use sandbox::{Account, World, microsoft};
use tempfile::TempDir;

/// A folder with a configuration, and a provider.
pub(crate) struct Stage<P, E> {
    pub(crate) provider: P,
    pub(crate) endpoint: E,
    folder: TempDir,
}

fn world() -> World {
    let world = World::new(1);
    world.set_now(calpair::clock::SystemClock::read());
    world.add_account(Account::new("me"));
    world
}

impl Stage<microsoft::Microsoft, microsoft::Running> {
    pub(crate) async fn microsoft() -> Self {
        let provider = microsoft::Microsoft::new(&world(), 1);
        provider.open("me");
        let endpoint = provider.serve().await.unwrap();
        let stage = Self { provider, endpoint, folder: tempfile::tempdir().unwrap() };
        stage.configure(&stage.endpoint.url());
        stage
    }

    /// The service is asked at this address.
    pub(crate) fn configure(&self, url: &str) {
        let text = format!(
            "[daemon]\nstate_dir = \"{}/state\"\n[accounts.work]\nprovider = \"microsoft\"\n\
             client_id = \"{}\"\napi_url = \"{url}v1.0\"\nauthority_url = \"{url}\"\n",
            self.folder.path().display(),
            microsoft::CLIENT_ID,
        );
        self.write("calpair.toml", &text, 0o600);
    }
}

impl Stage<Google, Running> {
    pub(crate) async fn new() -> Self {
        let provider = Google::new(&world(), 1);
        provider.open("me");
        let endpoint = provider.serve().await.unwrap();
        let url = endpoint.url();
        let stage = Self { provider, endpoint, folder: tempfile::tempdir().unwrap() };
        // As the console offers it for download.
        let client = format!(
            r#"{{"installed":{{"client_id":"{CLIENT_ID}","client_secret":"{CLIENT_SECRET}"}}}}"#
        );
        stage.write("client.json", &client, 0o600);
        let text = format!(
            "[daemon]\nstate_dir = \"{0}/state\"\n[accounts.work]\nprovider = \"google\"\n\
             client_id = \"{CLIENT_ID}\"\nclient_secret_file = \"{0}/client.json\"\n\
             api_url = \"{url}calendar/v3\"\nauth_url = \"{url}auth\"\n\
             token_url = \"{url}token\"\nrevoke_url = \"{url}revoke\"\n",
            stage.folder.path().display()
        );
        stage.write("calpair.toml", &text, 0o600);
        stage
    }
}

impl<P, E> Stage<P, E> {
    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str, mode: u32) {
        std::fs::write(self.at(name), text).unwrap();
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(self.at(name), mode).unwrap();
    }

    pub(crate) fn calpair(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_calpair"));
        command
            .args(arguments)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", self.folder.path())
            .env("CALPAIR_CONFIG", self.at("calpair.toml"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }
}

pub(crate) fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Runs `connect` with a line on stdin.
pub(crate) fn given<P, E>(
    stage: &Stage<P, E>,
    argument: &str,
    text: &str,
) -> (Option<i32>, String) {
    let mut child =
        stage.calpair(&["connect", "work", argument]).stdin(Stdio::piped()).spawn().unwrap();
    writeln!(child.stdin.take().unwrap(), "{text}").unwrap();
    let output = child.wait_with_output().unwrap();
    (output.status.code(), said(&output))
}
