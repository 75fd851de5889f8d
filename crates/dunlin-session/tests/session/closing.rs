//! The end of a connection, from either side.

use dunlin_codec::{PacketType, Properties, PropertyOwner, ProtocolViolation, ReasonCode};
use dunlin_session::{
    ConnectOptions, DisconnectError, Event, Outcome, PublishError, PublishOptions, Rejection, State, Uncertainty,
};

use crate::{
    memory::{Room, SHARED_FROM},
    scene::{QOS0, QOS1, QOS2, scenes, scenes_v5, scenes_with, usual},
    wire::{PUBREC, ack, connack_with, publish},
};

#[test]
fn a_disconnect_is_the_last_that_is_sent() {
    for scene in scenes() {
        let mut scene = scene.connected();
        scene.send(QOS1, b"1");
        scene.disconnect(ReasonCode::SUCCESS);
        assert_eq!((scene.state(), scene.wire()), (State::Closing, vec![0xE0, 0]));
        assert_eq!(scene.publish(b"2", PublishOptions::qos(QOS1)), Err(PublishError::Closed));
        assert_eq!((scene.poll_timeout(), scene.wire()), (None, vec![]));
        // What comes after it means nothing.
        let late = scene.publish_packet(0x32, 5, b"late");
        assert_eq!(scene.receives(&[late, vec![0xD0, 0]].concat()), []);
        // The message stays.
        scene.break_link();
        let connack = crate::wire::connack(scene.version, true);
        scene.meet(&connack);
        assert_eq!(scene.wire(), scene.publish_packet(0x32, 1, b"1"));
    }
}

/// [MQTT-3.14.4-3]: with 0x04 the server publishes the will.
#[test]
fn a_disconnect_says_why_in_5_0() {
    for scene in scenes() {
        let mut scene = scene.connected();
        scene.disconnect(ReasonCode::DISCONNECT_WITH_WILL);
        assert_eq!(scene.wire(), if scene.is_v5() { &[0xE0, 1, 4][..] } else { &[0xE0, 0] });
    }
}

#[test]
fn a_packet_that_was_begun_is_finished_before_the_disconnect() {
    for scene in scenes() {
        let mut scene = scene.connected();
        scene.send(QOS0, b"1");
        let mut wire = scene.wire_at_most(3);
        scene.disconnect(ReasonCode::SUCCESS);
        wire.extend(scene.wire());
        assert_eq!(wire, [scene.publish_packet(0x30, 0, b"1"), vec![0xE0, 0]].concat());
    }
}

/// Without it the server would publish the will.
#[test]
fn a_disconnect_leaves_though_the_control_lane_is_full() {
    // Six acknowledgements, and one byte is free.
    for scene in scenes_with(Room { control: 25, received: 8, ..Room::default() }) {
        let mut scene = scene.connected();
        for id in 1..=8 {
            let packet = scene.publish_packet(0x32, id, b"");
            let deliveries = scene.deliveries(&packet);
            assert!(scene.acknowledge(deliveries[0]));
        }
        scene.disconnect(ReasonCode::SUCCESS);
        let wire = scene.wire();
        assert_eq!(wire[wire.len() - 2..], [0xE0, 0]);
        assert_eq!(wire[..4], [0x40, 2, 0, 1]);
    }
}

#[test]
fn a_connect_that_is_not_wholly_sent_is_not_finished() {
    for mut scene in scenes() {
        let now = scene.now;
        scene.connect(now, &usual()).unwrap();
        scene.wire_at_most(5);
        scene.disconnect(ReasonCode::SUCCESS);
        assert_eq!((scene.state(), scene.wire()), (State::Closing, vec![]));
    }
}

#[test]
fn the_server_says_why_it_closes() {
    for scene in scenes_v5() {
        let mut scene = scene.connected();
        let events = scene.receives(&[0xE0, 1, 0x8E]);
        let [Event::Disconnected(disconnect)] = events[..] else { panic!("{events:?}") };
        assert_eq!((disconnect.reason, scene.state()), (ReasonCode::SESSION_TAKEN_OVER, State::Closing));
        // A client that publishes meanwhile is not told that it closed the session: it did not.
        let id = scene.send(QOS1, b"1");
        assert_eq!(scene.wire(), []);
        scene.lose_session();
        assert_eq!(scene.wire(), publish(scene.version, 0x32, id, b"1"));
    }
}

#[test]
fn a_server_of_3_1_1_cannot_disconnect() {
    for scene in scenes().filter(|scene| !scene.is_v5()) {
        let mut scene = scene.connected();
        assert_eq!(scene.fault(&[0xE0, 0]), ProtocolViolation::UnexpectedPacket.into());
        assert_eq!(scene.wire(), []);
    }
}

/// [MQTT-3.14.2-2]
#[test]
fn a_server_may_not_disconnect_with_a_session_expiry_interval() {
    for scene in scenes_v5() {
        let mut scene = scene.connected();
        let fault = scene.fault(&[0xE0, 7, 0x8B, 5, 0x11, 0, 0, 0, 1]);
        assert_eq!(fault, ProtocolViolation::DisconnectSessionExpiry.into());
        assert_eq!(scene.wire(), [0xE0, 1, 0x82]);
    }
}

#[test]
fn a_client_that_gives_up_is_told_how_far_each_message_got() {
    for scene in scenes() {
        let mut scene = scene.connected();
        let (released, sent) = (scene.send(QOS2, b"released"), scene.send(QOS1, b"sent"));
        scene.wire();
        scene.receives(&ack(PUBREC, released));
        let (queued, tracked) = (scene.send(QOS1, b"queued"), scene.send_tracked(b"tracked"));
        scene.send(QOS0, b"untold");
        assert!(scene.awaits_answer() && !scene.is_idle());
        scene.abandon();
        let unknown = Outcome::Unknown(Uncertainty::Closed);
        let rejected = Outcome::Rejected(Rejection::Closed);
        assert_eq!(scene.settled(), [(released, unknown), (sent, unknown), (queued, rejected), (tracked, rejected)]);
        assert!(scene.is_idle() && !scene.awaits_answer());
    }
}

/// Of the others the session tells each.
#[test]
fn a_client_that_gives_up_is_told_how_many_messages_that_nobody_asked_about_never_left() {
    for scene in scenes() {
        let mut scene = scene.connected();
        scene.send(QOS0, b"begun");
        scene.wire_at_most(1);
        scene.send(QOS0, b"1");
        scene.send_tracked(b"asked about");
        scene.send(QOS0, b"2");
        assert_eq!(scene.abandon(), 2);
    }
}

fn said(bytes: &[u8]) -> Properties<'_> {
    Properties::check(PropertyOwner::Packet(PacketType::Disconnect), bytes).unwrap()
}

#[test]
fn a_disconnect_may_carry_a_text_and_a_new_session_expiry() {
    for scene in scenes_v5() {
        let mut scene = scene.connected();
        let properties = said(b"\x11\0\0\0\x05\x1f\0\x03bye");
        assert_eq!(scene.disconnect_with(ReasonCode::DISCONNECT_WITH_WILL, properties), Ok(()));
        assert_eq!(scene.wire(), b"\xe0\x0d\x04\x0b\x11\0\0\0\x05\x1f\0\x03bye");
        assert_eq!((scene.state(), scene.wire()), (State::Closing, vec![]));
        scene.resume();
    }
}

/// [MQTT-3.14.2-3] [MQTT-3.14.2-4]: the largest packet that the server takes has 12 bytes, then 13.
#[test]
fn what_makes_a_disconnect_too_large_is_left_out() {
    let (text, user) = (&b"\x1f\0\x06so far"[..], &b"\x26\0\x02so\0\x02no"[..]);
    for bytes in [text, user] {
        let whole = [b"\xe0\x0b\x80\x09", bytes].concat();
        for (maximum, wire) in [(12, &b"\xe0\x01\x80"[..]), (13, &whole)] {
            for scene in scenes_v5() {
                let mut scene = scene.connected_by(&connack_with(false, &[0x27, 0, 0, 0, maximum]));
                assert_eq!(scene.disconnect_with(ReasonCode::UNSPECIFIED_ERROR, said(bytes)), Ok(()));
                assert_eq!(scene.wire(), wire);
            }
        }
    }
}

/// [MQTT-3.14.2-1] [U5-3.14.2.2.2-a]
#[test]
fn a_disconnect_that_a_client_may_not_send_is_refused_at_the_call() {
    for scene in scenes() {
        let mut scene = scene.connected();
        for code in [0x87, 0x89, 0x8B, 0x8D, 0x8E, 0x8F, 0x9A, 0x9B, 0x9C, 0x9D, 0xA2, 0x01, 0x92] {
            let reason = ReasonCode::new(code);
            assert_eq!(scene.disconnect_with(reason, Properties::NONE), Err(DisconnectError::NotAllowed), "{reason}");
        }
        let referring = scene.disconnect_with(ReasonCode::SUCCESS, said(b"\x1c\0\x01s"));
        let later = scene.disconnect_with(ReasonCode::SUCCESS, said(b"\x11\0\0\0\x05"));
        match scene.is_v5() {
            true => assert_eq!((referring, later), (Err(DisconnectError::NotAllowed), Ok(()))),
            false => assert_eq!((referring, later), (Err(DisconnectError::NeedsV5), Err(DisconnectError::NeedsV5))),
        }
    }
    for mut scene in scenes_v5() {
        scene.begin_with(&ConnectOptions { session_expiry_interval: 0, ..usual() });
        scene.receives(&connack_with(false, &[]));
        let kept = scene.disconnect_with(ReasonCode::SUCCESS, said(b"\x11\0\0\0\x05"));
        assert_eq!((kept, scene.state()), (Err(DisconnectError::SessionExpiry), State::Connected));
        assert_eq!(scene.disconnect_with(ReasonCode::SUCCESS, said(b"\x11\0\0\0\0")), Ok(()));
    }
}

/// A session that ends by its DISCONNECT is not asked for again.
#[test]
fn a_session_may_be_given_up_when_leaving() {
    for scene in scenes_v5() {
        let mut scene = scene.connected();
        scene.disconnect_with(ReasonCode::SUCCESS, said(b"\x11\0\0\0\0")).unwrap();
        scene.wire();
        scene.break_link();
        scene.begin();
        let fault = scene.fault(&connack_with(true, &[]));
        assert_eq!(fault, ProtocolViolation::SessionPresentUnexpected.into());
    }
}

#[test]
fn a_code_of_the_server_alone_becomes_an_unspecified_error() {
    for scene in scenes_v5() {
        let mut scene = scene.connected();
        scene.disconnect(ReasonCode::SESSION_TAKEN_OVER);
        assert_eq!(scene.wire(), [0xE0, 1, 0x80]);
    }
}

#[test]
fn messages_that_nobody_asked_about_are_counted_when_there_is_no_next_connection() {
    for scene in scenes() {
        let mut scene = scene.connected();
        scene.send(QOS0, b"written");
        scene.wire();
        scene.send(QOS0, b"begun");
        scene.wire_at_most(3);
        scene.send(QOS0, b"waits");
        scene.send(QOS0, &[7; SHARED_FROM]);
        scene.send_tracked(b"is told");
        scene.send(QOS1, b"is told");
        assert_eq!(scene.abandon(), 2, "{:?}", scene.kind);
        assert_eq!(scene.settled().len(), 2);
    }
}
