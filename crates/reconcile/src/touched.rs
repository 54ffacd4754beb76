//! What the plan is made from: only the series of which at least one side was touched.

use std::collections::{BTreeMap, BTreeSet};

use model::{FieldSet, MappingId, Origin, ResourceId, Series, Side, Sides, Uid};

use crate::Subject;

/// The touched part of a pair, or one batch of it.
#[derive(Clone, Debug, Default)]
pub struct Touched {
    /// Series that are mapped already.
    pub known: Vec<Known>,
    /// Resources that are not, with everything on both sides that shares their identity.
    pub contacts: Vec<Contact>,
}

impl Touched {
    /// What both sides of a step's subject agreed on last; `None` for a new one.
    pub fn base(&self, subject: &Subject) -> Option<Sides<&Series>> {
        match subject {
            Subject::Known(mapping) => {
                let known = self.known.iter().find(|known| known.mapping == *mapping)?;
                Some(known.base.as_ref())
            }
            Subject::New(_) => None,
        }
    }

    /// What a side holds of a step's subject.
    pub fn held(&self, subject: &Subject, side: Side) -> Option<&Held> {
        match subject {
            Subject::Known(mapping) => {
                let known = self.known.iter().find(|known| known.mapping == *mapping)?;
                match &known.now[side] {
                    Now::Present(held) => Some(held),
                    Now::Absent | Now::Unreadable { .. } => None,
                }
            }
            Subject::New(ids) => {
                let id = ids[side].as_ref()?;
                let mut all = self.contacts.iter().flat_map(|contact| &contact.held[side]);
                all.find(|held| held.id == *id)
            }
        }
    }
}

/// A mapped series.
#[derive(Clone, Debug)]
pub struct Known {
    /// Which mapping.
    pub mapping: MappingId,
    /// What each side held when both last agreed. They may differ in what one of them can't hold.
    pub base: Sides<Series>,
    /// Writes of ours that are not part of an agreement yet, oldest first.
    pub pending: Sides<Vec<Pending>>,
    /// Whether the side's resource was first made by crossing: it is a copy, unless both were.
    pub made: Sides<bool>,
    /// The fields in which the side's copy is to be made anew, because the rules have changed.
    pub renew: Sides<FieldSet>,
    /// Whether somebody changed, since both sides agreed, what a side says beside its series: that
    /// crosses nowhere, and is an edit all the same.
    pub beside: Sides<bool>,
    /// What each side holds now.
    pub now: Sides<Now>,
}

impl Known {
    /// Takes in who made what a side holds now. A copy that is sealed, and that was changed since
    /// both sides agreed, was changed by calpair itself under another state: that is no edit, as
    /// if this state had begun the write. Not so where its time of change did not move on: then
    /// somebody has put back what calpair had written before the base.
    pub fn note_origin(&mut self, side: Side, origin: Origin) {
        let is_copy = self.made[side] && !self.made[side.opposite()];
        let Now::Present(held) = &self.now[side] else { return };
        let base = &self.base[side];
        let later = match (base.modified, held.series.modified) {
            (Some(base), Some(now)) => now > base,
            (None, _) | (_, None) => false,
        };
        if origin == Origin::Sealed
            && is_copy
            && later
            && self.pending[side].is_empty()
            && !held.series.same_content(base)
        {
            let (before, target) = (base.clone(), held.series.clone());
            self.pending[side].push(Pending { before, target });
        }
    }
}

/// A write that was begun, and whose step was not finished: what it changed is nobody's edit.
#[derive(Clone, Debug)]
pub struct Pending {
    /// What the side held when the write was decided on.
    pub before: Series,
    /// What the write made, or was to make, of it.
    pub target: Series,
}

/// What a side holds now.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly all of them are present")]
pub enum Now {
    /// Nothing, and that is certain.
    Absent,
    /// This.
    Present(Held),
    /// Something that can't be read.
    Unreadable {
        /// Why, as a sentence.
        reason: String,
    },
}

/// A resource, as far as a plan needs it.
#[derive(Clone, Debug)]
pub struct Held {
    /// Which.
    pub id: ResourceId,
    /// What it means.
    pub series: Series,
}

/// Unmapped resources that share a UID, or (where no UID is shared) a likeness. A resource is in
/// one contact only, and a contact is never cut in two.
#[derive(Clone, Debug, Default)]
pub struct Contact {
    /// Those of each side, ordered by id.
    pub held: Sides<Vec<Held>>,
    /// Those UIDs among them that a mapped resource of the side has already (mapped resources that
    /// are touched themselves may be left out).
    pub taken: Sides<BTreeSet<Uid>>,
    /// Writes of ours to them that are not part of an agreement yet, oldest first.
    pub pending: Sides<BTreeMap<ResourceId, Vec<Pending>>>,
    /// Who made them, where that is known.
    pub origins: Sides<BTreeMap<ResourceId, Origin>>,
}

/// Sums over the whole pair, which a batch can't see.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// How many mapped series each side held at the end of the last cycle.
    pub series: Sides<u64>,
    /// How many deletions are due on each side in all batches together, see [`crate::due`]; none
    /// where a person approved every one of them.
    pub deletions: Sides<u64>,
    /// The deletions that were counted, approved ones too: no other may be carried out.
    pub due: BTreeSet<(MappingId, Side)>,
}
