mod brief;
mod connection;
mod handshake;
mod session;

use dunlin_codec::{
    Ack, Decoded, Disconnect, Packet, PacketId, PacketType, Properties, Property, PropertyId, PropertyOwner, Publish,
    Qos, ReasonCode, Suback, TopicName, Unsuback, Unsubscribe, Version, decode,
};

use crate::{
    account::Account,
    message::{TO_CLIENT, TO_SERVER, number_of, topic, write_payload},
    plan::Plan,
    random::Random,
    tally::{Fault, Tally},
    trace::{Trace, Who},
};
use brief::brief;
use connection::{Answer, Connection};
use session::{Progress, Session};

/// A strict server, without socket and clock: a packet that a server would have to close for ends the run.
///
/// It is not the testkit's server: that one is there to be used, keeps records and answers for every client. This one
/// knows one client, draws every freedom that the standard leaves a server, and is fast.
#[derive(Debug)]
pub(crate) struct Server {
    version: Version,
    random: Random,
    out: Vec<u8>,
    input: Vec<u8>,
    /// The connection ends when `out` is empty.
    closes: bool,
    /// The client was accepted before, and remembers it.
    knows_client: bool,
    /// The last connection was there to end a session, as 3.1.1 needs it: concerns the next one alone.
    has_discarded: bool,
    discarded: bool,
    session: Option<Session>,
    connection: Option<Connection>,
    /// What the last connection allowed.
    limits: Option<handshake::Limits>,
    payload: Vec<u8>,
}

/// What all parts of a run share.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) plan: Plan,
    pub(crate) account: Account,
    pub(crate) tally: Tally,
    pub(crate) trace: Trace,
}

impl Server {
    pub(crate) fn new(plan: &Plan) -> Self {
        Self {
            version: plan.version,
            random: Random::new(plan.seed, 2),
            out: Vec::new(),
            input: Vec::new(),
            closes: false,
            knows_client: false,
            has_discarded: false,
            discarded: false,
            session: None,
            connection: None,
            limits: None,
            payload: Vec::new(),
        }
    }

    // ---- the link ----

    /// Bytes for the client.
    pub(crate) fn out(&mut self) -> &mut Vec<u8> {
        &mut self.out
    }

    /// It wants no more of this connection.
    pub(crate) fn has_closed(&self) -> bool {
        self.closes && self.out.is_empty()
    }

    /// Whether a client that read so many bytes of this connection had its CONNACK.
    pub(crate) fn was_told(&self, read: usize) -> bool {
        self.connection.as_ref().is_some_and(|connection| connection.connack_len.is_some_and(|len| read >= len))
    }

    /// The client opens a link.
    pub(crate) fn handle_link(&mut self) {
        self.discarded = core::mem::take(&mut self.has_discarded);
    }

    /// `told`: the client had the CONNACK.
    pub(crate) fn handle_connection_lost(&mut self, told: bool, run: &mut Run) {
        self.input.clear();
        if let Some(connection) = self.connection.take() {
            let told = told && !connection.is_refused;
            let knew_client = self.knows_client;
            self.has_discarded = told && connection.clean_start && !self.version.is_v5();
            self.knows_client |= told && !self.has_discarded;
            let is_over = match self.version {
                Version::V5 => connection.session_expiry == 0,
                // A session that begins clean ends with its connection.
                _ => connection.clean_start,
            };
            // A client that is never told of a new session takes it for the old one, and no client can know better. It
            // is not the client that is judged by this, so the server starts anew.
            let is_unheard = !connection.session_present && !told && (knew_client || run.plan.adopts);
            if !connection.is_refused && (is_over || is_unheard) {
                self.session = None;
                run.account.session_was_lost = true;
            }
        }
        (self.closes, self.connection) = (false, None);
        self.out.clear();
    }

    /// The client has crashed: whether the next one knows the session.
    pub(crate) fn handle_crash(&mut self, knows_session: bool) {
        (self.knows_client, self.has_discarded) = (knows_session, false);
    }

    pub(crate) fn forget_session(&mut self) {
        self.session = None;
    }

    /// Whether a filter is subscribed.
    pub(crate) fn has_subscription(&self, filter: &str) -> bool {
        self.session.as_ref().is_some_and(|session| session.has_subscription(filter))
    }

    /// Everything that was asked for is answered, and every message acknowledged.
    pub(crate) fn is_done(&self) -> bool {
        self.out.is_empty()
            && self.input.is_empty()
            && self.session.as_ref().is_some_and(|session| session.outgoing.is_empty())
            && self.connection.as_ref().is_some_and(Connection::is_quiet)
    }

    /// When it has something to do.
    pub(crate) fn next_at(&self) -> u64 {
        self.connection.as_ref().filter(|_| !self.closes).map_or(u64::MAX, Connection::next_at)
    }

    // ---- out ----

    /// A message for the client, if it subscribed to the topic. Its number is the account's.
    pub(crate) fn offer(&mut self, now: u64, run: &mut Run) {
        let Some(session) = &mut self.session else { return };
        if session.outgoing.len() >= MOST_QUEUED {
            return;
        }
        let number = run.account.next_offered();
        let Some(granted) = session.granted(topic(TO_CLIENT, number)) else {
            return run.account.skip_offered();
        };
        let qos = self.random.of(&[Qos::AtMostOnce, Qos::AtLeastOnce, Qos::ExactlyOnce]).min(granted);
        let len = self.random.of(&[4, 40, 200]);
        run.account.offer(qos, len);
        session.queue(number, qos, len);
        self.send_messages(now, run);
    }

    /// Sends what is due.
    pub(crate) fn advance(&mut self, now: u64, run: &mut Run) {
        while let Some(connection) = &mut self.connection {
            if self.closes {
                return;
            }
            let Some(answer) = connection.take_due(now, &mut self.random, &mut run.tally) else { break };
            self.send_answer(&answer, run, now);
        }
        self.send_messages(now, run);
    }

    fn send_answer(&mut self, answer: &Answer, run: &mut Run, now: u64) {
        if let Answer::Refusal(reason) = *answer {
            return self.send_refusal(now, reason, run);
        }
        let (Some(connection), Some(session)) = (&mut self.connection, &mut self.session) else { return };
        let ack = |id, reason| Ack { reason, ..Ack::new(id) };
        match *answer {
            Answer::Connack => self.send_connack(now, run),
            Answer::Refusal(_) => {}
            Answer::Puback(id, reason) => {
                connection.in_flight.retain(|known| *known != id.get());
                self.put(now, &Packet::Puback(ack(id, reason)), run);
            }
            Answer::Pubrec(id, reason) => {
                if reason.is_error() {
                    connection.in_flight.retain(|known| *known != id.get());
                } else {
                    session.pubrec_sent(id.get());
                    connection.pubrecs.push_back(id.get());
                }
                self.put(now, &Packet::Pubrec(ack(id, reason)), run);
            }
            Answer::Pubcomp(id, reason) => {
                connection.in_flight.retain(|known| *known != id.get());
                self.put(now, &Packet::Pubcomp(ack(id, reason)), run);
            }
            Answer::Pubrel(id) => self.put(now, &Packet::Pubrel(Ack::new(id)), run),
            Answer::Suback(packet_id, ref codes) => {
                connection.requests.retain(|known| *known != packet_id.get());
                self.put(now, &Packet::Suback(Suback { packet_id, properties: Properties::NONE, codes }), run);
            }
            Answer::Unsuback(packet_id, ref codes) => {
                connection.requests.retain(|known| *known != packet_id.get());
                self.put(now, &Packet::Unsuback(Unsuback { packet_id, properties: Properties::NONE, codes }), run);
            }
            Answer::Pingresp => self.put(now, &Packet::Pingresp, run),
        }
    }

    /// Messages that wait, as far as the client's Receive Maximum allows.
    fn send_messages(&mut self, now: u64, run: &mut Run) {
        while let (Some(session), Some(connection)) = (&mut self.session, &mut self.connection) {
            if self.closes || connection.connack_len.is_none() {
                return;
            }
            let Some(index) = session.next_queued(connection.client_receive_maximum) else { return };
            let dup = session.begin(index);
            let message = session.outgoing[index];
            if message.qos == Qos::AtMostOnce {
                session.outgoing.remove(index);
            } else {
                connection.unanswered[message.qos as usize].push_back(message.id);
            }
            self.put_publish(now, message, dup, run);
        }
    }

    fn put_publish(&mut self, now: u64, message: session::Outgoing, dup: bool, run: &mut Run) {
        let session::Outgoing { id, qos, number, len, .. } = message;
        let mut payload = core::mem::take(&mut self.payload);
        write_payload(&mut payload, number, len);
        let name = topic(TO_CLIENT, number);
        let mut publish = Publish { dup, qos, packet_id: PacketId::new(id), ..Publish::new(name, &payload) };
        let alias = self.connection.as_mut().and_then(|connection| connection.alias_for(number, &mut self.random));
        let identifiers = self.session.as_ref().map_or(Vec::new(), |session| session.identifiers(name));
        let identifiers = identifiers.into_iter().map(Property::SubscriptionIdentifier);
        let alias_property = alias.map(|(alias, _)| Property::TopicAlias(alias.into()));
        let mut memory = [0; 24];
        publish.properties = encode_properties(PacketType::Publish, identifiers.chain(alias_property), &mut memory);
        if alias.is_some_and(|(_, known)| known) {
            publish.topic = TopicName::of_checked(&[]);
        }
        self.put(now, &Packet::Publish(publish), run);
        self.payload = payload;
    }

    fn put(&mut self, now: u64, packet: &Packet<'_>, run: &mut Run) {
        run.tally.packets += 1;
        if run.trace.is_on() {
            run.trace.line(now, Who::Server, format_args!("sends {}", brief(packet)));
        }
        let begin = self.out.len();
        let len = packet.encoded_len(self.version).expect("a packet that the server may send");
        self.out.resize(begin + len, 0);
        packet.encode(self.version, &mut self.out[begin..]).expect("the length is right");
    }

    fn close(&mut self, now: u64, reason: Option<ReasonCode>, run: &mut Run) {
        let accepted = self.connection.as_ref().is_some_and(|connection| connection.connack_len.is_some());
        match reason.filter(|_| accepted && self.version.is_v5()) {
            Some(reason) => {
                run.tally.count(Fault::ServerDisconnect);
                self.put(now, &Packet::Disconnect(Disconnect::new(reason)), run);
            }
            None => run.tally.count(Fault::ServerClose),
        }
        run.trace.line(now, Who::Server, format_args!("closes the connection"));
        self.closes = true;
    }

    // ---- in ----

    /// Takes in what has arrived.
    pub(crate) fn handle_bytes(&mut self, now: u64, bytes: &[u8], run: &mut Run) {
        if self.closes {
            return self.discard(bytes, run);
        }
        self.input.extend_from_slice(bytes);
        let input = core::mem::take(&mut self.input);
        let mut rest = &input[..];
        while !self.closes {
            match decode(self.version, rest) {
                Ok(Decoded::Packet { packet, consumed }) => {
                    run.tally.packets += 1;
                    if run.trace.is_on() {
                        run.trace.line(now, Who::Server, format_args!("gets {}", brief(&packet)));
                    }
                    self.handle_packet(now, &packet, consumed, run);
                    rest = &rest[consumed..];
                }
                Ok(Decoded::Incomplete { .. }) => break,
                Err(fault) => panic!("{fault}: {:02x?}", &rest[..rest.len().min(40)]),
            }
        }
        let kept = rest.len();
        self.input = input;
        let taken = self.input.len() - kept;
        self.input.drain(..taken);
        if self.closes {
            self.discard(&[], run);
        }
    }

    /// What has left the client and is not looked at: it is known which messages it was of.
    pub(crate) fn discard(&mut self, bytes: &[u8], run: &mut Run) {
        self.input.extend_from_slice(bytes);
        let mut taken = 0;
        while let Ok(Decoded::Packet { packet, consumed }) = decode(self.version, &self.input[taken..]) {
            if let Packet::Publish(publish) = packet {
                let number = number_of(publish.payload);
                run.account.begin(number);
                if let Some(connection) = &mut self.connection {
                    connection.newest = Some(run.account.sequence(number));
                }
            }
            taken += consumed;
        }
        self.input.drain(..taken);
    }

    /// A PUBLISH that has begun, and of which no more comes.
    pub(crate) fn discard_part(&mut self, run: &mut Run) {
        let newest = self.connection.as_ref().and_then(|connection| connection.newest);
        if let Some(first_byte) = self.input.first().filter(|byte| **byte >> 4 == PacketType::Publish as u8) {
            let qos = Qos::from_u8(first_byte >> 1 & 3).unwrap_or_default();
            let is_exact = run.plan.asks_late_in == 0;
            run.account.begin_unnamed(newest, qos, first_byte & 1 != 0, is_exact);
        }
        self.input.clear();
    }

    fn handle_packet(&mut self, now: u64, packet: &Packet<'_>, len: usize, run: &mut Run) {
        if let Packet::Connect(connect) = packet {
            return self.handle_connect(now, connect, run);
        }
        let (Some(session), Some(connection)) = (&mut self.session, &mut self.connection) else {
            panic!("{} before CONNECT", brief(packet))
        };
        assert!(connection.connack_len.is_some(), "{} before CONNACK", brief(packet));
        assert!(!connection.left, "{} behind DISCONNECT", brief(packet));
        assert!(len <= connection.limits.maximum_packet_size, "{} is too large: {len} bytes", brief(packet));
        let due = now + self.random.between(0, run.plan.thinking);
        match packet {
            Packet::Publish(publish) => {
                let interval = publish.properties.number(PropertyId::MessageExpiryInterval);
                run.account.check_interval(now, connection.accepted_at, number_of(publish.payload), interval);
                connection.handle_publish(due, session, publish, self.version, run);
            }
            Packet::Pubrel(ack) => {
                connection.handle_pubrel(due, session, ack, self.version, run.plan.adopts);
            }
            Packet::Puback(ack) => {
                connection.pop_unanswered(Qos::AtLeastOnce, ack.packet_id.get());
                run.account.complete(session.complete(ack.packet_id.get(), Qos::AtLeastOnce));
            }
            Packet::Pubrec(ack) => {
                connection.pop_unanswered(Qos::ExactlyOnce, ack.packet_id.get());
                if ack.reason.is_error() {
                    run.account.complete(session.complete(ack.packet_id.get(), Qos::ExactlyOnce));
                } else {
                    session.message(ack.packet_id.get(), Qos::ExactlyOnce).progress = Progress::Received;
                    connection.answer(due, Answer::Pubrel(ack.packet_id));
                }
            }
            Packet::Pubcomp(ack) => {
                let message = session.message(ack.packet_id.get(), Qos::ExactlyOnce);
                assert_eq!(message.progress, Progress::Received, "PUBCOMP {} before PUBREC", ack.packet_id);
                run.account.complete(session.complete(ack.packet_id.get(), Qos::ExactlyOnce));
            }
            Packet::Subscribe(subscribe) => {
                connection.begin_request(subscribe.packet_id);
                let identifier = subscribe.properties.number(PropertyId::SubscriptionIdentifier);
                let mut codes = Vec::new();
                for filter in subscribe.filters.iter() {
                    let granted = filter.options.qos;
                    codes.push(granted as u8);
                    session.subscribe(filter.filter.as_str(), granted, identifier);
                }
                connection.answer(due, Answer::Suback(subscribe.packet_id, codes));
            }
            Packet::Unsubscribe(Unsubscribe { packet_id, filters, .. }) => {
                connection.begin_request(*packet_id);
                let mut codes = Vec::new();
                for filter in filters.iter() {
                    let known = session.unsubscribe(filter.as_str());
                    codes.extend(self.version.is_v5().then_some(if known { 0x00 } else { 0x11 }));
                }
                connection.answer(due, Answer::Unsuback(*packet_id, codes));
            }
            Packet::Pingreq => connection.answer(due, Answer::Pingresp),
            Packet::Disconnect(_) => connection.left = true,
            other => panic!("{} from a client", brief(other)),
        }
        if self.random.once_in(run.plan.disconnect_in) {
            let reason = self.random.of(&[ReasonCode::SERVER_BUSY, ReasonCode::SERVER_SHUTTING_DOWN]);
            let reason = if self.random.once_in(3) { None } else { Some(reason) };
            self.close(now, reason, run);
        }
    }

    /// The topic of a PUBLISH, by its alias if need be.
    fn check_topic(publish: &Publish<'_>, aliases: &mut [Option<u8>], number: u32) {
        let alias = publish.properties.number(PropertyId::TopicAlias);
        let expected = topic(TO_SERVER, number).as_bytes();
        let index = (number % 3) as u8;
        let Some(alias) = alias else {
            return assert_eq!(publish.topic.as_bytes(), expected, "the topic of message {number}");
        };
        let Some(known) = aliases.get_mut((alias as usize).wrapping_sub(1)) else {
            panic!("alias {alias} is above the Topic Alias Maximum {}", aliases.len())
        };
        if publish.topic.is_empty() {
            assert_eq!(*known, Some(index), "alias {alias} does not stand for the topic of message {number}");
        } else {
            assert_eq!(publish.topic.as_bytes(), expected, "the topic of message {number}");
            *known = Some(index);
        }
    }
}

fn encode_properties<'p, 'm>(
    packet_type: PacketType,
    list: impl IntoIterator<Item = Property<'p>>,
    memory: &'m mut [u8],
) -> Properties<'m> {
    let mut len = 0;
    for property in list {
        len += property.encode(&mut memory[len..]).expect("room for what a server says");
    }
    Properties::check(PropertyOwner::Packet(packet_type), &memory[..len]).expect("properties that belong there")
}

const MOST_QUEUED: usize = 8;
