use dunlin_codec::Qos;

use super::Outbound;
use crate::{Memory, list::State};

/// How much there is, counted when somebody asks: keeping count would cost something for each message.
impl<M: Memory> Outbound<M> {
    /// Messages of which no byte has left on any connection.
    pub(crate) fn queued(&mut self) -> usize {
        let (mut at, mut id, mut count) = (self.run_end, self.published.first, 0_usize);
        while let Some(slot) = self.slots.at(id).filter(|slot| (slot.at as usize) < at) {
            id = slot.next;
        }
        while at < self.tail
            && let Some((len, next)) = self.step(at, id)
        {
            let begun = next != id && !matches!(self.slots.at(id), Some(slot) if is_new(slot.state));
            count = count.wrapping_add(usize::from(!begun));
            (at, id) = (at.wrapping_add(len), next);
        }
        count
    }

    /// Messages of QoS 1 and 2 that were begun on some connection and are not settled.
    pub(crate) fn unacknowledged(&mut self) -> usize {
        let (run_end, mut count) = (self.run_end, 0_usize);
        let mut id = self.published.first;
        while let Some(slot) = self.slots.at(id) {
            let begun = !is_new(slot.state) || (slot.at as usize) < run_end;
            count = count.wrapping_add(usize::from(begun && slot.qos != Qos::AtMostOnce));
            id = slot.next;
        }
        let mut id = self.released.first;
        while id != 0 {
            count = count.wrapping_add(1);
            id = self.slots.next_of(id);
        }
        count
    }

    /// Whether all of this message was transmitted on this connection.
    pub(crate) fn has_left(&mut self, id: u16) -> bool {
        let cursor = self.cursor;
        self.slots.at(id).is_some_and(|slot| {
            let is_message = matches!(slot.state, State::Queued | State::Sent | State::Again);
            is_message && slot.at.wrapping_add(slot.len) as usize <= cursor
        })
    }
}

fn is_new(state: State) -> bool {
    matches!(state, State::Queued | State::Foreign)
}
