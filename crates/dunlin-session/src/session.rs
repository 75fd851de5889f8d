mod authentication;
mod count;
mod handshake;
mod input;
mod overdue;
mod renewal;
mod store;
mod timing;
mod withdrawal;

pub use authentication::AuthenticateError;

use core::fmt;

use dunlin_codec::{
    DecodeError, Disconnect, EncodeError, PacketId, PacketType, Properties, PropertyId, Qos, ReasonCode, Subscribe,
    SubscriptionFilter, TopicFilter, TopicName, Unsubscribe, UnsubscribeFilters, Version,
};

use crate::{
    AcknowledgeError, Backoff, Change, Chunk, Delivery, DisconnectError, EXACTLY_ONCE, IfAuthentication, IfResume,
    Inbound, InboundAliases, Instant, Journal, LIMITS, Limits, Memory, Outcome, PublishError, PublishOptions, REFUSALS,
    RESUME, RequestError, ServerSession, Storage, journal,
    lane::{Lane, PUBACK, PUBREC, PUBREL, SHORTEST_ACK, success},
    list,
    outbound::{Outbound, Payload, Shared},
};

/// One MQTT session and the connections that carry it.
///
/// A driver opens a link, calls [`connect`](Session::connect), and then moves bytes: [`poll_transmit`] to the link,
/// what comes from the link into [`handle_input`]. It calls [`handle_timeout`] when [`poll_timeout`] says so, and
/// [`handle_connection_lost`] when the link is gone. All state that must outlive a connection is in here.
///
/// [`poll_transmit`]: Session::poll_transmit
/// [`handle_input`]: Session::handle_input
/// [`poll_timeout`]: Session::poll_timeout
/// [`handle_timeout`]: Session::handle_timeout
/// [`handle_connection_lost`]: Session::handle_connection_lost
// In this order, because a microcontroller reaches what is near the front with shorter instructions.
#[repr(C)]
pub struct Session<M: Memory> {
    version: Version,
    state: State,
    /// The application ends the connection.
    leaving: bool,
    /// No message is begun.
    held: bool,
    /// The DISCONNECT that is to be the last packet.
    farewell: Option<ReasonCode>,
    lane: Lane<M::Control>,
    outbound: Outbound<M>,
    inbound: M::Inbound,
    inbound_aliases: M::InboundAliases,
    // What the options said that is needed after CONNECT.
    receive_maximum: u16,
    send_maximum: u16,
    maximum_packet_size: u32,
    session_expiry_interval: u32,
    /// Counts connections, to tell a delivery of this one from one of an earlier.
    connection: u32,
    /// The connection on which the session began that the server has now.
    session_began: u32,
    /// What was told to the server.
    topic_alias_maximum: u16,
    timing: timing::Timing,
    limits: Limits,
    server_session: ServerSession,
    /// The CONNECT that is under way may begin a session.
    may_begin: bool,
    /// The caller wants to go on with a session that only the server knows.
    adopts: bool,
    /// This connection began without a session.
    clean_start: bool,
    /// This connection is there to discard the session, as 3.1.1 needs it.
    discarding: bool,
    /// The connection before did.
    discarded: bool,
    backoff: Backoff,
    watch: IfResume<overdue::Watch>,
    authentication: IfAuthentication<authentication::Authentication>,
}

/// Where the connection stands.
///
/// ```text
///   Disconnected -- connect --> Connecting -- CONNACK --> Connected
///        ^                          |                        |  disconnect, or a fault of the server
///        |                          v                        v
///        +-- connection lost ---- Closing <------------------+
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// No link.
    Disconnected,
    /// CONNECT is on its way: nothing else may leave before CONNACK.
    Connecting,
    /// The server accepted the connection.
    Connected,
    /// What [`Session::poll_transmit`] still gives is the last of this connection.
    Closing,
}

impl<M: Memory> fmt::Debug for Session<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("version", &self.version)
            .field("state", &self.state)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

impl<M: Memory> Session<M> {
    /// A session without a connection. The version stays: what is queued is encoded already.
    // Inlined with the parts it is made of: a session that is built where it stays needs no `memcpy` to move.
    #[inline(always)]
    pub fn new(version: Version, storage: Storage<M>) -> Self {
        Self {
            version,
            outbound: Outbound::new(
                storage.log,
                storage.segments,
                storage.slots,
                storage.outbound_aliases,
                storage.journal,
            ),
            lane: Lane::new(storage.control),
            inbound: storage.inbound,
            inbound_aliases: storage.inbound_aliases,
            state: State::Disconnected,
            limits: Limits::NONE,
            backoff: Backoff::default(),
            timing: timing::Timing::new(),
            connection: 0,
            session_began: 0,
            server_session: ServerSession::None,
            may_begin: false,
            adopts: false,
            clean_start: false,
            discarded: false,
            leaving: false,
            held: false,
            watch: [const { overdue::Watch::NONE }; _],
            authentication: [const { authentication::Authentication::NONE }; _],
            farewell: None,
            receive_maximum: u16::MAX,
            topic_alias_maximum: 0,
            maximum_packet_size: u32::MAX,
            send_maximum: u16::MAX,
            session_expiry_interval: 0,
            discarding: false,
        }
    }

    /// When to connect again after a connection failed; default: [`Backoff::default`].
    pub fn set_backoff(&mut self, backoff: Backoff) {
        self.backoff = backoff;
    }

    /// The version that packets are written in.
    #[inline]
    pub fn version(&self) -> Version {
        self.version
    }

    /// Where the connection stands.
    #[inline]
    pub fn state(&self) -> State {
        self.state
    }

    /// What the server allows; [`Limits::NONE`] before its CONNACK and without a connection.
    #[inline]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// What the server's topic alias stands for on this connection; `None`: nothing. A [message] whose topic is empty
    /// was sent to this one.
    ///
    /// [message]: crate::Event::Message
    pub fn topic(&self, alias: u16) -> Option<TopicName<'_>> {
        let topic = self.inbound_aliases.topic(alias);
        if topic.is_empty() { None } else { Some(TopicName::of_checked(topic)) }
    }

    /// The memory of the server's topic aliases, for whoever can share what is in it.
    pub fn inbound_aliases(&self) -> &M::InboundAliases {
        &self.inbound_aliases
    }

    /// Whether this connection goes on with a session that only the server knew, see
    /// [`ResumeWithoutState::Adopt`](crate::ResumeWithoutState::Adopt): [`Event::Connected`](crate::Event::Connected) says
    /// that there is none, because there is no subscription that we know of, but messages of it may come.
    pub fn is_adopted(&self) -> bool {
        self.state == State::Connected && self.server_session == ServerSession::Adopted
    }

    /// Bytes of messages that wait to be transmitted, without payloads that ride beside the log.
    #[inline]
    pub fn backlog(&self) -> usize {
        self.outbound.backlog()
    }

    /// Whether every message that was published is settled.
    pub fn is_idle(&self) -> bool {
        self.outbound.is_idle()
    }

    /// Whether the server owes an answer to a PUBLISH, PUBREL, SUBSCRIBE, UNSUBSCRIBE or AUTH: whoever stops reading then
    /// waits for ever.
    pub fn awaits_answer(&self) -> bool {
        self.outbound.awaits_answer() || self.is_authenticating()
    }

    // ---- commands ----

    /// Accepts a message, connected or not. It goes out in the order of acceptance; its outcome is told as
    /// [`Event::Settled`](crate::Event::Settled) or by [`poll_settled`](Session::poll_settled) with the identifier
    /// returned. A QoS 0 message has none unless [`tracked`](PublishOptions::tracked).
    ///
    /// A QoS 0 message that is not tracked is lost without a word if the connection breaks while it is being written,
    /// if the server that comes next does not take it, or if it expires; all others have an outcome.
    ///
    /// # Errors
    /// The message was not taken: see [`PublishError`].
    #[inline]
    pub fn publish(
        &mut self,
        topic: TopicName<'_>,
        payload: Payload<'_, M>,
        options: PublishOptions<'_>,
    ) -> Result<Option<PacketId>, PublishError> {
        if self.leaving {
            return Err(PublishError::Closed);
        }
        if !RESUME && self.state != State::Connected {
            return Err(PublishError::NotConnected);
        }
        if !EXACTLY_ONCE && options.qos == Qos::ExactlyOnce {
            return Err(PublishError::QosNotSupported);
        }
        self.outbound.publish(self.version, &self.limits, topic, payload, &options)
    }

    /// A shorter way for what is published most: accepts a message without properties, whose payload is to be copied, if
    /// there is room for it as things are and nothing is wrong with it. `None`: nothing was done, and
    /// [`publish`](Session::publish) makes room, or tells what is wrong.
    #[inline(always)]
    pub fn publish_plain(
        &mut self,
        topic: TopicName<'_>,
        payload: &[u8],
        options: PublishOptions<'_>,
    ) -> Option<Option<PacketId>> {
        let possible = !self.leaving
            && (RESUME || self.state == State::Connected)
            && (EXACTLY_ONCE || options.qos != Qos::ExactlyOnce);
        if possible { self.outbound.publish_plain(self.version, &self.limits, topic, payload, &options) } else { None }
    }

    /// Asks for the messages that match `filters`; the verdicts come as
    /// [`Event::Subscribed`](crate::Event::Subscribed) with the identifier returned. The request ends unanswered if
    /// the connection does.
    pub fn subscribe(
        &mut self,
        filters: &[SubscriptionFilter<'_>],
        properties: Properties<'_>,
    ) -> Result<PacketId, RequestError> {
        if !EXACTLY_ONCE && filters.iter().any(|filter| filter.options.qos == Qos::ExactlyOnce) {
            return Err(RequestError::QosNotSupported);
        }
        if LIMITS {
            self.check_filters(filters, properties)?;
        }
        let version = self.version;
        self.request(list::State::Subscribe, filters.len(), |packet_id, out| {
            Subscribe { properties, ..Subscribe::new(packet_id, filters) }.encode(version, out)
        })
    }

    /// What the server said in CONNACK that it does not have [U5-3.2.2.3.11-a] [U5-3.2.2.3.12-a] [U5-3.2.2.3.13-a].
    fn check_filters(
        &self,
        filters: &[SubscriptionFilter<'_>],
        properties: Properties<'_>,
    ) -> Result<(), RequestError> {
        let limits = &self.limits;
        if !limits.wildcard_subscription_available && filters.iter().any(|filter| filter.filter.has_wildcard()) {
            return Err(RequestError::WildcardNotSupported);
        }
        if !limits.shared_subscription_available && filters.iter().any(|filter| filter.filter.is_shared()) {
            return Err(RequestError::SharedNotSupported);
        }
        let has_identifier = properties.number(PropertyId::SubscriptionIdentifier).is_some();
        if !limits.subscription_identifier_available && has_identifier {
            return Err(RequestError::IdentifierNotSupported);
        }
        Ok(())
    }

    /// Ends subscriptions; the verdicts come as [`Event::Unsubscribed`](crate::Event::Unsubscribed) with the
    /// identifier returned. The request ends unanswered if the connection does.
    pub fn unsubscribe(&mut self, filters: &[TopicFilter<'_>]) -> Result<PacketId, RequestError> {
        let version = self.version;
        self.request(list::State::Unsubscribe, filters.len(), |packet_id, out| {
            let filters = UnsubscribeFilters::new(filters);
            Unsubscribe { packet_id, properties: Properties::NONE, filters }.encode(version, out)
        })
    }

    fn request(
        &mut self,
        kind: list::State,
        filters: usize,
        encode: impl Fn(PacketId, &mut [u8]) -> Result<usize, EncodeError>,
    ) -> Result<PacketId, RequestError> {
        if self.state != State::Connected {
            return Err(RequestError::NotConnected);
        }
        let id = self.outbound.take_request(kind, filters).ok_or(RequestError::Full)?;
        match self.put_packet(true, |out| encode(id, out)) {
            Ok(()) => {
                self.outbound.request_put(id, self.lane.end());
                Ok(id)
            }
            Err(error) => {
                self.outbound.release_request(id);
                Err(error.into())
            }
        }
    }

    /// Writes a packet into the lane. [`EncodeError::NoRoom`]: not now; [`EncodeError::TooLarge`]: not ever, or not for
    /// this server [MQTT-3.2.2-15].
    fn put_packet(
        &mut self,
        asks: bool,
        encode: impl Fn(&mut [u8]) -> Result<usize, EncodeError>,
    ) -> Result<(), EncodeError> {
        let maximum = self.limits.maximum_packet_size as usize;
        let len = match encode(self.lane.free()) {
            Err(EncodeError::NoRoom(needed)) if needed > maximum => return Err(EncodeError::TooLarge),
            Err(EncodeError::NoRoom(needed)) if self.lane.grow(needed) => encode(self.lane.free())?,
            Err(EncodeError::NoRoom(_)) if self.lane.is_empty() => return Err(EncodeError::TooLarge),
            Ok(len) if len > maximum => return Err(EncodeError::TooLarge),
            other => other?,
        };
        self.lane.commit(len, asks);
        Ok(())
    }

    /// The application is done with a received message, whether it was wanted or not [MQTT-4.5.0-2]. Messages may be
    /// acknowledged in any order; the answers leave in the order that the standard demands.
    ///
    /// False: there is nothing to acknowledge, because it was done before, or because the connection it came on is
    /// gone. A QoS 1 message then comes again; a QoS 2 message is remembered as done until the server sends it again.
    #[inline]
    pub fn acknowledge(&mut self, delivery: Delivery) -> bool {
        self.acknowledge_as(delivery, ReasonCode::SUCCESS)
    }

    /// As [`acknowledge`](Session::acknowledge), and the PUBACK or PUBREC says `reason` [MQTT-3.4.2-1] [MQTT-3.5.2-1]:
    /// an error refuses the message for good, the server does not send it again [MQTT-4.4.0-2]. A reason string is not
    /// sent: the answer may have to wait for its turn, and its text would need memory.
    ///
    /// # Errors
    /// See [`AcknowledgeError`].
    pub fn acknowledge_with(&mut self, delivery: Delivery, reason: ReasonCode) -> Result<bool, AcknowledgeError> {
        if !self.version.is_v5() && reason != ReasonCode::SUCCESS {
            return Err(AcknowledgeError::NeedsV5);
        }
        if !REFUSALS && reason != ReasonCode::SUCCESS {
            return Err(AcknowledgeError::NeedsRefusals);
        }
        if !reason.is_listed_for(PacketType::Puback) {
            return Err(AcknowledgeError::NotAllowed);
        }
        Ok(self.acknowledge_as(delivery, reason))
    }

    /// As [`acknowledge`](Session::acknowledge), for many: they are answered together, which takes less time.
    #[inline]
    pub fn acknowledge_all(&mut self, mut deliveries: &[Delivery]) {
        while let Some((&first, behind)) = deliveries.split_first() {
            let answered = self.answer_run(first, deliveries);
            deliveries = deliveries.get(answered..).unwrap_or_default();
            if answered == 0 {
                self.mark_acknowledged(first, ReasonCode::SUCCESS);
                deliveries = behind;
            }
        }
        self.answer();
    }

    /// Answers at once what need not wait for others, nor be stored: so many of the first.
    #[inline]
    fn answer_run(&mut self, first: Delivery, deliveries: &[Delivery]) -> usize {
        let exactly_once = EXACTLY_ONCE && first.qos == Qos::ExactlyOnce;
        let may_go = self.state == State::Connected && first.connection == self.connection;
        if !may_go || exactly_once && self.outbound.journal.marks().is_some() {
            return 0;
        }
        let first_byte = if exactly_once { PUBREC } else { PUBACK };
        let Some(room) = self.lane.room(deliveries.len().saturating_mul(SHORTEST_ACK)) else { return 0 };
        let answered = self.inbound.answer_run(deliveries);
        let (packets, _) = room.as_chunks_mut();
        for (packet, delivery) in packets.iter_mut().zip(deliveries).take(answered) {
            *packet = success(first_byte, delivery.id);
        }
        self.lane.commit(answered.wrapping_mul(SHORTEST_ACK), false);
        answered
    }

    #[inline]
    fn acknowledge_as(&mut self, delivery: Delivery, reason: ReasonCode) -> bool {
        let known = self.mark_acknowledged(delivery, reason);
        if known {
            self.answer();
        }
        known
    }

    #[inline]
    fn mark_acknowledged(&mut self, delivery: Delivery, reason: ReasonCode) -> bool {
        let valid = match delivery.qos {
            Qos::ExactlyOnce if EXACTLY_ONCE && RESUME => delivery.connection >= self.session_began,
            _ => delivery.connection == self.connection,
        };
        let known = valid && self.inbound.acknowledge(delivery.id, delivery.qos, delivery.number(), reason);
        if known {
            // The identifier of a message that is refused is free with its PUBREC: there is nothing to store.
            if EXACTLY_ONCE && delivery.qos == Qos::ExactlyOnce && !reason.is_error() {
                journal::record(&mut self.outbound.journal, Change::Received(delivery.id));
            }
        }
        known
    }

    /// The [number](Delivery::number) of the message of this QoS that is to be answered next, if the application is not
    /// done with it.
    pub fn first_unacknowledged(&self, qos: Qos) -> Option<u32> {
        self.inbound.first_open(qos)
    }

    /// Whether that message holds others back: answers wait for its own, or the server may send nothing more at QoS 1
    /// and 2 until it has one. Takes time in proportion to the messages that are not answered.
    pub fn holds_back(&self, qos: Qos) -> bool {
        self.inbound.answers_wait(qos) || self.inbound.unanswered() >= self.receive_maximum as usize
    }

    /// Moves the answers that may go into the lane, as far as it has room.
    #[inline]
    fn answer(&mut self) {
        while self.state == State::Connected && self.lane.has_room() {
            let (journal, server_session) = (&mut self.outbound.journal, self.server_session);
            let is_stored = |id| Self::is_received_stored(journal, server_session, id);
            let Some((id, qos, reason)) = self.inbound.next_answer(is_stored) else { return };
            let first_byte = if EXACTLY_ONCE && qos == Qos::ExactlyOnce { PUBREC } else { PUBACK };
            self.lane.acknowledge(self.version, first_byte, id, reason);
        }
    }

    /// Ends the connection with a DISCONNECT: transmit what is left, then close the link. The server discards the
    /// will unless `reason` is [`ReasonCode::DISCONNECT_WITH_WILL`]; in 3.1.1 every reason is the normal one. A code that
    /// only a server may send becomes "Unspecified error" [MQTT-3.14.2-1].
    ///
    /// Messages that are not settled stay, and go out on the next connection.
    pub fn disconnect(&mut self, reason: ReasonCode) {
        self.leaving = self.state != State::Disconnected;
        let reason = if is_said_by_a_client(reason) { reason } else { ReasonCode::UNSPECIFIED_ERROR };
        self.close(Some(if self.version.is_v5() { reason } else { ReasonCode::SUCCESS }));
    }

    /// As [`disconnect`](Session::disconnect), with properties: a reason string, user properties, or how long the
    /// server is to keep the session from now on. They are left out, and the reason stays, where the server takes no
    /// packet so large [MQTT-3.14.2-3] [MQTT-3.14.2-4], or the control lane has no room.
    ///
    /// # Errors
    /// Nothing has changed: see [`DisconnectError`].
    pub fn disconnect_with(&mut self, reason: ReasonCode, properties: Properties<'_>) -> Result<(), DisconnectError> {
        if !self.version.is_v5() && !properties.is_empty() {
            return Err(DisconnectError::NeedsV5);
        }
        if !is_said_by_a_client(reason) {
            return Err(DisconnectError::NotAllowed);
        }
        // [U5-3.14.2.2.2-a]
        let expiry = properties.number(PropertyId::SessionExpiryInterval);
        if properties.binary(PropertyId::ServerReference).is_some() {
            return Err(DisconnectError::NotAllowed);
        }
        if self.session_expiry_interval == 0 && expiry.is_some_and(|interval| interval > 0) {
            return Err(DisconnectError::SessionExpiry);
        }
        let was_connected = self.state == State::Connected;
        self.disconnect(reason);
        let (version, packet) = (self.version, Disconnect { reason, properties });
        if was_connected && !properties.is_empty() && self.put_packet(false, |out| packet.encode(version, out)).is_ok()
        {
            self.farewell = None;
            if expiry == Some(0) {
                self.server_session = ServerSession::None;
            }
        }
        Ok(())
    }

    /// What is sent to a server that broke the protocol [U5-4.13.1-a]; 3.1.1 can only close.
    fn handle_fault(&mut self, fault: DecodeError) {
        let reason = fault.reason();
        self.close(if self.version.is_v5() { Some(reason) } else { None });
    }

    /// Once a connection, so a function of its own.
    #[cold]
    #[inline(never)]
    fn close(&mut self, farewell: Option<ReasonCode>) {
        match self.state {
            State::Connected => self.farewell = farewell,
            // A CONNECT that is not wholly sent is better not finished.
            State::Connecting => self.lane.clear(),
            State::Disconnected | State::Closing => return,
        }
        self.state = State::Closing;
    }

    // ---- out ----

    /// The next bytes for the link; `None`: nothing may go now. The same bytes come again until
    /// [`transmitted`](Session::transmitted) tells that they were taken, of a shared payload all at once.
    ///
    /// Nothing but CONNECT leaves before CONNACK [MQTT-3.1.4-5]; control packets go between messages, never inside
    /// one, and no queue of messages delays them by more than what is being transmitted.
    ///
    /// The time of a message that expires counts from the first call after it was published: call this then also without
    /// a connection. What ran out is settled, see [`poll_settled`](Session::poll_settled).
    #[inline]
    pub fn poll_transmit(&mut self, now: Instant) -> Option<Chunk<'_, Shared<M>>> {
        self.timing.handle_run_goes_on(now);
        if self.outbound.ages() {
            self.age(now);
        }
        if self.outbound.is_between_packets() {
            if self.state == State::Connected {
                self.handle_stored();
                self.answer();
                self.repeat_releases();
            }
            self.put_last();
            if !self.lane.is_empty() {
                let (pending, asks) = self.lane.pending()?;
                self.timing.handle_transmit(now, asks);
                return Some(Chunk::Copy(pending));
            }
            if self.state != State::Connected || RESUME && self.held {
                return None;
            }
            let asks = self.outbound.begin_run(now, &self.limits)?;
            self.timing.handle_run(now, asks);
            if asks {
                self.watch.iter_mut().for_each(|watch| watch.begin(now));
            }
        }
        self.outbound.poll_begun()
    }

    /// `len` bytes of what [`poll_transmit`](Session::poll_transmit) gave were taken, to be written to the link.
    #[inline]
    pub fn transmitted(&mut self, len: usize) {
        if self.outbound.is_between_packets() {
            self.lane.transmitted(len);
        } else {
            self.outbound.transmitted(len);
            self.timing.handle_transmitted(len);
        }
    }

    /// Everything that was taken is written: it is with the operating system or the network chip now. QoS 0 messages
    /// are settled by this.
    #[inline]
    pub fn flushed(&mut self) {
        self.timing.handle_flushed();
        self.outbound.flushed();
    }

    /// The next outcome that no packet told: QoS 0 messages that are sent, messages that a new connection made
    /// impossible, and those that expired. To be asked after [`flushed`](Session::flushed), after
    /// [`Event::Connected`](crate::Event::Connected), after
    /// [`handle_connection_lost`](Session::handle_connection_lost), and, where messages expire, after
    /// [`poll_transmit`](Session::poll_transmit) and [`handle_timeout`](Session::handle_timeout), until there are no
    /// more.
    #[inline]
    pub fn poll_settled(&mut self) -> Option<(PacketId, Outcome)> {
        self.outbound.poll_settled()
    }

    /// What waits for room in the lane, but must not be forgotten.
    fn put_last(&mut self) {
        if self.timing.ping_due && self.state == State::Connected && self.lane.put(&[0xC0, 0], true) {
            self.timing.ping_due = false;
        }
        let Some(reason) = self.farewell else { return };
        let packet = [0xE0, 1, reason.get()];
        let shortest: &[u8] = if reason == ReasonCode::SUCCESS { &[0xE0, 0] } else { &packet };
        if self.lane.put(shortest, false) {
            self.farewell = None;
        }
    }

    fn repeat_releases(&mut self) {
        while let Some(id) = self.outbound.next_repeated_release().filter(|_| self.lane.has_room()) {
            self.lane.acknowledge(self.version, PUBREL, id, ReasonCode::SUCCESS);
            self.outbound.release_put(id, self.lane.end());
            self.outbound.release_repeated();
        }
        while let Some(id) = self.outbound.next_foreign().filter(|_| self.lane.has_room()) {
            self.lane.acknowledge(self.version, PUBREL, id, ReasonCode::SUCCESS);
            self.outbound.foreign_asked();
        }
    }
}

/// The codes of DISCONNECT that are not the server's alone.
fn is_said_by_a_client(reason: ReasonCode) -> bool {
    matches!(reason.get(), 0x00 | 0x04 | 0x80..=0x83 | 0x90 | 0x93..=0x99)
}
