//! "This and following events", as Google's own page does it: the series ends before the
//! occurrence, another series begins with it and copies everything, private marks too; what was
//! different later on is forgotten.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::recurrence;
use super::state::{Json, Row, Service, Updated};
use super::times::Moment;
use super::user::At;
use crate::Author;

impl Service {
    /// Splits a series; the iCalUID of the later one.
    // quirk: google-40, google-41
    pub(super) fn split(
        &mut self,
        at: &At<'_>,
        master: &Row,
        original: &str,
        title: &str,
    ) -> Option<String> {
        let held = self.calendars.get(at.id)?;
        let zone = held.time_zone();
        let (start, end) = recurrence::at(master, &Moment::of_suffix(original)?, &zone)?;
        let before = earlier(master, &start, &zone);
        if before == 0 {
            return None;
        }
        let lines: Vec<String> = lines(&master.event);
        let later: Vec<String> = held
            .exceptions(&master.id)
            .filter(|row| {
                let original = row.moment("originalStartTime");
                original.is_some_and(|at| at.instant(&zone) >= start.instant(&zone))
            })
            .map(|row| row.id.clone())
            .collect();
        let mut first = master.event.clone();
        first.insert("recurrence".to_owned(), json!(ended(&lines, &start)));
        let next = first.get("sequence").and_then(Value::as_i64).unwrap_or(0) + 1;
        first.insert("sequence".to_owned(), json!(next));
        let id = format!("{}_R{}", master.id, name_of(&start));
        let uid = format!("{id}@google.com");
        let mut second = master.event.clone();
        second.insert("iCalUID".to_owned(), json!(uid));
        second.insert("summary".to_owned(), json!(title));
        second.insert("start".to_owned(), start.value());
        second.insert("end".to_owned(), end.value());
        second.insert("recurrence".to_owned(), json!(continued(&lines, before)));
        if let Some(held) = self.calendars.get_mut(at.id) {
            held.rows.retain(|id, _| !later.contains(id));
        }
        for (id, event) in [(&master.id, first), (&id, second)] {
            self.store(at.id, id, event, at.now, Updated::Moved);
            self.note(at.id, id, Author::User, at.now);
        }
        Some(uid)
    }
}

fn lines(event: &Json) -> Vec<String> {
    let lines = event.get("recurrence").and_then(Value::as_array).into_iter().flatten();
    lines.filter_map(|line| line.as_str().map(str::to_owned)).collect()
}

/// How many occurrences begin before `start`, those that are taken back among them.
fn earlier(master: &Row, start: &Moment, zone: &TimeZone) -> usize {
    let mut whole = master.clone();
    let mut lines = lines(&master.event);
    lines.retain(|line| line.starts_with("RRULE"));
    whole.event.insert("recurrence".to_owned(), json!(lines));
    let until = start.instant(zone);
    let window = ical::Window { from: Timestamp::MIN, until };
    let all = recurrence::within(&whole, window, zone);
    all.iter().filter(|(start, _)| start.instant(zone) < until).count()
}

/// The rules, ending before `start`.
fn ended(lines: &[String], start: &Moment) -> Vec<String> {
    let until = match start {
        Moment::Day(date) => {
            let last = date.yesterday().unwrap_or(*date);
            Moment::Day(last).suffix()
        }
        Moment::At(at, _) => {
            let second = jiff::SignedDuration::from_secs(1);
            Moment::At(at.saturating_sub(second).unwrap_or(*at), None).suffix()
        }
    };
    let each = lines.iter().map(|line| {
        if !line.starts_with("RRULE:") {
            return line.clone();
        }
        let parts = line
            .split(';')
            .filter(|part| !part.starts_with("COUNT=") && !part.starts_with("UNTIL="));
        format!("{};UNTIL={until}", parts.collect::<Vec<_>>().join(";"))
    });
    each.collect()
}

/// The rules, less the occurrences before.
fn continued(lines: &[String], before: usize) -> Vec<String> {
    let rules = lines.iter().filter(|line| line.starts_with("RRULE:"));
    let each = rules.map(|line| {
        let parts = line.split(';').map(|part| {
            let count = part.strip_prefix("COUNT=").and_then(|count| count.parse::<usize>().ok());
            match count {
                Some(count) => format!("COUNT={}", count.saturating_sub(before).max(1)),
                None => part.to_owned(),
            }
        });
        parts.collect::<Vec<_>>().join(";")
    });
    each.collect()
}

/// What the later series' id ends in: its first start, in UTC without saying so.
fn name_of(start: &Moment) -> String {
    start.suffix().trim_end_matches('Z').to_owned()
}
