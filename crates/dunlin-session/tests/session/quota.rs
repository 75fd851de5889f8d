//! The server's Receive Maximum.

use dunlin_codec::{Properties, ReasonCode, SubscriptionFilter, SubscriptionOptions, TopicFilter, Version};
use dunlin_session::{ConnectOptions, Event};

use crate::{
    memory::Room,
    scene::{QOS0, QOS1, QOS2, Scene, scenes, scenes_of, scenes_v5, usual},
    wire::{PUBACK, PUBCOMP, PUBREC, PUBREL, ack, ack_with, all, connack, connack_with, packet},
};

fn maximum(receive_maximum: u8) -> Vec<u8> {
    connack_with(false, &[0x21, 0, receive_maximum])
}

fn resumed_with(scene: &mut Scene, receive_maximum: u8) {
    scene.break_link();
    scene.meet(&connack_with(true, &[0x21, 0, receive_maximum]));
}

#[test]
fn no_more_are_in_flight_and_each_end_lets_one_more_go() {
    for scene in scenes_v5() {
        let mut scene = scene.connected_by(&maximum(2));
        for payload in 0..6 {
            scene.send(if payload % 2 == 0 { QOS1 } else { QOS2 }, &[payload]);
        }
        let packet =
            |scene: &Scene, id: u8| scene.publish_packet(if id % 2 == 1 { 0x32 } else { 0x34 }, id.into(), &[id - 1]);
        assert_eq!(scene.wire(), all(&[packet(&scene, 1), packet(&scene, 2)]));
        scene.receives(&ack(PUBACK, 1));
        assert_eq!(scene.wire(), packet(&scene, 3));
        scene.receives(&ack(PUBREC, 2));
        assert_eq!(scene.wire(), ack(PUBREL, 2), "a PUBREC frees nothing");
        scene.receives(&ack(PUBCOMP, 2));
        assert_eq!(scene.wire(), packet(&scene, 4));
        scene.receives(&ack_with(PUBREC, 4, 0x97));
        assert_eq!(scene.wire(), packet(&scene, 5), "a refusal frees");
        scene.receives(&ack_with(PUBACK, 3, 0x97));
        assert_eq!(scene.wire(), packet(&scene, 6));
    }
}

/// One order for all: QoS 0 does not overtake. [MQTT-4.9.0-3]: everything else goes on.
#[test]
fn what_is_queued_behind_waits_too_but_control_packets_do_not() {
    for scene in scenes_v5() {
        let mut scene = scene.connected_by(&maximum(1));
        scene.send(QOS2, b"1");
        scene.send(QOS1, b"2");
        scene.send(QOS0, b"3");
        assert_eq!(scene.wire(), scene.publish_packet(0x34, 1, b"1"));
        let inbound = scene.publish_packet(0x34, 9, b"in");
        let deliveries = scene.deliveries(&inbound);
        scene.acknowledge(deliveries[0]);
        scene.receives(&ack(PUBREC, 1));
        assert_eq!(scene.wire(), all(&[ack(PUBREC, 9), ack(PUBREL, 1)]));
        scene.receives(&ack(PUBCOMP, 1));
        assert_eq!(scene.wire(), all(&[scene.publish_packet(0x32, 2, b"2"), scene.publish_packet(0x30, 0, b"3")]));
    }
}

#[test]
fn a_quota_of_our_own_holds_in_both_versions() {
    for mut scene in scenes() {
        scene.begin_with(&ConnectOptions { send_maximum: 1, ..usual() });
        let accepted = connack(scene.version, false);
        scene.receives(&accepted);
        scene.send(QOS1, b"1");
        scene.send_tracked(b"2");
        scene.send(QOS1, b"3");
        let first = all(&[scene.publish_packet(0x32, 1, b"1"), scene.publish_packet(0x30, 0, b"2")]);
        assert_eq!(scene.wire(), first);
        scene.receives(&ack(PUBACK, 1));
        assert_eq!(scene.wire(), scene.publish_packet(0x32, 3, b"3"));
    }
}

#[test]
fn a_server_that_takes_fewer_after_a_resumption_is_sent_fewer() {
    for scene in scenes_v5() {
        let mut scene = scene.connected_by(&maximum(4));
        for payload in [b"1", b"2", b"3", b"4"] {
            scene.send(QOS1, payload);
        }
        scene.wire();
        resumed_with(&mut scene, 2);
        assert_eq!(scene.wire(), all(&[scene.publish_packet(0x3A, 1, b"1"), scene.publish_packet(0x3A, 2, b"2")]));
        scene.receives(&ack(PUBACK, 2));
        assert_eq!(scene.wire(), scene.publish_packet(0x3A, 3, b"3"));
    }
}

/// PUBRELs that wait for their PUBCOMP are in flight: more of them than are allowed now go out all the same.
#[test]
fn pubrels_count_and_never_wait() {
    for scene in scenes_v5() {
        let mut scene = scene.connected_by(&maximum(4));
        for payload in [b"1", b"2", b"3"] {
            scene.send(QOS2, payload);
        }
        scene.wire();
        scene.receives(&all(&[1, 2, 3].map(|id| ack(PUBREC, id))));
        scene.wire();
        let id = scene.send(QOS1, b"4");
        resumed_with(&mut scene, 2);
        assert_eq!(scene.wire(), all(&[1, 2, 3].map(|id| ack(PUBREL, id))));
        scene.receives(&ack(PUBCOMP, 1));
        assert_eq!(scene.wire(), []);
        scene.receives(&ack(PUBCOMP, 3));
        assert_eq!(scene.wire(), scene.publish_packet(0x32, id, b"4"));
        let other = scene.send(QOS1, b"5");
        assert_eq!(scene.wire(), []);
        scene.receives(&ack(PUBCOMP, 2));
        assert_eq!(scene.wire(), scene.publish_packet(0x32, other, b"5"));
    }
}

#[test]
fn the_quota_is_that_of_the_connection() {
    for scene in scenes_v5() {
        let mut scene = scene.connected_by(&maximum(1));
        for payload in [b"1", b"2", b"3"] {
            scene.send(QOS1, payload);
        }
        scene.wire();
        resumed_with(&mut scene, 3);
        assert_eq!(scene.wire().iter().filter(|byte| matches!(byte, 0x32 | 0x3A)).count(), 3 + 1, "and b'2'");
        for id in 1..=3 {
            assert!(matches!(scene.receives(&ack(PUBACK, id))[..], [Event::Settled { .. }]));
        }
        // What is freed does not add up beyond the maximum.
        for payload in [b"4", b"5", b"6", b"7"] {
            scene.send(QOS1, payload);
        }
        let expected = (4..=6).map(|id: u8| scene.publish_packet(0x32, id.into(), &[b'0' + id])).collect::<Vec<_>>();
        assert_eq!(scene.wire(), all(&expected));
    }
}

/// [MQTT-3.3.4-8]: whatever is no PUBLISH goes out at once.
#[test]
fn a_full_window_delays_nothing_but_messages() {
    let filter = TopicFilter::new("a").unwrap();
    let wants = [SubscriptionFilter { filter, options: SubscriptionOptions::new(QOS1) }];
    for scene in scenes_v5() {
        let mut scene = scene.connected_by(&maximum(2));
        scene.send(QOS1, b"1");
        scene.send(QOS2, b"2");
        scene.send(QOS1, b"waits");
        assert_eq!(scene.wire().iter().filter(|byte| matches!(byte, 0x32 | 0x34)).count(), 2 + 1, "and b'2'");
        let inbound = all(&[scene.publish_packet(0x32, 7, b""), scene.publish_packet(0x34, 8, b"")]);
        let deliveries = scene.deliveries(&inbound);
        scene.acknowledge(deliveries[0]);
        assert_eq!(scene.wire(), ack(PUBACK, 7));
        scene.acknowledge(deliveries[1]);
        assert_eq!(scene.wire(), ack(PUBREC, 8));
        scene.receives(&ack(PUBREL, 8));
        assert_eq!(scene.wire(), ack(PUBCOMP, 8));
        scene.receives(&ack(PUBREC, 2));
        assert_eq!(scene.wire(), ack(PUBREL, 2));
        scene.subscribe(&wants, Properties::NONE).unwrap();
        assert_eq!(scene.wire(), packet(0x82, &[0, 4, 0, 0, 1, b'a', 1]));
        scene.unsubscribe(&[filter]).unwrap();
        assert_eq!(scene.wire(), packet(0xA2, &[0, 5, 0, 0, 1, b'a']));
        scene.receives(&[0xD0, 0]);
        let due = scene.poll_timeout().expect("a ping");
        scene.now = due;
        assert_eq!(scene.handle_timeout(due), None);
        assert_eq!(scene.wire(), [0xC0, 0]);
        scene.disconnect(ReasonCode::SUCCESS);
        assert_eq!(scene.wire(), [0xE0, 0]);
    }
}

/// [MQTT-3.3.4-7] [MQTT-4.9.0-1]: without a Receive Maximum it is 65,535.
#[test]
fn a_server_that_names_no_maximum_takes_65_535() {
    for scene in scenes_of(Version::V5, Room { slots: 0xFFFF, log: 1 << 20, ..Room::default() }) {
        let mut scene = scene.connected();
        for _ in 0..0xFFFF {
            scene.send(QOS1, b"");
        }
        assert_eq!(scene.wire().len(), 0xFFFF * scene.publish_packet(0x32, 1, b"").len());
    }
}
