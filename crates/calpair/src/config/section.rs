//! Reading one table of the file: each key is asked for by name and read into a type, what is
//! wrong is noted with its place, and what nobody asked for is an unknown key. Knows the shapes of
//! TOML, nothing of what the keys mean.

use std::cell::RefCell;
use std::ops::{Range, RangeInclusive};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::finding::Finding;

/// The longest piece of the file that a sentence repeats.
const QUOTED: usize = 60;

/// Why a value isn't taken, and what to write instead.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) sentence: String,
    pub(super) help: Option<String>,
    /// Whether the value may be a secret, or have one in it.
    pub(super) secret: bool,
}

impl Wrong {
    pub(super) fn new(sentence: impl Into<String>) -> Self {
        Self { sentence: sentence.into(), help: None, secret: false }
    }

    pub(super) fn help(self, help: impl Into<Option<String>>) -> Self {
        Self { help: help.into(), ..self }
    }

    pub(super) fn secret(self) -> Self {
        Self { secret: true, ..self }
    }
}

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(super) struct At<T> {
    pub(super) value: T,
    pub(super) span: Range<usize>,
}

/// Where findings are noted while a file is read.
#[derive(Debug, Default)]
pub(super) struct Notes(RefCell<Vec<Finding>>);

impl Notes {
    pub(super) fn add(&self, finding: Finding) {
        self.0.borrow_mut().push(finding);
    }

    pub(super) fn count(&self) -> usize {
        self.0.borrow().len()
    }

    pub(super) fn into_list(self) -> Vec<Finding> {
        self.0.into_inner()
    }
}

/// A table of the file while it is read.
pub(super) struct Section<'a> {
    /// As messages call it: `[daemon]`, `pair \`family\``.
    name: String,
    span: Range<usize>,
    table: &'a DeTable<'a>,
    asked: Vec<&'static str>,
    notes: &'a Notes,
}

type Reading<'a, T> = (Range<usize>, &'a str, fn(&str) -> Result<T, Wrong>);

impl<'a> Section<'a> {
    pub(super) fn new(
        name: impl Into<String>,
        span: Range<usize>,
        table: &'a DeTable<'a>,
        notes: &'a Notes,
    ) -> Self {
        Self { name: name.into(), span, table, asked: Vec::new(), notes }
    }

    pub(super) fn notes(&self) -> &'a Notes {
        self.notes
    }

    /// Where the table begins: its header, or all of an inline table.
    pub(super) fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    pub(super) fn rename(&mut self, name: String) {
        self.name = name;
    }

    /// Every key with its place, asked for or not; asking for all of them is the caller's to do.
    pub(super) fn entries(
        &self,
    ) -> impl Iterator<Item = (At<&'a str>, &'a Spanned<DeValue<'a>>)> + use<'a> {
        self.table
            .iter()
            .map(|(key, value)| (At { value: key.get_ref().as_ref(), span: key.span() }, value))
    }

    /// Whether the key stands there.
    pub(super) fn has(&self, key: &str) -> bool {
        self.place(key).is_some()
    }

    /// Where the key stands.
    pub(super) fn place(&self, key: &str) -> Option<Range<usize>> {
        self.entries().find(|(name, _)| name.value == key).map(|(name, _)| name.span)
    }

    fn value(&mut self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.asked.push(key);
        self.entries().find(|(name, _)| name.value == key).map(|(_, value)| value)
    }

    /// Notes that the key must be there when it isn't.
    pub(super) fn require(&mut self, key: &'static str, example: &str) {
        if !self.has(key) {
            self.notes.add(
                Finding::new(self.span(), format!("{} has no `{key}`", self.name))
                    .label(format!("`{key}` is missing here"))
                    .help(format!("add `{key} = {example}`")),
            );
        }
    }

    /// A text, as it stands.
    pub(super) fn text(&mut self, key: &'static str) -> Option<At<String>> {
        self.parsed(key, |text| Ok(text.to_owned()))
    }

    /// A text read into a type.
    pub(super) fn parsed<T>(
        &mut self,
        key: &'static str,
        read: fn(&str) -> Result<T, Wrong>,
    ) -> Option<At<T>> {
        let value = self.value(key)?;
        let text = self.string(key, value, "KEY = \"…\"")?;
        self.read((value.span(), text, read))
    }

    fn string(&self, key: &str, value: &'a Spanned<DeValue<'a>>, example: &str) -> Option<&'a str> {
        let text = value.get_ref().as_str();
        if text.is_none() {
            self.wrong_type(key, value, "a text in quotes", example);
        }
        text
    }

    fn read<T>(&self, (span, text, read): Reading<'_, T>) -> Option<At<T>> {
        match read(text) {
            Ok(value) => Some(At { value, span }),
            Err(wrong) => {
                self.wrong(span, wrong);
                None
            }
        }
    }

    /// Notes that what stands at `span` isn't taken.
    pub(super) fn wrong(&self, span: Range<usize>, wrong: Wrong) {
        let finding = Finding::new(span, wrong.sentence).help(wrong.help);
        self.notes.add(if wrong.secret { finding.hidden() } else { finding });
    }

    /// One of a few words.
    pub(super) fn choice<T: Copy>(
        &mut self,
        key: &'static str,
        choices: &[(&str, T)],
    ) -> Option<At<T>> {
        let value = self.value(key)?;
        let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
        let text = self.string(key, value, &format!("KEY = \"{}\"", words[0]))?;
        let chosen = choices.iter().find(|(word, _)| *word == text);
        if chosen.is_none() {
            let help = did_you_mean(text, &words)
                .unwrap_or_else(|| format!("one of {}", words.join(", ")));
            let wrong = Wrong::new(format!("`{key}` can't be `{}`", quoted(text))).help(help);
            self.wrong(value.span(), wrong);
        }
        chosen.map(|(_, choice)| At { value: *choice, span: value.span() })
    }

    /// `true` or `false`.
    pub(super) fn flag(&mut self, key: &'static str) -> Option<bool> {
        let value = self.value(key)?;
        let flag = value.get_ref().as_bool();
        if flag.is_none() {
            self.wrong_type(key, value, "true or false", "KEY = true");
        }
        flag
    }

    /// A whole number within limits.
    pub(super) fn number(&mut self, key: &'static str, within: RangeInclusive<u32>) -> Option<u32> {
        let value = self.value(key)?;
        let Some(integer) = value.get_ref().as_integer() else {
            self.wrong_type(key, value, "a whole number", &format!("KEY = {}", within.end()));
            return None;
        };
        let number = i64::from_str_radix(integer.as_str(), integer.radix()).ok();
        let number = number.and_then(|number| u32::try_from(number).ok());
        let fits = number.filter(|number| within.contains(number));
        if fits.is_none() {
            let (low, high) = (within.start(), within.end());
            let sentence = format!("`{key}` can't be {integer}");
            let help = format!("a number from {low} to {high}");
            self.wrong(value.span(), Wrong::new(sentence).help(help));
        }
        fits
    }

    /// A list of texts, none of them empty.
    pub(super) fn texts(&mut self, key: &'static str) -> Option<At<Vec<String>>> {
        let value = self.value(key)?;
        let Some(items) = value.get_ref().as_array() else {
            self.wrong_type(key, value, "a list of texts", "KEY = [\"…\"]");
            return None;
        };
        let before = self.notes.count();
        let texts = items.iter().filter_map(|item| {
            let text = self.string(key, item, "KEY = [\"…\"]")?;
            if text.is_empty() {
                self.wrong(item.span(), Wrong::new(format!("`{key}` has an empty text")));
            }
            Some(text.to_owned())
        });
        let texts: Vec<String> = texts.collect();
        (self.notes.count() == before).then(|| At { value: texts, span: value.span() })
    }

    /// A table within this one.
    pub(super) fn section(&mut self, key: &'static str, name: String) -> Option<Section<'a>> {
        let value = self.value(key)?;
        self.open(key, name, value)
    }

    /// The tables of `[[key]]`.
    pub(super) fn sections(&mut self, key: &'static str, name: &str) -> Vec<Section<'a>> {
        let Some(value) = self.value(key) else { return Vec::new() };
        let Some(items) = value.get_ref().as_array() else {
            self.wrong_type(key, value, "a list of tables", "[[KEY]]");
            return Vec::new();
        };
        let tables = items.iter().filter_map(|item| self.open(key, name.to_owned(), item));
        tables.collect()
    }

    /// What stands at the key: a text, or a table.
    pub(super) fn text_or_section(
        &mut self,
        key: &'static str,
        name: String,
    ) -> Option<Result<At<&'a str>, Section<'a>>> {
        let value = self.value(key)?;
        match value.get_ref().as_str() {
            Some(text) => Some(Ok(At { value: text, span: value.span() })),
            None => self.open(key, name, value).map(Err),
        }
    }

    /// A value as a table.
    pub(super) fn open(
        &self,
        key: &str,
        name: String,
        value: &'a Spanned<DeValue<'a>>,
    ) -> Option<Section<'a>> {
        let Some(table) = value.get_ref().as_table() else {
            self.wrong_type(key, value, "a table", "KEY = { … }");
            return None;
        };
        Some(Section::new(name, value.span(), table, self.notes))
    }

    fn wrong_type(&self, key: &str, value: &Spanned<DeValue<'_>>, wanted: &str, example: &str) {
        let found = match value.get_ref() {
            DeValue::String(_) => "a text",
            DeValue::Integer(_) => "a whole number",
            DeValue::Float(_) => "a number with a point",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        let sentence = format!("`{}` must be {wanted}, not {found}", quoted(key));
        let help = format!("write `{}`", example.replace("KEY", &quoted(key)));
        self.notes.add(Finding::new(value.span(), sentence).help(help));
    }

    /// Notes every key that nobody asked for. `elsewhere` may know where a key belongs.
    pub(super) fn finish(self, elsewhere: impl Fn(&str) -> Option<String>) {
        for (key, _) in self.entries().filter(|(key, _)| !self.asked.contains(&key.value)) {
            let help = elsewhere(key.value)
                .or_else(|| did_you_mean(key.value, &self.asked))
                .or_else(|| Some(format!("the keys here are {}", self.asked.join(", "))));
            let sentence = format!("{} has no key `{}`", self.name, quoted(key.value));
            self.notes.add(Finding::new(key.span, sentence).label("unknown key").help(help));
        }
    }
}

/// A piece of the file as a sentence repeats it: short, and harmless.
pub(super) fn quoted(text: &str) -> String {
    let mut short: String = text.chars().take(QUOTED).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    crate::terminal::escaped(&short).into_owned()
}

/// "did you mean" the nearest of the known words, if one is near.
pub(super) fn did_you_mean(text: &str, known: &[&str]) -> Option<String> {
    let lower = text.to_lowercase();
    // A third of the letters may be wrong: enough for a slip, too little for another word.
    let near = |word: &str| strsim::damerau_levenshtein(&lower, &word.to_lowercase());
    let (distance, word) = known.iter().map(|word| (near(word), *word)).min()?;
    let allowed = (text.chars().count() / 3).max(1);
    (distance <= allowed).then(|| format!("did you mean `{word}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_suggested_and_a_far_one_is_not() {
        let known = ["interval", "listen", "confirm"];
        assert_eq!(did_you_mean("intervall", &known).unwrap(), "did you mean `interval`?");
        assert_eq!(did_you_mean("Listen", &known).unwrap(), "did you mean `listen`?");
        assert_eq!(did_you_mean("lsiten", &known).unwrap(), "did you mean `listen`?");
        assert_eq!(did_you_mean("colour", &known), None);
        assert_eq!(did_you_mean("x", &[]), None);
    }

    #[test]
    fn a_quotation_is_short_and_harmless() {
        assert_eq!(quoted("a\u{1b}b"), "a\\u{1b}b");
        assert_eq!(quoted(&"x".repeat(100)).chars().count(), QUOTED + 1);
    }
}
