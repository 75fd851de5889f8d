//! The bytes of packets, written by hand: not by the codec that the session uses.

use dunlin_codec::Version;

/// A PUBLISH on the topic "t".
pub(crate) fn publish(version: Version, first_byte: u8, id: u16, payload: &[u8]) -> Vec<u8> {
    let mut body = vec![0, 1, b't'];
    if first_byte & 0x06 != 0 {
        body.extend(id.to_be_bytes());
    }
    if version == Version::V5 {
        body.push(0);
    }
    body.extend(payload);
    packet(first_byte, &body)
}

/// A packet with this body.
pub(crate) fn packet(first_byte: u8, body: &[u8]) -> Vec<u8> {
    let (mut wire, mut len) = (vec![first_byte], body.len());
    while len >= 128 {
        wire.push(len as u8 | 0x80);
        len /= 128;
    }
    wire.push(len as u8);
    wire.extend(body);
    wire
}

/// PUBACK, PUBREC, PUBREL or PUBCOMP without a code.
pub(crate) fn ack(first_byte: u8, id: u16) -> Vec<u8> {
    packet(first_byte, &id.to_be_bytes())
}

/// The same with a code.
pub(crate) fn ack_with(first_byte: u8, id: u16, reason: u8) -> Vec<u8> {
    packet(first_byte, &[&id.to_be_bytes()[..], &[reason]].concat())
}

/// A CONNACK that accepts.
pub(crate) fn connack(version: Version, session_present: bool) -> Vec<u8> {
    match version {
        Version::V5 => connack_with(session_present, &[]),
        _ => vec![0x20, 2, session_present.into(), 0],
    }
}

/// A 5.0 CONNACK that accepts with these properties.
pub(crate) fn connack_with(session_present: bool, properties: &[u8]) -> Vec<u8> {
    packet(0x20, &[&[session_present.into(), 0, properties.len() as u8], properties].concat())
}

/// One after the other.
pub(crate) fn all(packets: &[Vec<u8>]) -> Vec<u8> {
    packets.concat()
}

pub(crate) const PUBACK: u8 = 0x40;
pub(crate) const PUBREC: u8 = 0x50;
pub(crate) const PUBREL: u8 = 0x62;
pub(crate) const PUBCOMP: u8 = 0x70;
