//! A Microsoft account from its sign-in to its end, over a simulated Graph with sockets: a browser
//! that follows redirects stands for the person, or a code is typed elsewhere.

use std::sync::atomic::{AtomicI64, Ordering};

use async_trait::async_trait;
use model::Timestamp;
use sandbox::microsoft::{CLIENT_ID, Consent, Microsoft, Poll, Running as Endpoint, TokenMood};
use secrecy::ExposeSecret;
use testkit::described::Watch;
use transport::Url;

use super::google::{account, visit};
use super::*;
use crate::signin::{self, browser::Waiting, device};

/// A CalDAV server on the left, Microsoft on the right, a clock that is set.
pub(super) struct Scene {
    pub(super) world: World,
    pub(super) microsoft: Microsoft,
    _watch: Watch,
    endpoint: Endpoint,
    left: Running,
    pub(super) calendar: CalendarId,
    clock: Arc<Shifted>,
    folder: TempDir,
    tenant: &'static str,
}

/// The time of day when the test began, and so much later. Who sleeps makes it later.
struct Shifted {
    world: World,
    began: Timestamp,
    seconds: AtomicI64,
}

impl Shifted {
    fn pass(&self, seconds: i64) {
        self.seconds.fetch_add(seconds, Ordering::Relaxed);
        self.world.set_now(self.now());
    }
}

#[async_trait]
impl Clock for Shifted {
    fn now(&self) -> Timestamp {
        self.began + Duration::from_secs(self.seconds.load(Ordering::Relaxed).unsigned_abs())
    }

    async fn sleep(&self, length: Duration) {
        self.pass(length.as_secs().try_into().unwrap());
        tokio::task::yield_now().await;
    }
}

impl Scene {
    pub(super) async fn new() -> Self {
        Self::of_tenant("common").await
    }

    async fn of_tenant(tenant: &'static str) -> Self {
        let world = World::new(1);
        let began = SystemClock::read();
        let clock = Shifted { world: world.clone(), began, seconds: AtomicI64::new(0) };
        world.set_now(clock.now());
        for name in ["left", "me", "other"] {
            world.add_account(Account::new(name));
        }
        let left = serve(&world, Options::new(Profile::plain(), "left")).await.unwrap();
        let calendar = world.add_calendar("left", "Family");
        let microsoft = Microsoft::new(&world, 1);
        microsoft.open("me");
        microsoft.open("other");
        microsoft.set_visitor("me");
        let endpoint = microsoft.serve().await.unwrap();
        let (clock, folder) = (Arc::new(clock), tempfile::tempdir().unwrap());
        let _watch = Watch::microsoft(&microsoft, &world);
        Self { world, microsoft, _watch, endpoint, left, calendar, clock, folder, tenant }
    }

    fn pass(&self, seconds: i64) {
        self.clock.pass(seconds);
    }

    fn config(&self) -> Config {
        let (left, url, tenant) = (self.left.url(), self.endpoint.url(), self.tenant);
        let text = format!(
            "[daemon]\ntime_zone = \"Asia/Tokyo\"\n\
             [accounts.l]\nprovider = \"caldav\"\nusername = \"left@example.com\"\n\
             url = \"{left}\"\n\
             [accounts.office]\nprovider = \"microsoft\"\nclient_id = \"{CLIENT_ID}\"\n\
             tenant = \"{tenant}\"\napi_url = \"{url}v1.0\"\nauthority_url = \"{url}\"\n\
             [[pairs]]\nname = \"p\"\nwindow = \"all\"\n\
             left = {{ account = \"l\", calendar = \"Family\" }}\n\
             right = {{ account = \"office\", calendar = \"primary\" }}\n"
        );
        config::parse(&text, "c.toml").unwrap()
    }

    fn open(&self) -> Service {
        let clock = Arc::clone(&self.clock) as Arc<dyn Clock>;
        let environment = Environment::default();
        let state = self.folder.path().join("state");
        Service::open_at(clock, self.config(), &state, &environment).unwrap()
    }

    /// The service with both accounts connected.
    pub(super) async fn connected(&self) -> Service {
        let service = self.open();
        assert_eq!(connect(&service, "l", "abcd-efgh-ijkl-mnop").await.exit, 0);
        let reply = connect(&service, "office", &self.microsoft.refresh_token("me")).await;
        assert_eq!(reply.exit, 0, "{reply:?}");
        service
    }

    pub(super) fn create(&self, uid: &str) {
        let start = "2026-03-01T09:00:00Z".parse().unwrap();
        let event = seed::hour(uid, &format!("Event {uid}"), start, "");
        self.world.user(&self.calendar).create(&event);
    }

    fn client(&self) -> Arc<transport::oauth::Client> {
        let config = self.config();
        signin::client(&config.accounts[&AccountName::new("office")]).unwrap().unwrap()
    }

    /// What a person at a browser brings about: a refresh token, or the page that is shown.
    async fn sign_in(&self) -> Result<String, String> {
        let client = self.client();
        let waiting = Waiting::begin(&client, &[7; 64], Some("me@example.com")).await.unwrap();
        let browser = async {
            let sent = visit(waiting.consent().url()).await;
            let location = sent.lines().find_map(|line| {
                let (name, value) = line.split_once(": ")?;
                name.eq_ignore_ascii_case("location").then(|| value.to_owned())
            });
            let location = location.unwrap();
            assert!(location.starts_with("http://localhost:"), "{location}");
            visit(&Url::parse(&location).unwrap()).await
        };
        let (code, shown) = tokio::join!(waiting.code(None, &|_| {}), browser);
        let code = code.map_err(|error| format!("{error} {shown}"))?;
        let grant = client.exchange(&code, waiting.consent()).await;
        let grant = grant.map_err(|error| error.to_string())?;
        Ok(grant.refresh.unwrap().expose_secret().to_owned())
    }

    /// What a person brings about who types a code elsewhere.
    async fn sign_in_by_code(&self) -> Result<String, String> {
        let show = |code: &transport::oauth::DeviceCode| {
            assert_eq!(code.user_code, "GTHKQPMN");
            let page = match self.tenant {
                "consumers" => "https://www.microsoft.com/link",
                _ => "https://microsoft.com/devicelogin",
            };
            assert_eq!(code.page, page);
        };
        let grant = device::grant(&self.client(), &*self.clock, show).await;
        let grant = grant.map_err(|error| error.to_string())?;
        Ok(grant.refresh.unwrap().expose_secret().to_owned())
    }
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
    let reply = connect(&service, "office", &refresh).await;
    assert_eq!(reply.exit, 0, "{reply:?}");
    assert_eq!(message(reply), "office is connected: 1 calendar");
    let accounts: report::Accounts = read(service.answer(Request::Accounts).await);
    // What people know it by; told apart by the id that stays when the address changes.
    assert_eq!(accounts.accounts[1].identity.as_deref(), Some("me@example.com"));
    let row = service.ctx.store.account(&AccountName::new("office")).unwrap().unwrap();
    assert!(row.identity.is_some_and(|id| id.len() == 36));
    let calendars = service.answer(Request::Calendars { account: "office".into() }).await;
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
    scene.microsoft.assert_unviolated();
    scene.world.assert_no_mail();
}

// quirk: microsoft-64
#[tokio::test]
async fn a_code_is_typed_elsewhere() {
    for tenant in ["common", "consumers", "organizations", "contoso.example"] {
        let scene = Scene::of_tenant(tenant).await;
        scene.microsoft.set_polls(&[Poll::Pending, Poll::SlowDown, Poll::Pending]);
        let began = scene.clock.now();
        let refresh = scene.sign_in_by_code().await.unwrap();
        let waited = scene.clock.now().duration_since(began).as_secs();
        assert_eq!(waited, 5 + 5 + 10 + 10, "slower once it was asked to be");
        let service = scene.open();
        assert_eq!(connect(&service, "office", &refresh).await.exit, 0);
        scene.microsoft.set_polls(&[Poll::Declined]);
        let declined = scene.sign_in_by_code().await.unwrap_err();
        assert!(declined.contains("consent was declined"), "{declined}");
        scene.microsoft.set_polls(&[Poll::Expired]);
        let expired = scene.sign_in_by_code().await.unwrap_err();
        assert!(expired.contains("too old"), "{expired}");
        // Nobody types it: it is not asked for without an end.
        scene.microsoft.set_polls(&[Poll::Pending; 1000]);
        let began = scene.clock.now();
        assert!(scene.sign_in_by_code().await.is_err());
        assert!(scene.clock.now().duration_since(began).as_secs() <= 900 + 5);
        scene.microsoft.assert_unviolated();
    }
}

// quirk: microsoft-65
#[tokio::test]
async fn rights_are_known_in_whatever_form_they_are_told() {
    let scene = Scene::new().await;
    scene.microsoft.set_token_mood(TokenMood::ShortScopes);
    let refresh = scene.sign_in().await.unwrap();
    let service = scene.open();
    assert_eq!(connect(&service, "office", &refresh).await.exit, 0);
    scene.microsoft.assert_unviolated();
}

#[tokio::test]
async fn a_consent_that_is_declined_is_none() {
    let scene = Scene::new().await;
    scene.microsoft.set_consent(Consent::Declines);
    let declined = scene.sign_in().await.unwrap_err();
    assert!(declined.contains("declined") && declined.contains("No consent was given"));
    let service = scene.open();
    let refused = connect(&service, "office", "M.C552_unknown").await;
    assert_eq!(refused.exit, 3);
    assert!(message(refused).contains("Microsoft refused the sign-in (invalid_grant)"));
    assert_eq!(account(&service).await.state, "unconnected");
}

#[tokio::test]
async fn another_microsoft_account_is_taken_only_when_asked_to() {
    let scene = Scene::new().await;
    let service = scene.connected().await;
    scene.create("a");
    sync(&service).await;
    let others = scene.microsoft.refresh_token("other");
    let refused = connect(&service, "office", &others).await;
    assert_eq!(refused.exit, 1);
    assert!(message(refused).starts_with("this is a different Microsoft account than office"));
    assert_eq!(connect_as(&service, "office", &others, true).await.exit, 0);
    let (exit, synced) = sync(&service).await;
    assert_eq!((exit, synced.right.created, synced.left.deleted), (0, 1, 0));
}

// quirk: microsoft-63, microsoft-66
#[tokio::test]
async fn access_that_ended_is_renewed_and_nobody_notices() {
    let scene = Scene::new().await;
    let service = scene.connected().await;
    sync(&service).await;
    scene.microsoft.expire_access("me");
    scene.create("a");
    let (exit, synced) = sync(&service).await;
    assert_eq!((exit, synced.right.created), (0, 1));
    scene.pass(6000);
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
    scene.microsoft.revoke("me");
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
    assert!(reason.starts_with("Microsoft refused the sign-in (invalid_grant, bad_token): "));
    assert!(reason.contains("AADSTS50173") && reason.ends_with("(confirmed 3 times)"), "{reason}");
    assert_eq!(dead.action.as_deref(), Some("calpair connect office"));
    let before = scene.microsoft.log().len();
    scene.pass(3600);
    assert_eq!(sync(&service).await.0, 3);
    assert_eq!(scene.microsoft.log().len(), before, "nothing is sent any more");
    let reply = connect(&service, "office", &scene.sign_in().await.unwrap()).await;
    assert_eq!(reply.exit, 0, "{reply:?}");
    let (exit, synced) = sync(&service).await;
    assert_eq!((exit, synced.right.created), (0, 1));
}

#[tokio::test]
async fn a_sign_in_that_nobody_uses_is_warned_of_before_microsoft_ends_it() {
    const DAY: i64 = 24 * 60 * 60;
    let scene = Scene::new().await;
    let service = scene.connected().await;
    sync(&service).await;
    assert_eq!(service.answer(Request::Pause { pair: pair() }).await.exit, 0);
    let said = || {
        service.look_ahead().unwrap();
        let rows = service.ctx.store.alerts(Some(&"office".into()), None).unwrap();
        rows.into_iter().map(|row| (row.event, row.said)).next()
    };
    scene.pass(75 * DAY);
    assert_eq!(said(), None);
    scene.pass(2 * DAY);
    let first = said().unwrap();
    assert_eq!(first.0, "expiring");
    let now = account(&service).await;
    let reason = now.reason.unwrap();
    assert!(reason.contains("last used at") && reason.contains("90 days"), "{reason}");
    scene.pass(DAY / 2);
    assert_eq!(said(), Some(first.clone()), "once a day");
    scene.pass(DAY / 2);
    assert!(said().is_some_and(|second| second.1 > first.1), "daily while it lasts");
    // What is proposed keeps it.
    assert_eq!(now.action.as_deref(), Some("calpair calendars office"));
    let asked = service.answer(Request::Calendars { account: "office".into() }).await;
    assert_eq!(asked.exit, 0, "{asked:?}");
    assert_eq!((said(), account(&service).await.reason), (None, None));
    scene.pass(60 * DAY);
    assert_eq!(service.answer(Request::Resume { pair: pair() }).await.exit, 0);
    assert_eq!(sync(&service).await.0, 0, "it is as good as ever");
}

// quirk: microsoft-62
#[tokio::test]
async fn what_a_refusal_means_hangs_on_its_name() {
    let scene = Scene::new().await;
    let service = scene.connected().await;
    sync(&service).await;
    let dead = [
        (700_082, "invalid_grant", "bad_token", "90 days"),
        (65001, "invalid_grant", "consent_required", "consented"),
        (50076, "interaction_required", "basic_action", "second factor"),
        (700_016, "unauthorized_client", "", "client_id"),
    ];
    for (number, error, suberror, expected) in dead {
        let mood = TokenMood::Refuses(number, error.into(), suberror.into());
        scene.microsoft.set_token_mood(mood);
        scene.pass(2 * 60 * 60);
        sync(&service).await;
        let reason = account(&service).await.reason.unwrap();
        assert!(reason.contains(expected) && reason.ends_with("of 3 tries)"), "{reason}");
        scene.microsoft.set_token_mood(TokenMood::Fair);
        scene.pass(61);
        sync(&service).await;
        assert_eq!(account(&service).await.state, "ok");
    }
    let wrong = (7_000_218, "invalid_client", "", "public client flows");
    let mood = TokenMood::Refuses(wrong.0, wrong.1.into(), wrong.2.into());
    scene.microsoft.set_token_mood(mood);
    scene.pass(2 * 60 * 60);
    sync(&service).await;
    let status = account(&service).await;
    assert_eq!(status.state, "attention", "the app's settings, not the sign-in");
    assert!(status.reason.unwrap().contains(wrong.3));
    scene.microsoft.set_token_mood(TokenMood::Fair);
    scene.pass(61);
    sync(&service).await;
    assert_eq!(account(&service).await.state, "ok");
    let passing = [
        TokenMood::OutOfOrder,
        TokenMood::Throttled,
        TokenMood::Refuses(90033, "temporarily_unavailable".into(), String::new()),
        TokenMood::Refuses(50196, "server_error".into(), String::new()),
    ];
    for mood in passing {
        scene.microsoft.set_token_mood(mood.clone());
        scene.pass(6000);
        for _ in 0..4 {
            scene.pass(61);
            assert_eq!(sync(&service).await.0, 75, "{mood:?}");
        }
        assert_eq!(account(&service).await.state, "ok", "{mood:?}");
        scene.microsoft.set_token_mood(TokenMood::Fair);
        scene.pass(61);
        sync(&service).await;
    }
}

// quirk: microsoft-61
#[tokio::test]
async fn a_refresh_token_that_changes_with_every_use_outlives_a_hundred_crashes() {
    let scene = Scene::new().await;
    scene.microsoft.set_quirks(|quirks| quirks.old_refresh_uses = 0);
    let mut service = scene.connected().await;
    for round in 0..100 {
        scene.pass(2 * 60 * 60);
        let (exit, _) = sync(&service).await;
        assert_eq!(exit, 0, "{round}");
        // No close: what is not stored by now is lost.
        drop(service);
        service = scene.open();
    }
    assert_eq!(account(&service).await.state, "ok");
}

#[tokio::test]
async fn a_configuration_with_another_tenant_does_not_get_the_sign_in() {
    let scene = Scene::new().await;
    let service = scene.connected().await;
    let mut config = scene.config();
    let office = config.accounts.get_mut(&AccountName::new("office")).unwrap();
    let config::Provider::Microsoft(microsoft) = &mut office.provider else { panic!("{office:?}") };
    microsoft.tenant = "consumers".to_owned();
    service.take_up(config).unwrap();
    let account = account(&service).await;
    assert_eq!(account.state, "unconnected");
    let reason = "the sign-in was given for another client_id or server";
    assert_eq!(account.reason.as_deref(), Some(reason));
}

#[tokio::test]
async fn a_disconnected_account_says_where_its_access_lives_on() {
    let scene = Scene::new().await;
    let service = scene.connected().await;
    let reply = service.answer(Request::Disconnect { account: "office".into() }).await;
    let said = message(reply);
    assert!(
        said.starts_with("office is disconnected; its mappings stay\nno program can"),
        "{said}"
    );
    assert!(said.contains("https://myapps.microsoft.com"), "{said}");
    assert_eq!(account(&service).await.reason.as_deref(), Some("nobody has signed in yet"));
    let again = service.answer(Request::Disconnect { account: "office".into() }).await;
    assert_eq!(message(again), "office is disconnected; its mappings stay");
}

#[tokio::test]
async fn a_calendar_is_found_by_its_name_and_by_its_id() {
    let scene = Scene::new().await;
    let id = scene.microsoft.add_calendar("me", "Team");
    scene.microsoft.add_holidays("me");
    for (at, asked) in ["Team", id.as_str()].into_iter().enumerate() {
        let service = scene.connected().await;
        let mut config = scene.config();
        config.pairs[0].sides.right.calendar = asked.to_owned();
        config.pairs[0].name = model::PairName::new(format!("p{at}"));
        service.take_up(config).unwrap();
        scene.create(&format!("e{at}"));
        assert_eq!(sync(&service).await.0, 0, "{asked}");
        let held = scene.microsoft.held(&id);
        assert_eq!(held.len(), at + 1, "{asked}");
    }
}

#[tokio::test]
async fn the_farthest_window_of_its_pairs_is_what_an_account_looks_through() {
    let scene = Scene::new().await;
    let service = scene.connected().await;
    sync(&service).await;
    let asked = |scene: &Scene| {
        let log = scene.microsoft.log();
        let windows = log.iter().filter(|one| one.query.contains("endDateTime"));
        windows.map(|one| one.query.clone()).collect::<Vec<_>>()
    };
    let wide = asked(&scene);
    assert_eq!(wide.len(), 1, "{wide:?}");
    let mut config = scene.config();
    config.pairs[0].window = config::Window {
        past: Some(Duration::from_secs(1000 * 86400)),
        future: Some(Duration::from_secs(200 * 86400)),
    };
    service.take_up(config).unwrap();
    sync(&service).await;
    let after = asked(&scene);
    assert_eq!(after.len(), 2, "a window that reaches farther back is opened at once: {after:?}");
}

#[tokio::test]
async fn a_time_without_a_zone_stands_in_the_configured_one() {
    let scene = Scene::new().await;
    let service = scene.connected().await;
    let event = seed::hour("a", "Pill", "2026-03-01T09:00:00Z".parse().unwrap(), "");
    let event = event.replace("T090000Z", "T090000").replace("T100000Z", "T100000");
    scene.world.user(&scene.calendar).create(&event);
    let (exit, synced) = sync(&service).await;
    assert_eq!((exit, synced.right.created), (0, 1), "{synced:?}");
    let calendars = service.answer(Request::Calendars { account: "office".into() }).await;
    let calendars: report::Calendars = read(calendars);
    let held = scene.microsoft.held(&model::CalendarId::new(calendars.calendars[0].id.clone()));
    let text = String::from_utf8(held[0].raw.clone()).unwrap();
    assert!(text.contains("DTSTART;TZID=Asia/Tokyo:20260301T090000"), "{text}");
    let (exit, synced) = sync(&service).await;
    assert_eq!((exit, synced.left.updated, synced.right.updated), (0, 0, 0), "{synced:?}");
}
