use dunlin_codec::{
    DecodeError, Disconnect, EncodeError, PacketId, PacketType, Properties, PropertyId, Qos, ReasonCode, Subscribe,
    SubscriptionFilter, TopicFilter, TopicName, Unsubscribe, UnsubscribeFilters,
};

use super::{Session, State};
use crate::{
    AcknowledgeError, Change, Delivery, DisconnectError, EXACTLY_ONCE, Inbound, Journal, LIMITS, Memory, PublishError,
    PublishOptions, REFUSALS, RESUME, RequestError, ServerSession, journal,
    lane::{PUBACK, PUBREC, SHORTEST_ACK, success},
    list,
    outbound::Payload,
};

/// What the application asks for.
impl<M: Memory> Session<M> {
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
    pub(super) fn put_packet(
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
    pub(super) fn answer(&mut self) {
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
    pub(super) fn handle_fault(&mut self, fault: DecodeError) {
        let reason = fault.reason();
        self.close(if self.version.is_v5() { Some(reason) } else { None });
    }

    /// Once a connection, so a function of its own.
    #[cold]
    #[inline(never)]
    pub(super) fn close(&mut self, farewell: Option<ReasonCode>) {
        match self.state {
            State::Connected => self.farewell = farewell,
            // A CONNECT that is not wholly sent is better not finished.
            State::Connecting => self.lane.clear(),
            State::Disconnected | State::Closing => return,
        }
        self.state = State::Closing;
    }
}

/// The codes of DISCONNECT that are not the server's alone.
fn is_said_by_a_client(reason: ReasonCode) -> bool {
    matches!(reason.get(), 0x00 | 0x04 | 0x80..=0x83 | 0x90 | 0x93..=0x99)
}
