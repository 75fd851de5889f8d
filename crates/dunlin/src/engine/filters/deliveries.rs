use std::{collections::VecDeque, sync::Arc};

use dunlin_session::Delivery;

use super::{Filters, Held, Holder};
use crate::{Message, engine::inbox::Inbox};

impl Filters {
    /// Hands over messages that came earlier.
    pub(crate) fn give(&mut self, holder: Holder, messages: Vec<Message>) {
        let Some(held) = self.holders.get_mut(&holder) else { return };
        for message in messages {
            held.given.extend(message.delivery());
            // Nobody waits at a receiver that is new.
            let _ = held.inbox.push(message.into());
        }
    }

    /// The subscription is done with a message. False: it was before, or never had it.
    #[inline]
    pub(crate) fn is_done(&mut self, holder: Holder, delivery: Delivery) -> bool {
        let Some(held) = self.holders.get_mut(&holder) else { return false };
        let done = held.is_done(delivery);
        if held.left && held.given.is_empty() {
            self.holders.remove(&holder);
        }
        done
    }
}

impl Held {
    pub(super) fn new(inbox: Arc<Inbox>) -> Self {
        Self {
            inbox,
            filters: Vec::new(),
            awaited: Vec::new(),
            parts: Vec::new(),
            bytes: 0,
            missed: 0,
            given: VecDeque::new(),
            manual: false,
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

    #[inline]
    fn is_done(&mut self, delivery: Delivery) -> bool {
        // As a rule in the order in which they came.
        if self.given.front() == Some(&delivery) {
            self.given.pop_front();
            return true;
        }
        let known = self.given.iter().position(|given| *given == delivery);
        known.and_then(|index| self.given.remove(index)).is_some()
    }
}
