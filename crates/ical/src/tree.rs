//! The lossless tree: iCalendar text as components and content lines, byte for byte.
//!
//! Everything that is read is kept as it came: folds (also inside a UTF-8 sequence), line
//! endings, a byte order mark, blank lines, unknown components, the order and the doubles of
//! lines and parameters. `Document::to_bytes` of an accepted input is that input, and an edit
//! changes only the lines it names. The tree knows nothing of events, times or rules; it knows
//! what a line, a parameter and a nested component are (RFC 5545 section 3.1).
//!
//! Parsing is one pass without recursion; the limits below bound what a hostile input can cost.

mod line;
mod text;

pub use line::{Line, NewLine, Param, Property};
pub use text::{escape, split_list, unescape};

use std::collections::BTreeSet;
use std::fmt;

/// Largest text accepted, in bytes. iCloud takes 20 MB an event with its attachments
/// (support.apple.com/103188); the rest is room for whole calendar files.
pub const MAX_BYTES: usize = 32 * 1024 * 1024;
/// Deepest nesting accepted. RFC 5545 needs three; 32 keeps every later walk shallow.
pub const MAX_DEPTH: usize = 32;
/// Most content lines (folds not counted). 20,000 events have about 300,000; a line costs about
/// 32 bytes, so that a million stays far below the memory budget.
pub const MAX_LINES: usize = 1_000_000;

/// The line ending of a document: what new lines are written with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineEnding {
    /// CR LF, as RFC 5545 asks for.
    CrLf,
    /// LF alone.
    Lf,
    /// CR alone (classic Mac files).
    Cr,
}

impl LineEnding {
    fn bytes(self) -> &'static [u8] {
        match self {
            Self::CrLf => b"\r\n",
            Self::Lf => b"\n",
            Self::Cr => b"\r",
        }
    }

    fn of(line: &[u8]) -> Option<Self> {
        if line.ends_with(b"\r\n") {
            Some(Self::CrLf)
        } else if line.ends_with(b"\n") {
            Some(Self::Lf)
        } else if line.ends_with(b"\r") {
            Some(Self::Cr)
        } else {
            None
        }
    }
}

/// Why a text is not taken as a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TreeError {
    /// More than [`MAX_BYTES`].
    TooLarge,
    /// More than [`MAX_LINES`].
    TooManyLines,
    /// Nested deeper than [`MAX_DEPTH`].
    TooDeep,
    /// An END that closes nothing that is open, at this content line (from 1).
    StrayEnd(usize),
    /// A component that is never closed: the text was cut off.
    Unclosed(String),
}

impl fmt::Display for TreeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge => write!(f, "the text is larger than {} MiB", MAX_BYTES >> 20),
            Self::TooManyLines => write!(f, "the text has more than {MAX_LINES} lines"),
            Self::TooDeep => write!(f, "components are nested more than {MAX_DEPTH} deep"),
            Self::StrayEnd(line) => write!(f, "line {line} ends a component that is not open"),
            // The name is the text's own: shortened and escaped, it may end up in a log.
            Self::Unclosed(name) => {
                let shown: String = name.chars().take(20).collect();
                write!(f, "the text ends inside a component {shown:?}")
            }
        }
    }
}

impl std::error::Error for TreeError {}

/// What becomes of a line; see [`Component::rewrite`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rewrite {
    /// It stays as it is.
    Keep,
    /// It goes.
    Drop,
    /// This line takes its place.
    Replace(NewLine),
}

/// One thing inside a component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item<'a> {
    /// A content line, a blank line or a line that makes no sense; all are kept.
    Line(Line<'a>),
    /// A nested component.
    Component(Box<Component<'a>>),
}

/// A component: its BEGIN line, what is between, its END line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Component<'a> {
    name: String,
    begin: Line<'a>,
    items: Vec<Item<'a>>,
    end: Line<'a>,
    ending: LineEnding,
}

/// A whole text: usually one VCALENDAR, and whatever stands around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document<'a> {
    items: Vec<Item<'a>>,
    ending: LineEnding,
}

impl<'a> Document<'a> {
    /// Reads a text. Linear in its length; never panics.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, TreeError> {
        if bytes.len() > MAX_BYTES {
            return Err(TreeError::TooLarge);
        }
        let mut builder = Builder::default();
        let mut rest = bytes;
        while !rest.is_empty() {
            let (raw, after) = rest.split_at(line::logical_len(rest));
            rest = after;
            builder.push(raw)?;
        }
        builder.finish()
    }

    /// An empty VCALENDAR with CR LF line endings.
    pub fn calendar() -> Document<'static> {
        let calendar = Component::new("VCALENDAR", LineEnding::CrLf);
        Document { items: vec![Item::Component(Box::new(calendar))], ending: LineEnding::CrLf }
    }

    /// The text: for an unedited document exactly the bytes it was read from.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        write_items(&self.items, &mut out);
        out
    }

    /// The components at the top, usually one VCALENDAR.
    pub fn components(&self) -> impl Iterator<Item = &Component<'a>> {
        components(&self.items)
    }

    /// The components at the top, to edit.
    pub fn components_mut(&mut self) -> impl Iterator<Item = &mut Component<'a>> {
        components_mut(&mut self.items)
    }

    /// The line ending that the text uses (that of its first line).
    pub fn ending(&self) -> LineEnding {
        self.ending
    }
}

impl<'a> Component<'a> {
    /// A new empty component.
    pub fn new(name: &str, ending: LineEnding) -> Component<'static> {
        Component {
            name: name.to_owned(),
            begin: NewLine::new("BEGIN", name).build(ending),
            items: Vec::new(),
            end: NewLine::new("END", name).build(ending),
            ending,
        }
    }

    /// The name in upper case, such as `VEVENT`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The component's text alone.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out);
        out
    }

    /// Lines directly inside, blank and senseless ones too.
    pub fn lines(&self) -> impl Iterator<Item = &Line<'a>> {
        self.items.iter().filter_map(|item| match item {
            Item::Line(line) => Some(line),
            Item::Component(_) => None,
        })
    }

    /// Every line of that name directly inside (names compare without case and group).
    pub fn all<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'s Line<'a>> {
        self.lines().filter(move |line| line.is(name))
    }

    /// The first line of that name directly inside.
    pub fn first(&self, name: &str) -> Option<&Line<'a>> {
        self.lines().find(|line| line.is(name))
    }

    /// The first property of that name, read.
    pub fn property(&self, name: &str) -> Option<Property> {
        self.first(name).and_then(Line::property)
    }

    /// Nested components.
    pub fn components(&self) -> impl Iterator<Item = &Component<'a>> {
        components(&self.items)
    }

    /// Nested components, to edit.
    pub fn components_mut(&mut self) -> impl Iterator<Item = &mut Component<'a>> {
        components_mut(&mut self.items)
    }

    /// Puts these lines in the place of all lines of that name: the first old line's place, or
    /// behind the last property when there was none. An empty list removes the property.
    pub fn set(&mut self, name: &str, new: Vec<NewLine>) {
        let place = self.position(name).unwrap_or_else(|| self.end_of_properties());
        self.remove(name);
        let ending = self.ending;
        let lines = new.into_iter().map(|line| Item::Line(line.build(ending)));
        self.items.splice(place..place, lines);
    }

    /// Removes every line of that name, with the senseless lines that hang behind it (a value
    /// whose line break was not escaped goes as a whole).
    pub fn remove(&mut self, name: &str) {
        let mut in_removed = false;
        self.items.retain(|item| {
            let Item::Line(line) = item else {
                in_removed = false;
                return true;
            };
            if line.is(name) {
                in_removed = true;
            } else if !line.is_senseless() {
                in_removed = false;
            }
            !in_removed
        });
    }

    /// Goes through the lines of that name and keeps, drops or replaces each.
    pub fn rewrite(&mut self, name: &str, mut what: impl FnMut(&Property) -> Rewrite) {
        let ending = self.ending;
        self.items.retain_mut(|item| {
            let Item::Line(line) = item else { return true };
            let property = if line.is(name) { line.property() } else { None };
            match property.map(|property| what(&property)) {
                None | Some(Rewrite::Keep) => true,
                Some(Rewrite::Drop) => false,
                Some(Rewrite::Replace(new)) => {
                    *line = new.build(ending);
                    true
                }
            }
        });
    }

    /// Keeps, of the lines of that name, those whose meaning is in `wanted` or which have none for
    /// `meaning`; gives what of `wanted` no line says.
    pub(crate) fn keep_known<'w, T: Ord>(
        &mut self,
        name: &str,
        wanted: &'w BTreeSet<T>,
        meaning: impl Fn(&Property) -> Option<T>,
    ) -> Vec<&'w T> {
        let mut missing: BTreeSet<&T> = wanted.iter().collect();
        self.items.retain(|item| {
            let Item::Line(line) = item else { return true };
            if !line.is(name) {
                return true;
            }
            let Some(found) = line.property().and_then(|property| meaning(&property)) else {
                return true;
            };
            missing.remove(&found);
            wanted.contains(&found)
        });
        missing.into_iter().collect()
    }

    /// Removes the nested components for which `gone` says so.
    pub fn remove_components(&mut self, mut gone: impl FnMut(&Component<'a>) -> bool) {
        self.items.retain(|item| match item {
            Item::Line(_) => true,
            Item::Component(component) => !gone(component),
        });
    }

    /// Adds a component behind everything else.
    pub fn push(&mut self, component: Component<'a>) {
        self.items.push(Item::Component(Box::new(component)));
    }

    /// Adds a component before the first nested one (a VTIMEZONE belongs before its users).
    pub fn push_front(&mut self, component: Component<'a>) {
        let at = self.items.iter().position(|item| matches!(item, Item::Component(_)));
        let at = at.unwrap_or(self.items.len());
        self.items.insert(at, Item::Component(Box::new(component)));
    }

    /// Adds a line behind the last property.
    pub fn add(&mut self, line: NewLine) {
        let at = self.end_of_properties();
        self.items.insert(at, Item::Line(line.build(self.ending)));
    }

    /// Adds lines behind the last property, in their order.
    pub fn add_all(&mut self, lines: impl IntoIterator<Item = NewLine>) {
        let (at, ending) = (self.end_of_properties(), self.ending);
        let lines = lines.into_iter().map(|line| Item::Line(line.build(ending)));
        self.items.splice(at..at, lines);
    }

    /// The line ending that new lines get.
    pub fn ending(&self) -> LineEnding {
        self.ending
    }

    fn position(&self, name: &str) -> Option<usize> {
        self.items.iter().position(|item| matches!(item, Item::Line(line) if line.is(name)))
    }

    fn end_of_properties(&self) -> usize {
        self.items
            .iter()
            .position(|item| matches!(item, Item::Component(_)))
            .unwrap_or(self.items.len())
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.begin.raw());
        write_items(&self.items, out);
        out.extend_from_slice(self.end.raw());
    }
}

fn components<'s, 'a>(items: &'s [Item<'a>]) -> impl Iterator<Item = &'s Component<'a>> {
    items.iter().filter_map(|item| match item {
        Item::Line(_) => None,
        Item::Component(component) => Some(&**component),
    })
}

fn components_mut<'s, 'a>(
    items: &'s mut [Item<'a>],
) -> impl Iterator<Item = &'s mut Component<'a>> {
    items.iter_mut().filter_map(|item| match item {
        Item::Line(_) => None,
        Item::Component(component) => Some(&mut **component),
    })
}

/// Recursion here is bounded by [`MAX_DEPTH`].
fn write_items(items: &[Item<'_>], out: &mut Vec<u8>) {
    for item in items {
        match item {
            Item::Line(line) => out.extend_from_slice(line.raw()),
            Item::Component(component) => component.write(out),
        }
    }
}

/// What has been read so far: the open components, innermost last.
#[derive(Default)]
struct Builder<'a> {
    top: Vec<Item<'a>>,
    open: Vec<(String, Line<'a>, Vec<Item<'a>>)>,
    ending: Option<LineEnding>,
    lines: usize,
}

impl<'a> Builder<'a> {
    fn push(&mut self, raw: &'a [u8]) -> Result<(), TreeError> {
        self.lines += 1;
        if self.lines > MAX_LINES {
            return Err(TreeError::TooManyLines);
        }
        if self.ending.is_none() {
            self.ending = LineEnding::of(raw);
        }
        let line = Line::read(raw);
        if line.marks("BEGIN") {
            self.begin(line)
        } else if line.marks("END") {
            self.end(line)
        } else {
            self.add(Item::Line(line));
            Ok(())
        }
    }

    fn begin(&mut self, line: Line<'a>) -> Result<(), TreeError> {
        if self.open.len() == MAX_DEPTH {
            return Err(TreeError::TooDeep);
        }
        self.open.push((component_name(&line), line, Vec::new()));
        Ok(())
    }

    fn end(&mut self, line: Line<'a>) -> Result<(), TreeError> {
        let name = component_name(&line);
        match self.open.pop() {
            Some((open, begin, items)) if open == name => {
                let ending = self.ending.unwrap_or(LineEnding::CrLf);
                let component = Component { name, begin, items, end: line, ending };
                self.add(Item::Component(Box::new(component)));
                Ok(())
            }
            _ => Err(TreeError::StrayEnd(self.lines)),
        }
    }

    fn add(&mut self, item: Item<'a>) {
        match self.open.last_mut() {
            Some((_, _, items)) => items.push(item),
            None => self.top.push(item),
        }
    }

    fn finish(mut self) -> Result<Document<'a>, TreeError> {
        match self.open.pop() {
            Some((name, _, _)) => Err(TreeError::Unclosed(name)),
            None => {
                Ok(Document { items: self.top, ending: self.ending.unwrap_or(LineEnding::CrLf) })
            }
        }
    }
}

fn component_name(line: &Line<'_>) -> String {
    let value = line.property().map(|property| property.value).unwrap_or_default();
    value.trim().to_ascii_uppercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(inner: &str) -> String {
        format!("BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n{inner}END:VEVENT\r\nEND:VCALENDAR\r\n")
    }

    #[test]
    fn what_is_read_is_written_byte_for_byte() {
        let texts: [&[u8]; 9] = [
            b"",
            b"nonsense",
            b"\xEF\xBB\xBFBEGIN:VCALENDAR\r\nEND:VCALENDAR",
            b"begin:vcalendar\nSUMMARY:a\n\n\n  folded\n\tmore\r\nEND:vCalendar \r\n\r\n",
            b"BEGIN:X\rA:1\rEND:X\r",
            b"BEGIN:X\r\nSUMMARY:\xc3\r\n \xa4\r\nEND:X\r\n",
            b"BEGIN:X\r\nA;B=\"c;d:e\",f;B=g;b=:\"h\"\r\nA\r\n:\r\n;x:y\r\nEND:X\r\n",
            b"BEGIN:X\r\r\nA:\x00\xff\r\r\nEND:X\r\r\n",
            b" starts with a fold\r\nBEGIN:X\r\nEND:X\r\n",
        ];
        for text in texts {
            let document = Document::parse(text).expect("accepted");
            assert_eq!(document.to_bytes(), text, "{:?}", String::from_utf8_lossy(text));
        }
    }

    #[test]
    fn unbalanced_and_too_deep_texts_are_refused() {
        let deep = "BEGIN:X\r\n".repeat(5_000);
        assert_eq!(Document::parse(deep.as_bytes()), Err(TreeError::TooDeep));
        assert_eq!(Document::parse(b"BEGIN:X\r\n"), Err(TreeError::Unclosed("X".to_owned())));
        assert_eq!(Document::parse(b"BEGIN:X\nEND:Y\n"), Err(TreeError::StrayEnd(2)));
        assert_eq!(Document::parse(b"END:Y\n"), Err(TreeError::StrayEnd(1)));
        let many = b"\n".repeat(MAX_LINES + 1);
        assert_eq!(Document::parse(&many), Err(TreeError::TooManyLines));
        assert_eq!(Document::parse(&vec![b'x'; MAX_BYTES + 1]), Err(TreeError::TooLarge));
    }

    #[test]
    fn setting_a_property_changes_only_its_lines() {
        let text = event("UID:1\r\nX-A;Y=\"z\":1\r\nsummary:old\r\n  folded\r\nX-B:2\r\n");
        let mut document = Document::parse(text.as_bytes()).expect("accepted");
        let calendar = document.components_mut().next().expect("one");
        let event_component = calendar.components_mut().next().expect("one");
        event_component.set("SUMMARY", vec![NewLine::new("SUMMARY", "new")]);
        event_component.set("LOCATION", vec![NewLine::new("LOCATION", "here")]);
        let want = event("UID:1\r\nX-A;Y=\"z\":1\r\nSUMMARY:new\r\nX-B:2\r\nLOCATION:here\r\n");
        assert_eq!(String::from_utf8(document.to_bytes()).expect("text"), want);
    }

    #[test]
    fn removing_takes_the_senseless_rest_of_a_broken_value_along() {
        let text = event("X-PLACE;T=\"a\r\nb\":geo\r\nSUMMARY:x\r\nX-PLACE:2\r\n");
        let mut document = Document::parse(text.as_bytes()).expect("accepted");
        let calendar = document.components_mut().next().expect("one");
        calendar.components_mut().next().expect("one").remove("X-PLACE");
        let want = event("SUMMARY:x\r\n");
        assert_eq!(String::from_utf8(document.to_bytes()).expect("text"), want);
    }

    #[test]
    fn new_lines_take_the_line_ending_of_the_text() {
        let text = "BEGIN:VEVENT\nUID:1\nEND:VEVENT\n";
        let mut document = Document::parse(text.as_bytes()).expect("accepted");
        document.components_mut().next().expect("one").add(NewLine::new("SUMMARY", "s"));
        assert_eq!(document.to_bytes(), b"BEGIN:VEVENT\nUID:1\nSUMMARY:s\nEND:VEVENT\n");
    }
}
