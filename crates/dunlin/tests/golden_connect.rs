//! The documented defaults, as the bytes of CONNECT; what each option adds; and how a connection ends.

mod scene;

use std::time::Duration;

use dunlin::{Client, ConnectOptions, Drain, Qos, Version, Will};
use dunlin_testkit::{Script, Scripted};
use scene::{options, within};

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
