//! What must be the same over every transport.

use dunlin::{Client, Drain, Event, Outcome, Qos, Version, Will};

use crate::{
    scene::{EVERY_QOS, event, message, text, within},
    way::Place,
};

pub(crate) async fn messages_go_both_ways_at_every_qos(place: &Place, version: Version) {
    let client = within(Client::connect(place.options().version(version))).await.unwrap();
    let mut subscription = within(client.subscribe("me/+").qos(Qos::ExactlyOnce)).await.unwrap();
    for qos in EVERY_QOS {
        for length in [0, 5, 126, 9_000] {
            let payload = vec![b'x'; length];
            let outcome = within(client.publish("me/too", payload.clone()).qos(qos)).await.unwrap();
            assert_eq!(matches!(outcome, Outcome::Sent), qos == Qos::AtMostOnce, "{outcome:?}");
            let message = message(&mut subscription).await;
            assert!(message.payload() == payload && message.qos() == qos, "{length} bytes, {qos:?}");
        }
    }
    within(subscription.unsubscribe()).await.unwrap();
    within(client.close(Drain::ALL)).await;
}

/// Large to the server only: over WebSocket Mosquitto 2.0 sends 4 KiB each tenth of a second.
pub(crate) async fn many_and_large_ones_arrive_in_order(place: &Place, version: Version) {
    let client = within(Client::connect(place.options().version(version))).await.unwrap();
    let mut subscription = within(client.subscribe("many").qos(Qos::AtLeastOnce)).await.unwrap();
    let other = within(Client::connect(place.mosquitto.url())).await.unwrap();
    let mut large = within(other.subscribe("large").qos(Qos::ExactlyOnce)).await.unwrap();
    let payload: Vec<u8> = (0..3_000_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    within(client.publish("large", payload.clone()).qos(Qos::ExactlyOnce)).await.unwrap();
    assert!(message(&mut large).await.payload() == payload);
    for n in 0..500_u32 {
        drop(within(client.publish("many", n.to_string()).qos(Qos::AtLeastOnce).accepted()).await.unwrap());
    }
    for n in 0..500_u32 {
        assert_eq!(text(&mut subscription).await, n.to_string());
    }
    within(client.close(Drain::ALL)).await;
    within(other.close(Drain::ALL)).await;
}

pub(crate) async fn the_will_is_published_when_the_connection_breaks_and_not_when_it_is_closed(
    place: &Place,
    version: Version,
) {
    let watcher = within(Client::connect(place.mosquitto.url())).await.unwrap();
    let mut wills = within(watcher.subscribe("wills").qos(Qos::AtLeastOnce)).await.unwrap();
    let will = Will::new("wills", "I am gone").unwrap().qos(Qos::AtLeastOnce);
    let options = place.options().version(version).will(will);
    let polite = within(Client::connect(options.clone())).await.unwrap();
    within(polite.close(Drain::ALL)).await;
    within(watcher.publish("wills", "a marker").qos(Qos::AtLeastOnce)).await.unwrap();
    assert_eq!(text(&mut wills).await, "a marker");
    let rude = within(Client::connect(options)).await.unwrap();
    within(rude.abort()).await;
    assert_eq!(text(&mut wills).await, "I am gone");
    within(watcher.close(Drain::ALL)).await;
}

pub(crate) async fn a_client_comes_back_after_the_server_was_killed(place: &mut Place, version: Version) {
    let client = within(Client::connect(place.options().version(version))).await.unwrap();
    let mut subscription = within(client.subscribe("back").qos(Qos::AtLeastOnce)).await.unwrap();
    let mut events = client.events();
    place.mosquitto.kill().unwrap();
    event(&mut events, |event| matches!(event, Event::Disconnected { .. })).await;
    // Accepted while there is no connection: it goes over the next one.
    let receipt = within(client.publish("back", "later").qos(Qos::AtLeastOnce).accepted()).await.unwrap();
    place.mosquitto.start_again().unwrap();
    event(&mut events, |event| matches!(event, Event::Connected(_))).await;
    assert!(matches!(within(receipt).await, Outcome::Delivered(_)));
    assert_eq!(text(&mut subscription).await, "later", "the subscription was made again before");
    within(client.close(Drain::ALL)).await;
}
