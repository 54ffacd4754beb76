//! A record before it is written: what was said, where, how grave, and its fields.

use std::fmt::{Debug, Write};

use model::Timestamp;
use tracing::Level;
use tracing::field::{Field, Visit};

/// Log fields are names, numbers and reasons; a longer value is somebody's document, which has no
/// place here, and a record must fit into a datagram.
const LONGEST: usize = 4096;

/// The field that holds the sentence.
pub(super) const MESSAGE: &str = "message";

/// A record.
pub(super) struct Record<'a> {
    pub(super) at: Timestamp,
    pub(super) level: Level,
    pub(super) target: &'a str,
    pub(super) fields: Fields,
}

impl Record<'_> {
    /// The sentence, if it has one.
    pub(super) fn message(&self) -> String {
        self.fields.get(MESSAGE).map(Value::text).unwrap_or_default()
    }
}

/// What a field holds.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Text(String),
    Signed(i64),
    Unsigned(u64),
    Float(f64),
    Flag(bool),
}

impl Value {
    /// As text, not escaped.
    pub(super) fn text(&self) -> String {
        match self {
            Value::Text(text) => text.clone(),
            Value::Signed(number) => number.to_string(),
            Value::Unsigned(number) => number.to_string(),
            Value::Float(number) => number.to_string(),
            Value::Flag(flag) => flag.to_string(),
        }
    }
}

/// Fields in the order in which they were said, each name once.
#[derive(Clone, Debug, Default)]
pub(super) struct Fields(Vec<(&'static str, Value)>);

impl Fields {
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(own, _)| *own == name).map(|(_, value)| value)
    }

    /// Every field but the sentence.
    pub(super) fn others(&self) -> impl Iterator<Item = (&'static str, &Value)> {
        self.0.iter().filter(|(name, _)| *name != MESSAGE).map(|(name, value)| (*name, value))
    }

    /// Takes over what isn't there yet.
    pub(super) fn complete(&mut self, outer: &Fields) {
        for (name, value) in outer.others() {
            if self.get(name).is_none() {
                self.0.push((name, value.clone()));
            }
        }
    }

    fn put(&mut self, field: &Field, value: Value) {
        match self.0.iter_mut().find(|(own, _)| *own == field.name()) {
            Some((_, old)) => *old = value,
            None => self.0.push((field.name(), value)),
        }
    }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, Value::Float(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, Value::Signed(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, Value::Unsigned(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, Value::Flag(value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        let mut short = Short::default();
        let _ = short.write_str(value);
        self.put(field, Value::Text(short.text));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let mut short = Short::default();
        // The error is its own, when it is full.
        let _ = write!(short, "{value:?}");
        self.put(field, Value::Text(short.text));
    }
}

/// Text up to the limit; what is longer ends with an ellipsis.
#[derive(Default)]
struct Short {
    text: String,
}

impl Write for Short {
    fn write_str(&mut self, more: &str) -> std::fmt::Result {
        let room = LONGEST.saturating_sub(self.text.len());
        if more.len() <= room {
            self.text.push_str(more);
            return Ok(());
        }
        self.text.push_str(&more[..more.floor_char_boundary(room)]);
        self.text.push('…');
        Err(std::fmt::Error)
    }
}
