//! Messages from the server, and their acknowledgement.

use std::collections::HashSet;

use dunlin_codec::{ProtocolViolation, Qos, Version};
use dunlin_session::{ConnectOptions, Delivery, Event};

use crate::{
    memory::{Kind, Room},
    scene::{QOS0, QOS1, QOS2, Scene, scenes, scenes_of, scenes_v5, scenes_with, usual},
    wire::{PUBACK, PUBCOMP, PUBREC, PUBREL, ack, ack_with, all, connack},
};

fn receive(scene: &mut Scene, first_byte: u8, ids: &[u16]) -> Vec<Delivery> {
    let packets: Vec<_> = ids.iter().map(|id| scene.publish_packet(first_byte, *id, b"")).collect();
    scene.deliveries(&all(&packets))
}

#[test]
fn a_message_is_told_as_it_came() {
    for scene in scenes() {
        let mut scene = scene.connected();
        let packets = all(&[scene.publish_packet(0x31, 0, b"zero"), scene.publish_packet(0x3A, 7, b"one")]);
        let events = scene.receives(&packets);
        let [
            Event::Message { publish: zero, delivery: None },
            Event::Message { publish: one, delivery: Some(delivery) },
        ] = events[..]
        else {
            panic!("{events:?}")
        };
        assert_eq!((zero.qos, zero.retain, zero.dup, zero.payload), (QOS0, true, false, &b"zero"[..]));
        assert_eq!((one.qos, one.retain, one.dup, one.payload), (QOS1, false, true, &b"one"[..]));
        assert_eq!((one.topic.as_str(), delivery.packet_id().get()), ("t", 7));
        assert_eq!(scene.wire(), [], "nothing is acknowledged by itself");
    }
}

/// [MQTT-4.6.0-2] [MQTT-4.6.0-3]: each flow for itself.
#[test]
fn acknowledgements_leave_in_the_order_of_arrival_whatever_the_order_of_the_application() {
    for (order, after) in [
        ([0, 1, 2, 3], [1, 1, 1, 1]),
        ([2, 0, 1, 3], [0, 2, 1, 1]),
        ([3, 2, 1, 0], [0, 0, 2, 2]),
        ([1, 3, 0, 2], [1, 1, 1, 1]),
    ] {
        for scene in scenes() {
            let mut scene = scene.connected();
            // Two flows: QoS 1 with the identifiers 5 and 6, QoS 2 with 6 and 5.
            let packets = all(&[
                scene.publish_packet(0x32, 5, b""),
                scene.publish_packet(0x34, 6, b""),
                scene.publish_packet(0x32, 6, b""),
                scene.publish_packet(0x34, 5, b""),
            ]);
            let deliveries = scene.deliveries(&packets);
            let mut wire = Vec::new();
            for (index, count) in order.into_iter().zip(after) {
                assert!(scene.acknowledge(deliveries[index]));
                assert!(!scene.acknowledge(deliveries[index]), "once");
                let more = scene.wire();
                assert_eq!(more.len(), count * 4, "{order:?} at {index}");
                wire.extend(more);
            }
            let flow = |kind| wire.chunks(4).filter(|ack| ack[0] == kind).map(|ack| ack[3]).collect::<Vec<_>>();
            assert_eq!((flow(PUBACK), flow(PUBREC)), (vec![5, 6], vec![6, 5]));
        }
    }
}

#[test]
fn what_is_acknowledged_twice_does_not_acknowledge_the_message_that_has_its_identifier_now() {
    for first_byte in [0x32, 0x34] {
        for scene in scenes().filter(|scene| scene.kind == Kind::Heap) {
            let mut scene = scene.connected();
            let before = receive(&mut scene, first_byte, &[1, 2]);
            let mut numbers: HashSet<_> = before.iter().map(|delivery| delivery.number()).collect();
            assert!(scene.acknowledge(before[0]) && scene.acknowledge(before[1]));
            if first_byte == 0x34 {
                scene.receives(&all(&[ack(PUBREL, 1), ack(PUBREL, 2)]));
            }
            scene.wire();
            let [now] = receive(&mut scene, first_byte, &[1])[..] else { panic!("one") };
            assert!(numbers.insert(now.number()));
            assert!(!scene.acknowledge(before[0]) && !scene.acknowledge(before[1]));
            assert_eq!(scene.wire(), []);
            assert!(scene.acknowledge(now));
            assert_eq!(scene.wire().len(), 4);
            // Nor over the next connection, whether the session goes on or not.
            for resumes in [true, false] {
                let [old] = receive(&mut scene, first_byte, &[3])[..] else { panic!("one") };
                assert!(numbers.insert(old.number()));
                match resumes {
                    true => scene.resume(),
                    false => scene.lose_session(),
                }
                let again = receive(&mut scene, first_byte, &[3]);
                assert!(again.is_empty() || !scene.acknowledge(old), "{resumes}");
                assert!(again.iter().all(|new| numbers.insert(new.number())), "{resumes}");
                let known = again.iter().all(|new| scene.acknowledge(*new));
                assert!(known, "{resumes}");
                scene.receives(&ack(PUBREL, 3));
                scene.wire();
            }
        }
    }
}

/// A message that nobody is done with stands in the way of others: of their answers, or of all further messages.
#[test]
fn what_holds_others_back_can_be_told() {
    for first_byte in [0x32, 0x34] {
        for mut scene in scenes().filter(|scene| scene.kind == Kind::Heap) {
            let qos = if first_byte == 0x32 { QOS1 } else { QOS2 };
            scene.begin_with(&ConnectOptions { receive_maximum: 3, ..usual() });
            let connack = connack(scene.version, false);
            scene.receives(&connack);
            assert_eq!(scene.first_unacknowledged(qos), None);
            let deliveries = receive(&mut scene, first_byte, &[1, 2]);
            assert_eq!(scene.first_unacknowledged(qos), Some(deliveries[0].number()));
            assert!(!scene.holds_back(qos), "neither an answer nor a message waits for it");
            scene.acknowledge(deliveries[1]);
            assert!(scene.holds_back(qos), "an answer waits for it");
            scene.acknowledge(deliveries[0]);
            assert_eq!(scene.first_unacknowledged(qos), None);
            if first_byte == 0x34 {
                scene.receives(&all(&[ack(PUBREL, 1), ack(PUBREL, 2)]));
            }
            let deliveries = receive(&mut scene, first_byte, &[4, 5, 6]);
            assert_eq!(scene.first_unacknowledged(qos), Some(deliveries[0].number()));
            assert!(scene.holds_back(qos), "the server may send no more");
        }
    }
}

/// [MQTT-4.3.2-5]
#[test]
fn after_its_puback_an_identifier_is_a_new_message_whatever_dup_says() {
    for scene in scenes() {
        let mut scene = scene.connected();
        for _ in 0..3 {
            let deliveries = receive(&mut scene, 0x3A, &[5]);
            scene.acknowledge(deliveries[0]);
            assert_eq!(scene.wire(), ack(PUBACK, 5));
        }
    }
}

/// A server that repeats itself on a live connection gets one answer for one identifier.
#[test]
fn a_qos_1_message_that_is_repeated_before_its_puback_is_told_again_and_answered_once() {
    for scene in scenes() {
        let mut scene = scene.connected();
        let deliveries = [receive(&mut scene, 0x32, &[5]), receive(&mut scene, 0x3A, &[5])].concat();
        assert!(scene.acknowledge(deliveries[0]));
        assert!(!scene.acknowledge(deliveries[1]));
        assert_eq!(scene.wire(), ack(PUBACK, 5));
    }
}

/// [MQTT-4.3.3-10] [MQTT-4.3.3-12]
#[test]
fn qos_2_is_told_once_until_it_is_released() {
    for scene in scenes() {
        let mut scene = scene.connected();
        let repeated = scene.publish_packet(0x3C, 5, b"");
        let deliveries = receive(&mut scene, 0x34, &[5]);
        assert_eq!(scene.receives(&repeated), []);
        assert_eq!(scene.wire(), [], "nothing to say before the application is done with it");
        assert!(scene.acknowledge(deliveries[0]));
        assert_eq!(scene.wire(), ack(PUBREC, 5));
        assert_eq!(scene.receives(&repeated), []);
        assert_eq!(scene.wire(), ack(PUBREC, 5), "again");
        assert_eq!(scene.receives(&ack(PUBREL, 5)), []);
        assert_eq!(scene.wire(), ack(PUBCOMP, 5));
        assert_eq!(receive(&mut scene, 0x34, &[5]).len(), 1, "a new message");
    }
}

#[test]
fn qos_2_is_told_once_over_connections() {
    for acknowledged_before in [true, false] {
        for scene in scenes() {
            let mut scene = scene.connected();
            let deliveries = receive(&mut scene, 0x34, &[5, 6]);
            if acknowledged_before {
                assert!(scene.acknowledge(deliveries[0]));
                assert!(scene.acknowledge(deliveries[1]));
            }
            scene.break_link();
            if !acknowledged_before {
                assert!(scene.acknowledge(deliveries[0]), "without a connection");
            }
            let present = connack(scene.version, true);
            scene.meet(&present);
            assert_eq!(scene.wire(), [], "only what comes again is answered");
            let repeated = all(&[scene.publish_packet(0x3C, 5, b""), scene.publish_packet(0x3C, 6, b"")]);
            assert_eq!(scene.receives(&repeated), []);
            if !acknowledged_before {
                assert_eq!(scene.wire(), ack(PUBREC, 5));
                assert!(scene.acknowledge(deliveries[1]), "on the next connection");
                assert_eq!(scene.wire(), ack(PUBREC, 6));
            } else {
                assert_eq!(scene.wire(), all(&[ack(PUBREC, 5), ack(PUBREC, 6)]));
            }
            scene.receives(&all(&[ack(PUBREL, 5), ack(PUBREL, 6)]));
            assert_eq!(scene.wire(), all(&[ack(PUBCOMP, 5), ack(PUBCOMP, 6)]));
            assert!(!scene.acknowledge(deliveries[0]));
        }
    }
}

/// The order is that in which they came on this connection.
#[test]
fn pubrecs_leave_in_the_order_in_which_messages_were_repeated() {
    for scene in scenes() {
        let mut scene = scene.connected();
        let deliveries = receive(&mut scene, 0x34, &[5, 6, 7]);
        scene.acknowledge(deliveries[0]);
        scene.acknowledge(deliveries[2]);
        scene.resume();
        let repeated = [7, 6, 5].map(|id| scene.publish_packet(0x3C, id, b""));
        assert_eq!(scene.receives(&all(&repeated)), []);
        assert_eq!(scene.wire(), ack(PUBREC, 7));
        scene.acknowledge(deliveries[1]);
        assert_eq!(scene.wire(), all(&[ack(PUBREC, 6), ack(PUBREC, 5)]));
    }
}

#[test]
fn a_released_message_holds_nothing_back() {
    for scene in scenes() {
        let mut scene = scene.connected();
        let deliveries = receive(&mut scene, 0x34, &[5, 6]);
        // The server did not wait for the PUBREC.
        scene.receives(&ack(PUBREL, 5));
        assert!(!scene.acknowledge(deliveries[0]));
        assert!(scene.acknowledge(deliveries[1]));
        assert_eq!(scene.wire(), all(&[ack(PUBCOMP, 5), ack(PUBREC, 6)]));
    }
}

/// The server forgot that it had its PUBCOMP: that is no error.
#[test]
fn an_unknown_pubrel_is_answered() {
    for scene in scenes() {
        let mut scene = scene.connected();
        scene.receives(&ack(PUBREL, 9));
        assert_eq!(scene.wire(), if scene.is_v5() { ack_with(PUBCOMP, 9, 0x92) } else { ack(PUBCOMP, 9) });
    }
}

/// It comes again with the same identifier or another, and must not be acknowledged by mistake.
#[test]
fn an_acknowledgement_from_an_earlier_connection_is_not_taken_for_qos_1() {
    for scene in scenes() {
        let mut scene = scene.connected();
        let old = receive(&mut scene, 0x32, &[5])[0];
        scene.resume();
        assert!(!scene.acknowledge(old));
        let new = receive(&mut scene, 0x3A, &[5])[0];
        assert!(!scene.acknowledge(old));
        assert_eq!(scene.wire(), []);
        assert!(scene.acknowledge(new));
        assert_eq!(scene.wire(), ack(PUBACK, 5));
    }
}

/// The application was done with it on a connection that is gone; on this one nobody was.
#[test]
fn an_acknowledgement_that_had_to_wait_dies_with_its_connection() {
    for scene in scenes() {
        let mut scene = scene.connected();
        let old = receive(&mut scene, 0x32, &[4, 5]);
        assert!(scene.acknowledge(old[1]));
        scene.resume();
        let new = receive(&mut scene, 0x3A, &[4, 5]);
        assert!(scene.acknowledge(new[0]));
        assert_eq!(scene.wire(), ack(PUBACK, 4));
        assert!(scene.acknowledge(new[1]));
        assert_eq!(scene.wire(), ack(PUBACK, 5));
    }
}

/// [MQTT-3.3.4-9]
#[test]
fn more_messages_than_our_receive_maximum_are_a_fault() {
    for qos in [0x32, 0x34] {
        for mut scene in scenes_v5() {
            scene.begin_with(&ConnectOptions { receive_maximum: 2, ..usual() });
            scene.receives(&connack(Version::V5, false));
            let deliveries = receive(&mut scene, qos, &[1, 2]);
            for delivery in deliveries {
                scene.acknowledge(delivery);
            }
            if qos == 0x34 {
                scene.receives(&ack(PUBREL, 1));
                receive(&mut scene, qos, &[3]);
                assert_eq!(scene.receives(&scene.publish_packet(0x3C, 2, b"")), [], "a repetition needs no room");
            } else {
                receive(&mut scene, qos, &[3, 4]);
            }
            scene.wire();
            let packet = scene.publish_packet(qos, 9, b"lost?");
            assert_eq!(scene.fault(&packet), ProtocolViolation::ReceiveMaximumExceeded.into());
            assert_eq!(scene.wire(), [0xE0, 1, 0x93]);
            // It was not told, so it must be when it comes again.
            scene.break_link();
            scene.begin_with(&usual());
            scene.receives(&connack(Version::V5, true));
            assert_eq!(receive(&mut scene, qos | 8, &[9]).len(), 1);
        }
    }
}

#[test]
fn many_are_acknowledged_together_but_for_those_of_a_lost_connection() {
    for scene in scenes() {
        let mut scene = scene.connected();
        let lost = receive(&mut scene, 0x32, &[1]);
        scene.resume();
        let again = receive(&mut scene, 0x32, &[2, 3]);
        let all_of_them = [lost[0], again[1], again[0]];
        scene.acknowledge_all(&all_of_them);
        assert_eq!(scene.wire(), all(&[ack(PUBACK, 2), ack(PUBACK, 3)]), "in the order in which they came");
    }
}

/// Both have identifiers and numbers of their own, which may be the same.
#[test]
fn acknowledged_together_a_message_is_not_taken_for_one_of_the_other_qos() {
    for (first_byte, other, answer) in [(0x32, 0x34, PUBACK), (0x34, 0x32, PUBREC)] {
        for scene in scenes() {
            let mut scene = scene.connected();
            let deliveries = receive(&mut scene, first_byte, &[1, 2]);
            let others = receive(&mut scene, other, &[1, 2]);
            scene.acknowledge_all(&[deliveries[0], others[1]]);
            assert_eq!(scene.wire(), ack(answer, 1), "the other waits for the one before it");
        }
    }
}

#[test]
fn messages_of_both_qos_are_acknowledged_together_each_in_its_order_and_once() {
    for scene in scenes() {
        let mut scene = scene.connected();
        let mut waiting = receive(&mut scene, 0x32, &[1, 2]);
        waiting.extend(receive(&mut scene, 0x34, &[1, 2]));
        for id in 3..30 {
            waiting.extend(receive(&mut scene, 0x32, &[id]));
            waiting.extend(receive(&mut scene, 0x34, &[id]));
            let done: Vec<_> = waiting.drain(..2).collect();
            scene.acknowledge_all(&[done[0], done[1], done[0]]);
            let expected = done.iter().map(|delivery| {
                let answer = if delivery.qos() == Qos::ExactlyOnce { PUBREC } else { PUBACK };
                ack(answer, delivery.packet_id().get())
            });
            assert_eq!(scene.wire(), expected.flatten().collect::<Vec<_>>());
            for delivery in done.iter().filter(|delivery| delivery.qos() == Qos::ExactlyOnce) {
                scene.receives(&ack(PUBREL, delivery.packet_id().get()));
                scene.wire();
            }
        }
    }
}

#[test]
fn what_is_acknowledged_twice_is_answered_once_though_there_was_no_room_for_the_answer() {
    for (first_byte, answer) in [(0x32, PUBACK), (0x34, PUBREC)] {
        for scene in scenes_with(Room { control: 24, ..Room::default() }) {
            let mut scene = scene.connected();
            let deliveries = receive(&mut scene, first_byte, &[1, 2, 3, 4, 5, 6, 7]);
            for delivery in &deliveries {
                scene.acknowledge(*delivery);
            }
            let now = scene.now;
            let mut wire = scene.take(now, usize::MAX).expect("as many as there was room for");
            for _ in 0..2 {
                scene.acknowledge_all(&deliveries);
                wire.extend(scene.wire());
            }
            assert_eq!(wire, all(&(1..=7).map(|id| ack(answer, id)).collect::<Vec<_>>()), "{:?}", scene.kind);
            if answer == PUBACK {
                let done = [1, 2, 3, 4, 5];
                let deliveries = receive(&mut scene, first_byte, &[1, 2, 3, 4, 5, 6, 7]);
                scene.acknowledge_all(&deliveries[..done.len()]);
                assert_eq!(scene.wire(), all(&done.map(|id| ack(answer, id))), "the others are new messages");
            }
        }
    }
}

/// 4.9: the quota begins anew with every connection, and the PUBREL of a message that came on an earlier one counts for
/// nothing. A repeated PUBLISH does count.
#[test]
fn what_came_on_an_earlier_connection_does_not_count_against_our_receive_maximum() {
    for mut scene in scenes_v5() {
        let options = ConnectOptions { receive_maximum: 2, ..usual() };
        scene.begin_with(&options);
        scene.receives(&connack(Version::V5, false));
        for delivery in receive(&mut scene, 0x34, &[1, 2]) {
            scene.acknowledge(delivery);
        }
        assert_eq!(scene.wire(), all(&[ack(PUBREC, 1), ack(PUBREC, 2)]));
        scene.break_link();
        scene.begin_with(&options);
        scene.receives(&connack(Version::V5, true));
        assert_eq!(receive(&mut scene, 0x34, &[3]).len(), 1, "though two are not released");
        assert_eq!(scene.receives(&scene.publish_packet(0x3C, 2, b"")), [], "it is known, and counts from now on");
        assert!(scene.holds_back(QOS2));
        let packet = scene.publish_packet(0x32, 4, b"");
        assert_eq!(scene.fault(&packet), ProtocolViolation::ReceiveMaximumExceeded.into());
    }
}

/// A server that gives a QoS 1 message the identifier of a QoS 2 message is told, and makes nobody forget.
#[test]
fn a_message_that_is_not_taken_leaves_the_one_with_its_identifier_known() {
    for scene in scenes_v5() {
        let mut scene = scene.in_room(Room { received: 1, ..Room::default() });
        scene.begin_with(&ConnectOptions { receive_maximum: 1, ..usual() });
        scene.receives(&connack(Version::V5, false));
        receive(&mut scene, 0x34, &[3]);
        let packet = scene.publish_packet(0x32, 3, b"");
        assert_eq!(scene.fault(&packet), ProtocolViolation::ReceiveMaximumExceeded.into());
        scene.resume();
        assert_eq!(scene.receives(&scene.publish_packet(0x3C, 3, b"")), []);
    }
}

#[test]
fn in_3_1_1_the_memory_is_the_limit() {
    for scene in scenes_of(Version::V3_1_1, Room { received: 2, ..Room::default() }) {
        let mut scene = scene.connected();
        receive(&mut scene, 0x32, &[1]);
        receive(&mut scene, 0x34, &[1]);
        let packet = scene.publish_packet(0x34, 2, b"");
        if scene.kind != Kind::Slices {
            assert_eq!(scene.receives(&packet).len(), 1);
            continue;
        }
        assert_eq!(scene.fault(&packet), ProtocolViolation::ReceiveMaximumExceeded.into());
        assert_eq!(scene.wire(), []);
        scene.resume();
        assert_eq!(receive(&mut scene, 0x3C, &[2]).len(), 1);
    }
}

/// [MQTT-3.1.2-24]: known before the packet is there, and if it is there.
#[test]
fn a_packet_above_our_maximum_is_a_fault_by_its_header_alone() {
    for (is_whole, mut scene) in [false, true].into_iter().flat_map(|whole| scenes().map(move |scene| (whole, scene))) {
        scene.begin_with(&ConnectOptions { maximum_packet_size: 100, ..usual() });
        let accepted = connack(scene.version, false);
        scene.receives(&accepted);
        let payload = vec![7; if scene.is_v5() { 95 } else { 96 }];
        let fits = scene.publish_packet(0x30, 0, &payload[1..]);
        assert_eq!((fits.len(), scene.receives(&fits).len()), (100, 1));
        let too_large = scene.publish_packet(0x30, 0, &payload);
        let fault = scene.fault(if is_whole { &too_large } else { &too_large[..2] });
        assert_eq!(fault, ProtocolViolation::PacketTooLarge.into());
        assert_eq!(scene.wire(), if scene.is_v5() { &[0xE0, 1, 0x95][..] } else { &[] });
    }
}

/// We allow none.
#[test]
fn a_topic_alias_is_a_fault() {
    for topic in [&[0, 0][..], &[0, 1, b't']] {
        for scene in scenes_v5() {
            let mut scene = scene.connected();
            let packet = crate::wire::packet(0x30, &[topic, &[3, 0x23, 0, 1]].concat());
            assert_eq!(scene.fault(&packet), ProtocolViolation::TopicAliasTooLarge.into());
            assert_eq!(scene.wire(), [0xE0, 1, 0x94]);
        }
    }
}

#[test]
fn the_reply_is_published_from_inside_the_event() {
    for scene in scenes_with(Room { log: 64, ..Room::default() }) {
        let mut scene = scene.connected();
        let packet = scene.publish_packet(0x30, 0, b"ask");
        let now = scene.now;
        let dunlin_session::Progress::Packet { event: Some(Event::Message { publish, .. }), .. } =
            scene.handle_input(now, &packet)
        else {
            panic!("a message")
        };
        scene.send(QOS0, publish.payload);
        assert_eq!(scene.wire(), packet);
    }
}
