//! A series as one side holds it.

use std::fmt;

use crate::{ResourceId, Series, Version};

/// A resource: what a write is conditional on, and what it is a difference to.
#[derive(Clone, PartialEq, Eq)]
pub struct Resource {
    /// Where the provider keeps it.
    pub id: ResourceId,
    /// The version to make a write conditional on; `None` where the provider did not say, and
    /// then it has to be read before it can be written.
    pub version: Option<Version>,
    /// The provider's own form (iCalendar text, JSON), so that a write can leave alone what
    /// calpair does not map.
    pub raw: Vec<u8>,
    /// What it means.
    pub series: Series,
}

/// Who made a resource, as far as its provider can tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Origin {
    /// Nobody knows; an owner, as a rule.
    #[default]
    Unknown,
    /// Calpair made it, as a copy. Others may have changed it since.
    Copy,
    /// Calpair made it, as a copy, and everything that it says was written by calpair.
    Sealed,
}

impl fmt::Debug for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resource")
            .field("id", &self.id)
            .field("version", &self.version)
            .field("raw", &format_args!("{} bytes", self.raw.len()))
            .field("series", &self.series)
            .finish()
    }
}
