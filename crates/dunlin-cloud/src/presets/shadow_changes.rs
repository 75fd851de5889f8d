use std::{boxed::Box, string::String, string::ToString};

use dunlin::{Client, Message, Qos};

use super::{
    ShadowDocument, ThingShadow,
    attention::{Attention, Heard},
    dialogue::CallError,
};
use crate::aws::{Shadow, ShadowAnswer, ShadowTopic};

/// How a thing shall be otherwise than it is: its shadow as a whole, and then each difference.
///
/// Differences are told only while the thing is connected, or keeps a session. So the shadow is read at first and after
/// each reconnect; a difference that is older than what was read is passed over.
///
/// It takes seven of the fifty subscriptions that the service allows.
#[derive(Debug)]
#[must_use = "it subscribes as long as it lives"]
pub struct ShadowChanges {
    shadow: ThingShadow,
    attention: Attention,
    is_stale: bool,
    /// The version that was told last.
    version: u64,
}

/// What became of a shadow.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ShadowChange {
    /// All of it, whatever was told before; `None`: there is none. What is desired meanwhile is in its
    /// [`delta`](ShadowDocument::delta) and not told again.
    Document(Option<ShadowDocument>),
    /// What is desired differs from what was reported.
    Delta {
        /// Of the shadow.
        version: u64,
        /// JSON: what is desired, as far as it differs.
        state: String,
    },
}

impl ShadowChanges {
    /// Subscribes to the differences, and to the answers of the shadow.
    ///
    /// # Errors
    /// A subscription fails.
    pub async fn open(client: &Client, shadow: Shadow<'_>) -> Result<Self, CallError> {
        let deltas = client.subscribe(&shadow.topic(ShadowTopic::UpdateDelta).to_string()).qos(Qos::AtLeastOnce).await;
        let deltas = deltas.map_err(|error| CallError::Subscribe(Box::new(error)))?;
        let (shadow, attention) = (ThingShadow::open(client, shadow).await?, Attention::new(client, deltas));
        Ok(Self { shadow, attention, is_stale: true, version: 0 })
    }

    /// The shadow, to report to it.
    pub fn shadow(&mut self) -> &mut ThingShadow {
        &mut self.shadow
    }

    /// Waits for the next change; at first gives the shadow as it is. May be dropped at any time: nothing is lost, and what
    /// was being read is read again.
    ///
    /// # Errors
    /// See [`CallError`]; the next call goes on. [`CallError::Closed`] is the end.
    pub async fn next(&mut self) -> Result<ShadowChange, CallError> {
        loop {
            if self.is_stale {
                let Self { shadow, attention, .. } = self;
                let document = attention.ask(async || shadow.read().await).await?;
                self.version = document.as_ref().map_or(0, |document| document.version);
                self.is_stale = false;
                return Ok(ShadowChange::Document(document));
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

    /// Versions count every change of the shadow, and not each makes a difference: none is missed if there are gaps.
    fn change(&mut self, message: &Message) -> Option<ShadowChange> {
        let answer = ShadowAnswer::read(message.text()?);
        let (version, state) = (answer.version?, answer.state?);
        if version <= self.version {
            return None;
        }
        self.version = version;
        Some(ShadowChange::Delta { version, state: state.to_string() })
    }
}
