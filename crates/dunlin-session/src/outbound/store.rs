use dunlin_codec::{FixedHeader, PacketId, Publish, Qos, Version, copy_bytes};

use super::{Outbound, Payload, Shared, expiry};
use crate::{
    ADOPTION, Buffer, Change, Journal, Memory, MessageRecord, MessageStage, Outcome, RestoreError, Segments, journal,
    list::{Attention, List, State},
};

/// What of the messages is stored, and what waits until it is.
impl<M: Memory> Outbound<M> {
    /// A QoS 1 or 2 message is listed: it waits for the store, and holds back what is behind it.
    #[inline]
    pub(super) fn handle_accepted(&mut self, id: PacketId) {
        journal::record(&mut self.journal, Change::Message(id));
        let may_begin = journal::may_begin(&mut self.journal, id);
        if let Some(marks) = self.journal.marks().filter(|marks| marks.unstored == 0 && !may_begin) {
            marks.unstored = id.get();
        }
    }

    /// The first record that must wait; 0: none.
    #[inline]
    pub(super) fn first_held(&mut self) -> u16 {
        let mut held = self.unsent;
        if let Some(unstored) = self.journal.marks().map(|marks| marks.unstored) {
            held = self.earlier(held, unstored);
        }
        if ADOPTION { self.earlier(held, self.foreign) } else { held }
    }

    /// Which of two records comes first in the log; 0 is none.
    fn earlier(&mut self, one: u16, other: u16) -> u16 {
        let mut at = |id| self.slots.at(id).map_or(u32::MAX, |slot| slot.at);
        if at(other) < at(one) { other } else { one }
    }

    /// Messages up to this number may be begun, if they are stored.
    pub(crate) fn sendable_number(&mut self) -> u64 {
        let last = self.journal.marks().map_or(0, |marks| marks.last_message);
        match PacketId::new(self.foreign) {
            Some(id) => self.journal.number(Change::Message(id)).wrapping_sub(1),
            None => last,
        }
    }

    /// The connection is lost: of the messages that were stored as about to be begun, some were and some were not.
    pub(super) fn note_begun(&mut self) {
        if self.journal.marks().is_none() {
            return;
        }
        let mut id = self.published.last;
        while let Some(slot) = self.slots.at(id).filter(|slot| !matches!(slot.state, State::Sent | State::Again)) {
            id = slot.previous;
        }
        let mut begun = PacketId::new(id).map_or(0, |id| self.journal.number(Change::Message(id)));
        // Until their outcome is told, the store has them still.
        let mut settled = self.settled.first;
        while let (Some(id), Some(slot)) = (PacketId::new(settled), self.slots.at(settled)) {
            settled = slot.next;
            if matches!(slot.state, State::Settled(Outcome::Unknown(_))) {
                begun = begun.max(self.journal.number(Change::Message(id)));
            }
        }
        if let Some(marks) = self.journal.marks() {
            marks.begun = begun;
        }
    }

    /// Something was stored: goes on to the first message that still waits for the store.
    pub(crate) fn advance_unstored(&mut self) {
        if let Some(first) = self.journal.marks().map(|marks| marks.unstored) {
            self.find_unstored_from(first);
        }
    }

    /// The same, from the beginning of the list.
    pub(crate) fn find_unstored(&mut self) {
        if self.journal.marks().is_none() {
            return;
        }
        let first = self.published.first;
        let first = match self.slots.at(first) {
            Some(slot) if slot.qos == Qos::AtMostOnce => self.next_counted(first),
            _ => first,
        };
        self.find_unstored_from(first);
    }

    /// The message of this slot will not be sent.
    pub(super) fn forget_unstored(&mut self, id: u16) {
        if self.journal.marks().is_some_and(|marks| marks.unstored == id) {
            let next = self.next_counted(id);
            self.find_unstored_from(next);
        }
    }

    fn find_unstored_from(&mut self, mut first: u16) {
        while let Some(id) = PacketId::new(first).filter(|id| journal::may_begin(&mut self.journal, *id)) {
            first = self.next_counted(id.get());
        }
        if let Some(marks) = self.journal.marks() {
            marks.unstored = first;
        }
    }

    /// The message is settled: the store need not have it any more. What is accepted from now on may take its place in
    /// memory, so it must not stand in the store beside it.
    #[inline]
    pub(super) fn note_settled(&mut self, id: u16) {
        if let Some(id) = self.stored_id(id) {
            journal::record(&mut self.journal, Change::MessageDeleted(id));
        }
    }

    /// That is told. Its identifier rests until it is deleted in the store: so there is never a second message of one
    /// identifier in what is not known to be stored, and a process that begins anew never finds one whose identifier
    /// stands for something else by now.
    #[inline]
    pub(super) fn release_told(&mut self, id: u16) {
        match self.stored_id(id) {
            Some(id) => self.slots.retire(id.get()),
            None => self.slots.release(id),
        }
    }

    /// The identifier of a message that a store keeps; `None`: there is no store, or it is of QoS 0.
    #[inline]
    fn stored_id(&mut self, id: u16) -> Option<PacketId> {
        self.journal.marks()?;
        self.slots.at(id).filter(|slot| slot.qos != Qos::AtMostOnce)?;
        PacketId::new(id)
    }

    /// Whether the outcome of this message waits to be asked for.
    pub(crate) fn is_untold(&mut self, id: PacketId) -> bool {
        self.slots.at(id.get()).is_some_and(|slot| matches!(slot.state, State::Settled(_)))
    }

    /// The store has deleted the message of this identifier.
    pub(crate) fn handle_deleted(&mut self, id: PacketId) {
        self.slots.recycle(id.get());
    }

    /// The store has this message as it is now. If it is released, its PUBREL may go out: those that may are always
    /// the first of their list.
    pub(crate) fn handle_message_stored(&mut self, id: PacketId) {
        let id = id.get();
        if !self.slots.at(id).is_some_and(|slot| matches!(slot.state, State::Released | State::Withdrawn)) {
            return;
        }
        if self.release_again.is_empty() {
            self.release_again.first = id;
        }
        self.release_again.last = id;
    }

    /// The messages whose PUBREL may go out.
    pub(super) fn stored_releases(&mut self) -> List {
        let mut stored = self.released;
        while let Some(id) = PacketId::new(stored.last) {
            if journal::is_stored(&mut self.journal, Change::Message(id)) {
                return stored;
            }
            stored.last = self.slots.at(id.get()).map_or(0, |slot| slot.previous);
        }
        List::default()
    }

    /// What the store must keep of this message; `None`: it is settled.
    pub(crate) fn message_record(&mut self, id: PacketId) -> Option<MessageRecord<'_, &Shared<M>>> {
        let number = self.journal.number(Change::Message(id));
        let slot = self.slots.at(id.get())?;
        let stage = match slot.state {
            State::Queued | State::Foreign | State::Sent | State::Again => MessageStage::Published,
            State::Released => MessageStage::Released,
            State::Withdrawn => MessageStage::Withdrawn,
            State::GivenUp => MessageStage::GivenUp,
            _ => return None,
        };
        if stage != MessageStage::Published {
            return Some(MessageRecord { id, number, stage, packet: &[], payload: None });
        }
        let (at, len) = (slot.at as usize, slot.len as usize);
        let packet = self.log.bytes().get(at..at.wrapping_add(len)).unwrap_or_default();
        Some(MessageRecord { id, number, stage, packet, payload: M::Segments::shared(&slot.kept) })
    }

    /// Takes a message of an earlier process; `begun`: some of it may have been sent.
    #[cold]
    pub(crate) fn restore(
        &mut self,
        version: Version,
        record: MessageRecord<'_, Payload<'_, M>>,
        begun: bool,
    ) -> Result<(), RestoreError> {
        let state = match record.stage {
            MessageStage::Published => return self.restore_published(version, record, begun),
            MessageStage::Released => State::Released,
            MessageStage::Withdrawn => State::Withdrawn,
            MessageStage::GivenUp => State::GivenUp,
        };
        let MessageRecord { id, number, .. } = record;
        self.claim(id)?;
        if let Some(slot) = self.slots.at(id.get()) {
            (slot.state, slot.qos, slot.attention) = (state, Qos::ExactlyOnce, Attention::Wanted);
            // The earlier process may have sent the PUBREL.
            (slot.at, slot.len) = (0, 0);
        }
        if state == State::GivenUp {
            self.given_up = self.given_up.wrapping_add(1);
        } else {
            self.slots.push(&mut self.released, id.get());
        }
        self.journal.set_number(Change::Message(id), number);
        Ok(())
    }

    fn restore_published(
        &mut self,
        version: Version,
        record: MessageRecord<'_, Payload<'_, M>>,
        begun: bool,
    ) -> Result<(), RestoreError> {
        let MessageRecord { id, number, packet, payload, .. } = record;
        let rest = payload.as_ref().map_or(&[][..], |payload| payload.as_ref());
        let publish = check(version, id, packet, rest.len()).ok_or(RestoreError::Damaged)?;
        let beside = payload.as_ref().is_some_and(M::Segments::rides_beside);
        let len = if beside { packet.len() } else { packet.len().saturating_add(rest.len()) };
        self.make_room(len).map_err(|_| RestoreError::Full)?;
        let (at, end) = (self.tail, self.tail.wrapping_add(len));
        let room = self.log.bytes_mut().get_mut(at..end).ok_or(RestoreError::Full)?;
        copy_bytes(room, packet);
        if !beside && let Some(room) = room.get_mut(packet.len()..) {
            copy_bytes(room, rest);
        }
        self.claim(id)?;
        let kept = match payload.filter(|_| beside) {
            Some(payload) => self.segments.push(end, payload).ok_or(RestoreError::Full)?,
            None => Default::default(),
        };
        self.tail = end;
        self.list(id.get(), publish.qos, Attention::Wanted, at, len, kept);
        if begun {
            if let Some(slot) = self.slots.at(id.get()) {
                slot.state = State::Sent;
            }
        } else {
            self.note_expiry(id.get(), expiry::interval(publish.properties));
            if self.adopted && publish.qos == Qos::ExactlyOnce {
                self.list_foreign(id.get());
            }
        }
        self.journal.set_number(Change::Message(id), number);
        Ok(())
    }

    fn claim(&mut self, id: PacketId) -> Result<(), RestoreError> {
        if self.slots.at(id.get()).is_some_and(|slot| slot.state != State::Free) {
            return Err(RestoreError::Damaged);
        }
        if self.slots.claim(id) { Ok(()) } else { Err(RestoreError::Full) }
    }
}

/// A PUBLISH with this identifier whose packet is as long as it says; `None`: it is none.
fn check(version: Version, id: PacketId, packet: &[u8], beside: usize) -> Option<Publish<'_>> {
    let header = FixedHeader::read(packet).ok()??;
    let publish = Publish::decode(version, header.first_byte, packet.get(header.len..)?).ok()?;
    let whole = header.packet_len() == packet.len().saturating_add(beside);
    (whole && header.first_byte >> 4 == 3 && publish.packet_id == Some(id)).then_some(publish)
}
