//! What tests look at: owned copies of what clients said and did.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use dunlin_codec::{
    Connect, PacketId, PacketType, Properties, Property, PropertyError, PropertyOwner, Qos, ReasonCode, TopicError,
    TopicName, Version, Will,
};

use super::connection::ConnectionId;
use super::judge::Breach;
use super::wire;

/// An application message, owned.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    topic: String,
    payload: Vec<u8>,
    qos: Qos,
    retain: bool,
    properties: Vec<u8>,
}

impl Message {
    /// A message with QoS 0, not retained, without properties.
    ///
    /// # Errors
    /// `topic` is not a topic name.
    pub fn new(topic: &str, payload: impl Into<Vec<u8>>) -> Result<Self, TopicError> {
        let topic = TopicName::new(topic)?.as_str().to_owned();
        Ok(Self { topic, payload: payload.into(), qos: Qos::AtMostOnce, retain: false, properties: Vec::new() })
    }

    /// Sets the QoS.
    #[must_use]
    pub fn with_qos(mut self, qos: Qos) -> Self {
        self.qos = qos;
        self
    }

    /// Sets RETAIN.
    #[must_use]
    pub fn with_retain(mut self, retain: bool) -> Self {
        self.retain = retain;
        self
    }

    /// Adds a property, which clients of 3.1.1 will not see. A Topic Alias or Subscription Identifier given here is not
    /// passed on: those are the server's own.
    ///
    /// # Errors
    /// The property may not be sent, or not in a PUBLISH.
    pub fn with_property(mut self, property: Property<'_>) -> Result<Self, PropertyError> {
        property.check()?;
        self.properties.extend(wire::encode_properties([property]));
        Properties::check(PUBLISH, &self.properties).map_err(PropertyError::NotAllowed)?;
        Ok(self)
    }

    /// The topic name; a topic alias has been resolved.
    #[must_use]
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// The payload.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// The payload as text; what is not UTF-8 is replaced.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.payload).into_owned()
    }

    /// The QoS it was published with.
    #[must_use]
    pub fn qos(&self) -> Qos {
        self.qos
    }

    /// Whether RETAIN was set.
    #[must_use]
    pub fn retain(&self) -> bool {
        self.retain
    }

    /// Its properties as they were sent, a topic alias among them.
    #[must_use]
    pub fn properties(&self) -> Properties<'_> {
        Properties::check(PUBLISH, &self.properties).unwrap_or_default()
    }

    pub(super) fn of_publish(topic: String, publish: &dunlin_codec::Publish<'_>) -> Self {
        Self {
            topic,
            payload: publish.payload.to_vec(),
            qos: publish.qos,
            retain: publish.retain,
            properties: publish.properties.as_bytes().to_vec(),
        }
    }

    pub(super) fn of_will(will: &Will<'_>) -> Self {
        let of_message = |property: &Property<'_>| !matches!(property, Property::WillDelayInterval(_));
        Self {
            topic: will.topic.as_str().to_owned(),
            payload: will.payload.to_vec(),
            qos: will.qos,
            retain: will.retain,
            properties: wire::encode_properties(will.properties.iter().filter(of_message)),
        }
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("topic", &self.topic)
            .field("payload", &self.payload.escape_ascii().to_string())
            .field("qos", &self.qos)
            .field("retain", &self.retain)
            .field("properties", &self.properties())
            .finish()
    }
}

/// A message that a client published, as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Received {
    /// Who published it.
    pub client_id: String,
    /// The connection it came over.
    pub connection: ConnectionId,
    /// Whether DUP was set: QoS 1 messages that come twice are here twice, QoS 2 messages are not.
    pub dup: bool,
    /// Its packet identifier; none at QoS 0.
    pub packet_id: Option<PacketId>,
    /// The message.
    pub message: Arc<Message>,
}

/// What a CONNECT said, and what the server answered. `Debug` does not show the password.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConnectRecord {
    /// The connection it came over.
    pub connection: ConnectionId,
    /// The version it asked for.
    pub version: Version,
    /// The client identifier as it was sent, perhaps empty.
    pub client_id: String,
    /// Clean Start; Clean Session in 3.1.1.
    pub clean_start: bool,
    /// Keep alive in seconds.
    pub keep_alive: u16,
    /// The will.
    pub will: Option<Message>,
    /// The user name.
    pub user_name: Option<String>,
    /// The password.
    pub password: Option<Vec<u8>>,
    /// What the CONNACK said.
    pub reason: ReasonCode,
    /// Whether the CONNACK said Session Present.
    pub session_present: bool,
    properties: Vec<u8>,
}

impl ConnectRecord {
    /// The properties, those of the will not among them.
    #[must_use]
    pub fn properties(&self) -> Properties<'_> {
        Properties::check(PropertyOwner::Packet(PacketType::Connect), &self.properties).unwrap_or_default()
    }

    pub(super) fn new(connection: ConnectionId, connect: &Connect<'_>) -> Self {
        Self {
            connection,
            version: connect.version,
            client_id: connect.client_id.to_owned(),
            clean_start: connect.clean_start,
            keep_alive: connect.keep_alive,
            will: connect.will.as_ref().map(Message::of_will),
            user_name: connect.user_name.map(str::to_owned),
            password: connect.password.map(<[u8]>::to_vec),
            reason: ReasonCode::SUCCESS,
            session_present: false,
            properties: connect.properties.as_bytes().to_vec(),
        }
    }
}

impl fmt::Debug for ConnectRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectRecord")
            .field("connection", &self.connection)
            .field("version", &self.version)
            .field("client_id", &self.client_id)
            .field("clean_start", &self.clean_start)
            .field("keep_alive", &self.keep_alive)
            .field("will", &self.will)
            .field("user_name", &self.user_name)
            .field("password", &self.password.as_ref().map(|_| "..."))
            .field("properties", &self.properties())
            .field("reason", &self.reason)
            .field("session_present", &self.session_present)
            .finish()
    }
}

/// A client that the server has a session of, connected or not.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientState {
    /// Its identifier.
    pub client_id: String,
    /// Its connection, if it is connected.
    pub connection: Option<ConnectionId>,
    /// The version of its last connection.
    pub version: Version,
    /// Its topic filters, sorted.
    pub subscriptions: Vec<String>,
    /// QoS 1 and 2 messages that wait for it and were not sent yet.
    pub queued: usize,
    /// QoS 1 and 2 messages that were sent to it and are not acknowledged.
    pub in_flight: usize,
    /// Messages dropped because its queue was full, it was too slow, or they were above its Maximum Packet Size.
    pub dropped: u64,
}

/// An acknowledgement that is held back, see [`Server::hold_acks`](super::Server::hold_acks).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HeldAck {
    /// PUBACK, PUBREC, PUBCOMP, SUBACK or UNSUBACK.
    pub packet_type: PacketType,
    /// Its packet identifier.
    pub packet_id: PacketId,
}

/// All records, each list bounded: the oldest go.
#[derive(Debug, Default)]
pub(super) struct Records {
    pub(super) received: VecDeque<Received>,
    pub(super) received_total: u64,
    received_bytes: usize,
    pub(super) connects: VecDeque<ConnectRecord>,
    pub(super) breaches: VecDeque<Breach>,
}

impl Records {
    pub(super) fn add_received(&mut self, received: Received) {
        self.received_total += 1;
        self.received_bytes += size(&received);
        self.received.push_back(received);
        while self.received.len() > RECORDS || self.received_bytes > RECORDED_BYTES {
            let Some(oldest) = self.received.pop_front() else { break };
            self.received_bytes -= size(&oldest);
        }
    }

    pub(super) fn add_connect(&mut self, connect: ConnectRecord) {
        self.connects.push_back(connect);
        if self.connects.len() > RECORDS {
            self.connects.pop_front();
        }
    }

    /// Of breaches the first are kept: they are the cause of the others.
    pub(super) fn add_breach(&mut self, breach: Breach) {
        if self.breaches.len() < BREACHES {
            self.breaches.push_back(breach);
        }
    }

    pub(super) fn forget_received(&mut self) {
        self.received.clear();
        self.received_bytes = 0;
    }
}

fn size(received: &Received) -> usize {
    received.message.payload.len() + received.message.topic.len() + received.message.properties.len()
}

const PUBLISH: PropertyOwner = PropertyOwner::Packet(PacketType::Publish);
const RECORDS: usize = 100_000;
const RECORDED_BYTES: usize = 256 << 20;
const BREACHES: usize = 1_000;
