//! iCalendar as a person would type it into Google: what the simulated users write.
//!
//! What Google has no field for is not typed. Read by `ical`, which is not the adapter.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use model::{
    AlarmAction, Class, Event, Exception, Series, Status, Transparency, Trigger, When, Zone,
};
use serde_json::{Value, json};

use super::state::Json;
use super::times::{Moment, zone_of};
use crate::text::Component;

/// The fields that a person types; each is set or taken away as a whole.
pub(super) const FIELDS: &[&str] = &[
    "summary",
    "description",
    "location",
    "source",
    "status",
    "transparency",
    "visibility",
    "reminders",
    "start",
    "end",
    "recurrence",
    "attendees",
];

/// The most reminders that can be typed.
const MOST_REMINDERS: usize = 5;

/// A text as it would be typed.
#[derive(Debug, Default)]
pub(super) struct Typed {
    pub(super) uid: String,
    pub(super) master: Option<Json>,
    /// By suffix of the instance's id: what is typed there, or `None` for a cancelled one.
    pub(super) exceptions: BTreeMap<String, (Moment, Option<Json>)>,
}

impl Typed {
    /// Reads a text for a calendar with this zone; `None` when nobody can.
    pub(super) fn read(text: &str, zone: &str) -> Option<Self> {
        let series = ical::read(text.as_bytes()).ok()?;
        let calendar = zone_of(zone).unwrap_or(TimeZone::UTC);
        let place = Zoned { calendar: &calendar, name: zone };
        let master = series.master.as_ref().map(|master| {
            let mut event = place.event(master);
            let mut lines = rules(&series);
            lines.extend(series.recurrence.extras.iter().filter_map(|extra| {
                let moment = place.moment(&extra.start)?;
                let kind = if moment.is_day() { ";VALUE=DATE" } else { "" };
                Some(format!("RDATE{kind}:{}", moment.suffix()))
            }));
            if !lines.is_empty() {
                event.insert("recurrence".to_owned(), json!(lines));
            }
            event
        });
        let exceptions = series.exceptions.iter().filter_map(|(original, exception)| {
            let original = place.moment(original)?;
            let typed = match exception {
                Exception::Cancelled => None,
                Exception::Override(event) => Some(place.event(event)),
            };
            Some((original.suffix(), (original, typed)))
        });
        Some(Self { uid: series.uid.as_str().to_owned(), master, exceptions: exceptions.collect() })
    }
}

/// The rules of a series.
fn rules(series: &Series) -> Vec<String> {
    let mut alone = series.clone();
    alone.exceptions.clear();
    let text = ical::create(&alone, Timestamp::UNIX_EPOCH);
    let root = Component::parse(&text);
    let event = root.iter().flat_map(Component::components).find(|one| one.name == "VEVENT");
    let lines = event.into_iter().flat_map(Component::lines);
    let wanted = lines.filter(|line| matches!(line.name.as_str(), "RRULE" | "EXRULE"));
    wanted.map(|line| format!("{}{}:{}", line.name, line.params, line.value)).collect()
}

/// The calendar's zone.
struct Zoned<'z> {
    calendar: &'z TimeZone,
    name: &'z str,
}

impl Zoned<'_> {
    fn moment(&self, when: &When) -> Option<Moment> {
        let zone = match when {
            When::Date(date) => return Some(Moment::Day(*date)),
            When::Utc(_) => "UTC",
            When::Zoned { zone: Zone::Iana(name), .. } if zone_of(name).is_some() => name,
            When::Floating(_) | When::Zoned { .. } => self.name,
        };
        let at = ical::instant(when, self.calendar)?;
        Some(Moment::At(at, Some(zone.to_owned())))
    }

    fn event(&self, event: &Event) -> Json {
        let mut typed = Json::new();
        let mut set = |name: &str, value: Value| drop(typed.insert(name.to_owned(), value));
        for (name, when) in [("start", &event.start), ("end", &event.end)] {
            if let Some(moment) = self.moment(when) {
                set(name, moment.value());
            }
        }
        let texts = [
            ("summary", &event.title),
            ("description", &event.description),
            ("location", &event.location),
        ];
        for (name, text) in texts {
            if let Some(text) = text {
                set(name, json!(text.expose()));
            }
        }
        let url = event.url.as_ref().map(|url| url.expose().clone());
        if let Some(url) = url.filter(|url| url.starts_with("http")) {
            set("source", json!({"url": url, "title": "Link"}));
        }
        let status = if event.status == Status::Tentative { "tentative" } else { "confirmed" };
        set("status", json!(status));
        if event.transparency == Transparency::Transparent {
            set("transparency", json!("transparent"));
        }
        match event.class {
            Class::Public => {}
            Class::Private => set("visibility", json!("private")),
            Class::Confidential => set("visibility", json!("confidential")),
        }
        let reminders: Vec<Value> = event.alarms.iter().filter_map(reminder).collect();
        let reminders = &reminders[..reminders.len().min(MOST_REMINDERS)];
        set("reminders", reminders_of(reminders));
        let guests = event.people.attendees.iter().filter_map(|person| {
            let email = person.email.as_ref()?.expose();
            Some(json!({"email": email, "responseStatus": "needsAction"}))
        });
        let guests: Vec<Value> = guests.collect();
        if !guests.is_empty() {
            set("attendees", json!(guests));
        }
        typed
    }
}

fn reminders_of(overrides: &[Value]) -> Value {
    if overrides.is_empty() {
        return json!({"useDefault": false});
    }
    json!({"useDefault": false, "overrides": overrides})
}

fn reminder(alarm: &model::Alarm) -> Option<Value> {
    let method = match alarm.action {
        AlarmAction::Display => "popup",
        AlarmAction::Email => "email",
    };
    match alarm.trigger {
        Trigger::Start(seconds) if seconds <= 0 && seconds % 60 == 0 => {
            Some(json!({"method": method, "minutes": -seconds / 60}))
        }
        Trigger::Start(_) | Trigger::End(_) | Trigger::At(_) => None,
    }
}
