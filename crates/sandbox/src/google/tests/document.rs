//! The part of the discovery document that is compiled in, and the service on a socket.

#[expect(unreachable_pub, reason = "it is public where it belongs")]
#[path = "../../../../testkit/src/shared.rs"]
mod shared;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use shared::shared;

use super::{Bench, hour};
use crate::Op;
use crate::faults::{Aim, Fault};

/// The whole document, where the large collection is.
fn whole() -> Option<Value> {
    let file = shared("reference/google-calendar-v3.discovery.json")?;
    Some(serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap())
}

/// Without descriptions, which are texts; a field of that name stays.
fn bare(value: &Value) -> Value {
    let is_text = |name: &str, value: &Value| {
        matches!(name, "description" | "enumDescriptions")
            && (value.is_string() || value.is_array())
    };
    match value {
        Value::Object(map) => {
            let kept = map.iter().filter(|(name, value)| !is_text(name, value));
            Value::Object(kept.map(|(name, value)| (name.clone(), bare(value))).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(bare).collect()),
        other => other.clone(),
    }
}

#[test]
fn the_part_is_as_the_whole() {
    let part: Value =
        serde_json::from_str(include_str!("../../../data/google-calendar-v3.json")).unwrap();
    for (id, method) in part["methods"].as_object().unwrap() {
        assert!(!method["scopes"].as_array().unwrap().is_empty(), "{id}");
    }
    let Some(whole) = whole() else { return };
    assert_eq!(part["revision"], whole["revision"]);
    assert_eq!(part["parameters"], bare(&whole["parameters"]));
    for (name, schema) in part["schemas"].as_object().unwrap() {
        assert_eq!(*schema, bare(&whole["schemas"][name]), "{name}");
    }
    for (id, method) in part["methods"].as_object().unwrap() {
        let mut path = id.split('.').skip(1);
        let (resource, name) = (path.next().unwrap(), path.next().unwrap());
        let stated = bare(&whole["resources"][resource]["methods"][name]);
        for (key, value) in method.as_object().unwrap() {
            assert_eq!(*value, stated[key], "{id} {key}");
        }
    }
}

#[test]
fn the_service_on_a_socket_says_the_same() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let bench = Bench::new();
        let running = bench.google.serve().await.unwrap();
        let body = hour("dentist1").to_string();
        let post = format!(
            "POST {}?sendUpdates=none HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            bench.events(),
            bench.token,
            body.len()
        );
        let get = format!(
            "GET {} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nConnection: close\r\n\r\n",
            bench.events(),
            bench.token
        );
        let talk = async |text: &str| {
            let mut stream = tokio::net::TcpStream::connect(running.addr).await.unwrap();
            stream.write_all(text.as_bytes()).await.unwrap();
            let mut said = Vec::new();
            // A connection that breaks is one that says no more.
            let _ = stream.read_to_end(&mut said).await;
            String::from_utf8_lossy(&said).into_owned()
        };
        bench.world.plan(Aim::op(Op::Create), Fault::LostReply);
        assert_eq!(talk(&post).await, "");
        let whole = talk(&get).await;
        assert!(whole.starts_with("HTTP/1.1 200") && whole.contains("\"dentist1\""), "{whole}");
        bench.world.plan(Aim::op(Op::Changes), Fault::Truncated);
        let cut = talk(&get).await;
        assert!(!cut.contains("nextSyncToken\":") || cut.len() < whole.len(), "{cut}");
        bench.google.assert_unviolated();
    });
}

#[test]
fn the_log_has_what_was_sent_and_no_credential() {
    let bench = Bench::new();
    bench.insert(&hour("dentist1"));
    let log = bench.google.log();
    let last = log.last().unwrap();
    assert_eq!((last.call, last.status), ("calendar.events.insert", 200));
    assert_eq!((last.method.as_str(), last.query.as_str()), ("POST", "sendUpdates=none"));
    assert!(last.path.ends_with("group.calendar.google.com/events"));
    assert_eq!(serde_json::from_slice::<Value>(&last.body).unwrap(), hour("dentist1"));
    assert!(!last.headers.contains_key("authorization"));
    assert_eq!(bench.world.write_count("gil"), 1);
}
