use dunlin_codec::{ProtocolViolation, Qos, ReasonCode, Version};
use dunlin_embedded::{Cause, Options};
use dunlin_session::{ConnectError, ConnectOptions};
use dunlin_testkit::ServerOptions;

use crate::scene::{CLIENT, FACES, Face, Seen, VERSIONS, options, play};
use crate::world::World;

#[test]
fn a_client_that_leaves_says_so_and_stays_away_until_it_is_asked_to_come_back() {
    for (face, version) in FACES.into_iter().flat_map(|face| VERSIONS.map(|version| (face, version))) {
        let world = World::strict(ServerOptions::new());
        play(face, &world, version, &options(), async |probe| {
            probe.expect(Seen::Connected(false)).await;
            probe.publish("bye", Qos::AtMostOnce);
            probe.disconnect();
            probe.expect(Seen::Disconnected(Cause::Closed, None)).await;
            assert!(!world.server(|server, _| server.is_connected(CLIENT)));
            probe.connect();
            probe.expect(Seen::Connected(false)).await;
        });
        assert_eq!(world.server(|server, _| server.breaches()), []);
    }
}

#[test]
fn a_client_that_leaves_while_it_waits_for_the_next_try_does_not_try() {
    for face in FACES {
        let world = World::strict(ServerOptions::new());
        world.unreachable(1);
        play(face, &world, Version::V5, &options(), async |probe| {
            assert!(matches!(probe.next().await, Seen::Disconnected(Cause::Link, Some(_))));
            probe.disconnect();
            world.server(|server, _| server.forget_sessions());
            probe.connect();
            probe.expect(Seen::Connected(false)).await;
        });
        assert_eq!(world.opened().len(), 2);
    }
}

#[test]
fn the_reason_of_the_server_is_told() {
    for face in FACES {
        let world = World::strict(ServerOptions::new());
        play(face, &world, Version::V5, &options(), async |probe| {
            probe.expect(Seen::Connected(false)).await;
            world.server(|server, now| server.disconnect_client(CLIENT, ReasonCode::SERVER_SHUTTING_DOWN, now));
            let Seen::Disconnected(cause, Some(_)) = probe.next().await else { panic!("not told") };
            assert_eq!(cause, Cause::Server(ReasonCode::SERVER_SHUTTING_DOWN));
            probe.expect(Seen::Connected(false)).await;
        });
    }
}

#[test]
fn a_server_that_breaks_the_protocol_is_left() {
    for face in FACES {
        let world =
            World::played(
                |bytes| if bytes[0] == 0x10 { b"\x20\x03\0\0\0\x40\x02\0\x09\xC0\0".to_vec() } else { Vec::new() },
            );
        play(face, &world, Version::V5, &options(), async |probe| {
            probe.expect(Seen::Connected(false)).await;
            let Seen::Disconnected(cause, Some(_)) = probe.next().await else { panic!("not told") };
            assert_eq!(cause, Cause::Fault(ProtocolViolation::UnexpectedPacket.into()));
        });
    }
}

#[test]
fn options_of_which_no_connect_can_be_made_are_told_and_not_tried_again() {
    for face in FACES {
        let world = World::strict(ServerOptions::new());
        let connect = ConnectOptions { password: Some(b"secret"), ..ConnectOptions::default() };
        let options = Options { connect, ..options() };
        play(face, &world, Version::V3_1_1, &options, async |probe| {
            probe.expect(Seen::Disconnected(Cause::Options(ConnectError::PasswordAlone), None)).await;
        });
    }
}

/// The other side does not read: the DISCONNECT cannot be written, and is given up.
#[test]
fn last_words_that_cannot_be_said_end_after_a_while() {
    for face in [Face::Async, Face::Restless] {
        let world = World::strict(ServerOptions::new());
        play(face, &world, Version::V5, &options(), async |probe| {
            probe.expect(Seen::Connected(false)).await;
            world.stuff();
            probe.publish("stuck", Qos::AtMostOnce);
            let before = world.millis();
            probe.disconnect();
            probe.expect(Seen::Disconnected(Cause::Closed, None)).await;
            assert_eq!(world.millis() - before, 10_000);
        });
    }
}
