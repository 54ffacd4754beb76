//! A VTIMEZONE evaluated: its changes of offset, the tz database zone that has the same ones, or
//! its rules as a POSIX string to compute with.

use std::collections::HashMap;
use std::sync::LazyLock;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};
use model::Zone;

use super::pattern::Pattern;
use super::{DATABASE, Place, name};
use crate::fields::recurrence::{RuleText, parse_rule};
use crate::recur::rule::{Budget, STEP_BUDGET, Starts};
use crate::tree::{Component, unescape};
use crate::value::{self, Stamp, offset_text};

/// The years whose changes must be equal for two zones to be the same: what calendars are about.
const MATCH_FROM: i64 = 1_577_836_800; // 2020-01-01T00:00:00Z
const MATCH_UNTIL: i64 = 2_145_916_800; // 2038-01-01T00:00:00Z

/// Which of many equal zones is meant when the name gives no hint: the one most people live in.
const PREFERRED: [&str; 40] = [
    "Europe/Berlin",
    "Europe/London",
    "Europe/Helsinki",
    "Europe/Istanbul",
    "Europe/Moscow",
    "Europe/Lisbon",
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Los_Angeles",
    "America/Phoenix",
    "America/Anchorage",
    "America/Halifax",
    "America/St_Johns",
    "America/Sao_Paulo",
    "America/Bogota",
    "America/Santiago",
    "America/Caracas",
    "Pacific/Honolulu",
    "Pacific/Auckland",
    "Australia/Sydney",
    "Australia/Brisbane",
    "Australia/Adelaide",
    "Australia/Darwin",
    "Australia/Perth",
    "Asia/Tokyo",
    "Asia/Shanghai",
    "Asia/Singapore",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Asia/Karachi",
    "Asia/Dubai",
    "Asia/Jerusalem",
    "Asia/Tehran",
    "Asia/Kabul",
    "Asia/Dhaka",
    "Asia/Yangon",
    "Asia/Bangkok",
    "Africa/Johannesburg",
    "Africa/Lagos",
];

/// A change of offset: the second (Unix) from which on the offset (seconds) holds.
pub(super) type Change = (i64, i32);

/// The TZID that a VTIMEZONE defines.
pub(super) fn tzid(component: &Component<'_>) -> Option<String> {
    Some(unescape(&component.property("TZID")?.value).trim().to_owned())
}

/// What a VTIMEZONE means: a zone of the database with the same changes, else its rules.
pub(super) fn place(tzid: &str, component: &Component<'_>) -> Option<Place> {
    let onsets = onsets(component)?;
    if let Some(place) = matching(&in_matched_years(&sorted_changes(&onsets)), tzid) {
        return Some(place);
    }
    let rules = posix(&onsets)?;
    // The rules alone may be those of a zone: then they are, here and when read back.
    if let Some(place) = matching(&changes_of(&TimeZone::posix(&rules).ok()?), tzid) {
        return Some(place);
    }
    let tzid = tzid.chars().filter(|c| !c.is_ascii_control()).collect();
    Some(Place::Zone(Zone::Posix { tzid, rules }))
}

/// A VTIMEZONE's changes in order; the first one holds since ever.
#[cfg(test)]
pub(super) fn changes(component: &Component<'_>) -> Option<Vec<Change>> {
    Some(sorted_changes(&onsets(component)?))
}

/// The offset at a second.
#[cfg(test)]
pub(super) fn offset_at(changes: &[Change], second: i64) -> i32 {
    changes[changes.partition_point(|change| change.0 <= second).max(1) - 1].1
}

/// A zone of the database that has exactly these changes. `hint` is the name under which it was
/// found; a city in it decides between equal zones.
pub(super) fn matching(changes: &[Change], hint: &str) -> Option<Place> {
    let fixed = match changes {
        [(_, offset)] => Some(*offset),
        _ => None,
    };
    match fixed {
        Some(0) => return Some(Place::Utc),
        // A fixed offset by the hour is itself a zone; no country need be guessed.
        Some(offset) if offset % 3600 == 0 => {
            let hours = -offset / 3600;
            if let Some(place) = name::iana(&format!("Etc/GMT{hours:+}")) {
                return Some(place);
            }
        }
        _ => {}
    }
    let equal = BY_CHANGES.get(changes)?;
    let hint = hint.to_lowercase();
    let in_hint = |zone: &&String| {
        let city = zone.rsplit('/').next().unwrap_or_default().replace('_', " ").to_lowercase();
        // Shorter ones ("Rome", "Oslo") are still names; three letters hide in other words.
        (city.len() > 3).then(|| hint.find(&city)).flatten()
    };
    let hinted = equal.iter().filter_map(|zone| Some((in_hint(&zone)?, zone))).min();
    let preferred = || PREFERRED.iter().find(|name| equal.iter().any(|zone| zone == **name));
    let chosen = match hinted {
        Some((_, zone)) => zone,
        None => preferred().map_or(&equal[0], |name| {
            equal.iter().find(|zone| zone == name).expect("found just above")
        }),
    };
    Some(Place::Zone(Zone::Iana(chosen.clone())))
}

/// Every zone of the database under its changes, regions before single words, in the order of the
/// alphabet. Built when the first unknown definition is met.
static BY_CHANGES: LazyLock<HashMap<Vec<Change>, Vec<String>>> = LazyLock::new(|| {
    let mut zones: HashMap<Vec<Change>, Vec<String>> = HashMap::new();
    for name in DATABASE.available() {
        let Some(zone) = name::database_zone(name.as_str()) else { continue };
        let changes = changes_of(&zone);
        zones.entry(changes).or_default().push(name.as_str().to_owned());
    }
    for names in zones.values_mut() {
        names.sort_by_key(|name| (!name.contains('/'), name.clone()));
    }
    zones
});

/// The changes of a zone in the matched years, beginning with the offset then in force.
fn changes_of(zone: &TimeZone) -> Vec<Change> {
    let begin = Timestamp::from_second(MATCH_FROM).expect("a constant in range");
    let mut changes = vec![(i64::MIN, zone.to_offset(begin).seconds())];
    let following = zone.following(begin).map(|t| (t.timestamp().as_second(), t.offset()));
    for (second, offset) in following.take_while(|(second, _)| *second < MATCH_UNTIL) {
        push_change(&mut changes, (second, offset.seconds()));
    }
    changes
}

fn push_change(changes: &mut Vec<Change>, change: Change) {
    if changes.last().is_none_or(|last| last.1 != change.1) {
        changes.push(change);
    }
}

/// The part of the changes that is compared, beginning with the offset then in force.
fn in_matched_years(changes: &[Change]) -> Vec<Change> {
    let first = changes.partition_point(|change| change.0 < MATCH_FROM).max(1) - 1;
    let mut matched = vec![(i64::MIN, changes[first].1)];
    for change in changes[first + 1..].iter().take_while(|change| change.0 < MATCH_UNTIL) {
        push_change(&mut matched, *change);
    }
    matched
}

/// One observance's change, each time that it happens.
#[derive(Debug, Clone, Copy)]
struct Onset {
    local: DateTime,
    second: i64,
    from: i32,
    to: i32,
}

fn sorted_changes(onsets: &[Onset]) -> Vec<Change> {
    let Some(first) = onsets.first() else { return vec![(i64::MIN, 0)] };
    let mut changes = vec![(i64::MIN, first.from)];
    for onset in onsets {
        push_change(&mut changes, (onset.second, onset.to));
    }
    changes
}

/// Every onset of every observance up to the end of the matched years, in order; `None` when the
/// definition is unusable.
fn onsets(component: &Component<'_>) -> Option<Vec<Onset>> {
    let mut budget = Budget::new(STEP_BUDGET);
    let mut onsets = Vec::new();
    let parts = || {
        let parts = component.components();
        parts.filter(|part| matches!(part.name(), "STANDARD" | "DAYLIGHT"))
    };
    // Outlook states new rules without ending the old ones: of one kind the later rule takes over.
    let begun = |part: &Component<'_>| Some(value::stamp(&part.property("DTSTART")?.value)?.wall());
    let mut begins: Vec<_> = parts()
        .filter(|part| part.first("RRULE").is_some())
        .filter_map(|part| Some((part.name(), begun(part)?)))
        .collect();
    begins.sort_unstable();
    for part in parts() {
        let own = (part.name(), begun(part)?);
        let next = begins.get(begins.partition_point(|begin| *begin <= own));
        let end = next.filter(|next| next.0 == own.0).map(|next| next.1);
        observe(part, end, &mut budget, &mut onsets)?;
    }
    if onsets.is_empty() || budget.is_spent() {
        return None;
    }
    onsets.sort_by_key(|onset| onset.second);
    Some(onsets)
}

/// Adds an observance's onsets; those of a rule only until `end`, where the next rule takes over.
fn observe(
    part: &Component<'_>,
    end: Option<DateTime>,
    budget: &mut Budget,
    onsets: &mut Vec<Onset>,
) -> Option<()> {
    let text = |name: &str| part.property(name).map(|property| property.value);
    let from = value::offset(&text("TZOFFSETFROM")?)?;
    let to = value::offset(&text("TZOFFSETTO")?)?;
    let start = value::stamp(&text("DTSTART")?)?.wall();
    let mut add = |local: DateTime| {
        let utc = TimeZone::UTC.to_timestamp(local).ok();
        let second = utc.map_or(i64::MAX, |utc| utc.as_second()) - i64::from(from);
        onsets.push(Onset { local, second, from, to });
    };
    add(start);
    for line in part.all("RDATE").filter_map(|line| line.property()) {
        for date in line.value.split(',').filter_map(value::stamp) {
            if !budget.spend() {
                return None;
            }
            add(date.wall());
        }
    }
    for line in part.all("RRULE").filter_map(|line| line.property()) {
        let RuleText { mut rule, until } = parse_rule(&line.value).ok()?;
        rule.until = None;
        let last = last_onset(until, from);
        let mut starts = Starts::new(&rule, start, Some(last));
        while let Some(local) = starts.next(budget) {
            if local != start && end.is_none_or(|end| local < end) {
                add(local);
            }
        }
    }
    Some(())
}

/// UNTIL of an observance as a wall clock before the change, at most the end of what is matched.
fn last_onset(until: Option<Stamp>, from: i32) -> DateTime {
    let end = jiff::civil::date(2038, 1, 2).at(0, 0, 0, 0);
    let Some(until) = until else { return end };
    let wall = match until {
        Stamp::Utc(utc) => {
            utc.checked_add(jiff::SignedDuration::from_secs(from.into())).unwrap_or(utc)
        }
        Stamp::Local(wall) => wall,
        Stamp::Date(date) => date.at(23, 59, 59, 0),
    };
    wall.min(end)
}

/// The rules in force at the end of the matched years as a POSIX TZ string: one offset, or a pair
/// of yearly changes. `None` when it is neither.
fn posix(onsets: &[Onset]) -> Option<String> {
    let recent: Vec<_> = onsets
        .iter()
        .filter(|onset| (2033..=2037).contains(&onset.local.year()) && onset.from != onset.to)
        .collect();
    let Some(last) = onsets.iter().rfind(|onset| onset.second < MATCH_UNTIL) else {
        return posix_fixed(onsets.first()?.from);
    };
    let Some(first) = recent.first() else { return posix_fixed(last.to) };
    let (forth, back): (Vec<_>, Vec<_>) = recent.iter().partition(|onset| onset.to == first.to);
    let (forth, back) = (yearly(&forth)?, yearly(&back)?);
    let (standard, daylight, to_daylight, to_standard) = if first.from < first.to {
        (first.from, first.to, forth, back)
    } else {
        (first.to, first.from, back, forth)
    };
    let (winter, summer) = (posix_offset(standard), posix_offset(daylight));
    Some(format!("{winter}{summer},{to_daylight},{to_standard}"))
}

/// Five onsets, one a year, as one POSIX date and time.
fn yearly(onsets: &[&&Onset]) -> Option<String> {
    let (first, rest) = onsets.split_first()?;
    let mut pattern = Pattern::of(first.local.date());
    for (onset, year) in rest.iter().zip(2034_i16..) {
        let same = (onset.from, onset.to, onset.local.time(), onset.local.year())
            == (first.from, first.to, first.local.time(), year);
        pattern = same.then(|| pattern.with(onset.local.date())).flatten()?;
    }
    let time = first.local.time();
    let (hour, minute, second) = (time.hour(), time.minute(), time.second());
    (onsets.len() == 5)
        .then(|| Some(format!("{}/{hour}:{minute:02}:{second:02}", pattern.posix()?)))
        .flatten()
}

fn posix_fixed(offset: i32) -> Option<String> {
    Offset::from_seconds(offset).ok()?;
    Some(posix_offset(offset))
}

/// `<+0100>-1:00:00`: the name is the offset, and the sign is turned round as POSIX has it.
fn posix_offset(seconds: i32) -> String {
    let sign = if seconds > 0 { "-" } else { "" };
    let total = seconds.unsigned_abs();
    let (hours, minutes, rest) = (total / 3600, total / 60 % 60, total % 60);
    format!("<{}>{sign}{hours}:{minutes:02}:{rest:02}", offset_text(seconds))
}
