//! What a client tells to `metrics`.

mod scene;

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use dunlin::{Client, Drain, Qos};
use dunlin_testkit::Server;
use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use scene::{to_server, within};

/// Keeps the values of all meters by their names and labels.
#[derive(Default)]
struct Values(Mutex<BTreeMap<String, Arc<AtomicU64>>>);

impl Values {
    fn of(&self, key: &Key) -> Arc<AtomicU64> {
        let labels = key.labels().map(|label| format!(" {}={}", label.key(), label.value()));
        let name = key.name().to_owned() + &labels.collect::<String>();
        self.0.lock().unwrap().entry(name).or_default().clone()
    }

    fn value(&self, name: &str) -> u64 {
        let values = self.0.lock().unwrap();
        values.get(&format!("{name} client=c")).unwrap_or_else(|| panic!("{values:?}")).load(Ordering::Relaxed)
    }
}

impl Recorder for Values {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.of(key))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.of(key))
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

#[tokio::test(start_paused = true)]
async fn meters_follow_the_statistics() {
    let values = Values::default();
    let server = Arc::new(Server::start().await.unwrap());
    let (client, driver) =
        metrics::with_local_recorder(&values, || Client::with_driver(to_server(&server).client_id("c")).unwrap());
    let driver = tokio::spawn(driver);
    within(client.connected()).await.unwrap();
    let subscription = within(client.subscribe("down")).await.unwrap();
    within(client.publish("t", "x").qos(Qos::AtLeastOnce)).await.unwrap();
    server.publish("down", "12345", Qos::AtMostOnce, false).unwrap();
    while client.statistics().received == 0 {
        tokio::task::yield_now().await;
    }
    tokio::task::yield_now().await;
    let connected = f64::from_bits(values.value("dunlin_connected"));
    let unread = f64::from_bits(values.value("dunlin_unread_bytes"));
    assert!(connected == 1.0 && unread > 9.0, "{connected} {unread}");
    drop(subscription);
    let (client_closed, statistics) = (client.clone(), client.statistics());
    within(client_closed.close(Drain::ALL)).await;
    within(driver).await.unwrap();
    for (name, count) in [
        ("dunlin_delivered_total", statistics.delivered),
        ("dunlin_received_total", statistics.received),
        ("dunlin_connections_total", 1),
        ("dunlin_sent_bytes_total", client.statistics().sent_bytes),
        ("dunlin_received_bytes_total", client.statistics().received_bytes),
        ("dunlin_dropped_total", 0),
        ("dunlin_connected", 0),
        ("dunlin_queued_bytes", 0),
    ] {
        assert_eq!(values.value(name), count, "{name}");
    }
}
