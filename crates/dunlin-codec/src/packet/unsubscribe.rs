use super::{begin, field_len, properties_len, write_properties};
use crate::{
    DecodeError, EncodeError, PacketId, PacketType, Properties, PropertyOwner, ProtocolViolation, TopicFilter, Version,
    reader::Reader,
};

/// UNSUBSCRIBE: ends the subscriptions with these filters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unsubscribe<'a> {
    /// Comes back in the UNSUBACK.
    pub packet_id: PacketId,
    /// User Properties.
    pub properties: Properties<'a>,
    /// Which subscriptions; at least one [MQTT-3.10.3-2].
    pub filters: UnsubscribeFilters<'a>,
}

/// The filters of an UNSUBSCRIBE: a list of the caller's, or part of a packet that was checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnsubscribeFilters<'a>(Source<'a>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source<'a> {
    List(&'a [TopicFilter<'a>]),
    Checked(&'a [u8]),
}

impl<'a> UnsubscribeFilters<'a> {
    /// These filters.
    pub const fn new(list: &'a [TopicFilter<'a>]) -> Self {
        Self(Source::List(list))
    }

    /// Each filter, in order.
    pub fn iter(&self) -> impl Iterator<Item = TopicFilter<'a>> + use<'a> {
        let mut source = self.0;
        core::iter::from_fn(move || match &mut source {
            Source::List(list) => {
                let (first, rest) = list.split_first()?;
                *list = rest;
                Some(*first)
            }
            Source::Checked(bytes) => {
                let mut reader = Reader::new(bytes);
                let filter = TopicFilter::new(reader.str().ok()?).ok()?;
                *bytes = reader.rest();
                Some(filter)
            }
        })
    }
}

impl<'a> Unsubscribe<'a> {
    /// Ends these, without properties.
    pub const fn new(packet_id: PacketId, filters: &'a [TopicFilter<'a>]) -> Self {
        Self { packet_id, properties: Properties::NONE, filters: UnsubscribeFilters::new(filters) }
    }

    /// Reads one from the bytes behind its fixed header.
    pub fn decode(version: Version, body: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body);
        let packet_id = reader.packet_id()?;
        let properties = match version.is_v5() {
            true => Properties::read(&mut reader, PropertyOwner::Packet(PacketType::Unsubscribe))?,
            false => Properties::NONE,
        };
        let filters = UnsubscribeFilters(Source::Checked(reader.rest()));
        if reader.is_empty() {
            return Err(ProtocolViolation::NoFilters.into());
        }
        while !reader.is_empty() {
            TopicFilter::new(reader.str()?).map_err(|_| ProtocolViolation::FilterInvalid)?;
        }
        Ok(Self { packet_id, properties, filters })
    }

    /// Writes it; see [`crate::Packet::encode`].
    pub fn encode(&self, version: Version, out: &mut [u8]) -> Result<usize, EncodeError> {
        let fixed = 2 + properties_len(version, self.properties)?;
        let mut remaining = fixed;
        for filter in self.filters.iter() {
            remaining += field_len(filter.as_str().as_bytes())?;
        }
        if remaining == fixed {
            return Err(EncodeError::NoFilters);
        }
        let (mut writer, len) = begin(out, PacketType::Unsubscribe.first_byte(), remaining)?;
        writer.u16(self.packet_id.get());
        write_properties(version, self.properties, &mut writer);
        for filter in self.filters.iter() {
            writer.binary(filter.as_str().as_bytes());
        }
        Ok(len)
    }
}
