//! What a server can have made of a write, when it is read only later.
//!
//! Between a write whose answer was lost and the next look, the server may have dropped what it
//! can't hold, and somebody may have edited. A field that is empty now and was not in what we
//! wrote is taken as dropped, an element of a set that is there otherwise (a reminder that is
//! shown and sends no mail) as rewritten, and so is a text that has other blanks; every other
//! difference is somebody's edit. So an edit is
//! never taken for the server's work, but for the rare one that empties a field in just that time.

use model::{Event, Exception, Field, Series};

use crate::sets;

/// `target` as the server holds it, going by what was `found` there later.
pub fn rendering(target: &Series, found: &Series) -> Series {
    let mut rendered = target.clone();
    if let (Some(ours), Some(theirs)) = (&mut rendered.master, &found.master) {
        drop_fields(ours, theirs);
    }
    for (start, ours) in &mut rendered.exceptions {
        if let (Exception::Override(ours), Some(Exception::Override(theirs))) =
            (ours, found.exceptions.get(start))
        {
            drop_fields(ours, theirs);
        }
    }
    rendered
}

fn drop_fields(ours: &mut Event, theirs: &Event) {
    let empty = Event::new(theirs.start.clone(), theirs.end.clone());
    for field in Field::ALL {
        let dropped = field != Field::Times && theirs.same(&empty, field);
        if dropped || respaced(ours, theirs, field) {
            ours.take(theirs, field);
        } else if sets::is_set(field) {
            let mut rewritten = theirs.clone();
            sets::put(field, ours, &mut rewritten);
            ours.take(&rewritten, field);
        }
    }
}

/// Whether a text is the same but for its blanks.
fn respaced(ours: &Event, theirs: &Event, field: Field) -> bool {
    match (text(ours, field), text(theirs, field)) {
        (Some(ours), Some(theirs)) => ours.split_whitespace().eq(theirs.split_whitespace()),
        (None, _) | (_, None) => false,
    }
}

/// What a field says in words.
fn text(event: &Event, field: Field) -> Option<&str> {
    let text = match field {
        Field::Title => &event.title,
        Field::Description => &event.description,
        Field::Location => &event.location,
        _ => return None,
    };
    text.as_ref().map(|text| text.expose().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Alarm, AlarmAction, Trigger, When, civil::date};

    #[test]
    fn what_was_emptied_was_dropped_and_what_differs_was_edited() {
        let day = |day| When::Date(date(2026, 1, day));
        let event = |title: Option<&str>, place: Option<&str>| {
            let mut event = Event::new(day(1), day(2));
            event.title = title.map(Into::into);
            event.location = place.map(Into::into);
            Series::single("uid".into(), event)
        };
        let target = event(Some("Dentist"), Some("Berlin"));
        let found = event(Some("Doctor"), None);
        assert!(rendering(&target, &found).same_content(&event(Some("Dentist"), None)));
        let (target, trimmed) = (event(Some(" a\t b "), None), event(Some("a b"), None));
        assert!(rendering(&target, &trimmed).same_content(&trimmed));
        let glued = event(Some("ab"), None);
        assert!(rendering(&target, &glued).same_content(&target));
    }

    #[test]
    fn a_reminder_that_is_shown_and_sends_no_mail_is_nobodys_edit() {
        let day = |day| When::Date(date(2026, 1, day));
        let rings = |action, before: i64| Alarm { action, trigger: Trigger::Start(-before) };
        let event = |alarms: &[Alarm]| {
            let mut event = Event::new(day(1), day(2));
            event.alarms = alarms.iter().cloned().collect();
            Series::single("uid".into(), event)
        };
        let mail = rings(AlarmAction::Email, 60);
        let (shown, new) = (rings(AlarmAction::Display, 60), rings(AlarmAction::Display, 5));
        let found = event(&[shown.clone(), new]);
        assert!(rendering(&event(&[mail]), &found).same_content(&event(&[shown])));
    }
}
