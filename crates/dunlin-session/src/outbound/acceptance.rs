use dunlin_codec::{
    PacketId, Properties, PropertyId, ProtocolViolation, Publish, Qos, ReasonCode, TopicName, Version, copy_bytes,
};

use super::{Kept, Outbound, Payload, expiry};
use crate::{
    Buffer, LIMITS, Limits, Memory, PublishError, PublishOptions, Segments,
    lane::Lane,
    list::{Attention, State},
};

/// How messages come in, and requests get their identifiers.
impl<M: Memory> Outbound<M> {
    #[inline]
    pub(crate) fn publish(
        &mut self,
        version: Version,
        limits: &Limits,
        topic: TopicName<'_>,
        payload: Payload<'_, M>,
        options: &PublishOptions<'_>,
    ) -> Result<Option<PacketId>, PublishError> {
        let bytes = payload.as_ref();
        let mut publish = Publish {
            retain: options.retain,
            properties: options.properties,
            qos: options.qos,
            packet_id: if options.qos == Qos::AtMostOnce { None } else { PacketId::new(u16::MAX) },
            ..Publish::new(topic, bytes)
        };
        let head_len = publish.head_len(version)?;
        let packet_len = head_len.saturating_add(bytes.len());
        if let Some(error) = beyond(limits, packet_len, options.qos, options.retain) {
            return Err(error.1);
        }
        if !options.properties.is_empty() && belongs_to_a_connection(options.properties) {
            return Err(PublishError::PropertyNotAllowed);
        }
        let beside = M::Segments::rides_beside(&payload);
        let len = if beside { head_len } else { packet_len };
        self.make_room(len)?;
        let interval = expiry::interval(options.properties);
        let slot = if options.qos != Qos::AtMostOnce || options.tracked || beside || interval != 0 {
            Some(self.slots.take().ok_or(PublishError::Full)?)
        } else {
            None
        };
        if options.qos != Qos::AtMostOnce {
            publish.packet_id = slot;
        }
        let at = self.tail;
        let end = at.wrapping_add(len);
        let Some(record) = self.log.bytes_mut().get_mut(at..end) else { return Err(PublishError::Full) };
        publish.encode_head(version, record);
        let mut kept = Kept::<M>::default();
        if beside {
            match self.segments.push(end, payload) {
                Some(segment) => kept = segment,
                None => {
                    if let Some(id) = slot {
                        self.slots.release(id.get());
                    }
                    return Err(PublishError::Full);
                }
            }
        } else if let Some(rest) = record.get_mut(head_len..) {
            copy_bytes(rest, bytes);
        }
        self.tail = end;
        // A payload beside the log and a deadline need a slot, but nobody asked for the outcome of QoS 0.
        let wanted = options.qos != Qos::AtMostOnce || options.tracked;
        if let Some(id) = slot {
            let attention = if wanted { Attention::Wanted } else { Attention::Nobody };
            self.enlist(id, options.qos, attention, at, len, kept);
            self.note_expiry(id.get(), interval);
        }
        Ok(slot.filter(|_| wanted))
    }

    /// As [`publish`](Outbound::publish), for what needs nothing that is seldom. `None`: nothing was done.
    #[inline(always)]
    pub(crate) fn publish_plain(
        &mut self,
        version: Version,
        limits: &Limits,
        topic: TopicName<'_>,
        payload: &[u8],
        options: &PublishOptions<'_>,
    ) -> Option<Option<PacketId>> {
        let mut publish = Publish {
            retain: options.retain,
            properties: options.properties,
            qos: options.qos,
            ..Publish::new(topic, payload)
        };
        let len = publish.plain_len(version)?;
        if beyond(limits, len, options.qos, options.retain).is_some() {
            return None;
        }
        self.begin_anew();
        let (at, end) = (self.tail, self.tail.wrapping_add(len));
        let record = self.log.bytes_mut().get_mut(at..end)?;
        let wanted = options.qos != Qos::AtMostOnce || options.tracked;
        let slot = if wanted { Some(self.slots.take()?) } else { None };
        if options.qos != Qos::AtMostOnce {
            publish.packet_id = slot;
        }
        publish.encode_plain(version, record);
        self.tail = end;
        if let Some(id) = slot {
            self.enlist(id, options.qos, Attention::Wanted, at, len, Kept::<M>::default());
        }
        Some(slot)
    }

    #[inline]
    fn enlist(&mut self, id: PacketId, qos: Qos, attention: Attention, at: usize, len: usize, kept: Kept<M>) {
        let foreign = self.is_foreign(id, qos);
        self.list(id.get(), qos, attention, at, len, kept);
        if foreign {
            self.list_foreign(id.get());
        }
        if qos != Qos::AtMostOnce {
            self.handle_accepted(id);
        }
    }

    #[inline]
    pub(super) fn list(&mut self, id: u16, qos: Qos, attention: Attention, at: usize, len: usize, kept: Kept<M>) {
        if let Some(slot) = self.slots.at(id) {
            (slot.state, slot.qos, slot.attention, slot.kept) = (State::Queued, qos, attention, kept);
            (slot.at, slot.len, slot.deadline) = (at as u32, len as u32, [0; _]);
        }
        self.slots.push(&mut self.published, id);
        if qos == Qos::AtMostOnce {
            if self.watched == 0 {
                self.watched = id;
            }
        } else if self.unsent == 0 {
            if self.quota > 0 {
                self.quota = self.quota.wrapping_sub(1);
            } else {
                self.unsent = id;
            }
        }
    }

    /// An identifier for a SUBSCRIBE or UNSUBSCRIBE with so many filters.
    pub(crate) fn take_request(&mut self, state: State, filters: usize) -> Option<PacketId> {
        let id = self.slots.take()?;
        if let Some(slot) = self.slots.at(id.get()) {
            (slot.state, slot.len) = (state, filters as u32);
        }
        self.requests = self.requests.wrapping_add(1);
        Some(id)
    }

    pub(crate) fn release_request(&mut self, id: PacketId) {
        self.requests = self.requests.wrapping_sub(1);
        self.slots.release(id.get());
    }

    /// The request with this identifier is in the lane, and ends there.
    #[inline]
    pub(crate) fn request_put(&mut self, id: PacketId, end: u32) {
        if let Some(slot) = self.slots.at(id.get()).filter(|_| LIMITS) {
            slot.at = end;
        }
    }

    /// How many filters the request with this identifier had.
    pub(crate) fn answer_request(
        &mut self,
        id: PacketId,
        subscribed: bool,
        lane: &Lane<M::Control>,
    ) -> Result<usize, ProtocolViolation> {
        // [MQTT-2.2.1-6]
        let asked = self.slots.at(id.get()).filter(|slot| match slot.state {
            State::Subscribe => subscribed,
            State::Unsubscribe => !subscribed,
            _ => false,
        });
        let slot = asked.ok_or(ProtocolViolation::AcknowledgedUnknown)?;
        if !lane.has_left(slot.at) {
            return Err(ProtocolViolation::AcknowledgedEarly);
        }
        let filters = slot.len as usize;
        self.release_request(id);
        Ok(filters)
    }
}

/// Whether there is a property that only a server may give [MQTT-3.3.4-6], or one that a repetition on another
/// connection could not have.
#[cold]
fn belongs_to_a_connection(properties: Properties<'_>) -> bool {
    let has = |id| properties.number(id).is_some();
    has(PropertyId::SubscriptionIdentifier) || has(PropertyId::TopicAlias)
}

/// What in a message the server does not accept.
#[inline]
pub(super) fn beyond(limits: &Limits, packet_len: usize, qos: Qos, retain: bool) -> Option<(ReasonCode, PublishError)> {
    if packet_len > limits.maximum_packet_size as usize {
        Some((ReasonCode::PACKET_TOO_LARGE, PublishError::TooLarge))
    } else if qos > limits.maximum_qos {
        Some((ReasonCode::QOS_NOT_SUPPORTED, PublishError::QosNotSupported))
    } else if retain && !limits.retain_available {
        Some((ReasonCode::RETAIN_NOT_SUPPORTED, PublishError::RetainNotSupported))
    } else {
        None
    }
}
