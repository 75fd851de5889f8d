//! A server that answers, but not this message.

use dunlin_codec::{PacketId, TopicFilter, Version};
use dunlin_session::{ConnectOptions, Outcome, PublishError, PublishOptions, Timeout, Uncertainty};

use crate::{
    memory::{Room, SHARED_FROM},
    scene::{QOS0, QOS1, QOS2, Scene, outcomes, scenes, scenes_of, scenes_with, usual},
    wire::{PUBACK, PUBCOMP, PUBREC, PUBREL, ack, ack_with, all, connack},
};

const TIMEOUT: u32 = 30_000;

fn patient() -> ConnectOptions<'static> {
    ConnectOptions { ack_timeout: TIMEOUT, keep_alive: 0, ..usual() }
}

/// Connected, or connected again, to a server that is not silent.
fn meet(scene: &mut Scene, session_present: bool) {
    scene.begin_with(&patient());
    let connack = connack(scene.version, session_present);
    scene.receives(&connack);
}

/// Everything that becomes due within so many milliseconds, while the server says something now and then.
fn wait(scene: &mut Scene, millis: u32) -> Vec<Timeout> {
    let (end, mut told) = (scene.now + millis, Vec::new());
    while let Some(at) = scene.poll_timeout().filter(|at| *at <= end) {
        scene.now = at;
        scene.receives(&[0xD0, 0]);
        told.extend(scene.handle_timeout(at));
    }
    scene.now = end;
    scene.receives(&[0xD0, 0]);
    told
}

fn stalled(id: u16, times: u8) -> Timeout {
    Timeout::AckStalled { id: PacketId::new(id).unwrap(), times }
}

#[test]
fn a_message_without_an_answer_is_told_while_others_have_theirs() {
    for mut scene in scenes() {
        meet(&mut scene, false);
        assert_eq!(scene.send(QOS1, b"never"), 1);
        scene.wire();
        let mut told = Vec::new();
        for second in 0..120 {
            let id = scene.send(QOS1, b"other");
            scene.wire();
            scene.receives(&ack(PUBACK, id));
            told.extend(wait(&mut scene, 1_000).into_iter().map(|timeout| (second, timeout)));
        }
        let after: Vec<u16> = told.iter().map(|(second, _)| *second).collect();
        assert_eq!(told.iter().map(|(_, t)| *t).collect::<Vec<_>>(), [stalled(1, 1), stalled(1, 2), stalled(1, 3)]);
        assert!(after[0] >= 30 && after[0] <= 90, "{after:?}");
        assert_eq!(outcomes(&scene.receives(&ack(PUBACK, 1))).len(), 1);
        assert_eq!(wait(&mut scene, 4 * TIMEOUT), [], "it came after all");
        assert_eq!(scene.poll_timeout(), None);
    }
}

/// The driver has it, but has not said that it is written.
#[test]
fn a_tracked_qos_0_message_before_it_is_not_waited_for() {
    for mut scene in scenes() {
        meet(&mut scene, false);
        scene.send_tracked(b"sent");
        let id = scene.send(QOS1, b"never");
        scene.taken();
        assert_eq!(wait(&mut scene, 3 * TIMEOUT).first(), Some(&stalled(id, 1)));
    }
}

/// Each step of QoS 2 has its own time.
#[test]
fn a_pubrel_without_a_pubcomp_is_found_behind_messages_that_go_on() {
    for mut scene in scenes() {
        meet(&mut scene, false);
        let id = scene.send(QOS2, b"half");
        scene.wire();
        assert_eq!(wait(&mut scene, TIMEOUT), []);
        scene.receives(&ack(PUBREC, id));
        scene.wire();
        let mut told = Vec::new();
        for _ in 0..100 {
            let other = scene.send(QOS1, b"other");
            scene.wire();
            told.extend(wait(&mut scene, 1_000));
            scene.receives(&ack(PUBACK, other));
        }
        assert_eq!(told.first(), Some(&stalled(id, 1)), "{told:?}");
    }
}

/// Though it was looked at for long before PUBREC came.
#[test]
fn the_time_of_a_pubcomp_begins_with_the_pubrec() {
    for mut scene in scenes() {
        meet(&mut scene, false);
        let id = scene.send(QOS2, b"slow");
        scene.wire();
        assert_eq!(wait(&mut scene, 2 * TIMEOUT - 1_000), []);
        scene.receives(&ack(PUBREC, id));
        scene.wire();
        assert_eq!(wait(&mut scene, TIMEOUT - 1_000), []);
        assert_eq!(wait(&mut scene, 2 * TIMEOUT).first(), Some(&stalled(id, 1)));
    }
}

#[test]
fn what_is_answered_in_time_is_never_told() {
    for mut scene in scenes_with(Room { slots: 3, ..Room::default() }) {
        meet(&mut scene, false);
        let mut waiting = None;
        for _ in 0..600 {
            let id = scene.send(QOS1, b"m");
            scene.wire();
            assert_eq!(wait(&mut scene, TIMEOUT - 1_000), []);
            // Its identifier is soon used again.
            if let Some(waiting) = waiting.replace(id) {
                scene.receives(&ack(PUBACK, waiting));
            }
        }
    }
}

/// While reading is stopped the answer cannot come.
#[test]
fn a_driver_that_does_not_read_does_not_count() {
    for mut scene in scenes() {
        meet(&mut scene, false);
        scene.send(QOS1, b"m");
        scene.wire();
        scene.handle_reading_stopped();
        assert_eq!(scene.poll_timeout(), None);
        scene.now = scene.now + 10 * TIMEOUT;
        let now = scene.now;
        scene.handle_reading_resumed(now);
        assert_eq!(wait(&mut scene, TIMEOUT - 1), []);
    }
}

#[test]
fn it_is_counted_over_connections() {
    for mut scene in scenes() {
        meet(&mut scene, false);
        let id = scene.send(QOS1, b"m");
        scene.wire();
        for times in 1..4 {
            let mut told = Vec::new();
            while told.is_empty() {
                told = wait(&mut scene, TIMEOUT);
            }
            assert_eq!(told, [stalled(id, times)]);
            scene.break_link();
            meet(&mut scene, true);
            assert_eq!(scene.wire(), scene.publish_packet(0x3A, id, b"m"));
        }
    }
}

/// There would be nothing left to do about it.
#[test]
fn what_is_given_up_is_not_told_again_and_the_next_one_is_found() {
    for mut scene in scenes() {
        meet(&mut scene, false);
        let ids = [scene.send(QOS1, b"1"), scene.send(QOS1, b"2")];
        scene.wire();
        assert_eq!(wait(&mut scene, 2 * TIMEOUT), [stalled(ids[0], 1)]);
        assert!(scene.give_up(PacketId::new(ids[0]).unwrap()));
        assert_eq!(wait(&mut scene, 3 * TIMEOUT), [stalled(ids[1], 1), stalled(ids[1], 2)]);
        assert!(scene.give_up(PacketId::new(ids[1]).unwrap()));
        assert_eq!(wait(&mut scene, 4 * TIMEOUT), []);
        assert_eq!(scene.poll_timeout(), None);
    }
}

/// Its identifier is that of a request now, which is not watched.
#[test]
fn what_was_answered_is_not_told_when_its_identifier_is_used_again() {
    for mut scene in scenes_with(Room { slots: 1, ..Room::default() }) {
        meet(&mut scene, false);
        let id = scene.send(QOS1, b"m");
        scene.wire();
        assert_eq!(wait(&mut scene, 2 * TIMEOUT), [stalled(id, 1)]);
        scene.receives(&ack(PUBACK, id));
        assert_eq!(scene.wire(), []);
        scene.unsubscribe(&[TopicFilter::new("t").unwrap()]).unwrap();
        scene.wire();
        assert_eq!(wait(&mut scene, 4 * TIMEOUT), []);
    }
}

#[test]
fn what_is_given_up_is_not_sent_again_and_its_identifier_rests() {
    for mut scene in scenes_with(Room { slots: 2, ..Room::default() }) {
        meet(&mut scene, false);
        let id = PacketId::new(scene.send(QOS1, b"m")).unwrap();
        scene.wire();
        assert!(scene.give_up(id) && !scene.give_up(id));
        assert!(scene.is_idle() && !scene.awaits_answer());
        for _ in 0..3 {
            assert_eq!(scene.send(QOS1, b"other"), 2);
            assert_eq!(scene.wire(), scene.publish_packet(0x32, 2, b"other"));
            assert_eq!(outcomes(&scene.receives(&ack(PUBACK, 2))).len(), 1);
        }
        scene.break_link();
        meet(&mut scene, true);
        assert_eq!(scene.wire(), []);
        assert_eq!(scene.receives(&ack(PUBACK, 1)), [], "nobody waits for it any more");
        assert_eq!([scene.send(QOS1, b"a"), scene.send(QOS1, b"b")], [2, 1], "the identifier is free again");
        assert_eq!(scene.settled(), []);
    }
}

/// [MQTT-4.3.3-4] holds for it all the same.
#[test]
fn the_handshake_of_a_message_that_was_given_up_ends_when_the_server_goes_on_with_it() {
    for released in [false, true] {
        for mut scene in scenes() {
            meet(&mut scene, false);
            let id = scene.send(QOS2, b"m");
            scene.wire();
            if released {
                scene.receives(&ack(PUBREC, id));
                scene.wire();
            }
            assert!(scene.give_up(PacketId::new(id).unwrap()));
            assert!(scene.is_idle());
            assert_eq!(scene.receives(&ack(PUBREC, id)), []);
            assert_eq!(scene.wire(), ack(PUBREL, id));
            assert_eq!(scene.receives(&ack(PUBCOMP, id)), []);
            assert_eq!(scene.settled(), []);
            if scene.is_v5() {
                scene.receives(&ack_with(PUBREC, id, 0));
                assert_eq!(scene.wire(), ack_with(PUBREL, id, 0x92), "it stands for nothing now");
            }
        }
    }
}

/// A PUBREC that refuses is the end of it [MQTT-4.3.3-4].
#[test]
fn a_message_that_was_given_up_may_be_refused_after_all() {
    for mut scene in scenes_of(Version::V5, Room { slots: 1, ..Room::default() }) {
        meet(&mut scene, false);
        let id = scene.send(QOS2, b"m");
        scene.wire();
        assert!(scene.give_up(PacketId::new(id).unwrap()));
        assert_eq!(scene.publish(b"", PublishOptions::qos(QOS1)), Err(PublishError::Full));
        assert_eq!(scene.receives(&ack_with(PUBREC, id, 0x97)), []);
        assert_eq!(scene.wire(), [], "there is nothing to release");
        assert_eq!(scene.send(QOS1, b""), id);
    }
}

#[test]
fn a_server_that_lost_the_session_gives_the_identifiers_back() {
    for mut scene in scenes_with(Room { slots: 2, ..Room::default() }) {
        meet(&mut scene, false);
        let ids = [scene.send(QOS1, b"1"), scene.send(QOS2, b"2")];
        scene.wire();
        assert!(ids.iter().all(|id| scene.give_up(PacketId::new(*id).unwrap())));
        scene.break_link();
        meet(&mut scene, false);
        scene.send(QOS1, b"a");
        scene.send(QOS1, b"b");
        let expected = all(&[scene.publish_packet(0x32, 1, b"a"), scene.publish_packet(0x32, 2, b"b")]);
        assert_eq!(scene.wire(), expected);
    }
}

/// The server still counts them [MQTT-4.9.0-1].
#[test]
fn what_was_given_up_counts_against_the_quota_of_the_next_connection_too() {
    for mut scene in scenes() {
        if !scene.is_v5() {
            continue;
        }
        let two = |present| crate::wire::connack_with(present, &[0x21, 0, 2]);
        scene.begin_with(&patient());
        scene.receives(&two(false));
        let id = scene.send(QOS1, b"given up");
        scene.wire();
        scene.give_up(PacketId::new(id).unwrap());
        for present in [false, true] {
            if present {
                scene.break_link();
                scene.begin_with(&patient());
                scene.receives(&two(true));
            } else {
                scene.send(QOS1, b"1");
                scene.send(QOS1, b"2");
            }
            let first_byte = if present { 0x3A } else { 0x32 };
            assert_eq!(scene.wire(), scene.publish_packet(first_byte, 2, b"1"), "one at a time");
        }
    }
}

#[test]
fn only_what_was_sent_and_waits_can_be_given_up() {
    for mut scene in scenes() {
        let waits = scene.send(QOS1, b"queued");
        let free = PacketId::new(7).unwrap();
        let waits = PacketId::new(waits).unwrap();
        assert!(!scene.give_up(waits) && !scene.give_up(free));
        let tracked = PacketId::new(scene.send_tracked(b"0")).unwrap();
        meet(&mut scene, false);
        scene.taken();
        assert!(!scene.give_up(tracked), "QoS {QOS0:?} waits for no answer");
        scene.abandon();
        assert!(scene.settled().contains(&(waits.get(), Outcome::Unknown(Uncertainty::Closed))));
    }
}

/// A payload beside the log is part of the message, though its head has left.
#[test]
fn a_message_whose_payload_waits_was_not_sent_and_cannot_be_given_up() {
    for mut scene in scenes() {
        meet(&mut scene, false);
        let payload = vec![7; SHARED_FROM];
        scene.send(QOS1, &payload);
        let whole = scene.publish_packet(0x32, 1, &payload);
        let head = scene.wire_at_most(whole.len() - payload.len());
        assert!(!scene.give_up(PacketId::new(1).unwrap()));
        scene.send(QOS0, b"behind");
        let behind = scene.publish_packet(0x30, 0, b"behind");
        assert_eq!([head, scene.wire()].concat(), [whole, behind].concat());
    }
}

#[test]
fn the_message_that_went_out_first_on_this_connection_is_known() {
    for mut scene in scenes() {
        let first = |scene: &mut Scene| scene.first_begun().map(PacketId::get);
        meet(&mut scene, false);
        scene.send(QOS0, b"zero");
        assert_eq!(first(&mut scene), None);
        let ids = [QOS2, QOS1, QOS2].map(|options| scene.send(options, b"one"));
        assert_eq!(first(&mut scene), None, "nothing has left");
        scene.wire();
        assert_eq!(first(&mut scene), Some(ids[0]));
        scene.receives(&ack(PUBREC, ids[0]));
        assert_eq!(first(&mut scene), Some(ids[1]), "messages come before releases");
        for again in [false, true] {
            if again {
                let now = scene.now;
                scene.handle_connection_lost(now);
                meet(&mut scene, true);
                assert_eq!(first(&mut scene), Some(ids[0]), "of what was sent before only the release is left for now");
            }
            scene.wire();
            assert_eq!(first(&mut scene), Some(ids[1]));
        }
        scene.receives(&ack(PUBACK, ids[1]));
        scene.receives(&ack(PUBREC, ids[2]));
        assert_eq!(first(&mut scene), Some(ids[0]));
        scene.wire();
        scene.receives(&ack(PUBCOMP, ids[0]));
        assert_eq!(first(&mut scene), Some(ids[2]));
        scene.receives(&ack(PUBCOMP, ids[2]));
        assert_eq!(first(&mut scene), None);
    }
}
