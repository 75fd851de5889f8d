//! The fifteen faults of the TinyCLR MQTT driver, turned round: what went wrong there holds here, one test each.

mod scene;

use std::{
    collections::BTreeSet,
    fs,
    io::{Read, Write},
    net::TcpListener,
    process::Command,
    sync::{Arc, Mutex, mpsc},
    thread,
    time::{Duration, Instant},
};

use dunlin::{
    ConnectOptions, ConnectionError, Drain, Event, Malformed, OptionsError, Outcome, PublishError, Qos, ReasonCode,
    Rejection, Status, SubscribeError, Uncertainty, Version, Will,
    blocking::{Client, Handlers},
};
use dunlin_testkit::{LinkOptions, Script, Scripted, Server};
use scene::{EVERY_QOS, VERSIONS, options, within};
use tokio::runtime::Runtime;

#[test]
fn fault_01_the_will_is_sent_and_fires() {
    story(|runtime| {
        for version in VERSIONS {
            for qos in EVERY_QOS {
                let server = runtime.block_on(Server::start()).unwrap();
                let watcher = Client::connect(options(server.port()).version(version)).unwrap();
                let mut wills = watcher.subscribe("wills/+").qos(Qos::ExactlyOnce).wait().unwrap();
                let will = Will::new("wills/7", [0, 0xFF, b'!']).unwrap().qos(qos).retain(true);
                let client = Client::connect(options(server.port()).version(version).will(will)).unwrap();
                let sent = server.connects()[1].will.clone().expect("CONNECT has a will");
                assert_eq!((sent.topic(), sent.payload(), sent.retain()), ("wills/7", &b"\x00\xff!"[..], true));
                assert_eq!(sent.qos(), qos);
                client.abort();
                let fired = wills.wait_next().expect("the will");
                assert_eq!((fired.topic(), fired.payload(), fired.qos()), ("wills/7", &b"\x00\xff!"[..], qos));
                watcher.close(Drain::ALL);
                server.assert_no_breaches();
            }
        }
    });
}

#[test]
fn fault_02_no_part_of_a_will_is_sent_without_the_will_flag() {
    story(|runtime| {
        let flags = |options: ConnectOptions| {
            let script = Script::new().expect_packet().close();
            let (server, address) = runtime.block_on(Scripted::listen([script])).unwrap();
            let _ = Client::connect(options.port(address.port()));
            runtime.block_on(server.finish()).unwrap()[0].packets[0][9]
        };
        for version in VERSIONS {
            for qos in EVERY_QOS {
                for retain in [false, true] {
                    let will = Will::new("w", "gone").unwrap().qos(qos).retain(retain);
                    let expected = 0x02 | 0x04 | (qos as u8) << 3 | u8::from(retain) << 5;
                    assert_eq!(flags(options(0).version(version).will(will)), expected);
                }
            }
            assert_eq!(flags(options(0).version(version)), 0x02, "no will, no flag of it");
        }
    });
}

#[test]
fn fault_03_a_password_alone_is_refused_at_the_call_in_3_1_1_and_sent_in_5_0() {
    story(|runtime| {
        let server = runtime.block_on(Server::start()).unwrap();
        let options = options(server.port()).password([1, 2, 3]);
        let refused = Client::connect(options.clone().version(Version::V3_1_1)).unwrap_err();
        assert_eq!(refused, ConnectionError::Options(OptionsError::PasswordAlone));
        assert!(server.connects().is_empty(), "nothing was sent");
        Client::connect(options).unwrap().close(Drain::ALL);
        let connect = &server.connects()[0];
        assert_eq!((&connect.user_name, &connect.password), (&None, &Some(vec![1, 2, 3])));
        server.assert_no_breaches();
    });
}

#[test]
fn fault_04_connecting_ends_as_the_server_said_a_hundred_times() {
    story(|runtime| {
        let server = runtime.block_on(Server::start()).unwrap();
        for round in 0..100 {
            let refuses = round % 3 == 0;
            server.reconfigure(|options| match refuses {
                true => options.refuse(ReasonCode::NOT_AUTHORIZED),
                false => options.refuse_none(),
            });
            match Client::connect(options(server.port()).version(VERSIONS[round % 2])) {
                Ok(client) => {
                    assert!(!refuses);
                    assert_eq!(client.status(), Status::Connected);
                    client.close(Drain::NONE);
                }
                Err(ConnectionError::Server(refusal)) => {
                    assert!(refuses);
                    assert_eq!((refusal.reason, refusal.to_connect), (ReasonCode::NOT_AUTHORIZED, true));
                }
                Err(error) => panic!("round {round}: {error:?}"),
            }
        }
        assert_eq!(server.connects().len(), 100);
    });
}

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
#[cfg(target_os = "linux")]
fn fault_09_a_refused_connection_leaves_nothing_running() {
    // Alone in a process, whose threads can be counted.
    const ALONE: &str = "DUNLIN_FAULT_09_ALONE";
    const NAME: &str = "fault_09_a_refused_connection_leaves_nothing_running";
    if std::env::var_os(ALONE).is_none() {
        let this = std::env::current_exe().unwrap();
        let alone = Command::new(this).args(["--exact", NAME, "--nocapture"]).env(ALONE, "1").output().unwrap();
        assert!(alone.status.success(), "{}", String::from_utf8_lossy(&alone.stderr));
        return;
    }
    let names = || {
        let tasks = fs::read_dir("/proc/self/task").unwrap().flatten();
        tasks.filter_map(|task| fs::read_to_string(task.path().join("comm")).ok()).collect::<Vec<_>>()
    };
    story(move |runtime| {
        for refusal in [&b"\x20\x02\0\x05"[..], b"\x20\x03\0\x87\0"] {
            let version = if refusal.len() == 4 { Version::V3_1_1 } else { Version::V5 };
            // The socket is closed, and there is no second try.
            let script = Script::new().expect_packet().send(refusal).expect_close();
            let (server, address) = runtime.block_on(Scripted::listen([script])).unwrap();
            let error = Client::connect(options(address.port()).version(version)).unwrap_err();
            assert!(matches!(error, ConnectionError::Server(ref refusal) if refusal.to_connect), "{error:?}");
            runtime.block_on(server.finish()).unwrap();
            let began = Instant::now();
            while names().iter().any(|name| name.trim() == "dunlin") {
                assert!(began.elapsed() < Duration::from_secs(10), "the driver's thread goes on");
                thread::yield_now();
            }
        }
    });
}

#[test]
fn fault_10_arguments_that_do_not_fit_are_errors_of_the_call() {
    story(|runtime| {
        for version in VERSIONS {
            let server = runtime.block_on(Server::start()).unwrap();
            let client = Client::connect(options(server.port()).version(version)).unwrap();
            for filter in ["", "a/#/b", "a+", "#a", "\0", "$share/group", &"x".repeat(65_536)] {
                let error = client.subscribe(filter).wait().unwrap_err();
                assert!(matches!(error, SubscribeError::Filter(_)), "{filter:?}: {error:?}");
                let error = client.subscribe("good").and(filter).wait().unwrap_err();
                assert!(matches!(error, SubscribeError::Filter(_)), "{filter:?}: {error:?}");
            }
            let shared = client.subscribe("$share/group/t").no_local(true).wait().unwrap_err();
            assert_eq!(shared, SubscribeError::SharedNoLocal);
            if version == Version::V3_1_1 {
                let error = client.subscribe("t").retain_as_published(true).wait().unwrap_err();
                assert_eq!(error, SubscribeError::NeedsV5);
                let publish = client.publish("t", "x").property(dunlin::Property::ContentType("text/plain"));
                assert_eq!(publish.wait(), Err(PublishError::NeedsV5));
            }
            // One QoS for all filters of a call: none can be without one.
            let both = client.subscribe("a").and("b").and("a").qos(Qos::AtLeastOnce).wait().unwrap();
            assert_eq!(server.clients()[0].subscriptions, ["a", "b"]);
            both.unsubscribe().wait().unwrap();
            assert_eq!((client.status(), client.statistics().connections), (Status::Connected, 1));
            client.close(Drain::ALL);
            server.assert_no_breaches();
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
fn fault_13_what_the_server_may_not_send_ends_the_connection_with_a_name() {
    let accept: [&[u8]; 2] = [b"\x20\x03\0\0\0", b"\x20\x02\0\0"];
    // What comes, and the reason of the DISCONNECT that answers it in 5.0.
    let cases: [(&[u8], [u8; 2]); 12] = [
        (b"\x30\xff\xff\xff\x7f", [0x95, 0]), // 256 MiB
        (b"\x30\xff\xff\xff\xff\x01", [0x81, 0]),
        (b"\x36\x05\0\x01t\0\x01", [0x81, 0]), // QoS 3
        (b"\x32\x06\0\x01t\0\0\0", [0x82, 0]), // identifier 0
        (b"\x30\x01\0", [0x81, 0]),
        (b"\x30\x03\0\x09t", [0x81, 0]),
        (b"\x40\x01\0", [0x81, 0]),
        (b"\x30\x05\0\x02\xc3\x28\0", [0x81, 0]), // not UTF-8
        (b"\x30\x05\0\x02a\0\0", [0x81, 0]),      // U+0000
        (b"\x30\x04\0\x01#\0", [0x81, 0x90]),
        (b"\xf5\x00", [0x81, 0]),
        (b"\x00\x00", [0x81, 0]),
    ];
    story(move |runtime| {
        for (version, accept) in VERSIONS.into_iter().zip(accept) {
            for (bytes, reasons) in cases {
                let begin = Script::new().expect_packet().send(accept).send(bytes);
                let script = if version.is_v5() { begin.expect_packet().expect_close() } else { begin.expect_close() };
                let (server, address) = runtime.block_on(Scripted::listen([script])).unwrap();
                let client = Client::start(options(address.port()).version(version)).unwrap();
                let mut events = client.events();
                let fault = loop {
                    match events.wait_next() {
                        Some(Event::Disconnected { error: ConnectionError::Fault(fault), .. }) => break fault,
                        Some(Event::Disconnected { error, .. }) => panic!("{bytes:02x?}: {error:?}"),
                        Some(_) => {}
                        None => panic!("closed"),
                    }
                };
                let connections = runtime.block_on(server.finish()).unwrap();
                if version.is_v5() {
                    let disconnect = &connections[0].packets[1];
                    assert!(
                        disconnect[0] == 0xE0 && reasons.contains(&disconnect[2]),
                        "{bytes:02x?}: {disconnect:02x?}"
                    );
                }
                assert!(!fault.to_string().is_empty());
                if bytes[1..].starts_with(b"\xff\xff\xff\xff") {
                    assert_eq!(fault, Malformed::VariableByteInteger.into());
                }
                client.close(Drain::NONE);
            }
        }
    });
}

#[test]
fn fault_13_what_may_not_be_sent_is_refused_at_the_call() {
    story(|runtime| {
        for version in VERSIONS {
            let server = runtime.block_on(Server::start()).unwrap();
            let client = Client::connect(options(server.port()).version(version)).unwrap();
            let long = "x".repeat(65_536);
            for topic in ["", "a/#", "+", "a/+/b", "\0", &long] {
                let error = Will::new(topic, "x").unwrap_err();
                assert_eq!(client.publish(topic, "x").wait(), Err(PublishError::Topic(error)), "{topic:?}");
            }
            if version.is_v5() {
                let too_large = client.publish("t", vec![0; 1 << 20]).qos(Qos::AtLeastOnce).wait();
                assert_eq!(too_large, Err(PublishError::TooLarge), "the server told its limit");
            }
            assert_eq!((client.status(), server.received_total()), (Status::Connected, 0));
            let options = options(server.port()).version(version);
            let keep_alive = options.clone().keep_alive(Duration::from_secs(65_536));
            assert_eq!(refused(keep_alive), OptionsError::KeepAliveTooLong);
            assert!(matches!(refused(options.clone().client_id("a\0b")), OptionsError::Text { .. }));
            assert!(matches!(refused(options.clone().user_name(long.as_str())), OptionsError::Text { .. }));
            assert!(matches!(refused(options.clone().password(vec![0; 65_536])), OptionsError::Text { .. }));
            let will = Will::new("t", vec![0; 65_536]).unwrap();
            assert!(matches!(refused(options.clone().will(will)), OptionsError::Text { .. }));
            assert_eq!(refused(options.receive_maximum(0)), OptionsError::Zero);
        }
    });
}

fn refused(options: ConnectOptions) -> OptionsError {
    match Client::connect(options) {
        Err(ConnectionError::Options(error)) => error,
        other => panic!("{other:?}"),
    }
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

#[test]
fn fault_15_what_was_missing_is_there() {
    story(|runtime| {
        for version in VERSIONS {
            let server = runtime.block_on(Server::options().credentials("anna", [0, 1, 0xFF]).start()).unwrap();
            let (link, address) = runtime.block_on(LinkOptions::new().listen(server.address())).unwrap();
            // A user name, which may be a token, and a binary password: nothing shows them.
            let options = options(address.port()).version(version).client_id("sensor-17");
            let options = options.user_name("anna").password([0, 1, 0xFF]);
            let shown = format!("{options:?}");
            assert!(!shown.contains("anna") && !shown.contains("255") && !shown.contains("ff"), "{shown}");
            let client = Client::connect(options).unwrap();
            assert!(!format!("{client:?}").contains("255"));

            // Reconnecting by itself, with its subscriptions.
            let mut subscription = client.subscribe("t").qos(Qos::AtLeastOnce).wait().unwrap();
            for _ in 0..3 {
                link.cut(dunlin_testkit::Cut::Reset);
                client.publish("t", "again").qos(Qos::AtLeastOnce).wait().unwrap();
                assert_eq!(subscription.wait_next().unwrap().text(), Some("again"));
            }
            assert!(client.statistics().connections > 1);

            // A wait that ends, and leaves its message to the next.
            assert!(subscription.wait_next_for(Duration::from_millis(5)).is_none());
            client.publish("t", "kept").qos(Qos::AtLeastOnce).wait().unwrap();
            assert_eq!(subscription.wait_next_for(Duration::from_secs(10)).unwrap().text(), Some("kept"));
            drop(subscription);
            client.close(Drain::ALL);
            server.assert_no_breaches();
        }
        ipv6();
    });
}

/// Where this machine has an IPv6 loopback.
fn ipv6() {
    let Ok(listener) = TcpListener::bind("[::1]:0") else { return };
    let port = listener.local_addr().unwrap().port();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut first = [0; 2];
        stream.read_exact(&mut first).unwrap();
        let mut connect = vec![0; first[1].into()];
        stream.read_exact(&mut connect).unwrap();
        stream.write_all(b"\x20\x03\0\0\0").unwrap();
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).unwrap();
        rest
    });
    let client = Client::connect(format!("mqtt://[::1]:{port}")).unwrap();
    client.close(Drain::ALL);
    assert_eq!(server.join().unwrap(), [0xE0, 0]);
}

/// Runs a story of blocking calls on a thread of its own, beside a runtime for its servers. Nothing may hang.
#[track_caller]
fn story(tell: impl FnOnce(&Runtime) + Send + 'static) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (over, ended) = mpsc::channel();
    let teller = thread::spawn(move || {
        tell(&runtime);
        let _ = over.send(());
    });
    if let Err(mpsc::RecvTimeoutError::Timeout) = ended.recv_timeout(LIMIT) {
        panic!("the story did not end within {LIMIT:?}");
    }
    if let Err(panic) = teller.join() {
        std::panic::resume_unwind(panic);
    }
}

const LIMIT: Duration = Duration::from_secs(60);
const IN_LOOP: usize = 60;
