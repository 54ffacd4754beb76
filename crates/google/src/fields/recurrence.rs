//! `recurrence`: the lines beside the start. Google wants UNTIL in UTC, zones by name and no
//! periods; it knows no rule that repeats within a day.

use std::collections::BTreeSet;

use ical::Repetition;
use jiff::tz::TimeZone;
use model::{Extra, Frequency, Recurrence, Rule, Until, When, Zone};

use super::times::{self, Names};
use super::{Frame, Refused, Unread};

/// The repetition that the lines state beside this start.
// quirk: google-37
pub(crate) fn read(lines: &[String], start: &When) -> Result<Repetition, Unread> {
    ical::read_repetition(lines, start).map_err(|_| Unread("how it repeats can't be understood"))
}

/// The lines for a repetition, with what it takes back.
///
/// # Errors
/// For rules that Google does not know.
// quirk: google-36
pub(crate) fn write(repetition: &Repetition, frame: &Frame) -> Result<Vec<String>, Refused> {
    check(&repetition.recurrence)?;
    let zone = Zone::Iana(frame.floating.clone());
    let anchored = |when: &When| match when {
        When::Floating(local) => When::Zoned { local: *local, zone: zone.clone() },
        other => other.clone(),
    };
    let rules = |rules: &[Rule]| -> Vec<Rule> {
        let until = |until: &Until| match until {
            Until::Floating(wall) => {
                let at = ical::instant(&anchored(&When::Floating(*wall)), &TimeZone::UTC);
                at.map_or(Until::Utc(*wall), |at| Until::Utc(TimeZone::UTC.to_datetime(at)))
            }
            other => other.clone(),
        };
        let anchor = |rule: &Rule| Rule { until: rule.until.as_ref().map(until), ..rule.clone() };
        rules.iter().map(anchor).collect()
    };
    let recurrence = &repetition.recurrence;
    let extras = recurrence.extras.iter();
    let lines = ical::write_repetition(&Repetition {
        recurrence: Recurrence {
            rules: rules(&recurrence.rules),
            exclusions: rules(&recurrence.exclusions),
            extras: extras.map(|one| Extra { start: anchored(&one.start), end: None }).collect(),
        },
        cancelled: repetition.cancelled.iter().map(anchored).collect::<BTreeSet<_>>(),
    });
    Ok(lines.into_iter().map(|line| spelled(line, frame.names)).collect())
}

/// The line with its zone under the name that Google knows.
// quirk: google-30
fn spelled(line: String, names: Names) -> String {
    let Some((head, tail)) = line.split_once(";TZID=") else { return line };
    let Some((name, times)) = tail.split_once(':') else { return line };
    format!("{head};TZID={}:{times}", times::spelled(name, names))
}

fn check(recurrence: &Recurrence) -> Result<(), Refused> {
    for rule in recurrence.rules.iter().chain(&recurrence.exclusions) {
        match rule.frequency {
            Frequency::Secondly | Frequency::Minutely | Frequency::Hourly => {
                return Err(Refused("it repeats within a day, which Google can't hold"));
            }
            Frequency::Daily | Frequency::Weekly | Frequency::Monthly | Frequency::Yearly => {}
        }
        if !rule.other.is_empty() {
            return Err(Refused("its rule has parts that Google does not know"));
        }
    }
    Ok(())
}

/// A repetition that was read beside one start, beside another of another kind: the same clock
/// readings without their zone.
pub(crate) fn floating(read: Recurrence, zone: &TimeZone, start: &When) -> Recurrence {
    let until = |until: Until| match until {
        Until::Utc(wall) => {
            let at = ical::instant(&When::Utc(wall), &TimeZone::UTC);
            Until::Floating(at.map_or(wall, |at| zone.to_datetime(at)))
        }
        other => other,
    };
    let rules = |rules: Vec<Rule>| -> Vec<Rule> {
        rules.into_iter().map(|rule| Rule { until: rule.until.map(until), ..rule }).collect()
    };
    let extra = |one: Extra| Extra { start: ical::in_kind_of(&one.start, start), end: one.end };
    Recurrence {
        rules: rules(read.rules),
        exclusions: rules(read.exclusions),
        extras: read.extras.into_iter().map(extra).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Role;
    use super::super::testing::frame;
    use super::*;
    use jiff::civil::datetime;

    fn start() -> When {
        let zone = Zone::Iana("Europe/Berlin".to_owned());
        When::Zoned { local: datetime(2026, 3, 16, 9, 0, 0, 0), zone }
    }

    // quirk: google-36, google-37
    #[test]
    fn lines_go_both_ways_and_order_means_nothing() {
        let lines = [
            "EXDATE;TZID=Europe/Berlin:20260323T090000",
            "RRULE:BYDAY=MO;WKST=MO;INTERVAL=1;FREQ=WEEKLY;UNTIL=20260630T215959Z",
        ];
        let read_one = read(&lines.map(str::to_owned), &start()).unwrap();
        let written = write(&read_one, &frame(Role::Master)).unwrap();
        assert_eq!(written[0], "RRULE:FREQ=WEEKLY;UNTIL=20260630T215959Z;BYDAY=MO");
        assert_eq!(read(&written, &start()).unwrap(), read_one);
    }

    #[test]
    fn a_floating_repetition_gets_the_calendars_zone_and_loses_it_again() {
        let floating_start = When::Floating(start().wall());
        let lines = ["RRULE:FREQ=DAILY;UNTIL=20260630T235959", "RDATE:20260701T090000"];
        let read_one = read(&lines.map(str::to_owned), &floating_start).unwrap();
        let written = write(&read_one, &frame(Role::Master)).unwrap();
        let want =
            ["RRULE:FREQ=DAILY;UNTIL=20260630T215959Z", "RDATE;TZID=Europe/Berlin:20260701T090000"];
        assert_eq!(written, want);
        let zoned = read(&written, &start()).unwrap().recurrence;
        let zone = ical::time_zone(&Zone::Iana("Europe/Berlin".to_owned())).unwrap();
        assert_eq!(floating(zoned, &zone, &floating_start), read_one.recurrence);
    }

    #[test]
    fn what_google_does_not_know_is_refused() {
        for line in ["RRULE:FREQ=HOURLY", "RRULE:FREQ=YEARLY;RSCALE=CHINESE"] {
            let read = read(&[line.to_owned()], &start()).unwrap();
            assert!(write(&read, &frame(Role::Master)).is_err(), "{line}");
        }
    }
}
