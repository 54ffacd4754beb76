//! The adapter against simulated servers, one quirk at a time: the same conversation must come to
//! the same end over every one of them.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod stage;

use std::sync::Arc;
use std::time::Duration;

use caldav::{CalDav, CalDavOptions, Flavour};
use model::{CalendarId, CreateKey, Origin, ResourceId, Rights};
use provider::{Change, Changes, Error, ErrorKind, Outcome, Provider as _, Scope};
use sandbox::dav::{Profile, PutVersion, Quirk, TokenRefusal, Tokens, VersionStyle};
use sandbox::{Gone, Scheduling};
use testkit::{series, text};

use stage::{Stage, all, cursor, read, title_of};

/// The titles of what a listing names, read.
async fn titles(server: &CalDav, calendar: &CalendarId, changes: &Changes) -> Vec<String> {
    let listed = |item: &Change| match item {
        Change::Listed { id, .. } => Some(id.clone()),
        _ => None,
    };
    let ids: Vec<ResourceId> = changes.items.iter().filter_map(listed).collect();
    if ids.is_empty() {
        return Vec::new();
    }
    let fetched = server.fetch(calendar, &ids).await.unwrap();
    assert_eq!(fetched.len(), ids.len(), "one answer for each id");
    let mut titles: Vec<String> = fetched.into_iter().map(|one| title_of(&one.outcome)).collect();
    titles.sort();
    titles
}

/// Reads, writes, deletes and reads again.
async fn converse(profile: Profile) {
    let name = format!("{} {:?}", profile.name, profile.quirks);
    let tells = profile.tokens != Tokens::None;
    let stage = Stage::new(profile).await;
    let (server, world) = (&stage.server, &stage.world);
    for day in 1..=5 {
        stage.user_creates(&format!("\"Event {day}\" 2026-03-0{day}T09:00 Europe/Berlin"));
    }
    let calendar = stage.calendar().await;
    let listed = server.calendars().await.unwrap();
    assert_eq!(listed.len(), 2, "{name}: {listed:?}");
    let first = all(server, &calendar, None).await;
    assert_eq!(first.scope, Scope::Full, "{name}");
    let events = ["Event 1", "Event 2", "Event 3", "Event 4", "Event 5"];
    assert_eq!(titles(server, &calendar, &first).await, events, "{name}");

    let mut dentist = series("\"Dentist & <Co>\" 2026-04-01T14:00 Europe/Berlin alarm=-30m");
    let key = CreateKey::new("5ac7e51e-0001");
    let made = server.create(&calendar, &dentist, &key).await.unwrap();
    let again = server.create(&calendar, &dentist, &key).await.unwrap();
    assert_eq!(made.id, again.id, "{name}");
    let held = read(server, &calendar, &made.id).await;
    assert!(held.series.same_content(&dentist), "{name}: {held:?}\n{dentist:?}");
    dentist.master.as_mut().unwrap().title = Some("Moved".into());
    server.update(&calendar, &held, &dentist).await.unwrap();
    let stale = server.update(&calendar, &held, &series("\"X\" 2026-04-02")).await.unwrap_err();
    // What was sent twice may have been refused for what the first one did.
    let is_unclear = name.contains("StaleConnections") && stale.kind() == ErrorKind::Unavailable;
    assert!(is_unclear || stale.kind() == ErrorKind::Stale, "{name}: {stale}");
    stage.user_creates("\"Event 6\" 2026-03-06");
    let one = match &first.items[0] {
        Change::Listed { id, .. } => read(server, &calendar, id).await,
        other => panic!("{other:?}"),
    };
    server.delete(&calendar, &one).await.unwrap();
    server.delete(&calendar, &one).await.unwrap();

    // An hour later whatever lags has caught up.
    world.advance(Duration::from_secs(2 * 3600));
    let second = all(server, &calendar, Some(&cursor(&first))).await;
    let gone = second.items.iter().any(|item| matches!(item, Change::Gone(id) if *id == one.id));
    let whole = second.scope == Scope::Full;
    assert!(gone || whole, "{name}: {:?}", second.items);
    assert!(tells || whole, "{name}");
    let last = all(server, &calendar, None).await;
    let titles = titles(server, &calendar, &last).await;
    assert!(titles.contains(&"Event 6".to_owned()), "{name}: {titles:?}");
    assert_eq!(titles.iter().filter(|title| events.contains(&title.as_str())).count(), 4, "{name}");

    world.assert_no_mail();
    world.assert_no_collection_delete();
    world.assert_conditional_writes();
    let hosts = stage.running.hosts();
    world.assert_auth_only_to(&hosts.iter().map(String::as_str).collect::<Vec<_>>());
}

/// Those that change what is told, and not how, have tests of their own.
const SAFE: &[Quirk] = &[
    Quirk::CombinedChallenge,
    Quirk::AbsoluteHome,
    Quirk::MixedAddresses,
    Quirk::FlippedEncoding,
    Quirk::CharacterSections,
    Quirk::BareStatus,
    Quirk::SplitProperties,
    Quirk::SubscriptionAsCalendar,
    Quirk::TasksList,
    Quirk::IgnoredLimit,
    Quirk::SelfMember,
    Quirk::DroppedGet,
    Quirk::TwiceListed,
    Quirk::SilentLimit,
    Quirk::RefusedLimit,
    Quirk::PatchyMultiget,
    Quirk::NoParts,
    Quirk::UidFilterRefused,
    Quirk::ComponentFilterNeeded,
    Quirk::TouchingDays,
    Quirk::NoHtml,
    Quirk::NoMethod,
    Quirk::ZoneNeeded,
    Quirk::InvertedStar,
    Quirk::ConditionNeeded,
    Quirk::NoDeleteDepth,
    Quirk::StaleConnections,
];

// quirk: icloud-1, icloud-9, icloud-11, icloud-12, icloud-14, icloud-15, icloud-17, icloud-19
// quirk: icloud-22, icloud-23, icloud-24, icloud-25, icloud-27, icloud-34, icloud-35, icloud-38
// quirk: icloud-40, icloud-41, icloud-42, icloud-43, icloud-46, icloud-47, icloud-48, icloud-51
// quirk: icloud-52, icloud-63, icloud-71
#[tokio::test]
async fn every_quirk_alone_comes_to_the_same_end() {
    for &quirk in SAFE {
        let absolute = quirk == Quirk::AbsoluteHome;
        if !absolute {
            converse(Profile::plain().with(quirk)).await;
        }
        converse(Profile::icloud().with(quirk)).await;
    }
}

// quirk: icloud-39, icloud-62, caldav-2, caldav-8, caldav-82, caldav-83, caldav-84, caldav-85
#[tokio::test]
async fn every_server_comes_to_the_same_end() {
    for profile in Profile::all() {
        converse(profile).await;
    }
}

// quirk: icloud-6, icloud-10
#[tokio::test]
async fn a_partition_is_followed_and_left_again() {
    for code in [301, 302, 303, 307, 308] {
        converse(Profile { redirect: Some(code), ..Profile::icloud() }).await;
    }
    let stage = Stage::new(Profile { redirect: Some(302), ..Profile::icloud() }).await;
    stage.user_creates("\"Here\" 2026-03-01");
    let calendar = stage.calendar().await;
    let first = all(&stage.server, &calendar, None).await;
    stage.running.move_partition();
    let lost = stage.server.changes(&calendar, Some(&cursor(&first))).await;
    if let Err(error) = lost {
        assert!(matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Gone), "{error:?}");
    }
    let found = stage.server.changes(&calendar, Some(&cursor(&first))).await.unwrap();
    assert!(found.items.is_empty());
    assert_eq!(stage.calendar().await, calendar, "it is the same calendar");
}

// quirk: icloud-7
#[tokio::test]
async fn a_foreign_redirect_is_refused() {
    let evil = Some("http://198.51.100.7:9/".to_owned());
    let stage = Stage::new(Profile { evil_redirect: evil, ..Profile::icloud() }).await;
    let error = stage.server.calendars().await.unwrap_err();
    assert!(error.sentence().contains("198.51.100.7"), "{error}");
}

// quirk: icloud-28, icloud-29, icloud-30
#[tokio::test]
async fn a_refused_token_is_told_in_every_dialect() {
    let refusals = [
        TokenRefusal::Stated(403),
        TokenRefusal::Stated(409),
        TokenRefusal::Stated(412),
        TokenRefusal::Bare(403),
        TokenRefusal::Bare(409),
        TokenRefusal::Bare(410),
        TokenRefusal::Bare(412),
        TokenRefusal::Bare(418),
        TokenRefusal::Bare(500),
        TokenRefusal::SilentFull,
    ];
    for refusal in refusals {
        let stage =
            Stage::new(Profile { tokens: Tokens::Sync(refusal), ..Profile::icloud() }).await;
        stage.user_creates("\"Here\" 2026-03-01");
        let calendar = stage.calendar().await;
        let first = all(&stage.server, &calendar, None).await;
        stage.world.expire_cursors(&stage.family);
        let told = stage.server.changes(&calendar, Some(&cursor(&first))).await;
        match (refusal, told) {
            (TokenRefusal::SilentFull, Ok(changes)) => assert_eq!(changes.items.len(), 1),
            (_, Err(error)) => assert_eq!(error.kind(), ErrorKind::CursorExpired, "{refusal:?}"),
            (_, Ok(changes)) => panic!("{refusal:?}: {changes:?}"),
        }
        assert_eq!(all(&stage.server, &calendar, None).await.items.len(), 1, "{refusal:?}");
    }
}

// quirk: icloud-33
#[tokio::test]
async fn a_truncated_listing_goes_on() {
    for (count, profile) in [(10, Profile::plain()), (9, Profile::icloud())] {
        let stage = Stage::new(Profile { truncate: Some(3), ..profile }).await;
        let calendar = stage.calendar().await;
        let none = all(&stage.server, &calendar, None).await;
        for number in 0..count {
            stage.user_creates(&format!("\"E{number}\" 2026-03-01"));
        }
        for (since, scope) in [(None, Scope::Full), (Some(cursor(&none)), Scope::Delta)] {
            let changes = all(&stage.server, &calendar, since.as_ref()).await;
            assert_eq!((changes.items.len(), changes.scope), (count, scope));
        }
    }
}

// quirk: icloud-53, icloud-54, icloud-58
#[tokio::test]
async fn versions_in_every_dress_can_be_written_under() {
    for put_version in [PutVersion::Always, PutVersion::Verbatim, PutVersion::Never] {
        for version_style in [
            VersionStyle::Quoted,
            VersionStyle::WeakOnPut,
            VersionStyle::Unquoted,
            VersionStyle::Sogo,
        ] {
            for profile in [Profile::plain(), Profile::icloud()] {
                converse(Profile { put_version, version_style, ..profile }).await;
            }
        }
    }
}

// quirk: icloud-32
#[tokio::test]
async fn a_missing_token_keeps_the_old_one() {
    let stage = Stage::new(Profile::icloud().with(Quirk::OmittedToken)).await;
    stage.user_creates("\"Here\" 2026-03-01");
    let calendar = stage.calendar().await;
    for _ in 0..2 {
        let changes = all(&stage.server, &calendar, None).await;
        assert_eq!((changes.scope, changes.items.len()), (Scope::Full, 1));
        let next = all(&stage.server, &calendar, Some(&cursor(&changes))).await;
        assert!(next.items.is_empty() || next.scope == Scope::Full);
    }
}

// quirk: icloud-20, icloud-21
#[tokio::test]
async fn a_calendar_that_may_not_be_written_says_so() {
    for profile in Profile::all() {
        let name = profile.name;
        let stage = Stage::new(profile).await;
        let calendar = stage.calendar().await;
        let event = series("\"Mine\" 2026-03-01");
        let made = stage.server.create(&calendar, &event, &"k-1".into()).await.unwrap();
        let made = read(&stage.server, &calendar, &made.id).await;
        stage.world.set_rights(&stage.family, Rights::Read);
        let listed = stage.server.calendars().await.unwrap();
        let rights = listed.iter().find(|listed| listed.id == calendar).map(|found| found.rights);
        assert_eq!(rights, Some(Rights::Read), "{name}");
        let other = series("\"Other\" 2026-03-01");
        let error = stage.server.create(&calendar, &other, &"k-2".into()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Forbidden, "{name}: {error}");
        let error = stage.server.update(&calendar, &made, &other).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Forbidden, "{name}: {error}");
        let error = stage.server.delete(&calendar, &made).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Forbidden, "{name}: {error}");
    }
}

#[tokio::test]
async fn a_calendar_that_is_gone_says_so() {
    for profile in Profile::all() {
        let name = profile.name;
        let stage = Stage::new(profile).await;
        let calendar = stage.calendar().await;
        let first = all(&stage.server, &calendar, None).await;
        stage.world.set_gone(&stage.family, Gone::Yes);
        let kind = |error: &Error| error.kind();
        let since = stage.server.changes(&calendar, Some(&cursor(&first))).await;
        let kinds = (
            kind(&stage.server.changes(&calendar, None).await.unwrap_err()),
            kind(&since.unwrap_err()),
        );
        assert_eq!(kinds, (ErrorKind::Gone, ErrorKind::Gone), "{name}");
        let event = series("\"Mine\" 2026-03-01");
        let error = stage.server.create(&calendar, &event, &"k-1".into()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Gone, "{name}: {error}");
    }
}

// quirk: icloud-3
#[tokio::test]
async fn a_revoked_password_stops_the_work() {
    for profile in Profile::all() {
        let name = profile.name;
        let stage = Stage::new(profile).await;
        for number in 0..5 {
            stage.user_creates(&format!("\"E{number}\" 2026-03-01"));
        }
        let calendar = stage.calendar().await;
        let listed = all(&stage.server, &calendar, None).await;
        let ids: Vec<ResourceId> = listed.items.iter().map(|item| item.id().clone()).collect();
        stage.server.identity().await.unwrap();
        stage.world.revoke("sam");
        let before = stage.server.requests();
        let error = stage.server.fetch(&calendar, &ids).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unauthorized, "{name}");
        assert_eq!(stage.server.requests() - before, 1, "{name}");
        let error = stage.server.calendars().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unauthorized, "{name}");
        // What was known of the account confirms no refusal.
        let error = stage.server.identity().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unauthorized, "{name}");
    }
}

// quirk: icloud-49
#[tokio::test]
async fn a_uid_that_is_taken_is_no_verdict_on_the_event() {
    for profile in [Profile::icloud(), Profile::radicale(), Profile::xandikos(), Profile::sogo()] {
        let name = profile.name;
        let stage = Stage::new(profile).await;
        let calendar = stage.calendar().await;
        let event = series("\"Mine\" 2026-03-01");
        stage.server.create(&calendar, &event, &"k-1".into()).await.unwrap();
        let error = stage.server.create(&calendar, &event, &"k-2".into()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{name}: {error}");
    }
}

/// Requests that one fetch took, and how many of its ids were found and gone.
async fn fetched(stage: &Stage, calendar: &CalendarId, ids: &[ResourceId]) -> (u64, usize, usize) {
    let before = stage.server.requests();
    let all = stage.server.fetch(calendar, ids).await.unwrap();
    let count = |word: fn(&Outcome) -> bool| all.iter().filter(|one| word(&one.outcome)).count();
    let found = count(|outcome| matches!(outcome, Outcome::Found(_)));
    let gone = count(|outcome| matches!(outcome, Outcome::Gone));
    (stage.server.requests() - before, found, gone)
}

// quirk: icloud-36, icloud-38, icloud-39, caldav-2
#[tokio::test]
async fn missing_resources_cost_little_and_hide_nothing() {
    for profile in Profile::all() {
        let name = profile.name;
        let stage = Stage::new(profile).await;
        for number in 0..60 {
            stage.user_creates(&format!("\"E{number}\" 2026-03-01 uid=u-{number}"));
        }
        let calendar = stage.calendar().await;
        let listed = all(&stage.server, &calendar, None).await;
        let ids: Vec<ResourceId> = listed.items.iter().map(|item| item.id().clone()).collect();
        assert_eq!(ids.len(), 60, "{name}");
        let most = if name == "zoho" { 61 } else { 1 };
        let (requests, found, gone) = fetched(&stage, &calendar, &ids).await;
        assert_eq!((found, gone), (60, 0), "{name}");
        assert!(requests <= most, "{name}: {requests}");
        for number in [0, 33] {
            assert!(stage.world.user(&stage.family).delete(&format!("u-{number}")));
        }
        let (requests, found, gone) = fetched(&stage, &calendar, &ids).await;
        assert_eq!((found, gone), (58, 2), "{name}");
        assert!(requests <= most.max(26), "{name}: {requests}");
    }
}

#[tokio::test]
async fn more_than_a_batch_is_read_in_batches() {
    let stage = Stage::new(Profile::plain()).await;
    for number in 0..401 {
        stage.user_creates(&format!("\"E{number}\" 2026-03-01"));
    }
    let calendar = stage.calendar().await;
    let listed = all(&stage.server, &calendar, None).await;
    let ids: Vec<ResourceId> = listed.items.iter().map(|item| item.id().clone()).collect();
    assert_eq!(fetched(&stage, &calendar, &ids).await, (3, 401, 0));
    assert_eq!(fetched(&stage, &calendar, &[]).await, (0, 0, 0));
}

// quirk: caldav-5
#[tokio::test]
async fn a_task_is_no_event_and_a_broken_event_is_a_problem() {
    let stage = Stage::new(Profile::plain()).await;
    let event = text("\"Broken\" 2026-03-01");
    let broken = event.replace("DTSTART", "X-START");
    let task = event.replace("VEVENT", "VTODO").replace("DTEND", "DUE");
    let user = stage.world.user(&stage.family);
    user.put("broken.ics", broken.as_bytes());
    user.put("task.ics", task.as_bytes());
    let calendar = stage.calendar().await;
    let ids = ["broken.ics".into(), "task.ics".into()];
    let all = stage.server.fetch(&calendar, &ids).await.unwrap();
    let said = |id: &str| {
        let one = all.iter().find(|one| one.id.as_str() == id).unwrap();
        title_of(&one.outcome)
    };
    assert_eq!(said("broken.ics"), "unreadable: the event has no start");
    assert_eq!(said("task.ics"), "no event");
}

#[tokio::test]
async fn a_calendar_is_named_by_address_or_path_without_asking() {
    let stage = Stage::new(Profile::icloud()).await;
    let calendar = stage.calendar().await;
    let before = stage.server.requests();
    let path = calendar.as_str();
    let here = format!("{}{}", stage.running.url().trim_end_matches('/'), path);
    for text in [path, path.trim_end_matches('/'), &here] {
        assert_eq!(stage.server.calendar_id(text).as_ref(), Some(&calendar), "{text}");
    }
    for text in ["Family", "", "https://elsewhere.example/cal/", "/a/../b/", "mailto:x"] {
        assert_eq!(stage.server.calendar_id(text), None, "{text}");
    }
    assert_eq!(stage.server.requests(), before);
}

#[tokio::test]
async fn what_is_configured_may_be_any_of_the_addresses() {
    let stage = Stage::new(Profile::plain()).await;
    let calendar = stage.calendar().await;
    let root = stage.running.url();
    let identity = stage.server.identity().await.unwrap();
    let home = calendar.as_str().trim_end_matches('/').rsplit_once('/').unwrap().0;
    for path in [&identity, home, calendar.as_str()] {
        let url = format!("{}{}", root.trim_end_matches('/'), path);
        let server = CalDav::new(CalDavOptions {
            url: url.parse().unwrap(),
            username: "sam@example.com".into(),
            password: stage.world.password("sam").unwrap().into(),
            flavour: Flavour::Generic,
            clock: Arc::new(|| "2026-01-01T00:00:00Z".parse().unwrap()),
            deadline: None,
            in_flight: None,
        });
        let calendars = server.unwrap().calendars().await.unwrap();
        assert!(calendars.iter().any(|listed| listed.id == calendar), "{path}: {calendars:?}");
    }
}

#[tokio::test]
async fn without_scheduling_we_are_whom_the_username_names() {
    let stage = Stage::new(Profile::plain()).await;
    let calendar = stage.calendar().await;
    for (title, guest) in [("Mine", "Sam@Example.com"), ("Theirs", "bob@example.org")] {
        let people = format!(
            "ORGANIZER:mailto:eve@example.org\r\n\
             ATTENDEE;PARTSTAT=DECLINED:mailto:{guest}\r\nEND:VEVENT"
        );
        let line = format!("\"{title}\" 2026-03-01");
        stage.world.user(&stage.family).create(&text(&line).replace("END:VEVENT", &people));
    }
    let listed = all(&stage.server, &calendar, None).await;
    let ids: Vec<ResourceId> = listed.items.iter().map(|item| item.id().clone()).collect();
    for one in stage.server.fetch(&calendar, &ids).await.unwrap() {
        let title = title_of(&one.outcome);
        let Outcome::Found(resource) = one.outcome else { panic!("it is there: {title}") };
        assert_eq!(resource.series.declined, title == "Mine", "{title}");
    }
}

#[tokio::test]
async fn a_server_that_begins_to_write_to_guests_is_noticed() {
    let mut profile = Profile::plain();
    profile.habits.scheduling = Scheduling::Never;
    let stage = Stage::new(profile).await;
    let calendar = stage.calendar().await;
    let people = "ORGANIZER:mailto:sam@example.com\r\nATTENDEE:mailto:bob@example.org\r\n\
                  END:VEVENT";
    let meeting = text("\"Meeting\" 2026-03-01 uid=a").replace("END:VEVENT", people);
    stage.world.user(&stage.family).put("a.ics", meeting.as_bytes());
    let held = read(&stage.server, &calendar, &"a.ics".into()).await;
    let titled = |title: &str| series(&format!("\"{title}\" 2026-03-01 uid=a"));
    let later = stage.server.update(&calendar, &held, &titled("Later")).await.unwrap();
    stage.world.set_habits("sam", |habits| habits.scheduling = Scheduling::Implicit);
    stage.world.advance(Duration::from_secs(30 * 60));
    let refused = stage.server.update(&calendar, &later, &titled("Latest")).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Forbidden, "{refused}");
    stage.world.assert_no_mail();
}

#[tokio::test]
async fn another_pairs_write_is_somebody_elses() {
    let stage = Stage::new(Profile::plain()).await;
    let calendar = stage.calendar().await;
    let [p, q] = ["p", "q"].map(|hand| stage.server.on_behalf_of(hand));
    let titled = |title: &str| series(&format!("\"{title}\" 2026-03-01 uid=a"));
    let made = p.create(&calendar, &titled("one"), &CreateKey::new("a")).await.unwrap();
    let later = p.update(&calendar, &made, &titled("two")).await.unwrap();
    for held in [&made, &later] {
        assert_eq!((p.origin(held), q.origin(held)), (Origin::Sealed, Origin::Copy));
    }
    let theirs = q.update(&calendar, &later, &titled("three")).await.unwrap();
    let again = p.update(&calendar, &theirs, &titled("four")).await.unwrap();
    for held in [&theirs, &again] {
        assert_eq!((p.origin(held), q.origin(held)), (Origin::Copy, Origin::Copy));
    }
}
