//! A server that sends the client to another one.

mod scene;

use dunlin::{Client, ConnectionError, Drain, Event, Qos, ReasonCode};
use dunlin_testkit::{Script, Scripted};
use scene::{event, options, within};

/// CONNACK or DISCONNECT with this code and Server Reference.
fn refers(first_byte: u8, code: u8, port: u16) -> Vec<u8> {
    let reference = format!("127.0.0.1:{port}");
    let properties = [&[0x1C, 0, reference.len() as u8], reference.as_bytes()].concat();
    let head: &[u8] = if first_byte == 0x20 { &[0, code] } else { &[code] };
    let body = [head, &[properties.len() as u8], &properties].concat();
    [&[first_byte, body.len() as u8], &body[..]].concat()
}

fn accepts() -> Script {
    Script::new().expect_packet().send(*b"\x20\x03\0\0\0")
}

#[tokio::test]
async fn a_redirect_at_connect_is_followed_where_it_is_allowed() {
    let (other, there) = Scripted::listen([accepts().expect([0xE0, 0]).expect_close()]).await.unwrap();
    let refusal = Script::new().expect_packet().send(refers(0x20, 0x9D, there.port())).expect_close();
    let (first, address) = Scripted::listen([refusal]).await.unwrap();
    let (client, driver) = Client::with_driver(options(address.port()).follow_redirects(true)).unwrap();
    let mut events = client.events();
    let driver = tokio::spawn(driver);
    let failed = event(&mut events, |event| matches!(event, Event::ConnectFailed { .. })).await;
    assert!(matches!(failed, Event::ConnectFailed { retry_in: Some(wait), .. } if wait.is_zero()), "{failed:?}");
    event(&mut events, |event| matches!(event, Event::Connected(_))).await;
    within(client.close(Drain::ALL)).await;
    within(driver).await.unwrap();
    first.finish().await.unwrap();
    other.finish().await.unwrap();
}

/// `connect` waits until it arrived somewhere.
#[tokio::test]
async fn connect_goes_on_at_the_other_server() {
    let (other, there) = Scripted::listen([accepts().expect([0xE0, 0]).expect_close()]).await.unwrap();
    let refusal = Script::new().expect_packet().send(refers(0x20, 0x9C, there.port())).expect_close();
    let (first, address) = Scripted::listen([refusal]).await.unwrap();
    let client = within(Client::connect(options(address.port()).follow_redirects(true))).await.unwrap();
    assert_eq!(client.statistics().connections, 1);
    within(client.close(Drain::ALL)).await;
    first.finish().await.unwrap();
    other.finish().await.unwrap();
}

#[tokio::test]
async fn unless_it_is_allowed_it_is_told_and_no_more() {
    let refusal = Script::new().expect_packet().send(refers(0x20, 0x9C, 1)).expect_close();
    let (server, address) = Scripted::listen([refusal]).await.unwrap();
    let error = within(Client::connect(options(address.port()))).await.unwrap_err();
    assert!(error.to_string().contains("127.0.0.1:1") && error.hint().is_some(), "{error}");
    let ConnectionError::Server(refusal) = error else { panic!("{error}") };
    assert_eq!(refusal.reason, ReasonCode::USE_ANOTHER_SERVER);
    assert_eq!(refusal.server_reference.as_deref(), Some("127.0.0.1:1"));
    server.finish().await.unwrap();
}

/// With what it has not yet sent, and back home when the other connection ends.
#[tokio::test]
async fn a_server_that_is_left_for_once_is_come_back_to() {
    let publish = *b"\x32\x07\0\x01t\0\x01\0x";
    let (other, there) = Scripted::listen([accepts().expect(publish).send(*b"\x40\x02\0\x01").close()]).await.unwrap();
    let leaves = accepts().send(refers(0xE0, 0x9C, there.port())).expect_close();
    let last = accepts().expect([0xE0, 0]).expect_close();
    let (home, address) = Scripted::listen([leaves, last]).await.unwrap();
    let client = within(Client::connect(options(address.port()).follow_redirects(true))).await.unwrap();
    let mut events = client.events();
    while client.statistics().connections < 2 {
        within(events.next()).await;
    }
    within(client.publish("t", "x").qos(Qos::AtLeastOnce)).await.unwrap();
    while client.statistics().connections < 3 {
        within(events.next()).await;
    }
    within(client.close(Drain::ALL)).await;
    home.finish().await.unwrap();
    other.finish().await.unwrap();
}
