//! A session with its driver and its application, judged at every step.

use std::{cell::Cell, rc::Rc};

use dunlin_codec::{Decoded, FixedHeader, Packet, PacketId, Qos, ReasonCode, TopicName, Version, decode};
use dunlin_session::{
    Chunk, ConnectOptions, Delivery, Event, Instant, Progress, PublishError, PublishOptions, Session, State, Storage,
    Timeout,
};

use super::{
    account::{Message, payload, topic},
    judge::Judge,
    memory::{Given, Room},
};

pub(super) struct Client<M: Given> {
    pub(super) session: Session<M>,
    pub(super) judge: Judge,
    pub(super) now: u64,
    /// What the server has sent and the session has not taken.
    pub(super) incoming: Vec<u8>,
    /// Messages that may be acknowledged, or were.
    pub(super) deliveries: Vec<(Delivery, Qos)>,
    /// Bytes beside the log.
    held: Rc<Cell<usize>>,
    room: Room,
    /// The application acknowledges at once.
    pub(super) acknowledges: bool,
    /// All that was told and transmitted, if somebody wants to compare; then the first end is the last.
    pub(super) record: Option<String>,
}

impl<M: Given> Client<M> {
    pub(super) fn new(version: Version, storage: Storage<M>, held: Rc<Cell<usize>>, room: Room) -> Self {
        Self {
            session: Session::new(version, storage),
            judge: Judge::new(version),
            now: 1_000,
            incoming: Vec::new(),
            deliveries: Vec::new(),
            held,
            room,
            acknowledges: false,
            record: None,
        }
    }

    pub(super) fn now(&self) -> Instant {
        Instant::from_millis(self.now)
    }

    // ---- commands ----

    pub(super) fn connect(&mut self, options: &ConnectOptions<'_>) -> bool {
        let accepted = self.session.connect(self.now(), options).is_ok();
        if accepted {
            self.incoming.clear();
            self.judge.handle_connecting(options);
        }
        accepted
    }

    pub(super) fn publish(&mut self, len: usize, expiry: Option<u32>, options: PublishOptions<'_>) {
        let number = self.judge.account.messages.len();
        let topic = TopicName::new(topic(number)).expect("a topic");
        let payload = payload(number, len);
        let backlog = self.session.backlog();
        let plain = M::plain(&payload).and_then(|payload| self.session.publish_plain(topic, payload, options));
        match plain.map_or_else(|| self.session.publish(topic, M::payload(&payload), options), Ok) {
            Ok(id) => {
                assert_eq!(id.is_some(), options.tracked || options.qos != Qos::AtMostOnce);
                let (qos, retain, len, id) = (options.qos, options.retain, payload.len(), id.map(PacketId::get));
                let message = Message { qos, retain, len, expiry, id, sent: false, received: false };
                self.judge.account.accept(message);
            }
            Err(PublishError::NeedsV5) => assert!(!self.session.version().is_v5()),
            Err(_) => assert!(self.session.backlog() <= backlog, "what is refused is not queued"),
        }
        self.check_memory();
    }

    pub(super) fn acknowledge(&mut self, index: usize, reason: ReasonCode) {
        let Some((delivery, qos)) = self.deliveries.get(index).copied() else { return };
        // On a connection that is closing no answer to QoS 1 leaves any more.
        let answers = qos == Qos::ExactlyOnce || self.session.state() == State::Connected;
        if self.session.acknowledge_with(delivery, reason) == Ok(true) && answers {
            self.judge.handle_acknowledged(delivery.packet_id(), qos, reason);
        }
    }

    pub(super) fn give_up(&mut self, index: usize) {
        let id = self.judge.account.waiting.keys().nth(index).copied().and_then(PacketId::new);
        if let Some(id) = id.filter(|id| self.session.give_up(*id)) {
            self.judge.account.give_up(id);
        }
    }

    /// A message is not to be sent after all, or the oldest is dropped.
    pub(super) fn take_back(&mut self, index: usize) {
        match self.judge.account.waiting.keys().nth(index).copied().and_then(PacketId::new) {
            Some(id) => self.session.withdraw(id),
            None => self.session.drop_oldest(Qos::ExactlyOnce),
        };
    }

    pub(super) fn disconnect(&mut self, reason: ReasonCode) {
        let before = self.session.state();
        self.session.disconnect(reason);
        self.handle_left(before, if self.session.version().is_v5() { None } else { Some(ReasonCode::SUCCESS) });
    }

    /// The application ended the connection, which stood so before.
    pub(super) fn handle_left(&mut self, before: State, farewell: Option<ReasonCode>) {
        match before {
            State::Connected => self.judge.handle_end(farewell.map(Some)),
            State::Connecting => self.judge.handle_end(Some(None)),
            State::Disconnected | State::Closing => {}
        }
    }

    // ---- out ----

    /// Takes at most so many bytes, but a shared payload as a whole. False: there is nothing to take.
    pub(super) fn transmit(&mut self, at_most: usize) -> bool {
        let now = self.now();
        let Some(chunk) = self.session.poll_transmit(now) else { return false };
        let whole = M::bytes(&chunk);
        let len = if let Chunk::Share(_) = chunk { whole.len() } else { at_most.clamp(1, whole.len()) };
        let bytes = whole[..len].to_vec();
        let again = self.session.poll_transmit(now);
        assert!(again.is_some_and(|chunk| M::bytes(&chunk).starts_with(&bytes)), "the same comes until it is taken");
        self.session.transmitted(bytes.len());
        self.judge.handle_bytes(&bytes);
        if let Some(record) = &mut self.record {
            bytes.iter().for_each(|byte| record.push_str(&format!("{byte:02x}")));
        }
        true
    }

    /// Transmits all that may go now.
    pub(super) fn drain(&mut self) {
        while self.transmit(usize::MAX) {}
        self.judge.handle_drained();
    }

    pub(super) fn flush(&mut self) {
        self.session.flushed();
        self.settle();
    }

    pub(super) fn settle(&mut self) {
        while let Some((id, outcome)) = self.session.poll_settled() {
            self.judge.handle_settled(id, outcome);
        }
    }

    // ---- in ----

    /// The session takes what there is, up to so many bytes.
    pub(super) fn feed(&mut self, len: usize) {
        let mut input = std::mem::take(&mut self.incoming);
        let (mut at, len) = (0, len.min(input.len()));
        while at < len {
            let before = self.session.state();
            let slice = &input[at..len];
            let mut progress = self.session.handle_input(self.now(), slice);
            if progress == Progress::Blocked {
                self.drain();
                progress = self.session.handle_input(self.now(), slice);
            }
            self.tell(&progress);
            match progress {
                Progress::Packet { consumed, event } => {
                    self.handle_packet(before, &slice[..consumed], event);
                    at += consumed;
                    if self.record.is_some() {
                        self.drain();
                        if self.session.state() == State::Closing {
                            break;
                        }
                    }
                }
                Progress::Incomplete { needed } => {
                    assert!(needed > slice.len(), "{needed} of {}", slice.len());
                    break;
                }
                Progress::Fault(fault) => {
                    self.handle_fault(before, slice, fault.reason());
                    at = input.len();
                }
                Progress::Blocked => panic!("blocked, with nothing to transmit"),
            }
        }
        input.drain(..at);
        self.incoming = input;
    }

    /// Each byte alone, as late as can be.
    pub(super) fn feed_slowly(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.incoming.push(*byte);
            self.feed(usize::MAX);
            self.drain();
            if self.session.state() == State::Closing {
                return;
            }
        }
    }

    fn handle_packet(&mut self, before: State, bytes: &[u8], event: Option<Event<'_>>) {
        let version = self.session.version();
        let header = FixedHeader::read(bytes).ok().flatten().expect("a header");
        assert_eq!(header.packet_len(), bytes.len());
        if matches!(before, State::Closing | State::Disconnected) {
            assert_eq!(event, None, "nothing is told behind the end");
            return;
        }
        let Ok(Decoded::Packet { packet, .. }) = decode(version, bytes) else { panic!("taken: {bytes:02x?}") };
        if matches!(packet, Packet::Connack(_)) {
            self.judge.handle_connack_seen();
        }
        self.judge.handle_consumed(&packet, event.as_ref());
        match event {
            Some(Event::Message { publish, delivery }) => {
                assert_eq!(delivery.map(Delivery::packet_id), publish.packet_id);
                if publish.topic.is_empty() {
                    let alias = publish.properties.number(dunlin_codec::PropertyId::TopicAlias).expect("an alias");
                    assert!(self.session.topic(alias as u16).is_some_and(|topic| !topic.is_empty()));
                }
                if let Some(delivery) = delivery {
                    self.deliveries.truncate(15);
                    self.deliveries.insert(0, (delivery, publish.qos));
                    if self.acknowledges {
                        self.acknowledge(0, ReasonCode::SUCCESS);
                    }
                }
            }
            Some(Event::Connected { .. }) => self.settle(),
            Some(Event::SessionDiscarded) => self.judge.handle_end(Some(Some(ReasonCode::SUCCESS))),
            Some(Event::Refused(_) | Event::Disconnected(_)) => self.judge.handle_end(None),
            _ => {}
        }
    }

    fn handle_fault(&mut self, before: State, bytes: &[u8], reason: ReasonCode) {
        assert!(matches!(self.session.state(), State::Closing | State::Disconnected), "a fault ends the connection");
        // No request is answered any more, and the one whose answer was wrong may be forgotten already.
        self.judge.account.requests.clear();
        let version = self.session.version();
        if let (State::Connecting, Some(0x20)) = (before, bytes.first()) {
            // Where the CONNACK itself could be read, a DISCONNECT may leave.
            self.judge.handle_connack_seen();
            return self.judge.handle_end(None);
        }
        match before {
            State::Connected => self.judge.handle_end(Some(version.is_v5().then_some(reason))),
            State::Connecting => self.judge.handle_end(Some(None)),
            State::Closing | State::Disconnected => {}
        }
    }

    fn tell(&mut self, progress: &Progress<'_>) {
        let Some(record) = &mut self.record else { return };
        match progress {
            Progress::Packet { event, .. } => record.push_str(&format!("\n{event:?} ")),
            Progress::Fault(_) => record.push_str("\nfault "),
            _ => {}
        }
    }

    // ---- time and links ----

    /// Nothing is due any more when what was due is done.
    pub(super) fn handle_timeout(&mut self) {
        let now = self.now();
        for _ in 0..3 {
            let before = self.session.state();
            match self.session.handle_timeout(now) {
                Some(Timeout::Reconnect) => assert_eq!(before, State::Disconnected),
                Some(Timeout::ConnackMissing | Timeout::ServerSilent) => {
                    assert_eq!(self.session.state(), State::Closing);
                    self.judge.handle_end(None);
                }
                Some(Timeout::AckStalled { id, .. }) => {
                    assert!(self.judge.account.waiting.contains_key(&id.get()), "{id} waits for nothing");
                }
                None => {}
            }
        }
        let next = self.session.poll_timeout();
        assert!(next.is_none_or(|at| at > now), "{next:?} is over at {now:?}: the driver would spin");
    }

    pub(super) fn handle_connection_lost(&mut self, how: u8) {
        let now = self.now();
        match how % 4 {
            0 => self.session.handle_connection_refused(now),
            1 => self.session.handle_connection_closed(),
            _ => self.session.handle_connection_lost(now),
        }
        self.incoming.clear();
        self.judge.handle_connection_lost();
        self.settle();
    }

    /// Every message has its outcome, and nothing is held any more.
    pub(super) fn abandon(&mut self) {
        self.session.abandon();
        self.incoming.clear();
        self.judge.handle_connection_lost();
        self.settle();
        assert!(self.judge.account.waiting.is_empty(), "not settled: {:?}", self.judge.account);
        assert!(self.session.is_idle() && !self.session.awaits_answer());
        assert_eq!((self.session.backlog(), self.held.get()), (0, 0));
        assert!(self.session.poll_transmit(self.now()).is_none() && self.session.poll_timeout().is_none());
    }

    pub(super) fn check_memory(&self) {
        let (backlog, held) = (self.session.backlog(), self.held.get());
        assert!(backlog <= self.room.log && held <= self.room.beside, "{backlog} and {held} of {:?}", self.room);
    }
}
