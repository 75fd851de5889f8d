use core::fmt;

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

/// The filters of an UNSUBSCRIBE: a list of the caller's, or part of a packet that was checked. Equal if they say the
/// same.
#[derive(Clone, Copy)]
pub struct UnsubscribeFilters<'a>(Source<'a>);

#[derive(Clone, Copy)]
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
    pub fn iter(&self) -> impl Iterator<Item = TopicFilter<'a>> + Clone + use<'a> {
        let mut source = self.0;
        core::iter::from_fn(move || match &mut source {
            Source::List(list) => {
                let (first, rest) = list.split_first()?;
                *list = rest;
                Some(*first)
            }
            Source::Checked(bytes) => {
                let mut reader = Reader::new(bytes);
                let filter = TopicFilter::read(&mut reader)?;
                *bytes = reader.rest();
                Some(filter)
            }
        })
    }
}

impl PartialEq for UnsubscribeFilters<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for UnsubscribeFilters<'_> {}

impl fmt::Debug for UnsubscribeFilters<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
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
        let packet_id = reader.packet_id();
        let properties = Properties::read(version, &mut reader, PropertyOwner::Packet(PacketType::Unsubscribe));
        let filters = UnsubscribeFilters(Source::Checked(reader.rest()));
        if reader.is_empty() {
            reader.fail(ProtocolViolation::NoFilters.into());
        }
        while !reader.is_empty() {
            TopicFilter::read(&mut reader);
        }
        reader.result(Self { packet_id, properties, filters })
    }

    /// Writes it; see [`crate::Packet::encode`].
    // Inlined, so that a client, which has lists, does not link how filters are read.
    #[inline(always)]
    pub fn encode(&self, version: Version, out: &mut [u8]) -> Result<usize, EncodeError> {
        match self.filters.0 {
            Source::List(list) => self.encode_filters(version, list.iter().copied(), out),
            Source::Checked(_) => self.encode_filters(version, self.filters.iter(), out),
        }
    }

    fn encode_filters(
        &self,
        version: Version,
        filters: impl Iterator<Item = TopicFilter<'a>> + Clone,
        out: &mut [u8],
    ) -> Result<usize, EncodeError> {
        let fixed = 2 + properties_len(version, self.properties)?;
        let mut remaining = fixed;
        for filter in filters.clone() {
            // Many filters may borrow the same text: the sum may pass 32 bits.
            remaining = remaining.saturating_add(field_len(filter.as_str().as_bytes())?);
        }
        if remaining == fixed {
            return Err(EncodeError::NoFilters);
        }
        let (mut writer, len) = begin(out, PacketType::Unsubscribe.first_byte(), remaining)?;
        writer.u16(self.packet_id.get());
        write_properties(version, self.properties, &mut writer);
        for filter in filters {
            writer.binary(filter.as_str().as_bytes());
        }
        Ok(len)
    }
}
