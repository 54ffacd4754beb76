//! A step on its way: its writes, each with the journal's entry.

use model::{CreateKey, ResourceId, Side, Sides, Uid};
use reconcile::{Step, Write};
use store::IntentId;

use super::own_uid;

/// A step with its journal entries.
pub(super) struct Work<'p> {
    pub(super) step: &'p Step,
    pub(super) writes: Sides<Option<Writing>>,
    pub(super) held: Sides<Option<ResourceId>>,
}

impl Work<'_> {
    /// The UID under which a side was to get the series.
    pub(super) fn uid(&self, side: Side) -> Uid {
        match self.writes[side].as_ref().map(|writing| &writing.write) {
            Some(Write::Create(series) | Write::Update(series)) => series.uid.clone(),
            Some(Write::Delete) | None => self.step.uid.clone(),
        }
    }

    /// Whether a side was to get it under a UID of our own, which nobody else can have taken.
    pub(super) fn has_own_uid(&self, side: Side) -> bool {
        self.writes[side].as_ref().is_some_and(|writing| self.uid(side) == own_uid(&writing.key))
    }
}

/// A journalled write.
pub(super) struct Writing {
    pub(super) intent: IntentId,
    pub(super) key: CreateKey,
    pub(super) write: Write,
}
