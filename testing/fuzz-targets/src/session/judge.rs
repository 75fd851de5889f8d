//! A strict server's view of what a client transmits, whatever that client was told: it knows the packets that the
//! session consumed, and judges each that comes back.

mod connection;

use std::collections::{BTreeMap, BTreeSet};

use dunlin_codec::{Ack, Decoded, Packet, PacketId, PropertyId, Publish, Qos, ReasonCode, Version, decode};
use dunlin_session::{ConnectOptions, Event, Outcome};

use super::{
    account::{Account, number_of, topic},
    wire,
};
use connection::{Connection, Due, Phase};

#[derive(Debug)]
pub(super) struct Judge {
    pub(super) version: Version,
    pub(super) account: Account,
    connection: Connection,
    /// Our QoS 1 and 2 messages that the server of this session has and that are not settled, by identifier.
    bound: BTreeMap<u16, usize>,
    /// The server's QoS 2 messages that were told and not released.
    known: BTreeSet<u16>,
    /// Those of them that the application is done with.
    done: BTreeMap<u16, ReasonCode>,
    /// The server's session is one that this client knows nothing of: identifiers may be in use there.
    adopted: bool,
    /// Identifiers of which the application refused a message: with the answer, sent or not, they are forgotten.
    refused: BTreeSet<u16>,
    /// If somebody is to be kind: the answers that a server gives.
    pub(super) answers: Option<Vec<u8>>,
}

impl Judge {
    pub(super) fn new(version: Version) -> Self {
        Self {
            version,
            account: Account::default(),
            connection: Connection::default(),
            bound: BTreeMap::new(),
            known: BTreeSet::new(),
            done: BTreeMap::new(),
            adopted: false,
            refused: BTreeSet::new(),
            answers: None,
        }
    }

    // ---- what the application and the driver do ----

    pub(super) fn handle_connecting(&mut self, options: &ConnectOptions<'_>) {
        self.connection = Connection::open(options);
    }

    pub(super) fn handle_request(&mut self, packet_id: PacketId, filters: usize) {
        self.account.request(packet_id, filters);
        self.connection.requests.push_back((packet_id.get(), filters));
    }

    pub(super) fn handle_acknowledged(&mut self, id: PacketId, qos: Qos, reason: ReasonCode) {
        if let Some(due) = self.connection.due[qos as usize].iter_mut().find(|due| due.is_open(id.get())) {
            due.answer = Some(reason);
        } else {
            // Known from an earlier connection: it is answered when it comes again. Or the server had used the identifier
            // again before it knew that the message before was refused.
            let is_known = self.known.contains(&id.get()) || self.refused.contains(&id.get());
            assert!(qos == Qos::ExactlyOnce && is_known, "{qos} {id} was not due");
        }
        if qos == Qos::ExactlyOnce {
            self.done.insert(id.get(), reason);
        }
        if reason.is_error() {
            self.refused.insert(id.get());
        }
    }

    /// From here on nothing that is accepted may leave on this connection. `farewell`: what must be said last, if that
    /// is known.
    pub(super) fn handle_end(&mut self, farewell: Option<Option<ReasonCode>>) {
        if self.connection.end.is_none() {
            self.connection.end = Some(connection::End { accepted: self.account.messages.len(), farewell });
        }
    }

    pub(super) fn handle_connection_lost(&mut self) {
        self.connection = Connection::default();
        self.account.requests.clear();
    }

    pub(super) fn handle_settled(&mut self, id: PacketId, outcome: Outcome) {
        self.account.settle(id, outcome);
        self.bound.remove(&id.get());
        self.connection.in_flight.remove(&id.get());
    }

    /// Nothing more leaves now.
    pub(super) fn handle_drained(&self) {
        self.connection.handle_drained();
    }

    // ---- what the session consumed ----

    /// A CONNACK was at the front, taken or not: from here on a DISCONNECT may leave.
    pub(super) fn handle_connack_seen(&mut self) {
        self.connection.greeted = true;
    }

    /// The session took this packet while it was connected or connecting.
    pub(super) fn handle_consumed(&mut self, packet: &Packet<'_>, event: Option<&Event<'_>>) {
        match (packet, event) {
            (Packet::Connack(connack), Some(Event::Connected { session_present, .. })) => {
                self.adopted = connack.session_present && (!session_present || self.adopted);
                self.connection.accept(connack, *session_present);
                if !session_present {
                    self.bound.clear();
                    self.known.clear();
                    self.done.clear();
                    self.refused.clear();
                    self.account.given_up.clear();
                    for message in &mut self.account.messages {
                        message.received = false;
                    }
                }
            }
            (Packet::Publish(publish), _) => self.handle_message(publish, event.is_some()),
            (Packet::Pubrel(ack), _) => {
                let id = ack.packet_id.get();
                let known = self.known.remove(&id);
                self.done.remove(&id);
                self.connection.release(id, known, self.refused.contains(&id));
            }
            (Packet::Pubrec(ack), None) => {
                let id = ack.packet_id.get();
                let ours = self.account.waiting.get(&id).copied();
                if let Some(number) = ours {
                    self.account.messages[number].received = true;
                }
                if ours.is_some() || !ack.reason.is_error() {
                    self.connection.releases.push_back(id);
                } else {
                    self.handle_late_answer(ack);
                }
            }
            (Packet::Puback(ack) | Packet::Pubrec(ack) | Packet::Pubcomp(ack), Some(event)) => {
                let Event::Settled { id, outcome, .. } = *event else { panic!("{event:?} by {packet:?}") };
                assert_eq!(id, ack.packet_id);
                let sent = self.connection.is_on_wire(id.get());
                assert!(sent || matches!(packet, Packet::Pubcomp(_)), "{event:?} before it was sent");
                self.handle_settled(id, outcome);
                if matches!(packet, Packet::Pubcomp(_)) {
                    self.connection.completed.insert(id.get());
                }
            }
            (Packet::Puback(ack) | Packet::Pubcomp(ack), None) => self.handle_late_answer(ack),
            (Packet::Suback(suback), _) => self.handle_answered(suback.packet_id, suback.codes.len()),
            (Packet::Unsuback(unsuback), _) => {
                let filters = self.account.requests.get(&unsuback.packet_id.get()).copied().unwrap_or_default();
                let verdicts = if self.version.is_v5() { unsuback.codes.len() } else { filters };
                self.handle_answered(unsuback.packet_id, verdicts);
            }
            _ => {}
        }
    }

    /// The end of a message that was given up.
    fn handle_late_answer(&mut self, ack: &Ack<'_>) {
        let id = ack.packet_id.get();
        if self.account.given_up.remove(&id) {
            self.connection.completed.insert(id);
            self.bound.remove(&id);
            self.connection.in_flight.remove(&id);
        }
    }

    fn handle_answered(&mut self, id: PacketId, verdicts: usize) {
        assert_eq!(self.account.requests.remove(&id.get()), Some(verdicts), "{id}");
    }

    fn handle_message(&mut self, publish: &Publish<'_>, told: bool) {
        let Some(id) = publish.packet_id.map(PacketId::get) else { return };
        let exactly_once = publish.qos == Qos::ExactlyOnce;
        let is_known = exactly_once && !self.known.insert(id);
        let refused = self.refused.contains(&id);
        assert!(refused || told != is_known, "{publish:?}, known: {is_known}, told: {told}");
        if told && exactly_once {
            self.done.remove(&id);
        }
        let done = self.done.get(&id).copied().filter(|_| exactly_once);
        self.connection.expect_answer(id, publish.qos, done, refused);
    }

    // ---- what the session transmits ----

    pub(super) fn handle_bytes(&mut self, bytes: &[u8]) {
        let mut input = std::mem::take(&mut self.connection.stream);
        input.extend(bytes);
        let mut at = 0;
        loop {
            match decode(self.version, &input[at..]) {
                Ok(Decoded::Packet { packet, consumed }) => {
                    self.handle_packet(&packet, consumed);
                    at += consumed;
                }
                Ok(Decoded::Incomplete { .. }) => break,
                Err(fault) => panic!("{fault}: {:02x?}", &input[at..]),
            }
        }
        input.drain(..at);
        self.connection.stream = input;
    }

    fn handle_packet(&mut self, packet: &Packet<'_>, len: usize) {
        self.connection.check_phase(packet, len);
        match packet {
            Packet::Connect(connect) => {
                assert_eq!(connect.version, self.version);
                assert_eq!(connect.keep_alive, self.connection.keep_alive);
                self.connection.phase = Phase::Introduced;
            }
            Packet::Publish(publish) => self.handle_publish(publish),
            Packet::Puback(ack) => self.connection.handle_answer(ack, Qos::AtLeastOnce),
            Packet::Pubrec(ack) => {
                self.connection.handle_answer(ack, Qos::ExactlyOnce);
                if ack.reason.is_error() {
                    self.known.remove(&ack.packet_id.get());
                    self.done.remove(&ack.packet_id.get());
                }
            }
            Packet::Pubrel(ack) => self.handle_pubrel(ack),
            Packet::Pubcomp(ack) => self.connection.handle_pubcomp(ack, self.version),
            Packet::Subscribe(subscribe) => {
                self.connection.handle_request(subscribe.packet_id, subscribe.filters.iter().count(), &self.bound);
            }
            Packet::Unsubscribe(unsubscribe) => {
                self.connection.handle_request(unsubscribe.packet_id, unsubscribe.filters.iter().count(), &self.bound);
            }
            Packet::Disconnect(disconnect) => {
                let said = disconnect.reason;
                let farewell = self.connection.end.as_ref().and_then(|end| end.farewell);
                assert!(farewell.is_none_or(|expected| expected == Some(said)), "{said:?}, not {farewell:?}");
                self.connection.phase = Phase::Left;
            }
            Packet::Auth(auth) => {
                let method = auth.properties.binary(PropertyId::AuthenticationMethod);
                assert!(self.connection.authenticates && method == Some(b"m"), "{auth:?}");
            }
            Packet::Pingreq => {}
            other => panic!("only a server sends this: {other:?}"),
        }
    }

    fn handle_publish(&mut self, publish: &Publish<'_>) {
        let number = number_of(publish.payload);
        let resumed = self.connection.session_present;
        self.connection.handle_publish(publish, number);
        let has_it = publish.packet_id.is_some_and(|id| self.bound.get(&id.get()) == Some(&number));
        let message = &mut self.account.messages[number];
        assert_eq!((publish.qos, publish.retain, publish.payload.len()), (message.qos, message.retain, message.len));
        assert_eq!(self.connection.topic(publish), topic(number).as_bytes(), "message {number}");
        let expiry = publish.properties.number(PropertyId::MessageExpiryInterval);
        let most = message.expiry.map(|given| given.max(1));
        assert!(expiry.is_some() == most.is_some() && expiry <= most, "{expiry:?} of {message:?}");
        assert!(!publish.dup || resumed, "DUP in a new session: {publish:?}");
        assert!(!(message.received && publish.qos == Qos::ExactlyOnce), "sent again after PUBREC: {publish:?}");
        match publish.qos {
            Qos::AtMostOnce => assert!(!message.sent, "QoS 0, and again: {publish:?}"),
            Qos::AtLeastOnce => assert!(!(resumed && has_it) || publish.dup, "again without DUP: {publish:?}"),
            Qos::ExactlyOnce => assert!(!message.sent || (resumed && publish.dup), "QoS 2, and again: {publish:?}"),
        }
        message.sent = true;
        let id = publish.packet_id.map(PacketId::get);
        if let Some(id) = id {
            assert_eq!(message.id, Some(id), "the identifier that was told");
            let before = self.bound.insert(id, number);
            assert!(before.is_none_or(|before| before == number), "{id} stands for message {before:?}: {publish:?}");
            let answer = if publish.qos == Qos::AtLeastOnce { Packet::Puback } else { Packet::Pubrec };
            self.answer(&wire::ack(self.version, answer, id));
        }
    }

    /// Each PUBREC is answered in its turn [MQTT-4.6.0-4]; in a session that goes on, PUBRELs are repeated, and sent for
    /// what is withdrawn; in one that was adopted each identifier is freed before its first use.
    fn handle_pubrel(&mut self, ack: &Ack<'_>) {
        let id = ack.packet_id.get();
        let waiting = self.account.waiting.get(&id).map(|number| self.account.messages[*number].qos);
        // Given up when its PUBREL was on its way already.
        let ours = waiting == Some(Qos::ExactlyOnce) || self.account.given_up.contains(&id);
        self.connection.handle_pubrel(id, ours, self.adopted);
        self.answer(&wire::ack(self.version, Packet::Pubcomp, id));
    }

    fn answer(&mut self, packet: &[u8]) {
        if let Some(answers) = &mut self.answers {
            answers.extend(packet);
        }
    }

    /// What the identifiers stand for that a server could answer.
    pub(super) fn ids(&self) -> Vec<u16> {
        self.bound.keys().chain(self.account.requests.keys()).copied().collect()
    }

    /// What the server could release or send again.
    pub(super) fn known(&self) -> Vec<u16> {
        self.known.iter().copied().chain(self.connection.due.iter().flatten().map(Due::id)).collect()
    }
}
