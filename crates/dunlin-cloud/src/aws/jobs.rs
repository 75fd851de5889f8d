use core::fmt;

use super::{ThingName, thing::PREFIX};
use crate::{NameError, Topic, json, name::check_name};

/// The jobs of a thing.
///
/// Answers come to whoever asked, subscribed or not; subscribe to them all the same where others ask, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Jobs<'a>(ThingName<'a>);

/// Requests about jobs, and what the service tells by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JobTopic<'a> {
    /// Publish here to be told the jobs that wait or are under way.
    Pending,
    /// Publish here to begin the next job.
    StartNext,
    /// Told when a job comes or goes.
    Notify,
    /// Told when another job is the next.
    NotifyNext,
    /// Publish here to be told about one job; `$next`: about the next.
    Describe(&'a str),
    /// Publish here what became of a job.
    Update(&'a str),
}

impl<'a> Jobs<'a> {
    /// Of a thing.
    pub const fn new(thing: ThingName<'a>) -> Self {
        Self(thing)
    }

    /// The topic to publish a request to, or to subscribe to for what is told.
    ///
    /// # Errors
    /// A job identifier is neither `$next` nor 1 to 64 letters, digits, `_` and `-`.
    pub fn topic(self, what: JobTopic<'a>) -> Result<Topic<'a>, NameError> {
        self.with(what, "")
    }

    /// The topic of the answer; of what is told without a request there is none, and nothing comes.
    ///
    /// # Errors
    /// As of [`topic`](Self::topic).
    pub fn answer(self, what: JobTopic<'a>, accepted: bool) -> Result<Topic<'a>, NameError> {
        self.with(what, if accepted { "/accepted" } else { "/rejected" })
    }

    fn with(self, what: JobTopic<'a>, suffix: &'a str) -> Result<Topic<'a>, NameError> {
        let (job, verb) = match what {
            JobTopic::Pending => ("", "get"),
            JobTopic::StartNext => ("", "start-next"),
            JobTopic::Notify => ("", "notify"),
            JobTopic::NotifyNext => ("", "notify-next"),
            JobTopic::Describe(job) => (job, "/get"),
            JobTopic::Update(job) => (job, "/update"),
        };
        let names_one = matches!(what, JobTopic::Describe(_) | JobTopic::Update(_));
        if names_one && job != NEXT {
            check_name(job, 64, "_-")?;
        }
        Ok(Topic::of_texts([PREFIX, self.0.as_str(), "/jobs/", job, verb, suffix]))
    }
}

/// A job that the service told of. `Debug` does not show the document, which often holds a signed URL.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct JobExecution<'a> {
    /// The job's identifier.
    pub job_id: &'a str,
    /// `QUEUED`, `IN_PROGRESS`, `FAILED`, `SUCCEEDED`, `CANCELED`, `TIMED_OUT`, `REJECTED` or `REMOVED`.
    pub status: &'a str,
    /// What an update may name as `expectedVersion`.
    pub version_number: Option<u64>,
    /// What is to be done: JSON.
    pub document: Option<&'a str>,
}

impl<'a> JobExecution<'a> {
    /// Reads what came as `notify-next`, or as the answer to [`JobTopic::StartNext`] or [`JobTopic::Describe`]; `None`:
    /// there is no job.
    pub fn read(payload: &'a str) -> Option<Self> {
        let execution = json::member(payload, "execution")?;
        let member = |name| json::member(execution, name);
        Some(Self {
            job_id: member("jobId").and_then(json::text)?,
            status: member("status").and_then(json::text)?,
            version_number: member("versionNumber").and_then(|number| number.parse().ok()),
            document: member("jobDocument"),
        })
    }
}

impl fmt::Debug for JobExecution<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobExecution")
            .field("job_id", &self.job_id)
            .field("status", &self.status)
            .field("version_number", &self.version_number)
            .finish_non_exhaustive()
    }
}

const NEXT: &str = "$next";
