//! An application that is slower than its messages: reading stops and goes on, publishing works meanwhile, memory stays
//! bounded, and nothing of QoS 1 or 2 is lost.

mod scene;

use std::{
    future::Future,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use dunlin::{Client, ConnectionError, Drain, Event, Outcome, PublishError, Qos, Status, Version};
use dunlin_testkit::{Script, Scripted, Server};
use scene::{EVERY_QOS, VERSIONS, event, message, options, text, within};

#[tokio::test]
async fn a_server_that_reads_only_when_it_has_written_is_no_deadlock() {
    for version in VERSIONS {
        let accept: &[u8] = if version.is_v5() { b"\x20\x03\0\0\0" } else { b"\x20\x02\0\0" };
        let suback: &[u8] = if version.is_v5() { b"\x90\x04\0\x01\0\x02" } else { b"\x90\x03\0\x01\x02" };
        let flood = (0..COUNT).flat_map(|number| publish(version, Qos::AtMostOnce, number)).collect::<Vec<u8>>();
        let script = Script::new().timeout(Duration::from_secs(60));
        let script = script.expect_packet().send(accept).expect_packet().send(suback).send(flood).silence();
        let (server, address) = Scripted::listen([script]).await.unwrap();
        let client =
            within(Client::connect(options(address.port()).version(version).unread_bytes(10_000))).await.unwrap();
        let mut events = client.events();
        let _nobody_reads_it = within(client.subscribe("t")).await.unwrap();
        event(&mut events, |event| matches!(event, Event::PublishReceived(_))).await;
        // Nobody asks for the outcome, so no answer is waited for.
        let large = vec![b'x'; 64 << 10];
        let arrived = async {
            for _ in 0..LARGE {
                while client.publish("up", &large).post().is_err() {
                    tokio::task::yield_now().await;
                }
            }
            while server.received()[0].len() < LARGE * large.len() {
                tokio::task::yield_now().await;
            }
        };
        within(arrived).await;
        assert!(client.statistics().dropped > 0);
        within(client.close(Drain::ALL)).await;
    }
}

/// A PUBLISH to `t` with a number and padding.
fn publish(version: Version, qos: Qos, number: usize) -> Vec<u8> {
    let mut body = b"\0\x01t".to_vec();
    if qos != Qos::AtMostOnce {
        body.extend((1 + number as u16).to_be_bytes());
    }
    body.extend(version.is_v5().then_some(0));
    body.extend(padded(number, SIZE));
    let mut packet = vec![0x30 | (qos as u8) << 1];
    packet.extend([(body.len() & 0x7F | 0x80) as u8, (body.len() >> 7 & 0x7F | 0x80) as u8, (body.len() >> 14) as u8]);
    packet.extend(body);
    packet
}

#[tokio::test]
async fn a_client_that_does_not_read_sleeps_pings_and_is_not_taken_for_dead() {
    for version in VERSIONS {
        let accept: &[u8] = if version.is_v5() { b"\x20\x03\0\0\0" } else { b"\x20\x02\0\0" };
        let suback: &[u8] = if version.is_v5() { b"\x90\x04\0\x01\0\0" } else { b"\x90\x03\0\x01\0" };
        let publish: &[u8] = if version.is_v5() { b"\x30\x05\0\x01t\0x" } else { b"\x30\x04\0\x01tx" };
        let ping = b"\xC0\0";
        // No PINGRESP: what is not read cannot be missed.
        let script = Script::new().expect_packet().send(accept).expect_packet().send([suback, publish].concat());
        let script = script.expect(*ping).expect(*ping).send(b"\xD0\0\xD0\0".as_slice()).send(publish);
        let (server, address) = Scripted::listen([script.expect([0xE0, 0]).expect_close()]).await.unwrap();
        let options = options(address.port()).version(version).unread_bytes(1);
        let options = options.keep_alive(Duration::from_secs(1)).ping_timeout(Duration::from_millis(500));
        let (client, driver) = Client::with_driver(options).unwrap();
        let polls = Arc::new(AtomicUsize::new(0));
        let counted = Counted { polls: polls.clone(), driver: Box::pin(driver) };
        tokio::spawn(counted);
        let mut subscription = within(client.subscribe("t")).await.unwrap();
        let mut events = client.events();
        let first = message(&mut subscription).await;
        let pinged = async {
            while !server.received()[0].ends_with(&[0xC0, 0, 0xC0, 0]) {
                tokio::task::yield_now().await;
            }
        };
        within(pinged).await;
        assert!(polls.load(Ordering::Relaxed) < 60, "the driver spins: polled {polls:?} times in two seconds");
        assert_eq!(client.status(), Status::Connected);
        drop(first);
        assert_eq!(text(&mut subscription).await, "x");
        assert!(events.try_next().is_none_or(|event| !matches!(event, Event::Disconnected { .. })));
        within(client.close(Drain::ALL)).await;
        drop(subscription);
        server.finish().await.unwrap();
    }
}

struct Counted {
    polls: Arc<AtomicUsize>,
    driver: Pin<Box<dunlin::Driver>>,
}

impl Future for Counted {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.polls.fetch_add(1, Ordering::Relaxed);
        self.driver.as_mut().poll(cx)
    }
}

#[tokio::test]
async fn publishing_works_while_reading_has_stopped() {
    for version in VERSIONS {
        for qos in EVERY_QOS {
            let server = Server::start().await.unwrap();
            let options = options(server.port()).version(version).unread_bytes(1_000).client_id("slow");
            let client = within(Client::connect(options)).await.unwrap();
            let mut subscription = within(client.subscribe("flood").buffer_bytes(5_000)).await.unwrap();
            let mut events = client.events();
            for number in 0..200 {
                server.publish("flood", padded(number, 1_000), Qos::AtMostOnce, false).unwrap();
            }
            event(&mut events, |event| matches!(event, Event::PublishReceived(_))).await;
            for number in 0..50 {
                let topic = format!("up/{number}");
                within(client.publish(&topic, padded(number, 2_000)).qos(qos)).await.unwrap();
            }
            server.publish("flood", padded(200, 10), Qos::AtMostOnce, false).unwrap();
            within(client.publish("up/last", "").qos(Qos::AtLeastOnce)).await.unwrap();
            // What had no room is counted where it is missing, and order is kept.
            let (mut next, mut missed) = (0, 0);
            while next < 200 {
                let Some(message) = subscription.try_next() else { break };
                missed += message.missed_before();
                next += message.missed_before() as usize;
                assert_eq!(number_of(message.payload()), next, "{version:?} {qos:?}");
                next += 1;
            }
            let dropped = client.statistics().dropped;
            assert!(dropped > 0 && missed <= dropped, "{missed} {dropped}");
            within(server.wait_for_messages(51)).await;
            within(client.close(Drain::ALL)).await;
            server.assert_no_breaches();
        }
    }
}

#[tokio::test]
async fn qos_0_above_the_buffer_of_one_subscription_is_dropped_and_others_get_theirs() {
    for version in VERSIONS {
        let server = Server::start().await.unwrap();
        let client = within(Client::connect(options(server.port()).version(version))).await.unwrap();
        let mut small = within(client.subscribe("flood").qos(Qos::AtLeastOnce).buffer_bytes(3_000)).await.unwrap();
        let mut large = within(client.subscribe("+").qos(Qos::AtLeastOnce)).await.unwrap();
        for number in 0..100 {
            let qos = if number % 10 == 9 { Qos::AtLeastOnce } else { Qos::AtMostOnce };
            server.publish("flood", padded(number, 1_000), qos, false).unwrap();
        }
        for number in 0..100 {
            assert_eq!(number_of(message(&mut large).await.payload()), number);
        }
        let (mut next, mut seen) = (0, Vec::new());
        while seen.last() != Some(&99) {
            let message = message(&mut small).await;
            next += message.missed_before() as usize;
            assert_eq!(number_of(message.payload()), next, "the gap is told at its place: {seen:?}");
            seen.push(next);
            next += 1;
        }
        assert!(seen.len() < 30, "its buffer holds three: {seen:?}");
        assert!((0..10).all(|ten| seen.contains(&(ten * 10 + 9))), "QoS 1 is never dropped: {seen:?}");
        assert_eq!(client.statistics().dropped, 100 - seen.len() as u64);
        within(client.close(Drain::ALL)).await;
        server.assert_no_breaches();
    }
}

#[tokio::test]
async fn the_buffer_of_a_subscription_and_the_limit_of_all_may_be_tiny() {
    for version in VERSIONS {
        let server = Server::start().await.unwrap();
        // In 3.1.1 what is too much must come again.
        let options = options(server.port()).version(version).session_expiry(Duration::from_secs(3600));
        let options = options.unread_bytes(0).queue_bytes(0);
        let client = within(Client::connect(options)).await.unwrap();
        let mut subscription = within(client.subscribe("t").qos(Qos::ExactlyOnce).buffer_bytes(0)).await.unwrap();
        for qos in EVERY_QOS {
            within(client.publish("t", "through").qos(qos)).await.unwrap();
            assert_eq!(text(&mut subscription).await, "through", "{version:?} {qos:?}");
        }
        within(client.close(Drain::ALL)).await;
    }
}

#[tokio::test]
async fn in_3_1_1_a_slow_consumer_that_waits_for_an_answer_loses_the_connection_but_no_message() {
    let server = Server::start().await.unwrap();
    let options = options(server.port()).version(Version::V3_1_1).unread_bytes(5_000).client_id("slow");
    let client = within(Client::connect(options.session_expiry(Duration::from_secs(3600)))).await.unwrap();
    let mut subscription = within(client.subscribe("flood").and("end").qos(Qos::ExactlyOnce)).await.unwrap();
    let mut events = client.events();
    // The server owes an answer, so the client must go on reading.
    server.hold_acks(true);
    let receipt = client.publish("up", "x").qos(Qos::AtLeastOnce).enqueue().unwrap();
    within(server.wait_for(|server| server.held_acks("slow").len() == 1)).await;
    for number in 0..200 {
        server.publish("flood", padded(number, 1_000), EVERY_QOS[1 + number % 2], false).unwrap();
        tokio::task::yield_now().await;
    }
    server.publish("end", "", Qos::AtMostOnce, false).unwrap();
    event(&mut events, |event| matches!(event, Event::PublishReceived(message) if message.topic() == "end")).await;
    assert!(client.statistics().received < 150, "what is too much is not taken in");
    server.hold_acks(false);
    assert!(matches!(within(receipt).await, Outcome::Delivered(_)), "the answer is read behind it");
    let mut numbers = Vec::new();
    while numbers.len() < 200 {
        let message = message(&mut subscription).await;
        let number = number_of(message.payload());
        // QoS 1 may come twice: it was taken, and its acknowledgement was not heard.
        if !numbers.contains(&number) {
            numbers.push(number);
        } else {
            assert_eq!(message.qos(), Qos::AtLeastOnce, "{number} came twice");
        }
    }
    let in_order = |qos: usize| numbers.iter().filter(|number| *number % 2 == qos - 1).is_sorted();
    assert!(in_order(1) && in_order(2), "{numbers:?}");
    let told = event(&mut events, |event| matches!(event, Event::Disconnected { .. })).await;
    assert!(matches!(told, Event::Disconnected { error: ConnectionError::SlowConsumer, .. }), "{told:?}");
    within(client.close(Drain::ALL)).await;
    server.assert_no_breaches();
}

#[tokio::test]
async fn messages_in_hand_are_acknowledged_as_the_application_goes_on() {
    for version in VERSIONS {
        let server = Server::start().await.unwrap();
        let options = options(server.port()).version(version).receive_maximum(5).client_id("it");
        let client = within(Client::connect(options)).await.unwrap();
        let mut subscription = within(client.subscribe("t").qos(Qos::AtLeastOnce)).await.unwrap();
        for number in 0..50 {
            server.publish("t", number.to_string(), Qos::AtLeastOnce, false).unwrap();
        }
        for number in 0..50 {
            assert_eq!(text(&mut subscription).await, number.to_string(), "{version:?}");
        }
        assert!(subscription.try_next().is_none());
        within(server.wait_for(|server| server.clients()[0].in_flight == 0)).await;
        // What waits in a subscription that is dropped is acknowledged too: the server must not wait for ever.
        for number in 0..20 {
            server.publish("t", number.to_string(), Qos::AtLeastOnce, false).unwrap();
        }
        assert_eq!(text(&mut subscription).await, "0");
        drop(subscription);
        within(server.wait_for(|server| server.clients()[0].in_flight == 0 && server.clients()[0].queued == 0)).await;
        within(client.close(Drain::ALL)).await;
        server.assert_no_breaches();
    }
}

#[tokio::test]
async fn publishers_that_wait_for_memory_sleep_until_something_is_settled() {
    for version in VERSIONS {
        let server = Server::start().await.unwrap();
        let options = options(server.port()).version(version).memory_bytes(10_000).client_id("it");
        let (client, driver) = Client::with_driver(options).unwrap();
        let polls = Arc::new(AtomicUsize::new(0));
        tokio::spawn(Counted { polls: polls.clone(), driver: Box::pin(driver) });
        let mut subscription = within(client.subscribe("in")).await.unwrap();
        server.hold_acks(true);
        let large = vec![b'x'; 900];
        let mut receipts = Vec::new();
        let full = loop {
            match client.publish("t", &large).qos(Qos::AtLeastOnce).enqueue() {
                Ok(receipt) => receipts.push(receipt),
                Err(error) => break error,
            }
            assert!(receipts.len() < 50, "memory has a limit");
        };
        assert_eq!(full, PublishError::Full);
        within(server.wait_for(|server| server.held_acks("it").len() == receipts.len())).await;
        let mut waiting = pin!(client.publish("t", &large).qos(Qos::AtLeastOnce).into_future());
        let (wakes, before) = (Arc::new(Wakes::default()), polls.load(Ordering::Relaxed));
        let waker = Waker::from(wakes.clone());
        assert!(waiting.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        for _ in 0..1_000 {
            tokio::task::yield_now().await;
        }
        let after = polls.load(Ordering::Relaxed);
        assert!(after - before <= 3, "the two wake each other: the driver was polled {} times", after - before);
        // What makes the driver work is not always a reason to wake who waits for memory.
        for _ in 0..20 {
            server.publish("in", "x", Qos::AtMostOnce, false).unwrap();
            assert_eq!(text(&mut subscription).await, "x");
        }
        assert_eq!(wakes.0.load(Ordering::Relaxed), 0);
        server.hold_acks(false);
        within(waiting).await.unwrap();
        for receipt in receipts {
            assert!(matches!(within(receipt).await, Outcome::Delivered(_)));
        }
        within(client.close(Drain::ALL)).await;
        server.assert_no_breaches();
    }
}

#[tokio::test]
async fn a_message_that_will_never_fit_is_refused_and_nobody_waits_for_it() {
    for version in VERSIONS {
        let server = Server::options().maximum_packet_size(u32::MAX).start().await.unwrap();
        let options = options(server.port()).version(version).memory_bytes(100_000);
        let client = within(Client::connect(options)).await.unwrap();
        for qos in EVERY_QOS {
            client.publish("t", "another is there").qos(qos).post().unwrap();
            let (borrowed, owned) = (vec![b'x'; 100_001], vec![b'x'; 100_001]);
            assert_eq!(within(client.publish("t", &borrowed).qos(qos)).await, Err(PublishError::TooLarge));
            assert_eq!(within(client.publish("t", owned).qos(qos)).await, Err(PublishError::TooLarge));
            within(client.publish("t", vec![b'x'; 90_000]).qos(qos)).await.unwrap();
            within(client.publish("t", &borrowed[..90_000]).qos(qos)).await.unwrap();
        }
        within(client.close(Drain::ALL)).await;
    }
}

#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn padded(number: usize, len: usize) -> Vec<u8> {
    let mut payload = format!("{number:06}").into_bytes();
    payload.resize(len.max(6), b'.');
    payload
}

fn number_of(payload: &[u8]) -> usize {
    std::str::from_utf8(&payload[..6]).unwrap().parse().unwrap()
}

const COUNT: usize = 1_000;
const SIZE: usize = 20_000;
const LARGE: usize = 200;
