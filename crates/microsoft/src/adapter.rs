//! The six methods of the seam, and how an account is set up.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::SignedDuration;
use model::{
    Calendar, CalendarId, CreateKey, Cursor, FieldSet, Origin, Resource, ResourceId, Series,
    Timestamp,
};
use provider::{Changes, Error, ErrorKind, Fetched, Provider, Result};
use transport::{Account, Credential, Options, Url, Wire};

use crate::fields::HELD;
use crate::requests::{After, calendars, me};
use crate::row::Row;
use crate::rows::Rows;
use crate::server::Server;
use crate::{fetch, ident, observe, otherwise, parts, write};

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

    /// What serves a pair that takes up events so far from now, `None` for any distance. Never
    /// less than a month back and half a year ahead: a window that moves once a week must not be
    /// over before, and a wider one costs nothing.
    pub fn over(past: Option<Duration>, future: Option<Duration>) -> Self {
        let days = |reach: Option<Duration>| {
            let days = reach.map(|reach| reach.as_secs().div_ceil(24 * 60 * 60));
            days.map(|days| u32::try_from(days).unwrap_or(WIDEST).min(WIDEST))
        };
        let (back, ahead) = match (days(past), days(future)) {
            // The widest that Graph allows; of what is past a year is enough to notice changes.
            (None, None) => (365, WIDEST - 365),
            (None, Some(ahead)) => (WIDEST - ahead.clamp(180, WIDEST - 30), ahead),
            (Some(back), None) => (back, WIDEST - back.clamp(30, WIDEST - 180)),
            (Some(back), Some(ahead)) => (back, ahead),
        };
        Self { back: back.max(30), ahead: ahead.max(180) }
    }

    /// What serves both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { back: self.back.max(other.back), ahead: self.ahead.max(other.ahead) }
    }

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
    /// The zone in which times that have none are shown, by its name in the tz database: which one
    /// the mailbox has calpair has no right to ask. UTC for none, and for one that Windows has not.
    pub zone: Option<String>,
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
        let MicrosoftOptions {
            api_url,
            credential,
            clock,
            deadline,
            in_flight,
            wire,
            window,
            zone,
        } = options;
        let mut policy = Options::new(api_url, credential);
        policy.deadline = deadline.unwrap_or(policy.deadline);
        policy.in_flight = in_flight.unwrap_or(IN_FLIGHT).min(IN_FLIGHT);
        policy.wire = wire;
        let account = Account::new(policy)?;
        let window = window.unwrap_or_default();
        Ok(Self { server: Server::new(account, clock, window, zone.as_deref()) })
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

    fn origin(&self, resource: &Resource) -> Origin {
        match Rows::from_raw(&resource.raw) {
            Some(rows) if rows.all().any(ident::is_ours) => Origin::Copy,
            Some(_) | None => Origin::Unknown,
        }
    }

    fn is_made_by(&self, resource: &Resource, key: &CreateKey) -> bool {
        let is_part = |row: &Row| ident::is_made_by(row, key) || ident::is_part_made_by(row, key);
        Rows::from_raw(&resource.raw).is_some_and(|rows| rows.all().any(is_part))
    }

    fn shown_otherwise(&self, series: &Series) -> Vec<String> {
        otherwise::told(series, &self.server.frame(), &self.server.window())
    }

    fn is_wanting(&self, resource: &Resource) -> bool {
        Rows::from_raw(&resource.raw)
            .is_some_and(|rows| parts::is_wanting(&rows, &self.server.window()))
    }

    fn remedy(&self) -> &'static str {
        "see the reason; docs/microsoft.md has the settings of the app"
    }

    async fn identity(&self) -> Result<String> {
        Ok(me::parse(&self.server.ask(me::prepare(self.server.graph())).await?)?.id)
    }

    async fn address(&self) -> Result<Option<String>> {
        Ok(me::parse(&self.server.ask(me::prepare(self.server.graph())).await?)?.address)
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

#[cfg(test)]
mod tests {
    use super::*;

    // quirk: microsoft-15
    #[test]
    fn a_window_is_as_wide_as_its_pairs_want_and_never_wider_than_graph_allows() {
        let days = |days: u64| Some(Duration::from_secs(days * 24 * 60 * 60));
        for (past, future, want) in [
            (days(90), days(730), (90, 730)),
            (days(1), days(7), (30, 180)),
            (None, None, (364, 1460)),
            (days(90), None, (89, 1735)),
            (None, days(365), (1459, 365)),
            (days(9000), days(9000), (0, 1824)),
        ] {
            let (back, ahead) = Horizon::over(past, future).days();
            assert_eq!((back, ahead), want, "{past:?} {future:?}");
            assert!(back + ahead < WIDEST);
        }
        let both = Horizon::over(days(90), days(200)).and(Horizon::over(days(30), days(730)));
        assert_eq!(both, Horizon { back: 90, ahead: 730 });
    }
}
