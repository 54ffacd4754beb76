//! The world by itself.

use super::*;

const EVENT: &str = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//t//t//EN\r\nBEGIN:VEVENT\r\n\
    UID:a\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260301T090000Z\r\nDTEND:20260301T100000Z\r\n\
    SUMMARY:One\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";

fn world(habits: Habits) -> (World, CalendarId) {
    let world = World::new(1);
    world.account("left", habits);
    let calendar = world.add_calendar("left", "Family");
    (world, calendar)
}

#[test]
fn users_leave_every_version_behind() {
    let (world, calendar) = world(Habits::default());
    let user = world.user(&calendar);
    user.create(EVENT);
    assert!(user.set("a", "SUMMARY", "Two"));
    assert!(user.delete("a") && !user.delete("a"));
    let versions = world.user_versions(&calendar);
    let titles: Vec<bool> = versions.iter().map(|deed| deed.raw.is_some()).collect();
    assert_eq!(titles, [true, true, false]);
    assert!(String::from_utf8_lossy(versions[1].raw.as_deref().unwrap()).contains("SUMMARY:Two"));
}

#[test]
fn conditions_are_kept() {
    let (world, calendar) = world(Habits::default());
    let raw = EVENT.as_bytes();
    let put = |condition: &Condition| world.put(&calendar, "x.ics", raw, condition);
    assert_eq!(put(&Condition::Present), Err(Refusal::Differs));
    let first = put(&Condition::Absent).unwrap();
    assert_eq!(put(&Condition::Absent), Err(Refusal::Exists));
    let second = put(&Condition::Version(first.clone())).unwrap();
    assert_ne!(first, second);
    let stale = Condition::Version(first);
    assert_eq!(put(&stale), Err(Refusal::Differs));
    assert_eq!(world.remove(&calendar, "x.ics", &stale), Err(Refusal::Differs));
    assert_eq!(world.remove(&calendar, "x.ics", &Condition::Version(second)), Ok(()));
    assert_eq!(world.remove(&calendar, "x.ics", &Condition::Nothing), Err(Refusal::NotFound));
}

#[test]
fn a_uid_is_refused_where_it_is_taken() {
    for (scope, same, other) in [
        (UidScope::Calendar, false, true),
        (UidScope::Account, false, false),
        (UidScope::Free, true, true),
    ] {
        let (world, calendar) = world(Habits { uids: scope, ..Habits::default() });
        let second = world.add_calendar("left", "Work");
        let put = |calendar, id| world.put(calendar, id, EVENT.as_bytes(), &Condition::Absent);
        put(&calendar, "x.ics").unwrap();
        assert_eq!(put(&calendar, "y.ics").is_ok(), same, "{scope:?}");
        assert_eq!(put(&second, "z.ics").is_ok(), other, "{scope:?}");
    }
}

#[test]
fn people_that_a_client_writes_are_mail() {
    let (world, calendar) = world(Habits::default());
    let people = "ORGANIZER:mailto:b@example.org\r\nATTENDEE:mailto:c@example.org\r\nEND:VEVENT";
    let meeting = EVENT.replace("END:VEVENT", people);
    world.user(&calendar).put("theirs.ics", meeting.as_bytes());
    let version = world.held(&calendar)[0].version.clone();
    let edited = meeting.replace("One", "Two");
    let condition = Condition::Version(version);
    world.put(&calendar, "theirs.ics", edited.as_bytes(), &condition).unwrap();
    world.assert_no_mail();
    let mine = meeting.replace("UID:a", "UID:b");
    world.put(&calendar, "mine.ics", mine.as_bytes(), &Condition::Absent).unwrap();
    assert_eq!(world.outbox()[0].cause, MailCause::PeopleWritten);
}

#[test]
fn a_meeting_is_mail_where_the_server_schedules() {
    let meeting = |organizer: &str, guest: &str| {
        let people = format!("ORGANIZER:mailto:{organizer}\r\nATTENDEE:mailto:{guest}\r\n");
        EVENT.replace("END:VEVENT", &format!("{people}END:VEVENT"))
    };
    let (own, other) = ("left@example.com", "b@example.org");
    let cancelled =
        |text: &str| text.replace("END:VEVENT", "EXDATE:20260101T090000Z\r\nEND:VEVENT");
    let retitled = |text: &str| text.replace("One", "Two");
    let cases = [
        (
            meeting(own, other),
            Some(retitled as fn(&str) -> String),
            Some(MailCause::MeetingChanged),
        ),
        (meeting(own, other), None, Some(MailCause::MeetingDeleted)),
        (meeting(other, own), Some(retitled), None),
        (meeting(other, own), Some(cancelled), Some(MailCause::InvitationDeclined)),
        (meeting(other, own), None, Some(MailCause::InvitationDeclined)),
    ];
    for scheduling in [Scheduling::Implicit, Scheduling::Addressless, Scheduling::Never] {
        for (text, edit, cause) in &cases {
            let (world, calendar) = world(Habits { scheduling, ..Habits::default() });
            world.user(&calendar).put("x.ics", text.as_bytes());
            let new = edit.map(|edit| edit(text));
            let told = world.state().mail_cause(
                calendar.as_str(),
                "x.ics",
                new.as_deref().map(str::as_bytes),
            );
            let expected = cause.filter(|_| scheduling == Scheduling::Implicit);
            assert_eq!(told, expected, "{scheduling:?} {text} {new:?}");
        }
    }
}

#[test]
fn what_lags_is_a_change_later() {
    let (world, calendar) = world(Habits { lag: 2, ..Habits::default() });
    world.put(&calendar, "x.ics", EVENT.as_bytes(), &Condition::Absent).unwrap();
    let listed = |world: &World| {
        let mut state = world.state();
        let calendar = state.calendar_mut(calendar.as_str()).unwrap();
        let seq = calendar.seq;
        (calendar.begin_listing().len(), seq)
    };
    assert_eq!(listed(&world), (1, 1));
    assert_eq!(listed(&world), (1, 1));
    assert_eq!(listed(&world), (0, 2));
}

#[test]
fn a_throttled_account_is_sent_away_and_then_refused() {
    let (world, _) = world(Habits::default());
    let minute = Duration::from_secs(60);
    let throttle =
        Throttle { requests: 2, window: minute, retry_after: None, refusals: 1, penalty: minute };
    world.throttle("left", Some(throttle));
    let ask = || world.state().admit("left").is_ok();
    assert_eq!([ask(), ask(), ask(), ask()], [true, true, false, false]);
    assert!(world.state().accounts["left"].penalty.is_some());
    world.advance(minute);
    assert!(ask());
}

#[test]
fn a_rewriting_server_keeps_the_meaning_and_changes_the_version() {
    let habits = Habits { rewriting: Rewriting::Afterwards, ..Habits::default() };
    let (world, calendar) = world(habits);
    let alarm = "BEGIN:VALARM\r\nACTION:DISPLAY\r\nTRIGGER:-PT5M\r\nEND:VALARM\r\nEND:VEVENT";
    let text = EVENT.replace("END:VEVENT", alarm);
    let answered = world.put(&calendar, "x.ics", text.as_bytes(), &Condition::Absent).unwrap();
    let held = world.held(&calendar).remove(0);
    assert_ne!(held.version, answered);
    let kept = String::from_utf8(held.raw).unwrap();
    for line in ["X-WR-ALARMUID:", "X-APPLE-CREATOR-IDENTITY:", "SUMMARY:One", "TRIGGER:-PT5M"] {
        assert!(kept.contains(line), "{line} in {kept}");
    }
}
