//! What the server does not accept.

use dunlin_codec::{ProtocolViolation, ReasonCode};
use dunlin_session::{Outcome, PublishError, PublishOptions, Rejection, State, Uncertainty};

use crate::{
    memory::SHARED_FROM,
    scene::{QOS0, QOS1, QOS2, outcomes, scenes_v5},
    wire::{PUBCOMP, PUBREL, ack, ack_with, all, connack, connack_with},
};

const RETAINED: PublishOptions<'static> = PublishOptions { retain: true, ..PublishOptions::qos(QOS0) };
const NO_RETAIN: [u8; 2] = [0x25, 0];
const QOS_1_AT_MOST: [u8; 2] = [0x24, 1];
/// Nine bytes are a QoS 1 message of one byte.
const NINE_BYTES: [u8; 5] = [0x27, 0, 0, 0, 9];

fn rejected(reason: ReasonCode) -> Outcome {
    Outcome::Rejected(Rejection::BeyondLimits(reason))
}

#[test]
fn it_is_refused_at_the_call_when_that_is_known() {
    for scene in scenes_v5() {
        let properties = [&NO_RETAIN[..], &QOS_1_AT_MOST, &NINE_BYTES].concat();
        let mut scene = scene.connected_by(&connack_with(false, &properties));
        assert_eq!(scene.publish(b"", RETAINED), Err(PublishError::RetainNotSupported));
        assert_eq!(scene.publish(b"", PublishOptions::qos(QOS2)), Err(PublishError::QosNotSupported));
        assert_eq!(scene.publish(b"12", PublishOptions::qos(QOS1)), Err(PublishError::TooLarge));
        assert_eq!(scene.publish(&[0; SHARED_FROM], PublishOptions::qos(QOS1)), Err(PublishError::TooLarge));
        scene.send(QOS1, b"1");
        assert_eq!(scene.wire(), scene.publish_packet(0x32, 1, b"1"));
        // Without a connection nobody knows what the next server accepts.
        scene.break_link();
        scene.send(QOS2, b"2");
        scene.meet(&connack(scene.version, false));
        let expected = all(&[scene.publish_packet(0x32, 1, b"1"), scene.publish_packet(0x34, 2, b"2")]);
        assert_eq!(scene.wire(), expected);
    }
}

#[test]
fn what_was_queued_for_a_server_that_does_not_take_it_is_rejected() {
    for mut scene in scenes_v5() {
        let large = scene.send(QOS1, b"12");
        let beside = scene.send(QOS1, &[0; SHARED_FROM]);
        let kept = scene.send(QOS1, b"1");
        let twice = scene.send(QOS2, b"");
        let retained = scene.publish(b"", PublishOptions { tracked: true, ..RETAINED }).unwrap().unwrap().get();
        let properties = [&NO_RETAIN[..], &QOS_1_AT_MOST, &NINE_BYTES].concat();
        scene.meet(&connack_with(false, &properties));
        let expected = [
            (large, rejected(ReasonCode::PACKET_TOO_LARGE)),
            (beside, rejected(ReasonCode::PACKET_TOO_LARGE)),
            (twice, rejected(ReasonCode::QOS_NOT_SUPPORTED)),
            (retained, rejected(ReasonCode::RETAIN_NOT_SUPPORTED)),
        ];
        assert_eq!(scene.settled(), expected);
        assert_eq!(scene.wire(), scene.publish_packet(0x32, kept, b"1"));
    }
}

/// It would close the connection.
#[test]
fn an_untracked_qos_0_message_is_not_sent_to_a_server_that_does_not_take_it() {
    for mut scene in scenes_v5() {
        scene.send(QOS0, b"1");
        scene.send(QOS0, b"too large");
        scene.publish(b"", RETAINED).unwrap();
        scene.send(QOS0, &[0; SHARED_FROM]);
        scene.send(QOS0, b"2");
        scene.meet(&connack_with(false, &[&NO_RETAIN[..], &NINE_BYTES].concat()));
        assert_eq!(scene.wire(), all(&[scene.publish_packet(0x30, 0, b"1"), scene.publish_packet(0x30, 0, b"2")]));
        assert_eq!((scene.settled(), scene.is_idle()), (vec![], true));
    }
}

#[test]
fn of_a_qos_1_message_that_was_sent_and_cannot_be_again_nobody_knows() {
    for session_present in [true, false] {
        for scene in scenes_v5() {
            let mut scene = scene.connected();
            let id = scene.send(QOS1, b"12");
            scene.wire();
            scene.break_link();
            scene.meet(&connack_with(session_present, &NINE_BYTES));
            assert_eq!(scene.settled(), [(id, Outcome::Unknown(Uncertainty::BeyondLimits))]);
            assert_eq!((scene.wire(), scene.is_idle()), (vec![], true));
        }
    }
}

/// That it was not sent in this session does not mean that it was not sent.
#[test]
fn nor_of_one_that_waited_to_be_sent_again_in_a_new_session() {
    for scene in scenes_v5() {
        let mut scene = scene.connected();
        let (limited, kept) = (scene.send(QOS1, b"12"), scene.send(QOS1, b"1"));
        scene.wire();
        scene.lose_session();
        scene.break_link();
        scene.meet(&connack_with(true, &NINE_BYTES));
        assert_eq!(scene.settled(), [(limited, Outcome::Unknown(Uncertainty::BeyondLimits))]);
        assert_eq!(scene.taken(), scene.publish_packet(0x32, kept, b"1"), "without DUP: to this session it is new");
        scene.lose_session();
        scene.abandon();
        assert_eq!(scene.settled(), [(kept, Outcome::Unknown(Uncertainty::Closed))]);
    }
}

/// The server may have the identifier: a new message with it would be taken for the old one and lost. A PUBREL frees
/// it on the server's side.
#[test]
fn the_identifier_of_a_qos_2_message_that_cannot_be_sent_again_is_freed_on_both_sides() {
    for answer in [ack(PUBCOMP, 1), ack_with(PUBCOMP, 1, 0x92)] {
        for scene in scenes_v5() {
            let mut scene = scene.connected();
            scene.send(QOS2, b"12345");
            scene.wire();
            scene.break_link();
            scene.meet(&connack_with(true, &NINE_BYTES));
            assert_eq!((scene.settled(), scene.wire()), (vec![], ack(PUBREL, 1)));
            assert!(!scene.is_idle());
            let unknown = Outcome::Unknown(Uncertainty::BeyondLimits);
            assert_eq!(outcomes(&scene.receives(&answer)), [(1, unknown)]);
            assert!(scene.is_idle());
        }
    }
}

#[test]
fn nor_is_it_used_again_before_the_session_is_lost() {
    for scene in scenes_v5() {
        let mut scene = scene.connected();
        let id = scene.send(QOS2, &[7; SHARED_FROM]);
        scene.wire();
        scene.break_link();
        scene.meet(&connack_with(true, &NINE_BYTES));
        scene.break_link();
        scene.meet(&connack_with(true, &NINE_BYTES));
        assert_eq!((scene.settled(), scene.wire()), (vec![], ack(PUBREL, id)));
        scene.lose_session();
        assert_eq!(scene.settled(), [(id, Outcome::Unknown(Uncertainty::SessionLost))]);
        assert_eq!((scene.wire(), scene.is_idle()), (vec![], true));
    }
}

/// [MQTT-3.2.2-15]: not even an acknowledgement would fit, nor perhaps the DISCONNECT that says so.
#[test]
fn a_server_that_takes_no_acknowledgement_is_told_nothing() {
    for maximum in 1..=5 {
        for mut scene in scenes_v5() {
            scene.begin();
            let connack = connack_with(false, &[0x27, 0, 0, 0, maximum]);
            if maximum == 5 {
                assert_eq!(scene.receives(&connack).len(), 1);
                scene.receives(&ack(PUBREL, 9));
                assert_eq!(scene.wire(), ack_with(PUBCOMP, 9, 0x92));
                continue;
            }
            assert_eq!(scene.fault(&connack), ProtocolViolation::PacketSizeUseless.into());
            assert_eq!((scene.state(), scene.wire()), (State::Closing, vec![]));
        }
    }
}
