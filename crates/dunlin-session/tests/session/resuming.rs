//! The server kept the session.

use dunlin_session::{ConnectError, ConnectOptions, Event, Outcome};

use crate::{
    memory::SHARED_FROM,
    scene::{QOS0, QOS1, QOS2, outcomes, scenes, scenes_v3_1, scenes_v5, usual},
    wire::{PUBACK, PUBCOMP, PUBREC, PUBREL, ack, ack_with, all},
};

/// [MQTT-4.4.0-1] [MQTT-4.6.0-1]: PUBRELs in the order of the PUBRECs, then PUBLISHes in theirs, and no PUBLISH that
/// had its PUBREC.
#[test]
fn what_is_unacknowledged_goes_again_in_order_and_byte_by_byte() {
    for scene in scenes() {
        let mut scene = scene.connected();
        let large = vec![7; SHARED_FROM];
        scene.send(QOS1, b"1");
        scene.send(QOS2, b"2");
        scene.send(QOS1, &large);
        scene.send(QOS0, b"once");
        scene.send(QOS2, b"4");
        scene.send(QOS2, b"5");
        scene.wire();
        scene.receives(&all(&[ack(PUBREC, 5), ack(PUBREC, 2)]));
        scene.wire();
        for _ in 0..3 {
            scene.resume();
            let expected = all(&[
                ack(PUBREL, 5),
                ack(PUBREL, 2),
                scene.publish_packet(0x3A, 1, b"1"),
                scene.publish_packet(0x3A, 3, &large),
                scene.publish_packet(0x3C, 4, b"4"),
            ]);
            assert_eq!(scene.wire(), expected);
            assert_eq!(scene.settled(), []);
        }
        let answers = all(&[ack(PUBCOMP, 2), ack(PUBACK, 3), ack(PUBCOMP, 5), ack(PUBACK, 1), ack(PUBREC, 4)]);
        let mut told = outcomes(&scene.receives(&answers));
        assert_eq!(scene.wire(), ack(PUBREL, 4));
        told.extend(outcomes(&scene.receives(&ack(PUBCOMP, 4))));
        assert!(told.iter().all(|(_, outcome)| matches!(outcome, Outcome::Delivered(_))));
        assert_eq!(told.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [2, 3, 5, 1, 4]);
        assert!(scene.is_idle());
    }
}

/// [MQTT-3.3.1-1]: DUP says that the server may have seen it. Cut at every byte.
#[test]
fn dup_is_set_where_a_byte_left_and_only_there() {
    for cut in 0..=30 {
        for scene in scenes() {
            let mut scene = scene.connected();
            for payload in [b"1", b"2", b"3"] {
                scene.send(QOS1, payload);
            }
            let len = scene.publish_packet(0x32, 1, b"1").len();
            let begun = scene.wire_at_most(cut).len().div_ceil(len);
            scene.resume();
            let packet = |index: usize| {
                let id = index as u16 + 1;
                scene.publish_packet(if index < begun { 0x3A } else { 0x32 }, id, &[b'0' + id as u8])
            };
            let expected = [packet(0), packet(1), packet(2)].concat();
            assert_eq!(scene.wire(), expected, "cut at {cut}");
        }
    }
}

/// [MQTT-3.3.1-2] [MQTT-3.3.1-3]: to wait is not to be sent again.
#[test]
fn what_was_accepted_without_a_connection_goes_out_behind() {
    for scene in scenes() {
        let mut scene = scene.connected();
        scene.send(QOS1, b"1");
        scene.wire();
        scene.break_link();
        scene.send(QOS2, b"2");
        scene.send(QOS0, b"3");
        scene.send_tracked(b"4");
        let connack = crate::wire::connack(scene.version, true);
        scene.meet(&connack);
        let expected = all(&[
            scene.publish_packet(0x3A, 1, b"1"),
            scene.publish_packet(0x34, 2, b"2"),
            scene.publish_packet(0x30, 0, b"3"),
            scene.publish_packet(0x30, 0, b"4"),
        ]);
        assert_eq!(scene.wire(), expected);
    }
}

/// [MQTT-4.4.0-2]
#[test]
fn what_was_acknowledged_does_not_go_again() {
    for scene in scenes() {
        let mut scene = scene.connected();
        for payload in [b"1", b"2", b"3"] {
            scene.send(QOS1, payload);
        }
        scene.wire();
        scene.receives(&ack(PUBACK, 2));
        scene.resume();
        assert_eq!(scene.wire(), all(&[scene.publish_packet(0x3A, 1, b"1"), scene.publish_packet(0x3A, 3, b"3")]));
    }
}

/// [MQTT-4.4.0-2]: a refusal is an acknowledgement too.
#[test]
fn what_was_refused_does_not_go_again() {
    for scene in scenes_v5() {
        let mut scene = scene.connected();
        for (qos, payload) in [(QOS1, b"1"), (QOS2, b"2"), (QOS1, b"3")] {
            scene.send(qos, payload);
        }
        scene.wire();
        assert_eq!(scene.receives(&all(&[ack_with(PUBACK, 1, 0x97), ack_with(PUBREC, 2, 0x80)])).len(), 2);
        scene.resume();
        assert_eq!(scene.wire(), scene.publish_packet(0x3A, 3, b"3"));
    }
}

/// The second PUBCOMP for one PUBREL could meet an identifier that is in use again.
#[test]
fn a_pubrel_is_repeated_once_a_connection() {
    for scene in scenes() {
        let mut scene = scene.connected();
        for _ in 0..4 {
            scene.send(QOS2, b"");
        }
        scene.wire();
        scene.receives(&all(&[1, 2, 3].map(|id| ack(PUBREC, id))));
        scene.resume();
        // The last message is released on this connection, before the others are repeated.
        let publish = scene.publish_packet(0x3C, 4, b"");
        assert_eq!(scene.wire(), all(&[ack(PUBREL, 1), ack(PUBREL, 2), ack(PUBREL, 3), publish]));
        scene.receives(&ack(PUBREC, 4));
        assert_eq!(scene.wire(), ack(PUBREL, 4));
        assert_eq!(scene.wire(), []);
    }
}

/// One that was settled first, last or in between is not repeated.
#[test]
fn a_pubrel_that_was_answered_early_is_not_repeated() {
    for answered in [&[1][..], &[2], &[3], &[1, 2], &[3, 2], &[1, 3], &[1, 2, 3], &[3, 2, 1]] {
        for scene in scenes() {
            let mut scene = scene.connected();
            for _ in 0..3 {
                scene.send(QOS2, b"");
            }
            scene.wire();
            scene.receives(&all(&[1, 2, 3].map(|id| ack(PUBREC, id))));
            scene.wire();
            scene.resume();
            let told =
                outcomes(&scene.receives(&all(&answered.iter().map(|id| ack(PUBCOMP, *id)).collect::<Vec<_>>())));
            assert_eq!(told.len(), answered.len());
            let rest = (1..=3).filter(|id| !answered.contains(id)).map(|id| ack(PUBREL, id)).collect::<Vec<_>>();
            assert_eq!(scene.wire(), all(&rest));
        }
    }
}

#[test]
fn a_link_that_breaks_before_connack_loses_nothing() {
    for scene in scenes() {
        let mut scene = scene.connected();
        scene.send(QOS2, b"1");
        scene.send(QOS1, b"2");
        scene.wire();
        scene.receives(&ack(PUBREC, 1));
        scene.break_link();
        for _ in 0..3 {
            scene.begin();
            assert_eq!(scene.taken(), []);
            scene.break_link();
        }
        let connack = crate::wire::connack(scene.version, true);
        scene.meet(&connack);
        assert_eq!(scene.wire(), all(&[ack(PUBREL, 1), scene.publish_packet(0x3A, 2, b"2")]));
    }
}

/// Its CONNACK is silent about the session: messages go on, the application must subscribe again.
#[test]
fn in_3_1_messages_are_repeated_though_nobody_says_that_the_session_goes_on() {
    for scene in scenes_v3_1() {
        let mut scene = scene.connected();
        scene.send(QOS1, b"1");
        scene.send(QOS2, b"2");
        scene.send(QOS2, b"3");
        scene.wire();
        scene.receives(&ack(PUBREC, 3));
        let inbound = scene.publish_packet(0x34, 9, b"in");
        scene.receives(&inbound);
        scene.wire();
        scene.break_link();
        scene.begin();
        // Whatever its first byte is: it is reserved.
        let events = scene.receives(&[0x20, 2, 1, 0]);
        assert!(matches!(events[..], [Event::Connected { session_present: false, .. }]), "{events:?}");
        let expected = all(&[ack(PUBREL, 3), scene.publish_packet(0x3A, 1, b"1"), scene.publish_packet(0x3C, 2, b"2")]);
        assert_eq!(scene.wire(), expected);
        let again = scene.publish_packet(0x3C, 9, b"in");
        assert_eq!(scene.receives(&again), [], "it was delivered");
    }
}

#[test]
fn in_3_1_a_clean_start_loses_what_was_in_flight() {
    for scene in scenes_v3_1() {
        let mut scene = scene.connected();
        scene.send(QOS2, b"2");
        scene.wire();
        scene.break_link();
        let options = ConnectOptions { session_expiry_interval: 0, ..usual() };
        scene.begin_with(&options);
        scene.receives(&[0x20, 2, 0, 0]);
        assert!(matches!(scene.settled()[..], [(1, Outcome::Unknown(_))]));
    }
}

#[test]
fn in_3_1_every_session_has_a_client_identifier() {
    for mut scene in scenes_v3_1() {
        let (now, nameless) = (scene.now, ConnectOptions::default());
        assert_eq!(scene.connect(now, &nameless), Err(ConnectError::ClientIdEmpty));
        assert_eq!(scene.connect(now, &ConnectOptions { client_id: "c", ..nameless }), Ok(()));
        assert_eq!(scene.wire(), b"\x10\x0f\0\x06MQIsdp\x03\x02\0\x3c\0\x01c");
    }
}
