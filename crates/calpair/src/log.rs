//! The log: one record, one line, wherever it goes.
//!
//! Text for people, the journal's own fields under systemd, flat JSON on request. What a field
//! holds may come from a stranger's server: it is escaped, and it is short. Writing never fails
//! the program: a closed stderr or a full disk loses lines, nothing else. What may be said is
//! decided where it is said; titles and passwords never get here, because they can't be printed.

pub mod alert;
mod form;
mod journal;
mod record;

use std::io::stderr;
use std::os::unix::net::UnixDatagram;

use tracing::span::{Attributes, Id};
use tracing::subscriber::{SetGlobalDefaultError, set_global_default};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::filter::{FilterExt, filter_fn};
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::registry::{LookupSpan, Registry};
use tracing_subscriber::{EnvFilter, Layer};

use crate::cli::LogFormat;
use crate::environment::Environment;
use crate::terminal::Screen;

use form::Form;
use record::{Fields, Record};

/// Our crates. Everybody else's debug output can carry headers and addresses, so it stops at INFO
/// whatever the filter says.
const OURS: [&str; 12] = [
    "caldav",
    "calpair",
    "engine",
    "google",
    "ical",
    "microsoft",
    "model",
    "provider",
    "reconcile",
    "sandbox",
    "store",
    "transport",
];

/// Where journald listens.
const JOURNAL: &str = "/run/systemd/journal/socket";

/// Begins to log. Returns what was wrong with `$RUST_LOG`, to be said once the log runs.
///
/// # Errors
/// The process logs already.
pub fn begin(
    format: LogFormat,
    verbose: u8,
    environment: &Environment,
    screen: &Screen,
) -> Result<Option<String>, SetGlobalDefaultError> {
    let (filter, complaint) = filter(environment.text("RUST_LOG"), verbose);
    let journal = match format {
        LogFormat::Auto => journal(environment),
        LogFormat::Text | LogFormat::Json => None,
    };
    let form = match (format, journal) {
        (LogFormat::Json, _) => Form::Json,
        (LogFormat::Auto, Some(socket)) => Form::Journal(socket),
        (LogFormat::Auto | LogFormat::Text, _) => Form::Text(crate::terminal::drawing(environment)),
    };
    let screen = screen.clone();
    let lines = Lines { form, write: move |line: &str| screen.line(line) };
    set_global_default(
        Registry::default().with(lines.with_filter(filter.and(filter_fn(may_be_said)))),
    )?;
    Ok(complaint)
}

/// What passes: `$RUST_LOG`, else by `--verbose`.
fn filter(rust_log: Option<&str>, verbose: u8) -> (EnvFilter, Option<String>) {
    let (ours, others) = match verbose {
        0 => ("info", "warn"),
        1 => ("debug", "info"),
        2.. => ("trace", "info"),
    };
    let usual = || {
        let ours = OURS.map(|name| format!("{name}={ours}"));
        EnvFilter::new(format!("{others},{}", ours.join(",")))
    };
    match rust_log.map(EnvFilter::try_new) {
        Some(Ok(filter)) => (filter, None),
        Some(Err(error)) => (usual(), Some(format!("$RUST_LOG is ignored: {error}"))),
        None => (usual(), None),
    }
}

/// The journal, if it is what stderr leads to.
fn journal(environment: &Environment) -> Option<UnixDatagram> {
    let stream = environment.text("JOURNAL_STREAM")?;
    let stat = rustix::fs::fstat(stderr()).ok()?;
    if stream != format!("{}:{}", stat.st_dev, stat.st_ino) {
        return None;
    }
    let socket = UnixDatagram::unbound().ok()?;
    socket.connect(JOURNAL).ok()?;
    Some(socket)
}

/// Turns events into lines.
struct Lines<W> {
    form: Form,
    write: W,
}

impl<S, W> Layer<S> for Lines<W>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: Fn(&str) + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id) {
            let mut fields = Fields::default();
            attributes.record(&mut fields);
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &tracing::span::Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        // From the innermost span outwards: what is nearer goes before what is farther.
        for span in context.event_scope(event).into_iter().flatten() {
            if let Some(outer) = span.extensions().get::<Fields>() {
                fields.complete(outer);
            }
        }
        let metadata = event.metadata();
        let record =
            Record { at: now(), level: *metadata.level(), target: metadata.target(), fields };
        if let Some(line) = self.form.line(&record) {
            (self.write)(&line);
        }
    }
}

fn may_be_said(metadata: &Metadata<'_>) -> bool {
    let origin = metadata.target().split("::").next().unwrap_or_default();
    *metadata.level() <= Level::INFO || OURS.contains(&origin)
}

#[expect(clippy::disallowed_methods, reason = "a record carries the time at which it was written")]
fn now() -> model::Timestamp {
    model::Timestamp::now()
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use serde_json::Value;
    use tracing::{debug, error, info, info_span, subscriber::with_default, trace, warn};

    use super::*;
    use crate::config::Drawing;

    /// The lines that `act` logs in this form.
    fn lines(form: Form, filter: EnvFilter, act: impl FnOnce()) -> Vec<String> {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let ears = Arc::clone(&heard);
        let lines = Lines { form, write: move |line: &str| ears.lock().unwrap().push(line.into()) };
        let filter = filter.and(filter_fn(may_be_said));
        with_default(Registry::default().with(lines.with_filter(filter)), act);
        let heard: Vec<String> = std::mem::take(&mut heard.lock().unwrap());
        heard
    }

    fn all() -> EnvFilter {
        EnvFilter::new("trace")
    }

    /// Without the time in front.
    fn texts(act: impl FnOnce()) -> Vec<String> {
        let lines = lines(Form::Text(Drawing::Plain), all(), act);
        lines.iter().map(|line| line.split_once(' ').unwrap().1.to_owned()).collect()
    }

    #[test]
    fn text_has_the_message_and_the_fields() {
        let said = texts(|| {
            let _span = info_span!("cycle", pair = "family", run = 7).entered();
            info!(created = 2, reason = "new on right", done = true, "changed");
            warn!(target: "engine", pair = "other", "late");
            error!(empty = "", quote = "a\"b\\");
        });
        assert_eq!(
            said,
            [
                " INFO changed created=2 reason=\"new on right\" done=true pair=family run=7",
                " WARN late pair=other run=7",
                "ERROR empty=\"\" quote=\"a\\\"b\\\\\" pair=family run=7",
            ]
        );
    }

    #[test]
    fn one_record_is_one_harmless_line_in_every_form() {
        let evil = "x\n2026-01-01T00:00:00Z ERROR forged\r\u{1b}[2J\u{202e}\u{2028}\u{7f}\u{85}";
        let act = || {
            let _span = info_span!("s", outer = evil).entered();
            info!(field = evil, debug = ?evil, "{evil}");
        };
        for form in [Form::Text(Drawing::Plain), Form::Json] {
            let said = lines(form, all(), act);
            assert_eq!(said.len(), 1);
            let bad = said[0].chars().find(|c| crate::terminal::is_unprintable(*c));
            assert_eq!(bad, None, "{:?}", said[0]);
        }
    }

    #[test]
    fn json_is_flat_and_keeps_types() {
        let said = lines(Form::Json, all(), || {
            let _span = info_span!("cycle", pair = "family", level = "mine").entered();
            info!(target: "engine::cycle", n = 3u64, neg = -1, half = 0.5, yes = true,
                text = "a\u{1b}ü", "done");
        });
        let value: Value = serde_json::from_str(&said[0]).unwrap();
        let mut keys: Vec<&String> = value.as_object().unwrap().keys().collect();
        keys.sort();
        let expected =
            ["half", "level", "message", "n", "neg", "pair", "target", "text", "timestamp", "yes"];
        assert_eq!(keys, expected);
        assert_eq!(value["level"], "INFO");
        assert_eq!(value["target"], "engine::cycle");
        assert_eq!(value["message"], "done");
        assert_eq!((&value["n"], &value["neg"]), (&3.into(), &(-1).into()));
        assert_eq!((&value["half"], &value["yes"]), (&0.5.into(), &true.into()));
        assert_eq!(value["text"], "a\u{1b}ü");
        assert!(value["timestamp"].as_str().unwrap().ends_with('Z'));
    }

    #[test]
    fn a_long_value_is_cut() {
        let long = "ä".repeat(100_000);
        let said = texts(|| info!("{long}"));
        assert!(said[0].len() < 20_000 && said[0].ends_with('…'), "{}", said[0].len());
    }

    #[test]
    fn others_are_heard_up_to_info_only_and_ours_as_asked() {
        let act = || {
            trace!(target: "h2::proto", "authorization: Basic c2VjcmV0");
            debug!(target: "hyper", "secret");
            debug!(target: "calpairish", "secret");
            info!(target: "hyper", "heard");
            trace!(target: "transport::client", "heard");
        };
        assert_eq!(lines(Form::Json, all(), act).len(), 2);
        for (rust_log, verbose, expected) in
            [(None, 0, 0), (None, 1, 1), (None, 2, 2), (Some("off"), 2, 0), (Some("=,=x"), 2, 2)]
        {
            let (filter, complaint) = filter(rust_log, verbose);
            assert_eq!(lines(Form::Json, filter, act).len(), expected, "{rust_log:?} {verbose}");
            assert_eq!(complaint.is_some(), rust_log == Some("=,=x"));
        }
    }
}
