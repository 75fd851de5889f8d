//! The two memories of a session.

use std::{collections::VecDeque, rc::Rc};

use dunlin_session::{
    HeapBuffer, HeapInbound, HeapInboundAliases, HeapOutboundAliases, HeapTable, Memory, NoJournal, Nothing, Received,
    Segments, SliceAliases, Slices, Slot, Storage,
};

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

/// Memory that grows, with payloads of [`SHARED_FROM`] bytes and more beside the log.
pub(super) struct Heap;

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

impl Heap {
    pub(super) fn storage(random: &mut Random) -> Storage<Self> {
        Storage {
            log: HeapBuffer::new(64, 400 + random.below(12_000)),
            control: HeapBuffer::new(16, 40 + random.below(200)),
            segments: Beside::default(),
            slots: HeapTable::new(2 + random.below(30)),
            inbound: HeapInbound::default(),
            inbound_aliases: HeapInboundAliases::new(128),
            outbound_aliases: HeapOutboundAliases::new(2),
            journal: NoJournal,
        }
    }
}

#[derive(Default)]
pub(super) struct Beside(VecDeque<(usize, Rc<[u8]>)>);

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

impl Segments for Beside {
    type Payload<'p> = Body<'p>;
    type Kept = Option<Rc<[u8]>>;
    type Shared = Rc<[u8]>;

    fn rides_beside(payload: &Body<'_>) -> bool {
        matches!(payload, Body::Shared(_))
    }

    fn push(&mut self, at: usize, payload: Body<'_>) -> Option<Self::Kept> {
        let Body::Shared(bytes) = payload else { return None };
        self.push_again(at, &Some(Rc::clone(&bytes)));
        Some(Some(bytes))
    }

    fn push_again(&mut self, at: usize, kept: &Self::Kept) {
        if let Some(bytes) = kept {
            assert!(self.0.back().is_none_or(|(last, _)| *last < at), "segments in order of offset");
            self.0.push_back((at, Rc::clone(bytes)));
        }
    }

    fn len(kept: &Self::Kept) -> usize {
        kept.as_ref().map_or(0, |bytes| bytes.len())
    }

    fn shared(kept: &Self::Kept) -> Option<&Rc<[u8]>> {
        kept.as_ref()
    }

    fn release(&mut self, _: Self::Kept) {}

    fn first(&self) -> Option<(usize, &Rc<[u8]>)> {
        self.0.front().map(|(at, bytes)| (*at, bytes))
    }

    fn pop(&mut self) {
        self.0.pop_front();
    }

    fn shift(&mut self, distance: usize) {
        for (at, _) in &mut self.0 {
            *at -= distance;
        }
    }

    fn clear(&mut self) {
        self.0.clear();
    }
}

/// How a payload is given to a session with this memory.
pub(super) trait Given: Memory {
    /// Sizes of payloads to publish.
    const SIZES: &'static [usize];

    fn payload(bytes: &[u8]) -> <Self::Segments as Segments>::Payload<'_>;

    fn shared(payload: &<Self::Segments as Segments>::Shared) -> &[u8];
}

impl Given for SliceMemory<'_> {
    const SIZES: &'static [usize] = &[4, 9, 30];

    fn payload(bytes: &[u8]) -> &[u8] {
        bytes
    }

    fn shared(payload: &Nothing) -> &[u8] {
        payload.as_ref()
    }
}

impl Given for Heap {
    const SIZES: &'static [usize] = &[4, 9, 9, 30, 30, 300, SHARED_FROM, 1_500];

    fn payload(bytes: &[u8]) -> Body<'_> {
        if bytes.len() < SHARED_FROM { Body::Borrowed(bytes) } else { Body::Shared(bytes.into()) }
    }

    fn shared(payload: &Rc<[u8]>) -> &[u8] {
        payload
    }
}

/// From so many bytes on a payload rides beside the log.
const SHARED_FROM: usize = 600;
