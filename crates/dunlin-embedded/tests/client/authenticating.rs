//! Enhanced authentication: a conversation before CONNACK, and another one whenever the client wants it.

use dunlin_codec::{
    Packet, PacketType, Properties, Property, PropertyId, PropertyOwner, PropertyWriter, Qos, ReasonCode, Version,
};
use dunlin_embedded::{Cause, Options};
use dunlin_session::{AuthenticateError, ConnectError, ConnectOptions};

use crate::scene::{FACES, Seen, options, play};
use crate::world::World;

/// Method and data, as they stand in CONNECT, AUTH and CONNACK.
fn said(data: &[u8]) -> Vec<u8> {
    let mut memory = [0; 40];
    let writer = PropertyWriter::new(PropertyOwner::Packet(PacketType::Auth), &mut memory);
    let writer = writer.push(Property::AuthenticationMethod("SCRAM")).unwrap();
    writer.push(Property::AuthenticationData(data)).unwrap().finish().unwrap().as_bytes().to_vec()
}

fn properties(packet: PacketType, bytes: &[u8]) -> Properties<'_> {
    Properties::check(PropertyOwner::Packet(packet), bytes).unwrap()
}

fn packet(first: u8, before: &[u8], data: &[u8]) -> Vec<u8> {
    let properties = said(data);
    let len = (before.len() + 1 + properties.len()) as u8;
    [&[first, len][..], before, &[properties.len() as u8], &properties].concat()
}

/// Asks back once, and is convinced by the right answer; and so again when the client wants it.
fn doorkeeper() -> World {
    World::answering(|said| {
        let data = |properties: Properties<'_>| properties.binary(PropertyId::AuthenticationData).unwrap().to_vec();
        match said {
            Packet::Connect(connect) if data(connect.properties) == b"first" => packet(0xF0, &[0x18], b"who"),
            Packet::Auth(auth) if data(auth.properties) == b"me" => packet(0x20, &[0, 0], b"welcome"),
            Packet::Auth(auth) if auth.reason == ReasonCode::RE_AUTHENTICATE => packet(0xF0, &[0x00], b"still"),
            Packet::Publish(publish) => [&[0x40, 2][..], &publish.packet_id.unwrap().get().to_be_bytes()].concat(),
            other => panic!("{other:?}"),
        }
    })
}

#[test]
fn a_client_proves_who_it_is_and_does_so_again() {
    let first = said(b"first");
    for face in FACES {
        for chunk in [1, usize::MAX] {
            let world = doorkeeper().with_chunks(chunk);
            let options = Options {
                connect: ConnectOptions { properties: properties(PacketType::Connect, &first), ..options().connect },
                ..options()
            };
            play(face, &world, Version::V5, &options, async |probe| {
                probe.expect(Seen::Authentication(ReasonCode::CONTINUE_AUTHENTICATION)).await;
                assert_eq!(probe.text.as_deref(), Some("SCRAM"));
                probe.authenticate(properties(PacketType::Auth, &said(b"me"))).unwrap();
                probe.expect(Seen::Connected(false)).await;
                let nothing_asked = probe.authenticate(properties(PacketType::Auth, &said(b"me")));
                assert_eq!(nothing_asked, Err(AuthenticateError::NotChallenged));
                probe.reauthenticate(properties(PacketType::Auth, &said(b"me too"))).unwrap();
                probe.expect(Seen::Authentication(ReasonCode::SUCCESS)).await;
                probe.publish("on", Qos::AtLeastOnce);
                assert!(matches!(probe.next().await, Seen::Published(..)));
                // The next connection begins with it again.
                world.cut();
                probe.expect_lost().await;
                probe.expect(Seen::Authentication(ReasonCode::CONTINUE_AUTHENTICATION)).await;
            });
        }
    }
}

#[test]
fn what_is_said_in_a_connect_must_have_room_in_the_lane() {
    let first = said(b"first");
    let long = "l".repeat(60);
    for face in FACES {
        let connect = ConnectOptions {
            client_id: &long,
            properties: properties(PacketType::Connect, &first),
            ..ConnectOptions::default()
        };
        let options = Options { connect, ..options() };
        play(face, &doorkeeper(), Version::V5, &options, async |probe| {
            let Seen::Disconnected(Cause::Options(error), None) = probe.next().await else { panic!("it is sent") };
            assert!(matches!(error, ConnectError::NoRoom(65..)), "{error:?}");
        });
    }
}
