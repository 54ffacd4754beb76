//! Clauses about listings and cursors.

use model::{CalendarId, Cursor};
use provider::{ErrorKind, Scope};

use super::bench::{Bench, Kept, Miss, Seen, broken, ensure};

const LINE: &str = "weekly \"Choir\" 2026-03-03T19:00 Europe/Berlin 1h30m count=8";

/// A listing after `before`. Where it lists everything, what isn't in it any more is looked up.
async fn after(bench: &Bench<'_>, before: &Seen) -> Result<Seen, Miss> {
    let mut seen = bench.list(Some(&before.cursor)).await?;
    if seen.scope == Scope::Full {
        let listed = |id: &&model::ResourceId| {
            !seen.present.contains_key(*id) && !seen.unreadable.contains_key(*id)
        };
        let absent: Vec<_> = before.present.keys().filter(listed).cloned().collect();
        for id in absent {
            if matches!(bench.outcome(&id).await?, provider::Outcome::Gone) {
                seen.gone.insert(id);
            }
        }
    }
    Ok(seen)
}

pub(super) async fn a_full_listing_has_everything(bench: &mut Bench<'_>) -> Kept {
    let (first, _) = bench.put(LINE).await?;
    let (second, _) = bench.put(LINE).await?;
    let seen = bench.list(None).await?;
    ensure(seen.scope == Scope::Full, "it does not say that it is full")?;
    for uid in [first, second] {
        ensure(seen.find(&uid).is_some(), format!("{uid} is not listed"))?;
    }
    Ok(())
}

pub(super) async fn nothing_changed_is_nothing(bench: &mut Bench<'_>) -> Kept {
    bench.put(LINE).await?;
    let before = bench.list(None).await?;
    let seen = after(bench, &before).await?;
    let changed = seen.present.iter().filter(|(id, held)| {
        before.present.get(*id).is_none_or(|known| known.version != held.version)
    });
    let changed = changed.count();
    // A deletion that was known before may be told again.
    let gone = seen.gone.iter().filter(|id| before.present.contains_key(*id)).count();
    let said = format!("{changed} changes and {gone} deletions are reported");
    ensure(changed == 0 && gone == 0, said)
}

pub(super) async fn a_creation_is_a_change(bench: &mut Bench<'_>) -> Kept {
    let before = bench.list(None).await?;
    let (uid, _) = bench.put(LINE).await?;
    let seen = after(bench, &before).await?;
    let Some(held) = seen.find(&uid) else { return broken("it is not reported") };
    bench.same(&held.series, &crate::series(&format!("{LINE} uid={uid}")))
}

pub(super) async fn an_edit_is_a_change(bench: &mut Bench<'_>) -> Kept {
    let (uid, name) = bench.put(LINE).await?;
    let before = bench.list(None).await?;
    bench.retitle(&name, "Edited").await?;
    let seen = after(bench, &before).await?;
    let title = seen.find(&uid).and_then(|held| held.series.face()?.title.clone());
    ensure(title.is_some_and(|title| title.expose() == "Edited"), "the edit is not reported")
}

pub(super) async fn a_deletion_is_a_change(bench: &mut Bench<'_>) -> Kept {
    let (uid, name) = bench.put(LINE).await?;
    let before = bench.list(None).await?;
    let Some(held) = before.find(&uid) else { return broken("it is not listed at first") };
    bench.subject().delete(&name).await;
    let seen = after(bench, &before).await?;
    ensure(seen.gone.contains(&held.id), "the deletion is not reported")
}

pub(super) async fn our_own_creation_is_harmless(bench: &mut Bench<'_>) -> Kept {
    let before = bench.list(None).await?;
    let wanted = bench.fixture(LINE);
    let made = bench.create(&wanted).await?;
    let seen = after(bench, &before).await?;
    match seen.present.get(&made.id) {
        Some(held) => bench.same(&held.series, &wanted),
        None => ensure(!seen.gone.contains(&made.id), "it is reported as gone"),
    }
}

pub(super) async fn gone_and_there_again(bench: &mut Bench<'_>) -> Kept {
    let (uid, name) = bench.put(LINE).await?;
    let before = bench.list(None).await?;
    let Some(raw) = bench.subject().get(&name).await else { return broken("not stored") };
    bench.subject().delete(&name).await;
    let text = String::from_utf8_lossy(&raw).replace("SUMMARY:Choir", "SUMMARY:Again");
    bench.put_text(&name, &text).await?;
    let seen = after(bench, &before).await?;
    let Some(held) = seen.find(&uid) else { return broken("it is not reported as there") };
    let title = held.series.face().and_then(|face| face.title.clone());
    ensure(title.is_some_and(|title| title.expose() == "Again"), "it is the old one")
}

pub(super) async fn there_and_gone_again(bench: &mut Bench<'_>) -> Kept {
    let before = bench.list(None).await?;
    let (uid, name) = bench.put(LINE).await?;
    bench.subject().delete(&name).await;
    let seen = after(bench, &before).await?;
    ensure(seen.find(&uid).is_none(), "it is reported as there")
}

pub(super) async fn a_cursor_can_be_used_again(bench: &mut Bench<'_>) -> Kept {
    let (_, deleted) = bench.put(LINE).await?;
    let before = bench.list(None).await?;
    bench.put(LINE).await?;
    bench.subject().delete(&deleted).await;
    let first = after(bench, &before).await?;
    let again = after(bench, &before).await?;
    ensure(first.said() == again.said(), "the second answer differs")?;
    // The newer cursor doesn't make the older one worthless either.
    bench.list(Some(&first.cursor)).await?;
    let third = after(bench, &before).await?;
    ensure(first.said() == third.said(), "the third answer differs")
}

/// A listing since a cursor that can't be answered: told, or everything.
async fn told(bench: &Bench<'_>, cursor: &Cursor, uid: &str) -> Kept {
    let calendar = bench.calendar();
    match bench.provider().changes(&calendar, Some(cursor)).await {
        Err(error) if error.kind() == ErrorKind::CursorExpired => Ok(()),
        Err(error) => broken(format!("{:?}: {error}", error.kind())),
        Ok(changes) if changes.scope == Scope::Full => {
            let seen = bench.list(Some(cursor)).await?;
            ensure(seen.find(uid).is_some(), "it says that it is full, and is not")
        }
        Ok(_) => broken("it is answered as if it were known"),
    }
}

pub(super) async fn an_expired_cursor_is_told(bench: &mut Bench<'_>) -> Kept {
    let (uid, _) = bench.put(LINE).await?;
    let cursor = bench.list(None).await?.cursor;
    let Some(expired) = bench.subject().expire(cursor).await else {
        return Err(Miss::CannotApply("cursors can't be made to expire".to_owned()));
    };
    told(bench, &expired, &uid).await
}

pub(super) async fn a_strange_cursor_is_told(bench: &mut Bench<'_>) -> Kept {
    let (uid, _) = bench.put(LINE).await?;
    told(bench, &Cursor::new("no such cursor"), &uid).await
}

pub(super) async fn another_calendar_is_gone(bench: &mut Bench<'_>) -> Kept {
    let here = bench.calendar();
    let text = here.as_str();
    let slash = if text.ends_with('/') { "/" } else { "" };
    let missing = CalendarId::new(format!("{}-missing{slash}", text.trim_end_matches('/')));
    let refused = bench.provider().changes(&missing, None).await;
    bench.refused(refused, ErrorKind::Gone)
}
