use std::task::Waker;

use bytes::Bytes;
use dunlin_codec::Properties;

use super::Filters;
use crate::{engine::inbox::Batch, message::Parts};

impl Filters {
    /// Puts a message aside for each subscription that it belongs to, as its subscription identifiers say or else its
    /// topic; gives their number. A QoS 0 message is dropped where there is no room.
    #[inline]
    pub(crate) fn hand_out(
        &mut self,
        topic: &[u8],
        properties: Properties<'_>,
        parts: &Parts,
        overfull: bool,
        dropped: &mut u64,
    ) -> usize {
        self.targets.clear();
        let targets = &mut self.targets;
        if !self.identifiers.find(properties, topic, &self.filters, targets) {
            targets.clear();
            self.router.find(topic, &mut |holder| {
                if !targets.contains(&holder) {
                    targets.push(holder);
                }
            });
        }
        if self.targets.is_empty() {
            self.targets.extend(&self.rest);
        }
        let mut taken = 0;
        for &holder in &self.targets {
            let Some(held) = self.holders.get_mut(&holder) else { continue };
            taken += 1;
            if parts.delivery.is_none() && held.inbox.is_full(held.bytes, overfull) {
                held.missed = held.missed.saturating_add(1);
                *dropped += 1;
                continue;
            }
            if held.parts.is_empty() {
                self.touched.push(holder);
            }
            held.bytes += parts.len();
            held.given.extend(parts.delivery);
            held.parts.push(parts.after(core::mem::take(&mut held.missed)));
        }
        taken
    }

    pub(crate) fn has_handed_out(&self) -> bool {
        !self.touched.is_empty()
    }

    pub(crate) fn pass_on(&mut self, chunk: &Bytes, wakers: &mut Vec<Waker>) -> usize {
        let mut bytes = 0;
        for holder in self.touched.drain(..) {
            let Some(held) = self.holders.get_mut(&holder) else { continue };
            let batch = Batch {
                chunk: chunk.clone(),
                parts: core::mem::take(&mut held.parts).into_iter(),
                bytes: core::mem::take(&mut held.bytes),
            };
            bytes += batch.bytes;
            wakers.extend(held.inbox.push(batch));
        }
        bytes
    }
}
