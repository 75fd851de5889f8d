use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use dunlin_codec::{PropertyId, SubscriptionOptions};
use dunlin_session::Instant;

use super::{Batch, Engine, Holder, Inbox, Terms};
use crate::{Message, OnSlow, OnStall, RequestError, millis, random};

/// Requests that wait for their responses. All of a client's come on one topic, subscribed to with QoS 0 when the first
/// request is made, and are told apart by the number of the request, as correlation data.
#[derive(Debug)]
pub(super) struct Responses {
    holder: Holder,
    inbox: Arc<Inbox>,
    topic: Arc<str>,
    next: u64,
    waiting: HashMap<u64, Waiting>,
    /// Requests whose time begins with the driver's next turn.
    fresh: Vec<(u64, u32)>,
    deadlines: BTreeSet<(Instant, u64)>,
}

#[derive(Debug, Default)]
struct Waiting {
    deadline: Option<Instant>,
    waker: Option<Waker>,
    answer: Option<Result<Message, RequestError>>,
}

impl Responses {
    fn answer(&mut self, number: u64, answer: Result<Message, RequestError>, wakers: &mut Vec<Waker>) -> bool {
        let Some(waiting) = self.waiting.get_mut(&number).filter(|waiting| waiting.answer.is_none()) else {
            return false;
        };
        waiting.answer = Some(answer);
        wakers.extend(waiting.waker.take());
        if let Some(deadline) = waiting.deadline.take() {
            self.deadlines.remove(&(deadline, number));
        }
        true
    }

    fn fail_all(&mut self, error: &RequestError, wakers: &mut Vec<Waker>) {
        let mut numbers: Vec<_> = self.waiting.keys().copied().collect();
        numbers.sort_unstable();
        for number in numbers {
            self.answer(number, Err(error.clone()), wakers);
        }
    }
}

impl Engine {
    /// A request begins: its number, and the topic of its response.
    pub(crate) fn begin_request(
        &mut self,
        within: Duration,
        wakers: &mut Vec<Waker>,
    ) -> Result<(u64, Arc<str>), RequestError> {
        if self.closing.is_some() {
            return Err(RequestError::Closed);
        }
        if !self.session.version().is_v5() {
            return Err(RequestError::NeedsV5);
        }
        if self.responses.as_ref().is_none_or(|responses| responses.inbox.error().is_some()) {
            self.subscribe_to_responses(wakers)?;
        }
        let Some(responses) = &mut self.responses else { return Err(RequestError::Closed) };
        let number = responses.next;
        responses.next += 1;
        responses.waiting.insert(number, Waiting::default());
        responses.fresh.push((number, millis(within)));
        Ok((number, responses.topic.clone()))
    }

    fn subscribe_to_responses(&mut self, wakers: &mut Vec<Waker>) -> Result<(), RequestError> {
        let information = self.response_information.as_deref().filter(|information| !information.is_empty());
        let topic: Box<str> = match (&self.response_topic, information) {
            (Some(topic), _) => topic.clone(),
            (None, Some(base)) => format!("{}/{}", base.trim_end_matches('/'), random::client_id()).into(),
            (None, None) => format!("dunlin/responses/{}", random::client_id()).into(),
        };
        let terms = Terms {
            options: SubscriptionOptions::default(),
            buffer_bytes: BUFFER_BYTES,
            manual: false,
            on_slow: OnSlow::DropNewest,
            on_stall: OnStall::Hold,
        };
        let begun = self.filters.made().subscribe(core::slice::from_ref(&topic), terms, None, wakers);
        let begun = begun.map_err(RequestError::Subscribe)?;
        begun.told.into_iter().for_each(|event| self.tell(event));
        self.ask(wakers);
        let (holder, inbox, topic) = (begun.holder, begun.inbox, topic.into());
        match &mut self.responses {
            // The server refused the one before.
            Some(responses) => (responses.holder, responses.inbox, responses.topic) = (holder, inbox, topic),
            none => {
                let (waiting, fresh, deadlines) = (HashMap::new(), Vec::new(), BTreeSet::new());
                let next = 0;
                *none = Some(Box::new(Responses { holder, inbox, topic, next, waiting, fresh, deadlines }));
            }
        }
        Ok(())
    }

    pub(crate) fn poll_response(&mut self, number: u64, cx: &Context<'_>) -> Poll<Result<Message, RequestError>> {
        let waiting = self.responses.as_mut().map(|responses| &mut responses.waiting);
        let Some(waiting) = waiting.and_then(|waiting| waiting.get_mut(&number)) else {
            return Poll::Ready(Err(RequestError::Closed));
        };
        match waiting.answer.take() {
            Some(answer) => Poll::Ready(answer),
            None => {
                waiting.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    /// Nobody waits for this response any more.
    pub(crate) fn forget_request(&mut self, number: u64) {
        let Some(responses) = &mut self.responses else { return };
        if let Some(deadline) = responses.waiting.remove(&number).and_then(|waiting| waiting.deadline) {
            responses.deadlines.remove(&(deadline, number));
        }
    }

    /// Hands out the responses that came. Gives their bytes, which wait no longer.
    pub(super) fn hand_out_responses(&mut self, wakers: &mut Vec<Waker>) -> usize {
        let Some(responses) = &mut self.responses else { return 0 };
        let (mut bytes, mut read) = (0, None::<Batch>);
        while let Some(next) = responses.inbox.try_batch(&mut read) {
            let batch = read.insert(next);
            bytes += batch.bytes;
            for parts in batch.parts.drain(..) {
                let message = Message::new(batch.chunk.clone(), parts);
                let number = message.properties().binary(PropertyId::CorrelationData);
                let number = number.and_then(|data| data.try_into().ok()).map(u64::from_be_bytes);
                if !number.is_some_and(|number| responses.answer(number, Ok(message), wakers)) {
                    // Too late, or a response to nothing.
                    self.statistics.unclaimed += 1;
                }
            }
        }
        if let Some(error) = responses.inbox.error() {
            responses.fail_all(&RequestError::Subscribe(error), wakers);
        }
        bytes
    }

    /// Whether the server refused the subscription that requests wait on.
    pub(super) fn has_failed_requests(&self) -> bool {
        let unanswered = |responses: &Responses| responses.waiting.values().any(|waiting| waiting.answer.is_none());
        self.responses.as_ref().is_some_and(|responses| responses.inbox.error().is_some() && unanswered(responses))
    }

    /// Time passes for requests.
    pub(crate) fn age_requests(&mut self, now: Instant, wakers: &mut Vec<Waker>) {
        let Some(responses) = &mut self.responses else { return };
        for (number, within) in responses.fresh.drain(..) {
            if let Some(waiting) = responses.waiting.get_mut(&number).filter(|waiting| waiting.answer.is_none()) {
                waiting.deadline = Some(now + within);
                responses.deadlines.insert((now + within, number));
            }
        }
        while let Some((_, number)) = responses.deadlines.first().copied().filter(|(deadline, _)| *deadline <= now) {
            responses.answer(number, Err(RequestError::TimedOut), wakers);
        }
    }

    /// When to call it again.
    pub(crate) fn request_deadline(&self) -> Option<Instant> {
        self.responses.as_ref()?.deadlines.first().map(|(deadline, _)| *deadline)
    }

    /// There will be no responses any more.
    pub(super) fn end_requests(&mut self, wakers: &mut Vec<Waker>) {
        if let Some(responses) = &mut self.responses {
            responses.fail_all(&RequestError::Closed, wakers);
        }
    }
}

/// They are handed out as they come.
const BUFFER_BYTES: usize = 16 << 20;
