use std::{sync::Arc, task::Waker};

use bytes::Bytes;
use dunlin_codec::{Properties, Qos, TopicName};

use super::{Filters, Held, Holder};
use crate::{engine::inbox::Batch, message::Parts};

impl Filters {
    /// The topic of the last message without properties; empty where the filters have changed since.
    #[inline]
    pub(crate) fn known_topic(&self) -> TopicName<'_> {
        TopicName::of_checked(self.router.topic())
    }

    /// Puts a message aside for each subscription that it belongs to, as its subscription identifiers say or else its
    /// topic; gives their number. A QoS 0 message is dropped where there is no room.
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
            self.targets.extend(self.router.find(topic));
        }
        if self.targets.is_empty() {
            self.targets.extend(&self.rest);
        }
        for &holder in &self.targets {
            if let Some(held) = self.holders.get_mut(holder) {
                held.put_aside(holder, parts, overfull, dropped, &mut self.shed, &mut self.touched);
            }
        }
        self.targets.len()
    }

    /// Looks for a topic, which is known from then on.
    #[cold]
    pub(crate) fn look_for(&mut self, topic: &[u8]) {
        self.router.find(topic);
    }

    /// As [`hand_out`](Filters::hand_out), where nothing but the topic tells, which was looked for, and it is that of one
    /// subscription. False: it is not, and nothing was done.
    #[inline(always)]
    pub(crate) fn hand_out_to_one(&mut self, parts: &Parts, overfull: bool, dropped: &mut u64) -> bool {
        let &[holder] = self.router.found() else { return false };
        if let Some(held) = self.holders.get_mut(holder) {
            held.put_aside(holder, parts, overfull, dropped, &mut self.shed, &mut self.touched);
        }
        true
    }

    /// The same for any number of subscriptions, which is given.
    pub(crate) fn hand_out_by_topic(&mut self, parts: &Parts, overfull: bool, dropped: &mut u64) -> usize {
        let found = self.router.found();
        let targets = if found.is_empty() { &self.rest } else { found };
        for &holder in targets {
            if let Some(held) = self.holders.get_mut(holder) {
                held.put_aside(holder, parts, overfull, dropped, &mut self.shed, &mut self.touched);
            }
        }
        targets.len()
    }

    pub(crate) fn has_handed_out(&self) -> bool {
        !self.touched.is_empty()
    }

    /// Those of the subscriptions that the last message was put aside for whose messages the application acknowledges.
    pub(crate) fn manual_targets(&self) -> Vec<Holder> {
        self.targets.iter().copied().filter(|holder| self.is_manual(*holder)).collect()
    }

    pub(crate) fn is_manual(&self, holder: Holder) -> bool {
        self.holders.get(holder).is_some_and(|held| held.manual)
    }

    /// Hands over what was put aside; `gate`: when this group is stored, and what comes behind it neither before.
    pub(crate) fn pass_on(&mut self, chunk: &Arc<Bytes>, gate: Option<u64>, wakers: &mut Vec<Waker>) -> usize {
        let mut bytes = 0;
        let gate = gate.or_else(|| self.held_back.back().map(|(group, ..)| *group));
        for holder in self.touched.drain(..) {
            let Some(held) = self.holders.get_mut(holder) else { continue };
            let mut parts = core::mem::replace(&mut held.parts, held.inbox.take_spare());
            let own_bytes = core::mem::take(&mut held.bytes);
            // Who takes few of these messages must not hold on to the bytes of all: its limit is in bytes of messages.
            let is_small = own_bytes < chunk.len() / 4 && held.handler.is_none();
            let chunk = match is_small {
                true => Arc::new(Parts::copy_out(&mut parts, chunk, own_bytes)),
                false => chunk.clone(),
            };
            let batch = Batch { chunk, parts, bytes: own_bytes };
            bytes += batch.bytes;
            match gate {
                Some(group) => self.held_back.push_back((group, holder, batch)),
                None => {
                    wakers.extend(held.inbox.push(batch));
                    if held.handler.is_some() {
                        self.due_handlers.push(holder);
                    }
                }
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
            match self.holders.get(holder).filter(|held| !held.left) {
                Some(held) => {
                    wakers.extend(held.inbox.push(batch));
                    if held.handler.is_some() {
                        self.due_handlers.push(holder);
                    }
                }
                None => freed += batch.bytes,
            }
        }
        freed
    }
}

impl Held {
    #[inline(always)]
    fn put_aside(
        &mut self,
        holder: Holder,
        parts: &Parts,
        overfull: bool,
        dropped: &mut u64,
        shed: &mut usize,
        touched: &mut Vec<Holder>,
    ) {
        if parts.qos == Qos::AtMostOnce
            && self.inbox.is_full(self.bytes, overfull)
            && !self.make_room(parts.len(), overfull, dropped, shed)
        {
            return;
        }
        if self.parts.is_empty() {
            touched.push(holder);
        }
        self.bytes += parts.len();
        if let Some(delivery) = parts.delivery {
            self.given.push_back(delivery);
        }
        self.parts.push_back(parts.after(core::mem::take(&mut self.missed)));
    }
}
