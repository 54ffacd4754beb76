//! Recurrence: what lines Google takes, what it makes of them, and which occurrences they give.
//!
//! Expansion is `ical`'s, over a text that is written from the row.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use model::Series;
use serde_json::{Value, json};

use super::failure::Failure;
use super::quirks::{Quirk, Quirks};
use super::render;
use super::state::{Json, Row};
use super::times::{Moment, zone_of};
use crate::text::Line;

/// As many instances as Google is said to expand (reference, section 3.4); more are never listed.
const MOST_INSTANCES: usize = 730;

/// What a rule may say, in the order in which Google writes it.
const PARTS: &[&str] = &[
    "FREQ",
    "WKST",
    "UNTIL",
    "COUNT",
    "INTERVAL",
    "BYMONTH",
    "BYWEEKNO",
    "BYYEARDAY",
    "BYMONTHDAY",
    "BYDAY",
    "BYSETPOS",
];

fn wrong() -> Failure {
    Failure::invalid("Invalid recurrence rule.")
}

/// The lines of a recurrence as they are stored, for an event with this start and end.
pub(super) fn checked(
    lines: &[Value],
    event: &Json,
    start: &Moment,
    quirks: &Quirks,
) -> Result<Vec<String>, Failure> {
    let mut kept = Vec::new();
    let mut exdates = Vec::new();
    for text in lines.iter().filter_map(Value::as_str) {
        let line = Line::new(text);
        match line.name.as_str() {
            "RRULE" | "EXRULE" => kept.push(rule(&line, start, quirks)?),
            "RDATE" => {
                dates(&line, start, quirks)?;
                kept.push(text.to_owned());
            }
            "EXDATE" => exdates.push((text.to_owned(), dates(&line, start, quirks)?)),
            _ => return Err(wrong()),
        }
    }
    let is_rule = |line: &String| line.starts_with("RRULE");
    if quirks.has(Quirk::RdateOnlyRefused) && !kept.is_empty() && !kept.iter().any(is_rule) {
        return Err(wrong());
    }
    if !exdates.is_empty() && kept.is_empty() {
        return Err(wrong());
    }
    let mut whole = event.clone();
    whole.insert("recurrence".to_owned(), json!(kept));
    let Some(series) = expandable(&whole) else { return Err(wrong()) };
    // quirk: google-36
    for (text, excluded) in exdates {
        let hits = excluded.iter().all(|at| find(&series, at, start, &TimeZone::UTC).is_some());
        match (hits, quirks.has(Quirk::StrayExdatesDropped)) {
            (true, _) => kept.push(text),
            (false, true) => {}
            (false, false) => return Err(wrong()),
        }
    }
    Ok(kept)
}

/// A rule as it is stored.
fn rule(line: &Line, start: &Moment, quirks: &Quirks) -> Result<String, Failure> {
    let refused = wrong;
    if !line.params.is_empty() {
        return Err(refused());
    }
    let mut parts: Vec<(usize, String, String)> = Vec::new();
    for part in line.value.split(';') {
        let (name, value) = part.split_once('=').ok_or_else(refused)?;
        let (name, value) = (name.to_ascii_uppercase(), value.to_ascii_uppercase());
        let rank = PARTS.iter().position(|known| *known == name).ok_or_else(refused)?;
        if value.is_empty() || parts.iter().any(|(known, ..)| *known == rank) {
            return Err(refused());
        }
        parts.push((rank, name, value));
    }
    let value_of = |wanted: &str| {
        parts.iter().find(|(_, name, _)| name == wanted).map(|(.., value)| value.as_str())
    };
    if !matches!(value_of("FREQ"), Some("DAILY" | "WEEKLY" | "MONTHLY" | "YEARLY")) {
        return Err(refused());
    }
    if value_of("COUNT").is_some() && value_of("UNTIL").is_some() {
        return Err(refused());
    }
    if let Some(until) = value_of("UNTIL") {
        let moment = Moment::of_suffix(until).ok_or_else(refused)?;
        if moment.is_day() != start.is_day() {
            return Err(refused());
        }
    }
    // quirk: google-37
    if !quirks.has(Quirk::RewrittenRules) {
        return Ok(format!("{}:{}", line.name, line.value));
    }
    let redundant = [("INTERVAL", "1"), ("WKST", "MO")];
    parts.retain(|(_, name, value)| !redundant.contains(&(name.as_str(), value.as_str())));
    parts.sort();
    let parts: Vec<String> =
        parts.into_iter().map(|(_, name, value)| format!("{name}={value}")).collect();
    Ok(format!("{}:{}", line.name, parts.join(";")))
}

/// The dates of an RDATE or EXDATE.
fn dates(line: &Line, start: &Moment, quirks: &Quirks) -> Result<Vec<Moment>, Failure> {
    let refused = wrong;
    let zone = match line.param("TZID") {
        // quirk: google-30
        Some(name) if name == "Europe/Kyiv" && quirks.has(Quirk::OldZones) => return Err(refused()),
        Some(name) => Some(zone_of(&name).ok_or_else(refused)?),
        None => None,
    };
    let is_day = line.param("VALUE").is_some_and(|kind| kind.eq_ignore_ascii_case("DATE"));
    if is_day != start.is_day() {
        return Err(refused());
    }
    let dates = line.value.split(',').map(|value| {
        if let Some(moment) = Moment::of_suffix(value).filter(|at| at.is_day() == is_day) {
            return Ok(moment);
        }
        let zone = zone.as_ref().ok_or_else(refused)?;
        let wall = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%S", value);
        let wall = wall.map_err(|_| refused())?;
        let at = zone.to_ambiguous_timestamp(wall).compatible().map_err(|_| refused())?;
        Ok(Moment::At(at, None))
    });
    dates.collect()
}

/// The series that a master's row is, without exceptions; `None` when `ical` can't expand it.
fn expandable(event: &Json) -> Option<Series> {
    let text = render::alone(event);
    let mut series = ical::read(text.as_bytes()).ok()?;
    series.exceptions.retain(|_, exception| *exception == model::Exception::Cancelled);
    Some(series)
}

/// The occurrence of a master with this original start: its start and end.
pub(super) fn at(master: &Row, original: &Moment, calendar: &TimeZone) -> Option<(Moment, Moment)> {
    find(&expandable(&master.event)?, original, &master.moment("start")?, calendar)
}

fn find(
    series: &Series,
    original: &Moment,
    start: &Moment,
    calendar: &TimeZone,
) -> Option<(Moment, Moment)> {
    let wanted = original.instant(calendar);
    let second = jiff::SignedDuration::from_secs(1);
    let until = wanted.saturating_add(second).unwrap_or(Timestamp::MAX);
    let window = ical::Window { from: wanted, until };
    let found = ical::occurrences(series, window, calendar).take_while(|one| one.from <= wanted);
    let mut found = found.filter(|one| one.from == wanted).map(|one| {
        let end = Moment::of(&one.end, one.until, start);
        (Moment::of(&one.start, one.from, start), end)
    });
    found.find(|(at, _)| at.is_at(original))
}

/// The occurrences of a master that overlap a window, as far as Google would expand them.
pub(super) fn within(
    master: &Row,
    window: ical::Window,
    calendar: &TimeZone,
) -> Vec<(Moment, Moment)> {
    let (Some(series), Some(start)) = (expandable(&master.event), master.moment("start")) else {
        return Vec::new();
    };
    let found = ical::occurrences(&series, window, calendar).take(MOST_INSTANCES).map(|one| {
        let end = Moment::of(&one.end, one.until, &start);
        (Moment::of(&one.start, one.from, &start), end)
    });
    found.collect()
}

/// The id of an instance.
pub(super) fn instance_id(master: &str, original: &Moment) -> String {
    format!("{master}_{}", original.suffix())
}

/// The master's id and the original start that an instance's id names.
pub(super) fn split_id(id: &str) -> Option<(&str, Moment)> {
    let (master, suffix) = id.rsplit_once('_')?;
    Some((master, Moment::of_suffix(suffix)?))
}

/// The instance that a master gives at a start, as nobody has changed it: it bears the master's
/// etag.
// quirk: google-47
pub(super) fn instance(master: &Row, original: &Moment, end: &Moment) -> Row {
    let mut event = master.event.clone();
    event.remove("recurrence");
    event.insert("recurringEventId".to_owned(), json!(master.id));
    event.insert("originalStartTime".to_owned(), original.value());
    event.insert("start".to_owned(), original.value());
    event.insert("end".to_owned(), end.value());
    Row { id: instance_id(&master.id, original), event, ..master.clone() }
}
