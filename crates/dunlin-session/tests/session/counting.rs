//! What a session says of how much there is.

use dunlin_codec::PacketId;

use crate::{
    memory::SHARED_FROM,
    scene::{QOS0, QOS1, QOS2, scenes},
    wire::{PUBACK, PUBCOMP, PUBREC, ack},
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
        assert_eq!((scene.queued(), scene.unacknowledged()), (1, 2));
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
