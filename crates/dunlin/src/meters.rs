//! What a client counts, told to the facade of the crate `metrics`: whenever the driver has done what there was to do, and
//! so never for a single message.

use std::sync::Arc;

use metrics::{Counter, Gauge, counter, gauge};

use crate::{Statistics, Status, engine::Shared};

/// The meters of one client: each has its client identifier as the label `client`.
pub(crate) struct Meters {
    shared: Arc<Shared>,
    counters: [Counter; 10],
    connected: Gauge,
    queued_bytes: Gauge,
    unread_bytes: Gauge,
    round_trip: Gauge,
}

impl Meters {
    pub(crate) fn new(shared: &Arc<Shared>, client_id: &str) -> Self {
        let client = client_id.to_owned();
        let gauge = |name| gauge!(name, "client" => client.clone());
        Self {
            shared: shared.clone(),
            counters: COUNTERS.map(|(name, _)| counter!(name, "client" => client.clone())),
            connected: gauge("dunlin_connected"),
            queued_bytes: gauge("dunlin_queued_bytes"),
            unread_bytes: gauge("dunlin_unread_bytes"),
            round_trip: gauge("dunlin_round_trip_seconds"),
        }
    }

    pub(crate) fn record(&self) {
        let unread = self.shared.unread_bytes();
        let engine = self.shared.lock();
        let (status, statistics) = (engine.status, engine.count_cheaply(unread));
        drop(engine);
        for (counter, (_, count)) in self.counters.iter().zip(COUNTERS) {
            counter.absolute(count(&statistics));
        }
        self.connected.set(f64::from(u8::from(status == Status::Connected)));
        self.queued_bytes.set(statistics.queued_bytes as f64);
        self.unread_bytes.set(statistics.unread_bytes as f64);
        if let Some(round_trip) = statistics.round_trip {
            self.round_trip.set(round_trip.as_secs_f64());
        }
    }
}

type Count = fn(&Statistics) -> u64;

const COUNTERS: [(&str, Count); 10] = [
    ("dunlin_delivered_total", |statistics| statistics.delivered),
    ("dunlin_rejected_total", |statistics| statistics.rejected),
    ("dunlin_unknown_total", |statistics| statistics.unknown),
    ("dunlin_dropped_unsent_total", |statistics| statistics.dropped_unsent),
    ("dunlin_received_total", |statistics| statistics.received),
    ("dunlin_unclaimed_total", |statistics| statistics.unclaimed),
    ("dunlin_dropped_total", |statistics| statistics.dropped),
    ("dunlin_connections_total", |statistics| statistics.connections),
    ("dunlin_sent_bytes_total", |statistics| statistics.sent_bytes),
    ("dunlin_received_bytes_total", |statistics| statistics.received_bytes),
];
