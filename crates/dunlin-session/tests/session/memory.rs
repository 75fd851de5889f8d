//! The memories that every story is told in, behind one face.

use std::rc::Rc;

use dunlin_codec::{PacketId, Properties, Qos, ReasonCode, SubscriptionFilter, TopicFilter, TopicName, Version};
use dunlin_session::{
    AcknowledgeError, Arrived, AuthenticateError, Chunk, ConnectError, ConnectOptions, Delivery, DisconnectError,
    Event, HeapBuffer, HeapInbound, HeapInboundAliases, HeapJournal, HeapOutboundAliases, HeapTable, Instant, Journal,
    Limits, Memory, MessageRecord, NoJournal, Outcome, Progress, PublishError, PublishOptions, Received, RequestError,
    RestoreError, Segments, Session, SliceAliases, Slices, Slot, State, Storage, Succeeded, Timeout,
};

use crate::{
    heap::{Beside, Body, Heap},
    store::Kept,
};

/// A session, whatever its memory.
pub(crate) trait Face {
    fn connect(&mut self, now: Instant, options: &ConnectOptions<'_>) -> Result<(), ConnectError>;
    fn connect_in_parts(&mut self, now: Instant, options: &ConnectOptions<'_>) -> Result<(), ConnectError>;
    fn connect_part(&self, options: &ConnectOptions<'_>, from: usize, out: &mut [u8]) -> usize;
    fn publish_to(
        &mut self,
        topic: &str,
        payload: &[u8],
        options: PublishOptions<'_>,
    ) -> Result<Option<PacketId>, PublishError>;
    /// On "t".
    fn publish(&mut self, payload: &[u8], options: PublishOptions<'_>) -> Result<Option<PacketId>, PublishError> {
        self.publish_to("t", payload, options)
    }
    fn subscribe(
        &mut self,
        filters: &[SubscriptionFilter<'_>],
        properties: Properties<'_>,
    ) -> Result<PacketId, RequestError>;
    fn unsubscribe(&mut self, filters: &[TopicFilter<'_>]) -> Result<PacketId, RequestError>;
    fn acknowledge(&mut self, delivery: Delivery) -> bool;
    fn acknowledge_all(&mut self, deliveries: &[Delivery]);
    fn first_unacknowledged(&self, qos: Qos) -> Option<u32>;
    fn holds_back(&self, qos: Qos) -> bool;
    fn acknowledge_with(&mut self, delivery: Delivery, reason: ReasonCode) -> Result<bool, AcknowledgeError>;
    fn authenticate(&mut self, properties: Properties<'_>) -> Result<(), AuthenticateError>;
    fn reauthenticate(&mut self, properties: Properties<'_>) -> Result<(), AuthenticateError>;
    fn disconnect_with(&mut self, reason: ReasonCode, properties: Properties<'_>) -> Result<(), DisconnectError>;
    fn disconnect(&mut self, reason: ReasonCode);
    fn hold(&mut self, hold: bool);
    fn is_drained(&mut self) -> bool;
    fn has_unacknowledged(&self) -> bool;
    fn interrupt(&mut self);
    fn handle_input<'i>(&mut self, now: Instant, input: &'i [u8]) -> Progress<'i>;
    fn handle_timeout(&mut self, now: Instant) -> Option<Timeout>;
    fn poll_timeout(&self) -> Option<Instant>;
    fn reconnect_at(&self) -> Option<Instant>;
    fn handle_reading_stopped(&mut self);
    fn handle_reading_resumed(&mut self, now: Instant);
    fn handle_connection_lost(&mut self, now: Instant);
    fn give_up(&mut self, id: PacketId) -> bool;
    fn withdraw(&mut self, id: PacketId) -> bool;
    fn drop_oldest(&mut self, at_most: Qos) -> bool;
    fn queued(&mut self) -> usize;
    fn unacknowledged(&mut self) -> usize;
    fn has_left(&mut self, id: PacketId) -> bool;
    fn first_begun(&mut self) -> Option<PacketId>;
    fn is_ping_due(&self) -> bool;
    fn is_session_stored(&mut self) -> bool;
    fn abandon(&mut self) -> usize;
    fn flushed(&mut self);

    fn written(&mut self, now: Instant);
    fn poll_settled(&mut self) -> Option<(PacketId, Outcome)>;
    fn state(&self) -> State;
    fn limits(&self) -> Limits;
    fn topic(&self, alias: u16) -> Option<&[u8]>;
    fn is_idle(&self) -> bool;
    fn awaits_answer(&self) -> bool;
    /// Every record that there is to store.
    fn give(&mut self) -> Vec<Kept>;
    fn stored(&mut self, records: usize);
    fn store_failed(&mut self);
    fn restore(&mut self, record: &Kept) -> Result<(), RestoreError>;
    /// Takes at most so many of the bytes that may go now, but a shared payload as a whole.
    fn take(&mut self, now: Instant, at_most: usize) -> Option<Vec<u8>>;
}

/// How much memory there is. On the heap it is the most that there may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Room {
    pub(crate) log: usize,
    pub(crate) control: usize,
    pub(crate) slots: usize,
    /// Of slices; on the heap there is no limit.
    pub(crate) received: usize,
}

impl Default for Room {
    fn default() -> Self {
        Self { log: 16_384, control: 256, slots: 16, received: 8 }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Slices,
    Heap,
    /// The heap, a store that is done at once, and what comes is taken by the shorter ways: nothing is different.
    Stored,
    /// The heap, and a store that the story plays.
    Journal,
}

impl Kind {
    pub(crate) const ALL: [Self; 3] = [Self::Slices, Self::Heap, Self::Stored];

    pub(crate) fn session(self, version: Version, room: Room) -> Box<dyn Face> {
        match self {
            Kind::Slices => Box::new(Session::<Slices<'static, SliceAliases<'static>>>::new(
                version,
                Storage::of_slices(
                    vec![0; room.log].leak(),
                    vec![0; room.control].leak(),
                    (0..room.slots).map(|_| Slot::EMPTY).collect::<Vec<_>>().leak(),
                    vec![Received::EMPTY; room.received].leak(),
                )
                .with_aliases(SliceAliases::new(vec![0; 4 * 10].leak(), 8)),
            )),
            Kind::Heap => Box::new(on_the_heap::<_, ()>(version, room, NoJournal)),
            Kind::Stored => Box::new(on_the_heap::<_, AtOnce>(version, room, HeapJournal::default())),
            Kind::Journal => Box::new(on_the_heap::<_, ()>(version, room, HeapJournal::default())),
        }
    }
}

fn on_the_heap<J: Journal, X>(version: Version, room: Room, journal: J) -> Session<Heap<J, X>> {
    Session::new(
        version,
        Storage {
            log: HeapBuffer::new(64, room.log),
            control: HeapBuffer::new(16, room.control),
            segments: Beside::new(usize::MAX).0,
            slots: HeapTable::new(room.slots),
            inbound: HeapInbound::default(),
            inbound_aliases: HeapInboundAliases::new(32),
            outbound_aliases: HeapOutboundAliases::new(4),
            journal,
        },
    )
}

/// What there is to store is stored before anything else happens.
pub(crate) struct AtOnce;

/// How a payload is given to a session with this memory.
pub(crate) trait Given: Memory {
    const STORED: bool;
    fn payload(bytes: &[u8]) -> <Self::Segments as Segments>::Payload<'_>;
    /// The same where it may go the shorter way: which it does on the heap, so that every story is told of both ways.
    fn plain(bytes: &[u8]) -> Option<&[u8]>;
    fn shared(payload: &<Self::Segments as Segments>::Shared) -> Vec<u8>;
}

impl Given for Slices<'_, SliceAliases<'_>> {
    const STORED: bool = false;

    fn payload(bytes: &[u8]) -> &[u8] {
        bytes
    }

    fn plain(_: &[u8]) -> Option<&[u8]> {
        None
    }

    fn shared(payload: &dunlin_session::Nothing) -> Vec<u8> {
        payload.as_ref().to_vec()
    }
}

impl<J: Journal> Given for Heap<J> {
    const STORED: bool = false;

    fn payload(bytes: &[u8]) -> Body<'_> {
        Body::new(bytes, SHARED_FROM)
    }

    fn plain(bytes: &[u8]) -> Option<&[u8]> {
        Some(bytes).filter(|bytes| bytes.len() < SHARED_FROM)
    }

    fn shared(payload: &Rc<[u8]>) -> Vec<u8> {
        payload.to_vec()
    }
}

impl<J: Journal> Given for Heap<J, AtOnce> {
    const STORED: bool = true;

    fn payload(bytes: &[u8]) -> Body<'_> {
        Body::new(bytes, SHARED_FROM)
    }

    fn plain(bytes: &[u8]) -> Option<&[u8]> {
        Some(bytes).filter(|bytes| bytes.len() < SHARED_FROM)
    }

    fn shared(payload: &Rc<[u8]>) -> Vec<u8> {
        payload.to_vec()
    }
}

impl<M: Given> Face for Session<M> {
    fn connect(&mut self, now: Instant, options: &ConnectOptions<'_>) -> Result<(), ConnectError> {
        self.connect(now, options)
    }

    fn connect_in_parts(&mut self, now: Instant, options: &ConnectOptions<'_>) -> Result<(), ConnectError> {
        self.connect_in_parts(now, options)
    }

    fn connect_part(&self, options: &ConnectOptions<'_>, from: usize, out: &mut [u8]) -> usize {
        Session::connect_part(self, options, from, out)
    }

    fn publish_to(
        &mut self,
        topic: &str,
        payload: &[u8],
        options: PublishOptions<'_>,
    ) -> Result<Option<PacketId>, PublishError> {
        store_all(self);
        let topic = TopicName::new(topic).expect("a topic");
        match M::plain(payload).and_then(|payload| self.publish_plain(topic, payload, options)) {
            Some(id) => Ok(id),
            None => self.publish(topic, M::payload(payload), options),
        }
    }

    fn subscribe(
        &mut self,
        filters: &[SubscriptionFilter<'_>],
        properties: Properties<'_>,
    ) -> Result<PacketId, RequestError> {
        store_all(self);
        self.subscribe(filters, properties)
    }

    fn unsubscribe(&mut self, filters: &[TopicFilter<'_>]) -> Result<PacketId, RequestError> {
        self.unsubscribe(filters)
    }

    fn acknowledge(&mut self, delivery: Delivery) -> bool {
        self.acknowledge(delivery)
    }

    fn acknowledge_all(&mut self, deliveries: &[Delivery]) {
        self.acknowledge_all(deliveries);
    }

    fn first_unacknowledged(&self, qos: Qos) -> Option<u32> {
        self.first_unacknowledged(qos)
    }

    fn holds_back(&self, qos: Qos) -> bool {
        self.holds_back(qos)
    }

    fn acknowledge_with(&mut self, delivery: Delivery, reason: ReasonCode) -> Result<bool, AcknowledgeError> {
        self.acknowledge_with(delivery, reason)
    }

    fn authenticate(&mut self, properties: Properties<'_>) -> Result<(), AuthenticateError> {
        self.authenticate(properties)
    }

    fn reauthenticate(&mut self, properties: Properties<'_>) -> Result<(), AuthenticateError> {
        self.reauthenticate(properties)
    }

    fn disconnect_with(&mut self, reason: ReasonCode, properties: Properties<'_>) -> Result<(), DisconnectError> {
        self.disconnect_with(reason, properties)
    }

    fn disconnect(&mut self, reason: ReasonCode) {
        self.disconnect(reason);
    }

    fn hold(&mut self, hold: bool) {
        self.hold(hold);
    }

    fn is_drained(&mut self) -> bool {
        self.is_drained()
    }

    fn has_unacknowledged(&self) -> bool {
        self.has_unacknowledged()
    }

    fn interrupt(&mut self) {
        self.interrupt();
    }

    fn handle_input<'i>(&mut self, now: Instant, input: &'i [u8]) -> Progress<'i> {
        store_all(self);
        if M::STORED { by_shorter_ways(self, now, input) } else { self.handle_input(now, input) }
    }

    fn handle_timeout(&mut self, now: Instant) -> Option<Timeout> {
        self.handle_timeout(now)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.poll_timeout()
    }

    fn reconnect_at(&self) -> Option<Instant> {
        self.reconnect_at()
    }

    fn handle_reading_stopped(&mut self) {
        self.handle_reading_stopped();
    }

    fn handle_reading_resumed(&mut self, now: Instant) {
        self.handle_reading_resumed(now);
    }

    fn handle_connection_lost(&mut self, now: Instant) {
        self.handle_connection_lost(now);
    }

    fn give_up(&mut self, id: PacketId) -> bool {
        self.give_up(id)
    }

    fn withdraw(&mut self, id: PacketId) -> bool {
        self.withdraw(id)
    }

    fn drop_oldest(&mut self, at_most: Qos) -> bool {
        self.drop_oldest(at_most)
    }

    fn queued(&mut self) -> usize {
        self.queued()
    }

    fn unacknowledged(&mut self) -> usize {
        self.unacknowledged()
    }

    fn has_left(&mut self, id: PacketId) -> bool {
        self.has_left(id)
    }

    fn first_begun(&mut self) -> Option<PacketId> {
        self.first_begun()
    }

    fn is_ping_due(&self) -> bool {
        self.is_ping_due()
    }

    fn is_session_stored(&mut self) -> bool {
        self.is_session_stored()
    }

    fn abandon(&mut self) -> usize {
        self.abandon()
    }

    fn flushed(&mut self) {
        self.flushed();
    }

    fn written(&mut self, now: Instant) {
        self.written(now);
    }

    fn poll_settled(&mut self) -> Option<(PacketId, Outcome)> {
        self.poll_settled()
    }

    fn state(&self) -> State {
        self.state()
    }

    fn limits(&self) -> Limits {
        *self.limits()
    }

    fn topic(&self, alias: u16) -> Option<&[u8]> {
        self.topic(alias).map(TopicName::as_bytes)
    }

    fn is_idle(&self) -> bool {
        self.is_idle()
    }

    fn awaits_answer(&self) -> bool {
        self.awaits_answer()
    }

    fn give(&mut self) -> Vec<Kept> {
        std::iter::from_fn(|| self.poll_store().map(|record| Kept::new(record, M::shared))).collect()
    }

    fn stored(&mut self, records: usize) {
        self.stored(records);
    }

    fn store_failed(&mut self) {
        self.store_failed();
    }

    fn restore(&mut self, record: &Kept) -> Result<(), RestoreError> {
        match record {
            Kept::Session(session) => self.restore(*session),
            Kept::Message(id, message) => self.restore_message(MessageRecord {
                id: PacketId::new(*id).expect("an identifier"),
                number: message.number,
                stage: message.stage,
                packet: &message.packet,
                payload: message.payload.as_deref().map(M::payload),
            }),
            Kept::Received(id) => self.restore_received(PacketId::new(*id).expect("an identifier")),
            other => panic!("{other:?} is nothing that a store has"),
        }
    }

    fn take(&mut self, now: Instant, at_most: usize) -> Option<Vec<u8>> {
        store_all(self);
        let bytes = match self.poll_transmit(now)? {
            Chunk::Copy(bytes) => bytes[..at_most.min(bytes.len())].to_vec(),
            Chunk::Share(payload) => M::shared(payload),
        };
        self.transmitted(bytes.len());
        Some(bytes)
    }
}

/// What was taken by a shorter way is told as if it had been by the usual one.
fn by_shorter_ways<'i, M: Given>(session: &mut Session<M>, now: Instant, input: &'i [u8]) -> Progress<'i> {
    let known = TopicName::of_checked(b"t");
    if let Some(Arrived { publish, is_known, delivery, consumed }) = session.handle_message(input, known) {
        assert_eq!(is_known, publish.topic == known);
        return Progress::Packet { consumed, event: Some(Event::Message { publish, delivery }) };
    }
    if let Some(Succeeded { settled, consumed }) = session.handle_success(input) {
        let properties = Properties::NONE;
        let event = settled.map(|(id, outcome)| Event::Settled { id, outcome, properties });
        return Progress::Packet { consumed, event };
    }
    session.handle_input(now, input)
}

/// The store has all there is.
fn store_all<M: Given>(session: &mut Session<M>) {
    let mut records = usize::from(M::STORED);
    while records > 0 {
        records = std::iter::from_fn(|| session.poll_store().map(drop)).count();
        session.stored(records);
    }
}

/// From so many bytes on a payload rides beside the log.
pub(crate) const SHARED_FROM: usize = 4_096;
