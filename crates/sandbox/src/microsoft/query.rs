//! Query options: names without case, values decoded, and the small languages in them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use super::failure::Failure;
use super::show::Item;
use super::state::Properties;
use super::times::bound;

/// The options of a request.
#[derive(Clone, Debug, Default)]
pub(super) struct Query(BTreeMap<String, String>);

/// The fields of a form, or the options of a query.
pub(super) fn pairs(text: &str) -> Vec<(String, String)> {
    form_urlencoded::parse(text.as_bytes()).into_owned().collect()
}

impl Query {
    pub(super) fn read(text: &str) -> Result<Self, Failure> {
        let mut held = BTreeMap::new();
        for (name, value) in pairs(text) {
            let name = name.to_ascii_lowercase();
            if held.insert(name.clone(), value).is_some() {
                return Err(Failure::query(format!("The option '{name}' is given twice.")));
            }
        }
        Ok(Self(held))
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Refuses options beyond these.
    pub(super) fn only(&self, known: &[&str]) -> Result<(), Failure> {
        match self.0.keys().find(|name| !known.contains(&name.as_str())) {
            Some(name) => {
                Err(Failure::query(format!("The query parameter '{name}' is not supported.")))
            }
            None => Ok(()),
        }
    }

    /// A window of at most 1825 days.
    // quirk: microsoft-15
    pub(super) fn window(&self) -> Result<(Timestamp, Timestamp), Failure> {
        let at = |name: &str| {
            let text = self.get(name).filter(|text| !text.is_empty());
            let text = text.ok_or_else(|| {
                Failure::parameter(format!("This request requires the query parameter '{name}'."))
            })?;
            bound(text).ok_or_else(|| Failure::parameter(format!("Invalid value of '{name}'.")))
        };
        let (from, until) = (at("startdatetime")?, at("enddatetime")?);
        if until < from {
            return Err(Failure::parameter("The end of the range is before its start."));
        }
        let longest = jiff::SignedDuration::from_hours(1825 * 24);
        if until.duration_since(from) > longest { Err(Failure::range()) } else { Ok((from, until)) }
    }

    pub(super) fn select(&self) -> Option<Vec<String>> {
        let text = self.get("$select")?;
        Some(text.split(',').map(|name| name.trim().to_owned()).collect())
    }

    /// A number that an option gives.
    pub(super) fn number(&self, name: &str, most: usize) -> Result<Option<usize>, Failure> {
        let Some(text) = self.get(name) else { return Ok(None) };
        match text.parse::<usize>() {
            Ok(number) if number <= most && (number > 0 || name == "$skip") => Ok(Some(number)),
            _ => Err(Failure::query(format!("Invalid value of '{name}'."))),
        }
    }

    /// What is to be expanded.
    pub(super) fn expand(&self) -> Result<Vec<Expand>, Failure> {
        let Some(text) = self.get("$expand") else { return Ok(Vec::new()) };
        outer(text, ",").iter().map(|part| Expand::read(part)).collect()
    }

    /// What is to be let through.
    pub(super) fn filter(&self) -> Result<Vec<Clause>, Failure> {
        let Some(text) = self.get("$filter") else { return Ok(Vec::new()) };
        outer(text, " and ").iter().map(|part| Clause::read(part)).collect()
    }
}

/// Something that an answer shows only when it is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Expand {
    /// Extended properties with these ids.
    // quirk: microsoft-23
    Properties(Vec<String>),
    Exceptions,
    Nothing,
}

impl Expand {
    fn read(text: &str) -> Result<Self, Failure> {
        let (name, inner) = match text.trim().split_once('(') {
            Some((name, rest)) => (name, rest.strip_suffix(')').unwrap_or(rest)),
            None => (text.trim(), ""),
        };
        match name.to_ascii_lowercase().as_str() {
            "singlevalueextendedproperties" => {
                let (_, filter) = inner
                    .split_once('=')
                    .filter(|(name, _)| name.eq_ignore_ascii_case("$filter"))
                    .ok_or_else(|| Failure::filter("Extended properties need a $filter."))?;
                let ids = outer(filter, " or ").into_iter().map(|clause| {
                    let (path, value) = clause.split_once(" eq ")?;
                    path.trim().eq_ignore_ascii_case("id").then(|| quoted(value)).flatten()
                });
                let ids: Option<Vec<String>> = ids.collect();
                let ids = ids.ok_or_else(|| Failure::filter("Invalid filter clause."))?;
                let ids: Option<Vec<String>> = ids.iter().map(|id| property_id(id)).collect();
                Ok(Expand::Properties(ids.ok_or_else(property_failure)?))
            }
            "exceptionoccurrences" => Ok(Expand::Exceptions),
            "extensions" | "attachments" => Ok(Expand::Nothing),
            _ => Err(Failure::query(format!("Could not find a property named '{name}'."))),
        }
    }
}

pub(super) fn property_failure() -> Failure {
    Failure::new(400, "ErrorInvalidProperty", "The id of an extended property is not valid.")
}

/// The id of an extended property as it is kept: `String {guid} Name x`, the GUID in lower case.
pub(super) fn property_id(id: &str) -> Option<String> {
    let (kind, rest) = id.split_once(' ')?;
    let (guid, name) = rest.strip_prefix('{')?.split_once('}')?;
    let is_guid =
        guid.len() == 36 && guid.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    let name = name.strip_prefix(' ')?;
    let is_named = name.starts_with("Name ") || name.starts_with("Id 0x");
    let known = ["String", "Integer", "Boolean", "Binary", "SystemTime", "Double", "CLSID"];
    (known.contains(&kind) && is_guid && is_named && name.len() > 5)
        .then(|| format!("{kind} {{{}}} {name}", guid.to_ascii_lowercase()))
}

/// A condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Clause {
    /// Some extended property has this id and, perhaps, value.
    Property(String, Option<String>),
    Starts(String, String),
    Compare(String, String, String),
}

impl Clause {
    fn read(text: &str) -> Result<Self, Failure> {
        let wrong = || Failure::filter("Invalid filter clause.");
        let text = text.trim();
        let lower = text.to_ascii_lowercase();
        if lower.starts_with("singlevalueextendedproperties/any(") {
            let inner = &text["singlevalueextendedproperties/any(".len()..];
            let inner = inner.strip_suffix(')').ok_or_else(wrong)?;
            let (_, body) = inner.split_once(':').ok_or_else(wrong)?;
            let (mut id, mut value) = (None, None);
            for clause in outer(body, " and ") {
                let (path, literal) = clause.split_once(" eq ").ok_or_else(wrong)?;
                let literal = quoted(literal).ok_or_else(wrong)?;
                match path.trim().rsplit('/').next() {
                    Some("id") => id = property_id(&literal),
                    Some("value") => value = Some(literal),
                    _ => return Err(wrong()),
                }
            }
            return Ok(Clause::Property(id.ok_or_else(property_failure)?, value));
        }
        if lower.starts_with("startswith(") {
            let inner = text["startswith(".len()..].strip_suffix(')').ok_or_else(wrong)?;
            let (path, literal) = inner.split_once(',').ok_or_else(wrong)?;
            let literal = quoted(literal).ok_or_else(wrong)?;
            return Ok(Clause::Starts(path.trim().to_owned(), literal));
        }
        let mut words = text.splitn(3, ' ');
        let (path, op, literal) = (words.next(), words.next(), words.next());
        let (Some(path), Some(op), Some(literal)) = (path, op, literal) else {
            return Err(wrong());
        };
        if !["eq", "ne", "gt", "ge", "lt", "le"].contains(&op) || !FILTERED.contains(&path) {
            return Err(wrong());
        }
        let literal = quoted(literal).unwrap_or_else(|| literal.trim().to_owned());
        Ok(Clause::Compare(path.to_owned(), op.to_owned(), literal))
    }

    /// Whether an event can be let through, before it is known how it is shown.
    pub(super) fn may_let(&self, item: Item<'_>) -> bool {
        match self {
            Clause::Property(id, value) => item.properties().get(id).is_some_and(|held| {
                value.as_ref().is_none_or(|value| value.eq_ignore_ascii_case(held))
            }),
            Clause::Starts(..) | Clause::Compare(..) => true,
        }
    }

    /// Whether an event, as it is shown, is let through. Times are those of its first occurrence.
    // quirk: microsoft-45
    pub(super) fn lets(&self, shown: &Value) -> bool {
        match self {
            Clause::Property(..) => true,
            Clause::Starts(path, prefix) => {
                let held = shown[path].as_str().unwrap_or_default().to_lowercase();
                held.starts_with(&prefix.to_lowercase())
            }
            Clause::Compare(path, op, literal) => {
                let pointer = format!("/{path}");
                let held = shown.pointer(&pointer).cloned().unwrap_or_default();
                let held = held.as_str().map_or_else(|| held.to_string(), str::to_owned);
                let order = match (bound(&held), bound(literal)) {
                    (Some(held), Some(literal)) => held.cmp(&literal),
                    _ => held.cmp(literal),
                };
                match op.as_str() {
                    "eq" => order.is_eq(),
                    "ne" => order.is_ne(),
                    "gt" => order.is_gt(),
                    "ge" => order.is_ge(),
                    "lt" => order.is_lt(),
                    _ => order.is_le(),
                }
            }
        }
    }
}

/// What events can be filtered by.
const FILTERED: &[&str] = &[
    "start/dateTime",
    "end/dateTime",
    "createdDateTime",
    "lastModifiedDateTime",
    "iCalUId",
    "subject",
    "type",
    "isAllDay",
    "isCancelled",
    "isReminderOn",
    "showAs",
    "sensitivity",
    "importance",
];

/// Extended properties as an answer shows them; `None` when there is none of them.
pub(super) fn properties(held: &Properties, wanted: &[String]) -> Option<Value> {
    let found = wanted.iter().filter_map(|id| held.get(id).map(|value| (id, value)));
    let found: Vec<Value> =
        found.map(|(id, value)| serde_json::json!({"id": id, "value": value})).collect();
    (!found.is_empty()).then_some(Value::Array(found))
}

/// The text of a literal in quotes; two quotes in it are one.
fn quoted(literal: &str) -> Option<String> {
    let inner = literal.trim().strip_prefix('\'')?.strip_suffix('\'')?;
    Some(inner.replace("''", "'"))
}

/// Splits where a separator stands outside of quotes and brackets.
fn outer(text: &str, separator: &str) -> Vec<String> {
    let (mut parts, mut depth, mut is_quoted, mut from, mut at) = (Vec::new(), 0, false, 0, 0);
    while at < text.len() {
        let rest = &text[at..];
        let character = rest.chars().next().unwrap_or(' ');
        match character {
            '\'' => is_quoted = !is_quoted,
            '(' if !is_quoted => depth += 1,
            ')' if !is_quoted => depth -= 1,
            _ => {}
        }
        if depth == 0 && !is_quoted && rest.starts_with(separator) {
            parts.push(text[from..at].to_owned());
            at += separator.len();
            from = at;
            continue;
        }
        at += character.len_utf8();
    }
    parts.push(text[from..].to_owned());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARK: &str = "String {66F5A359-4659-4830-9070-00047EC6AC6E} Name org.example.uid";

    // quirk: microsoft-17, microsoft-23
    #[test]
    fn options_are_read_in_every_spelling() {
        let text = format!(
            "%24Filter=singleValueExtendedProperties/Any(ep:+ep/id+eq+'{MARK}'+and+ep/value+eq+\
             'it''s')+and+start/dateTime+ge+'2026-01-01T00:00:00'&$EXPAND=\
             singleValueExtendedProperties($filter=id+eq+'{MARK}')"
        );
        let query = Query::read(&text).unwrap();
        let kept = property_id(MARK).unwrap();
        let clauses = query.filter().unwrap();
        assert_eq!(clauses[0], Clause::Property(kept.clone(), Some("it's".to_owned())));
        assert!(matches!(&clauses[1], Clause::Compare(path, op, _)
            if path == "start/dateTime" && op == "ge"));
        assert_eq!(query.expand().unwrap(), [Expand::Properties(vec![kept])]);
        assert!(query.only(&["$filter"]).is_err());
        for wrong in ["$top=0", "$top=1001", "$top=a", "$top=5&$TOP=5"] {
            let query = Query::read(wrong);
            assert!(query.and_then(|query| query.number("$top", 1000)).is_err(), "{wrong}");
        }
        for wrong in
            ["String {1} Name a", "String a", "Text {66f5a359-4659-4830-9070-00047ec6ac6e} Name a"]
        {
            assert_eq!(property_id(wrong), None, "{wrong}");
        }
    }
}
