use core::fmt;

use std::time::Duration;

use dunlin_codec::{Properties, Property, PropertyError, PropertyId, PropertyOwner, Qos, TopicError, TopicName};

use crate::{authentication::append, rules::PublishAsked};

/// What the server publishes when the connection ends without a DISCONNECT.
#[derive(Clone, PartialEq, Eq)]
pub struct Will {
    topic: String,
    payload: Vec<u8>,
    qos: Qos,
    retain: bool,
    /// As they go over the wire.
    properties: Vec<u8>,
    property_error: Option<PropertyError>,
}

impl Will {
    /// With QoS 0, not retained. The payload has at most 65,535 bytes; what is longer is refused when connecting.
    pub fn new(topic: impl Into<String>, payload: impl Into<Vec<u8>>) -> Result<Self, TopicError> {
        let topic = topic.into();
        TopicName::new(&topic)?;
        Ok(Self {
            topic,
            payload: payload.into(),
            qos: Qos::AtMostOnce,
            retain: false,
            properties: Vec::new(),
            property_error: None,
        })
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

    /// How long the server waits before it publishes the will (5.0): a client that comes back meanwhile with its session
    /// keeps it from being published. In whole seconds, rounded up; at most 136 years.
    #[must_use]
    pub fn delay(self, delay: Duration) -> Self {
        let seconds = delay.as_secs().saturating_add(u64::from(delay.subsec_nanos() > 0));
        self.property(Property::WillDelayInterval(seconds.try_into().unwrap_or(u32::MAX)))
    }

    /// Adds a property (5.0), such as a content type or a message expiry. One that a will cannot have is refused when
    /// connecting.
    #[must_use]
    pub fn property(mut self, property: Property<'_>) -> Self {
        if let Err(error) = append(&mut self.properties, property) {
            self.property_error.get_or_insert(error);
        }
        self
    }

    pub(crate) fn has_properties(&self) -> bool {
        !self.properties.is_empty() || self.property_error.is_some()
    }

    pub(crate) fn check(&self) -> Result<Properties<'_>, PropertyError> {
        match self.property_error {
            Some(error) => Err(error),
            None => Properties::check(PropertyOwner::Will, &self.properties).map_err(PropertyError::NotAllowed),
        }
    }

    pub(crate) fn is_too_long(&self) -> bool {
        self.payload.len() > 0xFFFF
    }

    /// As a message, and after how many seconds it is published.
    pub(crate) fn asked(&self) -> Option<(PublishAsked<'_>, u32)> {
        let topic = TopicName::new(&self.topic).ok()?;
        let delay = self.check().ok().and_then(|properties| properties.number(PropertyId::WillDelayInterval));
        let will = PublishAsked { topic, payload: self.payload.len(), qos: self.qos, retain: self.retain };
        Some((will, delay.unwrap_or(0)))
    }

    pub(crate) fn view(&self) -> Option<dunlin_codec::Will<'_>> {
        let topic = TopicName::new(&self.topic).ok()?;
        Some(dunlin_codec::Will {
            topic,
            payload: &self.payload,
            qos: self.qos,
            retain: self.retain,
            properties: self.check().ok()?,
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
            .field("properties", &format_args!("{} bytes", self.properties.len()))
            .finish()
    }
}
