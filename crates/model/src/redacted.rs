//! Nothing private is printable: titles, people, places and credentials are `Redacted<T>`, so that
//! a `{:?}` in a log line or a panic message can't carry them.

use std::fmt;

/// A private value. `Debug` prints `[redacted]`; there is no `Display`. Reading it is a decision:
/// call [`Redacted::expose`].
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Redacted<T>(T);

impl<T> Redacted<T> {
    /// Wraps a private value.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself, for storage, for the provider, and for the person whose calendar it is.
    pub const fn expose(&self) -> &T {
        &self.0
    }

    /// Unwraps the value.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl From<&str> for Redacted<String> {
    fn from(value: &str) -> Self {
        Self(value.to_owned())
    }
}

impl From<String> for Redacted<String> {
    fn from(value: String) -> Self {
        Self(value)
    }
}

impl<T> fmt::Debug for Redacted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_never_shows_the_value() {
        assert_eq!(format!("{:?}", Redacted::from("dentist")), "[redacted]");
        assert_eq!(Redacted::from("dentist").expose(), "dentist");
    }
}
