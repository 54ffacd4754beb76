//! `cargo xtask servers`: the test servers, started and stopped by a person.
//!
//! What runs is known from the folders below `.servers/run/`, one per server and port.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::run;
use crate::servers::{self, find, folder, install, scripts};

/// `start NAME[:PORT]...`, `stop [NAME[:PORT]...]` (without names: all), `list`.
pub(crate) fn servers(root: &Path, arguments: &[String]) -> Result<(), String> {
    match arguments.split_first() {
        Some((verb, names)) if verb == "start" && !names.is_empty() => {
            names.iter().try_for_each(|name| start(root, name))
        }
        Some((verb, names)) if verb == "stop" => stop(root, names),
        Some((verb, [])) if verb == "list" => servers::provide(root).map(|_| ()),
        _ => Err("say `servers start NAME[:PORT]...`, `servers stop` or `servers list`".to_owned()),
    }
}

fn start(root: &Path, name: &str) -> Result<(), String> {
    let (server, port) = parse(name)?;
    let program = install(root, server).map_err(|reason| format!("{}: {reason}", server.name))?;
    let mut script = script(root, server.name, "start", &run_folder(root, server.name, port), port);
    servers::tell(&mut script, root, &[(server, Ok(program))]);
    run(&mut script)
}

fn stop(root: &Path, names: &[String]) -> Result<(), String> {
    let running = running(root);
    let chosen: Vec<(String, u16)> = if names.is_empty() {
        running
    } else {
        let asked = names.iter().map(|name| parse(name));
        let asked = asked.map(|found| found.map(|(server, port)| (server.name.to_owned(), port)));
        asked.collect::<Result<_, String>>()?
    };
    for (name, port) in chosen {
        let folder = run_folder(root, &name, port);
        run(&mut script(root, &name, "stop", &folder, port))?;
        std::fs::remove_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        println!("{name}:{port} stopped, its folder removed");
    }
    Ok(())
}

fn script(root: &Path, name: &str, verb: &str, folder: &Path, port: u16) -> Command {
    let mut command = Command::new(scripts(root).join(format!("{name}.sh")));
    command.arg(verb).arg(folder).arg(port.to_string());
    command
}

fn parse(name: &str) -> Result<(&'static servers::Server, u16), String> {
    let (name, port) = name.split_once(':').unwrap_or((name, ""));
    let server = find(name)?;
    let port = if port.is_empty() { Ok(server.port) } else { port.parse() };
    Ok((server, port.map_err(|_| format!("`{name}:PORT` wants a number"))?))
}

fn run_folder(root: &Path, name: &str, port: u16) -> PathBuf {
    folder(root).join("run").join(format!("{name}-{port}"))
}

/// The servers whose folders are there.
fn running(root: &Path) -> Vec<(String, u16)> {
    let Ok(entries) = std::fs::read_dir(folder(root).join("run")) else { return Vec::new() };
    let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    names
        .filter_map(|name| {
            let (server, port) = name.rsplit_once('-')?;
            Some((find(server).ok()?.name.to_owned(), port.parse().ok()?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_carry_a_port() {
        let ports = ["radicale", "radicale:1234"].map(|name| parse(name).map(|(_, port)| port));
        assert_eq!(ports, [Ok(15120), Ok(1234)]);
        assert!(parse("radicale:x").is_err());
        assert!(parse("exchange").is_err());
    }
}
