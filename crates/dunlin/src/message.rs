use core::fmt;
use std::{collections::VecDeque, ops::Range, sync::Arc};

use bytes::Bytes;
use dunlin_codec::{Properties, PropertyId, Publish, Qos};
use dunlin_session::Delivery;

use crate::{
    DeliveryId,
    durable::KeptInbound,
    engine::{Holder, Shared},
};

/// A message that was received: topic, payload and what is said about it.
///
/// It refers to the bytes that were read from the network, together with its neighbours: who keeps a small message
/// for long keeps up to 256 KiB with it, unless it is [detached](Message::detach). While it waits in its subscription it keeps
/// no more than that has bytes of messages four times over.
#[derive(Clone)]
pub struct Message {
    chunk: Arc<Bytes>,
    parts: Parts,
    owner: Option<Arc<Owner>>,
}

/// Who acknowledges a message, where the application does it.
pub(crate) struct Owner {
    pub(crate) shared: Arc<Shared>,
    pub(crate) holder: Holder,
}

/// Where in a chunk of bytes a message lies: a topic, and properties with the payload behind them. As small as can be,
/// because it is what is moved for each message.
#[derive(Debug, Clone)]
pub(crate) struct Parts {
    topic_at: u32,
    properties_at: u32,
    payload_at: u32,
    end: u32,
    topic_len: u16,
    pub(crate) qos: Qos,
    retain: bool,
    dup: bool,
    v5: bool,
    redelivered: bool,
    /// Messages that were dropped just before it.
    pub(crate) missed: u32,
    pub(crate) delivery: Option<Delivery>,
    /// Where there is a store.
    pub(crate) delivery_id: Option<DeliveryId>,
    /// The topic, where the server named it by an alias.
    aliased: Option<Arc<[u8]>>,
}

impl Parts {
    /// `base` is where the chunk begins that `publish` borrows from; `aliased` is its topic, if it has none itself.
    #[inline]
    pub(crate) fn new(
        base: *const u8,
        publish: &Publish<'_>,
        aliased: Option<Arc<[u8]>>,
        delivery: Option<Delivery>,
        v5: bool,
    ) -> Self {
        let at = |bytes: &[u8]| bytes.as_ptr().addr().wrapping_sub(base.addr()) as u32;
        let (topic, properties) = (publish.topic.as_bytes(), publish.properties.as_bytes());
        let payload_at = at(publish.payload);
        Self {
            topic_at: at(topic),
            // Empty ones may be anywhere.
            properties_at: payload_at.wrapping_sub(properties.len() as u32),
            payload_at,
            end: payload_at.wrapping_add(publish.payload.len() as u32),
            topic_len: topic.len() as u16,
            qos: publish.qos,
            retain: publish.retain,
            dup: publish.dup,
            v5,
            redelivered: false,
            missed: 0,
            delivery,
            delivery_id: None,
            aliased,
        }
    }

    /// Of a message that an earlier process stored: where its topic, properties and payload are, which follow each
    /// other.
    pub(crate) fn redelivered(
        [topic, properties, payload]: [Range<u32>; 3],
        kept: &KeptInbound<'_>,
        id: Option<DeliveryId>,
    ) -> Self {
        Self {
            topic_at: topic.start,
            properties_at: properties.start,
            payload_at: payload.start,
            end: payload.end,
            topic_len: topic.len() as u16,
            qos: Qos::ExactlyOnce,
            retain: kept.retain,
            dup: false,
            v5: kept.v5,
            redelivered: true,
            missed: 0,
            delivery: None,
            delivery_id: id,
            aliased: None,
        }
    }

    /// Copies messages out of the chunk that they came in, into one of their own.
    #[cold]
    pub(crate) fn copy_out(all: &mut VecDeque<Self>, chunk: &[u8], bytes: usize) -> Bytes {
        let mut own = Vec::with_capacity(bytes);
        for parts in all {
            *parts = parts.copied(chunk, &mut own);
        }
        own.into()
    }

    /// The same, where its bytes lie behind those that are in `own` already.
    fn copied(&self, chunk: &[u8], own: &mut Vec<u8>) -> Self {
        let mut copy = |range| {
            let at = own.len() as u32;
            own.extend_from_slice(chunk.get(usize_range(range)).unwrap_or_default());
            at
        };
        let (topic_at, properties_at, payload_at) = (copy(self.topic()), copy(self.properties()), copy(self.payload()));
        Self { topic_at, properties_at, payload_at, end: own.len() as u32, ..self.clone() }
    }

    /// The topic, where the server named it by an alias.
    pub(crate) fn aliased_topic(&self) -> Option<&[u8]> {
        self.aliased.as_deref()
    }

    /// The same where so many messages were dropped before it.
    #[inline]
    pub(crate) fn after(&self, missed: u32) -> Self {
        Self { missed, ..self.clone() }
    }

    /// The same where nobody acknowledges it.
    pub(crate) fn without_delivery(&self) -> Self {
        Self { delivery: None, ..self.clone() }
    }

    /// Bytes of the message itself.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        usize::from(self.topic_len) + self.end.wrapping_sub(self.properties_at) as usize
    }

    fn topic(&self) -> Range<u32> {
        self.topic_at..self.topic_at.wrapping_add(self.topic_len.into())
    }

    fn properties(&self) -> Range<u32> {
        self.properties_at..self.payload_at
    }

    fn payload(&self) -> Range<u32> {
        self.payload_at..self.end
    }
}

impl Message {
    pub(crate) fn new(chunk: Arc<Bytes>, parts: Parts) -> Self {
        Self { chunk, parts, owner: None }
    }

    #[inline]
    pub(crate) fn owned(chunk: Arc<Bytes>, parts: Parts, owner: Option<Arc<Owner>>) -> Self {
        Self { chunk, parts, owner }
    }

    /// Another one of the same chunk.
    #[inline]
    pub(crate) fn become_neighbour(&mut self, parts: Parts, owner: Option<Arc<Owner>>) {
        (self.parts, self.owner) = (parts, owner);
    }

    pub(crate) fn into_parts(self) -> (Arc<Bytes>, Parts) {
        (self.chunk, self.parts)
    }

    pub(crate) fn delivery(&self) -> Option<Delivery> {
        self.parts.delivery
    }

    /// From now on it is the store's.
    pub(crate) fn take_delivery(&mut self) -> Option<Delivery> {
        self.parts.delivery.take()
    }

    /// Whether an earlier process stored it.
    pub(crate) fn is_stored(&self) -> bool {
        self.parts.redelivered
    }

    /// As it is stored.
    pub(crate) fn kept(&self) -> KeptInbound<'_> {
        KeptInbound {
            retain: self.parts.retain,
            v5: self.parts.v5,
            topic: self.topic().as_bytes(),
            properties: self.part(self.parts.properties()),
            payload: self.payload(),
        }
    }

    /// Bytes of the message itself.
    pub(crate) fn size(&self) -> usize {
        self.parts.len()
    }

    /// Where it was published.
    pub fn topic(&self) -> &str {
        let topic = self.parts.aliased_topic().unwrap_or_else(|| self.part(self.parts.topic()));
        core::str::from_utf8(topic).unwrap_or_default()
    }

    /// What it says.
    pub fn payload(&self) -> &[u8] {
        self.part(self.parts.payload())
    }

    /// What it says, without a copy, to keep.
    pub fn payload_bytes(&self) -> Bytes {
        self.chunk.slice(usize_range(self.parts.payload()))
    }

    /// What it says, if that is UTF-8.
    pub fn text(&self) -> Option<&str> {
        core::str::from_utf8(self.payload()).ok()
    }

    /// The QoS it came with: the lower of its publisher's and the subscription's.
    pub fn qos(&self) -> Qos {
        self.parts.qos
    }

    /// The server had kept it from before the subscription: it is not new.
    pub fn retain(&self) -> bool {
        self.parts.retain
    }

    /// The server sends it again, and it may have been delivered before (QoS 1).
    pub fn dup(&self) -> bool {
        self.parts.dup
    }

    /// What is said about it (5.0); checked when it came.
    pub fn properties(&self) -> Properties<'_> {
        let owner = dunlin_codec::PropertyOwner::Packet(dunlin_codec::PacketType::Publish);
        match self.parts.v5 {
            true => Properties::check(owner, self.part(self.parts.properties())).unwrap_or(Properties::NONE),
            false => Properties::NONE,
        }
    }

    /// Where its publisher wants a response (5.0).
    pub fn response_topic(&self) -> Option<&str> {
        self.properties().text(PropertyId::ResponseTopic)
    }

    /// How many messages of this subscription were dropped just before this one: QoS 0 ones because its buffer was full,
    /// or any because it was stalled and [chose so](crate::OnStall::Drop).
    pub fn missed_before(&self) -> u64 {
        self.parts.missed.into()
    }

    /// The application is done with the message, for good: a QoS 1 or 2 message of a subscription with
    /// [`manual_acknowledgement`](crate::Subscribe::manual_acknowledgement), also after that was dropped. Messages may be
    /// acknowledged in any order; the answers leave in the order that the standard demands [MQTT-4.6.0-2], a message that
    /// is never acknowledged holds back those of all that came after it, and the server sends it again on the next
    /// connection of the session.
    ///
    /// It does nothing for all other messages, a second time, and when the connection that a QoS 1 message came on is
    /// gone: that comes again. A QoS 2 message does not, and is answered when the server asks for it.
    pub fn acknowledge(&self) {
        let Some(owner) = &self.owner else { return };
        match (self.parts.delivery_id, self.parts.delivery) {
            (_, Some(delivery)) => owner.shared.with(|engine| engine.acknowledge(owner.holder, delivery)),
            (Some(id), None) => {
                if owner.shared.with(|engine| engine.acknowledge_kept(owner.holder, id)) {
                    owner.shared.taken(owner.holder, self.size(), &mut Vec::new());
                }
            }
            (None, None) => {}
        }
    }

    /// The same number for this message in this process and all later ones: of QoS 2 messages of a client with a
    /// [store](crate::ConnectOptions::store).
    pub fn delivery_id(&self) -> Option<DeliveryId> {
        self.parts.delivery_id
    }

    /// An earlier process was handed this message, or would have been, and did not
    /// [acknowledge](Message::acknowledge) it: it may have been worked on before. Its
    /// [`delivery_id`](Message::delivery_id) tells.
    pub fn redelivered(&self) -> bool {
        self.parts.redelivered
    }

    /// Copies the message out of the bytes that it came with, which then can be freed.
    #[must_use]
    pub fn detach(&self) -> Self {
        let mut bytes = Vec::with_capacity(self.parts.len());
        let parts = self.parts.copied(&self.chunk, &mut bytes);
        Self { chunk: Arc::new(bytes.into()), parts, owner: self.owner.clone() }
    }

    fn part(&self, range: Range<u32>) -> &[u8] {
        self.chunk.get(usize_range(range)).unwrap_or_default()
    }
}

fn usize_range(range: Range<u32>) -> Range<usize> {
    range.start as usize..range.end as usize
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("topic", &self.topic())
            .field("payload", &format_args!("{} bytes", self.payload().len()))
            .field("qos", &self.qos())
            .field("retain", &self.retain())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use dunlin_codec::{Decoded, Packet, Version, decode};

    use super::*;

    #[test]
    fn messages_that_are_copied_out_are_what_they_were_in_bytes_of_their_own() {
        let chunk =
            [vec![0xFF; 1_000], b"\x30\x0C\0\x03a/b\x02\x01\x01long".to_vec(), b"\x30\x04\0\x01c\0".to_vec()].concat();
        let (mut all, mut at) = (VecDeque::new(), 1_000);
        while let Decoded::Packet { packet: Packet::Publish(publish), consumed } =
            decode(Version::V5, &chunk[at..]).unwrap()
        {
            all.push_back(Parts::new(chunk.as_ptr(), &publish, None, None, true));
            at += consumed;
            if at == chunk.len() {
                break;
            }
        }
        let own = Arc::new(Parts::copy_out(&mut all, &chunk, 11));
        let messages: Vec<_> = all.into_iter().map(|parts| Message::new(own.clone(), parts)).collect();
        let seen: Vec<_> =
            messages.iter().map(|message| (message.topic(), message.text(), message.properties())).collect();
        assert_eq!(own.len(), 3 + 2 + 4 + 1);
        assert_eq!(seen[0].2.number(PropertyId::PayloadFormatIndicator), Some(1));
        assert_eq!((seen[0].0, seen[0].1), ("a/b", Some("long")));
        assert_eq!((seen[1].0, seen[1].1), ("c", Some("")));
    }
}
