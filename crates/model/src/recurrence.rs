//! How a series repeats: rules, extra occurrences, and rules that take occurrences away.
//! Cancelled occurrences are not here; they are exceptions of the series.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Weekday;

use crate::When;

/// The repetition of a series; empty for a single event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recurrence {
    /// RRULE, in order, without duplicates.
    pub rules: Vec<Rule>,
    /// EXRULE (RFC 2445 section 4.8.5.2, deprecated but alive): occurrences taken away.
    pub exclusions: Vec<Rule>,
    /// RDATE: occurrences beside the rules.
    pub extras: BTreeSet<Extra>,
}

impl Recurrence {
    /// Whether the event happens once.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty() && self.exclusions.is_empty() && self.extras.is_empty()
    }
}

/// One RDATE.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Extra {
    /// When it starts, in the kind and zone of the master's start.
    pub start: When,
    /// Its own end, for an RDATE with VALUE=PERIOD.
    pub end: Option<When>,
}

/// One RRULE (RFC 5545 section 3.3.10), every part as stated; lists are sorted and deduplicated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// FREQ.
    pub frequency: Frequency,
    /// INTERVAL, at least 1.
    pub interval: u32,
    /// COUNT, at least 1.
    pub count: Option<u32>,
    /// UNTIL, in the kind of the master's start.
    pub until: Option<Until>,
    /// BYSECOND, 0 to 60.
    pub by_second: Vec<u8>,
    /// BYMINUTE, 0 to 59.
    pub by_minute: Vec<u8>,
    /// BYHOUR, 0 to 23.
    pub by_hour: Vec<u8>,
    /// BYDAY.
    pub by_day: Vec<ByDay>,
    /// BYMONTHDAY, 1 to 31 and -31 to -1.
    pub by_month_day: Vec<i8>,
    /// BYYEARDAY, 1 to 366 and -366 to -1.
    pub by_year_day: Vec<i16>,
    /// BYWEEKNO, 1 to 53 and -53 to -1.
    pub by_week_number: Vec<i8>,
    /// BYMONTH.
    pub by_month: Vec<Month>,
    /// BYSETPOS, 1 to 366 and -366 to -1.
    pub by_set_position: Vec<i16>,
    /// WKST; Monday where not stated.
    pub week_start: Weekday,
    /// Parts that calpair does not know (RSCALE, SKIP, X-…), names in upper case, kept as stated.
    pub other: BTreeMap<String, String>,
}

impl Rule {
    /// A rule with a frequency and nothing else.
    pub fn new(frequency: Frequency) -> Self {
        Self {
            frequency,
            interval: 1,
            count: None,
            until: None,
            by_second: Vec::new(),
            by_minute: Vec::new(),
            by_hour: Vec::new(),
            by_day: Vec::new(),
            by_month_day: Vec::new(),
            by_year_day: Vec::new(),
            by_week_number: Vec::new(),
            by_month: Vec::new(),
            by_set_position: Vec::new(),
            week_start: Weekday::Monday,
            other: BTreeMap::new(),
        }
    }
}

/// FREQ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Frequency {
    /// SECONDLY: carried, never expanded.
    Secondly,
    /// MINUTELY: carried, never expanded.
    Minutely,
    /// HOURLY.
    Hourly,
    /// DAILY.
    Daily,
    /// WEEKLY.
    Weekly,
    /// MONTHLY.
    Monthly,
    /// YEARLY.
    Yearly,
}

/// UNTIL, inclusive.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Until {
    /// For a series of dates.
    Date(jiff::civil::Date),
    /// For floating times.
    Floating(jiff::civil::DateTime),
    /// For UTC and zoned times: a UTC wall clock.
    Utc(jiff::civil::DateTime),
}

/// One item of BYDAY.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByDay {
    /// The ordinal within the month or year: 1 to 53 and -53 to -1; `None` for every one.
    pub ordinal: Option<i8>,
    /// The weekday.
    pub weekday: Weekday,
}

/// One item of BYMONTH.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Month {
    /// 1 to 12 (to 13 with a non-Gregorian RSCALE).
    pub number: u8,
    /// The `L` suffix (RFC 7529 section 4.2).
    pub leap: bool,
}
