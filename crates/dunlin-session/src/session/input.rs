use dunlin_codec::{
    Ack, Auth, Connack, DecodeError, Disconnect, FixedHeader, Malformed, PacketId, PacketType, Properties, PropertyId,
    ProtocolViolation, Publish, Qos, ReasonCode, Suback, TopicName,
};

use super::{Session, State};
use crate::{
    AUTHENTICATION, Arrival, Arrived, Change, Delivery, EXACTLY_ONCE, Event, Inbound, InboundAliases, Instant, Journal,
    LIMITS, Memory, Outcome, Progress, Succeeded, journal,
    lane::{PUBCOMP, PUBREL},
    number::Number,
    outbound::Acknowledged,
};

/// What a packet came to, before its length is added.
enum Handled<'i> {
    Event(Option<Event<'i>>),
    Blocked,
}

impl<M: Memory> Session<M> {
    /// Takes at most one packet off the front of `input` and tells at most one event. The event borrows `input` and
    /// not the session: the application may publish and acknowledge before it looks at the next packet.
    ///
    /// Takes time bounded by the packet's length. What the server may not send ends the connection: see
    /// [`Progress::Fault`].
    #[inline]
    pub fn handle_input<'i>(&mut self, now: Instant, input: &'i [u8]) -> Progress<'i> {
        let header = match FixedHeader::read(input) {
            Ok(Some(header)) => header,
            Ok(None) => return self.wait(input, input.len().saturating_add(1).max(2)),
            Err(malformed) => return self.fault(malformed.into()),
        };
        let len = header.packet_len();
        if len > self.maximum_packet_size as usize {
            return self.fault(ProtocolViolation::PacketTooLarge.into());
        }
        let Some(body) = input.get(header.len..len) else { return self.wait(input, len) };
        self.timing.handle_received();
        if header.first_byte >> 4 != PUBLISH {
            return self.handle_control(now, header.first_byte, body, len);
        }
        let handled = self.handle_publish(header.first_byte, body);
        self.progress(len, handled)
    }

    /// A shorter way for what comes most often: takes a message without properties off the front of `input`, if that is
    /// what is there, all of it, and nothing is wrong with it. `None`: nothing was taken, and
    /// [`handle_input`](Session::handle_input) tells what it is.
    ///
    /// `known` is a topic that came before, such as that of the last message, and is not checked again.
    #[inline(always)]
    pub fn handle_message<'i>(&mut self, input: &'i [u8], known: TopicName<'_>) -> Option<Arrived<'i>> {
        let header = FixedHeader::read(input).ok()??;
        let len = header.packet_len();
        if header.first_byte >> 4 != PUBLISH
            || self.state != State::Connected
            || len > self.maximum_packet_size as usize
        {
            return None;
        }
        let body = input.get(header.len..len)?;
        let (publish, is_known) = Publish::decode_plain(self.version, header.first_byte, body, known)?;
        let delivery = match publish.packet_id {
            None => None,
            Some(id) => Some(self.arrive(id, publish.qos)?),
        };
        self.timing.handle_received();
        Some(Arrived { publish, is_known, delivery, consumed: len })
    }

    /// As [`handle_message`](Session::handle_message), of an acknowledgement of "success": what a server mostly says to
    /// messages of ours, and the PUBREL of one of its own.
    #[inline(always)]
    pub fn handle_success(&mut self, input: &[u8]) -> Option<Succeeded> {
        let [first_byte, 2, high, low, ..] = *input else { return None };
        let id = PacketId::new(u16::from_be_bytes([high, low]))?;
        if self.state != State::Connected {
            return None;
        }
        let packet_type = match first_byte {
            0x40 => PacketType::Puback,
            0x50 if EXACTLY_ONCE && self.lane.has_room() => PacketType::Pubrec,
            0x62 if EXACTLY_ONCE && self.lane.has_room() => return self.handle_success_of_release(id),
            0x70 if EXACTLY_ONCE => PacketType::Pubcomp,
            _ => return None,
        };
        let settled = match self.outbound.handle_ack(packet_type, id, ReasonCode::SUCCESS, &self.lane) {
            Acknowledged::Settled(outcome) => Some((id, outcome)),
            Acknowledged::Release => {
                self.put_release(id);
                None
            }
            Acknowledged::Late | Acknowledged::ReleaseLater => None,
            // Nothing was changed.
            Acknowledged::Unknown | Acknowledged::Blocked | Acknowledged::Early | Acknowledged::Wrong => return None,
        };
        self.timing.handle_received();
        Some(Succeeded { settled, consumed: 4 })
    }

    #[inline]
    fn handle_success_of_release(&mut self, id: PacketId) -> Option<Succeeded> {
        match self.handle_pubrel(id) {
            Handled::Blocked => None,
            Handled::Event(_) => {
                self.timing.handle_received();
                Some(Succeeded { settled: None, consumed: 4 })
            }
        }
    }

    #[inline(always)]
    fn put_release(&mut self, id: PacketId) {
        self.lane.acknowledge(self.version, PUBREL, id, ReasonCode::SUCCESS);
        self.outbound.release_put(id, self.lane.end());
    }

    /// `None`: there is more to be said about it than that it came.
    #[inline]
    fn arrive(&mut self, id: PacketId, qos: Qos) -> Option<Delivery> {
        if !EXACTLY_ONCE && qos == Qos::ExactlyOnce || self.inbound.unanswered() >= self.receive_maximum as usize {
            return None;
        }
        match self.inbound.arrive(id, qos) {
            Arrival::New(number) => {
                Some(Delivery { id, qos, connection: self.connection, number: Number::new(number) })
            }
            // It is the same when it is asked again.
            Arrival::Repeated | Arrival::Full => None,
        }
    }

    #[inline(always)]
    #[expect(clippy::needless_pass_by_value, reason = "it is inlined, so nothing is passed")]
    fn progress<'i>(&mut self, len: usize, handled: Result<Handled<'i>, DecodeError>) -> Progress<'i> {
        match handled {
            Ok(Handled::Event(event)) => Progress::Packet { consumed: len, event },
            Ok(Handled::Blocked) => Progress::Blocked,
            Err(error) => self.fault(error),
        }
    }

    /// The packet is not all there. What cannot become a CONNACK is a fault at its first byte, rather than after a wait
    /// for a length that means nothing: a server of another protocol is told at once.
    #[cold]
    fn wait<'i>(&mut self, input: &'i [u8], needed: usize) -> Progress<'i> {
        match input.first() {
            Some(&first_byte)
                if self.state == State::Connecting
                    && !matches!(first_byte, 0x20 | 0xE0)
                    && !(first_byte == AUTH && self.is_authenticating()) =>
            {
                self.fault(ProtocolViolation::FirstPacketNotConnack.into())
            }
            _ => {
                self.timing.handle_part(input.len());
                Progress::Incomplete { needed }
            }
        }
    }

    #[cold]
    fn fault<'i>(&mut self, error: DecodeError) -> Progress<'i> {
        self.handle_fault(error);
        Progress::Fault(error)
    }

    #[inline]
    fn handle_publish<'i>(&mut self, first_byte: u8, body: &'i [u8]) -> Result<Handled<'i>, DecodeError> {
        if self.state != State::Connected {
            return self.handle_unexpected();
        }
        let publish = Publish::decode(self.version, first_byte, body)?;
        if !publish.properties.is_empty() {
            self.handle_alias(&publish)?;
        }
        let Some(id) = publish.packet_id else {
            return Ok(Handled::Event(Some(Event::Message { publish, delivery: None })));
        };
        let qos = publish.qos;
        if !EXACTLY_ONCE && publish.qos == Qos::ExactlyOnce {
            return Err(ProtocolViolation::QosNotGranted.into());
        }
        let room = self.inbound.unanswered() < self.receive_maximum as usize;
        match self.inbound.arrive(id, qos) {
            Arrival::New(number) if room || !self.version.is_v5() => {
                let delivery = Some(Delivery { id, qos, connection: self.connection, number: Number::new(number) });
                Ok(Handled::Event(Some(Event::Message { publish, delivery })))
            }
            Arrival::Repeated => {
                self.answer();
                Ok(Handled::Event(None))
            }
            _ => {
                // It is not told, so it is new when it comes again. A QoS 2 message of before, whose identifier a QoS 1
                // message must not have, stays known.
                if qos == Qos::ExactlyOnce {
                    self.inbound.release(id);
                }
                Err(ProtocolViolation::ReceiveMaximumExceeded.into())
            }
        }
    }

    /// An alias holds for this connection, and stands for the last topic that came with it [MQTT-3.3.2-10].
    fn handle_alias(&mut self, publish: &Publish<'_>) -> Result<(), ProtocolViolation> {
        let Some(alias) = publish.properties.number(PropertyId::TopicAlias) else { return Ok(()) };
        let alias = alias as u16;
        // Without memory for aliases the compiler sees that the rest is never needed.
        if self.inbound_aliases.capacity() == 0 || alias > self.topic_alias_maximum {
            return Err(ProtocolViolation::TopicAliasTooLarge);
        }
        let topic = publish.topic.as_bytes();
        if topic.is_empty() {
            return match self.inbound_aliases.topic(alias).is_empty() {
                true => Err(ProtocolViolation::TopicAliasUnbound),
                false => Ok(()),
            };
        }
        if self.inbound_aliases.bind(alias, topic) { Ok(()) } else { Err(ProtocolViolation::TopicTooLong) }
    }

    // It makes the progress where it is wanted: an event is large, and moving it would link `memcpy` for that alone.
    #[inline(never)]
    fn handle_control<'i>(&mut self, now: Instant, first_byte: u8, body: &'i [u8], len: usize) -> Progress<'i> {
        let handled = self.handle_control_packet(now, first_byte, body);
        self.progress(len, handled)
    }

    fn handle_control_packet<'i>(
        &mut self,
        now: Instant,
        first_byte: u8,
        body: &'i [u8],
    ) -> Result<Handled<'i>, DecodeError> {
        let version = self.version;
        let packet_type = PacketType::from_first_byte(version, first_byte)?;
        let event = match (packet_type, self.state) {
            (PacketType::Connack, State::Connecting | State::Connected) => {
                self.handle_connack(now, Connack::decode(version, body)?)?
            }
            (_, State::Closing | State::Disconnected) => return self.handle_unexpected(),
            (PacketType::Disconnect, _) if version.is_v5() => {
                let disconnect = Disconnect::decode(version, body)?;
                if disconnect.properties.number(PropertyId::SessionExpiryInterval).is_some() {
                    return Err(ProtocolViolation::DisconnectSessionExpiry.into());
                }
                self.state = State::Closing;
                Some(Event::Disconnected(disconnect))
            }
            (PacketType::Auth, _) if AUTHENTICATION => Some(self.handle_auth(Auth::decode(body)?)?),
            (_, State::Connecting) => return Err(ProtocolViolation::FirstPacketNotConnack.into()),
            (PacketType::Puback | PacketType::Pubrec | PacketType::Pubrel | PacketType::Pubcomp, _) => {
                return self.handle_ack(packet_type, Ack::decode(version, packet_type, body)?);
            }
            (PacketType::Suback | PacketType::Unsuback, _) => {
                let subscribed = packet_type == PacketType::Suback;
                let suback = Suback::decode_as(version, packet_type, body)?;
                let (id, verdicts) = (suback.packet_id, suback.codes.len());
                self.check_problem_information(suback.properties)?;
                let asked = self.outbound.answer_request(id, subscribed, &self.lane)?;
                // One for each filter [MQTT-3.8.4-6]; an UNSUBACK of 3.1.1 has none.
                if asked != verdicts && (subscribed || version.is_v5()) {
                    return Err(ProtocolViolation::VerdictCount.into());
                }
                Some(if subscribed { Event::Subscribed(suback) } else { Event::Unsubscribed(suback.into()) })
            }
            (PacketType::Pingresp, _) if body.is_empty() => None,
            (PacketType::Pingresp, _) => return Err(Malformed::TrailingBytes.into()),
            (PacketType::Auth, _) => return Err(ProtocolViolation::AuthenticationNotAsked.into()),
            _ => return Err(ProtocolViolation::UnexpectedPacket.into()),
        };
        Ok(Handled::Event(event))
    }

    /// What needs an answer is not taken while there is no room for one.
    fn handle_ack<'i>(&mut self, packet_type: PacketType, ack: Ack<'i>) -> Result<Handled<'i>, DecodeError> {
        if !EXACTLY_ONCE && packet_type != PacketType::Puback {
            return Err(ProtocolViolation::AcknowledgedWrongly.into());
        }
        if matches!(packet_type, PacketType::Pubrec | PacketType::Pubrel) && !self.lane.has_room() {
            return Ok(Handled::Blocked);
        }
        self.check_problem_information(ack.properties)?;
        let id = ack.packet_id;
        let acknowledged = match packet_type {
            PacketType::Pubrel => return Ok(self.handle_pubrel(id)),
            _ => self.outbound.handle_ack(packet_type, id, ack.reason, &self.lane),
        };
        let properties = ack.properties;
        let settled = |outcome: Outcome| Ok(Handled::Event(Some(Event::Settled { id, outcome, properties })));
        match acknowledged {
            Acknowledged::Settled(outcome) => settled(outcome),
            Acknowledged::Release => {
                self.put_release(id);
                Ok(Handled::Event(None))
            }
            Acknowledged::Unknown if packet_type == PacketType::Pubrec && !ack.reason.is_error() => {
                self.lane.acknowledge(self.version, PUBREL, id, ReasonCode::PACKET_IDENTIFIER_NOT_FOUND);
                Ok(Handled::Event(None))
            }
            Acknowledged::Blocked => Ok(Handled::Blocked),
            Acknowledged::Unknown | Acknowledged::Late | Acknowledged::ReleaseLater => Ok(Handled::Event(None)),
            Acknowledged::Early => Err(ProtocolViolation::AcknowledgedEarly.into()),
            Acknowledged::Wrong => Err(ProtocolViolation::AcknowledgedWrongly.into()),
        }
    }

    fn wants_problem_information(&self) -> bool {
        self.authentication.first().is_none_or(|authentication| authentication.problem_information)
    }

    /// Whether the server sends texts that were asked not to be sent [MQTT-3.1.2-29].
    pub(super) fn check_problem_information(&self, properties: Properties<'_>) -> Result<(), ProtocolViolation> {
        let is_text = |id| properties.binary(id).is_some();
        let wanted = !LIMITS || properties.is_empty() || self.wants_problem_information();
        match wanted || !(is_text(PropertyId::ReasonString) || properties.user_properties().next().is_some()) {
            true => Ok(()),
            false => Err(ProtocolViolation::ProblemInformation),
        }
    }

    /// With PUBCOMP the server may use the identifier again, so it must not be stored any more then. What was said of
    /// it before is stored first.
    fn handle_pubrel<'i>(&mut self, id: PacketId) -> Handled<'i> {
        let journal = &mut self.outbound.journal;
        if !journal::is_stored(journal, Change::Received(id)) {
            return Handled::Blocked;
        }
        let known = self.inbound.release(id);
        if known && journal.marks().is_some() {
            journal::record(journal, Change::ReceivedDeleted(id));
            return Handled::Event(None);
        }
        let reason = if known { ReasonCode::SUCCESS } else { ReasonCode::PACKET_IDENTIFIER_NOT_FOUND };
        self.lane.acknowledge(self.version, PUBCOMP, id, reason);
        Handled::Event(None)
    }

    /// A packet that came before CONNACK is a fault; one that came after the end is nothing.
    fn handle_unexpected<'i>(&self) -> Result<Handled<'i>, DecodeError> {
        match self.state {
            State::Connecting => Err(ProtocolViolation::FirstPacketNotConnack.into()),
            _ => Ok(Handled::Event(None)),
        }
    }
}

const PUBLISH: u8 = PacketType::Publish as u8;
const AUTH: u8 = 0xF0;
