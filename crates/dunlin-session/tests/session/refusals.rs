//! What a server may say instead of a plain acceptance.

use dunlin_codec::{PacketType, PropertyId, ReasonCode, Version};
use dunlin_session::{Event, State};

use crate::{
    memory::Room,
    scene::{Scene, scenes_of, scenes_v5},
    wire::{connack_with, packet},
};

/// A CONNECT is answered by this: its code.
fn refused(scene: &mut Scene, connack: &[u8]) -> (ReasonCode, u8) {
    scene.begin();
    let events = scene.receives(connack);
    let [Event::Refused(connack)] = events[..] else { panic!("{events:?}") };
    assert_eq!((scene.state(), scene.wire()), (State::Closing, vec![]), "nothing is sent to it any more");
    scene.break_link();
    (connack.reason, connack.return_code)
}

/// [MQTT-3.2.2-8]
#[test]
fn every_code_of_a_refusal_is_told() {
    for mut scene in scenes_v5() {
        let listed = (0x80..=0xFF).map(ReasonCode::new).filter(|reason| reason.is_listed_for(PacketType::Connack));
        for reason in listed {
            assert_eq!(refused(&mut scene, &[0x20, 3, 0, reason.get(), 0]), (reason, reason.get()));
        }
    }
    for mut scene in scenes_of(Version::V3_1_1, Room::default()) {
        for (code, reason) in [
            (1, ReasonCode::UNSUPPORTED_PROTOCOL_VERSION),
            (2, ReasonCode::CLIENT_IDENTIFIER_NOT_VALID),
            (3, ReasonCode::SERVER_UNAVAILABLE),
            (4, ReasonCode::BAD_USER_NAME_OR_PASSWORD),
            (5, ReasonCode::NOT_AUTHORIZED),
        ] {
            assert_eq!(refused(&mut scene, &[0x20, 2, 0, code]), (reason, code));
        }
    }
}

/// [MQTT-3.1.2-2]: also in the form of 3.1.1, from a server that knows no other.
#[test]
fn that_the_server_does_not_speak_this_version_is_told_as_such() {
    for mut scene in scenes_v5() {
        for refusal in [&[0x20, 3, 0, 0x84, 0][..], &[0x20, 2, 0, 1]] {
            assert_eq!(refused(&mut scene, refusal).0, ReasonCode::UNSUPPORTED_PROTOCOL_VERSION);
        }
    }
}

/// [MQTT-3.14.0-1]: it may not, but some do; there is no reason to wait for more.
#[test]
fn a_server_that_disconnects_instead_of_answering_ends_the_connection() {
    for mut scene in scenes_v5() {
        scene.begin();
        let events = scene.receives(&[0xE0, 1, 0x89]);
        assert!(matches!(events[..], [Event::Disconnected(told)] if told.reason == ReasonCode::SERVER_BUSY));
        assert_eq!((scene.state(), scene.wire(), scene.poll_timeout()), (State::Closing, vec![], None));
    }
}

/// [MQTT-3.1.3-7] [MQTT-3.2.2-16], and [U5-3.2.2.3.16-a]: where to go instead.
#[test]
fn the_name_that_the_server_gives_and_the_server_that_it_names_are_told() {
    for mut scene in scenes_v5() {
        scene.begin();
        let accepted = connack_with(false, b"\x12\x00\x06auto-7");
        let events = scene.receives(&accepted);
        let [Event::Connected { connack, .. }] = events[..] else { panic!("{events:?}") };
        assert_eq!(connack.properties.text(PropertyId::AssignedClientIdentifier), Some("auto-7"));
        for code in [0x9C, 0x9D] {
            scene.break_link();
            scene.begin();
            let moved = packet(0x20, &[&[0, code, 8][..], b"\x1C\x00\x05other"].concat());
            let events = scene.receives(&moved);
            let [Event::Refused(connack)] = events[..] else { panic!("{events:?}") };
            assert_eq!(connack.properties.text(PropertyId::ServerReference), Some("other"));
        }
    }
}

/// [MQTT-3.1.2-28]: it was not asked for, and harms nobody.
#[test]
fn response_information_that_was_not_asked_for_is_told_all_the_same() {
    for mut scene in scenes_v5() {
        scene.begin();
        let accepted = connack_with(false, b"\x1A\x00\x04mine");
        let events = scene.receives(&accepted);
        let [Event::Connected { connack, .. }] = events[..] else { panic!("{events:?}") };
        assert_eq!(connack.properties.text(PropertyId::ResponseInformation), Some("mine"));
    }
}
