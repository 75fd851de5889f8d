//! What a hub tells a device.

use dunlin::{Client, Message, Qos, Subscription};
use dunlin_cloud::azure::PropertyText;
use dunlin_cloud::{TwinChange, TwinChanges};

use super::parsed;
use crate::cloud::document::with_document;
use crate::cloud::secrets::written;
use crate::cloud::watch::{Listening, Told, next};
use crate::failure::Failure;
use crate::json::Object;

/// The twin of the device of this connection string.
pub(super) struct TwinOf {
    pub(super) connection_string: String,
}

struct Words {
    connection_string: String,
    changes: TwinChanges,
    messages: Subscription,
}

impl Told for TwinOf {
    async fn open(self, client: &Client) -> Result<impl Listening, Failure> {
        let from_cloud = parsed(&self.connection_string)?.identity.messages().to_string();
        let messages = client.subscribe(&from_cloud).qos(Qos::AtLeastOnce).await?;
        Ok(Words { connection_string: self.connection_string, changes: TwinChanges::open(client).await?, messages })
    }
}

impl Listening for Words {
    async fn next(&mut self) -> Result<Object, Failure> {
        tokio::select! {
            biased;
            change = self.changes.next() => Ok(of_change(change?)),
            message = next(&mut self.messages) => self.message(&message?),
        }
    }
}

impl Words {
    fn message(&self, message: &Message) -> Result<Object, Failure> {
        let identity = parsed(&self.connection_string)?.identity;
        let plain = |text: PropertyText<'_>| {
            let decoded = written(|out| text.write(out).map(Option::unwrap_or_default));
            decoded.unwrap_or_else(|_| text.escaped().to_owned())
        };
        let properties: Vec<_> = identity
            .read_message(message.topic())
            .into_iter()
            .flatten()
            .map(|(name, value)| (plain(name), value.map(plain).unwrap_or_default()))
            .collect();
        let pairs = properties.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        Ok(Object::new().text("event", "message").pairs("properties", pairs).bytes("payload", message.payload()))
    }
}

fn of_change(change: TwinChange) -> Object {
    match change {
        TwinChange::Twin(twin) => with_document(Object::new().text("event", "twin"), "twin", twin.as_str()),
        TwinChange::Desired { version, patch } => {
            with_document(Object::new().text("event", "desired").plain("version", version), "desired", &patch)
        }
    }
}
