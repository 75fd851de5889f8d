use dunlin_codec::PacketId;

use super::Session;
use crate::{Instant, Memory, RESUME, Timeout};

/// Looks for a message that the server does not acknowledge: one at a time, so that it costs nothing a message.
#[derive(Debug)]
pub(super) struct Watch {
    /// Milliseconds; 0: nothing is watched.
    timeout: u32,
    /// Since when a message is watched, or one is to be chosen.
    since: Option<Instant>,
    /// That message; 0: none.
    id: u16,
    /// How often it was told to be overdue.
    times: u8,
}

impl Watch {
    pub(super) const NONE: Self = Self { timeout: 0, since: None, id: 0, times: 0 };

    /// A message that was watched is watched on the next connection too.
    pub(super) fn handle_connecting(&mut self, timeout: u32) {
        (self.timeout, self.since) = (timeout, None);
    }

    /// Something may wait for its acknowledgement.
    #[inline]
    pub(super) fn begin(&mut self, now: Instant) {
        if self.timeout != 0 && self.since.is_none() {
            self.since = Some(now);
        }
    }

    /// While nobody read, no answer could come.
    pub(super) fn handle_reading_resumed(&mut self, now: Instant) {
        self.since = self.since.map(|_| now);
    }
}

impl<M: Memory> Session<M> {
    pub(super) fn overdue_at(&self) -> Option<Instant> {
        let watch = self.watch.first().filter(|_| !self.timing.reading_stopped)?;
        watch.since.map(|since| since + watch.timeout)
    }

    /// The message that is watched has its answer, and another is watched, or it is overdue.
    pub(super) fn handle_overdue(&mut self, now: Instant) -> Option<Timeout> {
        let watch = self.watch.first_mut()?;
        watch.since = Some(now);
        if self.outbound.is_overdue(watch.id) {
            watch.times = watch.times.saturating_add(1);
            return Some(Timeout::AckStalled { id: PacketId::new(watch.id)?, times: watch.times });
        }
        watch.times = 0;
        watch.id = self.outbound.watch(watch.id);
        if watch.id == 0 {
            watch.since = None;
        }
        None
    }

    /// The message of QoS 1 or 2 that was transmitted first on this connection, at least in part, and has no outcome: to be
    /// asked before the end of the connection is told. Where a server closes one connection after the other, and it is the
    /// same message each time, it may close because of it: in 3.1.1 it has no other answer to what it does not take.
    pub fn first_begun(&mut self) -> Option<PacketId> {
        PacketId::new(self.outbound.first_begun())
    }

    /// Stops waiting for the acknowledgement of a message that was sent, such as after
    /// [`AckStalled`](Timeout::AckStalled) on several connections: its outcome is
    /// [`Uncertainty::NoAnswer`](crate::Uncertainty::NoAnswer), which is not told again, and it is not sent again. Its
    /// identifier stays out of use, and counts against the server's Receive Maximum, until the server answers after all
    /// or loses the session.
    ///
    /// False: there is no such message, or it was not sent, or it was given up before.
    pub fn give_up(&mut self, id: PacketId) -> bool {
        RESUME && self.outbound.give_up(id)
    }
}
