//! What systemd is told, and what it gives: a socket that listens, and a credential that the
//! service alone can read.

use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use calpair_tests::program::{Home, start};
use calpair_tests::stage::Stage;
use calpair_tests::wait;
use model::{Side, Sides};
use sandbox::dav::Profile;
use sandbox::seed::hour;
use serde_json::Value;

const SOON: Duration = Duration::from_secs(60);

/// `systemctl status` shows one line.
const LONGEST: usize = 200;

const QUICK: &str = "interval = \"1s\"\nconfirm = \"1s\"\n";

/// systemd's end of `$NOTIFY_SOCKET`, and what came there.
struct Ear {
    socket: UnixDatagram,
    heard: Vec<String>,
}

impl Ear {
    /// Listens until this is said.
    fn until(&mut self, words: &str) {
        loop {
            let mut bytes = [0; 4096];
            let read = self.socket.recv(&mut bytes);
            let read = read.unwrap_or_else(|error| panic!("{words}: {error}: {:?}", self.heard));
            let text = String::from_utf8(bytes[..read].to_vec()).expect("it is text");
            let found = text.lines().any(|line| line == words);
            self.heard.extend(text.lines().map(str::to_owned));
            if found {
                return;
            }
        }
    }
}

#[test]
fn systemd_is_told_how_pairs_stand_in_one_line_without_private_content() {
    let stage = Stage::new(Sides::new(Profile::icloud(), Profile::plain()));
    let mut home = Home::new(stage.logins(), QUICK);
    home.connect_both();
    let start_of_event = "2026-12-01T09:00:00Z".parse().expect("an instant");
    stage.user(Side::Left).create(&hour("c1", "CanaryTitle", start_of_event, ""));
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).expect("a socket");
    socket.set_read_timeout(Some(SOON)).expect("a limit");
    let mut ear = Ear { socket, heard: Vec::new() };
    home.set("NOTIFY_SOCKET", &path.display().to_string());
    let daemon = home.start(&["run"]);
    // In whichever order: the first cycle may be faster.
    ear.until("STATUS=1 pair: 1 ok");
    stage.world.revoke("left");
    ear.until("STATUS=1 pair: 1 reconnect-needed");
    stage.world.restore("left");
    let connected = home.connect(Side::Left, &stage.world.password("left").expect("it has one"));
    assert_eq!(connected.code, Some(0), "{connected:?}");
    ear.until("STATUS=1 pair: 1 ok");
    let paused = home.run(&["pause", "p"]);
    assert_eq!(paused.code, Some(0), "{paused:?}");
    ear.until("STATUS=1 pair: 1 paused");
    daemon.signal("TERM");
    ear.until("STOPPING=1");
    let ended = daemon.end(SOON);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ear.heard.iter().filter(|line| *line == "READY=1").count(), 1, "{:?}", ear.heard);
    for line in ear.heard.iter().filter_map(|line| line.strip_prefix("STATUS=")) {
        let words = line.strip_prefix("1 pair: 1 ");
        assert!(words.is_some_and(|word| !word.contains(' ')), "{line}");
        assert!(line.len() <= LONGEST, "{line}");
    }
    let all = ear.heard.join("\n");
    for private in ["CanaryTitle", "left@example.com", "Family"] {
        assert!(!all.contains(private), "{private}: {all}");
    }
}

#[test]
fn a_doctor_beside_the_service_does_not_miss_the_key_that_only_the_service_has() {
    let stage = Stage::new(Sides::new(Profile::icloud(), Profile::plain()));
    let mut home = Home::new(stage.logins(), QUICK);
    let credentials = tempfile::tempdir().expect("a folder");
    let key = credentials.path().join("calpair-key");
    std::fs::write(&key, "00112233445566778899aabbccddeeff".repeat(2)).expect("a file");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o400)).expect("a file");
    home.set("CREDENTIALS_DIRECTORY", &credentials.path().display().to_string());
    home.connect_both();
    let daemon = home.start(&["run"]);
    let ok = || home.run(&["status", "--json"]).json()["pairs"][0]["state"] == "ok";
    wait::until(SOON, || ok().then_some(())).expect("it syncs");
    let outside = |arguments: &[&str]| {
        let mut command = home.command(arguments);
        command.env_remove("CREDENTIALS_DIRECTORY");
        start(command, "").end(SOON)
    };
    let doctor = outside(&["doctor", "--json"]);
    let checks = doctor.json()["checks"].as_array().cloned().unwrap_or_default();
    let check = |name: &str| {
        checks.iter().find(|check| check["name"] == name).cloned().unwrap_or(Value::Null)
    };
    assert_eq!(check("key")["result"], "ok", "{doctor:?}");
    assert_eq!(check("account left")["result"], "ok", "{doctor:?}");
    assert_eq!(doctor.code, Some(0), "{doctor:?}");
    // The service has it in memory, and would not get it again.
    let aside = credentials.path().join("aside");
    std::fs::rename(&key, &aside).expect("a file");
    let doctor = outside(&["doctor"]);
    assert_eq!(doctor.code, Some(1), "{doctor:?}");
    assert!(doctor.stdout.contains("in memory only"), "{doctor:?}");
    std::fs::rename(&aside, &key).expect("a file");
    // What the others find decides how it ends.
    let gone = outside(&["disconnect", "left"]);
    assert_eq!(gone.code, Some(0), "{gone:?}");
    for arguments in [&["doctor"][..], &["check", "--online"]] {
        assert_eq!(outside(arguments).code, Some(3), "{arguments:?}");
    }
    daemon.signal("TERM");
    assert_eq!(daemon.end(SOON).code, Some(0));
    // Without the service it is missed.
    let alone = outside(&["doctor"]);
    assert_eq!(alone.code, Some(1), "{alone:?}");
}
