//! The client against a real Mosquitto: plain and TLS, both versions, every QoS both ways, retained messages, wills,
//! sessions that outlive a restart, passwords, and payloads from nothing to 5 MiB.

mod scene;

use std::time::Duration;

use bytes::Bytes;
use dunlin::{Client, ConnectOptions, ConnectionError, Drain, Event, Outcome, Qos, TlsOptions, Version, Will};
use dunlin_testkit::{Cut, Direction, LinkOptions, Mosquitto};
use scene::{EVERY_QOS, MosquittoSub, VERSIONS, event, message, mosquitto_pub, options, text, within};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_program_gets_what_is_published_at_every_qos() {
    let mosquitto = Mosquitto::options().line("log_type subscribe").start().expect("this test needs Mosquitto");
    for version in VERSIONS {
        let client = within(Client::connect(options(mosquitto.port()).version(version))).await.unwrap();
        for qos in EVERY_QOS {
            let id = format!("sub-{version:?}-{qos:?}").replace('_', "-");
            let mut sub = MosquittoSub::start(&mosquitto, &id, Qos::ExactlyOnce, "to/+", &["-F", "%t %q %p"]);
            let outcome = within(client.publish("to/you", "21.5").qos(qos)).await.unwrap();
            assert_eq!(matches!(outcome, Outcome::Sent), qos == Qos::AtMostOnce, "{outcome:?}");
            assert_eq!(sub.line(), format!("to/you {} 21.5", qos as u8), "{version:?}");
        }
        within(client.close(Drain::ALL)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_another_program_publishes_is_received_at_every_qos() {
    let mosquitto = Mosquitto::start().expect("this test needs Mosquitto");
    for version in VERSIONS {
        let client = within(Client::connect(options(mosquitto.port()).version(version))).await.unwrap();
        let mut subscription = within(client.subscribe("from/+").qos(Qos::ExactlyOnce)).await.unwrap();
        for (number, qos) in ["0", "1", "2"].into_iter().zip(EVERY_QOS) {
            mosquitto_pub(&mosquitto, &["-t", "from/me", "-m", "21.5", "-q", number]);
            let message = message(&mut subscription).await;
            assert_eq!((message.topic(), message.text()), ("from/me", Some("21.5")));
            assert_eq!((message.qos(), message.retain(), message.dup()), (qos, false, false), "{version:?}");
        }
        within(subscription.unsubscribe()).await.unwrap();
        mosquitto_pub(&mosquitto, &["-t", "from/me", "-m", "nobody is here", "-q", "1"]);
        within(client.publish("after/it", "").qos(Qos::AtLeastOnce)).await.unwrap();
        assert_eq!(client.statistics().unclaimed, 0, "the server was told");
        within(client.close(Drain::ALL)).await;
    }
}

#[tokio::test]
async fn two_clients_talk_at_every_qos_in_every_pair_of_versions() {
    let mosquitto = Mosquitto::start().expect("this test needs Mosquitto");
    for version in VERSIONS {
        for other in VERSIONS {
            let publisher = within(Client::connect(options(mosquitto.port()).version(version))).await.unwrap();
            let subscriber = within(Client::connect(options(mosquitto.port()).version(other))).await.unwrap();
            for qos in EVERY_QOS {
                let mut subscription = within(subscriber.subscribe("talk").qos(qos)).await.unwrap();
                within(publisher.publish("talk", "hello").qos(Qos::ExactlyOnce)).await.unwrap();
                let message = message(&mut subscription).await;
                assert_eq!((message.text(), message.qos()), (Some("hello"), qos), "the lower of the two");
                within(subscription.unsubscribe()).await.unwrap();
            }
            within(publisher.close(Drain::ALL)).await;
            within(subscriber.close(Drain::ALL)).await;
        }
    }
}

#[tokio::test]
async fn tls_with_the_authority_of_the_server() {
    let mosquitto = Mosquitto::start().expect("this test needs Mosquitto");
    let tls = TlsOptions::new().ca_file(mosquitto.certificates().authority_file());
    for version in VERSIONS {
        let options = ConnectOptions::from_url(&mosquitto.tls_url()).unwrap().version(version).tls(tls.clone());
        talks_to_itself(options).await;
    }
    let stranger = ConnectOptions::from_url(&mosquitto.tls_url()).unwrap();
    let error = within(Client::connect(stranger)).await.unwrap_err();
    assert!(matches!(error, ConnectionError::Tls(_)), "the platform does not know this authority: {error}");
}

#[tokio::test]
async fn tls_with_a_client_certificate() {
    let mosquitto = Mosquitto::start().expect("this test needs Mosquitto");
    let certificates = mosquitto.certificates();
    let anonymous = TlsOptions::new().ca_file(certificates.authority_file());
    let known = anonymous
        .clone()
        .client_certificate_files(certificates.client_certificate_file(), certificates.client_key_file());
    for version in VERSIONS {
        let options = ConnectOptions::from_url(&mosquitto.mutual_tls_url()).unwrap().version(version);
        talks_to_itself(options.clone().tls(known.clone())).await;
        let error = within(Client::connect(options.tls(anonymous.clone()))).await.unwrap_err();
        assert!(matches!(error, ConnectionError::Tls(_)), "{error:?}");
    }
}

#[tokio::test]
async fn what_tls_holds_back_while_the_link_is_stuck_leaves_when_it_is_not() {
    let mosquitto = Mosquitto::start().expect("this test needs Mosquitto");
    let server = std::net::SocketAddr::from(([127, 0, 0, 1], mosquitto.tls_port()));
    let tls = TlsOptions::new().ca_file(mosquitto.certificates().authority_file());
    for version in VERSIONS {
        let (link, address) = LinkOptions::new().listen(server).await.unwrap();
        // Nothing but the message itself makes the client write.
        let options = options(address.port()).version(version).tls(tls.clone()).port(address.port());
        let options = options.keep_alive(Duration::ZERO).memory_bytes(32 << 20).ping_timeout(Duration::from_secs(60));
        let client = within(Client::connect(options)).await.unwrap();
        for size in [100, 12 << 20] {
            link.stall(Direction::ToServer);
            let receipt = client.publish("t", vec![b'x'; size]).qos(Qos::AtLeastOnce).enqueue().unwrap();
            // The link holds 16 KiB, the sockets some MiB.
            let began = link.bytes(Direction::ToServer);
            for _ in 0..1_000 {
                tokio::task::yield_now().await;
            }
            assert_eq!(link.bytes(Direction::ToServer), began);
            link.heal();
            assert!(matches!(within(receipt).await, Outcome::Delivered(_)), "{size} bytes, {version:?}");
        }
        within(client.close(Drain::ALL)).await;
    }
}

/// Every QoS, and a payload that does not fit into one record of TLS.
async fn talks_to_itself(options: ConnectOptions) {
    let client = within(Client::connect(options)).await.unwrap();
    let mut subscription = within(client.subscribe("me").qos(Qos::ExactlyOnce)).await.unwrap();
    let large: Vec<u8> = (0..1_000_000_u32).map(|n| (n % 251) as u8).collect();
    for qos in EVERY_QOS {
        within(client.publish("me", &large).qos(qos)).await.unwrap();
        within(client.publish("me", "small").qos(qos)).await.unwrap();
        assert_eq!(message(&mut subscription).await.payload(), large);
        let message = message(&mut subscription).await;
        assert_eq!((message.text(), message.qos()), (Some("small"), qos));
    }
    within(client.close(Drain::ALL)).await;
}

#[tokio::test]
async fn a_retained_message_waits_for_its_subscriber_and_an_empty_one_takes_it_away() {
    let mosquitto = Mosquitto::start().expect("this test needs Mosquitto");
    for version in VERSIONS {
        let client = within(Client::connect(options(mosquitto.port()).version(version))).await.unwrap();
        let publish = |payload| client.publish("kept", payload).qos(Qos::AtLeastOnce).retain(true);
        within(publish("old news")).await.unwrap();
        let mut subscription = within(client.subscribe("kept")).await.unwrap();
        let kept = message(&mut subscription).await;
        assert_eq!((kept.text(), kept.retain()), (Some("old news"), true), "{version:?}");
        within(publish("")).await.unwrap();
        let live = message(&mut subscription).await;
        assert_eq!((live.text(), live.retain()), (Some(""), false), "{version:?}");
        within(subscription.unsubscribe()).await.unwrap();
        let mut again = within(client.subscribe("kept")).await.unwrap();
        within(client.publish("kept", "first")).await.unwrap();
        assert_eq!(text(&mut again).await, "first", "nothing was kept");
    }
}

#[tokio::test]
async fn the_will_is_published_after_an_abort_and_not_after_a_close() {
    let mosquitto = Mosquitto::start().expect("this test needs Mosquitto");
    let watcher = within(Client::connect(options(mosquitto.port()))).await.unwrap();
    let mut wills = within(watcher.subscribe("wills").qos(Qos::ExactlyOnce)).await.unwrap();
    for version in VERSIONS {
        for qos in EVERY_QOS {
            let will = Will::new("wills", "I am gone").unwrap().qos(qos);
            let options = options(mosquitto.port()).version(version).will(will);
            let polite = within(Client::connect(options.clone())).await.unwrap();
            within(polite.close(Drain::ALL)).await;
            within(watcher.publish("wills", "a marker").qos(Qos::AtLeastOnce)).await.unwrap();
            assert_eq!(text(&mut wills).await, "a marker", "close() takes the will back: {version:?}");

            let rude = within(Client::connect(options)).await.unwrap();
            within(rude.abort()).await;
            let will = message(&mut wills).await;
            assert_eq!((will.text(), will.qos()), (Some("I am gone"), qos), "{version:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_outlives_a_restart_of_the_server_with_what_was_queued_for_it() {
    for version in VERSIONS {
        let mut mosquitto = Mosquitto::options().persistence(true).start().expect("this test needs Mosquitto");
        let (link, address) = LinkOptions::new().listen(mosquitto.address()).await.unwrap();
        // Mosquitto 2.0.11 saves no session that began with Clean Start.
        let kept =
            options(address.port()).version(version).session_expiry(Duration::from_secs(3600)).clean_start(false);
        let subscriber = within(Client::connect(kept)).await.unwrap();
        let mut subscription = within(subscriber.subscribe("queued").qos(Qos::ExactlyOnce)).await.unwrap();
        let mut events = subscriber.events();
        link.refuse();
        link.cut(Cut::Reset);
        event(&mut events, |event| matches!(event, Event::Disconnected { .. })).await;

        let publisher = within(Client::connect(options(mosquitto.port()).version(version))).await.unwrap();
        for number in 0..50 {
            let qos = if number % 2 == 0 { Qos::AtLeastOnce } else { Qos::ExactlyOnce };
            within(publisher.publish("queued", number.to_string()).qos(qos)).await.unwrap();
        }
        mosquitto.restart().unwrap();
        link.heal();

        let connected = event(&mut events, |event| matches!(event, Event::Connected(_))).await;
        assert!(matches!(connected, Event::Connected(connected) if connected.session_present), "{version:?}");
        for number in 0..50 {
            assert_eq!(text(&mut subscription).await, number.to_string(), "{version:?}");
        }
        within(publisher.connected()).await.unwrap();
        within(publisher.publish("queued", "the last").qos(Qos::AtLeastOnce)).await.unwrap();
        assert_eq!(text(&mut subscription).await, "the last", "and none came twice");
    }
}

#[tokio::test]
async fn the_right_password_opens_and_a_wrong_one_is_refused() {
    let mosquitto = Mosquitto::options().user("anna", "secret").start().expect("this test needs Mosquitto");
    for version in VERSIONS {
        let options = options(mosquitto.port()).version(version);
        talks_to_itself(options.clone().user_name("anna").password("secret")).await;
        let strangers =
            [options.clone(), options.clone().user_name("anna").password("wrong"), options.clone().user_name("anna")];
        for stranger in strangers {
            let error = within(Client::connect(stranger)).await.unwrap_err();
            assert!(matches!(&error, ConnectionError::Server(refusal) if refusal.to_connect), "{error:?}");
            assert!(error.hint().is_some_and(|hint| hint.contains("user name")), "{error}");
        }
    }
}

#[tokio::test]
async fn payloads_from_nothing_to_five_mebibytes_owned_and_borrowed() {
    let mosquitto = Mosquitto::start().expect("this test needs Mosquitto");
    let large: Vec<u8> = (0..5 << 20).map(|n: u32| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    for version in VERSIONS {
        let client = within(Client::connect(options(mosquitto.port()).version(version))).await.unwrap();
        let subscribe = client.subscribe("sizes").qos(Qos::ExactlyOnce).buffer_bytes(32 << 20);
        let mut subscription = within(subscribe).await.unwrap();
        for qos in EVERY_QOS {
            for size in [0, 1, 127, 128, 4_095, 4_096, 16_383, 16_384, 65_536, 2_097_152, 5 << 20] {
                let payload = &large[..size];
                within(client.publish("sizes", payload).qos(qos)).await.unwrap();
                assert!(message(&mut subscription).await.payload() == payload, "{size} bytes, borrowed, {qos:?}");
                within(client.publish("sizes", Bytes::copy_from_slice(payload)).qos(qos)).await.unwrap();
                assert!(message(&mut subscription).await.payload() == payload, "{size} bytes, owned, {qos:?}");
            }
        }
        within(client.close(Drain::ALL)).await;
    }
}

#[tokio::test]
async fn mosquitto_assigns_a_name_to_a_client_without_one() {
    let mosquitto = Mosquitto::start().expect("this test needs Mosquitto");
    let client = Client::start(options(mosquitto.port()).version(Version::V5).client_id("")).unwrap();
    let mut events = client.events();
    let connected = event(&mut events, |event| matches!(event, Event::Connected(_))).await;
    assert!(matches!(connected, Event::Connected(connected) if connected.client_id.starts_with("auto-")));
    talks_to_itself(options(mosquitto.port()).version(Version::V3_1_1).client_id("")).await;
}
