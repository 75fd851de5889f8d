//! A question to a service, and its answer.

use core::{fmt, time::Duration};
use std::{boxed::Box, string::String};

use dunlin::{Client, ConnectionError, Message, PublishError, Qos, SubscribeError, Subscription};
use tokio::time::{Instant, timeout_at};

/// Why a question to a service has no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CallError {
    /// There is no connection to ask on.
    Connect(Box<ConnectionError>),
    /// The answers could not be subscribed to.
    Subscribe(Box<SubscribeError>),
    /// The question was not delivered.
    Publish(Box<PublishError>),
    /// None came in time. The question may have been heard.
    NoAnswer(Duration),
    /// The service says no.
    Refused {
        /// In the numbers of HTTP.
        status: u16,
        /// What it says for people to read; may be empty.
        text: Box<str>,
    },
    /// The answer is not in the form that the service's documents tell.
    NotUnderstood,
    /// The system has no random numbers for a client token.
    NoRandomness,
    /// The client was closed.
    Closed,
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(error) => error.fmt(f),
            Self::Subscribe(error) => error.fmt(f),
            Self::Publish(error) => error.fmt(f),
            Self::NoAnswer(time) => write!(f, "the service did not answer within {time:?}: ask again"),
            Self::Refused { status, text } => write!(f, "the service refused ({status}): {text}"),
            Self::NotUnderstood => f.write_str("the service's answer is not in the form that its documents tell"),
            Self::NoRandomness => f.write_str("the system gave no random numbers for a client token"),
            Self::Closed => f.write_str("the client was closed"),
        }
    }
}

impl core::error::Error for CallError {}

/// Asks, and gives the first answer that `read` knows as its own. Others are passed over.
pub(super) async fn ask<T>(
    client: &Client,
    answers: &mut Subscription,
    topic: &str,
    payload: String,
    mut read: impl FnMut(&Message) -> Option<Result<T, CallError>>,
) -> Result<T, CallError> {
    let until = Instant::now() + LONGEST;
    let asked = client.publish(topic, payload).qos(Qos::AtLeastOnce);
    match timeout_at(until, asked.into_future()).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => return Err(CallError::Publish(Box::new(error))),
        Err(_) => return Err(CallError::NoAnswer(LONGEST)),
    }
    loop {
        let message = timeout_at(until, answers.next()).await.map_err(|_| CallError::NoAnswer(LONGEST))?;
        if let Some(answer) = read(&message.ok_or(CallError::Closed)?) {
            return answer;
        }
    }
}

/// How long a service may take for an answer.
const LONGEST: Duration = Duration::from_secs(30);
