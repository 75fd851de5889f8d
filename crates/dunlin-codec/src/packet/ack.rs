use super::{begin, properties_len};
use crate::{
    DecodeError, EncodeError, Malformed, PacketId, PacketType, Properties, PropertyOwner, ReasonCode, Version,
    reader::Reader,
};

/// PUBACK, PUBREC, PUBREL or PUBCOMP: the four packets that answer a PUBLISH have one form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ack<'a> {
    /// The identifier of the PUBLISH [MQTT-2.2.1-5].
    pub packet_id: PacketId,
    /// Success where the packet does not say, as in 3.1.1.
    pub reason: ReasonCode,
    /// Reason String and User Properties.
    pub properties: Properties<'a>,
}

impl<'a> Ack<'a> {
    /// One that says "success" and no more.
    pub const fn new(packet_id: PacketId) -> Self {
        Self { packet_id, reason: ReasonCode::SUCCESS, properties: Properties::NONE }
    }

    /// Reads one from the bytes behind its fixed header.
    pub fn decode(version: Version, packet_type: PacketType, body: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body);
        let packet_id = reader.packet_id();
        let (reason, properties) = read_reason(version, packet_type, &mut reader);
        reader.end(Self { packet_id, reason, properties })
    }

    /// Writes it as a packet of `packet_type`; see [`crate::Packet::encode`]. In 3.1.1, whose acknowledgements always
    /// say yes, the reason code is left out: who refuses must close the connection instead.
    pub fn encode(&self, version: Version, packet_type: PacketType, out: &mut [u8]) -> Result<usize, EncodeError> {
        let tail = reason_len(version, self.reason, self.properties)?;
        let (mut writer, len) = begin(out, packet_type.first_byte(), 2 + tail)?;
        writer.u16(self.packet_id.get());
        write_reason(tail, self.reason, self.properties, &mut writer);
        Ok(len)
    }
}

/// A reason code and, if there is more, properties: the tail of acknowledgements, DISCONNECT and AUTH, which may be
/// left out, as it is in 3.1.1.
pub(super) fn read_reason<'a>(
    version: Version,
    packet_type: PacketType,
    reader: &mut Reader<'a>,
) -> (ReasonCode, Properties<'a>) {
    if !version.is_v5() || reader.is_empty() {
        return (ReasonCode::SUCCESS, Properties::NONE);
    }
    let reason = ReasonCode::new(reader.u8());
    if reason != ReasonCode::SUCCESS && !reason.is_listed_for(packet_type) {
        reader.fail(Malformed::ReasonCode.into());
    }
    let properties = match reader.is_empty() {
        true => Properties::NONE,
        false => Properties::read(version, reader, PropertyOwner::Packet(packet_type)),
    };
    (reason, properties)
}

/// Bytes of that tail in its shortest form: nothing for plain success, a lone code without properties.
pub(super) fn reason_len(
    version: Version,
    reason: ReasonCode,
    properties: Properties<'_>,
) -> Result<usize, EncodeError> {
    if properties.is_empty() && (reason == ReasonCode::SUCCESS || !version.is_v5()) {
        return Ok(0);
    }
    let properties_len = properties_len(version, properties)?;
    Ok(1 + if properties.is_empty() { 0 } else { properties_len })
}

pub(super) fn write_reason(
    len: usize,
    reason: ReasonCode,
    properties: Properties<'_>,
    writer: &mut crate::writer::Writer<'_>,
) {
    if len > 0 {
        writer.u8(reason.get());
    }
    if len > 1 {
        properties.write(writer);
    }
}
