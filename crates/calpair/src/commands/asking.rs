//! The way of a command to its answer: the state is taken and the answer found here, or, when
//! another calpair has the state, that one is asked.

use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::{Cli, Output};
use crate::config::{self, Config};
use crate::control::{self, AskError, Reply, Request};
use crate::environment::Environment;
use crate::exit::Exit;
use crate::log;
use crate::report::Document;
use crate::service::Service;
use crate::terminal::{self, Screen};

/// How long a daemon that is just starting, or a short command, is waited for.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often it is looked whether it is ready.
const LOOK: Duration = Duration::from_millis(100);

/// How long an interrupted command may take to end what is under way.
const GRACE: Duration = Duration::from_secs(4);

/// What every command needs: the configuration, and where state is.
pub(super) struct Ground {
    pub(super) config: Config,
    pub(super) file: PathBuf,
    pub(super) state: PathBuf,
    pub(super) screen: Screen,
}

impl Ground {
    /// Reads the configuration and begins to log. The error has been said.
    pub(super) fn enter(cli: &Cli, environment: &Environment) -> Result<Self, Exit> {
        let usage = |sentence: String| {
            terminal::complain(&sentence);
            Exit::Usage
        };
        let file = config::file(cli.config.as_deref(), environment, &|path| path.exists())
            .map_err(|error| usage(error.to_string()))?;
        let config = config::load(&file).map_err(|error| {
            terminal::eprint(&error.render(terminal::drawing(environment)));
            Exit::Usage
        })?;
        let state =
            config::state_dir(&config, environment).map_err(|error| usage(error.to_string()))?;
        let screen = Screen::of_process();
        match log::begin(cli.log, cli.verbose, environment, &screen) {
            Ok(None) => {}
            Ok(Some(complaint)) => tracing::warn!("{complaint}"),
            Err(error) => terminal::complain(&format!("nothing is logged: {error}")),
        }
        Ok(Self { config, file, state, screen })
    }

    /// The answer to a request, from here or from the daemon.
    pub(super) fn ask(&self, environment: &Environment, request: Request) -> Reply {
        let runtime = match runtime() {
            Ok(runtime) => runtime,
            Err(reply) => return reply,
        };
        let reply = runtime.block_on(self.answered(environment, request));
        // A name that is still being resolved must not keep the command.
        runtime.shutdown_background();
        reply
    }

    async fn answered(&self, environment: &Environment, request: Request) -> Reply {
        let began = tokio::time::Instant::now();
        loop {
            match Service::open(self.config.clone(), &self.state, environment) {
                Ok(service) => return here(&service.shown_on(&self.screen), request).await,
                Err(error) if *error.kind() == store::ErrorKind::Locked => {
                    match control::ask(&self.state, &request).await {
                        Ok(reply) => return reply,
                        Err(AskError::NobodyThere) if began.elapsed() < PATIENCE => {}
                        Err(AskError::NobodyThere) => return occupied(&error),
                        Err(error) => return Reply::message(Exit::Failed, sentences(&error)),
                    }
                }
                Err(error) => return Reply::message(Exit::Failed, sentences(&error)),
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// The runtime of a command: one thread, which is all that one cycle needs.
pub(super) fn runtime() -> Result<Runtime, Reply> {
    let built = Builder::new_current_thread().enable_all().build();
    built.map_err(|error| Reply::message(Exit::Failed, format!("no runtime: {error}")))
}

/// Answers in this process; an interrupt ends it early, with everything stored.
async fn here(service: &Service, request: Request) -> Reply {
    let mut answer = std::pin::pin!(service.answer(request));
    let reply = tokio::select! {
        reply = &mut answer => reply,
        () = interrupted() => {
            service.hurry();
            let ended = tokio::time::timeout(GRACE, answer).await;
            let interrupted = "interrupted; what was begun is settled next time";
            match ended {
                Ok(reply) if reply.exit != Exit::Fine.code() => reply,
                Ok(_) | Err(_) => Reply::message(Exit::TryAgain, interrupted),
            }
        }
    };
    match service.close(Duration::ZERO).await {
        Ok(()) => reply,
        Err(error) => Reply::message(Exit::Failed, sentences(&error)),
    }
}

/// Waits for SIGINT or SIGTERM.
pub(crate) async fn interrupted() {
    let signals = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
    let (Ok(mut interrupt), Ok(mut terminate)) = signals else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

fn occupied(error: &store::Error) -> Reply {
    let sentence = format!("{error}, and does not answer; try again when it has ended");
    Reply::message(Exit::Occupied, sentence)
}

/// An error and its causes in one sentence.
pub(crate) fn sentences(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// Asks, and shows the report as JSON or as text.
pub(super) fn report<T: Serialize + DeserializeOwned>(
    cli: &Cli,
    environment: &Environment,
    output: Output,
    request: Request,
    text: impl FnOnce(&T) -> String,
) -> Exit {
    match answer(cli, environment, request) {
        Ok(reply) => show(&reply, output, text),
        Err(exit) => exit,
    }
}

/// Asks for something that is done, and says what came of it.
pub(super) fn order(cli: &Cli, environment: &Environment, request: Request) -> Exit {
    match answer(cli, environment, request) {
        Ok(reply) => said(&reply),
        Err(exit) => exit,
    }
}

/// The answer to a request. Where the configuration is no good, that has been said, and a daemon
/// that goes on with the one before it is asked all the same.
fn answer(cli: &Cli, environment: &Environment, request: Request) -> Result<Reply, Exit> {
    match Ground::enter(cli, environment) {
        Ok(ground) => Ok(ground.ask(environment, request)),
        Err(exit) => of_running_daemon(cli, environment, &request).ok_or(exit),
    }
}

fn of_running_daemon(cli: &Cli, environment: &Environment, request: &Request) -> Option<Reply> {
    let file = config::file(cli.config.as_deref(), environment, &|path| path.exists()).ok()?;
    let state = config::state_dir_of_invalid(&file, environment)?;
    let runtime = runtime().ok()?;
    let reply = runtime.block_on(control::ask(&state, request)).ok();
    runtime.shutdown_background();
    if reply.is_some() {
        terminal::complain("this is answered by the daemon, with the configuration before that");
    }
    reply
}

/// Shows a reply that carries a report.
pub(super) fn show<T: Serialize + DeserializeOwned>(
    reply: &Reply,
    output: Output,
    text: impl FnOnce(&T) -> String,
) -> Exit {
    if reply.report.is_null() {
        return said(reply);
    }
    match T::deserialize(&reply.report) {
        Ok(report) if output.json => terminal::print(&(Document::new(report).text() + "\n")),
        Ok(report) => terminal::print(&text(&report)),
        Err(_) => {
            terminal::complain("the daemon's report can't be read; restart it");
            return Exit::Failed;
        }
    }
    said(reply)
}

/// Says a reply's message on stderr; its exit.
pub(super) fn said(reply: &Reply) -> Exit {
    if let Some(message) = &reply.message {
        let lines: Vec<_> = message.lines().map(terminal::escaped).collect();
        terminal::eprint(&format!("calpair: {}\n", lines.join("\n")));
    }
    Exit::of_code(reply.exit).unwrap_or(Exit::Failed)
}
