//! Messages on their way, in both versions.

use dunlin::{Client, Drain, Outcome, Qos, Version, Will};

use crate::place::{Place, message, text, within};

pub(crate) async fn go_both_ways(place: &mut Place, version: Version) {
    let (one, other) = (place.connect(version).await, place.connect(version).await);
    let mut subscription = within(one.subscribe("go/both").qos(Qos::AtLeastOnce)).await.unwrap();
    for qos in [Qos::AtMostOnce, Qos::AtLeastOnce] {
        for length in [0, 5, 127, 9_000] {
            let payload = vec![b'x'; length];
            let outcome = within(other.publish("go/both", payload.clone()).qos(qos)).await.unwrap();
            assert_eq!(matches!(outcome, Outcome::Sent), qos == Qos::AtMostOnce, "{outcome:?}");
            let message = message(&mut subscription).await;
            assert!(message.payload() == payload && message.topic() == "go/both", "{length} bytes, {qos:?}");
        }
    }
    close(one).await;
    close(other).await;
}

pub(crate) async fn exactly_once(place: &mut Place, version: Version) {
    let client = place.connect(version).await;
    let mut subscription = within(client.subscribe("exactly/once").qos(Qos::ExactlyOnce)).await.unwrap();
    for number in 0..100 {
        let outcome = within(client.publish("exactly/once", number.to_string()).qos(Qos::ExactlyOnce)).await;
        assert!(matches!(outcome, Ok(Outcome::Delivered(_))), "{outcome:?}");
    }
    for number in 0..100 {
        let message = message(&mut subscription).await;
        assert_eq!((message.text(), message.qos()), (Some(number.to_string().as_str()), Qos::ExactlyOnce));
    }
    close(client).await;
}

pub(crate) async fn many_in_order(place: &mut Place, version: Version) {
    let (one, other) = (place.connect(version).await, place.connect(version).await);
    let mut subscription = within(one.subscribe("many").qos(Qos::AtLeastOnce)).await.unwrap();
    let publishing = tokio::spawn(async move {
        let mut receipts = Vec::new();
        for number in 0..2_000 {
            let publish = other.publish("many", number.to_string()).qos(Qos::AtLeastOnce);
            receipts.push(publish.accepted().await.unwrap());
        }
        for receipt in receipts {
            assert!(matches!(receipt.await, Outcome::Delivered(_)));
        }
        close(other).await;
    });
    for number in 0..2_000 {
        assert_eq!(text(&mut subscription).await, number.to_string());
    }
    within(publishing).await.unwrap();
    close(one).await;
}

pub(crate) async fn a_large_one(place: &mut Place, version: Version) {
    let client = place.connect(version).await;
    let mut subscription = within(client.subscribe("large").qos(place.best_qos(version))).await.unwrap();
    let payload: Vec<u8> = (0..place.large()).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    within(client.publish("large", payload.clone()).qos(place.best_qos(version))).await.unwrap();
    assert!(message(&mut subscription).await.payload() == payload);
    let larger = vec![b'x'; 900_000];
    let outcome = within(client.publish("larger", larger).qos(Qos::AtLeastOnce)).await.unwrap();
    assert!(matches!(outcome, Outcome::Delivered(_)));
    close(client).await;
}

pub(crate) async fn wildcards(place: &mut Place, version: Version) {
    let client = place.connect(version).await;
    let mut one_level = within(client.subscribe("wild/+/card").qos(Qos::AtLeastOnce)).await.unwrap();
    let mut all_levels = within(client.subscribe("cards/#").qos(Qos::AtLeastOnce)).await.unwrap();
    for topic in ["wild/1/card", "wild/1/2/card", "wild/card", "wild/2/card", "cards/1", "cards/1/2", "card/s"] {
        within(client.publish(topic, "x").qos(Qos::AtLeastOnce)).await.unwrap();
    }
    for topic in ["wild/1/card", "wild/2/card"] {
        assert_eq!(message(&mut one_level).await.topic(), topic);
    }
    // With this the last one is acknowledged: some servers send no other before.
    assert!(one_level.try_next().is_none());
    for topic in ["cards/1", "cards/1/2"] {
        assert_eq!(message(&mut all_levels).await.topic(), topic);
    }
    close(client).await;
}

pub(crate) async fn parent_level(place: &mut Place, version: Version) {
    let client = place.connect(version).await;
    let mut family = within(client.subscribe("parent/#").qos(Qos::AtLeastOnce)).await.unwrap();
    for topic in ["parent", "parent/child"] {
        within(client.publish(topic, "x").qos(Qos::AtLeastOnce)).await.unwrap();
        assert_eq!(message(&mut family).await.topic(), topic);
    }
    close(client).await;
}

pub(crate) async fn retained(place: &mut Place, version: Version) {
    let client = place.connect(version).await;
    let topic = format!("retained/{version:?}");
    let publish = |payload| client.publish(&topic, payload).qos(Qos::AtLeastOnce).retain(true);
    within(publish("old news")).await.unwrap();
    let mut subscription = within(client.subscribe(&topic).qos(Qos::AtLeastOnce)).await.unwrap();
    let kept = message(&mut subscription).await;
    assert_eq!((kept.text(), kept.retain()), (Some("old news"), true));
    within(subscription.unsubscribe()).await.unwrap();
    within(publish("")).await.unwrap();
    let mut again = within(client.subscribe(&topic).qos(Qos::AtLeastOnce)).await.unwrap();
    within(client.publish(&topic, "first").qos(Qos::AtLeastOnce)).await.unwrap();
    assert_eq!(text(&mut again).await, "first", "nothing was kept");
    close(client).await;
}

pub(crate) async fn the_will(place: &mut Place, version: Version) {
    let watcher = place.connect(version).await;
    let mut wills = within(watcher.subscribe("wills").qos(Qos::AtLeastOnce)).await.unwrap();
    let options = place.options(version).will(Will::new("wills", "I am gone").unwrap().qos(Qos::AtLeastOnce));
    let polite = within(Client::connect(options.clone())).await.unwrap();
    close(polite).await;
    within(watcher.publish("wills", "a marker").qos(Qos::AtLeastOnce)).await.unwrap();
    assert_eq!(text(&mut wills).await, "a marker", "close() takes the will back");
    let rude = within(Client::connect(options)).await.unwrap();
    within(rude.abort()).await;
    assert_eq!(text(&mut wills).await, "I am gone");
    close(watcher).await;
}

pub(crate) async fn unsubscribed(place: &mut Place, version: Version) {
    let client = place.connect(version).await;
    let subscription = within(client.subscribe("ended").and("stays").qos(Qos::AtLeastOnce)).await.unwrap();
    let mut stays = within(client.subscribe("stays").qos(Qos::AtLeastOnce)).await.unwrap();
    within(subscription.unsubscribe()).await.unwrap();
    within(client.publish("ended", "nobody is here").qos(Qos::AtLeastOnce)).await.unwrap();
    within(client.publish("stays", "somebody is").qos(Qos::AtLeastOnce)).await.unwrap();
    assert_eq!(text(&mut stays).await, "somebody is");
    assert_eq!(client.statistics().unclaimed, 0, "the server was told");
    close(client).await;
}

async fn close(client: Client) {
    let closed = within(client.close(Drain::ALL)).await;
    assert_eq!((closed.unsent, closed.unknown), (0, 0));
}
