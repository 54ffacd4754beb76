//! What Graph's own description says of the bodies that clients send.
//!
//! The description is `data/graph-calendar-v1.json`, a part of the metadata of Graph v1.0. Graph
//! calls `event` an open type and refuses unknown members all the same.

use std::sync::LazyLock;

use serde_json::Value;

use super::failure::Failure;

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    let text = include_str!("../../data/graph-calendar-v1.json");
    serde_json::from_str(text).expect("a test reads the file that is compiled in")
});

/// Whether a member of an event is the server's alone.
pub(super) fn is_read_only(name: &str) -> bool {
    let all = DOCUMENT["_about"]["eventReadOnly"].as_array();
    all.is_some_and(|all| all.iter().any(|one| one == name))
}

/// Refuses a body that is no value of the type.
pub(super) fn check(kind: &str, body: &Value) -> Result<(), Failure> {
    let Value::Object(map) = body else { return Err(Failure::unreadable()) };
    for (name, value) in map.iter().filter(|(name, _)| !name.starts_with('@')) {
        let Some(described) = member(kind, name) else {
            return Err(Failure::body(format!(
                "The property '{name}' does not exist on type 'microsoft.graph.{kind}'. Make sure \
                 to only use property names that are defined by the type."
            )));
        };
        fits(described, value, name)?;
    }
    Ok(())
}

/// A member of a type, or of one that it is made from.
fn member(kind: &str, name: &str) -> Option<&'static Value> {
    let described = &DOCUMENT["types"][kind];
    let own = ["properties", "navigationProperties"].iter().find_map(|group| {
        let member = &described[*group][name];
        (!member.is_null()).then_some(member)
    });
    own.or_else(|| member(described["baseType"].as_str()?, name))
}

fn fits(described: &Value, value: &Value, at: &str) -> Result<(), Failure> {
    if value.is_null() {
        let may_be_null = described["nullable"] != false;
        return if may_be_null { Ok(()) } else { Err(Failure::unreadable()) };
    }
    if let Some(target) = described["$ref"].as_str() {
        if let Some(name) = target.strip_prefix("#/enums/") {
            let known = DOCUMENT["enums"][name].as_array();
            let is_known = known.is_some_and(|known| known.iter().any(|one| one == value));
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let wrong = format!("Requested value '{text}' was not found.");
            return if is_known { Ok(()) } else { Err(Failure::body(wrong)) };
        }
        return check(target.trim_start_matches("#/types/"), value);
    }
    let wrong = || {
        let message = format!("Cannot convert the value of '{at}' to the expected type.");
        Err(Failure::body(message))
    };
    match (described["type"].as_str(), value) {
        (Some("boolean"), Value::Bool(_)) | (Some("number"), Value::Number(_)) => Ok(()),
        (Some("string"), Value::String(text)) => match described["format"].as_str() {
            Some("date") if jiff::civil::Date::strptime("%Y-%m-%d", text).is_err() => wrong(),
            Some("date-time") if super::times::bound(text).is_none() => wrong(),
            _ => Ok(()),
        },
        (Some("integer"), Value::Number(number)) => match number.as_i64() {
            Some(number) if i32::try_from(number).is_ok() => Ok(()),
            _ => wrong(),
        },
        (Some("array"), Value::Array(items)) => {
            items.iter().try_for_each(|item| fits(&described["items"], item, at))
        }
        _ => wrong(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_not_described_is_refused() {
        let good = json!({
            "subject": "a", "body": {"contentType": "text", "content": ""}, "location": null,
            "start": {"dateTime": "2026-01-05T10:00:00", "timeZone": "UTC"},
            "recurrence": {
                "pattern": {"type": "weekly", "interval": 1, "daysOfWeek": ["monday"]},
                "range": {"type": "endDate", "startDate": "2026-01-05", "endDate": "2026-02-05"},
            },
            "singleValueExtendedProperties": [{"id": "String {0} Name a", "value": "b"}],
        });
        assert_eq!(check("event", &good), Ok(()));
        for (wrong, code) in [
            (json!({"title": "a"}), "RequestBodyRead"),
            (json!({"showAs": "Busy"}), "RequestBodyRead"),
            (json!({"isAllDay": "true"}), "RequestBodyRead"),
            (json!({"start": {"dateTime": null}}), "UnableToDeserializePostBody"),
            (json!({"start": {"date": "2026-01-05"}}), "RequestBodyRead"),
            (json!({"reminderMinutesBeforeStart": 1.5}), "RequestBodyRead"),
            (json!([]), "UnableToDeserializePostBody"),
        ] {
            assert_eq!(check("event", &wrong).map_err(|e| e.code), Err(code), "{wrong}");
        }
    }
}
