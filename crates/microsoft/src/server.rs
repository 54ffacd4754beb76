//! One account at Microsoft, as the operations see it: how requests go out, and what is remembered
//! between them.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use model::CalendarId;
use provider::{Error, ErrorKind, Result};
use transport::{Account, Reached};

use crate::adapter::Horizon;
use crate::cursor::Window;
use crate::fields::Frame;
use crate::refusal::Refusal;
use crate::requests::{After, Answer, Ask, Page};
use crate::row::Row;
use crate::sdk::Graph;
use crate::{Clock, zones};

/// Failures in a row after which a calendar is left alone: some fail for ever (the family calendar
/// of personal accounts), and the others must not wait for them.
// quirk: microsoft-59
const MOST_FAILURES: u32 = 6;

/// For how long.
const PAUSE: SignedDuration = SignedDuration::from_mins(30);

/// Pages of a listing by filter or by window; more is a service that goes in circles.
// quirk: microsoft-12
const MOST_PAGES: usize = 200;

/// The account.
pub(crate) struct Server {
    account: Account,
    graph: Graph,
    clock: Clock,
    horizon: Horizon,
    floating: &'static str,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    failures: HashMap<CalendarId, Failures>,
}

#[derive(Clone, Copy, Default)]
struct Failures {
    in_row: u32,
    until: Option<Timestamp>,
}

impl Server {
    /// `zone` is that of floating times, by its name in the tz database.
    pub(crate) fn new(
        account: Account,
        clock: Clock,
        horizon: Horizon,
        zone: Option<&str>,
    ) -> Self {
        let graph = Graph::new(account.origin());
        let floating = zone.and_then(zones::windows).unwrap_or("UTC");
        Self { account, graph, clock, horizon, floating, state: Mutex::default() }
    }

    pub(crate) fn account(&self) -> &Account {
        &self.account
    }

    pub(crate) fn graph(&self) -> &Graph {
        &self.graph
    }

    pub(crate) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// The host for sentences.
    pub(crate) fn place(&self) -> String {
        Reached(self.account.origin().clone()).place()
    }

    /// The window as it would be opened now.
    // quirk: microsoft-14, microsoft-15
    pub(crate) fn window(&self) -> Window {
        let opened = self.now();
        let (back, ahead) = self.horizon.days();
        let days = |days: u32| SignedDuration::from_hours(i64::from(days) * 24);
        Window {
            from: opened.checked_sub(days(back)).unwrap_or(Timestamp::MIN),
            until: opened.checked_add(days(ahead)).unwrap_or(Timestamp::MAX),
            opened,
        }
    }

    /// Whether a window has to be moved: long before its end is near, or because it was opened by
    /// a narrower configuration, or by a clock that was wrong.
    // quirk: microsoft-14
    pub(crate) fn is_due(&self, window: &Window) -> bool {
        let now = self.window();
        let early = now.opened.duration_until(window.opened);
        [early, window.until.duration_until(now.until), now.from.duration_until(window.from)]
            .into_iter()
            .any(|apart| apart > Horizon::MOVES_AFTER)
    }

    /// Sends a request that concerns no calendar.
    pub(crate) async fn ask(&self, ask: Ask) -> Result<Answer> {
        self.ask_several(ask, 1).await
    }

    /// Sends a request of so many parts: Graph runs those of a batch side by side.
    // quirk: microsoft-47, microsoft-48
    async fn ask_several(&self, ask: Ask, parts: usize) -> Result<Answer> {
        let parts = u32::try_from(parts).unwrap_or(u32::MAX);
        let answer = self.account.send_several(ask, parts).await?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        let refusal = Refusal::read(&answer);
        // quirk: microsoft-47
        if refusal.is_throttling() {
            return Err(self.account.throttled(refusal.retry_after()));
        }
        Ok(answer)
    }

    /// Notes that an item of a batch was throttled.
    pub(crate) fn throttled(&self, refusal: &Refusal) -> Error {
        self.account.throttled(refusal.retry_after())
    }

    /// Sends a request that concerns a calendar, unless that one failed too often of late.
    // quirk: microsoft-59
    pub(crate) async fn ask_of(&self, calendar: &CalendarId, ask: Ask) -> Result<Answer> {
        self.ask_several_of(calendar, ask, 1).await
    }

    /// The same with a request of so many parts.
    pub(crate) async fn ask_several_of(
        &self,
        calendar: &CalendarId,
        ask: Ask,
        parts: usize,
    ) -> Result<Answer> {
        let now = self.now();
        let failures = self.state().failures.get(calendar).copied().unwrap_or_default();
        if failures.until.is_some_and(|until| until > now) {
            let sentence = format!(
                "{} failed for this calendar again and again; it is left alone \
                                    for a while",
                self.place()
            );
            return Err(Error::new(ErrorKind::Unavailable, sentence));
        }
        let sent = self.account.requests();
        let answer = self.ask_several(ask, parts).await;
        let has_failed = match &answer {
            Ok(answer) => answer.status().is_server_error(),
            // A 503 is told like this. That nobody answers says nothing of the calendar.
            Err(error) => {
                matches!(error.kind(), ErrorKind::RateLimited { .. })
                    && self.account.requests() != sent
            }
        };
        let mut state = self.state();
        if !has_failed {
            if answer.is_ok() {
                state.failures.remove(calendar);
            }
        } else {
            let failures = state.failures.entry(calendar.clone()).or_default();
            failures.in_row += 1;
            if failures.in_row >= MOST_FAILURES {
                failures.until = Some(now.checked_add(PAUSE).unwrap_or(Timestamp::MAX));
                failures.in_row = MOST_FAILURES - 1;
            }
        }
        drop(state);
        answer
    }

    /// All rows of a listing by its pages.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`] for one without an end.
    // quirk: microsoft-44
    pub(crate) async fn all(
        &self,
        calendar: &CalendarId,
        first: Ask,
        parse: fn(&Answer) -> Result<Page>,
    ) -> Result<Vec<Row>> {
        let page = parse(&self.ask_of(calendar, first).await?)?;
        self.rest(calendar, page, parse).await
    }

    /// The rows of a page and of those that follow it.
    pub(crate) async fn rest(
        &self,
        calendar: &CalendarId,
        page: Page,
        parse: fn(&Answer) -> Result<Page>,
    ) -> Result<Vec<Row>> {
        let (mut rows, mut next) = (page.rows, page.next);
        for _ in 0..MOST_PAGES {
            let After::Page(link) = &next else { return Ok(rows) };
            let page = parse(&self.ask_of(calendar, self.graph.link(link)?).await?)?;
            rows.extend(page.rows);
            next = page.next;
        }
        Err(Error::new(ErrorKind::Malformed, format!("{} lists without an end", self.place())))
    }

    /// What writing depends on.
    pub(crate) fn frame(&self) -> Frame {
        Frame { floating: self.floating }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that holds the lock can leave it half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
