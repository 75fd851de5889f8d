//! The two memories of a session.

use std::rc::Rc;

use dunlin_session::{
    HeapBuffer, HeapInbound, HeapInboundAliases, HeapJournal, HeapOutboundAliases, HeapTable, Journal, Memory,
    NoJournal, Nothing, Received, Segments, SliceAliases, Slices, Slot, Storage,
};

use super::heap::{Beside, Body, Heap};
use crate::random::Random;

/// Slices with room for the server's aliases.
pub(super) type SliceMemory<'a> = Slices<'a, SliceAliases<'a>>;

/// What slices borrow.
pub(super) struct Room {
    log: Vec<u8>,
    control: Vec<u8>,
    slots: Vec<Slot<()>>,
    received: Vec<Received>,
    aliases: Vec<u8>,
}

impl Room {
    /// As on a microcontroller, and less.
    pub(super) fn new(random: &mut Random) -> Self {
        Self {
            log: vec![0; 60 + random.below(300)],
            control: vec![0; 40 + random.below(40)],
            slots: (0..2 + random.below(4)).map(|_| Slot::EMPTY).collect(),
            received: vec![Received::EMPTY; 1 + random.below(4)],
            aliases: vec![0; 4 * 32],
        }
    }

    pub(super) fn storage(&mut self) -> Storage<SliceMemory<'_>> {
        Storage::of_slices(&mut self.log, &mut self.control, &mut self.slots, &mut self.received)
            .with_aliases(SliceAliases::new(&mut self.aliases, 30))
    }
}

/// How far memory grows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    log: usize,
    control: usize,
    slots: usize,
}

impl Bounds {
    pub(super) fn draw(random: &mut Random) -> Self {
        let most = random.of(&[100, 1_500, 12_000]);
        Self { log: 400 + random.below(most), control: 40 + random.below(200), slots: 2 + random.below(30) }
    }

    pub(super) fn storage<J: Journal + Default>(self) -> Storage<Heap<J>> {
        Storage {
            log: HeapBuffer::new(64, self.log),
            control: HeapBuffer::new(16, self.control),
            segments: Beside::new(usize::MAX).0,
            slots: HeapTable::new(self.slots),
            inbound: HeapInbound::default(),
            inbound_aliases: HeapInboundAliases::new(128),
            outbound_aliases: HeapOutboundAliases::new(2),
            journal: J::default(),
        }
    }
}

/// How a payload is given to a session with this memory.
pub(super) trait Given: Memory {
    /// Sizes of payloads to publish.
    const SIZES: &'static [usize];
    /// There are records to store.
    const STORES: bool;

    fn payload(bytes: &[u8]) -> <Self::Segments as Segments>::Payload<'_>;

    /// The same where it may go the shorter way, as it does on the heap.
    fn plain(bytes: &[u8]) -> Option<&[u8]>;

    fn shared(payload: &<Self::Segments as Segments>::Shared) -> &[u8];
}

impl Given for SliceMemory<'_> {
    const SIZES: &'static [usize] = &[4, 9, 30];
    const STORES: bool = false;

    fn payload(bytes: &[u8]) -> &[u8] {
        bytes
    }

    fn plain(_: &[u8]) -> Option<&[u8]> {
        None
    }

    fn shared(payload: &Nothing) -> &[u8] {
        payload.as_ref()
    }
}

impl Given for Heap<NoJournal> {
    const SIZES: &'static [usize] = HEAP_SIZES;
    const STORES: bool = false;

    fn payload(bytes: &[u8]) -> Body<'_> {
        Body::new(bytes, SHARED_FROM)
    }

    fn plain(bytes: &[u8]) -> Option<&[u8]> {
        Some(bytes).filter(|bytes| bytes.len() < SHARED_FROM)
    }

    fn shared(payload: &Rc<[u8]>) -> &[u8] {
        payload
    }
}

impl Given for Heap<HeapJournal> {
    const SIZES: &'static [usize] = HEAP_SIZES;
    const STORES: bool = true;

    fn payload(bytes: &[u8]) -> Body<'_> {
        Body::new(bytes, SHARED_FROM)
    }

    fn plain(bytes: &[u8]) -> Option<&[u8]> {
        Some(bytes).filter(|bytes| bytes.len() < SHARED_FROM)
    }

    fn shared(payload: &Rc<[u8]>) -> &[u8] {
        payload
    }
}

const HEAP_SIZES: &[usize] = &[4, 9, 9, 30, 30, 300, SHARED_FROM, 1_500];
/// From so many bytes on a payload rides beside the log.
const SHARED_FROM: usize = 600;
