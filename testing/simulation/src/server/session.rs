use std::collections::VecDeque;

use dunlin_codec::{Qos, TopicFilter, TopicName};

/// What is kept from one connection to the next, or forgotten.
#[derive(Debug, Default)]
pub(super) struct Session {
    /// QoS 2 messages that were not released, by identifier.
    pub(super) received: Vec<(u16, u32)>,
    /// QoS 1 messages that came: what comes again must say so.
    pub(super) seen: Numbers,
    /// Identifiers whose PUBREC was sent, so that a PUBREL may come.
    pubrecs_sent: Vec<u16>,
    pub(super) outgoing: VecDeque<Outgoing>,
    last_id: u16,
    subscriptions: Vec<Subscription>,
}

#[derive(Debug)]
struct Subscription {
    filter: String,
    granted: Qos,
    identifier: Option<u32>,
}

impl Subscription {
    fn matches(&self, topic: TopicName<'_>) -> bool {
        TopicFilter::new(&self.filter).is_ok_and(|filter| filter.matches(topic))
    }
}

/// A message for the client.
#[derive(Debug, Clone, Copy)]
pub(super) struct Outgoing {
    pub(super) id: u16,
    pub(super) qos: Qos,
    pub(super) number: u32,
    pub(super) len: usize,
    pub(super) progress: Progress,
    /// It counts against the client's Receive Maximum: its PUBLISH was sent on this connection [MQTT-4.9.0-1].
    pub(super) counts: bool,
}

/// ```text
///   Queued -- sent --> Sent -- PUBREC --> Received -- PUBCOMP --> gone
///                      |  ^--- PUBACK ---> gone
///       a new connection  |
///                      v  | sent
///                     Again
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    Queued,
    Sent,
    Again,
    Received,
}

impl Session {
    // ---- messages of the client ----

    pub(super) fn pubrec_sent(&mut self, id: u16) {
        if !self.pubrecs_sent.contains(&id) {
            self.pubrecs_sent.push(id);
        }
    }

    /// Whether a PUBREC was sent for this identifier since its last PUBREL.
    pub(super) fn take_pubrec(&mut self, id: u16) -> bool {
        let index = self.pubrecs_sent.iter().position(|known| *known == id);
        index.map(|index| self.pubrecs_sent.swap_remove(index)).is_some()
    }

    /// The message that was received with this identifier, which is free from now on.
    pub(super) fn release(&mut self, id: u16) -> Option<u32> {
        let index = self.received.iter().position(|(received, _)| *received == id)?;
        Some(self.received.swap_remove(index).1)
    }

    // ---- messages for the client ----

    pub(super) fn queue(&mut self, number: u32, qos: Qos, len: usize) {
        self.outgoing.push_back(Outgoing { id: 0, qos, number, len, progress: Progress::Queued, counts: false });
    }

    /// The next message that may be sent, with so many in flight at most.
    pub(super) fn next_queued(&self, maximum: usize) -> Option<usize> {
        let waits = |message: &Outgoing| matches!(message.progress, Progress::Queued | Progress::Again);
        let index = self.outgoing.iter().position(waits)?;
        let in_flight = self.outgoing.iter().filter(|message| message.counts).count();
        (self.outgoing[index].qos == Qos::AtMostOnce || in_flight < maximum).then_some(index)
    }

    /// A message that waits is sent. A new one has an identifier that is free; there are few, so that they come again
    /// soon. Whether it is repeated.
    pub(super) fn begin(&mut self, index: usize) -> bool {
        let message = &mut self.outgoing[index];
        if message.qos == Qos::AtMostOnce {
            return false;
        }
        message.counts = true;
        if core::mem::replace(&mut message.progress, Progress::Sent) == Progress::Again {
            return true;
        }
        self.last_id = self.last_id % IDS + 1;
        while self.outgoing.iter().any(|message| message.id == self.last_id) {
            self.last_id = self.last_id % IDS + 1;
        }
        self.outgoing[index].id = self.last_id;
        false
    }

    pub(super) fn message(&mut self, id: u16, qos: Qos) -> &mut Outgoing {
        let message = self.outgoing.iter_mut().find(|message| message.id == id && message.qos == qos);
        message.unwrap_or_else(|| panic!("an acknowledgement of {id}, which is not in flight with {qos}"))
    }

    /// The number of a message that the client has acknowledged for good.
    pub(super) fn complete(&mut self, id: u16, qos: Qos) -> u32 {
        let number = self.message(id, qos).number;
        self.outgoing.retain(|message| message.id != id);
        number
    }

    // ---- subscriptions ----

    pub(super) fn subscribe(&mut self, filter: &str, granted: Qos, identifier: Option<u32>) {
        self.unsubscribe(filter);
        self.subscriptions.push(Subscription { filter: filter.into(), granted, identifier });
    }

    /// False: there was no such subscription.
    pub(super) fn unsubscribe(&mut self, filter: &str) -> bool {
        let before = self.subscriptions.len();
        self.subscriptions.retain(|known| known.filter != filter);
        self.subscriptions.len() < before
    }

    pub(super) fn has_subscription(&self, filter: &str) -> bool {
        self.subscriptions.iter().any(|known| known.filter == filter)
    }

    /// The highest QoS that a topic is subscribed with.
    pub(super) fn granted(&self, topic: TopicName<'_>) -> Option<Qos> {
        self.subscriptions.iter().filter(|known| known.matches(topic)).map(|known| known.granted).max()
    }

    /// The identifiers of all subscriptions to a topic.
    pub(super) fn identifiers(&self, topic: TopicName<'_>) -> Vec<u32> {
        let matching = self.subscriptions.iter().filter(|known| known.matches(topic));
        matching.filter_map(|known| known.identifier).collect()
    }
}

/// A set of message numbers.
#[derive(Debug, Default)]
pub(super) struct Numbers(Vec<u64>);

impl Numbers {
    /// False: it was in already.
    pub(super) fn insert(&mut self, number: u32) -> bool {
        let (word, bit) = (number as usize / 64, 1 << (number % 64));
        if word >= self.0.len() {
            self.0.resize(word + 1, 0);
        }
        let new = self.0[word] & bit == 0;
        self.0[word] |= bit;
        new
    }
}

/// More than there are messages at once.
const IDS: u16 = 9;
