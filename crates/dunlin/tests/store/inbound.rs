use dunlin::{Client, Drain, Message, Subscription};

use super::*;
use crate::scene::{message, text};

async fn subscribe(client: &Client, manual: bool) -> Subscription {
    let subscribe = client.subscribe("t").qos(Qos::ExactlyOnce);
    let subscribe = if manual { subscribe.manual_acknowledgement() } else { subscribe };
    within(subscribe).await.unwrap()
}

fn publish(server: &Server, payloads: &[&str]) {
    payloads.iter().for_each(|payload| server.publish("t", *payload, Qos::ExactlyOnce, false).unwrap());
}

fn seen(message: &Message) -> (Option<u64>, Option<&str>, bool) {
    (message.delivery_id().map(dunlin::DeliveryId::get), message.text(), message.redelivered())
}

#[tokio::test]
async fn a_handler_is_called_when_its_message_is_stored() {
    for version in VERSIONS {
        let (server, store) = (server().await, MemoryStore::default());
        let client = within(Client::connect(with_store(&server, &store, version))).await.unwrap();
        let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
        let handler = move |message: &Message| tell.send(message.text().unwrap().to_owned()).unwrap();
        let subscription = within(client.subscribe("t").qos(Qos::ExactlyOnce).on_message(handler)).await.unwrap();
        store.hold(true);
        publish(&server, &["1"]);
        until(|| store.is_waiting()).await;
        assert!(told.try_recv().is_err(), "it is not stored");
        store.hold(false);
        assert_eq!(within(told.recv()).await.as_deref(), Some("1"));
        within(server.wait_for(|server| server.clients()[0].in_flight == 0)).await;
        drop(subscription);
        within(client.close(Drain::NONE)).await;
    }
}

/// Else messages could come in a session that the next process knows nothing of, and ends.
#[tokio::test]
async fn nothing_is_subscribed_to_before_it_is_stored_that_there_is_a_session() {
    for version in VERSIONS {
        let (server, store) = (server().await, MemoryStore::default());
        store.hold(true);
        let client = within(Client::connect(with_store(&server, &store, version))).await.unwrap();
        let subscribing = client.clone();
        let subscribing = tokio::spawn(async move { subscribe(&subscribing, true).await });
        until(|| store.is_waiting()).await;
        // QoS 0 waits for no store.
        within(client.publish("u", "x")).await.unwrap();
        within(server.wait_for_messages(1)).await;
        assert!(server.clients()[0].subscriptions.is_empty());
        store.hold(false);
        let mut messages = within(subscribing).await.unwrap();
        publish(&server, &["1"]);
        assert_eq!(text(&mut messages).await, "1");
        within(client.close(Drain::NONE)).await;
    }
}

/// Its identity goes with it, so that the application can tell.
#[tokio::test]
async fn a_message_comes_again_until_its_acknowledgement_is_stored() {
    for version in VERSIONS {
        let (server, mut store) = (server().await, MemoryStore::default());
        let (client, driver) = mortal(with_store(&server, &store, version));
        within(client.connected()).await.unwrap();
        let mut messages = subscribe(&client, true).await;
        publish(&server, &["1", "2", "3"]);
        let mut first = Vec::new();
        for number in 0..3 {
            let message = message(&mut messages).await;
            let (id, payload, redelivered) = seen(&message);
            assert_eq!((payload, redelivered), (Some(["1", "2", "3"][number]), false));
            first.push(id.unwrap());
            if number == 1 {
                message.acknowledge();
                message.acknowledge();
            }
        }
        assert!(first.is_sorted_by(|a, b| a < b));
        until(|| store.of_kind(INBOUND).len() == 2).await;
        store = kill(driver, &store).await;
        drop((client, messages));
        for _ in 0..2 {
            within(server.wait_for_departure("c")).await;
            let (client, driver) = mortal(with_store(&server, &store, version));
            within(client.connected()).await.unwrap();
            let mut messages = subscribe(&client, true).await;
            for (number, payload) in [(0, "1"), (2, "3")] {
                assert_eq!(seen(&message(&mut messages).await), (Some(first[number]), Some(payload), true));
            }
            store = kill(driver, &store).await;
        }
        within(server.wait_for_departure("c")).await;
        let client = within(Client::connect(with_store(&server, &store, version))).await.unwrap();
        let mut messages = subscribe(&client, true).await;
        message(&mut messages).await.acknowledge();
        message(&mut messages).await.acknowledge();
        publish(&server, &["4"]);
        let new = message(&mut messages).await;
        let (id, payload, redelivered) = seen(&new);
        assert_eq!((payload, redelivered), (Some("4"), false));
        assert!(id.unwrap() > first[2], "a name is given once");
        new.acknowledge();
        within(client.close(Drain::ALL)).await;
        assert_eq!((store.of_kind(INBOUND), store.of_kind(RECEIVED)), (vec![], vec![]));
        server.assert_no_breaches();
    }
}

/// It is acknowledged when it is in the store, and the server forgets it: the store alone has it now.
#[tokio::test]
async fn a_message_is_not_lost_when_the_server_loses_the_session() {
    let (server, store) = (server().await, MemoryStore::default());
    let (client, driver) = mortal(with_store(&server, &store, Version::V5));
    within(client.connected()).await.unwrap();
    let mut messages = subscribe(&client, true).await;
    publish(&server, &["1"]);
    message(&mut messages).await;
    let store = kill(driver, &store).await;
    within(server.wait_for_departure("c")).await;
    server.forget_sessions();
    let client = within(Client::connect(with_store(&server, &store, Version::V5))).await.unwrap();
    let mut messages = subscribe(&client, true).await;
    assert_eq!(text(&mut messages).await, "1");
}

#[tokio::test]
async fn nothing_is_handed_over_before_it_is_stored() {
    for manual in [false, true] {
        let (server, store) = (server().await, MemoryStore::default());
        let client = within(Client::connect(with_store(&server, &store, Version::V5))).await.unwrap();
        let mut messages = subscribe(&client, manual).await;
        store.hold(true);
        publish(&server, &["1"]);
        until(|| store.is_waiting()).await;
        // Behind it, what needs no store waits too.
        server.publish("t", "2", Qos::AtMostOnce, false).unwrap();
        let mut others = within(client.subscribe("other")).await.unwrap();
        server.publish("other", "3", Qos::AtMostOnce, false).unwrap();
        within(client.publish("u", "")).await.unwrap();
        assert!(messages.try_next().is_none() && others.try_next().is_none());
        store.hold(false);
        assert_eq!((text(&mut messages).await, text(&mut messages).await), ("1".into(), "2".into()));
        assert_eq!(text(&mut others).await, "3");
        server.assert_no_breaches();
    }
}

/// What the server knows of it is stored when it is handed over, so it does not come again.
#[tokio::test]
async fn a_message_that_is_acknowledged_by_itself_never_comes_twice() {
    for version in VERSIONS {
        let (server, store) = (server().await, MemoryStore::default());
        let (client, driver) = mortal(with_store(&server, &store, version));
        within(client.connected()).await.unwrap();
        let mut messages = subscribe(&client, false).await;
        publish(&server, &["1", "2"]);
        assert_eq!(text(&mut messages).await, "1");
        let store = kill(driver, &store).await;
        within(server.wait_for_departure("c")).await;
        assert_eq!(store.of_kind(INBOUND), []);
        let client = within(Client::connect(with_store(&server, &store, version))).await.unwrap();
        let mut messages = subscribe(&client, false).await;
        publish(&server, &["3"]);
        let next = text(&mut messages).await;
        assert!(next == "3" || next == "2", "{next}");
        server.assert_no_breaches();
    }
}

/// Messages that nobody had subscribed to yet are given to whoever does, and stored then.
#[tokio::test]
async fn messages_of_a_resumed_session_are_stored_when_they_are_claimed() {
    let (server, store) = (server().await, MemoryStore::default());
    let client = within(Client::connect(with_store(&server, &store, Version::V5))).await.unwrap();
    drop(subscribe(&client, true).await);
    within(client.close(Drain::ALL)).await;
    publish(&server, &["1", "2"]);
    let (client, driver) = mortal(with_store(&server, &store, Version::V5));
    let mut events = client.events();
    for _ in 0..2 {
        scene::event(&mut events, |event| matches!(event, dunlin::Event::PublishReceived(_))).await;
    }
    assert_eq!(store.of_kind(INBOUND), []);
    let mut messages = subscribe(&client, true).await;
    let first = message(&mut messages).await;
    assert_eq!(store.of_kind(INBOUND).len(), 2);
    first.acknowledge();
    until(|| store.of_kind(INBOUND).len() == 1).await;
    let store = kill(driver, &store).await;
    within(server.wait_for_departure("c")).await;
    // Whoever acknowledges by asking for the next is done with it when it is handed over.
    let client = within(Client::connect(with_store(&server, &store, Version::V5))).await.unwrap();
    let mut messages = subscribe(&client, false).await;
    let second = message(&mut messages).await;
    assert_eq!((second.text(), second.redelivered()), (Some("2"), true));
    assert_eq!(store.of_kind(INBOUND), []);
    server.assert_no_breaches();
}

/// Without bound they would fill the disk.
#[tokio::test]
async fn messages_that_are_not_acknowledged_stop_reading() {
    let (server, store) = (server().await, MemoryStore::default());
    let options = with_store(&server, &store, Version::V5).unread_bytes(250);
    let client = within(Client::connect(options)).await.unwrap();
    let mut messages = subscribe(&client, true).await;
    let payload = "x".repeat(99);
    publish(&server, &[payload.as_str(); 3]);
    let mut taken = Vec::new();
    for _ in 0..3 {
        taken.push(message(&mut messages).await);
    }
    publish(&server, &["4"]);
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
    assert!(messages.try_next().is_none());
    taken.iter().for_each(Message::acknowledge);
    assert_eq!(text(&mut messages).await, "4");
}
