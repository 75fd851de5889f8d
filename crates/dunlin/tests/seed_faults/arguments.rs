//! What may not be said: by the caller, and by the server.

use std::time::Duration;

use dunlin::{
    ConnectOptions, ConnectionError, Drain, Event, Malformed, OptionsError, PublishError, Qos, Status, SubscribeError,
    Version, Will, blocking::Client,
};
use dunlin_testkit::{Script, Scripted, Server};

use crate::{
    scene::{VERSIONS, options},
    story,
};

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
                // It comes when somebody listens to the events.
                let begin = Script::new().expect_packet().send(accept).expect_packet().send(bytes);
                let script = if version.is_v5() { begin.expect_packet().expect_close() } else { begin.expect_close() };
                let (server, address) = runtime.block_on(Scripted::listen([script])).unwrap();
                let client = Client::start(options(address.port()).version(version)).unwrap();
                let mut events = client.events();
                client.publish("t", "").post().unwrap();
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
                    let disconnect = &connections[0].packets[2];
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
