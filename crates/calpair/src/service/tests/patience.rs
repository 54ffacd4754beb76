//! What is sent with a credential that is doubted, or to a server that asked for patience: nothing
//! before its time, by whatever command; and what is said meanwhile.

use engine::{Attended, PairSide, PairState};
use provider::{Error, ErrorKind};
use sandbox::faults::{Aim, Fault};
use tokio::sync::mpsc;

use super::rights::Told;
use super::*;

const CONFIRM: Duration = Duration::from_secs(60);

/// A short while, and a little more.
fn a(time: Duration) -> Duration {
    time + Duration::from_secs(1)
}

struct Scene {
    stage: Stage,
    service: Service,
    clock: Arc<Told>,
}

impl Scene {
    /// Both accounts connected and in sync.
    async fn new() -> Self {
        let stage = Stage::new().await;
        let clock = Arc::new(Told::now());
        let service = open(&stage, &clock);
        let scene = Self { stage, service, clock };
        for account in ["l", "r"] {
            assert_eq!(scene.connect(account).await.exit, 0);
        }
        scene.stage.create(0, "a");
        assert_eq!(sync(&scene.service).await.0, 0);
        scene.stage.world.forget_requests();
        scene
    }

    async fn connect(&self, account: &str) -> Reply {
        connect(&self.service, account, "abcd-efgh-ijkl-mnop").await
    }

    /// Another process: what only a process knows is forgotten.
    async fn restart(&mut self) {
        self.service.close(Duration::ZERO).await.unwrap();
        let config = config::parse("", "c.toml").unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        let other = Service::open(config, elsewhere.path(), &Environment::default()).unwrap();
        drop(std::mem::replace(&mut self.service, other));
        self.service = open(&self.stage, &self.clock);
    }

    fn throttle(&self, account: &str, seconds: u64) {
        let retry_after = Some(Duration::from_secs(seconds));
        self.stage.world.plan(Aim::default().on(account), Fault::RateLimited { retry_after });
    }

    /// How many requests an account got meanwhile.
    fn sent(&self, account: &str) -> usize {
        let sent = self.stage.world.request_count(account);
        self.stage.world.forget_requests();
        sent
    }

    async fn calendars(&self) -> Reply {
        self.service.answer(Request::Calendars { account: "l".into() }).await
    }

    /// Every command that asks the left account for something waits, says so, and sends nothing.
    async fn all_wait(&self, words: &str) {
        let calendars = self.calendars().await;
        assert_eq!(calendars.exit, 75, "{calendars:?}");
        assert!(message(calendars).contains(words));
        let check = self.service.answer(Request::Check).await;
        assert_eq!(check.exit, 75, "{check:?}");
        let checks: report::Checks = read(check);
        assert_eq!(checks.checks[0].result, report::CheckResult::Warning);
        assert_eq!(checks.checks[0].action, None, "nobody is to connect");
        let detach = Request::Detach { pair: pair(), remove_copies: true };
        assert_eq!(self.service.answer(detach).await.exit, 75);
        assert_eq!(sync(&self.service).await.0, 75);
        assert_eq!(self.sent("left"), 0);
    }

    async fn state(&self) -> String {
        status(&self.service).await.accounts.remove(0).state
    }

    fn left(&self) -> PairSide {
        self.service.charges().remove(0).pair.sides.left
    }
}

fn open(stage: &Stage, clock: &Arc<Told>) -> Service {
    let config = config::parse(&stage.config(), "c.toml").unwrap();
    let state = stage.folder.path().join("state");
    let clock: Arc<dyn Clock> = Arc::<Told>::clone(clock);
    Service::open_at(clock, config, &state, &Environment::default()).unwrap()
}

#[tokio::test]
async fn a_doubted_password_is_sent_once_a_minute_whoever_asks() {
    let scene = Scene::new().await;
    scene.stage.world.revoke("left");
    let refused = scene.calendars().await;
    assert_eq!((refused.exit, scene.sent("left")), (75, 1), "{refused:?}");
    assert!(message(refused).contains("one refusal proves nothing"));
    assert_eq!(scene.state().await, "suspect", "it counts, whoever met it");
    scene.all_wait("is being confirmed").await;
    scene.clock.pass(a(CONFIRM));
    assert_eq!((scene.calendars().await.exit, scene.sent("left")), (75, 1));
    scene.all_wait("is being confirmed").await;
    scene.clock.pass(a(CONFIRM));
    let dead = scene.calendars().await;
    assert_eq!((dead.exit, scene.sent("left")), (3, 1));
    assert!(message(dead).contains("calpair connect l"));
    assert_eq!(scene.state().await, "reconnect-needed");
    assert_eq!((scene.calendars().await.exit, scene.sent("left")), (3, 0));
}

#[tokio::test]
async fn a_doubt_that_a_command_refutes_is_over() {
    let scene = Scene::new().await;
    scene.stage.world.plan(Aim::default().on("left"), Fault::RefusedOnce);
    assert_eq!((sync(&scene.service).await.0, scene.sent("left")), (75, 1));
    scene.all_wait("is being confirmed").await;
    scene.clock.pass(a(CONFIRM));
    assert_eq!(scene.calendars().await.exit, 0);
    assert_eq!(scene.state().await, "ok");
    assert_eq!(sync(&scene.service).await.0, 0);
}

#[tokio::test]
async fn what_a_provider_asks_for_holds_for_commands_and_other_processes() {
    let mut scene = Scene::new().await;
    scene.throttle("left", 300);
    let throttled = scene.calendars().await;
    assert_eq!((throttled.exit, scene.sent("left")), (75, 1));
    scene.restart().await;
    scene.all_wait("asked for patience").await;
    scene.clock.pass(a(Duration::from_secs(300)));
    assert_eq!(scene.calendars().await.exit, 0);
}

#[tokio::test]
async fn a_refusal_right_after_throttling_is_no_reason_for_another_password() {
    let mut scene = Scene::new().await;
    scene.throttle("left", 2);
    assert_eq!(sync(&scene.service).await.0, 75);
    scene.restart().await;
    scene.clock.pass(a(Duration::from_secs(2)));
    // iCloud now refuses everything, whoever asks.
    scene.stage.world.revoke("left");
    let refused = scene.calendars().await;
    assert_eq!(refused.exit, 75, "{refused:?}");
    assert_eq!(scene.state().await, "ok");
    let refused = scene.connect("l").await;
    assert_eq!(refused.exit, 75, "{refused:?}");
    let said = message(refused);
    assert!(said.contains("says nothing about what was given"), "{said}");
    scene.clock.pass(Duration::from_secs(11 * 60));
    let refused = scene.connect("l").await;
    assert_eq!(refused.exit, 3, "{refused:?}");
    assert!(message(refused).contains("refused this user name and password"));
}

#[tokio::test]
async fn what_connect_found_is_shown_without_asking_again() {
    let scene = Scene::new().await;
    let account = AccountName::new("l");
    for _ in 0..200 {
        let seen = scene.service.calendars_seen(&account).await.unwrap();
        assert_eq!(seen[0].name, "Family");
    }
    assert_eq!(scene.sent("left"), 0);
    scene.clock.pass(a(Duration::from_secs(60)));
    scene.stage.world.add_calendar("left", "New");
    for _ in 0..20 {
        assert_eq!(scene.service.calendars_seen(&account).await.unwrap().len(), 2);
    }
    assert_eq!(scene.sent("left"), 1, "a new one is found a minute later");
    assert_eq!(scene.service.answer(Request::Disconnect { account: "l".into() }).await.exit, 0);
    let gone = scene.service.calendars_seen(&account).await.unwrap_err();
    assert!(gone.contains("calpair connect l"), "{gone}");
}

#[tokio::test]
async fn a_pair_with_a_dead_account_is_told_so_whatever_the_other_one_waits_for() {
    let scene = Scene::new().await;
    scene.stage.world.revoke("right");
    for _ in 0..3 {
        sync(&scene.service).await;
        scene.clock.pass(a(CONFIRM));
    }
    assert_eq!(sync(&scene.service).await.0, 3);
    scene.throttle("left", 300);
    assert_eq!(scene.calendars().await.exit, 75);
    let (exit, synced) = sync(&scene.service).await;
    assert_eq!((exit, synced.outcome), (3, report::Outcome::ReconnectNeeded));
    assert_eq!(status(&scene.service).await.pairs[0].state, "reconnect-needed");
}

#[tokio::test]
async fn a_refusal_of_the_password_before_says_nothing_about_the_new_one() {
    let scene = Scene::new().await;
    let old = scene.left();
    assert_eq!(scene.connect("l").await.exit, 0);
    let refused = Error::new(ErrorKind::Unauthorized, "it was on its way for a long time");
    let confirm = scene.service.config().daemon.confirm;
    engine::heard(&scene.service.ctx, &old, confirm, &refused).unwrap();
    assert_eq!(scene.state().await, "ok");
    let asked = engine::ask_leave(&scene.service.ctx, &old, confirm).await.unwrap();
    assert_eq!(asked.map(|attended| attended.state), Some(PairState::Retrying));
    engine::heard(&scene.service.ctx, &scene.left(), confirm, &refused).unwrap();
    assert_eq!(scene.state().await, "suspect", "the new one's counts");
}

/// Found out as soon as it is confirmed, whatever the pace of the pair.
#[tokio::test]
async fn a_dead_password_is_known_when_two_more_refusals_a_while_apart_confirm_it() {
    let Scene { stage, service, clock } = Scene::new().await;
    let daily = stage.config().replace("[[pairs]]", "[daemon]\ninterval = \"24h\"\n[[pairs]]");
    take_up(&service, &daily);
    let confirm = service.config().daemon.confirm;
    let (told, mut told_of) = mpsc::unbounded_channel();
    stage.world.revoke("left");
    let heard = {
        let clock = Arc::clone(&clock);
        move |_: &_, attended: &Attended| {
            // Nobody listens any more once it is known.
            let _ = told.send((clock.now(), attended.state));
        }
    };
    let daemon = service.supervised(heard);
    let mut cycles = Vec::new();
    while cycles.last().is_none_or(|(_, state)| *state != PairState::ReconnectNeeded) {
        cycles.push(told_of.recv().await.unwrap());
    }
    daemon.close(Duration::ZERO).await.unwrap();
    assert_eq!(stage.world.request_count("left"), 3, "{cycles:?}");
    let (first, last) = (cycles[0].0, cycles[cycles.len() - 1].0);
    let taken = Duration::try_from(last.duration_since(first)).unwrap();
    assert!((2 * confirm..3 * confirm).contains(&taken), "{cycles:?}");
}
