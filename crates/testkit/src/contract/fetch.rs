//! Clauses about reading by id.

use std::collections::{BTreeMap, BTreeSet};

use model::ResourceId;
use provider::{FETCH_LIMIT, Outcome};

use super::bench::{Bench, Kept, Miss, broken, ensure};

const LINE: &str = "\"Lunch 🥗\" 2026-04-01T12:00 Europe/Berlin 1h";

/// A series that a server stores and calpair can't carry: all later occurrences are moved.
const UNREADABLE: &str = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//fixture//fixture//EN\r\n\
    BEGIN:VEVENT\r\nUID:{uid}\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260302T090000Z\r\n\
    DTEND:20260302T100000Z\r\nSUMMARY:Moved from the third on\r\nRRULE:FREQ=WEEKLY;COUNT=9\r\n\
    END:VEVENT\r\nBEGIN:VEVENT\r\nUID:{uid}\r\nDTSTAMP:20260101T000000Z\r\n\
    RECURRENCE-ID;RANGE=THISANDFUTURE:20260316T090000Z\r\nDTSTART:20260316T110000Z\r\n\
    DTEND:20260316T120000Z\r\nSUMMARY:Later\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";

pub(super) async fn nothing_is_fetched_for_nothing(bench: &mut Bench<'_>) -> Kept {
    let fetched = bench.provider().fetch(&bench.calendar(), &[]).await?;
    ensure(fetched.is_empty(), format!("{} answers", fetched.len()))
}

pub(super) async fn a_missing_id_is_gone(bench: &mut Bench<'_>) -> Kept {
    let mut ids = Vec::new();
    let mut names = Vec::new();
    for _ in 0..3 {
        let (uid, name) = bench.put(LINE).await?;
        ids.push(bench.find(&uid).await?.id);
        names.push(name);
    }
    bench.subject().delete(&names[1]).await;
    let fetched = bench.fetch(&ids).await?;
    let outcomes: BTreeMap<&ResourceId, &Outcome> =
        fetched.iter().map(|one| (&one.id, &one.outcome)).collect();
    for (at, id) in ids.iter().enumerate() {
        match (at, outcomes.get(id)) {
            (1, Some(Outcome::Gone)) | (0 | 2, Some(Outcome::Found(_))) => {}
            (_, other) => return broken(format!("the {at}. of three is {other:?}")),
        }
    }
    ensure(fetched.len() == 3, format!("{} answers for three ids", fetched.len()))
}

pub(super) async fn every_id_has_an_answer(bench: &mut Bench<'_>) -> Kept {
    let (first, _) = bench.put(LINE).await?;
    let (second, _) = bench.put(LINE).await?;
    let (first, second) = (bench.find(&first).await?.id, bench.find(&second).await?.id);
    let asked = [first.clone(), second.clone(), first.clone()];
    let fetched = bench.provider().fetch(&bench.calendar(), &asked).await?;
    let answered: BTreeSet<_> = fetched.iter().map(|one| &one.id).collect();
    ensure(answered == BTreeSet::from([&first, &second]), "an answer is missing, or too much")?;
    let found = fetched.iter().all(|one| matches!(one.outcome, Outcome::Found(_)));
    ensure(found, "one is not found")
}

pub(super) async fn a_full_batch(bench: &mut Bench<'_>) -> Kept {
    let mut names = Vec::new();
    let mut uids = BTreeSet::new();
    for _ in 0..FETCH_LIMIT {
        let (uid, name) = bench.put(LINE).await?;
        uids.insert(uid);
        names.push(name);
    }
    let seen = bench.list(None).await?;
    let ids: Vec<ResourceId> = seen
        .present
        .values()
        .filter(|held| uids.contains(held.series.uid.as_str()))
        .map(|held| held.id.clone())
        .collect();
    let fetched = bench.provider().fetch(&bench.calendar(), &ids).await?;
    let found = fetched.iter().filter(|one| matches!(one.outcome, Outcome::Found(_))).count();
    for name in names {
        bench.subject().delete(&name).await;
    }
    let listed = ids.len();
    ensure(listed == FETCH_LIMIT, format!("{listed} of {FETCH_LIMIT} are listed"))?;
    ensure(found == FETCH_LIMIT, format!("{found} of {FETCH_LIMIT} are found"))
}

pub(super) async fn the_unreadable_stops_nothing(bench: &mut Bench<'_>) -> Kept {
    let (fine, _) = bench.put(LINE).await?;
    let broken_uid = bench.fresh();
    let name = format!("{broken_uid}.ics");
    bench.put_text(&name, &UNREADABLE.replace("{uid}", &broken_uid)).await?;
    let seen = bench.list(None).await?;
    let unreadable = seen
        .unreadable
        .values()
        .find(|one| one.uid.as_ref().is_none_or(|uid| uid.as_str() == broken_uid));
    ensure(seen.find(&fine).is_some(), "the one beside it is not found")?;
    let Some(unreadable) = unreadable.cloned() else {
        return broken("it is not reported as unreadable");
    };
    ensure(!unreadable.reason.is_empty(), "it gives no reason")?;
    ensure(unreadable.version.is_some(), "it has no version")?;
    let outcome = bench.outcome(&unreadable.id).await?;
    bench.subject().delete(&name).await;
    ensure(matches!(outcome, Outcome::Unreadable(_)), format!("a fetch says {outcome:?}"))
}

pub(super) async fn odd_names(bench: &mut Bench<'_>) -> Kept {
    let mut refused = Vec::new();
    let odds = ["a b", "at@home", "per%20cent", "ü-日本", "plus+and;semi", "brackets[1]"];
    for odd in odds {
        let (uid, text) = bench.text(LINE);
        let name = format!("{odd} {uid}.ics");
        if let Err(reason) = bench.subject().put(&name, text.as_bytes()).await {
            refused.push(reason);
            continue;
        }
        let held = bench.find(&uid).await?;
        let mut target = held.series.clone();
        if let Some(master) = &mut target.master {
            master.title = Some("Renamed".into());
        }
        bench.update(&held.id, &target).await?;
        let current = bench.found(&held.id).await?;
        bench.same(&current.series, &target)?;
        bench.provider().delete(&bench.calendar(), &current).await?;
        let gone = bench.subject().get(&name).await.is_none();
        ensure(gone, format!("`{odd}` is still there"))?;
    }
    match refused.pop() {
        Some(reason) if refused.len() + 1 == odds.len() => Err(Miss::CannotApply(reason)),
        _ => Ok(()),
    }
}
