//! An account's adapter, whichever it is: the provider that the engine asks, and the two things
//! that it wants to know beside.

use std::sync::Arc;

use async_trait::async_trait;
use caldav::{CalDav, CalDavOptions, Flavour};
use engine::Clock;
use microsoft::{Horizon, MicrosoftOptions};
use model::{Calendar, CalendarId, CreateKey, Cursor, Resource, ResourceId, Series};
use provider::{Changes, Error, ErrorKind, Fetched, Provider};
use secrecy::SecretString;
use transport::oauth::Tokens;
use transport::{Credential, Url};

use crate::config::{Dav, Google, Microsoft};
use crate::{google as of_google, microsoft as of_microsoft, signin};

/// The id that a configured text is by itself, without asking anybody.
type ForPair = Arc<dyn Fn(&str) -> Arc<dyn Provider> + Send + Sync>;
type Find = Arc<dyn Fn(&str) -> Option<CalendarId> + Send + Sync>;

/// What an adapter has to know of the configuration beside its account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Scope {
    /// How far the account's pairs look.
    pub(crate) horizon: Horizon,
    /// The zone for times that have none, where the provider has none for its calendars.
    pub(crate) zone: Option<String>,
}

/// An adapter.
#[derive(Clone)]
pub(crate) struct Adapter {
    pub(crate) provider: Arc<dyn Provider>,
    /// Where copies are told by whose they are.
    for_pair: Option<ForPair>,
    pub(super) calendar_id: Find,
}

impl Adapter {
    /// For a CalDAV server; sends nothing yet. The error is a sentence.
    pub(super) fn dav(
        dav: &Dav,
        flavour: Flavour,
        password: SecretString,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, String> {
        let url = Url::parse(dav.url.as_str())
            .map_err(|error| format!("{} is not an address: {error}", dav.url.origin()))?;
        let clock = Arc::clone(clock);
        let options = CalDavOptions {
            url,
            username: dav.username.clone(),
            password,
            flavour,
            clock: Arc::new(move || clock.now()),
            deadline: None,
            in_flight: None,
        };
        let made = Arc::new(CalDav::new(options).map_err(|error| error.to_string())?);
        let (finding, asking) = (Arc::clone(&made), Arc::clone(&made));
        Ok(Self {
            provider: made,
            for_pair: Some(Arc::new(move |hand| Arc::new(asking.on_behalf_of(hand)))),
            calendar_id: Arc::new(move |text| finding.calendar_id(text)),
        })
    }

    /// For Google Calendar; sends nothing yet. The error is a sentence.
    pub(super) fn google(
        google: &Google,
        tokens: Arc<Tokens>,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, String> {
        let api_url = signin::url(google.api_url.as_ref(), of_google::API)?;
        let clock = Arc::clone(clock);
        let options = google::GoogleOptions {
            api_url,
            credential: Credential::Bearer(tokens),
            clock: Arc::new(move || clock.now()),
            deadline: None,
            in_flight: None,
            wire: transport::Wire::Network,
        };
        let made = Arc::new(google::Google::new(options).map_err(|error| error.to_string())?);
        let finding = Arc::clone(&made);
        Ok(Self {
            provider: made,
            for_pair: None,
            calendar_id: Arc::new(move |text| finding.calendar_id(text)),
        })
    }

    /// For Microsoft Graph; sends nothing yet. The error is a sentence.
    pub(super) fn microsoft(
        account: &Microsoft,
        tokens: Arc<Tokens>,
        scope: &Scope,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, String> {
        let graph = of_microsoft::graph(account.cloud);
        let clock = Arc::clone(clock);
        let options = MicrosoftOptions {
            api_url: signin::url(account.api_url.as_ref(), graph)?,
            credential: Credential::Bearer(tokens),
            clock: Arc::new(move || clock.now()),
            deadline: None,
            in_flight: None,
            wire: transport::Wire::Network,
            window: Some(scope.horizon),
            zone: scope.zone.clone(),
        };
        let made = microsoft::Microsoft::new(options).map_err(|error| error.to_string())?;
        let made = Arc::new(made);
        let finding = Arc::clone(&made);
        Ok(Self {
            provider: made,
            for_pair: None,
            calendar_id: Arc::new(move |text| finding.calendar_id(text)),
        })
    }

    /// In the place of one: an account that can't be used.
    pub(super) fn unconnected(reason: String) -> Self {
        let provider = Arc::new(Unconnected(reason));
        Self { provider, for_pair: None, calendar_id: Arc::new(|_| None) }
    }

    /// The provider, asked on behalf of the pair that `hand` names.
    pub(super) fn for_pair(&self, hand: &str) -> Arc<dyn Provider> {
        match &self.for_pair {
            Some(for_pair) => for_pair(hand),
            None => Arc::clone(&self.provider),
        }
    }
}

/// Sends nothing.
struct Unconnected(String);

impl Unconnected {
    fn error(&self) -> Error {
        Error::new(ErrorKind::Unauthorized, self.0.clone())
    }
}

#[async_trait]
impl Provider for Unconnected {
    async fn identity(&self) -> provider::Result<String> {
        Err(self.error())
    }

    async fn calendars(&self) -> provider::Result<Vec<Calendar>> {
        Err(self.error())
    }

    async fn changes(&self, _: &CalendarId, _: Option<&Cursor>) -> provider::Result<Changes> {
        Err(self.error())
    }

    async fn fetch(&self, _: &CalendarId, _: &[ResourceId]) -> provider::Result<Vec<Fetched>> {
        Err(self.error())
    }

    async fn create(
        &self,
        _: &CalendarId,
        _: &Series,
        _: &CreateKey,
    ) -> provider::Result<Resource> {
        Err(self.error())
    }

    async fn update(&self, _: &CalendarId, _: &Resource, _: &Series) -> provider::Result<Resource> {
        Err(self.error())
    }

    async fn delete(&self, _: &CalendarId, _: &Resource) -> provider::Result<()> {
        Err(self.error())
    }
}
