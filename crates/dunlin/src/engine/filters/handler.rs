use core::fmt;
use std::sync::Arc;

use dunlin_session::Delivery;

use super::{Batch, Filters, Holder, Inbox};
use crate::{Message, engine::Shared, lock, sync::Mutex};

/// What a subscription calls for each message, on the driver and outside the engine's lock.
#[derive(Clone)]
pub(crate) struct Handler(Arc<Mutex<Running>>);

struct Running {
    call: Box<dyn FnMut(&Message) + Send>,
    /// Messages it was called for; empty between batches.
    done: Vec<Delivery>,
}

impl Handler {
    pub(crate) fn new(call: impl FnMut(&Message) + Send + 'static) -> Self {
        Self(Arc::new(Mutex::new(Running { call: Box::new(call), done: Vec::new() })))
    }
}

impl fmt::Debug for Handler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Handler")
    }
}

/// A handler for which messages came.
pub(crate) struct Due {
    holder: Holder,
    inbox: Arc<Inbox>,
    handler: Handler,
}

impl Due {
    fn run(self, shared: &Shared) {
        let Running { call, done } = &mut *lock(&self.handler.0);
        let mut read = None;
        while let Some(batch) = self.inbox.try_batch(&mut read) {
            let Batch { chunk, mut parts, mut bytes } = batch;
            let mut lent: Option<Message> = None;
            for parts in parts.drain(..) {
                done.extend(parts.delivery);
                let message = match &mut lent {
                    Some(message) => {
                        message.become_neighbour(parts, None);
                        message
                    }
                    none => none.insert(Message::new(chunk.clone(), parts)),
                };
                call(message);
            }
            drop(lent);
            shared.taken(self.holder, core::mem::take(&mut bytes), done);
            read = Some(Batch { chunk, parts, bytes });
        }
    }
}

impl Filters {
    pub(crate) fn set_handler(&mut self, holder: Holder, handler: Handler) {
        if let Some(held) = self.holders.get_mut(holder) {
            held.handler = Some(handler);
        }
    }

    /// Whether messages came for a handler, which the driver is to call.
    #[inline]
    pub(crate) fn has_due_handlers(&self) -> bool {
        !self.due_handlers.is_empty()
    }

    fn next_due_handler(&mut self) -> Option<Due> {
        loop {
            let holder = self.due_handlers.pop()?;
            // Of a subscription that has ended meanwhile nobody wants to hear.
            if let Some(held) = self.holders.get(holder)
                && let Some(handler) = held.handler.clone()
            {
                return Some(Due { holder, inbox: held.inbox.clone(), handler });
            }
        }
    }
}

impl Shared {
    /// Calls the handlers for which messages came; to be called by the driver, without the lock.
    #[cold]
    pub(crate) fn run_handlers(&self) {
        loop {
            // Not in the condition of a loop: the lock would be held in its body.
            let due = self.lock().filters.if_any(Filters::next_due_handler);
            let Some(due) = due else { return };
            due.run(self);
        }
    }
}
