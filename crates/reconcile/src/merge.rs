//! The three-way merge of one series that both sides hold, by field and by override.
//!
//! Each side is compared with its own base, so what a server made of our last write is no edit. A
//! field edited on one side is carried; edited on both, the policy decides and the loser is
//! recorded. Occurrences are in `occurrences`.
//!
//! A first contact is the same merge without a base: what is empty on one side is filled from the
//! other, what differs counts as edited on both; but not what shows a mask of a copy (`veil`).

use std::collections::BTreeSet;

use model::{Event, Exception, Extent, Field, FieldSet, Origin, Series, Side, Sides, When};

use crate::crossing::{Lens, Standing};
use crate::explain;
use crate::occurrences;
use crate::plan::{Clash, Overruled, Waiting};
use crate::sets;
use crate::touched::Pending;
use crate::unagreed;
use crate::veil;
use crate::verdict::{Facts, Verdict, settle};
use crate::words;

/// What is merged, and by which rules.
pub(crate) struct Merging<'a> {
    pub(crate) lens: &'a Lens<'a>,
    pub(crate) base: Option<Sides<&'a Series>>,
    /// Our own writes that no agreement covers yet, oldest first.
    pub(crate) pending: Sides<&'a [Pending]>,
    pub(crate) now: Sides<&'a Series>,
    /// Nothing comes to this side, by the pair's direction: not even as something that waits.
    pub(crate) one_way: Sides<bool>,
    /// What comes to this side has to wait.
    pub(crate) closed: Sides<bool>,
    /// Who wins; nobody when it is to be asked.
    pub(crate) winner: Option<Side>,
    /// At a first contact: who made what each side holds.
    pub(crate) origin: Sides<Origin>,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Merged {
    /// What each side should hold.
    pub(crate) targets: Sides<Series>,
    /// Fields that each side got or is to get.
    pub(crate) taken: Sides<FieldSet>,
    /// Something for this side waits because it is closed.
    pub(crate) held_up: Sides<bool>,
    /// An edit waits because a mask keeps it on its side, whichever way the pair goes.
    pub(crate) masked: bool,
    pub(crate) overruled: Vec<Overruled>,
    pub(crate) clashes: Vec<Clash>,
    pub(crate) waiting: Waiting,
    /// What was made anew on each side, because the rules have changed.
    pub(crate) renewed: Sides<FieldSet>,
    /// What is still to be.
    pub(crate) renew: Sides<FieldSet>,
}

/// One event of one side through time.
#[derive(Clone)]
pub(crate) struct Strand<'e> {
    pub(crate) base: Option<&'e Event>,
    pub(crate) now: &'e Event,
    /// Before and after (if there was an event) each write that no agreement covers, oldest first.
    pub(crate) wrote: Vec<(Option<&'e Event>, Option<&'e Event>)>,
}

/// Merges what both sides hold.
pub(crate) fn merge(merging: &Merging<'_>) -> Merged {
    let mut session = Session {
        merging,
        taken: Sides::default(),
        lost: Sides::default(),
        held_up: Sides::default(),
        masked: false,
        clashes: Vec::new(),
        waiting: Waiting::default(),
        renewed: Sides::default(),
        renew: Sides::default(),
    };
    let mut targets = merging.now.map(Series::clone);
    let shape = occurrences::Shape::of(&session);
    session.masters(&mut targets, shape.fields());
    occurrences::merge(&mut session, shape, &mut targets);
    session.finish(targets)
}

/// Whether the side holds something that its owner changed and that is carried to the other side,
/// or was until the rules changed.
pub(crate) fn edited(merging: &Merging<'_>, side: Side) -> bool {
    let fields = merging.lens.carried(side.opposite()).union(merging.lens.changing());
    edited_in(merging, side, FieldSet::ALL, fields)
}

/// The same by the rules of now, for these fields of the master, the rule, and everything about
/// occurrences.
pub(crate) fn edited_within(merging: &Merging<'_>, side: Side, of_master: FieldSet) -> bool {
    edited_in(merging, side, of_master, merging.lens.carried(side.opposite()))
}

fn edited_in(merging: &Merging<'_>, side: Side, of_master: FieldSet, fields: FieldSet) -> bool {
    let Some(base) = merging.base else { return true };
    let (base, now) = (base[side], merging.now[side]);
    if base.same_content(now) {
        return false;
    }
    let wrote = merging.pending[side];
    let strand = |base, now, wrote| Strand { base: Some(base), now, wrote };
    let event_edited = |strand: Strand<'_>, fields: FieldSet| {
        fields.iter().any(|field| strand.edited(merging.lens, side, field))
    };
    let master = match (&base.master, &now.master) {
        (None, None) => false,
        (Some(base), Some(now)) => {
            let wrote = wrote.iter().map(Pending::masters).collect();
            event_edited(strand(base, now, wrote), fields.intersection(of_master))
        }
        (None, Some(_)) | (Some(_), None) => {
            let wrote = wrote.iter().map(Pending::masters);
            let wrote = wrote.map(|(before, after)| (before.is_some(), after.is_some()));
            !unagreed::put(wrote, now.master.is_some(), |one, other| one == other)
        }
    };
    let recurrence = fields.contains(Field::Recurrence)
        && base.recurrence != now.recurrence
        && !rule_is_ours(wrote, now);
    let keys: BTreeSet<&When> = base.exceptions.keys().chain(now.exceptions.keys()).collect();
    master
        || recurrence
        || keys.into_iter().any(|key| {
            let [base, now] = [base, now].map(|series| series.exceptions.get(key));
            let wrote = wrote.iter();
            let wrote = wrote.map(|w| [&w.before, &w.target].map(|s| s.exceptions.get(key)));
            if let (Some(Exception::Override(base)), Some(Exception::Override(now))) = (base, now) {
                let wrote = wrote.map(|[old, new]| (as_override(old), as_override(new)));
                event_edited(strand(base, now, wrote.collect()), fields)
            } else {
                let wrote = wrote.map(|[old, new]| (kind(old), kind(new)));
                kind(base) != kind(now)
                    && !unagreed::put(wrote, kind(now), |one, other| one == other)
            }
        })
}

/// What stands at a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Nothing of its own: the occurrence is as the master makes it.
    Plain,
    /// It does not take place.
    Cancelled,
    /// It has an override.
    Own,
}

impl Kind {
    pub(crate) const fn in_words(self) -> &'static str {
        match self {
            Kind::Plain => "as the series",
            Kind::Cancelled => "cancelled",
            Kind::Own => "changed",
        }
    }
}

pub(crate) fn kind(exception: Option<&Exception>) -> Kind {
    match exception {
        None => Kind::Plain,
        Some(Exception::Cancelled) => Kind::Cancelled,
        Some(Exception::Override(_)) => Kind::Own,
    }
}

pub(crate) fn as_override(exception: Option<&Exception>) -> Option<&Event> {
    match exception {
        Some(Exception::Override(event)) => Some(event),
        Some(Exception::Cancelled) | None => None,
    }
}

/// Whether our own writes gave the series the rule that it has.
fn rule_is_ours(wrote: &[Pending], now: &Series) -> bool {
    let wrote = wrote.iter().map(|wrote| (&wrote.before.recurrence, &wrote.target.recurrence));
    unagreed::put(wrote, &now.recurrence, |one, other| one == other)
}

impl Pending {
    fn masters(&self) -> (Option<&Event>, Option<&Event>) {
        (self.before.master.as_ref(), self.target.master.as_ref())
    }
}

impl Strand<'_> {
    fn changed(&self, lens: &Lens<'_>, side: Side, field: Field) -> bool {
        self.base.is_some_and(|base| lens.differs(side, base, self.now, field))
    }

    /// Without a base a write made what there is; that differs from nothing.
    fn ours(&self, lens: &Lens<'_>, side: Side, field: Field) -> bool {
        let same = |one: Option<&Event>, other: Option<&Event>| match (one, other) {
            (Some(one), Some(other)) => !lens.differs(side, one, other, field),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        (self.base.is_none() || self.changed(lens, side, field))
            && unagreed::put(self.wrote.iter().copied(), Some(self.now), same)
    }

    pub(crate) fn edited(&self, lens: &Lens<'_>, side: Side, field: Field) -> bool {
        let differs = match self.base {
            None => !lens.blank(side, self.now, field),
            Some(_) => self.changed(lens, side, field),
        };
        differs && !self.ours(lens, side, field)
    }
}

/// A merge in progress.
pub(crate) struct Session<'a> {
    pub(crate) merging: &'a Merging<'a>,
    taken: Sides<FieldSet>,
    pub(crate) lost: Sides<FieldSet>,
    held_up: Sides<bool>,
    masked: bool,
    clashes: Vec<Clash>,
    pub(crate) waiting: Waiting,
    renewed: Sides<FieldSet>,
    renew: Sides<FieldSet>,
}

impl Session<'_> {
    /// Whether `field` is carried towards each side, the pair's direction aside.
    pub(crate) fn carried(&self, field: Field) -> Sides<bool> {
        Sides::from_fn(|to| self.merging.lens.carried(to).contains(field))
    }

    /// Whether `fields` would cross if the pair went both ways.
    fn only_the_direction(&self, fields: FieldSet) -> bool {
        let Merging { lens, one_way, .. } = self.merging;
        let cross = |to: Side| fields.iter().all(|field| lens.carried(to).contains(field));
        (one_way.left || one_way.right) && Side::BOTH.into_iter().all(cross)
    }

    /// Settles one thing and notes what that means for the step. A closed side makes it wait.
    pub(crate) fn settle(
        &mut self,
        facts: Facts,
        winner: Option<Side>,
        fields: FieldSet,
    ) -> Verdict {
        let verdict = match settle(facts, self.merging.one_way, winner) {
            // At a first contact there is no edit yet that could be lost. What the direction alone
            // keeps from crossing crosses when that is turned.
            Verdict::Wait if self.merging.base.is_none() && !self.only_the_direction(fields) => {
                Verdict::Leave
            }
            verdict => verdict,
        };
        let Verdict::Carry { to, overrules } = verdict else {
            let keeps = |side: Side| facts.edited[side] && !facts.carried[side.opposite()];
            self.masked |= verdict == Verdict::Wait && Side::BOTH.into_iter().any(keeps);
            return verdict;
        };
        if self.merging.closed[to] {
            self.held_up[to] = true;
            return Verdict::Wait;
        }
        self.taken[to] = self.taken[to].union(fields);
        if overrules {
            self.lost[to] = self.lost[to].union(fields);
        }
        verdict
    }

    /// Fields of an override wait.
    pub(crate) fn wait_for_occurrence(&mut self, key: &When, fields: FieldSet) {
        if !fields.is_empty() {
            self.waiting.occurrences.insert(key.clone(), fields);
        }
    }

    /// Times, rule and exceptions wait.
    pub(crate) fn wait_for_shape(&mut self) {
        self.waiting.fields = self.waiting.fields.with(Field::Times).with(Field::Recurrence);
        self.waiting.every_occurrence = true;
    }

    /// Somebody must choose about a field.
    pub(crate) fn clash(&mut self, of: Field, at: Option<&When>, values: Sides<String>) {
        self.clashes.push(Clash {
            of,
            at: at.cloned(),
            field: explain::field_name(of, at),
            values: values.map(Into::into),
        });
    }

    fn masters(&mut self, targets: &mut Sides<Series>, fields: FieldSet) {
        let Merging { base, pending, now, .. } = *self.merging;
        if let (Some(left), Some(right)) = (&now.left.master, &now.right.master) {
            let strands = Sides { left, right };
            let strands = Sides::from_fn(|side| Strand {
                base: base.and_then(|base| base[side].master.as_ref()),
                now: strands[side],
                wrote: pending[side].iter().map(Pending::masters).collect(),
            });
            let mut events = Sides { left: left.clone(), right: right.clone() };
            let open = self.fields(None, strands, fields, self.merging.winner, &mut events);
            self.waiting.fields = self.waiting.fields.union(open);
            let Sides { left, right } = events;
            targets.left.master = Some(left);
            targets.right.master = Some(right);
            if fields.contains(Field::Recurrence) {
                self.recurrence(targets);
            }
        }
    }

    fn recurrence(&mut self, targets: &mut Sides<Series>) {
        let Merging { base, pending, now, .. } = *self.merging;
        let changed = |side: Side| base.is_some_and(|b| b[side].recurrence != now[side].recurrence);
        let ours = Sides::from_fn(|side| changed(side) && rule_is_ours(pending[side], now[side]));
        let facts = Facts {
            same: now.left.recurrence == now.right.recurrence,
            edited: Sides::from_fn(|side| match base {
                None => !now[side].recurrence.is_empty(),
                Some(_) => changed(side) && !ours[side],
            }),
            ours,
            carried: self.carried(Field::Recurrence),
        };
        let fields = FieldSet::NONE.with(Field::Recurrence);
        match self.settle(facts, self.merging.winner, fields) {
            Verdict::Leave => {}
            Verdict::Carry { to, .. } => {
                targets[to].recurrence.clone_from(&now[to.opposite()].recurrence);
            }
            Verdict::Wait => self.waiting.fields = self.waiting.fields.with(Field::Recurrence),
            Verdict::Ask => {
                self.waiting.fields = self.waiting.fields.with(Field::Recurrence);
                let values = now.map(|series| words::recurrence(&series.recurrence));
                self.clash(Field::Recurrence, None, values);
            }
        }
    }

    /// Merges two events field by field; returns the fields that stay open.
    pub(crate) fn fields(
        &mut self,
        at: Option<&When>,
        strands: Sides<Strand<'_>>,
        fields: FieldSet,
        winner: Option<Side>,
        onto: &mut Sides<Event>,
    ) -> FieldSet {
        let lens = self.merging.lens;
        let mut open = FieldSet::NONE;
        let now = Sides { left: strands.left.now, right: strands.right.now };
        let bases = self
            .merging
            .base
            .and_then(|_| Some(Sides { left: strands.left.base?, right: strands.right.base? }));
        for field in fields.without(Field::Recurrence).without(Field::People).iter() {
            let facts = Facts {
                same: match sets::is_set(field) {
                    true => sets::settled(field, bases, now),
                    false => lens.same(now, field),
                },
                edited: Sides::from_fn(|side| strands[side].edited(lens, side, field)),
                ours: Sides::from_fn(|side| strands[side].ours(lens, side, field)),
                carried: self.carried(field),
            };
            let facts = self.unveiled(facts, now, field);
            match self.settle(facts, winner, FieldSet::NONE.with(field)) {
                Verdict::Leave => self.renew(field, facts.edited, onto),
                Verdict::Carry { to, .. } => {
                    let from = to.opposite();
                    match bases.filter(|_| sets::is_set(field)) {
                        Some(bases) => {
                            let bases = sets::Bases { from: bases[from], onto: bases[to] };
                            sets::carry(field, bases, now[from], &mut onto[to]);
                        }
                        None => lens.carry(field, now[from], to, &mut onto[to]),
                    }
                    self.renew(field, facts.edited, onto);
                }
                Verdict::Wait => {
                    open = open.with(field);
                    self.renew_open(field, facts.edited, onto);
                }
                Verdict::Ask => {
                    open = open.with(field);
                    self.renew_open(field, facts.edited, onto);
                    let side = |side: Side| explain::field_value(strands[side].now, field);
                    self.clash(field, at, Sides::from_fn(|s| side(s).unwrap_or_default()));
                }
            }
        }
        self.people(strands, onto);
        open
    }

    /// At a first contact: what shows a mask is nobody's edit. It is recorded where that is not
    /// certain, as if it were one.
    fn unveiled(&mut self, mut facts: Facts, now: Sides<&Event>, field: Field) -> Facts {
        let Merging { lens, base, origin, one_way, closed, .. } = *self.merging;
        if base.is_some() || facts.same {
            return facts;
        }
        let Some(copy) = veil::veiled(lens, origin, now, field) else { return facts };
        if facts.edited[copy] && facts.carried[copy] && !one_way[copy] && !closed[copy] {
            self.lost[copy] = self.lost[copy].with(field);
        }
        facts.edited[copy] = false;
        facts.ours[copy] = true;
        facts
    }

    /// Makes one field of a copy look as the rules, which have changed, make it look. The last that
    /// is done to a field.
    pub(crate) fn renew(&mut self, field: Field, edited: Sides<bool>, onto: &mut Sides<Event>) {
        for to in Side::BOTH {
            if self.merging.lens.renewed(to).contains(field) {
                self.renew_on(to, field, edited, onto);
            }
        }
    }

    /// The same for one that stays open: a mask says nothing about what is open, all else waits.
    fn renew_open(&mut self, field: Field, edited: Sides<bool>, onto: &mut Sides<Event>) {
        for to in Side::BOTH {
            if !self.merging.lens.renewed(to).contains(field) {
                continue;
            }
            if self.merging.lens.masks(to).contains(field) {
                self.renew_on(to, field, edited, onto);
            } else if self.merging.lens.is_copy(to) {
                self.renew[to] = self.renew[to].with(field);
            }
        }
    }

    fn renew_on(&mut self, to: Side, field: Field, edited: Sides<bool>, onto: &mut Sides<Event>) {
        let Merging { lens, one_way, closed, .. } = *self.merging;
        let standing = if edited[to] { Standing::Edited } else { Standing::Alone };
        let mut made = onto[to].clone();
        lens.renew(field, &onto[to.opposite()], to, &mut made, standing);
        if made.same(&onto[to], field) {
            return;
        }
        if one_way[to] || closed[to] {
            self.held_up[to] |= closed[to];
            self.renew[to] = self.renew[to].with(field);
        } else {
            onto[to] = made;
            self.renewed[to] = self.renewed[to].with(field);
        }
    }

    /// People who were invited or left since: the list in the other side's description follows.
    /// Nobody's edit, so there is nothing to conflict with.
    fn people(&mut self, strands: Sides<Strand<'_>>, onto: &mut Sides<Event>) {
        let Merging { lens, one_way, closed, .. } = *self.merging;
        for to in Side::BOTH {
            let strand = &strands[to.opposite()];
            let known = strand.base.is_some();
            let changed = known && strand.edited(lens, to.opposite(), Field::People);
            if changed && lens.lists_people(to) && !one_way[to] && !closed[to] {
                let before = onto[to].description.clone();
                lens.carry(Field::People, strand.now, to, &mut onto[to]);
                if onto[to].description != before {
                    self.taken[to] = self.taken[to].with(Field::Description);
                }
            }
        }
    }

    fn finish(self, mut targets: Sides<Series>) -> Merged {
        let now = self.merging.now;
        let mut overruled = Vec::new();
        for side in Side::BOTH {
            let other = now[side.opposite()];
            if !targets[side].same_content(now[side]) {
                targets[side].extent = spanning(now[side].extent, other.extent);
            }
            if !self.lost[side].is_empty() {
                overruled.push(Overruled {
                    side,
                    fields: self.lost[side],
                    before: now[side].clone(),
                    after: targets[side].clone(),
                });
            }
        }
        Merged {
            targets,
            taken: self.taken,
            held_up: self.held_up,
            masked: self.masked,
            overruled,
            clashes: self.clashes,
            waiting: self.waiting,
            renewed: self.renewed,
            renew: self.renew,
        }
    }
}

/// An extent that holds for whatever the merge took from either side.
fn spanning(one: Extent, other: Extent) -> Extent {
    Extent {
        from: one.from.min(other.from),
        until: one.until.zip(other.until).map(|(one, other)| one.max(other)),
    }
}
