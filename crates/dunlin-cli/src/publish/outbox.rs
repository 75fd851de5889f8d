use std::collections::VecDeque;

use dunlin::{Client, Outcome, Payload, PublishError, Receipt};

use super::Order;

/// The messages between their source and their outcome. They are published in order, and so are their outcomes told.
pub(super) struct Outbox<'a> {
    client: &'a Client,
    order: &'a Order,
    /// Read, and not accepted yet.
    next: Option<Payload<'static>>,
    next_bytes: usize,
    accepted: VecDeque<Accepted>,
    count: u64,
}

struct Accepted {
    number: u64,
    bytes: usize,
    receipt: Receipt,
}

/// A message with its outcome.
pub(super) struct Settled {
    /// From 1 on, in the order of the source.
    pub(super) number: u64,
    pub(super) bytes: usize,
    pub(super) result: Result<Outcome, PublishError>,
}

impl<'a> Outbox<'a> {
    pub(super) fn new(client: &'a Client, order: &'a Order) -> Self {
        Self { client, order, next: None, next_bytes: 0, accepted: VecDeque::new(), count: 0 }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.next.is_none() && self.accepted.is_empty()
    }

    /// Whether another message may be [put](Outbox::put).
    pub(super) fn has_room(&self) -> bool {
        self.next.is_none() && self.accepted.len() < LIMIT
    }

    pub(super) fn awaits_outcomes(&self) -> bool {
        !self.accepted.is_empty()
    }

    pub(super) fn put(&mut self, message: Vec<u8>) {
        self.count += 1;
        self.next_bytes = message.len();
        self.next = Some(message.into());
    }

    /// Gives the client the message that was put. If it does not fit it stays, until others are settled. Tells a
    /// message that is not accepted.
    pub(super) fn offer(&mut self) -> Option<Settled> {
        let payload = self.next.as_ref()?.clone();
        let (number, bytes) = (self.count, self.next_bytes);
        let mut publish = self.client.publish(&self.order.topic, payload).qos(self.order.qos).retain(self.order.retain);
        let result = publish.enqueue();
        if matches!(result, Err(PublishError::Full)) && !self.accepted.is_empty() {
            return None;
        }
        self.next = None;
        match result {
            Ok(receipt) => {
                self.accepted.push_back(Accepted { number, bytes, receipt });
                None
            }
            Err(error) => Some(Settled { number, bytes, result: Err(error) }),
        }
    }

    /// Waits for the outcome of the oldest message; for ever if there is none. May be dropped without loss.
    pub(super) async fn settled(&mut self) -> Settled {
        let Some(oldest) = self.accepted.front_mut() else { return std::future::pending().await };
        let result = oldest.receipt.delivered().await;
        let settled = Settled { number: oldest.number, bytes: oldest.bytes, result };
        self.accepted.pop_front();
        settled
    }

    /// The outcomes that are left when the client is closed.
    pub(super) async fn abandon(mut self) -> Vec<Settled> {
        let mut left = Vec::with_capacity(self.accepted.len() + 1);
        while self.awaits_outcomes() {
            left.push(self.settled().await);
        }
        if self.next.take().is_some() {
            left.push(Settled { number: self.count, bytes: self.next_bytes, result: Err(PublishError::Closed) });
        }
        left
    }
}

/// Messages that may wait for their outcome at once.
const LIMIT: usize = 1_024;
