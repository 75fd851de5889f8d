//! A server that breaks the protocol: once is an accident, three times the same is its way.

mod scene;

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use dunlin::{
    Client, ConnectOptions, ConnectionError, DecodeError, Drain, Event, Events, Malformed, ProtocolViolation,
};
use dunlin_testkit::{Connector, Script, Scripted};
use scene::within;

#[tokio::test(start_paused = true)]
async fn the_same_fault_on_three_connections_running_is_told_as_the_servers_and_tried_again_late() {
    let faults = [faulty(), faulty(), faulty(), faulty()];
    let (_server, connector) = Scripted::in_memory(faults);
    let (client, mut events) = started(connector, |_| false);
    for number in 1..=4 {
        let (error, retry_in) = ended(&mut events).await;
        match number {
            1 | 2 => {
                assert_eq!(error, ConnectionError::Fault(FAULT));
                assert!(retry_in <= Duration::from_secs(2), "{number}: {retry_in:?}");
            }
            _ => {
                assert_eq!(error, ConnectionError::ServerFault(FAULT));
                assert!(
                    error.to_string().starts_with("the server breaks the protocol on every connection: "),
                    "{error}"
                );
                assert!(retry_in >= LONGEST * 7 / 8, "{number}: {retry_in:?}");
            }
        }
    }
    within(client.close(Drain::NONE)).await;
}

#[tokio::test(start_paused = true)]
async fn another_fault_or_a_connection_without_one_begins_the_count_anew() {
    // A second CONNACK; and a connection that is closed.
    let other = accepted().send(*b"\x20\x03\0\0\0").silence();
    let good = accepted().close();
    let scripts = [faulty(), faulty(), other, faulty(), faulty(), good, faulty(), faulty(), faulty()];
    let (_server, connector) = Scripted::in_memory(scripts);
    let (client, mut events) = started(connector, |_| false);
    let mut told = Vec::new();
    for _ in 0..9 {
        told.push(ended(&mut events).await.0);
    }
    let fault = || ConnectionError::Fault(FAULT);
    let other = ConnectionError::Fault(DecodeError::Violation(ProtocolViolation::SecondConnack));
    let good = ConnectionError::ClosedByServer;
    let third = ConnectionError::ServerFault(FAULT);
    assert_eq!(told, [fault(), fault(), other, fault(), fault(), good, fault(), fault(), third]);
    within(client.close(Drain::NONE)).await;
}

#[tokio::test(start_paused = true)]
async fn connections_that_could_not_be_made_are_passed_over() {
    let (_server, connector) = Scripted::in_memory([faulty(), faulty(), faulty()]);
    let (client, mut events) = started(connector, |number| number % 2 == 1);
    let mut told = Vec::new();
    while told.len() < 5 {
        told.push(ended(&mut events).await.0);
    }
    assert_eq!(told.last(), Some(&ConnectionError::ServerFault(FAULT)), "{told:?}");
    within(client.close(Drain::NONE)).await;
}

/// A client whose connections fail where `fails` says so of their number.
fn started(connector: Connector, fails: impl Fn(usize) -> bool + Send + Sync + 'static) -> (Client, Events) {
    let opened = Arc::new(AtomicUsize::new(0));
    let options = ConnectOptions::new("server").reconnect(Duration::from_millis(1), LONGEST).connector(move || {
        let (connector, fails) = (connector.clone(), fails(opened.fetch_add(1, Ordering::Relaxed)));
        async move { if fails { Err(io::ErrorKind::ConnectionReset.into()) } else { connector.connect().await } }
    });
    let client = Client::start(options).unwrap();
    let events = client.events();
    (client, events)
}

/// How the next connection ended, and when the next is tried.
async fn ended(events: &mut Events) -> (ConnectionError, Duration) {
    loop {
        match events.next().await.expect("the client goes on") {
            Event::Disconnected { error, retry_in } | Event::ConnectFailed { error, retry_in, .. } => {
                return (error, retry_in.expect("there is a next one"));
            }
            _ => {}
        }
    }
}

fn accepted() -> Script {
    Script::new().timeout(2 * LONGEST).expect_packet().send(*b"\x20\x03\0\0\0")
}

/// A PUBLISH of QoS 3.
fn faulty() -> Script {
    accepted().send(*b"\x36\x06\0\x01t\0\x01\0").silence()
}

const FAULT: DecodeError = DecodeError::Malformed(Malformed::Qos);
const LONGEST: Duration = Duration::from_secs(600);
