//! A Google account from its sign-in to its end, over a simulated Google with sockets: a browser
//! that follows redirects stands for the person.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicI64, Ordering};

use async_trait::async_trait;
use model::Timestamp;
use sandbox::google::{
    Api, CLIENT_ID, CLIENT_SECRET, Consent, Google, Running as Endpoint, TokenMood,
};
use secrecy::ExposeSecret;
use testkit::canary;
use testkit::described::Watch;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use transport::Url;

use super::*;
use crate::signin::{self, browser::Waiting};

/// A CalDAV server on the left, Google on the right, a clock that is set.
pub(super) struct Scene {
    pub(super) world: World,
    pub(super) google: Google,
    _watch: Watch,
    endpoint: Endpoint,
    left: Running,
    pub(super) calendar: CalendarId,
    clock: Arc<Shifted>,
    folder: TempDir,
}

/// The time of day when the test began, and so much later.
pub(super) struct Shifted {
    pub(super) began: Timestamp,
    pub(super) seconds: AtomicI64,
}

#[async_trait]
impl Clock for Shifted {
    fn now(&self) -> Timestamp {
        self.began + Duration::from_secs(self.seconds.load(Ordering::Relaxed).unsigned_abs())
    }

    async fn sleep(&self, _: Duration) {
        tokio::task::yield_now().await;
    }
}

impl Scene {
    pub(super) async fn new() -> Self {
        let world = World::new(1);
        let clock = Arc::new(Shifted { began: SystemClock::read(), seconds: AtomicI64::new(0) });
        world.set_now(clock.now());
        for name in ["left", "me", "other"] {
            world.add_account(Account::new(name));
        }
        let left = serve(&world, Options::new(Profile::plain(), "left")).await.unwrap();
        let calendar = world.add_calendar("left", "Family");
        let google = Google::new(&world, 1);
        google.open("me");
        google.open("other");
        google.set_visitor("me");
        let endpoint = google.serve().await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("client");
        std::fs::write(&file, CLIENT_SECRET).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        let _watch = Watch::google(&google, &world);
        Self { world, google, _watch, endpoint, left, calendar, clock, folder }
    }

    pub(super) fn pass(&self, seconds: i64) {
        self.clock.seconds.fetch_add(seconds, Ordering::Relaxed);
        self.world.set_now(self.clock.now());
    }

    fn config(&self) -> Config {
        let (left, url) = (self.left.url(), self.endpoint.url());
        let file = self.folder.path().join("client");
        let text = format!(
            "[accounts.l]\nprovider = \"caldav\"\nusername = \"left@example.com\"\n\
             url = \"{left}\"\n\
             [accounts.work]\nprovider = \"google\"\nclient_id = \"{CLIENT_ID}\"\n\
             client_secret_file = \"{}\"\napi_url = \"{url}calendar/v3\"\n\
             auth_url = \"{url}auth\"\ntoken_url = \"{url}token\"\nrevoke_url = \"{url}revoke\"\n\
             [[pairs]]\nname = \"p\"\nwindow = \"all\"\n\
             left = {{ account = \"l\", calendar = \"Family\" }}\n\
             right = {{ account = \"work\", calendar = \"primary\" }}\n",
            file.display()
        );
        config::parse(&text, "c.toml").unwrap()
    }

    fn state(&self) -> std::path::PathBuf {
        self.folder.path().join("state")
    }

    fn open(&self) -> Service {
        let clock = Arc::clone(&self.clock) as Arc<dyn Clock>;
        let environment = Environment::default();
        Service::open_at(clock, self.config(), &self.state(), &environment).unwrap()
    }

    /// The service with both accounts connected.
    pub(super) async fn connected(&self) -> Service {
        let service = self.open();
        assert_eq!(connect(&service, "l", "abcd-efgh-ijkl-mnop").await.exit, 0);
        let reply = connect(&service, "work", &self.google.refresh_token("me")).await;
        assert_eq!(reply.exit, 0, "{reply:?}");
        service
    }

    pub(super) fn create(&self, uid: &str) {
        let start = "2026-03-01T09:00:00Z".parse().unwrap();
        let event = seed::hour(uid, &format!("Event {uid}"), start, "");
        self.world.user(&self.calendar).create(&event);
    }

    /// What a person at a browser brings about: a refresh token, or the page that is shown.
    async fn sign_in(&self) -> Result<String, String> {
        let config = self.config();
        let account = &config.accounts[&AccountName::new("work")];
        let client = signin::client(account).unwrap().unwrap();
        let waiting = Waiting::begin(&client, &[7; 64], Some("me@example.com")).await.unwrap();
        let browser = async {
            let sent = visit(waiting.consent().url()).await;
            let location = sent.lines().find_map(|line| {
                let (name, value) = line.split_once(": ")?;
                name.eq_ignore_ascii_case("location").then(|| value.to_owned())
            });
            visit(&Url::parse(&location.unwrap()).unwrap()).await
        };
        let (code, shown) = tokio::join!(waiting.code(None, &|_| {}), browser);
        let code = code.map_err(|error| format!("{error} {shown}"))?;
        let grant = client.exchange(&code, waiting.consent()).await;
        let grant = grant.map_err(|error| error.to_string())?;
        Ok(grant.refresh.unwrap().expose_secret().to_owned())
    }
}

pub(super) async fn visit(url: &Url) -> String {
    let (host, port) = (url.host_str().unwrap(), url.port().unwrap());
    let mut stream = TcpStream::connect((host, port)).await.unwrap();
    let target = url.as_str().split_once(&format!(":{port}")).map_or("/", |(_, target)| target);
    let head = format!("GET {target} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut shown = String::new();
    stream.read_to_string(&mut shown).await.unwrap();
    shown
}

pub(super) async fn account(service: &Service) -> report::AccountStatus {
    status(service).await.accounts.remove(1)
}

#[tokio::test]
async fn a_person_signs_in_and_the_calendars_become_the_same() {
    let scene = Scene::new().await;
    let service = scene.open();
    let (exit, _) = sync(&service).await;
    let before = account(&service).await;
    assert_eq!((exit, before.state.as_str()), (3, "unconnected"));
    assert_eq!(before.reason.as_deref(), Some("nobody has signed in yet"));
    assert_eq!(connect(&service, "l", "abcd-efgh-ijkl-mnop").await.exit, 0);
    let refresh = scene.sign_in().await.unwrap();
    let reply = connect(&service, "work", &refresh).await;
    assert_eq!(reply.exit, 0, "{reply:?}");
    assert_eq!(message(reply), "work is connected: 1 calendar");
    let accounts: report::Accounts = read(service.answer(Request::Accounts).await);
    assert_eq!(accounts.accounts[1].identity.as_deref(), Some("me@example.com"));
    let calendars = service.answer(Request::Calendars { account: "work".into() }).await;
    let calendars: report::Calendars = read(calendars);
    assert!(calendars.calendars[0].primary && calendars.calendars[0].writable);
    let checks: report::Checks = read(service.answer(Request::Check).await);
    assert!(checks.checks.iter().all(|check| check.result == report::CheckResult::Ok));
    scene.create("a");
    let (exit, synced) = sync(&service).await;
    assert_eq!((exit, synced.right.created), (0, 1), "{synced:?}");
    sync(&service).await;
    service.close(Duration::ZERO).await.unwrap();
    drop(service);
    // The sign-in is kept, sealed; a quiet sync of another process costs a request a side.
    let service = scene.open();
    let (exit, synced) = sync(&service).await;
    assert_eq!((exit, synced.requests), (0, report::Requests { left: 1, right: 1 }));
    let explain = Request::Explain { pair: pair(), event: "Ann's birthday".to_owned() };
    let unknown = message(service.answer(explain).await);
    assert!(unknown.contains("birthdays") && unknown.ends_with("are never synced"), "{unknown}");
    scene.google.assert_unviolated();
}

#[tokio::test]
async fn a_consent_that_is_declined_or_lacks_a_right_is_none() {
    let scene = Scene::new().await;
    scene.google.set_consent(Consent::Declines);
    let declined = scene.sign_in().await.unwrap_err();
    assert!(declined.contains("declined") && declined.contains("No consent was given"));
    scene.google.set_consent(Consent::Unticks(vec!["calendar.events".into()]));
    let lacking = scene.sign_in().await.unwrap_err();
    assert!(lacking.contains("the list of calendars (calendar.calendarlist"), "{lacking}");
    assert!(lacking.ends_with("tick every box"), "{lacking}");
    let service = scene.open();
    let refused = connect(&service, "work", "1//0-unknown").await;
    assert_eq!(refused.exit, 3);
    assert!(message(refused).contains("Google refused the sign-in (invalid_grant)"));
    assert_eq!(account(&service).await.state, "unconnected");
}

#[tokio::test]
async fn another_google_account_is_taken_only_when_asked_to() {
    let scene = Scene::new().await;
    let service = scene.connected().await;
    scene.create("a");
    sync(&service).await;
    let others = scene.google.refresh_token("other");
    let refused = connect(&service, "work", &others).await;
    assert_eq!(refused.exit, 1);
    assert!(message(refused).starts_with("this is a different Google account than work"));
    assert_eq!(connect_as(&service, "work", &others, true).await.exit, 0);
    let (exit, synced) = sync(&service).await;
    assert_eq!((exit, synced.right.created, synced.left.deleted), (0, 1, 0));
}

#[tokio::test]
async fn access_that_ended_is_renewed_and_nobody_notices() {
    let scene = Scene::new().await;
    let service = scene.connected().await;
    sync(&service).await;
    scene.google.expire_access("me");
    scene.create("a");
    let (exit, synced) = sync(&service).await;
    assert_eq!((exit, synced.right.created), (0, 1));
    scene.pass(4000);
    scene.create("b");
    let (exit, synced) = sync(&service).await;
    assert_eq!((exit, synced.right.created), (0, 1));
    assert_eq!(account(&service).await.state, "ok");
}

#[tokio::test]
async fn a_sign_in_that_was_ended_is_believed_the_third_time_and_catches_up_after_another() {
    let scene = Scene::new().await;
    let service = scene.connected().await;
    sync(&service).await;
    scene.google.revoke("me");
    scene.create("a");
    let mut states = Vec::new();
    for _ in 0..3 {
        scene.pass(61);
        sync(&service).await;
        states.push(account(&service).await.state);
    }
    assert_eq!(states, ["suspect", "suspect", "reconnect-needed"]);
    let dead = account(&service).await;
    let reason = dead.reason.unwrap();
    assert!(reason.starts_with("Google refused the sign-in (invalid_grant): "), "{reason}");
    assert!(reason.contains("Testing") && reason.ends_with("(confirmed 3 times)"), "{reason}");
    assert_eq!(dead.action.as_deref(), Some("calpair connect work"));
    let before = scene.google.log().len();
    scene.pass(3600);
    assert_eq!(sync(&service).await.0, 3);
    assert_eq!(scene.google.log().len(), before, "nothing is sent any more");
    let reply = connect(&service, "work", &scene.sign_in().await.unwrap()).await;
    assert_eq!(reply.exit, 0, "{reply:?}");
    let (exit, synced) = sync(&service).await;
    assert_eq!((exit, synced.right.created), (0, 1));
}

// quirk: google-72
#[tokio::test]
async fn a_sign_in_of_testing_is_warned_of_daily_before_it_ends() {
    const DAY: i64 = 24 * 60 * 60;
    let scene = Scene::new().await;
    scene.google.set_token_mood(TokenMood::Testing);
    let service = scene.connected().await;
    let file = scene.folder.path().join("heard");
    let mut config = scene.config();
    config.alerts.command =
        ["sh", "-c", &format!("cat >>{}", file.display())].map(str::to_owned).to_vec();
    service.take_up(config).unwrap();
    let mut told = Vec::new();
    for day in 0..7 {
        sync(&service).await;
        sync(&service).await;
        let now = account(&service).await;
        assert_eq!(now.state, "ok", "day {day}");
        told.push(now.reason.is_some());
        if let Some(reason) = now.reason {
            assert!(reason.starts_with("the sign-in ends at 20"), "{reason}");
            assert!(reason.contains("Testing") && reason.contains("docs/google.md"), "{reason}");
            assert_eq!(now.action.as_deref(), Some("calpair connect work"));
        }
        scene.pass(DAY);
    }
    assert_eq!(told, [false, false, false, false, true, true, true]);
    // It has come, and is said as what it is.
    for _ in 0..3 {
        scene.pass(61);
        sync(&service).await;
    }
    assert_eq!(account(&service).await.state, "reconnect-needed");
    // Published, and signed in again: no end is known any more.
    scene.google.set_token_mood(TokenMood::Fair);
    let reply = connect(&service, "work", &scene.sign_in().await.unwrap()).await;
    assert_eq!(reply.exit, 0, "{reply:?}");
    let now = account(&service).await;
    assert_eq!((now.state.as_str(), now.reason), ("ok", None));
    service.close(Duration::ZERO).await.unwrap();
    let heard = std::fs::read_to_string(&file).unwrap();
    let heard: Vec<report::Alert> =
        heard.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    let events: Vec<&str> = heard.iter().map(|alert| alert.event.as_str()).collect();
    let daily = ["expiring"; 3];
    assert_eq!(events, [&daily[..], &["reconnect-needed", "reconnected"]].concat());
    assert_eq!((heard[0].state.as_str(), heard[0].account.as_deref()), ("ok", Some("work")));
    assert_eq!(heard[0].action.as_deref(), Some("calpair connect work"));
}

#[tokio::test]
async fn an_end_that_only_the_consent_told_is_known() {
    let scene = Scene::new().await;
    let service = scene.connected().await;
    let refresh = Password(scene.sign_in().await.unwrap().into());
    let lasts = Some(2 * 24 * 60 * 60);
    let request =
        Request::Connect { account: "work".into(), password: refresh, replace: false, lasts };
    assert_eq!(service.answer(request).await.exit, 0);
    assert!(account(&service).await.reason.is_some_and(|reason| reason.contains("ends at")));
}

#[tokio::test]
async fn trouble_of_the_token_endpoint_is_never_held_against_the_sign_in() {
    let scene = Scene::new().await;
    let service = scene.connected().await;
    sync(&service).await;
    let moods = [
        (TokenMood::Reauth("invalid_rapt".into()), "session control"),
        (TokenMood::Refuses("admin_policy_enforced".into()), "administrator"),
    ];
    for (mood, expected) in moods {
        scene.google.set_token_mood(mood);
        scene.pass(2 * 60 * 60);
        sync(&service).await;
        let reason = account(&service).await.reason.unwrap();
        assert!(reason.contains(expected) && reason.ends_with("of 3 tries)"), "{reason}");
        scene.google.set_token_mood(TokenMood::Fair);
        scene.pass(61);
        sync(&service).await;
        assert_eq!(account(&service).await.state, "ok");
    }
    for mood in [TokenMood::Tokenless, TokenMood::OutOfOrder] {
        scene.google.set_token_mood(mood.clone());
        scene.pass(4000);
        for _ in 0..4 {
            scene.pass(61);
            assert_eq!(sync(&service).await.0, 75, "{mood:?}");
        }
        assert_eq!(account(&service).await.state, "ok", "{mood:?}");
    }
}

#[tokio::test]
async fn a_refresh_token_that_changes_with_every_use_outlives_a_hundred_crashes() {
    let scene = Scene::new().await;
    scene.google.set_token_mood(TokenMood::Rotates);
    let mut service = scene.connected().await;
    for round in 0..100 {
        let (exit, _) = sync(&service).await;
        assert_eq!(exit, 0, "{round}");
        // No close: what is not stored by now is lost.
        drop(service);
        service = scene.open();
    }
    assert_eq!(account(&service).await.state, "ok");
}

#[tokio::test]
async fn a_configuration_with_another_client_or_endpoint_does_not_get_the_sign_in() {
    let scene = Scene::new().await;
    let service = scene.connected().await;
    service.close(Duration::ZERO).await.unwrap();
    drop(service);
    let service = scene.open();
    let mut config = scene.config();
    let work = config.accounts.get_mut(&AccountName::new("work")).unwrap();
    let config::Provider::Google(google) = &mut work.provider else { panic!("{work:?}") };
    google.token_url = Some(config::Endpoint::parse("http://127.0.0.1:1/token").unwrap());
    service.take_up(config).unwrap();
    let account = account(&service).await;
    assert_eq!(account.state, "unconnected");
    let reason = "the sign-in was given for another client_id or server";
    assert_eq!(account.reason.as_deref(), Some(reason));
}

#[tokio::test]
async fn a_disconnected_account_has_no_access_left_at_google() {
    let scene = Scene::new().await;
    let service = scene.connected().await;
    let refresh = scene.google.refresh_token("me");
    assert_eq!(connect(&service, "work", &refresh).await.exit, 0);
    let reply = service.answer(Request::Disconnect { account: "work".into() }).await;
    let said = "work is disconnected; its mappings stay\nits access at Google was revoked";
    assert_eq!((reply.exit, message(reply).as_str()), (0, said));
    assert_eq!(account(&service).await.reason.as_deref(), Some("nobody has signed in yet"));
    assert_eq!(connect(&service, "work", &refresh).await.exit, 3);
    let again = service.answer(Request::Disconnect { account: "work".into() }).await;
    assert_eq!(message(again), "work is disconnected; its mappings stay");
    // Google can't be reached: it is forgotten here all the same, and said.
    assert_eq!(connect(&service, "work", &scene.google.refresh_token("me")).await.exit, 0);
    let Scene { endpoint, folder: _folder, .. } = scene;
    drop(endpoint);
    tokio::task::yield_now().await;
    let reply = service.answer(Request::Disconnect { account: "work".into() }).await;
    assert!(message(reply).contains("take it away at https://myaccount.google.com/connections"));
    assert_eq!(account(&service).await.state, "unconnected");
}

#[tokio::test]
async fn a_client_secret_that_others_can_read_is_not_used() {
    let scene = Scene::new().await;
    let service = scene.connected().await;
    let file = scene.folder.path().join("client");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let refused = connect(&service, "work", "1//0").await;
    assert_eq!(refused.exit, 1);
    assert!(message(refused).ends_with("others can read it (mode 0644); chmod 600"));
    drop(service);
    let service = scene.open();
    let before = account(&service).await;
    assert_eq!(before.state, "unconnected");
    assert!(before.reason.unwrap().ends_with("chmod 600"));
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    service.take_up(scene.config()).unwrap();
    assert_eq!(account(&service).await.state, "ok", "a reload is enough");
}

#[tokio::test]
async fn an_api_that_is_switched_off_is_named() {
    let scene = Scene::new().await;
    let service = scene.connected().await;
    scene.google.set_api(Api::Off);
    let refused = connect(&service, "work", &scene.google.refresh_token("me")).await;
    assert_eq!(refused.exit, 1);
    assert!(message(refused).contains("Calendar API"));
    let checks: report::Checks = read(service.answer(Request::Check).await);
    let check = checks.checks.iter().find(|check| check.name == "account work").unwrap();
    assert_eq!((check.result, &check.action), (report::CheckResult::Failed, &None));
    assert_eq!(sync(&service).await.1.outcome, report::Outcome::Retrying);
    let status = account(&service).await;
    assert_eq!(status.state, "attention", "not the sign-in, and nothing that passes");
    assert!(status.reason.unwrap().contains("Calendar API"));
    assert!(status.action.unwrap().contains("docs/google.md"));
    scene.google.set_api(Api::On);
    scene.pass(61);
    assert_eq!(sync(&service).await.0, 0);
    assert_eq!(account(&service).await.state, "ok");
}

#[tokio::test]
async fn a_client_that_google_does_not_know_is_not_the_sign_ins_fault() {
    let scene = Scene::new().await;
    let service = scene.connected().await;
    sync(&service).await;
    scene.google.set_token_mood(TokenMood::UnknownClient);
    scene.pass(2 * 60 * 60);
    for _ in 0..5 {
        scene.pass(61);
        assert_eq!(sync(&service).await.1.outcome, report::Outcome::Retrying);
        let status = account(&service).await;
        assert_eq!(status.state, "attention");
        assert!(status.reason.unwrap().contains("client_secret_file"));
    }
    scene.google.set_token_mood(TokenMood::Fair);
    scene.pass(61);
    assert_eq!(sync(&service).await.0, 0);
    assert_eq!(account(&service).await.state, "ok");
}

/// Where a test's log goes.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn no_token_code_or_client_secret_is_seen_anywhere() {
    let scene = Scene::new().await;
    let log = Log::default();
    let sink = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(move || sink.clone())
        .finish();
    // As long as there is one dispatcher only, tracing asks each thread for its own whether a line
    // is of interest, and keeps the answer of another test's thread, which has none.
    let _second = tracing::Dispatch::new(tracing_subscriber::registry());
    let guard = tracing::subscriber::set_default(subscriber);
    let service = scene.open();
    connect(&service, "l", "abcd-efgh-ijkl-mnop").await;
    let refresh = scene.sign_in().await.unwrap();
    assert_eq!(connect(&service, "work", &refresh).await.exit, 0);
    scene.create("a");
    sync(&service).await;
    scene.google.expire_access("me");
    sync(&service).await;
    scene.google.revoke("me");
    let mut seen = String::new();
    for _ in 0..4 {
        scene.pass(4000);
        seen += &format!("{:?}", sync(&service).await);
    }
    seen += &format!("{:?}", connect(&service, "work", &refresh).await);
    for request in [
        Request::Status { pair: None },
        Request::Accounts,
        Request::History { pair: None, event: None },
        Request::Check,
        Request::Disconnect { account: "work".into() },
    ] {
        seen += &format!("{:?}", service.answer(request).await);
    }
    seen += &format!("{:?}", service.config());
    drop(guard);
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("answered"), "the log was kept");
    seen += &log;
    let code_verifier = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc";
    let stored = canary::files_with(&scene.state(), &[&refresh, CLIENT_SECRET, code_verifier]);
    assert_eq!(stored, Vec::<String>::new());
    for file in canary::files(&scene.state()) {
        seen += &String::from_utf8_lossy(&std::fs::read(file).unwrap());
    }
    for secret in [&*refresh, "1//0", "ya29.", "4/0", "4%2F0", CLIENT_SECRET, code_verifier] {
        let at = seen.find(secret).map(|at| seen[at.saturating_sub(200)..at].to_owned());
        assert_eq!(at, None, "{secret}");
    }
}
