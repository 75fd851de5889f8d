//! A session, a clock and a wire, to tell a story with.

use std::ops::{Deref, DerefMut};

use dunlin_codec::{DecodeError, PacketId, Qos, Version};
use dunlin_session::{ConnectOptions, Delivery, Event, Instant, Outcome, Progress, PublishOptions};

use crate::{
    memory::{Face, Kind, Room},
    store::Kept,
    wire,
};

pub(crate) struct Scene {
    session: Box<dyn Face>,
    pub(crate) version: Version,
    pub(crate) kind: Kind,
    pub(crate) now: Instant,
}

/// The same scene in every memory and both versions.
pub(crate) fn scenes() -> impl Iterator<Item = Scene> {
    scenes_with(Room::default())
}

pub(crate) fn scenes_with(room: Room) -> impl Iterator<Item = Scene> {
    [Version::V3_1_1, Version::V5].into_iter().flat_map(move |version| scenes_of(version, room))
}

/// In every memory.
pub(crate) fn scenes_of(version: Version, room: Room) -> impl Iterator<Item = Scene> {
    Kind::ALL.into_iter().map(move |kind| Scene {
        session: kind.session(version, room),
        version,
        kind,
        now: Instant::from_millis(1_000),
    })
}

/// In MQTT 3.1.
pub(crate) fn scenes_v3_1() -> impl Iterator<Item = Scene> {
    scenes_of(Version::V3_1, Room::default())
}

/// With a store that the story plays, in both versions.
pub(crate) fn scenes_with_store() -> impl Iterator<Item = Scene> {
    [Version::V3_1_1, Version::V5].into_iter().map(Scene::with_store)
}

pub(crate) fn scenes_v5() -> impl Iterator<Item = Scene> {
    scenes_of(Version::V5, Room::default())
}

impl Scene {
    /// With a store that the story plays.
    pub(crate) fn with_store(version: Version) -> Self {
        Self {
            session: Kind::Journal.session(version, Room::default()),
            version,
            kind: Kind::Journal,
            now: Instant::from_millis(1_000),
        }
    }

    /// The same scene, new, with so much memory.
    pub(crate) fn in_room(self, room: Room) -> Self {
        Self { session: self.kind.session(self.version, room), ..self }
    }

    /// A connection without an earlier session, and nothing left to store.
    pub(crate) fn connected_and_stored(self) -> Self {
        let mut scene = self.connected();
        scene.store();
        assert_eq!(scene.give(), []);
        scene
    }

    /// Everything that there is to store is stored; what it was.
    pub(crate) fn store(&mut self) -> Vec<Kept> {
        let records = self.give();
        self.stored(records.len());
        records
    }

    /// A connection without an earlier session.
    pub(crate) fn connected(self) -> Self {
        let connack = wire::connack(self.version, false);
        self.connected_by(&connack)
    }

    pub(crate) fn connected_by(mut self, connack: &[u8]) -> Self {
        self.meet(connack);
        self
    }

    /// Connects with the usual options, and the server answers with `connack`.
    pub(crate) fn meet(&mut self, connack: &[u8]) {
        self.begin();
        let events = self.receives(connack);
        assert!(matches!(events[..], [Event::Connected { .. }]), "{events:?}");
    }

    /// The link breaks, and the next one goes on with the session.
    pub(crate) fn resume(&mut self) {
        self.break_link();
        let connack = wire::connack(self.version, true);
        self.meet(&connack);
    }

    /// The link breaks, and the server has forgotten the session.
    pub(crate) fn lose_session(&mut self) {
        self.break_link();
        let connack = wire::connack(self.version, false);
        self.meet(&connack);
    }

    pub(crate) fn break_link(&mut self) {
        let now = self.now;
        self.handle_connection_lost(now);
    }

    /// A CONNECT is written.
    pub(crate) fn begin(&mut self) {
        self.begin_with(&usual());
    }

    pub(crate) fn begin_with(&mut self, options: &ConnectOptions<'_>) {
        let now = self.now;
        self.connect(now, options).expect("options that may be sent");
        assert_eq!(self.wire().first(), Some(&0x10));
    }

    /// Publishes on "t".
    pub(crate) fn send(&mut self, qos: Qos, payload: &[u8]) -> u16 {
        self.publish(payload, PublishOptions::qos(qos)).expect("room").map_or(0, PacketId::get)
    }

    pub(crate) fn send_tracked(&mut self, payload: &[u8]) -> u16 {
        let options = PublishOptions { tracked: true, ..PublishOptions::default() };
        self.publish(payload, options).expect("room").expect("an identifier").get()
    }

    /// Everything that may go now is written.
    pub(crate) fn wire(&mut self) -> Vec<u8> {
        let wire = self.taken();
        self.flushed();
        wire
    }

    /// Everything that may go now is taken by the driver, but not yet written.
    pub(crate) fn taken(&mut self) -> Vec<u8> {
        let (now, mut wire) = (self.now, Vec::new());
        while let Some(bytes) = self.take(now, usize::MAX) {
            wire.extend(bytes);
        }
        wire
    }

    /// At most so many bytes are taken.
    pub(crate) fn wire_at_most(&mut self, len: usize) -> Vec<u8> {
        let (now, mut wire) = (self.now, Vec::new());
        while wire.len() < len
            && let Some(bytes) = self.take(now, len - wire.len())
        {
            wire.extend(bytes);
        }
        wire
    }

    /// What these packets from the server mean.
    pub(crate) fn receives<'i>(&mut self, mut input: &'i [u8]) -> Vec<Event<'i>> {
        let (now, mut events) = (self.now, Vec::new());
        while !input.is_empty() {
            match self.handle_input(now, input) {
                Progress::Packet { consumed, event } => {
                    events.extend(event);
                    input = &input[consumed..];
                }
                other => panic!("{other:?} to {input:02x?}"),
            }
        }
        events
    }

    /// The messages among them.
    pub(crate) fn deliveries(&mut self, input: &[u8]) -> Vec<Delivery> {
        let delivery = |event| match event {
            Event::Message { delivery, .. } => delivery.expect("QoS 1 or 2"),
            other => panic!("{other:?}"),
        };
        self.receives(input).into_iter().map(delivery).collect()
    }

    /// This packet breaks the protocol.
    pub(crate) fn fault(&mut self, input: &[u8]) -> DecodeError {
        let now = self.now;
        match self.handle_input(now, input) {
            Progress::Fault(fault) => fault,
            other => panic!("{other:?} to {input:02x?}"),
        }
    }

    /// The outcomes that no packet told.
    pub(crate) fn settled(&mut self) -> Vec<(u16, Outcome)> {
        std::iter::from_fn(|| self.poll_settled()).map(|(id, outcome)| (id.get(), outcome)).collect()
    }

    /// A PUBLISH on "t" as this version writes it.
    pub(crate) fn publish_packet(&self, first_byte: u8, id: u16, payload: &[u8]) -> Vec<u8> {
        wire::publish(self.version, first_byte, id, payload)
    }

    pub(crate) fn is_v5(&self) -> bool {
        self.version == Version::V5
    }
}

impl Deref for Scene {
    type Target = dyn Face;

    fn deref(&self) -> &Self::Target {
        &*self.session
    }
}

impl DerefMut for Scene {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut *self.session
    }
}

/// A session that is kept.
pub(crate) fn usual() -> ConnectOptions<'static> {
    ConnectOptions { client_id: "c", session_expiry_interval: 3_600, clean_start: false, ..ConnectOptions::default() }
}

/// The outcomes among events.
pub(crate) fn outcomes(events: &[Event<'_>]) -> Vec<(u16, Outcome)> {
    let outcome = |event: &Event<'_>| match event {
        Event::Settled { id, outcome, .. } => (id.get(), *outcome),
        other => panic!("{other:?}"),
    };
    events.iter().map(outcome).collect()
}

pub(crate) const QOS0: Qos = Qos::AtMostOnce;
pub(crate) const QOS1: Qos = Qos::AtLeastOnce;
pub(crate) const QOS2: Qos = Qos::ExactlyOnce;
