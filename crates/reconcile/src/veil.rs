//! What tells a copy that calpair made from its original where no mapping does (it was lost, or the
//! pair is another one): without that, a mask would come back as its owner's edit.
//!
//! A side may know that it holds a copy ([`Origin`]). Of a sealed one nothing is anybody's edit. Of
//! another one somebody may have edited anything; but what looks as a mask makes it look, is taken
//! for a mask. Where nobody knows which of two is the copy, it is the one that says no more than
//! the other.
//!
//! The masks may be those of earlier rules, so their words are looked for, not the rules of now.

use model::{Event, Field, Origin, Series, Side, Sides, Uid};

use crate::crossing::{BUSY, Lens};
use crate::touched::Pending;

/// The end of the UIDs that copies get whose original's UID is taken elsewhere.
const OWN_UID: &str = "@calpair";

/// Whether this UID was made by calpair.
pub(crate) fn is_own_uid(uid: &Uid) -> bool {
    uid.as_str().ends_with(OWN_UID)
}

/// What is known of the series' origin, its UID included.
pub(crate) fn origin(stated: Origin, series: &Series) -> Origin {
    match stated {
        Origin::Unknown if is_own_uid(&series.uid) => Origin::Copy,
        stated => stated,
    }
}

/// The one side that certainly holds a copy.
pub(crate) fn copy(origin: Sides<Origin>) -> Option<Side> {
    match origin.map(|origin| origin != Origin::Unknown) {
        Sides { left: true, right: false } => Some(Side::Left),
        Sides { left: false, right: true } => Some(Side::Right),
        Sides { left: true, right: true } | Sides { left: false, right: false } => None,
    }
}

/// As if a write that no agreement covers had made all of a series.
pub(crate) fn made_whole(series: &Series) -> Pending {
    let mut before = series.clone();
    (before.master, before.recurrence) = Default::default();
    before.exceptions.clear();
    Pending { before, target: series.clone() }
}

/// The side on which `field`, which differs, shows a mask instead of what the other side says.
pub(crate) fn veiled(
    lens: &Lens<'_>,
    origin: Sides<Origin>,
    events: Sides<&Event>,
    field: Field,
) -> Option<Side> {
    let copy = copy(origin);
    match field {
        Field::Title | Field::Transparency | Field::Status => {}
        // A mask empties the others, and what is empty is filled.
        _ => return None,
    }
    match (field, copy) {
        (Field::Title, Some(copy)) => hides_title(lens, events, copy).then_some(copy),
        (_, Some(copy)) => Some(copy),
        (_, None) => {
            let plain =
                |side: &Side| hides_title(lens, events, *side) && says_no_more(lens, events, *side);
            let mut plain = Side::BOTH.into_iter().filter(plain);
            plain.next().filter(|_| plain.next().is_none())
        }
    }
}

/// Whether the title on a side looks like a mask over the other side's.
fn hides_title(lens: &Lens<'_>, events: Sides<&Event>, side: Side) -> bool {
    let other = side.opposite();
    let own = lens.title(side, events[side]).unwrap_or_default();
    let bare = lens.title(other, events[other]).unwrap_or_default();
    own != bare && (own.ends_with(BUSY) || !bare.is_empty() && own.ends_with(bare))
}

/// Whether a side has no text, place, link or person that the other one lacks; none at all, where
/// its title says nothing.
fn says_no_more(lens: &Lens<'_>, events: Sides<&Event>, side: Side) -> bool {
    const SAID: [Field; 7] = [
        Field::Description,
        Field::Location,
        Field::Geo,
        Field::Url,
        Field::Categories,
        Field::Conferences,
        Field::Attachments,
    ];
    let own = events[side];
    let silent = lens.title(side, own).is_some_and(|title| title.ends_with(BUSY));
    own.people.is_empty()
        && SAID
            .into_iter()
            .all(|field| lens.blank(side, own, field) || (!silent && lens.same(events, field)))
}

/// Whether `copy` may be what calpair made of `original` for another place, by their titles.
pub(crate) fn may_show(copy: &Series, original: &Series) -> bool {
    let title = |series: &Series| {
        let title = series.face().and_then(|face| face.title.as_ref());
        words(title.map(|title| title.expose().as_str()).unwrap_or_default())
    };
    let (shown, bare) = (title(copy), title(original));
    shown == bare || shown.ends_with(&words(BUSY)) || !bare.is_empty() && shown.ends_with(&bare)
}

/// A title as it is compared: trimmed, spaces collapsed, lower case.
pub(crate) fn words(title: &str) -> String {
    title.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ")
}
