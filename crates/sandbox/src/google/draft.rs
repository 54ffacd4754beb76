//! An event on its way in: what Google refuses, what it drops, cuts and rewrites without a word.

use serde_json::{Value, json};

use super::discovery::Parameters;
use super::failure::Failure;
use super::merge::without_nulls;
use super::quirks::{Quirk, Quirks};
use super::recurrence;
use super::state::Json;
use super::times::{Edge, Moment, range};

/// Characters of a description that are kept.
// quirk: google-38
const LONGEST_DESCRIPTION: usize = 8192;

/// Characters of a key and of a value of an extended property; number and bytes of all together.
// quirk: google-39
const LONGEST_KEY: usize = 44;
const LONGEST_VALUE: usize = 1024;
const MOST_PROPERTIES: usize = 300;
const LARGEST_PROPERTIES: usize = 32 * 1024;

/// Reminders of an event, and the minutes that one can be ahead.
const MOST_REMINDERS: usize = 5;
const EARLIEST_REMINDER: i64 = 40_320;

/// Fields that only Google writes; what a client says of them is not heard.
const OWN: &[&str] = &[
    "kind",
    "etag",
    "htmlLink",
    "created",
    "updated",
    "creator",
    "hangoutLink",
    "locked",
    "attendeesOmitted",
    "privateCopy",
    "endTimeUnspecified",
    "anyoneCanAddSelf",
    "gadget",
];

/// What only Google says of a guest.
const GUEST_OWN: &[&str] = &["self", "organizer", "id", "asyncOperation"];

/// What stands between the delimiters that Google puts around its own text about a conference.
const CONFERENCE_MARK: &str = "-::~:~::";

/// An event as it would be stored.
pub(super) struct Draft<'d> {
    pub(super) event: Json,
    /// What the client said.
    pub(super) said: &'d Json,
    pub(super) quirks: &'d Quirks,
}

/// What a client says, less what it can't say.
pub(super) fn heard(body: &Json, parameters: &Parameters) -> Json {
    let mut heard = body.clone();
    OWN.iter().for_each(|name| drop(heard.remove(*name)));
    // quirk: google-64
    if parameters.get("conferenceDataVersion") != Some("1") {
        heard.remove("conferenceData");
    }
    if !parameters.is_true("supportsAttachments") {
        heard.remove("attachments");
    }
    // quirk: google-68
    if parameters.get("eventLabelVersion") == Some("1") {
        heard.remove("colorId");
    } else {
        heard.remove("eventLabelId");
    }
    heard
}

impl Draft<'_> {
    /// The event as it is stored.
    pub(super) fn settled(mut self) -> Result<Json, Failure> {
        let mut whole = Value::Object(std::mem::take(&mut self.event));
        without_nulls(&mut whole);
        if let Value::Object(event) = whole {
            self.event = event;
        }
        self.words()?;
        self.times()?;
        self.reminders()?;
        self.properties()?;
        self.people()?;
        self.description();
        let is_empty = |value: &Value| match value {
            Value::String(text) => text.is_empty(),
            Value::Array(items) => items.is_empty(),
            Value::Object(map) => map.is_empty(),
            Value::Null => true,
            Value::Bool(_) | Value::Number(_) => false,
        };
        self.event.retain(|_, value| !is_empty(value));
        Ok(self.event)
    }

    fn says(&self, name: &str) -> bool {
        self.said.contains_key(name)
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.event.get(name).and_then(Value::as_str)
    }

    /// Values that are one of a few words.
    fn words(&self) -> Result<(), Failure> {
        let colors: Vec<String> = (1..=11).map(|color: u8| color.to_string()).collect();
        let colors: Vec<&str> = colors.iter().map(String::as_str).collect();
        let allowed: [(&str, &[&str]); 4] = [
            ("status", &["confirmed", "tentative", "cancelled"]),
            ("transparency", &["opaque", "transparent"]),
            ("visibility", &["default", "public", "private", "confidential"]),
            ("colorId", &colors),
        ];
        for (name, allowed) in allowed {
            if self.text(name).is_some_and(|value| !value.is_empty() && !allowed.contains(&value)) {
                return Err(Failure::invalid(format!("Invalid value for: {name}")));
            }
        }
        let source = self.event.get("source").map(|source| source["url"].as_str().unwrap_or(""));
        let is_web = |url: &str| url.starts_with("https://") || url.starts_with("http://");
        if self.says("source") && source.is_some_and(|url| !is_web(url)) {
            return Err(Failure::invalid("Invalid source URL."));
        }
        Ok(())
    }

    /// Times and recurrence.
    fn times(&mut self) -> Result<(), Failure> {
        let timed = ["start", "end", "recurrence", "endTimeUnspecified"];
        if !timed.iter().any(|name| self.says(name)) {
            return Ok(());
        }
        let start = Moment::written(&self.event, Edge::Start, self.quirks)?;
        let end = Moment::written(&self.event, Edge::End, self.quirks)?;
        // quirk: google-35 (what a user made without extent stays, until a client writes times)
        if self.says("start") || self.says("end") {
            range(&start, &end)?;
        }
        if let Some(lines) = self.event.get("recurrence").and_then(Value::as_array).cloned()
            && !lines.is_empty()
        {
            // quirk: google-29
            for (moment, edge) in [(&start, Edge::Start), (&end, Edge::End)] {
                if matches!(moment, Moment::At(_, None)) {
                    return Err(Failure::required(edge.no_zone()));
                }
            }
            self.event.insert("start".to_owned(), start.value());
            self.event.insert("end".to_owned(), end.value());
            let lines = recurrence::checked(&lines, &self.event, &start, self.quirks)?;
            self.event.insert("recurrence".to_owned(), json!(lines));
        }
        self.event.insert("start".to_owned(), start.value());
        self.event.insert("end".to_owned(), end.value());
        Ok(())
    }

    fn reminders(&self) -> Result<(), Failure> {
        let Some(reminders) = self.event.get("reminders") else { return Ok(()) };
        let overrides = reminders["overrides"].as_array().map_or(&[][..], Vec::as_slice);
        if reminders["useDefault"] == true && !overrides.is_empty() {
            let reason = "cannotUseDefaultRemindersAndSpecifyOverride";
            let message = "Cannot specify both default reminders and overrides at the same time.";
            return Err(Failure::because(reason, message));
        }
        let is_wrong = |reminder: &Value| {
            let minutes = reminder["minutes"].as_i64();
            !matches!(reminder["method"].as_str(), Some("popup" | "email"))
                || minutes.is_none_or(|minutes| !(0..=EARLIEST_REMINDER).contains(&minutes))
        };
        if overrides.len() > MOST_REMINDERS || overrides.iter().any(is_wrong) {
            return Err(Failure::invalid("Invalid value for: reminders"));
        }
        Ok(())
    }

    // quirk: google-39
    fn properties(&mut self) -> Result<(), Failure> {
        let Some(Value::Object(kinds)) = self.event.get_mut("extendedProperties") else {
            return Ok(());
        };
        let (mut count, mut bytes) = (0, 0);
        for map in kinds.values_mut().filter_map(Value::as_object_mut) {
            map.retain(|key, _| key.chars().count() <= LONGEST_KEY);
            for (key, value) in map.iter_mut() {
                let text = value.as_str().unwrap_or_default();
                let cut: String = text.chars().take(LONGEST_VALUE).collect();
                count += 1;
                bytes += key.len() + cut.len();
                *value = json!(cut);
            }
        }
        kinds.retain(|_, map| map.as_object().is_some_and(|map| !map.is_empty()));
        if count > MOST_PROPERTIES || bytes > LARGEST_PROPERTIES {
            return Err(Failure::invalid("Extended properties are too large."));
        }
        Ok(())
    }

    fn people(&mut self) -> Result<(), Failure> {
        if !self.says("attendees") {
            return Ok(());
        }
        let Some(Value::Array(attendees)) = self.event.get_mut("attendees") else {
            return Ok(());
        };
        for attendee in attendees {
            let email = attendee["email"].as_str().unwrap_or_default();
            let is_address = email.split_once('@').is_some_and(|(user, host)| {
                !user.is_empty() && !host.is_empty() && !email.contains(' ')
            });
            if !is_address {
                return Err(Failure::invalid("Invalid attendee email."));
            }
            if attendee["responseStatus"].is_null() {
                attendee["responseStatus"] = json!("needsAction");
            }
            if let Some(map) = attendee.as_object_mut() {
                map.retain(|name, _| !GUEST_OWN.contains(&name.as_str()));
            }
        }
        Ok(())
    }

    /// What becomes of a description: cut, and without a text about a conference that isn't there.
    // quirk: google-38
    fn description(&mut self) {
        let Some(text) = self.text("description").map(str::to_owned) else { return };
        let mut kept = text;
        if !self.event.contains_key("conferenceData") {
            kept = without_conference(&kept);
        }
        if kept.chars().count() > LONGEST_DESCRIPTION {
            kept = kept.chars().take(LONGEST_DESCRIPTION).collect();
        }
        self.event.insert("description".to_owned(), json!(kept));
    }
}

/// The lines outside of Google's own block.
fn without_conference(text: &str) -> String {
    if !text.contains(CONFERENCE_MARK) {
        return text.to_owned();
    }
    let mut is_inside = false;
    let outside = text.split('\n').filter(|line| {
        let is_mark = line.starts_with(CONFERENCE_MARK);
        is_inside ^= is_mark;
        !is_inside && !is_mark
    });
    outside.collect::<Vec<_>>().join("\n").trim_end_matches('\n').to_owned()
}

/// Gives a single event without a zone the calendar's, where that is the manner.
// quirk: google-32
pub(super) fn with_zone(event: &mut Json, zone: &str, quirks: &Quirks) {
    if quirks.has(Quirk::MissingZone) {
        return;
    }
    for edge in [Edge::Start, Edge::End] {
        if let Some(Value::Object(time)) = event.get_mut(edge.name())
            && time.contains_key("dateTime")
            && !time.contains_key("timeZone")
        {
            time.insert("timeZone".to_owned(), json!(zone));
        }
    }
}
