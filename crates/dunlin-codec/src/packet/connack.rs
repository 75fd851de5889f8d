use super::{begin, properties_len, write_properties};
use crate::{
    DecodeError, EncodeError, Malformed, PacketType, Properties, PropertyOwner, ProtocolViolation, ReasonCode, V3_1,
    Version, reader::Reader,
};

/// CONNACK: the server's answer to a CONNECT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connack<'a> {
    /// Whether the server goes on with a session it has kept.
    pub session_present: bool,
    /// Success, or why the connection was refused; a return code of 3.1.1 is told as the code that means the same.
    pub reason: ReasonCode,
    /// The byte on the wire. It tells more than `reason` only for 3.1.1 codes above 5, which servers use though the
    /// standard reserves them [MQTT-3.2.2.3-U1].
    pub return_code: u8,
    /// What the server allows and demands.
    pub properties: Properties<'a>,
}

impl<'a> Connack<'a> {
    /// One with this verdict and no properties.
    pub const fn new(version: Version, session_present: bool, reason: ReasonCode) -> Self {
        let return_code = if version.is_v5() { reason.get() } else { reason.to_v3_return_code() };
        Self { session_present, reason, return_code, properties: Properties::NONE }
    }

    /// Reads one from the bytes behind its fixed header.
    ///
    /// A server that does not speak 5.0 may refuse it in the form of 3.1.1, `20 02 00 01`: that is read too.
    pub fn decode(version: Version, body: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body);
        let flags = match (reader.u8(), version) {
            // A byte that means nothing in 3.1.
            (_, Version::V3_1) if V3_1 => 0,
            (flags, _) => flags,
        };
        if flags > 1 {
            reader.fail(Malformed::AcknowledgeFlags.into());
        }
        let (session_present, return_code) = (flags == 1, reader.u8());
        let (reason, properties) = if version.is_v5() && !(reader.is_empty() && return_code == 1) {
            let reason = ReasonCode::new(return_code);
            if reason != ReasonCode::SUCCESS && !reason.is_listed_for(PacketType::Connack) {
                reader.fail(Malformed::ReasonCode.into());
            }
            (reason, Properties::read(version, &mut reader, PropertyOwner::Packet(PacketType::Connack)))
        } else {
            (ReasonCode::from_v3_return_code(return_code), Properties::NONE)
        };
        let connack = reader.end(Self { session_present, reason, return_code, properties })?;
        if session_present && reason != ReasonCode::SUCCESS {
            return Err(ProtocolViolation::SessionPresentOnRefusal.into());
        }
        Ok(connack)
    }

    /// Writes it; see [`crate::Packet::encode`]. Return code 1, which is no reason code, is written in the form of
    /// 3.1.1 under both versions.
    pub fn encode(&self, version: Version, out: &mut [u8]) -> Result<usize, EncodeError> {
        let version = if self.return_code == 1 { Version::V3_1_1 } else { version };
        let remaining = 2 + properties_len(version, self.properties)?;
        let (mut writer, len) = begin(out, PacketType::Connack.first_byte(), remaining)?;
        writer.u8(self.session_present.into());
        writer.u8(self.return_code);
        write_properties(version, self.properties, &mut writer);
        Ok(len)
    }
}
