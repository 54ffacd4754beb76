//! What an account lives through that is no dead password: a refusal that was a mistake, refusals
//! in the wake of throttling, an hour of outage, captive portals, redirects to strangers, broken
//! certificates. None of it leads to `reconnect-needed`, each is named in `status`, and no stranger
//! ever sees a credential. The left side speaks iCloud's dialect.

use std::sync::Arc;
use std::time::Duration;

use caldav::{CalDav, CalDavOptions, Flavour};
use calpair_tests::gateway::{Authority, Flaw, Gateway, Way};
use calpair_tests::program::{Home, Running};
use calpair_tests::rig::{End, Rig, ToldClock};
use calpair_tests::stage::Stage;
use calpair_tests::wait;
use engine::Clock;
use model::{CalendarId, Side, Sides};
use provider::Provider as _;
use sandbox::dav::{Profile, Quirk};
use sandbox::faults::{Aim, Fault};
use sandbox::seed::hour;
use serde_json::Value;
use store::AccountRow;
use tokio::runtime::{Builder, Runtime};

/// What takes longer than this does not happen any more; far more than a busy machine needs.
const SOON: Duration = Duration::from_secs(60);

/// Refusals that would be more than enough if they counted.
const MANY: usize = 6;

/// Two accounts, each behind a gateway, connected and in sync.
struct Scene {
    stage: Stage,
    home: Home,
    gates: Sides<Gateway>,
}

impl Scene {
    fn new() -> Self {
        let (stage, gates) = behind(|address, _| Gateway::before(address));
        let mut logins = stage.logins();
        for side in Side::BOTH {
            logins[side].url = format!("http://127.0.0.1:{}/", gates[side].port());
        }
        let scene = Self { home: Home::new(logins, "confirm = \"1s\""), stage, gates };
        scene.home.connect_both();
        scene.begun();
        scene
    }

    /// Something on both sides, and nothing to do.
    fn begun(&self) {
        self.create("before");
        self.syncs(0, "changed");
        self.syncs(0, "in-sync");
    }

    fn create(&self, uid: &str) {
        let start = "2026-12-01T09:00:00Z".parse().expect("an instant");
        self.stage.user(Side::Left).create(&hour(uid, "Dentist", start, ""));
        self.stage.user(Side::Right).create(&hour(&format!("{uid}-r"), "Lunch", start, ""));
    }

    /// Syncs, and expects this exit code and outcome.
    fn syncs(&self, code: i32, outcome: &str) -> Value {
        let ended = self.home.run(&["sync", "--json"]);
        assert_eq!(ended.code, Some(code), "{ended:?}");
        let pair = ended.json()["pairs"][0].clone();
        assert_eq!(pair["outcome"], outcome, "{ended:?}");
        pair
    }

    fn status(&self) -> Value {
        self.home.run(&["status", "--json"]).json()
    }

    fn account(&self, side: Side) -> Value {
        let status = self.status();
        let accounts = status["accounts"].as_array().cloned().unwrap_or_default();
        accounts.into_iter().find(|account| account["name"] == side.as_str()).expect("both")
    }

    fn writes(&self) -> usize {
        Side::BOTH.iter().map(|side| self.stage.world.write_count(side.as_str())).sum()
    }

    fn uids(&self) -> [usize; 2] {
        Side::BOTH.map(|side| self.stage.user(side).uids().len())
    }

    /// A side's way is a bad one: it is tried again, nothing is written, the account is as it was,
    /// and these words say why.
    fn is_told(&self, side: Side, words: &[&str]) {
        let before = (self.writes(), self.uids());
        self.syncs(75, "retrying");
        assert_eq!((self.writes(), self.uids()), before, "nothing is written");
        let status = self.status();
        let pair = &status["pairs"][0];
        let reason = pair["reason"].as_str().unwrap_or_default();
        for words in words {
            assert!(reason.contains(words), "no {words} in {reason}");
        }
        assert_eq!(pair["state"], "retrying", "{status}");
        assert_eq!(self.account(side)["state"], "ok", "{status}");
    }

    /// The way is good again: everything crosses, and nothing was lost or doubled.
    fn recovers(&self) {
        self.syncs(0, "changed");
        self.syncs(0, "in-sync");
        let [left, right] = self.uids();
        assert_eq!((left, right), (4, 4), "before, before-r, meanwhile, meanwhile-r");
        assert_eq!(self.account(Side::Left)["state"], "ok");
    }
}

/// The two services, each behind what `gate` makes.
fn behind(gate: impl Fn(std::net::SocketAddr, Side) -> Gateway) -> (Stage, Sides<Gateway>) {
    let mut icloud = Profile::icloud();
    // Everything by the one way: nothing is found on hosts that are not behind the gateway.
    icloud.quirks.remove(&Quirk::AbsoluteHome);
    let stage = Stage::new(Sides::new(icloud, Profile::plain()));
    let gates = Sides::from_fn(|side| gate(stage.address(side), side));
    (stage, gates)
}

#[test]
fn one_refusal_is_a_suspicion_and_the_next_answer_refutes_it() {
    let scene = Scene::new();
    scene.create("meanwhile");
    scene.stage.world.plan(Aim::default().on("left"), Fault::RefusedOnce);
    scene.syncs(75, "retrying");
    let account = scene.account(Side::Left);
    assert_eq!(account["state"], "suspect", "{account}");
    assert_eq!(account["reason"], "app-specific password refused (401, 1 of 3 tries)");
    assert_eq!(account["action"], Value::Null, "nobody is bothered");
    let ended = wait::until(SOON, || {
        let ended = scene.home.run(&["sync", "--json"]);
        assert!(matches!(ended.code, Some(0 | 75)), "{ended:?}");
        (ended.code == Some(0)).then_some(())
    });
    assert!(ended.is_some(), "{}", scene.status());
    scene.syncs(0, "in-sync");
    assert_eq!(scene.account(Side::Left)["state"], "ok");
    assert_eq!(scene.uids(), [4, 4]);
}

#[test]
fn a_minute_of_refusals_after_throttling_proves_nothing() {
    let scene = Scene::new();
    let world = &scene.stage.world;
    scene.create("meanwhile");
    let throttle = Fault::RateLimited { retry_after: Some(Duration::from_secs(1)) };
    world.plan(Aim::default().on("left"), throttle);
    scene.is_told(Side::Left, &["fewer requests"]);
    // iCloud now refuses everything, whoever asks.
    world.revoke("left");
    world.forget_requests();
    let refusals = || {
        let all = world.requests();
        all.iter().filter(|request| request.account == "left" && request.status == 401).count()
    };
    let many = wait::until(SOON, || {
        let ended = scene.home.run(&["sync", "--json"]);
        assert_eq!(ended.code, Some(75), "{ended:?}");
        assert!(!ended.stderr.contains("reconnect-needed"), "{ended:?}");
        assert_eq!(scene.account(Side::Left)["state"], "ok");
        (refusals() >= MANY).then_some(())
    });
    assert!(many.is_some(), "{} refusals", refusals());
    let reason = scene.status()["pairs"][0]["reason"].clone();
    assert!(reason.as_str().is_some_and(|reason| !reason.contains("connect")), "{reason}");
    world.restore("left");
    let ended = wait::until(SOON, || (scene.home.run(&["sync"]).code == Some(0)).then_some(()));
    assert!(ended.is_some(), "{}", scene.status());
    assert_eq!(scene.uids(), [4, 4]);
}

#[test]
fn a_locked_account_needs_attention_and_no_other_password() {
    let scene = Scene::new();
    scene.create("meanwhile");
    scene.stage.world.lock("left");
    let before = (scene.writes(), scene.uids());
    scene.syncs(75, "retrying");
    assert_eq!((scene.writes(), scene.uids()), before, "nothing is written");
    let account = scene.account(Side::Left);
    assert_eq!(account["state"], "attention", "{account}");
    let action = account["action"].as_str().unwrap_or_default();
    assert!(action.contains("www.icloud.com") && action.contains("locked"), "{account}");
    let refused = scene.home.connect(Side::Left, "abcd-efgh-ijkl-mnop");
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("may be locked"), "{refused:?}");
    scene.stage.world.unlock("left");
    scene.recovers();
}

#[test]
fn servers_out_of_order_are_named_with_what_they_answer() {
    let scene = Scene::new();
    scene.create("meanwhile");
    for (status, words) in [(500, "500"), (502, "502"), (504, "504"), (503, "fewer requests")] {
        scene.gates.left.turn(Way::status(status));
        scene.is_told(Side::Left, &["account left", words]);
    }
    scene.gates.left.turn(Way::Through);
    let back = wait::until(SOON, || (scene.home.run(&["sync"]).code == Some(0)).then_some(()));
    assert!(back.is_some(), "{}", scene.status());
    scene.syncs(0, "in-sync");
    assert_eq!(scene.uids(), [4, 4]);
}

#[test]
fn a_captive_portal_is_named_and_nothing_of_it_is_believed() {
    let scene = Scene::new();
    scene.create("meanwhile");
    for side in Side::BOTH {
        // A page with an offer of Basic is what a web server before some other server says.
        let asks = (side == Side::Left).then(Way::asking_page);
        for way in [200, 401, 403].map(Way::page).into_iter().chain(asks) {
            scene.gates[side].turn(way);
            // As often as would be enough for a dead password.
            for _ in 0..3 {
                scene.is_told(side, &[&format!("account {side}"), "a web page"]);
            }
            let status = scene.home.run(&["status"]);
            assert!(!status.stdout.contains("Accept the terms"), "{status:?}");
        }
        scene.gates[side].turn(Way::Through);
    }
    // Nor what looks like no page: Apple says how to sign in whenever it refuses.
    for content_type in ["", "text/plain", "application/json"] {
        scene.gates.left.turn(Way::refusing(content_type));
        for _ in 0..3 {
            scene.is_told(Side::Left, &["account left", "without saying how to sign in"]);
        }
    }
    scene.gates.left.turn(Way::Through);
    scene.recovers();
}

/// Another host, as calpair sees it: 0.0.0.0 is no address of loopback, and reaches this machine.
fn elsewhere(stranger: &Gateway, side: Side) -> String {
    match side {
        Side::Left => format!("http://0.0.0.0:{}/login?next=calendar", stranger.port()),
        // To an account that is not iCloud's every other origin is a stranger's.
        Side::Right => format!("http://127.0.0.2:{}/login", stranger.port()),
    }
}

#[test]
fn a_redirect_to_another_host_is_named_and_not_followed() {
    let scene = Scene::new();
    let stranger = Gateway::stranger();
    // It would hear: both addresses lead to it.
    for host in ["0.0.0.0", "127.0.0.2"] {
        let heard = std::net::TcpStream::connect((host, stranger.port()));
        assert!(heard.is_ok(), "{host}: {heard:?}");
    }
    let there = || stranger.connections();
    assert!(wait::until(SOON, || (there() == 2).then_some(())).is_some(), "it listens");
    scene.create("meanwhile");
    for side in Side::BOTH {
        let to = elsewhere(&stranger, side);
        for status in [301, 302, 303, 307, 308] {
            scene.gates[side].turn(Way::redirect(status, &to));
            let place = to.split('/').nth(2).expect("a host");
            scene.is_told(side, &["redirects to", place, "nothing was sent there"]);
        }
        // Nor is it when somebody connects: the password was typed for another host.
        let refused = scene.home.connect(side, "aaaa-bbbb-cccc-dddd");
        assert!(!matches!(refused.code, Some(0 | 3)), "{refused:?}");
        scene.gates[side].turn(Way::Through);
    }
    assert_eq!(there(), 2, "nobody asked the stranger: {:?}", stranger.arrived());
    scene.recovers();
}

#[test]
fn a_home_on_another_host_is_not_asked() {
    // The list of what an account has is an answer too, and may name strangers.
    let scene = Scene::new();
    let stranger = Gateway::stranger();
    let to = format!("http://0.0.0.0:{}/1/principal/", stranger.port());
    let body = format!(
        "<multistatus xmlns='DAV:'><response><href>/</href><propstat><prop>\
         <current-user-principal><href>{to}</href></current-user-principal>\
         <calendar-home-set xmlns='urn:ietf:params:xml:ns:caldav'><href xmlns='DAV:'>{to}</href>\
         </calendar-home-set></prop><status>HTTP/1.1 200 OK</status></propstat></response>\
         </multistatus>"
    );
    scene.gates.left.turn(Way::Answered(format!(
        "HTTP/1.1 207 X\r\ncontent-type: application/xml\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )));
    for refused in [
        scene.home.connect(Side::Left, "aaaa-bbbb-cccc-dddd"),
        scene.home.run(&["calendars", "left"]),
    ] {
        assert_eq!(refused.code, Some(1), "{refused:?}");
        assert!(refused.stderr.contains("nothing was sent there"), "{refused:?}");
        assert!(!refused.stderr.contains("locked"), "{refused:?}");
    }
    assert_eq!(stranger.connections(), 0, "{:?}", stranger.arrived());
    scene.gates.left.turn(Way::Through);
    scene.create("meanwhile");
    scene.recovers();
}

#[test]
fn a_broken_certificate_is_named_and_nothing_is_sent() {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    let good = ours.issue(Flaw::None);
    let (stage, gates) = behind(|address, side| match side {
        Side::Left => Gateway::secure(address, &good),
        Side::Right => Gateway::before(address),
    });
    let mut logins = stage.logins();
    logins.left.url = format!("https://localhost:{}/", gates.left.port());
    let mut home = Home::new(logins, "confirm = \"1s\"");
    let trusted = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(trusted.path(), ours.pem()).expect("it is ours");
    home.set("SSL_CERT_FILE", trusted.path().to_str().expect("a path"));
    home.connect_both();
    let scene = Scene { stage, home, gates };
    scene.begun();
    scene.create("meanwhile");
    let before = scene.gates.left.arrived().len();
    for (certificate, words) in [
        (theirs.issue(Flaw::None), "issuer that this machine doesn't know"),
        (ours.issue(Flaw::Expired), "has expired"),
        (ours.issue(Flaw::OtherName), "for another name"),
    ] {
        scene.gates.left.show(&certificate);
        let refused = scene.gates.left.refused();
        scene.is_told(Side::Left, &["no secure connection", words, "nothing was sent"]);
        assert!(scene.gates.left.refused() > refused, "it was shown");
    }
    assert_eq!(scene.gates.left.arrived().len(), before, "no request was sent");
    scene.gates.left.show(&good);
    scene.recovers();
}

/// Pairs of one account.
const PAIRS: usize = 6;

/// Six pairs of an iCloud account and another one, kept by a daemon, in sync.
struct Busy {
    stage: Stage,
    home: Home,
    daemon: Running,
    /// The right side's.
    calendars: Vec<CalendarId>,
}

impl Busy {
    fn new() -> Self {
        let mut icloud = Profile::icloud();
        icloud.quirks.remove(&Quirk::AbsoluteHome);
        let stage = Stage::new(Sides::new(icloud, Profile::plain()));
        let home = Home::new(stage.logins(), "");
        let text = home.config("confirm = \"1s\"\ninterval = \"1s\"\n", "");
        let (head, _) = text.split_once("[[pairs]]").expect("there is one");
        let (mut text, mut calendars) = (head.to_owned(), Vec::new());
        for pair in 0..PAIRS {
            let name = format!("C{pair}");
            stage.world.add_calendar("left", &name);
            calendars.push(stage.world.add_calendar("right", &name));
            let end =
                |side: Side| format!("{side} = {{ account = \"{side}\", calendar = \"C{pair}\" }}");
            text += &format!(
                "[[pairs]]\nname = \"p{pair}\"\n{}\n{}\n",
                end(Side::Left),
                end(Side::Right)
            );
        }
        home.write(&text);
        home.connect_both();
        let daemon = home.start(&["run"]);
        let busy = Self { stage, home, daemon, calendars };
        busy.comes_to("ok");
        busy
    }

    /// Waits until all pairs are in a state.
    fn comes_to(&self, state: &str) {
        let all = wait::until(SOON, || {
            let status = self.home.run(&["status", "--json"]);
            let status: Value = serde_json::from_str(&status.stdout).ok()?;
            let pairs = status["pairs"].as_array().filter(|pairs| pairs.len() == PAIRS)?;
            pairs.iter().all(|pair| pair["state"] == state).then_some(())
        });
        assert!(all.is_some(), "{:?}", self.home.run(&["status", "--json"]));
    }

    fn refused(&self) -> usize {
        let all = self.stage.world.requests();
        all.iter().filter(|request| request.account == "left" && request.status == 401).count()
    }

    /// Nothing is sent any more, whatever is asked.
    fn ends(self, refused: usize) {
        for arguments in [&["sync"][..], &["calendars", "left"], &["check", "--online"]] {
            let ended = self.home.run(arguments);
            assert_eq!(ended.code, Some(3), "{ended:?}");
        }
        assert_eq!(self.refused(), refused, "then none");
        self.daemon.signal("TERM");
        assert_eq!(self.daemon.end(SOON).code, Some(0));
    }
}

#[test]
fn a_dead_password_of_many_pairs_is_found_out_with_few_requests() {
    let busy = Busy::new();
    busy.stage.world.revoke("left");
    busy.comes_to("reconnect-needed");
    let refused = busy.refused();
    assert!((3..=5).contains(&refused), "{refused} refused requests");
    busy.ends(refused);
}

#[test]
fn a_password_that_dies_in_the_middle_of_writes_stops_them() {
    let busy = Busy::new();
    let start = "2026-12-01T09:00:00Z".parse().expect("an instant");
    busy.stage.world.revoke_after("left", 30);
    for calendar in &busy.calendars {
        for number in 0..40 {
            let uid = format!("{}-{number}", calendar.as_str().replace('/', ""));
            busy.stage.world.user(calendar).create(&hour(&uid, "Dentist", start, ""));
        }
    }
    busy.comes_to("reconnect-needed");
    let refused = busy.refused();
    // Eight may be under way at once; the two that confirm come to them.
    assert!((3..=10).contains(&refused), "{refused} refused requests");
    busy.ends(refused);
}

/// A pair in a time of its own.
struct Long {
    runtime: Runtime,
    stage: Stage,
    gates: Sides<Gateway>,
    clock: ToldClock,
    calendars: Sides<CalendarId>,
    rig: Rig,
}

impl Long {
    fn new() -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a thread");
        let (stage, gates) = behind(|address, _| Gateway::before(address));
        let clock = ToldClock::begin();
        let calendars = Sides::from_fn(|side| {
            let account = account(&stage, &gates, &clock, side);
            let all = runtime.block_on(account.calendars()).expect("calendars");
            let family = all.into_iter().find(|calendar| calendar.name == "Family");
            family.expect("the calendar that was made").id
        });
        let ends = ends(&stage, &gates, &clock, &calendars);
        let rig = Rig::over(ends, Arc::new(clock.clone()));
        let long = Self { runtime, stage, gates, clock, calendars, rig };
        long.create("before");
        long.runtime.block_on(long.rig.rest());
        long
    }

    fn create(&self, uid: &str) {
        let start = "2026-12-01T09:00:00Z".parse().expect("an instant");
        self.stage.user(Side::Left).create(&hour(uid, "Dentist", start, ""));
    }

    /// A minute later, another process; what the pair says then, and the account.
    fn minute(&mut self) -> (Option<String>, AccountRow) {
        self.clock.pass(Duration::from_secs(60));
        self.rig.reach(&ends(&self.stage, &self.gates, &self.clock, &self.calendars));
        let attended = self.runtime.block_on(self.rig.cycle());
        (attended.reason, self.rig.account(Side::Left))
    }
}

/// An account as a new process reaches it.
fn account(stage: &Stage, gates: &Sides<Gateway>, clock: &ToldClock, side: Side) -> CalDav {
    let (login, clock) = (stage.logins()[side].clone(), clock.clone());
    let options = CalDavOptions {
        url: format!("http://127.0.0.1:{}/", gates[side].port()).parse().expect("an address"),
        username: login.user,
        password: login.password.as_str().into(),
        flavour: if side == Side::Left { Flavour::ICloud } else { Flavour::Generic },
        clock: Arc::new(move || clock.now()),
        deadline: None,
        in_flight: None,
    };
    CalDav::new(options).expect("loopback is allowed")
}

fn ends(
    stage: &Stage,
    gates: &Sides<Gateway>,
    clock: &ToldClock,
    calendars: &Sides<CalendarId>,
) -> Sides<End> {
    Sides::from_fn(|side| End::caldav(account(stage, gates, clock, side), calendars[side].clone()))
}

#[test]
fn an_hour_of_outage_changes_no_account() {
    let mut long = Long::new();
    long.create("meanwhile");
    let before = long.gates.left.arrived().len();
    for minute in 0..60 {
        let status = [500, 502, 503, 504][minute % 4];
        long.gates.left.turn(Way::status(status));
        let (reason, account) = long.minute();
        let reason = reason.expect("it failed");
        let named = if status == 503 { "fewer requests".to_owned() } else { status.to_string() };
        assert!(reason.contains(&named), "{status}: {reason}");
        assert_eq!((account.state.as_str(), account.refusals), ("ok", 0), "minute {minute}");
    }
    assert!(long.gates.left.arrived().len() >= before + 60, "it was asked all the while");
    long.gates.left.turn(Way::Through);
    long.minute();
    let (reason, account) = long.minute();
    assert_eq!((reason, account.state.as_str()), (None, "ok"));
    assert_eq!(long.stage.user(Side::Right).uids().len(), 2);
}

#[test]
fn a_password_that_died_while_throttled_is_found_out_in_the_end() {
    let mut long = Long::new();
    long.gates.left.turn(Way::status(429));
    long.minute();
    long.gates.left.turn(Way::Through);
    long.stage.world.revoke("left");
    long.stage.world.forget_requests();
    let mut minutes = 0;
    loop {
        let (_, account) = long.minute();
        minutes += 1;
        match account.state.as_str() {
            "ok" => assert!(minutes < 15, "the shadow of a throttle ends"),
            "suspect" => assert!((10..20).contains(&minutes), "{minutes}"),
            state => {
                assert_eq!(state, "reconnect-needed");
                break;
            }
        }
    }
    let refused = long.stage.world.request_count("left");
    assert!((10..16).contains(&refused), "{refused} requests, a minute apart");
    for _ in 0..5 {
        long.minute();
    }
    assert_eq!(long.stage.world.request_count("left"), refused, "then none");
}
