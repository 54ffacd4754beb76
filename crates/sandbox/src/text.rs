//! iCalendar text as a server looks at it: components and lines, no meaning.
//!
//! Deliberately not `ical`: a server that read with the client's own parser would agree with its
//! mistakes. Every line keeps its text, folds and all, so that what isn't touched stays as it was.

use std::collections::BTreeSet;
use std::fmt::Write as _;

/// A component: BEGIN, what is in it, END.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Component {
    /// Its name in upper case, e.g. `VEVENT`.
    pub name: String,
    /// What is in it, in order.
    pub items: Vec<Item>,
}

/// Something in a component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// A content line.
    Line(Line),
    /// A component.
    Component(Component),
}

/// A content line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The line as it was written, with its folds, without its last line break.
    pub text: String,
    /// The property's name in upper case.
    pub name: String,
    /// The parameters, as written, with the first `;`.
    pub params: String,
    /// The value, unfolded.
    pub value: String,
}

impl Line {
    /// A line from its unfolded text.
    pub fn new(unfolded: &str) -> Self {
        Self::read(fold(unfolded), unfolded)
    }

    fn read(text: String, unfolded: &str) -> Self {
        let mut quoted = false;
        let colon = unfolded.find(|c| {
            quoted ^= c == '"';
            c == ':' && !quoted
        });
        let (head, value) = unfolded.split_at(colon.unwrap_or(unfolded.len()));
        let (name, params) = head.split_at(head.find(';').unwrap_or(head.len()));
        Self {
            text,
            name: name.to_ascii_uppercase(),
            params: params.to_owned(),
            value: value.strip_prefix(':').unwrap_or(value).to_owned(),
        }
    }

    /// The value of a parameter, without quotes.
    pub fn param(&self, name: &str) -> Option<String> {
        let prefix = format!("{name}=");
        self.params.split(';').find_map(|param| {
            let head = param.get(..prefix.len())?;
            let rest = &param[prefix.len()..];
            head.eq_ignore_ascii_case(&prefix).then(|| rest.trim_matches('"').to_owned())
        })
    }
}

impl Component {
    /// The first component of `raw`; `None` when it is no UTF-8, not well nested, or has more
    /// than one component at the top.
    pub fn parse(raw: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(raw).ok()?;
        let mut open: Vec<Component> = Vec::new();
        let mut done = None;
        for line in lines(text) {
            match line.name.as_str() {
                "BEGIN" if done.is_none() => {
                    let name = line.value.trim().to_ascii_uppercase();
                    open.push(Component { name, items: Vec::new() });
                }
                "END" => {
                    let closed = open.pop()?;
                    if !closed.name.eq_ignore_ascii_case(line.value.trim()) {
                        return None;
                    }
                    match open.last_mut() {
                        Some(parent) => parent.items.push(Item::Component(closed)),
                        None => done = Some(closed),
                    }
                }
                _ => open.last_mut()?.items.push(Item::Line(line)),
            }
        }
        if open.is_empty() { done } else { None }
    }

    /// The component as text, CRLF line ends.
    pub fn write(&self) -> String {
        let mut out = String::new();
        self.put(&mut out);
        out
    }

    fn put(&self, out: &mut String) {
        let _ = write!(out, "BEGIN:{}\r\n", self.name);
        for item in &self.items {
            match item {
                Item::Line(line) => {
                    out.push_str(&line.text);
                    out.push_str("\r\n");
                }
                Item::Component(component) => component.put(out),
            }
        }
        let _ = write!(out, "END:{}\r\n", self.name);
    }

    /// Its own lines.
    pub fn lines(&self) -> impl Iterator<Item = &Line> {
        self.items.iter().filter_map(|item| match item {
            Item::Line(line) => Some(line),
            Item::Component(_) => None,
        })
    }

    /// The components directly in it.
    pub fn components(&self) -> impl Iterator<Item = &Component> {
        self.items.iter().filter_map(|item| match item {
            Item::Line(_) => None,
            Item::Component(component) => Some(component),
        })
    }

    /// The components directly in it, to change.
    pub fn components_mut(&mut self) -> impl Iterator<Item = &mut Component> {
        self.items.iter_mut().filter_map(|item| match item {
            Item::Line(_) => None,
            Item::Component(component) => Some(component),
        })
    }

    /// The first line of that name.
    pub fn line(&self, name: &str) -> Option<&Line> {
        self.lines().find(|line| line.name == name)
    }

    /// Puts a line in place of the first of its name, or behind the other lines.
    pub fn set(&mut self, unfolded: &str) {
        let new = Line::new(unfolded);
        let same = |item: &&mut Item| matches!(item, Item::Line(old) if old.name == new.name);
        if let Some(old) = self.items.iter_mut().find(same) {
            *old = Item::Line(new);
            return;
        }
        let end = self.items.iter().rposition(|item| matches!(item, Item::Line(_)));
        self.items.insert(end.map_or(0, |at| at + 1), Item::Line(new));
    }

    /// Takes out every line of that name.
    pub fn unset(&mut self, name: &str) {
        self.items.retain(|item| !matches!(item, Item::Line(line) if line.name == name));
    }
}

/// The logical lines of a text.
fn lines(text: &str) -> Vec<Line> {
    let mut found: Vec<(String, String)> = Vec::new();
    for physical in text.split('\n') {
        let physical = physical.strip_suffix('\r').unwrap_or(physical);
        match (physical.strip_prefix([' ', '\t']), found.last_mut()) {
            (Some(rest), Some((text, unfolded))) => {
                text.push_str("\r\n");
                text.push_str(physical);
                unfolded.push_str(rest);
            }
            (_, _) if physical.is_empty() => {}
            (_, _) => found.push((physical.to_owned(), physical.to_owned())),
        }
    }
    found.into_iter().map(|(text, unfolded)| Line::read(text, &unfolded)).collect()
}

/// Folds at 75 octets (RFC 5545 section 3.1), between characters.
fn fold(unfolded: &str) -> String {
    let mut out = String::with_capacity(unfolded.len());
    let mut width = 0;
    for character in unfolded.chars() {
        if width + character.len_utf8() > 75 {
            out.push_str("\r\n ");
            width = 1;
        }
        width += character.len_utf8();
        out.push(character);
    }
    out
}

/// The UIDs of the events (and tasks) in a text; of a damaged text, those of all its lines.
pub(crate) fn uids(raw: &[u8]) -> BTreeSet<String> {
    let whole = |root: &Component| {
        let of = |component: &Component| Some(component.line("UID")?.value.clone());
        root.components().filter(|inner| inner.name != "VTIMEZONE").filter_map(of).collect()
    };
    Component::parse(raw).map_or_else(
        || {
            let text = String::from_utf8_lossy(raw);
            lines(&text)
                .into_iter()
                .filter(|line| line.name == "UID")
                .map(|line| line.value)
                .take(1)
                .collect()
        },
        |root| whole(&root),
    )
}

/// ORGANIZER and ATTENDEE lines, unfolded; empty unless there are both.
pub(crate) fn people(raw: &[u8]) -> BTreeSet<String> {
    let text = String::from_utf8_lossy(raw);
    let found: Vec<Line> = lines(&text)
        .into_iter()
        .filter(|line| line.name == "ORGANIZER" || line.name == "ATTENDEE")
        .collect();
    let both = ["ORGANIZER", "ATTENDEE"].iter().all(|n| found.iter().any(|l| l.name == *n));
    if !both {
        return BTreeSet::new();
    }
    found.into_iter().map(|line| format!("{}{}:{}", line.name, line.params, line.value)).collect()
}

/// The occurrences that a text excludes, as it writes them.
pub(crate) fn excluded(raw: &[u8]) -> BTreeSet<String> {
    let text = String::from_utf8_lossy(raw);
    let lines = lines(&text).into_iter().filter(|line| line.name == "EXDATE");
    lines.map(|line| line.value).collect()
}

/// Changes every event of a text; a text that can't be read stays as it is.
pub(crate) fn each_event(raw: &[u8], mut change: impl FnMut(&mut Component)) -> Vec<u8> {
    let Some(mut root) = Component::parse(raw) else { return raw.to_vec() };
    root.components_mut().filter(|inner| inner.name == "VEVENT").for_each(&mut change);
    root.write().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:a\r\n b\r\n\
        X-A;P=\"x:y\":v\r\nORGANIZER:mailto:a@example.org\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";

    #[test]
    fn a_text_is_written_as_it_was_read() {
        let root = Component::parse(TEXT.as_bytes()).unwrap();
        assert_eq!(root.write(), TEXT);
        let event = root.components().next().unwrap();
        assert_eq!(event.line("UID").unwrap().value, "ab");
        let x = event.line("X-A").unwrap();
        assert_eq!((x.value.as_str(), x.param("p").as_deref()), ("v", Some("x:y")));
    }

    #[test]
    fn what_is_not_well_nested_is_refused() {
        for text in ["", "BEGIN:A\r\n", "BEGIN:A\r\nEND:B\r\n", "X:1\r\n", "END:A\r\n"] {
            assert_eq!(Component::parse(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn people_need_an_organizer_and_an_attendee() {
        assert!(people(TEXT.as_bytes()).is_empty());
        let both = TEXT.replace("END:VEVENT", "ATTENDEE:mailto:b@example.org\r\nEND:VEVENT");
        assert_eq!(people(both.as_bytes()).len(), 2);
    }

    #[test]
    fn long_lines_are_folded_between_characters() {
        let line = Line::new(&format!("SUMMARY:{}", "日".repeat(40)));
        assert!(line.text.split("\r\n").all(|physical| physical.len() <= 75));
        assert_eq!(line.value, "日".repeat(40));
    }
}
