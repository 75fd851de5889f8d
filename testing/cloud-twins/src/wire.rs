//! Packets that a twin says by itself.

use dunlin_codec::{
    Connack, Connect, Disconnect, Packet, PacketType, Properties, Property, PropertyId, PropertyOwner, Publish,
    ReasonCode, TopicName, Version,
};

/// The packet as bytes; none if it cannot be said in this version.
pub(crate) fn encode(version: Version, packet: &Packet<'_>) -> Vec<u8> {
    let mut bytes = vec![0; packet.encoded_len(version).unwrap_or(0)];
    let len = packet.encode(version, &mut bytes).unwrap_or(0);
    bytes.truncate(len);
    bytes
}

/// A refusal of CONNECT.
pub(crate) fn refusal(version: Version, reason: ReasonCode) -> Vec<u8> {
    encode(version, &Packet::Connack(Connack::new(version, false, reason)))
}

/// The end of a connection, with a reason where the version has one.
pub(crate) fn goodbye(version: Version, reason: ReasonCode) -> Vec<u8> {
    if version.is_v5() { encode(version, &Packet::Disconnect(Disconnect::new(reason))) } else { Vec::new() }
}

/// A message of QoS 0.
pub(crate) fn message(version: Version, topic: &str, payload: &[u8]) -> Vec<u8> {
    let Ok(topic) = TopicName::new(topic) else { return Vec::new() };
    encode(version, &Packet::Publish(Publish::new(topic, payload)))
}

/// Properties as bytes.
pub(crate) fn properties<'a>(list: impl IntoIterator<Item = Property<'a>>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for property in list {
        let start = bytes.len();
        bytes.resize(start + property.encoded_len(), 0);
        let written = bytes.get_mut(start..).map_or(0, |free| property.encode(free).unwrap_or(0));
        bytes.truncate(start + written);
    }
    bytes
}

/// CONNECT without its enhanced authentication, for a server that has none.
pub(crate) fn without_authentication(connect: &Connect<'_>) -> Vec<u8> {
    let of_authentication = |property: &Property<'_>| {
        matches!(property.id(), PropertyId::AuthenticationMethod | PropertyId::AuthenticationData)
    };
    let kept = properties(connect.properties.iter().filter(|property| !of_authentication(property)));
    let owner = PropertyOwner::Packet(PacketType::Connect);
    let properties = Properties::check(owner, &kept).unwrap_or_default();
    encode(connect.version, &Packet::Connect(Connect { properties, ..*connect }))
}

/// CONNACK that names the method by which the client authenticated itself.
pub(crate) fn with_authentication(connack: &Connack<'_>, method: &str) -> Vec<u8> {
    let named = properties(connack.properties.iter().chain([Property::AuthenticationMethod(method)]));
    let owner = PropertyOwner::Packet(PacketType::Connack);
    let properties = Properties::check(owner, &named).unwrap_or_default();
    encode(Version::V5, &Packet::Connack(Connack { properties, ..*connack }))
}
