use dunlin_codec::{PacketId, Qos};

use super::Session;
use crate::Memory;

/// Messages that are not to be sent after all, as long as no byte of them has left on any connection.
impl<M: Memory> Session<M> {
    /// Takes back a message that was accepted: its outcome is
    /// [`Rejection::Withdrawn`](crate::Rejection::Withdrawn), told by [`poll_settled`](Session::poll_settled). False: it
    /// goes its way, because some of it may have been sent, or its outcome is known.
    ///
    /// Takes time in proportion to the bytes that wait behind it.
    pub fn withdraw(&mut self, id: PacketId) -> bool {
        self.outbound.take_back_unsent(id)
    }

    /// Drops the message of at most this QoS that has waited longest, to make room for others: its outcome is
    /// [`Rejection::Dropped`](crate::Rejection::Dropped), told by [`poll_settled`](Session::poll_settled) if anybody
    /// wants to know it. False: there is none of which no byte has left.
    ///
    /// Takes time in proportion to the messages that were sent and are not acknowledged, and, unless it is the very next
    /// to be sent, to the bytes that wait behind it.
    pub fn drop_oldest(&mut self, at_most: Qos) -> bool {
        self.outbound.drop_oldest(at_most)
    }
}
