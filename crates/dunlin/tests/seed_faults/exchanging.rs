//! Messages and subscriptions on their way.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, mpsc},
    thread,
    time::Duration,
};

use dunlin::{
    Drain, Event, Outcome, PublishError, Qos, ReasonCode, Rejection, SubscribeError, Uncertainty,
    blocking::{Client, Handlers},
};
use dunlin_testkit::{Script, Scripted, Server};

use crate::{
    scene::{EVERY_QOS, VERSIONS, options, within},
    story,
};

#[test]
fn fault_05_a_qos_2_message_is_received_once_and_acknowledged() {
    story(|runtime| {
        for version in VERSIONS {
            let server = runtime.block_on(Server::start()).unwrap();
            let client = Client::connect(options(server.port()).version(version)).unwrap();
            let (told, received) = mpsc::channel();
            client.handle_events(Handlers::new().publish_received(move |message| {
                let _ = told.send((message.text().unwrap().to_owned(), message.qos()));
            }));
            let mut subscription = client.subscribe("t").qos(Qos::ExactlyOnce).wait().unwrap();
            for number in 0..99 {
                server.publish("t", number.to_string(), EVERY_QOS[number % 3], false).unwrap();
            }
            for number in 0..99 {
                let expected = (number.to_string(), EVERY_QOS[number % 3]);
                let message = subscription.wait_next().unwrap();
                assert_eq!((message.text().unwrap().to_owned(), message.qos()), expected);
                assert_eq!(received.recv().unwrap(), expected);
            }
            assert!(subscription.try_next().is_none());
            let done = server.wait_for(|server| server.clients()[0].in_flight == 0);
            runtime.block_on(within(done));
            client.close(Drain::ALL);
            assert!(received.recv().is_err(), "nothing came twice");
            server.assert_no_breaches();
        }
    });
}

#[test]
fn fault_06_nothing_is_sent_again_on_a_live_connection() {
    story(|runtime| {
        let accept: [&[u8]; 2] = [b"\x20\x03\0\0\0", b"\x20\x02\0\0"];
        let publishes: [&[u8]; 2] =
            [b"\x32\x07\0\x01t\0\x01\0x\x34\x07\0\x01t\0\x02\0y", b"\x32\x06\0\x01t\0\x01x\x34\x06\0\x01t\0\x02y"];
        for (version, (accept, publishes)) in VERSIONS.into_iter().zip(accept.into_iter().zip(publishes)) {
            // The pings prove that time passes, and that nothing else is sent meanwhile.
            let script = Script::new().expect_packet().send(accept).expect(publishes);
            let script = script.expect(*b"\xC0\0").send(*b"\xD0\0").expect(*b"\xC0\0").send(*b"\xD0\0");
            let script = script.send(*b"\x40\x02\0\x01\x50\x02\0\x02").expect(*b"\x62\x02\0\x02");
            let script = script.expect(*b"\xC0\0").send(*b"\xD0\0\x70\x02\0\x02").expect([0xE0, 0]).expect_close();
            let (server, address) = runtime.block_on(Scripted::listen([script])).unwrap();
            let options = options(address.port()).version(version).keep_alive(Duration::from_secs(1));
            let client = Client::connect(options).unwrap();
            let one = client.publish("t", "x").qos(Qos::AtLeastOnce).enqueue().unwrap();
            let two = client.publish("t", "y").qos(Qos::ExactlyOnce).enqueue().unwrap();
            assert_eq!(one.wait(), Outcome::Delivered(ReasonCode::SUCCESS));
            assert_eq!(two.wait(), Outcome::Delivered(ReasonCode::SUCCESS));
            client.close(Drain::ALL);
            runtime.block_on(server.finish()).unwrap();
        }
    });
}

#[test]
fn fault_07_a_message_that_failed_is_told_as_such_and_never_as_a_received_one() {
    story(|runtime| {
        let options_of_server = Server::options().deny_publish("denied", ReasonCode::NOT_AUTHORIZED).unwrap();
        let server = runtime.block_on(options_of_server.start()).unwrap();
        let client = Client::connect(options(server.port()).client_id("it")).unwrap();
        let (told, published) = mpsc::channel();
        let received = Arc::new(Mutex::new(0));
        let count = received.clone();
        client.handle_events(
            Handlers::new()
                .published(move |label, outcome| told.send((label, outcome)).unwrap_or_default())
                .publish_received(move |_| *count.lock().unwrap() += 1),
        );
        for (label, qos) in [(1, Qos::AtLeastOnce), (2, Qos::ExactlyOnce)] {
            let reason = ReasonCode::NOT_AUTHORIZED;
            let error = client.publish("denied", "x").qos(qos).label(label).wait().unwrap_err();
            assert!(matches!(error, PublishError::Refused { reason: told, .. } if told == reason), "{error:?}");
            let outcome = Outcome::Rejected(Rejection::ByServer(reason));
            assert_eq!(published.recv().unwrap(), (Some(label), outcome));
        }
        server.hold_acks(true);
        let unanswered = client.publish("t", "x").qos(Qos::AtLeastOnce).label(3).enqueue().unwrap();
        runtime.block_on(within(server.wait_for(|server| server.held_acks("it").len() == 1)));
        let closed = client.close(Drain::within(Duration::from_millis(10)));
        assert_eq!((closed.settled, closed.unsent, closed.unknown), (0, 0, 1));
        assert_eq!(unanswered.wait(), Outcome::Unknown(Uncertainty::Closed));
        assert_eq!(published.recv().unwrap(), (Some(3), Outcome::Unknown(Uncertainty::Closed)));
        assert!(published.recv().is_err(), "each is told once");
        assert_eq!(*received.lock().unwrap(), 0);
        server.assert_no_breaches();
    });
}

#[test]
fn fault_08_acknowledgements_in_any_order_settle_their_messages() {
    story(|runtime| {
        for version in VERSIONS {
            for qos in [Qos::AtLeastOnce, Qos::ExactlyOnce] {
                let server = runtime.block_on(Server::options().hold_acks(true).start()).unwrap();
                let client = Client::connect(options(server.port()).version(version).client_id("it")).unwrap();
                let mut receipts: Vec<_> = (0..5)
                    .map(|number| client.publish("t", number.to_string()).qos(qos).enqueue().map(Some).unwrap())
                    .collect();
                let held = |count| {
                    runtime.block_on(within(server.wait_for(|server| server.held_acks("it").len() == count)));
                    server.held_acks("it")
                };
                if qos == Qos::ExactlyOnce {
                    let pubrecs = held(5);
                    for index in [4, 0, 3, 1, 2] {
                        assert!(server.release_ack("it", pubrecs[index].packet_id));
                    }
                    let is_pubcomp = |server: &Server| {
                        let held = server.held_acks("it");
                        held.len() == 5 && held.iter().all(|held| format!("{:?}", held.packet_type) == "Pubcomp")
                    };
                    runtime.block_on(within(server.wait_for(is_pubcomp)));
                }
                let mut acks = held(5);
                acks.sort_by_key(|held| held.packet_id);
                for index in [2, 4, 0, 3, 1] {
                    assert!(server.release_ack("it", acks[index].packet_id));
                    let outcome = receipts[index].take().unwrap().wait();
                    assert!(matches!(outcome, Outcome::Delivered(_)), "{outcome:?}");
                }
                client.close(Drain::ALL);
                assert!(server.received().iter().all(|received| !received.dup));
                assert_eq!(server.received_total(), 5, "nothing was sent again: {version:?} {qos:?}");
                server.assert_no_breaches();
            }
        }
    });
}

#[test]
fn fault_11_a_refused_subscription_is_an_error_and_an_unanswered_one_ends() {
    story(|runtime| {
        for version in VERSIONS {
            let denying = Server::options().deny_subscribe("secret", ReasonCode::NOT_AUTHORIZED).unwrap();
            let server = runtime.block_on(denying.start()).unwrap();
            let client = Arc::new(Client::connect(options(server.port()).version(version).client_id("it")).unwrap());
            let mut events = client.events();
            let error = client.subscribe("secret").label(5).wait().unwrap_err();
            assert!(matches!(error, SubscribeError::Refused { ref filter, .. } if **filter == *"secret"), "{error:?}");
            assert!(matches!(events.wait_next(), Some(Event::Subscribed { label: Some(5), granted: Err(_), .. })));

            server.hold_acks(true);
            let other = client.clone();
            let asking = thread::spawn(move || other.subscribe("slow").wait().map(drop));
            let unanswered = |server: &Server| server.held_acks("it").len() == 1;
            runtime.block_on(within(server.wait_for(unanswered)));
            assert!(server.cut("it"));
            runtime.block_on(within(server.wait_for(unanswered)));
            assert!(!asking.is_finished(), "asked again on the next connection");
            server.hold_acks(false);
            asking.join().unwrap().unwrap();

            // Closed while the answer is still out: the wait ends with an error.
            server.hold_acks(true);
            runtime.block_on(within(async {
                let options = options(server.port()).version(version).client_id("other");
                let client = dunlin::Client::connect(options).await.unwrap();
                let asking = client.clone();
                let asking = tokio::spawn(async move { asking.subscribe("never").await.map(drop) });
                server.wait_for(|server| server.held_acks("other").len() == 1).await;
                client.close(Drain::NONE).await;
                assert_eq!(asking.await.unwrap(), Err(SubscribeError::Closed));
            }));
            server.assert_no_breaches();
        }
    });
}

#[test]
fn fault_12_publishing_from_inside_a_full_receive_loop_goes_on() {
    story(|runtime| {
        for version in VERSIONS {
            for incoming in EVERY_QOS {
                for outgoing in EVERY_QOS {
                    let server = runtime.block_on(Server::start()).unwrap();
                    let options = options(server.port()).version(version).session_expiry(Duration::from_secs(3600));
                    let options = options.unread_bytes(2_000).receive_maximum(20).queue_bytes(1_000);
                    let client = Client::connect(options).unwrap();
                    let mut subscription = client.subscribe("in").qos(Qos::ExactlyOnce).wait().unwrap();
                    for number in 0..IN_LOOP {
                        server.publish("in", format!("{number:0200}"), incoming, false).unwrap();
                    }
                    server.publish("in", "end", Qos::AtLeastOnce.max(incoming), false).unwrap();
                    let mut answered = 0;
                    loop {
                        let message = subscription.wait_next().unwrap();
                        if message.text() == Some("end") {
                            break;
                        }
                        client.publish("out", message.payload_bytes()).qos(outgoing).wait().unwrap();
                        answered += 1;
                    }
                    if incoming != Qos::AtMostOnce {
                        let all = server.wait_for(|server| {
                            let texts = server.received().iter().map(|received| received.message.text()).collect();
                            let texts: BTreeSet<String> = texts;
                            texts.len() == IN_LOOP
                        });
                        runtime.block_on(within(all));
                    }
                    assert!(answered > 0);
                    client.close(Drain::ALL);
                    server.assert_no_breaches();
                }
            }
        }
    });
}

#[test]
fn fault_12_many_threads_write_to_one_connection_and_every_packet_stays_whole() {
    story(|runtime| {
        for version in VERSIONS {
            let server = runtime.block_on(Server::start()).unwrap();
            let client = Arc::new(Client::connect(options(server.port()).version(version)).unwrap());
            let mut subscription = client.subscribe("in").qos(Qos::ExactlyOnce).wait().unwrap();
            let threads: Vec<_> = (0..4)
                .map(|thread| {
                    let client = client.clone();
                    thread::spawn(move || {
                        for number in 0..100 {
                            let payload = vec![b'x'; number * 97];
                            let topic = format!("out/{thread}");
                            client.publish(&topic, payload).qos(EVERY_QOS[number % 3]).wait().unwrap();
                        }
                    })
                })
                .collect();
            for number in 0..100 {
                server.publish("in", number.to_string(), EVERY_QOS[number % 3], false).unwrap();
                assert_eq!(subscription.wait_next().unwrap().text(), Some(number.to_string().as_str()));
            }
            for thread in threads {
                thread.join().unwrap();
            }
            runtime.block_on(within(server.wait_for_messages(400)));
            assert_eq!(client.statistics().connections, 1);
            server.assert_no_breaches();
        }
    });
}

#[test]
fn fault_14_a_handler_that_panics_ends_nothing_and_a_client_needs_no_name() {
    story(|runtime| {
        for version in VERSIONS {
            let server = runtime.block_on(Server::start()).unwrap();
            let client = Client::connect(options(server.port()).version(version).client_id("")).unwrap();
            assert_eq!(server.connects()[0].client_id, "");
            let (told, received) = mpsc::channel();
            client.handle_events(Handlers::new().publish_received(move |message| {
                told.send(message.text().unwrap().to_owned()).unwrap();
                // What a handler does wrong is its own fault; no panic message in the output of the tests.
                std::panic::resume_unwind(Box::new("a fault of the application"));
            }));
            let mut subscription = client.subscribe("t").wait().unwrap();
            for number in 0..10 {
                client.publish("t", number.to_string()).qos(Qos::AtLeastOnce).wait().unwrap();
                assert_eq!(received.recv().unwrap(), number.to_string());
                assert_eq!(subscription.wait_next().unwrap().text(), Some(number.to_string().as_str()));
            }
            assert_eq!(client.statistics().connections, 1);
            client.close(Drain::ALL);
            server.assert_no_breaches();
        }
    });
}

const IN_LOOP: usize = 60;
