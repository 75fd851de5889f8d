//! What the service answers on its own topics.

use serde_json::{Value, json};

use super::{Aws, lock};
use crate::twin::Twin;

/// Topic and payload.
pub(super) type Answer = (String, String);

impl Aws {
    /// The answers to a message, in their order.
    pub(super) fn answers(&self, topic: &str, payload: &[u8]) -> Vec<Answer> {
        let Some(rest) = topic.strip_prefix("$aws/") else { return Vec::new() };
        if let Some(rest) = rest.strip_prefix("certificates/") {
            return lock(&self.fleet).certificate(topic, rest, payload).into_iter().collect();
        }
        if let Some(rest) = rest.strip_prefix("provisioning-templates/") {
            return lock(&self.fleet).provision(topic, rest, payload).into_iter().collect();
        }
        let Some((thing, what)) = rest.strip_prefix("things/").and_then(|rest| rest.split_once('/')) else {
            return Vec::new();
        };
        if let Some(what) = what.strip_prefix("shadow/") {
            return lock(&self.shadows).answers(thing, what, payload);
        }
        if let Some(what) = what.strip_prefix("jobs/") {
            return lock(&self.jobs).answers(thing, what, payload);
        }
        match what {
            "defender/metrics/json" => vec![defended(topic, thing, payload)],
            _ => Vec::new(),
        }
    }
}

/// What Device Defender says to a report.
fn defended(topic: &str, thing: &str, payload: &[u8]) -> Answer {
    let report: Option<Value> = serde_json::from_slice(payload).ok();
    let id = report.as_ref().and_then(|report| report.get("header")?.get("report_id"));
    match id {
        Some(id) => accepted(topic, &json!({ "thingName": thing, "reportId": id, "status": "ACCEPTED" })),
        None => rejected(
            topic,
            &json!({ "thingName": thing, "status": "REJECTED", "statusDetails": { "ErrorCode": "InvalidPayload" } }),
        ),
    }
}

pub(super) fn accepted(topic: &str, payload: &Value) -> Answer {
    (format!("{topic}/accepted"), payload.to_string())
}

pub(super) fn rejected(topic: &str, payload: &Value) -> Answer {
    (format!("{topic}/rejected"), payload.to_string())
}

impl Twin<Aws> {
    /// Changes a shadow from the cloud's side, as `{"state":{"desired":{...}}}`: the thing is told where it has subscribed.
    pub fn update_shadow(&self, thing: &str, name: Option<&str>, update: &str) {
        let what = name.map_or("update".to_owned(), |name| format!("name/{name}/update"));
        self.tell(|service| lock(&service.shadows).answers(thing, &what, update.as_bytes()));
    }

    /// The state of a shadow as JSON, with `desired` and `reported`; `None`: there is none.
    pub fn shadow(&self, thing: &str, name: Option<&str>) -> Option<String> {
        lock(&self.service.shadows).state(thing, name)
    }

    /// Gives a thing something to do: `document` is JSON. The thing is told where it has subscribed.
    pub fn add_job(&self, thing: &str, job_id: &str, document: &str) {
        let document = serde_json::from_str(document).unwrap_or(Value::Null);
        self.tell(|service| lock(&service.jobs).add(thing, job_id, document));
    }

    /// What became of a job; `None`: there is no such job.
    pub fn job_status(&self, thing: &str, job_id: &str) -> Option<String> {
        lock(&self.service.jobs).status(thing, job_id)
    }

    /// A template for fleet provisioning.
    pub fn add_template(&self, name: &str) {
        lock(&self.service.fleet).add_template(name);
    }

    fn tell(&self, act: impl FnOnce(&Aws) -> Vec<Answer>) {
        for (topic, payload) in act(&self.service) {
            let _ = self.server().publish(&topic, payload, dunlin_codec::Qos::AtLeastOnce, false);
        }
    }
}
