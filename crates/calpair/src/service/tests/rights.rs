//! A calendar that may only be read, for a while: what waits for it, and when it is asked again.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use engine::{Attended, Mode, PairState};
use model::{Rights, Timestamp};

use super::*;

/// A time that passes only when it is told to.
pub(super) struct Told(Mutex<Timestamp>);

impl Told {
    pub(super) fn now() -> Self {
        Self(Mutex::new(SystemClock::read()))
    }

    pub(super) fn pass(&self, time: Duration) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) += time;
    }
}

#[async_trait]
impl Clock for Told {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn sleep(&self, time: Duration) {
        self.pass(time);
    }
}

const HOUR: Duration = Duration::from_secs(60 * 60);

struct Scene {
    stage: Stage,
    service: Service,
    clock: Arc<Told>,
}

impl Scene {
    async fn new(rights: Rights) -> Self {
        let stage = Stage::new().await;
        stage.world.set_rights(&stage.calendars[1], rights);
        let clock = Arc::new(Told::now());
        let config = config::parse(&stage.config(), "c.toml").unwrap();
        let (state, environment) = (stage.folder.path().join("state"), Environment::default());
        let told = Arc::clone(&clock);
        let service = Service::open_at(told, config, &state, &environment).unwrap();
        for account in ["l", "r"] {
            assert_eq!(connect(&service, account, "abcd-efgh-ijkl-mnop").await.exit, 0);
        }
        let scene = Self { stage, service, clock };
        scene.stage.create(0, "a");
        scene
    }

    fn rights(&self, rights: Rights) {
        self.stage.world.set_rights(&self.stage.calendars[1], rights);
    }

    /// What the daemon does by itself.
    async fn cycle(&self) -> Attended {
        let charge = self.service.charges().remove(0);
        engine::attend(&self.service.ctx, &charge.pair, charge.confirm, Mode::Sync).await
    }

    /// A cycle without news costs a request a side, and leaves so many problems.
    async fn is_quiet(&self, problems: u64) {
        let attended = self.cycle().await;
        assert_eq!(attended.state, PairState::Ok, "{attended:?}");
        let report = attended.report.unwrap();
        assert_eq!(report.requests, model::Sides::new(1, 1));
        assert_eq!((report.problems, self.problems().await), (problems, problems as usize));
    }

    async fn problems(&self) -> usize {
        status(&self.service).await.pairs[0].problems.len()
    }

    fn writes(&self) -> usize {
        self.stage.world.write_count("right")
    }

    fn title(&self, side: usize, uid: &str) -> String {
        let held = self.stage.user(side).get(uid).unwrap();
        let text = String::from_utf8(held.raw).unwrap();
        let title = text.lines().find_map(|line| line.strip_prefix("SUMMARY:"));
        title.unwrap_or_default().to_owned()
    }
}

#[tokio::test]
async fn what_waited_crosses_when_somebody_syncs_after_the_calendar_became_writable() {
    let scene = Scene::new(Rights::Read).await;
    assert_eq!(sync(&scene.service).await.1.problems, 1);
    assert_eq!(sync(&scene.service).await.1.problems, 1, "it still may only be read");
    scene.is_quiet(1).await;
    scene.rights(Rights::Write);
    scene.is_quiet(1).await;
    assert_eq!(scene.writes(), 0);

    let dry = Request::Sync { pairs: Vec::new(), dry_run: true };
    let planned: report::Sync = read(scene.service.answer(dry).await);
    assert_eq!(planned.pairs[0].actions.as_ref().map(Vec::len), Some(1), "{planned:?}");
    scene.is_quiet(1).await;

    let (exit, synced) = sync(&scene.service).await;
    assert_eq!((exit, synced.right.created, synced.problems), (0, 1, 0));
    assert_eq!(scene.stage.numbers(), [1, 1]);
    scene.is_quiet(0).await;
}

#[tokio::test]
async fn what_waited_crosses_when_the_pair_is_resumed() {
    let scene = Scene::new(Rights::Read).await;
    scene.cycle().await;
    scene.service.answer(Request::Pause { pair: pair() }).await;
    scene.rights(Rights::Write);
    scene.service.answer(Request::Resume { pair: pair() }).await;
    scene.cycle().await;
    assert_eq!((scene.stage.numbers(), scene.problems().await), ([1, 1], 0));
}

#[tokio::test]
async fn a_daemon_finds_out_within_a_day_or_with_the_next_thing_that_waits() {
    let scene = Scene::new(Rights::Read).await;
    scene.cycle().await;
    scene.rights(Rights::Write);
    scene.clock.pass(23 * HOUR);
    scene.is_quiet(1).await;
    scene.clock.pass(2 * HOUR);
    scene.cycle().await;
    assert_eq!((scene.stage.numbers(), scene.problems().await), ([1, 1], 0));

    scene.rights(Rights::Read);
    scene.stage.user(0).set("a", "SUMMARY", "Held up");
    scene.cycle().await;
    assert_eq!(scene.problems().await, 1);
    scene.rights(Rights::Write);
    scene.stage.create(0, "b");
    scene.cycle().await;
    assert_eq!((scene.stage.numbers(), scene.problems().await), ([2, 2], 0));
    assert_eq!(scene.title(1, "a"), "Held up");
    scene.is_quiet(0).await;
}

#[tokio::test]
async fn a_calendar_that_became_read_only_is_tried_once_and_then_left_alone() {
    let scene = Scene::new(Rights::Write).await;
    scene.stage.create(0, "b");
    scene.cycle().await;
    scene.rights(Rights::Read);
    let before = scene.writes();
    for (number, uid) in ["a", "b", "a"].into_iter().enumerate() {
        scene.stage.user(0).set(uid, "SUMMARY", &format!("Edit {number}"));
        scene.cycle().await;
    }
    assert_eq!(scene.writes(), before + 1, "the refusal says it");
    assert!(scene.stage.user(0).delete("b"));
    scene.cycle().await;
    scene.is_quiet(2).await;
    assert_eq!(scene.stage.numbers(), [1, 2]);

    // At the audit it is found out without a try.
    scene.rights(Rights::Write);
    scene.clock.pass(25 * HOUR);
    scene.cycle().await;
    assert_eq!((scene.stage.numbers(), scene.title(1, "a")), ([1, 1], "Edit 2".to_owned()));
    scene.rights(Rights::Read);
    scene.clock.pass(25 * HOUR);
    scene.cycle().await;
    let before = scene.writes();
    scene.stage.user(0).set("a", "SUMMARY", "Too late");
    scene.cycle().await;
    assert_eq!((scene.writes(), scene.problems().await), (before, 1));
}
