//! Zones by Windows' names, which Graph keeps, and by those of the tz database, which calendars
//! elsewhere have.
//!
//! Windows' names are fewer: Vienna and Berlin are one. So a zone is written under the Windows name
//! that keeps the same time, and what is read is compared by that name: another name for the same
//! time is no change. What has no such name can't be written as a zone.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use model::{When, Zone};
use windows_timezones::WindowsTimezone;

/// Windows' names. Of several that keep the same time the first one is taken, so those that are
/// best known stand first.
const NAMES: &[&str] = &[
    "UTC",
    "W. Europe Standard Time",
    "GMT Standard Time",
    "Eastern Standard Time",
    "Central Standard Time",
    "Mountain Standard Time",
    "Pacific Standard Time",
    "Tokyo Standard Time",
    "China Standard Time",
    "India Standard Time",
    "AUS Eastern Standard Time",
    "FLE Standard Time",
    "GTB Standard Time",
    "E. South America Standard Time",
    "SE Asia Standard Time",
    "Singapore Standard Time",
    "Arabian Standard Time",
    "South Africa Standard Time",
    "Russian Standard Time",
    "US Mountain Standard Time",
    "Dateline Standard Time",
    "UTC-11",
    "Aleutian Standard Time",
    "Hawaiian Standard Time",
    "Marquesas Standard Time",
    "Alaskan Standard Time",
    "UTC-09",
    "Pacific Standard Time (Mexico)",
    "UTC-08",
    "Mountain Standard Time (Mexico)",
    "Yukon Standard Time",
    "Central America Standard Time",
    "Easter Island Standard Time",
    "Central Standard Time (Mexico)",
    "Canada Central Standard Time",
    "SA Pacific Standard Time",
    "Eastern Standard Time (Mexico)",
    "Haiti Standard Time",
    "Cuba Standard Time",
    "US Eastern Standard Time",
    "Turks And Caicos Standard Time",
    "Paraguay Standard Time",
    "Atlantic Standard Time",
    "Venezuela Standard Time",
    "Central Brazilian Standard Time",
    "SA Western Standard Time",
    "Pacific SA Standard Time",
    "Newfoundland Standard Time",
    "Tocantins Standard Time",
    "SA Eastern Standard Time",
    "Argentina Standard Time",
    "Greenland Standard Time",
    "Montevideo Standard Time",
    "Magallanes Standard Time",
    "Saint Pierre Standard Time",
    "Bahia Standard Time",
    "UTC-02",
    "Azores Standard Time",
    "Cape Verde Standard Time",
    "Greenwich Standard Time",
    "Sao Tome Standard Time",
    "Morocco Standard Time",
    "Central Europe Standard Time",
    "Romance Standard Time",
    "Central European Standard Time",
    "W. Central Africa Standard Time",
    "Jordan Standard Time",
    "Middle East Standard Time",
    "Egypt Standard Time",
    "E. Europe Standard Time",
    "Syria Standard Time",
    "West Bank Standard Time",
    "Israel Standard Time",
    "South Sudan Standard Time",
    "Kaliningrad Standard Time",
    "Sudan Standard Time",
    "Libya Standard Time",
    "Namibia Standard Time",
    "Arabic Standard Time",
    "Turkey Standard Time",
    "Arab Standard Time",
    "Belarus Standard Time",
    "E. Africa Standard Time",
    "Iran Standard Time",
    "Astrakhan Standard Time",
    "Azerbaijan Standard Time",
    "Russia Time Zone 3",
    "Mauritius Standard Time",
    "Saratov Standard Time",
    "Georgian Standard Time",
    "Volgograd Standard Time",
    "Caucasus Standard Time",
    "Afghanistan Standard Time",
    "West Asia Standard Time",
    "Ekaterinburg Standard Time",
    "Pakistan Standard Time",
    "Qyzylorda Standard Time",
    "Sri Lanka Standard Time",
    "Nepal Standard Time",
    "Central Asia Standard Time",
    "Bangladesh Standard Time",
    "Omsk Standard Time",
    "Myanmar Standard Time",
    "Altai Standard Time",
    "W. Mongolia Standard Time",
    "North Asia Standard Time",
    "N. Central Asia Standard Time",
    "Tomsk Standard Time",
    "North Asia East Standard Time",
    "W. Australia Standard Time",
    "Taipei Standard Time",
    "Ulaanbaatar Standard Time",
    "Aus Central W. Standard Time",
    "Transbaikal Standard Time",
    "North Korea Standard Time",
    "Korea Standard Time",
    "Yakutsk Standard Time",
    "Cen. Australia Standard Time",
    "AUS Central Standard Time",
    "E. Australia Standard Time",
    "West Pacific Standard Time",
    "Tasmania Standard Time",
    "Vladivostok Standard Time",
    "Lord Howe Standard Time",
    "Bougainville Standard Time",
    "Russia Time Zone 10",
    "Magadan Standard Time",
    "Norfolk Standard Time",
    "Sakhalin Standard Time",
    "Central Pacific Standard Time",
    "Russia Time Zone 11",
    "New Zealand Standard Time",
    "UTC+12",
    "Fiji Standard Time",
    "Chatham Islands Standard Time",
    "UTC+13",
    "Tonga Standard Time",
    "Samoa Standard Time",
    "Line Islands Standard Time",
];

/// From when on two zones have to agree to be one, the strictest first: the rules of some zones
/// changed lately, and events of the past keep their readings anyhow.
const AGREE_FROM: [i64; 3] = [946_684_800, 1_420_070_400, 1_735_689_600];

/// Until when they have to: rules without an end repeat after that.
const AGREE_UNTIL: i64 = 2_145_916_800;

/// What names mean, asked for once each.
static KNOWN: LazyLock<Mutex<HashMap<String, Option<&'static str>>>> =
    LazyLock::new(Mutex::default);

/// The zones behind [`NAMES`].
static WINDOWS: LazyLock<Vec<(&'static str, &'static str, TimeZone)>> = LazyLock::new(|| {
    let zone = |name: &&'static str| {
        let windows: WindowsTimezone = name.parse().ok()?;
        let zone = ical::time_zone(&Zone::Iana(windows.tzdb_id().to_owned()))?;
        Some((*name, windows.tzdb_id(), zone))
    };
    NAMES.iter().filter_map(zone).collect()
});

/// The name under which a point in time is written; `None` where Graph has none, or where the time
/// has no zone.
// quirk: microsoft-25, microsoft-75
pub(crate) fn name(when: &When) -> Option<&'static str> {
    match when {
        When::Utc(_) => Some("UTC"),
        When::Zoned { zone: Zone::Iana(iana), .. } => windows(iana),
        When::Zoned { zone: Zone::Posix { .. }, .. } | When::Date(_) | When::Floating(_) => None,
    }
}

/// Windows' name for a zone of the tz database.
pub(crate) fn windows(iana: &str) -> Option<&'static str> {
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(name) = known.get(iana) {
        return *name;
    }
    let name = look_up(iana);
    known.insert(iana.to_owned(), name);
    name
}

fn look_up(iana: &str) -> Option<&'static str> {
    let own = WINDOWS.iter().find(|(_, id, _)| id.eq_ignore_ascii_case(iana));
    if let Some((name, _, _)) = own {
        return Some(name);
    }
    let zone = ical::time_zone(&Zone::Iana(iana.to_owned()))?;
    AGREE_FROM.into_iter().find_map(|from| {
        WINDOWS.iter().find(|(_, _, other)| agree(&zone, other, from)).map(|(name, _, _)| *name)
    })
}

/// Whether two zones keep the same time from then on.
fn agree(one: &TimeZone, other: &TimeZone, from: i64) -> bool {
    let (Ok(from), Ok(until)) = (Timestamp::from_second(from), Timestamp::from_second(AGREE_UNTIL))
    else {
        return false;
    };
    if one.to_offset(from) != other.to_offset(from) {
        return false;
    }
    let changes = |zone: &TimeZone| -> Vec<_> {
        let changes = zone.following(from).take_while(|change| change.timestamp() < until);
        let changes = changes.map(|change| (change.timestamp(), change.offset()));
        let mut last = Some(zone.to_offset(from));
        // A change of the name alone is none.
        changes.filter(|(_, offset)| last.replace(*offset) != Some(*offset)).collect()
    };
    changes(one) == changes(other)
}

/// An instant in the zone of that name, as calendars elsewhere have it.
///
/// `None` for a name that nobody knows: `Customized Time Zone`, `tzone://Microsoft/Custom`, none.
// quirk: microsoft-26
pub(crate) fn placed(at: Timestamp, name: &str) -> Option<When> {
    match place(name)? {
        ical::Place::Utc => Some(When::Utc(TimeZone::UTC.to_datetime(at))),
        ical::Place::Zone(zone) => {
            let local = ical::time_zone(&zone)?.to_datetime(at);
            Some(When::Zoned { local, zone })
        }
    }
}

/// What a name of Graph's means.
pub(crate) fn place(name: &str) -> Option<ical::Place> {
    let name = name.trim();
    if name.is_empty() || name.eq_ignore_ascii_case("tzone://Microsoft/Custom") {
        return None;
    }
    ical::place(name)
}

/// The zone to compute with that a name of Graph's means.
pub(crate) fn time_zone(name: &str) -> Option<TimeZone> {
    match place(name)? {
        ical::Place::Utc => Some(TimeZone::UTC),
        ical::Place::Zone(zone) => ical::time_zone(&zone),
    }
}

/// Whether two points in time are the same for Graph: the same instant, under one name.
// quirk: microsoft-75
pub(crate) fn is_same_zone(one: &When, other: &When) -> bool {
    let name_of = |when: &When| name(when).filter(|_| !matches!(when, When::Date(_)));
    match (name_of(one), name_of(other)) {
        (Some(one), Some(other)) => one == other,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::datetime;

    #[test]
    fn every_name_is_one_of_windows() {
        for name in NAMES {
            assert!(name.parse::<WindowsTimezone>().is_ok(), "{name}");
        }
        assert!(WINDOWS.len() > 130, "{}", WINDOWS.len());
    }

    // quirk: microsoft-25, microsoft-75
    #[test]
    fn zones_have_the_windows_name_that_keeps_their_time() {
        for (iana, want) in [
            ("Europe/Berlin", Some("W. Europe Standard Time")),
            ("Europe/Vienna", Some("W. Europe Standard Time")),
            ("America/New_York", Some("Eastern Standard Time")),
            ("Australia/Lord_Howe", Some("Lord Howe Standard Time")),
            ("Asia/Kathmandu", Some("Nepal Standard Time")),
            ("Asia/Kolkata", Some("India Standard Time")),
            ("Europe/Kyiv", Some("FLE Standard Time")),
            ("America/Nuuk", Some("Greenland Standard Time")),
            ("Antarctica/Troll", None),
            ("Mars/Olympus", None),
        ] {
            assert_eq!(windows(iana), want, "{iana}");
        }
    }

    // quirk: microsoft-75
    #[test]
    fn every_windows_zone_comes_back_under_its_name() {
        for (name, _, _) in WINDOWS.iter() {
            let at = Timestamp::from_second(1_790_000_000).unwrap();
            let read = placed(at, name).unwrap();
            let written = super::name(&read).unwrap();
            let again = placed(at, written).unwrap();
            assert_eq!(read.wall(), again.wall(), "{name}");
            assert!(is_same_zone(&read, &again), "{name} came back as {written}");
        }
    }

    // quirk: microsoft-26
    #[test]
    fn names_that_nobody_knows_are_none() {
        for name in ["", "tzone://Microsoft/Custom", "Customized Time Zone", "Nowhere"] {
            assert_eq!(place(name), None, "{name}");
        }
        assert_eq!(place("tzone://Microsoft/Utc"), Some(ical::Place::Utc));
        let wall = datetime(2026, 1, 1, 0, 0, 0, 0);
        assert_eq!(super::name(&When::Floating(wall)), None);
    }
}
