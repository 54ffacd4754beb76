//! Newtypes for everything that is compared but never taken apart outside its owner.

use std::fmt;

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// Wraps the text as it is; equality is byte for byte.
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            /// The text as it was given.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self::new(text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_id!(
    /// The name of an account in the configuration, e.g. `home`.
    AccountName
);
text_id!(
    /// The name of a pair in the configuration, e.g. `family`.
    PairName
);
text_id!(
    /// A calendar as its provider identifies it; opaque outside the adapter.
    CalendarId
);
text_id!(
    /// A resource as its provider identifies it within one calendar; opaque outside the adapter.
    ResourceId
);
text_id!(
    /// The version of a resource as its provider states it; only equality means anything.
    Version
);
text_id!(
    /// The iCalendar UID (RFC 5545 section 3.8.4.7), compared byte for byte.
    Uid
);
text_id!(
    /// How far a side has been observed; opaque outside the adapter, durable in the store.
    Cursor
);
text_id!(
    /// Names one intended creation. A provider asked twice with the same key creates once.
    /// Lower-case hexadecimal and dashes only, at most 64 characters, so that it can be a part of
    /// any provider's id.
    CreateKey
);

/// SHA-256 over [`crate::canonical::encode`] of a series: equal digests mean equal meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

/// A mapping in the store: the series that left and right hold for one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MappingId(pub i64);
