//! The account's gate: how many requests run at once, and when a throttled account may be asked
//! again. It never waits for a throttle to end; it says how long it lasts, and the caller plans.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use provider::{Error, ErrorKind, Result};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

/// No wait is shorter: an answer that asks for none is answered with a hot loop otherwise.
const SHORTEST: Duration = Duration::from_secs(1);

/// No wait is longer: a server that asks for a week would never be asked again in practice.
const LONGEST: Duration = Duration::from_secs(2 * 60 * 60);

/// The first wait where the server asks for less or for nothing; doubles with every refusal.
const FLOOR: Duration = Duration::from_secs(2);

/// Doublings of [`FLOOR`] after which [`LONGEST`] is reached anyhow.
const MOST_DOUBLINGS: u32 = 12;

/// More requests at once than any server of a person's calendar likes.
const MOST_PLACES: u32 = 64;

/// How long after a throttle a refused credential is still put down to it.
const PENALTY: Duration = Duration::from_secs(10 * 60);

#[derive(Debug)]
pub(crate) struct Gate {
    place: String,
    permits: Semaphore,
    places: u32,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    not_before: Option<Instant>,
    /// When the account was last throttled; `None` once it accepted a later request.
    throttled_at: Option<Instant>,
    strikes: u32,
}

/// What an answer adds to what is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Strike {
    /// Nothing: it belongs to one that is counted already.
    Same,
    /// A throttle.
    Throttle,
    /// A refusal that may be a throttle.
    Doubt,
}

/// How much of the account a request takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Company {
    /// Others may run beside it.
    Shared,
    /// It counts as so many: the server runs its parts side by side.
    Several(u32),
    /// Nothing else runs while it does.
    Alone,
}

/// A request's place among those that run.
#[derive(Debug)]
pub(crate) struct Entry<'a> {
    started: Instant,
    _permit: SemaphorePermit<'a>,
}

impl Gate {
    pub(crate) fn new(place: String, in_flight: usize) -> Self {
        let places = u32::try_from(in_flight).unwrap_or(u32::MAX).clamp(1, MOST_PLACES);
        let permits = Semaphore::new(places as usize);
        Self { place, permits, places, state: Mutex::default() }
    }

    /// Waits for a free place.
    ///
    /// # Errors
    /// [`ErrorKind::RateLimited`], at once, while the account is throttled.
    pub(crate) async fn enter(&self, company: Company) -> Result<Entry<'_>> {
        self.check_open()?;
        let places = match company {
            Company::Shared => 1,
            Company::Several(parts) => parts.clamp(1, self.places),
            Company::Alone => self.places,
        };
        let permit = self.permits.acquire_many(places).await;
        let permit = permit.expect("the semaphore is never closed");
        self.check_open()?;
        Ok(Entry { started: Instant::now(), _permit: permit })
    }

    /// Notes that the server refused for lack of patience, and says how long to leave it alone.
    // quirk: icloud-4, icloud-5
    pub(crate) fn throttled(&self, entry: &Entry<'_>, asked: Option<Duration>) -> Error {
        let state = self.state();
        // Requests that ran side by side are refused together: that is one refusal.
        let counts = state.throttled_at.is_none_or(|at| entry.started > at);
        let strike = if counts { Strike::Throttle } else { Strike::Same };
        self.close(state, strike, asked)
    }

    /// Notes a refused credential that is put down to a throttle, and says how long to leave the
    /// account alone: longer each time, but the time in which refusals are put down to it grows no
    /// longer, or a credential that is dead would never be found out.
    // quirk: icloud-2
    pub(crate) fn doubted(&self) -> Error {
        let state = self.state();
        let counts = state.not_before.is_none_or(|until| until <= Instant::now());
        let strike = if counts { Strike::Doubt } else { Strike::Same };
        self.close(state, strike, None)
    }

    /// The same for a request that has left the gate. As long as the gate is closed, it is taken
    /// for one that ran beside those that closed it.
    pub(crate) fn throttled_again(&self, asked: Option<Duration>) -> Error {
        let state = self.state();
        let counts = state.not_before.is_none_or(|until| until <= Instant::now());
        let strike = if counts { Strike::Throttle } else { Strike::Same };
        self.close(state, strike, asked)
    }

    fn close(
        &self,
        mut state: MutexGuard<'_, State>,
        strike: Strike,
        asked: Option<Duration>,
    ) -> Error {
        let now = Instant::now();
        let (more, throttled_at) = match strike {
            Strike::Same => (0, state.throttled_at),
            Strike::Throttle => (1, Some(now)),
            Strike::Doubt => (1, state.throttled_at),
        };
        state.strikes = (state.strikes + more).min(MOST_DOUBLINGS);
        state.throttled_at = throttled_at;
        let floor = FLOOR * 2u32.pow(state.strikes.saturating_sub(1));
        let wait = asked.unwrap_or_default().max(floor).clamp(SHORTEST, LONGEST);
        let until = state.not_before.unwrap_or(now).max(now + wait);
        state.not_before = Some(until);
        self.closed(until - now)
    }

    /// Notes that the server did its work.
    pub(crate) fn accepted(&self, entry: &Entry<'_>) {
        let mut state = self.state();
        if state.throttled_at.is_some_and(|at| entry.started > at) {
            *state = State::default();
        }
    }

    /// Whether a refused credential may be a throttle in disguise.
    pub(crate) fn in_penalty(&self) -> bool {
        self.state().throttled_at.is_some_and(|at| at.elapsed() < PENALTY)
    }

    fn check_open(&self) -> Result<()> {
        let now = Instant::now();
        match self.state().not_before {
            Some(until) if until > now => Err(self.closed(until - now)),
            _ => Ok(()),
        }
    }

    fn closed(&self, wait: Duration) -> Error {
        let seconds = wait.as_millis().div_ceil(1000);
        Error::new(
            ErrorKind::RateLimited { retry_after: Some(wait) },
            format!("{} asks for fewer requests; the next is sent in {seconds} s", self.place),
        )
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that holds the lock can leave it half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(error: &Error) -> u64 {
        match error.kind() {
            ErrorKind::RateLimited { retry_after: Some(wait) } => wait.as_secs(),
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_floor_doubles_and_what_is_asked_for_is_clamped() {
        let gate = Gate::new("dav.example.org".into(), 1);
        let asked = [None, Some(0), Some(1), Some(3600), Some(1_000_000), None];
        let waits = [2, 4, 8, 3600, 7200, 64];
        for (asked, expected) in asked.into_iter().zip(waits) {
            let entry = gate.enter(Company::Shared).await.unwrap();
            tokio::time::advance(Duration::from_millis(5)).await;
            let error = gate.throttled(&entry, asked.map(Duration::from_secs));
            assert_eq!(wait(&error), expected, "{asked:?}");
            drop(entry);
            assert_eq!(wait(&gate.enter(Company::Shared).await.unwrap_err()), expected);
            tokio::time::advance(Duration::from_secs(expected)).await;
        }
        let entry = gate.enter(Company::Shared).await.unwrap();
        gate.accepted(&entry);
        assert_eq!(wait(&gate.throttled(&entry, None)), 2, "a success starts afresh");
    }

    #[tokio::test(start_paused = true)]
    async fn a_credential_that_is_dead_is_found_out_though_a_throttle_came_before() {
        let gate = Gate::new("dav.example.org".into(), 1);
        let entry = gate.enter(Company::Shared).await.unwrap();
        tokio::time::advance(Duration::from_millis(5)).await;
        gate.throttled(&entry, None);
        drop(entry);
        let begun = Instant::now();
        let mut refused = 0;
        while gate.in_penalty() {
            let Ok(entry) = gate.enter(Company::Shared).await else {
                tokio::time::advance(Duration::from_secs(1)).await;
                continue;
            };
            refused += 1;
            assert!(refused < 10, "each wait is longer");
            drop(entry);
            gate.doubted();
        }
        assert_eq!(begun.elapsed(), PENALTY);
    }

    #[tokio::test(start_paused = true)]
    async fn refusals_side_by_side_count_once() {
        let gate = Gate::new("dav.example.org".into(), 8);
        let entries = [
            gate.enter(Company::Shared).await.unwrap(),
            gate.enter(Company::Shared).await.unwrap(),
            gate.enter(Company::Shared).await.unwrap(),
        ];
        tokio::time::advance(Duration::from_millis(5)).await;
        for entry in &entries {
            assert_eq!(wait(&gate.throttled(entry, None)), 2);
        }
        gate.accepted(&entries[0]);
        assert!(gate.in_penalty(), "it was sent before the throttle");
        tokio::time::advance(PENALTY).await;
        assert!(!gate.in_penalty());
    }
}
