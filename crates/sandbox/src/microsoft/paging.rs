//! Tokens of rounds of changes: where a client stands, and on which page of a round it is.
//!
//! A token is opaque to clients; the service keeps what it means: calendar, window, revision, and
//! which occurrences the client was told of. A window can't be moved.
// quirk: microsoft-14

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use jiff::civil::Date;
use sha2::{Digest as _, Sha256};

use super::ids::Name;

/// Which occurrences of which rows a client was told of; a row without any is a single event.
pub(super) type Told = BTreeMap<u64, BTreeSet<Date>>;

/// What a round is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Track {
    /// What takes place in a window.
    View { from: Timestamp, until: Timestamp },
    /// Events and series, of which something takes place after an instant.
    Events { from: Option<Timestamp> },
}

/// Where a client stands.
#[derive(Clone, Debug)]
pub(super) struct Stand {
    pub(super) calendar: String,
    pub(super) account: String,
    pub(super) track: Track,
    pub(super) revision: u64,
    /// The revision before, for rounds that are told again.
    pub(super) before: u64,
    pub(super) epoch: u64,
    pub(super) told: Arc<Told>,
}

/// Something that a page shows.
#[derive(Clone, Debug)]
pub(super) enum Entry {
    /// As it is when the page is read.
    Living {
        key: u64,
        slot: Option<Date>,
    },
    Gone(Name),
    /// Something that nothing else knows.
    Ghost(u64),
}

/// A round that is being read.
#[derive(Clone, Debug)]
pub(super) struct Round {
    /// Where its last page leads to.
    pub(super) next: Stand,
    /// What belongs together is not split over pages.
    // quirk: microsoft-4
    pub(super) groups: Vec<Vec<Entry>>,
}

/// Every token that was given.
#[derive(Debug, Default)]
pub(super) struct Rounds {
    stands: Vec<Stand>,
    rounds: Vec<Round>,
    /// A round, the group that a page begins with, and whether the empty page has been shown.
    pages: Vec<(usize, usize, bool)>,
}

impl Rounds {
    pub(super) fn keep_stand(&mut self, stand: Stand) -> String {
        self.stands.push(stand);
        token('d', self.stands.len() - 1)
    }

    pub(super) fn stand(&self, token: &str) -> Option<&Stand> {
        self.stands.get(number('d', token)?)
    }

    pub(super) fn keep_round(&mut self, round: Round) -> usize {
        self.rounds.push(round);
        self.rounds.len() - 1
    }

    pub(super) fn round(&self, number: usize) -> Option<&Round> {
        self.rounds.get(number)
    }

    pub(super) fn keep_page(&mut self, round: usize, group: usize, had_blank: bool) -> String {
        self.pages.push((round, group, had_blank));
        token('s', self.pages.len() - 1)
    }

    pub(super) fn page(&self, token: &str) -> Option<(usize, usize, bool)> {
        self.pages.get(number('s', token)?).copied()
    }
}

/// An opaque name of a number.
fn token(kind: char, number: usize) -> String {
    let sum = Sha256::digest(format!("{kind}{number}"));
    format!("R0usmc{}_{number:x}{kind}", URL_SAFE_NO_PAD.encode(&sum[..12]))
}

fn number(kind: char, text: &str) -> Option<usize> {
    let (_, rest) = text.rsplit_once('_')?;
    let number = usize::from_str_radix(rest.strip_suffix(kind)?, 16).ok()?;
    (token(kind, number) == text).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_good_for_what_it_was_given_for() {
        let one = token('d', 7);
        assert_eq!((number('d', &one), number('s', &one)), (Some(7), None));
        assert_eq!(number('d', &one.replace('7', "8")), None);
        for text in ["", "R0usmc", "latest", "_7d"] {
            assert_eq!(number('d', text), None, "{text}");
        }
    }
}
