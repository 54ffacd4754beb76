//! A repetition as bare lines, as services keep it that have no calendar text around it: RRULE,
//! EXRULE, RDATE and EXDATE beside a start that is known otherwise.

use std::collections::BTreeSet;

use model::{Recurrence, When};

use crate::fields::{recurrence, times};
use crate::read::cancelled;
use crate::tree::{Component, Document, LineEnding, NewLine};
use crate::unreadable::Reason;
use crate::zone::Zones;

/// A repetition and the occurrences that it takes back (EXDATE), by original start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repetition {
    /// The rules and extra occurrences.
    pub recurrence: Recurrence,
    /// What does not take place, in the kind and zone of the start.
    pub cancelled: BTreeSet<When>,
}

/// Reads the lines that stand beside a master which starts at `start`. Zones by name only.
///
/// # Errors
/// The reason why a line can't be understood.
pub fn read_repetition(lines: &[String], start: &When) -> Result<Repetition, Reason> {
    let mut text = String::from("BEGIN:VEVENT\r\n");
    for line in lines {
        let one: String = line.chars().filter(|c| !c.is_control()).collect();
        text.push_str(&format!("{}\r\n", one.trim()));
    }
    text.push_str("END:VEVENT\r\n");
    let document = Document::parse(text.as_bytes()).map_err(Reason::Broken)?;
    let component = document.components().next().ok_or(Reason::NoEvent)?;
    let zones = Zones::new(std::iter::empty());
    let cancelled = cancelled(component, &zones, start)?;
    Ok(Repetition {
        recurrence: recurrence::read(component, &zones, start)?,
        cancelled: cancelled.into_iter().map(|(key, _)| key).collect(),
    })
}

/// The lines of a repetition, unfolded: rules, extra occurrences, then what does not take place.
pub fn write_repetition(repetition: &Repetition) -> Vec<String> {
    let mut component = Component::new("VEVENT", LineEnding::CrLf);
    recurrence::write(&mut component, &Recurrence::default(), &repetition.recurrence);
    let cancelled = repetition.cancelled.iter();
    component.add_all(cancelled.map(|key| -> NewLine { times::line("EXDATE", key) }));
    let unfolded = |raw: &[u8]| {
        let text = String::from_utf8_lossy(raw).replace("\r\n ", "");
        text.trim_end().to_owned()
    };
    component.lines().map(|line| unfolded(line.raw())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::datetime;
    use model::Zone;

    #[test]
    fn bare_lines_go_both_ways() {
        let zone = Zone::Iana("Europe/Berlin".to_owned());
        let start = When::Zoned { local: datetime(2026, 3, 16, 9, 0, 0, 0), zone };
        let lines = [
            "RRULE:FREQ=WEEKLY;UNTIL=20260630T215959Z;BYDAY=MO",
            "RDATE;TZID=Europe/Berlin:20260318T090000",
            "EXDATE;TZID=Europe/Berlin:20260323T090000",
        ]
        .map(str::to_owned);
        let read = read_repetition(&lines, &start).expect("it can be read");
        assert_eq!((read.cancelled.len(), read.recurrence.extras.len()), (1, 1));
        assert_eq!(write_repetition(&read), lines);
        let utc = ["EXDATE:20260323T080000Z".to_owned()];
        let same = read_repetition(&utc, &start).expect("it can be read");
        assert_eq!(same.cancelled, read.cancelled);
        assert!(read_repetition(&["RRULE:FREQ=NEVER".to_owned()], &start).is_err());
    }
}
