//! Messages that are not sent after all: taken back by their publisher, or dropped to make room. Only what was never
//! begun is, and what stays goes out as if the others had never been.

use std::collections::HashMap;

use dunlin_codec::{
    Decoded, Packet, PacketId, PacketType, Properties, Property, PropertyId, PropertyOwner, Qos, Version, decode,
};
use dunlin_session::{Outcome, PublishOptions, Rejection};
use proptest::prelude::*;

use crate::{
    memory::{Kind, Room, SHARED_FROM},
    scene::{QOS0, QOS1, QOS2, Scene, outcomes, scenes, scenes_of, scenes_with_store},
    wire::{PUBACK, PUBCOMP, PUBREC, ack, all, connack_with},
};

const DROPPED: Outcome = Outcome::Rejected(Rejection::Dropped);
const WITHDRAWN: Outcome = Outcome::Rejected(Rejection::Withdrawn);

fn id(id: u16) -> PacketId {
    PacketId::new(id).unwrap()
}

#[test]
fn the_oldest_is_dropped_and_the_others_go_out_in_order() {
    for scene in scenes() {
        let mut scene = scene.connected();
        scene.send(QOS1, b"one");
        scene.send(QOS0, b"two");
        scene.send(QOS2, b"three");
        assert!(scene.drop_oldest(QOS2));
        assert_eq!(scene.settled(), [(1, DROPPED)]);
        let expected = [scene.publish_packet(0x30, 0, b"two"), scene.publish_packet(0x34, 2, b"three")];
        assert_eq!(scene.wire(), all(&expected));
        assert!(!scene.drop_oldest(QOS2), "all of them were sent");
    }
}

#[test]
fn a_lower_qos_is_dropped_from_the_middle() {
    for scene in scenes() {
        let mut scene = scene.connected();
        scene.send(QOS1, b"one");
        let tracked = scene.send_tracked(b"two");
        scene.send(QOS0, &[b'x'; SHARED_FROM]);
        scene.send(QOS2, &[b'y'; SHARED_FROM]);
        assert!(scene.drop_oldest(QOS0) && scene.drop_oldest(QOS0) && !scene.drop_oldest(QOS0));
        assert_eq!(scene.settled(), [(tracked, DROPPED)], "nobody asked about the other one");
        let (one, two) = (scene.publish_packet(0x32, 1, b"one"), scene.wire());
        assert!(two.starts_with(&one) && two.ends_with(&[b'y'; SHARED_FROM]), "{} bytes", two.len());
        assert!(!two.contains(&b'x'));
    }
}

#[test]
fn a_message_is_taken_back_once_and_only_before_it_is_begun() {
    for scene in scenes() {
        let mut scene = scene.connected();
        let (one, two) = (scene.send(QOS1, b"one"), scene.send(QOS1, b"two"));
        assert_ne!(scene.wire_at_most(3), []);
        let three = scene.send(QOS1, b"three");
        assert!(!scene.withdraw(id(one)), "it was begun");
        assert!(!scene.withdraw(id(two)), "it is among what is being sent");
        assert!(scene.withdraw(id(three)) && !scene.withdraw(id(three)));
        assert_eq!(scene.settled(), [(three, WITHDRAWN)]);
        assert!(!scene.withdraw(id(three)), "it is nobody's any more");
        scene.wire();
        assert_eq!(outcomes(&scene.receives(&ack(PUBACK, one))).len(), 1);
        assert!(!scene.withdraw(id(one)));
    }
}

#[test]
fn what_was_sent_on_another_connection_is_not_dropped() {
    for scene in scenes() {
        let mut scene = scene.connected();
        scene.send(QOS1, b"sent");
        scene.wire();
        scene.break_link();
        scene.send(QOS1, b"new");
        assert!(!scene.withdraw(id(1)));
        assert!(scene.drop_oldest(QOS2) && !scene.drop_oldest(QOS2));
        assert_eq!(scene.settled(), [(2, DROPPED)]);
        let connack = crate::wire::connack(scene.version, true);
        scene.meet(&connack);
        assert_eq!(scene.wire(), scene.publish_packet(0x3A, 1, b"sent"));
    }
}

/// Whether it was among those that may go out or among those that wait.
#[test]
fn the_place_of_a_dropped_message_goes_to_the_next() {
    for at in 0..3 {
        for scene in scenes_of(Version::V5, Room::default()) {
            // Two may be under way.
            let mut scene = scene.connected_by(&connack_with(false, &[0x21, 0, 2]));
            let ids: Vec<_> = (0..4).map(|number| scene.send(QOS1, &[number])).collect();
            assert!(scene.withdraw(id(ids[at])));
            assert_eq!(scene.settled(), [(ids[at], WITHDRAWN)]);
            let left: Vec<_> = (0..4).filter(|number| *number != at).collect();
            let packet = |scene: &Scene, number: usize| scene.publish_packet(0x32, ids[number], &[number as u8]);
            assert_eq!(scene.wire(), all(&[packet(&scene, left[0]), packet(&scene, left[1])]));
            scene.receives(&ack(PUBACK, ids[left[0]]));
            assert_eq!(scene.wire(), packet(&scene, left[2]));
        }
    }
}

#[test]
fn a_message_that_is_not_stored_yet_holds_nothing_back_when_it_is_gone() {
    for scene in scenes_with_store() {
        let mut scene = scene.connected_and_stored();
        let (one, two) = (scene.send(QOS1, b"one"), scene.send(QOS1, b"two"));
        assert!(scene.withdraw(id(one)));
        assert_eq!(scene.settled(), [(one, WITHDRAWN)]);
        let given = scene.give();
        let three = scene.send(QOS1, b"three");
        scene.stored(given.len());
        assert_eq!(scene.wire(), scene.publish_packet(0x32, two, b"two"), "the third is not stored");
        scene.store();
        assert_eq!(scene.wire(), scene.publish_packet(0x32, three, b"three"));
    }
}

/// It was the only one that expires, and its time had not begun.
#[test]
fn the_time_of_one_that_is_published_later_begins_then() {
    for scene in scenes_of(Version::V5, Room::default()) {
        let mut scene = scene.connected();
        scene.now = scene.now + 60_000;
        let mut account = Account::default();
        publish(&mut scene, &mut account, QOS1, true, Some(10), 2);
        publish(&mut scene, &mut account, QOS1, true, None, 2);
        assert!(scene.withdraw(id(1)));
        assert_eq!(scene.settled(), [(1, WITHDRAWN)]);
        scene.wire();
        scene.receives(&ack(PUBACK, 2));
        scene.break_link();
        publish(&mut scene, &mut account, QOS1, true, Some(10), 2);
        scene.meet(&connack_with(false, &[]));
        assert!(!scene.wire().is_empty());
        assert_eq!(scene.settled(), []);
    }
}

#[test]
fn the_time_of_those_behind_it_goes_on() {
    for mut scene in scenes_of(Version::V5, Room::default()) {
        scene.now = scene.now + 60_000;
        let mut account = Account::default();
        for qos in [QOS1, QOS0, QOS1] {
            publish(&mut scene, &mut account, qos, true, Some(10), 30);
        }
        assert_eq!(scene.wire(), [], "their time begins");
        assert!(scene.drop_oldest(QOS0));
        publish(&mut scene, &mut account, QOS1, true, Some(10), 2);
        scene.now = scene.now + 2_000;
        scene.wire();
        scene.now = scene.now + 7_000;
        assert_eq!(scene.settled(), [(2, DROPPED)]);
        scene.meet(&connack_with(false, &[]));
        let mut intervals = vec![];
        let wire = scene.wire();
        let mut rest = &wire[..];
        while let Ok(Decoded::Packet { packet: Packet::Publish(publish), consumed }) = decode(Version::V5, rest) {
            intervals.extend(publish.properties.number(PropertyId::MessageExpiryInterval));
            rest = &rest[consumed..];
        }
        assert_eq!(intervals, [1, 1, 3]);
    }
}

#[test]
fn nobody_waits_for_the_time_of_what_is_gone() {
    for mut scene in scenes_of(Version::V5, Room::default()) {
        scene.now = scene.now + 60_000;
        publish(&mut scene, &mut Account::default(), QOS1, true, Some(10), 30);
        assert_eq!(scene.wire(), [], "its time begins");
        assert_eq!(scene.poll_timeout(), Some(scene.now + 10_000));
        assert!(scene.withdraw(id(1)));
        assert_eq!(scene.poll_timeout(), None);
    }
}

/// Nor does the time of what is behind it depend on what it was, though its payload is not in the log.
#[test]
fn the_time_of_those_behind_a_large_one_begins() {
    for mut scene in scenes_of(Version::V5, Room::default()) {
        scene.now = scene.now + 60_000;
        let mut account = Account::default();
        publish(&mut scene, &mut account, QOS1, true, Some(10), SHARED_FROM);
        publish(&mut scene, &mut account, QOS1, true, Some(60), 30);
        assert!(scene.withdraw(id(1)));
        assert_eq!(scene.wire(), [], "its time begins");
        scene.now = scene.now + 59_000;
        scene.wire();
        assert_eq!(scene.settled(), [(1, WITHDRAWN)]);
        scene.now = scene.now + 1_000;
        scene.wire();
        assert_eq!(scene.settled(), [(2, Outcome::Rejected(Rejection::Expired))]);
    }
}

/// Its own time had not begun.
#[test]
fn the_time_of_those_before_it_goes_on() {
    for later in [2, 3] {
        for mut scene in scenes_of(Version::V5, Room::default()) {
            scene.now = scene.now + 60_000;
            let mut account = Account::default();
            publish(&mut scene, &mut account, QOS1, true, Some(10), 30);
            assert_eq!(scene.wire(), [], "its time begins");
            for _ in 0..2 {
                publish(&mut scene, &mut account, QOS1, true, Some(60), 30);
            }
            assert!(scene.withdraw(id(later)));
            assert_eq!(scene.settled(), [(later, WITHDRAWN)]);
            scene.wire();
            scene.now = scene.now + 10_000;
            scene.wire();
            assert_eq!(scene.settled(), [(1, Outcome::Rejected(Rejection::Expired))]);
        }
    }
}

#[derive(Debug, Clone)]
enum Step {
    /// Tracked or not, with the seconds after which it expires, if it does, and the bytes of its payload.
    Publish(Qos, bool, Option<u32>, usize),
    Drop(Qos),
    /// The message that was published as many before the last.
    Withdraw(usize),
    Wait(u32),
    Transmit(usize),
    Store,
    Answer,
    /// The link breaks, and there is the next, with the session or without.
    Reconnect(bool),
}

fn step() -> impl Strategy<Value = Step> {
    let qos = || prop::sample::select(&[QOS0, QOS1, QOS2][..]);
    let len = prop::sample::select(&[2_usize, 30, SHARED_FROM][..]);
    prop_oneof![
        6 => (qos(), any::<bool>(), prop::option::weighted(0.3, 1..5_u32), len)
            .prop_map(|(qos, tracked, interval, len)| Step::Publish(qos, tracked, interval, len)),
        2 => qos().prop_map(Step::Drop),
        2 => (0..6_usize).prop_map(Step::Withdraw),
        1 => (1..1_500_u32).prop_map(Step::Wait),
        3 => (0..80_usize).prop_map(Step::Transmit),
        2 => Just(Step::Store),
        3 => Just(Step::Answer),
        1 => any::<bool>().prop_map(Step::Reconnect),
    ]
}

/// What the server saw, and what was told of each message.
#[derive(Default)]
struct Account {
    /// The identifier of each, if it has one, and its outcome, if that is known.
    published: Vec<(Option<u16>, Option<Outcome>)>,
    ids: HashMap<u16, usize>,
    arrived: Vec<usize>,
    unanswered: Vec<(u8, u16)>,
    wire: Vec<u8>,
    dropped: usize,
}

impl Account {
    fn settle(&mut self, settled: Vec<(u16, Outcome)>) {
        for (id, outcome) in settled {
            let number = self.ids.remove(&id).expect("an identifier in use");
            assert_eq!(self.published[number].1.replace(outcome), None);
            let gone = matches!(outcome, DROPPED | WITHDRAWN);
            assert!(!gone || !self.arrived.contains(&number), "{number} was sent, and is said to be {outcome:?}");
        }
    }

    fn receive(&mut self, bytes: &[u8]) {
        self.wire.extend(bytes);
        let wire = std::mem::take(&mut self.wire);
        let mut rest = &wire[..];
        while let Ok(Decoded::Packet { packet, consumed }) = decode(Version::V5, rest) {
            match packet {
                Packet::Publish(publish) => {
                    let number = usize::from(u16::from_be_bytes([publish.payload[0], publish.payload[1]]));
                    assert!(publish.payload[2..].iter().all(|byte| *byte == number as u8), "{number} is another now");
                    if !self.arrived.contains(&number) {
                        assert!(self.arrived.last().is_none_or(|last| *last < number), "{number} comes late");
                        self.arrived.push(number);
                    }
                    let gone = matches!(self.published[number].1, Some(DROPPED | WITHDRAWN));
                    assert!(!gone, "{number} is sent though it was said not to be");
                    if let Some(id) = publish.packet_id {
                        self.unanswered.push((if publish.qos == QOS1 { PUBACK } else { PUBREC }, id.get()));
                    }
                }
                Packet::Pubrel(ack) => self.unanswered.push((PUBCOMP, ack.packet_id.get())),
                other => panic!("{other:?}"),
            }
            rest = &rest[consumed..];
        }
        self.wire = rest.to_vec();
        assert!(self.unanswered.len() <= 3, "more than the server takes");
    }

    fn answer(&mut self, scene: &mut Scene) {
        if !self.unanswered.is_empty() {
            let (first_byte, id) = self.unanswered.remove(0);
            let settled = outcomes(&scene.receives(&ack(first_byte, id)));
            self.settle(settled);
        }
    }

    fn transmit(&mut self, scene: &mut Scene, at_most: usize) {
        let bytes = if at_most == usize::MAX { scene.wire() } else { scene.wire_at_most(at_most) };
        self.receive(&bytes);
        let settled = scene.settled();
        self.settle(settled);
    }
}

fn publish(scene: &mut Scene, account: &mut Account, qos: Qos, tracked: bool, interval: Option<u32>, len: usize) {
    let number = account.published.len();
    let mut payload = vec![number as u8; len];
    payload[..2].copy_from_slice(&(number as u16).to_be_bytes());
    let mut memory = [0; 8];
    let property = interval.map(Property::MessageExpiryInterval);
    let written = property.map_or(0, |property| property.encode(&mut memory).unwrap());
    let properties = Properties::check(PropertyOwner::Packet(PacketType::Publish), &memory[..written]).unwrap();
    let options = PublishOptions { tracked, properties, ..PublishOptions::qos(qos) };
    if let Ok(id) = scene.publish(&payload, options) {
        let id = id.map(PacketId::get);
        account.ids.extend(id.map(|id| (id, number)));
        account.published.push((id, None));
    }
}

fn take(scene: &mut Scene, account: &mut Account, step: &Step) {
    match *step {
        Step::Publish(qos, tracked, interval, len) => publish(scene, account, qos, tracked, interval, len),
        Step::Drop(at_most) => {
            account.dropped += usize::from(scene.drop_oldest(at_most));
            let settled = scene.settled();
            account.settle(settled);
        }
        Step::Withdraw(back) => {
            let number = account.published.len().checked_sub(back + 1);
            let published = number.map(|number| account.published[number]);
            if let Some((Some(number), None)) = published {
                let withdrawn = scene.withdraw(id(number));
                let settled = scene.settled();
                assert_eq!(withdrawn, settled.contains(&(number, WITHDRAWN)));
                account.settle(settled);
            }
        }
        Step::Wait(millis) => scene.now = scene.now + millis,
        Step::Transmit(at_most) => account.transmit(scene, at_most),
        Step::Store => drop(scene.store()),
        Step::Answer => account.answer(scene),
        Step::Reconnect(session_present) => {
            scene.break_link();
            (account.wire, account.unanswered) = (vec![], vec![]);
            let settled = scene.settled();
            account.settle(settled);
            scene.meet(&connack_with(session_present, &[0x21, 0, 3]));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever happens in between: what is dropped or taken back was not sent and never is, and everything else arrives,
    /// once and in order, and has its outcome.
    #[test]
    fn what_is_not_sent_leaves_no_trace(steps in prop::collection::vec(step(), 1..60)) {
        let room = Room { log: 9_000, ..Room::default() };
        for scene in scenes_of(Version::V5, room).chain([Scene::with_store(Version::V5)]) {
            let mut scene = scene.connected_by(&connack_with(false, &[0x21, 0, 3]));
            let mut account = Account::default();
            for step in &steps {
                take(&mut scene, &mut account, step);
            }
            // What holds on to nothing comes to an end.
            for _ in 0..4 * steps.len() + 4 {
                if scene.kind == Kind::Journal {
                    scene.store();
                }
                account.transmit(&mut scene, usize::MAX);
                account.answer(&mut scene);
            }
            prop_assert!(scene.is_idle() && account.ids.is_empty(), "{:?} has no outcome", account.ids);
            let told = account.published.iter().filter(|(_, outcome)| *outcome == Some(DROPPED)).count();
            let is_missing = |(number, (id, _)): &(usize, &(Option<u16>, _))| id.is_none() && !account.arrived.contains(number);
            let missing = account.published.iter().enumerate().filter(is_missing).count();
            // What expired, and what a broken link cut, is missing too.
            prop_assert!(account.dropped - told <= missing, "{} of {}", missing, account.dropped);
        }
    }
}
