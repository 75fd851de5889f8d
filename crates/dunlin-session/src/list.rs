use dunlin_codec::{PacketId, Qos};

use crate::{EXPIRY, IfExpiry, Outcome};

/// What a packet identifier stands for: slot `n` belongs to identifier `n + 1`. 16 bytes on a microcontroller, and 4 with
/// the feature `expiry`.
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
///
/// When the session is lost, Sent becomes Again until it is begun anew; what is Sent with QoS 2 and now beyond the
/// server's limits is Withdrawn: Released without having been received. What was sent and is never answered can be
/// GivenUp.
#[derive(Debug)]
pub struct Slot<K> {
    pub(crate) state: State,
    pub(crate) qos: Qos,
    pub(crate) attention: Attention,
    /// Neighbours in the list the slot is in, as packet identifiers; 0 is none.
    pub(crate) previous: u16,
    pub(crate) next: u16,
    /// Where the record begins in the log; of a request or a PUBREL, where its packet ends in the lane.
    pub(crate) at: u32,
    /// Bytes of the record in the log; of a request, its number of filters; of a PUBREL, [`RELEASE_UNPUT`] or 0.
    pub(crate) len: u32,
    /// When the message expires, see `outbound/expiry.rs`.
    pub(crate) deadline: IfExpiry<u32>,
    /// The payload that is held beside the log.
    pub(crate) kept: K,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Free,
    /// A PUBLISH of which no byte has left.
    Queued,
    /// One whose identifier the server may have from a time of which we know nothing: a PUBREL makes it free first. While
    /// a slot is free, QoS 2 says that this need not be done again.
    Foreign,
    /// A PUBLISH that was begun on some connection.
    Sent,
    /// One that was begun in a session that is lost, and not in this one: to the server it is new.
    Again,
    /// A PUBREL that waits for its PUBCOMP.
    Released,
    /// The same, of a message that had no PUBREC and can no longer be sent: its PUBREL makes the identifier free.
    Withdrawn,
    /// A message whose answer was given up: it was told to be unknown, and its identifier is the server's until the
    /// answer comes after all or the session is lost. In no list.
    GivenUp,
    Subscribe,
    Unsubscribe,
    Settled(Outcome),
}

/// The PUBREL was in no lane yet.
pub(crate) const RELEASE_UNPUT: u32 = 1;

/// Who looks at a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Attention {
    /// Nobody wants to know the outcome.
    Nobody,
    /// Somebody wants to know it.
    Wanted,
    /// The same, and since it was looked at last the server has not answered.
    Watched,
}

impl<K: Default> Default for Slot<K> {
    /// A free slot.
    fn default() -> Self {
        let kept = K::default();
        Self {
            state: State::Free,
            qos: Qos::AtMostOnce,
            attention: Attention::Wanted,
            previous: 0,
            next: 0,
            at: 0,
            len: 0,
            deadline: [0; _],
            kept,
        }
    }
}

impl Slot<()> {
    /// A free slot, to make an array of.
    pub const EMPTY: Self = Self {
        state: State::Free,
        qos: Qos::AtMostOnce,
        attention: Attention::Wanted,
        previous: 0,
        next: 0,
        at: 0,
        len: 0,
        deadline: [0; EXPIRY as usize],
        kept: (),
    };
}

impl<K> Slot<K> {
    /// When the message expires; 0: never.
    #[inline]
    pub(crate) fn deadline(&self) -> u32 {
        self.deadline.first().copied().unwrap_or_default()
    }

    /// A PUBLISH of which no byte has left.
    #[inline]
    pub(crate) fn is_unsent(&self) -> bool {
        matches!(self.state, State::Queued | State::Foreign)
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
        let reuses = self.free.first != 0 && self.fresh as usize >= self.table.capacity().min(REUSE_FROM);
        if !reuses && self.fresh < u16::MAX && self.table.reserve(self.fresh.into()) {
            self.fresh = self.fresh.wrapping_add(1);
            return PacketId::new(self.fresh);
        }
        let id = PacketId::new(self.free.first)?;
        self.free.first = self.next_of(id.get());
        if self.free.first == 0 {
            self.free.last = 0;
        }
        Some(id)
    }

    /// Takes this very identifier, before any was handed out by [`Slots::take`]. False: it is taken, or beyond the table.
    #[cold]
    pub(crate) fn claim<K: Default>(&mut self, id: PacketId) -> bool
    where
        T: Table<Slot<K>>,
    {
        let id = id.get();
        while self.fresh < id {
            if !self.table.reserve(self.fresh.into()) {
                return false;
            }
            self.fresh = self.fresh.wrapping_add(1);
            self.recycle(self.fresh);
        }
        if self.at(id).is_none_or(|slot| slot.state != State::Free) {
            return false;
        }
        let mut free = self.free;
        self.unlink(&mut free, id);
        self.free = free;
        true
    }

    /// Identifiers from 1 to this one were ever handed out.
    pub(crate) fn used(&self) -> u16 {
        self.fresh
    }

    /// The identifier stands for nothing, and may be used again.
    #[inline]
    pub(crate) fn release<K: Default>(&mut self, id: u16)
    where
        T: Table<Slot<K>>,
    {
        self.retire(id);
        self.recycle(id);
    }

    /// The identifier stands for nothing, and must not be used again before [`Slots::recycle`].
    #[inline]
    pub(crate) fn retire<K: Default>(&mut self, id: u16)
    where
        T: Table<Slot<K>>,
    {
        let Some(slot) = self.at(id) else { return };
        slot.state = State::Free;
        slot.kept = K::default();
    }

    /// A retired identifier may be used again.
    #[inline]
    pub(crate) fn recycle<K>(&mut self, id: u16)
    where
        T: Table<Slot<K>>,
    {
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

#[cfg(test)]
mod tests {
    use std::{collections::VecDeque, vec, vec::Vec};

    use proptest::prelude::*;

    use super::*;

    type Table<'a> = Slots<&'a mut [Slot<()>]>;

    /// From both ends, which must agree.
    fn ids(slots: &mut Table<'_>, list: List) -> Vec<u16> {
        let (mut forwards, mut backwards) = (vec![], vec![]);
        let (mut first, mut last) = (list.first, list.last);
        while first != 0 {
            forwards.push(first);
            first = slots.next_of(first);
        }
        while last != 0 {
            backwards.push(last);
            last = slots.at(last).unwrap().previous;
        }
        backwards.reverse();
        assert_eq!(forwards, backwards);
        forwards
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Identifiers are in one of two lists, or free; they move between them, and leave from anywhere.
        #[test]
        fn lists_keep_their_order_and_no_identifier_is_lost(steps in prop::collection::vec((0..4, 0..8_usize), 0..200)) {
            let mut memory = [const { Slot::EMPTY }; 6];
            let mut slots = Slots::new(&mut memory[..]);
            let mut lists = [List::default(); 2];
            let mut models = [vec![], vec![]];
            for (step, at) in steps {
                let (from, to) = (at % 2, (at + 1) % 2);
                let index = if models[from].is_empty() { 0 } else { at % models[from].len() };
                match step {
                    0 => match slots.take() {
                        Some(id) => {
                            prop_assert!(models.iter().flatten().all(|used| *used != id.get()), "{id} is in use");
                            slots.push(&mut lists[from], id.get());
                            models[from].push(id.get());
                        }
                        None => prop_assert_eq!(models.iter().flatten().count(), 6),
                    },
                    _ if models[from].is_empty() => {}
                    1 => {
                        let id = models[from].remove(index);
                        slots.unlink(&mut lists[from], id);
                        slots.release(id);
                    }
                    _ => {
                        let id = models[from].remove(index);
                        slots.unlink(&mut lists[from], id);
                        slots.push(&mut lists[to], id);
                        models[to].push(id);
                    }
                }
                for (list, model) in lists.iter().zip(&models) {
                    prop_assert_eq!(&ids(&mut slots, *list), model);
                    prop_assert_eq!(list.is_empty(), model.is_empty());
                }
            }
        }
    }

    #[test]
    fn an_identifier_is_claimed_once_and_within_the_table() {
        let mut memory = [const { Slot::EMPTY }; 3];
        let mut slots = Slots::new(&mut memory[..]);
        let id = |id| PacketId::new(id).unwrap();
        assert!(slots.claim(id(2)));
        slots.at(2).unwrap().state = State::Queued;
        assert!(!slots.claim(id(2)), "it is taken");
        assert!(!slots.claim(id(4)), "it is beyond the table");
        assert_eq!([slots.take(), slots.take(), slots.take()], [Some(id(1)), Some(id(3)), None]);
    }

    #[test]
    fn a_slot_takes_16_bytes_and_4_where_messages_expire() {
        assert_eq!(size_of::<Slot<()>>(), 16 + 4 * EXPIRY as usize);
    }

    /// The one that was free longest is next: an identifier rests as long as it can.
    #[test]
    fn freed_identifiers_are_used_in_the_order_in_which_they_were_freed() {
        let mut memory = [const { Slot::EMPTY }; 4];
        let mut slots = Slots::new(&mut memory[..]);
        let taken: Vec<_> = core::iter::from_fn(|| slots.take()).map(PacketId::get).collect();
        assert_eq!(taken, [1, 2, 3, 4]);
        let mut freed = VecDeque::from([3, 1, 4]);
        for id in &freed {
            slots.release(*id);
        }
        while let Some(id) = freed.pop_front() {
            assert_eq!(slots.take(), PacketId::new(id));
        }
        assert_eq!(slots.take(), None);
        assert_eq!(slots.used(), 4);
    }
}
