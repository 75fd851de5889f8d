//! A server that has a session, and a client that knows of none.

use dunlin_codec::{ProtocolViolation, Version};
use dunlin_session::{
    ConnectOptions, Event, Outcome, PublishOptions, Rejection, ResumeWithoutState, ServerSession, Uncertainty,
};

use crate::{
    memory::Room,
    scene::{QOS0, QOS1, QOS2, Scene, outcomes, scenes, scenes_of, scenes_v5, scenes_with_store, usual},
    store::Store,
    wire::{PUBACK, PUBCOMP, PUBREC, PUBREL, ack, ack_with, all, connack, connack_with, packet},
};

fn adopting() -> ConnectOptions<'static> {
    ConnectOptions { resume_without_state: ResumeWithoutState::Adopt, ..usual() }
}

/// The server goes on with a session of which the client knows nothing.
fn adopted(scene: Scene) -> Scene {
    let mut scene = scene;
    scene.begin_with(&adopting());
    let accepted = connack(scene.version, true);
    let events = scene.receives(&accepted);
    let [Event::Connected { session_present: false, connack }] = events[..] else { panic!("{events:?}") };
    assert!(connack.session_present);
    scene
}

/// [MQTT-3.2.2-4]
#[test]
fn it_is_refused_unless_the_options_say_otherwise() {
    for mut scene in scenes() {
        let accepted = connack(scene.version, true);
        for _ in 0..2 {
            scene.begin();
            assert_eq!(scene.fault(&accepted), ProtocolViolation::SessionPresentUnexpected.into());
            scene.break_link();
        }
        adopted(scene);
    }
}

/// [MQTT-3.2.2-2]: what was to be discarded is not adopted.
#[test]
fn a_server_that_does_not_begin_clean_is_refused_all_the_same() {
    for mut scene in scenes_v5() {
        scene.begin_with(&ConnectOptions { clean_start: true, ..adopting() });
        assert_eq!(scene.fault(&connack(Version::V5, true)), ProtocolViolation::SessionPresentUnexpected.into());
    }
}

/// The server might take it for a repetition of a message that it has, and the message would be lost.
#[test]
fn the_first_qos_2_message_of_an_identifier_waits_until_the_server_has_freed_it() {
    for scene in scenes() {
        let mut scene = adopted(scene);
        assert_eq!(scene.send(QOS1, b"1"), 1);
        assert_eq!(scene.send(QOS2, b"2"), 2);
        assert_eq!(scene.send(QOS0, b"behind"), 0);
        assert_eq!(scene.send(QOS2, b"3"), 3);
        let expected = all(&[ack(PUBREL, 2), ack(PUBREL, 3), scene.publish_packet(0x32, 1, b"1")]);
        assert_eq!(scene.wire(), expected);
        let freed = if scene.is_v5() { ack_with(PUBCOMP, 3, 0x92) } else { ack(PUBCOMP, 3) };
        assert_eq!(scene.receives(&freed), []);
        assert_eq!(scene.wire(), []);
        assert_eq!(scene.receives(&ack(PUBCOMP, 2)), []);
        let expected = all(&[
            scene.publish_packet(0x34, 2, b"2"),
            scene.publish_packet(0x30, 0, b"behind"),
            scene.publish_packet(0x34, 3, b"3"),
        ]);
        assert_eq!(scene.wire(), expected);
        scene.receives(&all(&[ack(PUBACK, 1), ack(PUBREC, 2), ack(PUBREC, 3)]));
        assert_eq!(scene.wire(), all(&[ack(PUBREL, 2), ack(PUBREL, 3)]));
        assert_eq!(outcomes(&scene.receives(&all(&[ack(PUBCOMP, 2), ack(PUBCOMP, 3)]))).len(), 2);
    }
}

#[test]
fn an_identifier_is_freed_once() {
    for scene in scenes() {
        let mut scene = adopted(scene.in_room(Room { slots: 1, ..Default::default() }));
        for (number, qos) in [QOS2, QOS2, QOS1, QOS2].into_iter().enumerate() {
            assert_eq!(scene.send(qos, b""), 1);
            // After a QoS 1 message it is done once more: there is no place to remember it in.
            if qos == QOS2 && number != 1 {
                assert_eq!(scene.wire(), ack(PUBREL, 1), "message {number}");
                scene.receives(&ack(PUBCOMP, 1));
            }
            let first_byte = if qos == QOS2 { 0x34 } else { 0x32 };
            assert_eq!(scene.wire(), scene.publish_packet(first_byte, 1, b""), "message {number}");
            if qos == QOS2 {
                scene.receives(&ack(PUBREC, 1));
                assert_eq!(scene.wire(), ack(PUBREL, 1));
                scene.receives(&ack(PUBCOMP, 1));
            } else {
                scene.receives(&ack(PUBACK, 1));
            }
        }
    }
}

#[test]
fn messages_from_before_the_connection_wait_too() {
    for mut scene in scenes() {
        scene.send(QOS2, b"1");
        scene.send(QOS1, b"2");
        let mut scene = adopted(scene);
        assert_eq!(scene.wire(), ack(PUBREL, 1));
        // The link breaks before the answer: all is asked once more.
        scene.break_link();
        scene.begin();
        let accepted = connack(scene.version, true);
        assert!(matches!(scene.receives(&accepted)[..], [Event::Connected { session_present: true, .. }]));
        assert_eq!(scene.wire(), ack(PUBREL, 1));
        scene.receives(&ack(PUBCOMP, 1));
        let expected = all(&[scene.publish_packet(0x34, 1, b"1"), scene.publish_packet(0x32, 2, b"2")]);
        assert_eq!(scene.wire(), expected);
        // From here on it is a session like any other.
        scene.resume();
        let expected = all(&[scene.publish_packet(0x3C, 1, b"1"), scene.publish_packet(0x3A, 2, b"2")]);
        assert_eq!(scene.wire(), expected);
    }
}

/// It was rejected by the CONNACK that says that there is a session: so it was never sent in that one.
#[test]
fn the_identifier_of_a_message_that_was_never_sent_is_freed_for_the_next() {
    for mut scene in scenes_of(Version::V5, Room { slots: 1, ..Room::default() }) {
        assert_eq!(scene.send(QOS2, b"beyond"), 1);
        scene.begin_with(&adopting());
        scene.receives(&connack_with(true, &[0x24, 1]));
        let told = scene.settled();
        assert!(matches!(told[..], [(1, Outcome::Rejected(Rejection::BeyondLimits(_)))]), "{told:?}");
        scene.wire();
        scene.break_link();
        scene.resume();
        assert_eq!(scene.send(QOS2, b"m"), 1);
        assert_eq!(scene.wire(), ack(PUBREL, 1));
        scene.receives(&ack_with(PUBCOMP, 1, 0x92));
        assert_eq!(scene.wire(), scene.publish_packet(0x34, 1, b"m"));
    }
}

#[test]
fn a_new_session_has_no_identifiers_of_old() {
    for scene in scenes() {
        let mut scene = adopted(scene);
        scene.send(QOS2, b"1");
        assert_eq!(scene.wire(), ack(PUBREL, 1));
        scene.lose_session();
        scene.send(QOS2, b"2");
        let expected = all(&[scene.publish_packet(0x34, 1, b"1"), scene.publish_packet(0x34, 2, b"2")]);
        assert_eq!(scene.wire(), expected);
        scene.receives(&ack(PUBREC, 1));
        assert_eq!(scene.wire(), ack(PUBREL, 1));
    }
}

/// What was freed in another session was not freed in this one, and what was freed in this one stays so.
#[test]
fn an_identifier_is_freed_once_in_a_session() {
    for scene in scenes() {
        let mut scene = scene.in_room(Room { slots: 1, ..Default::default() });
        scene.begin_with(&ConnectOptions { session_expiry_interval: 0, ..usual() });
        let accepted = connack(scene.version, false);
        scene.receives(&accepted);
        for connection in 0..3 {
            scene.send(QOS2, b"");
            if connection == 1 {
                assert_eq!(scene.wire(), ack(PUBREL, 1));
                scene.receives(&ack(PUBCOMP, 1));
            }
            assert_eq!(scene.wire(), scene.publish_packet(0x34, 1, b""), "connection {connection}");
            scene.receives(&ack(PUBREC, 1));
            scene.wire();
            scene.receives(&ack(PUBCOMP, 1));
            scene.wire();
            scene.break_link();
            if connection == 0 {
                scene = adopted(scene);
            } else {
                let accepted = connack(scene.version, true);
                scene.meet(&accepted);
            }
        }
    }
}

/// What was begun in a session that was not kept has nothing to do with the one that is adopted.
#[test]
fn a_message_that_was_begun_in_another_session_is_unknown() {
    for mut scene in scenes() {
        scene.begin_with(&ConnectOptions { session_expiry_interval: 0, ..usual() });
        let accepted = connack(scene.version, false);
        scene.receives(&accepted);
        scene.send(QOS2, b"1");
        scene.send(QOS1, b"2");
        scene.wire();
        scene.break_link();
        let mut scene = adopted(scene);
        assert_eq!(scene.settled(), [(1, Outcome::Unknown(Uncertainty::SessionLost))]);
        assert_eq!(scene.wire(), scene.publish_packet(0x32, 2, b"2"));
    }
}

/// It was rejected without having freed its identifier on the server.
#[test]
fn an_identifier_that_was_not_freed_is_freed_by_the_next_message() {
    for scene in scenes_v5() {
        let mut scene = adopted(scene.in_room(Room { slots: 1, ..Default::default() }));
        scene.send(QOS2, b"1");
        scene.break_link();
        scene.begin();
        scene.receives(&connack_with(true, &[0x24, 1]));
        assert!(matches!(scene.settled()[..], [(1, Outcome::Rejected(Rejection::BeyondLimits(_)))]));
        scene.break_link();
        scene.meet(&connack(Version::V5, true));
        assert_eq!(scene.send(QOS2, b"2"), 1);
        assert_eq!(scene.wire(), ack(PUBREL, 1));
    }
}

/// The server has the session that our CONNECT began, and we have all that there is to know of it: nothing.
#[test]
fn a_session_whose_connack_was_lost_is_gone_on_with() {
    for mut scene in scenes() {
        scene.begin();
        scene.break_link();
        scene.begin();
        let accepted = connack(scene.version, true);
        assert!(matches!(scene.receives(&accepted)[..], [Event::Connected { session_present: false, .. }]));
        // It may as well be an older one.
        scene.send(QOS2, b"");
        assert_eq!(scene.wire(), ack(PUBREL, 1));
    }
}

#[test]
fn a_connack_that_refuses_began_no_session() {
    for mut scene in scenes() {
        scene.begin();
        let refusal = if scene.is_v5() { packet(0x20, &[0, 0x88, 0]) } else { packet(0x20, &[0, 3]) };
        assert!(matches!(scene.receives(&refusal)[..], [Event::Refused(_)]));
        scene.break_link();
        scene.begin();
        let accepted = connack(scene.version, true);
        assert_eq!(scene.fault(&accepted), ProtocolViolation::SessionPresentUnexpected.into());
    }
}

#[test]
fn the_next_process_knows_that_a_connack_may_have_been_lost() {
    for mut scene in scenes_with_store() {
        let (version, mut store) = (scene.version, Store::default());
        scene.begin();
        store.take(&mut scene);
        assert_eq!(store.session.unwrap().server_session, ServerSession::Unsure);
        let accepted = connack(version, true);
        let mut scene = store.restart(version);
        scene.begin();
        assert!(matches!(scene.receives(&accepted)[..], [Event::Connected { session_present: false, .. }]));
        store.take(&mut scene);
        assert_eq!(store.session.unwrap().server_session, ServerSession::Adopted);
    }
}

/// The CONNACK was not lost, but the process ended before that was stored: what was received is of this session.
#[test]
fn what_an_unsure_session_received_is_not_told_again() {
    for mut scene in scenes_with_store() {
        let (version, mut store) = (scene.version, Store::default());
        scene.begin();
        store.take(&mut scene);
        let accepted = connack(version, false);
        scene.receives(&accepted);
        let incoming = scene.publish_packet(0x34, 7, b"");
        let delivery = scene.deliveries(&incoming)[0];
        scene.acknowledge(delivery);
        let records = scene.give();
        store.apply(&records[0]);
        scene.stored(1);
        assert_eq!(scene.wire(), [], "the session to which it belongs is not stored");
        let mut scene = store.restart(version);
        scene.begin();
        let accepted = connack(version, true);
        scene.receives(&accepted);
        let repeated = scene.publish_packet(0x3C, 7, b"");
        assert_eq!(scene.receives(&repeated), []);
        store.take(&mut scene);
        assert_eq!(scene.wire(), ack(PUBREC, 7));
    }
}

/// Of a server without a session it is known that nothing was received.
#[test]
fn what_an_unsure_session_received_is_forgotten_with_it() {
    for mut scene in scenes_with_store() {
        let (version, mut store) = (scene.version, Store::default());
        scene.begin();
        store.take(&mut scene);
        let accepted = connack(version, false);
        scene.receives(&accepted);
        let incoming = scene.publish_packet(0x34, 7, b"");
        let delivery = scene.deliveries(&incoming)[0];
        scene.acknowledge(delivery);
        store.apply(&scene.give()[0]);
        let mut scene = store.restart(version);
        scene.begin();
        scene.receives(&accepted);
        assert_eq!(scene.deliveries(&incoming).len(), 1);
    }
}

/// The next process does not know which identifiers were freed, but which messages were not begun.
#[test]
fn the_next_process_frees_identifiers_too() {
    for scene in scenes_with_store() {
        let (version, mut store) = (scene.version, Store::default());
        let mut scene = adopted(scene);
        scene.send(QOS2, b"1");
        scene.send(QOS2, b"2");
        scene.send(QOS2, b"3");
        store.take(&mut scene);
        scene.wire();
        scene.receives(&ack(PUBCOMP, 1));
        store.take(&mut scene);
        assert_eq!(scene.wire(), scene.publish_packet(0x34, 1, b"1"));
        scene.receives(&ack(PUBREC, 1));
        store.take(&mut scene);
        let mut scene = store.restart(version);
        let accepted = connack(version, true);
        scene.meet(&accepted);
        assert_eq!(scene.wire(), all(&[ack(PUBREL, 1), ack(PUBREL, 2), ack(PUBREL, 3)]));
        scene.receives(&all(&[ack(PUBCOMP, 2), ack(PUBCOMP, 3)]));
        assert_eq!(scene.wire(), []);
        store.take(&mut scene);
        let expected = all(&[scene.publish_packet(0x34, 2, b"2"), scene.publish_packet(0x34, 3, b"3")]);
        assert_eq!(scene.wire(), expected);
    }
}

/// In the session before it may have been begun, in this one it was not: the store is told so, and what was allowed by
/// what it was told before is not.
#[test]
fn what_may_have_been_begun_is_counted_anew() {
    for freed_while_it_is_written in [false, true] {
        for mut scene in scenes_with_store() {
            let (version, mut store) = (scene.version, Store::default());
            let one_at_a_time = ConnectOptions { session_expiry_interval: 0, send_maximum: 1, ..usual() };
            scene.begin_with(&one_at_a_time);
            let accepted = connack(version, false);
            scene.receives(&accepted);
            scene.send(QOS1, b"1");
            scene.send(QOS2, b"2");
            store.take(&mut scene);
            assert_eq!(scene.wire(), scene.publish_packet(0x32, 1, b"1"));
            assert_eq!(store.session.unwrap().sent_up_to, store.messages[&2].number);
            scene.break_link();
            let mut scene = adopted(scene);
            assert_eq!(scene.wire(), all(&[ack(PUBREL, 2), scene.publish_packet(0x32, 1, b"1")]));
            let records = scene.give();
            if freed_while_it_is_written {
                scene.receives(&ack(PUBCOMP, 2));
                assert_eq!(scene.wire(), []);
            }
            records.iter().for_each(|record| store.apply(record));
            scene.stored(records.len());
            assert_eq!(scene.wire(), []);
            let mut next = store.restart(version);
            let accepted = connack(version, true);
            next.meet(&accepted);
            assert_eq!(next.wire(), all(&[ack(PUBREL, 2), next.publish_packet(0x3A, 1, b"1")]));
            if !freed_while_it_is_written {
                scene.receives(&ack(PUBCOMP, 2));
            }
            store.take(&mut scene);
            assert_eq!(scene.wire(), scene.publish_packet(0x34, 2, b"2"));
            let mut next = store.restart(version);
            next.meet(&accepted);
            let expected = all(&[next.publish_packet(0x3A, 1, b"1"), next.publish_packet(0x3C, 2, b"2")]);
            assert_eq!(next.wire(), expected, "both may have been begun");
        }
    }
}

/// As long as nothing is known of the server's session, QoS 2 messages that were accepted are not begun.
#[test]
fn a_message_with_a_full_quota_waits_for_both() {
    for scene in scenes_v5() {
        let mut scene = scene;
        scene.begin_with(&adopting());
        scene.receives(&connack_with(true, &[0x21, 0, 1]));
        scene.publish(b"1", PublishOptions::qos(QOS1)).unwrap();
        scene.publish(b"2", PublishOptions::qos(QOS2)).unwrap();
        assert_eq!(scene.wire(), all(&[ack(PUBREL, 2), scene.publish_packet(0x32, 1, b"1")]));
        scene.receives(&ack(PUBCOMP, 2));
        assert_eq!(scene.wire(), []);
        scene.receives(&ack(PUBACK, 1));
        assert_eq!(scene.wire(), scene.publish_packet(0x34, 2, b"2"));
    }
}

/// Doubles of QoS 1 are allowed, so its identifiers need not be asked about.
#[test]
fn nor_does_the_next_process_ask_about_identifiers_of_qos_1() {
    for scene in scenes_with_store() {
        let (version, mut store) = (scene.version, Store::default());
        let mut scene = adopted(scene);
        store.take(&mut scene);
        scene.send(QOS1, b"1");
        // That it may be begun is not stored.
        store.apply(&scene.give()[0]);
        let mut scene = store.restart(version);
        let accepted = connack(version, true);
        scene.meet(&accepted);
        store.take(&mut scene);
        assert_eq!(scene.wire(), scene.publish_packet(0x32, 1, b"1"));
    }
}
