//! A queue that is full: publishers wait, are refused, or messages that were not begun make room, counted and told.

mod scene;

use std::{
    future::Future,
    sync::{Arc, Mutex},
    task::{Context, Waker},
    time::Duration,
};

use dunlin::{Client, ConnectOptions, Drain, Event, Outcome, PublishError, Qos, Receipt, Rejection, Version, WhenFull};
use dunlin_testkit::Server;
use scene::{EVERY_QOS, VERSIONS, to_server, within};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

const DROPPED: Outcome = Outcome::Rejected(Rejection::Dropped);

/// Room for ten messages of [`accept`], and no more: by their bytes, or by their number.
const LIMITS: [Limit; 2] = [|options| options.queue_bytes(10 * 100), |options| options.queue_messages(10)];
type Limit = fn(ConnectOptions) -> ConnectOptions;

fn every_qos_and_limit() -> impl Iterator<Item = (Qos, Limit)> {
    EVERY_QOS.into_iter().flat_map(|qos| LIMITS.map(|limit| (qos, limit)))
}

/// A message of about 100 bytes, with a number.
fn accept(client: &Client, qos: Qos, number: u8) -> Result<Receipt, PublishError> {
    client.publish("t", &[number; 95]).qos(qos).enqueue()
}

/// The numbers of the messages that the server has, when it has so many.
async fn numbers(server: &Server, count: u64) -> Vec<u8> {
    within(server.wait_for_messages(count)).await;
    server.received().iter().map(|received| received.message.payload()[0]).collect()
}

#[tokio::test(start_paused = true)]
async fn who_does_not_want_to_wait_is_refused_at_once() {
    for (qos, limit) in every_qos_and_limit() {
        let server = Arc::new(Server::start().await.unwrap());
        let (client, driver) = Client::with_driver(limit(to_server(&server)).when_full(WhenFull::Reject)).unwrap();
        let accepted: Vec<_> = (0..).map_while(|number| accept(&client, qos, number).ok()).collect();
        assert_eq!(accepted.len(), 10);
        let publish = || client.publish("t", "one more").qos(qos);
        assert_eq!(publish().await, Err(PublishError::Full));
        assert_eq!(publish().accepted().await.map(drop), Err(PublishError::Full));
        assert_eq!(publish().post(), Err(PublishError::Full));
        let driver = tokio::spawn(driver);
        assert_eq!(numbers(&server, 10).await, (0..10).collect::<Vec<_>>());
        within(publish()).await.unwrap();
        within(client.close(Drain::ALL)).await;
        within(driver).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn the_oldest_make_room_and_their_outcome_says_so() {
    for version in VERSIONS {
        for (qos, limit) in every_qos_and_limit() {
            let server = Arc::new(Server::start().await.unwrap());
            let options = limit(to_server(&server)).when_full(WhenFull::DropOldest).version(version);
            let (client, driver) = Client::with_driver(options).unwrap();
            let mut events = client.events();
            let mut receipts: Vec<_> = (0..100).map(|number| accept(&client, qos, number).unwrap()).collect();
            for dropped in receipts.drain(..90) {
                assert_eq!(within(dropped).await, DROPPED);
            }
            let statistics = client.statistics();
            assert_eq!((statistics.dropped_unsent, statistics.rejected), (90, 90));
            for _ in 0..90 {
                assert!(matches!(events.try_next(), Some(Event::Published { outcome: DROPPED, .. })));
            }
            let driver = tokio::spawn(driver);
            for receipt in receipts {
                assert!(matches!(within(receipt).await, Outcome::Sent | Outcome::Delivered(_)));
            }
            assert_eq!(numbers(&server, 10).await, (90..100).collect::<Vec<_>>());
            within(client.close(Drain::ALL)).await;
            within(driver).await.unwrap();
            server.assert_no_breaches();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn messages_of_qos_0_make_room_first() {
    for limit in LIMITS {
        let server = Arc::new(Server::start().await.unwrap());
        let (client, driver) =
            Client::with_driver(limit(to_server(&server)).when_full(WhenFull::DropQos0First)).unwrap();
        for number in 0..20 {
            let qos = if number % 2 == 0 { Qos::AtMostOnce } else { Qos::AtLeastOnce };
            client.publish("t", &[number; 95]).qos(qos).post().unwrap();
        }
        assert_eq!(client.statistics().dropped_unsent, 10);
        // And when none is left, the others.
        client.publish("t", &[20; 95]).qos(Qos::AtLeastOnce).post().unwrap();
        let driver = tokio::spawn(driver);
        assert_eq!(numbers(&server, 10).await, [3, 5, 7, 9, 11, 13, 15, 17, 19, 20]);
        within(client.close(Drain::ALL)).await;
        within(driver).await.unwrap();
    }
}

/// A server that reads nothing for now.
async fn stuck(limit: Limit, policy: WhenFull) -> (Client, DuplexStream) {
    let (ours, mut theirs) = tokio::io::duplex(300);
    let ours = Arc::new(Mutex::new(Some(ours)));
    let options = ConnectOptions::new("server").connector(move || {
        let ours = ours.lock().unwrap().take().ok_or(std::io::ErrorKind::AddrInUse.into());
        async move { ours }
    });
    let options = limit(options).when_full(policy).version(Version::V3_1_1).client_id("c").keep_alive(Duration::ZERO);
    let client = Client::start(options).unwrap();
    let mut connect = [0; 15];
    theirs.read_exact(&mut connect).await.unwrap();
    theirs.write_all(b"\x20\x02\0\0").await.unwrap();
    within(client.connected()).await.unwrap();
    (client, theirs)
}

#[tokio::test(start_paused = true)]
async fn what_was_begun_is_not_dropped() {
    for (policy, limit) in [WhenFull::DropOldest, WhenFull::DropQos0First]
        .into_iter()
        .flat_map(|policy| LIMITS.map(|limit| (policy, limit)))
    {
        let (client, mut server) = stuck(limit, policy).await;
        let mut receipts = Vec::new();
        for number in 0..200 {
            receipts.push(accept(&client, Qos::AtMostOnce, number).unwrap());
            tokio::task::yield_now().await;
        }
        let (mut sent, mut dropped) = (Vec::new(), Vec::new());
        let read = async {
            let mut packet = [0; 100];
            loop {
                server.read_exact(&mut packet).await.unwrap();
                assert!(packet.starts_with(b"\x30\x62\0\x01t") && packet[5..].iter().all(|byte| *byte == packet[5]));
                sent.push(packet[5]);
                if packet[5] == 199 {
                    return;
                }
            }
        };
        within(read).await;
        for (number, receipt) in (0..).zip(receipts) {
            match within(receipt).await {
                DROPPED => dropped.push(number),
                outcome => assert_eq!(outcome, Outcome::Sent),
            }
        }
        assert!(sent.is_sorted() && sent[..4] == [0, 1, 2, 3] && dropped.len() > 100, "{sent:?} {dropped:?}");
        assert_eq!(client.statistics().dropped_unsent, dropped.len() as u64);
        sent.append(&mut dropped);
        sent.sort_unstable();
        assert_eq!(sent, (0..200).collect::<Vec<_>>(), "each was sent, or said to be dropped");
        within(client.abort()).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_can_be_taken_back_until_it_is_sent() {
    for version in VERSIONS {
        for (qos, limit) in every_qos_and_limit() {
            let server = Arc::new(Server::start().await.unwrap());
            let options = limit(to_server(&server)).when_full(WhenFull::Wait).version(version);
            let (client, driver) = Client::with_driver(options).unwrap();
            let receipts: Vec<_> = (0..10).map(|number| accept(&client, qos, number).unwrap()).collect();
            let mut waits = Box::pin(client.publish("t", "waits").accepted());
            let first = waits.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            assert!(first.is_pending(), "there is no room");
            assert!(receipts[3].withdraw() && !receipts[3].withdraw());
            drop(within(waits).await.unwrap());
            let driver = tokio::spawn(driver);
            for (number, receipt) in receipts.into_iter().enumerate() {
                let outcome = within(receipt).await;
                let arrives = matches!(outcome, Outcome::Sent | Outcome::Delivered(_));
                assert!(arrives || number == 3 && outcome == Outcome::Rejected(Rejection::Withdrawn), "{outcome:?}");
            }
            let sent = client.publish("t", "sent").qos(Qos::AtLeastOnce).enqueue().unwrap();
            within(server.wait_for_messages(11)).await;
            assert!(!sent.withdraw());
            within(client.close(Drain::ALL)).await;
            within(driver).await.unwrap();
        }
    }
}

#[test]
fn the_errors_say_what_happened() {
    let dropped = PublishError::Rejected(Rejection::Dropped).to_string();
    let withdrawn = PublishError::Rejected(Rejection::Withdrawn).to_string();
    assert!(dropped.contains("make room") && withdrawn.contains("taken back"), "{dropped}; {withdrawn}");
}
