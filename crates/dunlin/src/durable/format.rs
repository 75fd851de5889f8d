//! What the entries of a store mean. A key is a kind in its first byte and a number behind it; numbers in values are
//! little-endian.
//!
//! | kind | number | value |
//! |---|---|---|
//! | client | 0 | format 1, identifiers given out 8, client identifier |
//! | session | 0 | level of MQTT 1, session of the server 1, sent up to 8 |
//! | message | packet identifier | stage 1, number 8, outbox identifier 8, stored at 8, length of the head 4, PUBLISH |
//! | received | packet identifier | nothing |
//! | inbound | delivery identifier | flags 1, length of the topic 2, topic, length of properties 4, these, payload |

use core::ops::Range;

use dunlin_codec::{PacketId, Version};
use dunlin_session::{MessageRecord, MessageStage, ServerSession, SessionRecord};

pub(crate) const FORMAT: u8 = 1;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Client = 1,
    Session = 2,
    Message = 3,
    Received = 4,
    Inbound = 5,
}

pub(crate) fn key(kind: Kind, number: u64) -> u64 {
    (kind as u64) << 56 | number
}

/// All keys of a kind.
pub(crate) fn keys(kind: Kind) -> Range<u64> {
    key(kind, 0)..key(kind, 0) + (1 << 56)
}

/// An entry that was read.
#[derive(Debug)]
pub(crate) enum Entry<'v> {
    Session(SessionRecord),
    Message(KeptMessage<'v>),
    Received(PacketId),
    Inbound(u64, KeptInbound<'v>),
}

/// `None`: it means nothing.
pub(crate) fn read(key: u64, value: &[u8]) -> Option<Entry<'_>> {
    let number = key & ((1 << 56) - 1);
    let packet_id = || u16::try_from(number).ok().and_then(PacketId::new);
    let kinds = [Kind::Session, Kind::Message, Kind::Received, Kind::Inbound];
    match kinds.into_iter().find(|kind| *kind as u64 == key >> 56)? {
        Kind::Session => read_session(value).map(Entry::Session),
        Kind::Message => KeptMessage::read(packet_id()?, value).map(Entry::Message),
        Kind::Received => value.is_empty().then_some(Entry::Received(packet_id()?)),
        Kind::Inbound => KeptInbound::read(value).map(|kept| Entry::Inbound(number, kept)),
        Kind::Client => None,
    }
}

// ---- the client ----

pub(crate) fn client_value(value: &mut Vec<u8>, given_out: u64, client_id: &str) {
    value.push(FORMAT);
    value.extend_from_slice(&given_out.to_le_bytes());
    value.extend_from_slice(client_id.as_bytes());
}

/// The format, and what is known of the client if we know that format.
pub(crate) fn read_client(mut value: &[u8]) -> Option<(u8, Option<(u64, &str)>)> {
    let format = take::<1>(&mut value)?[0];
    let client = |mut value| Some((take(&mut value).map(u64::from_le_bytes)?, core::str::from_utf8(value).ok()?));
    Some((format, if format == FORMAT { Some(client(value)?) } else { None }))
}

// ---- the session ----

pub(crate) fn session_value(value: &mut Vec<u8>, record: &SessionRecord) {
    value.push(record.version.level());
    value.push(match record.server_session {
        ServerSession::None => 0,
        ServerSession::Unsure => 1,
        ServerSession::Kept => 2,
        ServerSession::Adopted => 3,
    });
    value.extend_from_slice(&record.sent_up_to.to_le_bytes());
}

fn read_session(mut value: &[u8]) -> Option<SessionRecord> {
    let [level, server_session] = take(&mut value)?;
    let versions = [Version::V3_1, Version::V3_1_1, Version::V5];
    let version = versions.into_iter().find(|version| version.level() == level)?;
    let server_session = match server_session {
        0 => ServerSession::None,
        1 => ServerSession::Unsure,
        2 => ServerSession::Kept,
        3 => ServerSession::Adopted,
        _ => return None,
    };
    let sent_up_to = take(&mut value).map(u64::from_le_bytes)?;
    value.is_empty().then_some(SessionRecord { version, server_session, sent_up_to })
}

// ---- messages of ours ----

/// A message that was read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KeptMessage<'v> {
    pub(crate) id: PacketId,
    pub(crate) stage: MessageStage,
    pub(crate) number: u64,
    pub(crate) outbox: u64,
    /// When it was accepted, in seconds of the calendar.
    pub(crate) stored_at: u64,
    pub(crate) head: &'v [u8],
    /// The payload that rides beside it, if any.
    pub(crate) payload: &'v [u8],
}

pub(crate) fn message_value<P: AsRef<[u8]>>(
    value: &mut Vec<u8>,
    record: &MessageRecord<'_, P>,
    outbox: u64,
    stored_at: u64,
) {
    value.push(match record.stage {
        MessageStage::Published => 0,
        MessageStage::Released => 1,
        MessageStage::Withdrawn => 2,
        MessageStage::GivenUp => 3,
    });
    for number in [record.number, outbox, stored_at] {
        value.extend_from_slice(&number.to_le_bytes());
    }
    value.extend_from_slice(&(record.packet.len() as u32).to_le_bytes());
    value.extend_from_slice(record.packet);
    value.extend_from_slice(record.payload.as_ref().map_or(&[], AsRef::as_ref));
}

impl<'v> KeptMessage<'v> {
    fn read(id: PacketId, mut value: &'v [u8]) -> Option<Self> {
        let stage = match take::<1>(&mut value)?[0] {
            0 => MessageStage::Published,
            1 => MessageStage::Released,
            2 => MessageStage::Withdrawn,
            3 => MessageStage::GivenUp,
            _ => return None,
        };
        let mut number = || take(&mut value).map(u64::from_le_bytes);
        let (number, outbox, stored_at) = (number()?, number()?, number()?);
        let head_len = take(&mut value).map(u32::from_le_bytes)?;
        let (head, payload) = value.split_at_checked(head_len as usize)?;
        Some(Self { id, stage, number, outbox, stored_at, head, payload })
    }
}

// ---- messages of the server ----

/// A message that came, and that the application has not acknowledged.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KeptInbound<'v> {
    pub(crate) retain: bool,
    pub(crate) v5: bool,
    pub(crate) topic: &'v [u8],
    pub(crate) properties: &'v [u8],
    pub(crate) payload: &'v [u8],
}

impl<'v> KeptInbound<'v> {
    pub(crate) fn write(&self, value: &mut Vec<u8>) {
        value.push(u8::from(self.retain) | u8::from(self.v5) << 1);
        value.extend_from_slice(&(self.topic.len() as u16).to_le_bytes());
        value.extend_from_slice(self.topic);
        value.extend_from_slice(&(self.properties.len() as u32).to_le_bytes());
        value.extend_from_slice(self.properties);
        value.extend_from_slice(self.payload);
    }

    fn read(mut value: &'v [u8]) -> Option<Self> {
        let flags = take::<1>(&mut value).map(|[flags]| flags).filter(|flags| *flags < 4)?;
        let topic_len = take(&mut value).map(u16::from_le_bytes)?;
        let (topic, mut value) = value.split_at_checked(topic_len.into())?;
        let properties_len = take(&mut value).map(u32::from_le_bytes)?;
        let (properties, payload) = value.split_at_checked(properties_len as usize)?;
        Some(Self { retain: flags & 1 != 0, v5: flags & 2 != 0, topic, properties, payload })
    }
}

fn take<const N: usize>(value: &mut &[u8]) -> Option<[u8; N]> {
    let (first, rest) = value.split_first_chunk()?;
    *value = rest;
    Some(*first)
}
