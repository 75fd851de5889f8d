use core::fmt::Write;
use std::{
    boxed::Box,
    format,
    string::{String, ToString},
    vec,
};

use dunlin::{Client, Subscription};
use ring::rand::{SecureRandom, SystemRandom};

use super::dialogue::{CallError, ask};
use crate::{
    NameError,
    aws::{Shadow, ShadowAnswer, ShadowTopic, ShadowUpdate, ThingName},
};

/// A shadow, asked and answered: [`Shadow`] with the client tokens kept, by which a request knows its own answer.
#[derive(Debug)]
#[must_use = "it subscribes as long as it lives"]
pub struct ThingShadow {
    client: Client,
    answers: Subscription,
    thing: String,
    name: Option<String>,
    /// Others ask the same shadow, and hear each other's answers.
    mark: u64,
    request: u64,
}

/// What a shadow says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ShadowDocument {
    /// Counts its changes.
    pub version: u64,
    /// JSON with `desired`, `reported` and, where they differ, `delta`.
    pub state: String,
}

impl ShadowDocument {
    /// JSON: how the thing shall be; `None`: nobody has said so.
    pub fn desired(&self) -> Option<&str> {
        crate::json::member(&self.state, "desired")
    }

    /// JSON: how the thing is, as it reported.
    pub fn reported(&self) -> Option<&str> {
        crate::json::member(&self.state, "reported")
    }

    /// JSON: what is desired, as far as it differs from what was reported; `None`: it does not differ.
    pub fn delta(&self) -> Option<&str> {
        crate::json::member(&self.state, "delta")
    }
}

impl ThingShadow {
    /// Subscribes to the answers: six filters.
    ///
    /// # Errors
    /// The subscription fails.
    pub async fn open(client: &Client, shadow: Shadow<'_>) -> Result<Self, CallError> {
        let topic = |what: ShadowTopic| shadow.topic(what).to_string();
        let mut subscribe = client.subscribe(&topic(ShadowTopic::GetAccepted));
        for what in ANSWERS {
            subscribe = subscribe.and(&topic(what));
        }
        let answers = subscribe.await.map_err(|error| CallError::Subscribe(Box::new(error)))?;
        let (thing, name) = (shadow.thing().to_string(), shadow.name().map(str::to_string));
        let mut mark = [0; 8];
        SystemRandom::new().fill(&mut mark).map_err(|_| CallError::NoRandomness)?;
        Ok(Self { client: client.clone(), answers, thing, name, mark: u64::from_be_bytes(mark), request: 0 })
    }

    /// Reads the document; `None`: there is none. Waits 30 s at most; dropped before, nothing is lost but the answer.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn read(&mut self) -> Result<Option<ShadowDocument>, CallError> {
        let token = self.token();
        let payload = format!("{{\"clientToken\":\"{token}\"}}");
        let read = self.ask(ShadowTopic::Get, payload, &token, |answer| {
            Some(ShadowDocument { version: answer.version?, state: answer.state?.to_string() })
        });
        match read.await {
            Err(CallError::Refused { status: 404, .. }) => Ok(None),
            other => other.map(Some),
        }
    }

    /// Changes it, and gives its new version. A client token of the caller's is not used. Waits 30 s at most; dropped before,
    /// it may have been heard.
    ///
    /// # Errors
    /// See [`CallError`]: 409 if the version is another, 413 if it is too large, 400 if it is too deep or no JSON.
    pub async fn update(&mut self, update: &ShadowUpdate<'_>) -> Result<u64, CallError> {
        let token = self.token();
        let update = ShadowUpdate { client_token: Some(&token), ..*update };
        let most = [update.desired, update.reported].into_iter().flatten().map(str::len).sum::<usize>() + 256;
        let payload = update.write(&mut vec![0; most]).unwrap_or_default().to_string();
        self.ask(ShadowTopic::Update, payload, &token, |answer| answer.version).await
    }

    /// Deletes it; false: there was none. Waits 30 s at most; dropped before, it may have been heard.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn delete(&mut self) -> Result<bool, CallError> {
        let token = self.token();
        let payload = format!("{{\"clientToken\":\"{token}\"}}");
        match self.ask(ShadowTopic::Delete, payload, &token, |_| Some(())).await {
            Err(CallError::Refused { status: 404, .. }) => Ok(false),
            other => other.map(|()| true),
        }
    }

    fn token(&mut self) -> String {
        self.request += 1;
        let mut token = String::new();
        let _ = write!(token, "{:016x}-{:x}", self.mark, self.request);
        token
    }

    async fn ask<T>(
        &mut self,
        what: ShadowTopic,
        payload: String,
        token: &str,
        take: impl Fn(&ShadowAnswer<'_>) -> Option<T>,
    ) -> Result<T, CallError> {
        let topic =
            shadow(&self.thing, self.name.as_deref()).map_err(|_| CallError::NotUnderstood)?.topic(what).to_string();
        ask(&self.client, &mut self.answers, &topic, payload, |message| {
            let payload = message.text()?;
            let answer = ShadowAnswer::read(payload);
            (answer.client_token == Some(token)).then_some(())?;
            let text = crate::json::member(payload, "message").and_then(crate::json::text).unwrap_or_default();
            Some(match answer.code {
                Some(status) => Err(CallError::Refused { status, text: text.into() }),
                None => take(&answer).ok_or(CallError::NotUnderstood),
            })
        })
        .await
    }
}

fn shadow<'a>(thing: &'a str, name: Option<&'a str>) -> Result<Shadow<'a>, NameError> {
    let thing = ThingName::new(thing)?;
    name.map_or(Ok(Shadow::classic(thing)), |name| Shadow::named(thing, name))
}

const ANSWERS: [ShadowTopic; 5] = [
    ShadowTopic::GetRejected,
    ShadowTopic::UpdateAccepted,
    ShadowTopic::UpdateRejected,
    ShadowTopic::DeleteAccepted,
    ShadowTopic::DeleteRejected,
];
