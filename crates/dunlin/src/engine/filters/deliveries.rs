use std::{collections::VecDeque, sync::Arc};

use dunlin_codec::Qos;
use dunlin_session::Delivery;

use super::{Filters, Held, Holder};
use crate::{Message, OnSlow, OnStall, engine::inbox::Inbox};

/// What a stalled subscription comes to.
pub(crate) struct Stalled {
    pub(crate) filters: Box<[Box<str>]>,
    /// Messages and bytes that were dropped.
    pub(crate) dropped: u64,
    pub(crate) bytes: usize,
    /// Messages that it is done with.
    pub(crate) deliveries: Vec<Delivery>,
}

impl Filters {
    /// Who is not done with the message of this number.
    pub(crate) fn holding(&self, qos: Qos, number: u32) -> Vec<Holder> {
        let is_it = |delivery: &Delivery| delivery.qos() == qos && delivery.number() == number;
        let holding = self.holders.iter().filter(|(_, held)| held.given.iter().any(is_it));
        holding.map(|(holder, _)| holder).collect()
    }

    /// Who has the most bytes to read.
    pub(crate) fn fullest(&self) -> Option<Holder> {
        let (holder, _) = self.holders.iter().max_by_key(|(_, held)| held.inbox.bytes())?;
        Some(holder)
    }

    /// Its messages are held, or let go if it chose so: what it has not been handed yet is dropped, and what it has in
    /// hand is acknowledged in its stead.
    pub(crate) fn handle_stalled(&mut self, holder: Holder) -> Option<Stalled> {
        let held = self.holders.get_mut(holder)?;
        let (mut dropped, mut bytes, mut deliveries) = (0, 0, Vec::new());
        if held.on_stall == OnStall::Drop {
            for batch in held.inbox.clear() {
                dropped += batch.parts.len();
                bytes += batch.bytes;
            }
            held.missed = held.missed.saturating_add(dropped as u32);
            deliveries.extend(held.given.drain(..));
        }
        let stalled = Stalled { filters: held.filters.clone().into(), dropped: dropped as u64, bytes, deliveries };
        if held.left && held.given.is_empty() {
            self.holders.free(holder);
        }
        Some(stalled)
    }

    /// Hands over messages that came earlier.
    pub(crate) fn give(&mut self, holder: Holder, messages: Vec<Message>, gate: Option<u64>) {
        let Some(held) = self.holders.get_mut(holder) else { return };
        let gate = gate.or_else(|| self.held_back.back().map(|(group, ..)| *group));
        if held.handler.is_some() {
            self.due_handlers.push(holder);
        }
        for message in messages {
            held.given.extend(message.delivery());
            match gate {
                Some(group) => self.held_back.push_back((group, holder, message.into())),
                // Nobody waits at a receiver that is new.
                None => drop(held.inbox.push(message.into())),
            }
        }
    }

    /// The subscription is done with a message. False: it was before, or never had it.
    #[inline]
    pub(crate) fn is_done(&mut self, holder: Holder, delivery: Delivery) -> bool {
        let Some(held) = self.holders.get_mut(holder) else { return false };
        let done = held.is_done(delivery);
        if held.left && held.given.is_empty() {
            self.holders.free(holder);
        }
        done
    }

    /// So many subscriptions hold a message.
    pub(crate) fn share(&mut self, delivery: Delivery, holders: usize) {
        self.shared.insert(delivery, holders);
    }

    /// One of its holders is done with a message: whether others are not.
    pub(crate) fn is_held_by_others(&mut self, delivery: Delivery) -> bool {
        let Some(holders) = self.shared.get_mut(&delivery) else { return false };
        *holders -= 1;
        let held = *holders > 0;
        if !held {
            self.shared.remove(&delivery);
        }
        held
    }

    /// Leaves those of `deliveries` that all who hold them are done with, this subscription only now.
    pub(crate) fn keep_done(&mut self, holder: Holder, deliveries: &mut Vec<Delivery>) {
        let Some(held) = self.holders.get_mut(holder) else { return deliveries.clear() };
        // As a rule in the order in which they came.
        if held.given.as_slices().0.starts_with(deliveries) {
            held.given.drain(..deliveries.len());
        } else {
            deliveries.retain(|delivery| held.is_done(*delivery));
        }
        if held.left && held.given.is_empty() {
            self.holders.free(holder);
        }
        if !self.shared.is_empty() {
            deliveries.retain(|delivery| !self.is_held_by_others(*delivery));
        }
    }
}

impl Held {
    pub(super) fn new(inbox: Arc<Inbox>) -> Self {
        Self {
            inbox,
            filters: Vec::new(),
            awaited: Vec::new(),
            parts: VecDeque::new(),
            bytes: 0,
            missed: 0,
            given: VecDeque::new(),
            handler: None,
            manual: false,
            on_slow: OnSlow::DropNewest,
            on_stall: OnStall::Hold,
            left: false,
        }
    }

    /// The subscription ends: what it is done with by that. The application keeps what it acknowledges itself, but for
    /// what it will never see.
    pub(super) fn take_given(&mut self) -> Vec<Delivery> {
        let unseen = core::mem::take(&mut self.parts).into_iter().filter_map(|parts| parts.delivery);
        match self.manual {
            true => unseen.filter(|delivery| self.is_done(*delivery)).collect(),
            false => self.given.drain(..).collect(),
        }
    }

    #[inline(always)]
    fn is_done(&mut self, delivery: Delivery) -> bool {
        // As a rule in the order in which they came.
        if self.given.front() == Some(&delivery) {
            self.given.pop_front();
            return true;
        }
        self.is_done_early(delivery)
    }

    #[cold]
    fn is_done_early(&mut self, delivery: Delivery) -> bool {
        let known = self.given.iter().position(|given| *given == delivery);
        known.and_then(|index| self.given.remove(index)).is_some()
    }
}
