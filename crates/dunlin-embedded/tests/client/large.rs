use dunlin_codec::{Property, Qos, ReasonCode, Version};
use dunlin_embedded::{Cause, LargeMessages, Options};
use dunlin_session::Outcome;
use dunlin_testkit::{Message, ServerOptions};

use crate::scene::{FACES, Seen, TOPIC, VERSIONS, filter, message, options, play};
use crate::world::World;

/// The buffer has 64 bytes.
fn long() -> Vec<u8> {
    (0..=255).collect()
}

#[test]
fn large_messages_are_skipped_and_counted_and_do_not_come_again() {
    for (face, version) in FACES.into_iter().flat_map(|face| VERSIONS.map(|version| (face, version))) {
        for chunk in [1, 5, usize::MAX] {
            let world = World::strict(ServerOptions::new()).with_chunks(chunk);
            let subscriptions = [filter("#")];
            let options = Options { subscriptions: &subscriptions, ..options() };
            play(face, &world, version, &options, async |probe| {
                probe.expect(Seen::Connected(false)).await;
                probe.expect(Seen::Subscribed(vec![2], Some(0))).await;
                let long_topic = "t/".repeat(60) + "t";
                for qos in [Qos::AtMostOnce, Qos::AtLeastOnce, Qos::ExactlyOnce] {
                    for topic in [TOPIC, long_topic.as_str()] {
                        world.server(|server, now| server.publish(topic, long(), qos, false, now)).unwrap();
                    }
                    world.server(|server, now| server.publish(TOPIC, "short", qos, false, now)).unwrap();
                    probe.expect(message(TOPIC, "short")).await;
                }
                assert_eq!(probe.skipped(), 6);
                assert_eq!(probe.during(100).await, []);
            });
            world.server(|server, _| {
                assert_eq!(server.breaches(), []);
                let unanswered = format!("{:?}", server.clients());
                assert!(!unanswered.contains("Puback") && !unanswered.contains("Pubrec"), "{unanswered}");
            });
        }
    }
}

#[test]
fn a_large_message_is_told_in_parts_and_acknowledged_behind_the_last() {
    for (face, version) in FACES.into_iter().flat_map(|face| VERSIONS.map(|version| (face, version))) {
        for (qos, chunk) in [(Qos::AtMostOnce, 1), (Qos::AtLeastOnce, 9), (Qos::AtLeastOnce, usize::MAX)] {
            let world = World::strict(ServerOptions::new()).with_chunks(chunk);
            let subscriptions = [filter("#")];
            let options = Options { subscriptions: &subscriptions, large_messages: LargeMessages::Stream, ..options() };
            play(face, &world, version, &options, async |probe| {
                probe.expect(Seen::Connected(false)).await;
                probe.expect(Seen::Subscribed(vec![2], Some(0))).await;
                world.server(|server, now| server.publish(TOPIC, long(), qos, false, now)).unwrap();
                let Seen::Message { topic, payload, mut more, is_shortened: false } = probe.next().await else {
                    panic!("no message")
                };
                assert_eq!(topic, TOPIC);
                let mut whole = payload;
                while more > 0 {
                    let Seen::Part(part, left) = probe.next().await else { panic!("no part") };
                    assert_eq!(more - part.len(), left);
                    (whole, more) = ([whole, part].concat(), left);
                }
                assert_eq!(whole, long());
                world.server(|server, now| server.publish(TOPIC, "short", qos, false, now)).unwrap();
                probe.expect(message(TOPIC, "short")).await;
                assert_eq!((probe.skipped(), probe.during(100).await), (0, vec![]));
            });
            assert_eq!(world.server(|server, _| server.breaches()), []);
        }
    }
}

#[test]
fn properties_that_are_larger_than_the_buffer_leave_out_what_does_not_fit() {
    for face in FACES {
        for chunk in [1, 3, usize::MAX] {
            let world = World::strict(ServerOptions::new()).with_chunks(chunk);
            let subscriptions = [filter("#")];
            let options = Options { subscriptions: &subscriptions, large_messages: LargeMessages::Stream, ..options() };
            play(face, &world, Version::V5, &options, async |probe| {
                probe.expect(Seen::Connected(false)).await;
                probe.expect(Seen::Subscribed(vec![2], Some(0))).await;
                let name = "n".repeat(70);
                let large = [
                    Property::UserProperty(&name, &name),
                    Property::ContentType("text"),
                    Property::UserProperty("a", &name),
                    Property::MessageExpiryInterval(9),
                ]
                .into_iter()
                .fold(Message::new(TOPIC, "21.5").unwrap().with_qos(Qos::AtLeastOnce), |message, property| {
                    message.with_property(property).unwrap()
                });
                world.server(|server, now| server.publish_message(large, now));
                let mut whole = Vec::new();
                let Seen::Message { payload, more, is_shortened: true, .. } = probe.next().await else {
                    panic!("no message")
                };
                assert_eq!(probe.text.as_deref(), Some("text"));
                whole.extend(payload);
                let mut left = more;
                while left > 0 {
                    let Seen::Part(part, more) = probe.next().await else { panic!("no part") };
                    whole.extend(part);
                    left = more;
                }
                assert_eq!(whole, b"21.5");
                world.server(|server, now| server.publish(TOPIC, "short", Qos::AtMostOnce, false, now)).unwrap();
                probe.expect(message(TOPIC, "short")).await;
            });
            assert_eq!(world.server(|server, _| server.breaches()), []);
        }
    }
}

/// CONNACK, SUBACK and PUBACK with more to say than 64 bytes.
#[test]
fn answers_that_are_larger_than_the_buffer_are_understood() {
    let text = |id: u8, len: u8| [&[id, 0, len][..], &vec![b'x'; len.into()]].concat();
    let pair = [&[0x26, 0, 120][..], &[b'y'; 120], &[0, 90], &[b'z'; 90]].concat();
    let packet = |first: u8, head: &[u8], properties: &[u8], tail: &[u8]| {
        let length = |len: usize| if len < 128 { vec![len as u8] } else { vec![len as u8 | 0x80, (len >> 7) as u8] };
        let body = [head, &length(properties.len()), properties, tail].concat();
        [&[first][..], &length(body.len()), &body].concat()
    };
    let numbers = [0x21, 0, 9, 0x24, 1, 0x25, 1, 0x27, 0, 1, 0, 0, 0x22, 0, 0, 0x28, 1, 0x29, 1, 0x2A, 0, 0x13, 0, 30];
    let connack =
        packet(0x20, &[0, 0], &[&text(0x1F, 100)[..], &text(0x12, 23), &pair, &numbers, &text(0x1A, 90)].concat(), &[]);
    let suback = packet(0x90, &[0, 1], &[&pair[..], &text(0x1F, 80)].concat(), &[2]);
    let puback = packet(0x40, &[0, 2, 0x10], &[&text(0x1F, 120)[..], &pair].concat(), &[]);
    for face in FACES {
        for chunk in [1, 6, usize::MAX] {
            let (connack, suback, puback) = (connack.clone(), suback.clone(), puback.clone());
            let mut seen = Vec::new();
            let world = World::played(move |bytes| {
                seen.extend_from_slice(bytes);
                let len = seen.get(1).map_or(usize::MAX, |len| *len as usize + 2);
                if seen.len() < len {
                    return Vec::new();
                }
                let first = seen[0];
                seen.drain(..len);
                match first {
                    0x10 => connack.clone(),
                    0x82 => suback.clone(),
                    0x32 => puback.clone(),
                    _ => Vec::new(),
                }
            })
            .with_chunks(chunk);
            let subscriptions = [filter(TOPIC)];
            let options = Options { subscriptions: &subscriptions, ..options() };
            play(face, &world, Version::V5, &options, async |probe| {
                probe.expect(Seen::Connected(false)).await;
                assert_eq!(probe.text, Some("x".repeat(23)));
                probe.expect(Seen::Subscribed(vec![2], Some(0))).await;
                let id = probe.publish("on", Qos::AtLeastOnce).unwrap();
                probe.expect(Seen::Published(id, Outcome::Delivered(ReasonCode::NO_MATCHING_SUBSCRIBERS))).await;
            });
        }
    }
}

#[test]
fn a_large_packet_that_makes_no_sense_ends_the_connection() {
    let connack = b"\x20\x03\0\0\0".to_vec();
    let junk = |head: &[u8]| [head, &[b'x'; 200][..]].concat();
    for bad in [
        junk(b"\x30\xC0\x01\0\x01t\x90\x02"),
        junk(b"\x30\xC0\x01\0\x01t\x80\x01\x55"),
        junk(b"\x30\xC0\x01\0\x01t\x05\x03\x01\x00"),
        junk(b"\x30\xC0\x01\0\x01t\x05\x26\0\x02ab"),
        junk(b"\x30\xC0\x01\0\x01t\xFF\xFF\xFF\xFF"),
        junk(b"\x30\xC0\x01\x01\0t"),
    ] {
        for face in FACES {
            let bytes = [&connack[..], &bad].concat();
            let world = World::played(move |sent| if sent[0] == 0x10 { bytes.clone() } else { Vec::new() });
            play(face, &world, Version::V5, &options(), async |probe| {
                probe.expect(Seen::Connected(false)).await;
                assert!(matches!(probe.next().await, Seen::Disconnected(Cause::Fault(_), Some(_))), "{bad:02x?}");
            });
        }
    }
}

/// The link breaks in the middle of a payload; the whole message comes again.
#[test]
fn a_message_that_was_cut_off_comes_again() {
    for face in FACES {
        let world = World::strict(ServerOptions::new()).with_cuts([200]);
        let subscriptions = [filter(TOPIC)];
        let mut options = Options { subscriptions: &subscriptions, large_messages: LargeMessages::Stream, ..options() };
        options.connect.session_expiry_interval = 60;
        play(face, &world, Version::V5, &options, async |probe| {
            probe.expect(Seen::Connected(false)).await;
            probe.expect(Seen::Subscribed(vec![2], Some(0))).await;
            world.server(|server, now| server.publish(TOPIC, long(), Qos::AtLeastOnce, false, now)).unwrap();
            let mut begun = 0;
            let mut left = 1;
            while left > 0 {
                match probe.next().await {
                    Seen::Message { more, .. } => (begun, left) = (begun + 1, more),
                    Seen::Part(_, more) => left = more,
                    Seen::Disconnected(Cause::Link, Some(_)) | Seen::Connected(true) => {}
                    other => panic!("{other:?}"),
                }
            }
            assert_eq!(begun, 2);
        });
    }
}
