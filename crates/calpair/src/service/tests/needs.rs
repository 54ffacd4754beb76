//! What is said without a cycle, by whom, and who waits for it: alerts of an earlier process, a
//! credential that can't be used any more, an account that was disconnected.

use engine::{Alert, AlertEvent, Phase};
use sandbox::faults::{Aim, Fault};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::rights::Told;
use super::*;

const HOUR: Duration = Duration::from_secs(60 * 60);

fn open(stage: &Stage, clock: &Arc<Told>, text: &str) -> Service {
    let config = config::parse(text, "c.toml").unwrap();
    let clock: Arc<dyn Clock> = Arc::<Told>::clone(clock);
    let state = stage.folder.path().join("state");
    Service::open_at(clock, config, &state, &Environment::default()).unwrap()
}

async fn close(service: Service) {
    service.close(Duration::ZERO).await.unwrap();
}

/// Alerts that wait for an address which nobody answers at: event, account, state.
fn said(service: &Service) -> Vec<[String; 3]> {
    let waiting = service.ctx.store.undelivered().unwrap();
    let said = waiting.into_iter().map(|row| {
        service.ctx.store.delivered(row.id).unwrap();
        let alert: report::Alert =
            serde_json::from_str::<report::Document<_>>(&row.body).unwrap().body;
        assert_eq!(alert.action.is_none(), alert.state == "ok", "{alert:?}");
        [alert.event, alert.account.unwrap_or_default(), alert.state]
    });
    said.collect()
}

fn words(event: &str, account: &str, state: &str) -> [String; 3] {
    [event, account, state].map(str::to_owned)
}

/// Connection after connection is refused there.
const NOWHERE: &str = "[alerts]\nwebhook = \"http://127.0.0.1:9/\"\n";

#[tokio::test]
async fn only_a_sync_sends_what_an_earlier_process_could_not() {
    let stage = Stage::new().await;
    let service = stage.connected().await;
    service.ctx.store.put_undelivered("webhook", "{}").unwrap();
    close(service).await;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let hook = format!("[alerts]\nwebhook = \"http://{}/\"\n", listener.local_addr().unwrap());
    let text = stage.config() + &hook;
    let service = stage.open(&text);
    for request in [
        Request::Status { pair: None },
        Request::Accounts,
        Request::Calendars { account: "l".into() },
        Request::History { pair: None, event: None },
        Request::Check,
        Request::Sync { pairs: Vec::new(), dry_run: true },
        Request::Pause { pair: pair() },
        Request::Resume { pair: pair() },
    ] {
        assert_eq!(service.answer(request.clone()).await.exit, 0, "{request:?}");
    }
    close(service).await;
    assert!(listener.accept().is_err(), "nobody was told, and nobody waited");
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    let heard = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut bytes = [0; 4096];
        let read = stream.read(&mut bytes).await.unwrap();
        stream.write_all(b"HTTP/1.1 204 X\r\nconnection: close\r\n\r\n").await.unwrap();
        read
    });
    let service = stage.open(&text);
    assert_eq!(sync(&service).await.0, 0);
    close(service).await;
    assert!(heard.await.unwrap() > 0);
    let service = stage.open(&text);
    assert_eq!(service.ctx.store.undelivered().unwrap(), []);
}

#[tokio::test]
async fn a_command_waits_a_moment_for_what_it_says_itself_and_keeps_it() {
    let stage = Stage::new().await;
    // The connection is taken, and that is all.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let hook = format!("[alerts]\nwebhook = \"http://{}/\"\n", silent.local_addr().unwrap());
    let service = stage.open(&(stage.config() + &hook));
    service.outbox.say(
        &Alert {
            event: AlertEvent::Reconnected,
            account: Some(AccountName::new("l")),
            pair: None,
            since: service.ctx.now(),
            reason: "refused".into(),
            action: None,
        },
        Phase::Over,
    );
    let store = service.ctx.store.clone();
    tokio::time::pause();
    let began = tokio::time::Instant::now();
    service.outbox.close(DELIVERY).await;
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    assert_eq!(store.undelivered().unwrap().len(), 1, "it goes out with the next one");
    assert!(!service.outbox.is_resumed());
}

#[tokio::test]
async fn a_password_for_another_user_is_said_when_it_begins_daily_and_when_it_is_over() {
    let stage = Stage::new().await;
    let clock = Arc::new(Told::now());
    let text = stage.config() + NOWHERE;
    let service = open(&stage, &clock, &text);
    for account in ["l", "r"] {
        assert_eq!(connect(&service, account, "abcd-efgh-ijkl-mnop").await.exit, 0);
    }
    sync(&service).await;
    assert_eq!(said(&service), Vec::<[String; 3]>::new());
    close(service).await;
    let renamed = text.replace("left@example.com", "other@example.com");
    let dead = words("reconnect-needed", "l", "reconnect-needed");
    let mut all = Vec::new();
    for hours in [0, 1, 22, 2, 1] {
        clock.pass(hours * HOUR);
        // Each a process of its own.
        let service = open(&stage, &clock, &renamed);
        assert_eq!(sync(&service).await.0, 3);
        all.extend(said(&service));
        close(service).await;
    }
    assert_eq!(all, [dead.clone(), dead.clone()], "once, and once a day");
    let service = open(&stage, &clock, &text);
    assert_eq!(sync(&service).await.0, 0);
    assert_eq!(said(&service), [words("reconnected", "l", "ok")]);
    // A daemon says it as soon as it takes the change up; nobody else need look.
    let daemon = service.supervised(|_, _| {});
    take_up(&daemon, &renamed);
    assert_eq!(said(&daemon), [dead]);
    take_up(&daemon, &text);
    assert_eq!(said(&daemon), [words("reconnected", "l", "ok")]);
    // Who disconnects an account knows it.
    daemon.answer(Request::Disconnect { account: "l".into() }).await;
    daemon.look_ahead().unwrap();
    assert_eq!(said(&daemon), Vec::<[String; 3]>::new());
}

#[tokio::test]
async fn trouble_with_the_key_is_said_when_it_begins_daily_and_when_it_is_over() {
    let stage = Stage::new().await;
    let clock = Arc::new(Told::now());
    let text = stage.config() + NOWHERE;
    let service = open(&stage, &clock, &text);
    for account in ["l", "r"] {
        assert_eq!(connect(&service, account, "abcd-efgh-ijkl-mnop").await.exit, 0);
    }
    close(service).await;
    let key = stage.folder.path().join("state/secret.key");
    let bytes = std::fs::read(&key).unwrap();
    std::fs::write(&key, "short").unwrap();
    let mut all = Vec::new();
    for hours in [0, 1, 22, 2, 1] {
        clock.pass(hours * HOUR);
        let service = open(&stage, &clock, &text);
        // The daemon does this each hour, and a sync when it is done.
        service.look_ahead().unwrap();
        all.extend(said(&service));
        close(service).await;
    }
    let trouble = words("attention", "", "attention");
    assert_eq!(all, [trouble.clone(), trouble], "of the key, and not of each account");
    std::fs::write(&key, bytes).unwrap();
    set_mode(&key);
    let service = open(&stage, &clock, &text);
    service.look_ahead().unwrap();
    service.look_ahead().unwrap();
    assert_eq!(said(&service), [words("attention", "", "ok")]);
}

#[tokio::test]
async fn a_pair_of_a_disconnected_account_is_not_ok() {
    let stage = Stage::new().await;
    let service = stage.connected().await;
    let pair = |status: report::Status| status.pairs.into_iter().next().unwrap();
    assert_eq!(sync(&service).await.0, 0);
    assert_eq!(pair(status(&service).await).state, "ok");
    service.answer(Request::Disconnect { account: "r".into() }).await;
    let seen = pair(status(&service).await);
    assert_eq!(seen.state, "reconnect-needed");
    assert_eq!(seen.reason.as_deref(), Some("account r: no password is stored"));
    assert_eq!(seen.action.as_deref(), Some("calpair connect r"));
    let account = status(&service).await.accounts.remove(1);
    assert_eq!(seen.since, account.since, "since it was disconnected");
    service.answer(Request::Pause { pair: "p".into() }).await;
    assert_eq!(pair(status(&service).await).state, "paused", "as somebody wanted it");
    service.answer(Request::Resume { pair: "p".into() }).await;
    assert_eq!(connect(&service, "r", "abcd-efgh-ijkl-mnop").await.exit, 0);
    assert_ne!(pair(status(&service).await).state, "reconnect-needed");
}

#[tokio::test]
async fn a_check_ends_as_a_sync_would() {
    let stage = Stage::new().await;
    let service = stage.connected().await;
    let check = async || {
        let reply = service.answer(Request::Check).await;
        let exit = reply.exit;
        let results = read::<report::Checks>(reply).checks.into_iter();
        (exit, results.filter(|check| check.result == report::CheckResult::Failed).count())
    };
    assert_eq!(check().await, (0, 0));
    service.answer(Request::Disconnect { account: "r".into() }).await;
    assert_eq!(check().await, (3, 1), "somebody must connect it");
    // Another calendar than there is has failed, whatever else waits.
    let gone = stage.config().replace("\"l\", calendar = \"Family\"", "\"l\", calendar = \"Nope\"");
    take_up(&service, &gone);
    assert_eq!(check().await, (1, 2));
}

#[tokio::test]
async fn a_server_that_is_down_makes_a_check_end_as_what_is_to_be_tried_again() {
    let stage = Stage::new().await;
    let service = stage.connected().await;
    // However often it is asked.
    for _ in 0..16 {
        stage.world.plan(Aim::default().on("left"), Fault::FailBefore);
    }
    let reply = service.answer(Request::Check).await;
    assert_eq!(reply.exit, 75, "{reply:?}");
    let account = &read::<report::Checks>(reply).checks[0];
    assert_eq!((account.name.as_str(), account.result), ("account l", report::CheckResult::Failed));
}

#[tokio::test]
async fn a_link_leads_somewhere_or_says_what_to_set() {
    let stage = Stage::new().await;
    let with = |daemon: &str| format!("[daemon]\n{daemon}\n{}", stage.config());
    let link =
        async |service: &Service| service.answer(Request::Link { account: "l".into() }).await;
    let service = stage.open(&with("listen = \"off\"")).supervised(|_, _| {});
    let off = link(&service).await;
    assert!(off.exit == 2 && message(off).contains("`listen` in [daemon] is \"off\""));
    let take_up = |text: &str| take_up(&service, text);
    let refused = async |words: &[&str]| {
        let reply = link(&service).await;
        assert!(reply.exit != 0 && reply.report.is_null(), "{reply:?}");
        let said = message(reply);
        assert!(words.iter().all(|word| said.contains(word)), "{said}");
    };
    take_up(&with("listen = \"127.0.0.1:8437\""));
    refused(&["is not open", "log"]).await;
    service.links().lead_nowhere();
    refused(&["no password", "calpair page-password"]).await;
    service.links().lead_to("http://0.0.0.0:8437".into());
    take_up(&with("listen = \"0.0.0.0:8437\""));
    refused(&["0.0.0.0:8437", "`public_url`", "[daemon]"]).await;
    take_up(&with("listen = \"0.0.0.0:8437\"\npublic_url = \"https://cal.example.org\""));
    service.links().lead_to("https://cal.example.org".into());
    let good = link(&service).await;
    assert_eq!((good.exit, good.message.as_deref()), (0, None));
    let url = read::<report::Link>(good).url;
    assert!(url.starts_with("https://cal.example.org/connect/l?link="), "{url}");
    take_up(&with("listen = \"127.0.0.1:8437\""));
    service.links().lead_to("http://127.0.0.1:8437".into());
    let here = link(&service).await;
    assert_eq!(here.exit, 0);
    assert!(message(here).contains("on this machine only; for other machines set `public_url`"));
    // The page was closed since.
    take_up(&with("listen = \"off\""));
    refused(&["`listen`", "off"]).await;
}
