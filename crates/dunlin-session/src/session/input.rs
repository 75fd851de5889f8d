use dunlin_codec::{
    Ack, Connack, DecodeError, Disconnect, FixedHeader, Malformed, PacketType, PropertyId, ProtocolViolation, Publish,
    ReasonCode, Suback, Unsuback,
};

use super::{Session, State};
use crate::{
    Arrival, Delivery, Event, Inbound, Instant, Memory, Outcome, Progress,
    lane::{PUBCOMP, PUBREL},
    list,
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
            Ok(None) => return Progress::Incomplete { needed: input.len().saturating_add(1).max(2) },
            Err(malformed) => return self.fault(malformed.into()),
        };
        let len = header.packet_len();
        if len > self.maximum_packet_size as usize {
            return self.fault(ProtocolViolation::PacketTooLarge.into());
        }
        let Some(body) = input.get(header.len..len) else { return Progress::Incomplete { needed: len } };
        self.timing.handle_received();
        let handled = match header.first_byte >> 4 {
            PUBLISH => self.handle_publish(header.first_byte, body),
            _ => self.handle_control(now, header.first_byte, body),
        };
        match handled {
            Ok(Handled::Event(event)) => Progress::Packet { consumed: len, event },
            Ok(Handled::Blocked) => Progress::Blocked,
            Err(error) => self.fault(error),
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
        if !publish.properties.is_empty() && publish.properties.number(PropertyId::TopicAlias).is_some() {
            return Err(ProtocolViolation::TopicAliasTooLarge.into());
        }
        let Some(id) = publish.packet_id else {
            return Ok(Handled::Event(Some(Event::Message { publish, delivery: None })));
        };
        let qos = publish.qos;
        let room = self.inbound.unanswered() < self.receive_maximum as usize;
        match self.inbound.arrive(id, qos) {
            Arrival::New if room || !self.version.is_v5() => {
                let delivery = Some(Delivery { id, qos, connection: self.connection });
                Ok(Handled::Event(Some(Event::Message { publish, delivery })))
            }
            Arrival::Repeated => {
                self.answer();
                Ok(Handled::Event(None))
            }
            _ => Err(ProtocolViolation::ReceiveMaximumExceeded.into()),
        }
    }

    #[inline(never)]
    fn handle_control<'i>(&mut self, now: Instant, first_byte: u8, body: &'i [u8]) -> Result<Handled<'i>, DecodeError> {
        let version = self.version;
        let packet_type = PacketType::from_first_byte(version, first_byte)?;
        let event = match (packet_type, self.state) {
            (PacketType::Connack, State::Connecting | State::Connected) => {
                self.handle_connack(now, Connack::decode(version, body)?)?
            }
            (_, State::Closing) => return self.handle_unexpected(),
            (PacketType::Disconnect, _) if version.is_v5() => {
                let disconnect = Disconnect::decode(version, body)?;
                if disconnect.properties.number(PropertyId::SessionExpiryInterval).is_some() {
                    return Err(ProtocolViolation::DisconnectSessionExpiry.into());
                }
                self.state = State::Closing;
                Some(Event::Disconnected(disconnect))
            }
            (_, State::Connecting) => return Err(ProtocolViolation::FirstPacketNotConnack.into()),
            (PacketType::Puback | PacketType::Pubrec | PacketType::Pubrel | PacketType::Pubcomp, _) => {
                return self.handle_ack(packet_type, Ack::decode(version, packet_type, body)?);
            }
            (PacketType::Suback | PacketType::Unsuback, _) => {
                let subscribed = packet_type == PacketType::Suback;
                let (id, verdicts, kind, event) = if subscribed {
                    let suback = Suback::decode(version, body)?;
                    (suback.packet_id, suback.codes.len(), list::State::Subscribe, Event::Subscribed(suback))
                } else {
                    let unsuback = Unsuback::decode(version, body)?;
                    (unsuback.packet_id, unsuback.codes.len(), list::State::Unsubscribe, Event::Unsubscribed(unsuback))
                };
                // [MQTT-2.2.1-6]
                let asked = self.outbound.answer_request(id, kind).ok_or(ProtocolViolation::AcknowledgedUnknown)?;
                // One for each filter [MQTT-3.8.4-6]; an UNSUBACK of 3.1.1 has none.
                if asked != verdicts && (subscribed || version.is_v5()) {
                    return Err(ProtocolViolation::VerdictCount.into());
                }
                Some(event)
            }
            (PacketType::Pingresp, _) if body.is_empty() => None,
            (PacketType::Pingresp, _) => return Err(Malformed::TrailingBytes.into()),
            (PacketType::Auth, _) => return Err(ProtocolViolation::AuthenticationNotAsked.into()),
            _ => return Err(ProtocolViolation::UnexpectedPacket.into()),
        };
        Ok(Handled::Event(event))
    }

    /// Every packet here may need an answer: it is not taken while there is no room for one.
    fn handle_ack<'i>(&mut self, packet_type: PacketType, ack: Ack<'i>) -> Result<Handled<'i>, DecodeError> {
        if packet_type != PacketType::Puback && !self.lane.has_room() {
            return Ok(Handled::Blocked);
        }
        let id = ack.packet_id;
        let acknowledged = match packet_type {
            PacketType::Pubrel => {
                let reason = match self.inbound.release(id) {
                    true => ReasonCode::SUCCESS,
                    false => ReasonCode::PACKET_IDENTIFIER_NOT_FOUND,
                };
                self.lane.acknowledge(self.version, PUBCOMP, id, reason);
                return Ok(Handled::Event(None));
            }
            PacketType::Puback => self.outbound.handle_puback(id, ack.reason),
            PacketType::Pubrec => self.outbound.handle_pubrec(id, ack.reason),
            _ => self.outbound.handle_pubcomp(id),
        };
        let settled = |outcome: Outcome| Ok(Handled::Event(Some(Event::Settled { id, outcome })));
        match acknowledged {
            Acknowledged::Settled(outcome) => settled(outcome),
            Acknowledged::Release => {
                self.lane.acknowledge(self.version, PUBREL, id, ReasonCode::SUCCESS);
                Ok(Handled::Event(None))
            }
            Acknowledged::Unknown if packet_type == PacketType::Pubrec && !ack.reason.is_error() => {
                self.lane.acknowledge(self.version, PUBREL, id, ReasonCode::PACKET_IDENTIFIER_NOT_FOUND);
                Ok(Handled::Event(None))
            }
            Acknowledged::Unknown => Ok(Handled::Event(None)),
            Acknowledged::Early => Err(ProtocolViolation::AcknowledgedEarly.into()),
            Acknowledged::Wrong => Err(ProtocolViolation::AcknowledgedWrongly.into()),
        }
    }

    /// A packet that came before CONNACK is a fault; one that came after the end is nothing.
    fn handle_unexpected<'i>(&self) -> Result<Handled<'i>, DecodeError> {
        match self.state {
            State::Closing => Ok(Handled::Event(None)),
            _ => Err(ProtocolViolation::FirstPacketNotConnack.into()),
        }
    }
}

const PUBLISH: u8 = PacketType::Publish as u8;
