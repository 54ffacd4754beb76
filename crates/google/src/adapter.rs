//! The six methods of the seam, and how an account is set up.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use model::{
    Calendar, CalendarId, CreateKey, Cursor, FieldSet, Origin, Resource, ResourceId, Series,
    Timestamp,
};
use provider::{Changes, Error, ErrorKind, Fetched, Provider, Result};
use transport::{Account, Credential, Options, Url, Wire};

use crate::requests::{list_calendars, one_calendar};
use crate::rows::Rows;
use crate::server::Server;
use crate::{draft, fetch, fields, ident, observe, write};

/// Where the time comes from by which a pause in writing ends.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// How many requests run at once where nobody says otherwise: half of what Google allows a person
/// in a second would be five.
const IN_FLIGHT: usize = 4;

/// Pages of the list of calendars; Google lists 250 at once.
const MOST_PAGES: usize = 40;

/// A Google account.
#[derive(Clone)]
pub struct GoogleOptions {
    /// Where the API is: `https://www.googleapis.com/calendar/v3`.
    pub api_url: Url,
    /// What proves the account.
    pub credential: Credential,
    /// Where the time comes from.
    pub clock: Clock,
    /// How long one request may take; `None` for the usual.
    pub deadline: Option<Duration>,
    /// How many requests run at once; `None` for the usual.
    pub in_flight: Option<usize>,
    /// What carries the requests.
    pub wire: Wire,
}

/// One account at Google.
pub struct Google {
    server: Server,
}

impl Google {
    /// An account; sends nothing yet.
    ///
    /// # Errors
    /// As [`Account::new`]: an address that no credential may be sent to.
    pub fn new(options: GoogleOptions) -> Result<Self> {
        let GoogleOptions { api_url, credential, clock, deadline, in_flight, wire } = options;
        let mut policy = Options::new(api_url, credential);
        policy.deadline = deadline.unwrap_or(policy.deadline);
        policy.in_flight = in_flight.unwrap_or(IN_FLIGHT);
        policy.wire = wire;
        Ok(Self { server: Server::new(Account::new(policy)?, clock) })
    }

    /// The calendar that a configuration means by an id; `None` for anything else, such as a name
    /// or `primary`, which is another name for the calendar with the account's address as its id.
    /// Asks nobody.
    pub fn calendar_id(&self, text: &str) -> Option<CalendarId> {
        let is_id = text.contains('@') && !text.chars().any(char::is_whitespace);
        is_id.then(|| CalendarId::new(text))
    }

    /// How many requests went out so far.
    pub fn requests(&self) -> u64 {
        self.server.account().requests()
    }
}

impl fmt::Debug for Google {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Google").field("account", self.server.account()).finish_non_exhaustive()
    }
}

#[async_trait]
impl Provider for Google {
    fn fields(&self) -> FieldSet {
        fields::HELD
    }

    fn shown_otherwise(&self, series: &Series) -> Vec<String> {
        // What can't be written at all is a problem, and told as one.
        let rounded = draft::rounded(series).unwrap_or_default();
        rounded.iter().map(fields::shown_otherwise).collect()
    }

    fn origin(&self, resource: &Resource) -> Origin {
        match Rows::from_raw(&resource.raw) {
            Some(rows) if rows.all().any(ident::is_ours) => Origin::Copy,
            Some(_) | None => Origin::Unknown,
        }
    }

    fn is_made_by(&self, resource: &Resource, key: &CreateKey) -> bool {
        let rows = Rows::from_raw(&resource.raw);
        rows.is_some_and(|rows| rows.all().any(|row| ident::is_made_by(row, key)))
    }

    /// An insert and a patch are answered with the event as it is now, and a sync token from before
    /// them lists what was deleted since, too.
    fn answers_in_full(&self) -> bool {
        true
    }

    // quirk: google-65
    fn unlisted(&self) -> Option<&'static str> {
        Some("birthdays, working locations, focus times and out-of-office times of Google's")
    }

    fn remedy(&self) -> &'static str {
        "see the reason; docs/google.md has the settings of the Google Cloud project"
    }

    async fn identity(&self) -> Result<String> {
        let base = self.server.base();
        let answer = self.server.ask(one_calendar::prepare(base, one_calendar::PRIMARY)).await?;
        match one_calendar::parse(&answer)? {
            Some(primary) => Ok(primary.id),
            None => Err(Error::new(
                ErrorKind::Forbidden,
                format!("{} has no calendar for this account", self.server.place()),
            )),
        }
    }

    async fn calendars(&self) -> Result<Vec<Calendar>> {
        let mut calendars = Vec::new();
        let mut page: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let ask = list_calendars::prepare(self.server.base(), page.as_deref());
            let listed = list_calendars::parse(&self.server.ask(ask).await?)?;
            calendars.extend(listed.calendars);
            page = listed.next;
            if page.is_none() {
                return Ok(calendars);
            }
        }
        let sentence = format!("{} lists calendars without an end", self.server.place());
        Err(Error::new(ErrorKind::Malformed, sentence))
    }

    async fn changes(&self, calendar: &CalendarId, since: Option<&Cursor>) -> Result<Changes> {
        observe::changes(&self.server, calendar, since).await
    }

    async fn fetch(&self, calendar: &CalendarId, ids: &[ResourceId]) -> Result<Vec<Fetched>> {
        fetch::fetch(&self.server, calendar, ids).await
    }

    async fn create(
        &self,
        calendar: &CalendarId,
        series: &Series,
        key: &CreateKey,
    ) -> Result<Resource> {
        write::create(&self.server, calendar, series, key).await
    }

    async fn update(
        &self,
        calendar: &CalendarId,
        current: &Resource,
        target: &Series,
    ) -> Result<Resource> {
        write::update(&self.server, calendar, current, target).await
    }

    async fn delete(&self, calendar: &CalendarId, current: &Resource) -> Result<()> {
        write::delete(&self.server, calendar, current).await
    }
}
