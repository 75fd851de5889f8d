//! A session that an earlier process left with the server.

mod scene;

use dunlin::{Client, ConnectOptions, ConnectionError, Drain, Qos, ResumeWithoutState};
use dunlin_testkit::{Script, Scripted};
use scene::{message, options, within};
use std::time::Duration;

fn resuming(port: u16) -> ConnectOptions {
    options(port).client_id("sensor-17").session_expiry(Duration::from_secs(3600)).clean_start(false)
}

/// The server has a session.
fn resumed() -> Script {
    Script::new().expect_packet().send(*b"\x20\x03\x01\0\0")
}

#[tokio::test]
async fn it_is_refused_with_a_hint_unless_the_caller_asks_for_it() {
    let (server, address) = Scripted::listen([resumed().expect([0xE0, 1, 0x82]).expect_close()]).await.unwrap();
    let error = within(Client::connect(resuming(address.port()))).await.unwrap_err();
    assert!(matches!(error, ConnectionError::Fault(_)), "{error}");
    server.finish().await.unwrap();
}

/// It comes before anybody can have subscribed: as in any session that goes on, it waits to be claimed.
#[tokio::test(start_paused = true)]
async fn a_message_of_an_adopted_session_waits_for_its_subscription() {
    let script = resumed()
        .send(*b"\x32\x08\0\x01t\0\x07\0hi")
        .expect_nothing(Duration::from_millis(200))
        .expect(*b"\x82\x09\0\x01\x02\x0b\x01\0\x01t\x01")
        .send(*b"\x90\x04\0\x01\0\x01")
        .expect(*b"\x40\x02\0\x07")
        .expect([0xE0, 0])
        .expect_close();
    let (server, connector) = Scripted::in_memory([script]);
    let adopting = resuming(0).connector(move || {
        let connector = connector.clone();
        async move { connector.connect().await }
    });
    let client = within(Client::connect(adopting.resume_without_state(ResumeWithoutState::Adopt))).await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let mut subscription = within(client.subscribe("t").qos(Qos::AtLeastOnce)).await.unwrap();
    assert_eq!(message(&mut subscription).await.text(), Some("hi"));
    assert_eq!(client.statistics().unclaimed, 0);
    drop(subscription);
    within(client.close(Drain::ALL)).await;
    server.finish().await.unwrap();
}

/// What waited there is received, and the server's old identifiers cost no QoS 2 message.
#[tokio::test]
async fn an_adopted_session_goes_on() {
    let script = resumed()
        .expect(*b"\x82\x09\0\x01\x02\x0b\x01\0\x01t\x01")
        .send(*b"\x90\x04\0\x01\0\x01\x32\x08\0\x01t\0\x07\0hi")
        .expect(*b"\x40\x02\0\x07")
        .expect(*b"\x62\x02\0\x02")
        .send(*b"\x70\x03\0\x02\x92")
        .expect(*b"\x34\x07\0\x01t\0\x02\0x")
        .send(*b"\x50\x02\0\x02")
        .expect(*b"\x62\x02\0\x02")
        .send(*b"\x70\x02\0\x02")
        .expect([0xE0, 0])
        .expect_close();
    let (server, address) = Scripted::listen([script]).await.unwrap();
    let adopting = resuming(address.port()).resume_without_state(ResumeWithoutState::Adopt);
    let client = within(Client::connect(adopting)).await.unwrap();
    let mut subscription = within(client.subscribe("t").qos(Qos::AtLeastOnce)).await.unwrap();
    assert_eq!(message(&mut subscription).await.text(), Some("hi"));
    drop(subscription);
    within(client.publish("t", "x").qos(Qos::ExactlyOnce)).await.unwrap();
    within(client.close(Drain::ALL)).await;
    server.finish().await.unwrap();
}
