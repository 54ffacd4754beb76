//! The command line: every command with its options and its help. Knows the words, does nothing.
//! Names are read into types here; whether they exist, the configuration knows.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use model::{AccountName, PairName};

use crate::control::Keep;

/// Keeps two calendars the same, both ways.
#[derive(Debug, Parser)]
#[command(
    name = "calpair",
    version,
    max_term_width = 100,
    arg_required_else_help = true,
    after_help = FIRST_STEPS
)]
pub struct Cli {
    /// The configuration file.
    ///
    /// Without it: $CALPAIR_CONFIG, then ~/.config/calpair/calpair.toml, then
    /// /etc/calpair/calpair.toml.
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Says more on stderr; twice for everything. $RUST_LOG goes before it.
    #[arg(long, short, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,

    /// How the log is written.
    #[arg(long, global = true, value_name = "FORMAT", value_enum, default_value = "auto")]
    pub log: LogFormat,

    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// How the log is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// The journal's own fields when systemd reads stderr, else text.
    #[default]
    Auto,
    /// One line of text a record.
    Text,
    /// One flat JSON object a line.
    Json,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Runs the daemon, in the foreground.
    #[command(after_help = RUN)]
    Run,

    /// Syncs now, once.
    #[command(after_help = SYNC)]
    Sync(Sync),

    /// Checks the configuration.
    #[command(after_help = CHECK)]
    Check(Check),

    /// Connects an account: asks for its password, or opens the provider's page in the browser.
    #[command(after_help = CONNECT)]
    Connect(Connect),

    /// Forgets an account's password. What was synced stays, and so does what calpair remembers.
    #[command(after_help = "Example:\n  calpair disconnect home")]
    Disconnect(Account),

    /// Lists the accounts and whether they are connected.
    #[command(after_help = "Examples:\n  calpair accounts\n  calpair accounts --json")]
    Accounts(Output),

    /// Lists an account's calendars, with their ids and rights.
    #[command(after_help = "Examples:\n  calpair calendars home\n  calpair calendars home --json")]
    Calendars(Calendars),

    /// Shows how accounts and pairs stand, and what to do.
    #[command(after_help = STATUS)]
    Status(Status),

    /// Explains why an event was or wasn't synced, and what the other side can't hold.
    #[command(after_help = EXPLAIN)]
    Explain(Explain),

    /// Lists what was changed on both sides, differently, and waits for somebody's choice.
    #[command(after_help = "Examples:\n  calpair conflicts\n  calpair conflicts --json")]
    Conflicts(Output),

    /// Settles a conflict.
    #[command(after_help = "Examples:\n  calpair resolve 3 --keep left\n  \
        calpair resolve 3 --keep both")]
    Resolve(Resolve),

    /// Puts back what was there before a change.
    #[command(after_help = "Example:\n  calpair restore 17")]
    Restore(Restore),

    /// Shows every write, with before and after.
    #[command(after_help = HISTORY)]
    History(History),

    /// Stops syncing a pair, until `resume`.
    #[command(after_help = "Example:\n  calpair pause family")]
    Pause(Pair),

    /// Goes on with a paused pair.
    #[command(after_help = "Example:\n  calpair resume family")]
    Resume(Pair),

    /// Lets a halted plan through, exactly as it was shown.
    #[command(after_help = APPROVE)]
    Approve(Pair),

    /// Ends a pair: forgets what belongs together. Copies stay unless you ask.
    #[command(after_help = DETACH)]
    Detach(Detach),

    /// Sets the password of the page at `listen`, or takes it away.
    #[command(after_help = PAGE_PASSWORD)]
    PagePassword(PagePassword),

    /// Looks for what could be wrong on this machine, and says what to do.
    #[command(after_help = "Examples:\n  calpair doctor\n  calpair doctor --json")]
    Doctor(Output),

    /// Shows the whole product without an account: simulated servers, two calendars, a story.
    #[command(after_help = DEMO)]
    Demo(Demo),

    /// Prints completions for a shell.
    #[command(after_help = COMPLETIONS)]
    Completions(Completions),

    /// Prints the manual page, or writes one for every command.
    #[command(after_help = "Examples:\n  calpair man | man -l -\n  calpair man target/man")]
    Man(Man),
}

/// What a report is written as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Args)]
pub struct Output {
    /// Prints one JSON document.
    #[arg(long)]
    pub json: bool,
}

/// `sync`
#[derive(Debug, Args)]
pub struct Sync {
    /// The pairs; all of them if none is named.
    #[arg(value_name = "PAIR")]
    pub pairs: Vec<PairName>,
    /// Shows what would be done, field by field, and writes nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Text or JSON.
    #[command(flatten)]
    pub output: Output,
}

/// `check`
#[derive(Debug, Args)]
pub struct Check {
    /// Also asks the servers: accounts, calendars, rights.
    #[arg(long)]
    pub online: bool,
    /// Text or JSON.
    #[command(flatten)]
    pub output: Output,
}

/// `connect`
#[derive(Debug, Args)]
pub struct Connect {
    /// The account, as the configuration names it.
    pub account: AccountName,
    /// Reads the password from the first line of stdin.
    #[arg(long)]
    pub password_stdin: bool,
    /// Opens no browser: prints the address of the provider's page.
    ///
    /// The address that the browser ends at, wherever it runs, is pasted back.
    #[arg(long, conflicts_with_all = ["password_stdin", "refresh_token_stdin"])]
    pub no_browser: bool,
    /// Shows a code that is typed into Microsoft's page on any device.
    #[arg(long, conflicts_with_all = ["password_stdin", "refresh_token_stdin", "no_browser"])]
    pub device: bool,
    /// Reads a refresh token, made with the same OAuth client, from the first line of stdin.
    #[arg(long, conflicts_with = "password_stdin")]
    pub refresh_token_stdin: bool,
    /// Sends the password as it was typed, even if it doesn't look like an app-specific one.
    #[arg(long)]
    pub force: bool,
    /// Prints a link to the connect page, which somebody else can follow.
    ///
    /// It is for this account, works once, and holds for a day or until calpair is started again.
    #[arg(long, conflicts_with_all = [
        "password_stdin", "refresh_token_stdin", "no_browser", "force", "replace",
    ])]
    pub link: bool,
    /// Takes a credential of somebody else than before.
    ///
    /// calpair then forgets what it remembers of this account, and syncs as if for the first time.
    #[arg(long)]
    pub replace: bool,
}

/// `resolve`
#[derive(Debug, Args)]
pub struct Resolve {
    /// The conflict, as `conflicts` names it.
    pub id: String,
    /// What wins; with `both` the right side's version becomes an event of its own.
    #[arg(long, value_enum)]
    pub keep: Keep,
}

/// `restore`
#[derive(Debug, Args)]
pub struct Restore {
    /// The change, as `history` names it.
    pub change: String,
}

/// `page-password`
#[derive(Debug, Args)]
pub struct PagePassword {
    /// Reads the password from the first line of stdin.
    #[arg(long)]
    pub password_stdin: bool,
    /// Takes the password away; on this machine the page then needs none, and shows no titles.
    #[arg(long, conflicts_with = "password_stdin")]
    pub remove: bool,
}

/// A command about an account.
#[derive(Debug, Args)]
pub struct Account {
    /// The account, as the configuration names it.
    pub account: AccountName,
}

/// `calendars`
#[derive(Debug, Args)]
pub struct Calendars {
    /// The account, as the configuration names it.
    pub account: AccountName,
    /// Text or JSON.
    #[command(flatten)]
    pub output: Output,
}

/// `status`
#[derive(Debug, Args)]
pub struct Status {
    /// The pair; all of them if none is named.
    pub pair: Option<PairName>,
    /// Text or JSON.
    #[command(flatten)]
    pub output: Output,
}

/// `explain`
#[derive(Debug, Args)]
pub struct Explain {
    /// The pair.
    pub pair: PairName,
    /// The event: its UID, or a part of its title.
    pub event: String,
    /// Text or JSON.
    #[command(flatten)]
    pub output: Output,
}

/// `history`
#[derive(Debug, Args)]
pub struct History {
    /// The pair; all of them if none is named.
    pub pair: Option<PairName>,
    /// Only writes to the event of this UID.
    #[arg(long, value_name = "UID")]
    pub event: Option<String>,
    /// Text or JSON.
    #[command(flatten)]
    pub output: Output,
}

/// A command about a pair.
#[derive(Debug, Args)]
pub struct Pair {
    /// The pair.
    pub pair: PairName,
}

/// `detach`
#[derive(Debug, Args)]
pub struct Detach {
    /// The pair.
    pub pair: PairName,
    /// Deletes what calpair made on each side. What was there before stays.
    #[arg(long)]
    pub remove_copies: bool,
}

/// `demo`
#[derive(Debug, Args)]
pub struct Demo {
    /// Plays the story to its end, compares both sides, and exits.
    #[arg(long)]
    pub once: bool,
}

/// `completions`
#[derive(Debug, Args)]
pub struct Completions {
    /// The shell.
    pub shell: Shell,
}

/// `man`
#[derive(Debug, Args)]
pub struct Man {
    /// Where to write the pages; without it, the main one is printed.
    pub directory: Option<PathBuf>,
}

const FIRST_STEPS: &str = "\
First steps:
  calpair demo                 see it work, without an account
  calpair check                is the configuration right?
  calpair connect home         enter the password of account `home`
  calpair sync --dry-run       what would be done?
  calpair run                  keep the calendars the same";

const RUN: &str = "\
The configuration is watched; a valid change is taken up without a restart. SIGHUP reads it again,
SIGTERM and SIGINT stop within 5 seconds.

Examples:
  calpair run
  calpair run --config /etc/calpair/calpair.toml --log json";

const SYNC: &str = "\
Exit codes: 0 in sync, 1 failed, 3 reconnect needed, 4 halted, 6 conflicts or problems are open,
75 try again later. Of several pairs the gravest decides.

Examples:
  calpair sync
  calpair sync family --dry-run
  calpair sync family --json";

const CHECK: &str = "\
Examples:
  calpair check
  calpair check --config new.toml --online";

const CONNECT: &str = "\
iCloud wants an app-specific password: account.apple.com, Sign-In and Security, App-Specific
Passwords. It has 16 letters; the dashes may be left out.

Examples:
  calpair connect home
  pass show icloud/calpair | calpair connect home --password-stdin
  calpair connect work --no-browser
  calpair connect home --link";

const PAGE_PASSWORD: &str = "\
Without a password the page is for this machine only, and shows no titles. Where it listens beyond
this machine, or `public_url` leads to it from elsewhere, it opens only when a password is set.

Examples:
  calpair page-password
  pass show calpair/page | calpair page-password --password-stdin";

const STATUS: &str = "\
Examples:
  calpair status
  calpair status family --json";

const EXPLAIN: &str = "\
Examples:
  calpair explain family dentist
  calpair explain family 4F7A2C1E-0B7D-4D5B-9B1F-1F2A3B4C5D6E";

const HISTORY: &str = "\
Examples:
  calpair history
  calpair history family --event 4F7A2C1E-0B7D-4D5B-9B1F-1F2A3B4C5D6E --json";

const APPROVE: &str = "\
A plan that deletes much is not carried out before somebody has looked at it. `calpair status`
says what it would do; `calpair sync PAIR --dry-run` shows it event by event.

Example:
  calpair approve family";

const DETACH: &str = "\
Examples:
  calpair detach family
  calpair detach family --remove-copies";

const DEMO: &str = "\
Nothing leaves this machine, and nothing stays behind.

Examples:
  calpair demo
  calpair demo --once";

const COMPLETIONS: &str = "\
Examples:
  calpair completions bash > ~/.local/share/bash-completion/completions/calpair
  calpair completions zsh > ~/.zfunc/_calpair
  calpair completions fish > ~/.config/fish/completions/calpair.fish";

impl Cli {
    /// Reads a command line, the program's name first.
    ///
    /// # Errors
    /// It can't be read, or asks for help or the version: clap's error knows what to print and
    /// the exit code.
    pub fn read<I>(arguments: I) -> Result<Self, clap::Error>
    where
        I: IntoIterator,
        I::Item: Into<OsString> + Clone,
    {
        Self::try_parse_from(arguments)
    }

    /// The completions of a shell.
    pub fn completions(shell: Shell) -> Vec<u8> {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut Self::command(), "calpair", &mut script);
        script
    }

    /// Manual pages with their file names: `calpair.1`, then one for every command.
    ///
    /// # Errors
    /// None that is known: they are written to memory.
    pub fn manual() -> std::io::Result<Vec<(String, Vec<u8>)>> {
        let mut whole = Self::command();
        whole.build();
        let commands: Vec<clap::Command> = whole
            .get_subcommands()
            .filter(|command| command.get_name() != "help")
            .cloned()
            .collect();
        let mut pages = Vec::new();
        for command in std::iter::once(whole).chain(commands) {
            let name = command.get_display_name().unwrap_or(command.get_name()).to_owned();
            let mut page = Vec::new();
            clap_mangen::Man::new(command).render(&mut page)?;
            pages.push((format!("{name}.1"), page));
        }
        Ok(pages)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Cli, clap::Error> {
        Cli::read(line.split(' '))
    }

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_documented_line_is_read() {
        let lines = [
            "calpair run",
            "calpair run --config c.toml --log json",
            "calpair --config c.toml run",
            "calpair sync",
            "calpair sync family office --dry-run --json",
            "calpair check --online",
            "calpair check --json",
            "calpair connect home --password-stdin --force --replace",
            "calpair disconnect home",
            "calpair accounts --json",
            "calpair calendars home --json",
            "calpair status",
            "calpair status family --json",
            "calpair explain family dentist",
            "calpair history",
            "calpair history family --event u@x --json",
            "calpair pause family",
            "calpair resume family",
            "calpair approve family",
            "calpair detach family",
            "calpair detach family --remove-copies",
            "calpair doctor --json",
            "calpair demo",
            "calpair demo --once",
            "calpair completions bash",
            "calpair man",
            "calpair man out",
            "calpair sync -vv",
            "calpair sync --verbose",
        ];
        for line in lines {
            assert!(read(line).is_ok(), "{line}: {}", read(line).unwrap_err());
        }
    }

    #[test]
    fn wrong_lines_are_usage_errors() {
        let lines = [
            "calpair",
            "calpair snyc",
            "calpair connect",
            "calpair status a b",
            "calpair pause",
            "calpair explain family",
            "calpair run --json",
            "calpair sync --log xml",
            "calpair completions cmd",
        ];
        for line in lines {
            assert_eq!(read(line).unwrap_err().exit_code(), 2, "{line}");
        }
        assert_eq!(read("calpair --help").unwrap_err().exit_code(), 0);
        assert_eq!(read("calpair sync --help").unwrap_err().exit_code(), 0);
        assert!(read("calpair snyc").unwrap_err().to_string().contains("'sync'"));
    }

    #[test]
    fn every_command_has_help_with_an_example() {
        for command in Cli::command().get_subcommands() {
            let name = command.get_name();
            assert!(command.get_about().is_some(), "{name} says nothing");
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(
                help.contains(&format!("  calpair {name}")) || help.contains("| calpair"),
                "{name}"
            );
            for line in help.lines().filter_map(|line| line.trim().strip_prefix("calpair ")) {
                let typed = line.split([';', '|', '>']).next().unwrap_or_default().trim();
                assert!(read(&format!("calpair {typed}")).is_ok(), "{typed}");
            }
        }
    }

    #[test]
    fn completions_and_manual_pages_are_made() {
        for shell in Shell::value_variants() {
            let script = String::from_utf8(Cli::completions(*shell)).unwrap();
            assert!(script.contains("remove-copies"), "{shell}");
        }
        let pages = Cli::manual().unwrap();
        let names: Vec<&str> = pages.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names[..3], ["calpair.1", "calpair-run.1", "calpair-sync.1"]);
        assert_eq!(pages.len(), 1 + Cli::command().get_subcommands().count());
        assert!(String::from_utf8_lossy(&pages[2].1).contains("dry\\-run"));
    }
}
