//! Memory on the heap for tests of every kind, whose long payloads ride beside the log. The simulation and what the fuzzer
//! calls take this very file.

use std::{cell::Cell, collections::VecDeque, marker::PhantomData, rc::Rc};

use dunlin_session::{
    HeapBuffer, HeapInbound, HeapInboundAliases, HeapOutboundAliases, HeapTable, Journal, Memory, Segments,
};

/// Memory that grows. `X` says more of it, where somebody has more to say.
pub(crate) struct Heap<J, X = ()>(PhantomData<(J, X)>);

impl<J: Journal, X> Memory for Heap<J, X> {
    type Log = HeapBuffer;
    type Control = HeapBuffer;
    type Segments = Beside;
    type Slots = HeapTable<Option<Rc<[u8]>>>;
    type Inbound = HeapInbound;
    type InboundAliases = HeapInboundAliases;
    type OutboundAliases = HeapOutboundAliases;
    type Journal = J;
}

/// A payload as it is given to a session.
pub(crate) enum Body<'p> {
    Borrowed(&'p [u8]),
    Shared(Rc<[u8]>),
}

impl<'p> Body<'p> {
    /// From so many bytes on it rides beside the log.
    pub(crate) fn new(bytes: &'p [u8], shared_from: usize) -> Self {
        if bytes.len() < shared_from { Self::Borrowed(bytes) } else { Self::Shared(bytes.into()) }
    }
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
pub(crate) struct Beside {
    queue: VecDeque<(usize, Rc<[u8]>)>,
    held: Rc<Cell<usize>>,
    limit: usize,
}

impl Beside {
    /// With room for so many bytes. The count is that of the bytes which are held.
    pub(crate) fn new(limit: usize) -> (Self, Rc<Cell<usize>>) {
        let held = Rc::new(Cell::new(0));
        (Self { queue: VecDeque::new(), held: Rc::clone(&held), limit }, held)
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
