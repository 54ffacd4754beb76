//! What is wrong (or doubtful) in a configuration: a sentence, the place, what to do. Shown in
//! full on a terminal, as one line in a log. Never shows a secret: see `mask`.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError,
    MietteSpanContents, Severity, SourceCode, SourceSpan, SpanContents,
};

use super::mask::masked;

/// Findings beyond this many are counted, not shown: nobody corrects more in one go, and a file
/// that isn't a configuration at all would print for ever.
const SHOWN: usize = 20;

/// A place longer than this is drawn by its beginning.
const LONGEST_PLACE: usize = 100;

/// What is drawn of a line before and behind a place. A file with all on one line is drawn in part.
const AROUND: usize = 120;

/// One thing that is wrong or doubtful, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    sentence: String,
    label: Option<String>,
    help: Option<String>,
    span: Range<usize>,
    shown: Shown,
}

/// Whether what stands at the place may be repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shown {
    AsMasked,
    Hidden,
}

impl Finding {
    /// A finding about the bytes of `span`.
    pub(super) fn new(span: Range<usize>, sentence: impl Into<String>) -> Self {
        Self {
            sentence: masked(&sentence.into()),
            label: None,
            help: None,
            span,
            shown: Shown::AsMasked,
        }
    }

    /// Words to stand at the place itself.
    pub(super) fn label(self, label: impl Into<String>) -> Self {
        Self { label: Some(masked(&label.into())), ..self }
    }

    /// What to do about it.
    pub(super) fn help(self, help: impl Into<Option<String>>) -> Self {
        Self { help: help.into().map(|help| masked(&help)), ..self }
    }

    /// The same, for a place that may hold a secret by itself.
    pub(super) fn hidden(self) -> Self {
        Self { shown: Shown::Hidden, ..self }
    }

    /// What is wrong, in one sentence.
    pub fn sentence(&self) -> &str {
        &self.sentence
    }

    /// What to do about it.
    pub fn suggestion(&self) -> Option<&str> {
        self.help.as_deref()
    }
}

/// What was found in one file, in the order of the file.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    file: String,
    /// Masked, with every byte in its place.
    text: Arc<str>,
    list: Vec<Finding>,
}

/// How findings are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drawing {
    /// Lines and colours, for a terminal.
    Coloured,
    /// Lines without colours.
    Plain,
}

impl Findings {
    pub(super) fn new(file: &str, text: &str, mut list: Vec<Finding>) -> Self {
        list.sort_by_key(|finding| (finding.span.start, finding.span.end));
        let file = crate::terminal::escaped(file).into_owned();
        // Most files have nothing to show, and masking costs more than the rest of a quiet sync.
        let mut shown = if list.is_empty() { String::new() } else { masked(text) };
        for finding in list.iter().filter(|finding| finding.shown == Shown::Hidden) {
            let stars = "*".repeat(finding.span.len());
            shown.replace_range(finding.span.clone(), &stars);
        }
        Self { file, text: shown.into(), list }
    }

    /// The findings.
    pub fn list(&self) -> &[Finding] {
        &self.list
    }

    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// One line each: `FILE:LINE:COLUMN: sentence; suggestion`.
    pub fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> =
            self.list.iter().take(SHOWN).map(|finding| self.line(finding)).collect();
        if self.list.len() > SHOWN {
            lines.push(format!("{}: and {} more", self.file, self.list.len() - SHOWN));
        }
        lines
    }

    fn line(&self, finding: &Finding) -> String {
        let (line, column) = place(&self.text, finding.span.start);
        let help = finding.help.as_ref().map(|help| format!("; {help}")).unwrap_or_default();
        format!("{}:{line}:{column}: {}{help}", self.file, finding.sentence)
    }

    /// Errors as a person is shown them, with the place drawn.
    pub fn errors(&self, drawing: Drawing) -> String {
        self.drawn(drawing, Severity::Error)
    }

    /// Warnings as a person is shown them, with the place drawn.
    pub fn warnings(&self, drawing: Drawing) -> String {
        self.drawn(drawing, Severity::Warning)
    }

    fn drawn(&self, drawing: Drawing, severity: Severity) -> String {
        let theme = match drawing {
            Drawing::Coloured => GraphicalTheme::unicode(),
            Drawing::Plain => GraphicalTheme::unicode_nocolor(),
        };
        let pen = GraphicalReportHandler::new_themed(theme)
            .with_width(100)
            .with_context_lines(1)
            .with_links(false);
        let source = WholeLines { file: &self.file, text: &self.text };
        let mut text = String::new();
        for finding in self.list.iter().take(SHOWN) {
            let drawn = Drawn { finding, severity, source: &source };
            pen.render_report(&mut text, &drawn).expect("a String takes every write");
        }
        if self.list.len() > SHOWN {
            text.push_str(&format!("  and {} more\n", self.list.len() - SHOWN));
        }
        text
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.lines().join("\n"))
    }
}

impl std::error::Error for Findings {}

/// Line and column, from 1, columns in characters.
pub(super) fn place(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |end| end + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

#[derive(Debug)]
struct Drawn<'a> {
    finding: &'a Finding,
    severity: Severity,
    source: &'a WholeLines<'a>,
}

impl fmt::Display for Drawn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.finding.sentence)
    }
}

impl std::error::Error for Drawn<'_> {}

impl Diagnostic for Drawn<'_> {
    fn severity(&self) -> Option<Severity> {
        Some(self.severity)
    }

    fn help<'b>(&'b self) -> Option<Box<dyn fmt::Display + 'b>> {
        self.finding.help.as_ref().map(|help| Box::new(help) as _)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(self.source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let span = self.finding.span.clone();
        let end = self.source.text.floor_char_boundary(span.end.min(span.start + LONGEST_PLACE));
        let length = end.saturating_sub(span.start);
        let label = LabeledSpan::new(self.finding.label.clone(), span.start, length);
        Some(Box::new(std::iter::once(label)))
    }
}

/// Gives the drawing the lines that a place is on, never their neighbours: what stands there is
/// nobody's business.
#[derive(Debug)]
struct WholeLines<'a> {
    file: &'a str,
    text: &'a str,
}

impl SourceCode for WholeLines<'_> {
    fn read_span<'b>(
        &'b self,
        span: &SourceSpan,
        before: usize,
        _after: usize,
    ) -> Result<Box<dyn SpanContents<'b> + 'b>, MietteError> {
        let (start, end) = (span.offset(), span.offset() + span.len());
        let (Some(head), Some(tail)) = (self.text.get(..start), self.text.get(end..)) else {
            return Err(MietteError::OutOfBounds);
        };
        // Without context the drawing asks only for the place itself.
        let (from, to) = match before {
            0 => (start, end),
            _ => {
                let first = head.rfind('\n').map_or(0, |newline| newline + 1);
                let last = tail.find('\n').map_or(self.text.len(), |newline| end + newline);
                let (near, far) = (start.saturating_sub(AROUND), end + AROUND);
                let near = self.text.ceil_char_boundary(near);
                (first.max(near), last.min(self.text.floor_char_boundary(far)))
            }
        };
        let (line, column) = place(self.text, from);
        let contents = MietteSpanContents::new_named(
            String::from(self.file),
            &self.text.as_bytes()[from..to],
            (from, to - from).into(),
            line - 1,
            column - 1,
            self.text[from..to].lines().count(),
        );
        Ok(Box::new(contents))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_counts_characters_from_one() {
        let text = "ab\nä = 1\n";
        assert_eq!(place(text, 0), (1, 1));
        assert_eq!(place(text, 3), (2, 1));
        assert_eq!(place(text, 8), (2, 5));
        assert_eq!(place(text, 999), (3, 1));
    }

    #[test]
    fn a_long_line_is_drawn_in_part() {
        let text = format!("a = \"{}\" # wrong {}", "ä".repeat(5000), "x".repeat(5000));
        let at = text.find("wrong").unwrap();
        for span in [at..at + 5, 0..text.len(), 4..8000, text.len()..text.len()] {
            let findings = Findings::new("f.toml", &text, vec![Finding::new(span, "wrong")]);
            let drawn = findings.errors(Drawing::Plain);
            assert!(drawn.lines().all(|line| line.chars().count() < 400), "{drawn}");
        }
        let findings = Findings::new("f.toml", &text, vec![Finding::new(at..at + 5, "wrong")]);
        assert!(findings.errors(Drawing::Plain).contains("[f.toml:1:5010]"));
    }

    #[test]
    fn many_findings_are_counted() {
        let list = (0..30).map(|at| Finding::new(at..at + 1, "wrong")).collect();
        let findings = Findings::new("f.toml", &"x".repeat(30), list);
        assert_eq!(findings.lines().len(), SHOWN + 1);
        assert!(findings.lines()[SHOWN].ends_with("and 10 more"));
        assert!(findings.errors(Drawing::Plain).contains("and 10 more"));
    }
}
