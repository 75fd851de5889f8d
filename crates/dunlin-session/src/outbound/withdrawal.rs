use dunlin_codec::{FixedHeader, PacketId, Qos, move_bytes_down};

use super::Outbound;
use crate::{
    Buffer, Memory, Outcome, Rejection, Segments,
    list::{Slot, State},
};

/// Messages of which no byte has left, and that are not to be sent after all: somebody wants one back, or room for
/// others.
impl<M: Memory> Outbound<M> {
    /// The message of this identifier is not sent. False: some of it was, or it is settled.
    pub(crate) fn take_back_unsent(&mut self, id: PacketId) -> bool {
        let (id, run_end) = (id.get(), self.run_end);
        let waits = |slot: &&mut Slot<_>| slot.state == State::Queued && slot.at as usize >= run_end;
        let Some(slot) = self.slots.at(id).filter(waits) else { return false };
        let record = Unsent { at: slot.at as usize, len: slot.len as usize, id };
        self.take_out(&record, Outcome::Rejected(Rejection::Withdrawn));
        true
    }

    /// The oldest message of at most this QoS is not sent. False: there is none of which no byte has left.
    pub(crate) fn drop_oldest(&mut self, at_most: Qos) -> bool {
        let record = self.oldest(at_most);
        if let Some(record) = &record {
            self.take_out(record, Outcome::Rejected(Rejection::Dropped));
        }
        record.is_some()
    }

    fn oldest(&mut self, at_most: Qos) -> Option<Unsent> {
        let (mut at, mut id) = (self.run_end, self.published.first);
        while let Some(slot) = self.slots.at(id).filter(|slot| (slot.at as usize) < at) {
            id = slot.next;
        }
        while at < self.tail {
            let (len, next) = self.step(at, id)?;
            let listed = next != id;
            let (qos, state) = match self.slots.at(id).filter(|_| listed) {
                Some(slot) => (slot.qos, slot.state),
                None => (Qos::AtMostOnce, State::Queued),
            };
            if qos <= at_most && state == State::Queued {
                return Some(Unsent { at, len, id: if listed { id } else { 0 } });
            }
            (at, id) = (at.wrapping_add(len), next);
        }
        None
    }

    fn take_out(&mut self, record: &Unsent, outcome: Outcome) {
        let &Unsent { at, len, id } = record;
        let next = self.slots.next_of(id);
        self.unlist(id, outcome);
        let end = at.wrapping_add(len);
        if at == self.cursor && self.is_between_packets() {
            // Nothing needs to be moved: it is behind what is sent from now on.
            return self.pass(end);
        }
        move_bytes_down(self.log.bytes_mut(), end, at, self.tail.wrapping_sub(end));
        self.tail = self.tail.wrapping_sub(len);
        let mut id = if id == 0 { self.first_listed_behind(at) } else { next };
        while let Some(slot) = self.slots.at(id) {
            slot.at = slot.at.wrapping_sub(len as u32);
            id = slot.next;
        }
        self.line_up_segments(at);
    }

    /// The record at the cursor, which ends at `end`, is not begun.
    pub(super) fn pass(&mut self, end: usize) {
        if self.segments.first().is_some_and(|(payload_at, _)| payload_at == end) {
            self.segments.pop();
        }
        (self.run_start, self.cursor, self.run_end) = (end, end, end);
    }

    /// Bytes of the record at `at`, where `id` is the first listed one from there on, and the first one behind it.
    pub(super) fn step(&mut self, at: usize, id: u16) -> Option<(usize, u16)> {
        if let Some(slot) = self.slots.at(id).filter(|slot| slot.at as usize == at) {
            return Some((slot.len as usize, slot.next));
        }
        let header = FixedHeader::read(self.log.bytes().get(at..)?).ok()??;
        Some((header.packet_len(), id))
    }

    /// Takes a message out of the list, and out of all that looks at it there.
    pub(super) fn unlist(&mut self, id: u16, outcome: Outcome) {
        let unsent_at = self.slots.at(self.unsent).map(|slot| slot.at);
        let Some(slot) = self.slots.at(id) else { return };
        let counts = slot.qos != Qos::AtMostOnce;
        let is_counted = counts && unsent_at.is_none_or(|unsent_at| slot.at < unsent_at);
        if id == self.unsent {
            self.unsent = self.next_counted(id);
        }
        if id == self.watched {
            self.watched = self.next_watched(id);
        }
        if counts {
            self.forget_unstored(id);
        }
        self.forget_expiry(id);
        self.slots.unlink(&mut self.published, id);
        self.settle_later(id, outcome);
        if is_counted {
            self.grant();
        }
    }

    fn first_listed_behind(&mut self, at: usize) -> u16 {
        let (mut id, mut last) = (0, self.published.last);
        while let Some(slot) = self.slots.at(last).filter(|slot| slot.at as usize > at) {
            (id, last) = (last, slot.previous);
        }
        id
    }

    /// Payloads beside the log are where their records end: those behind `cut` moved.
    fn line_up_segments(&mut self, cut: usize) {
        let Some(first) = self.segments.first().map(|(at, _)| at.min(cut.wrapping_add(1))) else { return };
        self.segments.clear();
        let mut id = self.published.first;
        while let Some(slot) = self.slots.at(id) {
            let end = slot.at.wrapping_add(slot.len) as usize;
            if end >= first {
                self.segments.push_again(end, &slot.kept);
            }
            id = slot.next;
        }
    }
}

/// A record that is not begun.
struct Unsent {
    at: usize,
    len: usize,
    /// 0: it has no slot.
    id: u16,
}
