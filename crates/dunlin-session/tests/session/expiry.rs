//! Messages that expire while they wait: what is sent first carries the rest of its time, and what ran out unsent is
//! rejected.

use std::collections::HashMap;

use dunlin_codec::{
    Decoded, Packet, PacketId, PacketType, Properties, PropertyId, PropertyOwner, Qos, ReasonCode, Version, decode,
};
use dunlin_session::{ConnectOptions, Instant, Outcome, PublishError, PublishOptions, Rejection, ResumeWithoutState};
use proptest::prelude::*;

use crate::{
    memory::{Room, SHARED_FROM},
    scene::{QOS0, QOS1, QOS2, Scene, outcomes, scenes_of, scenes_v5, usual},
    store::{Kept, Store},
    wire::{PUBACK, PUBCOMP, PUBREC, PUBREL, ack, all, connack_with, packet},
};

const EXPIRED: Outcome = Outcome::Rejected(Rejection::Expired);

/// Between two other properties.
fn properties(interval: u32) -> Vec<u8> {
    [&[0x01, 1, 0x02][..], &interval.to_be_bytes(), &[0x26, 0, 1, b'k', 0, 1, b'v']].concat()
}

/// Publishes on "t" what expires after so many seconds; 0: it has no identifier.
fn send(scene: &mut Scene, qos: Qos, interval: u32, payload: &[u8]) -> u16 {
    publish(scene, PublishOptions::qos(qos), interval, payload).unwrap().map_or(0, PacketId::get)
}

fn publish(
    scene: &mut Scene,
    options: PublishOptions<'_>,
    interval: u32,
    payload: &[u8],
) -> Result<Option<PacketId>, PublishError> {
    let properties = properties(interval);
    let properties = Properties::check(PropertyOwner::Packet(PacketType::Publish), &properties).unwrap();
    scene.publish(payload, PublishOptions { properties, ..options })
}

/// That message with the interval it has on the wire.
fn message(first_byte: u8, id: u16, interval: u32, payload: &[u8]) -> Vec<u8> {
    let properties = properties(interval);
    let mut body = vec![0, 1, b't'];
    if first_byte & 0x06 != 0 {
        body.extend(id.to_be_bytes());
    }
    packet(first_byte, &[&body, &[properties.len() as u8][..], &properties, payload].concat())
}

fn wait(scene: &mut Scene, millis: u32) {
    scene.now = scene.now + millis;
}

/// What the session says is due at the time that it says, until it says nothing about the next so many milliseconds.
fn pass(scene: &mut Scene, millis: u32) -> usize {
    let (end, mut calls) = (scene.now + millis, 0);
    while let Some(at) = scene.poll_timeout().filter(|at| *at <= end) {
        scene.now = at.max(scene.now);
        let now = scene.now;
        let _ = scene.handle_timeout(now);
        calls += 1;
    }
    scene.now = end;
    calls
}

fn meet(scene: &mut Scene, session_present: bool) {
    scene.meet(&connack_with(session_present, &[]));
}

/// How much of its time a message has when it was stamped now and is sent after so many milliseconds.
fn sent_after(scene: &mut Scene, interval: u32, millis: u32) -> Vec<u8> {
    send(scene, QOS1, interval, b"x");
    assert_eq!(scene.wire(), []);
    wait(scene, millis);
    meet(scene, false);
    scene.wire()
}

#[test]
fn the_server_is_told_the_rest_of_the_time() {
    for (interval, millis, rest) in
        [(10, 0, 10), (10, 1, 9), (10, 1_000, 9), (10, 3_500, 6), (10, 9_000, 1), (10, 9_999, 1), (1, 0, 1), (0, 0, 1)]
    {
        for mut scene in scenes_v5() {
            let wire = sent_after(&mut scene, interval, millis);
            assert_eq!(wire, message(0x32, 1, rest, b"x"), "{interval} s, sent after {millis} ms");
        }
    }
}

/// Wherever in a second it begins: never early, at most a second late, and never more than was given.
#[test]
fn a_message_expires_within_the_second_after_its_time() {
    for begin in [0, 1, 499, 500, 999] {
        for mut scene in scenes_v5() {
            wait(&mut scene, begin);
            assert_eq!(sent_after(&mut scene, 5, 0), message(0x32, 1, 5, b"x"));
        }
        for mut scene in scenes_v5() {
            wait(&mut scene, begin);
            assert_eq!(sent_after(&mut scene, 5, 4_999), message(0x32, 1, 1, b"x"));
        }
        for mut scene in scenes_v5() {
            wait(&mut scene, begin);
            assert_eq!(sent_after(&mut scene, 5, 6_000), []);
            assert_eq!(scene.settled(), [(1, EXPIRED)]);
        }
    }
}

#[test]
fn its_time_begins_with_the_first_poll_after_it_was_published() {
    for mut scene in scenes_v5() {
        send(&mut scene, QOS1, 10, b"1");
        wait(&mut scene, 60_000);
        scene.wire();
        send(&mut scene, QOS1, 10, b"2");
        wait(&mut scene, 2_000);
        scene.wire();
        wait(&mut scene, 3_000);
        meet(&mut scene, false);
        assert_eq!(scene.wire(), all(&[message(0x32, 1, 5, b"1"), message(0x32, 2, 7, b"2")]));
        // Until then nobody knows when.
        wait(&mut scene, 3_600_000);
        send(&mut scene, QOS1, 1, b"3");
        scene.break_link();
        assert!(scene.poll_timeout() >= Some(scene.now));
        assert_eq!(scene.wire(), []);
        pass(&mut scene, 999);
        assert_eq!(scene.settled(), []);
    }
}

#[test]
fn while_there_is_no_connection_what_ran_out_is_settled_in_time() {
    for mut scene in scenes_v5() {
        let large = vec![7; SHARED_FROM];
        scene.send(QOS1, b"1");
        send(&mut scene, QOS1, 2, b"2");
        send(&mut scene, QOS0, 2, b"untracked");
        scene.send(QOS0, b"3");
        send(&mut scene, QOS2, 4, &large);
        send(&mut scene, QOS1, 60, &large);
        send(&mut scene, QOS0, 2, &large);
        scene.send(QOS2, b"5");
        let options = PublishOptions { tracked: true, ..PublishOptions::qos(QOS0) };
        let tracked = publish(&mut scene, options, 4, b"tracked").unwrap().unwrap().get();
        assert_eq!(scene.wire(), []);
        assert_eq!(scene.poll_timeout(), Some(scene.now + 2_000));
        assert_eq!(pass(&mut scene, 1_999), 0);
        assert_eq!(scene.settled(), []);
        assert_eq!(pass(&mut scene, 1), 1);
        assert_eq!(scene.settled(), [(2, EXPIRED)]);
        assert_eq!(scene.poll_timeout(), Some(scene.now + 2_000));
        assert_eq!(pass(&mut scene, 2_500), 1);
        assert_eq!(scene.settled(), [(4, EXPIRED), (tracked, EXPIRED)]);
        meet(&mut scene, false);
        let expected = all(&[
            scene.publish_packet(0x32, 1, b"1"),
            scene.publish_packet(0x30, 0, b"3"),
            message(0x32, 5, 55, &large),
            scene.publish_packet(0x34, 7, b"5"),
        ]);
        assert_eq!(scene.wire(), expected);
    }
}

/// However many there are.
#[test]
fn it_is_looked_at_once_a_second_at_most() {
    for mut scene in scenes_of(Version::V5, Room { slots: 200, ..Room::default() }) {
        for number in 0..200 {
            send(&mut scene, QOS1, 1 + number / 100, b"");
            wait(&mut scene, 7);
            scene.wire();
        }
        assert!(pass(&mut scene, 60_000) <= 4);
        assert_eq!(scene.settled().len(), 200);
        assert!(scene.is_idle());
    }
}

#[test]
fn messages_expire_while_connack_is_awaited() {
    for mut scene in scenes_v5() {
        scene.begin();
        send(&mut scene, QOS1, 2, b"1");
        scene.wire();
        assert_eq!(scene.poll_timeout(), Some(scene.now + 2_000));
        assert_eq!(pass(&mut scene, 2_000), 1);
        assert_eq!(scene.settled(), [(1, EXPIRED)]);
        assert_eq!(scene.poll_timeout(), Some(scene.now + 18_000), "the timeout of CONNACK");
    }
}

/// While connected they expire when they come to be sent, and give back what they held of the quota.
#[test]
fn what_waited_too_long_for_the_quota_is_skipped() {
    for scene in scenes_v5() {
        let mut scene = scene.connected_by(&connack_with(false, &[0x21, 0, 1]));
        scene.send(QOS1, b"1");
        assert_eq!(scene.wire(), scene.publish_packet(0x32, 1, b"1"));
        let idle = scene.poll_timeout();
        send(&mut scene, QOS1, 2, b"2");
        send(&mut scene, QOS0, 2, b"QoS 0");
        send(&mut scene, QOS2, 2, &[3; SHARED_FROM]);
        send(&mut scene, QOS1, 9, b"5");
        scene.send(QOS1, b"6");
        assert_eq!(scene.wire(), []);
        assert_eq!(scene.poll_timeout(), idle);
        wait(&mut scene, 5_000);
        assert_eq!((scene.wire(), scene.settled()), (vec![], vec![]));
        scene.receives(&ack(PUBACK, 1));
        assert_eq!(scene.wire(), message(0x32, 5, 4, b"5"));
        assert_eq!(scene.settled(), [(2, EXPIRED), (4, EXPIRED)]);
        scene.receives(&ack(PUBACK, 5));
        assert_eq!(scene.wire(), scene.publish_packet(0x32, 6, b"6"));
        scene.receives(&ack(PUBACK, 6));
        assert!(scene.is_idle());
    }
}

/// Nobody waits for it, but for the one behind it.
#[test]
fn a_message_that_nobody_watches_expires_before_one_that_is_watched() {
    for scene in scenes_v5() {
        let mut scene = scene.connected_by(&connack_with(false, &[0x21, 0, 1]));
        scene.send(QOS1, b"1");
        scene.send(QOS1, b"2");
        send(&mut scene, QOS0, 2, b"unwatched");
        let watched = scene.send_tracked(b"watched");
        let tracked = PublishOptions { tracked: true, ..PublishOptions::default() };
        let late = publish(&mut scene, tracked, 2, b"late").unwrap().unwrap().get();
        assert_eq!(scene.wire(), scene.publish_packet(0x32, 1, b"1"));
        wait(&mut scene, 5_000);
        scene.receives(&ack(PUBACK, 1));
        let sent = [scene.publish_packet(0x32, 2, b"2"), scene.publish_packet(0x30, 0, b"watched")];
        assert_eq!(scene.wire(), all(&sent));
        assert_eq!(scene.settled(), [(late, EXPIRED), (watched, Outcome::Sent)]);
    }
}

/// [MQTT-4.3.3-7]
#[test]
fn what_was_begun_does_not_expire_and_is_repeated_byte_by_byte() {
    for scene in scenes_v5() {
        let mut scene = scene.connected();
        send(&mut scene, QOS1, 2, b"1");
        send(&mut scene, QOS2, 2, &[2; SHARED_FROM]);
        let first = [message(0x32, 1, 2, b"1"), message(0x34, 2, 2, &[2; SHARED_FROM])];
        assert_eq!(scene.wire(), all(&first));
        for _ in 0..2 {
            scene.break_link();
            assert_eq!(pass(&mut scene, 10_000), 1, "the next try");
            meet(&mut scene, true);
            let again = [message(0x3A, 1, 2, b"1"), message(0x3C, 2, 2, &[2; SHARED_FROM])];
            assert_eq!(scene.wire(), all(&again));
        }
        assert_eq!(scene.settled(), []);
    }
}

/// [MQTT-4.3.3-13]
#[test]
fn its_handshake_goes_on_after_its_time() {
    for scene in scenes_v5() {
        let mut scene = scene.connected();
        send(&mut scene, QOS2, 2, b"1");
        scene.wire();
        wait(&mut scene, 30_000);
        scene.receives(&ack(PUBREC, 1));
        assert_eq!(scene.wire(), ack(PUBREL, 1));
        let settled = outcomes(&scene.receives(&ack(PUBCOMP, 1)));
        assert!(matches!(settled[..], [(1, Outcome::Delivered(_))]));
    }
}

#[test]
fn one_byte_is_enough_to_be_begun() {
    for scene in scenes_v5() {
        let mut scene = scene.connected();
        send(&mut scene, QOS1, 5, b"1");
        send(&mut scene, QOS1, 5, b"2");
        wait(&mut scene, 1_000);
        let first = message(0x32, 1, 5, b"1");
        assert_eq!(scene.wire_at_most(1), first[..1]);
        scene.break_link();
        wait(&mut scene, 10_000);
        meet(&mut scene, true);
        assert_eq!(scene.wire(), message(0x3A, 1, 5, b"1"));
        assert_eq!(scene.settled(), [(2, EXPIRED)]);
    }
}

/// Its payload may look like the beginning of another.
#[test]
fn what_is_cut_before_its_payload_is_repeated_as_it_was() {
    for scene in scenes_v5() {
        let mut scene = scene.connected();
        let payload = message(0x30, 0, 7, b"");
        send(&mut scene, QOS1, 5, &payload);
        let packet = message(0x32, 1, 5, &payload);
        let head = packet.len() - payload.len();
        assert_eq!(scene.wire_at_most(head), packet[..head]);
        scene.resume();
        assert_eq!(scene.wire(), message(0x3A, 1, 5, &payload));
    }
}

/// A server that does not answer them is silent.
#[test]
fn messages_that_expire_ask_as_others_do() {
    let ping_timeout = ConnectOptions::default().ping_timeout;
    for expires in [true, false] {
        for scene in scenes_v5() {
            let mut scene = scene.connected();
            scene.send(QOS0, b"1");
            if expires {
                send(&mut scene, QOS1, 5, b"2");
            } else {
                scene.send(QOS1, b"2");
                send(&mut scene, QOS0, 5, b"3");
            }
            scene.wire();
            assert_eq!(scene.poll_timeout(), Some(scene.now + ping_timeout));
        }
    }
}

/// The driver was offered it, and took nothing.
#[test]
fn what_was_offered_and_not_taken_still_expires() {
    for (qos, first_byte, id) in [(QOS1, 0x32, 1), (QOS2, 0x34, 1), (QOS0, 0x30, 0)] {
        for (millis, rest) in [(1_000, Some(6)), (7_000, None)] {
            for scene in scenes_v5() {
                let mut scene = scene.connected();
                send(&mut scene, qos, 10, b"1");
                let now = scene.now;
                assert_eq!(scene.take(now, 0), Some(vec![]));
                send(&mut scene, QOS1, 60, b"2");
                wait(&mut scene, 3_000);
                scene.break_link();
                wait(&mut scene, millis);
                meet(&mut scene, true);
                let sent = rest.map_or(vec![], |rest| message(first_byte, id, rest, b"1"));
                assert!(scene.wire().starts_with(&sent));
                let expired: &[_] = if rest.is_none() && id != 0 { &[(id, EXPIRED)] } else { &[] };
                assert_eq!(scene.settled(), expired);
            }
        }
    }
}

/// When its log closes gaps, and what expires stands between what does not.
#[test]
fn deadlines_move_with_their_records() {
    for scene in scenes_of(Version::V5, Room { log: 150, ..Room::default() }) {
        let mut scene = scene.connected_by(&connack_with(false, &[0x21, 0, 1]));
        scene.send(QOS1, &[1; 40]);
        scene.wire();
        send(&mut scene, QOS1, 10, b"2");
        scene.wire();
        send(&mut scene, QOS1, 10, b"3");
        scene.receives(&ack(PUBACK, 1));
        scene.send(QOS1, &[4; 40]);
        wait(&mut scene, 2_000);
        assert_eq!(scene.wire(), message(0x32, 2, 8, b"2"));
        scene.receives(&ack(PUBACK, 2));
        assert_eq!(scene.wire(), message(0x32, 3, 10, b"3"));
        scene.receives(&ack(PUBACK, 3));
        assert_eq!(scene.wire(), scene.publish_packet(0x32, 4, &[4; 40]));
    }
}

/// An interval of 136 years, and a clock that has run for longer.
#[test]
fn what_is_beyond_the_clock_does_not_expire() {
    for mut scene in scenes_v5() {
        send(&mut scene, QOS1, u32::MAX, b"1");
        scene.wire();
        assert_eq!(scene.poll_timeout(), None);
        scene.now = Instant::from_millis(u64::MAX / 2);
        send(&mut scene, QOS1, 5, b"2");
        meet(&mut scene, false);
        assert_eq!(scene.wire(), all(&[message(0x32, 1, u32::MAX, b"1"), message(0x32, 2, 5, b"2")]));
    }
}

#[test]
fn in_a_new_session_what_was_sent_keeps_its_interval_and_does_not_expire() {
    for scene in scenes_v5() {
        let mut scene = scene.connected();
        send(&mut scene, QOS1, 2, b"1");
        scene.wire();
        send(&mut scene, QOS1, 9, b"2");
        scene.break_link();
        scene.wire();
        wait(&mut scene, 5_000);
        meet(&mut scene, false);
        assert_eq!(scene.wire(), all(&[message(0x32, 1, 2, b"1"), message(0x32, 2, 4, b"2")]));
    }
}

/// A deadline means nothing to another process. Here the time goes on while the store is slow.
#[test]
fn a_store_is_given_the_interval_and_never_a_deadline() {
    let mut scene = Scene::with_store(Version::V5);
    send(&mut scene, QOS1, 10, b"1");
    send(&mut scene, QOS0, 10, b"QoS 0");
    let expires_at = scene.now + 10_000;
    for _ in 0..3 {
        assert_eq!(scene.wire(), []);
        wait(&mut scene, 3_000);
        assert_eq!(scene.poll_timeout(), Some(expires_at));
        let records = scene.give();
        let [Kept::Session(_), Kept::Message(1, stored)] = &records[..] else { panic!("{records:?}") };
        assert_eq!(stored.packet, message(0x32, 1, 10, b"1"));
        scene.store_failed();
    }
    scene.store();
    assert_eq!(scene.wire(), []);
    meet(&mut scene, false);
    scene.store();
    assert_eq!(scene.wire(), all(&[message(0x32, 1, 1, b"1"), message(0x30, 0, 1, b"QoS 0")]));
}

/// The message that was waited for is gone, and another has its identifier.
#[test]
fn nor_when_an_identifier_is_used_again_while_others_wait() {
    let mut scene = Scene::with_store(Version::V5).in_room(Room { slots: 3, ..Room::default() });
    send(&mut scene, QOS1, 10, &[b'x'; 60]);
    assert_eq!(scene.wire(), []);
    scene.meet(&connack_with(false, &[0x27, 0, 0, 0, 50]));
    let rejected = Outcome::Rejected(Rejection::BeyondLimits(ReasonCode::PACKET_TOO_LARGE));
    assert_eq!(scene.settled(), [(1, rejected)]);
    assert_eq!(send(&mut scene, QOS1, 10, b"2"), 2);
    assert_eq!(send(&mut scene, QOS1, 10, b"3"), 3);
    let records = scene.give();
    let deleted = records.iter().rposition(|record| *record == Kept::MessageDeleted(1)).unwrap();
    scene.stored(deleted + 1);
    assert_eq!(send(&mut scene, QOS1, 10, b"1"), 1);
    assert_eq!(scene.wire(), []);
    scene.store_failed();
    let messages = scene.give().into_iter().filter_map(|record| match record {
        Kept::Message(id, message) => Some((id, message.packet)),
        _ => None,
    });
    let waiting = [(2, b"2"), (3, b"3"), (1, b"1")].map(|(id, payload)| (id, message(0x32, id, 10, payload)));
    assert_eq!(messages.collect::<Vec<_>>(), waiting);
}

/// While the identifier of one is made free on the server, the time goes on.
#[test]
fn messages_expire_in_a_session_that_is_adopted() {
    let mut scene = Scene::with_store(Version::V5);
    send(&mut scene, QOS1, 10, b"1");
    send(&mut scene, QOS2, 10, b"2");
    scene.store();
    scene.wire();
    wait(&mut scene, 3_000);
    let adopt = ConnectOptions { resume_without_state: ResumeWithoutState::Adopt, ..usual() };
    scene.begin_with(&adopt);
    scene.receives(&connack_with(true, &[]));
    let records = scene.store();
    assert!(!records.iter().any(|record| matches!(record, Kept::Message(..))), "none is given with its deadline");
    assert_eq!(scene.wire(), all(&[ack(PUBREL, 2), message(0x32, 1, 7, b"1")]));
    wait(&mut scene, 2_000);
    scene.receives(&ack(PUBCOMP, 2));
    scene.store();
    assert_eq!(scene.wire(), message(0x34, 2, 5, b"2"));
}

/// Not even where the next process must take it for one that was sent already.
#[test]
fn an_interval_of_0_is_stored_and_repeated_as_1() {
    let (mut scene, mut store) = (Scene::with_store(Version::V5).connected(), Store::default());
    send(&mut scene, QOS1, 0, b"1");
    store.take(&mut scene);
    assert_eq!(store.messages[&1].packet, message(0x32, 1, 1, b"1"));
    assert_eq!(scene.wire(), message(0x32, 1, 1, b"1"));
    scene.break_link();
    store.take(&mut scene);
    let mut scene = store.restart(Version::V5);
    meet(&mut scene, true);
    assert_eq!(scene.wire(), message(0x3A, 1, 1, b"1"));
}

#[test]
fn in_the_next_process_what_was_not_sent_expires_and_what_was_does_not() {
    let (mut scene, mut store) = (Scene::with_store(Version::V5).connected(), Store::default());
    send(&mut scene, QOS1, 10, b"sent");
    store.take(&mut scene);
    assert_eq!(scene.wire(), message(0x32, 1, 10, b"sent"));
    scene.break_link();
    send(&mut scene, QOS1, 10, b"2");
    send(&mut scene, QOS1, 60, b"3");
    store.take(&mut scene);
    scene.wire();
    wait(&mut scene, 5_000);
    let mut scene = store.restart(Version::V5);
    scene.wire();
    wait(&mut scene, 20_000);
    meet(&mut scene, true);
    assert_eq!(scene.settled(), [(2, EXPIRED)]);
    store.take(&mut scene);
    assert_eq!(scene.wire(), all(&[message(0x3A, 1, 10, b"sent"), message(0x32, 3, 40, b"3")]));
    assert_eq!(store.messages.keys().collect::<Vec<_>>(), [&1, &3]);
}

#[test]
fn mqtt_3_1_1_cannot_say_it() {
    for mut scene in scenes_of(Version::V3_1_1, Room::default()) {
        assert_eq!(publish(&mut scene, PublishOptions::qos(QOS1), 1, b""), Err(PublishError::NeedsV5));
    }
}

#[derive(Debug, Clone)]
enum Step {
    /// With the seconds after which it expires, if it does, and the bytes of its payload.
    Publish(Qos, Option<u32>, usize),
    Wait(u32),
    Transmit(usize),
    Answer,
    /// The link breaks; after so many milliseconds there is the next, with the session or without.
    Reconnect(u32, bool),
}

fn step() -> impl Strategy<Value = Step> {
    let qos = prop::sample::select(&[QOS0, QOS1, QOS2][..]);
    prop_oneof![
        4 => (qos, prop::option::of(1..5_u32), prop::sample::select(&[2_usize, 30, SHARED_FROM][..]))
            .prop_map(|(qos, interval, len)| Step::Publish(qos, interval, len)),
        2 => (1..3_000_u32).prop_map(Step::Wait),
        3 => (0..80_usize).prop_map(Step::Transmit),
        2 => Just(Step::Answer),
        1 => (0..3_000_u32, any::<bool>()).prop_map(|(millis, present)| Step::Reconnect(millis, present)),
    ]
}

/// What the server saw of a message: its packet but for DUP.
#[derive(Default)]
struct Account {
    published: Vec<(Option<u32>, Instant)>,
    ids: HashMap<u16, usize>,
    arrived: HashMap<usize, Vec<u8>>,
    expired: Vec<usize>,
    unanswered: Vec<(u8, u16)>,
    wire: Vec<u8>,
}

impl Account {
    fn settle(&mut self, now: Instant, settled: Vec<(u16, Outcome)>) {
        for (id, outcome) in settled {
            let number = self.ids.remove(&id).expect("an identifier in use");
            if outcome != EXPIRED {
                continue;
            }
            let (interval, published) = self.published[number];
            let interval = interval.expect("it never expires");
            assert!(now - published >= u64::from(interval) * 1_000, "{number} expired early");
            self.expired.push(number);
        }
    }

    fn receive(&mut self, now: Instant, bytes: &[u8]) {
        self.wire.extend(bytes);
        let wire = std::mem::take(&mut self.wire);
        let mut rest = &wire[..];
        while let Ok(Decoded::Packet { packet, consumed }) = decode(Version::V5, rest) {
            match packet {
                Packet::Publish(publish) => {
                    let number = usize::from(u16::from_be_bytes([publish.payload[0], publish.payload[1]]));
                    let rest_of_it = publish.properties.number(PropertyId::MessageExpiryInterval);
                    let (interval, published) = self.published[number];
                    assert_eq!(rest_of_it.is_some(), interval.is_some());
                    if let (Some(rest), Some(interval)) = (rest_of_it, interval) {
                        assert!(1 <= rest && rest <= interval, "{rest} of {interval}");
                        let lost = u64::from(interval - rest) * 1_000;
                        assert!(lost < now - published + 1_000, "{number} lost {lost} ms");
                    }
                    let mut bytes = rest[..consumed].to_vec();
                    bytes[0] &= !0x08;
                    let first = self.arrived.entry(number).or_insert_with(|| bytes.clone());
                    assert_eq!(*first, bytes, "a repetition is another");
                    assert!(!self.expired.contains(&number), "{number} has expired");
                    if let Some(id) = publish.packet_id {
                        let answer = if publish.qos == QOS1 { PUBACK } else { PUBREC };
                        self.unanswered.push((answer, id.get()));
                    }
                }
                Packet::Pubrel(ack) => self.unanswered.push((PUBCOMP, ack.packet_id.get())),
                other => panic!("{other:?}"),
            }
            rest = &rest[consumed..];
        }
        self.wire = rest.to_vec();
    }

    fn answer(&mut self, scene: &mut Scene) {
        if !self.unanswered.is_empty() {
            let (first_byte, id) = self.unanswered.remove(0);
            let settled = outcomes(&scene.receives(&ack(first_byte, id)));
            self.settle(scene.now, settled);
        }
    }
}

fn transmit(scene: &mut Scene, account: &mut Account, at_most: usize) {
    let bytes = if at_most == usize::MAX { scene.wire() } else { scene.wire_at_most(at_most) };
    let settled = scene.settled();
    account.settle(scene.now, settled);
    account.receive(scene.now, &bytes);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever happens in between: no message expires early or after it was begun, none gets more time than it was
    /// given, a repetition is the same, and what does not expire is as ever.
    #[test]
    fn every_message_arrives_in_its_time_or_is_said_to_have_expired(steps in prop::collection::vec(step(), 1..60)) {
        for scene in scenes_of(Version::V5, Room { log: 9_000, ..Room::default() }) {
            let mut scene = scene.connected_by(&connack_with(false, &[0x21, 0, 3]));
            let mut account = Account::default();
            for step in &steps {
                match *step {
                    Step::Publish(qos, interval, len) => {
                        let mut payload = vec![0; len];
                        payload[..2].copy_from_slice(&(account.published.len() as u16).to_be_bytes());
                        let options = PublishOptions { tracked: true, ..PublishOptions::qos(qos) };
                        let published = match interval {
                            Some(interval) => publish(&mut scene, options, interval, &payload),
                            None => scene.publish(&payload, options),
                        };
                        if let Ok(id) = published {
                            account.ids.insert(id.unwrap().get(), account.published.len());
                            account.published.push((interval, scene.now));
                        }
                        // Its time begins. (What rides beside the log is taken as a whole.)
                        let now = scene.now;
                        let taken = scene.take(now, 0).unwrap_or_default();
                        account.receive(now, &taken);
                    }
                    Step::Wait(millis) => wait(&mut scene, millis),
                    Step::Transmit(at_most) => transmit(&mut scene, &mut account, at_most),
                    Step::Answer => account.answer(&mut scene),
                    Step::Reconnect(millis, session_present) => {
                        scene.break_link();
                        (account.wire, account.unanswered) = (vec![], vec![]);
                        pass(&mut scene, millis);
                        let settled = scene.settled();
                        account.settle(scene.now, settled);
                        scene.meet(&connack_with(session_present, &[0x21, 0, 3]));
                    }
                }
            }
            loop {
                // What waits behind an outcome that was not asked for goes out after it.
                transmit(&mut scene, &mut account, usize::MAX);
                transmit(&mut scene, &mut account, usize::MAX);
                if account.unanswered.is_empty() {
                    break;
                }
                account.answer(&mut scene);
            }
            prop_assert!(scene.is_idle() && account.ids.is_empty());
        }
    }
}
