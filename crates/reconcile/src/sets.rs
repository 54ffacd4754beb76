//! Fields that are sets (categories, reminders, links): what crosses of them is the difference, the
//! elements that a side has taken away or added since both agreed, and not the set.
//!
//! The other side may hold an element otherwise: a reminder that sends mail is shown there, a link
//! has lost its name. Such two are alike; each side's stays what it is there, and goes, or moves in
//! time, when the other one does. What the other side found no room for is offered again when
//! something else is taken away.
//!
//! Without a base (a first contact, rules that changed) what is alike is taken for agreed on.

use std::collections::BTreeSet;

use model::{Alarm, Event, Field, Link, Redacted, Sides};

/// Whether the field is a set.
pub(crate) const fn is_set(field: Field) -> bool {
    matches!(field, Field::Categories | Field::Alarms | Field::Conferences | Field::Attachments)
}

/// Makes `field`, a set, of `onto` say what it says in `from`. What is alike stays as `onto` has
/// it.
pub(crate) fn put(field: Field, from: &Event, onto: &mut Event) {
    match field {
        Field::Categories => onto.categories = like(&from.categories, &onto.categories),
        Field::Alarms => onto.alarms = like(&from.alarms, &onto.alarms),
        Field::Conferences => onto.conferences = like(&from.conferences, &onto.conferences),
        Field::Attachments => onto.attachments = like(&from.attachments, &onto.attachments),
        _ => {}
    }
}

/// What happened to `field`, a set, of `from` since both sides agreed on `bases`, done to what
/// stood in `onto` then. Whatever happened to `onto` itself since is undone by it.
pub(crate) fn carry(field: Field, bases: Bases<'_>, from: &Event, onto: &mut Event) {
    let Bases { from: old, onto: base } = bases;
    match field {
        Field::Categories => {
            let since = Since { old: &old.categories, new: &from.categories };
            onto.categories = since.done_to(&base.categories);
        }
        Field::Alarms => {
            let since = Since { old: &old.alarms, new: &from.alarms };
            onto.alarms = since.done_to(&base.alarms);
        }
        Field::Conferences => {
            let since = Since { old: &old.conferences, new: &from.conferences };
            onto.conferences = since.done_to(&base.conferences);
        }
        Field::Attachments => {
            let since = Since { old: &old.attachments, new: &from.attachments };
            onto.attachments = since.done_to(&base.attachments);
        }
        _ => {}
    }
}

/// What the two events of a crossing were when both sides agreed.
#[derive(Clone, Copy)]
pub(crate) struct Bases<'e> {
    pub(crate) from: &'e Event,
    pub(crate) onto: &'e Event,
}

/// Whether `field`, a set, has nothing to carry either way.
pub(crate) fn settled(field: Field, bases: Option<Sides<&Event>>, now: Sides<&Event>) -> bool {
    let arrives = |from: &Event, onto: &Event, bases: Option<Bases<'_>>| {
        let mut carried = onto.clone();
        match bases {
            Some(bases) => carry(field, bases, from, &mut carried),
            None => put(field, from, &mut carried),
        }
        carried.same(onto, field)
    };
    let Sides { left, right } = now;
    let rightwards = bases.map(|bases| Bases { from: bases.left, onto: bases.right });
    let leftwards = bases.map(|bases| Bases { from: bases.right, onto: bases.left });
    // One way is enough: what one side did is then a part of what the other did, and shows nowhere.
    left.same(right, field) || arrives(left, right, rightwards) || arrives(right, left, leftwards)
}

/// An element of a set.
trait Element: Ord + Clone {
    /// Whether two sides' elements that are not equal may be one thing.
    fn alike(&self, other: &Self) -> bool;

    /// This element, when the one like it on the other side became another one; `None` when it is
    /// simply replaced.
    fn moved(&self, _gone: &Self, _new: &Self) -> Option<Self> {
        None
    }
}

impl Element for Redacted<String> {
    fn alike(&self, other: &Self) -> bool {
        self.expose().to_lowercase() == other.expose().to_lowercase()
    }
}

impl Element for Alarm {
    fn alike(&self, other: &Self) -> bool {
        self.trigger == other.trigger
    }

    fn moved(&self, gone: &Self, new: &Self) -> Option<Self> {
        (gone.action == new.action && self.action != gone.action)
            .then_some(Alarm { action: self.action, trigger: new.trigger })
    }
}

impl Element for Link {
    fn alike(&self, other: &Self) -> bool {
        self.uri == other.uri && (self.label.is_none() || other.label.is_none())
    }
}

/// Which element of one side's set is which of the other's: equal ones, then like ones. Where one
/// side was written by a server in its own way (a reminder in whole minutes), and as many are left
/// over on both, they are each other's, in their order.
struct Twins<'s, T> {
    pairs: Vec<(&'s T, &'s T)>,
    /// Those of the first set that have none.
    alone: Vec<&'s T>,
}

impl<'s, T: Element> Twins<'s, T> {
    fn of(one: &'s BTreeSet<T>, other: &'s BTreeSet<T>) -> (Self, Vec<&'s T>) {
        let mut pairs: Vec<_> = one.iter().filter_map(|e| Some((e, other.get(e)?))).collect();
        let mut left_over: Vec<&T> = other.difference(one).collect();
        let mut alone = Vec::new();
        for element in one.difference(other) {
            match left_over.iter().position(|twin| element.alike(twin)) {
                Some(at) => pairs.push((element, left_over.remove(at))),
                None => alone.push(element),
            }
        }
        (Self { pairs, alone }, left_over)
    }

    fn agreed(one: &'s BTreeSet<T>, other: &'s BTreeSet<T>) -> Self {
        let (mut twins, left_over) = Self::of(one, other);
        if twins.alone.len() == left_over.len() {
            twins.pairs.extend(twins.alone.drain(..).zip(left_over));
        }
        twins
    }
}

/// `from` as the side says it that holds `held`.
fn like<T: Element>(from: &BTreeSet<T>, held: &BTreeSet<T>) -> BTreeSet<T> {
    let (twins, _) = Twins::of(from, held);
    let theirs = twins.pairs.into_iter().map(|(_, twin)| twin);
    theirs.chain(twins.alone).cloned().collect()
}

/// What happened to a set.
struct Since<'s, T> {
    old: &'s BTreeSet<T>,
    new: &'s BTreeSet<T>,
}

impl<T: Element> Since<'_, T> {
    fn done_to(&self, base: &BTreeSet<T>) -> BTreeSet<T> {
        let twins = Twins::agreed(self.old, base);
        let mut added: Vec<&T> = self.new.difference(self.old).collect();
        let mut done = base.clone();
        let mut made_room = false;
        for (own, twin) in twins.pairs {
            if self.new.contains(own) {
                continue;
            }
            done.remove(twin);
            made_room = true;
            let moved = added.iter().enumerate();
            let moved = moved.filter_map(|(at, new)| Some((at, twin.moved(own, new)?))).next();
            if let Some((at, moved)) = moved {
                added.remove(at);
                done.insert(moved);
            }
        }
        done.extend(added.into_iter().cloned());
        if made_room {
            done.extend(twins.alone.into_iter().filter(|own| self.new.contains(own)).cloned());
        }
        done
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{AlarmAction, Trigger};

    fn alarms(text: &str) -> BTreeSet<Alarm> {
        let alarm = |word: &str| {
            let (action, minutes) = word.split_at(1);
            let action = match action {
                "m" => AlarmAction::Email,
                _ => AlarmAction::Display,
            };
            let seconds = minutes.parse::<i64>().expect("a number") * -60;
            Alarm { action, trigger: Trigger::Start(seconds) }
        };
        text.split_whitespace().map(alarm).collect()
    }

    #[test]
    fn what_happened_on_one_side_happens_on_the_other() {
        for (says, old, base, new, want) in [
            ("added", "m60", "d60", "m60 d5", "d60 d5"),
            ("added to what is otherwise there", "d60", "m60", "d60 d5", "m60 d5"),
            ("taken away", "d60 d5", "m60 d5", "d60", "m60"),
            ("the like one goes too", "d60 d5", "m60 d5", "d5", "d5"),
            ("moved, it stays what it is", "d60 d5", "m60 d5", "d90 d5", "m90 d5"),
            ("the other way too", "m60", "d60", "m90", "d90"),
            ("it became another kind", "m60", "d60", "d60", "d60"),
            ("what never crossed stays away", "d1 d2 d3", "d1 d2", "d1 d2 d3 d4", "d1 d2 d4"),
            ("and comes where room is made", "d60 d1440", "d60", "d1440", "d1440"),
            ("what only the other has stays", "d1", "d1 d9", "d2", "d2 d9"),
            ("rounded by a server", "d7 d3", "d8 d3", "d3", "d3"),
            ("nobody knows which", "d7 d6 d3", "d8 d3", "d7 d3", "d8 d3"),
            ("all of them", "m60 d5", "d60 d5", "", ""),
        ] {
            let (old, new) = (alarms(old), alarms(new));
            let since = Since { old: &old, new: &new };
            assert_eq!(since.done_to(&alarms(base)), alarms(want), "{says}");
        }
    }

    #[test]
    fn what_is_alike_stays_as_it_is_there() {
        assert_eq!(like(&alarms("d60 d5"), &alarms("m60 d9")), alarms("m60 d5"));
        assert_eq!(like(&alarms("d60 m60"), &alarms("m60")), alarms("d60 m60"));
        let link = |label: Option<&str>| Link { uri: "x:y".into(), label: label.map(Into::into) };
        let [bare, named, other] = [None, Some("a"), Some("b")].map(link);
        let one = |link: &Link| BTreeSet::from([link.clone()]);
        assert_eq!(like(&one(&bare), &one(&named)), one(&named));
        assert_eq!(like(&one(&named), &one(&bare)), one(&bare));
        assert_eq!(like(&one(&other), &one(&named)), one(&other));
    }
}
