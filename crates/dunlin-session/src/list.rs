use dunlin_codec::{PacketId, Qos};

use crate::Outcome;

/// What a packet identifier stands for: slot `n` belongs to identifier `n + 1`. 16 bytes on a microcontroller.
///
/// ```text
///            publish            PUBREC             PUBCOMP
///   Free --------------> Queued ------> Released ---------> Free
///    ^ \                  |  ^
///    |  \ subscribe       |  | a resumed session: written again
///    |   v unsubscribe    v  |
///    |  Request          Sent -- PUBACK, PUBREC >= 0x80 ---> Free
///    |   |                 \
///    +---+ SUBACK UNSUBACK  \--> Settled (an outcome that `poll_settled` tells) --> Free
/// ```
#[derive(Debug)]
pub struct Slot<K> {
    pub(crate) state: State,
    pub(crate) qos: Qos,
    /// Neighbours in the list the slot is in, as packet identifiers; 0 is none.
    pub(crate) previous: u16,
    pub(crate) next: u16,
    /// Where the record begins in the log.
    pub(crate) at: u32,
    /// Bytes of the record in the log; of a request, its number of filters.
    pub(crate) len: u32,
    /// The payload that is held beside the log.
    pub(crate) kept: K,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Free,
    /// A PUBLISH of which no byte has left.
    Queued,
    /// A PUBLISH that was begun on some connection.
    Sent,
    /// A PUBREL that waits for its PUBCOMP.
    Released,
    Subscribe,
    Unsubscribe,
    Settled(Outcome),
}

impl<K: Default> Slot<K> {
    pub(crate) fn new() -> Self {
        let kept = K::default();
        Self { state: State::Free, qos: Qos::AtMostOnce, previous: 0, next: 0, at: 0, len: 0, kept }
    }
}

impl Slot<()> {
    /// A free slot, to make an array of.
    pub const EMPTY: Self =
        Self { state: State::Free, qos: Qos::AtMostOnce, previous: 0, next: 0, at: 0, len: 0, kept: () };
}

impl<K: Default> Default for Slot<K> {
    fn default() -> Self {
        Self::new()
    }
}

/// Memory for slots.
pub trait Table<T> {
    /// The entry with this index, if the table has it now.
    fn at(&mut self, index: usize) -> Option<&mut T>;

    /// How many entries it may have at most.
    fn capacity(&self) -> usize;

    /// Makes the entry with this index, where the table grows. False: it cannot.
    fn reserve(&mut self, index: usize) -> bool;
}

impl<T> Table<T> for &mut [T] {
    #[inline]
    fn at(&mut self, index: usize) -> Option<&mut T> {
        self.get_mut(index)
    }

    fn capacity(&self) -> usize {
        self.len()
    }

    #[inline]
    fn reserve(&mut self, index: usize) -> bool {
        index < self.len()
    }
}

/// A list through the slots, first and last as packet identifiers; 0 is none.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct List {
    pub(crate) first: u16,
    pub(crate) last: u16,
}

impl List {
    pub(crate) const fn is_empty(self) -> bool {
        self.first == 0
    }
}

/// The table with the list of identifiers that are free again. Fresh ones are handed out first, from 1.
#[derive(Debug)]
pub(crate) struct Slots<T> {
    table: T,
    free: List,
    fresh: u16,
}

impl<T> Slots<T> {
    #[inline(always)]
    pub(crate) fn new<K>(table: T) -> Self
    where
        T: Table<Slot<K>>,
    {
        Self { table, free: List::default(), fresh: 0 }
    }

    #[inline]
    pub(crate) fn at<K>(&mut self, id: u16) -> Option<&mut Slot<K>>
    where
        T: Table<Slot<K>>,
    {
        self.table.at((id as usize).wrapping_sub(1))
    }

    /// An identifier that is not in use [MQTT-2.2.1-3].
    #[inline]
    pub(crate) fn take<K>(&mut self) -> Option<PacketId>
    where
        T: Table<Slot<K>>,
    {
        let id = if self.free.first != 0 && self.fresh as usize >= self.table.capacity().min(REUSE_FROM) {
            let mut free = self.free;
            let id = free.first;
            self.unlink(&mut free, id);
            self.free = free;
            id
        } else {
            if self.fresh == u16::MAX || !self.table.reserve(self.fresh.into()) {
                return self.take_freed();
            }
            self.fresh = self.fresh.wrapping_add(1);
            self.fresh
        };
        PacketId::new(id)
    }

    fn take_freed<K>(&mut self) -> Option<PacketId>
    where
        T: Table<Slot<K>>,
    {
        let mut free = self.free;
        let id = PacketId::new(free.first)?;
        self.unlink(&mut free, id.get());
        self.free = free;
        Some(id)
    }

    /// Identifiers from 1 to this one were ever handed out.
    pub(crate) fn used(&self) -> u16 {
        self.fresh
    }

    /// The identifier may be used again.
    #[inline]
    pub(crate) fn release<K: Default>(&mut self, id: u16)
    where
        T: Table<Slot<K>>,
    {
        let Some(slot) = self.at(id) else { return };
        slot.state = State::Free;
        slot.kept = K::default();
        let mut free = self.free;
        self.push(&mut free, id);
        self.free = free;
    }

    #[inline]
    pub(crate) fn push<K>(&mut self, list: &mut List, id: u16)
    where
        T: Table<Slot<K>>,
    {
        let Some(slot) = self.at(id) else { return };
        (slot.previous, slot.next) = (list.last, 0);
        match self.at(list.last) {
            Some(last) => last.next = id,
            None => list.first = id,
        }
        list.last = id;
    }

    #[inline]
    pub(crate) fn unlink<K>(&mut self, list: &mut List, id: u16)
    where
        T: Table<Slot<K>>,
    {
        let Some(slot) = self.at(id) else { return };
        let (previous, next) = (slot.previous, slot.next);
        match self.at(previous) {
            Some(slot) => slot.next = next,
            None => list.first = next,
        }
        match self.at(next) {
            Some(slot) => slot.previous = previous,
            None => list.last = previous,
        }
    }

    #[inline]
    pub(crate) fn next_of<K>(&mut self, id: u16) -> u16
    where
        T: Table<Slot<K>>,
    {
        self.at(id).map_or(0, |slot| slot.next)
    }
}

/// From so many identifiers on, freed ones are used again before fresh ones, so that a table that grows stays as
/// small as what is in flight. (Below, ids count up, which makes a trace easier to read.)
const REUSE_FROM: usize = 64;
