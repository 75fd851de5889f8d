//! What an application may do, and how slow it may be.

use std::sync::atomic::{AtomicUsize, Ordering};

use dunlin::{Drain, Outcome, Property, PublishError, Qos, Version};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::sleep,
};

use super::*;
use crate::scene::{EVERY_QOS, VERSIONS, message, text};

#[tokio::test(start_paused = true)]
async fn promise_08_a_subscription_that_is_not_read_holds_back_the_server() {
    for version in VERSIONS {
        for qos in EVERY_QOS {
            let options = ConnectOptions::new("server").version(version).unread_bytes(10_000);
            let (client, mut open) = by_hand(options.keep_alive(Duration::ZERO).ping_timeout(HOUR));
            let mut server = within(open.recv()).await.unwrap();
            let [accept, granted]: [&[u8]; 2] = match version.is_v5() {
                true => [b"\x20\x03\0\0\0", b"\x90\x04\0\x01\0\x02"],
                false => [b"\x20\x02\0\0", b"\x90\x03\0\x01\x02"],
            };
            server.write_all(accept).await.unwrap();
            let (other, asked) = (client.clone(), client.clone());
            let subscribing = tokio::spawn(async move { other.subscribe("t").qos(qos).buffer_bytes(usize::MAX).await });
            within(asked.connected()).await.unwrap();
            server.write_all(granted).await.unwrap();
            let mut subscription = within(subscribing).await.unwrap().unwrap();

            // The server sends as fast as the link takes it, and takes the answers.
            let (mut answers, mut server) = tokio::io::split(server);
            tokio::spawn(async move { while answers.read(&mut [0; 1_024]).await.is_ok_and(|n| n > 0) {} });
            let sent = Arc::new(AtomicUsize::new(0));
            let count = sent.clone();
            let sends = tokio::spawn(async move {
                for number in 0..MESSAGES {
                    server.write_all(&publish(version, qos, number)).await.unwrap();
                    count.fetch_add(1, Ordering::Relaxed);
                }
            });
            for taken in 0..MESSAGES {
                // However long the application needs: what was sent is what it took, what may be unread, and what is read
                // at once.
                if taken % 100 == 0 {
                    sleep(Duration::from_secs(20)).await;
                    let ahead = (sent.load(Ordering::Relaxed) - taken) * SIZE;
                    assert!(ahead < 10_000 + 300_000, "{ahead} bytes were sent ahead, {version:?} {qos:?}");
                }
                let next = message(&mut subscription).await;
                assert_eq!(next.payload()[..4], u32::try_from(taken).unwrap().to_be_bytes());
                assert_eq!(next.missed_before(), 0);
            }
            assert_eq!(client.statistics().connections, 1);
            within(sends).await.unwrap();
            within(client.abort()).await;
        }
    }
}

const MESSAGES: usize = 1_000;
const SIZE: usize = 5_000;

/// A PUBLISH to `t` of about so many bytes, which begins with its number.
fn publish(version: Version, qos: Qos, number: usize) -> Vec<u8> {
    let mut body = b"\0\x01t".to_vec();
    if qos != Qos::AtMostOnce {
        body.extend((1 + number as u16).to_be_bytes());
    }
    body.extend(version.is_v5().then_some(0));
    body.extend((number as u32).to_be_bytes());
    body.resize(SIZE, b'.');
    let remaining_length = [(SIZE & 0x7F | 0x80) as u8, (SIZE >> 7) as u8];
    [&[0x30 | (qos as u8) << 1][..], &remaining_length, &body].concat()
}

#[tokio::test(start_paused = true)]
async fn promise_14_publishing_from_inside_a_receive_loop_works_at_every_qos() {
    for version in VERSIONS {
        let server = server().await;
        // A loop that is full: no more than one message may be unread.
        let options = to_server(&server).client_id("it").version(version).unread_bytes(1).session_expiry(HOUR);
        let client = within(Client::connect(options)).await.unwrap();
        let mut questions = within(client.subscribe("question/+").qos(Qos::ExactlyOnce)).await.unwrap();
        for number in 0..90 {
            server.publish(&format!("question/{number}"), "?", EVERY_QOS[1 + number % 2], false).unwrap();
        }
        for number in 0..90 {
            let question = message(&mut questions).await;
            let outcome =
                within(client.publish("answer", question.topic().to_owned()).qos(EVERY_QOS[number % 3])).await;
            assert!(matches!(outcome, Ok(Outcome::Sent | Outcome::Delivered(_))), "{outcome:?}");
        }
        within(server.wait_for_messages(90)).await;
        within(client.close(Drain::ALL)).await;
        server.assert_no_breaches();
    }
}

#[tokio::test(start_paused = true)]
async fn promise_15_subscribing_and_unsubscribing_from_inside_a_receive_loop_works() {
    for version in VERSIONS {
        let server = server().await;
        let options = to_server(&server).client_id("it").version(version).unread_bytes(1).session_expiry(HOUR);
        let client = within(Client::connect(options)).await.unwrap();
        let mut rooms = within(client.subscribe("rooms").qos(Qos::AtLeastOnce)).await.unwrap();
        for room in 0..50 {
            server.publish("rooms", format!("room/{room}"), Qos::AtLeastOnce, false).unwrap();
        }
        let mut entered = Vec::new();
        for room in 0..50 {
            let topic = text(&mut rooms).await;
            assert_eq!(topic, format!("room/{room}"));
            let inside = within(client.subscribe(&topic).qos(Qos::AtLeastOnce)).await.unwrap();
            match room % 2 {
                0 => entered.push((topic, inside)),
                _ => within(inside.unsubscribe()).await.unwrap(),
            }
        }
        // With this the application is done with the last one, and something else may be unread.
        assert!(rooms.try_next().is_none());
        for (topic, mut inside) in entered {
            server.publish(&topic, "hello", Qos::AtLeastOnce, false).unwrap();
            assert_eq!(text(&mut inside).await, "hello");
            within(inside.unsubscribe()).await.unwrap();
        }
        assert_eq!(server.clients()[0].subscriptions, ["rooms"]);
        within(client.close(Drain::ALL)).await;
        server.assert_no_breaches();
    }
}

#[tokio::test(start_paused = true)]
async fn promise_17_both_versions_are_one_type() {
    let server = server().await;
    // One function, one client, one message type: the version is a fact of the connection.
    async fn talks(options: ConnectOptions) -> Client {
        let client = within(Client::connect(options)).await.unwrap();
        let mut subscription = within(client.subscribe("t").qos(Qos::ExactlyOnce)).await.unwrap();
        for qos in EVERY_QOS {
            within(client.publish("t", "21.5").qos(qos)).await.unwrap();
            assert_eq!(text(&mut subscription).await, "21.5");
        }
        client
    }
    let both = [talks(to_server(&server)).await, talks(to_server(&server).version(Version::V3_1_1)).await];

    // What 3.1.1 cannot say is refused at the call, and never dropped silently.
    let publish = |client: &Client| client.publish("t", "x").property(Property::ContentType("text/plain")).post();
    assert_eq!(both.each_ref().map(publish), [Ok(()), Err(PublishError::NeedsV5)]);
    for client in both {
        within(client.close(Drain::ALL)).await;
    }
    let versions: Vec<_> = server.connects().iter().map(|connect| connect.version).collect();
    assert_eq!(versions, [Version::V5, Version::V3_1_1]);
    server.assert_no_breaches();
}
