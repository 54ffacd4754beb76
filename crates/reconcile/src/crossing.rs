//! What crosses towards a side and how it looks there, as a lens: [`Lens::copy`] and
//! [`Lens::carry`] put, [`Lens::same`] and [`Lens::differs`] read. What is put and read back
//! unchanged is no edit.
//!
//! A field crosses towards a side when both sides can hold it and nothing masks it. A mask (`busy`,
//! `show_as`, no reminders) is put once, when a copy is made, and is never written again nor read
//! back: whoever renames a `Busy` copy renames the copy alone, and keeps that name. Which of two
//! series is the copy is read from the base: the one whose masked fields are all as the mask makes
//! them, or are not the other's. In a pair that was found on both sides, both keep their own.
//!
//! A prefix is put before a title that carries it already, and on new copies; a title from which
//! somebody removed it stays without. People cross as text only, see `people`.

use model::{
    Event, Exception, Field, FieldSet, People, Redacted, Series, Side, Sides, Status, Transparency,
};

use crate::people;
use crate::policy::{Attendees, Crossing, Detail, Policy, Reminders, ShowAs};

/// How the two series of one mapping see each other.
pub(crate) struct Lens<'a> {
    policy: &'a Policy,
    carried: Sides<FieldSet>,
}

impl<'a> Lens<'a> {
    /// For a mapped series with its base, or for a first contact without.
    pub(crate) fn between(policy: &'a Policy, base: Option<Sides<&Series>>) -> Self {
        let masked = policy.crossing.as_ref().map(masked);
        let is_copy = Sides::from_fn(|side| match base {
            None => true,
            Some(base) => is_copy(&policy.crossing[side], base[side], base[side.opposite()]),
        });
        let carried = Sides::from_fn(|to| {
            let from = to.opposite();
            let shows_mask = |field| is_copy[from] && masked[from].contains(field);
            both_hold(policy)
                .iter()
                .filter(|field| !masked[to].contains(*field) && !shows_mask(*field))
                .collect()
        });
        Self { policy, carried }
    }

    /// The fields whose changes are carried towards `to`.
    pub(crate) fn carried(&self, to: Side) -> FieldSet {
        self.carried[to]
    }

    /// Whether `field` means the same on both sides.
    pub(crate) fn same(&self, events: Sides<&Event>, field: Field) -> bool {
        match field {
            Field::Title => {
                self.title(Side::Left, events.left) == self.title(Side::Right, events.right)
            }
            Field::Description => text(events.left) == text(events.right),
            _ => events.left.same(events.right, field),
        }
    }

    /// Whether `field` means different things in two states of one side.
    pub(crate) fn differs(&self, side: Side, before: &Event, after: &Event, field: Field) -> bool {
        match field {
            Field::Title => self.title(side, before) != self.title(side, after),
            Field::Description => text(before) != text(after),
            _ => !before.same(after, field),
        }
    }

    /// Whether a first contact may fill `field` from the other side.
    pub(crate) fn blank(&self, side: Side, event: &Event, field: Field) -> bool {
        match field {
            Field::Title => self.title(side, event).is_none(),
            Field::Description => text(event).is_none(),
            // Both say something about these, always; what is more private than public is said.
            Field::Times | Field::Transparency => false,
            _ => event.same(&Event::new(event.start.clone(), event.end.clone()), field),
        }
    }

    /// Makes `field` of the event on side `to` mean what it means on the other side.
    pub(crate) fn carry(&self, field: Field, from: &Event, to: Side, onto: &mut Event) {
        match field {
            Field::Title => {
                let prefix = &self.policy.crossing[to].prefix;
                let title = self.title(to.opposite(), from).unwrap_or_default();
                // A title that begins like the prefix gets one, or it would be read back without.
                let shown = onto.title.as_ref().map(|title| title.expose().as_str());
                onto.title = if bears(shown.unwrap_or_default(), prefix) || bears(title, prefix) {
                    Some(format!("{prefix}{title}").into())
                } else {
                    (!title.is_empty()).then(|| title.into())
                };
            }
            Field::Description => {
                // As it is, down to white space at its end, unless something has to be taken off.
                let raw = from.description.as_ref().map(|text| text.expose().as_str());
                let bare = raw.map(|raw| match people::has_list(raw) {
                    true => people::without_list(raw).into_owned(),
                    false => raw.to_owned(),
                });
                onto.description = self.listed(bare.as_deref(), from, to, onto);
            }
            Field::People => {
                let text = text(onto);
                onto.description = self.listed(text.as_deref(), from, to, onto);
            }
            _ => onto.take(from, field),
        }
    }

    /// Whether people on the other side are shown in the description on side `to`.
    pub(crate) fn lists_people(&self, to: Side) -> bool {
        self.carried[to].contains(Field::Description)
            && self.policy.crossing[to].attendees == Attendees::Text
    }

    /// A new copy for side `to` of what the other side holds.
    pub(crate) fn copy(&self, series: &Series, to: Side) -> Series {
        let mut copy = series.clone();
        copy.master = series.master.as_ref().map(|event| self.copy_event(event, to));
        for exception in copy.exceptions.values_mut() {
            match exception {
                Exception::Cancelled => {}
                Exception::Override(event) => **event = self.copy_event(event, to),
            }
        }
        copy
    }

    /// A new copy for side `to` of one event.
    pub(crate) fn copy_event(&self, event: &Event, to: Side) -> Event {
        let crossing = &self.policy.crossing[to];
        let masked = masked(crossing);
        let mut copy = Event::new(event.start.clone(), event.end.clone());
        if !crossing.prefix.is_empty() {
            copy.title = Some(crossing.prefix.as_str().into());
        }
        for field in both_hold(self.policy).iter() {
            if masked.contains(field) {
                mask(crossing, field, event, &mut copy);
            } else {
                self.carry(field, event, to, &mut copy);
            }
        }
        copy.people = People::default();
        copy
    }

    fn title<'e>(&self, side: Side, event: &'e Event) -> Option<&'e str> {
        let title = event.title.as_ref()?.expose().as_str();
        let prefix = &self.policy.crossing[side].prefix;
        let bare = match title.strip_prefix(prefix.as_str()) {
            Some(bare) => bare,
            None if title == prefix.trim_end() => "",
            None => title,
        };
        (!bare.is_empty()).then_some(bare)
    }

    fn listed(
        &self,
        text: Option<&str>,
        from: &Event,
        to: Side,
        onto: &Event,
    ) -> Option<Redacted<String>> {
        // A series that has people of its own is the same meeting, not a copy to explain.
        let people = if self.lists_people(to) && onto.people.is_empty() {
            from.people.clone()
        } else {
            People::default()
        };
        people::with_list(text, &people).map(Redacted::from)
    }
}

/// What the description says without the list of people; also without white space at its end,
/// which servers take away.
fn text(event: &Event) -> Option<String> {
    let raw = event.description.as_ref()?.expose();
    let text = people::without_list(raw);
    (!text.is_empty()).then(|| text.into_owned())
}

fn bears(title: &str, prefix: &str) -> bool {
    !prefix.is_empty() && (title.starts_with(prefix) || title == prefix.trim_end())
}

/// What both sides can hold, and therefore can cross; people can't.
fn both_hold(policy: &Policy) -> FieldSet {
    policy.fields.left.intersection(policy.fields.right).without(Field::People)
}

/// The fields that a copy shows otherwise than the original, on purpose.
pub(crate) fn masked(crossing: &Crossing) -> FieldSet {
    const TEXT: [Field; 9] = [
        Field::Description,
        Field::Location,
        Field::Geo,
        Field::Url,
        Field::Categories,
        Field::Color,
        Field::Priority,
        Field::Conferences,
        Field::Attachments,
    ];
    let detail: FieldSet = match crossing.detail {
        Detail::Full => FieldSet::NONE,
        Detail::Title => TEXT.into_iter().collect(),
        Detail::Busy => TEXT.into_iter().chain([Field::Title]).collect(),
    };
    let shown = match crossing.show_as {
        ShowAs::Keep => detail,
        ShowAs::Busy | ShowAs::Free => detail.with(Field::Transparency),
        ShowAs::Tentative => detail.with(Field::Transparency).with(Field::Status),
    };
    match crossing.reminders {
        Reminders::Copy => shown,
        Reminders::None => shown.with(Field::Alarms),
    }
}

/// Puts the mask's value; every masked field that is not named here is empty on a copy.
fn mask(crossing: &Crossing, field: Field, original: &Event, copy: &mut Event) {
    match (field, crossing.show_as) {
        (Field::Title, _) => copy.title = Some(format!("{}Busy", crossing.prefix).into()),
        (Field::Transparency, ShowAs::Free) => copy.transparency = Transparency::Transparent,
        (Field::Transparency, _) => copy.transparency = Transparency::Opaque,
        (Field::Status, _) if original.status == Status::Cancelled => {
            copy.status = Status::Cancelled
        }
        (Field::Status, _) => copy.status = Status::Tentative,
        _ => {}
    }
}

/// Whether `own` was made by us with masks, as far as the base shows. When in doubt it was: then
/// an edit of a masked field stays where it was made.
fn is_copy(crossing: &Crossing, own: &Series, other: &Series) -> bool {
    let (Some(own), Some(other)) = (own.face(), other.face()) else { return true };
    let mut as_masked = Event::new(own.start.clone(), own.end.clone());
    let masked = masked(crossing);
    masked.iter().for_each(|field| mask(crossing, field, other, &mut as_masked));
    masked.iter().any(|field| !own.same(other, field))
        || masked.iter().all(|field| own.same(&as_masked, field))
}
