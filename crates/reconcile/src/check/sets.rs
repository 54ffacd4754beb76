//! What a write may do to a field that is a set, of the master.

use std::collections::BTreeSet;

use model::{Event, Field, FieldSet, Series, Side, Sides};

use crate::touched::Known;

/// Whether an update of `side` takes from no set (of `fields`) more elements than the other side
/// took away, and puts none that neither the other side has nor this one had. Where rules have
/// changed or a write of ours is open, that can't be said simply.
pub(super) fn by_element(
    known: &Known,
    side: Side,
    now: Sides<Option<&Series>>,
    target: &Series,
    fields: FieldSet,
) -> bool {
    let other = side.opposite();
    let open = known.pending.iter().any(|(_, pending)| !pending.is_empty());
    let renewed = known.renew.iter().any(|(_, fields)| !fields.is_empty());
    let master = |series: Option<&Series>| series.and_then(|series| series.master.clone());
    let states = [
        master(Some(&known.base[side])),
        master(Some(&known.base[other])),
        master(now[side]),
        master(now[other]),
        master(Some(target)),
    ];
    let [Some(base), Some(their_base), Some(held), Some(theirs), Some(target)] = states else {
        return true;
    };
    if open || renewed {
        return true;
    }
    fields.iter().filter_map(|field| elements(field, &target).map(|all| (field, all))).all(
        |(field, target)| {
            let of = |event: &Event| elements(field, event).unwrap_or_default();
            let (base, held, theirs) = (of(&base), of(&held), of(&theirs));
            let taken = base.intersection(&held).filter(|element| !target.contains(*element));
            let gone = of(&their_base).difference(&theirs).count();
            let mut put = target.difference(&held);
            taken.count() <= gone
                && put.all(|new| {
                    // A reminder may ring there in another way.
                    let rings = |at: &String| {
                        new.split_once('/').map(|w| w.1) == at.split_once('/').map(|w| w.1)
                    };
                    let moved = field == Field::Alarms && theirs.iter().any(rings);
                    theirs.contains(new) || base.contains(new) || moved
                })
        },
    )
}

/// The elements of a field that is a set, in a form that can be compared.
fn elements(field: Field, event: &Event) -> Option<BTreeSet<String>> {
    let links = |links: &BTreeSet<model::Link>| {
        let named = |link: &model::Link| {
            let label = link.label.as_ref().map(|label| label.expose());
            format!("{} {label:?}", link.uri.expose())
        };
        links.iter().map(named).collect()
    };
    match field {
        Field::Categories => {
            Some(event.categories.iter().map(|name| name.expose().clone()).collect())
        }
        Field::Alarms => {
            let alarms = event.alarms.iter();
            Some(alarms.map(|alarm| format!("{:?}/{:?}", alarm.action, alarm.trigger)).collect())
        }
        Field::Conferences => Some(links(&event.conferences)),
        Field::Attachments => Some(links(&event.attachments)),
        _ => None,
    }
}
