//! What must hold in every order in which threads may run.
#![cfg(dunlin_shuttle)]

use std::sync::Arc;

use dunlin::{Client, ConnectOptions, Drain, Event, OnSlow, Outcome, Qos};
use dunlin_interleavings::{client, in_many_orders, serve};
use shuttle::future::{block_on, spawn};

fn options() -> ConnectOptions {
    ConnectOptions::new("server")
}

fn connected(options: ConnectOptions) -> Client {
    client(options, |stream| serve(stream, 0, 0))
}

const EVERY_QOS: [Qos; 3] = [Qos::AtMostOnce, Qos::AtLeastOnce, Qos::ExactlyOnce];

#[test]
fn whoever_waits_for_room_goes_on_when_there_is_some() {
    let narrow: [fn(ConnectOptions) -> ConnectOptions; 2] =
        [|options| options.queue_bytes(1), |options| options.queue_messages(1)];
    for narrow in narrow {
        in_many_orders(move || {
            let client = connected(narrow(options()));
            let publishers = EVERY_QOS.map(|qos| {
                let client = client.clone();
                spawn(async move {
                    for _ in 0..2 {
                        let outcome = client.publish("t", "hello").qos(qos).await.unwrap();
                        assert!(matches!(outcome, Outcome::Sent | Outcome::Delivered(_)), "{outcome:?}");
                    }
                })
            });
            block_on(async move {
                for publisher in publishers {
                    publisher.await.unwrap();
                }
                let closed = client.close(Drain::ALL).await;
                assert_eq!((closed.unsent, closed.unknown), (0, 0));
            });
        });
    }
}

#[test]
fn the_driver_wakes_for_every_message() {
    in_many_orders(|| {
        let client = connected(options());
        let other = client.clone();
        let publisher = spawn(async move {
            let receipt = other.publish("t", "one").qos(Qos::AtLeastOnce).enqueue().unwrap();
            other.publish("t", "two").post().unwrap();
            receipt.await
        });
        block_on(async move {
            client.publish("t", "three").qos(Qos::ExactlyOnce).await.unwrap();
            assert!(matches!(publisher.await.unwrap(), Outcome::Delivered(_)));
            client.close(Drain::ALL).await;
        });
    });
}

/// Reading stops with every message, and must go on when it is taken.
#[test]
fn reading_goes_on_when_the_application_has_caught_up() {
    let narrow: [fn(ConnectOptions) -> ConnectOptions; 2] = [|options| options.unread_bytes(1), |options| options];
    for narrow in narrow {
        for qos in 0..2 {
            in_many_orders(move || {
                let client = client(narrow(options()), move |stream| serve(stream, qos, MORE_THAN_THE_PIPE));
                block_on(async move {
                    let subscribe =
                        client.subscribe("t").qos(Qos::AtLeastOnce).buffer_bytes(1).on_slow(OnSlow::Backpressure);
                    let mut subscription = subscribe.await.unwrap();
                    for number in 1..=MORE_THAN_THE_PIPE {
                        assert_eq!(subscription.next().await.unwrap().payload(), [number]);
                    }
                    drop(subscription);
                    client.close(Drain::ALL).await;
                });
            });
        }
    }
}

#[test]
fn subscriptions_come_and_go_while_messages_come() {
    in_many_orders(|| {
        let client = Arc::new(client(options(), |stream| serve(stream, 1, 3)));
        // The server sends to both what it sends to either.
        let tasks = [("t", true), ("+", false)].map(|(filter, leaves)| {
            let client = client.clone();
            spawn(async move {
                let mut subscription = client.subscribe(filter).qos(Qos::AtLeastOnce).await.unwrap();
                subscription.next().await.unwrap();
                if leaves {
                    subscription.unsubscribe().await.unwrap();
                }
            })
        });
        block_on(async move {
            for task in tasks {
                task.await.unwrap();
            }
            Arc::into_inner(client).unwrap().close(Drain::ALL).await;
        });
    });
}

/// However far they came: every message that was accepted has an outcome, and every event queue its end.
#[test]
fn closing_ends_everything() {
    for drain in [Drain::ALL, Drain::NONE] {
        in_many_orders(move || {
            let client = connected(options().queue_messages(1));
            let mut events = client.events();
            let mut subscription = block_on(async { client.subscribe("t").await.unwrap() });
            let publishers = EVERY_QOS.map(|qos| {
                let client = client.clone();
                spawn(async move { client.publish("t", "hello").qos(qos).await.map(drop) })
            });
            let listener = spawn(async move {
                let mut last = None;
                while let Some(event) = events.next().await {
                    last = Some(event);
                }
                assert!(matches!(last, Some(Event::Closed)), "{last:?}");
            });
            let subscriber = spawn(async move { while subscription.next().await.is_some() {} });
            block_on(async move {
                client.close(drain).await;
                for publisher in publishers {
                    // Too late is an answer, too.
                    let _ = publisher.await.unwrap();
                }
                listener.await.unwrap();
                subscriber.await.unwrap();
            });
        });
    }
}

const MORE_THAN_THE_PIPE: u8 = 20;
