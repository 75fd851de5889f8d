//! The two memories of a session: slices, and a heap whose long payloads ride beside the log.

use std::{cell::Cell, collections::VecDeque, rc::Rc};

use dunlin_session::{
    Chunk, HeapBuffer, HeapInbound, HeapInboundAliases, HeapOutboundAliases, HeapTable, Memory, NoJournal, Nothing,
    Received, Segments, SliceAliases, Slices, Slot, Storage,
};

/// How much memory there is. On the heap it is the most that there may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    pub(super) log: usize,
    pub(super) control: usize,
    pub(super) slots: usize,
    pub(super) received: usize,
    /// Bytes of payloads beside the log.
    pub(super) beside: usize,
}

/// A memory, how a payload is given to it, and how it is taken back.
pub(super) trait Given: Memory {
    fn bytes<'c>(chunk: &'c Chunk<'_, <Self::Segments as Segments>::Shared>) -> &'c [u8];
    fn payload(bytes: &[u8]) -> <Self::Segments as Segments>::Payload<'_>;
}

/// What slices are cut from.
pub(super) struct Board {
    log: Vec<u8>,
    control: Vec<u8>,
    slots: Vec<Slot<()>>,
    received: Vec<Received>,
    aliases: [u8; 30],
}

impl Board {
    pub(super) fn new(room: Room) -> Self {
        Self {
            log: vec![0; room.log],
            control: vec![0; room.control],
            slots: (0..room.slots).map(|_| Slot::EMPTY).collect(),
            received: vec![Received::EMPTY; room.received],
            aliases: [0; 30],
        }
    }

    pub(super) fn storage(&mut self) -> Storage<Slices<'_, SliceAliases<'_>>> {
        Storage::of_slices(&mut self.log, &mut self.control, &mut self.slots, &mut self.received)
            .with_aliases(SliceAliases::new(&mut self.aliases, 8))
    }
}

impl Given for Slices<'_, SliceAliases<'_>> {
    fn bytes<'c>(chunk: &'c Chunk<'_, Nothing>) -> &'c [u8] {
        chunk.as_slice()
    }

    fn payload(bytes: &[u8]) -> &[u8] {
        bytes
    }
}

pub(super) struct Heap;

impl Heap {
    /// The storage, and how many bytes it holds beside the log.
    pub(super) fn storage(room: Room) -> (Storage<Self>, Rc<Cell<usize>>) {
        let held = Rc::new(Cell::new(0));
        let storage = Storage {
            log: HeapBuffer::new(16, room.log),
            control: HeapBuffer::new(16, room.control),
            segments: Beside { queue: VecDeque::new(), held: Rc::clone(&held), limit: room.beside },
            slots: HeapTable::new(room.slots),
            inbound: HeapInbound::default(),
            inbound_aliases: HeapInboundAliases::new(32),
            outbound_aliases: HeapOutboundAliases::new(3),
            journal: NoJournal,
        };
        (storage, held)
    }
}

impl Memory for Heap {
    type Log = HeapBuffer;
    type Control = HeapBuffer;
    type Segments = Beside;
    type Slots = HeapTable<Option<Rc<[u8]>>>;
    type Inbound = HeapInbound;
    type InboundAliases = HeapInboundAliases;
    type OutboundAliases = HeapOutboundAliases;
    type Journal = NoJournal;
}

impl Given for Heap {
    fn bytes<'c>(chunk: &'c Chunk<'_, Rc<[u8]>>) -> &'c [u8] {
        chunk.as_slice()
    }

    fn payload(bytes: &[u8]) -> Body<'_> {
        if bytes.len() < SHARED_FROM { Body::Borrowed(bytes) } else { Body::Shared(bytes.into()) }
    }
}

pub(super) enum Body<'p> {
    Borrowed(&'p [u8]),
    Shared(Rc<[u8]>),
}

impl AsRef<[u8]> for Body<'_> {
    fn as_ref(&self) -> &[u8] {
        match self {
            Body::Borrowed(bytes) => bytes,
            Body::Shared(bytes) => bytes,
        }
    }
}

/// Payloads beside the log, bounded. Each that is taken must be released once.
pub(super) struct Beside {
    queue: VecDeque<(usize, Rc<[u8]>)>,
    held: Rc<Cell<usize>>,
    limit: usize,
}

impl Segments for Beside {
    type Payload<'p> = Body<'p>;
    type Kept = Option<Rc<[u8]>>;
    type Shared = Rc<[u8]>;

    fn rides_beside(payload: &Body<'_>) -> bool {
        matches!(payload, Body::Shared(_))
    }

    fn push(&mut self, at: usize, payload: Body<'_>) -> Option<Self::Kept> {
        let Body::Shared(bytes) = payload else { return None };
        let held = self.held.get() + bytes.len();
        if held > self.limit {
            return None;
        }
        self.held.set(held);
        self.push_again(at, &Some(Rc::clone(&bytes)));
        Some(Some(bytes))
    }

    fn push_again(&mut self, at: usize, kept: &Self::Kept) {
        if let Some(bytes) = kept {
            assert!(self.queue.back().is_none_or(|(last, _)| *last < at), "segments in order of offset");
            self.queue.push_back((at, Rc::clone(bytes)));
        }
    }

    fn len(kept: &Self::Kept) -> usize {
        kept.as_ref().map_or(0, |bytes| bytes.len())
    }

    fn shared(kept: &Self::Kept) -> Option<&Rc<[u8]>> {
        kept.as_ref()
    }

    fn release(&mut self, kept: Self::Kept) {
        let len = Self::len(&kept);
        self.held.set(self.held.get().checked_sub(len).expect("a payload is released once"));
    }

    fn first(&self) -> Option<(usize, &Rc<[u8]>)> {
        self.queue.front().map(|(at, bytes)| (*at, bytes))
    }

    fn pop(&mut self) {
        self.queue.pop_front();
    }

    fn shift(&mut self, distance: usize) {
        for (at, _) in &mut self.queue {
            *at -= distance;
        }
    }

    fn clear(&mut self) {
        self.queue.clear();
    }
}

/// From so many bytes on a payload rides beside the log.
const SHARED_FROM: usize = 24;
