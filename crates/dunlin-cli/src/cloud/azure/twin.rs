//! What a hub tells a device.

use dunlin::{Client, Message, Qos, Subscription};
use dunlin_cloud::DeviceTwin;
use dunlin_cloud::azure::{DesiredChanged, PropertyText, Twin};

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
    twin: DeviceTwin,
    messages: Subscription,
}

impl Told for TwinOf {
    async fn open(self, client: &Client) -> Result<impl Listening, Failure> {
        let from_cloud = parsed(&self.connection_string)?.identity.messages().to_string();
        let messages = client.subscribe(Twin::DESIRED).qos(Qos::AtLeastOnce).and(&from_cloud).await?;
        Ok(Words { connection_string: self.connection_string, twin: DeviceTwin::open(client).await?, messages })
    }
}

impl Listening for Words {
    async fn read(&mut self) -> Result<Option<Object>, Failure> {
        let twin = self.twin.read().await?;
        Ok(Some(with_document(Object::new().text("event", "twin"), "twin", &twin)))
    }

    async fn next(&mut self) -> Result<Object, Failure> {
        let message = next(&mut self.messages).await?;
        match DesiredChanged::of_topic(message.topic()) {
            Some(change) => Ok(desired(change, &message)),
            None => self.message(&message),
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

fn desired(change: DesiredChanged, message: &Message) -> Object {
    let mut object = Object::new().text("event", "desired");
    if let Some(version) = change.version {
        object = object.plain("version", version);
    }
    match message.text() {
        Some(text) => with_document(object, "desired", text),
        None => object.bytes("desired", message.payload()),
    }
}
