//! The metadata of Graph v1.0, of which `crates/sandbox/data` has the part that matters.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use sandbox::microsoft::Exchange;
use serde_json::Value;

use super::pairs;

/// Where the API stands in the path.
pub(super) const BASE: &str = "/v1.0";

/// What stands in links that continue a listing: everything that was asked is in there.
const TOKENS: [&str; 2] = ["$skiptoken", "$deltatoken"];

/// What a listing can be asked for beside what its path says.
const OPTIONS: [&str; 6] = ["$select", "$expand", "$filter", "$top", "$skip", "$orderby"];

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    let text = include_str!("../../../sandbox/data/graph-calendar-v1.json");
    serde_json::from_str(text).expect("the description is JSON")
});

/// What is wrong with a request; nothing for a good one.
pub(super) fn faults(asked: &Exchange) -> Vec<String> {
    let what = format!("{} {}", asked.method, asked.path);
    let Some(path) = path_of(&asked.method, &asked.path) else {
        return vec![format!("{what}: no such request")];
    };
    let mut faults = Vec::new();
    let query: BTreeMap<String, String> = pairs(&asked.query).collect();
    let is_link = TOKENS.iter().any(|token| query.contains_key(*token));
    for wanted in path["query"].as_array().into_iter().flatten() {
        let name = wanted["name"].as_str().unwrap_or_default();
        if wanted["required"] == true && !is_link && !query.contains_key(name) {
            faults.push(format!("{what}: {name} is missing"));
        }
    }
    for (name, value) in &query {
        let is_own = path["query"]
            .as_array()
            .is_some_and(|own| own.iter().any(|one| one["name"].as_str() == Some(name)));
        let is_known =
            is_own || TOKENS.contains(&name.as_str()) || OPTIONS.contains(&name.as_str());
        if !is_known {
            faults.push(format!("{what}: no option {name}"));
        }
        if matches!(name.as_str(), "$select" | "$expand") {
            names(path["type"].as_str().unwrap_or_default(), name, value, &mut faults);
        }
    }
    match (asked.method.as_str(), asked.body.is_empty()) {
        ("GET" | "DELETE", true) => {}
        ("GET" | "DELETE", false) => faults.push(format!("{what}: takes no body")),
        (_, true) => faults.push(format!("{what}: the body is missing")),
        (_, false) if asked.path.ends_with("$batch") => {}
        (_, false) => match serde_json::from_slice::<Value>(&asked.body) {
            Ok(body) => members_of("event", &body, &asked.method, &mut faults),
            Err(error) => faults.push(format!("{what}: {error}")),
        },
    }
    faults
}

fn path_of(method: &str, path: &str) -> Option<&'static Value> {
    let path = path.strip_prefix(BASE)?.replace("%24", "$");
    // A bound function may be called with its namespace, and with parentheses.
    let path = path.replace("microsoft.graph.", "");
    let given: Vec<&str> = path.trim_end_matches("()").split('/').collect();
    DOCUMENT["paths"].as_array()?.iter().find(|one| {
        let wanted: Vec<&str> = one["path"].as_str().unwrap_or_default().split('/').collect();
        let fits = |(wanted, given): (&&str, &&str)| {
            wanted == given || (wanted.starts_with('{') && !given.is_empty())
        };
        let methods = one["methods"].as_array();
        methods.is_some_and(|methods| methods.iter().any(|one| one == method))
            && wanted.len() == given.len()
            && wanted.iter().zip(&given).all(fits)
    })
}

/// Whether what is selected or expanded is a member of the type.
fn names(kind: &str, option: &str, value: &str, faults: &mut Vec<String>) {
    let kind = kind.trim_start_matches("Collection(").trim_end_matches(')');
    if !DOCUMENT["types"][kind].is_object() {
        return;
    }
    let mut depth = 0;
    let names = value.split(|sign: char| {
        depth += i32::from(sign == '(') - i32::from(sign == ')');
        depth == 0 && sign == ','
    });
    for name in names {
        let name = name.split('(').next().unwrap_or_default();
        if member(kind, name).is_none() {
            faults.push(format!("{option}: {kind} has no {name}"));
        }
    }
}

/// A member of a type, or of one that it is made from.
fn member(kind: &str, name: &str) -> Option<&'static Value> {
    let described = &DOCUMENT["types"][kind];
    let groups = ["properties", "navigationProperties"];
    let own = groups.iter().map(|group| &described[*group][name]).find(|one| !one.is_null());
    own.or_else(|| member(described["baseType"].as_str()?, name))
}

fn members_of(kind: &str, value: &Value, at: &str, faults: &mut Vec<String>) {
    let Value::Object(members) = value else {
        return faults.push(format!("{at}: no {kind}"));
    };
    for (name, inner) in members.iter().filter(|(name, _)| !name.starts_with('@')) {
        let at = format!("{at}.{name}");
        match member(kind, name) {
            None => faults.push(format!("{at}: {kind} has no such member")),
            Some(known) => shape(known, inner, &at, faults),
        }
        let read_only = DOCUMENT["_about"]["eventReadOnly"].as_array();
        if kind == "event" && read_only.is_some_and(|all| all.iter().any(|one| one == name)) {
            faults.push(format!("{at}: is the server's"));
        }
    }
}

fn shape(known: &Value, value: &Value, at: &str, faults: &mut Vec<String>) {
    if value.is_null() {
        if known["nullable"] == false {
            faults.push(format!("{at}: is never null"));
        }
        return;
    }
    if let Some(name) = known["$ref"].as_str() {
        return match name.strip_prefix("#/enums/") {
            None => members_of(name.trim_start_matches("#/types/"), value, at, faults),
            Some(name) => {
                let members = DOCUMENT["enums"][name].as_array();
                if !members.is_some_and(|members| members.contains(value)) {
                    faults.push(format!("{at}: {value} is none of those that there are"));
                }
            }
        };
    }
    let fits = match known["type"].as_str() {
        Some("array") => {
            for inner in value.as_array().into_iter().flatten() {
                shape(&known["items"], inner, at, faults);
            }
            value.is_array()
        }
        Some("string") => value.is_string(),
        Some("boolean") => value.is_boolean(),
        Some("integer") => value.is_i64(),
        Some("number") => value.is_number(),
        Some(_) | None => true,
    };
    if !fits {
        faults.push(format!("{at}: not of type {}", known["type"]));
    }
}
