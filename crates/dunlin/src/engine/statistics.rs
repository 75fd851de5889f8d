use std::time::Duration;

use super::Engine;

/// How a client does: what there was since it began, and what there is now. Messages and bytes are counted as they pass;
/// what waits is counted when it is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Statistics {
    /// Messages that were settled as delivered, or sent with QoS 0 and a receipt.
    pub delivered: u64,
    /// Messages that were settled as rejected.
    pub rejected: u64,
    /// Messages that were settled as unknown.
    pub unknown: u64,
    /// Messages of ours that were dropped to [make room](crate::WhenFull) for others. Those that somebody asked about are
    /// among the rejected, too.
    pub dropped_unsent: u64,
    /// Messages that were received.
    pub received: u64,
    /// Received messages that matched no subscription, and that nobody claimed; they were acknowledged.
    pub unclaimed: u64,
    /// Received messages that were dropped: QoS 0 ones because the buffer of their subscription was full, others because
    /// it was stalled and [chose so](crate::OnStall::Drop).
    pub dropped: u64,
    /// Connections that were accepted by the server.
    pub connections: u64,
    /// Those of them that replaced one that was lost.
    pub reconnects: u64,
    /// Bytes of packets that were given to connections. Some may not have arrived.
    pub sent_bytes: u64,
    /// Bytes of packets that came and were handled.
    pub received_bytes: u64,
    /// Entries of the [store](crate::ConnectOptions::store) that meant nothing, and were put into quarantine.
    pub quarantined: u64,
    /// Now: messages of which no byte has left on any connection.
    pub queued: u64,
    /// Now: bytes that wait to be transmitted; of a payload given by value that has 4 KiB or more the head alone.
    pub queued_bytes: u64,
    /// Now: messages of QoS 1 and 2 that were sent, at least in part, and are not settled.
    pub unacknowledged: u64,
    /// Now: bytes of received messages that wait in subscriptions.
    pub unread_bytes: u64,
    /// How long the server took to answer when that was measured last: a ping, or a message of QoS 1, on this connection
    /// or an earlier one. What the network, the server and a busy runtime take is all in it.
    pub round_trip: Option<Duration>,
}

impl Engine {
    /// What there was and what there is; `unread` is kept elsewhere.
    pub(crate) fn count(&mut self, unread: usize) -> Statistics {
        let (queued, unacknowledged) = (self.session.queued() as u64, self.session.unacknowledged() as u64);
        Statistics { queued, unacknowledged, ..self.count_cheaply(unread) }
    }

    /// The same without what takes time to count.
    pub(crate) fn count_cheaply(&self, unread: usize) -> Statistics {
        Statistics {
            reconnects: self.statistics.connections.saturating_sub(1),
            queued_bytes: self.session.backlog() as u64,
            unread_bytes: unread as u64,
            round_trip: self.round_trip.last,
            ..self.statistics
        }
    }
}
