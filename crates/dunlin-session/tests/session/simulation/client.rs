//! The application and the driver of the simulated client, and its account of every message.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt,
};

use dunlin_codec::{Properties, Qos, ReasonCode, SubscriptionFilter, SubscriptionOptions, TopicFilter, Version};
use dunlin_session::{
    ConnectOptions, Delivery, Event, Instant, Outcome, Progress, PublishError, PublishOptions, Rejection, State,
    Uncertainty,
};

use super::{Random, Wire, crash::Disk, number_of, payload, server::Server};
use crate::memory::{Face, Kind, Room, SHARED_FROM};

pub(super) struct Client {
    pub(super) session: Box<dyn Face>,
    options: ConnectOptions<'static>,
    sizes: &'static [usize],
    pub(super) memory: (Kind, Version, Room),
    pub(super) disk: Disk,
    now: Instant,
    /// The session, the server or the application said that this connection ends.
    closing: bool,
    /// This connection had its CONNACK.
    told_of_connection: bool,
    pub(super) published: Vec<Published>,
    /// What the identifiers in use stand for.
    pub(super) waiting: HashMap<u16, usize>,
    requests: BTreeSet<u16>,
    pub(super) unacknowledged: Vec<(Delivery, Qos, u32)>,
    /// Messages from the server, and how often each was told.
    pub(super) told: BTreeMap<(Qos, u32), usize>,
}

pub(super) struct Published {
    pub(super) qos: Qos,
    tracked: bool,
    pub(super) outcome: Option<Outcome>,
    /// The process that accepted it ended before it was stored.
    pub(super) forgotten: bool,
    /// It was given up as undelivered, and the process ended before that was stored.
    pub(super) tried_once_more: bool,
}

impl Client {
    pub(super) fn new(seed: u64, random: &mut Random) -> Self {
        let version = if seed & 1 == 0 { Version::V3_1_1 } else { Version::V5 };
        let kind = random.of(&[Kind::Slices, Kind::Heap, Kind::Stored, Kind::Journal]);
        let room = Room {
            log: if kind == Kind::Slices { 60 + random.below(300) } else { 400 + random.below(12_000) },
            control: 32 + random.below(40),
            slots: 2 + random.below(if kind == Kind::Slices { 4 } else { 30 }),
            received: 1 + random.below(4),
        };
        Self {
            session: kind.session(version, room),
            options: ConnectOptions {
                client_id: "c",
                session_expiry_interval: 3_600,
                keep_alive: 2,
                ping_timeout: 5_000,
                receive_maximum: 1 + random.below(4) as u16,
                ..ConnectOptions::default()
            },
            sizes: if kind == Kind::Slices { &[4, 9, 30] } else { &[4, 9, 30, 300, SHARED_FROM, 5_000] },
            now: Instant::from_millis(0),
            closing: false,
            told_of_connection: false,
            published: Vec::new(),
            waiting: HashMap::new(),
            requests: BTreeSet::new(),
            unacknowledged: Vec::new(),
            told: BTreeMap::new(),
            memory: (kind, version, room),
            disk: Disk::default(),
        }
    }

    // ---- the application ----

    pub(super) fn publish(&mut self, random: &mut Random) {
        let qos = random.of(&[Qos::AtMostOnce, Qos::AtLeastOnce, Qos::ExactlyOnce]);
        let tracked = qos == Qos::AtMostOnce && random.below(2) == 0;
        let number = self.published.len();
        let payload = payload(number as u32, random.of(self.sizes));
        let options = PublishOptions { tracked, retain: random.below(8) == 0, ..PublishOptions::qos(qos) };
        match self.session.publish(&payload, options) {
            Ok(id) => {
                assert_eq!(id.is_some(), tracked || qos != Qos::AtMostOnce);
                if let Some(id) = id {
                    assert!(!self.requests.contains(&id.get()), "{id} is that of a request");
                    assert_eq!(self.waiting.insert(id.get(), number), None, "{id} is in use");
                }
                self.published.push(Published {
                    qos,
                    tracked,
                    outcome: None,
                    forgotten: false,
                    tried_once_more: false,
                });
            }
            Err(PublishError::Closed) => assert!(self.closing),
            Err(_) => {}
        }
    }

    pub(super) fn acknowledge(&mut self, random: &mut Random) {
        if self.unacknowledged.is_empty() {
            return;
        }
        let index = random.below(self.unacknowledged.len());
        let (delivery, qos, number) = self.unacknowledged.swap_remove(index);
        if self.session.acknowledge(delivery) {
            assert!(!self.session.acknowledge(delivery), "{delivery:?} is acknowledged once");
            if qos == Qos::ExactlyOnce {
                self.disk.handle_acknowledged(delivery.packet_id().get(), number);
            }
        }
    }

    /// Subscribes, unsubscribes, or lets time pass.
    pub(super) fn request_or_wait(&mut self, random: &mut Random) {
        let filter = TopicFilter::new("f").expect("a filter");
        let subscription = SubscriptionFilter { filter, options: SubscriptionOptions::default() };
        let id = match random.below(6) {
            0 => self.session.subscribe(&[subscription], Properties::NONE),
            1 => self.session.unsubscribe(&[filter]),
            _ => return self.wait(random),
        };
        if let Ok(id) = id {
            assert!(!self.waiting.contains_key(&id.get()) && self.requests.insert(id.get()), "{id} is in use");
        }
    }

    pub(super) fn maybe_leave(&mut self, random: &mut Random) {
        if random.below(4) == 0 {
            self.session.disconnect(ReasonCode::SUCCESS);
            self.closing = true;
        }
    }

    // ---- the driver ----

    pub(super) fn connect(&mut self) {
        self.session.connect(self.now, &self.options).expect("options that may be sent");
    }

    pub(super) fn transmit(&mut self, wire: &mut Wire, at_most: usize) {
        let mut left = at_most;
        while let Some(bytes) = self.session.take(self.now, left) {
            left = left.saturating_sub(bytes.len());
            wire.up.extend(bytes);
            if left == 0 {
                return;
            }
        }
        self.session.flushed();
        self.poll_settled();
    }

    pub(super) fn handle_input(&mut self, input: &[u8]) -> usize {
        let mut consumed = 0;
        loop {
            match self.session.handle_input(self.now, &input[consumed..]) {
                Progress::Packet { consumed: len, event } => {
                    consumed += len;
                    if let Some(event) = event {
                        self.handle_event(event);
                    }
                }
                Progress::Incomplete { .. } | Progress::Blocked => return consumed,
                Progress::Fault(fault) => panic!("{fault}: {:02x?}", &input[consumed..]),
            }
        }
    }

    fn handle_event(&mut self, event: Event<'_>) {
        match event {
            Event::Connected { session_present, .. } => {
                self.told_of_connection = true;
                self.disk.handle_connected(session_present);
                self.poll_settled();
            }
            Event::Refused(_) | Event::SessionDiscarded | Event::Disconnected(_) => self.closing = true,
            Event::Message { publish, delivery } => {
                let number = number_of(publish.payload);
                *self.told.entry((publish.qos, number)).or_default() += 1;
                self.unacknowledged.extend(delivery.map(|delivery| (delivery, publish.qos, number)));
            }
            Event::Settled { id, outcome, .. } => self.settle(id.get(), outcome),
            Event::Subscribed(suback) => assert!(self.requests.remove(&suback.packet_id.get())),
            Event::Unsubscribed(unsuback) => assert!(self.requests.remove(&unsuback.packet_id.get())),
            Event::Authentication(auth) => panic!("nobody asked for {auth:?}"),
        }
    }

    fn wait(&mut self, random: &mut Random) {
        self.now = self.now + random.of(&[1, 50, 500, 2_000]);
        if self.session.handle_timeout(self.now).is_some() && self.is_connected() {
            self.closing = true;
        }
        if self.is_connected() {
            assert!(self.session.poll_timeout().is_none_or(|at| at > self.now), "a deadline in the past");
        }
    }

    pub(super) fn handle_connection_lost(&mut self, random: &mut Random) {
        (self.closing, self.told_of_connection) = (false, false);
        self.requests.clear();
        self.session.handle_connection_lost(self.now);
        if random.below(2) == 0 {
            self.poll_settled();
        }
    }

    pub(super) fn is_told(&self) -> bool {
        self.told_of_connection
    }

    pub(super) fn is_connected(&self) -> bool {
        self.session.state() != State::Disconnected
    }

    /// The last word may be out or not: both happen.
    pub(super) fn must_close(&self) -> bool {
        self.closing
    }

    // ---- the account ----

    fn poll_settled(&mut self) {
        while let Some((id, outcome)) = self.session.poll_settled() {
            self.settle(id.get(), outcome);
        }
    }

    fn settle(&mut self, id: u16, outcome: Outcome) {
        let number = self.waiting.remove(&id).unwrap_or_else(|| panic!("{outcome:?} for {id}, which is not in use"));
        assert_eq!(self.published[number].outcome.replace(outcome), None);
    }

    pub(super) fn is_done(&self) -> bool {
        self.session.is_idle() && self.waiting.is_empty() && self.unacknowledged.is_empty() && self.disk.is_empty()
    }

    pub(super) fn check(&self, server: &Server) {
        for qos in [Qos::AtMostOnce, Qos::AtLeastOnce, Qos::ExactlyOnce] {
            self.check_order(qos, server);
        }
        for (number, message) in self.published.iter().enumerate() {
            let Published { qos, tracked, outcome, forgotten, .. } = *message;
            let arrived = server.arrived(qos).iter().filter(|arrived| **arrived == number as u32).count();
            let as_told = match (qos, outcome) {
                (Qos::AtMostOnce, None) => (!tracked || forgotten) && arrived <= 1,
                (_, None) if forgotten => arrived == 0,
                (Qos::AtMostOnce, Some(Outcome::Sent | Outcome::Unknown(Uncertainty::PartlyWritten))) => arrived <= 1,
                (Qos::AtLeastOnce, Some(Outcome::Delivered(_))) => arrived >= 1,
                (Qos::ExactlyOnce, Some(Outcome::Delivered(_))) => arrived == 1,
                (_, Some(Outcome::Rejected(Rejection::BeyondLimits(_)))) => arrived == 0,
                (Qos::AtLeastOnce | Qos::ExactlyOnce, Some(Outcome::Rejected(Rejection::ByServer(_)))) => arrived == 0,
                (Qos::AtLeastOnce, Some(Outcome::Unknown(Uncertainty::BeyondLimits))) => true,
                (Qos::ExactlyOnce, Some(Outcome::Unknown(_))) => arrived <= 1,
                _ => false,
            };
            assert!(as_told, "message {number}, {qos}, {outcome:?}: arrived {arrived} times");
        }
        for ((qos, number), count) in &self.told {
            assert!(*count <= 1 || *qos == Qos::AtLeastOnce, "message {number}, {qos}: told {count} times");
        }
        for (qos, number) in server.completed() {
            let count = self.told.get(&(*qos, *number)).copied().unwrap_or_default();
            assert!(count > 0, "message {number}, {qos}: acknowledged, not told");
        }
    }

    /// What came for the first time came in the order in which it was accepted.
    fn check_order(&self, qos: Qos, server: &Server) {
        let (mut seen, mut last) = (BTreeSet::new(), None);
        for number in server.arrived(qos) {
            let message = &self.published[*number as usize];
            assert_eq!(message.qos, qos);
            if seen.insert(*number) && !message.tried_once_more {
                assert!(last < Some(number), "{qos}: {last:?} before {number}");
                last = Some(number);
            }
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("state", &self.session.state())
            .field("idle", &self.session.is_idle())
            .field("waiting", &self.waiting)
            .field("unacknowledged", &self.unacknowledged)
            .finish_non_exhaustive()
    }
}
