//! A linter for plans. It shares no code with what makes them: it does not know how a decision is
//! found, only what no decision may ever look like. Whatever it says is a fault of ours, and a plan
//! of which it says anything must not be carried out.
//!
//! It is deliberately simple, so it judges only what can be judged simply: fields that stand on
//! both sides as they are (no mask, no prefix, no list of people in them).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use model::{
    Class, Event, Exception, Field, FieldSet, MappingId, Redacted, ResourceId, Rights, Series,
    Side, Sides,
};

use crate::plan::{Decision, Plan, Step, Subject, Write};
use crate::policy::{Detail, Direction, Policy, Reminders, ShowAs};
use crate::touched::{Known, Now, Totals, Touched};

mod sets;

/// Something that no plan may contain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The rule.
    pub rule: Rule,
    /// Where; `None` for the plan as a whole.
    pub subject: Option<Subject>,
}

/// What every plan keeps to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// Everything touched has one step, and nothing else has one.
    OneStepEach,
    /// A step writes where its decision says, and nowhere else.
    WritesFollowDecision,
    /// Nothing is written where nothing changed on the other side.
    WritesHaveACause,
    /// What can't be read is left alone, on both sides.
    UnreadableIsLeftAlone,
    /// Nothing is deleted that is present on the other side or changed on this one.
    DeletesOnlyWhatIsGone,
    /// A plan over the limits halts, and no other does.
    HaltsOverLimits,
    /// Nothing is deleted that the limits were not asked about.
    DeletesOnlyWhatWasWeighed,
    /// Nothing is created where something is, nor from nothing, nor twice.
    CreatesOnlyWhereAbsent,
    /// An update changes something that is there.
    UpdatesChangeSomething,
    /// Nothing is written on a read-only side or against the direction.
    WritesOnlyWhereAllowed,
    /// An edit that gets lost is recorded, with what was lost.
    LosersAreRecorded,
    /// What is written is a series that can exist.
    ResultsAreSound,
    /// What does not cross is not written.
    OnlyWhatCrosses,
    /// Of a set a write takes only as many elements as the other side took away, and adds only what
    /// that side holds.
    SetsChangeByElement,
    /// A write keeps the UID.
    UidsAreKept,
    /// A deletion that frees a UID comes before its creation.
    UidsAreFreedFirst,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rule = match self.rule {
            Rule::OneStepEach => {
                "something touched has no step, or two, or a step is about nothing"
            }
            Rule::WritesFollowDecision => "a step writes otherwise than its decision says",
            Rule::WritesHaveACause => "a step writes although the other side did not change",
            Rule::UnreadableIsLeftAlone => "a step writes although a side can't be read",
            Rule::DeletesOnlyWhatIsGone => "a step deletes what is present or was changed",
            Rule::HaltsOverLimits => "the plan halts within the limits, or does not halt over them",
            Rule::DeletesOnlyWhatWasWeighed => "a step deletes what was not weighed",
            Rule::CreatesOnlyWhereAbsent => "a step creates what is there already, or nothing",
            Rule::UpdatesChangeSomething => "a step updates nothing",
            Rule::WritesOnlyWhereAllowed => "a step writes where nothing may be written",
            Rule::LosersAreRecorded => "an edit would be lost without a record",
            Rule::ResultsAreSound => "a step writes a series that can't exist",
            Rule::OnlyWhatCrosses => "a step writes what does not cross",
            Rule::SetsChangeByElement => {
                "a step takes from a set what nobody took, or adds what nobody has"
            }
            Rule::UidsAreKept => "a step changes a UID",
            Rule::UidsAreFreedFirst => "a UID is created before it is free",
        };
        write!(f, "{rule}")?;
        match &self.subject {
            None => Ok(()),
            Some(Subject::Known(MappingId(id))) => write!(f, " (mapping {id})"),
            Some(Subject::New(ids)) => {
                let id = ids.left.as_ref().or(ids.right.as_ref());
                write!(f, " (resource {})", id.map_or("", ResourceId::as_str))
            }
        }
    }
}

/// Everything that is wrong with a plan; nothing, for a good one.
pub fn check(plan: &Plan, touched: &Touched, policy: &Policy, totals: &Totals) -> Vec<Violation> {
    let mut violations = Vec::new();
    one_step_each(plan, touched, &mut violations);
    whole_plan(plan, policy, totals, &mut violations);
    let known: BTreeMap<MappingId, &Known> =
        touched.known.iter().map(|known| (known.mapping, known)).collect();
    let held = resources(touched);
    for step in &plan.steps {
        let world = match &step.subject {
            Subject::Known(mapping) => known.get(mapping).map(|known| World::of_known(known)),
            Subject::New(ids) => Some(World::of_new(ids, &held)),
        };
        // A step about nothing is reported as such already.
        let Some(world) = world else { continue };
        let mut broken = BTreeSet::new();
        let linter = Linter { step, policy, world };
        for side in Side::BOTH {
            linter.side(side, &mut broken);
        }
        linter.decision(&mut broken);
        linter.losers(&mut broken);
        violations.extend(
            broken.into_iter().map(|rule| Violation { rule, subject: Some(step.subject.clone()) }),
        );
    }
    violations
}

type Resources<'a> = Sides<BTreeMap<&'a ResourceId, &'a Series>>;

fn resources(touched: &Touched) -> Resources<'_> {
    Sides::from_fn(|side| {
        let held = touched.contacts.iter().flat_map(|contact| &contact.held[side]);
        held.map(|held| (&held.id, &held.series)).collect()
    })
}

fn one_step_each(plan: &Plan, touched: &Touched, violations: &mut Vec<Violation>) {
    let mut due: BTreeMap<Name<'_>, i64> = BTreeMap::new();
    for known in &touched.known {
        *due.entry(Name::Mapping(known.mapping)).or_default() += 1;
    }
    for side in Side::BOTH {
        for held in touched.contacts.iter().flat_map(|contact| &contact.held[side]) {
            *due.entry(Name::Resource(side, &held.id)).or_default() += 1;
        }
    }
    for step in &plan.steps {
        match &step.subject {
            Subject::Known(mapping) => *due.entry(Name::Mapping(*mapping)).or_default() -= 1,
            Subject::New(ids) => {
                if ids.left.is_none() && ids.right.is_none() {
                    let subject = Some(step.subject.clone());
                    violations.push(Violation { rule: Rule::OneStepEach, subject });
                }
                for (side, id) in ids.iter() {
                    if let Some(id) = id {
                        *due.entry(Name::Resource(side, id)).or_default() -= 1;
                    }
                }
            }
        }
    }
    for (name, left_over) in due {
        if left_over != 0 {
            let subject = match name {
                Name::Mapping(mapping) => Subject::Known(mapping),
                Name::Resource(at, id) => {
                    Subject::New(Sides::from_fn(|side| (side == at).then(|| id.clone())))
                }
            };
            violations.push(Violation { rule: Rule::OneStepEach, subject: Some(subject) });
        }
    }
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Name<'a> {
    Mapping(MappingId),
    Resource(Side, &'a ResourceId),
}

fn whole_plan(plan: &Plan, policy: &Policy, totals: &Totals, violations: &mut Vec<Violation>) {
    let mut add = |rule| violations.push(Violation { rule, subject: None });
    let over = Side::BOTH.iter().any(|side| {
        let (count, of) = (u128::from(totals.deletions[*side]), u128::from(totals.series[*side]));
        let (most, percent) = (policy.limits.deletes, policy.limits.delete_percent);
        count > u128::from(most)
            || count > 4 && (count >= of || 100 * count > of * u128::from(percent))
    });
    if over != plan.halt.is_some() {
        add(Rule::HaltsOverLimits);
    }
    for side in Side::BOTH {
        let deletes = plan.steps.iter().filter(|step| step.writes[side] == Some(Write::Delete));
        let weighed = |step: &Step| match step.subject {
            Subject::Known(mapping) => totals.due.contains(&(mapping, side)),
            Subject::New(_) => false,
        };
        if !deletes.clone().all(weighed) || (deletes.count() as u64) > totals.series[side] {
            add(Rule::DeletesOnlyWhatWasWeighed);
        }
        let mut created = BTreeSet::new();
        for step in &plan.steps {
            match &step.writes[side] {
                Some(Write::Create(series)) if !created.insert(&series.uid) => {
                    add(Rule::CreatesOnlyWhereAbsent);
                }
                Some(Write::Delete) if created.contains(&step.uid) => add(Rule::UidsAreFreedFirst),
                Some(Write::Create(_) | Write::Update(_) | Write::Delete) | None => {}
            }
        }
    }
}

/// What a step is about, as far as a rule asks.
struct World<'a> {
    known: Option<&'a Known>,
    now: Sides<Option<&'a Series>>,
}

impl<'a> World<'a> {
    fn of_known(known: &'a Known) -> Self {
        let now = known.now.as_ref().map(|now| match now {
            Now::Present(held) => Some(&held.series),
            Now::Absent | Now::Unreadable { .. } => None,
        });
        Self { known: Some(known), now }
    }

    fn of_new(ids: &Sides<Option<ResourceId>>, held: &Resources<'a>) -> Self {
        let find = |side: Side| ids[side].as_ref().and_then(|id| held[side].get(id).copied());
        Self { known: None, now: Sides::from_fn(find) }
    }

    fn unreadable(&self) -> bool {
        self.known.is_some_and(|known| {
            known.now.iter().any(|(_, now)| matches!(now, Now::Unreadable { .. }))
        })
    }
}

struct Linter<'a> {
    step: &'a Step,
    policy: &'a Policy,
    world: World<'a>,
}

impl Linter<'_> {
    fn side(&self, side: Side, broken: &mut BTreeSet<Rule>) {
        let Some(write) = &self.step.writes[side] else { return };
        let mut broken = |rule: Rule, is: bool| {
            if is {
                broken.insert(rule);
            }
        };
        let (now, other) = (self.world.now[side], self.world.now[side.opposite()]);
        broken(Rule::UnreadableIsLeftAlone, self.world.unreadable());
        let against = match self.policy.direction {
            Direction::Both => false,
            Direction::LeftToRight => side == Side::Left,
            Direction::RightToLeft => side == Side::Right,
        };
        let read_only = self.policy.rights[side] == Rights::Read;
        broken(Rule::WritesOnlyWhereAllowed, against || read_only);
        broken(Rule::WritesHaveACause, !self.has_cause(side));
        let may_not_be_shown = self.policy.crossing[side].skip.private
            && *write != Write::Delete
            && other.is_some_and(|other| other.events().any(|event| event.class != Class::Public));
        broken(Rule::OnlyWhatCrosses, may_not_be_shown);
        match write {
            Write::Delete => {
                let gone = other.is_none() && now.is_some() && !self.world.unreadable();
                let kept = self.world.known.zip(now).is_some_and(|(known, now)| {
                    !known.beside[side] && self.as_base_or_ours(known, side, now)
                });
                broken(Rule::DeletesOnlyWhatIsGone, !gone || !kept);
            }
            Write::Create(target) => {
                broken(Rule::CreatesOnlyWhereAbsent, now.is_some() || other.is_none());
                broken(Rule::ResultsAreSound, other.is_some_and(sound) && !sound(target));
                let uid = match self.world.known {
                    Some(known) => Some(&known.base[side].uid),
                    None => other.map(|other| &other.uid),
                };
                broken(Rule::UidsAreKept, uid != Some(&target.uid));
                broken(Rule::OnlyWhatCrosses, !self.creates_what_crosses(side, target));
            }
            Write::Update(target) => {
                let changes = now.is_some_and(|now| !now.same_content(target));
                broken(Rule::UpdatesChangeSomething, !changes);
                let sound_before = now.is_some_and(sound) && other.is_some_and(sound);
                broken(Rule::ResultsAreSound, sound_before && !sound(target));
                broken(Rule::UidsAreKept, now.is_some_and(|now| now.uid != target.uid));
                let crosses = now.is_none_or(|now| self.updates_what_crosses(now, target));
                broken(Rule::OnlyWhatCrosses, !crosses);
                let by_element = self.world.known.is_none_or(|known| {
                    sets::by_element(known, side, self.world.now, target, self.plain_fields())
                });
                broken(Rule::SetsChangeByElement, !by_element);
            }
        }
    }

    fn decision(&self, broken: &mut BTreeSet<Rule>) {
        let writes = &self.step.writes;
        let only = |side: Side| writes[side].is_some() && writes[side.opposite()].is_none();
        let deletes = |side: Side| writes[side] == Some(Write::Delete);
        let fits = match &self.step.decision {
            Decision::Keep | Decision::Adopt | Decision::Forget | Decision::Skip(_) => {
                writes.left.is_none() && writes.right.is_none()
            }
            Decision::Copy(side) => only(*side) && !deletes(*side),
            Decision::Delete(side) => only(*side) && deletes(*side),
            Decision::Merge => writes.iter().all(|(side, write)| write.is_some() && !deletes(side)),
            Decision::Conflict => {
                !self.step.clashes.is_empty() && !writes.iter().any(|(s, _)| deletes(s))
            }
            Decision::Problem(side) => writes[*side].is_none() && !deletes(side.opposite()),
        };
        if !fits {
            broken.insert(Rule::WritesFollowDecision);
        }
    }

    /// A side is written because of what the other side did, to finish what we began, or because
    /// the rules have changed.
    fn has_cause(&self, side: Side) -> bool {
        let Some(known) = self.world.known else { return true };
        let began = known.pending.iter().any(|(_, pending)| !pending.is_empty());
        let other = side.opposite();
        let moved = match self.world.now[other] {
            None => true,
            Some(now) => {
                let is_lost = self.world.now[side].is_none();
                is_lost && known.beside[other] || !now.same_content(&known.base[other])
            }
        };
        began || moved || !known.renew[side].is_empty()
    }

    fn as_base_or_ours(&self, known: &Known, side: Side, now: &Series) -> bool {
        let fields = self.plain_fields();
        let ours = &known.pending[side];
        let states = || ours.iter().map(|ours| &ours.target).chain([&known.base[side]]);
        states().any(|state| state.recurrence == now.recurrence)
            && fields.iter().all(|field| {
                states().any(|state| match (&state.master, &now.master) {
                    (Some(state), Some(now)) => plainly_same(state, now, field),
                    (None, None) => true,
                    (None, Some(_)) | (Some(_), None) => false,
                })
            })
            && now.exceptions.iter().all(|(key, exception)| {
                states().any(|state| {
                    let before = state.exceptions.get(key);
                    match (before, exception) {
                        (Some(Exception::Override(before)), Exception::Override(now)) => {
                            !ours.is_empty() || fields.iter().all(|f| plainly_same(before, now, f))
                        }
                        (before, now) => before == Some(now),
                    }
                })
            })
    }

    /// The fields that both sides hold as they are.
    fn plain_fields(&self) -> FieldSet {
        let fields = &self.policy.fields;
        let mut plain = fields.left.intersection(fields.right).without(Field::People);
        for (_, crossing) in self.policy.crossing.iter() {
            if crossing.detail != Detail::Full {
                return [Field::Times].into_iter().collect();
            }
            if crossing.show_as != ShowAs::Keep {
                plain = plain.without(Field::Transparency).without(Field::Status);
            }
            if crossing.reminders == Reminders::None {
                plain = plain.without(Field::Alarms);
            }
            if !crossing.prefix.is_empty() {
                plain = plain.without(Field::Title);
            }
        }
        plain
    }

    /// Where both sides edited a field and one of them gets the other's value, a record says so.
    fn losers(&self, broken: &mut BTreeSet<Rule>) {
        for lost in &self.step.overruled {
            let held = self.world.now[lost.side].is_some_and(|now| *now == lost.before);
            let gets = match &self.step.writes[lost.side] {
                Some(Write::Update(target)) => *target == lost.after,
                Some(Write::Create(_) | Write::Delete) | None => false,
            };
            if !held || !gets || lost.fields.is_empty() {
                broken.insert(Rule::LosersAreRecorded);
            }
        }
        let Some(known) = self.world.known else { return };
        if known.pending.iter().any(|(_, pending)| !pending.is_empty()) {
            return;
        }
        for side in Side::BOTH {
            let (Some(Write::Update(target)), Some(now)) =
                (&self.step.writes[side], self.world.now[side])
            else {
                continue;
            };
            let base = &known.base[side];
            let lost = |field: Field| {
                self.step.overruled.iter().any(|o| o.side == side && o.fields.contains(field))
            };
            let forgets = |base: &Event, now: &Event, target: &Event| {
                self.plain_fields().iter().any(|field| {
                    let edited = !plainly_same(base, now, field);
                    let bared = known.renew[side].contains(field) && is_bared(now, target, field);
                    edited && !plainly_same(now, target, field) && !lost(field) && !bared
                })
            };
            let masters = [base, now, target].map(|series| series.master.as_ref());
            let broken_master = match masters {
                [Some(base), Some(now), Some(target)] => forgets(base, now, target),
                _ => false,
            };
            let edited_rule =
                base.recurrence != now.recurrence && now.recurrence != target.recurrence;
            let stayed = match masters {
                [Some(base), Some(now), Some(target)] => {
                    base.start == now.start && now.start == target.start
                }
                [None, None, None] => true,
                _ => false,
            };
            let broken_override = stayed
                && now.exceptions.iter().any(|(key, exception)| {
                    let Exception::Override(event) = exception else { return false };
                    match (base.exceptions.get(key), target.exceptions.get(key)) {
                        (Some(Exception::Override(base)), Some(Exception::Override(target))) => {
                            forgets(base, event, target)
                        }
                        (Some(Exception::Override(base)), Some(Exception::Cancelled) | None) => {
                            let edited =
                                self.plain_fields().iter().any(|f| !plainly_same(base, event, f));
                            edited && !lost(Field::Recurrence)
                        }
                        (Some(Exception::Cancelled) | None, Some(Exception::Cancelled) | None) => {
                            !lost(Field::Recurrence)
                        }
                        (_, Some(Exception::Override(_))) => false,
                    }
                });
            if broken_master || edited_rule && !lost(Field::Recurrence) || broken_override {
                broken.insert(Rule::LosersAreRecorded);
            }
        }
    }

    /// A new copy has nobody in it, nothing that its side can't hold, and nothing that is masked.
    fn creates_what_crosses(&self, side: Side, target: &Series) -> bool {
        let new = self.world.known.is_none();
        let crossing = &self.policy.crossing[side];
        target.events().all(|event| {
            let blank = Event::new(event.start.clone(), event.end.clone());
            let mut absent = FieldSet::NONE.with(Field::People);
            if new {
                let fields = self.policy.fields[side];
                absent = Field::ALL
                    .into_iter()
                    .filter(|f| !fields.contains(*f))
                    .fold(absent, FieldSet::with);
                if crossing.detail != Detail::Full {
                    let text = [Field::Description, Field::Location, Field::Geo, Field::Url];
                    absent = text.into_iter().fold(absent, FieldSet::with);
                }
            }
            let title = event.title.as_ref().map(|title| title.expose().as_str());
            let busy = !new || crossing.detail != Detail::Busy || {
                let holds = self.policy.fields[side].contains(Field::Title);
                !holds
                    || title
                        .is_none_or(|title| title.strip_prefix(&crossing.prefix) == Some("Busy"))
            };
            busy && absent.iter().all(|field| event.same(&blank, field))
        })
    }

    /// An update leaves alone what one of the sides can't hold.
    fn updates_what_crosses(&self, now: &Series, target: &Series) -> bool {
        let fields = &self.policy.fields;
        let both = fields.left.intersection(fields.right).without(Field::People);
        let foreign: FieldSet = Field::ALL.into_iter().filter(|f| !both.contains(*f)).collect();
        let left_alone = |now: &Event, target: &Event| foreign.iter().all(|f| now.same(target, f));
        let master = match (&now.master, &target.master) {
            (Some(now), Some(target)) => left_alone(now, target),
            (None, Some(_)) | (Some(_), None) | (None, None) => true,
        };
        let start = |series: &Series| series.master.as_ref().map(|master| master.start.clone());
        // In a series that was moved the same name means another occurrence.
        let moved = start(now) != start(target);
        master
            && (moved
                || now.exceptions.iter().all(|(key, exception)| {
                    match (exception, target.exceptions.get(key)) {
                        (Exception::Override(now), Some(Exception::Override(target)))
                            if now.start == target.start =>
                        {
                            left_alone(now, target)
                        }
                        (Exception::Override(_) | Exception::Cancelled, _) => true,
                    }
                }))
    }
}

/// A title from which only something that stood before it is taken.
fn is_bared(now: &Event, target: &Event, field: Field) -> bool {
    let shown = |event: &Event| event.title.as_ref().map(|title| title.expose().clone());
    let (now, target) = (shown(now).unwrap_or_default(), shown(target).unwrap_or_default());
    field == Field::Title && now.ends_with(&target)
}

/// The same but for white space at the end of a description; one with a list of people in it is
/// not judged.
fn plainly_same(one: &Event, other: &Event, field: Field) -> bool {
    if field != Field::Description {
        return one.same(other, field);
    }
    let shown = |text: &Option<Redacted<String>>| {
        text.as_ref().map(|text| text.expose().trim_end().to_owned()).unwrap_or_default()
    };
    let (one, other) = (shown(&one.description), shown(&other.description));
    let listed = |text: &String| text.contains("-- Attendees");
    one == other || listed(&one) || listed(&other)
}

fn sound(series: &Series) -> bool {
    let kind = |when: &model::When| std::mem::discriminant(when);
    let times = series.events().all(|event| {
        let comparable =
            kind(&event.start) == kind(&event.end) && event.start.zone() == event.end.zone();
        event.start.is_date() == event.end.is_date()
            && (!comparable || event.end.wall() >= event.start.wall())
    });
    let shape = match &series.master {
        None => series.recurrence.is_empty() && !series.exceptions.is_empty(),
        Some(master) => series.exceptions.keys().all(|key| kind(key) == kind(&master.start)),
    };
    times && shape
}
