use std::collections::VecDeque;

use dunlin_codec::{Ack, PacketId, Publish, Qos, ReasonCode, Version};

use super::{Run, Server, handshake::Limits, session::Session};
use crate::{
    message::number_of,
    random::Random,
    tally::{Fault, Tally},
};

/// What dies with a connection.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) clean_start: bool,
    pub(super) session_present: bool,
    pub(super) is_refused: bool,
    /// Seconds.
    pub(super) session_expiry: u32,
    pub(super) limits: Limits,
    pub(super) client_receive_maximum: usize,
    /// CONNACK was sent, and had so many bytes.
    pub(super) connack_len: Option<usize>,
    /// When that was.
    pub(super) accepted_at: u64,
    pub(super) answers: Vec<(u64, Answer)>,
    /// Identifiers that count against our Receive Maximum.
    pub(super) in_flight: Vec<u16>,
    /// PUBRECs that want their PUBREL, in order.
    pub(super) pubrecs: VecDeque<u16>,
    /// Messages that want their PUBACK or PUBREC, in order, by QoS.
    pub(super) unanswered: [VecDeque<u16>; 3],
    pub(super) requests: Vec<u16>,
    /// The sequence of the message that came last: those behind it are newer.
    pub(super) newest: Option<u32>,
    pub(super) left: bool,
    /// What the client's topic aliases stand for: a topic by its index.
    pub(super) aliases: Vec<Option<u8>>,
    /// How many aliases the client takes, and which it knows.
    pub(super) client_alias_maximum: u16,
    pub(super) aliases_given: [bool; 3],
}

/// What the server is going to say.
#[derive(Debug, Clone)]
pub(super) enum Answer {
    Connack,
    Refusal(ReasonCode),
    Puback(PacketId, ReasonCode),
    Pubrec(PacketId, ReasonCode),
    Pubrel(PacketId),
    Pubcomp(PacketId, ReasonCode),
    Suback(PacketId, Vec<u8>),
    Unsuback(PacketId, Vec<u8>),
    Pingresp,
}

impl Connection {
    /// It is accepted, and nothing is to be said on it.
    pub(super) fn is_quiet(&self) -> bool {
        self.connack_len.is_some() && self.answers.is_empty()
    }

    pub(super) fn new(limits: Limits) -> Self {
        Self {
            clean_start: false,
            session_present: false,
            is_refused: false,
            session_expiry: 0,
            client_receive_maximum: 1,
            connack_len: None,
            accepted_at: 0,
            answers: Vec::new(),
            in_flight: Vec::new(),
            pubrecs: VecDeque::new(),
            unanswered: Default::default(),
            requests: Vec::new(),
            newest: None,
            left: false,
            aliases: vec![None; limits.topic_alias_maximum.into()],
            client_alias_maximum: 0,
            aliases_given: [false; 3],
            limits,
        }
    }

    // ---- out ----

    pub(super) fn answer(&mut self, due: u64, answer: Answer) {
        self.answers.push((due, answer));
    }

    pub(super) fn next_at(&self) -> u64 {
        self.answers.iter().map(|(due, _)| *due).min().unwrap_or(u64::MAX)
    }

    /// Takes out any of the answers that are due: they may come in any order, but for our own PUBRELs, whose order is
    /// that of the PUBRECs [MQTT-4.6.0-4].
    pub(super) fn take_due(&mut self, now: u64, random: &mut Random, tally: &mut Tally) -> Option<Answer> {
        let due = self.answers.iter().filter(|(due, _)| *due <= now).count();
        let picked = if due > 1 { random.below(due) } else { 0 };
        let mut index = self.answers.iter().enumerate().filter(|(_, (due, _))| *due <= now).nth(picked)?.0;
        let is_release = |answer: &Answer| matches!(answer, Answer::Pubrel(_));
        if is_release(&self.answers[index].1) {
            index = self.answers.iter().position(|(_, answer)| is_release(answer))?;
        }
        if index > 0 {
            tally.count(Fault::Disorder);
        }
        Some(self.answers.remove(index).1)
    }

    /// The alias to send the topic of this message by, and whether the client knows it.
    pub(super) fn alias_for(&mut self, number: u32, random: &mut Random) -> Option<(u8, bool)> {
        let index = number % 3;
        if index >= self.client_alias_maximum.into() || random.once_in(3) {
            return None;
        }
        let known = core::mem::replace(&mut self.aliases_given[index as usize], true);
        Some((index as u8 + 1, known))
    }

    // ---- in ----

    pub(super) fn handle_publish(
        &mut self,
        due: u64,
        session: &mut Session,
        publish: &Publish<'_>,
        version: Version,
        run: &mut Run,
    ) {
        let (number, qos, len) = (number_of(publish.payload), publish.qos, publish.payload.len());
        Server::check_topic(publish, &mut self.aliases, number);
        assert!(
            qos <= self.limits.maximum_qos,
            "message {number}, {qos}: the server takes {}",
            self.limits.maximum_qos
        );
        assert!(
            self.limits.retain_available || !publish.retain,
            "message {number} is retained: the server has no such"
        );
        assert!(!publish.dup || self.session_present, "message {number} says DUP in a new session");
        let sequence = run.account.sequence(number);
        assert!(self.newest < Some(sequence), "message {number} is sent behind a newer one");
        self.newest = Some(sequence);
        let Some(packet_id) = publish.packet_id else {
            return run.account.arrive(number, qos, publish.retain, len);
        };
        run.account.begin(number);
        let id = packet_id.get();
        assert!(!self.in_flight.contains(&id), "identifier {id} of message {number} is in flight");
        assert!(!self.requests.contains(&id), "identifier {id} of message {number} is that of a request");
        self.in_flight.push(id);
        let maximum = self.limits.receive_maximum;
        assert!(self.in_flight.len() <= maximum, "message {number}: the Receive Maximum is {maximum}");
        let refused = run.plan.error_codes && version.is_v5() && number % 11 == 3;
        let reason = if refused { ReasonCode::QUOTA_EXCEEDED } else { ReasonCode::SUCCESS };
        if refused {
            run.tally.count(Fault::ErrorCode);
            run.account.refuse(number, reason);
        }
        if qos == Qos::AtLeastOnce {
            assert!(session.seen.insert(number) || publish.dup, "message {number} comes again without DUP");
            if !refused {
                run.account.arrive(number, qos, publish.retain, len);
            }
            return self.answer(due, Answer::Puback(packet_id, reason));
        }
        match session.received.iter().find(|(received, _)| *received == id) {
            Some((_, known)) => {
                assert_eq!(*known, number, "identifier {id} stands for another message");
                assert!(publish.dup, "message {number} comes again without DUP");
            }
            None if refused => {}
            None => {
                session.received.push((id, number));
                run.account.arrive(number, qos, publish.retain, len);
            }
        }
        self.answer(due, Answer::Pubrec(packet_id, reason));
    }

    /// `adopted`: identifiers that this client makes free have nothing to do with its messages, and do not count.
    pub(super) fn handle_pubrel(
        &mut self,
        due: u64,
        session: &mut Session,
        ack: &Ack<'_>,
        version: Version,
        adopted: bool,
    ) {
        let id = ack.packet_id.get();
        if let Some(index) = self.pubrecs.iter().position(|pubrec| *pubrec == id) {
            // [MQTT-4.6.0-4]
            assert_eq!(index, 0, "PUBREL {id} out of the order of the PUBRECs {:?}", self.pubrecs);
            self.pubrecs.pop_front();
        } else {
            assert!(self.session_present, "PUBREL {id} without a PUBREC");
            assert!(!self.in_flight.contains(&id), "PUBREL {id} for a message that has no PUBREC");
            self.in_flight.extend((!adopted).then_some(id));
        }
        session.take_pubrec(id);
        let reason = match session.release(id) {
            None if version.is_v5() => ReasonCode::PACKET_IDENTIFIER_NOT_FOUND,
            _ => ReasonCode::SUCCESS,
        };
        self.answer(due, Answer::Pubcomp(ack.packet_id, reason));
    }

    /// Acknowledgements leave in the order of the messages [MQTT-4.6.0-2] [MQTT-4.6.0-3].
    pub(super) fn pop_unanswered(&mut self, qos: Qos, id: u16) {
        let first = self.unanswered[qos as usize].pop_front();
        assert_eq!(first, Some(id), "{qos}: an acknowledgement out of order, or of nothing");
    }

    pub(super) fn begin_request(&mut self, id: PacketId) {
        let in_use = self.requests.contains(&id.get()) || self.in_flight.contains(&id.get());
        assert!(!in_use, "identifier {id} of a request is in use");
        self.requests.push(id.get());
    }
}
