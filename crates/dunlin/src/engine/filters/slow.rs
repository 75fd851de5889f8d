use super::{Filters, Held};
use crate::{OnSlow, engine::inbox::Shed};

impl Filters {
    /// Bytes that were dropped from inboxes since the last call.
    pub(crate) fn take_shed(&mut self) -> usize {
        core::mem::take(&mut self.shed)
    }
}

impl Held {
    /// A QoS 0 message of so many bytes comes while the inbox is full; `overfull`: all of them together are. False: it is
    /// dropped, and noted.
    #[cold]
    pub(super) fn make_room(&mut self, len: usize, overfull: bool, dropped: &mut u64, freed: &mut usize) -> bool {
        let taken = match self.on_slow {
            OnSlow::DropNewest => false,
            // What was read before reading stops.
            OnSlow::Backpressure => !overfull && !self.inbox.presses(),
            OnSlow::DropOldest => {
                let in_excess = self.inbox.excess(self.bytes);
                self.drop_oldest(if overfull { in_excess.max(len) } else { in_excess }, dropped, freed)
            }
        };
        if !taken {
            self.missed = self.missed.saturating_add(1);
            *dropped += 1;
        }
        taken
    }

    /// Drops QoS 0 messages, the oldest first, until so many bytes are free. False: there are not as many.
    fn drop_oldest(&mut self, bytes: usize, dropped: &mut u64, freed: &mut usize) -> bool {
        let mut shed = Shed::of(bytes);
        self.inbox.shed(&mut shed);
        *freed += shed.bytes;
        let in_inbox = shed.bytes;
        shed.take_from(&mut self.parts);
        self.bytes -= shed.bytes - in_inbox;
        self.missed = self.missed.saturating_add(shed.missed);
        *dropped += shed.dropped;
        shed.is_done()
    }
}
