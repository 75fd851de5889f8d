//! Packets of a server: well-formed ones, mostly, with what the fuzzer decides in them.

use dunlin_codec::{Ack, Packet, PacketId, Version};

/// As it goes over the wire.
pub(super) fn encoded(version: Version, packet: &Packet<'_>) -> Vec<u8> {
    let mut bytes = vec![0; packet.encoded_len(version).unwrap_or_default()];
    let len = packet.encode(version, &mut bytes).unwrap_or_default();
    bytes.truncate(len);
    bytes
}

pub(super) fn ack<'a>(version: Version, name: fn(Ack<'a>) -> Packet<'a>, id: u16) -> Vec<u8> {
    match PacketId::new(id) {
        Some(id) => encoded(version, &name(Ack::new(id))),
        None => Vec::new(),
    }
}

/// A property section of less than 128 bytes, in 5.0.
pub(super) fn properties(version: Version, properties: &[u8]) -> Vec<u8> {
    if version.is_v5() { [&[properties.len() as u8], properties].concat() } else { Vec::new() }
}

/// A packet of less than 128 bytes behind its head.
pub(super) fn packet(first_byte: u8, body: &[u8]) -> Vec<u8> {
    [&[first_byte, body.len() as u8], body].concat()
}

/// The authentication method that CONNECT names, as a property.
pub(super) const METHOD: &[u8] = b"\x15\x00\x01m";
