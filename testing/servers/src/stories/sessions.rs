//! Sessions and connections that end.

use std::{collections::BTreeSet, time::Duration};

use dunlin::{Client, ConnectOptions, ConnectionError, Drain, Event, Outcome, Qos, ReasonCode, Subscription, Version};
use dunlin_testkit::{Cut, Direction};

use crate::place::{Place, event, text, within};

pub(crate) async fn messages_wait(place: &mut Place, version: Version) {
    let (link, options) = place.behind_a_link(version).await;
    let client = within(Client::connect(kept(options, "waiting", version))).await.unwrap();
    let mut subscription = within(client.subscribe("waits").qos(place.best_qos(version))).await.unwrap();
    let mut events = client.events();
    link.refuse();
    link.cut(Cut::Reset);
    event(&mut events, |event| matches!(event, Event::Disconnected { .. })).await;

    let other = place.connect(version).await;
    for number in 0..50 {
        let qos = if number % 2 == 0 { Qos::AtLeastOnce } else { place.best_qos(version) };
        within(other.publish("waits", number.to_string()).qos(qos)).await.unwrap();
    }
    link.heal();
    let connected = event(&mut events, |event| matches!(event, Event::Connected(_))).await;
    assert!(matches!(connected, Event::Connected(connected) if connected.session_present));
    for number in 0..50 {
        assert_eq!(text(&mut subscription).await, number.to_string());
    }
    within(client.close(Drain::ALL)).await;
    within(other.close(Drain::ALL)).await;
}

/// The publisher loses its connection again and again, at a moment when answers are on their way. The subscriber keeps
/// its own: docs/servers.md tells what servers lose that send to one whose connection ends.
pub(crate) async fn a_storm(place: &mut Place, version: Version) {
    let best = place.best_qos(version);
    let subscriber = place.connect(version).await;
    let once = within(subscriber.subscribe("storm/once").qos(best)).await.unwrap();
    let least = within(subscriber.subscribe("storm/least").qos(Qos::AtLeastOnce)).await.unwrap();
    let (receiving, receiving_least) =
        (tokio::spawn(all_of(once, best)), tokio::spawn(all_of(least, Qos::AtLeastOnce)));

    let (link, options) = place.behind_a_link(version).await;
    let publisher = within(Client::connect(kept(options, "storm", version))).await.unwrap();
    let mut events = publisher.events();
    for number in 0..MESSAGES {
        for (topic, qos) in [("storm/once", best), ("storm/least", Qos::AtLeastOnce)] {
            let publish = publisher.publish(topic, number.to_string()).qos(qos);
            drop(within(publish.accepted()).await.unwrap());
        }
        if number % 60 == 30 {
            let before = link.bytes(Direction::ToClient);
            within(async {
                while link.bytes(Direction::ToClient) == before {
                    tokio::task::yield_now().await;
                }
            })
            .await;
            link.cut(if number % 120 == 30 { Cut::Reset } else { Cut::Close });
            event(&mut events, |event| matches!(event, Event::Connected(_))).await;
        }
    }
    let closed = within(publisher.close(Drain::ALL)).await;
    assert_eq!((closed.unsent, closed.unknown), (0, 0));
    within(receiving).await.unwrap();
    within(receiving_least).await.unwrap();
    within(subscriber.close(Drain::ALL)).await;
}

/// Some servers keep no session that began clean.
fn kept(options: ConnectOptions, name: &str, version: Version) -> ConnectOptions {
    options.client_id(format!("{name}-{version:?}")).session_expiry(HOUR).clean_start(false)
}

/// Takes every number, with QoS 2 each once.
async fn all_of(mut subscription: Subscription, qos: Qos) {
    let mut came = BTreeSet::new();
    while came.len() < MESSAGES {
        let number: usize = text(&mut subscription).await.parse().unwrap();
        assert!(came.insert(number) || qos == Qos::AtLeastOnce, "{number} came twice");
    }
}

pub(crate) async fn taken_over(place: &mut Place, version: Version) {
    let options = place.options(version).client_id("twin").reconnect(HOUR, HOUR);
    let first = within(Client::connect(options.clone())).await.unwrap();
    let mut events = first.events();
    let second = within(Client::connect(options)).await.unwrap();
    event(&mut events, |event| matches!(event, Event::Disconnected { .. })).await;
    within(second.publish("twin", "still here").qos(Qos::AtLeastOnce)).await.unwrap();
    within(first.close(Drain::NONE)).await;
    within(second.close(Drain::ALL)).await;
}

pub(crate) async fn told_why(place: &mut Place, version: Version) {
    let options = place.options(version).client_id("twins").reconnect(HOUR, HOUR);
    let first = within(Client::connect(options.clone())).await.unwrap();
    let mut events = first.events();
    let second = within(Client::connect(options)).await.unwrap();
    let told = event(&mut events, |event| matches!(event, Event::Disconnected { .. })).await;
    let Event::Disconnected { error: ConnectionError::Server(refusal), .. } = told else { panic!("{told:?}") };
    assert_eq!(refusal.reason, ReasonCode::SESSION_TAKEN_OVER);
    within(first.close(Drain::NONE)).await;
    within(second.close(Drain::ALL)).await;
}

/// It may have forgotten everything when it comes back: subscriptions are made again, and what waited is sent.
pub(crate) async fn the_server_is_killed(place: &mut Place, version: Version) {
    let client = place.connect(version).await;
    let mut subscription = within(client.subscribe("back").qos(Qos::AtLeastOnce)).await.unwrap();
    let mut events = client.events();
    place.host.kill();
    event(&mut events, |event| matches!(event, Event::Disconnected { .. })).await;
    let receipt = within(client.publish("back", "later").qos(Qos::AtLeastOnce).accepted()).await.unwrap();
    tokio::task::block_in_place(|| place.host.start_again());
    event(&mut events, |event| matches!(event, Event::Connected(_))).await;
    assert!(matches!(within(receipt).await, Outcome::Delivered(_)));
    assert_eq!(text(&mut subscription).await, "later");
    within(client.close(Drain::ALL)).await;
}

const MESSAGES: usize = 400;
const HOUR: Duration = Duration::from_secs(3_600);
