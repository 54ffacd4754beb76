//! A lifelike Google calendar: what people have in there, and what only Google puts there.

use model::CalendarId;
use serde_json::{Value, json};

use super::Google;
use super::user::GoogleUser;

impl Google {
    /// Fills a calendar with about `count` events of everyday life and one of each kind that is
    /// peculiar to Google.
    pub fn seed(&self, calendar: &CalendarId, seed: u64, count: usize) {
        let user = self.user(calendar);
        let today = self.world.now().to_zoned(jiff::tz::TimeZone::UTC).date();
        for text in crate::seed::lifelike(seed, today, count) {
            user.create(&text);
        }
        peculiar(&user, calendar.as_str());
    }
}

/// One of each.
fn peculiar(user: &GoogleUser, own: &str) {
    for event in [birthday(), working_location(), focus(), absence(), from_mail(), locked()] {
        user.native(&event);
    }
    let more = [no_extent(), foreign(own), odd_zone(), conference(), labelled(), orphan(own)];
    for event in more {
        user.native(&event);
    }
}

fn timed(start: &str, end: &str, more: &Value) -> Value {
    let zone = "Europe/Berlin";
    let mut event = json!({
        "start": {"dateTime": start, "timeZone": zone},
        "end": {"dateTime": end, "timeZone": zone},
    });
    for (name, value) in more.as_object().into_iter().flatten() {
        event[name] = value.clone();
    }
    event
}

// quirk: google-65
fn birthday() -> Value {
    json!({
        "id": "birthday0ann", "summary": "Happy birthday Ann!", "eventType": "birthday",
        "start": {"date": "1990-05-04"}, "end": {"date": "1990-05-05"},
        "recurrence": ["RRULE:FREQ=YEARLY"], "visibility": "private",
        "transparency": "transparent",
        "birthdayProperties": {"type": "birthday", "contact": "people/c123"},
    })
}

fn working_location() -> Value {
    json!({
        "id": "workinglocation0", "summary": "Home", "eventType": "workingLocation",
        "start": {"date": "2026-01-12"}, "end": {"date": "2026-01-13"},
        "recurrence": ["RRULE:FREQ=WEEKLY;BYDAY=MO"], "visibility": "public",
        "transparency": "transparent",
        "workingLocationProperties": {"type": "homeOffice", "homeOffice": {}},
    })
}

fn focus() -> Value {
    timed(
        "2026-01-13T08:00:00Z",
        "2026-01-13T10:00:00Z",
        &json!({
            "id": "focus00001", "summary": "Focus time", "eventType": "focusTime",
            "focusTimeProperties": {"autoDeclineMode": "declineNone", "chatStatus": "doNotDisturb"},
        }),
    )
}

fn absence() -> Value {
    timed(
        "2026-01-14T08:00:00Z",
        "2026-01-14T16:00:00Z",
        &json!({
            "id": "absence0001", "summary": "Out of office", "eventType": "outOfOffice",
            "outOfOfficeProperties": {"autoDeclineMode": "declineAllConflictingInvitations"},
        }),
    )
}

fn from_mail() -> Value {
    timed(
        "2026-01-20T12:05:00Z",
        "2026-01-21T00:45:00Z",
        &json!({
            "id": "frommail0001", "summary": "Flight to Tokyo (LH716)", "eventType": "fromGmail",
            "location": "Frankfurt FRA",
            "source": {"title": "Mail", "url": "https://mail.example/1"},
            "visibility": "private", "guestsCanInviteOthers": false, "privateCopy": true,
        }),
    )
}

// quirk: google-66
fn locked() -> Value {
    timed(
        "2026-01-15T09:00:00Z",
        "2026-01-15T10:00:00Z",
        &json!({
            "id": "locked00001", "summary": "Booked: room 4", "locked": true,
        }),
    )
}

// quirk: google-35
fn no_extent() -> Value {
    timed(
        "2026-01-16T09:00:00Z",
        "2026-01-16T09:00:00Z",
        &json!({
            "id": "noextent001", "summary": "Parcel is due",
        }),
    )
}

/// The owner is a guest, a colleague of everybody's organizes.
// quirk: google-61
fn foreign(own: &str) -> Value {
    timed(
        "2026-01-19T13:00:00Z",
        "2026-01-19T14:00:00Z",
        &json!({
            "id": "foreign00001", "summary": "Kick-off", "iCalUID": "kickoff@elsewhere.example",
            "organizer": {"email": "ann@example.org", "displayName": "Ann"},
            "creator": {"email": "ann@example.org"},
            "attendees": [
                {"email": "ann@example.org", "responseStatus": "accepted"},
                {"email": own, "responseStatus": "needsAction"},
                {"email": "bob@example.org", "responseStatus": "tentative", "optional": true},
            ],
        }),
    )
}

// quirk: google-32
fn odd_zone() -> Value {
    json!({
        "id": "oddzone00001", "summary": "Call with Denver",
        "start": {"dateTime": "2026-01-21T17:00:00Z", "timeZone": "GMT-07:00"},
        "end": {"dateTime": "2026-01-21T18:00:00Z", "timeZone": "GMT-07:00"},
    })
}

fn conference() -> Value {
    timed(
        "2026-01-22T09:00:00Z",
        "2026-01-22T09:30:00Z",
        &json!({
            "id": "conference01", "summary": "Sprint review",
            "hangoutLink": "https://meet.google.example/abc-defg-hij",
            "conferenceData": {
                "conferenceId": "abc-defg-hij",
                "conferenceSolution": {"key": {"type": "hangoutsMeet"}, "name": "Google Meet"},
                "entryPoints": [{
                    "entryPointType": "video", "uri": "https://meet.google.example/abc-defg-hij",
                    "label": "meet.google.example/abc-defg-hij",
                }],
            },
            "attachments": [{
                "fileUrl": "https://drive.google.example/open?id=1", "title": "Slides",
                "mimeType": "application/vnd.google-apps.presentation", "fileId": "1",
            }],
        }),
    )
}

// quirk: google-68
fn labelled() -> Value {
    timed(
        "2026-01-23T09:00:00Z",
        "2026-01-23T10:00:00Z",
        &json!({
            "id": "label000001", "summary": "Budget", "colorId": "11", "eventLabelId": "label-7",
            "description": "<p>Numbers for <b>2027</b></p><ul><li>travel</li></ul>",
            "reminders": {"useDefault": false, "overrides": [{"method": "email", "minutes": 1440}]},
        }),
    )
}

/// An invitation to one occurrence of a series that the owner does not see.
// quirk: google-4
fn orphan(own: &str) -> Value {
    timed(
        "2026-01-26T09:00:00Z",
        "2026-01-26T10:00:00Z",
        &json!({
            "id": "orphan000001_20260126T083000Z", "summary": "Guest lecture",
            "iCalUID": "lecture@elsewhere.example", "recurringEventId": "orphan000001",
            "originalStartTime": {"dateTime": "2026-01-26T08:30:00Z", "timeZone": "Europe/Berlin"},
            "organizer": {"email": "ann@example.org"}, "creator": {"email": "ann@example.org"},
            "attendees": [{"email": own, "responseStatus": "needsAction"}],
        }),
    )
}
