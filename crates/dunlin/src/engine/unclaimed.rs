use std::sync::Arc;

use bytes::Bytes;
use dunlin_codec::{Qos, TopicFilter, TopicName};
use dunlin_session::Instant;

use super::{Engine, Holder, Inbox};
use crate::{Event, Message, message::Parts};

/// Messages of a resumed session that nobody has asked for yet: they wait here, not acknowledged, for a subscription
/// that is made again. They count as unread, so they are as many as the limit of unread bytes allows.
#[derive(Debug)]
pub(super) struct Unclaimed {
    /// Milliseconds.
    within: u32,
    /// When it is over with those that wait.
    until: Option<Instant>,
    /// Those that come now wait too: the session was resumed, not long ago.
    open: bool,
    waiting: Vec<Message>,
    /// Of the chunk that is being handled.
    parts: Vec<Parts>,
}

impl Unclaimed {
    pub(super) fn new(within: u32) -> Self {
        Self { within, until: None, open: false, waiting: Vec::new(), parts: Vec::new() }
    }

    /// Whether the message waits.
    pub(super) fn take(&mut self, parts: Parts, overfull: bool) -> bool {
        let waits = self.open && (parts.delivery.is_some() || !overfull);
        if waits {
            self.parts.push(parts);
        }
        waits
    }

    /// A message of an earlier process waits until it is claimed, for as long as it takes: it is in the store.
    pub(super) fn wait(&mut self, message: Message) {
        self.waiting.push(message);
    }

    pub(super) fn has_new(&self) -> bool {
        !self.parts.is_empty()
    }

    /// Gives the bytes that now wait.
    pub(super) fn pass_on(&mut self, chunk: &Arc<Bytes>) -> usize {
        let before = self.waiting.len();
        self.waiting.extend(self.parts.drain(..).map(|parts| Message::new(chunk.clone(), parts)));
        size(self.waiting.get(before..).unwrap_or_default())
    }

    /// Gives the bytes that do not wait any longer.
    fn handle_connected(&mut self, messages_come: bool, now: Instant) -> usize {
        self.open = messages_come && self.within > 0;
        let before = size(&self.waiting);
        if messages_come {
            // They come again.
            self.waiting.retain(|message| message.qos() != Qos::AtLeastOnce);
        }
        self.until = (self.open || !self.waiting.is_empty()).then(|| now + self.within);
        before - size(&self.waiting)
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.until
    }
}

impl Engine {
    pub(super) fn open_claims(&mut self, session_present: bool, now: Instant) {
        let messages_come = session_present || self.session.is_adopted();
        self.freed += self.unclaimed.handle_connected(messages_come, now);
    }

    /// A new subscription gets what waits for it.
    pub(crate) fn claim(&mut self, holder: Holder, filters: &[Box<str>]) {
        if self.unclaimed.waiting.is_empty() {
            return;
        }
        let filters: Vec<_> = filters.iter().filter_map(|filter| TopicFilter::new(filter).ok()).collect();
        let wanted = |message: &mut Message| {
            TopicName::new(message.topic()).is_ok_and(|topic| filters.iter().any(|filter| filter.matches(topic)))
        };
        let mut claimed: Vec<_> = self.unclaimed.waiting.extract_if(.., wanted).collect();
        let gate = self.keep_claimed(holder, &mut claimed);
        self.filters.made().give(holder, claimed, gate);
    }

    /// Somebody takes whatever no subscription does, from now on and what waits.
    pub(crate) fn claim_all(&mut self, buffer: usize) -> (Holder, Arc<Inbox>) {
        let (holder, inbox) = self.filters.made().take_the_rest(buffer);
        let mut claimed = core::mem::take(&mut self.unclaimed.waiting);
        let gate = self.keep_claimed(holder, &mut claimed);
        self.filters.made().give(holder, claimed, gate);
        (holder, inbox)
    }

    /// What was not claimed in time is acknowledged, counted and told.
    pub(super) fn close_claims(&mut self, now: Instant) {
        if self.unclaimed.until.is_none_or(|until| until > now) {
            return;
        }
        (self.unclaimed.open, self.unclaimed.until) = (false, None);
        let waiting: Vec<_> = self.unclaimed.waiting.extract_if(.., |message| !message.is_stored()).collect();
        self.freed += size(&waiting);
        self.statistics.unclaimed += waiting.len() as u64;
        for message in waiting {
            if let Some(delivery) = message.delivery() {
                self.session.acknowledge(delivery);
            }
            self.tell(Event::Unclaimed(message));
        }
    }
}

fn size(messages: &[Message]) -> usize {
    messages.iter().map(Message::size).sum()
}
