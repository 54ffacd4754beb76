//! Real events between real servers: a few hundred calendar files that other projects test with
//! are put on one side, and the engine makes the sides the same.
//!
//! What is looked at is what the servers hold, read without calpair's code, and when it takes
//! place, computed by an expander that shares nothing with it (tests/servers/expand.py).

use std::collections::{BTreeMap, BTreeSet};

use calpair_tests::end::End;
use calpair_tests::environment::{corpus, variable};
use calpair_tests::expander::{self, Held, Said};
use calpair_tests::http::{Answer, NO_ANSWER};
use calpair_tests::losses::{self, Measured};
use calpair_tests::rig::Rig;
use calpair_tests::servers::{self, Server, say};
use calpair_tests::{text, wait};
use jiff::tz::TimeZone;
use model::{Event, Exception, Field, Series, Sides, Status, When};
use provider::Provider;
use store::ProblemRow;
use tokio::runtime::Runtime;

/// Events taken from one file: a few files hold a thousand of the same kind.
const PER_FILE: usize = 4;

/// What an edit of the title may change beside it.
const STAMPS: &[&str] = &["SUMMARY", "DTSTAMP", "LAST-MODIFIED", "SEQUENCE"];

/// Texts that break the standard in a way that the expander reads differently: the UID (or how it
/// begins) and how calpair reads it. What calpair then writes is in order, and so differs.
const DISPUTED: &[(&str, &str)] = &[
    ("1", "an extra period without times: the start alone counts"),
    ("2a358cee-6489-4f14-a57f-*", "begins floating, ends in Amsterdam: all of it floats"),
    ("D9182220", "an override of an occurrence that is excluded, too: it takes place"),
    ("PERSOYPOYGVR55*", "New Zealand by name, Central Europe by definition: the name counts"),
    ("RExample*", "a definition of US-Eastern without the rules since 2007: New York's count"),
    ("S9HZETRQne", "a time in UTC and in Berlin at once: UTC"),
    ("calsrv.example.com-873970198738701@*", "begins floating, ends in UTC: all of it floats"),
    ("calsrv.example.com-873970198738704@*", "begins floating, ends in UTC: all of it floats"),
    ("http://wiki.hamburg.ccc.de/*", "begins floating, ends in Berlin and UTC: all of it floats"),
    ("s7", "times that repeat until a day: that day included"),
    ("test-different-tz-until@*", "a rule in New York that ends at a floating time: New York's"),
];

/// How many events of the whole corpus come to be on both sides, at least: as many as were counted,
/// less what another version of a server may refuse. What is neither told nor synced fails anyway;
/// this is for the day on which nearly everything is told.
const SYNCED: &[(&str, &str, usize)] = &[
    ("radicale", "xandikos", 340),
    ("cyrus", "radicale", 310),
    ("davical", "xandikos", 355),
    ("icloud", "google", 260),
    ("icloud", "microsoft", 275),
    ("google", "microsoft", 200),
    ("icloud", "cyrus", 265),
];

/// Events that a server computes for minutes, answering nobody meanwhile: server and UID.
const ENDLESS: &[(&str, &str)] = &[("radicale", "h7"), ("davical", "h3")];

/// Every event of the corpus under a UID of its own: where it is from, and its text.
fn events() -> Vec<(String, Vec<u8>)> {
    let corpus = corpus();
    let whole = if corpus.is_whole { "the whole corpus" } else { "the project's own files" };
    say(&format!("events from {}, {whole}", corpus.folder.display()));
    let mut events = Vec::new();
    let mut taken = BTreeSet::new();
    for (file, bytes) in corpus.files() {
        for part in ical::split(&bytes).unwrap_or_default().into_iter().take(PER_FILE) {
            let uid = text::uid(&part);
            let part = match uid {
                Some(uid) if !taken.insert(uid.clone()) => {
                    let other = format!("{uid}-{}", events.len());
                    taken.insert(other.clone());
                    text::with_uid(&part, &other)
                }
                _ => part,
            };
            events.push((file.clone(), part));
        }
    }
    events
}

/// Puts the events on a side; those that are refused, and why.
fn import(end: &End, other: &End, events: &[(String, Vec<u8>)]) -> Vec<String> {
    let mut refused = Vec::new();
    for (at, (file, raw)) in events.iter().enumerate() {
        let uid = text::uid(raw).unwrap_or_default();
        let endless = |(name, endless): &&(&str, &str)| {
            (*name == end.name || *name == other.name) && *endless == uid
        };
        if let Some((name, _)) = ENDLESS.iter().find(endless) {
            refused.push(format!("{file}: kept from {name}, which computes it for minutes"));
            continue;
        }
        let answer: Answer = end.put(&format!("corpus-{at}.ics"), raw);
        if !(200..300).contains(&answer.status) {
            refused.push(format!("{file}: {}", answer.reason()));
        }
        if answer.status == NO_ANSWER {
            end.restart();
        }
    }
    refused
}

/// What the expander says about two texts of one event.
#[derive(Default)]
struct Compared {
    occurrences: u64,
    unequal: Vec<String>,
    unsure: Vec<String>,
    lost: BTreeMap<&'static str, u64>,
}

fn compare(expander: &str, left: &Held, right: &Held, zone: Option<&str>, loss: Loss) -> Compared {
    let mut compared = Compared::default();
    for said in expander::compare(expander, left, right, zone) {
        match said {
            Said::Equal(count) => compared.occurrences += count,
            Said::Unequal { uid, line } => {
                let lost = left.get(&uid).and_then(|raw| loss(raw));
                match (disputed(&uid), lost) {
                    (Some(reading), _) => compared.unsure.push(format!("{line} {reading}")),
                    (None, Some(words)) => *compared.lost.entry(words).or_default() += 1,
                    (None, None) => compared.unequal.push(line),
                }
            }
            Said::Unsure(line) => compared.unsure.push(line),
        }
    }
    compared
}

/// Why an event can't take place at Google as it does elsewhere; docs/google.md counts them.
fn lost_at_google(raw: &[u8]) -> Option<&'static str> {
    let series = ical::read(raw).ok()?;
    let overrides = series.exceptions.values().filter_map(|exception| match exception {
        Exception::Override(event) => Some(&**event),
        Exception::Cancelled => None,
    });
    let instant = |when: &When| ical::instant(when, &TimeZone::UTC);
    let events: Vec<&Event> = series.master.iter().chain(overrides).collect();
    if series.recurrence.extras.iter().any(|extra| extra.end.is_some()) {
        Some("an extra occurrence with a length of its own: the length of the others")
    } else if events.iter().any(|event| instant(&event.start) == instant(&event.end)) {
        Some("no length: a minute")
    } else if events.iter().any(|event| matches!(event.start, When::Floating(_))) {
        Some("floating: the calendar's zone")
    } else if events.iter().any(|event| event.status == Status::Cancelled) {
        Some("cancelled: tentative")
    } else {
        None
    }
}

/// Why an event can't take place at Microsoft as it does elsewhere, or under its whole title.
fn lost_at_microsoft(raw: &[u8]) -> Option<&'static str> {
    let series = ical::read(raw).ok()?;
    let overrides = series.exceptions.values().filter_map(|exception| match exception {
        Exception::Override(event) => Some(&**event),
        Exception::Cancelled => None,
    });
    let events: Vec<&Event> = series.master.iter().chain(overrides).collect();
    let length = |event: &Event| {
        event.title.as_ref().map_or(0, |title| title.expose().encode_utf16().count())
    };
    if events.iter().any(|event| event.status == Status::Cancelled) {
        Some("cancelled: not shown")
    } else if events.iter().any(|event| length(event) > LONGEST_SUBJECT) {
        Some("a title beyond 255 characters: its beginning")
    } else {
        None
    }
}

/// The longest title that Exchange keeps.
const LONGEST_SUBJECT: usize = 255;

/// What a side can't hold of when an event takes place, by the event's text on the other side.
type Loss = fn(&[u8]) -> Option<&'static str>;

fn disputed(uid: &str) -> Option<&'static str> {
    let found = DISPUTED.iter().find(|(name, _)| match name.strip_suffix('*') {
        Some(begins) => uid.starts_with(begins),
        None => uid == *name,
    });
    found.map(|(_, reading)| *reading)
}

/// Texts only.
fn held(by_uid: &BTreeMap<String, (String, Vec<u8>)>) -> Held {
    by_uid.iter().map(|(uid, (_, raw))| (uid.clone(), raw.clone())).collect()
}

fn listed(title: &str, lines: &[String]) {
    say(&format!("  {}: {title}", lines.len()));
    lines.iter().for_each(|line| say(&format!("      {line}")));
}

/// Imports into the left side, and holds the pair to everything that it promises. `None` where the
/// expander is missing.
fn the_same(runtime: &Runtime, mut left: End, mut right: End, loss: Loss) -> Option<Measured> {
    let Some(expander) = variable("CALPAIR_EXPANDER") else {
        servers::skip("expander");
        return None;
    };
    let events = events();
    let (refused, importing) = wait::timed(|| import(&left, &right, &events));
    let accounts = Sides::new(left.account(), right.account());
    let provider = accounts.right.provider();
    let rig = Rig::new(accounts);
    let (rest, syncing) = wait::timed(|| runtime.block_on(rig.rest()));
    say(&format!(
        "{} ↔ {}: {} events, {} refused by {}, import {:.1} s; {} cycles in {:.1} s, writes {:?}, \
         requests {} and {}",
        left.name,
        right.name,
        events.len(),
        refused.len(),
        left.name,
        importing.as_secs_f64(),
        rest.cycles,
        syncing.as_secs_f64(),
        rest.writes,
        rest.requests.left,
        rest.requests.right,
    ));
    listed("refused, with the server's reason", &refused);
    let problems = rig.problems();
    let told: Vec<String> = problems
        .iter()
        .map(|problem| format!("{} {}: {}", problem.uid, problem.side, problem.reason))
        .collect();
    listed("problems", &told);
    assert!(rest.writes[1..].iter().all(|writes| *writes == 0), "a later cycle writes");

    let before = Sides::new(left.by_uid(), right.by_uid());
    complete(&before, &problems, &left, &right);
    let mut measured = Measured::default();
    for field in Field::ALL.into_iter().filter(|field| !provider.fields().contains(*field)) {
        let having = before.left.values().filter(|(_, raw)| has(raw, field)).count();
        say(&format!("  {having} have {field}, which stays on the left"));
        measured.left_out.insert(field, having as u64);
    }
    told_of(&*provider, &before, left.reads_otherwise(), &mut measured);
    for problem in &problems {
        let is_unread = problem.reason.starts_with("it can't be read");
        let why = if is_unread { losses::UNREAD } else { problem.reason.as_str() };
        *measured.refused.entry(why.to_owned()).or_default() += 1;
    }
    let unsure = equal(&expander, &before, right.zone(), loss, &mut measured);
    listed("disputed, or beyond the expander", &unsure);
    quiet(runtime, &rig, &left, &right);
    edited(runtime, &rig, &left, &right);
    // A meeting whose people would be told of the edit stays as it is, and is told.
    let told: BTreeSet<String> =
        rig.problems().iter().map(|problem| problem.uid.as_str().replace('\\', "")).collect();
    let mut after = Sides::new(left.by_uid(), right.by_uid());
    after.left.retain(|uid, _| !told.contains(uid));
    equal(&expander, &after, right.zone(), loss, &mut Measured::default());
    quiet(runtime, &rig, &left, &right);
    Some(measured)
}

/// Everything on the left is on the right or a problem, and nothing else is there.
fn complete(
    before: &Sides<BTreeMap<String, (String, Vec<u8>)>>,
    problems: &[ProblemRow],
    left: &End,
    right: &End,
) {
    let excused: BTreeSet<String> =
        problems.iter().map(|problem| problem.uid.as_str().replace('\\', "")).collect();
    let missing: Vec<&String> = before
        .left
        .keys()
        .filter(|uid| !before.right.contains_key(*uid) && !excused.contains(*uid))
        .filter(|uid| right.tells(uid))
        .collect();
    assert!(missing.is_empty(), "neither on the other side nor a problem: {missing:?}");
    let untold = before.left.keys().filter(|uid| !right.tells(uid)).count();
    let invented: Vec<&String> =
        before.right.keys().filter(|uid| !before.left.contains_key(*uid)).collect();
    assert!(invented.len() <= untold, "only on the other side: {invented:?}");
    if corpus().is_whole {
        let synced = before.left.keys().filter(|uid| before.right.contains_key(*uid)).count();
        let pair = (left.name, right.name);
        let counted = SYNCED.iter().find(|(one, other, _)| (*one, *other) == pair);
        let (.., floor) = counted.expect("every pair was counted");
        assert!(synced >= *floor, "only {synced} events are on both sides");
    }
}

/// Nothing of an event is otherwise on the right without a word in `explain`.
fn told_of(
    provider: &dyn Provider,
    sides: &Sides<BTreeMap<String, (String, Vec<u8>)>>,
    aside: Option<Field>,
    measured: &mut Measured,
) {
    measured.events = Sides::new(sides.left.len() as u64, sides.right.len() as u64);
    let mut untold = Vec::new();
    for (uid, (_, original)) in &sides.left {
        let Some((_, copy)) = sides.right.get(uid) else { continue };
        let Some(losses) = losses::between(provider, original, copy, aside) else { continue };
        for words in losses.said {
            *measured.said.entry(words).or_default() += 1;
        }
        untold.extend(losses.untold.iter().map(|field| format!("{uid}: {field}")));
    }
    for (words, count) in &measured.said {
        say(&format!("  of {count} it is told: {words}"));
    }
    assert!(untold.is_empty(), "otherwise without a word:\n{}", untold.join("\n"));
}

/// Whether an event says anything in a field.
fn has(raw: &[u8], field: Field) -> bool {
    let series = ical::read(raw).ok();
    let face = series.as_ref().and_then(Series::face);
    face.is_some_and(|event| {
        let blank = Event::new(event.start.clone(), event.end.clone());
        !event.same(&blank, field)
    })
}

/// Both sides take place at the same times; what nobody can say that of.
fn equal(
    expander: &str,
    sides: &Sides<BTreeMap<String, (String, Vec<u8>)>>,
    zone: Option<&str>,
    loss: Loss,
    measured: &mut Measured,
) -> Vec<String> {
    let (left, right) = (held(&sides.left), held(&sides.right));
    let (compared, took) = wait::timed(|| compare(expander, &left, &right, zone, loss));
    say(&format!(
        "  {} and {} series, {} occurrences in ten years the same, {} differ ({:.1} s)",
        sides.left.len(),
        sides.right.len(),
        compared.occurrences,
        compared.unequal.len(),
        took.as_secs_f64(),
    ));
    for (words, count) in &compared.lost {
        say(&format!("  {count} can't take place the same: {words}"));
    }
    assert!(compared.unequal.is_empty(), "{}", compared.unequal.join("\n"));
    // An expander that stumbles over everything finds nothing unequal, either.
    let unsure = compared.unsure.len();
    assert!(unsure * 5 <= left.len(), "{unsure} of {} series could not be compared", left.len());
    assert!(compared.occurrences as usize > left.len(), "{} occurrences", compared.occurrences);
    (measured.occurrences, measured.lost) = (compared.occurrences, compared.lost);
    compared.unsure
}

/// Two more cycles change nothing.
fn quiet(runtime: &Runtime, rig: &Rig, left: &End, right: &End) {
    let before = (left.print(), right.print());
    for _ in 0..2 {
        let attended = runtime.block_on(rig.cycle());
        let report = attended.report.expect("a cycle");
        let written = report.written.left.total() + report.written.right.total();
        assert_eq!(written, 0, "a quiet cycle writes");
        let Sides { left, right } = report.requests;
        say(&format!("  a quiet cycle: {left} and {right} requests, {:?}", report.outcome));
    }
    assert!(before == (left.print(), right.print()), "a quiet cycle changes something");
}

/// Another title for everything on the right; on the left nothing else may change.
fn edited(runtime: &Runtime, rig: &Rig, left: &End, right: &End) {
    let before = left.by_uid();
    let mut edits = BTreeMap::new();
    let mut refused = Vec::new();
    let mut parts = BTreeSet::new();
    // A copy that can't say what it is a copy of is left alone.
    let told = right.by_uid().into_iter().filter(|(uid, _)| before.contains_key(uid));
    for (at, (uid, (name, raw))) in told.enumerate() {
        let title = format!("Edited {at}");
        if text::is_in_parts(&raw) {
            parts.insert(uid.clone());
        }
        let answer = right.put(&name, &text::with_title(&raw, &title));
        if (200..300).contains(&answer.status) {
            edits.insert(uid, title);
        } else {
            refused.push(format!("{uid}: {}", answer.reason()));
        }
    }
    let (rest, took) = wait::timed(|| runtime.block_on(rig.rest()));
    say(&format!(
        "  {} titles edited on {}: {:?} writes, {:.1} s",
        edits.len(),
        right.name,
        rest.writes,
        took.as_secs_f64()
    ));
    listed("edits refused, with the server's reason", &refused);
    let after = left.by_uid();
    let problems: BTreeSet<String> =
        rig.problems().iter().map(|problem| problem.uid.as_str().replace('\\', "")).collect();
    let mut wrong = Vec::new();
    for (uid, title) in edits.iter().filter(|(uid, _)| !problems.contains(*uid)) {
        let (Some((name, old)), Some((_, new))) = (before.get(uid), after.get(uid)) else {
            wrong.push(format!("{uid} is gone"));
            continue;
        };
        let wanted = format!("SUMMARY:{title}").into_bytes();
        if !text::lines(new).contains(&wanted) {
            wrong.push(format!("{uid} has not got its title"));
        }
        let (was, is) = (census(old), census(new));
        if parts.contains(uid) {
            // One of the events that stand for a series was edited: that is one occurrence more.
            let lost: Vec<_> =
                was.iter().filter(|(line, many)| is.get(*line) < Some(many)).collect();
            if !lost.is_empty() {
                wrong.push(format!("{uid} has lost {lost:?}"));
            }
        } else if was != is {
            wrong.extend(drift(left, name, uid, old, new, title));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let crossed = edits.keys().filter(|uid| !problems.contains(*uid)).count();
    say(&format!("  {crossed} of {} edits are on the other side", edits.len() + refused.len()));
    assert!(
        edits.len() * 2 > before.len(),
        "most can be edited: {} of {}",
        edits.len(),
        before.len()
    );
    // What is missing are meetings: iCloud would write to their guests.
    let least = (edits.len() + refused.len()) * 4 / 5;
    assert!(crossed >= least, "only {crossed} edits crossed, of {least} at least");
}

/// The lines of a text that mean something: a single date that says the start again goes with the
/// next write.
fn census(raw: &[u8]) -> BTreeMap<Vec<u8>, usize> {
    let mut census = text::census(raw, STAMPS);
    if ical::read(raw).is_ok_and(|series| series.recurrence.extras.is_empty()) {
        census.retain(|line, _| text::name(line) != "RDATE");
    }
    census
}

/// What changed beside the title, unless the server itself changes it when anybody edits the title.
fn drift(end: &End, name: &str, uid: &str, old: &[u8], new: &[u8], title: &str) -> Option<String> {
    let (old_lines, new_lines) = (text::census(old, STAMPS), text::census(new, STAMPS));
    let control = format!("control-{name}");
    let own = text::with_uid(&text::with_title(old, title), &format!("control-{uid}"));
    let answer = end.put(&control, &own);
    let by_itself = end.get(&control);
    end.delete(&control);
    let without: Vec<&str> = STAMPS.iter().copied().chain(["UID"]).collect();
    if by_itself.is_some_and(|raw| text::census(&raw, &without) == text::census(new, &without)) {
        say(&format!("      the server's own: {uid}"));
        return None;
    }
    let lost: Vec<_> = old_lines.keys().filter(|line| !new_lines.contains_key(*line)).collect();
    let made: Vec<_> = new_lines.keys().filter(|line| !old_lines.contains_key(*line)).collect();
    let show = |lines: &[&Vec<u8>]| {
        lines.iter().map(|line| String::from_utf8_lossy(line).into_owned()).collect::<Vec<_>>()
    };
    Some(format!("{uid} ({}): lost {:?}, made {:?}", answer.status, show(&lost), show(&made)))
}

/// A server that holds every event as it is.
fn nothing(_: &[u8]) -> Option<&'static str> {
    None
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime")
}

#[test]
fn radicale_and_xandikos() {
    let Some(left) = End::real("radicale", Server::alice) else { return };
    let Some(right) = End::real("xandikos", Server::alice) else { return };
    drop(the_same(&runtime(), left, right, nothing));
}

#[test]
fn cyrus_and_radicale() {
    let Some(left) = End::real("cyrus", Server::alice) else { return };
    let Some(right) = End::real("radicale", Server::bob) else { return };
    drop(the_same(&runtime(), left, right, nothing));
}

#[test]
fn davical_and_xandikos() {
    let Some(left) = End::real("davical", Server::alice) else { return };
    let Some(right) = End::real("xandikos", Server::alice) else { return };
    drop(the_same(&runtime(), left, right, nothing));
}

#[test]
fn icloud_and_google() {
    let runtime = runtime();
    let left = runtime.block_on(End::icloud());
    let measured = the_same(&runtime, left, End::google(), lost_at_google);
    if let Some(measured) = measured {
        measured.assert_counted("google.md", losses::AT_GOOGLE);
    }
}

#[test]
fn icloud_and_microsoft() {
    let runtime = runtime();
    let left = runtime.block_on(End::icloud());
    let measured = the_same(&runtime, left, End::microsoft(), lost_at_microsoft);
    if let Some(measured) = measured {
        measured.assert_counted("microsoft.md", losses::AT_MICROSOFT);
    }
}

#[test]
fn google_and_microsoft() {
    let measured = the_same(&runtime(), End::google(), End::microsoft(), lost_at_microsoft);
    if let Some(measured) = measured {
        measured.assert_counted("google-and-microsoft.md", losses::AT_MICROSOFT);
    }
}

#[test]
fn icloud_and_cyrus() {
    let Some(right) = End::real("cyrus", Server::bob) else { return };
    let runtime = runtime();
    let left = runtime.block_on(End::icloud());
    drop(the_same(&runtime, left, right, nothing));
}
