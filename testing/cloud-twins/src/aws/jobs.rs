use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::reserved::{Answer, accepted, rejected};
use crate::twin::now;

/// The jobs of all things, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Jobs(BTreeMap<String, Vec<Job>>);

#[derive(Debug)]
struct Job {
    id: String,
    status: String,
    version: u64,
    document: Value,
}

impl Job {
    fn is_pending(&self) -> bool {
        self.is_queued() || self.status == "IN_PROGRESS"
    }

    fn is_queued(&self) -> bool {
        self.status == "QUEUED"
    }

    fn told(&self) -> Value {
        json!({
            "jobId": self.id, "status": self.status, "versionNumber": self.version, "executionNumber": 1,
            "queuedAt": now(), "lastUpdatedAt": now(), "jobDocument": self.document,
        })
    }
}

impl Jobs {
    /// What is told of a new job.
    pub(super) fn add(&mut self, thing: &str, id: &str, document: Value) -> Vec<Answer> {
        let jobs = self.0.entry(thing.to_owned()).or_default();
        jobs.push(Job { id: id.to_owned(), status: "QUEUED".to_owned(), version: 1, document });
        self.notices(thing)
    }

    pub(super) fn status(&self, thing: &str, id: &str) -> Option<String> {
        self.0.get(thing)?.iter().find(|job| job.id == id).map(|job| job.status.clone())
    }

    /// The answers to a request: `what` is behind `jobs/`.
    pub(super) fn answers(&mut self, thing: &str, what: &str, payload: &[u8]) -> Vec<Answer> {
        let topic = format!("$aws/things/{thing}/jobs/{what}");
        let request: Value = serde_json::from_slice(payload).unwrap_or_else(|_| json!({}));
        let with_token = |mut told: Value| {
            if let Some(token) = request.get("clientToken") {
                told["clientToken"] = token.clone();
            }
            told
        };
        match what {
            "get" => vec![accepted(&topic, &with_token(self.pending(thing)))],
            "start-next" => {
                let told =
                    json!({ "timestamp": now(), "execution": self.start_next(thing).unwrap_or_else(|| json!({})) });
                vec![accepted(&topic, &with_token(told))]
            }
            _ => {
                let (id, verb) = what.split_once('/').unwrap_or((what, ""));
                let told = match verb {
                    "get" => self.describe(thing, id),
                    "update" => self.update(thing, id, &request),
                    _ => return Vec::new(),
                };
                match told {
                    Ok(told) => {
                        let mut answers = vec![accepted(&topic, &with_token(told))];
                        if verb == "update" {
                            answers.extend(self.notices(thing));
                        }
                        answers
                    }
                    Err(code) => vec![rejected(&topic, &with_token(json!({ "code": code, "timestamp": now() })))],
                }
            }
        }
    }

    fn of(&mut self, thing: &str) -> &mut Vec<Job> {
        self.0.entry(thing.to_owned()).or_default()
    }

    fn pending(&mut self, thing: &str) -> Value {
        let short = |job: &Job| json!({ "jobId": job.id, "queuedAt": now(), "versionNumber": job.version });
        let jobs = self.of(thing);
        let under_way: Vec<_> = jobs.iter().filter(|job| job.status == "IN_PROGRESS").map(short).collect();
        let queued: Vec<_> = jobs.iter().filter(|job| job.is_queued()).map(short).collect();
        json!({ "timestamp": now(), "inProgressJobs": under_way, "queuedJobs": queued })
    }

    fn start_next(&mut self, thing: &str) -> Option<Value> {
        let job = self.of(thing).iter_mut().find(|job| job.is_pending())?;
        if job.is_queued() {
            (job.status, job.version) = ("IN_PROGRESS".to_owned(), job.version + 1);
        }
        Some(job.told())
    }

    /// `$next`: the one that is first in the queue.
    fn find(&mut self, thing: &str, id: &str) -> Option<&mut Job> {
        self.of(thing).iter_mut().find(|job| if id == "$next" { job.is_pending() } else { job.id == id })
    }

    fn describe(&mut self, thing: &str, id: &str) -> Result<Value, &'static str> {
        match self.find(thing, id) {
            Some(job) => Ok(json!({ "timestamp": now(), "execution": job.told() })),
            None if id == "$next" => Ok(json!({ "timestamp": now(), "execution": {} })),
            None => Err("ResourceNotFound"),
        }
    }

    fn update(&mut self, thing: &str, id: &str, request: &Value) -> Result<Value, &'static str> {
        let job = self.find(thing, id).ok_or("ResourceNotFound")?;
        let status = request.get("status").and_then(Value::as_str).ok_or("InvalidRequest")?;
        if request.get("expectedVersion").is_some_and(|version| !is_number(version, job.version)) {
            return Err("VersionMismatch");
        }
        if !job.is_pending() {
            return Err("TerminalStateReached");
        }
        (job.status, job.version) = (status.to_owned(), job.version + 1);
        Ok(json!({ "timestamp": now() }))
    }

    fn notices(&mut self, thing: &str) -> Vec<Answer> {
        let (pending, prefix) = (self.pending(thing), format!("$aws/things/{thing}/jobs"));
        let next = self.find(thing, "$next").map_or_else(|| json!({}), |job| job.told());
        let all = json!({ "timestamp": now(), "jobs": { "QUEUED": pending["queuedJobs"], "IN_PROGRESS": pending["inProgressJobs"] } });
        vec![
            (format!("{prefix}/notify"), all.to_string()),
            (format!("{prefix}/notify-next"), json!({ "timestamp": now(), "execution": next }).to_string()),
        ]
    }
}

/// Libraries write it as a number or as a text.
fn is_number(value: &Value, number: u64) -> bool {
    value.as_u64() == Some(number) || value.as_str() == Some(&number.to_string())
}
