//! `calpair connect`: a password comes in, never as an argument, or a person signs in at the
//! provider's own page. What doesn't look like an app-specific password is questioned before it is
//! sent to iCloud.

mod sign_in;

use std::time::Duration;

use secrecy::SecretString;

use super::asking::{self, Ground};
use crate::cli::{Cli, Connect as Options, Output};
use crate::config::{Account, Provider};
use crate::control::{Password, Request};
use crate::environment::Environment;
use crate::exit::Exit;
use crate::icloud::{self, Shape};
use crate::report::Link;
use crate::{secrets, terminal};

/// Gets the credential, and has it tried and kept.
pub(super) fn run(cli: &Cli, options: &Options, environment: &Environment) -> Exit {
    let ground = match Ground::enter(cli, environment) {
        Ok(ground) => ground,
        Err(exit) => return exit,
    };
    let Some(account) = ground.config.accounts.get(&options.account) else {
        let sentence = format!("the configuration has no account `{}`", options.account);
        terminal::complain(&sentence);
        return Exit::Usage;
    };
    if options.link {
        let request = Request::Link { account: options.account.as_str().to_owned() };
        let reply = ground.ask(environment, request);
        return asking::show(&reply, Output::default(), |link: &Link| format!("{}\n", link.url));
    }
    let obtained = match &account.provider {
        Provider::ICloud(dav) | Provider::CalDav(dav) => {
            with_password(account, &dav.username, options).map(|secret| (secret, None))
        }
        Provider::Google(_) | Provider::Microsoft(_) => {
            sign_in::run(&ground, account, options, environment)
        }
    };
    let (secret, lasts) = match obtained {
        Ok(obtained) => obtained,
        Err((exit, sentence)) => {
            terminal::eprint(&format!("calpair: {}\n", printable(&sentence)));
            return exit;
        }
    };
    let request = Request::Connect {
        account: options.account.as_str().to_owned(),
        password: Password(secret),
        replace: options.replace,
        lasts: lasts.map(|lasts| lasts.as_secs()),
    };
    asking::said(&ground.ask(environment, request))
}

/// The secret, or why there is none.
type Secret = Result<SecretString, (Exit, String)>;

/// A refresh token and how long it is good for, where that was said; or why there is none.
type SignedIn = Result<(SecretString, Option<Duration>), (Exit, String)>;

/// The text with its lines, and nothing else that acts on a terminal.
fn printable(text: &str) -> String {
    text.lines().map(terminal::escaped).collect::<Vec<_>>().join("\n")
}

fn with_password(account: &Account, username: &str, options: &Options) -> Secret {
    if options.no_browser || options.device || options.refresh_token_stdin {
        let provider = account.provider.as_str();
        let sentence = format!("`{}` is a {provider} account: it has a password", account.name);
        return Err((Exit::Usage, sentence));
    }
    let typed = if options.password_stdin {
        secrets::from_stdin(std::io::stdin().lock())
    } else {
        secrets::from_terminal(&prompt(account, username))
    };
    let typed = typed.map_err(|error| (Exit::Usage, asking::sentences(&error)))?;
    meant(account, typed, options.force).ok_or((Exit::Usage, icloud::QUESTIONED.to_owned()))
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
