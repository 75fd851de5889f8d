use core::{convert::Infallible, marker::PhantomData};

use crate::{Inbound, InboundAliases, Journal, NoAliases, NoJournal, OutboundAliases, Received, Slot, Table};

/// The memory of a session: a bundle of types, so that [`Session`](crate::Session) has one parameter.
pub trait Memory {
    /// Holds every PUBLISH from its acceptance to its acknowledgement.
    type Log: Buffer;
    /// Holds CONNECT, acknowledgements, requests and PINGREQ until they are transmitted.
    type Control: Buffer;
    /// Payloads that are not copied into the log.
    type Segments: Segments;
    /// What packet identifiers stand for.
    type Slots: Table<Slot<<Self::Segments as Segments>::Kept>>;
    /// What was received and is not yet acknowledged.
    type Inbound: Inbound;
    /// Topics that the server named by an alias; [`NoAliases`] takes no memory.
    type InboundAliases: InboundAliases;
    /// Topics that we named by an alias; [`NoAliases`] takes no memory.
    type OutboundAliases: OutboundAliases;
    /// What is not known to be stored; [`NoJournal`] takes no memory.
    type Journal: Journal;
}

/// Memory of bytes.
pub trait Buffer {
    /// All of it.
    fn bytes(&self) -> &[u8];

    /// All of it.
    fn bytes_mut(&mut self) -> &mut [u8];

    /// Makes it `needed` bytes or longer. False: it cannot.
    fn grow(&mut self, needed: usize) -> bool;
}

impl Buffer for &mut [u8] {
    #[inline]
    fn bytes(&self) -> &[u8] {
        self
    }

    #[inline]
    fn bytes_mut(&mut self) -> &mut [u8] {
        self
    }

    #[inline]
    fn grow(&mut self, _needed: usize) -> bool {
        false
    }
}

/// Payloads that ride beside the log: the log has the packet's head, and the payload is transmitted from where it is.
///
/// They wait in a queue of (offset in the log behind the head, payload), in order of offset.
pub trait Segments {
    /// What `publish` is given.
    type Payload<'p>: AsRef<[u8]>;
    /// What a slot keeps for a repetition; the default holds nothing.
    type Kept: Default;
    /// What is transmitted.
    type Shared;

    /// Whether this payload rides beside the log.
    fn rides_beside(payload: &Self::Payload<'_>) -> bool;

    /// Takes a payload that rides beside the log; `None` if there is no room for it.
    fn push(&mut self, at: usize, payload: Self::Payload<'_>) -> Option<Self::Kept>;

    /// Puts one into the queue again, for a repetition, if `kept` holds one.
    fn push_again(&mut self, at: usize, kept: &Self::Kept);

    /// Bytes of the payload, 0 if `kept` holds none.
    fn len(kept: &Self::Kept) -> usize;

    /// The payload, if `kept` holds one.
    fn shared(kept: &Self::Kept) -> Option<&Self::Shared>;

    /// The slot is settled.
    fn release(&mut self, kept: Self::Kept);

    /// The first of the queue.
    fn first(&self) -> Option<(usize, &Self::Shared)>;

    /// The first of the queue was transmitted.
    fn pop(&mut self);

    /// The log moved down by so many bytes.
    fn shift(&mut self, distance: usize);

    /// Empties the queue, not the slots.
    fn clear(&mut self);
}

/// Every payload is copied into the log.
#[derive(Debug, Default)]
pub struct NoSegments;

impl Segments for NoSegments {
    type Payload<'p> = &'p [u8];
    type Kept = ();
    type Shared = Nothing;

    #[inline]
    fn rides_beside(_: &&[u8]) -> bool {
        false
    }

    #[inline]
    fn push(&mut self, _: usize, _: &[u8]) -> Option<()> {
        None
    }

    #[inline]
    fn push_again(&mut self, _: usize, (): &()) {}

    #[inline]
    fn len((): &()) -> usize {
        0
    }

    #[inline]
    fn shared((): &()) -> Option<&Nothing> {
        None
    }

    #[inline]
    fn release(&mut self, (): ()) {}

    #[inline]
    fn first(&self) -> Option<(usize, &Nothing)> {
        None
    }

    #[inline]
    fn pop(&mut self) {}

    #[inline]
    fn shift(&mut self, _: usize) {}

    #[inline]
    fn clear(&mut self) {}
}

/// A shared payload where there are none.
#[derive(Debug)]
pub struct Nothing(Infallible);

impl AsRef<[u8]> for Nothing {
    fn as_ref(&self) -> &[u8] {
        match self.0 {}
    }
}

/// Slices of the caller: nothing grows, nothing is allocated. `A` are the server's topic aliases: none, or
/// [`SliceAliases`](crate::SliceAliases).
#[derive(Debug)]
pub struct Slices<'a, A = NoAliases>(PhantomData<(&'a mut [u8], A)>);

impl<'a, A: InboundAliases> Memory for Slices<'a, A> {
    type Log = &'a mut [u8];
    type Control = &'a mut [u8];
    type Segments = NoSegments;
    type Slots = &'a mut [Slot<()>];
    type Inbound = &'a mut [Received];
    type InboundAliases = A;
    type OutboundAliases = NoAliases;
    type Journal = NoJournal;
}

/// The parts that a session is made of.
#[derive(Debug)]
pub struct Storage<M: Memory> {
    /// See [`Memory::Log`].
    pub log: M::Log,
    /// See [`Memory::Control`].
    pub control: M::Control,
    /// See [`Memory::Segments`].
    pub segments: M::Segments,
    /// See [`Memory::Slots`].
    pub slots: M::Slots,
    /// See [`Memory::Inbound`].
    pub inbound: M::Inbound,
    /// See [`Memory::InboundAliases`].
    pub inbound_aliases: M::InboundAliases,
    /// See [`Memory::OutboundAliases`].
    pub outbound_aliases: M::OutboundAliases,
    /// See [`Memory::Journal`].
    pub journal: M::Journal,
}

impl<'a> Storage<Slices<'a>> {
    /// A session in slices: `log` holds the messages that are queued or unacknowledged, each with its packet's
    /// header; `control` must have room for the CONNECT; there are as many messages in flight outwards as `slots`, and
    /// inwards as `received`.
    pub fn of_slices(
        log: &'a mut [u8],
        control: &'a mut [u8],
        slots: &'a mut [Slot<()>],
        received: &'a mut [Received],
    ) -> Self {
        Self {
            log,
            control,
            segments: NoSegments,
            slots,
            inbound: received,
            inbound_aliases: NoAliases,
            outbound_aliases: NoAliases,
            journal: NoJournal,
        }
    }

    /// With memory for the topics that the server names by an alias;
    /// [`topic_alias_maximum`](crate::ConnectOptions::topic_alias_maximum) then tells it how many there may be.
    pub fn with_aliases<A: InboundAliases>(self, inbound_aliases: A) -> Storage<Slices<'a, A>> {
        Storage {
            log: self.log,
            control: self.control,
            segments: self.segments,
            slots: self.slots,
            inbound: self.inbound,
            inbound_aliases,
            outbound_aliases: self.outbound_aliases,
            journal: self.journal,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_segments_every_payload_is_copied() {
        let mut segments = NoSegments;
        assert!(!NoSegments::rides_beside(&&b"payload"[..]));
        assert_eq!(segments.push(0, b"payload"), None);
        segments.push_again(0, &());
        assert!(segments.first().is_none() && NoSegments::shared(&()).is_none());
        assert_eq!(NoSegments::len(&()), 0);
        segments.pop();
        segments.shift(1);
        segments.clear();
        segments.release(());
    }
}
