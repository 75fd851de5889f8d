//! What services do to JSON.

use serde_json::{Map, Value};

/// Changes what the patch names; `null` deletes.
pub(crate) fn merge(target: &mut Value, patch: Value) {
    match patch {
        Value::Object(patch) => {
            if !target.is_object() {
                *target = Value::Object(Map::new());
            }
            let Some(members) = target.as_object_mut() else { return };
            for (name, value) in patch {
                if value.is_null() {
                    members.remove(&name);
                } else {
                    merge(members.entry(name).or_insert(Value::Null), value);
                }
            }
        }
        value => *target = value,
    }
}

/// What is in `desired` and not the same in `reported`; `None`: nothing.
pub(crate) fn difference(desired: &Value, reported: Option<&Value>) -> Option<Value> {
    match (desired, reported) {
        (Value::Object(desired), Some(Value::Object(reported))) => {
            let members = desired.iter();
            let found: Map<_, _> = members
                .filter_map(|(name, value)| Some((name.clone(), difference(value, reported.get(name))?)))
                .collect();
            (!found.is_empty()).then_some(Value::Object(found))
        }
        (desired, Some(reported)) if desired == reported => None,
        (Value::Object(desired), None) if desired.is_empty() => None,
        (desired, _) => Some(desired.clone()),
    }
}

/// Objects and arrays inside one another.
pub(crate) fn depth(value: &Value) -> usize {
    let inside = |values: &mut dyn Iterator<Item = &Value>| 1 + values.map(depth).max().unwrap_or(0);
    match value {
        Value::Object(members) => inside(&mut members.values()),
        Value::Array(values) => inside(&mut values.iter()),
        _ => 0,
    }
}
