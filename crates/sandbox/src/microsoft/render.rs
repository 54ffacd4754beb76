//! Rows as iCalendar, for checkers: what a user of the calendar sees, in a form that both sides of
//! a pair can be compared in.
//!
//! Rules are those that give the days that Exchange gives, month ends included; an exception that
//! differs in nothing from what its series gives is none. Extended properties with a name are there
//! as `X-EXCHANGE-PROPERTY;X-KEY="name":value`.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Weekday};
use serde_json::Value;

use super::body;
use super::pattern::{Cycle, End, Index, Pattern};
use super::show::Item;
use super::state::{Json, Row};
use super::times::{Moment, Span, in_zone};
use super::zones;
use crate::text::{Component, Item as Part, Line};

/// An event or a series with its exceptions, as text; `None` when it is deleted.
pub(super) fn series(row: &Row) -> Option<String> {
    if row.is_gone {
        return None;
    }
    let whole = Item { row, slot: None };
    let Some(series) = &row.series else {
        let mut only = event(row, &whole.event(), &row.span);
        properties(&mut only, row);
        return Some(calendar(vec![only]));
    };
    let first = series.pattern.first()?;
    let mut master = event(row, &whole.event(), &row.regular(first));
    add(&mut master, &rule(&series.pattern, &row.regular(first)));
    properties(&mut master, row);
    let mut events = Vec::new();
    for slot in &series.cancelled {
        add(&mut master, &dated("EXDATE", &row.regular(*slot).start, row.span.is_all_day));
    }
    events.push(master);
    for slot in series.exceptions.keys().filter(|slot| row.has(**slot)) {
        let item = Item { row, slot: Some(*slot) };
        let mut one = event(row, &item.event(), &item.span());
        let regular = row.regular(*slot);
        if one == event(row, &row.event, &regular) {
            continue;
        }
        add(&mut one, &dated("RECURRENCE-ID", &regular.start, regular.is_all_day));
        events.push(one);
    }
    Some(calendar(events))
}

fn calendar(events: Vec<Component>) -> String {
    let mut items: Vec<Part> = ["VERSION:2.0", "PRODID:Microsoft Exchange Server 2010"]
        .iter()
        .map(|line| Part::Line(Line::new(line)))
        .collect();
    items.extend(events.into_iter().map(Part::Component));
    Component { name: "VCALENDAR".to_owned(), items }.write()
}

fn event(row: &Row, event: &Json, span: &Span) -> Component {
    let mut out = Component { name: "VEVENT".to_owned(), items: Vec::new() };
    let text = |name: &str| event.get(name).and_then(Value::as_str).unwrap_or_default();
    add(&mut out, &format!("UID:{}", row.uid));
    add(&mut out, &format!("DTSTAMP:{}", utc(row.stamps.updated)));
    add(&mut out, &dated("DTSTART", &span.start, span.is_all_day));
    add(&mut out, &dated("DTEND", &span.end, span.is_all_day));
    let place = event.get("location").and_then(|place| place["displayName"].as_str());
    let html = event.get("body").and_then(|body| body["content"].as_str()).unwrap_or_default();
    let description = body::plain(html);
    for (property, value) in [
        ("SUMMARY", text("subject")),
        ("DESCRIPTION", description.trim_end()),
        ("LOCATION", place.unwrap_or_default()),
    ] {
        if !value.is_empty() {
            add(&mut out, &format!("{property}:{}", escaped(value)));
        }
    }
    let is_cancelled = event.get("isCancelled") == Some(&Value::Bool(true));
    match text("showAs") {
        _ if is_cancelled => add(&mut out, "STATUS:CANCELLED"),
        "tentative" => add(&mut out, "STATUS:TENTATIVE"),
        _ => {}
    }
    let is_free = text("showAs") == "free";
    add(&mut out, if is_free { "TRANSP:TRANSPARENT" } else { "TRANSP:OPAQUE" });
    match text("sensitivity") {
        "private" | "personal" => add(&mut out, "CLASS:PRIVATE"),
        "confidential" => add(&mut out, "CLASS:CONFIDENTIAL"),
        _ => {}
    }
    match text("importance") {
        "high" => add(&mut out, "PRIORITY:1"),
        "low" => add(&mut out, "PRIORITY:9"),
        _ => {}
    }
    let categories = event.get("categories").and_then(Value::as_array);
    let names = categories.into_iter().flatten().filter_map(Value::as_str).map(escaped);
    let names: Vec<String> = names.collect();
    if !names.is_empty() {
        add(&mut out, &format!("CATEGORIES:{}", names.join(",")));
    }
    let join = event.get("onlineMeeting").and_then(|meeting| meeting["joinUrl"].as_str());
    if let Some(url) = join {
        add(&mut out, &format!("CONFERENCE;VALUE=URI:{url}"));
    }
    people(&mut out, event);
    alarm(&mut out, event);
    out
}

fn properties(out: &mut Component, row: &Row) {
    for (id, value) in row.properties.iter().filter(|(_, value)| !value.is_empty()) {
        if let Some((_, name)) = id.split_once(" Name ") {
            add(out, &format!("X-EXCHANGE-PROPERTY;X-KEY=\"{name}\":{}", escaped(value)));
        }
    }
}

fn people(out: &mut Component, event: &Json) {
    let attendees = event.get("attendees").and_then(Value::as_array);
    let Some(attendees) = attendees.filter(|all| !all.is_empty()) else { return };
    let organizer = event.get("organizer").and_then(|one| one["emailAddress"]["address"].as_str());
    if let Some(address) = organizer {
        add(out, &format!("ORGANIZER:mailto:{address}"));
    }
    for attendee in attendees {
        let name = attendee["emailAddress"]["name"].as_str();
        let name = name.map(|name| format!(";CN=\"{}\"", name.replace('"', "'")));
        let address = attendee["emailAddress"]["address"].as_str().unwrap_or_default();
        add(out, &format!("ATTENDEE{}:mailto:{address}", name.unwrap_or_default()));
    }
}

fn alarm(out: &mut Component, event: &Json) {
    if event.get("isReminderOn") != Some(&Value::Bool(true)) {
        return;
    }
    let minutes = event.get("reminderMinutesBeforeStart").and_then(Value::as_i64).unwrap_or(15);
    let mut alarm = Component { name: "VALARM".to_owned(), items: Vec::new() };
    add(&mut alarm, "ACTION:DISPLAY");
    add(&mut alarm, &format!("TRIGGER:-PT{minutes}M"));
    add(&mut alarm, "DESCRIPTION:REMINDER");
    out.items.push(Part::Component(alarm));
}

/// A rule that gives the days of a pattern.
// quirk: microsoft-37, microsoft-38, microsoft-40
fn rule(pattern: &Pattern, first: &Span) -> String {
    let mut parts = vec![match &pattern.cycle {
        Cycle::Daily => "FREQ=DAILY".to_owned(),
        Cycle::Weekly { days, first } => {
            let start = if pattern.interval > 1 {
                format!(";WKST={}", short(*first))
            } else {
                String::new()
            };
            format!("FREQ=WEEKLY;BYDAY={}{start}", listed(days))
        }
        Cycle::AbsoluteMonthly { day } => format!("FREQ=MONTHLY;{}", month_day(*day)),
        Cycle::RelativeMonthly { days, index } => {
            format!("FREQ=MONTHLY;{}", relative(days, *index))
        }
        Cycle::AbsoluteYearly { month, day } => {
            format!("FREQ=YEARLY;BYMONTH={month};{}", year_day(*month, *day))
        }
        Cycle::RelativeYearly { month, days, index } => {
            format!("FREQ=YEARLY;BYMONTH={month};{}", relative(days, *index))
        }
    }];
    if pattern.interval > 1 {
        parts.push(format!("INTERVAL={}", pattern.interval));
    }
    match pattern.end {
        End::Never => {}
        End::After(count) => parts.push(format!("COUNT={count}")),
        End::On(last) if first.is_all_day => parts.push(format!("UNTIL={}", day(last))),
        End::On(last) => {
            let wall = last.to_datetime(first.start.wall.time());
            let until = in_zone(wall, &first.start.time_zone());
            parts.push(format!("UNTIL={}", utc(until)));
        }
    }
    format!("RRULE:{}", parts.join(";"))
}

fn month_day(day: i8) -> String {
    match day {
        31 => "BYMONTHDAY=-1".to_owned(),
        29 => "BYMONTHDAY=28,29;BYSETPOS=-1".to_owned(),
        30 => "BYMONTHDAY=28,29,30;BYSETPOS=-1".to_owned(),
        day => format!("BYMONTHDAY={day}"),
    }
}

fn year_day(month: i8, day: i8) -> String {
    let length = match month {
        2 => 29,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    let is_clamped = (month == 2 && day >= length) || day > length;
    if is_clamped { "BYMONTHDAY=-1".to_owned() } else { format!("BYMONTHDAY={day}") }
}

fn relative(days: &[Weekday], index: Index) -> String {
    let number = match index {
        Index::First => 1,
        Index::Second => 2,
        Index::Third => 3,
        Index::Fourth => 4,
        Index::Last => -1,
    };
    match days {
        [one] => format!("BYDAY={number}{}", short(*one)),
        several => format!("BYDAY={};BYSETPOS={number}", listed(several)),
    }
}

fn listed(days: &[Weekday]) -> String {
    let mut days = days.to_vec();
    days.sort_by_key(|day| day.to_monday_zero_offset());
    let names: Vec<&str> = days.into_iter().map(short).collect();
    names.join(",")
}

fn short(day: Weekday) -> &'static str {
    match day {
        Weekday::Monday => "MO",
        Weekday::Tuesday => "TU",
        Weekday::Wednesday => "WE",
        Weekday::Thursday => "TH",
        Weekday::Friday => "FR",
        Weekday::Saturday => "SA",
        Weekday::Sunday => "SU",
    }
}

/// A property with a moment.
fn dated(property: &str, moment: &Moment, is_all_day: bool) -> String {
    if is_all_day {
        return format!("{property};VALUE=DATE:{}", day(moment.wall.date()));
    }
    match zones::iana(&moment.zone).filter(|zone| !matches!(*zone, "Etc/UTC" | "UTC" | "Etc/GMT")) {
        Some(zone) => format!("{property};TZID={zone}:{}", wall(moment.wall)),
        None => format!("{property}:{}", utc(moment.instant())),
    }
}

fn day(date: Date) -> String {
    date.strftime("%Y%m%d").to_string()
}

fn wall(wall: DateTime) -> String {
    wall.strftime("%Y%m%dT%H%M%S").to_string()
}

fn utc(at: Timestamp) -> String {
    at.strftime("%Y%m%dT%H%M%SZ").to_string()
}

fn add(component: &mut Component, unfolded: &str) {
    // Lines before components, as texts are written.
    let end = component.items.iter().position(|item| matches!(item, Part::Component(_)));
    let end = end.unwrap_or(component.items.len());
    component.items.insert(end, Part::Line(Line::new(unfolded)));
}

/// A text value (RFC 5545 section 3.3.11).
fn escaped(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace(';', "\\;").replace(',', "\\,");
    text.replace("\r\n", "\\n").replace(['\n', '\r'], "\\n")
}
