//! The six methods of the seam, and how an account is set up.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use model::{
    AlarmAction, Calendar, CalendarId, CreateKey, Cursor, Event, Field, Origin, Resource,
    ResourceId, Series, Timestamp,
};
use provider::{Changes, Fetched, Former, Provider, Result};
use transport::{Account, Allow, Credential, Options, SecretString, Url};

use crate::path::{calendar_id, calendar_id_of_path};
use crate::server::Server;
use crate::{discovery, fetch, observe, put_back, write};

/// Where the time of a write comes from (DTSTAMP, LAST-MODIFIED).
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Which hosts belong to an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flavour {
    /// iCloud: the configured origin and its partition hosts.
    ICloud,
    /// Any other server: the configured origin.
    Generic,
}

/// A CalDAV account.
#[derive(Clone)]
pub struct CalDavOptions {
    /// The server, or anything below it: a principal, a home, a calendar.
    pub url: Url,
    /// The user name.
    pub username: String,
    /// The password; for iCloud an app-specific one.
    pub password: SecretString,
    /// Which hosts belong to it.
    pub flavour: Flavour,
    /// Where the time of a write comes from.
    pub clock: Clock,
    /// How long one request may take; `None` for the usual.
    pub deadline: Option<Duration>,
    /// How many requests run at once; `None` for the usual.
    pub in_flight: Option<usize>,
}

/// One account at a CalDAV server.
pub struct CalDav {
    server: Arc<Server>,
    /// On behalf of which pair it writes.
    hand: String,
}

impl CalDav {
    /// An account; sends nothing yet.
    ///
    /// # Errors
    /// As [`Account::new`]: an address that no credential may be sent to.
    pub fn new(options: CalDavOptions) -> Result<Self> {
        let CalDavOptions { url, username, password, flavour, clock, deadline, in_flight } =
            options;
        let credential = Credential::Basic { user: username.clone(), password };
        let mut policy = Options::new(url, credential);
        policy.allow = match flavour {
            Flavour::ICloud => Allow::ICloud,
            Flavour::Generic => Allow::Origin,
        };
        policy.deadline = deadline.unwrap_or(policy.deadline);
        policy.in_flight = in_flight.unwrap_or(policy.in_flight);
        let server = Server::new(Account::new(policy)?, username, flavour, clock);
        Ok(Self { server: Arc::new(server), hand: String::new() })
    }

    /// The calendar that a configuration means by an address of this account, or by a path that
    /// [`Provider::calendars`] gave as an id; `None` for anything else, such as a name. Asks
    /// nobody.
    pub fn calendar_id(&self, text: &str) -> Option<CalendarId> {
        if text.starts_with('/') {
            return calendar_id_of_path(text);
        }
        let url = Url::parse(text).ok()?;
        self.server.account().permits(&url).then(|| calendar_id(&url)).flatten()
    }

    /// The same account, asked on behalf of one pair: what that pair writes is told from what any
    /// other does. `hand` names the pair, in any words that a line can hold.
    #[must_use]
    pub fn on_behalf_of(&self, hand: &str) -> Self {
        Self { server: Arc::clone(&self.server), hand: hand.to_owned() }
    }

    /// How many requests went out so far.
    pub fn requests(&self) -> u64 {
        self.server.account().requests()
    }
}

impl fmt::Debug for CalDav {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CalDav").field("account", self.server.account()).finish_non_exhaustive()
    }
}

#[async_trait]
impl Provider for CalDav {
    fn origin(&self, resource: &Resource) -> Origin {
        ical::origin(&resource.raw, &self.hand)
    }

    /// By its name, which is ours to choose on most servers.
    fn is_made_by(&self, resource: &Resource, key: &CreateKey) -> bool {
        resource.id == write::created(key)
    }

    fn shown_otherwise(&self, series: &Series) -> Vec<String> {
        // Nobody's address is known to send it to.
        let sends_mail =
            |event: &Event| event.alarms.iter().any(|alarm| alarm.action == AlarmAction::Email);
        let mail = series.events().any(sends_mail);
        mail.then(|| format!("{}: one that sends mail is shown", Field::Alarms))
            .into_iter()
            .collect()
    }

    fn unmapped(&self, raw: &[u8]) -> BTreeSet<(Field, &'static str)> {
        ical::unmapped(raw)
    }

    fn is_edited_beside(&self, was: &[u8], is: &[u8]) -> bool {
        ical::is_edited_beside(was, is)
    }

    fn puts_back(&self) -> bool {
        true
    }

    fn ask_again(&self) {
        self.server.account().ask_again();
    }

    fn remedy(&self) -> &'static str {
        match self.server.flavour() {
            Flavour::ICloud => {
                "sign in at www.icloud.com and do what it asks for (locked account, new terms, \
                 Calendar switched off)"
            }
            Flavour::Generic => "ask whoever runs the server; the credential itself was taken",
        }
    }

    async fn identity(&self) -> Result<String> {
        discovery::identity(&self.server).await
    }

    async fn calendars(&self) -> Result<Vec<Calendar>> {
        discovery::calendars(&self.server).await
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
        write::create(&self.server, calendar, series, key, Some(&self.hand)).await
    }

    async fn update(
        &self,
        calendar: &CalendarId,
        current: &Resource,
        target: &Series,
    ) -> Result<Resource> {
        write::update(&self.server, calendar, current, target, Some(&self.hand)).await
    }

    async fn put_back(
        &self,
        calendar: &CalendarId,
        former: Former<'_>,
        current: Option<&Resource>,
        key: &CreateKey,
    ) -> Result<Resource> {
        put_back::put_back(&self.server, calendar, former, current, key).await
    }

    async fn delete(&self, calendar: &CalendarId, current: &Resource) -> Result<()> {
        write::delete(&self.server, calendar, current).await
    }
}
