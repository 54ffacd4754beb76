//! Zones by the names that Graph knows: all of Windows', and some of the tz database.
//!
//! The table is `data/graph-zones.txt`; it says where it is from.

use std::collections::HashMap;
use std::sync::LazyLock;

use jiff::tz::TimeZone;
use model::Zone;

/// A name, and the zone of the tz database that it means.
struct Known {
    name: &'static str,
    zone: &'static str,
    is_windows: bool,
}

static KNOWN: LazyLock<Vec<Known>> = LazyLock::new(|| {
    let lines = include_str!("../../data/graph-zones.txt").lines();
    let lines = lines.filter(|line| !line.starts_with('#') && !line.is_empty());
    let known = lines.map(|line| match line.split_once(" = ") {
        Some((name, zone)) => Known { name, zone, is_windows: true },
        None => Known { name: line, zone: line, is_windows: false },
    });
    known.collect()
});

/// The zones by their names in lower case: looked up for every occurrence that is shown.
static ZONES: LazyLock<HashMap<String, TimeZone>> = LazyLock::new(|| {
    let zones = KNOWN.iter().filter_map(|known| {
        let zone = ical::time_zone(&Zone::Iana(known.zone.to_owned()))?;
        Some((known.name.to_ascii_lowercase(), zone))
    });
    zones.collect()
});

/// Names that stand on events and can't be written (legacy Outlook, imports).
// quirk: microsoft-26
pub(super) const UTC_TZONE: &str = "tzone://Microsoft/Utc";

/// The zone that a client may name.
pub(super) fn find(name: &str) -> Option<TimeZone> {
    ZONES.get(&name.to_ascii_lowercase()).cloned()
}

/// The name of the tz database for a name that a client may write.
pub(super) fn iana(name: &str) -> Option<&'static str> {
    KNOWN.iter().find(|known| known.name.eq_ignore_ascii_case(name)).map(|known| known.zone)
}

/// The name under which Exchange keeps a zone: Windows' own where it has one.
// quirk: microsoft-75
pub(super) fn kept(name: &str) -> String {
    let windows = |zone: &str| {
        KNOWN.iter().find(|known| known.is_windows && known.zone == zone).map(|known| known.name)
    };
    match KNOWN.iter().find(|known| known.name.eq_ignore_ascii_case(name)) {
        Some(known) if !known.is_windows => windows(known.zone).unwrap_or(known.name).to_owned(),
        Some(known) => known.name.to_owned(),
        None => name.to_owned(),
    }
}

/// A name that can be written for a zone of the tz database: the one of a Windows zone that keeps
/// the same time in these years, the best known first.
pub(super) fn windows_like(zone: &str) -> Option<&'static str> {
    if matches!(zone, "UTC" | "Etc/UTC") {
        return Some("UTC");
    }
    let exact = KNOWN.iter().find(|known| known.is_windows && known.zone == zone);
    if let Some(known) = exact {
        return Some(known.name);
    }
    let wanted = clock(zone)?;
    let alike = KNOWN.iter().filter(|known| known.is_windows);
    alike.into_iter().find(|known| clock(known.zone).as_ref() == Some(&wanted)).map(|k| k.name)
}

/// What a zone's clock shows in each month of some years.
fn clock(zone: &str) -> Option<Vec<i32>> {
    let zone = ical::time_zone(&Zone::Iana(zone.to_owned()))?;
    let first: jiff::Timestamp = "2024-01-01T00:00:00Z".parse().ok()?;
    let weeks = (0..200).filter_map(|week| {
        let at = first.checked_add(jiff::SignedDuration::from_hours(7 * 24 * week)).ok()?;
        Some(zone.to_offset(at).seconds())
    });
    Some(weeks.collect())
}

/// The names that a client may write; Windows' alone, or those of the tz database.
pub(super) fn names(windows: bool) -> impl Iterator<Item = &'static str> {
    KNOWN.iter().filter(move |known| known.is_windows == windows).map(|known| known.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    // quirk: microsoft-25, microsoft-26, microsoft-75
    #[test]
    fn windows_names_are_known_and_some_of_the_tz_database() {
        for known in KNOWN.iter() {
            assert!(find(known.name).is_some(), "{}", known.name);
        }
        for name in ["Europe/Oslo", "tzone://Microsoft/Custom", "Customized Time Zone", ""] {
            assert!(find(name).is_none(), "{name}");
        }
        assert_eq!(kept("Europe/Berlin"), "W. Europe Standard Time");
        assert_eq!(windows_like("Europe/Vienna"), Some("W. Europe Standard Time"));
        assert_eq!(windows_like("America/New_York"), Some("Eastern Standard Time"));
    }
}
