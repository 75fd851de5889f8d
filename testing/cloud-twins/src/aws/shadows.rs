use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::reserved::{Answer, accepted, rejected};
use crate::{
    json::{depth, difference, merge},
    twin::now,
};

/// The shadows of all things.
#[derive(Debug, Default)]
pub(super) struct Shadows(BTreeMap<(String, Option<String>), Document>);

#[derive(Debug)]
struct Document {
    /// With `desired` and `reported`, where there are any; `null` when it is deleted.
    state: Value,
    /// It goes on counting when the document is deleted.
    version: u64,
}

/// Why a request is rejected.
type Problem = (u16, &'static str);

impl Shadows {
    /// The answers to a request: `what` is behind `shadow/`.
    pub(super) fn answers(&mut self, thing: &str, what: &str, payload: &[u8]) -> Vec<Answer> {
        let (name, verb) = match what.strip_prefix("name/").and_then(|rest| rest.split_once('/')) {
            Some((name, verb)) => (Some(name), verb),
            None => (None, what),
        };
        if !matches!(verb, "get" | "update" | "delete") {
            return Vec::new();
        }
        let shadow = name
            .map_or(format!("$aws/things/{thing}/shadow"), |name| format!("$aws/things/{thing}/shadow/name/{name}"));
        let (key, topic) = ((thing.to_owned(), name.map(str::to_owned)), format!("{shadow}/{verb}"));
        let request = if payload.is_empty() { Ok(json!({})) } else { serde_json::from_slice(payload) };
        let Ok(request @ Value::Object(_)) = request else {
            return vec![problem(&topic, (400, "Payload is not valid json"), None)];
        };
        let token = request.get("clientToken").cloned();
        let answers = match verb {
            "get" => self.get(&key, &topic, token.as_ref()),
            "delete" => self.delete(&key, &topic, token.as_ref()),
            _ => self.update(&key, &shadow, &request),
        };
        answers.unwrap_or_else(|why| vec![problem(&topic, why, token.as_ref())])
    }

    /// What is desired and what is reported.
    pub(super) fn state(&self, thing: &str, name: Option<&str>) -> Option<String> {
        let document = self.0.get(&(thing.to_owned(), name.map(str::to_owned)))?;
        document.state.is_object().then(|| document.state.to_string())
    }

    fn get(&self, key: &(String, Option<String>), topic: &str, token: Option<&Value>) -> Result<Vec<Answer>, Problem> {
        let document = self.0.get(key).filter(|document| document.state.is_object()).ok_or(NONE)?;
        let mut state = document.state.clone();
        if let Some(delta) = delta(&document.state) {
            state["delta"] = delta;
        }
        let told = json!({ "state": state, "version": document.version, "timestamp": now() });
        Ok(vec![accepted(topic, &with_token(told, token))])
    }

    fn delete(
        &mut self,
        key: &(String, Option<String>),
        topic: &str,
        token: Option<&Value>,
    ) -> Result<Vec<Answer>, Problem> {
        let document = self.0.get_mut(key).filter(|document| document.state.is_object()).ok_or(NONE)?;
        document.state = Value::Null;
        let told = json!({ "version": document.version, "timestamp": now() });
        document.version += 1;
        Ok(vec![accepted(topic, &with_token(told, token))])
    }

    fn update(
        &mut self,
        key: &(String, Option<String>),
        shadow: &str,
        request: &Value,
    ) -> Result<Vec<Answer>, Problem> {
        let patch =
            request.get("state").filter(|state| state.is_object()).ok_or((400, "Missing required node: state"))?;
        let token = request.get("clientToken");
        if token.is_some_and(|token| token.as_str().is_none_or(|token| token.len() > 64)) {
            return Err((400, "Client token length exceeds 64 bytes"));
        }
        if patch.as_object().is_some_and(|sides| sides.values().any(|side| depth(side) > 8)) {
            return Err((400, "JSON contains too many levels of nesting"));
        }
        let document = self.0.entry(key.clone()).or_insert(Document { state: Value::Null, version: 0 });
        if request.get("version").is_some_and(|version| version.as_u64() != Some(document.version)) {
            return Err((409, "Version conflict"));
        }
        let before = document.told();
        let mut state = document.state.clone();
        merge(&mut state, patch.clone());
        if state.to_string().len() > 8 << 10 {
            return Err((413, "The payload exceeds the maximum size allowed"));
        }
        document.state = state;
        document.version += 1;
        let told = json!({ "state": patch, "version": document.version, "timestamp": now() });
        let mut answers = vec![accepted(&format!("{shadow}/update"), &with_token(told, token))];
        let changed = json!({ "previous": before, "current": document.told(), "timestamp": now() });
        answers.push((format!("{shadow}/update/documents"), with_token(changed, token).to_string()));
        if let Some(delta) =
            delta(&document.state).filter(|_| patch.get("desired").is_some() || patch.get("reported").is_some())
        {
            let told = json!({ "state": delta, "version": document.version, "timestamp": now() });
            answers.push((format!("{shadow}/update/delta"), with_token(told, token).to_string()));
        }
        Ok(answers)
    }
}

impl Document {
    fn told(&self) -> Value {
        json!({ "state": self.state, "version": self.version })
    }
}

fn delta(state: &Value) -> Option<Value> {
    difference(state.get("desired")?, state.get("reported"))
}

fn with_token(mut told: Value, token: Option<&Value>) -> Value {
    if let Some(token) = token {
        told["clientToken"] = token.clone();
    }
    told
}

fn problem(topic: &str, (code, message): Problem, token: Option<&Value>) -> Answer {
    rejected(topic, &with_token(json!({ "code": code, "message": message, "timestamp": now() }), token))
}

const NONE: Problem = (404, "No shadow exists with name");
