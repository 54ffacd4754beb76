//! A call of a method that was let in, and what answers have in common.

use jiff::Timestamp;

use super::discovery::{Parameters, Route};
use super::failure::Failure;
use super::show::{Sees, View};
use super::state::{Calendar, Json, Role, Service};
use super::times::zone_of;
use crate::faults::Fault;
use crate::rest::Ask;

/// A call.
pub(super) struct Call<'c> {
    pub(super) ask: &'c Ask,
    pub(super) route: &'c Route,
    pub(super) parameters: &'c Parameters,
    pub(super) body: Json,
    pub(super) account: String,
    /// The calendar's own id.
    pub(super) calendar: String,
    pub(super) now: Timestamp,
    pub(super) fault: Option<Fault>,
}

impl Call<'_> {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.ask.header(name)
    }
}

impl Service {
    /// The calendar of a call, if the account may know of it.
    // quirk: google-12
    pub(super) fn calendar(&self, call: &Call<'_>) -> Result<&Calendar, Failure> {
        if self.role(&call.account, &call.calendar) == Role::None {
            return Err(Failure::not_found());
        }
        self.calendars.get(&call.calendar).ok_or_else(Failure::not_found)
    }

    /// How the answer to a call shows events.
    pub(super) fn view(&self, call: &Call<'_>, held: &Calendar) -> View<'_> {
        let zone = call.parameters.get("timeZone").and_then(zone_of);
        let guests = call.parameters.get("maxAttendees").and_then(|most| most.parse().ok());
        let role = self.role(&call.account, &call.calendar);
        let sees = if role == Role::FreeBusyReader { Sees::Busy } else { Sees::Everything };
        View { quirks: &self.quirks, zone: zone.unwrap_or_else(|| held.time_zone()), guests, sees }
    }
}
