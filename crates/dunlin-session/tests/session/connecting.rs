//! From CONNECT to CONNACK.

use dunlin_codec::{
    Connect, DecodeError, PacketType, Properties, PropertyId, PropertyOwner, ProtocolViolation, ReasonCode, TopicName,
    Version, Will,
};
use dunlin_session::{ConnectError, ConnectOptions, Event, Instant, Limits, RequestError, State, Timeout};

use crate::{
    memory::{Kind, Room},
    scene::{QOS0, QOS1, scenes, scenes_of, scenes_v5, scenes_with, usual},
    wire::{self, all, connack, connack_with},
};

#[test]
fn the_defaults_are_golden_bytes() {
    let golden_v3 = [&[0x10, 13, 0, 4][..], b"MQTT", &[4, 0x02, 0, 60, 0, 1, b'c']].concat();
    let golden_v5 = [&[0x10, 14, 0, 4][..], b"MQTT", &[5, 0x02, 0, 60, 0, 0, 1, b'c']].concat();
    let golden_slices = [&[0x10, 17, 0, 4][..], b"MQTT", &[5, 0x02, 0, 60, 3, 0x21, 0, 8, 0, 1, b'c']].concat();
    for mut scene in scenes() {
        let golden = match (scene.version, scene.kind) {
            (Version::V5, Kind::Slices) => &golden_slices,
            (Version::V5, _) => &golden_v5,
            _ => &golden_v3,
        };
        let now = scene.now;
        scene.connect(now, &ConnectOptions { client_id: "c", ..ConnectOptions::default() }).unwrap();
        assert_eq!(&scene.wire(), golden, "{:?}", scene.kind);
        assert_eq!(scene.state(), State::Connecting);
    }
}

#[test]
fn every_combination_of_options_is_said_as_it_was_given() {
    let topic = TopicName::new("gone").unwrap();
    let will = Will { topic, payload: b"bye", qos: QOS1, retain: true, properties: Properties::NONE };
    for bits in 0..64_u32 {
        let has = |bit: u32| bits & 1 << bit != 0;
        for mut scene in scenes() {
            let options = ConnectOptions {
                client_id: "sensor-17",
                user_name: has(0).then_some("me"),
                password: has(1).then_some(&b"\x00\xFF"[..]),
                will: has(2).then_some(will),
                clean_start: has(3),
                session_expiry_interval: if has(4) { 77 } else { 0 },
                receive_maximum: if has(5) { 5 } else { 8 },
                maximum_packet_size: if has(5) { 9_999 } else { u32::MAX },
                keep_alive: 7,
                ..ConnectOptions::default()
            };
            let now = scene.now;
            if has(1) && !has(0) && !scene.is_v5() {
                assert_eq!(scene.connect(now, &options), Err(ConnectError::PasswordAlone));
                assert_eq!((scene.wire(), scene.state()), (vec![], State::Disconnected));
                continue;
            }
            scene.connect(now, &options).unwrap();
            let wire = scene.wire();
            let connect = Connect::decode(&wire[2..]).unwrap();
            assert_eq!(connect.version, scene.version);
            assert_eq!(connect.client_id, "sensor-17");
            assert_eq!((connect.user_name, connect.password), (options.user_name, options.password));
            assert_eq!((connect.will, connect.keep_alive), (options.will, 7));
            // In 3.1.1 the first of two connections is the clean one; the other is told in `discarding`.
            assert_eq!(connect.clean_start, has(3) || !has(4), "{options:?}");
            let number = |id| connect.properties.number(id);
            if scene.is_v5() {
                assert_eq!(number(PropertyId::SessionExpiryInterval), has(4).then_some(77));
                assert_eq!(number(PropertyId::ReceiveMaximum), Some(options.receive_maximum.into()));
                assert_eq!(number(PropertyId::MaximumPacketSize), has(5).then_some(9_999));
            }
        }
    }
}

#[test]
fn what_cannot_be_said_is_refused_at_the_call_and_nothing_changes() {
    let long = "x".repeat(65_536);
    // Will Delay Interval 1.
    let properties = Properties::check(PropertyOwner::Will, &[0x18, 0, 0, 0, 1]).unwrap();
    let will = Will { topic: TopicName::new("t").unwrap(), payload: b"", qos: QOS0, retain: false, properties };
    let connect = PropertyOwner::Packet(PacketType::Connect);
    let text = Properties::check(connect, &[0x26, 0, 1, b'k', 0, 1, b'v']).unwrap();
    let refused = [
        (ConnectOptions { client_id: "a\0", ..usual() }, ConnectError::Text),
        (ConnectOptions { client_id: &long, ..usual() }, ConnectError::Text),
        (ConnectOptions { user_name: Some("\0"), ..usual() }, ConnectError::Text),
        (ConnectOptions { user_name: Some(""), password: Some(long.as_bytes()), ..usual() }, ConnectError::Text),
        (ConnectOptions { receive_maximum: 0, ..usual() }, ConnectError::Zero),
        (ConnectOptions { maximum_packet_size: 0, ..usual() }, ConnectError::Zero),
    ];
    let refused_v3 = [
        (ConnectOptions { client_id: "", ..usual() }, ConnectError::ClientIdEmpty),
        (ConnectOptions { password: Some(b"x"), ..usual() }, ConnectError::PasswordAlone),
        (ConnectOptions { will: Some(will), ..usual() }, ConnectError::NeedsV5),
        (ConnectOptions { properties: text, ..usual() }, ConnectError::NeedsV5),
        (ConnectOptions { request_response_information: true, ..usual() }, ConnectError::NeedsV5),
        (ConnectOptions { request_problem_information: false, ..usual() }, ConnectError::NeedsV5),
    ];
    for mut scene in scenes() {
        for (options, error) in refused.iter().chain(if scene.is_v5() { &[][..] } else { &refused_v3 }) {
            let now = scene.now;
            assert_eq!(scene.connect(now, options), Err(*error));
            assert_eq!((scene.state(), scene.wire(), scene.poll_timeout()), (State::Disconnected, vec![], None));
        }
        let connack = connack(scene.version, false);
        scene.meet(&connack);
    }
}

/// The server chooses one, or goes without.
#[test]
fn a_client_whose_session_ends_with_the_connection_needs_no_identifier() {
    for mut scene in scenes() {
        scene.begin_with(&ConnectOptions::default());
    }
}

#[test]
fn a_connect_that_the_control_lane_cannot_hold_is_refused_with_the_bytes_that_it_needs() {
    for mut scene in scenes_with(Room { control: 14, ..Room::default() }) {
        let (now, needed) = (scene.now, if scene.is_v5() { 24 } else { 15 });
        let options = ConnectOptions { receive_maximum: 8, ..usual() };
        assert_eq!(scene.connect(now, &options), Err(ConnectError::NoRoom(needed)));
        assert_eq!(scene.state(), State::Disconnected);
    }
}

#[test]
fn a_client_that_never_receives_needs_no_memory_for_it() {
    for mut scene in scenes_of(Version::V5, Room { received: 0, ..Room::default() }) {
        let connack = connack(scene.version, false);
        scene.meet(&connack);
    }
}

#[test]
fn a_second_connect_is_refused_while_a_link_is_open() {
    for scene in scenes() {
        let mut scene = scene.connected();
        let now = scene.now;
        assert_eq!(scene.connect(now, &usual()), Err(ConnectError::AlreadyConnected));
        assert_eq!(scene.state(), State::Connected);
    }
}

/// [MQTT-3.1.4-5]: the server might refuse, and what was sent before would be lost.
#[test]
fn nothing_but_connect_leaves_before_connack() {
    for mut scene in scenes() {
        scene.send(QOS1, b"1");
        assert!(scene.taken().is_empty());
        scene.begin();
        scene.send(QOS0, b"2");
        assert_eq!(scene.subscribe(&[], Properties::NONE), Err(RequestError::NotConnected));
        assert_eq!(scene.unsubscribe(&[]), Err(RequestError::NotConnected));
        assert!(scene.taken().is_empty());
        let connack = connack(scene.version, false);
        scene.receives(&connack);
        let expected = all(&[scene.publish_packet(0x32, 1, b"1"), scene.publish_packet(0x30, 0, b"2")]);
        assert_eq!(scene.wire(), expected);
    }
}

#[test]
fn a_connect_goes_out_in_parts_and_only_once() {
    for mut scene in scenes() {
        let now = scene.now;
        scene.connect(now, &usual()).unwrap();
        let mut wire = Vec::new();
        while let Some(bytes) = scene.take(now, 1) {
            wire.extend(bytes);
        }
        assert_eq!(wire[0], 0x10);
        assert_eq!(wire.len(), usize::from(wire[1]) + 2);
    }
}

#[test]
fn a_refusal_is_told_and_nothing_more_is_sent() {
    for mut scene in scenes() {
        scene.send(QOS1, b"1");
        scene.begin();
        let refusal: &[u8] = if scene.is_v5() { &[0x20, 3, 0, 0x86, 0] } else { &[0x20, 2, 0, 4] };
        let events = scene.receives(refusal);
        let [Event::Refused(connack)] = events[..] else { panic!("{events:?}") };
        assert_eq!(connack.reason, ReasonCode::BAD_USER_NAME_OR_PASSWORD);
        assert_eq!((scene.state(), scene.wire(), scene.poll_timeout()), (State::Closing, vec![], None));
        // The message was not harmed.
        scene.break_link();
        let accepted = wire::connack(scene.version, false);
        scene.meet(&accepted);
        assert_eq!(scene.wire(), scene.publish_packet(0x32, 1, b"1"));
    }
}

#[test]
fn a_return_code_that_3_1_1_reserves_is_kept_raw() {
    for mut scene in scenes_of(Version::V3_1_1, Room::default()) {
        scene.begin();
        let events = scene.receives(&[0x20, 2, 0, 7]);
        let [Event::Refused(connack)] = events[..] else { panic!("{events:?}") };
        assert_eq!((connack.reason, connack.return_code), (ReasonCode::UNSPECIFIED_ERROR, 7));
    }
}

#[test]
fn another_packet_before_connack_is_a_fault() {
    for mut scene in scenes() {
        for packet in [&[0xD0, 0][..], &[0x30, 3, 0, 1, b't'], &[0x40, 2, 0, 1], &[0x90, 3, 0, 1, 0]] {
            scene.begin();
            let fault = scene.fault(packet);
            assert_eq!(fault, ProtocolViolation::FirstPacketNotConnack.into());
            assert_eq!((scene.state(), scene.wire()), (State::Closing, vec![]));
            scene.break_link();
        }
    }
}

/// [MQTT-3.2.0-2]
#[test]
fn a_second_connack_is_a_fault() {
    for scene in scenes() {
        let mut scene = scene.connected();
        let connack = connack(scene.version, false);
        assert_eq!(scene.fault(&connack), ProtocolViolation::SecondConnack.into());
        let farewell: &[u8] = if scene.is_v5() { &[0xE0, 1, 0x82] } else { &[] };
        assert_eq!((&scene.wire()[..], scene.state()), (farewell, State::Closing));
    }
}

/// [MQTT-3.2.2-4]
#[test]
fn session_present_is_a_fault_where_there_is_no_session() {
    for clean_start in [true, false] {
        for mut scene in scenes_v5() {
            scene.begin_with(&ConnectOptions { clean_start, ..usual() });
            let unexpected = connack(scene.version, true);
            assert_eq!(scene.fault(&unexpected), ProtocolViolation::SessionPresentUnexpected.into());
            assert_eq!((scene.wire(), scene.state()), (vec![0xE0, 1, 0x82], State::Closing));
        }
    }
    for mut scene in scenes_of(Version::V3_1_1, Room::default()) {
        scene.begin();
        assert_eq!(scene.fault(&[0x20, 2, 1, 0]), ProtocolViolation::SessionPresentUnexpected.into());
        assert_eq!((scene.wire(), scene.state()), (vec![], State::Closing));
    }
}

/// [MQTT-3.2.2-2]: it was asked to discard the session.
#[test]
fn session_present_is_a_fault_after_a_clean_start_though_there_was_a_session() {
    for scene in scenes() {
        let mut scene = scene.connected();
        scene.break_link();
        scene.begin_with(&ConnectOptions { session_expiry_interval: 0, ..usual() });
        let unexpected = connack(scene.version, true);
        assert_eq!(scene.fault(&unexpected), ProtocolViolation::SessionPresentUnexpected.into());
        // It may be that it did not understand: the session can still be asked for.
        scene.break_link();
        let present = connack(scene.version, true);
        scene.meet(&present);
    }
}

#[test]
fn later_connections_go_on_with_the_session_though_the_first_began_clean() {
    for mut scene in scenes_v5() {
        scene.begin_with(&ConnectOptions { clean_start: true, ..usual() });
        scene.receives(&connack_with(false, &[]));
        scene.break_link();
        let now = scene.now;
        scene.connect(now, &ConnectOptions { clean_start: true, ..usual() }).unwrap();
        assert!(!Connect::decode(&scene.wire()[2..]).unwrap().clean_start);
    }
}

#[test]
fn a_server_that_keeps_no_session_is_not_asked_for_one() {
    for mut scene in scenes_v5() {
        scene.begin_with(&ConnectOptions { clean_start: true, ..usual() });
        // Session Expiry Interval 0.
        scene.receives(&connack_with(false, &[0x11, 0, 0, 0, 0]));
        assert_eq!(scene.limits().session_expiry_interval, 0);
        scene.break_link();
        let now = scene.now;
        scene.connect(now, &ConnectOptions { clean_start: true, ..usual() }).unwrap();
        assert!(Connect::decode(&scene.wire()[2..]).unwrap().clean_start);
    }
}

#[test]
fn limits_are_those_of_the_server_and_of_nobody_without_a_connection() {
    let properties = [
        &[0x21, 0, 9, 0x24, 1, 0x25, 0, 0x27, 0, 0, 1, 0, 0x22, 0, 3, 0x28, 0, 0x29, 0][..],
        &[0x2A, 0, 0x13, 0, 5, 0x11, 0, 0, 0, 8],
    ]
    .concat();
    for scene in scenes_v5() {
        assert_eq!(scene.limits(), Limits::NONE);
        let mut scene = scene.connected_by(&connack_with(false, &properties));
        let limits = Limits {
            receive_maximum: 9,
            maximum_qos: QOS1,
            retain_available: false,
            maximum_packet_size: 256,
            topic_alias_maximum: 3,
            wildcard_subscription_available: false,
            subscription_identifier_available: false,
            shared_subscription_available: false,
            keep_alive: 5,
            session_expiry_interval: 8,
        };
        assert_eq!(scene.limits(), limits);
        scene.break_link();
        assert_eq!(scene.limits(), Limits::NONE);
    }
}

#[test]
fn no_connack_in_time_is_told_once() {
    for mut scene in scenes() {
        scene.begin_with(&ConnectOptions { connect_timeout: 5_000, ..usual() });
        assert_eq!(scene.poll_timeout(), Some(Instant::from_millis(6_000)));
        assert_eq!(scene.handle_timeout(Instant::from_millis(5_999)), None);
        assert_eq!(scene.handle_timeout(Instant::from_millis(6_000)), Some(Timeout::ConnackMissing));
        assert_eq!((scene.state(), scene.poll_timeout()), (State::Closing, None));
        assert_eq!(scene.handle_timeout(Instant::from_millis(9_000)), None);
    }
}

#[test]
fn the_next_connection_is_due_after_a_wait_and_told_once() {
    for scene in scenes() {
        let mut scene = scene.connected();
        assert_eq!(scene.reconnect_at(), None);
        scene.break_link();
        let due = scene.poll_timeout().expect("a next connection");
        assert!(due <= scene.now + 1_000);
        assert_eq!(scene.reconnect_at(), Some(due));
        assert_eq!(scene.handle_timeout(due), Some(Timeout::Reconnect));
        assert_eq!((scene.reconnect_at(), scene.poll_timeout(), scene.handle_timeout(due)), (None, None, None));
    }
}

/// What the driver still had in its buffer must not wake the dead.
#[test]
fn input_after_the_link_is_gone_opens_nothing() {
    for scene in scenes() {
        let mut scene = scene.connected();
        scene.send(QOS1, b"1");
        scene.wire();
        scene.break_link();
        assert_eq!(scene.receives(&[0xD0, 0, 0x40, 2, 0, 1]), []);
        let now = scene.now;
        assert!(matches!(scene.fault(&[0x00, 0]), DecodeError::Malformed(_)));
        assert_eq!(scene.state(), State::Disconnected);
        assert_eq!(scene.connect(now, &usual()), Ok(()));
    }
}

/// A token that is longer than the lane: what goes out is the CONNECT that one with room would have made.
#[test]
fn a_connect_that_the_lane_has_no_room_for_leaves_in_parts() {
    let token = "t".repeat(2_000);
    for expiry in [0, 60] {
        for (mut whole, mut parted) in scenes().zip(scenes()) {
            let options = ConnectOptions {
                client_id: "c",
                user_name: Some("u"),
                password: Some(token.as_bytes()),
                session_expiry_interval: expiry,
                ..ConnectOptions::default()
            };
            let now = whole.now;
            parted.connect_in_parts(now, &options).unwrap();
            assert_eq!(parted.connect_in_parts(now, &options), Err(ConnectError::AlreadyConnected));
            let (mut parts, mut part) = (Vec::new(), [0; 64]);
            loop {
                match parted.connect_part(&options, parts.len(), &mut part) {
                    0 => break,
                    len => parts.extend_from_slice(&part[..len]),
                }
            }
            match whole.connect(now, &options) {
                Ok(()) => assert_eq!(parts, whole.wire()),
                Err(error) => assert_eq!(error, ConnectError::NoRoom(parts.len())),
            }
            assert_eq!((parted.wire(), parted.state()), (vec![], State::Connecting));
            let connack = connack(parted.version, false);
            let events = parted.receives(&connack);
            assert!(matches!(events[..], [Event::Connected { .. } | Event::SessionDiscarded]));
        }
    }
}

#[test]
fn what_makes_no_connect_makes_none_in_parts() {
    for mut scene in scenes() {
        let now = scene.now;
        let lone = ConnectOptions { password: Some(b"secret"), ..ConnectOptions::default() };
        if !scene.is_v5() {
            assert_eq!(scene.connect_in_parts(now, &lone), Err(ConnectError::PasswordAlone));
        }
        let property = [0x26, 0, 1, b'a', 0, 1, b'b'];
        let owner = PropertyOwner::Packet(PacketType::Connect);
        let properties = Properties::check(owner, &property).unwrap();
        let options = ConnectOptions { properties, ..ConnectOptions::default() };
        assert_eq!(scene.connect_in_parts(now, &options), Err(ConnectError::PropertyNotAllowed));
        assert_eq!(scene.state(), State::Disconnected);
    }
}
