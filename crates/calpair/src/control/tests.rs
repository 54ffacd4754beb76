//! Both ends of the socket, over a real one.

use std::os::unix::fs::MetadataExt;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::*;

/// A daemon that answers each request with its `Debug`, and `pause` not at all.
struct Daemon {
    dir: tempfile::TempDir,
    stop: CancellationToken,
    served: tokio::task::JoinHandle<()>,
}

fn daemon() -> Daemon {
    let dir = tempfile::tempdir().unwrap();
    let listener = Listener::open(dir.path()).unwrap();
    let stop = CancellationToken::new();
    let (sender, mut questions) = mpsc::channel::<Asked>(1);
    let served = tokio::spawn(listener.serve(sender, stop.clone()));
    tokio::spawn(async move {
        while let Some(Asked { request, reply }) = questions.recv().await {
            if !matches!(request, Request::Pause { .. }) {
                let _ = reply.send(Reply::message(Exit::Open, format!("{request:?}")));
            }
        }
    });
    Daemon { dir, stop, served }
}

/// Sends these bytes as they are; the whole answer.
async fn raw(daemon: &Daemon, bytes: &[u8]) -> String {
    let mut stream = UnixStream::connect(socket(daemon.dir.path())).await.unwrap();
    // The daemon may hang up before it has read everything.
    let _ = stream.write_all(bytes).await;
    let _ = stream.shutdown().await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn a_question_is_answered() {
    let daemon = daemon();
    let request = Request::Sync { pairs: vec!["family".into()], dry_run: true };
    let reply = ask(daemon.dir.path(), &request).await.unwrap();
    assert_eq!(reply.exit, 6);
    assert_eq!(reply.message.unwrap(), "Sync { pairs: [\"family\"], dry_run: true }");
    assert_eq!(std::fs::metadata(socket(daemon.dir.path())).unwrap().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn the_words_on_the_wire_stay() {
    let cases = [
        (Request::Ping, json!({"command": "ping"})),
        (Request::Status { pair: None }, json!({"command": "status", "pair": null})),
        (
            Request::Detach { pair: "p".into(), remove_copies: true },
            json!({"command": "detach", "pair": "p", "remove_copies": true}),
        ),
        (
            Request::Connect {
                account: "home".into(),
                password: Password("secret".into()),
                replace: false,
                lasts: None,
            },
            json!({"command": "connect", "account": "home", "password": "secret",
                "replace": false}),
        ),
    ];
    for (request, wire) in cases {
        assert_eq!(serde_json::to_value(&request).unwrap(), wire);
        assert!(!format!("{request:?}").contains("secret"));
        assert_eq!(serde_json::from_value::<Request>(wire).unwrap(), request);
    }
}

#[tokio::test]
async fn without_a_daemon_nobody_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let asked = ask(dir.path(), &Request::Ping).await;
    assert!(matches!(asked, Err(AskError::NobodyThere)), "{asked:?}");
    // A socket that a crash left behind is nobody either, and no obstacle.
    let left = std::os::unix::net::UnixListener::bind(socket(dir.path())).unwrap();
    drop(left);
    let asked = ask(dir.path(), &Request::Ping).await;
    assert!(matches!(asked, Err(AskError::NobodyThere)), "{asked:?}");
    assert!(Listener::open(dir.path()).is_ok());
    assert!(!socket(dir.path()).exists(), "the file goes with the listener");
}

#[tokio::test]
async fn a_daemon_that_stops_answers_or_hangs_up() {
    let daemon = daemon();
    // The reply's sender is dropped without an answer.
    let reply = ask(daemon.dir.path(), &Request::Pause { pair: "p".into() }).await.unwrap();
    assert_eq!((reply.exit, reply.message.unwrap().as_str()), (75, "the daemon is stopping"));
    daemon.stop.cancel();
    daemon.served.await.unwrap();
    assert!(!socket(daemon.dir.path()).exists());
}

#[tokio::test]
async fn nonsense_is_refused_and_not_quoted() {
    let daemon = daemon();
    let long = [vec![b' '; LONGEST_REQUEST as usize], b"{}\n".to_vec()].concat();
    let cases: [(&[u8], &str); 5] = [
        (b"canary\n", "does not know this command"),
        (b"{\"command\":\"canary\"}\n", "does not know this command"),
        (b"{\"command\":\"pause\",\"pair\":\"p\",\"canary\":1}\n", "does not know this command"),
        (b"{\"command\":\"ping\"}", "cut off"),
        (&long, "too long"),
    ];
    for (bytes, expected) in cases {
        let answer = raw(&daemon, bytes).await;
        assert!(answer.contains(expected) && !answer.contains("canary"), "{answer}");
    }
    assert!(ask(daemon.dir.path(), &Request::Ping).await.is_ok());
}
