use dunlin_codec::{Qos, ReasonCode, Version};
use dunlin_embedded::{Cause, Options};
use dunlin_session::{Backoff, ConnectOptions, Outcome};
use dunlin_testkit::ServerOptions;

use crate::scene::{CLIENT, FACES, Face, Seen, TOPIC, VERSIONS, filter, message, options, play, play_restarting};
use crate::world::World;

fn kept() -> Options<'static> {
    Options {
        connect: ConnectOptions { client_id: CLIENT, session_expiry_interval: 3_600, ..ConnectOptions::default() },
        ..options()
    }
}

/// Links that break after 40, 41, 42 ... bytes, so that every byte of every packet is the last one some time.
fn worn_out(first: usize) -> World {
    World::strict(ServerOptions::new()).with_cuts((0..12).map(|n| first + n * 7)).with_chunks(11)
}

fn numbers() -> Vec<String> {
    (0..10).map(|n: i32| n.to_string()).collect()
}

#[test]
fn qos_2_messages_get_there_once_and_in_order_whatever_byte_the_link_breaks_after() {
    for (face, version) in FACES.into_iter().flat_map(|face| VERSIONS.map(|version| (face, version))) {
        for first in 40..100 {
            let world = worn_out(first);
            play(face, &world, version, &kept(), async |probe| {
                let mut settled = 0;
                for (sent, payload) in numbers().iter().enumerate() {
                    while sent >= settled + 3 {
                        settled += settles(probe.next().await);
                    }
                    probe.publish(payload, Qos::ExactlyOnce);
                }
                while settled < 10 {
                    settled += settles(probe.next().await);
                }
                assert!(probe.is_idle());
            });
            world.server(|server, _| {
                let received: Vec<_> = server.received().iter().map(|received| received.message.text()).collect();
                assert_eq!((received, server.breaches()), (numbers(), vec![]), "{face:?} {version:?} {first}");
            });
        }
    }
}

fn settles(seen: Seen) -> usize {
    match seen {
        Seen::Published(_, Outcome::Delivered(ReasonCode::SUCCESS)) => 1,
        Seen::Connected(_) | Seen::Disconnected(Cause::Link, Some(_)) => 0,
        other => panic!("{other:?}"),
    }
}

#[test]
fn qos_2_messages_come_once_and_in_order_whatever_byte_the_link_breaks_after() {
    for (face, version) in FACES.into_iter().flat_map(|face| VERSIONS.map(|version| (face, version))) {
        for first in 60..120 {
            let world = worn_out(first);
            let subscriptions = [filter(TOPIC)];
            let options = Options { subscriptions: &subscriptions, ..kept() };
            let mut received = Vec::new();
            play(face, &world, version, &options, async |probe| {
                let mut is_published = false;
                while received.len() < 10 {
                    match probe.next().await {
                        Seen::Message { payload, .. } => received.push(String::from_utf8(payload).unwrap()),
                        Seen::Subscribed(..) if !std::mem::replace(&mut is_published, true) => {
                            for number in numbers() {
                                world.server(|server, now| {
                                    server.publish(TOPIC, number, Qos::ExactlyOnce, false, now).unwrap();
                                });
                            }
                        }
                        Seen::Subscribed(..) => {}
                        Seen::Connected(_) | Seen::Disconnected(Cause::Link, Some(_)) => {}
                        other => panic!("{other:?}"),
                    }
                }
                assert!(probe.during(100).await.iter().all(|seen| !matches!(seen, Seen::Message { .. })));
            });
            assert_eq!(received, numbers(), "{face:?} {version:?} {first}");
            assert_eq!(world.server(|server, _| server.breaches()), []);
        }
    }
}

#[test]
fn tries_are_spread_and_become_rare() {
    for face in FACES {
        let world = World::strict(ServerOptions::new());
        world.unreachable(12);
        play(face, &world, Version::V5, &options(), async |probe| {
            for _ in 0..12 {
                probe.expect_lost().await;
            }
            probe.expect(Seen::Connected(false)).await;
        });
        let opened = world.opened();
        let mut expected = Backoff::new(1_000, 60_000, 30_000, 17);
        for (before, after) in opened.iter().zip(&opened[1..]) {
            let at = expected.handle_lost(dunlin_session::Instant::from_millis(*before));
            assert_eq!(at.as_millis(), *after);
        }
    }
}

#[test]
fn a_link_that_does_not_open_is_given_up() {
    for face in [Face::Async, Face::Restless] {
        let world = World::strict(ServerOptions::new());
        world.black_hole(true);
        play(face, &world, Version::V5, &options(), async |probe| {
            let Seen::Disconnected(Cause::Link, Some(_)) = probe.next().await else { panic!("not told") };
            assert_eq!(world.millis(), 21_000);
            world.black_hole(false);
            probe.expect(Seen::Connected(false)).await;
        });
    }
}

#[test]
fn a_server_that_does_not_answer_or_falls_silent_is_left() {
    for face in FACES {
        let mut connects = 0;
        let world = World::played(move |bytes| {
            connects += usize::from(bytes[0] == 0x10);
            if connects == 2 && bytes[0] == 0x10 { b"\x20\x03\0\0\0".to_vec() } else { Vec::new() }
        });
        play(face, &world, Version::V5, &options(), async |probe| {
            assert!(matches!(probe.next().await, Seen::Disconnected(Cause::ConnackMissing, Some(_))));
            assert_eq!(world.millis(), 21_000);
            probe.expect(Seen::Connected(false)).await;
            let connected_at = world.millis();
            assert!(matches!(probe.next().await, Seen::Disconnected(Cause::Silent, Some(_))));
            assert_eq!(world.millis() - connected_at, 70_000);
        });
    }
}

#[test]
fn subscriptions_are_made_again_where_the_server_lost_the_session() {
    for (face, version) in FACES.into_iter().flat_map(|face| VERSIONS.map(|version| (face, version))) {
        let world = World::strict(ServerOptions::new());
        let subscriptions = [filter("other"), filter(TOPIC)];
        let options = Options { subscriptions: &subscriptions, ..kept() };
        play(face, &world, version, &options, async |probe| {
            for (forgotten, resumed) in [(false, false), (false, true), (true, false)] {
                if forgotten {
                    world.server(|server, _| server.forget_sessions());
                }
                if resumed || forgotten {
                    world.cut();
                    probe.expect_lost().await;
                }
                probe.expect(Seen::Connected(resumed)).await;
                if !resumed {
                    probe.expect(Seen::Subscribed(vec![2], Some(0))).await;
                    probe.expect(Seen::Subscribed(vec![2], Some(1))).await;
                }
                world.server(|server, now| server.publish(TOPIC, "on", Qos::AtMostOnce, false, now)).unwrap();
                probe.expect(message(TOPIC, "on")).await;
            }
        });
        assert_eq!(world.server(|server, _| server.breaches()), []);
    }
}

/// The link broke before the SUBACK: whether the server has the subscription is not known.
#[test]
fn a_subscription_that_was_not_confirmed_is_made_again_in_a_session_that_goes_on() {
    for face in FACES {
        let world = World::strict(ServerOptions::new().hold_acks(true));
        let subscriptions = [filter(TOPIC)];
        let options = Options { subscriptions: &subscriptions, ..kept() };
        play(face, &world, Version::V5, &options, async |probe| {
            probe.expect(Seen::Connected(false)).await;
            assert_eq!(probe.during(100).await, []);
            world.cut();
            world.server(|server, _| server.hold_acks(false));
            probe.expect_lost().await;
            probe.expect(Seen::Connected(true)).await;
            probe.expect(Seen::Subscribed(vec![2], Some(0))).await;
        });
    }
}

#[test]
fn what_is_refused_will_be_refused_again_and_what_is_busy_will_not() {
    for face in FACES {
        for (reason, soonest, latest) in
            [(ReasonCode::NOT_AUTHORIZED, 52_500, 60_000), (ReasonCode::SERVER_BUSY, 0, 1_000)]
        {
            let world = World::strict(ServerOptions::new().refuse(reason));
            play(face, &world, Version::V5, &options(), async |probe| {
                let Seen::Disconnected(cause, Some(wait)) = probe.next().await else { panic!("not told") };
                assert_eq!(cause, Cause::Refused(reason));
                assert!((soonest..=latest).contains(&wait), "{wait}");
            });
        }
    }
}

/// Whoever drops the future of `run` loses the connection, and gets another one when it runs again.
#[test]
fn a_line_that_is_dropped_may_be_run_again() {
    for face in [Face::Async, Face::Restless] {
        for polls in 2..40 {
            let world = World::strict(ServerOptions::new()).with_chunks(5);
            restarting(face, &world, polls);
            world.server(|server, _| {
                let received: Vec<_> = server.received().iter().map(|received| received.message.text()).collect();
                assert_eq!((received, server.breaches()), (numbers(), vec![]), "{polls}");
            });
        }
    }
}

fn restarting(face: Face, world: &World, polls: usize) {
    play_restarting(face, world, Version::V5, &kept(), polls, async |probe| {
        let mut settled = 0;
        for payload in &numbers() {
            probe.publish(payload, Qos::ExactlyOnce);
            let before = settled;
            while settled == before {
                settled += settles(probe.next().await);
            }
        }
    });
}
