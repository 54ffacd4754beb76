//! Drives the adapter against a server at hand: every method of the seam once, and what each
//! cost. `cargo run -p caldav --example drive -- URL USER PASSWORD [icloud] [CALENDAR]`; it
//! creates, changes and deletes events of its own in the calendar (else the first writable one).

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a program to look at a server with")]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use caldav::{CalDav, CalDavOptions, Flavour};
use model::{CalendarId, CreateKey, Event, Resource, Rights, Series, Uid, Version, When, civil};
use provider::{Change, Changes, ErrorKind, Next, Outcome, Provider as _};
use transport::Url;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, url, user, password, rest @ ..] = arguments.as_slice() else {
        println!("usage: drive URL USER PASSWORD [icloud] [CALENDAR]");
        return;
    };
    let icloud = rest.iter().any(|word| word == "icloud");
    let server = CalDav::new(CalDavOptions {
        url: Url::parse(url).unwrap(),
        username: user.clone(),
        password: password.as_str().into(),
        flavour: if icloud { Flavour::ICloud } else { Flavour::Generic },
        clock: Arc::new(|| "2026-01-02T03:04:05Z".parse().unwrap()),
        deadline: Some(Duration::from_secs(60)),
        in_flight: None,
    })
    .unwrap();
    println!("identity {:?}", server.identity().await);
    let calendars = server.calendars().await;
    println!("calendars after {} requests:", server.requests());
    for calendar in calendars.iter().flatten() {
        println!("  {calendar:?}");
    }
    if let Err(error) = &calendars {
        println!("  {error:?}");
    }
    let named = rest.iter().find_map(|word| server.calendar_id(word));
    let calendars = calendars.unwrap_or_default();
    let writable = calendars.into_iter().find(|calendar| calendar.rights == Rights::Write);
    let Some(calendar) = named.or(writable.map(|calendar| calendar.id)) else {
        println!("no calendar");
        return;
    };
    println!("calendar {calendar}");
    drive(&server, &calendar).await;
}

async fn drive(server: &CalDav, calendar: &CalendarId) {
    let all = step(server, "everything", server.changes(calendar, None)).await.unwrap();
    show(&all);
    let Next::Complete(cursor) = all.next else { panic!("{:?}", all.next) };
    let quiet = step(server, "quiet", server.changes(calendar, Some(&cursor))).await.unwrap();
    show(&quiet);

    let seed = std::process::id();
    let (uid, key) = (format!("drive-{seed}@calpair"), CreateKey::new(format!("d-{seed}")));
    let mut series = series(&uid, "Quote \"x\" & <y>");
    let made = step(server, "create", server.create(calendar, &series, &key)).await.unwrap();
    println!("  version {:?}", made.version);
    let again = step(server, "create again", server.create(calendar, &series, &key)).await;
    println!("  {:?}", again.as_ref().map(|resource| (&resource.id, &resource.version)));
    let other = CreateKey::new(format!("e-{seed}"));
    let twin = step(server, "create twin", server.create(calendar, &series, &other)).await;
    if let Ok(twin) = twin {
        println!("  accepted: {:?}", twin.id);
        let twin = current(server, calendar, twin).await;
        let _ = step(server, "delete twin", server.delete(calendar, &twin)).await;
    }

    let delta = step(server, "delta", server.changes(calendar, Some(&cursor))).await.unwrap();
    show(&delta);
    let held = current(server, calendar, made).await;
    println!("  same content {}", held.series.same_content(&series));
    if let Some(master) = &mut series.master {
        master.title = Some("Changed".into());
    }
    let stale = Resource { version: Some(Version::new("\"nope\"")), ..held.clone() };
    let refused = step(server, "stale update", server.update(calendar, &stale, &series)).await;
    println!("  {}", refused.is_err_and(|error| error.kind() == ErrorKind::Stale));
    let changed = step(server, "update", server.update(calendar, &held, &series)).await.unwrap();
    let refused = step(server, "stale delete", server.delete(calendar, &held)).await;
    println!("  {}", refused.is_err_and(|error| error.kind() == ErrorKind::Stale));
    let changed = current(server, calendar, changed).await;
    println!("  same content {}", changed.series.same_content(&series));
    let missing = "missing.ics".into();
    let ids = [changed.id.clone(), missing];
    let fetched = step(server, "fetch", server.fetch(calendar, &ids)).await.unwrap();
    for one in &fetched {
        let outcome = match &one.outcome {
            Outcome::Found(_) => "found",
            Outcome::Unreadable(_) => "unreadable",
            Outcome::Gone => "gone",
            Outcome::NoEvent => "no event",
            Outcome::Withheld(_) => "withheld",
            Outcome::Failed(_) => "failed",
        };
        println!("  {} {outcome}", one.id);
    }
    many(server, calendar, seed).await;
    step(server, "delete", server.delete(calendar, &changed)).await.unwrap();
    let _ = step(server, "delete twice", server.delete(calendar, &changed)).await;
    let gone = step(server, "update gone", server.update(calendar, &changed, &held.series)).await;
    println!("  {:?}", gone.map(|resource| resource.id).map_err(|error| error.kind()));
    let delta = step(server, "delta", server.changes(calendar, Some(&cursor))).await;
    if let Ok(delta) = delta {
        show(&delta);
    }
    for bogus in ["sync:bogus", "sync:http://calpair.invalid/0", "ctag:bogus", "elsewhere"] {
        let answer = step(server, bogus, server.changes(calendar, Some(&bogus.into()))).await;
        println!("  {:?}", answer.map(|changes| changes.scope).map_err(|error| error.kind()));
    }
    let nowhere = CalendarId::new(format!("{calendar}nothere/"));
    let gone = step(server, "no calendar", server.changes(&nowhere, None)).await;
    println!("  {:?}", gone.map(|changes| changes.scope).map_err(|error| error.kind()));
}

/// Eight writes at a time.
async fn many(server: &CalDav, calendar: &CalendarId, seed: u32) {
    let mut work = Vec::new();
    for number in 0..24 {
        let uid = format!("many-{seed}-{number}@calpair");
        let key = CreateKey::new(format!("f-{seed}-{number}"));
        work.push(async move {
            let series = series(&uid, "One of many");
            let made = server.create(calendar, &series, &key).await?;
            let made = current(server, calendar, made).await;
            server.delete(calendar, &made).await
        });
    }
    let before = server.requests();
    let outcomes = futures_util::future::join_all(work).await;
    let failed: BTreeSet<String> = outcomes
        .iter()
        .filter_map(|outcome| outcome.as_ref().err())
        .map(ToString::to_string)
        .collect();
    println!("24 creates and deletes: {} requests, failed {failed:?}", server.requests() - before);
}

async fn current(server: &CalDav, calendar: &CalendarId, made: Resource) -> Resource {
    let fetched = server.fetch(calendar, std::slice::from_ref(&made.id)).await.unwrap();
    match fetched.into_iter().next().unwrap().outcome {
        Outcome::Found(resource) => *resource,
        other => panic!("{other:?}"),
    }
}

async fn step<T>(
    server: &CalDav,
    name: &str,
    work: impl Future<Output = provider::Result<T>>,
) -> provider::Result<T> {
    let before = server.requests();
    let outcome = work.await;
    let requests = server.requests() - before;
    match &outcome {
        Ok(_) => println!("{name}: {requests} requests"),
        Err(error) => println!("{name}: {requests} requests, {:?}: {error}", error.kind()),
    }
    outcome
}

fn show(changes: &Changes) {
    let words: Vec<String> = changes
        .items
        .iter()
        .take(8)
        .map(|change| match change {
            Change::Listed { id, version } => format!("{id}={:?}", version.is_some()),
            Change::Gone(id) => format!("-{id}"),
            Change::Missing(id) => format!("?{id}"),
            other => format!("{:?}", other.id()),
        })
        .collect();
    let (count, next) = (changes.items.len(), &changes.next);
    println!("  {:?} {count}: {} -> {next:?}", changes.scope, words.join(" "));
}

fn series(uid: &str, title: &str) -> Series {
    let zone = model::Zone::Iana("Europe/Berlin".into());
    let at =
        |hour| When::Zoned { local: civil::date(2026, 3, 4).at(hour, 0, 0, 0), zone: zone.clone() };
    let mut event = Event::new(at(9), at(10));
    event.title = Some(title.into());
    event.location = Some("Room 1, second floor".into());
    Series::single(Uid::new(uid), event)
}
