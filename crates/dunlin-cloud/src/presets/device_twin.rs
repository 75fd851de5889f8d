use std::{
    boxed::Box,
    string::{String, ToString},
    sync::atomic::{AtomicU32, Ordering},
};

use dunlin::{Client, Message, PublishError, Qos, Subscription};

use super::dialogue::{CallError, ask};
use crate::azure::{Method, Twin, TwinAnswer};

/// The twin of a device at its hub, asked and answered: [`Twin`] with the numbers of requests kept.
///
/// It is one of the five subscriptions that a hub allows. Several may be open at once; each knows its own answers.
#[derive(Debug)]
#[must_use = "it subscribes as long as it lives"]
pub struct DeviceTwin {
    client: Client,
    answers: Subscription,
}

impl DeviceTwin {
    /// Subscribes to the answers.
    ///
    /// # Errors
    /// The subscription fails.
    pub async fn open(client: &Client) -> Result<Self, CallError> {
        let answers = client.subscribe(Twin::ANSWERS).await.map_err(|error| CallError::Subscribe(Box::new(error)))?;
        Ok(Self { client: client.clone(), answers })
    }

    /// Reads the twin: JSON with `desired` and `reported`. Waits 30 s at most; dropped before, nothing is lost but the answer.
    ///
    /// # Errors
    /// See [`CallError`]: 429 if it is asked too often.
    pub async fn read(&mut self) -> Result<String, CallError> {
        let request = number();
        self.ask(&Twin::read(request).to_string(), String::new(), request, |_, message| {
            message.text().map(str::to_string)
        })
        .await?
        .ok_or(CallError::NotUnderstood)
    }

    /// Reports how the device is: a JSON object, in which `null` deletes. Gives the version of what is reported. Waits 30 s
    /// at most; dropped before, it may have been heard.
    ///
    /// # Errors
    /// See [`CallError`]: 400 if it is no object, 429 if it is reported too often.
    pub async fn report(&mut self, reported: &str) -> Result<Option<u64>, CallError> {
        let request = number();
        self.ask(&Twin::report(request).to_string(), reported.to_string(), request, |answer, _| answer.version).await
    }

    async fn ask<T>(
        &mut self,
        topic: &str,
        payload: String,
        request: u32,
        take: impl Fn(&TwinAnswer, &Message) -> T,
    ) -> Result<T, CallError> {
        ask(&self.client, &mut self.answers, topic, payload, |message| {
            let answer = TwinAnswer::of_topic(message.topic()).filter(|answer| answer.request == request)?;
            Some(match answer.status {
                200..=299 => Ok(take(&answer, message)),
                status => Err(CallError::Refused { status, text: message.text().unwrap_or_default().into() }),
            })
        })
        .await
    }
}

/// Several twins, and calls that were dropped, have their answers on one topic: no number is used twice.
fn number() -> u32 {
    static LAST: AtomicU32 = AtomicU32::new(0);
    LAST.fetch_add(1, Ordering::Relaxed).wrapping_add(1)
}

/// The calls of a device's methods by the cloud.
#[derive(Debug)]
#[must_use = "it subscribes as long as it lives"]
pub struct DirectMethods {
    client: Client,
    calls: Subscription,
}

/// One call, which waits for its answer: as long as the caller chose, and then in vain.
#[derive(Debug)]
#[must_use = "whoever calls waits for the answer"]
pub struct MethodCall {
    client: Client,
    message: Message,
}

impl DirectMethods {
    /// Subscribes to the calls.
    ///
    /// # Errors
    /// The subscription fails.
    pub async fn open(client: &Client) -> Result<Self, CallError> {
        let calls = client.subscribe(Method::CALLS).await.map_err(|error| CallError::Subscribe(Box::new(error)))?;
        Ok(Self { client: client.clone(), calls })
    }

    /// Waits for the next call. `None`: the client was closed. May be dropped at any time without loss.
    pub async fn next(&mut self) -> Option<MethodCall> {
        loop {
            let message = self.calls.next().await?;
            if Method::of_topic(message.topic()).is_some() {
                return Some(MethodCall { client: self.client.clone(), message });
            }
        }
    }
}

impl MethodCall {
    /// Whether it calls the method of this name.
    pub fn is(&self, name: &str) -> bool {
        Method::of_topic(self.message.topic()).is_some_and(|method| method.name.is(name))
    }

    /// Its arguments: JSON; empty if they are no text.
    pub fn payload(&self) -> &str {
        self.message.text().unwrap_or_default()
    }

    /// Answers it: `status` is the application's own, `payload` JSON. Waits until the hub has the answer.
    ///
    /// # Errors
    /// The answer is not delivered.
    pub async fn answer(self, status: i32, payload: &str) -> Result<(), PublishError> {
        let Some(method) = Method::of_topic(self.message.topic()) else { return Ok(()) };
        self.client.publish(&method.answer(status).to_string(), payload).qos(Qos::AtLeastOnce).await.map(drop)
    }
}
