//! An account's adapter on behalf of one side of one pair, whose requests are counted apart: pairs
//! share accounts, and a pair's report is about what the pair asked for.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use async_trait::async_trait;
use model::{
    Calendar, CalendarId, CreateKey, Cursor, Field, FieldSet, Origin, Resource, ResourceId, Series,
};
use provider::{Changes, Fetched, Former, Provider, Result};
use transport::counted;

/// The adapter; says what it says.
pub(super) struct Counted {
    inner: Arc<dyn Provider>,
    sent: Arc<AtomicU64>,
}

impl Counted {
    pub(super) fn new(inner: Arc<dyn Provider>) -> Self {
        Self { inner, sent: Arc::default() }
    }

    /// How many requests went out so far.
    pub(super) fn sent(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.sent)
    }
}

#[async_trait]
impl Provider for Counted {
    fn fields(&self) -> FieldSet {
        self.inner.fields()
    }

    fn shown_otherwise(&self, series: &Series) -> Vec<String> {
        self.inner.shown_otherwise(series)
    }

    fn origin(&self, resource: &Resource) -> Origin {
        self.inner.origin(resource)
    }

    fn is_made_by(&self, resource: &Resource, key: &CreateKey) -> bool {
        self.inner.is_made_by(resource, key)
    }

    fn is_wanting(&self, resource: &Resource) -> bool {
        self.inner.is_wanting(resource)
    }

    fn unmapped(&self, raw: &[u8]) -> BTreeSet<(Field, &'static str)> {
        self.inner.unmapped(raw)
    }

    fn is_edited_beside(&self, was: &[u8], is: &[u8]) -> bool {
        self.inner.is_edited_beside(was, is)
    }

    fn answers_in_full(&self) -> bool {
        self.inner.answers_in_full()
    }

    fn puts_back(&self) -> bool {
        self.inner.puts_back()
    }

    fn unlisted(&self) -> Option<&'static str> {
        self.inner.unlisted()
    }

    fn remedy(&self) -> &'static str {
        self.inner.remedy()
    }

    fn ask_again(&self) {
        self.inner.ask_again();
    }

    async fn identity(&self) -> Result<String> {
        counted(&self.sent, self.inner.identity()).await
    }

    async fn address(&self) -> Result<Option<String>> {
        counted(&self.sent, self.inner.address()).await
    }

    async fn calendars(&self) -> Result<Vec<Calendar>> {
        counted(&self.sent, self.inner.calendars()).await
    }

    async fn changes(&self, calendar: &CalendarId, since: Option<&Cursor>) -> Result<Changes> {
        counted(&self.sent, self.inner.changes(calendar, since)).await
    }

    async fn fetch(&self, calendar: &CalendarId, ids: &[ResourceId]) -> Result<Vec<Fetched>> {
        counted(&self.sent, self.inner.fetch(calendar, ids)).await
    }

    async fn create(
        &self,
        calendar: &CalendarId,
        series: &Series,
        key: &CreateKey,
    ) -> Result<Resource> {
        counted(&self.sent, self.inner.create(calendar, series, key)).await
    }

    async fn update(
        &self,
        calendar: &CalendarId,
        current: &Resource,
        target: &Series,
    ) -> Result<Resource> {
        counted(&self.sent, self.inner.update(calendar, current, target)).await
    }

    async fn put_back(
        &self,
        calendar: &CalendarId,
        former: Former<'_>,
        current: Option<&Resource>,
        key: &CreateKey,
    ) -> Result<Resource> {
        counted(&self.sent, self.inner.put_back(calendar, former, current, key)).await
    }

    async fn delete(&self, calendar: &CalendarId, current: &Resource) -> Result<()> {
        counted(&self.sent, self.inner.delete(calendar, current)).await
    }
}
