//! What the events tell of a client's life.

use std::time::Duration;

use dunlin::{Client, Drain, Event, Events, ReasonCode, Status};
use dunlin_testkit::{Script, Scripted, Server};

use crate::scene::{event, options, within};

#[tokio::test]
async fn the_events_obey_their_grammar_however_a_client_ends() {
    let server = Server::start().await.unwrap();
    let refusing = Server::options().refuse(ReasonCode::SERVER_BUSY).start().await.unwrap();
    let silent = Scripted::listen([Script::new().silence(), Script::new().silence()]).await.unwrap();
    let ports = [server.port(), refusing.port(), silent.1.port(), 1];
    for port in ports {
        for abort in [false, true] {
            let (client, driver) = Client::with_driver(options(port)).unwrap();
            let mut events = client.events();
            let lifecycle = tokio::spawn(all(client.events()));
            let driver = tokio::spawn(driver);
            event(&mut events, |event| matches!(event, Event::Connecting)).await;
            if port == server.port() {
                within(client.connected()).await.unwrap();
            }
            match abort {
                true => within(client.abort()).await,
                false => within(client.close(Drain::within(Duration::from_millis(5)))).await,
            };
            within(driver).await.unwrap();
            check_grammar(&within(lifecycle).await.unwrap(), &format!("port {port}, abort: {abort}"));
        }
    }
    // A driver that is dropped, at each of its waits.
    for port in ports {
        for polls in 0..8 {
            let (client, driver) = Client::with_driver(options(port)).unwrap();
            let lifecycle = tokio::spawn(all(client.events()));
            let mut driver = Some(driver);
            for _ in 0..polls {
                let polled = std::future::poll_fn(|cx| {
                    std::task::Poll::Ready(driver.as_mut().map(|driver| std::pin::Pin::new(driver).poll(cx)))
                });
                let _ = polled.await;
                tokio::task::yield_now().await;
            }
            drop(driver.take());
            assert_eq!(client.status(), Status::Closed);
            check_grammar(&within(lifecycle).await.unwrap(), &format!("port {port}, polled {polls} times"));
        }
    }
}

/// Every event until the client is closed.
pub(crate) async fn all(mut events: Events) -> Vec<Event> {
    let mut told = Vec::new();
    while let Some(event) = events.next().await {
        if !matches!(event, Event::PublishReceived(_)) {
            told.push(event);
        }
    }
    told
}

/// Every `Connecting` ends in one `Connected` or `ConnectFailed`, every `Connected` in one `Disconnected`, and `Closed`
/// is the last.
pub(crate) fn check_grammar(events: &[Event], context: &str) {
    #[derive(Debug, PartialEq)]
    enum At {
        Apart,
        Connecting,
        Connected,
        Closed,
    }
    let mut at = At::Apart;
    for event in events {
        at = match (at, event) {
            (At::Apart, Event::Connecting) => At::Connecting,
            (At::Connecting, Event::Connected(_)) => At::Connected,
            (At::Connecting, Event::ConnectFailed { .. }) | (At::Connected, Event::Disconnected { .. }) => At::Apart,
            (At::Apart, Event::Closed) => At::Closed,
            (
                at @ (At::Apart | At::Connecting | At::Connected),
                Event::Published { .. } | Event::Subscribed { .. } | Event::Unsubscribed { .. },
            ) => at,
            // A message that had bad luck three times.
            (At::Connected, Event::AckStalled { .. }) => At::Connected,
            (at, event) => panic!("{event:?} when {at:?}: {context}"),
        };
    }
    assert_eq!(at, At::Closed, "{context}");
}
