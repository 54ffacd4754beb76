//! A series in one line of text.
//!
//! ```text
//! weekly "Stand-up" 2026-03-02T09:00 Europe/Berlin 30m count=10 cancel=2026-03-09
//!        move=2026-03-16→11:00 alarm=-15m
//! ```
//!
//! In order: how often (`daily`, `weekly`, `monthly`, `yearly`; nothing for once), the title, the
//! start (a date for whole days), the zone (`Europe/Berlin`, `UTC`, `floating`; UTC where none is
//! given), how long (`30m`, `1h30m`, `2d`; an hour or a day where not given). Then, in any order:
//!
//! | word | is |
//! |---|---|
//! | `uid=` | the UID; where not given, made from the title |
//! | `every=2` `count=10` `until=2026-06-01` `on=MO,WE` | parts of the rule |
//! | `cancel=2026-03-09,…` | occurrences that do not take place |
//! | `move=2026-03-16→11:00` `→2026-03-17T11:00` | an occurrence at another time |
//! | `retitle=2026-03-16→"Another title"` | an occurrence with another title |
//! | `extra=2026-04-01` | an occurrence beside the rule |
//! | `place="…"` `text="…"` `url=…` `color=…` `category=a,b` `priority=5` | as they say |
//! | `class=private` `status=tentative` `free` | as they say |
//! | `alarm=-15m` | a reminder |
//! | `modified=2026-01-01T00:00` | when it was last changed, UTC |
//! | `line="X-ANY;P=1:value"` | a line of the master, as it is |
//!
//! `→` may be written `->`. Quotes hold blanks together and may stand in the middle of a word.

use jiff::civil::{Date, DateTime};
use jiff::{Span, Timestamp};
use model::Series;

/// The series that a line describes.
///
/// # Panics
/// When the line is none.
pub fn series(line: &str) -> Series {
    let fixture = Fixture::read(line);
    let text = fixture.write();
    ical::read(text.as_bytes())
        .unwrap_or_else(|unreadable| panic!("{line}: {}\n{text}", unreadable.reason))
}

/// The iCalendar text that a line describes, with the definitions of its zones.
///
/// # Panics
/// When the line is none.
pub fn text(line: &str) -> String {
    let fixture = Fixture::read(line);
    let stamp = fixture.modified.to_zoned(jiff::tz::TimeZone::UTC).expect("UTC has every time");
    let bytes = ical::create(&series(line), stamp.timestamp());
    let text = String::from_utf8(bytes).expect("fixtures are UTF-8");
    // Whatever wrote it, it was not calpair.
    let is_ours = |line: &&str| line.starts_with("X-CALPAIR-") || line.starts_with("PRODID:");
    let theirs = text.split_inclusive("\r\n").filter(|line| !is_ours(line)).collect::<String>();
    let text = theirs.replacen("VERSION:2.0\r\n", "VERSION:2.0\r\nPRODID:-//testkit//EN\r\n", 1);
    let lines: String = fixture.lines.iter().map(|line| format!("{line}\r\n")).collect();
    text.replacen("END:VEVENT\r\n", &format!("{lines}END:VEVENT\r\n"), 1)
}

/// The series that a line describes, changed at a time.
pub fn modified(line: &str, at: Timestamp) -> Series {
    Series { modified: Some(at), ..series(line) }
}

/// When fixtures were written, where they do not say.
const STAMP: &str = "2026-01-01T00:00";

struct Fixture {
    uid: String,
    title: String,
    start: When,
    length: Span,
    rule: Vec<String>,
    cancelled: Vec<When>,
    overrides: Vec<(When, Change)>,
    extras: Vec<When>,
    properties: Vec<String>,
    alarms: Vec<String>,
    lines: Vec<String>,
    modified: DateTime,
}

enum Change {
    Start(When),
    Title(String),
}

/// A start and the zone that it is written in.
#[derive(Clone)]
struct When {
    wall: DateTime,
    zone: Zone,
}

#[derive(Clone, PartialEq, Eq)]
enum Zone {
    Day,
    Floating,
    Utc,
    Named(String),
}

impl When {
    /// As a property of that name.
    fn property(&self, name: &str) -> String {
        let time = self.wall.strftime("%Y%m%dT%H%M%S");
        match &self.zone {
            Zone::Day => format!("{name};VALUE=DATE:{}", self.wall.strftime("%Y%m%d")),
            Zone::Floating => format!("{name}:{time}"),
            Zone::Utc => format!("{name}:{time}Z"),
            Zone::Named(zone) => format!("{name};TZID={zone}:{time}"),
        }
    }

    /// A later word about the same series: a date means that day's occurrence.
    fn other(&self, word: &str) -> When {
        let wall = if let Ok(wall) = word.parse::<DateTime>()
            && word.contains('T')
        {
            wall
        } else if let Ok(date) = word.parse::<Date>() {
            date.to_datetime(self.wall.time())
        } else {
            let time = word.parse().unwrap_or_else(|_| panic!("`{word}` is no time"));
            self.wall.date().to_datetime(time)
        };
        When { wall, zone: self.zone.clone() }
    }
}

impl Fixture {
    fn read(line: &str) -> Self {
        let mut words = words(line).into_iter().peekable();
        let mut rule = Vec::new();
        let frequency = ["daily", "weekly", "monthly", "yearly"];
        if let Some(word) = words.next_if(|word| frequency.contains(&word.as_str())) {
            rule.push(format!("FREQ={}", word.to_uppercase()));
        }
        let title = words.next().unwrap_or_else(|| panic!("no title in {line}"));
        let start = words.next().unwrap_or_else(|| panic!("no start in {line}"));
        let day = !start.contains('T');
        let wall = if day {
            start.parse::<Date>().map(|date| date.to_datetime(jiff::civil::Time::midnight()))
        } else {
            start.parse::<DateTime>()
        };
        let wall = wall.unwrap_or_else(|_| panic!("`{start}` is no start in {line}"));
        let named = |word: &String| word.contains('/') && !word.contains('=');
        let known = |word: &String| word == "UTC" || word == "floating";
        let zone = match words.next_if(|word| known(word) || named(word)) {
            _ if day => Zone::Day,
            None => Zone::Utc,
            Some(word) if word == "UTC" => Zone::Utc,
            Some(word) if word == "floating" => Zone::Floating,
            Some(word) => Zone::Named(word),
        };
        let length = words.next_if(|word| span(word).is_some()).and_then(|word| span(&word));
        let length = length.unwrap_or(if day { Span::new().days(1) } else { Span::new().hours(1) });
        let mut fixture = Self {
            uid: title.to_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), "-"),
            title,
            start: When { wall, zone },
            length,
            rule,
            cancelled: Vec::new(),
            overrides: Vec::new(),
            extras: Vec::new(),
            properties: Vec::new(),
            alarms: Vec::new(),
            lines: Vec::new(),
            modified: STAMP.parse().expect("the constant is a time"),
        };
        words.for_each(|word| fixture.take(&word, line));
        fixture
    }

    fn take(&mut self, word: &str, line: &str) {
        let (name, value) = word.split_once('=').unwrap_or((word, ""));
        let start = self.start.clone();
        let halves = || {
            let halves = value.split_once('→').or_else(|| value.split_once("->"));
            halves.unwrap_or_else(|| panic!("no → in `{word}` of {line}"))
        };
        let property = |name: &str| format!("{name}:{}", escaped(value));
        match name {
            "uid" => value.clone_into(&mut self.uid),
            "every" => self.rule.push(format!("INTERVAL={value}")),
            "count" => self.rule.push(format!("COUNT={value}")),
            "on" => self.rule.push(format!("BYDAY={value}")),
            "until" => self.rule.push(format!("UNTIL={}", until(&start.other(value)))),
            "cancel" => self.cancelled.extend(value.split(',').map(|day| start.other(day))),
            "extra" => self.extras.extend(value.split(',').map(|day| start.other(day))),
            "move" => {
                let (day, to) = halves();
                let original = start.other(day);
                let moved = original.other(to);
                self.overrides.push((original, Change::Start(moved)));
            }
            "retitle" => {
                let (day, title) = halves();
                self.overrides.push((start.other(day), Change::Title(title.to_owned())));
            }
            "place" => self.properties.push(property("LOCATION")),
            "text" => self.properties.push(property("DESCRIPTION")),
            "url" => self.properties.push(format!("URL:{value}")),
            "color" => self.properties.push(property("COLOR")),
            "category" => self.properties.push(format!("CATEGORIES:{value}")),
            "priority" => self.properties.push(property("PRIORITY")),
            "class" => self.properties.push(format!("CLASS:{}", value.to_uppercase())),
            "status" => self.properties.push(format!("STATUS:{}", value.to_uppercase())),
            "free" => self.properties.push("TRANSP:TRANSPARENT".to_owned()),
            "alarm" => self.alarms.push(trigger(value)),
            "line" => self.lines.push(value.to_owned()),
            "modified" => {
                self.modified = value.parse().unwrap_or_else(|_| panic!("`{word}` in {line}"));
            }
            _ => panic!("`{word}` means nothing (in {line})"),
        }
    }

    /// The text, without definitions of zones.
    fn write(&self) -> String {
        let mut out = vec![
            "BEGIN:VCALENDAR".to_owned(),
            "VERSION:2.0".to_owned(),
            "PRODID:-//fixture//fixture//EN".to_owned(),
        ];
        let mut master = self.event(&self.start, &self.title);
        if !self.rule.is_empty() {
            master.push(format!("RRULE:{}", self.rule.join(";")));
        }
        master.extend(self.cancelled.iter().map(|when| when.property("EXDATE")));
        master.extend(self.extras.iter().map(|when| when.property("RDATE")));
        master.extend(self.lines.iter().cloned());
        out.extend(self.component(master));
        for (original, change) in &self.overrides {
            let mut event = match change {
                Change::Start(start) => self.event(start, &self.title),
                Change::Title(title) => self.event(original, title),
            };
            event.push(original.property("RECURRENCE-ID"));
            out.extend(self.component(event));
        }
        out.push("END:VCALENDAR".to_owned());
        out.join("\r\n") + "\r\n"
    }

    fn event(&self, start: &When, title: &str) -> Vec<String> {
        let stamp = self.modified.strftime("%Y%m%dT%H%M%SZ").to_string();
        let wall = start.wall.saturating_add(self.length);
        let end = When { wall, zone: start.zone.clone() };
        let mut lines = vec![
            format!("UID:{}", escaped(&self.uid)),
            format!("DTSTAMP:{stamp}"),
            format!("LAST-MODIFIED:{stamp}"),
            format!("SUMMARY:{}", escaped(title)),
            start.property("DTSTART"),
            end.property("DTEND"),
        ];
        lines.extend(self.properties.iter().cloned());
        lines
    }

    fn component(&self, lines: Vec<String>) -> Vec<String> {
        let mut out = vec!["BEGIN:VEVENT".to_owned()];
        out.extend(lines);
        for trigger in &self.alarms {
            out.push(format!(
                "BEGIN:VALARM\r\nACTION:DISPLAY\r\nDESCRIPTION:Reminder\r\nTRIGGER:{trigger}\r\n\
                 END:VALARM"
            ));
        }
        out.push("END:VEVENT".to_owned());
        out
    }
}

/// Splits at blanks outside quotes; quotes are taken out.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let (mut word, mut quoted, mut begun) = (String::new(), false, false);
    for character in line.chars() {
        match character {
            '"' => {
                quoted = !quoted;
                begun = true;
            }
            blank if blank.is_whitespace() && !quoted => {
                if begun {
                    words.push(std::mem::take(&mut word));
                }
                begun = false;
            }
            other => {
                word.push(other);
                begun = true;
            }
        }
    }
    if begun {
        words.push(word);
    }
    words
}

/// `30m`, `1h30m`, `2d`.
fn span(word: &str) -> Option<Span> {
    let mut span = Span::new();
    let mut digits = String::new();
    for character in word.chars() {
        if character.is_ascii_digit() {
            digits.push(character);
            continue;
        }
        let count: i64 = std::mem::take(&mut digits).parse().ok()?;
        span = match character {
            'd' => span.days(count),
            'h' => span.hours(count),
            'm' => span.minutes(count),
            _ => return None,
        };
    }
    (digits.is_empty() && !word.is_empty()).then_some(span)
}

/// `-15m` as a TRIGGER.
fn trigger(word: &str) -> String {
    let (sign, rest) = word.strip_prefix('-').map_or(("", word), |rest| ("-", rest));
    assert!(span(rest).is_some(), "`{word}` is no time before or after");
    match rest.strip_suffix('d') {
        Some(days) => format!("{sign}P{days}D"),
        None => format!("{sign}PT{}", rest.to_uppercase()),
    }
}

fn until(last: &When) -> String {
    match last.zone {
        Zone::Day => last.wall.strftime("%Y%m%d").to_string(),
        Zone::Floating => last.wall.strftime("%Y%m%dT%H%M%S").to_string(),
        // The end of that day: RFC 5545 wants UTC, whatever the zone.
        Zone::Utc | Zone::Named(_) => last.wall.strftime("%Y%m%dT235959Z").to_string(),
    }
}

fn escaped(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace(';', "\\;").replace(',', "\\,");
    text.replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use model::{Alarm, AlarmAction, Exception, Trigger};

    use super::*;

    const STAND_UP: &str = "weekly \"Stand-up\" 2026-03-02T09:00 Europe/Berlin 30m count=10 \
        cancel=2026-03-09 move=2026-03-16→11:00 retitle=\"2026-03-23->With, cake\" alarm=-15m";

    #[test]
    fn a_line_is_a_series() {
        let series = series(STAND_UP);
        let master = series.master.as_ref().unwrap();
        assert_eq!(series.uid.as_str(), "stand-up");
        assert_eq!(master.title.as_ref().unwrap().expose(), "Stand-up");
        assert_eq!(series.recurrence.rules[0].count, Some(10));
        let alarm = Alarm { action: AlarmAction::Display, trigger: Trigger::Start(-900) };
        assert!(master.alarms.contains(&alarm));
        let said: Vec<String> = series
            .exceptions
            .iter()
            .map(|(when, exception)| match exception {
                Exception::Cancelled => format!("{} cancelled", when.wall()),
                Exception::Override(event) => format!(
                    "{} {} {}",
                    when.wall(),
                    event.start.wall(),
                    event.title.as_ref().unwrap().expose()
                ),
            })
            .collect();
        assert_eq!(
            said,
            [
                "2026-03-09T09:00:00 cancelled",
                "2026-03-16T09:00:00 2026-03-16T11:00:00 Stand-up",
                "2026-03-23T09:00:00 2026-03-23T09:00:00 With, cake",
            ]
        );
    }

    #[test]
    fn a_text_is_the_series_with_its_zones_and_lines() {
        let line = format!("{STAND_UP} line=\"X-ODD;P=1:a, b\"");
        let text = text(&line);
        assert!(text.contains("BEGIN:VTIMEZONE") && text.contains("\r\nX-ODD;P=1:a, b\r\n"));
        let read = ical::read(text.as_bytes()).unwrap();
        assert!(read.same_content(&series(&line)));
    }

    #[test]
    fn days_and_floating_times() {
        for (line, date) in
            [("\"Trip\" 2026-05-01 3d", true), ("A 2026-05-01T10:00 floating", false)]
        {
            let series = series(line);
            assert_eq!(series.master.unwrap().start.is_date(), date);
        }
    }

    #[test]
    #[should_panic(expected = "means nothing")]
    fn nonsense_is_refused() {
        series("A 2026-05-01 nonsense=1");
    }
}
