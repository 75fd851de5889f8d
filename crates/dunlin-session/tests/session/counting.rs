//! What a session says of how much there is.

use dunlin_codec::PacketId;

use crate::{
    memory::SHARED_FROM,
    scene::{QOS0, QOS1, QOS2, Scene, scenes, scenes_v5},
    wire::{PUBACK, PUBCOMP, PUBREC, ack, connack_with},
};

#[test]
fn what_waits_and_what_is_not_acknowledged_are_counted() {
    for scene in scenes() {
        let mut scene = scene.connected();
        scene.send(QOS0, b"zero");
        let one = scene.send(QOS1, b"one");
        scene.send(QOS0, b"zero");
        let two = scene.send(QOS2, &[b'2'; SHARED_FROM]);
        assert_eq!((scene.queued(), scene.unacknowledged()), (4, 0));
        assert!(!scene.has_left(PacketId::new(one).unwrap()));
        scene.wire();
        assert_eq!((scene.queued(), scene.unacknowledged()), (0, 2));
        assert!(scene.has_left(PacketId::new(one).unwrap()));
        scene.receives(&ack(PUBREC, two));
        assert_eq!((scene.queued(), scene.unacknowledged()), (0, 2), "its PUBCOMP is not there");
        scene.break_link();
        scene.send(QOS0, b"zero");
        scene.send(QOS0, b"zero");
        assert_eq!((scene.queued(), scene.unacknowledged()), (2, 2));
        let connack = crate::wire::connack(scene.version, true);
        scene.meet(&connack);
        assert!(!scene.has_left(PacketId::new(one).unwrap()), "not on this connection");
        scene.wire();
        scene.receives(&ack(PUBACK, one));
        scene.receives(&ack(PUBCOMP, two));
        assert_eq!((scene.queued(), scene.unacknowledged()), (0, 0));
        assert!(!scene.has_left(PacketId::new(one).unwrap()), "it is settled");
    }
}

/// Of three that were sent, the server now takes one at a time: none of them is new.
#[test]
fn what_waits_to_be_repeated_is_not_queued() {
    for mut scene in scenes_v5().map(Scene::connected) {
        for payload in [b"1", b"2", b"3"] {
            scene.send(QOS1, payload);
        }
        assert_eq!((scene.queued(), scene.unacknowledged()), (3, 0));
        scene.wire();
        scene.break_link();
        scene.meet(&connack_with(true, &[0x21, 0, 1]));
        assert_eq!(scene.wire(), scene.publish_packet(0x3A, 1, b"1"));
        assert_eq!((scene.queued(), scene.unacknowledged()), (0, 3));
    }
}

#[test]
fn a_ping_is_due_until_it_is_taken() {
    for scene in scenes() {
        let mut scene = scene.connected();
        assert!(!scene.is_ping_due());
        scene.now = scene.poll_timeout().unwrap();
        let now = scene.now;
        assert!(scene.handle_timeout(now).is_none() && scene.is_ping_due());
        assert_eq!(scene.wire(), [0xC0, 0]);
        assert!(!scene.is_ping_due());
    }
}
