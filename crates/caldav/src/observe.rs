//! What changed in a calendar. One request where the server can say; a comparison of its tag, and
//! a listing, where it can't.

use model::{CalendarId, Cursor};
use provider::{Change, Changes, Error, ErrorKind, Next, Result, Scope};

use crate::cursor::{Listing, Mark};
use crate::path::Collection;
use crate::requests::sync_collection::{Listed, Synced};
use crate::requests::{Depth, ctag, list_versions, sync_collection};
use crate::server::Server;

/// One page of changes since `since`.
pub(crate) async fn changes(
    server: &Server,
    calendar: &CalendarId,
    since: Option<&Cursor>,
) -> Result<Changes> {
    let collection = server.collection(calendar)?;
    let changes = match since.map(Mark::read) {
        None => everything(server, &collection).await,
        Some(None) => Err(expired(server)),
        Some(Some(Mark::Sync(token))) => {
            since_token(server, &collection, &token, Listing::Delta).await
        }
        Some(Some(Mark::More(listing, token))) => {
            since_token(server, &collection, &token, listing).await
        }
        Some(Some(Mark::Tag(tag))) => since_tag(server, &collection, tag).await,
        Some(Some(Mark::Nothing)) => all_versions(server, &collection).await,
    }?;
    for item in &changes.items {
        if let Change::Listed { version: Some(version), .. } = item {
            server.saw_version(version.as_str());
        }
    }
    Ok(changes)
}

/// Everything: by sync-collection, so that there is a token to go on with, else by listing.
async fn everything(server: &Server, collection: &Collection) -> Result<Changes> {
    let mut synced = sync(server, collection, "", Depth::Zero).await?;
    if matches!(&synced, Synced::Unclear(error) if error.kind() == ErrorKind::Malformed) {
        synced = sync(server, collection, "", Depth::One).await?;
    }
    match synced {
        // quirk: icloud-32
        Synced::Listed(listed) if listed.token.is_some() => page(listed, "", Listing::Full),
        Synced::Listed(_) | Synced::Refused | Synced::Unclear(_) => {
            all_versions(server, collection).await
        }
    }
}

async fn since_token(
    server: &Server,
    collection: &Collection,
    token: &str,
    listing: Listing,
) -> Result<Changes> {
    let mut synced = sync(server, collection, token, Depth::Zero).await?;
    if let Synced::Unclear(error) = &synced {
        // Some want the depth that the standard forbids; some fail once and not twice.
        let depth = match error.kind() {
            ErrorKind::Malformed => Depth::One,
            _ => Depth::Zero,
        };
        synced = sync(server, collection, token, depth).await?;
    }
    match synced {
        Synced::Listed(listed) => page(listed, token, listing),
        Synced::Refused => Err(expired(server)),
        // quirk: icloud-29, caldav-82
        Synced::Unclear(_) => {
            // The calendar itself answers, so it is the token that it can't bear.
            look(server, collection).await?;
            Err(expired(server))
        }
    }
}

async fn since_tag(server: &Server, collection: &Collection, tag: String) -> Result<Changes> {
    let state = look(server, collection).await?;
    if state.tag.as_ref() == Some(&tag) {
        let next = Next::Complete(Mark::Tag(tag).to_cursor());
        return Ok(Changes { scope: Scope::Delta, items: Vec::new(), next });
    }
    all_versions(server, collection).await
}

async fn all_versions(server: &Server, collection: &Collection) -> Result<Changes> {
    let answer = server.ask(list_versions::prepare(collection)).await?;
    let versions = list_versions::parse(&answer, collection)?;
    let mark = versions.tag.map_or(Mark::Nothing, Mark::Tag);
    let next = Next::Complete(mark.to_cursor());
    Ok(Changes { scope: Scope::Full, items: versions.items, next })
}

fn page(listed: Listed, asked: &str, listing: Listing) -> Result<Changes> {
    let Listed { items, token, truncated } = listed;
    if truncated && items.is_empty() && token.as_deref().is_none_or(|token| token == asked) {
        return Err(Error::new(
            ErrorKind::Unavailable,
            "the server announces more changes and does not send them",
        ));
    }
    // quirk: icloud-32
    let token = token.unwrap_or_else(|| asked.to_owned());
    // quirk: icloud-33
    let next = if truncated {
        Next::More(Mark::More(listing, token).to_cursor())
    } else {
        Next::Complete(Mark::Sync(token).to_cursor())
    };
    let scope = match listing {
        Listing::Full => Scope::Full,
        Listing::Delta => Scope::Delta,
    };
    Ok(Changes { scope, items, next })
}

async fn sync(
    server: &Server,
    collection: &Collection,
    token: &str,
    depth: Depth,
) -> Result<Synced> {
    let answer = server.ask(sync_collection::prepare(collection, token, depth)).await?;
    sync_collection::parse(&answer, collection)
}

/// The calendar as it is now.
pub(crate) async fn look(server: &Server, collection: &Collection) -> Result<ctag::State> {
    let answer = server.ask(ctag::prepare(collection)).await?;
    ctag::parse(&answer, collection)
}

fn expired(server: &Server) -> Error {
    let sentence = format!("{} no longer knows since when to list changes", server.place());
    Error::new(ErrorKind::CursorExpired, sentence)
}
