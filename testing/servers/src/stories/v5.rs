//! What MQTT 5.0 has and 3.1.1 has not.

use std::{collections::BTreeMap, time::Duration};

use dunlin::{Client, Drain, Event, Property, PropertyId, Qos, RetainHandling, Version};
use dunlin_testkit::Cut;

use crate::place::{Place, event, message, text, within};

pub(crate) async fn properties(place: &mut Place, version: Version) {
    let client = place.connect(version).await;
    let mut subscription = within(client.subscribe("properties").qos(Qos::AtLeastOnce)).await.unwrap();
    let sent = [
        Property::PayloadFormatIndicator(true),
        Property::ContentType("text/plain"),
        Property::ResponseTopic("answers"),
        Property::CorrelationData(b"17"),
        Property::UserProperty("unit", "celsius"),
        Property::UserProperty("unit", "again"),
    ];
    let publish = client.publish("properties", "21.5").qos(Qos::AtLeastOnce);
    within(sent.iter().fold(publish, |publish, property| publish.property(*property))).await.unwrap();
    let message = message(&mut subscription).await;
    for property in sent {
        assert!(message.properties().into_iter().any(|came| came == property), "{property:?} is lost");
    }
    let in_order: Vec<_> =
        message.properties().into_iter().filter(|came| came.id() == PropertyId::UserProperty).collect();
    assert_eq!(in_order, sent[4..], "user properties keep their order");
    close(client).await;
}

/// What is kept for a client that is away for longer than that.
pub(crate) async fn expiry(place: &mut Place, version: Version) {
    let (link, options) = place.behind_a_link(version).await;
    let options = options.client_id("expiry").session_expiry(Duration::from_secs(3_600)).clean_start(false);
    let client = within(Client::connect(options)).await.unwrap();
    let mut subscription = within(client.subscribe("expires").qos(Qos::AtLeastOnce)).await.unwrap();
    let mut events = client.events();
    link.refuse();
    link.cut(Cut::Reset);
    event(&mut events, |event| matches!(event, Event::Disconnected { .. })).await;
    let other = place.connect(version).await;
    let publish = |text, seconds| {
        let publish = other.publish("expires", text).qos(Qos::AtLeastOnce);
        publish.expires_after(Duration::from_secs(seconds))
    };
    within(publish("short", 1)).await.unwrap();
    within(publish("long", 60)).await.unwrap();
    // The server's clock is no test's.
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    link.heal();
    let long = message(&mut subscription).await;
    assert_eq!(long.text(), Some("long"));
    let left = long.properties().into_iter().find(|property| property.id() == PropertyId::MessageExpiryInterval);
    let Some(Property::MessageExpiryInterval(left)) = left else { panic!("{left:?}") };
    assert!((50..=58).contains(&left), "{left} s are left");
    close(client).await;
    close(other).await;
}

/// However the server sends what two filters match: each subscription gets its own, once.
pub(crate) async fn overlapping(place: &mut Place, version: Version) {
    let client = place.connect(version).await;
    let mut all = within(client.subscribe("over/#")).await.unwrap();
    let mut one = within(client.subscribe("over/+")).await.unwrap();
    for number in 0..20 {
        within(client.publish("over/lap", number.to_string()).qos(Qos::AtLeastOnce)).await.unwrap();
    }
    within(client.publish("over/the/end", "the end").qos(Qos::AtLeastOnce)).await.unwrap();
    for number in 0..20 {
        assert_eq!((text(&mut all).await, text(&mut one).await), (number.to_string(), number.to_string()));
    }
    assert_eq!(text(&mut all).await, "the end");
    assert!(one.try_next().is_none());
    close(client).await;
}

/// Far more topics than there are aliases, whatever the server allows.
pub(crate) async fn aliases(place: &mut Place, version: Version) {
    let client = place.connect(version).await;
    let mut subscription = within(client.subscribe("alias/+").qos(Qos::AtLeastOnce)).await.unwrap();
    let topic = |number: usize| format!("alias/{}", number * number % 37);
    for number in 0..300 {
        within(client.publish(&topic(number), number.to_string()).qos(Qos::AtLeastOnce)).await.unwrap();
    }
    // Between topics a server need keep no order.
    let mut came = BTreeMap::<String, Vec<usize>>::new();
    for _ in 0..300 {
        let message = message(&mut subscription).await;
        let number = message.text().and_then(|text| text.parse().ok()).unwrap();
        assert_eq!(message.topic(), topic(number));
        came.entry(message.topic().to_owned()).or_default().push(number);
    }
    assert!(came.values().all(|numbers| numbers.is_sorted_by(|a, b| a < b)), "{came:?}");
    close(client).await;
}

pub(crate) async fn shared(place: &mut Place, version: Version) {
    let (one, other) = (place.connect(version).await, place.connect(version).await);
    let mut left = within(one.subscribe("$share/workers/jobs/+").qos(Qos::AtLeastOnce)).await.unwrap();
    let mut right = within(other.subscribe("$share/workers/jobs/+").qos(Qos::AtLeastOnce)).await.unwrap();
    let publisher = place.connect(version).await;
    for number in 0..40 {
        within(publisher.publish(&format!("jobs/{number}"), number.to_string()).qos(Qos::AtLeastOnce)).await.unwrap();
    }
    let mut came = Vec::new();
    while came.len() < 40 {
        let job = tokio::select! {
            job = text(&mut left) => job,
            job = text(&mut right) => job,
        };
        came.push(job.parse::<usize>().unwrap());
    }
    came.sort_unstable();
    assert_eq!(came, (0..40).collect::<Vec<_>>(), "each goes to one of them");
    for client in [one, other, publisher] {
        close(client).await;
    }
}

pub(crate) async fn no_local(place: &mut Place, version: Version) {
    let (one, other) = (place.connect(version).await, place.connect(version).await);
    let mut subscription = within(one.subscribe("local").qos(Qos::AtLeastOnce).no_local(true)).await.unwrap();
    within(one.publish("local", "mine").qos(Qos::AtLeastOnce)).await.unwrap();
    within(other.publish("local", "yours").qos(Qos::AtLeastOnce)).await.unwrap();
    assert_eq!(text(&mut subscription).await, "yours");
    close(one).await;
    close(other).await;
}

pub(crate) async fn retain_as_published(place: &mut Place, version: Version) {
    let client = place.connect(version).await;
    let mut as_published = within(client.subscribe("as/published").retain_as_published(true)).await.unwrap();
    let mut plain = within(client.subscribe("as/+")).await.unwrap();
    within(client.publish("as/published", "x").qos(Qos::AtLeastOnce).retain(true)).await.unwrap();
    assert!(message(&mut as_published).await.retain());
    assert!(!message(&mut plain).await.retain());
    within(client.publish("as/published", "").qos(Qos::AtLeastOnce).retain(true)).await.unwrap();
    close(client).await;
}

pub(crate) async fn retain_handling(place: &mut Place, version: Version) {
    let client = place.connect(version).await;
    within(client.publish("handling", "old").qos(Qos::AtLeastOnce).retain(true)).await.unwrap();
    let subscribe = client.subscribe("handling").qos(Qos::AtLeastOnce).retain_handling(RetainHandling::Never);
    let mut subscription = within(subscribe).await.unwrap();
    within(client.publish("handling", "new").qos(Qos::AtLeastOnce)).await.unwrap();
    assert_eq!(text(&mut subscription).await, "new");
    within(client.publish("handling", "").qos(Qos::AtLeastOnce).retain(true)).await.unwrap();
    close(client).await;
}

async fn close(client: Client) {
    within(client.close(Drain::ALL)).await;
}
