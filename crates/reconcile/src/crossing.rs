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
//! When the rules have changed, copies are made anew in the fields that the change is about
//! ([`Lens::renew`]): masks are put on or taken off, prefixes exchanged. Then it must be certain
//! which of two series is the copy, so it is what calpair made, and nothing else: what its owner
//! made is never masked.
//!
//! A prefix is put before a title that carries it already, and on new copies; a title from which
//! somebody removed it stays without. People cross as text only, see `people`.

use model::{
    Event, Exception, Field, FieldSet, People, Redacted, Series, Side, Sides, Status, Transparency,
};

use crate::people;
use crate::policy::{Attendees, Crossing, Detail, Policy, Reminders, ShowAs};
use crate::sets;
use crate::touched::Known;

/// How the two series of one mapping see each other.
pub(crate) struct Lens<'a> {
    policy: &'a Policy,
    carried: Sides<FieldSet>,
    made: Sides<bool>,
    renewed: Sides<FieldSet>,
    changing: FieldSet,
    /// The prefix of earlier rules that titles of a copy still bear.
    worn: Sides<Option<String>>,
}

impl<'a> Lens<'a> {
    /// For a series that the other side lacks.
    pub(crate) fn for_a_copy(policy: &'a Policy) -> Self {
        let unmasked = |crossing: &Crossing| {
            let masks = masked(crossing);
            both_hold(policy).iter().filter(|field| !masks.contains(*field)).collect()
        };
        let carried = policy.crossing.as_ref().map(unmasked);
        let (made, renewed, changing, worn) = Default::default();
        Self { policy, carried, made, renewed, changing, worn }
    }

    /// For a mapped series with its base, or for a first contact without.
    pub(crate) fn between(policy: &'a Policy, known: Option<&Known>) -> Self {
        let masked = policy.crossing.as_ref().map(masked);
        let made = known.map(|known| known.made).unwrap_or_default();
        let is_copy = Sides::from_fn(|side| match (known, made[side], made[side.opposite()]) {
            (None, ..) => true,
            (Some(_), true, false) => true,
            (Some(_), false, true) => false,
            (Some(known), ..) => {
                let (own, other) = (&known.base[side], &known.base[side.opposite()]);
                is_copy(&policy.crossing[side], own, other)
            }
        });
        let carried = Sides::from_fn(|to| {
            let from = to.opposite();
            let shows_mask = |field| is_copy[from] && masked[from].contains(field);
            both_hold(policy)
                .iter()
                .filter(|field| !masked[to].contains(*field) && !shows_mask(*field))
                .collect()
        });
        let renewed = Sides::from_fn(|to| {
            let is_original = made[to.opposite()] && !made[to];
            let due = known.filter(|_| !is_original).map(|known| known.renew[to]);
            due.unwrap_or_default().intersection(both_hold(policy))
        });
        let renew = known.map(|known| known.renew).unwrap_or_default();
        let changing = renew.left.union(renew.right).intersection(both_hold(policy));
        let mut lens = Self { policy, carried, made, renewed, changing, worn: Sides::default() };
        if let Some(known) = known {
            lens.worn = Sides::from_fn(|side| lens.worn(side, known.base.as_ref()));
        }
        lens
    }

    /// Whether the series on side `to` certainly is a copy of the other.
    pub(crate) fn is_copy(&self, to: Side) -> bool {
        self.made[to] && !self.made[to.opposite()]
    }

    /// The fields that are masked on side `to`.
    pub(crate) fn masks(&self, to: Side) -> FieldSet {
        masked(&self.policy.crossing[to])
    }

    /// The fields about which rules have changed.
    pub(crate) fn changing(&self) -> FieldSet {
        self.changing
    }

    /// The fields in which the copy on side `to` is to be made anew.
    pub(crate) fn renewed(&self, to: Side) -> FieldSet {
        self.renewed[to]
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
            _ if sets::is_set(field) => sets::put(field, from, onto),
            _ => onto.take(from, field),
        }
    }

    /// Makes `field` of the event on side `to` look as the rules make it look there. An edit that
    /// its owner has just made there stays, and so does what is no copy.
    pub(crate) fn renew(
        &self,
        field: Field,
        from: &Event,
        to: Side,
        onto: &mut Event,
        standing: Standing,
    ) {
        let crossing = &self.policy.crossing[to];
        let (other, is_copy) = (to.opposite(), self.is_copy(to));
        if masked(crossing).contains(field) {
            if standing == Standing::Alone && is_copy {
                let mut made = Event::new(onto.start.clone(), onto.end.clone());
                mask(crossing, field, from, &mut made);
                onto.take(&made, field);
            }
            return;
        }
        let events = Sides::from_fn(|side| if side == to { &*onto } else { from });
        let same = self.same(events, field);
        let keeps = standing == Standing::Edited && !same;
        // Of two that may both be originals none empties the other, and not both give way.
        let empties = !is_copy && self.blank(other, from, field);
        let mutual = !is_copy && self.renewed[other].contains(field);
        if keeps || empties || mutual || !self.carried[to].contains(field) {
            return;
        }
        match field {
            Field::Title if is_copy => {
                let bare = self.title(other, from).unwrap_or_default();
                let title = format!("{}{bare}", crossing.prefix);
                onto.title = (!title.is_empty()).then(|| title.into());
            }
            Field::Description if same => {
                let mut listed = onto.clone();
                self.carry(Field::People, from, to, &mut listed);
                let [old, new] = [&*onto, &listed].map(|event| event.description.as_ref());
                let [old, new] = [old, new].map(|text| text.map(|text| text.expose().trim_end()));
                if old != new {
                    onto.description = listed.description;
                }
            }
            _ if same => {}
            _ => self.carry(field, from, to, onto),
        }
    }

    /// What stood before the title of a copy that is to get another prefix, as its base shows.
    fn worn(&self, side: Side, base: Sides<&Series>) -> Option<String> {
        let other = side.opposite();
        if !self.is_copy(side) || !self.renewed[side].contains(Field::Title) {
            return None;
        }
        let (own, other_face) = (base[side].face()?, base[other].face()?);
        let bare = self.title(other, other_face).unwrap_or_default();
        let own = own.title.as_ref()?.expose();
        own.strip_suffix(bare).filter(|worn| !worn.is_empty()).map(str::to_owned)
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

    /// The title that crosses: without the prefix of that side.
    pub(crate) fn title<'e>(&self, side: Side, event: &'e Event) -> Option<&'e str> {
        let title = event.title.as_ref()?.expose().as_str();
        let prefix = &self.policy.crossing[side].prefix;
        let worn = self.worn[side].as_ref().and_then(|worn| title.strip_prefix(worn.as_str()));
        let bare = match worn.or_else(|| title.strip_prefix(prefix.as_str())) {
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

/// How the field that is to be made anew stands there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Nobody has edited it since both sides agreed.
    Alone,
    /// Its owner has.
    Edited,
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
    let detail = text_fields(crossing.detail);
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

/// The fields that don't cross with so much detail.
pub(crate) fn text_fields(detail: Detail) -> FieldSet {
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
    match detail {
        Detail::Full => FieldSet::NONE,
        Detail::Title => TEXT.into_iter().collect(),
        Detail::Busy => TEXT.into_iter().chain([Field::Title]).collect(),
    }
}

/// The title of a copy that shows none, behind the prefix.
pub(crate) const BUSY: &str = "Busy";

/// Puts the mask's value; every masked field that is not named here is empty on a copy.
fn mask(crossing: &Crossing, field: Field, original: &Event, copy: &mut Event) {
    match (field, crossing.show_as) {
        (Field::Title, _) => copy.title = Some(format!("{}{BUSY}", crossing.prefix).into()),
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
