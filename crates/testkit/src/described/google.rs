//! Google's discovery document, of which `crates/sandbox/data` has the part that matters.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use sandbox::google::Exchange;
use serde_json::Value;

use super::pairs;

/// Where the API stands in the path.
pub(super) const BASE: &str = "/calendar/v3/";

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    let text = include_str!("../../../sandbox/data/google-calendar-v3.json");
    serde_json::from_str(text).expect("the discovery document is JSON")
});

/// What is wrong with a request; nothing for a good one.
pub(super) fn faults(asked: &Exchange) -> Vec<String> {
    let Some((name, method)) = method_of(asked) else {
        return vec![format!("{} {}: no such method", asked.method, asked.path)];
    };
    let mut faults = Vec::new();
    let query: BTreeMap<String, String> = pairs(&asked.query).collect();
    for (parameter, value) in &query {
        let known = [&method["parameters"][parameter], &DOCUMENT["parameters"][parameter]];
        match known.into_iter().find(|known| known.is_object()) {
            None => faults.push(format!("{name}: no parameter {parameter}")),
            Some(known) => faults.extend(
                misfit(known, value).map(|why| format!("{name}: {parameter}={value} is {why}")),
            ),
        }
    }
    for (parameter, known) in method["parameters"].as_object().into_iter().flatten() {
        let missing = known["location"] == "query" && !query.contains_key(parameter);
        if missing && known["required"] == true {
            faults.push(format!("{name}: {parameter} is missing"));
        }
    }
    match (method["request"]["$ref"].as_str(), asked.body.is_empty()) {
        (None, true) => {}
        (None, false) => faults.push(format!("{name}: takes no body")),
        (Some(_), true) => faults.push(format!("{name}: the body is missing")),
        (Some(schema), false) => match serde_json::from_slice::<Value>(&asked.body) {
            Ok(body) => shape(&DOCUMENT["schemas"][schema], &body, name, &mut faults),
            Err(error) => faults.push(format!("{name}: {error}")),
        },
    }
    faults
}

fn method_of(asked: &Exchange) -> Option<(&'static String, &'static Value)> {
    let path: Vec<&str> = asked.path.strip_prefix(BASE)?.split('/').collect();
    DOCUMENT["methods"].as_object()?.iter().find(|(_, method)| {
        let wanted: Vec<&str> = method["path"].as_str().unwrap_or("").split('/').collect();
        let fits = |(wanted, given): (&&str, &&str)| {
            wanted == given || (wanted.starts_with('{') && !given.is_empty())
        };
        method["httpMethod"] == asked.method.as_str()
            && wanted.len() == path.len()
            && wanted.iter().zip(&path).all(fits)
    })
}

fn shape(schema: &Value, value: &Value, at: &str, faults: &mut Vec<String>) {
    if let Some(name) = schema["$ref"].as_str() {
        return shape(&DOCUMENT["schemas"][name], value, at, faults);
    }
    // A patch clears with null, whatever the type.
    let fits = match schema["type"].as_str() {
        _ if value.is_null() => return,
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("boolean") => value.is_boolean(),
        Some("integer") => value.is_i64(),
        Some(_) | None => true,
    };
    if !fits {
        return faults.push(format!("{at}: not of type {}", schema["type"]));
    }
    for (name, inner) in value.as_object().into_iter().flatten() {
        let named = &schema["properties"][name];
        let known = if named.is_object() { named } else { &schema["additionalProperties"] };
        let at = format!("{at}.{name}");
        match known.is_object() {
            true => shape(known, inner, &at, faults),
            false => faults.push(format!("{at}: no such field")),
        }
    }
    for inner in value.as_array().into_iter().flatten() {
        shape(&schema["items"], inner, at, faults);
    }
}

/// Why a value is not of its parameter's type.
fn misfit(known: &Value, value: &str) -> Option<&'static str> {
    let allowed = known["enum"].as_array();
    if allowed.is_some_and(|allowed| !allowed.iter().any(|one| one == value)) {
        return Some("none of those that there are");
    }
    match known["type"].as_str() {
        Some("integer") if value.parse::<i64>().is_err() => Some("no number"),
        Some("boolean") if !["true", "false"].contains(&value) => Some("neither true nor false"),
        _ => None,
    }
}
