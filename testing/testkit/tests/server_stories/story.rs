//! Clients made by hand, and a line of text for each packet they get.

use std::collections::BTreeMap;
use std::time::Duration;

use dunlin_codec::{
    Connect, Decoded, Packet, PacketId, PacketType, Properties, Property, PropertyOwner, Publish, Qos, Subscribe,
    SubscriptionFilter, SubscriptionOptions, TopicFilter, TopicName, Unsubscribe, Version, Will, decode,
};
use dunlin_testkit::{ConnectionId, SansIoServer, ServerOptions};

pub(crate) const V3: Version = Version::V3_1_1;
pub(crate) const V5: Version = Version::V5;

pub(crate) struct Story {
    pub(crate) server: SansIoServer,
    pub(crate) now: Duration,
    inputs: BTreeMap<ConnectionId, Vec<u8>>,
}

/// A connection and the version it speaks.
#[derive(Clone, Copy)]
pub(crate) struct Client {
    pub(crate) id: ConnectionId,
    pub(crate) version: Version,
}

impl Story {
    pub(crate) fn new() -> Self {
        Self::with(ServerOptions::new())
    }

    pub(crate) fn with(options: ServerOptions) -> Self {
        Self { server: SansIoServer::new(options), now: Duration::ZERO, inputs: BTreeMap::new() }
    }

    /// A client with a clean start whose CONNACK has been read.
    pub(crate) fn client(&mut self, version: Version, client_id: &str) -> Client {
        let client = self.connect(version, &Connect::new(version, client_id));
        assert!(self.read(client)[0].starts_with("CONNACK new 0x00"));
        client
    }

    /// A client whose session outlives its connection, and what it was told first.
    pub(crate) fn resuming(&mut self, version: Version, client_id: &str) -> (Client, Vec<String>) {
        let expiry = properties([Property::SessionExpiryInterval(1_000)]);
        let mut connect = Connect { clean_start: false, ..Connect::new(version, client_id) };
        if version.is_v5() {
            connect.properties = owned(PacketType::Connect, &expiry);
        }
        let client = self.connect(version, &connect);
        let told = self.read(client);
        (client, told)
    }

    pub(crate) fn connect(&mut self, version: Version, connect: &Connect<'_>) -> Client {
        let id = self.server.handle_connection(self.now);
        let client = Client { id, version };
        self.send(client, &Packet::Connect(*connect));
        client
    }

    pub(crate) fn send(&mut self, client: Client, packet: &Packet<'_>) {
        let bytes = encode(client.version, packet);
        self.send_bytes(client, &bytes);
    }

    pub(crate) fn send_bytes(&mut self, client: Client, bytes: &[u8]) {
        self.server.handle_bytes(client.id, bytes, self.now);
    }

    /// PUBLISH; `id` 0 at QoS 0.
    pub(crate) fn publish(&mut self, client: Client, topic: &str, payload: &str, qos: u8, id: u16) {
        let bytes = encode(client.version, &Packet::Publish(publish(topic, payload, qos, id)));
        self.send_bytes(client, &bytes);
    }

    /// The same with DUP.
    pub(crate) fn publish_again(&mut self, client: Client, topic: &str, payload: &str, qos: u8, id: u16) {
        let packet = Publish { dup: true, ..publish(topic, payload, qos, id) };
        self.send(client, &Packet::Publish(packet));
    }

    /// PUBACK, PUBREC, PUBREL or PUBCOMP in its short form.
    pub(crate) fn ack(&mut self, client: Client, packet_type: PacketType, id: u16) {
        let [high, low] = id.to_be_bytes();
        self.send_bytes(client, &[packet_type.first_byte(), 2, high, low]);
    }

    pub(crate) fn subscribe(&mut self, client: Client, filter: &str, qos: Qos) -> Vec<String> {
        self.subscribe_with(client, filter, SubscriptionOptions::new(qos), None)
    }

    pub(crate) fn subscribe_with(
        &mut self,
        client: Client,
        filter: &str,
        options: SubscriptionOptions,
        identifier: Option<u32>,
    ) -> Vec<String> {
        let filters = [SubscriptionFilter { filter: TopicFilter::new(filter).unwrap(), options }];
        let bytes = properties(identifier.map(Property::SubscriptionIdentifier));
        let mut subscribe = Subscribe::new(PacketId::new(1_000).unwrap(), &filters);
        subscribe.properties = owned(PacketType::Subscribe, &bytes);
        self.send(client, &Packet::Subscribe(subscribe));
        self.read(client)
    }

    pub(crate) fn unsubscribe(&mut self, client: Client, filter: &str) -> Vec<String> {
        let filters = [TopicFilter::new(filter).unwrap()];
        self.send(client, &Packet::Unsubscribe(Unsubscribe::new(PacketId::new(1_001).unwrap(), &filters)));
        self.read(client)
    }

    /// What the client got since it last read, a line for each packet, "closed" last if the server closed.
    pub(crate) fn read(&mut self, client: Client) -> Vec<String> {
        let input = self.inputs.entry(client.id).or_default();
        let mut closed = false;
        loop {
            let output = self.server.poll_output(client.id, self.now);
            closed |= output.close.is_some();
            if output.bytes.is_empty() {
                break;
            }
            input.extend(output.bytes);
        }
        let mut lines = Vec::new();
        while !input.is_empty() {
            let Decoded::Packet { packet, consumed } = decode(client.version, input).unwrap() else { break };
            lines.push(line(&packet));
            input.drain(..consumed);
        }
        if closed {
            lines.push("closed".to_owned());
        }
        lines
    }

    /// The client's network breaks; what it did not read is lost.
    pub(crate) fn lose(&mut self, client: Client) {
        self.server.handle_connection_lost(client.id, self.now);
    }

    pub(crate) fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(at) = self.server.poll_timeout().filter(|&at| at <= until) {
            self.now = self.now.max(at);
            self.server.handle_timeout(self.now);
            assert!(self.server.poll_timeout() != Some(at), "what is due must be done");
        }
        self.now = until;
    }

    pub(crate) fn statements(&self) -> Vec<&'static str> {
        self.server.breaches().iter().map(|breach| breach.statement).collect()
    }

    #[track_caller]
    pub(crate) fn assert_no_breaches(&self) {
        assert_eq!(self.server.breaches(), []);
    }
}

pub(crate) fn publish<'a>(topic: &'a str, payload: &'a str, qos: u8, id: u16) -> Publish<'a> {
    Publish {
        qos: Qos::from_u8(qos).unwrap(),
        packet_id: PacketId::new(id),
        ..Publish::new(TopicName::new(topic).unwrap(), payload.as_bytes())
    }
}

pub(crate) fn will<'a>(topic: &'a str, payload: &'a str, properties: &'a [u8]) -> Will<'a> {
    Will {
        topic: TopicName::new(topic).unwrap(),
        payload: payload.as_bytes(),
        qos: Qos::AtMostOnce,
        retain: false,
        properties: Properties::check(PropertyOwner::Will, properties).unwrap(),
    }
}

pub(crate) fn properties<'a>(list: impl IntoIterator<Item = Property<'a>>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for property in list {
        let start = bytes.len();
        bytes.resize(start + property.encoded_len(), 0);
        property.encode(&mut bytes[start..]).unwrap();
    }
    bytes
}

pub(crate) fn owned(packet_type: PacketType, bytes: &[u8]) -> Properties<'_> {
    Properties::check(PropertyOwner::Packet(packet_type), bytes).unwrap()
}

pub(crate) fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn encode(version: Version, packet: &Packet<'_>) -> Vec<u8> {
    let mut bytes = vec![0; packet.encoded_len(version).unwrap()];
    packet.encode(version, &mut bytes).unwrap();
    bytes
}

fn line(packet: &Packet<'_>) -> String {
    let told = |properties: Properties<'_>| properties.iter().map(|it| format!(" {it:?}")).collect::<String>();
    match packet {
        Packet::Connack(it) => {
            let session = if it.session_present { "present" } else { "new" };
            format!("CONNACK {session} 0x{:02X}{}", it.return_code, told(it.properties))
        }
        Packet::Publish(it) => {
            let flag = |set, name: &'static str| if set { name } else { "" };
            let id = it.packet_id.map(|id| format!(" #{id}")).unwrap_or_default();
            let (dup, retain) = (flag(it.dup, " dup"), flag(it.retain, " retain"));
            let payload = it.payload.escape_ascii();
            format!("PUBLISH q{}{id}{dup}{retain} {}={payload}{}", it.qos as u8, it.topic, told(it.properties))
        }
        Packet::Puback(it) | Packet::Pubrec(it) | Packet::Pubrel(it) | Packet::Pubcomp(it) => {
            let name = format!("{:?}", packet.packet_type()).to_uppercase();
            format!("{name} #{} 0x{:02X}{}", it.packet_id, it.reason.get(), told(it.properties))
        }
        Packet::Suback(it) => format!("SUBACK #{} {:02X?}{}", it.packet_id, it.codes, told(it.properties)),
        Packet::Unsuback(it) => format!("UNSUBACK #{} {:02X?}", it.packet_id, it.codes),
        Packet::Disconnect(it) => format!("DISCONNECT 0x{:02X}{}", it.reason.get(), told(it.properties)),
        other => format!("{:?}", other.packet_type()).to_uppercase(),
    }
}
