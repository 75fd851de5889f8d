//! What a service tells only those who are there: whoever was away has to ask.

use core::{
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
};
use std::boxed::Box;

use dunlin::{Client, Message, Status, StatusChanges, Subscription};

use super::dialogue::CallError;

/// A subscription, and the connections on which it is heard.
#[derive(Debug)]
pub(super) struct Attention {
    status: StatusChanges,
    messages: Subscription,
}

pub(super) enum Heard {
    Message(Message),
    /// A connection began, the first one, too: something may have been missed.
    Connected,
}

impl Attention {
    pub(super) fn new(client: &Client, messages: Subscription) -> Self {
        Self { status: client.status_changes(), messages }
    }

    /// Waits for what comes next. May be dropped without loss.
    pub(super) async fn next(&mut self) -> Result<Heard, CallError> {
        loop {
            match unless(self.status.next(), self.messages.next()).await {
                Err(Some(Status::Connected)) => return Ok(Heard::Connected),
                Err(Some(_)) => {}
                Ok(Some(message)) => return Ok(Heard::Message(message)),
                Ok(None) => return Err(self.end()),
                Err(None) => return Err(CallError::Closed),
            }
        }
    }

    /// Asks as `ask` does, on a connection that holds until the answer comes: where it breaks, once more on the next.
    pub(super) async fn ask<T>(&mut self, mut ask: impl AsyncFnMut() -> Result<T, CallError>) -> Result<T, CallError> {
        loop {
            match unless(self.status.next(), ask()).await {
                Ok(answer) => return answer,
                Err(status) => self.wait_until_connected(status).await?,
            }
        }
    }

    async fn wait_until_connected(&mut self, mut status: Option<Status>) -> Result<(), CallError> {
        while status.ok_or(CallError::Closed)? != Status::Connected {
            status = self.status.next().await;
        }
        Ok(())
    }

    fn end(&self) -> CallError {
        self.messages.error().map_or(CallError::Closed, |error| CallError::Subscribe(Box::new(error)))
    }
}

/// What `work` gives, unless `event` comes before: then that, as an error.
async fn unless<E, T>(event: impl Future<Output = E>, work: impl Future<Output = T>) -> Result<T, E> {
    let (mut event, mut work) = (pin!(event), pin!(work));
    poll_fn(|cx| match event.as_mut().poll(cx) {
        Poll::Ready(event) => Poll::Ready(Err(event)),
        Poll::Pending => work.as_mut().poll(cx).map(Ok),
    })
    .await
}
