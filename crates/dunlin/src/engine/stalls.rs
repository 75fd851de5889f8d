use dunlin_codec::Qos;
use dunlin_session::Instant;

use super::{Engine, Holder};
use crate::Event;

/// Looks after messages that stand in the way of others: nobody takes or acknowledges them, so that answers to those
/// behind them, further messages from the server, or reading itself have to wait.
#[derive(Debug)]
pub(super) struct Stalls {
    /// Milliseconds; 0: never.
    after: u32,
    /// Of QoS 1, of QoS 2, and of all together while reading is stopped.
    watches: [Watch; 3],
}

#[derive(Debug, Default)]
struct Watch {
    /// The number of the message that stands first.
    first: Option<u32>,
    since: Option<Instant>,
}

impl Watch {
    /// Whether the same stands first since `after` milliseconds. Asked once, unless it is to be [looked](Watch::begin)
    /// at again.
    fn is_due(&mut self, first: Option<u32>, now: Instant, after: u32) -> bool {
        if self.first != first {
            self.first = first;
            self.since = first.map(|_| now);
        }
        let due = self.since.is_some_and(|since| since + after <= now);
        if due {
            self.since = None;
        }
        due
    }

    fn begin(&mut self, now: Instant) {
        self.since = Some(now);
    }
}

impl Stalls {
    pub(super) fn new(after: u32) -> Self {
        Self { after, watches: Default::default() }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        let since = self.watches.iter().filter_map(|watch| watch.since).min();
        since.filter(|_| self.after > 0).map(|since| since + self.after)
    }
}

impl Engine {
    /// To be called whenever the driver is about to sleep.
    pub(super) fn look_for_stalls(&mut self, now: Instant, reading_stopped: bool) {
        let after = self.stalls.after;
        if after == 0 {
            return;
        }
        let [at_least_once, exactly_once, reading] = &mut self.stalls.watches;
        let mut stalled: Vec<Holder> = Vec::new();
        for (watch, qos) in [(at_least_once, Qos::AtLeastOnce), (exactly_once, Qos::ExactlyOnce)] {
            let first = self.session.first_unacknowledged(qos);
            if !watch.is_due(first, now, after) {
                continue;
            }
            let holds_back = self.session.holds_back(qos);
            let holders =
                first.filter(|_| holds_back).map(|first| self.filters.if_any(|filters| filters.holding(qos, first)));
            match holders.filter(|holders| !holders.is_empty()) {
                Some(holders) => stalled.extend(holders),
                // It stands in nobody's way yet.
                None => watch.begin(now),
            }
        }
        if reading.is_due(reading_stopped.then_some(0), now, after) {
            stalled.extend(self.filters.if_any(|filters| filters.fullest()));
        }
        stalled.sort_unstable();
        stalled.dedup();
        stalled.into_iter().for_each(|holder| self.handle_stalled(holder));
    }

    fn handle_stalled(&mut self, holder: Holder) {
        let Some(stalled) = self.filters.if_any(|filters| filters.handle_stalled(holder)) else { return };
        self.freed += stalled.bytes;
        self.statistics.dropped += stalled.dropped;
        stalled.deliveries.into_iter().for_each(|delivery| self.acknowledge_one(delivery));
        self.tell(Event::Stalled { filters: stalled.filters, dropped: stalled.dropped });
    }
}
