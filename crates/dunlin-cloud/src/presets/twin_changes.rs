use std::{
    boxed::Box,
    string::{String, ToString},
};

use dunlin::{Client, Message, Qos};

use super::{
    DeviceTwin,
    attention::{Attention, Heard},
    dialogue::CallError,
};
use crate::{
    azure::{DesiredChanged, Twin},
    json,
};

/// What the cloud desires of a device of an IoT Hub, from the twin as a whole to each change of it.
///
/// A hub tells changes only while the device is connected. So the twin is read at first, after each reconnect, and where
/// the version of a change shows that one was missed; a change that is older than what was read is passed over.
///
/// It takes two of the five subscriptions that a hub allows.
#[derive(Debug)]
#[must_use = "it subscribes as long as it lives"]
pub struct TwinChanges {
    twin: DeviceTwin,
    attention: Attention,
    is_stale: bool,
    /// The version of what is desired, as it was told last.
    version: u64,
}

/// What became of a twin.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum TwinChange {
    /// All of it: whatever was told before is out of date.
    Twin(TwinDocument),
    /// Something else is desired.
    Desired {
        /// Of what is desired.
        version: u64,
        /// JSON: what changed, in which `null` deletes.
        patch: String,
    },
}

/// A twin as JSON with `desired` and `reported`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TwinDocument {
    text: String,
}

impl TwinDocument {
    /// All of it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// JSON: what is desired.
    pub fn desired(&self) -> &str {
        json::member(&self.text, "desired").unwrap_or("{}")
    }

    /// JSON: what was reported.
    pub fn reported(&self) -> &str {
        json::member(&self.text, "reported").unwrap_or("{}")
    }
}

impl TwinChanges {
    /// Subscribes to the changes, and to the answers of the twin.
    ///
    /// # Errors
    /// A subscription fails.
    pub async fn open(client: &Client) -> Result<Self, CallError> {
        let changes = client.subscribe(Twin::DESIRED).qos(Qos::AtLeastOnce).await;
        let changes = changes.map_err(|error| CallError::Subscribe(Box::new(error)))?;
        let (twin, attention) = (DeviceTwin::open(client).await?, Attention::new(client, changes));
        Ok(Self { twin, attention, is_stale: true, version: 0 })
    }

    /// The twin, to report to it.
    pub fn twin(&mut self) -> &mut DeviceTwin {
        &mut self.twin
    }

    /// Waits for the next change; at first gives the twin as it is. May be dropped at any time: nothing is lost, and what
    /// was being read is read again.
    ///
    /// # Errors
    /// See [`CallError`]; the next call goes on. [`CallError::Closed`] is the end.
    pub async fn next(&mut self) -> Result<TwinChange, CallError> {
        loop {
            if self.is_stale {
                let Self { twin, attention, .. } = self;
                let text = attention.ask(async || twin.read().await).await?;
                self.version = Twin::desired_version(&text).ok_or(CallError::NotUnderstood)?;
                self.is_stale = false;
                return Ok(TwinChange::Twin(TwinDocument { text }));
            }
            match self.attention.next().await? {
                Heard::Connected => self.is_stale = true,
                Heard::Message(message) => {
                    if let Some(change) = self.change(&message) {
                        return Ok(change);
                    }
                }
            }
        }
    }

    fn change(&mut self, message: &Message) -> Option<TwinChange> {
        let change = DesiredChanged::of_topic(message.topic())?;
        let version = change.version.unwrap_or(u64::MAX);
        if version <= self.version {
            return None;
        }
        self.is_stale = version != self.version + 1;
        let patch = message.text().filter(|_| !self.is_stale)?.to_string();
        self.version = version;
        Some(TwinChange::Desired { version, patch })
    }
}
