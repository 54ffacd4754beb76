//! VTIMEZONE for a zone: the rule pair in force, and dated observances for what was before, as
//! far back as the series reaches.
//!
//! The zone's transitions are walked to a horizon and gathered into runs that one yearly rule
//! explains. A run that reaches the horizon goes on for ever; shorter ones end with UNTIL; what no
//! rule explains (Ramadan in Morocco) stands as a list of dates. So the text is exact for every
//! instant up to the horizon, whatever the zone has been through.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};

use super::pattern::Pattern;
use crate::tree::{Component, LineEnding, NewLine, escape};
use crate::value::{offset_text, wall_text};

/// Year up to which transitions are walked. The tz database itself stops at 2037, or 2087 where
/// no rule goes on; twenty more years tell a rule from a list.
const HORIZON: i16 = 2060;
/// Year from which on they are walked: the first clocks were set by zones later than that.
const BEGINNING: i16 = 1800;
/// Year from which on bare rules are walked, unless the series is older: they have no history.
const RULES_SINCE: i16 = 1970;
/// Most transitions walked for a zone (a hostile POSIX rule has two a year).
const MAX_TRANSITIONS: usize = 5_000;
/// A run shorter than this is not worth a rule.
const SHORTEST_RUN: usize = 3;

#[derive(Debug, Clone)]
struct Onset {
    /// The wall clock before the change, at its moment: DTSTART of an observance.
    local: DateTime,
    instant: Timestamp,
    from: i32,
    to: i32,
    is_daylight: bool,
    name: String,
}

impl Onset {
    fn same_change(&self, other: &Onset) -> bool {
        (self.from, self.to, self.is_daylight, &self.name)
            == (other.from, other.to, other.is_daylight, &other.name)
    }
}

struct Run {
    onsets: Vec<Onset>,
    pattern: Pattern,
}

impl Run {
    fn last(&self) -> &Onset {
        &self.onsets[self.onsets.len() - 1]
    }

    fn extend(&mut self, onset: &Onset) -> bool {
        let last = self.last();
        let follows = last.same_change(onset)
            && last.local.time() == onset.local.time()
            && last.local.year() + 1 == onset.local.year();
        if !follows {
            return false;
        }
        let Some(pattern) = self.pattern.with(onset.local.date()) else { return false };
        self.pattern = pattern;
        self.onsets.push(onset.clone());
        true
    }
}

/// The definition of a zone, right for every instant from `from` on.
pub(crate) fn vtimezone(
    tzid: &str,
    zone: &TimeZone,
    from: Timestamp,
    ending: LineEnding,
) -> Component<'static> {
    let mut component = Component::new("VTIMEZONE", ending);
    component.add(NewLine::new("TZID", escape(tzid)));
    let onsets = onsets(zone, from);
    // What is in force at `from` began with the last onset before it.
    let first = onsets.iter().rfind(|onset| onset.instant <= from);
    if first.is_none() {
        component.push(beginning(zone, from, ending));
    }
    let needed = first.map_or(Timestamp::MIN, |onset| onset.instant);
    let (runs, loose) = runs(onsets);
    let mut loose: Vec<_> = loose.into_iter().filter(|onset| onset.instant >= needed).collect();
    for run in runs.iter().filter(|run| run.last().instant >= needed) {
        // Of a run that was over by then only its last word is of interest.
        match run.last() {
            last if last.instant == needed => loose.push(last.clone()),
            _ => component.push(run_component(run, ending)),
        }
    }
    while let Some(onset) = loose.first().cloned() {
        let (same, rest): (Vec<_>, Vec<_>) =
            loose.into_iter().partition(|other| onset.same_change(other));
        component.push(dated_component(&same, ending));
        loose = rest;
    }
    component
}

fn onsets(zone: &TimeZone, needed_from: Timestamp) -> Vec<Onset> {
    let year = TimeZone::UTC.to_datetime(needed_from).year();
    let year = if zone.iana_name().is_some() {
        BEGINNING
    } else {
        RULES_SINCE.min(year.saturating_sub(1))
    };
    let begin = jiff::civil::date(year.max(1), 1, 1).at(0, 0, 0, 0);
    let begin = super::instant_in(begin, &TimeZone::UTC);
    let mut found: Vec<Onset> = Vec::new();
    let mut before = zone.to_offset(begin).seconds();
    for transition in zone.following(begin).take(MAX_TRANSITIONS) {
        let instant = transition.timestamp();
        let from = std::mem::replace(&mut before, transition.offset().seconds());
        if from == before {
            continue;
        }
        let local = wall_at(from, instant);
        if local.year() > HORIZON {
            break;
        }
        let is_daylight = transition.dst().is_dst();
        let name = transition.abbreviation().to_owned();
        found.push(Onset { local, instant, from, to: before, is_daylight, name });
    }
    found
}

fn wall_at(offset: i32, instant: Timestamp) -> DateTime {
    let offset = Offset::from_seconds(offset).expect("an offset that came from a zone");
    offset.to_datetime(instant)
}

fn runs(onsets: Vec<Onset>) -> (Vec<Run>, Vec<Onset>) {
    let mut runs: Vec<Run> = Vec::new();
    for onset in onsets {
        // Only a run that was extended last year can take it: at most a handful are looked at.
        let year = onset.local.year();
        let open = runs.iter_mut().rev().take_while(|run| run.last().local.year() + 3 > year);
        let taken = open.into_iter().any(|run| run.extend(&onset));
        if !taken {
            let pattern = Pattern::of(onset.local.date());
            runs.push(Run { onsets: vec![onset], pattern });
        }
    }
    let (long, short): (Vec<_>, Vec<_>) =
        runs.into_iter().partition(|run| run.onsets.len() >= SHORTEST_RUN);
    (long, short.into_iter().flat_map(|run| run.onsets).collect())
}

/// What holds before the first onset, or always.
fn beginning(zone: &TimeZone, from: Timestamp, ending: LineEnding) -> Component<'static> {
    let offset = zone.to_offset_info(from);
    let seconds = offset.offset().seconds();
    let mut component = Component::new("STANDARD", ending);
    component.add(NewLine::new("DTSTART", "16010101T000000"));
    component.add(NewLine::new("TZOFFSETFROM", offset_text(seconds)));
    component.add(NewLine::new("TZOFFSETTO", offset_text(seconds)));
    component.add(NewLine::new("TZNAME", escape(offset.abbreviation())));
    component
}

fn run_component(run: &Run, ending: LineEnding) -> Component<'static> {
    let mut component = observance(&run.onsets[0], ending);
    let last = run.last();
    let mut rule = run.pattern.rule();
    if last.local.year() < HORIZON {
        rule.push_str(&format!(";UNTIL={}Z", wall_text(wall_at(0, last.instant))));
    }
    component.add(NewLine::new("RRULE", rule));
    component
}

fn dated_component(onsets: &[Onset], ending: LineEnding) -> Component<'static> {
    let mut component = observance(&onsets[0], ending);
    for onset in &onsets[1..] {
        component.add(NewLine::new("RDATE", wall_text(onset.local)));
    }
    component
}

fn observance(first: &Onset, ending: LineEnding) -> Component<'static> {
    let name = if first.is_daylight { "DAYLIGHT" } else { "STANDARD" };
    let mut component = Component::new(name, ending);
    component.add(NewLine::new("DTSTART", wall_text(first.local)));
    component.add(NewLine::new("TZOFFSETFROM", offset_text(first.from)));
    component.add(NewLine::new("TZOFFSETTO", offset_text(first.to)));
    component.add(NewLine::new("TZNAME", escape(&first.name)));
    component
}

#[cfg(test)]
mod tests {
    use super::super::{DATABASE, definition, name};
    use super::*;

    #[test]
    fn the_definition_of_every_zone_gives_its_offsets() {
        for name in DATABASE.available() {
            let Some(zone) = name::database_zone(name.as_str()) else { continue };
            for from in ["1970-01-01T00:00:00Z", "1999-06-01T00:00:00Z", "2026-06-01T00:00:00Z"] {
                let from: Timestamp = from.parse().expect("an instant");
                let component = vtimezone(name.as_str(), &zone, from, LineEnding::CrLf);
                let changes = definition::changes(&component).expect("readable");
                // To the end of the years that `changes` looks at.
                let days = (2_145_000_000 - from.as_second()) / 86_400;
                for day in (0..days).step_by(9) {
                    let at = from.as_second() + day * 86_400 + 40_000;
                    let instant = Timestamp::from_second(at).expect("in range");
                    let want = zone.to_offset(instant).seconds();
                    assert_eq!(definition::offset_at(&changes, at), want, "{name:?} at {instant}");
                }
            }
        }
    }

    #[test]
    fn the_rule_in_force_is_all_that_a_new_event_needs() {
        let zone = name::database_zone("Europe/Berlin").expect("known");
        let from: Timestamp = "2026-06-01T00:00:00Z".parse().expect("an instant");
        let text = vtimezone("Europe/Berlin", &zone, from, LineEnding::Lf).to_bytes();
        let want = "BEGIN:VTIMEZONE\nTZID:Europe/Berlin\nBEGIN:DAYLIGHT\nDTSTART:19810329T020000\n\
            TZOFFSETFROM:+0100\nTZOFFSETTO:+0200\nTZNAME:CEST\n\
            RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU\nEND:DAYLIGHT\n\
            BEGIN:STANDARD\nDTSTART:19961027T030000\nTZOFFSETFROM:+0200\nTZOFFSETTO:+0100\n\
            TZNAME:CET\nRRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU\nEND:STANDARD\nEND:VTIMEZONE\n";
        assert_eq!(String::from_utf8_lossy(&text), want);
    }
}
