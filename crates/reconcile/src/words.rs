//! Values as a person reads them.

use std::fmt::Write as _;

use model::civil::{DateTime, Weekday};
use model::{
    Alarm, AlarmAction, ByDay, Class, Event, Field, Frequency, Link, Person, Recurrence, Redacted,
    Rule, Status, Transparency, Trigger, Until, When, Zone,
};

/// `2026-03-02`, `2026-03-02T09:00`, with `Z` for UTC. The zone is said with the times.
pub(crate) fn when(when: &When) -> String {
    match when {
        When::Date(date) => date.to_string(),
        When::Floating(local) | When::Zoned { local, .. } => clock(*local),
        When::Utc(utc) => format!("{}Z", clock(*utc)),
    }
}

/// A field's value; `None` when it is empty.
pub(crate) fn value(event: &Event, field: Field) -> Option<String> {
    let text = |text: &Option<Redacted<String>>| text.as_ref().map(|text| text.expose().clone());
    match field {
        Field::Times => Some(times(&event.start, &event.end)),
        Field::Recurrence => None,
        Field::Title => text(&event.title),
        Field::Description => text(&event.description),
        Field::Location => text(&event.location),
        Field::Geo => event.geo.map(|geo| {
            let degrees = |millionths: i32| f64::from(millionths) / 1_000_000.0;
            format!("{}, {}", degrees(geo.expose().latitude), degrees(geo.expose().longitude))
        }),
        Field::Url => text(&event.url),
        Field::Categories => all(event.categories.iter().map(|name| name.expose().clone())),
        Field::Color => event.color.clone(),
        Field::Class => match event.class {
            Class::Public => None,
            Class::Private => Some("private".to_owned()),
            Class::Confidential => Some("confidential".to_owned()),
        },
        Field::Transparency => match event.transparency {
            Transparency::Opaque => Some("busy".to_owned()),
            Transparency::Transparent => Some("free".to_owned()),
        },
        Field::Status => match event.status {
            Status::None => None,
            Status::Tentative => Some("tentative".to_owned()),
            Status::Confirmed => Some("confirmed".to_owned()),
            Status::Cancelled => Some("cancelled".to_owned()),
        },
        Field::Priority => event.priority.map(|priority| priority.to_string()),
        Field::Alarms => all(event.alarms.iter().map(alarm)),
        Field::People => {
            let organizer =
                event.people.organizer.iter().map(|p| format!("{} (organizer)", person(p)));
            all(organizer.chain(event.people.attendees.iter().map(person)))
        }
        Field::Conferences => all(event.conferences.iter().map(link)),
        Field::Attachments => all(event.attachments.iter().map(link)),
    }
}

fn all(items: impl Iterator<Item = String>) -> Option<String> {
    let items: Vec<String> = items.collect();
    (!items.is_empty()).then(|| items.join(", "))
}

/// `2026-03-02T09:00 to 10:00 Europe/Berlin`; for whole days the last day, not the one after it.
fn times(start: &When, end: &When) -> String {
    if let (When::Date(first), When::Date(after)) = (start, end) {
        let last = after.yesterday().unwrap_or(*after);
        return if last <= *first { first.to_string() } else { format!("{first} to {last}") };
    }
    let (from, until) = (start.wall(), end.wall());
    let zone_of = |when: &When| match when {
        When::Zoned { zone: Zone::Iana(name), .. } => format!(" {name}"),
        When::Zoned { zone: Zone::Posix { tzid, .. }, .. } => format!(" {tzid}"),
        When::Utc(_) => " UTC".to_owned(),
        When::Date(_) | When::Floating(_) => String::new(),
    };
    let (zone, end_zone) = (zone_of(start), zone_of(end));
    let first_zone = if zone == end_zone { "" } else { &zone };
    if from.date() == until.date() {
        let until = clock(until);
        let until = until.split_once('T').map_or(until.as_str(), |(_, time)| time);
        format!("{}{first_zone} to {until}{end_zone}", clock(from))
    } else {
        format!("{}{first_zone} to {}{end_zone}", clock(from), clock(until))
    }
}

/// To the minute, and to the second where there are some.
fn clock(local: DateTime) -> String {
    let mut text = format!("{}T{:02}:{:02}", local.date(), local.hour(), local.minute());
    if local.second() != 0 {
        let _ = write!(text, ":{:02}", local.second());
    }
    text
}

fn alarm(alarm: &Alarm) -> String {
    let when = match &alarm.trigger {
        Trigger::Start(seconds) => relative(*seconds, "start"),
        Trigger::End(seconds) => relative(*seconds, "end"),
        Trigger::At(instant) => format!("at {instant}"),
    };
    match alarm.action {
        AlarmAction::Display => when,
        AlarmAction::Email => format!("{when} by email"),
    }
}

fn relative(seconds: i64, point: &str) -> String {
    const UNITS: [(u64, &str); 4] =
        [(604_800, "week"), (86_400, "day"), (3_600, "hour"), (60, "minute")];
    let amount = seconds.unsigned_abs();
    if amount == 0 {
        return format!("at the {point}");
    }
    let (count, unit) = UNITS
        .into_iter()
        .find(|(length, _)| amount.is_multiple_of(*length))
        .map_or((amount, "second"), |(length, unit)| (amount / length, unit));
    let side = if seconds < 0 { "before" } else { "after" };
    format!("{count} {unit}{} {side} the {point}", if count == 1 { "" } else { "s" })
}

fn person(person: &Person) -> String {
    let shown = |text: &Option<Redacted<String>>| text.as_ref().map(|text| text.expose().clone());
    match (shown(&person.name), shown(&person.email)) {
        (Some(name), Some(email)) => format!("{name} <{email}>"),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => "somebody".to_owned(),
    }
}

fn link(link: &Link) -> String {
    match &link.label {
        Some(label) => format!("{} ({})", link.uri.expose(), label.expose()),
        None => link.uri.expose().clone(),
    }
}

/// `every 2 weeks on Monday, Friday until 2026-12-31`; `once` for no repetition.
pub(crate) fn recurrence(recurrence: &Recurrence) -> String {
    if recurrence.is_empty() {
        return "once".to_owned();
    }
    let mut parts: Vec<String> = recurrence.rules.iter().map(rule).collect();
    parts.extend(recurrence.exclusions.iter().map(|excluded| format!("not {}", rule(excluded))));
    if let Some(extras) = all(recurrence.extras.iter().map(|extra| when(&extra.start))) {
        parts.push(format!("also {extras}"));
    }
    parts.join("; ")
}

fn rule(rule: &Rule) -> String {
    let unit = match rule.frequency {
        Frequency::Secondly => "second",
        Frequency::Minutely => "minute",
        Frequency::Hourly => "hour",
        Frequency::Daily => "day",
        Frequency::Weekly => "week",
        Frequency::Monthly => "month",
        Frequency::Yearly => "year",
    };
    let mut text = match rule.interval {
        1 => format!("every {unit}"),
        interval => format!("every {interval} {unit}s"),
    };
    let mut add = |lead: &str, items: Option<String>, tail: &str| {
        if let Some(items) = items {
            let _ = write!(text, "{lead}{items}{tail}");
        }
    };
    fn numbers<T: ToString>(list: &[T]) -> Option<String> {
        all(list.iter().map(T::to_string))
    }
    let month =
        |month: &model::Month| format!("{}{}", month.number, if month.leap { "L" } else { "" });
    add(" on ", all(rule.by_day.iter().map(by_day)), "");
    add(" on day ", numbers(&rule.by_month_day), " of the month");
    add(" on day ", numbers(&rule.by_year_day), " of the year");
    add(" in week ", numbers(&rule.by_week_number), "");
    add(" in month ", all(rule.by_month.iter().map(month)), "");
    add(" at hour ", numbers(&rule.by_hour), "");
    add(" at minute ", numbers(&rule.by_minute), "");
    add(" at second ", numbers(&rule.by_second), "");
    add(", of these number ", numbers(&rule.by_set_position), "");
    add(", ", rule.count.map(|count| count.to_string()), " times");
    add(" until ", rule.until.as_ref().map(until), "");
    if rule.week_start != Weekday::Monday {
        add(", weeks from ", Some(format!("{:?}", rule.week_start)), "");
    }
    add(", ", all(rule.other.iter().map(|(name, value)| format!("{name}={value}"))), "");
    text
}

fn until(until: &Until) -> String {
    match until {
        Until::Date(date) => date.to_string(),
        Until::Floating(local) => clock(*local),
        Until::Utc(utc) => format!("{}Z", clock(*utc)),
    }
}

fn by_day(day: &ByDay) -> String {
    match day.ordinal {
        None => format!("{:?}", day.weekday),
        Some(-1) => format!("last {:?}", day.weekday),
        Some(ordinal) if ordinal < 0 => format!("{}. last {:?}", -i16::from(ordinal), day.weekday),
        Some(ordinal) => format!("{ordinal}. {:?}", day.weekday),
    }
}
