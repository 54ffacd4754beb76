//! The servers, asked as a client asks: most without a socket, the breaking ones with.

mod conversations;
mod switches;

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::CalendarId;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::xml::{CALDAV, DAV, Node, SERVER};
use super::*;
use crate::faults::{Aim, Fault};
use crate::{Gone, Op, Throttle};

const EVENT: &str = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//t//t//EN\r\nBEGIN:VEVENT\r\n\
    UID:a\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260301T090000Z\r\nDTEND:20260301T100000Z\r\n\
    SUMMARY:One\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";

struct Fixture {
    world: World,
    calendar: CalendarId,
    server: Server,
    /// The path of the calendar.
    path: String,
}

fn fixture(profile: Profile) -> Fixture {
    let world = World::new(3);
    world.account("sam", profile.habits.clone());
    let calendar = world.add_calendar("sam", "Family");
    let server = Server {
        world: world.clone(),
        profile,
        accounts: vec!["sam".to_owned()],
        origins: vec![
            "http://first:1".to_owned(),
            "http://p42:2".to_owned(),
            "http://p43:3".to_owned(),
        ],
        partition: AtomicUsize::new(0),
    };
    let path = server.collection_path(&world.state(), "sam", "family");
    Fixture { world, calendar, server, path }
}

fn credential() -> String {
    format!("Basic {}", STANDARD.encode("sam@example.com:abcd-efgh-ijkl-mnop"))
}

impl Fixture {
    fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        self.ask_at(0, method, path, headers, body)
    }

    fn ask_at(
        &self,
        host: usize,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let mut all: BTreeMap<String, String> =
            headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        all.entry("authorization".to_owned()).or_insert_with(credential);
        self.server.answer(&Ask {
            host,
            method: method.to_owned(),
            path: path.to_owned(),
            headers: all,
            body: body.as_bytes().to_vec(),
        })
    }

    fn put(&self, name: &str, condition: (&str, &str), body: &str) -> Answer {
        let kind = ("content-type", "text/calendar; charset=utf-8");
        let headers: Vec<(&str, &str)> =
            [kind, condition].into_iter().filter(|(name, _)| !name.is_empty()).collect();
        self.ask("PUT", &format!("{}{name}", self.path), &headers, body)
    }

    fn sync(&self, token: &str) -> Answer {
        self.ask("REPORT", &self.path, &[("depth", "0")], &sync_body(token, ""))
    }

    fn version(&self) -> String {
        format!("\"{}\"", self.world.held(&self.calendar)[0].version)
    }
}

fn sync_body(token: &str, more: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?><d:sync-collection xmlns:d=\"DAV:\"><d:sync-token>{token}\
         </d:sync-token><d:sync-level>1</d:sync-level>{more}<d:prop><d:getetag/></d:prop>\
         </d:sync-collection>"
    )
}

fn find_body(names: &str) -> String {
    format!(
        "<d:propfind xmlns:d=\"DAV:\" xmlns:c=\"urn:ietf:params:xml:ns:caldav\" \
         xmlns:cs=\"http://calendarserver.org/ns/\"><d:prop>{names}</d:prop></d:propfind>"
    )
}

fn root(answer: &Answer) -> Node {
    let text = String::from_utf8_lossy(&answer.body);
    super::xml::parse(&answer.body).unwrap_or_else(|| panic!("{}: {text}", answer.status))
}

/// Every element of that name, anywhere.
fn every<'a>(node: &'a Node, space: &str, name: &str) -> Vec<&'a Node> {
    let mut found: Vec<&Node> = if node.is(space, name) { vec![node] } else { Vec::new() };
    node.children.iter().for_each(|child| found.extend(every(child, space, name)));
    found
}

/// Address and status (of the whole, or of its first properties) of each response.
fn responses(answer: &Answer) -> Vec<(String, String)> {
    let root = root(answer);
    let one = |response: &Node| {
        let href = response.child(DAV, "href").unwrap().text.trim().to_owned();
        let status = every(response, DAV, "status")[0].text.trim().to_owned();
        (href.rsplit('/').next().unwrap().to_owned(), status)
    };
    every(&root, DAV, "response").into_iter().map(one).collect()
}

fn token(answer: &Answer) -> String {
    let root = root(answer);
    root.child(DAV, "sync-token").expect("there is a token").text.trim().to_owned()
}

fn header<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    let found = answer.headers.iter().find(|(other, _)| *other == name);
    found.map(|(_, value)| value.as_str())
}

/// A request over a socket; what arrives until the connection ends.
async fn send(addr: SocketAddr, method: &str, path: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {addr}\r\nAuthorization: {}\r\nDepth: 0\r\n\
         Connection: close\r\nContent-Length: {length}\r\n\r\n{body}",
        credential()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // A broken connection is what some of these tests are about.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn sockets_carry_answers_and_break() {
    let world = World::new(3);
    world.account("sam", Default::default());
    let calendar = world.add_calendar("sam", "Family");
    for number in 0..40 {
        let text = EVENT.replace("UID:a", &format!("UID:{number}"));
        world.user(&calendar).create(&text);
    }
    let running = serve(&world, Options::new(Profile::plain(), "sam")).await.unwrap();
    let path = "/dav/calendars/sam/family/";
    let whole = send(running.addr, "REPORT", path, &sync_body("", "")).await;
    assert!(whole.starts_with("HTTP/1.1 207") && whole.trim().ends_with("</d:multistatus>"));
    world.plan(Aim::op(Op::Changes), Fault::Truncated);
    let cut = send(running.addr, "REPORT", path, &sync_body("", "")).await;
    assert!(cut.starts_with("HTTP/1.1 207") && cut.len() < whole.len(), "{}", cut.len());
    world.plan(Aim::op(Op::Changes), Fault::LostReply);
    assert_eq!(send(running.addr, "REPORT", path, &sync_body("", "")).await, "");
    world.assert_auth_only_to(&running.hosts().iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(world.request_count("sam"), 3);
}
