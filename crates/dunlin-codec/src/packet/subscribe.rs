use core::fmt;

use super::{begin, field_len, properties_len, write_properties};
use crate::{
    DecodeError, EncodeError, Malformed, PacketId, PacketType, Properties, PropertyOwner, ProtocolViolation, Qos,
    RetainHandling, TopicFilter, Version, reader::Reader,
};

/// SUBSCRIBE: asks for the messages that match its filters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subscribe<'a> {
    /// Comes back in the SUBACK.
    pub packet_id: PacketId,
    /// Subscription Identifier and User Properties.
    pub properties: Properties<'a>,
    /// What is asked for; at least one [MQTT-3.8.3-2].
    pub filters: Filters<'a>,
}

/// A filter and how its messages shall come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubscriptionFilter<'a> {
    /// Which messages.
    pub filter: TopicFilter<'a>,
    /// How they come.
    pub options: SubscriptionOptions,
}

/// How the messages of a subscription shall come. 3.1.1 knows the QoS alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct SubscriptionOptions {
    /// At most with this QoS.
    pub qos: Qos,
    /// Without those that this client publishes. Not on a shared subscription [MQTT-3.8.3-4].
    pub no_local: bool,
    /// With RETAIN as it was published.
    pub retain_as_published: bool,
    /// Which retained messages come first.
    pub retain_handling: RetainHandling,
}

impl SubscriptionOptions {
    /// With this QoS, the others off.
    pub const fn new(qos: Qos) -> Self {
        Self { qos, no_local: false, retain_as_published: false, retain_handling: RetainHandling::OnSubscribe }
    }

    const fn byte(self) -> u8 {
        self.qos as u8
            | (self.no_local as u8) << 2
            | (self.retain_as_published as u8) << 3
            | (self.retain_handling as u8) << 4
    }

    /// A value that does not exist is malformed in 3.1.1 [MQTT-3-8.3-4] and a violation in 5.0 [U5-3.8.3.1-a].
    fn of_byte(version: Version, byte: u8) -> Result<Self, DecodeError> {
        let reserved = if version.is_v5() { 0xC0 } else { 0xFC };
        match (Qos::from_u8(byte & 3), RetainHandling::from_u8(byte >> 4 & 3)) {
            _ if byte & reserved != 0 => Err(Malformed::SubscriptionOptions.into()),
            (Some(qos), Some(retain_handling)) => {
                Ok(Self { qos, no_local: byte & 4 != 0, retain_as_published: byte & 8 != 0, retain_handling })
            }
            _ if version.is_v5() => Err(ProtocolViolation::SubscriptionOptionValue.into()),
            _ => Err(Malformed::SubscriptionOptions.into()),
        }
    }
}

/// The filters of a SUBSCRIBE: a list of the caller's, or part of a packet that was checked. Equal if they say the
/// same.
#[derive(Clone, Copy)]
pub struct Filters<'a>(Source<'a>);

#[derive(Clone, Copy)]
enum Source<'a> {
    List(&'a [SubscriptionFilter<'a>]),
    Checked(Version, &'a [u8]),
}

impl<'a> Filters<'a> {
    /// These filters.
    pub const fn new(list: &'a [SubscriptionFilter<'a>]) -> Self {
        Self(Source::List(list))
    }

    /// Each filter with its options, in order.
    pub fn iter(&self) -> impl Iterator<Item = SubscriptionFilter<'a>> + Clone + use<'a> {
        let mut source = self.0;
        core::iter::from_fn(move || match &mut source {
            Source::List(list) => {
                let (first, rest) = list.split_first()?;
                *list = rest;
                Some(*first)
            }
            Source::Checked(version, bytes) => {
                let mut reader = Reader::new(bytes);
                let filter = read_filter(*version, &mut reader)?;
                *bytes = reader.rest();
                Some(filter)
            }
        })
    }
}

impl PartialEq for Filters<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Filters<'_> {}

impl fmt::Debug for Filters<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<'a> Subscribe<'a> {
    /// Asks for `filters`, without properties.
    pub const fn new(packet_id: PacketId, filters: &'a [SubscriptionFilter<'a>]) -> Self {
        Self { packet_id, properties: Properties::NONE, filters: Filters::new(filters) }
    }

    /// Reads one from the bytes behind its fixed header.
    pub fn decode(version: Version, body: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body);
        let packet_id = reader.packet_id();
        let properties = Properties::read(version, &mut reader, PropertyOwner::Packet(PacketType::Subscribe));
        let filters = Filters(Source::Checked(version, reader.rest()));
        if reader.is_empty() {
            reader.fail(ProtocolViolation::NoFilters.into());
        }
        while !reader.is_empty() {
            if let Some(SubscriptionFilter { filter, options }) = read_filter(version, &mut reader)
                && options.no_local
                && filter.is_shared()
            {
                reader.fail(ProtocolViolation::SharedNoLocal.into());
            }
        }
        reader.result(Self { packet_id, properties, filters })
    }

    /// Writes it; see [`crate::Packet::encode`]. In 3.1.1 any option but the QoS is refused.
    // Inlined, so that a client, which has lists, does not link how filters are read.
    #[inline(always)]
    pub fn encode(&self, version: Version, out: &mut [u8]) -> Result<usize, EncodeError> {
        match self.filters.0 {
            Source::List(list) => self.encode_filters(version, list.iter().copied(), out),
            Source::Checked(..) => self.encode_filters(version, self.filters.iter(), out),
        }
    }

    fn encode_filters(
        &self,
        version: Version,
        filters: impl Iterator<Item = SubscriptionFilter<'a>> + Clone,
        out: &mut [u8],
    ) -> Result<usize, EncodeError> {
        let fixed = 2 + properties_len(version, self.properties)?;
        let mut remaining = fixed;
        for SubscriptionFilter { filter, options } in filters.clone() {
            if !version.is_v5() && options.byte() > Qos::ExactlyOnce as u8 {
                return Err(EncodeError::NeedsV5);
            }
            if options.no_local && filter.is_shared() {
                return Err(EncodeError::SharedNoLocal);
            }
            // Many filters may borrow the same text: the sum may pass 32 bits.
            remaining = remaining.saturating_add(field_len(filter.as_str().as_bytes())? + 1);
        }
        if remaining == fixed {
            return Err(EncodeError::NoFilters);
        }
        let (mut writer, len) = begin(out, PacketType::Subscribe.first_byte(), remaining)?;
        writer.u16(self.packet_id.get());
        write_properties(version, self.properties, &mut writer);
        for SubscriptionFilter { filter, options } in filters {
            writer.binary(filter.as_str().as_bytes());
            writer.u8(options.byte());
        }
        Ok(len)
    }
}

/// The next filter; `None` after a fault.
fn read_filter<'a>(version: Version, reader: &mut Reader<'a>) -> Option<SubscriptionFilter<'a>> {
    let filter = TopicFilter::read(reader)?;
    match SubscriptionOptions::of_byte(version, reader.u8()) {
        Ok(options) => Some(SubscriptionFilter { filter, options }),
        Err(fault) => {
            reader.fail(fault);
            None
        }
    }
}
