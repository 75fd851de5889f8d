use super::write_properties;
use crate::{
    DecodeError, EncodeError, FixedHeader, MAXIMUM_REMAINING_LENGTH, Malformed, PacketId, PacketType, Properties,
    PropertyId, PropertyOwner, ProtocolViolation, Qos, TopicName, Version,
    reader::Reader,
    text, variable_byte_integer_len, varint,
    writer::{Writer, copy_bytes},
};

/// PUBLISH: an application message on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Publish<'a> {
    /// This may be a copy of a packet that was sent before [MQTT-3.3.1-1].
    pub dup: bool,
    /// How often the message may arrive.
    pub qos: Qos,
    /// Outwards: the server shall keep the message. Inwards: it was kept, and is not new.
    pub retain: bool,
    /// Where it was published; empty in a 5.0 packet that names its topic by an alias.
    pub topic: TopicName<'a>,
    /// There with QoS 1 and 2, absent with QoS 0 [MQTT-2.2.1-2] [MQTT-2.2.1-3].
    pub packet_id: Option<PacketId>,
    /// What is said about the message.
    pub properties: Properties<'a>,
    /// What it says.
    pub payload: &'a [u8],
}

impl<'a> Publish<'a> {
    /// With QoS 0, not retained, without properties.
    pub const fn new(topic: TopicName<'a>, payload: &'a [u8]) -> Self {
        Self {
            dup: false,
            qos: Qos::AtMostOnce,
            retain: false,
            topic,
            packet_id: None,
            properties: Properties::NONE,
            payload,
        }
    }

    /// Reads one from its first byte and the bytes behind its fixed header.
    #[inline]
    pub fn decode(version: Version, first_byte: u8, body: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body);
        let qos = Qos::from_u8(first_byte >> 1 & 3).ok_or(Malformed::Qos)?;
        let (dup, retain) = (first_byte & DUP != 0, first_byte & RETAIN != 0);
        let topic = reader.binary();
        if !text::is_topic(topic) {
            reader.fail(topic_fault(topic));
        }
        if dup && qos == Qos::AtMostOnce {
            reader.fail(ProtocolViolation::DupOnQos0.into());
        }
        let packet_id = match qos {
            Qos::AtMostOnce => None,
            _ => Some(reader.packet_id()),
        };
        let properties = Properties::read(version, &mut reader, PropertyOwner::Packet(PacketType::Publish));
        if topic.is_empty() && properties.number(PropertyId::TopicAlias).is_none() {
            reader.fail(ProtocolViolation::TopicEmpty.into());
        }
        let topic = TopicName::of_checked(topic);
        reader.result(Self { dup, qos, retain, topic, packet_id, properties, payload: reader.rest() })
    }

    /// Reads one as most are: well-formed, without properties and with a topic. `None`: [`Publish::decode`] tells what it
    /// is. With it comes whether its topic is `known`, one that came before, which is not checked again: messages of one
    /// topic often come one behind the other, and that check is the largest part of reading a small one.
    #[inline(always)]
    pub fn decode_plain(
        version: Version,
        first_byte: u8,
        body: &'a [u8],
        known: TopicName<'_>,
    ) -> Option<(Self, bool)> {
        let qos = Qos::from_u8(first_byte >> 1 & 3)?;
        let (dup, retain) = (first_byte & DUP != 0, first_byte & RETAIN != 0);
        let (topic_len, rest) = body.split_first_chunk()?;
        let (topic, mut payload) = rest.split_at_checked(u16::from_be_bytes(*topic_len).into())?;
        let is_known = topic == known.as_bytes();
        if topic.is_empty() || !(is_known || text::is_topic(topic)) || (dup && qos == Qos::AtMostOnce) {
            return None;
        }
        let mut packet_id = None;
        if qos != Qos::AtMostOnce {
            let (id, rest) = payload.split_first_chunk()?;
            packet_id = Some(PacketId::new(u16::from_be_bytes(*id))?);
            payload = rest;
        }
        if version.is_v5() {
            payload = payload.strip_prefix(&[0])?;
        }
        let topic = TopicName::of_checked(topic);
        Some((Self { dup, qos, retain, topic, packet_id, properties: Properties::NONE, payload }, is_known))
    }

    /// The length of the packet, if it is as most are: without properties, and at most 16 KiB. Then
    /// [`Publish::encode_plain`] writes it. `None`: [`Publish::head_len`] tells what it is.
    #[inline(always)]
    pub fn plain_len(&self, version: Version) -> Option<usize> {
        let id_len = if self.qos == Qos::AtMostOnce { 0 } else { 2 };
        let remaining = (2 + id_len + usize::from(version.is_v5()))
            .saturating_add(self.topic.as_bytes().len())
            .saturating_add(self.payload.len());
        let is_plain = remaining < TWO_BYTES && self.properties.is_empty() && !self.topic.is_empty();
        is_plain.then(|| remaining + if remaining < ONE_BYTE { 2 } else { 3 })
    }

    /// Writes a packet that has a [plain length](Publish::plain_len) to `out`, which has just that. A packet with QoS 1 or
    /// 2 has an identifier.
    #[inline(always)]
    pub fn encode_plain(&self, version: Version, out: &mut [u8]) {
        let (first_byte, len, topic) = (self.first_byte(), out.len(), self.topic.as_bytes());
        let [high, low] = (topic.len() as u16).to_be_bytes();
        let rest = if len < ONE_BYTE + 2 {
            out.split_first_chunk_mut().map(|(head, rest)| {
                *head = [first_byte, len.wrapping_sub(2) as u8, high, low];
                rest
            })
        } else {
            out.split_first_chunk_mut().map(|(head, rest)| {
                let remaining = len.wrapping_sub(3);
                *head = [first_byte, remaining as u8 | 0x80, (remaining >> 7) as u8, high, low];
                rest
            })
        };
        let Some((to, mut rest)) = rest.and_then(|rest| rest.split_at_mut_checked(topic.len())) else { return };
        copy_bytes(to, topic);
        if let Some(id) = self.packet_id {
            let Some((to, behind)) = rest.split_first_chunk_mut() else { return };
            *to = id.get().to_be_bytes();
            rest = behind;
        }
        if version.is_v5() {
            let Some((properties_len, behind)) = rest.split_first_mut() else { return };
            *properties_len = 0;
            rest = behind;
        }
        copy_bytes(rest, self.payload);
    }

    /// Writes it; see [`crate::Packet::encode`].
    pub fn encode(&self, version: Version, out: &mut [u8]) -> Result<usize, EncodeError> {
        let head = self.head_len(version)?;
        let len = head + self.payload.len();
        let out = out.get_mut(..len).ok_or(EncodeError::NoRoom(len))?;
        let mut writer = self.write_head(version, out);
        writer.put(self.payload);
        Ok(len)
    }

    /// Bytes of the packet before its payload, fixed header included.
    #[inline]
    pub fn head_len(&self, version: Version) -> Result<usize, EncodeError> {
        self.check(version)?;
        let variable = self.variable_header_len(version);
        let remaining = variable.saturating_add(self.payload.len());
        if remaining > MAXIMUM_REMAINING_LENGTH {
            return Err(EncodeError::TooLarge);
        }
        Ok(1 + variable_byte_integer_len(remaining) + variable)
    }

    /// Writes the packet without its payload to the front of `out`, which must have [`Publish::head_len`] bytes: the
    /// payload then follows by another way. What does not fit is left out.
    #[inline]
    pub fn encode_head(&self, version: Version, out: &mut [u8]) {
        self.write_head(version, out);
    }

    #[inline]
    fn write_head<'o>(&self, version: Version, out: &'o mut [u8]) -> Writer<'o> {
        let variable = self.variable_header_len(version);
        let mut writer = Writer::new(out);
        writer.u8(self.first_byte());
        varint::write(&mut writer, variable.wrapping_add(self.payload.len()));
        writer.binary(self.topic.as_bytes());
        if let Some(packet_id) = self.packet_id {
            writer.u16(packet_id.get());
        }
        write_properties(version, self.properties, &mut writer);
        writer
    }

    #[inline(always)]
    fn first_byte(&self) -> u8 {
        let flags = if self.dup { DUP } else { 0 } | (self.qos as u8) << 1 | if self.retain { RETAIN } else { 0 };
        PacketType::Publish.first_byte() | flags
    }

    #[inline]
    fn check(&self, version: Version) -> Result<(), EncodeError> {
        let with_id = self.qos != Qos::AtMostOnce;
        if with_id != self.packet_id.is_some() || (self.dup && !with_id) {
            return Err(EncodeError::PacketId);
        }
        if self.topic.is_empty() && self.properties.number(PropertyId::TopicAlias).is_none() {
            return Err(EncodeError::TopicEmpty);
        }
        if version.is_v5() || self.properties.is_empty() { Ok(()) } else { Err(EncodeError::NeedsV5) }
    }

    #[inline]
    fn variable_header_len(&self, version: Version) -> usize {
        let id_len = if self.packet_id.is_some() { 2 } else { 0 };
        let properties_len = if version.is_v5() { self.properties.encoded_len() } else { 0 };
        2 + self.topic.as_bytes().len() + id_len + properties_len
    }
}

/// The head of a PUBLISH, as whoever wrote it finds it again in their own memory: nothing is judged a second time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublishHead<'a> {
    /// Packet type and flags.
    pub first_byte: u8,
    /// How often the message may arrive.
    pub qos: Qos,
    /// There with QoS 1 and 2.
    pub packet_id: Option<PacketId>,
    /// Where it is published.
    pub topic: TopicName<'a>,
    /// What is said about the message.
    pub properties: Properties<'a>,
    /// Bytes before the payload, fixed header included.
    pub len: usize,
    /// Bytes of the whole packet.
    pub packet_len: usize,
}

impl<'a> PublishHead<'a> {
    /// Reads what [`Publish::encode_head`] wrote to the front of `bytes`; `None`: that is not what is there.
    pub fn read(version: Version, bytes: &'a [u8]) -> Option<Self> {
        let header = FixedHeader::read(bytes).ok()??;
        let mut reader = Reader::new(bytes.get(header.len..)?);
        let topic = TopicName::of_checked(reader.binary());
        let qos = Qos::from_u8(header.first_byte >> 1 & 3)?;
        let packet_id = if qos == Qos::AtMostOnce { None } else { Some(reader.packet_id()) };
        let properties_len = if version.is_v5() { reader.variable_byte_integer() } else { 0 };
        let properties = Properties::of_checked(reader.take(properties_len));
        reader.result(()).ok()?;
        let (len, packet_len) = (bytes.len().wrapping_sub(reader.rest().len()), header.packet_len());
        Some(Self { first_byte: header.first_byte, qos, packet_id, topic, properties, len, packet_len })
    }

    /// As [`PublishHead::len`] and [`PublishHead::packet_len`], of the same packet with this topic and a Topic Alias
    /// (5.0); `None`: it would be too long for MQTT.
    pub fn aliased_len(&self, topic: TopicName<'_>) -> Option<(usize, usize)> {
        let payload = self.packet_len.wrapping_sub(self.len);
        let variable = self.aliased_variable_len(topic);
        let remaining = variable.saturating_add(payload);
        let len = 1 + variable_byte_integer_len(remaining) + variable;
        (remaining <= MAXIMUM_REMAINING_LENGTH).then(|| (len, len.wrapping_add(payload)))
    }

    /// Writes that head to the front of `out`: the alias stands behind the properties that are there. What does not fit
    /// is left out.
    pub fn encode_aliased(&self, topic: TopicName<'_>, alias: u16, out: &mut [u8]) {
        let mut writer = Writer::new(out);
        let payload = self.packet_len.wrapping_sub(self.len);
        writer.u8(self.first_byte);
        varint::write(&mut writer, self.aliased_variable_len(topic).wrapping_add(payload));
        writer.binary(topic.as_bytes());
        if let Some(packet_id) = self.packet_id {
            writer.u16(packet_id.get());
        }
        varint::write(&mut writer, self.properties.as_bytes().len().wrapping_add(ALIAS_LEN));
        writer.put(self.properties.as_bytes());
        writer.u8(PropertyId::TopicAlias as u8);
        writer.u16(alias);
    }

    fn aliased_variable_len(&self, topic: TopicName<'_>) -> usize {
        let id_len = if self.packet_id.is_some() { 2 } else { 0 };
        let properties_len = self.properties.as_bytes().len().wrapping_add(ALIAS_LEN);
        2 + topic.as_bytes().len() + id_len + variable_byte_integer_len(properties_len) + properties_len
    }
}

#[cold]
fn topic_fault(topic: &[u8]) -> DecodeError {
    match text::is_text(topic) {
        true => ProtocolViolation::TopicWildcard.into(),
        false => Malformed::Text.into(),
    }
}

/// A Remaining Length below this takes one byte, and below the other two.
const ONE_BYTE: usize = 0x80;
const TWO_BYTES: usize = 0x4000;
/// Bytes of a Topic Alias among the properties.
const ALIAS_LEN: usize = 3;
const DUP: u8 = 0x08;
const RETAIN: u8 = 0x01;
