use dunlin_codec::{Qos, ReasonCode};
use dunlin_embedded::{Acknowledgement, Options};
use dunlin_session::{ConnectOptions, Outcome};
use dunlin_testkit::ServerOptions;

use crate::scene::{CLIENT, FACES, Seen, TOPIC, VERSIONS, filter, message, options, play};
use crate::world::World;

/// The whole round: connect, subscribe, publish, receive what was published, end.
#[test]
fn messages_of_every_qos_go_both_ways_in_both_versions() {
    for (face, version) in FACES.into_iter().flat_map(|face| VERSIONS.map(|version| (face, version))) {
        for chunk in [1, 7, usize::MAX] {
            let world = World::strict(ServerOptions::new()).with_chunks(chunk);
            let subscriptions = [filter("other"), filter(TOPIC)];
            let options = Options { subscriptions: &subscriptions, ..options() };
            play(face, &world, version, &options, async |probe| {
                probe.expect(Seen::Connected(false)).await;
                probe.expect(Seen::Subscribed(vec![2], Some(0))).await;
                probe.expect(Seen::Subscribed(vec![2], Some(1))).await;
                for (qos, payload) in [(Qos::AtMostOnce, "zero"), (Qos::AtLeastOnce, "one"), (Qos::ExactlyOnce, "two")]
                {
                    let id = probe.publish(payload, qos);
                    let mut expected = vec![message(TOPIC, payload)];
                    expected.extend(id.map(|id| Seen::Published(id, Outcome::Delivered(ReasonCode::SUCCESS))));
                    while !expected.is_empty() {
                        let seen = probe.next().await;
                        let at = expected.iter().position(|expected| *expected == seen);
                        expected.remove(at.unwrap_or_else(|| panic!("{face:?}: {seen:?} is not in {expected:?}")));
                    }
                }
                probe.unsubscribe("other");
                assert!(matches!(probe.next().await, Seen::Unsubscribed(_)));
                probe.subscribe("third");
                probe.expect(Seen::Subscribed(vec![0], None)).await;
                // The last acknowledgements go out.
                assert_eq!(probe.during(100).await, []);
                assert!(probe.is_idle());
            });
            assert_eq!(world.server(|server, _| (server.breaches(), server.received_total())), (vec![], 3));
        }
    }
}

#[test]
fn a_message_is_acknowledged_when_the_application_comes_again() {
    for face in FACES {
        let world = World::strict(ServerOptions::new());
        let subscriptions = [filter(TOPIC)];
        let options = Options {
            connect: ConnectOptions { session_expiry_interval: 60, client_id: CLIENT, ..ConnectOptions::default() },
            subscriptions: &subscriptions,
            ..options()
        };
        play(face, &world, dunlin_codec::Version::V5, &options, async |probe| {
            probe.expect(Seen::Connected(false)).await;
            probe.expect(Seen::Subscribed(vec![2], Some(0))).await;
            world.server(|server, now| server.publish(TOPIC, "on", Qos::AtLeastOnce, false, now)).unwrap();
            probe.expect(message(TOPIC, "on")).await;
            // The power fails while it is being handled: it was not acknowledged, so it comes again.
            world.cut();
            assert!(matches!(probe.next().await, Seen::Disconnected(..)));
            probe.expect(Seen::Connected(true)).await;
            probe.expect(message(TOPIC, "on")).await;
            assert_eq!(probe.during(100).await, []);
            world.cut();
            assert!(matches!(probe.next().await, Seen::Disconnected(..)));
            probe.expect(Seen::Connected(true)).await;
            assert_eq!(probe.during(100).await, []);
        });
    }
}

#[test]
fn the_application_may_acknowledge_in_its_own_time() {
    for face in FACES {
        let world = World::strict(ServerOptions::new());
        let subscriptions = [filter(TOPIC)];
        let options = Options { subscriptions: &subscriptions, acknowledgement: Acknowledgement::Manual, ..options() };
        play(face, &world, dunlin_codec::Version::V5, &options, async |probe| {
            probe.expect(Seen::Connected(false)).await;
            probe.expect(Seen::Subscribed(vec![2], Some(0))).await;
            world.server(|server, now| server.publish(TOPIC, "on", Qos::AtLeastOnce, false, now)).unwrap();
            probe.expect(message(TOPIC, "on")).await;
            let delivery = probe.delivery.expect("it is to be acknowledged");
            assert_eq!(probe.during(100).await, []);
            let unanswered = |world: &World| world.server(|server, _| server.clients()[0].clone());
            let before = format!("{:?}", unanswered(&world));
            assert!(probe.acknowledge(delivery));
            assert!(!probe.acknowledge(delivery));
            assert_eq!(probe.during(100).await, []);
            assert_ne!(before, format!("{:?}", unanswered(&world)));
        });
    }
}

/// A PINGREQ goes out while nothing else does; the server would close the connection otherwise.
#[test]
fn a_connection_is_kept_alive() {
    for face in FACES {
        let world = World::strict(ServerOptions::new());
        play(face, &world, dunlin_codec::Version::V3_1_1, &options(), async |probe| {
            probe.expect(Seen::Connected(false)).await;
            assert_eq!(probe.during(600_000).await, []);
            assert!(world.server(|server, _| server.is_connected(CLIENT)));
        });
    }
}

/// A token is far longer than all buffers together.
#[test]
fn a_password_may_be_longer_than_any_buffer() {
    let token = "t".repeat(2_000);
    for (face, version) in FACES.into_iter().flat_map(|face| VERSIONS.map(|version| (face, version))) {
        for chunk in [1, 50, usize::MAX] {
            let world = World::strict(ServerOptions::new().credentials("device", token.as_bytes())).with_chunks(chunk);
            let mut options = options();
            (options.connect.user_name, options.connect.password) = (Some("device"), Some(token.as_bytes()));
            play(face, &world, version, &options, async |probe| {
                probe.expect(Seen::Connected(false)).await;
                probe.publish("on", Qos::AtLeastOnce);
                assert!(matches!(probe.next().await, Seen::Published(..)));
            });
            assert_eq!(world.server(|server, _| server.breaches()), []);
        }
    }
}
