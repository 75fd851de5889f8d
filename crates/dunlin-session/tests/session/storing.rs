//! What goes out: what waits until it is stored, and what does not.

use dunlin_codec::{PacketId, ProtocolViolation, TopicFilter, Version};
use dunlin_session::{MessageStage, Outcome, Progress, PublishError, PublishOptions, ServerSession, SessionRecord};

use crate::{
    memory::{Kind, Room, SHARED_FROM},
    scene::{QOS0, QOS1, QOS2, Scene, outcomes, scenes_with_store},
    store::{Kept, Message, Store},
    wire::{PUBACK, PUBCOMP, PUBREC, PUBREL, ack, all, connack, connack_with},
};

fn stage(record: &Kept) -> Option<(u16, MessageStage)> {
    match record {
        Kept::Message(id, message) => Some((*id, message.stage)),
        _ => None,
    }
}

#[test]
fn a_session_is_stored_when_the_store_has_what_the_server_has() {
    for scene in scenes_with_store() {
        let mut scene = scene.connected();
        assert!(!scene.is_session_stored(), "the server began one just now");
        scene.store();
        assert!(scene.is_session_stored());
        scene.resume();
        assert!(scene.is_session_stored(), "it is the same");
    }
    for kind in [Kind::Slices, Kind::Heap] {
        let mut session = kind.session(Version::V5, Room::default());
        assert!(session.is_session_stored(), "there is nothing to store");
    }
}

#[test]
fn no_byte_of_a_message_leaves_before_it_is_stored() {
    for scene in scenes_with_store() {
        for (qos, first_byte) in [(QOS1, 0x32), (QOS2, 0x34)] {
            let mut scene = Scene::with_store(scene.version).connected_and_stored();
            scene.send(qos, b"1");
            assert_eq!(scene.wire(), []);
            let records = scene.give();
            let packet = scene.publish_packet(first_byte, 1, b"1");
            let [Kept::Message(1, message), Kept::Session(session)] = &records[..] else { panic!("{records:?}") };
            assert_eq!((message.stage, &message.packet, &message.payload), (MessageStage::Published, &packet, &None));
            assert_eq!(session.sent_up_to, message.number);
            assert_eq!(scene.wire(), [], "given is not stored");
            scene.stored(1);
            assert_eq!(scene.wire(), [], "a message that may have been sent is to be known as such");
            scene.stored(1);
            assert_eq!(scene.wire(), packet);
        }
    }
}

#[test]
fn of_several_that_are_not_stored_none_leaves() {
    for mut scene in scenes_with_store() {
        scene = scene.connected_and_stored();
        for payload in [b"1", b"2", b"3"] {
            scene.send(QOS1, payload);
            assert_eq!(scene.wire(), []);
        }
        scene.store();
        let packets = [(1, b"1"), (2, b"2"), (3, b"3")].map(|(id, payload)| scene.publish_packet(0x32, id, payload));
        assert_eq!(scene.wire(), all(&packets));
    }
}

#[test]
fn a_payload_beside_the_log_is_given_beside_its_head() {
    for scene in scenes_with_store() {
        let mut scene = scene.connected_and_stored();
        let large = vec![7; SHARED_FROM];
        scene.send(QOS1, &large);
        let records = scene.store();
        let packet = scene.publish_packet(0x32, 1, &large);
        let Kept::Message(1, Message { packet: head, payload, .. }) = &records[0] else { panic!("{records:?}") };
        assert_eq!(payload.as_ref(), Some(&large));
        assert_eq!([&head[..], &large].concat(), packet);
        assert_eq!(scene.wire(), packet);
    }
}

/// Messages keep their order; an answer to the server, a request and a ping are not messages.
#[test]
fn a_message_that_waits_holds_back_those_behind_it_and_nothing_else() {
    for scene in scenes_with_store() {
        let mut scene = scene.connected_and_stored();
        scene.send(QOS0, b"0");
        scene.send(QOS1, b"1");
        scene.send(QOS0, b"2");
        let filter = TopicFilter::new("f").unwrap();
        let id = scene.unsubscribe(&[filter]).unwrap().get();
        let incoming = scene.publish_packet(0x32, 9, b"");
        let delivery = scene.deliveries(&incoming)[0];
        scene.acknowledge(delivery);
        scene.now = scene.now + 60_000;
        let now = scene.now;
        assert_eq!(scene.handle_timeout(now), None);
        let wire = scene.wire();
        assert!(wire.ends_with(&scene.publish_packet(0x30, 0, b"0")), "{wire:02x?}");
        for packet in [&[0xC0, 0][..], &ack(PUBACK, 9), &[0xA2]] {
            assert!(wire.windows(packet.len()).any(|bytes| bytes == packet), "{packet:02x?} in {wire:02x?}");
        }
        assert_eq!(id, 2);
        scene.store();
        assert_eq!(scene.wire(), all(&[scene.publish_packet(0x32, 1, b"1"), scene.publish_packet(0x30, 0, b"2")]));
    }
}

/// The record says how far the message went: a PUBLISH must not be sent again when the server has released it.
#[test]
fn a_pubrel_waits_until_it_is_stored_that_pubrec_came() {
    for scene in scenes_with_store() {
        let mut scene = scene.connected_and_stored();
        scene.send(QOS2, b"1");
        scene.send(QOS2, b"2");
        scene.store();
        scene.wire();
        scene.receives(&all(&[ack(PUBREC, 2), ack(PUBREC, 1), ack(PUBREC, 2)]));
        assert_eq!(scene.wire(), []);
        let records = scene.give();
        let stages: Vec<_> = records.iter().filter_map(stage).collect();
        assert_eq!(stages, [(2, MessageStage::Released), (1, MessageStage::Released)]);
        scene.stored(1);
        assert_eq!(scene.wire(), ack(PUBREL, 2));
        scene.receives(&ack(PUBREC, 2));
        assert_eq!(scene.wire(), ack(PUBREL, 2));
        scene.receives(&ack(PUBREC, 1));
        scene.stored(1);
        assert_eq!(scene.wire(), ack(PUBREL, 1));
        let told = outcomes(&scene.receives(&all(&[ack(PUBCOMP, 1), ack(PUBCOMP, 2)])));
        assert_eq!(told.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [1, 2]);
    }
}

#[test]
fn a_pubcomp_for_a_pubrel_that_waits_is_a_fault() {
    for scene in scenes_with_store() {
        let mut scene = scene.connected_and_stored();
        scene.send(QOS2, b"1");
        scene.store();
        scene.wire();
        scene.receives(&ack(PUBREC, 1));
        assert_eq!(scene.fault(&ack(PUBCOMP, 1)), ProtocolViolation::AcknowledgedEarly.into());
    }
}

/// The PUBREC came on a connection that is gone: its PUBREL leaves on the next one, when that is stored.
#[test]
fn a_pubrel_that_waits_goes_over_to_the_next_connection() {
    for stored_between in [false, true] {
        for scene in scenes_with_store() {
            let mut scene = scene.connected_and_stored();
            scene.send(QOS2, b"1");
            scene.send(QOS2, b"2");
            scene.store();
            scene.wire();
            scene.receives(&ack(PUBREC, 2));
            scene.store();
            scene.wire();
            scene.receives(&ack(PUBREC, 1));
            scene.break_link();
            if stored_between {
                scene.store();
            }
            let accepted = connack(scene.version, true);
            scene.meet(&accepted);
            if stored_between {
                assert_eq!(scene.wire(), all(&[ack(PUBREL, 2), ack(PUBREL, 1)]));
            } else {
                assert_eq!(scene.wire(), ack(PUBREL, 2));
                scene.store();
                assert_eq!(scene.wire(), ack(PUBREL, 1));
            }
        }
    }
}

/// The answer to a repetition waits too.
/// Its identifier is free with its PUBREC [MQTT-4.3.3-9]: stored, it would make a new message a repetition.
/// The server may use the identifier again when it has PUBCOMP; the next process would take that for a repetition.
/// The server asks once more, and that is answered.
/// One slot: the next message needs the identifier of the one before.
#[test]
fn an_identifier_rests_until_its_message_is_deleted() {
    for scene in scenes_with_store() {
        let room = Room { slots: 1, ..Default::default() };
        let mut scene = scene.in_room(room).connected_and_stored();
        scene.send(QOS1, b"1");
        scene.store();
        scene.wire();
        scene.receives(&ack(PUBACK, 1));
        let full = Err(PublishError::Full);
        assert_eq!(scene.publish(b"2", PublishOptions::qos(QOS1)), full);
        assert_eq!(scene.give(), [Kept::MessageDeleted(1)]);
        assert_eq!(scene.publish(b"2", PublishOptions::qos(QOS1)), full);
        scene.stored(1);
        assert_eq!(scene.send(QOS1, b"2"), 1);
        // Neither a request nor a QoS 0 message is stored, so theirs need not rest.
        scene.store();
        scene.wire();
        scene.receives(&ack(PUBACK, 1));
        scene.store();
        assert_eq!(scene.send_tracked(b"3"), 1);
        scene.wire();
        assert_eq!(scene.settled(), [(1, Outcome::Sent)]);
        assert_eq!(scene.send_tracked(b"4"), 1);
    }
}

#[test]
fn what_was_not_stored_is_given_again_and_nothing_has_left() {
    for scene in scenes_with_store() {
        let mut scene = scene.connected_and_stored();
        scene.send(QOS1, b"1");
        let incoming = scene.publish_packet(0x34, 7, b"");
        let delivery = scene.deliveries(&incoming)[0];
        scene.acknowledge(delivery);
        let first = scene.give();
        scene.store_failed();
        assert_eq!(scene.wire(), []);
        assert_eq!(scene.give(), first);
        scene.stored(1);
        scene.store_failed();
        assert_eq!(scene.give(), first[1..]);
        scene.stored(first.len() - 1);
        assert_eq!(scene.wire(), all(&[ack(PUBREC, 7), scene.publish_packet(0x32, 1, b"1")]));
    }
}

/// A message that was sent and acknowledged is in the store until its deletion is, and so long the store says that it
/// may have been begun, whatever happens meanwhile.
#[test]
fn a_session_record_that_is_given_again_is_not_ahead_of_what_came_up_behind_it() {
    for scene in scenes_with_store() {
        let mut scene = scene.connected_and_stored();
        let mut store = Store::default();
        scene.send(QOS1, b"1");
        store.take(&mut scene);
        scene.wire();
        scene.send(QOS1, b"2");
        let given = scene.give();
        scene.receives(&ack(PUBACK, 1));
        scene.break_link();
        scene.store_failed();
        let again = scene.give();
        assert_eq!(again[..given.len()], given);
        let deleted = again.iter().position(|record| *record == Kept::MessageDeleted(1)).expect("it is told");
        again[..deleted].iter().for_each(|record| store.apply(record));
        let session = store.session.expect("it was given");
        assert!(store.messages[&1].number <= session.sent_up_to, "{session:?}");
        scene.stored(again.len());
        let lowered = scene.give();
        assert!(matches!(lowered[..], [Kept::Session(now)] if now.sent_up_to < session.sent_up_to), "{lowered:?}");
    }
}

/// What comes up while a group is being written is in the next one.
#[test]
fn records_are_given_in_groups() {
    for scene in scenes_with_store() {
        let mut scene = scene.connected_and_stored();
        for payload in [b"1", b"2", b"3"] {
            scene.send(QOS1, payload);
        }
        let group = scene.give();
        assert_eq!(group.len(), 4, "three messages, and once that they may have been sent");
        scene.send(QOS1, b"4");
        let next = scene.give();
        assert_eq!(next.iter().filter_map(stage).collect::<Vec<_>>(), [(4, MessageStage::Published)]);
        scene.stored(group.len());
        let three = [1, 2, 3].map(|id| scene.publish_packet(0x32, id, id.to_string().as_bytes()));
        assert_eq!(scene.wire(), all(&three));
        scene.stored(next.len());
        scene.store();
        assert_eq!(scene.wire(), scene.publish_packet(0x32, 4, b"4"));
    }
}

/// Without a connection nothing is begun, so there is one record for each message; with the next connection one for all.
#[test]
fn messages_that_wait_for_a_connection_are_written_once() {
    for mut scene in scenes_with_store() {
        scene.send(QOS1, b"1");
        scene.send(QOS2, b"2");
        let records = scene.store();
        let [Kept::Session(session), Kept::Message(1, _), Kept::Message(2, last)] = &records[..] else {
            panic!("{records:?}")
        };
        assert_eq!(
            *session,
            SessionRecord { version: scene.version, server_session: ServerSession::None, sent_up_to: 0 }
        );
        let accepted = connack(scene.version, false);
        scene.meet(&accepted);
        assert_eq!(scene.wire(), []);
        assert_eq!(
            scene.store(),
            [Kept::Session(SessionRecord {
                version: scene.version,
                server_session: ServerSession::Kept,
                sent_up_to: last.number,
            })]
        );
        let expected = all(&[scene.publish_packet(0x32, 1, b"1"), scene.publish_packet(0x34, 2, b"2")]);
        assert_eq!(scene.wire(), expected);
    }
}

#[test]
fn qos_0_is_not_stored() {
    for scene in scenes_with_store() {
        let mut scene = scene.connected_and_stored();
        scene.send(QOS0, b"1");
        scene.send_tracked(b"2");
        scene.send(QOS0, &[7; SHARED_FROM]);
        assert_eq!(scene.give(), []);
        scene.wire();
        assert_eq!(scene.settled().len(), 1);
        assert_eq!(scene.give(), []);
    }
}

/// Rejected before it was stored: its record is a deletion, and the identifier is free when that is stored.
#[test]
fn a_message_that_is_settled_before_it_is_given_is_given_as_deleted() {
    let mut scene = Scene::with_store(Version::V5);
    scene.store();
    scene.send(QOS2, b"1");
    scene.meet(&connack_with(false, &[0x24, 1]));
    assert_eq!(scene.settled().len(), 1);
    let records = scene.store();
    assert_eq!(records[..2], [Kept::MessageDeleted(1), Kept::MessageDeleted(1)]);
    assert_eq!(scene.give(), []);
}

/// A PUBREL frees the identifier on the server: a PUBLISH with it would be a new message.
#[test]
fn the_pubrel_of_a_message_that_is_withdrawn_waits_too() {
    let mut scene = Scene::with_store(Version::V5).connected_and_stored();
    scene.send(QOS2, b"1");
    scene.store();
    scene.wire();
    scene.break_link();
    scene.meet(&connack_with(true, &[0x24, 1]));
    assert_eq!(scene.wire(), []);
    let records = scene.store();
    assert_eq!(records.iter().filter_map(stage).collect::<Vec<_>>(), [(1, MessageStage::Withdrawn)]);
    assert_eq!(scene.wire(), ack(PUBREL, 1));
}

/// The same of one whose answer was given up: a PUBREC that comes after all is answered when that is stored.
#[test]
fn a_late_pubrec_is_answered_when_it_is_stored_that_the_message_was_given_up() {
    for scene in scenes_with_store() {
        let mut scene = scene.connected_and_stored();
        let id = scene.send(QOS2, b"1");
        scene.store();
        scene.wire();
        assert!(scene.give_up(PacketId::new(id).unwrap()));
        let now = scene.now;
        assert_eq!(scene.handle_input(now, &ack(PUBREC, 1)), Progress::Blocked);
        let records = scene.store();
        assert_eq!(records.iter().filter_map(stage).collect::<Vec<_>>(), [(1, MessageStage::GivenUp)]);
        scene.receives(&ack(PUBREC, 1));
        assert_eq!(scene.wire(), ack(PUBREL, 1));
        scene.receives(&ack(PUBCOMP, 1));
        assert_eq!(scene.give(), [Kept::MessageDeleted(1)]);
    }
}
