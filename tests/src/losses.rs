//! What a side can't hold of an event that the other side has: whether its adapter says all of it,
//! and whether a document counts it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use jiff::tz::TimeZone;
use model::{Event, Exception, Field, Redacted, Series, Sides, Status};
use provider::Provider;

use crate::environment::corpus;
use crate::text;

/// Fields that are compared elsewhere (when it takes place), or never written.
const ASIDE: [Field; 3] = [Field::Times, Field::Recurrence, Field::People];

/// What differs between an event and its copy, and what the copy's adapter says of it.
#[derive(Debug, Default)]
pub struct Losses {
    /// What `explain` says of the event, by the words before the colon; times without a zone are
    /// `floating`.
    pub said: BTreeSet<String>,
    /// Fields in which the copy differs and of which nothing is said.
    pub untold: BTreeSet<Field>,
}

/// Looks at an event and its copy, both as their servers hold them; `aside` is not compared. `None`
/// when one of them can't be read.
pub fn between(
    provider: &dyn Provider,
    original: &[u8],
    copy: &[u8],
    aside: Option<Field>,
) -> Option<Losses> {
    let whole = ical::read(original).ok()?;
    let mut losses = Losses::default();
    for sentence in provider.shown_otherwise(&whole) {
        let (head, rest) = sentence.split_once(':').unwrap_or((&sentence, ""));
        let floats = head == "times" && rest.contains("no zone");
        losses.said.insert(if floats { "floating" } else { head }.to_owned());
    }
    let held =
        provider.fields().iter().filter(|field| !ASIDE.contains(field) && aside != Some(*field));
    let silent: Vec<Field> = held.filter(|field| !losses.said.contains(field.as_str())).collect();
    for (events, shown) in counterparts(&whole, copy)? {
        let differs = |field: &&Field| !events.iter().any(|one| same(one, &shown, **field));
        losses.untold.extend(silent.iter().filter(differs));
    }
    Some(losses)
}

/// Each event of a copy with those of the series that it may stand for. Single events that stand
/// for a series are all one copy; which of them is which only their times tell.
fn counterparts(whole: &Series, copy: &[u8]) -> Option<Vec<(Vec<Event>, Event)>> {
    if text::is_in_parts(copy) {
        let parts = ical::split(copy).ok()?;
        let parts: Vec<Event> =
            parts.iter().filter_map(|part| ical::read(part).ok()?.master).collect();
        let mut played: BTreeMap<_, Vec<Event>> = BTreeMap::new();
        for one in ical::occurrences(whole, ical::Window::ALL, &TimeZone::UTC).take(PLAYED) {
            played.entry(one.from).or_default().push(one.event.clone());
        }
        let paired = parts.into_iter().filter_map(|part| {
            let at = ical::instant(&part.start, &TimeZone::UTC)?;
            Some((played.get(&at)?.clone(), part))
        });
        return Some(paired.collect());
    }
    let copy = ical::read(copy).ok()?;
    let masters = whole.master.clone().zip(copy.master.clone());
    let mut pairs: Vec<_> = masters.map(|(one, other)| (vec![one], other)).into_iter().collect();
    let at = |key| ical::instant(key, &TimeZone::UTC);
    for (key, exception) in &whole.exceptions {
        let Exception::Override(event) = exception else { continue };
        let found = copy.exceptions.iter().find(|(other, _)| at(*other) == at(key));
        if let Some((_, Exception::Override(shown))) = found {
            pairs.push((vec![(**event).clone()], (**shown).clone()));
        }
    }
    Some(pairs)
}

/// Occurrences of a series that are looked at.
const PLAYED: usize = 5_000;

fn same(one: &Event, other: &Event, field: Field) -> bool {
    let said = |status| if status == Status::Confirmed { Status::None } else { status };
    match field {
        // Not stated and confirmed are one thing to people.
        Field::Status => said(one.status) == said(other.status),
        // Blanks are no content: servers trim them. People stand in the text, where they are not
        // written as such.
        Field::Description if !one.people.is_empty() => {
            words(&other.description).starts_with(&words(&one.description))
        }
        Field::Description => words(&one.description) == words(&other.description),
        Field::Title => words(&one.title) == words(&other.title),
        Field::Location => words(&one.location) == words(&other.location),
        _ => one.same(other, field),
    }
}

fn words(text: &Option<Redacted<String>>) -> Vec<&str> {
    let text = text.as_ref().map(|text| text.expose().as_str()).unwrap_or_default();
    text.split_whitespace().collect()
}

/// Why an event is not copied that nobody can read.
pub const UNREAD: &str = "it can't be read";

/// The rows of docs/google.md for what is measured; none for what another row counts.
pub const AT_GOOGLE: &[(&str, &str)] = &[
    ("geo", "coordinates"),
    ("categories", "categories"),
    ("priority", "a priority"),
    ("floating", "floating times"),
    ("no length", "no length"),
    (
        "an extra occurrence with a length of its own",
        "an extra occurrence with a length of its own",
    ),
    ("cancelled", "a master that is cancelled"),
    ("color", "a colour beyond Google's eleven"),
    ("reminders", "more than five reminders, or one after the start"),
    ("url", "an address that is not of the web"),
    ("attachments", "attachments"),
    // Floating or without a length; extra; cancelled.
    ("times", ""),
    ("recurrence", ""),
    ("status", ""),
    (UNREAD, "it can't be read (no start, a broken rule, two events under one UID, ...)"),
    (
        "it repeats in a time zone of its own, which Google can't hold",
        "it repeats in a time zone that is nobody else's",
    ),
    (
        "it is a part of a series that this calendar lacks",
        "it changes occurrences of a series that is not in the calendar",
    ),
    ("it repeats within a day, which Google can't hold", "it repeats within a day"),
    (
        "its rule has parts that Google does not know",
        "its rule has parts that Google does not know, or refuses",
    ),
    (
        "its repetition is not understood there",
        "its rule has parts that Google does not know, or refuses",
    ),
    (
        "its dates are beyond those that Google can show",
        "its dates are beyond what Google can show",
    ),
];

/// The rows of docs/microsoft.md for what is measured; none for what another row counts.
pub const AT_MICROSOFT: &[(&str, &str)] = &[
    ("geo", "coordinates"),
    ("url", "an address (URL)"),
    ("color", "a colour"),
    ("attachments", "attachments"),
    ("reminders", "a second reminder, one after the start"),
    ("priority", "a priority between Outlook's three"),
    ("floating", "floating times"),
    ("times", "a time zone of another city, or of its own making"),
    ("status", "it is cancelled, or tentative and free"),
    ("title", "a title beyond 255 characters, or with line breaks"),
    ("location", "a place with blanks around it"),
    ("description", "a text with blanks or line breaks at odd places"),
    ("recurrence", "a repetition that Outlook has no words for"),
    (UNREAD, "it can't be read (no start, a broken rule, two events under one UID, ...)"),
    ("it repeats too often to be written one by one", "it repeats every minute or second"),
    ("its rule has parts that calpair can't play", "its rule has parts that calpair does not know"),
    ("Exchange has no such year", "its dates are beyond what Exchange can hold"),
    // Its status; its title.
    ("cancelled", ""),
    ("a title beyond 255 characters", ""),
];

/// What was found beside that everything holds.
#[derive(Debug, Default)]
pub struct Measured {
    /// Events that the left side took, and of these how many the right side has.
    pub events: Sides<u64>,
    /// Occurrences that are the same.
    pub occurrences: u64,
    /// What can't take place the same, in the words of the loss.
    pub lost: BTreeMap<&'static str, u64>,
    /// Of the events on both sides: what `explain` says of how many.
    pub said: BTreeMap<String, u64>,
    /// Events that have a field which the right side can't hold.
    pub left_out: BTreeMap<Field, u64>,
    /// Why the right side could not hold an event.
    pub refused: BTreeMap<String, u64>,
}

impl Measured {
    /// What is counted, by the words of a document's table; both have to say the same of it.
    ///
    /// # Panics
    /// When they don't.
    pub fn assert_counted(&self, document: &str, rows: &[(&str, &str)]) {
        if !corpus().is_whole {
            return;
        }
        let lost = self.lost.iter().map(|(words, count)| {
            (words.split_once(':').map_or(*words, |(what, _)| what).to_owned(), *count)
        });
        let left_out = self.left_out.iter().map(|(field, count)| (field.to_string(), *count));
        let said = self.said.iter().map(|(what, count)| (what.clone(), *count));
        let refused = self.refused.iter().map(|(why, count)| {
            (why.rsplit_once(": ").map_or(why.as_str(), |(_, why)| why).to_owned(), *count)
        });
        let mut found = BTreeMap::new();
        for (what, count) in lost.chain(left_out).chain(said).chain(refused) {
            let row = rows.iter().find(|(measured, _)| *measured == what);
            let (_, row) = row.unwrap_or_else(|| panic!("{document} has no word of {what}"));
            if !row.is_empty() && count > 0 {
                *found.entry((*row).to_owned()).or_default() += count;
            }
        }
        assert_eq!(found, counted(document), "measured, and what {document} says");
        let Sides { left, right } = self.events;
        let told = prose(document);
        for (words, count) in [("took", left), ("held", right)] {
            assert!(told.contains(&format!("{words} {count}")), "{document}: {words} {count}");
        }
    }
}

/// The rows of a document's tables that count events: what, and how many.
///
/// # Panics
/// When there is no such document.
pub fn counted(document: &str) -> BTreeMap<String, u64> {
    let mut rows = BTreeMap::new();
    let mut counts = false;
    for line in read(document).lines() {
        let cells = line.strip_prefix('|').and_then(|line| line.strip_suffix('|'));
        let cells: Vec<&str> = cells.into_iter().flat_map(|all| all.split('|')).collect();
        let (Some(what), Some(number)) = (cells.first(), cells.last()) else {
            counts = false;
            continue;
        };
        counts |= number.trim() == "events";
        if let (true, Ok(number)) = (counts, number.trim().parse()) {
            rows.insert(what.trim().to_owned(), number);
        }
    }
    rows
}

/// A document without its line breaks, for sentences that are looked for in it.
///
/// # Panics
/// When there is no such document.
pub fn prose(document: &str) -> String {
    read(document).split_whitespace().collect::<Vec<_>>().join(" ")
}

fn read(document: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(document);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_with_a_number_are_read() {
        let rows = counted("google.md");
        assert_eq!((rows["no length"], rows["it repeats within a day"]), (9, 3));
        assert!(rows.values().all(|number| *number > 0), "{rows:?}");
        assert!(prose("google.md").contains("Connecting a Google account"));
    }
}
