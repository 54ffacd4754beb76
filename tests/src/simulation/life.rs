//! Two users and their calendars: what people do, each act with a token that nobody else writes,
//! so that a checker can ask what became of it.

use std::time::Duration;

use model::{Field, Series, Side, Sides};
use sandbox::{Random, World};

use super::ground::{Ground, Hand};

/// A text that a user wrote; nobody else writes it.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) text: String,
    pub(super) side: Side,
    pub(super) field: Field,
}

/// The users of both sides.
pub(super) struct Users {
    random: Random,
    created: Vec<String>,
    pub(super) tokens: Vec<Token>,
}

/// Which UIDs users give to what they create.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Uids {
    /// New ones, and some that were used before or are used on the other side.
    Any,
    /// New ones only. On a server that takes a UID twice nothing can keep two apart that are
    /// made in the same moment; the pair ends with a problem that a person has to solve.
    New,
}

/// Properties that users type into.
const TYPED: [(&str, Field); 3] =
    [("SUMMARY", Field::Title), ("LOCATION", Field::Location), ("DESCRIPTION", Field::Description)];

impl Users {
    pub(super) fn new(seed: u64) -> Self {
        Self { random: Random::new(seed ^ 0x0dd), created: Vec::new(), tokens: Vec::new() }
    }

    /// One user does one thing.
    pub(super) fn act(&mut self, world: &World, grounds: &Sides<Ground>, uids_given: Uids) {
        // Nobody types in the second in which a program wrote.
        world.advance(Duration::from_secs(1));
        let side = *self.random.pick(&Side::BOTH);
        let user = grounds[side].user();
        let uids = user.uids();
        let act = if uids.is_empty() { 0 } else { self.random.below(12) };
        let uid = if uids.is_empty() { String::new() } else { self.random.pick(&uids).clone() };
        match act {
            0 | 1 => self.create(&user, side, grounds[side].mailbox().as_deref()),
            2..=5 => self.retype(&user, side, &uid),
            6 => self.move_it(&user, &uid),
            7 => self.cancel_occurrence(&user, &uid),
            8 => self.change_occurrence(&user, side, &uid),
            9 => user.delete(&uid),
            10 if uids_given == Uids::Any => {
                let here = grounds[side].held().into_iter().map(|held| held.raw);
                let mailbox = grounds[side].mailbox();
                self.create_again(&user, side, mailbox.as_deref(), &here.collect::<Vec<_>>());
            }
            _ => user.churn(&uid),
        }
    }

    fn token(&mut self, side: Side, field: Field) -> String {
        let text = format!("token{}end", self.tokens.len());
        self.tokens.push(Token { text: text.clone(), side, field });
        text
    }

    fn create(&mut self, user: &Hand, side: Side, mailbox: Option<&str>) {
        let uid = format!("event-{}@life", self.created.len());
        self.created.push(uid.clone());
        self.write_new(user, side, mailbox, &uid);
    }

    /// The same UID once more: an undone deletion, or an invitation that reached both sides.
    fn create_again(&mut self, user: &Hand, side: Side, mailbox: Option<&str>, here: &[Vec<u8>]) {
        let missing: Vec<String> = self
            .created
            .iter()
            .filter(|uid| !here.iter().any(|raw| origin(raw).as_deref() == Some(uid)))
            .cloned()
            .collect();
        if !missing.is_empty() {
            let uid = self.random.pick(&missing).clone();
            self.write_new(user, side, mailbox, &uid);
        }
    }

    /// Who is invited to a new event: mostly nobody; else somebody by the user, or the user by
    /// somebody.
    fn people(&mut self, mailbox: Option<&str>) -> String {
        let Some(own) = mailbox else { return String::new() };
        let other = "friend@example.org";
        let (organizer, guest) = match self.random.below(8) {
            0 => (own, other),
            1 => (other, own),
            _ => return String::new(),
        };
        format!("ORGANIZER:mailto:{organizer}\r\nATTENDEE:mailto:{guest}\r\n")
    }

    fn write_new(&mut self, user: &Hand, side: Side, mailbox: Option<&str>, uid: &str) {
        let text = self.token(side, Field::Title);
        let title = titled(uid, &text);
        let day = 1 + self.random.below(28);
        let rule = if self.random.chance(5000) { "RRULE:FREQ=DAILY;COUNT=9\r\n" } else { "" };
        let people = self.people(mailbox);
        let alarm = if self.random.chance(3000) {
            "BEGIN:VALARM\r\nACTION:DISPLAY\r\nTRIGGER:-PT15M\r\nDESCRIPTION:x\r\nEND:VALARM\r\n"
        } else {
            ""
        };
        let (start, end) = if self.random.chance(2000) {
            (format!(";VALUE=DATE:202602{day:02}"), format!(";VALUE=DATE:202603{day:02}"))
        } else {
            (format!(":202602{day:02}T090000Z"), format!(":202602{day:02}T100000Z"))
        };
        let is_done = user.create(&format!(
            "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//life//EN\r\nBEGIN:VEVENT\r\n\
             UID:{uid}\r\nDTSTAMP:20260101T000000Z\r\nDTSTART{start}\r\nDTEND{end}\r\n{rule}\
             SUMMARY:{title}\r\nURL:https://life.example/{uid}\r\n\
             X-KEPT:{uid}\r\n{people}{alarm}END:VEVENT\r\nEND:VCALENDAR\r\n"
        ));
        self.typed(is_done);
    }

    /// What could not be typed is written nowhere, and nobody misses it.
    fn typed(&mut self, is_done: bool) {
        if !is_done {
            self.tokens.pop();
        }
    }

    fn retype(&mut self, user: &Hand, side: Side, uid: &str) {
        let (property, field) = *self.random.pick(&TYPED);
        let text = self.token(side, field);
        let created = user.get(uid).and_then(|held| origin(&held.raw));
        let value = match (property, created) {
            ("SUMMARY", Some(created)) => titled(&created, &text),
            (_, _) => text,
        };
        let is_done = user.set(uid, property, &value);
        self.typed(is_done);
    }

    fn move_it(&mut self, user: &Hand, uid: &str) {
        let hour = self.random.below(24);
        user.edit(uid, |text| {
            // Only events with times and without exceptions, whose keys would have to move too.
            if text.contains("RECURRENCE-ID") || text.contains("EXDATE") {
                return text.to_owned();
            }
            let moved = text.split_inclusive("\r\n").map(|line| match line.split(':').next() {
                Some("DTSTART") => with_time(line, hour, 0),
                Some("DTEND") => with_time(line, hour, 30),
                _ => line.to_owned(),
            });
            moved.collect()
        });
    }

    fn cancel_occurrence(&mut self, user: &Hand, uid: &str) {
        let nth = self.random.below(9);
        user.edit(uid, |text| match occurrence(text, nth) {
            Some(at) if !text.contains(&at) => {
                insert_in_master(text, &format!("EXDATE{}\r\n", kind_of(&at)))
            }
            _ => text.to_owned(),
        });
    }

    fn change_occurrence(&mut self, user: &Hand, side: Side, uid: &str) {
        let nth = self.random.below(9);
        let Some(held) = user.get(uid) else { return };
        let before = String::from_utf8_lossy(&held.raw).into_owned();
        let Some(at) = occurrence(&before, nth) else { return };
        // Nobody's device writes a second override of one occurrence, or one that is cancelled.
        let is_excepted = ["RECURRENCE-ID", "EXDATE"]
            .into_iter()
            .any(|name| before.lines().any(|line| line.starts_with(name) && line.contains(&at)));
        if is_excepted {
            return;
        }
        let text = self.token(side, Field::Title);
        let title = titled(origin(&held.raw).as_deref().unwrap_or(uid), &text);
        let value = kind_of(&at);
        let is_done = user.edit(uid, |text| {
            let made = format!(
                "BEGIN:VEVENT\r\nUID:{uid}\r\nDTSTAMP:20260101T000000Z\r\n\
                 RECURRENCE-ID{value}\r\nDTSTART{value}\r\nDTEND{}\r\nSUMMARY:{title}\r\n\
                 END:VEVENT\r\n",
                later(&at)
            );
            text.replacen("END:VCALENDAR", &format!("{made}END:VCALENDAR"), 1)
        });
        self.typed(is_done);
    }
}

/// A title, with the UID that the event was created with before it: the UID of a copy can be
/// another one, and a title is what every provider can hold.
fn titled(uid: &str, text: &str) -> String {
    format!("{uid} {text}")
}

/// The UID that an event was created with: it stands in the title, unless a rule took that off.
pub(super) fn origin(raw: &[u8]) -> Option<String> {
    let series = ical::read(raw).ok()?;
    created(&series).map(str::to_owned)
}

/// The same, of a series.
pub(super) fn created(series: &Series) -> Option<&str> {
    let title = series.face()?.title.as_ref().map_or("", |title| title.expose().as_str());
    let mut known = title.split(' ').chain([series.uid.as_str()]);
    known.find(|word| word.ends_with("@life"))
}

/// A UTC date-time line with another time of day.
fn with_time(line: &str, hour: u64, minute: u64) -> String {
    match line.find(':') {
        Some(colon) => {
            let day: String = line[colon + 1..].chars().take(8).collect();
            format!("{}{day}T{hour:02}{minute:02}00Z\r\n", &line[..=colon])
        }
        None => line.to_owned(),
    }
}

/// The nth start of a daily series, as its text writes it.
fn occurrence(text: &str, nth: u64) -> Option<String> {
    if !text.contains("RRULE:") {
        return None;
    }
    let start = text.lines().find_map(|line| {
        line.strip_prefix("DTSTART:").or_else(|| line.strip_prefix("DTSTART;VALUE=DATE:"))
    })?;
    let (day, time) = start.trim_end().split_at_checked(8)?;
    let date = jiff::civil::Date::strptime("%Y%m%d", day).ok()?;
    let date = date.checked_add(jiff::Span::new().days(i64::try_from(nth).ok()?)).ok()?;
    Some(format!("{}{time}", date.strftime("%Y%m%d")))
}

/// A value with the parameter that its kind needs.
fn kind_of(value: &str) -> String {
    if value.len() == 8 { format!(";VALUE=DATE:{value}") } else { format!(":{value}") }
}

/// An end for an occurrence that starts at `value`.
fn later(value: &str) -> String {
    match value.split_once('T') {
        Some((day, _)) => format!(":{day}T235900Z"),
        None => {
            let date = jiff::civil::Date::strptime("%Y%m%d", value).unwrap_or_default();
            let next = date.checked_add(jiff::Span::new().days(1)).unwrap_or(date);
            format!(";VALUE=DATE:{}", next.strftime("%Y%m%d"))
        }
    }
}

fn insert_in_master(text: &str, line: &str) -> String {
    text.replacen("RRULE:", &format!("{line}RRULE:"), 1)
}
