//! Left and right, so that no code exists twice with the names swapped.

use std::fmt;
use std::ops::{Index, IndexMut};

/// One of the two calendars of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// The calendar that the configuration calls `left`.
    Left,
    /// The calendar that the configuration calls `right`.
    Right,
}

impl Side {
    /// Both sides, left first.
    pub const BOTH: [Side; 2] = [Side::Left, Side::Right];

    /// The other one.
    #[must_use]
    pub const fn opposite(self) -> Side {
        match self {
            Side::Left => Side::Right,
            Side::Right => Side::Left,
        }
    }

    /// `left` or `right`, as in PRODUCT's JSON and messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Side::Left => "left",
            Side::Right => "right",
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A value for each side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sides<T> {
    /// The left side's value.
    pub left: T,
    /// The right side's value.
    pub right: T,
}

impl<T> Sides<T> {
    /// A value for each side, left first.
    pub const fn new(left: T, right: T) -> Self {
        Self { left, right }
    }

    /// A value for each side, made by asking for it.
    pub fn from_fn(mut make: impl FnMut(Side) -> T) -> Self {
        let left = make(Side::Left);
        Self { left, right: make(Side::Right) }
    }

    /// Both values by reference.
    pub const fn as_ref(&self) -> Sides<&T> {
        Sides { left: &self.left, right: &self.right }
    }

    /// Both values through `change`.
    pub fn map<U>(self, mut change: impl FnMut(T) -> U) -> Sides<U> {
        let left = change(self.left);
        Sides { left, right: change(self.right) }
    }

    /// The values exchanged.
    #[must_use]
    pub fn swapped(self) -> Self {
        Self { left: self.right, right: self.left }
    }

    /// Both values with their sides, left first.
    pub fn iter(&self) -> impl Iterator<Item = (Side, &T)> {
        [(Side::Left, &self.left), (Side::Right, &self.right)].into_iter()
    }
}

impl<T> Index<Side> for Sides<T> {
    type Output = T;

    fn index(&self, side: Side) -> &T {
        match side {
            Side::Left => &self.left,
            Side::Right => &self.right,
        }
    }
}

impl<T> IndexMut<Side> for Sides<T> {
    fn index_mut(&mut self, side: Side) -> &mut T {
        match side {
            Side::Left => &mut self.left,
            Side::Right => &mut self.right,
        }
    }
}
