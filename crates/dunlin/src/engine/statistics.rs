/// Counts since the client began.
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
    /// Entries of the [store](crate::ConnectOptions::store) that meant nothing, and were put into quarantine.
    pub quarantined: u64,
}
