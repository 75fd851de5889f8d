//! A strict model of a server: what a client may not do stops the run.

use std::collections::{BTreeSet, VecDeque};

use dunlin_codec::{
    Ack, Connack, Connect, Decoded, Disconnect, Packet, PacketId, PacketType, Properties, PropertyId, PropertyOwner,
    Publish, Qos, ReasonCode, Suback, TopicName, Unsuback, Version, decode,
};

use super::{Random, number_of, payload};

#[derive(Debug)]
pub(super) struct Server {
    version: Version,
    seed: u64,
    kind: bool,
    random: u64,
    pub(super) out: Vec<u8>,
    input: Vec<u8>,
    closed: bool,
    /// What came, and was accepted, by QoS.
    arrived: [Vec<u32>; 3],
    /// What the client said it has.
    completed: Vec<(Qos, u32)>,
    published: u32,
    session: Option<Session>,
    connection: Option<Connection>,
}

/// What is kept from one connection to the next, or forgotten.
#[derive(Debug, Default)]
struct Session {
    /// QoS 2 messages that were not released, by identifier.
    received: Vec<(u16, u32)>,
    /// QoS 1 messages that came.
    seen: BTreeSet<u32>,
    outgoing: VecDeque<Outgoing>,
    last_id: u16,
}

#[derive(Debug)]
struct Outgoing {
    id: u16,
    qos: Qos,
    number: u32,
    len: usize,
    progress: Progress,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    Queued,
    Sent,
    Received,
}

#[derive(Debug)]
struct Connection {
    clean_start: bool,
    session_present: bool,
    receive_maximum: usize,
    maximum_packet_size: usize,
    maximum_qos: Qos,
    retain_available: bool,
    /// Of the client.
    client_receive_maximum: usize,
    answers: Vec<Packet<'static>>,
    /// Identifiers that count against our Receive Maximum.
    in_flight: BTreeSet<u16>,
    /// PUBRECs that want their PUBREL, in order.
    pubrecs: VecDeque<u16>,
    /// PUBRELs that came since the last PUBLISH with the identifier.
    pubrels: BTreeSet<u16>,
    /// Messages that want their PUBACK or PUBREC, in order, by QoS.
    unanswered: [VecDeque<u16>; 3],
    left: bool,
}

impl Server {
    pub(super) fn new(seed: u64, random: &mut Random) -> Self {
        Self {
            version: if seed & 1 == 0 { Version::V3_1_1 } else { Version::V5 },
            seed,
            kind: false,
            random: random.below(usize::MAX) as u64 | 1,
            out: Vec::new(),
            input: Vec::new(),
            closed: false,
            arrived: Default::default(),
            completed: Vec::new(),
            published: 0,
            session: None,
            connection: None,
        }
    }

    /// No more refusals and losses: what is under way is finished.
    pub(super) fn be_kind(&mut self) {
        self.kind = true;
    }

    pub(super) fn arrived(&self, qos: Qos) -> &[u32] {
        &self.arrived[qos as usize]
    }

    pub(super) fn completed(&self) -> &[(Qos, u32)] {
        &self.completed
    }

    pub(super) fn has_closed(&self) -> bool {
        self.closed && self.out.is_empty()
    }

    pub(super) fn is_done(&self) -> bool {
        self.session.as_ref().is_some_and(|session| session.outgoing.is_empty())
            && self.connection.as_ref().is_some_and(|connection| connection.answers.is_empty())
            && self.out.is_empty()
    }

    /// `told`: the client had the CONNACK.
    pub(super) fn handle_connection_lost(&mut self, told: bool) {
        if let Some(connection) = self.connection.take() {
            // In 3.1.1 a session that begins clean ends with its connection.
            let is_over = self.version == Version::V3_1_1 && connection.clean_start;
            // A client that is never told of a new session takes it for the old one, and no client can know better.
            if is_over || (!connection.session_present && !told) {
                self.session = None;
            }
        }
        (self.out, self.input, self.closed, self.connection) = (Vec::new(), Vec::new(), false, None);
    }

    /// The client cannot know that this session is not the one before, because it ended before that was stored.
    pub(super) fn forget(&mut self) {
        self.session = None;
    }

    // ---- out ----

    /// A message for the client.
    pub(super) fn publish(&mut self, random: &mut Random) {
        let Some(session) = &mut self.session else { return };
        if session.outgoing.len() < 8 {
            let qos = random.of(&[Qos::AtMostOnce, Qos::AtLeastOnce, Qos::ExactlyOnce]);
            let (number, len) = (self.published, random.of(&[4, 40, 200]));
            self.published += 1;
            session.outgoing.push_back(Outgoing { id: 0, qos, number, len, progress: Progress::Queued });
        }
    }

    /// Sends an answer, in any order, or a message; or closes.
    pub(super) fn act(&mut self, random: &mut Random) {
        let Some(connection) = &mut self.connection else { return };
        if self.closed {
            return;
        }
        if !self.kind && random.below(150) == 0 {
            self.closed = true;
            if self.version == Version::V5 {
                self.put(&Packet::Disconnect(Disconnect::new(ReasonCode::SERVER_BUSY)));
            }
            return;
        }
        if !connection.answers.is_empty() && random.below(3) > 0 {
            let any = random.below(connection.answers.len());
            let packet_type = connection.answers[any].packet_type();
            // Our own PUBRELs keep their order [MQTT-4.6.0-4].
            let first = connection.answers.iter().position(|answer| answer.packet_type() == packet_type);
            let index = if packet_type == PacketType::Pubrel { first.unwrap_or(any) } else { any };
            let answer = connection.answers.remove(index);
            connection.handle_sent(&answer);
            return self.put(&answer);
        }
        self.send_next();
    }

    fn send_next(&mut self) {
        let (Some(session), Some(connection)) = (&mut self.session, &mut self.connection) else { return };
        let in_flight = session.outgoing.iter().filter(|message| message.progress != Progress::Queued).count();
        let Some(index) = session.outgoing.iter().position(|message| message.progress == Progress::Queued) else {
            return;
        };
        let message = &mut session.outgoing[index];
        if message.qos == Qos::AtMostOnce {
            let message = session.outgoing.remove(index).expect("the message");
            return self.put_publish(&message, false);
        }
        if in_flight >= connection.client_receive_maximum {
            return;
        }
        session.last_id = session.last_id % 9 + 1;
        while session.outgoing.iter().any(|message| message.id == session.last_id) {
            session.last_id = session.last_id % 9 + 1;
        }
        let message = &mut session.outgoing[index];
        (message.id, message.progress) = (session.last_id, Progress::Sent);
        connection.unanswered[message.qos as usize].push_back(message.id);
        let message = Outgoing { ..*message };
        self.put_publish(&message, false);
    }

    fn put_publish(&mut self, message: &Outgoing, dup: bool) {
        let payload = payload(message.number, message.len);
        let topic = TopicName::new("t").expect("a topic");
        let packet_id = PacketId::new(message.id);
        self.put(&Packet::Publish(Publish { dup, qos: message.qos, packet_id, ..Publish::new(topic, &payload) }));
    }

    fn put(&mut self, packet: &Packet<'_>) {
        let begin = self.out.len();
        self.out.resize(begin + packet.encoded_len(self.version).expect("a packet"), 0);
        packet.encode(self.version, &mut self.out[begin..]).expect("a packet");
    }

    // ---- in ----

    pub(super) fn feed(&mut self, bytes: &[u8]) {
        self.input.extend(bytes);
        let input = std::mem::take(&mut self.input);
        let mut rest = &input[..];
        while let Decoded::Packet { packet, consumed } = decode(self.version, rest).expect("a packet of a client") {
            self.handle_packet(&packet, consumed);
            rest = &rest[consumed..];
        }
        self.input = rest.to_vec();
    }

    fn handle_packet(&mut self, packet: &Packet<'_>, len: usize) {
        if let Packet::Connect(connect) = packet {
            assert!(self.connection.is_none(), "a second CONNECT");
            return self.handle_connect(connect);
        }
        let (Some(session), Some(connection)) = (&mut self.session, &mut self.connection) else {
            panic!("{packet:?} before a CONNECT that was accepted")
        };
        assert!(!connection.left, "{packet:?} after DISCONNECT");
        assert!(len <= connection.maximum_packet_size, "{packet:?} is too large");
        match packet {
            Packet::Publish(publish) => {
                let accepted = connection.handle_publish(session, publish, self.version);
                if let Some(number) = accepted {
                    self.arrived[publish.qos as usize].push(number);
                }
            }
            Packet::Pubrel(ack) => connection.handle_pubrel(session, ack.packet_id, self.version),
            Packet::Puback(ack) => {
                connection.pop_unanswered(Qos::AtLeastOnce, ack.packet_id.get());
                self.completed.push(session.complete(ack.packet_id.get(), Qos::AtLeastOnce));
            }
            Packet::Pubrec(ack) => {
                connection.pop_unanswered(Qos::ExactlyOnce, ack.packet_id.get());
                session.message(ack.packet_id.get(), Qos::ExactlyOnce).progress = Progress::Received;
                connection.answers.push(Packet::Pubrel(Ack::new(ack.packet_id)));
            }
            Packet::Pubcomp(ack) => {
                assert_eq!(session.message(ack.packet_id.get(), Qos::ExactlyOnce).progress, Progress::Received);
                self.completed.push(session.complete(ack.packet_id.get(), Qos::ExactlyOnce));
            }
            Packet::Subscribe(subscribe) => connection.answers.push(Packet::Suback(Suback {
                packet_id: subscribe.packet_id,
                properties: Properties::NONE,
                codes: &[0],
            })),
            Packet::Unsubscribe(unsubscribe) => connection.answers.push(Packet::Unsuback(Unsuback {
                packet_id: unsubscribe.packet_id,
                properties: Properties::NONE,
                codes: if self.version == Version::V5 { &[0] } else { &[] },
            })),
            Packet::Pingreq => connection.answers.push(Packet::Pingresp),
            Packet::Disconnect(_) => connection.left = true,
            other => panic!("{other:?} from a client"),
        }
    }

    fn handle_connect(&mut self, connect: &Connect<'_>) {
        let random = &mut Random(self.random);
        let v5 = self.version == Version::V5;
        if !self.kind && random.below(12) == 0 {
            self.random = random.0;
            self.closed = true;
            return self.put(&Packet::Connack(Connack::new(self.version, false, ReasonCode::SERVER_UNAVAILABLE)));
        }
        let forgets = connect.clean_start || (!self.kind && random.below(4) == 0);
        let session_present = self.session.is_some() && !forgets;
        if !session_present {
            self.session = Some(Session::default());
        }
        let limited = v5 && self.seed.is_multiple_of(3) && !self.kind;
        let connection = Connection {
            clean_start: connect.clean_start,
            session_present,
            receive_maximum: if v5 { 1 + random.below(6) } else { usize::MAX },
            maximum_packet_size: if limited && random.below(2) == 0 { 40 } else { usize::MAX },
            maximum_qos: if limited && random.below(3) == 0 { Qos::AtLeastOnce } else { Qos::ExactlyOnce },
            retain_available: !limited || random.below(3) > 0,
            client_receive_maximum: match connect.properties.number(PropertyId::ReceiveMaximum) {
                Some(maximum) => maximum as usize,
                // 3.1.1 cannot say it: the smallest memory of this simulation.
                None => 1,
            },
            answers: Vec::new(),
            in_flight: BTreeSet::new(),
            pubrecs: VecDeque::new(),
            pubrels: BTreeSet::new(),
            unanswered: Default::default(),
            left: false,
        };
        self.random = random.0;
        let bytes = connection.properties();
        let properties = match v5 {
            true => Properties::check(PropertyOwner::Packet(PacketType::Connack), &bytes).expect("properties"),
            false => Properties::NONE,
        };
        let connack = Connack { properties, ..Connack::new(self.version, session_present, ReasonCode::SUCCESS) };
        self.put(&Packet::Connack(connack));
        self.connection = Some(connection);
        self.resend();
    }

    fn resend(&mut self) {
        let (Some(session), Some(connection)) = (&mut self.session, &mut self.connection) else { return };
        let mut again = Vec::new();
        for message in &session.outgoing {
            match message.progress {
                Progress::Queued => {}
                Progress::Sent => {
                    connection.unanswered[message.qos as usize].push_back(message.id);
                    again.push(Outgoing { ..*message });
                }
                Progress::Received => again.push(Outgoing { ..*message }),
            }
        }
        for message in again {
            match (message.progress, PacketId::new(message.id)) {
                (Progress::Received, Some(id)) => self.put(&Packet::Pubrel(Ack::new(id))),
                _ => self.put_publish(&message, true),
            }
        }
    }
}

impl Session {
    fn message(&mut self, id: u16, qos: Qos) -> &mut Outgoing {
        let message = self.outgoing.iter_mut().find(|message| message.id == id && message.qos == qos);
        message.unwrap_or_else(|| panic!("an acknowledgement of {id}, which is not in flight"))
    }

    fn complete(&mut self, id: u16, qos: Qos) -> (Qos, u32) {
        let number = self.message(id, qos).number;
        self.outgoing.retain(|message| message.id != id);
        (qos, number)
    }
}

impl Connection {
    /// The number of a message that is accepted and was not before.
    fn handle_publish(&mut self, session: &mut Session, publish: &Publish<'_>, version: Version) -> Option<u32> {
        let number = number_of(publish.payload);
        assert!(publish.qos <= self.maximum_qos && (self.retain_available || !publish.retain), "{publish:?}");
        assert!(!publish.dup || self.session_present, "DUP in a new session: {publish:?}");
        let Some(packet_id) = publish.packet_id else { return Some(number) };
        let id = packet_id.get();
        assert!(self.in_flight.insert(id), "{id} is in flight: {publish:?}");
        assert!(self.in_flight.len() <= self.receive_maximum, "Receive Maximum: {publish:?}");
        self.pubrels.remove(&id);
        let refused = version == Version::V5 && number % 11 == 3;
        let reason = if refused { ReasonCode::QUOTA_EXCEEDED } else { ReasonCode::SUCCESS };
        let answer = Ack { reason, ..Ack::new(packet_id) };
        if publish.qos == Qos::AtLeastOnce {
            assert!(session.seen.insert(number) || publish.dup, "again without DUP: {publish:?}");
            self.answers.push(Packet::Puback(answer));
            return (!refused).then_some(number);
        }
        self.answers.push(Packet::Pubrec(answer));
        match session.received.iter().find(|(received, _)| *received == id) {
            Some((_, known)) => {
                assert!(*known == number && publish.dup, "{id} stands for message {known}: {publish:?}");
                None
            }
            None if refused => None,
            None => {
                session.received.push((id, number));
                Some(number)
            }
        }
    }

    fn handle_pubrel(&mut self, session: &mut Session, packet_id: PacketId, version: Version) {
        let id = packet_id.get();
        match self.pubrecs.iter().position(|pubrec| *pubrec == id) {
            Some(index) => {
                assert_eq!(index, 0, "PUBREL {id} out of the order of the PUBRECs {:?}", self.pubrecs);
                self.pubrecs.pop_front();
            }
            None => assert!(self.session_present, "PUBREL {id} without a PUBREC"),
        }
        assert!(self.pubrels.insert(id), "PUBREL {id} twice");
        let known = session.received.iter().position(|(received, _)| *received == id);
        known.map(|index| session.received.remove(index));
        let reason = match known {
            None if version == Version::V5 => ReasonCode::PACKET_IDENTIFIER_NOT_FOUND,
            _ => ReasonCode::SUCCESS,
        };
        self.answers.push(Packet::Pubcomp(Ack { reason, ..Ack::new(packet_id) }));
    }

    /// [MQTT-4.6.0-2] [MQTT-4.6.0-3]
    fn pop_unanswered(&mut self, qos: Qos, id: u16) {
        let first = self.unanswered[qos as usize].pop_front();
        assert_eq!(first, Some(id), "{qos}: an acknowledgement out of order, or of nothing");
    }

    fn handle_sent(&mut self, answer: &Packet<'_>) {
        match answer {
            Packet::Puback(ack) | Packet::Pubcomp(ack) => {
                self.in_flight.remove(&ack.packet_id.get());
            }
            Packet::Pubrec(ack) if ack.reason.is_error() => {
                self.in_flight.remove(&ack.packet_id.get());
            }
            Packet::Pubrec(ack) => self.pubrecs.push_back(ack.packet_id.get()),
            _ => {}
        }
    }

    fn properties(&self) -> Vec<u8> {
        let mut bytes = vec![0x21, 0, self.receive_maximum.min(255) as u8];
        if self.maximum_packet_size < usize::MAX {
            bytes.extend([0x27, 0, 0, 0, self.maximum_packet_size as u8]);
        }
        if self.maximum_qos < Qos::ExactlyOnce {
            bytes.extend([0x24, self.maximum_qos as u8]);
        }
        if !self.retain_available {
            bytes.extend([0x25, 0]);
        }
        bytes
    }
}
