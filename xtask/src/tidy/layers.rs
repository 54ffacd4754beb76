//! Layers: which crate may lean on which, and which outside crate may be used where.
//!
//! Ours stand in [`LAYERS`], theirs in [`EXTERNAL`]; the facts come from `cargo metadata`.
//! Dev-dependencies are free, except that a pure crate's tests must not need what does I/O: a
//! pure crate that can only be tested with the engine beside it isn't pure. One crate has none at
//! all, so that `cargo tree` shows on one screen how little the plan leans on.

use cargo_metadata::{Dependency, DependencyKind, MetadataCommand, Package};

use super::Finding;
use super::tree::{Tree, finding};

const RULE: &str = "layers";

/// One crate of ours: what it may use of ours, and whether it is pure.
struct Layer {
    name: &'static str,
    ours: &'static [&'static str],
    pure: bool,
}

const fn layer(name: &'static str, ours: &'static [&'static str]) -> Layer {
    Layer { name, ours, pure: false }
}

const fn pure(name: &'static str, ours: &'static [&'static str]) -> Layer {
    Layer { name, ours, pure: true }
}

const ALL: &[&str] = &[
    "model",
    "ical",
    "reconcile",
    "provider",
    "transport",
    "caldav",
    "google",
    "microsoft",
    "store",
    "engine",
    "sandbox",
];

/// The table of ARCHITECTURE.md: the arrows between our crates.
const LAYERS: &[Layer] = &[
    pure("model", &[]),
    pure("ical", &["model"]),
    pure("reconcile", &["model"]),
    layer("provider", &["model"]),
    layer("transport", &["model", "provider"]),
    layer("caldav", &["model", "ical", "provider", "transport"]),
    layer("google", &["model", "ical", "provider", "transport"]),
    layer("microsoft", &["model", "ical", "provider", "transport"]),
    layer("store", &["model"]),
    layer("engine", &["model", "reconcile", "provider", "store"]),
    layer("calpair", ALL),
    layer("sandbox", &["model", "ical", "provider"]),
    layer("testkit", &["model", "ical", "provider", "sandbox"]),
    layer(
        "calpair-tests",
        &[
            "model",
            "ical",
            "reconcile",
            "provider",
            "transport",
            "caldav",
            "google",
            "microsoft",
            "store",
            "engine",
            "sandbox",
            "testkit",
            "calpair",
        ],
    ),
    layer("xtask", &[]),
];

/// Crates that every crate but a pure one may use: they bring in no world of their own.
const COMMON: &[&str] = &[
    "async-trait",
    "base64",
    "bytes",
    "futures-util",
    "http",
    "jiff",
    "memchr",
    "proptest",
    "rand",
    "regex",
    "serde",
    "serde_json",
    "sha2",
    "tempfile",
    "thiserror",
    "tokio",
    "tokio-util",
    "tracing",
    "zeroize",
    "secrecy",
];

/// Crates from outside that only these of ours may use. `calpair-tests` may use every one of them:
/// it drives the product from outside and proves it with other people's code.
const EXTERNAL: &[(&str, &[&str])] = &[
    ("argon2", &["calpair"]),
    ("axum", &["calpair", "sandbox"]),
    ("cargo_metadata", &["xtask"]),
    ("chacha20poly1305", &["store"]),
    ("clap", &["calpair"]),
    ("clap_complete", &["calpair"]),
    ("clap_mangen", &["calpair"]),
    ("form_urlencoded", &["sandbox", "testkit"]),
    ("google-calendar3", &["google"]),
    ("graph-rs-sdk", &["microsoft"]),
    ("hyper-util", &["calpair"]),
    ("icalendar", &["ical"]),
    ("indicatif", &["calpair"]),
    ("maud", &["calpair"]),
    ("miette", &["calpair"]),
    ("notify", &["calpair"]),
    ("oauth2", &["transport"]),
    ("percent-encoding", &["sandbox"]),
    ("proc-macro2", &["xtask"]),
    ("quick-xml", &["caldav", "sandbox"]),
    ("rcgen", &[]),
    ("refinery", &["store"]),
    ("reqwest", &["transport"]),
    ("rpassword", &["calpair"]),
    ("rrule", &["ical"]),
    ("rusqlite", &["store"]),
    ("rustix", &["calpair", "store"]),
    ("rustls", &["transport"]),
    ("sd-notify", &["calpair"]),
    ("strsim", &["calpair"]),
    ("subtle", &["calpair"]),
    ("syn", &["xtask"]),
    ("toml", &["calpair"]),
    ("toml_edit", &["calpair"]),
    ("tracing-journald", &["calpair"]),
    ("tracing-subscriber", &["calpair"]),
    ("windows-timezones", &["ical", "microsoft"]),
];

/// What a pure crate may use from outside: text and time, nothing that waits, draws or logs.
const PURE_EXTERNAL: &[(&str, &[&str])] = &[
    ("model", &["jiff"]),
    ("ical", &["jiff", "icalendar", "rrule", "windows-timezones"]),
    ("reconcile", &[]),
];

/// What a pure crate must not even test with.
const IMPURE: &[&str] = &["engine", "store"];

/// What is tested from `tests/` alone.
const BARE: &str = "reconcile";

/// Asks cargo for the workspace's packages and holds each dependency against the tables.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let manifest = tree.root().join("Cargo.toml");
    // Without dependencies cargo neither resolves nor touches the network or the lock file.
    let packages = match MetadataCommand::new().manifest_path(manifest).no_deps().exec() {
        Ok(metadata) => metadata.packages,
        Err(error) => {
            let what = format!("cargo metadata can't read the workspace: {error}");
            return vec![finding("Cargo.toml", 1, RULE, what)];
        }
    };
    packages.iter().flat_map(|package| of_package(tree, package)).collect()
}

fn of_package(tree: &Tree, package: &Package) -> Vec<Finding> {
    let manifest = package.manifest_path.as_std_path();
    let path = relative(tree, manifest);
    let name = package.name.as_str();
    let Some(layer) = LAYERS.iter().find(|layer| layer.name == name) else {
        let what = format!("`{name}` is in no layer; give it a row in xtask/src/tidy/layers.rs");
        return vec![finding(&path, 1, RULE, what)];
    };
    let text = tree.text(&path).unwrap_or_default();
    let wrongs = package.dependencies.iter().filter_map(|dependency| {
        let what = wrong(layer, dependency)?;
        Some(finding(&path, line_of(text, &dependency.name), RULE, what))
    });
    wrongs.collect()
}

/// What is wrong with `layer` having this dependency, if anything.
fn wrong(layer: &Layer, dependency: &Dependency) -> Option<String> {
    let (name, on) = (layer.name, dependency.name.as_str());
    if dependency.kind == DependencyKind::Development {
        if name == BARE {
            return Some(format!("`{name}` has no dev-dependencies; its tests stand in tests/"));
        }
        let impure = layer.pure && IMPURE.contains(&on);
        return impure.then(|| {
            format!("`{name}` is pure and tests with `{on}`; move that test up to tests/")
        });
    }
    if LAYERS.iter().any(|other| other.name == on) {
        if !layer.ours.contains(&on) {
            return Some(format!(
                "`{name}` may not use `{on}`; turn the arrow round or pass the value in \
                 (ARCHITECTURE.md, layers)"
            ));
        }
        let demo_only = name == "calpair" && on == "sandbox" && !dependency.optional;
        return demo_only.then(|| {
            "`sandbox` must be optional in `calpair`, behind the feature `demo`".to_owned()
        });
    }
    if let Some((_, allowed)) = PURE_EXTERNAL.iter().find(|(pure, _)| *pure == name) {
        let may = if allowed.is_empty() { "nothing".to_owned() } else { allowed.join(", ") };
        let refusal = || format!("`{name}` is pure and may use {may} from outside, not `{on}`");
        return (!allowed.contains(&on)).then(refusal);
    }
    match EXTERNAL.iter().find(|(external, _)| *external == on) {
        Some((_, owners)) if owners.contains(&name) || name == "calpair-tests" => None,
        Some((_, owners)) => {
            let owners = owners.join(", ");
            Some(format!("`{on}` belongs to {owners}; ask there for what `{name}` needs"))
        }
        None if COMMON.contains(&on) => None,
        None => Some(format!(
            "`{on}` belongs to nobody yet; say whose it is in xtask/src/tidy/layers.rs"
        )),
    }
}

fn relative(tree: &Tree, manifest: &std::path::Path) -> String {
    let root = tree.root().canonicalize().unwrap_or_else(|_| tree.root().to_owned());
    let manifest = manifest.canonicalize().unwrap_or_else(|_| manifest.to_owned());
    manifest.strip_prefix(&root).unwrap_or(&manifest).display().to_string()
}

/// The line of a manifest that names the dependency.
fn line_of(manifest: &str, dependency: &str) -> usize {
    let names = |line: &str| {
        let rest = line.trim_start().strip_prefix(dependency);
        rest.is_some_and(|rest| rest.starts_with([' ', '.', '=']))
    };
    manifest.lines().position(names).map_or(1, |at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::super::tree::planted;
    use super::*;

    /// A workspace of empty crates with these dependency sections.
    fn said(crates: &[(&str, &str)]) -> Vec<String> {
        let mut files = vec![(
            "Cargo.toml".to_owned(),
            "[workspace]\nresolver = \"3\"\nmembers = [\"crates/*\"]\n".to_owned(),
        )];
        for (name, dependencies) in crates {
            let manifest =
                format!("[package]\nname = \"{name}\"\nversion = \"0.0.0\"\n{dependencies}\n");
            files.push((format!("crates/{name}/Cargo.toml"), manifest));
            files.push((format!("crates/{name}/src/lib.rs"), "//! x\n".to_owned()));
        }
        let files: Vec<(&str, &str)> =
            files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        planted::said(check, &files)
    }

    #[test]
    fn each_wrong_arrow_is_found() {
        let model = ("model", "");
        let store = ("store", "");
        let cases = [
            ("model", "[dependencies]\nstore = { path = \"../store\" }", "may not use `store`"),
            ("reconcile", "[dependencies]\ntracing = \"0.1\"", "may use nothing from outside"),
            ("ical", "[dev-dependencies]\nstore = { path = \"../store\" }", "tests with `store`"),
            ("reconcile", "[dev-dependencies]\nproptest = \"1\"", "has no dev-dependencies"),
            ("engine", "[dependencies]\nrusqlite = \"0.41\"", "belongs to store"),
            ("engine", "[dependencies]\nleft-pad = \"1\"", "belongs to nobody yet"),
            ("surprise", "", "is in no layer"),
        ];
        for (name, dependencies, expected) in cases {
            let mut crates = vec![store, (name, dependencies)];
            if name != "model" {
                crates.push(model);
            }
            let said = said(&crates);
            assert_eq!(said.len(), 1, "{name}: {said:?}");
            assert!(said[0].contains(expected), "{said:?}");
        }
    }

    #[test]
    fn the_right_arrows_pass_and_tests_are_free() {
        let clean = said(&[
            ("model", "[dependencies]\njiff = \"0.2\"\n[dev-dependencies]\nproptest = \"1\""),
            ("reconcile", "[dependencies]\nmodel = { path = \"../model\" }"),
            ("store", "[dependencies]\nmodel = { path = \"../model\" }\nrusqlite = \"0.41\""),
        ]);
        assert_eq!(clean, [""; 0]);
    }

    #[test]
    fn the_sandbox_reaches_the_program_by_a_feature_only() {
        let plain = "[dependencies]\nsandbox = { path = \"../sandbox\" }";
        let said = said(&[("sandbox", ""), ("calpair", plain)]);
        assert!(said[0].contains("crates/calpair/Cargo.toml:5"), "{said:?}");
        assert!(said[0].contains("feature `demo`"), "{said:?}");
    }
}
