use dunlin_codec::{PacketId, Qos};

use super::Outbound;
use crate::{ADOPTION, Memory, list::State};

/// A session of which only the server knows. It may hold the identifier of a QoS 2 message that it never saw released:
/// it would take a message of ours for a repetition of that one, and answer as if it had it.
///
/// ```text
///   Foreign -- PUBREL, PUBCOMP --> Queued
/// ```
impl<M: Memory> Outbound<M> {
    /// The messages that are listed have no begun QoS 2 message among them, if the session is not gone on with.
    pub(super) fn judge_identifiers(&mut self, adopted: bool, goes_on: bool) {
        if !adopted && !self.adopted {
            return;
        }
        let newly = adopted && !goes_on;
        self.adopted = adopted;
        if newly {
            for id in 1..=self.slots.used() {
                // A message that this very connection has settled had no part in the server's session either.
                if let Some(slot) = self.slots.at(id)
                    && slot.qos == Qos::ExactlyOnce
                    && matches!(slot.state, State::Free | State::Settled(_))
                {
                    slot.qos = Qos::AtLeastOnce;
                }
            }
        }
        let mut id = self.published.first;
        while let Some(slot) = self.slots.at(id) {
            id = slot.next;
            if slot.state == State::Foreign && !adopted {
                slot.state = State::Queued;
            }
            if slot.state == State::Queued && slot.qos == Qos::ExactlyOnce && newly {
                slot.state = State::Foreign;
            }
        }
        self.find_foreign();
    }

    /// As an earlier process left it.
    pub(crate) fn restore_adopted(&mut self, adopted: bool) {
        self.adopted = adopted;
    }

    /// Whether the server may have this identifier, which is about to be used.
    #[inline]
    pub(super) fn is_foreign(&mut self, id: PacketId, qos: Qos) -> bool {
        ADOPTION
            && self.adopted
            && qos == Qos::ExactlyOnce
            && self.slots.at(id.get()).is_some_and(|slot| slot.qos != Qos::ExactlyOnce)
    }

    /// The message that was listed last has an identifier that the server may have.
    pub(super) fn list_foreign(&mut self, id: u16) {
        if let Some(slot) = self.slots.at(id) {
            slot.state = State::Foreign;
        }
        for first in [&mut self.foreign, &mut self.foreign_next] {
            if *first == 0 {
                *first = id;
            }
        }
    }

    /// From the beginning of the list: on a new connection every identifier is asked for once more.
    pub(super) fn find_foreign(&mut self) {
        self.foreign = if ADOPTION && self.adopted { self.foreign_from(self.published.first) } else { 0 };
        self.foreign_next = self.foreign;
    }

    /// PUBCOMP: the identifier is free on the server.
    #[cold]
    pub(super) fn handle_freed(&mut self, id: u16) {
        if let Some(slot) = self.slots.at(id) {
            slot.state = State::Queued;
        }
        self.foreign = self.foreign_from(self.foreign);
    }

    /// The next identifier to make free with a PUBREL.
    pub(crate) fn next_foreign(&mut self) -> Option<PacketId> {
        if !ADOPTION || self.foreign_next == 0 {
            return None;
        }
        self.foreign_next = self.foreign_from(self.foreign_next);
        PacketId::new(self.foreign_next)
    }

    /// The PUBREL is in the lane.
    pub(crate) fn foreign_asked(&mut self) {
        let next = self.slots.next_of(self.foreign_next);
        self.foreign_next = self.foreign_from(next);
    }

    fn foreign_from(&mut self, mut id: u16) -> u16 {
        while let Some(slot) = self.slots.at(id).filter(|slot| slot.state != State::Foreign) {
            id = slot.next;
        }
        id
    }
}
