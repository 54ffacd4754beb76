//! From a resource's text and two series to the text with just the difference in it.
//!
//! Only the lines of fields that differ change, component by component; whatever calpair does not
//! map stays byte for byte. A touched component gets a new DTSTAMP and LAST-MODIFIED and a higher
//! SEQUENCE; an untouched one gets nothing. What is only a guest's own leaves SEQUENCE alone, which
//! is the organizer's count of revisions (RFC 5546 section 2.1.4).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::{SignedDuration, Timestamp};
use model::{Event, Exception, Field, FieldSet, Series, When};

use crate::fields::{self, recurrence, times};
use crate::read::{events, exdates, recurrence_id, zones};
use crate::recur::extent;
use crate::tree::{Component, Document, NewLine, Rewrite, TreeError};
use crate::unreadable::Reason;
use crate::write::{definition, new_cancelled, new_master, new_override, utc_text, zones_of};
use crate::zone::{Place, Zones};

/// What a guest may change of a meeting without anybody being told: alarms and transparency
/// (RFC 6638 section 3.2.2.1), and how it is shown to the guest.
pub const OWN: [Field; 4] = [Field::Alarms, Field::Transparency, Field::Categories, Field::Color];

/// Why a text can't be edited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EditError {
    /// It is no iCalendar text.
    Broken(TreeError),
    /// It can't be read as a series.
    Unreadable(Reason),
    /// The target has a zone under a name that the text defines as another.
    ZoneClash(String),
    /// The target has no event left; that is a deletion, not an edit.
    Empty,
}

impl fmt::Display for EditError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broken(error) => write!(f, "the stored text is not a calendar: {error}"),
            Self::Unreadable(reason) => write!(f, "the stored text can't be edited: {reason}"),
            Self::ZoneClash(name) => {
                write!(f, "the stored text defines another time zone as {name:?}")
            }
            Self::Empty => f.write_str("the edit would leave no event"),
        }
    }
}

impl std::error::Error for EditError {}

/// The text changed from `current` (what it reads as) to `target`. People are never changed.
pub fn edit(
    raw: &[u8],
    current: &Series,
    target: &Series,
    stamp: Timestamp,
) -> Result<Vec<u8>, EditError> {
    if target.master.is_none() && target.exceptions.is_empty() {
        return Err(EditError::Empty);
    }
    // Read from one copy, change the other.
    let held = Document::parse(raw).map_err(EditError::Broken)?;
    let mut document = held.clone();
    let zones = zones(&held);
    for zone in zones_of(target) {
        let name = times::tzid(zone);
        if zones.resolve(name).is_some_and(|place| place != Place::Zone(zone.clone())) {
            return Err(EditError::ZoneClash(name.to_owned()));
        }
    }
    let start = current.master.as_ref().map(|master| &master.start);
    let keys: Vec<Option<When>> = events(&held)
        .map(|event| recurrence_id(event, &zones, start))
        .collect::<Result<_, _>>()
        .map_err(EditError::Unreadable)?;
    let calendar = document
        .components_mut()
        .find(|top| top.components().any(|part| part.name() == "VEVENT"))
        .ok_or(EditError::Unreadable(Reason::NoEvent))?;
    Edit { current, target, stamp, zones: &zones, calendar, keys }.run()?;
    add_definitions(&mut document, &held, &zones, target);
    Ok(document.to_bytes())
}

/// An edit under way in the calendar that holds the events.
struct Edit<'e, 't> {
    current: &'e Series,
    target: &'e Series,
    stamp: Timestamp,
    zones: &'e Zones<'e>,
    calendar: &'e mut Component<'t>,
    /// The original start of each VEVENT, in their order; `None` for the master.
    keys: Vec<Option<When>>,
}

impl<'t> Edit<'_, 't> {
    fn run(mut self) -> Result<(), EditError> {
        self.edit_master()?;
        let renamed = self.renamed();
        for (old, new) in &renamed {
            if let Some(Exception::Override(from)) = self.current.exceptions.get(old) {
                match self.target.exceptions.get(new) {
                    Some(Exception::Override(to)) => self.edit_override(old, new, from, to)?,
                    Some(Exception::Cancelled) | None => self.remove_events(Some(old)),
                }
            } else if self.target.exceptions.get(new) != Some(&Exception::Cancelled) || old != new {
                // A cancelled occurrence may stand there as an event, too.
                self.remove_events(Some(old));
            }
        }
        let before: BTreeMap<&When, &When> = renamed.iter().map(|(old, new)| (new, old)).collect();
        for (key, exception) in &self.target.exceptions {
            let held = before.get(key).and_then(|old| self.current.exceptions.get(*old));
            match (exception, held) {
                (Exception::Override(_), Some(Exception::Override(_))) => {}
                (Exception::Override(event), _) => self.add_override(key, event),
                (Exception::Cancelled, Some(Exception::Cancelled)) if before[key] == key => {}
                (Exception::Cancelled, _) => self.add_cancelled(key),
            }
        }
        Ok(())
    }

    /// The current exceptions' keys and what they are called in the target: when the master's
    /// start moved, its occurrences moved along, and their overrides are still the same ones.
    fn renamed(&self) -> Vec<(When, When)> {
        let keys = self.current.exceptions.keys();
        let (Some(from), Some(to)) = (&self.current.master, &self.target.master) else {
            return keys.map(|key| (key.clone(), key.clone())).collect();
        };
        if from.start == to.start {
            return keys.map(|key| (key.clone(), key.clone())).collect();
        }
        let moved: SignedDuration = from.start.wall().duration_until(to.start.wall());
        keys.map(|key| {
            let wall = key.wall().checked_add(moved).unwrap_or_else(|_| key.wall());
            let new = to.start.with_wall(wall);
            // A key that the target has as it is was not moved.
            let is_kept = self.target.exceptions.contains_key(key);
            (key.clone(), if is_kept { key.clone() } else { new })
        })
        .collect()
    }

    fn edit_master(&mut self) -> Result<(), EditError> {
        match (&self.current.master, &self.target.master) {
            (None, None) => {}
            (Some(_), None) => self.remove_events(None),
            (None, Some(master)) => {
                let ending = self.calendar.ending();
                self.push(None, new_master(self.target, master, self.stamp, ending));
            }
            (Some(from), Some(to)) => {
                let cancellations = self.cancellations();
                let (zones, stamp) = (self.zones, self.stamp);
                let (current, target) = (&self.current.recurrence, &self.target.recurrence);
                let component = self.find(None).ok_or(EditError::Unreadable(Reason::NoEvent))?;
                let mut changed = edit_fields(component, from, to);
                if current != target {
                    recurrence::write(component, current, target);
                    changed = changed.with(Field::Recurrence);
                }
                if cancellations.write(component, zones, &from.start)? {
                    changed = changed.with(Field::Recurrence);
                }
                touch(component, changed, stamp);
            }
        }
        Ok(())
    }

    /// What changes in the master's EXDATE lines.
    fn cancellations(&self) -> Cancellations {
        let cancelled = |series: &Series| -> BTreeSet<When> {
            let all = series.exceptions.iter();
            let all = all.filter(|(_, exception)| **exception == Exception::Cancelled);
            all.map(|(key, _)| key.clone()).collect()
        };
        let (before, after) = (cancelled(self.current), cancelled(self.target));
        Cancellations {
            gone: before.difference(&after).cloned().collect(),
            new: after.difference(&before).cloned().collect(),
        }
    }

    fn edit_override(
        &mut self,
        old: &When,
        new: &When,
        from: &Event,
        to: &Event,
    ) -> Result<(), EditError> {
        if old == new && from == to {
            return Ok(());
        }
        let stamp = self.stamp;
        let component = self.find(Some(old)).ok_or(EditError::Unreadable(Reason::NoEvent))?;
        let mut changed = edit_fields(component, from, to);
        if old != new {
            changed = changed.with(Field::Times);
        }
        touch(component, changed, stamp);
        if old != new {
            self.rename(old, new);
        }
        Ok(())
    }

    /// Moves every event under a key, also those that do not count: left behind, one of them would
    /// be an occurrence of its own.
    fn rename(&mut self, old: &When, new: &When) {
        let keyed = self.calendar.components_mut().filter(|part| part.name() == "VEVENT");
        for (component, _) in keyed.zip(&self.keys).filter(|(_, held)| held.as_ref() == Some(old)) {
            component.set("RECURRENCE-ID", vec![times::line("RECURRENCE-ID", new)]);
        }
    }

    /// A new override is a copy of the master with what differs written over it: so it keeps what
    /// the master has and calpair does not map, the people of a meeting for one.
    fn add_override(&mut self, key: &When, event: &Event) {
        let ending = self.calendar.ending();
        let master = self.target.master.as_ref().zip(self.find(None).cloned());
        let component = match master {
            None => new_override(&self.target.uid, key, event, self.stamp, ending),
            Some((master, mut component)) => {
                for name in ["RRULE", "EXRULE", "RDATE", "EXDATE"] {
                    component.remove(name);
                }
                component.set("RECURRENCE-ID", vec![times::line("RECURRENCE-ID", key)]);
                edit_fields(&mut component, master, event);
                set_stamps(&mut component, self.stamp);
                component
            }
        };
        self.push(Some(key.clone()), component);
    }

    /// With a master its EXDATE says it already.
    fn add_cancelled(&mut self, key: &When) {
        if self.target.master.is_none() {
            let ending = self.calendar.ending();
            let component = new_cancelled(&self.target.uid, key, self.stamp, ending);
            self.push(Some(key.clone()), component);
        }
    }

    /// The last of the events under a key, which is the one that counts unless SEQUENCE says
    /// otherwise.
    fn find(&mut self, key: Option<&When>) -> Option<&mut Component<'t>> {
        let age = |c: &Component<'_>| crate::read::age(c);
        let keyed = self.calendar.components_mut().filter(|part| part.name() == "VEVENT");
        let matching = keyed.zip(&self.keys).filter(|(_, held)| held.as_ref() == key);
        matching.map(|(component, _)| component).max_by_key(|component| age(component))
    }

    fn push(&mut self, key: Option<When>, component: Component<'t>) {
        self.calendar.push(component);
        self.keys.push(key);
    }

    fn remove_events(&mut self, key: Option<&When>) {
        let mut keys = self.keys.iter();
        self.calendar.remove_components(|part| {
            part.name() == "VEVENT" && keys.next().is_some_and(|held| held.as_ref() == key)
        });
        self.keys.retain(|held| held.as_ref() != key);
    }
}

/// Writes the fields that differ; which they were.
fn edit_fields(component: &mut Component<'_>, from: &Event, to: &Event) -> FieldSet {
    let mut changed = FieldSet::default();
    for field in Field::ALL {
        let is_written = !matches!(field, Field::People | Field::Recurrence);
        if is_written && !from.same(to, field) {
            fields::write(field, component, Some(from), to);
            changed = changed.with(field);
        }
    }
    changed
}

/// EXDATE values to take out and to put in.
struct Cancellations {
    gone: BTreeSet<When>,
    new: BTreeSet<When>,
}

impl Cancellations {
    fn write(
        &self,
        component: &mut Component<'_>,
        zones: &Zones<'_>,
        start: &When,
    ) -> Result<bool, EditError> {
        let mut is_touched = !self.new.is_empty();
        if !self.gone.is_empty() {
            let mut failed = None;
            component.rewrite("EXDATE", |property| match exdates(property, zones, start) {
                Err(reason) => {
                    failed = Some(reason);
                    Rewrite::Keep
                }
                Ok(values) => {
                    let all = values.len();
                    let kept: Vec<_> =
                        values.into_iter().filter(|(key, _)| !self.gone.contains(key)).collect();
                    is_touched |= kept.len() < all;
                    match kept.len() {
                        left if left == all => Rewrite::Keep,
                        0 => Rewrite::Drop,
                        _ => Rewrite::Replace(property.with_value(
                            kept.into_iter().map(|(_, text)| text).collect::<Vec<_>>().join(","),
                        )),
                    }
                }
            });
            if let Some(reason) = failed {
                return Err(EditError::Unreadable(reason));
            }
        }
        component.add_all(self.new.iter().map(|key| times::line("EXDATE", key)));
        Ok(is_touched)
    }
}

/// Notes that these fields have changed.
fn touch(component: &mut Component<'_>, changed: FieldSet, stamp: Timestamp) {
    if changed.is_empty() {
        return;
    }
    let is_own = changed.iter().all(|field| OWN.contains(&field));
    if !is_own || component.first("ATTENDEE").is_none() {
        count_revision(component);
    }
    set_stamps(component, stamp);
}

fn count_revision(component: &mut Component<'_>) {
    let sequence: u64 = component
        .property("SEQUENCE")
        .and_then(|property| property.value.trim().parse().ok())
        .unwrap_or(0);
    let next = sequence.saturating_add(1).to_string();
    component.set("SEQUENCE", vec![NewLine::new("SEQUENCE", next)]);
}

pub(crate) fn set_stamps(component: &mut Component<'_>, stamp: Timestamp) {
    let now = utc_text(stamp);
    for name in ["DTSTAMP", "LAST-MODIFIED"] {
        component.set(name, vec![NewLine::new(name, now.clone())]);
    }
}

/// Adds a VTIMEZONE for every TZID that the edit brought in.
fn add_definitions(
    document: &mut Document<'_>,
    held: &Document<'_>,
    zones: &Zones<'_>,
    target: &Series,
) {
    let before = tzids(held);
    let after = tzids(document);
    let from = extent(target).from;
    let ending = document.ending();
    let Some(calendar) = document.components_mut().find(|top| top.name() == "VCALENDAR") else {
        return;
    };
    for zone in zones_of(target) {
        let name = times::tzid(zone);
        let is_new = after.contains(name) && !before.contains(name) && !zones.defines(name);
        let definition = if is_new { definition(zone, from, ending) } else { None };
        if let Some(definition) = definition {
            calendar.push_front(definition);
        }
    }
}

/// Every TZID that the events of a text use.
pub(crate) fn tzids(document: &Document<'_>) -> BTreeSet<String> {
    events(document).flat_map(tzids_of).collect()
}

/// Every TZID that a component's lines use, those of its alarms too.
pub(crate) fn tzids_of(component: &Component<'_>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for property in component.lines().filter_map(|line| line.property()) {
        found.extend(property.param("TZID").map(str::to_owned));
    }
    for part in component.components() {
        found.extend(tzids_of(part));
    }
    found
}
