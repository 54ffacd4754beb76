//! The merge of what is peculiar to single occurrences: cancellations and overrides, by original
//! start.
//!
//! What users expect, and get:
//! - An occurrence without anything of its own is an override that repeats the master. So an
//!   override that one side makes takes part in what the other side does to the master meanwhile,
//!   in every field in which it only repeats its own master; and an override that its side leaves
//!   alone when that side's master changes is left alone on the other side too.
//! - An edit beats a deletion, for an occurrence as for a series: an override edited on one side
//!   survives its removal or cancellation on the other, which is recorded as overruled.
//! - A series moved as a whole on one side takes along what the other side did to single
//!   occurrences. They are compared under the names they had in the base (`keys`), and get the name
//!   that they have where they end up (`naming`).
//! - Where occurrences can't be found again (another rule), the policy decides about times, rule
//!   and exceptions as one, and the loser is recorded.

use std::collections::{BTreeMap, BTreeSet};

use model::{Event, Exception, Field, FieldSet, Series, Side, Sides, When};

use crate::keys::{Renaming, implied, same_frame, same_grid};
use crate::merge::{Kind, Session, Strand, as_override, edited_within, kind};
use crate::naming::Naming;
use crate::unagreed;
use crate::verdict::{Facts, Verdict};
use crate::words;

/// Whether occurrences can be merged one by one.
pub(crate) enum Shape {
    /// They can: this is how each side has renamed those of its base.
    Keyed(Box<Sides<Renaming>>),
    /// They can't: times, rule and exceptions are one thing.
    Whole,
}

/// Whether and how an occurrence takes place.
const OCCURS: FieldSet = FieldSet::NONE.with(Field::Recurrence);
const SHAPE: FieldSet = FieldSet::NONE.with(Field::Times).with(Field::Recurrence);

impl Shape {
    /// Finds out.
    pub(crate) fn of(session: &Session<'_>) -> Shape {
        let now = session.merging.now;
        if now.left.master.is_some() != now.right.master.is_some() {
            return Shape::Whole;
        }
        let keyed = match session.merging.base {
            None => first_contact(now),
            Some(base) => since(base, now),
        };
        keyed.map_or(Shape::Whole, |renamings| Shape::Keyed(Box::new(renamings)))
    }

    /// The fields of the master that are merged one by one.
    pub(crate) fn fields(&self) -> FieldSet {
        match self {
            Shape::Keyed(_) => FieldSet::ALL,
            Shape::Whole => SHAPE.iter().fold(FieldSet::ALL, FieldSet::without),
        }
    }
}

fn first_contact(now: Sides<&Series>) -> Option<Sides<Renaming>> {
    let same = Sides { left: Renaming::Same, right: Renaming::Same };
    let (Some(left), Some(right)) = (&now.left.master, &now.right.master) else {
        return Some(same);
    };
    let single = Side::BOTH.iter().all(|side| is_single(now[*side]));
    let fill = now.left.recurrence.is_empty() || now.right.recurrence.is_empty();
    let grid = fill || same_grid(&now.left.recurrence, &now.right.recurrence);
    (single || (left.start == right.start && grid)).then_some(same)
}

fn since(base: Sides<&Series>, now: Sides<&Series>) -> Option<Sides<Renaming>> {
    if Side::BOTH.iter().all(|side| is_single(base[*side]) && is_single(now[*side])) {
        return Some(Sides { left: Renaming::Same, right: Renaming::Same });
    }
    if let (Some(left), Some(right)) = (&base.left.master, &base.right.master)
        && !same_frame(&left.start, &right.start)
    {
        return None;
    }
    for side in Side::BOTH {
        // A rule states its end in the kind of the start: one side's kind and the other side's
        // rule don't go together.
        let other = side.opposite();
        if let (Some(old), Some(new)) = (&base[side].master, &now[side].master)
            && !same_frame(&old.start, &new.start)
            && base[other].recurrence != now[other].recurrence
        {
            return None;
        }
    }
    let renamings = Sides {
        left: Renaming::between(base.left, now.left)?,
        right: Renaming::between(base.right, now.right)?,
    };
    let names = Side::BOTH.into_iter().flat_map(|side| {
        let renaming = &renamings[side];
        let held = now[side].exceptions.keys().map(|key| renaming.back(key));
        base[side].exceptions.keys().cloned().chain(held)
    });
    Renaming::distinct(&renamings, &names.collect()).then_some(renamings)
}

fn is_single(series: &Series) -> bool {
    series.recurrence.is_empty() && series.exceptions.is_empty()
}

/// Merges exceptions (and, where occurrences can't be told apart, times and rule) into `targets`,
/// whose masters are merged already.
pub(crate) fn merge(session: &mut Session<'_>, shape: Shape, targets: &mut Sides<Series>) {
    match shape {
        Shape::Keyed(renamings) => one_by_one(session, &renamings, targets),
        Shape::Whole => {
            as_one(session, targets);
            renew_overrides(session, targets);
        }
    }
    let empty = |series: &Series| series.master.is_none() && series.exceptions.is_empty();
    if empty(&targets.left) || empty(&targets.right) {
        keep_all(session, targets);
    }
}

/// Each side removed what the other one kept. Nothing is deleted on a doubt: both get all of it,
/// or keep what they have where not both can be written.
fn keep_all(session: &mut Session<'_>, targets: &mut Sides<Series>) {
    let merging = session.merging;
    let shut = |side: Side| merging.one_way[side] || merging.closed[side];
    let writable = !Side::BOTH.into_iter().any(shut);
    session.lost = Sides::default();
    for side in Side::BOTH {
        targets[side] = merging.now[side].clone();
        if writable {
            for (key, exception) in merging.lens.copy(merging.now[side.opposite()], side).exceptions
            {
                targets[side].exceptions.entry(key).or_insert(exception);
            }
        }
    }
    if !writable {
        session.wait_for_shape();
    }
}

/// One side's exceptions through time, under the names of its base.
struct View<'a> {
    base: Option<&'a Series>,
    now: &'a Series,
    renaming: &'a Renaming,
    based: BTreeMap<When, &'a Exception>,
    held: BTreeMap<When, &'a Exception>,
    wrote: Vec<[Written<'a>; 2]>,
}

/// What an unfinished write found or made.
struct Written<'a> {
    series: &'a Series,
    renaming: Renaming,
    exceptions: BTreeMap<When, &'a Exception>,
}

impl<'a> Written<'a> {
    fn of(base: &Series, series: &'a Series) -> Option<Self> {
        let renaming = Renaming::between(base, series)?;
        Some(Self { series, exceptions: renamed(series, &renaming), renaming })
    }

    fn at(&self, key: &When) -> Option<&'a Exception> {
        self.exceptions.get(key).copied()
    }

    fn event(&self, key: &When) -> Option<Event> {
        as_override(self.at(key)).cloned().or_else(|| self.plain(key))
    }

    /// As its master makes it.
    fn plain(&self, key: &When) -> Option<Event> {
        implied(self.series, &self.renaming.made(key))
    }
}

impl<'a> View<'a> {
    fn of(session: &Session<'a>, side: Side, renaming: &'a Renaming) -> Self {
        let base = session.merging.base.map(|base| base[side]);
        let now = session.merging.now[side];
        let pending = session.merging.pending[side].iter();
        let wrote = pending.filter_map(|pending| {
            let base = base?;
            Some([Written::of(base, &pending.before)?, Written::of(base, &pending.target)?])
        });
        Self {
            base,
            now,
            renaming,
            based: base.map(|base| renamed(base, &Renaming::Same)).unwrap_or_default(),
            held: renamed(now, renaming),
            wrote: wrote.collect(),
        }
    }

    fn moment(&self, key: &When) -> Moment<'a> {
        let based = self.based.get(key).copied();
        let held = self.held.get(key).copied();
        let before = match as_override(based) {
            Some(event) => Some(event.clone()),
            None => self.base.and_then(|base| implied(base, key)),
        };
        let wrote = self.wrote.iter();
        Moment {
            known: self.base.is_some(),
            based,
            held,
            wrote: wrote.clone().map(|wrote| wrote.each_ref().map(|wrote| wrote.at(key))).collect(),
            before,
            wrote_events: wrote
                .clone()
                .map(|[old, new]| (old.event(key), new.event(key)))
                .collect(),
            wrote_plain: wrote.map(|[old, new]| (old.plain(key), new.plain(key))).collect(),
            plain_now: implied(self.now, &self.renaming.made(key)),
        }
    }
}

fn renamed<'a>(series: &'a Series, renaming: &Renaming) -> BTreeMap<When, &'a Exception> {
    series.exceptions.iter().map(|(key, exception)| (renaming.back(key), exception)).collect()
}

/// One occurrence on one side through time.
struct Moment<'a> {
    known: bool,
    based: Option<&'a Exception>,
    held: Option<&'a Exception>,
    wrote: Vec<[Option<&'a Exception>; 2]>,
    /// As the base has it, whether as an override or by its master.
    before: Option<Event>,
    wrote_events: Vec<(Option<Event>, Option<Event>)>,
    /// What the writes made of it by its master alone.
    wrote_plain: Vec<(Option<Event>, Option<Event>)>,
    /// As the master makes it now.
    plain_now: Option<Event>,
}

impl Moment<'_> {
    fn strand<'e>(&'e self, now: &'e Event) -> Strand<'e> {
        self.strand_of(now, &self.wrote_events)
    }

    /// Of one that is as its master makes it. An override that was to be written there is not there
    /// (yet): its master is written first, and what that makes of the occurrence is nobody's edit.
    fn plain_strand<'e>(&'e self, now: &'e Event) -> Strand<'e> {
        self.strand_of(now, &self.wrote_plain)
    }

    fn strand_of<'e>(
        &'e self,
        now: &'e Event,
        wrote: &'e [(Option<Event>, Option<Event>)],
    ) -> Strand<'e> {
        let wrote = wrote.iter().map(|(old, new)| (old.as_ref(), new.as_ref()));
        Strand { base: self.before.as_ref(), now, wrote: wrote.collect() }
    }

    fn kind_changed(&self) -> bool {
        self.known && kind(self.based) != kind(self.held)
    }

    fn kind_ours(&self) -> bool {
        self.kind_changed()
            && unagreed::put(
                self.wrote.iter().map(|[old, new]| (kind(*old), kind(*new))),
                kind(self.held),
                |one, other| one == other,
            )
    }

    fn edited(&self, session: &Session<'_>, side: Side) -> bool {
        if !self.known {
            return self.held.is_some();
        }
        let lens = session.merging.lens;
        (self.kind_changed() && !self.kind_ours())
            || match (as_override(self.based), as_override(self.held)) {
                (Some(_), Some(now)) => {
                    let mut fields = lens.carried(side.opposite()).iter();
                    fields.any(|field| self.strand(now).edited(lens, side, field))
                }
                (None, _) | (_, None) => false,
            }
    }
}

fn one_by_one(session: &mut Session<'_>, renamings: &Sides<Renaming>, targets: &mut Sides<Series>) {
    let views = Sides::from_fn(|side| View::of(session, side, &renamings[side]));
    let keys: BTreeSet<When> = [&views.left, &views.right]
        .into_iter()
        .flat_map(|view| view.based.keys().chain(view.held.keys()).cloned())
        .collect();
    let mut exceptions: Sides<BTreeMap<When, Exception>> = Sides::default();
    let naming = Naming::of(renamings, session.merging, targets);
    for key in keys {
        let moments = Sides::from_fn(|side| views[side].moment(&key));
        let unchanged = Side::BOTH.iter().all(|side| {
            let moment = &moments[*side];
            let renewed = session.merging.lens.renewed(*side);
            moment.known && moment.based == moment.held && renewed.is_empty()
        });
        let settled = if unchanged {
            Sides::from_fn(|side| moments[side].held.cloned())
        } else {
            occurrence(session, &key, &moments, targets)
        };
        let named = naming.keys(&key, &moments.as_ref().map(|moment| moment.held), &settled);
        for (side, exception) in settled.iter() {
            if let Some(exception) = exception {
                exceptions[side].insert(named[side].clone(), exception.clone());
            }
        }
    }
    targets.left.exceptions = exceptions.left;
    targets.right.exceptions = exceptions.right;
}

fn occurrence(
    session: &mut Session<'_>,
    key: &When,
    moments: &Sides<Moment<'_>>,
    merged: &Sides<Series>,
) -> Sides<Option<Exception>> {
    let kinds = Sides::from_fn(|side| kind(moments[side].held));
    let own = Sides::from_fn(|side| as_override(moments[side].held));
    let mut settled = Sides::from_fn(|side| moments[side].held.cloned());
    if let (Some(left), Some(right)) = (own.left, own.right) {
        let now = Sides { left, right };
        let strands = Sides::from_fn(|side| moments[side].strand(now[side]));
        return merge_events(session, key, strands, session.merging.winner);
    }
    let facts = Facts {
        same: kinds.left == kinds.right,
        edited: Sides::from_fn(|side| {
            moments[side].edited(session, side) || shows_more(session, moments, side)
        }),
        ours: Sides::from_fn(|side| moments[side].kind_ours()),
        carried: {
            let (times, rule) = (session.carried(Field::Times), session.carried(Field::Recurrence));
            Sides::from_fn(|to| times[to] && rule[to])
        },
    };
    let edit = Side::BOTH.into_iter().find(|side| kinds[*side] == Kind::Own);
    let winner = edit.or(session.merging.winner);
    match session.settle(facts, winner, OCCURS) {
        Verdict::Leave => {}
        Verdict::Wait => session.wait_for_occurrence(key, OCCURS),
        Verdict::Ask => {
            session.wait_for_occurrence(key, OCCURS);
            let words = kinds.map(|kind| kind.in_words().to_owned());
            session.clash(Field::Recurrence, Some(key), words);
        }
        Verdict::Carry { to, .. } => match own[to.opposite()] {
            None => settled[to] = moments[to.opposite()].held.cloned(),
            Some(event) => settled = carry_override(session, key, moments, to, event, merged),
        },
    }
    settled
}

/// Whether an override differs from its master in something that only now crosses: until now the
/// other side's series said all that was to be seen of it there.
fn shows_more(session: &Session<'_>, moments: &Sides<Moment<'_>>, side: Side) -> bool {
    let (lens, to) = (session.merging.lens, side.opposite());
    let (Some(own), Some(plain)) = (as_override(moments[side].held), &moments[side].plain_now)
    else {
        return false;
    };
    let new = lens.renewed(to).intersection(lens.carried(to));
    kind(moments[to].held) == Kind::Plain
        && !moments[to].kind_changed()
        && new.iter().any(|field| lens.differs(side, plain, own, field))
}

/// Overrides that were taken as they are with their whole series, made anew.
fn renew_overrides(session: &mut Session<'_>, targets: &mut Sides<Series>) {
    let (lens, base) = (session.merging.lens, session.merging.base);
    let fields = lens.renewed(Side::Left).union(lens.renewed(Side::Right));
    let keys: Vec<When> = targets.left.exceptions.keys().cloned().collect();
    for key in keys.iter().filter(|_| !fields.is_empty()) {
        let own = targets.as_ref().map(|series| as_override(series.exceptions.get(key)).cloned());
        let (Some(left), Some(right)) = (own.left, own.right) else { continue };
        let mut onto = Sides { left, right };
        for field in fields.iter() {
            let edited = Sides::from_fn(|side| {
                let based = base.and_then(|base| as_override(base[side].exceptions.get(key)));
                based.is_some_and(|based| lens.differs(side, based, &onto[side], field))
            });
            session.renew(field, edited, &mut onto);
        }
        for (side, event) in onto.iter() {
            let renewed = Exception::Override(Box::new(event.clone()));
            targets[side].exceptions.insert(key.clone(), renewed);
        }
    }
}

/// An override that `to` has not (any more): made there of what `to` has instead, so that what
/// does not cross stays as it is there.
fn carry_override(
    session: &mut Session<'_>,
    key: &When,
    moments: &Sides<Moment<'_>>,
    to: Side,
    event: &Event,
    merged: &Sides<Series>,
) -> Sides<Option<Exception>> {
    let from = to.opposite();
    let first_contact = !moments[to].known;
    let removed = as_override(moments[to].based).cloned();
    let plain =
        if first_contact { implied(&merged[to], key) } else { moments[to].plain_now.clone() };
    let is_plain = removed.is_none();
    let Some(stands_in) = removed.or(plain) else {
        let copy = session.merging.lens.copy_event(event, to);
        return Sides::from_fn(|side| {
            let event = if side == to { copy.clone() } else { event.clone() };
            Some(Exception::Override(Box::new(event)))
        });
    };
    let now = Sides::from_fn(|side| if side == to { &stands_in } else { event });
    let strands = Sides::from_fn(|side| {
        let mut strand = if side == to && is_plain {
            moments[side].plain_strand(now[side])
        } else {
            moments[side].strand(now[side])
        };
        if first_contact {
            // What the override says like its own master is no edit, and follows the merged one.
            strand.base = moments[from].plain_now.as_ref();
        }
        strand
    });
    // What somebody says about one occurrence stands beside what the other side says about all of
    // them, and overrules nothing.
    let lost = session.lost;
    let settled = merge_events(session, key, strands, Some(from));
    session.lost = lost;
    settled
}

fn merge_events(
    session: &mut Session<'_>,
    key: &When,
    strands: Sides<Strand<'_>>,
    winner: Option<Side>,
) -> Sides<Option<Exception>> {
    let mut onto = Sides::from_fn(|side| strands[side].now.clone());
    let open = session.fields(Some(key), strands, FieldSet::ALL, winner, &mut onto);
    session.wait_for_occurrence(key, open);
    let Sides { left, right } = onto;
    Sides { left, right }.map(|event| Some(Exception::Override(Box::new(event))))
}

/// Times, rule and exceptions (and whether there is a master) as one thing.
fn as_one(session: &mut Session<'_>, targets: &mut Sides<Series>) {
    let merging = session.merging;
    let now = merging.now;
    let edited = Sides::from_fn(|side| edited_within(merging, side, SHAPE));
    let facts = Facts {
        same: same_shape(session),
        edited,
        ours: Sides::from_fn(|side| {
            let moved = merging.base.is_some_and(|base| !base[side].same_content(now[side]));
            moved && !merging.pending[side].is_empty() && !edited[side]
        }),
        carried: {
            let (times, rule) = (session.carried(Field::Times), session.carried(Field::Recurrence));
            Sides::from_fn(|to| times[to] && rule[to])
        },
    };
    // A series beats its remains.
    let whole = Side::BOTH
        .into_iter()
        .find(|side| now[*side].master.is_some() && now[side.opposite()].master.is_none());
    match session.settle(facts, whole.or(merging.winner), SHAPE) {
        Verdict::Leave => {}
        Verdict::Wait => session.wait_for_shape(),
        Verdict::Ask => {
            session.wait_for_shape();
            session.clash(Field::Times, None, now.map(explain_shape));
        }
        Verdict::Carry { to, overrules } => {
            take_shape(session, to, &mut targets[to]);
            if overrules {
                session.lost[to] = session.lost[to].union(changed_overrides(now[to], &targets[to]));
            }
        }
    }
}

fn explain_shape(series: &Series) -> String {
    let times = series.master.as_ref().and_then(|master| words::value(master, Field::Times));
    format!("{}, {}", times.unwrap_or_default(), words::recurrence(&series.recurrence))
}

fn same_shape(session: &Session<'_>) -> bool {
    let Sides { left, right } = session.merging.now;
    let lens = session.merging.lens;
    let carried = lens.carried(Side::Left).intersection(lens.carried(Side::Right));
    let same = |left: &Event, right: &Event, fields: FieldSet| {
        fields.iter().all(|field| lens.same(Sides { left, right }, field))
    };
    let masters = match (&left.master, &right.master) {
        (None, None) => true,
        (Some(left), Some(right)) => same(left, right, SHAPE),
        (None, Some(_)) | (Some(_), None) => false,
    };
    masters
        && left.recurrence == right.recurrence
        && left.exceptions.keys().eq(right.exceptions.keys())
        && left.exceptions.values().zip(right.exceptions.values()).all(|pair| match pair {
            (Exception::Override(left), Exception::Override(right)) => same(left, right, carried),
            (left, right) => kind(Some(left)) == kind(Some(right)),
        })
}

/// The fields in which overrides come out otherwise than they went in.
fn changed_overrides(before: &Series, after: &Series) -> FieldSet {
    let overrides = before.exceptions.iter().filter_map(|(key, exception)| {
        Some((as_override(Some(exception))?, as_override(after.exceptions.get(key))?))
    });
    overrides
        .flat_map(|(before, after)| Field::ALL.into_iter().filter(|f| !before.same(after, *f)))
        .collect()
}

fn take_shape(session: &Session<'_>, to: Side, target: &mut Series) {
    let lens = session.merging.lens;
    let from = session.merging.now[to.opposite()];
    match (&from.master, &mut target.master) {
        (Some(master), Some(target)) => lens.carry(Field::Times, master, to, target),
        (Some(master), none) => *none = Some(lens.copy_event(master, to)),
        (None, master) => *master = None,
    }
    target.recurrence.clone_from(&from.recurrence);
    let mut old = std::mem::take(&mut target.exceptions);
    for (key, exception) in &from.exceptions {
        let taken = match exception {
            Exception::Cancelled => Exception::Cancelled,
            Exception::Override(event) => Exception::Override(Box::new(take_override(
                session, to, target, &mut old, key, event,
            ))),
        };
        target.exceptions.insert(key.clone(), taken);
    }
}

/// As the other side says it in everything that crosses; as this side has it in what does not.
fn take_override(
    session: &Session<'_>,
    to: Side,
    target: &Series,
    old: &mut BTreeMap<When, Exception>,
    key: &When,
    event: &Event,
) -> Event {
    let lens = session.merging.lens;
    let mut taken = match old.remove(key) {
        Some(Exception::Override(own)) => *own,
        Some(Exception::Cancelled) | None => match implied(target, key) {
            None => return lens.copy_event(event, to),
            Some(plain) => plain,
        },
    };
    for field in lens.carried(to).iter() {
        lens.carry(field, event, to, &mut taken);
    }
    taken
}
