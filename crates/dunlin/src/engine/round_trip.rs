use std::time::Duration;

use dunlin_codec::{PacketId, Qos};
use dunlin_session::Session;
use tokio::time::Instant;

use crate::memory::Heap;

/// Measures how long the server takes to answer: one message or ping at a time, by the time of the driver's turns, so that
/// no clock is read for it.
#[derive(Debug, Default)]
pub(crate) struct RoundTrip {
    pub(crate) last: Option<Duration>,
    /// When the ping left that is not answered.
    ping: Option<Instant>,
    /// The message that is watched, and when it left.
    message: Option<(PacketId, Option<Instant>)>,
}

impl RoundTrip {
    /// A message with QoS 2 is answered twice, and the second answer tells its outcome.
    #[inline]
    pub(crate) fn handle_accepted(&mut self, id: PacketId, qos: Qos) {
        if qos == Qos::AtLeastOnce && self.message.is_none() {
            self.message = Some((id, None));
        }
    }

    /// The driver took what may go. `pinged`: a PINGREQ was among it.
    #[inline]
    pub(crate) fn handle_taken(&mut self, session: &mut Session<Heap>, pinged: bool, now: Instant) {
        if pinged {
            self.ping = Some(now);
        }
        if let Some((id, left @ None)) = &mut self.message
            && session.has_left(*id)
        {
            *left = Some(now);
        }
    }

    /// PUBACK.
    #[inline]
    pub(crate) fn handle_answered(&mut self, id: PacketId, now: Instant) {
        if let Some((watched, Some(left))) = self.message
            && watched == id
        {
            self.last = Some(now.saturating_duration_since(left));
        }
    }

    /// PINGRESP.
    pub(crate) fn handle_ping_answered(&mut self, now: Instant) {
        if let Some(left) = self.ping.take() {
            self.last = Some(now.saturating_duration_since(left));
        }
    }

    /// The message has its outcome.
    #[inline]
    pub(crate) fn forget(&mut self, id: PacketId) {
        if self.message.is_some_and(|(watched, _)| watched == id) {
            self.message = None;
        }
    }

    pub(crate) fn handle_connection_ended(&mut self) {
        (self.ping, self.message) = (None, None);
    }
}
