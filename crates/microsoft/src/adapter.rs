//! The six methods of the seam, and how an account is set up.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::SignedDuration;
use model::{
    Calendar, CalendarId, CreateKey, Cursor, FieldSet, Resource, ResourceId, Series, Timestamp,
};
use provider::{Changes, Error, ErrorKind, Fetched, Provider, Result};
use transport::{Account, Credential, Options, Url, Wire};

use crate::fields::HELD;
use crate::requests::{After, calendars, me};
use crate::server::Server;
use crate::{fetch, observe, write};

/// Where the time comes from by which windows are opened and moved.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Requests that run at once: Graph refuses the fifth of a mailbox.
// quirk: microsoft-47
const IN_FLIGHT: usize = 4;

/// The most days that Graph lets one look through.
// quirk: microsoft-15
const WIDEST: u32 = 1825;

/// Pages of calendars; nobody has this many.
const MOST_PAGES: usize = 50;

/// The window through which changes are noticed at once, in days before and after today. What is
/// outside of it is kept, too; its changes may be noticed a day later, by the daily listing of
/// everything. It also is for how long a series is written that becomes single events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Horizon {
    /// Days before today.
    pub back: u32,
    /// Days after today.
    pub ahead: u32,
}

impl Horizon {
    /// A window is moved when it is this old.
    pub(crate) const MOVES_AFTER: SignedDuration = SignedDuration::from_hours(7 * 24);

    /// Both, as far as Graph allows.
    pub(crate) fn days(self) -> (u32, u32) {
        let ahead = self.ahead.clamp(1, WIDEST - 1);
        (self.back.min(WIDEST - 1 - ahead), ahead)
    }
}

impl Default for Horizon {
    /// Half a year back, two years ahead.
    fn default() -> Self {
        Self { back: 180, ahead: 730 }
    }
}

/// A Microsoft account.
#[derive(Clone)]
pub struct MicrosoftOptions {
    /// Graph, version included: `https://graph.microsoft.com/v1.0`, or that of a national cloud.
    pub api_url: Url,
    /// What proves the account.
    pub credential: Credential,
    /// Where the time comes from.
    pub clock: Clock,
    /// How long one request may take; `None` for the usual.
    pub deadline: Option<Duration>,
    /// How many requests run at once; `None` for the usual, which is the most that Graph allows.
    pub in_flight: Option<usize>,
    /// What carries the requests.
    pub wire: Wire,
    /// The window; `None` for the usual.
    pub window: Option<Horizon>,
}

/// One account at Microsoft.
pub struct Microsoft {
    server: Server,
}

impl Microsoft {
    /// An account; sends nothing yet.
    ///
    /// # Errors
    /// As [`Account::new`]: an address that no credential may be sent to.
    pub fn new(options: MicrosoftOptions) -> Result<Self> {
        let MicrosoftOptions { api_url, credential, clock, deadline, in_flight, wire, window } =
            options;
        let mut policy = Options::new(api_url, credential);
        policy.deadline = deadline.unwrap_or(policy.deadline);
        policy.in_flight = in_flight.unwrap_or(IN_FLIGHT).min(IN_FLIGHT);
        policy.wire = wire;
        let account = Account::new(policy)?;
        Ok(Self { server: Server::new(account, clock, window.unwrap_or_default()) })
    }

    /// The calendar that a configuration means by an id; `None` for anything else, such as a name
    /// or `primary`. Asks nobody.
    pub fn calendar_id(&self, text: &str) -> Option<CalendarId> {
        let is_id = ["AAMk", "AQMk", "AAkA"].iter().any(|start| text.starts_with(start))
            && !text.chars().any(char::is_whitespace);
        is_id.then(|| CalendarId::new(text))
    }

    /// How many requests went out so far.
    pub fn requests(&self) -> u64 {
        self.server.account().requests()
    }
}

impl fmt::Debug for Microsoft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Microsoft").field("account", self.server.account()).finish_non_exhaustive()
    }
}

#[async_trait]
impl Provider for Microsoft {
    fn fields(&self) -> FieldSet {
        HELD
    }

    async fn identity(&self) -> Result<String> {
        me::parse(&self.server.ask(me::prepare(self.server.graph())).await?)
    }

    async fn calendars(&self) -> Result<Vec<Calendar>> {
        let mut ask = calendars::prepare(self.server.graph());
        let mut found = Vec::new();
        for _ in 0..MOST_PAGES {
            let page = calendars::parse(&self.server.ask(ask).await?)?;
            found.extend(page.rows.iter().map(calendars::calendar));
            let After::Page(link) = page.next else { return Ok(found) };
            ask = self.server.graph().link(&link)?;
        }
        let sentence = format!("{} lists calendars without an end", self.server.place());
        Err(Error::new(ErrorKind::Malformed, sentence))
    }

    async fn changes(&self, calendar: &CalendarId, since: Option<&Cursor>) -> Result<Changes> {
        observe::changes(&self.server, calendar, since).await
    }

    async fn fetch(&self, calendar: &CalendarId, ids: &[ResourceId]) -> Result<Vec<Fetched>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
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
