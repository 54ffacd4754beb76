//! The checkers. Each looks at the world (and at history, where a loser is kept), never at the
//! engine's own opinion.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::tz::TimeZone;
use model::{Event, Exception, Field, Redacted, Series, Side, Sides, Status, Timestamp};
use sandbox::{Author, Deed, Held, MAILS, UNACCEPTED};
use store::ProblemRow;

use super::Stage;
use super::life::{Token, Users, created, origin};
use crate::text;

/// What a checker found.
#[derive(Debug)]
pub struct Found(String);

impl Found {
    pub(super) fn new(sentence: impl Into<String>) -> Self {
        Self(sentence.into())
    }

    pub(super) fn store(error: store::Error) -> Self {
        Self(format!("the store failed: {error}"))
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How many occurrences a series of a life has at most; none is endless.
const MOST: usize = 1000;

/// What an edit in the middle of a write adds to a title.
const MEANWHILE: &str = "edited meanwhile";

/// How many history rows a life can have at most.
const HISTORY: usize = 100_000;

/// True at every moment: nothing is there twice, nobody got mail.
pub(super) fn always(stage: &Stage) -> Result<(), Found> {
    stage.world.assert_no_mail();
    for side in Side::BOTH {
        stage.grounds[side].assert_unviolated();
        for (kept, texts) in by_origin(stage, side) {
            // A series may stand there as single events, one for each occurrence.
            let slots: BTreeSet<Option<String>> = texts.iter().map(|raw| text::slot(raw)).collect();
            if texts.len() > slots.len() {
                return Err(Found(format!("{kept} is on {side} {} times", texts.len())));
            }
        }
    }
    Ok(())
}

/// True when a pair is at rest: both sides mean the same, but for meetings of whose change people
/// would have been told and which are said to stay apart for it, and nothing that a user wrote is
/// lost.
pub(super) fn at_rest(stage: &Stage, users: &Users) -> Result<(), Found> {
    converged(stage)?;
    nothing_lost(stage, users)?;
    fairly_overruled(stage, users)?;
    deleted_for_a_reason(stage)?;
    edits_beat_deletions(stage, users)
}

/// The resources of a side by the event that a user once created, whatever became of its UID.
fn by_origin(stage: &Stage, side: Side) -> BTreeMap<String, Vec<Vec<u8>>> {
    let mut all: BTreeMap<String, Vec<Vec<u8>>> = BTreeMap::new();
    for held in stage.grounds[side].held() {
        all.entry(origin(&held.raw).unwrap_or(held.uid)).or_default().push(held.raw);
    }
    all
}

/// The events that stay apart, as users created them: what is done to one side of a meeting that
/// people would be told of on the other is a problem there, and so is what its server refuses for
/// good. No other problem is an excuse.
pub(super) fn apart(stage: &Stage) -> Result<BTreeSet<String>, Found> {
    let row = stage.store.pair(&stage.pair.name).map_err(Found::store)?;
    let row = row.ok_or_else(|| Found::new("the pair is not in the store"))?;
    let problems = stage.store.problems(row.id).map_err(Found::store)?.into_iter();
    let problems = problems.filter(|problem| is_excuse(stage, problem));
    Ok(problems.flat_map(|problem| names(stage, problem.uid.as_str())).collect())
}

/// A UID, and that which a user once gave the event that is called so on a side: a copy may have
/// another one.
fn names(stage: &Stage, uid: &str) -> BTreeSet<String> {
    let held = Side::BOTH.into_iter().flat_map(|side| stage.grounds[side].held());
    let called = held.filter(|held| is_called(held, uid));
    let origins = called.filter_map(|held| origin(&held.raw));
    origins.chain([uid.to_owned()]).collect()
}

/// Whether a problem can't be helped: its reason is what the side's server does, and to this event.
fn is_excuse(stage: &Stage, problem: &ProblemRow) -> bool {
    let refuses = &stage.refuses[problem.side];
    let names = names(stage, problem.uid.as_str());
    let has = |side: Side, word: &Option<String>| {
        let Some(word) = word else { return false };
        let is_it = |held: &Held| names.iter().any(|name| is_called(held, name));
        stage.grounds[side].held().iter().any(|held| is_it(held) && holds(&held.raw, word))
    };
    match problem.reason.as_str() {
        MAILS => true,
        UNACCEPTED => Side::BOTH.into_iter().any(|side| has(side, &refuses.text)),
        reason if reason.contains("out of date") => has(problem.side, &refuses.change),
        _ => false,
    }
}

/// Whether a UID is that of an event: its own, the one that a user once gave it, or one made of its
/// id, as Microsoft's adapter makes them.
fn is_called(held: &Held, uid: &str) -> bool {
    held.uid == uid || uid.starts_with(&held.id) || origin(&held.raw).as_deref() == Some(uid)
}

fn converged(stage: &Stage) -> Result<(), Found> {
    let apart = apart(stage)?;
    let mut all = Sides::from_fn(|side| by_origin(stage, side));
    Side::BOTH.into_iter().for_each(|side| all[side].retain(|created, _| !apart.contains(created)));
    let is_in_parts = |texts: &Vec<Vec<u8>>| texts.iter().any(|raw| text::slot(raw).is_some());
    let parts: BTreeSet<String> = Side::BOTH
        .into_iter()
        .flat_map(|side| all[side].iter().filter(|(_, texts)| is_in_parts(texts)))
        .map(|(created, _)| created.clone())
        .collect();
    for created in parts {
        let of = |texts: Option<Vec<Vec<u8>>>| occurrences(&texts.unwrap_or_default());
        let left = of(all.left.remove(&created));
        takes_place_the_same(stage, &created, &left, &of(all.right.remove(&created)))?;
    }
    let mut series = all.map(|all| {
        let all = all.into_values().flatten();
        all.filter_map(|raw| ical::read(&raw).ok()).map(plain).collect::<Vec<Series>>()
    });
    for one in series.left {
        let twin = series.right.iter().position(|other| differs(stage, &one, other).is_none());
        match twin {
            Some(at) => drop(series.right.swap_remove(at)),
            None => {
                let same =
                    |other: &&Series| other.uid == one.uid || created(other) == created(&one);
                let near = series.right.iter().find(same);
                let why = near.and_then(|other| differs(stage, &one, other));
                let why = why.unwrap_or_else(|| "it is on left only".to_owned());
                return Err(Found(format!("{}: {why}", one.uid)));
            }
        }
    }
    match series.right.first() {
        Some(one) => Err(Found(format!("{}: it is on right only", one.uid))),
        None => Ok(()),
    }
}

/// What takes place, by its start: one at a time, as users of a simulation plan it.
fn occurrences(texts: &[Vec<u8>]) -> BTreeMap<String, Event> {
    let mut found = BTreeMap::new();
    for series in texts.iter().filter_map(|raw| ical::read(raw).ok()).map(plain) {
        for one in ical::occurrences(&series, ical::Window::ALL, &TimeZone::UTC).take(MOST) {
            let mut event = one.event.clone();
            let key = format!("{:?}", ical::instant(&one.start, &TimeZone::UTC));
            (event.start, event.end) = (one.start, one.end);
            found.insert(key, event);
        }
    }
    found
}

fn takes_place_the_same(
    stage: &Stage,
    created: &str,
    left: &BTreeMap<String, Event>,
    right: &BTreeMap<String, Event>,
) -> Result<(), Found> {
    if !left.keys().eq(right.keys()) {
        let (left, right) = (left.keys(), right.keys());
        return Err(Found(format!("{created} takes place otherwise: {left:?} {right:?}")));
    }
    for (at, one) in left {
        let fields = compared(stage).into_iter().filter(|field| *field != Field::Recurrence);
        if let Some(field) = fields.into_iter().find(|field| !one.same(&right[at], *field)) {
            return Err(Found(format!("{created}: {field} at {at}")));
        }
    }
    Ok(())
}

/// Where one says what the other leaves unsaid: an event is confirmed that has no status. People
/// stand in a copy's description, between two lines.
fn plain(mut series: Series) -> Series {
    let unsaid = |event: &mut Event| {
        let text = event.description.take().map(Redacted::into_inner).unwrap_or_default();
        let typed = text.split("-- Attendees (calpair) --").next().unwrap_or_default().trim_end();
        event.description = (!typed.is_empty()).then(|| typed.into());
        if event.status == Status::Confirmed {
            event.status = Status::None;
        }
    };
    series.master.iter_mut().for_each(unsaid);
    for exception in series.exceptions.values_mut() {
        match exception {
            Exception::Override(event) => unsaid(event),
            Exception::Cancelled => {}
        }
    }
    series
}

fn compared(stage: &Stage) -> Vec<Field> {
    let fields = Field::ALL.into_iter().filter(|field| stage.shown.contains(*field));
    let fields = fields.filter(|field| {
        !stage.operator.masked || [Field::Times, Field::Recurrence].contains(field)
    });
    fields.collect()
}

/// In what two series differ that both sides can hold.
fn differs(stage: &Stage, one: &Series, other: &Series) -> Option<String> {
    let fields = compared(stage);
    let events = |one: &Event, other: &Event| {
        fields.iter().find(|field| !one.same(other, **field)).map(|field| field.to_string())
    };
    if one.recurrence != other.recurrence {
        return Some("recurrence".to_owned());
    }
    match (&one.master, &other.master) {
        (Some(one), Some(other)) => {
            if let Some(field) = events(one, other) {
                return Some(field);
            }
        }
        (None, None) => {}
        (Some(_), None) | (None, Some(_)) => return Some("master".to_owned()),
    }
    if !one.exceptions.keys().eq(other.exceptions.keys()) {
        return Some("exceptions".to_owned());
    }
    one.exceptions.iter().zip(&other.exceptions).find_map(|((key, one), (_, other))| {
        match (one, other) {
            (Exception::Cancelled, Exception::Cancelled) => None,
            (Exception::Override(one), Exception::Override(other)) => {
                events(one, other).map(|field| format!("{field} of {key:?}"))
            }
            (Exception::Cancelled, Exception::Override(_))
            | (Exception::Override(_), Exception::Cancelled) => Some(format!("{key:?}")),
        }
    })
}

/// Every text that a user wrote, and no user took away again, is in a calendar or in history.
fn nothing_lost(stage: &Stage, users: &Users) -> Result<(), Found> {
    let mut places: Vec<Vec<u8>> = Vec::new();
    for side in Side::BOTH {
        places.extend(stage.grounds[side].held().into_iter().map(|held| held.raw));
    }
    for change in stage.store.history(None, None, HISTORY).map_err(Found::store)? {
        for series in [&change.before, &change.after].into_iter().flatten() {
            places.push(model::canonical::encode(series));
        }
    }
    let taken_away = taken_away(stage, users);
    // What a provider can't hold it does not show either; calpair never saw it.
    for token in users.tokens.iter().filter(|token| stage.fields.contains(token.field)) {
        let kept = places.iter().any(|place| holds(place, &token.text));
        if !kept && !taken_away.contains(&token.text) {
            return Err(Found(format!("{} of {} is lost", token.text, token.side)));
        }
    }
    Ok(())
}

/// A text of one side loses against one of the other side only: what calpair itself carried over
/// is nobody's edit, unless the rules say that it wins.
fn fairly_overruled(stage: &Stage, users: &Users) -> Result<(), Found> {
    for change in stage.store.history(None, None, HISTORY).map_err(Found::store)? {
        let (Some(before), Some(after)) = (&change.before, &change.after) else { continue };
        if change.action != "overruled" || stage.operator.unheard[change.side] {
            continue;
        }
        let [before, after] = [before, after].map(model::canonical::encode);
        // Somebody who edited in the middle of a write kept what was there.
        let is_kept = holds(&after, MEANWHILE);
        let won =
            |token: &&Token| !is_kept && holds(&after, &token.text) && !holds(&before, &token.text);
        // A service may reset an occurrence where its series is edited; who edits that occurrence
        // on the other side brings back what it said, though half of that edit (what it makes of
        // the series, not yet of the occurrence) may have come over before.
        let has_won = |token: &Token| {
            token.side != change.side && count(&after, &token.text) > count(&before, &token.text)
        };
        let won_on = |side| users.tokens.iter().filter(won).find(|token| token.side == side);
        if let Some(token) = won_on(change.side)
            && !users.tokens.iter().any(has_won)
        {
            let (side, uid) = (change.side, &change.uid);
            let text = &token.text;
            return Err(Found(format!("on {side}, {uid} was overruled by its own {text}")));
        }
    }
    Ok(())
}

/// What calpair deleted on a side a user had deleted on the other one before.
fn deleted_for_a_reason(stage: &Stage) -> Result<(), Found> {
    let by = |side, author| deletions(stage, side).into_iter().filter(move |gone| gone.1 == author);
    for side in Side::BOTH {
        let wanted: Vec<(String, Author, Timestamp)> = by(side.opposite(), Author::User).collect();
        for (event, _, at) in by(side, Author::Client) {
            let reason = wanted.iter().find(|(name, _, when)| *name == event && *when <= at);
            if reason.is_none() {
                return Err(Found(format!("{event} was deleted on {side}, and nobody had")));
            }
        }
    }
    Ok(())
}

/// What calpair deleted had no edit of a user's that never came to the other side, unless rules
/// kept it.
/// An edit that had lost against another one is none any more, and is in history as that or as
/// what stood there before.
fn edits_beat_deletions(stage: &Stage, users: &Users) -> Result<(), Found> {
    let apart = apart(stage)?;
    let unheard = stage.operator.unheard;
    let history = stage.store.history(None, None, HISTORY).map_err(Found::store)?;
    let lost = history.iter().filter(|change| change.action != "delete");
    let lost: Vec<Vec<u8>> =
        lost.filter_map(|change| change.before.as_ref().map(model::canonical::encode)).collect();
    for side in Side::BOTH.into_iter().filter(|side| !unheard[*side]) {
        let other = stage.grounds[side.opposite()].deeds();
        let crossed = |text: &str| {
            other.iter().filter_map(|deed| deed.raw.as_ref()).any(|raw| holds(raw, text))
        };
        let mut held: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        for deed in stage.grounds[side].deeds() {
            let before = match deed.raw {
                Some(raw) => {
                    held.insert(deed.id, raw);
                    continue;
                }
                None => held.remove(&deed.id).unwrap_or_default(),
            };
            let is_apart = origin(&before).is_some_and(|event| apart.contains(&event));
            if deed.author != Author::Client || is_apart {
                continue;
            }
            let own = users.tokens.iter().filter(|token| token.side == side);
            let mut shown = own.filter(|token| stage.fields.contains(token.field));
            if let Some(token) = shown.find(|token| {
                let is_elsewhere = held.values().any(|raw| holds(raw, &token.text));
                let is_lost = lost.iter().any(|lost| holds(lost, &token.text));
                holds(&before, &token.text) && !is_elsewhere && !is_lost && !crossed(&token.text)
            }) {
                let text = &token.text;
                return Err(Found(format!("{text} was deleted on {side}, and never crossed")));
            }
        }
    }
    Ok(())
}

/// The deletions of a side: which event, as a user once created it, by whom, and when.
fn deletions(stage: &Stage, side: Side) -> Vec<(String, Author, Timestamp)> {
    gone(stage.grounds[side].deeds())
}

/// What deeds left nothing of. An event that stands there as several resources, single events for
/// its occurrences, is gone with the last of them; before that an occurrence is.
fn gone(deeds: Vec<Deed>) -> Vec<(String, Author, Timestamp)> {
    let mut held: BTreeMap<String, (String, Option<String>)> = BTreeMap::new();
    let mut gone = Vec::new();
    for deed in deeds {
        if let Some(raw) = deed.raw.as_deref() {
            drop(origin(raw).map(|event| held.insert(deed.id, (event, text::slot(raw)))));
            continue;
        }
        let Some((event, slot)) = held.remove(&deed.id) else { continue };
        let mut left = held.values().filter(|(other, _)| *other == event);
        if !left.any(|(_, other)| slot.is_some() || other.is_some()) {
            gone.push((event, deed.author, deed.at));
        }
    }
    gone
}

/// Texts that a user saw on their own side and wrote over, or deleted.
fn taken_away(stage: &Stage, users: &Users) -> BTreeSet<String> {
    let mut taken = BTreeSet::new();
    for side in Side::BOTH {
        let mut held: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        for deed in stage.grounds[side].deeds() {
            let now = deed.raw.unwrap_or_default();
            let before = held.insert(deed.id, now.clone()).unwrap_or_default();
            if deed.author == Author::User {
                let texts = users.tokens.iter().map(|token| &token.text);
                let gone = texts.filter(|text| holds(&before, text) && !holds(&now, text));
                taken.extend(gone.cloned());
            }
        }
    }
    taken
}

fn holds(place: &[u8], text: &str) -> bool {
    count(place, text) > 0
}

fn count(place: &[u8], text: &str) -> usize {
    place.windows(text.len()).filter(|window| *window == text.as_bytes()).count()
}

/// Everything that was asked and done, in order, and what the store says about it.
pub(super) fn trace(stage: &Stage) -> Vec<String> {
    let requests = stage.world.requests().into_iter().map(|request| {
        (request.at, format!("{:?} {} {}", request.op, request.account, request.step))
    });
    let deeds = Side::BOTH.into_iter().flat_map(|side| stage.grounds[side].deeds());
    let deeds = deeds.map(|deed| {
        let text = deed.raw.as_deref().map(String::from_utf8_lossy).unwrap_or_default();
        let text = text.replace("\r\n", "|");
        let author = format!("{:?}", deed.author);
        (deed.at, format!("{} {author} {} {} {text}", deed.number, deed.calendar, deed.id))
    });
    let history = stage.store.history(None, None, HISTORY).unwrap_or_default();
    let history = history.into_iter().rev().map(|change| {
        let words = format!("{} {} {}", change.side, change.action, change.uid);
        (change.at, format!("history: {words}: {}", change.reason))
    });
    let decided = stage.operator.decided.iter();
    let decided = decided.map(|(at, what)| (*at, format!("operator: {what}")));
    let all = requests.chain(deeds).chain(history).chain(decided);
    let mut all: Vec<(Timestamp, String)> = all.collect();
    all.sort_by_key(|(at, _)| *at);
    let mut lines: Vec<String> =
        all.into_iter().map(|(at, line)| format!("{at:.1} {line}")).collect();
    if let Ok(Some(row)) = stage.store.pair(&stage.pair.name) {
        let problems = stage.store.problems(row.id).unwrap_or_default();
        lines.extend(problems.iter().map(|problem| format!("{problem:?}")));
        let found = stage.store.find(row.id, "token").unwrap_or_default();
        lines.extend(found.iter().map(|found| format!("{found:?}")));
        let open = stage.store.open_intents(row.id).unwrap_or_default();
        let open = open.iter().map(|open| (open.subject.clone(), open.side, open.action));
        lines.extend(open.map(|open| format!("open: {open:?}")));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One version of a resource of `event-0@life`; `slot` is the occurrence that it stands for.
    fn deed(id: &str, author: Author, slot: Option<&str>) -> Deed {
        let mark =
            slot.map(|slot| format!("X-EXCHANGE-PROPERTY;X-KEY=\"calpair-slot\":{slot}\r\n"));
        let text = format!(
            "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:{id}\r\n\
             DTSTART;VALUE=DATE:20260210\r\nSUMMARY:event-0@life token0end\r\n{}\
             END:VEVENT\r\nEND:VCALENDAR\r\n",
            mark.unwrap_or_default()
        );
        Deed { raw: Some(text.into_bytes()), ..deletion(id, author) }
    }

    fn deletion(id: &str, author: Author) -> Deed {
        Deed {
            number: 0,
            at: Timestamp::UNIX_EPOCH,
            author,
            calendar: "family".into(),
            id: id.to_owned(),
            uid: id.to_owned(),
            raw: None,
        }
    }

    fn by(deeds: Vec<Deed>) -> Vec<Author> {
        gone(deeds).into_iter().map(|(_, author, _)| author).collect()
    }

    #[test]
    fn an_event_in_parts_is_gone_with_the_last_of_them() {
        let part = |id, slot| deed(id, Author::Client, Some(slot));
        let mut deeds = vec![part("a", "2026-02-10"), part("b", "2026-02-11")];
        deeds.push(deletion("a", Author::User));
        assert_eq!(by(deeds.clone()), []);
        deeds.push(deletion("b", Author::Client));
        assert_eq!(by(deeds), [Author::Client]);
    }

    #[test]
    fn an_event_is_gone_although_another_resource_has_its_name() {
        let whole = |id| deed(id, Author::User, None);
        let deeds = vec![whole("a"), whole("b"), deletion("a", Author::Client)];
        assert_eq!(by(deeds), [Author::Client]);
    }
}
