//! What Google's own description of the API says: methods, their parameters and scopes, and the
//! shape of bodies. A request that it does not describe is refused.
//!
//! The description is `data/google-calendar-v3.json`, a part of the discovery document.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::failure::Failure;

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    let text = include_str!("../../data/google-calendar-v3.json");
    serde_json::from_str(text).expect("a test reads the file that is compiled in")
});

/// Where the API begins.
const PREFIX: &str = "/calendar/v3/";

/// A method, and what its path names.
#[derive(Clone, Debug)]
pub(super) struct Route {
    /// E.g. `calendar.events.list`.
    pub(super) method: &'static str,
    path: BTreeMap<&'static str, String>,
    described: &'static Value,
}

impl Route {
    /// The method that a request means; `None` when there is no such here.
    pub(super) fn find(http: &str, path: &str) -> Option<Self> {
        let segments: Vec<&str> = path.strip_prefix(PREFIX)?.split('/').collect();
        let methods = DOCUMENT["methods"].as_object()?;
        methods.iter().find_map(|(method, described)| {
            if described["httpMethod"] != http {
                return None;
            }
            let template: Vec<&'static str> = described["path"].as_str()?.split('/').collect();
            let path = matched(&template, &segments)?;
            Some(Self { method, path, described })
        })
    }

    pub(super) fn calendar(&self) -> &str {
        self.path.get("calendarId").map_or("", String::as_str)
    }

    pub(super) fn event(&self) -> &str {
        self.path.get("eventId").map_or("", String::as_str)
    }

    /// Whether one of `granted` lets the method be called.
    pub(super) fn is_allowed(&self, granted: &[String]) -> bool {
        let accepted = self.described["scopes"].as_array();
        accepted.is_some_and(|scopes| {
            scopes.iter().any(|scope| granted.iter().any(|granted| scope == granted))
        })
    }

    /// The parameters of a query.
    pub(super) fn parameters(&self, query: &str) -> Result<Parameters, Failure> {
        let mut given: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()).into_owned() {
            given.entry(name).or_default().push(value);
        }
        for (name, values) in &given {
            let own = &self.described["parameters"][name];
            let described = if own.is_null() { &DOCUMENT["parameters"][name] } else { own };
            if described["location"] != "query" {
                return Err(Failure::parameter(format!("Unknown name \"{name}\": Cannot bind.")));
            }
            let is_repeated = described["repeated"] == true;
            if values.len() > 1 && !is_repeated {
                return Err(Failure::parameter(format!("\"{name}\" is given twice.")));
            }
            if !values.iter().all(|value| is_value(described, value)) {
                return Err(Failure::parameter(format!("Invalid value for {name}.")));
            }
        }
        Ok(Parameters(given))
    }

    /// Whether the method takes a body.
    pub(super) fn has_body(&self) -> bool {
        !self.described["request"].is_null()
    }

    /// Whether a body has the shape that the method takes.
    pub(super) fn check_body(&self, body: &Value) -> Result<(), String> {
        fits(&self.described["request"], body, "")
    }
}

/// The parameters of a request.
#[derive(Clone, Debug, Default)]
pub(super) struct Parameters(BTreeMap<String, Vec<String>>);

impl Parameters {
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.first().map(String::as_str)
    }

    pub(super) fn all(&self, name: &str) -> &[String] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }

    pub(super) fn is_true(&self, name: &str) -> bool {
        self.get(name) == Some("true")
    }

    /// Everything but `names`, as one text.
    pub(super) fn without(&self, names: &[&str]) -> String {
        let rest = self.0.iter().filter(|(name, _)| !names.contains(&name.as_str()));
        let rest: Vec<String> = rest.map(|(name, values)| format!("{name}={values:?}")).collect();
        rest.join("&")
    }
}

fn matched(template: &[&'static str], segments: &[&str]) -> Option<BTreeMap<&'static str, String>> {
    if template.len() != segments.len() {
        return None;
    }
    let mut path = BTreeMap::new();
    for (wanted, given) in template.iter().zip(segments) {
        match wanted.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
            Some(_) if given.is_empty() => return None,
            Some(name) => {
                let given = percent_decode_str(given).decode_utf8_lossy();
                path.insert(name, given.into_owned());
            }
            None if wanted == given => {}
            None => return None,
        }
    }
    Some(path)
}

fn is_value(described: &Value, value: &str) -> bool {
    if let Some(allowed) = described["enum"].as_array() {
        return allowed.iter().any(|one| one == value);
    }
    match (described["type"].as_str(), described["format"].as_str()) {
        (Some("boolean"), _) => value == "true" || value == "false",
        (Some("integer"), _) => value.parse::<i32>().is_ok_and(|number| {
            let bound = |name: &str| described[name].as_str()?.parse::<i32>().ok();
            bound("minimum").is_none_or(|least| number >= least)
                && bound("maximum").is_none_or(|most| number <= most)
        }),
        (_, Some("date-time")) => value.contains('T') && value.parse::<jiff::Timestamp>().is_ok(),
        _ => true,
    }
}

/// Whether a value has the shape that a schema describes; the sentence names the wrong place.
fn fits(schema: &Value, value: &Value, at: &str) -> Result<(), String> {
    if let Some(name) = schema["$ref"].as_str() {
        return fits(&DOCUMENT["schemas"][name], value, at);
    }
    let wrong = || Err(format!("Invalid value at '{at}'"));
    match (schema["type"].as_str(), value) {
        // In a patch null deletes, elsewhere it is as if nothing had been said.
        (_, Value::Null) | (Some("any"), _) | (Some("string"), Value::String(_)) => Ok(()),
        (Some("boolean"), Value::Bool(_)) => Ok(()),
        (Some("integer"), Value::Number(number)) => match number.as_i64() {
            Some(number) if i32::try_from(number).is_ok() => Ok(()),
            _ => wrong(),
        },
        (Some("array"), Value::Array(items)) => items.iter().try_for_each(|item| match item {
            Value::Null => wrong(),
            item => fits(&schema["items"], item, at),
        }),
        (Some("object"), Value::Object(map)) => map.iter().try_for_each(|(name, value)| {
            let known = &schema["properties"][name];
            let schema = if known.is_null() { &schema["additionalProperties"] } else { known };
            if schema.is_null() {
                let unknown = "Cannot find field.";
                return Err(format!("Unknown name \"{name}\" at '{at}': {unknown}"));
            }
            let at = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
            fits(schema, value, &at)
        }),
        _ => wrong(),
    }
}
