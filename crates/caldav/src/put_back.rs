//! Putting back what stood here before a write of calpair, with all that its text says.
//!
//! The text is stored again as it was, but for its times and, where the server would write to them,
//! its people. Over an event that is there it is only stored if nothing is said beside that event
//! which the text does not say; else the event gets what the series says, as with any change.

use ical::Guests;
use model::{CalendarId, CreateKey, Resource};
use provider::{ErrorKind, Former, Result};

use crate::scheduling::tells_nobody;
use crate::server::Server;
use crate::write;

/// Puts back `former`, in the place of `current` if there is something.
pub(crate) async fn put_back(
    server: &Server,
    calendar: &CalendarId,
    former: Former<'_>,
    current: Option<&Resource>,
    key: &CreateKey,
) -> Result<Resource> {
    let series = former.series;
    let text = match whole(server, calendar, former, current).await? {
        None => return plain(server, calendar, former, current, key).await,
        Some(text) => text,
    };
    let stored = match current {
        Some(current) => write::replace(server, calendar, current, text, series).await,
        None => write::create_as(server, calendar, text, series, key).await,
    };
    match stored {
        // It came from another server, perhaps, which takes more.
        Err(error) if error.kind() == ErrorKind::Rejected => {
            plain(server, calendar, former, current, key).await
        }
        stored => stored,
    }
}

/// What the series says, and no more. Without a seal: somebody wants it so, and it crosses.
async fn plain(
    server: &Server,
    calendar: &CalendarId,
    former: Former<'_>,
    current: Option<&Resource>,
    key: &CreateKey,
) -> Result<Resource> {
    match current {
        Some(current) => write::update(server, calendar, current, former.series, None).await,
        None => write::create(server, calendar, former.series, key, None).await,
    }
}

/// The text to store, if that of then is one, and may stand in the place of `current`.
async fn whole(
    server: &Server,
    calendar: &CalendarId,
    former: Former<'_>,
    current: Option<&Resource>,
) -> Result<Option<Vec<u8>>> {
    let Some(raw) = former.raw else { return Ok(None) };
    let says_it = |series: &model::Series| {
        series.uid == former.series.uid && series.same_content(former.series)
    };
    let over = current.map(|current| current.raw.as_slice());
    let says_all = over.is_none_or(|over| ical::says_all_beside(raw, over));
    if !says_all || !ical::read(raw).is_ok_and(|series| says_it(&series)) {
        return Ok(None);
    }
    let in_the_way = over.is_some_and(ical::names_people);
    let mut guests = Guests::Kept;
    if (in_the_way || ical::names_people(raw)) && !tells_nobody(server, calendar).await? {
        if in_the_way {
            return Ok(None);
        }
        guests = Guests::LeftOut;
    }
    Ok(ical::again(raw, over, guests, server.now()))
}
