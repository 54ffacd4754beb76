//! From a command line to an exit code. Each command is one file below; here is only who is called.

pub(crate) mod asking;
mod check;
mod connect;
mod doctor;
mod page_password;
pub(crate) mod run;

use std::process::ExitCode;

use crate::cli::{Cli, Command};

use crate::control::Request;
#[cfg(feature = "demo")]
use crate::demo::{self, Stay};
use crate::environment::Environment;
use crate::exit::Exit;
use crate::{terminal, text};

/// Runs the program with these arguments, its own name first.
pub fn run(arguments: impl Iterator<Item = std::ffi::OsString>) -> ExitCode {
    // Passwords and keys pass through this memory: no core dump, no look from outside.
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
    let arguments: Vec<_> = arguments.collect();
    match Cli::read(arguments) {
        Ok(cli) => dispatch(&cli, &Environment::of_process()).into(),
        Err(answer) => {
            // Help goes to stdout, a complaint to stderr; if nobody reads it, so be it.
            let _ = answer.print();
            u8::try_from(answer.exit_code()).unwrap_or(Exit::Usage.code()).into()
        }
    }
}

fn dispatch(cli: &Cli, environment: &Environment) -> Exit {
    let order = |request| asking::order(cli, environment, request);
    match &cli.command {
        Command::Check(options) => check::run(cli, options, environment),
        Command::Completions(options) => {
            terminal::print(&String::from_utf8_lossy(&Cli::completions(options.shell)));
            Exit::Fine
        }
        Command::Man(options) => manual(options.directory.as_deref()),
        Command::Sync(options) => {
            let pairs = options.pairs.iter().map(|pair| pair.as_str().to_owned()).collect();
            let request = Request::Sync { pairs, dry_run: options.dry_run };
            asking::report(cli, environment, options.output, request, text::sync)
        }
        Command::Connect(options) => connect::run(cli, options, environment),
        Command::PagePassword(options) => page_password::run(cli, options, environment),
        Command::Disconnect(options) => {
            let account = options.account.as_str().to_owned();
            asking::order(cli, environment, Request::Disconnect { account })
        }
        Command::Accounts(output) => {
            asking::report(cli, environment, *output, Request::Accounts, text::accounts)
        }
        Command::Calendars(options) => {
            let request = Request::Calendars { account: options.account.as_str().to_owned() };
            asking::report(cli, environment, options.output, request, text::calendars)
        }
        Command::Status(options) => {
            let pair = options.pair.as_ref().map(|pair| pair.as_str().to_owned());
            let request = Request::Status { pair };
            asking::report(cli, environment, options.output, request, text::status)
        }
        Command::Explain(options) => {
            let (pair, event) = (options.pair.as_str().to_owned(), options.event.clone());
            let request = Request::Explain { pair, event };
            asking::report(cli, environment, options.output, request, text::explain)
        }
        Command::Resolve(options) => {
            order(Request::Resolve { id: options.id.clone(), keep: options.keep })
        }
        Command::Restore(options) => order(Request::Restore { change: options.change.clone() }),
        Command::Conflicts(output) => {
            asking::report(cli, environment, *output, Request::Conflicts, text::conflicts)
        }
        Command::History(options) => {
            let pair = options.pair.as_ref().map(|pair| pair.as_str().to_owned());
            let request = Request::History { pair: pair.clone(), event: options.event.clone() };
            let told =
                |history: &_| text::history(history, pair.as_deref(), options.event.as_deref());
            asking::report(cli, environment, options.output, request, told)
        }
        Command::Pause(options) => order(Request::Pause { pair: options.pair.to_string() }),
        Command::Resume(options) => order(Request::Resume { pair: options.pair.to_string() }),
        Command::Approve(options) => order(Request::Approve { pair: options.pair.to_string() }),
        Command::Detach(options) => {
            let pair = options.pair.as_str().to_owned();
            let request = Request::Detach { pair, remove_copies: options.remove_copies };
            asking::order(cli, environment, request)
        }
        Command::Run => run::run(cli, environment),
        Command::Doctor(output) => doctor::run(cli, *output, environment),
        Command::Demo(options) => demonstrate(options.once, environment),
    }
}

#[cfg(feature = "demo")]
fn demonstrate(once: bool, environment: &Environment) -> Exit {
    let stay = if once { Stay::No } else { Stay::Yes };
    demo::run(stay, environment)
}

#[cfg(not(feature = "demo"))]
fn demonstrate(_once: bool, _environment: &Environment) -> Exit {
    terminal::complain("this calpair was built without the demo (cargo feature `demo`)");
    Exit::Failed
}

/// Prints the main page, or writes every page into a folder.
fn manual(directory: Option<&std::path::Path>) -> Exit {
    let written = Cli::manual().and_then(|pages| match directory {
        None => {
            let page = pages.first().map(|(_, page)| String::from_utf8_lossy(page));
            terminal::print(&page.unwrap_or_default());
            Ok(())
        }
        Some(directory) => {
            std::fs::create_dir_all(directory)?;
            pages.iter().try_for_each(|(name, page)| std::fs::write(directory.join(name), page))
        }
    });
    match written {
        Ok(()) => Exit::Fine,
        Err(error) => {
            terminal::complain(&format!("the manual can't be written: {error}"));
            Exit::Failed
        }
    }
}
