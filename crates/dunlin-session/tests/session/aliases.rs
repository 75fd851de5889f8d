//! Topics that the server names by an alias: for one connection, in memory that is bounded.

use dunlin_session::{ConnectOptions, Event};

use crate::{
    scene::{QOS2, Scene, scenes, scenes_v5, usual},
    wire::{connack_with, packet},
};

/// A QoS 0 message with this topic and alias, and the payload "p".
fn aliased(topic: &[u8], alias: u16) -> Vec<u8> {
    let [high, low] = alias.to_be_bytes();
    packet(0x30, &[&[0, topic.len() as u8], topic, &[3, 0x23, high, low, b'p']].concat())
}

fn allowing(maximum: u16) -> ConnectOptions<'static> {
    ConnectOptions { topic_alias_maximum: maximum, ..usual() }
}

/// Connected, with so many aliases allowed to the server.
fn meet(scene: &mut Scene, maximum: u16) {
    scene.begin_with(&allowing(maximum));
    let connack = connack_with(false, &[]);
    let events = scene.receives(&connack);
    assert!(matches!(events[..], [Event::Connected { .. }]));
}

/// The alias and payload of the only message.
fn told(scene: &mut Scene, input: &[u8]) -> (Vec<u8>, Option<Vec<u8>>) {
    match scene.receives(input)[..] {
        [Event::Message { publish, .. }] => {
            let alias = publish.properties.number(dunlin_codec::PropertyId::TopicAlias).expect("an alias") as u16;
            assert_eq!(publish.payload, b"p");
            (publish.topic.as_bytes().to_vec(), scene.topic(alias).map(<[u8]>::to_vec))
        }
        ref other => panic!("{other:?}"),
    }
}

#[test]
fn an_alias_stands_for_the_last_topic_it_came_with() {
    for mut scene in scenes_v5() {
        meet(&mut scene, 4);
        assert_eq!(told(&mut scene, &aliased(b"plant", 2)), (b"plant".to_vec(), Some(b"plant".to_vec())));
        assert_eq!(told(&mut scene, &aliased(b"", 2)), (vec![], Some(b"plant".to_vec())));
        assert_eq!(told(&mut scene, &aliased(b"leaf", 2)), (b"leaf".to_vec(), Some(b"leaf".to_vec())));
        assert_eq!(told(&mut scene, &aliased(b"a", 4)).1, Some(b"a".to_vec()));
        assert_eq!(told(&mut scene, &aliased(b"", 2)).1, Some(b"leaf".to_vec()));
        assert_eq!((scene.topic(1), scene.topic(0)), (None, None));
    }
}

/// [MQTT-3.3.2-10]: from 1 to what CONNECT said, in any order, and the first not less than the last.
#[test]
fn every_alias_up_to_our_maximum_is_taken() {
    for mut scene in scenes_v5() {
        meet(&mut scene, 4);
        for alias in [4, 1, 3, 2] {
            let topic = [b'a' + alias as u8];
            assert_eq!(told(&mut scene, &aliased(&topic, alias)), (topic.to_vec(), Some(topic.to_vec())));
        }
        for alias in 1..=4 {
            assert_eq!(told(&mut scene, &aliased(b"", alias)), (vec![], Some(vec![b'a' + alias as u8])));
        }
    }
}

/// Also with the topic of a message that was delivered before [MQTT-3.3.2-10].
#[test]
fn a_repeated_message_binds_its_alias_too() {
    for mut scene in scenes_v5() {
        meet(&mut scene, 4);
        let message = packet(0x34, b"\0\x01a\0\x07\x03\x23\0\x01");
        assert_eq!(scene.receives(&message).len(), 1);
        assert_eq!(scene.receives(&packet(0x3C, b"\0\x01b\0\x07\x03\x23\0\x01")).len(), 0);
        assert_eq!(scene.topic(1), Some(&b"b"[..]));
        assert_eq!(scene.send(QOS2, b"x"), 1, "inwards and outwards are apart");
    }
}

#[test]
fn an_alias_ends_with_its_connection() {
    for mut scene in scenes_v5() {
        meet(&mut scene, 4);
        told(&mut scene, &aliased(b"plant", 1));
        scene.break_link();
        scene.begin_with(&allowing(4));
        scene.receives(&connack_with(true, &[]));
        assert_eq!(scene.topic(1), None);
        assert_eq!(scene.fault(&aliased(b"", 1)).reason().get(), 0x82);
    }
}

#[test]
fn an_alias_above_what_was_allowed_or_never_bound_is_a_fault() {
    for (maximum, alias, topic, reason) in
        [(4, 5, &b"a"[..], 0x94), (4, 0, b"a", 0x94), (0, 1, b"a", 0x94), (4, 3, b"", 0x82), (4, u16::MAX, b"", 0x94)]
    {
        for mut scene in scenes_v5() {
            meet(&mut scene, maximum);
            told_nothing(&mut scene, topic, alias, reason);
        }
    }
}

fn told_nothing(scene: &mut Scene, topic: &[u8], alias: u16, reason: u8) {
    let fault = scene.fault(&aliased(topic, alias));
    assert_eq!(fault.reason().get(), reason, "{fault}");
    assert_eq!(scene.wire(), [0xE0, 1, reason]);
}

/// A slice has room for 8 bytes a topic, the heap for 32 bytes of them all.
#[test]
fn a_topic_that_has_no_room_ends_the_connection() {
    for mut scene in scenes_v5() {
        meet(&mut scene, 4);
        told(&mut scene, &aliased(b"12345678", 1));
        told_nothing(&mut scene, &[b't'; 33], 2, 0x97);
    }
}

/// As many as the options say, and there is memory for; 3.1.1 has none.
#[test]
fn the_server_is_told_how_many_aliases_there_may_be() {
    for (asked, in_slices, on_the_heap) in [(0, None, None), (3, Some(3), Some(3)), (900, Some(4), Some(900))] {
        for mut scene in scenes() {
            let now = scene.now;
            scene.connect(now, &allowing(asked)).unwrap();
            let wire = scene.wire();
            let expected: Option<u16> = match scene.kind {
                _ if !scene.is_v5() => None,
                crate::memory::Kind::Slices => in_slices,
                _ => on_the_heap,
            };
            let property =
                wire.windows(3).find(|bytes| bytes[0] == 0x22).map(|bytes| u16::from_be_bytes([bytes[1], bytes[2]]));
            assert_eq!(property, expected, "{wire:02x?}");
        }
    }
}
