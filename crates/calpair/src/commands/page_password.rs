//! `calpair page-password`: sets the password of the page, while the daemon runs or not. Nobody is
//! in by the one before any more.

use engine::Chance;

use super::asking;
use crate::cli::{Cli, PagePassword as Options};
use crate::config;
use crate::environment::Environment;
use crate::exit::Exit;
use crate::secrets::{self, PagePassword};
use crate::terminal;

/// Sets it, or takes it away.
pub(super) fn run(cli: &Cli, options: &Options, environment: &Environment) -> Exit {
    match change(cli, options, environment) {
        Ok(sentence) => {
            terminal::complain(sentence);
            Exit::Fine
        }
        Err((exit, sentence)) => {
            terminal::eprint(&sentence);
            exit
        }
    }
}

fn change(
    cli: &Cli,
    options: &Options,
    environment: &Environment,
) -> Result<&'static str, (Exit, String)> {
    let said = |exit, text: String| (exit, format!("calpair: {}\n", terminal::escaped(&text)));
    let usage = |error: &dyn std::error::Error| said(Exit::Usage, asking::sentences(error));
    let file = config::file(cli.config.as_deref(), environment, &|path| path.exists())
        .map_err(|error| usage(&error))?;
    let config = config::load(&file)
        .map_err(|error| (Exit::Usage, error.render(terminal::drawing(environment))))?;
    let state = config::state_dir(&config, environment).map_err(|error| usage(&error))?;
    if options.remove {
        PagePassword::remove(&state).map_err(|e| said(Exit::Failed, asking::sentences(&e)))?;
        return Ok("the page has no password any more");
    }
    let typed = if options.password_stdin {
        secrets::from_stdin(std::io::stdin().lock())
    } else {
        secrets::from_terminal("New password of the page: ")
    };
    let typed = typed.map_err(|error| usage(&error))?;
    let salt = Chance::from_system().bytes();
    PagePassword::set(&state, &typed, &salt).map_err(|error| usage(&error))?;
    Ok("the page's password is set; whoever is signed in signs in again")
}
