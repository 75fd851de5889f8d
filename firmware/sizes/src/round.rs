use dunlin_codec::{
    PacketType, Properties, PropertyId, PropertyOwner, Qos, ReasonCode, SubscriptionFilter, SubscriptionOptions,
    TopicFilter, TopicName, Will,
};
use dunlin_embedded::{Client, Event};
use dunlin_session::{InboundAliases, PublishOptions};

use crate::{AUTHENTICATES, IS_REDIRECTED};

/// What the programs do: publish with each QoS they have, and receive that again.
#[derive(Debug)]
pub struct Round {
    /// So many of [`QOS`](Self) are published.
    messages: u8,
    received: u8,
    settled: u8,
}

/// What to do behind an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Wait for the next.
    Wait,
    /// Publish the first message.
    Publish,
    /// Answer the server.
    Authenticate,
    /// Everything came: disconnect.
    Leave,
    /// The connection has ended as it should.
    Done,
    /// It has not.
    Failed,
}

impl Round {
    /// With messages of so many QoS: 0 and 1, or 0, 1 and 2.
    pub const fn new(messages: u8) -> Self {
        Self { messages, received: 0, settled: 0 }
    }

    /// What an event means.
    pub fn handle(&mut self, event: Event<'_>) -> Progress {
        match event {
            Event::Subscribed { codes, .. } if codes.iter().all(|code| *code < 0x80) => return Progress::Publish,
            Event::PublishReceived(message) if message.payload == PAYLOAD => {
                let properties = message.properties;
                let is_whole = properties.is_empty()
                    || properties.binary(PropertyId::ContentType) == Some(b"text")
                        && properties.number(PropertyId::MessageExpiryInterval).is_some();
                if !is_whole {
                    return Progress::Failed;
                }
                self.received += 1;
            }
            Event::Authentication { .. } if AUTHENTICATES => return Progress::Authenticate,
            Event::Redirected { server, .. } if IS_REDIRECTED => {
                core::hint::black_box(server);
            }
            Event::Published { .. } => self.settled += 1,
            Event::Connected { .. } => {}
            Event::Disconnected { .. } if self.is_all() => return Progress::Done,
            _ => return Progress::Failed,
        }
        if self.is_all() { Progress::Leave } else { Progress::Wait }
    }

    /// A message of QoS 0 is not settled.
    fn is_all(&self) -> bool {
        self.received == self.messages && self.settled + 1 == self.messages
    }

    /// Publishes them all. False: there is no room.
    pub fn publish<L, A: InboundAliases>(&self, client: &mut Client<'_, L, A>, properties: &[u8]) -> bool {
        let owner = PropertyOwner::Packet(PacketType::Publish);
        let (Ok(topic), Ok(properties)) = (TopicName::new(TOPIC), Properties::check(owner, properties)) else {
            return false;
        };
        for qos in 0..self.messages {
            let qos = Qos::from_u8(qos).unwrap_or_default();
            let options = PublishOptions { properties, ..PublishOptions::qos(qos) };
            if client.publish(topic, PAYLOAD, options).is_err() {
                return false;
            }
        }
        true
    }

    /// What to subscribe.
    pub fn subscription(qos: Qos) -> Option<SubscriptionFilter<'static>> {
        let filter = TopicFilter::new(TOPIC).ok()?;
        Some(SubscriptionFilter { filter, options: SubscriptionOptions::new(qos) })
    }

    /// Shows the server what it asks for.
    pub fn authenticate<L, A: InboundAliases>(client: &mut Client<'_, L, A>) -> bool {
        let owner = PropertyOwner::Packet(PacketType::Auth);
        Properties::check(owner, METHOD).is_ok_and(|properties| client.authenticate(properties).is_ok())
    }

    /// What CONNECT says of it.
    pub fn connect_properties() -> Option<Properties<'static>> {
        let method = if AUTHENTICATES { METHOD } else { &[] };
        Properties::check(PropertyOwner::Packet(PacketType::Connect), method).ok()
    }

    /// Ends the connection.
    pub fn leave<L, A: InboundAliases>(client: &mut Client<'_, L, A>) {
        client.disconnect(ReasonCode::SUCCESS);
    }

    /// Properties of the messages in 5.0.
    pub const PROPERTIES: &'static [u8] = b"\x02\0\0\0\x3C\x03\0\x04text\x26\0\x01a\0\x01b";
}

/// A last will.
pub fn will() -> Option<Will<'static>> {
    let topic = TopicName::new("sensor/will").ok()?;
    Some(Will { topic, payload: b"gone", qos: Qos::AtLeastOnce, retain: false, properties: Properties::NONE })
}

/// A method and its data.
const METHOD: &[u8] = b"\x15\0\x05PLAIN\x16\0\x06secret";
const TOPIC: &str = "sensor/temp";
const PAYLOAD: &[u8] = b"21.5";
