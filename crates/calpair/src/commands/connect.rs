//! `calpair connect`: a password comes in, never as an argument. What doesn't look like an
//! app-specific password is questioned before it is sent to iCloud.

use secrecy::SecretString;

use super::asking::{self, Ground};
use crate::cli::{Cli, Connect as Options};
use crate::config::{Account, Provider};
use crate::control::{Password, Request};
use crate::environment::Environment;
use crate::exit::Exit;
use crate::icloud::{self, Shape};
use crate::{secrets, terminal};

/// Asks for the password, and has it tried and kept.
pub(super) fn run(cli: &Cli, options: &Options, environment: &Environment) -> Exit {
    let ground = match Ground::enter(cli, environment) {
        Ok(ground) => ground,
        Err(exit) => return exit,
    };
    let complain = |exit, sentence: &str| {
        terminal::complain(sentence);
        exit
    };
    let Some(account) = ground.config.accounts.get(&options.account) else {
        let sentence = format!("the configuration has no account `{}`", options.account);
        return complain(Exit::Usage, &sentence);
    };
    let username = match account.dav() {
        Ok(dav) => &dav.username,
        Err(error) => return complain(Exit::Usage, &error.to_string()),
    };
    let typed = if options.password_stdin {
        secrets::from_stdin(std::io::stdin().lock())
    } else {
        secrets::from_terminal(&prompt(account, username))
    };
    let typed = match typed {
        Ok(typed) => typed,
        Err(error) => return complain(Exit::Usage, &asking::sentences(&error)),
    };
    let Some(password) = meant(account, typed, options.force) else {
        terminal::eprint(&format!("calpair: {}\n", icloud::QUESTIONED));
        return Exit::Usage;
    };
    let request = Request::Connect {
        account: options.account.as_str().to_owned(),
        password: Password(password),
        replace: options.replace,
    };
    asking::said(&ground.ask(environment, request))
}

fn prompt(account: &Account, username: &str) -> String {
    match account.provider {
        Provider::ICloud(_) => format!("App-specific password of {username}: "),
        Provider::CalDav(_) | Provider::Google(_) | Provider::Microsoft(_) => {
            format!("Password of {username}: ")
        }
    }
}

/// The password as it is to be sent; `None` when it is no app-specific one and should be.
fn meant(account: &Account, typed: SecretString, force: bool) -> Option<SecretString> {
    match account.provider {
        Provider::ICloud(_) if !force => match icloud::shape(&typed) {
            Shape::AppSpecific(password) => Some(password),
            Shape::Other => None,
        },
        Provider::ICloud(_)
        | Provider::CalDav(_)
        | Provider::Google(_)
        | Provider::Microsoft(_) => Some(typed),
    }
}
