mod aliases;
mod id_map;
mod journal;
mod store;

pub use aliases::{HeapInboundAliases, HeapOutboundAliases};
pub use journal::HeapJournal;
pub use store::{Store, StoreChange, StoreError, StoreGroup};

use alloc::{
    collections::{BTreeMap, VecDeque},
    vec,
    vec::Vec,
};

use dunlin_codec::{PacketId, Qos, ReasonCode};
use id_map::IdMap;

use crate::{Arrival, Buffer, Delivery, Inbound, Slot, Table};

/// Bytes on the heap that grow by doubling up to a limit.
#[derive(Debug)]
pub struct HeapBuffer {
    bytes: Vec<u8>,
    limit: usize,
}

impl HeapBuffer {
    /// Begins with `initial` bytes and never has more than `limit`, nor more than 4 GiB.
    pub fn new(initial: usize, limit: usize) -> Self {
        // A slot keeps its place in the log in 32 bits.
        let limit = limit.min(u32::MAX as usize);
        Self { bytes: vec![0; initial.min(limit)], limit }
    }
}

impl Buffer for HeapBuffer {
    #[inline]
    fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    #[inline]
    fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }

    #[cold]
    fn grow(&mut self, needed: usize) -> bool {
        if needed > self.limit {
            return false;
        }
        let len = self.bytes.len().saturating_mul(2).max(needed).min(self.limit);
        self.bytes.resize(len, 0);
        true
    }
}

/// Slots on the heap, made when they are first used.
#[derive(Debug)]
pub struct HeapTable<K> {
    slots: Vec<Slot<K>>,
    limit: usize,
}

impl<K> HeapTable<K> {
    /// Never more than `limit` slots, and 65,535.
    pub fn new(limit: usize) -> Self {
        Self { slots: Vec::new(), limit: limit.min(0xFFFF) }
    }
}

impl<K: Default> Table<Slot<K>> for HeapTable<K> {
    #[inline]
    fn at(&mut self, index: usize) -> Option<&mut Slot<K>> {
        self.slots.get_mut(index)
    }

    fn capacity(&self) -> usize {
        self.limit
    }

    #[inline]
    fn reserve(&mut self, index: usize) -> bool {
        if index >= self.limit {
            return false;
        }
        while self.slots.len() <= index {
            self.slots.push(Slot::default());
        }
        true
    }
}

/// Received messages on the heap: every operation takes constant time, as a rule.
#[derive(Debug, Default)]
pub struct HeapInbound {
    at_least_once: Flow,
    exactly_once: Flow,
    /// QoS 2 messages whose PUBREL has not come: their numbers.
    delivered: IdMap,
    delivered_before: u32,
    /// Those of them that came on this connection, and how many they are.
    here: IdSet,
    here_len: usize,
}

/// Answers due on this connection, in order of arrival.
#[derive(Debug, Default)]
struct Flow {
    queue: VecDeque<PacketId>,
    /// Answers that have left the queue: its first has this number.
    before: u32,
    due: IdSet,
    acknowledged: IdSet,
    /// Answers other than success; there are few, if any.
    reasons: BTreeMap<u16, ReasonCode>,
}

impl Flow {
    fn acknowledge(&mut self, id: PacketId, reason: ReasonCode) -> bool {
        let new = self.acknowledged.insert(id);
        if new && reason != ReasonCode::SUCCESS {
            self.reasons.insert(id.get(), reason);
        }
        new
    }

    fn next_answer(&mut self, may_go: impl FnOnce(PacketId) -> bool) -> Option<(PacketId, ReasonCode)> {
        let first = *self.queue.front()?;
        if !self.acknowledged.contains(first) || !may_go(first) {
            return None;
        }
        self.answered(first);
        Some((first, self.reason(first)))
    }

    /// Takes out the first of the queue, as far as they are these. `is_known` is asked with the number of each; what it
    /// affirms is marked as acknowledged if the answer is not the end of it.
    #[inline(always)]
    fn answer_run(&mut self, deliveries: &[Delivery], ends: bool, is_known: impl Fn(&Delivery, u32) -> bool) -> usize {
        let mut number = self.before;
        for (delivery, &id) in deliveries.iter().zip(self.queue.as_slices().0) {
            if delivery.id != id || !is_known(delivery, number) {
                break;
            }
            // What is acknowledged and was not answered waits for room in the lane.
            if if ends { self.acknowledged.contains(id) } else { !self.acknowledged.insert(id) } {
                break;
            }
            self.due.remove(id);
            number = number.wrapping_add(1);
        }
        let answered = number.wrapping_sub(self.before) as usize;
        self.queue.drain(..answered);
        self.before = number;
        answered
    }

    /// The first of the queue, which is this one.
    #[inline]
    fn answered(&mut self, first: PacketId) {
        self.due.remove(first);
        self.queue.pop_front();
        self.before = self.before.wrapping_add(1);
    }

    #[inline]
    fn reason(&self, id: PacketId) -> ReasonCode {
        match self.reasons.is_empty() {
            true => ReasonCode::SUCCESS,
            false => self.reasons.get(&id.get()).copied().unwrap_or(ReasonCode::SUCCESS),
        }
    }

    /// The identifier stands for a new message from now on.
    fn release(&mut self, id: PacketId) {
        self.acknowledged.remove(id);
        if !self.reasons.is_empty() {
            self.reasons.remove(&id.get());
        }
    }

    /// Gives its number in this queue.
    #[inline(always)]
    fn push(&mut self, id: PacketId) -> u32 {
        if !self.due.insert(id) {
            return self.number(id);
        }
        self.queue.push_back(id);
        self.before.wrapping_add(self.queue.len() as u32).wrapping_sub(1)
    }

    #[cold]
    fn number(&self, id: PacketId) -> u32 {
        let index = self.queue.iter().position(|queued| *queued == id).unwrap_or_default();
        self.before.wrapping_add(index as u32)
    }

    /// Whether the message of this number has this identifier and is not answered.
    #[inline]
    fn is_at(&self, number: u32, id: PacketId) -> bool {
        self.queue.get(number.wrapping_sub(self.before) as usize) == Some(&id)
    }

    fn first_open(&self) -> Option<PacketId> {
        self.queue.front().copied().filter(|first| !self.acknowledged.contains(*first))
    }

    fn forget_connection(&mut self) {
        self.before = self.before.wrapping_add(self.queue.len() as u32);
        self.queue.clear();
        self.due.clear();
    }
}

impl HeapInbound {
    fn flow(&self, qos: Qos) -> &Flow {
        if qos == Qos::ExactlyOnce { &self.exactly_once } else { &self.at_least_once }
    }

    fn arrive_exactly_once(&mut self, id: PacketId) -> Arrival {
        self.exactly_once.push(id);
        self.here_len += usize::from(self.here.insert(id));
        let number = self.delivered_before;
        if !self.delivered.insert(id, number) {
            return Arrival::Repeated;
        }
        self.delivered_before = number.wrapping_add(1);
        Arrival::New(number)
    }
}

impl Inbound for HeapInbound {
    #[inline]
    fn arrive(&mut self, id: PacketId, qos: Qos) -> Arrival {
        match qos {
            Qos::ExactlyOnce => self.arrive_exactly_once(id),
            _ => Arrival::New(self.at_least_once.push(id)),
        }
    }

    fn acknowledge(&mut self, id: PacketId, qos: Qos, number: u32, reason: ReasonCode) -> bool {
        match qos {
            Qos::ExactlyOnce => self.delivered.get(id) == Some(number) && self.exactly_once.acknowledge(id, reason),
            _ => self.at_least_once.is_at(number, id) && self.at_least_once.acknowledge(id, reason),
        }
    }

    fn answer_run(&mut self, deliveries: &[Delivery]) -> usize {
        let Some(&Delivery { qos, connection, .. }) = deliveries.first() else { return 0 };
        let is_alike = |delivery: &Delivery| delivery.qos == qos && delivery.connection == connection;
        let delivered = &self.delivered;
        match qos {
            // Until PUBREL comes it is known that the application is done with it.
            Qos::ExactlyOnce => self.exactly_once.answer_run(deliveries, false, |delivery, _| {
                is_alike(delivery) && delivered.get(delivery.id) == Some(delivery.number())
            }),
            _ => self
                .at_least_once
                .answer_run(deliveries, true, |delivery, number| is_alike(delivery) && delivery.number() == number),
        }
    }

    fn next_answer(&mut self, is_stored: impl FnMut(PacketId) -> bool) -> Option<(PacketId, Qos, ReasonCode)> {
        if let Some((id, reason)) = self.at_least_once.next_answer(|_| true) {
            self.at_least_once.release(id);
            return Some((id, Qos::AtLeastOnce, reason));
        }
        let (id, reason) = self.exactly_once.next_answer(is_stored)?;
        if reason.is_error() {
            self.release(id);
        }
        Some((id, Qos::ExactlyOnce, reason))
    }

    fn first_open(&self, qos: Qos) -> Option<u32> {
        let first = self.flow(qos).first_open()?;
        match qos {
            Qos::ExactlyOnce => self.delivered.get(first),
            _ => Some(self.at_least_once.before),
        }
    }

    fn answers_wait(&self, qos: Qos) -> bool {
        let flow = self.flow(qos);
        flow.queue.iter().any(|id| flow.acknowledged.contains(*id))
    }

    fn release(&mut self, id: PacketId) -> bool {
        let known = self.delivered.remove(id);
        if known {
            self.here_len -= usize::from(self.here.remove(id));
            self.exactly_once.release(id);
            if self.exactly_once.due.remove(id) {
                self.exactly_once.queue.retain(|queued| *queued != id);
            }
        }
        known
    }

    fn restore(&mut self, id: PacketId) -> bool {
        if self.delivered.insert(id, self.delivered_before) {
            self.delivered_before = self.delivered_before.wrapping_add(1);
        }
        self.exactly_once.acknowledged.insert(id);
        true
    }

    fn unanswered(&self) -> usize {
        self.at_least_once.queue.len() + self.here_len
    }

    fn capacity(&self) -> usize {
        0xFFFF
    }

    fn forget_connection(&mut self) {
        self.at_least_once.forget_connection();
        self.at_least_once.acknowledged.clear();
        self.at_least_once.reasons.clear();
        self.exactly_once.forget_connection();
        self.here.clear();
        self.here_len = 0;
    }

    fn clear(&mut self) -> bool {
        let any = self.unanswered() > 0 || !self.delivered.is_empty();
        self.forget_connection();
        // Numbers go on: those of before must not be taken for new ones.
        let at_least_once = Flow { before: self.at_least_once.before, ..Flow::default() };
        *self = Self { at_least_once, delivered_before: self.delivered_before, ..Self::default() };
        any
    }
}

/// A set of packet identifiers: a bit each, as far as the largest one that was seen.
#[derive(Debug, Default)]
struct IdSet(Vec<u64>);

impl IdSet {
    #[inline]
    fn contains(&self, id: PacketId) -> bool {
        let (word, bit) = place(id);
        self.0.get(word).is_some_and(|word| word & bit != 0)
    }

    /// False: it was in already.
    #[inline]
    fn insert(&mut self, id: PacketId) -> bool {
        let (index, bit) = place(id);
        if index >= self.0.len() {
            self.grow(index + 1);
        }
        let Some(word) = self.0.get_mut(index) else { return false };
        let new = *word & bit == 0;
        *word |= bit;
        new
    }

    #[cold]
    fn grow(&mut self, words: usize) {
        self.0.resize(words, 0);
    }

    /// False: it was not in.
    #[inline]
    fn remove(&mut self, id: PacketId) -> bool {
        let (index, bit) = place(id);
        let Some(word) = self.0.get_mut(index) else { return false };
        let known = *word & bit != 0;
        *word &= !bit;
        known
    }

    fn clear(&mut self) {
        self.0.fill(0);
    }
}

fn place(id: PacketId) -> (usize, u64) {
    (id.get() as usize / 64, 1 << (id.get() % 64))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_set_of_identifiers_is_a_set(steps in prop::collection::vec((0..3, 1..200_u16), 0..100)) {
            let (mut ids, mut model) = (IdSet::default(), BTreeSet::new());
            for (step, number) in steps {
                let id = PacketId::new(number).unwrap();
                match step {
                    0 => prop_assert_eq!(ids.insert(id), model.insert(number)),
                    1 => prop_assert_eq!(ids.remove(id), model.remove(&number)),
                    _ => prop_assert_eq!(ids.contains(id), model.contains(&number)),
                }
            }
            ids.clear();
            prop_assert!((1..200).all(|number| !ids.contains(PacketId::new(number).unwrap())));
        }
    }

    #[test]
    fn a_set_of_identifiers_takes_a_bit_for_each() {
        let mut ids = IdSet::default();
        let last = PacketId::new(u16::MAX).unwrap();
        assert!(ids.insert(last) && ids.contains(last));
        assert_eq!(size_of_val(&*ids.0), 8_192);
    }

    #[test]
    fn a_buffer_grows_by_doubling_up_to_its_limit() {
        let mut buffer = HeapBuffer::new(4, 100);
        assert_eq!(buffer.bytes(), [0; 4]);
        buffer.bytes_mut()[3] = 7;
        for (needed, len) in [(5, 8), (50, 50), (51, 100), (100, 100)] {
            assert!(buffer.grow(needed));
            assert_eq!((buffer.bytes().len(), buffer.bytes_mut().len()), (len, len), "for {needed}");
        }
        assert!(!buffer.grow(101) && buffer.bytes().len() == 100);
        assert_eq!(buffer.bytes()[..5], [0, 0, 0, 7, 0]);
    }

    #[test]
    fn a_table_has_slots_from_their_first_use_on() {
        let mut table = HeapTable::<()>::new(3);
        assert_eq!((table.capacity(), HeapTable::<()>::new(70_000).capacity()), (3, 65_535));
        assert!(table.at(0).is_none());
        assert!(table.reserve(1) && table.reserve(0));
        assert!(table.at(1).is_some() && table.at(2).is_none());
        assert!(table.reserve(2) && !table.reserve(3));
    }
}
