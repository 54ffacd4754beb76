//! The contract that every provider keeps, as clauses that can be run against one.
//!
//! A [`Subject`] hands over a provider with a calendar to play in, and a back door: a way to
//! change the calendar behind the provider's back. [`run`] runs every clause and reports each by
//! name. A provider that can't be put into the situation of a clause says so beforehand; the
//! suite fails when a clause can't be applied that was not declared.

mod bench;
mod changes;
mod fetch;
mod round_trips;
mod writes;

use std::fmt;
use std::pin::Pin;

use async_trait::async_trait;
use model::{CalendarId, Cursor};
use provider::Provider;

use self::bench::{Bench, Miss};

/// A provider under test.
#[async_trait]
pub trait Subject: Send + Sync {
    /// The provider.
    fn provider(&self) -> &dyn Provider;

    /// A calendar that may be written; other clauses' events may be in it.
    fn calendar(&self) -> CalendarId;

    /// Stores a text under a name, behind the provider's back; new or in place of what is there.
    ///
    /// # Errors
    /// Why it can't be stored.
    async fn put(&mut self, name: &str, raw: &[u8]) -> Result<(), String>;

    /// The text stored under a name.
    async fn get(&mut self, name: &str) -> Option<Vec<u8>>;

    /// Deletes what is stored under a name.
    async fn delete(&mut self, name: &str);

    /// The name under which the back door finds what the provider calls `id`.
    fn name(&self, id: &model::ResourceId) -> String;

    /// Makes a good cursor an expired one; `None` where nobody can.
    async fn expire(&mut self, cursor: Cursor) -> Option<Cursor>;

    /// A word that makes names, UIDs and keys this run's own, for servers that remember.
    fn salt(&self) -> &str {
        ""
    }

    /// The mailbox by which the account is invited.
    fn mailbox(&self) -> &str {
        "host@example.org"
    }

    /// How many mails the provider has sent because of us; 0 where nobody can tell.
    async fn mails(&mut self) -> usize {
        0
    }

    /// Clauses (by name) that can't be applied, and why.
    fn cannot(&self) -> Vec<(&'static str, &'static str)> {
        Vec::new()
    }
}

/// What became of a clause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is kept.
    Pass,
    /// It is not; the reason.
    Fail(String),
    /// It can't be applied, and the subject had said so; its reason.
    Declared(String),
    /// It can't be applied, and nobody had said so.
    CannotApply(String),
}

/// What became of every clause.
#[derive(Debug)]
pub struct Report(Vec<(&'static str, &'static str, Verdict)>);

impl Report {
    /// The clauses: name, sentence, verdict.
    pub fn clauses(&self) -> &[(&'static str, &'static str, Verdict)] {
        &self.0
    }

    /// Whether every clause passed or was declared.
    pub fn is_good(&self) -> bool {
        let good = |verdict: &Verdict| matches!(verdict, Verdict::Pass | Verdict::Declared(_));
        self.0.iter().all(|(_, _, verdict)| good(verdict))
    }

    /// Panics with the whole report unless it is good.
    pub fn assert_good(&self) {
        assert!(self.is_good(), "the contract is not kept:\n{self}");
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, sentence, verdict) in &self.0 {
            match verdict {
                Verdict::Pass => writeln!(f, "pass  {name}")?,
                Verdict::Fail(reason) => writeln!(f, "FAIL  {name}: {sentence}\n      {reason}")?,
                Verdict::Declared(reason) => writeln!(f, "n/a   {name}: {reason}")?,
                Verdict::CannotApply(reason) => {
                    writeln!(f, "FAIL  {name}: can't be applied, undeclared: {reason}")?;
                }
            }
        }
        Ok(())
    }
}

type Run = for<'b, 's> fn(
    &'b mut Bench<'s>,
) -> Pin<Box<dyn Future<Output = Result<(), Miss>> + Send + 'b>>;

/// A sentence about providers, and the code that tries it.
struct Clause {
    name: &'static str,
    sentence: &'static str,
    run: Run,
}

/// Clauses from functions of a module, each with its sentence.
macro_rules! clauses {
    ($($module:ident { $($name:ident: $sentence:literal,)* })*) => {
        &[$($(Clause {
            name: stringify!($name),
            sentence: $sentence,
            run: |bench| Box::pin($module::$name(bench)),
        },)*)*]
    };
}

const CLAUSES: &[Clause] = clauses! {
    writes {
        identity_is_stable: "the identity is not empty and the same each time",
        the_calendar_is_listed: "the calendar is listed, and writable",
        create_returns_what_is_held: "create answers with what a fetch then finds",
        one_key_creates_once: "create twice with one key makes one resource and returns it",
        one_key_returns_what_was_edited: "a key whose creation was edited still creates nothing",
        one_key_creates_what_was_deleted: "a key whose creation was deleted makes it once more",
        a_taken_uid_is_refused: "create with a UID that is there is AlreadyExists",
        update_changes: "update answers with what a fetch then finds",
        a_copy_shows_who_made_it: "create marks what it makes; no user's edit is taken for ours",
        a_stale_update_is_refused: "update of another version is Stale and changes nothing",
        an_update_needs_a_version: "update without a version is Stale and changes nothing",
        an_update_of_nothing_is_gone: "update of what was deleted is Gone and creates nothing",
        what_is_unknown_survives: "update leaves lines alone that it does not know",
        unknown_parts_survive: "update leaves alone what it doesn't know in alarms and overrides",
        what_was_returned_can_be_updated: "an answer of create is as good as a fetch, or Stale",
        delete_deletes: "a deleted resource is Gone for a fetch",
        delete_twice_is_fine: "deleting what is gone succeeds",
        a_stale_delete_is_refused: "delete of another version is Stale and deletes nothing",
        a_meeting_of_ours_tells_nobody: "editing or deleting a meeting with guests sends no mail",
        an_invitation_tells_nobody: "editing or deleting an invitation sends no mail",
        nothing_mails: "people are never written, and nothing that is written sends mail",
    }
    changes {
        a_full_listing_has_everything: "without a cursor everything is listed",
        nothing_changed_is_nothing: "right after a listing nothing has changed",
        a_creation_is_a_change: "what was created behind our back is reported",
        an_edit_is_a_change: "what was edited behind our back is reported",
        a_deletion_is_a_change: "what was deleted behind our back is reported",
        our_own_creation_is_harmless: "our own creation comes back as what it was",
        gone_and_there_again: "deleted and created again under one name is there",
        there_and_gone_again: "created and deleted behind our back is not there",
        a_cursor_can_be_used_again: "a cursor asked twice says the same twice",
        an_expired_cursor_is_told: "an expired cursor is CursorExpired, or everything is listed",
        a_strange_cursor_is_told: "a cursor that is none is CursorExpired, or all is listed",
        another_calendar_is_gone: "a calendar that is not there is Gone",
    }
    fetch {
        nothing_is_fetched_for_nothing: "no ids, no answers",
        a_missing_id_is_gone: "an id that was deleted is Gone, beside others that are Found",
        every_id_has_an_answer: "each id is answered, however often it was asked for",
        a_full_batch: "as many ids as one fetch takes are all answered",
        the_unreadable_stops_nothing: "what can't be read is Unreadable, and the rest is Found",
        odd_names: "blanks, @, % and letters of any script in names",
    }
    round_trips {
        overrides: "moved, renamed and cancelled occurrences come back",
        whole_days: "whole days come back as days",
        floating_times: "floating times stay floating",
        zones_across_a_change: "a zone's wall clock stays across the change of summer time",
        a_zone_of_ones_own: "a zone that only the event defines comes back with its rules",
        every_field: "every field that the provider can hold comes back",
        odd_uids: "slashes, blanks, % and letters of any script in UIDs",
        case_of_uids: "two UIDs that differ in case are two",
        odd_texts: "long, folded, multi-line and many-script texts come back",
        extra_occurrences: "extra occurrences and an end of the rule come back",
        from_series_to_single: "a rule can be taken away and put back",
        from_times_to_days: "a timed event can become a whole day, and back",
    }
};

/// Runs every clause, one after the other.
pub async fn run(subject: &mut dyn Subject) -> Report {
    let declared = subject.cannot();
    let mut report = Vec::new();
    for clause in CLAUSES {
        let said = declared.iter().find(|(name, _)| *name == clause.name);
        let verdict = if let Some((_, reason)) = said {
            Verdict::Declared((*reason).to_owned())
        } else {
            let mut bench = Bench::new(&mut *subject, clause.name);
            match (clause.run)(&mut bench).await {
                Ok(()) => Verdict::Pass,
                Err(Miss::Broken(reason)) => Verdict::Fail(reason),
                Err(Miss::CannotApply(reason)) => Verdict::CannotApply(reason),
            }
        };
        report.push((clause.name, clause.sentence, verdict));
    }
    for (name, _) in declared {
        let known = CLAUSES.iter().any(|clause| clause.name == name);
        assert!(known, "`{name}` is declared, but no clause has this name");
    }
    Report(report)
}
