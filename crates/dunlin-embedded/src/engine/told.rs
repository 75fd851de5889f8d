use dunlin_codec::{PacketId, PacketType, Properties, PropertyId, PropertyOwner, Publish, Qos, ReasonCode, TopicName};
use dunlin_session::{InboundAliases, Outcome, RequestError};

use super::Engine;
use crate::{AUTHENTICATION, Event, Message, REDIRECT};

/// An event without what it borrows: that is in the packet at the front of the input.
#[derive(Debug, Clone, Copy)]
pub(super) enum Told {
    Nothing,
    Connected { session_present: bool, properties: u16 },
    Disconnected,
    Authentication { reason: ReasonCode, properties: u16 },
    Redirected { by: PacketType, properties: u16, is_permanent: bool },
    Message(Parts),
    Part,
    Published { id: PacketId, outcome: Outcome },
    Subscribed { id: PacketId, codes: u16, subscription: Option<u16> },
    Unsubscribed { id: PacketId, codes: u16 },
    NotSubscribed { subscription: u16, error: RequestError },
    AckStalled { id: PacketId, times: u8 },
}

impl Told {
    /// What a server says that takes its leave, if it sends the client elsewhere.
    pub(super) fn redirected(by: PacketType, reason: ReasonCode, properties: Properties<'_>) -> Self {
        let is_permanent = reason == ReasonCode::SERVER_MOVED;
        if (is_permanent || reason == ReasonCode::USE_ANOTHER_SERVER)
            && properties.text(PropertyId::ServerReference).is_some()
        {
            return Self::Redirected { by, properties: properties.as_bytes().len() as u16, is_permanent };
        }
        Self::Nothing
    }
}

/// Where the parts of a PUBLISH are, as their lengths.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parts {
    topic_at: u8,
    topic: u16,
    properties: u16,
    payload: u16,
    is_shortened: bool,
}

impl Parts {
    /// The payload is the end of the packet, its properties stand before it.
    pub(super) fn of(packet: &[u8], publish: &Publish<'_>, is_shortened: bool) -> Self {
        let (topic, payload) = (publish.topic.as_bytes(), publish.payload);
        // Behind the header, which is 2 to 4 bytes long in an input of at most 65,535 bytes.
        let topic_at = topic.as_ptr().addr().wrapping_sub(packet.as_ptr().addr()) as u8;
        let properties = publish.properties.as_bytes().len() as u16;
        Self { topic_at, topic: topic.len() as u16, properties, payload: payload.len() as u16, is_shortened }
    }
}

pub(super) fn event<'e, A: InboundAliases>(engine: &'e Engine<'_, A>) -> Event<'e> {
    let packet = engine.input.pending().get(..engine.consumed).unwrap_or_default();
    let last = |len: u16| before(packet, 0, len);
    match engine.told {
        Told::Connected { session_present, properties } => {
            Event::Connected { session_present, properties: check(PacketType::Connack, last(properties)) }
        }
        Told::Authentication { reason, properties } if AUTHENTICATION => {
            Event::Authentication { reason, properties: check(PacketType::Auth, last(properties)) }
        }
        Told::Redirected { by, properties, is_permanent } if REDIRECT => {
            let server = check(by, last(properties)).text(PropertyId::ServerReference).unwrap_or_default();
            Event::Redirected { server, is_permanent }
        }
        Told::Message(parts) => Event::PublishReceived(message(engine, packet, parts)),
        Told::Part => Event::PublishContinued { bytes: packet, more: engine.large.more() },
        Told::Published { id, outcome } => Event::Published { id, outcome },
        Told::Subscribed { id, codes, subscription } => Event::Subscribed { id, codes: last(codes), subscription },
        Told::Unsubscribed { id, codes } => Event::Unsubscribed { id, codes: last(codes) },
        Told::NotSubscribed { subscription, error } => Event::NotSubscribed { subscription, error },
        Told::AckStalled { id, times } => Event::AckStalled { id, times },
        Told::Disconnected | Told::Nothing | Told::Authentication { .. } | Told::Redirected { .. } => {
            Event::Disconnected { cause: engine.cause, reconnect_at: engine.session.reconnect_at() }
        }
    }
}

fn message<'e, A: InboundAliases>(engine: &Engine<'_, A>, packet: &'e [u8], parts: Parts) -> Message<'e> {
    let flags = packet.first().copied().unwrap_or_default();
    let topic = packet.get(parts.topic_at.into()..).and_then(|from| from.get(..parts.topic.into()));
    let owner = PacketType::Publish;
    Message {
        topic: TopicName::of_checked(topic.unwrap_or_default()),
        payload: before(packet, 0, parts.payload),
        more: engine.large.more(),
        qos: Qos::from_u8(flags >> 1 & 3).unwrap_or_default(),
        retain: flags & 0x01 != 0,
        dup: flags & 0x08 != 0,
        properties: check(owner, before(packet, parts.payload, parts.properties)),
        is_shortened: parts.is_shortened,
        delivery: engine.delivery,
    }
}

/// They were checked when they came in.
fn check(owner: PacketType, properties: &[u8]) -> Properties<'_> {
    Properties::check(PropertyOwner::Packet(owner), properties).unwrap_or_default()
}

/// The `len` bytes that end `behind` bytes before the end of the packet.
fn before(packet: &[u8], behind: u16, len: u16) -> &[u8] {
    let end = packet.len().saturating_sub(behind.into());
    packet.get(end.saturating_sub(len.into())..end).unwrap_or_default()
}
