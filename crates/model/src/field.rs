//! Fields as things to compare and to copy one by one: the grain of merge, of what a provider can
//! hold, and of what a person is shown.

use std::fmt;

use crate::Event;

/// A part of an event that is compared, merged and shown as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Field {
    /// Start and end together: half of a move is nonsense.
    Times,
    /// The repetition; a field of the series, never of an override.
    Recurrence,
    /// The title.
    Title,
    /// The description.
    Description,
    /// The place as text.
    Location,
    /// The place as coordinates.
    Geo,
    /// The address of a page about it.
    Url,
    /// Categories.
    Categories,
    /// Colour.
    Color,
    /// Who may see it.
    Class,
    /// Whether it blocks time.
    Transparency,
    /// Tentative, confirmed, cancelled.
    Status,
    /// Priority.
    Priority,
    /// Reminders.
    Alarms,
    /// Organizer and attendees: read, never written.
    People,
    /// Where to join it.
    Conferences,
    /// Attachments by reference.
    Attachments,
}

impl Field {
    /// Every field, in the order in which a person is shown them.
    pub const ALL: [Field; 17] = [
        Field::Times,
        Field::Recurrence,
        Field::Title,
        Field::Description,
        Field::Location,
        Field::Geo,
        Field::Url,
        Field::Categories,
        Field::Color,
        Field::Class,
        Field::Transparency,
        Field::Status,
        Field::Priority,
        Field::Alarms,
        Field::People,
        Field::Conferences,
        Field::Attachments,
    ];

    /// The name in `--dry-run`, `history` and `explain`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Field::Times => "times",
            Field::Recurrence => "recurrence",
            Field::Title => "title",
            Field::Description => "description",
            Field::Location => "location",
            Field::Geo => "geo",
            Field::Url => "url",
            Field::Categories => "categories",
            Field::Color => "color",
            Field::Class => "class",
            Field::Transparency => "transparency",
            Field::Status => "status",
            Field::Priority => "priority",
            Field::Alarms => "reminders",
            Field::People => "people",
            Field::Conferences => "conferences",
            Field::Attachments => "attachments",
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A set of fields.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct FieldSet(u32);

impl FieldSet {
    /// No field.
    pub const NONE: FieldSet = FieldSet(0);
    /// Every field.
    pub const ALL: FieldSet = FieldSet((1 << Field::ALL.len()) - 1);

    /// The set with `field` in it.
    #[must_use]
    pub const fn with(self, field: Field) -> FieldSet {
        FieldSet(self.0 | 1 << field as u8)
    }

    /// The set without `field`.
    #[must_use]
    pub const fn without(self, field: Field) -> FieldSet {
        FieldSet(self.0 & !(1 << field as u8))
    }

    /// The fields that both sets have.
    #[must_use]
    pub const fn intersection(self, other: FieldSet) -> FieldSet {
        FieldSet(self.0 & other.0)
    }

    /// The fields that at least one of the sets has.
    #[must_use]
    pub const fn union(self, other: FieldSet) -> FieldSet {
        FieldSet(self.0 | other.0)
    }

    /// The set as a number, for the store: a field keeps its bit forever.
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// The set of [`FieldSet::bits`]; bits that stand for no field are left out.
    pub const fn from_bits(bits: u32) -> FieldSet {
        FieldSet(bits & FieldSet::ALL.0)
    }

    /// Whether `field` is in the set.
    pub const fn contains(self, field: Field) -> bool {
        self.0 & (1 << field as u8) != 0
    }

    /// Whether the set is empty.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The fields, in the order of [`Field::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Field> {
        Field::ALL.into_iter().filter(move |field| self.contains(*field))
    }
}

impl FromIterator<Field> for FieldSet {
    fn from_iter<I: IntoIterator<Item = Field>>(fields: I) -> Self {
        fields.into_iter().fold(FieldSet::NONE, FieldSet::with)
    }
}

impl fmt::Debug for FieldSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl Event {
    /// Whether `field` is the same in both events. [`Field::Recurrence`] is not an event's, and
    /// always is.
    pub fn same(&self, other: &Event, field: Field) -> bool {
        match field {
            Field::Times => self.start == other.start && self.end == other.end,
            Field::Recurrence => true,
            Field::Title => self.title == other.title,
            Field::Description => self.description == other.description,
            Field::Location => self.location == other.location,
            Field::Geo => self.geo == other.geo,
            Field::Url => self.url == other.url,
            Field::Categories => self.categories == other.categories,
            Field::Color => self.color == other.color,
            Field::Class => self.class == other.class,
            Field::Transparency => self.transparency == other.transparency,
            Field::Status => self.status == other.status,
            Field::Priority => self.priority == other.priority,
            Field::Alarms => self.alarms == other.alarms,
            Field::People => self.people == other.people,
            Field::Conferences => self.conferences == other.conferences,
            Field::Attachments => self.attachments == other.attachments,
        }
    }

    /// Takes `field` over from another event.
    pub fn take(&mut self, from: &Event, field: Field) {
        match field {
            Field::Times => {
                self.start = from.start.clone();
                self.end = from.end.clone();
            }
            Field::Recurrence => {}
            Field::Title => self.title.clone_from(&from.title),
            Field::Description => self.description.clone_from(&from.description),
            Field::Location => self.location.clone_from(&from.location),
            Field::Geo => self.geo.clone_from(&from.geo),
            Field::Url => self.url.clone_from(&from.url),
            Field::Categories => self.categories.clone_from(&from.categories),
            Field::Color => self.color.clone_from(&from.color),
            Field::Class => self.class = from.class,
            Field::Transparency => self.transparency = from.transparency,
            Field::Status => self.status = from.status,
            Field::Priority => self.priority = from.priority,
            Field::Alarms => self.alarms.clone_from(&from.alarms),
            Field::People => self.people.clone_from(&from.people),
            Field::Conferences => self.conferences.clone_from(&from.conferences),
            Field::Attachments => self.attachments.clone_from(&from.attachments),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_holds_what_was_put_in() {
        let set: FieldSet = [Field::Title, Field::Attachments].into_iter().collect();
        assert!(set.contains(Field::Title) && !set.contains(Field::Times));
        assert_eq!(set.iter().collect::<Vec<_>>(), [Field::Title, Field::Attachments]);
        assert_eq!(FieldSet::ALL.iter().count(), Field::ALL.len());
        assert!(FieldSet::ALL.without(Field::Url).with(Field::Url) == FieldSet::ALL);
    }
}
