//! Where an account's calendars are: address, principal, home, list (RFC 6764 section 6). What is
//! configured may be any of these, or a calendar itself.

use std::sync::PoisonError;

use model::Calendar;
use provider::{Error, ErrorKind, Result};
use transport::{Reached, RedirectRefused, Url};

use crate::Flavour;
use crate::path::calendar_id;
use crate::requests::propfind_principal::Found;
use crate::requests::{Depth, list_calendars, propfind_home, propfind_principal};
use crate::server::Server;

/// Homes that one principal may have: more would be a server gone wrong.
const MOST_HOMES: usize = 16;

/// What was found out about the account; stays true for as long as the process runs, or until a
/// home turns out to be gone.
#[derive(Clone, Debug)]
pub(crate) struct Discovered {
    /// The principal's path.
    pub(crate) identity: String,
    /// The principal, where the server names one.
    pub(crate) principal: Option<Url>,
    homes: Vec<Url>,
    /// The configured address, where it is itself a calendar.
    calendar: Option<Url>,
}

/// The account's calendars.
pub(crate) async fn calendars(server: &Server) -> Result<Vec<Calendar>> {
    let discovered = discovered(server).await?;
    match list(server, &discovered).await {
        // The home may be on another partition by now.
        // quirk: icloud-10
        Err(error) if matches!(error.kind(), ErrorKind::Gone | ErrorKind::Unavailable) => {
            forget(server);
            list(server, &self::discovered(server).await?).await
        }
        listed => listed,
    }
}

/// Whose account it is. Always asks: the answer also tells whether the credential is still good.
pub(crate) async fn identity(server: &Server) -> Result<String> {
    let found = discover(server).await?;
    let identity = found.identity.clone();
    *server.discovered.lock().unwrap_or_else(PoisonError::into_inner) = Some(found);
    Ok(identity)
}

/// What is known about the account; found out where nothing is known yet.
pub(crate) async fn discovered(server: &Server) -> Result<Discovered> {
    let known = server.discovered.lock().unwrap_or_else(PoisonError::into_inner).clone();
    if let Some(known) = known {
        return Ok(known);
    }
    let found = discover(server).await?;
    *server.discovered.lock().unwrap_or_else(PoisonError::into_inner) = Some(found.clone());
    Ok(found)
}

fn forget(server: &Server) {
    *server.discovered.lock().unwrap_or_else(PoisonError::into_inner) = None;
}

async fn discover(server: &Server) -> Result<Discovered> {
    let start = server.account().origin().clone();
    let found = account(server, &start).await?;
    let mut homes = found.homes;
    if let Some(principal) = found.principal.as_ref().filter(|_| homes.is_empty()) {
        check_reach(server, principal)?;
        let answer = server.ask(propfind_home::prepare(principal)).await?;
        homes = match propfind_home::parse(&answer) {
            Err(error) if error.kind() == ErrorKind::Gone => Vec::new(),
            homes => homes?,
        };
    }
    homes.truncate(MOST_HOMES);
    for home in &homes {
        check_reach(server, home)?;
    }
    let calendar = found.is_calendar.then(|| start.clone());
    // iCloud names a home or has none; elsewhere the configured address may be one.
    if homes.is_empty() && calendar.is_none() && server.flavour() == Flavour::Generic {
        homes.push(start.clone());
    }
    let named = found.principal.as_ref().or(homes.first()).unwrap_or(&start);
    let identity = calendar_id(named).map_or_else(|| "/".to_owned(), |id| id.as_str().to_owned());
    Ok(Discovered { identity, principal: found.principal, homes, calendar })
}

/// The configured address, else the well-known one (RFC 6764 section 5).
// quirk: icloud-44
async fn account(server: &Server, start: &Url) -> Result<Found> {
    let first = principal(server, start).await;
    match &first {
        Ok(found) if found.is_useful() => return first,
        Err(error)
            if !matches!(
                error.kind(),
                ErrorKind::Gone | ErrorKind::Malformed | ErrorKind::Forbidden
            ) =>
        {
            return first;
        }
        Ok(_) | Err(_) => {}
    }
    let mut known = start.clone();
    known.set_path("/.well-known/caldav");
    known.set_query(None);
    match principal(server, &known).await {
        Ok(found) if found.is_useful() => Ok(found),
        // What the configured address said is what the person can do something about.
        Ok(_) | Err(_) => first,
    }
}

impl Found {
    fn is_useful(&self) -> bool {
        self.principal.is_some() || !self.homes.is_empty() || self.is_calendar
    }
}

async fn principal(server: &Server, url: &Url) -> Result<Found> {
    let answer = server.ask(propfind_principal::prepare(url)).await?;
    propfind_principal::parse(&answer)
}

async fn list(server: &Server, discovered: &Discovered) -> Result<Vec<Calendar>> {
    let mut calendars: Vec<Calendar> = Vec::new();
    let homes = discovered.homes.iter().map(|home| (home, Depth::One));
    for (url, depth) in homes.chain(discovered.calendar.iter().map(|url| (url, Depth::Zero))) {
        let known = calendar_id(url);
        if depth == Depth::Zero && calendars.iter().any(|c| Some(&c.id) == known.as_ref()) {
            continue;
        }
        let answer = server.ask(list_calendars::prepare(url, depth)).await?;
        if depth == Depth::One {
            server.serve_from(url);
        }
        for calendar in list_calendars::parse(&answer)? {
            if calendars.iter().all(|known| known.id != calendar.id) {
                calendars.push(calendar);
            }
        }
    }
    if let [only] = calendars.as_mut_slice() {
        only.primary = true;
    }
    Ok(calendars)
}

/// The credential goes nowhere that the configuration does not name.
// quirk: icloud-7
fn check_reach(server: &Server, url: &Url) -> Result<()> {
    if server.account().permits(url) {
        return Ok(());
    }
    let (here, there) = (server.place(), Reached(url.clone()).place());
    let scheme = url.scheme();
    let sentence = format!(
        "{here} says that the calendars are at {there}; nothing was sent there. If that is right, \
         set the account's url to {scheme}://{there}/"
    );
    let to = Some(format!("{scheme}://{there}{}", url.path()));
    Err(Error::new(ErrorKind::Forbidden, sentence).because(RedirectRefused { to }))
}
