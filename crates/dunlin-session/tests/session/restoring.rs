//! The process ended, and the next one goes on with what is stored.

use dunlin_codec::Version;
use dunlin_session::{
    ConnectOptions, MessageStage, Outcome, PublishError, PublishOptions, Rejection, RestoreError, ServerSession,
    SessionRecord, Uncertainty,
};

use crate::{
    memory::{Kind, Room, SHARED_FROM},
    scene::{QOS0, QOS1, QOS2, Scene, outcomes, scenes_with_store, usual},
    store::{Kept, Message, Store},
    wire::{PUBACK, PUBCOMP, PUBREC, PUBREL, ack, all, connack, connack_with},
};

/// A connection, and a store that has all there is.
fn connected(scene: Scene) -> (Scene, Store) {
    let (mut scene, mut store) = (scene.connected(), Store::default());
    store.take(&mut scene);
    (scene, store)
}

/// The next process goes on with the session.
fn resumed(store: &Store, version: Version) -> Scene {
    let mut scene = store.restart(version);
    let accepted = connack(version, true);
    scene.meet(&accepted);
    scene
}

/// [MQTT-4.4.0-1]: as if the process had not ended.
#[test]
fn what_is_unacknowledged_goes_again_in_order_and_byte_by_byte() {
    for scene in scenes_with_store() {
        let version = scene.version;
        let (mut scene, mut store) = connected(scene);
        let large = vec![7; SHARED_FROM];
        scene.send(QOS1, b"1");
        scene.send(QOS2, b"2");
        scene.send(QOS1, &large);
        scene.send(QOS0, b"once");
        scene.send(QOS2, b"4");
        scene.send(QOS2, b"5");
        scene.send(QOS1, b"6");
        store.take(&mut scene);
        scene.wire();
        scene.receives(&all(&[ack(PUBREC, 5), ack(PUBREC, 2), ack(PUBACK, 6)]));
        store.take(&mut scene);
        for _ in 0..3 {
            let mut scene = resumed(&store, version);
            let expected = all(&[
                ack(PUBREL, 5),
                ack(PUBREL, 2),
                scene.publish_packet(0x3A, 1, b"1"),
                scene.publish_packet(0x3A, 3, &large),
                scene.publish_packet(0x3C, 4, b"4"),
            ]);
            assert_eq!(scene.wire(), expected);
            store.take(&mut scene);
        }
        let mut scene = resumed(&store, version);
        scene.wire();
        let told = outcomes(&scene.receives(&all(&[
            ack(PUBCOMP, 2),
            ack(PUBACK, 3),
            ack(PUBCOMP, 5),
            ack(PUBACK, 1),
            ack(PUBREC, 4),
        ])));
        assert_eq!(told.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [2, 3, 5, 1]);
        store.take(&mut scene);
        scene.wire();
        scene.receives(&ack(PUBCOMP, 4));
        store.take(&mut scene);
        assert!(scene.is_idle() && store.messages.is_empty());
    }
}

/// [MQTT-3.3.1-1]: DUP is for what the server may have seen.
#[test]
fn what_was_never_begun_goes_out_as_new() {
    for scene in scenes_with_store() {
        let version = scene.version;
        let (mut scene, mut store) = connected(scene);
        scene.send(QOS1, b"1");
        store.take(&mut scene);
        scene.wire_at_most(1);
        scene.break_link();
        scene.send(QOS1, b"2");
        scene.send(QOS2, b"3");
        store.take(&mut scene);
        let mut scene = resumed(&store, version);
        assert_eq!(scene.wire(), scene.publish_packet(0x3A, 1, b"1"), "some of it was sent");
        store.take(&mut scene);
        let expected = all(&[scene.publish_packet(0x32, 2, b"2"), scene.publish_packet(0x34, 3, b"3")]);
        assert_eq!(scene.wire(), expected);
        // From now on those too may have been sent.
        let mut scene = resumed(&store, version);
        let expected = all(&[
            scene.publish_packet(0x3A, 1, b"1"),
            scene.publish_packet(0x3A, 2, b"2"),
            scene.publish_packet(0x3C, 3, b"3"),
        ]);
        assert_eq!(scene.wire(), expected);
    }
}

/// What was never begun is rejected for certain; of what may have been sent nobody can tell.
#[test]
fn messages_beyond_the_limits_of_the_next_server_are_settled_by_what_is_known_of_them() {
    let (mut scene, mut store) = connected(Scene::with_store(Version::V5));
    scene.send(QOS2, b"1");
    store.take(&mut scene);
    scene.wire_at_most(1);
    scene.break_link();
    scene.send(QOS2, b"2");
    store.take(&mut scene);
    let mut scene = store.restart(Version::V5);
    scene.meet(&connack_with(true, &[0x24, 1]));
    let told = scene.settled();
    assert!(matches!(told[..], [(2, Outcome::Rejected(Rejection::BeyondLimits(_)))]), "{told:?}");
    store.take(&mut scene);
    assert_eq!(store.messages.get(&1).map(|message| message.stage), Some(MessageStage::Withdrawn));
    assert_eq!(scene.wire(), ack(PUBREL, 1));
    // And once more: the PUBREL is all that is left of it.
    let mut scene = resumed(&store, Version::V5);
    assert_eq!(scene.wire(), ack(PUBREL, 1));
    let told = outcomes(&scene.receives(&ack(PUBCOMP, 1)));
    assert_eq!(told, [(1, Outcome::Unknown(Uncertainty::BeyondLimits))]);
}

/// Each was stored as one that may be begun, before the link broke.
#[test]
fn what_was_about_to_be_begun_and_was_not_is_known_for_certain_when_the_link_is_gone() {
    for scene in scenes_with_store() {
        let version = scene.version;
        let (mut scene, mut store) = connected(scene);
        for qos in [QOS2, QOS1, QOS2] {
            scene.send(qos, b"");
        }
        store.take(&mut scene);
        assert_eq!(store.session.unwrap().sent_up_to, store.messages[&3].number);
        scene.wire_at_most(1);
        scene.break_link();
        store.take(&mut scene);
        assert_eq!(store.session.unwrap().sent_up_to, store.messages[&1].number);
        let mut scene = store.restart(version);
        let accepted = connack(version, false);
        scene.meet(&accepted);
        assert_eq!(scene.settled(), [(1, Outcome::Unknown(Uncertainty::SessionLost))]);
        store.take(&mut scene);
        let expected = all(&[scene.publish_packet(0x32, 2, b""), scene.publish_packet(0x34, 3, b"")]);
        assert_eq!(scene.wire(), expected);
    }
}

/// One that was begun in a session that the server lost is begun, whatever became of the connections since.
#[test]
fn what_was_begun_stays_begun() {
    let (mut scene, mut store) = connected(Scene::with_store(Version::V5));
    for qos in [QOS1, QOS1] {
        scene.send(qos, b"");
    }
    store.take(&mut scene);
    scene.wire_at_most(1);
    for _ in 0..2 {
        scene.break_link();
        store.take(&mut scene);
        scene.meet(&connack_with(false, &[]));
    }
    scene.break_link();
    store.take(&mut scene);
    assert_eq!(store.session.unwrap().sent_up_to, store.messages[&1].number);
    // An outcome that is not told yet is none for the store.
    scene.meet(&connack_with(false, &[0x24, 0]));
    scene.break_link();
    store.take(&mut scene);
    assert_eq!(store.session.unwrap().sent_up_to, store.messages[&1].number);
}

#[test]
fn a_server_that_lost_the_session_makes_a_begun_qos_2_message_unknown_and_the_others_new() {
    for scene in scenes_with_store() {
        let version = scene.version;
        let (mut scene, mut store) = connected(scene);
        for qos in [QOS1, QOS2, QOS2] {
            scene.send(qos, b"");
        }
        store.take(&mut scene);
        scene.wire();
        scene.receives(&ack(PUBREC, 3));
        scene.break_link();
        scene.send(QOS2, b"");
        store.take(&mut scene);
        let mut scene = store.restart(version);
        let accepted = connack(version, false);
        scene.meet(&accepted);
        let lost = Outcome::Unknown(Uncertainty::SessionLost);
        assert_eq!(scene.settled(), [(3, lost), (2, lost)]);
        store.take(&mut scene);
        let expected = all(&[scene.publish_packet(0x32, 1, b""), scene.publish_packet(0x34, 4, b"")]);
        assert_eq!(scene.wire(), expected);
        assert_eq!(store.messages.keys().copied().collect::<Vec<_>>(), [1, 4]);
    }
}

/// Whatever is in use is out of use for everything else.
#[test]
fn identifiers_in_use_are_not_handed_out() {
    for scene in scenes_with_store() {
        let version = scene.version;
        let (mut scene, mut store) = connected(scene);
        for qos in [QOS1, QOS2, QOS1, QOS2, QOS1, QOS1] {
            scene.send(qos, b"");
        }
        store.take(&mut scene);
        scene.wire();
        scene.receives(&all(&[ack(PUBACK, 1), ack(PUBREC, 4), ack(PUBACK, 5)]));
        assert!(scene.give_up(dunlin_codec::PacketId::new(2).unwrap()));
        store.take(&mut scene);
        let mut scene = resumed(&store, version);
        let taken: Vec<_> = (0..12).map(|_| scene.send(QOS1, b"")).collect();
        assert_eq!(taken, [7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 1, 5]);
        assert_eq!(scene.publish(b"", PublishOptions::qos(QOS1)), Err(PublishError::Full));
    }
}

/// [MQTT-4.3.3-10]: across processes too.
#[test]
fn a_received_message_is_not_told_again_until_its_identifier_is_released() {
    for scene in scenes_with_store() {
        let version = scene.version;
        let (mut scene, mut store) = connected(scene);
        let incoming = all(&[scene.publish_packet(0x34, 7, b"a"), scene.publish_packet(0x34, 9, b"b")]);
        let deliveries = scene.deliveries(&incoming);
        assert!(scene.acknowledge(deliveries[0]));
        store.take(&mut scene);
        let mut scene = resumed(&store, version);
        let repeated = all(&[scene.publish_packet(0x3C, 7, b"a"), scene.publish_packet(0x3C, 9, b"b")]);
        let deliveries = scene.deliveries(&repeated);
        assert_eq!(deliveries.len(), 1, "nobody was done with the other");
        assert_eq!(deliveries[0].packet_id().get(), 9);
        store.take(&mut scene);
        assert_eq!(scene.wire(), ack(PUBREC, 7));
        scene.receives(&ack(PUBREL, 7));
        store.take(&mut scene);
        assert_eq!(scene.wire(), ack(PUBCOMP, 7));
        let mut scene = resumed(&store, version);
        let new = scene.publish_packet(0x34, 7, b"c");
        assert_eq!(scene.deliveries(&new).len(), 1);
    }
}

#[test]
fn what_was_received_is_forgotten_with_the_session() {
    for scene in scenes_with_store() {
        let version = scene.version;
        let (mut scene, mut store) = connected(scene);
        let incoming = scene.publish_packet(0x34, 7, b"a");
        let delivery = scene.deliveries(&incoming)[0];
        scene.acknowledge(delivery);
        store.take(&mut scene);
        assert_eq!(store.received.len(), 1);
        let mut scene = store.restart(version);
        let accepted = connack(version, false);
        scene.meet(&accepted);
        store.take(&mut scene);
        assert!(store.received.is_empty());
        assert_eq!(scene.deliveries(&incoming).len(), 1);
    }
}

/// `clean_start` is for the first connection of a client, and this is not the first.
#[test]
fn a_session_that_is_kept_is_gone_on_with_whatever_clean_start_says() {
    for scene in scenes_with_store() {
        let version = scene.version;
        let (_, store) = connected(scene);
        let mut scene = store.restart(version);
        let now = scene.now;
        scene.connect(now, &ConnectOptions { clean_start: true, ..usual() }).unwrap();
        assert_eq!(scene.wire()[9] & 0x02, 0);
        // One that never was is not.
        let mut scene = Scene::with_store(version);
        let mut store = Store::default();
        store.take(&mut scene);
        assert_eq!(store.session.unwrap().server_session, ServerSession::None);
        let mut scene = store.restart(version);
        scene.connect(now, &ConnectOptions { clean_start: true, ..usual() }).unwrap();
        assert_eq!(scene.wire()[9] & 0x02, 0x02);
    }
}

#[test]
fn records_of_another_version_are_refused() {
    let (_, store) = connected(Scene::with_store(Version::V5));
    let mut scene = Scene::with_store(Version::V3_1_1);
    assert_eq!(scene.restore(&store.records()[0]), Err(RestoreError::Version(Version::V5)));
}

#[test]
fn restoring_has_an_order() {
    let (mut scene, mut store) = connected(Scene::with_store(Version::V5));
    scene.send(QOS1, b"1");
    scene.send(QOS1, b"2");
    store.take(&mut scene);
    let records = store.records();
    let [session, first, second] = &records[..] else { panic!("{records:?}") };
    let mut scene = Scene::with_store(Version::V5);
    assert_eq!(scene.restore(first), Err(RestoreError::Order));
    assert_eq!(scene.restore(&Kept::Received(1)), Err(RestoreError::Order));
    assert_eq!(scene.restore(session), Ok(()));
    assert_eq!(scene.restore(session), Err(RestoreError::InUse));
    assert_eq!(scene.restore(second), Ok(()));
    assert_eq!(scene.restore(first), Err(RestoreError::Order));
    assert_eq!(scene.restore(second), Err(RestoreError::Order));
    scene.send(QOS1, b"3");
    assert_eq!(scene.restore(&Kept::Received(1)), Err(RestoreError::InUse));
}

#[test]
fn a_session_in_use_restores_nothing() {
    let (_, store) = connected(Scene::with_store(Version::V5));
    let record = &store.records()[0];
    let mut published = Scene::with_store(Version::V5);
    published.send(QOS0, b"");
    let mut begun = Scene::with_store(Version::V5);
    begun.begin();
    begun.break_link();
    for mut scene in [published, begun] {
        assert_eq!(scene.restore(record), Err(RestoreError::InUse));
    }
    let mut restored = store.restart(Version::V5);
    restored.begin();
    assert_eq!(restored.restore(&Kept::Received(1)), Err(RestoreError::InUse));
}

#[test]
fn a_session_without_a_journal_restores_nothing() {
    let (_, store) = connected(Scene::with_store(Version::V5));
    for kind in [Kind::Slices, Kind::Heap] {
        let mut session = kind.session(Version::V5, Room::default());
        assert_eq!(session.restore(&store.records()[0]), Err(RestoreError::NoJournal));
        assert_eq!(session.restore(&Kept::Received(1)), Err(RestoreError::NoJournal));
        assert_eq!(session.give(), []);
        session.stored(1);
        session.store_failed();
    }
}

#[test]
fn a_session_with_less_memory_says_so() {
    let (mut scene, mut store) = connected(Scene::with_store(Version::V5));
    scene.send(QOS1, &[7; 100]);
    scene.send(QOS1, &[7; 100]);
    store.take(&mut scene);
    for room in [Room { log: 200, ..Room::default() }, Room { slots: 1, ..Room::default() }] {
        let mut scene = Scene::with_store(Version::V5).in_room(room);
        let results: Vec<_> = store.records().iter().map(|record| scene.restore(record)).collect();
        assert_eq!(results, [Ok(()), Ok(()), Err(RestoreError::Full)]);
    }
}

#[test]
fn damaged_messages_are_found() {
    let session = SessionRecord { version: Version::V5, server_session: ServerSession::Kept, sent_up_to: 0 };
    let packet = crate::wire::publish(Version::V5, 0x32, 3, b"abc");
    let message = |packet: &[u8], payload: Option<&[u8]>| Message {
        number: 5,
        stage: MessageStage::Published,
        packet: packet.to_vec(),
        payload: payload.map(<[u8]>::to_vec),
    };
    let qos_0 = crate::wire::publish(Version::V5, 0x30, 0, b"abc");
    for (id, message) in [
        (4, message(&packet, None)),
        (3, message(&[], None)),
        (3, message(&packet[..4], None)),
        (3, message(&packet[..packet.len() - 1], None)),
        (3, message(&packet, Some(b"d"))),
        (3, message(&qos_0, None)),
        (3, message(&ack(PUBREL, 3), None)),
    ] {
        let mut scene = Scene::with_store(Version::V5);
        scene.restore(&Kept::Session(session)).unwrap();
        assert_eq!(scene.restore(&Kept::Message(id, message.clone())), Err(RestoreError::Damaged), "{message:?}");
    }
    // The same identifier twice.
    let mut scene = Scene::with_store(Version::V5);
    scene.restore(&Kept::Session(session)).unwrap();
    scene.restore(&Kept::Message(3, message(&packet, None))).unwrap();
    let again = Message { number: 6, ..message(&packet, None) };
    assert_eq!(scene.restore(&Kept::Message(3, again)), Err(RestoreError::Damaged));
}

/// A small payload that was stored beside its head, by a session that shares smaller ones, is put into the log.
#[test]
fn where_a_payload_rides_is_a_matter_of_the_session() {
    let (packet, payload) = (crate::wire::publish(Version::V5, 0x32, 3, b"abc"), b"abc".to_vec());
    let head = packet[..packet.len() - 3].to_vec();
    let session = SessionRecord { version: Version::V5, server_session: ServerSession::Kept, sent_up_to: 0 };
    let mut scene = Scene::with_store(Version::V5);
    scene.restore(&Kept::Session(session)).unwrap();
    let stage = MessageStage::Published;
    scene.restore(&Kept::Message(3, Message { number: 5, stage, packet: head, payload: Some(payload) })).unwrap();
    scene.meet(&connack(Version::V5, true));
    scene.store();
    assert_eq!(scene.wire(), packet);
}

/// Numbers go on, so that the order of acceptance is that of the numbers whatever the process.
#[test]
fn numbers_go_on() {
    for scene in scenes_with_store() {
        let version = scene.version;
        let (mut scene, mut store) = connected(scene);
        scene.send(QOS1, b"1");
        store.take(&mut scene);
        for id in 2..5 {
            let mut scene = store.restart(version);
            assert_eq!(scene.send(QOS1, &[id as u8]), id);
            store.take(&mut scene);
        }
        let numbers: Vec<_> = store.messages.values().map(|message| message.number).collect();
        assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
    }
}
