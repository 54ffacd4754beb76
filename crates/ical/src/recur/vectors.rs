//! Recurrence vectors from five other projects (tests/data/ORIGIN.md), against the rule expander
//! and against whole series; and the crate `rrule` as an oracle over random rules.

#[expect(unreachable_pub, reason = "it is public where it belongs")]
#[path = "../../../testkit/src/vectors.rs"]
mod all;
#[expect(unreachable_pub, reason = "it is public where it belongs")]
#[path = "../../../testkit/src/shared.rs"]
mod shared;

use std::collections::BTreeSet;

use jiff::civil::{DateTime, Weekday};
use jiff::tz::TimeZone;
use model::{ByDay, Exception, Frequency, Month, Rule, Until};
use serde_json::Value;

use super::rule::{Budget, STEP_BUDGET, Starts, is_expandable};
use super::{Window, occurrences};
use crate::fields::recurrence::{parse_rule, rule_text};
use crate::value::{self, Stamp};

fn texts<'v>(vector: &'v Value, name: &str) -> Option<Vec<&'v str>> {
    let list = vector.get(name)?.as_array()?;
    Some(list.iter().map(|item| item.as_str().expect("a text")).collect())
}

fn wall(text: &str) -> DateTime {
    value::stamp(text).expect("a time").wall()
}

/// The first `most` starts of a rule.
fn expand(text: &str, dtstart: &str, most: usize) -> Option<Vec<DateTime>> {
    let read = parse_rule(text).ok()?;
    let until = read.until.map(|until| match until {
        // A date includes its day beside times and beside dates alike.
        Stamp::Date(date) if dtstart.contains('T') => date.at(0, 0, 0, 0),
        other => other.wall(),
    });
    let mut starts = Starts::new(&read.rule, wall(dtstart), until);
    let mut budget = Budget::new(STEP_BUDGET);
    let mut found = Vec::new();
    while found.len() < most {
        let Some(start) = starts.next(&mut budget) else { break };
        found.push(start);
    }
    Some(found)
}

#[test]
fn rules_give_the_starts_that_others_agree_on() {
    let (mut exact, mut disputed, mut refused) = (0, 0, 0);
    let mut wrong = Vec::new();
    for vector in all::vectors().0 {
        let (Some(rule), Some(dtstart)) = (vector["rrule"].as_str(), vector["dtstart"].as_str())
        else {
            refused += usize::from(vector.get("rrule").is_some());
            continue;
        };
        let expected = texts(&vector, "expected");
        let first = texts(&vector, "expected_first25");
        let want = expected.as_ref().or(first.as_ref());
        let most = if expected.is_some() { usize::MAX } else { 25 };
        let found = expand(rule, dtstart, most.min(want.map_or(200, |want| want.len() + 1)));
        let Some(want) = want.filter(|_| vector["dateutil_agrees"] != Value::Bool(false)) else {
            disputed += 1;
            continue;
        };
        let mut found = found.unwrap_or_default();
        if first.is_some() && expected.is_none() {
            found.truncate(want.len());
        }
        let want: Vec<_> = want.iter().map(|text| wall(text)).collect();
        if found == want {
            exact += 1;
        } else {
            wrong.push(format!("{} {rule} from {dtstart}: {found:?}, not {want:?}", vector["id"]));
        }
    }
    println!(
        "{exact} exact, {disputed} disputed or without expectation, {refused} rule texts only"
    );
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(exact > 450);
}

#[test]
fn series_have_their_start_and_what_their_rules_give() {
    for vector in all::vectors().0 {
        let (Some(rule), Some(dtstart)) = (vector["rrule"].as_str(), vector["dtstart"].as_str())
        else {
            continue;
        };
        let Some(want) = texts(&vector, "expected") else { continue };
        if vector["dateutil_agrees"] == Value::Bool(false) || rule.contains("UNTIL") {
            continue;
        }
        let text = format!(
            "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nDTSTART:{dtstart}\nRRULE:{rule}\nEND:VEVENT\n\
             END:VCALENDAR\n"
        );
        let Ok(series) = crate::read(text.as_bytes()) else { panic!("unreadable: {rule}") };
        let mut want: BTreeSet<_> = want.iter().map(|text| wall(text)).collect();
        want.insert(wall(dtstart));
        let all = occurrences(&series, Window::ALL, &TimeZone::UTC);
        let found: Vec<_> = all.take(want.len() + 1).map(|found| found.start.wall()).collect();
        if is_expandable(&series.recurrence.rules[0]) {
            assert_eq!(found, want.into_iter().collect::<Vec<_>>(), "{rule} from {dtstart}");
        } else {
            assert_eq!(found.len(), 1, "carried, not expanded: {rule}");
        }
    }
}

#[test]
fn sets_and_zones_are_expanded() {
    let mut seen = 0;
    for vector in all::vectors().0 {
        let Some(ical) = vector["ical"].as_str() else { continue };
        let want = texts(&vector, "expected_rfc3339").expect("a list");
        let text =
            format!("BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\n{ical}\nEND:VEVENT\nEND:VCALENDAR\n");
        let series = crate::read(text.as_bytes()).expect("readable");
        if !series.recurrence.rules.iter().all(is_expandable) {
            continue;
        }
        let all = occurrences(&series, Window::ALL, &TimeZone::UTC);
        // Where the list is all there is, one more would be one too many.
        let is_cut = !vector["limit"].is_null() || vector["windowed"] == true;
        let most = want.len() + usize::from(!is_cut);
        let found: Vec<_> = all.take(most).map(|found| found.from).collect();
        let want: Vec<jiff::Timestamp> =
            want.iter().map(|text| text.parse().expect("an instant")).collect();
        assert_eq!(found, want, "{ical}");
        seen += 1;
    }
    assert!(seen > 15);
}

#[test]
fn sets_of_rules_dates_and_exclusions_are_joined() {
    let mut seen = 0;
    for vector in all::vectors().0 {
        let Some(set) = vector.get("set").filter(|set| set.is_object()) else { continue };
        let rules = |name: &str| -> Vec<(String, String)> {
            let list = texts(set, name).unwrap_or_default().into_iter();
            list.map(|text| {
                let (start, rule) = text.split_once('\n').expect("two lines");
                (start.replace("DTSTART:", ""), rule.replace("RRULE:", ""))
            })
            .collect()
        };
        let (rrules, exrules) = (rules("rrule"), rules("exrule"));
        let rdates = texts(set, "rdate").unwrap_or_default();
        let exdates = texts(set, "exdate").unwrap_or_default();
        let want: Vec<_> =
            texts(&vector, "expected").expect("a list").into_iter().map(wall).collect();
        let start = rrules.first().map_or_else(|| rdates[0].to_owned(), |(start, _)| start.clone());
        let mut lines = format!("DTSTART:{start}\n");
        rrules.iter().for_each(|(_, rule)| lines.push_str(&format!("RRULE:{rule}\n")));
        exrules.iter().for_each(|(_, rule)| lines.push_str(&format!("EXRULE:{rule}\n")));
        rdates.iter().for_each(|date| lines.push_str(&format!("RDATE:{date}\n")));
        exdates.iter().for_each(|date| lines.push_str(&format!("EXDATE:{date}\n")));
        let text =
            format!("BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\n{lines}END:VEVENT\nEND:VCALENDAR\n");
        let mut series = crate::read(text.as_bytes()).expect("readable");
        if !want.contains(&wall(&start)) {
            // These sets do not count a start that no rule hits.
            let start = series.master.as_ref().expect("a master").start.clone();
            series.exceptions.insert(start, Exception::Cancelled);
        }
        let all = occurrences(&series, Window::ALL, &TimeZone::UTC);
        let found: Vec<_> = all.map(|found| found.start.wall()).collect();
        assert_eq!(found, want, "{lines}");
        seen += 1;
    }
    assert!(seen >= 4);
}

/// A small generator with a fixed seed: the rules are the same on every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        (self.0 >> 33) % sides
    }

    fn some<T>(&mut self, chance: u64, most: u64, mut item: impl FnMut(&mut Self) -> T) -> Vec<T> {
        if self.roll(10) >= chance {
            return Vec::new();
        }
        let count = 1 + self.roll(most);
        (0..count).map(|_| item(self)).collect()
    }

    fn number(&mut self, least: i64, most: i64) -> i64 {
        least + self.roll((most - least + 1) as u64) as i64
    }

    fn rule(&mut self) -> Rule {
        let frequencies = [
            Frequency::Hourly,
            Frequency::Daily,
            Frequency::Weekly,
            Frequency::Monthly,
            Frequency::Yearly,
        ];
        let frequency = frequencies[usize::try_from(self.roll(5)).expect("small")];
        let mut rule = Rule::new(frequency);
        rule.interval = u32::try_from(1 + self.roll(5)).expect("small");
        rule.week_start = weekday(self.roll(7));
        rule.by_month =
            self.some(3, 3, |dice| Month { number: dice.number(1, 12) as u8, leap: false });
        let is_long = frequency >= Frequency::Monthly;
        let ordinals = self.roll(2) == 0 && is_long;
        rule.by_day = self.some(4, 3, |dice| {
            let ordinal =
                ordinals.then(|| dice.number(1, 4) as i8 * if dice.roll(2) == 0 { 1 } else { -1 });
            ByDay { ordinal, weekday: weekday(dice.roll(7)) }
        });
        if frequency != Frequency::Weekly {
            rule.by_month_day = self.some(2, 3, |dice| nonzero(dice.number(-31, 31)) as i8);
        }
        if frequency == Frequency::Yearly && !ordinals {
            rule.by_year_day = self.some(1, 3, |dice| nonzero(dice.number(-366, 366)) as i16);
            rule.by_week_number = self.some(1, 2, |dice| dice.number(1, 52) as i8);
        }
        rule.by_hour = self.some(2, 3, |dice| dice.number(0, 23) as u8);
        rule.by_minute = self.some(1, 3, |dice| dice.number(0, 59) as u8);
        if rule.by_day.len() + rule.by_month_day.len() + rule.by_hour.len() > 1
            && frequency != Frequency::Weekly
        {
            let most = if frequency == Frequency::Hourly { 24 } else { 31 };
            rule.by_set_position =
                self.some(3, 2, |dice| nonzero(dice.number(-most.min(5), most.min(5))) as i16);
        }
        rule
    }
}

fn nonzero(number: i64) -> i64 {
    if number == 0 { 1 } else { number }
}

fn weekday(number: u64) -> Weekday {
    let number = i8::try_from(number).expect("small");
    Weekday::from_monday_zero_offset(number).expect("0 to 6")
}

#[test]
fn random_rules_give_what_the_crate_rrule_gives() {
    let mut dice = Dice(20_260_601);
    let (mut same, mut refused) = (0, 0);
    for _ in 0..1_200 {
        let rule = dice.rule();
        let text = rule_text(&rule);
        let start = "20240229T093000";
        let set = format!("DTSTART:{start}Z\nRRULE:{text}");
        let Ok(set) = set.parse::<rrule::RRuleSet>() else {
            refused += 1;
            continue;
        };
        let theirs = set.limit().into_iter().take(12).map(|found| found.timestamp());
        let theirs: Vec<i64> = theirs.collect();
        let mut starts = Starts::new(&rule, wall(start), None);
        let mut budget = Budget::new(STEP_BUDGET);
        let mut ours = Vec::new();
        while ours.len() < theirs.len() {
            let Some(found) = starts.next(&mut budget) else { break };
            ours.push(TimeZone::UTC.to_timestamp(found).expect("in range").as_second());
        }
        let compared = if budget.is_spent() { ours.len() } else { theirs.len() };
        assert_eq!(ours, theirs[..compared], "{text}");
        same += 1;
    }
    println!("{same} the same, {refused} refused by rrule");
    assert!(same > 1_000);
}

#[test]
fn a_jump_ahead_changes_nothing() {
    let mut dice = Dice(7);
    for _ in 0..500 {
        let rule = dice.rule();
        let (from, to) = (wall("20240229T093000"), wall("20310715T000000"));
        let mut budget = Budget::new(u32::MAX);
        let mut slow = Starts::new(&rule, from, Some(wall("20330101T000000")));
        let mut walked = Vec::new();
        while let Some(found) = slow.next(&mut budget) {
            walked.extend((found >= to).then_some(found));
        }
        let mut quick = Starts::new(&rule, from, Some(wall("20330101T000000")));
        quick.skip_to(to);
        let mut jumped = Vec::new();
        while let Some(found) = quick.next(&mut budget) {
            jumped.extend((found >= to).then_some(found));
        }
        assert_eq!(jumped, walked, "{}", rule_text(&rule));
    }
}

#[test]
fn hostile_rules_end_within_the_budget() {
    for text in [
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=YEARLY;INTERVAL=4294967295",
        "FREQ=HOURLY;INTERVAL=4294967295;COUNT=4294967295",
        "FREQ=YEARLY;BYWEEKNO=53;BYMONTH=6",
        "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=300",
    ] {
        let found = expand(text, "20260601T100000", usize::MAX).expect("readable");
        assert!(found.len() <= 1, "{text}");
    }
    let all: Vec<String> = (0..60).map(|number| number.to_string()).collect();
    let (sixty, hours) = (all.join(","), all[..24].join(","));
    let cross = format!(
        "FREQ=YEARLY;BYHOUR={hours};BYMINUTE={sixty};BYSECOND={sixty};BYDAY=MO,TU,WE,TH,FR,SA,SU"
    );
    let found = expand(&cross, "20260601T100000", 3).expect("readable");
    assert_eq!(found[2], wall("20260601T100002"));
    let last = format!("{cross};BYSETPOS=-1;COUNT=1");
    let found = expand(&last, "20260601T100000", 3).expect("readable");
    assert_eq!(found, [wall("20261231T235959")]);
}

/// What `Until` must never become unnoticed: a fourth kind.
#[test]
fn until_is_compared_as_a_wall_clock() {
    let mut rule = Rule::new(Frequency::Daily);
    for (until, want) in [
        (Until::Date(jiff::civil::date(2026, 6, 2)), 2),
        (Until::Floating(wall("20260602T095959")), 1),
        (Until::Utc(wall("20260603T100000")), 3),
    ] {
        rule.until = Some(until);
        let start = model::When::Utc(wall("20260601T100000"));
        let mut starts = super::starts(&rule, &start, &TimeZone::UTC);
        let mut budget = Budget::new(STEP_BUDGET);
        let count = std::iter::from_fn(|| starts.next(&mut budget)).count();
        assert_eq!(count, want);
    }
}
