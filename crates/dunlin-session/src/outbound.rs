mod adoption;
mod aliased;
mod count;
mod expiry;
mod log;
mod overdue;
mod store;
mod withdrawal;

use core::cell::Cell;

use dunlin_codec::{
    PacketId, PacketType, Properties, PropertyId, ProtocolViolation, Publish, Qos, ReasonCode, TopicName, Version,
    copy_bytes,
};

use crate::{
    ADOPTION, Buffer, Change, Chunk, Instant, Journal, LIMITS, Limits, Memory, OutboundAliases, Outcome, PublishError,
    PublishOptions, RESUME, Rejection, Segments, Uncertainty, journal,
    lane::Lane,
    list::{Attention, List, RELEASE_UNPUT, Slot, Slots, State},
};
use expiry::Aging;
use log::Judged;

pub(crate) type Payload<'p, M> = <<M as Memory>::Segments as Segments>::Payload<'p>;
pub(crate) type Shared<M> = <<M as Memory>::Segments as Segments>::Shared;
type Kept<M> = <<M as Memory>::Segments as Segments>::Kept;

/// Messages on their way out. A PUBLISH is written once into the log, and the same bytes are queue, transmission and
/// retained copy:
///
/// ```text
///   0 ....... run_start .... cursor .... run_end ....... unsent ....... tail
///   |  sent:    |  this run of packets is     |  next      |  waits for  |
///   |  kept if  |  being transmitted          |  run       |  the quota  |
///   |  listed   |                             |            |             |
/// ```
///
/// QoS 1 and 2 records, and QoS 0 records that expire or whose outcome is wanted, have a slot and are listed in
/// `published`, in the order of their acceptance, which is that of their addresses. The others are known by their bytes
/// alone. A slot whose payload rides beside the log has its head in the log. `run_start` is always where a record begins.
pub(crate) struct Outbound<M: Memory> {
    log: M::Log,
    segments: M::Segments,
    slots: Slots<M::Slots>,
    aliases: M::OutboundAliases,
    published: List,
    released: List,
    settled: List,
    run_start: usize,
    cursor: usize,
    run_end: usize,
    tail: usize,
    /// The first record that waits for the quota; 0: none.
    unsent: u16,
    /// The server may have identifiers in use that we know nothing about.
    adopted: bool,
    /// The first record whose identifier the server may have; 0: none.
    foreign: u16,
    /// The first of them whose PUBREL is not in the lane.
    foreign_next: u16,
    /// The first QoS 0 record whose outcome is wanted and not known; 0: none.
    watched: u16,
    /// PUBRELs to repeat after a resumption: from this one to that one.
    release_again: List,
    /// Messages that may go out; below 0 after a resumption with a lower Receive Maximum.
    quota: i32,
    /// SUBSCRIBEs and UNSUBSCRIBEs that wait for their answer.
    requests: u16,
    /// Messages whose answer was given up.
    given_up: u16,
    aging: Aging,
    pub(crate) journal: M::Journal,
}

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

impl<M: Memory> Outbound<M> {
    #[inline(always)]
    pub(crate) fn new(
        log: M::Log,
        segments: M::Segments,
        slots: M::Slots,
        aliases: M::OutboundAliases,
        journal: M::Journal,
    ) -> Self {
        // A run of zeros would be made by `memset`, which takes 0.2 KB of flash and is needed for nothing else: so the
        // compiler must not see that these are zeros.
        let zero = core::hint::black_box(0_u16);
        Self {
            log,
            segments,
            slots: Slots::new(slots),
            aliases,
            published: List::default(),
            released: List::default(),
            settled: List::default(),
            run_start: zero.into(),
            cursor: zero.into(),
            run_end: zero.into(),
            tail: zero.into(),
            unsent: zero,
            adopted: false,
            foreign: zero,
            foreign_next: zero,
            watched: zero,
            release_again: List::default(),
            quota: zero.into(),
            requests: 0,
            given_up: 0,
            aging: Aging::new(),
            journal,
        }
    }

    // ---- in ----

    #[inline]
    pub(crate) fn publish(
        &mut self,
        version: Version,
        limits: &Limits,
        topic: TopicName<'_>,
        payload: Payload<'_, M>,
        options: &PublishOptions<'_>,
    ) -> Result<Option<PacketId>, PublishError> {
        let bytes = payload.as_ref();
        let mut publish = Publish {
            retain: options.retain,
            properties: options.properties,
            qos: options.qos,
            packet_id: if options.qos == Qos::AtMostOnce { None } else { PacketId::new(u16::MAX) },
            ..Publish::new(topic, bytes)
        };
        let head_len = publish.head_len(version)?;
        let packet_len = head_len.saturating_add(bytes.len());
        if let Some(error) = beyond(limits, packet_len, options.qos, options.retain) {
            return Err(error.1);
        }
        if !options.properties.is_empty() && belongs_to_a_connection(options.properties) {
            return Err(PublishError::PropertyNotAllowed);
        }
        let beside = M::Segments::rides_beside(&payload);
        let len = if beside { head_len } else { packet_len };
        self.make_room(len)?;
        let interval = expiry::interval(options.properties);
        let slot = if options.qos != Qos::AtMostOnce || options.tracked || beside || interval != 0 {
            Some(self.slots.take().ok_or(PublishError::Full)?)
        } else {
            None
        };
        if options.qos != Qos::AtMostOnce {
            publish.packet_id = slot;
        }
        let at = self.tail;
        let end = at.wrapping_add(len);
        let Some(record) = self.log.bytes_mut().get_mut(at..end) else { return Err(PublishError::Full) };
        publish.encode_head(version, record);
        let mut kept = Kept::<M>::default();
        if beside {
            match self.segments.push(end, payload) {
                Some(segment) => kept = segment,
                None => {
                    if let Some(id) = slot {
                        self.slots.release(id.get());
                    }
                    return Err(PublishError::Full);
                }
            }
        } else if let Some(rest) = record.get_mut(head_len..) {
            copy_bytes(rest, bytes);
        }
        self.tail = end;
        // A payload beside the log and a deadline need a slot, but nobody asked for the outcome of QoS 0.
        let wanted = options.qos != Qos::AtMostOnce || options.tracked;
        if let Some(id) = slot {
            let attention = if wanted { Attention::Wanted } else { Attention::Nobody };
            self.enlist(id, options.qos, attention, at, len, kept);
            self.note_expiry(id.get(), interval);
        }
        Ok(slot.filter(|_| wanted))
    }

    /// As [`publish`](Outbound::publish), for what needs nothing that is seldom. `None`: nothing was done.
    #[inline(always)]
    pub(crate) fn publish_plain(
        &mut self,
        version: Version,
        limits: &Limits,
        topic: TopicName<'_>,
        payload: &[u8],
        options: &PublishOptions<'_>,
    ) -> Option<Option<PacketId>> {
        let mut publish = Publish {
            retain: options.retain,
            properties: options.properties,
            qos: options.qos,
            ..Publish::new(topic, payload)
        };
        let len = publish.plain_len(version)?;
        if beyond(limits, len, options.qos, options.retain).is_some() {
            return None;
        }
        self.begin_anew();
        let (at, end) = (self.tail, self.tail.wrapping_add(len));
        let record = self.log.bytes_mut().get_mut(at..end)?;
        let wanted = options.qos != Qos::AtMostOnce || options.tracked;
        let slot = if wanted { Some(self.slots.take()?) } else { None };
        if options.qos != Qos::AtMostOnce {
            publish.packet_id = slot;
        }
        publish.encode_plain(version, record);
        self.tail = end;
        if let Some(id) = slot {
            self.enlist(id, options.qos, Attention::Wanted, at, len, Kept::<M>::default());
        }
        Some(slot)
    }

    #[inline]
    fn enlist(&mut self, id: PacketId, qos: Qos, attention: Attention, at: usize, len: usize, kept: Kept<M>) {
        let foreign = self.is_foreign(id, qos);
        self.list(id.get(), qos, attention, at, len, kept);
        if foreign {
            self.list_foreign(id.get());
        }
        if qos != Qos::AtMostOnce {
            self.handle_accepted(id);
        }
    }

    #[inline]
    fn list(&mut self, id: u16, qos: Qos, attention: Attention, at: usize, len: usize, kept: Kept<M>) {
        if let Some(slot) = self.slots.at(id) {
            (slot.state, slot.qos, slot.attention, slot.kept) = (State::Queued, qos, attention, kept);
            (slot.at, slot.len, slot.deadline) = (at as u32, len as u32, [0; _]);
        }
        self.slots.push(&mut self.published, id);
        if qos == Qos::AtMostOnce {
            if self.watched == 0 {
                self.watched = id;
            }
        } else if self.unsent == 0 {
            if self.quota > 0 {
                self.quota = self.quota.wrapping_sub(1);
            } else {
                self.unsent = id;
            }
        }
    }

    /// An identifier for a SUBSCRIBE or UNSUBSCRIBE with so many filters.
    pub(crate) fn take_request(&mut self, state: State, filters: usize) -> Option<PacketId> {
        let id = self.slots.take()?;
        if let Some(slot) = self.slots.at(id.get()) {
            (slot.state, slot.len) = (state, filters as u32);
        }
        self.requests = self.requests.wrapping_add(1);
        Some(id)
    }

    pub(crate) fn release_request(&mut self, id: PacketId) {
        self.requests = self.requests.wrapping_sub(1);
        self.slots.release(id.get());
    }

    /// The request with this identifier is in the lane, and ends there.
    #[inline]
    pub(crate) fn request_put(&mut self, id: PacketId, end: u32) {
        if let Some(slot) = self.slots.at(id.get()).filter(|_| LIMITS) {
            slot.at = end;
        }
    }

    /// How many filters the request with this identifier had.
    pub(crate) fn answer_request(
        &mut self,
        id: PacketId,
        subscribed: bool,
        lane: &Lane<M::Control>,
    ) -> Result<usize, ProtocolViolation> {
        // [MQTT-2.2.1-6]
        let asked = self.slots.at(id.get()).filter(|slot| match slot.state {
            State::Subscribe => subscribed,
            State::Unsubscribe => !subscribed,
            _ => false,
        });
        let slot = asked.ok_or(ProtocolViolation::AcknowledgedUnknown)?;
        if !lane.has_left(slot.at) {
            return Err(ProtocolViolation::AcknowledgedEarly);
        }
        let filters = slot.len as usize;
        self.release_request(id);
        Ok(filters)
    }

    // ---- acknowledgements ----

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
    fn free(&mut self, id: u16) {
        if let Some(slot) = self.slots.at(id) {
            let kept = core::mem::take(&mut slot.kept);
            self.segments.release(kept);
        }
        self.note_settled(id);
        self.release_told(id);
    }

    /// One message less in flight [MQTT-4.9.0-1].
    #[inline]
    fn grant(&mut self) {
        self.quota = self.quota.wrapping_add(1);
        if self.unsent != 0 && self.quota > 0 {
            self.quota = self.quota.wrapping_sub(1);
            self.unsent = self.next_counted(self.unsent);
        }
    }

    /// The next record behind `id` that counts against the quota; 0: none.
    fn next_counted(&mut self, mut id: u16) -> u16 {
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

    fn next_watched(&mut self, mut id: u16) -> u16 {
        loop {
            id = self.slots.next_of(id);
            match self.slots.at(id) {
                Some(slot) if slot.qos != Qos::AtMostOnce => {}
                _ => return id,
            }
        }
    }

    /// The slot is in no list any more.
    fn settle_later(&mut self, id: u16, outcome: Outcome) {
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
    fn withdraw(&mut self, id: u16) {
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

    // ---- out ----

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
    fn forget_repetition(&mut self, id: u16) {
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

    // ---- the connection ----

    /// The server accepted the connection. Messages that it has not acknowledged go out again, in their order; what is
    /// now beyond its limits, or could arrive twice, is settled.
    ///
    /// `adopted`: the server's session goes back to a time of which we know nothing.
    pub(crate) fn handle_connected(
        &mut self,
        limits: &Limits,
        send_maximum: u16,
        session_present: bool,
        adopted: bool,
    ) {
        self.quota = limits.receive_maximum.min(send_maximum).max(1).into();
        self.aliases.reset(limits.topic_alias_maximum);
        if !RESUME {
            // Nothing was accepted before this connection: there is nothing to judge, to count or to repeat.
            return;
        }
        if !session_present {
            self.forget_released(Uncertainty::SessionLost);
            self.forget_given_up();
        }
        self.quota = self.quota.wrapping_sub(self.given_up.into());
        self.rebuild(&|&Judged { begun, qos, len, retain, .. }| {
            if begun && !session_present && qos == Qos::ExactlyOnce {
                return Some(Outcome::Unknown(Uncertainty::SessionLost));
            }
            beyond(limits, len, qos, retain).map(|(reason, _)| match begun {
                true => Outcome::Unknown(Uncertainty::BeyondLimits),
                false => Outcome::Rejected(Rejection::BeyondLimits(reason)),
            })
        });
        if ADOPTION {
            self.judge_identifiers(adopted, session_present);
        }
        let mut id = self.released.first;
        while id != 0 {
            self.quota = self.quota.wrapping_sub(1);
            id = self.slots.next_of(id);
        }
        self.release_again = self.stored_releases();
        let mut id = self.published.first;
        while let Some(slot) = self.slots.at(id) {
            let (at, next) = (slot.at as usize, slot.next);
            if slot.state == State::Sent {
                if let Some(first_byte) = self.log.bytes_mut().get_mut(at) {
                    *first_byte = if session_present { *first_byte | DUP } else { *first_byte & !DUP };
                }
                if !session_present {
                    slot.state = State::Again;
                }
            }
            if slot.qos != Qos::AtMostOnce && self.unsent == 0 {
                if self.quota > 0 { self.quota = self.quota.wrapping_sub(1) } else { self.unsent = id }
            }
            id = next;
        }
    }

    /// The connection ended: requests die with it; messages of which no byte left stay queued, QoS 0 included.
    pub(crate) fn handle_connection_lost(&mut self) {
        self.release_again = List::default();
        self.rebuild(&|&Judged { begun, qos, .. }| {
            (begun && qos == Qos::AtMostOnce).then_some(Outcome::Unknown(Uncertainty::PartlyWritten))
        });
        self.note_begun();
    }

    /// There will be no next connection: everything is settled as far as it went. Tells how many messages were not begun
    /// about which nobody asked.
    pub(crate) fn abandon(&mut self) -> usize {
        self.forget_released(Uncertainty::Closed);
        self.forget_given_up();
        let unasked = Cell::new(0_usize);
        self.rebuild(&|message| {
            if RESUME && !message.begun && !message.asked {
                unasked.set(unasked.get().wrapping_add(1));
            }
            Some(match message.begun {
                true => Outcome::Unknown(Uncertainty::Closed),
                false => Outcome::Rejected(Rejection::Closed),
            })
        });
        unasked.get()
    }

    /// PUBRELs have no meaning to a server without the session.
    fn forget_released(&mut self, why: Uncertainty) {
        while self.released.first != 0 {
            let id = self.released.first;
            self.slots.unlink(&mut self.released, id);
            self.settle_later(id, Outcome::Unknown(why));
        }
    }

    // ---- how much there is ----

    /// Bytes in the log that were not transmitted.
    #[inline]
    pub(crate) fn backlog(&self) -> usize {
        self.tail.wrapping_sub(self.cursor)
    }

    /// Whether the server owes an answer to something other than CONNECT and PINGREQ.
    pub(crate) fn awaits_answer(&self) -> bool {
        !self.published.is_empty() || !self.released.is_empty() || self.requests > 0
    }

    /// Whether the server owes an answer to anything of this connection: as [`awaits_answer`](Outbound::awaits_answer),
    /// without the messages of which no byte has left.
    pub(crate) fn is_drained(&mut self) -> bool {
        let first = self.slots.at(self.published.first).map(|slot| slot.at as usize);
        let has_begun = !self.is_between_packets() || first.is_some_and(|at| at < self.cursor);
        !has_begun && self.released.is_empty() && self.requests == 0
    }

    /// Whether every message that was published is settled.
    pub(crate) fn is_idle(&self) -> bool {
        self.cursor == self.tail && self.published.is_empty() && self.released.is_empty()
    }
}

/// What an acknowledgement with this code means.
fn outcome(reason: ReasonCode) -> Outcome {
    match reason.is_error() {
        true => Outcome::Rejected(Rejection::ByServer(reason)),
        false => Outcome::Delivered(reason),
    }
}

/// Whether there is a property that only a server may give [MQTT-3.3.4-6], or one that a repetition on another
/// connection could not have.
#[cold]
fn belongs_to_a_connection(properties: Properties<'_>) -> bool {
    let has = |id| properties.number(id).is_some();
    has(PropertyId::SubscriptionIdentifier) || has(PropertyId::TopicAlias)
}

/// What in a message the server does not accept.
#[inline]
fn beyond(limits: &Limits, packet_len: usize, qos: Qos, retain: bool) -> Option<(ReasonCode, PublishError)> {
    if packet_len > limits.maximum_packet_size as usize {
        Some((ReasonCode::PACKET_TOO_LARGE, PublishError::TooLarge))
    } else if qos > limits.maximum_qos {
        Some((ReasonCode::QOS_NOT_SUPPORTED, PublishError::QosNotSupported))
    } else if retain && !limits.retain_available {
        Some((ReasonCode::RETAIN_NOT_SUPPORTED, PublishError::RetainNotSupported))
    } else {
        None
    }
}

const DUP: u8 = 0x08;
const RETAIN: u8 = 0x01;
