//! Exit codes: what a script learns from a command, and which of several pairs decides it.

use std::process::ExitCode;

use crate::report::{Outcome, PairSync};

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Exit {
    /// Everything is fine.
    Fine = 0,
    /// Something failed.
    Failed = 1,
    /// The command or the configuration is wrong.
    Usage = 2,
    /// An account has to be connected again.
    ReconnectNeeded = 3,
    /// A plan waits for approval.
    Halted = 4,
    /// Another calpair holds the state directory.
    Occupied = 5,
    /// Conflicts or problems are open; the rest is in sync.
    Open = 6,
    /// Try again later: the network, or a provider that asks for patience (sysexits' EX_TEMPFAIL).
    TryAgain = 75,
}

impl Exit {
    /// Every code, gravest first: what stops the command, then 1, 3, 4, 75, 6, 0.
    pub const BY_GRAVITY: [Exit; 8] = [
        Exit::Usage,
        Exit::Occupied,
        Exit::Failed,
        Exit::ReconnectNeeded,
        Exit::Halted,
        Exit::TryAgain,
        Exit::Open,
        Exit::Fine,
    ];

    /// The number.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The exit of this number, as a daemon's reply carries it.
    pub fn of_code(code: u8) -> Option<Exit> {
        Exit::BY_GRAVITY.into_iter().find(|exit| exit.code() == code)
    }

    /// The gravest of several; fine if there is none.
    pub fn gravest(exits: impl IntoIterator<Item = Exit>) -> Exit {
        let gravity = |exit: &Exit| Exit::BY_GRAVITY.iter().position(|other| other == exit);
        exits.into_iter().min_by_key(gravity).unwrap_or(Exit::Fine)
    }

    /// What a cycle means for a script.
    pub fn of_pair(pair: &PairSync) -> Exit {
        match pair.outcome {
            Outcome::Failed => Exit::Failed,
            Outcome::ReconnectNeeded => Exit::ReconnectNeeded,
            Outcome::Halted => Exit::Halted,
            Outcome::Retrying => Exit::TryAgain,
            Outcome::InSync | Outcome::Changed | Outcome::Planned => {
                if pair.conflicts > 0 || pair.problems > 0 { Exit::Open } else { Exit::Fine }
            }
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Requests, Written};

    #[test]
    fn the_gravest_pair_decides() {
        use Exit::{Failed, Fine, Halted, Open, ReconnectNeeded, TryAgain};
        let cases: &[(&[Exit], Exit)] = &[
            (&[], Fine),
            (&[Fine, Fine], Fine),
            (&[Fine, Open], Open),
            (&[Open, TryAgain, Fine], TryAgain),
            (&[TryAgain, Halted], Halted),
            (&[Halted, ReconnectNeeded, TryAgain], ReconnectNeeded),
            (&[ReconnectNeeded, Failed], Failed),
            (&[Fine, Open, TryAgain, Halted, ReconnectNeeded, Failed], Failed),
        ];
        for (exits, expected) in cases {
            assert_eq!(Exit::gravest(exits.iter().copied()), *expected, "{exits:?}");
            assert_eq!(Exit::gravest(exits.iter().rev().copied()), *expected, "{exits:?}");
        }
    }

    #[test]
    fn codes_are_those_of_the_documents() {
        let codes = Exit::BY_GRAVITY.map(Exit::code);
        assert_eq!(codes, [2, 5, 1, 3, 4, 75, 6, 0]);
        for exit in Exit::BY_GRAVITY {
            assert_eq!(Exit::of_code(exit.code()), Some(exit));
        }
        assert_eq!(Exit::of_code(77), None);
    }

    #[test]
    fn open_conflicts_and_problems_show_only_when_the_rest_is_in_sync() {
        let cases = [
            (Outcome::InSync, 0, 0, Exit::Fine),
            (Outcome::Changed, 0, 0, Exit::Fine),
            (Outcome::Planned, 0, 0, Exit::Fine),
            (Outcome::InSync, 1, 0, Exit::Open),
            (Outcome::Changed, 0, 1, Exit::Open),
            (Outcome::Halted, 1, 1, Exit::Halted),
            (Outcome::ReconnectNeeded, 0, 0, Exit::ReconnectNeeded),
            (Outcome::Retrying, 0, 9, Exit::TryAgain),
            (Outcome::Failed, 9, 0, Exit::Failed),
        ];
        for (outcome, conflicts, problems, expected) in cases {
            let pair = PairSync {
                name: "p".into(),
                outcome,
                left: Written::default(),
                right: Written::default(),
                adopted: 0,
                merged: 0,
                conflicts,
                problems,
                requests: Requests::default(),
                duration_ms: 0,
                reason: None,
                action: None,
                actions: None,
            };
            assert_eq!(Exit::of_pair(&pair), expected, "{outcome:?} {conflicts} {problems}");
        }
    }
}
