//! The service over two simulated servers: what commands answer, and what stays of it.

use model::CalendarId;
use sandbox::dav::{Options, Profile, Running, serve};
use sandbox::{Account, User, World, seed};
use serde::de::DeserializeOwned;
use tempfile::TempDir;

use super::*;
use crate::control::{Keep, Password};
use crate::report;

mod conflicts;
mod detaching;
mod errands;
mod google;
mod microsoft;
mod needs;
mod patience;
mod restoring;
mod rights;
mod unfinished;

/// Two servers, a configuration, a state directory.
struct Stage {
    world: World,
    calendars: [CalendarId; 2],
    servers: [Running; 2],
    folder: TempDir,
}

impl Stage {
    async fn new() -> Self {
        let world = World::new(1);
        world.set_now(SystemClock::read());
        let mut servers = Vec::new();
        for name in ["left", "right"] {
            world.add_account(Account::new(name));
            servers.push(serve(&world, Options::new(Profile::plain(), name)).await.unwrap());
        }
        let calendars = ["left", "right"].map(|account| world.add_calendar(account, "Family"));
        let servers = servers.try_into().unwrap_or_else(|_| unreachable!("there are two"));
        Self { world, calendars, servers, folder: tempfile::tempdir().unwrap() }
    }

    fn config(&self) -> String {
        let [left, right] = &self.servers;
        format!(
            "[accounts.l]\nprovider = \"caldav\"\nusername = \"left@example.com\"\nurl = \"{}\"\n\
             [accounts.r]\nprovider = \"icloud\"\nusername = \"right@example.com\"\nurl = \"{}\"\n\
             [[pairs]]\nname = \"p\"\nwindow = \"all\"\n\
             left = {{ account = \"l\", calendar = \"Family\" }}\n\
             right = {{ account = \"r\", calendar = \"Family\" }}\n",
            left.url(),
            right.url()
        )
    }

    fn open(&self, text: &str) -> Service {
        let config = config::parse(text, "c.toml").unwrap();
        Service::open(config, &self.folder.path().join("state"), &Environment::default()).unwrap()
    }

    /// The service, both accounts connected.
    async fn connected(&self) -> Service {
        let service = self.open(&self.config());
        for account in ["l", "r"] {
            let reply = connect(&service, account, "abcd-efgh-ijkl-mnop").await;
            assert_eq!(reply.exit, 0, "{reply:?}");
        }
        service
    }

    fn user(&self, side: usize) -> User {
        self.world.user(&self.calendars[side])
    }

    fn create(&self, side: usize, uid: &str) {
        let start = "2026-03-01T09:00:00Z".parse().unwrap();
        self.user(side).create(&seed::hour(uid, &format!("Event {uid}"), start, ""));
    }

    fn numbers(&self) -> [usize; 2] {
        [0, 1].map(|side| self.user(side).uids().len())
    }
}

/// The service takes up another configuration.
fn take_up(service: &Service, text: &str) {
    service.take_up(config::parse(text, "c.toml").unwrap()).unwrap();
}

/// The pair as it is remembered.
fn row(service: &Service) -> PairRow {
    service.ctx.store.pair(&PairName::new("p")).unwrap().unwrap()
}

async fn connect(service: &Service, account: &str, password: &str) -> Reply {
    connect_as(service, account, password, false).await
}

async fn connect_as(service: &Service, account: &str, password: &str, replace: bool) -> Reply {
    let (account, password) = (account.to_owned(), Password(password.into()));
    service.answer(Request::Connect { account, password, replace, lasts: None }).await
}

async fn sync(service: &Service) -> (u8, report::PairSync) {
    let reply = service.answer(Request::Sync { pairs: Vec::new(), dry_run: false }).await;
    let exit = reply.exit;
    let mut report: report::Sync = read(reply);
    (exit, report.pairs.remove(0))
}

async fn status(service: &Service) -> report::Status {
    read(service.answer(Request::Status { pair: None }).await)
}

fn read<T: DeserializeOwned>(reply: Reply) -> T {
    serde_json::from_value(reply.report.clone()).unwrap_or_else(|_| panic!("{reply:?}"))
}

fn message(reply: Reply) -> String {
    reply.message.unwrap_or_default()
}

fn pair() -> String {
    "p".to_owned()
}

#[tokio::test]
async fn a_refused_password_is_not_kept_and_a_good_one_is() {
    let stage = Stage::new().await;
    let service = stage.open(&stage.config());
    let (exit, synced) = sync(&service).await;
    assert_eq!((exit, synced.outcome), (3, report::Outcome::ReconnectNeeded));
    let refused = connect(&service, "l", "wrong").await;
    assert_eq!(refused.exit, 3);
    assert!(message(refused).contains("refused"));
    assert!(message(connect(&service, "r", "wrong").await).contains("not an alias"));
    assert_eq!(status(&service).await.accounts[0].state, "unconnected");
    service.close(Duration::ZERO).await.unwrap();
    drop(service);
    let service = stage.connected().await;
    assert_eq!(status(&service).await.accounts[0].state, "ok");
    stage.create(0, "a");
    assert_eq!(sync(&service).await.0, 0);
    assert_eq!(stage.numbers(), [1, 1]);
    service.close(Duration::ZERO).await.unwrap();
    drop(service);
    // It is kept, sealed; a quiet sync of another process costs a request a side.
    let service = stage.open(&stage.config());
    let (exit, synced) = sync(&service).await;
    assert_eq!((exit, synced.requests), (0, report::Requests { left: 1, right: 1 }));
}

#[tokio::test]
async fn another_account_is_taken_only_when_asked_to() {
    let stage = Stage::new().await;
    let service = stage.connected().await;
    stage.create(0, "a");
    sync(&service).await;
    service.close(Duration::ZERO).await.unwrap();
    drop(service);
    let mut other = Account::new("other");
    other.password = "other".to_owned();
    stage.world.add_account(other);
    stage.world.add_calendar("other", "Family");
    let others = serve(&stage.world, Options::new(Profile::plain(), "other")).await.unwrap();
    let text = stage.config().replace("left@example.com", "other@example.com");
    let text = text.replace(&stage.servers[0].url(), &others.url());
    let service = stage.open(&text);
    let account = &status(&service).await.accounts[0];
    assert_eq!(account.state, "unconnected");
    let reason = "the password was given for another user name or server";
    assert_eq!(account.reason.as_deref(), Some(reason));
    let refused = connect(&service, "l", "other").await;
    assert_eq!(refused.exit, 1);
    assert!(message(refused).contains("different account"));
    let on_page = message(service.connect_on_page("l", "other".into(), None).await);
    assert!(on_page.contains("different account") && on_page.contains("whoever runs calpair"));
    assert!(!on_page.contains("--"), "a page has no options: {on_page}");
    assert_eq!(connect_as(&service, "l", "other", true).await.exit, 0);
    assert_eq!(sync(&service).await.0, 0);
    // The other account's empty calendar deleted nothing; it got what the right side has.
    assert_eq!(stage.numbers(), [1, 1]);
}

#[tokio::test]
async fn without_its_key_nothing_is_sent_and_nothing_is_lost() {
    let stage = Stage::new().await;
    let service = stage.connected().await;
    sync(&service).await;
    service.close(Duration::ZERO).await.unwrap();
    drop(service);
    let key = stage.folder.path().join("state/secret.key");
    let bytes = std::fs::read(&key).unwrap();
    std::fs::write(&key, "short").unwrap();
    stage.world.forget_requests();
    let service = stage.open(&stage.config());
    assert!(service.key_trouble().unwrap().contains("it holds no key"));
    assert_eq!(sync(&service).await.0, 3);
    assert_eq!(status(&service).await.accounts[0].state, "unconnected");
    assert_eq!(connect(&service, "l", "abcd-efgh-ijkl-mnop").await.exit, 1);
    assert!(stage.world.requests().is_empty());
    service.close(Duration::ZERO).await.unwrap();
    drop(service);
    // Gone, it is not replaced: with a new one the old one would come too late.
    std::fs::remove_file(&key).unwrap();
    let service = stage.open(&stage.config());
    assert!(!key.exists());
    let trouble = service.key_trouble().unwrap();
    let place = key.display().to_string();
    for words in [place.as_str(), "credentials of l, r are sealed with it", "Put it back"] {
        assert!(trouble.contains(words), "{trouble}");
    }
    let (exit, synced) = sync(&service).await;
    assert_eq!(exit, 3);
    assert!(synced.reason.unwrap().contains("sealed with it"));
    assert_eq!(status(&service).await.pairs[0].action.as_deref(), Some("calpair doctor"));
    service.close(Duration::ZERO).await.unwrap();
    drop(service);
    std::fs::write(&key, bytes).unwrap();
    set_mode(&key);
    let service = stage.open(&stage.config());
    assert_eq!(sync(&service).await.0, 0);
    // Lost for good: nothing is sealed any more, and a new one is made.
    for account in ["l", "r"] {
        service.answer(Request::Disconnect { account: account.into() }).await;
    }
    service.close(Duration::ZERO).await.unwrap();
    drop(service);
    std::fs::remove_file(&key).unwrap();
    assert_eq!(stage.open(&stage.config()).key_trouble(), None);
}

fn set_mode(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

#[tokio::test]
async fn a_halted_plan_waits_for_its_approval() {
    let stage = Stage::new().await;
    let service = stage.connected().await;
    for number in 0..30 {
        stage.create(0, &format!("e{number}"));
    }
    sync(&service).await;
    for number in 0..25 {
        stage.user(0).delete(&format!("e{number}"));
    }
    let approve = || service.answer(Request::Approve { pair: pair() });
    assert_eq!(approve().await.exit, 2);
    assert_eq!(sync(&service).await.0, 4);
    assert_eq!(stage.numbers(), [5, 30]);
    assert_eq!(status(&service).await.pairs[0].state, "halted");
    let approved = approve().await;
    assert_eq!(approved.exit, 0);
    assert!(message(approved).contains("25 deletions on right"));
    assert_eq!(sync(&service).await.0, 0);
    assert_eq!(stage.numbers(), [5, 5]);
}

#[tokio::test]
async fn a_task_beside_events_holds_no_cursor_back() {
    let stage = Stage::new().await;
    let service = stage.connected().await;
    sync(&service).await;
    stage.create(0, "a");
    let begun = |service: &Service| row(service).sides.map(|side| side.cursor);
    let before = begun(&service);
    let due = "2026-03-01T09:00:00Z".parse().unwrap();
    stage.user(0).create(&seed::hour("t", "Buy milk", due, "").replace("VEVENT", "VTODO"));
    assert_eq!(sync(&service).await.0, 0);
    assert_eq!(stage.user(1).uids(), ["a"], "a task is no event");
    let after = begun(&service);
    assert!(after.left.is_some() && after.left != before.left, "{after:?}");
    assert!(row(&service).sides.left.full_at.is_some());
}

#[tokio::test]
async fn nothing_is_written_any_more_once_a_pair_is_paused() {
    let stage = Stage::new().await;
    let service = stage.connected().await;
    (0..200).for_each(|number| stage.create(0, &format!("e{number}")));
    let service = service.supervised(|_, _| ());
    while stage.numbers()[1] == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(service.answer(Request::Pause { pair: pair() }).await.exit, 0);
    let written = stage.numbers();
    assert!(written[1] < 200, "it was over before");
    // Whatever was under way is over then.
    let supervisor = service.supervisor.as_ref().unwrap();
    drop(supervisor.hold(&PairName::new("p")).await.expect("it is kept"));
    assert_eq!(stage.numbers(), written);
    assert_eq!(status(&service).await.pairs[0].state, "paused");
    service.answer(Request::Resume { pair: pair() }).await;
    while stage.numbers()[1] < 200 {
        tokio::task::yield_now().await;
    }
    service.close(Duration::ZERO).await.unwrap();
}

#[tokio::test]
async fn a_paused_pair_is_left_alone_until_it_is_resumed() {
    let stage = Stage::new().await;
    let service = stage.connected().await;
    stage.create(0, "a");
    service.answer(Request::Pause { pair: pair() }).await;
    let why = "p is paused and not synced: paused by hand; calpair resume p";
    let all = service.answer(Request::Sync { pairs: Vec::new(), dry_run: false }).await;
    assert_eq!((all.exit, all.message.as_deref()), (0, Some(why)));
    assert_eq!(read::<report::Sync>(all).pairs.len(), 0);
    let named = service.answer(Request::Sync { pairs: vec![pair()], dry_run: false }).await;
    assert_eq!((named.exit, named.message.as_deref()), (2, Some(why)));
    assert_eq!(status(&service).await.pairs[0].state, "paused");
    service.answer(Request::Resume { pair: pair() }).await;
    assert_eq!(sync(&service).await.0, 0);
    assert_eq!(stage.numbers(), [1, 1]);
}

#[tokio::test]
async fn a_deletion_of_before_the_direction_changed_is_none_even_if_the_first_cycle_dies() {
    let stage = Stage::new().await;
    let one_way = stage.config() + "direction = \"left-to-right\"\n";
    let service = stage.connected().await;
    take_up(&service, &one_way);
    stage.create(0, "a");
    sync(&service).await;
    assert!(stage.user(1).delete("a"));
    take_up(&service, &stage.config());
    // Both sides have been observed by then.
    service.ctx.store.failpoint(Some(Box::new(|name| name == "take_up_rules")));
    assert_ne!(sync(&service).await.0, 0);
    service.ctx.store.failpoint(None);
    assert_eq!(sync(&service).await.0, 0);
    assert_eq!(stage.numbers(), [1, 1]);
}

#[tokio::test]
async fn a_detached_pair_takes_only_its_own_copies_away() {
    let stage = Stage::new().await;
    let service = stage.connected().await;
    for uid in ["a", "b", "c"] {
        stage.create(0, uid);
    }
    stage.create(1, "d");
    sync(&service).await;
    assert_eq!(stage.numbers(), [4, 4]);
    // A copy that somebody changed is theirs.
    stage.user(1).set("b", "SUMMARY", "Mine now");
    let detach = Request::Detach { pair: pair(), remove_copies: true };
    let said = service.answer(detach).await;
    assert_eq!(said.exit, 0, "{said:?}");
    let said = message(said);
    assert!(said.contains("right: 2 copies deleted, 1 kept"), "{said}");
    assert!(said.contains("right: b (changed since)") && said.contains("delete them yourself"));
    assert_eq!(stage.user(0).uids(), ["a", "b", "c"]);
    assert_eq!(stage.user(1).uids(), ["b", "d"]);
    assert_eq!(status(&service).await.pairs[0].state, "paused");
    let all = service.answer(Request::Sync { pairs: Vec::new(), dry_run: false }).await;
    assert!(read::<report::Sync>(all).pairs.is_empty());
}

#[tokio::test]
async fn a_detached_pair_is_a_new_one_once_it_was_taken_out_of_the_configuration() {
    let stage = Stage::new().await;
    let service = stage.connected().await;
    stage.create(0, "a");
    sync(&service).await;
    let detach = Request::Detach { pair: pair(), remove_copies: false };
    assert_eq!(service.answer(detach).await.exit, 0);
    take_up(&service, &stage.config());
    let detached = status(&service).await.pairs.remove(0);
    assert_eq!(detached.state, "paused");
    // A daemon looks at it in each round, and says the same.
    let charge = service.charges().remove(0);
    let attended =
        engine::attend(&service.ctx, &charge.pair, charge.confirm, engine::Mode::Sync).await;
    assert_eq!(attended.state, engine::PairState::Paused);
    let still = status(&service).await.pairs.remove(0);
    assert_eq!((&still.reason, &still.action), (&detached.reason, &detached.action));
    assert!(still.reason.is_some_and(|reason| reason.contains("take it out")));
    let (without, _) =
        stage.config().split_once("[[pairs]]").map(|(a, b)| (a.to_owned(), b.len())).unwrap();
    take_up(&service, &without);
    take_up(&service, &stage.config());
    assert_eq!(status(&service).await.pairs[0].state, "new");
    let (exit, synced) = sync(&service).await;
    assert_eq!((exit, synced.adopted), (0, 1), "what is there already is not copied again");
}

#[tokio::test]
async fn a_pair_that_is_misconfigured_has_failed_and_one_that_is_not_connected_says_what_to_do() {
    let stage = Stage::new().await;
    let service = stage.open(&stage.config());
    let (exit, synced) = sync(&service).await;
    assert_eq!((exit, synced.action.as_deref()), (3, Some("calpair connect l")));
    drop(service);
    let service = stage.connected().await;
    let text = stage.config().replace("\"r\", calendar = \"Family\"", "\"r\", calendar = \"None\"");
    take_up(&service, &text);
    let (exit, synced) = sync(&service).await;
    assert_eq!((exit, synced.outcome), (1, report::Outcome::Failed), "{synced:?}");
    assert_eq!(status(&service).await.pairs[0].state, "misconfigured");
}

#[tokio::test]
async fn a_halted_one_way_plan_tells_only_what_it_would_delete() {
    let stage = Stage::new().await;
    let one_way = stage.config() + "direction = \"left-to-right\"\n";
    let service = stage.connected().await;
    take_up(&service, &one_way);
    let uids: Vec<String> = (0..40).map(|number| format!("e{number:02}")).collect();
    uids.iter().for_each(|uid| stage.create(0, uid));
    sync(&service).await;
    assert!(uids[..30].iter().all(|uid| stage.user(0).delete(uid)));
    assert!(uids[30..35].iter().all(|uid| stage.user(1).delete(uid)));
    let (exit, halted) = sync(&service).await;
    assert_eq!((exit, halted.reason.as_deref()), (4, Some("30 deletions on right of 40")));
    let approved = message(service.answer(Request::Approve { pair: pair() }).await);
    assert!(approved.starts_with("approved: 30 deletions on right,"), "{approved}");
    assert_eq!(sync(&service).await.0, 0);
    assert_eq!(stage.numbers(), [10, 5]);
}

#[tokio::test]
async fn a_copy_that_somebody_changed_is_kept_also_when_a_sync_has_seen_the_change() {
    for seen in [false, true] {
        let stage = Stage::new().await;
        let service = stage.connected().await;
        for uid in ["a", "b", "c", "d"] {
            stage.create(0, uid);
        }
        sync(&service).await;
        // What calpair writes itself makes no copy somebody's.
        stage.user(0).set("a", "SUMMARY", "Moved on");
        sync(&service).await;
        stage.user(1).set("b", "SUMMARY", "Mine now");
        stage.user(1).set("c", "X-NOTES", "bring the papers");
        if seen {
            assert_eq!(sync(&service).await.0, 0);
            assert_eq!(sync(&service).await.0, 0);
        }
        let said = service.answer(Request::Detach { pair: pair(), remove_copies: true }).await;
        let said = message(said);
        assert_eq!(stage.user(1).uids(), ["b", "c"], "{seen}: {said}");
        assert!(said.contains("right: 2 copies deleted, 2 kept"), "{seen}: {said}");
        assert!(said.contains("right: b (") && said.contains("right: c ("), "{seen}: {said}");
        assert!(!said.contains("papers") && !said.contains("Mine"), "{said}");
    }
}

#[tokio::test]
async fn a_detach_that_was_cut_short_is_gone_on_with_and_all_of_it_is_in_history() {
    for goes_on_by in ["detach", "resume"] {
        let stage = Stage::new().await;
        let service = stage.connected().await;
        for uid in ["a", "b", "c"] {
            stage.create(0, uid);
        }
        sync(&service).await;
        // The process dies when the second deletion was made, and not yet recorded.
        let mut recorded = 0;
        service.ctx.store.failpoint(Some(Box::new(move |name| {
            recorded += u32::from(name == "removed");
            recorded > 1
        })));
        let detach = || Request::Detach { pair: pair(), remove_copies: true };
        assert_ne!(service.answer(detach()).await.exit, 0);
        service.ctx.store.failpoint(None);
        assert_eq!(stage.numbers(), [3, 1]);
        service.close(Duration::ZERO).await.unwrap();
        drop(service);
        let service = stage.open(&stage.config());
        // Until it is gone on with, nothing is taken for deleted.
        service.answer(Request::Sync { pairs: vec![pair()], dry_run: false }).await;
        service.answer(Request::Sync { pairs: Vec::new(), dry_run: false }).await;
        assert_eq!(stage.numbers(), [3, 1], "{goes_on_by}");
        if goes_on_by == "resume" {
            assert_eq!(service.answer(Request::Resume { pair: pair() }).await.exit, 0);
            assert_eq!(sync(&service).await.0, 0);
            assert_eq!(stage.numbers(), [3, 3]);
            continue;
        }
        let said = service.answer(detach()).await;
        assert_eq!(said.exit, 0, "{said:?}");
        assert_eq!(stage.numbers(), [3, 0]);
        service.close(Duration::ZERO).await.unwrap();
        drop(service);
        // It is told of after the pair has left the configuration too.
        let text = stage.config().replace("name = \"p\"", "name = \"q\"");
        let service = stage.open(&text);
        let of = |name: &str| Request::History { pair: Some(name.to_owned()), event: None };
        let history: report::History = read(service.answer(of("p")).await);
        let deleted = history.changes.iter().filter(|change| change.action == "delete");
        let mut deleted: Vec<_> = deleted.map(|change| change.title.clone().unwrap()).collect();
        deleted.sort();
        assert_eq!(deleted, ["Event a", "Event b", "Event c"], "with what was there before");
        assert_eq!(read::<report::History>(service.answer(of("q")).await).changes, []);
        assert_eq!(service.answer(of("never")).await.exit, 2);
    }
}

#[tokio::test]
async fn what_was_done_can_be_asked_for() {
    let stage = Stage::new().await;
    let service = stage.connected().await;
    stage.create(0, "a");
    let dry = service.answer(Request::Sync { pairs: Vec::new(), dry_run: true }).await;
    let dry: report::Sync = read(dry);
    let action = &dry.pairs[0].actions.as_ref().unwrap()[0];
    assert_eq!((action.action.as_str(), action.side), ("create", report::SideWord::Right));
    assert_eq!(stage.numbers(), [1, 0]);
    sync(&service).await;
    let history = service.answer(Request::History { pair: Some(pair()), event: None }).await;
    let history: report::History = read(history);
    assert_eq!(history.changes.len(), 1);
    assert_eq!(history.changes[0].title.as_deref(), Some("Event a"));
    let explain = |event: &str| Request::Explain { pair: pair(), event: event.to_owned() };
    let explained: report::Explanations = read(service.answer(explain("event A")).await);
    assert_eq!(explained.events[0].state, "synced");
    assert_eq!(service.answer(explain("nothing")).await.exit, 1);
    let calendars = service.answer(Request::Calendars { account: "l".into() }).await;
    assert_eq!(read::<report::Calendars>(calendars).calendars[0].name, "Family");
    let checks: report::Checks = read(service.answer(Request::Check).await);
    assert!(checks.checks.iter().all(|check| check.result == report::CheckResult::Ok));
    let unknown = service.answer(Request::Pause { pair: "q".into() }).await;
    assert_eq!(unknown.exit, 2);
    assert!(message(unknown).contains("no pair `q`"));
}

#[tokio::test]
async fn a_changed_configuration_moves_only_what_it_changes() {
    let stage = Stage::new().await;
    let service = stage.connected().await.supervised(|_, _| ());
    let before = service.charges();
    let text = stage.config();
    take_up(&service, &text);
    assert_eq!(service.charges()[0].fingerprint, before[0].fingerprint);
    let text = text.replace("\"all\"", "{ past = \"1d\" }");
    take_up(&service, &text);
    assert_ne!(service.charges()[0].fingerprint, before[0].fingerprint);
    stage.create(0, "a");
    let (exit, _) = sync(&service).await;
    assert_eq!(exit, 0);
    service.close(Duration::from_secs(5)).await.unwrap();
}
