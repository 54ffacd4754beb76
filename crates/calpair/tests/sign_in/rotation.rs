//! A refresh token that is good once, and a process that is killed around every renewal: between
//! the answer of the token endpoint and the first use of what it gave.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Child;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sandbox::microsoft::{Microsoft, Running};

use crate::stage::{Stage, given, said};

/// How often the process is killed.
const ROUNDS: usize = 100;

/// Far more than a process takes to come to where it is killed.
const PATIENCE: Duration = Duration::from_secs(60);

/// When a process is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    /// The service has given a new token, and its answer does not arrive.
    Answered,
    /// The answer has just been handed over.
    Received,
    /// The access token that came with it is used for the first time.
    Used,
}

/// A process that is to be killed.
struct Doomed {
    moment: Moment,
    child: Child,
    dead: Sender<()>,
}

/// What stands between the process and the service, and kills the process.
#[derive(Clone)]
struct Reaper {
    service: String,
    doomed: Arc<Mutex<Option<Doomed>>>,
    renewals: Arc<AtomicU32>,
}

impl Reaper {
    /// In front of the service at this address; and where it is to be found itself.
    fn before(service: &str) -> (Self, String) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let service = service.trim_start_matches("http://").trim_end_matches('/').to_owned();
        let reaper = Self { service, doomed: Arc::default(), renewals: Arc::default() };
        let own = reaper.clone();
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let (own, client) = (own.clone(), client.unwrap());
                // A killed process does not hear its answer to the end.
                std::thread::spawn(move || drop(own.pass(client)));
            }
        });
        (reaper, url)
    }

    fn pass(&self, mut client: TcpStream) -> std::io::Result<()> {
        let mut reader = BufReader::new(client.try_clone()?);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head)? == 0 {
                return Ok(());
            }
        }
        let length = head.lines().find_map(|line| {
            line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok()
        });
        let mut body = vec![0; length.unwrap_or(0)];
        reader.read_exact(&mut body)?;
        let is_renewal = head.starts_with("POST ") && head.contains("/token ");
        if !is_renewal {
            self.kill_at(Moment::Used);
        }
        let mut server = TcpStream::connect(&self.service)?;
        let once = head.replacen("\r\n", "\r\nConnection: close\r\n", 1);
        server.write_all(once.as_bytes())?;
        server.write_all(&body)?;
        let mut answer = Vec::new();
        server.read_to_end(&mut answer)?;
        if is_renewal {
            self.renewals.fetch_add(1, Ordering::Relaxed);
            self.kill_at(Moment::Answered);
        }
        client.write_all(&answer)?;
        if is_renewal {
            self.kill_at(Moment::Received);
        }
        Ok(())
    }

    fn kill_at(&self, moment: Moment) {
        // Whoever starts a process holds this until it can be killed.
        let mut doomed = self.doomed.lock().unwrap();
        if let Some(mut one) = doomed.take_if(|one| one.moment == moment) {
            one.child.kill().unwrap();
            one.child.wait().unwrap();
            one.dead.send(()).unwrap();
        }
    }

    /// Runs `calpair calendars` until it is killed.
    fn killed(&self, stage: &Stage<Microsoft, Running>, moment: Moment) {
        let (dead, told) = channel();
        {
            let mut doomed = self.doomed.lock().unwrap();
            let child = stage.calpair(&["calendars", "work"]).spawn().unwrap();
            *doomed = Some(Doomed { moment, child, dead });
        }
        if told.recv_timeout(PATIENCE).is_err() {
            let doomed = self.doomed.lock().unwrap().take().unwrap();
            panic!("{moment:?} never came: {}", said(&doomed.child.wait_with_output().unwrap()));
        }
    }
}

// quirk: microsoft-61
#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_processes_killed_around_a_renewal_lose_no_token() {
    let stage = Stage::microsoft().await;
    let (reaper, url) = Reaper::before(&stage.endpoint.url());
    stage.configure(&url);
    let (exit, seen) = given(&stage, "--refresh-token-stdin", &stage.provider.refresh_token("me"));
    assert_eq!(exit, Some(0), "{seen}");
    for round in 0..ROUNDS {
        // What was used must have been kept: the token that it was got for is dead. What nobody
        // has received is replaced by means of the old one, which Microsoft lets live a little.
        let (moment, uses) = match round % 4 {
            1 => (Moment::Answered, 1),
            3 => (Moment::Received, 1),
            _ => (Moment::Used, 0),
        };
        stage.provider.set_quirks(|quirks| quirks.old_refresh_uses = uses);
        reaper.killed(&stage, moment);
    }
    assert!(reaper.renewals.load(Ordering::Relaxed) >= ROUNDS as u32);
    let output = stage.calpair(&["calendars", "work"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let output = stage.calpair(&["accounts"]).output().unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).contains("ok"), "{output:?}");
    stage.provider.assert_unviolated();
}
