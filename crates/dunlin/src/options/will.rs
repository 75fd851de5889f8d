use core::fmt;

use dunlin_codec::{Properties, Qos, TopicError, TopicName};

/// What the server publishes when the connection ends without a DISCONNECT.
#[derive(Clone, PartialEq, Eq)]
pub struct Will {
    topic: String,
    payload: Vec<u8>,
    qos: Qos,
    retain: bool,
}

impl Will {
    /// With QoS 0, not retained. The payload has at most 65,535 bytes; what is longer is refused when connecting.
    pub fn new(topic: impl Into<String>, payload: impl Into<Vec<u8>>) -> Result<Self, TopicError> {
        let topic = topic.into();
        TopicName::new(&topic)?;
        Ok(Self { topic, payload: payload.into(), qos: Qos::AtMostOnce, retain: false })
    }

    /// How it is published.
    #[must_use]
    pub fn qos(mut self, qos: Qos) -> Self {
        self.qos = qos;
        self
    }

    /// Whether the server keeps it for later subscribers.
    #[must_use]
    pub fn retain(mut self, retain: bool) -> Self {
        self.retain = retain;
        self
    }

    pub(crate) fn is_too_long(&self) -> bool {
        self.payload.len() > 0xFFFF
    }

    pub(crate) fn view(&self) -> Option<dunlin_codec::Will<'_>> {
        let topic = TopicName::new(&self.topic).ok()?;
        Some(dunlin_codec::Will {
            topic,
            payload: &self.payload,
            qos: self.qos,
            retain: self.retain,
            properties: Properties::NONE,
        })
    }
}

impl fmt::Debug for Will {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Will")
            .field("topic", &self.topic)
            .field("payload", &format_args!("{} bytes", self.payload.len()))
            .field("qos", &self.qos)
            .field("retain", &self.retain)
            .finish()
    }
}
