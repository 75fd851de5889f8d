//! A subscription that stands still holds others back. It is named, and gives way if it chose so.

mod scene;

use std::{sync::Arc, time::Duration};

use dunlin::{Client, ConnectOptions, Drain, Event, Events, OnStall, Qos, Version};
use dunlin_testkit::Server;
use scene::{EVERY_QOS, VERSIONS, message, text, to_server, within};
use tokio::time::Instant;

#[tokio::test(start_paused = true)]
async fn a_message_that_nobody_takes_is_told_when_the_answer_to_another_waits_for_it() {
    for version in VERSIONS {
        for qos in &EVERY_QOS[1..] {
            let (server, client) = connected(version, |options| options).await;
            let mut stuck = within(client.subscribe("stuck").and("too").qos(*qos)).await.unwrap();
            let mut quick = within(client.subscribe("quick").qos(*qos)).await.unwrap();
            let mut events = client.events();
            server.publish("stuck", "x", *qos, false).unwrap();
            server.publish("quick", "y", *qos, false).unwrap();
            assert_eq!(text(&mut quick).await, "y");
            assert!(quick.try_next().is_none());
            let began = Instant::now();
            assert_eq!(stalled(&mut events).await, (vec!["stuck".into(), "too".into()], 0));
            assert_eq!(began.elapsed().as_secs(), 30, "{version:?} {qos:?}");
            // It is told once, and held.
            assert!(is_quiet(&mut events).await);
            assert_eq!(server.clients()[0].in_flight, 2);
            assert_eq!(text(&mut stuck).await, "x");
            assert!(stuck.try_next().is_none());
            within(server.wait_for(|server| server.clients()[0].in_flight == 0)).await;
            // The next is another one.
            server.publish("stuck", "x", *qos, false).unwrap();
            server.publish("quick", "y", *qos, false).unwrap();
            assert_eq!(text(&mut quick).await, "y");
            assert!(quick.try_next().is_none());
            stalled(&mut events).await;
            close(client, &server).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_that_stands_in_nobodys_way_may_wait_for_ever() {
    for version in VERSIONS {
        let (server, client) = connected(version, |options| options.stall_after(Duration::from_secs(5))).await;
        let mut slow = within(client.subscribe("slow").qos(Qos::AtLeastOnce)).await.unwrap();
        let mut quick = within(client.subscribe("quick").qos(Qos::AtLeastOnce)).await.unwrap();
        let mut events = client.events();
        server.publish("slow", "x", Qos::AtLeastOnce, false).unwrap();
        assert!(is_quiet(&mut events).await, "{version:?}");
        // From the time on that it does, it has as long as any other.
        server.publish("quick", "y", Qos::AtLeastOnce, false).unwrap();
        assert_eq!(text(&mut quick).await, "y");
        assert!(quick.try_next().is_none());
        let began = Instant::now();
        assert_eq!(stalled(&mut events).await.0, ["slow".into()]);
        assert!((5..=10).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
        assert_eq!(text(&mut slow).await, "x");
        close(client, &server).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_not_acknowledged_is_told_when_the_server_may_send_no_more() {
    let (server, client) = connected(Version::V5, |options| options.receive_maximum(2)).await;
    let manual = client.subscribe("t").qos(Qos::AtLeastOnce).manual_acknowledgement();
    let mut manual = within(manual).await.unwrap();
    let mut events = client.events();
    for payload in ["a", "b", "c"] {
        server.publish("t", payload, Qos::AtLeastOnce, false).unwrap();
    }
    let in_hand = [message(&mut manual).await, message(&mut manual).await];
    assert_eq!(stalled(&mut events).await, (vec!["t".into()], 0));
    // What is told is the subscription, also when it is over.
    drop(manual);
    in_hand[0].acknowledge();
    assert_eq!(stalled(&mut events).await, (vec!["t".into()], 0));
    in_hand[1].acknowledge();
    within(server.wait_for(|server| server.clients()[0].in_flight == 0 && server.clients()[0].queued == 0)).await;
    close(client, &server).await;
}

#[tokio::test(start_paused = true)]
async fn a_subscription_that_chose_to_drop_gives_way_and_is_told_how_much_it_missed() {
    for version in VERSIONS {
        for qos in &EVERY_QOS[1..] {
            let (server, client) = connected(version, |options| options).await;
            let mut stuck = within(client.subscribe("stuck").qos(*qos).on_stall(OnStall::Drop)).await.unwrap();
            let mut quick = within(client.subscribe("quick").qos(*qos)).await.unwrap();
            let mut events = client.events();
            server.publish("stuck", "in hand", *qos, false).unwrap();
            assert_eq!(text(&mut stuck).await, "in hand");
            for number in 0..5 {
                server.publish("stuck", number.to_string(), *qos, false).unwrap();
            }
            server.publish("quick", "y", *qos, false).unwrap();
            assert_eq!(text(&mut quick).await, "y");
            assert!(quick.try_next().is_none());
            assert_eq!(stalled(&mut events).await, (vec!["stuck".into()], 5));
            within(server.wait_for(|server| server.clients()[0].in_flight == 0)).await;
            assert_eq!(client.statistics().dropped, 5);
            server.publish("stuck", "next", *qos, false).unwrap();
            let next = message(&mut stuck).await;
            assert_eq!((next.text(), next.missed_before()), (Some("next"), 5), "{version:?} {qos:?}");
            assert!(stuck.try_next().is_none());
            within(server.wait_for(|server| server.clients()[0].in_flight == 0)).await;
            close(client, &server).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn of_a_manual_subscription_that_chose_to_drop_what_is_in_hand_is_acknowledged_in_its_stead() {
    let (server, client) = connected(Version::V5, |options| options.receive_maximum(1)).await;
    let manual = client.subscribe("t").qos(Qos::AtLeastOnce).manual_acknowledgement().on_stall(OnStall::Drop);
    let mut manual = within(manual).await.unwrap();
    let mut events = client.events();
    server.publish("t", "a", Qos::AtLeastOnce, false).unwrap();
    server.publish("t", "b", Qos::AtLeastOnce, false).unwrap();
    let in_hand = message(&mut manual).await;
    assert_eq!(stalled(&mut events).await, (vec!["t".into()], 0));
    let next = message(&mut manual).await;
    assert_eq!((next.text(), next.missed_before()), (Some("b"), 0));
    // Late, and for nothing.
    in_hand.acknowledge();
    within(client.publish("a/round", "trip").qos(Qos::AtLeastOnce)).await.unwrap();
    assert_eq!(server.clients()[0].in_flight, 1);
    next.acknowledge();
    within(server.wait_for(|server| server.clients()[0].in_flight == 0)).await;
    close(client, &server).await;
}

#[tokio::test(start_paused = true)]
async fn a_subscription_that_nobody_reads_is_told_when_nothing_more_is_read_because_of_it() {
    for version in VERSIONS {
        for qos in EVERY_QOS {
            let change = |options: ConnectOptions| options.unread_bytes(50_000);
            let (server, client) = connected(version, change).await;
            let unread = client.subscribe("unread").qos(qos).buffer_bytes(usize::MAX).on_stall(OnStall::Drop);
            let mut unread = within(unread).await.unwrap();
            let mut other = within(client.subscribe("other").qos(qos)).await.unwrap();
            let mut events = client.events();
            for _ in 0..5 {
                server.publish("unread", vec![b'x'; 20_000], qos, false).unwrap();
            }
            let (_, dropped) = stalled(&mut events).await;
            assert!(dropped > 0, "{version:?} {qos:?}");
            server.publish("other", "y", qos, false).unwrap();
            assert_eq!(text(&mut other).await, "y", "reading goes on");
            server.publish("unread", "z", qos, false).unwrap();
            assert!(message(&mut unread).await.missed_before() > 0);
            close(client, &server).await;
        }
    }
}

async fn connected(version: Version, change: impl FnOnce(ConnectOptions) -> ConnectOptions) -> (Arc<Server>, Client) {
    let server = Arc::new(Server::start().await.unwrap());
    let options = change(to_server(&server).version(version).client_id("it").keep_alive(Duration::ZERO));
    let client = within(Client::connect(options)).await.unwrap();
    (server, client)
}

/// The next stall: whose, and how much was dropped.
async fn stalled(events: &mut Events) -> (Vec<Box<str>>, u64) {
    stalled_within(events, 120).await.expect("a subscription is named")
}

/// Whether no stall is told for ten minutes.
async fn is_quiet(events: &mut Events) -> bool {
    stalled_within(events, 600).await.is_none()
}

async fn stalled_within(events: &mut Events, seconds: u64) -> Option<(Vec<Box<str>>, u64)> {
    let told = async {
        loop {
            if let Event::Stalled { filters, dropped } = events.next().await? {
                return Some((filters.into_vec(), dropped));
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(seconds), told).await.ok()?
}

async fn close(client: Client, server: &Server) {
    within(client.close(Drain::ALL)).await;
    server.assert_no_breaches();
}
