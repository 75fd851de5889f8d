pub(super) use super::memory::Given;

use dunlin_codec::{
    FixedHeader, PacketId, PacketType, Properties, PropertyId, Qos, ReasonCode, SubscriptionFilter,
    SubscriptionOptions, TopicFilter,
};
use dunlin_session::{
    Backoff, Chunk, ConnectOptions, Delivery, Event, Instant, Outcome, Progress, PublishError, PublishOptions, Session,
    State, Timeout,
};

use crate::{
    SETTLES_WITHIN,
    message::{FILTERS, TO_SERVER, number_of, topic, write_payload},
    random::Random,
    remote::{End, Remote},
    run::{FAULTS, PACKETS},
    tally::Fault,
    trace::Who,
};

/// The application and the driver of a session under virtual time.
pub(super) struct Client {
    remote: Remote,
    random: Random,
    now: u64,
    input: Vec<u8>,
    /// The rest of a payload that the session holds by reference: it gives such a one whole.
    rest: Vec<u8>,
    /// The session, the server or the application said that this connection ends.
    closing: bool,
    /// The next connection waits as after a refusal.
    refused: bool,
    /// A packet waits for room for its answer.
    blocked: bool,
    /// What the identifiers in use stand for: a message, by number, or a request.
    in_use: Vec<Option<Use>>,
    unacknowledged: Vec<Delivery>,
    payload: Vec<u8>,
    /// When the application acts next.
    act_at: u64,
    /// Only QoS 0, at long intervals, so many times.
    drips: u32,
    turns: u32,
    /// When faults ended.
    calm_since: Option<u64>,
    watch: Watch,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    Message(u32),
    Request,
}

/// Looks at the packets as they leave: the ping counts from the last one that must be answered.
#[derive(Debug, Default)]
struct Watch {
    /// Bytes of the packet that is leaving which are still to come.
    left: usize,
    head: Vec<u8>,
    /// It must be answered.
    asks: bool,
    is_message: bool,
    asked_at: u64,
    /// When it was asked for what nothing has come since.
    owed_since: Option<u64>,
    /// Milliseconds; 0: none.
    keep_alive: u64,
}

/// Why a life of the client ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    Crashed,
    Settled,
}

impl Client {
    pub(super) fn new(remote: Remote, random: Random) -> Self {
        Self {
            remote,
            random,
            now: 0,
            input: Vec::new(),
            rest: Vec::new(),
            closing: false,
            refused: false,
            blocked: false,
            in_use: Vec::new(),
            unacknowledged: Vec::new(),
            payload: Vec::new(),
            act_at: 0,
            drips: 0,
            turns: 0,
            calm_since: None,
            watch: Watch::default(),
        }
    }

    pub(super) fn into_remote(self) -> Remote {
        self.remote
    }

    /// From the first connection until everything is settled, or a crash.
    pub(super) fn live<M: Given>(&mut self, session: &mut Session<M>) -> Ended {
        session.set_backoff(Backoff::new(50, 4_000, 10_000, self.random.below(1 << 30) as u32));
        let receive_maximum = 1 + self.random.below(4) as u16;
        let options = ConnectOptions {
            client_id: "c",
            session_expiry_interval: self.remote.run.plan.session_expiry,
            keep_alive: self.remote.run.plan.keep_alive,
            receive_maximum,
            topic_alias_maximum: self.random.of(&[0, 2, 9]),
            connect_timeout: CONNECT_TIMEOUT,
            ping_timeout: PING_TIMEOUT,
            ..ConnectOptions::default()
        };
        self.connect(session, &options);
        loop {
            self.turn(session);
            if session.state() == State::Disconnected
                && session.handle_timeout(at(self.now)) == Some(Timeout::Reconnect)
            {
                self.connect(session, &options);
                continue;
            }
            if self.act_at <= self.now && self.act(session) {
                return Ended::Crashed;
            }
            if self.is_settled(session) {
                self.finish();
                return Ended::Settled;
            }
            let due = session.poll_timeout().map_or(u64::MAX, Instant::as_millis);
            let next = due.min(self.act_at).min(self.remote.next_at());
            assert!(next < u64::MAX, "nothing will ever happen again: {session:?}");
            self.now = next.max(self.now);
            self.remote.run.tally.virtual_time = self.now;
        }
    }

    // ---- the driver ----

    fn connect<M: Given>(&mut self, session: &mut Session<M>, options: &ConnectOptions<'_>) {
        (self.closing, self.refused, self.blocked) = (false, false, false);
        self.input.clear();
        self.rest.clear();
        self.watch = Watch { asked_at: self.now, ..Watch::default() };
        self.remote.open(self.now);
        session.connect(at(self.now), options).expect("options that may be sent");
    }

    /// Does what can be done at this time.
    fn turn<M: Given>(&mut self, session: &mut Session<M>) {
        loop {
            self.turns += 1;
            assert!(self.turns < TURNS, "it runs in circles: {session:?}");
            self.remote.advance(self.now);
            if session.state() == State::Disconnected {
                return;
            }
            let mut goes_on = self.transmit(session);
            if self.remote.has_arrived() || (self.blocked && goes_on) {
                goes_on |= self.read(session);
            }
            if session.state() != State::Disconnected && session.poll_timeout().is_some_and(|due| due <= at(self.now)) {
                match session.handle_timeout(at(self.now)) {
                    Some(timeout) => self.end(format_args!("{timeout:?}")),
                    None => goes_on = true,
                }
            }
            if self.closing {
                self.disconnect(session);
                return;
            }
            if !goes_on {
                break;
            }
        }
        self.watch.check(self.now, self.remote.has_room(), session.state() == State::Connected);
    }

    /// Whether the link took anything.
    fn transmit<M: Given>(&mut self, session: &mut Session<M>) -> bool {
        let mut any = false;
        loop {
            if !self.rest.is_empty() {
                let len = self.remote.write(self.now, &self.rest);
                self.watch.look(self.now, &self.rest[..len]);
                self.rest.drain(..len);
                any |= len > 0;
                if !self.rest.is_empty() {
                    return any;
                }
            }
            let len = match session.poll_transmit(at(self.now)) {
                None => break,
                Some(Chunk::Share(payload)) => {
                    self.rest.extend_from_slice(M::shared(payload));
                    self.rest.len()
                }
                Some(Chunk::Copy(bytes)) => {
                    let len = self.remote.write(self.now, bytes);
                    self.watch.look(self.now, &bytes[..len]);
                    len
                }
            };
            session.transmitted(len);
            if len == 0 {
                return any;
            }
            any = true;
        }
        session.flushed();
        self.poll_settled(session);
        any
    }

    /// Whether anything was taken.
    fn read<M: Given>(&mut self, session: &mut Session<M>) -> bool {
        let before = self.input.len();
        let end = self.remote.read(&mut self.input);
        if self.input.len() > before {
            self.watch.owed_since = None;
        }
        let input = core::mem::take(&mut self.input);
        let mut consumed = 0;
        self.blocked = false;
        loop {
            match session.handle_input(at(self.now), &input[consumed..]) {
                Progress::Packet { consumed: len, event } => {
                    consumed += len;
                    if let Some(event) = event {
                        self.handle_event(session, event);
                    }
                }
                Progress::Incomplete { .. } => break,
                Progress::Blocked => {
                    self.blocked = true;
                    break;
                }
                Progress::Fault(fault) => panic!("the client calls it a fault of the server: {fault}"),
            }
        }
        self.input = input;
        self.input.drain(..consumed);
        match end {
            // What was read before the end counts, but for what waits for room.
            Some(end @ (End::Finished | End::Reset)) if !self.blocked || consumed == 0 => {
                self.end(format_args!("the link ended: {end:?}"));
            }
            _ => {}
        }
        consumed > 0
    }

    fn handle_event<M: Given>(&mut self, session: &mut Session<M>, event: Event<'_>) {
        match event {
            Event::Connected { session_present, .. } => {
                self.trace(format_args!("is connected, session present {session_present}"));
                self.watch.keep_alive = u64::from(session.limits().keep_alive) * 1_000;
                self.watch.asked_at = self.now;
                self.poll_settled(session);
                if !session_present {
                    self.subscribe(session, FILTERS.len());
                }
            }
            Event::Refused(connack) => {
                self.refused = connack.reason == ReasonCode::NOT_AUTHORIZED;
                self.end(format_args!("refused"));
            }
            Event::SessionDiscarded => self.end(format_args!("the old session is discarded")),
            Event::Disconnected(_) => self.end(format_args!("the server says DISCONNECT")),
            Event::Message { publish, delivery } => {
                let alias = publish.properties.number(PropertyId::TopicAlias);
                let name = match alias {
                    Some(alias) if publish.topic.is_empty() => session.topic(alias as u16).expect("a known alias"),
                    _ => publish.topic,
                };
                let number = number_of(publish.payload);
                self.remote.run.account.tell(number, publish.qos, name.as_bytes(), publish.payload.len());
                self.trace(format_args!("tells message {number} to the application"));
                self.unacknowledged.extend(delivery);
                if self.calm_since.is_some() {
                    self.act_at = self.now + 1;
                }
            }
            Event::Settled { id, outcome, .. } => self.settle(id, outcome),
            Event::Subscribed(suback) => self.end_request(suback.packet_id),
            Event::Unsubscribed(unsuback) => self.end_request(unsuback.packet_id),
            Event::Authentication(_) => panic!("AUTH, which nobody asked for"),
        }
    }

    fn end(&mut self, why: core::fmt::Arguments<'_>) {
        if !self.closing {
            self.trace(format_args!("ends the connection: {why}"));
        }
        self.closing = true;
    }

    fn disconnect<M: Given>(&mut self, session: &mut Session<M>) {
        self.remote.close(self.now);
        match self.refused {
            true => session.handle_connection_refused(at(self.now)),
            false => session.handle_connection_lost(at(self.now)),
        }
        self.in_use.iter_mut().filter(|used| **used == Some(Use::Request)).for_each(|used| *used = None);
        self.poll_settled(session);
        (self.closing, self.blocked) = (false, false);
    }

    // ---- the application ----

    /// One act, or none; true: the client crashes.
    fn act<M: Given>(&mut self, session: &mut Session<M>) -> bool {
        if self.calm_since.is_none() && self.has_enough() {
            self.trace(format_args!("has seen enough: no more faults"));
            self.calm_since = Some(self.now);
            self.remote.be_calm();
        }
        if self.calm_since.is_some() {
            self.act_at = if self.unacknowledged.is_empty() { u64::MAX } else { self.now + 1 };
            self.acknowledge(session);
            return false;
        }
        if self.drips > 0 {
            self.drips -= 1;
            self.act_at = self.now + 400;
            self.acknowledge(session);
            self.publish(session, Qos::AtMostOnce);
            return false;
        }
        self.act_at = self.now + self.random.of(&[0, 0, 1, 2, 10, 30]);
        if self.remote.run.tally.packets >= PACKETS && !self.remote.run.plan.calm && self.random.once_in(10) {
            self.remote.reset(self.now);
        }
        match self.random.below(20) {
            0..8 => {
                let qos = self.random.of(&[Qos::AtMostOnce, Qos::AtLeastOnce, Qos::ExactlyOnce]);
                self.publish(session, qos);
            }
            8..12 => self.acknowledge(session),
            12..16 => self.remote.server.offer(self.now, &mut self.remote.run),
            16 => self.subscribe(session, 1),
            17 if self.random.once_in(4) => self.unsubscribe(session),
            18 if self.random.once_in(8) => {
                self.act_at = self.now + self.random.of(&[100, 1_000, 7_000]);
            }
            18 if self.random.once_in(30) => self.drips = 20,
            19 => return self.leave_or_crash(session),
            _ => {}
        }
        false
    }

    fn publish<M: Given>(&mut self, session: &mut Session<M>, qos: Qos) {
        let number = self.remote.run.account.next_number();
        let len = self.random.of(M::SIZES);
        let tracked = qos != Qos::AtMostOnce || self.random.once_in(2);
        let retain = self.random.once_in(8);
        let options = PublishOptions { tracked, retain, ..PublishOptions::qos(qos) };
        write_payload(&mut self.payload, number, len);
        let accepted = session.publish(topic(TO_SERVER, number), M::payload(&self.payload), options);
        match accepted {
            Ok(id) => {
                self.remote.run.account.accept(qos, retain, len, tracked);
                self.trace(format_args!("accepts message {number}, {qos}, {len} bytes, id {id:?}"));
                assert_eq!(id.is_some(), tracked, "the identifier of message {number}");
                if let Some(id) = id {
                    self.take_id(id, Use::Message(number));
                }
            }
            Err(PublishError::Closed) => assert!(self.closing, "closed, it says"),
            Err(_) => {}
        }
    }

    fn subscribe<M: Given>(&mut self, session: &mut Session<M>, count: usize) {
        let first = self.random.below(FILTERS.len());
        let filters: Vec<_> = (0..count)
            .map(|index| SubscriptionFilter {
                filter: TopicFilter::new(FILTERS[(first + index) % FILTERS.len()]).expect("a filter"),
                options: SubscriptionOptions::new(self.random.of(&[Qos::AtLeastOnce, Qos::ExactlyOnce])),
            })
            .collect();
        if let Ok(id) = session.subscribe(&filters, Properties::NONE) {
            self.take_id(id, Use::Request);
        }
    }

    fn unsubscribe<M: Given>(&mut self, session: &mut Session<M>) {
        let filter = TopicFilter::new(self.random.of(&FILTERS)).expect("a filter");
        if let Ok(id) = session.unsubscribe(&[filter]) {
            self.take_id(id, Use::Request);
        }
    }

    /// Any of the messages that are in hand.
    fn acknowledge<M: Given>(&mut self, session: &mut Session<M>) {
        if self.unacknowledged.is_empty() {
            return;
        }
        let delivery = self.unacknowledged.swap_remove(self.random.below(self.unacknowledged.len()));
        if session.acknowledge(delivery) {
            assert!(!session.acknowledge(delivery), "{delivery:?} can be acknowledged twice");
        }
    }

    fn leave_or_crash<M: Given>(&mut self, session: &mut Session<M>) -> bool {
        if session.state() != State::Disconnected && self.random.once_in(self.remote.run.plan.leave_in / 10) {
            self.remote.run.tally.count(Fault::Departure);
            session.disconnect(ReasonCode::SUCCESS);
            if self.random.once_in(2) {
                self.transmit(session);
            }
            self.end(format_args!("the application says so"));
            self.disconnect(session);
        } else if self.random.once_in(self.remote.run.plan.crash_in / 10) {
            self.remote.run.trace.line(self.now, Who::Application, format_args!("crashes, and has no store"));
            self.remote.crash(self.now);
            self.in_use.clear();
            self.unacknowledged.clear();
            self.closing = false;
            return true;
        }
        false
    }

    // ---- the books ----

    fn take_id(&mut self, id: PacketId, what: Use) {
        let index = id.get() as usize;
        if self.in_use.len() <= index {
            self.in_use.resize(index + 1, None);
        }
        let before = self.in_use[index].replace(what);
        assert_eq!(before, None, "identifier {id} is in use");
    }

    fn end_request(&mut self, id: PacketId) {
        let used = self.in_use.get_mut(id.get() as usize).and_then(Option::take);
        assert_eq!(used, Some(Use::Request), "identifier {id} is not that of a request");
    }

    fn poll_settled<M: Given>(&mut self, session: &mut Session<M>) {
        while let Some((id, outcome)) = session.poll_settled() {
            self.settle(id, outcome);
        }
    }

    fn settle(&mut self, id: PacketId, outcome: Outcome) {
        match self.in_use.get_mut(id.get() as usize).and_then(Option::take) {
            Some(Use::Message(number)) => {
                self.trace(format_args!("settles message {number}: {outcome:?}"));
                self.remote.run.account.settle(number, outcome);
            }
            other => panic!("{outcome:?} for identifier {id}, which stands for {other:?}"),
        }
    }

    fn trace(&mut self, what: core::fmt::Arguments<'_>) {
        self.remote.run.trace.line(self.now, Who::Client, what);
    }

    // ---- the end ----

    /// Enough has happened, or the run has no faults to wait for.
    fn has_enough(&self) -> bool {
        let tally = &self.remote.run.tally;
        tally.packets >= PACKETS && (self.remote.run.plan.calm || tally.disruptions() >= FAULTS)
    }

    fn is_settled<M: Given>(&mut self, session: &Session<M>) -> bool {
        let Some(since) = self.calm_since else { return false };
        let client_done = session.is_idle() && session.state() == State::Connected && self.unacknowledged.is_empty();
        let done = client_done && self.in_use.iter().all(Option::is_none) && self.remote.is_done();
        let took = self.now - since;
        assert!(
            done || took <= SETTLES_WITHIN,
            "not settled {took} ms after the last fault: {:?}, {} unacknowledged, {session:?}, {:?}",
            self.in_use,
            self.unacknowledged.len(),
            self.remote.server
        );
        done
    }

    fn finish(&mut self) {
        let took = self.now - self.calm_since.unwrap_or(self.now);
        let run = &mut self.remote.run;
        run.tally.longest_settling = took;
        run.account.check(run.plan.calm, &mut run.tally);
    }
}

impl Watch {
    fn look(&mut self, now: u64, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.left == 0 {
                self.head.push(bytes[0]);
                bytes = &bytes[1..];
                if let Ok(Some(header)) = FixedHeader::read(&self.head) {
                    let first_byte = header.first_byte;
                    let unanswered = match first_byte >> 4 {
                        3 => first_byte & 0x06 == 0,
                        packet_type => !ASKING.contains(&packet_type),
                    };
                    self.asks = !unanswered;
                    self.is_message = first_byte >> 4 == PacketType::Publish as u8;
                    self.left = header.packet_len() - header.len;
                    self.head.clear();
                }
            }
            let len = self.left.min(bytes.len());
            self.left -= len;
            bytes = &bytes[len..];
            if self.asks {
                self.asked_at = now;
                if self.left == 0 && self.head.is_empty() {
                    self.owed_since.get_or_insert(now);
                }
            }
            if self.is_message && self.owed_since.is_some() {
                // On a slow link the silence counts from the end of what is being sent.
                self.owed_since = Some(now);
            }
        }
    }

    /// A PINGREQ leaves `keep_alive` after the last packet that must be answered, whatever else comes and goes.
    fn check(&self, now: u64, has_room: bool, connected: bool) {
        if connected && has_room && self.keep_alive > 0 {
            let silent = now - self.asked_at;
            assert!(silent <= self.keep_alive, "nothing was asked for {silent} ms: a PINGREQ is due");
        }
        // What is asked behind the last byte that came, inside of what is being sent, may wait for the next ping.
        let silent = self.owed_since.map_or(0, |since| now - since);
        let allowed = self.keep_alive + u64::from(PING_TIMEOUT);
        assert!(!connected || !has_room || silent <= allowed, "the server owes an answer for {silent} ms: it is dead");
    }
}

fn at(now: u64) -> Instant {
    Instant::from_millis(now)
}

const ASKING: [u8; 4] =
    [PacketType::Pubrel as u8, PacketType::Subscribe as u8, PacketType::Unsubscribe as u8, PacketType::Pingreq as u8];
const CONNECT_TIMEOUT: u32 = 3_000;
const PING_TIMEOUT: u32 = 3_000;
/// Turns of a driver, of which a run has a few thousand.
const TURNS: u32 = 200_000;
