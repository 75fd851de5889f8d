//! What the session answers by itself: for the very packet, and no longer than it must be.

use crate::{
    scene::{QOS1, QOS2, Scene, scenes, scenes_v5},
    wire::{PUBACK, PUBCOMP, PUBREC, PUBREL, ack, ack_with, all, connack_with},
};

const IDENTIFIERS: [u16; 6] = [1, 0xFFFF, 2, 0x0102, 0x8000, 0x00FF];

/// [MQTT-2.2.1-5]
#[test]
fn every_answer_bears_the_identifier_of_what_it_answers() {
    for scene in scenes() {
        let mut scene = scene.connected();
        for id in IDENTIFIERS {
            let packets = all(&[scene.publish_packet(0x32, id, b""), scene.publish_packet(0x34, id, b"")]);
            for delivery in scene.deliveries(&packets) {
                assert_eq!(delivery.packet_id().get(), id);
                assert!(scene.acknowledge(delivery));
            }
            assert_eq!(scene.wire(), all(&[ack(PUBACK, id), ack(PUBREC, id)]));
            scene.receives(&ack(PUBREL, id));
            assert_eq!(scene.wire(), ack(PUBCOMP, id));
            // Not ours, but the server may believe so.
            scene.receives(&ack(PUBREC, id));
            let pubrel = if scene.is_v5() { ack_with(PUBREL, id, 0x92) } else { ack(PUBREL, id) };
            assert_eq!(scene.wire(), pubrel);
        }
    }
}

/// [MQTT-3.3.4-1]: none, PUBACK, PUBREC.
#[test]
fn the_qos_of_a_message_says_what_answers_it() {
    for scene in scenes() {
        let mut scene = scene.connected();
        let unanswered = scene.publish_packet(0x30, 0, b"0");
        assert_eq!(scene.receives(&unanswered).len(), 1);
        assert_eq!(scene.wire(), []);
        for (first_byte, answer) in [(0x32, PUBACK), (0x34, PUBREC)] {
            let packet = scene.publish_packet(first_byte, 3, b"");
            let delivery = scene.deliveries(&packet)[0];
            scene.acknowledge(delivery);
            assert_eq!(scene.wire(), ack(answer, 3));
        }
    }
}

/// [MQTT-3.4.2-2] and its like: an answer has no texts, so that even a server that takes 5 bytes can be answered.
#[test]
fn an_answer_says_its_code_and_no_more() {
    for scene in scenes_v5() {
        let mut scene = scene.connected_by(&connack_with(false, &[0x27, 0, 0, 0, 5]));
        let packets = all(&[scene.publish_packet(0x32, 1, b""), scene.publish_packet(0x34, 2, b"")]);
        for delivery in scene.deliveries(&packets) {
            scene.acknowledge(delivery);
        }
        scene.receives(&all(&[ack(PUBREL, 2), ack(PUBREL, 40), ack(PUBREC, 41)]));
        let answers =
            [ack(PUBACK, 1), ack(PUBREC, 2), ack(PUBCOMP, 2), ack_with(PUBCOMP, 40, 0x92), ack_with(PUBREL, 41, 0x92)];
        assert!(answers.iter().all(|answer| answer.len() <= 5));
        assert_eq!(scene.wire(), all(&answers));
    }
}

/// Time passes, the server is alive, and does not answer the messages [MQTT-4.4.0-1].
#[test]
fn what_is_not_answered_waits_and_is_not_sent_again_on_a_live_connection() {
    for scene in scenes() {
        let mut scene = scene.connected();
        let (one, two, released) = (scene.send(QOS1, b"1"), scene.send(QOS2, b"2"), scene.send(QOS2, b"3"));
        scene.wire();
        scene.receives(&ack(PUBREC, released));
        scene.wire();
        let sign_of_life = scene.publish_packet(0x30, 0, b"alive");
        scene.receives(&sign_of_life);
        let mut pings = 0;
        for _ in 0..100 {
            pings += usize::from(let_time_pass(&mut scene));
        }
        assert!(pings > 50, "an hour has passed");
        assert!(scene.settled().is_empty() && scene.awaits_answer());
        let answers = [ack(PUBACK, one), ack(PUBREC, two), ack(PUBCOMP, released)];
        assert_eq!(scene.receives(&all(&answers)).len(), 2);
        assert_eq!(scene.wire(), ack(PUBREL, two));
    }
}

/// Until the next deadline; a ping is answered, and nothing else goes out. Tells whether there was one.
fn let_time_pass(scene: &mut Scene) -> bool {
    let due = scene.poll_timeout().expect("a connection has deadlines");
    scene.now = due.max(scene.now);
    assert_eq!(scene.handle_timeout(due), None);
    let wire = scene.wire();
    if wire.is_empty() {
        return false;
    }
    assert_eq!(wire, [0xC0, 0]);
    assert_eq!(scene.receives(&[0xD0, 0]), []);
    true
}
