//! The forms of a record: text, JSON, the journal.

use std::os::unix::net::UnixDatagram;

use serde_json::{Map, Number, Value as Json};
use tracing::Level;

use super::journal;
use super::record::{MESSAGE, Record, Value};
use crate::config::Drawing;
use crate::terminal::{escaped, is_unprintable};

/// How records are written.
pub(super) enum Form {
    /// A line for people.
    Text(Drawing),
    /// A flat JSON object.
    Json,
    /// The journal's own fields; a line when the journal takes nothing.
    Journal(UnixDatagram),
}

impl Form {
    /// The line to be written, if the record didn't go elsewhere.
    pub(super) fn line(&self, record: &Record<'_>) -> Option<String> {
        match self {
            Form::Text(drawing) => Some(text(record, *drawing)),
            Form::Json => Some(json(record)),
            Form::Journal(socket) => match socket.send(&journal::datagram(record)) {
                Ok(_) => None,
                Err(_) => Some(text(record, Drawing::Plain)),
            },
        }
    }
}

/// `TIME LEVEL message name=value …`
fn text(record: &Record<'_>, drawing: Drawing) -> String {
    let level = format!("{:>5}", record.level.as_str());
    let level = match drawing {
        Drawing::Plain => level,
        Drawing::Coloured => format!("\u{1b}[{}m{level}\u{1b}[0m", colour(record.level)),
    };
    let mut line = format!("{:.0} {level}", record.at);
    let message = record.message();
    if !message.is_empty() {
        line.push(' ');
        line.push_str(&escaped(&message));
    }
    for (name, value) in record.fields.others().filter(|(name, _)| *name != journal::MESSAGE_ID) {
        line.push_str(&format!(" {name}={}", word(&value.text())));
    }
    line
}

/// A value as one word, in quotes where it needs them.
fn word(text: &str) -> String {
    let plain = |c: char| !c.is_whitespace() && !is_unprintable(c) && !"\"\\=".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("\"{}\"", escaped(&text.replace('\\', "\\\\").replace('"', "\\\"")))
}

/// SGR colours, as most programs use them.
const fn colour(level: Level) -> &'static str {
    match level {
        Level::ERROR => "1;31",
        Level::WARN => "33",
        Level::INFO => "32",
        Level::DEBUG => "34",
        Level::TRACE => "35",
    }
}

fn json(record: &Record<'_>) -> String {
    let mut object = Map::new();
    object.insert("timestamp".into(), format!("{:.6}", record.at).into());
    object.insert("level".into(), record.level.as_str().into());
    object.insert("target".into(), record.target.into());
    object.insert(MESSAGE.into(), record.message().into());
    for (name, value) in record.fields.others() {
        // The record's own words go before a field that is called the same.
        object.entry(name).or_insert_with(|| match value {
            Value::Text(text) => text.as_str().into(),
            Value::Signed(number) => (*number).into(),
            Value::Unsigned(number) => (*number).into(),
            Value::Float(number) => {
                Number::from_f64(*number).map_or_else(|| number.to_string().into(), Json::Number)
            }
            Value::Flag(flag) => (*flag).into(),
        });
    }
    // JSON escapes the ASCII controls; the others stand in strings only, so they can be escaped in
    // the finished line.
    let line = Json::Object(object).to_string();
    if !line.chars().any(is_unprintable) {
        return line;
    }
    let mut harmless = String::with_capacity(line.len());
    for c in line.chars() {
        if is_unprintable(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                harmless.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            harmless.push(c);
        }
    }
    harmless
}
