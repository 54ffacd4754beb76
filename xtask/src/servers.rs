//! The real CalDAV servers that tests talk to: which there are, how each is installed, and how
//! the tests learn of them.
//!
//! Python servers go into virtual environments below `.servers/`; the others are Debian packages
//! and are installed when this runs as root and apt is there. Nothing is started here: a test
//! starts `tests/servers/NAME.sh start DIR PORT` itself, in a folder of its own.
//!
//! # Environment
//! Read here:
//! - `CALPAIR_SERVERS`: the servers to use, by name, commas between; `none` for none. Default: all.
//! - `CALPAIR_REQUIRE_SERVERS`: the servers that must be there; a missing one is a failure.
//!
//! Given to the tests:
//! - `CALPAIR_SERVERS_DIR`: the folder of the scripts (`tests/servers`), absolute.
//! - `CALPAIR_RADICALE`, `CALPAIR_XANDIKOS`, `CALPAIR_CYRUS`, `CALPAIR_DAVICAL`, `CALPAIR_SOGO`,
//!   `CALPAIR_SABREDAV`: the server's program, absolute. Set: it can be started by its script.
//!   Not set: it is missing, and a test that needs it is skipped.
//! - `CALPAIR_EXPANDER`: a Python that has the independent expander of recurrences, absolute; as
//!   with the servers, its tests are skipped where it is not set. It must be there where any
//!   server must.
//! - `CALPAIR_SKIPPED`: a file to which a skipped test appends one line, `TEST: NAME`, where NAME
//!   is the missing server. The lines are shown, with the reason, after the last result.
//! - `CALPAIR_OWNER` (set by the test, read by the scripts): a process whose end stops the server.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::{ask, variable};

/// A server that tests can use.
pub(crate) struct Server {
    /// As in `tests/servers/NAME.sh`.
    pub(crate) name: &'static str,
    /// Where it listens when started by hand; it may take the next two ports as well.
    pub(crate) port: u16,
    origin: Origin,
}

enum Origin {
    /// From PyPI into `.servers/NAME`; the program has the server's name.
    Python { requirement: &'static str },
    /// Debian packages; `program` tells whether they are there. Root, because the server runs as
    /// a user of its own.
    Debian { packages: &'static [&'static str], program: &'static str },
}

/// Every server, the quickest to start first. Versions of the Python ones are the measured ones;
/// Debian's are those of the release.
pub(crate) const SERVERS: &[Server] = &[
    Server {
        name: "radicale",
        port: 15120,
        origin: Origin::Python { requirement: "radicale==3.9.*" },
    },
    Server {
        name: "xandikos",
        port: 15130,
        origin: Origin::Python { requirement: "xandikos==0.4.10" },
    },
    Server {
        name: "cyrus",
        port: 15090,
        origin: Origin::Debian {
            packages: &["cyrus-caldav", "cyrus-imapd", "cyrus-clients", "sasl2-bin", "tzdata"],
            program: "/usr/lib/cyrus/bin/master",
        },
    },
    Server {
        name: "davical",
        port: 15080,
        origin: Origin::Debian {
            packages: &["davical", "postgresql", "php-cli", "php-pgsql", "php-xml"],
            program: "/usr/share/davical/htdocs/caldav.php",
        },
    },
    Server {
        name: "sogo",
        port: 15100,
        origin: Origin::Debian {
            packages: &["sogo", "memcached", "postgresql"],
            program: "/usr/sbin/sogod",
        },
    },
    Server {
        name: "sabredav",
        port: 15110,
        origin: Origin::Debian {
            packages: &["php-sabre-dav", "php-cli", "php-sqlite3", "php-xml", "php-mbstring"],
            program: "/usr/share/php/Sabre/autoload.php",
        },
    },
];

/// Says when events take place, with code that shares nothing with ours.
const EXPANDER: &[&str] = &["recurring-ical-events==3.8.2", "icalendar==7.3.0"];

/// A server's program, or why there is none.
pub(crate) type Place = (&'static Server, Result<PathBuf, String>);

/// Where the servers' programs and their traces lie; git knows nothing of it.
pub(crate) fn folder(root: &Path) -> PathBuf {
    root.join(".servers")
}

/// The folder of the scripts.
pub(crate) fn scripts(root: &Path) -> PathBuf {
    root.join("tests").join("servers")
}

/// Installs what `CALPAIR_SERVERS` asks for and can be had, and says so.
pub(crate) fn provide(root: &Path) -> Result<Vec<Place>, String> {
    let wanted = chosen(variable("CALPAIR_SERVERS").as_deref())?;
    let required = named(variable("CALPAIR_REQUIRE_SERVERS").as_deref().unwrap_or_default())?;
    let mut places = Vec::new();
    for server in SERVERS {
        let place = if wanted.iter().any(|name| name == server.name) {
            install(root, server)
        } else {
            Err("not asked for (CALPAIR_SERVERS)".to_owned())
        };
        match &place {
            Ok(program) => println!("server {}: {}", server.name, program.display()),
            Err(reason) => println!("server {}: missing: {reason}", server.name),
        }
        places.push((server, place));
    }
    let absent = |(server, place): &&Place| {
        place.is_err() && required.iter().any(|name| name == server.name)
    };
    let absent: Vec<&str> = places.iter().filter(absent).map(|(server, _)| server.name).collect();
    if absent.is_empty() {
        return Ok(places);
    }
    Err(format!("missing, though CALPAIR_REQUIRE_SERVERS names them: {}", absent.join(", ")))
}

/// Tells `command` where the servers are.
pub(crate) fn tell(command: &mut Command, root: &Path, places: &[Place]) {
    command.env("CALPAIR_SERVERS_DIR", scripts(root));
    for (server, place) in places {
        let name = format!("CALPAIR_{}", server.name.to_uppercase());
        match place {
            Ok(program) => command.env(name, program),
            Err(_) => command.env_remove(name),
        };
    }
}

/// A virtual environment at `.servers/NAME` with these packages in it; made once.
pub(crate) fn environment(root: &Path, name: &str, packages: &[&str]) -> Result<PathBuf, String> {
    let venv = folder(root).join(name);
    let mark = venv.join("installed");
    let asked = packages.join("\n");
    if std::fs::read_to_string(&mark).is_ok_and(|installed| installed == asked) {
        return Ok(venv);
    }
    println!("installing {} into {}", packages.join(" "), venv.display());
    ask(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv))?;
    let pip = venv.join("bin").join("pip");
    ask(Command::new(pip).args(["-q", "--disable-pip-version-check", "install"]).args(packages))?;
    std::fs::write(&mark, asked).map_err(|error| format!("{}: {error}", mark.display()))?;
    Ok(venv)
}

/// The independent expander: a Python with its packages.
pub(crate) fn expander(root: &Path) -> Result<PathBuf, String> {
    let venv = environment(root, "expander", EXPANDER)?;
    Ok(venv.join("bin").join("python"))
}

/// The server's program, installed if need be.
pub(crate) fn install(root: &Path, server: &Server) -> Result<PathBuf, String> {
    match &server.origin {
        Origin::Python { requirement } => {
            let venv = environment(root, server.name, &[requirement])?;
            Ok(venv.join("bin").join(server.name))
        }
        Origin::Debian { packages, program } => {
            if !is_root() {
                return Err("needs root".to_owned());
            }
            if !Path::new(program).exists() {
                install_packages(server.name, packages)?;
            }
            let program = PathBuf::from(program);
            if program.exists() { Ok(program) } else { Err("not in these packages".to_owned()) }
        }
    }
}

/// The server of that name.
pub(crate) fn find(name: &str) -> Result<&'static Server, String> {
    let known = || SERVERS.iter().map(|server| server.name).collect::<Vec<_>>().join(", ");
    SERVERS
        .iter()
        .find(|server| server.name == name)
        .ok_or_else(|| format!("there is no server `{name}`; there are {}", known()))
}

fn chosen(variable: Option<&str>) -> Result<Vec<String>, String> {
    match variable {
        None | Some("all") => Ok(SERVERS.iter().map(|server| server.name.to_owned()).collect()),
        Some("none") => Ok(Vec::new()),
        Some(list) => named(list),
    }
}

fn named(list: &str) -> Result<Vec<String>, String> {
    let names = list.split([',', ' ']).map(str::trim).filter(|name| !name.is_empty());
    names.map(|name| find(name).map(|server| server.name.to_owned())).collect()
}

/// Whether Debian packages can be installed.
pub(crate) fn is_root() -> bool {
    ask(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}

/// Installs Debian packages; their daemons are not started.
pub(crate) fn install_packages(name: &str, packages: &[&str]) -> Result<(), String> {
    println!("installing {name} from Debian's packages: {}", packages.join(" "));
    let _quiet = QuietDaemons::begin();
    let install = || {
        ask(Command::new("apt-get")
            .args(["install", "-y", "-q", "--no-install-recommends"])
            .args(packages)
            .env("DEBIAN_FRONTEND", "noninteractive"))
    };
    // A new machine has no lists yet, an old one has lists that are out of date.
    if install().is_err() {
        ask(Command::new("apt-get").args(["update", "-q"]))?;
        install()?;
    }
    Ok(())
}

/// While it lives, packages that are installed do not start their daemons.
struct QuietDaemons {
    ours: bool,
}

impl QuietDaemons {
    const POLICY: &str = "/usr/sbin/policy-rc.d";

    fn begin() -> Self {
        let there = Path::new(Self::POLICY).exists();
        let ours = !there
            && std::fs::write(Self::POLICY, "#!/bin/sh\nexit 101\n").is_ok()
            && ask(Command::new("chmod").args(["755", Self::POLICY])).is_ok();
        Self { ours }
    }
}

impl Drop for QuietDaemons {
    fn drop(&mut self) {
        if self.ours {
            // Left behind it would only keep daemons from starting; nothing better can be done.
            let _ = std::fs::remove_file(Self::POLICY);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_chosen_by_name() {
        assert_eq!(chosen(None).expect("the default").len(), SERVERS.len());
        assert_eq!(chosen(Some("none")), Ok(Vec::new()));
        let two = chosen(Some("sogo, radicale"));
        assert_eq!(two, Ok(vec!["sogo".to_owned(), "radicale".to_owned()]));
        assert!(chosen(Some("exchange")).expect_err("unknown").contains("no server `exchange`"));
    }

    #[test]
    fn tests_are_told_of_the_servers_that_are_there() {
        let places: Vec<Place> = vec![
            (&SERVERS[0], Ok(PathBuf::from("/here/radicale"))),
            (&SERVERS[1], Err("needs python".to_owned())),
        ];
        let mut command = Command::new("true");
        tell(&mut command, Path::new("/repo"), &places);
        let told: Vec<(String, Option<String>)> = command
            .get_envs()
            .map(|(k, v)| {
                let value = v.map(|v| v.to_string_lossy().into_owned());
                (k.to_string_lossy().into_owned(), value)
            })
            .collect();
        assert!(told.contains(&("CALPAIR_RADICALE".into(), Some("/here/radicale".into()))));
        assert!(told.contains(&("CALPAIR_XANDIKOS".into(), None)));
        let scripts = ("CALPAIR_SERVERS_DIR".into(), Some("/repo/tests/servers".into()));
        assert!(told.contains(&scripts));
    }

    #[test]
    fn every_server_has_its_script() {
        let scripts = scripts(&crate::root());
        for server in SERVERS {
            let script = scripts.join(format!("{}.sh", server.name));
            assert!(script.exists(), "{}", script.display());
        }
    }
}
