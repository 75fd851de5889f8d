//! SUBSCRIBE and UNSUBSCRIBE.

use dunlin_codec::{
    PacketId, PacketType, Properties, PropertyOwner, ProtocolViolation, RetainHandling, SubscriptionFilter,
    SubscriptionOptions, TopicFilter,
};
use dunlin_session::{Event, RequestError};

use crate::{
    memory::Room,
    scene::{QOS1, QOS2, Scene, scenes, scenes_v5, scenes_with},
    wire::{PUBREL, ack, connack_with, packet},
};

fn filter(filter: &str) -> TopicFilter<'_> {
    TopicFilter::new(filter).unwrap()
}

fn wants<'f>(filters: &[&'f str]) -> Vec<SubscriptionFilter<'f>> {
    let options = SubscriptionOptions::new(QOS1);
    filters.iter().map(|text| SubscriptionFilter { filter: filter(text), options }).collect()
}

fn subscribe(scene: &mut Scene, filters: &[&str]) -> u16 {
    scene.subscribe(&wants(filters), Properties::NONE).unwrap().get()
}

fn suback(scene: &Scene, id: u8, codes: &[u8]) -> Vec<u8> {
    let properties: &[u8] = if scene.is_v5() { &[0] } else { &[] };
    packet(0x90, &[&[0, id], properties, codes].concat())
}

fn unsuback(scene: &Scene, id: u8, codes: &[u8]) -> Vec<u8> {
    if scene.is_v5() { packet(0xB0, &[&[0, id, 0], codes].concat()) } else { packet(0xB0, &[0, id]) }
}

#[test]
fn a_subscribe_is_answered_with_a_verdict_for_each_filter() {
    for scene in scenes() {
        let mut scene = scene.connected();
        let id = subscribe(&mut scene, &["a", "b/#"]);
        let properties: &[u8] = if scene.is_v5() { &[0] } else { &[] };
        let body = [&[0, 1][..], properties, &[0, 1, b'a', 1, 0, 3, b'b', b'/', b'#', 1]].concat();
        assert_eq!(scene.wire(), packet(0x82, &body));
        assert!(scene.awaits_answer());
        let answer = suback(&scene, 1, &[1, 0x80]);
        let events = scene.receives(&answer);
        let [Event::Subscribed(suback)] = events[..] else { panic!("{events:?}") };
        assert_eq!((suback.packet_id.get(), suback.codes), (id, &[1, 0x80][..]));
        assert!(!scene.awaits_answer());
    }
}

#[test]
fn options_and_properties_go_with_it_in_5_0_and_are_refused_in_3_1_1() {
    // Subscription Identifier 7.
    let properties = Properties::check(PropertyOwner::Packet(PacketType::Subscribe), &[0x0B, 7]).unwrap();
    let options = SubscriptionOptions {
        qos: QOS2,
        no_local: true,
        retain_as_published: true,
        retain_handling: RetainHandling::Never,
    };
    let wants = [SubscriptionFilter { filter: filter("a"), options }];
    for scene in scenes() {
        let mut scene = scene.connected();
        if scene.is_v5() {
            scene.subscribe(&wants, properties).unwrap();
            assert_eq!(scene.wire(), packet(0x82, &[0, 1, 2, 0x0B, 7, 0, 1, b'a', 0x2E]));
        } else {
            assert_eq!(scene.subscribe(&wants, Properties::NONE), Err(RequestError::NeedsV5));
            assert_eq!(scene.subscribe(&self::wants(&["a"]), properties), Err(RequestError::NeedsV5));
            assert_eq!(scene.wire(), []);
        }
    }
}

#[test]
fn an_unsubscribe_is_answered() {
    for scene in scenes() {
        let mut scene = scene.connected();
        let id = scene.unsubscribe(&[filter("a"), filter("b")]).unwrap();
        let properties: &[u8] = if scene.is_v5() { &[0] } else { &[] };
        assert_eq!(scene.wire(), packet(0xA2, &[&[0, 1][..], properties, &[0, 1, b'a', 0, 1, b'b']].concat()));
        let answer = unsuback(&scene, 1, &[0, 0x11]);
        let events = scene.receives(&answer);
        let [Event::Unsubscribed(unsuback)] = events[..] else { panic!("{events:?}") };
        assert_eq!((unsuback.packet_id, unsuback.codes.len()), (id, if scene.is_v5() { 2 } else { 0 }));
    }
}

#[test]
fn two_may_wait_and_are_answered_in_any_order() {
    for scene in scenes() {
        let mut scene = scene.connected();
        let (one, two) = (subscribe(&mut scene, &["a"]), scene.unsubscribe(&[filter("b")]).unwrap().get());
        scene.wire();
        let answers = [unsuback(&scene, two as u8, &[0]), suback(&scene, one as u8, &[0])].concat();
        assert!(matches!(scene.receives(&answers)[..], [Event::Unsubscribed(_), Event::Subscribed(_)]));
        assert_eq!(subscribe(&mut scene, &["c"]), 3, "a fresh identifier first");
    }
}

/// [MQTT-3.8.4-6]
#[test]
fn another_number_of_verdicts_is_a_fault() {
    for codes in [&[0][..], &[0, 0, 0]] {
        for scene in scenes() {
            let mut scene = scene.connected();
            subscribe(&mut scene, &["a", "b"]);
            scene.wire();
            let answer = suback(&scene, 1, codes);
            assert_eq!(scene.fault(&answer), ProtocolViolation::VerdictCount.into());
        }
    }
    for scene in scenes_v5() {
        let mut scene = scene.connected();
        scene.unsubscribe(&[filter("a")]).unwrap();
        scene.wire();
        let answer = unsuback(&scene, 1, &[]);
        assert_eq!(scene.fault(&answer), ProtocolViolation::VerdictCount.into());
    }
}

/// [MQTT-2.2.1-6]
#[test]
fn an_answer_to_no_request_or_of_the_wrong_kind_is_a_fault() {
    for kind in 0..5 {
        for scene in scenes() {
            let mut scene = scene.connected();
            match kind {
                0 => drop(scene.unsubscribe(&[filter("a")]).unwrap()),
                1 => drop(subscribe(&mut scene, &["a"])),
                2 | 3 => drop(scene.send(QOS1, b"")),
                _ => {}
            }
            scene.wire();
            let answer = if kind % 2 == 0 { suback(&scene, 1, &[0]) } else { unsuback(&scene, 1, &[0]) };
            assert_eq!(scene.fault(&answer), ProtocolViolation::AcknowledgedUnknown.into(), "{kind}");
        }
    }
}

#[test]
fn a_request_dies_with_its_connection_and_its_identifier_is_free() {
    for scene in scenes_with(Room { slots: 2, ..Room::default() }) {
        let mut scene = scene.connected();
        subscribe(&mut scene, &["a"]);
        scene.send(QOS1, b"");
        scene.wire();
        assert_eq!(scene.subscribe(&wants(&["b"]), Properties::NONE), Err(RequestError::Full));
        scene.resume();
        assert_eq!(scene.wire(), scene.publish_packet(0x3A, 2, b""));
        assert_eq!(subscribe(&mut scene, &["b"]), 1);
    }
}

#[test]
fn a_refused_request_leaves_no_trace() {
    for scene in scenes_v5() {
        let mut scene = scene.connected_by(&connack_with(false, &[0x27, 0, 0, 0, 12]));
        let shared = SubscriptionFilter {
            filter: filter("$share/g/a"),
            options: SubscriptionOptions { no_local: true, ..SubscriptionOptions::default() },
        };
        for _ in 0..100 {
            assert_eq!(scene.subscribe(&[], Properties::NONE), Err(RequestError::NoFilters));
            assert_eq!(scene.unsubscribe(&[]), Err(RequestError::NoFilters));
            assert_eq!(scene.subscribe(&[shared], Properties::NONE), Err(RequestError::SharedNoLocal));
            assert_eq!(scene.subscribe(&wants(&["12345678"]), Properties::NONE), Err(RequestError::TooLarge));
        }
        assert!(!scene.awaits_answer());
        subscribe(&mut scene, &["1"]);
        assert_eq!(scene.wire().len(), 9);
    }
}

#[test]
fn a_request_that_the_lane_can_never_hold_is_too_large_and_one_that_it_cannot_hold_now_is_not() {
    for scene in scenes_with(Room { control: 40, ..Room::default() }) {
        let mut scene = scene.connected();
        let long = "x".repeat(40);
        assert_eq!(scene.subscribe(&wants(&[&long]), Properties::NONE), Err(RequestError::TooLarge));
        subscribe(&mut scene, &[&long[..20]]);
        assert_eq!(scene.subscribe(&wants(&[&long[..20]]), Properties::NONE), Err(RequestError::Full));
        scene.wire();
        assert_eq!(scene.subscribe(&wants(&[&long[..20]]), Properties::NONE).map(PacketId::get), Ok(4));
    }
}

/// Requests do not wait for the quota of messages.
#[test]
fn a_request_goes_out_before_messages_that_wait() {
    for scene in scenes_v5() {
        let mut scene = scene.connected_by(&connack_with(false, &[0x21, 0, 1]));
        scene.send(QOS1, b"1");
        scene.send(QOS1, b"2");
        scene.wire();
        let id = subscribe(&mut scene, &["a"]);
        assert_eq!(scene.wire(), packet(0x82, &[0, id as u8, 0, 0, 1, b'a', 1]));
    }
}

/// [U5-3.2.2.3.11-a] [U5-3.2.2.3.12-a] [U5-3.2.2.3.13-a]: what CONNACK said the server does not have is not asked for.
#[test]
fn what_the_server_does_not_offer_is_refused_at_the_call() {
    let identifier = Properties::check(PropertyOwner::Packet(PacketType::Subscribe), &[0x0B, 7]).unwrap();
    for (property, refused, properties, error) in [
        (0x28, "a/#", Properties::NONE, RequestError::WildcardNotSupported),
        (0x28, "+", Properties::NONE, RequestError::WildcardNotSupported),
        (0x28, "$share/g/+/b", Properties::NONE, RequestError::WildcardNotSupported),
        (0x2A, "$share/g/a", Properties::NONE, RequestError::SharedNotSupported),
        (0x29, "a", identifier, RequestError::IdentifierNotSupported),
    ] {
        for (available, expected) in [(0, Err(error)), (1, Ok(()))] {
            for scene in scenes_v5() {
                let mut scene = scene.connected_by(&connack_with(false, &[property, available]));
                let result = scene.subscribe(&wants(&["b", refused]), properties).map(drop);
                assert_eq!(result, expected, "{refused} {property:02x}");
                assert_eq!(scene.wire().is_empty(), result.is_err());
                assert_eq!(scene.unsubscribe(&[filter(refused)]).map(drop), Ok(()), "to leave is always possible");
            }
        }
    }
}

/// [MQTT-3.8.3-2] [MQTT-3.10.3-2], in 3.1.1 [MQTT-3.8.3-3].
#[test]
fn a_request_for_nothing_is_refused_at_the_call() {
    for scene in scenes() {
        let mut scene = scene.connected();
        assert_eq!(scene.subscribe(&[], Properties::NONE), Err(RequestError::NoFilters));
        assert_eq!(scene.unsubscribe(&[]), Err(RequestError::NoFilters));
        assert_eq!((scene.wire(), scene.awaits_answer()), (vec![], false));
    }
}

/// [MQTT-3.2.2-15]: to the byte.
#[test]
fn a_request_may_be_as_large_as_the_server_takes_and_no_larger() {
    // The last is longer than what a lane that grows has had to hold so far.
    for maximum in [9, 10, 30, 120] {
        for scene in scenes_v5() {
            let mut scene = scene.connected_by(&connack_with(false, &[0x27, 0, 0, 0, maximum]));
            let text = "x".repeat(120);
            // Each has 5 bytes around its filters, and 2 before each; SUBSCRIBE has one behind it.
            let (subscribed, unsubscribed) = (usize::from(maximum) - 8, usize::from(maximum) - 7);
            assert_eq!(
                scene.subscribe(&wants(&[&text[..subscribed + 1]]), Properties::NONE),
                Err(RequestError::TooLarge)
            );
            assert_eq!(scene.unsubscribe(&[filter(&text[..unsubscribed + 1])]), Err(RequestError::TooLarge));
            assert_eq!(scene.wire(), []);
            subscribe(&mut scene, &[&text[..subscribed]]);
            assert_eq!(scene.wire().len(), usize::from(maximum));
            scene.unsubscribe(&[filter(&text[..unsubscribed])]).unwrap();
            assert_eq!(scene.wire().len(), usize::from(maximum));
        }
    }
}

/// [MQTT-3.9.3-1] [MQTT-3.11.3-1] [MQTT-3.8.4-7]: told as they came.
#[test]
fn verdicts_are_told_in_the_order_of_the_filters() {
    for scene in scenes() {
        let mut scene = scene.connected();
        subscribe(&mut scene, &["a", "b", "c", "d"]);
        scene.wire();
        let answer = suback(&scene, 1, &[2, 0x80, 0, 1]);
        let events = scene.receives(&answer);
        let [Event::Subscribed(suback)] = events[..] else { panic!("{events:?}") };
        assert_eq!(suback.codes, [2, 0x80, 0, 1]);
        if scene.is_v5() {
            let id = scene.unsubscribe(&[filter("a"), filter("b"), filter("c")]).unwrap().get();
            scene.wire();
            let answer = unsuback(&scene, id as u8, &[0x11, 0x87, 0]);
            let events = scene.receives(&answer);
            let [Event::Unsubscribed(unsuback)] = events[..] else { panic!("{events:?}") };
            assert_eq!(unsuback.codes, [0x11, 0x87, 0]);
        }
    }
}

/// Wherever the writes end, and whatever is in the lane around it.
#[test]
fn an_answer_to_a_request_that_was_not_wholly_written_is_a_fault() {
    for unsubscribes in [false, true] {
        for scene in scenes() {
            let mut scene = scene.connected();
            let first = subscribe(&mut scene, &["a"]);
            let id = match unsubscribes {
                true => scene.unsubscribe(&[filter("a")]).unwrap().get(),
                false => subscribe(&mut scene, &["a"]),
            };
            scene.receives(&ack(PUBREL, 9));
            let before = packet(0x82, &[0; 6]).len() + usize::from(scene.is_v5());
            let len = before - usize::from(unsubscribes);
            assert_eq!(scene.wire_at_most(before + len - 1).len(), before + len - 1);
            let answers = [
                suback(&scene, first as u8, &[1]),
                match unsubscribes {
                    true => unsuback(&scene, id as u8, &[0]),
                    false => suback(&scene, id as u8, &[1]),
                },
            ];
            assert_eq!(scene.receives(&answers[0]).len(), 1, "the first has left");
            assert_eq!(scene.fault(&answers[1]), ProtocolViolation::AcknowledgedEarly.into());
        }
    }
}

#[test]
fn an_answer_may_come_as_soon_as_its_request_has_left() {
    for scene in scenes() {
        let mut scene = scene.connected();
        // What was written before, and what waits behind it, changes nothing.
        scene.receives(&ack(PUBREL, 8));
        scene.wire();
        let id = subscribe(&mut scene, &["a"]);
        let len = packet(0x82, &[0; 6]).len() + usize::from(scene.is_v5());
        scene.receives(&ack(PUBREL, 9));
        assert_eq!(scene.wire_at_most(len)[0], 0x82);
        let answer = suback(&scene, id as u8, &[1]);
        assert_eq!(scene.receives(&answer).len(), 1);
    }
}
