//! [MQTT-2.2.1-3]: one pool of identifiers for messages and requests, none of them 0, none in use twice.

use std::collections::VecDeque;

use dunlin_codec::{Properties, SubscriptionFilter, SubscriptionOptions, TopicFilter, Version};
use dunlin_session::{PublishError, PublishOptions};

use crate::{
    memory::{Kind, Room},
    scene::{QOS1, QOS2, Scene, scenes, scenes_of, scenes_with},
    wire::{PUBACK, PUBCOMP, PUBREC, ack, packet},
};

#[test]
fn they_count_up_from_1_and_are_never_in_use_twice_in_70_000_messages() {
    for scene in scenes_with(Room { slots: 0xFFFF, ..Room::default() }) {
        let mut scene = scene.connected();
        let mut in_use = vec![false; 0x1_0000];
        let mut waiting = VecDeque::new();
        in_use[0] = true;
        for n in 0..70_000_u32 {
            let qos = if n % 3 == 0 { QOS2 } else { QOS1 };
            let id = scene.send(qos, b"");
            assert!(!std::mem::replace(&mut in_use[usize::from(id)], true), "{id} at message {n}");
            assert!(n >= 64 || u32::from(id) == n + 1);
            waiting.push_back((id, qos));
            if n % 50 == 49 {
                scene.wire();
            }
            // Some are never acknowledged.
            while waiting.len() > 200 {
                let (id, qos) = waiting.remove(n as usize % 100).unwrap();
                if id % 1_000 != 7 {
                    answer(&mut scene, id, qos);
                    in_use[usize::from(id)] = false;
                }
            }
        }
    }
}

fn answer(scene: &mut Scene, id: u16, qos: dunlin_codec::Qos) {
    if qos == QOS1 {
        assert_eq!(scene.receives(&ack(PUBACK, id)).len(), 1);
    } else {
        scene.receives(&ack(PUBREC, id));
        scene.wire();
        assert_eq!(scene.receives(&ack(PUBCOMP, id)).len(), 1);
    }
}

#[test]
fn all_65_535_may_be_in_use() {
    for scene in scenes_of(Version::V3_1_1, Room { slots: 70_000, log: 1 << 20, ..Room::default() }) {
        let mut scene = scene.connected();
        for id in 1..=0xFFFF {
            assert_eq!(scene.send(QOS1, b""), id);
        }
        assert_eq!(scene.publish(b"", PublishOptions::qos(QOS1)), Err(PublishError::Full));
        assert_eq!(scene.wire().len(), 0xFFFF * 7);
        scene.receives(&ack(PUBACK, 0xFFFF));
        assert_eq!(scene.send(QOS1, b""), 0xFFFF);
    }
}

/// A table that grows stays as small as what is in flight.
#[test]
fn freed_ones_are_used_before_fresh_ones_from_64_on() {
    let room = Room { slots: 0xFFFF, ..Room::default() };
    for scene in scenes_of(Version::V5, room).filter(|scene| scene.kind != Kind::Slices) {
        let mut scene = scene.connected();
        for n in 0..1_000 {
            let id = scene.send(QOS1, b"");
            assert!(id <= 64, "{id} for message {n}");
            scene.wire();
            scene.receives(&ack(PUBACK, id));
        }
    }
}

#[test]
fn requests_and_tracked_messages_take_from_the_same_pool() {
    let filter = SubscriptionFilter { filter: TopicFilter::new("a").unwrap(), options: SubscriptionOptions::default() };
    for scene in scenes() {
        let mut scene = scene.connected();
        assert_eq!(scene.send(QOS1, b""), 1);
        assert_eq!(scene.subscribe(&[filter], Properties::NONE).unwrap().get(), 2);
        assert_eq!(scene.send_tracked(b""), 3);
        assert_eq!(scene.unsubscribe(&[filter.filter]).unwrap().get(), 4);
        assert_eq!(scene.send(QOS2, b""), 5);
    }
}

/// [MQTT-2.2.1-3], in 3.1.1 [MQTT-2.3.1-3]: PUBACK, PUBCOMP, SUBACK and UNSUBACK, and nothing before them.
#[test]
fn an_identifier_is_free_after_its_last_acknowledgement_and_not_before() {
    let filter = SubscriptionFilter { filter: TopicFilter::new("a").unwrap(), options: SubscriptionOptions::default() };
    for scene in scenes_with(Room { slots: 4, ..Room::default() }) {
        let mut scene = scene.connected();
        let (once, twice) = (scene.send(QOS1, b""), scene.send(QOS2, b""));
        let subscribe = scene.subscribe(&[filter], Properties::NONE).unwrap().get();
        let unsubscribe = scene.unsubscribe(&[filter.filter]).unwrap().get();
        scene.wire();
        let full =
            |scene: &mut Scene| assert_eq!(scene.publish(b"", PublishOptions::qos(QOS1)), Err(PublishError::Full));
        full(&mut scene);
        scene.receives(&ack(PUBREC, twice));
        scene.wire();
        full(&mut scene);
        let none: &[u8] = if scene.is_v5() { &[0] } else { &[] };
        let suback = packet(0x90, &[&subscribe.to_be_bytes()[..], none, &[0]].concat());
        let verdict: &[u8] = if scene.is_v5() { &[0, 0] } else { &[] };
        let unsuback = packet(0xB0, &[&unsubscribe.to_be_bytes()[..], verdict].concat());
        let answers =
            [(twice, ack(PUBCOMP, twice)), (unsubscribe, unsuback), (once, ack(PUBACK, once)), (subscribe, suback)];
        for (id, answer) in answers {
            scene.receives(&answer);
            assert_eq!(scene.send(QOS1, b""), id);
            full(&mut scene);
            scene.wire();
        }
    }
}
