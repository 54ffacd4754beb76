//! A patch: what is given replaces, objects merge, arrays are replaced, null takes away.

use serde_json::Value;

use super::state::Json;

/// Applies a patch.
// quirk: google-26
pub(super) fn patch(target: &mut Json, patch: &Json) {
    for (name, value) in patch {
        match (target.get_mut(name), value) {
            (_, Value::Null) => drop(target.remove(name)),
            (Some(Value::Object(old)), Value::Object(new)) => self::patch(old, new),
            (_, new) => {
                let mut new = new.clone();
                without_nulls(&mut new);
                target.insert(name.clone(), new);
            }
        }
    }
}

/// Takes out every null.
pub(super) fn without_nulls(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|_, value| !value.is_null());
            map.values_mut().for_each(without_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(without_nulls),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
