//! Value types as text: dates, times, durations, offsets (RFC 5545 section 3.3).
//!
//! Reading takes what is found in the wild (no seconds, dashes and colons, a leap second); writing
//! gives the one form that the RFC has.

use jiff::civil::{Date, DateTime, Time};

/// A DATE or DATE-TIME as it stands there, before anybody has asked for its zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stamp {
    Date(Date),
    Local(DateTime),
    Utc(DateTime),
}

impl Stamp {
    pub(crate) fn wall(self) -> DateTime {
        match self {
            Self::Date(date) => date.to_datetime(Time::midnight()),
            Self::Local(wall) | Self::Utc(wall) => wall,
        }
    }
}

/// Reads a DATE or DATE-TIME.
pub(crate) fn stamp(text: &str) -> Option<Stamp> {
    let text: String = text.trim().chars().filter(|c| !matches!(c, '-' | ':')).collect();
    if !text.is_ascii() {
        return None;
    }
    let (date, time) = match text.split_once(['T', 't']) {
        Some((date, time)) => (date, Some(time)),
        None => (text.as_str(), None),
    };
    // "20210527Z" is a date with a letter that means nothing.
    let date = if time.is_none() { date.trim_end_matches(['Z', 'z']) } else { date };
    if date.len() != 8 {
        return None;
    }
    let date = Date::new(number(&date[..4])?, number(&date[4..6])?, number(&date[6..])?).ok()?;
    let Some(time) = time else { return Some(Stamp::Date(date)) };
    let (time, is_utc) = match time.strip_suffix(['Z', 'z']) {
        Some(time) => (time, true),
        None => (time, false),
    };
    let wall = date.to_datetime(clock(time)?);
    Some(if is_utc { Stamp::Utc(wall) } else { Stamp::Local(wall) })
}

fn clock(text: &str) -> Option<Time> {
    let (hours, minutes, seconds) = match text.len() {
        4 => (&text[..2], &text[2..4], "00"),
        6 => (&text[..2], &text[2..4], &text[4..]),
        _ => return None,
    };
    // A leap second is the second before it; no clock here has a 61st.
    let second: i8 = number(seconds)?;
    let second = if second == 60 { 59 } else { second };
    Time::new(number(hours)?, number(minutes)?, second, 0).ok()
}

fn number<N: std::str::FromStr>(digits: &str) -> Option<N> {
    digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
}

/// A DATE in its written form.
pub(crate) fn date_text(date: Date) -> String {
    format!("{:04}{:02}{:02}", date.year(), date.month(), date.day())
}

/// A local DATE-TIME in its written form; a `Z` is the caller's to add.
pub(crate) fn wall_text(wall: DateTime) -> String {
    let (hour, minute, second) = (wall.hour(), wall.minute(), wall.second());
    format!("{}T{hour:02}{minute:02}{second:02}", date_text(wall.date()))
}

/// A DURATION: days (and weeks) count on the calendar, the rest on the clock
/// (RFC 5545 section 3.3.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Duration {
    pub(crate) days: i64,
    pub(crate) seconds: i64,
}

impl Duration {
    /// Every day as 24 hours.
    pub(crate) fn total_seconds(self) -> Option<i64> {
        self.days.checked_mul(86_400)?.checked_add(self.seconds)
    }
}

/// Reads a DURATION; `None` when it is none or does not fit.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    let text = text.trim().to_ascii_uppercase();
    let (sign, body) = match text.as_bytes().first()? {
        b'-' => (-1, &text[1..]),
        b'+' => (1, &text[1..]),
        _ => (1, text.as_str()),
    };
    let mut body = body.strip_prefix('P')?;
    let (mut days, mut seconds, mut in_time) = (0_i64, 0_i64, false);
    if body.is_empty() {
        return None;
    }
    while !body.is_empty() {
        if let Some(rest) = body.strip_prefix('T') {
            in_time = true;
            body = rest;
            continue;
        }
        let digits = body.bytes().take_while(u8::is_ascii_digit).count();
        let amount: i64 = body[..digits].parse().ok()?;
        let unit = *body.as_bytes().get(digits)?;
        let (total, size) = match (unit, in_time) {
            (b'W', false) => (&mut days, 7),
            (b'D', false) => (&mut days, 1),
            (b'H', true) => (&mut seconds, 3600),
            (b'M', true) => (&mut seconds, 60),
            (b'S', true) => (&mut seconds, 1),
            _ => return None,
        };
        *total = total.checked_add(amount.checked_mul(size)?)?;
        body = &body[digits + 1..];
    }
    Some(Duration { days: sign * days, seconds: sign * seconds })
}

/// Seconds as a DURATION: days, hours, minutes, seconds, as short as it goes.
pub(crate) fn duration_text(total: i64) -> String {
    let mut out = String::from(if total < 0 { "-P" } else { "P" });
    let total = total.unsigned_abs();
    let (days, rest) = (total / 86_400, total % 86_400);
    if days > 0 {
        out.push_str(&format!("{days}D"));
    }
    if rest > 0 || days == 0 {
        out.push('T');
        for (amount, unit) in [(rest / 3600, 'H'), (rest / 60 % 60, 'M'), (rest % 60, 'S')] {
            if amount > 0 {
                out.push_str(&format!("{amount}{unit}"));
            }
        }
        if rest == 0 {
            out.push_str("0S");
        }
    }
    out
}

/// Largest UTC offset taken, in seconds; the wildest real one is below 16 hours, and POSIX and
/// jiff stop at about a day.
pub(crate) const MAX_OFFSET: i32 = 24 * 3600;

/// A UTC-OFFSET in seconds, with seconds where it has them.
pub(crate) fn offset(text: &str) -> Option<i32> {
    let text: String = text.trim().chars().filter(|c| *c != ':').collect();
    let (sign, digits) = match text.as_bytes().first()? {
        b'-' => (-1, &text[1..]),
        b'+' => (1, &text[1..]),
        _ => (1, text.as_str()),
    };
    if !digits.is_ascii() {
        return None;
    }
    let part = |from: usize| digits.get(from..from + 2).map_or(Some(0), number::<i32>);
    if !matches!(digits.len(), 2 | 4 | 6) {
        return None;
    }
    let (hours, minutes, seconds) = (part(0)?, part(2)?, part(4)?);
    let total = hours * 3600 + minutes * 60 + seconds;
    (minutes < 60 && seconds < 60 && total < MAX_OFFSET).then_some(sign * total)
}

/// A UTC-OFFSET in its written form.
pub(crate) fn offset_text(seconds: i32) -> String {
    let sign = if seconds < 0 { '-' } else { '+' };
    let total = seconds.unsigned_abs();
    let mut out = format!("{sign}{:02}{:02}", total / 3600, total / 60 % 60);
    if !total.is_multiple_of(60) {
        out.push_str(&format!("{:02}", total % 60));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::{date, datetime};

    #[test]
    fn dates_and_times_are_read_as_they_come() {
        let noon = datetime(2026, 6, 1, 12, 0, 0, 0);
        for (text, want) in [
            ("20260601", Some(Stamp::Date(date(2026, 6, 1)))),
            ("20260601T120000", Some(Stamp::Local(noon))),
            (" 20260601T120000Z ", Some(Stamp::Utc(noon))),
            ("20260601t1200z", Some(Stamp::Utc(noon))),
            ("2026-06-01T12:00:00", Some(Stamp::Local(noon))),
            ("20261231T235960Z", Some(Stamp::Utc(datetime(2026, 12, 31, 23, 59, 59, 0)))),
            ("20260231T256199Z", None),
            ("20260601Z", Some(Stamp::Date(date(2026, 6, 1)))),
            ("20260601T", None),
            ("2026060", None),
            ("\u{e4}\u{e4}\u{e4}\u{e4}", None),
            ("", None),
        ] {
            assert_eq!(stamp(text), want, "{text}");
        }
        assert_eq!(wall_text(noon), "20260601T120000");
        assert_eq!(date_text(date(1, 2, 3)), "00010203");
    }

    #[test]
    fn durations_are_read_and_written() {
        for (text, days, seconds) in [
            ("PT1H", 0, 3600),
            ("-P1DT2H3M4S", -1, -7384),
            ("+P2W", 14, 0),
            ("p1d", 1, 0),
            ("PT0S", 0, 0),
        ] {
            assert_eq!(duration(text), Some(Duration { days, seconds }), "{text}");
        }
        for text in ["", "P", "PX", "P1H", "PT1", "P9999999999999999999W", "1D", "P\u{e4}"] {
            assert_eq!(duration(text), None, "{text}");
        }
        for seconds in [0, 1, -900, 86_400, -54_000, 90_061, 604_800] {
            let read = duration(&duration_text(seconds)).and_then(Duration::total_seconds);
            assert_eq!(read, Some(seconds));
        }
        assert_eq!(duration_text(-900), "-PT15M");
        assert_eq!(duration_text(0), "PT0S");
    }

    #[test]
    fn offsets_are_read_and_written() {
        for (text, want) in [
            ("+0100", Some(3600)),
            ("-075258", Some(-28_378)),
            ("+05:30", Some(19_800)),
            ("-12", Some(-43_200)),
            ("+2500", None),
            ("+0160", None),
            ("x", None),
            ("+", None),
        ] {
            assert_eq!(offset(text), want, "{text}");
        }
        assert_eq!(offset_text(-28_378), "-075258");
        assert_eq!(offset_text(19_800), "+0530");
    }
}
