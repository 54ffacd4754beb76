//! Paths: which part of the service a request means.
//!
//! Segments are read without case and percent-decoded; `delta` is spelt in four ways.

use percent_encoding::percent_decode_str;

use super::failure::Failure;
use crate::Op;

/// Which calendar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Which {
    /// The account's default one.
    Default,
    Named(String),
    /// Whichever the event is in.
    Any,
}

/// What a request is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Me,
    MailboxSettings,
    Zones {
        iana: bool,
    },
    Categories,
    Groups,
    GroupCalendars,
    Calendars,
    Calendar(Which),
    Events(Which),
    EventsDelta(Which),
    View(Which),
    ViewDelta(Which),
    Event(Which, String),
    Instances(Which, String),
    Batch,
    /// Authorization page, token, device code; of which tenant.
    Authorize(String),
    Token(String),
    DeviceCode(String),
    Nowhere,
}

/// The spellings of the function.
// quirk: microsoft-17
const DELTA: [&str; 4] = ["delta", "delta()", "microsoft.graph.delta", "microsoft.graph.delta()"];

/// The id of the only group of calendars.
pub(super) const GROUP: &str = "AQMkADAwGROUPmyCalendars=";

impl Place {
    /// What a path means.
    pub(super) fn of(path: &str) -> Self {
        let segments: Vec<String> = path
            .trim_matches('/')
            .split('/')
            .map(|segment| percent_decode_str(segment).decode_utf8_lossy().into_owned())
            .collect();
        let lower: Vec<String> = segments.iter().map(|one| one.to_ascii_lowercase()).collect();
        let (segments, lower): (Vec<&str>, Vec<&str>) = (
            segments.iter().map(String::as_str).collect(),
            lower.iter().map(String::as_str).collect(),
        );
        match (&segments[..], &lower[..]) {
            ([tenant, ..], [_, "oauth2", "v2.0", what]) => match *what {
                "authorize" => Place::Authorize((*tenant).to_owned()),
                "token" => Place::Token((*tenant).to_owned()),
                "devicecode" => Place::DeviceCode((*tenant).to_owned()),
                _ => Place::Nowhere,
            },
            (_, ["v1.0", "$batch"]) => Place::Batch,
            ([_, _, rest @ ..], ["v1.0", "me", low @ ..]) => Self::mine(rest, low),
            _ => Place::Nowhere,
        }
    }

    /// What a path below `/me` means.
    fn mine(rest: &[&str], lower: &[&str]) -> Self {
        let named = |id: &str| Which::Named(id.to_owned());
        match (rest, lower) {
            (_, []) => Place::Me,
            (_, ["mailboxsettings"]) => Place::MailboxSettings,
            (_, ["outlook", "mastercategories"]) => Place::Categories,
            (_, ["outlook", zones]) if zones.starts_with("supportedtimezones") => {
                Place::Zones { iana: zones.contains("iana") }
            }
            (_, ["calendargroups"]) => Place::Groups,
            (_, ["calendargroups", _, "calendars"]) => Place::GroupCalendars,
            (_, ["calendars"]) => Place::Calendars,
            (_, ["calendar"]) => Place::Calendar(Which::Default),
            ([_, id, ..], ["calendars", _, low @ ..]) => Self::within(named(id), &rest[2..], low),
            (_, ["calendar", low @ ..]) => Self::within(Which::Default, &rest[1..], low),
            ([_, ..], ["events", _, ..]) if !DELTA.contains(&lower[1]) => {
                Self::within(Which::Any, rest, lower)
            }
            _ => Self::within(Which::Default, rest, lower),
        }
    }

    /// What a path below a calendar means.
    fn within(which: Which, rest: &[&str], lower: &[&str]) -> Self {
        match (rest, lower) {
            (_, []) => Place::Calendar(which),
            (_, ["events"]) => Place::Events(which),
            (_, ["calendarview"]) => Place::View(which),
            (_, ["calendarview", delta]) if DELTA.contains(delta) => Place::ViewDelta(which),
            (_, ["events", delta]) if DELTA.contains(delta) => Place::EventsDelta(which),
            ([_, id], ["events", _]) => Place::Event(which, (*id).to_owned()),
            ([_, id, _], ["events", _, "instances"]) => Place::Instances(which, (*id).to_owned()),
            _ => Place::Nowhere,
        }
    }

    /// The template of the path.
    pub(super) const fn call(&self) -> &'static str {
        match self {
            Place::Me => "/me",
            Place::MailboxSettings => "/me/mailboxSettings",
            Place::Zones { .. } => "/me/outlook/supportedTimeZones",
            Place::Categories => "/me/outlook/masterCategories",
            Place::Groups => "/me/calendarGroups",
            Place::GroupCalendars => "/me/calendarGroups/{id}/calendars",
            Place::Calendars => "/me/calendars",
            Place::Calendar(Which::Named(_)) => "/me/calendars/{id}",
            Place::Calendar(_) => "/me/calendar",
            Place::Events(Which::Named(_)) => "/me/calendars/{id}/events",
            Place::Events(_) => "/me/events",
            Place::EventsDelta(Which::Named(_)) => "/me/calendars/{id}/events/delta",
            Place::EventsDelta(_) => "/me/events/delta",
            Place::View(Which::Named(_)) => "/me/calendars/{id}/calendarView",
            Place::View(_) => "/me/calendarView",
            Place::ViewDelta(Which::Named(_)) => "/me/calendars/{id}/calendarView/delta",
            Place::ViewDelta(_) => "/me/calendarView/delta",
            Place::Event(Which::Named(_), _) => "/me/calendars/{id}/events/{id}",
            Place::Event(..) => "/me/events/{id}",
            Place::Instances(Which::Named(_), _) => "/me/calendars/{id}/events/{id}/instances",
            Place::Instances(..) => "/me/events/{id}/instances",
            Place::Batch => "/$batch",
            Place::Authorize(_) => "/{tenant}/oauth2/v2.0/authorize",
            Place::Token(_) => "/{tenant}/oauth2/v2.0/token",
            Place::DeviceCode(_) => "/{tenant}/oauth2/v2.0/devicecode",
            Place::Nowhere => "",
        }
    }

    /// The kind of call that a method on it is.
    pub(super) fn op(&self, method: &str) -> Op {
        match (self, method) {
            (Place::Calendars | Place::GroupCalendars, _) => Op::Calendars,
            (Place::ViewDelta(_) | Place::EventsDelta(_), _) => Op::Changes,
            (Place::Events(_), "POST") => Op::Create,
            (Place::Event(..), "PATCH") => Op::Update,
            (Place::Event(..), "DELETE") => Op::Delete,
            (
                Place::Events(_)
                | Place::Event(..)
                | Place::Instances(..)
                | Place::View(_)
                | Place::Batch,
                _,
            ) => Op::Fetch,
            _ => Op::Identity,
        }
    }

    /// Whether it is a part of the API rather than of signing in.
    pub(super) const fn is_api(&self) -> bool {
        !matches!(self, Place::Authorize(_) | Place::Token(_) | Place::DeviceCode(_))
    }

    /// The scopes one of which is needed.
    pub(super) fn scopes(&self, method: &str) -> &'static [&'static str] {
        match self {
            Place::Me => &["User.Read"],
            Place::MailboxSettings | Place::Zones { .. } | Place::Categories => {
                &["MailboxSettings.Read", "MailboxSettings.ReadWrite"]
            }
            Place::Batch => &[],
            _ if method == "GET" => &["Calendars.Read", "Calendars.ReadWrite"],
            _ => &["Calendars.ReadWrite"],
        }
    }

    /// Refuses methods that the place does not know.
    pub(super) fn check_method(&self, method: &str) -> Result<(), Failure> {
        let known: &[&str] = match self {
            Place::Events(_) => &["GET", "POST"],
            Place::Event(..) => &["GET", "PATCH", "DELETE"],
            Place::Batch | Place::Token(_) | Place::DeviceCode(_) => &["POST"],
            Place::Nowhere => return Err(Failure::nowhere()),
            _ => &["GET"],
        };
        if known.contains(&method) { Ok(()) } else { Err(Failure::method()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // quirk: microsoft-17
    #[test]
    fn paths_are_read_in_every_spelling() {
        let named = || Which::Named("AQ=".to_owned());
        for (path, place) in [
            ("/v1.0/me", Place::Me),
            ("/v1.0/ME/Calendars", Place::Calendars),
            ("/v1.0/me/calendars/AQ%3D", Place::Calendar(named())),
            ("/v1.0/me/calendar", Place::Calendar(Which::Default)),
            ("/v1.0/me/calendarView/delta", Place::ViewDelta(Which::Default)),
            ("/v1.0/me/calendar/calendarView/delta()", Place::ViewDelta(Which::Default)),
            ("/v1.0/me/calendars/AQ=/calendarView/delta%28%29", Place::ViewDelta(named())),
            (
                "/v1.0/me/calendars/AQ=/calendarView/microsoft.graph.delta",
                Place::ViewDelta(named()),
            ),
            ("/v1.0/me/events/delta", Place::EventsDelta(Which::Default)),
            ("/v1.0/me/calendars/AQ=/events", Place::Events(named())),
            ("/v1.0/me/events/AA", Place::Event(Which::Any, "AA".to_owned())),
            ("/v1.0/me/calendars/AQ=/events/AA", Place::Event(named(), "AA".to_owned())),
            ("/v1.0/me/events/AA/instances", Place::Instances(Which::Any, "AA".to_owned())),
            ("/v1.0/$batch", Place::Batch),
            ("/common/oauth2/v2.0/token", Place::Token("common".to_owned())),
            ("/v1.0/me/messages", Place::Nowhere),
            ("/v1.0/me/events/AA/forward", Place::Nowhere),
            ("/beta/me/events", Place::Nowhere),
        ] {
            assert_eq!(Place::of(path), place, "{path}");
        }
    }
}
