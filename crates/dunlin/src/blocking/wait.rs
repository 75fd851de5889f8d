use core::{
    future::{Future, IntoFuture},
    pin::pin,
    task::{Context, Poll, Waker},
};
use std::{
    sync::Arc,
    task::Wake,
    thread::{self, Thread},
    time::{Duration, Instant},
};

use crate::{
    Event, Events, Message, NotStored, OutboxId, Outcome, Publish, PublishError, Receipt, Request, RequestError,
    Subscribe, SubscribeError, Subscription, Unsubscribe,
};

impl Publish<'_> {
    /// Blocks until the message has its outcome.
    pub fn wait(self) -> Result<Outcome, PublishError> {
        block_on(self.into_future())
    }
}

impl Receipt {
    /// Blocks until the message has its outcome.
    pub fn wait(self) -> Outcome {
        block_on(self)
    }

    /// Blocks until the message is in the store; see [`stored`](Receipt::stored).
    pub fn wait_stored(&self) -> Result<OutboxId, NotStored> {
        block_on(self.stored())
    }
}

impl Request<'_> {
    /// Blocks until the response is there.
    pub fn wait(self) -> Result<Message, RequestError> {
        block_on(self.into_future())
    }
}

impl Subscribe<'_> {
    /// Blocks until the server has given its verdict.
    pub fn wait(self) -> Result<Subscription, SubscribeError> {
        block_on(self.into_future())
    }
}

impl Unsubscribe {
    /// Blocks until the server has ended the subscription.
    pub fn wait(self) -> Result<(), SubscribeError> {
        block_on(self.into_future())
    }
}

impl Subscription {
    /// Blocks until the next message; `None`: no more will come.
    pub fn wait_next(&mut self) -> Option<Message> {
        block_on(self.next())
    }

    /// Blocks until the next message, at most for `timeout`; `None` if there is none by then.
    pub fn wait_next_for(&mut self, timeout: Duration) -> Option<Message> {
        block_on_for(self.next(), timeout).flatten()
    }
}

impl Events {
    /// Blocks until the next event; `None` behind [`Event::Closed`].
    pub fn wait_next(&mut self) -> Option<Event> {
        block_on(self.next())
    }

    /// Blocks until the next event, at most for `timeout`; `None` if there is none by then.
    pub fn wait_next_for(&mut self, timeout: Duration) -> Option<Event> {
        block_on_for(self.next(), timeout).flatten()
    }
}

/// The futures of a client need no runtime, only a waker: its driver is elsewhere.
pub(super) fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

fn block_on_for<F: Future>(future: F, timeout: Duration) -> Option<F::Output> {
    let deadline = Instant::now() + timeout;
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return Some(output);
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return None;
        }
        thread::park_timeout(left);
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
