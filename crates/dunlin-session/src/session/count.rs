use dunlin_codec::PacketId;

use super::Session;
use crate::Memory;

/// For statistics. All of it takes time in proportion to what it counts.
impl<M: Memory> Session<M> {
    /// Messages of which no byte has left on any connection.
    pub fn queued(&mut self) -> usize {
        self.outbound.queued()
    }

    /// Messages of QoS 1 and 2 of which some was transmitted, on this connection or an earlier one, and whose outcome is
    /// not known.
    pub fn unacknowledged(&mut self) -> usize {
        self.outbound.unacknowledged()
    }

    /// Whether the whole PUBLISH with this identifier was transmitted on this connection, so that its answer may come at any
    /// time. (A payload that rides beside the log may still be on its way.)
    pub fn has_left(&mut self, id: PacketId) -> bool {
        self.outbound.has_left(id.get())
    }

    /// Whether a PINGREQ is to go out and has not.
    pub fn is_ping_due(&self) -> bool {
        self.timing.ping_due
    }
}
