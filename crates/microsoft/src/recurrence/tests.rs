//! Rules through Graph's words and back, over the vectors of five projects.

use super::*;
use model::Uid;
use model::civil::date;

fn series(start: &str, rule: &str) -> Option<Series> {
    let zone =
        if start.contains('T') && !start.ends_with('Z') { ";TZID=Europe/Berlin" } else { "" };
    let text = format!(
        "BEGIN:VCALENDAR\nVERSION:2.0\nBEGIN:VEVENT\nUID:1\nDTSTART{zone}:{start}\n{rule}\n\
         END:VEVENT\nEND:VCALENDAR\n"
    );
    ical::read(text.as_bytes()).ok()
}

fn walls(series: &Series) -> Vec<DateTime> {
    let all = ical::occurrences(series, ical::Window::ALL, &TimeZone::UTC);
    all.map(|found| found.original.wall()).take(500).collect()
}

/// Through JSON as Graph would answer it, and back into a rule.
fn back(series: &Series, pattern: &Pattern) -> Series {
    let value = pattern.to_json("W. Europe Standard Time");
    let start = &series.master.as_ref().unwrap().start;
    let recurrence = read(Some(&value), start).unwrap();
    Series { recurrence, uid: Uid::new("2"), ..series.clone() }
}

fn described(rule: &str) -> String {
    let series = series("20260302T090000", rule).unwrap();
    match form(&series) {
        Form::Once => "once".to_owned(),
        Form::Parts(_) => "parts".to_owned(),
        Form::Pattern(pattern) => {
            assert_eq!(walls(&back(&series, &pattern)), walls(&series), "{rule}");
            let end = match pattern.end {
                End::Never => String::new(),
                End::On(last) => format!(" until {last}"),
                End::After(count) => format!(" {count} times"),
            };
            format!("{:?} {}{end}", pattern.cycle, pattern.interval)
        }
    }
}

// quirk: microsoft-36, microsoft-37, microsoft-38, microsoft-40, microsoft-71
#[test]
fn a_rule_is_said_in_graphs_words_only_where_they_mean_the_same() {
    let week = "Monday, Tuesday, Wednesday, Thursday, Friday";
    let monday = "Weekly { days: [Monday], first: Monday } 1";
    for (rule, want) in [
        ("SUMMARY:x", "once"),
        ("RRULE:FREQ=DAILY;INTERVAL=3", "Daily 3"),
        ("RRULE:FREQ=WEEKLY", monday),
        ("RRULE:FREQ=WEEKLY;COUNT=4", &format!("{monday} 4 times")),
        ("RRULE:FREQ=DAILY;BYDAY=MO", monday),
        ("RRULE:FREQ=WEEKLY;UNTIL=20260630T215959Z", &format!("{monday} until 2026-06-30")),
        ("RRULE:FREQ=WEEKLY;UNTIL=20260629T065959Z", &format!("{monday} until 2026-06-28")),
        ("RRULE:FREQ=WEEKLY;UNTIL=20260629T070000Z", &format!("{monday} until 2026-06-29")),
        ("RRULE:FREQ=MONTHLY", "AbsoluteMonthly { day: 2 } 1"),
        ("RRULE:FREQ=MONTHLY;BYDAY=1MO", "RelativeMonthly { days: [Monday], index: First } 1"),
        (
            "RRULE:FREQ=MONTHLY;BYDAY=MO;BYMONTHDAY=1,2,3,4,5,6,7",
            "RelativeMonthly { days: [Monday], index: First } 1",
        ),
        (
            "RRULE:FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=1",
            &format!("RelativeMonthly {{ days: [{week}], index: First }} 1"),
        ),
        ("RRULE:FREQ=YEARLY", "AbsoluteYearly { month: 3, day: 2 } 1"),
        (
            "RRULE:FREQ=YEARLY;BYMONTH=3;BYMONTHDAY=2;INTERVAL=2",
            "AbsoluteYearly { month: 3, day: 2 } 2",
        ),
        ("RRULE:FREQ=YEARLY;BYMONTH=3,6,9,12;BYMONTHDAY=2", "AbsoluteMonthly { day: 2 } 3"),
        (
            "RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=1MO",
            "RelativeYearly { month: 3, days: [Monday], index: First } 1",
        ),
        // The start is not one of the rule's.
        ("RRULE:FREQ=WEEKLY;BYDAY=TU", "parts"),
        ("RRULE:FREQ=MONTHLY;BYMONTHDAY=2,15", "parts"),
        ("RRULE:FREQ=MONTHLY;BYMONTHDAY=31", "parts"),
        ("RRULE:FREQ=MONTHLY;BYDAY=MO,TU;BYSETPOS=1,2", "parts"),
        ("RRULE:FREQ=YEARLY;BYWEEKNO=10;BYDAY=MO", "parts"),
        ("RRULE:FREQ=YEARLY;BYYEARDAY=61", "parts"),
        ("RRULE:FREQ=DAILY;INTERVAL=1000", "parts"),
        ("RRULE:FREQ=HOURLY", "parts"),
        ("RRULE:FREQ=DAILY;BYHOUR=9,15", "parts"),
        ("RRULE:FREQ=WEEKLY\nRRULE:FREQ=MONTHLY", "parts"),
        ("RRULE:FREQ=WEEKLY\nRDATE;TZID=Europe/Berlin:20260303T090000", "parts"),
        ("RRULE:FREQ=WEEKLY\nEXRULE:FREQ=MONTHLY", "parts"),
    ] {
        assert_eq!(described(rule), want, "{rule}");
    }
}

// quirk: microsoft-38
#[test]
fn the_last_day_of_a_month_is_said_as_its_31st() {
    for (start, rule, want) in [
        ("20260131", "RRULE:FREQ=MONTHLY;BYMONTHDAY=-1", Some(31)),
        ("20260130", "RRULE:FREQ=MONTHLY;BYMONTHDAY=28,29,30;BYSETPOS=-1", Some(30)),
        ("20260131", "RRULE:FREQ=MONTHLY", None),
        ("20260131", "RRULE:FREQ=MONTHLY;INTERVAL=12", Some(31)),
        ("20280229", "RRULE:FREQ=YEARLY", None),
    ] {
        let series = series(start, rule).unwrap();
        let day = match form(&series) {
            Form::Pattern(Pattern {
                cycle: Cycle::AbsoluteMonthly { day } | Cycle::AbsoluteYearly { day, .. },
                ..
            }) => Some(day),
            _ => None,
        };
        assert_eq!(day, want, "{rule}");
        if let Form::Pattern(pattern) = form(&series) {
            assert_eq!(walls(&back(&series, &pattern)), walls(&series), "{rule}");
        }
    }
}

#[test]
fn occurrences_that_overlap_are_no_series_of_exchange() {
    let mut long = series("20260302T090000", "RRULE:FREQ=DAILY").unwrap();
    let master = long.master.as_mut().unwrap();
    master.end = master.start.with_wall(date(2026, 3, 4).at(9, 0, 0, 0));
    assert!(matches!(form(&long), Form::Parts(_)));
}

/// What becomes of the rules of five projects: what is said in Graph's words comes back as a rule
/// with the very same occurrences; the rest becomes linked events, but for what repeats within a
/// day, which nobody expands.
#[test]
fn the_vectors_come_back_with_their_occurrences() {
    let (mut expressed, mut parts, mut refused) = (0, 0, 0);
    let (vectors, is_whole) = testkit::vectors();
    for vector in vectors {
        let (Some(rule), Some(start)) = (vector["rrule"].as_str(), vector["dtstart"].as_str())
        else {
            continue;
        };
        if vector["expected"].is_null() {
            continue;
        }
        let Some(series) = series(start, &format!("RRULE:{rule}")) else { continue };
        match form(&series) {
            Form::Once => panic!("{rule} is no rule"),
            Form::Pattern(pattern) => {
                expressed += 1;
                assert_eq!(walls(&back(&series, &pattern)), walls(&series), "{rule} from {start}");
            }
            Form::Parts(_) => match series.recurrence.rules[0].frequency {
                Frequency::Secondly | Frequency::Minutely => refused += 1,
                _ => parts += 1,
            },
        }
    }
    let counts = format!("{expressed} expressed, {parts} as linked events, {refused} refused");
    println!("{counts}");
    assert!(expressed > if is_whole { 40 } else { 20 }, "{counts}");
}
