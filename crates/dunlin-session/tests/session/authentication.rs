//! Enhanced authentication: a conversation before CONNACK, and another whenever either side wants it.

use dunlin_codec::{
    PacketType, Properties, Property, PropertyOwner, PropertyWriter, ProtocolViolation, ReasonCode, SubscriptionFilter,
    SubscriptionOptions, TopicFilter,
};
use dunlin_session::{AuthenticateError, ConnectError, ConnectOptions, Event, Progress, State};

use crate::{
    scene::{Scene, scenes, scenes_v5, usual},
    wire::{ack, connack, connack_with, packet},
};

/// Method and data, as they stand in CONNECT, AUTH and CONNACK.
fn said(method: &str, data: &[u8]) -> Vec<u8> {
    let mut memory = [0; 400];
    let writer = PropertyWriter::new(PropertyOwner::Packet(PacketType::Auth), &mut memory);
    let writer = writer.push(Property::AuthenticationMethod(method)).unwrap();
    writer.push(Property::AuthenticationData(data)).unwrap().finish().unwrap().as_bytes().to_vec()
}

fn of(packet: PacketType, bytes: &[u8]) -> Properties<'_> {
    Properties::check(PropertyOwner::Packet(packet), bytes).unwrap()
}

fn auth(reason: u8, properties: &[u8]) -> Vec<u8> {
    packet(0xF0, &[&[reason, properties.len() as u8], properties].concat())
}

fn connack_of(properties: &[u8]) -> Vec<u8> {
    connack_with(false, properties)
}

/// CONNECT is written, with this method.
fn begin(scene: &mut Scene, method: &str) {
    let bytes = said(method, b"first");
    scene.begin_with(&ConnectOptions { properties: of(PacketType::Connect, &bytes), ..usual() });
}

/// Connected by this method.
fn meet(scene: &mut Scene, method: &str) {
    begin(scene, method);
    let connack = connack_of(&said(method, b"done"));
    assert!(matches!(scene.receives(&connack)[..], [Event::Connected { .. }]));
}

fn authenticate(scene: &mut Scene, method: &str, data: &[u8]) -> Result<(), AuthenticateError> {
    scene.authenticate(of(PacketType::Auth, &said(method, data)))
}

fn reauthenticate(scene: &mut Scene, method: &str) -> Result<(), AuthenticateError> {
    scene.reauthenticate(of(PacketType::Auth, &said(method, b"anew")))
}

fn challenge(scene: &mut Scene) {
    let input = auth(0x18, &said("SCRAM", b"challenge"));
    match scene.receives(&input)[..] {
        [Event::Authentication(auth)] => assert_eq!(auth.reason, ReasonCode::CONTINUE_AUTHENTICATION),
        ref other => panic!("{other:?}"),
    }
}

/// [MQTT-4.12.0-3]
#[test]
fn challenges_are_answered_until_connack() {
    for mut scene in scenes_v5() {
        let bytes = said("SCRAM", b"first");
        let options =
            ConnectOptions { properties: of(PacketType::Connect, &bytes), session_expiry_interval: 0, ..usual() };
        let now = scene.now;
        scene.connect(now, &options).unwrap();
        let (connect, expected) = (scene.wire(), [&bytes[..], b"\0\x01c"].concat());
        assert!(connect.ends_with(&expected), "{connect:02x?}");
        for round in 0..3_u8 {
            assert_eq!(authenticate(&mut scene, "SCRAM", b"early"), Err(AuthenticateError::NotChallenged));
            challenge(&mut scene);
            authenticate(&mut scene, "SCRAM", &[round]).unwrap();
            assert_eq!(scene.wire(), auth(0x18, &said("SCRAM", &[round])));
        }
        let connack = connack_of(&said("SCRAM", b"proof"));
        assert!(matches!(scene.receives(&connack)[..], [Event::Connected { .. }]));
        assert!(!scene.awaits_answer());
    }
}

/// [MQTT-4.12.1-1]
#[test]
fn a_connection_authenticates_anew_while_messages_go_on() {
    for mut scene in scenes_v5() {
        meet(&mut scene, "SCRAM");
        reauthenticate(&mut scene, "SCRAM").unwrap();
        assert!(scene.awaits_answer());
        assert_eq!(scene.wire(), auth(0x19, &said("SCRAM", b"anew")));
        assert_eq!(reauthenticate(&mut scene, "SCRAM"), Err(AuthenticateError::InProgress));
        scene.send(crate::scene::QOS1, b"m");
        assert_eq!(scene.wire(), scene.publish_packet(0x32, 1, b"m"));
        assert_eq!(scene.receives(&ack(0x40, 1)).len(), 1);
        challenge(&mut scene);
        assert!(!scene.awaits_answer(), "it is our turn");
        authenticate(&mut scene, "SCRAM", b"answer").unwrap();
        assert_eq!(scene.wire(), auth(0x18, &said("SCRAM", b"answer")));
        let success = auth(0x00, &said("SCRAM", b"proof"));
        assert!(
            matches!(scene.receives(&success)[..], [Event::Authentication(auth)] if auth.reason == ReasonCode::SUCCESS)
        );
        assert!(!scene.awaits_answer());
        reauthenticate(&mut scene, "SCRAM").unwrap();
    }
}

/// [MQTT-4.12.0-2] [MQTT-4.12.0-5] [MQTT-4.12.0-6]
#[test]
fn a_server_that_breaks_the_conversation_is_told() {
    let other = said("OTHER", b"");
    let ours = said("SCRAM", b"");
    let before_connack: [(&str, Vec<u8>); 5] = [
        ("success belongs to CONNACK", auth(0x00, &ours)),
        ("only we begin anew", auth(0x19, &ours)),
        ("another method", auth(0x18, &other)),
        ("another method", connack_of(&other)),
        ("no method", connack_of(&[])),
    ];
    for (what, input) in before_connack {
        for mut scene in scenes_v5() {
            begin(&mut scene, "SCRAM");
            assert_eq!(scene.fault(&input).reason().get(), 0x82, "{what}");
            assert_eq!(scene.state(), State::Closing);
        }
    }
    let when_connected = [auth(0x18, &ours), auth(0x00, &ours), auth(0x19, &ours), auth(0x18, &other)];
    for input in when_connected {
        for mut scene in scenes_v5() {
            meet(&mut scene, "SCRAM");
            assert_eq!(scene.fault(&input).reason().get(), 0x82, "nothing is under way");
            assert_eq!(scene.wire(), [0xE0, 1, 0x82]);
        }
    }
}

/// Nobody waits for the length of what can be neither AUTH nor CONNACK.
#[test]
fn another_packet_than_auth_or_connack_is_told_at_its_first_byte() {
    for mut scene in scenes_v5() {
        begin(&mut scene, "SCRAM");
        let now = scene.now;
        assert!(matches!(scene.handle_input(now, &[0xF0]), Progress::Incomplete { .. }));
        assert_eq!(scene.fault(&[0x30]), ProtocolViolation::FirstPacketNotConnack.into());
    }
}

/// A second challenge may not come before the first was answered.
#[test]
fn challenges_and_answers_take_turns() {
    for mut scene in scenes_v5() {
        begin(&mut scene, "SCRAM");
        challenge(&mut scene);
        let input = auth(0x18, &said("SCRAM", b"challenge"));
        assert_eq!(scene.fault(&input).reason().get(), 0x82);
    }
}

/// [MQTT-4.12.0-6]
#[test]
fn without_a_method_the_server_has_nothing_to_say_of_one() {
    for mut scene in scenes_v5() {
        scene.begin();
        let fault = scene.fault(&connack_of(&said("SCRAM", b"")));
        assert_eq!(fault, ProtocolViolation::AuthenticationNotAsked.into());
        scene.break_link();
        begin(&mut scene, "SCRAM");
        let fault = scene.fault(&connack_of(&said("OTHER", b"")));
        assert_eq!(fault, ProtocolViolation::AuthenticationMethodDiffers.into());
        scene.break_link();
        scene.begin();
        assert_eq!(scene.fault(&auth(0x18, &said("SCRAM", b""))).reason().get(), 0x82);
    }
}

/// [MQTT-4.12.0-7]
#[test]
fn what_does_not_belong_to_the_conversation_is_refused_at_the_call() {
    for scene in scenes() {
        let mut scene = scene.connected();
        assert_eq!(reauthenticate(&mut scene, "SCRAM"), Err(AuthenticateError::NoMethod));
        assert_eq!(authenticate(&mut scene, "SCRAM", b""), Err(AuthenticateError::NotChallenged));
        scene.break_link();
        assert_eq!(reauthenticate(&mut scene, "SCRAM"), Err(AuthenticateError::NotConnected));
    }
    for mut scene in scenes_v5() {
        meet(&mut scene, "SCRAM");
        assert_eq!(reauthenticate(&mut scene, "OTHER"), Err(AuthenticateError::MethodDiffers));
        assert_eq!(scene.reauthenticate(Properties::NONE), Err(AuthenticateError::MethodDiffers));
        assert_eq!(scene.wire(), []);
        scene.break_link();
        let connack = connack_of(&said("SCRAM", b""));
        begin(&mut scene, "SCRAM");
        scene.receives(&connack);
        assert_eq!(authenticate(&mut scene, "SCRAM", b""), Err(AuthenticateError::NotChallenged), "a new connection");
    }
}

/// What waits when the connection ends is not answered: nothing may stand alone before CONNECT, or behind DISCONNECT
/// [MQTT-3.1.0-1] [MQTT-3.14.4-2].
#[test]
fn a_challenge_is_not_answered_any_more_when_the_connection_ends() {
    for mut scene in scenes_v5() {
        let (now, bytes) = (scene.now, said("SCRAM", b""));
        scene.connect(now, &ConnectOptions { properties: of(PacketType::Connect, &bytes), ..usual() }).unwrap();
        challenge(&mut scene);
        scene.disconnect(ReasonCode::SUCCESS);
        assert_eq!(authenticate(&mut scene, "SCRAM", b""), Err(AuthenticateError::NotConnected));
        assert_eq!(scene.wire(), []);

        scene.break_link();
        meet(&mut scene, "SCRAM");
        reauthenticate(&mut scene, "SCRAM").unwrap();
        scene.wire();
        challenge(&mut scene);
        scene.disconnect(ReasonCode::SUCCESS);
        assert_eq!(scene.wire(), [0xE0, 0]);
        assert_eq!(authenticate(&mut scene, "SCRAM", b""), Err(AuthenticateError::NotConnected));
        assert_eq!(scene.wire(), []);

        scene.break_link();
        begin(&mut scene, "SCRAM");
        challenge(&mut scene);
        scene.break_link();
        assert_eq!(authenticate(&mut scene, "SCRAM", b""), Err(AuthenticateError::NotChallenged));
        meet(&mut scene, "SCRAM");
    }
}

#[test]
fn an_auth_that_has_no_room_is_refused_and_can_be_sent_later() {
    for mut scene in scenes_v5() {
        begin(&mut scene, "SCRAM");
        challenge(&mut scene);
        assert_eq!(authenticate(&mut scene, "SCRAM", &[7; 300]), Err(AuthenticateError::TooLarge));
        authenticate(&mut scene, "SCRAM", b"short").unwrap();
        assert_eq!(scene.wire(), auth(0x18, &said("SCRAM", b"short")));
    }
}

#[test]
fn a_reauthentication_waits_for_room_in_the_lane() {
    for mut scene in scenes_v5() {
        meet(&mut scene, "SCRAM");
        let topic = "t".repeat(200);
        let (filter, options) = (TopicFilter::new(&topic).unwrap(), SubscriptionOptions::default());
        scene.subscribe(&[SubscriptionFilter { filter, options }], Properties::NONE).unwrap();
        let properties = said("SCRAM", &[7; 50]);
        let properties = of(PacketType::Auth, &properties);
        assert_eq!(scene.reauthenticate(properties), Err(AuthenticateError::Full));
        scene.wire();
        assert_eq!(scene.reauthenticate(properties), Ok(()));
    }
}

/// A server that waits for our answer for ever is noticed by the connect timeout; one that asks AUTH when it should
/// say CONNACK is told from its first byte.
#[test]
fn an_auth_may_come_byte_by_byte() {
    for mut scene in scenes_v5() {
        begin(&mut scene, "SCRAM");
        let (now, input) = (scene.now, auth(0x18, &said("SCRAM", b"challenge")));
        for len in 0..input.len() {
            assert!(matches!(scene.handle_input(now, &input[..len]), Progress::Incomplete { .. }), "at {len}");
        }
        challenge(&mut scene);
    }
}

#[test]
fn connect_says_no_property_twice_and_3_1_1_none() {
    for mut scene in scenes() {
        let (now, bytes) = (scene.now, said("SCRAM", b""));
        let options = ConnectOptions { properties: of(PacketType::Connect, &bytes), ..usual() };
        let connected = scene.connect(now, &options);
        assert_eq!(connected, if scene.is_v5() { Ok(()) } else { Err(ConnectError::NeedsV5) });
    }
    // What is wrong with the rest of CONNECT is told as without properties.
    for mut scene in scenes_v5() {
        let (now, bytes) = (scene.now, said("SCRAM", b""));
        let options = ConnectOptions { client_id: "a\0", properties: of(PacketType::Connect, &bytes), ..usual() };
        assert_eq!(scene.connect(now, &options), Err(ConnectError::Text));
    }
    for bytes in [&b"\x11\0\0\0\x01"[..], b"\x21\0\x01", b"\x27\0\0\0\x01", b"\x22\0\x01", b"\x17\x01", b"\x19\x01"] {
        for mut scene in scenes_v5() {
            let now = scene.now;
            let options = ConnectOptions { properties: of(PacketType::Connect, bytes), ..usual() };
            assert_eq!(scene.connect(now, &options), Err(ConnectError::PropertyNotAllowed));
            assert_eq!(scene.connect(now, &usual()), Ok(()));
        }
    }
}

#[test]
fn user_properties_and_what_is_asked_for_stand_in_connect() {
    for mut scene in scenes_v5() {
        let now = scene.now;
        let properties = of(PacketType::Connect, b"\x26\0\x01a\0\x01b");
        let options = ConnectOptions {
            request_response_information: true,
            request_problem_information: false,
            session_expiry_interval: 0,
            properties,
            ..usual()
        };
        scene.connect(now, &options).unwrap();
        let (connect, expected) = (scene.wire(), b"\x19\x01\x17\0\x26\0\x01a\0\x01b\0\x01c");
        assert!(connect.ends_with(expected), "{connect:02x?}");
        let connack = connack(scene.version, false);
        scene.receives(&connack);
    }
}

/// [MQTT-3.1.2-30]
#[test]
fn nothing_but_auth_leaves_between_connect_and_connack() {
    for mut scene in scenes_v5() {
        scene.send(crate::scene::QOS1, b"1");
        begin(&mut scene, "SCRAM");
        challenge(&mut scene);
        scene.send(crate::scene::QOS0, b"2");
        assert_eq!(scene.wire(), []);
        authenticate(&mut scene, "SCRAM", b"answer").unwrap();
        assert_eq!(scene.wire(), auth(0x18, &said("SCRAM", b"answer")));
        let connack = connack_of(&said("SCRAM", b""));
        scene.receives(&connack);
        assert_eq!(scene.wire(), [scene.publish_packet(0x32, 1, b"1"), scene.publish_packet(0x30, 0, b"2")].concat());
    }
}

/// [MQTT-4.12.1-2]: either side ends the connection.
#[test]
fn an_authentication_that_fails_ends_the_connection() {
    for by_the_server in [true, false] {
        for mut scene in scenes_v5() {
            meet(&mut scene, "SCRAM");
            reauthenticate(&mut scene, "SCRAM").unwrap();
            scene.wire();
            challenge(&mut scene);
            if by_the_server {
                authenticate(&mut scene, "SCRAM", b"wrong").unwrap();
                scene.wire();
                let events = scene.receives(&[0xE0, 1, 0x87]);
                let told = |event: &Event<'_>| matches!(event, Event::Disconnected(told) if told.reason == ReasonCode::NOT_AUTHORIZED);
                assert!(events.len() == 1 && told(&events[0]), "{events:?}");
                assert_eq!(scene.wire(), []);
            } else {
                scene.disconnect(ReasonCode::UNSPECIFIED_ERROR);
                assert_eq!(scene.wire(), [0xE0, 1, 0x80]);
            }
            assert_eq!(
                (scene.state(), reauthenticate(&mut scene, "SCRAM")),
                (State::Closing, Err(AuthenticateError::NotConnected))
            );
        }
    }
}

/// [MQTT-3.15.2-2] [MQTT-3.15.2-3]: texts and all, it is not sent where it is larger than the server takes.
#[test]
fn an_auth_is_never_larger_than_the_server_takes() {
    let text = b"\x1F\0\x04text\x26\0\x01a\0\x01b";
    let (plain, more) = (said("SCRAM", b""), [&said("SCRAM", b"")[..], text].concat());
    let len = auth(0x19, &more).len() as u8;
    for (maximum, fits) in [(len - 1, false), (len, true)] {
        for mut scene in scenes_v5() {
            begin(&mut scene, "SCRAM");
            let connack = connack_of(&[&plain[..], &[0x27, 0, 0, 0, maximum]].concat());
            scene.receives(&connack);
            let sent = scene.reauthenticate(of(PacketType::Auth, &more));
            assert_eq!(sent, if fits { Ok(()) } else { Err(AuthenticateError::TooLarge) });
            assert_eq!(scene.wire(), if fits { auth(0x19, &more) } else { vec![] });
            if !fits {
                assert_eq!(scene.reauthenticate(of(PacketType::Auth, &plain)), Ok(()), "without its texts");
            }
        }
    }
}
