//! The two memories of a session: slices, and a heap whose long payloads ride beside the log.

use std::{cell::Cell, rc::Rc};

use dunlin_session::{
    Chunk, HeapBuffer, HeapInbound, HeapInboundAliases, HeapOutboundAliases, HeapTable, Memory, NoJournal, Nothing,
    Received, Segments, SliceAliases, Slices, Slot, Storage,
};

use super::heap::{Beside, Body, Heap};

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

    /// The same where it may go the shorter way, as it does on the heap.
    fn plain(bytes: &[u8]) -> Option<&[u8]>;
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

    fn plain(_: &[u8]) -> Option<&[u8]> {
        None
    }
}

/// A heap as large as that at most, and how many bytes it holds beside the log.
pub(super) fn on_the_heap(room: Room) -> (Storage<Heap<NoJournal>>, Rc<Cell<usize>>) {
    let (segments, held) = Beside::new(room.beside);
    let storage = Storage {
        log: HeapBuffer::new(16, room.log),
        control: HeapBuffer::new(16, room.control),
        segments,
        slots: HeapTable::new(room.slots),
        inbound: HeapInbound::default(),
        inbound_aliases: HeapInboundAliases::new(32),
        outbound_aliases: HeapOutboundAliases::new(3),
        journal: NoJournal,
    };
    (storage, held)
}

impl Given for Heap<NoJournal> {
    fn bytes<'c>(chunk: &'c Chunk<'_, Rc<[u8]>>) -> &'c [u8] {
        chunk.as_slice()
    }

    fn payload(bytes: &[u8]) -> Body<'_> {
        Body::new(bytes, SHARED_FROM)
    }

    fn plain(bytes: &[u8]) -> Option<&[u8]> {
        Some(bytes).filter(|bytes| bytes.len() < SHARED_FROM)
    }
}

/// From so many bytes on a payload rides beside the log.
const SHARED_FROM: usize = 24;
