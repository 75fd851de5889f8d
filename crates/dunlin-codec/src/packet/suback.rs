use super::{begin, properties_len, write_properties};
use crate::{
    DecodeError, EncodeError, Malformed, PacketId, PacketType, Properties, PropertyOwner, ReasonCode, Version,
    reader::Reader,
};

/// SUBACK: a verdict for each filter of a SUBSCRIBE, in its order [MQTT-3.9.3-1].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Suback<'a> {
    /// The identifier of the SUBSCRIBE [MQTT-2.2.1-6].
    pub packet_id: PacketId,
    /// Reason String and User Properties.
    pub properties: Properties<'a>,
    /// One code for each filter: the granted QoS, or why not.
    pub codes: &'a [u8],
}

impl<'a> Suback<'a> {
    /// Reads one from the bytes behind its fixed header. Whether there is a code for each filter only the sender of
    /// the SUBSCRIBE can tell.
    pub fn decode(version: Version, body: &'a [u8]) -> Result<Self, DecodeError> {
        Self::decode_as(version, PacketType::Suback, body)
    }

    /// Reads the bytes behind the fixed header of a SUBACK or of an UNSUBACK, which have one form: for who knows what
    /// it asked, in one copy. `From` makes the other one of it.
    #[doc(hidden)]
    pub fn decode_as(version: Version, packet_type: PacketType, body: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body);
        let packet_id = reader.packet_id();
        let properties = Properties::read(version, &mut reader, PropertyOwner::Packet(packet_type));
        let codes = reader.rest();
        if !version.is_v5() && packet_type == PacketType::Unsuback && !codes.is_empty() {
            reader.fail(Malformed::TrailingBytes.into());
        }
        // 3.1.1 has the granted QoS and one failure, 0x80.
        let highest = if version.is_v5() { 0xFF } else { 0x80 };
        if codes.iter().any(|&code| code > highest || !ReasonCode::new(code).is_listed_for(packet_type)) {
            reader.fail(Malformed::ReasonCode.into());
        }
        reader.result(Self { packet_id, properties, codes })
    }

    /// The verdicts.
    pub fn reasons(&self) -> impl ExactSizeIterator<Item = ReasonCode> + 'a {
        self.codes.iter().map(|&code| ReasonCode::new(code))
    }

    /// Writes it; see [`crate::Packet::encode`]. In 3.1.1 every failure is written as 0x80 [MQTT-3.9.3-2].
    pub fn encode(&self, version: Version, out: &mut [u8]) -> Result<usize, EncodeError> {
        write(version, PacketType::Suback, self.packet_id, self.properties, self.codes, out)
    }
}

/// UNSUBACK: a verdict for each filter of an UNSUBSCRIBE, in its order [MQTT-3.11.3-1].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unsuback<'a> {
    /// The identifier of the UNSUBSCRIBE [MQTT-2.2.1-6].
    pub packet_id: PacketId,
    /// Reason String and User Properties.
    pub properties: Properties<'a>,
    /// One code for each filter; none in 3.1.1, which always says yes.
    pub codes: &'a [u8],
}

impl<'a> Unsuback<'a> {
    /// Reads one from the bytes behind its fixed header.
    pub fn decode(version: Version, body: &'a [u8]) -> Result<Self, DecodeError> {
        Suback::decode_as(version, PacketType::Unsuback, body).map(Self::from)
    }

    /// The verdicts.
    pub fn reasons(&self) -> impl ExactSizeIterator<Item = ReasonCode> + 'a {
        self.codes.iter().map(|&code| ReasonCode::new(code))
    }

    /// Writes it; see [`crate::Packet::encode`]. In 3.1.1 the codes are left out.
    pub fn encode(&self, version: Version, out: &mut [u8]) -> Result<usize, EncodeError> {
        let codes = if version.is_v5() { self.codes } else { &[] };
        write(version, PacketType::Unsuback, self.packet_id, self.properties, codes, out)
    }
}

impl<'a> From<Suback<'a>> for Unsuback<'a> {
    #[inline]
    fn from(Suback { packet_id, properties, codes }: Suback<'a>) -> Self {
        Self { packet_id, properties, codes }
    }
}

fn write(
    version: Version,
    packet_type: PacketType,
    packet_id: PacketId,
    properties: Properties<'_>,
    codes: &[u8],
    out: &mut [u8],
) -> Result<usize, EncodeError> {
    let remaining = 2 + properties_len(version, properties)? + codes.len();
    let (mut writer, len) = begin(out, packet_type.first_byte(), remaining)?;
    writer.u16(packet_id.get());
    write_properties(version, properties, &mut writer);
    for &code in codes {
        writer.u8(if version.is_v5() { code } else { code.min(0x80) });
    }
    Ok(len)
}
