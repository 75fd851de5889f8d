//! A connection that begins clean takes nothing along of the session before it.

use dunlin_codec::Connect;
use dunlin_session::{ConnectOptions, Outcome, Uncertainty};

use crate::{
    scene::{QOS1, QOS2, Scene, scenes, usual},
    wire::{PUBACK, PUBREC, PUBREL, ack, ack_with, all, connack},
};

/// No session outlives a connection.
fn connect_clean(scene: &mut Scene) {
    let (now, options) = (scene.now, ConnectOptions { session_expiry_interval: 0, clean_start: true, ..usual() });
    scene.connect(now, &options).unwrap();
    assert!(Connect::decode(&scene.wire()[2..]).unwrap().clean_start);
    let connack = connack(scene.version, false);
    assert_eq!(scene.receives(&connack).len(), 1);
}

/// [MQTT-3.1.2-4], in 3.1.1 [MQTT-3.1.2-6]
#[test]
fn nothing_is_repeated_and_nothing_is_known_of_what_came() {
    for mut scene in scenes() {
        connect_clean(&mut scene);
        let (released, sent, again) = (scene.send(QOS2, b"2"), scene.send(QOS2, b"2"), scene.send(QOS1, b"1"));
        scene.wire();
        scene.receives(&ack(PUBREC, released));
        let inbound = all(&[scene.publish_packet(0x34, 7, b"in"), scene.publish_packet(0x32, 8, b"in")]);
        let old = scene.deliveries(&inbound);
        scene.acknowledge(old[0]);
        scene.wire();
        scene.break_link();
        connect_clean(&mut scene);
        let unknown = Outcome::Unknown(Uncertainty::SessionLost);
        assert_eq!(scene.settled(), [(released, unknown), (sent, unknown)]);
        assert_eq!(scene.wire(), scene.publish_packet(0x32, again, b"1"), "as a new message, without DUP");
        let new = scene.deliveries(&inbound);
        assert_eq!(new.len(), 2, "the same identifiers stand for new messages");
        assert!(!scene.acknowledge(old[0]) && !scene.acknowledge(old[1]));
        for (delivery, answer) in new.into_iter().zip([ack(PUBREC, 7), ack(PUBACK, 8)]) {
            assert!(scene.acknowledge(delivery));
            assert_eq!(scene.wire(), answer);
        }
    }
}

#[test]
fn a_pubrel_of_the_session_before_means_nothing() {
    for mut scene in scenes() {
        connect_clean(&mut scene);
        let inbound = scene.publish_packet(0x34, 7, b"in");
        scene.deliveries(&inbound);
        scene.break_link();
        connect_clean(&mut scene);
        scene.receives(&ack(PUBREL, 7));
        assert_eq!(scene.wire(), if scene.is_v5() { ack_with(0x70, 7, 0x92) } else { ack(0x70, 7) });
    }
}

/// Nobody knows whether the server began a session with a CONNECT that was never answered: a message of that session is
/// not one of the session before, though it has its identifier.
#[test]
fn what_came_before_a_connect_that_was_not_answered_is_forgotten() {
    for mut scene in scenes() {
        connect_clean(&mut scene);
        let inbound = scene.publish_packet(0x34, 7, b"in");
        let old = scene.deliveries(&inbound);
        assert!(scene.acknowledge(old[0]));
        assert_eq!(scene.wire(), ack(PUBREC, 7));
        scene.break_link();
        scene.begin();
        scene.break_link();
        let connack = connack(scene.version, true);
        scene.meet(&connack);
        let new = scene.deliveries(&inbound);
        assert!(!scene.acknowledge(old[0]));
        assert!(scene.acknowledge(new[0]));
        assert_eq!(scene.wire(), ack(PUBREC, 7));
    }
}
