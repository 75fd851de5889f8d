use std::task::{Context, Waker};

use dunlin_codec::Qos;

use super::Engine;
use crate::WhenFull;

/// The queue of messages that wait to be transmitted, and who waits for room in it.
impl Engine {
    /// Without counting: false may mean that there is room.
    #[inline]
    pub(crate) fn has_room(&self) -> bool {
        self.session.backlog() < self.queue_limit && self.queued_at_most < self.queue_messages
    }

    /// Nobody counts the messages that leave: to count those that are left takes as long as there are many, so it is done
    /// when there seem to be too many.
    fn has_room_after_all(&mut self) -> bool {
        if self.queued_at_most >= self.queue_messages {
            self.queued_at_most = self.session.queued();
        }
        self.has_room()
    }

    /// Who finds the queue full waits. False: that is not wanted.
    pub(crate) fn wait_for_room(&mut self, cx: &Context<'_>) -> bool {
        if self.when_full == WhenFull::Reject {
            return false;
        }
        if !self.space.iter().any(|waker| waker.will_wake(cx.waker())) {
            self.space.push(cx.waker().clone());
        }
        true
    }

    /// Drops messages until there is room for another, where the application chose so. False: there is none, because all
    /// that is left was begun.
    #[cold]
    pub(crate) fn make_room(&mut self, wakers: &mut Vec<Waker>) -> bool {
        while !self.has_room_after_all() {
            if !self.drop_one(wakers) {
                return false;
            }
        }
        true
    }

    /// Drops a message, where the application chose so.
    #[cold]
    pub(crate) fn drop_one(&mut self, wakers: &mut Vec<Waker>) -> bool {
        let session = &mut self.session;
        let dropped = match self.when_full {
            WhenFull::Wait | WhenFull::Reject => false,
            WhenFull::DropOldest => session.drop_oldest(Qos::ExactlyOnce),
            WhenFull::DropQos0First => session.drop_oldest(Qos::AtMostOnce) || session.drop_oldest(Qos::ExactlyOnce),
        };
        self.statistics.dropped_unsent += u64::from(dropped);
        self.queued_at_most = self.queued_at_most.saturating_sub(dropped.into());
        self.settle_now(wakers);
        dropped
    }

    /// Those who wait for room, if there is some.
    pub(crate) fn take_space_wakers(&mut self, wakers: &mut Vec<Waker>) {
        if !self.space.is_empty() && !self.memory_full && self.has_room_after_all() {
            wakers.append(&mut self.space);
        }
    }
}
