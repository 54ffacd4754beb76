//! Zone names: the tz database's own, Windows', and what vendors make of them.

use jiff::tz::TimeZone;
use model::Zone;
use windows_timezones::WindowsTimezone;

use super::definition::matching;
use super::{DATABASE, Place};
use crate::value;

/// Names of UTC; written as `Z`, never as a TZID, because servers refuse `TZID=UTC`
/// (reference: iCloud, section 4.4 of the notes in docs/providers).
const UTC_NAMES: [&str; 14] = [
    "UTC",
    "Etc/UTC",
    "Etc/UCT",
    "UCT",
    "Etc/Universal",
    "Universal",
    "Etc/Zulu",
    "Zulu",
    "Z",
    "GMT",
    "Etc/GMT",
    "Etc/Greenwich",
    "Greenwich",
    "tzone://Microsoft/Utc",
];

/// The zone of that name in the database, without case.
pub(super) fn database_zone(name: &str) -> Option<TimeZone> {
    let zone = DATABASE.get(name).ok()?;
    // `Etc/Unknown` is jiff's word for "could not find out"; it must not stand for UTC.
    (!zone.is_unknown()).then_some(zone)
}

/// A name of the tz database (or of UTC), in any case.
pub(super) fn iana(name: &str) -> Option<Place> {
    let name = name.trim();
    if UTC_NAMES.iter().any(|utc| utc.eq_ignore_ascii_case(name)) {
        return Some(Place::Utc);
    }
    let zone = database_zone(name)?;
    let canonical = zone.iana_name()?;
    Some(Place::Zone(Zone::Iana(canonical.to_owned())))
}

/// What a name means without its definition.
pub(super) fn place(name: &str) -> Option<Place> {
    let name = name.trim().trim_matches('"');
    iana(name)
        .or_else(|| windows(name))
        .or_else(|| behind_prefix(name))
        .or_else(|| respelled(name))
        .or_else(|| offset(name))
        .or_else(|| outlook_cities(name))
}

fn windows(name: &str) -> Option<Place> {
    let windows: WindowsTimezone = name.parse().ok()?;
    iana(windows.tzdb_id())
}

/// `/freeassociation.sourceforge.net/Tzfile/Europe/Berlin`, `/mozilla.org/20070129_1/Asia/Tokyo`,
/// `/Europe/Stockholm`: the longest end that is a zone. One segment alone (`Japan`) counts only
/// behind a vendor's leading slash.
fn behind_prefix(name: &str) -> Option<Place> {
    let mut rest = name;
    while let Some((_, tail)) = rest.split_once('/') {
        let is_enough = tail.contains('/') || name.starts_with('/');
        if let Some(place) = is_enough.then(|| iana(tail)).flatten() {
            return Some(place);
        }
        rest = tail;
    }
    None
}

/// `Europe_Berlin`, `America-Chicago`, `US-Eastern`: the slash was not allowed somewhere.
fn respelled(name: &str) -> Option<Place> {
    let at = name.find(['_', '-'])?;
    let (area, rest) = (&name[..at], &name[at + 1..]);
    let is_area = area.len() > 1 && area.bytes().all(|b| b.is_ascii_alphabetic());
    is_area.then(|| iana(&format!("{area}/{rest}"))).flatten()
}

/// `GMT+0200`, `UTC-05:30`, `+02`: a fixed offset. (Names like `Etc/GMT-2`, whose sign means the
/// opposite, are in the database and were found there.)
fn offset(name: &str) -> Option<Place> {
    let upper = name.to_ascii_uppercase();
    let rest = upper.strip_prefix("GMT").or_else(|| upper.strip_prefix("UTC")).unwrap_or(&upper);
    let rest = rest.trim();
    let sign = rest.chars().next().filter(|c| matches!(c, '+' | '-'))?;
    let digits = &rest[1..];
    let padded = match digits.len() {
        1 => format!("{sign}0{digits}"),
        4 if digits.contains(':') => format!("{sign}0{digits}"),
        _ => rest.to_owned(),
    };
    let seconds = value::offset(&padded)?;
    matching(&[(i64::MIN, seconds)], name)
}

/// `(UTC+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna`: Outlook's display name without
/// a definition; the first of its cities that the database has at that standard offset.
fn outlook_cities(name: &str) -> Option<Place> {
    let (offset, cities) = name.strip_prefix('(')?.split_once(')')?;
    let digits = offset.strip_prefix("UTC").or_else(|| offset.strip_prefix("GMT"))?;
    let seconds = if digits.is_empty() { 0 } else { value::offset(digits)? };
    let winter: jiff::Timestamp = "2026-01-15T00:00:00Z".parse().expect("a constant instant");
    let summer: jiff::Timestamp = "2026-07-15T00:00:00Z".parse().expect("a constant instant");
    cities.split(',').map(|city| city.trim().replace(' ', "_")).find_map(|city| {
        DATABASE.available().find_map(|name| {
            let name = name.as_str();
            if !name.rsplit('/').next()?.eq_ignore_ascii_case(&city) {
                return None;
            }
            let zone = database_zone(name)?;
            let standard = zone.to_offset(winter).min(zone.to_offset(summer));
            (standard.seconds() == seconds).then(|| iana(name)).flatten()
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_understood_or_refused_never_guessed() {
        for (name, want) in [
            ("Europe/Berlin", Some("Europe/Berlin")),
            ("europe/BERLIN", Some("Europe/Berlin")),
            ("Japan", Some("Japan")),
            ("W. Europe Standard Time", Some("Europe/Berlin")),
            ("\"Pacific Standard Time\"", Some("America/Los_Angeles")),
            ("/freeassociation.sourceforge.net/Europe/Berlin", Some("Europe/Berlin")),
            ("/mozilla.org/20070129_1/America/Argentina/Salta", Some("America/Argentina/Salta")),
            ("/softwarestudio.org/Olson_20011030_5/Pacific/Auckland", Some("Pacific/Auckland")),
            ("/citadel.org/20190914_1/America/New_York", Some("America/New_York")),
            ("/Europe/Stockholm", Some("Europe/Stockholm")),
            ("Europe_Berlin", Some("Europe/Berlin")),
            ("America_New_York", Some("America/New_York")),
            ("US-Eastern", Some("US/Eastern")),
            ("GMT+0200", Some("Etc/GMT-2")),
            ("UTC+11", Some("Etc/GMT-11")),
            ("UTC-5:00", Some("Etc/GMT+5")),
            ("GMT+0530", Some("Asia/Kolkata")),
            ("(UTC+01:00) Amsterdam, Berlin, Bern", Some("Europe/Amsterdam")),
            ("tzone://Microsoft/Utc", Some("UTC")),
            ("Etc/UTC", Some("UTC")),
            ("GMT", Some("UTC")),
            ("(UTC) Coordinated Universal Time", None),
            ("Etc/Unknown", None),
            ("tzone://Microsoft/Custom", None),
            ("Customized Time Zone", None),
            ("America/New_Yrok", None),
            ("America/Chica/Chicago", None),
            ("Eastern", None),
            ("", None),
            ("-", None),
            ("\u{e4}-\u{f6}", None),
        ] {
            let found = place(name).map(|place| match place {
                Place::Utc => "UTC".to_owned(),
                Place::Zone(Zone::Iana(name)) => name,
                Place::Zone(Zone::Posix { rules, .. }) => rules,
            });
            assert_eq!(found.as_deref(), want, "{name}");
        }
    }
}
