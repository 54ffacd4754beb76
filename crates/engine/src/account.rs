//! The life of an account's credential: a pure state machine.
//!
//! ```text
//! unconnected ──connect──▶ ok ◀──accepted── suspect ──refused, TRIES in all──▶ reconnect-needed
//!                           └───refused───────▲                                │
//!                           ▲───────────────────connect────────────────────────┘
//! ok, suspect ──nothing is allowed──▶ attention ──accepted──▶ ok
//! ```
//! A single refusal proves nothing: iCloud answers 401 to anything for a while after a run of 429
//! (reference: the provider ledgers). Refusals count only when they are spaced out and nothing
//! was throttled in between; trouble of any other kind never changes the state.

use std::fmt;
use std::time::Duration;

use model::Timestamp;

/// Refusals, spaced by `confirm`, until the credential is believed to be dead.
pub const TRIES: u32 = 3;

/// After a provider throttled, its refusals say nothing for this long.
const THROTTLE_SHADOW: Duration = Duration::from_secs(10 * 60);

/// No provider asks for more patience than this, and none is given more. A time that lies further
/// ahead was written by a clock that was wrong, and is not believed.
pub(crate) const LONGEST_PATIENCE: Duration = Duration::from_secs(24 * 60 * 60);

/// The state of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// There is no credential.
    Unconnected,
    /// The credential was accepted the last time it was used.
    Ok,
    /// It was refused, and that is being confirmed.
    Suspect,
    /// It is dead: no request carries it until somebody connects again.
    ReconnectNeeded,
    /// Neither the credential nor a passing fault; the reason says what to do.
    Attention,
}

impl State {
    /// The word in status, log and store.
    pub const fn as_str(self) -> &'static str {
        match self {
            State::Unconnected => "unconnected",
            State::Ok => "ok",
            State::Suspect => "suspect",
            State::ReconnectNeeded => "reconnect-needed",
            State::Attention => "attention",
        }
    }

    /// The state that a word means.
    pub fn parse(word: &str) -> Option<State> {
        [State::Unconnected, State::Ok, State::Suspect, State::ReconnectNeeded, State::Attention]
            .into_iter()
            .find(|state| state.as_str() == word)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What is remembered of an account's credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Its state.
    pub state: State,
    /// Refusals that counted, in a row.
    pub refusals: u32,
    /// When the last one was, whether it counted or not.
    pub last_refusal: Option<Timestamp>,
    /// When the provider last asked for patience, until when.
    pub not_before: Option<Timestamp>,
}

/// What happened to a request that carried the credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// It was accepted.
    Accepted,
    /// It was refused.
    Refused,
    /// It was let in, and nothing is allowed, not even to ask whose it is: the account is locked,
    /// terms are not accepted, an API is off, the client is not known.
    Barred,
    /// There was too much of it, and the provider wants none before this time.
    Throttled(Timestamp),
}

/// Whether a request may carry the credential now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leave {
    /// Yes.
    Granted,
    /// Yes, but first a harmless one, to confirm or refute the refusal.
    ConfirmFirst,
    /// Not before this time.
    NotBefore(Timestamp),
    /// Not until somebody does something.
    Refused,
}

impl Standing {
    /// A fresh credential that was just accepted.
    pub const CONNECTED: Standing =
        Standing { state: State::Ok, refusals: 0, last_refusal: None, not_before: None };

    /// Whether a request may be sent now.
    pub fn leave(&self, now: Timestamp, confirm: Duration) -> Leave {
        let Standing { state, last_refusal, not_before, .. } = self.believed(now);
        let spaced = last_refusal.map(|last| last + confirm);
        match state {
            State::Unconnected | State::ReconnectNeeded => Leave::Refused,
            // A refusal that did not count is no reason to hurry either, nor to send more than one.
            State::Ok | State::Attention if last_refusal.is_none() => match not_before {
                Some(at) if at > now => Leave::NotBefore(at),
                _ => Leave::Granted,
            },
            State::Ok | State::Attention | State::Suspect => match spaced.max(not_before) {
                Some(at) if at > now => Leave::NotBefore(at),
                _ => Leave::ConfirmFirst,
            },
        }
    }

    /// The standing after something happened.
    #[must_use]
    pub fn after(self, event: Event, now: Timestamp, confirm: Duration) -> Standing {
        self.believed(now).with(event, now, confirm)
    }

    /// Until when refusals say nothing, because the provider throttled a short while ago.
    pub(crate) fn shadow(&self, now: Timestamp) -> Option<Timestamp> {
        let ends = self.believed(now).not_before.map(|at| at + THROTTLE_SHADOW);
        ends.filter(|ends| now < *ends)
    }

    /// Without what only a clock that was wrong can have written: a refusal in the future, a
    /// patience of more than a day. (A little ahead is a clock that was put right a little.)
    fn believed(self, now: Timestamp) -> Standing {
        let believed = |at: &Timestamp| *at <= now + LONGEST_PATIENCE;
        Standing {
            last_refusal: self.last_refusal.filter(believed),
            not_before: self.not_before.filter(believed),
            ..self
        }
    }

    fn with(self, event: Event, now: Timestamp, confirm: Duration) -> Standing {
        match event {
            Event::Accepted => match self.state {
                State::Unconnected | State::ReconnectNeeded => self,
                State::Ok | State::Suspect | State::Attention => {
                    Standing { not_before: self.not_before, ..Standing::CONNECTED }
                }
            },
            // Refusals count in a row, and this ends it: those before may have been the first of
            // the throttle's. A verdict stays one.
            Event::Throttled(until) => Standing {
                not_before: Some(until.min(now + LONGEST_PATIENCE)),
                refusals: if self.is_dead() { self.refusals } else { 0 },
                ..self
            },
            Event::Barred => match self.state {
                State::Unconnected | State::ReconnectNeeded => self,
                State::Ok | State::Suspect | State::Attention => {
                    let not_before = self.not_before;
                    Standing { state: State::Attention, not_before, ..Standing::CONNECTED }
                }
            },
            Event::Refused => self.refused(now, confirm),
        }
    }

    const fn is_dead(self) -> bool {
        matches!(self.state, State::ReconnectNeeded)
    }

    fn refused(self, now: Timestamp, confirm: Duration) -> Standing {
        let in_shadow = self.shadow(now).is_some();
        let too_soon = self.last_refusal.is_some_and(|last| now < last + confirm);
        match self.state {
            State::Unconnected | State::ReconnectNeeded => self,
            State::Suspect if too_soon => self,
            // What the provider asked for stays as it is: a shadow that refusals could lengthen
            // would never end for a credential that is dead.
            State::Ok | State::Attention | State::Suspect if in_shadow => {
                Standing { last_refusal: Some(now), ..self }
            }
            State::Ok | State::Attention | State::Suspect => {
                let refusals = self.refusals + 1;
                let state = if refusals >= TRIES { State::ReconnectNeeded } else { State::Suspect };
                Standing { state, refusals, last_refusal: Some(now), ..self }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    fn after(events: &[(i64, Event)]) -> Standing {
        events.iter().fold(Standing::CONNECTED, |standing, (seconds, event)| {
            standing.after(*event, at(*seconds), MINUTE)
        })
    }

    /// A sentence, what happened when, and the state that it leads to.
    type Case<'a> = (&'a str, &'a [(i64, Event)], State);

    #[test]
    fn the_table() {
        use Event::{Accepted, Barred, Refused, Throttled};
        use State::{Attention, Ok, ReconnectNeeded, Suspect};
        let cases: [Case<'_>; 13] = [
            ("one refusal is only a suspicion", &[(0, Refused)], Suspect),
            ("accepted again, it is refuted", &[(0, Refused), (60, Accepted)], Ok),
            (
                "three, spaced out, are proof",
                &[(0, Refused), (60, Refused), (120, Refused)],
                ReconnectNeeded,
            ),
            (
                "a burst counts as one",
                &[(0, Refused), (1, Refused), (2, Refused), (3, Refused)],
                Suspect,
            ),
            (
                "what was refuted counts no more",
                &[(0, Refused), (60, Refused), (120, Accepted), (180, Refused), (240, Refused)],
                Suspect,
            ),
            (
                "refusals after throttling say nothing",
                &[(0, Throttled(at(30))), (60, Refused), (120, Refused), (180, Refused)],
                Ok,
            ),
            (
                "they do when the shadow is over",
                &[(0, Throttled(at(30))), (700, Refused), (760, Refused), (820, Refused)],
                ReconnectNeeded,
            ),
            (
                "refusals in the shadow don't lengthen it",
                &[
                    (0, Throttled(at(30))),
                    (60, Refused),
                    (300, Refused),
                    (600, Refused),
                    (700, Refused),
                    (760, Refused),
                    (820, Refused),
                ],
                ReconnectNeeded,
            ),
            ("where nothing is allowed, somebody must look", &[(0, Barred)], Attention),
            ("it is let in again", &[(0, Barred), (60, Accepted)], Ok),
            (
                "that refutes a suspicion: the credential was let in",
                &[(0, Refused), (60, Refused), (120, Barred), (180, Refused)],
                Suspect,
            ),
            (
                "a dead credential is not asked about",
                &[(0, Refused), (60, Refused), (120, Refused), (180, Barred)],
                ReconnectNeeded,
            ),
            (
                "a dead credential stays dead",
                &[(0, Refused), (60, Refused), (120, Refused), (180, Accepted)],
                ReconnectNeeded,
            ),
        ];
        for (sentence, events, expected) in cases {
            assert_eq!(after(events).state, expected, "{sentence}");
        }
    }

    #[test]
    fn a_throttling_in_between_begins_the_count_anew() {
        use Event::{Refused, Throttled};
        let before = [(0, Refused), (60, Refused), (90, Throttled(at(91)))];
        let later = [(700, Refused), (760, Refused), (820, Refused)];
        let expected = [State::Suspect, State::Suspect, State::Suspect, State::ReconnectNeeded];
        for (number, expected) in expected.into_iter().enumerate() {
            let events = [&before, &later[..number]].concat();
            assert_eq!(after(&events).state, expected, "{number} refusals later");
        }
        let dead = after(&[&later[..], &[(900, Throttled(at(901)))]].concat());
        assert_eq!((dead.state, dead.refusals), (State::ReconnectNeeded, TRIES));
    }

    #[test]
    fn a_suspect_is_confirmed_by_harmless_requests_spaced_out() {
        let suspect = after(&[(0, Event::Refused)]);
        assert_eq!(suspect.leave(at(59), MINUTE), Leave::NotBefore(at(60)));
        assert_eq!(suspect.leave(at(60), MINUTE), Leave::ConfirmFirst);
        let dead = after(&[(0, Event::Refused), (60, Event::Refused), (120, Event::Refused)]);
        assert_eq!(dead.leave(at(10_000), MINUTE), Leave::Refused);
    }

    #[test]
    fn a_clock_that_was_corrected_backwards_freezes_nothing() {
        const YEAR: i64 = 365 * 24 * 60 * 60;
        let throttled = after(&[(YEAR, Event::Throttled(at(YEAR + 30)))]);
        assert_eq!(throttled.leave(at(0), MINUTE), Leave::Granted);
        let suspect = after(&[(YEAR, Event::Refused)]);
        assert_eq!(suspect.leave(at(0), MINUTE), Leave::ConfirmFirst);
        let seconds = [0, 60];
        let dead = seconds
            .into_iter()
            .fold(suspect, |standing, second| standing.after(Event::Refused, at(second), MINUTE));
        assert_eq!(dead.state, State::ReconnectNeeded);
        // What a provider asks for is not given without end either.
        let greedy = after(&[(0, Event::Throttled(at(YEAR)))]);
        assert_eq!(greedy.leave(at(24 * 60 * 60), MINUTE), Leave::Granted);
    }

    #[test]
    fn a_throttled_account_is_left_alone_until_its_time() {
        let standing = after(&[(0, Event::Throttled(at(30)))]);
        assert_eq!(standing.leave(at(29), MINUTE), Leave::NotBefore(at(30)));
        assert_eq!(standing.leave(at(30), MINUTE), Leave::Granted);
        let shadowed = standing.after(Event::Refused, at(40), MINUTE);
        assert_eq!(shadowed.state, State::Ok);
        assert_eq!(shadowed.leave(at(99), MINUTE), Leave::NotBefore(at(100)));
        assert_eq!(shadowed.leave(at(100), MINUTE), Leave::ConfirmFirst);
    }
}
