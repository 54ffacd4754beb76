//! RRULE, EXRULE and RDATE: how a series repeats.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use model::{ByDay, Extra, Frequency, Month, Recurrence, Rule, Until, When};

use super::times::{placed, plus, stamp_of, text, with_kind};
use crate::tree::{Component, NewLine, Property};
use crate::unreadable::Reason;
use crate::value::{self, Stamp};
use crate::zone::{Zones, in_kind_of, instant, instant_in, time_zone};

/// The repetition of a master that starts at `start`.
pub(crate) fn read(
    component: &Component<'_>,
    zones: &Zones<'_>,
    start: &When,
) -> Result<Recurrence, Reason> {
    let rules = |name| -> Result<Vec<Rule>, Reason> {
        let mut rules = Vec::new();
        for property in component.all(name).filter_map(|line| line.property()) {
            let RuleText { mut rule, until } = parse_rule(&property.value)?;
            rule.until = until.map(|until| until_in_kind(until, start));
            if !rules.contains(&rule) {
                rules.push(rule);
            }
        }
        Ok(rules)
    };
    let mut extras = BTreeSet::new();
    for property in component.all("RDATE").filter_map(|line| line.property()) {
        for part in property.value.split(',').filter(|part| !part.trim().is_empty()) {
            let extra = extra(part, &property, zones, start)?;
            // The start is an occurrence anyway.
            if extra.end.is_some() || extra.start != *start {
                extras.insert(extra);
            }
        }
    }
    Ok(Recurrence { rules: rules("RRULE")?, exclusions: rules("EXRULE")?, extras })
}

/// Writes what differs between two repetitions.
pub(crate) fn write(component: &mut Component<'_>, current: &Recurrence, target: &Recurrence) {
    let lines = |name: &str, rules: &[Rule]| -> Vec<NewLine> {
        rules.iter().map(|rule| NewLine::new(name, rule_text(rule))).collect()
    };
    if current.rules != target.rules {
        component.set("RRULE", lines("RRULE", &target.rules));
    }
    if current.exclusions != target.exclusions {
        component.set("EXRULE", lines("EXRULE", &target.exclusions));
    }
    if current.extras != target.extras {
        component.set("RDATE", target.extras.iter().map(extra_line).collect());
    }
}

fn extra(
    part: &str,
    property: &Property,
    zones: &Zones<'_>,
    start: &When,
) -> Result<Extra, Reason> {
    let bad = Reason::BadTime("RDATE");
    let (from, to) = match part.split_once('/') {
        Some((from, to)) => (from, Some(to)),
        None => (part, None),
    };
    let from = stamp_of(from, property).ok_or(bad.clone())?;
    let from = placed(from, property, zones)?;
    let end = match to {
        None => None,
        Some(to) => Some(match stamp_of(to, property) {
            Some(stamp) => placed(stamp, property, zones)?,
            None => value::duration(to).and_then(|d| plus(&from, d)).ok_or(bad.clone())?,
        }),
    };
    let extra =
        Extra { start: in_kind_of(&from, start), end: end.map(|end| in_kind_of(&end, start)) };
    let is_backwards = extra
        .end
        .as_ref()
        .is_some_and(|end| instant(end, &TimeZone::UTC) < instant(&extra.start, &TimeZone::UTC));
    if is_backwards { Err(bad) } else { Ok(extra) }
}

fn extra_line(extra: &Extra) -> NewLine {
    match &extra.end {
        None => with_kind(NewLine::new("RDATE", text(&extra.start)), &extra.start),
        Some(end) => {
            let period = format!("{}/{}", text(&extra.start), text(end));
            let line = NewLine::new("RDATE", period).param("VALUE", "PERIOD");
            // A period has no dates, so what is left to say is a zone.
            if extra.start.is_date() { line } else { with_kind(line, &extra.start) }
        }
    }
}

/// A rule as its text has it; UNTIL can be understood only beside a start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RuleText {
    pub(crate) rule: Rule,
    pub(crate) until: Option<Stamp>,
}

/// Reads a rule. Lenient in form (case, empty parts, order, doubles), strict in what it says:
/// a value out of range makes it another rule than its author meant, so it is refused.
pub(crate) fn parse_rule(text: &str) -> Result<RuleText, Reason> {
    let text: String = text.chars().filter(|c| !c.is_ascii_control()).collect();
    rule_parts(&text).ok_or(Reason::BadRule)
}

fn rule_parts(text: &str) -> Option<RuleText> {
    let mut parts = BTreeMap::new();
    for part in text.trim().split(';').filter(|part| !part.trim().is_empty()) {
        let (name, value) = part.split_once('=')?;
        let value = value.trim();
        if !value.is_empty() {
            parts.entry(name.trim().to_ascii_uppercase()).or_insert(value);
        }
    }
    let frequency = frequency(&parts.remove("FREQ")?.to_ascii_uppercase())?;
    let mut rule = Rule::new(frequency);
    let mut until = None;
    let has_scale = parts.contains_key("RSCALE");
    for (name, value) in parts {
        match name.as_str() {
            "INTERVAL" => rule.interval = in_range(value, 1, u32::MAX)?,
            "COUNT" => rule.count = Some(in_range(value, 1, u32::MAX)?),
            "UNTIL" => until = Some(value::stamp(value)?),
            "BYSECOND" => rule.by_second = list(value, 0, 60)?,
            "BYMINUTE" => rule.by_minute = list(value, 0, 59)?,
            "BYHOUR" => rule.by_hour = list(value, 0, 23)?,
            "BYDAY" => rule.by_day = by_days(value)?,
            "BYMONTHDAY" => rule.by_month_day = signed(value, -31, 31)?,
            "BYYEARDAY" => rule.by_year_day = signed(value, -366, 366)?,
            "BYWEEKNO" => rule.by_week_number = signed(value, -53, 53)?,
            "BYMONTH" => rule.by_month = months(value, if has_scale { 13 } else { 12 })?,
            "BYSETPOS" => rule.by_set_position = signed(value, -366, 366)?,
            "WKST" => rule.week_start = weekday(value)?,
            _ => {
                rule.other.insert(name, value.to_owned());
            }
        }
    }
    Some(RuleText { rule, until })
}

/// A rule in its written form.
pub(crate) fn rule_text(rule: &Rule) -> String {
    let mut out = format!("FREQ={}", frequency_text(rule.frequency));
    let mut part = |name: &str, value: String| {
        if !value.is_empty() {
            out.push_str(&format!(";{name}={value}"));
        }
    };
    for (name, value) in &rule.other {
        part(name, value.clone());
    }
    if rule.interval != 1 {
        part("INTERVAL", rule.interval.to_string());
    }
    part("COUNT", rule.count.map(|count| count.to_string()).unwrap_or_default());
    part("UNTIL", rule.until.as_ref().map(until_text).unwrap_or_default());
    part(
        "BYMONTH",
        joined(&rule.by_month, |m| format!("{}{}", m.number, if m.leap { "L" } else { "" })),
    );
    part("BYWEEKNO", joined(&rule.by_week_number, ToString::to_string));
    part("BYYEARDAY", joined(&rule.by_year_day, ToString::to_string));
    part("BYMONTHDAY", joined(&rule.by_month_day, ToString::to_string));
    part("BYDAY", joined(&rule.by_day, by_day_text));
    part("BYHOUR", joined(&rule.by_hour, ToString::to_string));
    part("BYMINUTE", joined(&rule.by_minute, ToString::to_string));
    part("BYSECOND", joined(&rule.by_second, ToString::to_string));
    part("BYSETPOS", joined(&rule.by_set_position, ToString::to_string));
    if rule.week_start != Weekday::Monday {
        part("WKST", weekday_text(rule.week_start).to_owned());
    }
    out
}

/// UNTIL in the kind that RFC 5545 asks for beside this start. A date beside a time means the
/// whole of that day, which is how clients show it.
fn until_in_kind(until: Stamp, start: &When) -> Until {
    let wall = match until {
        Stamp::Date(date) => date.at(23, 59, 59, 0),
        Stamp::Local(wall) | Stamp::Utc(wall) => wall,
    };
    match (start, until) {
        (When::Date(_), _) => Until::Date(wall.date()),
        (When::Floating(_), _) => Until::Floating(wall),
        (When::Utc(_), _) | (When::Zoned { .. }, Stamp::Utc(_)) => Until::Utc(wall),
        (When::Zoned { zone, .. }, _) => {
            let zone = time_zone(zone).unwrap_or(TimeZone::UTC);
            Until::Utc(TimeZone::UTC.to_datetime(instant_in(wall, &zone)))
        }
    }
}

fn until_text(until: &Until) -> String {
    match until {
        Until::Date(date) => value::date_text(*date),
        Until::Floating(wall) => value::wall_text(*wall),
        Until::Utc(wall) => format!("{}Z", value::wall_text(*wall)),
    }
}

fn in_range<T: FromStr + PartialOrd>(text: &str, least: T, most: T) -> Option<T> {
    let text = text.trim();
    let number: T = text.strip_prefix('+').unwrap_or(text).parse().ok()?;
    (number >= least && number <= most).then_some(number)
}

fn list<T: FromStr + Ord + Copy>(text: &str, least: T, most: T) -> Option<Vec<T>> {
    let parts = text.split(',').filter(|part| !part.trim().is_empty());
    let mut list: Vec<T> = parts.map(|part| in_range(part, least, most)).collect::<Option<_>>()?;
    list.sort_unstable();
    list.dedup();
    Some(list)
}

/// A list in which zero means nothing.
fn signed<T: FromStr + Ord + Copy + Default>(text: &str, least: T, most: T) -> Option<Vec<T>> {
    list(text, least, most).filter(|list| !list.contains(&T::default()))
}

fn months(text: &str, most: u8) -> Option<Vec<Month>> {
    let mut months = Vec::new();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let (digits, leap) = match part.strip_suffix(['L', 'l']) {
            Some(digits) => (digits, true),
            None => (part, false),
        };
        months.push(Month { number: in_range(digits, 1, most)?, leap });
    }
    months.sort_unstable();
    months.dedup();
    Some(months)
}

fn by_days(text: &str) -> Option<Vec<ByDay>> {
    let mut days = Vec::new();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let at = part.len().checked_sub(2).filter(|at| part.is_char_boundary(*at))?;
        let weekday = weekday(&part[at..])?;
        let ordinal = match part[..at].trim() {
            "" => None,
            digits => Some(in_range::<i8>(digits, -53, 53).filter(|ordinal| *ordinal != 0)?),
        };
        days.push(ByDay { ordinal, weekday });
    }
    days.sort_by_key(by_day_order);
    days.dedup();
    Some(days)
}

/// The order of BYDAY in a canonical rule: by weekday, then by ordinal.
fn by_day_order(day: &ByDay) -> (i8, Option<i8>) {
    (day.weekday.to_monday_zero_offset(), day.ordinal)
}

fn by_day_text(day: &ByDay) -> String {
    let ordinal = day.ordinal.map(|ordinal| ordinal.to_string()).unwrap_or_default();
    format!("{ordinal}{}", weekday_text(day.weekday))
}

fn joined<T>(list: &[T], text: impl Fn(&T) -> String) -> String {
    list.iter().map(text).collect::<Vec<_>>().join(",")
}

const FREQUENCIES: [(Frequency, &str); 7] = [
    (Frequency::Secondly, "SECONDLY"),
    (Frequency::Minutely, "MINUTELY"),
    (Frequency::Hourly, "HOURLY"),
    (Frequency::Daily, "DAILY"),
    (Frequency::Weekly, "WEEKLY"),
    (Frequency::Monthly, "MONTHLY"),
    (Frequency::Yearly, "YEARLY"),
];

fn frequency(text: &str) -> Option<Frequency> {
    FREQUENCIES.iter().find(|(_, name)| *name == text).map(|(frequency, _)| *frequency)
}

fn frequency_text(frequency: Frequency) -> &'static str {
    let found = FREQUENCIES.iter().find(|(known, _)| *known == frequency);
    found.expect("every frequency is in the table").1
}

const WEEKDAYS: [(Weekday, &str); 7] = [
    (Weekday::Monday, "MO"),
    (Weekday::Tuesday, "TU"),
    (Weekday::Wednesday, "WE"),
    (Weekday::Thursday, "TH"),
    (Weekday::Friday, "FR"),
    (Weekday::Saturday, "SA"),
    (Weekday::Sunday, "SU"),
];

fn weekday(text: &str) -> Option<Weekday> {
    let text = text.trim();
    let found = WEEKDAYS.iter().find(|(_, name)| name.eq_ignore_ascii_case(text));
    found.map(|(weekday, _)| *weekday)
}

/// A weekday's two letters.
pub(crate) fn weekday_text(weekday: Weekday) -> &'static str {
    let found = WEEKDAYS.iter().find(|(known, _)| *known == weekday);
    found.expect("every weekday is in the table").1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::{Document, LineEnding};
    use jiff::civil::datetime;
    use model::Zone;

    fn berlin() -> When {
        let zone = Zone::Iana("Europe/Berlin".to_owned());
        When::Zoned { local: datetime(2026, 6, 1, 9, 0, 0, 0), zone }
    }

    fn read_lines(lines: &str, start: &When) -> Result<Recurrence, Reason> {
        let text = format!("BEGIN:VEVENT\n{lines}\nEND:VEVENT\n");
        let document = Document::parse(text.as_bytes()).expect("a tree");
        let zones = Zones::new(std::iter::empty());
        read(document.components().next().expect("one"), &zones, start)
    }

    #[test]
    fn rules_are_read_into_one_form() {
        for (text, want) in [
            ("freq=weekly;;byday=we,MO,+1mo,MO;", "FREQ=WEEKLY;BYDAY=MO,1MO,WE"),
            ("INTERVAL=1;FREQ=DAILY;WKST=MO", "FREQ=DAILY"),
            ("FREQ=MONTHLY;BYDAY=-1FR;X-FOO=a;COUNT=3", "FREQ=MONTHLY;X-FOO=a;COUNT=3;BYDAY=-1FR"),
            (
                "RSCALE=HEBREW;FREQ=YEARLY;BYMONTH=5L;SKIP=FORWARD",
                "FREQ=YEARLY;RSCALE=HEBREW;SKIP=FORWARD;BYMONTH=5L",
            ),
            ("FREQ=YEARLY;BYDAY=;BYMONTHDAY=31,1,-1", "FREQ=YEARLY;BYMONTHDAY=-1,1,31"),
        ] {
            let read = parse_rule(text).expect("readable");
            assert_eq!(rule_text(&read.rule), want, "{text}");
            assert_eq!(parse_rule(want).expect("readable"), read);
        }
    }

    #[test]
    fn a_rule_that_says_something_impossible_is_refused() {
        for text in [
            "",
            "DAILY",
            "COUNT=3",
            "FREQ=OFTEN",
            "FREQ=DAILY;INTERVAL=0",
            "FREQ=DAILY;COUNT=0",
            "FREQ=DAILY;COUNT=x",
            "FREQ=DAILY;UNTIL=soon",
            "FREQ=YEARLY;BYMONTH=13",
            "FREQ=YEARLY;BYMONTHDAY=0",
            "FREQ=YEARLY;BYDAY=64WE",
            "FREQ=YEARLY;BYDAY=\u{e4}",
            "FREQ=YEARLY;BYDAY=1UZ",
        ] {
            assert_eq!(parse_rule(text), Err(Reason::BadRule), "{text}");
        }
    }

    #[test]
    fn until_takes_the_kind_of_the_start() {
        let utc = |hour, minute, second| Until::Utc(datetime(2026, 6, 3, hour, minute, second, 0));
        let date = When::Date(jiff::civil::date(2026, 6, 1));
        for (until, start, want) in [
            ("20260603", berlin(), utc(21, 59, 59)),
            ("20260603T090000", berlin(), utc(7, 0, 0)),
            ("20260603T070000Z", berlin(), utc(7, 0, 0)),
            ("20260603T070000Z", date, Until::Date(jiff::civil::date(2026, 6, 3))),
        ] {
            let line = format!("RRULE:FREQ=DAILY;UNTIL={until}");
            let read = read_lines(&line, &start).expect("readable");
            assert_eq!(read.rules[0].until, Some(want), "{until}");
        }
    }

    #[test]
    fn repetitions_go_both_ways() {
        for lines in [
            "RRULE:FREQ=DAILY;COUNT=3\nRRULE:FREQ=DAILY;COUNT=3\nRRULE:FREQ=WEEKLY",
            "EXRULE:FREQ=WEEKLY;BYDAY=SU",
            "RDATE:20260605T070000Z,20260606T070000Z\nRDATE;VALUE=DATE:20260607",
            "RDATE;VALUE=PERIOD:20260605T070000Z/PT2H,20260606T070000Z/20260606T090000Z",
        ] {
            let read = read_lines(lines, &berlin()).expect("readable");
            let mut component = Component::new("VEVENT", LineEnding::Lf);
            write(&mut component, &Recurrence::default(), &read);
            let text = String::from_utf8(component.to_bytes()).expect("text");
            let inner = text.replace("BEGIN:VEVENT\n", "").replace("END:VEVENT\n", "");
            assert_eq!(read_lines(inner.trim_end(), &berlin()), Ok(read), "{inner}");
        }
    }

    #[test]
    fn the_start_is_no_extra_and_extras_take_its_zone() {
        let read = read_lines("RDATE:20260601T070000Z,20260602T070000Z", &berlin());
        let extras = read.expect("readable").extras;
        let want = berlin().with_wall(datetime(2026, 6, 2, 9, 0, 0, 0));
        assert_eq!(extras.first().map(|extra| &extra.start), Some(&want));
        assert_eq!(extras.len(), 1);
        assert!(read_lines("RDATE:x", &berlin()).is_err());
    }
}
