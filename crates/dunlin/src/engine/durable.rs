use std::{
    collections::HashMap,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use dunlin_codec::{PacketId, Publish, Qos};
use dunlin_session::{Delivery, MessageStage, Outcome, Record, Rejection, StoreError, StoreGroup, Uncertainty};

use super::{Engine, Filters, Holder};
use crate::{
    DeliveryId, Event, Message, NotStored, OutboxId,
    durable::{KeptInbound, Kind, client_value, key, keys, message_value, session_value},
    message::Parts,
};

/// What a client with a store knows besides its session.
///
/// ```text
///   accepted, acknowledged ...  ->  the group that is being filled  ->  the group that is being written  ->  stored
///                                   group, accepted                     given                                stored
/// ```
#[derive(Debug, Default)]
pub(crate) struct Durable {
    client_id: Box<str>,
    /// The next identifier; those of messages of ours and of the server's are from one row.
    next_id: u64,
    /// The store knows that those below this one are given out.
    reserved: u64,
    /// The outbox identifiers of our messages, by packet identifier.
    outbox: Vec<u64>,
    /// The outbox identifiers that were given out last, and are in the group that is being written, and are stored.
    accepted: u64,
    given: u64,
    stored: u64,
    /// Who waits for which to be stored.
    waiters: Vec<(u64, Waker)>,
    /// The group that is being filled, its number, and how many records of the session are in it.
    changes: StoreGroup,
    group: u64,
    records: usize,
    /// A message came that may be handed over when this group is stored.
    gated: bool,
    /// Messages that the application has not acknowledged, and who has them.
    unacknowledged: HashMap<u64, Vec<Holder>>,
    /// Entries of the receipts of messages of an earlier process.
    recovered: Vec<(u32, u64)>,
    /// The driver ends: this is the last group.
    ended: bool,
}

/// A group on its way into the store.
#[derive(Debug)]
pub(crate) struct Given {
    pub(crate) group: StoreGroup,
    number: u64,
    records: usize,
}

impl Durable {
    /// An identifier that no other message has or had.
    fn take_id(&mut self) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        if self.next_id >= self.reserved {
            self.reserve();
        }
        id
    }

    /// Says in the store that identifiers are given out, before they are: not for each, but for many at once.
    fn reserve(&mut self) {
        self.reserved = self.next_id + RESERVED_AT_ONCE;
        let (reserved, client_id) = (self.reserved, &self.client_id);
        self.changes.put(key(Kind::Client, 0), |value| client_value(value, reserved, client_id));
    }

    /// Names a message that was accepted, if it is to be stored.
    pub(crate) fn accept(&mut self, id: PacketId, qos: Qos) -> Option<OutboxId> {
        if qos == Qos::AtMostOnce {
            self.set_outbox(id, 0);
            return None;
        }
        let outbox = self.take_id();
        self.accepted = outbox;
        self.set_outbox(id, outbox);
        OutboxId::new(outbox)
    }

    fn set_outbox(&mut self, id: PacketId, outbox: u64) {
        let place = id.get() as usize;
        if self.outbox.len() <= place {
            self.outbox.resize((place + 1).next_power_of_two(), 0);
        }
        if let Some(known) = self.outbox.get_mut(place) {
            *known = outbox;
        }
    }

    fn outbox(&self, id: PacketId) -> u64 {
        self.outbox.get(id.get() as usize).copied().unwrap_or_default()
    }

    /// The group that must be stored before what came since the last call is handed over.
    fn take_gate(&mut self) -> Option<u64> {
        core::mem::take(&mut self.gated).then_some(self.group)
    }
}

/// Our messages, and the group.
impl Engine {
    /// The client is the one of this store.
    pub(crate) fn begin_store(&mut self, client_id: &str, next_id: u64) {
        let Some(durable) = &mut self.durable else { return };
        (durable.client_id, durable.next_id) = (client_id.into(), next_id);
        durable.reserve();
    }

    /// The server may have assigned it.
    pub(crate) fn note_client_id(&mut self, client_id: &str) {
        let Some(durable) = self.durable.as_mut().filter(|durable| *durable.client_id != *client_id) else { return };
        durable.client_id = client_id.into();
        durable.reserve();
    }

    pub(crate) fn restore_receipt(&mut self, id: PacketId, outbox: u64, stage: MessageStage) {
        let entry = match stage {
            // That was told, and will not be told again.
            MessageStage::GivenUp => self.receipts.add_settled(Outcome::Unknown(Uncertainty::NoAnswer)),
            _ => self.receipts.add(id, None, true),
        };
        let Some(durable) = &mut self.durable else { return };
        durable.set_outbox(id, outbox);
        durable.recovered.push((entry, outbox));
        durable.stored = durable.stored.max(outbox);
    }

    /// A message of an earlier process was not sent in time.
    pub(crate) fn restore_expired(&mut self, id: PacketId, outbox: u64) {
        let entry = self.receipts.add_settled(Outcome::Rejected(Rejection::Expired));
        self.statistics.rejected += 1;
        let Some(durable) = &mut self.durable else { return };
        durable.recovered.push((entry, outbox));
        durable.changes.delete(key(Kind::Message, id.get().into()));
    }

    /// The receipts of the messages of an earlier process: entry and identifier. Once.
    pub(crate) fn take_recovered(&mut self) -> Vec<(u32, Option<OutboxId>)> {
        let recovered = self.durable.as_mut().map(|durable| core::mem::take(&mut durable.recovered));
        let mut recovered = recovered.unwrap_or_default();
        recovered.sort_unstable_by_key(|(_, outbox)| *outbox);
        recovered.into_iter().map(|(entry, outbox)| (entry, OutboxId::new(outbox))).collect()
    }

    /// Whether this message is stored.
    pub(crate) fn poll_stored(
        &mut self,
        outbox: Option<OutboxId>,
        cx: &Context<'_>,
    ) -> Poll<Result<OutboxId, NotStored>> {
        let Some(durable) = &mut self.durable else { return Poll::Ready(Err(NotStored::NoStore)) };
        let Some(outbox) = outbox else { return Poll::Ready(Err(NotStored::AtMostOnce)) };
        if outbox.get() <= durable.stored {
            return Poll::Ready(Ok(outbox));
        }
        if self.status == crate::Status::Closed {
            return Poll::Ready(Err(NotStored::Closed));
        }
        let waits = |(waiting, waker): &(u64, Waker)| *waiting == outbox.get() && waker.will_wake(cx.waker());
        if !durable.waiters.iter().any(waits) {
            durable.waiters.push((outbox.get(), cx.waker().clone()));
        }
        Poll::Pending
    }

    /// Puts what there is to store into the group. False: there is nothing.
    pub(crate) fn fill_group(&mut self, now: u64) -> bool {
        let Some(durable) = &mut self.durable else { return false };
        while let Some(record) = self.session.poll_store() {
            durable.records += 1;
            let changes = &mut durable.changes;
            match record {
                Record::Session(record) => changes.put(key(Kind::Session, 0), |value| session_value(value, &record)),
                Record::Message(message) => {
                    let outbox = durable.outbox.get(message.id.get() as usize).copied().unwrap_or_default();
                    let write = |value: &mut Vec<u8>| message_value(value, &message, outbox, now);
                    changes.put(key(Kind::Message, message.id.get().into()), write);
                }
                Record::MessageDeleted(id) => changes.delete(key(Kind::Message, id.get().into())),
                Record::Received(id) => changes.put(key(Kind::Received, id.get().into()), |_| ()),
                Record::ReceivedDeleted(id) => changes.delete(key(Kind::Received, id.get().into())),
                Record::ReceivedCleared => changes.delete_all(keys(Kind::Received)),
            }
        }
        !durable.changes.is_empty()
    }

    /// The group, to be written; another one is begun, in memory that was used before.
    pub(crate) fn give_group(&mut self, memory: StoreGroup) -> Given {
        let durable = self.durable.get_or_insert_default();
        let given = Given {
            group: core::mem::replace(&mut durable.changes, memory),
            number: durable.group,
            records: core::mem::take(&mut durable.records),
        };
        durable.group += 1;
        durable.given = durable.accepted;
        given
    }

    /// The group is stored: what waited for it goes its way.
    pub(crate) fn handle_group_stored(&mut self, given: &Given, wakers: &mut Vec<Waker>) {
        self.session.stored(given.records);
        let Some(durable) = &mut self.durable else { return };
        durable.stored = durable.stored.max(durable.given);
        let stored = durable.stored;
        // Identifiers rest until their message is deleted in the store.
        self.memory_full = false;
        wakers.extend(durable.waiters.extract_if(.., |(outbox, _)| *outbox <= stored).map(|(_, waker)| waker));
        self.freed += self.filters.if_any(|filters| filters.open_gate(given.number, wakers));
        self.freed += self.hand_out_responses(wakers);
        self.take_space_wakers(wakers);
    }

    pub(crate) fn handle_store_failed(&mut self, error: StoreError) {
        self.tell(Event::StoreFailed(error));
    }

    /// The driver ends, and everything has happened that will be stored.
    pub(crate) fn handle_driver_ended(&mut self) {
        if let Some(durable) = &mut self.durable {
            durable.ended = true;
        }
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.durable.as_ref().is_none_or(|durable| durable.ended)
    }

    /// Nothing will be stored any more.
    pub(crate) fn end_store(&mut self, wakers: &mut Vec<Waker>) {
        if let Some(durable) = &mut self.durable {
            wakers.extend(durable.waiters.drain(..).map(|(_, waker)| waker));
        }
    }

    /// What becomes of a message that is not settled when the client ends: the next process goes on with it, if it is
    /// stored, and if that is under way nobody can tell.
    pub(crate) fn last_outcome(&self, id: PacketId, outcome: Outcome) -> Outcome {
        let Some(durable) = &self.durable else { return outcome };
        match durable.outbox(id) {
            0 => outcome,
            outbox if outbox <= durable.stored => Outcome::Unknown(Uncertainty::Kept),
            outbox if outbox <= durable.given => Outcome::Unknown(Uncertainty::Closed),
            _ => outcome,
        }
    }
}

/// Messages of the server.
impl Engine {
    /// The identifier of a message that came, where it is to be stored.
    #[inline]
    pub(super) fn delivery_id(&mut self, qos: Qos) -> Option<DeliveryId> {
        let durable = self.durable.as_mut().filter(|_| qos == Qos::ExactlyOnce)?;
        DeliveryId::new(durable.take_id())
    }

    /// Puts a QoS 2 message aside for its subscriptions: it is acknowledged and, where the application is to say when it
    /// is done, stored in the same step; and it is handed over when that is safe. So it is never handed over twice as
    /// two, and where the application acknowledges it is never lost. False: there is no subscription yet.
    pub(super) fn hand_out_kept(
        &mut self,
        id: DeliveryId,
        delivery: Delivery,
        publish: &Publish<'_>,
        parts: &Parts,
        overfull: bool,
    ) -> bool {
        let topic = parts.aliased_topic().unwrap_or(publish.topic.as_bytes());
        let parts = parts.without_delivery();
        let dropped = &mut self.statistics.dropped;
        let hand_out = |filters: &mut Filters| filters.hand_out(topic, publish.properties, &parts, overfull, dropped);
        if self.filters.if_any(hand_out) == 0 {
            return false;
        }
        let v5 = self.session.version().is_v5();
        let (properties, payload) = (publish.properties.as_bytes(), publish.payload);
        let manual = self.filters.if_any(|filters| filters.manual_targets());
        self.keep(id, manual, &KeptInbound { retain: publish.retain, v5, topic, properties, payload });
        self.session.acknowledge(delivery);
        true
    }

    fn keep(&mut self, id: DeliveryId, manual: Vec<Holder>, kept: &KeptInbound<'_>) {
        let Some(durable) = &mut self.durable else { return };
        durable.gated = true;
        if !manual.is_empty() {
            durable.changes.put(key(Kind::Inbound, id.get()), |value| kept.write(value));
            durable.unacknowledged.insert(id.get(), manual);
        }
    }

    /// The same of messages that waited for somebody to claim them; gives the group that must be stored before they are
    /// handed over.
    pub(super) fn keep_claimed(&mut self, holder: Holder, messages: &mut [Message]) -> Option<u64> {
        self.durable.as_ref()?;
        let manual = self.filters.if_any(|filters| filters.is_manual(holder));
        for message in messages {
            let Some(id) = message.delivery_id() else { continue };
            let holders = if manual { vec![holder] } else { Vec::new() };
            match message.take_delivery() {
                Some(delivery) => {
                    self.keep(id, holders, &message.kept());
                    self.session.acknowledge(delivery);
                }
                // It is in the store.
                None => {
                    let Some(durable) = &mut self.durable else { continue };
                    if manual {
                        durable.unacknowledged.insert(id.get(), holders);
                    } else {
                        durable.gated = true;
                        durable.changes.delete(key(Kind::Inbound, id.get()));
                    }
                }
            }
        }
        self.gate()
    }

    /// The group that must be stored before what came since the last call is handed over.
    #[inline]
    pub(super) fn gate(&mut self) -> Option<u64> {
        self.durable.as_mut().and_then(|durable| durable.take_gate())
    }

    /// A message that was stored by an earlier process waits for somebody. Gives its bytes.
    pub(crate) fn restore_inbound(&mut self, id: u64, kept: &KeptInbound<'_>) -> usize {
        let mut bytes = Vec::with_capacity(kept.topic.len() + kept.properties.len() + kept.payload.len());
        let mut append = |part: &[u8]| {
            let start = bytes.len() as u32;
            bytes.extend_from_slice(part);
            start..bytes.len() as u32
        };
        let parts = [kept.topic, kept.properties, kept.payload].map(&mut append);
        let message = Message::new(Arc::new(bytes.into()), Parts::redelivered(parts, kept, DeliveryId::new(id)));
        let size = message.size();
        self.unclaimed.wait(message);
        size
    }

    /// The application is done with a message that is stored. False: it was before.
    pub(crate) fn acknowledge_kept(&mut self, holder: Holder, id: DeliveryId) -> bool {
        let Some(durable) = &mut self.durable else { return false };
        let Some(holders) = durable.unacknowledged.get_mut(&id.get()) else { return false };
        let Some(place) = holders.iter().position(|known| *known == holder) else { return false };
        holders.swap_remove(place);
        if holders.is_empty() {
            durable.unacknowledged.remove(&id.get());
            durable.changes.delete(key(Kind::Inbound, id.get()));
        }
        true
    }
}

/// One write for so many identifiers; a process that ends leaves as many unused.
const RESERVED_AT_ONCE: u64 = 1 << 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_of_qos_0_has_no_name_though_one_with_its_identifier_had() {
        let mut durable = Durable::default();
        let id = PacketId::new(7).unwrap();
        durable.next_id = 5;
        assert_eq!(durable.accept(id, Qos::ExactlyOnce), OutboxId::new(5));
        assert_eq!((durable.accept(id, Qos::AtMostOnce), durable.outbox(id)), (None, 0));
        assert_eq!(durable.accept(id, Qos::AtLeastOnce), OutboxId::new(6));
    }

    /// So that a process that comes after it gives none of them again.
    #[test]
    fn names_are_reserved_in_the_store_before_they_are_given() {
        let mut durable = Durable::default();
        for _ in 0..3 * RESERVED_AT_ONCE {
            let id = durable.take_id();
            assert!(id < durable.reserved);
        }
        let puts = durable.changes.changes().count();
        assert!((3..=5).contains(&puts), "{puts} entries for so many");
    }
}
