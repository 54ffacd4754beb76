//! Which kind of provider the in-process one is: what it can hold, how it lists, what it answers.

use model::{Event, Exception, Field, FieldSet, Origin, Series, Timestamp};
use provider::{Error, ErrorKind, Result};

use super::HAND;

/// The ways in which providers differ without breaking the contract.
#[derive(Clone, Debug)]
pub struct Manners {
    /// The fields that it can hold.
    pub fields: FieldSet,
    /// Whether listings carry content.
    pub listing: Listing,
    /// Items on a page of a listing.
    pub page: usize,
    /// What a write answers.
    pub versions: Versions,
    /// How a listing says that something was deleted.
    pub deletions: Deletions,
    /// Whether it can tell what changed.
    pub deltas: Deltas,
    /// Whether it can hold a changed occurrence.
    pub overrides: Overrides,
}

impl Default for Manners {
    /// As a good CalDAV server.
    fn default() -> Self {
        Self {
            fields: FieldSet::ALL,
            listing: Listing::Listed,
            page: usize::MAX,
            versions: Versions::Stored,
            deletions: Deletions::Gone,
            deltas: Deltas::Told,
            overrides: Overrides::Held,
        }
    }
}

/// What an item of a listing carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listing {
    /// Id and version.
    Listed,
    /// The content.
    Present,
}

/// What the answer to a write holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Versions {
    /// The resource as it is stored.
    Stored,
    /// The version, and the content as it was sent.
    Sent,
    /// No version, and the content as it was sent.
    Unstated,
}

/// How a delta says that something is not there any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deletions {
    /// With a tombstone.
    Gone,
    /// With a hint that only a fetch confirms.
    Missing,
}

/// Whether changes can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deltas {
    /// They can.
    Told,
    /// Only whether there were any; then everything is listed.
    Never,
}

/// Whether single occurrences can differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overrides {
    /// They can.
    Held,
    /// A series with such is not accepted.
    Rejected,
}

impl Manners {
    /// Takes out of a series what the provider can't hold.
    pub(super) fn mask(&self, series: &mut Series) {
        for event in events_mut(series) {
            let blank = Event::new(event.start.clone(), event.end.clone());
            for field in self.lost() {
                event.take(&blank, field);
            }
        }
    }

    /// The text that `current` becomes for `target`: what the provider can't hold, and what
    /// calpair does not map, stays.
    pub(super) fn edited(
        &self,
        current: &[u8],
        target: &Series,
        now: Timestamp,
    ) -> Result<Vec<u8>> {
        let held = ical::read(current).map_err(|unreadable| {
            Error::new(ErrorKind::Malformed, unreadable.reason.to_string())
        })?;
        let mut target = target.clone();
        self.mask(&mut target);
        if let (Some(new), Some(old)) = (&mut target.master, &held.master) {
            self.lost().for_each(|field| new.take(old, field));
        }
        for (start, exception) in &mut target.exceptions {
            if let (Exception::Override(new), Some(Exception::Override(old))) =
                (exception, held.exceptions.get(start))
            {
                self.lost().for_each(|field| new.take(old, field));
            }
        }
        let edited = ical::edit(current, &held, &target, now).map_err(|error| {
            Error::new(ErrorKind::Rejected, "the change can't be written").because(error)
        })?;
        Ok(match ical::origin(current, HAND) {
            Origin::Sealed if edited != current => ical::sealed(&edited, HAND),
            Origin::Sealed | Origin::Copy | Origin::Unknown => edited,
        })
    }

    /// What the provider can't hold. Times it can: an event without is none.
    fn lost(&self) -> impl Iterator<Item = Field> + use<> {
        let fields = self.fields;
        let lost = move |field: &Field| *field != Field::Times && !fields.contains(*field);
        Field::ALL.into_iter().filter(lost)
    }
}

fn events_mut(series: &mut Series) -> impl Iterator<Item = &mut Event> {
    let overrides = series.exceptions.values_mut().filter_map(|exception| match exception {
        Exception::Override(event) => Some(&mut **event),
        Exception::Cancelled => None,
    });
    series.master.iter_mut().chain(overrides)
}
