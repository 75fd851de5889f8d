use std::collections::VecDeque;

use bytes::Bytes;
use dunlin_codec::{PacketId, Qos, ReasonCode};
use dunlin_session::{
    Arrival, Change, Delivery, HeapBuffer, HeapInbound, HeapInboundAliases, HeapJournal, HeapOutboundAliases,
    HeapTable, Inbound, Journal, Marks, Memory, Segments, Storage,
};

/// The session's memory on a server: growable, bounded, and payloads of 4 KiB and more by reference.
#[derive(Debug)]
pub(crate) struct Heap;

impl Memory for Heap {
    type Log = HeapBuffer;
    type Control = HeapBuffer;
    type Segments = SharedPayloads;
    type Slots = HeapTable<Option<Bytes>>;
    type Inbound = LazyInbound;
    type InboundAliases = HeapInboundAliases;
    type OutboundAliases = HeapOutboundAliases;
    type Journal = ChosenJournal;
}

/// Memory that holds at most `limit` bytes of messages, twice: once copied, once by reference; and so many topics that
/// we name by an alias. `stored`: there is a store.
pub(crate) fn storage(limit: usize, aliases: u16, stored: bool) -> Storage<Heap> {
    Storage {
        // Most connections of a fleet say little.
        log: HeapBuffer::new(0, limit),
        control: HeapBuffer::new(0, CONTROL_LIMIT),
        segments: SharedPayloads { waiting: VecDeque::new(), held: 0, limit },
        slots: HeapTable::new(u16::MAX.into()),
        inbound: LazyInbound::default(),
        inbound_aliases: HeapInboundAliases::new(ALIAS_LIMIT),
        outbound_aliases: HeapOutboundAliases::new(aliases),
        journal: ChosenJournal(stored.then(Box::default)),
    }
}

/// A journal, where there is a store. It is chosen when the client is made, and not by a type, because a client has no
/// parameters; without a store each question is answered by one look at a pointer.
#[derive(Debug)]
pub(crate) struct ChosenJournal(Option<Box<HeapJournal>>);

impl Journal for ChosenJournal {
    #[inline]
    fn marks(&mut self) -> Option<&mut Marks> {
        self.0.as_mut()?.marks()
    }

    #[inline]
    fn push(&mut self, change: Change) {
        if let Some(journal) = &mut self.0 {
            journal.push(change);
        }
    }

    #[inline]
    fn at(&self, index: usize) -> Option<Change> {
        self.0.as_ref()?.at(index)
    }

    #[inline]
    fn pop(&mut self) {
        if let Some(journal) = &mut self.0 {
            journal.pop();
        }
    }

    #[inline]
    fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |journal| journal.len())
    }

    #[inline]
    fn number(&self, change: Change) -> u64 {
        self.0.as_ref().map_or(0, |journal| journal.number(change))
    }

    #[inline]
    fn set_number(&mut self, change: Change, number: u64) {
        if let Some(journal) = &mut self.0 {
            journal.set_number(change, number);
        }
    }
}

/// What there is of received messages, from the first on that is to be acknowledged.
#[derive(Debug, Default)]
pub(crate) struct LazyInbound(Option<Box<HeapInbound>>);

impl LazyInbound {
    #[inline]
    fn made(&mut self) -> &mut HeapInbound {
        self.0.get_or_insert_default()
    }
}

impl Inbound for LazyInbound {
    #[inline]
    fn arrive(&mut self, id: PacketId, qos: Qos) -> Arrival {
        self.made().arrive(id, qos)
    }

    #[inline]
    fn acknowledge(&mut self, id: PacketId, qos: Qos, number: u32, reason: ReasonCode) -> bool {
        self.0.as_mut().is_some_and(|inbound| inbound.acknowledge(id, qos, number, reason))
    }

    #[inline]
    fn answer_run(&mut self, deliveries: &[Delivery]) -> usize {
        self.0.as_mut().map_or(0, |inbound| inbound.answer_run(deliveries))
    }

    #[inline]
    fn next_answer(&mut self, is_stored: impl FnMut(PacketId) -> bool) -> Option<(PacketId, Qos, ReasonCode)> {
        self.0.as_mut()?.next_answer(is_stored)
    }

    fn first_open(&self, qos: Qos) -> Option<u32> {
        self.0.as_ref()?.first_open(qos)
    }

    fn answers_wait(&self, qos: Qos) -> bool {
        self.0.as_ref().is_some_and(|inbound| inbound.answers_wait(qos))
    }

    #[inline]
    fn release(&mut self, id: PacketId) -> bool {
        self.0.as_mut().is_some_and(|inbound| inbound.release(id))
    }

    fn restore(&mut self, id: PacketId) -> bool {
        self.made().restore(id)
    }

    #[inline]
    fn unanswered(&self) -> usize {
        self.0.as_ref().map_or(0, |inbound| inbound.unanswered())
    }

    fn capacity(&self) -> usize {
        u16::MAX.into()
    }

    fn forget_connection(&mut self) {
        if let Some(inbound) = &mut self.0 {
            inbound.forget_connection();
        }
    }

    fn clear(&mut self) -> bool {
        self.0.as_mut().is_some_and(|inbound| inbound.clear())
    }
}

/// A payload on its way into the session.
pub(crate) enum Body<'p> {
    /// To be copied.
    Borrowed(&'p [u8]),
    /// To be copied if it is small, else shared.
    Shared(Bytes),
}

impl AsRef<[u8]> for Body<'_> {
    #[inline]
    fn as_ref(&self) -> &[u8] {
        match self {
            Body::Borrowed(bytes) => bytes,
            Body::Shared(bytes) => bytes,
        }
    }
}

/// Payloads that ride beside the log.
#[derive(Debug)]
pub(crate) struct SharedPayloads {
    waiting: VecDeque<(usize, Bytes)>,
    /// Bytes that the slots keep.
    held: usize,
    limit: usize,
}

impl Segments for SharedPayloads {
    type Payload<'p> = Body<'p>;
    type Kept = Option<Bytes>;
    type Shared = Bytes;

    #[inline]
    fn rides_beside(payload: &Body<'_>) -> bool {
        matches!(payload, Body::Shared(bytes) if bytes.len() >= SHARED_FROM)
    }

    #[cold]
    fn push(&mut self, at: usize, payload: Body<'_>) -> Option<Option<Bytes>> {
        let Body::Shared(bytes) = payload else { return None };
        let held = self.held.saturating_add(bytes.len());
        if held > self.limit {
            return None;
        }
        self.held = held;
        self.waiting.push_back((at, bytes.clone()));
        Some(Some(bytes))
    }

    fn push_again(&mut self, at: usize, kept: &Option<Bytes>) {
        if let Some(bytes) = kept {
            self.waiting.push_back((at, bytes.clone()));
        }
    }

    #[inline]
    fn len(kept: &Option<Bytes>) -> usize {
        kept.as_ref().map_or(0, Bytes::len)
    }

    fn shared(kept: &Option<Bytes>) -> Option<&Bytes> {
        kept.as_ref()
    }

    #[inline]
    fn release(&mut self, kept: Option<Bytes>) {
        if let Some(bytes) = kept {
            self.held = self.held.saturating_sub(bytes.len());
        }
    }

    #[inline]
    fn first(&self) -> Option<(usize, &Bytes)> {
        self.waiting.front().map(|(at, bytes)| (*at, bytes))
    }

    fn pop(&mut self) {
        self.waiting.pop_front();
    }

    fn shift(&mut self, distance: usize) {
        for (at, _) in &mut self.waiting {
            *at -= distance;
        }
    }

    fn clear(&mut self) {
        self.waiting.clear();
    }
}

/// From so many bytes on, sharing a payload is cheaper than copying it.
pub(crate) const SHARED_FROM: usize = 4096;
/// Bytes of topics that the server names by an alias: a server that names more does not mean well.
const ALIAS_LIMIT: usize = 1 << 20;
/// Acknowledgements of 65,535 messages, and large SUBSCRIBEs.
const CONTROL_LIMIT: usize = 1 << 20;
