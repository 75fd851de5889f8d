//! Pings, and links that died without a word.

use dunlin_codec::{PacketId, Properties, SubscriptionFilter, SubscriptionOptions, TopicFilter, Version};
use dunlin_session::{ConnectOptions, Instant, Progress, Timeout};

use crate::{
    memory::Room,
    scene::{QOS0, QOS1, Scene, scenes, scenes_of, scenes_v5, usual},
    wire::{self, connack_with},
};

/// Keep alive 10 s, 4 s for an answer; connected at 1 s.
fn connected(mut scene: Scene) -> Scene {
    scene.begin_with(&ConnectOptions { keep_alive: 10, ping_timeout: 4_000, ..usual() });
    let connack = wire::connack(scene.version, false);
    scene.receives(&connack);
    scene
}

fn at(seconds: u64) -> Instant {
    Instant::from_millis(seconds * 1_000)
}

fn pings(scene: &mut Scene, seconds: u64) -> bool {
    scene.now = at(seconds);
    let now = scene.now;
    assert_eq!(scene.handle_timeout(now), None);
    scene.wire() == [0xC0, 0]
}

#[test]
fn a_ping_goes_out_when_nothing_else_was_asked() {
    for scene in scenes() {
        let mut scene = connected(scene);
        assert_eq!(scene.poll_timeout(), Some(at(11)));
        assert!(!pings(&mut scene, 10));
        assert!(pings(&mut scene, 11));
        assert_eq!(scene.poll_timeout(), Some(at(15)), "until then the server must say something");
        assert_eq!(scene.receives(&[0xD0, 0]), []);
        assert_eq!(scene.poll_timeout(), Some(at(21)));
        assert!(pings(&mut scene, 21));
    }
}

/// A link that is dead in one direction would never be noticed.
#[test]
fn neither_qos_0_nor_acknowledgements_nor_inbound_traffic_postpone_it() {
    for scene in scenes() {
        let mut scene = connected(scene);
        scene.now = at(9);
        scene.send(QOS0, b"out");
        scene.wire();
        let inbound = [scene.publish_packet(0x30, 0, b"in"), scene.publish_packet(0x32, 7, b"in")].concat();
        let delivery = scene.receives(&inbound).into_iter().find_map(|event| match event {
            dunlin_session::Event::Message { delivery, .. } => delivery,
            other => panic!("{other:?}"),
        });
        scene.acknowledge(delivery.unwrap());
        assert_eq!(scene.wire(), [0x40, 2, 0, 7]);
        assert!(pings(&mut scene, 11));
    }
}

#[test]
fn a_packet_that_must_be_answered_postpones_it() {
    for scene in scenes() {
        let mut scene = connected(scene);
        scene.now = at(9);
        let id = scene.send(QOS1, b"1");
        scene.wire();
        assert_eq!(scene.poll_timeout(), Some(at(13)));
        scene.receives(&wire::ack(wire::PUBACK, id));
        assert_eq!(scene.poll_timeout(), Some(at(19)));
        assert!(!pings(&mut scene, 18));
        assert!(pings(&mut scene, 19));
    }
}

#[test]
fn a_tracked_qos_0_message_is_no_question() {
    for scene in scenes() {
        let mut scene = connected(scene);
        scene.now = at(9);
        scene.send_tracked(b"1");
        scene.wire();
        assert_eq!(scene.poll_timeout(), Some(at(11)));
        // Nor is it one behind a message that is answered later.
        scene.send(QOS1, b"2");
        scene.wire();
        let puback = wire::ack(wire::PUBACK, 2);
        scene.now = at(10);
        scene.send_tracked(b"3");
        scene.wire();
        scene.receives(&puback);
        assert_eq!(scene.poll_timeout(), Some(at(19)));
    }
}

#[test]
fn a_question_is_found_before_a_tracked_message_and_among_acknowledgements() {
    for scene in scenes() {
        let mut scene = connected(scene);
        scene.now = at(9);
        scene.send(QOS1, b"1");
        scene.send_tracked(b"2");
        scene.wire();
        assert_eq!(scene.poll_timeout(), Some(at(13)));
        let pingresp = [0xD0, 0];
        scene.receives(&pingresp);
        // A SUBSCRIBE with an answer behind it asks, and the next answer alone does not.
        scene.now = at(12);
        let filter = TopicFilter::new("a").unwrap();
        scene
            .subscribe(&[SubscriptionFilter { filter, options: SubscriptionOptions::default() }], Properties::NONE)
            .unwrap();
        scene.receives(&wire::ack(wire::PUBREL, 9));
        scene.wire();
        assert_eq!(scene.poll_timeout(), Some(at(16)));
        scene.receives(&pingresp);
        scene.now = at(14);
        scene.receives(&wire::ack(wire::PUBREL, 9));
        scene.wire();
        assert_eq!(scene.poll_timeout(), Some(at(22)));
    }
}

/// Nor is the server silent because an answer to it waits for a slow link.
#[test]
fn an_answer_that_is_left_behind_a_question_asks_nothing() {
    for scene in scenes() {
        let mut scene = connected(scene);
        scene.now = at(9);
        let filter = TopicFilter::new("a").unwrap();
        let filters = [SubscriptionFilter { filter, options: SubscriptionOptions::default() }];
        scene.subscribe(&filters, Properties::NONE).unwrap();
        scene.receives(&wire::ack(wire::PUBREL, 9));
        let subscribe_len = if scene.is_v5() { 9 } else { 8 };
        assert_eq!(scene.wire_at_most(subscribe_len)[0], 0x82);
        scene.receives(&[0xD0, 0]);
        scene.now = at(12);
        assert_eq!(scene.wire()[0], 0x70);
        assert_eq!(scene.poll_timeout(), Some(at(19)), "the next ping; nothing is owed before");
    }
}

#[test]
fn a_server_that_does_not_answer_is_dead() {
    for scene in scenes() {
        let mut scene = connected(scene);
        assert!(pings(&mut scene, 11));
        assert_eq!(scene.handle_timeout(Instant::from_millis(14_999)), None);
        assert_eq!(scene.handle_timeout(at(15)), Some(Timeout::ServerSilent));
        assert_eq!((scene.poll_timeout(), scene.handle_timeout(at(16)), scene.wire()), (None, None, vec![]));
    }
}

#[test]
fn any_answer_proves_that_it_lives() {
    for scene in scenes() {
        let mut scene = connected(scene);
        assert!(pings(&mut scene, 11));
        scene.now = at(14);
        let other = scene.publish_packet(0x30, 0, b"other");
        scene.receives(&other);
        assert_eq!(scene.handle_timeout(at(15)), None);
        assert_eq!(scene.poll_timeout(), Some(at(21)));
    }
}

/// A packet of many megabytes takes longer than the server may be silent.
#[test]
fn a_part_of_a_packet_proves_it_too_but_only_when_it_is_new() {
    for scene in scenes() {
        let mut scene = connected(scene);
        assert!(pings(&mut scene, 11));
        let large = scene.publish_packet(0x30, 0, &[7; 500]);
        let incomplete = Progress::Incomplete { needed: large.len() };
        assert_eq!(scene.handle_input(at(14), &large[..100]), incomplete);
        assert_eq!(scene.handle_timeout(at(15)), None);
        assert!(pings(&mut scene, 21));
        assert_eq!(scene.handle_input(at(22), &large[..101]), incomplete);
        assert!(pings(&mut scene, 31));
        // That packet, and a part of the next which is smaller than it was.
        let next = [&large[..], &large[..50]].concat();
        let Progress::Packet { consumed, .. } = scene.handle_input(at(32), &next) else { panic!("a message") };
        assert!(pings(&mut scene, 41));
        assert_eq!(scene.handle_input(at(44), &next[consumed..]), incomplete);
        assert_eq!(scene.handle_timeout(at(45)), None);
        assert!(pings(&mut scene, 51));
        // The driver looks again, for another reason.
        assert_eq!(scene.handle_input(at(54), &next[consumed..]), incomplete);
        assert_eq!(scene.handle_timeout(at(55)), Some(Timeout::ServerSilent));
    }
}

/// A slow link: the server cannot answer a packet that it does not have.
#[test]
fn silence_counts_from_the_end_of_the_packet_that_asks() {
    for scene in scenes() {
        let mut scene = connected(scene);
        scene.send(QOS1, &[7; 60]);
        for second in 2..8 {
            scene.now = at(second);
            assert_eq!(scene.wire_at_most(10).len(), 10);
            assert_eq!(scene.handle_timeout(at(second)), None, "at {second} s");
        }
        scene.now = at(8);
        scene.wire();
        assert_eq!(scene.poll_timeout(), Some(at(12)));
        assert_eq!(scene.handle_timeout(at(12)), Some(Timeout::ServerSilent));
    }
}

/// Messages into a dead link do not keep it alive.
#[test]
fn a_ping_that_is_not_answered_counts_whatever_is_sent_after_it() {
    for scene in scenes() {
        let mut scene = connected(scene);
        assert!(pings(&mut scene, 11));
        for second in 12..15 {
            scene.now = at(second);
            scene.send(if second == 13 { QOS0 } else { QOS1 }, &[7; 60]);
            scene.wire();
            assert_eq!(scene.poll_timeout(), Some(at(15)));
        }
        assert_eq!(scene.handle_timeout(at(15)), Some(Timeout::ServerSilent));
    }
}

#[test]
fn a_link_that_takes_no_more_bytes_is_dead() {
    for scene in scenes() {
        let mut scene = connected(scene);
        scene.send(QOS1, &[7; 60]);
        scene.now = at(2);
        scene.wire_at_most(10);
        for second in 3..6 {
            // The driver looks what it could write, and cannot.
            scene.now = at(second);
            scene.take(at(second), 0);
            assert_eq!(scene.handle_timeout(at(second)), None);
        }
        assert_eq!(scene.handle_timeout(at(7)), Some(Timeout::ServerSilent));
    }
}

#[test]
fn while_reading_is_stopped_pings_go_out_and_silence_is_no_fault() {
    for scene in scenes() {
        let mut scene = connected(scene);
        scene.handle_reading_stopped();
        assert!(pings(&mut scene, 11));
        assert!(pings(&mut scene, 21));
        scene.handle_reading_resumed(at(25));
        assert_eq!(scene.poll_timeout(), Some(at(29)));
        assert_eq!(scene.handle_timeout(at(29)), Some(Timeout::ServerSilent));
    }
}

/// [MQTT-3.2.2-21]
#[test]
fn the_keep_alive_of_the_server_goes_before_ours() {
    for mut scene in scenes_v5() {
        scene.begin_with(&ConnectOptions { keep_alive: 10, ..usual() });
        scene.receives(&connack_with(false, &[0x13, 0, 3]));
        assert_eq!((scene.limits().keep_alive, scene.poll_timeout()), (3, Some(at(4))));
        assert!(pings(&mut scene, 4));
    }
}

/// [MQTT-3.1.2-21]: 0 turns it off.
#[test]
fn a_server_that_wants_no_pings_gets_none() {
    for mut scene in scenes_v5() {
        scene.begin_with(&ConnectOptions { keep_alive: 10, ..usual() });
        scene.receives(&connack_with(false, &[0x13, 0, 0]));
        assert_eq!((scene.limits().keep_alive, scene.poll_timeout()), (0, None));
        assert!(!pings(&mut scene, 1_000));
    }
}

#[test]
fn without_a_keep_alive_there_is_no_ping_but_a_question_must_be_answered() {
    for mut scene in scenes() {
        scene.begin_with(&ConnectOptions { keep_alive: 0, ping_timeout: 4_000, ..usual() });
        let connack = wire::connack(scene.version, false);
        scene.receives(&connack);
        assert_eq!(scene.poll_timeout(), None);
        scene.send(QOS1, b"1");
        scene.wire();
        assert_eq!(scene.poll_timeout(), Some(at(5)));
        assert_eq!(scene.handle_timeout(at(5)), Some(Timeout::ServerSilent));
    }
}

/// The driver must not spin on a deadline in the past.
#[test]
fn a_ping_that_finds_the_control_lane_full_goes_out_when_there_is_room() {
    for scene in scenes_of(Version::V5, Room { control: 24, ..Room::default() }) {
        let mut scene = connected(scene);
        for id in 1..=8 {
            let packet = scene.publish_packet(0x32, id, b"");
            let deliveries = scene.deliveries(&packet);
            assert!(scene.acknowledge(deliveries[0]), "{}", PacketId::new(id).unwrap());
        }
        assert_eq!(scene.handle_timeout(at(11)), None);
        assert!(scene.poll_timeout() > Some(at(11)));
        scene.now = at(11);
        let wire = scene.wire();
        assert_eq!(wire.iter().filter(|byte| **byte == 0xC0).count(), 1);
        assert_eq!(scene.poll_timeout(), Some(at(15)));
    }
}

/// The driver took all of it at once, and the link takes a part every second.
#[test]
fn silence_counts_from_the_end_of_what_the_driver_writes_out() {
    for scene in scenes() {
        let mut scene = connected(scene);
        scene.send(QOS1, &[7; 60]);
        scene.taken();
        for second in 2..8 {
            scene.written(at(second));
            assert_eq!(scene.handle_timeout(at(second)), None, "at {second} s");
        }
        scene.flushed();
        assert_eq!(scene.poll_timeout(), Some(at(11)));
        // What is written after it makes no difference any more.
        scene.now = at(9);
        scene.send(QOS0, &[7; 60]);
        scene.taken();
        scene.written(at(10));
        assert_eq!(scene.handle_timeout(at(11)), Some(Timeout::ServerSilent));
    }
}

/// Without a question nobody would look whether the link moves; so the ping that cannot go out is one.
#[test]
fn a_link_that_is_stuck_inside_a_qos_0_message_is_dead() {
    for takes_all in [false, true] {
        for scene in scenes() {
            let mut scene = connected(scene);
            scene.send(QOS0, &[7; 60]);
            scene.now = at(2);
            scene.wire_at_most(if takes_all { usize::MAX } else { 10 });
            assert_eq!(scene.handle_timeout(at(11)), None);
            assert_eq!(scene.poll_timeout(), Some(at(15)));
            // It moved once more.
            match takes_all {
                true => scene.written(at(14)),
                false => drop(scene.take(at(14), 5)),
            }
            drop(scene.take(at(14), 0));
            assert_eq!(scene.handle_timeout(at(15)), None);
            assert_eq!(scene.handle_timeout(at(18)), Some(Timeout::ServerSilent));
        }
    }
}
