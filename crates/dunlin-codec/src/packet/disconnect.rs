use super::{
    ack::{read_reason, reason_len, write_reason},
    begin,
};
use crate::{DecodeError, EncodeError, PacketType, Properties, ReasonCode, Version, reader::Reader};

/// DISCONNECT: the last packet of a connection; in 5.0 from either side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disconnect<'a> {
    /// Why. 3.1.1 knows only [`ReasonCode::SUCCESS`], the normal end, and cannot say another.
    pub reason: ReasonCode,
    /// Session Expiry Interval, Reason String, Server Reference, User Properties.
    pub properties: Properties<'a>,
}

impl<'a> Disconnect<'a> {
    /// One with this reason and no properties.
    pub const fn new(reason: ReasonCode) -> Self {
        Self { reason, properties: Properties::NONE }
    }

    /// Reads one from the bytes behind its fixed header.
    pub fn decode(version: Version, body: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body);
        let (reason, properties) = read_reason(version, PacketType::Disconnect, &mut reader);
        reader.end(Self { reason, properties })
    }

    /// Writes it; see [`crate::Packet::encode`]. In 3.1.1 a reason other than success cannot be said.
    pub fn encode(&self, version: Version, out: &mut [u8]) -> Result<usize, EncodeError> {
        if !version.is_v5() && self.reason != ReasonCode::SUCCESS {
            return Err(EncodeError::NeedsV5);
        }
        let tail = reason_len(version, self.reason, self.properties)?;
        let (mut writer, len) = begin(out, PacketType::Disconnect.first_byte(), tail)?;
        write_reason(tail, self.reason, self.properties, &mut writer);
        Ok(len)
    }
}
