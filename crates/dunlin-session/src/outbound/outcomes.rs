use dunlin_codec::{PacketId, PacketType, Qos, ReasonCode};

use super::{Kept, Outbound};
use crate::{
    ADOPTION, Change, Journal, LIMITS, Memory, Outcome, RESUME, Rejection, Segments, Uncertainty, journal,
    lane::Lane,
    list::{Attention, RELEASE_UNPUT, Slot, State},
};

/// What an acknowledgement from the server led to.
pub(crate) enum Acknowledged {
    /// The message is settled.
    Settled(Outcome),
    /// PUBREL must go out.
    Release,
    /// The message was given up, and this is its answer after all.
    Late,
    /// PUBREL must go out when it is stored that PUBREC came.
    ReleaseLater,
    /// What was said of this message before must be stored first.
    Blocked,
    /// The identifier stands for nothing that this packet could acknowledge.
    Unknown,
    /// What it answers was not wholly transmitted.
    Early,
    /// It stands for something else.
    Wrong,
}

/// What becomes of messages, told by the server's packets or by none.
impl<M: Memory> Outbound<M> {
    /// PUBACK, PUBREC or PUBCOMP: the transitions of a slot that the server causes.
    #[inline]
    pub(crate) fn handle_ack(
        &mut self,
        packet_type: PacketType,
        id: PacketId,
        reason: ReasonCode,
        lane: &Lane<M::Control>,
    ) -> Acknowledged {
        let cursor = self.cursor;
        let is_stored = journal::is_stored(&mut self.journal, Change::Message(id));
        let Some(slot) = self.slots.at(id.get()) else { return Acknowledged::Unknown };
        let end = slot.at.wrapping_add(slot.len) as usize;
        let outcome = match (slot.state, packet_type, slot.qos) {
            (State::Free, ..) => return Acknowledged::Unknown,
            (State::Queued | State::Sent | State::Again, PacketType::Puback, Qos::AtLeastOnce)
            | (State::Queued | State::Sent | State::Again, PacketType::Pubrec, Qos::ExactlyOnce) => {
                if end > cursor || self.segments.first().is_some_and(|(at, _)| at <= end) {
                    return Acknowledged::Early;
                }
                self.slots.unlink(&mut self.published, id.get());
                if packet_type == PacketType::Pubrec && !reason.is_error() {
                    self.list_released(id, State::Released);
                    return match self.journal.marks() {
                        Some(_) => Acknowledged::ReleaseLater,
                        None => Acknowledged::Release,
                    };
                }
                outcome(reason)
            }
            (State::GivenUp, ..) if !is_stored => return Acknowledged::Blocked,
            (State::GivenUp, PacketType::Pubrec, _) if RESUME && !reason.is_error() => return Acknowledged::Release,
            (State::GivenUp, ..) if RESUME => {
                self.take_back(id.get());
                return Acknowledged::Late;
            }
            (State::Foreign, PacketType::Pubcomp, _) if ADOPTION => {
                self.handle_freed(id.get());
                return Acknowledged::Late;
            }
            (State::Released | State::Withdrawn, PacketType::Pubrec, _) => {
                return if is_stored { Acknowledged::Release } else { Acknowledged::ReleaseLater };
            }
            (State::Released | State::Withdrawn, PacketType::Pubcomp, _) => {
                if LIMITS && slot.len == RELEASE_UNPUT || !lane.has_left(slot.at) {
                    return Acknowledged::Early;
                }
                let outcome = match slot.state {
                    State::Released => Outcome::Delivered(ReasonCode::SUCCESS),
                    _ => Outcome::Unknown(Uncertainty::BeyondLimits),
                };
                self.forget_repetition(id.get());
                self.slots.unlink(&mut self.released, id.get());
                outcome
            }
            _ => return Acknowledged::Wrong,
        };
        self.free(id.get());
        self.grant();
        Acknowledged::Settled(outcome)
    }

    /// The slot is in no list any more; its PUBLISH is not needed again.
    fn list_released(&mut self, id: PacketId, state: State) {
        if let Some(slot) = self.slots.at(id.get()) {
            (slot.state, slot.len) = (state, RELEASE_UNPUT);
            if slot.attention == Attention::Watched {
                slot.attention = Attention::Wanted;
            }
            let kept = core::mem::take(&mut slot.kept);
            self.segments.release(kept);
        }
        self.slots.push(&mut self.released, id.get());
        journal::record(&mut self.journal, Change::Message(id));
    }

    /// A PUBREL is in the lane, and ends there. Where it was sent before, its answer may come at any time.
    pub(crate) fn release_put(&mut self, id: PacketId, end: u32) {
        let is_first = |slot: &&mut Slot<Kept<M>>| {
            LIMITS && matches!(slot.state, State::Released | State::Withdrawn) && slot.len == RELEASE_UNPUT
        };
        if let Some(slot) = self.slots.at(id.get()).filter(is_first) {
            (slot.at, slot.len) = (end, 0);
        }
    }

    #[inline]
    pub(super) fn free(&mut self, id: u16) {
        if let Some(slot) = self.slots.at(id) {
            let kept = core::mem::take(&mut slot.kept);
            self.segments.release(kept);
        }
        self.note_settled(id);
        self.release_told(id);
    }

    /// One message less in flight [MQTT-4.9.0-1].
    #[inline]
    pub(super) fn grant(&mut self) {
        self.quota = self.quota.wrapping_add(1);
        if self.unsent != 0 && self.quota > 0 {
            self.quota = self.quota.wrapping_sub(1);
            self.unsent = self.next_counted(self.unsent);
        }
    }

    /// The next record behind `id` that counts against the quota; 0: none.
    pub(super) fn next_counted(&mut self, mut id: u16) -> u16 {
        loop {
            id = self.slots.next_of(id);
            match self.slots.at(id) {
                Some(slot) if slot.qos == Qos::AtMostOnce => {}
                _ => return id,
            }
        }
    }

    // ---- outcomes that no packet tells ----

    /// All that was transmitted is now with the operating system.
    #[inline]
    pub(crate) fn flushed(&mut self) {
        while self.watched != 0 {
            let cursor = self.cursor;
            let id = self.watched;
            let Some(slot) = self.slots.at(id) else { return };
            let end = slot.at.wrapping_add(slot.len) as usize;
            let payload_waits = self.segments.first().is_some_and(|(at, _)| at <= end);
            if end > cursor || payload_waits {
                return;
            }
            self.watched = self.next_watched(id);
            self.slots.unlink(&mut self.published, id);
            self.settle_later(id, Outcome::Sent);
        }
    }

    pub(super) fn next_watched(&mut self, mut id: u16) -> u16 {
        loop {
            id = self.slots.next_of(id);
            match self.slots.at(id) {
                Some(slot) if slot.qos != Qos::AtMostOnce => {}
                _ => return id,
            }
        }
    }

    /// The slot is in no list any more.
    pub(super) fn settle_later(&mut self, id: u16, outcome: Outcome) {
        if let Some(slot) = self.slots.at(id) {
            if slot.attention == Attention::Nobody {
                return self.free(id);
            }
            if slot.state == State::Foreign {
                // The server may have the identifier still.
                slot.qos = Qos::AtLeastOnce;
            }
            slot.state = State::Settled(outcome);
            let kept = core::mem::take(&mut slot.kept);
            self.segments.release(kept);
        }
        self.slots.push(&mut self.settled, id);
        self.note_settled(id);
    }

    /// A QoS 2 message that was sent and cannot be again: the server may have its identifier, and would take a new
    /// message with it for this one. A PUBREL makes it free on both sides. The slot is in no list any more.
    pub(super) fn withdraw(&mut self, id: u16) {
        if let Some(id) = PacketId::new(id) {
            self.list_released(id, State::Withdrawn);
        }
    }

    #[inline]
    pub(crate) fn poll_settled(&mut self) -> Option<(PacketId, Outcome)> {
        let id = PacketId::new(self.settled.first)?;
        let State::Settled(outcome) = self.slots.at(id.get())?.state else { return None };
        self.slots.unlink(&mut self.settled, id.get());
        self.release_told(id.get());
        Some((id, outcome))
    }
}

/// What an acknowledgement with this code means.
fn outcome(reason: ReasonCode) -> Outcome {
    match reason.is_error() {
        true => Outcome::Rejected(Rejection::ByServer(reason)),
        false => Outcome::Delivered(reason),
    }
}
