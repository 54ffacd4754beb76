//! Events that a server lists and does not hand out, while it answers for the calendar.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

#[allow(dead_code, reason = "what one test needs another does not")]
mod stage;

use model::{CalendarId, ResourceId};
use provider::{Error, Outcome, Provider as _};
use sandbox::dav::Profile;
use testkit::text;

use stage::{Stage, all, title_of};

/// What became of each id, by its first word.
async fn outcomes(stage: &Stage, calendar: &CalendarId) -> Result<Vec<String>, Error> {
    let listed = all(&stage.server, calendar, None).await;
    let ids: Vec<ResourceId> = listed.items.iter().map(|item| item.id().clone()).collect();
    let fetched = stage.server.fetch(calendar, &ids).await?;
    assert_eq!(fetched.len(), ids.len(), "one answer for each id");
    let mut words: Vec<String> = fetched.iter().map(|one| title_of(&one.outcome)).collect();
    words.sort();
    Ok(words)
}

// quirk: caldav-15
#[tokio::test]
async fn an_event_that_a_server_fails_at_is_withheld_and_hides_no_other() {
    for profile in [Profile::plain(), Profile::icloud()] {
        let name = profile.name;
        let stage = Stage::new(profile).await;
        let calendar = stage.calendar().await;
        stage.user_creates("\"Bad\" 2026-03-01 uid=bad");
        let bad = stage.world.user(&stage.family).get("bad").unwrap().id;
        stage.world.withhold(&stage.family, &bad);
        let alone = outcomes(&stage, &calendar).await.unwrap();
        assert!(alone.len() == 1 && alone[0].starts_with("withheld: "), "{name}: {alone:?}");
        assert!(alone[0].contains("500") && !alone[0].contains("Bad"), "{name}: {alone:?}");
        for number in 10..40 {
            stage.user_creates(&format!("\"E{number}\" 2026-03-01"));
        }
        let beside = outcomes(&stage, &calendar).await.unwrap();
        assert_eq!(beside.iter().filter(|word| word.starts_with('E')).count(), 30, "{name}");
        assert!(beside[30].starts_with("withheld: "), "{name}: {beside:?}");
        stage.world.hand_out(&stage.family);
        assert_eq!(outcomes(&stage, &calendar).await.unwrap()[0], "Bad", "{name}");
    }
}

/// Events, of which the server fails at the first `bad`.
async fn with_withheld(profile: Profile, bad: usize, good: usize) -> (Stage, CalendarId) {
    let stage = Stage::new(profile).await;
    let calendar = stage.calendar().await;
    for number in 0..bad {
        stage.user_creates(&format!("\"B{number}\" 2026-03-01 uid=bad-{number}"));
    }
    for held in stage.world.held(&stage.family) {
        stage.world.withhold(&stage.family, &held.id);
    }
    for number in 0..good {
        stage.user_creates(&format!("\"E{number}\" 2026-03-01"));
    }
    (stage, calendar)
}

fn count(words: &[String], start: &str) -> usize {
    words.iter().filter(|word| word.starts_with(start)).count()
}

// quirk: caldav-15
#[tokio::test]
async fn several_events_that_a_server_fails_at_are_withheld_alone_and_among_others() {
    let broken = || Profile { multiget: sandbox::dav::Multiget::Broken, ..Profile::plain() };
    for profile in [Profile::plain(), Profile::icloud(), broken()] {
        for (bad, good) in [(6, 0), (7, 30), (9, 0), (12, 30)] {
            let name = format!("{} {bad} {good}", profile.name);
            let (stage, calendar) = with_withheld(profile.clone(), bad, good).await;
            let words = outcomes(&stage, &calendar).await.unwrap();
            assert_eq!(count(&words, "withheld: "), bad, "{name}: {words:?}");
            assert_eq!(count(&words, "E"), good, "{name}: {words:?}");
            let told = words.iter().filter(|word| word.contains("500")).count();
            assert_eq!(told, bad, "each says why: {name}: {words:?}");
        }
    }
}

// quirk: caldav-15
#[tokio::test]
async fn events_that_a_server_fails_at_cost_a_bounded_number_of_requests() {
    let broken = || Profile { multiget: sandbox::dav::Multiget::Broken, ..Profile::plain() };
    for profile in [Profile::plain(), broken()] {
        let (stage, calendar) = with_withheld(profile, 1000, 0).await;
        let before = stage.server.requests();
        let words = outcomes(&stage, &calendar).await.unwrap();
        assert_eq!(count(&words, "withheld: "), 1000);
        let requests = stage.server.requests() - before;
        assert!(requests < 150, "{requests}");
    }
}

// quirk: caldav-15
#[tokio::test]
async fn a_calendar_that_does_not_answer_says_nothing_about_single_events() {
    let look = || sandbox::faults::Aim::op(sandbox::Op::Changes);
    for bad in [1, 6, 40] {
        let (stage, calendar) = with_withheld(Profile::plain(), bad, 0).await;
        let listed = all(&stage.server, &calendar, None).await;
        let ids: Vec<ResourceId> = listed.items.iter().map(|item| item.id().clone()).collect();
        let before = stage.server.requests();
        stage.world.plan(look(), sandbox::faults::Fault::Html);
        let error = stage.server.fetch(&calendar, &ids).await.unwrap_err();
        let requests = stage.server.requests() - before;
        assert!(requests <= 24, "it is found out soon: {requests}: {error}");
        let again = stage.server.fetch(&calendar, &ids).await.unwrap();
        assert!(again.iter().all(|one| matches!(one.outcome, Outcome::Withheld(_))), "{bad}");
    }
}

// quirk: caldav-13, caldav-15
#[tokio::test]
async fn a_declined_meeting_waits_until_the_server_says_who_we_are() {
    let mut profile = Profile::plain();
    profile.habits.scheduling = sandbox::Scheduling::Implicit;
    let stage = Stage::new(profile).await;
    let calendar = stage.calendar().await;
    stage.user_creates("\"Plain\" 2026-03-01");
    let meeting = text("\"Meeting\" 2026-03-02 uid=meeting").replace(
        "END:VEVENT",
        "ORGANIZER:mailto:eve@example.org\r\n\
         ATTENDEE;PARTSTAT=DECLINED:mailto:bob@example.org\r\nEND:VEVENT",
    );
    stage.world.user(&stage.family).create(&meeting);
    let lookup = sandbox::faults::Aim::op(sandbox::Op::Identity);
    stage.world.plan(lookup, sandbox::faults::Fault::Html);
    let first = outcomes(&stage, &calendar).await.unwrap();
    assert_eq!(first[0], "Plain", "{first:?}");
    assert!(first[1].starts_with("withheld: "), "{first:?}");
    assert_eq!(outcomes(&stage, &calendar).await.unwrap(), ["Meeting", "Plain"]);
}
