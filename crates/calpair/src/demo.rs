//! `calpair demo`: the whole product without an account. A simulated iCloud, Google and Microsoft
//! on loopback, and the very parts that `calpair run` is made of between them; a story is played
//! over two pairs of them, told while it happens. Everything lies in a temporary folder that goes
//! when the demo ends.

mod equal;
mod stage;
mod story;
mod team;

use tokio::runtime::Builder;

use self::stage::Stage;
use crate::commands::asking;
use crate::environment::Environment;
use crate::exit::Exit;
use crate::terminal;

/// Whether the demo ends with its story.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stay {
    /// It ends, with what the comparison of both sides came to.
    No,
    /// The servers and the daemon go on, to be played with.
    Yes,
}

/// Plays the story.
pub(crate) fn run(stay: Stay, environment: &Environment) -> Exit {
    let runtime = match Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            terminal::complain(&format!("no runtime: {error}"));
            return Exit::Failed;
        }
    };
    let exit = runtime.block_on(async {
        tokio::select! {
            exit = play(stay, environment) => exit,
            // Dropping the stage takes everything away.
            () = asking::interrupted() => Exit::Fine,
        }
    });
    runtime.shutdown_background();
    exit
}

async fn play(stay: Stay, environment: &Environment) -> Exit {
    let stage = match Stage::set(environment).await {
        Ok(stage) => stage,
        Err(reason) => {
            terminal::complain(&format!("the demo can't begin: {reason}"));
            return Exit::Failed;
        }
    };
    if let Err(reason) = story::tell(&stage).await {
        terminal::complain(&format!("the demo failed: {reason}"));
        return Exit::Failed;
    }
    match stay {
        Stay::No => {
            stage.end().await;
            Exit::Fine
        }
        Stay::Yes => {
            story::invite(&stage);
            std::future::pending().await
        }
    }
}
