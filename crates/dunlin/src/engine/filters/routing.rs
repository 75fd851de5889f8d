use std::task::Waker;

use bytes::Bytes;
use dunlin_codec::{Properties, Qos};

use super::{Filters, Holder};
use crate::{engine::inbox::Batch, message::Parts};

impl Filters {
    /// Puts a message aside for each subscription that it belongs to, as its subscription identifiers say or else its
    /// topic; gives their number. A QoS 0 message is dropped where there is no room.
    #[inline(always)]
    pub(crate) fn hand_out(
        &mut self,
        topic: &[u8],
        properties: Properties<'_>,
        parts: &Parts,
        overfull: bool,
        dropped: &mut u64,
    ) -> usize {
        self.targets.clear();
        if properties.is_empty() || !self.identifiers.find(properties, topic, &self.filters, &mut self.targets) {
            self.targets.clear();
            // Mostly one, or few.
            self.router.find(topic).iter().for_each(|&holder| self.targets.push(holder));
        }
        if self.targets.is_empty() {
            self.targets.extend(&self.rest);
        }
        for &holder in &self.targets {
            let Some(held) = self.holders.get_mut(&holder) else { continue };
            if parts.qos == Qos::AtMostOnce
                && held.inbox.is_full(held.bytes, overfull)
                && !held.make_room(parts.len(), overfull, dropped, &mut self.shed)
            {
                continue;
            }
            if held.parts.is_empty() {
                self.touched.push(holder);
            }
            held.bytes += parts.len();
            if let Some(delivery) = parts.delivery {
                held.given.push_back(delivery);
            }
            held.parts.push_back(parts.after(core::mem::take(&mut held.missed)));
        }
        self.targets.len()
    }

    pub(crate) fn has_handed_out(&self) -> bool {
        !self.touched.is_empty()
    }

    /// Those of the subscriptions that the last message was put aside for whose messages the application acknowledges.
    pub(crate) fn manual_targets(&self) -> Vec<Holder> {
        self.targets.iter().copied().filter(|holder| self.is_manual(*holder)).collect()
    }

    pub(crate) fn is_manual(&self, holder: Holder) -> bool {
        self.holders.get(&holder).is_some_and(|held| held.manual)
    }

    /// Hands over what was put aside; `gate`: when this group is stored, and what comes behind it neither before.
    pub(crate) fn pass_on(&mut self, chunk: &Bytes, gate: Option<u64>, wakers: &mut Vec<Waker>) -> usize {
        let mut bytes = 0;
        let gate = gate.or_else(|| self.held_back.back().map(|(group, ..)| *group));
        for holder in self.touched.drain(..) {
            let Some(held) = self.holders.get_mut(&holder) else { continue };
            let batch = Batch {
                chunk: chunk.clone(),
                parts: core::mem::replace(&mut held.parts, held.inbox.take_spare()),
                bytes: core::mem::take(&mut held.bytes),
            };
            bytes += batch.bytes;
            match gate {
                Some(group) => self.held_back.push_back((group, holder, batch)),
                None => wakers.extend(held.inbox.push(batch)),
            }
        }
        bytes
    }

    /// A group is stored. Gives the bytes of messages whose subscription has ended meanwhile.
    pub(crate) fn open_gate(&mut self, group: u64, wakers: &mut Vec<Waker>) -> usize {
        let mut freed = 0;
        while self.held_back.front().is_some_and(|(waits, ..)| *waits <= group)
            && let Some((_, holder, batch)) = self.held_back.pop_front()
        {
            match self.holders.get(&holder).filter(|held| !held.left) {
                Some(held) => wakers.extend(held.inbox.push(batch)),
                None => freed += batch.bytes,
            }
        }
        freed
    }
}
