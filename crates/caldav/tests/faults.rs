//! Every fault that the sandbox plays must be told by the adapter for what it is, and leave the
//! world as it says.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

#[allow(dead_code, reason = "what one test needs another does not")]
mod stage;

use provider::{ErrorKind, Former, Outcome, Provider as _};
use sandbox::Op;
use sandbox::dav::Profile;
use sandbox::faults::{Aim, Fault};
use testkit::series;

use stage::{Stage, all, cursor, read, title_of};

/// What a fault is told as; `None` where the adapter gets over it.
fn expected(fault: Fault, op: Op) -> &'static [Option<ErrorKind>] {
    use ErrorKind::{CursorExpired, Malformed, Rejected, Stale, Unauthorized, Unavailable};
    match (fault, op) {
        (Fault::FailBefore | Fault::Misdirected, _) => &[None, Some(Unavailable)],
        // A second try meets what the first one did.
        (Fault::LostReply, _) => &[None, Some(Unavailable)],
        (Fault::RefusedOnce, _) => &[Some(Unauthorized)],
        (Fault::Truncated | Fault::Html, _) => &[None, Some(Malformed), Some(Unavailable)],
        (Fault::CursorExpired, _) => &[Some(CursorExpired)],
        (Fault::WriteFails | Fault::Locked, _) => &[None],
        (Fault::Race, _) => &[Some(Stale)],
        (Fault::Rejected, _) => &[Some(Rejected)],
        _ => &[None],
    }
}

// quirk: icloud-65, icloud-66, icloud-67, icloud-68, icloud-70, caldav-6
#[tokio::test]
async fn every_fault_is_told_for_what_it_is() {
    for fault in Fault::ALL {
        let throttles = matches!(fault, Fault::RateLimited { .. } | Fault::OutOfOrder { .. });
        for op in [Op::Changes, Op::Fetch, Op::Create, Op::Update, Op::Delete] {
            if !fault.fits(op) {
                continue;
            }
            for profile in [Profile::plain(), Profile::icloud()] {
                let name = format!("{fault:?} at {op:?} on {}", profile.name);
                let stage = Stage::new(profile).await;
                let kind = suffer(&stage, fault, op, &name).await;
                if throttles {
                    assert!(
                        matches!(kind, Some(ErrorKind::RateLimited { .. })),
                        "{name}: {kind:?}"
                    );
                } else {
                    assert!(expected(fault, op).contains(&kind), "{name}: {kind:?}");
                }
            }
        }
    }
}

/// One call of a kind under a fault; then the world is held against what was told.
async fn suffer(stage: &Stage, fault: Fault, op: Op, name: &str) -> Option<ErrorKind> {
    let (server, world) = (&stage.server, &stage.world);
    stage.user_creates("\"Here\" 2026-03-01");
    let calendar = stage.calendar().await;
    let first = all(server, &calendar, None).await;
    let id = first.items[0].id().clone();
    let held = read(server, &calendar, &id).await;
    let mut target = held.series.clone();
    target.master.as_mut().unwrap().title = Some("There".into());
    let event = series("\"New\" 2026-03-01");
    world.plan(Aim::op(op), fault);
    let told = match op {
        Op::Changes => server.changes(&calendar, Some(&cursor(&first))).await.map(|_| ()),
        Op::Fetch => match server.fetch(&calendar, std::slice::from_ref(&id)).await {
            Ok(fetched) => match fetched.into_iter().next().unwrap().outcome {
                Outcome::Withheld(error) | Outcome::Failed(error) => Err(error),
                Outcome::Found(_) => Ok(()),
                other => panic!("{name}: {}", title_of(&other)),
            },
            Err(error) => Err(error),
        },
        Op::Create => server.create(&calendar, &event, &"k-1".into()).await.map(|_| ()),
        Op::Update => server.update(&calendar, &held, &target).await.map(|_| ()),
        Op::Delete => server.delete(&calendar, &held).await,
        Op::Identity | Op::Calendars => unreachable!("not tried here"),
    };
    if told.is_ok() {
        let held = world.held(&stage.family);
        let texts: Vec<String> =
            held.iter().map(|held| String::from_utf8_lossy(&held.raw).into_owned()).collect();
        let count = |word: &str| texts.iter().filter(|text| text.contains(word)).count();
        match op {
            Op::Create => assert_eq!(count("SUMMARY:New"), 1, "{name}"),
            Op::Update => assert_eq!(count("SUMMARY:There"), 1, "{name}"),
            Op::Delete => assert_eq!(count("SUMMARY:Here"), 0, "{name}"),
            _ => assert_eq!(count("SUMMARY:Here"), 1, "{name}"),
        }
    }
    told.err().map(|error| error.kind())
}

// quirk: icloud-65
#[tokio::test]
async fn a_change_that_may_be_ours_is_not_told_as_somebodys() {
    let mut profile = Profile::plain();
    profile.habits.drops = vec!["COLOR"];
    let stage = Stage::new(profile).await;
    stage.user_creates("\"Here\" 2026-03-01");
    let calendar = stage.calendar().await;
    let first = all(&stage.server, &calendar, None).await;
    let held = read(&stage.server, &calendar, first.items[0].id()).await;
    let mut target = held.series.clone();
    let master = target.master.as_mut().unwrap();
    master.title = Some("There".into());
    master.color = Some("teal".into());
    stage.world.plan(Aim::op(Op::Update), Fault::LostReply);
    let lost = stage.server.update(&calendar, &held, &target).await.unwrap_err();
    assert_eq!(lost.kind(), ErrorKind::Unavailable, "it was stored, without the colour");
    let again = stage.server.update(&calendar, &held, &target).await.unwrap_err();
    assert_eq!(again.kind(), ErrorKind::Stale, "an old version, and nothing was lost");
}

#[tokio::test]
async fn what_cannot_be_put_back_as_a_whole_is_as_far_as_the_series_goes() {
    let text = testkit::text("\"One\" 2026-03-01 uid=one");
    let text = text.replace("END:VEVENT", "COMMENT:x\r\nEND:VEVENT");
    let one = series("\"One\" 2026-03-01 uid=one");
    for (what, raw, refused, whole) in [
        ("its own text", Some(text.as_str()), false, true),
        ("none", None, false, false),
        ("another provider's", Some("{\"summary\":\"One\"}"), false, false),
        ("of another event", Some("BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n"), false, false),
        ("refused now", Some(text.as_str()), true, false),
    ] {
        let stage = Stage::new(Profile::plain()).await;
        let calendar = stage.calendar().await;
        if refused {
            stage.world.plan(Aim::op(Op::Create), Fault::Rejected);
        }
        let former = Former { series: &one, raw: raw.map(str::as_bytes) };
        let put = stage.server.put_back(&calendar, former, None, &"k-1".into()).await.unwrap();
        assert!(put.series.same_content(&one), "{what}");
        let held = stage.world.held(&stage.family).remove(0);
        let held = String::from_utf8(held.raw).unwrap();
        assert_eq!(held.contains("COMMENT:x"), whole, "{what}: {held}");
    }
}
