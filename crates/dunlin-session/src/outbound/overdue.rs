use dunlin_codec::{PacketId, Qos};

use super::Outbound;
use crate::{
    Change, Memory, RESUME, Segments, journal,
    list::{Attention, State},
};

/// Answers that do not come. One message is watched at a time: a server that never answers one is found by whichever it
/// is, as the others go by.
impl<M: Memory> Outbound<M> {
    /// Whether the message that is watched has made no step since [`Outbound::watch`].
    pub(crate) fn is_overdue(&mut self, id: u16) -> bool {
        self.slots.at(id).is_some_and(|slot| {
            let waits =
                matches!(slot.state, State::Queued | State::Sent | State::Again | State::Released | State::Withdrawn);
            waits && slot.attention == Attention::Watched
        })
    }

    /// Begins to watch the first message that waits for its PUBACK or PUBREC, or for its PUBCOMP: of the two the one
    /// that `last` was not. 0: none waits.
    pub(crate) fn watch(&mut self, last: u16) -> u16 {
        let was_released = self.slots.at(last).is_some_and(|slot| matches!(slot.state, State::Released));
        let (published, released) = (self.first_sent(), self.released.first);
        let id = match (published, released) {
            (0, id) | (id, 0) => id,
            (published, released) => {
                if was_released {
                    published
                } else {
                    released
                }
            }
        };
        if let Some(slot) = self.slots.at(id) {
            slot.attention = Attention::Watched;
        }
        id
    }

    fn first_sent(&mut self) -> u16 {
        let sent = self.sent();
        self.first_published(|_, end| end <= sent)
    }

    /// The first message that went out on this connection, at least in part, and waits for an answer. 0: none does.
    pub(crate) fn first_begun(&mut self) -> u16 {
        let cursor = self.cursor;
        match self.first_published(|start, _| start < cursor) {
            0 => self.released.first,
            id => id,
        }
    }

    /// The first message of QoS 1 or 2, of those in front that are in a part of the log: from where to where they are
    /// tells.
    fn first_published(&mut self, is_part: impl Fn(usize, usize) -> bool) -> u16 {
        let mut id = self.published.first;
        while let Some(slot) = self.slots.at(id)
            && is_part(slot.at as usize, slot.at.wrapping_add(slot.len) as usize)
        {
            if slot.qos != Qos::AtMostOnce {
                return id;
            }
            id = slot.next;
        }
        0
    }

    /// Where in the log the messages end that were wholly transmitted; a payload beside it belongs to the head before.
    fn sent(&self) -> usize {
        self.segments.first().map_or(self.cursor, |(at, _)| self.cursor.min(at.wrapping_sub(1)))
    }

    /// Nobody waits for the answer any more, and the message is not sent again. False: it is not one that was sent and
    /// waits for an answer.
    pub(crate) fn give_up(&mut self, id: PacketId) -> bool {
        let (id, end) = (id.get(), self.sent());
        let Some(slot) = self.slots.at(id) else { return false };
        let sent = slot.at.wrapping_add(slot.len) as usize <= end && slot.qos != Qos::AtMostOnce;
        match slot.state {
            State::Released | State::Withdrawn => {
                self.forget_repetition(id);
                self.slots.unlink(&mut self.released, id);
            }
            State::Queued | State::Sent | State::Again if sent => self.slots.unlink(&mut self.published, id),
            _ => return false,
        }
        if let Some(slot) = self.slots.at(id) {
            slot.state = State::GivenUp;
            let kept = core::mem::take(&mut slot.kept);
            self.segments.release(kept);
        }
        self.given_up = self.given_up.wrapping_add(1);
        if let Some(id) = PacketId::new(id) {
            journal::record(&mut self.journal, Change::Message(id));
        }
        true
    }

    /// The server answered after all.
    pub(super) fn take_back(&mut self, id: u16) {
        self.given_up = self.given_up.wrapping_sub(1);
        self.free(id);
        self.grant();
    }

    /// A server without the session does not know the identifiers either.
    pub(super) fn forget_given_up(&mut self) {
        if !RESUME || self.given_up == 0 {
            return;
        }
        for id in 1..=self.slots.used() {
            if self.slots.at(id).is_some_and(|slot| slot.state == State::GivenUp) {
                self.free(id);
            }
        }
        self.given_up = 0;
    }
}
