//! Cases, each with a sentence: what was agreed on, what each side holds, what is decided, and what
//! each side holds afterwards. `settle` plans again and wants silence.

use model::{Alarm, AlarmAction, Class, Event, Exception, Field, FieldSet, People, Person};
use model::{Rights, Series, Side, Sides, Status, Timestamp, Transparency, Trigger};
use reconcile::{
    Attendees, Conflict, Crossing, Decision, Detail, Direction, Now, Pending, Policy, Reminders,
    ShowAs, Skip, SkipRules, Step,
};

use crate::world::*;

use Side::{Left, Right};

mod crossing;
mod occurrences;
mod renewal;
mod single;

struct Case {
    says: &'static str,
    policy: Policy,
    base: Option<Sides<Series>>,
    now: Sides<Option<Series>>,
    pending: Sides<Vec<Pending>>,
    made: Sides<bool>,
    renew: Sides<FieldSet>,
    beside: Sides<bool>,
}

/// A mapped series whose sides held the same.
fn case(
    says: &'static str,
    base: Series,
    left: impl Into<Option<Series>>,
    right: impl Into<Option<Series>>,
) -> Case {
    Case {
        says,
        policy: Policy::default(),
        base: Some(Sides::new(base.clone(), base)),
        now: Sides::new(left.into(), right.into()),
        pending: Sides::default(),
        made: Sides::default(),
        renew: Sides::default(),
        beside: Sides::default(),
    }
}

/// A first contact.
fn new(
    says: &'static str,
    left: impl Into<Option<Series>>,
    right: impl Into<Option<Series>>,
) -> Case {
    Case { base: None, ..case(says, single("a"), left, right) }
}

impl Case {
    fn with(mut self, change: impl FnOnce(&mut Policy)) -> Self {
        change(&mut self.policy);
        self
    }

    fn rightwards(self, crossing: Crossing) -> Self {
        self.with(|policy| policy.crossing.right = crossing)
    }

    fn base_right(mut self, series: Series) -> Self {
        self.base.as_mut().unwrap().right = series;
        self
    }

    /// The right side's is a copy, made by other rules towards it.
    fn copied_by(mut self, before: &Crossing) -> Self {
        self.made = Sides::new(false, true);
        self.renewing(before)
    }

    /// The rules towards the right were others.
    fn renewing(mut self, before: &Crossing) -> Self {
        let was = Policy {
            crossing: Sides::new(self.policy.crossing.left.clone(), before.clone()),
            ..self.policy.clone()
        };
        self.renew = renewal(&was, &self.policy);
        self
    }

    /// Somebody changed what this side says and no series does.
    fn beside(mut self, side: Side) -> Self {
        self.beside[side] = true;
        self
    }

    fn pending(mut self, side: Side, before: Series, target: Series) -> Self {
        self.pending[side].push(Pending { before, target });
        self
    }

    #[track_caller]
    fn is(
        self,
        decision: Decision,
        left: impl Into<Option<Series>>,
        right: impl Into<Option<Series>>,
    ) -> Step {
        let says = self.says;
        let world = match self.base {
            Some(base) => {
                let now = self.now.map(|now| now.map_or(Now::Absent, present));
                let mut known = known(base, now);
                known.pending = self.pending;
                (known.made, known.renew) = (self.made, self.renew);
                known.beside = self.beside;
                touched(known)
            }
            None => {
                let list = |now: Option<Series>| now.map(|s| held("id", s)).into_iter().collect();
                meeting(list(self.now.left), list(self.now.right))
            }
        };
        let (plan, after) = settle(&world, &self.policy);
        let told = || format!("{says}\n{}\n{}", picture(&world), sketch(&plan));
        assert_eq!(plan.steps[0].decision, decision, "{}", told());
        let holds = |side: Side| {
            let known = after.known.first().and_then(|known| series(&known.now[side]).cloned());
            let new = || after.contacts.first()?.held[side].first().map(|h| h.series.clone());
            known.or_else(new)
        };
        for (side, wanted) in Sides::new(left.into(), right.into()).iter() {
            let is = holds(side);
            let same = match (&is, wanted) {
                (Some(is), Some(wanted)) => is.same_content(wanted),
                (is, wanted) => is.is_none() == wanted.is_none(),
            };
            let shown = (is.as_ref().map(short), wanted.as_ref().map(short));
            assert!(same, "{side}: {shown:#?}\n{}\n{}", difference_of(&is, wanted), told());
        }
        plan.steps[0].clone()
    }
}

fn difference_of(is: &Option<Series>, wanted: &Option<Series>) -> String {
    reconcile::difference(is.as_ref(), wanted.as_ref())
        .iter()
        .map(|change| {
            let text = |value: &Option<model::Redacted<String>>| {
                value.as_ref().map(|value| value.expose().clone())
            };
            format!("{}: {:?} for {:?}", change.field, text(&change.before), text(&change.after))
        })
        .collect::<Vec<_>>()
        .join("\n")
}

fn at_place(series: Series, place: &str) -> Series {
    with(series, |event| event.location = Some(place.into()))
}

fn described(series: Series, text: &str) -> Series {
    with(series, |event| event.description = Some(text.into()))
}

fn invited(series: Series) -> Series {
    let person = |name: &str| Person { name: Some(name.into()), email: None };
    with(series, |event| {
        event.people = People { organizer: Some(person("ann")), attendees: [person("bob")].into() };
    })
}

const NOBODY: Option<Series> = None;
const LIST: &str = "-- Attendees (calpair) --\nOrganizer: ann\n- bob\n-- end of attendees --";

fn moved(series: Series, day: i8, from: i8, until: i8) -> Series {
    with(series, |event| (event.start, event.end) = (at(day, from), at(day, until)))
}
