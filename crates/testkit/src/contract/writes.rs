//! Clauses about creating, updating and deleting.

use std::collections::BTreeSet;

use model::{
    Alarm, AlarmAction, CreateKey, Exception, Field, Origin, Person, Redacted, Resource, Rights,
    Series, Trigger,
};
use provider::{ErrorKind, Outcome};

use super::bench::{Bench, Kept, Miss, broken, ensure};

const LINE: &str = "\"Dentist\" 2026-10-12T09:30 Europe/Berlin 30m place=\"Main St 1\"";

fn retitled(series: &Series, title: &str) -> Series {
    let mut series = series.clone();
    if let Some(master) = &mut series.master {
        master.title = Some(title.into());
    }
    series
}

pub(super) async fn identity_is_stable(bench: &mut Bench<'_>) -> Kept {
    let first = bench.provider().identity().await?;
    let second = bench.provider().identity().await?;
    ensure(!first.is_empty() && first == second, "it is empty or changes")
}

pub(super) async fn the_calendar_is_listed(bench: &mut Bench<'_>) -> Kept {
    let wanted = bench.calendar();
    let calendars = bench.provider().calendars().await?;
    let Some(listed) = calendars.iter().find(|calendar| calendar.id == wanted) else {
        return broken(format!("{wanted} is not among {} calendars", calendars.len()));
    };
    ensure(listed.rights == Rights::Write, "it is listed as read-only")
}

pub(super) async fn create_returns_what_is_held(bench: &mut Bench<'_>) -> Kept {
    let wanted = bench.fixture(LINE);
    let made = bench.create(&wanted).await?;
    bench.same(&made.series, &wanted)?;
    ensure(!made.raw.is_empty(), "the answer has no raw form")?;
    let held = bench.found(&made.id).await?;
    bench.same(&held.series, &wanted)?;
    ensure(held.version.is_some(), "a fetch states no version")
}

async fn twice(bench: &mut Bench<'_>, key: &CreateKey, wanted: &Series) -> Kept {
    let calendar = bench.calendar();
    let first = bench.provider().create(&calendar, wanted, key).await?;
    let again = bench.provider().create(&calendar, wanted, key).await?;
    ensure(first.id == again.id, "the second call returns another resource")?;
    let seen = bench.list(None).await?;
    let count = seen.present.values().filter(|held| held.series.uid == wanted.uid).count();
    ensure(count == 1, format!("there are {count} resources"))
}

pub(super) async fn one_key_creates_once(bench: &mut Bench<'_>) -> Kept {
    let (wanted, key) = (bench.fixture(LINE), bench.key());
    twice(bench, &key, &wanted).await
}

pub(super) async fn one_key_returns_what_was_edited(bench: &mut Bench<'_>) -> Kept {
    let (wanted, key) = (bench.fixture(LINE), bench.key());
    let calendar = bench.calendar();
    let first = bench.provider().create(&calendar, &wanted, &key).await?;
    let name = bench.subject().name(&first.id);
    bench.retitle(&name, "Edited").await?;
    let again = bench.provider().create(&calendar, &wanted, &key).await?;
    ensure(first.id == again.id, "the second call returns another resource")?;
    bench.same(&bench.found(&first.id).await?.series, &retitled(&wanted, "Edited"))
}

pub(super) async fn one_key_creates_what_was_deleted(bench: &mut Bench<'_>) -> Kept {
    let (wanted, key) = (bench.fixture(LINE), bench.key());
    let calendar = bench.calendar();
    // Whoever makes the next one must not stop at the first that is gone.
    for _ in 0..3 {
        let made = bench.provider().create(&calendar, &wanted, &key).await?;
        bench.same(&bench.found(&made.id).await?.series, &wanted)?;
        let seen = bench.list(None).await?;
        let count = seen.present.values().filter(|held| held.series.uid == wanted.uid).count();
        ensure(count == 1, format!("there are {count} resources"))?;
        let name = bench.subject().name(&made.id);
        bench.subject().delete(&name).await;
        let outcome = bench.outcome(&made.id).await?;
        ensure(matches!(outcome, Outcome::Gone), "it is there although it was deleted")?;
    }
    Ok(())
}

pub(super) async fn a_taken_uid_is_refused(bench: &mut Bench<'_>) -> Kept {
    let (uid, _) = bench.put(LINE).await?;
    let series = Series { uid: uid.as_str().into(), ..crate::series(LINE) };
    let (calendar, key) = (bench.calendar(), bench.key());
    let refused = bench.provider().create(&calendar, &series, &key).await;
    bench.refused(refused, ErrorKind::AlreadyExists)?;
    let seen = bench.list(None).await?;
    let count = seen.present.values().filter(|held| held.series.uid == series.uid).count();
    ensure(count == 1, format!("there are {count} resources"))
}

pub(super) async fn update_changes(bench: &mut Bench<'_>) -> Kept {
    let wanted = bench.fixture(LINE);
    let made = bench.create(&wanted).await?;
    let target = retitled(&wanted, "Another title");
    let before = bench.found(&made.id).await?;
    let answered = bench.update(&made.id, &target).await?;
    bench.same(&answered.series, &target)?;
    ensure(answered.id == made.id, "the answer has another id")?;
    let held = bench.found(&made.id).await?;
    bench.same(&held.series, &target)?;
    ensure(held.version != before.version, "the version is the same as before")
}

pub(super) async fn a_copy_shows_who_made_it(bench: &mut Bench<'_>) -> Kept {
    let (uid, _) = bench.put(LINE).await?;
    let theirs = bench.find(&uid).await?;
    let origin = |bench: &Bench<'_>, held: &Resource| bench.provider().origin(held);
    ensure(origin(bench, &theirs) == Origin::Unknown, "a user's event is taken for a copy")?;
    let wanted = bench.fixture(LINE);
    let made = bench.create(&wanted).await?;
    let held = bench.found(&made.id).await?;
    let first = origin(bench, &held);
    ensure(first != Origin::Unknown, "a copy can't be told")?;
    bench.update(&made.id, &retitled(&wanted, "Another title")).await?;
    let held = bench.found(&made.id).await?;
    ensure(origin(bench, &held) == first, "an update of ours changes who made it")?;
    let name = bench.subject().name(&made.id);
    bench.retitle(&name, "Theirs").await?;
    let held = bench.found(&made.id).await?;
    ensure(origin(bench, &held) != Origin::Sealed, "an edit of theirs is taken for ours")
}

pub(super) async fn a_stale_update_is_refused(bench: &mut Bench<'_>) -> Kept {
    let (uid, name) = bench.put(LINE).await?;
    let current = bench.find(&uid).await?;
    bench.retitle(&name, "Meanwhile").await?;
    let target = retitled(&current.series, "Ours");
    let refused = bench.provider().update(&bench.calendar(), &current, &target).await;
    bench.refused(refused, ErrorKind::Stale)?;
    bench.same(&bench.found(&current.id).await?.series, &retitled(&current.series, "Meanwhile"))
}

pub(super) async fn an_update_needs_a_version(bench: &mut Bench<'_>) -> Kept {
    let (uid, _) = bench.put(LINE).await?;
    let mut current = bench.find(&uid).await?;
    current.version = None;
    let target = retitled(&current.series, "Ours");
    let refused = bench.provider().update(&bench.calendar(), &current, &target).await;
    bench.refused(refused, ErrorKind::Stale)?;
    bench.same(&bench.found(&current.id).await?.series, &current.series)
}

pub(super) async fn an_update_of_nothing_is_gone(bench: &mut Bench<'_>) -> Kept {
    let (uid, name) = bench.put(LINE).await?;
    let current = bench.find(&uid).await?;
    bench.subject().delete(&name).await;
    let target = retitled(&current.series, "Ours");
    let refused = bench.provider().update(&bench.calendar(), &current, &target).await;
    bench.refused(refused, ErrorKind::Gone)?;
    let outcome = bench.outcome(&current.id).await?;
    ensure(matches!(outcome, Outcome::Gone), "it is there again")
}

/// Logical lines that calpair has no field for.
fn unknown(raw: &[u8]) -> BTreeSet<String> {
    let text = String::from_utf8_lossy(raw).replace("\r\n", "\n");
    let text = text.replace("\n ", "").replace("\n\t", "");
    text.lines().filter(|line| line.starts_with("X-KEEP")).map(str::to_owned).collect()
}

pub(super) async fn what_is_unknown_survives(bench: &mut Bench<'_>) -> Kept {
    let long = "0123456789 äöü 日本 ".repeat(12);
    let lines = format!(
        "{LINE} line=\"X-KEEP-A;X-P=1;X-Q=two:https://example.org/?a=b;c,d\" \
         line=\"X-KEEP-B:{long}\" line=\"X-KEEP-C;VALUE=URI:geo:1.5,2.5\" \
         line=\"X-KEEP-D:a\\\\nb\\\\;c\""
    );
    let (uid, name) = bench.put(&lines).await?;
    let Some(before) = bench.subject().get(&name).await else {
        return broken("what was stored is not there");
    };
    let current = bench.find(&uid).await?;
    let target = retitled(&current.series, "Another title");
    bench.update(&current.id, &target).await?;
    let Some(after) = bench.subject().get(&name).await else {
        return broken("it is under another name now");
    };
    let (before, after) = (unknown(&before), unknown(&after));
    ensure(before.len() == 4, "the back door itself lost lines")?;
    let lost: Vec<_> = before.difference(&after).collect();
    ensure(lost.is_empty(), format!("changed or lost: {lost:?}"))
}

/// Lines and parts that calpair does not know, in the master, its alarm and an override.
const PARTS: &str = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//fixture//fixture//EN\r\n\
    BEGIN:VEVENT\r\nUID:{uid}\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260302T090000Z\r\n\
    DTEND:20260302T100000Z\r\nRRULE:FREQ=WEEKLY;COUNT=9\r\nX-KEEP-MASTER:1\r\n\
    SUMMARY:Stand-up\r\nBEGIN:VALARM\r\nACTION:DISPLAY\r\nDESCRIPTION:Reminder\r\n\
    TRIGGER:-PT15M\r\nX-KEEP-ALARM;X-P=2:3\r\nEND:VALARM\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\n\
    UID:{uid}\r\nRECURRENCE-ID:20260316T090000Z\r\nDTSTAMP:20260101T000000Z\r\n\
    DTSTART:20260316T110000Z\r\nDTEND:20260316T120000Z\r\nSUMMARY:Later\r\n\
    X-KEEP-OVERRIDE:4\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";

pub(super) async fn unknown_parts_survive(bench: &mut Bench<'_>) -> Kept {
    let uid = bench.fresh();
    let name = format!("{uid}.ics");
    bench.put_text(&name, &PARTS.replace("{uid}", &uid)).await?;
    let current = bench.find(&uid).await?;
    let mut target = retitled(&current.series, "Another title");
    let second = target.exceptions.keys().next().cloned();
    let Some(second) = second else { return broken("the override is not read") };
    if let Some(Exception::Override(event)) = target.exceptions.get_mut(&second) {
        event.location = Some("Elsewhere".into());
    }
    bench.update(&current.id, &target).await?;
    bench.same(&bench.found(&current.id).await?.series, &target)?;
    let after = bench.subject().get(&name).await.unwrap_or_default();
    let kept = unknown(&after);
    ensure(kept.len() == 3, format!("of three unknown lines there are {kept:?}"))
}

pub(super) async fn what_was_returned_can_be_updated(bench: &mut Bench<'_>) -> Kept {
    let wanted = bench.fixture(LINE);
    let mut current = bench.create(&wanted).await?;
    for title in ["Second", "Third"] {
        let target = retitled(&wanted, title);
        let updated = bench.provider().update(&bench.calendar(), &current, &target).await;
        current = match updated {
            Ok(answered) => answered,
            // The server has written its copy anew since, or stated no version.
            Err(error) if error.kind() == ErrorKind::Stale => {
                bench.update(&current.id, &target).await?
            }
            Err(error) => return Err(error.into()),
        };
        bench.same(&current.series, &target)?;
        bench.same(&bench.found(&current.id).await?.series, &target)?;
    }
    Ok(())
}

pub(super) async fn delete_deletes(bench: &mut Bench<'_>) -> Kept {
    let wanted = bench.fixture(LINE);
    let made = bench.create(&wanted).await?;
    let current = bench.found(&made.id).await?;
    bench.provider().delete(&bench.calendar(), &current).await?;
    let outcome = bench.outcome(&made.id).await?;
    ensure(matches!(outcome, Outcome::Gone), "a fetch still finds it")?;
    let seen = bench.list(None).await?;
    ensure(!seen.present.contains_key(&made.id), "a listing still has it")
}

pub(super) async fn delete_twice_is_fine(bench: &mut Bench<'_>) -> Kept {
    let (uid, name) = bench.put(LINE).await?;
    let current = bench.find(&uid).await?;
    bench.provider().delete(&bench.calendar(), &current).await?;
    bench.provider().delete(&bench.calendar(), &current).await?;
    ensure(bench.subject().get(&name).await.is_none(), "it is still there")
}

pub(super) async fn a_stale_delete_is_refused(bench: &mut Bench<'_>) -> Kept {
    let (uid, name) = bench.put(LINE).await?;
    let current = bench.find(&uid).await?;
    bench.retitle(&name, "Meanwhile").await?;
    let refused = bench.provider().delete(&bench.calendar(), &current).await;
    bench.refused(refused, ErrorKind::Stale)?;
    bench.same(&bench.found(&current.id).await?.series, &retitled(&current.series, "Meanwhile"))
}

pub(super) async fn nothing_mails(bench: &mut Bench<'_>) -> Kept {
    let before = bench.subject().mails().await;
    let mut wanted = bench.fixture(LINE);
    if let Some(master) = &mut wanted.master {
        let person = |mailbox: &str| Person { name: None, email: Some(Redacted::from(mailbox)) };
        master.people.organizer = Some(person("host@example.org"));
        master.people.attendees.insert(person("guest@example.org"));
    }
    let made = bench.create(&wanted).await?;
    let name = bench.subject().name(&made.id);
    let mut target = retitled(&wanted, "Another title");
    if let Some(master) = &mut target.master {
        let late = Person { name: None, email: Some(Redacted::from("late@example.org")) };
        master.people.attendees.insert(late);
    }
    bench.update(&made.id, &target).await?;
    let raw = bench.subject().get(&name).await.unwrap_or_default();
    let text = String::from_utf8_lossy(&raw).to_uppercase();
    let written = ["\nATTENDEE", "\nORGANIZER"].iter().any(|line| text.contains(line));
    ensure(!written, "people were written")?;
    let sent = bench.subject().mails().await - before;
    ensure(sent == 0, format!("{sent} mails were sent"))
}

/// What became of a write at a meeting: it was done without a word to anybody, or refused as this
/// meeting's matter, which leaves it as it was.
async fn told_nobody(
    bench: &mut Bench<'_>,
    name: &str,
    written: provider::Result<()>,
    (before, mails): (&[u8], usize),
) -> Kept {
    let now = bench.subject().mails().await;
    ensure(now == mails, format!("{} mails were sent", now - mails))?;
    let Err(error) = written else { return Ok(()) };
    let kind = error.kind();
    let is_its_matter = matches!(kind, ErrorKind::Forbidden | ErrorKind::Rejected);
    ensure(is_its_matter, format!("it is refused as {kind:?}: {error}"))?;
    let after = bench.subject().get(name).await.unwrap_or_default();
    ensure(people_of(before) == people_of(&after), "it was refused, and changed all the same")
}

/// The lines about people, and the title.
fn people_of(raw: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(raw).replace("\r\n", "\n").replace("\n ", "");
    let names = ["ORGANIZER", "ATTENDEE", "SUMMARY"];
    let lines = text.lines().filter(|line| names.iter().any(|name| line.starts_with(name)));
    let mut lines: Vec<String> = lines.map(str::to_owned).collect();
    lines.sort();
    lines
}

/// Edits and deletes a meeting of these people.
async fn meet(bench: &mut Bench<'_>, organizer: &str, guest: &str) -> Result<Resource, Miss> {
    let people =
        format!("line=ORGANIZER:mailto:{organizer} line=ATTENDEE:mailto:{guest} line=X-KEEP:1");
    let (uid, name) = bench.put(&format!("{LINE} {people}")).await?;
    let current = bench.find(&uid).await?;
    let raw = bench.subject().get(&name).await.unwrap_or_default();
    let mails = bench.subject().mails().await;
    let target = retitled(&current.series, "Another title");
    let calendar = bench.calendar();
    let written = bench.provider().update(&calendar, &current, &target).await.map(drop);
    told_nobody(bench, &name, written, (&raw, mails)).await?;
    let current = bench.found(&current.id).await?;
    let raw = bench.subject().get(&name).await.unwrap_or_default();
    let deleted = bench.provider().delete(&calendar, &current).await;
    told_nobody(bench, &name, deleted, (&raw, mails)).await?;
    Ok(current)
}

pub(super) async fn a_meeting_of_ours_tells_nobody(bench: &mut Bench<'_>) -> Kept {
    let own = bench.subject().mailbox().to_owned();
    meet(bench, &own, "guest@example.org").await.map(drop)
}

pub(super) async fn an_invitation_tells_nobody(bench: &mut Bench<'_>) -> Kept {
    let own = bench.subject().mailbox().to_owned();
    let current = meet(bench, "boss@example.org", &own).await?;
    // Our own alarm is nobody's business.
    let mails = bench.subject().mails().await;
    let is_there = matches!(bench.outcome(&current.id).await?, Outcome::Found(_));
    if !is_there || !bench.fields().contains(Field::Alarms) {
        return Ok(());
    }
    let mut target = current.series.clone();
    if let Some(master) = &mut target.master {
        let trigger = Trigger::Start(-600);
        master.alarms = [Alarm { action: AlarmAction::Display, trigger }].into();
    }
    let written = bench.provider().update(&bench.calendar(), &current, &target).await;
    let updated = match written {
        // It was written a moment ago, and the server did not say in which version.
        Err(error) if error.kind() == ErrorKind::Stale => {
            bench.update(&current.id, &target).await?
        }
        written => written?,
    };
    let now = bench.subject().mails().await;
    ensure(now == mails, format!("{} mails were sent", now - mails))?;
    bench.same(&bench.found(&updated.id).await?.series, &target)
}
