//! What a server may not send: 5.0 is told why, 3.1.1 can only close.

use dunlin_codec::{DecodeError, ProtocolViolation};
use dunlin_session::{ConnectOptions, Progress, State};

use crate::{
    scene::{QOS1, QOS2, scenes, scenes_v5, usual},
    wire::{connack_with, packet},
};

#[test]
fn a_fault_ends_the_connection_and_5_0_is_told_why() {
    let faults: [(&[u8], u8); 16] = [
        (&[0x00, 0], 0x81),
        (&[0xF1, 0], 0x81),
        (&[0x30, 0xFF, 0xFF, 0xFF, 0xFF], 0x81),
        (&[0x36, 5, 0, 1, b't', 0, 1], 0x81),
        (&[0x30, 3, 0, 1, 0xFF], 0x81),
        (&[0x41, 2, 0, 1], 0x81),
        (&[0x60, 2, 0, 1], 0x81),
        (&[0xD0, 1, 0], 0x81),
        (&[0x40, 1, 0], 0x81),
        (&[0x40, 2, 0, 0], 0x82),
        (&[0x32, 6, 0, 1, b't', 0, 0, 0], 0x82),
        (&[0x30, 4, 0, 1, b'#', 0], 0x90),
        (&[0x10, 0], 0x82),
        (&[0xC0, 0], 0x82),
        (&[0x82, 6, 0, 1, 0, 1, b'a', 0], 0x82),
        (&[0xA2, 5, 0, 1, 0, 1, b'a'], 0x82),
    ];
    for (bytes, reason) in faults {
        for scene in scenes() {
            let mut scene = scene.connected();
            scene.send(QOS1, b"stays");
            let fault = scene.fault(bytes);
            assert_eq!((fault.reason().get(), scene.state()), (reason, State::Closing), "{bytes:02x?}");
            let farewell = [0xE0, 1, reason];
            assert_eq!(scene.wire(), if scene.is_v5() { &farewell[..] } else { &[] });
            // Once.
            let again = scene.fault(&[0x00, 0]);
            assert!(matches!(again, DecodeError::Malformed(_)));
            assert_eq!((scene.wire(), scene.poll_timeout()), (vec![], None));
            scene.lose_session();
            assert_eq!(scene.wire(), scene.publish_packet(0x32, 1, b"stays"));
        }
    }
}

#[test]
fn an_auth_that_nothing_asked_for_is_a_fault() {
    for scene in scenes() {
        let mut scene = scene.connected();
        let fault = scene.fault(&[0xF0, 0]);
        assert_eq!(fault.reason().get(), if scene.is_v5() { 0x82 } else { 0x81 });
    }
}

/// [MQTT-3.1.2-29]: PUBLISH, CONNACK and DISCONNECT may carry them all the same.
#[test]
fn texts_that_were_asked_not_to_be_sent_are_a_fault() {
    let (text, user) = (&b"\x1f\0\x02no"[..], &b"\x26\0\x01a\0\x01b"[..]);
    for properties in [text, user] {
        let len = properties.len() as u8;
        let answers = [
            packet(0x40, &[&[0, 1, 0, len], properties].concat()),
            packet(0x50, &[&[0, 2, 0, len], properties].concat()),
            packet(0x90, &[&[0, 3, len], properties, &[0]].concat()),
            packet(0x62, &[&[0, 9, 0, len], properties].concat()),
        ];
        for (wanted, answer) in [true, false].into_iter().flat_map(|wanted| answers.iter().map(move |a| (wanted, a))) {
            for mut scene in scenes_v5() {
                scene.begin_with(&ConnectOptions { request_problem_information: wanted, ..usual() });
                scene.receives(&connack_with(false, properties));
                scene.send(QOS1, b"");
                scene.send(QOS2, b"");
                let filter = dunlin_codec::TopicFilter::new("a").unwrap();
                let options = dunlin_codec::SubscriptionOptions::default();
                let wants = [dunlin_codec::SubscriptionFilter { filter, options }];
                scene.subscribe(&wants, dunlin_codec::Properties::NONE).unwrap();
                scene.wire();
                scene.receives(&packet(0x30, &[&[0, 1, b't', user.len() as u8], user].concat()));
                match wanted {
                    true => drop(scene.receives(answer)),
                    false => assert_eq!(scene.fault(answer), ProtocolViolation::ProblemInformation.into()),
                }
            }
        }
    }
}

/// A server of another protocol is told at its first byte, not when so many bytes came as its text seems to announce.
#[test]
fn what_cannot_become_a_connack_is_a_fault_at_its_first_byte() {
    for mut scene in scenes() {
        scene.begin();
        assert_eq!(scene.fault(b"H"), ProtocolViolation::FirstPacketNotConnack.into());
    }
}

#[test]
fn a_packet_may_come_byte_by_byte() {
    for scene in scenes() {
        let mut scene = scene.connected();
        let (now, message) = (scene.now, scene.publish_packet(0x30, 0, &[7; 200]));
        for len in 0..message.len() {
            let Progress::Incomplete { needed } = scene.handle_input(now, &message[..len]) else { panic!("at {len}") };
            assert!(needed > len && needed <= message.len());
        }
        assert!(
            matches!(scene.handle_input(now, &message), Progress::Packet { consumed, event: Some(_) } if consumed == message.len())
        );
    }
}

/// Any bytes whatever: no panic, and every call makes progress or says why not.
#[test]
fn no_input_is_too_strange() {
    let mut random = 1_u64;
    let mut next = move || {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) as usize
    };
    let types = [0x20, 0x30, 0x32, 0x34, 0x40, 0x50, 0x62, 0x70, 0x90, 0xB0, 0xD0, 0xE0, 0xF0];
    for _ in 0..2_000 {
        for scene in scenes() {
            let mut scene = scene.connected();
            for _ in 0..4 {
                scene.send(if next() % 2 == 0 { QOS1 } else { QOS2 }, b"1");
            }
            scene.wire_at_most(next() % 40);
            for _ in 0..4 {
                let body: Vec<u8> = (0..next() % 12).map(|_| [0, 0, 0, 1, 2, b't', next() as u8][next() % 7]).collect();
                let input = packet(types[next() % types.len()], &body);
                let now = scene.now;
                match scene.handle_input(now, &input) {
                    Progress::Packet { consumed, .. } => assert_eq!(consumed, input.len()),
                    Progress::Fault(_) => break,
                    other => panic!("{other:?} to {input:02x?}"),
                }
            }
            scene.wire();
            scene.resume();
            scene.wire();
        }
    }
}
