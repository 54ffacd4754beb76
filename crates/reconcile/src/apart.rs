//! What is meant to be different on a copy, in words and without private content.

use model::{AlarmAction, Event, Series, Side, Sides};

use crate::policy::{Attendees, Policy};

/// What of a series stays on one side, or looks different on the other.
pub fn apart(sides: Sides<&Series>, policy: &Policy) -> Vec<String> {
    let from = |side: Side| {
        let (here, there) = (sides[side], sides[side.opposite()]);
        let people = stays(here, there, side, policy);
        people.into_iter().chain(mails(here, there, side))
    };
    Side::BOTH.into_iter().flat_map(from).collect()
}

fn stays(here: &Series, there: &Series, side: Side, policy: &Policy) -> Option<String> {
    let has_people = |series: &Series| series.events().any(|event| !event.people.is_empty());
    if !has_people(here) || has_people(there) {
        return None;
    }
    let other = side.opposite();
    Some(match policy.crossing[other].attendees {
        Attendees::Text => {
            format!("people stay on {side}; on {other} they are a list in the description")
        }
        Attendees::Omit => format!("people stay on {side}"),
    })
}

/// Reminders by mail that the other side shows instead.
fn mails(here: &Series, there: &Series, side: Side) -> Option<String> {
    let has = |event: &Event, action, trigger| {
        event.alarms.iter().any(|alarm| alarm.action == action && alarm.trigger == trigger)
    };
    let (here, there) = (here.face()?, there.face()?);
    let mut mails = here.alarms.iter().filter(|alarm| alarm.action == AlarmAction::Email);
    let is_shown = mails.any(|alarm| {
        has(there, AlarmAction::Display, alarm.trigger)
            && !has(there, AlarmAction::Email, alarm.trigger)
    });
    let other = side.opposite();
    is_shown.then(|| format!("a reminder by mail on {side} is one that is shown on {other}"))
}

#[cfg(test)]
mod tests {
    use model::civil::date;
    use model::{Alarm, Person, Trigger, Uid, When};

    use super::*;

    fn series(action: AlarmAction) -> Series {
        let day = |day| When::Date(date(2026, 3, day));
        let mut event = Event::new(day(1), day(2));
        event.alarms.insert(Alarm { action, trigger: Trigger::Start(-300) });
        Series::single(Uid::new("a"), event)
    }

    #[test]
    fn a_copy_says_what_it_shows_instead() {
        let mut left = series(AlarmAction::Email);
        let right = series(AlarmAction::Display);
        let said = |left: &Series, policy: &Policy| apart(Sides::new(left, &right), policy);
        let mut policy = Policy::default();
        let mail = "a reminder by mail on left is one that is shown on right";
        assert_eq!(said(&left, &policy), [mail]);
        let guest = Person { name: Some("Ann".into()), email: None };
        left.master.as_mut().unwrap().people.attendees.insert(guest);
        let people = "people stay on left; on right they are a list in the description";
        assert_eq!(said(&left, &policy), [people, mail]);
        policy.crossing.right.attendees = Attendees::Omit;
        assert_eq!(said(&left, &policy), ["people stay on left", mail]);
        assert!(apart(Sides::new(&right, &right), &policy).is_empty());
    }
}
