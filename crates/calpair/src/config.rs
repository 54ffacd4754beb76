//! `calpair.toml`: from text to types, whole or not at all.
//!
//! The file is parsed into a tree that knows where everything stands, and walked by code that asks
//! for each key by name, so that several mistakes are reported at once, each with its place and a
//! suggestion. What comes out holds only what is allowed. Reading is pure: text and a file name in,
//! [`Config`] or [`Findings`] out; only [`load`] touches the disk. It knows which providers exist,
//! nothing of what they are like.

mod account;
mod daemon;
mod finding;
mod links;
mod mask;
mod pair;
mod place;
mod ring;
mod section;
mod value;

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use model::{AccountName, PairName};
use toml::de::DeTable;

pub use account::{Account, Cloud, Dav, Google, Microsoft, Provider};
pub use daemon::{Alerts, Daemon, Secrets};
pub use finding::{Drawing, Finding, Findings};
pub use pair::{Crossing, End, Pair, Pattern, Skip, Window};
pub use place::{NoStateDir, NotFound, file, state_dir};
pub use value::{Endpoint, Listen};

use crate::environment::Environment;
use links::Accounts;
use section::{Notes, Section};

/// A thousand pairs fit; a log file that was named by mistake doesn't.
const LARGEST: usize = 1 << 20;

/// A valid configuration.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// `[daemon]`.
    pub daemon: Daemon,
    /// `[secrets]`.
    pub secrets: Secrets,
    /// `[alerts]`.
    pub alerts: Alerts,
    /// `[accounts.*]` by name.
    pub accounts: BTreeMap<AccountName, Account>,
    /// `[[pairs]]` in the order of the file.
    pub pairs: Vec<Pair>,
    /// What is allowed and probably not meant.
    pub warnings: Findings,
}

impl Config {
    /// The pair of this name.
    pub fn pair(&self, name: &PairName) -> Option<&Pair> {
        self.pairs.iter().find(|pair| pair.name == *name)
    }
}

/// Equal when they say the same; the warnings follow from that.
impl PartialEq for Config {
    fn eq(&self, other: &Self) -> bool {
        let Self { daemon, secrets, alerts, accounts, pairs, warnings: _ } = self;
        *daemon == other.daemon
            && *secrets == other.secrets
            && *alerts == other.alerts
            && *accounts == other.accounts
            && *pairs == other.pairs
    }
}

/// A configuration that can't be had.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file can't be read.
    #[error("can't read {file}")]
    Unreadable {
        /// The file.
        file: String,
        /// Why.
        source: std::io::Error,
    },
    /// The file is no text of the size of a configuration.
    #[error("{file} is no configuration: {why}")]
    NoText {
        /// The file.
        file: String,
        /// Why.
        why: String,
    },
    /// The file says what can't be.
    #[error("{0}")]
    Invalid(Findings),
}

impl LoadError {
    /// As a person is shown it.
    pub fn render(&self, drawing: Drawing) -> String {
        match self {
            LoadError::Unreadable { source, .. } => format!("calpair: {self}: {source}\n"),
            LoadError::NoText { .. } => format!("calpair: {self}\n"),
            LoadError::Invalid(findings) => findings.errors(drawing),
        }
    }
}

/// Reads and parses a file.
///
/// # Errors
/// The file can't be read, or isn't valid.
pub fn load(path: &Path) -> Result<Config, LoadError> {
    let name = path.display().to_string();
    let text = read(path)?;
    parse(&text, &name).map_err(LoadError::Invalid)
}

/// Where state is by a file that is not valid, as far as that can still be told: a daemon may be
/// running on what stood there before.
pub(crate) fn state_dir_of_invalid(path: &Path, environment: &Environment) -> Option<PathBuf> {
    let text = read(path).ok()?;
    let (tree, _) = DeTable::parse_recoverable(text.strip_prefix('\u{feff}').unwrap_or(&text));
    let notes = Notes::default();
    let (config, ..) = sections(Section::new("the file", 0..0, tree.get_ref(), &notes));
    // Where the line was lost with what is broken, the usual place is a guess, and another's.
    let is_lost = config.daemon.state_dir.is_none() && text.contains("state_dir");
    if is_lost { None } else { state_dir(&config, environment).ok() }
}

/// The text of a file, if it can be a configuration.
pub(crate) fn read(path: &Path) -> Result<String, LoadError> {
    let file = crate::terminal::escaped(&path.display().to_string()).into_owned();
    let unreadable = |source| LoadError::Unreadable { file: file.clone(), source };
    let opened = std::fs::File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    opened.take(LARGEST as u64 + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() > LARGEST {
        return Err(LoadError::NoText { file, why: String::from("it has more than 1 MiB") });
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let byte = error.as_bytes()[at];
        // Up to there the text has the same bytes; then stands the sign for what can't be read.
        let text = String::from_utf8_lossy(error.as_bytes());
        let sentence = format!("the byte 0x{byte:02x} is not UTF-8");
        let help = "save the file in the encoding UTF-8, or write the letter anew";
        let finding = Finding::new(at..at + char::REPLACEMENT_CHARACTER.len_utf8(), sentence);
        LoadError::Invalid(Findings::new(&file, &text, vec![finding.help(help.to_owned())]))
    })
}

/// Parses the text of a file. `file` is only shown.
///
/// # Errors
/// Everything that is wrong with it, in the order of the file.
pub fn parse(text: &str, file: &str) -> Result<Config, Findings> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let (tree, broken) = DeTable::parse_recoverable(text);
    if !broken.is_empty() {
        let list = broken.iter().map(|error| {
            let span = error.span().unwrap_or(0..0);
            let help = about_toml(error.message(), line_before(text, span.start));
            Finding::new(span, error.message()).help(help)
        });
        return Err(Findings::new(file, text, list.collect()));
    }
    let notes = Notes::default();
    let whole = Section::new("the file", 0..0, tree.get_ref(), &notes);
    let (mut config, accounts, drafts) = sections(whole);
    let mut errors = links::errors(text, &accounts, &drafts);
    errors.extend(notes.into_list());
    if !errors.is_empty() {
        return Err(Findings::new(file, text, errors));
    }
    config.warnings = Findings::new(file, text, links::warnings(&accounts, &drafts));
    config.accounts =
        accounts.into_iter().filter_map(|(name, account)| Some((name, account?))).collect();
    config.pairs = drafts.into_iter().filter_map(|draft| draft.pair).collect();
    Ok(config)
}

fn sections(mut whole: Section<'_>) -> (Config, Accounts, Vec<pair::Draft>) {
    let daemon = part(&mut whole, "daemon").map(daemon::daemon).unwrap_or_default();
    let secrets = part(&mut whole, "secrets").map(daemon::secrets).unwrap_or_default();
    let alerts = part(&mut whole, "alerts").map(daemon::alerts).unwrap_or_default();
    let mut accounts = Accounts::new();
    if let Some(table) = part(&mut whole, "accounts") {
        for (key, value) in table.entries() {
            let name = match account::name(&key) {
                Ok(name) => name,
                Err(wrong) => {
                    table.wrong(key.span, wrong);
                    continue;
                }
            };
            let section = table.open(key.value, format!("[accounts.{name}]"), value);
            let account = section.and_then(|section| account::read(name.clone(), section));
            accounts.insert(name, account);
        }
    }
    let pairs = whole.sections("pairs", "this pair");
    let drafts = pairs.into_iter().map(|section| pair::read(section, daemon.interval)).collect();
    whole.finish(|key| match key {
        "pair" => Some(String::from("did you mean `[[pairs]]`?")),
        "account" => Some(String::from("did you mean `[accounts.NAME]`?")),
        _ => None,
    });
    (Config { daemon, secrets, alerts, ..Config::default() }, accounts, drafts)
}

fn part<'a>(whole: &mut Section<'a>, key: &'static str) -> Option<Section<'a>> {
    whole.section(key, format!("[{key}]"))
}

/// The line up to a place.
fn line_before(text: &str, at: usize) -> &str {
    let before = text.get(..at).unwrap_or(text).trim_end_matches('\n');
    before.rsplit('\n').next().unwrap_or(before)
}

/// What people who don't write TOML every day get wrong.
fn about_toml(message: &str, line: &str) -> Option<String> {
    if message.contains("unclosed table") || message.contains("unclosed array of tables") {
        let name = section::quoted(line.trim().trim_matches(['[', ']']).trim());
        return Some(match line.trim_start().starts_with("[[") {
            true => format!("did you mean `[[{name}]]`?"),
            false => format!("did you mean `[{name}]`?"),
        });
    }
    if message.contains("unclosed") {
        return Some(String::from("what is opened with `[`, `{` or a quote is closed again"));
    }
    if message.contains("must be quoted") || message.contains("missing opening quote") {
        return Some(String::from("texts stand in quotes: name = \"value\""));
    }
    if message.contains("duplicate key") {
        return Some(String::from("a key or table stands once; take one of the two out"));
    }
    None
}

#[cfg(test)]
mod tests;
