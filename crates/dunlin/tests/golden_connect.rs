//! The documented defaults, as the bytes of CONNECT; what each option adds; and how a connection ends.

mod scene;

use std::time::Duration;

use dunlin::{Client, ConnectOptions, Drain, Event, OptionsError, Property, Qos, Version, Will};
use dunlin_testkit::{Script, Scripted};
use scene::{event, options, within};

#[tokio::test]
async fn the_defaults_and_what_each_option_adds() {
    let defaults: Change = |options| options;
    let cases: [(Change, &[u8]); 9] = [
        // Clean Start, 60 s, Topic Alias Maximum 16, Maximum Packet Size 16 MiB.
        (defaults, b"\x10\x1b\0\x04MQTT\x05\x02\0\x3c\x08\x22\0\x10\x27\x01\0\0\0\0\x06golden"),
        (|o| o.version(Version::V3_1_1), b"\x10\x12\0\x04MQTT\x04\x02\0\x3c\0\x06golden"),
        (
            |o| o.session_expiry(Duration::from_secs(3600)),
            b"\x10\x20\0\x04MQTT\x05\x02\0\x3c\x0d\x11\0\0\x0e\x10\x22\0\x10\x27\x01\0\0\0\0\x06golden",
        ),
        (
            |o| o.session_expiry(Duration::from_secs(3600)).clean_start(false),
            b"\x10\x20\0\x04MQTT\x05\x00\0\x3c\x0d\x11\0\0\x0e\x10\x22\0\x10\x27\x01\0\0\0\0\x06golden",
        ),
        (
            |o| o.keep_alive(Duration::ZERO).receive_maximum(7).maximum_packet_size(u32::MAX).topic_alias_maximum(0),
            b"\x10\x16\0\x04MQTT\x05\x02\0\0\x03\x21\0\x07\0\x06golden",
        ),
        (
            |o| o.version(Version::V3_1_1).user_name("anna").password([0, 0xFF]),
            b"\x10\x1c\0\x04MQTT\x04\xc2\0\x3c\0\x06golden\0\x04anna\0\x02\x00\xff",
        ),
        (
            |o| o.maximum_packet_size(u32::MAX).topic_alias_maximum(0).password("only"),
            b"\x10\x19\0\x04MQTT\x05\x42\0\x3c\0\0\x06golden\0\x04only",
        ),
        (
            |o| o.version(Version::V3_1_1).will(Will::new("w", "gone").unwrap().qos(Qos::AtLeastOnce).retain(true)),
            b"\x10\x1b\0\x04MQTT\x04\x2e\0\x3c\0\x06golden\0\x01w\0\x04gone",
        ),
        (
            |o| o.maximum_packet_size(u32::MAX).topic_alias_maximum(0).will(Will::new("w", "").unwrap()),
            b"\x10\x19\0\x04MQTT\x05\x06\0\x3c\0\0\x06golden\0\0\x01w\0\0",
        ),
    ];
    for (change, connect) in cases {
        says(|port| change(options(port).client_id("golden")), connect).await;
    }
}

#[tokio::test]
async fn bare_options_say_nothing_but_what_must_be_said() {
    let bare = |port| ConnectOptions::bare("127.0.0.1").port(port).client_id("golden");
    says(bare, b"\x10\x13\0\x04MQTT\x05\x02\0\x3c\0\0\x06golden").await;
    says(|port| bare(port).version(Version::V3_1_1), b"\x10\x12\0\x04MQTT\x04\x02\0\x3c\0\x06golden").await;
}

type Change = fn(ConnectOptions) -> ConnectOptions;

/// The client sends exactly this CONNECT, and when it is closed exactly `E0 00`.
async fn says(options: impl FnOnce(u16) -> ConnectOptions, connect: &[u8]) {
    let connack: &[u8] = if connect[8] == 5 { b"\x20\x03\0\0\0" } else { b"\x20\x02\0\0" };
    let script = Script::new().expect(connect).send(connack).expect([0xE0, 0]).expect_close();
    let (server, address) = Scripted::listen([script]).await.unwrap();
    if let Ok(client) = within(Client::connect(options(address.port()))).await {
        within(client.close(Drain::ALL)).await;
    }
    server.finish().await.unwrap();
}

#[tokio::test]
async fn a_generated_client_id_has_23_characters_and_is_kept_over_reconnects() {
    let script = Script::new().expect_packet().send(*b"\x20\x03\0\0\0").close();
    let last = Script::new().expect_packet().send(*b"\x20\x03\0\0\0").expect([0xE0, 0]).expect_close();
    let (server, address) = Scripted::listen([script.clone(), script, last]).await.unwrap();
    let client = within(Client::connect(options(address.port()))).await.unwrap();
    let mut events = client.events();
    while client.statistics().connections < 3 {
        within(events.next()).await;
    }
    within(client.close(Drain::ALL)).await;
    let connections = server.finish().await.unwrap();
    let ids: Vec<&[u8]> = connections.iter().map(|connection| &connection.packets[0][23..]).collect();
    assert_eq!(ids[0].len(), 23);
    assert!(ids[0].iter().all(u8::is_ascii_alphanumeric));
    assert!(ids.iter().all(|id| *id == ids[0]));
}

#[tokio::test]
async fn in_3_1_1_a_kept_session_begins_clean_by_a_connection_of_its_own() {
    let first = b"\x10\x12\0\x04MQTT\x04\x02\0\x3c\0\x06golden";
    let second = b"\x10\x12\0\x04MQTT\x04\x00\0\x3c\0\x06golden";
    let accepted = b"\x20\x02\0\0";
    let scripts = [
        Script::new().expect(*first).send(*accepted).expect([0xE0, 0]).expect_close(),
        Script::new().expect(*second).send(*accepted).expect([0xE0, 0]).expect_close(),
    ];
    let (server, address) = Scripted::listen(scripts).await.unwrap();
    let kept = options(address.port()).version(Version::V3_1_1).session_expiry(Duration::from_secs(1));
    let client = within(Client::connect(kept.client_id("golden"))).await.unwrap();
    within(client.close(Drain::ALL)).await;
    server.finish().await.unwrap();
}

#[tokio::test]
async fn when_the_connection_after_the_discarded_session_is_refused_connect_says_so() {
    let scripts = [
        Script::new().expect_packet().send(*b"\x20\x02\0\0").expect([0xE0, 0]).expect_close(),
        Script::new().expect_packet().send(*b"\x20\x02\0\x05").expect_close(),
    ];
    let (server, address) = Scripted::listen(scripts).await.unwrap();
    let kept = options(address.port()).version(Version::V3_1_1).session_expiry(Duration::from_secs(1));
    let error = within(Client::connect(kept)).await.unwrap_err();
    assert!(error.to_string().contains("refused"), "{error}");
    server.finish().await.unwrap();
}

/// What else CONNECT can say, and what the server says back.
#[tokio::test]
async fn user_properties_go_both_ways_and_what_is_asked_for_comes_back() {
    let connect = b"\x10\x2c\0\x04MQTT\x05\x06\0\x3c\x0b\x19\x01\x17\0\x26\0\x01a\0\x01b\0\x06golden\x08\x18\0\0\0\x02\x03\0\0\0\x01w\0\0";
    let connack = b"\x20\x19\0\0\x16\x1a\0\x02r/\x1f\0\x02hi\x26\0\x01c\0\x01d\x12\0\x02me";
    let script = Script::new().expect(*connect).send(*connack).expect([0xE0, 0]).expect_close();
    let (server, address) = Scripted::listen([script]).await.unwrap();
    let will = Will::new("w", "").unwrap().delay(Duration::from_millis(1_001)).property(Property::ContentType(""));
    let options = ConnectOptions::bare("127.0.0.1").port(address.port()).client_id("golden").will(will);
    let options = options.user_property("a", "b").request_response_information(true).request_problem_information(false);
    let (client, driver) = Client::with_driver(options).unwrap();
    let mut events = client.events();
    let driver = tokio::spawn(driver);
    let connected = event(&mut events, |event| matches!(event, Event::Connected(_))).await;
    let Event::Connected(connected) = connected else { unreachable!() };
    assert_eq!(connected.response_information.as_deref(), Some("r/"));
    assert_eq!(connected.text.as_deref(), Some("hi"));
    assert_eq!(*connected.user_properties, [("c".into(), "d".into())]);
    assert_eq!(&*connected.client_id, "me");
    within(client.close(Drain::ALL)).await;
    within(driver).await.unwrap();
    server.finish().await.unwrap();
}

#[test]
fn what_cannot_be_said_is_refused_before_anything_is() {
    let options = || ConnectOptions::bare("127.0.0.1");
    let refused = |options: ConnectOptions| Client::with_driver(options).map(drop).unwrap_err();
    let v3 = |options: ConnectOptions| refused(options.version(Version::V3_1_1));
    let will = || Will::new("w", "").unwrap();
    for error in [
        v3(options().user_property("a", "b")),
        v3(options().request_response_information(true)),
        v3(options().request_problem_information(false)),
        v3(options().will(will().delay(Duration::from_secs(1)))),
    ] {
        assert_eq!(error, OptionsError::NeedsV5);
    }
    assert_eq!(refused(options().version(Version::V3_1).client_id("")), OptionsError::ClientIdEmpty);
    for error in [
        refused(options().user_property("a\0", "b")),
        refused(options().will(will().property(Property::TopicAlias(1)))),
        refused(options().will(will().property(Property::TopicAlias(0)))),
        refused(options().will(will().delay(Duration::ZERO).delay(Duration::ZERO))),
    ] {
        assert!(matches!(error, OptionsError::Property(_)), "{error}");
    }
}
