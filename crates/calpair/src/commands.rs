//! From a command line to an exit code. Each command is one file below; here is only who is called.

mod check;

use std::process::ExitCode;

use crate::cli::{Cli, Command};
use crate::environment::Environment;
use crate::exit::Exit;
use crate::terminal;

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
    match &cli.command {
        Command::Check(options) => check::run(cli, options, environment),
        Command::Completions(options) => {
            terminal::print(&String::from_utf8_lossy(&Cli::completions(options.shell)));
            Exit::Fine
        }
        Command::Man(options) => manual(options.directory.as_deref()),
        Command::Run
        | Command::Sync(_)
        | Command::Connect(_)
        | Command::Disconnect(_)
        | Command::Accounts(_)
        | Command::Calendars(_)
        | Command::Status(_)
        | Command::Explain(_)
        | Command::History(_)
        | Command::Pause(_)
        | Command::Resume(_)
        | Command::Approve(_)
        | Command::Detach(_)
        | Command::Doctor(_)
        | Command::Demo(_) => {
            terminal::complain("this command is not built into this version yet");
            Exit::Failed
        }
    }
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
