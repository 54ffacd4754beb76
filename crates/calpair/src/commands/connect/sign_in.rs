//! A sign-in from the command line: the browser is opened, or the address printed for one that
//! runs elsewhere; what comes back is exchanged for a refresh token.

use std::ffi::OsString;
use std::io::{IsTerminal, Read};
use std::process::{Command, Stdio};

use engine::Chance;
use model::AccountName;
use provider::{Error, ErrorKind};
use tokio::sync::mpsc;
use transport::oauth::{Client, ConsentError, DeviceCode, Grant};
use zeroize::Zeroizing;

use super::SignedIn;
use crate::cli::Connect as Options;
use crate::clock::SystemClock;
use crate::commands::asking::{self, Ground};
use crate::config::{Account, Provider};
use crate::control::Request;
use crate::environment::Environment;
use crate::exit::Exit;
use crate::report::Accounts;
use crate::signin::browser::{BrowserError, Waiting};
use crate::signin::device;
use crate::{google, microsoft, secrets, signin, terminal};

/// The longest line that is pasted.
const LONGEST: usize = 16 << 10;

/// A refresh token, from stdin or from a sign-in.
pub(super) fn run(
    ground: &Ground,
    account: &Account,
    options: &Options,
    environment: &Environment,
) -> SignedIn {
    let usage = |sentence: String| Err((Exit::Usage, sentence));
    let provider = account.provider.as_str();
    if options.password_stdin {
        return usage(format!(
            "`{}` is a {provider} account: it is connected in the browser, or with \
             --refresh-token-stdin",
            account.name
        ));
    }
    if options.refresh_token_stdin {
        return secrets::token_from_stdin(std::io::stdin().lock())
            .map(|token| (token, None))
            .map_err(|error| (Exit::Usage, asking::sentences(&error)));
    }
    let client = match signin::client(account) {
        Ok(Some(client)) => client,
        Ok(None) => return usage(format!("`{}` has no sign-in", account.name)),
        Err(reason) => return usage(format!("account {}: {reason}", account.name)),
    };
    let hint = if options.replace { None } else { identity(ground, environment, &account.name) };
    if options.device && !client.has_devices() {
        return usage(format!(
            "`{}` is a {provider} account: {} lets nobody use a calendar by a code that is typed \
             elsewhere; leave out --device, or use --no-browser",
            account.name,
            client.issuer(),
        ));
    }
    let runtime = asking::runtime().map_err(|reply| {
        (Exit::Failed, reply.message.unwrap_or_else(|| "no runtime".to_owned()))
    })?;
    let opens = if options.no_browser { None } else { Some(environment) };
    let secret = if options.device {
        runtime.block_on(by_code(account, &client))
    } else {
        runtime.block_on(in_browser(account, &client, hint.as_deref(), opens))
    };
    // A line that nobody types must not keep the command.
    runtime.shutdown_background();
    secret
}

/// Who was connected before, so that the provider's page offers that account first.
fn identity(ground: &Ground, environment: &Environment, name: &AccountName) -> Option<String> {
    let reply = ground.ask(environment, Request::Accounts);
    let accounts: Accounts = serde_json::from_value(reply.report).ok()?;
    let account = accounts.accounts.into_iter().find(|account| account.name == name.as_str())?;
    account.identity.filter(|identity| identity.contains('@'))
}

async fn in_browser(
    account: &Account,
    client: &Client,
    hint: Option<&str>,
    opens: Option<&Environment>,
) -> SignedIn {
    let failed = |error: BrowserError| match error {
        BrowserError::Refused(error) => (Exit::Failed, declined(account, &error)),
        BrowserError::TooLate => (Exit::TryAgain, error.to_string()),
        BrowserError::NoPort(_) => (Exit::Failed, asking::sentences(&error)),
    };
    let chance = Zeroizing::new(Chance::from_system().bytes());
    let waiting = Waiting::begin(client, &chance, hint).await.map_err(failed)?;
    let page = waiting.consent().url().as_str();
    match account.provider {
        Provider::Google(_) => terminal::eprint(&format!("{}\n", google::BEFORE)),
        Provider::Microsoft(_) => terminal::eprint(&format!("{}\n", microsoft::BEFORE)),
        Provider::ICloud(_) | Provider::CalDav(_) => {}
    }
    let opened = opens.is_some_and(|environment| open(environment, page));
    let words = match (opened, opens) {
        (true, _) => "The browser was sent to",
        (false, Some(_)) => "No browser could be opened. Open this address in one",
        (false, None) => "Open this address in a browser",
    };
    let pasting = opens.is_none() || std::io::stdin().is_terminal();
    let host = waiting.consent().redirect().rsplit_once(':').map_or("", |(host, _)| host);
    let also = if pasting {
        format!(
            "\nIf that browser runs on another machine, it ends at a page that it can't show: \
             copy that\npage's address ({host}:…) and paste it here."
        )
    } else {
        String::new()
    };
    terminal::eprint(&format!("{words}:\n\n{page}\n{also}\nWaiting for five minutes…\n"));
    let code = waiting.code(pasting.then(typed), &terminal::complain).await.map_err(failed)?;
    refresh(account, client.exchange(&code, waiting.consent()).await)
}

/// A code that a person types into the provider's page, wherever there is a browser.
async fn by_code(account: &Account, client: &Client) -> SignedIn {
    let show = |code: &DeviceCode| {
        let minutes = code.lifetime.as_secs() / 60;
        terminal::eprint(&format!(
            "Open this page in any browser, on any machine:\n\n{}\n\nand enter the code\n\n{}\n\n\
             Waiting for {minutes} minutes…\n",
            code.page, code.user_code,
        ));
    };
    refresh(account, device::grant(client, &SystemClock, show).await)
}

fn refresh(account: &Account, grant: provider::Result<Grant>) -> SignedIn {
    let refused = |error: Error| (exit(&error), format!("account {}: {error}", account.name));
    let grant = grant.map_err(refused)?;
    let none = || (Exit::Failed, "there is no refresh token".to_owned());
    Ok((grant.refresh.ok_or_else(none)?, grant.lasts))
}

fn declined(account: &Account, error: &ConsentError) -> String {
    match (error, &account.provider) {
        (ConsentError::Declined, Provider::Google(_)) => google::DECLINED.to_owned(),
        (ConsentError::Declined, Provider::Microsoft(_)) => microsoft::DECLINED.to_owned(),
        _ => format!("account {}: {error}", account.name),
    }
}

fn exit(error: &Error) -> Exit {
    match error.kind() {
        ErrorKind::Unauthorized => Exit::ReconnectNeeded,
        ErrorKind::RateLimited { .. }
        | ErrorKind::WritesLimited { .. }
        | ErrorKind::Unavailable => Exit::TryAgain,
        ErrorKind::CursorExpired
        | ErrorKind::Stale
        | ErrorKind::Gone
        | ErrorKind::AlreadyExists
        | ErrorKind::Forbidden
        | ErrorKind::Rejected
        | ErrorKind::Malformed => Exit::Failed,
    }
}

/// Opens the page; whether that began. `$BROWSER` is a program, or several between colons.
fn open(environment: &Environment, page: &str) -> bool {
    let named = environment.text("BROWSER").unwrap_or_default();
    let named = named.split(':').filter(|name| !name.is_empty()).map(OsString::from);
    named.chain([OsString::from("xdg-open")]).any(|program| {
        let begun = Command::new(program)
            .arg(page)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        begun.is_ok()
    })
}

/// The lines of stdin, as they are typed. A thread of its own, which ends with the process: a
/// terminal can't be read in any other way that could be given up.
fn typed() -> mpsc::Receiver<Zeroizing<String>> {
    let (sender, receiver) = mpsc::channel(1);
    std::thread::spawn(move || {
        let mut line = Zeroizing::new(Vec::with_capacity(LONGEST));
        for byte in std::io::stdin().lock().bytes() {
            let Ok(byte) = byte else { return };
            if byte != b'\n' {
                line.push(byte);
                if line.len() < LONGEST {
                    continue;
                }
            }
            let text = Zeroizing::new(String::from_utf8_lossy(&line).into_owned());
            line.clear();
            if sender.blocking_send(text).is_err() {
                return;
            }
        }
    });
    receiver
}
