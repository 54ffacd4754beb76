//! Finds which unmapped resources of the two sides are one series.
//!
//! The same UID, byte for byte; else the same times, title and recurrence, only where they are
//! unique on both sides, so that a guess can't be wrong by choosing; else, for a copy whose UID
//! calpair made, the same times and a title that it shows or hides. Several resources of one UID on
//! one side are a fault of that side (RFC 4791 section 4.1 allows one): the first by id is synced,
//! the others are reported, and none is ever copied twice.

use std::collections::{BTreeMap, BTreeSet};

use model::{Extent, Series, Side, Sides, Uid, canonical};

use crate::touched::{Contact, Held};
use crate::veil;

/// Resources of a contact, put together.
pub(crate) enum Aligned<'a> {
    /// One on each side, or one that the other side lacks.
    Series(Sides<Option<&'a Held>>),
    /// One that has to stay alone: its side has another of its UID.
    Double(Side, &'a Held),
}

/// Puts the resources of a contact together. `taken` are UIDs that mapped series have on each side.
pub(crate) fn align<'a>(contact: &'a Contact, taken: &Sides<BTreeSet<&Uid>>) -> Vec<Aligned<'a>> {
    let mut aligned = Vec::new();
    let mut first: Sides<BTreeMap<&Uid, &Held>> = Sides::default();
    for side in Side::BOTH {
        let mut held: Vec<&Held> = contact.held[side].iter().collect();
        held.sort_by(|one, other| one.id.cmp(&other.id));
        for held in held {
            let uid = &held.series.uid;
            if first[side].contains_key(uid) || taken[side].contains(uid) {
                aligned.push(Aligned::Double(side, held));
            } else {
                first[side].insert(uid, held);
            }
        }
    }
    let uids: BTreeSet<&Uid> = first.left.keys().chain(first.right.keys()).copied().collect();
    let mut alone: Sides<Vec<&Held>> = Sides::default();
    for uid in uids {
        match (first.left.get(uid), first.right.get(uid)) {
            (Some(left), Some(right)) => {
                aligned.push(Aligned::Series(Sides::new(Some(*left), Some(*right))));
            }
            (Some(left), None) => alone.left.push(left),
            (None, Some(right)) => alone.right.push(right),
            (None, None) => {}
        }
    }
    by_likeness(alone, &mut aligned);
    aligned
}

fn by_likeness<'a>(alone: Sides<Vec<&'a Held>>, aligned: &mut Vec<Aligned<'a>>) {
    let mut alike: BTreeMap<Vec<u8>, Sides<Vec<&Held>>> = BTreeMap::new();
    for (side, held) in alone.iter() {
        for held in held {
            alike.entry(face(&held.series, Shown::Title)).or_default()[side].push(held);
        }
    }
    let mut rest: BTreeMap<Vec<u8>, Sides<Vec<&Held>>> = BTreeMap::new();
    for group in alike.into_values() {
        if let ([left], [right]) = (group.left.as_slice(), group.right.as_slice()) {
            aligned.push(Aligned::Series(Sides::new(Some(left), Some(right))));
            continue;
        }
        for side in Side::BOTH {
            for held in &group[side] {
                rest.entry(likeness(&held.series)).or_default()[side].push(held);
            }
        }
    }
    rest.into_values().for_each(|group| under_own_uids(group, aligned));
}

/// Of series at the same times: a copy whose UID calpair made is put to the original whose title
/// it shows, or may hide. Of several that look the same any will do.
fn under_own_uids<'a>(mut group: Sides<Vec<&'a Held>>, aligned: &mut Vec<Aligned<'a>>) {
    for side in Side::BOTH {
        let (copies, mut alone): (Vec<&Held>, Vec<&Held>) =
            group[side].drain(..).partition(|held| veil::is_own_uid(&held.series.uid));
        for copy in copies {
            let originals = group[side.opposite()].iter().enumerate();
            let fitting = originals.filter(|(_, held)| veil::may_show(&copy.series, &held.series));
            let rank = |held: &Held| {
                let title = held.series.face().and_then(|face| face.title.as_ref());
                let length = title.map_or(0, |title| title.expose().len());
                (!veil::is_own_uid(&held.series.uid), length)
            };
            match fitting.rev().max_by_key(|(_, held)| rank(held)).map(|(at, _)| at) {
                Some(at) => {
                    let original = group[side.opposite()].remove(at);
                    let met = Sides::from_fn(|s| Some(if s == side { copy } else { original }));
                    aligned.push(Aligned::Series(met));
                }
                None => alone.push(copy),
            }
        }
        group[side] = alone;
    }
    let left = group.left.into_iter().map(|held| Sides::new(Some(held), None));
    let right = group.right.into_iter().map(|held| Sides::new(None, Some(held)));
    aligned.extend(left.chain(right).map(Aligned::Series));
}

/// What makes it worth to look whether two series of different UIDs are one: start, end and
/// recurrence, as canonical bytes. Titles are not in it: a copy may hide its original's.
pub fn likeness(series: &Series) -> Vec<u8> {
    face(series, Shown::Times)
}

#[derive(Clone, Copy)]
enum Shown {
    Times,
    /// With the title: trimmed, spaces collapsed, lower case.
    Title,
}

fn face(series: &Series, shown: Shown) -> Vec<u8> {
    let face = series.face().map(|face| {
        let mut face_only = model::Event::new(face.start.clone(), face.end.clone());
        let title = face.title.as_ref().map(|title| title.expose().as_str()).unwrap_or_default();
        face_only.title = match shown {
            Shown::Times => None,
            Shown::Title => Some(veil::words(title)).filter(|title| !title.is_empty()),
        }
        .map(Into::into);
        face_only
    });
    canonical::encode(&Series {
        uid: Uid::new(""),
        master: face,
        recurrence: series.recurrence.clone(),
        exceptions: BTreeMap::new(),
        modified: None,
        extent: Extent::ALWAYS,
        declined: false,
    })
}
