//! Meetings. A server that does implicit scheduling (RFC 6638) writes to people by itself when
//! somebody stores, changes or deletes a meeting: the organizer's write invites, moves or cancels,
//! a guest's deletion declines. Nothing that calpair does may send mail, so such a write is
//! refused here, before it is sent; the decision is docs/decisions/0009-meetings.md.
//!
//! Written are: events without guests; anything on a server that sends nothing; and, where we are
//! a guest, what concerns nobody but us.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ical::tree::{Component, Document, Property};
use model::{CalendarId, Event, Exception, Field, Resource, Series, Timestamp};
use provider::{Error, ErrorKind, Result};
use transport::Url;

use crate::Flavour;
use crate::discovery::discovered;
use crate::path::calendar_id;
use crate::requests::addresses::Known;
use crate::requests::{addresses, options};
use crate::server::Server;

/// What is about to be done to a resource.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Doing<'a> {
    /// It becomes this.
    Update(&'a Series),
    /// It goes.
    Delete,
}

/// What was found out about calendars, and when.
pub(crate) type Found = Mutex<BTreeMap<CalendarId, (Timestamp, Scheduling)>>;

/// How long it is believed. A server may begin to write to people, or learn another address of
/// ours, while calpair runs; only meetings ask, and mostly from here.
const BELIEVED: Duration = Duration::from_secs(15 * 60);

/// What a server does about the meetings of a calendar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Scheduling {
    /// Nothing.
    Never,
    /// It writes to people; these addresses are ours.
    As(BTreeSet<String>),
    /// It writes to people, and which of them is us can't be known.
    AsAnybody,
}

/// Our part in an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// Nobody is to be told anything.
    Free,
    /// Somebody else has invited us.
    Guest,
    /// We have invited somebody, or it can't be ruled out.
    Organizer,
}

/// Apple's relay mailboxes for an organizer; they identify nobody.
// quirk: icloud-75
const RELAY: &str = "@imip.me.com";

/// Lets a write pass that nobody is told of.
///
/// # Errors
/// [`ErrorKind::Forbidden`] when the server would write to people.
// quirk: icloud-79, caldav-13
pub(crate) async fn permit(
    server: &Server,
    calendar: &CalendarId,
    current: &Resource,
    doing: Doing<'_>,
) -> Result<()> {
    let Some(meeting) = Meeting::read(&current.raw) else { return Ok(()) };
    let part = meeting.part(&known(server, calendar).await?, server.flavour());
    let place = server.place();
    let sentence = match (part, doing) {
        (Part::Free, _) => return Ok(()),
        (Part::Guest, Doing::Update(target)) if is_own(&current.series, target) => return Ok(()),
        (Part::Organizer, Doing::Update(_)) => {
            format!("{place} would write to the guests of this meeting; make this change there")
        }
        (Part::Organizer, Doing::Delete) => {
            format!("{place} would tell the guests that this meeting is cancelled; delete it there")
        }
        (Part::Guest, Doing::Update(_)) => {
            format!("this is an invitation: only its organizer can change it at {place}")
        }
        (Part::Guest, Doing::Delete) => {
            format!("{place} would tell the organizer that you decline; delete it there")
        }
    };
    Err(Error::new(ErrorKind::Forbidden, sentence))
}

/// Whether people can be written into a new text here without anybody being told.
///
/// # Errors
/// When the server could not be asked now.
// quirk: caldav-13
pub(crate) async fn tells_nobody(server: &Server, calendar: &CalendarId) -> Result<bool> {
    Ok(known(server, calendar).await? == Scheduling::Never)
}

/// Whether a text tells of somebody who has declined the event itself, not one of its occurrences.
pub(crate) fn names_decliners(raw: &[u8]) -> bool {
    !decliners(raw).is_empty()
}

/// Whether we are among them. Where the server does not say who we are, we are whom the username
/// says, where that is an address.
///
/// # Errors
/// When the server could not be asked now.
pub(crate) async fn is_declined(
    server: &Server,
    calendar: &CalendarId,
    raw: &[u8],
) -> Result<bool> {
    // For reading, what was found out once is good enough: nobody is told anything by it.
    let scheduling = match found(server, calendar) {
        Some((_, scheduling)) => scheduling,
        None => known(server, calendar).await?,
    };
    let ours = match scheduling {
        Scheduling::As(ours) => ours,
        Scheduling::Never | Scheduling::AsAnybody => {
            let username = server.username();
            username.contains('@').then(|| plain(username)).into_iter().collect()
        }
    };
    Ok(decliners(raw).iter().any(|guest| !guest.is_disjoint(&ours)))
}

/// The guests who have declined, each with every address that the text gives them.
fn decliners(raw: &[u8]) -> Vec<BTreeSet<String>> {
    const DECLINED: &str = "DECLINED";
    // Most texts name nobody; they are not read twice for that.
    let mut places = raw.windows(DECLINED.len());
    if !places.any(|place| place.eq_ignore_ascii_case(DECLINED.as_bytes())) {
        return Vec::new();
    }
    let Ok(document) = Document::parse(raw) else { return Vec::new() };
    let events = document.components().flat_map(Component::components);
    let masters = events
        .filter(|event| event.name() == "VEVENT" && event.property("RECURRENCE-ID").is_none());
    let has_declined = |guest: &Property| {
        guest.param("PARTSTAT").is_some_and(|answer| answer.eq_ignore_ascii_case(DECLINED))
    };
    let guests = |event: &Component<'_>| -> Vec<BTreeSet<String>> {
        let guests = event.all("ATTENDEE").filter_map(|line| line.property());
        guests.filter(has_declined).map(|guest| addresses_of(&guest)).collect()
    };
    masters.flat_map(guests).collect()
}

/// What the server does, asked now or a while ago.
async fn known(server: &Server, calendar: &CalendarId) -> Result<Scheduling> {
    let now = server.now();
    let believed = now - BELIEVED..=now;
    if let Some((_, known)) = found(server, calendar).filter(|(at, _)| believed.contains(at)) {
        return Ok(known);
    }
    let scheduling = find_out(server, calendar).await?;
    let mut found = server.scheduling.lock().unwrap_or_else(PoisonError::into_inner);
    found.insert(calendar.clone(), (now, scheduling.clone()));
    Ok(scheduling)
}

fn found(server: &Server, calendar: &CalendarId) -> Option<(Timestamp, Scheduling)> {
    let found = server.scheduling.lock().unwrap_or_else(PoisonError::into_inner);
    found.get(calendar).cloned()
}

async fn find_out(server: &Server, calendar: &CalendarId) -> Result<Scheduling> {
    let collection = server.collection(calendar)?;
    let announced = match server.flavour() {
        Flavour::ICloud => true,
        Flavour::Generic => options::parse(&server.ask(options::prepare(collection.url())).await?)?,
    };
    if !announced {
        return Ok(Scheduling::Never);
    }
    let principal = match discovered(server).await {
        Ok(discovered) => discovered.principal,
        Err(error) if is_refusal(&error) => None,
        Err(error) => return Err(error),
    };
    let Some(principal) = principal else { return Ok(Scheduling::AsAnybody) };
    let owner = ask(server, collection.url()).await?.owner;
    if owner.is_some_and(|owner| calendar_id(&owner) != calendar_id(&principal)) {
        return Ok(Scheduling::AsAnybody);
    }
    Ok(match (ask(server, &principal).await?.addresses, server.flavour()) {
        (None, _) => Scheduling::AsAnybody,
        // Who has no address is in no meeting (RFC 6638 section 3.1).
        // quirk: caldav-14
        (Some(none), Flavour::Generic) if none.is_empty() => Scheduling::Never,
        (Some(addresses), _) => {
            Scheduling::As(addresses.iter().map(|address| plain(address)).collect())
        }
    })
}

/// What the server says of an address; what it does not want to say is unknown.
async fn ask(server: &Server, url: &Url) -> Result<Known> {
    match addresses::parse(&server.ask(addresses::prepare(url)).await?) {
        Err(error) if is_refusal(&error) => Ok(Known::default()),
        known => known,
    }
}

/// Whether it will be said again: nothing that passes.
fn is_refusal(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Gone | ErrorKind::Forbidden)
}

/// The people of an event, each with every address that the text gives them.
#[derive(Debug, Default)]
struct Meeting {
    organizers: Vec<BTreeSet<String>>,
    guests: Vec<BTreeSet<String>>,
}

impl Meeting {
    /// `None` where nobody is invited. SCHEDULE-AGENT does not count: not every server heeds it.
    // quirk: icloud-80
    fn read(raw: &[u8]) -> Option<Self> {
        let mut meeting = Self::default();
        match Document::parse(raw) {
            Ok(document) => {
                let events = document.components().flat_map(Component::components);
                for event in events.filter(|event| event.name() == "VEVENT") {
                    let people = |name| event.all(name).filter_map(|line| line.property());
                    meeting.organizers.extend(people("ORGANIZER").map(|line| addresses_of(&line)));
                    meeting.guests.extend(people("ATTENDEE").map(|line| addresses_of(&line)));
                }
            }
            // What can't be read may be anything.
            Err(_) => meeting.guests.push(BTreeSet::new()),
        }
        (!meeting.guests.is_empty()).then_some(meeting)
    }

    fn part(&self, scheduling: &Scheduling, flavour: Flavour) -> Part {
        let ours = match scheduling {
            Scheduling::Never => return Part::Free,
            Scheduling::AsAnybody => return Part::Organizer,
            Scheduling::As(ours) => ours,
        };
        let is_ours = |person: &BTreeSet<String>| !person.is_disjoint(ours);
        let is_known = |person: &BTreeSet<String>| person.iter().any(|one| one.contains('@'));
        let elsewhere = !self.organizers.is_empty()
            && self.organizers.iter().all(|person| is_known(person) && !is_ours(person));
        let invited = self.guests.iter().any(is_ours);
        match (elsewhere, invited, flavour) {
            (true, true, _) => Part::Guest,
            // A copy of other people's meeting (RFC 6638 section 3.1). iCloud's list of our
            // addresses may lack an alias.
            (true, false, Flavour::Generic) => Part::Free,
            (true, false, Flavour::ICloud) => Part::Organizer,
            (false, ..) if self.guests.iter().all(is_ours) => Part::Free,
            (false, ..) => Part::Organizer,
        }
    }
}

fn addresses_of(person: &Property) -> BTreeSet<String> {
    let all = [Some(person.value.as_str()), person.param("EMAIL")].into_iter().flatten();
    all.map(plain).filter(|address| !address.is_empty() && !address.ends_with(RELAY)).collect()
}

/// An address as it can be compared: a mailbox, or a path.
fn plain(address: &str) -> String {
    let address = address.trim().to_lowercase();
    let address = address.strip_prefix("mailto:").unwrap_or(&address);
    let path = Url::parse(address).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    let address = path.map_or_else(|| address.to_owned(), |url| url.path().to_owned());
    address.trim_end_matches('/').to_owned()
}

/// Whether all that changes is a guest's own.
fn is_own(current: &Series, target: &Series) -> bool {
    let is_own = |from: &Event, to: &Event| {
        let changed = Field::ALL.into_iter().filter(|field| !from.same(to, *field));
        changed.filter(|field| *field != Field::People).all(|field| ical::OWN.contains(&field))
    };
    let masters = match (&current.master, &target.master) {
        (Some(from), Some(to)) => is_own(from, to),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    };
    let exceptions = current.exceptions.iter().zip(&target.exceptions);
    masters
        && current.recurrence == target.recurrence
        && current.exceptions.len() == target.exceptions.len()
        && exceptions.into_iter().all(|((old, from), (new, to))| match (from, to) {
            (Exception::Override(from), Exception::Override(to)) => old == new && is_own(from, to),
            (Exception::Cancelled, Exception::Cancelled) => old == new,
            (Exception::Override(_), Exception::Cancelled)
            | (Exception::Cancelled, Exception::Override(_)) => false,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(lines: &str, ours: &[&str], flavour: Flavour) -> Option<Part> {
        let text = format!("BEGIN:VCALENDAR\nBEGIN:VEVENT\n{lines}\nEND:VEVENT\nEND:VCALENDAR\n");
        let scheduling = Scheduling::As(ours.iter().map(|address| plain(address)).collect());
        Some(Meeting::read(text.as_bytes())?.part(&scheduling, flavour))
    }

    // quirk: icloud-75, icloud-79, icloud-80, caldav-13
    #[test]
    fn who_we_are_in_a_meeting() {
        let ours = ["mailto:Kim@example.org", "/123/principal/"];
        let bob = "ATTENDEE:mailto:bob@example.org";
        for (lines, generic, icloud) in [
            ("SUMMARY:x", None, None),
            ("ORGANIZER:mailto:kim@example.org", None, None),
            ("ORGANIZER:MAILTO:kim@Example.org\n{bob}", Some(Part::Organizer), None),
            ("ORGANIZER;EMAIL=kim@example.org:/9/principal/\n{bob}", Some(Part::Organizer), None),
            ("ORGANIZER:https://x/123/principal/\n{bob}", Some(Part::Organizer), None),
            ("ORGANIZER:mailto:2_X@imip.me.com\n{bob}", Some(Part::Organizer), None),
            ("ATTENDEE;SCHEDULE-AGENT=NONE:mailto:b@example.org", Some(Part::Organizer), None),
            ("{bob}", Some(Part::Organizer), None),
            ("x.{bob}", Some(Part::Organizer), None),
            (
                "x.ORGANIZER:mailto:bob@example.org\n{bob}\ny.ATTENDEE:mailto:kim@example.org",
                Some(Part::Guest),
                None,
            ),
            (
                "ORGANIZER;SCHEDULE-AGENT=CLIENT:mailto:kim@example.org\n{bob}",
                Some(Part::Organizer),
                None,
            ),
            (
                "ORGANIZER:mailto:kim@example.org\nATTENDEE:mailto:kim@example.org",
                Some(Part::Free),
                None,
            ),
            (
                "ORGANIZER:mailto:bob@example.org\n{bob}\nATTENDEE:mailto:kim@example.org",
                Some(Part::Guest),
                None,
            ),
            ("ORGANIZER:mailto:eve@example.org\n{bob}", Some(Part::Free), Some(Part::Organizer)),
        ] {
            let lines = lines.replace("{bob}", bob);
            assert_eq!(part(&lines, &ours, Flavour::Generic), generic, "{lines}");
            assert_eq!(part(&lines, &ours, Flavour::ICloud), icloud.or(generic), "{lines}");
        }
    }

    #[test]
    fn who_has_declined_the_event_itself() {
        let text = |lines: &str| {
            format!(
                "BEGIN:VCALENDAR\nBEGIN:VEVENT\n{lines}\nEND:VEVENT\nBEGIN:VEVENT\n\
                 RECURRENCE-ID:20260102T100000Z\nATTENDEE;PARTSTAT=DECLINED:mailto:eve@x\n\
                 END:VEVENT\nEND:VCALENDAR\n"
            )
        };
        for (lines, expected) in [
            ("SUMMARY:DECLINED", &[][..]),
            ("ATTENDEE;PARTSTAT=ACCEPTED:mailto:kim@x", &[]),
            (
                "ATTENDEE;PARTSTAT=Declined;EMAIL=Kim@x:/1/principal/\nATTENDEE:mailto:b@x",
                &["/1/principal", "kim@x"],
            ),
            ("x.ATTENDEE;PARTSTAT=DECLINED:mailto:kim@x", &["kim@x"]),
        ] {
            let found = decliners(text(lines).as_bytes());
            let found: Vec<&str> = found.iter().flatten().map(String::as_str).collect();
            assert_eq!(found, expected, "{lines}");
        }
    }

    #[test]
    fn a_guest_changes_alarms_and_nothing_of_others() {
        let series = |lines: &str| {
            let text = format!(
                "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:a\nDTSTART:20260101T100000Z\n\
                 RRULE:FREQ=DAILY;COUNT=5\n{lines}\nEND:VEVENT\nEND:VCALENDAR\n"
            );
            ical::read(text.as_bytes()).unwrap()
        };
        let held = series("SUMMARY:x");
        for (lines, own) in [
            ("SUMMARY:x\nTRANSP:TRANSPARENT\nCATEGORIES:mine", true),
            ("SUMMARY:x\nBEGIN:VALARM\nACTION:DISPLAY\nTRIGGER:-PT5M\nEND:VALARM", true),
            ("SUMMARY:y", false),
            ("SUMMARY:x\nEXDATE:20260102T100000Z", false),
        ] {
            assert_eq!(is_own(&held, &series(lines)), own, "{lines}");
        }
    }
}
