use dunlin_codec::{FixedHeader, Qos, move_bytes_down};

use super::{Outbound, RETAIN};
use crate::{
    Buffer, Memory, OutboundAliases, Outcome, PublishError, Segments, Uncertainty,
    list::{Attention, State},
};

/// The outcome of a message, if it has one now.
type Verdict<'v> = dyn Fn(&Judged) -> Option<Outcome> + 'v;

/// A message on which a verdict is to be given.
pub(super) struct Judged {
    /// Some of it was transmitted on some connection.
    pub(super) begun: bool,
    /// Somebody wants to know the outcome.
    pub(super) asked: bool,
    pub(super) qos: Qos,
    /// Bytes of the packet.
    pub(super) len: usize,
    pub(super) retain: bool,
    /// When it expires; 0: never.
    pub(super) deadline: u32,
}

/// How the log is kept short.
impl<M: Memory> Outbound<M> {
    /// Room for `len` bytes behind the tail: by beginning anew, by closing gaps, or by growing.
    #[inline]
    pub(super) fn make_room(&mut self, len: usize) -> Result<(), PublishError> {
        self.begin_anew();
        if self.tail.saturating_add(len) <= self.log.bytes().len() { Ok(()) } else { self.make_more_room(len) }
    }

    /// Where nothing waits and nothing is kept, the log is empty.
    #[inline(always)]
    pub(super) fn begin_anew(&mut self) {
        if self.cursor == self.tail && self.published.is_empty() {
            (self.run_start, self.cursor, self.run_end, self.tail) = (0, 0, 0, 0);
        }
    }

    #[cold]
    fn make_more_room(&mut self, len: usize) -> Result<(), PublishError> {
        if self.is_between_packets() {
            // The run is over, though nobody has asked for the next one yet.
            self.run_start = self.cursor;
        }
        self.close_gaps();
        let capacity = self.log.bytes().len();
        let needed = self.tail.saturating_add(len);
        // A log that is nearly full would close its gaps again and again: growing is cheaper.
        let comfortable = capacity.wrapping_sub(capacity / 4);
        if needed <= comfortable || self.log.grow(needed) || needed <= capacity {
            Ok(())
        } else if len <= capacity || self.log.grow(len) {
            Err(PublishError::Full)
        } else {
            Err(PublishError::TooLarge)
        }
    }

    /// Moves the listed records before `run_start` together, and everything from `run_start` on behind them.
    fn close_gaps(&mut self) {
        let (mut to, mut id, run_start) = (0_usize, self.published.first, self.run_start);
        while let Some(slot) = self.slots.at(id).filter(|slot| (slot.at as usize) < run_start) {
            let (from, len) = (slot.at as usize, slot.len as usize);
            slot.at = to as u32;
            id = slot.next;
            move_bytes_down(self.log.bytes_mut(), from, to, len);
            to = to.wrapping_add(len);
        }
        let distance = run_start.wrapping_sub(to);
        if distance == 0 {
            return;
        }
        move_bytes_down(self.log.bytes_mut(), run_start, to, self.tail.wrapping_sub(run_start));
        while let Some(slot) = self.slots.at(id) {
            slot.at = slot.at.wrapping_sub(distance as u32);
            id = slot.next;
        }
        self.segments.shift(distance);
        for offset in [&mut self.run_start, &mut self.cursor, &mut self.run_end, &mut self.tail] {
            *offset = offset.wrapping_sub(distance);
        }
    }

    /// Makes the log anew for the next transmission from its beginning: the listed records and the others of which no
    /// byte has left, but for those to which `verdict` gives an outcome. (There is one copy of it in the flash of a
    /// microcontroller, hence no generic argument.)
    pub(super) fn rebuild(&mut self, verdict: &Verdict<'_>) {
        self.segments.clear();
        self.aliases.make_head(0);
        let (mut to, mut from) = (0, self.run_start);
        let mut id = self.published.first;
        loop {
            let listed_at = self.slots.at(id).map_or(self.tail, |slot| slot.at as usize);
            to = self.keep_unlisted(from, listed_at, to, verdict);
            let Some(slot) = self.slots.at(id) else { break };
            let (this, len) = (id, slot.len as usize);
            id = slot.next;
            if listed_at < self.cursor {
                slot.state = State::Sent;
            }
            from = from.max(listed_at.wrapping_add(len));
            let retain = self.log.bytes().get(listed_at).is_some_and(|first_byte| first_byte & RETAIN != 0);
            let packet_len = len.saturating_add(M::Segments::len(&slot.kept));
            let (begun, qos) = (!slot.is_unsent(), slot.qos);
            let asked = slot.attention != Attention::Nobody;
            let deadline = if begun { 0 } else { slot.deadline() };
            if let Some(outcome) = verdict(&Judged { begun, asked, qos, len: packet_len, retain, deadline }) {
                self.forget_expiry(this);
                self.slots.unlink(&mut self.published, this);
                if qos == Qos::ExactlyOnce && outcome == Outcome::Unknown(Uncertainty::BeyondLimits) {
                    self.withdraw(this);
                } else {
                    self.settle_later(this, outcome);
                }
                continue;
            }
            let Some(slot) = self.slots.at(this) else { break };
            slot.at = to as u32;
            move_bytes_down(self.log.bytes_mut(), listed_at, to, len);
            to = to.wrapping_add(len);
            self.segments.push_again(to, &slot.kept);
        }
        (self.run_start, self.cursor, self.run_end, self.tail) = (0, 0, 0, to);
        self.unsent = 0;
        self.find_unstored();
        self.find_foreign();
        self.find_expiring();
        let first = self.published.first;
        self.watched = match self.slots.at(first) {
            Some(slot) if slot.qos == Qos::AtMostOnce => first,
            _ => self.next_watched(first),
        };
    }

    /// Moves the unlisted records between two addresses down to `to`, and tells where they end. Those that were begun
    /// are left out: QoS 0 is not sent twice.
    fn keep_unlisted(&mut self, mut from: usize, end: usize, mut to: usize, verdict: &Verdict<'_>) -> usize {
        while from < end {
            let header = self.log.bytes().get(from..end).map(FixedHeader::read);
            let Some(Ok(Some(header))) = header else { break };
            let retain = header.first_byte & RETAIN != 0;
            let (qos, len) = (Qos::AtMostOnce, header.packet_len());
            let judged = Judged { begun: false, asked: false, qos, len, retain, deadline: 0 };
            if from >= self.cursor && verdict(&judged).is_none() {
                move_bytes_down(self.log.bytes_mut(), from, to, len);
                to = to.wrapping_add(len);
            }
            from = from.wrapping_add(len);
        }
        to
    }

    /// Frees every request: it dies with its connection.
    pub(crate) fn forget_requests(&mut self) {
        if self.requests == 0 {
            return;
        }
        for id in 1..=self.slots.used() {
            if self.slots.at(id).is_some_and(|slot| matches!(slot.state, State::Subscribe | State::Unsubscribe)) {
                self.slots.release(id);
            }
        }
        self.requests = 0;
    }
}
