use dunlin_codec::{PacketId, Qos};

use super::{Outbound, Shared};
use crate::{Buffer, Chunk, Instant, Limits, Memory, OutboundAliases, Segments, list::List};

/// How messages go out: in runs of packets, as far as they need wait for nothing.
impl<M: Memory> Outbound<M> {
    /// The next bytes of a PUBLISH that has begun: nothing else may go out before it ends.
    #[inline]
    pub(crate) fn poll_begun(&self) -> Option<Chunk<'_, Shared<M>>> {
        if !self.aliases.head().is_empty() {
            return Some(Chunk::Copy(self.aliases.head()));
        }
        match self.segments.first() {
            Some((at, payload)) if at == self.cursor => Some(Chunk::Share(payload)),
            Some((at, _)) if at < self.run_end => self.log.bytes().get(self.cursor..at).map(Chunk::Copy),
            _ => self.log.bytes().get(self.cursor..self.run_end).map(Chunk::Copy),
        }
    }

    /// Begins the next run of packets, if any may go. Tells whether the server must answer one of them.
    #[inline]
    pub(crate) fn begin_run(&mut self, now: Instant, limits: &Limits) -> Option<bool> {
        (self.run_start, self.run_end) = (self.cursor, self.cursor);
        loop {
            let (mut end, mut last) = self.sendable_end();
            if end <= self.cursor {
                return None;
            }
            if self.ages() {
                match self.cut_before_expiring(end, last, now) {
                    Some(cut) => (end, last) = cut,
                    None => continue,
                }
            }
            if self.aliases.are_allowed() {
                return self.begin_aliased_run(end, limits);
            }
            self.run_end = end;
            return Some(self.run_asks(last));
        }
    }

    /// Where the records end that need wait neither for the quota nor for the store, and the last listed one before.
    #[inline]
    fn sendable_end(&mut self) -> (usize, u16) {
        let held = self.first_held();
        match self.slots.at(held) {
            Some(slot) => (slot.at as usize, slot.previous),
            None => (self.tail, self.published.last),
        }
    }

    /// Whether a record of this run is answered by the server; `last` is the last listed one before its end.
    #[inline]
    fn run_asks(&mut self, mut last: u16) -> bool {
        let run_start = self.run_start;
        while let Some(slot) = self.slots.at(last).filter(|slot| slot.at as usize >= run_start) {
            if slot.qos != Qos::AtMostOnce {
                return true;
            }
            last = slot.previous;
        }
        false
    }

    #[inline]
    pub(crate) fn is_between_packets(&self) -> bool {
        self.cursor == self.run_end && self.segments.first().is_none_or(|(at, _)| at != self.cursor)
    }

    #[inline]
    pub(crate) fn transmitted(&mut self, len: usize) {
        if !self.aliases.head().is_empty() {
            return self.head_transmitted(len);
        }
        match self.segments.first() {
            Some((at, _)) if at == self.cursor => {
                self.segments.pop();
                self.run_start = self.cursor;
            }
            _ => self.cursor = self.cursor.wrapping_add(len).min(self.run_end),
        }
    }

    /// The next PUBREL that a resumed session must repeat, in the order of the PUBRECs [MQTT-4.6.0-4].
    pub(crate) fn next_repeated_release(&mut self) -> Option<PacketId> {
        PacketId::new(self.release_again.first)
    }

    /// The PUBREL is in the lane.
    pub(crate) fn release_repeated(&mut self) {
        self.forget_repetition(self.release_again.first);
    }

    /// `id` need not be repeated; `release_again` is a part of `released`.
    pub(super) fn forget_repetition(&mut self, id: u16) {
        let List { first, last } = self.release_again;
        if first == 0 || (id != first && id != last) {
            return;
        }
        if first == last {
            self.release_again = List::default();
        } else if id == first {
            self.release_again.first = self.slots.next_of(id);
        } else {
            self.release_again.last = self.slots.at(id).map_or(0, |slot| slot.previous);
        }
    }
}
