//! Tokens: where a client stands in a calendar's changes, and on which page of a listing it is.
//!
//! A sync token is opaque to clients: calendar, revision and the parameters that it was given for.
//! A page token names the snapshot of a listing and the place in it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;

use super::failure::Failure;
use super::state::{Calendar, Service};

/// A listing that is being paged through.
#[derive(Clone, Debug)]
pub(super) struct Snapshot {
    /// Calendar and event, and whose.
    pub(super) of: String,
    /// The parameters, less the page token.
    pub(super) parameters: String,
    /// What is listed, in order: ids of rows, or whole items.
    pub(super) ids: Vec<String>,
    /// The revision at its beginning.
    pub(super) revision: u64,
}

/// The parameters that may be on the first request of a sync only, or on none of them.
const APART: &[&str] = &[
    "syncToken",
    "pageToken",
    "timeMin",
    "timeMax",
    "iCalUID",
    "orderBy",
    "privateExtendedProperty",
    "sharedExtendedProperty",
    "q",
    "updatedMin",
    "showDeleted",
];

/// The parameters that a sync token belongs to, as a number.
// quirk: google-14
pub(super) fn frozen(parameters: &super::discovery::Parameters) -> u64 {
    let text = parameters.without(APART);
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |sum: u64, byte| {
        (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// What a sync token says.
pub(super) struct Place {
    pub(super) revision: u64,
    pub(super) frozen: u64,
}

pub(super) fn sync_token(held: &Calendar, account: &str, revision: u64, frozen: u64) -> String {
    let epoch = held.epoch;
    URL_SAFE.encode(format!("s|{}|{account}|{epoch}|{revision}|{frozen}", held.id))
}

/// Reads a sync token for a calendar.
pub(super) fn read_sync_token(
    token: &str,
    held: &Calendar,
    account: &str,
) -> Result<Place, Failure> {
    // quirk: google-10
    let text = open(token).ok_or_else(Failure::sync_token)?;
    let parts: Vec<&str> = text.split('|').collect();
    let ["s", calendar, whose, epoch, revision, frozen] = parts[..] else {
        return Err(Failure::sync_token());
    };
    let number = |text: &str| text.parse::<u64>().map_err(|_| Failure::sync_token());
    let (epoch, revision, frozen) = (number(epoch)?, number(revision)?, number(frozen)?);
    if calendar != held.id || whose != account {
        return Err(Failure::sync_token());
    }
    // quirk: google-9
    if epoch != held.epoch || revision < held.floor || revision > held.revision {
        return Err(Failure::full_sync());
    }
    Ok(Place { revision, frozen })
}

impl Service {
    /// Keeps a snapshot; its number.
    pub(super) fn keep(&mut self, snapshot: Snapshot) -> usize {
        self.snapshots.push(snapshot);
        self.snapshots.len() - 1
    }

    /// The snapshot and the place in it that a page token means.
    pub(super) fn page(
        &self,
        token: &str,
        of: &str,
        parameters: &str,
    ) -> Result<(usize, usize), Failure> {
        let wrong = || Failure::invalid("Invalid page token value.");
        let text = open(token).ok_or_else(wrong)?;
        let mut parts = text.split('|');
        let mut number = || parts.next()?.parse::<usize>().ok();
        let (number, offset) = number().zip(number()).ok_or_else(wrong)?;
        let snapshot = self.snapshots.get(number).ok_or_else(wrong)?;
        let is_its = snapshot.of == of && snapshot.parameters == parameters;
        if is_its { Ok((number, offset)) } else { Err(wrong()) }
    }
}

pub(super) fn page_token(snapshot: usize, offset: usize) -> String {
    URL_SAFE.encode(format!("{snapshot}|{offset}"))
}

fn open(token: &str) -> Option<String> {
    String::from_utf8(URL_SAFE.decode(token).ok()?).ok()
}
