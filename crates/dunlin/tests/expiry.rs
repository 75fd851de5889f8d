//! Messages that are not worth delivering for ever, under a stopped clock: in whatever state the client is when their
//! time runs out.

mod scene;

use std::{
    future::{pending, ready},
    io,
    time::Duration,
};

use dunlin::{Client, ConnectOptions, Event, Outcome, PublishError, Qos, Rejection};
use scene::{event, within};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream},
    sync::mpsc::unbounded_channel,
    time::{Instant, sleep},
};

const EXPIRED: Outcome = Outcome::Rejected(Rejection::Expired);
const HOUR: Duration = Duration::from_secs(3_600);
const CONNACK: &[u8] = b"\x20\x03\0\0\0";

fn options() -> ConnectOptions {
    ConnectOptions::new("server").connect_timeout(HOUR).reconnect(HOUR, HOUR)
}

/// A client whose server is the other end of this stream.
async fn in_memory(options: ConnectOptions, connack: &[u8]) -> (Client, DuplexStream) {
    let (opened, mut open) = unbounded_channel();
    let options = options.connector(move || {
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        opened.send(theirs).unwrap();
        ready(Ok(ours))
    });
    let client = Client::start(options).unwrap();
    let mut server = within(open.recv()).await.unwrap();
    server.read_u8().await.unwrap();
    let len = server.read_u8().await.unwrap();
    server.read_exact(&mut vec![0; len.into()]).await.unwrap();
    server.write_all(connack).await.unwrap();
    (client, server)
}

/// Two messages that expire one after the other, and one that does not.
async fn expire_in_time(client: Client) {
    // Nothing else wakes the driver.
    sleep(Duration::from_secs(10)).await;
    let publish = |seconds| client.publish("t", "x").qos(Qos::AtLeastOnce).expires_after(Duration::from_secs(seconds));
    let (began, later, soon) = (Instant::now(), publish(60).enqueue().unwrap(), publish(2).enqueue().unwrap());
    let stays = client.publish("t", "x").qos(Qos::AtLeastOnce).enqueue().unwrap();
    assert_eq!(soon.await, EXPIRED);
    assert!((2..=3).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
    assert_eq!(later.await, EXPIRED);
    assert!((60..=61).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
    within(client.abort()).await;
    assert_eq!(stays.await, Outcome::Rejected(Rejection::Closed));
}

#[tokio::test(start_paused = true)]
async fn while_the_stream_is_being_opened() {
    let client = Client::start(options().connector(pending::<io::Result<DuplexStream>>)).unwrap();
    expire_in_time(client).await;
}

#[tokio::test(start_paused = true)]
async fn while_the_next_try_is_awaited() {
    let refused = || ready(Err::<DuplexStream, _>(io::ErrorKind::ConnectionRefused.into()));
    let client = Client::start(options().connector(refused)).unwrap();
    let mut events = client.events();
    event(&mut events, |event| matches!(event, Event::ConnectFailed { .. })).await;
    expire_in_time(client).await;
}

#[tokio::test(start_paused = true)]
async fn while_connack_is_awaited() {
    let (client, _server) = in_memory(options(), b"").await;
    expire_in_time(client).await;
}

/// It is settled when it would have been sent, though nothing else is to be written then.
#[tokio::test(start_paused = true)]
async fn while_the_server_takes_no_more() {
    let (client, mut server) = in_memory(options().send_maximum(1), CONNACK).await;
    let first = client.publish("t", "x").qos(Qos::AtLeastOnce).enqueue().unwrap();
    let second =
        client.publish("t", "x").qos(Qos::AtLeastOnce).expires_after(Duration::from_secs(2)).enqueue().unwrap();
    let mut packet = [0; 9];
    server.read_exact(&mut packet).await.unwrap();
    assert_eq!(packet, *b"\x32\x07\0\x01t\0\x01\0x");
    sleep(Duration::from_secs(5)).await;
    server.write_all(b"\x40\x02\0\x01").await.unwrap();
    assert!(matches!(within(first).await, Outcome::Delivered(_)));
    assert_eq!(within(second).await, EXPIRED);
}

#[tokio::test(start_paused = true)]
async fn what_expires_makes_room_for_those_who_wait_for_it() {
    let client = Client::start(options().queue_bytes(50).connector(pending::<io::Result<DuplexStream>>)).unwrap();
    let large = [0; 100];
    let mut expiring = client.publish("t", &large).expires_after(Duration::from_secs(2));
    let receipt = expiring.enqueue().unwrap();
    let began = Instant::now();
    drop(client.publish("t", &large).accepted().await.unwrap());
    assert!((2..=3).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
    assert_eq!(within(receipt).await, EXPIRED);
}

#[tokio::test(start_paused = true)]
async fn the_interval_is_told_in_whole_seconds_rounded_up() {
    let (client, mut server) = in_memory(options(), CONNACK).await;
    for (interval, seconds) in [
        (Duration::ZERO, 1),
        (Duration::from_millis(1), 1),
        (Duration::from_secs(7), 7),
        (Duration::from_millis(7_001), 8),
        (Duration::MAX, u32::MAX),
    ] {
        within(client.publish("t", "x").expires_after(interval)).await.unwrap();
        let mut packet = [0; 12];
        server.read_exact(&mut packet).await.unwrap();
        let [head @ .., a, b, c, d, b'x'] = packet else { panic!("{packet:x?}") };
        assert_eq!(head, *b"\x30\x0A\0\x01t\x05\x02");
        let told = u32::from_be_bytes([a, b, c, d]);
        assert!(told == seconds || seconds == u32::MAX && told > seconds - 100, "{interval:?}: {told}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_that_expired_is_an_error_that_says_so() {
    let client = Client::start(options().connector(pending::<io::Result<DuplexStream>>)).unwrap();
    let error = client.publish("t", "x").expires_after(Duration::from_secs(1)).await.unwrap_err();
    assert_eq!(error, PublishError::Rejected(Rejection::Expired));
    assert_eq!(error.to_string(), "the message expired before it could be sent");
}
