//! The yearly pattern of a zone's transitions: "the last Sunday of March", as an RRULE or as POSIX.

use jiff::civil::{Date, Weekday};

use crate::fields::recurrence::weekday_text;

/// What a run of dates, one a year, may have in common: a month and a weekday, and then any of
/// several readings, which every further date narrows down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern {
    month: i8,
    weekday: Weekday,
    /// The ordinal within the month that fits every date so far.
    nth: Option<i8>,
    /// Whether every date was the last such weekday of its month.
    is_last: bool,
    /// The earliest and the latest day of the month so far.
    days: (i8, i8),
}

impl Pattern {
    pub(super) fn of(date: Date) -> Self {
        Self {
            month: date.month(),
            weekday: date.weekday(),
            nth: Some((date.day() - 1) / 7 + 1),
            is_last: is_last(date),
            days: (date.day(), date.day()),
        }
    }

    /// The pattern with one more date in it, if one pattern can have them all.
    pub(super) fn with(&self, date: Date) -> Option<Self> {
        let other = Self::of(date);
        if (self.month, self.weekday) != (other.month, other.weekday) {
            return None;
        }
        let joined = Self {
            nth: self.nth.filter(|nth| Some(*nth) == other.nth),
            is_last: self.is_last && other.is_last,
            days: (self.days.0.min(other.days.0), self.days.1.max(other.days.1)),
            ..other
        };
        let fits_seven_days = joined.days.1 - joined.days.0 < 7;
        (joined.nth.is_some() || joined.is_last || fits_seven_days).then_some(joined)
    }

    /// As the parts of a yearly RRULE.
    pub(super) fn rule(&self) -> String {
        let (month, day) = (self.month, weekday_text(self.weekday));
        match (self.is_last, self.nth) {
            (true, _) => format!("FREQ=YEARLY;BYMONTH={month};BYDAY=-1{day}"),
            (false, Some(nth)) => format!("FREQ=YEARLY;BYMONTH={month};BYDAY={nth}{day}"),
            (false, None) => {
                let days: Vec<_> = (self.days.0..self.days.0 + 7).map(|d| d.to_string()).collect();
                let days = days.join(",");
                format!("FREQ=YEARLY;BYMONTH={month};BYMONTHDAY={days};BYDAY={day}")
            }
        }
    }

    /// As a POSIX date, where POSIX has one.
    pub(super) fn posix(&self) -> Option<String> {
        let week = if self.is_last { 5 } else { self.nth? };
        Some(format!("M{}.{week}.{}", self.month, self.weekday.to_sunday_zero_offset()))
    }
}

fn is_last(date: Date) -> bool {
    date.day() + 7 > date.days_in_month()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn dates_narrow_a_pattern_down() {
        let last_sunday = Pattern::of(date(2025, 3, 30)).with(date(2026, 3, 29)).expect("fits");
        assert_eq!(last_sunday.rule(), "FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU");
        assert_eq!(last_sunday.posix().as_deref(), Some("M3.5.0"));
        let second = Pattern::of(date(2025, 3, 9)).with(date(2026, 3, 8)).expect("fits");
        assert_eq!(second.posix().as_deref(), Some("M3.2.0"));
        let before = Pattern::of(date(2024, 3, 29)).with(date(2026, 3, 27)).expect("fits");
        let before = before.with(date(2029, 3, 23)).expect("fits");
        assert_eq!(before.posix(), None);
        assert!(before.rule().contains("BYMONTHDAY=23,24,25,26,27,28,29;BYDAY=FR"));
        assert_eq!(before.with(date(2030, 3, 1)), None);
        assert_eq!(before.with(date(2030, 4, 26)), None);
    }
}
