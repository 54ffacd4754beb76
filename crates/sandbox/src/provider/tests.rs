//! What is special about the in-process provider; the contract itself is run by `testkit`.

use std::future::poll_fn;
use std::task::Poll;

use model::Field;

use super::*;
use crate::Habits;
use crate::faults::Aim;

const EVENT: &str = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//t//t//EN\r\nBEGIN:VEVENT\r\n\
    UID:a\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260301T090000Z\r\nDTEND:20260301T100000Z\r\n\
    SUMMARY:One\r\nX-ODD;P=1:kept\r\nBEGIN:VALARM\r\nACTION:DISPLAY\r\nTRIGGER:-PT5M\r\n\
    END:VALARM\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";

fn world(manners: Manners) -> (World, CalendarId, InProcess) {
    let world = World::new(7);
    world.account("left", Habits::default());
    let calendar = world.add_calendar("left", "Family");
    let provider = InProcess::new(&world, "left", manners);
    (world, calendar, provider)
}

fn events(world: &World, calendar: &CalendarId, uids: &[&str]) {
    for uid in uids {
        world.user(calendar).create(&EVENT.replace("UID:a", &format!("UID:{uid}")));
    }
}

/// All pages; how many they were, the items, the last cursor.
async fn all(provider: &InProcess, calendar: &CalendarId, since: Option<Cursor>) -> Listed {
    let (mut pages, mut items, mut at) = (0, Vec::new(), since);
    loop {
        let changes = provider.changes(calendar, at.as_ref()).await.unwrap();
        pages += 1;
        items.extend(changes.items);
        match changes.next {
            Next::More(cursor) => at = Some(cursor),
            Next::Complete(cursor) => return Listed { pages, items, cursor },
        }
    }
}

struct Listed {
    pages: usize,
    items: Vec<Change>,
    cursor: Cursor,
}

/// Polls a call `polls` times and drops it.
async fn crash<T>(polls: usize, call: impl Future<Output = T>) -> Option<T> {
    let mut call = Box::pin(call);
    let mut left = polls;
    poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        call.as_mut().poll(context).map(Some)
    })
    .await
}

#[tokio::test]
async fn pages_are_whole_and_a_change_between_them_is_not_lost() {
    for deltas in [Deltas::Told, Deltas::Never] {
        let manners = Manners { page: 2, deltas, ..Manners::default() };
        let (world, calendar, provider) = world(manners);
        events(&world, &calendar, &["a", "b", "c", "d", "e"]);
        let first = provider.changes(&calendar, None).await.unwrap();
        let Next::More(more) = first.next else { panic!("one page") };
        world.user(&calendar).delete("a");
        let rest = all(&provider, &calendar, Some(more)).await;
        assert!(rest.pages == 2 && rest.items.len() >= 2, "{deltas:?}");
        let after = all(&provider, &calendar, Some(rest.cursor)).await;
        let told = after.items.iter().any(|item| matches!(item, Change::Gone(_)));
        assert!(told || deltas == Deltas::Never && after.items.len() == 4, "{deltas:?}");
    }
}

#[tokio::test]
async fn every_await_is_a_place_to_crash_at() {
    let (world, calendar, provider) = world(Manners::default());
    let series = ical::read(EVENT.as_bytes()).unwrap();
    let key = CreateKey::new("0123-abcd");
    let call = || provider.create(&calendar, &series, &key);
    assert!(crash(1, call()).await.is_none());
    assert_eq!(world.held(&calendar).len(), 0);
    assert!(crash(2, call()).await.is_none());
    assert_eq!(world.held(&calendar).len(), 1);
    let made = crash(3, call()).await.unwrap().unwrap();
    assert_eq!(world.held(&calendar).len(), 1);
    assert!(made.series.same_content(&series));
}

#[tokio::test]
async fn a_lost_reply_has_had_its_effect() {
    let (world, calendar, provider) = world(Manners::default());
    let series = ical::read(EVENT.as_bytes()).unwrap();
    world.plan(Aim::op(Op::Create), Fault::LostReply);
    world.plan(Aim::op(Op::Create).after(1), Fault::FailBefore);
    for (key, held) in [("1", 1), ("2", 1)] {
        let created = provider.create(&calendar, &series, &CreateKey::new(key)).await;
        assert_eq!(created.unwrap_err().kind(), ErrorKind::Unavailable);
        assert_eq!(world.held(&calendar).len(), held);
    }
}

#[tokio::test]
async fn a_race_makes_an_update_stale_and_stays_in_the_history() {
    let (world, calendar, provider) = world(Manners::default());
    events(&world, &calendar, &["a"]);
    let id = ResourceId::new(&world.held(&calendar)[0].id);
    let fetched = provider.fetch(&calendar, &[id]).await.unwrap().remove(0);
    let Outcome::Found(current) = fetched.outcome else { panic!("not found") };
    let mut target = current.series.clone();
    target.master.as_mut().unwrap().title = Some("Ours".into());
    world.plan(Aim::op(Op::Update), Fault::Race);
    let updated = provider.update(&calendar, &current, &target).await;
    assert_eq!(updated.unwrap_err().kind(), ErrorKind::Stale);
    assert_eq!(world.user_versions(&calendar).len(), 2);
}

#[tokio::test]
async fn what_it_cannot_hold_it_neither_shows_nor_touches() {
    let fields = FieldSet::ALL.without(Field::Alarms);
    let (world, calendar, provider) = world(Manners { fields, ..Manners::default() });
    events(&world, &calendar, &["a"]);
    let id = ResourceId::new(&world.held(&calendar)[0].id);
    let fetched = provider.fetch(&calendar, &[id]).await.unwrap().remove(0);
    let Outcome::Found(current) = fetched.outcome else { panic!("not found") };
    assert!(current.series.master.as_ref().unwrap().alarms.is_empty());
    let mut target = current.series.clone();
    target.master.as_mut().unwrap().title = Some("Ours".into());
    provider.update(&calendar, &current, &target).await.unwrap();
    let raw = String::from_utf8(world.held(&calendar).remove(0).raw).unwrap();
    for line in ["SUMMARY:Ours", "TRIGGER:-PT5M", "X-ODD;P=1:kept"] {
        assert!(raw.contains(line), "{line} in {raw}");
    }
}

#[tokio::test]
async fn expired_cursors_traps_and_ghosts() {
    let (world, calendar, provider) = world(Manners::default());
    events(&world, &calendar, &["a", "b"]);
    let cursor = all(&provider, &calendar, None).await.cursor;
    world.expire_cursors(&calendar);
    let refused = provider.changes(&calendar, Some(&cursor)).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::CursorExpired);
    world.plan(Aim::op(Op::Changes), Fault::EmptyListing);
    let trap = provider.changes(&calendar, None).await.unwrap();
    assert!(trap.scope == Scope::Full && trap.items.is_empty());
    world.add_ghost(&calendar, "ghost.ics");
    let listed = all(&provider, &calendar, None).await;
    assert_eq!(listed.items.len(), 3);
    let ghost = provider.fetch(&calendar, &[ResourceId::new("ghost.ics")]).await.unwrap();
    assert!(matches!(ghost[0].outcome, Outcome::Gone));
}

#[tokio::test]
async fn a_revoked_password_and_a_vanished_calendar_are_told_apart() {
    let (world, calendar, provider) = world(Manners::default());
    let kind = || async { provider.changes(&calendar, None).await.map_err(|e| e.kind()).err() };
    world.revoke("left");
    assert_eq!(kind().await, Some(ErrorKind::Unauthorized));
    world.restore("left");
    world.set_gone(&calendar, crate::Gone::Yes);
    assert_eq!(kind().await, Some(ErrorKind::Gone));
    world.set_gone(&calendar, crate::Gone::No);
    assert_eq!(kind().await, None);
}

#[tokio::test]
async fn one_seed_is_one_world() {
    let run = || async {
        let (world, calendar, provider) = world(Manners::default());
        Fault::ALL.into_iter().for_each(|fault| world.chance(fault, 700));
        let mut told = Vec::new();
        for turn in 0..200 {
            let mut series = ical::read(EVENT.as_bytes()).unwrap();
            series.uid = format!("uid-{}", turn % 40).as_str().into();
            let key = CreateKey::new(format!("{}", turn % 50));
            let created = provider.create(&calendar, &series, &key).await;
            told.push(created.map(|made| made.version).map_err(|error| error.to_string()));
            let listed = provider.changes(&calendar, None).await;
            told.push(Err(format!("{listed:?}")));
        }
        told
    };
    assert_eq!(run().await, run().await);
}
