//! Enhanced authentication: the application's conversation with the server, against scripted bytes.

mod scene;

use std::{
    future::Future,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Waker},
};

use dunlin::{
    Authenticator, Client, ConnectOptions, ConnectionError, Drain, Event, NotConvinced, Qos, ReauthenticateError,
    Version,
};
use dunlin_testkit::{Script, Scripted};
use scene::{event, options, within};

/// Says "a" first, answers with what it was asked, and believes a proof that ends in "!".
struct Echo {
    conversations: Arc<AtomicUsize>,
}

impl Authenticator for Echo {
    fn begin(&mut self) -> Result<Option<Vec<u8>>, NotConvinced> {
        self.conversations.fetch_add(1, Ordering::Relaxed);
        Ok(Some(b"a".to_vec()))
    }

    fn respond(&mut self, challenge: &[u8]) -> Result<Vec<u8>, NotConvinced> {
        if challenge == b"?" { Err(NotConvinced) } else { Ok(challenge.to_vec()) }
    }

    fn finish(&mut self, data: &[u8]) -> Result<(), NotConvinced> {
        if data.ends_with(b"!") { Ok(()) } else { Err(NotConvinced) }
    }
}

/// By the method "M".
fn by_echo(port: u16) -> (ConnectOptions, Arc<AtomicUsize>) {
    let conversations = Arc::new(AtomicUsize::new(0));
    let counted = conversations.clone();
    let options = options(port).maximum_packet_size(u32::MAX).topic_alias_maximum(0).client_id("c");
    (options.authentication("M", move || Echo { conversations: counted.clone() }), conversations)
}

const CONNECT: &[u8] = b"\x10\x16\0\x04MQTT\x05\x02\0\x3c\x08\x15\0\x01M\x16\0\x01a\0\x01c";

fn packet(first_byte: u8, head: &[u8], data: &[u8]) -> Vec<u8> {
    let properties = [&b"\x15\0\x01M\x16"[..], &(data.len() as u16).to_be_bytes(), data].concat();
    let body = [head, &[properties.len() as u8], &properties].concat();
    [&[first_byte, body.len() as u8], &body[..]].concat()
}

fn auth(reason: u8, data: &[u8]) -> Vec<u8> {
    packet(0xF0, &[reason], data)
}

fn connack(data: &[u8]) -> Vec<u8> {
    packet(0x20, &[0, 0], data)
}

#[tokio::test]
async fn a_conversation_before_connack_and_another_on_the_connection() {
    let script = Script::new()
        .expect(CONNECT)
        .send(auth(0x18, b"one"))
        .expect(auth(0x18, b"one"))
        .send(auth(0x18, b""))
        .expect(auth(0x18, b""))
        .send(connack(b"proof!"))
        .expect(auth(0x19, b"a"))
        .send(auth(0x18, b"two"))
        .expect(auth(0x18, b"two"))
        .send(auth(0x00, b"!"))
        .expect(*b"\x32\x07\0\x01t\0\x01\0x")
        .send(*b"\x40\x02\0\x01")
        .expect([0xE0, 0])
        .expect_close();
    let (server, address) = Scripted::listen([script]).await.unwrap();
    let (options, conversations) = by_echo(address.port());
    let client = within(Client::connect(options)).await.unwrap();
    assert_eq!(conversations.load(Ordering::Relaxed), 1);
    within(client.reauthenticate()).await.unwrap();
    assert_eq!(conversations.load(Ordering::Relaxed), 2);
    within(client.publish("t", "x").qos(Qos::AtLeastOnce)).await.unwrap();
    within(client.close(Drain::ALL)).await;
    server.finish().await.unwrap();
}

#[tokio::test]
async fn a_server_that_convinces_nobody_is_never_told_to_be_connected() {
    let unproved = Script::new().expect(CONNECT).send(connack(b"proof?")).expect_packet().expect_close();
    let strange = Script::new().expect(CONNECT).send(auth(0x18, b"?")).expect_close();
    for script in [unproved, strange] {
        let (server, address) = Scripted::listen([script]).await.unwrap();
        let error = within(Client::connect(by_echo(address.port()).0)).await.unwrap_err();
        assert_eq!(error, ConnectionError::NotConvinced);
        assert!(error.hint().is_some());
        server.finish().await.unwrap();
    }
}

#[tokio::test]
async fn each_connection_has_a_conversation_of_its_own() {
    let once = Script::new().expect(CONNECT).send(connack(b"!")).close();
    let last = Script::new().expect(CONNECT).send(connack(b"!")).expect([0xE0, 0]).expect_close();
    let (server, address) = Scripted::listen([once.clone(), once, last]).await.unwrap();
    let (options, conversations) = by_echo(address.port());
    let client = within(Client::connect(options)).await.unwrap();
    let mut events = client.events();
    while client.statistics().connections < 3 {
        within(events.next()).await;
    }
    within(client.close(Drain::ALL)).await;
    assert_eq!(conversations.load(Ordering::Relaxed), 3);
    server.finish().await.unwrap();
}

#[tokio::test]
async fn a_reauthentication_ends_with_its_connection() {
    let cut = Script::new().expect(CONNECT).send(connack(b"!")).expect(auth(0x19, b"a")).close();
    let last = Script::new().expect(CONNECT).send(connack(b"!")).expect([0xE0, 0]).expect_close();
    let (server, address) = Scripted::listen([cut, last]).await.unwrap();
    let client = within(Client::connect(by_echo(address.port()).0)).await.unwrap();
    let mut events = client.events();
    let (first, second) = tokio::join!(within(client.reauthenticate()), within(client.reauthenticate()));
    assert_eq!((first, second), (Err(ReauthenticateError::ConnectionLost), Err(ReauthenticateError::InProgress)));
    event(&mut events, |event| matches!(event, Event::Connected(_))).await;
    within(client.close(Drain::ALL)).await;
    server.finish().await.unwrap();
}

#[tokio::test]
async fn a_dropped_reauthentication_goes_on_and_leaves_nothing_behind() {
    let script = Script::new()
        .expect(CONNECT)
        .send(connack(b"!"))
        .expect(auth(0x19, b"a"))
        .send(auth(0x18, b"x"))
        .expect(auth(0x18, b"x"))
        .send(auth(0x00, b"!"))
        .expect(auth(0x19, b"a"))
        .send(auth(0x00, b"!"))
        .expect([0xE0, 0])
        .expect_close();
    let (server, address) = Scripted::listen([script]).await.unwrap();
    let client = within(Client::connect(by_echo(address.port()).0)).await.unwrap();
    {
        let mut dropped = pin!(client.reauthenticate());
        assert!(dropped.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    let again = async {
        loop {
            match client.reauthenticate().await {
                Err(ReauthenticateError::InProgress) => tokio::task::yield_now().await,
                other => return other,
            }
        }
    };
    assert_eq!(within(again).await, Ok(()));
    within(client.close(Drain::ALL)).await;
    server.finish().await.unwrap();
}

#[tokio::test]
async fn without_a_method_or_a_connection_there_is_nothing_to_do() {
    let script = Script::new().expect_packet().send(*b"\x20\x03\0\0\0").expect([0xE0, 0]).expect_close();
    let (server, address) = Scripted::listen([script]).await.unwrap();
    let client = within(Client::connect(options(address.port()))).await.unwrap();
    assert_eq!(client.reauthenticate().await, Err(ReauthenticateError::NoMethod));
    within(client.close(Drain::ALL)).await;
    server.finish().await.unwrap();
    let (client, _driver) = Client::with_driver(by_echo(1).0).unwrap();
    assert_eq!(client.reauthenticate().await, Err(ReauthenticateError::NotConnected));
    assert!(Client::start(by_echo(1).0.version(Version::V3_1_1)).is_err(), "3.1.1 cannot say it");
}
