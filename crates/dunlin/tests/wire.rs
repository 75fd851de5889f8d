//! Byte by byte, with a server that plays what it is told to: what is answered, what comes back, and who closes.

mod scene;

use dunlin::{Client, ConnectionError, Drain, Event, PublishError, Qos, ReasonCode, SubscribeError, Version};
use dunlin_testkit::{Script, Scripted, Server};
use scene::{VERSIONS, event, options, within};

/// A CONNACK that accepts.
fn connack(version: Version) -> &'static [u8] {
    if version.is_v5() { b"\x20\x03\0\0\0" } else { b"\x20\x02\0\0" }
}

/// A connection that begins with CONNECT and its CONNACK.
fn accepting(version: Version) -> Script {
    Script::new().expect_packet().send(connack(version))
}

async fn connected(version: Version, script: Script) -> (Client, Scripted) {
    let (server, address) = Scripted::listen([script]).await.unwrap();
    let client = within(Client::connect(options(address.port()).version(version))).await.unwrap();
    (client, server)
}

/// [MQTT-4.5.0-2]
#[tokio::test]
async fn a_message_that_nobody_asked_for_is_answered_by_its_qos() {
    for version in VERSIONS {
        let none: &[u8] = if version.is_v5() { &[0] } else { &[] };
        let publish = |first: u8, id: &[u8]| {
            let body = [b"\0\x01t", id, none, b"x"].concat();
            [&[first, body.len() as u8], &body[..]].concat()
        };
        let all = [publish(0x30, &[]), publish(0x32, &[1, 2]), publish(0x34, &[3, 4])].concat();
        // The application takes no part in it.
        let script = accepting(version).send(all).expect(*b"\x40\x02\x01\x02\x50\x02\x03\x04");
        let script = script.send(*b"\x62\x02\x03\x04").expect(*b"\x70\x02\x03\x04\xE0\0").expect_close();
        let (client, server) = connected(version, script).await;
        within(async {
            while !server.received()[0].ends_with(b"\x70\x02\x03\x04") {
                tokio::task::yield_now().await;
            }
        })
        .await;
        assert_eq!(client.statistics().unclaimed, 3);
        within(client.close(Drain::ALL)).await;
        server.finish().await.unwrap();
    }
}

/// [MQTT-3.9.3-1] [MQTT-3.8.4-7]
#[tokio::test]
async fn each_verdict_is_that_of_its_filter() {
    for version in VERSIONS {
        let none: &[u8] = if version.is_v5() { &[0] } else { &[] };
        let suback = |id: u8, codes: &[u8]| {
            let body = [&[0, id][..], none, codes].concat();
            [&[0x90, body.len() as u8], &body[..]].concat()
        };
        let script = accepting(version).expect_packet().send(suback(1, &[1, 0, 2]));
        let script = script.expect_packet().send(suback(2, &[0, 0x80, 1])).silence();
        let (client, _server) = connected(version, script).await;
        let mut events = client.events();
        let granted = within(client.subscribe("a").and("b").and("c").qos(Qos::ExactlyOnce)).await.unwrap();
        for (expected, lower) in [("a", Qos::AtLeastOnce), ("b", Qos::AtMostOnce), ("c", Qos::ExactlyOnce)] {
            let told = event(&mut events, |event| matches!(event, Event::Subscribed { .. })).await;
            let Event::Subscribed { filter, granted, .. } = told else { unreachable!() };
            assert_eq!((&*filter, granted), (expected, Ok(lower)));
        }
        let refused = within(client.subscribe("d").and("e").and("f").qos(Qos::AtLeastOnce)).await.unwrap_err();
        assert!(
            matches!(&refused, SubscribeError::Refused { filter, reason, .. } if **filter == *"e" && *reason == ReasonCode::UNSPECIFIED_ERROR),
            "{refused:?}"
        );
        drop(granted);
        within(client.abort()).await;
    }
}

/// [MQTT-3.1.3-2]: the server knows the session by the name that it gave.
#[tokio::test]
async fn an_assigned_name_is_that_of_every_later_connection() {
    let assigned = *b"\x20\x0C\0\0\x09\x12\0\x06auto-7";
    let script = Script::new().expect_packet().send(assigned).close();
    let again = Script::new().expect_packet().send(connack(Version::V5)).expect(*b"\xE0\0").expect_close();
    let (server, address) = Scripted::listen([script, again]).await.unwrap();
    let client = within(Client::connect(options(address.port()).client_id(""))).await.unwrap();
    let mut events = client.events();
    let told = event(&mut events, |event| matches!(event, Event::Connected(_))).await;
    assert!(matches!(told, Event::Connected(connected) if *connected.client_id == *"auto-7"));
    within(client.close(Drain::ALL)).await;
    let connections = server.finish().await.unwrap();
    let ends = [&b"\0\0"[..], b"\0\x06auto-7"];
    for (connection, end) in connections.iter().zip(ends) {
        assert!(connection.packets[0].ends_with(end), "{:02x?}", connection.packets[0]);
    }
}

/// [MQTT-3.2.2-7] [MQTT-4.13.2-1]: the server said no, and does not hang up.
#[tokio::test]
async fn the_client_closes_after_a_refusal() {
    for (version, refusal) in [
        (Version::V5, &b"\x20\x03\0\x87\0"[..]),
        (Version::V5, b"\x20\x02\0\x01"),
        (Version::V3_1_1, b"\x20\x02\0\x05"),
    ] {
        let script = Script::new().expect_packet().send(refusal).expect_close();
        let (server, address) = Scripted::listen([script]).await.unwrap();
        let error = within(Client::connect(options(address.port()).version(version))).await.unwrap_err();
        let ConnectionError::Server(told) = &error else { panic!("{error:?}") };
        assert_eq!((told.code, told.to_connect), (refusal[3], true));
        server.finish().await.unwrap();
    }
}

/// [MQTT-4.13.2-1]
#[tokio::test]
async fn the_client_closes_after_a_disconnect_of_the_server() {
    let script = accepting(Version::V5).send(*b"\xE0\x01\x8B").expect_close();
    let (server, address) = Scripted::listen([script]).await.unwrap();
    let client = Client::start(options(address.port())).unwrap();
    let told = event(&mut client.events(), |event| matches!(event, Event::Disconnected { .. })).await;
    let Event::Disconnected { error: ConnectionError::Server(told), .. } = told else { panic!("{told:?}") };
    assert_eq!((told.reason, told.to_connect), (ReasonCode::SERVER_SHUTTING_DOWN, false));
    server.finish().await.unwrap();
    within(client.abort()).await;
}

/// [MQTT-3.14.0-1]
#[tokio::test]
async fn a_disconnect_instead_of_connack_is_the_end_of_connecting() {
    let script = Script::new().expect_packet().send(*b"\xE0\x01\x89").expect_close();
    let (server, address) = Scripted::listen([script]).await.unwrap();
    let error = within(Client::connect(options(address.port()))).await.unwrap_err();
    assert!(matches!(&error, ConnectionError::Server(told) if told.reason == ReasonCode::SERVER_BUSY), "{error:?}");
    server.finish().await.unwrap();
}

/// [MQTT-3.14.4-1], in 3.1.1 [MQTT-3.14.4-2]: the strict server looks at every byte until the end.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_follows_a_disconnect_though_others_go_on_publishing() {
    for version in VERSIONS {
        for round in 0..20 {
            let server = Server::start().await.unwrap();
            let client =
                within(Client::connect(options(server.port()).version(version).client_id("it"))).await.unwrap();
            let publishers: Vec<_> = [Qos::AtMostOnce, Qos::AtLeastOnce, Qos::ExactlyOnce]
                .map(|qos| {
                    let client = client.clone();
                    tokio::spawn(async move {
                        let mut published = 0;
                        while client.publish("t", "x").qos(qos).post() != Err(PublishError::Closed) {
                            published += 1;
                            tokio::task::yield_now().await;
                        }
                        published
                    })
                })
                .into();
            within(server.wait_for_messages(round)).await;
            within(client.close(Drain::NONE)).await;
            within(server.wait_for_departure("it")).await;
            for publisher in publishers {
                within(publisher).await.unwrap();
            }
            server.assert_no_breaches();
        }
    }
}
