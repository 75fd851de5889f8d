//! Acknowledgements: sent at once, late, or when the test lets them go.

use std::time::Duration;

use dunlin_codec::{Ack, Packet, PacketId, PacketType, Properties, ReasonCode, Suback, Unsuback};

use super::connection::{Connection, ConnectionId};
use super::records::HeldAck;
use super::sans_io::SansIoServer;

/// An acknowledgement that has not left yet: held when `due` is `None`.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) due: Option<Duration>,
    pub(super) answer: Answer,
}

#[derive(Clone, Debug)]
pub(super) enum Answer {
    Puback(PacketId, ReasonCode),
    Pubrec(PacketId, ReasonCode),
    Pubcomp(PacketId, ReasonCode),
    Suback(PacketId, Vec<u8>),
    Unsuback(PacketId, Vec<u8>),
}

impl Answer {
    pub(super) fn held(&self) -> HeldAck {
        let (packet_type, packet_id) = match self {
            Self::Puback(id, _) => (PacketType::Puback, *id),
            Self::Pubrec(id, _) => (PacketType::Pubrec, *id),
            Self::Pubcomp(id, _) => (PacketType::Pubcomp, *id),
            Self::Suback(id, _) => (PacketType::Suback, *id),
            Self::Unsuback(id, _) => (PacketType::Unsuback, *id),
        };
        HeldAck { packet_type, packet_id }
    }
}

impl SansIoServer {
    /// Sends an acknowledgement, or lets it wait as the options and the test want it.
    pub(super) fn answer(&mut self, id: ConnectionId, mut answer: Answer, now: Duration) {
        let holds = self.holds_acks;
        let Some(connection) = self.connections.get_mut(&id) else { return };
        if !connection.version.is_v5() {
            match &mut answer {
                Answer::Puback(_, reason) | Answer::Pubrec(_, reason) | Answer::Pubcomp(_, reason) => {
                    *reason = ReasonCode::SUCCESS;
                }
                Answer::Suback(..) | Answer::Unsuback(..) => {}
            }
        }
        let delay = connection.options.ack_delay;
        if !holds && delay.is_zero() && connection.answers.is_empty() {
            self.send_answer(id, &answer);
        } else {
            let due = (!holds).then(|| now + delay);
            connection.answers.push_back(Waiting { due, answer });
        }
    }

    pub(super) fn send_answers(&mut self, id: ConnectionId, wanted: impl Fn(&Waiting) -> bool) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let (leaving, staying): (Vec<_>, Vec<_>) =
            std::mem::take(&mut connection.answers).into_iter().partition(|waiting| wanted(waiting));
        connection.answers.extend(staying);
        for waiting in leaving {
            self.send_answer(id, &waiting.answer);
        }
    }

    /// The moment an acknowledgement leaves: now the identifier is free, and the client's quota grows.
    pub(super) fn send_answer(&mut self, id: ConnectionId, answer: &Answer) {
        let Some((connection, session)) = self.halves(id) else { return };
        session.inbox.note_answered(answer);
        connection.send_answer(answer);
        match answer {
            Answer::Pubrec(_, reason) if !reason.is_error() => {}
            Answer::Puback(id, _) | Answer::Pubrec(id, _) | Answer::Pubcomp(id, _) => {
                connection.unacknowledged.remove(id);
            }
            Answer::Suback(id, _) | Answer::Unsuback(id, _) => {
                connection.requests.remove(id);
            }
        }
    }
}

impl Connection {
    /// Sends an acknowledgement, with a reason string if there is something to tell and the client wants it.
    pub(super) fn send_answer(&mut self, answer: &Answer) {
        match answer {
            Answer::Puback(id, reason) => self.send_ack(PacketType::Puback, *id, *reason),
            Answer::Pubrec(id, reason) => self.send_ack(PacketType::Pubrec, *id, *reason),
            Answer::Pubcomp(id, reason) => self.send_ack(PacketType::Pubcomp, *id, *reason),
            Answer::Suback(packet_id, codes) => {
                let worst = codes.iter().copied().max().map_or(ReasonCode::SUCCESS, ReasonCode::new);
                let why = self.reason_string(PacketType::Suback, worst.is_error(), worst.name());
                let make = |properties| Packet::Suback(Suback { packet_id: *packet_id, properties, codes });
                self.send_with(PacketType::Suback, &why, make);
            }
            Answer::Unsuback(packet_id, codes) => {
                let packet = Unsuback { packet_id: *packet_id, properties: Properties::NONE, codes };
                self.send(&Packet::Unsuback(packet));
            }
        }
    }

    pub(super) fn send_ack(&mut self, packet_type: PacketType, packet_id: PacketId, reason: ReasonCode) {
        let reason = if self.version.is_v5() { reason } else { ReasonCode::SUCCESS };
        let why = self.reason_string(packet_type, reason.is_error(), reason.name());
        self.send_with(packet_type, &why, |properties| {
            let ack = Ack { packet_id, reason, properties };
            match packet_type {
                PacketType::Puback => Packet::Puback(ack),
                PacketType::Pubrec => Packet::Pubrec(ack),
                PacketType::Pubrel => Packet::Pubrel(ack),
                _ => Packet::Pubcomp(ack),
            }
        });
    }
}
