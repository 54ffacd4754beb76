//! Whether the server takes the account's password just now: what is not known is tried with one
//! request, and what was refused is not sent again before somebody wants it tried.
//!
//! A password is revoked while nobody looks. Whatever several pairs want of the account then, one
//! request finds it out, the others wait for its answer and are never sent. Requests that are under
//! way when the refusal comes can't be called back: in the middle of busy work that is as many as
//! run at once.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use provider::{Error, ErrorKind, Result};
use tokio::sync::MutexGuard as Lead;
use tokio::time::Instant;

/// How long after an answer the password is taken for good. Answers in busy work follow each other
/// faster; cycles of a pair don't.
const FRESH: Duration = Duration::from_secs(1);

/// How long the others wait for the one that goes first. A server that takes longer is slow or
/// hangs, and one slow answer must not hold up all that is asked.
const LONGEST_LEAD: Duration = Duration::from_secs(10);

/// What is known of the password.
#[derive(Debug, Default)]
pub(crate) struct Trust {
    state: Mutex<State>,
    first: tokio::sync::Mutex<()>,
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    /// When it was last let in.
    taken_at: Option<Instant>,
    refused: bool,
}

impl Trust {
    /// Waits for whoever goes first, where it isn't known whether the password is good. Goes first
    /// itself as long as it holds what this returns.
    ///
    /// # Errors
    /// As [`Trust::check`].
    pub(crate) async fn lead(&self) -> Result<Option<Lead<'_, ()>>> {
        self.check()?;
        if self.is_fresh() {
            return Ok(None);
        }
        let first = tokio::time::timeout(LONGEST_LEAD, self.first.lock()).await.ok();
        self.check()?;
        Ok(first.filter(|_| !self.is_fresh()))
    }

    /// Whether anything may be sent with the password.
    ///
    /// # Errors
    /// [`ErrorKind::Unauthorized`] when it was refused, and nobody wanted it tried again.
    pub(crate) fn check(&self) -> Result<()> {
        if !self.state().refused {
            return Ok(());
        }
        let sentence = "the password was refused a moment ago; this was not sent";
        Err(Error::new(ErrorKind::Unauthorized, sentence))
    }

    /// The password was let in.
    pub(crate) fn taken(&self) {
        self.state().taken_at = Some(Instant::now());
    }

    /// The password was refused.
    pub(crate) fn refused(&self) {
        *self.state() = State { taken_at: None, refused: true };
    }

    /// Somebody wants it tried again.
    pub(crate) fn again(&self) {
        *self.state() = State::default();
    }

    fn is_fresh(&self) -> bool {
        self.state().taken_at.is_some_and(|at| at.elapsed() < FRESH)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that holds the lock can leave it half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::task::{Context, Waker};

    use super::*;

    fn waits<F: Future>(work: Pin<&mut F>) -> bool {
        work.poll(&mut Context::from_waker(Waker::noop())).is_pending()
    }

    #[tokio::test(start_paused = true)]
    async fn one_goes_first_and_the_others_learn_from_it() {
        let trust = Trust::default();
        let lead = trust.lead().await.unwrap();
        assert!(lead.is_some(), "nothing is known yet");
        let mut follower = Box::pin(trust.lead());
        assert!(waits(follower.as_mut()));
        trust.taken();
        drop(lead);
        assert!(follower.await.unwrap().is_none(), "they go side by side now");
        tokio::time::advance(FRESH).await;
        let lead = trust.lead().await.unwrap();
        let mut follower = Box::pin(trust.lead());
        assert!(waits(follower.as_mut()), "it may have been revoked");
        trust.refused();
        drop(lead);
        assert_eq!(follower.await.unwrap_err().kind(), ErrorKind::Unauthorized);
        tokio::time::advance(FRESH * 100).await;
        assert!(trust.lead().await.is_err(), "time alone changes nothing");
        trust.taken();
        assert!(trust.check().is_err(), "nor does what was under way");
        trust.again();
        assert!(trust.lead().await.unwrap().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_first_one_that_hangs_holds_up_the_others_for_a_while_only() {
        let trust = Trust::default();
        let _lead = trust.lead().await.unwrap();
        let begun = Instant::now();
        trust.lead().await.unwrap();
        assert_eq!(begun.elapsed(), LONGEST_LEAD);
    }
}
