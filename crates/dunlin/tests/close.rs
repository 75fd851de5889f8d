//! How a client ends: closed, aborted, dropped, with its runtime gone, with its futures dropped half way; and the
//! labels that calls carry.

mod scene;

use std::{
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
    time::Duration,
};

use dunlin::{
    Client, Closed, ConnectOptions, ConnectionError, Drain, Event, Outcome, PublishError, Qos, Rejection, Status,
    SubscribeError, Uncertainty, Will,
};
use dunlin_testkit::{Cut, LinkOptions, Script, Scripted, Server};
use scene::{EVERY_QOS, VERSIONS, event, options, text, within};

#[tokio::test]
async fn when_the_time_for_closing_is_over_what_is_not_settled_is_told() {
    for version in VERSIONS {
        let server = Server::options().hold_acks(true).receive_maximum(3).start().await.unwrap();
        let options = options(server.port()).version(version).send_maximum(3).client_id("it");
        let client = within(Client::connect(options)).await.unwrap();
        let mut receipts = Vec::new();
        for _ in 0..5 {
            receipts.push(client.publish("t", "x").qos(Qos::AtLeastOnce).enqueue().unwrap());
        }
        within(server.wait_for(|server| server.held_acks("it").len() == 3)).await;
        let closed = within(client.close(Drain::within(Duration::from_millis(20)))).await;
        assert_eq!((closed.settled, closed.unsent, closed.unknown), (0, 2, 3), "{version:?}");
        let mut outcomes = Vec::new();
        for receipt in receipts {
            outcomes.push(within(receipt).await);
        }
        assert_eq!(outcomes[..3], [Outcome::Unknown(Uncertainty::Closed); 3]);
        assert_eq!(outcomes[3..], [Outcome::Rejected(Rejection::Closed); 2]);
        within(server.wait_for_departure("it")).await;
        server.assert_no_breaches();
    }
}

#[tokio::test]
async fn closing_ends_though_the_server_reads_nothing_more() {
    for version in VERSIONS {
        let accept: &[u8] = if version.is_v5() { b"\x20\x03\0\0\0" } else { b"\x20\x02\0\0" };
        // It waits longer than a test may take, and reads nothing meanwhile.
        let script = Script::new().expect_packet().send(accept).wait(Duration::from_secs(3600));
        let (_server, address) = Scripted::listen([script]).await.unwrap();
        let client = within(Client::connect(options(address.port()).version(version))).await.unwrap();
        // More than the buffers of both sockets take.
        let receipt = client.publish("t", vec![0; 15 << 20]).qos(Qos::AtLeastOnce).enqueue().unwrap();
        let closed = within(client.close(Drain::within(Duration::from_millis(20)))).await;
        assert_eq!((closed.settled, closed.unsent, closed.unknown), (0, 0, 1), "{version:?}");
        assert_eq!(within(receipt).await, Outcome::Unknown(Uncertainty::Closed));
    }
}

#[tokio::test]
async fn closing_ends_though_the_server_never_accepts_the_connection() {
    let (server, address) = Scripted::listen([Script::new().silence(), Script::new().silence()]).await.unwrap();
    for (connections, drain) in [Drain::NONE, Drain::within(Duration::from_millis(20))].into_iter().enumerate() {
        let client = Client::start(options(address.port())).unwrap();
        let receipt = client.publish("t", "x").qos(Qos::AtLeastOnce).enqueue().unwrap();
        let connects = async {
            while server.received().iter().filter(|connection| !connection.is_empty()).count() <= connections {
                tokio::task::yield_now().await;
            }
        };
        within(connects).await;
        let closed = within(client.close(drain)).await;
        assert_eq!((closed.settled, closed.unsent, closed.unknown), (0, 1, 0));
        assert_eq!(within(receipt).await, Outcome::Rejected(Rejection::Closed));
    }
}

#[tokio::test]
async fn closing_while_offline_waits_for_the_server_to_come_back() {
    for version in VERSIONS {
        let server = Server::start().await.unwrap();
        let (link, address) = LinkOptions::new().listen(server.address()).await.unwrap();
        link.refuse();
        let client = Client::start(options(address.port()).version(version)).unwrap();
        let mut events = client.events();
        let receipt = client.publish("t", "x").qos(Qos::ExactlyOnce).enqueue().unwrap();
        let closing = tokio::spawn(client.close(Drain::ALL));
        for _ in 0..3 {
            event(&mut events, |event| matches!(event, Event::ConnectFailed { .. })).await;
        }
        link.heal();
        let closed = within(closing).await.unwrap();
        assert_eq!((closed.settled, closed.unsent, closed.unknown), (1, 0, 0));
        assert!(matches!(within(receipt).await, Outcome::Delivered(_)));
        server.assert_no_breaches();
    }
}

#[tokio::test]
async fn closing_while_offline_with_nothing_to_send_or_no_time_ends_at_once() {
    let long = Duration::from_secs(3600);
    for (publishes, drain) in
        [(false, Drain::ALL), (true, Drain::NONE), (true, Drain::within(Duration::from_millis(9)))]
    {
        let client = Client::start(options(1).reconnect(long, long)).unwrap();
        event(&mut client.events(), |event| matches!(event, Event::ConnectFailed { .. })).await;
        if publishes {
            client.publish("t", "x").qos(Qos::AtLeastOnce).post().unwrap();
        }
        let closed = within(client.close(drain)).await;
        assert_eq!((closed.settled, closed.unsent, closed.unknown), (0, u64::from(publishes), 0));
    }
}

#[tokio::test]
async fn messages_that_nobody_asked_about_are_counted_too() {
    let client = Client::start(ConnectOptions::new("nowhere").connector(poll_never)).unwrap();
    for payload in [vec![0; 10], vec![0; 10], vec![0; 10_000]] {
        client.publish("t", payload).post().unwrap();
    }
    let receipt = client.publish("t", "x").enqueue().unwrap();
    let statistics = client.clone();
    let closed = within(client.close(Drain::NONE)).await;
    assert_eq!((closed.settled, closed.unsent, closed.unknown), (0, 4, 0));
    assert_eq!(statistics.statistics().rejected, 4);
    assert_eq!(within(receipt).await, Outcome::Rejected(Rejection::Closed));
}

/// A server that nobody reaches.
async fn poll_never() -> std::io::Result<tokio::io::DuplexStream> {
    std::future::pending().await
}

#[test]
fn a_blocking_client_is_closed_from_another_thread() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for abort in [false, true] {
        let server = runtime.block_on(Server::start()).unwrap();
        let client = dunlin::blocking::Client::connect(options(server.port())).unwrap();
        let mut subscription = client.subscribe("t").wait().unwrap();
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| subscription.wait_next());
            if abort {
                client.abort()
            } else {
                client.close(Drain::ALL)
            };
            assert!(reader.join().unwrap().is_none());
        });
        assert_eq!(client.publish("t", "too late").post(), Err(PublishError::Closed));
        assert_eq!(client.close(Drain::ALL), client.abort(), "it is closed");
    }
}

#[tokio::test]
async fn an_abort_overtakes_a_close_that_waits() {
    let long = Duration::from_secs(3600);
    let client = Client::start(options(1).reconnect(long, long)).unwrap();
    event(&mut client.events(), |event| matches!(event, Event::ConnectFailed { .. })).await;
    client.publish("t", "x").qos(Qos::AtLeastOnce).post().unwrap();
    let other = client.clone();
    let mut closing = pin!(client.close(Drain::within(long)));
    assert!(poll_once(closing.as_mut()).await.is_none());
    within(other.abort()).await;
    let Closed { unsent, .. } = within(closing).await;
    assert_eq!(unsent, 1);
}

#[tokio::test]
async fn the_last_handle_dropped_says_goodbye_and_the_will_is_not_published() {
    for version in VERSIONS {
        let server = Server::start().await.unwrap();
        let watcher = within(Client::connect(options(server.port()))).await.unwrap();
        let mut wills = within(watcher.subscribe("wills")).await.unwrap();
        let will = Will::new("wills", "gone").unwrap();
        let options = options(server.port()).version(version).client_id("it").will(will);
        let client = within(Client::connect(options.clone())).await.unwrap();
        let subscription = within(client.subscribe("t")).await.unwrap();
        let (clone, mut events) = (client.clone(), client.events());
        client.publish("t", "on its way").qos(Qos::AtLeastOnce).post().unwrap();
        drop(client);
        drop(clone);
        // The subscription keeps the client open.
        within(server.wait_for_messages(1)).await;
        let mut subscription = subscription;
        assert_eq!(text(&mut subscription).await, "on its way");
        assert!(server.is_connected("it"));
        drop(subscription);
        within(server.wait_for_departure("it")).await;
        event(&mut events, |event| matches!(event, Event::Closed)).await;
        within(watcher.publish("wills", "none").qos(Qos::AtLeastOnce)).await.unwrap();
        assert_eq!(text(&mut wills).await, "none", "{version:?}");

        let client = within(Client::connect(options)).await.unwrap();
        within(client.abort()).await;
        assert_eq!(text(&mut wills).await, "gone", "an abort lets the will go: {version:?}");
        server.assert_no_breaches();
    }
}

#[test]
fn when_the_runtime_is_dropped_under_a_client_everything_ends_with_an_outcome() {
    for version in VERSIONS {
        let outside = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let server = outside.block_on(Server::options().hold_acks(true).start()).unwrap();
        let inside = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let options = options(server.port()).version(version).client_id("it").queue_bytes(1_000);
        let client = inside.block_on(within(Client::connect(options))).unwrap();
        let mut events = client.events();
        let receipt = client.publish("t", "x").qos(Qos::ExactlyOnce).enqueue().unwrap();
        let (subscribing, waiting) = (client.clone(), client.clone());
        let subscribing = outside.spawn(async move { subscribing.subscribe("t").await.map(drop) });
        let waiting = outside.spawn(async move { waiting.publish("t", "y").qos(Qos::AtLeastOnce).await });
        outside.block_on(within(server.wait_for(|server| server.held_acks("it").len() == 3)));
        drop(inside);
        outside.block_on(within(async {
            assert_eq!(receipt.await, Outcome::Unknown(Uncertainty::Closed));
            assert_eq!(subscribing.await.unwrap(), Err(SubscribeError::Closed));
            assert_eq!(waiting.await.unwrap(), Err(PublishError::Unknown(Uncertainty::Closed)));
            assert_eq!(client.publish("t", "z").await, Err(PublishError::Closed));
            assert_eq!(client.connected().await, Err(ConnectionError::Closed));
            event(&mut events, |event| matches!(event, Event::Closed)).await;
            client.close(Drain::ALL).await;
            within(server.wait_for_departure("it")).await;
        }));
    }
}

#[test]
fn a_driver_that_is_never_polled_closes_its_client_when_it_is_dropped() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let guard = runtime.enter();
    let client = Client::start(options(1)).unwrap();
    let other = Client::with_driver(options(1)).unwrap();
    drop(guard);
    drop(runtime);
    drop(other.1);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for client in [client, other.0] {
        assert_eq!(client.status(), Status::Closed);
        runtime.block_on(within(client.close(Drain::ALL)));
    }
}

#[tokio::test]
async fn futures_may_be_dropped_at_every_wait() {
    for version in VERSIONS {
        let server = Server::start().await.unwrap();
        for polls in 0..12 {
            // Connecting: a dropped connect leaves nothing behind.
            let id = format!("half-{polls}");
            let connecting = Client::connect(options(server.port()).version(version).client_id(id.as_str()));
            drop(poll_times(connecting, polls).await);
            within(server.wait_for_departure(&id)).await;
        }
        let client = within(Client::connect(options(server.port()).version(version).client_id("it"))).await.unwrap();
        let mut expected = 0;
        for polls in 0..12 {
            for qos in EVERY_QOS {
                // Accepted on the first poll, and not taken back.
                let _ = poll_times(client.publish("t", "x").qos(qos).into_future(), polls).await;
                expected += u64::from(polls > 0);
            }
            let filter = format!("f/{polls}");
            drop(poll_times(client.subscribe(&filter).label(7).into_future(), polls).await);
            let subscription = within(client.subscribe("kept").label(8)).await.unwrap();
            drop(poll_times(subscription.unsubscribe().label(9).into_future(), polls).await);
        }
        within(server.wait_for_messages(expected)).await;
        within(server.wait_for(|server| server.clients().iter().all(|client| client.subscriptions.is_empty()))).await;
        // No label is in use for ever.
        for label in 7..=9 {
            drop(within(client.subscribe("last").label(label)).await.unwrap());
        }
        // A message is not lost with the future that would have given it.
        let mut subscription = within(client.subscribe("next").qos(Qos::ExactlyOnce)).await.unwrap();
        let mut taken = Vec::new();
        for number in 0..20 {
            taken.extend(poll_times(subscription.next(), number % 3).await.flatten());
            server.publish("next", number.to_string(), EVERY_QOS[number % 3], false).unwrap();
        }
        let mut taken: Vec<String> = taken.iter().map(|message| message.text().unwrap().to_owned()).collect();
        while taken.len() < 20 {
            taken.push(text(&mut subscription).await);
        }
        assert!(taken.into_iter().eq((0..20).map(|number| number.to_string())), "{version:?}");
        assert_eq!(server.received_total(), expected);
        let _ = poll_times(client.clone().close(Drain::ALL), 1).await;
        // A close that is dropped goes on.
        within(server.wait_for_departure("it")).await;
        server.assert_no_breaches();
    }
}

#[tokio::test]
async fn a_dropped_wait_for_room_accepts_nothing_and_loses_no_wake_up() {
    let server = Server::start().await.unwrap();
    let (link, address) = LinkOptions::new().listen(server.address()).await.unwrap();
    link.refuse();
    let client = Client::start(options(address.port()).queue_bytes(1)).unwrap();
    client.publish("t", "first").qos(Qos::AtLeastOnce).post().unwrap();
    assert_eq!(client.publish("t", "no room").qos(Qos::AtLeastOnce).post(), Err(PublishError::Full));
    let mut dropped = Box::pin(client.publish("t", "dropped").qos(Qos::AtLeastOnce).accepted());
    assert!(poll_once(dropped.as_mut()).await.is_none());
    let waiting: Vec<_> = (0..20)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.publish("t", "waits").qos(Qos::AtLeastOnce).await })
        })
        .collect();
    tokio::task::yield_now().await;
    drop(dropped);
    link.heal();
    for waiting in waiting {
        assert!(matches!(within(waiting).await.unwrap(), Ok(Outcome::Delivered(_))));
    }
    assert_eq!(server.received_total(), 21);
    link.cut(Cut::Close);
    within(client.close(Drain::ALL)).await;
}

#[tokio::test]
async fn a_label_comes_back_once_and_is_in_use_until_then() {
    for version in VERSIONS {
        let server = Server::options().hold_acks(true).start().await.unwrap();
        let (link, address) = LinkOptions::new().listen(server.address()).await.unwrap();
        let client = within(Client::connect(options(address.port()).version(version).client_id("it"))).await.unwrap();
        let mut events = client.events();
        for qos in [Qos::AtLeastOnce, Qos::ExactlyOnce] {
            let label = qos as u32;
            client.publish("t", "x").qos(qos).label(label).post().unwrap();
            assert_eq!(client.publish("t", "x").label(label).post(), Err(PublishError::LabelInUse));
            assert_eq!(within(client.subscribe("t").label(label)).await.unwrap_err(), SubscribeError::LabelInUse);
        }
        let subscriber = client.clone();
        let both = tokio::spawn(async move { subscriber.subscribe("a").and("b").label(7).await.map(drop) });
        within(server.wait_for(|server| server.held_acks("it").len() == 3)).await;
        assert_eq!(client.publish("t", "x").label(7).post(), Err(PublishError::LabelInUse));
        // A cut changes nothing about it.
        link.cut(Cut::Reset);
        event(&mut events, |event| matches!(event, Event::Connected(_))).await;
        assert_eq!(client.publish("t", "x").label(7).post(), Err(PublishError::LabelInUse));
        server.hold_acks(false);
        let (mut published, mut subscribed) = (Vec::new(), 0);
        while published.len() + subscribed < 4 {
            let told = event(&mut events, |event| {
                matches!(event, Event::Published { label: Some(_), .. } | Event::Subscribed { label: Some(7), .. })
            });
            match told.await {
                Event::Published { label, outcome, .. } => {
                    published.push((label, matches!(outcome, Outcome::Delivered(_))));
                }
                _ => subscribed += 1,
            }
        }
        published.sort_unstable();
        // Without a session the QoS 2 message may have arrived and is not sent twice.
        assert_eq!(published, [(Some(1), true), (Some(2), false)], "{version:?}");
        within(both).await.unwrap().unwrap();
        for label in [1, 2, 7] {
            within(client.publish("t", "x").label(label)).await.unwrap();
            let told = event(&mut events, |event| matches!(event, Event::Published { .. })).await;
            assert!(
                matches!(told, Event::Published { label: Some(back), outcome: Outcome::Sent, .. } if back == label)
            );
        }
        within(client.close(Drain::ALL)).await;
        server.assert_no_breaches();
    }
}

async fn poll_once<F: Future>(mut future: std::pin::Pin<&mut F>) -> Option<F::Output> {
    poll_fn(|cx| {
        Poll::Ready(match future.as_mut().poll(cx) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        })
    })
    .await
}

/// Polls a future so often, as long as it is pending, and drops it.
async fn poll_times<F: Future>(future: F, times: usize) -> Option<F::Output> {
    let mut future = Box::pin(future);
    for _ in 0..times {
        if let Some(output) = poll_once(future.as_mut()).await {
            return Some(output);
        }
        tokio::task::yield_now().await;
    }
    None
}
