//! A client of the simplest kind: it keeps a copy by sync tokens, and asks for a whole series by
//! its iCalUID when something of it changed. Whatever people and programs do, the copy is right.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{Bench, hour, weekly};
use crate::Random;
use crate::google::OnMove;

#[derive(Default)]
struct Replica {
    token: String,
    /// By id; tombstones of single events and series are not kept.
    rows: BTreeMap<String, Value>,
}

/// The master that a row belongs to: itself, or what its id begins with.
fn master(id: &str) -> &str {
    crate::google::recurrence::split_id(id).map_or(id, |(master, _)| master)
}

impl Replica {
    fn sync(&mut self, bench: &Bench, expected: &mut u32) {
        let query = match self.token.as_str() {
            "" => "maxResults=3".to_owned(),
            token => format!("maxResults=3&syncToken={token}"),
        };
        let page = bench.list(&query);
        if page.status == 410 {
            *expected += 1;
            *self = Self::default();
            return self.sync(bench, expected);
        }
        assert_eq!(page.status, 200, "{page:?}");
        self.token = page.token();
        let touched: BTreeSet<String> = page.ids().iter().map(|id| master(id).to_owned()).collect();
        for id in touched {
            self.rows.retain(|other, _| master(other) != id);
            let one = bench.get(&format!("/{id}"));
            if one.body["status"] == "cancelled" || one.status == 404 {
                continue;
            }
            let uid = one.body["iCalUID"].as_str().unwrap().replace('@', "%40");
            let all = bench.list(&format!("iCalUID={uid}&showDeleted=true"));
            for item in all.body["items"].as_array().unwrap() {
                let id = item["id"].as_str().unwrap().to_owned();
                self.rows.insert(id, bench.get(&format!("/{}", item["id"].as_str().unwrap())).body);
            }
        }
    }
}

/// Somebody does something.
fn act(bench: &Bench, random: &mut Random, count: u64) {
    let user = bench.google.user(&bench.calendar);
    let rows = bench.google.rows(&bench.calendar);
    let live: Vec<&Value> = rows.iter().filter(|row| row["status"] != "cancelled").collect();
    let some = if live.is_empty() { &Value::Null } else { random.pick(&live) };
    let (id, uid) = (some["id"].as_str().unwrap_or("none"), some["iCalUID"].as_str());
    let uid = uid.unwrap_or("none");
    let day = *random.pick(&["0302", "0309", "0316", "0323"]);
    let original = format!("2026{day}T080000Z");
    let title = json!({"summary": format!("title {count}")});
    match random.below(11) {
        0 => drop(bench.insert(&hour(&format!("single{count}")))),
        1 => drop(bench.insert(&weekly(&format!("series{count}")))),
        2 => drop(bench.patch(id, &title)),
        3 => drop(bench.delete(id)),
        4 => drop(bench.patch(&format!("{id}_{original}"), &title)),
        5 => drop(bench.delete(&format!("{id}_{original}"))),
        6 => drop(bench.patch(&format!("{id}_{original}"), &json!({"status": "confirmed"}))),
        7 => drop(user.split(uid, &original, "split")),
        8 => drop(user.set(uid, "SUMMARY", "typed")),
        9 => drop(bench.patch(
            id,
            &json!({
                "start": {"dateTime": "2026-03-02T10:00:00+01:00"},
                "end": {"dateTime": "2026-03-02T11:00:00+01:00"},
            }),
        )),
        _ => drop(user.delete(uid)),
    }
}

#[test]
fn a_copy_by_tokens_stays_right() {
    let mut expired = 0;
    for seed in 0..20 {
        let mut random = Random::new(seed);
        let bench = Bench::new();
        bench.google.set_quirks(|quirks| {
            quirks.token_uses = Some(2);
            quirks.on_move = *random.pick(&[OnMove::Stale, OnMove::Reset]);
        });
        let mut replica = Replica::default();
        for count in 0..40 {
            act(&bench, &mut random, count);
            if random.chance(4000) {
                replica.sync(&bench, &mut expired);
            }
            if random.chance(500) {
                bench.google.expire_tokens(&bench.calendar);
            }
        }
        replica.sync(&bench, &mut expired);
        let live = |row: &Value| row["status"] != "cancelled" || !row["recurringEventId"].is_null();
        let rows = bench.google.rows(&bench.calendar);
        let wanted: BTreeMap<&str, &str> = rows
            .iter()
            .filter(|row| live(row))
            .map(|row| (row["id"].as_str().unwrap(), row["etag"].as_str().unwrap()))
            .collect();
        let held: BTreeMap<&str, &str> = replica
            .rows
            .iter()
            .map(|(id, row)| (id.as_str(), row["etag"].as_str().unwrap()))
            .collect();
        assert_eq!(held, wanted, "seed {seed}");
        for held in bench.google.held(&bench.calendar) {
            assert!(ical::read(&held.raw).is_ok(), "seed {seed}");
        }
        bench.google.assert_unviolated();
    }
    assert!(expired > 5);
}
