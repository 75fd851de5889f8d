//! The server has forgotten the session.

use dunlin_session::{Event, Outcome, Uncertainty};

use crate::{
    memory::SHARED_FROM,
    scene::{QOS1, QOS2, scenes},
    wire::{PUBACK, PUBREC, ack, all},
};

#[test]
fn qos_1_goes_again_as_new_and_qos_2_that_was_sent_is_unknown() {
    for scene in scenes() {
        let mut scene = scene.connected();
        let large = vec![7; SHARED_FROM];
        let (released, one, sent, three) =
            (scene.send(QOS2, b"released"), scene.send(QOS1, b"1"), scene.send(QOS2, &large), scene.send(QOS1, &large));
        scene.wire();
        scene.receives(&ack(PUBREC, released));
        let queued = scene.send(QOS2, b"queued");
        scene.lose_session();
        let unknown = Outcome::Unknown(Uncertainty::SessionLost);
        assert_eq!(scene.settled(), [(released, unknown), (sent, unknown)]);
        let expected = all(&[
            scene.publish_packet(0x32, one, b"1"),
            scene.publish_packet(0x32, three, &large),
            scene.publish_packet(0x34, queued, b"queued"),
        ]);
        assert_eq!(scene.wire(), expected);
    }
}

/// The session that a resumed connection went on with is lost on the next: DUP is taken back.
#[test]
fn dup_is_taken_back() {
    for scene in scenes() {
        let mut scene = scene.connected();
        scene.send(QOS1, b"1");
        scene.wire();
        scene.resume();
        scene.wire();
        scene.lose_session();
        assert_eq!(scene.wire(), scene.publish_packet(0x32, 1, b"1"));
        scene.resume();
        assert_eq!(scene.wire(), scene.publish_packet(0x3A, 1, b"1"));
    }
}

#[test]
fn a_message_that_did_not_go_out_again_before_the_next_loss_has_no_dup() {
    for scene in scenes() {
        let mut scene = scene.connected();
        scene.send(QOS1, b"1");
        scene.wire();
        scene.lose_session();
        scene.resume();
        assert_eq!(scene.wire(), scene.publish_packet(0x32, 1, b"1"));
    }
}

/// An identifier whose outcome nobody has asked for yet is not used again.
#[test]
fn identifiers_are_free_again_when_their_outcome_was_told() {
    for scene in scenes() {
        let mut scene = scene.connected();
        let lost: Vec<_> = (0..3).map(|_| scene.send(QOS2, b"")).collect();
        scene.wire();
        scene.lose_session();
        for _ in 0..13 {
            assert!(!lost.contains(&scene.send(QOS1, b"")));
        }
        assert_eq!(scene.settled().len(), 3);
        assert!(lost.contains(&scene.send(QOS1, b"")));
    }
}

#[test]
fn messages_that_were_received_are_forgotten() {
    for scene in scenes() {
        let mut scene = scene.connected();
        let packets = all(&[scene.publish_packet(0x32, 1, b""), scene.publish_packet(0x34, 2, b"")]);
        let old = scene.deliveries(&packets);
        scene.lose_session();
        for delivery in &old {
            assert!(!scene.acknowledge(*delivery), "{delivery:?}");
        }
        // The same identifiers are new messages, and an old acknowledgement is not taken for theirs.
        let new = scene.deliveries(&packets);
        for delivery in old {
            assert!(!scene.acknowledge(delivery));
        }
        assert_eq!(scene.wire(), []);
        for delivery in new {
            assert!(scene.acknowledge(delivery));
        }
        assert_eq!(scene.wire(), all(&[ack(PUBACK, 1), ack(PUBREC, 2)]));
    }
}

#[test]
fn the_loss_is_told() {
    for scene in scenes() {
        let mut scene = scene.connected();
        scene.break_link();
        scene.begin();
        let connack = crate::wire::connack(scene.version, false);
        let events = scene.receives(&connack);
        assert!(matches!(events[..], [Event::Connected { session_present: false, .. }]));
    }
}
