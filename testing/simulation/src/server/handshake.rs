use dunlin_codec::{Connack, Connect, Packet, PacketType, Property, PropertyId, Qos, ReasonCode, Version};

use super::{
    Run, Server,
    connection::{Answer, Connection},
    encode_properties,
    session::{Progress, Session},
};
use crate::{random::Random, tally::Fault, trace::Who};

/// What a connection allows the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(super) receive_maximum: usize,
    pub(super) maximum_packet_size: usize,
    pub(super) maximum_qos: Qos,
    pub(super) retain_available: bool,
    pub(super) topic_alias_maximum: u16,
    pub(super) keep_alive: Option<u16>,
}

impl Limits {
    /// What a server of 3.1.1 cannot say.
    const NONE: Self = Self {
        receive_maximum: usize::MAX,
        maximum_packet_size: usize::MAX,
        maximum_qos: Qos::ExactlyOnce,
        retain_available: true,
        topic_alias_maximum: 0,
        keep_alive: None,
    };

    /// Of one connection. Those that a message can be beyond are lowered now and then, and raised again.
    fn draw(random: &mut Random, lower_in: usize) -> Self {
        let lowers = random.once_in(lower_in);
        Self {
            receive_maximum: 1 + random.below(6),
            maximum_packet_size: if lowers && random.once_in(2) { 40 } else { usize::MAX },
            maximum_qos: if lowers && random.once_in(3) {
                random.of(&[Qos::AtMostOnce, Qos::AtLeastOnce])
            } else {
                Qos::ExactlyOnce
            },
            retain_available: !lowers || !random.once_in(3),
            topic_alias_maximum: random.of(&[0, 0, 1, 5]),
            keep_alive: random.once_in(4).then(|| random.of(&[1, 3])),
        }
    }

    /// Whether a message may now be beyond what it was not before.
    fn are_low(&self) -> bool {
        self.maximum_packet_size < usize::MAX || self.maximum_qos < Qos::ExactlyOnce || !self.retain_available
    }
}

impl Server {
    pub(super) fn handle_connect(&mut self, now: u64, connect: &Connect<'_>, run: &mut Run) {
        assert!(self.connection.is_none(), "a second CONNECT");
        self.check_connect(connect, run);
        let random = &mut self.random;
        let v5 = self.version.is_v5();
        let limits = if v5 { Limits::draw(random, run.plan.lower_in) } else { Limits::NONE };
        let number = |id, otherwise| connect.properties.number(id).unwrap_or(otherwise);
        let connection = Connection {
            clean_start: connect.clean_start,
            session_expiry: number(PropertyId::SessionExpiryInterval, 0),
            // 3.1.1 cannot say it: the smallest memory of the simulation.
            client_receive_maximum: if v5 { number(PropertyId::ReceiveMaximum, 0xFFFF) as usize } else { 1 },
            client_alias_maximum: number(PropertyId::TopicAliasMaximum, 0) as u16,
            ..Connection::new(limits)
        };
        let connection = self.connection.insert(connection);
        // What comes before CONNACK is a fault, so there is time for it.
        let due = now + random.between(0, run.plan.thinking);
        if random.once_in(run.plan.refuse_in) {
            connection.is_refused = true;
            let redirects = v5 && random.once_in(3);
            run.tally.count(if redirects { Fault::Redirect } else { Fault::Refusal });
            return connection.answer(
                due,
                Answer::Refusal(random.of(match redirects {
                    true => &[ReasonCode::USE_ANOTHER_SERVER, ReasonCode::SERVER_MOVED],
                    false => &[ReasonCode::SERVER_UNAVAILABLE, ReasonCode::NOT_AUTHORIZED],
                })),
            );
        }
        if random.once_in(run.plan.mute_in) {
            run.tally.count(Fault::NoConnack);
            run.trace.line(now, Who::Server, format_args!("will not answer"));
        } else {
            connection.answer(due, Answer::Connack);
        }
        if connect.clean_start || self.session.is_none() {
            self.session = Some(Session::default());
        } else if random.once_in(run.plan.forget_in) {
            run.tally.count(Fault::SessionForgotten);
            run.account.session_was_lost = true;
            self.session = Some(Session::default());
        } else {
            connection.session_present = true;
        }
    }

    /// A client begins clean once, and then goes on with its session wherever it asked the server to keep it.
    fn check_connect(&mut self, connect: &Connect<'_>, run: &mut Run) {
        let plan = &run.plan;
        let begins_clean = plan.session_expiry == 0 || !(plan.adopts || self.knows_client || self.discarded);
        assert_eq!(connect.clean_start, begins_clean, "clean start; was connected before: {}", self.knows_client);
        if self.version == Version::V5 {
            let expiry = connect.properties.number(PropertyId::SessionExpiryInterval);
            assert_eq!(expiry.unwrap_or(0), plan.session_expiry, "Session Expiry Interval");
        }
        assert_eq!(connect.keep_alive, plan.keep_alive, "Keep Alive");
    }

    pub(super) fn send_connack(&mut self, now: u64, run: &mut Run) {
        let Some(connection) = &mut self.connection else { return };
        let v5 = self.version.is_v5();
        let (limits, session_present) = (connection.limits, connection.session_present);
        if limits.are_low() && self.limits.is_none_or(|before| before != limits) {
            run.tally.count(Fault::LimitsLowered);
            run.account.limits_were_lowered = true;
        }
        self.limits = Some(limits);
        let mut memory = [0; 32];
        let mut list = Vec::new();
        if v5 {
            list.push(Property::ReceiveMaximum(limits.receive_maximum as u16));
            if limits.topic_alias_maximum > 0 {
                list.push(Property::TopicAliasMaximum(limits.topic_alias_maximum));
            }
            if limits.maximum_qos < Qos::ExactlyOnce {
                list.push(Property::MaximumQos(limits.maximum_qos == Qos::AtLeastOnce));
            }
            if !limits.retain_available {
                list.push(Property::RetainAvailable(false));
            }
            if limits.maximum_packet_size < usize::MAX {
                list.push(Property::MaximumPacketSize(limits.maximum_packet_size as u32));
            }
            list.extend(limits.keep_alive.map(Property::ServerKeepAlive));
        }
        let properties = encode_properties(PacketType::Connack, list, &mut memory);
        let connack = Connack { properties, ..Connack::new(self.version, session_present, ReasonCode::SUCCESS) };
        self.put(now, &Packet::Connack(connack), run);
        if let Some(connection) = &mut self.connection {
            (connection.connack_len, connection.accepted_at) = (Some(self.out.len()), now);
        }
        self.resend(now, run);
    }

    pub(super) fn send_refusal(&mut self, now: u64, reason: ReasonCode, run: &mut Run) {
        let redirects = matches!(reason, ReasonCode::USE_ANOTHER_SERVER | ReasonCode::SERVER_MOVED);
        let (mut memory, reference) = ([0; 16], Property::ServerReference("elsewhere"));
        let properties = encode_properties(PacketType::Connack, redirects.then_some(reference), &mut memory);
        let connack = Connack { properties, ..Connack::new(self.version, false, reason) };
        self.put(now, &Packet::Connack(connack), run);
        self.closes = true;
    }

    /// What the client has not acknowledged comes again, as its Receive Maximum allows; what it has waits for PUBREL.
    fn resend(&mut self, now: u64, run: &mut Run) {
        let (Some(session), Some(connection)) = (&mut self.session, &mut self.connection) else { return };
        // A client without room says 1 too, since 0 cannot be said, and one of 3.1.1 says nothing.
        let has_room = connection.client_receive_maximum > 1;
        for message in &mut session.outgoing {
            match (message.progress, dunlin_codec::PacketId::new(message.id)) {
                (Progress::Queued, _) => continue,
                (Progress::Received, Some(id)) => connection.answer(now, Answer::Pubrel(id)),
                _ => message.progress = Progress::Again,
            }
            message.counts = !has_room && message.progress == Progress::Received;
            run.tally.count(Fault::Duplicate);
        }
        self.send_messages(now, run);
    }
}
