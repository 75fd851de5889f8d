//! What comes in: an identifier is stored before the server is told that we have it, and deleted before the server may use
//! it again.

use dunlin_codec::{ReasonCode, Version};
use dunlin_session::Progress;

use crate::{
    memory::Room,
    scene::{Scene, scenes_with_store},
    store::Kept,
    wire::{PUBACK, PUBCOMP, PUBREC, PUBREL, ack, ack_with, all},
};

#[test]
fn a_pubrec_waits_until_its_identifier_is_stored_and_a_puback_for_nothing() {
    for scene in scenes_with_store() {
        let mut scene = scene.connected_and_stored();
        let incoming: Vec<_> = [(0x34, 7), (0x32, 8), (0x34, 9)]
            .into_iter()
            .map(|(first_byte, id)| scene.publish_packet(first_byte, id, b""))
            .collect();
        let deliveries = scene.deliveries(&all(&incoming));
        for delivery in deliveries.into_iter().rev() {
            assert!(scene.acknowledge(delivery) && !scene.acknowledge(delivery));
        }
        assert_eq!(scene.wire(), ack(PUBACK, 8));
        assert_eq!(scene.give(), [Kept::Received(9), Kept::Received(7)]);
        scene.stored(1);
        assert_eq!(scene.wire(), [], "[MQTT-4.6.0-3]: in the order of arrival");
        scene.stored(1);
        assert_eq!(scene.wire(), all(&[ack(PUBREC, 7), ack(PUBREC, 9)]));
    }
}

#[test]
fn a_repetition_is_answered_when_it_is_stored() {
    for scene in scenes_with_store() {
        let mut scene = scene.connected_and_stored();
        let incoming = scene.publish_packet(0x34, 7, b"");
        let delivery = scene.deliveries(&incoming)[0];
        scene.acknowledge(delivery);
        scene.resume();
        let repeated = scene.publish_packet(0x3C, 7, b"");
        assert_eq!(scene.receives(&repeated), []);
        assert_eq!(scene.wire(), []);
        assert_eq!(scene.store(), [Kept::Received(7)]);
        assert_eq!(scene.wire(), ack(PUBREC, 7));
    }
}

#[test]
fn a_refused_message_is_not_stored() {
    let mut scene = Scene::with_store(Version::V5).connected_and_stored();
    let incoming = scene.publish_packet(0x34, 7, b"");
    let delivery = scene.deliveries(&incoming)[0];
    assert_eq!(scene.acknowledge_with(delivery, ReasonCode::QUOTA_EXCEEDED), Ok(true));
    assert_eq!(scene.give(), []);
    assert_eq!(scene.wire(), ack_with(PUBREC, 7, 0x97));
}

#[test]
fn a_pubcomp_waits_until_its_identifier_is_deleted() {
    for scene in scenes_with_store() {
        let mut scene = scene.connected_and_stored();
        let incoming = scene.publish_packet(0x34, 7, b"");
        let delivery = scene.deliveries(&incoming)[0];
        scene.acknowledge(delivery);
        scene.store();
        scene.wire();
        scene.receives(&ack(PUBREL, 7));
        assert_eq!(scene.wire(), []);
        assert_eq!(scene.give(), [Kept::ReceivedDeleted(7)]);
        assert_eq!(scene.wire(), []);
        scene.stored(1);
        assert_eq!(scene.wire(), ack(PUBCOMP, 7));
    }
}

#[test]
fn a_pubcomp_waits_for_room_in_the_control_lane_too() {
    for scene in scenes_with_store() {
        let mut scene = scene.in_room(Room { control: 30, ..Room::default() }).connected_and_stored();
        let incoming = scene.publish_packet(0x34, 7, b"");
        let delivery = scene.deliveries(&incoming)[0];
        scene.acknowledge(delivery);
        scene.store();
        scene.wire();
        scene.receives(&ack(PUBREL, 7));
        let now = scene.now;
        while scene.handle_input(now, &ack(PUBREL, 60)) != Progress::Blocked {}
        scene.store();
        let wire = scene.wire();
        let (full, pubcomp) = wire.split_at(wire.len() - 4);
        assert!(full.len() > 30 - 4, "{wire:02x?}");
        assert_eq!(pubcomp, ack(PUBCOMP, 7));
    }
}

#[test]
fn a_pubcomp_is_not_sent_on_a_connection_on_which_nobody_asked() {
    for scene in scenes_with_store() {
        let mut scene = scene.connected_and_stored();
        let incoming = scene.publish_packet(0x34, 7, b"");
        let delivery = scene.deliveries(&incoming)[0];
        scene.acknowledge(delivery);
        scene.store();
        scene.wire();
        scene.receives(&ack(PUBREL, 7));
        scene.resume();
        let now = scene.now;
        assert_eq!(scene.handle_input(now, &ack(PUBREL, 7)), Progress::Blocked, "it is not deleted yet");
        scene.store();
        assert_eq!(scene.wire(), []);
        scene.receives(&ack(PUBREL, 7));
        let unknown = if scene.is_v5() { ack_with(PUBCOMP, 7, 0x92) } else { ack(PUBCOMP, 7) };
        assert_eq!(scene.wire(), unknown);
    }
}

#[test]
fn a_pubrel_is_not_taken_before_what_was_said_of_its_message_is_stored() {
    for scene in scenes_with_store() {
        let mut scene = scene.connected_and_stored();
        let incoming = scene.publish_packet(0x34, 7, b"");
        let delivery = scene.deliveries(&incoming)[0];
        scene.acknowledge(delivery);
        let now = scene.now;
        assert_eq!(scene.handle_input(now, &ack(PUBREL, 7)), Progress::Blocked);
        scene.store();
        assert_eq!(scene.wire(), ack(PUBREC, 7));
        scene.receives(&ack(PUBREL, 7));
        scene.store();
        assert_eq!(scene.wire(), ack(PUBCOMP, 7));
    }
}
