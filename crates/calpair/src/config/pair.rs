//! `[[pairs]]`: two calendars and the rules between them.

use std::collections::BTreeSet;
use std::ops::Range;
use std::time::Duration;

use model::{AccountName, PairName, Side, Sides};
use reconcile::{
    Attendees, Conflict, Detail, Direction, Limits, Reminders, ShowAs, SkipRules, TitlePattern,
};
use regex::{Regex, RegexBuilder};

use super::finding::Finding;
use super::section::{At, Section, Wrong, quoted};
use super::value;

/// How far back and ahead events are synced, unless the file says otherwise.
const PAST: Duration = Duration::from_secs(90 * 24 * 60 * 60);
const FUTURE: Duration = Duration::from_secs(730 * 24 * 60 * 60);

/// What a title pattern may take when compiled: far more than anybody writes, far less than
/// would be felt.
const PATTERN_BYTES: usize = 1 << 20;

/// A pair as the file describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// Its name.
    pub name: PairName,
    /// Its two calendars.
    pub sides: Sides<End>,
    /// Which way changes cross.
    pub direction: Direction,
    /// Who wins where one field was changed on both sides.
    pub conflict: Conflict,
    /// How often it is reconciled.
    pub interval: Duration,
    /// Which events are synced.
    pub window: Window,
    /// When a plan has to be approved.
    pub limits: Limits,
    /// What crosses towards each side.
    pub crossing: Sides<Crossing>,
}

/// One of a pair's calendars.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct End {
    /// Whose it is.
    pub account: AccountName,
    /// Its display name, its provider's id, its URL, or `primary`.
    pub calendar: String,
}

/// How far from now events are synced; `None` is without end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Back from now.
    pub past: Option<Duration>,
    /// Ahead of now.
    pub future: Option<Duration>,
}

impl Window {
    /// Everything.
    pub const ALL: Window = Window { past: None, future: None };
}

impl Default for Window {
    fn default() -> Self {
        Self { past: Some(PAST), future: Some(FUTURE) }
    }
}

/// What crosses towards a side, and how it looks there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Crossing {
    /// How much of an event crosses.
    pub detail: Detail,
    /// Stands before every title there.
    pub prefix: String,
    /// How it blocks time there.
    pub show_as: ShowAs,
    /// Whether reminders cross.
    pub reminders: Reminders,
    /// What becomes of people.
    pub attendees: Attendees,
    /// What doesn't cross.
    pub skip: Skip,
}

/// Which series don't cross.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Skip {
    /// Titles that match.
    pub title: Option<Pattern>,
    /// All-day events.
    pub all_day: bool,
    /// Those that the account's owner declined.
    pub declined: bool,
    /// Those that don't block time.
    pub free: bool,
    /// Those that are private or confidential.
    pub private: bool,
    /// Those in one of these categories.
    pub categories: BTreeSet<String>,
}

/// A pattern for titles; equal when it is written the same.
#[derive(Clone, Debug)]
pub struct Pattern(Regex);

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl Eq for Pattern {}

impl Crossing {
    /// The same for the plan.
    pub fn rules(&self) -> reconcile::Crossing {
        let matcher = |Pattern(pattern): &Pattern| {
            let (text, pattern) = (pattern.as_str().to_owned(), pattern.clone());
            TitlePattern::new(text, move |title| pattern.is_match(title))
        };
        reconcile::Crossing {
            detail: self.detail,
            prefix: self.prefix.clone(),
            show_as: self.show_as,
            reminders: self.reminders,
            attendees: self.attendees,
            skip: SkipRules {
                title: self.skip.title.as_ref().map(matcher),
                all_day: self.skip.all_day,
                declined: self.skip.declined,
                free: self.skip.free,
                private: self.skip.private,
                categories: self.skip.categories.iter().cloned().collect(),
            },
        }
    }
}

/// A pair while the file is read: as much as could be read, with places.
pub(super) struct Draft {
    pub(super) span: Range<usize>,
    pub(super) name: Option<At<PairName>>,
    pub(super) ends: Sides<Option<At<End>>>,
    /// Where each names its account.
    pub(super) accounts: Sides<Option<Range<usize>>>,
    /// Where the interval stands, if the pair has its own.
    pub(super) interval: Option<Range<usize>>,
    /// The pair, if nothing about it is wrong.
    pub(super) pair: Option<Pair>,
}

/// Reads one of `[[pairs]]`; `interval` is the daemon's.
pub(super) fn read(mut section: Section<'_>, interval: Duration) -> Draft {
    let before = section.notes().count();
    let span = section.span();
    section.require("name", "\"family\"");
    let name = section.parsed("name", |text| value::name(text).map(PairName::new));
    let called = name
        .as_ref()
        .map_or_else(|| String::from("this pair"), |name| format!("pair `{}`", name.value));
    section.rename(called.clone());
    let ends = Sides::from_fn(|side| end(&mut section, side, &called));
    let accounts = ends.as_ref().map(|end| end.as_ref().map(|(_, account)| account.clone()));
    let ends = ends.map(|end| end.map(|(end, _)| end));
    let direction = section.choice(
        "direction",
        &[
            ("both", Direction::Both),
            ("left-to-right", Direction::LeftToRight),
            ("right-to-left", Direction::RightToLeft),
        ],
    );
    let conflict = section.choice(
        "conflict",
        &[
            ("newest", Conflict::Newest),
            ("left", Conflict::Left),
            ("right", Conflict::Right),
            ("ask", Conflict::Ask),
        ],
    );
    let direction = direction.map_or(Direction::Both, |at| at.value);
    one_way(&section, direction, conflict.as_ref());
    let own_interval = section.parsed("interval", value::interval);
    let window = window(&mut section, &called);
    let limits = limits(&mut section, &called);
    let crossing = Sides::from_fn(|side| crossing(&mut section, side, &called));
    let notes = section.notes();
    section.finish(belongs);
    let pair = match (&name, &ends) {
        (Some(name), Sides { left: Some(left), right: Some(right) }) if notes.count() == before => {
            Some(Pair {
                name: name.value.clone(),
                sides: Sides::new(left.value.clone(), right.value.clone()),
                direction,
                conflict: conflict.map_or(Conflict::Newest, |at| at.value),
                interval: own_interval.as_ref().map_or(interval, |at| at.value),
                window,
                limits,
                crossing,
            })
        }
        (Some(_) | None, Sides { .. }) => None,
    };
    let interval = own_interval.map(|at| at.span);
    Draft { span, name, ends, accounts, interval, pair }
}

/// Where a key belongs that stands in the pair itself.
fn belongs(key: &str) -> Option<String> {
    let place = match key {
        "detail" | "prefix" | "show_as" | "reminders" | "attendees" | "skip" => {
            "`to_left` or `to_right`"
        }
        "past" | "future" => "`window`",
        "deletes" | "delete_percent" => "`limits`",
        "account" | "calendar" => "`left` or `right`",
        _ => return None,
    };
    Some(format!("it belongs in {place}"))
}

fn end(section: &mut Section<'_>, side: Side, called: &str) -> Option<(At<End>, Range<usize>)> {
    let example = "{ account = \"home\", calendar = \"Family\" }";
    section.require(side.as_str(), example);
    let mut table = section.section(side.as_str(), format!("`{side}` of {called}"))?;
    table.require("account", "\"home\"");
    table.require("calendar", "\"Family\"");
    let account = table.parsed("account", |text| value::name(text).map(AccountName::new));
    let calendar = table.parsed("calendar", value::calendar);
    let span = table.span();
    table.finish(|_| None);
    let (account, calendar) = (account?, calendar?);
    let end = End { account: account.value, calendar: calendar.value };
    Some((At { value: end, span }, account.span))
}

/// What makes no sense when changes cross one way only.
fn one_way(section: &Section<'_>, direction: Direction, conflict: Option<&At<Conflict>>) {
    let (unwritten, loser, arrow) = match direction {
        Direction::Both => return,
        Direction::LeftToRight => ("to_left", Conflict::Right, "left-to-right"),
        Direction::RightToLeft => ("to_right", Conflict::Left, "right-to-left"),
    };
    if let Some(place) = section.place(unwritten) {
        let sentence = format!("nothing crosses that way: the direction is {arrow}");
        let help = format!("take `{unwritten}` out, or set `direction = \"both\"`");
        section.notes().add(Finding::new(place, sentence).help(help));
    }
    if let Some(conflict) = conflict.filter(|conflict| conflict.value == loser) {
        let sentence = format!("that side can't win: the direction is {arrow}");
        let help = String::from("take `conflict` out, or set `direction = \"both\"`");
        section.notes().add(Finding::new(conflict.span.clone(), sentence).help(help));
    }
}

fn window(section: &mut Section<'_>, called: &str) -> Window {
    let mut table = match section.text_or_section("window", format!("`window` of {called}")) {
        None => return Window::default(),
        Some(Ok(text)) if text.value == "all" => return Window::ALL,
        Some(Ok(text)) => {
            let help = String::from("{ past = \"90d\", future = \"730d\" } or \"all\"");
            let sentence = format!("`window` can't be `{}`", quoted(text.value));
            section.wrong(text.span, Wrong::new(sentence).help(help));
            return Window::default();
        }
        Some(Err(table)) => table,
    };
    let reach = |text: &str| match text {
        "all" => Ok(None),
        _ => value::duration(text).map(Some),
    };
    let past = table.parsed("past", reach).map_or(Some(PAST), |at| at.value);
    let future = table.parsed("future", reach).map_or(Some(FUTURE), |at| at.value);
    table.finish(|_| None);
    Window { past, future }
}

fn limits(section: &mut Section<'_>, called: &str) -> Limits {
    let default = Limits::default();
    let Some(mut table) = section.section("limits", format!("`limits` of {called}")) else {
        return default;
    };
    let deletes = table.number("deletes", 0..=1_000_000);
    let delete_percent = table.number("delete_percent", 0..=100);
    table.finish(|_| None);
    Limits {
        deletes: deletes.map_or(default.deletes, u64::from),
        delete_percent: delete_percent.map_or(default.delete_percent, u64::from),
    }
}

/// What crosses to a side.
fn crossing(section: &mut Section<'_>, side: Side, called: &str) -> Crossing {
    let key = match side {
        Side::Left => "to_left",
        Side::Right => "to_right",
    };
    let Some(mut table) = section.section(key, format!("`{key}` of {called}")) else {
        return Crossing::default();
    };
    let details = [("full", Detail::Full), ("busy", Detail::Busy), ("title", Detail::Title)];
    let detail = table.choice("detail", &details).map_or(Detail::Full, |at| at.value);
    let shown = [
        ("keep", ShowAs::Keep),
        ("busy", ShowAs::Busy),
        ("free", ShowAs::Free),
        ("tentative", ShowAs::Tentative),
    ];
    let show_as = table.choice("show_as", &shown).map_or(ShowAs::Keep, |at| at.value);
    let reminders = [("copy", Reminders::Copy), ("none", Reminders::None)];
    let reminders = table.choice("reminders", &reminders).map_or(Reminders::Copy, |at| at.value);
    let attendees = [("text", Attendees::Text), ("omit", Attendees::Omit)];
    let attendees = table.choice("attendees", &attendees);
    if let Some(At { value: Attendees::Text, span }) = &attendees
        && detail != Detail::Full
    {
        let sentence = "people are listed in the description, which doesn't cross";
        let help = String::from("take `attendees` out, or set `detail = \"full\"`");
        table.wrong(span.clone(), Wrong::new(sentence).help(help));
    }
    let prefix = table.text("prefix").map(|at| at.value).unwrap_or_default();
    let skip = skip(&mut table, key, called);
    table.finish(|_| None);
    let attendees = attendees.map_or(Attendees::Text, |at| at.value);
    Crossing { detail, prefix, show_as, reminders, attendees, skip }
}

fn skip(section: &mut Section<'_>, key: &str, called: &str) -> Skip {
    let Some(mut table) = section.section("skip", format!("`skip` in `{key}` of {called}")) else {
        return Skip::default();
    };
    let title = table.parsed("title", pattern).map(|at| at.value);
    let mut flag = |key| table.flag(key).unwrap_or_default();
    let (all_day, declined) = (flag("all_day"), flag("declined"));
    let (free, private) = (flag("free"), flag("private"));
    let categories = table.texts("category").map(|at| at.value).unwrap_or_default();
    table.finish(|_| None);
    let categories = categories.into_iter().collect();
    Skip { title, all_day, declined, free, private, categories }
}

fn pattern(text: &str) -> Result<Pattern, Wrong> {
    let built = RegexBuilder::new(text).size_limit(PATTERN_BYTES).build();
    built.map(Pattern).map_err(|error| {
        let why = match &error {
            regex::Error::CompiledTooBig(_) => String::from("it is too big"),
            _ => error.to_string(),
        };
        // The crate draws the pattern in several lines; the reason is the last one.
        let why = why.lines().last().unwrap_or_default();
        let why = why.strip_prefix("error: ").unwrap_or(why);
        let sentence = format!("`{}` is not a regular expression", quoted(text));
        Wrong::new(sentence).help(why.to_owned())
    })
}
