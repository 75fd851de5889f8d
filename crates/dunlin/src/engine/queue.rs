use std::task::{Context, Waker};

use super::Engine;

/// The queue of messages that wait to be transmitted, and who waits for room in it.
impl Engine {
    #[inline]
    pub(crate) fn has_room(&self) -> bool {
        self.session.backlog() < self.queue_limit
    }

    pub(crate) fn wait_for_room(&mut self, cx: &Context<'_>) {
        if !self.space.iter().any(|waker| waker.will_wake(cx.waker())) {
            self.space.push(cx.waker().clone());
        }
    }

    /// Those who wait for room, if there is some.
    pub(crate) fn take_space_wakers(&mut self, wakers: &mut Vec<Waker>) {
        if !self.space.is_empty() && !self.memory_full && self.has_room() {
            wakers.append(&mut self.space);
        }
    }
}
