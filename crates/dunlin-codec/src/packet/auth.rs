use super::{
    ack::{read_reason, reason_len, write_reason},
    begin,
};
use crate::{
    DecodeError, EncodeError, PacketType, Properties, PropertyId, ProtocolViolation, ReasonCode, Version,
    reader::Reader,
};

/// AUTH: a step of enhanced authentication (5.0).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Auth<'a> {
    /// Success, Continue authentication or Re-authenticate [MQTT-3.15.2-1].
    pub reason: ReasonCode,
    /// The Authentication Method, which must be there, and Data, Reason String, User Properties.
    pub properties: Properties<'a>,
}

impl<'a> Auth<'a> {
    /// Reads one from the bytes behind its fixed header.
    pub fn decode(body: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body);
        let (reason, properties) = read_reason(Version::V5, PacketType::Auth, &mut reader);
        let auth = reader.end(Self { reason, properties })?;
        if properties.binary(PropertyId::AuthenticationMethod).is_none() {
            return Err(ProtocolViolation::AuthenticationMethodMissing.into());
        }
        Ok(auth)
    }

    /// Writes it; see [`crate::Packet::encode`]. 3.1.1 has no AUTH.
    pub fn encode(&self, version: Version, out: &mut [u8]) -> Result<usize, EncodeError> {
        if !version.is_v5() {
            return Err(EncodeError::NeedsV5);
        }
        let tail = reason_len(version, self.reason, self.properties)?;
        let (mut writer, len) = begin(out, PacketType::Auth.first_byte(), tail)?;
        write_reason(tail, self.reason, self.properties, &mut writer);
        Ok(len)
    }
}
