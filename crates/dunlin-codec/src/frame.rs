use crate::{
    Malformed, VARIABLE_BYTE_INTEGER_MAX, Version,
    varint::{self, MALFORMED, Varint},
};

/// The most bytes that may follow a fixed header.
pub const MAXIMUM_REMAINING_LENGTH: usize = VARIABLE_BYTE_INTEGER_MAX as usize;

/// The fixed header of a control packet: all that is needed to know how long it is, before it is all there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FixedHeader {
    /// Packet type and flags.
    pub first_byte: u8,
    /// Bytes of the header itself: 2 to 5.
    pub len: usize,
    /// Bytes that follow the header: at most [`MAXIMUM_REMAINING_LENGTH`].
    pub remaining_length: usize,
}

impl FixedHeader {
    /// Reads the header at the front of `input`; `Ok(None)` if more bytes are needed to tell.
    ///
    /// Only the length is judged here; type and flags are judged by [`PacketType::from_first_byte`].
    #[inline]
    pub fn read(input: &[u8]) -> Result<Option<Self>, Malformed> {
        let Some((&first_byte, tail)) = input.split_first() else { return Ok(None) };
        match varint::read(tail) {
            Varint { len: 0, .. } => Ok(None),
            Varint { len: MALFORMED, .. } => Err(Malformed::VariableByteInteger),
            Varint { value, len } => Ok(Some(Self { first_byte, len: len.wrapping_add(1), remaining_length: value })),
        }
    }

    /// Bytes of the whole packet.
    #[inline]
    pub const fn packet_len(&self) -> usize {
        self.len.wrapping_add(self.remaining_length)
    }
}

/// The kinds of control packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
#[expect(missing_docs, reason = "the standard's own names")]
pub enum PacketType {
    Connect = 1,
    Connack = 2,
    Publish = 3,
    Puback = 4,
    Pubrec = 5,
    Pubrel = 6,
    Pubcomp = 7,
    Subscribe = 8,
    Suback = 9,
    Unsubscribe = 10,
    Unsuback = 11,
    Pingreq = 12,
    Pingresp = 13,
    Disconnect = 14,
    Auth = 15,
}

impl PacketType {
    /// The type in a first byte, whose flags are checked: PUBLISH has its own, PUBREL, SUBSCRIBE and UNSUBSCRIBE
    /// have 0b0010, all others 0 [MQTT-2.1.3-1]. AUTH exists in 5.0 only.
    pub fn from_first_byte(version: Version, first_byte: u8) -> Result<Self, Malformed> {
        let packet_type = match first_byte >> 4 {
            1 => Self::Connect,
            2 => Self::Connack,
            3 => return Ok(Self::Publish),
            4 => Self::Puback,
            5 => Self::Pubrec,
            6 => Self::Pubrel,
            7 => Self::Pubcomp,
            8 => Self::Subscribe,
            9 => Self::Suback,
            10 => Self::Unsubscribe,
            11 => Self::Unsuback,
            12 => Self::Pingreq,
            13 => Self::Pingresp,
            14 => Self::Disconnect,
            15 if version.is_v5() => Self::Auth,
            _ => return Err(Malformed::PacketType),
        };
        if first_byte == packet_type.first_byte() { Ok(packet_type) } else { Err(Malformed::HeaderFlags) }
    }

    /// The first byte of such a packet; of a PUBLISH with QoS 0, DUP 0 and RETAIN 0.
    #[inline]
    pub const fn first_byte(self) -> u8 {
        let flags = matches!(self, Self::Pubrel | Self::Subscribe | Self::Unsubscribe);
        (self as u8) << 4 | (flags as u8) << 1
    }
}

/// A set of packet types: one bit for each.
pub(crate) const fn set(types: &[PacketType]) -> u16 {
    let (mut bits, mut i) = (0, 0);
    while i < types.len() {
        bits |= 1 << types[i] as u8;
        i += 1;
    }
    bits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_has_one_bit_for_each_of_its_types() {
        assert_eq!(set(&[]), 0);
        assert_eq!(set(&[PacketType::Connect, PacketType::Publish, PacketType::Publish]), 0b1010);
        assert_eq!(set(&[PacketType::Auth]), 0x8000);
    }
}
