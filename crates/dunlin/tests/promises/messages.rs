//! What becomes of a message that is published.

use std::{future::pending, io};

use dunlin::{
    Drain, Outcome, Property, PropertyId, PublishError, Qos, Receipt, Rejection, SubscribeError, Uncertainty, WhenFull,
};
use tokio::time::{Instant, sleep};

use super::*;
use crate::{memory::MemoryStore, scene::VERSIONS};

const DELIVERED: Outcome = Outcome::Delivered(ReasonCode::SUCCESS);

#[tokio::test(start_paused = true)]
async fn promise_01_every_publish_has_an_outcome() {
    let server = start(|options| options.deny_publish("denied", ReasonCode::NOT_AUTHORIZED).unwrap()).await;
    let client = within(Client::connect(to_server(&server).client_id("it"))).await.unwrap();
    let mut events = client.events();
    let publish = |topic, qos| client.publish(topic, "x").qos(qos).enqueue().unwrap();

    assert_eq!(within(publish("t", Qos::AtMostOnce)).await, Outcome::Sent);
    assert_eq!(within(publish("t", Qos::AtLeastOnce)).await, DELIVERED);
    assert_eq!(within(publish("t", Qos::ExactlyOnce)).await, DELIVERED);
    let refused = Outcome::Rejected(Rejection::ByServer(ReasonCode::NOT_AUTHORIZED));
    assert_eq!(within(publish("denied", Qos::AtLeastOnce)).await, refused);

    // The server has one message and does not say so, and never saw another.
    server.hold_acks(true);
    let unanswered = publish("t", Qos::AtLeastOnce);
    within(server.wait_for(|server| server.held_acks("it").len() == 1)).await;
    goes_away(&server, &mut events).await;
    let unsent = publish("t", Qos::AtLeastOnce);
    within(client.clone().close(Drain::NONE)).await;
    assert_eq!(within(unanswered).await, Outcome::Unknown(Uncertainty::Closed));
    assert_eq!(within(unsent).await, Outcome::Rejected(Rejection::Closed));
    server.assert_no_breaches();
}

#[tokio::test(start_paused = true)]
async fn promise_02_a_message_is_accepted_without_waiting() {
    for version in VERSIONS {
        // There is no connection, and there has never been one.
        let server = start(|options| options.refuse(ReasonCode::SERVER_BUSY)).await;
        let client = Client::start(to_server(&server).version(version)).unwrap();
        // Nothing is awaited here, so nothing was waited for.
        let accepted = (0..100).map(|_| client.publish("t", "x").qos(Qos::AtLeastOnce).enqueue());
        let receipts: Vec<Receipt> = accepted.map(Result::unwrap).collect();
        comes_back(&server);
        for receipt in receipts {
            assert_eq!(within(receipt).await, DELIVERED);
        }
        assert_eq!(server.received_total(), 100);
        within(client.close(Drain::ALL)).await;
        server.assert_no_breaches();
    }
}

/// As far as a test in one process can tell it. `dunlin-store` kills real ones, 1,000 times, and takes the power away.
#[tokio::test]
async fn promise_03_what_is_in_the_outbox_survives_a_crash() {
    for version in VERSIONS {
        let (server, disk) = (server().await, MemoryStore::default());
        let options = |disk: &MemoryStore| {
            to_server(&server).client_id("it").version(version).session_expiry(HOUR).store(disk.clone())
        };
        server.hold_acks(true);
        let (client, driver) = Client::with_driver(options(&disk)).unwrap();
        let process = tokio::spawn(driver);
        let mut ids = Vec::new();
        for (payload, qos) in [("one", Qos::AtLeastOnce), ("two", Qos::ExactlyOnce)] {
            let receipt = client.publish("t", payload).qos(qos).enqueue().unwrap();
            ids.push(within(receipt.stored()).await.unwrap());
        }
        // The server has both, and its answers are lost with the process.
        within(server.wait_for_messages(2)).await;
        let left = disk.snapshot();
        process.abort();
        within(server.wait_for_departure("it")).await;
        server.hold_acks(false);

        let client = within(Client::connect(options(&left))).await.unwrap();
        let receipts = client.recovered();
        assert_eq!(receipts.iter().filter_map(Receipt::outbox_id).collect::<Vec<_>>(), ids);
        for receipt in receipts {
            assert_eq!(within(receipt).await, DELIVERED);
        }
        let twos = server.received().iter().filter(|received| received.message.text() == "two").count();
        assert_eq!(twos, 1, "QoS 2, in all processes together");
        within(client.close(Drain::ALL)).await;
        server.assert_no_breaches();
    }
}

#[tokio::test(start_paused = true)]
async fn promise_04_the_queue_is_bounded_in_bytes_and_the_caller_chooses_what_happens_then() {
    for (policy, arrive) in [(WhenFull::Wait, 0..20), (WhenFull::Reject, 0..10), (WhenFull::DropOldest, 10..20)] {
        let server = start(|options| options.refuse(ReasonCode::SERVER_BUSY)).await;
        let client = Client::start(to_server(&server).queue_bytes(10_000).when_full(policy)).unwrap();
        // Of a little more than 1,000 bytes each: ten of them are as much as may wait.
        let payload = |number: usize| format!("{number:>1000}");
        let mut publishers = Vec::new();
        for number in 0..20 {
            let client = client.clone();
            let publish = async move { client.publish("t", payload(number)).qos(Qos::AtLeastOnce).await };
            publishers.push(tokio::spawn(publish));
            tokio::task::yield_now().await;
        }
        sleep(Duration::from_secs(60)).await;
        let ended = publishers.iter().filter(|publisher| publisher.is_finished()).count();
        assert_eq!(ended, if policy == WhenFull::Wait { 0 } else { 10 }, "{policy:?}");
        comes_back(&server);
        for (number, publisher) in publishers.into_iter().enumerate() {
            let expected = match policy {
                _ if arrive.contains(&number) => Ok(DELIVERED),
                WhenFull::Reject => Err(PublishError::Full),
                _ => Err(PublishError::Rejected(Rejection::Dropped)),
            };
            assert_eq!(within(publisher).await.unwrap(), expected, "{policy:?}, {number}");
        }
        let arrived: Vec<_> = server.received().iter().map(|received| received.message.text()).collect();
        assert_eq!(arrived, arrive.map(payload).collect::<Vec<_>>(), "{policy:?}");
        within(client.close(Drain::ALL)).await;
        server.assert_no_breaches();
    }
}

#[tokio::test(start_paused = true)]
async fn promise_05_a_message_that_waits_ages_and_expires() {
    let server = start(|options| options.refuse(ReasonCode::SERVER_BUSY)).await;
    let client = Client::start(to_server(&server)).unwrap();
    let publish = |seconds| {
        let publish = client.publish("t", "x").qos(Qos::AtLeastOnce);
        publish.expires_after(Duration::from_secs(seconds)).enqueue().unwrap()
    };
    let (short, long) = (publish(10), publish(60));
    sleep(Duration::from_secs(20)).await;
    assert_eq!(within(short).await, Outcome::Rejected(Rejection::Expired), "without ever seeing a server");
    comes_back(&server);
    assert_eq!(within(long).await, DELIVERED);
    let received = server.received();
    let [received] = &received[..] else { panic!("{received:?}") };
    let left =
        received.message.properties().into_iter().find(|property| property.id() == PropertyId::MessageExpiryInterval);
    let Some(Property::MessageExpiryInterval(left)) = left else { panic!("{left:?}") };
    assert!((35..=40).contains(&left), "the server is told what is left of the minute: {left} s");
    within(client.close(Drain::ALL)).await;
    server.assert_no_breaches();
}

#[tokio::test(start_paused = true)]
async fn promise_06_nothing_is_lost_when_the_server_forgets_the_session() {
    for version in VERSIONS {
        let server = server().await;
        let options = to_server(&server).client_id("it").version(version).session_expiry(HOUR);
        let client = within(Client::connect(options)).await.unwrap();
        let mut events = client.events();
        let publish = |payload, qos| client.publish("t", payload).qos(qos).enqueue().unwrap();

        server.hold_acks(true);
        let sent = (publish("1", Qos::AtLeastOnce), publish("2", Qos::ExactlyOnce));
        within(server.wait_for_messages(2)).await;
        goes_away(&server, &mut events).await;
        let queued = (publish("3", Qos::AtLeastOnce), publish("4", Qos::ExactlyOnce));
        server.forget_sessions();
        server.hold_acks(false);
        comes_back(&server);

        assert_eq!(within(sent.0).await, DELIVERED);
        // To send it again could deliver it twice: that, too, is an outcome.
        assert_eq!(within(sent.1).await, Outcome::Unknown(Uncertainty::SessionLost));
        assert_eq!((within(queued.0).await, within(queued.1).await), (DELIVERED, DELIVERED));
        let received: Vec<_> = server.received().iter().map(|received| received.message.text()).collect();
        assert_eq!(received, ["1", "2", "1", "3", "4"], "{version:?}");
        within(client.close(Drain::ALL)).await;
        server.assert_no_breaches();
    }
}

#[tokio::test(start_paused = true)]
async fn promise_09_nothing_is_reordered_over_reconnects_and_across_qos() {
    for version in VERSIONS {
        let server = server().await;
        let options = to_server(&server).client_id("it").version(version).session_expiry(HOUR);
        let client = within(Client::connect(options)).await.unwrap();
        let mut subscription = within(client.subscribe("echo").qos(Qos::AtLeastOnce)).await.unwrap();
        let mut events = client.events();
        let mut receipts = Vec::new();
        for number in 0..60 {
            let qos = if number % 2 == 0 { Qos::AtLeastOnce } else { Qos::ExactlyOnce };
            receipts.push(client.publish("t", number.to_string()).qos(qos).enqueue().unwrap());
            server.publish("echo", number.to_string(), Qos::AtLeastOnce, false).unwrap();
            if number % 20 == 7 {
                goes_away(&server, &mut events).await;
                comes_back(&server);
            }
        }
        for receipt in receipts {
            assert_eq!(within(receipt).await, DELIVERED);
        }
        let expected: Vec<_> = (0..60).map(|number| number.to_string()).collect();
        let mut sent: Vec<_> = server.received().iter().map(|received| received.message.text()).collect();
        let mut seen = std::collections::HashSet::new();
        sent.retain(|number| seen.insert(number.clone()));
        assert_eq!(sent, expected, "a repetition may follow, and never leads: {version:?}");
        let mut came = Vec::new();
        while came.len() < 60 {
            let message = scene::text(&mut subscription).await;
            if !came.contains(&message) {
                came.push(message);
            }
        }
        assert_eq!(came, expected, "{version:?}");
        within(client.close(Drain::ALL)).await;
        server.assert_no_breaches();
    }
}

#[tokio::test(start_paused = true)]
async fn promise_13_a_message_that_is_too_large_never_costs_the_connection_and_never_comes_again() {
    let server = start(|options| options.maximum_packet_size(1_000)).await;
    let client = within(Client::connect(to_server(&server).client_id("it"))).await.unwrap();
    let publish = |bytes| client.publish("t", vec![b'x'; bytes]).qos(Qos::AtLeastOnce);
    assert_eq!(within(publish(2_000)).await, Err(PublishError::TooLarge), "the server has told its limit");

    // One that fits is in the queue, and the server comes back with a lower limit.
    goes_away(&server, &mut client.events()).await;
    let (large, small) = (publish(900).enqueue().unwrap(), publish(10).enqueue().unwrap());
    server.reconfigure(|options| options.maximum_packet_size(500));
    comes_back(&server);
    let beyond = Rejection::BeyondLimits(ReasonCode::PACKET_TOO_LARGE);
    assert_eq!(within(large).await, Outcome::Rejected(beyond));
    assert_eq!(within(small).await, DELIVERED, "what stands behind it goes on");
    sleep(HOUR).await;
    assert_eq!((client.statistics().connections, server.received_total()), (2, 1));
    within(client.close(Drain::ALL)).await;
    server.assert_no_breaches();
}

#[tokio::test(start_paused = true)]
async fn promise_16_closing_drains_and_tells_what_is_left() {
    for version in VERSIONS {
        let server = start(|options| options.hold_acks(true)).await;
        let options = to_server(&server).version(version).client_id("it").send_maximum(5);
        let client = within(Client::connect(options)).await.unwrap();
        let publish = || client.publish("t", "x").qos(Qos::AtLeastOnce).enqueue().unwrap();
        let receipts: Vec<Receipt> = (0..7).map(|_| publish()).collect();
        within(server.wait_for(|server| server.held_acks("it").len() == 5)).await;

        // In the time that closing has, the server answers three, and so two more leave.
        let (other, began) = (client.clone(), Instant::now());
        let closing = tokio::spawn(other.close(Drain::within(Duration::from_secs(5))));
        sleep(Duration::from_secs(1)).await;
        assert_eq!(client.publish("t", "too late").post(), Err(PublishError::Closed));
        assert_eq!(within(client.subscribe("t")).await.unwrap_err(), SubscribeError::Closed);
        for _ in 0..3 {
            let first = server.held_acks("it")[0].packet_id;
            assert!(server.release_ack("it", first));
        }
        let closed = within(closing).await.unwrap();
        assert_eq!((closed.settled, closed.unsent, closed.unknown), (3, 0, 4), "{version:?}");
        assert!(began.elapsed() <= Duration::from_secs(5));
        assert_eq!(within(client.connected()).await, Err(ConnectionError::Closed));
        for (number, receipt) in receipts.into_iter().enumerate() {
            let expected = if number < 3 { DELIVERED } else { Outcome::Unknown(Uncertainty::Closed) };
            assert_eq!(within(receipt).await, expected);
        }
        server.assert_no_breaches();
    }

    // What never left is told apart from what may have arrived.
    let client = Client::start(ConnectOptions::new("server").connector(pending::<io::Result<DuplexStream>>)).unwrap();
    let receipt = client.publish("t", "x").qos(Qos::AtLeastOnce).enqueue().unwrap();
    let closed = within(client.close(Drain::within(Duration::from_secs(5)))).await;
    assert_eq!((closed.settled, closed.unsent, closed.unknown), (0, 1, 0));
    assert_eq!(within(receipt).await, Outcome::Rejected(Rejection::Closed));
}
