//! Messages that the application refuses: 5.0 says why, in its turn.

use dunlin_codec::ReasonCode;
use dunlin_session::AcknowledgeError;

use crate::{
    scene::{scenes, scenes_v5},
    wire::{PUBACK, PUBREC, ack, ack_with, all},
};

#[test]
fn a_refusal_leaves_in_the_order_of_arrival_like_every_answer() {
    for scene in scenes_v5() {
        let mut scene = scene.connected();
        let input = all(&[1, 2, 3].map(|id| scene.publish_packet(0x32, id, b"m")));
        let deliveries = scene.deliveries(&input);
        assert_eq!(scene.acknowledge_with(deliveries[1], ReasonCode::QUOTA_EXCEEDED), Ok(true));
        assert_eq!(scene.acknowledge_with(deliveries[1], ReasonCode::SUCCESS), Ok(false), "it is decided");
        assert!(scene.acknowledge(deliveries[2]));
        assert_eq!(scene.wire(), []);
        assert_eq!(scene.acknowledge_with(deliveries[0], ReasonCode::NO_MATCHING_SUBSCRIBERS), Ok(true));
        assert_eq!(scene.wire(), all(&[ack_with(PUBACK, 1, 0x10), ack_with(PUBACK, 2, 0x97), ack(PUBACK, 3)]));
    }
}

/// [MQTT-4.3.3-9]
#[test]
fn after_a_refused_qos_2_message_its_identifier_is_new() {
    for scene in scenes_v5() {
        let mut scene = scene.connected();
        for refused in [true, true, false] {
            let input = scene.publish_packet(0x34, 7, b"m");
            let deliveries = scene.deliveries(&input);
            assert_eq!(deliveries.len(), 1, "delivered as a new one");
            if refused {
                scene.acknowledge_with(deliveries[0], ReasonCode::NOT_AUTHORIZED).unwrap();
                assert_eq!(scene.wire(), ack_with(PUBREC, 7, 0x87));
            } else {
                scene.acknowledge(deliveries[0]);
                assert_eq!(scene.wire(), ack(PUBREC, 7));
            }
        }
        let again = scene.publish_packet(0x3C, 7, b"m");
        assert_eq!(scene.receives(&again), [], "it was taken, and is known until its PUBREL");
    }
}

#[test]
fn a_refusal_that_did_not_leave_is_said_when_the_message_comes_again() {
    for scene in scenes_v5() {
        let mut scene = scene.connected();
        let input = all(&[1, 2].map(|id| scene.publish_packet(0x34, id, b"m")));
        let deliveries = scene.deliveries(&input);
        scene.acknowledge_with(deliveries[1], ReasonCode::UNSPECIFIED_ERROR).unwrap();
        assert_eq!(scene.wire(), [], "the first holds it back");
        scene.resume();
        scene.wire();
        let again = all(&[1, 2].map(|id| scene.publish_packet(0x3C, id, b"m")));
        assert_eq!(scene.receives(&again), []);
        assert!(scene.acknowledge(deliveries[0]));
        assert_eq!(scene.wire(), all(&[ack(PUBREC, 1), ack_with(PUBREC, 2, 0x80)]));
    }
}

#[test]
fn what_cannot_be_said_is_refused_at_the_call() {
    for scene in scenes() {
        let mut scene = scene.connected();
        let input = scene.publish_packet(0x32, 1, b"m");
        let delivery = scene.deliveries(&input)[0];
        for (reason, in_5) in [
            (ReasonCode::QUOTA_EXCEEDED, Ok(true)),
            (ReasonCode::GRANTED_QOS_1, Err(AcknowledgeError::NotAllowed)),
            (ReasonCode::BANNED, Err(AcknowledgeError::NotAllowed)),
        ] {
            if scene.is_v5() && in_5.is_ok() {
                continue;
            }
            let error = if scene.is_v5() { in_5 } else { Err(AcknowledgeError::NeedsV5) };
            assert_eq!(scene.acknowledge_with(delivery, reason), error);
        }
        assert_eq!(scene.wire(), []);
        assert_eq!(scene.acknowledge_with(delivery, ReasonCode::SUCCESS), Ok(true), "it is still there");
        assert_eq!(scene.wire(), ack(PUBACK, 1));
    }
}
