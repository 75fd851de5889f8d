//! Topics that we name by an alias: bound by themselves, for one connection, and never seen in what is said.

use std::collections::HashMap;

use dunlin_codec::{
    Decoded, Packet, PacketType, Properties, PropertyId, PropertyOwner, ProtocolViolation, Qos, Version, decode,
};
use dunlin_session::{ConnectOptions, Outcome, PublishOptions, Uncertainty};
use proptest::prelude::*;

use crate::{
    memory::{Kind, Room, SHARED_FROM},
    scene::{QOS0, QOS1, QOS2, Scene, scenes_of, scenes_v5},
    wire::{PUBACK, PUBREC, ack, all, connack_with, packet},
};

const PLANT: &str = "plant/7/temp";
const LEAF: &str = "leaf";

/// The server takes so many.
fn allowing(maximum: u8) -> [u8; 3] {
    [0x22, 0, maximum]
}

/// In memory that has room for 4.
fn scenes(maximum: u8) -> impl Iterator<Item = Scene> {
    let with_aliases = scenes_v5().filter(|scene| scene.kind != Kind::Slices);
    with_aliases.map(move |scene| scene.connected_by(&connack_with(false, &allowing(maximum))))
}

fn resume(scene: &mut Scene, maximum: u8) {
    scene.break_link();
    scene.meet(&connack_with(true, &allowing(maximum)));
}

fn send(scene: &mut Scene, topic: &str, qos: Qos, payload: &[u8]) -> u16 {
    scene.publish_to(topic, payload, PublishOptions::qos(qos)).unwrap().map_or(0, dunlin_codec::PacketId::get)
}

/// A message with these properties.
fn message_with(first_byte: u8, id: u16, topic: &str, properties: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut body = vec![0, topic.len() as u8];
    body.extend(topic.as_bytes());
    if first_byte & 0x06 != 0 {
        body.extend(id.to_be_bytes());
    }
    body.push(properties.len() as u8);
    packet(first_byte, &[&body, properties, payload].concat())
}

/// A message with this alias; 0: none.
fn message(first_byte: u8, id: u16, topic: &str, alias: u8, payload: &[u8]) -> Vec<u8> {
    let properties: &[u8] = if alias == 0 { &[] } else { &[0x23, 0, alias] };
    message_with(first_byte, id, topic, properties, payload)
}

#[test]
fn a_topic_is_sent_once_and_then_named_by_its_alias() {
    for mut scene in scenes(9) {
        let large = [7; SHARED_FROM];
        send(&mut scene, PLANT, QOS0, b"1");
        send(&mut scene, PLANT, QOS1, b"2");
        send(&mut scene, LEAF, QOS2, b"");
        send(&mut scene, PLANT, QOS1, &large);
        send(&mut scene, LEAF, QOS0, b"5");
        let expected = all(&[
            message(0x30, 0, PLANT, 1, b"1"),
            message(0x32, 1, "", 1, b"2"),
            message(0x34, 2, LEAF, 2, b""),
            message(0x32, 3, "", 1, &large),
            message(0x30, 0, "", 2, b"5"),
        ]);
        assert_eq!(scene.wire(), expected);
    }
}

#[test]
fn those_without_an_alias_go_between_those_with_one() {
    for mut scene in scenes(9) {
        for topic in ["t", "t", PLANT, PLANT, "t", PLANT] {
            send(&mut scene, topic, QOS0, b"");
        }
        let (short, named) = (message(0x30, 0, "t", 0, b""), message(0x30, 0, "", 1, b""));
        let bound = message(0x30, 0, PLANT, 1, b"");
        assert_eq!(scene.wire(), all(&[short.clone(), short.clone(), bound, named.clone(), short, named]));
    }
}

#[test]
fn memory_without_aliases_sends_every_topic() {
    for scene in scenes_v5().filter(|scene| scene.kind == Kind::Slices) {
        let mut scene = scene.connected_by(&connack_with(false, &allowing(9)));
        send(&mut scene, PLANT, QOS0, b"1");
        send(&mut scene, PLANT, QOS0, b"2");
        assert_eq!(scene.wire(), all(&[message(0x30, 0, PLANT, 0, b"1"), message(0x30, 0, PLANT, 0, b"2")]));
    }
}

/// [MQTT-3.2.2-17] [MQTT-3.2.2-18]: no more than the server takes, nor than there is memory for.
#[test]
fn the_alias_that_was_not_used_for_the_longest_time_is_bound_anew() {
    for (allowed, aliases) in [(2, [1, 2, 1, 2, 1]), (3, [1, 2, 1, 3, 2]), (9, [1, 2, 1, 3, 2])] {
        for mut scene in scenes(allowed) {
            let mut known = HashMap::new();
            for (topic, alias) in ["aaaa", "bbbb", "aaaa", "cccc", "bbbb"].into_iter().zip(aliases) {
                send(&mut scene, topic, QOS0, b"");
                let shown = if known.insert(alias, topic) == Some(topic) { "" } else { topic };
                assert_eq!(scene.wire(), message(0x30, 0, shown, alias, b""), "{topic}, of {allowed}");
            }
        }
    }
    for mut scene in scenes(9) {
        for (topic, alias) in [("aaaa", 1), ("bbbb", 2), ("cccc", 3), ("dddd", 4), ("eeee", 1)] {
            send(&mut scene, topic, QOS0, b"");
            assert_eq!(scene.wire(), message(0x30, 0, topic, alias, b""));
        }
    }
}

/// And then all that may go is one run.
#[test]
fn a_server_that_takes_no_alias_is_sent_none() {
    for mut scene in scenes(0) {
        send(&mut scene, PLANT, QOS0, b"1");
        send(&mut scene, PLANT, QOS0, b"2");
        let now = scene.now;
        let run = scene.take(now, usize::MAX).unwrap();
        assert_eq!(run, all(&[message(0x30, 0, PLANT, 0, b"1"), message(0x30, 0, PLANT, 0, b"2")]));
    }
}

#[test]
fn a_topic_no_longer_than_an_alias_is_not_worth_one() {
    for mut scene in scenes(9) {
        for topic in ["a", "abc", "abcd", "abc"] {
            send(&mut scene, topic, QOS0, b"x");
            assert_eq!(scene.wire(), message(0x30, 0, topic, (topic.len() > 3).into(), b"x"));
        }
    }
}

/// [MQTT-3.3.2-7]
#[test]
fn aliases_are_bound_anew_on_each_connection_and_a_repetition_needs_none() {
    for mut scene in scenes(9) {
        send(&mut scene, LEAF, QOS0, b"");
        send(&mut scene, PLANT, QOS1, b"1");
        send(&mut scene, PLANT, QOS2, &[2; SHARED_FROM]);
        scene.wire();
        resume(&mut scene, 9);
        let expected = all(&[message(0x3A, 1, PLANT, 1, b"1"), message(0x3C, 2, "", 1, &[2; SHARED_FROM])]);
        assert_eq!(scene.wire(), expected);
        resume(&mut scene, 0);
        let expected = all(&[message(0x3A, 1, PLANT, 0, b"1"), message(0x3C, 2, PLANT, 0, &[2; SHARED_FROM])]);
        assert_eq!(scene.wire(), expected);
    }
}

/// [MQTT-3.2.2-15]: the packet that binds an alias is three bytes longer.
#[test]
fn an_alias_never_makes_a_packet_too_large() {
    for (len, alias) in [(4, 1), (5, 0)] {
        for scene in scenes_v5().filter(|scene| scene.kind != Kind::Slices) {
            let limit = message(0x30, 0, PLANT, 0, &[0; 7]).len() as u8;
            let properties = [&allowing(9)[..], &[0x27, 0, 0, 0, limit]].concat();
            let mut scene = scene.connected_by(&connack_with(false, &properties));
            send(&mut scene, PLANT, QOS0, &vec![0; len]);
            assert_eq!(scene.wire(), message(0x30, 0, PLANT, alias, &vec![0; len]));
            send(&mut scene, PLANT, QOS0, &[0; 7]);
            assert_eq!(scene.wire(), message(0x30, 0, if alias == 0 { PLANT } else { "" }, alias, &[0; 7]));
        }
    }
}

#[test]
fn its_other_properties_stay_and_the_time_it_waited_is_taken_off() {
    let (given, rest) = (&[0x01, 1, 0x02, 0, 0, 0, 9][..], &[0x01, 1, 0x02, 0, 0, 0, 5, 0x23, 0, 1][..]);
    for scene in scenes_v5().filter(|scene| scene.kind != Kind::Slices) {
        let mut scene = scene;
        let properties = Properties::check(PropertyOwner::Packet(PacketType::Publish), given).unwrap();
        let options = PublishOptions { properties, ..PublishOptions::qos(QOS1) };
        scene.publish_to(PLANT, b"x", options).unwrap();
        scene.wire();
        scene.now = scene.now + 4_000;
        scene.meet(&connack_with(false, &allowing(9)));
        assert_eq!(scene.wire(), message_with(0x32, 1, PLANT, rest, b"x"));
    }
}

/// [MQTT-4.3.2-2]: not before the whole packet was transmitted, wherever the cut is.
#[test]
fn an_acknowledgement_of_what_is_not_wholly_transmitted_is_early() {
    for payload in [&b"payload"[..], b"", &[7; SHARED_FROM]] {
        let whole = message(0x32, 1, PLANT, 1, payload);
        let head = whole.len() - payload.len();
        let cuts = (0..if payload.len() < SHARED_FROM { whole.len() } else { head + 1 }).chain([usize::MAX]);
        for cut in cuts {
            for mut scene in scenes(9) {
                send(&mut scene, PLANT, QOS1, payload);
                let sent = scene.wire_at_most(cut);
                assert!(whole.starts_with(&sent));
                if sent.len() < whole.len() {
                    assert_eq!(scene.fault(&ack(PUBACK, 1)), ProtocolViolation::AcknowledgedEarly.into(), "at {cut}");
                } else {
                    assert_eq!(scene.receives(&ack(PUBACK, 1)).len(), 1);
                }
            }
        }
    }
}

/// Until then it is as new, and no longer.
#[test]
fn it_is_begun_with_its_first_byte() {
    let whole = message(0x32, 1, PLANT, 1, b"payload");
    for cut in 0..=whole.len() {
        for (maximum, alias) in [(9, 1), (0, 0)] {
            for mut scene in scenes(9) {
                send(&mut scene, PLANT, QOS1, b"payload");
                let now = scene.now;
                scene.take(now, 0);
                assert_eq!(scene.wire_at_most(cut), whole[..cut]);
                resume(&mut scene, maximum);
                let first_byte = if cut == 0 { 0x32 } else { 0x3A };
                assert_eq!(scene.wire(), message(first_byte, 1, PLANT, alias, b"payload"), "cut at {cut}");
            }
        }
    }
}

#[test]
fn of_qos_0_it_is_partly_written_or_sent_once_more() {
    let whole = message(0x30, 0, PLANT, 1, b"payload");
    let options = PublishOptions { tracked: true, ..PublishOptions::qos(QOS0) };
    for cut in 0..whole.len() {
        for mut scene in scenes(9) {
            let id = scene.publish_to(PLANT, b"payload", options).unwrap().unwrap().get();
            send(&mut scene, PLANT, QOS0, b"untracked");
            assert_eq!(scene.wire_at_most(cut), whole[..cut]);
            scene.flushed();
            assert_eq!(scene.settled(), []);
            resume(&mut scene, 9);
            if cut == 0 {
                assert_eq!(scene.wire(), all(&[whole.clone(), message(0x30, 0, "", 1, b"untracked")]));
                assert_eq!(scene.settled(), [(id, Outcome::Sent)]);
            } else {
                assert_eq!(scene.settled(), [(id, Outcome::Unknown(Uncertainty::PartlyWritten))]);
                assert_eq!(scene.wire(), message(0x30, 0, PLANT, 1, b"untracked"));
            }
        }
    }
}

/// The log closes its gaps while a part of the head is out.
#[test]
fn the_log_may_move_in_the_middle_of_it() {
    let whole = message(0x32, 2, PLANT, 1, b"payload");
    for cut in 0..whole.len() {
        let scenes = scenes_of(Version::V5, Room { log: 160, ..Room::default() });
        for scene in scenes.filter(|scene| scene.kind != Kind::Slices) {
            let mut scene = scene.connected_by(&connack_with(false, &allowing(9)));
            send(&mut scene, "t", QOS1, &[1; 60]);
            scene.wire();
            send(&mut scene, PLANT, QOS1, b"payload");
            let mut wire = scene.wire_at_most(cut);
            scene.receives(&ack(PUBACK, 1));
            send(&mut scene, "t", QOS1, &[3; 90]);
            wire.extend(scene.wire());
            assert_eq!(wire, all(&[whole.clone(), message(0x32, 3, "t", 0, &[3; 90])]), "cut at {cut}");
        }
    }
}

/// [MQTT-4.9.0-3]: a control packet waits for the end of the packet, and for nothing else.
#[test]
fn nothing_comes_between_its_head_and_its_payload() {
    for mut scene in scenes(9) {
        send(&mut scene, PLANT, QOS2, b"payload");
        send(&mut scene, PLANT, QOS1, b"2");
        let whole = message(0x34, 1, PLANT, 1, b"payload");
        let mut wire = scene.wire_at_most(whole.len() - 7);
        let incoming = scene.publish_packet(0x34, 9, b"");
        let delivery = scene.deliveries(&incoming)[0];
        scene.acknowledge(delivery);
        wire.extend(scene.wire());
        assert_eq!(wire, all(&[whole, ack(PUBREC, 9), message(0x32, 2, "", 1, b"2")]));
        let ping_timeout = ConnectOptions::default().ping_timeout;
        assert_eq!(scene.poll_timeout(), Some(scene.now + ping_timeout), "they ask for an answer");
    }
}

#[derive(Debug, Clone)]
enum Step {
    /// On one of some topics, expiring or not.
    Publish(usize, Qos, usize, bool),
    Transmit(usize),
    /// The first that waits is acknowledged.
    Answer,
    /// The link breaks, and the next one allows so many aliases.
    Reconnect(u8),
}

fn step() -> impl Strategy<Value = Step> {
    let qos = prop::sample::select(&[QOS0, QOS1, QOS2][..]);
    prop_oneof![
        6 => (0..TOPICS.len(), qos, prop::sample::select(&[0, 5, 200, SHARED_FROM][..]), any::<bool>())
            .prop_map(|(topic, qos, len, expires)| Step::Publish(topic, qos, len, expires)),
        4 => (0..60_usize).prop_map(Step::Transmit),
        2 => Just(Step::Answer),
        1 => (0..6_u8).prop_map(Step::Reconnect),
    ]
}

/// A server: it resolves aliases, and writes down what was said.
struct Peer {
    scene: Scene,
    aliases: bool,
    maximum: u16,
    bound: HashMap<u16, Vec<u8>>,
    wire: Vec<u8>,
    heard: Vec<String>,
    unanswered: Vec<(u8, u16)>,
}

impl Peer {
    fn new(scene: Scene, aliases: bool) -> Self {
        let (bound, wire, heard, unanswered) = (HashMap::new(), vec![], vec![], vec![]);
        let mut peer = Self { scene, aliases, maximum: 0, bound, wire, heard, unanswered };
        peer.accept(3, false);
        peer
    }

    fn accept(&mut self, maximum: u8, session_present: bool) {
        self.maximum = if self.aliases { maximum.into() } else { 0 };
        self.scene.meet(&connack_with(session_present, &allowing(self.maximum as u8)));
    }

    fn publish(&mut self, topic: &str, qos: Qos, len: usize, expires: bool) {
        let expiry = [0x02, 0, 0, 0, 9];
        let bytes: &[u8] = if expires { &expiry } else { &[] };
        let properties = Properties::check(PropertyOwner::Packet(PacketType::Publish), bytes).unwrap();
        self.scene
            .publish_to(topic, &vec![b'x'; len], PublishOptions { properties, ..PublishOptions::qos(qos) })
            .unwrap();
    }

    fn transmit(&mut self, at_most: usize) {
        let bytes = if at_most == usize::MAX { self.scene.wire() } else { self.scene.wire_at_most(at_most) };
        self.wire.extend(bytes);
        let wire = std::mem::take(&mut self.wire);
        let mut rest = &wire[..];
        while let Decoded::Packet { packet, consumed } = decode(Version::V5, rest).expect("a packet of a client") {
            rest = &rest[consumed..];
            let Packet::Publish(publish) = packet else { continue };
            let mut topic = publish.topic.as_bytes().to_vec();
            if let Some(alias) = publish.properties.number(PropertyId::TopicAlias).map(|alias| alias as u16) {
                assert!(alias <= self.maximum.min(4), "alias {alias}");
                if topic.is_empty() {
                    topic.clone_from(&self.bound[&alias]);
                } else {
                    self.bound.insert(alias, topic.clone());
                }
            }
            let topic = String::from_utf8(topic).unwrap();
            let expiry = publish.properties.number(PropertyId::MessageExpiryInterval);
            let (qos, dup, id, len) = (publish.qos, publish.dup, publish.packet_id, publish.payload.len());
            self.heard.push(format!("{topic} {qos} {dup} {id:?} {expiry:?} {len}"));
            let answer = if qos == QOS1 { PUBACK } else { PUBREC };
            self.unanswered.extend(id.map(|id| (answer, id.get())));
        }
        self.wire = rest.to_vec();
    }

    fn answer(&mut self) {
        if !self.unanswered.is_empty() {
            let (first_byte, id) = self.unanswered.remove(0);
            let reason: &[u8] = if first_byte == PUBREC { &[0x97] } else { &[] };
            self.scene.receives(&packet(first_byte, &[&id.to_be_bytes()[..], reason].concat()));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// However the transmission is cut: whoever resolves the aliases hears what is said without any.
    #[test]
    fn what_is_said_is_the_same_as_without_aliases(steps in prop::collection::vec(step(), 1..80)) {
        let room = Room { log: 60_000, slots: 90, ..Room::default() };
        for kind in [Kind::Heap, Kind::Stored] {
            let scene = || scenes_of(Version::V5, room).find(|scene| scene.kind == kind).unwrap();
            let mut peers = [Peer::new(scene(), true), Peer::new(scene(), false)];
            for step in &steps {
                for peer in &mut peers {
                    match *step {
                        Step::Publish(topic, qos, len, expires) => peer.publish(TOPICS[topic], qos, len, expires),
                        Step::Transmit(at_most) => peer.transmit(at_most),
                        Step::Answer => {
                            peer.transmit(usize::MAX);
                            peer.answer();
                        }
                        Step::Reconnect(maximum) => {
                            peer.transmit(usize::MAX);
                            peer.scene.break_link();
                            (peer.wire, peer.bound, peer.unanswered) = (vec![], HashMap::new(), vec![]);
                            peer.accept(maximum, true);
                        }
                    }
                }
            }
            peers.iter_mut().for_each(|peer| peer.transmit(usize::MAX));
            prop_assert_eq!(&peers[0].heard, &peers[1].heard);
        }
    }
}

const TOPICS: [&str; 7] = ["t", "abc", "abcd", "plant/1", "plant/2", "plant/3", "a/very/long/topic/of/some/plant"];
