//! The program is killed at every durable or network system call of a cycle with a create, an edit
//! and a delete each way, and started again: one copy of everything, both sides the same, the
//! database whole.
//!
//! A run of the tests samples the calls; `cargo xtask crash` tries every one (`CALPAIR_CRASH=all`).
//! `CALPAIR_CRASH_INJECT=error=ENOSPC` fails the call in place of killing. Needs strace.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

use calpair_tests::environment::variable;
use calpair_tests::http::Collection;
use calpair_tests::program::{Home, Login, start};
use calpair_tests::servers::{self, Account, say};
use calpair_tests::stage::Stage;
use calpair_tests::{text, wait};
use engine::Clock as _;
use model::{PairName, Side, Sides};
use sandbox::dav::Profile;
use store::Store;

/// What reaches a disk or another machine, and the reading of its answers.
const CALLS: &str = "write,writev,pwrite64,pwritev,fsync,fdatasync,ftruncate,rename,renameat,\
                     renameat2,unlink,unlinkat,mkdir,connect,sendto,sendmsg,recvfrom,recvmsg";

/// Calls tried in a usual run of the tests, spread over the cycle.
const SAMPLES: usize = 12;

/// A traced command that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// Runs after which a killed cycle is made up for; each is an operator who tries again.
const RECOVERIES: usize = 4;

/// Calendars that can be filled, changed and looked at behind the program's back.
trait Ground {
    /// Empty calendars, and how they are reached.
    fn fresh(&mut self) -> Sides<Login>;
    fn put(&self, side: Side, name: &str, raw: &str);
    fn delete(&self, side: Side, name: &str);
    /// Everything, by name.
    fn held(&self, side: Side) -> BTreeMap<String, Vec<u8>>;
}

struct Simulated(Stage);

impl Simulated {
    fn new() -> Self {
        Self(Stage::new(Sides::new(Profile::icloud(), Profile::plain())))
    }
}

impl Ground for Simulated {
    fn fresh(&mut self) -> Sides<Login> {
        *self = Self::new();
        self.0.logins()
    }

    fn put(&self, side: Side, name: &str, raw: &str) {
        self.0.user(side).put(name, raw.as_bytes());
    }

    fn delete(&self, side: Side, name: &str) {
        let held = self.0.world.held(self.0.calendar(side));
        let uid = held.into_iter().find(|held| held.id == name).map(|held| held.uid);
        self.0.user(side).delete(&uid.expect("it is there"));
    }

    fn held(&self, side: Side) -> BTreeMap<String, Vec<u8>> {
        let held = self.0.world.held(self.0.calendar(side));
        held.into_iter().map(|held| (held.id, held.raw)).collect()
    }
}

struct Real(Sides<Account>);

impl Real {
    fn door(&self, side: Side) -> Collection {
        self.0[side].collection()
    }
}

impl Ground for Real {
    fn fresh(&mut self) -> Sides<Login> {
        for side in Side::BOTH {
            let door = self.door(side);
            door.versions().keys().for_each(|name| drop(door.delete(name)));
        }
        Sides::from_fn(|side| Login {
            provider: "caldav",
            url: self.0[side].origin().to_owned(),
            user: self.0[side].user.clone(),
            password: self.0[side].password.clone(),
            calendar: self.0[side].calendar.clone(),
        })
    }

    fn put(&self, side: Side, name: &str, raw: &str) {
        let answer = self.door(side).put(name, raw.as_bytes());
        assert!((200..300).contains(&answer.status), "{name}: {}", answer.reason());
    }

    fn delete(&self, side: Side, name: &str) {
        let answer = self.door(side).delete(name);
        assert!((200..300).contains(&answer.status), "{name}: {}", answer.reason());
    }

    fn held(&self, side: Side) -> BTreeMap<String, Vec<u8>> {
        let door = self.door(side);
        let names = door.versions().into_keys();
        names.filter_map(|name| Some((name.clone(), door.get(&name)?))).collect()
    }
}

/// An event whose UID no other try has had: a server may remember those of deleted ones.
fn event(uid: &str, title: &str) -> String {
    let start = "2026-11-02T09:00:00Z".parse().expect("an instant");
    sandbox::seed::hour(uid, title, start, "FREQ=WEEKLY;COUNT=5")
}

/// One try: a pair in sync, changes on both sides, and what must come of them.
struct Try {
    home: Home,
    wanted: BTreeMap<String, String>,
}

impl Try {
    fn prepare(ground: &mut dyn Ground, number: usize) -> Self {
        let home = Home::new(ground.fresh(), "");
        let uid = |name: &str| format!("{name}-{number}");
        for name in ["edited-left", "edited-right", "deleted-left", "deleted-right", "kept"] {
            ground.put(Side::Left, &format!("{name}.ics"), &event(&uid(name), name));
        }
        home.connect_both();
        let first = home.run(&["sync"]);
        assert_eq!(first.code, Some(0), "{first:?}");
        for (side, other) in [(Side::Left, Side::Right), (Side::Right, Side::Left)] {
            let named = |ground: &dyn Ground, name: &str| {
                let held = ground.held(side).into_iter();
                let mut found = held.filter(|(_, raw)| text::uid(raw) == Some(uid(name)));
                found.next().expect("the first sync made it").0
            };
            let (edited, deleted) = (format!("edited-{side}"), format!("deleted-{side}"));
            let name = named(ground, &edited);
            let title = format!("changed on {side}");
            ground.put(side, &name, &event(&uid(&edited), &title));
            ground.delete(side, &named(ground, &deleted));
            let created = format!("created-{side}");
            ground.put(side, &format!("{created}.ics"), &event(&uid(&created), &created));
            assert_ne!(side, other);
        }
        let wanted = [
            ("kept", "kept"),
            ("edited-left", "changed on left"),
            ("edited-right", "changed on right"),
            ("created-left", "created-left"),
            ("created-right", "created-right"),
        ];
        let wanted = wanted.map(|(name, title)| (uid(name), title.to_owned())).into();
        Self { home, wanted }
    }

    /// A sync whose `at`th call of that name is hit: whether it came to its end without it.
    /// (strace counts each system call by itself, also where it is given a list of them.)
    fn hit(&self, call: &str, at: usize, inject: &str) -> bool {
        let trace = format!("trace={call}");
        let inject = format!("inject={call}:{inject}:when={at}");
        let before = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", &trace, "-e", &inject];
        let ended = start(self.home.wrapped(&before, &["sync"]), "").end(PATIENCE);
        let fails_itself = ended.code == Some(1) && ended.stderr.starts_with("strace:");
        assert!(!fails_itself, "{}", ended.stderr);
        ended.code == Some(0)
    }

    /// The calls that a sync makes that nobody disturbs, each with its number among its like.
    fn calls(&self) -> Vec<(String, usize)> {
        let log = self.home.state().with_file_name("trace");
        let trace = format!("trace={CALLS}");
        let path = log.display().to_string();
        let before = ["strace", "-f", "-qq", "-o", &path, "-e", &trace];
        let ended = start(self.home.wrapped(&before, &["sync"]), "").end(PATIENCE);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let log = std::fs::read_to_string(log).expect("strace writes its log");
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        let names = log.lines().filter(|line| !line.contains("resumed>"));
        names
            .filter_map(|line| line.split_once('(')?.0.split_whitespace().last())
            .map(|name| {
                let count = counts.entry(name).or_default();
                *count += 1;
                (name.to_owned(), *count)
            })
            .collect()
    }

    /// Starts it again as an operator does, and says what is wrong after that.
    fn recovered(&self, ground: &dyn Ground) -> Result<(), String> {
        let mut last = None;
        let in_sync = (0..RECOVERIES).any(|_| {
            let ended = self.home.run(&["sync", "--json"]);
            let fine = ended.code == Some(0) && ended.json()["pairs"][0]["outcome"] == "in-sync";
            last = Some(ended);
            fine
        });
        if !in_sync {
            return Err(format!("not in sync after {RECOVERIES} runs: {last:?}"));
        }
        for side in Side::BOTH {
            let held = ground.held(side);
            let mut found = Vec::new();
            for raw in held.values() {
                let lines = text::lines(raw);
                let title = lines.iter().find(|line| text::name(line) == "SUMMARY");
                let title = title.map(|line| String::from_utf8_lossy(&line[8..]).into_owned());
                found.push((text::uid(raw).unwrap_or_default(), title.unwrap_or_default()));
            }
            found.sort();
            let wanted: Vec<_> = self.wanted.clone().into_iter().collect();
            if found != wanted {
                return Err(format!("{side} holds {found:?}"));
            }
        }
        let store = Store::open(&self.home.state(), calpair_tests::rig::RealClock.now());
        let store = store.map_err(|error| format!("the database: {error}"))?;
        let wrong = store.integrity().map_err(|error| error.to_string())?;
        let pair = store.pair(&PairName::new("p")).ok().flatten().ok_or("the pair is gone")?;
        let open = store.open_intents(pair.id).map_err(|error| error.to_string())?.len();
        match (wrong.is_empty(), open) {
            (true, 0) => Ok(()),
            _ => Err(format!("the database: {wrong:?}, {open} intents are open")),
        }
    }
}

/// Tries calls of the cycle, all or some.
fn survives(ground: &mut dyn Ground) {
    if Command::new("strace").arg("-V").output().is_err() {
        return servers::skip("strace");
    }
    let all = variable("CALPAIR_CRASH").is_some_and(|asked| asked == "all");
    let inject = variable("CALPAIR_CRASH_INJECT").unwrap_or_else(|| "signal=KILL".to_owned());
    let calls = Try::prepare(ground, 0).calls();
    let step = if all { 1 } else { (calls.len() / SAMPLES).max(1) };
    let mut wrong = Vec::new();
    let mut hits: BTreeMap<&str, usize> = BTreeMap::new();
    let mut missed = 0;
    let ((), took) = wait::timed(|| {
        for (number, (call, at)) in calls.iter().enumerate().step_by(step) {
            let attempt = Try::prepare(ground, number + 1);
            // One run has a few calls less than the next.
            match attempt.hit(call, *at, &inject) {
                true => missed += 1,
                false => *hits.entry(call).or_default() += 1,
            }
            if let Err(reason) = attempt.recovered(ground) {
                wrong.push(format!("{call} {at}: {reason}"));
            }
        }
    });
    say(&format!(
        "{} calls in the cycle, {} hit with {inject} ({hits:?}), {missed} not met again, {} went \
         wrong, {:.0} s",
        calls.len(),
        hits.values().sum::<usize>(),
        wrong.len(),
        took.as_secs_f64()
    ));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(missed <= hits.values().sum::<usize>(), "most calls were never hit");
}

#[test]
fn simulated_servers() {
    survives(&mut Simulated::new());
}

#[test]
fn radicale_and_xandikos() {
    let Some(left) = servers::start("radicale") else { return };
    let Some(right) = servers::start("xandikos") else { return };
    survives(&mut Real(Sides::new(left.alice(), right.alice())));
}
