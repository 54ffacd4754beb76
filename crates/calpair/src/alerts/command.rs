//! The program of `[alerts] command`: one JSON object on its standard input.

use std::process::Stdio;

use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// What the daemon's environment has that is nobody else's: systemd's sockets and credentials.
const OURS: [&str; 4] = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "CREDENTIALS_DIRECTORY"];

/// Runs the program once; whoever gives up waiting has it killed. The error is a sentence that says
/// nothing of what the program printed.
pub(super) async fn run(command: &[String], body: &[u8]) -> Result<(), String> {
    let Some((program, arguments)) = command.split_first() else { return Ok(()) };
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    for name in OURS {
        command.env_remove(name);
    }
    let mut child = command
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("it can't be started: {error}"))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that doesn't read it says by how it ends whether that matters.
        let _ = stdin.write_all(body).await;
        let _ = stdin.write_all(b"\n").await;
    }
    let status = child.wait().await.map_err(|error| format!("it can't be waited for: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("it ended with {status}")) }
}
