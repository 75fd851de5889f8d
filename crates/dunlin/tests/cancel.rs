//! Every future of the client may be dropped at each point where it waits: nothing is lost, doubled or left behind, and
//! the client goes on.

mod scene;
#[path = "store/memory.rs"]
#[allow(dead_code, reason = "its other users need more of it")]
mod store;

use std::{
    future::{Future, IntoFuture, poll_fn},
    pin::pin,
    sync::Arc,
    task::Poll,
    time::Duration,
};

use dunlin::{Authenticator, Client, ConnectOptions, Drain, Event, NotConvinced, Outcome, Qos, RequestError, Status};
use dunlin_testkit::{Script, Scripted, Server};
use scene::{EVERY_QOS, VERSIONS, text, to_script, to_server, within};

/// Polls a future so many times at most, each time when it is woken, and drops it if it still waits.
async fn polled<F: IntoFuture>(future: F, mut times: usize) -> Option<F::Output> {
    let mut future = pin!(future.into_future());
    if times == 0 {
        return None;
    }
    poll_fn(|cx| {
        times -= 1;
        match future.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if times == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// The same where nothing may wake it.
async fn briefly<F: IntoFuture>(future: F, times: usize) -> Option<F::Output> {
    tokio::time::timeout(Duration::from_millis(1), polled(future, times)).await.ok().flatten()
}

/// Tells the story with a future that is polled never, once, twice, ... until it once comes to its end.
async fn at_each_point(story: impl AsyncFn(usize) -> bool) {
    let mut times = 0;
    while !within(story(times)).await {
        times += 1;
        assert!(times < 1_000, "it never ends");
    }
}

/// The payloads that the server has, when it has `last`.
async fn arrived(server: &Server, last: &str) -> Vec<String> {
    let texts = |server: &Server| server.received().iter().map(|received| received.message.text()).collect::<Vec<_>>();
    within(server.wait_for(|server| texts(server).iter().any(|text| text == last))).await;
    texts(server)
}

async fn begin(options: impl Fn(&Arc<Server>) -> ConnectOptions) -> (Arc<Server>, Client) {
    let server = Arc::new(Server::start().await.unwrap());
    let client = within(Client::connect(options(&server))).await.unwrap();
    (server, client)
}

async fn end(server: &Server, client: Client) {
    within(client.close(Drain::ALL)).await;
    server.assert_no_breaches();
}

#[tokio::test(start_paused = true)]
async fn a_message_that_was_accepted_goes_its_way_and_another_never_was() {
    for version in VERSIONS {
        for qos in EVERY_QOS {
            at_each_point(async |times| {
                let (server, client) = begin(|server| to_server(server).version(version)).await;
                let outcome = polled(client.publish("t", "it").qos(qos), times).await;
                within(client.publish("t", "last").qos(qos)).await.unwrap();
                let expected: &[&str] = if times == 0 { &["last"] } else { &["it", "last"] };
                assert_eq!(arrived(&server, "last").await, expected, "{qos:?} after {times} polls");
                end(&server, client).await;
                outcome.is_some_and(|outcome| outcome.is_ok())
            })
            .await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_room_has_accepted_nothing() {
    at_each_point(async |times| {
        let server = Arc::new(Server::start().await.unwrap());
        let (client, driver) = Client::with_driver(to_server(&server).queue_bytes(1)).unwrap();
        let first = client.publish("t", "first").qos(Qos::AtLeastOnce).enqueue().unwrap();
        let waiting = client.clone();
        let waits = async move { waiting.publish("t", "it").accepted().await.map(drop) };
        let waits = tokio::spawn(polled(waits, times));
        tokio::time::sleep(Duration::from_secs(1)).await;
        let driver = tokio::spawn(driver);
        let accepted = within(waits).await.unwrap();
        assert!(matches!(within(first).await, Outcome::Delivered(_)));
        within(client.publish("t", "last").qos(Qos::AtLeastOnce)).await.unwrap();
        let there = arrived(&server, "last").await.iter().any(|text| text == "it");
        assert_eq!(there, accepted == Some(Ok(())));
        end(&server, client).await;
        within(driver).await.unwrap();
        accepted.is_some()
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn receipts_withdraw_nothing() {
    at_each_point(async |times| {
        let store = store::MemoryStore::default();
        let day = Duration::from_secs(86_400);
        let (server, client) = begin(|server| to_server(server).store(store.clone()).session_expiry(day)).await;
        let mut receipt = client.publish("t", "it").qos(Qos::ExactlyOnce).enqueue().unwrap();
        let stored = polled(receipt.stored(), times).await;
        let delivered = polled(receipt.delivered(), times).await;
        let outcome = polled(&mut receipt, times).await;
        drop(receipt);
        within(client.publish("t", "last").qos(Qos::ExactlyOnce)).await.unwrap();
        assert_eq!(arrived(&server, "last").await, ["it", "last"]);
        end(&server, client).await;
        stored.is_some() && delivered.is_some() && outcome.is_some()
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_subscription_that_is_not_waited_for_ends() {
    for version in VERSIONS {
        at_each_point(async |times| {
            let (server, client) = begin(|server| to_server(server).version(version)).await;
            let subscribe = polled(client.subscribe("t").qos(Qos::AtLeastOnce), times).await;
            let is_done = subscribe.is_some();
            drop(subscribe);
            // The same filter at once, and a message for it alone.
            let mut again = within(client.subscribe("t").qos(Qos::AtLeastOnce)).await.unwrap();
            server.publish("t", "x", Qos::AtLeastOnce, false).unwrap();
            assert_eq!(text(&mut again).await, "x");
            within(again.unsubscribe()).await.unwrap();
            within(server.wait_for(|server| server.clients().iter().all(|client| client.subscriptions.is_empty())))
                .await;
            end(&server, client).await;
            is_done
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_unsubscribe_that_was_begun_goes_on() {
    for version in VERSIONS {
        at_each_point(async |times| {
            let (server, client) = begin(|server| to_server(server).version(version)).await;
            let subscription = within(client.subscribe("t")).await.unwrap();
            let done = polled(subscription.unsubscribe(), times).await;
            within(server.wait_for(|server| server.clients().iter().all(|client| client.subscriptions.is_empty())))
                .await;
            let mut again = within(client.subscribe("t")).await.unwrap();
            server.publish("t", "x", Qos::AtMostOnce, false).unwrap();
            assert_eq!(text(&mut again).await, "x");
            end(&server, client).await;
            done.is_some()
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn no_message_and_no_event_is_lost_by_who_stops_waiting() {
    for qos in EVERY_QOS {
        let (server, client) = begin(to_server).await;
        let mut subscription = within(client.subscribe("t").qos(qos)).await.unwrap();
        let (mut events, mut changes) = (client.events(), client.status_changes());
        let (mut taken, mut told) = (Vec::new(), Vec::new());
        for number in 0_u8..100 {
            let times = usize::from(number % 3);
            server.publish("t", [number], qos, false).unwrap();
            taken.extend(briefly(subscription.next(), times).await.flatten().map(|message| message.payload()[0]));
            taken.extend(briefly(subscription.next_ref(), times).await.flatten().map(|message| message.payload()[0]));
            told.extend(briefly(events.next(), times).await.flatten());
            drop(briefly(client.connected(), times).await);
        }
        while taken.len() < 100 {
            taken.push(within(subscription.next()).await.unwrap().payload()[0]);
        }
        assert_eq!(taken, (0..100).collect::<Vec<_>>());
        while told.len() < 100 {
            told.extend(within(events.next()).await);
        }
        let number = |event: &Event| match event {
            Event::PublishReceived(message) => message.payload()[0],
            other => panic!("{other:?}"),
        };
        assert_eq!(told.iter().map(number).collect::<Vec<_>>(), (0..100).collect::<Vec<_>>());
        assert_eq!(polled(changes.next(), 1).await, Some(Some(Status::Connected)));
        assert_eq!(polled(changes.next(), 1).await, None);
        end(&server, client).await;
        assert_eq!(within(changes.next()).await, Some(Status::Closed));
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_not_waited_for_disturbs_no_other() {
    at_each_point(async |times| {
        let (server, client) = begin(to_server).await;
        let mut asked = within(client.subscribe("ask").qos(Qos::AtLeastOnce)).await.unwrap();
        let answers = client.clone();
        let answering = tokio::spawn(async move {
            while let Some(request) = asked.next().await {
                answers.respond(&request, request.payload_bytes()).unwrap().post().unwrap();
            }
        });
        let response = polled(client.request("ask", "it"), times).await;
        let other = within(client.request("ask", "other")).await.unwrap();
        assert_eq!(other.text(), Some("other"));
        let done = match response {
            Some(response) => response.unwrap().text() == Some("it"),
            None => false,
        };
        assert_eq!(
            within(client.request("ask", "x").timeout(Duration::ZERO)).await.unwrap_err(),
            RequestError::TimedOut
        );
        within(client.close(Drain::ALL)).await;
        within(answering).await.unwrap();
        server.assert_no_breaches();
        done
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_nobody_waits_for_leaves_nothing_behind() {
    at_each_point(async |times| {
        let server = Arc::new(Server::start().await.unwrap());
        let client = polled(Client::connect(to_server(&server)), times).await;
        let is_done = client.is_some();
        drop(client);
        // The connector is gone, and so is its driver.
        while Arc::strong_count(&server) > 1 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        within(server.wait_for(|server| server.clients().iter().all(|client| client.connection.is_none()))).await;
        is_done
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_client_is_closed_though_nobody_waits_for_it() {
    for abort in [false, true] {
        at_each_point(async |times| {
            let (_server, client) = begin(to_server).await;
            let mut changes = client.status_changes();
            let receipt = client.publish("t", "it").qos(Qos::AtLeastOnce).enqueue().unwrap();
            let closed = match abort {
                true => polled(client.abort(), times).await,
                false => polled(client.close(Drain::ALL), times).await,
            };
            while let Some(status) = within(changes.next()).await {
                assert_ne!(status, Status::Disconnected, "but at the end");
                if status == Status::Closed {
                    break;
                }
            }
            let outcome = within(receipt).await;
            assert!(abort || matches!(outcome, Outcome::Delivered(_)), "{outcome:?}");
            closed.is_some()
        })
        .await;
    }
}

/// Says what it is asked.
struct Echo;

impl Authenticator for Echo {
    fn begin(&mut self) -> Result<Option<Vec<u8>>, NotConvinced> {
        Ok(None)
    }

    fn respond(&mut self, challenge: &[u8]) -> Result<Vec<u8>, NotConvinced> {
        Ok(challenge.to_vec())
    }
}

#[tokio::test(start_paused = true)]
async fn an_authentication_goes_on_though_nobody_waits_for_it() {
    at_each_point(async |times| {
        let script = Script::new().expect_packet().send(*b"\x20\x07\0\0\x04\x15\0\x01M");
        // Of the second, or of the first that was polled.
        let success = b"\xF0\x06\x00\x04\x15\0\x01M";
        let mut script = script.expect_packet().send(*success);
        if times > 0 {
            script = script.expect_packet().send(*success);
        }
        let (_server, connector) = Scripted::in_memory([script.silence()]);
        let client = within(Client::connect(to_script(connector).authentication("M", || Echo))).await.unwrap();
        let first = polled(client.reauthenticate(), times).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        within(client.reauthenticate()).await.unwrap();
        within(client.abort()).await;
        first.is_some_and(|result| result.is_ok())
    })
    .await;
}
